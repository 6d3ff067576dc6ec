// SPDX-License-Identifier: ISC
#include <stdio.h>
#include <unistd.h>

#include "tests/unit/audit/audit_fixture.h"
#include "vault/audit/checkpoint.h"
#include "vault/audit/walk.h"
#include "vault/audit/witness_file.h"

enum { PATH_BYTES = 64, ARENA_BYTES = 1024 * 1024 };

static void body_lists(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    audit_fixture_start(f, 1);
    audit_fixture_append(f, 0, 2);
    audit_fixture_checkpoint(f);
    audit_fixture_stop(f, 0);
    audit_fixture_checkpoint(f);
    audit_fixture_checkpoint(f);
    assert_int_equal(2,
                     audit_fixture_count(f, "SELECT count(*) FROM audit_claim WHERE number = 1"));
    assert_int_equal(1, audit_fixture_count(f, "SELECT chain_id FROM audit_claim "
                                               "WHERE number = 2 AND closed"));
    assert_int_equal(1,
                     audit_fixture_count(f, "SELECT count(*) FROM audit_claim WHERE number = 3"));
    assert_ok(audit_checkpoint_check_newest(f->admin));
    assert_int_equal(0, audit_fixture_verify(f).summary.problems);
}

static void a_checkpoint_lists_what_is_open_or_newly_closed(void **state)
{
    (void)state;
    audit_fixture_run(body_lists);
}

static void body_start(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 3);
    audit_fixture_checkpoint(f);
    audit_fixture_append(f, 0, 3);
    assert_ok(audit_checkpoint_check_newest(f->admin));
    audit_fixture_sql(f, "BEGIN; DELETE FROM audit_record WHERE seq >= 3");
    assert_status(INTEGRITY, audit_checkpoint_check_newest(f->admin));
    audit_fixture_sql(f, "ROLLBACK; BEGIN; UPDATE audit_claim SET seq = 2");
    assert_status(INTEGRITY, audit_checkpoint_check_newest(f->admin));
    audit_fixture_sql(f, "ROLLBACK; BEGIN; UPDATE audit_checkpoint SET signature = sha512('x')");
    assert_status(INTEGRITY, audit_checkpoint_check_newest(f->admin));
    audit_fixture_sql(f, "ROLLBACK");
}

static void a_start_finds_what_the_newest_checkpoint_misses(void **state)
{
    (void)state;
    audit_fixture_run(body_start);
}

static void body_altered(struct audit_fixture *f)
{
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 3);
    audit_fixture_checkpoint(f);
    audit_fixture_append(f, 0, 2);
    audit_fixture_sql(f, "UPDATE audit_record SET path = 'x' WHERE seq = 5");
    audit_fixture_checkpoint(f);
    assert_int_equal(3, audit_fixture_count(f, "SELECT seq FROM audit_claim WHERE number = 2"));
    assert_int_equal(5, audit_fixture_verify(f).first.seq);
}

static void a_checkpoint_never_vouches_for_an_altered_tail(void **state)
{
    (void)state;
    audit_fixture_run(body_altered);
}

// ---- a witness

static struct status append_to_file(struct audit_fixture *f, int64_t number, const char *path)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ARENA_BYTES);
    struct audit_witness w;
    TRY(audit_checkpoint_load(f->admin, number, arena, &w));
    return audit_witness_append(path, &w);
}

struct comparison {
    struct audit_verifier *verifier;
    struct audit_problem first;
};

static void note_problem(void *ctx, const struct audit_problem *p)
{
    struct comparison *c = ctx;
    if (c->first.what == NULL) {
        c->first = *p;
    }
}

static struct status compare_one(void *ctx, const struct audit_witness *w)
{
    const struct comparison *c = ctx;
    audit_verifier_against(c->verifier, w);
    return OK_STATUS;
}

static struct audit_problem compare(struct audit_fixture *f, const char *path)
{
    struct comparison c = {0};
    const struct audit_verifier_options options = {.report = note_problem, .ctx = &c};
    assert_ok(audit_verifier_new(&options, &c.verifier));
    assert_ok(audit_walk(f->admin, &AUDIT_FILTER_NONE, audit_verifier_take, c.verifier));
    audit_verifier_end(c.verifier);
    assert_int_equal(0, audit_verifier_summary(c.verifier).problems);
    assert_ok(audit_witness_read(path, compare_one, &c));
    audit_verifier_free(c.verifier);
    return c.first;
}

static void write_with_witness(struct audit_fixture *f, char path[PATH_BYTES])
{
    snprintf(path, PATH_BYTES, "/tmp/rotunda-witness.%d", getpid());
    unlink(path);
    audit_fixture_start(f, 0);
    audit_fixture_append(f, 0, 3);
    audit_fixture_checkpoint(f);
    assert_ok(append_to_file(f, 1, path));
    audit_fixture_append(f, 0, 3);
    audit_fixture_checkpoint(f);
    assert_ok(append_to_file(f, 2, path));
}

static void body_cut(struct audit_fixture *f)
{
    char path[PATH_BYTES];
    write_with_witness(f, path);
    assert_null(compare(f, path).what);
    // So that nothing within the log contradicts it.
    audit_fixture_sql(f, "DELETE FROM audit_record WHERE seq > 3; "
                         "DELETE FROM audit_batch WHERE last_seq > 3; "
                         "DELETE FROM audit_checkpoint WHERE number = 2; "
                         "DELETE FROM audit_claim WHERE number = 2");
    assert_int_equal(2, compare(f, path).checkpoint);
    unlink(path);
}

static void a_witness_shows_a_tail_that_was_cut_without_a_trace(void **state)
{
    (void)state;
    audit_fixture_run(body_cut);
}

static void body_other(struct audit_fixture *f)
{
    char path[PATH_BYTES];
    write_with_witness(f, path);
    char text[4096] = "";
    FILE *file = fopen(path, "r+e");
    assert_non_null(file);
    assert_true(fread(text, 1, sizeof text - 1, file) > 0);
    const char *at = strstr(text, "\"seq\":3");
    assert_non_null(at);
    assert_int_equal(0, fseek(file, at - text + 6, SEEK_SET));
    assert_true(fputc('2', file) != EOF);
    fclose(file);
    assert_int_equal(1, compare(f, path).checkpoint);
    unlink(path);
}

static void an_altered_witness_is_told_from_an_altered_log(void **state)
{
    (void)state;
    audit_fixture_run(body_other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_checkpoint_lists_what_is_open_or_newly_closed),
        cmocka_unit_test(a_start_finds_what_the_newest_checkpoint_misses),
        cmocka_unit_test(a_checkpoint_never_vouches_for_an_altered_tail),
        cmocka_unit_test(a_witness_shows_a_tail_that_was_cut_without_a_trace),
        cmocka_unit_test(an_altered_witness_is_told_from_an_altered_log),
    };
    return RUN_TESTS(tests);
}
