// SPDX-License-Identifier: ISC
// What a run asks the target's rotator, and what it lends to it.
#include "vault/rotation/engine/run.h"

#include "vault/rotation/fault.h"
#include "vault/rotation/kind.h"

struct status run_open(struct run *r, enum run_value_kind kind, const struct secret **out)
{
    struct run_value *v = &r->values[kind];
    if (!v->exists) {
        FAIL(INTEGRITY, "a value that the attempt needs is missing");
    }
    if (v->secret == NULL) {
        struct status s =
            version_open(r->worker->vault->keyring, r->credential.mount, &v->version, &v->secret);
        if (s.code == STATUS_NOT_FOUND) {
            FAIL(UNAVAILABLE, "the key of this value isn't loaded yet");
        }
        TRY(s);
    }
    *out = v->secret;
    return OK_STATUS;
}

bool run_has_value(const struct run *r, enum run_value_kind kind)
{
    const struct run_value *v = &r->values[kind];
    return v->exists && (v->secret != NULL || v->version.key_epoch != 0);
}

int64_t run_now_us(const struct run *r)
{
    return r->loaded_us + clock_monotonic_us() - r->loaded_mono_us;
}

bool run_is_accepting(const struct run *r)
{
    int64_t most_s = r->driver.rotator->acceptance_s;
    most_s = most_s < LIMIT_ROTATION_ACCEPTANCE_S ? most_s : LIMIT_ROTATION_ACCEPTANCE_S;
    return run_now_us(r) < r->attempt.applied_us + most_s * CLOCK_SECOND;
}

const char *run_class(enum rotunda_error error)
{
    return protocol_error_name(error).ptr;
}

bool run_needs_person(enum rotunda_error error)
{
    return error == ROTUNDA_ERROR_NOT_PERMITTED || error == ROTUNDA_ERROR_INVALID ||
           error == ROTUNDA_ERROR_UNTRUSTED || error == ROTUNDA_ERROR_CAP_REACHED;
}

struct status run_failed(struct run *r, enum attempt_state state, bool hold,
                         const struct protocol_reply *reply)
{
    return run_needs_person(reply->error)
               ? run_block(r, hold, run_class(reply->error), reply->message)
               : run_back_off(r, state, run_class(reply->error), reply->message);
}

// The attempt is no longer ours, or the target has seen a fence of somebody else's: then nothing
// here may go on. Which of the two it is shows when we try to write.
struct status run_fenced(struct run *r)
{
    return run_block(r, r->attempt.hold, run_class(ROTUNDA_ERROR_FENCED),
                     STR("the target has seen a later fence than this vault has given out: was the "
                         "vault's database restored, or does another vault rotate the account?"));
}

// ---- putting a call together

static struct status make_call(struct run *r, struct str account, struct driver_call *out)
{
    *out = (struct driver_call){.attempt = r->id, .fence = r->fence, .account = account};
    TRY(settings_parse(r->credential.account_settings, r->arena, &out->account_settings));
    if (!credential_is_pair(&r->credential)) {
        return OK_STATUS;
    }
    struct str other = credential_next_account(&r->credential, account);
    return settings_add(&out->account_settings, "pair_role", other, r->arena);
}

static void note_retry_after(struct run *r, const struct protocol_reply *reply)
{
    int64_t wait_s = reply->error == ROTUNDA_ERROR_THROTTLED ? reply->retry_after_s : 0;
    wait_s = wait_s < LIMIT_ROTATION_RETRY_AFTER_S ? wait_s : LIMIT_ROTATION_RETRY_AFTER_S;
    r->retry_after_us = wait_s > 0 ? wait_s * CLOCK_SECOND : 0;
}

static struct status ask(struct run *r, enum protocol_op op, const struct driver_call *call,
                         struct protocol_reply *out, bool *asked)
{
    // Never beyond the lease: somebody else may be there then.
    int64_t latest_us = clock_monotonic_us() + r->target.timeout_s * CLOCK_SECOND;
    r->driver.deadline_us = latest_us < r->lease_end_us ? latest_us : r->lease_end_us;
    fault_point(protocol_op_name(op), false);
    struct status s = driver_ask(&r->driver, op, call, out, asked);
    fault_point(protocol_op_name(op), true);
    if (status_ok(s)) {
        note_retry_after(r, out);
    }
    return s;
}

// A private key that we made never leaves but to prove itself; what an issuer made is known to it
// by its id.
static bool lends_secret(const struct run *r, enum protocol_op op, const struct version *v)
{
    if (op == PROTOCOL_PROBE) {
        return true;
    }
    if (r->credential.kind == ROTUNDA_K3) {
        return false;
    }
    return !kind_is_issued(r->credential.kind) || (op != PROTOCOL_APPLY && v->external_id.len == 0);
}

static int64_t valid_until_us(const struct run *r, const struct version *v)
{
    if (kind_is_issued(r->credential.kind)) {
        return v->valid_until_us;
    }
    int64_t expires_us = r->credential.expires_us;
    return expires_us == CLOCK_NEVER ? 0 : expires_us;
}

static struct status lend_current(struct run *r, struct driver_call *call)
{
    const struct run_value *current = &r->values[RUN_CURRENT];
    bool rolled = r->credential.kind == ROTUNDA_K5;
    if (!current->exists || (r->credential.slots == 1 && !rolled)) {
        return OK_STATUS;
    }
    call->previous_public = current->version.public_part;
    call->previous_external_id = current->version.external_id;
    return rolled || r->credential.kind == ROTUNDA_K2 ? run_open(r, RUN_CURRENT, &call->previous)
                                                      : OK_STATUS;
}

struct status run_ask(struct run *r, enum protocol_op op, enum run_value_kind kind,
                      struct protocol_reply *out, bool *asked)
{
    struct driver_call call;
    const struct version *v = &r->values[kind].version;
    const struct secret *value = NULL;
    *asked = false;
    if (lends_secret(r, op, v)) {
        TRY(run_open(r, kind, &value));
    }
    TRY(make_call(r, v->account, &call));
    call.value = value;
    call.salt = v->salt;
    call.public_part = v->public_part;
    call.external_id = v->external_id;
    call.valid_until_us = valid_until_us(r, v);
    if (op == PROTOCOL_APPLY) {
        TRY(lend_current(r, &call));
    }
    return ask(r, op, &call, out, asked);
}

struct status run_ask_external(struct run *r, enum protocol_op op, struct str external_id,
                               struct protocol_reply *out, bool *asked)
{
    struct driver_call call;
    *asked = false;
    TRY(make_call(r, r->attempt.account, &call));
    call.external_id = external_id;
    return ask(r, op, &call, out, asked);
}

struct status run_ask_version(struct run *r, enum protocol_op op, const struct version *v,
                              const struct secret *value, struct protocol_reply *out, bool *asked)
{
    struct driver_call call;
    *asked = false;
    TRY(make_call(r, v->account, &call));
    call.value = value;
    call.salt = v->salt;
    call.public_part = v->public_part;
    call.external_id = v->external_id;
    return ask(r, op, &call, out, asked);
}

struct status run_ask_account(struct run *r, enum protocol_op op, struct str account,
                              struct protocol_reply *out, bool *asked)
{
    struct driver_call call;
    *asked = false;
    TRY(make_call(r, account, &call));
    return ask(r, op, &call, out, asked);
}
