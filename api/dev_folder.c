// SPDX-License-Identifier: ISC
#include "api/dev_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/base/buffer.h"
#include "vault/crypto/random.h"
#include "vault/seal/seal.h"

enum { TOKEN_BYTES_MAX = 256 };

static void close_file(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static struct status choose_user(struct dev_folder *f)
{
    if (geteuid() != 0) {
        return OK_STATUS;
    }
    const struct passwd *user = getpwnam("postgres");
    if (user == NULL) {
        user = getpwnam("nobody");
    }
    if (user == NULL || user->pw_uid == 0) {
        FAIL(UNAVAILABLE, "PostgreSQL can't run as root, and there is no user postgres or nobody");
    }
    f->switch_user = true;
    f->uid = user->pw_uid;
    f->gid = user->pw_gid;
    return OK_STATUS;
}

// Others may pass through to their own folder below only when PostgreSQL is such another.
static mode_t folder_mode(const struct dev_folder *f)
{
    return f->switch_user ? 0711 : 0700;
}

static struct status make_temporary(struct dev_folder *f)
{
    const char *parent = getenv("TMPDIR");
    int length = snprintf(f->path, sizeof f->path, "%s/rotunda-dev.XXXXXX",
                          parent == NULL || parent[0] != '/' ? "/tmp" : parent);
    if (length >= (int)sizeof f->path) {
        FAIL(INVALID, "the path of the temporary folder is too long for a unix socket");
    }
    if (mkdtemp(f->path) == NULL || chmod(f->path, folder_mode(f)) != 0) {
        FAIL(UNAVAILABLE, "no temporary folder can be made");
    }
    f->temporary = true;
    return OK_STATUS;
}

static struct status make_named(struct str wanted, struct dev_folder *f)
{
    char name[DEV_FOLDER_BYTES];
    if (wanted.len >= sizeof name) {
        FAIL(INVALID, "the folder's path is too long for a unix socket in it: at most 79 octets");
    }
    snprintf(name, sizeof name, "%.*s", STR_ARG(wanted));
    if (mkdir(name, 0700) == 0) {
        if (chmod(name, folder_mode(f)) != 0) {
            FAIL(UNAVAILABLE, "the folder can't be given its mode");
        }
    } else if (errno != EEXIST) {
        FAIL(INVALID, "the folder can't be made; the one above it must exist");
    }
    char *whole = realpath(name, NULL);
    bool fits = whole != NULL && strlen(whole) < sizeof f->path;
    if (fits) {
        memcpy(f->path, whole, strlen(whole) + 1);
    }
    free(whole);
    if (!fits) {
        FAIL(INVALID, "the folder's path is too long for a unix socket in it: at most 79 octets");
    }
    return OK_STATUS;
}

static void set_paths(struct dev_folder *f)
{
    snprintf(f->postgres, sizeof f->postgres, "%s/postgres", f->path);
    snprintf(f->seal_key, sizeof f->seal_key, "%s/seal-key", f->path);
    snprintf(f->root_token, sizeof f->root_token, "%s/root-token", f->path);
}

static bool is_empty(const char *path)
{
    DIR *folder = opendir(path);
    bool empty = folder != NULL;
    const struct dirent *entry;
    while (folder != NULL && (entry = readdir(folder)) != NULL) {
        empty = empty && (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0);
    }
    if (folder != NULL) {
        closedir(folder);
    }
    return empty;
}

// A new file, complete or not there at all.
static struct status write_file(const char *path, struct bytes content)
{
    char moving[DEV_PATH_BYTES + 8];
    snprintf(moving, sizeof moving, "%s.new", path);
    unlink(moving);
    int fd CLEANUP(close_file) = open(moving, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
    if (fd < 0 || write(fd, content.ptr, content.len) != (ssize_t)content.len || fsync(fd) != 0 ||
        rename(moving, path) != 0) {
        FAIL(UNAVAILABLE, "a file in the folder can't be written");
    }
    return OK_STATUS;
}

static struct status make_seal_key(const struct dev_folder *f)
{
    if (access(f->seal_key, F_OK) == 0) {
        return OK_STATUS;
    }
    if (!is_empty(f->path)) {
        FAIL(INVALID, "the folder isn't empty and wasn't made by `rotunda dev`");
    }
    struct buffer key CLEANUP(buffer_done);
    buffer_init(&key, SEAL_KEY_BYTES);
    uint8_t *octets = buffer_extend(&key, SEAL_KEY_BYTES);
    if (octets == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    random_fill(octets, SEAL_KEY_BYTES);
    return write_file(f->seal_key, buffer_bytes(&key));
}

static struct status make_postgres_folder(const struct dev_folder *f)
{
    if (mkdir(f->postgres, 0700) != 0 && errno != EEXIST) {
        FAIL(UNAVAILABLE, "the folder for PostgreSQL can't be made");
    }
    if (f->switch_user && lchown(f->postgres, f->uid, f->gid) != 0) {
        FAIL(UNAVAILABLE, "the folder for PostgreSQL can't be handed to its user");
    }
    return OK_STATUS;
}

struct status dev_folder_open(struct str wanted, struct dev_folder *out)
{
    struct dev_folder f = {.path = ""};
    TRY(choose_user(&f));
    TRY(wanted.len == 0 ? make_temporary(&f) : make_named(wanted, &f));
    set_paths(&f);
    TRY(make_seal_key(&f));
    TRY(make_postgres_folder(&f));
    *out = f;
    return OK_STATUS;
}

static void remove_entries(int folder);

static void remove_entry(int parent, const char *name)
{
    if (unlinkat(parent, name, 0) == 0 || errno != EISDIR) {
        return;
    }
    int folder = openat(parent, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (folder >= 0) {
        remove_entries(folder);
    }
    unlinkat(parent, name, AT_REMOVEDIR);
}

// Takes the descriptor over.
static void remove_entries(int folder)
{
    DIR *entries = fdopendir(folder);
    if (entries == NULL) {
        close(folder);
        return;
    }
    const struct dirent *entry;
    while ((entry = readdir(entries)) != NULL) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            remove_entry(folder, entry->d_name);
        }
    }
    closedir(entries);
}

void dev_folder_remove(const char *path)
{
    remove_entry(AT_FDCWD, path);
}

struct status dev_folder_save_token(const struct dev_folder *f, const struct secret *token)
{
    return write_file(f->root_token, secret_view(token));
}

struct status dev_folder_load_token(const struct dev_folder *f, struct secret **out)
{
    int fd CLEANUP(close_file) = open(f->root_token, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        FAIL(NOT_FOUND, "there is no root-token in the folder");
    }
    struct secret *token CLEANUP(secret_cleanup) = secret_new(TOKEN_BYTES_MAX);
    if (token == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    ssize_t got = read(fd, secret_data(token), secret_len(token));
    if (got <= 0) {
        FAIL(NOT_FOUND, "root-token in the folder is empty");
    }
    secret_truncate(token, (size_t)got);
    *out = TAKE(token);
    return OK_STATUS;
}
