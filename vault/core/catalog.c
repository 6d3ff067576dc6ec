// SPDX-License-Identifier: ISC
#include "vault/core/catalog.h"

#include <stdlib.h>
#include <string.h>

#include "vault/base/log.h"
#include "vault/core/catalog_internal.h"
#include "vault/policy/name.h"

enum { CATALOG_BYTES_MAX = 256 * 1024 * 1024 };

struct catalog *catalog_retain(struct catalog *c)
{
    c->references++;
    return c;
}

void catalog_release(struct catalog *c)
{
    if (c == NULL || --c->references > 0) {
        return;
    }
    struct catalog_acl *a = c->acls;
    while (a != NULL) {
        struct catalog_acl *next = a->next;
        acl_free(a->acl);
        free(a->key);
        free(a);
        a = next;
    }
    for (size_t i = 0; i < c->policy_count; i++) {
        policy_free(c->policies[i].parsed);
    }
    arena_free(c->arena);
    free(c);
}

void catalog_cleanup(struct catalog **c)
{
    catalog_release(*c);
}

int64_t catalog_epoch(const struct catalog *c)
{
    return c->epoch;
}

size_t catalog_mount_count(const struct catalog *c)
{
    return c->mount_count;
}

const struct mount *catalog_mount_at(const struct catalog *c, size_t i)
{
    return &c->mounts[i];
}

// Mounts are in order of path and don't nest: the one that could begin `path` is the last one that
// isn't greater.
const struct mount *catalog_mount_of(const struct catalog *c, struct str path)
{
    size_t low = 0;
    size_t high = c->mount_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(c->mounts[middle].path, path) <= 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    const struct mount *m = low == 0 ? NULL : &c->mounts[low - 1];
    return m != NULL && str_starts_with(path, m->path) ? m : NULL;
}

size_t catalog_policy_count(const struct catalog *c)
{
    return c->policy_count;
}

struct str catalog_policy_name(const struct catalog *c, size_t i)
{
    return c->policies[i].name;
}

static const struct catalog_policy *find_policy(const struct catalog *c, struct str name)
{
    size_t low = 0;
    size_t high = c->policy_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = str_compare(c->policies[middle].name, name);
        if (order == 0) {
            return &c->policies[middle];
        }
        if (order < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return NULL;
}

struct status catalog_policy_text(const struct catalog *c, struct str name, struct str *out)
{
    const struct catalog_policy *p = find_policy(c, name);
    if (p == NULL) {
        FAIL(NOT_FOUND, "no such policy");
    }
    *out = p->text;
    return OK_STATUS;
}

size_t catalog_role_count(const struct catalog *c)
{
    return c->role_count;
}

const struct token_role *catalog_role_at(const struct catalog *c, size_t i)
{
    return &c->roles[i];
}

static int compare_role(const void *name, const void *role)
{
    return str_compare(*(const struct str *)name, ((const struct token_role *)role)->name);
}

const struct token_role *catalog_role(const struct catalog *c, struct str name)
{
    return bsearch(&name, c->roles, c->role_count, sizeof *c->roles, compare_role);
}

// Names joined by a character that no name may hold.
static char *join_names(const struct str *names, size_t count, size_t *out_len)
{
    size_t len = 0;
    for (size_t i = 0; i < count; i++) {
        len += names[i].len + 1;
    }
    char *key = malloc(len + 1);
    if (key == NULL) {
        return NULL;
    }
    char *at = key;
    for (size_t i = 0; i < count; i++) {
        memcpy(at, names[i].ptr, names[i].len);
        at += names[i].len;
        *at++ = '\n';
    }
    *out_len = len;
    return key;
}

static struct status build_acl(const struct catalog *c, const struct catalog_acl_key *key,
                               struct acl **out)
{
    const struct policy **found = calloc(key->count + 1, sizeof *found);
    if (found == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct acl_input input = {.policies = found, .now_us = key->now_us};
    for (size_t i = 0; i < key->count; i++) {
        input.root = input.root || policy_name_is_root(key->names[i]);
        const struct catalog_policy *p = find_policy(c, key->names[i]);
        if (p != NULL) {
            found[input.count++] = p->parsed;
        }
    }
    struct status s = acl_build(&input, out);
    free(found);
    return s;
}

// The slot of this set of names, with or without rules in it yet. Takes `text`.
static struct catalog_acl *find_slot(struct catalog *c, char *text, size_t len)
{
    for (struct catalog_acl *a = c->acls; a != NULL; a = a->next) {
        if (str_equal((struct str){a->key, a->key_len}, (struct str){text, len})) {
            free(text);
            return a;
        }
    }
    struct catalog_acl *a = calloc(1, sizeof *a);
    if (a == NULL) {
        free(text);
        return NULL;
    }
    *a = (struct catalog_acl){.key = text, .key_len = len, .next = c->acls};
    c->acls = a;
    return a;
}

struct status catalog_acl(struct catalog *c, const struct catalog_acl_key *key,
                          const struct acl **out)
{
    size_t len = 0;
    char *text = join_names(key->names, key->count, &len);
    struct catalog_acl *slot = text == NULL ? NULL : find_slot(c, text, len);
    if (slot == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    if (slot->acl == NULL || acl_expires_us(slot->acl) <= key->now_us) {
        struct acl *built;
        TRY(build_acl(c, key, &built));
        // Nobody keeps rules across a wait, so the expired ones can go.
        acl_free(slot->acl);
        slot->acl = built;
    }
    *out = slot->acl;
    return OK_STATUS;
}

struct catalog *catalog_alloc(void)
{
    struct catalog *c = calloc(1, sizeof *c);
    if (c == NULL) {
        return NULL;
    }
    c->references = 1;
    c->arena = arena_new(CATALOG_BYTES_MAX);
    if (c->arena == NULL) {
        free(c);
        return NULL;
    }
    return c;
}
