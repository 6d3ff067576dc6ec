// SPDX-License-Identifier: ISC
// The reference of the configuration, from its table.
#include "vault/base/config_keys.h"

static const char *type_name(const struct config_key *key)
{
    switch (key->type) {
    case CONFIG_TEXT:
        return "text";
    case CONFIG_WORD:
        return key->words;
    case CONFIG_LEVEL:
        return "debug, info, warn or error";
    case CONFIG_COUNT:
        return "number";
    case CONFIG_DURATION:
        return "duration";
    case CONFIG_BOOL:
        return "true or false";
    case CONFIG_FILE:
        return "file";
    case CONFIG_SECRET_FILE:
        return "file, mode 0600";
    case CONFIG_FOLDER:
        return "folder";
    case CONFIG_PATH:
        return "file, made when missing";
    case CONFIG_PROGRAM:
        return "executable";
    case CONFIG_MODULE:
        return "shared object";
    }
    return "";
}

static void append_range(struct buffer *into, const struct config_key *key)
{
    const char *unit = key->type == CONFIG_DURATION ? " s" : "";
    buffer_append_c(into, ", ");
    buffer_append_int(into, key->least);
    buffer_append_c(into, " to ");
    buffer_append_int(into, key->most);
    buffer_append_c(into, unit);
}

static void append_default(struct buffer *into, const struct config_key *key)
{
    bool number = key->type == CONFIG_COUNT || key->type == CONFIG_DURATION;
    if (number) {
        buffer_append_int(into, key->number);
        buffer_append_c(into, key->type == CONFIG_DURATION ? " s" : "");
    } else if (key->type == CONFIG_BOOL) {
        buffer_append_c(into, key->number != 0 ? "true" : "false");
    } else {
        buffer_append_c(into, key->fallback == NULL ? "none" : key->fallback);
    }
}

static void append_key(struct buffer *into, const struct config_key *key)
{
    buffer_append_c(into, "| `");
    buffer_append_c(into, key->name);
    buffer_append_c(into, "` | ");
    buffer_append_c(into, type_name(key));
    if (key->type == CONFIG_COUNT || key->type == CONFIG_DURATION) {
        append_range(into, key);
    }
    buffer_append_c(into, " | ");
    append_default(into, key);
    buffer_append_c(into, " | ");
    buffer_append_c(into, key->doc);
    buffer_append_c(into, " |\n");
}

static void append_section(struct buffer *into, const struct config_section *section)
{
    buffer_append_c(into, into->len > 0 ? "\n### " : "### ");
    buffer_append_c(into, section->name == NULL ? "Top level" : section->example);
    buffer_append_c(into, "\n\n");
    buffer_append_c(into, section->doc);
    if (section->labels != NULL) {
        buffer_append_c(into, " The label is ");
        buffer_append_c(into, section->labels);
        buffer_append_c(into, ".");
    }
    buffer_append_c(into, "\n\n| key | value | default | what it does |\n|---|---|---|---|\n");
    for (size_t i = 0; i < section->key_count; i++) {
        append_key(into, &section->keys[i]);
    }
}

void config_describe(struct buffer *into)
{
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        append_section(into, &config_sections[i]);
    }
}
