// SPDX-License-Identifier: ISC
// A line from a rotator, which isn't trusted. Input: the operation that it answers, then the line.
// What is accepted answers that operation, stays within every limit, and survives being written
// and read again.
#include "tests/fuzz/fuzz.h"
#include "vault/host/protocol.h"
#include "vault/rotation/setting_look.h"

static void check_result(const struct protocol_request *request, const struct protocol_reply *reply)
{
    bool success = reply->result == PROTOCOL_DONE || reply->result == PROTOCOL_APPLIED ||
                   reply->result == PROTOCOL_WORKS;
    REQUIRE(reply->id == request->id);
    REQUIRE(str_equal(reply->attempt, protocol_str(request->call.attempt)));
    REQUIRE(!success || reply->error == ROTUNDA_ERROR_NONE);
    REQUIRE(reply->result != PROTOCOL_APPLIED ||
            (request->op == PROTOCOL_APPLY || request->op == PROTOCOL_RETIRE ||
             request->op == PROTOCOL_REVOKE || request->op == PROTOCOL_DISABLE ||
             request->op == PROTOCOL_ENABLE));
    REQUIRE(reply->result != PROTOCOL_WORKS || request->op == PROTOCOL_PROBE);
}

static void check_content(const struct protocol_reply *reply)
{
    REQUIRE(reply->message.len <= ROTUNDA_MESSAGE_BYTES && str_is_text(reply->message));
    REQUIRE(reply->principal_id.len < ROTUNDA_PRINCIPAL_ID_BYTES);
    REQUIRE(reply->step_count <= PROTOCOL_STEPS_MAX && reply->check_count <= PROTOCOL_CHECKS_MAX);
    REQUIRE(reply->external_count <= PROTOCOL_EXTERNALS_MAX);
    REQUIRE(reply->hello.kind <= ROTUNDA_K6);
    for (size_t i = 0; i < reply->step_count; i++) {
        REQUIRE(str_is_text(reply->steps[i]));
    }
    for (size_t i = 0; i < reply->check_count; i++) {
        REQUIRE(str_is_text(reply->checks[i].name) && str_is_text(reply->checks[i].detail));
    }
    for (size_t i = 0; i < reply->external_count; i++) {
        REQUIRE(str_is_text(reply->externals[i].external_id));
    }
}

static void check_same(const struct protocol_reply *a, const struct protocol_reply *b)
{
    REQUIRE(a->result == b->result && a->error == b->error && a->sessions == b->sessions);
    REQUIRE(str_equal(a->principal_id, b->principal_id));
    REQUIRE(str_equal(a->message, b->message) && str_equal(a->issued_id, b->issued_id));
    REQUIRE(a->step_count == b->step_count && a->check_count == b->check_count);
    REQUIRE(a->external_count == b->external_count);
    REQUIRE((a->issued == NULL) == (b->issued == NULL) && secret_equal(a->issued, b->issued));
    REQUIRE(a->issued_valid_until_us == b->issued_valid_until_us);
    REQUIRE(a->hello.ops == b->hello.ops && a->hello.idempotent == b->hello.idempotent);
    REQUIRE(a->hello.kind == b->hello.kind && str_equal(a->hello.name, b->hello.name));
}

// Any value may be held against any setting that was accepted, and an empty one is no choice.
static void check_settings(const struct rotunda_setting_spec *specs, struct str value)
{
    for (; specs != NULL && specs->name != NULL; specs++) {
        status_ignore(setting_look(specs, value));
        if ((specs->flags & ROTUNDA_SETTING_CHOICE) != 0) {
            REQUIRE(protocol_setting_choices(specs).len > 0);
            REQUIRE(!status_ok(setting_look(specs, STR(""))));
        }
    }
}

static void write_and_read(const struct protocol_request *request,
                           const struct protocol_reply *reply, struct arena *arena)
{
    struct buffer line;
    buffer_init(&line, LIMIT_ROTATOR_OUTPUT_BYTES);
    if (status_ok(protocol_reply_encode(reply, &line))) {
        struct protocol_reply again;
        struct str text = str_first(buffer_str(&line), line.len - 1);
        REQUIRE(status_ok(protocol_reply_decode(text, request, arena, &again)));
        check_same(reply, &again);
        protocol_reply_done(&again);
    }
    buffer_done(&line);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct bytes rest = {data, size};
    struct protocol_request request = {.id = 1};
    struct protocol_reply reply;
    fuzz_secret_memory();
    request.op = (enum protocol_op)(fuzz_take_octet(&rest) % PROTOCOL_OP_COUNT);
    if (request.op != PROTOCOL_HELLO) {
        request.call.attempt = protocol_text(STR("a1"));
    }
    if (status_ok(protocol_reply_decode(str_from_bytes(rest), &request, arena, &reply))) {
        check_result(&request, &reply);
        check_content(&reply);
        check_settings(reply.hello.target_settings, reply.hello.name);
        check_settings(reply.hello.account_settings, reply.message);
        write_and_read(&request, &reply, arena);
        protocol_reply_done(&reply);
    }
    return 0;
}
