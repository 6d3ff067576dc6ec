// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "tests/support/test.h"
#include "vault/audit/budget.h"
#include "vault/base/clock.h"

static void assert_network(const char *expected, const char *remote)
{
    char network[AUDIT_NETWORK_BYTES];
    audit_network_of(str_from_c(remote), network);
    assert_string_equal(expected, network);
}

static void addresses_belong_to_networks(void **state)
{
    (void)state;
    assert_network("192.0.2.0/24", "192.0.2.77:50000");
    assert_network("2001:db8:1:2::/64", "[2001:db8:1:2:3:4:5:6]:50000");
    assert_network("192.0.2.0/24", "[::ffff:192.0.2.1]:50000");
    assert_network("unix:uid=1000", "unix:uid=1000");
}

static size_t take_many(struct audit_budget *b, const char *remote, size_t count, int64_t now_us)
{
    size_t recorded = 0;
    for (size_t i = 0; i < count; i++) {
        recorded += audit_budget_take(b, str_from_c(remote), now_us);
    }
    return recorded;
}

static void a_flood_is_counted_beyond_its_burst(void **state)
{
    (void)state;
    struct audit_budget *b = audit_budget_new();
    struct audit_budget_sum sum;
    assert_int_equal(AUDIT_BUDGET_BURST, take_many(b, "192.0.2.1:1", 1000, 0));
    assert_int_equal(0, take_many(b, "192.0.2.200:9", 5, 0));
    assert_int_equal(5, take_many(b, "198.51.100.1:9", 5, 0));
    assert_true(audit_budget_drain(b, &sum));
    assert_string_equal("192.0.2.0/24", sum.network);
    assert_int_equal(1000 - AUDIT_BUDGET_BURST + 5, sum.count);
    assert_false(audit_budget_drain(b, &sum));
    audit_budget_free(b);
}

static void credit_comes_back_with_time(void **state)
{
    (void)state;
    struct audit_budget *b = audit_budget_new();
    take_many(b, "192.0.2.1:1", 100, 0);
    assert_int_equal(3, take_many(b, "192.0.2.1:1", 10, 3 * (int64_t)CLOCK_SECOND));
    assert_int_equal(AUDIT_BUDGET_BURST,
                     take_many(b, "192.0.2.1:1", 100, 3600 * (int64_t)CLOCK_SECOND));
    audit_budget_free(b);
}

static void any_number_of_networks_is_bounded(void **state)
{
    (void)state;
    struct audit_budget *b = audit_budget_new();
    size_t recorded = 0;
    size_t counted = 0;
    for (int i = 0; i < 100000; i++) {
        char remote[64];
        snprintf(remote, sizeof remote, "[2001:db8:%x:%x::1]:1", (unsigned)i >> 8, i & 0xff);
        recorded += take_many(b, remote, 1, 0);
    }
    struct audit_budget_sum sum;
    while (audit_budget_drain(b, &sum)) {
        counted += (size_t)sum.count;
    }
    assert_true(recorded < 1000);
    assert_int_equal(100000, recorded + counted);
    audit_budget_free(b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_belong_to_networks),
        cmocka_unit_test(a_flood_is_counted_beyond_its_burst),
        cmocka_unit_test(credit_comes_back_with_time),
        cmocka_unit_test(any_number_of_networks_is_bounded),
    };
    return RUN_TESTS(tests);
}
