// SPDX-License-Identifier: ISC
#include "tests/unit/policy/policy_fixture.h"

#define FIXTURE CLEANUP(fixture_done) struct fixture
#define UPDATE "path \"a\" { capabilities = [\"update\", \"delete\", \"list\"] "

static enum acl_reason update(struct fixture *f, const char *json)
{
    return fixture_ask(f, POLICY_OP_UPDATE, "a", json).reason;
}

static void allowed_parameters_shut_out_the_others(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, UPDATE "allowed_parameters = { \"ttl\" = [\"1h\", \"2*\", \"*m\", \"*x*\"], "
                            "\"Any\" = [] } }");
    static const char *const fit[] = {"{}",
                                      "{\"ttl\":\"1h\"}",
                                      "{\"ttl\":\"2y\"}",
                                      "{\"ttl\":22}",
                                      "{\"ttl\":\"5m\"}",
                                      "{\"ttl\":\"yxy\"}",
                                      "{\"any\":{\"deep\":[1]}}",
                                      "{\"ANY\":null,\"TTL\":\"1h\"}",
                                      "{\"ttl\":[\"1h\",\"2\"]}"};
    static const char *const unfit[] = {"{\"ttl\":\"1\"}",          "{\"other\":1}",
                                        "{\"ttl\":null}",           "{\"ttl\":{}}",
                                        "{\"ttl\":[\"1h\",\"3\"]}", "{\"ttl\":\"\\ud800\"}",
                                        "{\"any\":1,\"x\":1}",      "{\"ttl\":[[\"1h\"]]}"};
    assert_int_equal(ACL_GRANTED, update(&f, NULL));
    for (size_t i = 0; i < ARRAY_LEN(fit); i++) {
        assert_int_equal(ACL_GRANTED, update(&f, fit[i]));
    }
    for (size_t i = 0; i < ARRAY_LEN(unfit); i++) {
        assert_int_equal(ACL_PARAMETER_NOT_ALLOWED, update(&f, unfit[i]));
    }
}

static void a_star_allows_all_other_parameters(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, UPDATE "allowed_parameters = { \"*\" = [], \"ttl\" = [\"1h\"] } }");
    assert_int_equal(ACL_GRANTED, update(&f, "{\"x\":1}"));
    assert_int_equal(ACL_GRANTED, update(&f, "{\"x\":1,\"ttl\":\"1h\"}"));
    assert_int_equal(ACL_PARAMETER_NOT_ALLOWED, update(&f, "{\"ttl\":\"2h\"}"));
}

static void denied_parameters_cannot_be_disguised(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, UPDATE "denied_parameters = { \"admin\" = [], \"n\" = [5, true], "
                            "\"policies\" = [\"root\", \"adm*\"] } }");
    static const char *const refused[] = {
        "{\"admin\":1}",
        "{\"ADMIN\":null}",
        "{\"\\u0061dmin\":0}",
        "{\"n\":5}",
        "{\"n\":\"5\"}",
        "{\"n\":true}",
        "{\"n\":\"true\"}",
        "{\"n\":[1,5]}",
        "{\"policies\":\"root\"}",
        "{\"policies\":[\"a\",\"root\"]}",
        "{\"policies\":\"a, root\"}",
        "{\"policies\":\"r\\u006fot\"}",
        "{\"policies\":[\"a,admin\"]}",
        "{\"policies\":\"\\ud800\"}",
    };
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        if (update(&f, refused[i]) != ACL_PARAMETER_DENIED) {
            fail_msg("allowed: %s", refused[i]);
        }
    }
    assert_int_equal(ACL_GRANTED, update(&f, "{\"n\":6,\"policies\":[\"a\",\"b\"],\"x\":1}"));
}

static void a_star_denies_all_parameters(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, UPDATE "denied_parameters = { \"*\" = [] } allowed_parameters = { x = [] } }");
    assert_int_equal(ACL_GRANTED, update(&f, "{}"));
    assert_int_equal(ACL_PARAMETER_DENIED, update(&f, "{\"x\":1}"));
}

static void required_parameters_must_be_there(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, UPDATE "required_parameters = [\"Reason\", \"id\"] }");
    assert_int_equal(ACL_PARAMETER_MISSING, update(&f, NULL));
    assert_int_equal(ACL_PARAMETER_MISSING, update(&f, "{\"reason\":1}"));
    assert_int_equal(ACL_PARAMETER_MISSING, update(&f, "{\"REASON\":1,\"id\":1}"));
    assert_int_equal(ACL_PARAMETER_MISSING, update(&f, "[\"reason\",\"id\"]"));
    assert_int_equal(ACL_GRANTED, update(&f, "{\"reason\":1,\"id\":null}"));
    assert_true(fixture_may(&f, POLICY_OP_DELETE, "a"));
    assert_true(fixture_may(&f, POLICY_OP_LIST, "a"));
}

static void demands_of_several_policies_are_joined(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f,
                 UPDATE "allowed_parameters = { x = [1], y = [1] } required_parameters = [\"x\"] }",
                 UPDATE "allowed_parameters = { x = [2], y = [] } denied_parameters = { z = [] } }",
                 UPDATE "required_parameters = [\"y\"] }");
    assert_int_equal(ACL_GRANTED, update(&f, "{\"x\":1,\"y\":9}"));
    assert_int_equal(ACL_GRANTED, update(&f, "{\"x\":2,\"y\":9}"));
    assert_int_equal(ACL_PARAMETER_NOT_ALLOWED, update(&f, "{\"x\":3,\"y\":9}"));
    assert_int_equal(ACL_PARAMETER_MISSING, update(&f, "{\"x\":1}"));
    assert_int_equal(ACL_PARAMETER_DENIED, update(&f, "{\"x\":1,\"y\":1,\"z\":1}"));
}

static bool wrapped_for(struct fixture *f, int64_t ttl_s)
{
    const struct acl_request request = {
        .path = STR("a"), .operation = POLICY_OP_UPDATE, .wrap_ttl_s = ttl_s};
    struct acl_decision d;
    acl_check(f->acl, &request, &d);
    assert_true(d.allowed || d.reason == ACL_WRAPPING);
    return d.allowed;
}

static void wrapping_times_have_to_fit(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, UPDATE "min_wrapping_ttl = 60 max_wrapping_ttl = \"1h\" }",
                 UPDATE "max_wrapping_ttl = 600 }");
    assert_false(wrapped_for(&f, 0));
    assert_false(wrapped_for(&f, 59));
    assert_true(wrapped_for(&f, 60));
    assert_true(wrapped_for(&f, 600));
    assert_false(wrapped_for(&f, 601));
}

// Known hole 26: `limit=0` bypassed the limit in another vault.
static void known_hole_26_no_page_is_larger_than_the_limit(void **state)
{
    (void)state;
    FIXTURE f;
    fixture_open(&f, UPDATE "pagination_limit = 100 }", UPDATE "pagination_limit = 50 }");
    struct acl_decision d = fixture_ask(&f, POLICY_OP_LIST, "a", NULL);
    int64_t size = 7;
    assert_ok(acl_page_size(&d, 0, &size));
    assert_int_equal(50, size);
    assert_ok(acl_page_size(&d, -1, &size));
    assert_int_equal(50, size);
    assert_ok(acl_page_size(&d, 20, &size));
    assert_int_equal(20, size);
    assert_status(DENIED, acl_page_size(&d, 51, &size));
    assert_int_equal(20, size);
    d.page_limit = 0;
    assert_ok(acl_page_size(&d, 0, &size));
    assert_int_equal(0, size);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(allowed_parameters_shut_out_the_others),
        cmocka_unit_test(a_star_allows_all_other_parameters),
        cmocka_unit_test(denied_parameters_cannot_be_disguised),
        cmocka_unit_test(a_star_denies_all_parameters),
        cmocka_unit_test(required_parameters_must_be_there),
        cmocka_unit_test(demands_of_several_policies_are_joined),
        cmocka_unit_test(wrapping_times_have_to_fit),
        cmocka_unit_test(known_hole_26_no_page_is_larger_than_the_limit),
    };
    return RUN_TESTS(tests);
}
