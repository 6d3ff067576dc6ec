// SPDX-License-Identifier: ISC
// What receivers get, and what the vault and the process that sends say to each other.
#include <string.h>

#include "tests/support/test.h"
#include "vault/notify/mail.h"
#include "vault/notify/message.h"
#include "vault/notify/signing_keys.h"

enum { ARENA_BYTES = 1024 * 1024 };

static int set_up(void **state)
{
    *state = arena_new(ARENA_BYTES);
    return *state == NULL ? 1 : 0;
}

static int tear_down(void **state)
{
    arena_free(*state);
    return 0;
}

static struct notifier mail_notifier(void)
{
    return (struct notifier){.type = STR("smtp"),
                             .host = STR("2001:db8::1"),
                             .port = 465,
                             .tls = STR("implicit"),
                             .sender = STR("vault@example.com")};
}

static struct notice notice_of(const char *payload)
{
    return (struct notice){.credential = STR("orders"),
                           .event = STR("blocked"),
                           .owner = STR("ann@example.com"),
                           .payload = str_from_c(payload)};
}

static bool contains(struct str text, const char *part)
{
    return memmem(text.ptr, text.len, part, strlen(part)) != NULL;
}

static void nothing_in_a_payload_becomes_a_header(void **state)
{
    struct notice n = notice_of("{\"data\":{\"owner\":\"x\\r\\nBcc: all@example.com\\r\\n.\\r\\n\","
                                "\"target\":\"\\u00e9t\\u00e9\",\"version\":3}}");
    struct notifier f = mail_notifier();
    struct str mail;
    n.credential = STR("a\r\nBcc: b@c");
    assert_ok(mail_write(&f, &n, STR("ann@example.com"), 0, *state, &mail));
    assert_false(contains(mail, "\nBcc:"));
    assert_true(contains(mail, "Content-Transfer-Encoding: base64\r\n"));
    assert_true(contains(mail, "Date: Thu, 01 Jan 1970 00:00:00 +0000\r\n"));
    assert_true(contains(mail, "\r\nAuto-Submitted: auto-generated\r\n"));
    size_t column = 0;
    for (size_t i = 0; i < mail.len; i++) {
        column = mail.ptr[i] == '\n' ? 0 : column + 1;
        assert_true(column < 998);
        assert_true(mail.ptr[i] != '\n' || mail.ptr[i - 1] == '\r');
    }
}

static void a_mail_goes_to_the_owner_or_nowhere(void **state)
{
    struct secret *password CLEANUP(secret_cleanup) = NULL;
    struct notice n = notice_of("{\"data\":{}}");
    struct notifier f = mail_notifier();
    struct wire_job job;
    assert_ok(secret_copy(bytes_from_str(STR("pw")), &password));
    struct message_source source = {&f, &n, password, 0, 1000};
    assert_ok(message_make(&source, *state, &job));
    assert_str("ann@example.com", job.recipient);
    assert_str("smtps://[2001:db8::1]:465", job.url);
    n.owner = STR("ann@example.com>\r\nRCPT TO:<b@c");
    assert_status(INVALID, message_make(&source, *state, &job));
}

static void a_webhook_carries_its_signature_and_not_its_key(void **state)
{
    // Computed with openssl dgst -sha256 -hmac over "<id>.1614265330.{}".
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct notice n = notice_of("{}");
    struct notifier f = {.type = STR("webhook"), .url = STR("https://example.com/")};
    struct wire_job job;
    assert_ok(signing_key_read(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key));
    const struct message_source source = {&f, &n, key, 1614265330LL * CLOCK_SECOND, 1000};
    assert_ok(message_make(&source, *state, &job));
    assert_str("00000000-0000-0000-0000-000000000000", job.id);
    assert_str("1614265330", job.timestamp);
    assert_str("v1,NYGifNUKgHDt+R+W02a8vMWtSUysa/taYi6wCF58eXU=", job.signature);
    assert_int_equal(0, job.password.len);
}

static void the_key_before_signs_beside_the_new_one_until_its_end(void **state)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct secret *other CLEANUP(secret_cleanup) = NULL;
    struct secret *packed CLEANUP(secret_cleanup) = NULL;
    struct notice n = notice_of("{}");
    struct notifier f = {.type = STR("webhook"), .url = STR("https://example.com/")};
    struct wire_job job;
    struct str first;
    struct str second;
    const int64_t until_us = 1614265331LL * CLOCK_SECOND;
    assert_ok(signing_key_read(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key));
    assert_ok(secret_random(SIGNING_KEY_MAX_BYTES, &other));
    const struct signing_keys keys = {secret_view(other), secret_view(key), until_us};
    assert_ok(signing_keys_pack(&keys, &packed));
    struct message_source source = {&f, &n, packed, until_us - 1, 1000};
    assert_ok(message_make(&source, *state, &job));
    assert_true(str_split(job.signature, ' ', &first, &second));
    assert_str("v1,NYGifNUKgHDt+R+W02a8vMWtSUysa/taYi6wCF58eXU=", second);
    assert_true(str_starts_with(first, STR("v1,")) && !str_equal(first, second));
    source.now_us = until_us;
    assert_ok(message_make(&source, *state, &job));
    assert_false(str_split(job.signature, ' ', &first, &second));
}

static void keys_of_no_known_form_sign_nothing(void **state)
{
    static const size_t lengths[] = {1, 23, 65, 137, 138, 139};
    struct signing_keys keys;
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++) {
        struct secret *packed CLEANUP(secret_cleanup) = secret_new(lengths[i]);
        assert_non_null(packed);
        memset(secret_data(packed), 0, lengths[i]);
        assert_status(INTEGRITY, signing_keys_unpack(packed, &keys));
    }
}

static void keys_are_long_enough_base64(void **state)
{
    static const char *const bad[] = {"",
                                      "whsec_",
                                      "whsec_AAAA",
                                      "whsec_****",
                                      "MfKQ9r8GKYqrTwjUPD8I",
                                      "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLa=w"};
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct str shown;
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_status(INVALID, signing_key_read(str_from_c(bad[i]), &key));
    }
    uint8_t octets[SIGNING_KEY_BYTES] = {1, 2, 3};
    assert_ok(signing_key_show(BYTES_OF(octets), *state, &shown));
    assert_ok(signing_key_read(shown, &key));
    assert_true(bytes_equal(BYTES_OF(octets), secret_view(key)));
}

static void jobs_and_results_survive_the_wire(void **state)
{
    struct buffer line CLEANUP(buffer_done);
    const struct wire_job job = {.mail = true,
                                 .url = STR("smtp://x:25"),
                                 .body = STR("a\r\n\"b\"\r\n"),
                                 .password = STR("p\\w"),
                                 .timeout_ms = 5};
    struct wire_job back;
    struct wire_result result = {.outcome = WIRE_GONE, .status = 410, .retry_s = 3};
    struct wire_result again;
    buffer_init(&line, LIMIT_NOTIFY_LINE_BYTES);
    assert_ok(wire_put_job(&job, &line));
    assert_ok(wire_get_job(str_first(buffer_str(&line), line.len - 1), *state, &back));
    assert_str("a\r\n\"b\"\r\n", back.body);
    assert_str("p\\w", back.password);
    assert_true(back.mail && back.timeout_ms == 5);
    wire_explain(&result, "line\n%s", "\xff");
    buffer_clear(&line);
    assert_ok(wire_put_result(&result, &line));
    assert_ok(wire_get_result(str_first(buffer_str(&line), line.len - 1), *state, &again));
    assert_true(again.outcome == WIRE_GONE && again.status == 410 && again.retry_s == 3);
    assert_string_equal("line??", again.error);
}

static void nonsense_on_the_wire_is_refused(void **state)
{
    static const char *const lines[] = {
        "",
        "[]",
        "{}",
        "{\"outcome\":\"fine\",\"status\":1,\"retry_s\":0,\"error\":\"\"}",
        "{\"outcome\":\"gone\",\"status\":-1,\"retry_s\":0,\"error\":\"\"}",
        "{\"outcome\":\"gone\",\"status\":1,\"retry_s\":99999999,\"error\":\"\"}",
        "{\"outcome\":\"gone\",\"status\":1,\"retry_s\":0}"};
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        struct wire_result r;
        assert_status(INVALID, wire_get_result(str_from_c(lines[i]), *state, &r));
    }
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(nothing_in_a_payload_becomes_a_header),
        TEST(a_mail_goes_to_the_owner_or_nowhere),
        TEST(a_webhook_carries_its_signature_and_not_its_key),
        TEST(the_key_before_signs_beside_the_new_one_until_its_end),
        TEST(keys_of_no_known_form_sign_nothing),
        TEST(keys_are_long_enough_base64),
        TEST(jobs_and_results_survive_the_wire),
        TEST(nonsense_on_the_wire_is_refused),
    };
    assert_ok(secret_system_init(true));
    return RUN_TESTS(tests);
}
