// SPDX-License-Identifier: ISC
// What a rotation would do, and who would notice. Changes nothing.
#include "vault/rotation/engine/driver.h"
#include "vault/rotation/manage/manage.h"

enum { TARGET_AT = 1 };

static const struct store_statement find_turn = {
    "rotation.turn",
    "SELECT coalesce(v.account, ''), " TARGET_COLUMNS " FROM rotation_credential c "
    "JOIN rotation_target t ON t.id = c.target_id "
    "LEFT JOIN rotation_value v ON v.credential_id = c.id AND v.state = 'current' "
    "WHERE c.id = $1"};
static const struct store_statement list_consumers = {
    "rotation.consumers",
    "SELECT accessor, actor, remote, reads, last_read FROM rotation_consumers($1, $2, "
    "clock_timestamp() - $3 * interval '1 day', $4)"};

static struct status ask(struct operation *op, const struct target *t, const struct credential *c,
                         struct manage_plan *out)
{
    struct driver d = {0};
    struct driver_call call = {.attempt = op->request_id, .account = out->account};
    bool asked;
    TRY(settings_parse(c->account_settings, op->arena, &call.account_settings));
    if (credential_is_pair(c)) {
        struct str other = credential_next_account(c, out->account);
        TRY(settings_add(&call.account_settings, "pair_role", other, op->arena));
    }
    struct status s = driver_init(&d, rotation_running(), op->worker->vault->keyring, t, op->arena);
    if (status_ok(s)) {
        s = driver_has(&d, PROTOCOL_PLAN)
                ? driver_ask(&d, PROTOCOL_PLAN, &call, &out->reply, &asked)
                : MAKE_STATUS(UNSUPPORTED, "the target's rotator doesn't tell its steps");
    }
    driver_done(&d);
    return s;
}

struct status manage_served_account(struct operation *op, const struct credential *c,
                                    struct str *out)
{
    const struct store_value key[] = {store_uuid(c->id)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(store_query(op->worker->vault->store, &find_turn, key, ARRAY_LEN(key), &rows));
    if (rows.count != 1) {
        FAIL(NOT_FOUND, "");
    }
    struct str served = store_get_text(&rows, 0, 0);
    return arena_copy_str(op->arena, served.len > 0 ? served : c->accounts[0], out);
}

void manage_plan_done(struct manage_plan *p)
{
    store_rows_done(&p->turn);
    store_rows_done(&p->consumers);
}

static struct status find_consumers(struct operation *op, const struct credential *c,
                                    struct store_rows *out)
{
    struct str path;
    const char *face = str_equal_c(op->mount->type, "database") ? "static-" : "";
    TRY(arena_printf(op->arena, &path, "%.*s%screds/%.*s", STR_ARG(op->mount->path), face,
                     STR_ARG(c->name)));
    const struct store_value values[] = {store_int(c->namespace_id), store_text(path),
                                         store_int(MANAGE_CONSUMER_DAYS),
                                         store_int(MANAGE_CONSUMERS_MAX)};
    return store_query(op->worker->vault->store, &list_consumers, values, ARRAY_LEN(values), out);
}

struct status manage_plan(struct operation *op, const struct credential *c, struct manage_plan *out)
{
    const struct store_value key[] = {store_uuid(c->id)};
    struct target t;
    TRY(store_query(op->worker->vault->store, &find_turn, key, ARRAY_LEN(key), &out->turn));
    if (out->turn.count != 1) {
        FAIL(NOT_FOUND, "");
    }
    TRY(target_read(op->worker->vault->keyring, &out->turn, 0, TARGET_AT, &t));
    if (!uuid_equal(t.id, c->target)) {
        FAIL(INTEGRITY, "rows of different credentials were mixed");
    }
    out->current_account = store_get_text(&out->turn, 0, 0);
    out->account = credential_next_account(c, out->current_account);
    TRY(ask(op, &t, c, out));
    return find_consumers(op, c, &out->consumers);
}
