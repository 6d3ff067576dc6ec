// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/seal/progress.h"
#include "vault/seal/share.h"

struct vault {
    struct secret *root_key;
    struct seal_config config;
    struct seal_shares shares;
    struct seal_progress *progress;
};

static void vault_init(struct vault *v, int shares, int threshold)
{
    struct seal_options options = {.shares = shares, .threshold = threshold};
    *v = (struct vault){0};
    seal_config_init(&v->config);
    assert_ok(secret_random(SEAL_KEY_BYTES, &v->root_key));
    assert_ok(seal_init(&seal_shamir_ops, &options, v->root_key, &v->config, &v->shares));
    assert_ok(seal_progress_new(&v->config, &v->progress));
}

static void vault_done(struct vault *v)
{
    seal_progress_free(v->progress);
    seal_shares_done(&v->shares);
    seal_config_done(&v->config);
    secret_free(v->root_key);
}

static struct status give_share(struct vault *v, const struct secret *share, struct secret **out)
{
    struct secret *text CLEANUP(secret_cleanup) = NULL;
    TRY(share_to_base64(share, &text));
    return seal_progress_add(v->progress, str_from_bytes(secret_view(text)), out);
}

// Share `number`, which must not be the last one needed.
static struct status give(struct vault *v, int number)
{
    struct secret *key = NULL;
    TRY(give_share(v, v->shares.share[number - 1], &key));
    assert_null(key);
    return OK_STATUS;
}

static void assert_last_share_unseals(struct vault *v, int number)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    assert_ok(give_share(v, v->shares.share[number - 1], &key));
    assert_ok(seal_unwrap_root(&v->config, key, &root));
    assert_true(secret_equal(root, v->root_key));
}

static int given(struct vault *v)
{
    struct seal_progress_state s;
    seal_progress_get(v->progress, &s);
    return s.given;
}

static void any_three_of_five_unseal(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done);
    vault_init(&v, 5, 3);
    assert_ok(give(&v, 5));
    assert_ok(give(&v, 1));
    assert_int_equal(given(&v), 2);
    assert_last_share_unseals(&v, 3);
    assert_int_equal(given(&v), 0);
}

static void one_share_of_one_unseals(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done);
    vault_init(&v, 1, 1);
    assert_last_share_unseals(&v, 1);
}

static void a_repeated_share_is_refused_and_counts_once(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done);
    vault_init(&v, 5, 3);
    assert_ok(give(&v, 2));
    assert_status(CONFLICT, give(&v, 2));
    assert_int_equal(given(&v), 1);
    assert_ok(give(&v, 4));
    assert_status(CONFLICT, give(&v, 2));
    assert_last_share_unseals(&v, 1);
}

static void a_share_of_another_vault_is_refused_and_progress_kept(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done), other CLEANUP(vault_done);
    vault_init(&v, 3, 2);
    vault_init(&other, 3, 2);
    struct secret *key = NULL;
    assert_ok(give(&v, 1));
    assert_status(INVALID, give_share(&v, other.shares.share[1], &key));
    assert_int_equal(given(&v), 1);
    assert_last_share_unseals(&v, 2);
}

// Well-formed, of this set, never handed out: somebody wants to spoil the unsealing.
static void a_forged_share_is_refused_and_progress_kept(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done);
    vault_init(&v, 3, 2);
    struct secret *key = NULL;
    assert_ok(give(&v, 1));
    for (int number = 1; number <= 255; number++) {
        struct secret *forged CLEANUP(secret_cleanup) = NULL;
        assert_ok(share_encode(v.config.set_id, number, share_key(v.shares.share[0]), &forged));
        if (number != 1) {
            assert_status(INVALID, give_share(&v, forged, &key));
        }
    }
    assert_int_equal(given(&v), 1);
    assert_last_share_unseals(&v, 3);
}

static void text_that_is_no_share_keeps_the_progress(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done);
    vault_init(&v, 3, 2);
    struct secret *key = NULL;
    assert_ok(give(&v, 1));
    assert_status(INVALID, seal_progress_add(v.progress, STR("not a share"), &key));
    assert_int_equal(given(&v), 1);
    assert_null(key);
}

static void reset_forgets_the_shares(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done);
    vault_init(&v, 3, 2);
    assert_ok(give(&v, 1));
    seal_progress_reset(v.progress);
    assert_int_equal(given(&v), 0);
    assert_ok(give(&v, 1));
    assert_last_share_unseals(&v, 2);
}

static void the_nonce_lasts_as_long_as_the_attempt(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done);
    vault_init(&v, 5, 3);
    struct seal_progress_state none, first, second, next;
    seal_progress_get(v.progress, &none);
    assert_ok(give(&v, 1));
    seal_progress_get(v.progress, &first);
    assert_ok(give(&v, 2));
    seal_progress_get(v.progress, &second);
    seal_progress_reset(v.progress);
    assert_ok(give(&v, 3));
    seal_progress_get(v.progress, &next);
    assert_true(uuid_is_nil(none.nonce));
    assert_false(uuid_is_nil(first.nonce));
    assert_true(uuid_equal(first.nonce, second.nonce));
    assert_false(uuid_is_nil(next.nonce));
    assert_false(uuid_equal(first.nonce, next.nonce));
    assert_int_equal(next.given, 1);
}

static void a_stored_seal_that_cannot_be_is_refused(void **state)
{
    (void)state;
    struct vault v CLEANUP(vault_done);
    vault_init(&v, 3, 2);
    struct seal_progress *p = NULL;
    v.config.threshold = 0;
    assert_status(INTEGRITY, seal_progress_new(&v.config, &p));
    v.config.threshold = 4;
    assert_status(INTEGRITY, seal_progress_new(&v.config, &p));
    v.config.threshold = 2;
    v.config.shares = 2;
    assert_status(INTEGRITY, seal_progress_new(&v.config, &p));
    v.config.shares = 300;
    assert_status(INTEGRITY, seal_progress_new(&v.config, &p));
    assert_null(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_three_of_five_unseal),
        cmocka_unit_test(one_share_of_one_unseals),
        cmocka_unit_test(a_repeated_share_is_refused_and_counts_once),
        cmocka_unit_test(a_share_of_another_vault_is_refused_and_progress_kept),
        cmocka_unit_test(a_forged_share_is_refused_and_progress_kept),
        cmocka_unit_test(text_that_is_no_share_keeps_the_progress),
        cmocka_unit_test(reset_forgets_the_shares),
        cmocka_unit_test(the_nonce_lasts_as_long_as_the_attempt),
        cmocka_unit_test(a_stored_seal_that_cannot_be_is_refused),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
