// SPDX-License-Identifier: ISC
// What a notifier was sent, what waits for it, sending it again, and a test.
#include "api/routes/rotation_routes.h"
#include "vault/notify/delivery.h"
#include "vault/notify/notify.h"
#include "vault/notify/rules.h"
#include "vault/notify/tally.h"

enum { PAGE = 100, PAGE_MAX = 1000 };

// ---- a test

struct status rotation_test_notifier(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct notifier_found found CLEANUP(notifier_found_done) = {0};
    struct wire_result result;
    struct str to = STR("");
    TRY(rotation_enter_notifier(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(rotation_body_text(&body, "to", &to));
    bool owners = !notifier_is_webhook(&found.notifier) && found.notifier.recipient.len == 0;
    if (owners && !rules_is_mail(to)) {
        return rotation_refuse_field(&body, "to",
                                     "required: this notifier writes to owners, and a test has "
                                     "none");
    }
    TRY(notify_test(op, &found.notifier, to, &result));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_bool(&w, "delivered", result.outcome == WIRE_DELIVERED);
    json_add_string(&w, "outcome", wire_outcome_name(result.outcome));
    json_add_int(&w, "status", result.status);
    json_add_string_or_null(&w, "error", str_from_c(result.error));
    json_end_object(&w);
    return answer_end(&w);
}

// ---- deliveries

static struct status read_number(struct operation *op, const struct http_request *req,
                                 struct http_response *res, const char *name, int64_t *out)
{
    struct str text = route_query(req, name);
    int64_t number;
    if (text.len == 0) {
        return OK_STATUS;
    }
    if (!status_ok(str_parse_int(text, &number)) || number < 0) {
        return answer_explain(res, MAKE_STATUS(INVALID, "bad number"), op->arena,
                              "%s: expected a number, 0 or more", name);
    }
    *out = number;
    return OK_STATUS;
}

static struct status read_page(struct operation *op, const struct http_request *req,
                               struct http_response *res, struct delivery_page *out)
{
    *out = (struct delivery_page){.limit = PAGE, .state = route_query(req, "state")};
    TRY(read_number(op, req, res, "after", &out->after));
    TRY(read_number(op, req, res, "limit", &out->limit));
    if (out->limit < 1 || out->limit > PAGE_MAX) {
        return answer_explain(res, MAKE_STATUS(INVALID, "bad limit"), op->arena,
                              "limit: expected 1 to %d", PAGE_MAX);
    }
    bool known = out->state.len == 0 || str_equal_c(out->state, "waiting") ||
                 str_equal_c(out->state, "delivered") || str_equal_c(out->state, "parked");
    return known ? OK_STATUS
                 : answer_explain(res, MAKE_STATUS(INVALID, "bad state"), op->arena,
                                  "state: expected waiting, delivered or parked");
}

static void put_delivery(struct json_writer *w, const struct store_rows *rows, int row)
{
    char id[UUID_TEXT_BYTES];
    bool waits = str_equal_c(store_get_text(rows, row, 5), "waiting");
    uuid_format(store_get_uuid(rows, row, 1), id);
    json_begin_object(w);
    json_add_int(w, "seq", store_get_int(rows, row, 0));
    json_add_string(w, "id", str_from_c(id));
    json_add_string(w, "credential", store_get_text(rows, row, 2));
    json_add_string(w, "event", store_get_text(rows, row, 3));
    json_add_int(w, "version", store_get_int(rows, row, 4));
    json_add_string(w, "state", store_get_text(rows, row, 5));
    json_add_int(w, "tries", store_get_int(rows, row, 6));
    json_add_int(w, "status", store_get_int(rows, row, 7));
    json_add_string_or_null(w, "error", store_get_text(rows, row, 8));
    json_add_time(w, "time", store_get_time(rows, row, 9));
    rotation_put_time(w, "next_try_at", waits ? store_get_time(rows, row, 10) : 0);
    rotation_put_time(w, "done_at", store_get_time(rows, row, 11));
    json_end_object(w);
}

// `next`: what to ask for after this page; null at the end.
struct status rotation_list_deliveries(struct operation *op, struct http_request *req,
                                       struct http_response *res)
{
    struct notifier_found found CLEANUP(notifier_found_done) = {0};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct delivery_page page;
    TRY(rotation_enter_notifier(op, req, res, POLICY_OP_READ, &found));
    TRY(read_page(op, req, res, &page));
    TRY(delivery_list(op, &found.notifier, &page, &rows));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_put_key(&w, "deliveries");
    json_begin_array(&w);
    for (int row = 0; row < rows.count; row++) {
        put_delivery(&w, &rows, row);
    }
    json_end_array(&w);
    if (rows.count == (int)page.limit) {
        json_add_int(&w, "next", store_get_int(&rows, rows.count - 1, 0));
    } else {
        json_add_null(&w, "next");
    }
    json_end_object(&w);
    return answer_end(&w);
}

// ---- again

static struct status read_state(const struct rotation_body *b, struct delivery_replay *out)
{
    struct str state = STR("");
    TRY(rotation_body_text(b, "state", &state));
    if (state.len > 0 && !str_equal_c(state, "parked")) {
        return rotation_refuse_field(b, "state", "expected parked, or nothing for all");
    }
    out->parked_only = state.len > 0;
    return OK_STATUS;
}

static struct status read_replay(const struct rotation_body *b, struct delivery_replay *out)
{
    static const char *const fields[] = {"from", "to", "credential", "state", NULL};
    *out = (struct delivery_replay){.to_us = CLOCK_NEVER};
    TRY(rotation_body_fields(b, fields));
    TRY(rotation_body_time(b, "from", &out->from_us));
    TRY(rotation_body_time(b, "to", &out->to_us));
    TRY(rotation_body_text(b, "credential", &out->credential));
    TRY(read_state(b, out));
    if (out->from_us == 0 && out->credential.len == 0 && !out->parked_only) {
        return rotation_refuse_field(b, "from", "required: from, credential or state=parked");
    }
    return out->from_us <= out->to_us ? OK_STATUS
                                      : rotation_refuse_field(b, "to", "it is before from");
}

struct status rotation_replay_deliveries(struct operation *op, struct http_request *req,
                                         struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct notifier_found found CLEANUP(notifier_found_done) = {0};
    struct delivery_replay which;
    int64_t count;
    TRY(rotation_enter_notifier(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(read_replay(&body, &which));
    TRY(delivery_replay(op, &found.notifier, &which, &count));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_int(&w, "replayed", count);
    json_end_object(&w);
    return answer_end(&w);
}

// ---- status

static void put_notifiers(struct json_writer *w, const struct store_rows *rows)
{
    int64_t parked = 0;
    json_put_key(w, "notifiers");
    json_begin_array(w);
    for (int row = 0; row < rows->count; row++) {
        parked += store_get_int(rows, row, 5);
        json_begin_object(w);
        json_add_string(w, "name", store_get_text(rows, row, 0));
        json_add_string(w, "type", store_get_text(rows, row, 1));
        json_add_bool(w, "enabled", store_get_bool(rows, row, 2));
        json_add_int(w, "failures", store_get_int(rows, row, 3));
        json_add_int(w, "waiting", store_get_int(rows, row, 4));
        json_add_int(w, "parked", store_get_int(rows, row, 5));
        json_end_object(w);
    }
    json_end_array(w);
    json_add_int(w, "deliveries_parked", parked);
}

void rotation_put_notify_status(struct json_writer *w, const struct notify_status *s)
{
    json_add_int(w, "expiring", s->expiring);
    json_add_int(w, "expired", s->expired);
    json_add_int(w, "unowned", s->unowned_count);
    json_put_key(w, "without_notice");
    json_begin_array(w);
    for (int row = 0; row < s->unowned.count; row++) {
        json_begin_object(w);
        json_add_string(w, "name", store_get_text(&s->unowned, row, 0));
        json_add_string(w, "owner", store_get_text(&s->unowned, row, 1));
        json_add_string(w, "reason", STR("no notifier that hears of blocked reaches its owner"));
        json_end_object(w);
    }
    json_end_array(w);
    put_notifiers(w, &s->notifiers);
}
