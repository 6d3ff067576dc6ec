// SPDX-License-Identifier: ISC
// The routes of a kv mount (version 2), and its configuration.
#include "api/routes/kv_routes.h"
#include "api/routes/route_tables.h"

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "config", kv_read_config, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "config", kv_write_config, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "data/*path", kv_read_data, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "data/*path", kv_write_data, ROUTE_PLAIN},
    {HTTP_ALLOW(PATCH), "data/*path", kv_patch_data, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "data/*path", kv_delete_data, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "subkeys/*path", kv_read_subkeys, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "delete/*path", kv_delete_versions, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "undelete/*path", kv_undelete_versions, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "destroy/*path", kv_destroy_versions, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "metadata/*path", kv_read_metadata, ROUTE_PLAIN},
    {HTTP_ALLOW(POST), "metadata/*path", kv_write_metadata, ROUTE_PLAIN},
    {HTTP_ALLOW(PATCH), "metadata/*path", kv_patch_metadata, ROUTE_PLAIN},
    {HTTP_ALLOW(DELETE), "metadata/*path", kv_delete_metadata, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST) | HTTP_ALLOW(SCAN), "metadata", kv_list_metadata, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST) | HTTP_ALLOW(SCAN), "metadata/*path", kv_list_metadata, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST) | HTTP_ALLOW(SCAN), "detailed-metadata", kv_list_detailed, ROUTE_PLAIN},
    {HTTP_ALLOW(LIST) | HTTP_ALLOW(SCAN), "detailed-metadata/*path", kv_list_detailed, ROUTE_PLAIN},
    {HTTP_ALLOW(GET), "search", kv_search_secrets, ROUTE_PLAIN},
};

const struct route_table kv_routes = {
    .mount_type = "kv", .routes = routes, .count = ARRAY_LEN(routes)};

struct status kv_read_config(struct operation *op, struct http_request *req,
                             struct http_response *res)
{
    (void)req;
    struct kv_config config;
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(kv_config_read(op->mount, op->arena, &config));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_bool(&w, "cas_required", config.cas_required);
    kv_add_duration(&w, "delete_version_after", config.delete_version_after_s);
    json_add_int(&w, "max_versions", config.max_versions);
    json_end_object(&w);
    return answer_end(&w);
}

struct status kv_write_config(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    (void)req;
    struct kv_config config;
    bool versions;
    bool cas;
    bool duration;
    const struct kv_body body = {op, res};
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    TRY(kv_config_read(op->mount, op->arena, &config));
    TRY(kv_body_int(&body, "max_versions", &config.max_versions, &versions));
    TRY(kv_body_bool(&body, "cas_required", &config.cas_required, &cas));
    TRY(kv_body_duration(&body, "delete_version_after", &config.delete_version_after_s, &duration));
    if (config.max_versions > LIMIT_KV_VERSIONS) {
        return answer_explain(res, MAKE_STATUS(INVALID, "too many versions"), op->arena,
                              "max_versions must not be above %d", LIMIT_KV_VERSIONS);
    }
    if (versions || cas || duration) {
        TRY(kv_config_write(op, &config));
    }
    return answer_empty(res);
}
