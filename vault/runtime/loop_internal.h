// SPDX-License-Identifier: ISC
// What fiber.c keeps with a loop, so that loop.c needn't know fibers. Only for vault/runtime.
#pragma once

#include "vault/runtime/loop.h"

// Embedded in the owner's state; released by loop_free(), which hands itself over.
struct loop_extension {
    void (*release)(struct loop_extension *extension);
};

struct loop_extension *loop_extension_get(const struct loop *l); // NULL until set
void loop_extension_set(struct loop *l, struct loop_extension *extension);
