// SPDX-License-Identifier: ISC
// Input: lines of an export, then after a NUL those of a checkpoint file. Without the signing keys
// nobody can write a log that verifies: held against a public key that the log can't hold, every
// log with content has problems; but no more than a few for each line, whatever its numbers are.
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/fuzz/fuzz.h"
#include "vault/audit/line.h"
#include "vault/audit/witness_file.h"

// Beside the gap before it, a line is reported a few times, once of them at the end.
enum { LINES_MAX = 200, PROBLEMS_MAX = LINES_MAX * (LIMIT_AUDIT_GAP_PROBLEMS + 8) };

static void count_problem(void *ctx, const struct audit_problem *p)
{
    REQUIRE(p->what != NULL && p->what[0] != '\0');
    ++*(int64_t *)ctx;
}

static void take_lines(struct audit_verifier *v, struct str text, struct arena *arena)
{
    for (size_t i = 0; i < LINES_MAX && text.len > 0; i++) {
        struct str one;
        struct audit_line line;
        str_split(text, '\n', &one, &text);
        if (status_ok(audit_line_parse(one, arena, &line)) && line.kind == AUDIT_LINE_ITEM) {
            REQUIRE(status_ok(audit_verifier_take(v, &line.item)));
        }
    }
}

static struct status hold_against(void *ctx, const struct audit_witness *w)
{
    audit_verifier_against(ctx, w);
    return OK_STATUS;
}

static void take_witness(struct audit_verifier *v, struct str text)
{
    char path[64];
    int fd = memfd_create("witness", MFD_CLOEXEC);
    REQUIRE(fd >= 0);
    if (text.len > 0) {
        REQUIRE(write(fd, text.ptr, text.len) == (ssize_t)text.len);
    }
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    status_ignore(audit_witness_read(path, hold_against, v)); // most inputs are no lines
    close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    CLEANUP(arena_cleanup) struct arena *arena = arena_new(LIMIT_ARENA_BYTES);
    CLEANUP(audit_verifier_cleanup) struct audit_verifier *v = NULL;
    static const uint8_t nobodys_key[32] = {1};
    int64_t reported = 0;
    struct audit_verifier_options options = {
        .first_key = BYTES_OF(nobodys_key), .report = count_problem, .ctx = &reported};
    struct str witness;
    struct str lines = fuzz_split(data, size, &witness);
    REQUIRE(status_ok(audit_verifier_new(&options, &v)));
    take_lines(v, lines, arena);
    audit_verifier_end(v);
    REQUIRE(reported <= PROBLEMS_MAX);
    take_witness(v, witness);
    struct audit_summary s = audit_verifier_summary(v);
    REQUIRE(s.problems == reported);
    REQUIRE(s.problems > 0 || (s.records == 0 && s.chains == 0 && s.checkpoints == 0));
    return 0;
}
