#!/bin/sh
# SPDX-License-Identifier: ISC
# The application of the quick start: for so many seconds it reads its credential from the vault and
# logs in to its database with it, again and again. It knows nothing of rotation.
#
#     ROTUNDA_ADDR=... ROTUNDA_TOKEN=... sh docker/quickstart-app.sh SECONDS CREDENTIAL CONNINFO
#
# Exit code 1 when a login was refused.
set -eu
umask 077

seconds=$1
credential=$2
conninfo=$3

# psql reads the password from a file: arguments and environments can be seen by others.
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
trap 'exit 130' INT TERM HUP

logins=0
refused=0
versions=0
last=
end=$(($(date +%s) + seconds))
while [ "$(date +%s)" -lt "$end" ]; do
    rotunda rotation creds -format=json "$credential" >"$folder/creds"
    user=$(jq -r .data.username "$folder/creds")
    version=$(jq -r .data.version "$folder/creds")
    jq -r '"*:*:*:*:" + .data.password' "$folder/creds" >"$folder/pgpass"
    if answer=$(PGPASSFILE=$folder/pgpass psql -X -q -A -t -d "$conninfo user=$user" \
        -c "SELECT count(*) FROM orders" 2>&1); then
        logins=$((logins + 1))
    else
        refused=$((refused + 1))
        echo "$(date +%T)  REFUSED: $answer"
    fi
    if [ "$version" != "$last" ]; then
        versions=$((versions + 1))
        echo "$(date +%T)  version $version: logged in as $user, there are $answer orders"
        last=$version
    fi
    sleep 0.1
done
echo "$logins logins with $versions versions of the credential, $refused refused"
[ "$refused" -eq 0 ]
