// SPDX-License-Identifier: ISC
#include "vault/notify/mail.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "vault/base/json.h"

enum { MAIL_BYTES = 64 * 1024, BASE64_COLUMNS = 57, LINE_BYTES = 200 };

// What each event means, and what to do.
static const struct {
    const char *event;
    const char *subject;
    const char *text;
} words[] = {
    {"rotated", "rotated", "A new version is current, and the target accepts it."},
    {"retired", "previous version ended", "The version before the current one has ended."},
    {"failing", "rotation is failing",
     "Its rotation has failed several times in a row and goes on being tried. What is current\n"
     "stays served. `rotunda rotation history` tells what was tried."},
    {"blocked", "rotation waits for you",
     "Its rotation can't go on by itself. Put right what `rotunda rotation history` names, then\n"
     "acknowledge it (docs/rotation.md)."},
    {"expiring", "expires soon", "It expires at the time below."},
    {"expired", "has expired", "Its date has passed."},
    {"due", "rotation comes soon", "Its next rotation is at the time below."},
    {"overdue", "rotation is overdue",
     "It should have been rotated by now. `rotunda rotation status` tells what holds it up."},
    {"test", "test", "This is a test of the notifier; nothing has happened."},
};

static const struct {
    const char *key;
    const char *label;
} lines[] = {
    {"credential", "Credential"},
    {"mount", "Mount"},
    {"notifier", "Notifier"},
    {"target", "Target"},
    {"account", "Account"},
    {"owner", "Owner"},
    {"version", "Version"},
    {"previous_until", "Previous version until"},
    {"last_rotation", "Last rotation"},
    {"next_rotation", "Next rotation"},
    {"expires_at", "Expires"},
    {"state", "State"},
    {"error_class", "Error"},
};

// One line of it: what could end a line or hide one becomes a space.
static void put_plain(struct buffer *out, struct str text)
{
    size_t len = text.len < LINE_BYTES ? text.len : LINE_BYTES;
    while (len < text.len && len > 0 && ((uint8_t)text.ptr[len] & 0xc0) == 0x80) {
        len--; // not in the middle of a character
    }
    for (size_t i = 0; i < len; i++) {
        uint8_t c = (uint8_t)text.ptr[i];
        buffer_append_byte(out, c < ' ' || c == 0x7f ? ' ' : c);
    }
}

static bool is_ascii(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((uint8_t)text.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

static void put_date(struct buffer *out, int64_t wall_us)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(wall_us / CLOCK_SECOND);
    struct tm t;
    char text[64];
    REQUIRE(gmtime_r(&seconds, &t) != NULL);
    snprintf(text, sizeof text, "Date: %s, %02d %s %d %02d:%02d:%02d +0000\r\n", days[t.tm_wday],
             t.tm_mday, months[t.tm_mon], t.tm_year + 1900, t.tm_hour, t.tm_min, t.tm_sec);
    buffer_append_c(out, text);
}

static size_t find_words(struct str event)
{
    size_t i = 0;
    while (i + 1 < ARRAY_LEN(words) && !str_equal_c(event, words[i].event)) {
        i++;
    }
    return i;
}

// Names are ASCII, and the rest of the subject is ours.
static void put_headers(struct buffer *out, const struct notifier *n, const struct notice *notice,
                        struct str recipient)
{
    struct str local;
    struct str domain;
    char id[UUID_TEXT_BYTES];
    uuid_format(notice->id, id);
    str_split(n->sender, '@', &local, &domain);
    buffer_append_c(out, "From: Rotunda <");
    put_plain(out, n->sender);
    buffer_append_c(out, ">\r\nTo: <");
    put_plain(out, recipient);
    buffer_append_c(out, ">\r\nSubject: [Rotunda] ");
    put_plain(out, notice->credential);
    buffer_append_c(out, ": ");
    buffer_append_c(out, words[find_words(notice->event)].subject);
    buffer_append_c(out, "\r\nMessage-ID: <");
    buffer_append_c(out, id);
    buffer_append_c(out, "@");
    put_plain(out, domain);
    buffer_append_c(out, ">\r\nAuto-Submitted: auto-generated\r\nMIME-Version: 1.0\r\n"
                         "Content-Type: text/plain; charset=utf-8\r\n");
}

static void put_text(struct buffer *out, const char *text)
{
    for (; *text != 0; text++) {
        buffer_append_c(out, *text == '\n' ? "\r" : "");
        buffer_append_byte(out, (uint8_t)*text);
    }
}

static void put_line(struct buffer *out, const char *label, struct json_value v)
{
    struct str text;
    if (json_is_null(v)) {
        return;
    }
    if (!status_ok(json_as_str(v, &text))) {
        text = json_raw(v);
    }
    buffer_append_c(out, label);
    buffer_append_c(out, ": ");
    put_plain(out, text);
    buffer_append_c(out, "\r\n");
}

static struct status put_body(struct buffer *out, const struct notice *notice, struct arena *arena)
{
    struct json_value payload;
    if (!status_ok(json_parse(notice->payload, NULL, arena, &payload, NULL))) {
        FAIL(INTEGRITY, "a notice isn't JSON");
    }
    struct json_value data = json_get(payload, "data");
    put_text(out, words[find_words(notice->event)].text);
    buffer_append_c(out, "\r\n\r\n");
    for (size_t i = 0; i < ARRAY_LEN(lines); i++) {
        put_line(out, lines[i].label, json_get(data, lines[i].key));
    }
    return buffer_status(out);
}

static void append_body(struct buffer *out, struct bytes body)
{
    if (is_ascii(str_from_bytes(body))) {
        buffer_append_c(out, "Content-Transfer-Encoding: 7bit\r\n\r\n");
        buffer_append(out, body);
        return;
    }
    buffer_append_c(out, "Content-Transfer-Encoding: base64\r\n\r\n");
    for (size_t at = 0; at < body.len; at += BASE64_COLUMNS) {
        size_t left = body.len - at;
        struct bytes part = {body.ptr + at, left < BASE64_COLUMNS ? left : BASE64_COLUMNS};
        buffer_append_base64(out, part);
        buffer_append_c(out, "\r\n");
    }
}

struct status mail_write(const struct notifier *n, const struct notice *notice,
                         struct str recipient, int64_t now_us, struct arena *arena, struct str *out)
{
    struct buffer body CLEANUP(buffer_done);
    struct buffer mail CLEANUP(buffer_done);
    buffer_init(&body, MAIL_BYTES);
    buffer_init(&mail, MAIL_BYTES);
    TRY(put_body(&body, notice, arena));
    put_date(&mail, now_us);
    put_headers(&mail, n, notice, recipient);
    append_body(&mail, buffer_bytes(&body));
    TRY(buffer_status(&mail));
    return arena_copy_str(arena, buffer_str(&mail), out);
}
