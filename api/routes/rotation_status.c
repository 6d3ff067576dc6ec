// SPDX-License-Identifier: ISC
// status: what is due, fails, waits, of one mount.
#include "api/routes/rotation_routes.h"
#include "vault/rotation/manage/own.h"

enum { OWNER_COUNTS = 5 };

static const char *const count_names[OWNER_COUNTS] = {"credentials", "due", "overdue", "failing",
                                                      "blocked"};

static void put_owners(struct json_writer *w, const struct store_rows *owners)
{
    int64_t totals[OWNER_COUNTS] = {0};
    json_put_key(w, "owners");
    json_begin_array(w);
    for (int row = 0; row < owners->count; row++) {
        json_begin_object(w);
        json_add_string(w, "owner", store_get_text(owners, row, 0));
        for (int i = 0; i < OWNER_COUNTS; i++) {
            int64_t count = store_get_int(owners, row, i + 1);
            totals[i] += count;
            json_add_int(w, count_names[i], count);
        }
        json_end_object(w);
    }
    json_end_array(w);
    for (int i = 0; i < OWNER_COUNTS; i++) {
        json_add_int(w, count_names[i], totals[i]);
    }
}

static void put_attention(struct json_writer *w, const struct store_rows *rows)
{
    json_put_key(w, "attention");
    json_begin_array(w);
    for (int row = 0; row < rows->count; row++) {
        json_begin_object(w);
        json_add_string(w, "name", store_get_text(rows, row, 0));
        json_add_string(w, "owner", store_get_text(rows, row, 1));
        json_add_string(w, "state", store_get_text(rows, row, 2));
        json_add_string_or_null(w, "error_class", store_get_text(rows, row, 3));
        json_add_string_or_null(w, "error", store_get_text(rows, row, 4));
        json_add_int(w, "tries", store_get_int(rows, row, 5));
        rotation_put_time(w, "next_rotation", store_get_time(rows, row, 6));
        json_end_object(w);
    }
    json_end_array(w);
}

// Targets whose own password doesn't get replaced.
static void put_targets(struct json_writer *w, const struct store_rows *rows)
{
    json_put_key(w, "targets");
    json_begin_array(w);
    for (int row = 0; row < rows->count; row++) {
        json_begin_object(w);
        json_add_string(w, "name", store_get_text(rows, row, 0));
        json_add_string(w, "state", store_get_bool(rows, row, 1) ? STR("blocked") : STR("failing"));
        json_add_string(w, "error_class", store_get_text(rows, row, 2));
        json_add_string(w, "error", store_get_text(rows, row, 3));
        json_add_int(w, "tries", store_get_int(rows, row, 4));
        json_add_time(w, "since", store_get_time(rows, row, 5));
        json_end_object(w);
    }
    json_end_array(w);
}

// ---- retirements that wait

enum { NAME_AT = 5, OWNER_AT, VERSION_AT, UNTIL_AT, ERROR_AT };

static void begin_retirement(struct json_writer *w, const struct store_rows *rows, int row)
{
    json_begin_object(w);
    json_add_string(w, "name", store_get_text(rows, row, NAME_AT));
    json_add_string(w, "owner", store_get_text(rows, row, OWNER_AT));
    json_add_int(w, "version", store_get_int(rows, row, VERSION_AT));
    rotation_put_time(w, "until", store_get_time(rows, row, UNTIL_AT));
    json_add_string(w, "error", store_get_text(rows, row, ERROR_AT));
    json_put_key(w, "waits_for");
    json_begin_array(w);
}

static void end_retirement(struct json_writer *w, struct str name)
{
    if (name.len > 0) {
        json_end_array(w);
        json_end_object(w);
    }
}

// Rows of one credential stand together.
static void put_retirements(struct json_writer *w, const struct store_rows *rows)
{
    struct str open = STR("");
    json_put_key(w, "retirements");
    json_begin_array(w);
    for (int row = 0; row < rows->count; row++) {
        struct str name = store_get_text(rows, row, NAME_AT);
        if (!str_equal(name, open)) {
            end_retirement(w, open);
            begin_retirement(w, rows, row);
            open = name;
        }
        if (!store_get_null(rows, row, 0)) {
            rotation_put_reader(w, rows, row);
        }
    }
    end_retirement(w, open);
    json_end_array(w);
}

struct status rotation_status(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    (void)req;
    struct store_rows owners CLEANUP(store_rows_done) = {0};
    struct store_rows attention CLEANUP(store_rows_done) = {0};
    struct store_rows retirements CLEANUP(store_rows_done) = {0};
    struct store_rows targets CLEANUP(store_rows_done) = {0};
    struct notify_status notices CLEANUP(notify_status_done) = {0};
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(manage_status(op, &owners, &attention));
    TRY(manage_retirements(op, &retirements));
    TRY(own_list_stuck(op, &targets));
    TRY(notify_status_read(op, &notices));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    put_owners(&w, &owners);
    put_attention(&w, &attention);
    put_retirements(&w, &retirements);
    put_targets(&w, &targets);
    rotation_put_notify_status(&w, &notices);
    json_end_object(&w);
    return answer_end(&w);
}
