// SPDX-License-Identifier: ISC
// sys/key-status and sys/rotate: which data key seals new values, and making the next one.
#include "api/routes/route_tables.h"
#include "api/routes/sys_answer.h"
#include "vault/base/log.h"
#include "vault/core/sealing.h"

enum { ANSWER_BYTES = 1024 };

static const struct store_statement select_newest = {
    "sys.newest_key",
    "SELECT epoch, created_at, encryptions, (SELECT min(o.epoch) FROM key_epoch o "
    "WHERE o.namespace_id = $1) FROM key_epoch WHERE namespace_id = $1 ORDER BY epoch DESC LIMIT "
    "1"};
static const struct store_statement count_older = {"sys.older_values",
                                                   "SELECT key_values_before($1, $2, $3)"};

struct key_status {
    int64_t namespace_id;
    int64_t term;
    int64_t installed_us;
    int64_t encryptions;
    int64_t oldest_term;
    int64_t remaining; // values that aren't re-encrypted yet
};

static struct status count_work(struct session *s, void *arg)
{
    struct key_status *k = arg;
    const struct store_value values[] = {store_int(k->namespace_id), store_int(k->term),
                                         store_int(LIMIT_LIST_PAGE)};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(session_exec(s, &count_older, values, ARRAY_LEN(values), &rows));
    k->remaining = store_get_int(&rows, 0, 0);
    return OK_STATUS;
}

static struct status read_status(struct operation *op, struct batch_op *load,
                                 struct key_status *out)
{
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(batch_wait(load));
    if (load->rows.count != 1) {
        FAIL(INTEGRITY, "the database has no data key");
    }
    struct vault *v = op->worker->vault;
    struct key_status k = {.namespace_id = op->namespace_id,
                           .term = store_get_int(&load->rows, 0, 0),
                           .installed_us = store_get_time(&load->rows, 0, 1),
                           .encryptions = store_get_int(&load->rows, 0, 2),
                           .oldest_term = store_get_int(&load->rows, 0, 3)};
    k.encryptions += keyring_seals(v->keyring, k.namespace_id, k.term);
    if (k.oldest_term < k.term) {
        TRY(store_run(v->store, count_work, &k));
    }
    *out = k;
    return OK_STATUS;
}

static struct status answer_status(struct operation *op, struct http_response *res,
                                   const struct key_status *k)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, ANSWER_BYTES);
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    json_add_int(&w, "term", k->term);
    json_add_time(&w, "install_time", k->installed_us);
    json_add_int(&w, "encryptions", k->encryptions);
    json_add_int(&w, "oldest_term", k->oldest_term);
    json_add_int(&w, "remaining", k->remaining);
    json_end_object(&w);
    return sys_answer_both(op, res, &text);
}

static struct status get_key_status(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    (void)req;
    const struct store_value values[] = {store_int(op->namespace_id)};
    struct batch_op load;
    struct key_status found;
    batch_query(op->worker->batch, &select_newest, values, ARRAY_LEN(values), &load);
    struct status s = read_status(op, &load, &found);
    status_ignore(batch_wait(&load)); // it mustn't outlive this stack, whatever came of it
    batch_op_done(&load);
    TRY(s);
    return answer_status(op, res, &found);
}

struct rotation {
    struct vault *vault;
    struct keyring_wrapped key;
};

static struct status rotate_work(struct session *s, void *arg)
{
    struct rotation *r = arg;
    // Another node may have rotated since keys were last loaded here.
    TRY(sealing_reload_keys(r->vault, s));
    return sealing_store_epoch(r->vault, s, &r->key);
}

// Every node loads the new key with the catalog of the new epoch, which it needs before it can
// serve anything; so a value sealed under it can be opened wherever it is read.
static struct status post_rotate(struct operation *op, struct http_request *req,
                                 struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    TRY(operation_require_sudo(op));
    struct rotation rotation = {.vault = op->worker->vault};
    TRY(operation_change_catalog(op, rotate_work, &rotation));
    log_event(LOG_INFO, "keys.rotated", LOG_INT("epoch", rotation.key.epoch));
    return answer_empty(res);
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "key-status", get_key_status, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "rotate", post_rotate, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "rotate/keyring", post_rotate, ROUTE_PLAIN},
};

const struct route_table sys_keys_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
