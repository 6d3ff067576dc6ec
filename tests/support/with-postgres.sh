#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: with-postgres.sh COMMAND...
# Runs COMMAND with a private PostgreSQL of its own, whose connection string is in
# ROTUNDA_TEST_DATABASE and whose folder (for tests/support/postgres.sh) is in ROTUNDA_TEST_PG_DIR.
# The server goes away with this script even when that is killed with SIGKILL (ctest's timeout):
# a guardian outside its process tree waits for the end of a pipe that only this script holds open.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
PG_TREE=$here/../..
# shellcheck source=tests/support/postgres.sh
. "$here/postgres.sh"

dir=$(mktemp -d "${TMPDIR:-/tmp}/rotunda-pg.XXXXXX")
mkfifo "$dir/alive"
(
    # shellcheck disable=SC2016 # expanded by the guardian itself
    setsid sh -c 'PG_TREE=$1; . "$1/tests/support/postgres.sh"; cat "$2/alive"; pg_destroy "$2"' \
        guardian "$pg_tree" "$dir" </dev/null >/dev/null 2>&1 9>&- &
)
exec 9>"$dir/alive"

ROTUNDA_TEST_DATABASE=$(pg_start "$dir" 9>&-)
ROTUNDA_TEST_PG_DIR=$dir
export ROTUNDA_TEST_DATABASE ROTUNDA_TEST_PG_DIR

result=0
"$@" 9>&- || result=$?
if [ "$result" -ne 0 ]; then
    echo "The end of the server's log:" >&2
    tail -n 20 "$dir/log" >&2 || :
fi

exec 9>&-
while [ -d "$dir" ]; do
    sleep 0.02
done
exit "$result"
