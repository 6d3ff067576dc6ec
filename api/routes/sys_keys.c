// SPDX-License-Identifier: ISC
// sys/key-status and sys/rotate: which data key seals new values, and making the next one.
#include "api/routes/route_tables.h"
#include "api/routes/sys_answer.h"
#include "vault/base/log.h"
#include "vault/core/sealing.h"

enum { ANSWER_BYTES = 1024 };

static const struct store_statement select_newest = {
    "sys.newest_key", "SELECT epoch, created_at FROM key_epoch WHERE namespace_id = $1 "
                      "ORDER BY epoch DESC LIMIT 1"};

static struct status answer_newest(struct operation *op, struct http_response *res,
                                   struct batch_op *load)
{
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(batch_wait(load));
    if (load->rows.count != 1) {
        FAIL(INTEGRITY, "the database has no data key");
    }
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, ANSWER_BYTES);
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    json_add_int(&w, "term", store_get_int(&load->rows, 0, 0));
    json_add_time(&w, "install_time", store_get_time(&load->rows, 0, 1));
    json_end_object(&w);
    return sys_answer_both(op, res, &text);
}

static struct status get_key_status(struct operation *op, struct http_request *req,
                                    struct http_response *res)
{
    (void)req;
    const struct store_value values[] = {store_int(op->namespace_id)};
    struct batch_op load;
    batch_query(op->worker->batch, &select_newest, values, ARRAY_LEN(values), &load);
    struct status s = answer_newest(op, res, &load);
    status_ignore(batch_wait(&load)); // it mustn't outlive this stack, whatever came of it
    batch_op_done(&load);
    return s;
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
