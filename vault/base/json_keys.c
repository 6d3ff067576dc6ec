// SPDX-License-Identifier: ISC
#include <pthread.h>
#include <sodium.h>
#include <string.h>

#include "vault/base/json_internal.h"

enum { FEW_KEYS = 8 }; // up to here comparing each with each is cheapest

static unsigned char hash_key[crypto_shorthash_KEYBYTES];

static void make_hash_key(void)
{
    randombytes_buf(hash_key, sizeof hash_key);
}

static uint64_t hash_of(struct str key)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, make_hash_key);
    uint64_t hash;
    crypto_shorthash((unsigned char *)&hash, (const unsigned char *)key.ptr, key.len, hash_key);
    return hash;
}

static struct str key_at(const struct json_doc *doc, uint32_t index)
{
    return json_token_key(doc, json_token_at(doc, index));
}

static uint32_t key_after(const struct json_doc *doc, uint32_t key)
{
    return json_token_at(doc, key + 1)->next;
}

static bool few_keys_repeat(const struct json_doc *doc, uint32_t object, uint32_t *duplicate)
{
    struct str seen[FEW_KEYS];
    uint32_t count = json_token_at(doc, object)->count;
    uint32_t key = object + 1;
    for (uint32_t i = 0; i < count; i++, key = key_after(doc, key)) {
        seen[i] = key_at(doc, key);
        for (uint32_t j = 0; j < i; j++) {
            if (str_equal(seen[i], seen[j])) {
                *duplicate = key;
                return true;
            }
        }
    }
    return false;
}

// Room for twice `count`, all empty. Slots hold key tokens; 0 is the root, never a key.
static bool table_prepare(const struct json_doc *doc, struct json_key_table *table, uint32_t count,
                          uint32_t *mask)
{
    uint32_t wanted = 4 * FEW_KEYS;
    while (wanted < 2 * count) {
        wanted *= 2;
    }
    if (table->capacity < wanted) {
        table->slots = ARENA_ARRAY(doc->arena, uint32_t, wanted);
        table->capacity = table->slots == NULL ? 0 : wanted;
    } else {
        memset(table->slots, 0, wanted * sizeof *table->slots);
    }
    *mask = wanted - 1;
    return table->slots != NULL;
}

static bool table_has(const struct json_doc *doc, struct json_key_table *table, uint32_t mask,
                      uint32_t key)
{
    struct str text = key_at(doc, key);
    uint32_t slot = (uint32_t)hash_of(text) & mask;
    while (table->slots[slot] != 0) {
        if (str_equal(text, key_at(doc, table->slots[slot]))) {
            return true;
        }
        slot = (slot + 1) & mask;
    }
    table->slots[slot] = key;
    return false;
}

static struct status many_keys_check(const struct json_doc *doc, uint32_t object,
                                     struct json_key_table *table, uint32_t *duplicate)
{
    uint32_t count = json_token_at(doc, object)->count;
    uint32_t mask;
    if (!table_prepare(doc, table, count, &mask)) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    uint32_t key = object + 1;
    for (uint32_t i = 0; i < count; i++, key = key_after(doc, key)) {
        if (table_has(doc, table, mask, key)) {
            *duplicate = key;
            FAIL(INVALID, "the same key appears twice in a JSON object");
        }
    }
    return OK_STATUS;
}

struct status json_check_keys(const struct json_doc *doc, uint32_t object,
                              struct json_key_table *table, uint32_t *duplicate)
{
    if (json_token_at(doc, object)->count > FEW_KEYS) {
        return many_keys_check(doc, object, table, duplicate);
    }
    if (few_keys_repeat(doc, object, duplicate)) {
        FAIL(INVALID, "the same key appears twice in a JSON object");
    }
    return OK_STATUS;
}
