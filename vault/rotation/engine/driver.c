// SPDX-License-Identifier: ISC
#include "vault/rotation/engine/driver.h"

#include "vault/rotation/manage/own.h"

struct status driver_init(struct driver *d, const struct rotation *r, const struct keyring *k,
                          const struct target *target, struct arena *arena)
{
    *d = (struct driver){.launcher = rotation_launcher(r),
                         .store = rotation_store(r),
                         .rotator = rotation_rotator(r, target->rotator),
                         .stranger = rotation_stranger(r, target->rotator),
                         .target = target,
                         .arena = arena,
                         .deadline_us = clock_monotonic_us() + target->timeout_s * CLOCK_SECOND};
    if (d->rotator == NULL && rotation_awaits(r, target->rotator)) {
        FAIL(UNAVAILABLE, "the target's rotator doesn't start: the server's log says why "
                          "(rotation.rotator_unusable)");
    }
    if (d->rotator == NULL) {
        FAIL(INVALID, "this program has no such rotator");
    }
    TRY(settings_parse(target->settings, arena, &d->settings));
    return target_open(k, target, &d->secret);
}

void driver_reset(struct driver *d)
{
    rotator_process_free(d->process);
    d->process = NULL;
}

void driver_done(struct driver *d)
{
    driver_reset(d);
    secret_free(TAKE(d->secret));
}

bool driver_has(const struct driver *d, enum protocol_op op)
{
    switch (op) {
    case PROTOCOL_SESSIONS:
        return d->rotator->sessions != NULL;
    case PROTOCOL_RETIRE:
        return d->rotator->retire != NULL;
    case PROTOCOL_REVOKE:
        return d->rotator->revoke != NULL;
    case PROTOCOL_CHECK:
        return d->rotator->check != NULL;
    case PROTOCOL_PLAN:
        return d->rotator->plan != NULL;
    case PROTOCOL_LIST_EXTERNAL:
        return d->rotator->list_external != NULL;
    case PROTOCOL_GENERATE:
        return d->rotator->generate != NULL;
    case PROTOCOL_DISABLE:
        return d->rotator->disable != NULL;
    case PROTOCOL_ENABLE:
        return d->rotator->enable != NULL;
    case PROTOCOL_HELLO:
    case PROTOCOL_APPLY:
    case PROTOCOL_PROBE:
    case PROTOCOL_OP_COUNT:
        break;
    }
    return true;
}

// A process whose time is nearly over is not asked any more: its answer might not get out, and then
// the outcome would be unknown for no reason.
static struct status ensure_process(struct driver *d)
{
    int64_t now_us = clock_monotonic_us();
    if (d->process != NULL && d->process_until_us - now_us < (d->deadline_us - now_us) / 2) {
        driver_reset(d);
    }
    if (d->process != NULL) {
        return OK_STATUS;
    }
    d->process_until_us = d->deadline_us;
    struct sandbox_path paths[SANDBOX_PATHS_MAX - 1];
    bool linked = d->stranger == NULL;
    struct rotator_process_options options = {.form = linked ? LAUNCHER_LINKED : d->stranger->form,
                                              .name = linked ? str_from_c(d->rotator->name)
                                                             : d->stranger->path,
                                              .deadline_us = d->deadline_us,
                                              .paths = paths};
    TRY(settings_paths(&d->settings, d->rotator->target_settings, paths, ARRAY_LEN(paths),
                       &options.path_count));
    TRY(rotator_process_start(d->launcher, &options, &d->process));
    // The program was replaced by one that works otherwise: what is stored doesn't fit it.
    if (rotator_process_hello(d->process)->kind != d->rotator->kind) {
        driver_reset(d);
        FAIL(UPSTREAM, "the rotator is of another kind than when the server started: restart it");
    }
    return OK_STATUS;
}

static struct rotunda_bytes lend(const struct secret *s)
{
    return protocol_bytes(secret_view(s));
}

// What was refused may have been the secret that was replaced a moment ago: nobody's fault.
static void excuse_refusal(const struct driver *d, struct protocol_reply *reply)
{
    enum own_motion motion = OWN_RESTS;
    if (reply->error != ROTUNDA_ERROR_NOT_PERMITTED || d->changes_own) {
        return;
    }
    status_ignore(own_look(d->store, d->target, &motion)); // else it stays refused
    if (motion == OWN_RESTS) {
        return;
    }
    reply->error = ROTUNDA_ERROR_UNREACHABLE;
    reply->message =
        motion == OWN_WAITS
            ? STR("the replacement of the rotator's own password is blocked: give the target the "
                  "password that works")
            : STR("the rotator's own credential is being changed there: try again");
}

struct status driver_ask(struct driver *d, enum protocol_op op, const struct driver_call *call,
                         struct protocol_reply *out, bool *asked)
{
    char attempt[UUID_TEXT_BYTES];
    uuid_format(call->attempt, attempt);
    *asked = false;
    TRY(ensure_process(d));
    const struct rotunda_call sent = {
        .attempt = protocol_text(str_from_c(attempt)),
        .fence = call->fence,
        .target = {.settings = d->settings.items,
                   .setting_count = d->settings.count,
                   .principal = protocol_text(d->target->principal),
                   .secret = lend(d->secret)},
        .account = {.name = protocol_text(call->account),
                    .settings = call->account_settings.items,
                    .setting_count = call->account_settings.count},
        .value = {.secret = lend(call->value),
                  .public_part = protocol_bytes(call->public_part),
                  .salt = protocol_bytes(call->salt),
                  .external_id = protocol_text(call->external_id),
                  .valid_until_us = call->valid_until_us},
        .previous = {.secret = lend(call->previous),
                     .public_part = protocol_bytes(call->previous_public),
                     .external_id = protocol_text(call->previous_external_id)},
    };
    struct status answered = rotator_process_call(d->process, op, &sent, d->arena, out);
    // These two are said before anything is sent.
    *asked = answered.code != STATUS_INVALID && answered.code != STATUS_UNSUPPORTED;
    if (!status_ok(answered)) {
        driver_reset(d);
        return answered;
    }
    excuse_refusal(d, out);
    return OK_STATUS;
}
