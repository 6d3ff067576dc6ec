// SPDX-License-Identifier: ISC
// Holds many idle TLS connections, each after one answered request, until standard input ends.
//
//     bench_idle PORT COUNT
//
// Prints "held <count>" when all are there; then answers every line on standard input by sending
// one more request on each connection, and prints "alive <count>" of those that were answered.
#include <arpa/inet.h>
#include <gnutls/gnutls.h>
#include <netinet/in.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum { COUNT_MAX = 50000, ANSWER_BYTES = 4096 };

static const char request[] = "HEAD /v1/sys/health HTTP/1.1\r\nHost: localhost\r\n\r\n";

static int connect_to(uint16_t port)
{
    struct sockaddr_in a = {.sin_family = AF_INET, .sin_port = htons(port)};
    a.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&a, sizeof a) != 0) {
        close(fd);
        return -1;
    }
    return fd;
}

// The server's certificate isn't checked: what is measured is the server.
static gnutls_session_t open_one(uint16_t port, gnutls_certificate_credentials_t credentials)
{
    gnutls_session_t session;
    int fd = connect_to(port);
    if (fd < 0 || gnutls_init(&session, GNUTLS_CLIENT | GNUTLS_NO_TICKETS) != 0) {
        return NULL;
    }
    gnutls_set_default_priority(session);
    gnutls_credentials_set(session, GNUTLS_CRD_CERTIFICATE, credentials);
    gnutls_transport_set_int(session, fd);
    gnutls_handshake_set_timeout(session, GNUTLS_DEFAULT_HANDSHAKE_TIMEOUT);
    int result;
    do {
        result = gnutls_handshake(session);
    } while (result < 0 && gnutls_error_is_fatal(result) == 0);
    if (result < 0) {
        gnutls_deinit(session);
        close(fd);
        return NULL;
    }
    return session;
}

static int is_answered(gnutls_session_t session)
{
    char answer[ANSWER_BYTES];
    ssize_t got = gnutls_record_send(session, request, sizeof request - 1);
    while (got > 0 || got == GNUTLS_E_AGAIN || got == GNUTLS_E_INTERRUPTED) {
        got = gnutls_record_recv(session, answer, sizeof answer);
        if (got >= 12) {
            return memcmp(answer, "HTTP/1.1 200", 12) == 0;
        }
    }
    return 0;
}

static long count_answered(gnutls_session_t *sessions, long count)
{
    long answered = 0;
    for (long i = 0; i < count; i++) {
        answered += is_answered(sessions[i]);
    }
    return answered;
}

static long hold(gnutls_session_t *sessions, long count, uint16_t port,
                 gnutls_certificate_credentials_t credentials)
{
    long held = 0;
    while (held < count) {
        sessions[held] = open_one(port, credentials);
        if (sessions[held] == NULL || !is_answered(sessions[held])) {
            break;
        }
        held++;
    }
    return held;
}

int main(int argc, char **argv)
{
    long port = argc == 3 ? strtol(argv[1], NULL, 10) : 0;
    long count = argc == 3 ? strtol(argv[2], NULL, 10) : 0;
    if (port < 1 || port > UINT16_MAX || count < 1 || count > COUNT_MAX) {
        fprintf(stderr, "usage: bench_idle PORT COUNT\n");
        return 2;
    }
    gnutls_session_t *sessions = calloc((size_t)count, sizeof(gnutls_session_t));
    gnutls_certificate_credentials_t credentials;
    if (sessions == NULL || gnutls_certificate_allocate_credentials(&credentials) != 0) {
        return 1;
    }
    long held = hold(sessions, count, (uint16_t)port, credentials);
    printf("held %ld\n", held);
    fflush(stdout);
    char line[16];
    while (fgets(line, sizeof line, stdin) != NULL) {
        printf("alive %ld\n", count_answered(sessions, held));
        fflush(stdout);
    }
    return held == count ? 0 : 1; // the kernel closes the connections
}
