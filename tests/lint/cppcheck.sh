#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: cppcheck.sh BUILD-FOLDER
# memleak is off: cppcheck doesn't understand the cleanup attribute; gcc's analyser and
# AddressSanitizer do. autoVariables is off: a waiting fiber lends what lies on its stack.
# A false alarm is silenced with a comment `cppcheck-suppress <id> // reason` in the line above.
# What was analysed is kept in the build folder.
set -eu
build=$1
. "$(dirname -- "$0")/common.sh"

mkdir -p "$build/cppcheck"
find_sources >"$build/cppcheck/files"
cppcheck --quiet --error-exitcode=1 --enable=warning,performance,portability --std=c11 \
    --suppress=memleak --suppress=autoVariables --suppress=missingIncludeSystem \
    --inline-suppr --include="/usr/include/$(gcc -print-multiarch)/sys/queue.h" \
    --cppcheck-build-dir="$build/cppcheck" -j2 -I. -Iinclude -D_GNU_SOURCE \
    --file-list="$build/cppcheck/files"
