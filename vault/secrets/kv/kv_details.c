// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_list.h"
#include "vault/secrets/kv/kv_rows.h"

static const struct store_statement select_heads = {
    "kv.detail_heads", "SELECT " KV_HEAD_COLUMNS " FROM kv_head h "
                       "WHERE h.mount_id = $1 AND h.path = ANY ($2) ORDER BY h.path"};
static const struct store_statement select_states = {
    "kv.detail_states",
    "SELECT v.head_id, " KV_STATE_COLUMNS " FROM kv_head h JOIN kv_version v ON v.head_id = h.id "
    "WHERE h.mount_id = $1 AND h.path = ANY ($2) ORDER BY h.path, v.version"};

struct details_job {
    struct uuid mount;
    const struct store_value *paths;
    size_t count;
    struct kv_details *details;
};

static struct status details_work(struct session *s, void *arg)
{
    const struct details_job *job = arg;
    const struct store_value values[] = {store_uuid(job->mount),
                                         store_array(STORE_TEXT, job->paths, job->count)};
    TRY(session_begin_snapshot(s));
    TRY(session_exec(s, &select_heads, values, ARRAY_LEN(values), &job->details->heads));
    TRY(session_exec(s, &select_states, values, ARRAY_LEN(values), &job->details->versions));
    return session_commit(s);
}

void kv_details_done(struct kv_details *d)
{
    store_rows_done(&d->heads);
    store_rows_done(&d->versions);
}

struct status kv_details_load(struct operation *op, const struct str *paths, size_t count,
                              struct kv_details *out)
{
    if (count > KV_DETAILS_MAX) {
        FAIL(INVALID, "too many entries to detail at once: ask for pages, with limit and after");
    }
    struct store_value *values = ARENA_ARRAY(op->arena, struct store_value, count + 1);
    if (values == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (size_t i = 0; i < count; i++) {
        values[i] = store_text(paths[i]);
    }
    struct kv_details details CLEANUP(kv_details_done) = {0};
    struct details_job job = {op->mount->id, values, count, &details};
    TRY(store_run(op->worker->vault->store, details_work, &job));
    *out = details;
    details = (struct kv_details){0};
    return OK_STATUS;
}

static int count_states(const struct kv_details *d)
{
    int count = 0;
    while (d->version_at + count < d->versions.count &&
           uuid_equal(store_get_uuid(&d->versions, d->version_at + count, 0), d->head.id)) {
        count++;
    }
    return count;
}

struct status kv_details_next(struct operation *op, struct kv_details *d, bool *out_more)
{
    const struct keyring *k = op->worker->vault->keyring;
    if (d->head_at == d->heads.count) {
        *out_more = false;
        return OK_STATUS;
    }
    TRY(kv_read_head(k, &d->heads, d->head_at, 0, &d->head));
    int count = count_states(d);
    d->states = ARENA_ARRAY(op->arena, struct kv_version, (size_t)count + 1);
    if (d->states == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (int i = 0; i < count; i++) {
        TRY(kv_read_version(k, &d->head, &d->versions, d->version_at + i, 1, &d->states[i]));
    }
    d->state_count = (size_t)count;
    d->version_at += count;
    d->head_at++;
    *out_more = true;
    return OK_STATUS;
}
