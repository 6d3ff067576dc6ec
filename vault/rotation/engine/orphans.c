// SPDX-License-Identifier: ISC
#include "vault/rotation/engine/orphans.h"

#include "vault/base/json_writer.h"

enum { LOOKED_BACK = 400, NAMED_BYTES = 400, BASELINE_BYTES = 1024 * 1024 };

static const struct store_statement find_attempts = {
    "rotation.orphans_attempts", "SELECT " ATTEMPT_COLUMNS " FROM rotation_attempt a "
                                 "WHERE a.credential_id = $1 ORDER BY a.created_at DESC LIMIT $2"};
static const struct store_statement find_ended = {
    "rotation.orphans_ended", "SELECT " VERSION_COLUMNS " FROM rotation_value v "
                              "WHERE v.credential_id = $1 AND v.external_id <> '' "
                              "AND v.state IN ('retired', 'abandoned') "
                              "ORDER BY v.version DESC LIMIT $2"};

// ---- judging

static bool contains(const struct json_strings *list, struct str text)
{
    for (size_t i = 0; i < list->count; i++) {
        if (str_equal(list->items[i], text)) {
            return true;
        }
    }
    return false;
}

enum orphan_verdict orphan_judge(const struct orphan_facts *f, const struct protocol_external *e)
{
    if (contains(&f->known, e->external_id)) {
        return ORPHAN_KNOWN;
    }
    // A create that landed late may be in a later baseline: its tag tells all the same.
    if (contains(&f->ended, e->external_id) || contains(&f->attempts, e->attempt)) {
        return ORPHAN_OURS;
    }
    if (contains(&f->baseline, e->external_id)) {
        return ORPHAN_KNOWN;
    }
    bool strange = e->attempt.len > 0 || f->tags_work || !f->created;
    return strange ? ORPHAN_STRANGE : ORPHAN_UNATTRIBUTED;
}

static bool lists(const struct protocol_reply *list, struct str id)
{
    for (size_t i = 0; i < list->external_count; i++) {
        if (str_equal(list->externals[i].external_id, id)) {
            return true;
        }
    }
    return false;
}

bool orphans_same(const struct protocol_reply *a, const struct protocol_reply *b)
{
    bool same = a->external_count == b->external_count;
    for (size_t i = 0; same && i < a->external_count; i++) {
        same = lists(b, a->externals[i].external_id);
    }
    return same;
}

struct status orphans_baseline(struct run *r, const struct protocol_reply *list, struct str *out)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, BASELINE_BYTES);
    struct json_writer w = json_writer_on(&text);
    json_begin_array(&w);
    for (size_t i = 0; i < list->external_count; i++) {
        json_put_string(&w, list->externals[i].external_id);
    }
    json_end_array(&w);
    TRY(json_writer_status(&w));
    return arena_copy_str(r->arena, buffer_str(&text), out);
}

static struct status add_name(struct run *r, struct str id, struct str *names)
{
    if (names->len > NAMED_BYTES) {
        return OK_STATUS;
    }
    bool full = names->len + id.len > NAMED_BYTES;
    return arena_printf(r->arena, names, "%.*s%s%.*s", STR_ARG(*names), names->len > 0 ? ", " : "",
                        STR_ARG(full ? STR("and more, which are left out here") : id));
}

struct status orphans_names(struct run *r, const struct protocol_reply *list, struct str *out)
{
    struct str names = STR("");
    for (size_t i = 0; i < list->external_count; i++) {
        TRY(add_name(r, list->externals[i].external_id, &names));
    }
    *out = names;
    return OK_STATUS;
}

// ---- facts

struct facts_rows {
    struct store_rows attempts;
    struct store_rows ended;
};

static void facts_rows_done(struct facts_rows *f)
{
    store_rows_done(&f->attempts);
    store_rows_done(&f->ended);
}

static struct status new_list(struct run *r, size_t most, struct str **items,
                              struct json_strings *out)
{
    *items = ARENA_ARRAY(r->arena, struct str, most + 1);
    if (*items == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    *out = (struct json_strings){.items = *items};
    return OK_STATUS;
}

// A row that was altered proves nothing; reading it has logged it.
static struct status read_attempts(struct run *r, const struct store_rows *rows,
                                   struct json_strings *out)
{
    struct str *items;
    TRY(new_list(r, (size_t)rows->count, &items, out));
    for (int row = 0; row < rows->count; row++) {
        struct attempt a;
        char id[UUID_TEXT_BYTES];
        if (status_ok(attempt_read(r->worker->vault->keyring, rows, row, 0, &a)) &&
            uuid_equal(a.credential, r->credential.id)) {
            uuid_format(a.id, id);
            TRY(arena_copy_str(r->arena, str_from_c(id), &items[out->count]));
            out->count++;
        }
    }
    return OK_STATUS;
}

static struct status read_ended(struct run *r, const struct store_rows *rows,
                                struct json_strings *out)
{
    struct str *items;
    TRY(new_list(r, (size_t)rows->count, &items, out));
    for (int row = 0; row < rows->count; row++) {
        struct version v;
        if (status_ok(version_read(r->worker->vault->keyring, rows, row, 0, &v)) &&
            uuid_equal(v.credential, r->credential.id)) {
            TRY(arena_copy_str(r->arena, v.external_id, &items[out->count]));
            out->count++;
        }
    }
    return OK_STATUS;
}

static struct status read_known(struct run *r, struct json_strings *out)
{
    struct str *items;
    TRY(new_list(r, RUN_VALUE_COUNT, &items, out));
    for (int kind = 0; kind < RUN_VALUE_COUNT; kind++) {
        const struct run_value *v = &r->values[kind];
        if (v->exists && v->version.external_id.len > 0) {
            items[out->count++] = v->version.external_id;
        }
    }
    return OK_STATUS;
}

static struct status read_baseline(struct run *r, struct json_strings *out)
{
    struct json_value list;
    *out = (struct json_strings){0};
    if (r->attempt.baseline.len == 0) {
        return OK_STATUS;
    }
    TRY(json_parse(r->attempt.baseline, NULL, r->arena, &list, NULL));
    return json_as_strings(list, out);
}

// Does the target show with what a value that we know was tagged?
static bool sees_tags(const struct run *r, const struct protocol_reply *list,
                      const struct json_strings *attempts)
{
    for (size_t i = 0; i < list->external_count; i++) {
        const struct protocol_external *e = &list->externals[i];
        for (int kind = 0; kind < RUN_VALUE_COUNT; kind++) {
            const struct run_value *v = &r->values[kind];
            bool ours = v->exists && str_equal(v->version.external_id, e->external_id);
            if (ours && contains(attempts, e->attempt)) {
                return true;
            }
        }
    }
    return false;
}

static struct status gather(struct run *r, const struct protocol_reply *list,
                            struct orphan_facts *out)
{
    struct facts_rows rows CLEANUP(facts_rows_done) = {0};
    struct store *st = r->worker->vault->store;
    const struct store_value values[] = {store_uuid(r->credential.id), store_int(LOOKED_BACK)};
    TRY(store_query(st, &find_attempts, values, ARRAY_LEN(values), &rows.attempts));
    TRY(store_query(st, &find_ended, values, ARRAY_LEN(values), &rows.ended));
    TRY(read_attempts(r, &rows.attempts, &out->attempts));
    TRY(read_ended(r, &rows.ended, &out->ended));
    TRY(read_known(r, &out->known));
    TRY(read_baseline(r, &out->baseline));
    out->tags_work = sees_tags(r, list, &out->attempts);
    out->created = r->attempt.baseline.len > 0;
    return OK_STATUS;
}

// ---- reaping

// True when it was done; else what to say is in `out`.
static bool change(struct run *r, enum protocol_op op, struct str id, struct orphans_reaped *out)
{
    struct protocol_reply reply = {0};
    bool asked;
    if (!driver_has(&r->driver, op)) {
        return op == PROTOCOL_DISABLE;
    }
    struct status s = run_ask_external(r, op, id, &reply, &asked);
    if (!status_ok(s)) {
        reply = (struct protocol_reply){.error = ROTUNDA_ERROR_UNREACHABLE,
                                        .message = str_from_c(s.what)};
    }
    bool done = status_ok(s) && reply.result == PROTOCOL_APPLIED;
    if (!done && !out->failed) {
        out->failed = true;
        out->reply = reply;
    }
    return done;
}

static struct status reap_one(struct run *r, const struct protocol_external *e, bool after_create,
                              enum orphan_verdict verdict, struct orphans_reaped *out)
{
    if (verdict == ORPHAN_OURS) {
        bool ended = change(r, PROTOCOL_DISABLE, e->external_id, out) &&
                     change(r, PROTOCOL_RETIRE, e->external_id, out);
        out->ended += ended;
    }
    if (verdict == ORPHAN_UNATTRIBUTED && after_create) {
        if (e->enabled) {
            change(r, PROTOCOL_DISABLE, e->external_id, out);
        }
        return add_name(r, e->external_id, &out->unattributed);
    }
    return OK_STATUS;
}

struct status orphans_reap(struct run *r, const struct protocol_reply *list, bool after_create,
                           struct orphans_reaped *out)
{
    struct orphan_facts facts = {0};
    *out = (struct orphans_reaped){.unattributed = STR("")};
    TRY(gather(r, list, &facts));
    for (size_t i = 0; i < list->external_count && !out->failed; i++) {
        const struct protocol_external *e = &list->externals[i];
        TRY(reap_one(r, e, after_create, orphan_judge(&facts, e), out));
    }
    return OK_STATUS;
}
