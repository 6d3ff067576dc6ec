// SPDX-License-Identifier: ISC
// Every allocation of keyring and seal fails once.
#include "tests/support/allocation.h"
#include "tests/support/test.h"
#include "vault/base/limits.h"
#include "vault/crypto/encoding.h"
#include "vault/crypto/envelope.h"
#include "vault/seal/progress.h"
#include "vault/seal/share.h"
#include "vault/seal/split.h"

enum { OTHER = 7, MANY_NAMESPACES = 100 };

static const struct envelope_binding binding = {
    .namespace_id = OTHER, .table = "t", .column = "c", .version = 1};

static void keyring_cleanup(struct keyring **k)
{
    keyring_free(*k);
}

static struct status create_and_open(void *ctx)
{
    (void)ctx;
    CLEANUP(keyring_cleanup) struct keyring *k = NULL;
    CLEANUP(secret_cleanup) struct secret *root_key = NULL;
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    TRY(secret_random(KEYRING_KEY_BYTES, &root_key));
    TRY(keyring_new(&k));
    struct status created = keyring_create(k, root_key, rows);
    assert_int_equal(status_ok(created), keyring_is_open(k));
    TRY(created);
    keyring_close(k);
    struct status opened = keyring_open(k, root_key, rows, ARRAY_LEN(rows));
    assert_int_equal(status_ok(opened), keyring_is_open(k));
    return opened;
}

static struct status seal_and_open_value(struct keyring *k)
{
    CLEANUP(buffer_done) struct buffer sealed;
    CLEANUP(secret_cleanup) struct secret *value = NULL;
    int64_t epoch;
    buffer_init(&sealed, LIMIT_BODY_BYTES);
    TRY(envelope_seal(k, &binding, bytes_from_str(STR("value")), &sealed, &epoch));
    TRY(envelope_open(k, epoch, &binding, buffer_bytes(&sealed), &value));
    assert_true(secret_equal_bytes(value, bytes_from_str(STR("value"))));
    return OK_STATUS;
}

// A failed change leaves the keyring as it was: the namespace is added in one of the next runs.
static struct status change_keyring(void *keyring)
{
    struct keyring_wrapped rows[KEYRING_NAMESPACE_ROWS];
    struct keyring_wrapped epoch;
    int64_t active;
    if (!status_ok(keyring_active_epoch(keyring, OTHER, &active))) {
        TRY(keyring_make_namespace(keyring, OTHER, rows));
        TRY(keyring_add(keyring, &rows[0]));
        struct status added = keyring_add(keyring, &rows[1]);
        while (added.code == STATUS_NOMEM) { // half a namespace can be completed
            added = keyring_add(keyring, &rows[1]);
        }
        assert_ok(added);
    }
    TRY(keyring_make_epoch(keyring, OTHER, &epoch));
    TRY(keyring_add(keyring, &epoch));
    return seal_and_open_value(keyring);
}

static struct status wrap_and_unwrap(void *keyring)
{
    CLEANUP(buffer_done) struct buffer wrapped;
    CLEANUP(secret_cleanup) struct secret *plain = NULL;
    CLEANUP(secret_cleanup) struct secret *again = NULL;
    struct bytes context = bytes_from_str(STR("c"));
    buffer_init(&wrapped, LIMIT_BODY_BYTES);
    TRY(secret_random(KEYRING_KEY_BYTES, &plain));
    TRY(keyring_wrap(keyring, "test", context, plain, &wrapped));
    TRY(keyring_unwrap(keyring, "test", context, buffer_bytes(&wrapped), &again));
    assert_true(secret_equal(plain, again));
    return OK_STATUS;
}

static struct status many_namespaces(void *ctx)
{
    (void)ctx;
    CLEANUP(keyring_cleanup) struct keyring *k = NULL;
    CLEANUP(secret_cleanup) struct secret *root_key = NULL;
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    struct keyring_wrapped added[KEYRING_NAMESPACE_ROWS];
    TRY(secret_random(KEYRING_KEY_BYTES, &root_key));
    TRY(keyring_new(&k));
    TRY(keyring_create(k, root_key, rows));
    for (int64_t id = 2; id < MANY_NAMESPACES; id++) { // the table grows
        TRY(keyring_make_namespace(k, id, added));
        TRY(keyring_add(k, &added[0]));
        TRY(keyring_add(k, &added[1]));
    }
    return OK_STATUS;
}

static struct status split_and_combine(void *ctx)
{
    (void)ctx;
    CLEANUP(secret_cleanup) struct secret *key = NULL;
    CLEANUP(secret_cleanup) struct secret *split = NULL;
    CLEANUP(secret_cleanup) struct secret *again = NULL;
    TRY(secret_random(SEAL_KEY_BYTES, &key));
    TRY(split_key(key, 3, 2, &split));
    const uint8_t numbers[] = {1, 2};
    TRY(split_combine(numbers, (struct bytes){secret_view(split).ptr, 2 * SEAL_KEY_BYTES},
                      ARRAY_LEN(numbers), &again));
    assert_true(secret_equal(key, again));
    return OK_STATUS;
}

struct sealed {
    struct seal_config config;
    struct seal_shares shares;
};

static void sealed_done(struct sealed *s)
{
    seal_config_done(&s->config);
    seal_shares_done(&s->shares);
}

static void progress_cleanup(struct seal_progress **p)
{
    seal_progress_free(*p);
}

// As typed in, one after the other. A share that failed for want of memory can be given again.
static struct status give_shares(const struct sealed *s, struct secret **out)
{
    CLEANUP(progress_cleanup) struct seal_progress *progress = NULL;
    TRY(seal_progress_new(&s->config, &progress));
    for (size_t i = 0; i < 2; i++) {
        CLEANUP(secret_cleanup) struct secret *text = NULL;
        struct seal_progress_state state;
        TRY(share_to_base64(s->shares.share[i], &text));
        struct status given = seal_progress_add(progress, str_from_bytes(secret_view(text)), out);
        seal_progress_get(progress, &state);
        if (given.code == STATUS_NOMEM) {
            assert_int_equal(i, state.given);
            assert_ok(seal_progress_add(progress, str_from_bytes(secret_view(text)), out));
            secret_free(TAKE(*out));
            return given;
        }
        TRY(given);
    }
    return OK_STATUS;
}

static struct status seal_and_unseal(void *root_key)
{
    CLEANUP(sealed_done) struct sealed s = {.shares = {.count = 0}};
    CLEANUP(secret_cleanup) struct secret *key = NULL;
    CLEANUP(secret_cleanup) struct secret *again = NULL;
    const struct seal_options options = {.shares = 3, .threshold = 2};
    seal_config_init(&s.config);
    TRY(seal_init(&seal_shamir_ops, &options, root_key, &s.config, &s.shares));
    TRY(give_shares(&s, &key));
    assert_non_null(key);
    TRY(seal_unwrap_root(&s.config, key, &again));
    assert_true(secret_equal(root_key, again));
    return OK_STATUS;
}

static struct status encode_and_decode(void *ctx)
{
    (void)ctx;
    CLEANUP(secret_cleanup) struct secret *hex = NULL;
    CLEANUP(secret_cleanup) struct secret *base64 = NULL;
    CLEANUP(secret_cleanup) struct secret *a = NULL;
    CLEANUP(secret_cleanup) struct secret *b = NULL;
    TRY(encoding_to_hex(bytes_from_str(STR("octets")), &hex));
    TRY(encoding_to_base64(bytes_from_str(STR("octets")), &base64));
    TRY(encoding_from_hex(str_from_bytes(secret_view(hex)), &a));
    return encoding_from_base64(str_from_bytes(secret_view(base64)), &b);
}

// More than the locked slab holds, so that secrets come from mappings of their own.
static struct status large_secrets(void *ctx)
{
    (void)ctx;
    CLEANUP(secret_cleanup) struct secret *large = secret_new(100000);
    CLEANUP(secret_cleanup) struct secret *guarded = secret_new_guarded(100);
    return large == NULL || guarded == NULL ? MAKE_STATUS(NOMEM, "no secret") : OK_STATUS;
}

static void a_keyring_survives_each(void **state)
{
    (void)state;
    struct secret *root_key CLEANUP(secret_cleanup) = NULL;
    struct keyring *k CLEANUP(keyring_cleanup) = NULL;
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    allocation_fail_each(create_and_open, NULL);
    allocation_fail_each(many_namespaces, NULL);
    assert_ok(secret_random(KEYRING_KEY_BYTES, &root_key));
    assert_ok(keyring_new(&k));
    assert_ok(keyring_create(k, root_key, rows));
    allocation_fail_each_tolerant(change_keyring, k);
    allocation_fail_each(wrap_and_unwrap, k);
}

static void a_seal_survives_each(void **state)
{
    (void)state;
    struct secret *root_key CLEANUP(secret_cleanup) = NULL;
    assert_ok(secret_random(SEAL_KEY_BYTES, &root_key));
    allocation_fail_each(split_and_combine, NULL);
    allocation_fail_each(seal_and_unseal, root_key);
}

static void secrets_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(encode_and_decode, NULL);
    allocation_fail_each(large_secrets, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_keyring_survives_each),
        cmocka_unit_test(a_seal_survives_each),
        cmocka_unit_test(secrets_survive_each),
    };
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
