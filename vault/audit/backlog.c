// SPDX-License-Identifier: ISC
#include "vault/audit/backlog.h"

#include "vault/base/macros.h"

static const struct store_statement read_backlog = {
    "audit.backlog", "SELECT (SELECT count(*) FROM audit_chain WHERE closed_at IS NULL), "
                     "(SELECT count(*) FROM effect "
                     "WHERE at < clock_timestamp() - interval '1 minute')"};

struct status audit_backlog_read(struct session *s, struct audit_backlog *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &read_backlog, NULL, 0, &rows));
    *out = (struct audit_backlog){.open_chains = store_get_int(&rows, 0, 0),
                                  .pending_effects = store_get_int(&rows, 0, 1)};
    return OK_STATUS;
}
