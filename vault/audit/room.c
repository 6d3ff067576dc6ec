// SPDX-License-Identifier: ISC
#include "vault/audit/room.h"

#include "vault/base/macros.h"

// A partition that is dropped meanwhile has no size: NULL, which sum() leaves out.
static const struct store_statement measure = {
    "audit.measure_room",
    "WITH part AS (SELECT right(c.relname, 8) AS day, pg_total_relation_size(c.oid) AS size "
    "FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid "
    "WHERE i.inhparent IN ('audit_record'::regclass, 'audit_batch'::regclass)), "
    "whole AS (SELECT suffix FROM audit_partitions(clock_timestamp()) ORDER BY suffix DESC LIMIT "
    "7) "
    "SELECT (SELECT coalesce(sum(size), 0)::int8 FROM part), "
    "pg_database_size(current_database())::int8, "
    "(SELECT coalesce(sum(size), 0)::int8 FROM part WHERE day IN (SELECT suffix FROM whole)), "
    "(SELECT count(*)::int8 FROM whole)"};

struct status audit_room_measure(struct session *s, struct audit_room *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &measure, NULL, 0, &rows));
    int64_t days = store_get_int(&rows, 0, 3);
    *out = (struct audit_room){.audit_bytes = store_get_int(&rows, 0, 0),
                               .database_bytes = store_get_int(&rows, 0, 1),
                               .daily_bytes = days > 0 ? store_get_int(&rows, 0, 2) / days : 0};
    return OK_STATUS;
}

static enum audit_room_state judge(int64_t bytes, int64_t daily_bytes, int64_t bound)
{
    if (bound == 0) {
        return AUDIT_ROOM_ENOUGH;
    }
    if (bytes >= bound) {
        return AUDIT_ROOM_SHORT;
    }
    return (bound - bytes) / AUDIT_ROOM_SOON_DAYS < daily_bytes ? AUDIT_ROOM_SHORT_SOON
                                                                : AUDIT_ROOM_ENOUGH;
}

enum audit_room_state audit_room_judge(const struct audit_room *room,
                                       const struct audit_room_bounds *bounds)
{
    enum audit_room_state audit = judge(room->audit_bytes, room->daily_bytes, bounds->audit_bytes);
    enum audit_room_state all =
        judge(room->database_bytes, room->daily_bytes, bounds->database_bytes);
    return audit > all ? audit : all;
}
