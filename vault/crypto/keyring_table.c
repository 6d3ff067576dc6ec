// SPDX-License-Identifier: ISC
#include "vault/crypto/keyring_table.h"

#include <stdatomic.h>

#include "vault/base/arena.h"
#include "vault/base/secret.h"
#include "vault/crypto/keyring.h"

enum {
    KEYS_PER_CHUNK = 128, // one page, so that guard pages cost little per key
    FIRST_SLOTS = 64,
    ARENA_MAX_BYTES = 64 * 1024 * 1024,
};

struct data_key {
    int64_t epoch;
    const uint8_t *key;
    _Atomic int64_t seals;         // see keyring_count_seals()
    struct data_key *_Atomic next; // of an older epoch
};

struct keyring_namespace {
    int64_t id;
    const uint8_t *key;
    struct data_key *_Atomic newest;
    atomic_bool dropped;
};

// Open addressing, never more than half full. A slot changes once, from NULL; growing makes a new
// index and leaves the old one to the readers that are still in it.
struct index {
    size_t mask;
    size_t used; // dropped ones too
    struct keyring_namespace *_Atomic slots[];
};

struct key_chunk {
    struct secret *keys;
    struct key_chunk *next;
};

struct keyring_table {
    struct index *_Atomic index;
    struct arena *memory; // every object but the keys; old indexes too, until the table goes
    struct key_chunk *chunks;
    size_t keys_used; // of the first chunk
};

void keyring_table_free(struct keyring_table *t)
{
    if (t == NULL) {
        return;
    }
    for (struct key_chunk *c = t->chunks; c != NULL; c = c->next) {
        secret_free(c->keys);
    }
    arena_free(t->memory);
    free(t);
}

static struct index *index_new(struct arena *memory, size_t slots)
{
    struct index *x = arena_alloc(memory, sizeof *x + slots * sizeof x->slots[0]);
    if (x != NULL) {
        x->mask = slots - 1;
    }
    return x;
}

static void table_cleanup(struct keyring_table **t)
{
    keyring_table_free(*t);
}

struct status keyring_table_new(struct keyring_table **out)
{
    struct keyring_table *t CLEANUP(table_cleanup) = calloc(1, sizeof *t);
    if (t == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    t->memory = arena_new(ARENA_MAX_BYTES);
    t->keys_used = KEYS_PER_CHUNK;
    struct index *x = t->memory == NULL ? NULL : index_new(t->memory, FIRST_SLOTS);
    if (x == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    atomic_store_explicit(&t->index, x, memory_order_release);
    *out = TAKE(t);
    return OK_STATUS;
}

uint8_t *keyring_table_new_key(struct keyring_table *t)
{
    if (t->keys_used == KEYS_PER_CHUNK) {
        struct key_chunk *c = ARENA_NEW(t->memory, struct key_chunk);
        if (c == NULL) {
            return NULL;
        }
        c->keys = secret_new_guarded((size_t)KEYS_PER_CHUNK * KEYRING_KEY_BYTES);
        if (c->keys == NULL) {
            return NULL;
        }
        c->next = t->chunks;
        t->chunks = c;
        t->keys_used = 0;
    }
    return secret_data(t->chunks->keys) + t->keys_used++ * KEYRING_KEY_BYTES;
}

// Namespace ids come from a sequence of ours, not from users: spreading them is enough (the
// multiplier is 2^64 divided by the golden ratio).
static size_t home(const struct index *x, int64_t namespace_id)
{
    return (size_t)(((uint64_t)namespace_id * 0x9e3779b97f4a7c15U) >> 32) & x->mask;
}

static bool is_dropped(const struct keyring_namespace *n)
{
    return atomic_load_explicit(&n->dropped, memory_order_acquire);
}

struct keyring_namespace *keyring_table_find(const struct keyring_table *t, int64_t namespace_id)
{
    const struct index *x = atomic_load_explicit(&t->index, memory_order_acquire);
    for (size_t i = home(x, namespace_id);; i = (i + 1) & x->mask) {
        struct keyring_namespace *n = atomic_load_explicit(&x->slots[i], memory_order_acquire);
        if (n == NULL) {
            return NULL;
        }
        if (n->id == namespace_id) {
            return is_dropped(n) ? NULL : n;
        }
    }
}

const uint8_t *keyring_namespace_key(const struct keyring_namespace *n)
{
    return n->key;
}

static struct data_key *find_data_key(const struct keyring_namespace *n, int64_t epoch)
{
    struct data_key *d = atomic_load_explicit(&n->newest, memory_order_acquire);
    while (d != NULL && d->epoch > epoch) {
        d = atomic_load_explicit(&d->next, memory_order_acquire);
    }
    return d != NULL && d->epoch == epoch ? d : NULL;
}

const uint8_t *keyring_namespace_data_key(const struct keyring_namespace *n, int64_t epoch)
{
    const struct data_key *d = find_data_key(n, epoch);
    return d == NULL ? NULL : d->key;
}

_Atomic int64_t *keyring_namespace_seals(const struct keyring_namespace *n, int64_t epoch)
{
    struct data_key *d = find_data_key(n, epoch);
    return d == NULL ? NULL : &d->seals;
}

int64_t keyring_namespace_newest(const struct keyring_namespace *n, const uint8_t **out_key)
{
    const struct data_key *d = atomic_load_explicit(&n->newest, memory_order_acquire);
    *out_key = d == NULL ? NULL : d->key;
    return d == NULL ? 0 : d->epoch;
}

static void index_put(struct index *x, struct keyring_namespace *n)
{
    size_t i = home(x, n->id);
    while (atomic_load_explicit(&x->slots[i], memory_order_relaxed) != NULL) {
        i = (i + 1) & x->mask;
    }
    x->used++;
    atomic_store_explicit(&x->slots[i], n, memory_order_release);
}

// Publishes a copy of the index without what was dropped, at most a quarter full.
static bool index_renew(struct keyring_table *t)
{
    const struct index *old = atomic_load_explicit(&t->index, memory_order_relaxed);
    size_t live = 0;
    for (size_t i = 0; i <= old->mask; i++) {
        struct keyring_namespace *n = atomic_load_explicit(&old->slots[i], memory_order_relaxed);
        live += n != NULL && !is_dropped(n);
    }
    size_t slots = FIRST_SLOTS;
    while (slots < live * 4) {
        slots *= 2;
    }
    struct index *x = index_new(t->memory, slots);
    if (x == NULL) {
        return false;
    }
    for (size_t i = 0; i <= old->mask; i++) {
        struct keyring_namespace *n = atomic_load_explicit(&old->slots[i], memory_order_relaxed);
        if (n != NULL && !is_dropped(n)) {
            index_put(x, n);
        }
    }
    atomic_store_explicit(&t->index, x, memory_order_release);
    return true;
}

bool keyring_table_add(struct keyring_table *t, int64_t namespace_id, const uint8_t *key)
{
    struct index *x = atomic_load_explicit(&t->index, memory_order_relaxed);
    if ((x->used + 1) * 2 > x->mask + 1) {
        if (!index_renew(t)) {
            return false;
        }
        x = atomic_load_explicit(&t->index, memory_order_relaxed);
    }
    struct keyring_namespace *n = ARENA_NEW(t->memory, struct keyring_namespace);
    if (n == NULL) {
        return false;
    }
    n->id = namespace_id;
    n->key = key;
    index_put(x, n);
    return true;
}

bool keyring_table_drop(struct keyring_table *t, int64_t namespace_id)
{
    struct keyring_namespace *n = keyring_table_find(t, namespace_id);
    if (n == NULL) {
        return false;
    }
    atomic_store_explicit(&n->dropped, true, memory_order_release);
    return true;
}

// The link after which a data key of `epoch` stands or would stand.
static struct data_key *_Atomic *link_of(struct keyring_namespace *n, int64_t epoch)
{
    struct data_key *_Atomic *link = &n->newest;
    for (;;) {
        struct data_key *d = atomic_load_explicit(link, memory_order_relaxed);
        if (d == NULL || d->epoch <= epoch) {
            return link;
        }
        link = &d->next;
    }
}

bool keyring_namespace_add(struct keyring_table *t, struct keyring_namespace *n, int64_t epoch,
                           const uint8_t *key)
{
    struct data_key *d = ARENA_NEW(t->memory, struct data_key);
    if (d == NULL) {
        return false;
    }
    struct data_key *_Atomic *link = link_of(n, epoch);
    d->epoch = epoch;
    d->key = key;
    atomic_store_explicit(&d->next, atomic_load_explicit(link, memory_order_relaxed),
                          memory_order_relaxed);
    atomic_store_explicit(link, d, memory_order_release);
    return true;
}

bool keyring_namespace_drop(struct keyring_namespace *n, int64_t epoch)
{
    struct data_key *_Atomic *link = link_of(n, epoch);
    struct data_key *d = atomic_load_explicit(link, memory_order_relaxed);
    if (d == NULL || d->epoch != epoch) {
        return false;
    }
    // `d` keeps its own link, for readers that stand on it.
    atomic_store_explicit(link, atomic_load_explicit(&d->next, memory_order_relaxed),
                          memory_order_release);
    return true;
}

bool keyring_table_all(const struct keyring_table *t,
                       bool (*visit)(const struct keyring_namespace *n))
{
    const struct index *x = atomic_load_explicit(&t->index, memory_order_acquire);
    for (size_t i = 0; i <= x->mask; i++) {
        const struct keyring_namespace *n =
            atomic_load_explicit(&x->slots[i], memory_order_acquire);
        if (n != NULL && !is_dropped(n) && !visit(n)) {
            return false;
        }
    }
    return true;
}
