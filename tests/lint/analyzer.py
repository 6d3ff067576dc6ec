#!/usr/bin/env python3
# SPDX-License-Identifier: ISC
"""Usage: analyzer.py BUILD-FOLDER
gcc's -fanalyzer over the layers: leaks, double frees, uses after free of what OWNED_BY marks.

In the file that implements the release function itself, and where ownership goes into a list that
is embedded in the object, gcc 12 sees faults that aren't there: these carry a waiver.
"""
import json
import os
import re
import shlex
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

from source import ROOT, Report, Source, find_files

# use-of-uninitialized-value is off: gcc 12 takes a returned struct status for uninitialised.
COMMAND = (
    "gcc -std=gnu2x -g -Og -fanalyzer -fdiagnostics-path-format=none"
    " -ftrack-macro-expansion=0"
    " -Wno-analyzer-use-of-uninitialized-value -c -o /dev/null"
).split()
FINDING = re.compile(r"^(\S+?):(\d+):\d+: warning: (.*\[-Wanalyzer-[\w-]+\])$", re.M)


def include_and_define_flags(command):
    words = shlex.split(command)
    for word, following in zip(words, words[1:] + [""]):
        if word == "-isystem":
            yield from (word, following)
        elif word.startswith(("-D", "-I")):
            yield word


def commands(build):
    """path -> command, for the layers' files."""
    found = {}
    with open(os.path.join(build, "compile_commands.json"), encoding="utf-8") as file:
        for entry in json.load(file):
            path = os.path.relpath(entry["file"], ROOT)
            if path.split("/")[0] in ("vault", "api", "rotators"):
                found[path] = [*COMMAND, *include_and_define_flags(entry["command"]), path]
    return found


def analyse(path, command):
    """(path, line, message) of every finding."""
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if run.returncode != 0:
        return [(path, 1, run.stderr.strip())]
    return [
        (os.path.relpath(os.path.join(ROOT, place), ROOT), int(line), text)
        for place, line, text in FINDING.findall(run.stderr)
    ]


def main():
    if os.environ.get("ROTUNDA_LINT") != "full":
        print("slow: only with ROTUNDA_LINT=full")
        sys.exit(77)
    todo = commands(sys.argv[1])
    with ThreadPoolExecutor(max_workers=2) as pool:
        results = pool.map(analyse, todo.keys(), todo.values())
    findings = sorted({finding for found in results for finding in found})
    report = Report("analyzer")
    sources = {path: Source(path) for path in find_files(".c", ".h")}
    for path, line, message in findings:
        report.add(sources[path], line, "analyzer", message)
    for source in sources.values():
        report.close(source)
    report.finish()


main()
