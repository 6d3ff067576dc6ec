// SPDX-License-Identifier: ISC
// For LD_PRELOAD, or to be linked with: the clock on the wall goes wrong by
// ROTUNDA_TEST_CLOCK_SHIFT_S seconds. The monotonic clock stays what it is. The kernel doesn't
// know: whoever waits for a time by the wall's clock waits as if it had been set back (or forward)
// just then.
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

static time_t shift_s(void)
{
    const char *text = getenv("ROTUNDA_TEST_CLOCK_SHIFT_S");
    return text == NULL ? 0 : strtol(text, NULL, 10);
}

int clock_gettime(clockid_t id, struct timespec *out)
{
    int failed = (int)syscall(SYS_clock_gettime, id, out);
    if (failed == 0 && (id == CLOCK_REALTIME || id == CLOCK_REALTIME_COARSE)) {
        out->tv_sec += shift_s();
    }
    return failed;
}

int gettimeofday(struct timeval *restrict out, void *restrict zone)
{
    struct timespec now;
    (void)zone;
    clock_gettime(CLOCK_REALTIME, &now);
    *out = (struct timeval){.tv_sec = now.tv_sec, .tv_usec = now.tv_nsec / 1000};
    return 0;
}

time_t time(time_t *out)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    if (out != NULL) {
        *out = now.tv_sec;
    }
    return now.tv_sec;
}
