// SPDX-License-Identifier: ISC
// Values that we made and the target may have taken (K2 with slots, K3), of attempts that were
// given up before: nobody is served them, and they take slots there.
#pragma once

#include "vault/rotation/engine/run.h"

enum { SET_ASIDE_MAX = 16 }; // at a time; what is beyond comes next time

struct set_aside {
    struct run *run;
    struct store_rows rows;
    struct version ended[SET_ASIDE_MAX];
    size_t count;
    bool failed;                 // not all could be ended
    struct protocol_reply reply; // what the target said then; without secrets
};
void set_aside_done(struct set_aside *a); // for CLEANUP

// They are known to the target by their value alone, which is kept until they are ended there.
bool set_aside_is_kept(const struct run *r);
// Ends them at the target. UNAVAILABLE, NOMEM; what the target refuses is told in `out`.
struct status set_aside_end(struct run *r, struct set_aside *out);
// For the history of the step; empty when none was ended.
struct str set_aside_detail(const struct set_aside *a);
// In the transaction of the step: those that were ended there are retired here. `arg` is the
// set_aside.
struct status set_aside_work(struct session *s, void *arg);
