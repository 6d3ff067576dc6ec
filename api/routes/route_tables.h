// SPDX-License-Identifier: ISC
// The tables of routes, one per resource.
#pragma once

#include "api/routes/route.h"

extern const struct route_table sys_seal_routes;
extern const struct route_table cubbyhole_routes;
extern const struct route_table kv_routes;
extern const struct route_table token_routes;
extern const struct route_table token_roles_routes;
extern const struct route_table sys_capabilities_routes;
extern const struct route_table sys_host_routes;
extern const struct route_table sys_internal_routes;
extern const struct route_table sys_keys_routes;
extern const struct route_table sys_metrics_routes;
extern const struct route_table sys_mounts_routes;
extern const struct route_table sys_mounts_auth_routes;
extern const struct route_table sys_policies_routes;
extern const struct route_table sys_policies_explain_routes;
extern const struct route_table rotation_routes;
extern const struct route_table database_routes;
extern const struct route_table sys_audit_routes;
extern const struct route_table sys_audit_export_routes;
extern const struct route_table sys_audit_records_routes;
