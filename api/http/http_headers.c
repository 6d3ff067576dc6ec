// SPDX-License-Identifier: ISC
#include "api/http/http_headers.h"

#include <string.h>

#include "vault/base/macros.h"

// Fields that say where the request ends, whom it is from or what it may do: never twice.
static const char *const single_fields[] = {
    "Host",          "Content-Length",    "Transfer-Encoding", "Content-Type",     "Authorization",
    "X-Vault-Token", "X-Vault-Namespace", "X-Vault-Request",   "X-Vault-Wrap-TTL", "Expect",
};

struct str http_headers_get(const struct http_headers *headers, struct str name)
{
    for (size_t i = 0; i < headers->count; i++) {
        if (str_equal_nocase(headers->items[i].name, name)) {
            return headers->items[i].value;
        }
    }
    return (struct str){NULL, 0};
}

// RFC 9110 section 5.6.2.
static bool is_token_char(char c)
{
    bool alphanumeric = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    return alphanumeric || (c != '\0' && strchr("!#$%&'*+-.^_`|~", c) != NULL);
}

static bool is_token(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_token_char(s.ptr[i])) {
            return false;
        }
    }
    return s.len > 0;
}

static bool has_control(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        unsigned char c = (unsigned char)s.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7F) {
            return true;
        }
    }
    return false;
}

static bool is_single_field(struct str name)
{
    for (size_t i = 0; i < ARRAY_LEN(single_fields); i++) {
        if (str_equal_nocase(name, str_from_c(single_fields[i]))) {
            return true;
        }
    }
    return false;
}

static size_t count_field(const struct http_headers *headers, struct str name)
{
    size_t count = 0;
    for (size_t i = 0; i < headers->count; i++) {
        count += str_equal_nocase(headers->items[i].name, name);
    }
    return count;
}

// RFC 9110 section 8.6. Readers that make a number of "+5", "-0" or "5, 5" don't agree which.
static bool is_length(struct str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (s.ptr[i] < '0' || s.ptr[i] > '9') {
            return false;
        }
    }
    return s.len > 0;
}

// libmicrohttpd puts what a folded line goes on with (RFC 9112 section 5.2) behind the name: a
// length that isn't seen lets the body pass for the next request.
static bool is_folded_framing(struct str name)
{
    static const char *const framing[] = {"Content-Length", "Transfer-Encoding"};
    for (size_t i = 0; i < ARRAY_LEN(framing); i++) {
        struct str field = str_from_c(framing[i]);
        if (name.len > field.len && str_equal_nocase(str_first(name, field.len), field)) {
            return true;
        }
    }
    return false;
}

struct status http_headers_check(const struct http_headers *headers)
{
    for (size_t i = 0; i < headers->count; i++) {
        const struct http_header *h = &headers->items[i];
        if (!is_token(h->name) || has_control(h->value) || is_folded_framing(h->name)) {
            FAIL(INVALID, "malformed header field");
        }
        if (is_single_field(h->name) && count_field(headers, h->name) > 1) {
            FAIL(INVALID, "a header field that must be unique is repeated");
        }
    }
    bool has_length = count_field(headers, STR("Content-Length")) > 0;
    if (has_length && !is_length(http_headers_get(headers, STR("Content-Length")))) {
        FAIL(INVALID, "Content-Length must be digits");
    }
    if (count_field(headers, STR("Transfer-Encoding")) == 0) {
        return OK_STATUS;
    }
    if (has_length) {
        FAIL(INVALID, "Content-Length beside Transfer-Encoding");
    }
    if (!str_equal_nocase(http_headers_get(headers, STR("Transfer-Encoding")), STR("chunked"))) {
        FAIL(INVALID, "unsupported transfer coding: only chunked is accepted");
    }
    return OK_STATUS;
}

static bool bearer_credentials(struct str authorization, struct str *out)
{
    struct str scheme;
    struct str rest;
    if (!str_split(authorization, ' ', &scheme, &rest) ||
        !str_equal_nocase(scheme, STR("Bearer"))) {
        return false;
    }
    *out = str_trim(rest);
    return out->len > 0;
}

struct status http_headers_token(const struct http_headers *headers, struct str *out)
{
    struct str token = http_headers_get(headers, STR("X-Vault-Token"));
    struct str bearer;
    if (bearer_credentials(http_headers_get(headers, STR("Authorization")), &bearer)) {
        if (token.len > 0 && !str_equal(token, bearer)) {
            FAIL(INVALID, "X-Vault-Token and Authorization name different tokens");
        }
        token = bearer;
    }
    *out = token;
    return OK_STATUS;
}
