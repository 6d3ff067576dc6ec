// SPDX-License-Identifier: ISC
#include "vault/base/log.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "vault/base/clock.h"
#include "vault/base/limits.h"
#include "vault/base/log_budget.h"

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static _Atomic enum log_level least_level = LOG_INFO;
static pthread_mutex_t budget_lock = PTHREAD_MUTEX_INITIALIZER;
static struct log_budget budget;

// A line on the stack: what doesn't fit is cut, the closing brace always fits.
struct line {
    char text[LIMIT_LOG_LINE_BYTES];
    size_t len;
};

enum { LINE_RESERVE = 16 };

static void put(struct line *l, struct str s)
{
    size_t room = sizeof l->text - LINE_RESERVE - l->len;
    size_t len = s.len < room ? s.len : room;
    if (len > 0) {
        memcpy(l->text + l->len, s.ptr, len);
        l->len += len;
    }
}

static void put_c(struct line *l, const char *text)
{
    put(l, str_from_c(text));
}

static void put_escaped(struct line *l, struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if (sizeof l->text - LINE_RESERVE - l->len < 8) {
            return; // never half an escape
        }
        if (c == '"' || c == '\\') {
            put(l, (struct str){(const char[]){'\\', (char)c}, 2});
        } else if (c < 0x20 || c >= 0x7F) {
            // Anything but printable ASCII is escaped by octet: a log line is never ambiguous.
            char escape[8];
            snprintf(escape, sizeof escape, "\\u%04x", (unsigned)c);
            put_c(l, escape);
        } else {
            put(l, (struct str){s.ptr + i, 1});
        }
    }
}

static void put_quoted(struct line *l, struct str s)
{
    put_c(l, "\"");
    put_escaped(l, s);
    put_c(l, "\"");
}

static void put_name(struct line *l, const char *name)
{
    put_c(l, ",");
    put_quoted(l, str_from_c(name));
    put_c(l, ":");
}

static void put_int(struct line *l, int64_t value)
{
    char digits[24];
    snprintf(digits, sizeof digits, "%lld", (long long)value);
    put_c(l, digits);
}

static void put_uuid(struct line *l, struct uuid id)
{
    char text[UUID_TEXT_BYTES];
    uuid_format(id, text);
    put_quoted(l, str_from_c(text));
}

static void put_field(struct line *l, const struct log_field *f)
{
    put_name(l, f->name);
    switch (f->kind) {
    case LOG_KIND_STR:
        put_quoted(l, f->text);
        break;
    case LOG_KIND_INT:
        put_int(l, f->number);
        break;
    case LOG_KIND_UUID:
        put_uuid(l, f->id);
        break;
    case LOG_KIND_STATUS:
        put_quoted(l, str_from_c(f->status.what));
        put_name(l, "code");
        put_quoted(l, str_from_c(status_label(f->status.code)));
        put_name(l, "line");
        put_int(l, f->status.line);
        break;
    }
}

void log_set_level(enum log_level least)
{
    atomic_store(&least_level, least);
}

struct status log_level_parse(struct str text, enum log_level *out)
{
    for (size_t i = 0; i < ARRAY_LEN(level_names); i++) {
        if (str_equal_c(text, level_names[i])) {
            *out = (enum log_level)i;
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "expected debug, info, warn or error");
}

void log_write(enum log_level level, const char *event, const struct log_field *fields,
               size_t count)
{
    if (level < atomic_load(&least_level)) {
        return;
    }
    struct line l = {.len = 0};
    char now[CLOCK_TEXT_BYTES];
    clock_format(clock_wall_us(), now);
    put_c(&l, "{\"time\":\"");
    put_c(&l, now);
    put_c(&l, "\",\"level\":\"");
    put_c(&l, level_names[level]);
    put_c(&l, "\",\"event\":");
    put_quoted(&l, str_from_c(event));
    for (size_t i = 0; i < count; i++) {
        put_field(&l, &fields[i]);
    }
    memcpy(l.text + l.len, "}\n", 2);
    // Nobody to tell when the log itself can't be written.
    ssize_t written = write(STDERR_FILENO, l.text, l.len + 2);
    (void)written;
}

void log_write_repeated(enum log_level level, const char *event, const struct log_field *fields,
                        size_t count)
{
    if (level < atomic_load(&least_level)) {
        return;
    }
    pthread_mutex_lock(&budget_lock);
    bool say = log_budget_take(&budget, event, clock_monotonic_us());
    pthread_mutex_unlock(&budget_lock);
    if (say) {
        log_write(level, event, fields, count);
    }
}

static bool next_sum(int64_t now_us, struct log_budget_sum *out)
{
    pthread_mutex_lock(&budget_lock);
    bool found = log_budget_next_sum(&budget, now_us, out);
    pthread_mutex_unlock(&budget_lock);
    return found;
}

static void say_sum(const struct log_budget_sum *sum)
{
    int64_t to_wall_us = clock_wall_us() - clock_monotonic_us();
    char from[CLOCK_TEXT_BYTES];
    char until[CLOCK_TEXT_BYTES];
    clock_format(sum->began_us + to_wall_us, from);
    clock_format(sum->last_us + to_wall_us, until);
    log_event(LOG_WARN, sum->ended ? "log.suppression_ended" : "log.suppressed",
              LOG_STR("of", str_from_c(sum->event)), LOG_INT("lines", sum->lines),
              LOG_STR("from", str_from_c(from)), LOG_STR("until", str_from_c(until)));
}

static void say_sums(int64_t now_us)
{
    struct log_budget_sum sum;
    while (next_sum(now_us, &sum)) {
        say_sum(&sum);
    }
}

void log_sum_up(void)
{
    say_sums(clock_monotonic_us());
}

void log_sum_up_all(void)
{
    say_sums(CLOCK_NEVER);
}

int64_t log_suppressed_lines(void)
{
    pthread_mutex_lock(&budget_lock);
    int64_t lines = budget.suppressed;
    pthread_mutex_unlock(&budget_lock);
    return lines;
}
