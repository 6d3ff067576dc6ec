// SPDX-License-Identifier: ISC
// Why we keep deadlines of our own: libmicrohttpd's timeout is put off by every byte, so a header
// trickled byte by byte outlasts it, and a suspended connection is not watched at all.
#include "api/http/http_exchange.h"

#include <arpa/inet.h>
#include <linux/tcp.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>

#define UNKNOWN UINT64_MAX

struct http_connection *http_connection_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_SOCKET_CONTEXT)->socket_context;
}

static int socket_of(struct MHD_Connection *mhd)
{
    return MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
}

// Workers race for the last places: the limit may be passed by as many as there are workers.
enum MHD_Result http_connection_admit(void *worker, const struct sockaddr *address, socklen_t len)
{
    struct http_worker *w = worker;
    struct http_listener *l = w->listener;
    uint32_t slot = http_listener_address_slot(l, address, len);
    // Clients of a unix socket have no address to tell them apart.
    bool shared = address->sa_family != AF_INET && address->sa_family != AF_INET6;
    w->progress = true;
    if (atomic_load(&l->connections) >= l->limits.connections ||
        (!shared && atomic_load(&l->per_address[slot]) >= l->limits.connections_per_address)) {
        HTTP_COUNT(w, refused_connections, 1);
        return MHD_NO;
    }
    return MHD_YES;
}

static void format_remote(struct http_connection *c, const struct sockaddr *address)
{
    char host[INET6_ADDRSTRLEN] = "";
    if (address->sa_family == AF_INET) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        inet_ntop(AF_INET, &v4.sin_addr, host, sizeof host);
        snprintf(c->remote, sizeof c->remote, "%s:%u", host, (unsigned)ntohs(v4.sin_port));
        return;
    }
    if (address->sa_family == AF_INET6) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        unsigned port = ntohs(v6.sin6_port);
        if (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr)) {
            inet_ntop(AF_INET, v6.sin6_addr.s6_addr + 12, host, sizeof host);
            snprintf(c->remote, sizeof c->remote, "%s:%u", host, port);
        } else {
            inet_ntop(AF_INET6, &v6.sin6_addr, host, sizeof host);
            snprintf(c->remote, sizeof c->remote, "[%s]:%u", host, port);
        }
        return;
    }
    struct ucred peer;
    socklen_t len = sizeof peer;
    if (getsockopt(c->source.fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) == 0) {
        snprintf(c->remote, sizeof c->remote, "unix:uid=%u", (unsigned)peer.uid);
    }
}

// How many bytes the client has sent so far; UNKNOWN on a unix socket.
static uint64_t received_bytes(int fd)
{
    struct tcp_info info;
    socklen_t len = sizeof info;
    memset(&info, 0, sizeof info);
    if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) != 0) {
        return UNKNOWN;
    }
    return info.tcpi_bytes_received;
}

static int64_t phase_us(const struct http_connection *c)
{
    const struct http_limits *limits = &c->worker->listener->limits;
    switch (c->phase) {
    case HTTP_PHASE_HEADER:
    case HTTP_PHASE_IDLE:
        return limits->header_us;
    case HTTP_PHASE_BODY:
        return limits->body_us;
    case HTTP_PHASE_SEND:
        return limits->send_us;
    case HTTP_PHASE_RUN:
    case HTTP_PHASE_CLOSE:
        break;
    }
    return CLOCK_NEVER;
}

// The loop's timer is only ever moved to an earlier time; when it fires too early it is set again.
// So a request that passes through four phases mostly moves no timer at all.
static void set_deadline(struct http_connection *c, int64_t after_us)
{
    c->deadline_us = after_us == CLOCK_NEVER ? CLOCK_NEVER : clock_monotonic_us() + after_us;
    if (c->watched && c->deadline_us < c->source.deadline_us) {
        c->source.deadline_us = c->deadline_us;
        loop_update(&c->source);
    }
}

void http_connection_enter(struct http_connection *c, enum http_phase phase)
{
    c->phase = phase;
    set_deadline(c, phase_us(c));
    if (phase == HTTP_PHASE_IDLE) {
        c->idle_since_us = c->deadline_us - phase_us(c);
        c->received_bytes = UNKNOWN;
    }
}

void http_connection_shut(struct http_connection *c)
{
    shutdown(c->source.fd, SHUT_RDWR);
    http_connection_enter(c, HTTP_PHASE_CLOSE);
}

void http_connection_shut_unused(struct http_connection *c)
{
    if (c->phase == HTTP_PHASE_IDLE ||
        (c->phase == HTTP_PHASE_HEADER && received_bytes(c->source.fd) == 0)) {
        http_connection_shut(c);
    }
}

static void shut_late(struct http_connection *c)
{
    HTTP_COUNT(c->worker, timeouts, 1);
    http_connection_shut(c);
}

// A kept-alive connection that received bytes since the last look has begun a header.
static void look_at_idle(struct http_connection *c)
{
    uint64_t before = c->received_bytes;
    c->received_bytes = received_bytes(c->source.fd);
    if (before != UNKNOWN && c->received_bytes != before) {
        http_connection_enter(c, HTTP_PHASE_HEADER);
        return;
    }
    int64_t idle_us = clock_monotonic_us() - c->idle_since_us;
    if (idle_us >= c->worker->listener->limits.idle_us) {
        http_connection_shut(c);
        return;
    }
    set_deadline(c, phase_us(c));
}

static void deadline_passed(struct http_connection *c)
{
    switch (c->phase) {
    case HTTP_PHASE_HEADER:
        if (received_bytes(c->source.fd) == 0) {
            http_connection_enter(c, HTTP_PHASE_IDLE); // connected ahead of need
            c->received_bytes = 0;
        } else {
            shut_late(c);
        }
        break;
    case HTTP_PHASE_IDLE:
        look_at_idle(c);
        break;
    case HTTP_PHASE_BODY:
    case HTTP_PHASE_SEND:
        shut_late(c);
        break;
    case HTTP_PHASE_RUN:
    case HTTP_PHASE_CLOSE:
        break;
    }
}

// libmicrohttpd closes without an answer when it finds that the client has ended its side, so a
// half-closed connection is a closed one here too.
static void hung_up(struct http_connection *c)
{
    loop_remove(&c->source); // level-triggered: it would come again and again
    c->watched = false;
    if (c->running != NULL) {
        http_exchange_abandon(c->running);
    }
    if (c->phase != HTTP_PHASE_RUN) {
        http_connection_shut(c);
    }
}

static void on_socket(struct loop_source *source, uint32_t events)
{
    struct http_connection *c = CONTAINER_OF(source, struct http_connection, source);
    if (events != 0) {
        hung_up(c);
    } else if (c->deadline_us <= clock_monotonic_us()) {
        deadline_passed(c);
    } else if (c->deadline_us != CLOCK_NEVER) {
        source->deadline_us = c->deadline_us;
        loop_update(source);
    }
}

// The handshake is over when the client's Finished has come: what it holds isn't needed any more,
// and a client that only connected is idle, not slow.
static int on_finished(gnutls_session_t session, unsigned type, unsigned when, unsigned incoming,
                       const gnutls_datum_t *message)
{
    (void)type;
    (void)when;
    (void)message;
    struct http_connection *c = http_connection_of(gnutls_session_get_ptr(session));
    if (incoming != 0 && c != NULL) {
        http_credentials_release(TAKE(c->credentials));
        http_connection_enter(c, HTTP_PHASE_IDLE);
    }
    return 0;
}

static struct http_connection *connection_new(struct http_worker *w, struct MHD_Connection *mhd)
{
    struct http_connection *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    const struct sockaddr *address =
        MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_CLIENT_ADDRESS)->client_addr;
    socklen_t len =
        address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6) : sizeof(struct sockaddr_in);
    c->worker = w;
    c->mhd = mhd;
    c->source = (struct loop_source){
        .fd = socket_of(mhd),
        .events = EPOLLRDHUP,
        .deadline_us = CLOCK_NEVER,
        .dispatch = on_socket,
    };
    c->address_slot = http_listener_address_slot(w->listener, address, len);
    format_remote(c, address);
    return c;
}

static void started(struct http_worker *w, struct MHD_Connection *mhd, void **context)
{
    struct http_connection *c = connection_new(w, mhd);
    *context = c;
    if (c == NULL) {
        shutdown(socket_of(mhd), SHUT_RDWR);
        return;
    }
    LIST_INSERT_HEAD(&w->connections, c, entry);
    w->connection_count++;
    atomic_fetch_add(&w->listener->connections, 1);
    atomic_fetch_add(&w->listener->per_address[c->address_slot], 1);
    HTTP_COUNT(w, accepted, 1);
    c->watched = status_ok(loop_add(w->loop, &c->source));
    http_connection_enter(c, HTTP_PHASE_HEADER);
    if (!c->watched) {
        http_connection_shut(c); // without deadlines it could stay for ever
    }
    if (w->listener->tls != NULL) {
        gnutls_session_t session =
            MHD_get_connection_info(mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
        gnutls_handshake_set_hook_function(session, GNUTLS_HANDSHAKE_FINISHED, GNUTLS_HOOK_POST,
                                           on_finished);
    }
}

static void closed(struct http_connection *c)
{
    struct http_worker *w = c->worker;
    loop_remove(&c->source);
    http_credentials_release(c->credentials);
    LIST_REMOVE(c, entry);
    w->connection_count--;
    atomic_fetch_sub(&w->listener->connections, 1);
    atomic_fetch_sub(&w->listener->per_address[c->address_slot], 1);
    free(c);
    http_worker_connection_closed(w);
}

void http_connection_notify(void *worker, struct MHD_Connection *mhd, void **context,
                            enum MHD_ConnectionNotificationCode what)
{
    struct http_worker *w = worker;
    w->progress = true;
    if (what == MHD_CONNECTION_NOTIFY_STARTED) {
        started(w, mhd, context);
    } else if (*context != NULL) {
        closed(*context);
        *context = NULL;
    }
}
