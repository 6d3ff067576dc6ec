// SPDX-License-Identifier: ISC
// What every linked-in rotator has to be.
#include "rotators/builtin.h"

#include "tests/support/test.h"

static void every_rotator_has_this_version_and_its_tables(void **state)
{
    (void)state;
    const struct rotunda_rotator *const *all = rotators_builtin();
    for (size_t i = 0; all[i] != NULL; i++) {
        assert_int_equal(ROTUNDA_ROTATOR_ABI, all[i]->abi_version);
        assert_in_range(all[i]->kind, ROTUNDA_K1, ROTUNDA_K6);
        assert_non_null(all[i]->summary);
        assert_non_null(all[i]->target_settings);
        assert_non_null(all[i]->account_settings);
    }
}

static void names_are_unique(void **state)
{
    (void)state;
    const struct rotunda_rotator *const *all = rotators_builtin();
    for (size_t i = 0; all[i] != NULL; i++) {
        for (size_t k = 0; k < i; k++) {
            assert_string_not_equal(all[i]->name, all[k]->name);
        }
    }
}

static void every_rotator_can_be_checked_planned_applied_and_probed(void **state)
{
    (void)state;
    const struct rotunda_rotator *const *all = rotators_builtin();
    for (size_t i = 0; all[i] != NULL; i++) {
        assert_non_null(all[i]->plan);
        assert_non_null(all[i]->check);
        assert_non_null(all[i]->apply);
        assert_non_null(all[i]->probe);
    }
}

static void what_is_issued_or_kept_in_slots_can_be_retired(void **state)
{
    (void)state;
    const struct rotunda_rotator *const *all = rotators_builtin();
    for (size_t i = 0; all[i] != NULL; i++) {
        bool needed = all[i]->kind == ROTUNDA_K2 || all[i]->kind == ROTUNDA_K4;
        assert_true(!needed || all[i]->retire != NULL);
        assert_true(all[i]->kind != ROTUNDA_K4 || all[i]->list_external != NULL);
        bool repeats = (all[i]->idempotent & ROTUNDA_IDEMPOTENT_APPLY) != 0;
        assert_true(all[i]->kind != ROTUNDA_K4 || !repeats);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_rotator_has_this_version_and_its_tables),
        cmocka_unit_test(names_are_unique),
        cmocka_unit_test(every_rotator_can_be_checked_planned_applied_and_probed),
        cmocka_unit_test(what_is_issued_or_kept_in_slots_can_be_retired),
    };
    return RUN_TESTS(tests);
}
