/* SPDX-License-Identifier: Apache-2.0 */
/* A scratch directory, generated bars, and a struct os whose n-th call fails. */
#ifndef TEST_FIXTURE_H
#define TEST_FIXTURE_H

#include "test.h"

#include "base/os.h"
#include "base/rng.h"
#include "market/bars.h"
#include "market/series.h"

#include <errno.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static char scratch[64];

static inline int remove_entry(const char *path, const struct stat *info, int kind,
                               struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static inline int scratch_make(void **state)
{
    (void)state;
    (void)snprintf(scratch, sizeof scratch, "/tmp/isobar-test-XXXXXX");
    return mkdtemp(scratch) == NULL ? -1 : 0;
}

static inline int scratch_remove(void **state)
{
    (void)state;
    return nftw(scratch, remove_entry, 16, FTW_DEPTH | FTW_PHYS);
}

/* A random walk on a grid of cents with decimal volumes; every 97th bar has volume -0.0. */
static inline struct bar make_bar(int64_t time_us, uint32_t salt)
{
    struct rng rng = rng_stream((uint64_t)time_us, salt, 0, RNG_TEST);
    double base = 100.0 + (double)rng_below(&rng, 1000) / 100.0;
    double up = (double)rng_below(&rng, 50) / 100.0;
    struct bar bar = {.time_us = time_us,
                      .value = {base, base + up, base - up, base + up / 2,
                                (double)rng_below(&rng, 100000) / 1000.0, BAR_ABSENT},
                      .trade_count = rng_below(&rng, 500)};
    bar.value[BAR_volume] = rng_below(&rng, 97) == 0 ? -0.0 : bar.value[BAR_volume];
    return bar;
}

static inline void add_bars(struct bars *bars, int64_t from_us, int64_t step_us, size_t count,
                            uint32_t salt)
{
    struct iso_error err = {0};
    for (size_t i = 0; i < count; i++) {
        struct bar bar = make_bar(from_us + (int64_t)i * step_us, salt);
        assert_ok(bars_append(bars, &bar, &err));
    }
}

static inline void assert_bars_equal(const struct bars *a, const struct bars *b)
{
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        struct bar x = bars_get(a, i);
        struct bar y = bars_get(b, i);
        if (!bar_equal(&x, &y)) {
            fail_msg("bar %zu of %zu differs", i, a->count);
        }
    }
}

/* An os that does the real thing until its countdown is over; then calls fail, once or for ever
 * after. */
struct failing_os {
    struct os os;
    int calls_left;
    bool for_ever;
    bool failed; /* a call was made to fail */
};

static inline bool fails_now(void *context)
{
    struct failing_os *failing = context;
    bool fails = failing->for_ever ? failing->calls_left <= 0 : failing->calls_left == 0;
    failing->calls_left--;
    failing->failed = failing->failed || fails;
    errno = fails ? ENOSPC : errno;
    return fails;
}

static inline int failing_open(void *context, const char *path, int flags, mode_t mode)
{
    return fails_now(context) ? -1 : os_system()->open(NULL, path, flags, mode);
}

static inline ssize_t failing_write(void *context, int file, const void *bytes, size_t length)
{
    return fails_now(context) ? -1 : os_system()->write(NULL, file, bytes, length);
}

static inline int failing_fsync(void *context, int file)
{
    return fails_now(context) ? -1 : os_system()->fsync(NULL, file);
}

static inline int failing_close(void *context, int file)
{
    int result = os_system()->close(NULL, file);
    return fails_now(context) ? -1 : result;
}

static inline int failing_rename(void *context, const char *from, const char *to)
{
    return fails_now(context) ? -1 : os_system()->rename(NULL, from, to);
}

static inline int failing_mkdir(void *context, const char *path, mode_t mode)
{
    return fails_now(context) ? -1 : os_system()->mkdir(NULL, path, mode);
}

static inline void failing_init(struct failing_os *failing, int calls_left, bool for_ever)
{
    *failing =
        (struct failing_os){.os = *os_system(), .calls_left = calls_left, .for_ever = for_ever};
    failing->os.context = failing;
    failing->os.open = failing_open;
    failing->os.write = failing_write;
    failing->os.fsync = failing_fsync;
    failing->os.close = failing_close;
    failing->os.rename = failing_rename;
    failing->os.mkdir = failing_mkdir;
}

#endif
