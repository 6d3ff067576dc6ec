// SPDX-License-Identifier: ISC
#include "vault/store/value.h"

#include "tests/support/test.h"

static void text_that_postgresql_would_refuse_is_refused_here(void **state)
{
    (void)state;
    const struct store_value bad[] = {store_text(STR("a\0b")), store_text(STR("\xFF"))};
    struct store_params p;
    assert_status(INVALID, store_params_init(&p, &bad[0], 1));
    assert_status(INVALID, store_params_init(&p, &bad[1], 1));
    const struct store_value list = store_array(STORE_TEXT, bad, 2);
    assert_status(INVALID, store_params_init(&p, &list, 1));
    assert_status(INVALID, store_value_check(&list));
}

static void empty_text_is_not_null(void **state)
{
    (void)state;
    const struct store_value values[] = {store_text(STR("")), store_null(STORE_TEXT)};
    struct store_params p;
    assert_ok(store_params_init(&p, values, 2));
    assert_non_null(p.values[0]);
    assert_int_equal(0, p.lengths[0]);
    assert_null(p.values[1]);
    store_params_done(&p);
}

static void arrays_carry_their_count_and_nulls(void **state)
{
    (void)state;
    const struct store_value items[] = {store_int(7), store_null(STORE_INT8)};
    const struct store_value array = store_array(STORE_INT8, items, 2);
    struct store_params p;
    assert_ok(store_params_init(&p, &array, 1));
    static const uint8_t expected[] = {0, 0, 0, 1, 0, 0, 0, 1, 0,    0,    0,    20,
                                       0, 0, 0, 2, 0, 0, 0, 1, 0,    0,    0,    8,
                                       0, 0, 0, 0, 0, 0, 0, 7, 0xFF, 0xFF, 0xFF, 0xFF};
    assert_int_equal(sizeof expected, p.lengths[0]);
    assert_memory_equal(expected, p.values[0], sizeof expected);
    assert_int_equal(1016, p.types[0]);
    store_params_done(&p);
}

static void rows_carry_their_type_and_that_of_each_field(void **state)
{
    (void)state;
    const struct store_value cells[] = {store_bool(true), store_null(STORE_TEXT)};
    const struct store_value array =
        store_row_array((struct store_row_type){.oid = 16500, .fields = 2}, cells, 1);
    struct store_params p;
    assert_ok(store_params_init(&p, &array, 1));
    static const uint8_t expected[] = {0, 0, 0, 1, 0, 0, 0, 1,  0,  0,    0x40, 0x74, 0,   0, 0, 1,
                                       0, 0, 0, 1, 0, 0, 0, 21, 0,  0,    0,    2,    0,   0, 0, 16,
                                       0, 0, 0, 1, 1, 0, 0, 0,  25, 0xFF, 0xFF, 0xFF, 0xFF};
    assert_int_equal(sizeof expected, p.lengths[0]);
    assert_memory_equal(expected, p.values[0], sizeof expected);
    store_params_done(&p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(text_that_postgresql_would_refuse_is_refused_here),
        cmocka_unit_test(empty_text_is_not_null),
        cmocka_unit_test(arrays_carry_their_count_and_nulls),
        cmocka_unit_test(rows_carry_their_type_and_that_of_each_field),
    };
    return RUN_TESTS(tests);
}
