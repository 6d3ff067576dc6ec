// SPDX-License-Identifier: ISC
#include "api/dev_programs.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

static const char debian_root[] = "/usr/lib/postgresql";

enum { OLDEST_VERSION = 15 };

static bool has_programs(const char *bin)
{
    char path[DEV_PROGRAM_BYTES + 16];
    snprintf(path, sizeof path, "%s/postgres", bin);
    bool server = access(path, X_OK) == 0;
    snprintf(path, sizeof path, "%s/initdb", bin);
    return server && access(path, X_OK) == 0;
}

static bool find_debian(char out[DEV_PROGRAM_BYTES])
{
    DIR *versions = opendir(debian_root);
    int64_t newest = OLDEST_VERSION - 1;
    const struct dirent *entry;
    while (versions != NULL && (entry = readdir(versions)) != NULL) {
        char bin[DEV_PROGRAM_BYTES];
        int64_t version;
        int length = snprintf(bin, sizeof bin, "%s/%s/bin", debian_root, entry->d_name);
        if (length < (int)sizeof bin &&
            status_ok(str_parse_int(str_from_c(entry->d_name), &version)) && version > newest &&
            has_programs(bin)) {
            newest = version;
            memcpy(out, bin, sizeof bin);
        }
    }
    if (versions != NULL) {
        closedir(versions);
    }
    return newest >= OLDEST_VERSION;
}

static bool find_on_path(char out[DEV_PROGRAM_BYTES])
{
    struct str rest = str_from_c(getenv("PATH"));
    bool more = rest.len > 0;
    while (more) {
        struct str folder;
        more = str_split(rest, ':', &folder, &rest);
        if (folder.len > 0 && folder.ptr[0] == '/' && folder.len < DEV_PROGRAM_BYTES) {
            snprintf(out, DEV_PROGRAM_BYTES, "%.*s", STR_ARG(folder));
            if (has_programs(out)) {
                return true;
            }
        }
    }
    return false;
}

struct status dev_programs_find(char out[DEV_PROGRAM_BYTES])
{
    char found[DEV_PROGRAM_BYTES];
    if (!find_debian(found) && !find_on_path(found)) {
        FAIL(UNAVAILABLE, "PostgreSQL 15 or newer isn't installed: sh docker/install-packages.sh");
    }
    memcpy(out, found, sizeof found);
    return OK_STATUS;
}

static bool become_user(const struct dev_folder *f)
{
    return !f->switch_user || (setgroups(0, NULL) == 0 && setresgid(f->gid, f->gid, f->gid) == 0 &&
                               setresuid(f->uid, f->uid, f->uid) == 0);
}

static bool redirect_output(void)
{
    int nothing = open("/dev/null", O_RDONLY | O_CLOEXEC);
    int log = open("log", O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC, 0600);
    return nothing >= 0 && log >= 0 && dup2(nothing, STDIN_FILENO) >= 0 &&
           dup2(log, STDOUT_FILENO) >= 0 && dup2(log, STDERR_FILENO) >= 0 &&
           close_range(STDERR_FILENO + 1, ~0U, 0) == 0;
}

// execve() wants what it doesn't change as if it did.
static void list_arguments(const char *const argv[], char *out[DEV_ARGUMENTS_MAX])
{
    size_t count = 0;
    while (count < DEV_ARGUMENTS_MAX - 1 && argv[count] != NULL) {
        count++;
    }
    memcpy(out, argv, count * sizeof *out);
    out[count] = NULL;
}

static _Noreturn void become_program(const struct dev_folder *f, const char *const argv[],
                                     pid_t parent)
{
    char path[] = "PATH=/usr/bin:/bin";
    char locale[] = "LC_ALL=C";
    char *const environment[] = {path, locale, NULL};
    sigset_t none;
    sigemptyset(&none);
    if (!become_user(f) || chdir(f->postgres) != 0 || !redirect_output()) {
        _exit(DEV_EXIT_UNREACHABLE);
    }
    // After the change of user, which forgets it; the parent may have died before.
    if (prctl(PR_SET_PDEATHSIG, SIGINT) != 0 || getppid() != parent ||
        sigprocmask(SIG_SETMASK, &none, NULL) != 0) {
        _exit(DEV_EXIT_NOT_RUN);
    }
    char *arguments[DEV_ARGUMENTS_MAX];
    list_arguments(argv, arguments);
    execve(argv[0], arguments, environment);
    _exit(DEV_EXIT_NOT_RUN);
}

pid_t dev_programs_start(const struct dev_folder *f, const char *const argv[])
{
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid == 0) {
        become_program(f, argv, parent);
    }
    return pid;
}
