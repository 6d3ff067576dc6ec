// SPDX-License-Identifier: ISC
#include "vault/host/protocol.h"

#include "tests/support/test.h"

#define ATTEMPT "0197a2b4-0000-7000-8000-000000000001"

struct world {
    struct arena *arena;
    struct buffer line;
};

static int setup(void **state)
{
    struct world *w = test_calloc(1, sizeof *w);
    w->arena = arena_new(8 * 1024 * 1024);
    buffer_init(&w->line, LIMIT_ROTATOR_LINE_BYTES);
    *state = w;
    return w->arena == NULL;
}

static int teardown(void **state)
{
    struct world *w = *state;
    arena_free(w->arena);
    buffer_done(&w->line);
    test_free(w);
    return 0;
}

static struct rotunda_text text(const char *c)
{
    return protocol_text(str_from_c(c));
}

static struct rotunda_bytes octets(const char *c)
{
    return protocol_bytes(bytes_from_str(str_from_c(c)));
}

static struct protocol_request probe_request(void)
{
    return (struct protocol_request){
        .id = 7,
        .op = PROTOCOL_PROBE,
        .call = {.attempt = text(ATTEMPT), .fence = 17, .timeout_ms = 900},
    };
}

// Everything that was appended, without the newline.
static struct str line_of(struct world *w)
{
    struct str all = buffer_str(&w->line);
    assert_true(str_ends_with(all, STR("\n")));
    return str_first(all, all.len - 1);
}

static struct status decode(struct world *w, const struct protocol_request *request,
                            const char *line)
{
    struct protocol_reply reply;
    struct status decoded = protocol_reply_decode(str_from_c(line), request, w->arena, &reply);
    if (status_ok(decoded)) {
        protocol_reply_done(&reply);
    }
    return decoded;
}

static void a_request_arrives_as_it_was_sent(void **state)
{
    struct world *w = *state;
    const struct rotunda_setting settings[] = {{text("host"), text("db \"1\"")}};
    struct protocol_request sent = probe_request();
    sent.call.target = (struct rotunda_target){settings, 1, text("admin"), octets("adm\n1n")};
    sent.call.account = (struct rotunda_account){text("a\"b; drop"), NULL, 0};
    sent.call.value = (struct rotunda_value){.secret = octets("p\xFFw"), .salt = octets("salt")};
    sent.call.previous = (struct rotunda_value){.external_id = text("key-1"), .valid_until_us = 5};
    assert_ok(protocol_request_encode(&sent, &w->line));

    struct protocol_request got;
    assert_ok(protocol_request_decode(line_of(w), w->arena, &got));
    assert_int_equal(7, got.id);
    assert_int_equal(PROTOCOL_PROBE, got.op);
    assert_int_equal(17, got.call.fence);
    assert_str(ATTEMPT, protocol_str(got.call.attempt));
    assert_str("db \"1\"", protocol_str(got.call.target.settings[0].value));
    assert_str("a\"b; drop", protocol_str(got.call.account.name));
    assert_memory_equal("adm\n1n", got.call.target.secret.ptr, got.call.target.secret.len);
    assert_memory_equal("p\xFFw", got.call.value.secret.ptr, got.call.value.secret.len);
    assert_int_equal(0, got.call.previous.secret.len);
    assert_str("key-1", protocol_str(got.call.previous.external_id));
    assert_int_equal(5, got.call.previous.valid_until_us);
    protocol_request_done(&got);
}

static void a_reply_arrives_with_its_lists(void **state)
{
    struct world *w = *state;
    struct protocol_request request = probe_request();
    request.op = PROTOCOL_CHECK;
    const struct str steps[] = {STR("one"), STR("two")};
    const struct protocol_check checks[] = {
        {STR("may_alter"), ROTUNDA_CHECK_MISSING, STR("why"), STR("GRANT x")}};
    const struct protocol_external externals[] = {{STR("key-1"), STR(ATTEMPT), 3, 4, true}};
    struct protocol_reply sent = {.id = 7,
                                  .attempt = STR(ATTEMPT),
                                  .result = PROTOCOL_DONE,
                                  .sessions = 3,
                                  .steps = steps,
                                  .step_count = 2,
                                  .checks = checks,
                                  .check_count = 1,
                                  .externals = externals,
                                  .external_count = 1};
    assert_ok(protocol_reply_encode(&sent, &w->line));
    struct protocol_reply got;
    assert_ok(protocol_reply_decode(line_of(w), &request, w->arena, &got));
    assert_int_equal(3, got.sessions);
    assert_int_equal(2, got.step_count);
    assert_str("two", got.steps[1]);
    assert_int_equal(ROTUNDA_CHECK_MISSING, got.checks[0].state);
    assert_str("GRANT x", got.checks[0].how_to_grant);
    assert_str("key-1", got.externals[0].external_id);
    assert_true(got.externals[0].enabled);
    protocol_reply_done(&got);
}

static void an_issued_secret_arrives_as_it_was_made(void **state)
{
    struct world *w = *state;
    struct protocol_request request = probe_request();
    request.op = PROTOCOL_APPLY;
    struct secret *issued = NULL;
    assert_ok(secret_copy(bytes_from_str(STR("a\"\n\xC3\xA4")), &issued));
    struct protocol_reply sent = {.id = 7,
                                  .attempt = STR(ATTEMPT),
                                  .result = PROTOCOL_APPLIED,
                                  .issued_id = STR("key-9"),
                                  .issued = issued};
    assert_ok(protocol_reply_encode(&sent, &w->line));
    struct protocol_reply got;
    assert_ok(protocol_reply_decode(line_of(w), &request, w->arena, &got));
    assert_str("key-9", got.issued_id);
    assert_true(secret_equal(issued, got.issued));
    protocol_reply_done(&got);
    protocol_reply_done(&sent);
}

static void an_uploaded_key_has_an_id_and_no_secret(void **state)
{
    struct world *w = *state;
    struct protocol_request request = probe_request();
    request.op = PROTOCOL_APPLY;
    struct protocol_reply sent = {
        .id = 7, .attempt = STR(ATTEMPT), .result = PROTOCOL_APPLIED, .issued_id = STR("key-9")};
    assert_ok(protocol_reply_encode(&sent, &w->line));
    struct protocol_reply got;
    assert_ok(protocol_reply_decode(line_of(w), &request, w->arena, &got));
    assert_str("key-9", got.issued_id);
    assert_null(got.issued);
    protocol_reply_done(&got);
}

static void a_generated_pair_arrives_with_both_halves(void **state)
{
    struct world *w = *state;
    struct protocol_request request = probe_request();
    request.op = PROTOCOL_GENERATE;
    struct protocol_reply sent = {.id = 7, .attempt = STR(ATTEMPT), .result = PROTOCOL_DONE};
    assert_ok(secret_copy(bytes_from_str(STR("private")), &sent.generated));
    assert_ok(secret_copy(bytes_from_str(STR("public")), &sent.generated_public));
    assert_ok(protocol_reply_encode(&sent, &w->line));
    struct protocol_reply got;
    assert_ok(protocol_reply_decode(line_of(w), &request, w->arena, &got));
    assert_true(secret_equal(sent.generated, got.generated));
    assert_true(secret_equal(sent.generated_public, got.generated_public));
    protocol_reply_done(&got);
    protocol_reply_done(&sent);
}

#define MADE(more)                                                                                 \
    "{\"id\":7,\"attempt\":\"" ATTEMPT "\",\"result\":\"applied\",\"error_class\":\"none\"," more  \
    "}"

static void what_is_issued_and_makes_no_sense_is_refused(void **state)
{
    struct protocol_request r = probe_request();
    r.op = PROTOCOL_APPLY;
    assert_ok(decode(*state, &r, MADE("\"issued\":{\"external_id\":\"k\",\"secret\":\"eA==\"}")));
    // No id, no base64, empty, not text, a time before all times, half a pair.
    assert_status(INVALID, decode(*state, &r, MADE("\"issued\":{\"secret\":\"eA==\"}")));
    assert_status(INVALID,
                  decode(*state, &r, MADE("\"issued\":{\"external_id\":\"k\",\"secret\":\"?\"}")));
    assert_status(INVALID,
                  decode(*state, &r, MADE("\"issued\":{\"external_id\":\"k\",\"secret\":\"\"}")));
    assert_status(INVALID, decode(*state, &r,
                                  MADE("\"issued\":{\"external_id\":\"k\",\"secret\":\"AP8=\"}")));
    assert_status(
        INVALID,
        decode(*state, &r, MADE("\"issued\":{\"external_id\":\"k\",\"valid_until_us\":-1}")));
    assert_status(INVALID, decode(*state, &r, MADE("\"issued\":\"k\"")));
    assert_status(INVALID, decode(*state, &r, MADE("\"generated\":{\"secret\":\"eA==\"}")));
}

static void a_throttled_answer_says_for_how_long(void **state)
{
    struct world *w = *state;
    struct protocol_request request = probe_request();
    struct protocol_reply sent = {.id = 7,
                                  .attempt = STR(ATTEMPT),
                                  .result = PROTOCOL_UNREACHABLE,
                                  .error = ROTUNDA_ERROR_THROTTLED,
                                  .retry_after_s = 90};
    assert_ok(protocol_reply_encode(&sent, &w->line));
    struct protocol_reply got;
    assert_ok(protocol_reply_decode(line_of(w), &request, w->arena, &got));
    assert_int_equal(ROTUNDA_ERROR_THROTTLED, got.error);
    assert_int_equal(90, got.retry_after_s);
    protocol_reply_done(&got);
}

static void a_rotator_of_before_declares_nothing_new(void **state)
{
    struct world *w = *state;
    struct protocol_request hello = {.op = PROTOCOL_HELLO, .abi = ROTUNDA_ROTATOR_ABI};
    struct protocol_reply got;
    assert_ok(protocol_reply_decode(
        STR("{\"id\":0,\"result\":\"done\",\"error_class\":\"none\",\"abi\":1,\"name\":\"x\","
            "\"kind\":\"K1\",\"overlap\":false,\"max_slots\":1,\"idempotent\":[\"apply\"],"
            "\"ops\":[\"apply\",\"probe\"]}"),
        &hello, w->arena, &got));
    assert_false(got.hello.fences);
    assert_int_equal(ROTUNDA_IDEMPOTENT_APPLY, got.hello.idempotent);
    assert_int_equal(0, got.hello.acceptance_s);
}

static void what_a_rotator_declares_arrives(void **state)
{
    struct world *w = *state;
    struct protocol_request hello = {.op = PROTOCOL_HELLO, .abi = ROTUNDA_ROTATOR_ABI};
    struct protocol_reply sent = {.result = PROTOCOL_DONE};
    sent.hello = (struct protocol_hello){.abi = ROTUNDA_ROTATOR_ABI,
                                         .name = STR("x"),
                                         .kind = ROTUNDA_K5,
                                         .idempotent = ROTUNDA_REROLL,
                                         .fences = true,
                                         .acceptance_s = 60,
                                         .acceptance_probes = 3,
                                         .ops = 1U << PROTOCOL_GENERATE | 1U << PROTOCOL_ENABLE};
    assert_ok(protocol_reply_encode(&sent, &w->line));
    struct protocol_reply got;
    assert_ok(protocol_reply_decode(line_of(w), &hello, w->arena, &got));
    assert_true(got.hello.fences);
    assert_int_equal(ROTUNDA_REROLL, got.hello.idempotent);
    assert_int_equal(60, got.hello.acceptance_s);
    assert_int_equal(3, got.hello.acceptance_probes);
    assert_int_equal(sent.hello.ops, got.hello.ops);
}

static void who_the_rotator_is_arrives_if_it_is_short(void **state)
{
    struct world *w = *state;
    struct protocol_request check = {.op = PROTOCOL_CHECK};
    struct protocol_reply sent = {.result = PROTOCOL_DONE, .principal_id = STR("77/1.5/10")};
    struct protocol_reply got;
    char wide[ROTUNDA_PRINCIPAL_ID_BYTES];
    assert_ok(protocol_reply_encode(&sent, &w->line));
    assert_ok(protocol_reply_decode(line_of(w), &check, w->arena, &got));
    assert_str("77/1.5/10", got.principal_id);
    memset(wide, 'x', sizeof wide);
    sent.principal_id = (struct str){wide, sizeof wide};
    w->line.len = 0;
    assert_ok(protocol_reply_encode(&sent, &w->line));
    assert_status(INVALID, protocol_reply_decode(line_of(w), &check, w->arena, &got));
}

static void the_settings_that_a_rotator_takes_arrive(void **state)
{
    static const struct rotunda_setting_spec specs[] = {
        {"host", ROTUNDA_SETTING_REQUIRED, "Name \"or\" address."},
        {"folder", ROTUNDA_SETTING_PATH | ROTUNDA_SETTING_PATH_WRITABLE, ""},
        {NULL, 0, NULL}};
    struct world *w = *state;
    struct protocol_request hello = {.op = PROTOCOL_HELLO, .abi = ROTUNDA_ROTATOR_ABI};
    struct protocol_reply sent = {.result = PROTOCOL_DONE};
    sent.hello = (struct protocol_hello){
        .abi = ROTUNDA_ROTATOR_ABI, .name = STR("x"), .kind = ROTUNDA_K1, .target_settings = specs};
    assert_ok(protocol_reply_encode(&sent, &w->line));
    struct protocol_reply got;
    assert_ok(protocol_reply_decode(line_of(w), &hello, w->arena, &got));
    for (size_t i = 0; i < 2; i++) {
        assert_string_equal(specs[i].name, got.hello.target_settings[i].name);
        assert_string_equal(specs[i].help, got.hello.target_settings[i].help);
        assert_int_equal(specs[i].flags, got.hello.target_settings[i].flags);
    }
    assert_null(got.hello.target_settings[2].name);
    assert_null(got.hello.account_settings[0].name);
}

#define HELLO(settings)                                                                            \
    "{\"id\":0,\"result\":\"done\",\"error_class\":\"none\",\"abi\":1,\"name\":\"x\",\"kind\":"    \
    "\"K1\","                                                                                      \
    "\"overlap\":false,\"max_slots\":1,\"idempotent\":[],\"ops\":[],\"target_settings\":" settings \
    "}"

static void settings_that_make_no_sense_are_refused(void **state)
{
    struct protocol_request hello = {.op = PROTOCOL_HELLO, .abi = ROTUNDA_ROTATOR_ABI};
    assert_ok(decode(*state, &hello, HELLO("[]")));
    assert_ok(decode(*state, &hello, HELLO("[{\"name\":\"a_1\",\"flags\":[\"path\"]}]")));
    static const char *const good[] = {
        HELLO("[{\"name\":\"a\",\"flags\":[\"port\"]}]"),
        HELLO("[{\"name\":\"a\",\"flags\":[\"required\",\"duration\"]}]"),
        HELLO("[{\"name\":\"a\",\"flags\":[\"file\",\"path\"]}]"),
        HELLO("[{\"name\":\"a\",\"flags\":[\"choice\"],\"help\":\"a|b: c\"}]"),
    };
    static const char *const bad[] = {
        HELLO("[{\"name\":\"a\",\"flags\":[\"port\",\"boolean\"]}]"),
        HELLO("[{\"name\":\"a\",\"flags\":[\"file\"]}]"),
        HELLO("[{\"name\":\"a\",\"flags\":[\"choice\"]}]"),
        HELLO("[{\"name\":\"a\",\"flags\":[\"choice\"],\"help\":\"one of a, b\"}]"),
    };
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_ok(decode(*state, &hello, good[i]));
        assert_status(INVALID, decode(*state, &hello, bad[i]));
    }
    assert_status(INVALID, decode(*state, &hello, HELLO("[7]")));
    assert_status(INVALID, decode(*state, &hello, HELLO("[{\"name\":\"\"}]")));
    assert_status(INVALID, decode(*state, &hello, HELLO("[{\"name\":\"a b\"}]")));
    assert_status(INVALID, decode(*state, &hello, HELLO("[{\"name\":\"a\",\"help\":7}]")));
    assert_status(INVALID,
                  decode(*state, &hello, HELLO("[{\"name\":\"a\",\"help\":\"\\u0000\"}]")));
    assert_status(INVALID, decode(*state, &hello, HELLO("[{\"name\":\"a\",\"flags\":[\"x\"]}]")));
    assert_status(INVALID, decode(*state, &hello, HELLO("[{\"name\":\"a\"},{\"name\":\"a\"}]")));
}

static void a_kind_without_what_it_needs_is_named(void **state)
{
    (void)state;
    struct protocol_hello h = {.name = STR("x"),
                               .kind = ROTUNDA_K1,
                               .max_slots = 1,
                               .ops = 1U << PROTOCOL_APPLY | 1U << PROTOCOL_PROBE};
    assert_null(protocol_hello_fault(&h));
    h.kind = ROTUNDA_K4;
    assert_string_equal("list_external", protocol_hello_fault(&h));
    h.ops |= 1U << PROTOCOL_LIST_EXTERNAL | 1U << PROTOCOL_RETIRE;
    assert_null(protocol_hello_fault(&h));
    h.kind = ROTUNDA_K2; // two values that don't overlap
    assert_string_equal("overlap", protocol_hello_fault(&h));
    h.kind = ROTUNDA_K1;
    h.acceptance_s = -1;
    assert_string_equal("acceptance_s", protocol_hello_fault(&h));
    h.acceptance_s = 0;
    h.max_slots = INT64_MAX;
    assert_string_equal("max_slots", protocol_hello_fault(&h));
}

static void an_answer_to_something_else_is_refused(void **state)
{
    struct protocol_request r = probe_request();
    assert_ok(decode(*state, &r,
                     "{\"id\":7,\"attempt\":\"" ATTEMPT
                     "\",\"result\":\"works\",\"error_class\":\"none\"}"));
    assert_status(INVALID, decode(*state, &r,
                                  "{\"id\":8,\"attempt\":\"" ATTEMPT
                                  "\",\"result\":\"works\",\"error_class\":\"none\"}"));
    assert_status(INVALID, decode(*state, &r,
                                  "{\"id\":7,\"attempt\":\"0197a2b4\",\"result\":\"works\","
                                  "\"error_class\":\"none\"}"));
    assert_status(INVALID,
                  decode(*state, &r, "{\"id\":7,\"result\":\"works\",\"error_class\":\"none\"}"));
}

#define ANSWER(result, error)                                                                      \
    "{\"id\":7,\"attempt\":\"" ATTEMPT "\",\"result\":\"" result "\",\"error_class\":\"" error "\"}"

static void a_result_that_makes_no_sense_is_refused(void **state)
{
    struct protocol_request r = probe_request();
    assert_ok(decode(*state, &r, ANSWER("unreachable", "unreachable")));
    assert_ok(decode(*state, &r, ANSWER("rejected", "none")));
    assert_status(INVALID, decode(*state, &r, ANSWER("applied", "none")));
    assert_status(INVALID, decode(*state, &r, ANSWER("works", "fenced")));
    assert_status(INVALID, decode(*state, &r, ANSWER("unreachable", "none")));
    assert_status(INVALID, decode(*state, &r, ANSWER("perhaps", "none")));
    assert_status(INVALID, decode(*state, &r, ANSWER("works", "strange")));
    assert_status(INVALID, decode(*state, &r, "not json"));
    assert_status(INVALID, decode(*state, &r, "[7]"));
}

static void a_long_message_is_refused(void **state)
{
    struct world *w = *state;
    struct protocol_request r = probe_request();
    char message[ROTUNDA_MESSAGE_BYTES + 1];
    memset(message, 'm', sizeof message);
    struct protocol_reply reply = {.id = 7,
                                   .attempt = STR(ATTEMPT),
                                   .result = PROTOCOL_REJECTED,
                                   .message = {message, sizeof message}};
    assert_ok(protocol_reply_encode(&reply, &w->line));
    struct protocol_reply got;
    assert_status(INVALID, protocol_reply_decode(line_of(w), &r, w->arena, &got));
}

static void a_request_longer_than_a_line_is_not_sent(void **state)
{
    struct world *w = *state;
    static uint8_t large[LIMIT_ROTATOR_LINE_BYTES];
    struct protocol_request r = probe_request();
    r.call.value.secret = (struct rotunda_bytes){large, sizeof large};
    assert_status(TOO_LARGE, protocol_request_encode(&r, &w->line));
    assert_int_equal(0, w->line.len);
}

static void a_hello_of_another_version_is_refused(void **state)
{
    struct protocol_request hello = {.op = PROTOCOL_HELLO, .abi = ROTUNDA_ROTATOR_ABI};
    assert_ok(decode(*state, &hello,
                     "{\"id\":0,\"result\":\"done\",\"error_class\":\"none\",\"abi\":1,"
                     "\"name\":\"x\",\"kind\":\"K1\",\"overlap\":false,\"max_slots\":1,"
                     "\"idempotent\":[\"apply\"],\"ops\":[\"apply\",\"probe\"]}"));
    assert_status(INVALID, decode(*state, &hello,
                                  "{\"id\":0,\"result\":\"done\",\"error_class\":\"none\","
                                  "\"abi\":2,\"name\":\"x\",\"kind\":\"K1\",\"overlap\":false,"
                                  "\"max_slots\":1,\"idempotent\":[],\"ops\":[]}"));
    assert_status(
        INVALID, decode(*state, &hello, "{\"id\":0,\"result\":\"done\",\"error_class\":\"none\"}"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_arrives_as_it_was_sent),
        TEST(a_reply_arrives_with_its_lists),
        TEST(an_issued_secret_arrives_as_it_was_made),
        TEST(an_uploaded_key_has_an_id_and_no_secret),
        TEST(a_generated_pair_arrives_with_both_halves),
        TEST(what_is_issued_and_makes_no_sense_is_refused),
        TEST(a_throttled_answer_says_for_how_long),
        TEST(a_rotator_of_before_declares_nothing_new),
        TEST(what_a_rotator_declares_arrives),
        TEST(who_the_rotator_is_arrives_if_it_is_short),
        TEST(the_settings_that_a_rotator_takes_arrive),
        TEST(settings_that_make_no_sense_are_refused),
        TEST(a_kind_without_what_it_needs_is_named),
        TEST(an_answer_to_something_else_is_refused),
        TEST(a_result_that_makes_no_sense_is_refused),
        TEST(a_long_message_is_refused),
        TEST(a_request_longer_than_a_line_is_not_sent),
        TEST(a_hello_of_another_version_is_refused),
    };
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
