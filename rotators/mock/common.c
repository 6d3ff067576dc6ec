// SPDX-License-Identifier: ISC
#include "rotators/mock/common.h"

#include <stdlib.h>
#include <string.h>

enum { LATE_US = 1000000 };

static enum rotunda_error fault_error(enum fault fault)
{
    switch (fault) {
    case FAULT_POLICY_REJECT:
        return ROTUNDA_ERROR_POLICY_REJECTED;
    case FAULT_NOT_PERMITTED:
        return ROTUNDA_ERROR_NOT_PERMITTED;
    case FAULT_UNREACHABLE:
        return ROTUNDA_ERROR_UNREACHABLE;
    case FAULT_CAP_REACHED:
        return ROTUNDA_ERROR_CAP_REACHED;
    case FAULT_THROTTLED:
        return ROTUNDA_ERROR_THROTTLED;
    case FAULT_NONE:
    case FAULT_LIE_WORKS:
    case FAULT_LIE_REJECTED:
    case FAULT_BEFORE_COMMIT:
    case FAULT_AFTER_COMMIT:
    case FAULT_DURING_COMMIT:
        break;
    }
    return ROTUNDA_ERROR_NONE;
}

// False with reply filled in when the fault is a refusal.
static bool may_go_on(enum fault fault, struct rotunda_reply *reply)
{
    enum rotunda_error error = fault_error(fault);
    if (error == ROTUNDA_ERROR_NONE) {
        return true;
    }
    reply->retry_after_s = error == ROTUNDA_ERROR_THROTTLED ? 1 : 0;
    call_fail(reply, error, "as the setting fault says");
    return false;
}

void mock_change_done(struct mock_change *c)
{
    ledger_close(&c->ledger);
}

bool mock_begin(const struct rotunda_call *call, const char *operation, bool fences,
                struct mock_change *out, struct rotunda_reply *reply)
{
    out->fault = FAULT_NONE;
    if (!ledger_open(call, &out->ledger, reply)) {
        return false;
    }
    ledger_note_call(&out->ledger, operation, call);
    out->fault = fault_before(&out->ledger, call, operation);
    if (!may_go_on(out->fault, reply)) {
        return false;
    }
    bool newest = ledger_take_fence(&out->ledger, call->account.name, call->fence);
    if (fences && !newest) {
        call_fail(reply, ROTUNDA_ERROR_FENCED, "a later attempt was here");
        return false;
    }
    return true;
}

enum rotunda_apply mock_end(const struct rotunda_call *call, struct mock_change *c,
                            struct rotunda_reply *reply)
{
    if (!ledger_save(&c->ledger)) {
        call_fail(reply, ROTUNDA_ERROR_UNKNOWN_OUTCOME, "the state may be saved or not");
        return ROTUNDA_APPLY_UNKNOWN;
    }
    fault_after(c->fault, call);
    return ROTUNDA_APPLY_APPLIED;
}

int64_t mock_number(const struct rotunda_call *call, const char *name, int64_t otherwise)
{
    char text[CALL_TEXT_BYTES];
    bool given = call_target_copy(call, name, "", text) && text[0] != '\0';
    return given ? strtoll(text, NULL, 10) : otherwise;
}

struct ledger_entry *mock_add(const struct rotunda_call *call, struct mock_change *c,
                              struct rotunda_bytes value, const char *id)
{
    // The same that is still under way doesn't become two.
    ledger_remove_value(&c->ledger, call->account.name, value);
    if (!ledger_add(&c->ledger, call, value, id)) {
        return NULL;
    }
    struct ledger_entry *e = &c->ledger.entries[c->ledger.count - 1];
    if (call_text_is(call_target_setting(call, "tags"), "false")) {
        e->attempt[0] = '\0';
    }
    e->landed_us = c->fault == FAULT_DURING_COMMIT ? ledger_now_us() + LATE_US : 0;
    e->accepted_us = ledger_now_us() + mock_number(call, "accept_after_ms", 0) * 1000;
    return e;
}

enum rotunda_probe mock_probe_octets(const struct rotunda_call *call, struct rotunda_bytes octets,
                                     struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    if (!ledger_open(call, &s, reply)) {
        return ROTUNDA_PROBE_UNREACHABLE;
    }
    enum fault fault = fault_before(&s, call, "probe");
    if (!may_go_on(fault, reply)) {
        return ROTUNDA_PROBE_UNREACHABLE;
    }
    if (fault == FAULT_LIE_WORKS || fault == FAULT_LIE_REJECTED) {
        return fault == FAULT_LIE_WORKS ? ROTUNDA_PROBE_WORKS : ROTUNDA_PROBE_REJECTED;
    }
    int found = ledger_find_value(&s, call->account.name, octets);
    return found >= 0 && ledger_is_accepted(&s.entries[found]) ? ROTUNDA_PROBE_WORKS
                                                               : ROTUNDA_PROBE_REJECTED;
}

enum rotunda_probe mock_probe(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    return mock_probe_octets(call, call->value.secret, reply);
}

// ---- ending values: by id, by public part, or by the value itself

static int find(const struct rotunda_call *call, const struct ledger *s)
{
    if (call->value.external_id.len > 0) {
        return ledger_find_id(s, call->account.name, call->value.external_id);
    }
    bool is_public = call->value.public_part.len > 0;
    return ledger_find_value(s, call->account.name,
                             is_public ? call->value.public_part : call->value.secret);
}

enum rotunda_apply mock_retire(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, "retire", false, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    int found = find(call, &c.ledger);
    if (found >= 0) {
        ledger_remove(&c.ledger, (size_t)found);
    }
    return mock_end(call, &c, reply);
}

static enum rotunda_apply turn(const struct rotunda_call *call, const char *operation, bool off,
                               struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, operation, false, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    int found = find(call, &c.ledger);
    if (found < 0 && !off) {
        return CALL_NOT_APPLIED(reply, ROTUNDA_ERROR_INVALID, "there is no such value any more");
    }
    if (found >= 0) {
        c.ledger.entries[found].disabled = off;
    }
    return mock_end(call, &c, reply);
}

enum rotunda_apply mock_disable(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    return turn(call, "disable", true, reply);
}

enum rotunda_apply mock_enable(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    return turn(call, "enable", false, reply);
}

enum rotunda_apply mock_revoke(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    CHANGE_CLEANUP struct mock_change c;
    if (!mock_begin(call, "revoke", true, &c, reply)) {
        return ROTUNDA_APPLY_NOT_APPLIED;
    }
    ledger_remove_account(&c.ledger, call->account.name);
    return mock_end(call, &c, reply);
}

// ---- questions

enum rotunda_error mock_list(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    if (!ledger_open(call, &s, reply)) {
        return reply->error;
    }
    if (!may_go_on(fault_before(&s, call, "list_external"), reply)) {
        return reply->error;
    }
    for (size_t i = 0; i < s.count; i++) {
        const struct ledger_entry *e = &s.entries[i];
        struct rotunda_external item = {
            .external_id = {e->id, strlen(e->id)},
            .attempt = {e->attempt, strlen(e->attempt)},
            .enabled = !e->disabled,
        };
        if (ledger_is_there(e) && call_text_is(call->account.name, e->account)) {
            reply->add_external(reply, &item);
        }
    }
    return ROTUNDA_ERROR_NONE;
}

enum rotunda_error mock_sessions(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    LEDGER_CLEANUP struct ledger s;
    if (!ledger_open(call, &s, reply)) {
        return reply->error;
    }
    reply->sessions = ledger_sessions(&s);
    return ROTUNDA_ERROR_NONE;
}

enum rotunda_error mock_plan(const struct rotunda_call *call, struct rotunda_reply *reply)
{
    (void)call;
    reply->add_step(reply, "lock the state, compare the fence");
    reply->add_step(reply, "write the value and the fence");
    return ROTUNDA_ERROR_NONE;
}

enum rotunda_error mock_check(const struct rotunda_call *call, struct rotunda_reply *reply)
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

const struct rotunda_setting_spec mock_target_settings[] = {
    {"state_dir", ROTUNDA_SETTING_REQUIRED | ROTUNDA_SETTING_PATH | ROTUNDA_SETTING_PATH_WRITABLE,
     "existing folder, absolute"},
    {"fault", 0, "what goes wrong: see the README"},
    {"fault_op", 0, "the operation in which it does: apply unless set"},
    {"fault_once", 0, "true: only the first time"},
    {"accept_after_ms", 0, "how long a new value is refused: 0 unless set"},
    {"cap", 0, "mock-issuer: keys that an account may have, 3 unless set"},
    {"tags", 0, "false: keys don't show the attempt that made them"},
    {"life_s", 0, "mock-mint: how long a token is valid, 60 unless set"},
    {NULL, 0, NULL},
};

const struct rotunda_setting_spec mock_account_settings[] = {{NULL, 0, NULL}};
