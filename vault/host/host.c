// SPDX-License-Identifier: ISC
#include "vault/host/host.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vault/host/host_internal.h"

enum { HOST_ARENA_BYTES = 4 * 1024 * 1024 };

// Secrets are in locked memory anyway; where the limit allows it, so is everything else that they
// pass through.
struct status rotator_host_protect(bool allow_unlocked)
{
    struct rlimit locked;
    if (prctl(PR_SET_DUMPABLE, 0) != 0) {
        FAIL(UNAVAILABLE, "the process can't be made undumpable");
    }
    if (getrlimit(RLIMIT_MEMLOCK, &locked) == 0 && locked.rlim_cur == RLIM_INFINITY) {
        // Best effort: secret_system_init() insists on what must be locked.
        (void)mlockall(MCL_CURRENT | MCL_FUTURE | MCL_ONFAULT);
    }
    return secret_system_init(allow_unlocked);
}

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

// Reads until `input` holds a line; its length without the newline, or -1 at the end of the input
// or when the line is too long.
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

static struct status answer_line(size_t longest, host_answer *answer, void *arg, struct str line)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(HOST_ARENA_BYTES);
    CLEANUP(buffer_done) struct buffer output;
    buffer_init(&output, longest);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(answer(arg, line, arena, &output));
    if (!write_all(buffer_bytes(&output))) {
        FAIL(UPSTREAM, "the vault is gone");
    }
    return OK_STATUS;
}

int host_serve_lines(size_t longest, host_answer *answer, void *arg)
{
    CLEANUP(buffer_done) struct buffer input;
    buffer_init(&input, longest);
    for (;;) {
        ssize_t len = read_line(&input);
        if (len < 0) {
            return input.len == 0 ? 0 : 1;
        }
        struct str line = {buffer_str(&input).ptr, (size_t)len};
        if (!status_ok(answer_line(longest, answer, arg, line))) {
            return 1;
        }
        buffer_consume(&input, (size_t)len + 1);
    }
}

// ---- a rotator

// What is served: a rotator, or the reason why there is none, which answers every request.
struct service {
    const struct rotunda_rotator *rotator;
    struct status refusal;
};

static struct status run(const struct service *service, const struct protocol_request *request,
                         struct arena *arena, struct protocol_reply *out)
{
    if (status_ok(service->refusal)) {
        return host_run(service->rotator, request, arena, out);
    }
    *out = (struct protocol_reply){.id = request->id,
                                   .attempt = protocol_str(request->call.attempt),
                                   .result = PROTOCOL_FAILED,
                                   .error = ROTUNDA_ERROR_INVALID,
                                   .message = str_from_c(service->refusal.what)};
    return OK_STATUS;
}

static struct status answer(void *arg, struct str line, struct arena *arena, struct buffer *out)
{
    CLEANUP(protocol_request_done) struct protocol_request request = {.id = 0};
    CLEANUP(protocol_reply_done) struct protocol_reply reply = {.id = 0};
    TRY(protocol_request_decode(line, arena, &request));
    TRY(run(arg, &request, arena, &reply));
    return protocol_reply_encode(&reply, out);
}

int rotator_host_serve(const char *name, bool allow_unlocked,
                       const struct rotunda_rotator *const *builtin)
{
    signal(SIGPIPE, SIG_IGN);
    struct service service = {.refusal = rotator_host_protect(allow_unlocked)};
    if (status_ok(service.refusal)) {
        service.refusal = host_find(name, builtin, &service.rotator);
    }
    return host_serve_lines(LIMIT_ROTATOR_LINE_BYTES, answer, &service);
}

int rotator_host_main(int argc, char **argv, const struct rotunda_rotator *const *builtin)
{
    const char *name = NULL;
    bool allow_unlocked = false;
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "-allow-unlocked-memory") == 0) {
            allow_unlocked = true;
        } else {
            name = argv[i];
        }
    }
    return name == NULL ? 1 : rotator_host_serve(name, allow_unlocked, builtin);
}
