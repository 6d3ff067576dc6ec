// SPDX-License-Identifier: ISC
// What the programs of others can reach, and that nothing of theirs outlives its attempt.
#include "tests/unit/host/process_fixture.h"

#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { NOBODY = 65534 };

static void copy_program(const char *to)
{
    char block[4096];
    int from = open(STRANGER_PROGRAM, O_RDONLY | O_CLOEXEC);
    int copy = open(to, O_WRONLY | O_CREAT | O_CLOEXEC, 0755);
    ssize_t len = 0;
    assert_true(from >= 0 && copy >= 0);
    while ((len = read(from, block, sizeof block)) > 0) {
        assert_int_equal(len, write(copy, block, (size_t)len));
    }
    fchmod(copy, 0755);
    close(from);
    close(copy);
}

// Beside the program: a file that everybody may read, and a socket that everybody may connect to.
static int lay_bait(const char *program)
{
    char path[256];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(path, sizeof path, "%s.secret", program);
    int secret = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
    assert_true(secret >= 0);
    close(secret);
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s.socket", program);
    int listening = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(0, bind(listening, (const struct sockaddr *)&address, sizeof address));
    assert_int_equal(0, listen(listening, 4));
    chmod(address.sun_path, 0777);
    return listening;
}

static struct script script_stranger(struct world *w, const char *name, char path[128])
{
    snprintf(path, 128, "%s/%s", w->folder, name);
    copy_program(path);
    struct script s = script_mock(w, PROTOCOL_PROBE, "", "");
    s.options.form = LAUNCHER_PROGRAM;
    s.options.name = str_from_c(path);
    s.only_start = true;
    return s;
}

static void a_stranger_has_no_environment_and_no_descriptors(void **state)
{
    char path[128];
    struct script s = script_stranger(*state, "stranger", path);
    setenv("VAULT_TOKEN", "hvs.secret", 1);
    int open_file = open("/dev/null", O_RDONLY);
    script_run(&s);
    close(open_file);
    if (s.started.code == STATUS_DENIED) {
        skip(); // nothing here walls it off, so it did not run at all
    }
    assert_ok(s.started);
    assert_non_null(strstr(s.name, "environment 0 descriptors 0 "));
}

// Not 0, which programs that collect cores pass over: core(5).
static void a_stranger_leaves_no_core(void **state)
{
    char path[128];
    struct rlimit limit;
    assert_int_equal(0, getrlimit(RLIMIT_CORE, &limit));
    if (limit.rlim_max == 0) {
        skip(); // nobody can raise it again
    }
    struct script s = script_stranger(*state, "stranger", path);
    script_run(&s);
    if (s.started.code == STATUS_DENIED) {
        skip();
    }
    assert_ok(s.started);
    assert_non_null(strstr(s.name, " core 1 "));
}

static void a_stranger_runs_as_somebody_else(void **state)
{
    char path[128];
    struct script s = script_stranger(*state, "stranger", path);
    if (geteuid() != 0) {
        skip(); // only root can change users
    }
    script_run(&s);
    assert_ok(s.started);
    assert_non_null(strstr(s.name, "uid 65534"));
    assert_true((s.isolation & SANDBOX_USER) != 0);
}

static void a_stranger_reaches_neither_files_nor_sockets(void **state)
{
    char path[128];
    struct script s = script_stranger(*state, "stranger", path);
    int listening = lay_bait(path);
    script_run(&s);
    close(listening);
    if (s.started.code == STATUS_DENIED) {
        skip();
    }
    assert_ok(s.started);
    bool files_closed = (s.isolation & (SANDBOX_LANDLOCK | SANDBOX_MOUNTS)) != 0;
    assert_true(!files_closed || strstr(s.name, "secret 0") != NULL);
    bool sockets_closed = (s.isolation & SANDBOX_MOUNTS) != 0;
    assert_true(!sockets_closed || strstr(s.name, "socket 0") != NULL);
    assert_true(sandbox_holds_strangers(s.isolation));
}

// 0: walled off; 1: refused; anything else is wrong.
static int run_without_root(struct world *w)
{
    char path[128];
    struct script s = script_stranger(w, "stranger", path);
    int listening = lay_bait(path);
    struct launcher_options options = {.allow_unlocked = true};
    if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0 ||
        !status_ok(launcher_start(&options, &w->launcher))) {
        return 2;
    }
    script_run(&s);
    launcher_free(w->launcher);
    close(listening);
    if (s.started.code == STATUS_DENIED) {
        return 1;
    }
    bool closed = strstr(s.name, "secret 0 socket 0") != NULL;
    const int both = SANDBOX_LANDLOCK | SANDBOX_MOUNTS;
    return status_ok(s.started) && closed && s.isolation == both ? 0 : 3;
}

static void without_root_a_stranger_is_walled_off_or_refused(void **state)
{
    struct world *w = *state;
    if (geteuid() != 0) {
        skip(); // the other tests have shown it
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(run_without_root(w));
    }
    int end = 0;
    assert_int_equal(child, waitpid(child, &end, 0));
    assert_true(WIFEXITED(end));
    assert_in_range(WEXITSTATUS(end), 0, 1);
}

// 0: it worked; 77: this system doesn't let the test try; anything else is wrong.
static int run_in_a_unit(struct world *w)
{
    struct script s = script_mock(w, PROTOCOL_APPLY, "in-a-unit", "");
    struct launcher_options options = {.allow_unlocked = true};
    if (unshare(CLONE_NEWNS) != 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) != 0 ||
        mount("/dev", "/dev", NULL, MS_BIND, NULL) != 0 ||
        mount(NULL, "/dev", NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL) != 0) {
        return 77;
    }
    if (setresgid(NOBODY, NOBODY, NOBODY) != 0 || setresuid(NOBODY, NOBODY, NOBODY) != 0 ||
        !status_ok(launcher_start(&options, &w->launcher))) {
        return 2;
    }
    script_run(&s);
    launcher_free(w->launcher);
    return status_ok(s.started) && s.reply.result == PROTOCOL_APPLIED ? 0 : 3;
}

// systemd's PrivateDevices makes it so, and a user namespace can't undo it.
static void a_read_only_dev_keeps_no_rotator_from_running(void **state)
{
    struct world *w = *state;
    if (geteuid() != 0) {
        skip(); // only root can make it read-only
    }
    pid_t child = fork();
    if (child == 0) {
        _exit(run_in_a_unit(w));
    }
    int end = 0;
    assert_int_equal(child, waitpid(child, &end, 0));
    assert_true(WIFEXITED(end));
    if (WEXITSTATUS(end) == 77) {
        skip();
    }
    assert_int_equal(0, WEXITSTATUS(end));
}

static void what_a_rotator_starts_dies_with_it(void **state)
{
    char path[128];
    struct script s = script_stranger(*state, "stranger-daemon", path);
    script_run(&s);
    if (s.started.code == STATUS_DENIED) {
        skip();
    }
    assert_ok(s.started);
    assert_true(no_hosts_left());
}

// A vault that dies with a host running; tells the launcher's process id.
static void die_with_a_running_host(struct world *w, int tell)
{
    struct launcher_options options = {.allow_unlocked = true};
    struct launcher_job job = {.name = "mock",
                               .deadline_us = clock_monotonic_us() + 60 * CLOCK_SECOND};
    int channel = -1;
    int control = -1;
    if (!status_ok(launcher_start(&options, &w->launcher)) ||
        !status_ok(launcher_send(w->launcher, &job, &channel, &control))) {
        _exit(1);
    }
    char path[64];
    char children[64] = "";
    usleep(300000);
    snprintf(path, sizeof path, "/proc/%d/task/%d/children", getpid(), getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = read(fd, children, sizeof children - 1);
    _exit(write(tell, children, len > 0 ? (size_t)len : 0) > 0 ? 0 : 1);
}

// A process that init has not reaped yet has no executable.
static bool is_gone(long pid)
{
    char path[64];
    char target[256];
    snprintf(path, sizeof path, "/proc/%ld/exe", pid);
    return readlink(path, target, sizeof target) < 0;
}

static void when_the_vault_dies_its_hosts_do_too(void **state)
{
    struct world *w = *state;
    int pipe_ends[2];
    assert_int_equal(0, pipe2(pipe_ends, O_CLOEXEC));
    pid_t vault = fork();
    if (vault == 0) {
        die_with_a_running_host(w, pipe_ends[1]);
    }
    char text[64] = "";
    assert_true(read(pipe_ends[0], text, sizeof text - 1) > 0);
    assert_int_equal(vault, waitpid(vault, NULL, 0));
    long launcher = strtol(text, NULL, 10);
    assert_true(launcher > 1);
    bool gone = false;
    for (int i = 0; i < 500 && !gone; i++) {
        gone = is_gone(launcher); // it ends only after the last of its hosts
        usleep(10000);
    }
    assert_true(gone);
    close(pipe_ends[0]);
    close(pipe_ends[1]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, world_setup, world_teardown)

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        TEST(a_stranger_has_no_environment_and_no_descriptors),
        TEST(a_stranger_leaves_no_core),
        TEST(a_stranger_runs_as_somebody_else),
        TEST(a_stranger_reaches_neither_files_nor_sockets),
        TEST(without_root_a_stranger_is_walled_off_or_refused),
        TEST(a_read_only_dev_keeps_no_rotator_from_running),
        TEST(what_a_rotator_starts_dies_with_it),
        TEST(when_the_vault_dies_its_hosts_do_too),
    };
    if (is_host_call(argc, argv)) {
        return run_host(argc, argv);
    }
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
