// SPDX-License-Identifier: ISC
#include "vault/base/status.h"

#include "vault/base/macros.h"

static const struct {
    const char *text;
    const char *label;
    int http;
    bool retryable;
} status_rows[] = {
#define X(name, text, http, label, retry) {text, label, http, retry},
    STATUS_TABLE(X)
#undef X
};

const char *status_text(enum status_code code)
{
    REQUIRE(code < STATUS_COUNT);
    return status_rows[code].text;
}

const char *status_label(enum status_code code)
{
    REQUIRE(code < STATUS_COUNT);
    return status_rows[code].label;
}

int status_http(enum status_code code)
{
    REQUIRE(code < STATUS_COUNT);
    return status_rows[code].http;
}

bool status_retryable(enum status_code code)
{
    REQUIRE(code < STATUS_COUNT);
    return status_rows[code].retryable;
}
