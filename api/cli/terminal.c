// SPDX-License-Identifier: ISC
#include "api/cli/terminal.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

enum { PROMPT_MAX_BYTES = 8192, PATH_MAX_BYTES = 4096 };

void cli_close(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

// Byte by byte, so that the rest of a pipe stays there for the next reader.
static struct status read_line(int fd, struct secret *line, struct cli_problem *why, size_t *len)
{
    size_t count = 0;
    for (;;) {
        uint8_t byte = 0;
        ssize_t got = read(fd, &byte, 1);
        if (got < 0) {
            return cli_problem_local(why, "can't read the input: %s", strerror(errno));
        }
        if (got == 0 || byte == '\n') {
            *len = count;
            return OK_STATUS;
        }
        if (count == secret_len(line)) {
            return cli_problem_local(why, "the input is longer than %zu bytes", count);
        }
        secret_data(line)[count++] = byte;
    }
}

struct status cli_read_secret_line(int fd, size_t max_bytes, struct cli_problem *why,
                                   struct secret **out)
{
    CLEANUP(secret_cleanup) struct secret *line = secret_new(max_bytes);
    if (line == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    size_t len = 0;
    TRY(read_line(fd, line, why, &len));
    struct str text = {(const char *)secret_data(line), len};
    return secret_copy(bytes_from_str(str_trim(text)), out);
}

static void note_interrupt(int signal)
{
    (void)signal;
}

// An interrupt must come back here as a failed read, or the terminal would stay without echo.
static struct status read_silently(const struct cli_prompt *prompt, const struct termios *before,
                                   struct cli_problem *why, struct secret **out)
{
    struct sigaction returning = {.sa_handler = note_interrupt};
    struct sigaction usual;
    struct termios silent = *before;
    silent.c_lflag &= (tcflag_t) ~(tcflag_t)ECHO;
    sigaction(SIGINT, &returning, &usual);
    tcsetattr(prompt->in_fd, TCSAFLUSH, &silent);
    dprintf(prompt->err_fd, "%s (will not be shown): ", prompt->question);
    struct status got = cli_read_secret_line(prompt->in_fd, PROMPT_MAX_BYTES, why, out);
    dprintf(prompt->err_fd, "\n");
    tcsetattr(prompt->in_fd, TCSAFLUSH, before);
    sigaction(SIGINT, &usual, NULL);
    return got;
}

struct status cli_prompt_secret(const struct cli_prompt *prompt, struct cli_problem *why,
                                struct secret **out)
{
    struct termios before;
    if (isatty(prompt->in_fd) && tcgetattr(prompt->in_fd, &before) == 0) {
        return read_silently(prompt, &before, why, out);
    }
    return cli_read_secret_line(prompt->in_fd, PROMPT_MAX_BYTES, why, out);
}

struct status cli_read_all(int fd, struct cli_problem *why, struct buffer *into)
{
    enum { CHUNK = 16384 };
    for (;;) {
        uint8_t *at = buffer_extend(into, CHUNK);
        if (at == NULL) {
            return cli_problem_local(why, "the input is larger than %zu bytes", into->max - CHUNK);
        }
        ssize_t n = read(fd, at, CHUNK);
        into->len -= CHUNK - (n > 0 ? (size_t)n : 0);
        if (n == 0) {
            return OK_STATUS;
        }
        if (n < 0 && errno != EINTR) {
            return cli_problem_local(why, "can't read the input: %s", strerror(errno));
        }
    }
}

struct status cli_read_file(struct str path, int in_fd, struct cli_problem *why,
                            struct buffer *into)
{
    if (str_equal_c(path, "-")) {
        return cli_read_all(in_fd, why, into);
    }
    char name[PATH_MAX_BYTES];
    int len = snprintf(name, sizeof name, "%.*s", STR_ARG(path));
    CLEANUP(cli_close) int fd = -1;
    if (len >= 0 && (size_t)len < sizeof name) {
        fd = open(name, O_RDONLY | O_CLOEXEC);
    }
    if (fd < 0) {
        return cli_problem_local(why, "can't open %.*s: %s", STR_ARG(path), strerror(errno));
    }
    return cli_read_all(fd, why, into);
}

struct status cli_write_all(int fd, struct bytes data, struct cli_problem *why)
{
    while (data.len > 0) {
        ssize_t n = write(fd, data.ptr, data.len);
        if (n < 0 && errno == EINTR) {
            continue;
        }
        if (n <= 0) {
            return cli_problem_local(why, "can't write the output: %s", strerror(errno));
        }
        data = (struct bytes){data.ptr + n, data.len - (size_t)n};
    }
    return OK_STATUS;
}
