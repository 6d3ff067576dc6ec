// SPDX-License-Identifier: ISC
// Back to the previous value: an attempt like any other, whose value isn't drawn but copied, under
// an encryption of its own.
#include "vault/crypto/aead.h"
#include "vault/crypto/random.h"
#include "vault/rotation/manage/manage_internal.h"

enum { SEALED_BYTES = 8192, LEASED_AT = ATTEMPT_COLUMN_COUNT };

static const struct store_statement lock_open = {
    "rotation.lock_open",
    "SELECT " ATTEMPT_COLUMNS ", a.lease_until > clock_timestamp() FROM rotation_attempt a "
    "WHERE a.credential_id = $1 AND a.open FOR UPDATE"};
static const struct store_statement lock_values = {
    "rotation.lock_values", "SELECT " VERSION_COLUMNS " FROM rotation_value v "
                            "WHERE v.credential_id = $1 "
                            "AND v.state IN ('pending', 'current', 'previous') FOR UPDATE"};

// ---- what is locked

void manage_locked_done(struct manage_locked *l)
{
    credential_found_done(&l->found);
    store_rows_done(&l->attempt_rows);
    store_rows_done(&l->value_rows);
}

static struct status read_values(const struct keyring *k, struct manage_locked *l)
{
    for (int row = 0; row < l->value_rows.count; row++) {
        struct version v;
        TRY(version_read(k, &l->value_rows, row, 0, &v));
        if (!uuid_equal(v.credential, l->found.credential.id)) {
            FAIL(INTEGRITY, "rows of different credentials were mixed");
        }
        struct version *place = str_equal_c(v.state, "pending")   ? &l->pending
                                : str_equal_c(v.state, "current") ? &l->current
                                                                  : &l->previous;
        *place = v;
    }
    if (l->current.number != l->found.credential.current_version) {
        FAIL(INTEGRITY, "the current value of a credential is missing");
    }
    return OK_STATUS;
}

struct status manage_lock(struct session *s, struct operation *op, struct uuid credential,
                          struct manage_locked *out)
{
    const struct keyring *k = op->worker->vault->keyring;
    const struct store_value key[] = {store_uuid(credential)};
    TRY(credential_lock(s, k, credential, op->arena, &out->found));
    TRY(session_exec(s, &lock_open, key, ARRAY_LEN(key), &out->attempt_rows));
    out->has_attempt = out->attempt_rows.count == 1;
    if (out->has_attempt) {
        TRY(attempt_read(k, &out->attempt_rows, 0, 0, &out->attempt));
        out->leased = store_get_bool(&out->attempt_rows, 0, LEASED_AT);
    }
    TRY(session_exec(s, &lock_values, key, ARRAY_LEN(key), &out->value_rows));
    return read_values(k, out);
}

struct status manage_end_draining(struct session *s, struct operation *op,
                                  const struct manage_locked *l, struct str detail)
{
    const struct vault *vault = op->worker->vault;
    if (l->attempt.state == ATTEMPT_BLOCKED) {
        FAIL(CONFLICT, "the rotation is blocked: see its history, then acknowledge it");
    }
    if (l->attempt.state != ATTEMPT_DRAINING || l->leased) {
        FAIL(CONFLICT, "a rotation is under way: try again when it is done");
    }
    struct attempt_change change = {.next = l->attempt, .node = vault->node, .detail = detail};
    change.next.state = ATTEMPT_RETIRED;
    return attempt_update(s, vault->keyring, &l->attempt, &change);
}

// ---- rollback

struct rollback_job {
    struct operation *op;
    struct uuid credential;
    struct uuid attempt;
};

static struct status copy_previous(struct session *s, const struct rollback_job *job,
                                   const struct manage_locked *l, const struct attempt *a)
{
    const struct keyring *k = job->op->worker->vault->keyring;
    struct secret *value CLEANUP(secret_cleanup) = NULL;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, SEALED_BYTES);
    struct status opened = version_open(k, l->found.credential.mount, &l->previous, &value);
    if (opened.code == STATUS_NOT_FOUND) {
        FAIL(UNAVAILABLE, "the key of this value isn't loaded yet, try again");
    }
    TRY(opened);
    // The same salt gives the same verifier; a value that was imported has none yet.
    uint8_t salt[VERSION_SALT_BYTES];
    random_fill(salt, sizeof salt);
    struct version v = {.id = uuid_new(),
                        .namespace_id = l->previous.namespace_id,
                        .credential = l->previous.credential,
                        .number = a->version,
                        .account = a->account,
                        .state = STR("pending"),
                        .attempt = a->id,
                        .external_id = l->previous.external_id,
                        .public_part = l->previous.public_part,
                        .salt = l->previous.salt.len > 0 ? l->previous.salt : BYTES_OF(salt),
                        .created_us = l->found.now_us,
                        .valid_until_us = l->previous.valid_until_us};
    TRY(version_seal(k, l->found.credential.mount, secret_view(value), &v, &sealed));
    return version_insert(s, k, &v);
}

static struct status check_previous(const struct manage_locked *l)
{
    const struct credential *c = &l->found.credential;
    if (c->kind == ROTUNDA_K5 || c->kind == ROTUNDA_K6) {
        FAIL(CONFLICT, "what its issuer makes in place or for a short while can't be had back: "
                       "rotate it instead");
    }
    bool kept = c->previous_version != 0 && l->previous.number == c->previous_version &&
                l->previous.ciphertext.len > 0;
    if (!kept && !credential_overlaps(c) && c->grace_s == 0) {
        FAIL(CONFLICT, "there is no previous value: of a single account none is kept unless its "
                       "grace says so");
    }
    if (!kept) {
        FAIL(CONFLICT, "there is no previous value: it is kept until its grace has passed");
    }
    return OK_STATUS;
}

// Where both values are valid the previous one need not be set again: the target is asked first
// (RECONCILE), and only if it refuses it the value is applied.
static struct status rollback_work(struct session *s, void *arg)
{
    struct rollback_job *job = arg;
    const struct vault *vault = job->op->worker->vault;
    struct manage_locked l CLEANUP(manage_locked_done) = {0};
    TRY(manage_lock(s, job->op, job->credential, &l));
    struct credential *c = &l.found.credential;
    if (l.has_attempt) {
        TRY(manage_end_draining(s, job->op, &l, STR("rolled back")));
    }
    TRY(check_previous(&l));
    struct attempt a = attempt_new(c, l.previous.account, STR("rollback"), l.found.now_us);
    a.state = credential_overlaps(c) ? ATTEMPT_RECONCILE : ATTEMPT_STAGED;
    a.version = ++c->last_version;
    TRY(credential_store(s, vault->keyring, c));
    TRY(attempt_insert(s, vault->keyring, vault->node, &a));
    TRY(copy_previous(s, job, &l, &a));
    job->attempt = a.id;
    return OK_STATUS;
}

struct status manage_rollback(struct operation *op, const struct credential *c,
                              struct uuid *out_attempt)
{
    struct rollback_job job = {.op = op, .credential = c->id};
    TRY(operation_transact(op, rollback_work, &job));
    rotation_kick(rotation_running());
    *out_attempt = job.attempt;
    return OK_STATUS;
}
