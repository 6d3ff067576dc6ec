// SPDX-License-Identifier: ISC
#include "vault/core/address.h"

#include "tests/support/test.h"

static bool is_in(const char *remote, const char *cidr)
{
    struct str block = str_from_c(cidr);
    return address_in_cidrs(str_from_c(remote), &block, 1);
}

static void a_block_holds_its_addresses_and_no_others(void **state)
{
    (void)state;
    assert_true(is_in("10.255.0.1:5000", "10.0.0.0/8"));
    assert_false(is_in("11.0.0.1:5000", "10.0.0.0/8"));
    assert_true(is_in("192.0.2.127:1", "192.0.2.0/25"));
    assert_false(is_in("192.0.2.128:1", "192.0.2.0/25"));
    assert_true(is_in("[2001:db8::1]:1", "2001:db8::/33"));
    assert_false(is_in("[2001:db8:8000::1]:1", "2001:db8::/33"));
    assert_true(is_in("203.0.113.5:1", "0.0.0.0/0"));
}

static void an_address_alone_is_a_block_of_one(void **state)
{
    (void)state;
    assert_true(is_in("192.0.2.1:1", "192.0.2.1"));
    assert_false(is_in("192.0.2.2:1", "192.0.2.1"));
}

static void mapped_addresses_are_those_of_ipv4(void **state)
{
    (void)state;
    assert_true(is_in("[::ffff:10.1.2.3]:1", "10.0.0.0/8"));
    assert_true(is_in("10.1.2.3:1", "::ffff:10.0.0.0/8"));
}

static void a_unix_socket_is_in_no_block(void **state)
{
    (void)state;
    assert_false(is_in("unix:uid=0", "0.0.0.0/0"));
    assert_false(is_in("unix:uid=0", "::/0"));
}

static void what_is_no_block_is_refused(void **state)
{
    (void)state;
    assert_status(INVALID, address_check_cidr(STR("")));
    assert_status(INVALID, address_check_cidr(STR("10.0.0.0/33")));
    assert_status(INVALID, address_check_cidr(STR("10.0.0.0/-1")));
    assert_status(INVALID, address_check_cidr(STR("10.0.0.0/-0")));
    assert_status(INVALID, address_check_cidr(STR("10.0.0.0/")));
    assert_status(INVALID, address_check_cidr(STR("10.0.0/8")));
    assert_status(INVALID, address_check_cidr(STR("::1%lo")));
    assert_status(INVALID, address_check_cidr(STR("localhost")));
}

static void nothing_is_cut_off_at_a_nul(void **state)
{
    (void)state;
    assert_status(INVALID, address_check_cidr(STR("10.0.0.0\0x/8")));
    assert_status(INVALID, address_check_cidr(STR("::1\0")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_block_holds_its_addresses_and_no_others),
        cmocka_unit_test(an_address_alone_is_a_block_of_one),
        cmocka_unit_test(mapped_addresses_are_those_of_ipv4),
        cmocka_unit_test(a_unix_socket_is_in_no_block),
        cmocka_unit_test(what_is_no_block_is_refused),
        cmocka_unit_test(nothing_is_cut_off_at_a_nul),
    };
    return RUN_TESTS(tests);
}
