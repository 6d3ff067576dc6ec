// SPDX-License-Identifier: ISC
// Where to listen: from the configuration's text to an open socket.
#pragma once

#include "vault/base/bytes.h"

struct http_socket {
    int fd;
    uint16_t port;       // 0 for a unix socket
    char *unix_path;     // that was created and is to be removed, from malloc(), or NULL
    bool leaves_machine; // reachable from elsewhere
};

// The forms are those of http_listener_options.address. The socket doesn't block, listens, and has
// no SO_REUSEPORT: a second server on the address fails instead of sharing it.
// INVALID, CONFLICT (in use), UNAVAILABLE, NOMEM.
struct status http_socket_open(struct str address, struct http_socket *out);
void http_socket_close(struct http_socket *s);
