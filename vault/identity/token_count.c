// SPDX-License-Identifier: ISC
#include "vault/identity/token_count.h"

#include "vault/base/macros.h"

static const struct store_statement count_tokens = {
    "token.count", "SELECT CASE WHEN reltuples >= 0 AND pg_relation_size(oid) > 16777216 "
                   "THEN reltuples::int8 ELSE (SELECT count(*) FROM token) END "
                   "FROM pg_class WHERE oid = 'token'::regclass"};

struct status token_count(struct session *s, int64_t *out)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &count_tokens, NULL, 0, &rows));
    *out = store_get_int(&rows, 0, 0);
    return OK_STATUS;
}
