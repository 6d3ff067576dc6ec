# SPDX-License-Identifier: ISC
"""What the checks share: C files with comments and strings blanked out, waivers, the report.

A waiver is a comment `lint: allow(<rule>) reason`, on the line it is about or in the comment right
above. It needs a reason, and one that waives nothing fails.
"""
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
# The tree to check; the checks' own test points it at small bad ones.
ROOT = os.environ.get("ROTUNDA_LINT_ROOT") or os.path.normpath(os.path.join(HERE, "..", ".."))
FOLDERS = ("include", "vault", "api", "rotators", "tests")
WAIVER = re.compile(r"lint: allow\(([\w-]+)\)[ \t]*(.*)")
# Comments, string literals and character literals: what isn't code.
NOT_CODE = re.compile(r"//[^\n]*|/\*.*?\*/|\"(?:\\.|[^\"\\\n])*\"|'(?:\\.|[^'\\\n])*'", re.S)
INCLUDE = re.compile(r"^\s*#\s*include\s*([<\"])([^>\"]+)[>\"]")


def find_files(*suffixes):
    """Paths below ROOT of the project's own files, sorted."""
    found = []
    for folder in FOLDERS:
        for where, _, names in os.walk(os.path.join(ROOT, folder)):
            found += [
                os.path.relpath(os.path.join(where, name), ROOT)
                for name in names
                if name.endswith(suffixes)
            ]
    return sorted(found)


def _blank(match):
    """Same length and same line ends, so that positions stay; the quotes of a string stay too."""
    text = match.group(0)
    blanks = re.sub(r"[^\n]", " ", text)
    if text[0] == "/":
        return blanks
    return text[0] + blanks[1:-1] + text[0]


class Source:
    """One C file. Line numbers count from 1."""

    def __init__(self, path):
        self.path = path
        with open(os.path.join(ROOT, path), encoding="utf-8") as file:
            self.text = file.read()
        self.lines = self.text.splitlines()
        self.code = NOT_CODE.sub(_blank, self.text)
        self.code_lines = self.code.splitlines()
        self.waivers = {}
        for number, line in enumerate(self.lines, 1):
            match = WAIVER.search(line)
            if match:
                self.waivers[number] = [match.group(1), match.group(2), False]

    def line_at(self, offset):
        return self.code.count("\n", 0, offset) + 1

    def includes(self):
        """(line, is_system, name) of every include line."""
        for number, line in enumerate(self.lines, 1):
            match = INCLUDE.match(line)
            if match:
                yield number, match.group(1) == "<", match.group(2)

    def waived(self, rule, line):
        candidates = [line]
        above = line - 1
        while above >= 1 and self.lines[above - 1].lstrip().startswith("//"):
            candidates.append(above)
            above -= 1
        for candidate in candidates:
            waiver = self.waivers.get(candidate)
            if waiver and waiver[0] == rule and waiver[1]:
                waiver[2] = True
                return True
        return False


class Report:
    """Collects what is wrong. `rules` are those that this check answers for."""

    def __init__(self, *rules):
        self.rules = rules
        self.problems = []

    def add(self, source, line, rule, message):
        if not source.waived(rule, line):
            self.problems.append(f"{source.path}:{line}: {message} [{rule}]")

    def close(self, source):
        """After the last add() for this file: waivers that waived nothing."""
        for line, (rule, reason, used) in source.waivers.items():
            if rule in self.rules and not used:
                fault = "waives nothing" if reason else "gives no reason"
                self.problems.append(f"{source.path}:{line}: this waiver {fault} [{rule}]")

    def finish(self):
        for problem in self.problems:
            print(problem)
        sys.exit(1 if self.problems else 0)
