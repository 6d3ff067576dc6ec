// SPDX-License-Identifier: ISC
#include "vault/rotation/engine/set_aside.h"

#include "vault/base/log.h"

// Attempts that never asked the target to take a value have left nothing there. One whose row is
// gone may have. What has neither value nor public part can't be named to the target any more.
static const struct store_statement find_set_aside = {
    "rotation.set_aside",
    "SELECT " VERSION_COLUMNS " FROM rotation_value v "
    "LEFT JOIN rotation_attempt a ON a.id = v.attempt_id "
    "WHERE v.credential_id = $1 AND v.state = 'abandoned' "
    "AND coalesce(a.applied_at, 'infinity') > to_timestamp(0) "
    "AND (v.ciphertext IS NOT NULL OR v.public_part <> '') ORDER BY v.version LIMIT $2"};

void set_aside_done(struct set_aside *a)
{
    store_rows_done(&a->rows);
}

static struct status is_same(struct run *r, const struct version *v, const struct secret *value,
                             enum run_value_kind kind, bool *out)
{
    const struct version *known = &r->values[kind].version;
    const struct secret *other;
    *out = false;
    if (!run_has_value(r, kind) || !str_equal(known->account, v->account)) {
        return OK_STATUS;
    }
    if (v->public_part.len > 0) {
        *out = str_equal(str_from_bytes(v->public_part), str_from_bytes(known->public_part));
        return OK_STATUS;
    }
    TRY(run_open(r, kind, &other));
    *out = secret_equal(value, other);
    return OK_STATUS;
}

// A rollback sets copies: what was set aside may be in use under another number.
static struct status is_in_use(struct run *r, const struct version *v, const struct secret *value,
                               bool *out)
{
    *out = false;
    for (int kind = 0; kind < RUN_VALUE_COUNT && !*out; kind++) {
        TRY(is_same(r, v, value, (enum run_value_kind)kind, out));
    }
    return OK_STATUS;
}

static struct status end_one(struct run *r, const struct version *v, struct set_aside *out)
{
    struct secret *value CLEANUP(secret_cleanup) = NULL;
    bool in_use;
    bool asked;
    if (v->public_part.len == 0) { // known by its value alone
        struct status s = version_open(r->worker->vault->keyring, r->credential.mount, v, &value);
        if (!status_ok(s)) { // altered, or its key is missing here: nobody is held up by it
            log_repeated(LOG_WARN, "rotation.set_aside_left", LOG_UUID("value", v->id),
                         LOG_STATUS(s));
            return OK_STATUS;
        }
    }
    TRY(is_in_use(r, v, value, &in_use));
    if (in_use) {
        return OK_STATUS;
    }
    struct status s = run_ask_version(r, PROTOCOL_RETIRE, v, value, &out->reply, &asked);
    if (!status_ok(s)) {
        out->reply = (struct protocol_reply){.error = ROTUNDA_ERROR_UNREACHABLE,
                                             .message = str_from_c(s.what)};
    }
    out->failed = !status_ok(s) || out->reply.result != PROTOCOL_APPLIED;
    log_event(out->failed ? LOG_WARN : LOG_INFO,
              out->failed ? "rotation.set_aside_left" : "rotation.set_aside_ended",
              LOG_STR("credential", r->credential.name), LOG_INT("version", v->number),
              LOG_STR("reason", out->failed ? out->reply.message : STR("")));
    if (!out->failed) {
        out->ended[out->count++] = *v;
    }
    return OK_STATUS;
}

bool set_aside_is_kept(const struct run *r)
{
    return r->credential.slots > 1 && r->credential.kind == ROTUNDA_K2 &&
           driver_has(&r->driver, PROTOCOL_RETIRE);
}

struct status set_aside_end(struct run *r, struct set_aside *out)
{
    const struct store_value values[] = {store_uuid(r->credential.id), store_int(SET_ASIDE_MAX)};
    bool keys = r->credential.slots > 1 && r->credential.kind == ROTUNDA_K3;
    out->run = r;
    if (!set_aside_is_kept(r) && !(keys && driver_has(&r->driver, PROTOCOL_RETIRE))) {
        return OK_STATUS;
    }
    TRY(store_query(r->worker->vault->store, &find_set_aside, values, ARRAY_LEN(values),
                    &out->rows));
    for (int row = 0; row < out->rows.count && row < SET_ASIDE_MAX && !out->failed; row++) {
        struct version v;
        // A row that was altered proves nothing; reading it has logged it.
        bool good = status_ok(version_read(r->worker->vault->keyring, &out->rows, row, 0, &v)) &&
                    uuid_equal(v.credential, r->credential.id);
        if (good) {
            TRY(end_one(r, &v, out));
        }
    }
    return OK_STATUS;
}

struct str set_aside_detail(const struct set_aside *a)
{
    if (a->failed) {
        return STR("what may have been set, and was given up before, could not be ended at the "
                   "target: it is tried again");
    }
    return a->count == 0
               ? STR("")
               : STR("what may have been set, and was given up before, is ended at the target");
}

struct status set_aside_work(struct session *s, void *arg)
{
    const struct set_aside *a = arg;
    for (size_t i = 0; i < a->count; i++) {
        TRY(version_change(s, a->run->worker->vault->keyring, &a->ended[i], STR("retired")));
    }
    return OK_STATUS;
}
