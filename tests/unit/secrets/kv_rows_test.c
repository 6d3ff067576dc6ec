// SPDX-License-Identifier: ISC
#include "tests/support/test.h"
#include "vault/secrets/kv/kv_rows.h"

static struct kv_head example_head(void)
{
    return (struct kv_head){
        .id = {{1}},
        .namespace_id = KEYRING_ROOT_NAMESPACE,
        .mount = {{2}},
        .path = STR("a/b"),
        .current_version = 3,
        .oldest_version = 1,
        .max_versions = 4,
        .delete_version_after_s = 60,
        .custom_metadata = STR("{\"k\":\"v\"}"),
        .owner = STR("anna"),
        .expires_us = CLOCK_NEVER,
        .description = STR("text"),
        .created_us = 10,
        .updated_us = 20,
        .row_version = 5,
    };
}

static int setup(void **state)
{
    static struct keyring *keyring;
    struct secret *root CLEANUP(secret_cleanup) = NULL;
    struct keyring_wrapped rows[KEYRING_INITIAL_ROWS];
    if (!status_ok(secret_system_init(true)) ||
        !status_ok(secret_random(KEYRING_KEY_BYTES, &root)) || !status_ok(keyring_new(&keyring)) ||
        !status_ok(keyring_create(keyring, root, rows))) {
        return 1;
    }
    *state = keyring;
    return 0;
}

static int teardown(void **state)
{
    keyring_free(*state);
    return 0;
}

static void mac_of(const struct keyring *k, const struct kv_head *head, uint8_t out[ROW_MAC_BYTES])
{
    struct store_value values[KV_HEAD_VALUES];
    struct kv_head_row row = {0};
    assert_ok(kv_head_values(k, head, &row, values));
    memcpy(out, row.mac, ROW_MAC_BYTES);
}

#define CHANGED(field, value)                                                                      \
    do {                                                                                           \
        struct kv_head changed_ = example_head();                                                  \
        changed_.field = (value);                                                                  \
        uint8_t mac_[ROW_MAC_BYTES];                                                               \
        mac_of(*state, &changed_, mac_);                                                           \
        assert_memory_not_equal(original, mac_, ROW_MAC_BYTES);                                    \
    } while (0)

static void every_field_of_a_head_is_under_its_mac(void **state)
{
    const struct kv_head head = example_head();
    uint8_t original[ROW_MAC_BYTES];
    uint8_t again[ROW_MAC_BYTES];
    mac_of(*state, &head, original);
    mac_of(*state, &head, again);
    assert_memory_equal(original, again, ROW_MAC_BYTES);
    CHANGED(id.octets[15], 1);
    CHANGED(mount.octets[15], 1);
    CHANGED(path, STR("a/c"));
    CHANGED(current_version, 4);
    CHANGED(oldest_version, 2);
    CHANGED(max_versions, 0);
    CHANGED(cas_required, true);
    CHANGED(delete_version_after_s, 61);
    CHANGED(custom_metadata, STR(""));
    CHANGED(owner, STR("bert"));
    CHANGED(expires_us, 1);
    CHANGED(description, STR("texts"));
    CHANGED(created_us, 11);
    CHANGED(updated_us, 21);
    CHANGED(row_version, 6);
}

static void every_state_of_a_version_is_under_its_mac(void **state)
{
    const struct kv_head head = example_head();
    const struct kv_version original = {
        .version = 3, .key_epoch = 1, .created_us = 5, .deleted_us = CLOCK_NEVER, .row_version = 1};
    struct kv_version changed[6];
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        changed[i] = original;
    }
    changed[0].version = 2;
    changed[1].key_epoch = 2;
    changed[2].created_us = 6;
    changed[3].deleted_us = 7;
    changed[4].destroyed = true;
    changed[5].row_version = 2;
    uint8_t mac[ROW_MAC_BYTES];
    assert_ok(kv_version_mac(*state, &head, &original, mac));
    for (size_t i = 0; i < ARRAY_LEN(changed); i++) {
        uint8_t other[ROW_MAC_BYTES];
        assert_ok(kv_version_mac(*state, &head, &changed[i], other));
        assert_memory_not_equal(mac, other, ROW_MAC_BYTES);
    }
}

static void a_value_opens_only_as_the_version_it_was_sealed_for(void **state)
{
    const struct kv_head head = example_head();
    struct kv_head other = head;
    other.id.octets[0] = 9;
    const struct envelope_binding good = kv_binding(&head, 3);
    const struct envelope_binding wrong[] = {kv_binding(&head, 2), kv_binding(&other, 3)};
    struct buffer sealed CLEANUP(buffer_done);
    buffer_init(&sealed, 1024);
    int64_t epoch;
    assert_ok(envelope_seal(*state, &good, bytes_from_str(STR("value")), &sealed, &epoch));
    struct secret *opened CLEANUP(secret_cleanup) = NULL;
    assert_ok(envelope_open(*state, epoch, &good, buffer_bytes(&sealed), &opened));
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct secret *none = NULL;
        assert_status(INTEGRITY,
                      envelope_open(*state, epoch, &wrong[i], buffer_bytes(&sealed), &none));
    }
}

static void a_version_lives_until_it_is_deleted_or_destroyed(void **state)
{
    (void)state;
    assert_true(kv_version_lives(&(struct kv_version){.deleted_us = CLOCK_NEVER}, 10));
    assert_true(kv_version_lives(&(struct kv_version){.deleted_us = 11}, 10));
    assert_false(kv_version_lives(&(struct kv_version){.deleted_us = 10}, 10));
    assert_false(
        kv_version_lives(&(struct kv_version){.deleted_us = CLOCK_NEVER, .destroyed = true}, 10));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_field_of_a_head_is_under_its_mac),
        cmocka_unit_test(every_state_of_a_version_is_under_its_mac),
        cmocka_unit_test(a_value_opens_only_as_the_version_it_was_sealed_for),
        cmocka_unit_test(a_version_lives_until_it_is_deleted_or_destroyed),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
