// SPDX-License-Identifier: ISC
#include "api/http/http_router.h"

#include "tests/support/test.h"

static void handle(void *ctx, struct http_request *req, struct http_response *res)
{
    *(struct http_request **)ctx = req;
    res->status = 202;
}

#define ROUTE(m, p)                                                                                \
    {                                                                                              \
        .methods = (m), .pattern = (p), .handle = handle                                           \
    }

static const struct http_route routes[] = {
    ROUTE(HTTP_ALLOW(GET), "sys/mounts"),
    ROUTE(HTTP_ALLOW(POST) | HTTP_ALLOW(DELETE), "sys/mounts/:path"),
    ROUTE(HTTP_ALLOW(GET), "sys/mounts/tune"),
    ROUTE(HTTP_ALLOW(GET), "sys/policies/acl/:name"),
    ROUTE(HTTP_ALLOW(LIST), "sys/policies/acl"),
    ROUTE(HTTP_ALLOW(GET), "auth/:mount/role/:role/secret-id"),
    ROUTE(HTTP_ALLOW(POST), "auth/:mount/login/*rest"),
    ROUTE(HTTP_ALLOW(GET) | HTTP_ALLOW(POST), "*path"),
};

struct fixture {
    struct http_router *router;
    struct arena *arena;
    struct http_request *seen;
    struct http_match match;
};

static int set_up(void **state)
{
    struct fixture *f = calloc(1, sizeof *f);
    f->router = http_router_new();
    f->arena = arena_new(1024 * 1024);
    *state = f;
    return status_ok(http_router_add(f->router, "v1", routes, ARRAY_LEN(routes), &f->seen)) ? 0
                                                                                            : -1;
}

static int tear_down(void **state)
{
    struct fixture *f = *state;
    http_router_free(f->router);
    arena_free(f->arena);
    free(f);
    return 0;
}

static const struct http_match *find(struct fixture *f, enum http_method method, const char *target)
{
    struct http_path path;
    struct http_params query;
    assert_ok(http_target_parse(f->arena, str_from_c(target), &path, &query));
    http_router_find(f->router, method, &path, 0, &f->match);
    return &f->match;
}

static void assert_route(struct fixture *f, enum http_method method, const char *target,
                         const char *pattern)
{
    const struct http_match *m = find(f, method, target);
    if (m->found != HTTP_FOUND || strcmp(m->route->pattern, pattern) != 0) {
        fail_msg("%s %s: expected %s", http_method_name(method), target, pattern);
    }
}

static void the_most_specific_pattern_wins(void **state)
{
    struct fixture *f = *state;
    assert_route(f, HTTP_GET, "/v1/sys/mounts", "sys/mounts");
    assert_route(f, HTTP_GET, "/v1/sys/mounts/", "sys/mounts");
    assert_route(f, HTTP_GET, "/v1/sys/mounts/tune", "sys/mounts/tune");
    assert_route(f, HTTP_POST, "/v1/sys/mounts/kv", "sys/mounts/:path");
    assert_route(f, HTTP_POST, "/v1/sys/mounts/tune", "sys/mounts/:path");
    assert_route(f, HTTP_POST, "/v1/sys/mounts/kv/tune", "*path");
    assert_route(f, HTTP_GET, "/v1/secret/data/a", "*path");
    assert_route(f, HTTP_POST, "/v1/auth/userpass/login/bob", "auth/:mount/login/*rest");
    assert_route(f, HTTP_GET, "/v1/auth/approle/role/r/secret-id",
                 "auth/:mount/role/:role/secret-id");
}

static void put_is_post_and_head_is_get(void **state)
{
    struct fixture *f = *state;
    assert_route(f, HTTP_PUT, "/v1/sys/mounts/kv", "sys/mounts/:path");
    assert_route(f, HTTP_HEAD, "/v1/sys/mounts", "sys/mounts");
}

static void parameters_carry_their_names(void **state)
{
    struct fixture *f = *state;
    const struct http_match *m = find(f, HTTP_GET, "/v1/auth/a%20b/role/%C3%A9/secret-id");
    const struct http_params params = {m->params, m->param_count};
    struct str value;
    assert_int_equal(2, m->param_count);
    assert_true(http_params_get(&params, STR("mount"), &value));
    assert_str("a b", value);
    assert_true(http_params_get(&params, STR("role"), &value));
    assert_str("\xC3\xA9", value);
}

static void rest_keeps_inner_and_trailing_slashes(void **state)
{
    struct fixture *f = *state;
    const struct http_match *m = find(f, HTTP_GET, "/v1/kv/data/a%20b/c/");
    assert_int_equal(1, m->param_count);
    assert_str("path", m->params[0].name);
    assert_str("kv/data/a b/c/", m->params[0].value);
}

static void known_path_with_other_method_names_those_allowed(void **state)
{
    struct fixture *f = *state;
    const struct http_match *m = find(f, HTTP_PATCH, "/v1/sys/policies/acl/x");
    assert_int_equal(HTTP_NO_METHOD, m->found);
    // The catch-all takes the path as well.
    assert_int_equal(HTTP_ALLOW(GET) | HTTP_ALLOW(POST), m->allowed);
}

static void unknown_path_is_not_found(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(HTTP_NO_PATH, find(f, HTTP_GET, "/v2/sys")->found);
    assert_int_equal(HTTP_NO_PATH, find(f, HTTP_GET, "/v1")->found);
    assert_int_equal(HTTP_NO_PATH, find(f, HTTP_GET, "/")->found);
}

static void serve_calls_the_handler_with_its_parameters(void **state)
{
    struct fixture *f = *state;
    struct http_request req = {.arena = f->arena, .method = HTTP_GET};
    struct http_response res;
    http_response_init(&res, f->arena);
    assert_ok(http_target_parse(f->arena, STR("/v1/sys/policies/acl/x"), &req.path, &req.query));
    http_router_serve(f->router, &req, &res);
    assert_ptr_equal(&req, f->seen);
    assert_int_equal(202, res.status);
    http_response_done(&res);
}

static void serve_answers_unknown_paths_and_methods(void **state)
{
    struct fixture *f = *state;
    struct http_request req = {.arena = f->arena, .method = HTTP_GET};
    struct http_response res;
    http_response_init(&res, f->arena);
    assert_ok(http_target_parse(f->arena, STR("/v2/x"), &req.path, &req.query));
    http_router_serve(f->router, &req, &res);
    assert_int_equal(404, res.status);
    assert_str("{\"errors\":[]}", buffer_str(&res.body));
    req.method = HTTP_DELETE;
    assert_ok(http_target_parse(f->arena, STR("/v1/sys/mounts"), &req.path, &req.query));
    http_router_serve(f->router, &req, &res);
    assert_int_equal(405, res.status);
    assert_str("Allow", res.extra[0].name);
    assert_str("GET, POST", res.extra[0].value);
    assert_null(f->seen);
    http_response_done(&res);
}

static void bad_tables_are_refused(void **state)
{
    struct fixture *f = *state;
    static const struct http_route bad[] = {
        ROUTE(HTTP_ALLOW(GET), "a//b"),
        ROUTE(HTTP_ALLOW(GET), "a/"),
        ROUTE(HTTP_ALLOW(GET), "*r/b"),
        ROUTE(HTTP_ALLOW(GET), "a/:"),
        ROUTE(HTTP_ALLOW(GET), ":a/:b/:c/:d/:e/:f/:g/:h/:i"),
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_status(INVALID, http_router_add(f->router, "v1", &bad[i], 1, NULL));
    }
    static const struct http_route twice = ROUTE(HTTP_ALLOW(GET), "sys/mounts");
    assert_status(CONFLICT, http_router_add(f->router, "v1", &twice, 1, NULL));
    assert_ok(http_router_add(f->router, "v2", &twice, 1, NULL));
}

static void list_and_scan_may_be_asked_for_with_get(void **state)
{
    struct fixture *f = *state;
    struct http_path path;
    struct http_params query;
    assert_ok(http_target_parse(f->arena, STR("/v1/a?list=true"), &path, &query));
    assert_int_equal(HTTP_LIST, http_router_method(HTTP_GET, &query));
    assert_int_equal(HTTP_POST, http_router_method(HTTP_POST, &query));
    assert_int_equal(HTTP_POST, http_router_method(HTTP_PUT, &query));
    assert_ok(http_target_parse(f->arena, STR("/v1/a?scan=true"), &path, &query));
    assert_int_equal(HTTP_SCAN, http_router_method(HTTP_GET, &query));
    assert_ok(http_target_parse(f->arena, STR("/v1/a?list=false"), &path, &query));
    assert_int_equal(HTTP_GET, http_router_method(HTTP_GET, &query));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_most_specific_pattern_wins),
        TEST(put_is_post_and_head_is_get),
        TEST(parameters_carry_their_names),
        TEST(rest_keeps_inner_and_trailing_slashes),
        TEST(known_path_with_other_method_names_those_allowed),
        TEST(unknown_path_is_not_found),
        TEST(serve_calls_the_handler_with_its_parameters),
        TEST(serve_answers_unknown_paths_and_methods),
        TEST(bad_tables_are_refused),
        TEST(list_and_scan_may_be_asked_for_with_get),
    };
    return RUN_TESTS(tests);
}
