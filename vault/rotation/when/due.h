// SPDX-License-Identifier: ISC
// When a credential is due, with the time zones of PostgreSQL. In a session, on its thread.
#pragma once

#include "vault/rotation/credential.h"
#include "vault/rotation/when/timetable.h"

enum { DUE_SOON_DAYS = 400, DUE_HORIZON_DAYS = 3300 }; // the second holds two leap days

// Its schedule from `from_us` on, for so many days. INVALID with what is wrong with its cron,
// windows or blackouts; UNAVAILABLE, NOMEM. In a zone that the server doesn't know UTC counts.
struct status due_timetable(struct session *s, const struct credential *c, int64_t from_us,
                            int64_t days, struct arena *arena, struct timetable *out);
// The next date after `after_us`; looks ahead as far as it takes. NOT_FOUND: there is none.
struct status due_next(struct session *s, const struct credential *c, int64_t after_us,
                       struct arena *arena, struct timetable_due *out);
// The same for something that is due at `planned_us` but for windows and blackouts.
struct status due_move(struct session *s, const struct credential *c, int64_t planned_us,
                       struct arena *arena, struct timetable_due *out);
// May it be rotated at `at_us`?
struct status due_look(struct session *s, const struct credential *c, int64_t at_us,
                       struct arena *arena, enum timetable_why *out);

// Puts the date into the row. What was rotated is: a schedule that has no date any more leaves it
// to people, and is logged.
struct status due_set_next(struct session *s, struct credential *c, int64_t after_us,
                           struct arena *arena);
struct status due_set_moved(struct session *s, struct credential *c, int64_t planned_us,
                            struct arena *arena);

// A zone's name as the server spells it. INVALID: there is no such zone.
struct status due_zone_name(struct session *s, struct str given, struct arena *arena,
                            struct str *out);
// Windows or blackouts as they are stored. INVALID with what is wrong.
struct status due_windows(struct str json, bool dates, struct arena *arena, struct windows *out);
// "window", "blackout"; empty: it wasn't moved.
struct str due_why(enum timetable_why why);
