// SPDX-License-Identifier: ISC
// From a request to the rotator's function and back.
#include "vault/host/host_internal.h"

#include <string.h>

// What the functions of struct rotunda_reply collect.
struct collected {
    struct arena *arena;
    struct protocol_reply *reply;
    struct str steps[PROTOCOL_STEPS_MAX];
    struct protocol_check checks[PROTOCOL_CHECKS_MAX];
    struct protocol_external externals[PROTOCOL_EXTERNALS_MAX];
    struct status failed; // the first failure of a copy
    bool incomplete;      // there was more than fits
};

static struct str keep(struct collected *c, struct str text)
{
    struct str kept = {NULL, 0};
    struct status copied = arena_copy_str(c->arena, text, &kept);
    if (status_ok(c->failed)) {
        c->failed = copied;
    }
    return kept;
}

static void add_step(struct rotunda_reply *reply, const char *text)
{
    struct collected *c = reply->host;
    if (c->reply->step_count < PROTOCOL_STEPS_MAX) {
        c->steps[c->reply->step_count++] = keep(c, str_from_c(text));
    }
}

static void add_check(struct rotunda_reply *reply, const struct rotunda_check *check)
{
    struct collected *c = reply->host;
    if (c->reply->check_count == PROTOCOL_CHECKS_MAX) {
        c->incomplete = true;
        return;
    }
    c->checks[c->reply->check_count++] = (struct protocol_check){
        .name = keep(c, str_from_c(check->name)),
        .state = check->state,
        .detail = keep(c, str_from_c(check->detail)),
        .how_to_grant = keep(c, str_from_c(check->how_to_grant)),
    };
}

static void add_external(struct rotunda_reply *reply, const struct rotunda_external *external)
{
    struct collected *c = reply->host;
    if (c->reply->external_count == PROTOCOL_EXTERNALS_MAX) {
        c->incomplete = true;
        return;
    }
    c->externals[c->reply->external_count++] = (struct protocol_external){
        .external_id = keep(c, protocol_str(external->external_id)),
        .attempt = keep(c, protocol_str(external->attempt)),
        .created_us = external->created_us,
        .last_used_us = external->last_used_us,
        .enabled = external->enabled != 0,
    };
}

static void keep_secret(struct collected *c, struct rotunda_bytes octets, struct secret **out)
{
    struct status copied = secret_copy((struct bytes){octets.ptr, octets.len}, out);
    if (status_ok(c->failed)) {
        c->failed = copied;
    }
}

static void set_generated(struct rotunda_reply *reply, struct rotunda_bytes secret,
                          struct rotunda_bytes public_part)
{
    struct collected *c = reply->host;
    if (c->reply->generated != NULL || secret.len == 0 || public_part.len == 0) {
        c->incomplete = true;
        return;
    }
    keep_secret(c, secret, &c->reply->generated);
    keep_secret(c, public_part, &c->reply->generated_public);
}

static void set_issued(struct rotunda_reply *reply, struct rotunda_text external_id,
                       struct rotunda_bytes secret, int64_t valid_until_us)
{
    struct collected *c = reply->host;
    if (c->reply->issued != NULL || c->reply->issued_id.len > 0) {
        c->incomplete = true;
        return;
    }
    if (secret.len > 0) {
        keep_secret(c, secret, &c->reply->issued);
    }
    c->reply->issued_id = keep(c, protocol_str(external_id));
    c->reply->issued_valid_until_us = valid_until_us;
}

// A success has no error and a failure has one, whatever the rotator forgot to say.
static void settle(struct rotunda_reply *reply, bool success, enum rotunda_error otherwise)
{
    if (success) {
        reply->error = ROTUNDA_ERROR_NONE;
    } else if (reply->error == ROTUNDA_ERROR_NONE) {
        reply->error = otherwise;
    }
}

typedef enum rotunda_error question(const struct rotunda_call *call, struct rotunda_reply *reply);
typedef enum rotunda_apply change(const struct rotunda_call *call, struct rotunda_reply *reply);

static enum protocol_result run_question(question *ask, const struct rotunda_call *call,
                                         struct rotunda_reply *reply)
{
    reply->error = ask(call, reply);
    return reply->error == ROTUNDA_ERROR_NONE ? PROTOCOL_DONE : PROTOCOL_FAILED;
}

static enum protocol_result run_change(change *make, const struct rotunda_call *call,
                                       struct rotunda_reply *reply)
{
    switch (make(call, reply)) {
    case ROTUNDA_APPLY_APPLIED:
        settle(reply, true, ROTUNDA_ERROR_NONE);
        return PROTOCOL_APPLIED;
    case ROTUNDA_APPLY_NOT_APPLIED:
        settle(reply, false, ROTUNDA_ERROR_INVALID);
        return PROTOCOL_NOT_APPLIED;
    case ROTUNDA_APPLY_UNKNOWN:
        break;
    }
    settle(reply, false, ROTUNDA_ERROR_UNKNOWN_OUTCOME);
    return PROTOCOL_UNKNOWN;
}

static enum protocol_result run_probe(const struct rotunda_rotator *rotator,
                                      const struct rotunda_call *call, struct rotunda_reply *reply)
{
    switch (rotator->probe(call, reply)) {
    case ROTUNDA_PROBE_WORKS:
        settle(reply, true, ROTUNDA_ERROR_NONE);
        return PROTOCOL_WORKS;
    case ROTUNDA_PROBE_REJECTED:
        return PROTOCOL_REJECTED;
    case ROTUNDA_PROBE_UNREACHABLE:
        break;
    }
    settle(reply, false, ROTUNDA_ERROR_UNREACHABLE);
    return PROTOCOL_UNREACHABLE;
}

static uint32_t ops_of(const struct rotunda_rotator *rotator)
{
    const bool present[PROTOCOL_OP_COUNT] = {
        [PROTOCOL_HELLO] = true,
        [PROTOCOL_PLAN] = rotator->plan != NULL,
        [PROTOCOL_CHECK] = rotator->check != NULL,
        [PROTOCOL_APPLY] = rotator->apply != NULL,
        [PROTOCOL_PROBE] = rotator->probe != NULL,
        [PROTOCOL_LIST_EXTERNAL] = rotator->list_external != NULL,
        [PROTOCOL_SESSIONS] = rotator->sessions != NULL,
        [PROTOCOL_RETIRE] = rotator->retire != NULL,
        [PROTOCOL_REVOKE] = rotator->revoke != NULL,
        [PROTOCOL_GENERATE] = rotator->generate != NULL,
        [PROTOCOL_DISABLE] = rotator->disable != NULL,
        [PROTOCOL_ENABLE] = rotator->enable != NULL,
    };
    uint32_t ops = 0;
    for (size_t op = 0; op < PROTOCOL_OP_COUNT; op++) {
        ops |= present[op] ? 1U << op : 0U;
    }
    return ops;
}

static enum protocol_result say_hello(const struct rotunda_rotator *rotator,
                                      const struct protocol_request *request,
                                      struct protocol_reply *out)
{
    if (request->abi != ROTUNDA_ROTATOR_ABI) {
        out->error = ROTUNDA_ERROR_INVALID;
        out->message = STR("the vault speaks another version of the protocol");
        return PROTOCOL_FAILED;
    }
    out->hello = (struct protocol_hello){
        .abi = ROTUNDA_ROTATOR_ABI,
        .name = str_from_c(rotator->name),
        .kind = rotator->kind,
        .overlap = rotator->overlap != 0,
        .max_slots = rotator->max_slots,
        .idempotent = rotator->idempotent,
        .fences = rotator->fences != 0,
        .acceptance_s = rotator->acceptance_s,
        .acceptance_probes = rotator->acceptance_probes,
        .ops = ops_of(rotator),
        .target_settings = rotator->target_settings,
        .account_settings = rotator->account_settings,
    };
    return PROTOCOL_DONE;
}

static enum protocol_result dispatch(const struct rotunda_rotator *rotator,
                                     const struct protocol_request *request,
                                     struct rotunda_reply *reply)
{
    const struct rotunda_call *call = &request->call;
    switch (request->op) {
    case PROTOCOL_PLAN:
        return run_question(rotator->plan, call, reply);
    case PROTOCOL_CHECK:
        return run_question(rotator->check, call, reply);
    case PROTOCOL_LIST_EXTERNAL:
        return run_question(rotator->list_external, call, reply);
    case PROTOCOL_SESSIONS:
        return run_question(rotator->sessions, call, reply);
    case PROTOCOL_GENERATE:
        return run_question(rotator->generate, call, reply);
    case PROTOCOL_DISABLE:
        return run_change(rotator->disable, call, reply);
    case PROTOCOL_ENABLE:
        return run_change(rotator->enable, call, reply);
    case PROTOCOL_APPLY:
        return run_change(rotator->apply, call, reply);
    case PROTOCOL_RETIRE:
        return run_change(rotator->retire, call, reply);
    case PROTOCOL_REVOKE:
        return run_change(rotator->revoke, call, reply);
    case PROTOCOL_PROBE:
        return run_probe(rotator, call, reply);
    case PROTOCOL_HELLO:
    case PROTOCOL_OP_COUNT:
        break;
    }
    abort(); // host_run() has answered hello, and the decoder knows no other
}

static void finish(struct collected *c, struct rotunda_reply *reply, struct protocol_reply *out)
{
    reply->message[sizeof reply->message - 1] = '\0';
    reply->principal_id[sizeof reply->principal_id - 1] = '\0';
    out->error = reply->error;
    out->sessions = reply->sessions;
    out->retry_after_s = reply->retry_after_s;
    out->message = keep(c, str_from_c(reply->message));
    out->principal_id = keep(c, str_from_c(reply->principal_id));
    out->steps = c->steps;
    out->checks = c->checks;
    out->externals = c->externals;
    if (c->incomplete && out->result == PROTOCOL_DONE) {
        out->result = PROTOCOL_FAILED;
        out->error = ROTUNDA_ERROR_INVALID;
        out->message = STR("there is more than one answer may hold");
    }
}

struct status host_run(const struct rotunda_rotator *rotator,
                       const struct protocol_request *request, struct arena *arena,
                       struct protocol_reply *out)
{
    struct protocol_reply answer = {.id = request->id,
                                    .attempt = protocol_str(request->call.attempt)};
    if (request->op == PROTOCOL_HELLO) {
        answer.result = say_hello(rotator, request, &answer);
        *out = answer;
        return OK_STATUS;
    }
    if ((ops_of(rotator) & (1U << request->op)) == 0) {
        FAIL(INVALID, "the rotator has no such operation");
    }
    struct collected *c = ARENA_NEW(arena, struct collected);
    if (c == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    c->arena = arena;
    c->reply = &answer;
    struct rotunda_reply reply = {
        .host = c,
        .add_step = add_step,
        .add_check = add_check,
        .add_external = add_external,
        .set_issued = set_issued,
        .set_generated = set_generated,
    };
    answer.result = dispatch(rotator, request, &reply);
    finish(c, &reply, &answer);
    if (!status_ok(c->failed)) {
        protocol_reply_done(&answer);
        return c->failed;
    }
    *out = answer;
    return OK_STATUS;
}
