// SPDX-License-Identifier: ISC
// static-creds/:name, and the changes that people ask for: rotate-role/:name and rotate-root/:name.
#include "api/routes/database_routes.h"
#include "vault/rotation/manage/own.h"
#include "vault/rotation/readers.h"

// ---- static-creds

static struct status check_allowed(struct operation *op, struct http_response *res,
                                   const struct credential *c)
{
    struct connection_found found CLEANUP(connection_found_done) = {0};
    TRY(connection_find(op, c->target, &found));
    if (!connection_allows(&found.connection, c->name)) {
        return answer_explain(
            res, MAKE_STATUS(DENIED, "role not allowed"), op->arena,
            "\"%.*s\" is not an allowed role: see allowed_roles of the connection",
            STR_ARG(c->name));
    }
    return OK_STATUS;
}

static int64_t seconds_until(int64_t then_us, int64_t now_us)
{
    return then_us <= now_us || then_us == CLOCK_NEVER ? 0 : (then_us - now_us) / CLOCK_SECOND;
}

struct status database_read_creds(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    struct creds_load load CLEANUP(creds_load_done) = {0};
    struct creds creds;
    creds_submit(op, route_param(req, "name"), false, &load);
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(rotation_explain_creds(op, res, &load, creds_wait(op, &load, &creds)));
    TRY(check_allowed(op, res, &creds.credential));
    TRY(readers_note(op, false, &creds));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    rotation_put_time(&w, "last_vault_rotation", creds.credential.last_rotated_us);
    json_add_string(&w, "password", creds.value);
    database_put_schedule(&w, &creds.credential);
    json_add_int(&w, "ttl", seconds_until(creds.credential.next_rotation_us, creds.now_us));
    json_add_string(&w, "username", creds.version.account);
    json_end_object(&w);
    return answer_end(&w);
}

// ---- rotate-role

// One that is under way is waited for. One that only waits for the end of a grace makes room.
static struct status begin_rotation(struct operation *op, const struct credential_found *found,
                                    struct uuid *out)
{
    if (str_equal_c(found->state, "blocked")) {
        FAIL(CONFLICT, "the rotation is blocked: see credentials/:name/history, put right what it "
                       "names, then credentials/:name/acknowledge");
    }
    if (str_equal_c(found->state, "draining")) {
        FAIL(CONFLICT, "the previous value is still valid: try again when its grace has passed");
    }
    if (found->state.len > 0) {
        *out = found->attempt;
        return OK_STATUS;
    }
    return manage_rotate(op, &found->credential, out);
}

static struct status judge(struct operation *op, struct http_response *res,
                           const struct manage_progress *p)
{
    if (database_rotation_done(p)) {
        return answer_empty(res);
    }
    if (p->error_class.len > 0 || str_equal_c(p->state, "rolled_back")) {
        return answer_explain(res, MAKE_STATUS(UPSTREAM, "the rotation failed"), op->arena,
                              "the password isn't rotated (%.*s): %.*s", STR_ARG(p->error_class),
                              STR_ARG(p->error));
    }
    FAIL(UNAVAILABLE, "the rotation isn't done yet, and goes on: static-creds serves what works");
}

struct status database_rotate_role(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    struct credential_found found CLEANUP(credential_found_done) = {0};
    struct manage_progress progress CLEANUP(database_progress_done) = {0};
    struct rotation *r;
    struct uuid attempt;
    struct str name;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    TRY(rotation_name(op, req, res, &name));
    TRY(rotation_engine(&r));
    TRY(credential_find(op, name, &found));
    if (!found.exists) {
        FAIL(NOT_FOUND, "there is no static role of this name");
    }
    TRY(begin_rotation(op, &found, &attempt));
    TRY(manage_wait(op, attempt, database_wait_until_us(op), &progress));
    return judge(op, res, &progress);
}

// ---- rotate-root

// Vault's clients expect nothing in the answer, and that it is done then.
struct status database_rotate_root(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct target_found found CLEANUP(target_found_done) = {0};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct own o;
    struct str name;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    TRY(rotation_name(op, req, res, &name));
    TRY(target_find(op, name, &found));
    if (!found.exists) {
        FAIL(NOT_FOUND, "there is no connection of this name");
    }
    TRY(rotation_replace_own(&body, &found.target, database_wait_until_us(op), &rows, &o));
    if (o.state == OWN_PROMOTED) {
        return OK_STATUS;
    }
    return answer_explain(res, MAKE_STATUS(UPSTREAM, "not done"), op->arena,
                          "the connection's own password isn't replaced%s: %.*s",
                          o.state == OWN_ABANDONED ? "" : " yet, the vault goes on",
                          STR_ARG(o.error));
}
