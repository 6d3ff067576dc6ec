// SPDX-License-Identifier: ISC
#include "api/cli/command.h"

#include <string.h>

static struct cli_command_list lists[CLI_COMMAND_LISTS];
static size_t list_count;

void cli_command_register(struct cli_command_list list)
{
    REQUIRE(list_count < CLI_COMMAND_LISTS);
    lists[list_count++] = list;
}

size_t cli_command_list_count(void)
{
    return list_count;
}

struct cli_command_list cli_command_list_at(size_t index)
{
    REQUIRE(index < list_count);
    return lists[index];
}

// How many words of argv the name takes; 0 when it doesn't match.
static int match_words(const char *name, int argc, char **argv)
{
    struct str rest = str_from_c(name);
    for (int i = 0; i < argc; i++) {
        struct str word;
        bool more = str_split(rest, ' ', &word, &rest);
        if (!str_equal_c(word, argv[i])) {
            return 0;
        }
        if (!more) {
            return i + 1;
        }
    }
    return 0;
}

const struct cli_command *cli_command_find(int argc, char **argv, int *words)
{
    const struct cli_command *best = NULL;
    *words = 0;
    for (size_t l = 0; l < list_count; l++) {
        for (size_t i = 0; i < lists[l].count; i++) {
            int matched = match_words(lists[l].commands[i].name, argc, argv);
            if (matched > *words) {
                best = &lists[l].commands[i];
                *words = matched;
            }
        }
    }
    return best;
}

bool cli_command_is_group(struct str word)
{
    for (size_t l = 0; l < list_count; l++) {
        for (size_t i = 0; i < lists[l].count; i++) {
            struct str name = str_from_c(lists[l].commands[i].name);
            if (name.len > word.len && str_starts_with(name, word) && name.ptr[word.len] == ' ') {
                return true;
            }
        }
    }
    return false;
}
