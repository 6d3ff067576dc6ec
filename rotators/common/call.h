// SPDX-License-Identifier: ISC
// What every rotator needs to read its call and fill in its reply. Allocates nothing.
#pragma once

#include <stdbool.h>

#include "rotunda/rotator.h"

// "" when `text` is absent. Never for secrets: see common/lent.h.
enum { CALL_TEXT_BYTES = 1024 };

bool call_text_equal(struct rotunda_text a, struct rotunda_text b);
bool call_text_is(struct rotunda_text a, const char *b);

// NUL-terminated copy. False when it is too long for `size` or holds a NUL: then out is "".
bool call_text_copy(struct rotunda_text text, char *out, size_t size);

// The setting's value, {NULL, 0} when absent.
struct rotunda_text call_target_setting(const struct rotunda_call *call, const char *name);
struct rotunda_text call_account_setting(const struct rotunda_call *call, const char *name);

// NUL-terminated copy of a target's setting, or of `otherwise` when it is absent or empty. False
// when it does not fit.
bool call_target_copy(const struct rotunda_call *call, const char *name, const char *otherwise,
                      char out[CALL_TEXT_BYTES]);

// Sets reply->error and the message, a printf format whose arguments are never secret; yields the
// error.
enum rotunda_error call_fail(struct rotunda_reply *reply, enum rotunda_error error,
                             const char *format, ...) __attribute__((format(printf, 3, 4)));
// The same for the two operations that answer otherwise.
#define CALL_NOT_APPLIED(reply, error, ...)                                                        \
    (call_fail((reply), (error), __VA_ARGS__), ROTUNDA_APPLY_NOT_APPLIED)
#define CALL_NO_ANSWER(reply, error, ...)                                                          \
    (call_fail((reply), (error), __VA_ARGS__), ROTUNDA_PROBE_UNREACHABLE)

// Monotonic milliseconds, and the moment at which this call gives up: some time before its host is
// killed, so that the answer still gets out.
int64_t call_now_ms(void);
int64_t call_deadline_ms(const struct rotunda_call *call);
