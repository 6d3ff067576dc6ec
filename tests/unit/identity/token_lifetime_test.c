// SPDX-License-Identifier: ISC
#include "tests/support/test.h"

#include "vault/identity/token_lifetime.h"

#define SECONDS(n) (INT64_C(n) * CLOCK_SECOND)

static const int64_t made_us = INT64_C(1800000000) * CLOCK_SECOND;
static const struct token_limits limits = {.default_ttl_s = 600, .max_ttl_s = 3600};

static struct token_lifetime granted(struct token_terms terms)
{
    struct token_lifetime life = {0};
    terms.created_us = made_us;
    assert_ok(token_lifetime_grant(&terms, &limits, made_us, &life));
    return life;
}

static void a_token_without_a_ttl_gets_the_default(void **state)
{
    (void)state;
    struct token_lifetime life = granted((struct token_terms){0});
    assert_int_equal(600, life.ttl_s);
    assert_int_equal(made_us + SECONDS(600), life.expires_us);
    assert_false(life.capped);
}

static void a_ttl_is_capped_at_the_vaults_maximum(void **state)
{
    (void)state;
    struct token_lifetime life = granted((struct token_terms){.ttl_s = 7200});
    assert_int_equal(3600, life.ttl_s);
    assert_true(life.capped);
}

static void the_explicit_maximum_caps_ttl_and_period(void **state)
{
    (void)state;
    assert_int_equal(60, granted((struct token_terms){.explicit_max_ttl_s = 60}).ttl_s);
    assert_int_equal(
        60, granted((struct token_terms){.explicit_max_ttl_s = 60, .period_s = 900}).ttl_s);
}

static void the_longest_durations_do_not_overflow(void **state)
{
    (void)state;
    struct token_lifetime life = granted((struct token_terms){
        .ttl_s = TOKEN_DURATION_MAX_S, .explicit_max_ttl_s = TOKEN_DURATION_MAX_S});
    assert_int_equal(3600, life.ttl_s);
    life = granted((struct token_terms){.period_s = TOKEN_DURATION_MAX_S,
                                        .explicit_max_ttl_s = TOKEN_DURATION_MAX_S});
    assert_int_equal(3600, life.ttl_s);
}

static struct token renewable_token(void)
{
    return (struct token){.renewable = true,
                          .created_us = made_us,
                          .ttl_s = 600,
                          .expires_us = made_us + SECONDS(600)};
}

static void renewal_without_increment_grants_the_first_ttl_again(void **state)
{
    (void)state;
    struct token t = renewable_token();
    struct token_lifetime life = {0};
    assert_ok(token_lifetime_renew(&t, 0, &limits, made_us + SECONDS(100), &life));
    assert_int_equal(600, life.ttl_s);
    assert_int_equal(made_us + SECONDS(700), life.expires_us);
}

static void a_periodic_token_renews_to_its_period_for_ever(void **state)
{
    (void)state;
    struct token t = renewable_token();
    t.period_s = 300;
    int64_t now_us = made_us + SECONDS(1000000);
    t.expires_us = now_us + SECONDS(5);
    struct token_lifetime life = {0};
    assert_ok(token_lifetime_renew(&t, 3600, &limits, now_us, &life));
    assert_int_equal(300, life.ttl_s);
    assert_int_equal(now_us + SECONDS(300), life.expires_us);
}

// Known hole 2: every microsecond of the last two seconds before the maximum is tried in steps.
static void cve_2021_32923_renewal_near_max_ttl_never_becomes_never_expiring(void **state)
{
    (void)state;
    struct token t = renewable_token();
    int64_t last_us = made_us + SECONDS(3600);
    for (int64_t left_us = 1; left_us < SECONDS(2); left_us += 997) {
        int64_t now_us = last_us - left_us;
        struct token_lifetime life = {0};
        t.expires_us = now_us + 1;
        assert_ok(token_lifetime_renew(&t, 1000, &limits, now_us, &life));
        assert_int_equal(last_us, life.expires_us);
        assert_true(life.ttl_s >= 1);
    }
}

static void renewal_is_refused_from_the_max_ttl_on(void **state)
{
    (void)state;
    struct token t = renewable_token();
    struct token_lifetime life = {0};
    int64_t last_us = made_us + SECONDS(3600);
    t.expires_us = last_us + SECONDS(10);
    assert_status(INVALID, token_lifetime_renew(&t, 0, &limits, last_us, &life));
    assert_status(INVALID, token_lifetime_renew(&t, 0, &limits, last_us + SECONDS(1), &life));
}

static void what_never_expires_or_is_not_renewable_is_not_renewed(void **state)
{
    (void)state;
    struct token t = renewable_token();
    struct token_lifetime life = {0};
    t.expires_us = CLOCK_NEVER;
    assert_status(INVALID, token_lifetime_renew(&t, 0, &limits, made_us, &life));
    t = renewable_token();
    t.renewable = false;
    assert_status(INVALID, token_lifetime_renew(&t, 0, &limits, made_us, &life));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_token_without_a_ttl_gets_the_default),
        cmocka_unit_test(a_ttl_is_capped_at_the_vaults_maximum),
        cmocka_unit_test(the_explicit_maximum_caps_ttl_and_period),
        cmocka_unit_test(the_longest_durations_do_not_overflow),
        cmocka_unit_test(renewal_without_increment_grants_the_first_ttl_again),
        cmocka_unit_test(a_periodic_token_renews_to_its_period_for_ever),
        cmocka_unit_test(cve_2021_32923_renewal_near_max_ttl_never_becomes_never_expiring),
        cmocka_unit_test(renewal_is_refused_from_the_max_ttl_on),
        cmocka_unit_test(what_never_expires_or_is_not_renewable_is_not_renewed),
    };
    return RUN_TESTS(tests);
}
