// SPDX-License-Identifier: ISC
#include "vault/audit/budget.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "vault/base/clock.h"
#include "vault/base/digest.h"

enum { SLOTS = 512, PROBES = 8, COST_US = CLOCK_SECOND };

#define FULL_CREDIT_US ((int64_t)AUDIT_BUDGET_BURST * COST_US)

// One network. Credit grows with time; recording costs a second of it.
struct slot {
    char network[AUDIT_NETWORK_BYTES]; // empty: free
    int64_t credit_us;
    int64_t seen_us;
    int64_t counted;
};

struct audit_budget {
    struct slot slots[SLOTS];
    struct slot rest; // all that don't fit
    size_t drained;   // where the last search for counts ended
};

void audit_budget_free(struct audit_budget *b)
{
    free(b);
}

struct audit_budget *audit_budget_new(void)
{
    struct audit_budget *b = calloc(1, sizeof *b);
    if (b != NULL) {
        snprintf(b->rest.network, sizeof b->rest.network, "other networks");
        b->rest.credit_us = FULL_CREDIT_US;
    }
    return b;
}

static bool take_ipv4(const char *text, char out[AUDIT_NETWORK_BYTES])
{
    uint8_t octets[4];
    if (inet_pton(AF_INET, text, octets) != 1) {
        return false;
    }
    snprintf(out, AUDIT_NETWORK_BYTES, "%d.%d.%d.0/24", octets[0], octets[1], octets[2]);
    return true;
}

static bool take_ipv6(const char *text, char out[AUDIT_NETWORK_BYTES])
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    uint8_t octets[16];
    char network[INET6_ADDRSTRLEN];
    if (inet_pton(AF_INET6, text, octets) != 1) {
        return false;
    }
    if (bytes_equal((struct bytes){octets, sizeof mapped}, BYTES_OF(mapped))) {
        snprintf(out, AUDIT_NETWORK_BYTES, "%d.%d.%d.0/24", octets[12], octets[13], octets[14]);
        return true;
    }
    memset(octets + 8, 0, 8);
    if (inet_ntop(AF_INET6, octets, network, sizeof network) == NULL) {
        return false;
    }
    snprintf(out, AUDIT_NETWORK_BYTES, "%s/64", network);
    return true;
}

void audit_network_of(struct str remote, char out[AUDIT_NETWORK_BYTES])
{
    char host[AUDIT_NETWORK_BYTES];
    struct str address = remote;
    for (size_t i = remote.len; i > 0; i--) {
        if (remote.ptr[i - 1] == ':') {
            address.len = i - 1; // without the port
            break;
        }
    }
    if (address.len >= 2 && address.ptr[0] == '[' && address.ptr[address.len - 1] == ']') {
        address = (struct str){address.ptr + 1, address.len - 2};
    }
    snprintf(host, sizeof host, "%.*s", STR_ARG(address));
    if (!take_ipv4(host, out) && !take_ipv6(host, out)) {
        snprintf(out, AUDIT_NETWORK_BYTES, "%.*s", STR_ARG(remote));
    }
}

static void earn(struct slot *s, int64_t now_us)
{
    int64_t credit_us = s->credit_us + (now_us - s->seen_us);
    s->credit_us = credit_us < FULL_CREDIT_US ? credit_us : FULL_CREDIT_US;
    s->seen_us = now_us;
}

// A network that has all its credit back, and nothing counted, can be forgotten.
static bool can_be_reused(const struct slot *s, int64_t now_us)
{
    return s->network[0] == '\0' ||
           (s->counted == 0 && s->credit_us + (now_us - s->seen_us) >= FULL_CREDIT_US);
}

static struct slot *find(struct audit_budget *b, const char *network, int64_t now_us)
{
    struct digest d = digest_of(bytes_from_str(str_from_c(network)));
    size_t first = ((size_t)d.octets[0] << 8 | d.octets[1]) % SLOTS;
    struct slot *reusable = NULL;
    for (size_t i = 0; i < PROBES; i++) {
        struct slot *s = &b->slots[(first + i) % SLOTS];
        if (strcmp(s->network, network) == 0) {
            return s;
        }
        if (reusable == NULL && can_be_reused(s, now_us)) {
            reusable = s;
        }
    }
    if (reusable == NULL) {
        return &b->rest;
    }
    *reusable = (struct slot){.credit_us = FULL_CREDIT_US, .seen_us = now_us};
    memcpy(reusable->network, network, strlen(network) + 1);
    return reusable;
}

bool audit_budget_take(struct audit_budget *b, struct str remote, int64_t now_us)
{
    char network[AUDIT_NETWORK_BYTES];
    audit_network_of(remote, network);
    struct slot *s = find(b, network, now_us);
    earn(s, now_us);
    if (s->credit_us >= COST_US) {
        s->credit_us -= COST_US;
        return true;
    }
    s->counted++;
    return false;
}

static bool drain_slot(struct slot *s, struct audit_budget_sum *out)
{
    if (s->counted == 0) {
        return false;
    }
    memcpy(out->network, s->network, sizeof out->network);
    out->count = s->counted;
    s->counted = 0;
    return true;
}

bool audit_budget_drain(struct audit_budget *b, struct audit_budget_sum *out)
{
    for (size_t i = 0; i < SLOTS; i++) {
        struct slot *s = &b->slots[(b->drained + i) % SLOTS];
        if (drain_slot(s, out)) {
            b->drained = (b->drained + i + 1) % SLOTS;
            return true;
        }
    }
    return drain_slot(&b->rest, out);
}
