// SPDX-License-Identifier: ISC
// Passwords of PostgreSQL roles (K1): chosen by the vault, one slot per role.
#include "rotators/postgresql/postgresql.h"

#include "rotators/postgresql/operations.h"

static const struct rotunda_setting_spec target_settings[] = {
    {"host", ROTUNDA_SETTING_REQUIRED | ROTUNDA_SETTING_PATH,
     "name or address of the server, or the folder of its unix socket"},
    {"port", ROTUNDA_SETTING_PORT, "5432 unless set; one for each host, or one for all"},
    {"database", 0, "where the rotator logs in: postgres unless set"},
    {"ca_file", ROTUNDA_SETTING_PATH | ROTUNDA_SETTING_FILE,
     "certificates that sign the server's, PEM: the system's unless set"},
    {"client_cert_file", ROTUNDA_SETTING_PATH | ROTUNDA_SETTING_FILE,
     "certificate that the rotator shows, PEM: none unless set"},
    {"client_key_file", ROTUNDA_SETTING_PATH | ROTUNDA_SETTING_FILE,
     "its private key, PEM, mode 600"},
    {"socket_owner", 0, "user that the server behind a unix socket runs as: postgres unless set"},
    {NULL, 0, NULL},
};

static const struct rotunda_setting_spec account_settings[] = {
    {"pair_role", 0, "the other role of an alternating pair"},
    {"owner_role", 0, "role that owns the objects of the pair; both are members"},
    {"valid_until", ROTUNDA_SETTING_CHOICE,
     "leave|expiry: the role's VALID UNTIL is left alone, which is the default, or becomes what "
     "expires_at says"},
    {NULL, 0, NULL},
};

const struct rotunda_rotator rotunda_rotator_postgresql = {
    .abi_version = ROTUNDA_ROTATOR_ABI,
    .kind = ROTUNDA_K1,
    .name = "postgresql",
    .summary = "Passwords of PostgreSQL roles, set as SCRAM verifiers and fenced in the role",
    .overlap = 0,
    .max_slots = 1,
    .idempotent = ROTUNDA_IDEMPOTENT_APPLY | ROTUNDA_IDEMPOTENT_REVOKE,
    .fences = 1,
    .target_settings = target_settings,
    .account_settings = account_settings,
    .plan = postgresql_plan,
    .check = postgresql_check,
    .apply = postgresql_apply,
    .probe = postgresql_probe,
    .sessions = postgresql_sessions,
    .revoke = postgresql_revoke,
};
