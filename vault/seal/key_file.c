// SPDX-License-Identifier: ISC
#include "vault/seal/key_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/crypto/encoding.h"
#include "vault/crypto/hash.h"

enum { FILE_MAX_BYTES = 256 };

bool key_file_is_given(const struct seal_key_place *place)
{
    return place->file != NULL || place->credential != NULL;
}

static struct status credential_path(const char *name, char out[PATH_MAX])
{
    const char *directory = getenv("CREDENTIALS_DIRECTORY");
    if (directory == NULL || directory[0] != '/') {
        FAIL(INVALID, "there are no systemd credentials: CREDENTIALS_DIRECTORY isn't set");
    }
    if (name[0] == '\0' || name[0] == '.' || strchr(name, '/') != NULL) {
        FAIL(INVALID, "the name of a systemd credential has no slash and no dot in front");
    }
    int len = snprintf(out, PATH_MAX, "%s/%s", directory, name);
    if (len < 0 || len >= PATH_MAX) {
        FAIL(INVALID, "the path of the systemd credential is too long");
    }
    return OK_STATUS;
}

static void close_cleanup(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

// Looks at the open file, so that what is checked is what is read.
static struct status check_file(int fd, bool is_credential)
{
    struct stat st;
    if (fstat(fd, &st) != 0) {
        FAIL(UNAVAILABLE, "the key file can't be examined");
    }
    if (!S_ISREG(st.st_mode)) {
        FAIL(INVALID, "the key file isn't a regular file");
    }
    if (st.st_uid != 0 && st.st_uid != geteuid()) {
        FAIL(INVALID, "the key file must belong to root or to the user the vault runs as");
    }
    mode_t forbidden = is_credential ? S_IRWXO | S_IWGRP : S_IRWXG | S_IRWXO;
    if ((st.st_mode & forbidden) != 0) {
        FAIL(INVALID, "the key file can be reached by others: chmod 0400 it");
    }
    if (st.st_size > FILE_MAX_BYTES) {
        FAIL(INVALID, "the key file is too long for a key");
    }
    return OK_STATUS;
}

static struct status read_all(int fd, struct secret **out)
{
    struct secret *content CLEANUP(secret_cleanup) = secret_new(FILE_MAX_BYTES);
    if (content == NULL) {
        FAIL(NOMEM, "out of locked memory");
    }
    size_t len = 0;
    while (len < FILE_MAX_BYTES) {
        ssize_t got = read(fd, secret_data(content) + len, FILE_MAX_BYTES - len);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            FAIL(UNAVAILABLE, "the key file can't be read");
        }
        if (got == 0) {
            break;
        }
        len += (size_t)got;
    }
    secret_truncate(content, len);
    *out = TAKE(content);
    return OK_STATUS;
}

// All bytes alike: an empty disk block or a placeholder, never a key.
static bool is_uniform(struct bytes key)
{
    struct bytes all_but_last = {key.ptr, key.len - 1};
    struct bytes all_but_first = {key.ptr + 1, key.len - 1};
    return hash_equal(all_but_last, all_but_first);
}

static struct status parse(const struct secret *content, struct secret **out)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    struct str text = str_trim(str_from_bytes(secret_view(content)));
    if (secret_len(content) == SEAL_KEY_BYTES) {
        TRY(secret_copy(secret_view(content), &key));
    } else {
        struct status s = text.len == (size_t)SEAL_KEY_BYTES * 2 ? encoding_from_hex(text, &key)
                                                                 : encoding_from_base64(text, &key);
        if (s.code == STATUS_NOMEM) {
            return s;
        }
    }
    if (secret_len(key) != SEAL_KEY_BYTES) {
        FAIL(INVALID, "the key file must hold 32 bytes, or their hexadecimal or base64 text");
    }
    if (is_uniform(secret_view(key))) {
        FAIL(INVALID, "the key file holds a placeholder: make a key with openssl rand 32");
    }
    *out = TAKE(key);
    return OK_STATUS;
}

struct status key_file_read(const struct seal_key_place *place, struct secret **out)
{
    if ((place->file != NULL) == (place->credential != NULL)) {
        FAIL(INVALID, "a static seal needs either a key file or a systemd credential");
    }
    char credential[PATH_MAX];
    const char *path = place->file;
    if (path == NULL) {
        TRY(credential_path(place->credential, credential));
        path = credential;
    }
    // O_NONBLOCK: opening a FIFO must not hang the start.
    int fd CLEANUP(close_cleanup) = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
    if (fd < 0) {
        FAIL(UNAVAILABLE, "the key file can't be opened");
    }
    struct secret *content CLEANUP(secret_cleanup) = NULL;
    TRY(check_file(fd, place->credential != NULL));
    TRY(read_all(fd, &content));
    return parse(content, out);
}
