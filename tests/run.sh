#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: sh tests/run.sh [--full] [--only REGEX] [--preset NAME]
# Installs what is missing, builds with warnings as errors, runs every test.
#
#     --full          also the slow checks, and the tests at full scale (hours instead of minutes)
#     --only REGEX    only the tests whose name matches, e.g. '^unit/base'; names are those of ctest
#     --preset NAME   dev (default), release, asan, tsan, coverage; see CMakePresets.json
set -eu
cd "$(dirname -- "$0")/.."

usage() {
    sed -n 's/^# \{0,1\}//; 3,8p' "$0" >&2
    exit 2
}

preset=dev
only=.
while [ $# -gt 0 ]; do
    case $1 in
    --full)
        export ROTUNDA_TEST_SCALE=full ROTUNDA_LINT=full
        ;;
    --only | --preset)
        [ $# -ge 2 ] || usage
        if [ "$1" = --only ]; then
            only=$2
        else
            preset=$2
        fi
        shift
        ;;
    *)
        usage
        ;;
    esac
    shift
done
: "${ROTUNDA_TEST_SCALE:=small}"
export ROTUNDA_TEST_SCALE

sh docker/install-packages.sh --tests
cmake --preset "$preset" -DROTUNDA_WERROR=ON
cmake --build --preset "$preset"
ctest --preset "$preset" --tests-regex "$only"
