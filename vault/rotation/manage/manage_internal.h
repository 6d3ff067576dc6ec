// SPDX-License-Identifier: ISC
// What the verbs of manage.h share: a credential with its open attempt and its values, locked.
#pragma once

#include "vault/rotation/manage/manage.h"

struct manage_locked {
    struct credential_found found;
    struct store_rows attempt_rows;
    struct store_rows value_rows;
    bool has_attempt;
    bool leased; // a node is at work on it just now
    struct attempt attempt;
    struct version pending; // number 0: there is none
    struct version current;
    struct version previous;
};
void manage_locked_done(struct manage_locked *l); // for CLEANUP

// In a session's transaction. NOT_FOUND, INTEGRITY.
struct status manage_lock(struct session *s, struct operation *op, struct uuid credential,
                          struct manage_locked *out);
// May the new value be valid at the target? From the moment that the target was asked to take it.
bool manage_may_be_there(const struct manage_locked *l);
// Adds "version 3 of account app (external id 17) ..." to what `left` names already. NOMEM.
struct status manage_name_left(struct arena *arena, const struct version *v, struct str how,
                               struct str *left);
// Ends the open attempt although the previous value hasn't been ended at the target: because it is
// to be current again, or is only a copy here. CONFLICT unless it drains and nobody is at work on
// it.
struct status manage_end_draining(struct session *s, struct operation *op,
                                  const struct manage_locked *l, struct str detail);
