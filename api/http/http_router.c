// SPDX-License-Identifier: ISC
#include "api/http/http_router.h"

#include <string.h>

// A route as added: which one, with which context.
struct binding {
    const struct http_route *route;
    void *ctx;
};

// What follows a segment. Literal children are sorted by text; invariant: a node is reachable by
// exactly one pattern prefix.
struct node {
    struct str text; // the literal segment that leads here
    struct node **literals;
    size_t literal_count;
    struct node *param;
    struct node *rest; // a leaf
    uint32_t methods;
    struct binding bindings[HTTP_METHOD_COUNT];
};

struct http_router {
    struct node root;
};

static void node_free(struct node *n)
{
    if (n == NULL) {
        return;
    }
    for (size_t i = 0; i < n->literal_count; i++) {
        node_free(n->literals[i]);
    }
    free(n->literals);
    node_free(n->param);
    node_free(n->rest);
    free(n);
}

void http_router_free(struct http_router *r)
{
    if (r != NULL) {
        node_free(&r->root); // the root is the router's first member
    }
}

struct http_router *http_router_new(void)
{
    _Static_assert(offsetof(struct http_router, root) == 0, "freed through its root");
    return calloc(1, sizeof(struct http_router));
}

// Index of the first literal not before `text`.
static size_t literal_index(const struct node *n, struct str text)
{
    size_t low = 0;
    size_t high = n->literal_count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (str_compare(n->literals[middle]->text, text) < 0) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static struct node *literal_find(const struct node *n, struct str text)
{
    size_t at = literal_index(n, text);
    bool found = at < n->literal_count && str_equal(n->literals[at]->text, text);
    return found ? n->literals[at] : NULL;
}

static struct node *literal_add(struct node *n, struct str text)
{
    struct node **grown = realloc(n->literals, (n->literal_count + 1) * sizeof(struct node *));
    if (grown == NULL) {
        return NULL;
    }
    n->literals = grown;
    struct node *child = calloc(1, sizeof *child);
    if (child == NULL) {
        return NULL;
    }
    child->text = text;
    size_t at = literal_index(n, text);
    memmove(grown + at + 1, grown + at, (n->literal_count - at) * sizeof(struct node *));
    grown[at] = child;
    n->literal_count++;
    return child;
}

// The child for a pattern's segment, made when it isn't there. NULL when memory is short.
static struct node *child_for(struct node *n, struct str segment)
{
    if (segment.ptr[0] == ':' || segment.ptr[0] == '*') {
        struct node **slot = segment.ptr[0] == ':' ? &n->param : &n->rest;
        if (*slot == NULL) {
            *slot = calloc(1, sizeof **slot);
        }
        return *slot;
    }
    struct node *child = literal_find(n, segment);
    return child != NULL ? child : literal_add(n, segment);
}

static struct status walk_pattern(struct node **n, struct str pattern, size_t *params)
{
    while (pattern.len > 0) {
        struct str segment;
        bool more = str_split(pattern, '/', &segment, &pattern);
        bool wild = segment.len > 0 && (segment.ptr[0] == ':' || segment.ptr[0] == '*');
        if (segment.len == (wild ? 1U : 0U) ||
            (more && (pattern.len == 0 || segment.ptr[0] == '*'))) {
            FAIL(INVALID, "malformed route pattern");
        }
        *params += wild;
        if (*params > HTTP_ROUTE_PARAMS) {
            FAIL(INVALID, "too many parameters in a route pattern");
        }
        *n = child_for(*n, segment);
        if (*n == NULL) {
            FAIL(NOMEM, "out of memory");
        }
    }
    return OK_STATUS;
}

static struct status add_route(struct http_router *r, const char *prefix,
                               const struct http_route *route, void *ctx)
{
    struct node *n = &r->root;
    size_t params = 0;
    TRY(walk_pattern(&n, str_from_c(prefix), &params));
    if (params > 0) {
        FAIL(INVALID, "a route prefix can't have parameters");
    }
    TRY(walk_pattern(&n, str_from_c(route->pattern), &params));
    if ((n->methods & route->methods) != 0) {
        FAIL(CONFLICT, "two routes for one method and pattern");
    }
    n->methods |= route->methods;
    for (size_t m = 0; m < HTTP_METHOD_COUNT; m++) {
        if ((route->methods & (UINT32_C(1) << m)) != 0) {
            n->bindings[m] = (struct binding){route, ctx};
        }
    }
    return OK_STATUS;
}

struct status http_router_add(struct http_router *r, const char *prefix,
                              const struct http_route *routes, size_t count, void *ctx)
{
    for (size_t i = 0; i < count; i++) {
        TRY(add_route(r, prefix, &routes[i], ctx));
    }
    return OK_STATUS;
}

struct lookup {
    const struct http_path *path;
    enum http_method method;
    struct http_match *match;
    struct str values[HTTP_ROUTE_PARAMS];
    size_t value_count;
};

static bool method_served(const struct node *n, enum http_method wanted, enum http_method *served)
{
    enum http_method stand_in = wanted;
    if (wanted == HTTP_PUT) {
        stand_in = HTTP_POST;
    } else if (wanted == HTTP_HEAD) {
        stand_in = HTTP_GET;
    }
    *served = (n->methods & (UINT32_C(1) << wanted)) != 0 ? wanted : stand_in;
    return (n->methods & (UINT32_C(1) << *served)) != 0;
}

// Names come from the pattern that matched, values from the path: patterns may share a node and
// yet name their parameters differently.
static void name_params(struct lookup *l)
{
    struct str pattern = str_from_c(l->match->route->pattern);
    size_t count = 0;
    while (pattern.len > 0) {
        struct str segment;
        str_split(pattern, '/', &segment, &pattern);
        if (segment.ptr[0] == ':' || segment.ptr[0] == '*') {
            l->match->params[count] = (struct http_param){str_skip(segment, 1), l->values[count]};
            count++;
        }
    }
    l->match->param_count = count;
}

static bool accept_node(struct lookup *l, const struct node *n)
{
    enum http_method served;
    if (n->methods == 0) {
        return false;
    }
    if (!method_served(n, l->method, &served)) {
        l->match->found = HTTP_NO_METHOD;
        l->match->allowed |= n->methods;
        return false;
    }
    l->match->found = HTTP_FOUND;
    l->match->route = n->bindings[served].route;
    l->match->ctx = n->bindings[served].ctx;
    name_params(l);
    return true;
}

static struct str rest_of(const struct http_path *path, size_t from)
{
    size_t offset = (size_t)(path->segments[from].ptr - path->text.ptr);
    return str_skip(path->text, offset);
}

// Depth is bounded by the longest pattern, and at each level at most three ways are tried.
static bool find_below(struct lookup *l, const struct node *n, size_t at)
{
    if (at == l->path->count) {
        return accept_node(l, n);
    }
    struct str segment = l->path->segments[at];
    const struct node *literal = literal_find(n, segment);
    if (literal != NULL && find_below(l, literal, at + 1)) {
        return true;
    }
    if (n->param != NULL) {
        l->values[l->value_count++] = segment;
        if (find_below(l, n->param, at + 1)) {
            return true;
        }
        l->value_count--;
    }
    if (n->rest != NULL) {
        l->values[l->value_count] = rest_of(l->path, at);
        return accept_node(l, n->rest);
    }
    return false;
}

void http_router_find(const struct http_router *r, enum http_method method,
                      const struct http_path *path, size_t skip, struct http_match *out)
{
    *out = (struct http_match){.found = HTTP_NO_PATH};
    struct lookup l = {.path = path, .method = method, .match = out};
    if (skip <= path->count) {
        find_below(&l, &r->root, skip);
    }
}

static void answer_no_method(uint32_t allowed, struct http_response *res)
{
    char names[HTTP_ALLOW_BYTES];
    http_method_format_set(allowed, names);
    http_response_error(res, 405, STR("unsupported operation"));
    // Without the header the answer still says what is wrong.
    status_ignore(http_response_add_header(res, "Allow", str_from_c(names)));
}

void http_router_serve(const struct http_router *r, struct http_request *req,
                       struct http_response *res)
{
    struct http_match match;
    http_router_find(r, req->method, &req->path, 0, &match);
    switch (match.found) {
    case HTTP_FOUND:
        req->params = (struct http_params){match.params, match.param_count};
        match.route->handle(match.ctx, req, res);
        req->params = (struct http_params){NULL, 0};
        break;
    case HTTP_NO_METHOD:
        answer_no_method(match.allowed, res);
        break;
    case HTTP_NO_PATH:
        http_response_error(res, 404, (struct str){NULL, 0});
        break;
    }
}

// As Go's strconv.ParseBool has it; Python clients send `True`.
static bool is_true(const struct http_params *query, struct str name)
{
    static const char *const spellings[] = {"1", "t", "T", "true", "TRUE", "True"};
    struct str value;
    if (!http_params_get(query, name, &value)) {
        return false;
    }
    for (size_t i = 0; i < ARRAY_LEN(spellings); i++) {
        if (str_equal_c(value, spellings[i])) {
            return true;
        }
    }
    return false;
}

enum http_method http_router_method(enum http_method sent, const struct http_params *query)
{
    if (sent == HTTP_PUT) {
        return HTTP_POST;
    }
    if (sent == HTTP_GET && is_true(query, STR("list"))) {
        return HTTP_LIST;
    }
    if (sent == HTTP_GET && is_true(query, STR("scan"))) {
        return HTTP_SCAN;
    }
    return sent;
}
