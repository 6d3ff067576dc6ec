#!/bin/sh
# SPDX-License-Identifier: ISC
# Usage: sh tests/fresh.sh [COMMAND...]      (as root)
# Does what a newcomer does: bootstraps an empty Debian 12 in a temporary folder, puts the last
# commit into it, and runs the README's commands there, first as root, then as an ordinary user,
# then once more. With COMMAND..., runs these instead of the README's two.
# Packages come from the sources of this machine. Mounts and processes live in namespaces of their
# own and go away with them, whatever happens.
set -eu

tree=$(CDPATH='' cd -- "$(dirname -- "$0")/.." && pwd)
suite=bookworm

if [ "$(id -u)" -ne 0 ]; then
    echo "fresh.sh needs root: debootstrap and chroot do" >&2
    exit 2
fi

# sources: prints URI, suite and components of this machine's sources for the release.
sources() {
    # shellcheck disable=SC2016 # apt-get expands these
    apt-get indextargets --format '$(REPO_URI) $(RELEASE) $(COMPONENT)' 'Identifier: Packages' |
        awk -v suite="$suite" '$2 == suite || index($2, suite "-") == 1' | sort -u
}

# in_fresh USER FOLDER COMMAND...: as USER in the new system.
in_fresh() {
    user=$1
    folder=$2
    shift 2
    echo "== $user: $*"
    # shellcheck disable=SC2016 # expanded inside
    chroot "$root" setpriv --reuid="$user" --regid="$user" --init-groups \
        env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME="$folder" USER="$user" LANG=C.UTF-8 \
        sh -c 'cd "$HOME/rotunda" && exec "$@"' sh "$@"
}

bootstrap() {
    main=$(sources | awk -v suite="$suite" '$2 == suite && $3 == "main" {print $1; exit}')
    if [ -z "$main" ]; then
        echo "no apt source for Debian $suite here; apt-get update first?" >&2
        exit 2
    fi
    debootstrap --variant=minbase "$suite" "$root" "$main" >"$work/debootstrap.log" 2>&1 || {
        echo "debootstrap failed" >&2
        exit 1
    }
    sources | awk '{print "deb", $1, $2, $3}' >"$root/etc/apt/sources.list"
    apt-config dump | grep '^Acquire::' >"$root/etc/apt/apt.conf.d/90host" || :
    chroot "$root" useradd --create-home reader
}

mount_system() {
    mount -t proc proc "$root/proc"
    mount --rbind /dev "$root/dev"
    mount -t tmpfs -o mode=1777 tmpfs "$root/dev/shm"
}

copy_tree() {
    for home in /root /home/reader; do
        mkdir "$root$home/rotunda"
        git -C "$tree" archive HEAD | tar -x -C "$root$home/rotunda"
    done
    chroot "$root" chown -R reader: /home/reader/rotunda
}

run_readme() {
    in_fresh root /root sh docker/quickstart.sh
    in_fresh root /root sh tests/run.sh
    in_fresh reader /home/reader sh docker/quickstart.sh
    in_fresh reader /home/reader sh tests/run.sh
    in_fresh reader /home/reader sh docker/quickstart.sh
}

if [ "${ROTUNDA_FRESH_INSIDE-}" != yes ]; then
    work=$(mktemp -d /var/tmp/rotunda-fresh.XXXXXX)
    trap 'rm -rf --one-file-system "$work"' EXIT
    inside=
    trap 'kill "$inside"; wait "$inside"; exit 130' INT TERM HUP
    ROTUNDA_FRESH_INSIDE=yes ROTUNDA_FRESH_WORK=$work \
        unshare --mount --propagation private --pid --fork --kill-child --ipc \
        sh "$tree/tests/fresh.sh" "$@" &
    inside=$!
    result=0
    wait "$inside" || result=$?
    exit "$result"
fi

work=$ROTUNDA_FRESH_WORK
root=$work/root
mkdir "$root"
bootstrap
mount_system
copy_tree
if [ $# -gt 0 ]; then
    in_fresh root /root "$@"
    in_fresh reader /home/reader "$@"
else
    run_readme
fi
echo "fresh machine: passed"
