// SPDX-License-Identifier: ISC
#include "vault/core/operation.h"

#include "vault/base/log.h"
#include "vault/core/address.h"
#include "vault/core/audit_detail.h"
#include "vault/crypto/index_hash.h"

static const struct store_statement use_token = {
    "token.use", "UPDATE token SET uses_left = uses_left - 1 WHERE id = $1 AND uses_left > 0 "
                 "RETURNING uses_left"};
static const struct store_statement check_allowed = {"operation.allowed",
                                                     "SELECT write_allowed($1, $2)"};
static const struct store_statement insert_effect = {
    "operation.effect", "SELECT effect_record($1, $2, $3, $4, $5, $6, $7)"};

struct str operation_name(enum policy_operation operation)
{
    static const char *const names[] = {
        [POLICY_OP_READ] = "read",   [POLICY_OP_CREATE] = "create", [POLICY_OP_UPDATE] = "update",
        [POLICY_OP_PATCH] = "patch", [POLICY_OP_DELETE] = "delete", [POLICY_OP_LIST] = "list",
        [POLICY_OP_SCAN] = "scan",   [POLICY_OP_HELP] = "help",
    };
    return str_from_c(names[operation]);
}

static struct status refuse(struct operation *op, const char *reason)
{
    op->reason = reason;
    FAIL(UNAUTHENTICATED, "permission denied");
}

static struct status load_token(struct operation *op)
{
    if (op->worker->batch == NULL) {
        FAIL(SEALED, "the vault is sealed");
    }
    uint8_t *hash = arena_alloc(op->arena, INDEX_HASH_TOKEN_BYTES);
    struct store_value *key = ARENA_NEW(op->arena, struct store_value);
    if (hash == NULL || key == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    TRY(index_hash_token(op->worker->vault->keyring, op->token_text, hash));
    *key = store_bytea((struct bytes){hash, INDEX_HASH_TOKEN_BYTES});
    op->epoch_floor = vault_epoch_seen(op->worker->vault);
    batch_load(op->worker->batch, &token_load_by_hash, key, &op->token_op);
    TRY(batch_wait(&op->token_op));
    op->snapshot = op->token_op.snapshot;
    audit_log_note_time(op->worker->audit, op->snapshot.now_us);
    return OK_STATUS;
}

// The catalog that the path was looked up in must be the one of this snapshot.
static struct status check_epoch(struct operation *op)
{
    if (op->snapshot.epoch < op->epoch_floor) {
        FAIL(INTEGRITY, "the database went back to an older state: restart this node if a "
                        "fail-over lost something");
    }
    if (op->snapshot.epoch != catalog_epoch(op->catalog)) {
        op->stale = true;
        FAIL(UNAVAILABLE, "mounts or policies have just changed, try again");
    }
    return OK_STATUS;
}

static struct status check_addresses(struct operation *op)
{
    if (op->caller.bound_cidr_count == 0 ||
        address_in_cidrs(op->remote, op->caller.bound_cidrs, op->caller.bound_cidr_count)) {
        return OK_STATUS;
    }
    return refuse(op, "address not bound to the token");
}

// With one use left, one of several concurrent requests gets it.
static struct status count_use(struct operation *op)
{
    if (op->caller.num_uses == 0 || op->use_counted) {
        return OK_STATUS;
    }
    struct batch_op use CLEANUP(batch_op_done) = {0};
    const struct store_value values[] = {store_uuid(op->caller.id)};
    batch_write(op->worker->batch, &use_token, values, ARRAY_LEN(values), &use);
    TRY(batch_wait(&use));
    op->use_counted = use.rows.count == 1;
    return op->use_counted ? OK_STATUS : refuse(op, "token has no uses left");
}

static struct status read_token(struct operation *op)
{
    if (op->token_op.rows.count != 1) {
        return refuse(op, "unknown, expired or revoked token");
    }
    struct status s =
        token_read(op->worker->vault->keyring, &op->token_op.rows, 0, 1, op->arena, &op->caller);
    if (s.code == STATUS_INTEGRITY) {
        op->reason = "token row altered";
        log_event(LOG_ERROR, "token.altered", LOG_UUID("request_id", op->request_id));
    }
    TRY(s);
    op->authenticated = true;
    return OK_STATUS;
}

struct status operation_authenticate(struct operation *op)
{
    if (op->token_text.len == 0) {
        return refuse(op, "no token");
    }
    TRY(load_token(op));
    TRY(check_epoch(op));
    TRY(read_token(op));
    TRY(check_addresses(op));
    return count_use(op);
}

struct status operation_acl(const struct operation *op, const struct acl **out)
{
    REQUIRE(op->authenticated);
    const struct catalog_acl_key key = {.names = op->caller.policies,
                                        .count = op->caller.policy_count,
                                        .now_us = op->snapshot.now_us};
    return catalog_acl(op->catalog, &key, out);
}

static struct status decide(const struct operation *op, enum policy_operation operation,
                            struct str path, struct acl_decision *out)
{
    const struct acl *acl;
    TRY(operation_acl(op, &acl));
    const struct acl_request request = {.path = path,
                                        .operation = operation,
                                        .parameters = op->body,
                                        .now_us = op->snapshot.now_us};
    acl_check(acl, &request, out);
    return OK_STATUS;
}

struct status operation_authorise_path(struct operation *op, enum policy_operation operation,
                                       struct str path)
{
    TRY(decide(op, operation, path, &op->decision));
    if (!op->decision.allowed) {
        op->reason = acl_reason_text(op->decision.reason);
        FAIL(DENIED, "permission denied");
    }
    return OK_STATUS;
}

struct status operation_require_sudo(struct operation *op)
{
    if (!op->decision.sudo && !op->decision.root) {
        op->reason = "the path needs the sudo capability";
        FAIL(DENIED, "permission denied");
    }
    return OK_STATUS;
}

bool operation_may(const struct operation *op, enum policy_operation operation, struct str path)
{
    struct acl_decision decision = {0};
    return status_ok(decide(op, operation, path, &decision)) && decision.allowed;
}

struct status operation_authorise(struct operation *op, enum policy_operation operation)
{
    op->operation = operation_name(operation);
    return operation_authorise_path(op, operation, op->path);
}

struct status operation_enter(struct operation *op, enum policy_operation operation)
{
    op->operation = operation_name(operation);
    TRY(operation_authenticate(op));
    return operation_authorise(op, operation);
}

void operation_guard(const struct operation *op, struct store_value out[OPERATION_GUARDS])
{
    out[0] = store_uuid(op->caller.id);
    out[1] = store_int(op->snapshot.epoch);
    out[2] = store_uuid(op->request_id);
    out[3] = store_int(audit_log_chain(op->worker->audit));
    out[4] = store_int(op->namespace_id);
    out[5] = store_text(op->caller.accessor);
    out[6] = store_text(op->caller.display_name);
    out[7] = store_text(op->operation);
    out[8] = store_text(op->shown_path);
}

enum { GUARD_CHAIN = 3 };

// Something was changed. Its record must go to the chain that the effect row names: on another one
// the connection was lost in between, and nobody here knows whether the change has survived.
static void note_effect(struct operation *op, const struct store_value *guard)
{
    op->effect = true;
    op->effect_chain = op->effect_chain == 0 ? guard[GUARD_CHAIN].integer : op->effect_chain;
}

static struct status outcome_status(struct operation *op, int64_t code)
{
    switch (code) {
    case OPERATION_DONE:
        return OK_STATUS;
    case OPERATION_TOKEN_GONE:
        return refuse(op, "token was revoked or expired meanwhile");
    case OPERATION_EPOCH_CHANGED:
        op->stale = true;
        FAIL(UNAVAILABLE, "mounts or policies have just changed, try again");
    default:
        FAIL(CONFLICT, "changed by someone else meanwhile, try again");
    }
}

struct status operation_write(struct operation *op, const struct store_statement *statement,
                              struct store_value *values, size_t count, int64_t *out_code)
{
    REQUIRE(count >= OPERATION_GUARDS);
    operation_guard(op, values);
    struct batch_op write CLEANUP(batch_op_done) = {0};
    batch_write(op->worker->batch, statement, values, count, &write);
    struct status s = batch_wait(&write);
    op->outcome_unknown = op->outcome_unknown || write.outcome_unknown;
    TRY(s);
    int64_t code = write.rows.count == 1 ? store_get_int(&write.rows, 0, 0) : OPERATION_LOST_RACE;
    if (code >= OPERATION_OTHER && out_code != NULL) {
        *out_code = code;
        return OK_STATUS;
    }
    if (code == OPERATION_DONE) {
        note_effect(op, values);
    }
    return outcome_status(op, code);
}

struct transaction {
    struct operation *op;
    store_work *work;
    void *arg;
    bool catalog;
    struct store_value guard[OPERATION_GUARDS];
};

static struct status check_caller(struct session *s, struct transaction *t)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &check_allowed, t->guard, 2, &rows));
    int64_t code = store_get_int(&rows, 0, 0);
    return code == OPERATION_DONE ? OK_STATUS : outcome_status(t->op, code);
}

static struct status transact_work(struct session *s, void *arg)
{
    struct transaction *t = arg;
    if (t->catalog) {
        TRY(catalog_change_begin(t->op->worker->vault->keyring, s));
    }
    TRY(check_caller(s, t));
    TRY(t->work(s, t->arg));
    if (t->catalog) {
        TRY(catalog_change_end(t->op->worker->vault->keyring, s));
    }
    return session_exec(s, &insert_effect, t->guard + 2, OPERATION_GUARDS - 2, NULL);
}

static struct status transact(struct operation *op, store_work *work, void *arg, bool catalog)
{
    struct transaction t = {.op = op, .work = work, .arg = arg, .catalog = catalog};
    operation_guard(op, t.guard);
    struct status s = store_transact(op->worker->vault->store, transact_work, &t);
    if (status_ok(s)) {
        note_effect(op, t.guard);
    }
    op->outcome_unknown = op->outcome_unknown || (s.code == STATUS_UNAVAILABLE && !op->stale);
    return s;
}

struct status operation_transact(struct operation *op, store_work *work, void *arg)
{
    return transact(op, work, arg, false);
}

struct status operation_change_catalog(struct operation *op, store_work *work, void *arg)
{
    return transact(op, work, arg, true);
}

struct status operation_record(struct operation *op, int64_t http_status, int64_t duration_us)
{
    struct str detail;
    TRY(audit_detail(op, &detail));
    const struct audit_entry entry = {
        .request_id = op->request_id,
        .namespace_id = op->namespace_id,
        .accessor = op->authenticated ? op->caller.accessor : STR(""),
        .actor = op->authenticated ? op->caller.display_name : STR(""),
        .auth_method = op->authenticated ? op->caller.path : STR(""),
        .remote = op->remote,
        .operation = op->operation,
        .path = op->shown_path,
        .result = http_status,
        .duration_us = duration_us,
        .effect = op->effect,
        .detail = detail,
        .effect_chain = op->effect_chain,
    };
    return audit_append(op->worker->audit, &entry);
}
