// SPDX-License-Identifier: ISC
// Lists and reports, on sessions.
#include "vault/rotation/manage/manage.h"
#include "vault/rotation/readers.h"
#include "vault/rotation/tally.h"

#define FROM_CREDENTIALS                                                                           \
    "FROM rotation_credential c LEFT JOIN rotation_attempt a ON a.credential_id = c.id AND "       \
    "a.open "                                                                                      \
    "WHERE c.mount_id = $1 "

static const struct store_statement list_credentials = {
    "rotation.list_credentials",
    "SELECT name FROM rotation_credential WHERE mount_id = $1 ORDER BY name LIMIT $2"};
static const struct store_statement list_events = {
    "rotation.history",
    "SELECT time, attempt_id, state, version, fence, node, error_class, detail FROM ("
    "SELECT * FROM rotation_event WHERE credential_id = $1 ORDER BY time DESC, id DESC LIMIT $2"
    ") AS newest ORDER BY time, id"};
static const struct store_statement list_readers = {
    "rotation.readers", "SELECT accessor, actor, remote, reads, last_read_at FROM rotation_read "
                        "WHERE credential_id = $1 AND version = $2 "
                        "ORDER BY last_read_at DESC LIMIT $3"};
static const struct store_statement list_holders = {
    "rotation.holders",
    "SELECT r.accessor, r.actor, r.remote, r.reads, r.last_read_at FROM "
    "rotation_credential c, rotation_read r WHERE c.id = $1 "
    "AND c.retire = 'use' AND " READERS_HOLD " ORDER BY r.last_read_at DESC LIMIT $2"};
// One row for each of whom a retirement waits for, at least one of each.
static const struct store_statement list_retirements = {
    "rotation.retirements",
    "SELECT h.accessor, h.actor, h.remote, h.reads, h.last_read_at, c.name, c.owner, "
    "c.previous_version, c.previous_until, a.error FROM rotation_credential c "
    "JOIN rotation_attempt a ON a.credential_id = c.id AND a.open AND a.state = 'draining' "
    "LEFT JOIN LATERAL (SELECT r.* FROM rotation_read r WHERE " READERS_HOLD
    " ORDER BY r.last_read_at DESC LIMIT 5) AS h ON true "
    "WHERE c.mount_id = $1 AND c.retire = 'use' AND a.error_class = 'in_use' "
    "ORDER BY c.name, h.last_read_at DESC LIMIT $2"};
static const struct store_statement count_owners = {
    "rotation.owners",
    "SELECT c.owner, count(*), count(*) FILTER (WHERE " TALLY_IS_DUE "), "
    "count(*) FILTER (WHERE " TALLY_IS_OVERDUE "), "
    "count(*) FILTER (WHERE a.tries > 0 AND a.state <> 'blocked' AND a.error_class <> 'in_use'), "
    "count(*) FILTER (WHERE a.state = 'blocked') " FROM_CREDENTIALS
    "GROUP BY c.owner ORDER BY c.owner LIMIT $2"};
static const struct store_statement list_attention = {
    "rotation.attention",
    "SELECT c.name, c.owner, coalesce(a.state, ''), coalesce(a.error_class, ''), "
    "coalesce(a.error, ''), coalesce(a.tries, 0), c.next_rotation_at " FROM_CREDENTIALS
    "AND (a.state = 'blocked' OR a.tries > 0 OR " TALLY_IS_OVERDUE ") "
    "ORDER BY a.state = 'blocked' DESC NULLS LAST, c.next_rotation_at, c.name LIMIT $2"};

struct status manage_list(struct operation *op, struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id), store_int(LIMIT_LIST_PAGE)};
    return store_query(op->worker->vault->store, &list_credentials, values, ARRAY_LEN(values), out);
}

struct status manage_history(struct operation *op, const struct credential *c,
                             struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(c->id), store_int(MANAGE_HISTORY_MAX)};
    return store_query(op->worker->vault->store, &list_events, values, ARRAY_LEN(values), out);
}

struct status manage_readers(struct operation *op, const struct credential *c,
                             struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(c->id), store_int(c->previous_version),
                                         store_int(MANAGE_READERS_MAX)};
    return store_query(op->worker->vault->store, &list_readers, values, ARRAY_LEN(values), out);
}

struct status manage_holders(struct operation *op, const struct credential *c,
                             struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(c->id), store_int(MANAGE_READERS_MAX)};
    return store_query(op->worker->vault->store, &list_holders, values, ARRAY_LEN(values), out);
}

struct status manage_retirements(struct operation *op, struct store_rows *out)
{
    const struct store_value values[] = {store_uuid(op->mount->id),
                                         store_int(MANAGE_ATTENTION_MAX)};
    return store_query(op->worker->vault->store, &list_retirements, values, ARRAY_LEN(values), out);
}

struct status manage_status(struct operation *op, struct store_rows *owners,
                            struct store_rows *attention)
{
    struct store *st = op->worker->vault->store;
    const struct store_value all[] = {store_uuid(op->mount->id), store_int(LIMIT_LIST_PAGE)};
    const struct store_value some[] = {store_uuid(op->mount->id), store_int(MANAGE_ATTENTION_MAX)};
    TRY(store_query(st, &count_owners, all, ARRAY_LEN(all), owners));
    return store_query(st, &list_attention, some, ARRAY_LEN(some), attention);
}
