// SPDX-License-Identifier: ISC
// The rules of a credential as a body gives them, and as an answer shows them: when it is rotated,
// what its values look like, when the previous one ends.
#include "api/routes/rotation_routes.h"

#include <string.h>

#include "vault/rotation/value_rules.h"

enum { LIST_BYTES = 8192, CLASS_TEXT_BYTES = 64 };

// ---- lists

// A list of texts, or one text with semicolons between (in days there are commas).
struct list_reader {
    bool is_text;
    struct str rest;
    bool more;
    struct json_iter items;
};

static bool next_item(struct list_reader *l, struct str *out, bool *out_bad)
{
    *out_bad = false;
    if (!l->is_text) {
        bool there = json_next(&l->items);
        *out_bad = there && !status_ok(json_as_str(l->items.value, out));
        return there;
    }
    if (!l->more) {
        return false;
    }
    l->more = str_split(l->rest, ';', out, &l->rest);
    *out = str_trim(*out);
    return true;
}

static struct status check_item(const struct rotation_body *b, const char *field, struct str item,
                                bool dates)
{
    struct window window;
    struct status s = window_parse(item, dates, &window);
    return status_ok(s) ? s
                        : answer_explain(b->res, s, b->op->arena, "%s: \"%.*s\": %s", field,
                                         STR_ARG(str_first(item, WINDOW_TEXT_BYTES)), s.what);
}

static struct status write_list(const struct rotation_body *b, const char *field, bool dates,
                                struct list_reader *l, struct json_writer *w)
{
    struct str item;
    bool bad;
    size_t count = 0;
    json_begin_array(w);
    while (next_item(l, &item, &bad)) {
        if (bad) {
            return rotation_refuse_field(b, field, "expected a list of texts");
        }
        if (++count > WINDOWS_MAX) {
            return rotation_refuse_field(b, field, "more than 32 entries");
        }
        TRY(check_item(b, field, item, dates));
        json_put_string(w, item);
    }
    json_end_array(w);
    return json_writer_status(w);
}

static struct status read_list(const struct rotation_body *b, const char *field, bool dates,
                               struct str *out)
{
    struct json_value v = json_get(b->op->body, field);
    struct list_reader l = {.is_text = json_kind(v) == JSON_STRING};
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIST_BYTES);
    if (json_is_null(v)) {
        return OK_STATUS;
    }
    if (!l.is_text && json_kind(v) != JSON_ARRAY) {
        return rotation_refuse_field(b, field, "expected a list of texts");
    }
    if (l.is_text) {
        TRY(rotation_body_text(b, field, &l.rest));
        l.more = l.rest.len > 0;
    }
    l.items = json_iterate(v);
    struct json_writer w = json_writer_on(&text);
    TRY(write_list(b, field, dates, &l, &w));
    return arena_copy_str(b->op->arena, buffer_str(&text), out);
}

// ---- when

static struct status read_period(const struct rotation_body *b, struct credential *c)
{
    struct cron cron;
    struct str text = c->cron;
    bool has_interval = !json_is_null(json_get(b->op->body, "interval"));
    bool has_cron = !json_is_null(json_get(b->op->body, "cron"));
    TRY(rotation_body_text(b, "cron", &text));
    if (has_interval && has_cron && text.len > 0) {
        return rotation_refuse_field(b, "cron", "give interval or cron, not both");
    }
    TRY(rotation_body_duration(b, "interval", &c->interval_s));
    c->cron = has_interval ? STR("") : text;
    if (c->cron.len == 0) {
        return OK_STATUS;
    }
    c->interval_s = 0;
    struct status s = cron_parse(c->cron, &cron);
    return status_ok(s) ? s : rotation_refuse_field(b, "cron", s.what);
}

static struct status check_period(const struct rotation_body *b, const struct rotation *r,
                                  struct credential *c, int64_t *out_period_s)
{
    struct manage_schedule schedule = {.field = "cron"};
    long long least_s = (long long)rotation_min_interval_s(r);
    if (c->cron.len == 0 && (c->interval_s < least_s || c->interval_s > ROTATION_INTERVAL_MAX_S)) {
        return answer_explain(b->res, MAKE_STATUS(INVALID, "bad interval"), b->op->arena,
                              "interval: expected %llds (rotation.min_interval_s) to 366d",
                              least_s);
    }
    struct status s = manage_check_schedule(b->op, c, &schedule);
    if (s.code == STATUS_INVALID) {
        return rotation_refuse_field(b, schedule.field, s.what);
    }
    TRY(s);
    if (c->cron.len > 0 && schedule.shortest_s < least_s) {
        return answer_explain(b->res, MAKE_STATUS(INVALID, "bad cron"), b->op->arena,
                              "cron: two dates are %llds apart, expected at least %llds "
                              "(rotation.min_interval_s)",
                              (long long)schedule.shortest_s, least_s);
    }
    *out_period_s = schedule.shortest_s;
    return OK_STATUS;
}

static struct status read_schedule(const struct rotation_body *b, const struct rotation *r,
                                   struct credential *c, int64_t *out_period_s)
{
    TRY(read_period(b, c));
    TRY(rotation_body_text(b, "time_zone", &c->time_zone));
    if (c->time_zone.len == 0 || c->time_zone.len > LIMIT_NAME_BYTES) {
        return rotation_refuse_field(b, "time_zone",
                                     "expected a name such as Europe/Berlin or UTC");
    }
    TRY(read_list(b, "windows", false, &c->windows));
    TRY(read_list(b, "blackouts", true, &c->blackouts));
    if (c->kind == ROTUNDA_K6 && credential_has_windows(c)) {
        // Readers would have nothing while they are closed.
        return rotation_refuse_field(b, c->windows.len > strlen("[]") ? "windows" : "blackouts",
                                     "what is short-lived is minted before it ends, at any time: "
                                     "leave it out");
    }
    TRY(rotation_body_duration(b, "jitter", &c->jitter_s));
    TRY(check_period(b, r, c, out_period_s));
    if (c->jitter_s > *out_period_s || (c->cron.len > 0 && c->jitter_s == *out_period_s)) {
        return rotation_refuse_field(b, "jitter", "must not be longer than the interval");
    }
    return OK_STATUS;
}

// ---- how the previous value ends

static struct status read_by_use(const struct rotation_body *b, struct credential *c,
                                 int64_t period_s)
{
    if (!credential_overlaps(c)) {
        return rotation_refuse_field(b, "retire",
                                     "a single account of one value has no previous one that is "
                                     "valid: expected time");
    }
    c->retire_quiet_s = c->retire_quiet_s > 0 ? c->retire_quiet_s : c->grace_s + 1;
    c->retire_max_s = c->retire_max_s > 0 ? c->retire_max_s : (c->grace_s + period_s) / 2;
    TRY(rotation_body_duration(b, "retire_quiet", &c->retire_quiet_s));
    TRY(rotation_body_duration(b, "retire_max", &c->retire_max_s));
    if (c->retire_quiet_s < 1 || c->retire_quiet_s > ROTATION_INTERVAL_MAX_S) {
        return rotation_refuse_field(b, "retire_quiet", "expected 1s to 366d");
    }
    if (c->retire_max_s < c->grace_s || c->retire_max_s >= period_s) {
        return rotation_refuse_field(b, "retire_max",
                                     "must not be shorter than the grace, and shorter than the "
                                     "interval");
    }
    return OK_STATUS;
}

static struct status read_retirement(const struct rotation_body *b, struct credential *c,
                                     int64_t period_s)
{
    struct str how = credential_retires_by_use(c) ? STR("use") : STR("time");
    TRY(rotation_body_text(b, "retire", &how));
    if (!str_equal_c(how, "use") && !str_equal_c(how, "time")) {
        return rotation_refuse_field(b, "retire", "expected time or use");
    }
    bool by_use = str_equal_c(how, "use");
    bool limits = !json_is_null(json_get(b->op->body, "retire_quiet")) ||
                  !json_is_null(json_get(b->op->body, "retire_max"));
    if (limits && !by_use) {
        return rotation_refuse_field(b, "retire", "retire_quiet and retire_max belong to use");
    }
    c->retire = by_use ? STR("use") : STR("");
    if (by_use) {
        return read_by_use(b, c, period_s);
    }
    c->retire_quiet_s = 0;
    c->retire_max_s = 0;
    return OK_STATUS;
}

static struct status read_grace(const struct rotation_body *b, struct credential *c,
                                int64_t period_s)
{
    bool is_new = c->row_version == 0;
    c->grace_s = is_new && credential_overlaps(c) ? period_s / 2 : c->grace_s;
    TRY(rotation_body_duration(b, "grace", &c->grace_s));
    if (c->grace_s >= period_s) {
        return rotation_refuse_field(b, "grace", "must be shorter than the interval");
    }
    return OK_STATUS;
}

// ---- values

// A list of classes as one text with commas.
static struct status read_classes(const struct rotation_body *b, const char *field, struct str *out)
{
    struct json_value v = json_get(b->op->body, field);
    struct json_strings names = {0};
    struct buffer text CLEANUP(buffer_done);
    unsigned classes;
    buffer_init(&text, CLASS_TEXT_BYTES);
    if (json_is_null(v)) {
        return OK_STATUS;
    }
    bool good = status_ok(json_as_strings(v, &names));
    for (size_t i = 0; i < names.count; i++) {
        buffer_append_c(&text, i == 0 ? "" : ",");
        buffer_append_str(&text, names.items[i]);
    }
    if (!good || !status_ok(buffer_status(&text)) ||
        !value_classes_parse(buffer_str(&text), &classes)) {
        return rotation_refuse_field(b, field, "expected a list of lower, upper, digit, symbol");
    }
    return arena_copy_str(b->op->arena, buffer_str(&text), out);
}

static struct status read_size(const struct rotation_body *b, struct credential *c,
                               struct value_texts *t)
{
    bool has_bits = !json_is_null(json_get(b->op->body, "value_bits"));
    bool has_length = !json_is_null(json_get(b->op->body, "value_length"));
    if (has_bits && has_length) {
        return rotation_refuse_field(b, "value_bits", "give value_bits or value_length, not both");
    }
    TRY(rotation_body_int(b, "value_bits", &c->value_bits));
    TRY(rotation_body_int(b, "value_length", &t->length));
    if (has_length && (t->length < 1 || t->length > VALUE_LENGTH_MAX)) {
        return rotation_refuse_field(b, "value_length", "expected 1 to 256 characters");
    }
    if (c->value_bits < VALUE_BITS_MIN || c->value_bits > VALUE_BITS_MAX) {
        return rotation_refuse_field(b, "value_bits", "expected 128 to 1024 bits of entropy");
    }
    t->length = has_bits ? 0 : t->length;
    return OK_STATUS;
}

static struct status read_values(const struct rotation_body *b, struct credential *c)
{
    struct value_texts texts;
    struct value_rules rules;
    TRY(value_texts_read(c->value_rules, b->op->arena, &texts));
    TRY(read_size(b, c, &texts));
    TRY(rotation_body_text(b, "value_alphabet", &c->value_alphabet));
    TRY(rotation_body_text(b, "value_forbidden", &texts.forbidden));
    TRY(read_classes(b, "value_require", &texts.required));
    TRY(read_classes(b, "value_first", &texts.first));
    if (c->value_alphabet.len > VALUE_ALPHABET_MAX || texts.forbidden.len > LIMIT_NAME_BYTES) {
        return rotation_refuse_field(b, "value_alphabet",
                                     "an alphabet is 2 to 94 different printable ASCII characters");
    }
    TRY(value_texts_write(&texts, b->op->arena, &c->value_rules));
    struct status s = value_rules_read(c, b->op->arena, &rules);
    return s.code == STATUS_INVALID ? rotation_refuse_field(b, "value", s.what) : s;
}

struct status rotation_read_rules(const struct rotation_body *b, const struct rotation *r,
                                  struct credential *c)
{
    int64_t period_s = 0;
    TRY(read_schedule(b, r, c, &period_s));
    TRY(read_grace(b, c, period_s));
    TRY(read_retirement(b, c, period_s));
    TRY(read_values(b, c));
    return rotation_body_time(b, "expires_at", &c->expires_us);
}

// ---- showing

static void put_optional(struct json_writer *w, const char *key, int64_t value)
{
    if (value == 0) {
        json_add_null(w, key);
    } else {
        json_add_int(w, key, value);
    }
}

static void put_classes(struct json_writer *w, const char *key, struct str text)
{
    struct str item;
    bool more = text.len > 0;
    json_put_key(w, key);
    json_begin_array(w);
    while (more) {
        more = str_split(text, ',', &item, &text);
        json_put_string(w, item);
    }
    json_end_array(w);
}

struct status rotation_put_rules(const struct operation *op, struct json_writer *w,
                                 const struct credential *c)
{
    struct value_texts texts;
    struct value_rules rules;
    TRY(value_texts_read(c->value_rules, op->arena, &texts));
    TRY(value_rules_read(c, op->arena, &rules));
    put_optional(w, "interval", c->interval_s);
    json_add_string_or_null(w, "cron", c->cron);
    json_add_string(w, "time_zone", c->time_zone);
    json_add_raw(w, "windows", c->windows.len > 0 ? c->windows : STR("[]"));
    json_add_raw(w, "blackouts", c->blackouts.len > 0 ? c->blackouts : STR("[]"));
    json_add_int(w, "jitter", c->jitter_s);
    json_add_int(w, "grace", c->grace_s);
    json_add_string(w, "retire", credential_retires_by_use(c) ? STR("use") : STR("time"));
    put_optional(w, "retire_quiet", c->retire_quiet_s);
    put_optional(w, "retire_max", c->retire_max_s);
    json_add_int(w, "value_entropy", (int64_t)rules.bits);
    json_add_int(w, "value_characters", (int64_t)rules.length);
    put_optional(w, "value_bits", texts.length > 0 ? 0 : c->value_bits);
    put_optional(w, "value_length", texts.length);
    json_add_string_or_null(w, "value_alphabet", c->value_alphabet);
    json_add_string_or_null(w, "value_forbidden", texts.forbidden);
    put_classes(w, "value_require", texts.required);
    put_classes(w, "value_first", texts.first);
    return OK_STATUS;
}
