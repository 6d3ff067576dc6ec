#!/bin/sh
# SPDX-License-Identifier: ISC
# Every C file is as .clang-format wants it. To mend: clang-format -i FILE.
set -eu
. "$(dirname -- "$0")/common.sh"

find_files '*.c' '*.h' | xargs clang-format --dry-run -Werror
