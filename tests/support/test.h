// SPDX-License-Identifier: ISC
// The only includer of cmocka, and the few helpers that every test wants.
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "vault/base/bytes.h"
#include "vault/base/macros.h"
#include "vault/base/status.h"

// The expression's status must be OK; shows what failed.
#define assert_ok(expr)                                                                            \
    do {                                                                                           \
        struct status assert_status_ = (expr);                                                     \
        if (assert_status_.code != STATUS_OK) {                                                    \
            fail_msg("%s: %s (line %u)", status_label(assert_status_.code), assert_status_.what,   \
                     assert_status_.line);                                                         \
        }                                                                                          \
    } while (0)

// The expression's status must be exactly STATUS_<name>.
#define assert_status(name, expr)                                                                  \
    do {                                                                                           \
        struct status assert_status_ = (expr);                                                     \
        if (assert_status_.code != STATUS_##name) {                                                \
            fail_msg("expected %s, got %s: %s", status_label(STATUS_##name),                       \
                     status_label(assert_status_.code), assert_status_.what);                      \
        }                                                                                          \
    } while (0)

#define assert_str(expected, actual)                                                               \
    do {                                                                                           \
        struct str assert_str_ = (actual);                                                         \
        struct str assert_want_ = str_from_c(expected);                                            \
        if (!str_equal(assert_str_, assert_want_)) {                                               \
            fail_msg("expected \"%s\", got \"%.*s\"", (expected), STR_ARG(assert_str_));           \
        }                                                                                          \
    } while (0)

#define RUN_TESTS(tests) cmocka_run_group_tests(tests, NULL, NULL)
