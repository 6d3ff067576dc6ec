// SPDX-License-Identifier: ISC
#include "vault/rotation/value_rules.h"

#include <math.h>
#include <string.h>

#include "vault/base/json.h"
#include "vault/base/json_writer.h"
#include "vault/crypto/password.h"

enum { CLASS_COUNT = 4, TEXTS_BYTES = 4096, DRAWS_MAX = 100000 };

// Of all values as many must keep the rules: drawing one again and again has to end.
#define SHARE_MIN 0.001

static const char *const class_names[CLASS_COUNT] = {"lower", "upper", "digit", "symbol"};

static unsigned class_of(char c)
{
    if (c >= 'a' && c <= 'z') {
        return VALUE_LOWER;
    }
    if (c >= 'A' && c <= 'Z') {
        return VALUE_UPPER;
    }
    return c >= '0' && c <= '9' ? VALUE_DIGIT : VALUE_SYMBOL;
}

bool value_classes_parse(struct str text, unsigned *out)
{
    struct str item;
    bool more = text.len > 0;
    *out = 0;
    while (more) {
        unsigned found = 0;
        more = str_split(text, ',', &item, &text);
        for (size_t i = 0; i < CLASS_COUNT; i++) {
            found |= str_equal_c(str_trim(item), class_names[i]) ? 1U << i : 0;
        }
        if (found == 0) {
            return false;
        }
        *out |= found;
    }
    return true;
}

// ---- as text

struct status value_texts_read(struct str json, struct arena *arena, struct value_texts *out)
{
    *out = (struct value_texts){.required = STR("")};
    if (json.len == 0) {
        return OK_STATUS;
    }
    struct json_value v;
    TRY(json_parse(json, NULL, arena, &v, NULL));
    TRY(json_as_int(json_get(v, "length"), &out->length));
    TRY(json_as_str(json_get(v, "require"), &out->required));
    TRY(json_as_str(json_get(v, "forbidden"), &out->forbidden));
    return json_as_str(json_get(v, "first"), &out->first);
}

struct status value_texts_write(const struct value_texts *t, struct arena *arena, struct str *out)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, TEXTS_BYTES);
    *out = STR("");
    if (t->length == 0 && t->required.len == 0 && t->forbidden.len == 0 && t->first.len == 0) {
        return OK_STATUS;
    }
    struct json_writer w = json_writer_on(&text);
    json_begin_object(&w);
    json_add_int(&w, "length", t->length);
    json_add_string(&w, "require", t->required);
    json_add_string(&w, "forbidden", t->forbidden);
    json_add_string(&w, "first", t->first);
    json_end_object(&w);
    TRY(json_writer_status(&w));
    return arena_copy_str(arena, buffer_str(&text), out);
}

// ---- reading

static struct status read_alphabet(struct str given, struct str forbidden, struct value_rules *r)
{
    bool seen[128] = {false};
    struct str alphabet = given.len > 0 ? given : PASSWORD_BASE64URL;
    for (size_t i = 0; i < alphabet.len; i++) {
        unsigned char c = (unsigned char)alphabet.ptr[i];
        if (c <= ' ' || c > '~' || seen[c]) {
            FAIL(INVALID, "an alphabet is 2 to 94 different printable ASCII characters");
        }
        seen[c] = true;
        if (forbidden.len == 0 || memchr(forbidden.ptr, c, forbidden.len) == NULL) {
            r->alphabet[r->alphabet_len++] = (char)c;
        }
    }
    if (r->alphabet_len < 2) {
        FAIL(INVALID, "an alphabet is 2 to 94 different printable ASCII characters, beside those "
                      "that are forbidden");
    }
    return OK_STATUS;
}

static size_t count_of(const struct value_rules *r, unsigned classes)
{
    size_t count = 0;
    for (size_t i = 0; i < r->alphabet_len; i++) {
        count += (class_of(r->alphabet[i]) & classes) != 0;
    }
    return count;
}

static unsigned first_of(const struct value_rules *r)
{
    return r->first == 0 ? VALUE_LOWER | VALUE_UPPER | VALUE_DIGIT | VALUE_SYMBOL : r->first;
}

// Of the values that begin as they should, how many lack none of the required classes: by
// inclusion and exclusion over the sets of classes that are lacking.
static double complete_share(const struct value_rules *r)
{
    double all = (double)r->alphabet_len;
    double first = (double)count_of(r, first_of(r));
    double share = 0;
    for (unsigned lacking = 0; lacking < 1U << CLASS_COUNT; lacking++) {
        if ((lacking & ~r->required) != 0) {
            continue;
        }
        double left = (all - (double)count_of(r, lacking)) / all;
        double begin = (double)count_of(r, first_of(r) & ~lacking) / first;
        double term = begin * pow(left, (double)r->length - 1);
        share += __builtin_popcount(lacking) % 2 == 0 ? term : -term;
    }
    return share;
}

static double entropy(const struct value_rules *r, double share)
{
    return log2((double)count_of(r, first_of(r))) +
           ((double)r->length - 1) * log2((double)r->alphabet_len) + log2(share);
}

// The share of all draws that are kept: those that begin wrongly are thrown away as well.
static double kept_share(const struct value_rules *r)
{
    return complete_share(r) * (double)count_of(r, first_of(r)) / (double)r->alphabet_len;
}

static struct status check_classes(const struct value_rules *r)
{
    for (unsigned i = 0; i < CLASS_COUNT; i++) {
        if ((r->required & 1U << i) != 0 && count_of(r, 1U << i) == 0) {
            FAIL(INVALID, "a class is required of which the alphabet has no character");
        }
    }
    if (count_of(r, first_of(r)) == 0) {
        FAIL(INVALID, "the alphabet has no character that a value may begin with");
    }
    return OK_STATUS;
}

static struct status find_length(struct value_rules *r, int64_t length, int64_t bits)
{
    if (length < 0 || length > VALUE_LENGTH_MAX) {
        FAIL(INVALID, "a value has at most 256 characters");
    }
    for (r->length = length > 0 ? (size_t)length : 1; r->length <= VALUE_LENGTH_MAX; r->length++) {
        double kept = kept_share(r);
        r->bits = kept > 0 ? entropy(r, complete_share(r)) : 0;
        bool enough = length > 0 || (r->bits >= (double)bits && kept >= SHARE_MIN);
        if (enough) {
            break;
        }
    }
    if (r->length > VALUE_LENGTH_MAX) {
        FAIL(INVALID, "a value of so many bits has more than 256 characters of this alphabet");
    }
    if (r->bits < VALUE_BITS_MIN) {
        FAIL(INVALID, "such values have less than 128 bits of entropy: allow more characters");
    }
    if (kept_share(r) < SHARE_MIN) {
        FAIL(INVALID, "the rules leave less than one value in a thousand: allow more characters of "
                      "the classes that are required");
    }
    return OK_STATUS;
}

struct status value_rules_read(const struct credential *c, struct arena *arena,
                               struct value_rules *out)
{
    struct value_rules r = {0};
    struct value_texts texts;
    TRY(value_texts_read(c->value_rules, arena, &texts));
    if (!value_classes_parse(texts.required, &r.required) ||
        !value_classes_parse(texts.first, &r.first)) {
        FAIL(INVALID, "expected a list of lower, upper, digit, symbol");
    }
    if (texts.length == 0 && (c->value_bits < VALUE_BITS_MIN || c->value_bits > VALUE_BITS_MAX)) {
        FAIL(INVALID, "expected 128 to 1024 bits of entropy");
    }
    TRY(read_alphabet(c->value_alphabet, texts.forbidden, &r));
    TRY(check_classes(&r));
    TRY(find_length(&r, texts.length, c->value_bits));
    *out = r;
    return OK_STATUS;
}

// ---- generating

static bool keeps(const struct value_rules *r, struct bytes value)
{
    unsigned seen = 0;
    for (size_t i = 0; i < value.len; i++) {
        seen |= class_of((char)value.ptr[i]);
    }
    return (seen & r->required) == r->required && (class_of((char)value.ptr[0]) & first_of(r)) != 0;
}

// Drawn anew as a whole until it fits: mending one would make some values likelier than others.
struct status value_rules_generate(const struct value_rules *r, struct secret **out)
{
    const struct str alphabet = {r->alphabet, r->alphabet_len};
    for (int i = 0; i < DRAWS_MAX; i++) {
        struct secret *value CLEANUP(secret_cleanup) = NULL;
        TRY(password_draw(alphabet, r->length, &value));
        if (keeps(r, secret_view(value))) {
            *out = TAKE(value);
            return OK_STATUS;
        }
    }
    FAIL(INTERNAL, "no value that keeps the rules was drawn");
}
