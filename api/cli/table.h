// SPDX-License-Identifier: ISC
// Tables for people: columns as wide as their widest cell, two blanks apart, headings underlined.
#pragma once

#include "vault/base/arena.h"
#include "vault/base/buffer.h"

enum { CLI_TABLE_COLUMNS = 8 };

struct cli_table;

// `headings` is ended by NULL and borrowed. NOMEM.
struct status cli_table_new(struct arena *a, const char *const *headings, struct cli_table **out);
// One cell for each heading; texts are borrowed until printed. NOMEM.
struct status cli_table_add(struct cli_table *t, const struct str *cells);
void cli_table_print(const struct cli_table *t, struct buffer *into);
