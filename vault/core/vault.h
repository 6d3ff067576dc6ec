// SPDX-License-Identifier: ISC
// The process: what all workers share. Made by the composition root (api/main.c), which owns the
// parts; everybody else borrows.
#pragma once

#include <stdatomic.h>

#include "vault/audit/signer.h"
#include "vault/crypto/keyring.h"
#include "vault/runtime/offload.h"
#include "vault/store/store.h"

struct worker;
struct sealing;
struct audit_keeper;
struct audit_sinks;

enum vault_state {
    VAULT_UNKNOWN,       // the database wasn't asked yet
    VAULT_UNINITIALISED, // it has no seal configuration
    VAULT_SEALED,
    VAULT_UNSEALED
};

struct vault {
    struct str node; // this process's name in logs and audit chains
    struct str version;
    struct store *store;
    struct offload *offload;
    struct keyring *keyring;
    struct audit_signer *signer;
    struct sealing *sealing;
    struct audit_sinks *sinks;   // NULL for none
    struct audit_keeper *keeper; // NULL for none
    struct worker **workers;
    size_t worker_count;
    int64_t default_lease_ttl_s;
    int64_t max_lease_ttl_s;
    _Atomic enum vault_state state;
    struct uuid cluster_id;
    _Atomic int64_t epoch_seen; // see vault_epoch_seen()
};

static inline enum vault_state vault_state(const struct vault *v)
{
    return atomic_load_explicit(&v->state, memory_order_acquire);
}

// The newest epoch whose manifest was found genuine. What is read from now on and is older comes
// from a database that was put back.
static inline int64_t vault_epoch_seen(struct vault *v)
{
    return atomic_load_explicit(&v->epoch_seen, memory_order_acquire);
}

static inline void vault_epoch_see(struct vault *v, int64_t epoch)
{
    int64_t seen = vault_epoch_seen(v);
    while (seen < epoch && !atomic_compare_exchange_weak(&v->epoch_seen, &seen, epoch)) {
    }
}
