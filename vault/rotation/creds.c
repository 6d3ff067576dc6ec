// SPDX-License-Identifier: ISC
#include "vault/rotation/creds.h"

#include "vault/base/log.h"
#include "vault/crypto/envelope.h"
#include "vault/rotation/name.h"

enum {
    HOLD_FIRST_POLL_US = CLOCK_SECOND / 100,
    HOLD_LAST_POLL_US = CLOCK_SECOND / 2,
    HOLD_MAX_US = 10 * CLOCK_SECOND,
    CREDENTIAL_AT = 1,
    VERSION_AT = CREDENTIAL_AT + CREDENTIAL_COLUMN_COUNT,
    HOLD_AT = VERSION_AT + VERSION_COLUMN_COUNT,
};

static const struct batch_load load_creds = {
    .statement = {"rotation.creds",
                  "SELECT q.n, " CREDENTIAL_COLUMNS ", " VERSION_COLUMNS
                  ", coalesce(a.hold, false), "
                  "coalesce(a.state, '') FROM unnest($1, $2, $3) WITH ORDINALITY AS q(mount_id, "
                  "name, previous, n) "
                  "JOIN rotation_credential c ON c.mount_id = q.mount_id AND c.name = q.name "
                  "LEFT JOIN rotation_value v ON v.credential_id = c.id AND v.version = "
                  "CASE WHEN q.previous THEN c.previous_version ELSE c.current_version END "
                  "LEFT JOIN rotation_attempt a ON a.credential_id = c.id AND a.open "
                  "ORDER BY q.n"},
    .key_count = 3,
    .key_types = {STORE_UUID, STORE_TEXT, STORE_BOOL},
};
static const struct store_statement find_caller = {
    "rotation.caller", "SELECT 1 FROM token WHERE id = $1 AND expires_at > clock_timestamp()"};
static const struct store_statement find_pause = {
    "rotation.paused_since", "SELECT time FROM rotation_event WHERE credential_id = $1 "
                             "AND state = 'paused' ORDER BY time DESC LIMIT 1"};

void creds_submit(struct operation *op, struct str name, bool previous, struct creds_load *load)
{
    load->name = name;
    load->previous = previous;
    if (!name_valid(name) || op->worker->batch == NULL) {
        return; // creds_wait() says so, once the caller is known
    }
    load->keys[0] = store_uuid(op->mount->id);
    load->keys[1] = store_text(name);
    load->keys[2] = store_bool(previous);
    batch_load(op->worker->batch, &load_creds, load->keys, &load->op);
    load->submitted = true;
}

void creds_load_done(struct creds_load *load)
{
    if (load->submitted) {
        status_ignore(batch_wait(&load->op)); // whoever wanted to know has asked
        batch_op_done(&load->op);
        load->submitted = false;
    }
}

static struct status load_again(struct operation *op, struct creds_load *load)
{
    creds_load_done(load);
    load->op = (struct batch_op){0};
    creds_submit(op, load->name, load->previous, load);
    if (!load->submitted) {
        FAIL(SEALED, "the vault is sealed");
    }
    return OK_STATUS;
}

// Time has passed since the caller was authorised: its token must still be there, in the snapshot
// of the value, and neither mounts nor policies may have changed.
static struct status load_with_caller(struct operation *op, struct creds_load *load)
{
    struct batch_op caller CLEANUP(batch_op_done) = {0};
    const struct store_value id[] = {store_uuid(op->caller.id)};
    TRY(load_again(op, load));
    batch_query(op->worker->batch, &find_caller, id, ARRAY_LEN(id), &caller);
    struct status loaded = batch_wait(&load->op);
    TRY(batch_wait(&caller));
    TRY(loaded);
    if (caller.rows.count != 1) {
        op->reason = "token was revoked or expired meanwhile";
        FAIL(UNAUTHENTICATED, "permission denied");
    }
    if (caller.snapshot.epoch != op->snapshot.epoch) {
        op->snapshot = caller.snapshot;
        op->stale = true;
        FAIL(UNAVAILABLE, "mounts or policies have just changed, try again");
    }
    return OK_STATUS;
}

static bool is_held(const struct creds_load *load)
{
    return load->op.rows.count == 1 && store_get_bool(&load->op.rows, 0, HOLD_AT);
}

static struct str attempt_state_of(const struct creds_load *load)
{
    return store_get_text(&load->op.rows, 0, HOLD_AT + 1); // empty: none is open
}

static bool is_blocked(const struct creds_load *load)
{
    return str_equal_c(attempt_state_of(load), "blocked");
}

// Asks less and less often: many may be waiting for the same change.
static struct status wait_for_release(struct operation *op, struct creds_load *load)
{
    int64_t limit_us = clock_monotonic_us() + HOLD_MAX_US;
    int64_t until_us = op->deadline_us < limit_us ? op->deadline_us : limit_us;
    int64_t poll_us = HOLD_FIRST_POLL_US;
    while (is_held(load)) {
        if (is_blocked(load)) {
            FAIL(UNAVAILABLE, "the credential is blocked, nothing is known to work: see its "
                              "history, then acknowledge it");
        }
        if (clock_monotonic_us() + poll_us > until_us) {
            FAIL(UNAVAILABLE, "the credential is being changed at its target just now, try again");
        }
        fiber_sleep_until(clock_monotonic_us() + poll_us);
        poll_us = poll_us * 2 < HOLD_LAST_POLL_US ? poll_us * 2 : HOLD_LAST_POLL_US;
        TRY(load_with_caller(op, load));
    }
    return OK_STATUS;
}

// Paused, and no rotation on its way that would go on all the same.
static bool rests(const struct creds_load *load, const struct credential *c)
{
    struct str state = attempt_state_of(load);
    return c->paused &&
           (state.len == 0 || str_equal_c(state, "promoted") || str_equal_c(state, "draining"));
}

static struct status refuse_resting(struct operation *op, struct creds_load *load,
                                    const struct credential *c)
{
    const struct store_value key[] = {store_uuid(c->id)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(store_query(op->worker->vault->store, &find_pause, key, ARRAY_LEN(key), &rows));
    load->rests = true;
    load->paused_us = rows.count == 1 ? store_get_time(&rows, 0, 0) : c->updated_us;
    FAIL(UNAVAILABLE, "the credential is paused, and has no value that works: none is made until "
                      "it is resumed or rotated by hand");
}

// The credential is there, so that 404 would send its readers looking for a typing error.
static struct status refuse_unrotated(const struct creds_load *load)
{
    if (is_blocked(load)) {
        FAIL(UNAVAILABLE, "nothing is known to work yet, the first rotation is blocked: see the "
                          "credential's history, then acknowledge it");
    }
    if (attempt_state_of(load).len == 0) {
        FAIL(UNAVAILABLE, "nothing is known to work yet and no rotation is under way: wait for the "
                          "first one, or ask for it");
    }
    FAIL(UNAVAILABLE, "nothing is known to work yet, the first rotation is under way: try again, "
                      "or see the credential's history");
}

static struct status check_served(struct operation *op, struct creds_load *load,
                                  const struct creds *creds)
{
    const struct credential *c = &creds->credential;
    int64_t version = load->previous ? c->previous_version : c->current_version;
    bool valid = credential_overlaps(c) && c->previous_until_us > creds->now_us;
    bool served = version != 0 && (!load->previous || valid);
    if (version == 0 && !load->previous) {
        return rests(load, c) ? refuse_resting(op, load, c) : refuse_unrotated(load);
    }
    if (!served) {
        FAIL(NOT_FOUND, "");
    }
    if (store_get_null(&load->op.rows, 0, VERSION_AT)) {
        FAIL(INTEGRITY, "the value of a credential is missing");
    }
    return OK_STATUS;
}

// The version's row is the one that its credential names, and no other's.
static struct status check_belongs(const struct creds_load *load, const struct creds *creds)
{
    const struct credential *c = &creds->credential;
    const struct version *v = &creds->version;
    int64_t version = load->previous ? c->previous_version : c->current_version;
    if (!uuid_equal(v->credential, c->id) || v->number != version ||
        !str_equal(c->name, load->name)) {
        FAIL(INTEGRITY, "a value was found where another belongs");
    }
    return OK_STATUS;
}

// What the target no longer accepts is of no use to anybody.
static struct status check_valid(struct operation *op, struct creds_load *load,
                                 const struct creds *creds)
{
    int64_t until_us = creds->version.valid_until_us;
    if (until_us == 0 || until_us > creds->now_us) {
        return OK_STATUS;
    }
    if (load->previous) {
        FAIL(NOT_FOUND, "");
    }
    if (rests(load, &creds->credential)) {
        return refuse_resting(op, load, &creds->credential);
    }
    FAIL(UNAVAILABLE, "the value has expired and the next one isn't there yet: try again, or see "
                      "the credential's history");
}

static struct status open_value(struct operation *op, struct creds *creds)
{
    const struct envelope_binding binding =
        version_binding(creds->credential.mount, &creds->version);
    struct bytes value;
    struct status s = envelope_open_in(op->worker->vault->keyring, creds->version.key_epoch,
                                       &binding, creds->version.ciphertext, op->arena, &value);
    if (s.code == STATUS_NOT_FOUND) {
        FAIL(UNAVAILABLE, "the key of this value isn't loaded yet, try again");
    }
    TRY(s);
    creds->value = str_from_bytes(value);
    return OK_STATUS;
}

static struct status read_creds(struct operation *op, struct creds_load *load, struct creds *out)
{
    const struct keyring *k = op->worker->vault->keyring;
    const struct store_rows *rows = &load->op.rows;
    struct creds creds = {.now_us = load->op.snapshot.now_us};
    TRY(credential_read(k, rows, 0, CREDENTIAL_AT, op->arena, &creds.credential));
    TRY(check_served(op, load, &creds));
    TRY(version_read(k, rows, 0, VERSION_AT, &creds.version));
    TRY(check_belongs(load, &creds));
    TRY(check_valid(op, load, &creds));
    TRY(open_value(op, &creds));
    *out = creds;
    return OK_STATUS;
}

static struct status wait_for_row(struct operation *op, struct creds_load *load)
{
    if (!load->submitted) {
        FAIL(NOT_FOUND, "");
    }
    TRY(batch_wait(&load->op));
    TRY(wait_for_release(op, load));
    if (load->op.rows.count != 1) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

static struct status report_altered(struct operation *op, struct status s)
{
    if (s.code == STATUS_INTEGRITY) {
        op->reason = "stored credential altered";
        log_event(LOG_ERROR, "rotation.altered", LOG_UUID("request_id", op->request_id),
                  LOG_STATUS(s));
    }
    return s;
}

struct status creds_wait(struct operation *op, struct creds_load *load, struct creds *out)
{
    TRY(wait_for_row(op, load));
    return report_altered(op, read_creds(op, load, out));
}

struct status creds_look(struct operation *op, struct creds_load *load, struct credential *out)
{
    TRY(wait_for_row(op, load));
    return report_altered(op, credential_read(op->worker->vault->keyring, &load->op.rows, 0,
                                              CREDENTIAL_AT, op->arena, out));
}

struct status creds_again(struct operation *op, struct creds_load *load)
{
    TRY(load_with_caller(op, load));
    op->snapshot = load->op.snapshot;
    return operation_authorise(op, POLICY_OP_READ);
}
