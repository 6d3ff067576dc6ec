// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/crypto/recovery.h"

struct copy {
    struct secret *recovery_secret;
    uint8_t public_key[RECOVERY_PUBLIC_BYTES];
    struct buffer wrapped_private;
    struct buffer sealed;
};

static int setup(void **state)
{
    struct copy *c = calloc(1, sizeof *c);
    assert_non_null(c);
    buffer_init(&c->wrapped_private, 256);
    buffer_init(&c->sealed, 256);
    assert_ok(secret_random(32, &c->recovery_secret));
    assert_ok(recovery_generate(c->recovery_secret, c->public_key, &c->wrapped_private));
    assert_ok(recovery_seal(BYTES_OF(c->public_key), bytes_from_str(STR("pg-admin")), &c->sealed));
    *state = c;
    return 0;
}

static int teardown(void **state)
{
    struct copy *c = *state;
    buffer_done(&c->wrapped_private);
    buffer_done(&c->sealed);
    secret_free(c->recovery_secret);
    free(c);
    return 0;
}

static struct status open_copy(const struct copy *c, struct secret **out)
{
    return recovery_open(c->recovery_secret, BYTES_OF(c->public_key),
                         buffer_bytes(&c->wrapped_private), buffer_bytes(&c->sealed), out);
}

static void recovery_secret_opens_the_copy(void **state)
{
    struct secret *opened CLEANUP(secret_cleanup) = NULL;
    assert_ok(open_copy(*state, &opened));
    assert_str("pg-admin", str_from_bytes(secret_view(opened)));
}

static void another_secret_does_not(void **state)
{
    struct copy *c = *state;
    struct secret *opened = NULL;
    secret_data(c->recovery_secret)[0] ^= 1;
    assert_status(INTEGRITY, open_copy(c, &opened));
    assert_null(opened);
}

static void an_altered_copy_is_refused(void **state)
{
    struct copy *c = *state;
    struct secret *opened = NULL;
    for (size_t i = 0; i < c->sealed.len; i++) {
        c->sealed.ptr[i] ^= 1;
        assert_status(INTEGRITY, open_copy(c, &opened));
        c->sealed.ptr[i] ^= 1;
    }
    c->sealed.len = RECOVERY_OVERHEAD_BYTES - 1;
    assert_status(INTEGRITY, open_copy(c, &opened));
    assert_null(opened);
}

static void an_altered_private_half_is_refused(void **state)
{
    struct copy *c = *state;
    struct secret *opened = NULL;
    for (size_t i = 0; i < c->wrapped_private.len; i++) {
        c->wrapped_private.ptr[i] ^= 1;
        assert_status(INTEGRITY, open_copy(c, &opened));
        c->wrapped_private.ptr[i] ^= 1;
    }
    assert_null(opened);
}

static void an_unusable_public_key_is_refused(void **state)
{
    struct copy *c = *state;
    uint8_t zero[RECOVERY_PUBLIC_BYTES] = {0};
    size_t before = c->sealed.len;
    assert_status(INVALID, recovery_seal(BYTES_OF(zero), bytes_from_str(STR("x")), &c->sealed));
    assert_status(INVALID,
                  recovery_seal((struct bytes){zero, 31}, bytes_from_str(STR("x")), &c->sealed));
    assert_int_equal(c->sealed.len, before);
}

#define copy_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        copy_test(recovery_secret_opens_the_copy),    copy_test(another_secret_does_not),
        copy_test(an_altered_copy_is_refused),        copy_test(an_altered_private_half_is_refused),
        copy_test(an_unusable_public_key_is_refused),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
