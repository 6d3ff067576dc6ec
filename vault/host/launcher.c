// SPDX-License-Identifier: ISC
#include "vault/host/launcher.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "vault/host/launcher_internal.h"

struct launcher {
    int socket;
    pid_t pid;
};

static struct status choose_user(const char *name, struct launcher_setup *setup)
{
    if (geteuid() != 0) {
        return OK_STATUS;
    }
    const struct passwd *user = getpwnam(name == NULL ? "nobody" : name);
    if (user == NULL || user->pw_uid == 0) {
        FAIL(INVALID, "the user for rotators doesn't exist, or is root");
    }
    setup->switch_user = true;
    setup->uid = user->pw_uid;
    setup->gid = user->pw_gid;
    return OK_STATUS;
}

// The child: everything of the vault's is closed, signals of the terminal don't reach it.
static _Noreturn void become_launcher(int socket, const struct launcher_setup *setup)
{
    int moved_socket = fcntl(socket, F_DUPFD, LAUNCHER_PROGRAM_FILE + 1);
    int moved_program = fcntl(setup->program, F_DUPFD, LAUNCHER_PROGRAM_FILE + 1);
    if (setsid() < 0 || moved_socket < 0 || moved_program < 0 ||
        dup2(moved_socket, LAUNCHER_SOCKET) < 0 || dup2(moved_program, LAUNCHER_PROGRAM_FILE) < 0 ||
        close_range(LAUNCHER_PROGRAM_FILE + 1, ~0U, 0) != 0) {
        _exit(1);
    }
    char rotunda[] = "rotunda";
    char launcher[] = "rotator-launcher";
    char uid[24];
    char gid[24];
    snprintf(uid, sizeof uid, "%lld", setup->switch_user ? (long long)setup->uid : -1LL);
    snprintf(gid, sizeof gid, "%lld", setup->switch_user ? (long long)setup->gid : -1LL);
    char unlocked[] = "-allow-unlocked-memory";
    char *const arguments[] = {rotunda, launcher, uid, gid, setup->allow_unlocked ? unlocked : NULL,
                               NULL};
    char *const environment[] = {NULL};
    execveat(LAUNCHER_PROGRAM_FILE, "", arguments, environment, AT_EMPTY_PATH);
    _exit(1);
}

static struct status fork_launcher(struct launcher_setup *setup, struct launcher *l)
{
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) {
        FAIL(UNAVAILABLE, "no socket for the launcher");
    }
    l->pid = fork();
    if (l->pid == 0) {
        become_launcher(ends[1], setup);
    }
    close(ends[1]);
    if (l->pid < 0) {
        close(ends[0]);
        FAIL(UNAVAILABLE, "the launcher can't be forked");
    }
    l->socket = ends[0];
    return OK_STATUS;
}

struct status launcher_start(const struct launcher_options *options, struct launcher **out)
{
    struct launcher_setup setup = {.allow_unlocked = options->allow_unlocked};
    TRY(choose_user(options->user, &setup));
    const char *program = options->program == NULL ? "/proc/self/exe" : options->program;
    setup.program = open(program, O_PATH | O_CLOEXEC);
    if (setup.program < 0) {
        FAIL(INVALID, "the program that hosts rotators can't be opened");
    }
    struct launcher *l = calloc(1, sizeof *l);
    if (l == NULL) {
        close(setup.program);
        FAIL(NOMEM, "out of memory");
    }
    struct status started = fork_launcher(&setup, l);
    close(setup.program);
    if (!status_ok(started)) {
        free(l);
        return started;
    }
    *out = l;
    return OK_STATUS;
}

void launcher_free(struct launcher *l)
{
    if (l == NULL) {
        return;
    }
    close(l->socket);
    while (waitpid(l->pid, NULL, 0) < 0 && errno == EINTR) {
    }
    free(l);
}

static struct status send_job(const struct launcher *l, const struct launcher_job *job,
                              const int fds[2])
{
    union {
        char octets[CMSG_SPACE(2 * sizeof(int))];
        struct cmsghdr align;
    } ancillary = {0};
    // sendmsg() doesn't write to what iov_base points at.
    struct launcher_job copy = *job;
    struct iovec body = {.iov_base = &copy, .iov_len = sizeof copy};
    struct msghdr message = {
        .msg_iov = &body,
        .msg_iovlen = 1,
        .msg_control = ancillary.octets,
        .msg_controllen = sizeof ancillary.octets,
    };
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    header->cmsg_level = SOL_SOCKET;
    header->cmsg_type = SCM_RIGHTS;
    header->cmsg_len = CMSG_LEN(2 * sizeof(int));
    memcpy(CMSG_DATA(header), fds, 2 * sizeof(int));
    if (sendmsg(l->socket, &message, MSG_NOSIGNAL | MSG_DONTWAIT) == (ssize_t)sizeof copy) {
        return OK_STATUS;
    }
    if (errno == EAGAIN || errno == ENOBUFS) {
        FAIL(LIMIT, "the launcher is busy");
    }
    FAIL(UNAVAILABLE, "the launcher is gone: restart the server");
}

static void set_nonblocking(int fd)
{
    int flags = fcntl(fd, F_GETFL);
    REQUIRE(flags >= 0 && fcntl(fd, F_SETFL, flags | O_NONBLOCK) == 0);
}

struct status launcher_send(struct launcher *l, const struct launcher_job *job, int *channel,
                            int *control)
{
    int channels[2];
    int controls[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, channels) != 0) {
        FAIL(UNAVAILABLE, "no socket for a rotator");
    }
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, controls) != 0) {
        close(channels[0]);
        close(channels[1]);
        FAIL(UNAVAILABLE, "no socket for a rotator");
    }
    struct status sent = send_job(l, job, (const int[2]){channels[1], controls[1]});
    close(channels[1]);
    close(controls[1]);
    if (!status_ok(sent)) {
        close(channels[0]);
        close(controls[0]);
        return sent;
    }
    set_nonblocking(channels[0]);
    set_nonblocking(controls[0]);
    *channel = channels[0];
    *control = controls[0];
    return OK_STATUS;
}
