// SPDX-License-Identifier: ISC
#include "vault/notify/host.h"

#include <curl/curl.h>
#include <errno.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "vault/base/limits.h"
#include "vault/rotation/host.h"

enum { HOST_ARENA_BYTES = 4 * 1024 * 1024 };

static bool write_all(struct bytes data)
{
    while (data.len > 0) {
        ssize_t written = write(STDOUT_FILENO, data.ptr, data.len);
        if (written > 0) {
            data.ptr += written;
            data.len -= (size_t)written;
        } else if (errno != EINTR) {
            return false;
        }
    }
    return true;
}

// The length of the first line in `input`, or -1 at the end of the input.
static ssize_t read_line(struct buffer *input)
{
    for (;;) {
        struct str text = buffer_str(input);
        const char *newline = text.len == 0 ? NULL : memchr(text.ptr, '\n', text.len);
        if (newline != NULL) {
            return newline - text.ptr;
        }
        uint8_t block[4096];
        ssize_t len = read(STDIN_FILENO, block, sizeof block);
        if (len > 0) {
            buffer_append(input, (struct bytes){block, (size_t)len});
            explicit_bzero(block, (size_t)len);
        }
        bool ended = len == 0 || (len < 0 && errno != EINTR);
        if (ended || !status_ok(buffer_status(input))) {
            return -1;
        }
    }
}

static struct status answer(CURL *curl, struct str line)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(HOST_ARENA_BYTES);
    CLEANUP(buffer_done) struct buffer output;
    struct wire_job job;
    struct wire_result result = {.status = 0};
    buffer_init(&output, LIMIT_NOTIFY_LINE_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(wire_get_job(line, arena, &job));
    notify_host_send(curl, &job, &result);
    TRY(wire_put_result(&result, &output));
    if (!write_all(buffer_bytes(&output))) {
        FAIL(UPSTREAM, "the vault is gone");
    }
    return OK_STATUS;
}

static int serve(CURL *curl)
{
    CLEANUP(buffer_done) struct buffer input;
    buffer_init(&input, LIMIT_NOTIFY_LINE_BYTES);
    for (;;) {
        ssize_t len = read_line(&input);
        if (len < 0) {
            return input.len == 0 ? 0 : 1;
        }
        struct str line = {buffer_str(&input).ptr, (size_t)len};
        if (!status_ok(answer(curl, line))) {
            return 1;
        }
        buffer_consume(&input, (size_t)len + 1);
    }
}

int notify_host_serve(bool allow_unlocked)
{
    signal(SIGPIPE, SIG_IGN);
    if (!status_ok(rotator_host_protect(allow_unlocked)) ||
        curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        return 1;
    }
    CURL *curl = curl_easy_init();
    int code = curl == NULL ? 1 : serve(curl);
    curl_easy_cleanup(curl);
    curl_global_cleanup();
    return code;
}
