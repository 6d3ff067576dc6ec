// SPDX-License-Identifier: ISC
// The one symbol by which a loadable module is found; compiled into mock.so.
#include "rotators/mock/mock.h"

rotunda_rotator_module_function rotunda_rotator_module;

const struct rotunda_rotator *rotunda_rotator_module(void)
{
    return &rotunda_rotator_mock;
}
