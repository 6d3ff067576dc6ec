// SPDX-License-Identifier: ISC
// One value of the configuration, by the type of its key.
#include <string.h>

#include "vault/base/config_keys.h"

static struct status refuse(struct config_loader *l, const struct config_key *key,
                            const struct hcl_node *node, const char *expected)
{
    return config_explain_at(l, node, "%s: expected %s", key->name, expected);
}

static struct status read_number(struct config_loader *l, const struct config_key *key,
                                 const struct hcl_node *node, int64_t *at)
{
    int64_t value = 0;
    bool duration = key->type == CONFIG_DURATION;
    struct status read = duration ? hcl_as_duration_s(node, &value) : hcl_as_int(node, &value);
    if (status_ok(read) && value >= key->least && value <= key->most) {
        *at = value;
        return OK_STATUS;
    }
    return config_explain_at(
        l, node, "%s: expected %s between %lld and %lld%s", key->name,
        duration ? "a duration (90, \"90s\", \"12h\", \"30d\")" : "a whole number",
        (long long)key->least, (long long)key->most, duration ? " seconds" : "");
}

static bool is_usable(enum config_type type, const char *path, char reason[CONFIG_REASON_BYTES])
{
    if (type == CONFIG_FOLDER) {
        return config_folder_usable(path, reason);
    }
    if (type == CONFIG_PROGRAM || type == CONFIG_MODULE) {
        return config_program_usable(path, type == CONFIG_PROGRAM, reason);
    }
    return config_file_usable(path, type == CONFIG_SECRET_FILE, reason);
}

static struct status read_file_name(struct config_loader *l, const struct config_key *key,
                                    const struct hcl_node *node, struct str text)
{
    char reason[CONFIG_REASON_BYTES];
    if (text.len == 0 || text.ptr[0] != '/') {
        return refuse(l, key, node, "an absolute path");
    }
    if (key->type == CONFIG_PATH) {
        struct str folder;
        const char *slash = memrchr(text.ptr, '/', text.len);
        TRY(arena_copy_str(l->config->arena,
                           str_first(text, slash == text.ptr ? 1 : (size_t)(slash - text.ptr)),
                           &folder));
        return config_folder_usable(folder.ptr, reason)
                   ? OK_STATUS
                   : config_explain_at(l, node, "%s: %s: %s", key->name, folder.ptr, reason);
    }
    return is_usable(key->type, text.ptr, reason)
               ? OK_STATUS
               : config_explain_at(l, node, "%s: %s: %s", key->name, text.ptr, reason);
}

static struct status read_text(struct config_loader *l, const struct config_key *key,
                               const struct hcl_node *node, struct str *at)
{
    struct str text;
    struct str copy;
    if (node->kind != HCL_STRING || !status_ok(hcl_as_str(node, &text)) || text.len == 0) {
        return refuse(l, key, node, "a text in quotes");
    }
    // The copy ends with a NUL, which the file functions need; a NUL inside would cut a path.
    if (!str_is_text(text)) {
        return refuse(l, key, node, "UTF-8 text without NUL");
    }
    TRY(arena_copy_str(l->config->arena, text, &copy));
    if (key->type == CONFIG_WORD && !config_word_known(key->words, copy)) {
        return refuse(l, key, node, key->words);
    }
    if (key->type != CONFIG_TEXT && key->type != CONFIG_WORD) {
        TRY(read_file_name(l, key, node, copy));
    }
    *at = copy;
    return OK_STATUS;
}

struct status config_read_value(struct config_loader *l, const struct config_key *key,
                                const struct hcl_node *node, void *at)
{
    struct str text = {NULL, 0};
    if (key->type == CONFIG_COUNT || key->type == CONFIG_DURATION) {
        return read_number(l, key, node, at);
    }
    if (key->type == CONFIG_BOOL) {
        return status_ok(hcl_as_bool(node, at)) ? OK_STATUS : refuse(l, key, node, "true or false");
    }
    if (key->type == CONFIG_LEVEL) {
        bool known = status_ok(hcl_as_str(node, &text)) && status_ok(log_level_parse(text, at));
        return known ? OK_STATUS
                     : refuse(l, key, node, "\"debug\", \"info\", \"warn\" or \"error\"");
    }
    return read_text(l, key, node, at); // all others are texts
}
