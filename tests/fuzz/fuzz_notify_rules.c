// SPDX-License-Identifier: ISC
// Where notices may go. Input: a pattern and a text, with a NUL between them; the text is taken for
// an address of a webhook, a host, a mail address, a name and a signing key.
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vault/notify/rules.h"
#include "vault/notify/signing_keys.h"

static bool is_visible(struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.ptr[i] <= ' ' || text.ptr[i] > '~') {
            return false;
        }
    }
    return true;
}

static void check_url(struct str url)
{
    if (rules_check_url(url) != NULL) {
        return;
    }
    REQUIRE(is_visible(url) && url.len <= RULES_URL_BYTES);
    REQUIRE(memchr(url.ptr, '#', url.len) == NULL);
    REQUIRE(rules_is_http(url) || str_starts_with(url, STR("https://")) ||
            str_starts_with(url, STR("HTTPS://")) || url.ptr[4] == 's' || url.ptr[4] == 'S');
}

// Nothing that could end a header or an SMTP command, or begin another one.
static void check_mail(struct str address)
{
    if (rules_is_mail(address)) {
        REQUIRE(is_visible(address) && address.len <= RULES_MAIL_BYTES);
        REQUIRE(memchr(address.ptr, '<', address.len) == NULL);
        REQUIRE(memchr(address.ptr, '>', address.len) == NULL);
        REQUIRE(memchr(address.ptr, '@', address.len) != NULL);
    }
}

static void check_key(struct str text, struct arena *arena)
{
    struct secret *key = NULL;
    struct str shown;
    if (status_ok(signing_key_read(text, &key))) {
        struct secret *again = NULL;
        REQUIRE(status_ok(signing_key_show(secret_view(key), arena, &shown)));
        REQUIRE(status_ok(signing_key_read(shown, &again)) && secret_equal(key, again));
        secret_free(again);
        secret_free(key);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct str text;
    struct str pattern = fuzz_split(data, size, &text);
    fuzz_secret_memory();
    check_url(text);
    check_mail(text);
    check_key(text, arena);
    REQUIRE(!rules_is_loopback_host(text) || is_visible(text));
    REQUIRE(!rules_is_host(text) || (is_visible(text) && text.len <= RULES_HOST_BYTES));
    if (rules_is_pattern(pattern)) {
        bool plain = memchr(pattern.ptr, '*', pattern.len) == NULL;
        REQUIRE(rules_pattern_matches(pattern, pattern));
        REQUIRE(!plain || rules_pattern_matches(pattern, text) == str_equal(pattern, text));
        REQUIRE(rules_pattern_matches(STR("*"), text));
    }
    return 0;
}
