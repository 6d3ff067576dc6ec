#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Size gates: lines and complexity of functions (by pmccabe), parameters, nesting, lines of files.

Relies on the format that clang-format enforces: a function's braces stand alone in column 0.
"""
import re
import subprocess

from source import ROOT, Report, Source, find_files

MAX_FUNCTION_LINES = 60
MAX_COMPLEXITY = 15
MAX_FILE_LINES = 600
MAX_PARAMETERS = 6
MAX_NESTING = 4

CONTROL = re.compile(r"(?:\b(?:if|for|while|switch)|\b[A-Z][A-Z0-9_]+)\s*$")
ATTRIBUTE = re.compile(r"\[\[[^]]*\]\]|__attribute__\s*\(\((?:[^()]|\([^()]*\))*\)\)")


def pmccabe_rows(paths):
    """(path, first line, lines, complexity) of every function."""
    run = subprocess.run(
        ["pmccabe", *paths], cwd=ROOT, capture_output=True, text=True, check=False
    )
    for row in run.stdout.splitlines():
        _, complexity, _, first, lines, place = row.split("\t")[:6]
        yield place.split("(")[0], int(first), int(lines), int(complexity)


def functions(source):
    """(first line of the signature, signature, line of '{', line of '}')."""
    lines = source.code_lines
    opened = None
    for number, line in enumerate(lines, 1):
        if line.rstrip() == "{":
            opened = number
        elif line.rstrip() == "}" and opened:
            first = opened - 1
            while first > 1 and re.match(r"\s*[^\s#}]", lines[first - 2]) and not re.search(
                r"[;}]\s*$", lines[first - 2]
            ):
                first -= 1
            yield first, " ".join(lines[first - 1 : opened - 1]), opened, number
            opened = None


def parameter_count(signature):
    signature = ATTRIBUTE.sub(" ", signature)
    start = signature.find("(")
    depth, count, at = 0, 1, start
    for at in range(start, len(signature)):
        depth += {"(": 1, ")": -1}.get(signature[at], 0)
        if depth == 0:
            break
        count += depth == 1 and signature[at] == ","
    inner = signature[start + 1 : at].strip()
    if inner in ("", "void"):
        return 0
    return count - inner.endswith("...")


def opens_block(before):
    """Whether a brace after this text begins a nested block, rather than an initialiser."""
    before = before.rstrip()
    if re.search(r"(?:[;{}]|\belse|\bdo)$", before):
        return True
    if not before.endswith(")"):
        return False
    depth = 0
    for at in range(len(before) - 1, -1, -1):
        depth += {")": 1, "(": -1}.get(before[at], 0)
        if depth == 0:
            return bool(CONTROL.search(before[:at]))
    return False


def deepest_block(source, opened, closed):
    """(depth, line) of the most nested block between the lines of a function's braces."""
    body = "\n".join(source.code_lines[opened : closed - 1])
    stack, deepest = [], (0, opened)
    for match in re.finditer(r"[{}]", body):
        if match.group() == "}":
            if stack:
                stack.pop()
            continue
        in_initialiser = bool(stack) and not stack[-1]
        stack.append(not in_initialiser and opens_block("{" + body[: match.start()]))
        if sum(stack) > deepest[0]:
            deepest = (sum(stack), opened + 1 + body.count("\n", 0, match.start()))
    return deepest


def check_shape(report, source):
    for first, signature, opened, closed in functions(source):
        if "(" not in signature:
            continue
        count = parameter_count(signature)
        if count > MAX_PARAMETERS:
            report.add(source, first, "parameters", f"{count} parameters, at most {MAX_PARAMETERS}")
        depth, line = deepest_block(source, opened, closed)
        if depth > MAX_NESTING:
            report.add(source, line, "nesting", f"nested {depth} deep, at most {MAX_NESTING}")


def check_file(report, source):
    generated = source.text.startswith("// Generated")
    if len(source.lines) > MAX_FILE_LINES and not generated:
        report.add(source, 1, "file-lines", f"{len(source.lines)} lines, at most {MAX_FILE_LINES}")


def main():
    report = Report("function-lines", "complexity", "file-lines", "parameters", "nesting")
    sources = {path: Source(path) for path in find_files(".c", ".h")}
    for path, first, lines, complexity in pmccabe_rows(p for p in sources if p.endswith(".c")):
        source = sources[path]
        if lines > MAX_FUNCTION_LINES:
            report.add(
                source, first, "function-lines", f"{lines} lines, at most {MAX_FUNCTION_LINES}"
            )
        if complexity > MAX_COMPLEXITY:
            report.add(
                source, first, "complexity", f"complexity {complexity}, at most {MAX_COMPLEXITY}"
            )
    for source in sources.values():
        check_shape(report, source)
        check_file(report, source)
        report.close(source)
    report.finish()


main()
