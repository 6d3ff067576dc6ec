// SPDX-License-Identifier: ISC
// Settings of targets and accounts: a JSON object of texts, checked against what the rotator says
// that it takes.
#pragma once

#include "rotunda/rotator.h"
#include "vault/base/arena.h"
#include "vault/base/json.h"
#include "vault/host/sandbox.h"

struct settings {
    const struct rotunda_setting *items; // in an arena
    size_t count;
};

// What is stored. INTEGRITY, NOMEM.
struct status settings_parse(struct str json, struct arena *arena, struct settings *out);
// The value of a setting; empty when it isn't there.
struct str settings_get(const struct settings *s, const char *name);
// One more, or another value for it. NOMEM.
struct status settings_add(struct settings *s, const char *name, struct str value,
                           struct arena *arena);

// Takes over the members of `body` that `specs` names, as texts, on top of `current` (JSON, may be
// empty); null removes one. What is given has to look as `specs` says; what is stored may be older
// than that, and keeps nobody from changing the rest. INVALID with the name in `*field`; NOMEM.
struct status settings_merge(struct str current, struct json_value body,
                             const struct rotunda_setting_spec *specs, struct arena *arena,
                             struct str *out, const char **field);
const struct rotunda_setting_spec *settings_spec(const struct rotunda_setting_spec *specs,
                                                 struct str name); // NULL: unknown

// The files and folders that these settings name, at most `max`. LIMIT, INVALID when one is too
// long.
struct status settings_paths(const struct settings *s, const struct rotunda_setting_spec *specs,
                             struct sandbox_path *out, size_t max, size_t *out_count);
