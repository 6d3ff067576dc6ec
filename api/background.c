// SPDX-License-Identifier: ISC
#include "api/background.h"

#include <stdlib.h>

#include "vault/identity/expiry.h"

struct background {
    struct expiry *expiry;
    struct rotation *rotation;
};

static struct status start_parts(struct background *b, struct worker *w,
                                 const struct background_options *options)
{
    TRY(expiry_start(w, &b->expiry));
    return rotation_start(w, options->launcher, &options->rotation, &b->rotation);
}

struct status background_start(struct worker *w, const struct background_options *options,
                               struct background **out)
{
    struct background *b = calloc(1, sizeof *b);
    if (b == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    *out = b; // what was started before a failure is stopped with the rest
    return start_parts(b, w, options);
}

void background_stop(struct background *b)
{
    if (b != NULL) {
        rotation_stop(b->rotation);
        expiry_stop(b->expiry);
    }
}

void background_free(struct background *b)
{
    if (b != NULL) {
        rotation_free(b->rotation);
        free(b);
    }
}
