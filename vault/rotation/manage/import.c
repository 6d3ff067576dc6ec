// SPDX-License-Identifier: ISC
// What people tell about a credential without touching its target: that somebody gave its account
// another value, and that its schedule rests.
#include "vault/crypto/aead.h"
#include "vault/rotation/kind.h"
#include "vault/rotation/manage/manage_internal.h"
#include "vault/rotation/notice.h"

enum { SEALED_BYTES = 8192 };

static const struct store_statement find_current = {
    "rotation.pause_current", "SELECT " VERSION_COLUMNS " FROM rotation_value v "
                              "WHERE v.credential_id = $1 AND v.state = 'current'"};

struct import_job {
    struct operation *op;
    const struct credential *seen;
    struct manage_value value;
    int64_t version;
    struct str left;
};

// A rotation that is blocked is over with it: what the target accepts is known now.
static struct status end_blocked(struct session *s, const struct import_job *job,
                                 const struct manage_locked *l)
{
    const struct vault *vault = job->op->worker->vault;
    bool ends_previous =
        l->attempt.version != 0 && l->attempt.version == l->found.credential.current_version;
    if (l->attempt.state == ATTEMPT_DRAINING || ends_previous) {
        FAIL(CONFLICT, "the previous value has not ended yet: import when it has");
    }
    if (l->attempt.state != ATTEMPT_BLOCKED) {
        FAIL(CONFLICT, "a rotation is under way: try again when it is done");
    }
    if (l->previous.number != 0 && credential_overlaps(&l->found.credential)) {
        FAIL(CONFLICT, "the previous value is still to be ended at the target: acknowledge the "
                       "rotation with action=abandon, and import when that value has ended");
    }
    struct attempt_change change = {
        .next = l->attempt, .node = vault->node, .detail = STR("imported")};
    change.next.state = ATTEMPT_ROLLED_BACK;
    change.next.hold = false;
    return attempt_update(s, vault->keyring, &l->attempt, &change);
}

// ---- what the target may accept beside the value that was told

static struct status is_told(const struct import_job *job, const struct manage_locked *l,
                             const struct version *v, bool *out)
{
    const struct keyring *k = job->op->worker->vault->keyring;
    struct secret *known CLEANUP(secret_cleanup) = NULL;
    if (v->external_id.len > 0) {
        *out = str_equal(v->external_id, job->value.external_id);
        return OK_STATUS;
    }
    struct status s = version_open(k, l->found.credential.mount, v, &known);
    if (s.code == STATUS_NOT_FOUND) {
        FAIL(UNAVAILABLE, "the key of a value before isn't loaded yet, try again");
    }
    TRY(s);
    *out = secret_equal_bytes(known, bytes_from_str(job->value.text));
    return OK_STATUS;
}

// What a blocked rotation may have set. `*out_told`: it is what was told now, or wasn't set.
static struct status look_at_pending(struct import_job *job, const struct manage_locked *l,
                                     bool may_be_there, bool *out_told)
{
    *out_told = true;
    if (!may_be_there) {
        return OK_STATUS;
    }
    if (l->pending.key_epoch == 0) { // an issuer's, whose answer was lost
        return manage_name_left(job->op->arena, &l->pending,
                                STR("may be valid at the target until a rotation is done, which "
                                    "ends what its list shows to be ours"),
                                &job->left);
    }
    return is_told(job, l, &l->pending, out_told);
}

// The one that was current until now, else what a blocked rotation may have set. NULL: none. Where
// there are both, the second is ended with the first.
static struct status find_left(struct import_job *job, const struct manage_locked *l,
                               bool may_be_there, const struct version **out)
{
    bool told = true;
    bool pending_told;
    if (l->current.number != 0) {
        TRY(is_told(job, l, &l->current, &told));
    }
    TRY(look_at_pending(job, l, may_be_there, &pending_told));
    *out = !told ? &l->current : !pending_told ? &l->pending : NULL;
    return told || pending_told
               ? OK_STATUS
               : manage_name_left(job->op->arena, &l->pending,
                                  STR("may be valid at the target until the one before is ended"),
                                  &job->left);
}

// Of an account that takes several values: the one before ends as after a rotation, when its grace
// has passed; what nobody was ever served, at once. What an issuer lists is looked through then.
static struct status let_drain(struct session *s, struct import_job *job, struct manage_locked *l,
                               const struct version *left)
{
    const struct vault *vault = job->op->worker->vault;
    struct credential *c = &l->found.credential;
    int64_t now_us = l->found.now_us;
    char until[CLOCK_TEXT_BYTES];
    struct str how = STR("may be valid at the target, where it is ended now");
    if (left == &l->current) {
        c->previous_version = left->number;
        c->previous_until_us = kind_served_until_us(c, now_us, left->valid_until_us);
        clock_format(c->previous_until_us, until);
        TRY(arena_printf(job->op->arena, &how,
                         "stays valid until %s, and is ended at the target %s", until,
                         credential_retires_by_use(c) ? "by then" : "then"));
    }
    TRY(version_change(s, vault->keyring, left, STR("previous")));
    TRY(manage_name_left(job->op->arena, left, how, &job->left));
    struct attempt a = attempt_new(c, left->account, STR("manual"), now_us);
    a.state = ATTEMPT_PROMOTED;
    a.version = c->last_version + 1; // the one that is told now
    return attempt_insert(s, vault->keyring, vault->node, &a);
}

// Each rotation of a pair replaces what the idle account has, and then ends the other account.
static struct status warn_of_pair(struct import_job *job, const struct manage_locked *l,
                                  bool may_be_there)
{
    const struct credential *c = &l->found.credential;
    bool told = true;
    if (may_be_there && !str_equal(l->pending.account, l->current.account)) {
        TRY(manage_name_left(job->op->arena, &l->pending,
                             STR("may be valid at the target until the next rotation"),
                             &job->left));
    }
    if (c->kind == ROTUNDA_K2 && l->current.number != 0) {
        TRY(is_told(job, l, &l->current, &told));
    }
    return told
               ? OK_STATUS
               : manage_name_left(job->op->arena, &l->current,
                                  STR("may be valid at the target until the next rotation is done"),
                                  &job->left);
}

static struct status note_imported(struct session *s, const struct import_job *job,
                                   const struct credential *c)
{
    struct str who = job->op->caller.display_name;
    struct str detail;
    TRY(arena_printf(job->op->arena, &detail, "%.*s%s%.*s", STR_ARG(who),
                     job->left.len > 0 ? ": " : "", STR_ARG(job->left)));
    return attempt_note(s, c, job->op->worker->vault->node, STR("imported"), detail);
}

// ----

static struct status insert_value(struct session *s, const struct import_job *job,
                                  const struct manage_locked *l)
{
    const struct keyring *k = job->op->worker->vault->keyring;
    const struct credential *c = &l->found.credential;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, SEALED_BYTES);
    struct version v = {.id = uuid_new(),
                        .namespace_id = c->namespace_id,
                        .credential = c->id,
                        .number = c->current_version,
                        .account = l->current.number != 0 ? l->current.account : c->accounts[0],
                        .state = STR("current"),
                        .external_id = job->value.external_id,
                        .created_us = l->found.now_us};
    TRY(version_seal(k, c->mount, bytes_from_str(job->value.text), &v, &sealed));
    return version_insert(s, k, &v);
}

// What was current, pending or previous is so no more. A rotation that is blocked ends.
static struct status replace_values(struct session *s, struct import_job *job,
                                    struct manage_locked *l)
{
    const struct keyring *k = job->op->worker->vault->keyring;
    struct credential *c = &l->found.credential;
    const struct version *left = NULL;
    bool may_be_there = manage_may_be_there(l);
    if (l->has_attempt) {
        TRY(end_blocked(s, job, l));
    }
    if (l->previous.number != 0) { // a copy for a rollback
        TRY(version_change(s, k, &l->previous, STR("retired")));
        c->previous_version = 0;
        c->previous_until_us = 0;
    }
    if (c->slots > 1) {
        TRY(find_left(job, l, may_be_there, &left));
    } else if (credential_is_pair(c)) {
        TRY(warn_of_pair(job, l, may_be_there));
    }
    if (left != NULL) {
        TRY(let_drain(s, job, l, left));
    }
    if (l->pending.number != 0 && left != &l->pending) {
        TRY(version_change(s, k, &l->pending, STR("abandoned")));
    }
    return l->current.number != 0 && left != &l->current
               ? version_change(s, k, &l->current, STR("retired"))
               : OK_STATUS;
}

static struct status import_work(struct session *s, void *arg)
{
    struct import_job *job = arg;
    const struct vault *vault = job->op->worker->vault;
    struct manage_locked l CLEANUP(manage_locked_done) = {0};
    job->left = STR("");
    TRY(manage_lock(s, job->op, job->seen->id, &l));
    struct credential *c = &l.found.credential;
    if (c->row_version != job->seen->row_version) {
        FAIL(CONFLICT, "the credential was changed by someone else meanwhile, try again");
    }
    TRY(replace_values(s, job, &l));
    if (c->next_rotation_us <= l.found.now_us || c->current_version == 0) {
        // Else the value that was just told would be replaced at once.
        TRY(due_set_next(s, c, l.found.now_us, job->op->arena));
    }
    c->current_version = ++c->last_version;
    c->updated_us = l.found.now_us;
    TRY(insert_value(s, job, &l));
    TRY(credential_store(s, vault->keyring, c));
    job->version = c->current_version;
    TRY(note_imported(s, job, c));
    const struct notice_saying saying = {
        .event = NOTICE_ROTATED, .credential = c->id, .once = STR("")};
    return notice_say(s, vault->keyring, &saying);
}

struct status manage_import(struct operation *op, const struct credential *c,
                            struct manage_value value, struct manage_imported *out)
{
    struct import_job job = {.op = op, .seen = c, .value = value};
    TRY(operation_transact(op, import_work, &job));
    op->note = job.left;
    rotation_kick(rotation_running());
    *out = (struct manage_imported){job.version, job.left};
    return OK_STATUS;
}

// ---- pause and resume

struct pause_job {
    struct operation *op;
    struct uuid credential;
    bool paused;
    int64_t version; // what is served
    int64_t valid_until_us;
};

// Nobody is kept from pausing by values that were altered.
static struct status look_at_value(struct session *s, struct pause_job *job,
                                   const struct credential *c)
{
    const struct store_value key[] = {store_uuid(c->id)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct version v;
    job->version = c->current_version;
    TRY(session_exec(s, &find_current, key, ARRAY_LEN(key), &rows));
    if (rows.count == 1 &&
        status_ok(version_read(job->op->worker->vault->keyring, &rows, 0, 0, &v))) {
        job->valid_until_us = v.valid_until_us;
    }
    return OK_STATUS;
}

static struct status pause_work(struct session *s, void *arg)
{
    struct pause_job *job = arg;
    const struct vault *vault = job->op->worker->vault;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, vault->keyring, job->credential, job->op->arena, &found));
    TRY(look_at_value(s, job, &found.credential));
    if (found.credential.paused == job->paused) {
        return OK_STATUS;
    }
    found.credential.paused = job->paused;
    found.credential.updated_us = found.now_us;
    TRY(credential_store(s, vault->keyring, &found.credential));
    return attempt_note(s, &found.credential, vault->node,
                        job->paused ? STR("paused") : STR("resumed"), job->op->caller.display_name);
}

struct status manage_pause(struct operation *op, const struct credential *c, bool paused,
                           struct manage_paused *out)
{
    struct pause_job job = {.op = op, .credential = c->id, .paused = paused};
    TRY(operation_transact(op, pause_work, &job));
    rotation_kick(rotation_running());
    *out = (struct manage_paused){job.version, job.valid_until_us};
    return OK_STATUS;
}
