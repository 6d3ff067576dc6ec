// SPDX-License-Identifier: ISC
// A tiny HTTP server in a thread: answers what it was told, in order, one connection each, and
// keeps what it was asked.
#pragma once

#include <pthread.h>
#include <stddef.h>

enum { HTTP_FIXTURE_REQUESTS = 8, HTTP_FIXTURE_BYTES = 64 * 1024 };

struct http_answer {
    int code;
    const char *body;    // NULL: none
    const char *headers; // further ones, each ended by CRLF; NULL: none
};

struct http_fixture {
    int listener;
    pthread_t thread;
    const struct http_answer *answers;
    size_t answer_count;
    size_t request_count;
    char requests[HTTP_FIXTURE_REQUESTS][HTTP_FIXTURE_BYTES]; // head and body as received
    char address[128];                                        // for ROTUNDA_ADDR
};

// Listens on a free port of 127.0.0.1, or on the unix socket `path` when it isn't NULL.
void http_fixture_start(struct http_fixture *f, const char *path, const struct http_answer *answers,
                        size_t count);
void http_fixture_stop(struct http_fixture *f);

// "GET /v1/sys/health" of request `index`; borrowed until the next call.
const char *http_fixture_line(const struct http_fixture *f, size_t index);
const char *http_fixture_body(const struct http_fixture *f, size_t index);
// Does request `index` carry exactly this header line?
int http_fixture_has_header(const struct http_fixture *f, size_t index, const char *line);
