// SPDX-License-Identifier: ISC
// Key rows as the database's owner may hand them back. Input: changes to a valid set, four octets
// each. The keyring opens exactly when the set still holds what it held, in any order; otherwise
// it stays closed and empty.
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vault/crypto/envelope.h"
#include "vault/crypto/keyring.h"

enum { VALID_ROWS = KEYRING_INITIAL_ROWS + KEYRING_NAMESPACE_ROWS, ROWS_MAX = 64, OTHER = 7 };

static struct secret *root_key;
static struct keyring_wrapped valid[VALID_ROWS];
static struct buffer ciphertext;
static int64_t ciphertext_epoch;

static const struct envelope_binding binding = {
    .namespace_id = OTHER, .table = "t", .column = "c", .version = 1};

static void prepare(void)
{
    struct keyring *k = NULL;
    fuzz_secret_memory();
    REQUIRE(status_ok(secret_random(KEYRING_KEY_BYTES, &root_key)));
    REQUIRE(status_ok(keyring_new(&k)) && status_ok(keyring_create(k, root_key, valid)));
    REQUIRE(status_ok(keyring_make_namespace(k, OTHER, valid + KEYRING_INITIAL_ROWS)));
    REQUIRE(status_ok(keyring_add(k, &valid[KEYRING_INITIAL_ROWS])));
    REQUIRE(status_ok(keyring_add(k, &valid[KEYRING_INITIAL_ROWS + 1])));
    buffer_init(&ciphertext, LIMIT_BODY_BYTES);
    REQUIRE(status_ok(
        envelope_seal(k, &binding, bytes_from_str(STR("value")), &ciphertext, &ciphertext_epoch)));
    keyring_free(k);
}

struct rows {
    struct keyring_wrapped items[ROWS_MAX];
    size_t count;
};

static void change_field(struct keyring_wrapped *row, uint8_t place, uint8_t value)
{
    switch (place % 8) {
    case 0:
        row->kind = (enum keyring_kind)value;
        break;
    case 1:
        row->state = (enum keyring_state)value;
        break;
    case 2:
        row->namespace_id = (int8_t)value;
        break;
    case 3:
        row->epoch = (int8_t)value;
        break;
    default:
        row->wrapped[place % KEYRING_WRAPPED_BYTES] = value;
        break;
    }
}

static void change(struct rows *r, struct bytes *in)
{
    uint8_t what = fuzz_take_octet(in);
    struct keyring_wrapped *row = &r->items[fuzz_take_octet(in) % r->count];
    uint8_t place = fuzz_take_octet(in);
    uint8_t value = fuzz_take_octet(in);
    struct keyring_wrapped *other = &r->items[place % r->count];
    struct keyring_wrapped moved = *row;
    if (what % 4 == 0) {
        change_field(row, place, value);
    } else if (what % 4 == 1) { // two change places
        *row = *other;
        *other = moved;
    } else if (what % 4 == 2 && r->count > 1) { // gone
        *row = r->items[--r->count];
    } else if (r->count < ROWS_MAX) { // given twice
        r->items[r->count++] = moved;
    }
}

static bool same_row(const struct keyring_wrapped *a, const struct keyring_wrapped *b)
{
    bool retired = (a->state == KEYRING_RETIRED) == (b->state == KEYRING_RETIRED);
    return a->kind == b->kind && a->namespace_id == b->namespace_id && a->epoch == b->epoch &&
           (a->kind != KEYRING_DATA || retired) &&
           memcmp(a->wrapped, b->wrapped, sizeof a->wrapped) == 0;
}

static bool is_valid_row(const struct keyring_wrapped *row)
{
    for (size_t i = 0; i < VALID_ROWS; i++) {
        if (same_row(row, &valid[i])) {
            return true;
        }
    }
    return false;
}

static bool has_row(const struct rows *r, const struct keyring_wrapped *wanted);

// What is retired isn't looked at, if the namespace has newer epochs: that is, 1.
static bool is_old(const struct rows *r, const struct keyring_wrapped *row)
{
    for (size_t i = 0; i < VALID_ROWS; i++) {
        if (valid[i].kind == KEYRING_DATA && valid[i].namespace_id == row->namespace_id) {
            return row->kind == KEYRING_DATA && row->state == KEYRING_RETIRED && row->epoch < 1 &&
                   has_row(r, &valid[i]);
        }
    }
    return false;
}

static bool has_row(const struct rows *r, const struct keyring_wrapped *wanted)
{
    for (size_t i = 0; i < r->count; i++) {
        if (same_row(&r->items[i], wanted)) {
            return true;
        }
    }
    return false;
}

// A whole namespace that is gone can't be told from one that never was (SECURITY.md).
static bool is_intact(const struct rows *r)
{
    for (size_t i = 0; i < r->count; i++) {
        if (!is_valid_row(&r->items[i]) && !is_old(r, &r->items[i])) {
            return false;
        }
    }
    for (size_t i = 0; i < KEYRING_INITIAL_ROWS; i++) {
        if (!has_row(r, &valid[i])) {
            return false;
        }
    }
    return has_row(r, &valid[VALID_ROWS - 2]) == has_row(r, &valid[VALID_ROWS - 1]);
}

static void check_open(struct keyring *k, bool complete)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct bytes value;
    struct status s =
        envelope_open_in(k, ciphertext_epoch, &binding, buffer_bytes(&ciphertext), arena, &value);
    REQUIRE(status_ok(s) == complete);
    REQUIRE(!complete || bytes_equal(value, bytes_from_str(STR("value"))));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct keyring *k = NULL;
    struct rows r = {.count = VALID_ROWS};
    struct bytes rest = {data, size};
    if (root_key == NULL) {
        prepare();
    }
    memcpy(r.items, valid, sizeof valid);
    while (rest.len > 0) {
        change(&r, &rest);
    }
    REQUIRE(status_ok(keyring_new(&k)));
    struct status s = keyring_open(k, root_key, r.items, r.count);
    REQUIRE(status_ok(s) == is_intact(&r));
    REQUIRE(status_ok(s) || s.code == STATUS_INTEGRITY);
    REQUIRE(keyring_is_open(k) == status_ok(s));
    check_open(k, status_ok(s) && has_row(&r, &valid[VALID_ROWS - 1]));
    keyring_free(k);
    return 0;
}
