// SPDX-License-Identifier: ISC
// targets/:name/rotate, targets/:name/recovery and recovery-key: the credential that a rotator
// itself uses, replaced, and the copies of it that operators can open without the vault.
#include "api/routes/rotation_routes.h"
#include "vault/crypto/random.h"
#include "vault/rotation/manage/own.h"
#include "vault/seal/share.h"
#include "vault/seal/split.h"

enum { POLL_US = CLOCK_SECOND / 20 };

// ---- rotate

static void put_own(struct json_writer *w, const struct own *o)
{
    json_begin_object(w);
    json_add_string(w, "state", own_shown_state(o));
    json_add_time(w, "created_at", o->created_us);
    json_add_string_or_null(w, "error_class", o->error_class);
    json_add_string_or_null(w, "error", o->error);
    json_end_object(w);
}

struct status rotation_put_own(struct operation *op, const struct target *t, struct json_writer *w)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct own o;
    TRY(own_list(op, t, &rows));
    if (rows.count == 0) {
        json_add_null(w, "rotation");
        return OK_STATUS;
    }
    TRY(own_read(op->worker->vault->keyring, &rows, 0, 0, &o));
    json_put_key(w, "rotation");
    put_own(w, &o);
    return OK_STATUS;
}

static struct status begin(struct operation *op, const struct target *t, struct http_response *res,
                           struct uuid *out)
{
    struct recovery_key_found key CLEANUP(recovery_key_found_done) = {0};
    struct rotation *r;
    struct str message = STR("");
    TRY(rotation_engine(&r));
    TRY(recovery_key_find(op, &key));
    const struct rotunda_rotator *rotator = rotation_rotator(r, t->rotator);
    if (rotator == NULL || rotator->kind != ROTUNDA_K1 || rotator->probe == NULL) {
        FAIL(INVALID, "the rotator of this target can't change what it logs in with itself");
    }
    if (!key.exists) {
        FAIL(CONFLICT, "make a recovery key first (recovery-key): without a copy that is sealed to "
                       "it the target isn't touched");
    }
    struct status s = own_refuse_twins(op, t, &message);
    if (status_ok(s)) {
        s = own_begin(op, t, &key.key, out, &message);
    }
    return !status_ok(s) && message.len > 0
               ? answer_explain(res, s, op->arena, "%.*s", STR_ARG(message))
               : s;
}

// The newest change, as it stands when it is over, in trouble, or the time is up.
static struct status wait_for(struct operation *op, const struct target *t, struct uuid id,
                              int64_t until_us, struct store_rows *rows, struct own *out)
{
    for (;;) {
        store_rows_done(rows);
        *rows = (struct store_rows){0};
        TRY(own_list(op, t, rows));
        bool found = false;
        for (int row = 0; row < rows->count && !found; row++) {
            TRY(own_read(op->worker->vault->keyring, rows, row, 0, out));
            found = uuid_equal(out->id, id);
        }
        if (!found) {
            FAIL(CONFLICT, "the change was given up meanwhile");
        }
        bool over = out->state == OWN_PROMOTED || out->state == OWN_ABANDONED;
        if (over || out->error_class.len > 0 || clock_monotonic_us() + POLL_US > until_us) {
            return OK_STATUS;
        }
        fiber_sleep_until(clock_monotonic_us() + POLL_US);
    }
}

struct status rotation_replace_own(const struct rotation_body *b, const struct target *t,
                                   int64_t until_us, struct store_rows *rows, struct own *out)
{
    struct secret *secret CLEANUP(secret_cleanup) = NULL;
    struct uuid id;
    TRY(target_open(b->op->worker->vault->keyring, t, &secret));
    if (secret_len(secret) == 0) {
        FAIL(INVALID, "the rotator logs in with a certificate: there is no password to rotate");
    }
    TRY(begin(b->op, t, b->res, &id));
    return wait_for(b->op, t, id, until_us, rows, out);
}

struct status rotation_rotate_target(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    static const char *const fields[] = {"timeout", NULL};
    const struct rotation_body body = {op, res};
    struct target_found found CLEANUP(target_found_done) = {0};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct own o;
    int64_t until_us;
    TRY(rotation_enter_target(op, req, res, POLICY_OP_UPDATE, &found));
    TRY(rotation_body_fields(&body, fields));
    TRY(rotation_read_wait(&body, &until_us));
    TRY(rotation_replace_own(&body, &found.target, until_us, &rows, &o));
    struct json_writer w = answer_begin(op, res);
    put_own(&w, &o);
    return answer_end(&w);
}

// ---- recovery copies

static void put_copy(struct json_writer *w, const struct own *o)
{
    json_begin_object(w);
    json_add_string(w, "state", own_state_name(o->state));
    json_add_time(w, "created_at", o->created_us);
    json_add_string(w, "username", o->principal);
    json_put_key(w, "public_key");
    json_put_base64(w, o->recovery_public);
    json_put_key(w, "wrapped_private_key");
    json_put_base64(w, o->recovery_wrapped);
    json_put_key(w, "sealed");
    json_put_base64(w, o->recovery_copy);
    json_end_object(w);
}

// Nothing in it can be read without the operators' shares.
struct status rotation_read_recovery(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    struct target_found found CLEANUP(target_found_done) = {0};
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(rotation_enter_target(op, req, res, POLICY_OP_READ, &found));
    TRY(own_list(op, &found.target, &rows));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_string(&w, "target", found.target.name);
    json_put_key(&w, "copies");
    json_begin_array(&w);
    for (int row = 0; row < rows.count; row++) {
        struct own o;
        TRY(own_read(op->worker->vault->keyring, &rows, row, 0, &o));
        put_copy(&w, &o);
    }
    json_end_array(&w);
    json_end_object(&w);
    return answer_end(&w);
}

// ---- the recovery key

struct status rotation_read_recovery_key(struct operation *op, struct http_request *req,
                                         struct http_response *res)
{
    (void)req;
    struct recovery_key_found found CLEANUP(recovery_key_found_done) = {0};
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(recovery_key_find(op, &found));
    if (!found.exists) {
        FAIL(NOT_FOUND, "");
    }
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_put_key(&w, "public_key");
    json_put_base64(&w, found.key.public_key);
    json_add_time(&w, "created_at", found.key.created_us);
    json_end_object(&w);
    return answer_end(&w);
}

struct key_form {
    int64_t shares;
    int64_t threshold;
    bool replace;
};

static struct status read_form(const struct rotation_body *b, struct key_form *out)
{
    static const char *const fields[] = {"shares", "threshold", "replace", NULL};
    *out = (struct key_form){.shares = 1, .threshold = 1};
    TRY(rotation_body_fields(b, fields));
    TRY(rotation_body_int(b, "shares", &out->shares));
    TRY(rotation_body_int(b, "threshold", &out->threshold));
    struct json_value replace = json_get(b->op->body, "replace");
    if (json_present(replace) && !status_ok(json_as_bool(replace, &out->replace))) {
        return rotation_refuse_field(b, "replace", "expected true or false");
    }
    if (out->shares < 1 || out->shares > SEAL_SHARES_MAX) {
        return rotation_refuse_field(b, "shares", "expected 1 to 255");
    }
    if (out->threshold > out->shares || out->threshold < (out->shares > 1 ? 2 : 1)) {
        return rotation_refuse_field(b, "threshold",
                                     "expected 2 to the number of shares, 1 for a single one");
    }
    return OK_STATUS;
}

static struct status put_shares(struct json_writer *w, struct bytes split, int64_t count)
{
    uint8_t set_id[SEAL_SET_ID_BYTES];
    random_fill(set_id, sizeof set_id);
    json_put_key(w, "recovery_shares");
    json_begin_array(w);
    for (int64_t i = 0; i < count; i++) {
        struct secret *share CLEANUP(secret_cleanup) = NULL;
        struct secret *text CLEANUP(secret_cleanup) = NULL;
        struct bytes one = {split.ptr + i * SEAL_KEY_BYTES, SEAL_KEY_BYTES};
        TRY(share_encode(set_id, (int)i + 1, one, &share));
        TRY(share_to_hex(share, &text));
        json_put_string(w, str_from_bytes(secret_view(text)));
    }
    json_end_array(w);
    return OK_STATUS;
}

struct status rotation_make_recovery_key(struct operation *op, struct http_request *req,
                                         struct http_response *res)
{
    (void)req;
    const struct rotation_body body = {op, res};
    struct recovery_key_found found CLEANUP(recovery_key_found_done) = {0};
    struct secret *secret CLEANUP(secret_cleanup) = NULL;
    struct secret *split CLEANUP(secret_cleanup) = NULL;
    struct key_form form;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    TRY(read_form(&body, &form));
    TRY(recovery_key_find(op, &found));
    if (found.exists && !form.replace) {
        FAIL(CONFLICT, "there is a recovery key already: replace=true makes another one, and what "
                       "was sealed before still takes the old shares");
    }
    TRY(secret_random(SEAL_KEY_BYTES, &secret));
    TRY(split_key(secret, (int)form.shares, (int)form.threshold, &split));
    TRY(recovery_key_make(op, &found, secret));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    TRY(put_shares(&w, secret_view(split), form.shares));
    json_add_int(&w, "threshold", form.threshold);
    json_end_object(&w);
    return answer_end(&w);
}
