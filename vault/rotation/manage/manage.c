// SPDX-License-Identifier: ISC
#include "vault/rotation/manage/manage.h"

#include "vault/crypto/aead.h"
#include "vault/rotation/manage/manage_internal.h"
#include "vault/rotation/settings.h"

enum { PROGRESS_POLL_US = CLOCK_SECOND / 20, SEALED_BYTES = 8192 };

// Two targets with the same settings are one system.
static const struct store_statement insert_principal = {
    "rotation.insert_principal",
    "INSERT INTO rotation_principal (target_id, account, namespace_id, credential_id, fence) "
    "SELECT $1, $2, $3, $4, 0 WHERE NOT EXISTS (SELECT 1 FROM rotation_principal p "
    "JOIN rotation_target o ON o.id = p.target_id JOIN rotation_target t ON t.id = $1 "
    "WHERE p.account = $2 AND o.id <> t.id AND o.rotator = t.rotator AND o.settings = t.settings) "
    "ON CONFLICT DO NOTHING RETURNING 1"};
static const struct store_statement find_progress = {
    // Why nobody is at work on it: what was overcome on the way doesn't count.
    "rotation.progress", "SELECT state, version, CASE WHEN lease_until <= clock_timestamp() "
                         "THEN error_class ELSE '' END, error "
                         "FROM rotation_attempt WHERE id = $1"};

// ---- putting in care

// A date by the wall that has passed meanwhile isn't made up for: whoever changes the rules is
// there to ask for a rotation.
static struct status reschedule(struct session *s, struct credential *c, int64_t now_us,
                                struct arena *arena)
{
    int64_t planned_us = c->moved_from_us > 0 ? c->moved_from_us : c->next_rotation_us;
    if (c->current_version == 0 && planned_us <= now_us) {
        return due_set_moved(s, c, now_us, arena);
    }
    if (c->current_version == 0) {
        return due_set_next(s, c, now_us, arena); // it was to wait for its first date
    }
    int64_t last_us = c->last_rotated_us > 0 ? c->last_rotated_us : c->created_us;
    return due_set_next(s, c, c->cron.len > 0 ? now_us : last_us, arena);
}

struct store_job {
    struct operation *op;
    const struct credential *credential;
    struct manage_value value;
    enum manage_first first;
    struct uuid attempt; // of MANAGE_FIRST_NOW
};

static struct status insert_principals(struct session *s, const struct credential *c)
{
    for (size_t i = 0; i < c->account_count; i++) {
        const struct store_value values[] = {store_uuid(c->target), store_text(c->accounts[i]),
                                             store_int(c->namespace_id), store_uuid(c->id)};
        struct store_rows rows CLEANUP(store_rows_done) = {0};
        TRY(session_exec(s, &insert_principal, values, ARRAY_LEN(values), &rows));
        if (rows.count != 1) {
            FAIL(CONFLICT, "an account is in the care of another credential already");
        }
    }
    return OK_STATUS;
}

static struct status insert_imported(struct session *s, const struct store_job *job)
{
    const struct keyring *k = job->op->worker->vault->keyring;
    const struct credential *c = job->credential;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, SEALED_BYTES);
    struct version v = {.id = uuid_new(),
                        .namespace_id = c->namespace_id,
                        .credential = c->id,
                        .number = c->current_version,
                        .account = c->accounts[0],
                        .state = STR("current"),
                        .external_id = job->value.external_id,
                        .created_us = c->created_us};
    TRY(version_seal(k, c->mount, bytes_from_str(job->value.text), &v, &sealed));
    return version_insert(s, k, &v);
}

// As somebody who asks for it does, so that no window holds it up.
static struct status insert_first(struct session *s, struct store_job *job)
{
    const struct vault *vault = job->op->worker->vault;
    const struct credential *c = job->credential;
    struct attempt a = attempt_new(c, c->accounts[0], STR("manual"), c->created_us);
    TRY(attempt_insert(s, vault->keyring, vault->node, &a));
    job->attempt = a.id;
    return OK_STATUS;
}

static struct status store_work_credential(struct session *s, void *arg)
{
    struct store_job *job = arg;
    struct credential c = *job->credential;
    TRY(job->first == MANAGE_FIRST_DUE ? reschedule(s, &c, c.created_us, job->op->arena)
                                       : due_set_next(s, &c, c.created_us, job->op->arena));
    TRY(credential_store(s, job->op->worker->vault->keyring, &c));
    TRY(insert_principals(s, job->credential));
    if (job->value.text.len > 0) {
        TRY(insert_imported(s, job));
    }
    return job->first == MANAGE_FIRST_NOW ? insert_first(s, job) : OK_STATUS;
}

struct status manage_create_first(struct operation *op, const struct credential *c,
                                  struct manage_value value, enum manage_first first,
                                  struct uuid *out_attempt)
{
    struct store_job job = {.op = op, .credential = c, .value = value, .first = first};
    TRY(operation_transact(op, store_work_credential, &job));
    *out_attempt = job.attempt;
    return OK_STATUS;
}

struct status manage_create(struct operation *op, const struct credential *c,
                            struct manage_value value)
{
    struct uuid none;
    return manage_create_first(op, c, value, MANAGE_FIRST_DUE, &none);
}

// ---- new settings

struct update_job {
    struct operation *op;
    const struct credential *seen;
    const struct credential *wanted;
};

struct status manage_end_moves(const struct credential *before, const struct credential *after,
                               struct arena *arena, bool *out)
{
    struct settings was;
    struct settings is;
    TRY(settings_parse(before->account_settings, arena, &was));
    TRY(settings_parse(after->account_settings, arena, &is));
    struct str follows = settings_get(&is, "valid_until");
    *out =
        str_equal_c(follows, "expiry") && (before->expires_us != after->expires_us ||
                                           !str_equal(follows, settings_get(&was, "valid_until")));
    return OK_STATUS;
}

// Rotations go on writing to the row: how far they got is taken from there, not from what was seen.
static struct status update_work(struct session *s, void *arg)
{
    const struct update_job *job = arg;
    const struct keyring *k = job->op->worker->vault->keyring;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, k, job->seen->id, job->op->arena, &found));
    struct credential *c = &found.credential;
    if (!credential_same_rules(c, job->seen)) {
        FAIL(CONFLICT, "the credential was changed by someone else meanwhile, try again");
    }
    bool other_schedule = !credential_same_schedule(c, job->wanted);
    int64_t due_us = c->next_rotation_us;
    bool other_end;
    TRY(manage_end_moves(c, job->wanted, job->op->arena, &other_end));
    credential_copy_rules(c, job->wanted);
    if (other_schedule) {
        TRY(reschedule(s, c, found.now_us, job->op->arena));
    }
    if (c->kind == ROTUNDA_K6 && due_us < c->next_rotation_us) {
        c->next_rotation_us = due_us; // its value ends, whatever the schedule says
    }
    if (other_end) {
        c->next_rotation_us = found.now_us;
    }
    return credential_store(s, k, c);
}

struct status manage_update(struct operation *op, const struct credential *seen,
                            const struct credential *wanted)
{
    struct update_job job = {op, seen, wanted};
    return operation_transact(op, update_work, &job);
}

// ---- asking for a rotation

struct rotate_job {
    struct operation *op;
    const struct credential *credential;
    struct uuid attempt;
};

static struct status rotate_work(struct session *s, void *arg)
{
    struct rotate_job *job = arg;
    const struct vault *vault = job->op->worker->vault;
    struct manage_locked l CLEANUP(manage_locked_done) = {0};
    TRY(manage_lock(s, job->op, job->credential->id, &l));
    const struct credential *c = &l.found.credential;
    // The copy that is kept of a single account's old value ends here.
    if (l.has_attempt && l.attempt.state == ATTEMPT_DRAINING && !credential_overlaps(c)) {
        TRY(manage_end_draining(s, job->op, &l, STR("rotated again")));
    }
    struct attempt a = attempt_new(c, credential_next_account(c, l.current.account), STR("manual"),
                                   l.found.now_us);
    TRY(attempt_insert(s, vault->keyring, vault->node, &a));
    job->attempt = a.id;
    return OK_STATUS;
}

struct status manage_rotate(struct operation *op, const struct credential *c,
                            struct uuid *out_attempt)
{
    struct rotate_job job = {.op = op, .credential = c};
    TRY(operation_transact(op, rotate_work, &job));
    rotation_kick(rotation_running());
    *out_attempt = job.attempt;
    return OK_STATUS;
}

static struct status load_progress(struct operation *op, struct uuid attempt,
                                   struct manage_progress *out)
{
    const struct store_value key[] = {store_uuid(attempt)};
    struct batch_op query CLEANUP(batch_op_done) = {0};
    if (op->worker->batch == NULL) {
        FAIL(SEALED, "the vault is sealed");
    }
    batch_query(op->worker->batch, &find_progress, key, ARRAY_LEN(key), &query);
    TRY(batch_wait(&query));
    if (query.rows.count != 1) {
        FAIL(NOT_FOUND, "");
    }
    store_rows_done(&out->rows);
    out->rows = query.rows;
    query.rows = (struct store_rows){0};
    out->state = store_get_text(&out->rows, 0, 0);
    out->version = store_get_int(&out->rows, 0, 1);
    out->error_class = store_get_text(&out->rows, 0, 2);
    out->error = store_get_text(&out->rows, 0, 3);
    return OK_STATUS;
}

struct status manage_wait(struct operation *op, struct uuid attempt, int64_t until_us,
                          struct manage_progress *out)
{
    for (;;) {
        enum attempt_state state;
        TRY(load_progress(op, attempt, out));
        TRY(attempt_state_parse(out->state, &state));
        bool over =
            attempt_is_settled(state) || state == ATTEMPT_BLOCKED || out->error_class.len > 0;
        if (over || clock_monotonic_us() + PROGRESS_POLL_US > until_us) {
            return OK_STATUS;
        }
        fiber_sleep_until(clock_monotonic_us() + PROGRESS_POLL_US);
    }
}
