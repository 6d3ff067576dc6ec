# shellcheck shell=sh
# SPDX-License-Identifier: ISC
# Private PostgreSQL servers for tests: a library to be sourced by POSIX shell scripts.
#
#     . tests/support/postgres.sh
#     dir=$(mktemp -d); url=$(pg_start "$dir"); ...; pg_destroy "$dir"
#
# A server keeps its data in DIR/data, its log in DIR/log and its unix socket in DIR, which only the
# server's user (and root) may enter: that is the only protection, so there is no password and no
# TCP unless an option asks for it. PostgreSQL refuses to run as root, so root hands the server to
# `postgres`, else to `nobody`. It is durable (fsync on) like a real one.
# Starting takes well under a second: initdb runs once and its result is kept in build/.

pg_tree=$(CDPATH='' cd -- "${PG_TREE:-$(dirname -- "$0")/../..}" && pwd)

# pg_bin NAME: the path of a program of the newest installed server, or of the one in the folder that
# PG_BIN names.
pg_bin() {
    if [ -n "${PG_BIN-}" ]; then
        echo "$PG_BIN/$1"
        return
    fi
    for pg_found in "$(command -v initdb || :)" /usr/lib/postgresql/*/bin/initdb; do
        if [ -x "$pg_found" ]; then
            pg_newest=$(readlink -f "$pg_found")
        fi
    done
    if [ -z "${pg_newest-}" ]; then
        echo "PostgreSQL is missing: sh docker/install-packages.sh --tests" >&2
        return 1
    fi
    echo "$(dirname "$pg_newest")/$1"
}

pg_user() {
    if id postgres >/dev/null 2>&1; then
        echo postgres
    else
        echo nobody
    fi
}

# pg_as DIR COMMAND...: runs it in DIR as the user that owns the server.
pg_as() (
    cd "$1" || exit
    shift
    if [ "$(id -u)" -ne 0 ]; then
        exec "$@"
    fi
    pg_name=$(pg_user)
    exec setpriv --reuid="$pg_name" --regid="$(id -g "$pg_name")" --clear-groups -- "$@"
)

# pg_own DIR: hands DIR to the server's user and closes it to everybody else.
pg_own() {
    if [ "$(id -u)" -eq 0 ]; then
        chown "$(pg_user)" "$1"
    fi
    chmod 700 "$1"
}

# pg_create DIR: DIR/data becomes an empty cluster with the database `rotunda`.
pg_create() {
    {
        pg_as "$1" "$(pg_bin initdb)" -D "$1/data" -U rotunda -E UTF8 --locale=C -A trust \
            --no-sync --no-instructions &&
            echo "CREATE DATABASE rotunda" |
            pg_as "$1" "$(pg_bin postgres)" --single -D "$1/data" postgres
    } >"$1/initdb.log" 2>&1 || {
        cat "$1/initdb.log" >&2
        return 1
    }
}

# pg_fill DIR: like pg_create, from the kept copy where there is one. Who comes first makes the
# copy; rename decides a race. A tree that can't be written to only costs time.
pg_fill() {
    pg_kept="$pg_tree/build/pg-template-$(id -u)"
    if [ -n "${PG_BIN-}" ]; then
        pg_create "$1"
        return
    fi
    if [ -d "$pg_kept" ]; then
        cp -a --reflink=auto "$pg_kept" "$1/data"
        return
    fi
    pg_create "$1"
    pg_moving="$pg_kept.$$"
    if mkdir -p "$pg_tree/build" 2>/dev/null && cp -a "$1/data" "$pg_moving" 2>/dev/null; then
        mv -T "$pg_moving" "$pg_kept" 2>/dev/null || rm -rf "$pg_moving"
    fi
}

# pg_url DIR: the connection string of the server in DIR.
pg_url() {
    echo "host=$1 user=rotunda dbname=rotunda"
}

# pg_start DIR [-c NAME=VALUE...]: starts the server in DIR, an existing private folder, and prints
# its connection string. A server that was stopped or killed starts again with its data; the
# options hold for this start only.
pg_start() {
    pg_dir=$1
    shift
    pg_own "$pg_dir"
    if [ ! -d "$pg_dir/data" ]; then
        pg_fill "$pg_dir"
    fi
    pg_as "$pg_dir" "$(pg_bin pg_ctl)" start -w -t 60 -s -D "$pg_dir/data" -l "$pg_dir/log" \
        -o "-c listen_addresses='' -c unix_socket_directories='$pg_dir' -c max_connections=100 $*" \
        >/dev/null || {
        tail -n 20 "$pg_dir/log" >&2
        return 1
    }
    pg_url "$pg_dir"
}

# pg_alive PID: false for a zombie too, which an init that never reaps may leave behind.
pg_alive() {
    readlink "/proc/$1/exe" >/dev/null 2>&1
}

# pg_pid DIR: the postmaster's process id; fails when none is running.
pg_pid() {
    [ -s "$1/data/postmaster.pid" ] || return 1
    read -r pg_postmaster <"$1/data/postmaster.pid"
    pg_alive "$pg_postmaster" && echo "$pg_postmaster"
}

# pg_processes DIR: the postmaster and its children.
pg_processes() {
    pg_parent=$(pg_pid "$1") && echo "$pg_parent" "$(cat "/proc/$pg_parent/task/$pg_parent/children")"
}

# pg_stop DIR [MODE]: MODE is fast (default), smart or immediate.
pg_stop() {
    if pg_pid "$1" >/dev/null; then
        pg_as "$1" "$(pg_bin pg_ctl)" stop -w -t 60 -s -D "$1/data" -m "${2:-fast}"
    fi
}

# pg_kill9 DIR: every process of the server dies at once, as in a power cut. pg_start recovers.
pg_kill9() {
    pg_victims=$(pg_processes "$1") || return 0
    # shellcheck disable=SC2086 # one word per process
    kill -s KILL $pg_victims 2>/dev/null || :
    for pg_victim in $pg_victims; do
        while pg_alive "$pg_victim"; do
            sleep 0.02
        done
    done
    # The postmaster may stay a zombie for a while, for which PostgreSQL would refuse to start.
    rm -f "$1/data/postmaster.pid" "$1"/.s.PGSQL.*.lock
}

# pg_pause DIR, pg_resume DIR: a server that hangs, and comes back.
pg_pause() {
    pg_signal STOP "$1"
}

pg_resume() {
    pg_signal CONT "$1"
}

pg_signal() {
    # shellcheck disable=SC2046 # one word per process
    kill -s "$1" $(pg_processes "$2")
}

# pg_follow DIR PRIMARY: starts a server in DIR, an existing private folder, as a streaming standby of
# the one in PRIMARY.
pg_follow() {
    pg_own "$1"
    pg_as "$1" "$(pg_bin pg_basebackup)" -h "$2" -U rotunda -D "$1/data" -R -X stream -c fast
    pg_start "$1"
}

# pg_promote DIR: the standby in DIR becomes a primary.
pg_promote() {
    pg_as "$1" "$(pg_bin pg_ctl)" promote -w -t 60 -s -D "$1/data"
}

# pg_destroy DIR: stops the server, whatever state it is in, and removes DIR.
pg_destroy() {
    pg_resume "$1" 2>/dev/null || :
    pg_stop "$1" immediate || pg_kill9 "$1"
    rm -rf "$1"
}
