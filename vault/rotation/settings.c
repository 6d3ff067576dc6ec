// SPDX-License-Identifier: ISC
#include "vault/rotation/settings.h"

#include <string.h>

#include "vault/base/json_writer.h"
#include "vault/host/protocol.h"
#include "vault/rotation/setting_look.h"

enum { SETTINGS_BYTES = 64 * 1024, SETTING_VALUE_BYTES = 4096 };

struct status settings_parse(struct str json, struct arena *arena, struct settings *out)
{
    struct json_value object;
    struct status parsed = json_parse(json, NULL, arena, &object, NULL);
    if (parsed.code == STATUS_INVALID || json_kind(object) != JSON_OBJECT) {
        FAIL(INTEGRITY, "stored settings aren't a JSON object");
    }
    TRY(parsed);
    struct rotunda_setting *items =
        ARENA_ARRAY(arena, struct rotunda_setting, (size_t)json_count(object) + 1);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t count = 0;
    struct json_iter it = json_iterate(object);
    while (json_next(&it)) {
        struct str value;
        if (!status_ok(json_as_str(it.value, &value))) {
            FAIL(INTEGRITY, "a stored setting isn't a text");
        }
        items[count++] = (struct rotunda_setting){protocol_text(it.key), protocol_text(value)};
    }
    *out = (struct settings){items, count};
    return OK_STATUS;
}

struct str settings_get(const struct settings *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (str_equal_c(protocol_str(s->items[i].name), name)) {
            return protocol_str(s->items[i].value);
        }
    }
    return STR("");
}

struct status settings_add(struct settings *s, const char *name, struct str value,
                           struct arena *arena)
{
    struct rotunda_setting *items = ARENA_ARRAY(arena, struct rotunda_setting, s->count + 1);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!str_equal_c(protocol_str(s->items[i].name), name)) {
            items[count++] = s->items[i];
        }
    }
    items[count++] =
        (struct rotunda_setting){protocol_text(str_from_c(name)), protocol_text(value)};
    *s = (struct settings){items, count};
    return OK_STATUS;
}

const struct rotunda_setting_spec *settings_spec(const struct rotunda_setting_spec *specs,
                                                 struct str name)
{
    for (const struct rotunda_setting_spec *s = specs; s->name != NULL; s++) {
        if (str_equal_c(name, s->name)) {
            return s;
        }
    }
    return NULL;
}

// Numbers and booleans become the text that they were sent as.
static struct status setting_text(struct json_value v, struct str *out)
{
    enum json_kind kind = json_kind(v);
    if (kind == JSON_NUMBER || kind == JSON_BOOL) {
        *out = json_raw(v);
        return OK_STATUS;
    }
    TRY(json_as_str(v, out));
    if (out->len > SETTING_VALUE_BYTES || !str_is_text(*out)) {
        FAIL(INVALID, "a setting is a text of at most 4096 octets");
    }
    return OK_STATUS;
}

// What the body says about one setting, else what is stored.
static struct status put_setting(struct json_value body, const struct settings *current,
                                 const struct rotunda_setting_spec *spec, struct json_writer *w)
{
    struct json_value given = json_get(body, spec->name);
    struct str value = settings_get(current, spec->name);
    if (json_kind(given) == JSON_NULL) {
        value = STR("");
    } else if (json_present(given)) {
        TRY(setting_text(given, &value));
        TRY(value.len > 0 ? setting_look(spec, value) : OK_STATUS);
    }
    if (value.len > 0) {
        json_add_string(w, spec->name, value);
    } else if ((spec->flags & ROTUNDA_SETTING_REQUIRED) != 0) {
        FAIL(INVALID, "this setting is required");
    }
    return OK_STATUS;
}

struct status settings_merge(struct str current, struct json_value body,
                             const struct rotunda_setting_spec *specs, struct arena *arena,
                             struct str *out, const char **field)
{
    struct settings stored = {0};
    if (current.len > 0) {
        TRY(settings_parse(current, arena, &stored));
    }
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, SETTINGS_BYTES);
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    for (const struct rotunda_setting_spec *s = specs; s->name != NULL; s++) {
        *field = s->name;
        TRY(put_setting(body, &stored, s, &w));
    }
    json_end_object(&w);
    TRY(json_writer_status(&w));
    return arena_copy_str(arena, buffer_str(&text), out);
}

struct status settings_paths(const struct settings *s, const struct rotunda_setting_spec *specs,
                             struct sandbox_path *out, size_t max, size_t *out_count)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++) {
        struct str value = protocol_str(s->items[i].value);
        const struct rotunda_setting_spec *spec =
            settings_spec(specs, protocol_str(s->items[i].name));
        if (spec == NULL || (spec->flags & ROTUNDA_SETTING_PATH) == 0 || value.len == 0 ||
            value.ptr[0] != '/') {
            continue;
        }
        if (count == max) {
            FAIL(LIMIT, "too many settings name files");
        }
        if (value.len >= sizeof out[count].path) {
            FAIL(INVALID, "the path of a setting is too long");
        }
        out[count] =
            (struct sandbox_path){.writable = (spec->flags & ROTUNDA_SETTING_PATH_WRITABLE) != 0};
        memcpy(out[count].path, value.ptr, value.len);
        count++;
    }
    *out_count = count;
    return OK_STATUS;
}
