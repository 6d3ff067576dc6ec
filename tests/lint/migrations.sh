#!/bin/sh
# SPDX-License-Identifier: ISC
# Migrations are named NNNN_verb_noun.sql, begin at 0001, and no number is there twice.
set -eu
. "$(dirname -- "$0")/common.sh"

last=0000
status=0
for path in migrations/*.sql; do
    name=${path##*/}
    number=${name%%_*}
    if ! echo "$name" | grep -Eq '^[0-9]{4}_[a-z]+(_[a-z0-9]+)+\.sql$'; then
        echo "$path: the name should be NNNN_verb_noun.sql"
        status=1
    elif [ "$last" = 0000 ] && [ "$number" != 0001 ]; then
        echo "$path: the first number is 0001"
        status=1
    elif [ "$number" = "$last" ]; then
        echo "$path: number $number is taken"
        status=1
    fi
    last=$number
done
exit "$status"
