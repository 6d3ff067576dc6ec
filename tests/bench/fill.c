// SPDX-License-Identifier: ISC
// Fills a folder of a kv mount through the vault's own code, keys, MACs and envelopes, but in
// transactions of many rows: a million secrets in a minute. The vault must be initialised with the
// static seal whose key is in KEY_FILE.
//
//     bench_fill CONNINFO KEY_FILE MOUNT FOLDER FIRST COUNT
//
// makes MOUNT/FOLDER/s<FIRST>, s<FIRST+1> ..., with one version each.
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/limits.h"
#include "tests/bench/fill_vault.h"
#include "vault/base/log.h"
#include "vault/secrets/kv/kv_rows.h"

enum { ROWS_PER_STATEMENT = 1000, STATEMENTS_PER_TRANSACTION = 50, PATH_BYTES = 256 };

// The arrays behind one statement: the values of column c of all rows stand together.
struct filling {
    struct fill_vault opened;
    struct operation op; // only what kv_new_head() asks for
    struct mount mount;
    struct worker worker;
    struct store_value head_cells[KV_HEAD_VALUES][ROWS_PER_STATEMENT];
    struct store_value version_cells[KV_VERSION_VALUES][ROWS_PER_STATEMENT];
    struct row {
        char path[PATH_BYTES];
        struct kv_head_row head_row;
        uint8_t version_mac[ROW_MAC_BYTES];
        struct buffer sealed;
    } rows[ROWS_PER_STATEMENT];
};

static const struct store_statement find_mount = {
    "bench.mount", "SELECT id FROM mount WHERE namespace_id = 1 AND path = $1"};
static const struct store_statement read_clock = {"bench.clock", "SELECT clock_timestamp()"};
static const struct store_statement insert_heads = {
    "bench.heads", "INSERT INTO kv_head SELECT * FROM unnest($1::uuid[], $2::int8[], $3::uuid[], "
                   "$4::bytea[], $5::text[], $6::int8[], $7::int8[], $8::int8[], $9::bool[], "
                   "$10::int8[], $11::text[], $12::text[], $13::timestamptz[], $14::text[], "
                   "$15::timestamptz[], $16::timestamptz[], $17::int8[], $18::bytea[])"};
static const struct store_statement insert_versions = {
    "bench.versions",
    "INSERT INTO kv_version SELECT * FROM unnest($1::uuid[], $2::int8[], $3::int8[], $4::bytea[], "
    "$5::int8[], $6::timestamptz[], $7::timestamptz[], $8::bool[], $9::int8[], $10::bytea[])"};

static struct status seal_value(const struct keyring *k, const struct kv_head *head,
                                struct kv_version *v, struct buffer *sealed, int64_t number)
{
    char value[128];
    int len = snprintf(value, sizeof value,
                       "{\"username\":\"app-%lld\",\"password\":\"3kT9-vQ2m-%012lld-Zr7w\"}",
                       (long long)number, (long long)number);
    const struct envelope_binding binding = kv_binding(head, v->version);
    TRY(envelope_seal(k, &binding, (struct bytes){(const uint8_t *)value, (size_t)len}, sealed,
                      &v->key_epoch));
    v->ciphertext = buffer_bytes(sealed);
    return OK_STATUS;
}

static struct status make_row(struct filling *f, size_t at, const char *folder, int64_t number,
                              int64_t now_us)
{
    const struct keyring *k = f->opened.vault.keyring;
    struct row *r = &f->rows[at];
    snprintf(r->path, sizeof r->path, "%s/s%07lld", folder, (long long)number);
    struct kv_head head = kv_new_head(&f->op, str_from_c(r->path), now_us);
    head.current_version = 1;
    head.row_version = 1;
    struct kv_version v = {
        .version = 1, .created_us = now_us, .deleted_us = CLOCK_NEVER, .row_version = 1};
    buffer_clear(&r->sealed);
    TRY(seal_value(k, &head, &v, &r->sealed, number));
    TRY(index_hash_path(k, f->mount.id, head.path, r->head_row.path_hash));
    struct store_value heads[KV_HEAD_VALUES];
    struct store_value versions[KV_VERSION_VALUES];
    TRY(kv_head_values(k, &head, &r->head_row, heads));
    TRY(kv_version_values(k, &head, &v, r->version_mac, versions));
    for (size_t c = 0; c < KV_HEAD_VALUES; c++) {
        f->head_cells[c][at] = heads[c];
    }
    for (size_t c = 0; c < KV_VERSION_VALUES; c++) {
        f->version_cells[c][at] = versions[c];
    }
    return OK_STATUS;
}

static struct status insert(struct filling *f, size_t count)
{
    struct store_value arrays[KV_HEAD_VALUES];
    for (size_t c = 0; c < KV_HEAD_VALUES; c++) {
        arrays[c] = store_array(f->head_cells[c][0].type, f->head_cells[c], count);
    }
    TRY(session_exec(f->opened.session, &insert_heads, arrays, KV_HEAD_VALUES, NULL));
    for (size_t c = 0; c < KV_VERSION_VALUES; c++) {
        arrays[c] = store_array(f->version_cells[c][0].type, f->version_cells[c], count);
    }
    return session_exec(f->opened.session, &insert_versions, arrays, KV_VERSION_VALUES, NULL);
}

static struct status now(struct session *s, int64_t *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &read_clock, NULL, 0, &rows));
    *out = store_get_time(&rows, 0, 0);
    return OK_STATUS;
}

static struct status fill(struct filling *f, const char *folder, int64_t first, int64_t count)
{
    int64_t now_us;
    TRY(now(f->opened.session, &now_us));
    for (int64_t done = 0, statement = 0; done < count; statement++) {
        if (statement % STATEMENTS_PER_TRANSACTION == 0) {
            TRY(session_begin(f->opened.session));
        }
        size_t rows = 0;
        for (; rows < ROWS_PER_STATEMENT && done < count; rows++, done++) {
            TRY(make_row(f, rows, folder, first + done, now_us));
        }
        TRY(insert(f, rows));
        if (statement % STATEMENTS_PER_TRANSACTION == STATEMENTS_PER_TRANSACTION - 1 ||
            done == count) {
            TRY(session_commit(f->opened.session));
        }
    }
    return OK_STATUS;
}

static struct status use_mount(struct filling *f, const char *path)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_text(str_from_c(path))};
    TRY(session_exec(f->opened.session, &find_mount, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "there is no such mount");
    }
    f->mount.id = store_get_uuid(&rows, 0, 0);
    f->worker.vault = &f->opened.vault;
    f->op = (struct operation){
        .worker = &f->worker, .namespace_id = KEYRING_ROOT_NAMESPACE, .mount = &f->mount};
    return OK_STATUS;
}

static struct status run(struct filling *f, char **argv)
{
    const struct store_config database = {.conninfo = argv[1]};
    int64_t first;
    int64_t count;
    TRY(str_parse_int(str_from_c(argv[5]), &first));
    TRY(str_parse_int(str_from_c(argv[6]), &count));
    TRY(fill_vault_open(&database, argv[2], &f->opened));
    TRY(use_mount(f, argv[3]));
    return fill(f, argv[4], first, count);
}

int main(int argc, char **argv)
{
    if (argc != 7) {
        fprintf(stderr, "usage: bench_fill CONNINFO KEY_FILE MOUNT FOLDER FIRST COUNT\n");
        return 2;
    }
    log_set_level(LOG_WARN);
    struct filling *f = calloc(1, sizeof *f);
    for (size_t i = 0; f != NULL && i < ROWS_PER_STATEMENT; i++) {
        buffer_init(&f->rows[i].sealed, LIMIT_SECRET_BYTES);
    }
    struct status s = f == NULL ? MAKE_STATUS(NOMEM, "out of memory") : run(f, argv);
    if (f != NULL) {
        for (size_t i = 0; i < ROWS_PER_STATEMENT; i++) {
            buffer_done(&f->rows[i].sealed);
        }
        fill_vault_close(&f->opened);
        free(f);
    }
    if (!status_ok(s)) {
        fprintf(stderr, "bench_fill: %s\n", s.what);
        return 1;
    }
    return 0;
}
