// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_custom.h"

#include <assert.h>

#include "vault/base/json_writer.h"
#include "vault/base/limits.h"
#include "vault/base/merge_patch.h"

static_assert(LIMIT_METADATA_ENTRIES == 64, "named in a message");
static_assert(LIMIT_METADATA_KEY_BYTES == 128, "named in a message");
static_assert(LIMIT_METADATA_VALUE_BYTES == 512, "named in a message");

enum {
    // Every octet of keys and values may take six when it is escaped.
    CUSTOM_BYTES =
        8 * LIMIT_METADATA_ENTRIES * (LIMIT_METADATA_KEY_BYTES + LIMIT_METADATA_VALUE_BYTES),
    DELETE_CHARACTER = 0x7f,
};

// C0 and C1 controls (U+0080 to U+009F are two octets, the first of them C2).
bool kv_text_printable(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        bool c1 = c == 0xc2 && i + 1 < text.len && (uint8_t)text.ptr[i + 1] < 0xa0;
        if (c < ' ' || c == DELETE_CHARACTER || c1) {
            return false;
        }
    }
    return true;
}

static struct status read_value(struct json_value v, struct str *out)
{
    switch (json_kind(v)) {
    case JSON_STRING:
        return json_as_str(v, out);
    case JSON_NUMBER:
        *out = json_raw(v);
        return OK_STATUS;
    case JSON_BOOL:
        *out = str_equal(json_raw(v), STR("true")) ? STR("1") : STR("0");
        return OK_STATUS;
    case JSON_NONE:
    case JSON_NULL:
    case JSON_ARRAY:
    case JSON_OBJECT:
        break;
    }
    FAIL(INVALID, "custom_metadata validation failed: every value must be a string");
}

static struct status check_entry(struct str key, struct str value)
{
    if (key.len == 0 || key.len > LIMIT_METADATA_KEY_BYTES) {
        FAIL(INVALID, "custom_metadata validation failed: a key must have 1 to 128 octets");
    }
    if (value.len == 0 || value.len > LIMIT_METADATA_VALUE_BYTES) {
        FAIL(INVALID, "custom_metadata validation failed: a value must have 1 to 512 octets");
    }
    if (!kv_text_printable(key) || !kv_text_printable(value)) {
        FAIL(INVALID, "custom_metadata validation failed: unprintable characters");
    }
    return OK_STATUS;
}

static struct status write_entries(struct json_value object, struct buffer *out)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    struct json_iter it = json_iterate(object);
    while (json_next(&it)) {
        struct str value;
        TRY(read_value(it.value, &value));
        TRY(check_entry(it.key, value));
        json_put_key_str(&w, it.key);
        json_put_string(&w, value);
    }
    json_end_object(&w);
    return json_writer_status(&w);
}

// The stored object changed by the patch, parsed again; `text` holds it.
static struct status apply_patch(struct json_value patch, struct str current, struct arena *arena,
                                 struct buffer *text, struct json_value *out)
{
    struct json_value target;
    TRY(json_parse(current.len == 0 ? STR("{}") : current, NULL, arena, &target, NULL));
    TRY(merge_patch_apply(target, patch, arena, text));
    return json_parse(buffer_str(text), NULL, arena, out, NULL);
}

struct status kv_custom_build(struct json_value given, bool patch, struct str current,
                              struct arena *arena, struct str *out)
{
    struct buffer patched CLEANUP(buffer_done);
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&patched, LIMIT_BODY_BYTES + CUSTOM_BYTES);
    buffer_init(&text, CUSTOM_BYTES);
    struct json_value object = given;
    if (json_kind(given) != JSON_OBJECT) {
        FAIL(INVALID, "custom_metadata must be an object of strings");
    }
    if (patch) {
        TRY(apply_patch(given, current, arena, &patched, &object));
    }
    if (json_count(object) > LIMIT_METADATA_ENTRIES) {
        FAIL(INVALID, "custom_metadata validation failed: 64 keys at most");
    }
    if (json_count(object) == 0) {
        *out = STR("");
        return OK_STATUS;
    }
    TRY(write_entries(object, &text));
    return arena_copy_str(arena, buffer_str(&text), out);
}
