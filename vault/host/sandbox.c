// SPDX-License-Identifier: ISC
#include "vault/host/sandbox.h"

#include <errno.h>
#include <grp.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "vault/base/limits.h"
#include "vault/base/sanitizer.h"
#include "vault/host/sandbox_internal.h"

enum {
    FILE_BYTES = 16 * 1024 * 1024,
    MEMORY_BYTES = 1024 * 1024 * 1024,
    DESCRIPTORS = 64,
    NO_CORE = 1, // 0 doesn't hold where cores go to a program: core(5)
};

const struct sandbox_system_path sandbox_system_paths[] = {
    {"/usr", SANDBOX_EXECUTE},
    {"/lib", SANDBOX_EXECUTE},
    {"/lib64", SANDBOX_EXECUTE},
    {"/bin", SANDBOX_EXECUTE},
    {"/etc/alternatives", SANDBOX_READ},
    {"/etc/gai.conf", SANDBOX_READ},
    {"/etc/host.conf", SANDBOX_READ},
    {"/etc/hosts", SANDBOX_READ},
    {"/etc/ld.so.cache", SANDBOX_READ},
    {"/etc/localtime", SANDBOX_READ},
    {"/etc/nsswitch.conf", SANDBOX_READ},
    {"/etc/passwd", SANDBOX_READ},
    {"/etc/resolv.conf", SANDBOX_READ},
    {"/etc/services", SANDBOX_READ},
    {"/etc/ssl/certs", SANDBOX_READ},
    {"/etc/ssl/openssl.cnf", SANDBOX_READ},
    {"/dev/null", SANDBOX_WRITE},
    {"/dev/urandom", SANDBOX_READ},
#if SANITIZED
    {"/proc", SANDBOX_READ}, // its runtime reads its own maps
#endif
    {NULL, SANDBOX_READ},
};

static bool limit(__rlimit_resource_t resource, rlim_t value)
{
    struct rlimit current;
    if (getrlimit(resource, &current) != 0) {
        return false;
    }
    rlim_t hard = current.rlim_max < value ? current.rlim_max : value;
    return setrlimit(resource, &(struct rlimit){hard, hard}) == 0;
}

static bool limit_resources(void)
{
    // The sanitizers' shadow alone is terabytes.
    bool memory = SANITIZED || limit(RLIMIT_AS, MEMORY_BYTES);
    return memory && limit(RLIMIT_CPU, LIMIT_ROTATOR_DEADLINE_S) &&
           limit(RLIMIT_NOFILE, DESCRIPTORS) && limit(RLIMIT_CORE, NO_CORE) &&
           limit(RLIMIT_FSIZE, FILE_BYTES);
}

static bool become(uid_t uid, gid_t gid)
{
    return setgroups(0, NULL) == 0 && setresgid(gid, gid, gid) == 0 &&
           setresuid(uid, uid, uid) == 0;
}

int sandbox_enter(const struct sandbox_options *options)
{
    int reached = 0;
    if (!limit_resources()) {
        return -1;
    }
    // First of all, since it takes the vault's privileges; it hides what was not asked for.
    enum sandbox_outcome mounts = sandbox_mounts(options);
    if (mounts == SANDBOX_BROKEN) {
        return -1;
    }
    reached |= mounts == SANDBOX_PRESENT ? SANDBOX_MOUNTS : 0;
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
        return -1;
    }
    if (sandbox_landlock(options)) {
        reached |= SANDBOX_LANDLOCK;
    }
    if (options->switch_user) {
        if (!become(options->uid, options->gid)) {
            return -1;
        }
        reached |= SANDBOX_USER;
    }
    return reached;
}

bool sandbox_holds_strangers(int isolation)
{
    const int both = SANDBOX_LANDLOCK | SANDBOX_MOUNTS;
    return (isolation & SANDBOX_USER) != 0 || (isolation & both) == both;
}
