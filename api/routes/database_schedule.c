// SPDX-License-Identifier: ISC
// rotation_period, rotation_schedule and rotation_window. A window of Vault's is a length: a
// rotation may be done so long after the schedule's time. The engine's windows are times of the
// day, so that there is one for each time at which the schedule begins. On which days it begins is
// left to them only where the schedule says nothing but days of the week: what failed on the first
// of the month is then done on the second, in the same hours, not a month later.
#include "api/routes/database_routes.h"
#include "vault/base/clock.h"
#include "vault/rotation/when/cron.h"
#include "vault/rotation/when/windows.h"

enum {
    PERIOD_MAX_S = 366 * 24 * 3600,
    WINDOW_MIN_S = 3600,
    WINDOW_MAX_S = 24 * 3600,
    MINUTES_AN_HOUR = 60,
    MINUTES_A_DAY = 24 * MINUTES_AN_HOUR,
    DAYS_A_WEEK = 7,
    ALL_WEEKDAYS = 0x7f,
    WINDOWS_BYTES = 4096,
};
static const uint32_t all_days = 0xfffffffe;
static const uint32_t all_months = 0x1ffe;

// ---- windows

static void put_weekdays(struct buffer *out, uint32_t weekdays)
{
    static const char *const names[DAYS_A_WEEK] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    const char *between = "";
    for (size_t i = 0; i < DAYS_A_WEEK; i++) {
        if ((weekdays >> i & 1) != 0) {
            buffer_append_c(out, between);
            buffer_append_c(out, names[i]);
            between = ",";
        }
    }
    buffer_append_c(out, " ");
}

static void put_time(struct buffer *out, int minute)
{
    const char text[] = {(char)('0' + minute / MINUTES_AN_HOUR / 10),
                         (char)('0' + minute / MINUTES_AN_HOUR % 10), ':',
                         (char)('0' + minute % MINUTES_AN_HOUR / 10), (char)('0' + minute % 10)};
    buffer_append_str(out, (struct str){text, sizeof text});
}

static bool begins_at(const struct cron *c, int minute)
{
    return (c->hours >> (minute / MINUTES_AN_HOUR) & 1) != 0 &&
           (c->minutes >> (minute % MINUTES_AN_HOUR) & 1) != 0;
}

static struct status put_windows(const struct cron *c, int length, struct buffer *out)
{
    bool by_weekday = c->days == all_days && c->months == all_months && c->weekdays != ALL_WEEKDAYS;
    int count = 0;
    buffer_append_c(out, "[");
    for (int minute = 0; minute < MINUTES_A_DAY; minute++) {
        if (!begins_at(c, minute)) {
            continue;
        }
        if (++count > WINDOWS_MAX) {
            FAIL(INVALID, "the schedule begins more than 32 times a day: leave the window out");
        }
        buffer_append_c(out, count > 1 ? ",\"" : "\"");
        if (by_weekday) {
            put_weekdays(out, c->weekdays);
        }
        put_time(out, minute);
        buffer_append_c(out, "-");
        put_time(out, (minute + length) % MINUTES_A_DAY);
        buffer_append_c(out, "\"");
    }
    buffer_append_c(out, "]");
    return buffer_status(out);
}

static int64_t window_s(const struct credential *c)
{
    struct windows w;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(LIMIT_ARENA_BYTES);
    if (arena == NULL || c->windows.len == 0 ||
        !status_ok(due_windows(c->windows, false, arena, &w)) || w.count == 0) {
        return 0;
    }
    return (w.items[0].end_us - w.items[0].begin_us) / CLOCK_SECOND;
}

void database_put_schedule(struct json_writer *w, const struct credential *c)
{
    if (c->cron.len == 0) {
        json_add_int(w, "rotation_period", c->interval_s);
        return;
    }
    json_add_string(w, "rotation_schedule", c->cron);
    json_add_int(w, "rotation_window", window_s(c));
}

// ---- reading

static struct status read_window(const struct rotation_body *b, struct credential *c)
{
    struct cron cron;
    struct buffer text CLEANUP(buffer_done);
    int64_t length_s = window_s(c);
    buffer_init(&text, WINDOWS_BYTES);
    TRY(rotation_body_duration(b, "rotation_window", &length_s));
    struct status s = cron_parse(c->cron, &cron);
    if (!status_ok(s)) {
        return rotation_refuse_field(b, "rotation_schedule", s.what);
    }
    c->windows = STR("[]");
    if (length_s == 0) {
        return OK_STATUS;
    }
    if (length_s < WINDOW_MIN_S || length_s > WINDOW_MAX_S || length_s % MINUTES_AN_HOUR != 0) {
        return rotation_refuse_field(b, "rotation_window",
                                     "expected whole minutes from 1h to 24h; 0: at any time");
    }
    s = put_windows(&cron, (int)(length_s / MINUTES_AN_HOUR), &text);
    if (!status_ok(s)) {
        return rotation_refuse_field(b, "rotation_window", s.what);
    }
    return arena_copy_str(b->op->arena, buffer_str(&text), &c->windows);
}

static struct status check_cron(const struct rotation_body *b, const struct rotation *r,
                                struct credential *c)
{
    struct manage_schedule schedule = {.field = "cron"};
    long long least_s = (long long)rotation_min_interval_s(r);
    struct status s = manage_check_schedule(b->op, c, &schedule);
    if (s.code == STATUS_INVALID) {
        return rotation_refuse_field(b, "rotation_schedule", s.what);
    }
    TRY(s);
    if (schedule.shortest_s >= least_s) {
        return OK_STATUS;
    }
    return answer_explain(b->res, MAKE_STATUS(INVALID, "bad schedule"), b->op->arena,
                          "rotation_schedule: two dates are %llds apart, expected at least %llds "
                          "(rotation.min_interval_s)",
                          (long long)schedule.shortest_s, least_s);
}

static struct status read_cron(const struct rotation_body *b, const struct rotation *r,
                               struct credential *c)
{
    TRY(read_window(b, c));
    c->interval_s = 0;
    return check_cron(b, r, c);
}

static struct status read_period(const struct rotation_body *b, const struct rotation *r,
                                 struct credential *c)
{
    int64_t window = 0;
    TRY(rotation_body_duration(b, "rotation_window", &window));
    if (window > 0) {
        return rotation_refuse_field(b, "rotation_window",
                                     "goes with rotation_schedule, not with rotation_period");
    }
    c->windows = STR("[]");
    if (c->interval_s < rotation_min_interval_s(r) || c->interval_s > PERIOD_MAX_S) {
        return answer_explain(b->res, MAKE_STATUS(INVALID, "bad period"), b->op->arena,
                              "rotation_period: expected %llds (rotation.min_interval_s) to 366d",
                              (long long)rotation_min_interval_s(r));
    }
    return OK_STATUS;
}

struct status database_read_schedule(const struct rotation_body *b, const struct rotation *r,
                                     struct credential *c)
{
    struct str cron = STR("");
    bool has_period = !json_is_null(json_get(b->op->body, "rotation_period"));
    TRY(rotation_body_text(b, "rotation_schedule", &cron));
    TRY(rotation_body_duration(b, "rotation_period", &c->interval_s));
    if (has_period && cron.len > 0) {
        return rotation_refuse_field(b, "rotation_schedule",
                                     "give rotation_period or rotation_schedule, not both");
    }
    if (!has_period && cron.len == 0 && c->row_version == 0) {
        return rotation_refuse_field(b, "rotation_period",
                                     "required, for example 24h; or a rotation_schedule");
    }
    c->cron = has_period ? STR("") : cron.len > 0 ? cron : c->cron;
    return c->cron.len > 0 ? read_cron(b, r, c) : read_period(b, r, c);
}
