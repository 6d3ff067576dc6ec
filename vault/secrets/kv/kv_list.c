// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_list.h"

#include <assert.h>

static const struct store_statement list_folder = {"kv.list", "SELECT kv_list($1, $2, $3, $4)"};
// '0' is the character after '/': below it lies the folder.
static const struct store_statement scan_folder = {
    "kv.scan", "SELECT substr(h.path, length($2) + 1) FROM kv_head h WHERE h.mount_id = $1 "
               "AND h.path > $2 || $3 AND h.path < left($2, -1) || '0' ORDER BY h.path LIMIT $4"};
static const struct store_statement scan_mount = {
    "kv.scan_mount", "SELECT h.path FROM kv_head h WHERE h.mount_id = $1 AND h.path > $2 "
                     "ORDER BY h.path LIMIT $3"};

static_assert(LIMIT_LIST_ENTRIES == 1000000, "named in a message");

struct list_job {
    struct uuid mount;
    const struct kv_page *page;
    int64_t limit;
    struct store_rows rows;
};

static struct status list_work(struct session *s, void *arg)
{
    struct list_job *job = arg;
    const struct kv_page *page = job->page;
    const struct store_value values[] = {store_uuid(job->mount), store_text(page->folder),
                                         store_text(page->after), store_int(job->limit)};
    const struct store_value mount_values[] = {store_uuid(job->mount), store_text(page->after),
                                               store_int(job->limit)};
    if (!page->recursive) {
        return session_exec(s, &list_folder, values, ARRAY_LEN(values), &job->rows);
    }
    if (page->folder.len == 0) {
        return session_exec(s, &scan_mount, mount_values, ARRAY_LEN(mount_values), &job->rows);
    }
    return session_exec(s, &scan_folder, values, ARRAY_LEN(values), &job->rows);
}

struct status kv_list(struct operation *op, const struct kv_page *page, struct store_rows *out)
{
    struct list_job job = {
        .mount = op->mount->id,
        .page = page,
        // One more than allowed tells that there are too many.
        .limit = page->limit > 0 ? page->limit : LIMIT_LIST_ENTRIES + 1,
    };
    TRY(store_run(op->worker->vault->store, list_work, &job));
    if (job.rows.count > LIMIT_LIST_ENTRIES) {
        store_rows_done(&job.rows);
        FAIL(INVALID, "more than 1000000 entries: list them in pages, with limit and after");
    }
    *out = job.rows;
    return OK_STATUS;
}
