// SPDX-License-Identifier: ISC
// The launcher's own process: one thread, one poll().
#include "vault/host/launcher_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vault/base/clock.h"

enum { CHILDREN_BYTES = 4096 };

struct host {
    pid_t pid;
    int process; // pidfd
    int control;
    int64_t deadline_us; // CLOCK_NEVER once it was killed
    bool deadline_passed;
};

struct table {
    const struct launcher_setup *setup;
    int socket;
    struct host hosts[LAUNCHER_HOSTS_MAX];
    size_t count;
};

static void report(int control, struct launcher_report r)
{
    // An owner that has left doesn't want to know.
    ssize_t sent = send(control, &r, sizeof r, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
}

// The host leads a group and a session of its own; whoever left the group is found as a stray.
static void kill_host(struct host *h)
{
    kill(-h->pid, SIGKILL);
    syscall(SYS_pidfd_send_signal, h->process, SIGKILL, NULL, 0);
    h->deadline_us = CLOCK_NEVER;
}

static bool is_host(const struct table *t, pid_t pid)
{
    for (size_t i = 0; i < t->count; i++) {
        if (t->hosts[i].pid == pid) {
            return true;
        }
    }
    return false;
}

// The process ids of our children, separated by blanks; "" when the kernel doesn't tell.
static void read_children(char *out, size_t size)
{
    char path[64];
    snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t len = fd < 0 ? 0 : read(fd, out, size - 1);
    out[len > 0 ? len : 0] = '\0';
    if (fd >= 0) {
        close(fd);
    }
}

static bool reap_listed_strays(const struct table *t, const char *children)
{
    bool reaped = false;
    char *rest = NULL;
    for (long pid = strtol(children, &rest, 10); pid > 0; pid = strtol(rest, &rest, 10)) {
        if (!is_host(t, (pid_t)pid)) {
            kill((pid_t)pid, SIGKILL);
            reaped = waitpid((pid_t)pid, NULL, 0) == pid || reaped;
        }
    }
    return reaped;
}

// We are the subreaper of everything that hosts leave behind. Killing one stray may hand us its own
// children, so this repeats until none is left.
static void reap_strays(const struct table *t)
{
    char children[CHILDREN_BYTES];
    do {
        read_children(children, sizeof children);
    } while (reap_listed_strays(t, children));
}

static void forget(struct table *t, size_t index)
{
    close(t->hosts[index].process);
    close(t->hosts[index].control);
    t->hosts[index] = t->hosts[--t->count];
}

static void bury(struct table *t, size_t index)
{
    struct host *h = &t->hosts[index];
    siginfo_t end = {0};
    kill(-h->pid, SIGKILL); // its number isn't used again before waitid() below
    if (waitid(P_PID, (id_t)h->pid, &end, WEXITED) != 0) {
        end.si_code = CLD_KILLED;
    }
    bool exited = end.si_code == CLD_EXITED;
    report(h->control, (struct launcher_report){
                           .event = LAUNCHER_EXITED,
                           .exit_code = exited ? end.si_status : -1,
                           .signal = exited ? 0 : end.si_status,
                           .deadline_passed = h->deadline_passed,
                       });
    forget(t, index);
    reap_strays(t);
}

static void refuse(int channel, int control, int error)
{
    report(control, (struct launcher_report){.event = LAUNCHER_REFUSED, .error = error});
    close(channel);
    close(control);
}

static void start(struct table *t, const struct launcher_job *job, int channel, int control)
{
    if (t->count == LAUNCHER_HOSTS_MAX) {
        refuse(channel, control, EAGAIN);
        return;
    }
    pid_t pid = fork();
    if (pid == 0) {
        launcher_exec(t->setup, job, channel, control);
    }
    int process = pid < 0 ? -1 : (int)syscall(SYS_pidfd_open, pid, 0);
    if (process < 0) {
        int error = errno;
        if (pid > 0) {
            kill(pid, SIGKILL);
            waitpid(pid, NULL, 0);
        }
        refuse(channel, control, error);
        return;
    }
    fcntl(process, F_SETFD, FD_CLOEXEC);
    close(channel);
    t->hosts[t->count++] = (struct host){
        .pid = pid, .process = process, .control = control, .deadline_us = job->deadline_us};
}

// A job that isn't whole and terminated is a defect of ours, not input.
static bool is_whole(const struct launcher_job *job)
{
    bool whole =
        job->path_count < SANDBOX_PATHS_MAX && memchr(job->name, '\0', sizeof job->name) != NULL;
    for (size_t i = 0; whole && i < job->path_count; i++) {
        whole = memchr(job->paths[i].path, '\0', SANDBOX_PATH_BYTES) != NULL;
    }
    return whole && (job->form == LAUNCHER_LINKED) == (job->name[0] != '/');
}

// False when the vault is gone.
static bool receive(struct table *t)
{
    union {
        char octets[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } ancillary = {0};
    struct launcher_job job;
    struct iovec body = {.iov_base = &job, .iov_len = sizeof job};
    struct msghdr message = {
        .msg_iov = &body,
        .msg_iovlen = 1,
        .msg_control = ancillary.octets,
        .msg_controllen = sizeof ancillary.octets,
    };
    ssize_t len = recvmsg(t->socket, &message, MSG_CMSG_CLOEXEC);
    if (len < 0) {
        return errno == EINTR || errno == EAGAIN;
    }
    const struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (len == 0 || header == NULL || header->cmsg_len != CMSG_LEN(2 * sizeof(int))) {
        return false;
    }
    int fds[2];
    memcpy(fds, CMSG_DATA(header), sizeof fds);
    if (len == (ssize_t)sizeof job && is_whole(&job)) {
        start(t, &job, fds[0], fds[1]);
    } else {
        refuse(fds[0], fds[1], EINVAL);
    }
    return true;
}

static int until_next_deadline_ms(const struct table *t)
{
    int64_t nearest = CLOCK_NEVER;
    for (size_t i = 0; i < t->count; i++) {
        nearest = t->hosts[i].deadline_us < nearest ? t->hosts[i].deadline_us : nearest;
    }
    if (nearest == CLOCK_NEVER) {
        return -1;
    }
    int64_t left_ms = (nearest - clock_monotonic_us()) / 1000 + 1;
    if (left_ms <= 0) {
        return 0;
    }
    return left_ms > 60000 ? 60000 : (int)left_ms;
}

enum { POLLED_MAX = 1 + 2 * LAUNCHER_HOSTS_MAX };

static size_t list_polled(const struct table *t, struct pollfd polled[POLLED_MAX])
{
    polled[0] = (struct pollfd){.fd = t->socket, .events = POLLIN};
    for (size_t i = 0; i < t->count; i++) {
        polled[1 + 2 * i] = (struct pollfd){.fd = t->hosts[i].process, .events = POLLIN};
        // Only its end matters; ignored once the host was killed for it.
        bool killed = t->hosts[i].deadline_us == CLOCK_NEVER;
        polled[2 + 2 * i] =
            (struct pollfd){.fd = killed ? -1 : t->hosts[i].control, .events = POLLRDHUP};
    }
    return 1 + 2 * t->count;
}

// From the last to the first, since burying one moves the last into its place.
static void look_after(struct table *t, const struct pollfd polled[POLLED_MAX])
{
    int64_t now = clock_monotonic_us();
    for (size_t i = t->count; i-- > 0;) {
        struct host *h = &t->hosts[i];
        if (polled[1 + 2 * i].revents != 0) {
            bury(t, i);
        } else if (polled[2 + 2 * i].revents != 0) {
            kill_host(h);
        } else if (h->deadline_us <= now) {
            h->deadline_passed = true;
            kill_host(h);
        }
    }
}

static _Noreturn void end(struct table *t)
{
    for (size_t i = 0; i < t->count; i++) {
        kill_host(&t->hosts[i]);
    }
    while (t->count > 0) {
        bury(t, 0);
    }
    _exit(0);
}

int rotator_launcher_main(int argc, char **argv, launcher_host *host)
{
    // Exec has made it dumpable again.
    if (argc < 3 || prctl(PR_SET_DUMPABLE, 0) != 0 ||
        fcntl(LAUNCHER_SOCKET, F_SETFD, FD_CLOEXEC) != 0 ||
        fcntl(LAUNCHER_PROGRAM_FILE, F_SETFD, FD_CLOEXEC) != 0) {
        return 1; // not started by launcher_start()
    }
    long long uid = strtoll(argv[1], NULL, 10);
    long long gid = strtoll(argv[2], NULL, 10);
    const struct launcher_setup setup = {.program = LAUNCHER_PROGRAM_FILE,
                                         .host = host,
                                         .switch_user = uid >= 0,
                                         .uid = (uid_t)uid,
                                         .gid = (gid_t)gid,
                                         .allow_unlocked = argc > 3};
    launcher_main(LAUNCHER_SOCKET, &setup);
}

_Noreturn void launcher_main(int socket, const struct launcher_setup *setup)
{
    static struct table t;
    static struct pollfd polled[POLLED_MAX];
    t.setup = setup;
    t.socket = socket;
    if (prctl(PR_SET_CHILD_SUBREAPER, 1) != 0) {
        _exit(1);
    }
    signal(SIGCHLD, SIG_DFL);
    for (;;) {
        size_t count = list_polled(&t, polled);
        int ready = poll(polled, count, until_next_deadline_ms(&t));
        if (ready < 0 && errno != EINTR) {
            end(&t);
        }
        if (ready < 0) {
            continue;
        }
        look_after(&t, polled);
        if (polled[0].revents != 0 && !receive(&t)) {
            end(&t);
        }
    }
}
