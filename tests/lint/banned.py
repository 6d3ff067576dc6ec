#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Calls that are never right here, and the small rules that no other tool checks."""
import re

from source import Report, Source, find_files

# Function -> what to do instead.
BANNED = {
    "strcpy strcat strncpy strncat stpcpy": "use struct str or struct buffer",
    "pthread_cond_timedwait sem_timedwait pthread_mutex_timedlock": "the wall clock may jump: wait by CLOCK_MONOTONIC",
    "sprintf vsprintf": "use snprintf, arena_printf or struct buffer",
    "gets scanf sscanf fscanf vsscanf": "parse struct str",
    "strtok strtok_r": "use str_split",
    "atoi atol atoll atof": "can't report an error: use str_parse_int, or strtol in a rotator",
    "alloca": "the stack is bounded: use the arena",
    "system popen wordexp": "no shell, ever: fork and exec with an argument vector",
    "bzero": "use sodium_memzero to wipe, {0} to initialise",
    "memcmp": "not constant-time: bytes_equal for public data, secret_equal for secrets",
    "rand srand random srandom drand48 rand_r": "use secret_random or randombytes_buf",
    "tmpnam tempnam mktemp": "use mkstemp or mkdtemp",
    "asctime ctime localtime gmtime": "not thread-safe: use clock_format, gmtime_r",
    "signal": "use sigaction or signalfd",
    "setjmp longjmp": "skips the cleanup attributes",
    "assert": "gone under NDEBUG: use REQUIRE",
    "vfork": "use fork or posix_spawn",
    "PQescapeString PQescapeStringConn PQescapeLiteral": "values travel as parameters",
    "PQcancel": "never on a batch connection (DESIGN: no cancel)",
}
# Function -> folders where it is right after all.
HOME = {"memcmp": ("vault/base/", "rotators/", "tests/"), "signal": ("tests/",)}
ADVICE = {name: advice for names, advice in BANNED.items() for name in names.split()}
CALL = re.compile(r"(?<![\w.>])(" + "|".join(ADVICE) + r")\s*\(")
# Ignoring a signal, or not, means the same everywhere.
KEPT_SIGNAL = re.compile(r"\w+,\s*SIG_(?:IGN|DFL)\)")
# gcc -O2 removes these: nothing reads the memory any more.
LOST_WIPE = re.compile(
    r"\bmemset\s*\([^;]*?,\s*0\s*,[^;]*\);\s*(?:free|munmap)\b"
    r"|\bmemset\s*\(\s*&?(\w+)\s*,\s*0\s*,\s*sizeof\s*\(?\s*\1\b[^;]*;\s*(?:\}|return\b)"
)
MARKER = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")
UNBRACED = re.compile(r"\b(?:if|for|while)\b\s*(?=\()|\belse\b")


def after_parentheses(code, at):
    """The position after the group that starts at `at`."""
    depth = 0
    for position in range(at, len(code)):
        depth += {"(": 1, ")": -1}.get(code[position], 0)
        if depth == 0:
            return position + 1
    return len(code)


def check_calls(report, source):
    for match in CALL.finditer(source.code):
        name = match.group(1)
        if name == "signal" and KEPT_SIGNAL.match(source.code, match.end()):
            continue
        if not source.path.startswith(HOME.get(name, "/")):
            report.add(source, source.line_at(match.start()), "banned", f"{name}: {ADVICE[name]}")
    for match in LOST_WIPE.finditer(source.code):
        message = "the compiler drops this memset: use sodium_memzero"
        report.add(source, source.line_at(match.start()), "banned", message)


def check_braces(report, source):
    code = re.sub(r"\\\n", " \n", source.code)
    for match in UNBRACED.finditer(code):
        is_else = match.group() == "else"
        end = match.end() if is_else else after_parentheses(code, match.end())
        following = code[end:].lstrip()
        ends_do = code[: match.start()].rstrip().endswith("}") and match.group().startswith("while")
        directive = code[code.rfind("\n", 0, match.start()) + 1 :].lstrip().startswith("#")
        allowed = ("{", "if") if is_else else ("{", ";")
        if not (directive or ends_do or following.startswith(allowed)):
            report.add(source, source.line_at(match.start()), "braces", "braces, always")


def check_text(report, source):
    # The public headers are for any C11 compiler: they have guards.
    public = source.path.startswith("include/")
    if not source.lines or "SPDX-License-Identifier: ISC" not in source.lines[0]:
        report.add(source, 1, "spdx", "the first line is `// SPDX-License-Identifier: ISC`")
    if source.path.endswith(".h") and not public and "#pragma once" not in source.lines:
        report.add(source, 1, "pragma-once", "a header needs #pragma once")
    for number, line in enumerate(source.lines, 1):
        if MARKER.search(line):
            report.add(source, number, "marker", "finish it or file an issue")


def main():
    report = Report("banned", "braces", "spdx", "pragma-once", "marker")
    for path in find_files(".c", ".h"):
        source = Source(path)
        check_calls(report, source)
        check_braces(report, source)
        check_text(report, source)
        report.close(source)
    report.finish()


main()
