// SPDX-License-Identifier: ISC
// What is due becomes an attempt, what is ready is claimed. The database's clock decides.
#include <string.h>

#include "vault/base/log.h"
#include "vault/rotation/engine/rotation_internal.h"
#include "vault/rotation/when/due.h"

enum {
    ROUND_ARENA_BYTES = 1024 * 1024,
    VALUE_AT = CREDENTIAL_COLUMN_COUNT,
    DUE_AT = VALUE_AT + VERSION_COLUMN_COUNT + 2
};

#define PLAN_ACTOR STR("system")
#define PLAN_OPERATION STR("rotate")

// now(), which stands still in a transaction, can be looked up in an index; clock_timestamp()
// can't.
static const struct store_statement find_due = {
    "rotation.due",
    "SELECT " CREDENTIAL_COLUMNS ", " VERSION_COLUMNS ", m.path, clock_timestamp(), "
    "c.next_rotation_at "
    "FROM rotation_credential c JOIN mount m ON m.id = c.mount_id "
    "LEFT JOIN rotation_value v ON v.credential_id = c.id AND v.state = 'current' "
    "WHERE c.next_rotation_at <= now() AND c.next_rotation_at < 'infinity' "
    "AND NOT c.paused AND NOT EXISTS (SELECT 1 FROM rotation_attempt a "
    "WHERE a.credential_id = c.id AND a.open) "
    "AND (c.next_rotation_at, c.id) > ($2, $3) "
    "ORDER BY c.next_rotation_at, c.id LIMIT $1 FOR UPDATE OF c SKIP LOCKED"};
static const struct store_statement claim_ready = {"rotation.claim",
                                                   "SELECT * FROM rotation_claim($1, $2, $3)"};
static const struct store_statement find_quiet = {"rotation.quiet", "SELECT rotation_quiet_us()"};
static const struct store_statement put_effect = {
    "rotation.plan_effect", "SELECT effect_record($1, $2, $3, '', $4, $5, $6)"};

struct planned {
    struct uuid request_id;
    int64_t namespace_id;
    struct str path;
};

struct round {
    struct rotation *rotation;
    struct arena *arena;
    int64_t chain;
    size_t most;
    int64_t began_us;
    struct planned planned[SCHEDULE_ROUND_MAX];
    size_t planned_count;
    struct schedule_place beyond;
    struct run_claim *claims;
    size_t claim_count;
};

// One whose window was missed, because no node was there or another attempt was open, waits for the
// next: `*out`.
static struct status put_off(struct session *s, struct round *round, const struct credential *due,
                             int64_t now_us, bool *out)
{
    const struct keyring *k = round->rotation->worker->vault->keyring;
    struct credential c = *due;
    enum timetable_why why;
    *out = false;
    if (!credential_has_windows(&c)) {
        return OK_STATUS;
    }
    TRY(due_look(s, &c, now_us, round->arena, &why));
    if (why == TIMETABLE_ALLOWED) {
        return OK_STATUS;
    }
    *out = true;
    TRY(due_set_moved(s, &c, now_us, round->arena));
    return credential_store(s, k, &c);
}

static struct status plan_one(struct session *s, struct round *round, const struct store_rows *due,
                              int row)
{
    const struct worker *w = round->rotation->worker;
    const struct keyring *k = w->vault->keyring;
    struct credential c;
    struct version current = {.account = STR("")};
    TRY(credential_read(k, due, row, 0, round->arena, &c));
    if (!store_get_null(due, row, VALUE_AT)) {
        TRY(version_read(k, due, row, VALUE_AT, &current));
    }
    if (current.number != c.current_version && c.current_version != 0) {
        log_event(LOG_ERROR, "rotation.value_missing", LOG_UUID("credential", c.id));
        FAIL(INTEGRITY, "the current value of a credential is missing");
    }
    struct str mount_path = store_get_text(due, row, VALUE_AT + VERSION_COLUMN_COUNT);
    int64_t now_us = store_get_time(due, row, VALUE_AT + VERSION_COLUMN_COUNT + 1);
    bool waits;
    TRY(put_off(s, round, &c, now_us, &waits));
    if (waits) {
        return OK_STATUS;
    }
    struct attempt a =
        attempt_new(&c, credential_next_account(&c, current.account), STR("schedule"), now_us);
    TRY(attempt_insert(s, k, w->vault->node, &a));
    struct planned *p = &round->planned[round->planned_count];
    *p = (struct planned){.request_id = uuid_new(), .namespace_id = c.namespace_id};
    TRY(arena_printf(round->arena, &p->path, "%.*scredentials/%.*s", STR_ARG(mount_path),
                     STR_ARG(c.name)));
    const struct store_value values[] = {store_uuid(p->request_id),  store_int(round->chain),
                                         store_int(p->namespace_id), store_text(PLAN_ACTOR),
                                         store_text(PLAN_OPERATION), store_text(p->path)};
    TRY(session_exec(s, &put_effect, values, ARRAY_LEN(values), NULL));
    round->planned_count++;
    return OK_STATUS;
}

// A row that was altered stays where it is; reading it has logged it. `*out_left`: the page is full
// and some of it can't be planned, so that more may stand behind `place`.
static struct status plan_page(struct session *s, struct round *round, struct schedule_place *place,
                               bool *out_left)
{
    struct store_rows due CLEANUP(store_rows_done) = {0};
    int64_t most = (int64_t)(round->most - round->planned_count);
    int left = 0;
    const struct store_value values[] = {store_int(most), store_time(place->at_us),
                                         store_uuid(place->id)};
    TRY(session_exec(s, &find_due, values, ARRAY_LEN(values), &due));
    for (int row = 0; row < due.count; row++) {
        struct status planned = plan_one(s, round, &due, row);
        if (!status_ok(planned) && planned.code != STATUS_INTEGRITY &&
            planned.code != STATUS_CONFLICT) {
            return planned;
        }
        left += !status_ok(planned);
        place->at_us = store_get_time(&due, row, DUE_AT);
        place->id = store_get_uuid(&due, row, 0);
    }
    *out_left = left > 0 && due.count == most;
    return OK_STATUS;
}

// However many rows were altered, they hold nobody up: each round looks at the first ones, and then
// goes on behind where the round before ended.
static struct status plan_due(struct session *s, struct round *round)
{
    struct schedule_place *beyond = &round->beyond;
    struct schedule_place place = {0};
    bool left;
    TRY(plan_page(s, round, &place, &left));
    if (!left) {
        *beyond = (struct schedule_place){0};
        return OK_STATUS;
    }
    if (beyond->at_us < place.at_us) {
        *beyond = place;
    }
    TRY(plan_page(s, round, beyond, &left));
    if (!left) {
        *beyond = (struct schedule_place){0};
    }
    return OK_STATUS;
}

static struct status round_work(struct session *s, void *arg)
{
    struct round *round = arg;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(plan_due(s, round));
    const struct store_value values[] = {store_text(round->rotation->worker->vault->node),
                                         store_int(round->rotation->lease_us),
                                         store_int((int64_t)round->most)};
    TRY(session_exec(s, &claim_ready, values, ARRAY_LEN(values), &rows));
    for (int row = 0; row < rows.count && (size_t)row < round->most; row++) {
        round->claims[row] = (struct run_claim){
            .attempt = store_get_uuid(&rows, row, 0),
            .fence = store_get_int(&rows, row, 1),
            .lease_end_us = round->began_us + round->rotation->lease_us,
        };
    }
    round->claim_count = (size_t)rows.count;
    return OK_STATUS;
}

static void record_planned(const struct round *round)
{
    for (size_t i = 0; i < round->planned_count; i++) {
        const struct audit_entry entry = {
            .request_id = round->planned[i].request_id,
            .namespace_id = round->planned[i].namespace_id,
            .actor = PLAN_ACTOR,
            .operation = PLAN_OPERATION,
            .path = round->planned[i].path,
            .result = 204,
            .duration_us = clock_monotonic_us() - round->began_us,
            .effect = true,
            .detail = STR("{\"state\":\"planned\"}"),
            .effect_chain = round->chain,
        };
        // The effect becomes a record later when this fails.
        status_ignore(audit_append(round->rotation->worker->audit, &entry));
    }
}

static struct status quiet_work(struct session *s, void *arg)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    int64_t *quiet_us = arg;
    TRY(session_exec(s, &find_quiet, NULL, 0, &rows));
    *quiet_us = store_get_null(&rows, 0, 0) ? CLOCK_NEVER : store_get_int(&rows, 0, 0);
    return OK_STATUS;
}

struct status schedule_quiet_us(struct rotation *r, int64_t *out)
{
    return store_transact(r->worker->vault->store, quiet_work, out);
}

struct status schedule_round(struct rotation *r, size_t most, struct run_claim *out,
                             size_t *out_count)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ROUND_ARENA_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct round round = {.rotation = r,
                          .arena = arena,
                          .chain = audit_log_chain(r->worker->audit),
                          .most = most,
                          .beyond = r->beyond,
                          .began_us = clock_monotonic_us(),
                          .claims = out};
    TRY(store_transact(r->worker->vault->store, round_work, &round));
    *out_count = round.claim_count;
    r->beyond = round.beyond;
    record_planned(&round);
    return OK_STATUS;
}
