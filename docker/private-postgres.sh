# shellcheck shell=sh
# SPDX-License-Identifier: ISC
# Private PostgreSQL servers: a library for docker/quickstart.sh.
#
# A server has a folder of its own that nobody but its user (and root) may enter: DIR/data, DIR/log
# and the unix socket. PostgreSQL refuses to run as root, so root hands it to `postgres`.

# pg_program NAME: the path of a program of the newest installed server.
pg_program() {
    pg_newest=
    for pg_found in /usr/lib/postgresql/*/bin; do
        if [ -x "$pg_found/initdb" ]; then
            pg_newest=$pg_found
        fi
    done
    if [ -z "$pg_newest" ]; then
        echo "PostgreSQL is missing: sh docker/install-packages.sh" >&2
        return 1
    fi
    echo "$pg_newest/$1"
}

# pg_as DIR COMMAND...: runs it in DIR as the user that owns the server.
pg_as() (
    cd "$1" || exit
    shift
    if [ "$(id -u)" -ne 0 ]; then
        exec "$@"
    fi
    exec setpriv --reuid=postgres --regid="$(id -g postgres)" --clear-groups -- "$@"
)

# pg_create DIR DATABASE: an empty cluster in DIR, with that database, owned by the superuser
# `rotunda`. The socket lets its user in without a password.
pg_create() {
    mkdir "$1"
    if [ "$(id -u)" -eq 0 ]; then
        chown postgres: "$1"
    fi
    chmod 700 "$1"
    {
        pg_as "$1" "$(pg_program initdb)" -D "$1/data" -U rotunda -E UTF8 --locale=C -A trust \
            --no-sync --no-instructions &&
            echo "CREATE DATABASE $2" |
            pg_as "$1" "$(pg_program postgres)" --single -D "$1/data" postgres
    } >"$1.log" 2>&1 || {
        cat "$1.log" >&2
        return 1
    }
    rm "$1.log"
}

# pg_start DIR [OPTION...]: options as postgres takes them. Without any there is no TCP.
pg_start() {
    pg_dir=$1
    shift
    pg_as "$pg_dir" "$(pg_program pg_ctl)" start -w -t 60 -s -D "$pg_dir/data" -l "$pg_dir/log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$pg_dir' $*" >/dev/null || {
        tail -n 20 "$pg_dir/log" >&2
        return 1
    }
}

# pg_stop DIR: fine when there is none, or it doesn't run.
pg_stop() {
    if [ -s "$1/data/postmaster.pid" ]; then
        pg_as "$1" "$(pg_program pg_ctl)" stop -w -t 60 -s -m fast -D "$1/data" || :
    fi
}
