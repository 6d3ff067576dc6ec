// SPDX-License-Identifier: ISC
// notifiers/:name: who is told what happens to credentials. What a notifier proves itself with goes
// in and never comes out, but for a signing key that was made here: that is shown once.
#include "api/routes/rotation_routes.h"
#include "vault/notify/rules.h"
#include "vault/notify/signing_keys.h"
#include "vault/rotation/name.h"

enum { PORT_MAX = 65535, PORT_STARTTLS = 587, PORT_IMPLICIT = 465, PORT_PLAIN = 25 };
// How long the signing key before another one signs beside it.
enum { OVERLAP_S = 24 * 3600, OVERLAP_MAX_S = 30 * 24 * 3600 };

struct status rotation_list_notifiers(struct operation *op, struct http_request *req,
                                      struct http_response *res)
{
    (void)req;
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(operation_enter(op, POLICY_OP_LIST));
    TRY(notifier_list(op, &rows));
    return rotation_answer_names(op, res, &rows);
}

// ---- reading

struct status rotation_enter_notifier(struct operation *op, struct http_request *req,
                                      struct http_response *res, enum policy_operation operation,
                                      struct notifier_found *out)
{
    struct str name;
    TRY(operation_enter(op, operation));
    TRY(rotation_name(op, req, res, &name));
    TRY(notifier_find(op, name, out));
    if (!out->exists) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

static void put_mail(struct json_writer *w, const struct notifier *n)
{
    json_add_string(w, "host", n->host);
    json_add_int(w, "port", n->port);
    json_add_string(w, "tls", n->tls);
    json_add_string(w, "username", n->username);
    json_add_string(w, "from", n->sender);
    json_add_string(w, "to", n->recipient);
}

// Until when the key before this one signs too; 0: it doesn't.
static struct status find_old_key(const struct operation *op, const struct notifier *n,
                                  int64_t *out_until_us)
{
    struct secret *packed CLEANUP(secret_cleanup) = NULL;
    struct signing_keys keys;
    *out_until_us = 0;
    if (!notifier_is_webhook(n)) {
        return OK_STATUS;
    }
    TRY(notifier_open(op->worker->vault->keyring, n, &packed));
    TRY(signing_keys_unpack(packed, &keys));
    *out_until_us = keys.old_until_us > op->snapshot.now_us ? keys.old_until_us : 0;
    return OK_STATUS;
}

struct status rotation_read_notifier(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    struct notifier_found found CLEANUP(notifier_found_done) = {0};
    int64_t old_until_us;
    TRY(rotation_enter_notifier(op, req, res, POLICY_OP_READ, &found));
    const struct notifier *n = &found.notifier;
    TRY(find_old_key(op, n, &old_until_us));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_string(&w, "name", n->name);
    json_add_string(&w, "type", n->type);
    if (notifier_is_webhook(n)) {
        json_add_string(&w, "url", n->url);
        rotation_put_time(&w, "previous_secret_until", old_until_us);
    } else {
        put_mail(&w, n);
    }
    json_add_string(&w, "ca_file", n->ca_file);
    json_add_strings(&w, "events", n->events, n->event_count);
    json_add_strings(&w, "credentials", n->credentials, n->credential_count);
    json_add_string(&w, "owner", n->owner);
    json_add_bool(&w, "enabled", n->enabled);
    json_add_string_or_null(&w, "disabled_reason", n->disabled_reason);
    json_add_int(&w, "failures", n->failures);
    rotation_put_time(&w, "held_until", n->failures > 0 ? n->hold_until_us : 0);
    json_add_time(&w, "created_at", n->created_us);
    json_add_time(&w, "updated_at", n->updated_us);
    json_end_object(&w);
    return answer_end(&w);
}

struct status rotation_delete_notifier(struct operation *op, struct http_request *req,
                                       struct http_response *res)
{
    struct notifier_found found CLEANUP(notifier_found_done) = {0};
    TRY(rotation_enter_notifier(op, req, res, POLICY_OP_DELETE, &found));
    TRY(notifier_remove(op, &found.notifier));
    return answer_empty(res);
}

// ---- writing: what and whom

static struct status read_type(const struct rotation_body *b, const struct notifier_found *found,
                               struct notifier *n)
{
    struct str type = n->type;
    TRY(rotation_body_text(b, "type", &type));
    if (!str_equal_c(type, "webhook") && !str_equal_c(type, "smtp")) {
        return rotation_refuse_field(b, "type", "required: webhook or smtp");
    }
    if (found->exists && !str_equal(type, n->type)) {
        return rotation_refuse_field(b, "type", "can't be changed: make another notifier");
    }
    n->type = type;
    return OK_STATUS;
}

static struct status read_strings(const struct rotation_body *b, const char *field, size_t max,
                                  const struct str **out, size_t *out_count)
{
    struct json_value v = json_get(b->op->body, field);
    struct json_strings list;
    if (json_is_null(v)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_strings(v, &list))) {
        return rotation_refuse_field(b, field, "expected a list of strings");
    }
    if (list.count > max) {
        return rotation_refuse_field(b, field, "too many");
    }
    *out = list.items;
    *out_count = list.count;
    return OK_STATUS;
}

// All but the reminders of rotations that go by themselves.
static struct status default_events(const struct rotation_body *b, struct notifier *n)
{
    struct str *all = ARENA_ARRAY(b->op->arena, struct str, NOTICE_EVENT_COUNT);
    if (all == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    n->event_count = 0;
    for (unsigned i = 0; i < NOTICE_EVENT_COUNT; i++) {
        if (i != NOTICE_DUE) {
            all[n->event_count++] = notice_event_name((enum notice_event)i);
        }
    }
    n->events = all;
    return OK_STATUS;
}

static struct status read_events(const struct rotation_body *b, struct notifier *n)
{
    TRY(read_strings(b, "events", NOTICE_EVENT_COUNT, &n->events, &n->event_count));
    for (size_t i = 0; i < n->event_count; i++) {
        enum notice_event event;
        if (!status_ok(notice_event_parse(n->events[i], &event))) {
            return rotation_refuse_field(b, "events",
                                         "expected some of rotated, retired, failing, blocked, "
                                         "expiring, expired, due, overdue");
        }
    }
    return n->event_count > 0 ? OK_STATUS : default_events(b, n);
}

static struct status read_filter(const struct rotation_body *b, struct notifier *n)
{
    TRY(read_strings(b, "credentials", NOTIFIER_PATTERNS_MAX, &n->credentials,
                     &n->credential_count));
    for (size_t i = 0; i < n->credential_count; i++) {
        if (!rules_is_pattern(n->credentials[i])) {
            return rotation_refuse_field(b, "credentials",
                                         "expected names, in which * stands for anything");
        }
    }
    TRY(rotation_body_text(b, "owner", &n->owner));
    if (n->owner.len > LIMIT_NAME_BYTES || !str_is_text(n->owner)) {
        return rotation_refuse_field(b, "owner", "expected a text of at most 256 octets");
    }
    return OK_STATUS;
}

static struct status read_enabled(const struct rotation_body *b, struct notifier *n)
{
    struct json_value v = json_get(b->op->body, "enabled");
    if (json_is_null(v)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_bool(v, &n->enabled))) {
        return rotation_refuse_field(b, "enabled", "expected true or false");
    }
    n->disabled_reason = n->enabled ? STR("") : STR("somebody disabled it");
    return OK_STATUS;
}

// ---- writing: where to

static struct status read_ca_file(const struct rotation_body *b, struct notifier *n)
{
    TRY(rotation_body_text(b, "ca_file", &n->ca_file));
    bool fine = n->ca_file.len < SANDBOX_PATH_BYTES && str_is_text(n->ca_file) &&
                (n->ca_file.len == 0 || n->ca_file.ptr[0] == '/');
    return fine ? OK_STATUS
                : rotation_refuse_field(b, "ca_file", "expected an absolute path on the nodes");
}

static struct status read_webhook(const struct rotation_body *b, struct notifier *n)
{
    static const char *const fields[] = {"type",           "url",    "ca_file",     "secret",
                                         "secret_overlap", "events", "credentials", "owner",
                                         "enabled",        NULL};
    TRY(rotation_body_fields(b, fields));
    TRY(rotation_body_text(b, "url", &n->url));
    const char *wrong = rules_check_url(n->url);
    return wrong == NULL ? OK_STATUS : rotation_refuse_field(b, "url", wrong);
}

static struct status read_tls(const struct rotation_body *b, struct notifier *n)
{
    struct str tls = n->tls.len > 0 ? n->tls : STR("starttls");
    TRY(rotation_body_text(b, "tls", &tls));
    bool implicit = str_equal_c(tls, "implicit");
    bool none = str_equal_c(tls, "none");
    if (!implicit && !none && !str_equal_c(tls, "starttls")) {
        return rotation_refuse_field(b, "tls", "expected starttls, implicit or none");
    }
    if (none && !rules_is_loopback_host(n->host)) {
        return rotation_refuse_field(b, "tls", "none is for this machine only");
    }
    n->tls = tls;
    if (n->port == 0) {
        n->port = implicit ? PORT_IMPLICIT : none ? PORT_PLAIN : PORT_STARTTLS;
    }
    return OK_STATUS;
}

static struct status read_server(const struct rotation_body *b, struct notifier *n)
{
    TRY(rotation_body_text(b, "host", &n->host));
    if (!rules_is_host(n->host)) {
        return rotation_refuse_field(b, "host", "required: a host name or address");
    }
    bool given = !json_is_null(json_get(b->op->body, "port"));
    TRY(rotation_body_int(b, "port", &n->port));
    if (n->port < (given || n->row_version > 0 ? 1 : 0) || n->port > PORT_MAX) {
        return rotation_refuse_field(b, "port", "expected 1 to 65535");
    }
    return read_tls(b, n);
}

static struct status read_addresses(const struct rotation_body *b, struct notifier *n)
{
    TRY(rotation_body_text(b, "from", &n->sender));
    if (!rules_is_mail(n->sender)) {
        return rotation_refuse_field(b, "from", "required: a mail address like vault@example.com");
    }
    TRY(rotation_body_text(b, "to", &n->recipient));
    if (n->recipient.len > 0 && !rules_is_mail(n->recipient)) {
        return rotation_refuse_field(b, "to", "expected one mail address; empty: the owner's");
    }
    TRY(rotation_body_text(b, "username", &n->username));
    if (n->username.len > LIMIT_NAME_BYTES || !str_is_text(n->username)) {
        return rotation_refuse_field(b, "username", "expected a text of at most 256 octets");
    }
    return OK_STATUS;
}

static struct status read_smtp(const struct rotation_body *b, struct notifier *n)
{
    static const char *const fields[] = {
        "type", "host",    "port",   "tls",   "username", "password",    "from",
        "to",   "ca_file", "events", "owner", "enabled",  "credentials", NULL};
    TRY(rotation_body_fields(b, fields));
    TRY(read_server(b, n));
    return read_addresses(b, n);
}

// ---- writing: what it proves itself with

static struct status seal(const struct rotation_body *b, struct notifier *n, struct bytes secret,
                          struct buffer *sealed)
{
    return notifier_seal(b->op->worker->vault->keyring, n, secret, sealed);
}

// A signing key that was made here, which is shown once, and until when the one before it signs
// too.
struct shown_key {
    struct str key;
    int64_t old_until_us; // 0: there is none
};

// The key that is stored goes on signing for a while beside the new one; `packed` keeps it. The
// same key given again changes nothing: it may be a repeated request.
static struct status keep_old_key(const struct rotation_body *b, const struct notifier *stored,
                                  const struct secret *key, struct secret **packed,
                                  struct signing_keys *out)
{
    struct signing_keys old;
    int64_t overlap_s = OVERLAP_S;
    TRY(rotation_body_duration(b, "secret_overlap", &overlap_s));
    if (overlap_s < 0 || overlap_s > OVERLAP_MAX_S) {
        return rotation_refuse_field(b, "secret_overlap", "expected 0s to 30d");
    }
    *out = (struct signing_keys){.key = secret_view(key)};
    if (stored->row_version == 0 || overlap_s == 0) {
        return OK_STATUS;
    }
    TRY(notifier_open(b->op->worker->vault->keyring, stored, packed));
    TRY(signing_keys_unpack(*packed, &old));
    if (secret_equal_bytes(key, old.key)) {
        *out = old;
        return OK_STATUS;
    }
    out->old = old.key;
    out->old_until_us = b->op->snapshot.now_us + overlap_s * CLOCK_SECOND;
    return OK_STATUS;
}

static struct status make_key(const struct rotation_body *b, struct str text, struct secret **out,
                              struct shown_key *shown)
{
    if (text.len > 0 && !str_equal_c(text, "generate")) {
        struct status s = signing_key_read(text, out);
        return s.code == STATUS_INVALID
                   ? rotation_refuse_field(
                         b, "secret", "expected whsec_ and 24 to 64 octets in base64, or generate")
                   : s;
    }
    TRY(secret_random(SIGNING_KEY_BYTES, out));
    return signing_key_show(secret_view(*out), b->op->arena, &shown->key);
}

static struct status read_key(const struct rotation_body *b, struct notifier *n,
                              struct buffer *sealed, struct shown_key *shown)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct secret *stored CLEANUP(secret_cleanup) = NULL;
    struct secret *packed CLEANUP(secret_cleanup) = NULL;
    struct str text = STR("");
    TRY(rotation_body_text(b, "secret", &text));
    if (text.len == 0 && n->row_version > 0) {
        bool said = !json_is_null(json_get(b->op->body, "secret_overlap"));
        return said ? rotation_refuse_field(b, "secret_overlap", "only with a new secret")
                    : OK_STATUS;
    }
    TRY(make_key(b, text, &key, shown));
    struct signing_keys keys;
    TRY(keep_old_key(b, n, key, &stored, &keys));
    shown->old_until_us = keys.old_until_us;
    TRY(signing_keys_pack(&keys, &packed));
    return seal(b, n, secret_view(packed), sealed);
}

static bool points_elsewhere(const struct notifier *stored, const struct notifier *n)
{
    return !str_equal(stored->host, n->host) || stored->port != n->port ||
           !str_equal(stored->tls, n->tls) || !str_equal(stored->username, n->username) ||
           !str_equal(stored->ca_file, n->ca_file);
}

// The stored password goes nowhere but where whoever gave it wanted it to go.
static struct status read_password(const struct rotation_body *b, const struct notifier *stored,
                                   struct notifier *n, struct buffer *sealed)
{
    struct str password = STR("");
    TRY(rotation_body_text(b, "password", &password));
    if (password.len > NOTIFIER_PASSWORD_BYTES || !str_is_text(password)) {
        return rotation_refuse_field(b, "password", "expected a text of at most 1024 octets");
    }
    if (n->username.len == 0 && password.len > 0) {
        return rotation_refuse_field(b, "username", "required with a password");
    }
    bool needed = n->row_version == 0 || points_elsewhere(stored, n);
    if (n->username.len > 0 && password.len == 0 && needed) {
        return rotation_refuse_field(b, "password",
                                     "required with a username, and again when it is sent "
                                     "elsewhere");
    }
    return password.len > 0 || needed ? seal(b, n, bytes_from_str(password), sealed) : OK_STATUS;
}

static struct status read_notifier(const struct rotation_body *b,
                                   const struct notifier_found *found, struct notifier *n,
                                   struct buffer *sealed, struct shown_key *shown)
{
    TRY(read_type(b, found, n));
    TRY(notifier_is_webhook(n) ? read_webhook(b, n) : read_smtp(b, n));
    TRY(read_ca_file(b, n));
    TRY(read_events(b, n));
    TRY(read_filter(b, n));
    TRY(read_enabled(b, n));
    return notifier_is_webhook(n) ? read_key(b, n, sealed, shown)
                                  : read_password(b, &found->notifier, n, sealed);
}

static struct status answer_key(struct operation *op, struct http_response *res,
                                const struct shown_key *shown)
{
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_string(&w, "secret", shown->key);
    rotation_put_time(&w, "previous_secret_until", shown->old_until_us);
    json_end_object(&w);
    return answer_end(&w);
}

static struct notifier new_notifier(const struct operation *op, struct str name)
{
    return (struct notifier){.id = uuid_new(),
                             .namespace_id = op->namespace_id,
                             .mount = op->mount->id,
                             .name = name,
                             .enabled = true,
                             .created_us = op->snapshot.now_us};
}

struct status rotation_write_notifier(struct operation *op, struct http_request *req,
                                      struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct notifier_found found CLEANUP(notifier_found_done) = {0};
    struct buffer sealed CLEANUP(buffer_done);
    struct str name;
    struct shown_key shown = {.key = STR("")};
    buffer_init(&sealed, NOTIFIER_SEALED_BYTES);
    TRY(operation_authenticate(op));
    TRY(rotation_name(op, req, res, &name));
    TRY(notifier_find(op, name, &found));
    TRY(operation_authorise(op, found.exists ? POLICY_OP_UPDATE : POLICY_OP_CREATE));
    struct notifier n = found.exists ? found.notifier : new_notifier(op, name);
    n.updated_us = op->snapshot.now_us;
    TRY(read_notifier(&body, &found, &n, &sealed, &shown));
    TRY(notifier_store(op, &n));
    return shown.key.len > 0 ? answer_key(op, res, &shown) : answer_empty(res);
}
