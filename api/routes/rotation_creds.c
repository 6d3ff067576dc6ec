// SPDX-License-Identifier: ISC
// creds/:name: the value that is served.
#include "api/routes/rotation_routes.h"
#include "vault/rotation/creds.h"

static struct status read_version(const struct rotation_body *b, struct http_request *req,
                                  bool *out_previous)
{
    struct str version = route_query(req, "version");
    *out_previous = str_equal_c(version, "previous");
    if (version.len > 0 && !*out_previous && !str_equal_c(version, "current")) {
        return rotation_refuse_field(b, "version", "expected current or previous");
    }
    return OK_STATUS;
}

static int64_t seconds_until(int64_t then_us, int64_t now_us)
{
    return then_us <= now_us || then_us == CLOCK_NEVER ? 0 : (then_us - now_us) / CLOCK_SECOND;
}

static struct status answer_creds(struct operation *op, struct http_response *res,
                                  const struct creds *creds)
{
    const struct credential *c = &creds->credential;
    bool served =
        credential_overlaps(c) && c->previous_version != 0 && c->previous_until_us > creds->now_us;
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_string(&w, "username", creds->version.account);
    json_add_string(&w, "password", creds->value);
    if (creds->version.external_id.len > 0) {
        json_add_string(&w, "external_id", creds->version.external_id);
    }
    if (creds->version.public_part.len > 0) {
        json_add_string(&w, "public_part", str_from_bytes(creds->version.public_part));
    }
    json_add_int(&w, "version", creds->version.number);
    rotation_put_time(&w, "last_rotation", c->last_rotated_us);
    rotation_put_time(&w, "next_rotation", c->next_rotation_us);
    json_add_int(&w, "ttl", seconds_until(c->next_rotation_us, creds->now_us));
    rotation_put_time(&w, "valid_until", creds->version.valid_until_us);
    rotation_put_time(&w, "previous_valid_until", served ? c->previous_until_us : 0);
    json_end_object(&w);
    return answer_end(&w);
}

struct status rotation_read_creds(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct creds_load load CLEANUP(creds_load_done) = {0};
    struct creds creds;
    bool previous;
    TRY(read_version(&body, req, &previous));
    creds_submit(op, route_param(req, "name"), previous, &load);
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(creds_wait(op, &load, &creds));
    if (previous) {
        TRY(creds_note_read(op, &creds));
    }
    return answer_creds(op, res, &creds);
}
