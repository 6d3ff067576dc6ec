// SPDX-License-Identifier: ISC
// Asking for a rotation, settling one that is blocked, and looking back.
#include "api/routes/rotation_routes.h"
#include "vault/host/protocol.h"

enum { ROTATE_WAIT_S = 30, ROTATE_WAIT_MAX_S = 60, ANSWER_US = CLOCK_SECOND };

struct status rotation_enter(struct operation *op, struct http_request *req,
                             struct http_response *res, enum policy_operation operation,
                             struct credential_found *out)
{
    struct str name;
    struct rotation *r;
    TRY(operation_enter(op, operation));
    TRY(rotation_name(op, req, res, &name));
    TRY(rotation_engine(&r));
    TRY(credential_find(op, name, out));
    if (!out->exists) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

// ---- rotate

struct status rotation_read_wait(const struct rotation_body *b, int64_t *out_until_us)
{
    int64_t wait_s = ROTATE_WAIT_S;
    TRY(rotation_body_duration(b, "timeout", &wait_s));
    if (wait_s > ROTATE_WAIT_MAX_S) {
        return rotation_refuse_field(b, "timeout", "expected at most 60s");
    }
    int64_t until_us = clock_monotonic_us() + wait_s * CLOCK_SECOND;
    int64_t latest_us = b->op->deadline_us - ANSWER_US;
    *out_until_us = until_us < latest_us ? until_us : latest_us;
    return OK_STATUS;
}

// By hand it is rotated outside of its windows too, in a blackout only by force.
static struct status check_moment(const struct rotation_body *b,
                                  const struct credential_found *found, struct str *out_warning)
{
    bool force = false;
    enum timetable_why why;
    TRY(rotation_body_bool(b, "force", &force));
    TRY(manage_look(b->op, found, &why));
    if (why == TIMETABLE_BLACKOUT && !force) {
        FAIL(CONFLICT, "a blackout of the credential holds now: force=true rotates it all the "
                       "same");
    }
    if (why == TIMETABLE_BLACKOUT) {
        *out_warning = STR("rotated by force in a blackout of the credential");
    } else if (why == TIMETABLE_WINDOW) {
        *out_warning = STR("rotated outside of the credential's windows");
    } else if (found->credential.paused) {
        *out_warning = STR("the credential is paused: only its schedule rests, this was asked for");
    }
    return OK_STATUS;
}

static bool drains(const struct credential_found *found)
{
    return str_equal_c(found->state, "draining") || str_equal_c(found->state, "promoted");
}

// One that is under way is waited for; one that is over but for the previous value's grace isn't.
static struct status begin_rotation(const struct rotation_body *b,
                                    const struct credential_found *found, struct uuid *out,
                                    struct str *out_warning)
{
    bool overlaps = credential_overlaps(&found->credential);
    if (str_equal_c(found->state, "blocked")) {
        FAIL(CONFLICT, "the rotation is blocked: see its history, then acknowledge it");
    }
    if (drains(found) && overlaps) {
        if (found->credential.previous_version == 0) {
            FAIL(CONFLICT, "the value before is being ended at the target: see the credential's "
                           "history, and wait until it is idle");
        }
        char until[CLOCK_TEXT_BYTES];
        clock_format(found->credential.previous_until_us, until);
        return answer_explain(b->res, MAKE_STATUS(CONFLICT, "draining"), b->op->arena,
                              "the previous value stays valid until %s: it can't be replaced "
                              "before that",
                              until);
    }
    if (found->state.len == 0 || drains(found)) {
        TRY(check_moment(b, found, out_warning));
        return manage_rotate(b->op, &found->credential, out);
    }
    *out = found->attempt;
    return OK_STATUS;
}

static void put_progress(struct json_writer *w, struct uuid attempt,
                         const struct manage_progress *p)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(attempt, id);
    json_begin_object(w);
    json_add_string(w, "attempt", str_from_c(id));
    json_add_string(w, "state", p->state);
    json_add_int(w, "version", p->version);
    json_add_string_or_null(w, "error_class", p->error_class);
    json_add_string_or_null(w, "error", p->error_class.len > 0 ? p->error : STR(""));
    json_end_object(w);
}

static void progress_done(struct manage_progress *p)
{
    store_rows_done(&p->rows);
}

struct status rotation_answer_progress(const struct rotation_body *b, struct uuid attempt,
                                       int64_t until_us, struct str warning)
{
    struct manage_progress progress CLEANUP(progress_done) = {0};
    TRY(manage_wait(b->op, attempt, until_us, &progress));
    struct json_writer w = answer_begin(b->op, b->res);
    put_progress(&w, attempt, &progress);
    return answer_end_warned(&w, &warning, warning.len > 0 ? 1 : 0);
}

struct status rotation_rotate(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    static const char *const fields[] = {"timeout", "force", NULL};
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct str warning = STR("");
    struct uuid attempt;
    int64_t until_us;
    TRY(rotation_enter(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(rotation_body_fields(&body, fields));
    TRY(rotation_read_wait(&body, &until_us));
    TRY(begin_rotation(&body, &found, &attempt, &warning));
    return rotation_answer_progress(&body, attempt, until_us, warning);
}

// ---- acknowledge

static struct status read_action(const struct rotation_body *b, enum manage_action *out)
{
    static const char *const names[] = {[MANAGE_RETRY] = "retry",
                                        [MANAGE_APPLY] = "apply",
                                        [MANAGE_IMPORT] = "import",
                                        [MANAGE_ABANDON] = "abandon"};
    struct str action = STR("retry");
    TRY(rotation_body_text(b, "action", &action));
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        if (str_equal_c(action, names[i])) {
            *out = (enum manage_action)i;
            return OK_STATUS;
        }
    }
    return rotation_refuse_field(b, "action", "expected retry, apply, import or abandon");
}

// What was made by hand, for action=import alone.
static struct status read_value(const struct rotation_body *b, enum manage_action action,
                                struct manage_value *out)
{
    struct manage_value value = {STR(""), STR("")};
    TRY(rotation_body_text(b, "password", &value.text));
    TRY(rotation_body_text(b, "external_id", &value.external_id));
    if (action == MANAGE_IMPORT && value.text.len == 0) {
        return rotation_refuse_field(b, "password", "required: the value that was made by hand");
    }
    if (action != MANAGE_IMPORT && (value.text.len > 0 || value.external_id.len > 0)) {
        return rotation_refuse_field(b, "password", "only with action=import");
    }
    if (value.text.len > TARGET_SECRET_BYTES ||
        value.external_id.len > PROTOCOL_EXTERNAL_ID_BYTES) {
        return rotation_refuse_field(b, "password", "too long: 4096 octets, external_id 512");
    }
    *out = value;
    return OK_STATUS;
}

struct status rotation_acknowledge(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    static const char *const fields[] = {"action", "password", "external_id", NULL};
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    enum manage_action action;
    struct manage_value value;
    TRY(rotation_enter(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(rotation_body_fields(&body, fields));
    TRY(read_action(&body, &action));
    TRY(read_value(&body, action, &value));
    if (!str_equal_c(found.state, "blocked")) {
        FAIL(CONFLICT, "the credential isn't blocked");
    }
    struct str message = STR("");
    struct status s = manage_settle(op, &found, action, value, &message);
    if (!status_ok(s) && message.len > 0) {
        return answer_explain(res, s, op->arena, "%s: %.*s", s.what, STR_ARG(message));
    }
    TRY(s);
    return answer_empty(res);
}

// ---- looking back

static void put_event(struct json_writer *w, const struct store_rows *rows, int row)
{
    char text[UUID_TEXT_BYTES];
    struct uuid attempt = store_get_uuid(rows, row, 1);
    uuid_format(attempt, text);
    json_begin_object(w);
    json_add_time(w, "time", store_get_time(rows, row, 0));
    json_add_string_or_null(w, "attempt", uuid_is_nil(attempt) ? STR("") : str_from_c(text));
    json_add_string(w, "state", store_get_text(rows, row, 2));
    json_add_int(w, "version", store_get_int(rows, row, 3));
    json_add_int(w, "fence", store_get_int(rows, row, 4));
    json_add_string(w, "node", store_get_text(rows, row, 5));
    json_add_string_or_null(w, "error_class", store_get_text(rows, row, 6));
    json_add_string(w, "detail", store_get_text(rows, row, 7));
    json_end_object(w);
}

struct status rotation_history(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(rotation_enter(op, req, res, POLICY_OP_READ, &found));
    TRY(manage_history(op, &found.credential, &rows));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_put_key(&w, "events");
    json_begin_array(&w);
    for (int row = 0; row < rows.count; row++) {
        put_event(&w, &rows, row);
    }
    json_end_array(&w);
    json_end_object(&w);
    return answer_end(&w);
}
