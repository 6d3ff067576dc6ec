// SPDX-License-Identifier: ISC
// Files that the configuration names, and what may be in them.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/base/config_keys.h"
#include "vault/base/limits.h"

enum { SECRET_FILE_BYTES = 16 * LIMIT_NAME_BYTES };

// Words of the file are quoted: they must not move a terminal's cursor or begin another line.
static void hide_control_characters(char *text)
{
    for (; *text != '\0'; text++) {
        unsigned char next = (unsigned char)text[1];
        if ((unsigned char)*text == 0xC2 && next >= 0x80 && next < 0xA0) { // U+0080 to U+009F
            text[1] = '?';
            *text = '?';
        }
        if ((unsigned char)*text < ' ' || *text == 0x7F) {
            *text = '?';
        }
    }
}

struct status config_explain(struct config_problem *why, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(why->text, sizeof why->text, format, args);
    va_end(args);
    hide_control_characters(why->text);
    FAIL(INVALID, "the configuration can't be used");
}

struct status config_explain_at(struct config_loader *l, const struct hcl_node *node,
                                const char *format, ...)
{
    char text[CONFIG_PROBLEM_BYTES];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    return config_explain(l->why, "%s:%u:%u: %s", l->name, node->line, node->column, text);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static bool judge(const struct stat *s, bool secret, char reason[CONFIG_REASON_BYTES])
{
    const char *complaint = NULL;
    if (!S_ISREG(s->st_mode)) {
        complaint = "it is not a regular file";
    } else if (secret && (s->st_mode & (S_IRWXO | S_IWGRP)) != 0) {
        snprintf(reason, CONFIG_REASON_BYTES,
                 "it is open to others (mode %04o): chmod 600, and replace what it holds if "
                 "somebody else may have read it",
                 (unsigned)(s->st_mode & 07777));
        return false;
    } else if (secret && s->st_uid != 0 && s->st_uid != geteuid()) {
        complaint = "it belongs to another user: chown it to the server's user or to root";
    }
    if (complaint != NULL) {
        snprintf(reason, CONFIG_REASON_BYTES, "%s", complaint);
    }
    return complaint == NULL;
}

bool config_file_usable(const char *path, bool secret, char reason[CONFIG_REASON_BYTES])
{
    struct stat s;
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &s) != 0) {
        snprintf(reason, CONFIG_REASON_BYTES, "it can't be read: %s", strerror(errno));
        return false;
    }
    return judge(&s, secret, reason);
}

// Who may write to a folder that isn't sticky may put another file in a file's place.
static bool is_guarded(const struct stat *s)
{
    bool open = (s->st_mode & (S_IWGRP | S_IWOTH)) != 0;
    bool sticky = S_ISDIR(s->st_mode) && (s->st_mode & S_ISVTX) != 0;
    return (s->st_uid == 0 || s->st_uid == geteuid()) && (!open || sticky);
}

// The file and every folder above it.
static bool is_path_guarded(const char *path, char reason[CONFIG_REASON_BYTES])
{
    char partial[CONFIG_PROGRAM_BYTES + 1];
    snprintf(partial, sizeof partial, "%s", path);
    for (;;) {
        struct stat s;
        const char *name = partial[0] == '\0' ? "/" : partial;
        if (stat(name, &s) != 0) {
            snprintf(reason, CONFIG_REASON_BYTES, "it can't be used: %s", strerror(errno));
            return false;
        }
        if (!is_guarded(&s)) {
            snprintf(reason, CONFIG_REASON_BYTES,
                     "%.120s can be changed by others: it must belong to root or the server's user "
                     "and be writable by the owner alone (chmod go-w)",
                     name);
            return false;
        }
        char *slash = strrchr(partial, '/');
        if (slash == NULL) {
            return true;
        }
        *slash = '\0';
    }
}

bool config_program_usable(const char *path, bool run, char reason[CONFIG_REASON_BYTES])
{
    struct stat s;
    char real[PATH_MAX];
    if (realpath(path, real) == NULL || stat(real, &s) != 0) {
        snprintf(reason, CONFIG_REASON_BYTES, "it can't be used: %s", strerror(errno));
        return false;
    }
    bool regular = S_ISREG(s.st_mode);
    bool executable = (s.st_mode & (S_IXUSR | S_IXGRP | S_IXOTH)) != 0;
    if (strlen(path) > CONFIG_PROGRAM_BYTES || strlen(real) > CONFIG_PROGRAM_BYTES) {
        snprintf(reason, CONFIG_REASON_BYTES, "its path is longer than %d bytes",
                 (int)CONFIG_PROGRAM_BYTES);
        return false;
    }
    if (!regular || (run && !executable)) {
        snprintf(reason, CONFIG_REASON_BYTES, "it is not %s",
                 regular ? "executable (chmod +x)" : "a regular file");
        return false;
    }
    return is_path_guarded(path, reason) && is_path_guarded(real, reason);
}

bool config_folder_usable(const char *path, char reason[CONFIG_REASON_BYTES])
{
    struct stat s;
    if (stat(path, &s) != 0) {
        snprintf(reason, CONFIG_REASON_BYTES, "it can't be used: %s", strerror(errno));
        return false;
    }
    if (!S_ISDIR(s.st_mode)) {
        snprintf(reason, CONFIG_REASON_BYTES, "it is not a folder");
        return false;
    }
    return true;
}

static struct status read_whole(int fd, struct secret *into, size_t *len)
{
    size_t count = 0;
    while (count < secret_len(into)) {
        ssize_t n = read(fd, secret_data(into) + count, secret_len(into) - count);
        if (n < 0 && errno != EINTR) {
            FAIL(INVALID, "the file can't be read");
        }
        if (n == 0) {
            break;
        }
        count += n > 0 ? (size_t)n : 0;
    }
    *len = count;
    return OK_STATUS;
}

// The descriptor that was judged is the one that is read: no name is looked up twice.
static struct status open_judged(struct str path, struct config_problem *why, int *out)
{
    char name[LIMIT_PATH_BYTES];
    char reason[CONFIG_REASON_BYTES] = "it can't be read";
    struct stat s;
    if (path.len >= sizeof name) {
        return config_explain(why, "the path of a secret file is too long");
    }
    snprintf(name, sizeof name, "%.*s", STR_ARG(path));
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0) {
        return config_explain(why, "%s: it can't be read: %s", name, strerror(errno));
    }
    if (fstat(fd, &s) != 0 || !judge(&s, true, reason)) {
        close(fd);
        return config_explain(why, "%s: %s", name, reason);
    }
    *out = fd;
    return OK_STATUS;
}

struct status config_read_secret_file(struct str path, struct config_problem *why,
                                      struct secret **out)
{
    CLEANUP(close_fd) int fd = -1;
    TRY(open_judged(path, why, &fd));
    CLEANUP(secret_cleanup) struct secret *contents = secret_new(SECRET_FILE_BYTES + 1);
    if (contents == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    size_t len = 0;
    if (!status_ok(read_whole(fd, contents, &len))) {
        return config_explain(why, "%.*s: it can't be read", STR_ARG(path));
    }
    if (len == 0 || len > SECRET_FILE_BYTES) {
        return config_explain(why, "%.*s: it is empty or longer than %d bytes", STR_ARG(path),
                              (int)SECRET_FILE_BYTES);
    }
    secret_truncate(contents, len);
    *out = TAKE(contents);
    return OK_STATUS;
}
