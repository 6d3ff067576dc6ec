// SPDX-License-Identifier: ISC
#include "vault/notify/message.h"

#include "vault/base/json_writer.h"
#include "vault/crypto/encoding.h"
#include "vault/crypto/hash.h"
#include "vault/notify/mail.h"
#include "vault/notify/rules.h"

enum { SIGNED_BYTES = 128 * 1024, KEY_TEXT_BYTES = 256 };

#define KEY_PREFIX STR("whsec_")

static struct status sign(const struct message_source *source, struct arena *arena,
                          struct wire_job *job)
{
    uint8_t mac[HASH_BYTES];
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, SIGNED_BYTES);
    buffer_append_str(&text, job->id);
    buffer_append_byte(&text, '.');
    buffer_append_str(&text, job->timestamp);
    buffer_append_byte(&text, '.');
    buffer_append_str(&text, job->body);
    TRY(buffer_status(&text));
    hash_hmac_sha256(secret_view(source->secret), buffer_bytes(&text), mac);
    buffer_clear(&text);
    buffer_append_c(&text, "v1,");
    buffer_append_base64(&text, BYTES_OF(mac));
    TRY(buffer_status(&text));
    return arena_copy_str(arena, buffer_str(&text), &job->signature);
}

static struct status make_webhook(const struct message_source *source, struct arena *arena,
                                  struct wire_job *job)
{
    char id[UUID_TEXT_BYTES];
    uuid_format(source->notice->id, id);
    job->url = source->notifier->url;
    job->loopback_only = rules_is_http(job->url);
    job->body = source->notice->payload;
    TRY(arena_printf(arena, &job->id, "%s", id));
    TRY(arena_printf(arena, &job->timestamp, "%lld", (long long)(source->now_us / CLOCK_SECOND)));
    return sign(source, arena, job);
}

static struct status make_mail(const struct message_source *source, struct arena *arena,
                               struct wire_job *job)
{
    const struct notifier *n = source->notifier;
    bool implicit = str_equal_c(n->tls, "implicit");
    struct str head;
    struct str rest;
    bool v6 = str_split(n->host, ':', &head, &rest);
    job->mail = true;
    job->require_tls = str_equal_c(n->tls, "starttls");
    job->loopback_only = str_equal_c(n->tls, "none");
    job->username = n->username;
    job->password = str_from_bytes(secret_view(source->secret));
    job->sender = n->sender;
    job->recipient = n->recipient.len > 0 ? n->recipient : source->notice->owner;
    if (!rules_is_mail(job->recipient) || !rules_is_mail(job->sender)) {
        FAIL(INVALID, "the recipient isn't a mail address");
    }
    TRY(arena_printf(arena, &job->url, "%s://%s%.*s%s:%lld", implicit ? "smtps" : "smtp",
                     v6 ? "[" : "", STR_ARG(n->host), v6 ? "]" : "", (long long)n->port));
    return mail_write(n, source->notice, job->recipient, source->now_us, arena, &job->body);
}

struct status message_make(const struct message_source *source, struct arena *arena,
                           struct wire_job *out)
{
    struct wire_job job = {.ca_file = source->notifier->ca_file, .timeout_ms = source->timeout_ms};
    if (notifier_is_webhook(source->notifier)) {
        TRY(make_webhook(source, arena, &job));
    } else {
        TRY(make_mail(source, arena, &job));
    }
    *out = job;
    return OK_STATUS;
}

struct status message_test_notice(const struct notifier *n, struct str mount_path, int64_t now_us,
                                  struct buffer *payload, struct notice *out)
{
    struct json_writer w = json_writer_on(payload);
    json_begin_object(&w);
    json_add_string(&w, "type", STR("rotation.test"));
    json_add_time(&w, "timestamp", now_us);
    json_put_key(&w, "data");
    json_begin_object(&w);
    json_add_string(&w, "event", STR("test"));
    json_add_string(&w, "mount", mount_path);
    json_add_string(&w, "notifier", n->name);
    json_end_object(&w);
    json_end_object(&w);
    TRY(json_writer_status(&w));
    *out = (struct notice){.id = uuid_new(),
                           .mount = n->mount,
                           .credential = n->name,
                           .owner = n->recipient,
                           .event = STR("test"),
                           .time_us = now_us,
                           .payload = buffer_str(payload)};
    return OK_STATUS;
}

struct status message_show_key(struct bytes key, struct arena *arena, struct str *out)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, KEY_TEXT_BYTES);
    buffer_append_str(&text, KEY_PREFIX);
    buffer_append_base64(&text, key);
    TRY(buffer_status(&text));
    return arena_copy_str(arena, buffer_str(&text), out);
}

struct status message_read_key(struct str text, struct secret **out)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    if (!str_starts_with(text, KEY_PREFIX) || text.len > KEY_TEXT_BYTES) {
        FAIL(INVALID, "a signing key is whsec_ and 24 to 64 octets in base64");
    }
    TRY(encoding_from_base64(str_skip(text, KEY_PREFIX.len), &key));
    if (secret_len(key) < NOTIFIER_KEY_MIN_BYTES || secret_len(key) > NOTIFIER_KEY_MAX_BYTES) {
        FAIL(INVALID, "a signing key is whsec_ and 24 to 64 octets in base64");
    }
    *out = TAKE(key);
    return OK_STATUS;
}
