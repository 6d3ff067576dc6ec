// SPDX-License-Identifier: ISC
#include "vault/audit/sink_store.h"

#include <string.h>

#include "vault/base/json.h"
#include "vault/base/log.h"
#include "vault/crypto/row_mac.h"

enum { ARENA_BYTES = 1024 * 1024 };

static const struct store_statement list_rows = {
    "audit.sinks", "SELECT id, namespace_id, path, type, description, options, row_version, mac "
                   "FROM audit_sink WHERE namespace_id = 1 ORDER BY path"};
static const struct store_statement insert_row = {
    "audit.insert_sink", "INSERT INTO audit_sink (id, namespace_id, path, type, description, "
                         "options, row_version, mac) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)"};
static const struct store_statement count_rows = {"audit.count_sinks",
                                                  "SELECT count(*) FROM audit_sink"};
static const struct store_statement delete_row = {
    "audit.delete_sink",
    "DELETE FROM audit_sink WHERE namespace_id = $1 AND path = $2 RETURNING id"};

static struct status begin_mac(struct row_mac *m, const struct keyring *k,
                               const struct audit_sink_row *row)
{
    TRY(row_mac_begin(m, k, row->namespace_id, "audit_sink", row->id, row->row_version));
    row_mac_str(m, row->path);
    row_mac_str(m, row->type);
    row_mac_str(m, row->description);
    row_mac_str(m, row->options);
    return OK_STATUS;
}

static struct status read_row(const struct keyring *k, const struct store_rows *rows, int i,
                              struct arena *arena, struct audit_sink_row *out)
{
    out->id = store_get_uuid(rows, i, 0);
    out->namespace_id = store_get_int(rows, i, 1);
    TRY(arena_copy_str(arena, store_get_text(rows, i, 2), &out->path));
    TRY(arena_copy_str(arena, store_get_text(rows, i, 3), &out->type));
    TRY(arena_copy_str(arena, store_get_text(rows, i, 4), &out->description));
    TRY(arena_copy_str(arena, store_get_text(rows, i, 5), &out->options));
    out->row_version = store_get_int(rows, i, 6);
    struct row_mac m;
    TRY(begin_mac(&m, k, out));
    return row_mac_check(&m, store_get_bytes(rows, i, 7));
}

struct status audit_sink_list(const struct keyring *k, struct session *s, struct arena *arena,
                              struct audit_sink_row **out, size_t *out_count)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &list_rows, NULL, 0, &rows));
    struct audit_sink_row *list = ARENA_ARRAY(arena, struct audit_sink_row, (size_t)rows.count + 1);
    if (list == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (int i = 0; i < rows.count; i++) {
        TRY(read_row(k, &rows, i, arena, &list[i]));
    }
    *out = list;
    *out_count = (size_t)rows.count;
    return OK_STATUS;
}

struct status audit_sink_insert(const struct keyring *k, struct session *s,
                                const struct audit_sink_row *row)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &count_rows, NULL, 0, &rows));
    if (store_get_int(&rows, 0, 0) >= AUDIT_SINKS_MAX) {
        FAIL(LIMIT, "there are too many audit sinks");
    }
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    TRY(begin_mac(&m, k, row));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {store_uuid(row->id),          store_int(row->namespace_id),
                                         store_text(row->path),        store_text(row->type),
                                         store_text(row->description), store_text(row->options),
                                         store_int(row->row_version),  store_bytea(BYTES_OF(mac))};
    return session_exec(s, &insert_row, values, ARRAY_LEN(values), NULL);
}

struct status audit_sink_delete(struct session *s, int64_t namespace_id, struct str path)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(namespace_id), store_text(path)};
    TRY(session_exec(s, &delete_row, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "no such audit sink");
    }
    return OK_STATUS;
}

struct status audit_sink_configure(const struct audit_sinks *sinks,
                                   const struct audit_sink_row *row, struct arena *arena,
                                   struct audit_sink_config *out)
{
    struct json_value options;
    struct str file_path;
    struct audit_sink_config config = {.path = ""};
    if (!str_equal_c(row->type, "file") || row->path.len >= sizeof config.path) {
        FAIL(INVALID, "the only type of audit sink is file");
    }
    TRY(json_parse(row->options, NULL, arena, &options, NULL));
    if (!status_ok(json_as_str(json_get(options, "file_path"), &file_path))) {
        FAIL(INVALID, "file_path is needed");
    }
    memcpy(config.path, row->path.ptr, row->path.len);
    TRY(audit_sinks_check_file(sinks, file_path, &config));
    *out = config;
    return OK_STATUS;
}

struct status audit_sink_check_new(const struct audit_sinks *sinks, const struct keyring *k,
                                   struct session *s, const struct audit_sink_config *wanted)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ARENA_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct audit_sink_row *rows;
    size_t count;
    TRY(audit_sink_list(k, s, arena, &rows, &count));
    for (size_t i = 0; i < count; i++) {
        struct audit_sink_config other;
        bool usable = status_ok(audit_sink_configure(sinks, &rows[i], arena, &other));
        // The same path is refused as such when the row is inserted.
        if (usable && strcmp(other.path, wanted->path) != 0 &&
            strcmp(other.file, wanted->file) == 0) {
            FAIL(INVALID, "another audit sink writes to this file");
        }
    }
    return OK_STATUS;
}

struct status audit_sink_reload(struct audit_sinks *sinks, const struct keyring *k,
                                struct session *s)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ARENA_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct audit_sink_row *rows;
    size_t count;
    TRY(audit_sink_list(k, s, arena, &rows, &count));
    struct audit_sink_config configs[AUDIT_SINKS_MAX];
    size_t usable = 0;
    for (size_t i = 0; i < count && usable < AUDIT_SINKS_MAX; i++) {
        struct status ok = audit_sink_configure(sinks, &rows[i], arena, &configs[usable]);
        usable += status_ok(ok);
        if (!status_ok(ok)) {
            log_event(LOG_ERROR, "audit.sink_unusable", LOG_STR("sink", rows[i].path),
                      LOG_STATUS(ok));
        }
    }
    return audit_sinks_apply(sinks, configs, usable);
}
