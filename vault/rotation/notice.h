// SPDX-License-Identifier: ISC
// Notices: what happened to a credential that somebody may want to hear of. Rows of
// rotation_notice, each put in by the very transaction in which it happened, so that none is lost.
// Who sends them on is vault/notify; whoever streams them reads the same rows.
//
// A notice names credential, account, target, owner, versions, times and the class of an error;
// never a value and no text of a rotator's or target's.
#pragma once

#include "vault/rotation/attempt.h"

#define NOTICE_EVENT_TABLE(X)                                                                      \
    X(ROTATED, "rotated")   /* a new version is current */                                         \
    X(RETIRED, "retired")   /* the previous one has ended */                                       \
    X(FAILING, "failing")   /* tried in vain, and tried again; once a day and class of error */    \
    X(BLOCKED, "blocked")   /* waits for a person */                                               \
    X(EXPIRING, "expiring") /* 30, 7 and 1 days before it expires */                               \
    X(EXPIRED, "expired")                                                                          \
    X(DUE, "due")         /* 30, 7 and 1 days before its next rotation */                          \
    X(OVERDUE, "overdue") /* the rotation should have been an hour ago */

enum notice_event {
#define X(name, text) NOTICE_##name,
    NOTICE_EVENT_TABLE(X)
#undef X
        NOTICE_EVENT_COUNT
};

enum { NOTICE_FAILURES_MIN = 3 }; // in a row before it counts as failing

struct str notice_event_name(enum notice_event event);
struct status notice_event_parse(struct str text, enum notice_event *out); // INVALID

struct notice {
    struct uuid id;
    int64_t namespace_id;
    struct uuid mount;
    struct uuid credential_id;
    struct str credential; // its name
    struct str owner;
    struct str event;
    int64_t version;
    int64_t time_us;
    struct str once;    // what isn't said again; empty: said each time
    struct str payload; // JSON
    int64_t row_version;
};

// The columns that notice_read() expects, of a table aliased n.
#define NOTICE_COLUMNS                                                                             \
    "n.id, n.namespace_id, n.mount_id, n.credential_id, n.credential, n.owner, n.event, "          \
    "n.version, n.time, n.once, n.payload, n.row_version, n.mac"
enum { NOTICE_COLUMN_COUNT = 13 };

// Borrowed from the rows. INTEGRITY when the row was altered; SEALED.
struct status notice_read(const struct keyring *k, const struct store_rows *rows, int row,
                          int column, struct notice *out);

// In the transaction of the change and after everything else in it: says what `change` means to
// others, if anything. INTEGRITY, UNAVAILABLE.
struct status notice_of_change(struct session *s, const struct keyring *k,
                               const struct attempt *before, const struct attempt_change *change);

// What else there is to say about a credential; nothing when it has been said, or the credential is
// gone. In a session's transaction.
struct notice_saying {
    enum notice_event event;
    struct uuid credential;
    struct str once;
    const struct attempt *attempt; // NULL for none
    const char *error_class;       // NULL for none
};
struct status notice_say(struct session *s, const struct keyring *k,
                         const struct notice_saying *saying);
