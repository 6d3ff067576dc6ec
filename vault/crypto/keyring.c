// SPDX-License-Identifier: ISC
#include "vault/crypto/keyring.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#include "vault/crypto/aead.h"
#include "vault/crypto/keyring_content.h"
#include "vault/crypto/keyring_keys.h"
#include "vault/crypto/keyring_table.h"
#include "vault/crypto/pack.h"

struct keyring {
    pthread_mutex_t writer;
    struct keyring_content *_Atomic content; // NULL while sealed
};

static struct bytes key_view(const uint8_t *key)
{
    return (struct bytes){key, KEYRING_KEY_BYTES};
}

static void lock_cleanup(pthread_mutex_t **lock)
{
    pthread_mutex_unlock(*lock);
}

// Held by the writer until the end of the calling function.
#define HOLD_WRITER(k)                                                                             \
    pthread_mutex_t *held_ CLEANUP(lock_cleanup) = &(k)->writer;                                   \
    pthread_mutex_lock(held_)

static struct status open_content(const struct keyring *k, struct keyring_content **out)
{
    struct keyring_content *c = atomic_load_explicit(&k->content, memory_order_acquire);
    if (c == NULL) {
        FAIL(SEALED, "the vault is sealed");
    }
    *out = c;
    return OK_STATUS;
}

static struct status make_namespace(struct bytes root, int64_t namespace_id,
                                    struct keyring_wrapped out[KEYRING_NAMESPACE_ROWS])
{
    struct secret *namespace_key CLEANUP(secret_cleanup) = NULL;
    struct secret *data_key CLEANUP(secret_cleanup) = NULL;
    struct keyring_wrapped rows[KEYRING_NAMESPACE_ROWS] = {
        {.kind = KEYRING_NAMESPACE, .namespace_id = namespace_id},
        {.kind = KEYRING_DATA, .namespace_id = namespace_id, .epoch = 1},
    };
    TRY(keyring_row_make(root, &rows[0], &namespace_key));
    TRY(keyring_row_make(secret_view(namespace_key), &rows[1], &data_key));
    memcpy(out, rows, sizeof rows);
    return OK_STATUS;
}

void keyring_free(struct keyring *k)
{
    if (k != NULL) {
        keyring_close(k);
        pthread_mutex_destroy(&k->writer);
        free(k);
    }
}

struct status keyring_new(struct keyring **out)
{
    struct keyring *k = calloc(1, sizeof *k);
    if (k == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    pthread_mutex_init(&k->writer, NULL);
    *out = k;
    return OK_STATUS;
}

bool keyring_is_open(const struct keyring *k)
{
    return atomic_load_explicit(&k->content, memory_order_acquire) != NULL;
}

struct status keyring_open(struct keyring *k, const struct secret *root_key,
                           const struct keyring_wrapped *rows, size_t count)
{
    HOLD_WRITER(k);
    if (keyring_is_open(k)) {
        FAIL(CONFLICT, "the keyring is open already");
    }
    struct keyring_content *c = NULL;
    TRY(keyring_content_load(root_key, rows, count, &c));
    atomic_store_explicit(&k->content, c, memory_order_release);
    return OK_STATUS;
}

struct status keyring_create(struct keyring *k, const struct secret *root_key,
                             struct keyring_wrapped out[KEYRING_INITIAL_ROWS])
{
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS] = {
        {.kind = KEYRING_INDEX},
        {.kind = KEYRING_ROW_MAC},
        {.kind = KEYRING_AUDIT_HMAC},
        {.kind = KEYRING_WRAP},
    };
    enum { LONG_LIVED = KEYRING_INITIAL_ROWS - KEYRING_NAMESPACE_ROWS };
    for (size_t i = 0; i < LONG_LIVED; i++) {
        struct secret *key CLEANUP(secret_cleanup) = NULL;
        TRY(keyring_row_make(secret_view(root_key), &rows[i], &key));
    }
    TRY(make_namespace(secret_view(root_key), KEYRING_ROOT_NAMESPACE, &rows[LONG_LIVED]));
    TRY(keyring_open(k, root_key, rows, ARRAY_LEN(rows)));
    memcpy(out, rows, sizeof rows);
    return OK_STATUS;
}

void keyring_close(struct keyring *k)
{
    HOLD_WRITER(k);
    keyring_content_free(atomic_exchange_explicit(&k->content, NULL, memory_order_acq_rel));
}

struct status keyring_make_namespace(struct keyring *k, int64_t namespace_id,
                                     struct keyring_wrapped out[KEYRING_NAMESPACE_ROWS])
{
    HOLD_WRITER(k);
    struct keyring_content *c = NULL;
    TRY(open_content(k, &c));
    if (keyring_table_find(c->table, namespace_id) != NULL) {
        FAIL(CONFLICT, "the namespace has its keys already");
    }
    return make_namespace(key_view(c->root), namespace_id, out);
}

static struct status find_namespace(const struct keyring_content *c, int64_t namespace_id,
                                    struct keyring_namespace **out)
{
    struct keyring_namespace *n = keyring_table_find(c->table, namespace_id);
    if (n == NULL) {
        FAIL(NOT_FOUND, "the namespace's keys aren't loaded");
    }
    *out = n;
    return OK_STATUS;
}

struct status keyring_make_epoch(struct keyring *k, int64_t namespace_id,
                                 struct keyring_wrapped *out)
{
    HOLD_WRITER(k);
    struct keyring_content *c = NULL;
    struct keyring_namespace *n = NULL;
    TRY(open_content(k, &c));
    TRY(find_namespace(c, namespace_id, &n));
    const uint8_t *newest = NULL;
    struct keyring_wrapped row = {
        .kind = KEYRING_DATA,
        .namespace_id = namespace_id,
        .epoch = keyring_namespace_newest(n, &newest) + 1,
    };
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    TRY(keyring_row_make(key_view(keyring_namespace_key(n)), &row, &key));
    *out = row;
    return OK_STATUS;
}

static struct status retire(const struct keyring_content *c, int64_t namespace_id, int64_t epoch)
{
    struct keyring_namespace *n = NULL;
    TRY(find_namespace(c, namespace_id, &n));
    const uint8_t *key = NULL;
    if (epoch == keyring_namespace_newest(n, &key)) {
        FAIL(CONFLICT, "the newest key epoch seals new values and can't be retired");
    }
    if (!keyring_namespace_drop(n, epoch)) {
        FAIL(NOT_FOUND, "there is no such key epoch");
    }
    return OK_STATUS;
}

struct status keyring_retire(struct keyring *k, int64_t namespace_id, int64_t epoch)
{
    HOLD_WRITER(k);
    struct keyring_content *c = NULL;
    TRY(open_content(k, &c));
    return retire(c, namespace_id, epoch);
}

// A retired row that another node has committed: forgotten here too, if it was ever known.
static struct status add_retired(const struct keyring_content *c, const struct keyring_wrapped *row)
{
    struct status s = retire(c, row->namespace_id, row->epoch);
    return s.code == STATUS_NOT_FOUND ? OK_STATUS : s;
}

struct status keyring_add(struct keyring *k, const struct keyring_wrapped *row)
{
    HOLD_WRITER(k);
    struct keyring_content *c = NULL;
    TRY(open_content(k, &c));
    if (row->kind == KEYRING_NAMESPACE) {
        return keyring_content_add_namespace(c, row);
    }
    if (row->kind == KEYRING_DATA) {
        return row->state == KEYRING_RETIRED ? add_retired(c, row)
                                             : keyring_content_add_data(c, row);
    }
    FAIL(INVALID, "long-lived keys never change");
}

struct status keyring_remove_namespace(struct keyring *k, int64_t namespace_id)
{
    HOLD_WRITER(k);
    struct keyring_content *c = NULL;
    TRY(open_content(k, &c));
    if (namespace_id == KEYRING_ROOT_NAMESPACE) {
        FAIL(CONFLICT, "the root namespace can't be removed");
    }
    if (!keyring_table_drop(c->table, namespace_id)) {
        FAIL(NOT_FOUND, "the namespace's keys aren't loaded");
    }
    return OK_STATUS;
}

struct status keyring_use_key(const struct keyring *k, enum keyring_use use, struct bytes *out)
{
    struct keyring_content *c = NULL;
    TRY(open_content(k, &c));
    *out = key_view(c->uses[use]);
    return OK_STATUS;
}

struct status keyring_data_key(const struct keyring *k, int64_t namespace_id, int64_t epoch,
                               struct bytes *out)
{
    struct keyring_content *c = NULL;
    struct keyring_namespace *n = NULL;
    TRY(open_content(k, &c));
    TRY(find_namespace(c, namespace_id, &n));
    const uint8_t *key = keyring_namespace_data_key(n, epoch);
    if (key == NULL) {
        FAIL(NOT_FOUND, "the key epoch isn't loaded");
    }
    *out = key_view(key);
    return OK_STATUS;
}

struct status keyring_active_key(const struct keyring *k, int64_t namespace_id, int64_t *out_epoch,
                                 struct bytes *out)
{
    struct keyring_content *c = NULL;
    struct keyring_namespace *n = NULL;
    TRY(open_content(k, &c));
    TRY(find_namespace(c, namespace_id, &n));
    const uint8_t *key = NULL;
    int64_t epoch = keyring_namespace_newest(n, &key);
    if (key == NULL) {
        FAIL(NOT_FOUND, "the namespace's data keys aren't loaded");
    }
    *out_epoch = epoch;
    *out = key_view(key);
    return OK_STATUS;
}

struct status keyring_active_epoch(const struct keyring *k, int64_t namespace_id, int64_t *out)
{
    struct bytes key;
    return keyring_active_key(k, namespace_id, out, &key);
}

static _Atomic int64_t *seals_of(const struct keyring *k, int64_t namespace_id, int64_t epoch)
{
    struct keyring_content *c = NULL;
    if (!status_ok(open_content(k, &c))) {
        return NULL;
    }
    const struct keyring_namespace *n = keyring_table_find(c->table, namespace_id);
    return n == NULL ? NULL : keyring_namespace_seals(n, epoch);
}

void keyring_count_seals(const struct keyring *k, int64_t namespace_id, int64_t epoch,
                         int64_t count)
{
    _Atomic int64_t *seals = seals_of(k, namespace_id, epoch);
    if (seals != NULL) {
        atomic_fetch_add_explicit(seals, count, memory_order_relaxed);
    }
}

int64_t keyring_seals(const struct keyring *k, int64_t namespace_id, int64_t epoch)
{
    _Atomic int64_t *seals = seals_of(k, namespace_id, epoch);
    return seals == NULL ? 0 : atomic_load_explicit(seals, memory_order_relaxed);
}

static struct pack wrap_context(const char *purpose, struct bytes context)
{
    struct pack p;
    pack_init(&p, purpose);
    pack_bytes(&p, context);
    return p;
}

struct status keyring_wrap(const struct keyring *k, const char *purpose, struct bytes context,
                           const struct secret *plaintext, struct buffer *out)
{
    struct bytes key;
    TRY(keyring_use_key(k, KEYRING_USE_WRAP, &key));
    struct pack p = wrap_context(purpose, context);
    return aead_seal(key, pack_view(&p), secret_view(plaintext), out);
}

struct status keyring_unwrap(const struct keyring *k, const char *purpose, struct bytes context,
                             struct bytes wrapped, struct secret **out)
{
    struct bytes key;
    TRY(keyring_use_key(k, KEYRING_USE_WRAP, &key));
    struct pack p = wrap_context(purpose, context);
    return aead_open(key, pack_view(&p), wrapped, out);
}
