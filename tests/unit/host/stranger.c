// SPDX-License-Identifier: ISC
// A rotator of others: says in the name of its hello what it can reach. Its own path tells it where
// to look: <path>.secret is a file, <path>.socket a listening unix socket.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

extern char **environ;

enum { LINE_BYTES = 65536, DESCRIPTORS = 256 };

static int count_environment(void)
{
    int count = 0;
    while (environ[count] != NULL) {
        count++;
    }
    return count;
}

// Other than standard input, output and error.
static int count_descriptors(void)
{
    int count = 0;
    for (int fd = 3; fd < DESCRIPTORS; fd++) {
        count += fcntl(fd, F_GETFD) != -1;
    }
    return count;
}

static unsigned long long core_limit(void)
{
    struct rlimit limit = {99, 99};
    getrlimit(RLIMIT_CORE, &limit);
    return (unsigned long long)limit.rlim_max;
}

static int can_read(const char *self)
{
    char path[512];
    snprintf(path, sizeof path, "%s.secret", self);
    int fd = open(path, O_RDONLY);
    return fd >= 0;
}

static int can_connect(const char *self)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    snprintf(address.sun_path, sizeof address.sun_path, "%.90s.socket", self);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    return connect(fd, (const struct sockaddr *)&address, sizeof address) == 0;
}

// A process that leaves session and group and would outlive its parent.
static void leave_a_child(void)
{
    if (fork() == 0) {
        setsid();
        if (fork() == 0) {
            sleep(600);
        }
        _exit(0);
    }
}

int main(int argc, char **argv)
{
    static char line[LINE_BYTES];
    (void)argc;
    if (strstr(argv[0], "daemon") != NULL) {
        leave_a_child();
    }
    if (fgets(line, sizeof line, stdin) == NULL) {
        return 1;
    }
    int descriptors = count_descriptors();
    printf("{\"id\":0,\"result\":\"done\",\"error_class\":\"none\",\"abi\":1,"
           "\"name\":\"environment %d descriptors %d core %llu uid %u secret %d socket %d\","
           "\"kind\":\"K1\","
           "\"overlap\":false,\"max_slots\":1,\"idempotent\":[],\"ops\":[\"probe\"]}\n",
           count_environment(), descriptors, core_limit(), (unsigned)getuid(), can_read(argv[0]),
           can_connect(argv[0]));
    fflush(stdout);
    return fgets(line, sizeof line, stdin) == NULL ? 0 : 1;
}
