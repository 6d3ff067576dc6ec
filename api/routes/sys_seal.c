// SPDX-License-Identifier: ISC
// sys/init, seal-status, unseal, seal, health, leader. Answers are flat JSON, without an envelope.
#include "api/routes/answer.h"
#include "api/routes/route_tables.h"
#include "vault/core/alarm.h"
#include "vault/core/crew.h"
#include "vault/core/sealing.h"
#include "vault/seal/share.h"

static struct vault *vault_of(const struct operation *op)
{
    return op->worker->vault;
}

// ---- blocking calls, on offload threads

struct seal_job {
    struct sealing *sealing;
    struct sealing_status status;
    struct sealing_init_request init;
    struct sealing_init_result result;
    struct str share;
    bool open;
};

static struct status job_status(void *arg)
{
    struct seal_job *job = arg;
    return sealing_status(job->sealing, &job->status);
}

static struct status job_initialise(void *arg)
{
    struct seal_job *job = arg;
    return sealing_initialise(job->sealing, &job->init, &job->result);
}

static struct status job_add_share(void *arg)
{
    struct seal_job *job = arg;
    return sealing_add_share(job->sealing, job->share, &job->open);
}

static struct status job_open_static(void *arg)
{
    struct seal_job *job = arg;
    return sealing_open_static(job->sealing);
}

static struct status offload(const struct operation *op, struct status (*work)(void *),
                             struct seal_job *job)
{
    job->sealing = vault_of(op)->sealing;
    return offload_run(vault_of(op)->offload, work, job);
}

// ---- seal-status

static void put_seal_status(struct json_writer *w, const struct vault *v,
                            const struct sealing_status *s)
{
    char nonce[UUID_TEXT_BYTES] = "";
    if (!uuid_is_nil(s->progress.nonce)) {
        uuid_format(s->progress.nonce, nonce);
    }
    json_begin_object(w);
    json_add_string(w, "type", str_from_c(s->type));
    json_add_bool(w, "initialized", s->state >= VAULT_SEALED);
    json_add_bool(w, "sealed", s->state != VAULT_UNSEALED);
    json_add_int(w, "t", s->progress.threshold);
    json_add_int(w, "n", s->progress.shares);
    json_add_int(w, "progress", s->progress.given);
    json_add_string(w, "nonce", str_from_c(nonce));
    json_add_string(w, "version", v->version);
    json_add_bool(w, "migration", false);
    json_add_bool(w, "recovery_seal", s->recovery_seal);
    json_add_string(w, "storage_type", STR("postgresql"));
    if (s->state == VAULT_UNSEALED) {
        char cluster[UUID_TEXT_BYTES];
        uuid_format(s->cluster_id, cluster);
        json_add_string(w, "cluster_name", STR("rotunda"));
        json_add_string(w, "cluster_id", str_from_c(cluster));
    }
    json_end_object(w);
}

static struct status answer_seal_status(struct operation *op, struct http_response *res)
{
    struct seal_job job = {0};
    TRY(offload(op, job_status, &job));
    buffer_clear(&res->body);
    struct json_writer w = json_writer_on(&res->body);
    put_seal_status(&w, vault_of(op), &job.status);
    return json_writer_status(&w);
}

static struct status get_seal_status(struct operation *op, struct http_request *req,
                                     struct http_response *res)
{
    (void)req;
    return answer_seal_status(op, res);
}

// ---- init

static struct status get_init(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    (void)req;
    struct seal_job job = {0};
    TRY(offload(op, job_status, &job));
    return answer_flat(res, job.status.state >= VAULT_SEALED ? STR("{\"initialized\":true}")
                                                             : STR("{\"initialized\":false}"));
}

static struct status read_count(const struct operation *op, struct http_response *res,
                                const char *name, int *out)
{
    struct json_value v = json_get(op->body, name);
    int64_t count;
    if (!json_present(v)) {
        return OK_STATUS;
    }
    if (!status_ok(json_as_int(v, &count)) || count < 0 || count > SEAL_SHARES_MAX) {
        return answer_explain(res, MAKE_STATUS(INVALID, "wrong number of shares"), op->arena,
                              "%s must be a number from 1 to %d", name, SEAL_SHARES_MAX);
    }
    *out = (int)count;
    return OK_STATUS;
}

static struct status add_shares(struct json_writer *w, const char *key,
                                const struct seal_shares *shares, bool base64)
{
    json_put_key(w, key);
    json_begin_array(w);
    for (size_t i = 0; i < shares->count; i++) {
        struct secret *text CLEANUP(secret_cleanup) = NULL;
        TRY(base64 ? share_to_base64(shares->share[i], &text)
                   : share_to_hex(shares->share[i], &text));
        json_put_string(w, str_from_bytes(secret_view(text)));
    }
    json_end_array(w);
    return OK_STATUS;
}

static struct status write_init(struct http_response *res, const struct sealing_init_result *r)
{
    static const struct seal_shares none = {0};
    buffer_clear(&res->body);
    struct json_writer w = json_writer_on(&res->body);
    json_begin_object(&w);
    TRY(add_shares(&w, "keys", r->recovery ? &none : &r->shares, false));
    TRY(add_shares(&w, "keys_base64", r->recovery ? &none : &r->shares, true));
    if (r->recovery) {
        TRY(add_shares(&w, "recovery_keys", &r->shares, false));
        TRY(add_shares(&w, "recovery_keys_base64", &r->shares, true));
    }
    json_add_string(&w, "root_token", str_from_bytes(secret_view(r->root_token)));
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status init_and_answer(struct operation *op, struct http_response *res,
                                     struct seal_job *job)
{
    TRY(offload(op, job_initialise, job));
    TRY(write_init(res, &job->result));
    if (job->result.recovery) {
        TRY(offload(op, job_open_static, job));
        return crew_unseal(vault_of(op));
    }
    return OK_STATUS;
}

static struct status put_init(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    (void)req;
    struct seal_job job = {.init = {.shares = 5, .threshold = 3}};
    TRY(read_count(op, res, "secret_shares", &job.init.shares));
    TRY(read_count(op, res, "secret_threshold", &job.init.threshold));
    TRY(read_count(op, res, "recovery_shares", &job.init.shares));
    TRY(read_count(op, res, "recovery_threshold", &job.init.threshold));
    struct status s = init_and_answer(op, res, &job);
    sealing_init_result_done(&job.result);
    if (s.code == STATUS_CONFLICT || s.code == STATUS_INVALID) {
        // Clients know this as a bad request.
        return answer_explain(res, MAKE_STATUS(INVALID, "init refused"), op->arena, "%s",
                              s.code == STATUS_CONFLICT ? "Vault is already initialized" : s.what);
    }
    return s;
}

// ---- unseal and seal

static struct status put_unseal(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    (void)req;
    bool reset = false;
    if (json_present(json_get(op->body, "reset"))) {
        TRY(json_as_bool(json_get(op->body, "reset"), &reset));
    }
    if (reset) {
        sealing_reset(vault_of(op)->sealing);
        return answer_seal_status(op, res);
    }
    struct seal_job job = {0};
    if (!status_ok(json_as_str(json_get(op->body, "key"), &job.share)) || job.share.len == 0) {
        FAIL(INVALID, "'key' must be given, or 'reset' be true");
    }
    struct status added = offload(op, job_add_share, &job);
    if (added.code == STATUS_CONFLICT || added.code == STATUS_INVALID) {
        return answer_explain(res, MAKE_STATUS(INVALID, "share refused"), op->arena, "%s",
                              added.what);
    }
    TRY(added);
    if (job.open) {
        TRY(crew_unseal(vault_of(op)));
    }
    return answer_seal_status(op, res);
}

static struct status put_seal(struct operation *op, struct http_request *req,
                              struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_UPDATE));
    TRY(operation_require_sudo(op));
    op->seal_after = true;
    return answer_empty(res);
}

// ---- health and leader

// A query parameter such as ?sealedcode=200 replaces the status code.
static struct status pick_code(const struct http_request *req, const char *name, int usual,
                               int *out)
{
    struct str asked = route_query(req, name);
    int64_t code = usual;
    if (asked.len > 0 && (!status_ok(str_parse_int(asked, &code)) || code < 100 || code > 599)) {
        FAIL(INVALID, "a status code must be a number from 100 to 599");
    }
    *out = (int)code;
    return OK_STATUS;
}

static struct status health_code(const struct http_request *req, enum vault_state state, int *out)
{
    if (state == VAULT_UNSEALED) {
        return pick_code(req, "activecode", 200, out);
    }
    return state == VAULT_SEALED ? pick_code(req, "sealedcode", 503, out)
                                 : pick_code(req, "uninitcode", 501, out);
}

// For anybody to see, so no more than their names.
static void put_alarms(struct json_writer *w, const struct vault *v)
{
    bool raised[ALARM_COUNT];
    alarms_read(v, raised);
    json_put_key(w, "alarms");
    json_begin_array(w);
    for (size_t i = 0; i < ALARM_COUNT; i++) {
        if (raised[i]) {
            json_put_string(w, str_from_c(alarm_name((enum alarm)i)));
        }
    }
    json_end_array(w);
}

static void put_health(struct json_writer *w, const struct vault *v, const struct sealing_status *s)
{
    json_begin_object(w);
    json_add_bool(w, "initialized", s->state >= VAULT_SEALED);
    json_add_bool(w, "sealed", s->state != VAULT_UNSEALED);
    json_add_bool(w, "standby", false);
    json_add_bool(w, "performance_standby", false);
    json_add_string(w, "replication_performance_mode", STR("disabled"));
    json_add_string(w, "replication_dr_mode", STR("disabled"));
    json_add_int(w, "server_time_utc", clock_wall_us() / CLOCK_SECOND);
    json_add_string(w, "version", v->version);
    put_alarms(w, v);
    if (s->state == VAULT_UNSEALED) {
        char cluster[UUID_TEXT_BYTES];
        uuid_format(s->cluster_id, cluster);
        json_add_string(w, "cluster_name", STR("rotunda"));
        json_add_string(w, "cluster_id", str_from_c(cluster));
    }
    json_end_object(w);
}

static struct status get_health(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    struct seal_job job = {.status = {.state = vault_state(vault_of(op))}};
    job.status.cluster_id = vault_of(op)->cluster_id;
    if (job.status.state < VAULT_SEALED) {
        TRY(offload(op, job_status, &job));
    }
    int code;
    TRY(health_code(req, job.status.state, &code));
    buffer_clear(&res->body);
    struct json_writer w = json_writer_on(&res->body);
    put_health(&w, vault_of(op), &job.status);
    res->status = code;
    return json_writer_status(&w);
}

static struct status get_leader(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    (void)req;
    if (vault_state(vault_of(op)) != VAULT_UNSEALED) {
        FAIL(SEALED, "Vault is sealed");
    }
    // Every node is active: whoever is asked is the one to talk to.
    return answer_flat(res, STR("{\"ha_enabled\":true,\"is_self\":true,\"leader_address\":\"\","
                                "\"leader_cluster_address\":\"\",\"performance_standby\":false,"
                                "\"performance_standby_last_remote_wal\":0}"));
}

enum { OPEN = ROUTE_NO_TOKEN | ROUTE_SEALED_TOO };

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "seal-status", get_seal_status, OPEN},
    {HTTP_ALLOW(GET), "init", get_init, OPEN},
    {HTTP_ALLOW(POST), "init", put_init, OPEN},
    {HTTP_ALLOW(POST), "unseal", put_unseal, OPEN},
    {HTTP_ALLOW(GET), "health", get_health, OPEN},
    {HTTP_ALLOW(GET), "leader", get_leader, OPEN},
    {HTTP_ALLOW(POST), "seal", put_seal, ROUTE_PLAIN},
};

const struct route_table sys_seal_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
