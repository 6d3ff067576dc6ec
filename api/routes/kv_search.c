// SPDX-License-Identifier: ISC
// Finding secrets: search. A secret that the caller may not read isn't found.
#include "vault/secrets/kv/kv_search.h"

#include <string.h>

#include "api/routes/kv_routes.h"

enum {
    SEARCH_DEFAULT = 100,
    SEARCH_MAX = 10000,
    SEARCH_CHUNK = 500, // looked at together
};

struct search {
    struct kv_query query;
    int64_t wanted;
    int64_t found;
    struct kv_head *heads; // room for SEARCH_CHUNK
    char after[LIMIT_PATH_BYTES];
    struct buffer info; // the members of key_info; secrets' names, not their values
    struct json_writer info_writer;
};

static void search_done(struct search *s)
{
    buffer_done(&s->info);
}

static struct status read_limit(const struct operation *op, struct http_response *res,
                                struct str text, int64_t *out)
{
    int64_t limit = SEARCH_DEFAULT;
    if (text.len > 0 &&
        (!status_ok(str_parse_int(text, &limit)) || limit < 1 || limit > SEARCH_MAX)) {
        return answer_explain(res, MAKE_STATUS(INVALID, "limit"), op->arena,
                              "limit must be between 1 and %d", SEARCH_MAX);
    }
    *out = limit;
    return OK_STATUS;
}

static struct status read_query(const struct operation *op, const struct http_request *req,
                                struct http_response *res, struct search *s)
{
    struct str before = route_query(req, "expires_before");
    s->query = (struct kv_query){
        .prefix = route_query(req, "prefix"),
        .owner = route_query(req, "owner"),
        .key = route_query(req, "key"),
        .after = route_query(req, "after"),
        .expires_before_us = CLOCK_NEVER,
        .limit = SEARCH_CHUNK,
    };
    if (before.len > 0 && !status_ok(clock_parse(before, &s->query.expires_before_us))) {
        FAIL(INVALID, "expires_before must be a time such as 2027-01-31T12:00:00Z (RFC 3339)");
    }
    return read_limit(op, res, route_query(req, "limit"), &s->wanted);
}

static bool may_read(const struct operation *op, struct str path)
{
    static const struct str data = {"data/", 5};
    char whole[LIMIT_MOUNT_PATH_BYTES + 8 + LIMIT_PATH_BYTES];
    struct str mount = op->mount->path;
    size_t len = mount.len + data.len + path.len;
    if (len > sizeof whole) {
        return false;
    }
    memcpy(whole, mount.ptr, mount.len);
    memcpy(whole + mount.len, data.ptr, data.len);
    memcpy(whole + mount.len + data.len, path.ptr, path.len);
    return operation_may(op, POLICY_OP_READ, (struct str){whole, len});
}

static void put_found(struct search *s, const struct kv_head *head)
{
    struct json_writer *w = &s->info_writer;
    json_put_key_str(w, head->path);
    json_begin_object(w);
    json_add_int(w, "current_version", head->current_version);
    json_add_string(w, "description", head->description);
    if (head->expires_us == CLOCK_NEVER) {
        json_add_string(w, "expires_at", STR(""));
    } else {
        json_add_time(w, "expires_at", head->expires_us);
    }
    json_add_string(w, "owner", head->owner);
    json_add_time(w, "updated_time", head->updated_us);
    json_end_object(w);
    s->found++;
}

// The next chunk; `*out_more` is false when there is nothing beyond it or enough was found.
static struct status search_chunk(struct operation *op, struct json_writer *keys, struct search *s,
                                  bool *out_more)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    TRY(kv_search(op, &s->query, s->heads, &rows));
    for (int i = 0; i < rows.count && s->found < s->wanted; i++) {
        if (may_read(op, s->heads[i].path)) {
            json_put_string(keys, s->heads[i].path);
            put_found(s, &s->heads[i]);
        }
    }
    *out_more = rows.count == SEARCH_CHUNK && s->found < s->wanted;
    if (*out_more) {
        struct str last = s->heads[rows.count - 1].path;
        REQUIRE(last.len <= sizeof s->after);
        memcpy(s->after, last.ptr, last.len);
        s->query.after = (struct str){s->after, last.len};
    }
    return OK_STATUS;
}

static struct status search_all(struct operation *op, struct json_writer *keys, struct search *s)
{
    bool more = true;
    while (more) {
        if (fiber_current() != NULL && clock_monotonic_us() > op->deadline_us) {
            FAIL(TIMEOUT, "the search takes too long: narrow it, with prefix or owner");
        }
        TRY(search_chunk(op, keys, s, &more));
    }
    return OK_STATUS;
}

struct status kv_search_secrets(struct operation *op, struct http_request *req,
                                struct http_response *res)
{
    struct search *s = ARENA_NEW(op->arena, struct search);
    struct kv_head *heads = ARENA_ARRAY(op->arena, struct kv_head, SEARCH_CHUNK);
    if (s == NULL || heads == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    s->heads = heads;
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(read_query(op, req, res, s));
    buffer_init(&s->info, LIMIT_RESPONSE_BYTES);
    s->info_writer = json_writer_on(&s->info);
    json_begin_object(&s->info_writer);
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_put_key(&w, "keys");
    json_begin_array(&w);
    struct status outcome = search_all(op, &w, s);
    json_end_array(&w);
    json_end_object(&s->info_writer);
    json_add_raw(&w, "key_info", buffer_str(&s->info));
    json_end_object(&w);
    struct status written = json_writer_status(&s->info_writer);
    search_done(s);
    TRY(outcome);
    TRY(written);
    return answer_end(&w);
}
