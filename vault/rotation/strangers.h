// SPDX-License-Identifier: ISC
// Rotators of others, which the configuration names. What one is (kind, operations, settings) it
// says itself when it is started for the first time, behind the launcher's walls; until it has said
// so its targets wait. Found from any thread; learned on one fiber at a time.
#pragma once

#include "rotunda/rotator.h"
#include "vault/host/launcher.h"

struct strangers;

struct rotation_stranger {
    struct str name;         // as targets say it; not that of one that is linked in
    enum launcher_form form; // LAUNCHER_MODULE or LAUNCHER_PROGRAM
    struct str path;         // absolute, shorter than LAUNCHER_NAME_BYTES
};

// Copies the list. NOMEM.
struct status strangers_new(const struct rotation_stranger *list, size_t count,
                            struct strangers **out);
void strangers_free(struct strangers *s); // NULL is fine

// How it is started; NULL: none of this name.
const struct rotation_stranger *strangers_place(const struct strangers *s, struct str name);
// What it is, under the configuration's name; it lives as long as `s`. Its functions only tell
// which operations there are: they are called in its own process. NULL: none of this name, or it
// hasn't said yet.
const struct rotunda_rotator *strangers_find(const struct strangers *s, struct str name);

bool strangers_all_known(const struct strangers *s);
// Starts those that aren't known yet, one after the other, each for some seconds at most, until
// `*stopping`. What doesn't answer is logged and stays unknown. On a fiber.
void strangers_learn(struct strangers *s, struct launcher *l, const bool *stopping);
