// SPDX-License-Identifier: ISC
#include "tests/unit/crypto/keyring_fixture.h"
#include "vault/crypto/envelope.h"

static struct envelope_binding home(void)
{
    return (struct envelope_binding){
        .namespace_id = FIXTURE_NAMESPACE,
        .mount = {.octets = {1}},
        .table = "kv_version",
        .column = "value",
        .row = {.octets = {2}},
        .version = 3,
    };
}

static void seal_at_home(const struct keyring *k, struct buffer *out)
{
    struct envelope_binding binding = home();
    int64_t epoch = 0;
    buffer_init(out, 256);
    assert_ok(envelope_seal(k, &binding, bytes_from_str(STR("s3cret")), out, &epoch));
    assert_int_equal(epoch, 1);
}

static struct status open_as(const struct keyring *k, const struct envelope_binding *binding,
                             const struct buffer *sealed)
{
    struct secret *opened CLEANUP(secret_cleanup) = NULL;
    TRY(envelope_open(k, 1, binding, buffer_bytes(sealed), &opened));
    assert_str("s3cret", str_from_bytes(secret_view(opened)));
    return OK_STATUS;
}

static void opens_where_it_was_sealed(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    struct envelope_binding binding = home();
    seal_at_home(f->keyring, &sealed);
    assert_ok(open_as(f->keyring, &binding, &sealed));
}

static void refuses_a_value_moved_to_any_other_cell(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    seal_at_home(f->keyring, &sealed);
    struct envelope_binding moved[6];
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        moved[i] = home();
    }
    moved[0].namespace_id = KEYRING_ROOT_NAMESPACE;
    moved[1].mount.octets[15] = 1;
    moved[2].table = "kv_versions";
    moved[3].column = "metadata";
    moved[4].row.octets[15] = 1;
    moved[5].version = 4;
    for (size_t i = 0; i < ARRAY_LEN(moved); i++) {
        assert_status(INTEGRITY, open_as(f->keyring, &moved[i], &sealed));
    }
}

static void refuses_letters_moved_between_table_and_column(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    seal_at_home(f->keyring, &sealed);
    struct envelope_binding binding = home();
    binding.table = "kv_vers";
    binding.column = "ionvalue";
    assert_status(INTEGRITY, open_as(f->keyring, &binding, &sealed));
}

static void refuses_every_altered_byte(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    seal_at_home(f->keyring, &sealed);
    struct envelope_binding binding = home();
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.ptr[i] ^= 0x10;
        assert_status(INTEGRITY, open_as(f->keyring, &binding, &sealed));
        sealed.ptr[i] ^= 0x10;
    }
}

static void says_when_the_epoch_or_namespace_is_not_loaded(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    seal_at_home(f->keyring, &sealed);
    struct envelope_binding binding = home();
    struct secret *opened = NULL;
    assert_status(NOT_FOUND,
                  envelope_open(f->keyring, 2, &binding, buffer_bytes(&sealed), &opened));
    assert_status(NOT_FOUND,
                  envelope_open(f->keyring, 0, &binding, buffer_bytes(&sealed), &opened));
    binding.namespace_id = 99;
    assert_status(NOT_FOUND, open_as(f->keyring, &binding, &sealed));
    assert_null(opened);
}

static void opens_into_the_arena_of_a_request(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    struct arena *memory CLEANUP(arena_cleanup) = arena_new(4096);
    struct envelope_binding binding = home();
    struct bytes opened = {NULL, 0};
    seal_at_home(f->keyring, &sealed);
    assert_ok(envelope_open_in(f->keyring, 1, &binding, buffer_bytes(&sealed), memory, &opened));
    assert_str("s3cret", str_from_bytes(opened));
}

static void seals_are_counted_by_epoch_until_they_are_taken_off(void **state)
{
    struct keyring_fixture *f = *state;
    for (int i = 0; i < 2; i++) {
        struct buffer sealed CLEANUP(buffer_done);
        seal_at_home(f->keyring, &sealed);
    }
    assert_int_equal(2, keyring_seals(f->keyring, FIXTURE_NAMESPACE, 1));
    keyring_count_seals(f->keyring, FIXTURE_NAMESPACE, 1, -2);
    assert_int_equal(0, keyring_seals(f->keyring, FIXTURE_NAMESPACE, 1));
    assert_int_equal(0, keyring_seals(f->keyring, FIXTURE_NAMESPACE, 7));
    keyring_close(f->keyring);
    assert_int_equal(0, keyring_seals(f->keyring, FIXTURE_NAMESPACE, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keyring_test(opens_where_it_was_sealed),
        keyring_test(refuses_a_value_moved_to_any_other_cell),
        keyring_test(refuses_letters_moved_between_table_and_column),
        keyring_test(refuses_every_altered_byte),
        keyring_test(says_when_the_epoch_or_namespace_is_not_loaded),
        keyring_test(opens_into_the_arena_of_a_request),
        keyring_test(seals_are_counted_by_epoch_until_they_are_taken_off),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
