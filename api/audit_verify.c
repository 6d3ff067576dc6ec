// SPDX-License-Identifier: ISC
#include "api/audit_verify.h"

#include <stdio.h>
#include <string.h>

#include "vault/audit/line.h"
#include "vault/audit/lines.h"
#include "vault/audit/verifier.h"
#include "vault/audit/walk.h"
#include "vault/audit/witness_file.h"
#include "vault/base/clock.h"
#include "vault/base/json_writer.h"
#include "vault/base/log.h"

enum {
    EXIT_GENUINE = 0,
    EXIT_UNCHECKED = 1,
    EXIT_PROBLEMS = 3,
    SHOWN_MAX = 1000, // problems; the rest is only counted
    KEY_HEX_BYTES = 64,
    OUTPUT_BYTES = 4 * 1024 * 1024,
};

struct verify_options {
    const char *database;
    const char *export_file;
    const char *against;
    const char *public_key;
    bool json;
};

// What is found on the way.
struct verification {
    struct verify_options options;
    uint8_t pinned[KEY_HEX_BYTES / 2];
    struct audit_verifier *verifier;
    struct audit_export_header header; // of the export
    struct buffer problems;            // JSON array's inside, or lines
    int64_t shown;
    int64_t witnesses;
    char failure[256]; // why it couldn't be checked
};

static struct status explain(struct verification *v, const char *what, struct status s)
{
    snprintf(v->failure, sizeof v->failure, "%s: %s", what, s.what);
    return s;
}

// ---- arguments

static bool take_value(int argc, char **argv, int *i, const char *name, const char **out)
{
    size_t len = strlen(name);
    const char *arg = argv[*i][0] == '-' && argv[*i][1] == '-' ? argv[*i] + 1 : argv[*i];
    if (strncmp(arg, name, len) != 0) {
        return false;
    }
    if (arg[len] == '=') {
        *out = arg + len + 1;
        return true;
    }
    if (arg[len] == '\0' && *i + 1 < argc) {
        *out = argv[++*i];
        return true;
    }
    return false;
}

static struct status read_arguments(int argc, char **argv, struct verify_options *out)
{
    const char *format = "text";
    for (int i = 0; i < argc; i++) {
        if (!take_value(argc, argv, &i, "-database", &out->database) &&
            !take_value(argc, argv, &i, "-export", &out->export_file) &&
            !take_value(argc, argv, &i, "-against", &out->against) &&
            !take_value(argc, argv, &i, "-public-key", &out->public_key) &&
            !take_value(argc, argv, &i, "-format", &format)) {
            fprintf(stderr, "unknown argument, or one without its value: %s\n", argv[i]);
            FAIL(INVALID, "see `rotunda audit verify -h`");
        }
    }
    out->json = strcmp(format, "json") == 0;
    if (!out->json && strcmp(format, "text") != 0 && strcmp(format, "table") != 0) {
        FAIL(INVALID, "-format is either text or json");
    }
    if ((out->database == NULL) == (out->export_file == NULL)) {
        FAIL(INVALID, "either -database CONNINFO or -export FILE is needed");
    }
    // Arguments can be seen by everybody on the machine.
    if (out->database != NULL && strstr(out->database, "password") != NULL) {
        FAIL(INVALID, "-database must not hold a password: use ~/.pgpass or PGPASSFILE");
    }
    return OK_STATUS;
}

static struct status read_pinned_key(struct verification *v)
{
    const char *given = v->options.public_key;
    char text[KEY_HEX_BYTES + 2] = "";
    if (given == NULL) {
        return OK_STATUS;
    }
    struct str hex = str_from_c(given);
    if (hex.len != KEY_HEX_BYTES) {
        FILE *file = fopen(given, "re");
        if (file == NULL) {
            FAIL(INVALID, "it is neither 64 hexadecimal digits nor a file that can be read");
        }
        size_t len = fread(text, 1, sizeof text - 1, file);
        fclose(file);
        hex = str_trim((struct str){text, len});
    }
    return bytes_from_hex(hex, v->pinned, sizeof v->pinned);
}

// ---- problems

static void put_problem_json(struct verification *v, const struct audit_problem *p)
{
    struct json_writer w = json_writer_on(&v->problems);
    w.comma = v->shown > 1;
    json_begin_object(&w);
    json_add_string(&w, "what", str_from_c(p->what));
    if (p->chain_id != 0) {
        json_add_int(&w, "chain", p->chain_id);
        json_add_int(&w, "seq", p->seq);
    }
    if (p->checkpoint != 0) {
        json_add_int(&w, "checkpoint", p->checkpoint);
    }
    if (p->key_number != 0) {
        json_add_int(&w, "key", p->key_number);
    }
    json_end_object(&w);
}

static void put_problem_text(const struct audit_problem *p)
{
    const struct {
        const char *name;
        int64_t number;
    } places[] = {{"chain", p->chain_id},
                  {"record", p->seq},
                  {"checkpoint", p->checkpoint},
                  {"key", p->key_number}};
    const char *separator = "";
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        if (places[i].number != 0) {
            printf("%s%s %lld", separator, places[i].name, (long long)places[i].number);
            separator = ", ";
        }
    }
    printf("%s%s\n", separator[0] == '\0' ? "" : ": ", p->what);
}

static void take_problem(void *ctx, const struct audit_problem *p)
{
    struct verification *v = ctx;
    if (v->shown >= SHOWN_MAX) {
        return;
    }
    v->shown++;
    if (v->options.json) {
        put_problem_json(v, p);
    } else {
        put_problem_text(p);
    }
}

// ---- from the database

static struct status verify_database(struct verification *v)
{
    const struct store_config config = {.conninfo = v->options.database};
    struct session *s CLEANUP(session_cleanup) = NULL;
    struct status opened = session_open(&config, &s);
    if (!status_ok(opened)) {
        return explain(v, "the database", opened);
    }
    struct status walked = audit_walk(s, &AUDIT_FILTER_NONE, audit_verifier_take, v->verifier);
    return status_ok(walked) ? walked : explain(v, "the database", walked);
}

// ---- from an export

struct export_reader {
    struct audit_lines lines;
    bool ended;
};

static void export_reader_done(struct export_reader *r)
{
    audit_lines_done(&r->lines);
}

static struct status next_line(struct export_reader *r, struct str *out)
{
    bool more;
    TRY(audit_lines_next(&r->lines, out, &more));
    if (!more) {
        FAIL(NOT_FOUND, "the file ends early: the export isn't whole");
    }
    return OK_STATUS;
}

static struct status read_export_header(struct verification *v, struct export_reader *r)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(AUDIT_LINE_MAX);
    struct str text;
    struct audit_line line;
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(next_line(r, &text));
    TRY(audit_line_parse(text, arena, &line));
    if (line.kind != AUDIT_LINE_HEADER) {
        FAIL(INVALID, "it doesn't begin as an export does");
    }
    if (line.header.filtered) {
        FAIL(INVALID,
             "records were picked for this export: without the others it can't be verified");
    }
    v->header = line.header;
    return OK_STATUS;
}

static struct status take_export_line(struct verification *v, struct export_reader *r)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(4 * (size_t)AUDIT_LINE_MAX);
    struct str text;
    struct audit_line line;
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(next_line(r, &text));
    TRY(audit_line_parse(text, arena, &line));
    if (line.kind == AUDIT_LINE_HEADER) {
        FAIL(INVALID, "an export begins inside of another");
    }
    if (line.kind == AUDIT_LINE_ITEM) {
        return audit_verifier_take(v->verifier, &line.item);
    }
    r->ended = true;
    if (line.lines != r->lines.number - 2) {
        FAIL(INVALID, "the number of lines isn't what its last line says");
    }
    return OK_STATUS;
}

static struct status explain_line(struct verification *v, const struct export_reader *r,
                                  struct status s)
{
    if (!status_ok(s)) {
        snprintf(v->failure, sizeof v->failure, "%s, line %lld: %s", v->options.export_file,
                 (long long)r->lines.number, s.what);
    }
    return s;
}

static struct status verify_export(struct verification *v, struct export_reader *r)
{
    struct status s = OK_STATUS;
    while (status_ok(s) && !r->ended) {
        s = take_export_line(v, r);
    }
    return explain_line(v, r, s);
}

// ---- against a witness

static struct status take_witness(void *ctx, const struct audit_witness *w)
{
    struct verification *v = ctx;
    v->witnesses++;
    audit_verifier_against(v->verifier, w);
    return OK_STATUS;
}

static struct status compare(struct verification *v)
{
    if (v->options.against == NULL) {
        return OK_STATUS;
    }
    struct status read = audit_witness_read(v->options.against, take_witness, v);
    return status_ok(read) ? read : explain(v, v->options.against, read);
}

// ---- the result

static void put_span(struct json_writer *w, const struct audit_summary *s)
{
    if (s->records > 0) {
        json_add_time(w, "first_record", s->first_time_us);
        json_add_time(w, "last_record", s->last_time_us);
    }
}

static void print_json(const struct verification *v, const struct audit_summary *s)
{
    struct buffer out CLEANUP(buffer_done);
    char key[KEY_HEX_BYTES + 1];
    bytes_to_hex(BYTES_OF(s->first_key), key);
    buffer_init(&out, OUTPUT_BYTES);
    struct json_writer w = json_writer_on(&out);
    json_begin_object(&w);
    json_add_bool(&w, "genuine", s->problems == 0);
    json_add_int(&w, "records", s->records);
    json_add_int(&w, "chains", s->chains);
    json_add_int(&w, "signatures", s->batches);
    json_add_int(&w, "checkpoints", s->checkpoints);
    json_add_int(&w, "keys", s->keys);
    json_add_int(&w, "dropped_records", s->dropped_records);
    json_add_int(&w, "compared_checkpoints", v->witnesses);
    put_span(&w, s);
    json_add_string(&w, "first_key", str_from_c(key));
    json_add_int(&w, "problem_count", s->problems);
    json_put_key(&w, "problems");
    buffer_append_c(&out, "[");
    buffer_append(&out, buffer_bytes(&v->problems));
    buffer_append_c(&out, "]");
    w.comma = true;
    json_end_object(&w);
    printf("%.*s\n", STR_ARG(buffer_str(&out)));
}

static void print_text(const struct verification *v, const struct audit_summary *s)
{
    char key[KEY_HEX_BYTES + 1];
    char from[CLOCK_TEXT_BYTES];
    char to[CLOCK_TEXT_BYTES];
    bytes_to_hex(BYTES_OF(s->first_key), key);
    clock_format(s->first_time_us, from);
    clock_format(s->last_time_us, to);
    if (s->problems > v->shown) {
        printf("... and %lld more\n", (long long)(s->problems - v->shown));
    }
    printf("%lld records in %lld chains, %lld signatures, %lld checkpoints, %lld keys\n",
           (long long)s->records, (long long)s->chains, (long long)s->batches,
           (long long)s->checkpoints, (long long)s->keys);
    if (s->records > 0) {
        printf("from %s to %s\n", from, to);
    }
    if (s->dropped_records > 0) {
        printf("%lld older records were removed by retention\n", (long long)s->dropped_records);
    }
    if (v->witnesses > 0) {
        printf("compared with %lld checkpoints kept elsewhere\n", (long long)v->witnesses);
    }
    printf("first key %s%s\n", key,
           v->options.public_key == NULL ? " (keep it, and give it as -public-key)" : "");
    if (s->problems == 0) {
        puts("The log is genuine.");
    } else {
        printf("%lld problems were found.\n", (long long)s->problems);
    }
}

static int conclude(struct verification *v)
{
    struct audit_summary s = audit_verifier_summary(v->verifier);
    if (v->options.json) {
        print_json(v, &s);
    } else {
        print_text(v, &s);
    }
    return s.problems == 0 ? EXIT_GENUINE : EXIT_PROBLEMS;
}

static struct status make_verifier(struct verification *v)
{
    bool bounded = v->header.from_us > 0 || v->header.to_us != CLOCK_NEVER;
    const struct audit_verifier_options options = {
        .first_key = v->options.public_key == NULL ? (struct bytes){NULL, 0} : BYTES_OF(v->pinned),
        .excerpt = bounded,
        .report = take_problem,
        .ctx = v};
    return audit_verifier_new(&options, &v->verifier);
}

static struct status verify(struct verification *v)
{
    struct export_reader reader CLEANUP(export_reader_done) = {.ended = false};
    v->header.to_us = CLOCK_NEVER;
    if (v->options.export_file != NULL) {
        struct status opened = audit_lines_open(&reader.lines, v->options.export_file);
        if (!status_ok(opened)) {
            return explain(v, v->options.export_file, opened);
        }
        TRY(explain_line(v, &reader, read_export_header(v, &reader)));
    }
    TRY(make_verifier(v));
    struct status read =
        v->options.export_file != NULL ? verify_export(v, &reader) : verify_database(v);
    // Of an export with too few lines, or too many, all there are were read.
    if (status_ok(read) || reader.ended) {
        audit_verifier_end(v->verifier);
    }
    TRY(read);
    return compare(v);
}

static bool found_problems(const struct verification *v)
{
    return v->verifier != NULL && audit_verifier_summary(v->verifier).problems > 0;
}

// Problems are problems, whatever else couldn't be checked.
static int finish(struct verification *v, struct status s)
{
    bool partly = !status_ok(s) && found_problems(v);
    int code = EXIT_UNCHECKED;
    if (status_ok(s) || partly) {
        code = conclude(v);
    }
    if (!status_ok(s)) {
        fprintf(stderr, "The audit log couldn't be checked%s: %s\n", partly ? " to its end" : "",
                v->failure[0] == '\0' ? s.what : v->failure);
    }
    return code;
}

int audit_verify_main(int argc, char **argv)
{
    struct verification v = {.options = {.json = false}};
    log_set_level(LOG_ERROR);
    struct status s = read_arguments(argc, argv, &v.options);
    if (status_ok(s)) {
        s = read_pinned_key(&v);
        s = status_ok(s) ? s : explain(&v, "-public-key", s);
    }
    buffer_init(&v.problems, OUTPUT_BYTES);
    if (status_ok(s)) {
        s = verify(&v);
    }
    int code = finish(&v, s);
    audit_verifier_free(v.verifier);
    buffer_done(&v.problems);
    return code;
}
