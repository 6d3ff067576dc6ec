// SPDX-License-Identifier: ISC
// Being woken when a credential has a new value, or something else was said of one: long polls and
// streams. One watcher per worker, which runs only while somebody waits there: a query every 200 ms
// for the notices (notice.h) that have got a place since, whoever waits and however many they are.
//
// Whoever waits decides nothing by being woken: it looks for itself, as any other request does.
//
//     struct feed_waiter waiter CLEANUP(feed_leave) = {.kind = ..., .subject = ...};
//     TRY(feed_join(worker, &waiter));        nothing that is committed from now on is missed
//     loop: look; feed_wait(&waiter, until);
//
// On the worker's own loop.
#pragma once

#include <sys/queue.h>

#include "vault/rotation/notice.h"

enum feed_kind {
    FEED_VERSION, // another current version of the credential `subject` than `version`
    FEED_NOTICES, // a notice of the mount `subject`
};

struct feed;

struct feed_waiter {
    enum feed_kind kind;
    struct uuid subject;
    int64_t version;
    struct fiber_event woken; // anybody on the loop may signal it, e.g. when the client has gone
    // Private
    struct feed *feed; // NULL: not joined
    bool fresh;        // what it waits for may have come before it did
    LIST_ENTRY(feed_waiter) entry;
};

// LIMIT when as many wait on this node as may, UNAVAILABLE when it shuts down, NOMEM.
struct status feed_join(struct worker *w, struct feed_waiter *waiter);
// OK: look again. TIMEOUT when `until_us` (monotonic) has come; SEALED, UNAVAILABLE: end.
struct status feed_wait(struct feed_waiter *waiter, int64_t until_us);
struct status feed_running(const struct feed_waiter *waiter); // SEALED, UNAVAILABLE: end
void feed_leave(struct feed_waiter *waiter);                  // for CLEANUP
size_t feed_waiting(enum feed_kind kind);                     // on this node; any thread

// The worker is about to end: all that wait there are woken, to end too, and nobody joins any more.
void feed_stop(struct worker *w);
void feed_end(struct worker *w);  // on a fiber, after it: returns when the watcher has ended
void feed_free(struct worker *w); // when the worker has ended

// The notices of one mount after a place, in the order of their places, which is that of what
// happened to each credential; at most FEED_PAGE. Columns of the load: 1 is the place,
// NOTICE_COLUMNS begin at 2.
enum { FEED_PAGE = 32, FEED_PLACE_AT = 1, FEED_NOTICE_AT = 2 };
extern const struct batch_load feed_load_notices; // keys: mount, place
// The newest place, after what has happened by now has got its own. On a fiber. UNAVAILABLE.
struct status feed_newest(struct worker *w, int64_t *out);
