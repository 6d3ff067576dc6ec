// SPDX-License-Identifier: ISC
// The key that signs batches, chains, checkpoints and tombstones. It is succeeded daily: the old
// key signs its successor's public half and when it begins, and its own private half is destroyed,
// so that who takes a host over can't sign for the past. The private half lies wrapped in the
// database; every node holds the newest one while unsealed, and looks for a newer one every few
// seconds. The database accepts a succeeded key for half a minute longer, so that no request fails
// at a succession.
//
// Thread-safe: workers sign while a timer exchanges the key.
#pragma once

#include "vault/base/digest.h"
#include "vault/crypto/keyring.h"
#include "vault/store/session.h"

enum {
    AUDIT_SIGNATURE_BYTES = 64,
    AUDIT_PUBLIC_KEY_BYTES = 32,
    AUDIT_REIGN_S = 24 * 3600, // then a key is to be succeeded
};

struct audit_signature {
    int64_t key_number;
    uint8_t octets[AUDIT_SIGNATURE_BYTES];
};

struct audit_signer;

void audit_signer_free(struct audit_signer *s);
struct status audit_signer_new(const struct keyring *k, struct audit_signer **out);

// Inside init's transaction: the first key, signed by itself.
struct status audit_signer_create_first(const struct keyring *k, struct session *s);
// Takes over the newest key from the database, if it isn't the one held. INTEGRITY when it doesn't
// unwrap.
struct status audit_signer_load(struct audit_signer *s, struct session *session);
// The same, and tells whether that key has reigned long enough.
struct status audit_signer_refresh(struct audit_signer *s, struct session *session, bool *out_due);
int64_t audit_signer_number(struct audit_signer *s); // 0: none is loaded
// When the vault is sealed: wipes the key.
void audit_signer_forget(struct audit_signer *s);
// Inside a transaction: makes the next key and destroys the private half of the one before.
// CONFLICT when another node did so first; load again after the commit in either case.
struct status audit_signer_succeed(struct audit_signer *s, struct session *session);

// SEALED when no key is loaded.
struct status audit_sign(struct audit_signer *s, struct digest what, struct audit_signature *out);
// INTEGRITY unless valid.
struct status audit_verify_signature(struct bytes public_key, struct digest what,
                                     struct bytes signature);
// What a key signs of its successor.
struct digest audit_succession_digest(int64_t number, int64_t created_us, struct bytes public_key);
