// SPDX-License-Identifier: ISC
// Files with a secret in them: the client's token and the static seal's key. Input: the content.
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "api/cli/token_file.h"
#include "tests/fuzz/fuzz.h"
#include "vault/seal/key_file.h"
#include "vault/seal/seal.h"

enum { TOKEN_MAX_BYTES = 8192 };

static char path[] = "/tmp/rotunda-fuzz-XXXXXX";

static void remove_file(void)
{
    unlink(path);
}

static void write_file(const uint8_t *data, size_t size)
{
    static bool made;
    int fd = made ? open(path, O_WRONLY | O_TRUNC | O_CLOEXEC) : mkstemp(path);
    REQUIRE(fd >= 0);
    if (!made) {
        REQUIRE(atexit(remove_file) == 0);
        made = true;
    }
    REQUIRE(write(fd, data, size) == (ssize_t)size);
    close(fd);
}

// The first line, without blanks around it, and nothing else.
static void check_token(struct str content)
{
    struct cli_problem why = {""};
    struct secret *token = NULL;
    struct str line;
    struct str rest;
    str_split(content, '\n', &line, &rest);
    struct status s = cli_token_file_read(str_from_c(path), &why, &token);
    if (status_ok(s)) {
        REQUIRE(secret_equal_bytes(token, bytes_from_str(str_trim(line))));
    } else {
        REQUIRE(str_trim(line).len == 0 || line.len > TOKEN_MAX_BYTES || why.text[0] != '\0');
    }
    secret_free(token);
}

static void check_key(struct str content)
{
    const struct seal_key_place place = {.file = path};
    struct secret *key = NULL;
    if (status_ok(key_file_read(&place, &key))) {
        struct str text = str_trim(content);
        REQUIRE(secret_len(key) == SEAL_KEY_BYTES);
        REQUIRE(content.len == SEAL_KEY_BYTES || text.len > SEAL_KEY_BYTES);
    }
    secret_free(key);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str content = {(const char *)data, size};
    fuzz_secret_memory();
    write_file(data, size);
    check_token(content);
    check_key(content);
    return 0;
}
