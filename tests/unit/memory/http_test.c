// SPDX-License-Identifier: ISC
// Every allocation of the path from a request's target to its answer fails once.
#include "api/http/http_path.h"
#include "api/http/http_router.h"
#include "tests/support/allocation.h"
#include "tests/support/test.h"
#include "vault/base/limits.h"

static void answer(void *ctx, struct http_request *req, struct http_response *res)
{
    (void)ctx;
    (void)req;
    buffer_append_c(&res->body, "{}");
}

static struct status parse_target(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct http_path path;
    struct http_params query;
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(http_target_parse(arena, STR("/v1/a%20b/c?d=e&f=g%26h"), &path, &query));
    assert_str("v1/a b/c", path.text);
    assert_int_equal(2, query.count);
    return OK_STATUS;
}

static void router_cleanup(struct http_router **r)
{
    http_router_free(*r);
}

static struct status route(void *ctx)
{
    (void)ctx;
    static const struct http_route routes[] = {
        {HTTP_ALLOW(GET) | HTTP_ALLOW(POST), "a/b", answer, 0, NULL},
        {HTTP_ALLOW(GET), "a/:name/c", answer, 0, NULL},
        {HTTP_ALLOW(DELETE), "a/*rest", answer, 0, NULL},
    };
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(router_cleanup) struct http_router *router = http_router_new();
    struct http_path path;
    struct http_params query;
    struct http_match match;
    if (arena == NULL || router == NULL) {
        FAIL(NOMEM, "no arena or router");
    }
    TRY(http_router_add(router, "v1", routes, ARRAY_LEN(routes), NULL));
    TRY(http_target_parse(arena, STR("/v1/a/x/c"), &path, &query));
    http_router_find(router, HTTP_GET, &path, 0, &match);
    assert_int_equal(HTTP_FOUND, match.found);
    return OK_STATUS;
}

// A failure that is to be told may itself run out of memory: the status stays, the body is missing.
static struct status respond(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(http_response_done) struct http_response res;
    struct str long_value = {NULL, 0};
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    http_response_init(&res, arena);
    http_response_fail(&res, MAKE_STATUS(NOMEM, "out of memory"));
    assert_int_equal(500, res.status);
    TRY(buffer_status(&res.body));
    TRY(arena_printf(arena, &long_value, "%5000s", "x"));
    TRY(http_response_add_header(&res, "X-Long", long_value));
    http_response_error(&res, 400, long_value);
    assert_int_equal(400, res.status);
    return buffer_status(&res.body);
}

static void targets_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(parse_target, NULL);
}

static void the_router_survives_each(void **state)
{
    (void)state;
    allocation_fail_each(route, NULL);
}

static void answers_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(respond, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(targets_survive_each),
        cmocka_unit_test(the_router_survives_each),
        cmocka_unit_test(answers_survive_each),
    };
    return RUN_TESTS(tests);
}
