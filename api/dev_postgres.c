// SPDX-License-Identifier: ISC
#include "api/dev_postgres.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "api/dev_programs.h"
#include "api/process.h"

enum {
    POLL_MS = 20,
    LOCK_POLLS = 500,   // ten seconds
    START_POLLS = 3000, // a minute, recovery after a crash included
    STOP_MS = 60000,    // an orderly stop; then without
    PID_FILE_BYTES = 1024,
};

static const char ready = 'R';

struct keeper {
    const struct dev_folder *folder;
    int owner; // end of file: the vault has gone
    char bin[DEV_PROGRAM_BYTES];
    char data[DEV_PATH_BYTES + 16];
    pid_t child; // 0 when none is to be reaped
};

enum wake { WAKE_CHILD_ENDED, WAKE_OWNER_GONE, WAKE_TIMEOUT };

static void complain(const struct keeper *k, const char *what)
{
    fprintf(stderr, "rotunda dev: %s\n    folder: %s\n    log:    %s/log\n", what, k->folder->path,
            k->folder->postgres);
}

// What comes first. An owner of -1 isn't waited for.
static enum wake wait_child(const struct keeper *k, int owner, int timeout_ms)
{
    int process = (int)syscall(SYS_pidfd_open, k->child, 0);
    if (process < 0) {
        return WAKE_CHILD_ENDED;
    }
    struct pollfd waited[] = {{.fd = process, .events = POLLIN}, {.fd = owner, .events = POLLIN}};
    int count;
    do {
        count = poll(waited, 2, timeout_ms);
    } while (count < 0 && errno == EINTR);
    close(process);
    if (waited[0].revents != 0) {
        return WAKE_CHILD_ENDED;
    }
    return count > 0 ? WAKE_OWNER_GONE : WAKE_TIMEOUT;
}

static int reap(struct keeper *k)
{
    int status = 0;
    while (waitpid(k->child, &status, 0) < 0 && errno == EINTR) {
    }
    k->child = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

static void explain_end(const struct keeper *k, int code)
{
    if (code == DEV_EXIT_UNREACHABLE) {
        complain(k, "PostgreSQL's user can't reach its folder: choose another one with -dir");
    } else {
        complain(k, "PostgreSQL could not be started; its log says why");
    }
}

// Into a folder that gets its name when it is complete.
static bool make_data(struct keeper *k)
{
    char program[DEV_PROGRAM_BYTES + 16];
    char moving[DEV_PATH_BYTES + 16];
    snprintf(program, sizeof program, "%s/initdb", k->bin);
    snprintf(moving, sizeof moving, "%s/data.new", k->folder->postgres);
    dev_folder_remove(moving);
    const char *const argv[] = {
        program, "-D",         moving, "-U",    "rotunda",           "-E",
        "UTF8",  "--locale=C", "-A",   "trust", "--no-instructions", "--no-sync",
        NULL};
    k->child = dev_programs_start(k->folder, argv);
    if (k->child < 0) {
        return false;
    }
    if (wait_child(k, k->owner, -1) == WAKE_OWNER_GONE) {
        kill(k->child, SIGTERM);
        reap(k);
        return false;
    }
    int code = reap(k);
    if (code != 0 || rename(moving, k->data) != 0) {
        explain_end(k, code);
        return false;
    }
    return true;
}

static bool start_server(struct keeper *k)
{
    char program[DEV_PROGRAM_BYTES + 16];
    char sockets[DEV_PATH_BYTES + 32];
    snprintf(program, sizeof program, "%s/postgres", k->bin);
    snprintf(sockets, sizeof sockets, "unix_socket_directories=%s", k->folder->postgres);
    const char *const argv[] = {program,
                                "-D",
                                k->data,
                                "-c",
                                "listen_addresses=",
                                "-c",
                                sockets,
                                "-c",
                                "unix_socket_permissions=0700",
                                NULL};
    k->child = dev_programs_start(k->folder, argv);
    return k->child > 0;
}

// The server writes its state into postmaster.pid, as pg_ctl knows; one that a crash left behind
// names another process.
static bool takes_connections(const struct keeper *k)
{
    char path[sizeof k->data + 32];
    char text[PID_FILE_BYTES];
    snprintf(path, sizeof path, "%s/postmaster.pid", k->data);
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    ssize_t len = read(fd, text, sizeof text - 1);
    close(fd);
    if (len <= 0) {
        return false;
    }
    text[len] = '\0';
    struct str pid;
    struct str rest;
    int64_t number;
    return str_split(str_from_c(text), '\n', &pid, &rest) &&
           status_ok(str_parse_int(pid, &number)) && number == k->child &&
           strstr(text, "\nready") != NULL;
}

static bool wait_ready(struct keeper *k)
{
    for (int i = 0; i < START_POLLS; i++) {
        enum wake woken = wait_child(k, k->owner, POLL_MS);
        if (woken == WAKE_CHILD_ENDED) {
            explain_end(k, reap(k));
            return false;
        }
        if (woken == WAKE_OWNER_GONE) {
            return false;
        }
        if (takes_connections(k)) {
            return true;
        }
    }
    complain(k, "PostgreSQL did not get ready within a minute");
    return false;
}

// Fast shutdown first; then the immediate one, which the next start recovers from.
static void stop_server(struct keeper *k)
{
    kill(k->child, SIGINT);
    if (wait_child(k, -1, STOP_MS) == WAKE_TIMEOUT) {
        kill(k->child, SIGQUIT);
    }
    reap(k);
}

// One keeper for a folder; its predecessor may still be stopping. The lock goes with the process.
static bool take_folder(const struct keeper *k)
{
    int folder = open(k->folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    for (int i = 0; folder >= 0 && i < LOCK_POLLS; i++) {
        if (flock(folder, LOCK_EX | LOCK_NB) == 0) {
            return true;
        }
        struct pollfd owner = {.fd = k->owner, .events = POLLIN};
        if (poll(&owner, 1, POLL_MS) != 0) {
            return false;
        }
    }
    complain(k, "another `rotunda dev` uses the folder");
    return false;
}

static void serve(struct keeper *k)
{
    if (!take_folder(k)) {
        return;
    }
    if (access(k->data, F_OK) != 0 && !make_data(k)) {
        return;
    }
    if (start_server(k) && wait_ready(k) && send(k->owner, &ready, 1, MSG_NOSIGNAL) == 1 &&
        wait_child(k, k->owner, -1) == WAKE_CHILD_ENDED) {
        reap(k);
        complain(k, "PostgreSQL has ended; without it every request is answered with 503");
    }
    if (k->child > 0) {
        stop_server(k);
    }
}

// Signals of the terminal stay blocked here: the owner decides.
static _Noreturn void keep(const struct dev_folder *f, int owner)
{
    struct keeper k = {.folder = f, .owner = owner, .child = 0};
    snprintf(k.data, sizeof k.data, "%s/data", f->postgres);
    setsid();
    prctl(PR_SET_NAME, "rotunda-keeper", 0, 0, 0);
    struct status found = dev_programs_find(k.bin);
    if (status_ok(found)) {
        serve(&k);
    } else {
        complain(&k, found.what);
    }
    if (f->temporary) {
        dev_folder_remove(f->path);
    }
    _exit(0);
}

static struct status wait_for_server(const struct dev_postgres *p)
{
    struct pollfd keeper = {.fd = p->keeper, .events = POLLIN};
    while (poll(&keeper, 1, POLL_MS) <= 0) {
        int signal = process_wait_signal(0);
        if (signal == SIGINT || signal == SIGTERM) {
            FAIL(TIMEOUT, "interrupted");
        }
    }
    char answer = 0;
    if (recv(p->keeper, &answer, 1, 0) != 1 || answer != ready) {
        FAIL(UNAVAILABLE, "there is no PostgreSQL to run on");
    }
    return OK_STATUS;
}

struct status dev_postgres_start(const struct dev_folder *f, struct dev_postgres *out)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) != 0) {
        FAIL(UNAVAILABLE, "no socket for PostgreSQL's keeper");
    }
    struct dev_postgres p = {.keeper = ends[0], .pid = fork()};
    if (p.pid == 0) {
        close(ends[0]);
        keep(f, ends[1]);
    }
    close(ends[1]);
    if (p.pid < 0) {
        close(ends[0]);
        FAIL(UNAVAILABLE, "PostgreSQL's keeper can't be forked");
    }
    struct status started = wait_for_server(&p);
    if (!status_ok(started)) {
        dev_postgres_stop(&p);
        return started;
    }
    *out = p;
    return OK_STATUS;
}

void dev_postgres_stop(struct dev_postgres *p)
{
    close(p->keeper);
    while (waitpid(p->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    *p = (struct dev_postgres){.keeper = -1};
}
