// SPDX-License-Identifier: ISC
// What a rotator says that it is.
#include <string.h>

#include "vault/host/protocol_internal.h"

enum { SETTING_NAME_BYTES = 64 };

static const struct {
    const char *name;
    unsigned flag;
} setting_flags[] = {{"required", ROTUNDA_SETTING_REQUIRED},
                     {"path", ROTUNDA_SETTING_PATH},
                     {"writable", ROTUNDA_SETTING_PATH_WRITABLE},
                     {"port", ROTUNDA_SETTING_PORT},
                     {"duration", ROTUNDA_SETTING_DURATION},
                     {"boolean", ROTUNDA_SETTING_BOOLEAN},
                     {"file", ROTUNDA_SETTING_FILE},
                     {"choice", ROTUNDA_SETTING_CHOICE}};

static const unsigned look_flags = ROTUNDA_SETTING_PORT | ROTUNDA_SETTING_DURATION |
                                   ROTUNDA_SETTING_BOOLEAN | ROTUNDA_SETTING_FILE |
                                   ROTUNDA_SETTING_CHOICE;

static void add_settings(struct json_writer *w, const char *key,
                         const struct rotunda_setting_spec *specs)
{
    json_put_key(w, key);
    json_begin_array(w);
    for (; specs != NULL && specs->name != NULL; specs++) {
        json_begin_object(w);
        json_add_string(w, "name", str_from_c(specs->name));
        json_put_key(w, "flags");
        json_begin_array(w);
        for (size_t i = 0; i < ARRAY_LEN(setting_flags); i++) {
            if ((specs->flags & setting_flags[i].flag) != 0) {
                json_put_string(w, str_from_c(setting_flags[i].name));
            }
        }
        json_end_array(w);
        json_add_string(w, "help", str_from_c(specs->help));
        json_end_object(w);
    }
    json_end_array(w);
}

void protocol_add_hello(struct json_writer *w, const struct protocol_hello *hello)
{
    json_add_int(w, "abi", hello->abi);
    json_add_string(w, "name", hello->name);
    json_add_string(w, "kind", protocol_kind_name(hello->kind));
    json_add_bool(w, "overlap", hello->overlap);
    json_add_int(w, "max_slots", hello->max_slots);
    static const struct {
        uint32_t flag;
        enum protocol_op op;
    } flags[] = {{ROTUNDA_IDEMPOTENT_APPLY, PROTOCOL_APPLY},
                 {ROTUNDA_IDEMPOTENT_RETIRE, PROTOCOL_RETIRE},
                 {ROTUNDA_IDEMPOTENT_REVOKE, PROTOCOL_REVOKE}};
    json_put_key(w, "idempotent");
    json_begin_array(w);
    for (size_t i = 0; i < ARRAY_LEN(flags); i++) {
        if ((hello->idempotent & flags[i].flag) != 0) {
            json_put_string(w, protocol_op_name(flags[i].op));
        }
    }
    json_end_array(w);
    json_add_bool(w, "reroll", (hello->idempotent & ROTUNDA_REROLL) != 0);
    json_add_bool(w, "fences", hello->fences);
    json_add_int(w, "acceptance_s", hello->acceptance_s);
    json_add_int(w, "acceptance_probes", hello->acceptance_probes);
    json_put_key(w, "ops");
    json_begin_array(w);
    for (size_t op = 0; op < PROTOCOL_OP_COUNT; op++) {
        if ((hello->ops & (1U << op)) != 0) {
            json_put_string(w, protocol_op_name((enum protocol_op)op));
        }
    }
    json_end_array(w);
    add_settings(w, "target_settings", hello->target_settings);
    add_settings(w, "account_settings", hello->account_settings);
}

// A list of operation names as bits.
static struct status read_ops(struct json_value list, uint32_t *out)
{
    struct json_iter it = json_iterate(list);
    *out = 0;
    while (json_next(&it)) {
        size_t op = 0;
        TRY(protocol_read_name(&protocol_ops, it.value, &op));
        *out |= 1U << op;
    }
    return OK_STATUS;
}

static uint32_t repeatable_flags(uint32_t ops)
{
    uint32_t flags = (ops & 1U << PROTOCOL_APPLY) != 0 ? ROTUNDA_IDEMPOTENT_APPLY : 0U;
    flags |= (ops & 1U << PROTOCOL_RETIRE) != 0 ? ROTUNDA_IDEMPOTENT_RETIRE : 0U;
    return flags | ((ops & 1U << PROTOCOL_REVOKE) != 0 ? ROTUNDA_IDEMPOTENT_REVOKE : 0U);
}

// What a rotator of before doesn't say, it isn't.
static struct status read_flag(struct json_value object, const char *key, bool *out)
{
    struct json_value v = json_get(object, key);
    *out = false;
    return json_is_null(v) ? OK_STATUS : json_as_bool(v, out);
}

static struct status read_acceptance(struct json_value root, struct protocol_hello *out)
{
    bool reroll;
    TRY(read_flag(root, "reroll", &reroll));
    TRY(read_flag(root, "fences", &out->fences));
    out->idempotent |= reroll ? ROTUNDA_REROLL : 0U;
    TRY(protocol_read_int(root, "acceptance_s", &out->acceptance_s));
    return protocol_read_int(root, "acceptance_probes", &out->acceptance_probes);
}

static struct status read_setting_flags(struct json_value list, unsigned *out)
{
    struct json_iter it = json_iterate(list);
    while (json_next(&it)) {
        struct str name;
        size_t i = 0;
        TRY(json_as_str(it.value, &name));
        while (i < ARRAY_LEN(setting_flags) && !str_equal_c(name, setting_flags[i].name)) {
            i++;
        }
        // One that isn't known may be a wall that the rotator relies on.
        if (i == ARRAY_LEN(setting_flags)) {
            FAIL(INVALID, "a rotator's setting has an unknown flag");
        }
        *out |= setting_flags[i].flag;
    }
    return OK_STATUS;
}

static bool is_choice_character(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_' || c == '-' || c == '|';
}

struct str protocol_setting_choices(const struct rotunda_setting_spec *spec)
{
    struct str help = str_from_c(spec->help);
    size_t len = 0;
    while (len < help.len && is_choice_character(help.ptr[len])) {
        len++;
    }
    return len > 0 && len < help.len && help.ptr[len] == ':' ? str_first(help, len) : STR("");
}

static struct status check_look(const struct rotunda_setting_spec *spec)
{
    unsigned looks = spec->flags & look_flags;
    if ((looks & (looks - 1)) != 0) {
        FAIL(INVALID, "a rotator's setting can't look like two things at once");
    }
    if (looks == ROTUNDA_SETTING_FILE && (spec->flags & ROTUNDA_SETTING_PATH) == 0) {
        FAIL(INVALID, "a rotator's setting is a file, but no path");
    }
    if (looks == ROTUNDA_SETTING_CHOICE && protocol_setting_choices(spec).len == 0) {
        FAIL(INVALID, "a rotator's setting is a choice, and its help doesn't begin with what there "
                      "is to choose: \"a|b: ...\"");
    }
    return OK_STATUS;
}

static bool is_setting_name(struct str name)
{
    bool good = name.len > 0 && name.len <= SETTING_NAME_BYTES;
    for (size_t i = 0; good && i < name.len; i++) {
        char c = name.ptr[i];
        good = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
    }
    return good;
}

// The copies end with a NUL.
static struct status read_setting(struct json_value item, struct arena *arena,
                                  struct rotunda_setting_spec *out)
{
    struct str name;
    struct str help;
    TRY(json_as_str(json_get(item, "name"), &name));
    TRY(protocol_read_text(item, "help", &help));
    if (!is_setting_name(name) || help.len > ROTUNDA_MESSAGE_BYTES ||
        (help.len > 0 && !str_is_text(help))) {
        FAIL(INVALID, "a rotator's setting has an impossible name or help");
    }
    TRY(arena_copy_str(arena, name, &name));
    TRY(arena_copy_str(arena, help.len > 0 ? help : STR(""), &help));
    out->name = name.ptr;
    out->help = help.ptr;
    TRY(read_setting_flags(json_get(item, "flags"), &out->flags));
    return check_look(out);
}

static bool is_named_before(const struct rotunda_setting_spec *items, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (strcmp(items[i].name, items[count].name) == 0) {
            return true;
        }
    }
    return false;
}

static struct status read_settings(struct json_value list, struct arena *arena,
                                   const struct rotunda_setting_spec **out)
{
    uint32_t count = json_count(list);
    if (count > PROTOCOL_SETTINGS_MAX) {
        FAIL(INVALID, "a rotator has too many settings");
    }
    struct rotunda_setting_spec *items = ARENA_ARRAY(arena, struct rotunda_setting_spec, count + 1);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct json_iter it = json_iterate(list);
    for (size_t i = 0; json_next(&it); i++) {
        TRY(read_setting(it.value, arena, &items[i]));
        if (is_named_before(items, i)) {
            FAIL(INVALID, "a rotator names a setting twice");
        }
    }
    *out = items; // ARENA_ARRAY() has zeroed the end
    return OK_STATUS;
}

struct status protocol_read_hello(struct json_value root, struct arena *arena,
                                  struct protocol_hello *out)
{
    size_t kind = 0;
    uint32_t repeatable = 0;
    TRY(json_as_int(json_get(root, "abi"), &out->abi));
    if (out->abi != ROTUNDA_ROTATOR_ABI) {
        FAIL(INVALID, "the rotator speaks another version of the protocol");
    }
    TRY(json_as_str(json_get(root, "name"), &out->name));
    TRY(protocol_read_name(&protocol_kinds, json_get(root, "kind"), &kind));
    out->kind = (enum rotunda_kind)kind;
    TRY(json_as_bool(json_get(root, "overlap"), &out->overlap));
    TRY(json_as_int(json_get(root, "max_slots"), &out->max_slots));
    TRY(read_ops(json_get(root, "ops"), &out->ops));
    TRY(read_ops(json_get(root, "idempotent"), &repeatable));
    out->idempotent = repeatable_flags(repeatable);
    TRY(read_acceptance(root, out));
    TRY(read_settings(json_get(root, "target_settings"), arena, &out->target_settings));
    return read_settings(json_get(root, "account_settings"), arena, &out->account_settings);
}

// What the engine can't do without (rotators/README.md).
static uint32_t needed_ops(enum rotunda_kind kind)
{
    static const uint32_t both = 1U << PROTOCOL_APPLY | 1U << PROTOCOL_PROBE;
    switch (kind) {
    case ROTUNDA_K2:
        return both | 1U << PROTOCOL_RETIRE;
    case ROTUNDA_K3:
        return both | 1U << PROTOCOL_GENERATE | 1U << PROTOCOL_RETIRE;
    case ROTUNDA_K4:
        return both | 1U << PROTOCOL_LIST_EXTERNAL | 1U << PROTOCOL_RETIRE;
    case ROTUNDA_K1:
    case ROTUNDA_K5:
    case ROTUNDA_K6:
        break;
    }
    return both;
}

const char *protocol_hello_fault(const struct protocol_hello *hello)
{
    enum { SLOTS_MOST = 1000000 };
    uint32_t missing = needed_ops(hello->kind) & ~hello->ops;
    for (size_t op = 0; op < PROTOCOL_OP_COUNT; op++) {
        if ((missing & (1U << op)) != 0) {
            return protocol_op_name((enum protocol_op)op).ptr;
        }
    }
    if (hello->max_slots < 0 || hello->max_slots > SLOTS_MOST) {
        return "max_slots";
    }
    if (hello->kind == ROTUNDA_K2 && (hello->max_slots == 1 || !hello->overlap)) {
        return "overlap";
    }
    if (hello->acceptance_s < 0 || hello->acceptance_s > PROTOCOL_ACCEPTANCE_S) {
        return "acceptance_s";
    }
    if (hello->acceptance_probes < 0 || hello->acceptance_probes > PROTOCOL_ACCEPTANCE_PROBES) {
        return "acceptance_probes";
    }
    return hello->name.len == 0 ? "name" : NULL;
}
