// SPDX-License-Identifier: ISC
#include "vault/audit/witness_file.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/audit/lines.h"

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static struct status write_all(int fd, struct bytes data)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.ptr, data.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n < 0) {
            FAIL(UNAVAILABLE, "the checkpoint file can't be written");
        }
        data = (struct bytes){data.ptr + n, data.len - (size_t)n};
    }
    return OK_STATUS;
}

struct status audit_witness_append(const char *path, const struct audit_witness *w)
{
    struct buffer line CLEANUP(buffer_done);
    buffer_init(&line, AUDIT_LINE_MAX);
    audit_line_put_witness(&line, w);
    TRY(buffer_status(&line));
    int fd CLEANUP(close_fd) =
        open(path, O_WRONLY | O_APPEND | O_CREAT | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC, 0600);
    if (fd < 0) {
        FAIL(UNAVAILABLE, "the checkpoint file can't be opened");
    }
    struct stat st;
    if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
        FAIL(INVALID, "the checkpoint file isn't a plain file");
    }
    TRY(write_all(fd, buffer_bytes(&line)));
    if (fsync(fd) != 0) {
        FAIL(UNAVAILABLE, "the checkpoint file can't be written");
    }
    return OK_STATUS;
}

static struct status
take_line(struct str text, struct status (*each)(void *, const struct audit_witness *), void *ctx)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(4 * (size_t)AUDIT_LINE_MAX);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct audit_witness w;
    TRY(audit_line_parse_witness(text, arena, &w));
    return each(ctx, &w);
}

struct status audit_witness_read(const char *path,
                                 struct status (*each)(void *ctx, const struct audit_witness *w),
                                 void *ctx)
{
    struct audit_lines lines CLEANUP(audit_lines_done) = {0};
    struct str text;
    bool more;
    TRY(audit_lines_open(&lines, path));
    TRY(audit_lines_next(&lines, &text, &more));
    while (more) {
        if (text.len > 0) {
            TRY(take_line(text, each, ctx));
        }
        TRY(audit_lines_next(&lines, &text, &more));
    }
    return OK_STATUS;
}
