// SPDX-License-Identifier: ISC
// The handlers behind a mount of type database: the paths and fields of Vault's database engine on
// targets and credentials of the rotation engine. A connection is a target, a static role is a
// credential of one account.
#pragma once

#include "api/routes/rotation_routes.h"
#include "vault/rotation/connection.h"
#include "vault/rotation/engine/driver.h"

route_handler database_read_config;
route_handler database_write_config;
route_handler database_delete_config;
route_handler database_reset_config;

route_handler database_read_role;
route_handler database_write_role;
route_handler database_delete_role;

route_handler database_read_creds;
route_handler database_rotate_role;
route_handler database_rotate_root;

enum { DATABASE_WARNINGS_MAX = 4 };

// Fields that Vault has and that mean nothing here.
struct database_field {
    const char *name;
    // What to do without it: it is refused unless it is empty. NULL: a number or duration that
    // changes nothing, taken with a warning.
    const char *instead;
};
// The end of the list has no name. INVALID, explained; warnings are for answer_warned().
struct database_warnings {
    struct str items[DATABASE_WARNINGS_MAX];
    size_t count;
};
struct status database_fields_check(const struct rotation_body *b,
                                    const struct database_field *fields,
                                    struct database_warnings *warnings);
// Every member is in `known` (ends with NULL) or in `fields`.
struct status database_fields_known(const struct rotation_body *b, const char *const *known,
                                    const struct database_field *fields);

// Does the target's rotator find everything in place for this account? INVALID, explained with the
// field's name, when it can't log in or lacks something; UNAVAILABLE.
struct status database_check_target(const struct rotation_body *b, const struct target *t,
                                    struct str account, const char *field);

// The value is current.
bool database_rotation_done(const struct manage_progress *p);
// The time until which a request may wait for it.
int64_t database_wait_until_us(const struct operation *op);
void database_progress_done(struct manage_progress *p); // for CLEANUP

// rotation_period, or rotation_schedule with rotation_window. INVALID, explained.
struct status database_read_schedule(const struct rotation_body *b, const struct rotation *r,
                                     struct credential *c);
// A window is shown as long as the first of the credential's windows is.
void database_put_schedule(struct json_writer *w, const struct credential *c);
