#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: with-postgres.sh with-passwords.sh COMMAND...
# Restarts the server of with-postgres.sh with TLS on 127.0.0.1, every statement logged, and a
# pg_hba.conf under which everybody but the superuser `rotunda` needs a password, except:
#   trusting   let in without one      cleartext   asked for it in clear text
# COMMAND finds ROTUNDA_TEST_PG_PORT, and in ROTUNDA_TEST_PG_CA a file that everybody may read.
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
PG_TREE=$here/../../..
# shellcheck source=tests/support/postgres.sh
. "$PG_TREE/tests/support/postgres.sh"

dir=$ROTUNDA_TEST_PG_DIR
ROTUNDA_TEST_PG_CA=$(mktemp "${TMPDIR:-/tmp}/rotunda-ca.XXXXXX")
trap 'rm -f "$ROTUNDA_TEST_PG_CA"' EXIT

pg_stop "$dir"
cat >"$dir/data/pg_hba.conf" <<EOF
local all rotunda trust
local all all scram-sha-256
host all trusting 127.0.0.1/32 trust
host all cleartext 127.0.0.1/32 password
host all all 127.0.0.1/32 scram-sha-256
EOF
pg_as "$dir" openssl req -x509 -newkey rsa:2048 -nodes -days 2 -subj /CN=localhost \
    -addext subjectAltName=DNS:localhost,IP:127.0.0.1 \
    -keyout "$dir/data/server.key" -out "$dir/data/server.crt" 2>/dev/null
pg_as "$dir" chmod 600 "$dir/data/server.key"
cat "$dir/data/server.crt" >"$ROTUNDA_TEST_PG_CA"
chmod 644 "$ROTUNDA_TEST_PG_CA"

# A port that is taken makes the start fail: the next one is tried.
tries=0
until ROTUNDA_TEST_PG_PORT=$((20000 + ($$ * 7 + tries * 101) % 20000)) &&
    pg_start "$dir" -c listen_addresses=127.0.0.1 -c port="$ROTUNDA_TEST_PG_PORT" -c ssl=on \
        -c log_statement=all -c log_min_error_statement=error >/dev/null 2>&1; do
    tries=$((tries + 1))
    [ "$tries" -lt 20 ]
done

ROTUNDA_TEST_DATABASE="$ROTUNDA_TEST_DATABASE port=$ROTUNDA_TEST_PG_PORT"
export ROTUNDA_TEST_DATABASE ROTUNDA_TEST_PG_PORT ROTUNDA_TEST_PG_CA
"$@"
