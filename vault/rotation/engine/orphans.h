// SPDX-License-Identifier: ISC
// What an issuer lists for an account (K4, K6): what of it is known, what earlier creates left
// behind, and what is none of our business. Nothing is ended that isn't proven to be ours.
#pragma once

#include "vault/rotation/engine/run.h"

enum orphan_verdict {
    ORPHAN_KNOWN,        // served, about to be served, or there before the create: not touched
    ORPHAN_OURS,         // made by an attempt of this credential, or ended here: ended there
    ORPHAN_UNATTRIBUTED, // new since the create, and not tagged: disabled at most, never ended
    ORPHAN_STRANGE,      // somebody else's: not touched
};

struct orphan_facts {
    struct json_strings known;    // ids of the credential's pending, current and previous values
    struct json_strings ended;    // ids of its values that were retired or abandoned
    struct json_strings attempts; // all of the credential's, as UUID text
    struct json_strings baseline; // ids that were there right before the create
    bool tags_work;               // the target shows tags: what has none isn't ours
    bool created;                 // a create was begun: else there is no baseline, and nothing new
};
enum orphan_verdict orphan_judge(const struct orphan_facts *f, const struct protocol_external *e);
// The same ids in both lists, in any order.
bool orphans_same(const struct protocol_reply *a, const struct protocol_reply *b);

// The ids of a list as JSON, for attempt.baseline. NOMEM, TOO_LARGE.
struct status orphans_baseline(struct run *r, const struct protocol_reply *list, struct str *out);
// "a, b, c", shortened when it is long. NOMEM.
struct status orphans_names(struct run *r, const struct protocol_reply *list, struct str *out);

struct orphans_reaped {
    size_t ended;
    struct str unattributed;     // their ids; empty: none
    bool failed;                 // not everything could be done
    struct protocol_reply reply; // what the target said then; without secrets
};
// Disables and ends what is ours. With `after_create` what is unattributed is disabled, where the
// rotator can.
struct status orphans_reap(struct run *r, const struct protocol_reply *list, bool after_create,
                           struct orphans_reaped *out);
