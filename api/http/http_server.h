// SPDX-License-Identifier: ISC
// The HTTP/1.1 server: one listener per address, shared by the workers; one worker per loop. Each
// request runs its handler on a fiber of the worker's loop.
//
// What a client may cost is bounded by `struct http_limits`. A connection that stays behind its
// deadline is shut; refused and malformed requests are answered here and never reach the handler.
#pragma once

#include "api/http/http_router.h"
#include "vault/runtime/loop.h"

struct http_limits {
    int64_t header_us;     // TLS handshake, and from the first byte of a header to its end
    int64_t body_us;       // one body, whole
    int64_t idle_us;       // between requests
    int64_t send_us;       // without the client taking anything of the answer
    int64_t request_us;    // the handler's deadline
    size_t header_bytes;   // one header; what a connection holds
    size_t body_bytes;     // one body
    size_t buffered_bytes; // bodies being received or worked on, together, over all workers
    uint32_t connections;  // over all workers
    uint32_t connections_per_address; // an IPv6 address counts as its /64
};

struct http_limits http_limits_default(void);

struct http_listener_options {
    // "127.0.0.1:8200", "[::1]:8200", "localhost:8200", ":8200" (every address), "unix:/path", or
    // "fd:3" for a listening socket that was handed over (systemd); port 0 takes any.
    struct str address;
    const char *tls_cert_file; // PEM, the server's certificate first; NULL for plain HTTP
    const char *tls_key_file;  // PEM; given exactly when tls_cert_file is
    bool allow_plain;          // plain HTTP on a TCP address that isn't loopback
    struct http_limits limits;
};

struct http_listener;

// Closes the socket; no worker may be left.
void http_listener_free(struct http_listener *l);
// INVALID for a malformed address or unusable certificates, DENIED for plain HTTP that leaves the
// machine, CONFLICT when the address is in use, UNAVAILABLE, NOMEM.
struct status http_listener_open(const struct http_listener_options *options,
                                 struct http_listener **out);
uint16_t http_listener_port(const struct http_listener *l); // 0 for a unix socket

// Reads certificate and key again; new handshakes use them, open connections stay. Any thread.
// INVALID when they are unusable: the old ones stay then. UNSUPPORTED without TLS.
struct status http_listener_reload_tls(struct http_listener *l);
// When its certificates end, in seconds since 1970; 0 without TLS. Any thread.
int64_t http_listener_expires_s(const struct http_listener *l);

struct http_service {
    http_handler *handle; // on a fiber; may wait
    void *ctx;
};

struct http_worker;

// On the loop's thread (or before the loop runs), as is everything below but http_worker_stats().
// UNAVAILABLE, NOMEM. The listener must outlive the worker.
struct status http_worker_new(struct http_listener *l, struct loop *loop,
                              struct http_service service, struct http_worker **out);
// Closes what is open; no request may be running (see http_worker_drain).
void http_worker_free(struct http_worker *w);

void http_worker_stop_accepting(struct http_worker *w);
// Stops accepting, lets running requests finish, answers new ones on open connections with 503 and
// closes idle connections. Calls `drained(ctx)` on the loop when no connection is left; then the
// worker may be freed, but not inside `drained`.
void http_worker_drain(struct http_worker *w, void (*drained)(void *ctx), void *ctx);

size_t http_worker_connections(const struct http_worker *w);

#define HTTP_STATS_TABLE(X)                                                                        \
    X(accepted)            /* connections */                                                       \
    X(refused_connections) /* over a limit */                                                      \
    X(requests)            /* handed to the handler */                                             \
    X(refused_requests)    /* answered here: 400, 405, 413, 503 */                                 \
    X(malformed)           /* answered or dropped by libmicrohttpd itself */                       \
    X(timeouts)            /* connections shut behind their deadline */                            \
    X(abandoned)           /* clients that left while their request ran */                         \
    X(body_bytes_in)                                                                               \
    X(body_bytes_out)

struct http_stats {
#define X(name) uint64_t name;
    HTTP_STATS_TABLE(X)
#undef X
};

void http_worker_stats(const struct http_worker *w, struct http_stats *out); // any thread
