// SPDX-License-Identifier: ISC
// What needs neither a database nor a target: names, settings, whose turn it is, allowed moves.
#include "tests/support/test.h"
#include "vault/rotation/attempt.h"
#include "vault/rotation/name.h"
#include "vault/rotation/setting_look.h"
#include "vault/rotation/settings.h"

static const struct rotunda_setting_spec specs[] = {
    {"host", ROTUNDA_SETTING_REQUIRED | ROTUNDA_SETTING_PATH, ""},
    {"port", 0, ""},
    {"folder", ROTUNDA_SETTING_PATH | ROTUNDA_SETTING_PATH_WRITABLE, ""},
    {NULL, 0, NULL},
};

static struct status merge(const char *current, const char *body, struct arena *arena,
                           struct str *out)
{
    const char *field = "";
    struct json_value v;
    TRY(json_parse(str_from_c(body), NULL, arena, &v, NULL));
    return settings_merge(str_from_c(current), v, specs, arena, out, &field);
}

static void names_are_plain(void **state)
{
    (void)state;
    char long_name[NAME_BYTES + 1];
    memset(long_name, 'a', sizeof long_name);
    assert_true(name_valid(STR("orders-app_1.prod")));
    assert_true(name_valid((struct str){long_name, NAME_BYTES}));
    assert_false(name_valid((struct str){long_name, NAME_BYTES + 1}));
    assert_false(name_valid(STR("")));
    assert_false(name_valid(STR(".hidden")));
    assert_false(name_valid(STR("a/b")));
    assert_false(name_valid(STR("a b")));
    assert_false(name_valid(STR("\xc3\xa4")));
}

static void settings_keep_what_is_not_named_and_lose_what_is_null(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new(1024 * 1024);
    struct str out;
    assert_ok(merge("{\"host\":\"h\",\"port\":\"1\"}", "{\"port\":5432}", a, &out));
    assert_str("{\"host\":\"h\",\"port\":\"5432\"}", out);
    assert_ok(merge("{\"host\":\"h\",\"port\":\"1\"}", "{\"port\":null,\"x\":1}", a, &out));
    assert_str("{\"host\":\"h\"}", out);
    assert_status(INVALID, merge("", "{\"port\":1}", a, &out));
    assert_status(INVALID, merge("", "{\"host\":[]}", a, &out));
}

static void only_paths_of_the_specification_are_opened_to_a_rotator(void **state)
{
    (void)state;
    struct arena *a CLEANUP(arena_cleanup) = arena_new(1024 * 1024);
    struct sandbox_path paths[2];
    struct settings s;
    size_t count;
    assert_ok(settings_parse(STR("{\"host\":\"/run/pg\",\"port\":\"/etc\",\"folder\":\"/tmp/f\"}"),
                             a, &s));
    assert_ok(settings_paths(&s, specs, paths, ARRAY_LEN(paths), &count));
    assert_int_equal(2, count);
    assert_string_equal("/run/pg", paths[0].path);
    assert_false(paths[0].writable);
    assert_string_equal("/tmp/f", paths[1].path);
    assert_true(paths[1].writable);
    assert_status(LIMIT, settings_paths(&s, specs, paths, 1, &count));
}

static struct status look(unsigned flags, const char *help, const char *value)
{
    const struct rotunda_setting_spec spec = {"x", flags, help};
    return setting_look(&spec, str_from_c(value));
}

static void a_setting_has_to_look_as_the_rotator_says(void **state)
{
    (void)state;
    static const struct {
        unsigned flags;
        const char *good[5];
        const char *bad[12];
    } cases[] = {
        {0, {"x", "99999999", "../x"}, {NULL}},
        {ROTUNDA_SETTING_PORT,
         {"1", "5432", "65535", "5432,5433"},
         {"x", "0", "65536", "99999999", "-1", "+1", " 1", "1 ", "5432,", ",1", "1.0"}},
        {ROTUNDA_SETTING_DURATION, {"30", "30s", "2h"}, {"x", "-1s", "1y", "s"}},
        {ROTUNDA_SETTING_BOOLEAN, {"true", "false"}, {"yes", "1", "TRUE"}},
        {ROTUNDA_SETTING_CHOICE, {"leave", "expiry"}, {"x", "leave|expiry", "l", "expiry:", "|"}},
        {ROTUNDA_SETTING_PATH,
         {"db.example", "../x", "/srv/a", "/srv/a/", "/processes/x"},
         {"/proc/self/mem", "/dev/zero", "/sys/x", "/a/../proc/x", "/a/./b", "//proc/x", "/.."}},
        {ROTUNDA_SETTING_PATH | ROTUNDA_SETTING_FILE,
         {"/srv/ca.pem"},
         {"ca.pem", "../x", "/proc/self/mem", "/srv/../x"}},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        for (size_t n = 0; n < ARRAY_LEN(cases[i].good) && cases[i].good[n] != NULL; n++) {
            assert_ok(look(cases[i].flags, "leave|expiry: which", cases[i].good[n]));
        }
        for (size_t n = 0; n < ARRAY_LEN(cases[i].bad) && cases[i].bad[n] != NULL; n++) {
            assert_status(INVALID, look(cases[i].flags, "leave|expiry: which", cases[i].bad[n]));
        }
    }
}

static void the_accounts_of_a_pair_take_turns(void **state)
{
    (void)state;
    struct credential pair = {.accounts = {STR("a"), STR("b")}, .account_count = 2};
    struct credential single = {.accounts = {STR("a")}, .account_count = 1};
    assert_str("a", credential_next_account(&pair, STR("")));
    assert_str("b", credential_next_account(&pair, STR("a")));
    assert_str("a", credential_next_account(&pair, STR("b")));
    assert_str("a", credential_next_account(&single, STR("")));
    assert_str("a", credential_next_account(&single, STR("a")));
}

static void jitter_is_bounded_and_the_same_every_time(void **state)
{
    (void)state;
    bool differs = false;
    int64_t first_us = 0;
    for (int i = 0; i < 100; i++) {
        struct credential c = {.id = uuid_new(), .jitter_s = 50};
        int64_t spread_us = credential_spread_us(&c);
        assert_true(spread_us >= 0 && spread_us <= 50 * CLOCK_SECOND);
        assert_int_equal(spread_us, credential_spread_us(&c));
        first_us = i == 0 ? spread_us : first_us;
        differs = differs || spread_us != first_us;
    }
    assert_true(differs);
}

// Whatever was begun at the target can only end by the target's own answer.
static void nothing_is_promoted_that_was_not_verified(void **state)
{
    (void)state;
    for (int from = 0; from < ATTEMPT_STATE_COUNT; from++) {
        for (int to = 0; to < ATTEMPT_STATE_COUNT; to++) {
            bool may = attempt_may_move((enum attempt_state)from, (enum attempt_state)to);
            if (may && from != to && to == ATTEMPT_PROMOTED) {
                assert_int_equal(ATTEMPT_VERIFIED, from);
            }
            if (may && from != to && to == ATTEMPT_VERIFIED) {
                assert_true(from == ATTEMPT_APPLIED || from == ATTEMPT_RECONCILE);
            }
            if (may && from != to && to == ATTEMPT_APPLYING) {
                assert_int_equal(ATTEMPT_STAGED, from);
            }
            if (may && from != to) {
                assert_true(attempt_is_open((enum attempt_state)from));
            }
        }
    }
}

static void states_keep_their_names(void **state)
{
    (void)state;
    for (int i = 0; i < ATTEMPT_STATE_COUNT; i++) {
        enum attempt_state parsed;
        assert_ok(attempt_state_parse(attempt_state_name((enum attempt_state)i), &parsed));
        assert_int_equal(i, parsed);
    }
    enum attempt_state parsed;
    assert_status(INTEGRITY, attempt_state_parse(STR("done"), &parsed));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_plain),
        cmocka_unit_test(a_setting_has_to_look_as_the_rotator_says),
        cmocka_unit_test(settings_keep_what_is_not_named_and_lose_what_is_null),
        cmocka_unit_test(only_paths_of_the_specification_are_opened_to_a_rotator),
        cmocka_unit_test(the_accounts_of_a_pair_take_turns),
        cmocka_unit_test(jitter_is_bounded_and_the_same_every_time),
        cmocka_unit_test(nothing_is_promoted_that_was_not_verified),
        cmocka_unit_test(states_keep_their_names),
    };
    return RUN_TESTS(tests);
}
