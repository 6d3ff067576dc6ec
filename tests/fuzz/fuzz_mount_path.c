// SPDX-License-Identifier: ISC
// Paths to mount at, as a request names them. What is accepted means itself in a policy.
#include <string.h>

#include "api/routes/sys_mounts_path.h"
#include "tests/fuzz/fuzz.h"
#include "vault/policy/pattern.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    struct str sent = {(const char *)data, size};
    struct str path;
    struct str again;
    struct str tuned = sent;
    if (sys_mounts_path_cut_tune(&tuned)) {
        REQUIRE(tuned.len > 0 && tuned.len < sent.len && str_starts_with(sent, tuned));
    }
    if (!str_is_text(sent) || !status_ok(sys_mounts_path_read(sent, arena, &path))) {
        return 0;
    }
    REQUIRE(path.len <= LIMIT_MOUNT_PATH_BYTES && str_ends_with(path, STR("/")));
    REQUIRE(status_ok(sys_mounts_path_read(path, arena, &again)) && str_equal(path, again));
    struct policy_pattern pattern;
    if (status_ok(policy_pattern_parse(path, &pattern))) {
        REQUIRE(memchr(path.ptr, '*', path.len) == NULL);
    }
    return 0;
}
