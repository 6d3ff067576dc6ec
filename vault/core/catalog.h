// SPDX-License-Identifier: ISC
// What decides where a path leads and who may go there: the mounts, policies and token roles of one
// epoch, loaded as one snapshot with every MAC and the manifest checked. Immutable, one worker's
// own, held by reference across waits.
#pragma once

#include "vault/base/uuid.h"
#include "vault/core/token_role.h"
#include "vault/core/vault.h"
#include "vault/policy/acl.h"

struct mount {
    struct uuid id;
    int64_t namespace_id;
    struct str path; // ends in a slash
    struct str type; // kv, cubbyhole, rotation, system, token, ...
    struct str accessor;
    struct str description;
    struct str config;  // JSON object
    struct str options; // JSON object
    int64_t row_version;
};

struct catalog;

struct catalog *catalog_retain(struct catalog *c);
void catalog_release(struct catalog *c); // NULL is fine
void catalog_cleanup(struct catalog **c);

// Blocking: with a session. INTEGRITY when a row, the manifest or their agreement is broken.
struct status catalog_load(const struct keyring *k, struct session *s, struct catalog **out);

int64_t catalog_epoch(const struct catalog *c);
size_t catalog_mount_count(const struct catalog *c);
const struct mount *catalog_mount_at(const struct catalog *c, size_t i); // in order of path
// The mount whose path begins `path`; mounts never nest. NULL for none.
const struct mount *catalog_mount_of(const struct catalog *c, struct str path);

size_t catalog_policy_count(const struct catalog *c);
struct str catalog_policy_name(const struct catalog *c, size_t i); // in order
// The text as stored. NOT_FOUND.
struct status catalog_policy_text(const struct catalog *c, struct str name, struct str *out);

size_t catalog_role_count(const struct catalog *c);
const struct token_role *catalog_role_at(const struct catalog *c, size_t i);     // in order of name
const struct token_role *catalog_role(const struct catalog *c, struct str name); // NULL for none

// The rules of a token with these policies (names without a policy grant nothing). Built once per
// set of names and kept with the catalog, until a rule expires: don't keep it across a wait. NOMEM.
struct catalog_acl_key {
    const struct str *names;
    size_t count;
    int64_t now_us; // the database's clock
};
struct status catalog_acl(struct catalog *c, const struct catalog_acl_key *key,
                          const struct acl **out);

// The one way to change mounts, policies, token roles or sinks: inside the transaction, after the
// rows were written, raises the epoch and signs the manifest anew. Call catalog_change_begin()
// before anything else: it takes the epoch's row lock, so that two changes can't work on the same
// state, and checks the manifest, so that none puts the vault's name to what somebody else did to
// the rows (INTEGRITY). The very first change has no manifest to check and goes without it.
struct status catalog_change_begin(const struct keyring *k, struct session *s);
struct status catalog_change_end(const struct keyring *k, struct session *s);
// After a policy or role was put, in its transaction: TOO_LARGE when all of them are more than the
// workers can hold, since a catalog that can't be loaded couldn't be changed back either.
struct status catalog_check_size(struct session *s);

// Writing rows, within such a change. `m->row_version` is that of the row to be replaced, 0 for a
// new one. CONFLICT when the path is taken or the version has moved on.
struct status catalog_put_mount(const struct keyring *k, struct session *s, const struct mount *m);
struct status catalog_delete_mount(struct session *s, struct uuid id);
struct status catalog_put_policy(const struct keyring *k, struct session *s, int64_t namespace_id,
                                 struct str name, struct str text);
// NOT_FOUND
struct status catalog_delete_policy(struct session *s, int64_t namespace_id, struct str name);
