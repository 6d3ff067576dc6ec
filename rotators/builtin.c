// SPDX-License-Identifier: ISC
#include "rotators/builtin.h"

#include "rotators/mock/mock.h"
#include "rotators/postgresql/postgresql.h"

static const struct rotunda_rotator *const builtin[] = {
    &rotunda_rotator_postgresql,        &rotunda_rotator_mock,        &rotunda_rotator_mock_slots,
    &rotunda_rotator_mock_keys,         &rotunda_rotator_mock_issuer, &rotunda_rotator_mock_rolled,
    &rotunda_rotator_mock_rolled_shown, &rotunda_rotator_mock_mint,   NULL,
};

const struct rotunda_rotator *const *rotators_builtin(void)
{
    return builtin;
}
