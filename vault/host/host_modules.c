// SPDX-License-Identifier: ISC
#include "vault/host/host_internal.h"

#include <dlfcn.h>
#include <string.h>

static struct status load(const char *path, const struct rotunda_rotator **out)
{
    // Never closed: the process ends with the attempt.
    void *module = dlopen(path, RTLD_NOW | RTLD_LOCAL);
    if (module == NULL) {
        FAIL(INVALID, "the module can't be loaded");
    }
    void *symbol = dlsym(module, "rotunda_rotator_module");
    if (symbol == NULL) {
        FAIL(INVALID, "the module exports no rotunda_rotator_module");
    }
    // ISO C has no conversion from object to function pointer; POSIX has dlsym().
    rotunda_rotator_module_function *entry;
    memcpy(&entry, &symbol, sizeof entry);
    *out = entry();
    return OK_STATUS;
}

static struct status find(const char *name, const struct rotunda_rotator *const *builtin,
                          const struct rotunda_rotator **out)
{
    if (name[0] == '/') {
        return load(name, out);
    }
    for (; *builtin != NULL; builtin++) {
        if (strcmp((*builtin)->name, name) == 0) {
            *out = *builtin;
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "there is no such rotator");
}

struct status host_find(const char *name, const struct rotunda_rotator *const *builtin,
                        const struct rotunda_rotator **out)
{
    const struct rotunda_rotator *found = NULL;
    TRY(find(name, builtin, &found));
    if (found == NULL || found->abi_version != ROTUNDA_ROTATOR_ABI || found->name == NULL ||
        found->kind < ROTUNDA_K1 || found->kind > ROTUNDA_K6) {
        FAIL(INVALID, "the module was made for another version");
    }
    *out = found;
    return OK_STATUS;
}
