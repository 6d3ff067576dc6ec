// SPDX-License-Identifier: ISC
#include "vault/rotation/attempt.h"

#include "vault/base/log.h"
#include "vault/crypto/row_mac.h"

static const struct store_statement insert_attempt = {
    "rotation.insert_attempt",
    "INSERT INTO rotation_attempt (id, namespace_id, credential_id, target_id, account, cause, "
    "state, version, hold, values_tried, created_at, row_version, mac, fence, node, lease_until, "
    "next_step_at, tries, error_class, error, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, "
    "$9, $10, $11, $12, $13, 0, '', to_timestamp(0), clock_timestamp(), 0, '', '', "
    "clock_timestamp()) ON CONFLICT DO NOTHING RETURNING 1"};
// $1 id, $2 fence, $3 state and $4 row version as read, then what they become.
static const struct store_statement update_attempt = {
    "rotation.update_attempt",
    "UPDATE rotation_attempt SET state = $5, version = $6, hold = $7, values_tried = $8, "
    "row_version = $4 + 1, mac = $9, tries = $10, error_class = $11, error = $12, "
    "lease_until = clock_timestamp() + $13 * interval '1 microsecond', "
    "next_step_at = greatest(clock_timestamp() + $14 * interval '1 microsecond', $15), "
    "baseline = $16, quarantine_until = $17, applied_at = $18, changed_at = clock_timestamp() "
    "WHERE id = $1 AND fence = $2 AND state = $3 AND row_version = $4 RETURNING 1"};
static const struct store_statement insert_event = {
    "rotation.insert_event",
    "INSERT INTO rotation_event (id, namespace_id, credential_id, attempt_id, fence, node, "
    "version, "
    "state, error_class, detail) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)"};

static const struct store_statement target_unanswered = {"rotation.unanswered",
                                                         "SELECT rotation_unanswered($1)"};
static const struct store_statement target_answered = {"rotation.answered",
                                                       "SELECT rotation_answered($1)"};

static const char *const state_names[] = {
#define X(name, text) [ATTEMPT_##name] = text,
    ATTEMPT_STATE_TABLE(X)
#undef X
};

#define MAY(state) (1U << ATTEMPT_##state)

// Bit n: may become state n. Staying is always allowed.
static const uint32_t moves[ATTEMPT_STATE_COUNT] = {
    [ATTEMPT_PLANNED] = MAY(STAGED) | MAY(BLOCKED) | MAY(ROLLED_BACK),
    [ATTEMPT_STAGED] = MAY(APPLYING) | MAY(BLOCKED) | MAY(ROLLED_BACK),
    [ATTEMPT_APPLYING] = MAY(APPLIED) | MAY(STAGED) | MAY(PLANNED) | MAY(RECONCILE) | MAY(BLOCKED),
    [ATTEMPT_APPLIED] = MAY(VERIFIED) | MAY(RECONCILE) | MAY(BLOCKED),
    [ATTEMPT_VERIFIED] = MAY(PROMOTED) | MAY(RECONCILE),
    [ATTEMPT_PROMOTED] = MAY(DRAINING) | MAY(RETIRED),
    [ATTEMPT_DRAINING] = MAY(RETIRED) | MAY(BLOCKED),
    [ATTEMPT_RETIRED] = 0,
    [ATTEMPT_RECONCILE] = MAY(STAGED) | MAY(VERIFIED) | MAY(BLOCKED) | MAY(ROLLED_BACK),
    [ATTEMPT_BLOCKED] = MAY(RECONCILE) | MAY(STAGED) | MAY(PLANNED) | MAY(DRAINING) | MAY(RETIRED) |
                        MAY(ROLLED_BACK),
    [ATTEMPT_ROLLED_BACK] = 0,
};

struct str attempt_state_name(enum attempt_state state)
{
    return str_from_c(state_names[state]);
}

struct status attempt_state_parse(struct str text, enum attempt_state *out)
{
    for (unsigned i = 0; i < ATTEMPT_STATE_COUNT; i++) {
        if (str_equal_c(text, state_names[i])) {
            *out = (enum attempt_state)i;
            return OK_STATUS;
        }
    }
    FAIL(INTEGRITY, "an attempt is in no known state");
}

bool attempt_may_move(enum attempt_state from, enum attempt_state to)
{
    return from == to || (moves[from] & (1U << to)) != 0;
}

bool attempt_is_open(enum attempt_state state)
{
    return state != ATTEMPT_RETIRED && state != ATTEMPT_ROLLED_BACK;
}

bool attempt_is_settled(enum attempt_state state)
{
    return state == ATTEMPT_PROMOTED || state == ATTEMPT_DRAINING || !attempt_is_open(state);
}

static struct status begin_mac(struct row_mac *m, const struct keyring *k, const struct attempt *a)
{
    TRY(row_mac_begin(m, k, a->namespace_id, "rotation_attempt", a->id, a->row_version));
    row_mac_uuid(m, a->credential);
    row_mac_uuid(m, a->target);
    row_mac_str(m, a->account);
    row_mac_str(m, a->cause);
    row_mac_str(m, attempt_state_name(a->state));
    row_mac_int(m, a->version);
    row_mac_bool(m, a->hold);
    row_mac_int(m, a->values_tried);
    row_mac_int(m, a->created_us);
    // Older rows were made without these.
    if (a->baseline.len > 0 || a->quarantine_until_us != 0 || a->applied_us != 0) {
        row_mac_str(m, a->baseline);
        row_mac_int(m, a->quarantine_until_us);
        row_mac_int(m, a->applied_us);
    }
    return OK_STATUS;
}

struct status attempt_read(const struct keyring *k, const struct store_rows *rows, int row,
                           int column, struct attempt *out)
{
    int c = column;
    struct attempt a;
    a.id = store_get_uuid(rows, row, c++);
    a.namespace_id = store_get_int(rows, row, c++);
    a.credential = store_get_uuid(rows, row, c++);
    a.target = store_get_uuid(rows, row, c++);
    a.account = store_get_text(rows, row, c++);
    a.cause = store_get_text(rows, row, c++);
    TRY(attempt_state_parse(store_get_text(rows, row, c++), &a.state));
    a.version = store_get_int(rows, row, c++);
    a.hold = store_get_bool(rows, row, c++);
    a.values_tried = store_get_int(rows, row, c++);
    a.created_us = store_get_time(rows, row, c++);
    a.row_version = store_get_int(rows, row, c++);
    struct bytes mac = store_get_bytes(rows, row, c++);
    a.fence = store_get_int(rows, row, c++);
    a.tries = store_get_int(rows, row, c++);
    a.baseline = store_get_text(rows, row, c++);
    a.quarantine_until_us = store_get_time(rows, row, c++);
    a.applied_us = store_get_time(rows, row, c);
    struct row_mac m;
    TRY(begin_mac(&m, k, &a));
    struct status s = row_mac_check(&m, mac);
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "rotation.attempt_altered", LOG_UUID("attempt", a.id));
        return s;
    }
    *out = a;
    return OK_STATUS;
}

struct attempt attempt_new(const struct credential *c, struct str account, struct str cause,
                           int64_t now_us)
{
    return (struct attempt){.id = uuid_new(),
                            .namespace_id = c->namespace_id,
                            .credential = c->id,
                            .target = c->target,
                            .account = account,
                            .cause = cause,
                            .state = ATTEMPT_PLANNED,
                            .baseline = STR(""),
                            .created_us = now_us};
}

static struct status put_event(struct session *s, const struct attempt_change *change)
{
    const struct attempt *a = &change->next;
    const struct store_value values[] = {
        store_uuid(uuid_new()),
        store_int(a->namespace_id),
        store_uuid(a->credential),
        store_uuid(a->id),
        store_int(a->fence),
        store_text(change->node),
        store_int(a->version),
        store_text(attempt_state_name(a->state)),
        store_text(str_from_c(change->error_class)),
        store_text(change->detail),
    };
    return session_exec(s, &insert_event, values, ARRAY_LEN(values), NULL);
}

struct status attempt_note(struct session *s, const struct credential *c, struct str node,
                           struct str what, struct str detail)
{
    const struct uuid none = {{0}};
    const struct store_value values[] = {store_uuid(uuid_new()),
                                         store_int(c->namespace_id),
                                         store_uuid(c->id),
                                         store_uuid(none),
                                         store_int(0),
                                         store_text(node),
                                         store_int(c->current_version),
                                         store_text(what),
                                         store_text(STR("")),
                                         store_text(detail)};
    return session_exec(s, &insert_event, values, ARRAY_LEN(values), NULL);
}

struct status attempt_insert(struct session *s, const struct keyring *k, struct str node,
                             const struct attempt *given)
{
    struct attempt a = *given;
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    a.row_version++;
    TRY(begin_mac(&m, k, &a));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {
        store_uuid(a.id),
        store_int(a.namespace_id),
        store_uuid(a.credential),
        store_uuid(a.target),
        store_text(a.account),
        store_text(a.cause),
        store_text(attempt_state_name(a.state)),
        store_int(a.version),
        store_bool(a.hold),
        store_int(a.values_tried),
        store_time(a.created_us),
        store_int(a.row_version),
        store_bytea(BYTES_OF(mac)),
    };
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &insert_attempt, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the credential, or its account, is being rotated already");
    }
    const struct attempt_change event = {.next = a, .node = node, .detail = a.cause};
    return put_event(s, &event);
}

// Does the target answer, and willingly? Where it doesn't, claims come one at a time
// (rotation_claim).
static struct status note_target(struct session *s, const struct attempt_change *change)
{
    const struct store_value values[] = {store_uuid(change->next.target)};
    struct str class = str_from_c(change->error_class);
    if (str_equal_c(class, "unreachable") || str_equal_c(class, "throttled")) {
        return session_exec(s, &target_unanswered, values, ARRAY_LEN(values), NULL);
    }
    if (change->next.state == ATTEMPT_VERIFIED) {
        return session_exec(s, &target_answered, values, ARRAY_LEN(values), NULL);
    }
    return OK_STATUS;
}

struct status attempt_update(struct session *s, const struct keyring *k,
                             const struct attempt *before, const struct attempt_change *change)
{
    struct attempt a = change->next;
    REQUIRE(attempt_may_move(before->state, a.state));
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    a.row_version = before->row_version + 1;
    TRY(begin_mac(&m, k, &a));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {
        store_uuid(a.id),
        store_int(before->fence),
        store_text(attempt_state_name(before->state)),
        store_int(before->row_version),
        store_text(attempt_state_name(a.state)),
        store_int(a.version),
        store_bool(a.hold),
        store_int(a.values_tried),
        store_bytea(BYTES_OF(mac)),
        store_int(a.tries),
        store_text(str_from_c(change->error_class)),
        store_text(change->error_class == NULL ? STR("") : change->detail),
        store_int(change->lease_us),
        store_int(change->delay_us),
        store_time(change->not_before_us),
        store_text(a.baseline),
        store_time(a.quarantine_until_us),
        store_time(a.applied_us),
    };
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &update_attempt, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "someone else has the attempt");
    }
    TRY(note_target(s, change));
    return put_event(s, change);
}
