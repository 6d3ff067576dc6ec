// SPDX-License-Identifier: ISC
#include "api/routes/sys_mounts_path.h"

#include <string.h>

#include "vault/base/limits.h"

static struct str without_slash(struct str path)
{
    return str_ends_with(path, STR("/")) ? str_first(path, path.len - 1) : path;
}

static bool has_wildcard(struct str path)
{
    bool more = true;
    while (more) {
        struct str segment;
        more = str_split(path, '/', &segment, &path);
        if (str_equal_c(segment, "+") || memchr(segment.ptr, '*', segment.len) != NULL) {
            return true;
        }
    }
    return false;
}

struct status sys_mounts_path_read(struct str sent, struct arena *arena, struct str *out)
{
    struct str bare = without_slash(sent);
    if (bare.len == 0 || bare.len >= LIMIT_MOUNT_PATH_BYTES) {
        FAIL(INVALID, "a mount path has 1 to 255 bytes");
    }
    if (has_wildcard(bare)) {
        FAIL(INVALID, "a mount path can't hold what policies take for a wildcard: * or +");
    }
    return arena_printf(arena, out, "%.*s/", STR_ARG(bare));
}

bool sys_mounts_path_cut_tune(struct str *path)
{
    static const struct str suffix = {"/tune", 5};
    struct str bare = without_slash(*path);
    if (!str_ends_with(bare, suffix) || bare.len == suffix.len) {
        return false;
    }
    *path = str_first(bare, bare.len - suffix.len);
    return true;
}

bool sys_mounts_path_is_reserved(struct str path)
{
    static const char *const reserved[] = {"audit", "auth", "cubbyhole", "identity", "sys", "v1"};
    struct str first;
    struct str rest;
    str_split(path, '/', &first, &rest);
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        if (str_equal_c(first, reserved[i])) {
            return true;
        }
    }
    return false;
}

const struct mount *sys_mounts_path_find(const struct catalog *c, struct str path)
{
    const struct mount *m = catalog_mount_of(c, path);
    return m != NULL && str_equal(m->path, path) ? m : NULL;
}

const struct mount *sys_mounts_path_in_use(const struct catalog *c, struct str path)
{
    for (size_t i = 0; i < catalog_mount_count(c); i++) {
        const struct mount *m = catalog_mount_at(c, i);
        if (str_starts_with(m->path, path) || str_starts_with(path, m->path)) {
            return m;
        }
    }
    return NULL;
}
