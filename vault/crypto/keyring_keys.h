// SPDX-License-Identifier: ISC
// The keys themselves, lent to the other files of vault/crypto and to nobody else. A lent key is
// good until keyring_close(); it is never copied.
#pragma once

#include "vault/crypto/keyring.h"

// What the long-lived keys are used for, each with a key of its own.
enum keyring_use {
    KEYRING_USE_TOKEN_INDEX,
    KEYRING_USE_PATH_INDEX,
    KEYRING_USE_ROW_MAC,
    KEYRING_USE_AUDIT_HMAC,
    KEYRING_USE_WRAP,
    KEYRING_USE_COUNT
};

// SEALED.
struct status keyring_use_key(const struct keyring *k, enum keyring_use use, struct bytes *out);
// SEALED; NOT_FOUND when the namespace or the epoch isn't loaded.
struct status keyring_data_key(const struct keyring *k, int64_t namespace_id, int64_t epoch,
                               struct bytes *out);
struct status keyring_active_key(const struct keyring *k, int64_t namespace_id, int64_t *out_epoch,
                                 struct bytes *out);
