// SPDX-License-Identifier: ISC
#include "api/routes/route_tables.h"

const struct route_table *const route_tables[] = {
    &sys_seal_routes,
    &sys_capabilities_routes,
    &sys_host_routes,
    &sys_internal_routes,
    &sys_keys_routes,
    &sys_metrics_routes,
    &sys_mounts_routes,
    &sys_mounts_auth_routes,
    &sys_policies_routes,
    &sys_policies_explain_routes,
    &token_routes,
    &token_roles_routes,
    &kv_routes,
    &cubbyhole_routes,
    &rotation_routes,
    &database_routes,
    &sys_audit_routes,
    &sys_audit_export_routes,
    &sys_audit_records_routes,
    NULL,
};
