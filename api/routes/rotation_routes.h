// SPDX-License-Identifier: ISC
// The handlers behind a mount of type rotation, one file each for targets, credentials, actions and
// what is served; and how they read a body.
#pragma once

#include "api/routes/answer.h"
#include "vault/notify/notifier.h"
#include "vault/notify/tally.h"
#include "vault/rotation/manage.h"

route_handler rotation_list_targets;
route_handler rotation_read_target;
route_handler rotation_write_target;
route_handler rotation_delete_target;
route_handler rotation_check_target;

route_handler rotation_list_credentials;
route_handler rotation_read_credential;
route_handler rotation_write_credential;
route_handler rotation_delete_credential;

route_handler rotation_list_notifiers;
route_handler rotation_read_notifier;
route_handler rotation_write_notifier;
route_handler rotation_delete_notifier;
route_handler rotation_test_notifier;
route_handler rotation_list_deliveries;
route_handler rotation_replay_deliveries;

route_handler rotation_rotate;
route_handler rotation_acknowledge;
route_handler rotation_history;
route_handler rotation_status;
route_handler rotation_read_creds;

// The route's :name. INVALID, explained, unless it is a name.
struct status rotation_name(struct operation *op, struct http_request *req,
                            struct http_response *res, struct str *out);
// The engine of this node. UNAVAILABLE.
struct status rotation_engine(struct rotation **out);

// Answers a list of names in one column.
struct status rotation_answer_names(struct operation *op, struct http_response *res,
                                    const struct store_rows *rows);
// Who may do this to the route's notifier. NOT_FOUND.
struct status rotation_enter_notifier(struct operation *op, struct http_request *req,
                                      struct http_response *res, enum policy_operation operation,
                                      struct notifier_found *out);
// Members of an open object.
void rotation_put_notify_status(struct json_writer *w, const struct notify_status *s);

// A request's members, and where to explain what is wrong with one of them.
struct rotation_body {
    struct operation *op;
    struct http_response *res;
};
// What isn't there leaves `out` as it is. INVALID, explained with the field's name.
struct status rotation_body_text(const struct rotation_body *b, const char *field, struct str *out);
struct status rotation_body_int(const struct rotation_body *b, const char *field, int64_t *out);
struct status rotation_body_duration(const struct rotation_body *b, const char *field,
                                     int64_t *out_s);
// RFC 3339; empty or null: never.
struct status rotation_body_time(const struct rotation_body *b, const char *field, int64_t *out_us);
struct status rotation_refuse_field(const struct rotation_body *b, const char *field,
                                    const char *why);
// Settings decide about the target, so that a misspelt one may not be passed over: every member is
// in `fields` (ends with NULL) or a setting of the rotator.
struct status rotation_body_known(const struct rotation_body *b, const char *const *fields,
                                  const struct rotunda_setting_spec *specs);

// CLOCK_NEVER and 0 become null.
void rotation_put_time(struct json_writer *w, const char *key, int64_t wall_us);
