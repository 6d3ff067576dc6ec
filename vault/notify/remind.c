// SPDX-License-Identifier: ISC
// Reminders: what a date on a credential means. Idempotent by what is said only once, so that it
// doesn't matter which node looks, nor how often.
#include "vault/base/log.h"
#include "vault/notify/notify_internal.h"
#include "vault/rotation/fault.h"

enum { REMINDERS_MAX = 1000 };
#define OVERDUE_US (3600LL * CLOCK_SECOND)

static const struct store_statement lock_round = {
    "notify.lock_reminders",
    "SELECT 1 WHERE pg_try_advisory_xact_lock(hashtext('rotation_reminders'))"};
static const struct store_statement find_reminders = {"notify.reminders",
                                                      "SELECT * FROM rotation_reminders($1, $2)"};

static struct status say(struct session *s, const struct keyring *k, const struct store_rows *rows,
                         int row)
{
    struct notice_saying saying = {.credential = store_get_uuid(rows, row, 0),
                                   .once = store_get_text(rows, row, 2)};
    TRY(notice_event_parse(store_get_text(rows, row, 1), &saying.event));
    return notice_say(s, k, &saying);
}

// A credential that was altered holds nobody else up; reading it has logged it.
static struct status remind_work(struct session *s, void *arg)
{
    const struct keyring *k = arg;
    struct store_rows locked CLEANUP(store_rows_done) = {0};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_int(fault_overdue_us(OVERDUE_US)),
                                         store_int(REMINDERS_MAX)};
    TRY(session_exec(s, &lock_round, NULL, 0, &locked));
    if (locked.count == 0) {
        return OK_STATUS;
    }
    TRY(session_exec(s, &find_reminders, values, ARRAY_LEN(values), &rows));
    for (int row = 0; row < rows.count; row++) {
        struct status said = say(s, k, &rows, row);
        if (!status_ok(said) && said.code != STATUS_INTEGRITY) {
            return said;
        }
    }
    return delivery_prune(s);
}

struct status remind_round(struct notify *n)
{
    struct vault *v = n->worker->vault;
    return store_transact(v->store, remind_work, v->keyring);
}
