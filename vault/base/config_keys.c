// SPDX-License-Identifier: ISC
#include "vault/base/config_keys.h"

#include <string.h>

#include "vault/base/limits.h"

enum {
    MINUTE_S = 60,
    HOUR_S = 3600,
    DAY_S = 24 * HOUR_S,
    DEFAULT_LEASE_S = 32 * DAY_S,
    LONGEST_LEASE_S = 3660 * DAY_S,
    LONGEST_NAME = 63, // of a key, for the comparison of spellings
};

#define LARGEST_BYTES ((int64_t)1 << 50)
#define AT(field) offsetof(CONFIG_STRUCTURE, field)
#define TEXT(key, field, fallback, doc)                                                            \
    {                                                                                              \
        key, CONFIG_TEXT, AT(field), 0, 0, 0, fallback, NULL, doc                                  \
    }
#define PLACE(key, type, field, doc)                                                               \
    {                                                                                              \
        key, type, AT(field), 0, 0, 0, NULL, NULL, doc                                             \
    }
#define WORD(key, field, words, fallback, doc)                                                     \
    {                                                                                              \
        key, CONFIG_WORD, AT(field), 0, 0, 0, fallback, words, doc                                 \
    }
#define LEVEL(key, field, fallback, doc)                                                           \
    {                                                                                              \
        key, CONFIG_LEVEL, AT(field), 0, 0, 0, fallback, NULL, doc                                 \
    }
#define COUNT(key, field, least, most, number, doc)                                                \
    {                                                                                              \
        key, CONFIG_COUNT, AT(field), least, most, number, NULL, NULL, doc                         \
    }
#define DURATION(key, field, least, most, number, doc)                                             \
    {                                                                                              \
        key, CONFIG_DURATION, AT(field), least, most, number, NULL, NULL, doc                      \
    }
#define BOOL(key, field, doc)                                                                      \
    {                                                                                              \
        key, CONFIG_BOOL, AT(field), 0, 1, 0, NULL, NULL, doc                                      \
    }

#define CONFIG_STRUCTURE struct config
static const struct config_key top_keys[] = {
    COUNT("workers", workers, 0, LIMIT_WORKERS, 0,
          "threads that serve requests; 0: one for each processor"),
    COUNT("offload_threads", offload_threads, 1, LIMIT_OFFLOAD_THREADS, 4,
          "threads for heavy work such as password hashes and RSA keys"),
    COUNT("sessions", sessions, 2, 256, LIMIT_SESSIONS,
          "database connections for work that takes several statements"),
    LEVEL("log_level", log_level, "info", "least serious level that is logged"),
    TEXT("node_name", node_name, NULL, "name of this node in the audit log; else the machine's"),
    PLACE("data_dir", CONFIG_FOLDER, data_dir, "folder for files of the server's own"),
    PLACE("run_dir", CONFIG_FOLDER, run_dir, "folder for sockets that live as long as the server"),
    BOOL("allow_unlocked_memory", allow_unlocked_memory,
         "start although secrets can't be locked against swap; only where there is no swap"),
    DURATION(
        "default_lease_ttl", default_lease_ttl_s, 1, LONGEST_LEASE_S, DEFAULT_LEASE_S,
        "life of tokens and leases that ask for none; `max_lease_ttl` where that is less and this "
        "isn't given"),
    DURATION("max_lease_ttl", max_lease_ttl_s, 1, LONGEST_LEASE_S, DEFAULT_LEASE_S,
             "longest life of tokens and leases"),
    DURATION("shutdown_deadline", shutdown_deadline_s, 1, 10 * MINUTE_S, 30,
             "how long requests under way may take to finish at stop"),
};
#undef CONFIG_STRUCTURE

#define CONFIG_STRUCTURE struct config_listener
static const struct config_key listener_keys[] = {
    TEXT("address", address, NULL,
         "`tcp`: host:port; `unix`: absolute path of the socket; `systemd`: name of the socket"),
    PLACE("tls_cert_file", CONFIG_FILE, tls_cert_file, "PEM certificate with its chain"),
    PLACE("tls_key_file", CONFIG_SECRET_FILE, tls_key_file, "its private key, closed to others"),
    BOOL("allow_plain", allow_plain,
         "serve without TLS; only behind something that encrypts, or on one machine"),
};
#undef CONFIG_STRUCTURE

#define CONFIG_STRUCTURE struct config_database
static const struct config_key database_keys[] = {
    TEXT("uri", uri, NULL, "postgresql://user@host:port/name?..., without a password"),
    TEXT("host", host, NULL, "host, several with commas, or the folder of a unix socket"),
    COUNT("port", port, 1, 65535, 5432, "port"),
    TEXT("name", name, NULL, "name of the database"),
    TEXT("user", user, NULL, "role to connect as"),
    WORD("sslmode", sslmode, "disable, allow, prefer, require, verify-ca or verify-full", NULL,
         "how the connection is encrypted; unless given, `verify-full` over a network"),
    PLACE("sslrootcert", CONFIG_FILE, sslrootcert, "PEM file of the authorities to trust"),
    PLACE("password_file", CONFIG_SECRET_FILE, password_file,
          "file that holds the password alone, closed to others"),
    TEXT("password_credential", password_credential, NULL,
         "name of the systemd credential that holds the password"),
    COUNT("alarm_bytes", alarm_bytes, 0, LARGEST_BYTES, 0,
          "size of the whole database that raises an alarm; 0: none"),
};
#undef CONFIG_STRUCTURE

#define CONFIG_STRUCTURE struct config_seal
static const struct config_key seal_keys[] = {
    PLACE("key_file", CONFIG_SECRET_FILE, key_file,
          "`static`: file of the key that unseals, closed to others"),
    PLACE("previous_key_file", CONFIG_SECRET_FILE, previous_key_file,
          "`static`: the key before, while it is being replaced"),
};
#undef CONFIG_STRUCTURE

#define CONFIG_STRUCTURE struct config_limits
static const struct config_key limits_keys[] = {
    COUNT("body_bytes", body_bytes, 1024, 32 * 1024 * 1024, LIMIT_BODY_BYTES,
          "largest body of a request"),
    COUNT("header_bytes", header_bytes, 1024, 64 * 1024, LIMIT_HEADER_BYTES,
          "largest headers of a request"),
    COUNT("connections", connections, 16, 1000000, LIMIT_CONNECTIONS, "open connections"),
    COUNT("connections_per_address", connections_per_address, 1, 1000000,
          LIMIT_CONNECTIONS_PER_ADDRESS, "open connections from one address"),
    DURATION("request_deadline_s", request_deadline_s, 1, HOUR_S, LIMIT_REQUEST_DEADLINE_S,
             "how long a request may take"),
    DURATION("slow_header_s", slow_header_s, 1, HOUR_S, LIMIT_SLOW_HEADER_S,
             "how long a client may take to send its headers"),
    DURATION("slow_body_s", slow_body_s, 1, HOUR_S, LIMIT_SLOW_BODY_S,
             "how long a client may take to send its body"),
    DURATION("idle_connection_s", idle_connection_s, 1, DAY_S, LIMIT_IDLE_CONNECTION_S,
             "how long a connection may be idle"),
    COUNT("json_depth", json_depth, 8, 1000, LIMIT_JSON_DEPTH, "nesting of a JSON body"),
    COUNT("json_members", json_members, 16, 1000000, LIMIT_JSON_MEMBERS,
          "members of one JSON object or array"),
    COUNT("json_string_bytes", json_string_bytes, 256, 32 * 1024 * 1024, LIMIT_JSON_STRING_BYTES,
          "longest JSON string"),
};
#undef CONFIG_STRUCTURE

#define CONFIG_STRUCTURE struct config_audit
static const struct config_key audit_keys[] = {
    DURATION("retention_s", retention_s, 0, 100LL * 366 * DAY_S, 0,
             "age at which records are dropped, at least 7 days; 0: never"),
    DURATION("checkpoint_interval_s", checkpoint_interval_s, 1, DAY_S, 5 * MINUTE_S,
             "time between signed checkpoints"),
    PLACE("checkpoint_file", CONFIG_PATH, checkpoint_file,
          "file that every checkpoint is appended to: a witness outside of the database"),
    COUNT("alarm_bytes", alarm_bytes, 0, LARGEST_BYTES, 0,
          "size of the audit log in the database that raises an alarm; 0: none"),
};
#undef CONFIG_STRUCTURE

#define CONFIG_STRUCTURE struct config_rotation
static const struct config_key rotation_keys[] = {
    DURATION("min_interval_s", min_interval_s, 1, 365 * DAY_S, 60,
             "shortest interval that a credential may be rotated at"),
    BOOL("allow_asynchronous_replicas", allow_asynchronous_replicas,
         "rotate although a fail-over of the vault's database may forget a value"),
    COUNT("concurrency", concurrency, 1, 128, 64,
          "rotations at work on this node at once, each in a process of its own"),
    TEXT("launcher_user", launcher_user, NULL, "user that rotators run as"),
};
#undef CONFIG_STRUCTURE

#define CONFIG_STRUCTURE struct config_rotator
static const struct config_key rotator_keys[] = {
    PLACE("program", CONFIG_PROGRAM, program,
          "executable that speaks the rotators' protocol; changed by nobody but root and the "
          "server's user"),
    PLACE("module", CONFIG_MODULE, module,
          "shared object that exports `rotunda_rotator_module`; the same"),
};
#undef CONFIG_STRUCTURE

#define SECTION(name, labels, example, doc, keys, member)                                          \
    {                                                                                              \
        name, labels, example, doc, NULL, keys, ARRAY_LEN(keys), offsetof(struct config, member)   \
    }

const struct config_section config_sections[CONFIG_SECTION_COUNT] = {
    [CONFIG_SECTION_TOP] = {NULL, NULL, NULL, "Keys outside of any block.", NULL, top_keys,
                            ARRAY_LEN(top_keys), 0},
    [CONFIG_SECTION_LISTENER] =
        SECTION("listener", "tcp, unix or systemd", "listener \"tcp\" { ... }",
                "Where requests are taken; at least one, at most eight.", listener_keys, listeners),
    [CONFIG_SECTION_DATABASE] =
        SECTION("database", NULL, "database { ... }",
                "The PostgreSQL database: either `uri` or the parts.", database_keys, database),
    [CONFIG_SECTION_SEAL] =
        SECTION("seal", "static or shamir", "seal \"shamir\" {}",
                "How the vault is unsealed: by a key in a file, or by people with shares of a key.",
                seal_keys, seal),
    [CONFIG_SECTION_LIMITS] = SECTION("limits", NULL, "limits { ... }",
                                      "Bounds on what clients may ask for.", limits_keys, limits),
    [CONFIG_SECTION_AUDIT] =
        SECTION("audit", NULL, "audit { ... }", "The audit log.", audit_keys, audit),
    [CONFIG_SECTION_ROTATION] = SECTION("rotation", NULL, "rotation { ... }",
                                        "Rotation of credentials.", rotation_keys, rotation),
    [CONFIG_SECTION_ROTATOR] = {"rotator", "the name that targets give as `rotator`",
                                "rotation { rotator \"NAME\" { ... } }",
                                "A rotator of others, at most 32: either `program` or `module` "
                                "(writing-a-rotator.md).",
                                "rotation", rotator_keys, ARRAY_LEN(rotator_keys),
                                offsetof(struct config, rotation.rotators)},
};

const struct config_key *config_key_find(const struct config_section *section, struct str name)
{
    for (size_t i = 0; i < section->key_count; i++) {
        if (str_equal_c(name, section->keys[i].name)) {
            return &section->keys[i];
        }
    }
    return NULL;
}

const struct config_section *config_section_find(struct str name)
{
    for (size_t i = CONFIG_SECTION_TOP + 1; i < CONFIG_SECTION_COUNT; i++) {
        if (config_sections[i].parent == NULL && str_equal_c(name, config_sections[i].name)) {
            return &config_sections[i];
        }
    }
    return NULL;
}

static size_t least_of(size_t a, size_t b, size_t c)
{
    size_t least = a < b ? a : b;
    return least < c ? least : c;
}

// Levenshtein's distance, by rows.
static size_t spelling_distance(struct str a, struct str b)
{
    size_t row[LONGEST_NAME + 1];
    for (size_t j = 0; j <= b.len; j++) {
        row[j] = j;
    }
    for (size_t i = 0; i < a.len; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 0; j < b.len; j++) {
            size_t above = row[j + 1];
            size_t changed = diagonal + (a.ptr[i] != b.ptr[j]);
            row[j + 1] = least_of(above + 1, row[j] + 1, changed);
            diagonal = above;
        }
    }
    return row[b.len];
}

struct nearest {
    const char *name;
    size_t distance;
};

static void consider(struct nearest *best, struct str wanted, const char *known)
{
    size_t distance = spelling_distance(wanted, str_from_c(known));
    if (distance < best->distance) {
        *best = (struct nearest){known, distance};
    }
}

const char *config_key_nearest(const struct config_section *section, struct str name)
{
    enum { CLOSE = 4 };
    struct nearest best = {NULL, CLOSE};
    if (name.len > LONGEST_NAME) {
        return NULL;
    }
    for (size_t i = 0; i < section->key_count; i++) {
        consider(&best, name, section->keys[i].name);
    }
    for (size_t i = CONFIG_SECTION_TOP + 1; section->name == NULL && i < CONFIG_SECTION_COUNT;
         i++) {
        if (config_sections[i].parent == NULL) {
            consider(&best, name, config_sections[i].name);
        }
    }
    return best.name;
}

bool config_word_known(const char *words, struct str word)
{
    struct str rest = str_from_c(words);
    bool more = true;
    while (more) {
        struct str next;
        more = str_split(rest, ' ', &next, &rest);
        if (str_ends_with(next, STR(","))) {
            next = str_first(next, next.len - 1);
        }
        if (str_equal(next, word) && !str_equal_c(word, "or")) {
            return true;
        }
    }
    return false;
}

void config_set_defaults(const struct config_section *section, void *structure)
{
    for (size_t i = 0; i < section->key_count; i++) {
        const struct config_key *key = &section->keys[i];
        void *at = (char *)structure + key->offset;
        switch (key->type) {
        case CONFIG_COUNT:
        case CONFIG_DURATION:
            memcpy(at, &key->number, sizeof key->number);
            break;
        case CONFIG_BOOL:
            *(bool *)at = key->number != 0;
            break;
        case CONFIG_LEVEL:
            REQUIRE(status_ok(log_level_parse(str_from_c(key->fallback), at)));
            break;
        case CONFIG_TEXT:
        case CONFIG_WORD:
        case CONFIG_FILE:
        case CONFIG_SECRET_FILE:
        case CONFIG_FOLDER:
        case CONFIG_PATH:
        case CONFIG_PROGRAM:
        case CONFIG_MODULE:
            *(struct str *)at = str_from_c(key->fallback);
            break;
        }
    }
}
