// SPDX-License-Identifier: ISC
// Where notices may go, and which.
#include <arpa/inet.h>

#include "tests/support/test.h"
#include "vault/notify/notifier.h"
#include "vault/notify/rules.h"

static void urls_are_https_or_of_this_machine(void **state)
{
    (void)state;
    static const char *const good[] = {
        "https://example.com",     "https://example.com:8443/a/b?c=d",
        "HTTPS://[2001:db8::1]/x", "https://[2001:db8::1]:443/x",
        "http://127.0.0.1:80/",    "http://localhost/x",
        "http://[::1]:9/"};
    static const char *const bad[] = {"",
                                      "https://",
                                      "https:///x",
                                      "http://example.com/",
                                      "http://127.0.0.1.example.com/",
                                      "http://localhost@example.com/",
                                      "ftp://example.com/",
                                      "https://u:p@example.com/",
                                      "https://example.com/#f",
                                      "https://example.com:0/",
                                      "https://example.com:65536/",
                                      "https://example.com:x/",
                                      "https://[::1/",
                                      "https://[::1]x/",
                                      "https://exa mple.com/",
                                      "https://example.com/\r\nX: y",
                                      "https://example.com\\@evil/",
                                      "https://-x/"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_null(rules_check_url(str_from_c(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_non_null(rules_check_url(str_from_c(bad[i])));
    }
}

static void a_nul_cuts_nothing_off_an_address(void **state)
{
    (void)state;
    assert_true(rules_is_host(STR("::1")));
    assert_false(rules_is_host(STR("::1\0.example.com")));
    assert_false(rules_is_loopback_host(STR("::1\0.example.com")));
    assert_false(rules_is_loopback_host(STR("127.0.0.1\0.example.com")));
}

static void mail_addresses_fit_headers_and_commands(void **state)
{
    (void)state;
    static const char *const good[] = {"a@b", "first.last+tag@mail.example.com", "o'neil@x-y.org"};
    static const char *const bad[] = {"",      "a",     "@b",       "a@",      "a@b@c",
                                      "a b@c", "<a@b>", "a@b>\r\n", "a@b,c@d", "a@b\nBcc: c",
                                      "a@-b",  "a@b.",  "a\"@b",    "a@b c",   "\xc3\xa9@b"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++) {
        assert_true(rules_is_mail(str_from_c(good[i])));
    }
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        assert_false(rules_is_mail(str_from_c(bad[i])));
    }
    assert_false(rules_is_mail(STR("a@b\0c")));
}

static void stars_stand_for_anything(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        const char *name;
        bool matches;
    } cases[] = {
        {"*", "a", true},
        {"orders", "orders", true},
        {"orders", "orders-2", false},
        {"ord*", "orders", true},
        {"*-db", "a-db-db", true},
        {"a*b*c", "aXbYbZc", true},
        {"a*b", "acd", false},
        {"**", "x", true},
        {"a_b", "axb", false},
        {"a.b", "axb", false},
        {"*a*a*a*a*b", "aaaaaa", false},
        {"a*", "a", true},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        assert_int_equal(cases[i].matches, rules_pattern_matches(str_from_c(cases[i].pattern),
                                                                 str_from_c(cases[i].name)));
    }
}

static bool may_connect(const char *text, bool loopback_only)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1) {
        return rules_may_connect((const struct sockaddr *)&v4, loopback_only);
    }
    assert_int_equal(1, inet_pton(AF_INET6, text, &v6.sin6_addr));
    return rules_may_connect((const struct sockaddr *)&v6, loopback_only);
}

static void metadata_services_are_out_of_reach_however_written(void **state)
{
    (void)state;
    static const char *const refused[] = {"169.254.169.254",
                                          "169.254.0.1",
                                          "0.0.0.0",
                                          "0.1.2.3",
                                          "fe80::1",
                                          "febf::1",
                                          "::",
                                          "::ffff:169.254.1.1",
                                          "::169.254.1.1",
                                          "fd00:ec2::254",
                                          "64:ff9b::a9fe:a9fe",
                                          "100.100.100.200",
                                          "::ffff:0.0.0.0"};
    static const char *const fine[] = {"10.0.0.1", "127.0.0.1", "::1", "2001:db8::1", "192.0.2.1"};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        assert_false(may_connect(refused[i], false));
    }
    for (size_t i = 0; i < ARRAY_LEN(fine); i++) {
        assert_true(may_connect(fine[i], false));
    }
    assert_true(may_connect("127.0.0.9", true));
    assert_true(may_connect("::ffff:127.0.0.1", true));
    assert_false(may_connect("10.0.0.1", true));
    assert_false(may_connect("2001:db8::1", true));
}

static void a_notifier_gets_what_it_asked_for(void **state)
{
    (void)state;
    const struct str events[] = {STR("rotated"), STR("blocked")};
    const struct str patterns[] = {STR("ord*")};
    struct notifier n = {.type = STR("webhook"),
                         .mount = uuid_new(),
                         .events = events,
                         .event_count = 2,
                         .credentials = patterns,
                         .credential_count = 1,
                         .owner = STR("ann@example.com")};
    const struct notice notice = {.mount = n.mount,
                                  .credential = STR("orders"),
                                  .event = STR("rotated"),
                                  .owner = STR("ann@example.com")};
    struct notice other = notice;
    assert_true(notifier_wants(&n, &notice));
    other.event = STR("failing");
    assert_false(notifier_wants(&n, &other));
    other = notice;
    other.credential = STR("bills");
    assert_false(notifier_wants(&n, &other));
    other = notice;
    other.mount = uuid_new();
    assert_false(notifier_wants(&n, &other));
    other = notice;
    other.owner = STR("team");
    assert_false(notifier_wants(&n, &other));
    n.owner = STR("");
    n.type = STR("smtp");
    assert_false(notifier_wants(&n, &other)); // "team" has no address
    n.recipient = STR("ops@example.com");
    assert_true(notifier_wants(&n, &other));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(urls_are_https_or_of_this_machine),
        cmocka_unit_test(a_nul_cuts_nothing_off_an_address),
        cmocka_unit_test(mail_addresses_fit_headers_and_commands),
        cmocka_unit_test(stars_stand_for_anything),
        cmocka_unit_test(metadata_services_are_out_of_reach_however_written),
        cmocka_unit_test(a_notifier_gets_what_it_asked_for),
    };
    return RUN_TESTS(tests);
}
