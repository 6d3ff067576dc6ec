// SPDX-License-Identifier: ISC
#include "vault/core/audit_path.h"

#include <string.h>

#include "vault/base/buffer.h"
#include "vault/base/limits.h"
#include "vault/base/macros.h"
#include "vault/crypto/audit_hmac.h"

enum {
    RUN_MIN = 16,            // characters behind a prefix that make a token of it
    LEGACY_CHARACTERS = 24,  // of `s.` tokens, which are letters and digits
    GUESSABLE_BYTES = 8,     // shorter texts could be found by trying
    HASHED_MAX = 4,          // a path must still fit into an index when it has grown
    TOKEN_PATH_SEGMENTS = 3, // "auth/token/lookup"
};

static bool is_alphanumeric(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static size_t count_run(struct str s)
{
    size_t count = 0;
    while (count < s.len &&
           (is_alphanumeric(s.ptr[count]) || s.ptr[count] == '-' || s.ptr[count] == '_')) {
        count++;
    }
    return count;
}

// Anywhere in the segment, because what was pasted may have quotes or blanks around it.
static bool holds_token(struct str segment)
{
    static const struct str prefixes[] = {{"hvs.", 4}, {"hvb.", 4}, {"hvr.", 4}};
    for (size_t at = 0; at < segment.len; at++) {
        struct str rest = str_skip(segment, at);
        for (size_t i = 0; i < ARRAY_LEN(prefixes); i++) {
            if (str_starts_with(rest, prefixes[i]) && count_run(str_skip(rest, 4)) >= RUN_MIN) {
                return true;
            }
        }
    }
    return false;
}

// As vaults made them once: `s.` and 24 letters and digits, perhaps with a namespace behind them.
static bool is_legacy_token(struct str segment)
{
    struct str text = str_skip(segment, 2);
    if (!str_starts_with(segment, STR("s.")) || text.len < LEGACY_CHARACTERS) {
        return false;
    }
    for (size_t i = 0; i < LEGACY_CHARACTERS; i++) {
        if (!is_alphanumeric(text.ptr[i])) {
            return false;
        }
    }
    return text.len == LEGACY_CHARACTERS || text.ptr[LEGACY_CHARACTERS] == '.';
}

// Where a token stands whatever its form, which whoever makes it may choose.
static bool names_tokens(struct str path)
{
    static const struct str folders[] = {{"auth/token/lookup/", 18},
                                         {"auth/token/renew/", 17},
                                         {"auth/token/revoke/", 18},
                                         {"auth/token/revoke-orphan/", 25}};
    for (size_t i = 0; i < ARRAY_LEN(folders); i++) {
        if (str_starts_with(path, folders[i])) {
            return true;
        }
    }
    return false;
}

static struct status put_hidden(const struct operation *op, struct str segment, size_t *hashed,
                                struct buffer *out)
{
    char hmac[AUDIT_HMAC_TEXT_BYTES];
    if (segment.len < GUESSABLE_BYTES || *hashed == HASHED_MAX) {
        buffer_append_c(out, "***");
        return OK_STATUS;
    }
    TRY(audit_hmac(op->worker->vault->keyring, op->namespace_id, STR("token"),
                   bytes_from_str(segment), hmac));
    ++*hashed;
    buffer_append_c(out, hmac);
    return OK_STATUS;
}

struct status audit_path(const struct operation *op, struct str *out)
{
    size_t fixed = names_tokens(op->path) ? TOKEN_PATH_SEGMENTS : SIZE_MAX;
    if (fixed == SIZE_MAX && memchr(op->path.ptr, '.', op->path.len) == NULL) {
        *out = op->path; // every form of token has a dot, and hardly any path
        return OK_STATUS;
    }
    size_t hidden = 0;
    size_t hashed = 0;
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, LIMIT_PATH_BYTES + HASHED_MAX * AUDIT_HMAC_TEXT_BYTES);
    struct str rest = op->path;
    bool more = true;
    for (size_t i = 0; more; i++) {
        struct str segment;
        more = str_split(rest, '/', &segment, &rest);
        if (segment.len > 0 && (i >= fixed || holds_token(segment) || is_legacy_token(segment))) {
            hidden++;
            TRY(put_hidden(op, segment, &hashed, &text));
        } else {
            buffer_append_str(&text, segment);
        }
        buffer_append_c(&text, more ? "/" : "");
    }
    TRY(buffer_status(&text));
    if (hidden == 0) {
        *out = op->path;
        return OK_STATUS;
    }
    return arena_copy_str(op->arena, buffer_str(&text), out);
}
