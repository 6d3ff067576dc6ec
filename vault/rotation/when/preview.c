// SPDX-License-Identifier: ISC
// What a schedule is going to do, for whoever writes or reads it.
#include "vault/rotation/manage/manage.h"

#include <string.h>

struct preview_job {
    struct operation *op;
    struct credential *credential;
    struct manage_schedule *schedule;
    size_t count;
    struct timetable_due *dates;
    size_t found;
    int64_t at_us;
    enum timetable_why why;
};

static struct status check_work(struct session *s, void *arg)
{
    struct preview_job *job = arg;
    struct credential *c = job->credential;
    struct arena *arena = job->op->arena;
    struct timetable_due first;
    struct timetable t;
    int64_t now_us = job->op->snapshot.now_us;
    job->schedule->field = "time_zone";
    TRY(due_zone_name(s, c->time_zone, arena, &c->time_zone));
    TRY(due_timetable(s, c, now_us, DUE_HORIZON_DAYS, arena, &t));
    job->schedule->shortest_s = timetable_shortest_s(&t, now_us);
    job->schedule->field = "cron";
    if (job->schedule->shortest_s == 0) {
        FAIL(INVALID, "no such day comes within the next nine years");
    }
    job->schedule->field = c->windows.len > strlen("[]") ? "windows" : "blackouts";
    struct status next = due_next(s, c, now_us, arena, &first);
    return next.code == STATUS_NOT_FOUND
               ? MAKE_STATUS(INVALID, "windows and blackouts leave no moment to rotate")
               : next;
}

struct status manage_check_schedule(struct operation *op, struct credential *c,
                                    struct manage_schedule *out)
{
    struct preview_job job = {.op = op, .credential = c, .schedule = out};
    return store_run(op->worker->vault->store, check_work, &job);
}

// The stored date is what counts for the first; one that has passed waits for something.
static struct timetable_due stored_date(const struct credential *c)
{
    bool moved = c->moved_from_us != 0;
    return (struct timetable_due){.planned_us = moved ? c->moved_from_us : c->next_rotation_us,
                                  .at_us = c->next_rotation_us,
                                  .moved = !moved ? TIMETABLE_ALLOWED
                                           : str_equal_c(c->moved_by, "blackout")
                                               ? TIMETABLE_BLACKOUT
                                               : TIMETABLE_WINDOW};
}

static struct status dates_work(struct session *s, void *arg)
{
    struct preview_job *job = arg;
    int64_t now_us = job->op->snapshot.now_us;
    job->found = 0;
    if (job->credential->next_rotation_us == CLOCK_NEVER) {
        return OK_STATUS;
    }
    job->dates[job->found++] = stored_date(job->credential);
    while (job->found < job->count) {
        int64_t after_us = job->dates[job->found - 1].at_us;
        struct status next = due_next(s, job->credential, after_us > now_us ? after_us : now_us,
                                      job->op->arena, &job->dates[job->found]);
        if (next.code == STATUS_NOT_FOUND) {
            break;
        }
        TRY(next);
        job->found++;
    }
    return OK_STATUS;
}

struct status manage_dates(struct operation *op, const struct credential *c, size_t count,
                           struct timetable_due *out, size_t *out_count)
{
    struct credential copy = *c;
    struct preview_job job = {.op = op, .credential = &copy, .count = count, .dates = out};
    TRY(store_run(op->worker->vault->store, dates_work, &job));
    *out_count = job.found;
    return OK_STATUS;
}

static struct status look_work(struct session *s, void *arg)
{
    struct preview_job *job = arg;
    return due_look(s, job->credential, job->at_us, job->op->arena, &job->why);
}

struct status manage_look(struct operation *op, const struct credential_found *found,
                          enum timetable_why *out)
{
    struct credential copy = found->credential;
    struct preview_job job = {.op = op, .credential = &copy, .at_us = found->now_us};
    *out = TIMETABLE_ALLOWED;
    if (!credential_has_windows(&copy)) {
        return OK_STATUS;
    }
    TRY(store_run(op->worker->vault->store, look_work, &job));
    *out = job.why;
    return OK_STATUS;
}
