// SPDX-License-Identifier: ISC
#include "api/cli/help.h"

#include <string.h>

#include "api/cli/settings.h"

enum { NAME_COLUMN = 30 };

static void pad_to(struct buffer *into, size_t written, size_t column)
{
    do {
        buffer_append_byte(into, ' ');
        written++;
    } while (written < column);
}

static bool in_group(const struct cli_command *command, struct str group)
{
    struct str name = str_from_c(command->name);
    return group.len == 0 ||
           (str_starts_with(name, group) && (name.len == group.len || name.ptr[group.len] == ' '));
}

static void list_commands(struct buffer *into, struct cli_command_list list, struct str group)
{
    bool any = false;
    for (size_t i = 0; i < list.count; i++) {
        const struct cli_command *command = &list.commands[i];
        if (command->summary == NULL || !in_group(command, group)) {
            continue;
        }
        buffer_append_c(into, "  ");
        buffer_append_c(into, command->name);
        pad_to(into, strlen(command->name) + 2, NAME_COLUMN);
        buffer_append_c(into, command->summary);
        buffer_append_byte(into, '\n');
        any = true;
    }
    if (any) {
        buffer_append_byte(into, '\n');
    }
}

void cli_help_list(struct buffer *into, struct str group)
{
    buffer_append_c(into, "Usage: rotunda COMMAND [flags] [operands]\n\n");
    for (size_t i = 0; i < cli_command_list_count(); i++) {
        list_commands(into, cli_command_list_at(i), group);
    }
    buffer_append_c(into, "`rotunda COMMAND -h` explains a command and shows an example.\n");
}

static void list_flags(struct buffer *into, const char *heading, const struct cli_flag *flags)
{
    if (flags == NULL || flags->name == NULL) {
        return;
    }
    buffer_append_c(into, heading);
    for (; flags->name != NULL; flags++) {
        size_t start = into->len;
        buffer_append_c(into, "  -");
        buffer_append_c(into, flags->name);
        if (flags->value != NULL) {
            buffer_append_byte(into, '=');
            buffer_append_c(into, flags->value);
        }
        pad_to(into, into->len - start, NAME_COLUMN);
        buffer_append_c(into, flags->summary);
        buffer_append_byte(into, '\n');
    }
}

void cli_help_command(struct buffer *into, const struct cli_command *command)
{
    buffer_append_c(into, "Usage: rotunda ");
    buffer_append_c(into, command->name);
    buffer_append_c(into, command->flags == NULL ? "" : " [flags]");
    buffer_append_c(into, command->operands[0] == '\0' ? "" : " ");
    buffer_append_c(into, command->operands);
    buffer_append_c(into, "\n\n");
    buffer_append_c(into, command->help);
    buffer_append_byte(into, '\n');
    list_flags(into, "\nFlags:\n", command->flags);
    if (command->run != NULL) {
        list_flags(into, "\nFlags of every client command:\n", cli_global_flags);
    }
}

static void append_flag_words(struct buffer *into, const struct cli_flag *flags)
{
    for (; flags != NULL && flags->name != NULL; flags++) {
        buffer_append_c(into, " -");
        buffer_append_c(into, flags->name);
    }
}

// One line for each command: "kv get" -> its flags.
static void append_case(struct buffer *into, const struct cli_command *command)
{
    buffer_append_c(into, "    \"");
    buffer_append_c(into, command->name);
    buffer_append_c(into, " \"*) flags=\"");
    append_flag_words(into, command->flags);
    buffer_append_c(into, "\" ;;\n");
}

static void append_names(struct buffer *into)
{
    for (size_t l = 0; l < cli_command_list_count(); l++) {
        struct cli_command_list list = cli_command_list_at(l);
        for (size_t i = 0; i < list.count; i++) {
            if (list.commands[i].summary != NULL) {
                buffer_append_c(into, list.commands[i].name);
                buffer_append_byte(into, '\n');
            }
        }
    }
}

static void append_cases(struct buffer *into)
{
    for (size_t l = 0; l < cli_command_list_count(); l++) {
        struct cli_command_list list = cli_command_list_at(l);
        for (size_t i = 0; i < list.count; i++) {
            append_case(into, &list.commands[i]);
        }
    }
}

void cli_help_completion(struct buffer *into)
{
    buffer_append_c(into, "# bash completion for rotunda: source <(rotunda completion bash)\n"
                          "_rotunda_commands='");
    append_names(into);
    buffer_append_c(into,
                    "'\n"
                    "_rotunda() {\n"
                    "  local word=${COMP_WORDS[COMP_CWORD]} before='' flags='' i\n"
                    "  for ((i = 1; i < COMP_CWORD; i++)); do before+=\"${COMP_WORDS[i]} \"; done\n"
                    "  if [[ $word == -* ]]; then\n"
                    "    case \"$before\" in\n");
    append_cases(into);
    buffer_append_c(into, "    esac\n"
                          "    flags+='");
    append_flag_words(into, cli_global_flags);
    buffer_append_c(
        into, "'\n"
              "    mapfile -t COMPREPLY < <(compgen -W \"$flags\" -- \"$word\")\n"
              "    return\n"
              "  fi\n"
              "  local next\n"
              "  next=$(while IFS= read -r i; do\n"
              "    [[ $i == \"$before\"* ]] && i=${i#\"$before\"} && printf '%s\\n' \"${i%% *}\"\n"
              "  done <<<\"$_rotunda_commands\" | sort -u)\n"
              "  mapfile -t COMPREPLY < <(compgen -W \"$next\" -- \"$word\")\n"
              "}\n"
              "complete -o default -F _rotunda rotunda\n");
}
