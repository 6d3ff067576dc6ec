// SPDX-License-Identifier: ISC
#include "tests/unit/host/process_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <unistd.h>

#include "rotators/builtin.h"
#include "vault/host/host.h"
#include "vault/runtime/fiber.h"

#define ATTEMPT "0197a2b4-0000-7000-8000-000000000001"

int world_setup(void **state)
{
    struct world *w = test_calloc(1, sizeof *w);
    snprintf(w->folder, sizeof w->folder, "/tmp/rotunda-mock.XXXXXX");
    struct launcher_options options = {.allow_unlocked = true};
    w->arena = arena_new(8 * 1024 * 1024);
    *state = w;
    if (mkdtemp(w->folder) == NULL || chmod(w->folder, 0777) != 0 || w->arena == NULL) {
        return 1;
    }
    return !status_ok(launcher_start(&options, &w->launcher));
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    while ((entry = readdir(folder)) != NULL) {
        unlinkat(dirfd(folder), entry->d_name, 0);
    }
    closedir(folder);
    rmdir(path);
}

int world_teardown(void **state)
{
    struct world *w = *state;
    launcher_free(w->launcher);
    arena_free(w->arena);
    remove_folder(w->folder);
    test_free(w);
    return 0;
}

void world_copy_in(const struct world *w, const char *file, char *path, size_t size)
{
    snprintf(path, size, "%s/%s", w->folder, strrchr(file, '/') + 1);
    int from = open(file, O_RDONLY | O_CLOEXEC);
    int to = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    struct stat about;
    assert_int_equal(0, fstat(from, &about));
    for (off_t done = 0; done < about.st_size;) {
        assert_true(sendfile(to, from, &done, (size_t)(about.st_size - done)) > 0);
    }
    assert_int_equal(0, fchmod(to, 0644));
    close(from);
    close(to);
}

static struct rotunda_text text(const char *c)
{
    return protocol_text(str_from_c(c));
}

struct script script_mock(struct world *w, enum protocol_op op, const char *value,
                          const char *fault)
{
    struct script s = {
        .world = w,
        .options = {.name = STR("mock"), .deadline_us = clock_monotonic_us() + 20 * CLOCK_SECOND},
        .op = op,
        .settings = {{text("state_dir"), text(w->folder)}, {text("fault"), text(fault)}},
        .setting_count = 2,
        .value = value,
        .fence = 17,
    };
    return s;
}

static void play(struct script *s)
{
    CLEANUP(rotator_process_cleanup) struct rotator_process *p = NULL;
    struct rotunda_call call = {
        .attempt = text(ATTEMPT),
        .fence = s->fence,
        .target = {s->settings, s->setting_count, text("admin"), {NULL, 0}},
        .account = {.name = text("app")},
        .value = {.secret = protocol_bytes(bytes_from_str(str_from_c(s->value)))},
    };
    struct sandbox_path folder = {.writable = true};
    snprintf(folder.path, sizeof folder.path, "%s", s->world->folder);
    if (s->options.form == LAUNCHER_LINKED || s->options.form == LAUNCHER_MODULE) {
        s->options.paths = &folder;
        s->options.path_count = 1;
    }
    s->started = rotator_process_start(s->world->launcher, &s->options, &p);
    if (!status_ok(s->started)) {
        return;
    }
    s->isolation = rotator_process_isolation(p);
    snprintf(s->name, sizeof s->name, "%.*s", STR_ARG(rotator_process_hello(p)->name));
    if (!s->only_start) {
        s->answered = rotator_process_call(p, s->op, &call, s->world->arena, &s->reply);
    }
    s->ended = rotator_process_end(p, 5 * CLOCK_SECOND, &s->report);
}

static void run_and_stop(void *arg)
{
    play(arg);
    loop_stop(fiber_loop());
}

void script_run(struct script *s)
{
    struct loop *l = NULL;
    assert_ok(loop_new(&l));
    assert_ok(fiber_start(l, run_and_stop, s));
    loop_run(l);
    // The fiber ends in the loop's next round.
    while (fiber_count(l) > 0) {
        loop_stop(l);
        loop_run(l);
    }
    loop_free(l);
}

void script_done(struct script *s)
{
    protocol_reply_done(&s->reply);
}

static int count_children(long pid, long *first)
{
    char path[64];
    char text[4096] = "";
    int count = 0;
    snprintf(path, sizeof path, "/proc/%ld/task/%ld/children", pid, pid);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || read(fd, text, sizeof text - 1) < 0) {
        text[0] = '\0';
    }
    close(fd);
    char *rest = text;
    for (long child = strtol(rest, &rest, 10); child > 0; child = strtol(rest, &rest, 10)) {
        *first = count++ == 0 ? child : *first;
    }
    return count;
}

int count_hosts(void)
{
    long launcher = 0;
    long unused = 0;
    assert_int_equal(1, count_children(getpid(), &launcher));
    return count_children(launcher, &unused);
}

bool no_hosts_left(void)
{
    for (int i = 0; i < 500; i++) {
        if (count_hosts() == 0) {
            return true;
        }
        usleep(10000);
    }
    return false;
}

bool is_host_call(int argc, char **argv)
{
    return argc > 1 &&
           (strcmp(argv[1], "rotator-host") == 0 || strcmp(argv[1], "rotator-launcher") == 0);
}

static int serve_linked(const char *name, bool allow_unlocked)
{
    return rotator_host_serve(name, allow_unlocked, rotators_builtin());
}

int run_host(int argc, char **argv)
{
    if (strcmp(argv[1], "rotator-launcher") == 0) {
        return rotator_launcher_main(argc - 1, argv + 1, serve_linked);
    }
    return rotator_host_main(argc - 1, argv + 1, rotators_builtin());
}
