// SPDX-License-Identifier: ISC
// Staging a new value for a target's own credential: durable, sealed, and sealed to the recovery
// key, before anybody goes to the target.
#include "vault/crypto/envelope.h"
#include "vault/crypto/password.h"
#include "vault/crypto/random.h"
#include "vault/rotation/fault.h"
#include "vault/rotation/manage/own_internal.h"
#include "vault/rotation/rotation.h"
#include "vault/rotation/version.h"

enum { VALUE_BITS = 160, SEALED_BYTES = 8192 };

static const struct store_statement lock_target = {
    "rotation.lock_target",
    "SELECT 1 FROM rotation_target WHERE id = $1 AND row_version = $2 FOR UPDATE"};
// Two targets with the same settings, or the same host, are taken for one system.
static const struct store_statement find_sharers = {
    "rotation.sharers",
    "SELECT o.name, false FROM rotation_target t JOIN rotation_target o ON o.rotator = t.rotator "
    "AND o.id <> t.id AND o.principal = t.principal AND (o.settings = t.settings OR "
    "lower(o.settings::jsonb ->> 'host') = lower(t.settings::jsonb ->> 'host')) WHERE t.id = $1 "
    "UNION ALL SELECT c.name, true FROM rotation_target t JOIN rotation_target o "
    "ON o.rotator = t.rotator AND (o.settings = t.settings OR "
    "lower(o.settings::jsonb ->> 'host') = lower(t.settings::jsonb ->> 'host')) "
    "JOIN rotation_principal p ON p.target_id = o.id AND p.account = t.principal "
    "JOIN rotation_credential c ON c.id = p.credential_id WHERE t.id = $1 LIMIT 1"};
static const struct store_statement find_durable = {
    "rotation.durable",
    "SELECT current_setting('synchronous_standby_names') <> '' OR NOT EXISTS (SELECT 1 "
    "FROM pg_stat_replication s WHERE coalesce(s.state, 'streaming') = 'streaming')"};
static const struct store_statement insert_own = {
    "rotation.insert_own",
    "INSERT INTO rotation_target_change (id, namespace_id, target_id, state, principal, salt, "
    "ciphertext, key_epoch, recovery_public, recovery_wrapped, recovery_copy, first_fence, "
    "created_at, row_version, mac, fence, node, lease_until, next_step_at, tries, error_class, "
    "error, changed_at) VALUES ($1, $2, $3, 'staged', $4, $5, $6, $7, $8, $9, $10, 0, $11, 1, $12, "
    "0, '', '-infinity', '-infinity', 0, '', '', clock_timestamp()) ON CONFLICT DO NOTHING "
    "RETURNING 1"};
// What is sealed to the recovery key is kept a while: it may be what the target still has.
static const struct store_statement prune_own = {
    "rotation.prune_own",
    "DELETE FROM rotation_target_change WHERE target_id = $1 AND NOT open AND created_at < ("
    "SELECT o.created_at FROM rotation_target_change o WHERE o.target_id = $1 "
    "ORDER BY o.created_at DESC OFFSET $2 LIMIT 1)"};

struct begin_job {
    struct operation *op;
    const struct target *target;
    struct own own;
    struct str message;
};

static struct status refuse_sharers(struct session *s, struct begin_job *job)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    const struct store_value values[] = {store_uuid(job->target->id)};
    TRY(session_exec(s, &find_sharers, values, ARRAY_LEN(values), &rows));
    if (rows.count == 0) {
        return OK_STATUS;
    }
    struct str name = store_get_text(&rows, 0, 0);
    bool credential = store_get_bool(&rows, 0, 1);
    TRY(arena_printf(job->op->arena, &job->message,
                     credential ? "credential %.*s has this account in its care"
                                : "target %.*s logs in to the same system with the same account: "
                                  "give each target an account of its own",
                     STR_ARG(name)));
    FAIL(CONFLICT, "the account isn't this target's alone");
}

static struct status refuse_undurable(struct session *s)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    if (rotation_allows_asynchronous(rotation_running())) {
        return OK_STATUS;
    }
    TRY(session_exec(s, &find_durable, NULL, 0, &rows));
    if (rows.count != 1 || !store_get_bool(&rows, 0, 0)) {
        FAIL(CONFLICT, "the vault's database has replicas and none of them is synchronous: set "
                       "synchronous_standby_names, or rotation.allow_asynchronous_replicas in the "
                       "configuration");
    }
    return OK_STATUS;
}

static struct status insert(struct session *s, const struct keyring *k, const struct own *o)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    uint8_t mac[ROW_MAC_BYTES];
    TRY(own_mac(k, o, mac));
    const struct store_value values[] = {
        store_uuid(o->id),
        store_int(o->namespace_id),
        store_uuid(o->target),
        store_text(o->principal),
        store_bytea(o->salt),
        store_bytea(o->ciphertext),
        store_int(o->key_epoch),
        store_bytea(o->recovery_public),
        store_bytea(o->recovery_wrapped),
        store_bytea(o->recovery_copy),
        store_time(o->created_us),
        store_bytea(BYTES_OF(mac)),
    };
    TRY(session_exec(s, &insert_own, values, ARRAY_LEN(values), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT,
             "the target's own credential is being changed already; where that is blocked, "
             "give the target the password that works");
    }
    return OK_STATUS;
}

static struct status begin_work(struct session *s, void *arg)
{
    struct begin_job *job = arg;
    const struct target *t = job->target;
    const struct store_value key[] = {store_uuid(t->id), store_int(t->row_version)};
    const struct store_value old[] = {store_uuid(t->id), store_int(OWN_COPIES_MAX - 1)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &lock_target, key, ARRAY_LEN(key), &rows));
    if (rows.count != 1) {
        FAIL(CONFLICT, "the target was changed by someone else meanwhile, try again");
    }
    TRY(refuse_undurable(s));
    TRY(refuse_sharers(s, job));
    TRY(session_exec(s, &prune_own, old, ARRAY_LEN(old), NULL));
    return insert(s, job->op->worker->vault->keyring, &job->own);
}

static struct status seal_value(const struct operation *op, struct own *o, struct buffer *sealed,
                                struct buffer *copy)
{
    struct secret *value CLEANUP(secret_cleanup) = NULL;
    const struct envelope_binding binding = own_binding(op->mount->id, o);
    TRY(password_generate(PASSWORD_BASE64URL, VALUE_BITS, &value));
    TRY(recovery_seal(o->recovery_public, secret_view(value), copy));
    TRY(envelope_seal(op->worker->vault->keyring, &binding, secret_view(value), sealed,
                      &o->key_epoch));
    o->ciphertext = buffer_bytes(sealed);
    o->recovery_copy = buffer_bytes(copy);
    return OK_STATUS;
}

struct status own_begin(struct operation *op, const struct target *t,
                        const struct recovery_key *key, struct uuid *out_id,
                        struct str *out_message)
{
    struct buffer sealed CLEANUP(buffer_done);
    struct buffer copy CLEANUP(buffer_done);
    uint8_t salt[VERSION_SALT_BYTES];
    buffer_init(&sealed, SEALED_BYTES);
    buffer_init(&copy, SEALED_BYTES);
    random_fill(salt, sizeof salt);
    struct begin_job job = {.op = op,
                            .target = t,
                            .own = {.id = uuid_new(),
                                    .namespace_id = t->namespace_id,
                                    .target = t->id,
                                    .state = OWN_STAGED,
                                    .principal = t->principal,
                                    .salt = BYTES_OF(salt),
                                    .recovery_public = key->public_key,
                                    .recovery_wrapped = key->wrapped_private,
                                    .created_us = op->snapshot.now_us,
                                    .row_version = 1}};
    TRY(seal_value(op, &job.own, &sealed, &copy));
    fault_point(STR("own_staged"), false);
    struct status s = operation_transact(op, begin_work, &job);
    fault_point(STR("own_staged"), true);
    if (job.message.len > 0) {
        *out_message = job.message;
    }
    TRY(s);
    *out_id = job.own.id;
    rotation_kick(rotation_running());
    return OK_STATUS;
}
