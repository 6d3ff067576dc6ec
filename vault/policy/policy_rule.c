// SPDX-License-Identifier: ISC
#include <stdlib.h>

#include "vault/base/clock.h"
#include "vault/base/macros.h"
#include "vault/policy/policy_internal.h"

typedef struct status rule_reader(struct policy_reader *r, const struct hcl_node *node,
                                  struct policy_rule *rule);

static struct status read_capabilities(struct policy_reader *r, const struct hcl_node *node,
                                       struct policy_rule *rule)
{
    if (node->kind != HCL_LIST) {
        FAIL(INVALID, "expected a list of capabilities");
    }
    for (const struct hcl_node *word = node->first; word != NULL; word = word->next) {
        uint32_t capability = 0;
        struct str text = {NULL, 0};
        struct status read = hcl_as_str(word, &text);
        if (status_ok(read)) {
            read = policy_capability_parse(text, &capability);
        }
        if (!status_ok(read)) {
            *r->error = hcl_error_at(word);
            r->error->line = word->line;
            return read;
        }
        rule->capabilities |= capability;
    }
    return OK_STATUS;
}

// The form from before there were capabilities.
static struct status read_old_policy(struct policy_reader *r, const struct hcl_node *node,
                                     struct policy_rule *rule)
{
    enum {
        OLD_READ = POLICY_READ | POLICY_LIST,
        OLD_WRITE = OLD_READ | POLICY_CREATE | POLICY_UPDATE | POLICY_DELETE,
    };
    static const struct {
        const char *word;
        uint32_t capabilities;
    } old[] = {{"deny", POLICY_DENY},
               {"read", OLD_READ},
               {"write", OLD_WRITE},
               {"sudo", OLD_WRITE | POLICY_SUDO}};
    struct str word;
    (void)r;
    TRY(hcl_as_str(node, &word));
    for (size_t i = 0; i < ARRAY_LEN(old); i++) {
        if (str_equal_c(word, old[i].word)) {
            rule->capabilities |= old[i].capabilities;
            return OK_STATUS;
        }
    }
    FAIL(INVALID, "expected deny, read, write or sudo");
}

static struct status read_allowed(struct policy_reader *r, const struct hcl_node *node,
                                  struct policy_rule *rule)
{
    return policy_read_parameters(r, node, &rule->allowed);
}

static struct status read_denied(struct policy_reader *r, const struct hcl_node *node,
                                 struct policy_rule *rule)
{
    return policy_read_parameters(r, node, &rule->denied);
}

static struct status read_required(struct policy_reader *r, const struct hcl_node *node,
                                   struct policy_rule *rule)
{
    return policy_read_words(r, node, &rule->required);
}

static struct status read_min_wrapping(struct policy_reader *r, const struct hcl_node *node,
                                       struct policy_rule *rule)
{
    (void)r;
    return hcl_as_duration_s(node, &rule->min_wrapping_ttl_s);
}

static struct status read_max_wrapping(struct policy_reader *r, const struct hcl_node *node,
                                       struct policy_rule *rule)
{
    (void)r;
    return hcl_as_duration_s(node, &rule->max_wrapping_ttl_s);
}

static struct status read_page_limit(struct policy_reader *r, const struct hcl_node *node,
                                     struct policy_rule *rule)
{
    (void)r;
    TRY(hcl_as_int(node, &rule->page_limit));
    if (rule->page_limit < 0) {
        FAIL(INVALID, "a pagination limit must not be negative");
    }
    return OK_STATUS;
}

static struct status read_expiration(struct policy_reader *r, const struct hcl_node *node,
                                     struct policy_rule *rule)
{
    struct str text;
    (void)r;
    TRY(hcl_as_str(node, &text));
    return clock_parse(text, &rule->expires_us);
}

static struct status read_comment(struct policy_reader *r, const struct hcl_node *node,
                                  struct policy_rule *rule)
{
    struct str text;
    TRY(hcl_as_str(node, &text));
    return arena_copy_str(r->arena, text, &rule->comment);
}

static struct status refuse_mfa(struct policy_reader *r, const struct hcl_node *node,
                                struct policy_rule *rule)
{
    (void)r, (void)node, (void)rule;
    FAIL(INVALID, "mfa_methods is not supported");
}

static struct status refuse_control_group(struct policy_reader *r, const struct hcl_node *node,
                                          struct policy_rule *rule)
{
    (void)r, (void)node, (void)rule;
    FAIL(INVALID, "control_group is not supported");
}

static struct status refuse_filter_path(struct policy_reader *r, const struct hcl_node *node,
                                        struct policy_rule *rule)
{
    (void)r, (void)node, (void)rule;
    FAIL(INVALID, "list_scan_response_keys_filter_path is not supported");
}

static const struct {
    const char *key;
    rule_reader *read;
} KEYS[] = {
    {"capabilities", read_capabilities},
    {"policy", read_old_policy},
    {"allowed_parameters", read_allowed},
    {"denied_parameters", read_denied},
    {"required_parameters", read_required},
    {"min_wrapping_ttl", read_min_wrapping},
    {"max_wrapping_ttl", read_max_wrapping},
    {"pagination_limit", read_page_limit},
    {"expiration", read_expiration},
    {"comment", read_comment},
    {"mfa_methods", refuse_mfa},
    {"control_group", refuse_control_group},
    {"list_scan_response_keys_filter_path", refuse_filter_path},
};

static struct status read_key(struct policy_reader *r, const struct hcl_node *item,
                              struct policy_rule *rule)
{
    for (size_t i = 0; i < ARRAY_LEN(KEYS); i++) {
        if (str_equal_c(item->key, KEYS[i].key)) {
            return KEYS[i].read(r, item, rule);
        }
    }
    *r->error = hcl_error_at_key(item);
    FAIL(INVALID, "unknown word in a path rule");
}

static struct status finish(struct policy_rule *rule)
{
    if (rule->min_wrapping_ttl_s > 0 && rule->max_wrapping_ttl_s > 0 &&
        rule->max_wrapping_ttl_s < rule->min_wrapping_ttl_s) {
        FAIL(INVALID, "max_wrapping_ttl is less than min_wrapping_ttl");
    }
    if (rule->capabilities & POLICY_DENY) {
        rule->capabilities = POLICY_DENY;
    }
    return OK_STATUS;
}

struct status policy_read_rule(struct policy_reader *r, struct str path,
                               const struct hcl_node *body, struct policy_rule *out)
{
    struct policy_rule rule = {.line = body->line, .expires_us = CLOCK_NEVER};
    *r->error = hcl_error_at(body);
    TRY(arena_copy_str(r->arena, path, &rule.written));
    TRY(policy_pattern_parse(rule.written, &rule.pattern));
    if (body->kind != HCL_OBJECT) {
        FAIL(INVALID, "expected path \"...\" { ... }");
    }
    for (const struct hcl_node *item = body->first; item != NULL; item = item->next) {
        *r->error = hcl_error_at(item);
        TRY(read_key(r, item, &rule));
    }
    *r->error = hcl_error_at(body);
    TRY(finish(&rule));
    *out = rule;
    return OK_STATUS;
}
