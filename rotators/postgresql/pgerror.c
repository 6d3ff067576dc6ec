// SPDX-License-Identifier: ISC
#include "rotators/postgresql/pgerror.h"

#include <string.h>

// The first row whose prefix matches decides.
static const struct {
    const char *prefix;
    enum rotunda_error error;
} classes[] = {
    {PGERROR_FENCED, ROTUNDA_ERROR_FENCED},
    {PGERROR_NO_ROLE, ROTUNDA_ERROR_INVALID},
    {"42704", ROTUNDA_ERROR_INVALID},         // no such role
    {"42501", ROTUNDA_ERROR_NOT_PERMITTED},   // no privilege
    {"42939", ROTUNDA_ERROR_INVALID},         // a reserved name
    {"3D", ROTUNDA_ERROR_INVALID},            // no such database
    {"28", ROTUNDA_ERROR_NOT_PERMITTED},      // login refused
    {"22", ROTUNDA_ERROR_POLICY_REJECTED},    // passwordcheck says 22023
    {"P0001", ROTUNDA_ERROR_POLICY_REJECTED}, // hooks and triggers that RAISE
    {"25006", ROTUNDA_ERROR_UNREACHABLE},     // read-only: no longer the primary
    {"08", ROTUNDA_ERROR_UNREACHABLE},        // connection
    {"40", ROTUNDA_ERROR_UNREACHABLE},        // serialisation, deadlock
    {"53", ROTUNDA_ERROR_UNREACHABLE},        // out of connections, disk, memory
    {"55P03", ROTUNDA_ERROR_UNREACHABLE},     // lock not available
    {"57", ROTUNDA_ERROR_UNREACHABLE},        // shut down, starting up, time-out
    {"58", ROTUNDA_ERROR_UNREACHABLE},        // its operating system
    {"XX000", ROTUNDA_ERROR_UNREACHABLE},     // e.g. "tuple concurrently updated"
};

bool pgerror_is(const char *state, const char *expected)
{
    return strcmp(state, expected) == 0;
}

bool pgerror_accepts_password(const char *state)
{
    return pgerror_is(state, "3D000") || pgerror_is(state, "42501") || pgerror_is(state, "53300");
}

enum rotunda_error pgerror_class(const char *state)
{
    if (state[0] == '\0') {
        return ROTUNDA_ERROR_UNREACHABLE;
    }
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(state, classes[i].prefix, strlen(classes[i].prefix)) == 0) {
            return classes[i].error;
        }
    }
    return ROTUNDA_ERROR_NOT_PERMITTED;
}

const char *pgerror_hint(const char *state)
{
    static const struct {
        const char *state;
        const char *hint;
    } hints[] = {
        {PGERROR_FENCED, ": a later attempt was here"},
        {PGERROR_NO_ROLE, ": there is no such role"},
        {"42501", ": the rotator lacks CREATEROLE or, since PostgreSQL 16, the ADMIN OPTION on the "
                  "role, or the role is a superuser; the target's check says which and how to "
                  "grant it"},
        {"25006", ": the server is read-only: a standby, or default_transaction_read_only is on"},
        {"55P03", ": somebody else holds the role's row, as a pg_dumpall or a migration may"},
    };
    for (size_t i = 0; i < sizeof hints / sizeof hints[0]; i++) {
        if (pgerror_is(state, hints[i].state)) {
            return hints[i].hint;
        }
    }
    return "";
}
