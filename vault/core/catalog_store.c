// SPDX-License-Identifier: ISC
// The catalog's rows: loading them with every check, and changing them under the manifest.
#include <stdlib.h>

#include "vault/base/limits.h"
#include "vault/base/log.h"
#include "vault/core/catalog_internal.h"
#include "vault/crypto/row_mac.h"

enum { ROOT_NAMESPACE = KEYRING_ROOT_NAMESPACE };

// As text: what is stored may be compressed.
static const struct store_statement measure = {
    "catalog.measure", "SELECT (SELECT coalesce(sum(octet_length(p.text)), 0) FROM policy p) + "
                       "(SELECT coalesce(sum(octet_length(r::text)), 0) FROM token_role r)"};
static const struct store_statement select_epoch = {
    "catalog.epoch", "SELECT epoch FROM vault_epoch WHERE namespace_id = 1"};
static const struct store_statement lock_epoch = {
    "catalog.lock_epoch", "SELECT epoch FROM vault_epoch WHERE namespace_id = 1 FOR UPDATE"};
static const struct store_statement raise_epoch = {
    "catalog.raise_epoch",
    "UPDATE vault_epoch SET epoch = epoch + 1 WHERE namespace_id = 1 RETURNING epoch"};
static const struct store_statement select_manifest = {
    "catalog.manifest", "SELECT epoch, mac FROM vault_manifest WHERE namespace_id = 1"};
static const struct store_statement put_manifest = {
    "catalog.put_manifest",
    "INSERT INTO vault_manifest (namespace_id, epoch, mac) VALUES (1, $1, $2) "
    "ON CONFLICT (namespace_id) DO UPDATE SET epoch = excluded.epoch, mac = excluded.mac"};
static const struct store_statement list_rows = {
    "catalog.list_rows",
    "SELECT 'mount', id, row_version, mac FROM mount WHERE namespace_id = 1 "
    "UNION ALL SELECT 'policy', id, row_version, mac FROM policy WHERE namespace_id = 1 "
    "UNION ALL SELECT 'audit_sink', id, row_version, mac FROM audit_sink WHERE namespace_id = 1 "
    "UNION ALL SELECT 'token_role', id, row_version, mac FROM token_role WHERE namespace_id = 1 "
    "ORDER BY 1, 2"};
static const struct store_statement select_mounts = {
    "catalog.mounts", "SELECT id, namespace_id, path, type, accessor, description, config, "
                      "options, row_version, mac FROM mount WHERE namespace_id = 1 ORDER BY path"};
static const struct store_statement select_policies = {
    "catalog.policies", "SELECT id, namespace_id, name, text, row_version, mac FROM policy "
                        "WHERE namespace_id = 1 ORDER BY name"};
static const struct store_statement insert_mount = {
    "catalog.insert_mount",
    "INSERT INTO mount (id, namespace_id, path, type, accessor, description, config, options, "
    "row_version, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};
static const struct store_statement update_mount = {
    "catalog.update_mount",
    "UPDATE mount SET path = $3, description = $6, config = $7, options = $8, row_version = $9, "
    "mac = $10 WHERE id = $1 AND namespace_id = $2 AND type = $4 AND accessor = $5 "
    "AND row_version = $9 - 1 RETURNING id"};
static const struct store_statement delete_mount = {"catalog.delete_mount",
                                                    "DELETE FROM mount WHERE id = $1 RETURNING id"};
static const struct store_statement select_policy = {
    "catalog.policy", "SELECT id, row_version FROM policy WHERE namespace_id = $1 AND name = $2"};
static const struct store_statement put_policy = {
    "catalog.put_policy",
    "INSERT INTO policy (id, namespace_id, name, text, row_version, mac) "
    "VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (id) DO UPDATE "
    "SET text = excluded.text, row_version = excluded.row_version, mac = excluded.mac"};
static const struct store_statement delete_policy = {
    "catalog.delete_policy",
    "DELETE FROM policy WHERE namespace_id = $1 AND name = $2 RETURNING id"};

static struct status mount_mac(struct row_mac *m, const struct keyring *k, const struct mount *row)
{
    TRY(row_mac_begin(m, k, row->namespace_id, "mount", row->id, row->row_version));
    row_mac_str(m, row->path);
    row_mac_str(m, row->type);
    row_mac_str(m, row->accessor);
    row_mac_str(m, row->description);
    row_mac_str(m, row->config);
    row_mac_str(m, row->options);
    return OK_STATUS;
}

// A row of the policy table, all but its MAC.
struct policy_row {
    struct uuid id;
    int64_t namespace_id;
    int64_t row_version;
    struct str name;
    struct str text;
};

static struct status policy_mac(struct row_mac *m, const struct keyring *k,
                                const struct policy_row *row)
{
    TRY(row_mac_begin(m, k, row->namespace_id, "policy", row->id, row->row_version));
    row_mac_str(m, row->name);
    row_mac_str(m, row->text);
    return OK_STATUS;
}

static struct status manifest_mac(struct row_mac *m, const struct keyring *k, struct session *s,
                                  int64_t epoch)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &list_rows, NULL, 0, &rows));
    TRY(row_mac_begin(m, k, ROOT_NAMESPACE, "manifest", (struct uuid){0}, epoch));
    for (int i = 0; i < rows.count; i++) {
        row_mac_str(m, store_get_text(&rows, i, 0));
        row_mac_uuid(m, store_get_uuid(&rows, i, 1));
        row_mac_int(m, store_get_int(&rows, i, 2));
        row_mac_bytes(m, store_get_bytes(&rows, i, 3));
    }
    return OK_STATUS;
}

static struct status check_manifest(const struct keyring *k, struct session *s, int64_t epoch)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &select_manifest, NULL, 0, &rows));
    if (rows.count != 1 || store_get_int(&rows, 0, 0) != epoch) {
        FAIL(INTEGRITY, "the manifest of mounts and policies doesn't belong to this epoch");
    }
    struct row_mac m;
    TRY(manifest_mac(&m, k, s, epoch));
    if (!status_ok(row_mac_check(&m, store_get_bytes(&rows, 0, 1)))) {
        FAIL(INTEGRITY, "mounts or policies were changed behind the vault's back");
    }
    return OK_STATUS;
}

static struct status copy_text(struct arena *a, const struct store_rows *rows, int row, int column,
                               struct str *out)
{
    return arena_copy_str(a, store_get_text(rows, row, column), out);
}

static struct status read_mount(const struct keyring *k, struct arena *a,
                                const struct store_rows *rows, int i, struct mount *out)
{
    out->id = store_get_uuid(rows, i, 0);
    out->namespace_id = store_get_int(rows, i, 1);
    TRY(copy_text(a, rows, i, 2, &out->path));
    TRY(copy_text(a, rows, i, 3, &out->type));
    TRY(copy_text(a, rows, i, 4, &out->accessor));
    TRY(copy_text(a, rows, i, 5, &out->description));
    TRY(copy_text(a, rows, i, 6, &out->config));
    TRY(copy_text(a, rows, i, 7, &out->options));
    out->row_version = store_get_int(rows, i, 8);
    struct row_mac m;
    TRY(mount_mac(&m, k, out));
    return row_mac_check(&m, store_get_bytes(rows, i, 9));
}

static struct status load_mounts(const struct keyring *k, struct session *s, struct catalog *c)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &select_mounts, NULL, 0, &rows));
    c->mounts = ARENA_ARRAY(c->arena, struct mount, (size_t)rows.count);
    if (c->mounts == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (int i = 0; i < rows.count; i++) {
        TRY(read_mount(k, c->arena, &rows, i, &c->mounts[i]));
    }
    c->mount_count = (size_t)rows.count;
    return OK_STATUS;
}

static struct status read_policy(const struct keyring *k, struct arena *a,
                                 const struct store_rows *rows, int i, struct catalog_policy *out)
{
    TRY(copy_text(a, rows, i, 2, &out->name));
    TRY(copy_text(a, rows, i, 3, &out->text));
    const struct policy_row row = {.id = store_get_uuid(rows, i, 0),
                                   .namespace_id = store_get_int(rows, i, 1),
                                   .row_version = store_get_int(rows, i, 4),
                                   .name = out->name,
                                   .text = out->text};
    struct row_mac m;
    TRY(policy_mac(&m, k, &row));
    TRY(row_mac_check(&m, store_get_bytes(rows, i, 5)));
    struct text_error error; // it parsed when it was stored: the status will do
    return policy_parse(out->name, out->text, &out->parsed, &error);
}

static struct status load_policies(const struct keyring *k, struct session *s, struct catalog *c)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &select_policies, NULL, 0, &rows));
    c->policies = ARENA_ARRAY(c->arena, struct catalog_policy, (size_t)rows.count);
    if (c->policies == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (int i = 0; i < rows.count; i++) {
        TRY(read_policy(k, c->arena, &rows, i, &c->policies[i]));
        c->policy_count++;
    }
    return OK_STATUS;
}

static struct status load_in_snapshot(const struct keyring *k, struct session *s, struct catalog *c)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_begin_snapshot(s));
    TRY(session_exec(s, &select_epoch, NULL, 0, &rows));
    if (rows.count != 1) {
        FAIL(INTEGRITY, "the database has no epoch");
    }
    c->epoch = store_get_int(&rows, 0, 0);
    TRY(check_manifest(k, s, c->epoch));
    TRY(load_mounts(k, s, c));
    TRY(load_policies(k, s, c));
    TRY(token_role_load(k, s, c->arena, &c->roles, &c->role_count));
    return session_commit(s);
}

struct status catalog_load(const struct keyring *k, struct session *s, struct catalog **out)
{
    struct catalog *c CLEANUP(catalog_cleanup) = catalog_alloc();
    if (c == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(load_in_snapshot(k, s, c));
    *out = TAKE(c);
    return OK_STATUS;
}

struct status catalog_change_begin(const struct keyring *k, struct session *s)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &lock_epoch, NULL, 0, &rows));
    if (rows.count != 1) {
        FAIL(INTEGRITY, "the database has no epoch");
    }
    return check_manifest(k, s, store_get_int(&rows, 0, 0));
}

struct status catalog_change_end(const struct keyring *k, struct session *s)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &raise_epoch, NULL, 0, &rows));
    int64_t epoch = store_get_int(&rows, 0, 0);
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    TRY(manifest_mac(&m, k, s, epoch));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {store_int(epoch), store_bytea(BYTES_OF(mac))};
    return session_exec(s, &put_manifest, values, ARRAY_LEN(values), NULL);
}

struct status catalog_check_size(struct session *s)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &measure, NULL, 0, &rows));
    if (store_get_int(&rows, 0, 0) > LIMIT_CATALOG_BYTES) {
        FAIL(TOO_LARGE, "all policies and token roles together may have 32 MiB: delete some");
    }
    return OK_STATUS;
}

struct status catalog_put_mount(const struct keyring *k, struct session *s, const struct mount *m)
{
    struct mount row = *m;
    row.row_version++;
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac builder;
    TRY(mount_mac(&builder, k, &row));
    row_mac_finish(&builder, mac);
    const struct store_value values[] = {
        store_uuid(row.id),         store_int(row.namespace_id), store_text(row.path),
        store_text(row.type),       store_text(row.accessor),    store_text(row.description),
        store_text(row.config),     store_text(row.options),     store_int(row.row_version),
        store_bytea(BYTES_OF(mac)),
    };
    if (m->row_version == 0) {
        return session_exec(s, &insert_mount, values, ARRAY_LEN(values), NULL);
    }
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &update_mount, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the mount was changed by someone else meanwhile");
    }
    return OK_STATUS;
}

struct status catalog_delete_mount(struct session *s, struct uuid id)
{
    const struct store_value values[] = {store_uuid(id)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &delete_mount, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "no such mount");
    }
    return OK_STATUS;
}

struct status catalog_put_policy(const struct keyring *k, struct session *s, int64_t namespace_id,
                                 struct str name, struct str text)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value key[] = {store_int(namespace_id), store_text(name)};
    TRY(session_exec(s, &select_policy, key, ARRAY_LEN(key), &rows));
    const struct policy_row row = {.id = rows.count == 0 ? uuid_new() : store_get_uuid(&rows, 0, 0),
                                   .namespace_id = namespace_id,
                                   .row_version =
                                       rows.count == 0 ? 1 : store_get_int(&rows, 0, 1) + 1,
                                   .name = name,
                                   .text = text};
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    TRY(policy_mac(&m, k, &row));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {store_uuid(row.id),         store_int(namespace_id),
                                         store_text(name),           store_text(text),
                                         store_int(row.row_version), store_bytea(BYTES_OF(mac))};
    TRY(session_exec(s, &put_policy, values, ARRAY_LEN(values), NULL));
    return catalog_check_size(s);
}

struct status catalog_delete_policy(struct session *s, int64_t namespace_id, struct str name)
{
    const struct store_value values[] = {store_int(namespace_id), store_text(name)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &delete_policy, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "no such policy");
    }
    return OK_STATUS;
}
