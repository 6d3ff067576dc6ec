// SPDX-License-Identifier: ISC
// Every allocation of the rotators' protocol and of their settings fails once.
#include "tests/support/allocation.h"
#include "tests/support/test.h"
#include "vault/host/protocol.h"
#include "vault/rotation/settings.h"

static struct rotunda_text text(const char *c)
{
    return protocol_text(str_from_c(c));
}

static struct rotunda_bytes octets(const char *c)
{
    return protocol_bytes(bytes_from_str(str_from_c(c)));
}

static struct status send_request(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(buffer_done) struct buffer line;
    const struct rotunda_setting settings[] = {{text("host"), text("h")}};
    const struct protocol_request sent = {
        .id = 1,
        .op = PROTOCOL_APPLY,
        .call = {.attempt = text("a1"),
                 .target = {settings, 1, text("admin"), octets("secret")},
                 .value = {.secret = octets("new"), .salt = octets("salt")},
                 .previous = {.secret = octets("old")}}};
    struct protocol_request got;
    buffer_init(&line, LIMIT_ROTATOR_OUTPUT_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(protocol_request_encode(&sent, &line));
    TRY(protocol_request_decode(str_trim(buffer_str(&line)), arena, &got));
    assert_int_equal(4, got.secret_count);
    protocol_request_done(&got);
    return OK_STATUS;
}

static struct status read_reply(void *line)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    const struct protocol_request asked = {
        .id = 1, .op = PROTOCOL_APPLY, .call = {.attempt = text("a1")}};
    struct protocol_reply reply;
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(protocol_reply_decode(str_from_c(line), &asked, arena, &reply));
    CLEANUP(buffer_done) struct buffer again;
    buffer_init(&again, LIMIT_ROTATOR_OUTPUT_BYTES);
    struct status written = protocol_reply_encode(&reply, &again);
    protocol_reply_done(&reply);
    return written;
}

static struct status merge_settings(void *ctx)
{
    (void)ctx;
    static const struct rotunda_setting_spec specs[] = {
        {"host", 0, ""}, {"port", 0, ""}, {NULL, 0, NULL}};
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct json_value body;
    struct str merged;
    struct settings settings;
    const char *field = NULL;
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(json_parse(STR("{\"port\":5432}"), NULL, arena, &body, NULL));
    TRY(settings_merge(STR("{\"host\":\"h\"}"), body, specs, arena, &merged, &field));
    TRY(settings_parse(merged, arena, &settings));
    TRY(settings_add(&settings, "host", STR("other"), arena));
    assert_str("other", settings_get(&settings, "host"));
    assert_str("5432", settings_get(&settings, "port"));
    return OK_STATUS;
}

static void requests_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(send_request, NULL);
}

static void replies_survive_each(void **state)
{
    (void)state;
    char line[] = "{\"id\":1,\"attempt\":\"a1\",\"result\":\"applied\",\"error_class\":\"none\","
                  "\"steps\":[\"s\\n\"],\"checks\":[{\"name\":\"n\",\"state\":\"ok\"}],"
                  "\"external\":[{\"external_id\":\"e\",\"enabled\":true}],"
                  "\"issued\":{\"external_id\":\"e\",\"secret\":\"AQID\"}}";
    allocation_fail_each(read_reply, line);
}

static void settings_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(merge_settings, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(requests_survive_each),
        cmocka_unit_test(replies_survive_each),
        cmocka_unit_test(settings_survive_each),
    };
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
