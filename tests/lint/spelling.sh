#!/bin/sh
# SPDX-License-Identifier: ISC
# Known misspellings in code and documents. Words that are right here: tests/lint/spelling.txt.
set -eu
. "$(dirname -- "$0")/common.sh"

{
    find_files '*.c' '*.h' '*.sh' '*.py' '*.sql' '*.md' CMakeLists.txt '*.cmake'
    find . -maxdepth 1 -name "*.md"
} | xargs codespell --ignore-words=tests/lint/spelling.txt
