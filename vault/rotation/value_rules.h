// SPDX-License-Identifier: ISC
// What generated values look like: what the target's own rules for passwords ask for, without
// losing entropy unnoticed.
#pragma once

#include "vault/rotation/credential.h"

enum {
    VALUE_BITS_MIN = 128, // of entropy, whatever the rules are
    VALUE_BITS_MAX = 1024,
    VALUE_LENGTH_MAX = 256,
    VALUE_ALPHABET_MAX = 94, // printable ASCII without the blank
};

enum { VALUE_LOWER = 1, VALUE_UPPER = 2, VALUE_DIGIT = 4, VALUE_SYMBOL = 8 };

struct value_rules {
    char alphabet[VALUE_ALPHABET_MAX]; // without what is forbidden
    size_t alphabet_len;
    unsigned required; // classes of which there is at least one
    unsigned first;    // classes that the first character is of; 0: any
    size_t length;
    double bits; // of entropy
};

// "lower,upper,digit,symbol"; empty: none. False: there is no such class.
bool value_classes_parse(struct str text, unsigned *out);

// What `value_bits`, `value_alphabet` and `value_rules` (JSON, see value_rules_format) say.
// INVALID with what is wrong: such rules are never stored.
struct status value_rules_read(const struct credential *c, struct arena *arena,
                               struct value_rules *out);

// The parts of value_rules as they were given; empty and 0: not.
struct value_texts {
    int64_t length;
    struct str required;
    struct str forbidden;
    struct str first;
};
struct status value_texts_read(struct str json, struct arena *arena, struct value_texts *out);
// Empty when nothing is given. NOMEM.
struct status value_texts_write(const struct value_texts *t, struct arena *arena, struct str *out);

// Any value that keeps the rules is as likely as any other. NOMEM.
struct status value_rules_generate(const struct value_rules *r, struct secret **out);
