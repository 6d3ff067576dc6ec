// SPDX-License-Identifier: ISC
#include "api/http/http_server.h"

#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"

static struct status open_at(const char *address, bool allow_plain, struct http_listener **out)
{
    struct http_listener_options o = {
        .address = str_from_c(address),
        .allow_plain = allow_plain,
        .limits = http_limits_default(),
    };
    return http_listener_open(&o, out);
}

static void loopback_may_be_plain(void **state)
{
    static const char *const addresses[] = {"127.0.0.1:0", "[::1]:0", "localhost:0"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct http_listener *l;
        assert_ok(open_at(addresses[i], false, &l));
        assert_int_not_equal(0, http_listener_port(l));
        http_listener_free(l);
    }
}

static void plain_http_doesnt_leave_the_machine_unasked(void **state)
{
    static const char *const addresses[] = {"0.0.0.0:0", "[::]:0", ":0"};
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct http_listener *l = NULL;
        assert_status(DENIED, open_at(addresses[i], false, &l));
        assert_null(l);
        assert_ok(open_at(addresses[i], true, &l));
        http_listener_free(l);
    }
}

static void malformed_addresses_are_refused(void **state)
{
    static const char *const addresses[] = {
        "",          "8200",          "127.0.0.1", "127.0.0.1:x", "127.0.0.1:65536",
        "example:1", "unix:relative", "unix:",     "fd:0x",       "fd:9999",
        "[::1:8200", "127.0.0.1:",
    };
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(addresses); i++) {
        struct http_listener *l;
        struct status s = open_at(addresses[i], true, &l);
        if (s.code != STATUS_INVALID) {
            fail_msg("accepted %s", addresses[i]);
        }
    }
}

static void a_port_in_use_is_not_shared(void **state)
{
    (void)state;
    struct http_listener *first;
    struct http_listener *second;
    char address[32];
    assert_ok(open_at("127.0.0.1:0", false, &first));
    snprintf(address, sizeof address, "127.0.0.1:%u", (unsigned)http_listener_port(first));
    assert_status(CONFLICT, open_at(address, false, &second));
    http_listener_free(first);
    assert_ok(open_at(address, false, &second));
    http_listener_free(second);
}

static void unix_socket_is_for_owner_and_group_and_is_removed(void **state)
{
    (void)state;
    char folder[] = "/tmp/http-test-XXXXXX";
    char address[64];
    struct stat info;
    struct http_listener *l;
    struct http_listener *second;
    assert_non_null(mkdtemp(folder));
    snprintf(address, sizeof address, "unix:%s/s", folder);
    assert_ok(open_at(address, false, &l));
    assert_int_equal(0, stat(address + 5, &info));
    assert_int_equal(0, info.st_mode & 07);
    assert_status(CONFLICT, open_at(address, false, &second));
    http_listener_free(l);
    assert_int_not_equal(0, stat(address + 5, &info));
    rmdir(folder);
}

static void certificate_without_key_is_refused(void **state)
{
    (void)state;
    struct http_listener_options o = {
        .address = STR("127.0.0.1:0"),
        .tls_cert_file = "/nonexistent",
        .limits = http_limits_default(),
    };
    struct http_listener *l;
    assert_status(INVALID, http_listener_open(&o, &l));
    o.tls_key_file = "/nonexistent";
    assert_status(INVALID, http_listener_open(&o, &l));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(loopback_may_be_plain),
        cmocka_unit_test(plain_http_doesnt_leave_the_machine_unasked),
        cmocka_unit_test(malformed_addresses_are_refused),
        cmocka_unit_test(a_port_in_use_is_not_shared),
        cmocka_unit_test(unix_socket_is_for_owner_and_group_and_is_removed),
        cmocka_unit_test(certificate_without_key_is_refused),
    };
    return RUN_TESTS(tests);
}
