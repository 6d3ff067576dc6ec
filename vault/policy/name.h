// SPDX-License-Identifier: ISC
// Names of policies. They are compared only in their normal form, and every name that comes from
// outside is brought into it before anything else looks at it: "Root" or " root" that becomes
// "root" after the check for root is how other vaults were broken (CVE-2025-5999, -54996, -64761).
#pragma once

#include "vault/base/arena.h"

// Lower-cases ASCII letters. INVALID for an empty name, one longer than LIMIT_NAME_BYTES, anything
// but letters, digits and -_.:@=+/ (so no blanks, control characters, commas or letters that only
// fold to ASCII), a slash at either end, empty or dot segments, and for "root" in any case.
// `*out` stands in `arena`.
struct status policy_name_normalise(struct str name, struct arena *arena, struct str *out);

// Exactly "root", nothing that resembles it. Who may grant root asks this first.
bool policy_name_is_root(struct str name);

// Patterns of names: a star stands for any characters. The same normal form, with stars; INVALID
// for anything else.
struct status policy_name_normalise_glob(struct str glob, struct arena *arena, struct str *out);
bool policy_name_matches(struct str glob, struct str name);
