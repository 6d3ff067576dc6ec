// SPDX-License-Identifier: ISC
// The memory of an open keyring: key material in guarded pages and the table that finds it. Private
// to keyring.c.
//
// One writer at a time, any number of readers without a lock. Invariants:
//  1. what a reader can reach is never released or moved before keyring_table_free();
//  2. an object is complete before the (release) store that makes it reachable;
//  3. the epochs of a namespace form a list in strictly descending order.
#pragma once

#include "vault/base/bytes.h"

struct keyring_table;
struct keyring_namespace;

void keyring_table_free(struct keyring_table *t);            // wipes every key; NULL is fine
struct status keyring_table_new(struct keyring_table **out); // NOMEM

// Room for one key in guarded memory, zero; NULL when memory is short.
uint8_t *keyring_table_new_key(struct keyring_table *t);

// Readers. NULL when there is none.
struct keyring_namespace *keyring_table_find(const struct keyring_table *t, int64_t namespace_id);
const uint8_t *keyring_namespace_key(const struct keyring_namespace *n);
const uint8_t *keyring_namespace_data_key(const struct keyring_namespace *n, int64_t epoch);
// How many values it has sealed; NULL when there is none.
_Atomic int64_t *keyring_namespace_seals(const struct keyring_namespace *n, int64_t epoch);
// The newest one. 0 and NULL when the namespace has no data key.
int64_t keyring_namespace_newest(const struct keyring_namespace *n, const uint8_t **out_key);

// Writers. `key` is from keyring_table_new_key(). False when memory is short; what is already
// there must not be added again.
bool keyring_table_add(struct keyring_table *t, int64_t namespace_id, const uint8_t *key);
bool keyring_namespace_add(struct keyring_table *t, struct keyring_namespace *n, int64_t epoch,
                           const uint8_t *key);
// Unlinks; false when it isn't there. A dropped namespace's id is never added again.
bool keyring_namespace_drop(struct keyring_namespace *n, int64_t epoch);
bool keyring_table_drop(struct keyring_table *t, int64_t namespace_id);

// Calls `visit` for each namespace until it returns false; says whether all returned true.
bool keyring_table_all(const struct keyring_table *t,
                       bool (*visit)(const struct keyring_namespace *n));
