// SPDX-License-Identifier: ISC
#include "api/cli/token_file.h"

#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "api/cli/settings.h"
#include "api/cli/terminal.h"

enum { TOKEN_MAX_BYTES = 8192 };

struct status cli_token_file_path(struct arena *a, struct cli_problem *why, struct str *path)
{
    struct str chosen = cli_environment("TOKEN_FILE");
    if (chosen.len > 0) {
        return arena_copy_str(a, chosen, path);
    }
    const char *home = getenv("HOME");
    if (home == NULL || home[0] == '\0') {
        const struct passwd *user = getpwuid(geteuid());
        home = user == NULL ? NULL : user->pw_dir;
    }
    if (home == NULL) {
        return cli_problem_local(why, "no home folder to keep a token in: set ROTUNDA_TOKEN_FILE");
    }
    return arena_printf(a, path, "%s/.rotunda-token", home);
}

static struct status check_trust(int fd, const char *path, struct cli_problem *why)
{
    struct stat s;
    if (fstat(fd, &s) != 0 || !S_ISREG(s.st_mode)) {
        return cli_problem_local(why, "%s is not a regular file", path);
    }
    if (s.st_uid != geteuid()) {
        return cli_problem_local(why, "%s belongs to another user: run `rotunda login` again",
                                 path);
    }
    if ((s.st_mode & 077) != 0) {
        return cli_problem_local(why,
                                 "%s can be read by others (mode %04o): revoke that token, or run "
                                 "chmod 600 on the file if nobody else was there",
                                 path, (unsigned)(s.st_mode & 07777));
    }
    return OK_STATUS;
}

struct status cli_token_file_read(struct str path, struct cli_problem *why, struct secret **out)
{
    CLEANUP(cli_close) int fd = open(path.ptr, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0 && errno == ENOENT) {
        FAIL(NOT_FOUND, "no token file");
    }
    if (fd < 0) {
        return cli_problem_local(why, "can't open %s: %s", path.ptr,
                                 errno == ELOOP ? "it is a symbolic link" : strerror(errno));
    }
    TRY(check_trust(fd, path.ptr, why));
    CLEANUP(secret_cleanup) struct secret *token = NULL;
    TRY(cli_read_secret_line(fd, TOKEN_MAX_BYTES, why, &token));
    if (secret_len(token) == 0) {
        FAIL(NOT_FOUND, "the token file is empty");
    }
    *out = TAKE(token);
    return OK_STATUS;
}

static bool fill(int fd, struct bytes token, struct cli_problem *why)
{
    struct bytes newline = {(const uint8_t *)"\n", 1};
    return status_ok(cli_write_all(fd, token, why)) && status_ok(cli_write_all(fd, newline, why)) &&
           fsync(fd) == 0;
}

struct status cli_token_file_write(struct arena *a, struct str path, struct bytes token,
                                   struct cli_problem *why)
{
    struct str fresh;
    TRY(arena_printf(a, &fresh, "%.*s.%ld", STR_ARG(path), (long)getpid()));
    CLEANUP(cli_close)
    int fd = open(fresh.ptr, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
    if (fd < 0) {
        return cli_problem_local(why, "can't create %s: %s", fresh.ptr, strerror(errno));
    }
    // rename() replaces whatever stands there, a symbolic link included, without following it.
    if (fchmod(fd, 0600) != 0 || !fill(fd, token, why) || rename(fresh.ptr, path.ptr) != 0) {
        int reason = errno;
        unlink(fresh.ptr);
        return cli_problem_local(why, "can't write %.*s: %s", STR_ARG(path), strerror(reason));
    }
    return OK_STATUS;
}

struct status cli_token_file_remove(struct str path, struct cli_problem *why)
{
    if (unlink(path.ptr) != 0 && errno != ENOENT) {
        return cli_problem_local(why, "can't remove %s: %s", path.ptr, strerror(errno));
    }
    return OK_STATUS;
}

struct status cli_token_find(struct arena *a, struct cli_problem *why, struct secret **out)
{
    struct str given = cli_environment("TOKEN");
    if (given.len > 0) {
        return secret_copy(bytes_from_str(str_trim(given)), out);
    }
    struct str path;
    TRY(cli_token_file_path(a, why, &path));
    struct status found = cli_token_file_read(path, why, out);
    if (found.code == STATUS_NOT_FOUND) {
        return cli_problem_local(why, "no token: run `rotunda login`, or set ROTUNDA_TOKEN");
    }
    return found;
}
