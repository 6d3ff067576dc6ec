// SPDX-License-Identifier: ISC
#include "api/http/http_path.h"

#include "tests/support/test.h"
#include "vault/base/limits.h"

struct parsed {
    struct arena *arena;
    struct http_path path;
    struct http_params query;
};

static int set_up(void **state)
{
    struct parsed *p = calloc(1, sizeof *p);
    p->arena = arena_new(1024 * 1024);
    *state = p;
    return 0;
}

static int tear_down(void **state)
{
    struct parsed *p = *state;
    arena_free(p->arena);
    free(p);
    return 0;
}

static struct status parse(struct parsed *p, struct str target)
{
    return http_target_parse(p->arena, target, &p->path, &p->query);
}

static void splits_then_decodes(void **state)
{
    struct parsed *p = *state;
    assert_ok(parse(p, STR("/v1/kv/data/a%20b%25/%C3%A9/")));
    assert_str("v1/kv/data/a b%/\xC3\xA9/", p->path.text);
    assert_int_equal(5, p->path.count);
    assert_str("a b%", p->path.segments[3]);
    assert_str("\xC3\xA9", p->path.segments[4]);
    assert_true(p->path.trailing_slash);
}

static void root_has_no_segments(void **state)
{
    struct parsed *p = *state;
    assert_ok(parse(p, STR("/")));
    assert_int_equal(0, p->path.count);
    assert_false(p->path.trailing_slash);
    assert_str("", p->path.text);
}

static void the_host_of_an_absolute_target_is_dropped(void **state)
{
    static const char *const targets[] = {"http://h/v1/sys?a=b", "HTTPS://h:8200/v1/sys?a=b",
                                          "http://[::1]:8200/v1/sys?a=b"};
    struct parsed *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        assert_ok(parse(p, str_from_c(targets[i])));
        assert_str("v1/sys", p->path.text);
        assert_int_equal(1, p->query.count);
    }
    static const char *const wrong[] = {"http:///v1/sys", "http://u@h/v1/sys", "http://h",
                                        "http://h?v1",    "http:/v1/sys",      "ftp://h/v1/sys",
                                        "http://h//v1",   "http://h/../v1",    "://h/v1"};
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        assert_status(INVALID, parse(p, str_from_c(wrong[i])));
    }
}

static void refuses_what_could_mean_another_path(void **state)
{
    static const char *const targets[] = {
        "/v1/../sys", "/v1/..",   "/v1/%2e%2e/sys", "/v1/%2E%2e", "/v1/.%2e/sys", "/v1/./sys",
        "/v1/%2e",    "/v1//sys", "//v1/sys",       "/v1/sys//",  "//",           "/v1/a%2Fb",
        "/v1/a%2fb",  "/v1/%2F",  "/v1/a%00b",      "/v1/a%0ab",  "/v1/a%7fb",    "v1/sys",
        "",           "*",        "http://h",       "/v1/a#b",    "/v1/a b",      "/v1/a\tb",
    };
    struct parsed *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct status s = parse(p, str_from_c(targets[i]));
        if (s.code != STATUS_INVALID) {
            fail_msg("accepted %s", targets[i]);
        }
    }
}

static void dots_inside_names_are_names(void **state)
{
    struct parsed *p = *state;
    assert_ok(parse(p, STR("/v1/.../..a/a../.hidden")));
    assert_int_equal(5, p->path.count);
    assert_str("...", p->path.segments[1]);
}

static void refuses_malformed_encodings_and_bad_utf8(void **state)
{
    static const char *const targets[] = {
        "/v1/%",      "/v1/%2",      "/v1/%zz",          "/v1/%C3",    "/v1/%C0%80",
        "/v1/%ff",    "/v1/\xFF",    "/v1/%ED%A0%80",    "/v1/a?x=%f", "/v1/a?x=%C3",
        "/v1/a?%00=", "/v1/a?x=%00", "/v1/%F4%90%80%80",
    };
    struct parsed *p = *state;
    for (size_t i = 0; i < ARRAY_LEN(targets); i++) {
        struct status s = parse(p, str_from_c(targets[i]));
        if (s.code != STATUS_INVALID) {
            fail_msg("accepted %s", targets[i]);
        }
    }
}

static void refuses_long_paths_and_many_segments(void **state)
{
    static char target[64 * 1024];
    struct parsed *p = *state;
    memset(target, 'a', sizeof target);
    target[0] = '/';
    assert_status(INVALID, parse(p, (struct str){target, sizeof target}));
    assert_status(INVALID, parse(p, (struct str){target, LIMIT_PATH_BYTES + 1}));
    assert_ok(parse(p, (struct str){target, LIMIT_PATH_BYTES}));
    for (size_t i = 0; i < 2 * (HTTP_PATH_SEGMENTS + 1); i += 2) {
        target[i] = '/';
    }
    assert_status(INVALID, parse(p, (struct str){target, 2 * (HTTP_PATH_SEGMENTS + 1)}));
    assert_ok(parse(p, (struct str){target, 2 * HTTP_PATH_SEGMENTS}));
}

static void query_is_decoded(void **state)
{
    struct parsed *p = *state;
    struct str value;
    assert_ok(parse(p, STR("/v1/kv?list=true&a%2Fb=c%26d+e&empty&x=1=2&")));
    assert_int_equal(4, p->query.count);
    assert_true(http_params_get(&p->query, STR("a/b"), &value));
    assert_str("c&d e", value);
    assert_true(http_params_get(&p->query, STR("empty"), &value));
    assert_str("", value);
    assert_true(http_params_get(&p->query, STR("x"), &value));
    assert_str("1=2", value);
    assert_false(http_params_get(&p->query, STR("absent"), &value));
}

static void refuses_repeated_query_parameters(void **state)
{
    struct parsed *p = *state;
    assert_status(INVALID, parse(p, STR("/v1/kv?version=1&version=2")));
    assert_status(INVALID, parse(p, STR("/v1/kv?version=1&%76ersion=1")));
}

static void refuses_too_many_query_parameters(void **state)
{
    char target[512] = "/v1/kv?";
    struct parsed *p = *state;
    memset(target + 7, '&', HTTP_QUERY_PARAMS);
    assert_status(INVALID, parse(p, (struct str){target, 7 + HTTP_QUERY_PARAMS}));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(splits_then_decodes),
        TEST(root_has_no_segments),
        TEST(the_host_of_an_absolute_target_is_dropped),
        TEST(refuses_what_could_mean_another_path),
        TEST(dots_inside_names_are_names),
        TEST(refuses_malformed_encodings_and_bad_utf8),
        TEST(refuses_long_paths_and_many_segments),
        TEST(query_is_decoded),
        TEST(refuses_repeated_query_parameters),
        TEST(refuses_too_many_query_parameters),
    };
    return RUN_TESTS(tests);
}
