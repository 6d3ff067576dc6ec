// SPDX-License-Identifier: ISC
// How much room the vault's database takes and how fast the audit log grows, against the bounds
// that the operator gave. What is free on PostgreSQL's disk can't be seen from here, nor the
// write-ahead log or other databases on it.
#pragma once

#include "vault/store/session.h"

enum { AUDIT_ROOM_SOON_DAYS = 7 };

// Sizes that raise an alarm; 0: none does.
struct audit_room_bounds {
    int64_t audit_bytes;
    int64_t database_bytes;
};

struct audit_room {
    int64_t audit_bytes;    // records and signatures with their indexes
    int64_t database_bytes; // everything, the audit log among it
    int64_t daily_bytes;    // the audit log's growth: mean of up to seven whole days; 0: none yet
};

enum audit_room_state {
    AUDIT_ROOM_ENOUGH,
    AUDIT_ROOM_SHORT_SOON, // at this pace a bound is reached within AUDIT_ROOM_SOON_DAYS
    AUDIT_ROOM_SHORT       // a bound is reached
};

struct status audit_room_measure(struct session *s, struct audit_room *out); // blocking
enum audit_room_state audit_room_judge(const struct audit_room *room,
                                       const struct audit_room_bounds *bounds);
