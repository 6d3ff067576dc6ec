// SPDX-License-Identifier: ISC
#include "vault/host/protocol_internal.h"

#include "vault/crypto/encoding.h"

static void add_octets(struct json_writer *w, const char *key, struct rotunda_bytes octets)
{
    if (octets.len > 0) {
        json_put_key(w, key);
        json_put_base64(w, (struct bytes){octets.ptr, octets.len});
    }
}

static void add_text(struct json_writer *w, const char *key, struct rotunda_text text)
{
    if (text.len > 0) {
        json_add_string(w, key, protocol_str(text));
    }
}

static void add_settings(struct json_writer *w, const struct rotunda_setting *settings,
                         size_t count)
{
    json_put_key(w, "settings");
    json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        json_put_key_str(w, protocol_str(settings[i].name));
        json_put_string(w, protocol_str(settings[i].value));
    }
    json_end_object(w);
}

static void add_value(struct json_writer *w, const char *key, const struct rotunda_value *value)
{
    json_put_key(w, key);
    json_begin_object(w);
    add_octets(w, "secret", value->secret);
    add_octets(w, "public", value->public_part);
    add_octets(w, "salt", value->salt);
    add_text(w, "external_id", value->external_id);
    if (value->valid_until_us != 0) {
        json_add_int(w, "valid_until_us", value->valid_until_us);
    }
    json_end_object(w);
}

static void add_call(struct json_writer *w, const struct rotunda_call *call)
{
    add_text(w, "attempt", call->attempt);
    json_add_int(w, "fence", call->fence);
    json_add_int(w, "timeout_ms", call->timeout_ms);
    json_put_key(w, "target");
    json_begin_object(w);
    add_settings(w, call->target.settings, call->target.setting_count);
    add_text(w, "principal", call->target.principal);
    add_octets(w, "secret", call->target.secret);
    json_end_object(w);
    json_put_key(w, "account");
    json_begin_object(w);
    add_text(w, "name", call->account.name);
    add_settings(w, call->account.settings, call->account.setting_count);
    json_end_object(w);
    add_value(w, "value", &call->value);
    add_value(w, "previous", &call->previous);
}

struct status protocol_request_encode(const struct protocol_request *request, struct buffer *out)
{
    CLEANUP(buffer_done) struct buffer line;
    buffer_init(&line, LIMIT_ROTATOR_LINE_BYTES);
    struct json_writer w = json_writer_on(&line);
    json_begin_object(&w);
    json_add_int(&w, "id", request->id);
    json_add_string(&w, "op", protocol_op_name(request->op));
    if (request->op == PROTOCOL_HELLO) {
        json_add_int(&w, "abi", request->abi);
    } else {
        add_call(&w, &request->call);
    }
    json_end_object(&w);
    return protocol_finish_line(&w, &line, out);
}

static struct status read_octets(struct protocol_request *request, struct json_value object,
                                 const char *key, struct rotunda_bytes *out)
{
    struct str text;
    TRY(protocol_read_text(object, key, &text));
    if (text.len == 0) {
        *out = (struct rotunda_bytes){NULL, 0};
        return OK_STATUS;
    }
    REQUIRE(request->secret_count < PROTOCOL_SECRETS_MAX);
    struct secret *octets = NULL;
    TRY(encoding_from_base64(text, &octets));
    request->secrets[request->secret_count++] = octets;
    *out = protocol_bytes(secret_view(octets));
    return OK_STATUS;
}

static struct status read_text(struct json_value object, const char *key, struct rotunda_text *out)
{
    struct str text;
    TRY(protocol_read_text(object, key, &text));
    *out = protocol_text(text);
    return OK_STATUS;
}

static struct status read_settings(struct json_value object, struct arena *arena,
                                   const struct rotunda_setting **out, size_t *count)
{
    struct json_value settings = json_get(object, "settings");
    uint32_t wanted = json_count(settings);
    if (wanted > PROTOCOL_SETTINGS_MAX) {
        FAIL(INVALID, "too many settings");
    }
    *count = 0;
    *out = NULL;
    if (wanted == 0) {
        return OK_STATUS;
    }
    struct rotunda_setting *items = ARENA_ARRAY(arena, struct rotunda_setting, wanted);
    if (items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct json_iter it = json_iterate(settings);
    while (json_next(&it)) {
        struct str value;
        TRY(json_as_str(it.value, &value));
        items[(*count)++] = (struct rotunda_setting){protocol_text(it.key), protocol_text(value)};
    }
    *out = items;
    return OK_STATUS;
}

static struct status read_value(struct protocol_request *request, struct json_value object,
                                struct rotunda_value *out)
{
    TRY(read_octets(request, object, "secret", &out->secret));
    TRY(read_octets(request, object, "public", &out->public_part));
    TRY(read_octets(request, object, "salt", &out->salt));
    TRY(read_text(object, "external_id", &out->external_id));
    return protocol_read_int(object, "valid_until_us", &out->valid_until_us);
}

static struct status read_call(struct protocol_request *request, struct json_value root,
                               struct arena *arena)
{
    struct rotunda_call *call = &request->call;
    struct json_value target = json_get(root, "target");
    struct json_value account = json_get(root, "account");
    TRY(read_text(root, "attempt", &call->attempt));
    TRY(json_as_int(json_get(root, "fence"), &call->fence));
    TRY(json_as_int(json_get(root, "timeout_ms"), &call->timeout_ms));
    TRY(read_settings(target, arena, &call->target.settings, &call->target.setting_count));
    TRY(read_text(target, "principal", &call->target.principal));
    TRY(read_octets(request, target, "secret", &call->target.secret));
    TRY(read_text(account, "name", &call->account.name));
    TRY(read_settings(account, arena, &call->account.settings, &call->account.setting_count));
    TRY(read_value(request, json_get(root, "value"), &call->value));
    return read_value(request, json_get(root, "previous"), &call->previous);
}

static struct status read_request(struct json_value root, struct arena *arena,
                                  struct protocol_request *request)
{
    size_t op = 0;
    TRY(json_as_int(json_get(root, "id"), &request->id));
    TRY(protocol_read_name(&protocol_ops, json_get(root, "op"), &op));
    request->op = (enum protocol_op)op;
    if (request->op == PROTOCOL_HELLO) {
        return json_as_int(json_get(root, "abi"), &request->abi);
    }
    return read_call(request, root, arena);
}

struct status protocol_request_decode(struct str line, struct arena *arena,
                                      struct protocol_request *out)
{
    struct protocol_request request = {.id = 0};
    struct json_value root;
    TRY(protocol_parse_line(line, arena, &root));
    struct status read = read_request(root, arena, &request);
    if (!status_ok(read)) {
        protocol_request_done(&request);
        return read;
    }
    *out = request;
    return OK_STATUS;
}

void protocol_request_done(struct protocol_request *request)
{
    for (size_t i = 0; i < request->secret_count; i++) {
        secret_free(request->secrets[i]);
    }
    *request = (struct protocol_request){.id = 0};
}
