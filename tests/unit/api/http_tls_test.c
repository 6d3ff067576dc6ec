// SPDX-License-Identifier: ISC
#include "tests/unit/api/http_fixture.h"

#include <fcntl.h>
#include <gnutls/abstract.h>
#include <gnutls/x509.h>
#include <stdio.h>
#include <time.h>
#include <unistd.h>

struct fixture {
    char folder[32];
    char cert_file[64];
    char key_file[64];
    struct server server;
};

static void write_file(const char *path, const gnutls_datum_t *data)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal((ssize_t)data->size, write(fd, data->data, data->size));
    close(fd);
}

// A self-signed certificate with this serial number, and its key.
static void make_certificate(const struct fixture *f, uint8_t serial)
{
    gnutls_x509_privkey_t key;
    gnutls_x509_crt_t cert;
    gnutls_datum_t pem;
    gnutls_x509_privkey_init(&key);
    gnutls_x509_crt_init(&cert);
    gnutls_x509_privkey_generate(key, GNUTLS_PK_ECDSA,
                                 GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0);
    gnutls_x509_crt_set_version(cert, 3);
    gnutls_x509_crt_set_serial(cert, &serial, 1);
    gnutls_x509_crt_set_activation_time(cert, time(NULL) - 3600);
    gnutls_x509_crt_set_expiration_time(cert, time(NULL) + 3600);
    gnutls_x509_crt_set_dn(cert, "CN=localhost", NULL);
    gnutls_x509_crt_set_key(cert, key);
    assert_int_equal(0, gnutls_x509_crt_sign2(cert, cert, key, GNUTLS_DIG_SHA256, 0));
    assert_int_equal(0, gnutls_x509_crt_export2(cert, GNUTLS_X509_FMT_PEM, &pem));
    write_file(f->cert_file, &pem);
    gnutls_free(pem.data);
    assert_int_equal(0, gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &pem));
    write_file(f->key_file, &pem);
    gnutls_free(pem.data);
    gnutls_x509_crt_deinit(cert);
    gnutls_x509_privkey_deinit(key);
}

static int set_up(void **state)
{
    static struct fixture f;
    snprintf(f.folder, sizeof f.folder, "/tmp/http-test-XXXXXX");
    assert_non_null(mkdtemp(f.folder));
    snprintf(f.cert_file, sizeof f.cert_file, "%s/cert.pem", f.folder);
    snprintf(f.key_file, sizeof f.key_file, "%s/key.pem", f.folder);
    make_certificate(&f, 1);
    server_init(&f.server);
    f.server.options.tls_cert_file = f.cert_file;
    f.server.options.tls_key_file = f.key_file;
    f.server.options.limits.header_us = 500000;
    server_start(&f.server);
    *state = &f;
    return 0;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    server_stop(&f->server);
    unlink(f->cert_file);
    unlink(f->key_file);
    rmdir(f->folder);
    return 0;
}

struct tls_client {
    int fd;
    gnutls_session_t session;
    gnutls_certificate_credentials_t credentials;
};

static void tls_connect(const struct server *s, struct tls_client *c)
{
    c->fd = client_connect(s);
    gnutls_certificate_allocate_credentials(&c->credentials);
    gnutls_init(&c->session, GNUTLS_CLIENT);
    gnutls_set_default_priority(c->session);
    gnutls_credentials_set(c->session, GNUTLS_CRD_CERTIFICATE, c->credentials);
    gnutls_transport_set_int(c->session, c->fd);
    assert_int_equal(0, gnutls_handshake(c->session));
}

static void tls_close(struct tls_client *c)
{
    gnutls_deinit(c->session);
    gnutls_certificate_free_credentials(c->credentials);
    close(c->fd);
}

static uint8_t peer_serial(const struct tls_client *c)
{
    unsigned count = 0;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(c->session, &count);
    gnutls_x509_crt_t cert;
    uint8_t serial[20] = {0};
    size_t len = sizeof serial;
    assert_int_equal(1, count);
    gnutls_x509_crt_init(&cert);
    assert_int_equal(0, gnutls_x509_crt_import(cert, &chain[0], GNUTLS_X509_FMT_DER));
    assert_int_equal(0, gnutls_x509_crt_get_serial(cert, serial, &len));
    gnutls_x509_crt_deinit(cert);
    return serial[len - 1];
}

// Sends a request and reads `body_bytes` of 'x' and whatever comes with them.
static void tls_ask(const struct tls_client *c, const char *request, size_t body_bytes)
{
    static char part[16384];
    size_t seen = 0;
    bool header = false;
    for (size_t sent = 0; sent < strlen(request);) {
        ssize_t n = gnutls_record_send(c->session, request + sent, strlen(request + sent));
        assert_true(n > 0);
        sent += (size_t)n;
    }
    while (seen < body_bytes || !header) {
        ssize_t n = gnutls_record_recv(c->session, part, sizeof part);
        if (n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
            continue;
        }
        assert_true(n > 0);
        header = header || strncmp(part, "HTTP/1.1 20", 11) == 0;
        for (ssize_t i = 0; i < n; i++) {
            seen += part[i] == 'x';
        }
        explicit_bzero(part, (size_t)n);
    }
}

static void reload_keeps_connections_and_serves_the_new_certificate(void **state)
{
    struct fixture *f = *state;
    struct tls_client before;
    struct tls_client after;
    tls_connect(&f->server, &before);
    assert_int_equal(1, peer_serial(&before));
    tls_ask(&before, "GET /large?bytes=10 HTTP/1.1\r\nHost: h\r\n\r\n", 10);
    make_certificate(f, 2);
    assert_ok(http_listener_reload_tls(f->server.listener));
    tls_ask(&before, "GET /large?bytes=10 HTTP/1.1\r\nHost: h\r\n\r\n", 10);
    tls_connect(&f->server, &after);
    assert_int_equal(2, peer_serial(&after));
    tls_ask(&after, "GET /large?bytes=10 HTTP/1.1\r\nHost: h\r\n\r\n", 10);
    tls_close(&before);
    tls_close(&after);
}

static void failed_reload_keeps_the_old_certificate(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    gnutls_datum_t garbage = {(unsigned char *)(uintptr_t) "garbage", 7};
    write_file(f->cert_file, &garbage);
    assert_status(INVALID, http_listener_reload_tls(f->server.listener));
    tls_connect(&f->server, &c);
    assert_int_equal(1, peer_serial(&c));
    tls_close(&c);
}

static void key_of_another_certificate_is_refused(void **state)
{
    struct fixture *f = *state;
    gnutls_datum_t key;
    assert_int_equal(0, gnutls_load_file(f->key_file, &key));
    make_certificate(f, 3);
    write_file(f->key_file, &key);
    gnutls_free(key.data);
    assert_status(INVALID, http_listener_reload_tls(f->server.listener));
}

enum { TRACE_BLOCK = 1000, TRACE_BLOCKS = 60 };

// Many records full of markers: a small one is soon written over by chance.
static void token_and_body_leave_no_trace(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    static char request[TRACE_BLOCK * (TRACE_BLOCKS + 1)];
    char marker[MARKER_BYTES + 1] = "";
    tls_connect(&f->server, &c);
    marker_write(marker);
    size_t len = (size_t)snprintf(request, sizeof request,
                                  "POST /echo HTTP/1.1\r\nHost: x\r\nX-Vault-Token: %s\r\n"
                                  "Content-Length: %d\r\n\r\n",
                                  marker, TRACE_BLOCK * TRACE_BLOCKS);
    for (int i = 0; i < TRACE_BLOCKS; i++) {
        len += (size_t)snprintf(request + len, sizeof request - len, "%*s%s",
                                TRACE_BLOCK - MARKER_BYTES, "x", marker);
    }
    tls_ask(&c, request, TRACE_BLOCKS);
    tls_close(&c);
    explicit_bzero(request, sizeof request);
    explicit_bzero(marker, sizeof marker);
    sleep_ms(50);
    assert_int_equal(0, marker_count());
}

static int64_t server_cpu_us(const struct server *s)
{
    clockid_t clock;
    struct timespec t;
    pthread_getcpuclockid(s->thread, &clock);
    clock_gettime(clock, &t);
    return (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

static void six_bytes_of_a_client_hello_dont_spin(void **state)
{
    static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01};
    struct fixture *f = *state;
    int fd = client_connect(&f->server);
    client_send_bytes(fd, BYTES_OF(hello));
    sleep_ms(50);
    int64_t before_us = server_cpu_us(&f->server);
    sleep_ms(300);
    int64_t used_us = server_cpu_us(&f->server) - before_us;
    close(fd);
    if (used_us > 30000) {
        fail_msg("the server used %lld us of 300 ms", (long long)used_us);
    }
}

static void stuck_handshake_is_shut(void **state)
{
    static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01};
    struct fixture *f = *state;
    int fd = client_connect(&f->server);
    client_send_bytes(fd, BYTES_OF(hello));
    assert_in_range(client_ms_until_closed(fd), 400, 900);
    close(fd);
    assert_int_equal(1, server_stats(&f->server).timeouts);
}

static void finished_handshake_without_request_is_idle(void **state)
{
    struct fixture *f = *state;
    struct tls_client c;
    tls_connect(&f->server, &c);
    sleep_ms(1200);
    tls_ask(&c, "GET /large?bytes=10 HTTP/1.1\r\nHost: h\r\n\r\n", 10);
    tls_close(&c);
}

// Every record is a round of libmicrohttpd's without an event: none of them may wait 5 ms.
static void long_answer_isnt_slowed_by_the_wait(void **state)
{
    static const uint8_t hello[] = {0x16, 0x03, 0x01, 0x02, 0x00, 0x01};
    struct fixture *f = *state;
    struct tls_client c;
    int stuck = client_connect(&f->server);
    client_send_bytes(stuck, BYTES_OF(hello));
    tls_connect(&f->server, &c);
    int64_t begin_us = clock_monotonic_us();
    tls_ask(&c, "GET /large?bytes=4000000 HTTP/1.1\r\nHost: h\r\n\r\n", 4000000);
    tls_ask(&c, "GET /stream?bytes=2000000 HTTP/1.1\r\nHost: h\r\n\r\n", 2000000);
    assert_true(clock_monotonic_us() - begin_us < 1000000);
    tls_close(&c);
    close(stuck);
}

static void a_malformed_length_is_answered_once(void **state)
{
    static const char request[] = "POST /echo HTTP/1.1\r\nHost: h\r\nContent-Length: -1\r\n\r\n";
    struct fixture *f = *state;
    struct tls_client c;
    char answer[2048] = "";
    size_t len = 0;
    tls_connect(&f->server, &c);
    assert_true(gnutls_record_send(c.session, request, sizeof request - 1) > 0);
    ssize_t n;
    while ((n = gnutls_record_recv(c.session, answer + len, sizeof answer - 1 - len)) > 0 ||
           n == GNUTLS_E_AGAIN || n == GNUTLS_E_INTERRUPTED) {
        len += n > 0 ? (size_t)n : 0;
    }
    assert_non_null(strstr(answer, "HTTP/1.1 400 Bad Request\r\n"));
    assert_non_null(strstr(answer, "malformed Content-Length"));
    assert_null(strstr(answer + 1, "HTTP/1.1"));
    tls_close(&c);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(reload_keeps_connections_and_serves_the_new_certificate),
        TEST(failed_reload_keeps_the_old_certificate),
        TEST(key_of_another_certificate_is_refused),
        TEST(token_and_body_leave_no_trace),
        TEST(six_bytes_of_a_client_hello_dont_spin),
        TEST(stuck_handshake_is_shut),
        TEST(finished_handshake_without_request_is_idle),
        TEST(long_answer_isnt_slowed_by_the_wait),
        TEST(a_malformed_length_is_answered_once),
    };
    return RUN_TESTS(tests);
}
