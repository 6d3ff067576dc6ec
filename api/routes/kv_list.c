// SPDX-License-Identifier: ISC
// Folders: LIST and SCAN of metadata and detailed-metadata.
#include "api/routes/kv_routes.h"
#include "api/routes/route_page.h"
#include "vault/secrets/kv/kv_list.h"

// The page that was asked for; `rows` has at least one entry.
static struct status load_page(struct operation *op, const struct http_request *req,
                               struct http_response *res, struct kv_page *page,
                               struct store_rows *rows)
{
    struct route_page asked;
    struct str path = {NULL, 0};
    (void)http_params_get(&req->params, STR("path"), &path);
    page->recursive = req->method == HTTP_SCAN;
    TRY(operation_enter(op, page->recursive ? POLICY_OP_SCAN : POLICY_OP_LIST));
    TRY(route_page_read(op, req, res, &asked));
    TRY(route_folder(op, path, &page->folder));
    page->after = asked.after;
    page->limit = asked.limit;
    TRY(kv_list(op, page, rows));
    if (rows->count == 0) {
        FAIL(NOT_FOUND, "");
    }
    return OK_STATUS;
}

static void put_keys(struct json_writer *w, const struct store_rows *rows)
{
    json_put_key(w, "keys");
    json_begin_array(w);
    for (int i = 0; i < rows->count; i++) {
        json_put_string(w, store_get_text(rows, i, 0));
    }
    json_end_array(w);
}

struct status kv_list_metadata(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct kv_page page;
    TRY(load_page(op, req, res, &page, &rows));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    put_keys(&w, &rows);
    json_end_object(&w);
    return answer_end(&w);
}

// The secrets among the entries, with their whole paths.
static struct status collect_paths(const struct operation *op, const struct kv_page *page,
                                   const struct store_rows *rows, struct str **out,
                                   size_t *out_count)
{
    if (rows->count > KV_DETAILS_MAX) {
        FAIL(INVALID, "too many entries to detail at once: ask for pages, with limit and after");
    }
    struct str *paths = ARENA_ARRAY(op->arena, struct str, (size_t)rows->count);
    size_t count = 0;
    if (paths == NULL) {
        FAIL(NOMEM, "request needs more memory than its limit");
    }
    for (int i = 0; i < rows->count; i++) {
        struct str entry = store_get_text(rows, i, 0);
        if (!str_ends_with(entry, STR("/"))) {
            TRY(arena_printf(op->arena, &paths[count], "%.*s%.*s", STR_ARG(page->folder),
                             STR_ARG(entry)));
            count++;
        }
    }
    *out = paths;
    *out_count = count;
    return OK_STATUS;
}

static struct status put_details(struct operation *op, struct json_writer *w,
                                 const struct kv_page *page, struct kv_details *details)
{
    bool more;
    json_put_key(w, "key_info");
    json_begin_object(w);
    TRY(kv_details_next(op, details, &more));
    while (more) {
        json_put_key_str(w, str_skip(details->head.path, page->folder.len));
        kv_put_metadata(w, &details->head, details->states, details->state_count);
        TRY(kv_details_next(op, details, &more));
    }
    json_end_object(w);
    return OK_STATUS;
}

struct status kv_list_detailed(struct operation *op, struct http_request *req,
                               struct http_response *res)
{
    struct store_rows rows CLEANUP(store_rows_done) = {0};
    struct kv_details details CLEANUP(kv_details_done) = {0};
    struct kv_page page;
    struct str *paths;
    size_t count;
    TRY(load_page(op, req, res, &page, &rows));
    TRY(collect_paths(op, &page, &rows, &paths, &count));
    TRY(kv_details_load(op, paths, count, &details));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    TRY(put_details(op, &w, &page, &details));
    put_keys(&w, &rows);
    json_end_object(&w);
    return answer_end(&w);
}
