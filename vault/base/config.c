// SPDX-License-Identifier: ISC
#include "vault/base/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "vault/base/config_keys.h"
#include "vault/base/hcl.h"
#include "vault/base/limits.h"

enum { CONFIG_ARENA_BYTES = 16 * LIMIT_CONFIG_BYTES };

static void config_cleanup(struct config **c)
{
    config_free(*c);
}

void config_free(struct config *c)
{
    if (c != NULL) {
        arena_free(c->arena);
        free(c);
    }
}

static struct status name_node(struct config *c)
{
    char host[256] = "";
    if (gethostname(host, sizeof host - 1) != 0 || host[0] == '\0') {
        snprintf(host, sizeof host, "rotunda");
    }
    return arena_copy_str(c->arena, str_from_c(host), &c->node_name);
}

static void *section_at(struct config *c, size_t id)
{
    return (char *)c + config_sections[id].offset;
}

struct status config_new(struct config **out)
{
    CLEANUP(config_cleanup) struct config *c = calloc(1, sizeof *c);
    if (c == NULL || (c->arena = arena_new(CONFIG_ARENA_BYTES)) == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    for (size_t i = 0; i < CONFIG_SECTION_COUNT; i++) {
        config_set_defaults(&config_sections[i], section_at(c, i));
    }
    TRY(name_node(c));
    *out = TAKE(c);
    return OK_STATUS;
}

static struct status refuse_unknown(struct config_loader *l, const struct config_section *section,
                                    const struct hcl_node *node)
{
    const char *nearest = config_key_nearest(section, node->key);
    const char *where = section->name == NULL ? "at the top level" : section->name;
    if (nearest != NULL) {
        return config_explain_at(l, node, "%.*s: unknown key (%s); did you mean %s?",
                                 STR_ARG(node->key), where, nearest);
    }
    return config_explain_at(l, node,
                             "%.*s: unknown key (%s); docs/configuration.md lists the known ones",
                             STR_ARG(node->key), where);
}

// Is it a block that stands within this one?
static bool holds_blocks(const struct config_section *section, struct str key)
{
    const struct config_section *inner = &config_sections[CONFIG_SECTION_ROTATOR];
    return section->name != NULL && strcmp(section->name, inner->parent) == 0 &&
           str_equal_c(key, inner->name);
}

// The parser refuses an attribute that is given twice in one block.
static struct status read_keys(struct config_loader *l, const struct config_section *section,
                               const struct hcl_node *body, void *structure)
{
    for (const struct hcl_node *n = body->first; n != NULL; n = n->next) {
        if (holds_blocks(section, n->key)) {
            continue; // read_labelled() takes all of them together
        }
        const struct config_key *key = config_key_find(section, n->key);
        if (key == NULL) {
            return refuse_unknown(l, section, n);
        }
        TRY(config_read_value(l, key, n, (char *)structure + key->offset));
    }
    return OK_STATUS;
}

static struct status expect_block(struct config_loader *l, const struct config_section *section,
                                  const struct hcl_node *node)
{
    if (node->kind == HCL_OBJECT) {
        return OK_STATUS;
    }
    return config_explain_at(l, node, "%s: expected a block: %s", section->name, section->example);
}

static struct status read_listener(struct config_loader *l, const struct hcl_blocks *block)
{
    static const char *const kinds[] = {"tcp", "unix", "systemd"};
    const struct config_section *section = &config_sections[CONFIG_SECTION_LISTENER];
    TRY(expect_block(l, section, block->body));
    if (l->config->listener_count == CONFIG_LISTENERS) {
        return config_explain_at(l, block->body, "listener: at most %d", (int)CONFIG_LISTENERS);
    }
    struct config_listener *listener = &l->config->listeners[l->config->listener_count];
    config_set_defaults(section, listener);
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        if (str_equal_c(block->label, kinds[i])) {
            char place[CONFIG_REASON_BYTES];
            listener->kind = (enum config_listener_kind)i;
            TRY(read_keys(l, section, block->body, listener));
            l->config->listener_count++;
            snprintf(place, sizeof place, "%s:%u:%u: listener \"%s\"", l->name, block->body->line,
                     block->body->column, kinds[i]);
            return config_check_listener(listener, place, l->why);
        }
    }
    return config_explain_at(l, block->body, "listener \"%.*s\": expected %s",
                             STR_ARG(block->label), section->labels);
}

static struct status read_rotator(struct config_loader *l, const struct hcl_blocks *block)
{
    const struct config_section *section = &config_sections[CONFIG_SECTION_ROTATOR];
    struct config_rotation *rotation = &l->config->rotation;
    char place[CONFIG_REASON_BYTES];
    TRY(expect_block(l, section, block->body));
    if (rotation->rotator_count == CONFIG_ROTATORS) {
        return config_explain_at(l, block->body, "rotator: at most %d", (int)CONFIG_ROTATORS);
    }
    struct config_rotator *rotator = &rotation->rotators[rotation->rotator_count++];
    config_set_defaults(section, rotator);
    TRY(arena_copy_str(l->config->arena, block->label, &rotator->name));
    TRY(read_keys(l, section, block->body, rotator));
    snprintf(place, sizeof place, "%s:%u:%u: rotator \"%.*s\"", l->name, block->body->line,
             block->body->column, STR_ARG(rotator->name));
    return config_check_rotator(rotation, place, l->why);
}

static struct status read_seal(struct config_loader *l, const struct hcl_blocks *block)
{
    const struct config_section *section = &config_sections[CONFIG_SECTION_SEAL];
    struct config_seal *seal = &l->config->seal;
    TRY(expect_block(l, section, block->body));
    if (seal->kind != CONFIG_SEAL_NONE) {
        return config_explain_at(l, block->body, "seal: expected only one");
    }
    TRY(read_keys(l, section, block->body, seal));
    if (str_equal_c(block->label, "static")) {
        seal->kind = CONFIG_SEAL_STATIC;
        return seal->key_file.len > 0
                   ? OK_STATUS
                   : config_explain_at(l, block->body, "seal \"static\": expected a key_file");
    }
    if (!str_equal_c(block->label, "shamir")) {
        return config_explain_at(l, block->body, "seal \"%.*s\": expected %s",
                                 STR_ARG(block->label), section->labels);
    }
    seal->kind = CONFIG_SEAL_SHAMIR;
    return block->body->first == NULL
               ? OK_STATUS
               : config_explain_at(l, block->body->first, "%.*s: seal \"shamir\" has no keys",
                                   STR_ARG(block->body->first->key));
}

static struct status read_labelled(struct config_loader *l, const struct hcl_node *root,
                                   enum config_section_id id)
{
    static struct status (*const readers[CONFIG_SECTION_COUNT])(struct config_loader *,
                                                                const struct hcl_blocks *) = {
        [CONFIG_SECTION_LISTENER] = read_listener,
        [CONFIG_SECTION_SEAL] = read_seal,
        [CONFIG_SECTION_ROTATOR] = read_rotator};
    const struct config_section *section = &config_sections[id];
    struct hcl_blocks it = hcl_blocks(root, section->name);
    while (hcl_next_block(&it)) {
        TRY(readers[id](l, &it));
    }
    if (it.wrong != NULL) {
        return config_explain_at(l, it.wrong, "%s: expected a block: %s", section->name,
                                 section->example);
    }
    return OK_STATUS;
}

static struct status read_item(struct config_loader *l, const struct hcl_node *root,
                               const struct hcl_node *item)
{
    const struct config_section *top = &config_sections[CONFIG_SECTION_TOP];
    const struct config_section *section = config_section_find(item->key);
    const struct config_key *key = config_key_find(top, item->key);
    if (key != NULL) {
        return config_read_value(l, key, item, (char *)l->config + key->offset);
    }
    if (section == NULL) {
        return refuse_unknown(l, top, item);
    }
    if (section->labels != NULL) {
        return OK_STATUS; // read_labelled() takes all of them together
    }
    TRY(expect_block(l, section, item));
    if (hcl_get(root, section->name) != item) {
        return config_explain_at(l, item, "%s: given twice", section->name);
    }
    return read_keys(l, section, item, (char *)l->config + section->offset);
}

static struct status read_root(struct config_loader *l, const struct hcl_node *root)
{
    for (const struct hcl_node *item = root->first; item != NULL; item = item->next) {
        TRY(read_item(l, root, item));
    }
    TRY(read_labelled(l, root, CONFIG_SECTION_LISTENER));
    TRY(read_labelled(l, root, CONFIG_SECTION_SEAL));
    const struct hcl_node *rotation = hcl_get(root, "rotation");
    return rotation == NULL ? OK_STATUS : read_labelled(l, rotation, CONFIG_SECTION_ROTATOR);
}

static struct status explain_syntax(struct status s, const struct text_error *error,
                                    const char *name, struct config_problem *why)
{
    bool expected = str_starts_with(str_from_c(s.what), STR("expected"));
    const char *link = error->word.len == 0 ? "" : expected ? ", not " : ": ";
    return config_explain(why, "%s:%u:%u: %s%s%.*s", name, error->line, error->column, s.what, link,
                          STR_ARG(error->word));
}

// Who only bounds the life of leases needn't say how long they live within it.
static void fit_defaults(struct config *c, const struct hcl_node *root)
{
    bool given = hcl_get(root, "default_lease_ttl") != NULL;
    if (!given && c->default_lease_ttl_s > c->max_lease_ttl_s) {
        c->default_lease_ttl_s = c->max_lease_ttl_s;
    }
}

struct status config_parse(struct str text, const char *name, struct config_problem *why,
                           struct config **out)
{
    CLEANUP(config_cleanup) struct config *c = NULL;
    CLEANUP(arena_cleanup) struct arena *tree = arena_new(CONFIG_ARENA_BYTES);
    struct text_error error = {0};
    const struct hcl_node *root = NULL;
    TRY(config_new(&c));
    if (tree == NULL) {
        FAIL(NOMEM, "out of memory");
    }
    struct status parsed = hcl_parse(text, tree, &root, &error);
    if (parsed.code == STATUS_NOMEM) {
        return parsed;
    }
    if (!status_ok(parsed)) {
        return explain_syntax(parsed, &error, name, why);
    }
    struct config_loader l = {c, name, why};
    TRY(read_root(&l, root));
    fit_defaults(c, root);
    TRY(config_check_whole(c, name, why));
    *out = TAKE(c);
    return OK_STATUS;
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        close(*fd);
    }
}

static struct status read_file(const char *path, struct config_problem *why, struct buffer *into)
{
    struct stat s;
    CLEANUP(close_fd) int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0 || fstat(fd, &s) != 0) {
        return config_explain(why, "%s: can't be read: %s", path, strerror(errno));
    }
    if (!S_ISREG(s.st_mode) || (s.st_mode & S_IWOTH) != 0) {
        return config_explain(why, "%s: expected a regular file that others can't write", path);
    }
    for (;;) {
        char chunk[4096];
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0) {
            return config_explain(why, "%s: can't be read: %s", path, strerror(errno));
        }
        if (n == 0) {
            return OK_STATUS;
        }
        buffer_append(into, (struct bytes){(const uint8_t *)chunk, (size_t)n});
        if (!status_ok(buffer_status(into))) {
            return config_explain(why, "%s: larger than %d bytes", path, (int)LIMIT_CONFIG_BYTES);
        }
    }
}

static void done_buffer(struct buffer *b)
{
    buffer_done(b);
}

struct status config_load(const char *path, struct config_problem *why, struct config **out)
{
    CLEANUP(done_buffer) struct buffer text;
    buffer_init(&text, LIMIT_CONFIG_BYTES);
    TRY(read_file(path, why, &text));
    return config_parse(buffer_str(&text), path, why, out);
}
