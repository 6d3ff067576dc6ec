// SPDX-License-Identifier: ISC
// From fork to exec, or to the host of one of our own rotators.
#include "vault/host/launcher_internal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

enum { EXIT_REFUSED = 125 };

static void report(int control, struct launcher_report r)
{
    // Nobody is left to tell when even that fails.
    ssize_t sent = send(control, &r, sizeof r, MSG_NOSIGNAL | MSG_DONTWAIT);
    (void)sent;
}

static _Noreturn void refuse(int control, int error, int isolation)
{
    report(control, (struct launcher_report){
                        .event = LAUNCHER_REFUSED, .error = error, .isolation = isolation});
    _exit(EXIT_REFUSED);
}

// The channel as standard input and output, everything else closed on exec; errors of libraries
// have nowhere to go on purpose.
static bool arrange_descriptors(int channel)
{
    int nowhere = open("/dev/null", O_RDWR | O_CLOEXEC);
    return nowhere >= 0 && dup2(channel, STDIN_FILENO) >= 0 && dup2(channel, STDOUT_FILENO) >= 0 &&
           dup2(nowhere, STDERR_FILENO) >= 0 &&
           close_range(STDERR_FILENO + 1, ~0U, CLOSE_RANGE_CLOEXEC) == 0;
}

static void reset_signals(void)
{
    sigset_t none;
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    for (int number = 1; number < NSIG; number++) {
        signal(number, SIG_DFL); // refused for SIGKILL and SIGSTOP, which are so anyway
    }
}

// What will be executed, and the list of paths with the job's own file in it.
static int open_program(const struct launcher_setup *setup, struct launcher_job *job)
{
    if (job->form == LAUNCHER_LINKED) {
        return setup->program;
    }
    struct sandbox_path *own = &job->paths[job->path_count++];
    snprintf(own->path, sizeof own->path, "%s", job->name);
    own->writable = false;
    if (job->form == LAUNCHER_MODULE) {
        return setup->program;
    }
    return open(job->name, O_PATH | O_CLOEXEC);
}

// One of our rotators is in this process already. Nothing but the channel stays open.
static _Noreturn void become_host(const struct launcher_setup *setup,
                                  const struct launcher_job *job, int control, int isolation)
{
    report(control, (struct launcher_report){.event = LAUNCHER_STARTED, .isolation = isolation});
    if (close_range(STDERR_FILENO + 1, ~0U, 0) != 0) {
        _exit(EXIT_REFUSED);
    }
    prctl(PR_SET_NAME, "rotator-host");
    exit(setup->host(job->name, setup->allow_unlocked));
}

static _Noreturn void execute(const struct launcher_setup *setup, struct launcher_job *job,
                              int program, int control, int isolation)
{
    char host[] = "rotator-host";
    char unlocked[] = "-allow-unlocked-memory";
    char rotunda[] = "rotunda";
    char *const own[] = {rotunda, host, job->name, setup->allow_unlocked ? unlocked : NULL, NULL};
    char *const stranger[] = {job->name, NULL};
    char *const environment[] = {NULL};
    // Before exec closes it; what fails then is reported as REFUSED all the same.
    report(control, (struct launcher_report){.event = LAUNCHER_STARTED, .isolation = isolation});
    if (job->form == LAUNCHER_PROGRAM) {
        execve(job->name, stranger, environment); // by path: scripts can't be run by descriptor
    } else {
        execveat(program, "", own, environment, AT_EMPTY_PATH);
    }
    refuse(control, errno, isolation);
}

_Noreturn void launcher_exec(const struct launcher_setup *setup, const struct launcher_job *job,
                             int channel, int control)
{
    struct launcher_job mine = *job;
    pid_t launcher = getppid();
    int program = open_program(setup, &mine);
    if (program < 0 || setsid() < 0 || !arrange_descriptors(channel)) {
        refuse(control, errno, 0);
    }
    reset_signals();
    // The vault may have forbidden it; without it nobody but root can map a user namespace. Nothing
    // here is secret, and the host forbids it again.
    prctl(PR_SET_DUMPABLE, 1);
    struct sandbox_options walls = {
        .switch_user = setup->switch_user,
        .uid = setup->uid,
        .gid = setup->gid,
        .program = program,
        .paths = mine.paths,
        .path_count = mine.path_count,
    };
    int isolation = sandbox_enter(&walls);
    if (isolation < 0) {
        refuse(control, errno, 0);
    }
    bool stranger = mine.form != LAUNCHER_LINKED && !mine.strangers_anywhere;
    if (stranger && !sandbox_holds_strangers(isolation)) {
        refuse(control, EPERM, isolation);
    }
    // After the change of user, which forgets it; the launcher may have died before.
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != launcher) {
        _exit(EXIT_REFUSED);
    }
    if (mine.form == LAUNCHER_LINKED) {
        become_host(setup, &mine, control, isolation);
    }
    execute(setup, &mine, program, control, isolation);
}
