#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: sh tests/bench/run.sh [--quick] [--only NAMES] [--build DIR]
# Measures the vault against bare libmicrohttpd on this machine; docs/performance.md explains it.
# Prints a table and writes build/bench.json (--quick: build/bench-quick.json). Fails when an answer
# was wrong, never for being slow.
#
#     --quick      everything once, at a small scale (under two minutes)
#     --only NAMES some measurements, such as read,list; an unknown name lists them
#     --build DIR  measure what is built there instead of building the release preset
#     --workers N  of vault and ceiling; half of the processors, as PostgreSQL and the client run here too
set -eu
cd "$(dirname -- "$0")/../.."

usage() {
    sed -n 's/^# \{0,1\}//; 3,11p' "$0" >&2
    exit 2
}

build=
scale=default
only=
workers=
while [ $# -gt 0 ]; do
    case $1 in
    --quick)
        scale=quick
        ;;
    --only | --build | --workers)
        [ $# -ge 2 ] || usage
        case $1 in
        --only) only=$2 ;;
        --build) build=$2 ;;
        --workers) workers=$2 ;;
        esac
        shift
        ;;
    *)
        usage
        ;;
    esac
    shift
done

if [ -z "$build" ]; then
    build=build/release
    cmake --preset release >/dev/null
    cmake --build "$build" --target rotunda bench_ceiling bench_fill bench_fill_rotation bench_idle
fi
exec sh tests/support/with-postgres.sh \
    python3 tests/bench/bench.py --build "$build" --scale "$scale" --only "$only" \
        ${workers:+--workers "$workers"}
