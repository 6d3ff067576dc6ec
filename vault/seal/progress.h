// SPDX-License-Identifier: ISC
// Gathering shares, one at a time and from several people: to unseal, to rekey, to generate a root
// token. One object per process and purpose; its own mutex, since it is no part of the request
// path. A share that doesn't fit is refused by itself and takes nothing away from those already
// given.
#pragma once

#include "vault/base/uuid.h"
#include "vault/seal/seal.h"

struct seal_progress;

struct seal_progress_state {
    struct uuid nonce; // nil until the first share
    int given;
    int threshold;
    int shares;
};

void seal_progress_free(struct seal_progress *p); // wipes; NULL is fine
// For a seal with shares, which is copied. INTEGRITY when the stored seal can't be one; NOMEM.
struct status seal_progress_new(const struct seal_config *config, struct seal_progress **out);

// Forgets all shares; no nonce.
void seal_progress_reset(struct seal_progress *p);
void seal_progress_get(struct seal_progress *p, struct seal_progress_state *out);

// Takes a share as text. `*out_key` is the key when it was the last one needed (all shares are
// forgotten then, the next one starts over), else NULL.
// INVALID: not a share, a share of another vault or of an earlier set, or a forged one;
// CONFLICT: it was given before; NOMEM. After any of these the progress is what it was.
struct status seal_progress_add(struct seal_progress *p, struct str share, struct secret **out_key);
