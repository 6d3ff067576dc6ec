// SPDX-License-Identifier: ISC
// credentials/:name: what is in care, and by which rules.
#include "api/routes/rotation_routes.h"
#include "vault/host/protocol.h"
#include "vault/rotation/kind.h"
#include "vault/rotation/settings.h"

enum { TEXT_BYTES = 1024 };

static struct status enter_credential(struct operation *op, struct http_request *req,
                                      struct http_response *res, enum policy_operation operation,
                                      struct credential_found *out)
{
    struct str name;
    TRY(operation_enter(op, operation));
    TRY(rotation_name(op, req, res, &name));
    TRY(credential_find(op, name, out));
    if (!out->exists) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

// ---- reading

static struct status put_rules(const struct operation *op, struct json_writer *w,
                               const struct credential_found *found)
{
    const struct credential *c = &found->credential;
    json_add_string(w, "name", c->name);
    json_add_string(w, "target", found->target_name);
    json_add_string(w, "strategy", c->strategy);
    json_add_string(w, "kind", protocol_kind_name((enum rotunda_kind)c->kind));
    json_add_strings(w, "accounts", c->accounts, c->account_count);
    json_add_string(w, "owner", c->owner);
    json_add_string(w, "purpose", c->purpose);
    TRY(rotation_put_rules(op, w, c));
    rotation_put_time(w, "expires_at", c->expires_us);
    json_add_raw(w, "account_settings", c->account_settings);
    return OK_STATUS;
}

// Why it isn't rotated when its schedule says.
static struct str moved_by(const struct credential *c)
{
    return c->paused ? STR("paused") : c->moved_by;
}

static void put_state(struct json_writer *w, const struct credential_found *found)
{
    const struct credential *c = &found->credential;
    json_add_int(w, "version", c->current_version);
    json_add_int(w, "previous_version", c->previous_version);
    bool kept = c->previous_version != 0;
    rotation_put_time(w, "previous_valid_until",
                      kept && credential_overlaps(c) ? c->previous_until_us : 0);
    rotation_put_time(w, "rollback_until", kept ? c->previous_until_us : 0);
    rotation_put_time(w, "last_rotation", c->last_rotated_us);
    rotation_put_time(w, "next_rotation", c->next_rotation_us);
    rotation_put_time(w, "next_rotation_planned",
                      c->moved_from_us != 0 ? c->moved_from_us : c->next_rotation_us);
    json_add_string_or_null(w, "next_rotation_moved_by", moved_by(c));
    json_add_bool(w, "paused", c->paused);
    json_add_string(w, "state", found->state.len > 0 ? found->state : STR("idle"));
    json_add_string_or_null(w, "error_class", found->error_class);
    json_add_string_or_null(w, "error", found->error);
}

void rotation_put_reader(struct json_writer *w, const struct store_rows *readers, int row)
{
    json_begin_object(w);
    json_add_string(w, "accessor", store_get_text(readers, row, 0));
    json_add_string(w, "display_name", store_get_text(readers, row, 1));
    json_add_string(w, "remote", store_get_text(readers, row, 2));
    json_add_int(w, "reads", store_get_int(readers, row, 3));
    json_add_time(w, "last_read", store_get_time(readers, row, 4));
    json_end_object(w);
}

void rotation_put_readers(struct json_writer *w, const char *key, const struct store_rows *readers)
{
    json_put_key(w, key);
    json_begin_array(w);
    for (int row = 0; row < readers->count; row++) {
        rotation_put_reader(w, readers, row);
    }
    json_end_array(w);
}

struct status rotation_read_credential(struct operation *op, struct http_request *req,
                                       struct http_response *res)
{
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct store_rows readers CLEANUP(store_rows_done) = {0};
    struct store_rows holders CLEANUP(store_rows_done) = {0};
    TRY(enter_credential(op, req, res, POLICY_OP_READ, &found));
    TRY(manage_readers(op, &found.credential, &readers));
    TRY(manage_holders(op, &found.credential, &holders));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    TRY(put_rules(op, &w, &found));
    put_state(&w, &found);
    rotation_put_readers(&w, "previous_readers", &readers);
    rotation_put_readers(&w, "retirement_waits_for", &holders);
    json_end_object(&w);
    return answer_end(&w);
}

struct status rotation_answer_removed(const struct operation *op, struct http_response *res,
                                      struct str left)
{
    struct str warning;
    TRY(arena_printf(op->arena, &warning, "deleted, and left for you to end: %.*s", STR_ARG(left)));
    return answer_warned(op, res, &warning, left.len > 0 ? 1 : 0);
}

static struct status read_force(const struct rotation_body *b, const struct http_request *req,
                                bool *out)
{
    struct str force = route_query(req, "force");
    *out = str_equal_c(force, "true");
    if (force.len > 0 && !*out && !str_equal_c(force, "false")) {
        return rotation_refuse_field(b, "force", "expected true or false");
    }
    return OK_STATUS;
}

struct status rotation_delete_credential(struct operation *op, struct http_request *req,
                                         struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct str left;
    bool force;
    TRY(enter_credential(op, req, res, POLICY_OP_DELETE, &found));
    TRY(read_force(&body, req, &force));
    struct status s = manage_remove(op, &found.credential, force, &left);
    if (s.code == STATUS_CONFLICT && left.len > 0 && !force) {
        return answer_explain(res, s, op->arena,
                              "%.*s: wait until the credential is idle (one that is blocked has to "
                              "be acknowledged), or delete it all the same with force=true",
                              STR_ARG(left));
    }
    TRY(s);
    return rotation_answer_removed(op, res, left);
}

// ---- writing

// Where it lives and what it is: said once, never changed.
static struct status read_accounts(const struct rotation_body *b, struct credential *c)
{
    struct json_value v = json_get(b->op->body, "accounts");
    struct json_value one = json_get(b->op->body, "account");
    if (!json_is_null(v) && !json_is_null(one)) {
        return rotation_refuse_field(b, "account", "give account or accounts, not both");
    }
    v = json_is_null(v) ? one : v;
    struct json_strings names = {0};
    if (!json_is_null(v) && !status_ok(json_as_strings(v, &names))) {
        return rotation_refuse_field(b, "accounts", "expected one name, or two of a pair");
    }
    if (names.count == 0 || names.count > CREDENTIAL_ACCOUNTS_MAX) {
        return rotation_refuse_field(b, "accounts", "required: one name, or two of a pair");
    }
    for (size_t i = 0; i < names.count; i++) {
        if (names.items[i].len == 0 || names.items[i].len > LIMIT_NAME_BYTES) {
            return rotation_refuse_field(b, "accounts", "a name has 1 to 256 octets");
        }
        c->accounts[i] = names.items[i];
    }
    c->account_count = names.count;
    if (names.count == 2 && str_equal(names.items[0], names.items[1])) {
        return rotation_refuse_field(b, "accounts", "a pair is two different accounts");
    }
    return OK_STATUS;
}

static struct status read_strategy(const struct rotation_body *b, struct credential *c)
{
    struct str strategy = c->account_count == 2 ? STR("pair") : STR("single");
    TRY(rotation_body_text(b, "strategy", &strategy));
    if (!str_equal_c(strategy, "single") && !str_equal_c(strategy, "pair")) {
        return rotation_refuse_field(b, "strategy", "expected single or pair");
    }
    if (str_equal_c(strategy, "pair") != (c->account_count == 2)) {
        return rotation_refuse_field(b, "accounts",
                                     "strategy single takes one account, pair takes two");
    }
    c->strategy = strategy;
    return OK_STATUS;
}

static struct status check_rotator(const struct rotation_body *b, const struct target *t,
                                   const struct rotunda_rotator *rotator, struct credential *c)
{
    const struct kind_given given = {.value = !json_is_null(json_get(b->op->body, "password")),
                                     .external_id =
                                         !json_is_null(json_get(b->op->body, "external_id"))};
    const char *field = "";
    struct status s = kind_check(rotator, c, &given, &field);
    if (!status_ok(s)) {
        return rotation_refuse_field(b, field, s.what);
    }
    for (size_t i = 0; i < c->account_count; i++) {
        if (str_equal(c->accounts[i], t->principal)) {
            return rotation_refuse_field(b, "accounts",
                                         "the rotator logs in as this account: give the target a "
                                         "username of its own");
        }
    }
    c->kind = rotator->kind;
    c->slots = kind_slots(rotator, c->account_count);
    if (rotator->kind == ROTUNDA_K6) {
        c->interval_s = ROTATION_INTERVAL_MAX_S; // unless said: its own life decides
    }
    return OK_STATUS;
}

static struct status read_owner(const struct rotation_body *b, struct credential *c)
{
    TRY(rotation_body_text(b, "owner", &c->owner));
    if (c->owner.len == 0 || c->owner.len > TEXT_BYTES) {
        return rotation_refuse_field(b, "owner", "required: who answers for this credential");
    }
    TRY(rotation_body_text(b, "purpose", &c->purpose));
    if (c->purpose.len == 0 || c->purpose.len > TEXT_BYTES) {
        return rotation_refuse_field(b, "purpose", "required: what this credential is for");
    }
    return OK_STATUS;
}

static struct status read_account_settings(const struct rotation_body *b,
                                           const struct rotunda_rotator *rotator,
                                           struct credential *c)
{
    static const char *const fields[] = {"target",         "strategy",
                                         "account",        "accounts",
                                         "interval",       "cron",
                                         "time_zone",      "windows",
                                         "blackouts",      "grace",
                                         "jitter",         "retire",
                                         "retire_quiet",   "retire_max",
                                         "value_bits",     "value_length",
                                         "value_alphabet", "value_forbidden",
                                         "value_require",  "value_first",
                                         "owner",          "purpose",
                                         "password",       "expires_at",
                                         "external_id",    NULL};
    const char *field = "";
    TRY(rotation_body_known(b, fields, rotator->account_settings));
    struct status s = settings_merge(c->account_settings, b->op->body, rotator->account_settings,
                                     b->op->arena, &c->account_settings, &field);
    return s.code == STATUS_INVALID
               ? rotation_refuse_setting(b, rotator->account_settings, field, s.what)
               : s;
}

// What can't be changed may be repeated, as clients that write everything back do.
static struct status check_unchanged(const struct rotation_body *b,
                                     const struct credential_found *found)
{
    struct str target = found->target_name;
    struct str strategy = found->credential.strategy;
    struct credential sent = found->credential;
    TRY(rotation_body_text(b, "target", &target));
    TRY(rotation_body_text(b, "strategy", &strategy));
    if (!json_is_null(json_get(b->op->body, "accounts")) ||
        !json_is_null(json_get(b->op->body, "account"))) {
        TRY(read_accounts(b, &sent));
    }
    bool same = str_equal(target, found->target_name) &&
                str_equal(strategy, found->credential.strategy) &&
                sent.account_count == found->credential.account_count;
    for (size_t i = 0; same && i < sent.account_count; i++) {
        same = str_equal(sent.accounts[i], found->credential.accounts[i]);
    }
    if (!same) {
        FAIL(INVALID, "target, strategy and accounts can't be changed: make another credential");
    }
    if (!json_is_null(json_get(b->op->body, "password"))) {
        return rotation_refuse_field(b, "password", "only when the credential is put in care");
    }
    if (!json_is_null(json_get(b->op->body, "external_id"))) {
        return rotation_refuse_field(b, "external_id", "only when the credential is put in care");
    }
    return OK_STATUS;
}

struct credential rotation_credential_new(const struct operation *op, struct str name)
{
    int64_t now_us = op->snapshot.now_us;
    return (struct credential){.id = uuid_new(),
                               .namespace_id = op->namespace_id,
                               .mount = op->mount->id,
                               .name = name,
                               .time_zone = STR("UTC"),
                               .windows = STR("[]"),
                               .value_bits = CREDENTIAL_BITS,
                               .expires_us = CLOCK_NEVER,
                               .created_us = now_us};
}

static struct status find_target(const struct rotation_body *b, struct str name,
                                 struct target_found *out)
{
    struct str wanted = name;
    TRY(rotation_body_text(b, "target", &wanted));
    if (wanted.len == 0) {
        return rotation_refuse_field(b, "target", "required: the name of a target");
    }
    TRY(target_find(b->op, wanted, out));
    if (!out->exists) {
        return rotation_refuse_field(b, "target", "there is no such target");
    }
    return OK_STATUS;
}

static struct status create(const struct rotation_body *b, const struct target *t,
                            struct credential *c)
{
    struct manage_value value = {STR(""), STR("")};
    struct str message = STR("");
    bool given = !json_is_null(json_get(b->op->body, "password"));
    TRY(rotation_body_text(b, "password", &value.text));
    TRY(rotation_body_text(b, "external_id", &value.external_id));
    if (value.external_id.len > PROTOCOL_EXTERNAL_ID_BYTES) {
        return rotation_refuse_field(b, "external_id", "at most 512 octets");
    }
    if (given && value.text.len == 0) {
        // Without one the account's password is changed at once: not what was meant.
        return rotation_refuse_field(b, "password", "empty: leave it out to have a new one made");
    }
    c->target = t->id;
    if (given) {
        const struct manage_question q = {t, c, c->accounts[0], value};
        struct status s = manage_probe(b->op, &q, &message);
        if (!status_ok(s)) {
            return answer_explain(b->res, s, b->op->arena, "password: %s%s%.*s", s.what,
                                  message.len > 0 ? ": " : "", STR_ARG(message));
        }
        c->current_version = 1;
        c->last_version = 1;
    }
    return manage_create(b->op, c, value);
}

struct status rotation_write_credential(struct operation *op, struct http_request *req,
                                        struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct target_found target CLEANUP(target_found_done) = {0};
    struct rotation *r;
    struct str name;
    TRY(operation_authenticate(op));
    TRY(rotation_name(op, req, res, &name));
    TRY(rotation_engine(&r));
    TRY(credential_find(op, name, &found));
    TRY(operation_authorise(op, found.exists ? POLICY_OP_UPDATE : POLICY_OP_CREATE));
    TRY(find_target(&body, found.exists ? found.target_name : STR(""), &target));
    const struct rotunda_rotator *rotator = rotation_rotator(r, target.target.rotator);
    if (rotator == NULL) {
        FAIL(UNAVAILABLE, "this node doesn't have the target's rotator, or it doesn't start: see "
                          "the server's log (rotation.rotator_unusable)");
    }
    struct credential c = found.exists ? found.credential : rotation_credential_new(op, name);
    c.updated_us = op->snapshot.now_us;
    if (found.exists) {
        TRY(check_unchanged(&body, &found));
    } else {
        TRY(read_accounts(&body, &c));
        TRY(read_strategy(&body, &c));
        TRY(check_rotator(&body, &target.target, rotator, &c));
    }
    TRY(read_account_settings(&body, rotator, &c));
    TRY(read_owner(&body, &c));
    TRY(rotation_read_rules(&body, r, &c));
    TRY(found.exists ? manage_update(op, &found.credential, &c)
                     : create(&body, &target.target, &c));
    rotation_kick(r);
    return answer_empty(res);
}
