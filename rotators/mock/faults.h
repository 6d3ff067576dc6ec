// SPDX-License-Identifier: ISC
// What goes wrong on purpose, chosen by settings of the target:
//   fault       one of the names below
//   fault_op    only in this operation (apply, probe ...); in apply unless set
//   fault_once  true: only the first time, remembered in <state_dir>/fired
#pragma once

#include "rotators/mock/ledger.h"

// What becomes of a call. The faults that end or hang the process happen inside of the functions.
enum fault {
    FAULT_NONE,
    FAULT_POLICY_REJECT, // policy_reject
    FAULT_NOT_PERMITTED, // not_permitted
    FAULT_UNREACHABLE,   // unreachable
    FAULT_CAP_REACHED,   // cap_reached
    FAULT_THROTTLED,     // throttled
    FAULT_LIE_WORKS,     // lie_works: probe
    FAULT_LIE_REJECTED,  // lie_rejected: probe
    FAULT_BEFORE_COMMIT, // die_before_commit, hang, crash, garbage, flood, other_attempt
    FAULT_AFTER_COMMIT,  // die_after_commit, lose_reply
    FAULT_DURING_COMMIT, // land_late: what is made is there a second later, the host is gone now
};

// Before the target is changed: the faults of FAULT_BEFORE_COMMIT do not return.
enum fault fault_before(const struct ledger *s, const struct rotunda_call *call,
                        const char *operation);
// After it was changed: with FAULT_AFTER_COMMIT it does not return.
void fault_after(enum fault fault, const struct rotunda_call *call);
