// SPDX-License-Identifier: ISC
#include "api/cli/table.h"

#include "api/cli/output.h"

struct table_row {
    struct table_row *next;
    struct str cells[CLI_TABLE_COLUMNS];
};

struct cli_table {
    struct arena *arena;
    const char *const *headings;
    size_t columns;
    size_t widths[CLI_TABLE_COLUMNS];
    struct table_row *first;
    struct table_row **last;
};

// Code points, which is close enough to columns for names and paths.
static size_t text_width(struct str s)
{
    size_t width = 0;
    for (size_t i = 0; i < s.len; i++) {
        width += ((unsigned char)s.ptr[i] & 0xC0) != 0x80;
    }
    return width;
}

static void widen(struct cli_table *t, size_t column, struct str cell)
{
    size_t width = text_width(cell);
    if (width > t->widths[column]) {
        t->widths[column] = width;
    }
}

struct status cli_table_new(struct arena *a, const char *const *headings, struct cli_table **out)
{
    struct cli_table *t = ARENA_NEW(a, struct cli_table);
    if (t == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    t->arena = a;
    t->headings = headings;
    t->last = &t->first;
    while (headings[t->columns] != NULL) {
        REQUIRE(t->columns < CLI_TABLE_COLUMNS);
        widen(t, t->columns, str_from_c(headings[t->columns]));
        t->columns++;
    }
    *out = t;
    return OK_STATUS;
}

struct status cli_table_add(struct cli_table *t, const struct str *cells)
{
    struct table_row *row = ARENA_NEW(t->arena, struct table_row);
    if (row == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (size_t i = 0; i < t->columns; i++) {
        row->cells[i] = cells[i];
        widen(t, i, cells[i]);
    }
    *t->last = row;
    t->last = &row->next;
    return OK_STATUS;
}

static void print_cell(const struct cli_table *t, size_t column, struct str cell,
                       struct buffer *into)
{
    cli_append_visible(into, cell);
    if (column + 1 == t->columns) {
        buffer_append_byte(into, '\n');
        return;
    }
    for (size_t i = text_width(cell); i < t->widths[column] + 2; i++) {
        buffer_append_byte(into, ' ');
    }
}

void cli_table_print(const struct cli_table *t, struct buffer *into)
{
    static const char dashes[] = "--------------------------------";
    for (size_t i = 0; i < t->columns; i++) {
        print_cell(t, i, str_from_c(t->headings[i]), into);
    }
    for (size_t i = 0; i < t->columns; i++) {
        print_cell(t, i, str_first(str_from_c(dashes), str_from_c(t->headings[i]).len), into);
    }
    for (const struct table_row *row = t->first; row != NULL; row = row->next) {
        for (size_t i = 0; i < t->columns; i++) {
            print_cell(t, i, row->cells[i], into);
        }
    }
}
