// SPDX-License-Identifier: ISC
#include "vault/audit/lines.h"

#include <stdlib.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "vault/base/limits.h"

struct lines_fixture {
    char path[64];
    struct audit_lines lines;
};

static void set_up(struct lines_fixture *f, struct str text, off_t size)
{
    *f = (struct lines_fixture){.path = "/tmp/rotunda-lines-XXXXXX"};
    int fd = mkstemp(f->path);
    assert_true(fd >= 0);
    assert_int_equal((ssize_t)text.len, write(fd, text.ptr, text.len));
    if (size > 0) {
        assert_int_equal(0, ftruncate(fd, size));
    }
    close(fd);
    assert_ok(audit_lines_open(&f->lines, f->path));
}

static void tear_down(struct lines_fixture *f)
{
    audit_lines_done(&f->lines);
    unlink(f->path);
}

static void assert_line(struct lines_fixture *f, const char *expected)
{
    struct str line;
    bool more;
    assert_ok(audit_lines_next(&f->lines, &line, &more));
    assert_true(more);
    assert_str(expected, line);
}

static void assert_end(struct lines_fixture *f)
{
    struct str line;
    bool more;
    assert_ok(audit_lines_next(&f->lines, &line, &more));
    assert_false(more);
}

static void lines_come_without_their_end(void **state)
{
    (void)state;
    struct lines_fixture f;
    set_up(&f, STR("one\n\n two \r\nthree"), 0);
    assert_line(&f, "one");
    assert_line(&f, "");
    assert_line(&f, "two");
    assert_line(&f, "three");
    assert_int_equal(4, f.lines.number);
    assert_end(&f);
    tear_down(&f);
}

static void a_file_without_lines_ends_at_once(void **state)
{
    (void)state;
    struct lines_fixture f;
    set_up(&f, STR(""), 0);
    assert_end(&f);
    tear_down(&f);
}

static void the_longest_line_is_taken(void **state)
{
    (void)state;
    struct lines_fixture f;
    struct str line;
    bool more;
    set_up(&f, STR("x"), LIMIT_AUDIT_LINE_BYTES);
    assert_ok(audit_lines_next(&f.lines, &line, &more));
    assert_true(more);
    assert_int_equal(LIMIT_AUDIT_LINE_BYTES, line.len);
    assert_end(&f);
    tear_down(&f);
}

static void an_endless_line_is_refused_and_takes_no_more_memory(void **state)
{
    (void)state;
    struct lines_fixture f;
    struct str line;
    bool more;
    set_up(&f, STR("first\nx"), (off_t)LIMIT_AUDIT_LINE_BYTES * 1000);
    assert_line(&f, "first");
    assert_status(TOO_LARGE, audit_lines_next(&f.lines, &line, &more));
    assert_int_equal(2, f.lines.number);
    assert_in_range(f.lines.line.capacity, 0, LIMIT_AUDIT_LINE_BYTES);
    tear_down(&f);
}

static void what_is_no_file_is_refused(void **state)
{
    (void)state;
    struct audit_lines lines CLEANUP(audit_lines_done) = {0};
    struct audit_lines folder CLEANUP(audit_lines_done) = {0};
    struct str line;
    bool more;
    assert_status(NOT_FOUND, audit_lines_open(&lines, "/nonexistent/file"));
    assert_ok(audit_lines_open(&folder, "/tmp"));
    assert_status(UNAVAILABLE, audit_lines_next(&folder, &line, &more));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(lines_come_without_their_end),
        cmocka_unit_test(a_file_without_lines_ends_at_once),
        cmocka_unit_test(the_longest_line_is_taken),
        cmocka_unit_test(an_endless_line_is_refused_and_takes_no_more_memory),
        cmocka_unit_test(what_is_no_file_is_refused),
    };
    return RUN_TESTS(tests);
}
