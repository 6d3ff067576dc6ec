// SPDX-License-Identifier: ISC
// A Content-Length that is no number, or too large a one, is refused by libmicrohttpd itself; but
// version 0.9.75 forgets that it has (parse_connection_headers() queues an answer, its caller goes
// on as if it hadn't) and writes the head of that answer twice, the second one as its body. It
// tells nobody but its log, and there not which connection: so that message makes us look for the
// header ourselves, answer in its place, and end our side of the socket.
#include "api/http/http_exchange.h"

#include <assert.h>
#include <sys/socket.h>

#define REFUSAL_BODY "{\"errors\":[\"malformed Content-Length\"]}"
#define REFUSAL_LENGTH "39"

static_assert(sizeof REFUSAL_BODY - 1 == 39);

static const char refusal[] = "HTTP/1.1 400 Bad Request\r\n"
                              "Connection: close\r\n"
                              "Cache-Control: no-store\r\n"
                              "Content-Type: application/json\r\n"
                              "X-Content-Type-Options: nosniff\r\n"
                              "Content-Length: " REFUSAL_LENGTH "\r\n\r\n" REFUSAL_BODY;

static bool has_bad_length(struct http_connection *c)
{
    if (c->phase != HTTP_PHASE_HEADER && c->phase != HTTP_PHASE_IDLE) {
        return false;
    }
    const char *text = MHD_lookup_connection_value(c->mhd, MHD_HEADER_KIND, "Content-Length");
    int64_t length;
    return text != NULL && (!status_ok(str_parse_int(str_from_c(text), &length)) || length < 0);
}

// A client that doesn't take these few bytes at once goes without.
static void send_refusal(struct http_connection *c)
{
    if (c->worker->listener->tls == NULL) {
        (void)!send(c->source.fd, refusal, sizeof refusal - 1, MSG_NOSIGNAL | MSG_DONTWAIT);
    } else {
        gnutls_session_t session =
            MHD_get_connection_info(c->mhd, MHD_CONNECTION_INFO_GNUTLS_SESSION)->tls_session;
        (void)!gnutls_record_send(session, refusal, sizeof refusal - 1);
    }
    shutdown(c->source.fd, SHUT_WR);
    http_connection_enter(c, HTTP_PHASE_CLOSE);
}

void http_refuse_bad_length(struct http_worker *w)
{
    struct http_connection *c;
    LIST_FOREACH(c, &w->connections, entry)
    {
        if (has_bad_length(c)) {
            send_refusal(c);
        }
    }
}
