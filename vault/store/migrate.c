// SPDX-License-Identifier: ISC
#include "vault/store/migrate.h"

#include "vault/base/digest.h"
#include "vault/base/log.h"
#include "vault/store/migrate_internal.h"
#include "vault/store/session_internal.h"

static const struct store_statement create_table = {
    "migrate.create_table",
    "CREATE TABLE IF NOT EXISTS schema_migration (version int8 PRIMARY KEY, name text NOT NULL, "
    "checksum bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT clock_timestamp())"};
static const struct store_statement list_applied = {
    "migrate.list", "SELECT version, checksum FROM schema_migration ORDER BY version"};
static const struct store_statement record_applied = {
    "migrate.record", "INSERT INTO schema_migration (version, name, checksum) VALUES ($1, $2, $3)"};

// Any constant will do: it only has to differ from the other advisory locks ('rotunda' in ASCII).
#define MIGRATE_LOCK "31367451967382113"

static struct digest checksum(const struct migration *m)
{
    return digest_of((struct bytes){m->sql, m->len});
}

static struct status compare_applied(const struct store_rows *rows, size_t *out_count)
{
    if ((size_t)rows->count > migration_count) {
        FAIL(CONFLICT, "the database is newer than this program: install the newer program");
    }
    for (int i = 0; i < rows->count; i++) {
        const struct migration *m = &migrations[i];
        struct digest expected = checksum(m);
        if (store_get_int(rows, i, 0) != m->version) {
            FAIL(INTEGRITY, "the database's list of migrations has a gap");
        }
        if (!bytes_equal(store_get_bytes(rows, i, 1), digest_bytes(&expected))) {
            log_event(LOG_ERROR, "migrate.altered", LOG_STR("name", str_from_c(m->name)));
            FAIL(INTEGRITY, "an applied migration differs from the one in this program");
        }
    }
    *out_count = (size_t)rows->count;
    return OK_STATUS;
}

static struct status count_applied(struct session *s, size_t *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &list_applied, NULL, 0, &rows));
    return compare_applied(&rows, out);
}

static struct status apply_in_transaction(struct session *s, const struct migration *m)
{
    struct digest sum = checksum(m);
    TRY(session_begin(s));
    TRY(session_script(s, (const char *)m->sql));
    const struct store_value values[] = {store_int(m->version), store_text(str_from_c(m->name)),
                                         store_bytea(digest_bytes(&sum))};
    TRY(session_exec(s, &record_applied, values, ARRAY_LEN(values), NULL));
    return session_commit(s);
}

static struct status apply(struct session *s, const struct migration *m)
{
    struct status outcome = apply_in_transaction(s, m);
    session_rollback(s);
    if (status_ok(outcome)) {
        log_event(LOG_INFO, "migrate.applied", LOG_STR("name", str_from_c(m->name)));
    }
    return outcome;
}

static struct status run_locked(struct session *s)
{
    size_t done;
    TRY(session_exec(s, &create_table, NULL, 0, NULL));
    TRY(count_applied(s, &done));
    for (size_t i = done; i < migration_count; i++) {
        TRY(apply(s, &migrations[i]));
    }
    return OK_STATUS;
}

struct status migrate_run(struct session *s)
{
    // The others wait as long as a migration takes.
    TRY(session_take_time_for_good(s));
    TRY(session_script(s, "SELECT pg_advisory_lock(" MIGRATE_LOCK ")"));
    struct status outcome = run_locked(s);
    TRY(session_script(s, "SELECT pg_advisory_unlock(" MIGRATE_LOCK ")"));
    return outcome;
}
