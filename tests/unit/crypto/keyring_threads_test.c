// SPDX-License-Identifier: ISC
// Readers without locks beside a writer; worth most under ROTUNDA_SANITIZE=thread.
#include <pthread.h>
#include <stdatomic.h>

#include "tests/unit/crypto/keyring_fixture.h"
#include "vault/crypto/envelope.h"

enum { READERS = 3, ROUNDS = 300 };

struct reader {
    const struct keyring *keyring;
    atomic_bool *stop;
    int64_t newest_seen;
    bool failed;
};

// Seals and opens one value; says whether all went well and no epoch was ever lost from sight.
static bool round_trip(struct reader *r, struct arena *memory)
{
    const struct envelope_binding binding = {
        .namespace_id = FIXTURE_NAMESPACE, .table = "t", .column = "c"};
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 256);
    int64_t epoch = 0;
    struct bytes opened = {NULL, 0};
    if (!status_ok(
            envelope_seal(r->keyring, &binding, bytes_from_str(STR("value")), &sealed, &epoch)) ||
        !status_ok(envelope_open_in(r->keyring, epoch, &binding, buffer_bytes(&sealed), memory,
                                    &opened)) ||
        epoch < r->newest_seen) {
        return false;
    }
    r->newest_seen = epoch;
    return str_equal_c(str_from_bytes(opened), "value");
}

static void *read_all_the_time(void *arg)
{
    struct reader *r = arg;
    while (!atomic_load(r->stop) && !r->failed) {
        struct arena *memory CLEANUP(arena_cleanup) = arena_new(4096);
        r->failed = !round_trip(r, memory);
    }
    return NULL;
}

static void write_once(struct keyring *k, int64_t namespace_id)
{
    struct keyring_wrapped row, rows[KEYRING_NAMESPACE_ROWS];
    assert_ok(keyring_make_epoch(k, FIXTURE_NAMESPACE, &row));
    assert_ok(keyring_add(k, &row));
    assert_ok(keyring_make_namespace(k, namespace_id, rows));
    assert_ok(keyring_add(k, &rows[0]));
    assert_ok(keyring_add(k, &rows[1]));
    if (namespace_id % 3 == 0) {
        assert_ok(keyring_remove_namespace(k, namespace_id));
    }
}

static void readers_see_whole_epochs_while_a_writer_rotates(void **state)
{
    struct keyring_fixture *f = *state;
    atomic_bool stop = false;
    pthread_t threads[READERS];
    struct reader readers[READERS];
    for (size_t i = 0; i < READERS; i++) {
        readers[i] = (struct reader){.keyring = f->keyring, .stop = &stop};
        assert_int_equal(pthread_create(&threads[i], NULL, read_all_the_time, &readers[i]), 0);
    }
    for (int64_t i = 0; i < ROUNDS; i++) {
        write_once(f->keyring, 1000 + i);
    }
    atomic_store(&stop, true);
    for (size_t i = 0; i < READERS; i++) {
        pthread_join(threads[i], NULL);
        assert_false(readers[i].failed);
    }
    int64_t epoch = 0;
    assert_ok(keyring_active_epoch(f->keyring, FIXTURE_NAMESPACE, &epoch));
    assert_int_equal(epoch, ROUNDS + 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        keyring_test(readers_see_whole_epochs_while_a_writer_rotates),
    };
    REQUIRE(status_ok(secret_system_init(true)));
    return RUN_TESTS(tests);
}
