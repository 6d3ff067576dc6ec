// SPDX-License-Identifier: ISC
// Two targets may be one server under two names: then the password of both is replaced with one of
// them, and the other is locked out. Only who logs in under the same name with the same password
// can be that, and those are asked who they are.
#include "vault/rotation/engine/driver.h"
#include "vault/rotation/manage/own.h"

enum { TWINS_LISTED = 1000, TWINS_ASKED = 8 };

static const struct store_statement find_namesakes = {
    "rotation.namesakes",
    "SELECT " TARGET_COLUMNS " FROM rotation_target t WHERE t.namespace_id = $1 AND t.rotator = $2 "
    "AND t.principal = $3 AND t.id <> $4 ORDER BY t.name LIMIT $5"};

struct twins {
    struct operation *op;
    const struct target *target;
    struct secret *secret;
    struct str self; // who the rotator is at `target`
    size_t asked;
    struct str *message;
};

// Empty when it can't be found.
static struct str ask_who(const struct operation *op, const struct target *t)
{
    struct driver d = {0};
    struct protocol_reply reply = {0};
    const struct driver_call call = {.attempt = op->request_id, .account = t->principal};
    bool asked;
    struct status s = driver_init(&d, rotation_running(), op->worker->vault->keyring, t, op->arena);
    if (status_ok(s) && driver_has(&d, PROTOCOL_CHECK)) {
        s = driver_ask(&d, PROTOCOL_CHECK, &call, &reply, &asked);
    }
    driver_done(&d);
    return status_ok(s) ? reply.principal_id : STR("");
}

static struct status judge_namesake(struct twins *w, const struct target *other)
{
    if (w->asked++ == 0) {
        w->self = ask_who(w->op, w->target);
    }
    struct str who = w->asked > TWINS_ASKED ? STR("") : ask_who(w->op, other);
    bool known = who.len > 0 && w->self.len > 0;
    if (known && !str_equal(who, w->self)) {
        return OK_STATUS;
    }
    TRY(arena_printf(w->op->arena, w->message,
                     known ? "target %.*s logs in to the same system with the same account, under "
                             "another name: give each target an account of its own"
                           : "target %.*s logs in with the same account and the same password, and "
                             "whether that is the same system could not be found: give it an "
                             "account or a password of its own",
                     STR_ARG(other->name)));
    FAIL(CONFLICT, "the account isn't this target's alone");
}

static struct status open_password(const struct keyring *k, const struct target *t,
                                   struct secret **out)
{
    struct status s = target_open(k, t, out);
    if (s.code == STATUS_NOT_FOUND) {
        FAIL(UNAVAILABLE, "the key of a target's password isn't loaded here yet, try again");
    }
    return s;
}

static struct status look_at(struct twins *w, const struct target *other)
{
    struct secret *secret CLEANUP(secret_cleanup) = NULL;
    TRY(open_password(w->op->worker->vault->keyring, other, &secret));
    return secret_equal(secret, w->secret) ? judge_namesake(w, other) : OK_STATUS;
}

struct status own_refuse_twins(struct operation *op, const struct target *t,
                               struct str *out_message)
{
    const struct keyring *k = op->worker->vault->keyring;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct secret *secret CLEANUP(secret_cleanup) = NULL;
    const struct store_value values[] = {store_int(t->namespace_id), store_text(t->rotator),
                                         store_text(t->principal), store_uuid(t->id),
                                         store_int(TWINS_LISTED)};
    TRY(store_query(op->worker->vault->store, &find_namesakes, values, ARRAY_LEN(values), &rows));
    TRY(open_password(k, t, &secret));
    struct twins w = {.op = op, .target = t, .secret = secret, .message = out_message};
    for (int row = 0; row < rows.count; row++) {
        struct target other;
        TRY(target_read(k, &rows, row, 0, &other));
        TRY(look_at(&w, &other));
    }
    return OK_STATUS;
}
