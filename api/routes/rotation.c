// SPDX-License-Identifier: ISC
// The routes of a mount of type rotation.
#include "api/routes/rotation_routes.h"

#include "api/routes/route_tables.h"
#include "vault/rotation/name.h"
#include "vault/rotation/settings.h"

struct status rotation_name(struct operation *op, struct http_request *req,
                            struct http_response *res, struct str *out)
{
    *out = route_param(req, "name");
    if (name_valid(*out)) {
        return OK_STATUS;
    }
    return answer_explain(res, MAKE_STATUS(INVALID, "bad name"), op->arena,
                          "a name has up to %d letters, digits, dots, dashes and underscores, and "
                          "begins with a letter or digit",
                          NAME_BYTES);
}

struct status rotation_engine(struct rotation **out)
{
    *out = rotation_running();
    if (*out == NULL) {
        FAIL(UNAVAILABLE, "rotation isn't running on this node");
    }
    return OK_STATUS;
}

static struct status explain(const struct rotation_body *b, const char *field, struct status s)
{
    return status_ok(s) ? s : answer_explain(b->res, s, b->op->arena, "%s: %s", field, s.what);
}

struct status rotation_refuse_field(const struct rotation_body *b, const char *field,
                                    const char *why)
{
    return answer_explain(b->res, MAKE_STATUS(INVALID, "bad field"), b->op->arena, "%s: %s", field,
                          why);
}

struct status rotation_refuse_setting(const struct rotation_body *b,
                                      const struct rotunda_setting_spec *specs, const char *field,
                                      const char *why)
{
    const struct rotunda_setting_spec *spec = settings_spec(specs, str_from_c(field));
    bool helps = spec != NULL && spec->help != NULL && spec->help[0] != '\0';
    return answer_explain(b->res, MAKE_STATUS(INVALID, "bad setting"), b->op->arena, "%s: %s%s%s%s",
                          field, why, helps ? " (" : "", helps ? spec->help : "", helps ? ")" : "");
}

static bool find(const struct rotation_body *b, const char *field, struct json_value *out)
{
    *out = json_get(b->op->body, field);
    return !json_is_null(*out);
}

struct status rotation_body_text(const struct rotation_body *b, const char *field, struct str *out)
{
    struct json_value v;
    return find(b, field, &v) ? explain(b, field, json_as_str(v, out)) : OK_STATUS;
}

struct status rotation_body_bool(const struct rotation_body *b, const char *field, bool *out)
{
    struct json_value v;
    return find(b, field, &v) ? explain(b, field, json_as_bool(v, out)) : OK_STATUS;
}

struct status rotation_body_int(const struct rotation_body *b, const char *field, int64_t *out)
{
    struct json_value v;
    return find(b, field, &v) ? explain(b, field, json_as_int(v, out)) : OK_STATUS;
}

struct status rotation_body_duration(const struct rotation_body *b, const char *field,
                                     int64_t *out_s)
{
    struct json_value v;
    return find(b, field, &v) ? explain(b, field, json_as_duration_s(v, out_s)) : OK_STATUS;
}

struct status rotation_body_time(const struct rotation_body *b, const char *field, int64_t *out_us)
{
    struct json_value v = json_get(b->op->body, field);
    struct str text = STR("");
    if (!json_present(v)) {
        return OK_STATUS;
    }
    TRY(rotation_body_text(b, field, &text));
    if (text.len == 0) {
        *out_us = CLOCK_NEVER;
        return OK_STATUS;
    }
    return explain(b, field, clock_parse(text, out_us));
}

static bool is_one_of(struct str name, const char *const *names)
{
    for (; *names != NULL; names++) {
        if (str_equal_c(name, *names)) {
            return true;
        }
    }
    return false;
}

struct status rotation_body_known(const struct rotation_body *b, const char *const *fields,
                                  const struct rotunda_setting_spec *specs)
{
    struct json_iter it = json_iterate(b->op->body);
    while (json_next(&it)) {
        if (!is_one_of(it.key, fields) && settings_spec(specs, it.key) == NULL) {
            return answer_explain(b->res, MAKE_STATUS(INVALID, "unknown field"), b->op->arena,
                                  specs[0].name == NULL
                                      ? "%.*s: there is no such field here"
                                      : "%.*s: neither a field nor a setting of the rotator",
                                  STR_ARG(it.key));
        }
    }
    return OK_STATUS;
}

struct status rotation_body_fields(const struct rotation_body *b, const char *const *fields)
{
    static const struct rotunda_setting_spec none[] = {{NULL, 0, NULL}};
    return rotation_body_known(b, fields, none);
}

void rotation_put_time(struct json_writer *w, const char *key, int64_t wall_us)
{
    if (wall_us == 0 || wall_us == CLOCK_NEVER) {
        json_add_null(w, key);
    } else {
        json_add_time(w, key, wall_us);
    }
}

static const struct route routes[] = {
    {HTTP_ALLOW(POST), "targets/:name", rotation_write_target, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "targets/:name", rotation_delete_target, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "credentials/:name", rotation_write_credential, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "credentials/:name", rotation_delete_credential, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "creds/:name", rotation_read_creds, ROUTE_PLAIN},
    ROTATION_COMMON_ROUTES,
};
const struct route_table rotation_routes = {
    .mount_type = "rotation", .routes = routes, .count = ARRAY_LEN(routes)};
