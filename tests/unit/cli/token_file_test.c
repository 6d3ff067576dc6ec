// SPDX-License-Identifier: ISC
#include "api/cli/token_file.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"

struct fixture {
    struct arena *arena;
    char folder[64];
    char file[96];
    char other[96];
    struct cli_problem why;
};

static int group_setup(void **state)
{
    (void)state;
    return status_ok(secret_system_init(true)) ? 0 : -1;
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    REQUIRE(f != NULL);
    f->arena = arena_new(65536);
    snprintf(f->folder, sizeof f->folder, "/tmp/rotunda-token-XXXXXX");
    REQUIRE(f->arena != NULL && mkdtemp(f->folder) != NULL);
    snprintf(f->file, sizeof f->file, "%s/token", f->folder);
    snprintf(f->other, sizeof f->other, "%s/other", f->folder);
    unsetenv("ROTUNDA_TOKEN");
    unsetenv("VAULT_TOKEN");
    setenv("ROTUNDA_TOKEN_FILE", f->file, 1);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    unlink(f->file);
    unlink(f->other);
    rmdir(f->folder);
    arena_free(f->arena);
    free(f);
    return 0;
}

static struct status store(struct fixture *f, const char *token)
{
    return cli_token_file_write(f->arena, str_from_c(f->file), bytes_from_str(str_from_c(token)),
                                &f->why);
}

static void assert_stored(struct fixture *f, const char *expected)
{
    CLEANUP(secret_cleanup) struct secret *token = NULL;
    assert_ok(cli_token_file_read(str_from_c(f->file), &f->why, &token));
    assert_str(expected, str_from_bytes(secret_view(token)));
}

static void a_stored_token_comes_back_and_only_the_owner_may_read_it(void **state)
{
    struct fixture *f = *state;
    struct stat s;
    mode_t before = umask(0);
    assert_ok(store(f, "s.one"));
    umask(before);
    assert_int_equal(0, stat(f->file, &s));
    assert_int_equal(0600, s.st_mode & 07777);
    assert_stored(f, "s.one");
}

static void writing_replaces_an_open_file_with_a_closed_one(void **state)
{
    struct fixture *f = *state;
    struct stat s;
    assert_ok(store(f, "s.one"));
    assert_int_equal(0, chmod(f->file, 0644));
    assert_ok(store(f, "s.two"));
    assert_int_equal(0, stat(f->file, &s));
    assert_int_equal(0600, s.st_mode & 07777);
    assert_stored(f, "s.two");
}

static void a_file_that_others_may_read_is_refused(void **state)
{
    struct fixture *f = *state;
    CLEANUP(secret_cleanup) struct secret *token = NULL;
    assert_ok(store(f, "s.one"));
    assert_int_equal(0, chmod(f->file, 0640));
    assert_status(INVALID, cli_token_file_read(str_from_c(f->file), &f->why, &token));
    assert_non_null(strstr(f->why.text, "mode 0640"));
}

static void a_symbolic_link_is_not_followed(void **state)
{
    struct fixture *f = *state;
    CLEANUP(secret_cleanup) struct secret *token = NULL;
    struct stat s;
    assert_int_equal(0, symlink(f->other, f->file));
    assert_status(INVALID, cli_token_file_read(str_from_c(f->file), &f->why, &token));
    assert_non_null(strstr(f->why.text, "symbolic link"));
    assert_ok(store(f, "s.one"));
    assert_int_equal(-1, lstat(f->other, &s));
    assert_int_equal(0, lstat(f->file, &s));
    assert_true(S_ISREG(s.st_mode));
}

static void without_any_token_the_user_is_told_how_to_log_in(void **state)
{
    struct fixture *f = *state;
    CLEANUP(secret_cleanup) struct secret *token = NULL;
    assert_status(INVALID, cli_token_find(f->arena, &f->why, &token));
    assert_non_null(strstr(f->why.text, "rotunda login"));
}

static void the_environment_wins_over_the_file(void **state)
{
    struct fixture *f = *state;
    CLEANUP(secret_cleanup) struct secret *first = NULL;
    CLEANUP(secret_cleanup) struct secret *second = NULL;
    assert_ok(store(f, "s.file"));
    setenv("VAULT_TOKEN", "s.vault", 1);
    assert_ok(cli_token_find(f->arena, &f->why, &first));
    assert_str("s.vault", str_from_bytes(secret_view(first)));
    setenv("ROTUNDA_TOKEN", "s.rotunda", 1);
    assert_ok(cli_token_find(f->arena, &f->why, &second));
    assert_str("s.rotunda", str_from_bytes(secret_view(second)));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stored_token_comes_back_and_only_the_owner_may_read_it),
        TEST(writing_replaces_an_open_file_with_a_closed_one),
        TEST(a_file_that_others_may_read_is_refused),
        TEST(a_symbolic_link_is_not_followed),
        TEST(without_any_token_the_user_is_told_how_to_log_in),
        TEST(the_environment_wins_over_the_file),
    };
    return cmocka_run_group_tests(tests, group_setup, NULL);
}
