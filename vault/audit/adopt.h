// SPDX-License-Identifier: ISC
// What a dead node left behind. A chain is dead when nobody holds its lock: it is looked over,
// closed, and its effects (changes that are committed and have no audit record yet) become records
// of a running chain. Any number of nodes may do this at once: a chain's lock lets one of them
// work, and an effect belongs to exactly one chain, whose barrier removes it together with
// appending its record.
#pragma once

#include "vault/audit/log.h"
#include "vault/store/store.h"

struct audit_adoption {
    int64_t chains; // closed
    int64_t
        altered; // chains whose tail isn't what was signed: left open, `audit verify` shows them
    int64_t effects; // turned into records
};

// On a fiber of the log's loop. UNAVAILABLE: goes on where it was next time.
struct status audit_adopt(struct audit_log *log, struct store *st, struct audit_adoption *out);
