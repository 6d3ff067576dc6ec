// SPDX-License-Identifier: ISC
// Landlock (Linux Documentation/userspace-api/landlock.rst): whatever is handled and not allowed is
// refused. Debian 12's header ends at ABI 2; later rights are spelled out here and used where the
// kernel knows them.
#include "vault/host/sandbox_internal.h"

#include <fcntl.h>
#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ruleset_attributes {
    uint64_t handled_fs;
    uint64_t handled_net; // from ABI 4
    uint64_t scoped;      // from ABI 6
};

#define FS_TRUNCATE (1ULL << 14)  // ABI 3
#define FS_IOCTL_DEV (1ULL << 15) // ABI 5
#define NET_BIND_TCP (1ULL << 0)
#define SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS 3ULL

#define FILE_READ LANDLOCK_ACCESS_FS_READ_FILE
#define FILE_RIGHTS                                                                                \
    (LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE | FILE_READ | FS_TRUNCATE |        \
     FS_IOCTL_DEV)

static uint64_t all_rights(int abi)
{
    uint64_t rights = (LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1;
    rights |= abi >= 2 ? LANDLOCK_ACCESS_FS_REFER : 0;
    rights |= abi >= 3 ? FS_TRUNCATE : 0;
    return rights | (abi >= 5 ? FS_IOCTL_DEV : 0);
}

static uint64_t rights_for(enum sandbox_access access, uint64_t all)
{
    uint64_t rights = FILE_READ | LANDLOCK_ACCESS_FS_READ_DIR;
    if (access == SANDBOX_EXECUTE) {
        rights |= LANDLOCK_ACCESS_FS_EXECUTE;
    } else if (access == SANDBOX_WRITE) {
        rights |= LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_REMOVE_FILE |
                  LANDLOCK_ACCESS_FS_MAKE_REG | FS_TRUNCATE;
    }
    return rights & all;
}

// Rights of folders are not accepted for a file.
static bool allow(int ruleset, int fd, uint64_t rights)
{
    struct stat about;
    if (fstat(fd, &about) != 0) {
        return false;
    }
    struct landlock_path_beneath_attr rule = {
        .allowed_access = S_ISDIR(about.st_mode) ? rights : rights & FILE_RIGHTS,
        .parent_fd = fd,
    };
    return syscall(SYS_landlock_add_rule, ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0) == 0;
}

// What doesn't exist needs no rule.
static bool allow_path(int ruleset, const char *path, uint64_t rights)
{
    int fd = open(path, O_PATH | O_CLOEXEC);
    if (fd < 0) {
        return true;
    }
    bool allowed = allow(ruleset, fd, rights);
    close(fd);
    return allowed;
}

static bool allow_all(int ruleset, const struct sandbox_options *options, uint64_t all)
{
    bool good = allow(ruleset, options->program, (FILE_READ | LANDLOCK_ACCESS_FS_EXECUTE) & all);
    for (const struct sandbox_system_path *p = sandbox_system_paths; p->path != NULL; p++) {
        good = good && allow_path(ruleset, p->path, rights_for(p->access, all));
    }
    for (size_t i = 0; i < options->path_count; i++) {
        const struct sandbox_path *p = &options->paths[i];
        enum sandbox_access access = p->writable ? SANDBOX_WRITE : SANDBOX_EXECUTE;
        good = good && allow_path(ruleset, p->path, rights_for(access, all));
    }
    return good;
}

bool sandbox_landlock(const struct sandbox_options *options)
{
    long version = syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
    if (version < 1) {
        return false;
    }
    int abi = (int)version;
    uint64_t all = all_rights(abi);
    struct ruleset_attributes attributes = {
        .handled_fs = all,
        .handled_net = NET_BIND_TCP,
        .scoped = SCOPE_ABSTRACT_SOCKETS_AND_SIGNALS,
    };
    size_t size = sizeof attributes;
    if (abi < 6) {
        size = abi < 4 ? sizeof(uint64_t) : 2 * sizeof(uint64_t);
    }
    int ruleset = (int)syscall(SYS_landlock_create_ruleset, &attributes, size, 0);
    if (ruleset < 0) {
        return false;
    }
    bool entered =
        allow_all(ruleset, options, all) && syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
    close(ruleset);
    return entered;
}
