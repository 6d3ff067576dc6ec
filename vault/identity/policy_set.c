// SPDX-License-Identifier: ISC
#include "vault/identity/policy_set.h"

#include "vault/policy/name.h"

bool policy_set_has(const struct policy_set *s, struct str name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (str_equal(s->items[i], name)) {
            return true;
        }
    }
    return false;
}

void policy_set_add(struct policy_set *s, struct str name)
{
    if (policy_set_has(s, name)) {
        return;
    }
    REQUIRE(s->count < ARRAY_LEN(s->items));
    size_t at = s->count++;
    while (at > 0 && str_compare(s->items[at - 1], name) > 0) {
        s->items[at] = s->items[at - 1];
        at--;
    }
    s->items[at] = name;
}

void policy_set_remove(struct policy_set *s, struct str name)
{
    size_t kept = 0;
    for (size_t i = 0; i < s->count; i++) {
        if (!str_equal(s->items[i], name)) {
            s->items[kept++] = s->items[i];
        }
    }
    s->count = kept;
}

void policy_set_inherit(struct policy_set *s, const struct token *caller)
{
    for (size_t i = 0; i < caller->policy_count; i++) {
        policy_set_add(s, caller->policies[i]);
    }
}

struct status policy_set_read(struct policy_set *s, const struct json_strings *written,
                              struct arena *arena)
{
    for (size_t i = 0; i < written->count; i++) {
        struct str name = written->items[i];
        if (!policy_name_is_root(name)) {
            TRY(policy_name_normalise(name, arena, &name));
        }
        policy_set_add(s, name);
    }
    return OK_STATUS;
}
