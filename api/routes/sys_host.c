// SPDX-License-Identifier: ISC
// sys/host-info: the machine that this node runs on.
#include <stdlib.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "api/routes/answer.h"
#include "api/routes/route_tables.h"

struct host_info {
    struct sysinfo system;
    struct utsname name;
    double load[3]; // over 1, 5 and 15 minutes
    long processors;
};

static struct status read_host(struct host_info *out)
{
    if (sysinfo(&out->system) != 0 || uname(&out->name) != 0 ||
        getloadavg(out->load, ARRAY_LEN(out->load)) != ARRAY_LEN(out->load)) {
        FAIL(UNAVAILABLE, "the system doesn't tell about itself");
    }
    out->processors = sysconf(_SC_NPROCESSORS_ONLN);
    return OK_STATUS;
}

static int64_t in_bytes(const struct host_info *h, unsigned long units)
{
    return (int64_t)((uint64_t)units * h->system.mem_unit);
}

static void put_host(struct json_writer *w, const struct host_info *h)
{
    json_put_key(w, "host");
    json_begin_object(w);
    json_add_string(w, "hostname", str_from_c(h->name.nodename));
    json_add_string(w, "os", STR("linux"));
    json_add_string(w, "kernelVersion", str_from_c(h->name.release));
    json_add_string(w, "kernelArch", str_from_c(h->name.machine));
    json_add_int(w, "uptime", h->system.uptime);
    json_add_int(w, "procs", h->system.procs);
    json_end_object(w);
}

static void put_memory(struct json_writer *w, const struct host_info *h)
{
    json_put_key(w, "memory");
    json_begin_object(w);
    json_add_int(w, "total", in_bytes(h, h->system.totalram));
    json_add_int(w, "free", in_bytes(h, h->system.freeram));
    json_add_int(w, "buffers", in_bytes(h, h->system.bufferram));
    json_add_int(w, "swapTotal", in_bytes(h, h->system.totalswap));
    json_add_int(w, "swapFree", in_bytes(h, h->system.freeswap));
    json_end_object(w);
}

static struct status put_load(struct json_writer *w, struct arena *arena, const struct host_info *h)
{
    struct str text;
    TRY(arena_printf(arena, &text, "[%.2f,%.2f,%.2f]", h->load[0], h->load[1], h->load[2]));
    json_add_raw(w, "load", text);
    return OK_STATUS;
}

static struct status get_host_info(struct operation *op, struct http_request *req,
                                   struct http_response *res)
{
    (void)req;
    TRY(operation_enter(op, POLICY_OP_READ));
    TRY(operation_require_sudo(op));
    struct host_info h;
    TRY(read_host(&h));
    struct json_writer w = answer_begin(op, res);
    json_begin_object(&w);
    json_add_time(&w, "timestamp", clock_wall_us());
    json_add_int(&w, "cpu_count", h.processors);
    TRY(put_load(&w, op->arena, &h));
    put_host(&w, &h);
    put_memory(&w, &h);
    json_end_object(&w);
    return answer_end(&w);
}

static const struct route routes[] = {
    {HTTP_ALLOW(GET), "host-info", get_host_info, ROUTE_PLAIN},
};

const struct route_table sys_host_routes = {
    .prefix = "sys", .routes = routes, .count = ARRAY_LEN(routes)};
