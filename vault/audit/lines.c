// SPDX-License-Identifier: ISC
#include "vault/audit/lines.h"

#include <errno.h>

#include "vault/base/limits.h"

enum { CHUNK_BYTES = 4096 };

void audit_lines_done(struct audit_lines *l)
{
    buffer_done(&l->line);
    if (l->file != NULL) {
        fclose(l->file);
        l->file = NULL;
    }
}

struct status audit_lines_open(struct audit_lines *l, const char *path)
{
    buffer_init(&l->line, LIMIT_AUDIT_LINE_BYTES);
    l->number = 0;
    l->file = fopen(path, "re");
    if (l->file == NULL && errno == ENOMEM) {
        FAIL(NOMEM, "out of memory");
    }
    if (l->file == NULL) {
        FAIL(NOT_FOUND, "the file can't be opened");
    }
    return OK_STATUS;
}

// Up to the line's end, or as much as fits. False at the line's end and at that of the file.
static bool read_chunk(FILE *file, uint8_t chunk[CHUNK_BYTES], size_t *out_len)
{
    size_t len = 0;
    int c = 0;
    while (len < CHUNK_BYTES && (c = getc_unlocked(file)) != EOF) {
        chunk[len++] = (uint8_t)c;
        if (c == '\n') {
            break;
        }
    }
    *out_len = len;
    return c != '\n' && c != EOF;
}

struct status audit_lines_next(struct audit_lines *l, struct str *out, bool *out_more)
{
    bool goes_on = true;
    buffer_clear(&l->line);
    l->number++;
    while (goes_on) {
        uint8_t chunk[CHUNK_BYTES];
        size_t len;
        goes_on = read_chunk(l->file, chunk, &len);
        buffer_append(&l->line, (struct bytes){chunk, len});
        if (buffer_status(&l->line).code == STATUS_TOO_LARGE) {
            FAIL(TOO_LARGE, "the line is too long: no log has one of more than 4 MiB");
        }
        TRY(buffer_status(&l->line));
    }
    // Whatever isn't the end must not look like it: the lines that are left count.
    if (ferror(l->file) != 0) {
        FAIL(UNAVAILABLE, "the file can't be read");
    }
    *out = str_trim(buffer_str(&l->line));
    *out_more = l->line.len > 0;
    return OK_STATUS;
}
