// SPDX-License-Identifier: ISC
#include "vault/base/json_index.h"

#include <stdlib.h>

static int compare_members(const void *a, const void *b)
{
    const struct json_member *left = a;
    const struct json_member *right = b;
    return str_compare(left->key, right->key);
}

struct status json_index_build(struct json_value object, struct arena *arena,
                               struct json_index *out)
{
    size_t count = json_kind(object) == JSON_OBJECT ? json_count(object) : 0;
    struct json_member *members = ARENA_ARRAY(arena, struct json_member, count);
    if (members == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    struct json_iter it = json_iterate(object);
    for (size_t i = 0; i < count && json_next(&it); i++) {
        members[i] = (struct json_member){it.key, it.value};
    }
    qsort(members, count, sizeof *members, compare_members);
    *out = (struct json_index){members, count};
    return OK_STATUS;
}

struct json_value json_index_get(const struct json_index *index, struct str key)
{
    struct json_member wanted = {.key = key};
    const struct json_member *found =
        bsearch(&wanted, index->members, index->count, sizeof wanted, compare_members);
    return found == NULL ? (struct json_value){NULL, 0} : found->value;
}
