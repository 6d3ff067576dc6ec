// SPDX-License-Identifier: ISC
#include "api/process.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "api/heap.h"
#include "vault/base/bytes.h"
#include "vault/base/clock.h"

// A limit of 1 octet is none as well, and unlike 0 it holds where cores go to a program (core(5)):
// for programs of others that the launcher starts, which are dumpable again.
static bool forbid_cores(void)
{
    struct rlimit cores;
    if (getrlimit(RLIMIT_CORE, &cores) != 0) {
        return false;
    }
    rlim_t most = cores.rlim_max < 1 ? cores.rlim_max : 1;
    return setrlimit(RLIMIT_CORE, &(struct rlimit){most, most}) == 0;
}

struct status process_harden(void)
{
    if (!forbid_cores() || prctl(PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) {
        FAIL(UNAVAILABLE, "core dumps can't be switched off");
    }
    umask(077);
    signal(SIGPIPE, SIG_IGN);
    heap_tune();
    struct rlimit files;
    if (getrlimit(RLIMIT_NOFILE, &files) == 0) {
        files.rlim_cur = files.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &files); // fewer connections then, and accept() says so
    }
    return OK_STATUS;
}

static sigset_t waited_signals(void)
{
    sigset_t set;
    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    sigaddset(&set, SIGHUP);
    return set;
}

void process_block_signals(void)
{
    sigset_t set = waited_signals();
    pthread_sigmask(SIG_BLOCK, &set, NULL);
}

int process_wait_signal(int64_t timeout_us)
{
    sigset_t set = waited_signals();
    const struct timespec timeout = {.tv_sec = timeout_us / CLOCK_SECOND,
                                     .tv_nsec = timeout_us % CLOCK_SECOND * 1000};
    int got = sigtimedwait(&set, NULL, &timeout);
    return got < 0 ? 0 : got;
}

void process_notify(const char *state)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (path == NULL || strlen(path) >= sizeof address.sun_path) {
        return;
    }
    memcpy(address.sun_path, path, strlen(path));
    if (path[0] == '@') {
        address.sun_path[0] = '\0'; // abstract
    }
    int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return;
    }
    socklen_t len = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + strlen(path));
    // Nobody to tell when the manager can't be told.
    ssize_t sent = sendto(fd, state, strlen(state), MSG_NOSIGNAL,
                          (const struct sockaddr *)(const void *)&address, len);
    (void)sent;
    close(fd);
}

int64_t process_watchdog_us(void)
{
    enum { SHORTEST_US = 1000 };
    const char *text = getenv("WATCHDOG_USEC");
    int64_t interval_us;
    if (text == NULL || !status_ok(str_parse_int(str_from_c(text), &interval_us)) ||
        interval_us < SHORTEST_US) {
        return CLOCK_NEVER;
    }
    return interval_us;
}
