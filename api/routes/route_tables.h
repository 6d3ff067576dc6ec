// SPDX-License-Identifier: ISC
// The tables of routes, one per resource.
#pragma once

#include "api/routes/route.h"

extern const struct route_table sys_seal_routes;
extern const struct route_table cubbyhole_routes;
extern const struct route_table kv_routes;
extern const struct route_table token_routes;
