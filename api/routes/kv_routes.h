// SPDX-License-Identifier: ISC
// What the files of the kv routes share: handlers for the table in kv.c, reading of parameters, and
// the parts that several answers have in common. Only for kv*.c.
#pragma once

#include "api/routes/answer.h"
#include "vault/secrets/kv/kv_config.h"
#include "vault/secrets/kv/kv_write.h"

route_handler kv_read_config, kv_write_config;
route_handler kv_read_data, kv_write_data, kv_patch_data, kv_delete_data, kv_read_subkeys;
route_handler kv_delete_versions, kv_undelete_versions, kv_destroy_versions;
route_handler kv_read_metadata, kv_write_metadata, kv_patch_metadata, kv_delete_metadata;
route_handler kv_list_metadata, kv_list_detailed;
route_handler kv_search_secrets;

// The body's parameters. What is absent leaves `out` as it is; null does too, and so says
// `*out_given`. INVALID with a message that names the field.
struct kv_body {
    struct operation *op;
    struct http_response *res;
};
struct status kv_body_int(const struct kv_body *b, const char *name, int64_t *out, bool *out_given);
struct status kv_body_bool(const struct kv_body *b, const char *name, bool *out, bool *out_given);
// Whole seconds; negative ones are KV_NEVER_DELETE where the caller takes that.
struct status kv_body_duration(const struct kv_body *b, const char *name, int64_t *out,
                               bool *out_given);
struct status kv_body_text(const struct kv_body *b, const char *name, size_t max_bytes,
                           struct str *out, bool *out_given);
// MEDIA_TYPE unless it is a merge patch (RFC 7396 section 4).
struct status kv_check_patch_type(const struct http_request *req);
// INVALID for a path that ends in a slash: that is a folder.
struct status kv_check_writable(struct str path);

// {"created_time", "custom_metadata", "deletion_time", "destroyed", "version"}
void kv_put_version(struct json_writer *w, const struct kv_head *head, const struct kv_version *v);
// All of a path's metadata with the states of its versions.
void kv_put_metadata(struct json_writer *w, const struct kv_head *head,
                     const struct kv_version *versions, size_t count);
// As Go writes durations: 1h30m0s.
void kv_add_duration(struct json_writer *w, const char *key, int64_t seconds);
