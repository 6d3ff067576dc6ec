// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_load.h"

#include "vault/base/log.h"
#include "vault/core/backoff.h"
#include "vault/secrets/kv/kv_rows.h"

enum {
    HEAD_COLUMN = 1,
    STATE_COLUMN = HEAD_COLUMN + KV_HEAD_COLUMN_COUNT,
    CIPHERTEXT_COLUMN = STATE_COLUMN + KV_STATE_COLUMN_COUNT,
};

// LATERAL and LIMIT hold the planner to one descent of each index, whatever it believes about the
// tables: joined freely it may read every version of a head to find one.
static const struct batch_load load_secret = {
    .statement =
        {"kv.load",
         "SELECT q.n, " KV_HEAD_COLUMNS ", " KV_STATE_COLUMNS ", v.ciphertext "
         "FROM unnest($1, $2) WITH ORDINALITY AS q(path_hash, version, n) CROSS JOIN LATERAL "
         "(SELECT * FROM kv_head WHERE path_hash = q.path_hash LIMIT 1) AS h "
         "LEFT JOIN LATERAL (SELECT * FROM kv_version WHERE head_id = h.id AND version = "
         "CASE WHEN q.version = 0 THEN h.current_version ELSE q.version END LIMIT 1) "
         "AS v ON true ORDER BY q.n"},
    .key_count = 2,
    .key_types = {STORE_BYTEA, STORE_INT8},
};

static const struct store_statement select_states = {
    "kv.states", "SELECT " KV_STATE_COLUMNS " FROM kv_head h JOIN kv_version v ON v.head_id = h.id "
                 "WHERE h.path_hash = $1 ORDER BY v.version"};

struct status kv_load_submit(struct operation *op, struct str path, int64_t version,
                             struct kv_load *load)
{
    load->path = path;
    TRY(index_hash_path(op->worker->vault->keyring, op->mount->id, path, load->path_hash));
    load->keys[0] = store_bytea(BYTES_OF(load->path_hash));
    load->keys[1] = store_int(version);
    batch_load(op->worker->batch, &load_secret, load->keys, &load->op);
    load->submitted = true;
    return OK_STATUS;
}

// The hash led to the row; the row says which path it is.
static struct status read_secret(const struct operation *op, const struct kv_load *load,
                                 struct kv_secret *out)
{
    const struct keyring *k = op->worker->vault->keyring;
    const struct store_rows *rows = &load->op.rows;
    struct kv_secret s = {.exists = true, .now_us = load->op.snapshot.now_us};
    TRY(kv_read_head(k, rows, 0, HEAD_COLUMN, &s.head));
    if (!str_equal(s.head.path, load->path) || !uuid_equal(s.head.mount, op->mount->id)) {
        FAIL(INTEGRITY, "a secret was found where another belongs");
    }
    if (!store_get_null(rows, 0, STATE_COLUMN)) {
        TRY(kv_read_version(k, &s.head, rows, 0, STATE_COLUMN, &s.version));
        s.version.ciphertext = store_get_bytes(rows, 0, CIPHERTEXT_COLUMN);
        s.has_version = true;
    }
    *out = s;
    return OK_STATUS;
}

static struct status note_integrity(struct operation *op, struct status s)
{
    if (s.code == STATUS_INTEGRITY) {
        op->reason = "stored secret altered";
        log_event(LOG_ERROR, "kv.altered", LOG_UUID("request_id", op->request_id), LOG_STATUS(s));
    }
    return s;
}

struct status kv_load_wait(struct operation *op, struct kv_load *load, struct kv_secret *out)
{
    TRY(batch_wait(&load->op));
    if (load->op.rows.count == 0) {
        *out = (struct kv_secret){.now_us = load->op.snapshot.now_us};
        return OK_STATUS;
    }
    return note_integrity(op, read_secret(op, load, out));
}

void kv_load_done(struct kv_load *load)
{
    if (load->submitted) {
        status_ignore(batch_wait(&load->op)); // whoever wanted to know has asked
        batch_op_done(&load->op);
        load->submitted = false;
    }
}

static struct status load_again(struct operation *op, struct kv_load *load)
{
    int64_t version = load->keys[1].integer;
    struct str path = load->path;
    kv_load_done(load);
    *load = (struct kv_load){0};
    return kv_load_submit(op, path, version, load);
}

struct status kv_load_retry(struct operation *op, struct kv_load *load, kv_attempt *attempt,
                            void *arg)
{
    for (int lost = 0; lost < LIMIT_WRITE_RETRIES; lost++) {
        struct kv_secret now;
        TRY(kv_load_wait(op, load, &now));
        struct status s = attempt(op, &now, arg);
        if (s.code != STATUS_CONFLICT) {
            return s;
        }
        backoff_pause(lost);
        TRY(load_again(op, load));
    }
    FAIL(UNAVAILABLE, "too many writers at this path at once, try again");
}

void kv_states_submit(struct operation *op, const struct kv_load *load, struct kv_states *states)
{
    states->key = load->keys[0];
    batch_query(op->worker->batch, &select_states, &states->key, 1, &states->op);
    states->submitted = true;
}

struct status kv_states_wait(struct operation *op, struct kv_states *states,
                             const struct kv_head *head, struct kv_version **out, size_t *out_count)
{
    TRY(batch_wait(&states->op));
    const struct store_rows *rows = &states->op.rows;
    struct kv_version *versions =
        ARENA_ARRAY(op->arena, struct kv_version, (size_t)rows->count + 1);
    if (versions == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (int i = 0; i < rows->count; i++) {
        TRY(note_integrity(
            op, kv_read_version(op->worker->vault->keyring, head, rows, i, 0, &versions[i])));
    }
    *out = versions;
    *out_count = (size_t)rows->count;
    return OK_STATUS;
}

void kv_states_done(struct kv_states *states)
{
    if (states->submitted) {
        status_ignore(batch_wait(&states->op)); // whoever wanted to know has asked
        batch_op_done(&states->op);
        states->submitted = false;
    }
}
