/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The door to the system: every clock reading and every change on disk goes through a struct os, so
 * that a test can pass one whose n-th call fails. os_system() is the real one.
 */
#ifndef BASE_OS_H
#define BASE_OS_H

#include "base/status.h"

#include <sys/types.h>

/* Calls return as the POSIX functions of the same name: -1 and errno on failure. */
struct os {
    void *context;
    int64_t (*clock_us)(void *context);     /* wall clock, microseconds since 1970 UTC */
    int64_t (*monotonic_us)(void *context); /* never jumps; for durations and deadlines */
    int (*open)(void *context, const char *path, int flags, mode_t mode);
    ssize_t (*write)(void *context, int file, const void *bytes, size_t length);
    int (*fsync)(void *context, int file);
    int (*close)(void *context, int file);
    int (*rename)(void *context, const char *from, const char *to);
    int (*unlink)(void *context, const char *path);
    int (*mkdir)(void *context, const char *path, mode_t mode);
};

const struct os *os_system(void);

/* Fill target with length bytes of the system's entropy; aborts where the system has none. */
void os_entropy(void *target, size_t length);

#endif
