// SPDX-License-Identifier: ISC
// Every pair of small patterns against every small path, compared with the priority order written
// down as naively as possible (known hole 27, CVE-2026-89322: inconsistent evaluation).
#include "tests/unit/policy/policy_fixture.h"

enum { PATTERNS = 3 + 9 + 27, PATHS = 2 + 4 + 8 };

struct words {
    char text[16];
};

// All sequences of one to three words out of `choices`, joined by slashes.
static size_t sequences(struct words *out, const char *const *choices, size_t choice_count)
{
    size_t used = 0;
    for (size_t i = 0; i < choice_count; i++) {
        snprintf(out[used++].text, sizeof out->text, "%s", choices[i]);
    }
    // Each sequence in turn, longer ones included, is continued by every word.
    for (size_t done = 0; strlen(out[done].text) < strlen("a/b/c"); done++) {
        struct words head = out[done];
        for (size_t i = 0; i < choice_count; i++) {
            snprintf(out[used++].text, sizeof out->text, "%.8s/%s", head.text, choices[i]);
        }
    }
    return used;
}

struct naive {
    char text[20]; // without the star
    bool star;
    int first;
    int plus;
};

static struct naive naive_of(const char *pattern)
{
    struct naive n = {.first = -1};
    size_t len = strlen(pattern);
    n.star = pattern[len - 1] == '*';
    snprintf(n.text, sizeof n.text, "%.*s", (int)len - (n.star ? 1 : 0), pattern);
    for (int i = 0; pattern[i] != '\0'; i++) {
        n.plus += pattern[i] == '+';
        if (n.first < 0 && (pattern[i] == '+' || pattern[i] == '*')) {
            n.first = i;
        }
    }
    return n;
}

static bool naive_matches(const char *pattern, const char *path)
{
    if (*pattern == '*') {
        return true;
    }
    if (*pattern == '+') {
        size_t segment = strcspn(path, "/");
        return naive_matches(pattern + 1, path + segment);
    }
    if (*pattern == '\0' || *pattern != *path) {
        return *pattern == '\0' && *path == '\0';
    }
    return naive_matches(pattern + 1, path + 1);
}

// Whether `a` beats `b`; both match.
static bool naive_beats(const char *a, const char *b)
{
    struct naive x = naive_of(a);
    struct naive y = naive_of(b);
    if ((x.first < 0) != (y.first < 0)) {
        return x.first < 0;
    }
    if (x.first != y.first) {
        return x.first > y.first;
    }
    if (x.star != y.star) {
        return y.star;
    }
    if (x.plus != y.plus) {
        return x.plus < y.plus;
    }
    if (strlen(x.text) != strlen(y.text)) {
        return strlen(x.text) > strlen(y.text);
    }
    return strcmp(x.text, y.text) > 0;
}

static bool naive_allows(const char *granted, const char *denied, const char *path)
{
    if (!naive_matches(granted, path)) {
        return false;
    }
    return !naive_matches(denied, path) ||
           (strcmp(granted, denied) != 0 && naive_beats(granted, denied));
}

static void check_pair(const char *granted, const char *denied, const struct words *paths,
                       size_t path_count)
{
    char grant[64];
    char deny[64];
    snprintf(grant, sizeof grant, "path \"%s\" { capabilities = [\"read\"] }", granted);
    snprintf(deny, sizeof deny, "path \"%s\" { capabilities = [\"deny\"] }", denied);
    CLEANUP(fixture_done) struct fixture f;
    fixture_open(&f, grant, deny);
    for (size_t i = 0; i < path_count; i++) {
        const char *path = paths[i].text;
        bool want = naive_allows(granted, denied, path);
        if (fixture_may(&f, POLICY_OP_READ, path) != want) {
            fail_msg("grant %s, deny %s, ask %s: expected %d", granted, denied, path, want);
        }
    }
}

static void known_hole_27_every_pair_of_patterns_agrees_with_the_written_order(void **state)
{
    (void)state;
    static const char *const pieces[] = {"a", "b", "+"};
    static const char *const names[] = {"a", "b"};
    static const char *const endings[] = {"", "*", "/*"};
    struct words base[PATTERNS];
    struct words paths[PATHS];
    struct words patterns[PATTERNS * 3];
    size_t base_count = sequences(base, pieces, 3);
    size_t path_count = sequences(paths, names, 2);
    assert_int_equal(PATTERNS, base_count);
    assert_int_equal(PATHS, path_count);
    size_t count = 0;
    for (size_t i = 0; i < base_count; i++) {
        bool plus_at_end = base[i].text[strlen(base[i].text) - 1] == '+';
        for (size_t j = 0; j < 3; j++) {
            if (j == 1 && plus_at_end) {
                continue; // "+*" is refused
            }
            snprintf(patterns[count++].text, sizeof patterns[0].text, "%.10s%s", base[i].text,
                     endings[j]);
        }
    }
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < count; j++) {
            check_pair(patterns[i].text, patterns[j].text, paths, path_count);
        }
    }
}

static const char *const PREFIXES[] = {"*", "a*", "aa*", "ab*", "aab*", "abb*", "b*", "bb*"};

static const char *longest_prefix(unsigned chosen, const char *path)
{
    const char *best = "";
    for (size_t i = 0; i < ARRAY_LEN(PREFIXES); i++) {
        bool in = (chosen >> i & 1) != 0 && naive_matches(PREFIXES[i], path);
        if (in && strlen(PREFIXES[i]) > strlen(best)) {
            best = PREFIXES[i];
        }
    }
    return best;
}

static void check_subset(unsigned chosen)
{
    char text[1024] = "";
    size_t len = 0;
    for (size_t i = 0; i < ARRAY_LEN(PREFIXES); i++) {
        if (chosen >> i & 1) {
            len += (size_t)snprintf(text + len, sizeof text - len,
                                    "path \"%s\" { capabilities = [\"read\"] }\n", PREFIXES[i]);
        }
    }
    CLEANUP(fixture_done) struct fixture f;
    fixture_open(&f, text);
    for (unsigned n = 1; n < 32; n++) { // the digits after the leading one spell the path
        char path[6];
        size_t at = 0;
        for (int bit = 31 - __builtin_clz(n) - 1; bit >= 0; bit--) {
            path[at++] = (n >> bit & 1) != 0 ? 'b' : 'a';
        }
        path[at] = '\0';
        const struct acl_request request = {.path = str_from_c(path)};
        struct acl_explanation e;
        acl_explain(f.acl, &request, &e);
        assert_str(longest_prefix(chosen, path), e.pattern);
    }
}

static void the_longest_of_any_set_of_prefixes_decides(void **state)
{
    (void)state;
    for (unsigned chosen = 0; chosen < 1U << ARRAY_LEN(PREFIXES); chosen++) {
        check_subset(chosen);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_hole_27_every_pair_of_patterns_agrees_with_the_written_order),
        cmocka_unit_test(the_longest_of_any_set_of_prefixes_decides),
    };
    return RUN_TESTS(tests);
}
