// SPDX-License-Identifier: ISC
#include "api/routes/token_answer.h"

#include <stdio.h>

enum { AUTH_BYTES = 256 * 1024, WARNINGS_BYTES = 64 * 1024 };

static void put_meta(struct json_writer *w, const char *key, struct str meta)
{
    json_add_raw(w, key, str_equal_c(meta, "{}") ? STR("null") : meta);
}

static void put_auth(struct json_writer *w, const struct token_auth *auth)
{
    const struct token *t = auth->token;
    json_begin_object(w);
    json_add_string(w, "client_token", auth->client_token);
    json_add_string(w, "accessor", t->accessor);
    json_add_strings(w, "policies", t->policies, t->policy_count);
    json_add_strings(w, "token_policies", t->policies, t->policy_count);
    json_add_strings(w, "identity_policies", NULL, 0);
    put_meta(w, "metadata", t->meta);
    json_add_int(w, "lease_duration", auth->lease_duration_s);
    json_add_bool(w, "renewable", t->renewable);
    json_add_string(w, "entity_id", STR(""));
    json_add_string(w, "token_type", t->type);
    json_add_bool(w, "orphan", t->orphan);
    json_add_null(w, "mfa_requirement");
    json_add_int(w, "num_uses", t->num_uses);
    json_end_object(w);
}

struct status token_answer_auth(const struct operation *op, struct http_response *res,
                                const struct token_auth *auth)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, AUTH_BYTES);
    struct json_writer w = json_writer_on(&text);
    put_auth(&w, auth);
    TRY(json_writer_status(&w));
    const struct answer_extra extra = {.auth = buffer_str(&text), .warnings = auth->warnings};
    return answer_whole(op, res, &extra);
}

static void put_times(struct json_writer *w, const struct token *t, int64_t now_us)
{
    json_add_int(w, "creation_time", t->created_us / CLOCK_SECOND);
    json_add_int(w, "creation_ttl", t->ttl_s);
    json_add_int(w, "explicit_max_ttl", t->explicit_max_ttl_s);
    if (t->period_s > 0) {
        json_add_int(w, "period", t->period_s);
    }
    json_add_time(w, "issue_time", t->created_us);
    json_add_bool(w, "renewable", t->renewable);
    if (t->expires_us == CLOCK_NEVER) {
        json_add_null(w, "expire_time");
        json_add_int(w, "ttl", 0);
        return;
    }
    int64_t left_us = t->expires_us - now_us;
    json_add_time(w, "expire_time", t->expires_us);
    json_add_int(w, "ttl", left_us > 0 ? left_us / CLOCK_SECOND : 0);
}

static void put_view(struct json_writer *w, const struct token_view *view, int64_t now_us)
{
    const struct token *t = view->token;
    json_begin_object(w);
    json_add_string(w, "accessor", t->accessor);
    json_add_string(w, "display_name", t->display_name);
    json_add_string(w, "entity_id", STR(""));
    json_add_string(w, "id", view->id);
    put_meta(w, "meta", t->meta);
    json_add_int(w, "num_uses", view->uses_left);
    json_add_bool(w, "orphan", t->orphan);
    json_add_string(w, "path", t->path);
    json_add_strings(w, "policies", t->policies, t->policy_count);
    if (t->role.len > 0) {
        json_add_string(w, "role", t->role);
    }
    if (t->bound_cidr_count > 0) {
        json_add_strings(w, "bound_cidrs", t->bound_cidrs, t->bound_cidr_count);
    }
    put_times(w, t, now_us);
    json_add_string(w, "type", t->type);
    json_end_object(w);
}

struct status token_answer_view(const struct operation *op, struct http_response *res,
                                const struct token_view *view)
{
    struct json_writer w = answer_begin(op, res);
    put_view(&w, view, op->snapshot.now_us);
    return answer_end(&w);
}

static void warn_of_policies(const struct operation *op, const struct token *t,
                             struct json_writer *w)
{
    for (size_t i = 0; i < t->policy_count; i++) {
        struct str text;
        if (!str_equal_c(t->policies[i], "root") &&
            !status_ok(catalog_policy_text(op->catalog, t->policies[i], &text))) {
            char warning[LIMIT_NAME_BYTES + 64];
            int len = snprintf(warning, sizeof warning, "Policy \"%.*s\" does not exist",
                               STR_ARG(t->policies[i]));
            json_put_string(w, (struct str){warning, (size_t)len});
        }
    }
}

static void warn_of_lesser(const char *what, int64_t seconds, struct json_writer *w)
{
    char warning[160];
    int len = snprintf(warning, sizeof warning,
                       "%s specified both during creation call and in role; using the lesser "
                       "value of %lld seconds",
                       what, (long long)seconds);
    json_put_string(w, (struct str){warning, (size_t)len});
}

static void warn_of_terms(const struct token *t, const struct token_grant_notes *notes,
                          struct json_writer *w)
{
    if (notes->lesser_explicit_max_ttl) {
        warn_of_lesser("Explicit max TTL", t->explicit_max_ttl_s, w);
    }
    if (notes->lesser_period) {
        warn_of_lesser("Period", t->period_s, w);
    }
    if (notes->capped) {
        json_put_string(w, STR("TTL exceeded the effective max_ttl; it is capped accordingly"));
    }
}

struct status token_answer_warnings(const struct operation *op, const struct token *t,
                                    const struct token_grant_notes *notes, struct str *out)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, WARNINGS_BYTES);
    struct json_writer w = json_writer_on(&text);
    json_begin_array(&w);
    warn_of_terms(t, notes, &w);
    warn_of_policies(op, t, &w);
    json_end_array(&w);
    TRY(json_writer_status(&w));
    if (str_equal_c(buffer_str(&text), "[]")) {
        *out = STR("");
        return OK_STATUS;
    }
    return arena_copy_str(op->arena, buffer_str(&text), out);
}
