#!/bin/sh
# SPDX-License-Identifier: ISC
# Migrations are named NNNN_verb_noun.sql and numbered 0001, 0002 ... without a gap.
set -eu
. "$(dirname -- "$0")/common.sh"

next=1
status=0
for path in migrations/*.sql; do
    name=${path##*/}
    if ! echo "$name" | grep -Eq '^[0-9]{4}_[a-z]+(_[a-z0-9]+)+\.sql$'; then
        echo "$path: the name should be NNNN_verb_noun.sql"
        status=1
    elif [ "${name%%_*}" != "$(printf %04d "$next")" ]; then
        echo "$path: the next number is $(printf %04d "$next")"
        status=1
    fi
    next=$((next + 1))
done
exit "$status"
