// SPDX-License-Identifier: ISC
#include "api/routes/route_tables.h"

const struct route_table *const route_tables[] = {
    &sys_seal_routes,
    &token_routes,
    NULL,
};
