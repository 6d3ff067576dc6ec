// SPDX-License-Identifier: ISC
// Values: data/*path and subkeys/*path.
#include "api/routes/kv_routes.h"
#include "vault/secrets/kv/kv_subkeys.h"

static struct status read_version_param(const struct operation *op, const struct http_request *req,
                                        struct http_response *res, int64_t *out)
{
    struct str text = route_query(req, "version");
    int64_t version = KV_CURRENT;
    if (text.len > 0 && (!status_ok(str_parse_int(text, &version)) || version < 0)) {
        return answer_explain(res, MAKE_STATUS(INVALID, "version"), op->arena,
                              "version must be a whole number that isn't negative");
    }
    *out = version;
    return OK_STATUS;
}

// The secret in the snapshot of the caller's token, who may read it.
static struct status load_for_reading(struct operation *op, const struct http_request *req,
                                      struct http_response *res, struct kv_load *load,
                                      struct kv_secret *out)
{
    int64_t version;
    TRY(read_version_param(op, req, res, &version));
    TRY(kv_load_submit(op, route_param(req, "path"), version, load));
    TRY(operation_authenticate(op));
    TRY(operation_authorise(op, POLICY_OP_READ));
    TRY(kv_load_wait(op, load, out));
    if (load->op.snapshot.flight != op->snapshot.flight) {
        // The load failed in company and was repeated alone. In different snapshots, a token that
        // was revoked before a value was written could read it: once more from the start.
        op->stale = true;
        FAIL(UNAVAILABLE, "the secret was loaded apart from the token, try again");
    }
    if (!out->has_version) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

struct status kv_read_data(struct operation *op, struct http_request *req,
                           struct http_response *res)
{
    struct kv_load load CLEANUP(kv_load_done) = {0};
    struct kv_secret secret;
    struct str value = STR("null");
    TRY(load_for_reading(op, req, res, &load, &secret));
    bool lives = kv_version_lives(&secret.version, secret.now_us);
    if (lives) {
        TRY(kv_open_value(op, &secret, &value));
    }
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_raw(&w, "data", value);
    json_put_key(&w, "metadata");
    kv_put_version(&w, &secret.head, &secret.version);
    json_end_object(&w);
    TRY(answer_end(&w));
    res->status = lives ? 200 : 404;
    return OK_STATUS;
}

static struct status open_document(const struct operation *op, const struct kv_secret *secret,
                                   struct json_value *out)
{
    struct str text;
    TRY(kv_open_value(op, secret, &text));
    if (!status_ok(json_parse(text, NULL, op->arena, out, NULL))) {
        FAIL(INTEGRITY, "the stored secret isn't JSON");
    }
    return OK_STATUS;
}

struct status kv_read_subkeys(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    struct kv_load load CLEANUP(kv_load_done) = {0};
    struct kv_secret secret;
    struct json_value document = {0};
    int64_t depth = 0;
    struct str text = route_query(req, "depth");
    if (text.len > 0 && (!status_ok(str_parse_int(text, &depth)) || depth < 0)) {
        return answer_explain(res, MAKE_STATUS(INVALID, "depth"), op->arena,
                              "depth must be a whole number that isn't negative");
    }
    TRY(load_for_reading(op, req, res, &load, &secret));
    bool lives = kv_version_lives(&secret.version, secret.now_us);
    if (lives) {
        TRY(open_document(op, &secret, &document));
    }
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_put_key(&w, "metadata");
    kv_put_version(&w, &secret.head, &secret.version);
    json_put_key(&w, "subkeys");
    if (lives) {
        TRY(kv_subkeys_write(document, depth, op->arena, &w));
    } else {
        json_put_null(&w);
    }
    json_end_object(&w);
    TRY(answer_end(&w));
    res->status = lives ? 200 : 404;
    return OK_STATUS;
}

static struct status read_cas(const struct operation *op, struct kv_put *put)
{
    struct json_value options = json_get(op->body, "options");
    struct json_value cas = json_get(options, "cas");
    if (json_present(options) && !json_is_null(options) && json_kind(options) != JSON_OBJECT) {
        FAIL(INVALID, "options must be an object");
    }
    put->has_cas = json_present(cas);
    if (put->has_cas && !status_ok(json_as_int(cas, &put->cas))) {
        FAIL(INVALID, "error parsing check-and-set parameter: options.cas must be a whole number");
    }
    return OK_STATUS;
}

static struct status read_put(const struct operation *op, struct kv_put *put)
{
    put->data = json_get(op->body, "data");
    if (!json_present(put->data) || json_is_null(put->data)) {
        FAIL(INVALID, "no data provided");
    }
    if (json_kind(put->data) != JSON_OBJECT) {
        FAIL(INVALID, "data must be an object");
    }
    TRY(read_cas(op, put));
    return kv_config_read(op->mount, op->arena, &put->config);
}

static struct status answer_version(struct operation *op, struct http_response *res,
                                    const struct kv_put *put)
{
    struct json_writer w = answer_begin(op, res);
    kv_put_version(&w, &put->secret.head, &put->secret.version);
    TRY(answer_end(&w));
    res->status = put->gone ? 404 : 200;
    return OK_STATUS;
}

struct status kv_write_data(struct operation *op, struct http_request *req,
                            struct http_response *res)
{
    struct kv_load load CLEANUP(kv_load_done) = {0};
    struct kv_put put = {0};
    TRY(kv_load_submit(op, route_param(req, "path"), KV_NO_VERSION, &load));
    TRY(operation_authenticate(op));
    TRY(kv_check_writable(load.path));
    TRY(read_put(op, &put));
    TRY(kv_put(op, &load, &put));
    return answer_version(op, res, &put);
}

struct status kv_patch_data(struct operation *op, struct http_request *req,
                            struct http_response *res)
{
    struct kv_load load CLEANUP(kv_load_done) = {0};
    struct kv_put put = {.patch = true};
    TRY(kv_load_submit(op, route_param(req, "path"), KV_CURRENT, &load));
    TRY(operation_authenticate(op));
    TRY(kv_check_patch_type(req));
    TRY(kv_check_writable(load.path));
    TRY(read_put(op, &put));
    TRY(kv_put(op, &load, &put));
    return answer_version(op, res, &put);
}

struct status kv_delete_data(struct operation *op, struct http_request *req,
                             struct http_response *res)
{
    const struct kv_versions latest = {
        .change = KV_DELETE, .operation = POLICY_OP_DELETE, .latest = true};
    struct kv_load load CLEANUP(kv_load_done) = {0};
    TRY(kv_load_submit(op, route_param(req, "path"), KV_NO_VERSION, &load));
    TRY(operation_authenticate(op));
    TRY(kv_change(op, &load, &latest));
    return answer_empty(res);
}
