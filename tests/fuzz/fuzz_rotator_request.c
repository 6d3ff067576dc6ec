// SPDX-License-Identifier: ISC
// A line from the vault, as the host of a rotator reads it, and the settings of a target as they
// are stored. What is accepted survives being written and read again.
#include "tests/fuzz/fuzz.h"
#include "vault/base/json_writer.h"
#include "vault/host/protocol.h"
#include "vault/rotation/settings.h"

static bool same_octets(struct rotunda_bytes a, struct rotunda_bytes b)
{
    return bytes_equal((struct bytes){a.ptr, a.len}, (struct bytes){b.ptr, b.len});
}

static bool same_text(struct rotunda_text a, struct rotunda_text b)
{
    return str_equal(protocol_str(a), protocol_str(b));
}

static void check_settings(const struct rotunda_setting *a, const struct rotunda_setting *b,
                           size_t count)
{
    REQUIRE(count <= PROTOCOL_SETTINGS_MAX);
    for (size_t i = 0; i < count; i++) {
        REQUIRE(same_text(a[i].name, b[i].name) && same_text(a[i].value, b[i].value));
    }
}

static void check_value(const struct rotunda_value *a, const struct rotunda_value *b)
{
    REQUIRE(same_octets(a->secret, b->secret) && same_octets(a->public_part, b->public_part));
    REQUIRE(same_octets(a->salt, b->salt) && same_text(a->external_id, b->external_id));
    REQUIRE(a->valid_until_us == b->valid_until_us);
}

static void check_call(const struct rotunda_call *a, const struct rotunda_call *b)
{
    REQUIRE(same_text(a->attempt, b->attempt) && a->fence == b->fence);
    REQUIRE(a->timeout_ms == b->timeout_ms && same_octets(a->target.secret, b->target.secret));
    REQUIRE(a->target.setting_count == b->target.setting_count);
    REQUIRE(a->account.setting_count == b->account.setting_count);
    REQUIRE(same_text(a->account.name, b->account.name));
    check_settings(a->target.settings, b->target.settings, a->target.setting_count);
    check_settings(a->account.settings, b->account.settings, a->account.setting_count);
    check_value(&a->value, &b->value);
    check_value(&a->previous, &b->previous);
}

static void write_and_read(const struct protocol_request *request, struct arena *arena)
{
    struct buffer line;
    buffer_init(&line, LIMIT_ROTATOR_OUTPUT_BYTES);
    if (status_ok(protocol_request_encode(request, &line))) {
        struct protocol_request again;
        struct str text = str_first(buffer_str(&line), line.len - 1);
        REQUIRE(status_ok(protocol_request_decode(text, arena, &again)));
        REQUIRE(again.id == request->id && again.op == request->op && again.abi == request->abi);
        check_call(&request->call, &again.call);
        protocol_request_done(&again);
    }
    buffer_done(&line);
}

static void read_settings(struct str text, struct arena *arena)
{
    struct settings settings;
    if (!status_ok(settings_parse(text, arena, &settings))) {
        return;
    }
    for (size_t i = 0; i < settings.count; i++) {
        REQUIRE(str_is_text(protocol_str(settings.items[i].value)));
    }
    size_t before = settings.count;
    bool known = settings_get(&settings, "host").len > 0;
    REQUIRE(status_ok(settings_add(&settings, "host", STR("h"), arena)));
    REQUIRE(str_equal_c(settings_get(&settings, "host"), "h"));
    REQUIRE(settings.count == before + 1 || (settings.count == before && (known || before > 0)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct protocol_request request;
    struct str text = {(const char *)data, size};
    fuzz_secret_memory();
    if (status_ok(protocol_request_decode(text, arena, &request))) {
        REQUIRE(request.op < PROTOCOL_OP_COUNT && request.secret_count <= PROTOCOL_SECRETS_MAX);
        write_and_read(&request, arena);
        protocol_request_done(&request);
    }
    read_settings(text, arena);
    return 0;
}
