// SPDX-License-Identifier: ISC
// A server on a thread of its own, and a client that speaks raw bytes to it.
#pragma once

#include <pthread.h>
#include <stdatomic.h>

#include "api/http/http_server.h"
#include "tests/support/test.h"
#include "vault/runtime/fiber.h"

struct server {
    struct http_listener_options options;
    struct http_listener *listener;
    struct loop *loop;
    struct http_worker *worker;
    pthread_t thread;
    struct loop_task stop_task;
    _Atomic bool draining;
    // What the handlers below noted.
    _Atomic unsigned handled;
    _Atomic bool abandoned;
    _Atomic bool on_abandon_called;
    _Atomic enum status_code stream_result;
    _Atomic bool finished;
};

// On 127.0.0.1, any port, the default limits; change `options` before server_start().
//
// Its handler answers by the first segment of the path:
//     echo    method, path, token, remote and body, a line each
//     sleep   after 300 ms, noting whether the client was still there
//     stream  ?bytes=N of 'x', in parts of 6,000
//     abort   12,000 bytes, then gives up
//     large   one body of ?bytes=N
void server_init(struct server *s);
void server_start(struct server *s);
void server_drain(struct server *s); // returns at once
void server_stop(struct server *s);  // drains, joins, releases
struct http_stats server_stats(const struct server *s);
void server_wait_for_requests(const struct server *s, unsigned count);

int client_connect(const struct server *s);
void client_send(int fd, const char *text);
bool client_send_bytes(int fd, struct bytes data); // false when the server closed before the end
// Reads until the server closes, `until` (unless NULL) has come, or 5 s pass, which fails the test.
// The text is NUL-terminated and cut at `size`; true when the server closed.
bool client_read(int fd, const char *until, char *out, size_t size);
// Connects, sends, reads to the end, closes.
void client_ask(const struct server *s, const char *request, char *out, size_t size);
int64_t client_ms_until_closed(int fd); // fails after 5 s

void sleep_ms(int64_t ms);

// A marker is kept masked, so that looking for it doesn't find itself.
enum { MARKER_BYTES = 24 };
void marker_write(char out[MARKER_BYTES]); // unmasked
// How often it stands, unmasked, in this process's writable memory. Skips the test under the
// sanitizers: their shadow memory can't be read, and they keep what was freed.
size_t marker_count(void);
