// SPDX-License-Identifier: ISC
// The life of the vault's keys: initialise, unseal, seal, rotate. One object per process; its own
// mutex, since none of this is on the request path. Everything here blocks: from offload threads,
// or before the workers run.
#pragma once

#include "vault/base/arena.h"
#include "vault/core/vault.h"
#include "vault/seal/progress.h"
#include "vault/seal/seal.h"

struct sealing;

// `options` say which seal the configuration asks for; borrowed.
struct sealing_options {
    const struct seal_ops *ops; // of the configuration: shamir or static
    struct seal_options seal;   // where the static key is
};

void sealing_free(struct sealing *s);
struct status sealing_new(struct vault *v, const struct sealing_options *options,
                          struct sealing **out);

// Finds out from the database whether the vault is initialised and how it is sealed, and sets the
// vault's state. UNAVAILABLE; INTEGRITY when the stored seal makes no sense.
struct status sealing_refresh(struct sealing *s);

struct sealing_init_request {
    int shares; // of the seal, or of the recovery key beside an automatic seal
    int threshold;
};
struct sealing_init_result {
    struct seal_shares shares; // or recovery shares
    bool recovery;
    struct secret *root_token;
};
void sealing_init_result_done(struct sealing_init_result *r);
// Creates everything in one transaction; the vault is still sealed afterwards. INVALID for shares
// and threshold; CONFLICT when it is initialised already.
struct status sealing_initialise(struct sealing *s, const struct sealing_init_request *request,
                                 struct sealing_init_result *out);

struct sealing_status {
    enum vault_state state;
    const char *type; // "shamir" or "static"
    bool recovery_seal;
    struct seal_progress_state progress;
    struct uuid cluster_id;
};
struct status sealing_status(struct sealing *s, struct sealing_status *out);

// One more share. When it was the last one needed the keys are in place: *out_open is true, and the
// workers have to connect (worker_unseal). Changes nothing when the vault is unsealed already.
// INVALID, CONFLICT, SEALED when there is nothing to unseal; UNAVAILABLE.
struct status sealing_add_share(struct sealing *s, struct str share, bool *out_open);
void sealing_reset(struct sealing *s);
// With the static key. The same outcome. DENIED when the key is another vault's.
struct status sealing_open_static(struct sealing *s);

// From now on the vault counts as sealed: no operation begins any more.
void sealing_refuse(struct sealing *s);
// Wipes all keys. The workers must be quiet and disconnected.
void sealing_close(struct sealing *s);

// Inside a transaction: stores the data key of the next epoch; give `out` to keyring_add() after
// the commit.
struct status sealing_store_epoch(struct vault *v, struct session *session,
                                  struct keyring_wrapped *out);
// Takes over what other nodes have added to the table of keys.
struct status sealing_reload_keys(struct vault *v, struct session *session);
