// SPDX-License-Identifier: ISC
// The executable specification of rotunda/rotator.h: the least that each operation has to do.
#include "rotators/mock/mock.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#include "rotators/mock/faults.h"

enum { SLOTS = 2, ISSUED = 3, ISSUED_OCTETS = 24 };

#define LEDGER_CLEANUP __attribute__((cleanup(ledger_close)))

static enum rotunda_error fault_error(enum fault fault)
{
    switch (fault) {
    case FAULT_POLICY_REJECT:
        return ROTUNDA_ERROR_POLICY_REJECTED;
    case FAULT_NOT_PERMITTED:
        return ROTUNDA_ERROR_NOT_PERMITTED;
    case FAULT_UNREACHABLE:
        return ROTUNDA_ERROR_UNREACHABLE;
    case FAULT_NONE:
    case FAULT_LIE_WORKS:
    case FAULT_LIE_REJECTED:
    case FAULT_BEFORE_COMMIT:
    case FAULT_AFTER_COMMIT:
        break;
    }
    return ROTUNDA_ERROR_NONE;
}

// Opens the state for a change: notes the call, lets faults happen, takes the fence. False with
// reply filled in when nothing is to be changed.
static bool begin_change(const struct rotunda_call *call, const char *operation, struct ledger *s,
                         enum fault *fault, struct rotunda_reply *reply)
{
    if (!ledger_open(call, s, reply)) {
        return false;
    }
    ledger_note_call(s, operation, call);
    *fault = fault_before(s, call, operation);
    enum rotunda_error error = fault_error(*fault);
    if (error != ROTUNDA_ERROR_NONE) {
        call_fail(reply, error, "as the setting fault says");
        return false;
    }
    if (!ledger_take_fence(s, call->account.name, call->fence)) {
        call_fail(reply, ROTUNDA_ERROR_FENCED, "a later attempt was here");
        return false;
    }
    return true;
}

static enum rotunda_apply end_change(const struct rotunda_call *call, struct ledger *s,
                                     enum fault fault, struct rotunda_reply *reply)
{
    if (!ledger_save(s)) {
        call_fail(reply, ROTUNDA_ERROR_UNKNOWN_OUTCOME, "the state may be saved or not");
        return ROTUNDA_APPLY_UNKNOWN;
    }
    fault_after(fault, call);
    return ROTUNDA_APPLY_APPLIED;
}

static enum rotunda_apply apply_one_slot(const struct rotunda_call *call,
                                         struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    enum fault fault = FAULT_NONE;
    if (!begin_change(call, "apply", &s, &fault, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    ledger_remove_account(&s, call->account.name);
    if (!ledger_add(&s, call, call->value.secret, "")) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID, "a value has 1 to 256 octets");
    }
    return end_change(call, &s, fault, reply);
}

static enum rotunda_apply apply_slots(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    enum fault fault = FAULT_NONE;
    if (!begin_change(call, "apply", &s, &fault, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    if (ledger_find_value(&s, call->account.name, call->value.secret) < 0) {
        if (ledger_count(&s, call->account.name) >= SLOTS) {
            return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID, "both slots are taken: retire");
        }
        if (!ledger_add(&s, call, call->value.secret, "")) {
            return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID, "a value has 1 to 256 octets");
        }
    }
    return end_change(call, &s, fault, reply);
}

// Every call makes another value: never to be repeated blindly.
static enum rotunda_apply apply_issuer(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    enum fault fault = FAULT_NONE;
    if (!begin_change(call, "apply", &s, &fault, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    uint8_t octets[ISSUED_OCTETS];
    char secret[2 * ISSUED_OCTETS + 1];
    char id[LEDGER_ID_BYTES];
    randombytes_buf(octets, sizeof octets);
    sodium_bin2hex(secret, sizeof secret, octets, sizeof octets);
    snprintf(id, sizeof id, "key-%08x", (unsigned)randombytes_random());
    struct rotunda_bytes value = {(const uint8_t *)secret, 2 * ISSUED_OCTETS};
    enum rotunda_apply result = ROTUNDA_APPLY_NOT_APPLIED;
    if (ledger_count(&s, call->account.name) >= ISSUED || !ledger_add(&s, call, value, id)) {
        call_fail(reply, ROTUNDA_ERROR_INVALID, "the account has as many keys as it may");
    } else {
        result = end_change(call, &s, fault, reply);
        reply->set_issued(reply, (struct rotunda_text){id, strlen(id)}, value, 0);
    }
    sodium_memzero(octets, sizeof octets);
    sodium_memzero(secret, sizeof secret);
    return result;
}

static enum rotunda_probe probe(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    if (!ledger_open(call, &s, reply)) {
        return ROTUNDA_PROBE_UNREACHABLE;
    }
    enum fault fault = fault_before(&s, call, "probe");
    enum rotunda_error error = fault_error(fault);
    if (error != ROTUNDA_ERROR_NONE) {
        return CALL_NO_ANSWER(reply, error, "as the setting fault says");
    }
    if (fault == FAULT_LIE_WORKS || fault == FAULT_LIE_REJECTED) {
        return fault == FAULT_LIE_WORKS ? ROTUNDA_PROBE_WORKS : ROTUNDA_PROBE_REJECTED;
    }
    int found = ledger_find_value(&s, call->account.name, call->value.secret);
    return found < 0 ? ROTUNDA_PROBE_REJECTED : ROTUNDA_PROBE_WORKS;
}

static enum rotunda_apply retire(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    enum fault fault = FAULT_NONE;
    if (!begin_change(call, "retire", &s, &fault, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    int found = call->value.external_id.len > 0
                    ? ledger_find_id(&s, call->account.name, call->value.external_id)
                    : ledger_find_value(&s, call->account.name, call->value.secret);
    if (found >= 0) {
        ledger_remove(&s, (size_t)found);
    }
    return end_change(call, &s, fault, reply);
}

static enum rotunda_apply revoke(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    enum fault fault = FAULT_NONE;
    if (!begin_change(call, "revoke", &s, &fault, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    ledger_remove_account(&s, call->account.name);
    return end_change(call, &s, fault, reply);
}

static enum rotunda_error list_external(const struct rotunda_call *call,
                                        struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    if (!ledger_open(call, &s, reply)) {
        return reply->error;
    }
    enum rotunda_error error = fault_error(fault_before(&s, call, "list_external"));
    if (error != ROTUNDA_ERROR_NONE) {
        return call_fail(reply, error, "as the setting fault says");
    }
    for (size_t i = 0; i < s.count; i++) {
        const struct ledger_entry *e = &s.entries[i];
        struct rotunda_external item = {
            .external_id = {e->id, strlen(e->id)},
            .attempt = {e->attempt, strlen(e->attempt)},
            .enabled = 1,
        };
        if (e->value_len > 0 && call_text_is(call->account.name, e->account)) {
            reply->add_external(reply, &item);
        }
    }
    return ROTUNDA_ERROR_NONE;
}

static enum rotunda_error sessions(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    if (!ledger_open(call, &s, reply)) {
        return reply->error;
    }
    reply->sessions = ledger_sessions(&s);
    return ROTUNDA_ERROR_NONE;
}

static enum rotunda_error plan(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    (void)call;
    reply->add_step(reply, "lock the state, compare the fence");
    reply->add_step(reply, "write the value and the fence");
    return ROTUNDA_ERROR_NONE;
}

static enum rotunda_error check(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    bool open = ledger_open(call, &s, reply);
    struct rotunda_check item = {
        .name = "state_writable",
        .state = open ? ROTUNDA_CHECK_OK : ROTUNDA_CHECK_MISSING,
        .detail = "the folder state_dir can be written to",
        .how_to_grant = open ? "" : "mkdir and chmod the folder",
    };
    reply->add_check(reply, &item);
    return open ? ROTUNDA_ERROR_NONE : reply->error;
}

static const struct rotunda_setting_spec target_settings[] = {
    {"state_dir", ROTUNDA_SETTING_REQUIRED | ROTUNDA_SETTING_PATH | ROTUNDA_SETTING_PATH_WRITABLE,
     "existing folder, absolute"},
    {"fault", 0, "what goes wrong: see the README"},
    {"fault_op", 0, "the operation in which it does: apply unless set"},
    {"fault_once", 0, "true: only the first time"},
    {NULL, 0, NULL},
};

static const struct rotunda_setting_spec account_settings[] = {{NULL, 0, NULL}};

const struct rotunda_rotator rotunda_rotator_mock = {
    .abi_version = ROTUNDA_ROTATOR_ABI,
    .kind = ROTUNDA_K1,
    .name = "mock",
    .summary = "A folder that plays a target with one value per account",
    .max_slots = 1,
    .idempotent = ROTUNDA_IDEMPOTENT_APPLY | ROTUNDA_IDEMPOTENT_RETIRE | ROTUNDA_IDEMPOTENT_REVOKE,
    .target_settings = target_settings,
    .account_settings = account_settings,
    .plan = plan,
    .check = check,
    .apply = apply_one_slot,
    .probe = probe,
    .sessions = sessions,
    .revoke = revoke,
};

const struct rotunda_rotator rotunda_rotator_mock_slots = {
    .abi_version = ROTUNDA_ROTATOR_ABI,
    .kind = ROTUNDA_K2,
    .name = "mock-slots",
    .summary = "A folder that plays a target with two values per account",
    .overlap = 1,
    .max_slots = SLOTS,
    .idempotent = ROTUNDA_IDEMPOTENT_APPLY | ROTUNDA_IDEMPOTENT_RETIRE | ROTUNDA_IDEMPOTENT_REVOKE,
    .target_settings = target_settings,
    .account_settings = account_settings,
    .plan = plan,
    .check = check,
    .apply = apply_slots,
    .probe = probe,
    .sessions = sessions,
    .retire = retire,
    .revoke = revoke,
};

const struct rotunda_rotator rotunda_rotator_mock_issuer = {
    .abi_version = ROTUNDA_ROTATOR_ABI,
    .kind = ROTUNDA_K4,
    .name = "mock-issuer",
    .summary = "A folder that plays an issuer of keys, shown once and listed by id",
    .overlap = 1,
    .max_slots = ISSUED,
    .idempotent = ROTUNDA_IDEMPOTENT_RETIRE | ROTUNDA_IDEMPOTENT_REVOKE,
    .target_settings = target_settings,
    .account_settings = account_settings,
    .plan = plan,
    .check = check,
    .apply = apply_issuer,
    .probe = probe,
    .list_external = list_external,
    .sessions = sessions,
    .retire = retire,
    .revoke = revoke,
};
