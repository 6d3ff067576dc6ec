// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/seal/seal.h"
#include "vault/seal/share.h"

// A seal of one share, whose key is at hand.
struct sealed {
    struct secret *root_key;
    struct secret *unseal_key;
    struct seal_config config;
    struct seal_shares shares;
};

static void sealed_init(struct sealed *s, const struct seal_ops *ops)
{
    struct seal_options options = {.shares = 1, .threshold = 1};
    *s = (struct sealed){0};
    seal_config_init(&s->config);
    assert_ok(secret_random(SEAL_KEY_BYTES, &s->root_key));
    assert_ok(seal_init(ops, &options, s->root_key, &s->config, &s->shares));
    assert_ok(secret_copy(share_key(s->shares.share[0]), &s->unseal_key));
}

static void sealed_done(struct sealed *s)
{
    seal_shares_done(&s->shares);
    seal_config_done(&s->config);
    secret_free(s->unseal_key);
    secret_free(s->root_key);
}

static struct status unwrap(const struct sealed *s)
{
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    TRY(seal_unwrap_root(&s->config, s->unseal_key, &root));
    assert_true(secret_equal(root, s->root_key));
    return OK_STATUS;
}

static void gives_the_root_key_back(void **state)
{
    (void)state;
    struct sealed s CLEANUP(sealed_done);
    sealed_init(&s, &seal_shamir_ops);
    assert_ok(unwrap(&s));
}

static void another_unseal_key_never_gives_garbage(void **state)
{
    (void)state;
    struct sealed s CLEANUP(sealed_done);
    sealed_init(&s, &seal_shamir_ops);
    secret_data(s.unseal_key)[5] ^= 1;
    assert_status(INTEGRITY, unwrap(&s));
    secret_truncate(s.unseal_key, 16);
    assert_status(INTEGRITY, unwrap(&s));
}

static void every_changed_field_of_the_stored_seal_is_found(void **state)
{
    (void)state;
    struct sealed s CLEANUP(sealed_done);
    sealed_init(&s, &seal_shamir_ops);
    struct seal_config genuine = s.config;
    s.config.type = SEAL_RECOVERY;
    assert_status(INTEGRITY, unwrap(&s));
    s.config = genuine;
    s.config.shares = 2;
    assert_status(INTEGRITY, unwrap(&s));
    s.config = genuine;
    s.config.threshold = 2;
    assert_status(INTEGRITY, unwrap(&s));
    s.config = genuine;
    s.config.set_id[0] ^= 1;
    assert_status(INTEGRITY, unwrap(&s));
    s.config = genuine;
    s.config.key_id[0] ^= 1;
    assert_status(INTEGRITY, unwrap(&s));
    s.config = genuine;
    s.config.wrapped_root_key[71] ^= 1;
    assert_status(INTEGRITY, unwrap(&s));
    s.config = genuine;
    s.config.share_digests.ptr[0] ^= 1;
    assert_status(INTEGRITY, unwrap(&s));
    s.config.share_digests.ptr[0] ^= 1;
    assert_ok(unwrap(&s));
}

static void impossible_shares_leave_nothing_behind(void **state)
{
    (void)state;
    struct seal_options options = {.shares = 3, .threshold = 1};
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    struct seal_config config CLEANUP(seal_config_done);
    struct seal_shares shares CLEANUP(seal_shares_done) = {0};
    seal_config_init(&config);
    assert_ok(secret_random(SEAL_KEY_BYTES, &root));
    assert_status(INVALID, seal_init(&seal_shamir_ops, &options, root, &config, &shares));
    assert_int_equal(shares.count, 0);
    assert_int_equal(config.share_digests.len, 0);
}

static void shares_are_numbered_and_of_one_set(void **state)
{
    (void)state;
    struct seal_options options = {.shares = 5, .threshold = 3};
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    struct seal_config config CLEANUP(seal_config_done);
    struct seal_shares shares CLEANUP(seal_shares_done) = {0};
    seal_config_init(&config);
    assert_ok(secret_random(SEAL_KEY_BYTES, &root));
    assert_ok(seal_init(&seal_shamir_ops, &options, root, &config, &shares));
    assert_int_equal(shares.count, 5);
    assert_int_equal(config.share_digests.len, 5 * SEAL_DIGEST_BYTES);
    for (int i = 0; i < 5; i++) {
        assert_int_equal(share_number(shares.share[i]), i + 1);
        assert_memory_equal(share_set_id(shares.share[i]).ptr, config.set_id, SEAL_SET_ID_BYTES);
    }
}

static void a_new_seal_makes_the_old_shares_worthless(void **state)
{
    (void)state;
    struct sealed s CLEANUP(sealed_done);
    sealed_init(&s, &seal_shamir_ops);
    struct seal_options options = {.shares = 1, .threshold = 1};
    seal_config_done(&s.config);
    seal_shares_done(&s.shares);
    seal_config_init(&s.config);
    assert_ok(seal_init(&seal_shamir_ops, &options, s.root_key, &s.config, &s.shares));
    assert_status(INTEGRITY, unwrap(&s));
}

static void operators_are_needed_to_open(void **state)
{
    (void)state;
    struct sealed s CLEANUP(sealed_done);
    sealed_init(&s, &seal_shamir_ops);
    struct seal_options options = {0};
    struct secret *root = NULL;
    bool is_previous = false;
    assert_true(seal_shamir_ops.needs_shares);
    assert_status(SEALED, seal_open_root(&options, &s.config, &root, &is_previous));
    assert_null(root);
}

static void recovery_shares_open_the_root_key_too(void **state)
{
    (void)state;
    struct sealed s CLEANUP(sealed_done);
    sealed_init(&s, &seal_recovery_ops);
    assert_int_equal(s.config.type, SEAL_RECOVERY);
    assert_ok(unwrap(&s));
}

static void ways_are_found_by_name_and_type(void **state)
{
    (void)state;
    assert_ptr_equal(seal_ops_named(STR("shamir")), &seal_shamir_ops);
    assert_ptr_equal(seal_ops_named(STR("static")), &seal_static_ops);
    assert_null(seal_ops_named(STR("recovery")));
    assert_null(seal_ops_named(STR("awskms")));
    assert_ptr_equal(seal_ops_of(SEAL_RECOVERY), &seal_recovery_ops);
    assert_null(seal_ops_of((enum seal_type)0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gives_the_root_key_back),
        cmocka_unit_test(another_unseal_key_never_gives_garbage),
        cmocka_unit_test(every_changed_field_of_the_stored_seal_is_found),
        cmocka_unit_test(impossible_shares_leave_nothing_behind),
        cmocka_unit_test(shares_are_numbered_and_of_one_set),
        cmocka_unit_test(a_new_seal_makes_the_old_shares_worthless),
        cmocka_unit_test(operators_are_needed_to_open),
        cmocka_unit_test(recovery_shares_open_the_root_key_too),
        cmocka_unit_test(ways_are_found_by_name_and_type),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
