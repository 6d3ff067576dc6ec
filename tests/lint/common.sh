# shellcheck shell=sh
# SPDX-License-Identifier: ISC
# What the checks that are shell scripts share: the tree as working directory, lists of files.

cd "${ROTUNDA_LINT_ROOT:-$(dirname -- "$0")/../..}" || exit 1

# 77 tells ctest that a test was skipped.
full_only() {
    if [ "${ROTUNDA_LINT-}" != full ]; then
        echo "slow: only with ROTUNDA_LINT=full"
        exit 77
    fi
}

# find_files NAME-PATTERN...: the project's own files, sorted. Works without git.
find_files() {
    for pattern in "$@"; do
        find .ci api docker docs include migrations rotators tests vault -type f -name "$pattern"
    done 2>/dev/null | sort
}

find_sources() {
    find_files '*.c' | grep -v '^tests/'
}
