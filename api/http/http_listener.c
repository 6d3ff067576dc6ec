// SPDX-License-Identifier: ISC
#include "api/http/http_internal.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/random.h>

#include "vault/base/limits.h"

struct http_limits http_limits_default(void)
{
    return (struct http_limits){
        .header_us = (int64_t)LIMIT_SLOW_HEADER_S * CLOCK_SECOND,
        .body_us = (int64_t)LIMIT_SLOW_BODY_S * CLOCK_SECOND,
        .idle_us = (int64_t)LIMIT_IDLE_CONNECTION_S * CLOCK_SECOND,
        .send_us = (int64_t)LIMIT_SLOW_BODY_S * CLOCK_SECOND,
        .request_us = (int64_t)LIMIT_REQUEST_DEADLINE_S * CLOCK_SECOND,
        .header_bytes = LIMIT_HEADER_BYTES,
        .body_bytes = LIMIT_BODY_BYTES,
        .buffered_bytes = (size_t)256 * LIMIT_BODY_BYTES,
        .connections = LIMIT_CONNECTIONS,
        .connections_per_address = LIMIT_CONNECTIONS_PER_ADDRESS,
    };
}

void http_listener_free(struct http_listener *l)
{
    if (l != NULL) {
        http_socket_close(&l->socket);
        http_tls_free(l->tls);
        free(l);
    }
}

static void listener_cleanup(struct http_listener **l)
{
    http_listener_free(*l);
}

static struct status check_options(const struct http_listener_options *o)
{
    if ((o->tls_cert_file == NULL) != (o->tls_key_file == NULL)) {
        FAIL(INVALID, "tls_cert_file and tls_key_file must be given together");
    }
    return OK_STATUS;
}

struct status http_listener_open(const struct http_listener_options *options,
                                 struct http_listener **out)
{
    TRY(check_options(options));
    struct http_listener *l CLEANUP(listener_cleanup) = calloc(1, sizeof *l);
    if (l == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    l->socket.fd = -1;
    l->limits = options->limits;
    // Addresses that share a counter by chance share a limit; nobody outside can arrange that.
    if (getrandom(&l->address_seed, sizeof l->address_seed, 0) != sizeof l->address_seed) {
        FAIL(UNAVAILABLE, "no random numbers");
    }
    if (options->tls_cert_file != NULL) {
        TRY(http_tls_new(options->tls_cert_file, options->tls_key_file, &l->tls));
    }
    TRY(http_socket_open(options->address, &l->socket));
    if (l->socket.leaves_machine && l->tls == NULL && !options->allow_plain) {
        FAIL(DENIED, "plain HTTP on an address that isn't loopback: give tls_cert_file and "
                     "tls_key_file, or allow it explicitly");
    }
    *out = TAKE(l);
    return OK_STATUS;
}

uint16_t http_listener_port(const struct http_listener *l)
{
    return l->socket.port;
}

struct status http_listener_reload_tls(struct http_listener *l)
{
    if (l->tls == NULL) {
        FAIL(UNSUPPORTED, "this listener has no TLS");
    }
    return http_tls_reload(l->tls);
}

int64_t http_listener_expires_s(const struct http_listener *l)
{
    return l->tls == NULL ? 0 : http_tls_expires_s(l->tls);
}

static uint64_t mix(uint64_t x)
{
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    x ^= x >> 32;
    x *= UINT64_C(0xD6E8FEB86659FD93);
    return x ^ x >> 32;
}

uint32_t http_listener_address_slot(const struct http_listener *l, const struct sockaddr *address,
                                    socklen_t len)
{
    uint64_t key = 0;
    if (address->sa_family == AF_INET && len >= sizeof(struct sockaddr_in)) {
        struct sockaddr_in v4;
        memcpy(&v4, address, sizeof v4);
        key = v4.sin_addr.s_addr;
    } else if (address->sa_family == AF_INET6 && len >= sizeof(struct sockaddr_in6)) {
        struct sockaddr_in6 v6;
        memcpy(&v6, address, sizeof v6);
        bool mapped = IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr);
        memcpy(&key, v6.sin6_addr.s6_addr + (mapped ? 12 : 0), mapped ? 4 : 8);
    }
    return (uint32_t)(mix(key ^ l->address_seed) % HTTP_ADDRESS_SLOTS);
}
