// SPDX-License-Identifier: ISC
// The table behind the configuration (config.h): internal to config_*.c.
#pragma once

#include <stddef.h>

#include "vault/base/config.h"
#include "vault/base/hcl.h"

enum config_type {
    CONFIG_TEXT,
    CONFIG_WORD,        // one of `words`
    CONFIG_LEVEL,       // a log level
    CONFIG_COUNT,       // a whole number in the range
    CONFIG_DURATION,    // seconds in the range
    CONFIG_BOOL,        //
    CONFIG_FILE,        // exists and can be read
    CONFIG_SECRET_FILE, // the same, and closed to others
    CONFIG_FOLDER,      // exists
    CONFIG_PATH,        // absolute; its folder exists
    CONFIG_PROGRAM,     // can be run, and changed by nobody but root and us
    CONFIG_MODULE,      // the same, loaded instead of run
};

struct config_key {
    const char *name;
    enum config_type type;
    size_t offset; // in the section's structure
    int64_t least; // numbers and durations
    int64_t most;
    int64_t number;       // default of numbers, durations and booleans
    const char *fallback; // default of texts, words and levels; NULL: none
    const char *words;    // CONFIG_WORD: "a, b or c"
    const char *doc;
};

struct config_section {
    const char *name;    // NULL: the top level
    const char *labels;  // "tcp, unix or systemd" when it carries one; else NULL
    const char *example; // for the reference
    const char *doc;
    const char *parent; // the section whose block it stands in; NULL: the top level
    const struct config_key *keys;
    size_t key_count;
    size_t offset; // of its structure in struct config; listeners have an array
};

enum config_section_id {
    CONFIG_SECTION_TOP,
    CONFIG_SECTION_LISTENER,
    CONFIG_SECTION_DATABASE,
    CONFIG_SECTION_SEAL,
    CONFIG_SECTION_LIMITS,
    CONFIG_SECTION_AUDIT,
    CONFIG_SECTION_ROTATION,
    CONFIG_SECTION_ROTATOR,
    CONFIG_SECTION_COUNT,
};

extern const struct config_section config_sections[CONFIG_SECTION_COUNT];

// NULL when there is none.
const struct config_key *config_key_find(const struct config_section *section, struct str name);
const struct config_section *config_section_find(struct str name);
// The known key or section of `section` that is spelled most alike, when it is close; else NULL.
const char *config_key_nearest(const struct config_section *section, struct str name);
// Is `word` one of the words in "a, b or c"?
bool config_word_known(const char *words, struct str word);

// Every key of a section at its default.
void config_set_defaults(const struct config_section *section, void *structure);

// "%s" style explanation; always INVALID.
struct status config_explain(struct config_problem *why, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

// One reading of a file.
struct config_loader {
    struct config *config;
    const char *name; // of the file, for messages
    struct config_problem *why;
};

// config_explain() with the place of a node in front.
struct status config_explain_at(struct config_loader *l, const struct hcl_node *node,
                                const char *format, ...) __attribute__((format(printf, 3, 4)));

// Reads the node as the key wants it, into `at`; texts are copied into the configuration's arena.
// INVALID, explained; NOMEM.
struct status config_read_value(struct config_loader *l, const struct config_key *key,
                                const struct hcl_node *node, void *at);

// Says in `reason` why a file can't be used; true when it can. `secret`: also closed to others.
enum { CONFIG_REASON_BYTES = 256 };
bool config_file_usable(const char *path, bool secret, char reason[CONFIG_REASON_BYTES]);
// Nobody but root and we ourselves can change what is there, by whatever folder or link; `run`: it
// is executable.
bool config_program_usable(const char *path, bool run, char reason[CONFIG_REASON_BYTES]);
bool config_folder_usable(const char *path, char reason[CONFIG_REASON_BYTES]);

// Is this host the machine itself: nothing, the folder of a socket, or a loopback address?
bool config_host_is_local(struct str host);

// What no single key can tell. INVALID, explained; `name` stands for the file.
struct status config_check_whole(const struct config *c, const char *name,
                                 struct config_problem *why);
struct status config_check_rotator(const struct config_rotation *r, const char *place,
                                   struct config_problem *why); // the last one of its list
struct status config_check_listener(const struct config_listener *l, const char *place,
                                    struct config_problem *why);
