// SPDX-License-Identifier: ISC
// The keys of an unsealed vault. One per process, shared by all threads.
//
//     root key ─┬─▶ namespace keys ──▶ data keys, one per namespace and epoch
//               └─▶ index, row MAC, audit HMAC and wrapping keys: never change, not even by
//               rotation
//
// At rest every key is a `struct keyring_wrapped`: sealed by the key above it and bound to its
// kind, namespace and epoch. In memory keys lie in guarded, locked pages.
//
// Reading takes no lock: the namespaces are a hash table behind one atomic pointer, each with an
// ordered list of its data keys. Whatever was published stays in place until keyring_close(), so a
// reader can neither see half an entry nor a released one. Writers take a mutex among themselves.
// keyring_close() wipes everything: nobody else may be inside any call with this keyring then
// (the vault seals when its workers are quiet).
//
// A change becomes durable before it is used: the keyring_make_* functions only return rows; store
// them, commit, then give them to keyring_add(), as a node does with rows that another one made.
#pragma once

#include "vault/base/buffer.h"
#include "vault/base/secret.h"

struct keyring;

enum {
    KEYRING_KEY_BYTES = 32,
    KEYRING_WRAPPED_BYTES = 72,
    KEYRING_ROOT_NAMESPACE = 1,
    KEYRING_NAMESPACE_ROWS = 2, // one namespace: its key and its first data key
    KEYRING_INITIAL_ROWS = 6,   // the four long-lived keys and the root namespace
};

// The numbers are stored and bound to: never change one.
enum keyring_kind {
    KEYRING_NAMESPACE = 1,  // wraps the data keys of one namespace
    KEYRING_DATA = 2,       // seals values
    KEYRING_INDEX = 3,      // hashes tokens and paths for look-up
    KEYRING_ROW_MAC = 4,    // authenticates rows
    KEYRING_AUDIT_HMAC = 5, // hides values in the audit log
    KEYRING_WRAP = 6,       // wraps private keys (keyring_wrap)
};

enum keyring_state {
    KEYRING_LIVE = 1,
    KEYRING_RETIRED = 2, // nothing is sealed under it any more; its wrapped key isn't looked at
};

// One row of the table of keys. Which epoch seals new values isn't stored, where it could be moved
// back: it is always the newest one. The unique key is (kind, namespace_id, epoch).
struct keyring_wrapped {
    enum keyring_kind kind;
    enum keyring_state state;
    int64_t namespace_id; // 0 for the long-lived keys
    int64_t epoch;        // from 1 for data keys, else 0
    uint8_t wrapped[KEYRING_WRAPPED_BYTES];
};

void keyring_free(struct keyring *k); // closes it too; NULL is fine
// A sealed keyring. NOMEM.
struct status keyring_new(struct keyring **out);

// First initialisation: makes every key, leaves the keyring open. `root_key` (32 bytes, copied) is
// what the seal wraps. CONFLICT when it is open already; NOMEM.
struct status keyring_create(struct keyring *k, const struct secret *root_key,
                             struct keyring_wrapped out[KEYRING_INITIAL_ROWS]);

// Opens with all the stored rows, in any order. INTEGRITY when a row was altered, one is missing
// (a long-lived key, a namespace of a data key, any live data key of a namespace, all of the root
// namespace), the newest epoch is marked retired, or the root key is another vault's; CONFLICT when
// it is open already; NOMEM. After a failure it is sealed and holds nothing.
struct status keyring_open(struct keyring *k, const struct secret *root_key,
                           const struct keyring_wrapped *rows, size_t count);
void keyring_close(struct keyring *k); // wipes; sealed from now on. See above for when
bool keyring_is_open(const struct keyring *k);

// Everything below is SEALED while the keyring is.

// New keys for a namespace, which must be unknown (CONFLICT). Not yet used: see above.
struct status keyring_make_namespace(struct keyring *k, int64_t namespace_id,
                                     struct keyring_wrapped out[KEYRING_NAMESPACE_ROWS]);
// The data key of the next epoch. NOT_FOUND for an unknown namespace. When two nodes rotate at
// once, the table's unique key lets one row win; the loser throws its own away.
struct status keyring_make_epoch(struct keyring *k, int64_t namespace_id,
                                 struct keyring_wrapped *out);
// Puts a committed row to use: a namespace or a data key. Adding it again does nothing; a retired
// one is forgotten. NOT_FOUND for a data key whose namespace is unknown; INTEGRITY when altered, or
// when another key is there already; INVALID for a long-lived key, which never changes; NOMEM.
struct status keyring_add(struct keyring *k, const struct keyring_wrapped *row);
// Forgets a data key to which nothing refers any more: it can't be found from now on (its memory
// is wiped by keyring_close()). CONFLICT for the newest one, NOT_FOUND.
struct status keyring_retire(struct keyring *k, int64_t namespace_id, int64_t epoch);
// Forgets a deleted namespace with all its keys; namespace ids are never used again. CONFLICT for
// the root namespace; NOT_FOUND.
struct status keyring_remove_namespace(struct keyring *k, int64_t namespace_id);

// The epoch that seals new values. NOT_FOUND.
struct status keyring_active_epoch(const struct keyring *k, int64_t namespace_id, int64_t *out);

// How many values were sealed under an epoch by this process: envelope_seal() counts them, whoever
// keeps the sum elsewhere takes off (with a negative count) what is kept. 0 for an epoch that isn't
// here.
void keyring_count_seals(const struct keyring *k, int64_t namespace_id, int64_t epoch,
                         int64_t count);
int64_t keyring_seals(const struct keyring *k, int64_t namespace_id, int64_t epoch);

// Wraps what must live long (private keys of signers, CAs) under the wrapping key. `purpose` is a
// literal, `context` (at most 256 bytes) says which one it is; both are needed to unwrap.
// NOMEM, TOO_LARGE; INTEGRITY when altered or another's.
struct status keyring_wrap(const struct keyring *k, const char *purpose, struct bytes context,
                           const struct secret *plaintext, struct buffer *out);
struct status keyring_unwrap(const struct keyring *k, const char *purpose, struct bytes context,
                             struct bytes wrapped, struct secret **out);
