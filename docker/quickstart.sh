#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: sh docker/quickstart.sh [--keep] [--port PORT] [--dir DIR]
#        sh docker/quickstart.sh --stop DIR
# Shows what Rotunda does, on real systems: installs what is missing, builds, starts a vault and two
# PostgreSQL servers in a folder of their own, and walks through the main job, printing each command
# and what came back. Everything is stopped and removed at the end.
#
#     --keep         leave it running, to go on with by hand
#     --port PORT    the vault's port on 127.0.0.1 (default: 8200, or the next that is free)
#     --dir DIR      a new folder for everything (default: one in $TMPDIR or /tmp)
#     --stop DIR     stop and remove what --keep has left running
#
# ROTUNDA_PROGRAM names a program that is built already: then nothing is installed or built.
#
# shellcheck disable=SC2016 # what try() prints is expanded when it runs it
set -eu

here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
tree=$(dirname "$here")
# shellcheck source=docker/private-postgres.sh
. "$here/private-postgres.sh"

usage() {
    sed -n 's/^# \{0,1\}//; 3,15p' "$0"
}

fail() {
    echo "quickstart: $*" >&2
    exit 1
}

# ---- what is printed

step_number=0

step() {
    step_number=$((step_number + 1))
    printf '\n\n== %s. %s\n' "$step_number" "$1"
}

say() {
    printf '\n%s\n' "$1"
}

# try COMMAND: prints it and runs it in this shell.
try() {
    printf '\n$ %s\n' "$1"
    eval "$1"
}

# try_refused COMMAND: it has to fail.
try_refused() {
    printf '\n$ %s\n' "$1"
    if (eval "$1") 2>&1; then
        fail "this should have been refused"
    fi
}

# ---- starting and stopping

keep=
port=
dir=
result=failed
server_pid=

# stop_all DIR: what runs there, in order. Then it is removed.
stop_all() {
    if [ -s "$1/server.pid" ]; then
        read -r stopping <"$1/server.pid"
        kill "$stopping" 2>/dev/null || :
        # A kill -9 after a while: nothing may be left running.
        tries=0
        while kill -0 "$stopping" 2>/dev/null; do
            tries=$((tries + 1))
            [ "$tries" -lt 400 ] || kill -9 "$stopping" 2>/dev/null || :
            sleep 0.1
        done
    fi
    pg_stop "$1/target-db"
    pg_stop "$1/vault-db"
    rm -rf "$1"
}

leave() {
    trap '' INT TERM HUP
    if [ -z "$dir" ] || [ ! -d "$dir" ]; then
        return
    fi
    if [ "$result" = failed ] && [ -s "$dir/server.log" ]; then
        echo "The end of the vault's log:" >&2
        tail -n 5 "$dir/server.log" >&2
    fi
    if [ "$result" = passed ] && [ -n "$keep" ]; then
        return
    fi
    stop_all "$dir"
}

is_listening() {
    awk -v port="$(printf ':%04X' "$1")" \
        '$4 == "0A" && substr($2, length($2) - 4) == port { found = 1 } END { exit !found }' \
        /proc/net/tcp /proc/net/tcp6 2>/dev/null
}

# free_port FIRST: prints it, or the next that nobody listens on.
free_port() {
    candidate=$1
    while is_listening "$candidate"; do
        candidate=$((candidate + 1))
    done
    echo "$candidate"
}

read_arguments() {
    while [ $# -gt 0 ]; do
        case $1 in
        --keep)
            keep=yes
            ;;
        -h | --help)
            usage
            exit 0
            ;;
        --port | --dir | --stop)
            [ $# -ge 2 ] || fail "$1 needs a value; --help explains"
            case $1 in
            --port) port=$2 ;;
            --dir) dir=$2 ;;
            --stop) stop_named "$2" ;;
            esac
            shift
            ;;
        *)
            usage >&2
            exit 2
            ;;
        esac
        shift
    done
}

stop_named() {
    [ -f "$1/quickstart" ] || fail "$1 isn't a folder of the quick start"
    stop_all "$1"
    exit 0
}

make_folder() {
    if [ -n "$dir" ]; then
        wanted=$dir
        dir=
        mkdir "$wanted" || fail "--dir has to be a new folder; --stop removes the one of an earlier run"
        dir=$(CDPATH='' cd -- "$wanted" && pwd)
    else
        dir=$(mktemp -d "${TMPDIR:-/tmp}/rotunda-quickstart.XXXXXX")
    fi
    [ ${#dir} -le 80 ] || fail "the folder's name is too long for a unix socket: choose another --dir"
    # Under root PostgreSQL and the rotators are other users, with files of their own below.
    chmod 711 "$dir"
    : >"$dir/quickstart"
}

build() {
    cd "$tree"
    try 'sh docker/install-packages.sh'
    try 'cmake --preset release >"$dir/build.log" 2>&1' || show_build_failure
    say "A minute or two, the first time:"
    try 'cmake --build --preset release --target rotunda >>"$dir/build.log" 2>&1' ||
        show_build_failure
    ROTUNDA_PROGRAM=$tree/build/release/api/rotunda
}

show_build_failure() {
    tail -n 30 "$dir/build.log" >&2
    fail "the build failed"
}

start_databases() {
    pg_create "$dir/vault-db" rotunda
    pg_start "$dir/vault-db"
    pg_create "$dir/target-db" shop
    protect_target
    target_port=$(free_port 5433)
    pg_start "$dir/target-db" -c listen_addresses=127.0.0.1 -c port="$target_port" -c ssl=on
}

# The target takes passwords only, over TLS with a certificate that names 127.0.0.1.
protect_target() {
    data=$dir/target-db/data
    openssl req -x509 -newkey rsa:2048 -nodes -days 30 -subj /CN=quickstart \
        -addext subjectAltName=IP:127.0.0.1 -keyout "$dir/target.key" -out "$dir/target-ca.pem" \
        2>/dev/null
    printf '%s\n' "local all rotunda trust" "host all all 127.0.0.1/32 scram-sha-256" |
        pg_as "$dir/target-db" tee "$data/pg_hba.conf" >/dev/null
    pg_as "$dir/target-db" tee "$data/server.crt" <"$dir/target-ca.pem" >/dev/null
    (umask 077 && pg_as "$dir/target-db" tee "$data/server.key" <"$dir/target.key" >/dev/null)
    rm "$dir/target.key"
    chmod 644 "$dir/target-ca.pem"
}

# Secrets are locked into memory, which containers and some logins don't allow.
may_lock_memory() {
    # shellcheck disable=SC3045 # dash and bash have -l
    locked=$(ulimit -l 2>/dev/null || echo 0)
    [ "$locked" = unlimited ] || [ "$locked" -ge 8192 ]
}

write_config() {
    unlocked=
    may_lock_memory || unlocked="allow_unlocked_memory = true"
    cat >"$dir/rotunda.hcl" <<END
listener "tcp" {
  address = "127.0.0.1:$port"
}

database {
  host = "$dir/vault-db"
  name = "rotunda"
  user = "rotunda"
}

seal "shamir" {}

rotation {
  min_interval_s = 1 # 60 unless set: this is a demonstration
}
$unlocked
END
}

start_server() {
    setsid rotunda server -config "$dir/rotunda.hcl" </dev/null >"$dir/server.log" 2>&1 &
    server_pid=$!
    echo "$server_pid" >"$dir/server.pid"
    until curl -s -o /dev/null "$ROTUNDA_ADDR/v1/sys/health"; do
        kill -0 "$server_pid" 2>/dev/null || fail "the vault did not start"
        sleep 0.1
    done
}

# ---- the tour

tour_start() {
    step "A vault and two databases"
    say "Everything is in $dir: a PostgreSQL for the vault (unix socket only) and
another, \"the shop's\", whose passwords Rotunda will look after."
    start_databases
    write_config
    try 'cat "$dir/rotunda.hcl"'
    try 'rotunda server -check -config "$dir/rotunda.hcl"'
    say 'Starting it: rotunda server -config "$dir/rotunda.hcl"'
    start_server
}

tour_unseal() {
    step "Initialise and unseal"
    say "Three shares of the key, of which any two open the vault. Here one file gets them all;
in earnest each goes to another person."
    try '(umask 077; rotunda init -key-shares=3 -key-threshold=2 -format=json >"$dir/init.json")'
    try 'jq -r ".keys_base64[0]" "$dir/init.json" | rotunda unseal'
    try 'jq -r ".keys_base64[1]" "$dir/init.json" | rotunda unseal'
    try 'export ROTUNDA_TOKEN="$(jq -r .root_token "$dir/init.json")"'
}

tour_secrets() {
    step "Store a secret, read it back"
    try 'rotunda secrets enable -path=secret -version=2 kv'
    try 'printf %s "s3cr3t-pa55word" | rotunda kv put secret/shop/smtp host=mail.example password=-'
    say "Clients of HashiCorp Vault and OpenBao work unchanged, and so does curl:"
    try '(umask 077; printf "X-Vault-Token: %s" "$ROTUNDA_TOKEN" >"$dir/root.header")'
    try 'curl -s -H @"$dir/root.header" "$ROTUNDA_ADDR/v1/secret/data/shop/smtp" | jq .data'
    try 'curl -s -H @"$dir/root.header" -d "{\"data\":{\"url\":\"https://example.org\"}}" \
      "$ROTUNDA_ADDR/v1/secret/data/shop/hook" | jq -c .data'
    try 'rotunda kv get secret/shop/hook'
}

tour_policy() {
    step "A policy, and a token that can read one path"
    try 'rotunda policy write shop-mail - <<END
path "secret/data/shop/smtp" {
  capabilities = ["read"]
}
END'
    try '(umask 077; rotunda token create -policy=shop-mail -display-name=mailer -ttl=1h -field=token >"$dir/mailer.token")'
    try 'ROTUNDA_TOKEN="$(cat "$dir/mailer.token")" rotunda kv get -mount=secret -field=host shop/smtp; echo'
    say "Anything else is refused:"
    try_refused 'ROTUNDA_TOKEN="$(cat "$dir/mailer.token")" rotunda kv get -mount=secret shop/hook'
}

tour_target() {
    step "A database whose passwords are to be rotated"
    say "Two roles take turns, so that there is always one whose password nobody has just changed;
both act as the role that owns the tables. The rotator's own role may do nothing but manage roles."
    (umask 077 && openssl rand -hex 24 | tr -d '\n' >"$dir/rotator.password")
    try 'psql -X -q -v ON_ERROR_STOP=1 -h "$dir/target-db" -p "$target_port" -U rotunda shop <<"END"
\set password `cat "$dir/rotator.password"`
CREATE ROLE rotator LOGIN CREATEROLE PASSWORD :'"'"'password'"'"';
CREATE ROLE shop NOLOGIN;
CREATE ROLE shop_a LOGIN IN ROLE shop;
CREATE ROLE shop_b LOGIN IN ROLE shop;
ALTER ROLE shop_a SET role = shop;
ALTER ROLE shop_b SET role = shop;
CREATE TABLE orders AS SELECT generate_series(1, 7) AS number;
ALTER TABLE orders OWNER TO shop;
END'
    try 'rotunda secrets enable rotation'
    try 'rotunda rotation target write shop-db rotator=postgresql host=127.0.0.1 port="$target_port" \
      database=shop ca_file="$dir/target-ca.pem" username=rotator password=@"$dir/rotator.password"'
    rm "$dir/rotator.password"
}

tour_rotation() {
    step "Rotate every three seconds, while the application keeps working"
    try 'rotunda rotation credential write shop target=shop-db strategy=pair accounts=shop_a,shop_b \
      interval=3s grace=2s owner=team-shop purpose="the orders database"'
    try 'rotunda policy write shop - <<END
path "rotation/creds/shop" {
  capabilities = ["read"]
}
END'
    try '(umask 077; rotunda token create -policy=shop -display-name=shop -ttl=1h -field=token >"$dir/shop.token")'
    say "The first rotation gives both roles passwords that nobody has seen. From now on this is
all that the application asks for:"
    try 'until rotunda rotation creds shop 2>/dev/null; do sleep 0.2; done'
    say "The application reads its credential and logs in with it, ten times a second
(docker/quickstart-app.sh):"
    try 'ROTUNDA_TOKEN="$(cat "$dir/shop.token")" sh "$here/quickstart-app.sh" 14 shop \
      "host=127.0.0.1 port=$target_port dbname=shop sslmode=verify-full sslrootcert=$dir/target-ca.pem"'
    try 'rotunda rotation history shop | tail -n 12'
    try 'rotunda rotation status'
}

tour_audit() {
    step "Who read what, and proof that nothing is missing"
    try 'rotunda audit records -path=secret/data/shop -limit=10'
    try 'rotunda audit records -actor=token-shop -limit=5'
    say "Each record is part of a chain of hashes whose heads are signed. An auditor checks them with
the public key alone, without trusting the vault or its database:"
    try 'rotunda audit verify -database "host=$dir/vault-db user=rotunda dbname=rotunda"'
    say "Somebody with access to the database covers up who read the mail password:"
    try 'psql -X -h "$dir/vault-db" -U rotunda -d rotunda -c \
      "UPDATE audit_record SET actor = \$\$nobody\$\$
      WHERE actor = \$\$token-mailer\$\$ AND path = \$\$secret/data/shop/smtp\$\$"'
    try_refused 'rotunda audit verify -database "host=$dir/vault-db user=rotunda dbname=rotunda"'
    say "It is found, and so is a record that was deleted. Back to what it was:"
    try 'psql -X -h "$dir/vault-db" -U rotunda -d rotunda -c \
      "UPDATE audit_record SET actor = \$\$token-mailer\$\$ WHERE actor = \$\$nobody\$\$"'
}

finish() {
    result=passed
    step "That was it"
    if [ -n "$keep" ]; then
        cat <<END

It keeps running. In another shell:

    export PATH="$(dirname "$ROTUNDA_PROGRAM"):\$PATH" ROTUNDA_ADDR=$ROTUNDA_ADDR
    rotunda login          # the root token is in $dir/init.json

Stop and remove it:  sh docker/quickstart.sh --stop $dir
END
    else
        cat <<END

Everything is stopped and removed now; --keep leaves it running.
END
    fi
    cat <<END

Where to go next:
    rotunda dev                 a vault to play with, in one command
    docs/getting-started.md     the same steps, explained
    docs/production.md          TLS, seal, PostgreSQL, several nodes, systemd
END
}

main() {
    read_arguments "$@"
    trap leave EXIT
    trap 'exit 130' INT TERM HUP
    make_folder
    export PATH dir
    if [ -z "${ROTUNDA_PROGRAM-}" ]; then
        step "Build"
        build
    fi
    [ -x "$ROTUNDA_PROGRAM" ] || fail "$ROTUNDA_PROGRAM can't be run"
    PATH=$(CDPATH='' cd -- "$(dirname -- "$ROTUNDA_PROGRAM")" && pwd):$PATH
    if [ -z "$port" ]; then
        port=$(free_port 8200)
    elif is_listening "$port"; then
        fail "port $port is in use"
    fi
    unset VAULT_ADDR VAULT_TOKEN ROTUNDA_TOKEN ROTUNDA_NAMESPACE VAULT_NAMESPACE
    export ROTUNDA_ADDR="http://127.0.0.1:$port"
    tour_start
    tour_unseal
    tour_secrets
    tour_policy
    tour_target
    tour_rotation
    tour_audit
    finish
}

main "$@"
