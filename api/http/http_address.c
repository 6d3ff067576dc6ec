// SPDX-License-Identifier: ISC
#include "api/http/http_address.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

enum { ADDRESS_TEXT_MAX = 64, SOCKET_MODE = 0660 };

union address {
    struct sockaddr any;
    struct sockaddr_in v4;
    struct sockaddr_in6 v6;
    struct sockaddr_un local;
};

static bool is_loopback(const union address *a)
{
    if (a->any.sa_family == AF_INET) {
        return ntohl(a->v4.sin_addr.s_addr) >> 24 == 127;
    }
    return a->any.sa_family == AF_INET6 && IN6_IS_ADDR_LOOPBACK(&a->v6.sin6_addr);
}

// "host:port" at the last colon; brackets around IPv6 are dropped.
static struct status split_host(struct str text, char host[ADDRESS_TEXT_MAX], uint16_t *port)
{
    size_t colon = text.len;
    while (colon > 0 && text.ptr[colon - 1] != ':') {
        colon--;
    }
    if (colon == 0) {
        FAIL(INVALID, "listener address: expected host:port, unix:/path or fd:N");
    }
    struct str name = str_first(text, colon - 1);
    int64_t number;
    TRY(str_parse_int(str_skip(text, colon), &number));
    if (number < 0 || number > 65535) {
        FAIL(INVALID, "listener address: the port must be between 0 and 65535");
    }
    if (str_starts_with(name, STR("[")) && str_ends_with(name, STR("]"))) {
        name = str_first(str_skip(name, 1), name.len - 2);
    }
    if (name.len >= ADDRESS_TEXT_MAX) {
        FAIL(INVALID, "listener address: the host must be an IP address or localhost");
    }
    memcpy(host, name.len == 0 ? "" : name.ptr, name.len);
    host[name.len] = '\0';
    *port = (uint16_t)number;
    return OK_STATUS;
}

static struct status parse_tcp(struct str text, union address *out, socklen_t *len)
{
    char host[ADDRESS_TEXT_MAX];
    uint16_t port;
    TRY(split_host(text, host, &port));
    *out = (union address){.any = {.sa_family = AF_UNSPEC}};
    const char *numeric = strcmp(host, "localhost") == 0 ? "127.0.0.1" : host;
    if (inet_pton(AF_INET, numeric, &out->v4.sin_addr) == 1) {
        out->v4.sin_family = AF_INET;
        out->v4.sin_port = htons(port);
        *len = sizeof out->v4;
        return OK_STATUS;
    }
    *out = (union address){.v6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)}};
    *len = sizeof out->v6;
    // No host is every address: in6addr_any, which takes IPv4 as well.
    if (host[0] != '\0' && inet_pton(AF_INET6, host, &out->v6.sin6_addr) != 1) {
        FAIL(INVALID, "listener address: the host must be an IP address or localhost");
    }
    return OK_STATUS;
}

static struct status bind_and_listen(int fd, const union address *a, socklen_t len)
{
    if (bind(fd, &a->any, len) != 0) {
        if (errno == EADDRINUSE) {
            FAIL(CONFLICT, "the listener address is in use");
        }
        FAIL(UNAVAILABLE, "the listener address can't be bound");
    }
    if (listen(fd, SOMAXCONN) != 0) {
        FAIL(UNAVAILABLE, "the listener socket can't listen");
    }
    return OK_STATUS;
}

static int new_socket(int family)
{
    return socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
}

static uint16_t bound_port(int fd)
{
    union address a;
    socklen_t len = sizeof a;
    if (getsockname(fd, &a.any, &len) != 0) {
        return 0;
    }
    switch (a.any.sa_family) {
    case AF_INET:
        return ntohs(a.v4.sin_port);
    case AF_INET6:
        return ntohs(a.v6.sin6_port);
    default:
        return 0;
    }
}

static struct status open_tcp(struct str text, struct http_socket *s)
{
    union address a;
    socklen_t len;
    TRY(parse_tcp(text, &a, &len));
    s->leaves_machine = !is_loopback(&a);
    s->fd = new_socket(a.any.sa_family);
    if (s->fd < 0) {
        FAIL(UNAVAILABLE, "no socket for the listener");
    }
    int on = 1;
    int off = 0;
    // SO_REUSEADDR only lets a restart bind while old connections are in TIME_WAIT.
    setsockopt(s->fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (a.any.sa_family == AF_INET6) {
        setsockopt(s->fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof off);
    }
    TRY(bind_and_listen(s->fd, &a, len));
    s->port = bound_port(s->fd);
    return OK_STATUS;
}

// A socket file that nobody answers on is left over from a crash.
static struct status remove_stale(const union address *a, socklen_t len)
{
    struct stat info;
    if (lstat(a->local.sun_path, &info) != 0) {
        return OK_STATUS;
    }
    if (!S_ISSOCK(info.st_mode)) {
        FAIL(CONFLICT, "the listener path exists and is not a socket");
    }
    int probe = new_socket(AF_UNIX);
    if (probe < 0) {
        FAIL(UNAVAILABLE, "no socket for the listener");
    }
    bool refused = connect(probe, &a->any, len) != 0 && errno == ECONNREFUSED;
    close(probe);
    if (!refused) {
        FAIL(CONFLICT, "the listener path is in use");
    }
    unlink(a->local.sun_path);
    return OK_STATUS;
}

static struct status open_unix(struct str path, struct http_socket *s)
{
    union address a = {.local = {.sun_family = AF_UNIX}};
    if (path.len == 0 || path.len >= sizeof a.local.sun_path || path.ptr[0] != '/') {
        FAIL(INVALID, "listener address: expected unix:/path of at most 107 bytes");
    }
    memcpy(a.local.sun_path, path.ptr, path.len);
    TRY(remove_stale(&a, sizeof a.local));
    s->fd = new_socket(AF_UNIX);
    if (s->fd < 0) {
        FAIL(UNAVAILABLE, "no socket for the listener");
    }
    // Nobody else may connect before the mode is set: the descriptor's mode applies to the file.
    if (fchmod(s->fd, SOCKET_MODE) != 0) {
        FAIL(UNAVAILABLE, "the listener socket's mode can't be set");
    }
    TRY(bind_and_listen(s->fd, &a, sizeof a.local));
    s->unix_path = strdup(a.local.sun_path);
    if (s->unix_path == NULL) {
        unlink(a.local.sun_path);
        FAIL(NOMEM, "out of memory");
    }
    return OK_STATUS;
}

static struct status adopt(struct str number, struct http_socket *s)
{
    int64_t fd;
    TRY(str_parse_int(number, &fd));
    int listening = 0;
    socklen_t len = sizeof listening;
    if (fd < 0 || fd > 65535 ||
        getsockopt((int)fd, SOL_SOCKET, SO_ACCEPTCONN, &listening, &len) != 0 || listening == 0) {
        FAIL(INVALID, "listener address: fd:N isn't a listening socket");
    }
    union address a;
    socklen_t a_len = sizeof a;
    int flags = fcntl((int)fd, F_GETFL);
    if (flags < 0 || fcntl((int)fd, F_SETFL, flags | O_NONBLOCK) != 0 ||
        fcntl((int)fd, F_SETFD, FD_CLOEXEC) != 0 || getsockname((int)fd, &a.any, &a_len) != 0) {
        FAIL(UNAVAILABLE, "the socket that was handed over can't be used");
    }
    s->fd = (int)fd;
    s->port = bound_port(s->fd);
    s->leaves_machine = a.any.sa_family != AF_UNIX && !is_loopback(&a);
    return OK_STATUS;
}

void http_socket_close(struct http_socket *s)
{
    if (s->fd >= 0) {
        close(s->fd);
    }
    if (s->unix_path != NULL) {
        unlink(s->unix_path);
        free(s->unix_path);
    }
    *s = (struct http_socket){.fd = -1};
}

struct status http_socket_open(struct str address, struct http_socket *out)
{
    struct http_socket s = {.fd = -1};
    struct status result;
    if (str_starts_with(address, STR("unix:"))) {
        result = open_unix(str_skip(address, 5), &s);
    } else if (str_starts_with(address, STR("fd:"))) {
        result = adopt(str_skip(address, 3), &s);
    } else {
        result = open_tcp(address, &s);
    }
    if (!status_ok(result)) {
        http_socket_close(&s);
        return result;
    }
    *out = s;
    return OK_STATUS;
}
