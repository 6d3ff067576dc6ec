// SPDX-License-Identifier: ISC
#include "vault/rotation/fault.h"

#ifdef ROTUNDA_FAULTS
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>

static bool is_here(const char *variable, struct str state, bool after)
{
    struct str name;
    struct str place;
    if (!str_split(str_from_c(getenv(variable)), ':', &name, &place)) {
        return false;
    }
    return str_equal(name, state) && str_equal_c(place, after ? "after" : "before");
}

void fault_point(struct str state, bool after)
{
    static atomic_bool stopped;
    if (is_here("ROTUNDA_TEST_ROTATION_CRASH", state, after)) {
        raise(SIGKILL);
    }
    if (is_here("ROTUNDA_TEST_ROTATION_STOP", state, after) && !atomic_exchange(&stopped, true)) {
        raise(SIGSTOP);
    }
}

static int64_t milliseconds_of(const char *variable, int64_t otherwise_us)
{
    int64_t ms;
    struct str text = str_from_c(getenv(variable));
    return status_ok(str_parse_int(text, &ms)) && ms > 0 ? ms * 1000 : otherwise_us;
}

int64_t fault_lease_us(int64_t otherwise_us)
{
    return milliseconds_of("ROTUNDA_TEST_ROTATION_LEASE_MS", otherwise_us);
}

int64_t fault_remind_us(int64_t otherwise_us)
{
    return milliseconds_of("ROTUNDA_TEST_NOTIFY_REMIND_MS", otherwise_us);
}

int64_t fault_overdue_us(int64_t otherwise_us)
{
    return milliseconds_of("ROTUNDA_TEST_NOTIFY_OVERDUE_MS", otherwise_us);
}
#endif
