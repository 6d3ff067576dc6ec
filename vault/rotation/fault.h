// SPDX-License-Identifier: ISC
// Ends or stops this process at a chosen step, for tests. Compiled in with the CMake option
// ROTUNDA_FAULTS only; the release has none of it.
//
//   ROTUNDA_TEST_ROTATION_CRASH=<state>:<before|after>   SIGKILL
//   ROTUNDA_TEST_ROTATION_STOP=<state>:<before|after>    SIGSTOP, the first time only
//   ROTUNDA_TEST_ROTATION_LEASE_MS=<n>                   leases of that length
//   ROTUNDA_TEST_NOTIFY_REMIND_MS=<n>                    reminders are looked for so often
//   ROTUNDA_TEST_NOTIFY_OVERDUE_MS=<n>                   a rotation is overdue after so long
//
// `before` is when the change to that state is about to be committed, `after` when it just was;
// further places have the names of what a rotator is asked: `apply:before` stands right before the
// target is changed, `apply:after` where only this process knows what it answered; `applied:before`
// is when what an issuer made is about to be stored.
#pragma once

#include "vault/base/bytes.h"

#ifdef ROTUNDA_FAULTS
void fault_point(struct str state, bool after);
int64_t fault_lease_us(int64_t otherwise_us);
int64_t fault_remind_us(int64_t otherwise_us);
int64_t fault_overdue_us(int64_t otherwise_us);
#else
static inline void fault_point(struct str state, bool after)
{
    (void)state;
    (void)after;
}

static inline int64_t fault_lease_us(int64_t otherwise_us)
{
    return otherwise_us;
}

static inline int64_t fault_remind_us(int64_t otherwise_us)
{
    return otherwise_us;
}

static inline int64_t fault_overdue_us(int64_t otherwise_us)
{
    return otherwise_us;
}
#endif
