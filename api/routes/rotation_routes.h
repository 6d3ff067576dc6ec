// SPDX-License-Identifier: ISC
// The handlers behind a mount of type rotation, one file each for targets, credentials, actions and
// what is served; and how they read a body.
#pragma once

#include "api/routes/answer.h"
#include "vault/notify/notifier.h"
#include "vault/notify/tally.h"
#include "vault/rotation/creds.h"
#include "vault/rotation/manage/manage.h"
#include "vault/rotation/target.h"

route_handler rotation_list_targets;
route_handler rotation_read_target;
route_handler rotation_write_target;
route_handler rotation_delete_target;
route_handler rotation_check_target;
route_handler rotation_rotate_target;
route_handler rotation_read_recovery;
route_handler rotation_make_recovery_key;
route_handler rotation_read_recovery_key;

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
route_handler rotation_plan;
route_handler rotation_pause;
route_handler rotation_resume;
route_handler rotation_rollback;
route_handler rotation_import;
route_handler rotation_schedule;
route_handler rotation_history;
route_handler rotation_status;
route_handler rotation_read_creds;
route_handler rotation_stream_events;

// What every mount has whose credentials this engine turns: what happened, and what to do about it.
#define ROTATION_COMMON_ROUTES                                                                     \
    {HTTP_ALLOW(LIST), "credentials", rotation_list_credentials, ROUTE_PLAIN},                     \
        {HTTP_ALLOW(GET), "credentials/:name", rotation_read_credential, ROUTE_PLAIN},             \
        {HTTP_ALLOW(POST), "credentials/:name/rotate", rotation_rotate, ROUTE_PLAIN},              \
        {HTTP_ALLOW(POST), "credentials/:name/acknowledge", rotation_acknowledge, ROUTE_PLAIN},    \
        {HTTP_ALLOW(GET), "credentials/:name/history", rotation_history, ROUTE_PLAIN},             \
        {HTTP_ALLOW(POST), "credentials/:name/plan", rotation_plan, ROUTE_PLAIN},                  \
        {HTTP_ALLOW(POST), "credentials/:name/pause", rotation_pause, ROUTE_PLAIN},                \
        {HTTP_ALLOW(POST), "credentials/:name/resume", rotation_resume, ROUTE_PLAIN},              \
        {HTTP_ALLOW(POST), "credentials/:name/rollback", rotation_rollback, ROUTE_PLAIN},          \
        {HTTP_ALLOW(POST), "credentials/:name/import", rotation_import, ROUTE_PLAIN},              \
        {HTTP_ALLOW(GET), "credentials/:name/schedule", rotation_schedule, ROUTE_PLAIN},           \
        {HTTP_ALLOW(GET), "events", rotation_stream_events, ROUTE_PLAIN},                          \
        {HTTP_ALLOW(LIST), "targets", rotation_list_targets, ROUTE_PLAIN},                         \
        {HTTP_ALLOW(GET), "targets/:name", rotation_read_target, ROUTE_PLAIN},                     \
        {HTTP_ALLOW(POST), "targets/:name/check", rotation_check_target, ROUTE_PLAIN},             \
        {HTTP_ALLOW(POST), "targets/:name/rotate", rotation_rotate_target, ROUTE_PLAIN},           \
        {HTTP_ALLOW(GET), "targets/:name/recovery", rotation_read_recovery, ROUTE_PLAIN},          \
        {HTTP_ALLOW(GET), "recovery-key", rotation_read_recovery_key, ROUTE_PLAIN},                \
        {HTTP_ALLOW(POST), "recovery-key", rotation_make_recovery_key, ROUTE_PLAIN},               \
        {HTTP_ALLOW(LIST), "notifiers", rotation_list_notifiers, ROUTE_PLAIN},                     \
        {HTTP_ALLOW(GET), "notifiers/:name", rotation_read_notifier, ROUTE_PLAIN},                 \
        {HTTP_ALLOW(POST), "notifiers/:name", rotation_write_notifier, ROUTE_PLAIN},               \
        {HTTP_ALLOW(DELETE), "notifiers/:name", rotation_delete_notifier, ROUTE_PLAIN},            \
        {HTTP_ALLOW(POST), "notifiers/:name/test", rotation_test_notifier, ROUTE_PLAIN},           \
        {HTTP_ALLOW(GET), "notifiers/:name/deliveries", rotation_list_deliveries, ROUTE_PLAIN},    \
        {HTTP_ALLOW(POST), "notifiers/:name/replay", rotation_replay_deliveries, ROUTE_PLAIN},     \
    {                                                                                              \
        HTTP_ALLOW(GET), "status", rotation_status, ROUTE_PLAIN                                    \
    }

// The route's :name. INVALID, explained, unless it is a name.
struct status rotation_name(struct operation *op, struct http_request *req,
                            struct http_response *res, struct str *out);
// Authorises, and finds the route's target. Release with target_found_done(). NOT_FOUND.
struct status rotation_enter_target(struct operation *op, struct http_request *req,
                                    struct http_response *res, enum policy_operation operation,
                                    struct target_found *out);
// The engine of this node. UNAVAILABLE.
struct status rotation_engine(struct rotation **out);

// The credential of the route's :name, with an engine. NOT_FOUND, UNAVAILABLE.
struct status rotation_enter(struct operation *op, struct http_request *req,
                             struct http_response *res, enum policy_operation operation,
                             struct credential_found *out);

enum { ROTATION_INTERVAL_MAX_S = 366 * 24 * 3600 };
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
struct status rotation_body_bool(const struct rotation_body *b, const char *field, bool *out);
struct status rotation_body_int(const struct rotation_body *b, const char *field, int64_t *out);
struct status rotation_body_duration(const struct rotation_body *b, const char *field,
                                     int64_t *out_s);
// RFC 3339; empty or null: never.
struct status rotation_body_time(const struct rotation_body *b, const char *field, int64_t *out_us);
struct status rotation_refuse_field(const struct rotation_body *b, const char *field,
                                    const char *why);
// The same of a setting, with what the rotator says about it.
struct status rotation_refuse_setting(const struct rotation_body *b,
                                      const struct rotunda_setting_spec *specs, const char *field,
                                      const char *why);
// Settings decide about the target, so that a misspelt one may not be passed over: every member is
// in `fields` (ends with NULL) or a setting of the rotator.
struct status rotation_body_known(const struct rotation_body *b, const char *const *fields,
                                  const struct rotunda_setting_spec *specs);
// The same where no rotator has settings: a misspelt field may be what was meant.
struct status rotation_body_fields(const struct rotation_body *b, const char *const *fields);

// A target and a credential of this mount that aren't stored yet.
struct credential rotation_credential_new(const struct operation *op, struct str name);
struct target rotation_target_new(const struct operation *op, struct str name);
// Seals the body's `password` into `t`; required for a new target, and wherever username or
// settings differ from those of `stored`: a password goes only where whoever gave it wanted it to
// go.
struct status rotation_target_secret(const struct rotation_body *b, const struct target *stored,
                                     struct target *t, struct buffer *sealed);

// Schedule, values, retirement and expiry of a credential (rotation_rules.c). INVALID, explained.
struct status rotation_read_rules(const struct rotation_body *b, const struct rotation *r,
                                  struct credential *c);
// The same as members of an open object. INTEGRITY, NOMEM.
struct status rotation_put_rules(const struct operation *op, struct json_writer *w,
                                 const struct credential *c);

// 204, or 200 with a warning of what manage_remove() has left at the target.
struct status rotation_answer_removed(const struct operation *op, struct http_response *res,
                                      struct str left);
// What creds_wait() returned; of a credential that is paused with since when, and how to go on.
struct status rotation_explain_creds(const struct operation *op, struct http_response *res,
                                     const struct creds_load *load, struct status s);
// Waits for an attempt and answers how it stands; `warning` empty: none.
struct status rotation_answer_progress(const struct rotation_body *b, struct uuid attempt,
                                       int64_t until_us, struct str warning);
// Until when a request waits for a rotation: its `timeout`. INVALID, explained.
struct status rotation_read_wait(const struct rotation_body *b, int64_t *out_until_us);
void rotation_put_reader(struct json_writer *w, const struct store_rows *readers, int row);
// Who read a value: accessor, display_name, remote, reads, last_read, as an array under `key`.
void rotation_put_readers(struct json_writer *w, const char *key, const struct store_rows *readers);

// Replaces the password that a target's rotator logs in with, and waits: how that stands by then.
// `rows` is what it is borrowed from. CONFLICT, explained.
struct own;
struct status rotation_replace_own(const struct rotation_body *b, const struct target *t,
                                   int64_t until_us, struct store_rows *rows, struct own *out);
// How the last change of a target's own credential went, as the member "rotation"; null: none.
struct status rotation_put_own(struct operation *op, const struct target *t, struct json_writer *w);
// CLOCK_NEVER and 0 become null.
void rotation_put_time(struct json_writer *w, const char *key, int64_t wall_us);
