// SPDX-License-Identifier: ISC
#include "vault/rotation/tally.h"

#include <stdatomic.h>

#include "vault/rotation/manage/own.h"

static _Atomic int64_t entered[ATTEMPT_STATE_COUNT];
static _Atomic int64_t failed_steps;

static const struct store_statement count_credentials = {
    "rotation.count_credentials",
    "SELECT count(*), count(*) FILTER (WHERE c.paused), "
    "count(*) FILTER (WHERE " TALLY_IS_DUE "), "
    "count(*) FILTER (WHERE " TALLY_IS_OVERDUE "), "
    "count(*) FILTER (WHERE a.tries > 0 AND a.state <> 'blocked' AND a.error_class <> 'in_use'), "
    "(SELECT count(*) FROM rotation_target_change o WHERE " OWN_IS_BLOCKED ") "
    "FROM rotation_credential c LEFT JOIN rotation_attempt a ON a.credential_id = c.id AND a.open"};
static const struct store_statement count_attempts = {
    "rotation.count_attempts",
    "SELECT state, count(*) FROM rotation_attempt WHERE open GROUP BY state"};

void tally_step(enum attempt_state state, bool failed)
{
    atomic_fetch_add(failed ? &failed_steps : &entered[state], 1);
}

struct tally_done tally_done(void)
{
    struct tally_done done = {.failed = atomic_load(&failed_steps)};
    for (size_t i = 0; i < ATTEMPT_STATE_COUNT; i++) {
        done.entered[i] = atomic_load(&entered[i]);
    }
    return done;
}

static struct status read_attempts(struct session *s, struct tally *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &count_attempts, NULL, 0, &rows));
    for (int i = 0; i < rows.count; i++) {
        enum attempt_state state;
        TRY(attempt_state_parse(store_get_text(&rows, i, 0), &state));
        out->open[state] = store_get_int(&rows, i, 1);
    }
    return OK_STATUS;
}

struct status tally_read(struct session *s, struct tally *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &count_credentials, NULL, 0, &rows));
    struct tally t = {.credentials = store_get_int(&rows, 0, 0),
                      .paused = store_get_int(&rows, 0, 1),
                      .due = store_get_int(&rows, 0, 2),
                      .overdue = store_get_int(&rows, 0, 3),
                      .failing = store_get_int(&rows, 0, 4),
                      .own_blocked = store_get_int(&rows, 0, 5)};
    TRY(read_attempts(s, &t));
    *out = t;
    return OK_STATUS;
}
