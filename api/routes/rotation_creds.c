// SPDX-License-Identifier: ISC
// creds/:name: the value that is served, at once or when it is another than the client has.
#include "api/routes/rotation_routes.h"
#include "vault/rotation/feed.h"
#include "vault/rotation/readers.h"

enum { WAIT_MAX_S = 60, ANSWER_US = CLOCK_SECOND };

// What a request asks for.
struct wanted {
    bool previous;
    bool waits;
    int64_t version; // the one that the client has: another one is waited for
    int64_t until_us;
};

static struct status read_number(const struct rotation_body *b, struct str text, struct wanted *out)
{
    if (!status_ok(str_parse_int(text, &out->version)) || out->version < 0) {
        return rotation_refuse_field(b, "version",
                                     "expected current, previous, or with wait the number of the "
                                     "version that you have");
    }
    return OK_STATUS;
}

// From when the request came, so that it waits no longer when it is run again.
static struct status read_wait(const struct rotation_body *b, const struct http_request *req,
                               struct wanted *out)
{
    int64_t wait_s;
    if (!status_ok(str_parse_duration_s(route_query(req, "wait"), &wait_s)) ||
        wait_s > WAIT_MAX_S) {
        return rotation_refuse_field(b, "wait", "expected a duration of at most 60s, like 30s");
    }
    int64_t until_us = req->received_us + wait_s * CLOCK_SECOND;
    int64_t latest_us = b->op->deadline_us - ANSWER_US;
    out->until_us = until_us < latest_us ? until_us : latest_us;
    return OK_STATUS;
}

static struct status read_wanted(const struct rotation_body *b, const struct http_request *req,
                                 struct wanted *out)
{
    struct str version = route_query(req, "version");
    bool named = version.len == 0 || str_equal_c(version, "current");
    *out = (struct wanted){.previous = str_equal_c(version, "previous"),
                           .waits = route_query(req, "wait").len > 0};
    if (!out->waits) {
        return named || out->previous
                   ? OK_STATUS
                   : rotation_refuse_field(b, "version",
                                           "expected current or previous; a number "
                                           "goes with wait");
    }
    if (named || out->previous) {
        return rotation_refuse_field(b, "version",
                                     "wait takes the number of the version that you "
                                     "have: another one is waited for");
    }
    TRY(read_number(b, version, out));
    return read_wait(b, req, out);
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

// ---- waiting for another version

static void client_has_gone(void *ctx)
{
    struct feed_waiter *waiter = ctx;
    fiber_signal(&waiter->woken);
}

static struct status wait_on(struct operation *op, struct http_request *req,
                             const struct wanted *wanted, struct uuid credential)
{
    struct feed_waiter waiter CLEANUP(feed_leave) = {
        .kind = FEED_VERSION, .subject = credential, .version = wanted->version};
    TRY(feed_join(op->worker, &waiter));
    req->on_abandon_ctx = &waiter;
    req->on_abandon = client_has_gone;
    struct status s = req->abandoned ? OK_STATUS : feed_wait(&waiter, wanted->until_us);
    req->on_abandon = NULL;
    if (req->abandoned) {
        FAIL(UNAVAILABLE, "the client has gone");
    }
    return s.code == STATUS_TIMEOUT ? OK_STATUS : s;
}

// Ends with a load that was made with the caller's rights as they are then. No value is opened, and
// no rows are held, while it waits.
static struct status wait_for_version(struct operation *op, struct http_request *req,
                                      const struct wanted *wanted, struct creds_load *load)
{
    struct credential c;
    TRY(creds_look(op, load, &c));
    while (c.current_version == wanted->version && clock_monotonic_us() < wanted->until_us) {
        creds_load_done(load);
        TRY(wait_on(op, req, wanted, c.id));
        TRY(creds_again(op, load));
        TRY(creds_look(op, load, &c));
    }
    return OK_STATUS;
}

struct status rotation_explain_creds(const struct operation *op, struct http_response *res,
                                     const struct creds_load *load, struct status s)
{
    char since[CLOCK_TEXT_BYTES];
    if (status_ok(s) || !load->rests) {
        return s;
    }
    clock_format(load->paused_us, since);
    return answer_explain(res, s, op->arena,
                          "no value of this credential works: it is paused since %s, and no other "
                          "one is made until it is resumed (rotunda rotation resume, or POST "
                          "credentials/:name/resume) or rotated by hand",
                          since);
}

struct status rotation_read_creds(struct operation *op, struct http_request *req,
                                  struct http_response *res)
{
    const struct rotation_body body = {op, res};
    struct creds_load load CLEANUP(creds_load_done) = {0};
    struct wanted wanted;
    struct creds creds;
    TRY(read_wanted(&body, req, &wanted));
    creds_submit(op, route_param(req, "name"), wanted.previous, &load);
    TRY(operation_enter(op, POLICY_OP_READ));
    if (wanted.waits) {
        TRY(wait_for_version(op, req, &wanted, &load));
    }
    TRY(rotation_explain_creds(op, res, &load, creds_wait(op, &load, &creds)));
    TRY(readers_note(op, wanted.previous, &creds));
    return answer_creds(op, res, &creds);
}
