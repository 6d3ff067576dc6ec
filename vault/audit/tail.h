// SPDX-License-Identifier: ISC
// Is the end of a stored chain what was signed? Looks at the last signature and the records that it
// covers, not at the whole chain.
#pragma once

#include "vault/audit/reign.h"
#include "vault/store/session.h"

struct audit_tail {
    int64_t seq;
    struct digest head; // the genesis while seq is 0
};

// Blocking. INTEGRITY when the records differ from what was signed; NOT_FOUND when there is no such
// chain. Unless it is `live`, there may be no records behind the last signature either. What
// retention has removed isn't missed.
struct status audit_tail_check(struct session *s, const struct audit_reigns *reigns,
                               int64_t chain_id, bool live, struct audit_tail *out);
