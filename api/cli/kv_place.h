// SPDX-License-Identifier: ISC
// Where a key-value secret lives: which mount, which version of the engine, which path inside.
#pragma once

#include "api/cli/call.h"

struct cli_kv_place {
    struct str mount; // without slashes at its ends
    struct str path;  // inside the mount; may be empty
    bool versioned;   // version 2 of the engine
};

// The flag -mount, for the commands that take it.
#define CLI_KV_MOUNT_FLAG                                                                          \
    {                                                                                              \
        "mount", CLI_FLAG_TEXT, "PATH", "mount of the secret; the operand is then the path in it"  \
    }

// Connects, and asks the server about the operand at `index`. UPSTREAM, explained.
struct status cli_kv_locate(struct cli *c, size_t index, struct cli_kv_place *out);
// INVALID, explained, unless the mount keeps versions and the path isn't empty.
struct status cli_kv_locate_versioned(struct cli *c, size_t index, struct cli_kv_place *out);
// <mount>/<kind>/<path>; for an engine without versions <mount>/<path>.
struct status cli_kv_api_path(struct cli *c, const struct cli_kv_place *place, const char *kind,
                              struct str *out);
