#!/bin/sh
# SPDX-License-Identifier: ISC
# Every shell script passes shellcheck.
set -eu
. "$(dirname -- "$0")/common.sh"

{
    find_files '*.sh'
    echo .ci/run
} | xargs shellcheck --external-sources --source-path=SCRIPTDIR:.
