// SPDX-License-Identifier: ISC
#include "tests/unit/crypto/keyring_fixture.h"
#include "vault/base/clock.h"
#include "vault/crypto/row_mac.h"

static const struct uuid id = {.octets = {1, 2, 3}};

struct mac {
    uint8_t octets[ROW_MAC_BYTES];
};

static struct row_mac begin(const struct keyring *k)
{
    struct row_mac m;
    assert_ok(row_mac_begin(&m, k, FIXTURE_NAMESPACE, "token", id, 1));
    return m;
}

static struct mac finish(struct row_mac *m)
{
    struct mac out;
    row_mac_finish(m, out.octets);
    return out;
}

static struct mac of_header(const struct keyring *k, int64_t namespace_id, const char *kind,
                            struct uuid row, int64_t version)
{
    struct row_mac m;
    assert_ok(row_mac_begin(&m, k, namespace_id, kind, row, version));
    return finish(&m);
}

static void check_accepts_the_row_that_was_stored(void **state)
{
    struct keyring_fixture *f = *state;
    struct row_mac m = begin(f->keyring);
    row_mac_str(&m, STR("name"));
    struct mac stored = finish(&m);
    assert_ok(keyring_fixture_reopen(f));
    m = begin(f->keyring);
    row_mac_str(&m, STR("name"));
    assert_ok(row_mac_check(&m, BYTES_OF(stored.octets)));
}

static void check_refuses_every_flipped_bit_of_the_mac(void **state)
{
    struct keyring_fixture *f = *state;
    struct row_mac m = begin(f->keyring);
    struct mac stored = finish(&m);
    for (size_t bit = 0; bit < (size_t)ROW_MAC_BYTES * 8; bit++) {
        stored.octets[bit / 8] ^= (uint8_t)(1U << (bit % 8));
        m = begin(f->keyring);
        assert_status(INTEGRITY, row_mac_check(&m, BYTES_OF(stored.octets)));
        stored.octets[bit / 8] ^= (uint8_t)(1U << (bit % 8));
    }
}

static void check_refuses_a_mac_of_another_length(void **state)
{
    struct keyring_fixture *f = *state;
    struct row_mac m = begin(f->keyring);
    struct mac stored = finish(&m);
    m = begin(f->keyring);
    assert_status(INTEGRITY, row_mac_check(&m, (struct bytes){stored.octets, ROW_MAC_BYTES - 1}));
    m = begin(f->keyring);
    assert_status(INTEGRITY, row_mac_check(&m, (struct bytes){NULL, 0}));
}

static void depends_on_namespace_kind_id_and_version(void **state)
{
    struct keyring_fixture *f = *state;
    struct uuid other = {.octets = {1, 2, 4}};
    struct mac macs[] = {
        of_header(f->keyring, 1, "token", id, 1),    of_header(f->keyring, 7, "token", id, 1),
        of_header(f->keyring, 7, "tokens", id, 1),   of_header(f->keyring, 7, "token", other, 1),
        of_header(f->keyring, 7, "token", other, 2),
    };
    for (size_t i = 0; i < ARRAY_LEN(macs); i++) {
        for (size_t j = 0; j < i; j++) {
            assert_memory_not_equal(&macs[i], &macs[j], sizeof macs[i]);
        }
    }
}

enum field_kind { END, INT, BOOL, TEXT, BYTES, UUID, TEXTS };

struct field {
    enum field_kind kind;
    int64_t number; // or the count of texts
    struct str text[2];
};

enum { FIELDS_MAX = 2 };

#define F_OF(k)                                                                                    \
    {                                                                                              \
        .kind = (k)                                                                                \
    }
#define F_NUMBER(k, n)                                                                             \
    {                                                                                              \
        .kind = (k), .number = (n)                                                                 \
    }
#define F_TEXT(k, t)                                                                               \
    {                                                                                              \
        .kind = (k), .text = { {(t), sizeof(t) - 1} }                                              \
    }
#define F_TEXTS(n, t, u)                                                                           \
    {                                                                                              \
        .kind = TEXTS, .number = (n), .text = { {(t), sizeof(t) - 1}, {(u), sizeof(u) - 1} }       \
    }

// Each row has fields that a careless encoding would confuse with those of another row.
static const struct field rows[][FIELDS_MAX] = {
    {F_OF(END)},
    {F_NUMBER(INT, 0)},
    {F_NUMBER(INT, 1)},
    {F_NUMBER(INT, -1)},
    {F_NUMBER(BOOL, 0)},
    {F_NUMBER(BOOL, 1)},
    {F_OF(UUID)},
    {F_TEXT(BYTES, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")},
    {F_TEXT(BYTES, "")},
    {F_TEXT(BYTES, "abc")},
    {F_TEXT(TEXT, "")},
    {F_TEXT(TEXT, "abc")},
    {F_TEXT(TEXT, "ab"), F_TEXT(TEXT, "c")},
    {F_TEXT(TEXT, "a"), F_TEXT(TEXT, "bc")},
    {F_NUMBER(TEXTS, 0)},
    {F_TEXTS(2, "ab", "c")},
    {F_TEXTS(2, "a", "bc")},
    {F_TEXTS(1, "ab", ""), F_TEXT(TEXT, "c")},
};

static void add_field(struct row_mac *m, const struct field *f)
{
    const struct uuid nil = {.octets = {0}};
    switch (f->kind) {
    case END:
        break;
    case INT:
        row_mac_int(m, f->number);
        break;
    case BOOL:
        row_mac_bool(m, f->number != 0);
        break;
    case TEXT:
        row_mac_str(m, f->text[0]);
        break;
    case BYTES:
        row_mac_bytes(m, bytes_from_str(f->text[0]));
        break;
    case UUID:
        row_mac_uuid(m, nil);
        break;
    case TEXTS:
        row_mac_strs(m, f->text, (size_t)f->number);
        break;
    }
}

static void different_rows_never_encode_the_same(void **state)
{
    struct keyring_fixture *f = *state;
    struct mac macs[ARRAY_LEN(rows)];
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct row_mac m = begin(f->keyring);
        for (size_t k = 0; k < FIELDS_MAX; k++) {
            add_field(&m, &rows[i][k]);
        }
        macs[i] = finish(&m);
        for (size_t j = 0; j < i; j++) {
            if (memcmp(&macs[i], &macs[j], sizeof macs[i]) == 0) {
                fail_msg("rows %zu and %zu have the same MAC", i, j);
            }
        }
    }
}

static void finish_leaves_no_key_behind(void **state)
{
    struct keyring_fixture *f = *state;
    static const uint8_t zero[ROW_MAC_STATE_BYTES];
    struct row_mac m = begin(f->keyring);
    finish(&m);
    assert_memory_equal(m.state, zero, sizeof zero);
}

// A row of about a token's size. Printed, not asserted: the machine is shared.
static void shows_how_long_a_row_takes(void **state)
{
    struct keyring_fixture *f = *state;
    const struct str policies[] = {STR("default"), STR("app-reader")};
    enum { ROWS = 20000 };
    int64_t start = clock_monotonic_us();
    for (int i = 0; i < ROWS; i++) {
        struct row_mac m;
        assert_ok(row_mac_begin(&m, f->keyring, FIXTURE_NAMESPACE, "token", id, i));
        row_mac_str(&m, STR("auth/approle/login"));
        row_mac_strs(&m, policies, ARRAY_LEN(policies));
        row_mac_int(&m, 1700000000000000);
        row_mac_int(&m, 2764800);
        row_mac_bool(&m, true);
        row_mac_uuid(&m, id);
        finish(&m);
    }
    print_message("row MAC of 7 fields: %lld ns\n",
                  (long long)((clock_monotonic_us() - start) * 1000 / ROWS));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keyring_test(check_accepts_the_row_that_was_stored),
        keyring_test(check_refuses_every_flipped_bit_of_the_mac),
        keyring_test(check_refuses_a_mac_of_another_length),
        keyring_test(depends_on_namespace_kind_id_and_version),
        keyring_test(different_rows_never_encode_the_same),
        keyring_test(finish_leaves_no_key_behind),
        keyring_test(shows_how_long_a_row_takes),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
