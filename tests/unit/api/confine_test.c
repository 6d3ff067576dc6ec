// SPDX-License-Identifier: ISC
#include "api/confine.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/test.h"

enum { NOT_CONFINED = 77, SECCOMP_FILTERED = 2 };

// What `attempt` answers in a confined child becomes its exit code; a signal counts as its
// negative.
static int run_confined(int (*attempt)(void))
{
    pid_t pid = fork();
    if (pid == 0) {
        _exit(status_ok(confine_process()) ? attempt() : NOT_CONFINED);
    }
    int status = 0;
    assert_int_equal(pid, waitpid(pid, &status, 0));
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static void expect_outcome(int expected, int (*attempt)(void))
{
    if (!confine_is_built_in()) {
        skip();
    }
    assert_int_equal(expected, run_confined(attempt));
}

static int execute(void)
{
    char name[] = "true";
    char *const argv[] = {name, NULL};
    execv("/bin/true", argv);
    return 1;
}

static int trace(void)
{
    return ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0 ? 1 : 2;
}

static void taking_over_the_process_kills_it(void **state)
{
    (void)state;
    expect_outcome(-SIGSYS, execute);
    expect_outcome(-SIGSYS, trace);
}

static int make_process(void)
{
    return fork() < 0 && errno == ENOSYS ? 0 : 1;
}

static void no_process_can_be_forked(void **state)
{
    (void)state;
    expect_outcome(0, make_process);
}

static int make_code(void)
{
    const size_t size = 4096;
    void *fresh =
        mmap(NULL, size, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    void *data = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    return fresh == MAP_FAILED && data != MAP_FAILED &&
                   mprotect(data, size, PROT_READ | PROT_EXEC) != 0
               ? 0
               : 1;
}

static void written_memory_cannot_become_code(void **state)
{
    (void)state;
    expect_outcome(0, make_code);
}

static int open_sockets(void)
{
    return socket(AF_INET, SOCK_STREAM, 0) >= 0 && socket(AF_UNIX, SOCK_STREAM, 0) >= 0 &&
                   socket(AF_PACKET, SOCK_RAW, 0) < 0 && socket(AF_VSOCK, SOCK_STREAM, 0) < 0
               ? 0
               : 1;
}

static void only_the_sockets_of_a_server_can_be_made(void **state)
{
    (void)state;
    expect_outcome(0, open_sockets);
}

static void *do_nothing(void *arg)
{
    return arg;
}

static int work(void)
{
    pthread_t thread;
    void *memory = malloc(1 << 20);
    bool started =
        pthread_create(&thread, NULL, do_nothing, NULL) == 0 && pthread_join(thread, NULL) == 0;
    int file = open("/etc/hostname", O_RDONLY | O_CLOEXEC);
    free(memory);
    return memory != NULL && started && file >= 0 ? 0 : 1;
}

static void threads_memory_and_files_go_on(void **state)
{
    (void)state;
    expect_outcome(0, work);
}

static pthread_barrier_t confined;

static void *wait_and_look(void *arg)
{
    int *mode = arg;
    pthread_barrier_wait(&confined);
    *mode = prctl(PR_GET_SECCOMP);
    return NULL;
}

static int confine_with_thread(void)
{
    pthread_t thread;
    int mode = -1;
    pthread_barrier_init(&confined, NULL, 2);
    if (pthread_create(&thread, NULL, wait_and_look, &mode) != 0 || !status_ok(confine_process())) {
        return -1;
    }
    pthread_barrier_wait(&confined);
    pthread_join(thread, NULL);
    return mode;
}

static void threads_that_run_already_are_confined_too(void **state)
{
    (void)state;
    if (!confine_is_built_in()) {
        skip();
    }
    pid_t pid = fork();
    if (pid == 0) {
        _exit(confine_with_thread());
    }
    int status = 0;
    assert_int_equal(pid, waitpid(pid, &status, 0));
    assert_true(WIFEXITED(status));
    assert_int_equal(SECCOMP_FILTERED, WEXITSTATUS(status));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(taking_over_the_process_kills_it),
        cmocka_unit_test(no_process_can_be_forked),
        cmocka_unit_test(written_memory_cannot_become_code),
        cmocka_unit_test(only_the_sockets_of_a_server_can_be_made),
        cmocka_unit_test(threads_memory_and_files_go_on),
        cmocka_unit_test(threads_that_run_already_are_confined_too),
    };
    return RUN_TESTS(tests);
}
