// SPDX-License-Identifier: ISC
// What people tell about a credential without touching its target: that somebody gave its account
// another value, and that its schedule rests.
#include "vault/crypto/aead.h"
#include "vault/rotation/manage/manage_internal.h"
#include "vault/rotation/notice.h"

enum { SEALED_BYTES = 8192 };

struct import_job {
    struct operation *op;
    const struct credential *seen;
    struct manage_value value;
    int64_t version;
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
    TRY(attempt_update(s, vault->keyring, &l->attempt, &change));
    return l->pending.number == 0
               ? OK_STATUS
               : version_change(s, vault->keyring, &l->pending, STR("abandoned"));
}

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

static struct status import_work(struct session *s, void *arg)
{
    struct import_job *job = arg;
    const struct vault *vault = job->op->worker->vault;
    struct manage_locked l CLEANUP(manage_locked_done) = {0};
    TRY(manage_lock(s, job->op, job->seen->id, &l));
    struct credential *c = &l.found.credential;
    if (c->row_version != job->seen->row_version) {
        FAIL(CONFLICT, "the credential was changed by someone else meanwhile, try again");
    }
    if (l.has_attempt) {
        TRY(end_blocked(s, job, &l));
    }
    if (l.current.number != 0) {
        TRY(version_change(s, vault->keyring, &l.current, STR("retired")));
    }
    if (l.previous.number != 0) { // a copy for a rollback
        TRY(version_change(s, vault->keyring, &l.previous, STR("retired")));
        c->previous_version = 0;
        c->previous_until_us = 0;
    }
    if (c->next_rotation_us <= l.found.now_us || c->current_version == 0) {
        // Else the value that was just told would be replaced at once.
        TRY(due_set_next(s, c, l.found.now_us, job->op->arena));
    }
    c->current_version = ++c->last_version;
    c->updated_us = l.found.now_us;
    TRY(insert_value(s, job, &l));
    TRY(credential_store(s, vault->keyring, c));
    job->version = c->current_version;
    TRY(attempt_note(s, c, vault->node, STR("imported"), job->op->caller.display_name));
    const struct notice_saying saying = {
        .event = NOTICE_ROTATED, .credential = c->id, .once = STR("")};
    return notice_say(s, vault->keyring, &saying);
}

struct status manage_import(struct operation *op, const struct credential *c,
                            struct manage_value value, int64_t *out_version)
{
    struct import_job job = {.op = op, .seen = c, .value = value};
    TRY(operation_transact(op, import_work, &job));
    *out_version = job.version;
    return OK_STATUS;
}

// ---- pause and resume

struct pause_job {
    struct operation *op;
    struct uuid credential;
    bool paused;
};

static struct status pause_work(struct session *s, void *arg)
{
    const struct pause_job *job = arg;
    const struct vault *vault = job->op->worker->vault;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, vault->keyring, job->credential, job->op->arena, &found));
    if (found.credential.paused == job->paused) {
        return OK_STATUS;
    }
    found.credential.paused = job->paused;
    found.credential.updated_us = found.now_us;
    TRY(credential_store(s, vault->keyring, &found.credential));
    return attempt_note(s, &found.credential, vault->node,
                        job->paused ? STR("paused") : STR("resumed"), job->op->caller.display_name);
}

struct status manage_pause(struct operation *op, const struct credential *c, bool paused)
{
    struct pause_job job = {op, c->id, paused};
    TRY(operation_transact(op, pause_work, &job));
    rotation_kick(rotation_running());
    return OK_STATUS;
}
