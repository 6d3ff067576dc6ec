// SPDX-License-Identifier: ISC
#include "tests/support/test.h"

#include "vault/identity/token_grant.h"

#define LIST(...)                                                                                  \
    ((struct json_strings){.items = (const struct str[]){__VA_ARGS__},                             \
                           .count = ARRAY_LEN(((const struct str[]){__VA_ARGS__}))})

static const int64_t now_us = INT64_C(1800000000) * CLOCK_SECOND;

struct scene {
    struct token caller;
    struct token_grant_input input;
    struct token_request request;
    struct token token;
    struct token_grant_notes notes;
};

static struct status grant(struct scene *s)
{
    s->input.caller = &s->caller;
    return token_grant(&s->input, &s->request, &s->token, &s->notes);
}

static struct scene scene_of(struct json_strings policies, bool sudo)
{
    return (struct scene){
        .caller = {.id = uuid_new(),
                   .namespace_id = 1,
                   .policies = policies.items,
                   .policy_count = policies.count,
                   .expires_us = now_us + 1000 * (int64_t)CLOCK_SECOND},
        .input = {.sudo = sudo,
                  .path = STR("auth/token/create"),
                  .limits = {.default_ttl_s = 600, .max_ttl_s = 3600},
                  .now_us = now_us,
                  .arena = arena_new(1 << 20)},
        .request = {.renewable = true, .meta = STR("{}")},
    };
}

static struct scene root_scene(void)
{
    static const struct str root[] = {{"root", 4}};
    struct scene s = scene_of((struct json_strings){root, 1}, true);
    s.caller.expires_us = CLOCK_NEVER;
    return s;
}

static void assert_policies(const struct scene *s, struct json_strings expected)
{
    assert_int_equal(expected.count, s->token.policy_count);
    for (size_t i = 0; i < expected.count; i++) {
        assert_true(str_equal(expected.items[i], s->token.policies[i]));
    }
}

static void a_child_inherits_policies_and_addresses(void **state)
{
    (void)state;
    struct scene s = scene_of(LIST(STR("app"), STR("default")), false);
    struct str cidr = STR("10.0.0.0/8");
    s.caller.bound_cidrs = &cidr;
    s.caller.bound_cidr_count = 1;
    assert_ok(grant(&s));
    assert_policies(&s, LIST(STR("app"), STR("default")));
    assert_int_equal(1, s.token.bound_cidr_count);
    assert_true(uuid_equal(s.caller.id, s.token.parent));
    assert_false(s.token.orphan);
    s.request.bound_cidrs = LIST(STR("0.0.0.0/0"));
    assert_status(INVALID, grant(&s));
    arena_free(s.input.arena);
}

static void a_role_without_addresses_keeps_the_callers(void **state)
{
    (void)state;
    struct scene s = scene_of(LIST(STR("app")), false);
    struct str cidr = STR("10.0.0.5/32");
    s.caller.bound_cidrs = &cidr;
    s.caller.bound_cidr_count = 1;
    struct token_role role = {.renewable = true};
    s.input.role = &role;
    assert_ok(grant(&s));
    assert_int_equal(1, s.token.bound_cidr_count);
    assert_str("10.0.0.5/32", s.token.bound_cidrs[0]);
    s.request.bound_cidrs = LIST(STR("0.0.0.0/0"));
    assert_status(INVALID, grant(&s));
    role.bound_cidrs = LIST(STR("10.1.0.0/16"));
    assert_ok(grant(&s));
    assert_str("10.1.0.0/16", s.token.bound_cidrs[0]);
    arena_free(s.input.arena);
}

static void policies_are_a_subset_of_the_callers(void **state)
{
    (void)state;
    struct scene s = scene_of(LIST(STR("app"), STR("default"), STR("ops")), false);
    s.request.policies = LIST(STR("OPS"), STR("ops"));
    assert_ok(grant(&s));
    assert_policies(&s, LIST(STR("default"), STR("ops")));
    s.request.no_default_policy = true;
    assert_ok(grant(&s));
    assert_policies(&s, LIST(STR("ops")));
    s.request.policies = LIST(STR("ops"), STR("other"));
    assert_status(INVALID, grant(&s));
    arena_free(s.input.arena);
}

static void sudo_may_grant_what_it_does_not_have_but_root(void **state)
{
    (void)state;
    struct scene s = scene_of(LIST(STR("admin")), true);
    s.request.policies = LIST(STR("other"));
    assert_ok(grant(&s));
    assert_policies(&s, LIST(STR("default"), STR("other")));
    s.request.policies = LIST(STR("other"), STR("root"));
    assert_status(INVALID, grant(&s));
    arena_free(s.input.arena);
}

// Known hole 7.
static void cve_2025_5999_names_that_resemble_root_never_become_root(void **state)
{
    (void)state;
    const struct str names[] = {STR("Root"),  STR("ROOT"),   STR(" root"),
                                STR("root "), STR("\troot"), STR("r oot"),
                                STR("root/"), STR("./root"), STR("roo\xD0\xA2")};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct scene s = scene_of(LIST(STR("admin"), STR("root2")), true);
        s.request.policies = (struct json_strings){&names[i], 1};
        assert_status(INVALID, grant(&s));
        arena_free(s.input.arena);
    }
}

static void a_root_token_stands_alone_and_never_expires_unless_told(void **state)
{
    (void)state;
    struct scene s = root_scene();
    s.request.policies = LIST(STR("app"), STR("root"));
    assert_ok(grant(&s));
    assert_policies(&s, LIST(STR("root")));
    assert_int_equal(CLOCK_NEVER, s.token.expires_us);
    assert_false(s.token.renewable);
    s.request.explicit_max_ttl_s = 60;
    assert_ok(grant(&s));
    assert_int_equal(60, s.token.ttl_s);
    assert_int_equal(now_us + 60 * (int64_t)CLOCK_SECOND, s.token.expires_us);
    arena_free(s.input.arena);
}

static void an_expiring_root_token_makes_no_immortal_one(void **state)
{
    (void)state;
    struct scene s = root_scene();
    s.caller.expires_us = now_us + 1;
    assert_status(INVALID, grant(&s));
    s.request.ttl_s = 60;
    assert_ok(grant(&s));
    assert_int_equal(60, s.token.ttl_s);
    arena_free(s.input.arena);
}

static void orphans_periods_and_ids_need_sudo(void **state)
{
    (void)state;
    for (int sudo = 0; sudo < 2; sudo++) {
        const struct token_request asked[] = {
            {.no_parent = true, .meta = STR("{}")},
            {.period_s = 60, .meta = STR("{}")},
            {.id = STR("mine"), .meta = STR("{}")},
        };
        for (size_t i = 0; i < ARRAY_LEN(asked); i++) {
            struct scene s = scene_of(LIST(STR("app")), sudo == 1);
            s.request = asked[i];
            struct status got = grant(&s);
            assert_int_equal(sudo == 1 ? STATUS_OK : STATUS_INVALID, got.code);
            arena_free(s.input.arena);
        }
    }
}

static void the_orphan_path_makes_orphans_without_sudo(void **state)
{
    (void)state;
    struct scene s = scene_of(LIST(STR("app")), false);
    s.input.orphan = true;
    assert_ok(grant(&s));
    assert_true(s.token.orphan);
    assert_true(uuid_is_nil(s.token.parent));
    arena_free(s.input.arena);
}

static void a_token_with_limited_uses_has_no_children(void **state)
{
    (void)state;
    struct scene s = root_scene();
    s.caller.num_uses = 5;
    s.caller.uses_left = 5;
    assert_status(INVALID, grant(&s));
    arena_free(s.input.arena);
}

static void display_names_are_prefixed_and_made_plain(void **state)
{
    (void)state;
    const struct {
        const char *asked;
        const char *expected;
    } names[] = {
        {"", "token"},
        {"my app", "token-my-app"},
        {"a/b!", "token-a-b"},
        {"caf\xC3\xA9s", "token-caf-s"},
    };
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct scene s = scene_of(LIST(STR("app")), false);
        s.request.display_name = str_from_c(names[i].asked);
        assert_ok(grant(&s));
        assert_str(names[i].expected, s.token.display_name);
        arena_free(s.input.arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_child_inherits_policies_and_addresses),
        cmocka_unit_test(a_role_without_addresses_keeps_the_callers),
        cmocka_unit_test(policies_are_a_subset_of_the_callers),
        cmocka_unit_test(sudo_may_grant_what_it_does_not_have_but_root),
        cmocka_unit_test(cve_2025_5999_names_that_resemble_root_never_become_root),
        cmocka_unit_test(a_root_token_stands_alone_and_never_expires_unless_told),
        cmocka_unit_test(an_expiring_root_token_makes_no_immortal_one),
        cmocka_unit_test(orphans_periods_and_ids_need_sudo),
        cmocka_unit_test(the_orphan_path_makes_orphans_without_sudo),
        cmocka_unit_test(a_token_with_limited_uses_has_no_children),
        cmocka_unit_test(display_names_are_prefixed_and_made_plain),
    };
    return RUN_TESTS(tests);
}
