// SPDX-License-Identifier: ISC
#include "tests/unit/crypto/keyring_fixture.h"
#include "vault/crypto/audit_hmac.h"

struct text {
    char chars[AUDIT_HMAC_TEXT_BYTES];
};

static struct text hmac_of(struct keyring_fixture *f, int64_t namespace_id, struct str field,
                           struct str value)
{
    struct text t;
    assert_ok(audit_hmac(f->keyring, namespace_id, field, bytes_from_str(value), t.chars));
    return t;
}

static void prints_as_clients_expect(void **state)
{
    struct text t = hmac_of(*state, 1, STR("client_token"), STR("hvs.x"));
    assert_int_equal(strlen(t.chars), AUDIT_HMAC_TEXT_BYTES - 1);
    assert_memory_equal(t.chars, "hmac-sha256:", 12);
    assert_int_equal(strspn(t.chars + 12, "0123456789abcdef"), 64);
}

static void finds_the_same_value_again_after_a_restart(void **state)
{
    struct text before = hmac_of(*state, 1, STR("client_token"), STR("hvs.x"));
    assert_ok(keyring_fixture_reopen(*state));
    struct text after = hmac_of(*state, 1, STR("client_token"), STR("hvs.x"));
    assert_string_equal(before.chars, after.chars);
}

static void differs_by_value_field_and_namespace(void **state)
{
    struct text t = hmac_of(*state, 1, STR("client_token"), STR("hvs.x"));
    struct text value = hmac_of(*state, 1, STR("client_token"), STR("hvs.y"));
    struct text field = hmac_of(*state, 1, STR("accessor"), STR("hvs.x"));
    struct text namespace = hmac_of(*state, 7, STR("client_token"), STR("hvs.x"));
    assert_string_not_equal(t.chars, value.chars);
    assert_string_not_equal(t.chars, field.chars);
    assert_string_not_equal(t.chars, namespace.chars);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keyring_test(prints_as_clients_expect),
        keyring_test(finds_the_same_value_again_after_a_restart),
        keyring_test(differs_by_value_field_and_namespace),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
