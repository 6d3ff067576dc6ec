// SPDX-License-Identifier: ISC
#include "api/cli/args.h"

#include <string.h>

struct parser {
    const struct cli_args_source *source;
    struct cli_problem *why;
    int next; // index into argv
    struct cli_flag_use *uses;
    size_t use_count;
    struct str *operands;
    size_t operand_count;
};

const struct cli_flag *cli_flag_find(const struct cli_flag *flags, struct str name)
{
    for (; flags != NULL && flags->name != NULL; flags++) {
        if (str_equal_c(name, flags->name)) {
            return flags;
        }
    }
    return NULL;
}

static struct status check_value(struct parser *p, const struct cli_flag *flag, struct str value)
{
    int64_t number = 0;
    switch (flag->kind) {
    case CLI_FLAG_BOOL:
        if (!str_equal_c(value, "true") && !str_equal_c(value, "false")) {
            return cli_problem_local(p->why, "flag -%s is either true or false", flag->name);
        }
        break;
    case CLI_FLAG_COUNT:
        if (!status_ok(str_parse_int(value, &number)) || number < 0) {
            return cli_problem_local(p->why, "flag -%s needs a whole number", flag->name);
        }
        break;
    case CLI_FLAG_DURATION:
        if (!status_ok(str_parse_duration_s(value, &number))) {
            return cli_problem_local(
                p->why, "flag -%s needs a duration such as 90s, 15m, 12h or 30d", flag->name);
        }
        break;
    case CLI_FLAG_TEXT:
    case CLI_FLAG_LIST:
        break;
    }
    return OK_STATUS;
}

static struct status refuse_unknown(struct parser *p, struct str name)
{
    if (str_equal_c(name, "token")) {
        return cli_problem_local(
            p->why, "a token is never given as an argument: every user of this machine "
                    "can read the arguments of a process. Use `rotunda login`, which "
                    "keeps it in a file of yours, or set ROTUNDA_TOKEN");
    }
    return cli_problem_local(p->why, "unknown flag -%.*s; -h lists the flags of a command",
                             STR_ARG(name));
}

static struct status take_flag(struct parser *p, struct str text)
{
    struct str name;
    struct str value;
    bool has_value = str_split(text, '=', &name, &value);
    const struct cli_flag *flag = cli_flag_find(p->source->own, name);
    if (flag == NULL) {
        flag = cli_flag_find(p->source->global, name);
    }
    if (flag == NULL) {
        return refuse_unknown(p, name);
    }
    if (!has_value && flag->kind == CLI_FLAG_BOOL) {
        value = STR("true");
    } else if (!has_value && p->next == p->source->argc) {
        return cli_problem_local(p->why, "flag -%s needs a value: -%s=%s", flag->name, flag->name,
                                 flag->value);
    } else if (!has_value) {
        value = str_from_c(p->source->argv[p->next++]);
    }
    TRY(check_value(p, flag, value));
    p->uses[p->use_count++] = (struct cli_flag_use){flag, value};
    return OK_STATUS;
}

static struct status take_next(struct parser *p, bool *flags_ended)
{
    struct str word = str_from_c(p->source->argv[p->next++]);
    if (*flags_ended || word.len < 2 || word.ptr[0] != '-') {
        p->operands[p->operand_count++] = word;
        return OK_STATUS;
    }
    if (str_equal_c(word, "--")) {
        *flags_ended = true;
        return OK_STATUS;
    }
    return take_flag(p, str_skip(word, word.ptr[1] == '-' ? 2 : 1));
}

struct status cli_args_parse(struct arena *a, const struct cli_args_source *source,
                             struct cli_problem *why, struct cli_args *out)
{
    size_t room = (size_t)source->argc + 1;
    struct parser p = {.source = source,
                       .why = why,
                       .uses = ARENA_ARRAY(a, struct cli_flag_use, room),
                       .operands = ARENA_ARRAY(a, struct str, room)};
    if (p.uses == NULL || p.operands == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    bool flags_ended = false;
    while (p.next < source->argc) {
        TRY(take_next(&p, &flags_ended));
    }
    *out = (struct cli_args){p.uses, p.use_count, p.operands, p.operand_count};
    return OK_STATUS;
}

static const struct cli_flag_use *last_use(const struct cli_args *args, const char *name)
{
    for (size_t i = args->use_count; i > 0; i--) {
        if (strcmp(args->uses[i - 1].flag->name, name) == 0) {
            return &args->uses[i - 1];
        }
    }
    return NULL;
}

bool cli_args_has(const struct cli_args *args, const char *name)
{
    return last_use(args, name) != NULL;
}

struct str cli_args_text(const struct cli_args *args, const char *name)
{
    const struct cli_flag_use *use = last_use(args, name);
    return use == NULL ? (struct str){NULL, 0} : use->value;
}

bool cli_args_bool(const struct cli_args *args, const char *name, bool fallback)
{
    const struct cli_flag_use *use = last_use(args, name);
    return use == NULL ? fallback : str_equal_c(use->value, "true");
}

int64_t cli_args_count(const struct cli_args *args, const char *name, int64_t fallback)
{
    const struct cli_flag_use *use = last_use(args, name);
    int64_t number = fallback;
    if (use != NULL) {
        status_ignore(str_parse_int(use->value, &number)); // checked when it was parsed
    }
    return number;
}

struct str cli_args_operand(const struct cli_args *args, size_t index)
{
    return index < args->operand_count ? args->operands[index] : (struct str){NULL, 0};
}
