// SPDX-License-Identifier: ISC
#include "vault/core/metrics.h"

#include <dirent.h>
#include <stdio.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "vault/base/clock.h"
#include "vault/base/macros.h"

static struct metrics_source sources[METRICS_SOURCES_MAX];
static size_t source_count;
static struct metrics_section sections[METRICS_SECTIONS_MAX];
static size_t section_count;

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

void metrics_register_section(struct metrics_section section)
{
    REQUIRE(section_count < ARRAY_LEN(sections));
    sections[section_count++] = section;
}

void metrics_put_sections(struct buffer *out)
{
    for (size_t i = 0; i < section_count; i++) {
        sections[i].put(sections[i].ctx, out);
    }
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

static void put_label_value(struct buffer *out, struct str value)
{
    for (size_t i = 0; i < value.len; i++) {
        char c = value.ptr[i];
        if (c == '\n') {
            buffer_append_c(out, "\\n");
            continue;
        }
        if (c == '"' || c == '\\') {
            buffer_append_c(out, "\\");
        }
        buffer_append_byte(out, (uint8_t)c);
    }
}

void metrics_put_labelled(struct buffer *out, const char *name, const char *label,
                          struct str label_value, int64_t value)
{
    buffer_append_c(out, name);
    buffer_append_c(out, "{");
    buffer_append_c(out, label);
    buffer_append_c(out, "=\"");
    put_label_value(out, label_value);
    buffer_append_c(out, "\"} ");
    buffer_append_int(out, value);
    buffer_append_c(out, "\n");
}

void metrics_put_single(struct buffer *out, const char *name, const char *help,
                        enum metrics_kind kind, int64_t value)
{
    metrics_put_head(out, name, help, kind);
    metrics_put_sample(out, name, NULL, value);
}

void metrics_put_seconds(struct buffer *out, const char *name, const char *labels, int64_t us)
{
    char text[32];
    snprintf(text, sizeof text, "%lld.%06lld\n", (long long)(us / CLOCK_SECOND),
             (long long)(us % CLOCK_SECOND));
    put_name(out, name, labels);
    buffer_append_c(out, text);
}

// A number from a line of proc(5): the word at `index`, counted from the closing parenthesis where
// there is one (it ends the program's name, which may hold anything). 0 when the system doesn't
// tell.
static int64_t read_word(const char *file, size_t index)
{
    char text[1024];
    FILE *f = fopen(file, "re");
    if (f == NULL) {
        return 0;
    }
    struct str rest = {text, fread(text, 1, sizeof text, f)};
    fclose(f);
    struct str word;
    struct str after;
    while (str_split(rest, ')', &word, &after)) {
        rest = after;
    }
    rest = str_trim(rest);
    for (size_t i = 0; i <= index; i++) {
        str_split(rest, ' ', &word, &rest);
    }
    int64_t value = 0;
    status_ignore(str_parse_int(word, &value)); // 0 then
    return value;
}

static int64_t memory_bytes(size_t word)
{
    return read_word("/proc/self/statm", word) * sysconf(_SC_PAGESIZE);
}

static int64_t open_descriptors(void)
{
    DIR *folder = opendir("/proc/self/fd");
    if (folder == NULL) {
        return 0;
    }
    int64_t count = -1; // the folder's own
    while (readdir(folder) != NULL) {
        count++;
    }
    closedir(folder);
    return count - 2; // `.` and `..`
}

static int64_t most_descriptors(void)
{
    struct rlimit most;
    return getrlimit(RLIMIT_NOFILE, &most) == 0 ? (int64_t)most.rlim_cur : 0;
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

static int64_t uptime_us(void)
{
    enum { START_TIME = 19 }; // field 22 of proc(5), in clock ticks since the machine's start
    struct timespec since_boot;
    int64_t ticks = read_word("/proc/self/stat", START_TIME);
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
    metrics_put_single(out, "process_resident_memory_bytes", "Resident memory.", METRICS_GAUGE,
                       memory_bytes(1));
    metrics_put_single(out, "process_virtual_memory_bytes", "Virtual memory.", METRICS_GAUGE,
                       memory_bytes(0));
    metrics_put_single(out, "process_open_fds", "Open descriptors.", METRICS_GAUGE,
                       open_descriptors());
    metrics_put_single(out, "process_max_fds", "Most descriptors that may be open.", METRICS_GAUGE,
                       most_descriptors());
    put_time(out, "process_cpu_seconds_total", "Processor time used.", METRICS_COUNTER,
             processor_us());
    put_time(out, "process_start_time_seconds", "When the process was started.", METRICS_GAUGE,
             clock_wall_us() - up_us);
    put_time(out, "rotunda_uptime_seconds", "Time since then.", METRICS_GAUGE, up_us);
}
