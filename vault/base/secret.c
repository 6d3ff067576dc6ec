// SPDX-License-Identifier: ISC
#include "vault/base/secret.h"

#include <pthread.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>

#include "vault/base/limits.h"

enum {
    SLAB_CLASS_COUNT = 4,
    SLAB_CLASS_SLOTS = 512,
    SLAB_BYTES = SLAB_CLASS_SLOTS * (64 + 256 + 1024 + 4096),
};

static const size_t class_bytes[SLAB_CLASS_COUNT] = {64, 256, 1024, 4096};

enum secret_origin { SECRET_SLAB, SECRET_MAPPED, SECRET_GUARDED };

// The descriptor is ordinary memory; only `data` is secret.
struct secret {
    uint8_t *data;
    size_t len;
    size_t capacity; // as allocated
    enum secret_origin origin;
};

static struct {
    pthread_mutex_t lock;
    uint8_t *memory;                                         // NULL until secret_system_init()
    uint16_t free_slots[SLAB_CLASS_COUNT][SLAB_CLASS_SLOTS]; // stacks of free slot numbers
    size_t free_count[SLAB_CLASS_COUNT];
    bool allow_unlocked;
} slab = {.lock = PTHREAD_MUTEX_INITIALIZER};

// Maps memory that is locked, not dumped, and empty in a forked child. A page is locked when it is
// first touched: the hosts of rotators, which live for one attempt, would take a third of their
// time for pages that they never use.
static uint8_t *map_locked(size_t size, bool allow_unlocked)
{
    void *at = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (at == MAP_FAILED) {
        return NULL;
    }
    bool locked = mlock2(at, size, MLOCK_ONFAULT) == 0;
    if ((!locked && !allow_unlocked) || madvise(at, size, MADV_DONTDUMP) != 0 ||
        madvise(at, size, MADV_WIPEONFORK) != 0) {
        munmap(at, size);
        return NULL;
    }
    return at;
}

struct status secret_system_init(bool allow_unlocked)
{
    REQUIRE(slab.memory == NULL);
    // A generator of our own process (ChaCha20, seeded by the kernel, safe across fork): a system
    // call for every id and nonce would cost more than the encryption.
    randombytes_set_implementation(&randombytes_internal_implementation);
    if (sodium_init() < 0) {
        FAIL(INTERNAL, "libsodium could not start");
    }
    slab.allow_unlocked = allow_unlocked;
    slab.memory = map_locked(SLAB_BYTES, allow_unlocked);
    if (slab.memory == NULL) {
        FAIL(UNAVAILABLE, "memory can't be locked against swap: raise the limit on locked memory "
                          "(ulimit -l, LimitMEMLOCK=) or set allow_unlocked_memory");
    }
    for (size_t c = 0; c < SLAB_CLASS_COUNT; c++) {
        slab.free_count[c] = SLAB_CLASS_SLOTS;
        for (size_t i = 0; i < SLAB_CLASS_SLOTS; i++) {
            slab.free_slots[c][i] = (uint16_t)i;
        }
    }
    return OK_STATUS;
}

static uint8_t *class_start(size_t size_class)
{
    uint8_t *at = slab.memory;
    for (size_t c = 0; c < size_class; c++) {
        at += class_bytes[c] * SLAB_CLASS_SLOTS;
    }
    return at;
}

// NULL when no size class fits or the fitting one is used up.
static uint8_t *slab_take(size_t len, size_t *capacity)
{
    size_t size_class = 0;
    while (size_class < SLAB_CLASS_COUNT && class_bytes[size_class] < len) {
        size_class++;
    }
    if (size_class == SLAB_CLASS_COUNT) {
        return NULL;
    }
    uint8_t *at = NULL;
    pthread_mutex_lock(&slab.lock);
    if (slab.memory != NULL && slab.free_count[size_class] > 0) {
        uint16_t slot = slab.free_slots[size_class][--slab.free_count[size_class]];
        at = class_start(size_class) + slot * class_bytes[size_class];
        *capacity = class_bytes[size_class];
    }
    pthread_mutex_unlock(&slab.lock);
    return at;
}

static void slab_give(const uint8_t *at, size_t capacity)
{
    size_t size_class = 0;
    while (class_bytes[size_class] != capacity) {
        size_class++;
    }
    size_t slot = (size_t)(at - class_start(size_class)) / capacity;
    pthread_mutex_lock(&slab.lock);
    slab.free_slots[size_class][slab.free_count[size_class]++] = (uint16_t)slot;
    pthread_mutex_unlock(&slab.lock);
}

struct secret *secret_new(size_t len)
{
    // lint: allow(analyzer) gcc counts the caller's object before it is made here
    if (len > LIMIT_SECRET_BYTES) {
        return NULL;
    }
    struct secret *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->len = len;
    s->origin = SECRET_SLAB;
    s->data = slab_take(len, &s->capacity);
    if (s->data == NULL) {
        s->origin = SECRET_MAPPED;
        s->capacity = len == 0 ? 1 : len;
        s->data = map_locked(s->capacity, slab.allow_unlocked);
    }
    // lint: allow(analyzer) gcc counts the caller's object before it is made here
    if (s->data == NULL) {
        free(s);
        return NULL;
    }
    return s;
}

struct secret *secret_new_guarded(size_t len)
{
    struct secret *s = calloc(1, sizeof *s);
    if (s == NULL) {
        return NULL;
    }
    s->len = len;
    s->capacity = len;
    s->origin = SECRET_GUARDED;
    s->data = sodium_malloc(len);
    if (s->data == NULL) {
        free(s);
        return NULL;
    }
    sodium_memzero(s->data, len);
    return s;
}

void secret_free(struct secret *s)
{
    if (s == NULL) {
        return;
    }
    // lint: allow(analyzer) gcc takes it for freed on entry
    switch (s->origin) {
    case SECRET_SLAB:
        sodium_memzero(s->data, s->capacity);
        slab_give(s->data, s->capacity);
        break;
    case SECRET_MAPPED:
        sodium_memzero(s->data, s->capacity);
        munmap(s->data, s->capacity);
        break;
    case SECRET_GUARDED:
        sodium_free(s->data);
        break;
    }
    free(s);
}

void secret_cleanup(struct secret **s)
{
    secret_free(*s);
}

struct status secret_copy(struct bytes from, struct secret **out)
{
    struct secret *s = secret_new(from.len);
    if (s == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    if (from.len > 0) {
        memcpy(s->data, from.ptr, from.len);
    }
    *out = s;
    return OK_STATUS;
}

struct status secret_random(size_t len, struct secret **out)
{
    struct secret *s = secret_new(len);
    if (s == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    randombytes_buf(s->data, len);
    *out = s;
    return OK_STATUS;
}

struct bytes secret_view(const struct secret *s)
{
    return s == NULL ? (struct bytes){NULL, 0} : (struct bytes){s->data, s->len};
}

uint8_t *secret_data(struct secret *s)
{
    return s->data;
}

size_t secret_len(const struct secret *s)
{
    return s == NULL ? 0 : s->len;
}

void secret_truncate(struct secret *s, size_t len)
{
    if (len < s->len) {
        sodium_memzero(s->data + len, s->len - len);
        s->len = len;
    }
}

bool secret_equal_bytes(const struct secret *a, struct bytes b)
{
    return secret_len(a) == b.len && (b.len == 0 || sodium_memcmp(a->data, b.ptr, b.len) == 0);
}

bool secret_equal(const struct secret *a, const struct secret *b)
{
    return secret_equal_bytes(a, secret_view(b));
}
