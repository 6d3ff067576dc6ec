// SPDX-License-Identifier: ISC
// A configuration file. What is accepted stays within every range; what is refused is explained in
// one line that a terminal can show.
#include <string.h>

#include "tests/fuzz/fuzz.h"
#include "vault/base/config_keys.h"

static void check_line(const char *text)
{
    size_t len = strnlen(text, CONFIG_PROBLEM_BYTES);
    REQUIRE(len > 0 && len < CONFIG_PROBLEM_BYTES);
    for (size_t i = 0; i < len; i++) {
        REQUIRE((unsigned char)text[i] >= 0x20 && text[i] != 0x7F);
    }
}

static void check_key(const struct config_key *key, const void *structure)
{
    const char *at = (const char *)structure + key->offset;
    if (key->type == CONFIG_COUNT || key->type == CONFIG_DURATION) {
        int64_t value = *(const int64_t *)(const void *)at;
        REQUIRE(value == key->number || (value >= key->least && value <= key->most));
    } else if (key->type != CONFIG_BOOL && key->type != CONFIG_LEVEL) {
        REQUIRE(str_is_text(*(const struct str *)(const void *)at));
    }
}

static void check_section(const struct config_section *section, const void *structure)
{
    for (size_t i = 0; i < section->key_count; i++) {
        check_key(&section->keys[i], structure);
    }
}

static void check_accepted(const struct config *c)
{
    REQUIRE(c->listener_count <= CONFIG_LISTENERS && c->node_name.len > 0);
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        if (i != CONFIG_SECTION_LISTENER) {
            check_section(&config_sections[i], (const char *)c + config_sections[i].offset);
        }
    }
    for (size_t i = 0; i < c->listener_count; i++) {
        check_section(&config_sections[CONFIG_SECTION_LISTENER], &c->listeners[i]);
    }
    struct buffer conninfo;
    buffer_init(&conninfo, LIMIT_CONFIG_BYTES);
    REQUIRE(status_ok(config_database_conninfo(&c->database, &conninfo)));
    buffer_done(&conninfo);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct config *config = NULL;
    struct config_problem why = {""};
    struct status s = config_parse((struct str){(const char *)data, size}, "f", &why, &config);
    if (status_ok(s)) {
        check_accepted(config);
    } else if (s.code != STATUS_NOMEM) {
        check_line(why.text);
    }
    config_free(config);
    return 0;
}
