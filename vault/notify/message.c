// SPDX-License-Identifier: ISC
#include "vault/notify/message.h"

#include "vault/base/json_writer.h"
#include "vault/crypto/encoding.h"
#include "vault/crypto/hash.h"
#include "vault/notify/mail.h"
#include "vault/notify/rules.h"
#include "vault/notify/signing_keys.h"

enum { SIGNED_BYTES = 128 * 1024, SIGNATURES_BYTES = 256 };

// The standard's list of signatures: a receiver takes the message when it knows the key of one.
static void append_signature(struct buffer *list, struct bytes key, struct bytes text)
{
    uint8_t mac[HASH_BYTES];
    hash_hmac_sha256(key, text, mac);
    buffer_append_c(list, list->len > 0 ? " v1," : "v1,");
    buffer_append_base64(list, BYTES_OF(mac));
}

static struct status sign(const struct message_source *source, struct arena *arena,
                          struct wire_job *job)
{
    struct signing_keys keys;
    struct buffer text CLEANUP(buffer_done);
    struct buffer list CLEANUP(buffer_done);
    buffer_init(&text, SIGNED_BYTES);
    buffer_init(&list, SIGNATURES_BYTES);
    TRY(signing_keys_unpack(source->secret, &keys));
    buffer_append_str(&text, job->id);
    buffer_append_byte(&text, '.');
    buffer_append_str(&text, job->timestamp);
    buffer_append_byte(&text, '.');
    buffer_append_str(&text, job->body);
    TRY(buffer_status(&text));
    append_signature(&list, keys.key, buffer_bytes(&text));
    if (keys.old.len > 0 && source->now_us < keys.old_until_us) {
        append_signature(&list, keys.old, buffer_bytes(&text));
    }
    TRY(buffer_status(&list));
    return arena_copy_str(arena, buffer_str(&list), &job->signature);
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
