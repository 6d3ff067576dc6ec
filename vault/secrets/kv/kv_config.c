// SPDX-License-Identifier: ISC
#include "vault/secrets/kv/kv_config.h"

#include "vault/base/json_writer.h"
#include "vault/base/merge_patch.h"

enum { CONFIG_BYTES = 64 * 1024 };

static struct status parse(struct str text, struct arena *arena, struct json_value *out)
{
    if (!status_ok(json_parse(text, NULL, arena, out, NULL))) {
        FAIL(INTEGRITY, "the mount's configuration can't be read");
    }
    return OK_STATUS;
}

struct status kv_config_read(const struct mount *mount, struct arena *arena, struct kv_config *out)
{
    struct kv_config config = {0};
    struct json_value whole;
    TRY(parse(mount->config.len == 0 ? STR("{}") : mount->config, arena, &whole));
    struct json_value kv = json_get(whole, "kv");
    if (json_present(kv)) {
        TRY(json_as_int(json_get(kv, "max_versions"), &config.max_versions));
        TRY(json_as_bool(json_get(kv, "cas_required"), &config.cas_required));
        TRY(json_as_int(json_get(kv, "delete_version_after"), &config.delete_version_after_s));
    }
    *out = config;
    return OK_STATUS;
}

static void write_patch(const struct kv_config *config, struct buffer *out)
{
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    json_put_key(&w, "kv");
    json_begin_object(&w);
    json_add_int(&w, "max_versions", config->max_versions);
    json_add_bool(&w, "cas_required", config->cas_required);
    json_add_int(&w, "delete_version_after", config->delete_version_after_s);
    json_end_object(&w);
    json_end_object(&w);
}

static struct status patch_config(struct str current, const struct kv_config *config,
                                  struct arena *arena, struct buffer *out)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, CONFIG_BYTES);
    write_patch(config, &text);
    TRY(buffer_status(&text));
    struct json_value target;
    struct json_value patch;
    TRY(parse(current.len == 0 ? STR("{}") : current, arena, &target));
    TRY(parse(buffer_str(&text), arena, &patch));
    return merge_patch_apply(target, patch, arena, out);
}

struct config_change {
    const struct keyring *keyring;
    struct mount mount;
};

static struct status change_work(struct session *s, void *arg)
{
    const struct config_change *change = arg;
    return catalog_put_mount(change->keyring, s, &change->mount);
}

struct status kv_config_write(struct operation *op, const struct kv_config *config)
{
    struct buffer text CLEANUP(buffer_done);
    buffer_init(&text, CONFIG_BYTES);
    TRY(patch_config(op->mount->config, config, op->arena, &text));
    struct config_change change = {.keyring = op->worker->vault->keyring, .mount = *op->mount};
    change.mount.config = buffer_str(&text);
    return operation_change_catalog(op, change_work, &change);
}

int64_t kv_config_versions(const struct kv_config *config, const struct kv_head *head)
{
    if (head->max_versions > 0) {
        return head->max_versions;
    }
    return config->max_versions > 0 ? config->max_versions : KV_DEFAULT_VERSIONS;
}

int64_t kv_config_deletion_us(const struct kv_config *config, const struct kv_head *head,
                              int64_t now_us)
{
    int64_t mount_s = config->delete_version_after_s;
    int64_t key_s = head->delete_version_after_s;
    if (mount_s == KV_NEVER_DELETE || (mount_s == 0 && key_s == 0)) {
        return CLOCK_NEVER;
    }
    bool key_decides = key_s > 0 && (mount_s == 0 || key_s < mount_s);
    return now_us + (key_decides ? key_s : mount_s) * CLOCK_SECOND;
}

bool kv_config_needs_cas(const struct kv_config *config, const struct kv_head *head)
{
    return config->cas_required || head->cas_required;
}
