// SPDX-License-Identifier: ISC
#include "vault/host/protocol.h"

#include "vault/host/protocol_internal.h"

static const char *const op_names[] = {
#define X(name, text) text,
    PROTOCOL_OP_TABLE(X)
#undef X
};

static const char *const result_names[] = {
#define X(name, text) text,
    PROTOCOL_RESULT_TABLE(X)
#undef X
};

static const char *const error_names[] = {
    [ROTUNDA_ERROR_NONE] = "none",
    [ROTUNDA_ERROR_UNREACHABLE] = "unreachable",
    [ROTUNDA_ERROR_POLICY_REJECTED] = "policy_rejected",
    [ROTUNDA_ERROR_NOT_PERMITTED] = "not_permitted",
    [ROTUNDA_ERROR_FENCED] = "fenced",
    [ROTUNDA_ERROR_UNKNOWN_OUTCOME] = "unknown_outcome",
    [ROTUNDA_ERROR_INVALID] = "invalid",
    [ROTUNDA_ERROR_UNTRUSTED] = "untrusted",
    [ROTUNDA_ERROR_CAP_REACHED] = "cap_reached",
    [ROTUNDA_ERROR_THROTTLED] = "throttled",
};

static const char *const check_names[] = {
    "",
    [ROTUNDA_CHECK_OK] = "ok",
    [ROTUNDA_CHECK_MISSING] = "missing",
    [ROTUNDA_CHECK_UNKNOWN] = "unknown",
};

static const char *const kind_names[] = {
    "",
    [ROTUNDA_K1] = "K1",
    [ROTUNDA_K2] = "K2",
    [ROTUNDA_K3] = "K3",
    [ROTUNDA_K4] = "K4",
    [ROTUNDA_K5] = "K5",
    [ROTUNDA_K6] = "K6",
};

const struct protocol_names protocol_ops = {op_names, ARRAY_LEN(op_names)};
const struct protocol_names protocol_results = {result_names, ARRAY_LEN(result_names)};
const struct protocol_names protocol_errors = {error_names, ARRAY_LEN(error_names)};
const struct protocol_names protocol_checks = {check_names, ARRAY_LEN(check_names)};
const struct protocol_names protocol_kinds = {kind_names, ARRAY_LEN(kind_names)};

// Never out of bounds: a rotator's own struct may hold anything.
struct str protocol_name(const struct protocol_names *names, size_t value)
{
    return value < names->count ? str_from_c(names->items[value]) : (struct str){"", 0};
}

struct status protocol_read_name(const struct protocol_names *names, struct json_value value,
                                 size_t *out)
{
    struct str text;
    TRY(json_as_str(value, &text));
    for (size_t i = 0; i < names->count; i++) {
        if (text.len > 0 && str_equal_c(text, names->items[i])) {
            *out = i;
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "unknown name in a rotator's message");
}

struct str protocol_op_name(enum protocol_op op)
{
    return protocol_name(&protocol_ops, op);
}

struct str protocol_result_name(enum protocol_result result)
{
    return protocol_name(&protocol_results, result);
}

struct str protocol_error_name(enum rotunda_error error)
{
    return protocol_name(&protocol_errors, error);
}

struct str protocol_kind_name(enum rotunda_kind kind)
{
    return protocol_name(&protocol_kinds, kind);
}

struct rotunda_text protocol_text(struct str s)
{
    return (struct rotunda_text){s.ptr, s.len};
}

struct rotunda_bytes protocol_bytes(struct bytes b)
{
    return (struct rotunda_bytes){b.ptr, b.len};
}

struct str protocol_str(struct rotunda_text t)
{
    return (struct str){t.ptr, t.len};
}

struct status protocol_parse_line(struct str line, struct arena *arena, struct json_value *out)
{
    static const struct json_limits limits = {
        .depth = 8, .members = 2000, .string_bytes = LIMIT_ROTATOR_LINE_BYTES};
    if (line.len > LIMIT_ROTATOR_LINE_BYTES) {
        FAIL(INVALID, "a rotator's line is too long");
    }
    struct json_value root;
    TRY(json_parse(line, &limits, arena, &root, NULL));
    if (json_kind(root) != JSON_OBJECT) {
        FAIL(INVALID, "a rotator's line is not an object");
    }
    *out = root;
    return OK_STATUS;
}

struct status protocol_read_text(struct json_value object, const char *key, struct str *out)
{
    struct json_value value = json_get(object, key);
    if (json_is_null(value)) {
        *out = (struct str){NULL, 0};
        return OK_STATUS;
    }
    return json_as_str(value, out);
}

struct status protocol_read_int(struct json_value object, const char *key, int64_t *out)
{
    struct json_value value = json_get(object, key);
    if (json_is_null(value)) {
        *out = 0;
        return OK_STATUS;
    }
    return json_as_int(value, out);
}

struct status protocol_finish_line(struct json_writer *w, struct buffer *line, struct buffer *out)
{
    TRY(json_writer_status(w));
    buffer_append_byte(line, '\n');
    TRY(buffer_status(line));
    buffer_append(out, buffer_bytes(line));
    return buffer_status(out);
}
