// SPDX-License-Identifier: ISC
#include "vault/identity/token_list.h"

#include "vault/base/limits.h"

static const struct store_statement list_accessors = {
    "token.accessors", "SELECT accessor FROM token WHERE namespace_id = $1 AND accessor > $2 "
                       "AND expires_at > clock_timestamp() ORDER BY accessor LIMIT $3"};

void token_list_done(struct token_list *l)
{
    store_rows_done(&l->rows);
    *l = (struct token_list){0};
}

struct list_job {
    struct store_value values[3];
    struct store_rows rows;
};

static struct status list_work(struct session *s, void *arg)
{
    struct list_job *job = arg;
    return session_exec(s, &list_accessors, job->values, ARRAY_LEN(job->values), &job->rows);
}

static struct status take_accessors(struct operation *op, struct token_list *l)
{
    if (l->rows.count > LIMIT_LIST_PAGE) {
        FAIL(INVALID, "more than 100000 accessors: ask for pages with \"limit\" and \"after\"");
    }
    l->count = (size_t)l->rows.count;
    l->accessors = ARENA_ARRAY(op->arena, struct str, l->count + 1);
    if (l->accessors == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (int i = 0; i < l->rows.count; i++) {
        l->accessors[i] = store_get_text(&l->rows, i, 0);
    }
    return OK_STATUS;
}

struct status token_list_accessors(struct operation *op, const struct token_list_page *page,
                                   struct token_list *out)
{
    bool paged = page->most > 0 && page->most <= LIMIT_LIST_PAGE;
    struct list_job job = {.values = {store_int(op->namespace_id), store_text(page->after),
                                      store_int(paged ? page->most : LIMIT_LIST_PAGE + 1)}};
    TRY(store_run(op->worker->vault->store, list_work, &job));
    struct token_list l CLEANUP(token_list_done) = {.rows = job.rows};
    TRY(take_accessors(op, &l));
    *out = l;
    l = (struct token_list){0};
    return OK_STATUS;
}
