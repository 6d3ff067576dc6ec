// SPDX-License-Identifier: ISC
#include "vault/core/metrics.h"

#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "vault/base/clock.h"
#include "vault/base/macros.h"

static struct metrics_source sources[METRICS_SOURCES_MAX];
static size_t source_count;

void metrics_register(const struct metrics_source *source)
{
    REQUIRE(source_count < ARRAY_LEN(sources));
    sources[source_count++] = *source;
}

size_t metrics_source_count(void)
{
    return source_count;
}

const struct metrics_source *metrics_source_at(size_t i)
{
    REQUIRE(i < source_count);
    return &sources[i];
}

void metrics_put_head(struct buffer *out, const char *name, const char *help,
                      enum metrics_kind kind)
{
    buffer_append_c(out, "# HELP ");
    buffer_append_c(out, name);
    buffer_append_c(out, " ");
    buffer_append_c(out, help);
    buffer_append_c(out, "\n# TYPE ");
    buffer_append_c(out, name);
    buffer_append_c(out, kind == METRICS_COUNTER ? " counter\n" : " gauge\n");
}

static void put_name(struct buffer *out, const char *name, const char *labels)
{
    buffer_append_c(out, name);
    if (labels != NULL) {
        buffer_append_c(out, "{");
        buffer_append_c(out, labels);
        buffer_append_c(out, "}");
    }
    buffer_append_c(out, " ");
}

void metrics_put_sample(struct buffer *out, const char *name, const char *labels, int64_t value)
{
    put_name(out, name, labels);
    buffer_append_int(out, value);
    buffer_append_c(out, "\n");
}

void metrics_put_seconds(struct buffer *out, const char *name, const char *labels, int64_t us)
{
    char text[32];
    snprintf(text, sizeof text, "%lld.%06lld\n", (long long)(us / CLOCK_SECOND),
             (long long)(us % CLOCK_SECOND));
    put_name(out, name, labels);
    buffer_append_c(out, text);
}

// Resident pages; 0 when the system doesn't tell.
static int64_t resident_bytes(void)
{
    long long pages = 0;
    FILE *f = fopen("/proc/self/statm", "re");
    if (f == NULL) {
        return 0;
    }
    if (fscanf(f, "%*d %lld", &pages) != 1) {
        pages = 0;
    }
    fclose(f);
    return pages * sysconf(_SC_PAGESIZE);
}

static int64_t processor_us(void)
{
    struct rusage usage;
    if (getrusage(RUSAGE_SELF, &usage) != 0) {
        return 0;
    }
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * (int64_t)CLOCK_SECOND +
           usage.ru_utime.tv_usec + usage.ru_stime.tv_usec;
}

// When the process was started, in clock ticks after the machine (proc(5), /proc/pid/stat); 0 when
// the system doesn't tell. The second field is a name in parentheses and may hold anything.
static int64_t start_ticks(void)
{
    char text[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    if (f == NULL) {
        return 0;
    }
    size_t len = fread(text, 1, sizeof text - 1, f);
    fclose(f);
    text[len] = '\0';
    unsigned long long ticks = 0;
    const char *rest = strrchr(text, ')');
    if (rest == NULL || sscanf(rest + 1,
                               " %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d "
                               "%*d %*d %*d %llu",
                               &ticks) != 1) {
        return 0;
    }
    return (int64_t)ticks;
}

static int64_t uptime_us(void)
{
    struct timespec since_boot;
    int64_t ticks = start_ticks();
    if (ticks == 0 || clock_gettime(CLOCK_BOOTTIME, &since_boot) != 0) {
        return 0;
    }
    int64_t now_us = since_boot.tv_sec * (int64_t)CLOCK_SECOND + since_boot.tv_nsec / 1000;
    return now_us - ticks * (CLOCK_SECOND / sysconf(_SC_CLK_TCK));
}

static void put_time(struct buffer *out, const char *name, const char *help, enum metrics_kind kind,
                     int64_t us)
{
    metrics_put_head(out, name, help, kind);
    metrics_put_seconds(out, name, NULL, us);
}

// Prometheus' own names for what every process has.
void metrics_put_process(struct buffer *out)
{
    int64_t up_us = uptime_us();
    metrics_put_head(out, "process_resident_memory_bytes", "Resident memory.", METRICS_GAUGE);
    metrics_put_sample(out, "process_resident_memory_bytes", NULL, resident_bytes());
    put_time(out, "process_cpu_seconds_total", "Processor time used.", METRICS_COUNTER,
             processor_us());
    put_time(out, "process_start_time_seconds", "When the process was started.", METRICS_GAUGE,
             clock_wall_us() - up_us);
    put_time(out, "rotunda_uptime_seconds", "Time since then.", METRICS_GAUGE, up_us);
}
