// SPDX-License-Identifier: ISC
#include "vault/rotation/strangers.h"

#include <stdatomic.h>
#include <string.h>

#include "vault/base/arena.h"
#include "vault/base/clock.h"
#include "vault/base/log.h"
#include "vault/host/rotator_process.h"

enum { ARENA_BYTES = 8 * 1024 * 1024, HELLO_US = 5 * CLOCK_SECOND };

struct stranger {
    struct rotation_stranger place;
    struct rotunda_rotator rotator; // written before `known` is set, never after
    _Atomic bool known;
};

struct strangers {
    struct arena *arena;
    size_t count;
    struct stranger items[];
};

static struct status copy_place(struct arena *arena, const struct rotation_stranger *from,
                                struct rotation_stranger *to)
{
    to->form = from->form;
    TRY(arena_copy_str(arena, from->name, &to->name));
    return arena_copy_str(arena, from->path, &to->path);
}

struct status strangers_new(const struct rotation_stranger *list, size_t count,
                            struct strangers **out)
{
    struct strangers *s = calloc(1, sizeof *s + count * sizeof s->items[0]);
    if (s == NULL || (s->arena = arena_new(ARENA_BYTES)) == NULL) {
        free(s);
        FAIL(NOMEM, "out of memory");
    }
    s->count = count;
    for (size_t i = 0; i < count; i++) {
        struct status copied = copy_place(s->arena, &list[i], &s->items[i].place);
        if (!status_ok(copied)) {
            strangers_free(s);
            return copied;
        }
    }
    *out = s;
    return OK_STATUS;
}

void strangers_free(struct strangers *s)
{
    if (s != NULL) {
        arena_free(s->arena);
        free(s);
    }
}

static const struct stranger *find(const struct strangers *s, struct str name)
{
    for (size_t i = 0; i < s->count; i++) {
        if (str_equal(name, s->items[i].place.name)) {
            return &s->items[i];
        }
    }
    return NULL;
}

const struct rotation_stranger *strangers_place(const struct strangers *s, struct str name)
{
    const struct stranger *found = find(s, name);
    return found == NULL ? NULL : &found->place;
}

const struct rotunda_rotator *strangers_find(const struct strangers *s, struct str name)
{
    const struct stranger *found = find(s, name);
    return found == NULL || !atomic_load(&found->known) ? NULL : &found->rotator;
}

bool strangers_all_known(const struct strangers *s)
{
    for (size_t i = 0; i < s->count; i++) {
        if (!atomic_load(&s->items[i].known)) {
            return false;
        }
    }
    return true;
}

// ---- what it says that it is

// That a function is there means that the operation is; nobody calls these.
static enum rotunda_error elsewhere_ask(const struct rotunda_call *call,
                                        struct rotunda_reply *reply)
{
    (void)call;
    (void)reply;
    REQUIRE(!"a rotator of others is called in its own process");
    return ROTUNDA_ERROR_INVALID;
}

static enum rotunda_apply elsewhere_change(const struct rotunda_call *call,
                                           struct rotunda_reply *reply)
{
    (void)elsewhere_ask(call, reply);
    return ROTUNDA_APPLY_UNKNOWN;
}

static enum rotunda_probe elsewhere_probe(const struct rotunda_call *call,
                                          struct rotunda_reply *reply)
{
    (void)elsewhere_ask(call, reply);
    return ROTUNDA_PROBE_UNREACHABLE;
}

static void set_operations(const struct protocol_hello *hello, struct rotunda_rotator *out)
{
#define HAS(op) ((hello->ops & (1U << PROTOCOL_##op)) != 0)
    out->plan = HAS(PLAN) ? elsewhere_ask : NULL;
    out->check = HAS(CHECK) ? elsewhere_ask : NULL;
    out->generate = HAS(GENERATE) ? elsewhere_ask : NULL;
    out->list_external = HAS(LIST_EXTERNAL) ? elsewhere_ask : NULL;
    out->sessions = HAS(SESSIONS) ? elsewhere_ask : NULL;
    out->apply = HAS(APPLY) ? elsewhere_change : NULL;
    out->disable = HAS(DISABLE) ? elsewhere_change : NULL;
    out->enable = HAS(ENABLE) ? elsewhere_change : NULL;
    out->retire = HAS(RETIRE) ? elsewhere_change : NULL;
    out->revoke = HAS(REVOKE) ? elsewhere_change : NULL;
    out->probe = HAS(PROBE) ? elsewhere_probe : NULL;
#undef HAS
}

// What requests about targets and credentials say themselves: a setting of that name would take
// what was meant for the vault, a password for instance.
static bool is_reserved(const char *name)
{
    static const char *const reserved[] = {
        "rotator",      "username",     "password",        "concurrency", "timeout",
        "target",       "account",      "accounts",        "strategy",    "interval",
        "cron",         "time_zone",    "windows",         "blackouts",   "grace",
        "jitter",       "retire",       "retire_quiet",    "owner",       "retire_max",
        "value_bits",   "value_length", "value_alphabet",  "purpose",     "value_require",
        "value_first",  "expires_at",   "value_forbidden", "external_id", "pair_role",
        "self_rotation"};
    for (size_t i = 0; i < ARRAY_LEN(reserved); i++) {
        if (strcmp(name, reserved[i]) == 0) {
            return true;
        }
    }
    return false;
}

// The process and its arena end; what is kept is copied.
static struct status copy_settings(struct arena *arena, const struct rotunda_setting_spec *from,
                                   const struct rotunda_setting_spec **out)
{
    size_t count = 0;
    while (from[count].name != NULL) {
        count++;
    }
    struct rotunda_setting_spec *to = ARENA_ARRAY(arena, struct rotunda_setting_spec, count + 1);
    if (to == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (size_t i = 0; i < count; i++) {
        struct str name;
        struct str help;
        if (is_reserved(from[i].name)) {
            FAIL(UPSTREAM, "a setting of the rotator has a name that the vault uses itself");
        }
        TRY(arena_copy_str(arena, str_from_c(from[i].name), &name));
        TRY(arena_copy_str(arena, str_from_c(from[i].help), &help));
        to[i] = (struct rotunda_setting_spec){name.ptr, from[i].flags, help.ptr};
    }
    to[count] = (struct rotunda_setting_spec){NULL, 0, NULL};
    *out = to;
    return OK_STATUS;
}

static struct status describe(struct arena *arena, struct str name,
                              const struct protocol_hello *hello, struct rotunda_rotator *out)
{
    const char *missing = protocol_hello_fault(hello);
    if (missing != NULL) {
        FAIL(UPSTREAM, "the rotator lacks an operation that its kind needs, or its figures make no "
                       "sense: rotunda rotation conformance says which");
    }
    *out = (struct rotunda_rotator){
        .abi_version = ROTUNDA_ROTATOR_ABI,
        .kind = hello->kind,
        .name = name.ptr,
        .summary = "",
        .overlap = hello->overlap,
        .max_slots = (uint32_t)hello->max_slots,
        .idempotent = hello->idempotent,
        .fences = hello->fences,
        .acceptance_s = (uint32_t)hello->acceptance_s,
        .acceptance_probes = (uint32_t)hello->acceptance_probes,
    };
    set_operations(hello, out);
    TRY(copy_settings(arena, hello->target_settings, &out->target_settings));
    return copy_settings(arena, hello->account_settings, &out->account_settings);
}

static struct status learn(struct strangers *s, struct launcher *l, struct stranger *item)
{
    CLEANUP(rotator_process_cleanup) struct rotator_process *p = NULL;
    const struct rotator_process_options options = {.form = item->place.form,
                                                    .name = item->place.path,
                                                    .deadline_us = clock_monotonic_us() + HELLO_US};
    TRY(rotator_process_start(l, &options, &p));
    return describe(s->arena, item->place.name, rotator_process_hello(p), &item->rotator);
}

void strangers_learn(struct strangers *s, struct launcher *l, const bool *stopping)
{
    for (size_t i = 0; i < s->count && !*stopping; i++) {
        struct stranger *item = &s->items[i];
        if (atomic_load(&item->known)) {
            continue;
        }
        struct status learned = learn(s, l, item);
        if (!status_ok(learned)) {
            log_event(LOG_ERROR, "rotation.rotator_unusable", LOG_STR("rotator", item->place.name),
                      LOG_STR("path", item->place.path), LOG_STATUS(learned));
            continue;
        }
        log_event(LOG_INFO, "rotation.rotator_known", LOG_STR("rotator", item->place.name),
                  LOG_STR("kind", protocol_kind_name(item->rotator.kind)));
        atomic_store(&item->known, true);
    }
}
