// SPDX-License-Identifier: ISC
// What the files of this folder share. Everything but the listener's atomics and the counters
// belongs to one worker and is touched only on its loop's thread.
#pragma once

#include <microhttpd.h>
#include <stdatomic.h>
#include <sys/queue.h>
#include <sys/socket.h>

#include "api/http/http_address.h"
#include "api/http/http_server.h"
#include "api/http/http_tls.h"
#include "vault/runtime/fiber.h"

enum {
    HTTP_ADDRESS_SLOTS = 16384,
    HTTP_REMOTE_BYTES = 64,
    HTTP_SPARE_ARENAS = 256,
};

struct http_listener {
    struct http_socket socket;
    struct http_limits limits;
    struct http_tls *tls; // NULL for plain HTTP
    _Atomic uint32_t connections;
    _Atomic size_t buffered_bytes;
    uint64_t address_seed;
    _Atomic uint32_t per_address[HTTP_ADDRESS_SLOTS];
};

struct http_counters {
#define X(name) _Atomic uint64_t name;
    HTTP_STATS_TABLE(X)
#undef X
};

#define HTTP_COUNT(worker, name, amount)                                                           \
    atomic_fetch_add_explicit(&(worker)->counters.name, (amount), memory_order_relaxed)

struct http_worker {
    struct http_listener *listener;
    struct loop *loop;
    struct http_service service;
    struct MHD_Daemon *daemon;
    struct loop_source source; // MHD's epoll descriptor
    bool progress;             // set by every callback of MHD's: it did something this round
    unsigned idle_rounds;      // rounds in which it wanted to run again and yet did nothing
    bool accepting;
    bool draining;
    void (*drained)(void *ctx);
    void *drained_ctx;
    struct loop_source drained_source; // a timer: tells about it outside of MHD's callbacks
    size_t connection_count;
    size_t request_count;
    LIST_HEAD(, http_connection) connections;
    LIST_HEAD(, http_linger) lingering;
    size_t linger_count;
    struct arena *spare_arenas[HTTP_SPARE_ARENAS]; // empty, wiped; last in, first out
    size_t spare_count;
    struct http_counters counters;
};

// What a connection is doing decides which deadline holds.
enum http_phase {
    HTTP_PHASE_HEADER, // handshake or header under way: header_us
    HTTP_PHASE_IDLE,   // between requests: looked at every header_us, shut after idle_us
    HTTP_PHASE_BODY,   // body_us
    HTTP_PHASE_RUN,    // the handler runs: no deadline, but the client is watched
    HTTP_PHASE_SEND,   // send_us, again with every part that the client took
    HTTP_PHASE_CLOSE,  // shut; libmicrohttpd will notice
};

struct http_connection {
    LIST_ENTRY(http_connection) entry;
    struct http_worker *worker;
    struct MHD_Connection *mhd;
    enum http_phase phase;
    int64_t deadline_us; // never earlier than source.deadline_us, which is moved lazily
    int64_t idle_since_us;
    uint64_t received_bytes;       // what the kernel had received when last looked, or UNKNOWN
    struct loop_source source;     // the socket: EPOLLRDHUP and the deadline
    bool watched;                  // `source` is added
    struct http_exchange *running; // whose handler has not returned yet, or NULL
    struct http_credentials *credentials; // held during the handshake
    uint32_t address_slot;
    char remote[HTTP_REMOTE_BYTES];
};

// http_connection.c
enum MHD_Result http_connection_admit(void *worker, const struct sockaddr *address, socklen_t len);
void http_connection_notify(void *worker, struct MHD_Connection *mhd, void **context,
                            enum MHD_ConnectionNotificationCode what);
struct http_connection *http_connection_of(struct MHD_Connection *mhd);
void http_connection_enter(struct http_connection *c, enum http_phase phase);
void http_connection_shut(struct http_connection *c);        // both directions
void http_connection_shut_unused(struct http_connection *c); // unless a request has begun

// http_refuse.c
// libmicrohttpd has just logged that it refuses some request.
void http_refuse_bad_length(struct http_worker *w);

// http_listener.c
uint32_t http_listener_address_slot(const struct http_listener *l, const struct sockaddr *address,
                                    socklen_t len);

// http_worker.c
void http_worker_kick(struct http_worker *w); // after a resume: run MHD again before waiting
void http_worker_connection_closed(struct http_worker *w);
// A request's memory, from a small stock: taking it from the heap and giving it back each time
// costs more than all that a short request does with it. NULL when memory is short.
struct arena *http_worker_take_arena(struct http_worker *w);
void http_worker_give_arena(struct http_worker *w, struct arena *a); // NULL is fine

// http_linger.c
struct http_linger;
// Keeps the socket of a connection that is answered before its body was read until the client has
// read the answer: closing with unread bytes would reset the connection and could lose it.
void http_linger_start(struct http_worker *w, int fd);
void http_linger_stop_all(struct http_worker *w);
