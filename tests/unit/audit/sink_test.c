// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "vault/audit/sink.h"
#include "vault/base/clock.h"

enum { PATH_BYTES = 256, WAIT_US = 5 * CLOCK_SECOND, LINE_COUNT = 3 };

struct sink_fixture {
    char folder[PATH_BYTES];
    struct audit_sinks *sinks;
};

static int setup(void **state)
{
    struct sink_fixture *f = calloc(1, sizeof *f);
    char parent[] = "/tmp/rotunda-sink.XXXXXX";
    assert_non_null(mkdtemp(parent));
    snprintf(f->folder, sizeof f->folder, "%s/audit", parent);
    assert_ok(audit_sinks_new(str_from_c(f->folder), &f->sinks));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct sink_fixture *f = *state;
    char command[PATH_BYTES * 2];
    audit_sinks_free(f->sinks);
    snprintf(command, sizeof command, "%s/main", f->folder);
    unlink(command);
    rmdir(f->folder);
    *strrchr(f->folder, '/') = '\0';
    rmdir(f->folder);
    free(f);
    return 0;
}

static void file_path(const struct sink_fixture *f, char out[PATH_BYTES * 2])
{
    snprintf(out, PATH_BYTES * 2, "%s/main", f->folder);
}

static void start(struct sink_fixture *f)
{
    const struct audit_sink_config config = {.path = "main/", .file = "main"};
    assert_ok(audit_sinks_apply(f->sinks, &config, 1));
    assert_true(audit_sinks_wanted(f->sinks));
}

static void put(struct sink_fixture *f, const char *text, size_t lines)
{
    struct buffer b;
    buffer_init(&b, 1024 * 1024);
    buffer_append_c(&b, text);
    audit_sinks_put(f->sinks, &b, lines);
    buffer_done(&b);
}

static struct audit_sink_stats stats_when(struct sink_fixture *f,
                                          bool (*condition)(const struct audit_sink_stats *s))
{
    struct audit_sink_stats stats[AUDIT_SINKS_MAX];
    int64_t deadline_us = clock_monotonic_us() + WAIT_US;
    do {
        assert_int_equal(1, audit_sinks_stats(f->sinks, stats));
        usleep(1000);
    } while (!condition(&stats[0]) && clock_monotonic_us() < deadline_us);
    return stats[0];
}

static bool wrote_three(const struct audit_sink_stats *s)
{
    return s->written == LINE_COUNT;
}

static bool is_failing(const struct audit_sink_stats *s)
{
    return s->failing;
}

static bool is_dropping(const struct audit_sink_stats *s)
{
    return s->dropped > 0;
}

static void lines_arrive_in_a_closed_file(void **state)
{
    struct sink_fixture *f = *state;
    char path[PATH_BYTES * 2];
    char text[64] = "";
    struct stat st;
    start(f);
    put(f, "{1}\n{2}\n", 2);
    put(f, "{3}\n", 1);
    assert_int_equal(LINE_COUNT, stats_when(f, wrote_three).written);
    file_path(f, path);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_int_equal(12, fread(text, 1, sizeof text - 1, file));
    fclose(file);
    assert_string_equal("{1}\n{2}\n{3}\n", text);
    assert_int_equal(0, stat(path, &st));
    assert_int_equal(0600, st.st_mode & 0777);
}

static void a_removed_file_is_made_again(void **state)
{
    struct sink_fixture *f = *state;
    char path[PATH_BYTES * 2];
    file_path(f, path);
    start(f);
    put(f, "{1}\n{2}\n", 2);
    usleep(100000);
    assert_int_equal(0, unlink(path));
    put(f, "{3}\n", 1);
    assert_int_equal(LINE_COUNT, stats_when(f, wrote_three).written);
    assert_int_equal(0, access(path, F_OK));
}

static void an_executable_or_linked_file_is_not_written(void **state)
{
    struct sink_fixture *f = *state;
    char path[PATH_BYTES * 2];
    file_path(f, path);
    int fd = open(path, O_CREAT | O_WRONLY | O_CLOEXEC, 0700);
    assert_true(fd >= 0);
    close(fd);
    start(f);
    put(f, "#!/bin/sh\n", 1);
    assert_true(stats_when(f, is_failing).failing);
    const struct audit_sink_config config = {.path = "main/", .file = "main"};
    assert_status(INVALID, audit_sinks_try(f->sinks, &config));
    assert_int_equal(0, unlink(path));
    assert_int_equal(0, symlink("/tmp/elsewhere", path));
    assert_status(UNAVAILABLE, audit_sinks_try(f->sinks, &config));
    assert_int_not_equal(0, access("/tmp/elsewhere", F_OK));
}

static void a_pipe_that_nobody_reads_drops_and_holds_nobody_up(void **state)
{
    struct sink_fixture *f = *state;
    char path[PATH_BYTES * 2];
    static char line[256 * 1024 + 1];
    file_path(f, path);
    memset(line, 'x', sizeof line - 2);
    line[sizeof line - 2] = '\n';
    assert_int_equal(0, mkfifo(path, 0600));
    int reader = open(path, O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    start(f);
    int64_t begun_us = clock_monotonic_us();
    for (int i = 0; i < 200; i++) {
        put(f, line, 1);
    }
    assert_true(clock_monotonic_us() - begun_us < 2 * CLOCK_SECOND);
    assert_true(stats_when(f, is_dropping).dropped > 0);
    assert_true(stats_when(f, is_failing).failing);
    close(reader);
}

static void a_wall_clock_set_back_delays_no_retry(void **state)
{
    struct sink_fixture *f = *state;
    char path[PATH_BYTES * 2];
    file_path(f, path);
    assert_int_equal(0, mkfifo(path, 0600)); // without a reader
    start(f);
    setenv("ROTUNDA_TEST_CLOCK_SHIFT_S", "3600", 1);
    put(f, "{1}\n{2}\n{3}\n", LINE_COUNT);
    assert_true(stats_when(f, is_failing).failing);
    assert_int_equal(0, unlink(path));
    assert_int_equal(LINE_COUNT, stats_when(f, wrote_three).written);
    unsetenv("ROTUNDA_TEST_CLOCK_SHIFT_S");
}

static void file_names_stay_in_the_folder(void **state)
{
    struct sink_fixture *f = *state;
    static const char *const wrong[] = {"",    ".",        "..",        "../x",        "a/b",
                                        "/x",  ".bash",    "x\n",       "/etc/passwd", "a b",
                                        "x;y", "\xc3\xa9", "/tmp/audit"};
    struct audit_sink_config config = {.path = "main/"};
    char inside[PATH_BYTES * 2];
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_status(INVALID, audit_sinks_check_file(f->sinks, str_from_c(wrong[i]), &config));
    }
    file_path(f, inside);
    assert_ok(audit_sinks_check_file(f->sinks, str_from_c(inside), &config));
    assert_string_equal("main", config.file);
}

int main(void)
{
#define SINK_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        SINK_TEST(lines_arrive_in_a_closed_file),
        SINK_TEST(a_removed_file_is_made_again),
        SINK_TEST(an_executable_or_linked_file_is_not_written),
        SINK_TEST(a_pipe_that_nobody_reads_drops_and_holds_nobody_up),
        SINK_TEST(a_wall_clock_set_back_delays_no_retry),
        SINK_TEST(file_names_stay_in_the_folder),
    };
    return RUN_TESTS(tests);
}
