// SPDX-License-Identifier: ISC
// Custom metadata: strings that users keep beside a secret, in the open.
#pragma once

#include "vault/base/json.h"

// Checks an object as a client sent it and writes it as the row keeps it: a JSON object of strings
// in their order, or nothing when it is empty. Numbers become their text, booleans "1" and "0".
// With `patch` it is a merge patch (RFC 7386) to `current`; otherwise it takes its place. INVALID
// with what is wrong; NOMEM.
struct status kv_custom_build(struct json_value given, bool patch, struct str current,
                              struct arena *arena, struct str *out);

// A name or text to be shown on one line: no control characters.
bool kv_text_printable(struct str text);
