// SPDX-License-Identifier: ISC
// The seccomp filter that the server puts on itself when it has started: an allow-list of system
// calls, for all of its threads, that can't be taken back.
//
// What a program that was taken over would want (execve, ptrace, another process's memory, mounts,
// namespaces, kernel modules, bpf, keyrings ...) kills the process at once. Anything else that
// isn't on the list fails with ENOSYS, which is what the C library expects of an older kernel, so
// that a newer one doesn't end the vault. No process can be forked, no memory made executable but
// by mapping a library's file, no socket made but for IP, unix and the resolver's netlink.
#pragma once

#include "vault/base/status.h"

// False when built with a sanitizer: these fork and trace.
bool confine_is_built_in(void);

// After every listener is open and what it needs to fork is forked. UNAVAILABLE. Only warns when it
// isn't built in.
struct status confine_process(void);
