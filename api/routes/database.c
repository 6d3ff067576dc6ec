// SPDX-License-Identifier: ISC
// The routes of a mount of type database, and what its handlers share.
#include "api/routes/database_routes.h"

#include "api/routes/route_tables.h"

enum { WAIT_US = 30 * CLOCK_SECOND, ANSWER_US = 2 * CLOCK_SECOND };

// ---- fields

static bool is_empty(struct json_value v)
{
    bool flag;
    struct str text;
    switch (json_kind(v)) {
    case JSON_NONE:
    case JSON_NULL:
        return true;
    case JSON_ARRAY:
    case JSON_OBJECT:
        return json_count(v) == 0;
    case JSON_STRING:
        return status_ok(json_as_str(v, &text)) &&
               (text.len == 0 || (status_ok(json_as_bool(v, &flag)) && !flag));
    case JSON_BOOL:
    case JSON_NUMBER:
        return status_ok(json_as_bool(v, &flag)) && !flag;
    }
    return false;
}

static struct status warn_unused(const struct rotation_body *b, const char *field,
                                 struct json_value v, struct database_warnings *warnings)
{
    int64_t seconds;
    if (!status_ok(json_as_duration_s(v, &seconds))) {
        return rotation_refuse_field(b, field, "expected a number, or a duration");
    }
    if (warnings->count == DATABASE_WARNINGS_MAX) {
        return OK_STATUS;
    }
    return arena_printf(b->op->arena, &warnings->items[warnings->count++],
                        "%s changes nothing: each step of a rotation has a connection of its own",
                        field);
}

struct status database_fields_check(const struct rotation_body *b,
                                    const struct database_field *fields,
                                    struct database_warnings *warnings)
{
    for (; fields->name != NULL; fields++) {
        struct json_value v = json_get(b->op->body, fields->name);
        if (is_empty(v)) {
            continue;
        }
        if (fields->instead != NULL) {
            return rotation_refuse_field(b, fields->name, fields->instead);
        }
        TRY(warn_unused(b, fields->name, v, warnings));
    }
    return OK_STATUS;
}

static bool is_known(struct str name, const char *const *known, const struct database_field *fields)
{
    for (; *known != NULL; known++) {
        if (str_equal_c(name, *known)) {
            return true;
        }
    }
    for (; fields->name != NULL; fields++) {
        if (str_equal_c(name, fields->name)) {
            return true;
        }
    }
    return false;
}

struct status database_fields_known(const struct rotation_body *b, const char *const *known,
                                    const struct database_field *fields)
{
    struct json_iter it = json_iterate(b->op->body);
    while (json_next(&it)) {
        if (!is_known(it.key, known, fields)) {
            return answer_explain(b->res, MAKE_STATUS(INVALID, "unknown field"), b->op->arena,
                                  "%.*s: there is no such field here", STR_ARG(it.key));
        }
    }
    return OK_STATUS;
}

// ---- asking the target

// Rotations go on without these: they are about passwords that others set.
static bool is_advice(struct str check)
{
    return str_equal_c(check, "password_encryption");
}

static struct status refuse_missing(const struct rotation_body *b, const char *field,
                                    const struct protocol_check *c)
{
    bool grant = c->how_to_grant.len > 0;
    return answer_explain(b->res, MAKE_STATUS(INVALID, "the target isn't ready"), b->op->arena,
                          "%s: missing at the database: %.*s (%.*s)%s%.*s", field, STR_ARG(c->name),
                          STR_ARG(c->detail), grant ? "; do this: " : "", STR_ARG(c->how_to_grant));
}

static struct status judge_checks(const struct rotation_body *b, const char *field, bool login_only,
                                  const struct protocol_reply *reply)
{
    if (reply->result != PROTOCOL_DONE) {
        return answer_explain(b->res, MAKE_STATUS(INVALID, "the target doesn't let us in"),
                              b->op->arena, "%s: error verifying connection: %.*s", field,
                              STR_ARG(reply->message));
    }
    for (size_t i = 0; i < reply->check_count && !login_only; i++) {
        const struct protocol_check *c = &reply->checks[i];
        if (c->state == ROTUNDA_CHECK_MISSING && !is_advice(c->name)) {
            return refuse_missing(b, field, c);
        }
    }
    return OK_STATUS;
}

struct status database_check_target(const struct rotation_body *b, const struct target *t,
                                    struct str account, const char *field)
{
    struct operation *op = b->op;
    struct protocol_reply *reply = ARENA_NEW(op->arena, struct protocol_reply);
    struct rotation *r;
    struct driver d = {0};
    bool asked;
    TRY(rotation_engine(&r));
    if (reply == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    const struct driver_call call = {.attempt = op->request_id, .account = account};
    struct status s = driver_init(&d, r, op->worker->vault->keyring, t, op->arena);
    if (status_ok(s)) {
        s = driver_ask(&d, PROTOCOL_CHECK, &call, reply, &asked);
    }
    driver_done(&d);
    TRY(s);
    return judge_checks(b, field, str_equal(account, t->principal), reply);
}

// ---- waiting for a rotation

int64_t database_wait_until_us(const struct operation *op)
{
    int64_t until_us = clock_monotonic_us() + WAIT_US;
    int64_t latest_us = op->deadline_us - ANSWER_US;
    return until_us < latest_us ? until_us : latest_us;
}

void database_progress_done(struct manage_progress *p)
{
    store_rows_done(&p->rows);
}

bool database_rotation_done(const struct manage_progress *p)
{
    return str_equal_c(p->state, "promoted") || str_equal_c(p->state, "draining") ||
           str_equal_c(p->state, "retired");
}

// ---- what isn't there

static enum policy_operation asked_of(enum http_method method)
{
    if (method == HTTP_POST) {
        return POLICY_OP_UPDATE;
    }
    if (method == HTTP_DELETE) {
        return POLICY_OP_DELETE;
    }
    return method == HTTP_LIST ? POLICY_OP_LIST : POLICY_OP_READ;
}

static struct status refuse_dynamic(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    (void)res;
    TRY(operation_enter(op, asked_of(req->method)));
    FAIL(NOT_FOUND, "dynamic roles (roles/ and creds/) aren't part of this version: static-roles/ "
                    "and static-creds/ rotate the passwords of roles that exist");
}

static const struct route routes[] = {
    {HTTP_ALLOW(LIST), "config", rotation_list_targets, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "config/:name", database_read_config, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "config/:name", database_write_config, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "config/:name", database_delete_config, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "reset/:name", database_reset_config, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "rotate-root/:name", database_rotate_root, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST), "static-roles", rotation_list_credentials, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "static-roles/:name", database_read_role, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "static-roles/:name", database_write_role, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "static-roles/:name", database_delete_role, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "static-creds/:name", database_read_creds, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "rotate-role/:name", database_rotate_role, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST), "roles", refuse_dynamic, ROUTE_PLAIN},
    {HTTP_ALLOW(GET) | HTTP_ALLOW(POST) | HTTP_ALLOW(DELETE), "roles/:name", refuse_dynamic,
     ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "creds/:name", refuse_dynamic, ROUTE_PLAIN},
    ROTATION_COMMON_ROUTES,
};
const struct route_table database_routes = {
    .mount_type = "database", .routes = routes, .count = ARRAY_LEN(routes)};
