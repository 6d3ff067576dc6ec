// SPDX-License-Identifier: ISC
// Taking a credential out of care. What an attempt has yet to end at the target is named: with the
// rows goes the last that anybody here knows of it.
#include "vault/base/log.h"
#include "vault/rotation/manage/manage_internal.h"

static const struct store_statement lock_working = {
    "rotation.lock_working",
    "SELECT 1 FROM rotation_attempt WHERE credential_id = $1 AND open FOR UPDATE"};
static const struct store_statement delete_credential = {
    "rotation.delete_credential",
    "DELETE FROM rotation_credential WHERE id = $1 AND row_version = $2 RETURNING 1"};

struct remove_job {
    struct operation *op;
    const struct credential *credential;
    bool force;
    struct str left;
};

struct status manage_name_left(struct arena *arena, const struct version *v, struct str how,
                               struct str *left)
{
    bool has_id = v->external_id.len > 0;
    struct str before = *left;
    return arena_printf(arena, left, "%.*s%sversion %lld of account %.*s%s%.*s%s %.*s",
                        STR_ARG(before), before.len > 0 ? ", and " : "", (long long)v->number,
                        STR_ARG(v->account), has_id ? " (external id " : "",
                        STR_ARG(v->external_id), has_id ? ")" : "", STR_ARG(how));
}

// It alone knows. One of ours that is staged again was found not to be there.
bool manage_may_be_there(const struct manage_locked *l)
{
    const struct attempt *a = &l->attempt;
    if (!l->has_attempt || l->pending.number == 0 || a->state == ATTEMPT_PLANNED) {
        return false;
    }
    if (a->state == ATTEMPT_STAGED) {
        return l->found.credential.kind >= ROTUNDA_K3 && a->applied_us != 0;
    }
    return a->state != ATTEMPT_BLOCKED || a->applied_us != 0;
}

static bool is_being_changed(const struct manage_locked *l)
{
    enum attempt_state state = l->attempt.state;
    return l->has_attempt && l->leased &&
           (state == ATTEMPT_APPLYING || state == ATTEMPT_APPLIED || state == ATTEMPT_VERIFIED ||
            state == ATTEMPT_RECONCILE);
}

static struct status look(struct remove_job *job, const struct manage_locked *l)
{
    const struct credential *c = &l->found.credential;
    struct arena *arena = job->op->arena;
    if (manage_may_be_there(l)) {
        TRY(manage_name_left(arena, &l->pending, STR("may be valid at the target"), &job->left));
    }
    // Of a single account of one value the previous one is only a copy here.
    if (l->previous.number != 0 && credential_overlaps(c)) {
        TRY(manage_name_left(arena, &l->previous,
                             c->previous_version != 0 ? STR("is valid at the target")
                                                      : STR("is being ended at the target"),
                             &job->left));
    }
    return OK_STATUS;
}

// Whoever altered rows can't keep a credential here for ever, but what they said isn't told.
static struct status lock_and_look(struct session *s, struct remove_job *job)
{
    struct manage_locked l CLEANUP(manage_locked_done) = {0};
    job->left = STR("");
    struct status locked = manage_lock(s, job->op, job->credential->id, &l);
    if (locked.code == STATUS_INTEGRITY && job->force) {
        job->left = STR("whatever its open rotation has at the target: rows of it were altered");
        return OK_STATUS;
    }
    TRY(locked);
    if (is_being_changed(&l)) {
        FAIL(CONFLICT, "a rotation is changing the target just now: try again");
    }
    return look(job, &l);
}

static struct status remove_work(struct session *s, void *arg)
{
    struct remove_job *job = arg;
    const struct credential *c = job->credential;
    const struct store_value key[] = {store_uuid(c->id), store_int(c->row_version)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    // Attempts lock their own row first: one that is about to begin its change waits here, and is
    // gone afterwards.
    TRY(session_exec(s, &lock_working, key, 1, NULL));
    TRY(lock_and_look(s, job));
    if (job->left.len > 0 && !job->force) {
        FAIL(CONFLICT, "something of it would be left at the target");
    }
    TRY(session_exec(s, &delete_credential, key, ARRAY_LEN(key), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the credential was changed by a rotation or someone else meanwhile: try "
                       "again");
    }
    return OK_STATUS;
}

struct status manage_remove(struct operation *op, const struct credential *c, bool force,
                            struct str *out_left)
{
    struct remove_job job = {.op = op, .credential = c, .force = force, .left = STR("")};
    struct status s = operation_transact(op, remove_work, &job);
    *out_left = job.left;
    if (status_ok(s) && job.left.len > 0) {
        // Its history is gone with it.
        op->note = job.left;
        log_event(LOG_WARN, "rotation.left_at_target", LOG_UUID("credential", c->id),
                  LOG_STR("name", c->name), LOG_UUID("target", c->target),
                  LOG_STR("left", job.left));
    }
    return s;
}
