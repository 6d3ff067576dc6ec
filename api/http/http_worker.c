// SPDX-License-Identifier: ISC
// One libmicrohttpd daemon (0.9.75) in external epoll mode, driven from one loop.
//
// What was measured with that version and is relied on here: with its internal thread it loses
// wake-ups, external epoll doesn't; MHD_get_timeout() doesn't notice a resumed connection, so
// MHD_run() must be called again after every resume; and a TLS handshake under way keeps its
// timeout at zero, so that six bytes of a ClientHello would spin a core.
#include "api/http/http_exchange.h"

#include <string.h>
#include <sys/epoll.h>

#include "vault/base/limits.h"
#include "vault/base/log.h"

enum {
    ROUNDS_PER_DISPATCH = 16, // then other sources have their turn
    IDLE_ROUNDS = 4,
    IDLE_WAIT_US = 5000,
    IDLE_SHARE = 30, // and so much longer than the rounds took, which go through every handshake
};

// True when libmicrohttpd wants to run again at once. It knows no other time: its own connection
// timeout is off.
static bool run_once(struct http_worker *w)
{
    MHD_UNSIGNED_LONG_LONG timeout_ms = 0;
    w->progress = false;
    MHD_run(w->daemon);
    bool again = MHD_get_timeout(w->daemon, &timeout_ms) == MHD_YES && timeout_ms == 0;
    w->idle_rounds = !again || w->progress ? 0 : w->idle_rounds + 1;
    return again;
}

static void dispatch(struct loop_source *source, uint32_t events)
{
    struct http_worker *w = CONTAINER_OF(source, struct http_worker, source);
    if (events != 0) {
        w->idle_rounds = 0;
    }
    bool again = true;
    int64_t began_us = clock_monotonic_us();
    for (unsigned i = 0; again && i < ROUNDS_PER_DISPATCH; i++) {
        again = run_once(w);
        if (w->idle_rounds >= IDLE_ROUNDS) {
            break;
        }
    }
    if (!again) {
        return;
    }
    if (w->idle_rounds < IDLE_ROUNDS) {
        loop_kick(source);
        return;
    }
    int64_t now_us = clock_monotonic_us();
    int64_t wait_us = IDLE_SHARE * (now_us - began_us);
    source->deadline_us = now_us + (wait_us > IDLE_WAIT_US ? wait_us : IDLE_WAIT_US);
    loop_update(source);
}

void http_worker_kick(struct http_worker *w)
{
    w->idle_rounds = 0;
    loop_kick(&w->source);
}

struct arena *http_worker_take_arena(struct http_worker *w)
{
    return w->spare_count > 0 ? w->spare_arenas[--w->spare_count] : arena_new(LIMIT_ARENA_BYTES);
}

void http_worker_give_arena(struct http_worker *w, struct arena *a)
{
    if (a == NULL || w->spare_count == HTTP_SPARE_ARENAS) {
        arena_free(a);
        return;
    }
    arena_reset(a);
    w->spare_arenas[w->spare_count++] = a;
}

// Paths are decoded by http_path.c, after they were split.
static size_t leave_escaped(void *ctx, struct MHD_Connection *mhd, char *text)
{
    (void)ctx;
    (void)mhd;
    return strlen(text);
}

// Only the format is logged: the arguments may hold what the client sent.
__attribute__((format(printf, 2, 0))) static void on_message(void *worker, const char *format,
                                                             va_list args)
{
    struct http_worker *w = worker;
    (void)args;
    if (str_starts_with(str_from_c(format), STR("Error processing request"))) {
        HTTP_COUNT(w, malformed, 1);
        http_refuse_bad_length(w);
    }
    log_event(LOG_DEBUG, "http.libmicrohttpd", LOG_STR("message", str_from_c(format)));
}

// lint: allow(parameters) GnuTLS's callback
static int choose_certificate(gnutls_session_t session, const gnutls_datum_t *authorities,
                              int authority_count, const gnutls_pk_algorithm_t *algorithms,
                              int algorithm_count, gnutls_pcert_st **chain, unsigned *chain_len,
                              gnutls_privkey_t *key)
{
    (void)authorities;
    (void)authority_count;
    (void)algorithms;
    (void)algorithm_count;
    struct http_connection *c = http_connection_of(gnutls_session_get_ptr(session));
    if (c == NULL) {
        return -1;
    }
    if (c->credentials == NULL) {
        c->credentials = http_tls_hold(c->worker->listener->tls);
    }
    http_credentials_lend(c->credentials, chain, chain_len, key);
    return 0;
}

// Options with a callback take the function as `value` and its context as `ptr_value`.
#define CALLBACK(option, function, ctx)                                                            \
    {                                                                                              \
        (option), (intptr_t)(function), (ctx)                                                      \
    }
#define NUMBER(option, number)                                                                     \
    {                                                                                              \
        (option), (intptr_t)(number), NULL                                                         \
    }
#define POINTER(option, pointer)                                                                   \
    {                                                                                              \
        (option), 0, (void *)(uintptr_t)(pointer)                                                  \
    }

static struct MHD_Daemon *start_daemon(struct http_worker *w)
{
    struct http_listener *l = w->listener;
    struct MHD_OptionItem plain[] = {
        CALLBACK(MHD_OPTION_UNESCAPE_CALLBACK, leave_escaped, w),
        CALLBACK(MHD_OPTION_URI_LOG_CALLBACK, http_exchange_on_target, w),
        CALLBACK(MHD_OPTION_NOTIFY_COMPLETED, http_exchange_on_completed, w),
        CALLBACK(MHD_OPTION_NOTIFY_CONNECTION, http_connection_notify, w),
        NUMBER(MHD_OPTION_LISTEN_SOCKET, l->socket.fd),
        NUMBER(MHD_OPTION_CONNECTION_LIMIT, l->limits.connections),
        NUMBER(MHD_OPTION_CONNECTION_MEMORY_LIMIT, l->limits.header_bytes),
        NUMBER(MHD_OPTION_STRICT_FOR_CLIENT, 0),
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem tls[] = {
        POINTER(MHD_OPTION_HTTPS_CERT_CALLBACK, choose_certificate),
        POINTER(MHD_OPTION_HTTPS_PRIORITIES, HTTP_TLS_PRIORITIES),
        {MHD_OPTION_END, 0, NULL},
    };
    unsigned flags = MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG;
    bool secure = l->tls != NULL;
    return MHD_start_daemon(flags | (secure ? (unsigned)MHD_USE_TLS : 0U), 0, http_connection_admit,
                            w, http_exchange_on_access, w, MHD_OPTION_EXTERNAL_LOGGER, on_message,
                            w, MHD_OPTION_ARRAY, plain, MHD_OPTION_ARRAY,
                            secure ? tls : &tls[ARRAY_LEN(tls) - 1], MHD_OPTION_END);
}

void http_worker_free(struct http_worker *w)
{
    if (w == NULL) {
        return;
    }
    REQUIRE(w->request_count == 0);
    w->drained = NULL;
    if (w->daemon != NULL) {
        // Or it would close the socket that all workers share.
        http_worker_stop_accepting(w);
        MHD_stop_daemon(w->daemon);
    }
    http_linger_stop_all(w);
    while (w->spare_count > 0) {
        arena_free(w->spare_arenas[--w->spare_count]);
    }
    loop_remove(&w->source);
    loop_remove(&w->drained_source);
    free(w);
}

static void worker_cleanup(struct http_worker **w)
{
    http_worker_free(*w);
}

static void on_drained(struct loop_source *source, uint32_t events)
{
    struct http_worker *w = CONTAINER_OF(source, struct http_worker, drained_source);
    (void)events;
    if (w->drained != NULL && w->connection_count == 0 && w->request_count == 0) {
        void (*drained)(void *ctx) = TAKE(w->drained);
        drained(w->drained_ctx);
    }
}

struct status http_worker_new(struct http_listener *l, struct loop *loop,
                              struct http_service service, struct http_worker **out)
{
    struct http_worker *w CLEANUP(worker_cleanup) = calloc(1, sizeof *w);
    if (w == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    w->listener = l;
    w->loop = loop;
    w->service = service;
    w->accepting = true;
    LIST_INIT(&w->connections);
    LIST_INIT(&w->lingering);
    w->daemon = start_daemon(w);
    if (w->daemon == NULL) {
        FAIL(UNAVAILABLE, "the HTTP server can't start");
    }
    w->source = (struct loop_source){
        .fd = MHD_get_daemon_info(w->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd,
        .events = EPOLLIN,
        .deadline_us = CLOCK_NEVER,
        .dispatch = dispatch,
    };
    w->drained_source = (struct loop_source){
        .fd = -1,
        .deadline_us = CLOCK_NEVER,
        .dispatch = on_drained,
    };
    TRY(loop_add(loop, &w->source));
    TRY(loop_add(loop, &w->drained_source));
    loop_kick(&w->source); // the first run puts the listening socket into its epoll set
    *out = TAKE(w);
    return OK_STATUS;
}

void http_worker_stop_accepting(struct http_worker *w)
{
    if (w->accepting) {
        w->accepting = false;
        MHD_quiesce_daemon(w->daemon);
    }
}

void http_worker_connection_closed(struct http_worker *w)
{
    if (w->drained != NULL) {
        loop_kick(&w->drained_source);
    }
}

void http_worker_drain(struct http_worker *w, void (*drained)(void *ctx), void *ctx)
{
    http_worker_stop_accepting(w);
    w->draining = true;
    w->drained = drained;
    w->drained_ctx = ctx;
    struct http_connection *c;
    LIST_FOREACH(c, &w->connections, entry)
    {
        http_connection_shut_unused(c);
    }
    loop_kick(&w->drained_source);
}

size_t http_worker_connections(const struct http_worker *w)
{
    return w->connection_count;
}

void http_worker_stats(const struct http_worker *w, struct http_stats *out)
{
#define X(name) out->name = atomic_load_explicit(&w->counters.name, memory_order_relaxed);
    HTTP_STATS_TABLE(X)
#undef X
}
