// SPDX-License-Identifier: ISC
// What every rotator has to do, whatever its kind.
#include "vault/rotation/conformance/conformance_internal.h"
#include "vault/rotation/setting_look.h"

void check_handshake(struct conformance *c, struct verdict *v)
{
    const struct protocol_hello *h = &c->hello;
    const char *wrong = protocol_hello_fault(h);
    if (wrong != NULL) {
        fault(v, "kind %s: `%s` is missing or makes no sense in the answer to hello",
              protocol_kind_name(h->kind).ptr, wrong);
        return;
    }
    pass(v, "\"%.*s\", kind %s%s", STR_ARG(h->name), protocol_kind_name(h->kind).ptr,
         h->fences ? ", keeps fences" : "");
}

static const char *find_unknown(const struct settings *given,
                                const struct rotunda_setting_spec *specs)
{
    for (size_t i = 0; i < given->count; i++) {
        if (settings_spec(specs, protocol_str(given->items[i].name)) == NULL) {
            return given->items[i].name.ptr;
        }
    }
    return NULL;
}

static const char *find_missing(const struct settings *given,
                                const struct rotunda_setting_spec *specs)
{
    for (const struct rotunda_setting_spec *s = specs; s->name != NULL; s++) {
        if ((s->flags & ROTUNDA_SETTING_REQUIRED) != 0 && settings_get(given, s->name).len == 0) {
            return s->name;
        }
    }
    return NULL;
}

// The first that doesn't look as hello says, with what is expected.
static const char *find_odd(const struct settings *given, const struct rotunda_setting_spec *specs,
                            struct status *out)
{
    for (size_t i = 0; i < given->count; i++) {
        const struct rotunda_setting_spec *spec =
            settings_spec(specs, protocol_str(given->items[i].name));
        *out = spec == NULL ? OK_STATUS : setting_look(spec, protocol_str(given->items[i].value));
        if (!status_ok(*out)) {
            return spec->name;
        }
    }
    return NULL;
}

void check_settings(struct conformance *c, struct verdict *v)
{
    struct status look = OK_STATUS;
    const struct conformance_options *o = c->options;
    const char *unknown = find_unknown(&o->target, c->hello.target_settings);
    const char *missing = find_missing(&o->target, c->hello.target_settings);
    if (unknown == NULL) {
        unknown = find_unknown(&o->account_settings, c->hello.account_settings);
    }
    if (missing == NULL) {
        missing = find_missing(&o->account_settings, c->hello.account_settings);
    }
    const char *odd = find_odd(&o->target, c->hello.target_settings, &look);
    if (odd == NULL) {
        odd = find_odd(&o->account_settings, c->hello.account_settings, &look);
    }
    if (unknown != NULL) {
        fault(
            v,
            "the setting \"%s\" was given here, but hello doesn't name it: the vault would refuse "
            "it",
            unknown);
    } else if (missing != NULL) {
        fault(v, "the setting \"%s\" is required and wasn't given here", missing);
    } else if (odd != NULL) {
        fault(v, "the setting \"%s\" was given here, and the vault would refuse it: %s", odd,
              look.what);
    } else {
        pass(v, "what was given is what hello asks for");
    }
}

// Waits for a line or the end after something that can't be answered well.
static void after_nonsense(struct conformance *c, struct verdict *v, const char *what)
{
    struct str line;
    struct status s = talk_receive(c, SHORT_US, &line);
    if (s.code == STATUS_TIMEOUT) {
        fault(v, "%s: neither an answer nor an end within 5 seconds", what);
    } else if (!status_ok(s)) {
        pass(v, "%s: it ended", what);
    } else if (memmem(line.ptr, line.len, "\"failed\"", 8) == NULL &&
               memmem(line.ptr, line.len, "\"not_applied\"", 13) == NULL) {
        fault(v, "%s: it answered something else than failed, not_applied, or its end", what);
    } else {
        pass(v, "%s: it refused", what);
    }
    talk_kill(c);
}

static bool send_after_hello(struct conformance *c, struct verdict *v, const char *line)
{
    struct protocol_hello unused;
    struct status s = talk_start(c, 3 * SHORT_US);
    s = status_ok(s) ? talk_hello(c, &unused) : s;
    s = status_ok(s) ? talk_send(c, bytes_from_str(str_from_c(line))) : s;
    if (!status_ok(s)) {
        fault(v, "it doesn't start: %s", s.what);
    }
    return status_ok(s);
}

void check_unknown_op(struct conformance *c, struct verdict *v)
{
    if (send_after_hello(
            c, v,
            "{\"id\":1,\"op\":\"dance\",\"attempt\":\"\",\"fence\":1,\"timeout_ms\":5000,"
            "\"target\":{\"settings\":{}},\"account\":{\"name\":\"x\",\"settings\":{}},"
            "\"value\":{},\"previous\":{}}\n")) {
        after_nonsense(c, v, "an operation that there isn't");
    }
}

void check_garbage(struct conformance *c, struct verdict *v)
{
    if (send_after_hello(c, v, "this is [not json\n")) {
        after_nonsense(c, v, "a line that isn't JSON");
    }
}

void check_end_of_input(struct conformance *c, struct verdict *v)
{
    struct launcher_report report = {.exit_code = -1};
    if (!send_after_hello(c, v, "")) {
        return;
    }
    struct status s = talk_end(c, SHORT_US, &report);
    if (!status_ok(s)) {
        fault(v, "it still ran 5 seconds after its input had ended");
    } else if (report.signal != 0 || report.exit_code != 0) {
        fault(v, "its input ended and it ended with exit code %d, signal %d", report.exit_code,
              report.signal);
    } else {
        pass(v, "it ended by itself, with exit code 0");
    }
}

static bool find_lacking(struct conformance *c, struct verdict *v, const struct protocol_reply *r)
{
    size_t i = 0;
    while (i < r->check_count && r->checks[i].state != ROTUNDA_CHECK_MISSING) {
        i++;
    }
    if (i == r->check_count) {
        return false;
    }
    if (c->leaks.where[0] != '\0') {
        fault(v, "the test system isn't ready: something is missing (what it says of it isn't "
                 "shown: it may hold a value)");
        return true;
    }
    fault(v, "the test system isn't ready: %.*s is missing: %.*s %.*s", STR_ARG(r->checks[i].name),
          STR_ARG(r->checks[i].detail), STR_ARG(r->checks[i].how_to_grant));
    return true;
}

void check_permissions(struct conformance *c, struct verdict *v)
{
    struct answer a CLEANUP(answer_done) = {.status = OK_STATUS};
    ask(c, &(struct question){.op = PROTOCOL_CHECK}, &a);
    if (!expect(c, v, PROTOCOL_CHECK, &a, PROTOCOL_DONE) || find_lacking(c, v, &a.reply)) {
        return;
    }
    if (a.reply.check_count == 0) {
        fault(v, "check answered done and listed nothing");
        return;
    }
    pass(v, "%zu conditions listed, none missing", a.reply.check_count);
}

void check_bounds(struct conformance *c, struct verdict *v)
{
    enum { ROOM = 2 };
    bool near = c->largest_line > LIMIT_ROTATOR_LINE_BYTES / ROOM ||
                c->most_output > LIMIT_ROTATOR_OUTPUT_BYTES / ROOM;
    if (near) {
        fault(v,
              "the longest line had %zu octets, one process said %zu in all: close to the limits",
              c->largest_line, c->most_output);
        return;
    }
    pass(v, "the longest line had %zu octets, one process said at most %zu", c->largest_line,
         c->most_output);
}

void check_silence(struct conformance *c, struct verdict *v)
{
    if (c->leaks.where[0] != '\0') {
        fault(v, "%s", c->leaks.where);
        return;
    }
    pass(v, "looked for as they are, in base64, in hex and with percent signs");
}
