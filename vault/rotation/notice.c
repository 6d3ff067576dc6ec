// SPDX-License-Identifier: ISC
#include "vault/rotation/notice.h"

#include <stdio.h>
#include <string.h>

#include "vault/base/json_writer.h"
#include "vault/base/log.h"
#include "vault/crypto/row_mac.h"

enum {
    PAYLOAD_BYTES = 64 * 1024,
    SAY_ARENA_BYTES = 1024 * 1024,
    ONCE_BYTES = 128,
    TARGET_NAME_AT = CREDENTIAL_COLUMN_COUNT,
};
#define FAILING_AGAIN_US (86400LL * CLOCK_SECOND)

// $14: what was said once is said again after so long.
static const struct store_statement insert_notice = {
    "rotation.insert_notice",
    "INSERT INTO rotation_notice (id, namespace_id, mount_id, credential_id, credential, owner, "
    "event, version, time, once, payload, row_version, mac) "
    "SELECT $1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13 WHERE $10 = '' OR NOT EXISTS ("
    "SELECT 1 FROM rotation_notice o WHERE o.credential_id = $4 AND o.event = $7 AND o.once = $10 "
    "AND o.time > $9::timestamptz - $14 * interval '1 microsecond') ON CONFLICT DO NOTHING"};
// The rows are locked by what happened to them, or it doesn't matter who comes first.
static const struct store_statement find_subject = {
    "rotation.notice_subject",
    "SELECT " CREDENTIAL_COLUMNS ", t.name, m.path, clock_timestamp() FROM rotation_credential c "
    "JOIN rotation_target t ON t.id = c.target_id JOIN mount m ON m.id = c.mount_id "
    "WHERE c.id = $1"};

static const char *const event_names[] = {
#define X(name, text) [NOTICE_##name] = text,
    NOTICE_EVENT_TABLE(X)
#undef X
};

struct str notice_event_name(enum notice_event event)
{
    return str_from_c(event_names[event]);
}

struct status notice_event_parse(struct str text, enum notice_event *out)
{
    for (unsigned i = 0; i < NOTICE_EVENT_COUNT; i++) {
        if (str_equal_c(text, event_names[i])) {
            *out = (enum notice_event)i;
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "there is no such event");
}

static struct status begin_mac(struct row_mac *m, const struct keyring *k, const struct notice *n)
{
    TRY(row_mac_begin(m, k, n->namespace_id, "rotation_notice", n->id, n->row_version));
    row_mac_uuid(m, n->mount);
    row_mac_uuid(m, n->credential_id);
    row_mac_str(m, n->credential);
    row_mac_str(m, n->owner);
    row_mac_str(m, n->event);
    row_mac_int(m, n->version);
    row_mac_int(m, n->time_us);
    row_mac_str(m, n->once);
    row_mac_str(m, n->payload);
    return OK_STATUS;
}

struct status notice_read(const struct keyring *k, const struct store_rows *rows, int row,
                          int column, struct notice *out)
{
    int c = column;
    struct notice n;
    n.id = store_get_uuid(rows, row, c++);
    n.namespace_id = store_get_int(rows, row, c++);
    n.mount = store_get_uuid(rows, row, c++);
    n.credential_id = store_get_uuid(rows, row, c++);
    n.credential = store_get_text(rows, row, c++);
    n.owner = store_get_text(rows, row, c++);
    n.event = store_get_text(rows, row, c++);
    n.version = store_get_int(rows, row, c++);
    n.time_us = store_get_time(rows, row, c++);
    n.once = store_get_text(rows, row, c++);
    n.payload = store_get_text(rows, row, c++);
    n.row_version = store_get_int(rows, row, c++);
    struct row_mac m;
    TRY(begin_mac(&m, k, &n));
    struct status s = row_mac_check(&m, store_get_bytes(rows, row, c));
    if (!status_ok(s)) {
        log_event(LOG_ERROR, "rotation.notice_altered", LOG_UUID("notice", n.id));
        return s;
    }
    *out = n;
    return OK_STATUS;
}

// ---- saying

// A credential with what a notice says of it.
struct subject {
    struct credential credential;
    struct str target;
    struct str mount_path;
    int64_t now_us;
};

static void add_time(struct json_writer *w, const char *key, int64_t wall_us)
{
    if (wall_us == 0 || wall_us == CLOCK_NEVER) {
        json_add_null(w, key);
    } else {
        json_add_time(w, key, wall_us);
    }
}

static void put_attempt(struct json_writer *w, const struct notice_saying *saying)
{
    const struct attempt *a = saying->attempt;
    char id[UUID_TEXT_BYTES];
    if (a == NULL) {
        if (saying->error_class != NULL) {
            json_add_string(w, "error_class", str_from_c(saying->error_class));
        }
        return;
    }
    uuid_format(a->id, id);
    json_add_string(w, "account", a->account);
    json_add_string(w, "attempt", str_from_c(id));
    json_add_string(w, "cause", a->cause);
    json_add_string(w, "state", attempt_state_name(a->state));
    json_add_string_or_null(w, "error_class", str_from_c(saying->error_class));
}

static void put_data(struct json_writer *w, const struct notice_saying *saying,
                     const struct subject *subject)
{
    const struct credential *c = &subject->credential;
    json_begin_object(w);
    json_add_string(w, "event", notice_event_name(saying->event));
    json_add_string(w, "mount", subject->mount_path);
    json_add_string(w, "credential", c->name);
    json_add_string(w, "target", subject->target);
    json_add_string(w, "owner", c->owner);
    json_add_int(w, "version", c->current_version);
    json_add_int(w, "previous_version", c->previous_version);
    add_time(w, "previous_until", c->previous_until_us);
    add_time(w, "last_rotation", c->last_rotated_us);
    add_time(w, "next_rotation", c->next_rotation_us);
    add_time(w, "expires_at", c->expires_us);
    put_attempt(w, saying);
    json_end_object(w);
}

static struct status write_payload(const struct notice_saying *saying,
                                   const struct subject *subject, struct buffer *out)
{
    char type[64];
    snprintf(type, sizeof type, "rotation.%s", event_names[saying->event]);
    struct json_writer w = json_writer_on(out);
    json_begin_object(&w);
    json_add_string(&w, "type", str_from_c(type));
    json_add_time(&w, "timestamp", subject->now_us);
    json_put_key(&w, "data");
    put_data(&w, saying, subject);
    json_end_object(&w);
    return json_writer_status(&w);
}

static struct status insert(struct session *s, const struct keyring *k, const struct notice *n)
{
    uint8_t mac[ROW_MAC_BYTES];
    struct row_mac m;
    bool again = str_equal_c(n->event, event_names[NOTICE_FAILING]);
    TRY(begin_mac(&m, k, n));
    row_mac_finish(&m, mac);
    const struct store_value values[] = {
        store_uuid(n->id),          store_int(n->namespace_id),
        store_uuid(n->mount),       store_uuid(n->credential_id),
        store_text(n->credential),  store_text(n->owner),
        store_text(n->event),       store_int(n->version),
        store_time(n->time_us),     store_text(n->once),
        store_text(n->payload),     store_int(n->row_version),
        store_bytea(BYTES_OF(mac)), store_int(again ? FAILING_AGAIN_US : FAILING_AGAIN_US * 400),
    };
    return session_exec(s, &insert_notice, values, ARRAY_LEN(values), NULL);
}

static struct status load_subject(const struct keyring *k, const struct store_rows *rows,
                                  struct arena *arena, struct subject *out)
{
    TRY(credential_read(k, rows, 0, 0, arena, &out->credential));
    out->target = store_get_text(rows, 0, TARGET_NAME_AT);
    out->mount_path = store_get_text(rows, 0, TARGET_NAME_AT + 1);
    out->now_us = store_get_time(rows, 0, TARGET_NAME_AT + 2);
    return OK_STATUS;
}

struct status notice_say(struct session *s, const struct keyring *k,
                         const struct notice_saying *saying)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct arena *arena CLEANUP(arena_cleanup) = arena_new(SAY_ARENA_BYTES);
    struct buffer payload CLEANUP(buffer_done);
    const struct store_value key[] = {store_uuid(saying->credential)};
    struct subject subject;
    buffer_init(&payload, PAYLOAD_BYTES);
    if (arena == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    TRY(session_exec(s, &find_subject, key, ARRAY_LEN(key), &rows));
    if (rows.count != 1) {
        return OK_STATUS;
    }
    TRY(load_subject(k, &rows, arena, &subject));
    TRY(write_payload(saying, &subject, &payload));
    const struct credential *c = &subject.credential;
    const struct notice n = {.id = uuid_new(),
                             .namespace_id = c->namespace_id,
                             .mount = c->mount,
                             .credential_id = c->id,
                             .credential = c->name,
                             .owner = c->owner,
                             .event = notice_event_name(saying->event),
                             .version = c->current_version,
                             .time_us = subject.now_us,
                             .once = saying->once,
                             .payload = buffer_str(&payload),
                             .row_version = 1};
    return insert(s, k, &n);
}

// ---- what a change means

static bool is_failing(const struct attempt_change *change)
{
    // A value that is still in use is waited for: nothing is wrong.
    return change->error_class != NULL && strcmp(change->error_class, "in_use") != 0 &&
           change->next.tries >= NOTICE_FAILURES_MIN;
}

// False when nobody needs to know.
static bool choose_event(const struct attempt *before, const struct attempt_change *change,
                         enum notice_event *out)
{
    bool moved = before->state != change->next.state;
    switch (change->next.state) {
    case ATTEMPT_PROMOTED:
        *out = NOTICE_ROTATED;
        return moved;
    case ATTEMPT_RETIRED:
        *out = NOTICE_RETIRED;
        return before->state == ATTEMPT_DRAINING || before->state == ATTEMPT_BLOCKED;
    case ATTEMPT_BLOCKED:
        *out = NOTICE_BLOCKED;
        return moved;
    case ATTEMPT_PLANNED:
    case ATTEMPT_STAGED:
    case ATTEMPT_APPLYING:
    case ATTEMPT_APPLIED:
    case ATTEMPT_VERIFIED:
    case ATTEMPT_DRAINING:
    case ATTEMPT_RECONCILE:
    case ATTEMPT_ROLLED_BACK:
    case ATTEMPT_STATE_COUNT:
        break;
    }
    *out = NOTICE_FAILING;
    return is_failing(change);
}

struct status notice_of_change(struct session *s, const struct keyring *k,
                               const struct attempt *before, const struct attempt_change *change)
{
    struct notice_saying saying = {.credential = change->next.credential,
                                   .attempt = &change->next,
                                   .error_class = change->error_class,
                                   .once = STR("")};
    if (!choose_event(before, change, &saying.event)) {
        return OK_STATUS;
    }
    if (saying.event == NOTICE_FAILING) {
        saying.once = str_first(str_from_c(change->error_class), ONCE_BYTES);
    }
    return notice_say(s, k, &saying);
}
