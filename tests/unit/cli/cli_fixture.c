// SPDX-License-Identifier: ISC
#include "tests/unit/cli/cli_fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/cli/cli.h"

int cli_fixture_group(void **state)
{
    (void)state;
    bool ready = status_ok(secret_system_init(true)) && status_ok(cli_client_system_init());
    return ready ? 0 : -1;
}

static void clear_environment(void)
{
    static const char *const names[] = {"ADDR",           "TOKEN",     "CACERT",      "NAMESPACE",
                                        "FORMAT",         "WRAP_TTL",  "CLIENT_CERT", "CLIENT_KEY",
                                        "CLIENT_TIMEOUT", "TOKEN_FILE"};
    char full[64];
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        snprintf(full, sizeof full, "ROTUNDA_%s", names[i]);
        unsetenv(full);
        snprintf(full, sizeof full, "VAULT_%s", names[i]);
        unsetenv(full);
    }
}

int cli_fixture_setup(void **state)
{
    char token_file[128];
    struct cli_fixture *f = calloc(1, sizeof *f);
    REQUIRE(f != NULL);
    snprintf(f->folder, sizeof f->folder, "/tmp/rotunda-cli-XXXXXX");
    REQUIRE(mkdtemp(f->folder) != NULL);
    clear_environment();
    snprintf(token_file, sizeof token_file, "%s/token", f->folder);
    setenv("ROTUNDA_TOKEN_FILE", token_file, 1);
    setenv("ROTUNDA_TOKEN", CLI_FIXTURE_TOKEN, 1);
    *state = f;
    return 0;
}

static void remove_folder(const char *path)
{
    DIR *folder = opendir(path);
    REQUIRE(folder != NULL);
    for (const struct dirent *e = readdir(folder); e != NULL; e = readdir(folder)) {
        unlinkat(dirfd(folder), e->d_name, 0); // . and .. stay
    }
    closedir(folder);
    rmdir(path);
}

int cli_fixture_teardown(void **state)
{
    struct cli_fixture *f = *state;
    remove_folder(f->folder);
    free(f);
    return 0;
}

static int open_memory(const char *contents)
{
    int fd = memfd_create("cli", MFD_CLOEXEC);
    size_t len = contents == NULL ? 0 : strlen(contents);
    REQUIRE(fd >= 0 && (len == 0 || write(fd, contents, len) == (ssize_t)len));
    REQUIRE(lseek(fd, 0, SEEK_SET) == 0);
    return fd;
}

static void collect(int fd, char *into)
{
    ssize_t n = pread(fd, into, CLI_FIXTURE_OUTPUT - 1, 0);
    into[n < 0 ? 0 : n] = '\0';
    close(fd);
}

// Cuts the line at its blanks, in place.
static int split_words(char *line, char **words, int most)
{
    int count = 0;
    for (char *at = line; *at != '\0'; at++) {
        if (*at != ' ' && (at == line || at[-1] == '\0')) {
            REQUIRE(count < most);
            words[count++] = at;
        }
        *at = *at == ' ' ? '\0' : *at;
    }
    return count;
}

void cli_fixture_run(struct cli_fixture *f, const char *line)
{
    enum { WORDS = 32 };
    char *words[WORDS + 1] = {NULL};
    char *copy = strdup(line);
    REQUIRE(copy != NULL);
    int count = split_words(copy, words, WORDS);
    struct cli_io io = {open_memory(f->input), open_memory(NULL), open_memory(NULL)};
    f->exit_code = cli_run(io, count, words);
    close(io.in_fd);
    collect(io.out_fd, f->out);
    collect(io.err_fd, f->err);
    free(copy);
}

void cli_fixture_run_with(struct cli_fixture *f, const char *line,
                          const struct http_answer *answers, size_t count)
{
    http_fixture_start(&f->server, NULL, answers, count);
    setenv("ROTUNDA_ADDR", f->server.address, 1);
    cli_fixture_run(f, line);
    http_fixture_stop(&f->server);
}

const char *cli_fixture_file(struct cli_fixture *f, const char *name, const char *contents)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", f->folder, name);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    size_t len = strlen(contents);
    REQUIRE(fd >= 0 && write(fd, contents, len) == (ssize_t)len);
    close(fd);
    return path;
}
