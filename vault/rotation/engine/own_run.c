// SPDX-License-Identifier: ISC
#include "vault/rotation/engine/own_run.h"

#include <stdio.h>
#include <string.h>

#include "vault/base/log.h"
#include "vault/rotation/engine/driver.h"
#include "vault/rotation/engine/rotation_internal.h"
#include "vault/rotation/fault.h"
#include "vault/rotation/manage/own.h"
#include "vault/rotation/notice.h"

enum {
    OWN_ARENA_BYTES = 2 * 1024 * 1024,
    SEALED_BYTES = 8192,
    TARGET_AT = OWN_COLUMN_COUNT,
    MOUNT_AT = TARGET_AT + TARGET_COLUMN_COUNT,
    BACKOFF_FIRST_US = CLOCK_SECOND / 2,
    BACKOFF_SHIFT_MAX = 7, // a minute: everything at the target waits for it
    OWNERS_MAX = 100,
};
#define BLOCKED_US (300LL * CLOCK_SECOND) // until the target is asked again, a person being awaited

static const struct store_statement claim_own = {
    "rotation.claim_own",
    "UPDATE rotation_target_change SET fence = nextval('rotation_fence'), node = $1, "
    "lease_until = clock_timestamp() + $2 * interval '1 microsecond' WHERE id = ("
    "SELECT id FROM rotation_target_change WHERE open AND next_step_at <= clock_timestamp() "
    "AND lease_until <= clock_timestamp() ORDER BY next_step_at LIMIT 1 FOR UPDATE SKIP LOCKED) "
    "RETURNING id, fence"};
static const struct store_statement load_own = {
    "rotation.load_own",
    "SELECT " OWN_COLUMNS ", " TARGET_COLUMNS ", m.path FROM rotation_target_change o "
    "JOIN rotation_target t ON t.id = o.target_id JOIN mount m ON m.id = t.mount_id "
    "WHERE o.id = $1 AND o.fence = $2 AND o.open"};
static const struct store_statement put_effect = {
    "rotation.own_effect", "SELECT effect_record($1, $2, $3, '', 'system', 'rotate', $4)"};

static const struct store_statement find_owners = {
    "rotation.own_owners",
    "SELECT DISTINCT ON (owner) id FROM rotation_credential WHERE target_id = $1 "
    "ORDER BY owner, name LIMIT $2"};

struct own_job {
    struct rotation *engine;
    struct arena *arena;
    struct store_rows rows;
    struct own own;
    struct target target;
    struct str path;
    struct secret *value; // the new one
    struct driver driver;
    int64_t lease_end_us;
};

static const struct keyring *keyring_of(const struct own_job *j)
{
    return j->engine->worker->vault->keyring;
}

static struct status claim_work(struct session *s, void *arg)
{
    void **args = arg;
    const struct rotation *r = args[0];
    const struct store_value values[] = {store_text(r->worker->vault->node),
                                         store_int(r->lease_us)};
    return session_exec(s, &claim_own, values, ARRAY_LEN(values), args[1]);
}

struct status own_claim_next(struct rotation *r, struct own_claim *out, bool *out_found)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    int64_t began_us = clock_monotonic_us();
    void *args[] = {r, &rows};
    TRY(store_transact(r->worker->vault->store, claim_work, args));
    *out_found = rows.count == 1;
    if (*out_found) {
        *out = (struct own_claim){store_get_uuid(&rows, 0, 0), store_get_int(&rows, 0, 1),
                                  began_us + r->lease_us};
    }
    return OK_STATUS;
}

static struct status load(struct own_job *j, const struct own_claim *claim)
{
    const struct keyring *k = keyring_of(j);
    const struct store_value key[] = {store_uuid(claim->id), store_int(claim->fence)};
    TRY(store_query(rotation_store(j->engine), &load_own, key, ARRAY_LEN(key), &j->rows));
    if (j->rows.count != 1) {
        FAIL(CONFLICT, "someone else has the change");
    }
    TRY(target_read(k, &j->rows, 0, TARGET_AT, &j->target));
    TRY(arena_printf(j->arena, &j->path, "%.*stargets/%.*s",
                     STR_ARG(store_get_text(&j->rows, 0, MOUNT_AT)), STR_ARG(j->target.name)));
    TRY(own_read(k, &j->rows, 0, 0, &j->own));
    if (!uuid_equal(j->own.target, j->target.id) ||
        !str_equal(j->own.principal, j->target.principal)) {
        FAIL(INTEGRITY, "rows of different targets were mixed");
    }
    TRY(own_open(k, j->target.mount, &j->own, &j->value));
    TRY(driver_init(&j->driver, j->engine, k, &j->target, j->arena));
    j->driver.changes_own = true;
    return OK_STATUS;
}

// ---- changing state

struct commit_job {
    struct own_job *job;
    const struct own_update *update;
    struct uuid request_id;
    int64_t chain;
};

// The target's row gets what has just logged in.
static struct status promote_work(struct session *s, const struct own_job *j)
{
    const struct keyring *k = keyring_of(j);
    struct target_found found CLEANUP(target_found_done) = {0};
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, SEALED_BYTES);
    TRY(target_lock(s, k, j->target.id, &found));
    if (!found.exists || found.target.secret_version != j->target.secret_version) {
        FAIL(CONFLICT, "the target was changed by someone else meanwhile");
    }
    TRY(target_seal(k, &found.target, secret_view(j->value), &sealed));
    return target_put(s, k, &found.target);
}

// A target has no owner; whoever owns a credential there is told, once each.
static struct status tell_owners(struct session *s, const struct own_job *j)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_uuid(j->target.id), store_int(OWNERS_MAX)};
    char once[UUID_TEXT_BYTES];
    uuid_format(j->own.id, once);
    TRY(session_exec(s, &find_owners, values, ARRAY_LEN(values), &rows));
    for (int row = 0; row < rows.count; row++) {
        const struct notice_saying saying = {.event = NOTICE_BLOCKED,
                                             .credential = store_get_uuid(&rows, row, 0),
                                             .once = str_from_c(once),
                                             .error_class = "own_password"};
        TRY(notice_say(s, keyring_of(j), &saying));
    }
    return OK_STATUS;
}

static bool gets_blocked(const struct own_job *j, const struct own_update *u)
{
    const struct own *o = &j->own;
    return own_is_blocked(u->state, u->tries, str_from_c(u->error_class)) &&
           !own_is_blocked(o->state, o->tries, o->error_class);
}

static struct status commit_work(struct session *s, void *arg)
{
    const struct commit_job *c = arg;
    const struct own_job *j = c->job;
    if (c->update->state == OWN_PROMOTED) {
        TRY(promote_work(s, j)); // in the order in which a person's change locks the rows
    }
    TRY(own_change(s, keyring_of(j), &j->own, c->update));
    if (gets_blocked(j, c->update)) {
        TRY(tell_owners(s, j));
    }
    const struct store_value values[] = {store_uuid(c->request_id), store_int(c->chain),
                                         store_int(j->own.namespace_id), store_text(j->path)};
    return session_exec(s, &put_effect, values, ARRAY_LEN(values), NULL);
}

static void record(const struct commit_job *c, int64_t began_us)
{
    const struct own_job *j = c->job;
    char detail[256];
    snprintf(detail, sizeof detail,
             "{\"credential\":\"own\",\"state\":\"%s\",\"fence\":%lld,\"error\":\"%s\"}",
             own_state_name(c->update->state).ptr, (long long)j->own.fence,
             c->update->error_class == NULL ? "" : c->update->error_class);
    const struct audit_entry entry = {.request_id = c->request_id,
                                      .namespace_id = j->own.namespace_id,
                                      .actor = STR("system"),
                                      .operation = STR("rotate"),
                                      .path = j->path,
                                      .result = c->update->error_class == NULL ? 204 : 500,
                                      .duration_us = clock_monotonic_us() - began_us,
                                      .effect = true,
                                      .detail = str_from_c(detail),
                                      .effect_chain = c->chain};
    status_ignore(audit_append(j->engine->worker->audit, &entry)); // it becomes a record later
}

static struct status commit(struct own_job *j, const struct own_update *update)
{
    struct commit_job c = {j, update, uuid_new(), audit_log_chain(j->engine->worker->audit)};
    int64_t began_us = clock_monotonic_us();
    struct str place;
    TRY(arena_printf(j->arena, &place, "own_%s", own_state_name(update->state).ptr));
    bool moves = update->state != j->own.state;
    if (moves) {
        fault_point(place, false);
    }
    TRY(store_transact(rotation_store(j->engine), commit_work, &c));
    j->lease_end_us = began_us + update->lease_us;
    j->own.state = update->state;
    j->own.first_fence = update->first_fence;
    j->own.tries = update->tries;
    j->own.row_version++;
    if (moves) {
        fault_point(place, true);
    }
    log_event(update->error_class == NULL ? LOG_INFO : LOG_WARN, "rotation.own_step",
              LOG_STR("target", j->target.name), LOG_STR("state", own_state_name(update->state)),
              LOG_INT("fence", j->own.fence), LOG_STR("error", str_from_c(update->error_class)),
              LOG_STR("detail", update->error));
    record(&c, began_us);
    return OK_STATUS;
}

static struct status back_off(struct own_job *j, const char *error_class, struct str why)
{
    int64_t shift = j->own.tries < BACKOFF_SHIFT_MAX ? j->own.tries : BACKOFF_SHIFT_MAX;
    int64_t tries = j->own.tries + 1;
    bool blocked = own_is_blocked(j->own.state, tries, str_from_c(error_class));
    const struct own_update later = {.state = j->own.state,
                                     .first_fence = j->own.first_fence,
                                     .delay_us =
                                         blocked ? BLOCKED_US : (int64_t)BACKOFF_FIRST_US << shift,
                                     .tries = tries,
                                     .error_class = error_class,
                                     .error = why};
    return commit(j, &later);
}

static struct status finish(struct own_job *j, enum own_state state, const char *error_class,
                            struct str why)
{
    const struct own_update end = {.state = state,
                                   .first_fence = j->own.first_fence,
                                   .error_class = error_class,
                                   .error = why};
    return commit(j, &end);
}

// ---- asking the target

static struct status ask(struct own_job *j, enum protocol_op op, struct protocol_reply *out,
                         bool *asked)
{
    struct driver_call call = {.attempt = j->own.id,
                               .fence = j->own.fence,
                               .account = j->target.principal,
                               .value = j->value,
                               .salt = j->own.salt};
    *asked = false;
    TRY(settings_add(&call.account_settings, "self_rotation", STR("true"), j->arena));
    // Never beyond the lease: somebody else may be there then.
    int64_t latest_us = clock_monotonic_us() + j->target.timeout_s * CLOCK_SECOND;
    j->driver.deadline_us = latest_us < j->lease_end_us ? latest_us : j->lease_end_us;
    return driver_ask(&j->driver, op, &call, out, asked);
}

// `*out_again`: the target has the old value for certain.
static struct status look(struct own_job *j, bool *out_again)
{
    struct protocol_reply reply;
    bool asked;
    *out_again = false;
    struct status s = ask(j, PROTOCOL_PROBE, &reply, &asked);
    if (!status_ok(s)) {
        return back_off(j, "unreachable", str_from_c(s.what));
    }
    if (reply.result == PROTOCOL_WORKS) {
        return finish(j, OWN_PROMOTED, NULL, STR(""));
    }
    if (reply.result == PROTOCOL_REJECTED) {
        *out_again = true; // said by the target while the old value had a session open
        return OK_STATUS;
    }
    return back_off(j, protocol_error_name(reply.error).ptr, reply.message);
}

static struct status look_after_change(struct own_job *j)
{
    bool again;
    TRY(look(j, &again));
    return again
               ? back_off(j, "not_applied", STR("the target was not changed: the same value again"))
               : OK_STATUS;
}

// Refused for certain, and nobody was on the way there before us.
static bool may_abandon(const struct own_job *j, const struct protocol_reply *reply)
{
    bool certain =
        reply->error == ROTUNDA_ERROR_NOT_PERMITTED || reply->error == ROTUNDA_ERROR_INVALID ||
        reply->error == ROTUNDA_ERROR_UNTRUSTED || reply->error == ROTUNDA_ERROR_POLICY_REJECTED;
    return certain && j->own.first_fence == j->own.fence;
}

static struct status apply(struct own_job *j)
{
    struct protocol_reply reply;
    bool asked;
    fault_point(STR("own_apply"), false);
    struct status s = ask(j, PROTOCOL_APPLY, &reply, &asked);
    fault_point(STR("own_apply"), true);
    if (!status_ok(s) && !asked) {
        return back_off(j, "unreachable", str_from_c(s.what));
    }
    if (!status_ok(s) || reply.result != PROTOCOL_NOT_APPLIED) {
        return look_after_change(j);
    }
    const char *error_class = protocol_error_name(reply.error).ptr;
    return may_abandon(j, &reply) ? finish(j, OWN_ABANDONED, error_class, reply.message)
                                  : back_off(j, error_class, reply.message);
}

static struct status begin_applying(struct own_job *j)
{
    const struct own_update go = {.state = OWN_APPLYING,
                                  .first_fence = j->own.fence,
                                  .lease_us = j->engine->lease_us,
                                  .tries = j->own.tries};
    TRY(commit(j, &go));
    return apply(j);
}

static struct status run_states(struct own_job *j, const struct own_claim *claim)
{
    bool again;
    TRY(load(j, claim));
    if (j->own.state == OWN_STAGED) {
        return begin_applying(j);
    }
    TRY(look(j, &again));
    return again ? apply(j) : OK_STATUS;
}

void own_run(struct rotation *r, const struct own_claim *claim)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(OWN_ARENA_BYTES);
    if (arena == NULL) {
        return; // the lease passes, and it is claimed again
    }
    struct own_job j = {.engine = r, .arena = arena, .lease_end_us = claim->lease_end_us};
    struct status s = run_states(&j, claim);
    if (!status_ok(s)) {
        log_repeated(s.code == STATUS_CONFLICT ? LOG_INFO : LOG_ERROR, "rotation.own_left",
                     LOG_UUID("change", claim->id), LOG_INT("fence", claim->fence), LOG_STATUS(s));
    }
    driver_done(&j.driver);
    secret_free(j.value);
    store_rows_done(&j.rows);
}
