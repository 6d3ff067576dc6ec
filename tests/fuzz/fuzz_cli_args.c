// SPDX-License-Identifier: ISC
// Input: the words of a command line, with NULs between them. Every word ends up as an operand or
// as a part of a flag that the command has.
#include "api/cli/args.h"
#include "api/cli/settings.h"
#include "tests/fuzz/fuzz.h"

enum { WORDS_MAX = 64 };

static const struct cli_flag own[] = {
    {"force", CLI_FLAG_BOOL, NULL, ""},     {"count", CLI_FLAG_COUNT, "N", ""},
    {"ttl", CLI_FLAG_DURATION, "TIME", ""}, {"policy", CLI_FLAG_LIST, "NAME", ""},
    {NULL, CLI_FLAG_BOOL, NULL, NULL},
};

static int split_words(struct str text, struct arena *arena, const char **argv)
{
    int argc = 0;
    while (text.len > 0 && argc < WORDS_MAX) {
        struct str word;
        REQUIRE(status_ok(arena_copy_str(arena, fuzz_take_text(&text), &word)));
        argv[argc++] = word.ptr;
    }
    return argc;
}

static void check_uses(const struct cli_args *args)
{
    for (size_t i = 0; i < args->use_count; i++) {
        const struct cli_flag_use *use = &args->uses[i];
        REQUIRE(cli_args_has(args, use->flag->name));
        if (use->flag->kind == CLI_FLAG_COUNT) {
            REQUIRE(cli_args_count(args, use->flag->name, -1) >= 0);
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    const char *argv[WORDS_MAX];
    struct cli_problem why = {""};
    struct cli_args args;
    int argc = split_words((struct str){(const char *)data, size}, arena, argv);
    const struct cli_args_source source = {argc, argv, own, cli_global_flags};
    if (!status_ok(cli_args_parse(arena, &source, &why, &args))) {
        REQUIRE(why.text[0] != '\0');
        return 0;
    }
    REQUIRE(args.use_count + args.operand_count <= (size_t)argc);
    check_uses(&args);
    return 0;
}
