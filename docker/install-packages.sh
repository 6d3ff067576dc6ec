#!/bin/sh
# SPDX-License-Identifier: ISC
# Installs the Debian packages that Rotunda needs, and only those that are missing.
#
#     sh docker/install-packages.sh            what building and running needs
#     sh docker/install-packages.sh --tests    also what the tests and checks need
#
# Works as root or as a user with sudo. Does nothing, and asks for nothing, when all are there.
set -eu

# "a|b": either will do, the first is installed.
build_packages="build-essential cmake ninja-build pkg-config libmicrohttpd-dev libpq-dev
    libsodium-dev libgfshare-dev uthash-dev libcurl4-gnutls-dev|libcurl4-openssl-dev
    libgnutls28-dev libseccomp-dev postgresql-15 postgresql-client-15 ca-certificates curl jq"
test_packages="libcmocka-dev clang clang-tidy clang-format libclang-rt-14-dev cppcheck pmccabe
    shellcheck codespell python3 python3-hvac wrk debootstrap gdb"

is_installed() {
    [ "$(dpkg-query -W -f='${db:Status-Status}' "$1" 2>/dev/null)" = installed ]
}

# Prints the packages of the list that are missing.
missing_packages() {
    for choice in "$@"; do
        found=
        for package in $(echo "$choice" | tr '|' ' '); do
            if is_installed "$package"; then
                found=yes
            fi
        done
        if [ -z "$found" ]; then
            echo "${choice%%|*}"
        fi
    done
}

as_root() {
    if [ "$(id -u)" -eq 0 ]; then
        "$@"
    elif command -v sudo >/dev/null; then
        sudo "$@"
    else
        echo "Packages are missing and there is no sudo; as root: sh docker/install-packages.sh" >&2
        exit 1
    fi
}

apt() {
    as_root env DEBIAN_FRONTEND=noninteractive UCF_FORCE_CONFFOLD=1 \
        apt-get -q -o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@"
}

# Debian's postgresql starts a server on port 5432. Nobody asked for one: Rotunda brings its own
# private ones. Only where Debian's machinery isn't in use yet; its configuration is as packaged
# afterwards.
cluster_conf=/etc/postgresql-common/createcluster.conf

hold_back_cluster() {
    as_root mkdir -p "${cluster_conf%/*}"
    echo "create_main_cluster = false" | as_root tee "$cluster_conf" >/dev/null
}

restore_cluster_conf() {
    as_root cp /usr/share/postgresql-common/createcluster.conf "$cluster_conf"
}

wanted=$build_packages
if [ "${1-}" = --tests ]; then
    wanted="$wanted $test_packages"
elif [ $# -gt 0 ]; then
    echo "usage: sh docker/install-packages.sh [--tests]" >&2
    exit 2
fi

# shellcheck disable=SC2086 # one word per package
missing=$(missing_packages $wanted | tr '\n' ' ')
if [ -z "$missing" ]; then
    exit 0
fi
if ! command -v apt-get >/dev/null; then
    echo "This is not Debian; install what corresponds to: $missing" >&2
    exit 1
fi

echo "Installing: $missing"
held_back=
if ! is_installed postgresql-common && [ ! -e "$cluster_conf" ]; then
    held_back=yes
    hold_back_cluster
fi
apt update
# shellcheck disable=SC2086 # one word per package
apt install -y --no-install-recommends $missing
if [ -n "$held_back" ]; then
    restore_cluster_conf
fi
