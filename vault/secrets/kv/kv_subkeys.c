// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_subkeys.h"

static bool has_subkeys(struct json_value v)
{
    return json_kind(v) == JSON_OBJECT && json_count(v) > 0;
}

struct status kv_subkeys_write(struct json_value object, int64_t depth, struct arena *arena,
                               struct json_writer *w)
{
    // The objects that are open, outermost first: as deep as documents may be.
    struct json_iter *open = ARENA_ARRAY(arena, struct json_iter, LIMIT_JSON_DEPTH + 1);
    if (open == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    size_t level = 0;
    open[0] = json_iterate(object);
    json_begin_object(w);
    for (;;) {
        struct json_iter *it = &open[level];
        if (!json_next(it)) {
            json_end_object(w);
            if (level == 0) {
                return OK_STATUS;
            }
            level--;
            continue;
        }
        json_put_key_str(w, it->key);
        bool deeper = depth <= 0 || (int64_t)level + 1 < depth;
        if (deeper && level < LIMIT_JSON_DEPTH && has_subkeys(it->value)) {
            level++;
            open[level] = json_iterate(it->value);
            json_begin_object(w);
        } else {
            json_put_null(w);
        }
    }
}
