// SPDX-License-Identifier: ISC
// PLANNED: waits until the account's turn has come, and puts a value aside, or the intent to have
// one made.
#include "vault/rotation/engine/run.h"
#include "vault/rotation/kind.h"

#include "vault/crypto/aead.h"
#include "vault/crypto/random.h"
#include "vault/rotation/value_rules.h"

enum {
    SESSIONS_WAIT_US = 2 * CLOCK_SECOND, // until the idle account is looked at again
    SEALED_BYTES = 8192,
};

// The idle account of a pair must have no sessions before it is changed: whoever still has one
// would find itself locked out when it opens the next. `*out_waits`: the run is over for now.
static struct status wait_for_idle(struct run *r, bool *out_waits)
{
    const struct run_value *previous = &r->values[RUN_PREVIOUS];
    struct protocol_reply reply;
    bool asked;
    *out_waits = true;
    if (previous->exists && str_equal(previous->version.account, r->attempt.account) &&
        r->credential.previous_until_us > r->loaded_us) {
        return run_wait(r, ATTEMPT_PLANNED, r->credential.previous_until_us, 0, "in_use",
                        STR("the previous value is valid until its grace has passed"));
    }
    if (!driver_has(&r->driver, PROTOCOL_SESSIONS)) {
        *out_waits = false;
        return OK_STATUS;
    }
    struct status s = run_ask_account(r, PROTOCOL_SESSIONS, r->attempt.account, &reply, &asked);
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_PLANNED, run_class(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (reply.result != PROTOCOL_DONE) {
        return run_failed(r, ATTEMPT_PLANNED, r->none_worked, &reply);
    }
    if (reply.sessions > 0) {
        return run_wait(r, ATTEMPT_PLANNED, 0, SESSIONS_WAIT_US, "in_use",
                        STR("the account whose turn it is still has open sessions"));
    }
    *out_waits = false;
    return OK_STATUS;
}

struct stage_job {
    struct run *run;
    struct version version;
};

// The number is taken from the row as it is now: it was never given out before.
static struct status stage_work(struct session *s, void *arg)
{
    const struct stage_job *job = arg;
    struct run *r = job->run;
    const struct keyring *k = r->worker->vault->keyring;
    struct credential_found found CLEANUP(credential_found_done) = {0};
    TRY(credential_lock(s, k, r->credential.id, r->arena, &found));
    if (found.credential.last_version + 1 != job->version.number) {
        FAIL(CONFLICT, "the credential was changed by someone else meanwhile");
    }
    found.credential.last_version++;
    TRY(credential_store(s, k, &found.credential));
    return version_insert(s, k, &job->version);
}

// A value that we make, and what goes to the target instead of it.
struct made {
    struct secret *value;
    struct secret *public_part; // K3
};

static void made_done(struct made *m)
{
    secret_free(m->value);
    secret_free(m->public_part);
}

static struct status make_password(struct run *r, struct made *out)
{
    struct value_rules rules;
    TRY(value_rules_read(&r->credential, r->arena, &rules));
    return value_rules_generate(&rules, &out->value);
}

// `*out_over`: there is none, and the run is over for now.
static struct status make_key_pair(struct run *r, struct made *out, bool *out_over)
{
    struct protocol_reply reply CLEANUP(protocol_reply_done) = {0};
    bool asked;
    *out_over = true;
    struct status s = run_ask_account(r, PROTOCOL_GENERATE, r->attempt.account, &reply, &asked);
    if (!status_ok(s)) {
        return run_back_off(r, ATTEMPT_PLANNED, run_class(ROTUNDA_ERROR_UNREACHABLE),
                            str_from_c(s.what));
    }
    if (reply.result != PROTOCOL_DONE) {
        return run_failed(r, ATTEMPT_PLANNED, r->none_worked, &reply);
    }
    if (reply.generated == NULL) {
        return run_back_off(r, ATTEMPT_PLANNED, run_class(ROTUNDA_ERROR_INVALID),
                            STR("the rotator said that it made a key pair, and gave none"));
    }
    out->value = TAKE(reply.generated);
    out->public_part = TAKE(reply.generated_public);
    *out_over = false;
    return OK_STATUS;
}

static struct status make_value(struct run *r, struct made *out, bool *out_over)
{
    *out_over = false;
    if (kind_is_issued(r->credential.kind)) {
        return OK_STATUS;
    }
    return r->credential.kind == ROTUNDA_K3 ? make_key_pair(r, out, out_over)
                                            : make_password(r, out);
}

static struct status copy_public(struct run *r, const struct made *made, struct version *v)
{
    if (made->public_part == NULL) {
        return OK_STATUS;
    }
    struct bytes given = secret_view(made->public_part);
    struct str kept;
    TRY(arena_copy_str(r->arena, str_from_bytes(given), &kept));
    v->public_part = bytes_from_str(kept);
    return OK_STATUS;
}

static struct status stage_value(struct run *r, const struct made *made, struct stage_job *job,
                                 struct buffer *sealed)
{
    uint8_t *salt = arena_alloc(r->arena, VERSION_SALT_BYTES);
    if (salt == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    random_fill(salt, VERSION_SALT_BYTES);
    job->version = (struct version){.id = uuid_new(),
                                    .namespace_id = r->credential.namespace_id,
                                    .credential = r->credential.id,
                                    .number = r->credential.last_version + 1,
                                    .account = r->attempt.account,
                                    .state = STR("pending"),
                                    .attempt = r->id,
                                    .salt = {salt, VERSION_SALT_BYTES},
                                    .created_us = r->loaded_us};
    if (made->value == NULL) {
        return OK_STATUS; // the intent alone
    }
    TRY(copy_public(r, made, &job->version));
    return version_seal(r->worker->vault->keyring, r->credential.mount, secret_view(made->value),
                        &job->version, sealed);
}

struct status run_step_planned(struct run *r)
{
    if (!r->durable) {
        return run_refuse_undurable(r);
    }
    bool waits;
    TRY(run_stay_in_window(r, &waits));
    if (!waits && credential_is_pair(&r->credential)) {
        TRY(wait_for_idle(r, &waits));
    }
    if (waits) {
        return OK_STATUS;
    }
    struct made made CLEANUP(made_done) = {0};
    struct stage_job job = {.run = r};
    struct buffer sealed CLEANUP(buffer_done);
    bool over;
    buffer_init(&sealed, SEALED_BYTES);
    TRY(make_value(r, &made, &over));
    if (over) {
        return OK_STATUS;
    }
    TRY(stage_value(r, &made, &job, &sealed));
    struct attempt_change change = run_change(r, ATTEMPT_STAGED);
    change.next.version = job.version.number;
    TRY(run_commit(r, &change, stage_work, &job));
    // From here on the value is what was stored; this one copy stays in locked memory.
    job.version.row_version = 1;
    job.version.ciphertext = (struct bytes){0};
    struct run_value *pending = &r->values[RUN_PENDING];
    *pending = (struct run_value){.exists = true, .version = job.version};
    pending->secret = TAKE(made.value);
    return OK_STATUS;
}
