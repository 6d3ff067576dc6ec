// SPDX-License-Identifier: ISC
#include <stdio.h>

#include "api/routes/kv_routes.h"

static void add_custom(struct json_writer *w, const struct kv_head *head)
{
    struct str custom = head->custom_metadata;
    json_add_raw(w, "custom_metadata", custom.len == 0 ? STR("null") : custom);
}

static void add_time_or_empty(struct json_writer *w, const char *key, int64_t time_us)
{
    if (time_us == CLOCK_NEVER) {
        json_add_string(w, key, STR(""));
    } else {
        json_add_time(w, key, time_us);
    }
}

void kv_put_version(struct json_writer *w, const struct kv_head *head, const struct kv_version *v)
{
    json_begin_object(w);
    json_add_time(w, "created_time", v->created_us);
    add_custom(w, head);
    add_time_or_empty(w, "deletion_time", v->deleted_us);
    json_add_bool(w, "destroyed", v->destroyed);
    json_add_int(w, "version", v->version);
    json_end_object(w);
}

static void put_states(struct json_writer *w, const struct kv_version *versions, size_t count)
{
    json_put_key(w, "versions");
    json_begin_object(w);
    for (size_t i = 0; i < count; i++) {
        char number[24];
        snprintf(number, sizeof number, "%lld", (long long)versions[i].version);
        json_put_key(w, number);
        json_begin_object(w);
        json_add_time(w, "created_time", versions[i].created_us);
        add_time_or_empty(w, "deletion_time", versions[i].deleted_us);
        json_add_bool(w, "destroyed", versions[i].destroyed);
        json_end_object(w);
    }
    json_end_object(w);
}

void kv_put_metadata(struct json_writer *w, const struct kv_head *head,
                     const struct kv_version *versions, size_t count)
{
    json_begin_object(w);
    json_add_bool(w, "cas_required", head->cas_required);
    json_add_time(w, "created_time", head->created_us);
    json_add_int(w, "current_version", head->current_version);
    add_custom(w, head);
    kv_add_duration(w, "delete_version_after", head->delete_version_after_s);
    json_add_string(w, "description", head->description);
    add_time_or_empty(w, "expires_at", head->expires_us);
    json_add_int(w, "max_versions", head->max_versions);
    json_add_int(w, "oldest_version", head->oldest_version);
    json_add_string(w, "owner", head->owner);
    json_add_time(w, "updated_time", head->updated_us);
    put_states(w, versions, count);
    json_end_object(w);
}

void kv_add_duration(struct json_writer *w, const char *key, int64_t seconds)
{
    char text[48];
    long long s = seconds;
    if (s >= 3600) {
        snprintf(text, sizeof text, "%lldh%lldm%llds", s / 3600, s / 60 % 60, s % 60);
    } else if (s >= 60) {
        snprintf(text, sizeof text, "%lldm%llds", s / 60, s % 60);
    } else {
        snprintf(text, sizeof text, "%llds", s);
    }
    json_add_string(w, key, str_from_c(text));
}
