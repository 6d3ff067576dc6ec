#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: tidy.sh BUILD-FOLDER
# clang-tidy with the checks of .clang-tidy, flags from the build folder's compile_commands.json.
set -eu
build=$1
. "$(dirname -- "$0")/common.sh"
full_only

# One file at a time: clang-tidy 14 takes va_list for uninitialised in every file but the first.
find_sources | xargs -n 1 -P 2 clang-tidy --quiet -p "$build" \
    --extra-arg=-Wno-unknown-warning-option
