// SPDX-License-Identifier: ISC
// The rows of wrapped_key, key_epoch, vault_instance and seal_config. Blocking.
#pragma once

#include "vault/core/vault.h"
#include "vault/seal/seal.h"

struct status key_store_put(struct session *s, const struct keyring_wrapped *row);
struct key_rows {
    struct keyring_wrapped *rows; // free()
    size_t count;
};
void key_rows_done(struct key_rows *r);
struct status key_store_load(struct session *s, struct key_rows *out);

// Data keys in use, for re-encryption (reseal.h). All inside a transaction.
struct status key_store_count_seals(struct session *s, int64_t namespace_id, int64_t epoch,
                                    int64_t seals);
// The oldest epoch that isn't retired.
struct status key_store_oldest_epoch(struct session *s, int64_t namespace_id, int64_t *out);
// Notes which epochs before `newest` nothing refers to, and retires one for which that has been so
// for `after_s`: its row of key_epoch goes, its wrapped key is overwritten. *out_epoch is 0 when
// there was none. CONFLICT when something refers to it after all.
struct status key_store_retire(struct session *s, int64_t namespace_id, int64_t newest,
                               int64_t after_s, int64_t *out_epoch);

struct status key_store_put_seal(struct session *s, const struct seal_config *c);
// `out` comes initialised. NOT_FOUND when there is no such row.
struct status key_store_load_seal(struct session *s, bool recovery, struct seal_config *out);

// NOT_FOUND before init.
struct status key_store_load_instance(struct session *s, struct uuid *out_cluster_id);
// CONFLICT when there is one.
struct status key_store_put_instance(struct session *s, struct uuid cluster_id);
