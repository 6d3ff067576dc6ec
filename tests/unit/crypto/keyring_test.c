// SPDX-License-Identifier: ISC
#include "tests/unit/crypto/keyring_fixture.h"
#include "vault/crypto/envelope.h"
#include "vault/crypto/index_hash.h"

enum { ROOT_NAMESPACE_ROW = 4, DATA_ROW = KEYRING_INITIAL_ROWS + 1 };

static const struct envelope_binding binding = {
    .namespace_id = FIXTURE_NAMESPACE,
    .table = "kv_version",
    .column = "value",
    .version = 1,
};

static int64_t seal_value(const struct keyring *k, struct buffer *out)
{
    int64_t epoch = 0;
    buffer_clear(out);
    assert_ok(envelope_seal(k, &binding, bytes_from_str(STR("value")), out, &epoch));
    return epoch;
}

static struct status open_value(const struct keyring *k, int64_t epoch, const struct buffer *b)
{
    struct secret *opened CLEANUP(secret_cleanup) = NULL;
    TRY(envelope_open(k, epoch, &binding, buffer_bytes(b), &opened));
    assert_str("value", str_from_bytes(secret_view(opened)));
    return OK_STATUS;
}

static void opens_old_values_after_a_restart(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 256);
    int64_t epoch = seal_value(f->keyring, &sealed);
    assert_ok(keyring_fixture_reopen(f));
    assert_ok(open_value(f->keyring, epoch, &sealed));
}

static void takes_its_rows_in_any_order(void **state)
{
    struct keyring_fixture *f = *state;
    struct keyring_wrapped reversed[ARRAY_LEN(f->rows)];
    for (size_t i = 0; i < ARRAY_LEN(reversed); i++) {
        reversed[i] = f->rows[ARRAY_LEN(reversed) - 1 - i];
    }
    keyring_close(f->keyring);
    assert_ok(keyring_open(f->keyring, f->root_key, reversed, ARRAY_LEN(reversed)));
}

static void gives_nothing_while_sealed(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 256);
    int64_t epoch = seal_value(f->keyring, &sealed);
    uint8_t hash[INDEX_HASH_TOKEN_BYTES];
    keyring_close(f->keyring);
    assert_false(keyring_is_open(f->keyring));
    assert_status(SEALED, open_value(f->keyring, epoch, &sealed));
    assert_status(SEALED, index_hash_token(f->keyring, STR("hvs.x"), hash));
    assert_status(SEALED, keyring_add(f->keyring, &f->rows[0]));
}

static void is_not_opened_twice(void **state)
{
    struct keyring_fixture *f = *state;
    assert_status(CONFLICT, keyring_open(f->keyring, f->root_key, f->rows, ARRAY_LEN(f->rows)));
    assert_true(keyring_is_open(f->keyring));
}

static void refuses_another_root_key(void **state)
{
    struct keyring_fixture *f = *state;
    secret_data(f->root_key)[0] ^= 1;
    assert_status(INTEGRITY, keyring_fixture_reopen(f));
    assert_false(keyring_is_open(f->keyring));
}

static void refuses_every_altered_row(void **state)
{
    struct keyring_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(f->rows); i++) {
        struct keyring_wrapped genuine = f->rows[i];
        f->rows[i].wrapped[i] ^= 1;
        assert_status(INTEGRITY, keyring_fixture_reopen(f));
        f->rows[i] = genuine;
        f->rows[i].namespace_id++;
        assert_status(INTEGRITY, keyring_fixture_reopen(f));
        f->rows[i] = genuine;
        f->rows[i].epoch++;
        assert_status(INTEGRITY, keyring_fixture_reopen(f));
        f->rows[i] = genuine;
    }
    assert_ok(keyring_fixture_reopen(f));
}

static void refuses_a_key_passed_off_as_another_kind(void **state)
{
    struct keyring_fixture *f = *state;
    enum keyring_kind kind = f->rows[0].kind;
    f->rows[0].kind = f->rows[1].kind;
    f->rows[1].kind = kind;
    assert_status(INTEGRITY, keyring_fixture_reopen(f));
    f->rows[0].kind = (enum keyring_kind)99;
    assert_status(INTEGRITY, keyring_fixture_reopen(f));
}

static void refuses_to_open_when_any_row_is_missing(void **state)
{
    struct keyring_fixture *f = *state;
    for (size_t i = 0; i < ARRAY_LEN(f->rows); i++) {
        struct keyring_wrapped rows[ARRAY_LEN(f->rows)];
        memcpy(rows, f->rows, sizeof rows);
        rows[i] = rows[ARRAY_LEN(rows) - 1];
        keyring_close(f->keyring);
        assert_status(INTEGRITY, keyring_open(f->keyring, f->root_key, rows, ARRAY_LEN(rows) - 1));
    }
}

static void rotation_seals_under_the_new_epoch_and_opens_the_old(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer old CLEANUP(buffer_done), new CLEANUP(buffer_done);
    buffer_init(&old, 256);
    buffer_init(&new, 256);
    struct keyring_wrapped row;
    assert_int_equal(seal_value(f->keyring, &old), 1);
    assert_ok(keyring_make_epoch(f->keyring, FIXTURE_NAMESPACE, &row));
    assert_ok(keyring_add(f->keyring, &row));
    assert_int_equal(seal_value(f->keyring, &new), 2);
    assert_ok(open_value(f->keyring, 1, &old));
    assert_ok(open_value(f->keyring, 2, &new));
    assert_status(INTEGRITY, open_value(f->keyring, 2, &old));
}

static void a_made_epoch_is_not_used_before_it_is_added(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 256);
    struct keyring_wrapped row;
    assert_ok(keyring_make_epoch(f->keyring, FIXTURE_NAMESPACE, &row));
    assert_int_equal(row.epoch, 2);
    assert_int_equal(seal_value(f->keyring, &sealed), 1);
}

static void adding_a_row_again_changes_nothing(void **state)
{
    struct keyring_fixture *f = *state;
    int64_t epoch = 0;
    for (size_t i = ROOT_NAMESPACE_ROW; i < ARRAY_LEN(f->rows); i++) {
        assert_ok(keyring_add(f->keyring, &f->rows[i]));
    }
    assert_ok(keyring_active_epoch(f->keyring, FIXTURE_NAMESPACE, &epoch));
    assert_int_equal(epoch, 1);
}

// Two nodes rotate at once; the row of the one that lost the race must not be put to use.
static void another_key_for_a_known_epoch_is_refused(void **state)
{
    struct keyring_fixture *f = *state;
    struct keyring_wrapped winner, loser;
    assert_ok(keyring_make_epoch(f->keyring, FIXTURE_NAMESPACE, &winner));
    assert_ok(keyring_make_epoch(f->keyring, FIXTURE_NAMESPACE, &loser));
    assert_ok(keyring_add(f->keyring, &winner));
    assert_status(INTEGRITY, keyring_add(f->keyring, &loser));
}

static void adding_refuses_what_does_not_belong(void **state)
{
    struct keyring_fixture *f = *state;
    struct keyring_wrapped row = f->rows[DATA_ROW];
    row.namespace_id = 99;
    assert_status(NOT_FOUND, keyring_add(f->keyring, &row));
    row = f->rows[DATA_ROW];
    row.epoch = 2;
    assert_status(INTEGRITY, keyring_add(f->keyring, &row));
    assert_status(INVALID, keyring_add(f->keyring, &f->rows[0]));
}

static void a_retired_epoch_no_longer_opens(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 256);
    struct keyring_wrapped row;
    int64_t old = seal_value(f->keyring, &sealed);
    assert_status(CONFLICT, keyring_retire(f->keyring, FIXTURE_NAMESPACE, old));
    assert_ok(keyring_make_epoch(f->keyring, FIXTURE_NAMESPACE, &row));
    assert_ok(keyring_add(f->keyring, &row));
    assert_ok(keyring_retire(f->keyring, FIXTURE_NAMESPACE, old));
    assert_status(NOT_FOUND, open_value(f->keyring, old, &sealed));
    assert_status(NOT_FOUND, keyring_retire(f->keyring, FIXTURE_NAMESPACE, old));
}

static void a_row_that_another_node_retired_is_forgotten(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 256);
    struct keyring_wrapped row, retired = f->rows[DATA_ROW];
    int64_t old = seal_value(f->keyring, &sealed);
    assert_ok(keyring_make_epoch(f->keyring, FIXTURE_NAMESPACE, &row));
    assert_ok(keyring_add(f->keyring, &row));
    retired.state = KEYRING_RETIRED;
    assert_ok(keyring_add(f->keyring, &retired));
    assert_ok(keyring_add(f->keyring, &retired));
    assert_status(NOT_FOUND, open_value(f->keyring, old, &sealed));
}

static void marking_the_newest_epoch_retired_is_refused(void **state)
{
    struct keyring_fixture *f = *state;
    struct keyring_wrapped rows[ARRAY_LEN(f->rows) + 1];
    memcpy(rows, f->rows, sizeof f->rows);
    assert_ok(keyring_make_epoch(f->keyring, FIXTURE_NAMESPACE, &rows[ARRAY_LEN(f->rows)]));
    rows[ARRAY_LEN(f->rows)].state = KEYRING_RETIRED;
    keyring_close(f->keyring);
    assert_status(INTEGRITY, keyring_open(f->keyring, f->root_key, rows, ARRAY_LEN(rows)));
}

static void a_removed_namespace_is_unknown(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 256);
    int64_t epoch = seal_value(f->keyring, &sealed);
    assert_ok(keyring_remove_namespace(f->keyring, FIXTURE_NAMESPACE));
    assert_status(NOT_FOUND, open_value(f->keyring, epoch, &sealed));
    assert_status(NOT_FOUND, keyring_remove_namespace(f->keyring, FIXTURE_NAMESPACE));
    assert_status(CONFLICT, keyring_remove_namespace(f->keyring, KEYRING_ROOT_NAMESPACE));
}

static void a_namespace_has_its_keys_only_once(void **state)
{
    struct keyring_fixture *f = *state;
    struct keyring_wrapped rows[KEYRING_NAMESPACE_ROWS];
    assert_status(CONFLICT, keyring_make_namespace(f->keyring, FIXTURE_NAMESPACE, rows));
}

static void holds_thousands_of_namespaces(void **state)
{
    struct keyring_fixture *f = *state;
    int64_t epoch = 0;
    for (int64_t id = 100; id < 5100; id++) {
        struct keyring_wrapped rows[KEYRING_NAMESPACE_ROWS];
        assert_ok(keyring_make_namespace(f->keyring, id, rows));
        assert_ok(keyring_add(f->keyring, &rows[0]));
        assert_ok(keyring_add(f->keyring, &rows[1]));
    }
    for (int64_t id = 100; id < 5100; id++) {
        assert_ok(keyring_active_epoch(f->keyring, id, &epoch));
    }
    assert_status(NOT_FOUND, keyring_active_epoch(f->keyring, 5100, &epoch));
}

static void wrapped_keys_are_bound_to_purpose_and_context(void **state)
{
    struct keyring_fixture *f = *state;
    struct buffer wrapped CLEANUP(buffer_done);
    buffer_init(&wrapped, 256);
    struct secret *opened CLEANUP(secret_cleanup) = NULL;
    struct bytes a = bytes_from_str(STR("a")), b = bytes_from_str(STR("b"));
    assert_ok(keyring_wrap(f->keyring, "ca key", a, f->root_key, &wrapped));
    struct bytes at_rest = buffer_bytes(&wrapped);
    assert_status(INTEGRITY, keyring_unwrap(f->keyring, "ca key", b, at_rest, &opened));
    assert_status(INTEGRITY, keyring_unwrap(f->keyring, "ssh key", a, at_rest, &opened));
    assert_ok(keyring_unwrap(f->keyring, "ca key", a, at_rest, &opened));
    assert_true(secret_equal(opened, f->root_key));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keyring_test(opens_old_values_after_a_restart),
        keyring_test(takes_its_rows_in_any_order),
        keyring_test(gives_nothing_while_sealed),
        keyring_test(is_not_opened_twice),
        keyring_test(refuses_another_root_key),
        keyring_test(refuses_every_altered_row),
        keyring_test(refuses_a_key_passed_off_as_another_kind),
        keyring_test(refuses_to_open_when_any_row_is_missing),
        keyring_test(rotation_seals_under_the_new_epoch_and_opens_the_old),
        keyring_test(a_made_epoch_is_not_used_before_it_is_added),
        keyring_test(adding_a_row_again_changes_nothing),
        keyring_test(another_key_for_a_known_epoch_is_refused),
        keyring_test(adding_refuses_what_does_not_belong),
        keyring_test(a_retired_epoch_no_longer_opens),
        keyring_test(a_row_that_another_node_retired_is_forgotten),
        keyring_test(marking_the_newest_epoch_retired_is_refused),
        keyring_test(a_removed_namespace_is_unknown),
        keyring_test(a_namespace_has_its_keys_only_once),
        keyring_test(holds_thousands_of_namespaces),
        keyring_test(wrapped_keys_are_bound_to_purpose_and_context),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
