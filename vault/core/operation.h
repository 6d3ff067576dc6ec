// SPDX-License-Identifier: ISC
// One request on its way through the vault: who asks for what, what it may do, what it did. Lives
// on the request's fiber. Handlers read top to bottom:
//
//     kv_submit(...)                       what to load, beside the token
//     TRY(operation_authenticate(op));     waits for the flight: one snapshot of all of it
//     TRY(operation_authorise(op, ...));   the caller's policies
//     TRY(operation_write(op, ...));       the change, with its effect row
//     answer
//
// A handler may be run again from the start: when mounts or policies turn out to have changed, any
// of these fails with `stale` set, nothing was done, and the dispatcher tries with a new catalog.
#pragma once

#include "vault/base/json.h"
#include "vault/core/token.h"
#include "vault/core/worker.h"

struct operation {
    // Set by the dispatcher.
    struct worker *worker;
    struct catalog *catalog; // with a reference held by the dispatcher
    struct arena *arena;
    struct uuid request_id;
    int64_t namespace_id;
    int64_t deadline_us; // monotonic
    struct str remote;
    struct str token_text; // sensitive; empty when none was sent
    struct str path; // the whole logical path, e.g. "secret/data/app"; what policies are about
    struct str shown_path;     // the same as records and effect rows show it (audit_path.h)
    const struct mount *mount; // NULL for sys and auth/token
    struct str mount_path;     // the path below the mount
    struct json_value body;    // JSON_NONE when there is none
    // Set by operation_authenticate().
    bool authenticated;
    bool use_counted; // of a token with few uses; a request is one, however often it is run again
    struct token caller;
    struct batch_snapshot snapshot;
    struct acl_decision decision; // of the last operation_authorise(): sudo, page limit
    struct batch_op token_op;
    // Set on the way, for the dispatcher and the audit record.
    int64_t epoch_floor; // known before the snapshot was taken, which can't be older
    bool stale;
    bool effect;          // something durable was changed
    bool outcome_unknown; // it may or may not have been changed
    int64_t effect_chain; // the audit chain that the effect row names; 0 without an effect
    // read, create, ... : what was authorised; before that, what the request's method asks for.
    // Empty where nothing is recorded.
    struct str operation;
    bool seal_after;    // the vault is to be sealed once this is recorded
    const char *reason; // literal: why it was refused, for the audit record
    // What came of it beyond what was asked, for the audit record, in the clear: names and ids,
    // never a value. In the arena; what exceeds LIMIT_AUDIT_NOTE_BYTES is cut off.
    struct str note;
};

// As audit records call it. Static.
struct str operation_name(enum policy_operation operation);

// Submit with batch_load() what the handler needs in the same snapshot, then call this: waits for
// the token, checks its MAC, life, uses and addresses.
// UNAUTHENTICATED, INTEGRITY, UNAVAILABLE; stale.
struct status operation_authenticate(struct operation *op);
// The caller's rules; valid until the next wait. NOMEM.
struct status operation_acl(const struct operation *op, const struct acl **out);

// May the caller do this to op->path? Counts LIST with its trailing slash. DENIED.
struct status operation_authorise(struct operation *op, enum policy_operation operation);
// The same for another path.
struct status operation_authorise_path(struct operation *op, enum policy_operation operation,
                                       struct str path);
// Beside it: is it an administrator's path? DENIED without the sudo capability.
struct status operation_require_sudo(struct operation *op);
// The same without refusing: for filtering lists.
bool operation_may(const struct operation *op, enum policy_operation operation, struct str path);
// Both at once, for handlers that load nothing else.
struct status operation_enter(struct operation *op, enum policy_operation operation);

// The first parameters of every mutating statement:
//   $1 token id, $2 epoch, $3 request id, $4 chain, $5 namespace, $6 accessor, $7 actor,
//   $8 operation, $9 path
enum { OPERATION_GUARDS = 9 };
void operation_guard(const struct operation *op, struct store_value out[OPERATION_GUARDS]);

// What a mutating statement answers in its first column.
enum operation_outcome {
    OPERATION_DONE = 0,
    OPERATION_TOKEN_GONE = 1,
    OPERATION_EPOCH_CHANGED = 2,
    OPERATION_LOST_RACE = 3, // the row was changed meanwhile: CONFLICT, load and try again
    OPERATION_OTHER = 4      // from here on the statement's own
};

// One statement on the batch connection. The first OPERATION_GUARDS values are filled in here.
// `out_code` receives the statement's own outcomes (OPERATION_OTHER and above); NULL when it has
// none. UNAUTHENTICATED, CONFLICT for a lost race, UNAVAILABLE; stale.
struct status operation_write(struct operation *op, const struct store_statement *statement,
                              struct store_value *values, size_t count, int64_t *out_code);

// Several statements: `work` in one transaction on a session, between the caller's check and the
// effect row. On a fiber; `work` runs on an offload thread and may use `op` meanwhile.
struct status operation_transact(struct operation *op, store_work *work, void *arg);
// The same for changes of mounts, policies or sinks: raises the epoch and signs the manifest.
struct status operation_change_catalog(struct operation *op, store_work *work, void *arg);

// Appends the audit record. What it returns decides: anything but OK replaces the answer.
struct status operation_record(struct operation *op, int64_t http_status, int64_t duration_us);
