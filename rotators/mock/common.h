// SPDX-License-Identifier: ISC
// What the mocks of all kinds share: opening the state for a call with its fault, and the
// operations that are the same for each.
#pragma once

#include "rotators/mock/faults.h"

#define LEDGER_CLEANUP __attribute__((cleanup(ledger_close)))

// One change: what is opened, and what goes wrong with it.
struct mock_change {
    struct ledger ledger;
    enum fault fault;
};
#define CHANGE_CLEANUP __attribute__((cleanup(mock_change_done)))
void mock_change_done(struct mock_change *c);

// Opens the state for a change: notes the call, lets faults happen. With `fences` a smaller fence
// than the account's is refused. False with reply filled in when nothing is to be changed.
bool mock_begin(const struct rotunda_call *call, const char *operation, bool fences,
                struct mock_change *out, struct rotunda_reply *reply);
enum rotunda_apply mock_end(const struct rotunda_call *call, struct mock_change *c,
                            struct rotunda_reply *reply);
// A new entry of the account, with what settings and fault say about when it lands and is accepted.
// NULL: no room, or too long.
struct ledger_entry *mock_add(const struct rotunda_call *call, struct mock_change *c,
                              struct rotunda_bytes value, const char *id);
// A setting of the target as a number; `otherwise` when it isn't there.
int64_t mock_number(const struct rotunda_call *call, const char *name, int64_t otherwise);

// Is this what the target has, by the setting fault and by the state?
enum rotunda_probe mock_probe_octets(const struct rotunda_call *call, struct rotunda_bytes octets,
                                     struct rotunda_reply *reply);

enum rotunda_probe mock_probe(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_apply mock_retire(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_apply mock_disable(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_apply mock_enable(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_apply mock_revoke(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_error mock_list(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_error mock_sessions(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_error mock_plan(const struct rotunda_call *call, struct rotunda_reply *reply);
enum rotunda_error mock_check(const struct rotunda_call *call, struct rotunda_reply *reply);

extern const struct rotunda_setting_spec mock_target_settings[];
extern const struct rotunda_setting_spec mock_account_settings[];

#define MOCK_EVERYWHERE                                                                            \
    .abi_version = ROTUNDA_ROTATOR_ABI, .target_settings = mock_target_settings,                   \
    .account_settings = mock_account_settings, .plan = mock_plan, .check = mock_check,             \
    .sessions = mock_sessions
