// SPDX-License-Identifier: ISC
#include "api/routes/sys_mounts_path.h"

#include "vault/base/limits.h"

#include "tests/support/test.h"

static int open_arena(void **state)
{
    *state = arena_new(LIMIT_ARENA_BYTES);
    return *state == NULL ? -1 : 0;
}

static int close_arena(void **state)
{
    arena_free(*state);
    return 0;
}

static void paths_end_in_one_slash(void **state)
{
    struct str path;
    assert_ok(sys_mounts_path_read(STR("team/app"), *state, &path));
    assert_str("team/app/", path);
    assert_ok(sys_mounts_path_read(STR("team/app/"), *state, &path));
    assert_str("team/app/", path);
}

static void paths_have_a_maximum(void **state)
{
    char text[LIMIT_MOUNT_PATH_BYTES];
    memset(text, 'x', sizeof text);
    struct str path;
    assert_ok(sys_mounts_path_read((struct str){text, sizeof text - 1}, *state, &path));
    assert_int_equal(LIMIT_MOUNT_PATH_BYTES, path.len);
    assert_status(INVALID, sys_mounts_path_read((struct str){text, sizeof text}, *state, &path));
    assert_status(INVALID, sys_mounts_path_read(STR(""), *state, &path));
    assert_status(INVALID, sys_mounts_path_read(STR("/"), *state, &path));
}

static void wildcards_of_policies_are_refused(void **state)
{
    static const char *const wild[] = {"*", "a*", "a/*/b", "+", "a/+", "+/a", "a*b"};
    struct str path;
    for (size_t i = 0; i < ARRAY_LEN(wild); i++) {
        assert_status(INVALID, sys_mounts_path_read(str_from_c(wild[i]), *state, &path));
    }
    assert_ok(sys_mounts_path_read(STR("a+b/c++"), *state, &path));
}

static void tune_is_cut_off_the_end(void **state)
{
    (void)state;
    struct str path = STR("team/app/tune");
    assert_true(sys_mounts_path_cut_tune(&path));
    assert_str("team/app", path);
    path = STR("team/tune/");
    assert_true(sys_mounts_path_cut_tune(&path));
    assert_str("team", path);
}

static void a_mount_may_be_called_tune(void **state)
{
    (void)state;
    static const char *const names[] = {"tune", "tune/", "fortune", "a/fortune", "a/tune/b"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        struct str path = str_from_c(names[i]);
        assert_false(sys_mounts_path_cut_tune(&path));
        assert_str(names[i], path);
    }
}

static void the_vaults_own_paths_are_reserved(void **state)
{
    (void)state;
    static const char *const own[] = {"sys/", "sys/x/", "auth/token/", "cubbyhole/", "identity/a/"};
    for (size_t i = 0; i < ARRAY_LEN(own); i++) {
        assert_true(sys_mounts_path_is_reserved(str_from_c(own[i])));
    }
    static const char *const others[] = {"system/", "team/sys/", "authors/", "secret/"};
    for (size_t i = 0; i < ARRAY_LEN(others); i++) {
        assert_false(sys_mounts_path_is_reserved(str_from_c(others[i])));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(paths_end_in_one_slash, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(paths_have_a_maximum, open_arena, close_arena),
        cmocka_unit_test_setup_teardown(wildcards_of_policies_are_refused, open_arena, close_arena),
        cmocka_unit_test(tune_is_cut_off_the_end),
        cmocka_unit_test(a_mount_may_be_called_tune),
        cmocka_unit_test(the_vaults_own_paths_are_reserved),
    };
    return RUN_TESTS(tests);
}
