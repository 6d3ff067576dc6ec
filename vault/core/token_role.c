// SPDX-License-Identifier: ISC
#include "vault/core/token_role.h"

#include <stdlib.h>

#include "vault/core/catalog.h"
#include "vault/crypto/row_mac.h"

static const struct store_statement select_roles = {
    "token_role.list",
    "SELECT id, namespace_id, name, allowed_policies, disallowed_policies, allowed_policies_glob, "
    "disallowed_policies_glob, bound_cidrs, path_suffix, token_type, orphan, renewable, "
    "no_default_policy, period_s, explicit_max_ttl_s, num_uses, row_version, mac FROM token_role "
    "WHERE namespace_id = 1 ORDER BY name"};
static const struct store_statement put_role = {
    "token_role.put",
    "INSERT INTO token_role AS r (id, namespace_id, name, allowed_policies, disallowed_policies, "
    "allowed_policies_glob, disallowed_policies_glob, bound_cidrs, path_suffix, token_type, "
    "orphan, renewable, no_default_policy, period_s, explicit_max_ttl_s, num_uses, row_version, "
    "mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18) "
    "ON CONFLICT (id) DO UPDATE SET allowed_policies = excluded.allowed_policies, "
    "disallowed_policies = excluded.disallowed_policies, "
    "allowed_policies_glob = excluded.allowed_policies_glob, "
    "disallowed_policies_glob = excluded.disallowed_policies_glob, "
    "bound_cidrs = excluded.bound_cidrs, path_suffix = excluded.path_suffix, "
    "token_type = excluded.token_type, orphan = excluded.orphan, renewable = excluded.renewable, "
    "no_default_policy = excluded.no_default_policy, period_s = excluded.period_s, "
    "explicit_max_ttl_s = excluded.explicit_max_ttl_s, num_uses = excluded.num_uses, "
    "row_version = excluded.row_version, mac = excluded.mac "
    "WHERE r.row_version = excluded.row_version - 1 RETURNING id"};
static const struct store_statement delete_role = {
    "token_role.delete",
    "DELETE FROM token_role WHERE namespace_id = $1 AND name = $2 RETURNING id"};

enum { LISTS = 5 };

// In the order of the columns.
static const struct json_strings *list_of(const struct token_role *r, size_t i)
{
    const struct json_strings *lists[LISTS] = {&r->allowed_policies, &r->disallowed_policies,
                                               &r->allowed_policies_glob,
                                               &r->disallowed_policies_glob, &r->bound_cidrs};
    return lists[i];
}

static struct status begin_mac(struct row_mac *m, const struct keyring *k,
                               const struct token_role *r)
{
    TRY(row_mac_begin(m, k, r->namespace_id, "token_role", r->id, r->row_version));
    row_mac_str(m, r->name);
    for (size_t i = 0; i < LISTS; i++) {
        row_mac_strs(m, list_of(r, i)->items, list_of(r, i)->count);
    }
    row_mac_str(m, r->path_suffix);
    row_mac_str(m, r->token_type);
    row_mac_bool(m, r->orphan);
    row_mac_bool(m, r->renewable);
    row_mac_bool(m, r->no_default_policy);
    row_mac_int(m, r->period_s);
    row_mac_int(m, r->explicit_max_ttl_s);
    row_mac_int(m, r->num_uses);
    return OK_STATUS;
}

static struct status read_list(const struct store_rows *rows, int row, int column,
                               struct arena *arena, struct json_strings *out)
{
    struct str *items;
    size_t count;
    TRY(store_get_texts(rows, row, column, arena, &items, &count));
    for (size_t i = 0; i < count; i++) {
        TRY(arena_copy_str(arena, items[i], &items[i]));
    }
    *out = (struct json_strings){items, count};
    return OK_STATUS;
}

static struct status read_role(const struct keyring *k, const struct store_rows *rows, int row,
                               struct arena *arena, struct token_role *out)
{
    int c = 0;
    struct token_role r = {0};
    r.id = store_get_uuid(rows, row, c++);
    r.namespace_id = store_get_int(rows, row, c++);
    TRY(arena_copy_str(arena, store_get_text(rows, row, c++), &r.name));
    TRY(read_list(rows, row, c++, arena, &r.allowed_policies));
    TRY(read_list(rows, row, c++, arena, &r.disallowed_policies));
    TRY(read_list(rows, row, c++, arena, &r.allowed_policies_glob));
    TRY(read_list(rows, row, c++, arena, &r.disallowed_policies_glob));
    TRY(read_list(rows, row, c++, arena, &r.bound_cidrs));
    TRY(arena_copy_str(arena, store_get_text(rows, row, c++), &r.path_suffix));
    TRY(arena_copy_str(arena, store_get_text(rows, row, c++), &r.token_type));
    r.orphan = store_get_bool(rows, row, c++);
    r.renewable = store_get_bool(rows, row, c++);
    r.no_default_policy = store_get_bool(rows, row, c++);
    r.period_s = store_get_int(rows, row, c++);
    r.explicit_max_ttl_s = store_get_int(rows, row, c++);
    r.num_uses = store_get_int(rows, row, c++);
    r.row_version = store_get_int(rows, row, c++);
    struct row_mac m;
    TRY(begin_mac(&m, k, &r));
    TRY(row_mac_check(&m, store_get_bytes(rows, row, c)));
    *out = r;
    return OK_STATUS;
}

struct status token_role_load(const struct keyring *k, struct session *s, struct arena *arena,
                              struct token_role **out, size_t *out_count)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &select_roles, NULL, 0, &rows));
    struct token_role *roles = ARENA_ARRAY(arena, struct token_role, (size_t)rows.count);
    if (roles == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (int i = 0; i < rows.count; i++) {
        TRY(read_role(k, &rows, i, arena, &roles[i]));
    }
    *out = roles;
    *out_count = (size_t)rows.count;
    return OK_STATUS;
}

// The lists as parameters; their items stand one after the other in `items`.
static void fill_lists(const struct token_role *r, struct store_value *items,
                       struct store_value out[LISTS])
{
    for (size_t i = 0; i < LISTS; i++) {
        const struct json_strings *list = list_of(r, i);
        out[i] = store_array(STORE_TEXT, items, list->count);
        for (size_t n = 0; n < list->count; n++) {
            *items++ = store_text(list->items[n]);
        }
    }
}

static struct status put_row(struct session *s, const struct token_role *r, struct bytes mac,
                             struct store_value *items)
{
    struct store_value lists[LISTS];
    fill_lists(r, items, lists);
    const struct store_value values[] = {
        store_uuid(r->id),
        store_int(r->namespace_id),
        store_text(r->name),
        lists[0],
        lists[1],
        lists[2],
        lists[3],
        lists[4],
        store_text(r->path_suffix),
        store_text(r->token_type),
        store_bool(r->orphan),
        store_bool(r->renewable),
        store_bool(r->no_default_policy),
        store_int(r->period_s),
        store_int(r->explicit_max_ttl_s),
        store_int(r->num_uses),
        store_int(r->row_version),
        store_bytea(mac),
    };
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &put_role, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the role was changed by someone else meanwhile");
    }
    return OK_STATUS;
}

struct status token_role_put(const struct keyring *k, struct session *s, const struct token_role *r)
{
    struct token_role row = *r;
    row.row_version++;
    struct row_mac m;
    uint8_t mac[ROW_MAC_BYTES];
    TRY(begin_mac(&m, k, &row));
    row_mac_finish(&m, mac);
    size_t count = 0;
    for (size_t i = 0; i < LISTS; i++) {
        count += list_of(&row, i)->count;
    }
    struct store_value *items = calloc(count + 1, sizeof *items);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct status put = put_row(s, &row, BYTES_OF(mac), items);
    free(items);
    TRY(put);
    return catalog_check_size(s);
}

struct status token_role_delete(struct session *s, int64_t namespace_id, struct str name)
{
    const struct store_value values[] = {store_int(namespace_id), store_text(name)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &delete_role, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "no such role");
    }
    return OK_STATUS;
}
