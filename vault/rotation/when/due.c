// SPDX-License-Identifier: ISC
#include "vault/rotation/when/due.h"

#include "vault/base/json.h"
#include "vault/base/log.h"

static const struct store_statement load_zone = {
    "rotation.zone", "SELECT changed_at, seconds FROM rotation_zone($1, $2, $3)"};
static const struct store_statement find_zone = {
    "rotation.zone_name", "SELECT name FROM rotation_zone_name($1) AS name WHERE name IS NOT NULL"};

struct str due_why(enum timetable_why why)
{
    switch (why) {
    case TIMETABLE_WINDOW:
        return STR("window");
    case TIMETABLE_BLACKOUT:
        return STR("blackout");
    case TIMETABLE_ALLOWED:
        break;
    }
    return STR("");
}

struct status due_zone_name(struct session *s, struct str given, struct arena *arena,
                            struct str *out)
{
    const struct store_value name[] = {store_text(given)};
    if (str_equal_c(given, "UTC")) {
        *out = given; // reading all zones from files takes a while
        return OK_STATUS;
    }
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &find_zone, name, ARRAY_LEN(name), &rows));
    if (rows.count != 1) {
        FAIL(INVALID, "PostgreSQL knows no such time zone: expected a name such as Europe/Berlin "
                      "or UTC");
    }
    return arena_copy_str(arena, store_get_text(&rows, 0, 0), out);
}

struct status due_windows(struct str json, bool dates, struct arena *arena, struct windows *out)
{
    struct json_value list;
    out->count = 0;
    if (json.len == 0) {
        return OK_STATUS;
    }
    TRY(json_parse(json, NULL, arena, &list, NULL));
    struct json_iter it = json_iterate(list);
    while (json_next(&it)) {
        struct str text;
        if (out->count == WINDOWS_MAX) {
            FAIL(INVALID, "more than 32 entries");
        }
        TRY(json_as_str(it.value, &text));
        TRY(window_parse(text, dates, &out->items[out->count]));
        out->count++;
    }
    return OK_STATUS;
}

// Those of the days before count as well: a window may have begun there.
static struct status read_zone(struct session *s, const struct credential *c, int64_t from_us,
                               int64_t days, struct arena *arena, struct zone *out)
{
    int64_t since_us = calendar_day_of(from_us) * CALENDAR_DAY - 4 * CALENDAR_DAY;
    const struct store_value values[] = {store_text(c->time_zone), store_time(since_us),
                                         store_int(days + 16)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &load_zone, values, ARRAY_LEN(values), &rows));
    if (rows.count == 0) {
        log_repeated(LOG_ERROR, "rotation.unknown_zone", LOG_UUID("credential", c->id));
        return OK_STATUS;
    }
    struct zone_change *changes = ARENA_ARRAY(arena, struct zone_change, (size_t)rows.count);
    if (changes == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (int row = 0; row < rows.count; row++) {
        changes[row] = (struct zone_change){store_get_time(&rows, row, 0),
                                            store_get_int(&rows, row, 1) * CLOCK_SECOND};
    }
    *out = (struct zone){changes, (size_t)rows.count};
    return OK_STATUS;
}

struct status due_timetable(struct session *s, const struct credential *c, int64_t from_us,
                            int64_t days, struct arena *arena, struct timetable *out)
{
    *out = (struct timetable){.has_cron = c->cron.len > 0,
                              .interval_us = c->interval_s * CLOCK_SECOND,
                              .jitter_us = credential_spread_us(c),
                              .until_us = from_us + days * CALENDAR_DAY};
    if (out->has_cron) {
        TRY(cron_parse(c->cron, &out->cron));
    }
    TRY(due_windows(c->windows, false, arena, &out->windows));
    TRY(due_windows(c->blackouts, true, arena, &out->blackouts));
    bool by_the_wall = out->has_cron || out->windows.count > 0 || out->blackouts.count > 0;
    if (!by_the_wall || str_equal_c(c->time_zone, "UTC") || c->time_zone.len == 0) {
        return OK_STATUS;
    }
    return read_zone(s, c, from_us, days, arena, &out->zone);
}

struct status due_next(struct session *s, const struct credential *c, int64_t after_us,
                       struct arena *arena, struct timetable_due *out)
{
    struct timetable t;
    TRY(due_timetable(s, c, after_us, DUE_SOON_DAYS, arena, &t));
    struct status found = timetable_next(&t, after_us, out);
    if (found.code != STATUS_NOT_FOUND) {
        return found;
    }
    TRY(due_timetable(s, c, after_us, DUE_HORIZON_DAYS, arena, &t));
    return timetable_next(&t, after_us, out);
}

struct status due_move(struct session *s, const struct credential *c, int64_t planned_us,
                       struct arena *arena, struct timetable_due *out)
{
    struct timetable t;
    TRY(due_timetable(s, c, planned_us, DUE_HORIZON_DAYS, arena, &t));
    t.jitter_us = 0;
    return timetable_move(&t, planned_us, out);
}

struct status due_look(struct session *s, const struct credential *c, int64_t at_us,
                       struct arena *arena, enum timetable_why *out)
{
    struct timetable t;
    TRY(due_timetable(s, c, at_us, 1, arena, &t));
    *out = timetable_look(&t, at_us);
    return OK_STATUS;
}

static struct status set(struct credential *c, struct status found, const struct timetable_due *due)
{
    if (found.code == STATUS_NOT_FOUND || found.code == STATUS_INVALID) {
        log_event(LOG_WARN, "rotation.no_date", LOG_UUID("credential", c->id), LOG_STATUS(found));
        c->next_rotation_us = CLOCK_NEVER;
        c->moved_from_us = 0;
        c->moved_by = STR("");
        return OK_STATUS;
    }
    TRY(found);
    c->next_rotation_us = due->at_us;
    c->moved_from_us = due->moved == TIMETABLE_ALLOWED ? 0 : due->planned_us;
    c->moved_by = due_why(due->moved);
    return OK_STATUS;
}

struct status due_set_next(struct session *s, struct credential *c, int64_t after_us,
                           struct arena *arena)
{
    struct timetable_due due;
    return set(c, due_next(s, c, after_us, arena, &due), &due);
}

struct status due_set_moved(struct session *s, struct credential *c, int64_t planned_us,
                            struct arena *arena)
{
    struct timetable_due due;
    return set(c, due_move(s, c, planned_us, arena, &due), &due);
}
