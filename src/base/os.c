/* SPDX-License-Identifier: Apache-2.0 */
#include "base/os.h"

#include <fcntl.h>
#include <stdio.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

static int64_t read_clock_us(clockid_t clock)
{
    struct timespec now;
    int failed = clock_gettime(clock, &now);
    ISO_ASSERT(failed == 0);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static int64_t system_clock_us(void *context)
{
    (void)context;
    return read_clock_us(CLOCK_REALTIME);
}

static int64_t system_monotonic_us(void *context)
{
    (void)context;
    return read_clock_us(CLOCK_MONOTONIC);
}

static int system_open(void *context, const char *path, int flags, mode_t mode)
{
    (void)context;
    return open(path, flags | O_CLOEXEC, mode);
}

static ssize_t system_write(void *context, int file, const void *bytes, size_t length)
{
    (void)context;
    return write(file, bytes, length);
}

static int system_fsync(void *context, int file)
{
    (void)context;
    return fsync(file);
}

static int system_close(void *context, int file)
{
    (void)context;
    return close(file);
}

static int system_rename(void *context, const char *from, const char *to)
{
    (void)context;
    return rename(from, to);
}

static int system_unlink(void *context, const char *path)
{
    (void)context;
    return unlink(path);
}

static int system_mkdir(void *context, const char *path, mode_t mode)
{
    (void)context;
    return mkdir(path, mode);
}

const struct os *os_system(void)
{
    static const struct os real = {
        .clock_us = system_clock_us,
        .monotonic_us = system_monotonic_us,
        .open = system_open,
        .write = system_write,
        .fsync = system_fsync,
        .close = system_close,
        .rename = system_rename,
        .unlink = system_unlink,
        .mkdir = system_mkdir,
    };
    return &real;
}

void os_entropy(void *target, size_t length)
{
    ISO_ASSERT(length <= 256); /* never interrupted or short up to here: getrandom(2) */
    ssize_t got = getrandom(target, length, 0);
    ISO_ASSERT(got == (ssize_t)length);
}
