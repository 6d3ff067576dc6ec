// SPDX-License-Identifier: ISC
// What a credential's own rules say while an attempt is under way: that it stays inside of its
// windows, and that a value which is still in use isn't ended.
#include "vault/rotation/engine/run.h"

#include <stdio.h>

#include "vault/rotation/readers.h"
#include "vault/rotation/when/due.h"

enum { USE_WAIT_US = 60 * CLOCK_SECOND, USE_WAIT_LEAST_US = CLOCK_SECOND, WHO_BYTES = 512 };

static const struct store_statement find_reader = {
    "rotation.last_reader",
    "SELECT r.actor, r.accessor, r.remote, r.last_read_at FROM rotation_credential c, "
    "rotation_read r WHERE c.id = $1 AND " READERS_HOLD " ORDER BY r.last_read_at DESC LIMIT 1"};

// ---- windows

struct look_job {
    struct run *run;
    enum timetable_why why;
};

static struct status look_work(struct session *s, void *arg)
{
    struct look_job *job = arg;
    return due_look(s, &job->run->credential, job->run->loaded_us, job->run->arena, &job->why);
}

static struct status put_off_work(struct session *s, void *arg)
{
    struct run *r = arg;
    const struct keyring *k = r->worker->vault->keyring;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, k, r->credential.id, r->arena, &found));
    if (r->values[RUN_PENDING].exists) {
        TRY(version_change(s, k, &r->values[RUN_PENDING].version, STR("abandoned")));
    }
    TRY(due_set_moved(s, &found.credential, found.now_us, r->arena));
    return credential_store(s, k, &found.credential);
}

static struct status put_off(struct run *r, enum timetable_why why)
{
    struct attempt_change change = run_change(r, ATTEMPT_ROLLED_BACK);
    change.next.hold = false;
    change.detail = why == TIMETABLE_BLACKOUT
                        ? STR("a blackout began before the target was changed: put off")
                        : STR("the window closed before the target was changed: put off");
    return run_commit(r, &change, put_off_work, r);
}

struct status run_stay_in_window(struct run *r, bool *out_over)
{
    struct look_job job = {.run = r};
    *out_over = false;
    // Where readers wait it goes on: that is worse than any time of the day. So does a key pair
    // that may have been uploaded.
    bool uploaded = r->credential.kind == ROTUNDA_K3 && r->attempt.applied_us != 0;
    bool bound = str_equal_c(r->attempt.cause, "schedule") && !r->attempt.hold && !uploaded &&
                 credential_has_windows(&r->credential);
    if (!bound) {
        return OK_STATUS;
    }
    TRY(store_run(r->worker->vault->store, look_work, &job));
    *out_over = job.why != TIMETABLE_ALLOWED;
    return *out_over ? put_off(r, job.why) : OK_STATUS;
}

// ---- retirement by use

static struct status wait_for_disuse(struct run *r, struct str who)
{
    struct attempt_change change = run_change(r, ATTEMPT_DRAINING);
    int64_t quiet_us = r->credential.retire_quiet_s * CLOCK_SECOND / 10;
    int64_t longest_us = quiet_us < USE_WAIT_US ? quiet_us : USE_WAIT_US;
    change.delay_us = longest_us > USE_WAIT_LEAST_US ? longest_us : USE_WAIT_LEAST_US;
    change.lease_us = 0;
    change.error_class = "in_use";
    change.detail = who;
    return run_commit(r, &change, NULL, NULL);
}

// The last one who read the previous value, of those who are waited for; empty: nobody.
static struct status find_last_reader(struct run *r, struct str *out)
{
    const struct credential *c = &r->credential;
    const struct store_value values[] = {store_uuid(c->id)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    char when[CLOCK_TEXT_BYTES];
    *out = STR("");
    TRY(store_query(r->worker->vault->store, &find_reader, values, ARRAY_LEN(values), &rows));
    if (rows.count == 0) {
        return OK_STATUS;
    }
    clock_format(store_get_time(&rows, 0, 3), when);
    struct str actor = str_first(store_get_text(&rows, 0, 0), WHO_BYTES / 4);
    struct str accessor = str_first(store_get_text(&rows, 0, 1), WHO_BYTES / 4);
    struct str remote = str_first(store_get_text(&rows, 0, 2), WHO_BYTES / 4);
    return arena_printf(r->arena, out,
                        "the previous value is in use: %.*s (accessor %.*s) at %.*s read it last "
                        "at %s",
                        STR_ARG(actor), STR_ARG(accessor), STR_ARG(remote), when);
}

// Sessions tell the values of a pair apart, not two values of one account.
static struct status count_sessions(struct run *r, struct str *out)
{
    struct protocol_reply reply;
    bool asked;
    *out = STR("");
    if (!credential_is_pair(&r->credential) || !driver_has(&r->driver, PROTOCOL_SESSIONS)) {
        return OK_STATUS;
    }
    struct str account = r->values[RUN_PREVIOUS].version.account;
    struct status s = run_ask_account(r, PROTOCOL_SESSIONS, account, &reply, &asked);
    if (!status_ok(s) || reply.result != PROTOCOL_DONE) {
        *out = STR("the target can't be asked whether the previous account has sessions");
        return OK_STATUS;
    }
    return reply.sessions == 0
               ? OK_STATUS
               : arena_printf(r->arena, out,
                              "the previous value is in use: account %.*s has %lld open sessions",
                              STR_ARG(account), (long long)reply.sessions);
}

struct status run_wait_for_disuse(struct run *r, bool *out_waits)
{
    const struct credential *c = &r->credential;
    struct str who = STR("");
    struct str sessions = STR("");
    *out_waits = false;
    if (!credential_retires_by_use(c) || r->loaded_us >= c->previous_until_us) {
        return OK_STATUS;
    }
    TRY(find_last_reader(r, &who));
    TRY(count_sessions(r, &sessions));
    if (who.len == 0) {
        who = sessions;
    } else if (sessions.len > 0) {
        TRY(arena_printf(r->arena, &who, "%.*s; %.*s", STR_ARG(who), STR_ARG(sessions)));
    }
    *out_waits = who.len > 0;
    return *out_waits ? wait_for_disuse(r, who) : OK_STATUS;
}
