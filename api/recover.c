// SPDX-License-Identifier: ISC
#include "api/recover.h"

#include <stdio.h>
#include <string.h>

#include "api/cli/output.h"
#include "api/cli/terminal.h"
#include "vault/base/json.h"
#include "vault/crypto/encoding.h"
#include "vault/crypto/recovery.h"
#include "vault/seal/share.h"
#include "vault/seal/split.h"

enum { LINE_BYTES = 256, ARENA_BYTES = 4 * 1024 * 1024 };

struct shares {
    uint8_t numbers[SEAL_SHARES_MAX];
    uint8_t set_id[SEAL_SET_ID_BYTES];
    size_t count;
    struct secret *keys; // SEAL_KEY_BYTES each
};

static struct status add_share(struct shares *s, const struct secret *line)
{
    struct secret *share CLEANUP(secret_cleanup) = NULL;
    TRY(share_decode(str_from_bytes(secret_view(line)), &share));
    struct bytes set_id = share_set_id(share);
    if (s->count > 0 && !bytes_equal(BYTES_OF(s->set_id), set_id)) {
        FAIL(INVALID, "these shares belong to different keys");
    }
    uint8_t number = (uint8_t)share_number(share);
    if (s->count == SEAL_SHARES_MAX || memchr(s->numbers, number, s->count) != NULL) {
        FAIL(INVALID, "the same share was given twice");
    }
    memcpy(s->set_id, set_id.ptr, sizeof s->set_id);
    memcpy(secret_data(s->keys) + s->count * SEAL_KEY_BYTES, share_key(share).ptr, SEAL_KEY_BYTES);
    s->numbers[s->count++] = number;
    return OK_STATUS;
}

static struct status read_shares(struct cli_problem *why, struct secret **out)
{
    struct shares s = {.keys = secret_new((size_t)SEAL_SHARES_MAX * SEAL_KEY_BYTES)};
    struct secret *keys CLEANUP(secret_cleanup) = s.keys;
    if (keys == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    for (;;) {
        struct secret *line CLEANUP(secret_cleanup) = NULL;
        TRY(cli_read_secret_line(0, LINE_BYTES, why, &line));
        if (secret_len(line) == 0) {
            break;
        }
        TRY(add_share(&s, line));
    }
    if (s.count == 0) {
        FAIL(INVALID, "no share was given: one a line, on standard input");
    }
    struct bytes all = {secret_view(keys).ptr, s.count * SEAL_KEY_BYTES};
    return split_combine(s.numbers, all, s.count, out);
}

static struct status octets(struct json_value copy, const char *name, struct secret **out)
{
    struct str text;
    TRY(json_as_str(json_get(copy, name), &text));
    return encoding_from_base64(text, out);
}

static struct status open_copy(const struct secret *key, struct json_value copy,
                               struct secret **out)
{
    struct secret *public_key CLEANUP(secret_cleanup) = NULL;
    struct secret *wrapped CLEANUP(secret_cleanup) = NULL;
    struct secret *sealed CLEANUP(secret_cleanup) = NULL;
    TRY(octets(copy, "public_key", &public_key));
    TRY(octets(copy, "wrapped_private_key", &wrapped));
    TRY(octets(copy, "sealed", &sealed));
    return recovery_open(key, secret_view(public_key), secret_view(wrapped), secret_view(sealed),
                         out);
}

static void print_copy(struct json_value copy, const struct secret *value)
{
    static const char *const shown[] = {"state", "created_at", "username"};
    for (size_t i = 0; i < ARRAY_LEN(shown); i++) {
        struct str text = cli_value_text(json_get(copy, shown[i]));
        printf("%.*s ", STR_ARG(text));
    }
    fwrite(secret_view(value).ptr, 1, secret_len(value), stdout);
    putchar('\n');
}

static struct status recover(const char *path, struct cli_problem *why)
{
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(ARENA_BYTES);
    CLEANUP(cli_buffer_done) struct buffer text;
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct json_value file;
    buffer_init(&text, LIMIT_BODY_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(cli_read_file(str_from_c(path), -1, why, &text));
    if (!status_ok(json_parse(buffer_str(&text), NULL, arena, &file, NULL))) {
        FAIL(INVALID, "the file isn't what `rotation target recovery -format=json` writes");
    }
    TRY(read_shares(why, &key));
    struct json_value inner = json_get(file, "data");
    struct json_iter it = json_iterate(json_get(json_present(inner) ? inner : file, "copies"));
    int opened = 0;
    while (json_next(&it)) {
        struct secret *value CLEANUP(secret_cleanup) = NULL;
        if (status_ok(open_copy(key, it.value, &value))) {
            print_copy(it.value, value);
            opened++;
        }
    }
    if (opened == 0) {
        FAIL(INTEGRITY, "these shares open none of the copies: too few of them, or of another key");
    }
    return OK_STATUS;
}

int recover_main(int argc, char **argv)
{
    struct cli_problem why = {0};
    if (argc != 1 || argv[0][0] == '-') {
        fputs(RECOVER_HELP, stderr);
        return 1;
    }
    struct status s = secret_system_init(false);
    s = status_ok(s) ? recover(argv[0], &why) : s;
    if (status_ok(s)) {
        return 0;
    }
    fprintf(stderr, "rotunda: %s\n", why.text[0] != '\0' ? why.text : s.what);
    return 1;
}
