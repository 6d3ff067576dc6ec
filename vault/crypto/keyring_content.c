// SPDX-License-Identifier: ISC
#include "vault/crypto/keyring_content.h"

#include <assert.h>
#include <string.h>

#include "vault/crypto/aead.h"
#include "vault/crypto/kdf.h"
#include "vault/crypto/pack.h"

static_assert(KEYRING_WRAPPED_BYTES == KEYRING_KEY_BYTES + (int)AEAD_OVERHEAD_BYTES);
static_assert(KEYRING_KEY_BYTES == (int)AEAD_KEY_BYTES);
static_assert(KEYRING_KEY_BYTES == (int)KDF_KEY_BYTES);

static const struct use_source {
    enum keyring_kind kind;
    const char *label;
} use_sources[KEYRING_USE_COUNT] = {
    [KEYRING_USE_TOKEN_INDEX] = {KEYRING_INDEX, "token index"},
    [KEYRING_USE_PATH_INDEX] = {KEYRING_INDEX, "path index"},
    [KEYRING_USE_ROW_MAC] = {KEYRING_ROW_MAC, "row mac"},
    [KEYRING_USE_AUDIT_HMAC] = {KEYRING_AUDIT_HMAC, "audit hmac"},
    [KEYRING_USE_WRAP] = {KEYRING_WRAP, "wrap"},
};

static struct bytes key_view(const uint8_t *key)
{
    return (struct bytes){key, KEYRING_KEY_BYTES};
}

void keyring_content_free(struct keyring_content *c)
{
    if (c != NULL) {
        keyring_table_free(c->table);
        free(c);
    }
}

static void content_cleanup(struct keyring_content **c)
{
    keyring_content_free(*c);
}

static struct status content_init(struct keyring_content *c, const struct secret *root_key)
{
    REQUIRE(secret_len(root_key) == KEYRING_KEY_BYTES);
    TRY(keyring_table_new(&c->table));
    c->root = keyring_table_new_key(c->table);
    if (c->root == NULL) {
        FAIL(NOMEM, "out of guarded memory for keys");
    }
    memcpy(c->root, secret_view(root_key).ptr, KEYRING_KEY_BYTES);
    return OK_STATUS;
}

static struct pack row_context(const struct keyring_wrapped *row)
{
    struct pack p;
    pack_init(&p, "rotunda key");
    pack_int(&p, row->kind);
    pack_int(&p, row->namespace_id);
    pack_int(&p, row->epoch);
    return p;
}

void keyring_row_seal(struct bytes wrapping_key, struct bytes key, struct keyring_wrapped *row)
{
    struct pack context = row_context(row);
    aead_seal_to(wrapping_key, pack_view(&context), key, row->wrapped);
}

struct status keyring_row_open(struct bytes wrapping_key, const struct keyring_wrapped *row,
                               uint8_t *out)
{
    struct pack context = row_context(row);
    if (!status_ok(aead_open_to(wrapping_key, pack_view(&context), BYTES_OF(row->wrapped), out))) {
        FAIL(INTEGRITY, "a key row was altered or is another vault's");
    }
    return OK_STATUS;
}

struct status keyring_row_make(struct bytes wrapping_key, struct keyring_wrapped *row,
                               struct secret **out_key)
{
    struct secret *key = NULL;
    TRY(secret_random(KEYRING_KEY_BYTES, &key));
    row->state = KEYRING_LIVE;
    keyring_row_seal(wrapping_key, secret_view(key), row);
    *out_key = key;
    return OK_STATUS;
}

static bool is_long_lived(enum keyring_kind kind)
{
    return kind == KEYRING_INDEX || kind == KEYRING_ROW_MAC || kind == KEYRING_AUDIT_HMAC ||
           kind == KEYRING_WRAP;
}

// A long-lived key isn't kept itself, only what its uses need.
static struct status load_long_lived(struct keyring_content *c, const struct keyring_wrapped *row)
{
    struct secret *key CLEANUP(secret_cleanup) = secret_new(KEYRING_KEY_BYTES);
    if (key == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    TRY(keyring_row_open(key_view(c->root), row, secret_data(key)));
    for (size_t use = 0; use < KEYRING_USE_COUNT; use++) {
        if (use_sources[use].kind != row->kind) {
            continue;
        }
        uint8_t *subkey = keyring_table_new_key(c->table);
        if (subkey == NULL) {
            FAIL(NOMEM, "out of guarded memory for keys");
        }
        kdf_derive(secret_view(key), use_sources[use].label, (struct bytes){NULL, 0}, subkey);
        c->uses[use] = subkey;
    }
    return OK_STATUS;
}

// Unwraps a row into guarded memory.
static struct status load_key(struct keyring_content *c, struct bytes wrapping_key,
                              const struct keyring_wrapped *row, const uint8_t **out)
{
    uint8_t *key = keyring_table_new_key(c->table);
    if (key == NULL) {
        FAIL(NOMEM, "out of guarded memory for keys");
    }
    TRY(keyring_row_open(wrapping_key, row, key));
    *out = key;
    return OK_STATUS;
}

// That a row for a key that is here already holds the same one.
static struct status check_same(struct bytes wrapping_key, const struct keyring_wrapped *row,
                                const uint8_t *present)
{
    struct secret *key CLEANUP(secret_cleanup) = secret_new(KEYRING_KEY_BYTES);
    if (key == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    TRY(keyring_row_open(wrapping_key, row, secret_data(key)));
    if (!secret_equal_bytes(key, key_view(present))) {
        FAIL(INTEGRITY, "another key of this epoch is in use");
    }
    return OK_STATUS;
}

struct status keyring_content_add_namespace(struct keyring_content *c,
                                            const struct keyring_wrapped *row)
{
    const struct keyring_namespace *present = keyring_table_find(c->table, row->namespace_id);
    if (present != NULL) {
        return check_same(key_view(c->root), row, keyring_namespace_key(present));
    }
    const uint8_t *key = NULL;
    TRY(load_key(c, key_view(c->root), row, &key));
    if (!keyring_table_add(c->table, row->namespace_id, key)) {
        FAIL(NOMEM, "out of memory");
    }
    return OK_STATUS;
}

struct status keyring_content_add_data(struct keyring_content *c, const struct keyring_wrapped *row)
{
    struct keyring_namespace *n = keyring_table_find(c->table, row->namespace_id);
    if (n == NULL) {
        FAIL(NOT_FOUND, "the namespace of a data key is unknown");
    }
    if (row->epoch < 1) {
        FAIL(INTEGRITY, "a data key has no epoch");
    }
    struct bytes wrapping_key = key_view(keyring_namespace_key(n));
    const uint8_t *present = keyring_namespace_data_key(n, row->epoch);
    if (present != NULL) {
        return check_same(wrapping_key, row, present);
    }
    const uint8_t *key = NULL;
    TRY(load_key(c, wrapping_key, row, &key));
    if (!keyring_namespace_add(c->table, n, row->epoch, key)) {
        FAIL(NOMEM, "out of memory");
    }
    return OK_STATUS;
}

static struct status load_all(struct keyring_content *c, const struct keyring_wrapped *rows,
                              size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (is_long_lived(rows[i].kind)) {
            TRY(load_long_lived(c, &rows[i]));
        } else if (rows[i].kind == KEYRING_NAMESPACE) {
            TRY(keyring_content_add_namespace(c, &rows[i]));
        } else if (rows[i].kind != KEYRING_DATA) {
            FAIL(INTEGRITY, "a key row is of an unknown kind");
        }
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].kind == KEYRING_DATA && rows[i].state != KEYRING_RETIRED &&
            !status_ok(keyring_content_add_data(c, &rows[i]))) {
            FAIL(INTEGRITY, "a data key was altered, or its namespace's key is missing");
        }
    }
    return OK_STATUS;
}

static bool has_data_key(const struct keyring_namespace *n)
{
    const uint8_t *key = NULL;
    return keyring_namespace_newest(n, &key) > 0;
}

// Marking the newest epoch as retired would bring an old key back into use.
static bool retired_is_older(const struct keyring_content *c, const struct keyring_wrapped *row)
{
    const struct keyring_namespace *n = keyring_table_find(c->table, row->namespace_id);
    const uint8_t *key = NULL;
    return n != NULL && row->epoch < keyring_namespace_newest(n, &key);
}

static struct status check_complete(const struct keyring_content *c,
                                    const struct keyring_wrapped *rows, size_t count)
{
    for (size_t use = 0; use < KEYRING_USE_COUNT; use++) {
        if (c->uses[use] == NULL) {
            FAIL(INTEGRITY, "a long-lived key is missing");
        }
    }
    if (keyring_table_find(c->table, KEYRING_ROOT_NAMESPACE) == NULL ||
        !keyring_table_all(c->table, has_data_key)) {
        FAIL(INTEGRITY, "a namespace has no key");
    }
    for (size_t i = 0; i < count; i++) {
        if (rows[i].kind == KEYRING_DATA && rows[i].state == KEYRING_RETIRED &&
            !retired_is_older(c, &rows[i])) {
            FAIL(INTEGRITY, "the newest key epoch is marked as retired");
        }
    }
    return OK_STATUS;
}

struct status keyring_content_load(const struct secret *root_key,
                                   const struct keyring_wrapped *rows, size_t count,
                                   struct keyring_content **out)
{
    struct keyring_content *c CLEANUP(content_cleanup) = calloc(1, sizeof *c);
    if (c == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(content_init(c, root_key));
    TRY(load_all(c, rows, count));
    TRY(check_complete(c, rows, count));
    *out = TAKE(c);
    return OK_STATUS;
}
