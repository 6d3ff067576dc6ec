// SPDX-License-Identifier: ISC
#include "vault/core/audit_detail.h"

#include "vault/base/json_writer.h"
#include "vault/base/limits.h"
#include "vault/crypto/audit_hmac.h"

enum {
    DETAIL_BYTES = 16 * 1024,
    DETAIL_FIELDS = 64, // beyond it only their number is told
    DETAIL_DEPTH = 4,
    GUESSABLE_BYTES = 8, // shorter texts could be found by trying
};

struct detail {
    const struct operation *op;
    struct json_writer *w;
    size_t fields;
    size_t left_out;
};

static struct status add_leaf(struct detail *d, struct str field, struct json_value v)
{
    if (d->fields == DETAIL_FIELDS) {
        d->left_out++;
        return OK_STATUS;
    }
    d->fields++;
    json_put_key_str(d->w, field);
    struct str text = json_raw(v);
    if (json_kind(v) == JSON_NULL) {
        json_put_null(d->w);
    } else if (json_kind(v) != JSON_STRING || text.len < GUESSABLE_BYTES + 2) {
        json_put_string(d->w, STR("***"));
    } else {
        char hmac[AUDIT_HMAC_TEXT_BYTES];
        struct str value;
        // Text that can't be decoded (\u0000) is hashed as it was sent.
        if (!status_ok(json_as_str(v, &value))) {
            value = text;
        }
        TRY(audit_hmac(d->op->worker->vault->keyring, d->op->namespace_id, field,
                       bytes_from_str(value), hmac));
        json_put_string(d->w, str_from_c(hmac));
    }
    return OK_STATUS;
}

static struct status add_value(struct detail *d, struct str field, struct json_value v, int depth);

static struct status add_members(struct detail *d, struct str prefix, struct json_value v,
                                 int depth)
{
    struct json_iter it = json_iterate(v);
    int64_t position = 0;
    while (json_next(&it)) {
        struct str field;
        if (it.is_object && prefix.len == 0) {
            field = it.key;
        } else if (it.is_object) {
            TRY(arena_printf(d->op->arena, &field, "%.*s.%.*s", STR_ARG(prefix), STR_ARG(it.key)));
        } else {
            TRY(arena_printf(d->op->arena, &field, "%.*s.%lld", STR_ARG(prefix),
                             (long long)position++));
        }
        TRY(add_value(d, field, it.value, depth + 1));
        if (d->fields == DETAIL_FIELDS) {
            d->left_out += json_count(v) - (size_t)position;
            break;
        }
    }
    return OK_STATUS;
}

static struct status add_value(struct detail *d, struct str field, struct json_value v, int depth)
{
    bool nested = json_kind(v) == JSON_OBJECT || json_kind(v) == JSON_ARRAY;
    if (!nested) {
        return add_leaf(d, field, v);
    }
    if (depth < DETAIL_DEPTH) {
        return add_members(d, field, v, depth);
    }
    d->left_out++;
    return OK_STATUS;
}

static struct status write_detail(const struct operation *op, struct json_writer *w)
{
    struct detail d = {.op = op, .w = w};
    json_begin_object(w);
    if (op->reason != NULL) {
        json_add_string(w, "reason", str_from_c(op->reason));
    }
    if (op->note.len > 0) {
        json_add_string(w, "note", str_first(op->note, LIMIT_AUDIT_NOTE_BYTES));
    }
    if (json_count(op->body) > 0) {
        json_put_key(w, "request");
        json_begin_object(w);
        TRY(add_members(&d, STR(""), op->body, 0));
        json_end_object(w);
    }
    if (d.left_out > 0) {
        json_add_int(w, "left_out", (int64_t)d.left_out);
    }
    json_end_object(w);
    return json_writer_status(w);
}

struct status audit_detail(const struct operation *op, struct str *out)
{
    if (op->reason == NULL && op->note.len == 0 && json_count(op->body) == 0) {
        *out = STR("{}");
        return OK_STATUS;
    }
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, DETAIL_BYTES * 4);
    struct json_writer w = json_writer_on(&text);
    TRY(write_detail(op, &w));
    return arena_copy_str(op->arena, buffer_str(&text), out);
}
