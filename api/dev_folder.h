// SPDX-License-Identifier: ISC
// Where `rotunda dev` keeps everything:
//
//     DIR/seal-key      32 bytes that unseal the vault, mode 0600
//     DIR/root-token    mode 0600
//     DIR/postgres/     of PostgreSQL's user, closed to others: data/, log, the unix socket
#pragma once

#include <sys/types.h>

#include "vault/base/bytes.h"
#include "vault/base/secret.h"

enum {
    DEV_FOLDER_BYTES = 80, // a unix socket's path has at most 107 octets
    DEV_PATH_BYTES = 128
};

struct dev_folder {
    char path[DEV_FOLDER_BYTES]; // absolute
    char postgres[DEV_PATH_BYTES];
    char seal_key[DEV_PATH_BYTES];
    char root_token[DEV_PATH_BYTES];
    bool temporary;
    bool switch_user; // we are root, which PostgreSQL refuses to run as: it gets these
    uid_t uid;
    gid_t gid;
};

// Makes what is missing, the seal's key included. `wanted` empty: a temporary folder.
// INVALID when the folder holds something else, or has too long a name; UNAVAILABLE.
struct status dev_folder_open(struct str wanted, struct dev_folder *out);

// With everything in it. Symbolic links aren't followed. Missing is fine.
void dev_folder_remove(const char *path);

struct status dev_folder_save_token(const struct dev_folder *f, const struct secret *token);
// NOT_FOUND when there is none.
struct status dev_folder_load_token(const struct dev_folder *f, struct secret **out);
