// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/secrets/kv/kv_config.h"

#define HOUR INT64_C(3600)
#define NOW (INT64_C(1700000000) * CLOCK_SECOND)

static int setup(void **state)
{
    *state = arena_new(1024 * 1024);
    return *state == NULL;
}

static int teardown(void **state)
{
    arena_free(*state);
    return 0;
}

static void a_new_mount_has_the_defaults(void **state)
{
    const struct mount mount = {.config = STR("{}")};
    struct kv_config config;
    assert_ok(kv_config_read(&mount, *state, &config));
    const struct kv_head head = {0};
    assert_int_equal(KV_DEFAULT_VERSIONS, kv_config_versions(&config, &head));
    assert_true(kv_config_deletion_us(&config, &head, NOW) == CLOCK_NEVER);
    assert_false(kv_config_needs_cas(&config, &head));
}

static void settings_are_read_beside_those_of_others(void **state)
{
    const struct mount mount = {
        .config = STR("{\"max_lease_ttl\":60,\"kv\":{\"max_versions\":7,\"cas_required\":true,"
                      "\"delete_version_after\":-1}}")};
    struct kv_config config;
    assert_ok(kv_config_read(&mount, *state, &config));
    assert_int_equal(7, config.max_versions);
    assert_true(config.cas_required);
    assert_int_equal(KV_NEVER_DELETE, config.delete_version_after_s);
}

static void a_broken_configuration_is_an_integrity_failure(void **state)
{
    const struct mount mount = {.config = STR("{\"kv\":")};
    struct kv_config config;
    assert_status(INTEGRITY, kv_config_read(&mount, *state, &config));
}

static void the_key_decides_how_many_versions_stay(void **state)
{
    (void)state;
    const struct kv_config config = {.max_versions = 5};
    assert_int_equal(5, kv_config_versions(&config, &(struct kv_head){0}));
    assert_int_equal(2, kv_config_versions(&config, &(struct kv_head){.max_versions = 2}));
    assert_int_equal(9, kv_config_versions(&config, &(struct kv_head){.max_versions = 9}));
}

static void the_shorter_life_counts(void **state)
{
    (void)state;
    static const struct {
        int64_t mount_s;
        int64_t key_s;
        int64_t expected_s; // 0: never
    } cases[] = {
        {0, 0, 0},
        {HOUR, 0, HOUR},
        {0, HOUR, HOUR},
        {HOUR, 2 * HOUR, HOUR},
        {2 * HOUR, HOUR, HOUR},
        {KV_NEVER_DELETE, 0, 0},
        {KV_NEVER_DELETE, HOUR, 0},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const struct kv_config config = {.delete_version_after_s = cases[i].mount_s};
        const struct kv_head head = {.delete_version_after_s = cases[i].key_s};
        int64_t expected =
            cases[i].expected_s == 0 ? CLOCK_NEVER : NOW + cases[i].expected_s * CLOCK_SECOND;
        assert_true(kv_config_deletion_us(&config, &head, NOW) == expected);
    }
}

static void either_can_require_check_and_set(void **state)
{
    (void)state;
    const struct kv_config lax = {0};
    const struct kv_config strict = {.cas_required = true};
    assert_true(kv_config_needs_cas(&lax, &(struct kv_head){.cas_required = true}));
    assert_true(kv_config_needs_cas(&strict, &(struct kv_head){0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_new_mount_has_the_defaults, setup, teardown),
        cmocka_unit_test_setup_teardown(settings_are_read_beside_those_of_others, setup, teardown),
        cmocka_unit_test_setup_teardown(a_broken_configuration_is_an_integrity_failure, setup,
                                        teardown),
        cmocka_unit_test(the_key_decides_how_many_versions_stay),
        cmocka_unit_test(the_shorter_life_counts),
        cmocka_unit_test(either_can_require_check_and_set),
    };
    return RUN_TESTS(tests);
}
