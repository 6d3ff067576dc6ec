// SPDX-License-Identifier: ISC
#include "vault/base/merge_patch.h"

#include "vault/base/json_index.h"
#include "vault/base/json_writer.h"

struct patching {
    struct json_writer writer;
    struct arena *scratch;
    unsigned depth;
};

static struct status merge(struct patching *p, struct json_value target, struct json_value patch);

static bool removes(struct json_value patch)
{
    return json_kind(patch) == JSON_NULL;
}

// Members that the target has: kept, replaced or left out.
static struct status merge_existing(struct patching *p, struct json_value target,
                                    struct json_value patch)
{
    struct json_index changes;
    TRY(json_index_build(patch, p->scratch, &changes));
    struct json_iter it = json_iterate(target);
    while (json_next(&it)) {
        struct json_value change = json_index_get(&changes, it.key);
        if (removes(change)) {
            continue;
        }
        json_put_key_str(&p->writer, it.key);
        if (json_present(change)) {
            TRY(merge(p, it.value, change));
        } else {
            json_put_raw(&p->writer, json_raw(it.value));
        }
    }
    return OK_STATUS;
}

static struct status merge_new(struct patching *p, struct json_value target,
                               struct json_value patch)
{
    struct json_index existing;
    TRY(json_index_build(target, p->scratch, &existing));
    struct json_iter it = json_iterate(patch);
    while (json_next(&it)) {
        if (removes(it.value) || json_present(json_index_get(&existing, it.key))) {
            continue;
        }
        json_put_key_str(&p->writer, it.key);
        TRY(merge(p, (struct json_value){NULL, 0}, it.value));
    }
    return OK_STATUS;
}

// Recurses as deep as the patch, never as deep as the target.
static struct status merge(struct patching *p, struct json_value target, struct json_value patch)
{
    if (json_kind(patch) != JSON_OBJECT) {
        json_put_raw(&p->writer, json_raw(patch));
        return OK_STATUS;
    }
    if (p->depth >= MERGE_PATCH_DEPTH) {
        FAIL(INVALID, "a merge patch may be nested 32 deep at most");
    }
    struct json_value members =
        json_kind(target) == JSON_OBJECT ? target : (struct json_value){NULL, 0};
    p->depth++;
    json_begin_object(&p->writer);
    TRY(merge_existing(p, members, patch));
    TRY(merge_new(p, members, patch));
    json_end_object(&p->writer);
    p->depth--;
    return OK_STATUS;
}

struct status merge_patch_apply(struct json_value target, struct json_value patch,
                                struct arena *scratch, struct buffer *out)
{
    struct patching p = {.writer = json_writer_on(out), .scratch = scratch};
    TRY(merge(&p, target, patch));
    return json_writer_status(&p.writer);
}
