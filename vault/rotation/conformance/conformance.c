// SPDX-License-Identifier: ISC
#include "vault/rotation/conformance/conformance.h"

#include "vault/rotation/conformance/conformance_internal.h"

enum { ARENA_BYTES = 64 * 1024 * 1024 };

#define K(n) (1U << ROTUNDA_K##n)
#define ALL_KINDS (K(1) | K(2) | K(3) | K(4) | K(5) | K(6))
#define NEEDS(op) (1U << PROTOCOL_##op)

enum condition {
    ALWAYS,
    ESTABLISHED, // `works` has passed: the account has a value that is known
    FENCED,      // and the rotator keeps fences
    REPEATABLE,  // and apply is declared idempotent
};

// In this order. What `works` hasn't prepared isn't asked.
static const struct {
    const char *name;
    const char *meaning;
    uint32_t kinds;
    uint32_t ops; // all of them
    enum condition when;
    conformance_check *run;
    const char *fix;
} checks[] = {
    {"handshake", "hello fits the kind", ALL_KINDS, 0, ALWAYS, check_handshake,
     "declare in `ops` what the kind needs and keep figures in bounds: the table of kinds in "
     "rotators/README.md"},
    {"settings", "hello names the settings that are used", ALL_KINDS, 0, ALWAYS, check_settings,
     "list every setting in target_settings or account_settings of hello; give here what is "
     "required"},
    {"unknown-op", "an operation that there isn't is refused", ALL_KINDS, 0, ALWAYS,
     check_unknown_op, "answer failed with error_class invalid, or exit: never wait"},
    {"garbage", "a line that isn't JSON ends it", ALL_KINDS, 0, ALWAYS, check_garbage,
     "exit when a line can't be parsed"},
    {"end-of-input", "it exits when its input ends", ALL_KINDS, 0, ALWAYS, check_end_of_input,
     "leave the loop at the end of standard input, with exit code 0"},
    {"check", "check says what is missing at the target", ALL_KINDS, NEEDS(CHECK), ALWAYS,
     check_permissions,
     "list each permission with its state and how to grant it; or prepare the "
     "test system as it says"},
    {"works", "what apply confirms works", ALL_KINDS, 0, ALWAYS, check_works,
     "answer applied only when the target has confirmed it durably; probe by a fresh login with "
     "the "
     "value"},
    {"other-rejected", "a value that nobody set is rejected", ALL_KINDS, 0, ESTABLISHED,
     check_stranger_rejected,
     "log in with the value in probe, on a route that checks it, and answer rejected only when the "
     "target itself refused it"},
    {"plan", "plan changes nothing", ALL_KINDS, NEEDS(PLAN), ESTABLISHED, check_plan,
     "write steps in words, values elided, without touching the target"},
    {"again", "the same apply again gives the same", K(1) | K(2) | K(3), 0, REPEATABLE, check_again,
     "make apply set what it is given whatever is there, or don't declare it idempotent"},
    {"awkward-value", "quotes in a value do no harm", K(1) | K(2), 0, ESTABLISHED, check_awkward,
     "hand values over as parameters, never in a statement or command; answer policy_rejected for "
     "what the target can't hold"},
    {"fence", "a smaller fence is refused", K(1) | K(2) | K(3), 0, FENCED, check_fence,
     "keep the fence at the target in the same transaction as the value and compare it there; or "
     "don't declare `fences`"},
    {"old-ends", "the value before ends", K(1), 0, ESTABLISHED, check_old_ends,
     "a K1 has one value: replace it; with two side by side it is a K2"},
    {"slots", "old and new work until retire", K(2), NEEDS(RETIRE), ESTABLISHED, check_slots,
     "leave `previous` valid in apply; end in retire what `value` names and nothing else, and "
     "count "
     "what is gone as applied"},
    {"key-pair", "generate, upload, prove", K(3), NEEDS(GENERATE) | NEEDS(RETIRE), ESTABLISHED,
     check_key_pair, "make a new pair each time; sign with the private half in probe"},
    {"key-slots", "both keys work until retire", K(3), NEEDS(RETIRE), ESTABLISHED, check_slots,
     "leave `previous` uploaded; end in retire what `value` names and nothing else"},
    {"issues", "one apply makes one thing, listed", K(4), NEEDS(LIST_EXTERNAL) | NEEDS(RETIRE),
     ESTABLISHED, check_issues,
     "make exactly one thing, tag it with `attempt`, give the tag back in list_external; never "
     "repeat a create inside of the rotator"},
    {"turned-off", "disable and enable", K(4), NEEDS(DISABLE) | NEEDS(ENABLE), ESTABLISHED,
     check_turned_off, "count what is so already as applied; show it as `enabled` in the list"},
    {"ends", "retire ends what is named", K(4), NEEDS(RETIRE), ESTABLISHED, check_ends,
     "end `value.external_id` and nothing else; what is gone counts as applied"},
    {"cap", "a full target says cap_reached", K(4), NEEDS(RETIRE), ESTABLISHED, check_cap,
     "answer not_applied with cap_reached when no slot is free, and change nothing"},
    {"rolled", "a new value in place of the old", K(5), 0, ESTABLISHED, check_rolled,
     "give the new value in `issued`; declare `overlap` when the one before goes on working"},
    {"mint", "what is minted ends by itself", K(6), 0, ESTABLISHED, check_mint,
     "give `valid_until_us` as the issuer said, in microseconds"},
    {"killed", "killed in the middle, it ends well", ALL_KINDS, 0, ESTABLISHED, check_killed,
     "change the target in one step that is whole or not there; keep no state of your own"},
    {"wrong-secret", "its own credential refused is said so", ALL_KINDS, 0, ESTABLISHED,
     check_wrong_secret,
     "answer not_applied with not_permitted when the login as the principal is refused"},
    {"revoke", "revoke ends, apply brings back", K(1) | K(2), NEEDS(REVOKE), ESTABLISHED,
     check_revoke, "end every value of the account, and let a later apply set another"},
    {"closed-port", "nobody there is unreachable", ALL_KINDS, 0, ESTABLISHED, check_closed_port,
     "answer unreachable, never rejected, when there is no connection"},
    {"silent-host", "a silent target is unreachable in time", ALL_KINDS, 0, ESTABLISHED,
     check_silent_host,
     "set a time limit below `timeout_ms` on every connection and read, and answer unreachable"},
    {"bounds", "answers are short", ALL_KINDS, 0, ALWAYS, check_bounds,
     "a line has at most 256 KiB, all lines of a process 1 MiB"},
    {"no-leak", "no value in answers, arguments, environment", ALL_KINDS, 0, ALWAYS, check_silence,
     "never put errors of libraries or what was sent into `message`; hand values to other programs "
     "through pipes, not as arguments"},
};

static const char *reason_to_skip(const struct conformance *c, size_t i)
{
    bool established = c->established || checks[i].when == ALWAYS;
    if ((checks[i].kinds & (1U << c->hello.kind)) == 0) {
        return "not of this kind";
    }
    if ((checks[i].ops & ~c->hello.ops) != 0) {
        return "it has no such operation";
    }
    if (!established) {
        return "not asked, since `works` failed";
    }
    if (checks[i].when == FENCED && !c->hello.fences) {
        return "it doesn't declare fences: the engine waits instead";
    }
    if (checks[i].when == REPEATABLE && (c->hello.idempotent & ROTUNDA_IDEMPOTENT_APPLY) == 0) {
        return "apply isn't declared idempotent";
    }
    return NULL;
}

static void run_check(struct conformance *c, size_t i, struct conformance_result *out)
{
    struct verdict v = {.outcome = CONFORMANCE_FAILED};
    const char *reason = reason_to_skip(c, i);
    if (reason != NULL) {
        skip(&v, "%s", reason);
    } else {
        checks[i].run(c, &v);
    }
    talk_kill(c); // each begins with a fresh process
    *out = (struct conformance_result){.name = checks[i].name,
                                       .meaning = checks[i].meaning,
                                       .outcome = v.outcome,
                                       .fix = checks[i].fix};
    memcpy(out->detail, v.detail, sizeof out->detail);
}

static void done(struct conformance *c)
{
    talk_kill(c);
    leaks_done(&c->leaks);
    secret_free(c->current);
    secret_free(c->current_public);
    arena_free(c->arena);
}

// The first hello tells which paths it may reach. That it doesn't start at all is no result but an
// error.
static struct status meet(struct conformance *c, struct status *hello)
{
    TRY(talk_start(c, SHORT_US));
    *hello = talk_hello(c, &c->hello);
    if (!status_ok(*hello)) {
        talk_kill(c);
        return OK_STATUS;
    }
    TRY(settings_paths(&c->options->target, c->hello.target_settings, c->paths, ARRAY_LEN(c->paths),
                       &c->path_count));
    talk_kill(c);
    return OK_STATUS;
}

// Without it nothing else can be asked.
static void report_hello(struct status hello, conformance_report *report, void *context)
{
    struct conformance_result r = {
        .name = checks[0].name,
        .meaning = checks[0].meaning,
        .outcome = CONFORMANCE_FAILED,
        .fix =
            "answer hello with one line of JSON as in rotators/README.md, and print nothing else "
            "to standard output"};
    snprintf(r.detail, sizeof r.detail, "the answer to hello: %s", hello.what);
    report(context, &r);
}

struct status conformance_run(const struct conformance_options *options, conformance_report *report,
                              void *context, size_t *failed)
{
    struct conformance *c = calloc(1, sizeof *c);
    if (c == NULL || (c->arena = arena_new(ARENA_BYTES)) == NULL) {
        free(c);
        FAIL(NOMEM, "out of memory");
    }
    c->talk.channel = -1;
    c->options = options;
    if (options->present != NULL &&
        !status_ok(secret_copy(secret_view(options->present), &c->current))) {
        done(c);
        free(c);
        FAIL(NOMEM, "out of locked memory");
    }
    // Above that of every run before.
    c->fence = clock_wall_us() / 1000;
    *failed = 0;
    struct status hello = OK_STATUS;
    struct status met = meet(c, &hello);
    if (status_ok(met) && !status_ok(hello)) {
        report_hello(hello, report, context);
        *failed = 1;
    }
    for (size_t i = 0; status_ok(met) && status_ok(hello) && i < ARRAY_LEN(checks); i++) {
        struct conformance_result result;
        run_check(c, i, &result);
        *failed += result.outcome == CONFORMANCE_FAILED ? 1 : 0;
        report(context, &result);
    }
    done(c);
    free(c);
    return met;
}
