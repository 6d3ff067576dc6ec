#!/bin/sh
# SPDX-License-Identifier: ISC
# Every folder under vault/ and rotators/ that holds code says in a README.md what it is for.
set -eu
. "$(dirname -- "$0")/common.sh"

status=0
for folder in $(find vault rotators -name '*.c' -exec dirname {} + | sort -u); do
    if [ ! -s "$folder/README.md" ]; then
        echo "$folder: README.md is missing"
        status=1
    fi
done
exit "$status"
