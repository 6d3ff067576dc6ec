// SPDX-License-Identifier: ISC
#include "rotators/common/call.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

bool call_text_equal(struct rotunda_text a, struct rotunda_text b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool call_text_is(struct rotunda_text a, const char *b)
{
    return call_text_equal(a, (struct rotunda_text){b, strlen(b)});
}

bool call_text_copy(struct rotunda_text text, char *out, size_t size)
{
    out[0] = '\0';
    if (text.len >= size || (text.len > 0 && memchr(text.ptr, '\0', text.len) != NULL)) {
        return false;
    }
    if (text.len > 0) {
        memcpy(out, text.ptr, text.len);
    }
    out[text.len] = '\0';
    return true;
}

static struct rotunda_text find(const struct rotunda_setting *settings, size_t count,
                                const char *name)
{
    for (size_t i = 0; i < count; i++) {
        if (call_text_is(settings[i].name, name)) {
            return settings[i].value;
        }
    }
    return (struct rotunda_text){NULL, 0};
}

struct rotunda_text call_target_setting(const struct rotunda_call *call, const char *name)
{
    return find(call->target.settings, call->target.setting_count, name);
}

struct rotunda_text call_account_setting(const struct rotunda_call *call, const char *name)
{
    return find(call->account.settings, call->account.setting_count, name);
}

bool call_target_copy(const struct rotunda_call *call, const char *name, const char *otherwise,
                      char out[CALL_TEXT_BYTES])
{
    struct rotunda_text value = call_target_setting(call, name);
    if (value.len == 0) {
        value = (struct rotunda_text){otherwise, strlen(otherwise)};
    }
    return call_text_copy(value, out, CALL_TEXT_BYTES);
}

enum rotunda_error call_fail(struct rotunda_reply *reply, enum rotunda_error error,
                             const char *format, ...)
{
    va_list args;
    va_start(args, format);
    vsnprintf(reply->message, sizeof reply->message, format, args);
    va_end(args);
    reply->error = error;
    return error;
}

int64_t call_now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t call_deadline_ms(const struct rotunda_call *call)
{
    return call_now_ms() + call->timeout_ms - call->timeout_ms / 8;
}
