#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: with-other.sh COMMAND...
# Runs COMMAND so that it starts the PostgreSQL in the folder ROTUNDA_TEST_POSTGRES_BIN (initdb,
# pg_ctl, postgres). Without one it is skipped: 77.
set -eu

if [ -z "${ROTUNDA_TEST_POSTGRES_BIN-}" ]; then
    echo "SKIPPED: set ROTUNDA_TEST_POSTGRES_BIN to the programs of another PostgreSQL (16 or later)" >&2
    exit 77
fi
PG_BIN=$ROTUNDA_TEST_POSTGRES_BIN
export PG_BIN
exec "$@"
