// SPDX-License-Identifier: ISC
#include "vault/host/protocol_internal.h"

#include "vault/crypto/encoding.h"

static void add_checks(struct json_writer *w, const struct protocol_reply *reply)
{
    json_put_key(w, "checks");
    json_begin_array(w);
    for (size_t i = 0; i < reply->check_count; i++) {
        const struct protocol_check *check = &reply->checks[i];
        json_begin_object(w);
        json_add_string(w, "name", check->name);
        json_add_string(w, "state", protocol_name(&protocol_checks, check->state));
        json_add_string(w, "detail", check->detail);
        json_add_string(w, "how_to_grant", check->how_to_grant);
        json_end_object(w);
    }
    json_end_array(w);
}

static void add_externals(struct json_writer *w, const struct protocol_reply *reply)
{
    json_put_key(w, "external");
    json_begin_array(w);
    for (size_t i = 0; i < reply->external_count; i++) {
        const struct protocol_external *external = &reply->externals[i];
        json_begin_object(w);
        json_add_string(w, "external_id", external->external_id);
        json_add_string(w, "attempt", external->attempt);
        json_add_int(w, "created_us", external->created_us);
        json_add_int(w, "last_used_us", external->last_used_us);
        json_add_bool(w, "enabled", external->enabled);
        json_end_object(w);
    }
    json_end_array(w);
}

static void add_values(struct json_writer *w, const struct protocol_reply *reply)
{
    if (reply->issued != NULL || reply->issued_id.len > 0) {
        json_put_key(w, "issued");
        json_begin_object(w);
        json_add_string(w, "external_id", reply->issued_id);
        if (reply->issued != NULL) {
            json_put_key(w, "secret");
            json_put_base64(w, secret_view(reply->issued));
        }
        json_add_int(w, "valid_until_us", reply->issued_valid_until_us);
        json_end_object(w);
    }
    if (reply->generated != NULL && reply->generated_public != NULL) {
        json_put_key(w, "generated");
        json_begin_object(w);
        json_put_key(w, "secret");
        json_put_base64(w, secret_view(reply->generated));
        json_put_key(w, "public");
        json_put_base64(w, secret_view(reply->generated_public));
        json_end_object(w);
    }
}

static void add_lists(struct json_writer *w, const struct protocol_reply *reply)
{
    if (reply->step_count > 0) {
        json_add_strings(w, "steps", reply->steps, reply->step_count);
    }
    if (reply->check_count > 0) {
        add_checks(w, reply);
    }
    if (reply->external_count > 0) {
        add_externals(w, reply);
    }
}

struct status protocol_reply_encode(const struct protocol_reply *reply, struct buffer *out)
{
    CLEANUP(buffer_done) struct buffer line;
    buffer_init(&line, LIMIT_ROTATOR_LINE_BYTES);
    struct json_writer w = json_writer_on(&line);
    json_begin_object(&w);
    json_add_int(&w, "id", reply->id);
    json_add_string(&w, "attempt", reply->attempt);
    json_add_string(&w, "result", protocol_result_name(reply->result));
    json_add_string(&w, "error_class", protocol_error_name(reply->error));
    json_add_string(&w, "message", reply->message);
    json_add_int(&w, "sessions", reply->sessions);
    if (reply->hello.abi != 0) {
        protocol_add_hello(&w, &reply->hello);
    }
    if (reply->retry_after_s > 0) {
        json_add_int(&w, "retry_after_s", reply->retry_after_s);
    }
    if (reply->principal_id.len > 0) {
        json_add_string(&w, "principal_id", reply->principal_id);
    }
    add_lists(&w, reply);
    add_values(&w, reply);
    json_end_object(&w);
    return protocol_finish_line(&w, &line, out);
}

static struct status read_steps(struct json_value list, struct arena *arena,
                                struct protocol_reply *reply)
{
    uint32_t count = json_count(list);
    if (count > PROTOCOL_STEPS_MAX) {
        FAIL(INVALID, "a rotator lists too many steps");
    }
    struct str *items = ARENA_ARRAY(arena, struct str, count + 1);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct json_iter it = json_iterate(list);
    while (json_next(&it)) {
        TRY(json_as_str(it.value, &items[reply->step_count++]));
    }
    reply->steps = items;
    return OK_STATUS;
}

static struct status read_check(struct json_value item, struct protocol_check *out)
{
    size_t state = 0;
    TRY(protocol_read_name(&protocol_checks, json_get(item, "state"), &state));
    out->state = (enum rotunda_check_state)state;
    TRY(json_as_str(json_get(item, "name"), &out->name));
    TRY(protocol_read_text(item, "detail", &out->detail));
    return protocol_read_text(item, "how_to_grant", &out->how_to_grant);
}

static struct status read_checks(struct json_value list, struct arena *arena,
                                 struct protocol_reply *reply)
{
    uint32_t count = json_count(list);
    if (count > PROTOCOL_CHECKS_MAX) {
        FAIL(INVALID, "a rotator lists too many checks");
    }
    struct protocol_check *items = ARENA_ARRAY(arena, struct protocol_check, count + 1);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct json_iter it = json_iterate(list);
    while (json_next(&it)) {
        TRY(read_check(it.value, &items[reply->check_count++]));
    }
    reply->checks = items;
    return OK_STATUS;
}

static struct status read_external(struct json_value item, struct protocol_external *out)
{
    TRY(json_as_str(json_get(item, "external_id"), &out->external_id));
    TRY(protocol_read_text(item, "attempt", &out->attempt));
    TRY(protocol_read_int(item, "created_us", &out->created_us));
    TRY(protocol_read_int(item, "last_used_us", &out->last_used_us));
    return json_as_bool(json_get(item, "enabled"), &out->enabled);
}

static struct status read_externals(struct json_value list, struct arena *arena,
                                    struct protocol_reply *reply)
{
    uint32_t count = json_count(list);
    if (count > PROTOCOL_EXTERNALS_MAX) {
        FAIL(INVALID, "a rotator lists too much");
    }
    struct protocol_external *items = ARENA_ARRAY(arena, struct protocol_external, count + 1);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct json_iter it = json_iterate(list);
    while (json_next(&it)) {
        TRY(read_external(it.value, &items[reply->external_count++]));
    }
    reply->externals = items;
    return OK_STATUS;
}

static struct status read_secret(struct json_value object, const char *key, struct secret **out)
{
    struct str text;
    struct secret *octets CLEANUP(secret_cleanup) = NULL;
    TRY(json_as_str(json_get(object, key), &text));
    TRY(encoding_from_base64(text, &octets));
    if (secret_view(octets).len == 0 || !str_is_text(str_from_bytes(secret_view(octets)))) {
        FAIL(INVALID, "a rotator made a value that is no text"); // it is served as text
    }
    *out = TAKE(octets);
    return OK_STATUS;
}

static struct status read_issued(struct json_value issued, struct protocol_reply *reply)
{
    if (json_is_null(issued)) {
        return OK_STATUS;
    }
    TRY(json_as_str(json_get(issued, "external_id"), &reply->issued_id));
    TRY(protocol_read_int(issued, "valid_until_us", &reply->issued_valid_until_us));
    bool too_long = reply->issued_id.len > PROTOCOL_EXTERNAL_ID_BYTES;
    if (too_long || reply->issued_valid_until_us < 0) {
        FAIL(INVALID, "a rotator issued something with an impossible id or time");
    }
    bool key_of_ours = json_is_null(json_get(issued, "secret"));
    return key_of_ours ? OK_STATUS : read_secret(issued, "secret", &reply->issued);
}

static struct status read_generated(struct json_value generated, struct protocol_reply *reply)
{
    if (json_is_null(generated)) {
        return OK_STATUS;
    }
    TRY(read_secret(generated, "secret", &reply->generated));
    return read_secret(generated, "public", &reply->generated_public);
}

// The results of each kind of operation stand side by side in their table.
static bool answers(enum protocol_op op, enum protocol_result result)
{
    if (op == PROTOCOL_PROBE) {
        return result >= PROTOCOL_WORKS && result <= PROTOCOL_UNREACHABLE;
    }
    if (op == PROTOCOL_APPLY || op == PROTOCOL_RETIRE || op == PROTOCOL_REVOKE ||
        op == PROTOCOL_DISABLE || op == PROTOCOL_ENABLE) {
        return result >= PROTOCOL_APPLIED && result <= PROTOCOL_UNKNOWN;
    }
    return result == PROTOCOL_DONE || result == PROTOCOL_FAILED;
}

// Successes have no error and failures have one; a rejected value may say more.
static bool is_consistent(enum protocol_result result, enum rotunda_error error)
{
    bool success =
        result == PROTOCOL_DONE || result == PROTOCOL_APPLIED || result == PROTOCOL_WORKS;
    return result == PROTOCOL_REJECTED || success == (error == ROTUNDA_ERROR_NONE);
}

static struct status read_outcome(struct json_value root, const struct protocol_request *request,
                                  struct protocol_reply *out)
{
    size_t result = 0;
    size_t error = 0;
    TRY(json_as_int(json_get(root, "id"), &out->id));
    TRY(protocol_read_text(root, "attempt", &out->attempt));
    if (out->id != request->id || !str_equal(out->attempt, protocol_str(request->call.attempt))) {
        FAIL(INVALID, "a rotator answered for something else");
    }
    TRY(protocol_read_name(&protocol_results, json_get(root, "result"), &result));
    TRY(protocol_read_name(&protocol_errors, json_get(root, "error_class"), &error));
    out->result = (enum protocol_result)result;
    out->error = (enum rotunda_error)error;
    if (!answers(request->op, out->result) || !is_consistent(out->result, out->error)) {
        FAIL(INVALID, "a rotator's answer makes no sense");
    }
    TRY(protocol_read_text(root, "message", &out->message));
    if (out->message.len > ROTUNDA_MESSAGE_BYTES) {
        FAIL(INVALID, "a rotator's message is too long");
    }
    TRY(protocol_read_text(root, "principal_id", &out->principal_id));
    if (out->principal_id.len >= ROTUNDA_PRINCIPAL_ID_BYTES) {
        FAIL(INVALID, "a rotator's principal_id is too long");
    }
    TRY(protocol_read_int(root, "retry_after_s", &out->retry_after_s));
    return protocol_read_int(root, "sessions", &out->sessions);
}

static struct status read_reply(struct json_value root, const struct protocol_request *request,
                                struct arena *arena, struct protocol_reply *out)
{
    TRY(read_outcome(root, request, out));
    if (request->op == PROTOCOL_HELLO && out->result == PROTOCOL_DONE) {
        TRY(protocol_read_hello(root, arena, &out->hello));
    }
    TRY(read_steps(json_get(root, "steps"), arena, out));
    TRY(read_checks(json_get(root, "checks"), arena, out));
    TRY(read_externals(json_get(root, "external"), arena, out));
    TRY(read_issued(json_get(root, "issued"), out));
    return read_generated(json_get(root, "generated"), out);
}

struct status protocol_reply_decode(struct str line, const struct protocol_request *request,
                                    struct arena *arena, struct protocol_reply *out)
{
    struct protocol_reply reply = {.id = 0};
    struct json_value root;
    TRY(protocol_parse_line(line, arena, &root));
    struct status read = read_reply(root, request, arena, &reply);
    if (!status_ok(read)) {
        protocol_reply_done(&reply);
        return read;
    }
    *out = reply;
    return OK_STATUS;
}

void protocol_reply_done(struct protocol_reply *reply)
{
    secret_free(reply->issued);
    secret_free(reply->generated);
    secret_free(reply->generated_public);
    *reply = (struct protocol_reply){.id = 0};
}
