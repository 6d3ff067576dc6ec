// SPDX-License-Identifier: ISC
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/support/test.h"
#include "vault/seal/key_file.h"

static const char hex_a[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char hex_b[] = "101112131415161718191a1b1c1d1e1f000102030405060708090a0b0c0d0e0f";
static const char base64_a[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

// A folder with the files "a" and "b".
struct place {
    char folder[64];
    char a[80];
    char b[80];
};

static void write_file(const char *path, struct str content, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content.ptr, content.len), (ssize_t)content.len);
    assert_int_equal(fchmod(fd, mode), 0);
    close(fd);
}

static int setup(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    snprintf(p->folder, sizeof p->folder, "/tmp/rotunda-static-XXXXXX");
    assert_non_null(mkdtemp(p->folder));
    snprintf(p->a, sizeof p->a, "%s/a", p->folder);
    snprintf(p->b, sizeof p->b, "%s/b", p->folder);
    write_file(p->a, str_from_c(hex_a), 0400);
    write_file(p->b, str_from_c(hex_b), 0400);
    *state = p;
    return 0;
}

static int teardown(void **state)
{
    struct place *p = *state;
    unlink(p->a);
    unlink(p->b);
    rmdir(p->folder);
    unsetenv("CREDENTIALS_DIRECTORY");
    free(p);
    return 0;
}

static struct status read_key(struct seal_key_place place)
{
    struct secret *key CLEANUP(secret_cleanup) = NULL;
    uint8_t expected[SEAL_KEY_BYTES];
    TRY(key_file_read(&place, &key));
    assert_ok(bytes_from_hex(str_from_c(hex_a), expected, sizeof expected));
    assert_true(secret_equal_bytes(key, BYTES_OF(expected)));
    return OK_STATUS;
}

static struct status read_content(struct place *p, struct str content)
{
    unlink(p->a);
    write_file(p->a, content, 0400);
    return read_key((struct seal_key_place){.file = p->a});
}

static void reads_raw_hex_and_base64(void **state)
{
    uint8_t raw[SEAL_KEY_BYTES];
    char line[80];
    assert_ok(bytes_from_hex(str_from_c(hex_a), raw, sizeof raw));
    snprintf(line, sizeof line, "%s\n", base64_a);
    assert_ok(read_content(*state, str_from_bytes(BYTES_OF(raw))));
    assert_ok(read_content(*state, str_from_c(hex_a)));
    assert_ok(read_content(*state, str_from_c(base64_a)));
    assert_ok(read_content(*state, str_from_c(line)));
}

static void refuses_what_is_no_key(void **state)
{
    char zeros[SEAL_KEY_BYTES] = {0}, long_text[300];
    memset(long_text, 'A', sizeof long_text);
    assert_status(INVALID, read_content(*state, STR("")));
    assert_status(INVALID, read_content(*state, STR("password")));
    assert_status(INVALID, read_content(*state, STR("0001020304050607")));
    assert_status(INVALID, read_content(*state, (struct str){zeros, sizeof zeros}));
    assert_status(INVALID, read_content(*state, (struct str){long_text, sizeof long_text}));
}

static void refuses_a_file_that_others_can_reach(void **state)
{
    struct place *p = *state;
    const mode_t modes[] = {0440, 0404, 0420, 0402, 0410, 0401, 0644};
    for (size_t i = 0; i < ARRAY_LEN(modes); i++) {
        assert_int_equal(chmod(p->a, modes[i]), 0);
        assert_status(INVALID, read_key((struct seal_key_place){.file = p->a}));
    }
    assert_int_equal(chmod(p->a, 0600), 0);
    assert_ok(read_key((struct seal_key_place){.file = p->a}));
}

static void refuses_a_file_of_somebody_else(void **state)
{
    struct place *p = *state;
    if (geteuid() != 0) {
        skip(); // only root can give a file away
    }
    assert_int_equal(chown(p->a, 65534, 65534), 0);
    assert_status(INVALID, read_key((struct seal_key_place){.file = p->a}));
}

static void refuses_what_is_not_a_regular_file(void **state)
{
    struct place *p = *state;
    unlink(p->a);
    assert_int_equal(mkfifo(p->a, 0600), 0);
    assert_status(INVALID, read_key((struct seal_key_place){.file = p->a}));
    assert_status(INVALID, read_key((struct seal_key_place){.file = p->folder}));
}

static void says_when_there_is_no_file_or_no_place(void **state)
{
    struct place *p = *state;
    unlink(p->a);
    assert_status(UNAVAILABLE, read_key((struct seal_key_place){.file = p->a}));
    assert_status(INVALID, read_key((struct seal_key_place){0}));
    assert_status(INVALID, read_key((struct seal_key_place){.file = p->b, .credential = "b"}));
}

static void reads_a_systemd_credential(void **state)
{
    struct place *p = *state;
    assert_status(INVALID, read_key((struct seal_key_place){.credential = "a"}));
    assert_int_equal(setenv("CREDENTIALS_DIRECTORY", p->folder, 1), 0);
    assert_int_equal(chmod(p->a, 0440), 0); // as systemd does where it sets an access list
    assert_ok(read_key((struct seal_key_place){.credential = "a"}));
    assert_int_equal(chmod(p->a, 0444), 0);
    assert_status(INVALID, read_key((struct seal_key_place){.credential = "a"}));
    assert_status(INVALID, read_key((struct seal_key_place){.credential = "../a"}));
    assert_status(INVALID, read_key((struct seal_key_place){.credential = ".."}));
}

static void make_seal(const struct seal_options *options, const struct secret *root,
                      struct seal_config *config)
{
    struct seal_shares shares CLEANUP(seal_shares_done) = {0};
    seal_config_init(config);
    assert_ok(seal_init(&seal_static_ops, options, root, config, &shares));
    assert_int_equal(shares.count, 0);
}

static void opens_without_anybody(void **state)
{
    struct place *p = *state;
    struct seal_options options = {.key.file = p->a};
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    struct secret *again CLEANUP(secret_cleanup) = NULL;
    struct seal_config config CLEANUP(seal_config_done);
    bool is_previous = true;
    assert_ok(secret_random(SEAL_KEY_BYTES, &root));
    make_seal(&options, root, &config);
    assert_ok(seal_open_root(&options, &config, &again, &is_previous));
    assert_true(secret_equal(root, again));
    assert_false(is_previous);
}

static void another_key_is_denied(void **state)
{
    struct place *p = *state;
    struct seal_options options = {.key.file = p->a}, other = {.key.file = p->b};
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    struct secret *again = NULL;
    struct seal_config config CLEANUP(seal_config_done);
    bool is_previous = false;
    assert_ok(secret_random(SEAL_KEY_BYTES, &root));
    make_seal(&options, root, &config);
    assert_status(DENIED, seal_open_root(&other, &config, &again, &is_previous));
    other.previous.file = p->b;
    assert_status(DENIED, seal_open_root(&other, &config, &again, &is_previous));
    assert_null(again);
}

static void a_predecessor_opens_and_the_successor_takes_over(void **state)
{
    struct place *p = *state;
    struct seal_options old = {.key.file = p->a}, new = {.key.file = p->b};
    struct seal_options both = {.key.file = p->b, .previous.file = p->a};
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    struct secret *opened CLEANUP(secret_cleanup) = NULL;
    struct secret *again CLEANUP(secret_cleanup) = NULL;
    struct seal_config before CLEANUP(seal_config_done), after CLEANUP(seal_config_done);
    bool is_previous = false;
    assert_ok(secret_random(SEAL_KEY_BYTES, &root));
    make_seal(&old, root, &before);
    assert_ok(seal_open_root(&both, &before, &opened, &is_previous));
    assert_true(is_previous);
    make_seal(&both, opened, &after);
    assert_ok(seal_open_root(&new, &after, &again, &is_previous));
    assert_false(is_previous);
    assert_true(secret_equal(root, again));
}

#define place_test(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        place_test(reads_raw_hex_and_base64),
        place_test(refuses_what_is_no_key),
        place_test(refuses_a_file_that_others_can_reach),
        place_test(refuses_a_file_of_somebody_else),
        place_test(refuses_what_is_not_a_regular_file),
        place_test(says_when_there_is_no_file_or_no_place),
        place_test(reads_a_systemd_credential),
        place_test(opens_without_anybody),
        place_test(another_key_is_denied),
        place_test(a_predecessor_opens_and_the_successor_takes_over),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
