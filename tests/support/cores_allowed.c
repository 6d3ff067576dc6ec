// SPDX-License-Identifier: ISC
// For LD_PRELOAD: the limit on the size of cores stays what it is, so that a test can tell what
// else keeps a process from leaving one.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

int setrlimit(__rlimit_resource_t resource, const struct rlimit *limit)
{
    return resource == RLIMIT_CORE ? 0 : (int)syscall(SYS_setrlimit, resource, limit);
}
