#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Dependencies point one way: which folder may include which, and who may use which library."""
import os

from source import Report, Source, find_files

FOUNDATION = ("vault/base", "vault/runtime")
ENGINE_NEEDS = FOUNDATION + ("vault/store", "vault/crypto", "vault/audit", "vault/policy")

# Folder -> what it may include besides itself. The longest matching folder decides.
ALLOWED = {
    "include": (),
    "vault/base": (),
    "vault/runtime": ("vault/base",),
    "vault/store": FOUNDATION,
    "vault/crypto": FOUNDATION,
    "vault/seal": FOUNDATION + ("vault/store", "vault/crypto"),
    "vault/audit": FOUNDATION + ("vault/store", "vault/crypto"),
    "vault/policy": FOUNDATION + ("vault/store", "vault/crypto"),
    "vault/core": ENGINE_NEEDS + ("vault/seal",),
    "vault/issue": FOUNDATION + ("vault/crypto",),
    "vault/identity": ENGINE_NEEDS + ("vault/core", "vault/issue",),
    "vault/secrets": ENGINE_NEEDS + ("vault/core", "vault/issue", "vault/identity"),
    "vault/host": FOUNDATION + ("vault/crypto", "include"),
    "vault/rotation": ENGINE_NEEDS + ("vault/core", "vault/identity", "vault/host", "include"),
    "vault/notify": ENGINE_NEEDS + ("vault/core", "vault/host", "vault/rotation"),
    "vault/inventory": ENGINE_NEEDS + ("vault/core", "vault/identity", "vault/rotation"),
    "api/http": FOUNDATION,
    "api/routes": ("vault", "api/http"),
    "api/cli": ("vault", "include"),
    "api": ("vault", "api", "include", "rotators"), # the composition root
    "rotators": ("include",),
    "tests": ("include", "vault", "api", "rotators"),
}

# Siblings in these folders don't know each other; what they share lies in the folder itself or in
# `common`.
SEPARATE = ("vault/secrets", "rotators")

# Library header (or its folder) -> who may include it.
LIBRARIES = {
    "sodium.h": ("vault/base", "vault/crypto", "rotators", "tests"),
    "libpq-fe.h": ("vault/store", "rotators/postgresql", "tests"),
    "microhttpd.h": ("api/http", "tests/bench"),
    "libgfshare.h": ("vault/seal",),
    "curl": ("api/cli", "vault/notify"),
    "cmocka.h": ("tests/support/test.h",),
    "seccomp.h": ("vault/base", "api"),
    "openssl": ("vault/issue", "vault/identity/auth"),
    "gnutls": ("api/http", "vault/issue", "tests"),
    "expat.h": ("rotators",),
    "uthash.h": ("vault", "api", "rotators"),
    "ucontext.h": ("vault/runtime",),
    "dlfcn.h": ("vault/host", "api/cli"),
    "valgrind": ("vault/runtime",),
    "sanitizer": ("vault/runtime", "vault/base", "tests"),
}

C_LIBRARY_FOLDERS = ("sys", "linux", "arpa", "net", "netinet", "asm", "bits")
C_LIBRARY = set(
    "assert ctype dirent endian err errno fcntl fenv float fnmatch getopt glob grp ifaddrs inttypes"
    " iso646 langinfo libgen limits locale malloc math netdb poll pthread pty pwd regex sched"
    " search semaphore setjmp signal spawn stdalign stdarg stdatomic stdbool stddef stdint stdio"
    " stdlib stdnoreturn string strings syslog termios threads time unistd wchar wctype".split()
)


def inside(path, folder):
    return path == folder or path.startswith(folder + "/")


def owner(path):
    return max((f for f in ALLOWED if inside(path, f)), key=len, default=None)


def sibling(path, folder):
    parts = path[len(folder) + 1 :].split("/")
    return parts[0] if len(parts) > 1 else None


def check_project(path, name):
    """What is wrong with including the project's file `name`, or None."""
    target = name
    if not os.path.dirname(target):
        return "the include path carries the folder"
    folder = owner(path)
    if folder is None:
        return "tests/lint/layers.py doesn't say what this folder may include"
    public = "include" if target.startswith("rotunda/") else target
    if not any(inside(public, may) for may in (folder,) + ALLOWED[folder]):
        return f"{folder} may not depend on {os.path.dirname(target)}"
    for group in SEPARATE:
        if inside(path, group) and inside(target, group):
            mine, theirs = sibling(path, group), sibling(target, group)
            if mine and theirs not in (None, mine, "common"):
                return f"{group}/{mine} may not know {group}/{theirs}"
    return None


def check_system(path, name):
    """What is wrong with including the C library's or another library's `name`, or None."""
    if name.startswith("rotunda/"):
        return check_project(path, name)
    top = name.split("/")[0]
    users = LIBRARIES.get(top)
    if users is not None:
        if not any(inside(path, user) for user in users):
            return f"only {', '.join(users)} may use {top}"
    elif top not in C_LIBRARY_FOLDERS and name.removesuffix(".h") not in C_LIBRARY:
        return f"<{name}> is a library that tests/lint/layers.py does not know"
    return None


def main():
    report = Report("layer")
    for path in find_files(".c", ".h"):
        source = Source(path)
        for line, is_system, name in source.includes():
            fault = (check_system if is_system else check_project)(path, name)
            if fault:
                report.add(source, line, "layer", fault)
        report.close(source)
    report.finish()


main()
