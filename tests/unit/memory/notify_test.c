// SPDX-License-Identifier: ISC
// Every allocation on a notice's way out fails once: signing keys, message, job, result.
#include "tests/support/allocation.h"
#include "tests/support/test.h"
#include "vault/notify/message.h"
#include "vault/notify/signing_keys.h"

enum { LINE_BYTES = 64 * 1024 };

static struct status over_the_wire(const struct wire_job *job, struct arena *arena)
{
    CLEANUP(buffer_done) struct buffer line;
    const struct wire_result sent = {.outcome = WIRE_FAILED, .status = 500};
    struct wire_result result;
    struct wire_job got;
    buffer_init(&line, LINE_BYTES);
    TRY(wire_put_job(job, &line));
    TRY(wire_get_job(str_trim(buffer_str(&line)), arena, &got));
    assert_true(str_equal(job->body, got.body));
    buffer_clear(&line);
    TRY(wire_put_result(&sent, &line));
    return wire_get_result(str_trim(buffer_str(&line)), arena, &result);
}

static struct status send_webhook(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(secret_cleanup) struct secret *key = NULL;
    CLEANUP(secret_cleanup) struct secret *old = NULL;
    CLEANUP(secret_cleanup) struct secret *packed = NULL;
    const struct notifier n = {.type = STR("webhook"), .url = STR("https://example.com/")};
    const struct notice notice = {.event = STR("rotated"), .payload = STR("{}")};
    struct wire_job job;
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(signing_key_read(STR("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"), &key));
    TRY(secret_random(SIGNING_KEY_BYTES, &old));
    const struct signing_keys keys = {secret_view(key), secret_view(old), CLOCK_NEVER};
    TRY(signing_keys_pack(&keys, &packed));
    const struct message_source source = {&n, &notice, packed, CLOCK_SECOND, 1000};
    TRY(message_make(&source, arena, &job));
    return over_the_wire(&job, arena);
}

static struct status send_mail(void *ctx)
{
    (void)ctx;
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(secret_cleanup) struct secret *password = NULL;
    const struct notifier n = {.type = STR("smtp"),
                               .host = STR("mail.example.com"),
                               .port = 587,
                               .tls = STR("starttls"),
                               .sender = STR("vault@example.com")};
    const struct notice notice = {.event = STR("blocked"),
                                  .credential = STR("app"),
                                  .owner = STR("ann@example.com"),
                                  .payload = STR("{\"data\":{}}")};
    struct wire_job job;
    if (arena == NULL) {
        FAIL(NOMEM, "no arena");
    }
    TRY(secret_copy(bytes_from_str(STR("pw")), &password));
    const struct message_source source = {&n, &notice, password, CLOCK_SECOND, 1000};
    TRY(message_make(&source, arena, &job));
    return over_the_wire(&job, arena);
}

static void webhooks_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(send_webhook, NULL);
}

static void mails_survive_each(void **state)
{
    (void)state;
    allocation_fail_each(send_mail, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(webhooks_survive_each),
        cmocka_unit_test(mails_survive_each),
    };
    if (!status_ok(secret_system_init(true))) {
        return 1;
    }
    return RUN_TESTS(tests);
}
