// SPDX-License-Identifier: ISC
#include "vault/audit/sink_file.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/base/macros.h"

enum { FILE_MODE = 0600, EXECUTABLE = 0111 };

void sink_file_close(struct sink_file *f)
{
    if (f->fd >= 0) {
        close(f->fd);
        f->fd = -1;
    }
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static struct status open_folder(const char *folder, int *out)
{
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        FAIL(UNAVAILABLE, "the folder for audit files can't be opened");
    }
    *out = fd;
    return OK_STATUS;
}

// A file that somebody made executable is refused: what clients send would be run.
static struct status check_file(int fd, struct stat *st)
{
    if (fstat(fd, st) != 0) {
        FAIL(UNAVAILABLE, "the audit file can't be looked at");
    }
    if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode)) {
        FAIL(INVALID, "the audit file is neither a plain file nor a pipe");
    }
    if ((st->st_mode & EXECUTABLE) != 0) {
        FAIL(INVALID, "the audit file is executable");
    }
    if (S_ISREG(st->st_mode) && st->st_nlink > 1) {
        FAIL(INVALID, "the audit file has another name elsewhere");
    }
    return OK_STATUS;
}

static struct status open_file(struct sink_file *f, int folder)
{
    int fd CLEANUP(close_fd) =
        openat(folder, f->name, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC,
               FILE_MODE);
    if (fd < 0 && errno == ENXIO) {
        FAIL(UNAVAILABLE, "nobody reads from the pipe");
    }
    if (fd < 0) {
        FAIL(UNAVAILABLE, "the audit file can't be opened");
    }
    struct stat st;
    TRY(check_file(fd, &st));
    f->fd = fd;
    f->device = st.st_dev;
    f->inode = st.st_ino;
    fd = -1;
    return OK_STATUS;
}

static bool still_there(const struct sink_file *f, int folder)
{
    struct stat st;
    return f->fd >= 0 && fstatat(folder, f->name, &st, AT_SYMLINK_NOFOLLOW) == 0 &&
           st.st_dev == f->device && st.st_ino == f->inode;
}

struct status sink_file_ready(struct sink_file *f, bool *out_reopened)
{
    int folder CLEANUP(close_fd) = -1;
    TRY(open_folder(f->folder, &folder));
    if (still_there(f, folder)) {
        *out_reopened = false;
        return OK_STATUS;
    }
    sink_file_close(f);
    TRY(open_file(f, folder));
    *out_reopened = true;
    return OK_STATUS;
}

struct status sink_file_write(struct sink_file *f, struct bytes data, int wait_ms, size_t *out)
{
    ssize_t n = write(f->fd, data.ptr, data.len);
    if (n < 0 && errno == EAGAIN) {
        struct pollfd p = {.fd = f->fd, .events = POLLOUT};
        (void)poll(&p, 1, wait_ms);
        n = write(f->fd, data.ptr, data.len);
    }
    if (n >= 0) {
        *out = (size_t)n;
        return OK_STATUS;
    }
    if (errno == EAGAIN || errno == EINTR) {
        FAIL(UNAVAILABLE, "the reader of the pipe doesn't read");
    }
    if (errno == EPIPE) {
        FAIL(UNAVAILABLE, "nobody reads from the pipe");
    }
    if (errno == ENOSPC || errno == EDQUOT) {
        FAIL(UNAVAILABLE, "the disk is full");
    }
    FAIL(UNAVAILABLE, "the audit file can't be written");
}
