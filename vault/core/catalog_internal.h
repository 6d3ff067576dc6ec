// SPDX-License-Identifier: ISC
// Shared by catalog.c (reading) and catalog_store.c (the rows). Only for them.
#pragma once

#include "vault/core/catalog.h"

struct catalog_policy {
    struct str name;
    struct str text;
    struct policy *parsed;
};

struct catalog_acl {
    char *key; // names of the policies, each followed by a newline
    size_t key_len;
    struct acl *acl;
    struct catalog_acl *next;
};

struct catalog {
    size_t references;
    struct arena *arena;
    int64_t epoch;
    struct mount *mounts;
    size_t mount_count;
    struct catalog_policy *policies;
    size_t policy_count;
    struct token_role *roles;
    size_t role_count;
    struct catalog_acl *acls;
};

struct catalog *catalog_alloc(void); // one reference; NULL when memory is short
