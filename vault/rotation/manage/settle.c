// SPDX-License-Identifier: ISC
// A person decides about an attempt that is blocked.
#include "vault/rotation/kind.h"
#include "vault/rotation/manage/manage.h"
#include "vault/rotation/notice.h"

#include "vault/rotation/when/due.h"

enum { SEALED_BYTES = 8192 };

static const struct store_statement lock_attempt = {
    "rotation.lock_attempt",
    "SELECT " ATTEMPT_COLUMNS " FROM rotation_attempt a WHERE a.id = $1 FOR UPDATE"};
static const struct store_statement find_attempt = {"rotation.settle_attempt",
                                                    "SELECT " ATTEMPT_COLUMNS
                                                    " FROM rotation_attempt a WHERE a.id = $1"};
static const struct store_statement find_values = {
    "rotation.settle_values", "SELECT " VERSION_COLUMNS " FROM rotation_value v "
                              "WHERE v.credential_id = $1 AND v.state IN ('pending', 'previous')"};

// Beyond every fence that a target can have seen, even where this database was restored from a
// backup since.
static const struct store_statement raise_fence = {
    "rotation.raise_fence", "SELECT setval('rotation_fence', nextval('rotation_fence') + 1000000)"};

struct settle_job {
    struct operation *op;
    struct uuid credential;
    struct uuid attempt;
    enum manage_action action;
    struct manage_value value; // MANAGE_IMPORT
    int64_t checked;           // giving up: the attempt's row version for which that is safe
};

// Where an attempt stood that is blocked now.
static enum attempt_state retry_state(const struct attempt *a, const struct credential *c)
{
    if (a->version == 0) {
        return ATTEMPT_PLANNED;
    }
    return a->version == c->current_version ? ATTEMPT_DRAINING : ATTEMPT_RECONCILE;
}

// A rollback has taken the place of the attempt that was to end the previous value: when it is
// given up that is still to be done.
static bool leaves_previous(const struct attempt *a, const struct credential *c)
{
    return str_equal_c(a->cause, "rollback") && c->previous_version != 0;
}

static struct status choose_state(const struct settle_job *job, const struct attempt *a,
                                  const struct credential *c, enum attempt_state *out)
{
    enum attempt_state retry = retry_state(a, c);
    switch (job->action) {
    case MANAGE_RETRY:
        *out = retry;
        return OK_STATUS;
    case MANAGE_APPLY:
        if (retry != ATTEMPT_RECONCILE) {
            FAIL(INVALID, "there is no new value to be set");
        }
        *out = ATTEMPT_STAGED;
        return OK_STATUS;
    case MANAGE_IMPORT:
        if (retry != ATTEMPT_RECONCILE || !kind_is_issued(c->kind)) {
            FAIL(INVALID, "only a value that an issuer was to make can be imported in its place: "
                          "set the account to what is current, then action=retry");
        }
        *out = ATTEMPT_RECONCILE;
        return OK_STATUS;
    case MANAGE_ABANDON:
        break;
    }
    if (retry == ATTEMPT_DRAINING) {
        *out = ATTEMPT_RETIRED;
    } else {
        *out = leaves_previous(a, c) ? ATTEMPT_DRAINING : ATTEMPT_ROLLED_BACK;
    }
    return OK_STATUS;
}

static struct status end_value(struct session *s, const struct keyring *k,
                               const struct credential *c, struct str from, struct str to)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value key[] = {store_uuid(c->id)};
    TRY(session_exec(s, &find_values, key, ARRAY_LEN(key), &rows));
    for (int row = 0; row < rows.count; row++) {
        struct version v;
        TRY(version_read(k, &rows, row, 0, &v));
        if (str_equal(v.state, from)) {
            TRY(version_change(s, k, &v, to));
        }
    }
    return OK_STATUS;
}

// The new value is kept aside, or the previous one ends here although the target may still accept
// it.
static struct status give_up(struct session *s, const struct settle_job *job,
                             const struct credential_found *found, enum attempt_state state)
{
    const struct keyring *k = job->op->worker->vault->keyring;
    struct credential c = found->credential;
    if (state == ATTEMPT_RETIRED) {
        TRY(end_value(s, k, &c, STR("previous"), STR("retired")));
        c.previous_version = 0;
        c.previous_until_us = 0;
    } else {
        TRY(end_value(s, k, &c, STR("pending"), STR("abandoned")));
        // Else it would be due again at once.
        TRY(due_set_next(s, &c, found->now_us, job->op->arena));
        if (c.kind == ROTUNDA_K6) {
            c.next_rotation_us = found->now_us + ROTATION_MIN_INTERVAL_S * CLOCK_SECOND;
        }
    }
    return credential_store(s, k, &c);
}

// The pending value becomes what a person made by hand; that it works is for the target to say.
static struct status import_value(struct session *s, const struct settle_job *job,
                                  const struct credential *c)
{
    const struct keyring *k = job->op->worker->vault->keyring;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value key[] = {store_uuid(c->id)};
    TRY(session_exec(s, &find_values, key, ARRAY_LEN(key), &rows));
    for (int row = 0; row < rows.count; row++) {
        struct version v;
        TRY(version_read(k, &rows, row, 0, &v));
        if (str_equal_c(v.state, "pending")) {
            struct buffer sealed CLEANUP(buffer_done);
            buffer_init(&sealed, SEALED_BYTES);
            v.external_id = job->value.external_id;
            v.valid_until_us = 0;
            TRY(version_seal(k, c->mount, bytes_from_str(job->value.text), &v, &sealed));
            return version_fill(s, k, &v);
        }
    }
    FAIL(CONFLICT, "the rotation has no new value any more");
}

static struct status settle_work(struct session *s, void *arg)
{
    const struct settle_job *job = arg;
    const struct vault *vault = job->op->worker->vault;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    const struct store_value key[] = {store_uuid(job->attempt)};
    struct attempt before;
    TRY(credential_lock(s, vault->keyring, job->credential, job->op->arena, &found));
    TRY(session_exec(s, &lock_attempt, key, ARRAY_LEN(key), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the rotation is over");
    }
    TRY(attempt_read(vault->keyring, &rows, 0, 0, &before));
    if (before.state != ATTEMPT_BLOCKED || !uuid_equal(before.credential, job->credential)) {
        FAIL(CONFLICT, "the rotation isn't blocked");
    }
    if (job->action == MANAGE_ABANDON && before.row_version != job->checked) {
        FAIL(CONFLICT, "the rotation was changed by someone else meanwhile, try again");
    }
    struct attempt_change change = {.next = before, .node = vault->node};
    TRY(choose_state(job, &before, &found.credential, &change.next.state));
    change.detail = job->op->caller.display_name;
    change.next.tries = 0;
    change.next.values_tried = 0;
    bool abandons = job->action == MANAGE_ABANDON;
    change.next.hold = before.hold && !abandons;
    if (change.next.state == ATTEMPT_DRAINING) {
        change.next.version = found.credential.current_version;
        change.not_before_us = credential_previous_ends_us(&found.credential);
    }
    TRY(attempt_update(s, vault->keyring, &before, &change));
    if (abandons) {
        TRY(give_up(s, job, &found, change.next.state));
        return notice_of_change(s, vault->keyring, &before, &change);
    }
    if (job->action == MANAGE_IMPORT) {
        return import_value(s, job, &found.credential);
    }
    return job->action == MANAGE_APPLY ? session_exec(s, &raise_fence, NULL, 0, NULL) : OK_STATUS;
}

// Where readers wait the target may have the new value, or a third one. Giving up would serve what
// was current, and set the new one aside: not before the target has said that it is worth it.
static struct status check_giving_up(struct settle_job *job, const struct credential *c,
                                     struct str *out_message)
{
    const struct vault *vault = job->op->worker->vault;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value key[] = {store_uuid(job->attempt)};
    struct attempt a;
    TRY(store_query(vault->store, &find_attempt, key, ARRAY_LEN(key), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the rotation is over");
    }
    TRY(attempt_read(vault->keyring, &rows, 0, 0, &a));
    job->checked = a.row_version;
    return a.hold && c->current_version != 0 ? manage_probe_current(job->op, c, out_message)
                                             : OK_STATUS;
}

struct status manage_settle(struct operation *op, const struct credential_found *found,
                            enum manage_action action, struct manage_value value,
                            struct str *out_message)
{
    struct settle_job job = {.op = op,
                             .credential = found->credential.id,
                             .attempt = found->attempt,
                             .action = action,
                             .value = value};
    if (action == MANAGE_ABANDON) {
        TRY(check_giving_up(&job, &found->credential, out_message));
    }
    TRY(operation_transact(op, settle_work, &job));
    rotation_kick(rotation_running());
    return OK_STATUS;
}
