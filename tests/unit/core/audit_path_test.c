// SPDX-License-Identifier: ISC
#include "vault/core/audit_path.h"

#include "tests/unit/crypto/keyring_fixture.h"
#include "vault/base/limits.h"
#include "vault/crypto/audit_hmac.h"

#define TOKEN "hvs.AbCdEfGhIjKlMnOpQrStUvWx"

static struct str shown(void **state, struct arena *arena, const char *path)
{
    const struct keyring_fixture *f = *state;
    struct vault vault = {.keyring = f->keyring};
    struct worker worker = {.vault = &vault};
    const struct operation op = {
        .worker = &worker, .arena = arena, .namespace_id = 1, .path = str_from_c(path)};
    struct str out;
    assert_ok(audit_path(&op, &out));
    return out;
}

// `hidden` is the segment between the two ends.
static void hides(void **state, const char *before, const char *hidden, const char *behind)
{
    const struct keyring_fixture *f = *state;
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(LIMIT_ARENA_BYTES);
    char hmac[AUDIT_HMAC_TEXT_BYTES];
    struct str path;
    struct str expected;
    assert_ok(arena_printf(arena, &path, "%s%s%s", before, hidden, behind));
    assert_ok(audit_hmac(f->keyring, 1, STR("token"), bytes_from_str(str_from_c(hidden)), hmac));
    assert_ok(arena_printf(arena, &expected, "%s%s%s", before, hmac, behind));
    assert_str(expected.ptr, shown(state, arena, path.ptr));
}

static void shows(void **state, const char *path, const char *expected)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(LIMIT_ARENA_BYTES);
    assert_str(expected, shown(state, arena, path));
}

static void segments_in_the_form_of_a_token_are_hashed(void **state)
{
    hides(state, "secret/data/", TOKEN, "");
    hides(state, "", TOKEN, "/x/");
    hides(state, "a/", "hvb.AAAAAQJ-_1234567890abcdefghij", "");
    hides(state, "a/", "hvr.AAAAAQJ-_1234567890abcdefghij.ns1", "/b");
    hides(state, "a/", "s.AbCdEfGhIjKlMnOpQrStUvWx", "");
    hides(state, "a/", "s.AbCdEfGhIjKlMnOpQrStUvWx.ns1", "");
}

static void blanks_or_quotes_around_a_token_hide_nothing(void **state)
{
    hides(state, "a/", " \"" TOKEN "\" ", "/b");
    hides(state, "a/", "token=" TOKEN, "");
}

static void whatever_stands_where_a_token_does_is_hidden(void **state)
{
    hides(state, "auth/token/lookup/", "one-of-my-own", "");
    hides(state, "auth/token/revoke-orphan/", "one-of-my-own", "/");
    shows(state, "auth/token/renew/short/a", "auth/token/renew/***/***");
}

static void names_are_shown(void **state)
{
    static const char *const paths[] = {
        "",
        "secret/data/app/",
        "secret/data/hvs.short",
        "secret/data/s.config",
        "secret/data/s.AbCdEfGhIjKlMnOpQrStUvWxYz",
        "auth/token/lookup-self",
        "auth/token/lookup/",
        "auth/token/lookup",
        "auth/token/roles/lookup",
    };
    for (size_t i = 0; i < ARRAY_LEN(paths); i++) {
        shows(state, paths[i], paths[i]);
    }
}

static void a_path_of_many_tokens_stays_short(void **state)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(LIMIT_ARENA_BYTES);
    struct buffer path CLEANUP(buffer_done);
    buffer_init(&path, LIMIT_PATH_BYTES);
    for (size_t i = 0; i < 60; i++) {
        buffer_append_c(&path, TOKEN "/");
    }
    buffer_append_byte(&path, 0);
    assert_ok(buffer_status(&path));
    struct str out = shown(state, arena, (const char *)buffer_bytes(&path).ptr);
    assert_int_equal(4 * AUDIT_HMAC_TEXT_BYTES + 56 * 4, out.len); // with their slashes
    assert_true(str_ends_with(out, STR("/***/")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keyring_test(segments_in_the_form_of_a_token_are_hashed),
        keyring_test(blanks_or_quotes_around_a_token_hide_nothing),
        keyring_test(whatever_stands_where_a_token_does_is_hidden),
        keyring_test(names_are_shown),
        keyring_test(a_path_of_many_tokens_stays_short),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
