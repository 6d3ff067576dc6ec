// SPDX-License-Identifier: ISC
#include "api/http/http_headers.h"

#include "tests/support/test.h"

#define FIELD(n, v)                                                                                \
    {                                                                                              \
        STR(n), STR(v)                                                                             \
    }
#define HEADERS(...)                                                                               \
    (&(const struct http_headers){                                                                 \
        (const struct http_header[]){__VA_ARGS__},                                                 \
        ARRAY_LEN(((const struct http_header[]){__VA_ARGS__})),                                    \
    })

static void names_are_found_in_any_case(void **state)
{
    (void)state;
    const struct http_headers *h = HEADERS(FIELD("x-vault-wrap-ttl", "5m"), FIELD("A", "b"));
    assert_str("5m", http_headers_get(h, STR("X-Vault-Wrap-TTL")));
    assert_null(http_headers_get(h, STR("X-Vault")).ptr);
}

static void two_readings_of_the_length_are_refused(void **state)
{
    (void)state;
    assert_ok(http_headers_check(HEADERS(FIELD("Content-Length", "5"))));
    assert_ok(http_headers_check(HEADERS(FIELD("Transfer-Encoding", "Chunked"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length", "5"),
                                                      FIELD("content-length", "5"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length", "5"),
                                                      FIELD("Transfer-Encoding", "chunked"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Transfer-Encoding", "chunked"),
                                                      FIELD("Transfer-Encoding", "chunked"))));
    assert_status(INVALID,
                  http_headers_check(HEADERS(FIELD("Transfer-Encoding", "gzip, chunked"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length ", "5"))));
    // As libmicrohttpd reports a folded line.
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length0", "5"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("transfer-encodingd", "chunke"))));
}

static void a_length_is_digits_only(void **state)
{
    (void)state;
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length", "-0"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length", "+5"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length", "5, 5"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length", "0x5"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("Content-Length", ""))));
}

static void repeated_authority_is_refused(void **state)
{
    (void)state;
    assert_status(INVALID, http_headers_check(
                               HEADERS(FIELD("X-Vault-Token", "a"), FIELD("x-vault-token", "a"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("X-Vault-Namespace", "a"),
                                                      FIELD("X-Vault-Namespace", "b"))));
    assert_ok(http_headers_check(HEADERS(FIELD("Accept", "a"), FIELD("Accept", "b"))));
}

static void malformed_fields_are_refused(void **state)
{
    (void)state;
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("", "a"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("A b", "a"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("A", "a\rb"))));
    assert_status(INVALID, http_headers_check(HEADERS(FIELD("A", "a\0b"))));
}

static void token_comes_from_either_header(void **state)
{
    (void)state;
    struct str token;
    assert_ok(http_headers_token(HEADERS(FIELD("X-Vault-Token", "s.1")), &token));
    assert_str("s.1", token);
    assert_ok(http_headers_token(HEADERS(FIELD("Authorization", "bearer  s.2 ")), &token));
    assert_str("s.2", token);
    assert_ok(http_headers_token(HEADERS(FIELD("Authorization", "Basic s.3")), &token));
    assert_str("", token);
    assert_ok(http_headers_token(
        HEADERS(FIELD("Authorization", "Bearer s.4"), FIELD("X-Vault-Token", "s.4")), &token));
    assert_str("s.4", token);
}

static void different_tokens_are_refused(void **state)
{
    (void)state;
    struct str token = STR("untouched");
    assert_status(INVALID, http_headers_token(HEADERS(FIELD("Authorization", "Bearer s.4"),
                                                      FIELD("X-Vault-Token", "s.5")),
                                              &token));
    assert_str("untouched", token);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_in_any_case),
        cmocka_unit_test(two_readings_of_the_length_are_refused),
        cmocka_unit_test(a_length_is_digits_only),
        cmocka_unit_test(repeated_authority_is_refused),
        cmocka_unit_test(malformed_fields_are_refused),
        cmocka_unit_test(token_comes_from_either_header),
        cmocka_unit_test(different_tokens_are_refused),
    };
    return RUN_TESTS(tests);
}
