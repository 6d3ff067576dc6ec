// SPDX-License-Identifier: ISC
#include "api/background.h"

#include <stdlib.h>

#include "vault/identity/expiry.h"

struct background {
    struct expiry *expiry;
};

static struct status start_parts(struct background *b, struct worker *w)
{
    return expiry_start(w, &b->expiry);
}

struct status background_start(struct worker *w, struct background **out)
{
    struct background *b = calloc(1, sizeof *b);
    if (b == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct status s = start_parts(b, w);
    if (!status_ok(s)) {
        free(b);
        return s;
    }
    *out = b;
    return OK_STATUS;
}

void background_stop(struct background *b)
{
    if (b != NULL) {
        expiry_stop(b->expiry);
        free(b);
    }
}
