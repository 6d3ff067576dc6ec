// SPDX-License-Identifier: ISC
// What people do with a credential beside rotating it: look ahead, let its schedule rest, go back,
// tell its value.
#include "api/routes/rotation_routes.h"
#include "vault/rotation/kind.h"

enum { DATES_ASKED = 10, IMPORT_BYTES = 4096 };

// ---- plan

static void put_steps(struct json_writer *w, const struct protocol_reply *reply)
{
    json_add_strings(w, "steps", reply->steps, reply->step_count);
    if (reply->result != PROTOCOL_DONE) {
        json_add_string(w, "error_class", protocol_error_name(reply->error));
        json_add_string(w, "error", reply->message);
    }
}

static struct status answer_plan(struct operation *op, struct http_response *res,
                                 const struct credential_found *found, const struct manage_plan *p)
{
    const struct credential *c = &found->credential;
    bool due_now = c->next_rotation_us <= found->now_us && !c->paused;
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_string(&w, "target", found->target_name);
    json_add_string(&w, "account", p->account);
    json_add_string_or_null(&w, "current_account", p->current_account);
    json_add_int(&w, "version", c->last_version + 1);
    json_add_bool(&w, "readers_wait", !credential_overlaps(c));
    json_add_bool(&w, "due_now", due_now);
    json_add_bool(&w, "paused", c->paused);
    rotation_put_time(&w, "at", c->next_rotation_us);
    json_add_string_or_null(&w, "moved_by", c->moved_by);
    json_add_string(&w, "state", found->state.len > 0 ? found->state : STR("idle"));
    put_steps(&w, &p->reply);
    rotation_put_readers(&w, "consumers", &p->consumers);
    json_end_object(&w);
    return answer_end(&w);
}

struct status rotation_plan(struct operation *op, struct http_request *req,
                            struct http_response *res)
{
    static const char *const fields[] = {NULL};
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct manage_plan plan CLEANUP(manage_plan_done) = {0};
    TRY(rotation_enter(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(rotation_body_fields(&body, fields));
    TRY(manage_plan(op, &found.credential, &plan));
    return answer_plan(op, res, &found, &plan);
}

// ---- pause, resume

// What readers notice of it.
static struct status warn_paused(const struct operation *op, const struct manage_paused *p,
                                 int64_t now_us, struct str *out)
{
    char until[CLOCK_TEXT_BYTES];
    *out = STR("");
    if (p->version == 0) {
        *out = STR("there is no value yet: unless a rotation is under way, none is made until the "
                   "credential is resumed or rotated by hand");
    }
    if (p->valid_until_us == 0 || p->valid_until_us == CLOCK_NEVER) {
        return OK_STATUS;
    }
    clock_format(p->valid_until_us, until);
    return arena_printf(op->arena, out,
                        "version %lld %s at %s: no other one is made until the credential is "
                        "resumed or rotated by hand, and nothing is served from then on",
                        (long long)p->version,
                        p->valid_until_us > now_us ? "expires" : "has expired", until);
}

static struct status set_paused(struct operation *op, struct http_request *req,
                                struct http_response *res, bool paused)
{
    static const char *const fields[] = {NULL};
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct str warning = STR("");
    struct manage_paused value;
    TRY(rotation_enter(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(rotation_body_fields(&body, fields));
    TRY(manage_pause(op, &found.credential, paused, &value));
    if (paused) {
        TRY(warn_paused(op, &value, found.now_us, &warning));
    }
    int64_t next_us = found.credential.next_rotation_us;
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_bool(&w, "paused", paused);
    json_add_bool(&w, "due_now", !paused && next_us <= found.now_us);
    rotation_put_time(&w, "next_rotation", next_us);
    json_add_string(&w, "state", found.state.len > 0 ? found.state : STR("idle"));
    json_end_object(&w);
    return answer_end_warned(&w, &warning, warning.len > 0 ? 1 : 0);
}

struct status rotation_pause(struct operation *op, struct http_request *req,
                             struct http_response *res)
{
    return set_paused(op, req, res, true);
}

struct status rotation_resume(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    return set_paused(op, req, res, false);
}

// ---- rollback

struct status rotation_rollback(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    static const char *const fields[] = {"timeout", NULL};
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct uuid attempt;
    int64_t until_us;
    TRY(rotation_enter(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(rotation_body_fields(&body, fields));
    TRY(rotation_read_wait(&body, &until_us));
    TRY(manage_rollback(op, &found.credential, &attempt));
    return rotation_answer_progress(&body, attempt, until_us, STR(""));
}

// ---- import

static struct status read_value(const struct rotation_body *b, struct manage_value *out)
{
    *out = (struct manage_value){STR(""), STR("")};
    TRY(rotation_body_text(b, "password", &out->text));
    TRY(rotation_body_text(b, "external_id", &out->external_id));
    if (out->text.len == 0 || out->text.len > IMPORT_BYTES) {
        return rotation_refuse_field(b, "password",
                                     "required: what the account has at the target now, up to "
                                     "4096 octets");
    }
    if (out->external_id.len > PROTOCOL_EXTERNAL_ID_BYTES) {
        return rotation_refuse_field(b, "external_id", "too long: up to 512 octets");
    }
    return OK_STATUS;
}

// What its rotator's kind makes of it.
static struct status check_kind(const struct rotation_body *b, const struct credential *c,
                                const struct target *t, const struct manage_value *value)
{
    const struct rotunda_rotator *rotator = rotation_rotator(rotation_running(), t->rotator);
    const struct kind_given given = {.value = true, .external_id = value->external_id.len > 0};
    const char *field = "";
    if (rotator == NULL) {
        FAIL(CONFLICT, "this node has no such rotator");
    }
    struct status s = kind_check(rotator, c, &given, &field);
    return status_ok(s) ? s : rotation_refuse_field(b, field, s.what);
}

// Of a pair it is the account that is served.
static struct status probe(const struct rotation_body *b, const struct credential_found *found,
                           struct manage_value value)
{
    struct target_found target CLEANUP(target_found_done) = {0};
    struct str account;
    struct str message = STR("");
    TRY(target_find(b->op, found->target_name, &target));
    if (!target.exists) {
        FAIL(CONFLICT, "the target is gone");
    }
    TRY(check_kind(b, &found->credential, &target.target, &value));
    TRY(manage_served_account(b->op, &found->credential, &account));
    const struct manage_question q = {&target.target, &found->credential, account, value};
    struct status s = manage_probe(b->op, &q, &message);
    return status_ok(s) ? s
                        : answer_explain(b->res, s, b->op->arena, "password: %s%s%.*s", s.what,
                                         message.len > 0 ? ": " : "", STR_ARG(message));
}

struct status rotation_import(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    static const char *const fields[] = {"password", "external_id", NULL};
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct manage_value value;
    struct manage_imported imported;
    TRY(rotation_enter(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(rotation_body_fields(&body, fields));
    TRY(read_value(&body, &value));
    TRY(probe(&body, &found, value));
    TRY(manage_import(op, &found.credential, value, &imported));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_int(&w, "version", imported.version);
    json_end_object(&w);
    return answer_end_warned(&w, &imported.left, imported.left.len > 0 ? 1 : 0);
}

// ---- schedule

static const char *explain_date(enum timetable_why why)
{
    switch (why) {
    case TIMETABLE_WINDOW:
        return "the date is outside of the windows: moved to when one opens";
    case TIMETABLE_BLACKOUT:
        return "the date is in a blackout: moved to the next moment that windows and blackouts "
               "allow";
    case TIMETABLE_ALLOWED:
        break;
    }
    return "as planned";
}

static void put_date(struct json_writer *w, const struct timetable_due *due, bool stored)
{
    json_begin_object(w);
    rotation_put_time(w, "at", due->at_us);
    rotation_put_time(w, "planned", due->planned_us);
    json_add_string_or_null(w, "moved_by", due_why(due->moved));
    json_add_string(w, "why", str_from_c(explain_date(due->moved)));
    json_add_bool(w, "stored", stored);
    json_end_object(w);
}

static struct status read_count(const struct rotation_body *b, struct http_request *req,
                                size_t *out)
{
    struct str text = route_query(req, "next");
    int64_t count = DATES_ASKED;
    bool good = text.len == 0 || status_ok(str_parse_int(text, &count));
    if (!good || count < 1 || count > MANAGE_DATES_MAX) {
        return rotation_refuse_field(b, "next", "expected 1 to 100");
    }
    *out = (size_t)count;
    return OK_STATUS;
}

struct status rotation_schedule(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    size_t count;
    TRY(rotation_enter(op, req, res, POLICY_OP_READ, &found));
    TRY(read_count(&body, req, &count));
    struct timetable_due *dates = ARENA_ARRAY(op->arena, struct timetable_due, count);
    if (dates == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    TRY(manage_dates(op, &found.credential, count, dates, &count));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_put_key(&w, "dates");
    json_begin_array(&w);
    for (size_t i = 0; i < count; i++) {
        put_date(&w, &dates[i], i == 0);
    }
    json_end_array(&w);
    json_add_string(&w, "time_zone", found.credential.time_zone);
    json_add_bool(&w, "paused", found.credential.paused);
    json_end_object(&w);
    return answer_end(&w);
}
