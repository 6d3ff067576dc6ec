// SPDX-License-Identifier: ISC
// targets/:name: the systems where credentials live. What the rotator proves itself with goes in
// and never comes out.
#include "api/routes/rotation_routes.h"
#include "vault/rotation/engine/driver.h"

enum { CHECKED_ACCOUNTS = 16, SEALED_BYTES = 8192 };

struct status rotation_answer_names(struct operation *op, struct http_response *res,
                                    const struct store_rows *rows)
{
    struct str *names = ARENA_ARRAY(op->arena, struct str, (size_t)rows->count + 1);
    if (names == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (int i = 0; i < rows->count; i++) {
        names[i] = store_get_text(rows, i, 0);
    }
    return answer_keys(op, res, names, (size_t)rows->count);
}

struct status rotation_list_targets(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    (void)req;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(operation_enter(op, POLICY_OP_LIST));
    TRY(target_list(op, &rows));
    return rotation_answer_names(op, res, &rows);
}

struct status rotation_list_credentials(struct operation *op, struct http_request *req,
                                        struct http_response *res)
{
    (void)req;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(operation_enter(op, POLICY_OP_LIST));
    TRY(manage_list(op, &rows));
    return rotation_answer_names(op, res, &rows);
}

// ---- reading

struct status rotation_enter_target(struct operation *op, struct http_request *req,
                                    struct http_response *res, enum policy_operation operation,
                                    struct target_found *out)
{
    struct str name;
    TRY(operation_enter(op, operation));
    TRY(rotation_name(op, req, res, &name));
    TRY(target_find(op, name, out));
    if (!out->exists) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

struct status rotation_read_target(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    struct target_found found CLEANUP(target_found_done) = {0};
    struct settings settings;
    TRY(rotation_enter_target(op, req, res, POLICY_OP_READ, &found));
    const struct target *t = &found.target;
    TRY(settings_parse(t->settings, op->arena, &settings));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_string(&w, "name", t->name);
    json_add_string(&w, "rotator", t->rotator);
    json_add_string(&w, "username", t->principal);
    json_add_int(&w, "concurrency", t->concurrency);
    json_add_int(&w, "timeout", t->timeout_s);
    for (size_t i = 0; i < settings.count; i++) {
        json_put_key_str(&w, protocol_str(settings.items[i].name));
        json_put_string(&w, protocol_str(settings.items[i].value));
    }
    json_add_int(&w, "password_version", t->secret_version);
    TRY(rotation_put_own(op, t, &w));
    json_add_time(&w, "created_at", t->created_us);
    json_add_time(&w, "updated_at", t->updated_us);
    json_end_object(&w);
    return answer_end(&w);
}

struct status rotation_delete_target(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    struct target_found found CLEANUP(target_found_done) = {0};
    struct store_rows accounts CLEANUP(store_rows_done) = {0};
    TRY(rotation_enter_target(op, req, res, POLICY_OP_DELETE, &found));
    TRY(target_accounts(op, &found.target, 1, &accounts));
    if (accounts.count > 0) {
        FAIL(CONFLICT, "credentials live at this target: delete them first");
    }
    TRY(target_remove(op, &found.target));
    return answer_empty(res);
}

// ---- writing

static struct status read_rotator(const struct rotation_body *b, const struct target_found *found,
                                  struct target *t, const struct rotunda_rotator **out)
{
    struct rotation *r;
    struct str wanted = t->rotator;
    TRY(rotation_engine(&r));
    TRY(rotation_body_text(b, "rotator", &wanted));
    if (wanted.len == 0) {
        return rotation_refuse_field(b, "rotator", "required, for example postgresql");
    }
    if (found->exists && !str_equal(wanted, t->rotator)) {
        return rotation_refuse_field(b, "rotator", "can't be changed: make another target");
    }
    *out = rotation_rotator(r, wanted);
    if (*out == NULL && rotation_awaits(r, wanted)) {
        return answer_explain(b->res, MAKE_STATUS(UNAVAILABLE, "the rotator doesn't start"),
                              b->op->arena,
                              "the rotator %.*s doesn't start: the server's log says "
                              "why (rotation.rotator_unusable)",
                              STR_ARG(wanted));
    }
    if (*out == NULL) {
        return rotation_refuse_field(b, "rotator", "there is no such rotator");
    }
    t->rotator = str_from_c((*out)->name);
    return OK_STATUS;
}

static struct status read_limits(const struct rotation_body *b, struct target *t)
{
    TRY(rotation_body_int(b, "concurrency", &t->concurrency));
    if (t->concurrency < 1 || t->concurrency > TARGET_CONCURRENCY_MAX) {
        return rotation_refuse_field(b, "concurrency", "expected 1 to 64");
    }
    TRY(rotation_body_duration(b, "timeout", &t->timeout_s));
    if (t->timeout_s < 1 || t->timeout_s > TARGET_TIMEOUT_S) {
        return rotation_refuse_field(b, "timeout", "expected 1s to 20s");
    }
    return OK_STATUS;
}

static struct status read_principal(const struct rotation_body *b, struct target *t)
{
    TRY(rotation_body_text(b, "username", &t->principal));
    if (t->principal.len == 0 || t->principal.len > LIMIT_NAME_BYTES) {
        return rotation_refuse_field(b, "username", "required: who the rotator is at the target");
    }
    return OK_STATUS;
}

static bool points_elsewhere(const struct target *stored, const struct target *t)
{
    return !str_equal(stored->principal, t->principal) || !str_equal(stored->settings, t->settings);
}

// A client certificate logs in without a password.
static struct status has_certificate(const struct operation *op, const struct target *t, bool *out)
{
    struct settings settings;
    TRY(settings_parse(t->settings, op->arena, &settings));
    *out = settings_get(&settings, "client_cert_file").len > 0;
    return OK_STATUS;
}

// The stored password goes nowhere but where whoever gave it wanted it to go.
struct status rotation_target_secret(const struct rotation_body *b, const struct target *stored,
                                     struct target *t, struct buffer *sealed)
{
    struct str password = STR("");
    bool given = !json_is_null(json_get(b->op->body, "password"));
    TRY(rotation_body_text(b, "password", &password));
    if (password.len > TARGET_SECRET_BYTES) {
        return rotation_refuse_field(b, "password", "longer than 4096 octets");
    }
    bool certificate;
    TRY(has_certificate(b->op, t, &certificate));
    if (!certificate && (given ? password.len == 0 : t->row_version == 0)) {
        return rotation_refuse_field(b, "password", "required: what the rotator logs in with");
    }
    given = given || t->row_version == 0;
    if (!given && points_elsewhere(stored, t)) {
        return rotation_refuse_field(b, "password",
                                     "required again: username and settings say where it is sent");
    }
    return !given ? OK_STATUS
                  : target_seal(b->op->worker->vault->keyring, t, bytes_from_str(password), sealed);
}

static struct status read_settings(const struct rotation_body *b,
                                   const struct rotunda_rotator *rotator, struct target *t)
{
    static const char *const fields[] = {"rotator",     "username", "password",
                                         "concurrency", "timeout",  NULL};
    const char *field = "";
    TRY(rotation_body_known(b, fields, rotator->target_settings));
    struct status s = settings_merge(t->settings, b->op->body, rotator->target_settings,
                                     b->op->arena, &t->settings, &field);
    return s.code == STATUS_INVALID
               ? rotation_refuse_setting(b, rotator->target_settings, field, s.what)
               : s;
}

struct target rotation_target_new(const struct operation *op, struct str name)
{
    return (struct target){.id = uuid_new(),
                           .namespace_id = op->namespace_id,
                           .mount = op->mount->id,
                           .name = name,
                           .concurrency = TARGET_CONCURRENCY,
                           .timeout_s = TARGET_TIMEOUT_S,
                           .created_us = op->snapshot.now_us};
}

struct status rotation_write_target(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct target_found found CLEANUP(target_found_done) = {0};
    struct buffer sealed CLEANUP(buffer_done);
    const struct rotunda_rotator *rotator;
    struct str name;
    buffer_init(&sealed, SEALED_BYTES);
    TRY(operation_authenticate(op));
    TRY(rotation_name(op, req, res, &name));
    TRY(target_find(op, name, &found));
    TRY(operation_authorise(op, found.exists ? POLICY_OP_UPDATE : POLICY_OP_CREATE));
    struct target t = found.exists ? found.target : rotation_target_new(op, name);
    t.updated_us = op->snapshot.now_us;
    TRY(read_rotator(&body, &found, &t, &rotator));
    TRY(read_limits(&body, &t));
    TRY(read_principal(&body, &t));
    TRY(read_settings(&body, rotator, &t));
    TRY(rotation_target_secret(&body, &found.target, &t, &sealed));
    TRY(target_store(op, &t, t.secret_version != found.target.secret_version));
    return answer_empty(res);
}

// ---- checking

static void put_checks(struct json_writer *w, struct str account,
                       const struct protocol_reply *reply, bool *all_ok)
{
    static const char *const states[] = {[ROTUNDA_CHECK_OK] = "ok",
                                         [ROTUNDA_CHECK_MISSING] = "missing",
                                         [ROTUNDA_CHECK_UNKNOWN] = "unknown"};
    *all_ok = *all_ok && reply->result == PROTOCOL_DONE;
    for (size_t i = 0; i < reply->check_count; i++) {
        const struct protocol_check *c = &reply->checks[i];
        *all_ok = *all_ok && c->state == ROTUNDA_CHECK_OK;
        json_begin_object(w);
        json_add_string(w, "account", account);
        json_add_string(w, "check", c->name);
        json_add_string(w, "state", str_from_c(states[c->state]));
        json_add_string(w, "detail", c->detail);
        json_add_string_or_null(w, "how_to_grant", c->how_to_grant);
        json_end_object(w);
    }
}

struct check_job {
    struct operation *op;
    struct http_response *res;
    const struct target *target;
    struct str accounts[CHECKED_ACCOUNTS];
    struct protocol_reply replies[CHECKED_ACCOUNTS];
    size_t count;
};

static struct status ask_all(struct check_job *job)
{
    struct operation *op = job->op;
    struct rotation *r;
    struct driver d = {0};
    TRY(rotation_engine(&r));
    struct status s = driver_init(&d, r, op->worker->vault->keyring, job->target, op->arena);
    for (size_t i = 0; i < job->count && status_ok(s); i++) {
        const struct driver_call call = {.attempt = op->request_id, .account = job->accounts[i]};
        bool asked;
        s = driver_ask(&d, PROTOCOL_CHECK, &call, &job->replies[i], &asked);
    }
    driver_done(&d);
    return s;
}

static struct status answer_checks(struct check_job *job)
{
    struct json_writer w = answer_begin(job->op, job->res);
    bool all_ok = true;
    json_begin_object(&w);
    json_put_key(&w, "checks");
    json_begin_array(&w);
    for (size_t i = 0; i < job->count; i++) {
        put_checks(&w, job->accounts[i], &job->replies[i], &all_ok);
    }
    json_end_array(&w);
    json_add_bool(&w, "ok", all_ok);
    for (size_t i = 0; i < job->count; i++) {
        if (job->replies[i].result != PROTOCOL_DONE) {
            json_add_string(&w, "error_class", protocol_error_name(job->replies[i].error));
            json_add_string(&w, "error", job->replies[i].message);
            break;
        }
    }
    json_end_object(&w);
    return answer_end(&w);
}

// For the account that the request names, else for all that are in care there.
struct status rotation_check_target(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct target_found found CLEANUP(target_found_done) = {0};
    struct store_rows accounts CLEANUP(store_rows_done) = {0};
    struct check_job *job = ARENA_NEW(op->arena, struct check_job);
    struct str account = STR("");
    TRY(rotation_enter_target(op, req, res, POLICY_OP_UPDATE, &found));
    if (job == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    *job = (struct check_job){.op = op, .res = res, .target = &found.target};
    TRY(rotation_body_text(&body, "account", &account));
    TRY(target_accounts(op, &found.target, CHECKED_ACCOUNTS, &accounts));
    if (account.len > 0 || accounts.count == 0) {
        job->accounts[job->count++] = account.len > 0 ? account : found.target.principal;
    } else {
        for (int i = 0; i < accounts.count; i++) {
            job->accounts[job->count++] = store_get_text(&accounts, i, 0);
        }
    }
    TRY(ask_all(job));
    return answer_checks(job);
}
