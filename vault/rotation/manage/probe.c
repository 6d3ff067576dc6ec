// SPDX-License-Identifier: ISC
// Asking a target about a value for somebody who waits for the answer.
#include "vault/rotation/manage/manage.h"

#include "vault/rotation/engine/driver.h"

enum { VERSION_AT = TARGET_COLUMN_COUNT };

static const struct store_statement find_current = {
    "rotation.probe_current",
    "SELECT " TARGET_COLUMNS ", " VERSION_COLUMNS " FROM rotation_credential c "
    "JOIN rotation_target t ON t.id = c.target_id "
    "JOIN rotation_value v ON v.credential_id = c.id "
    "AND v.version = c.current_version WHERE c.id = $1"};

struct question {
    const struct target *target;
    const struct credential *credential;
    struct str account;
    const struct secret *value;
    struct str external_id;
    struct bytes public_part;
};

static struct status ask(struct operation *op, const struct question *q, struct protocol_reply *out)
{
    struct driver d = {0};
    struct driver_call call = {.attempt = op->request_id,
                               .account = q->account,
                               .value = q->value,
                               .external_id = q->external_id,
                               .public_part = q->public_part};
    bool asked;
    TRY(settings_parse(q->credential->account_settings, op->arena, &call.account_settings));
    struct status s =
        driver_init(&d, rotation_running(), op->worker->vault->keyring, q->target, op->arena);
    if (status_ok(s)) {
        s = driver_ask(&d, PROTOCOL_PROBE, &call, out, &asked);
    }
    driver_done(&d);
    return s;
}

struct status manage_probe(struct operation *op, const struct manage_question *about,
                           struct str *out_message)
{
    struct secret *copy CLEANUP(secret_cleanup) = NULL;
    struct protocol_reply reply = {0};
    TRY(secret_copy(bytes_from_str(about->value.text), &copy));
    const struct question q = {.target = about->target,
                               .credential = about->credential,
                               .account = about->account,
                               .value = copy,
                               .external_id = about->value.external_id};
    TRY(ask(op, &q, &reply));
    *out_message = reply.message;
    if (reply.result == PROTOCOL_REJECTED) {
        FAIL(INVALID, "the target refuses this password for the account");
    }
    if (reply.result != PROTOCOL_WORKS) {
        FAIL(UPSTREAM, "the target can't be asked whether it accepts the password");
    }
    return OK_STATUS;
}

struct status manage_probe_current(struct operation *op, const struct credential *c,
                                   struct str *out_message)
{
    const struct keyring *k = op->worker->vault->keyring;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct secret *value CLEANUP(secret_cleanup) = NULL;
    struct protocol_reply reply = {0};
    const struct store_value key[] = {store_uuid(c->id)};
    struct target t;
    struct version v;
    TRY(store_query(op->worker->vault->store, &find_current, key, ARRAY_LEN(key), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the credential was changed by someone else meanwhile, try again");
    }
    TRY(target_read(k, &rows, 0, 0, &t));
    TRY(version_read(k, &rows, 0, VERSION_AT, &v));
    if (!uuid_equal(t.id, c->target) || !uuid_equal(v.credential, c->id) ||
        v.number != c->current_version) {
        FAIL(INTEGRITY, "rows of different credentials were mixed");
    }
    TRY(version_open(k, c->mount, &v, &value));
    const struct question q = {.target = &t,
                               .credential = c,
                               .account = v.account,
                               .value = value,
                               .external_id = v.external_id,
                               .public_part = v.public_part};
    TRY(ask(op, &q, &reply));
    *out_message = reply.message;
    if (reply.result == PROTOCOL_REJECTED) {
        FAIL(CONFLICT, "the target refuses the current value: action=retry asks it about the new "
                       "one, action=apply sets that");
    }
    if (reply.result != PROTOCOL_WORKS) {
        FAIL(UPSTREAM, "the target can't be asked whether it accepts the current value");
    }
    return OK_STATUS;
}
