// SPDX-License-Identifier: ISC
// Runs the command line against a scripted server and keeps what it printed.
#pragma once

#include "tests/support/test.h"
#include "tests/unit/cli/http_fixture.h"

enum { CLI_FIXTURE_OUTPUT = 64 * 1024 };

#define CLI_FIXTURE_TOKEN "s.fixture-token"

struct cli_fixture {
    struct http_fixture server;
    char folder[64];   // a private one for files
    const char *input; // standard input of the next run; NULL: empty
    int exit_code;     // of the last run
    char out[CLI_FIXTURE_OUTPUT];
    char err[CLI_FIXTURE_OUTPUT];
};

// Secret memory and libcurl, once for the test program.
int cli_fixture_group(void **state);
// For cmocka_unit_test_setup_teardown(): *state is a struct cli_fixture. The environment has no
// setting but a token and a token file in the folder.
int cli_fixture_setup(void **state);
int cli_fixture_teardown(void **state);

// "kv get -field=a secret/x", split at blanks; no server.
void cli_fixture_run(struct cli_fixture *f, const char *line);
// The same with a server that gives these answers.
void cli_fixture_run_with(struct cli_fixture *f, const char *line,
                          const struct http_answer *answers, size_t count);
// Writes a file into the folder; returns its path, borrowed until the next call.
const char *cli_fixture_file(struct cli_fixture *f, const char *name, const char *contents);

#define assert_contains(text, part)                                                                \
    do {                                                                                           \
        if (strstr((text), (part)) == NULL) {                                                      \
            fail_msg("expected \"%s\" in \"%s\"", (part), (text));                                 \
        }                                                                                          \
    } while (0)
#define assert_lacks(text, part)                                                                   \
    do {                                                                                           \
        if (strstr((text), (part)) != NULL) {                                                      \
            fail_msg("did not expect \"%s\" in \"%s\"", (part), (text));                           \
        }                                                                                          \
    } while (0)
