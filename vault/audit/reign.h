// SPDX-License-Identifier: ISC
// The public halves of all signing keys and when each of them reigned: from its creation, which its
// predecessor signed, to the creation of its successor. A signature counts only by the key that
// reigned at the time that was signed with it: whoever holds today's key can't sign for yesterday.
#pragma once

#include "vault/audit/item.h"
#include "vault/audit/signer.h"

struct audit_reign {
    int64_t created_us;
    uint8_t public_key[AUDIT_PUBLIC_KEY_BYTES];
};

// Zero-initialise.
struct audit_reigns {
    struct audit_reign *items; // number 1 first
    size_t count;
    size_t capacity;
};

void audit_reigns_done(struct audit_reigns *r); // for CLEANUP
// The next key, in order. INTEGRITY when it isn't the next, is malformed, or its predecessor hasn't
// signed it: it is taken all the same if it can be, so that what it signed can be looked at. NOMEM.
struct status audit_reigns_add(struct audit_reigns *r, const struct audit_key_item *key);
// All of them. INTEGRITY, NOMEM, UNAVAILABLE.
struct status audit_reigns_load(struct audit_reigns *r, struct session *s);

struct audit_signed {
    struct digest what;
    int64_t time_us;
    int64_t key_number;
    struct bytes signature;
};
// INTEGRITY, with a literal that says why not.
struct status audit_reigns_check(const struct audit_reigns *r, const struct audit_signed *s);
