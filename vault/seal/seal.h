// SPDX-License-Identifier: ISC
// The seal: how the root key is protected at rest, and who can bring it back. Some unseal key wraps
// the root key; the ways differ in where the unseal key comes from. Each way is one file that fills
// in a `struct seal_ops`.
//
//     shamir    the unseal key is split among operators; unsealing gathers shares (seal/progress.h)
//     static    the unseal key lies in a file or in a systemd credential; unsealing needs nobody
//     recovery  like shamir, beside an automatic seal: it authorises what operators must agree to,
//               and opens the vault when the static key is lost. Never the only seal
//
// Changing the key, the shares or the way (rekey) is seal_init() with the same root key: store the
// new configuration, and the old shares or key are worth nothing.
#pragma once

#include "vault/base/buffer.h"
#include "vault/base/secret.h"

enum {
    SEAL_KEY_BYTES = 32,
    SEAL_SET_ID_BYTES = 8,
    SEAL_KEY_ID_BYTES = 16,
    SEAL_DIGEST_BYTES = 32,
    SEAL_WRAPPED_ROOT_BYTES = 72,
    SEAL_SHARES_MAX = 255,
};

// The numbers are stored and bound to: never change one.
enum seal_type {
    SEAL_SHAMIR = 1,
    SEAL_STATIC = 2,
    SEAL_RECOVERY = 3,
};

// One row. Nothing in it is secret. It is read before anything can be verified; changing any field
// makes the root key fail to open.
struct seal_config {
    enum seal_type type;
    int shares;                        // 0 for static
    int threshold;                     // 0 for static
    uint8_t set_id[SEAL_SET_ID_BYTES]; // random; tells this seal's shares from any others
    uint8_t key_id[SEAL_KEY_ID_BYTES]; // of the static key, else zero
    struct buffer share_digests;       // SEAL_DIGEST_BYTES for each share, by number
    uint8_t wrapped_root_key[SEAL_WRAPPED_ROOT_BYTES];
};

void seal_config_init(struct seal_config *c);
void seal_config_done(struct seal_config *c);

// What operators get, once: shares in the binary form of seal/share.h, in the order of their
// numbers. Zero-initialise.
struct seal_shares {
    size_t count;
    struct secret *share[SEAL_SHARES_MAX];
};

void seal_shares_done(struct seal_shares *s);

// Where a static key is. Either a path, or the name of a systemd credential
// ($CREDENTIALS_DIRECTORY/<name>); NULL for what isn't there.
struct seal_key_place {
    const char *file;
    const char *credential;
};

// From the configuration file, or from the request to initialise or rekey.
struct seal_options {
    int shares;                     // shamir and recovery: 1 to SEAL_SHARES_MAX
    int threshold;                  // 1 to shares, at least 2 when there are several shares
    struct seal_key_place key;      // static
    struct seal_key_place previous; // static: its predecessor, while the seal is changed over
};

struct seal_ops {
    enum seal_type type;
    const char *name;  // as the API and the configuration write it
    bool needs_shares; // unsealing takes operators
    // A key for a new seal. Fills `config` (initialised) but for the wrapped root key; adds to
    // `shares`. INVALID with what is wrong with the options; UNAVAILABLE, NOMEM.
    struct status (*make_key)(const struct seal_options *options, struct seal_config *config,
                              struct secret **out_key, struct seal_shares *out_shares);
    // The key of a seal that was made earlier. `*out_is_previous`: it is the predecessor's, so
    // seal_init() should be run to change over. SEALED when it takes operators; DENIED when there
    // is only another key; INVALID, UNAVAILABLE, NOMEM.
    struct status (*find_key)(const struct seal_options *options, const struct seal_config *config,
                              struct secret **out_key, bool *out_is_previous);
};

extern const struct seal_ops seal_shamir_ops;
extern const struct seal_ops seal_static_ops;
extern const struct seal_ops seal_recovery_ops;

// By type or by name; recovery has no name to configure. NULL when there is none.
const struct seal_ops *seal_ops_of(enum seal_type type);
const struct seal_ops *seal_ops_named(struct str name);

// Seals `root_key` (32 bytes) anew; shares, if any, are what `out_shares` has afterwards. What it
// returns has been opened again and compared. `out_config` and `out_shares` come initialised and
// empty; after a failure they are released, not to be used. Errors of make_key.
struct status seal_init(const struct seal_ops *ops, const struct seal_options *options,
                        const struct secret *root_key, struct seal_config *out_config,
                        struct seal_shares *out_shares);

// Without operators: find the key, open the root key. Errors of find_key and seal_unwrap_root().
struct status seal_open_root(const struct seal_options *options, const struct seal_config *config,
                             struct secret **out_root_key, bool *out_is_previous);

// The root key, with an unseal key from seal_progress_add() or find_key. INTEGRITY when the key is
// another one or any field of `config` was changed; NOMEM.
struct status seal_unwrap_root(const struct seal_config *config, const struct secret *unseal_key,
                               struct secret **out_root_key);
