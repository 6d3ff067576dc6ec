// SPDX-License-Identifier: ISC
#include "vault/core/token.h"

#include <string.h>

#include "vault/crypto/row_mac.h"

const struct batch_load token_load_by_hash = {
    .statement = {"token.load",
                  "SELECT q.n, " TOKEN_COLUMNS " FROM unnest($1) WITH ORDINALITY AS q(hash, n) "
                  "JOIN token t ON t.hash = q.hash "
                  "WHERE t.expires_at > clock_timestamp() ORDER BY q.n"},
    .key_count = 1,
    .key_types = {STORE_BYTEA},
};

static struct status begin_mac(struct row_mac *m, const struct keyring *k, const struct token *t)
{
    TRY(row_mac_begin(m, k, t->namespace_id, "token", t->id, t->row_version));
    // The hash too: else a token's hash could be put into the row of a mightier one.
    row_mac_bytes(m, t->hash);
    row_mac_str(m, t->accessor);
    row_mac_uuid(m, t->parent);
    row_mac_str(m, t->type);
    row_mac_strs(m, t->policies, t->policy_count);
    row_mac_str(m, t->path);
    row_mac_str(m, t->display_name);
    row_mac_str(m, t->meta);
    row_mac_str(m, t->role);
    row_mac_strs(m, t->bound_cidrs, t->bound_cidr_count);
    row_mac_bool(m, t->orphan);
    row_mac_bool(m, t->renewable);
    row_mac_int(m, t->created_us);
    row_mac_int(m, t->ttl_s);
    row_mac_int(m, t->period_s);
    row_mac_int(m, t->explicit_max_ttl_s);
    row_mac_int(m, t->expires_us);
    row_mac_int(m, t->num_uses);
    return OK_STATUS;
}

struct status token_mac(const struct keyring *k, const struct token *t, uint8_t out[32])
{
    struct row_mac m;
    TRY(begin_mac(&m, k, t));
    row_mac_finish(&m, out);
    return OK_STATUS;
}

struct status token_read(const struct keyring *k, const struct store_rows *rows, int row,
                         int column, struct arena *arena, struct token *out)
{
    int c = column;
    struct token t = {0};
    struct str *policies;
    struct str *cidrs;
    t.id = store_get_uuid(rows, row, c++);
    t.namespace_id = store_get_int(rows, row, c++);
    t.hash = store_get_bytes(rows, row, c++);
    t.accessor = store_get_text(rows, row, c++);
    t.parent = store_get_uuid(rows, row, c++);
    t.type = store_get_text(rows, row, c++);
    TRY(store_get_texts(rows, row, c++, arena, &policies, &t.policy_count));
    t.policies = policies;
    t.path = store_get_text(rows, row, c++);
    t.display_name = store_get_text(rows, row, c++);
    t.meta = store_get_text(rows, row, c++);
    t.role = store_get_text(rows, row, c++);
    TRY(store_get_texts(rows, row, c++, arena, &cidrs, &t.bound_cidr_count));
    t.bound_cidrs = cidrs;
    t.orphan = store_get_bool(rows, row, c++);
    t.renewable = store_get_bool(rows, row, c++);
    t.created_us = store_get_time(rows, row, c++);
    t.ttl_s = store_get_int(rows, row, c++);
    t.period_s = store_get_int(rows, row, c++);
    t.explicit_max_ttl_s = store_get_int(rows, row, c++);
    t.expires_us = store_get_time(rows, row, c++);
    t.num_uses = store_get_int(rows, row, c++);
    t.row_version = store_get_int(rows, row, c++);
    struct bytes mac = store_get_bytes(rows, row, c++);
    t.uses_left = store_get_int(rows, row, c);
    struct row_mac m;
    TRY(begin_mac(&m, k, &t));
    TRY(row_mac_check(&m, mac));
    *out = t;
    return OK_STATUS;
}

bool token_is_root(const struct token *t)
{
    for (size_t i = 0; i < t->policy_count; i++) {
        if (str_equal(t->policies[i], STR("root"))) {
            return true;
        }
    }
    return false;
}

static const struct store_statement insert_token = {
    "token.insert",
    "INSERT INTO token (id, namespace_id, hash, accessor, parent_id, type, policies, path, "
    "display_name, meta, role, bound_cidrs, orphan, renewable, created_at, ttl_s, period_s, "
    "explicit_max_ttl_s, expires_at, num_uses, row_version, mac, uses_left) VALUES ($1, $2, $3, "
    "$4, "
    "$5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23)"};

static struct store_value text_list(const struct str *items, size_t count,
                                    struct store_value *slots)
{
    for (size_t i = 0; i < count; i++) {
        slots[i] = store_text(items[i]);
    }
    return store_array(STORE_TEXT, slots, count);
}

struct status token_values(const struct keyring *k, const struct token *t, struct token_values *out)
{
    if (t->policy_count > TOKEN_LIST_MAX || t->bound_cidr_count > TOKEN_LIST_MAX) {
        FAIL(INVALID, "a token can have 64 policies and 64 bound CIDRs at most");
    }
    TRY(token_mac(k, t, out->mac));
    const struct store_value columns[TOKEN_COLUMN_COUNT] = {
        store_uuid(t->id),
        store_int(t->namespace_id),
        store_bytea(t->hash),
        store_text(t->accessor),
        uuid_is_nil(t->parent) ? store_null(STORE_UUID) : store_uuid(t->parent),
        store_text(t->type),
        text_list(t->policies, t->policy_count, out->policies),
        store_text(t->path),
        store_text(t->display_name),
        store_text(t->meta),
        store_text(t->role),
        text_list(t->bound_cidrs, t->bound_cidr_count, out->cidrs),
        store_bool(t->orphan),
        store_bool(t->renewable),
        store_time(t->created_us),
        store_int(t->ttl_s),
        store_int(t->period_s),
        store_int(t->explicit_max_ttl_s),
        store_time(t->expires_us),
        store_int(t->num_uses),
        store_int(t->row_version),
        store_bytea(BYTES_OF(out->mac)),
        store_int(t->uses_left),
    };
    memcpy(out->columns, columns, sizeof columns);
    return OK_STATUS;
}

struct status token_insert(const struct keyring *k, struct session *s, const struct token *t)
{
    struct token_values values;
    TRY(token_values(k, t, &values));
    return session_exec(s, &insert_token, values.columns, TOKEN_COLUMN_COUNT, NULL);
}
