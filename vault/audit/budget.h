// SPDX-License-Identifier: ISC
// How many failures without a valid token one network may have recorded one by one: a burst, then
// one per second. What is beyond it is counted, and the counts become records of their own, so that
// nobody can fill the disk from outside. A network is an IPv4 /24, an IPv6 /64, or a unix socket's
// peer.
//
// A small table per worker; networks that don't fit into it share one budget.
#pragma once

#include "vault/base/bytes.h"
#include "vault/base/macros.h"

enum { AUDIT_BUDGET_BURST = 60, AUDIT_NETWORK_BYTES = 64 };

struct audit_budget;

void audit_budget_free(struct audit_budget *b);
struct audit_budget *audit_budget_new(void) OWNED_BY(audit_budget_free); // NULL: out of memory

// "192.0.2.1:50000" is "192.0.2.0/24", "[2001:db8::1]:50000" is "2001:db8::/64"; what is neither is
// itself.
void audit_network_of(struct str remote, char out[AUDIT_NETWORK_BYTES]);

// True: record it. False: it was counted. `now_us` is monotonic.
bool audit_budget_take(struct audit_budget *b, struct str remote, int64_t now_us);

struct audit_budget_sum {
    char network[AUDIT_NETWORK_BYTES];
    int64_t count;
};
// Takes one sum out; false when nothing was counted since.
bool audit_budget_drain(struct audit_budget *b, struct audit_budget_sum *out);
