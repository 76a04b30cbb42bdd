/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The n-th change that this program makes on disk, by whomever it is linked with (SQLite too),
 * fails or kills the process in its stead. The functions here take the place of the C library's, so
 * only one source file of a test may include this.
 */
#ifndef TEST_FAULT_POINT_H
#define TEST_FAULT_POINT_H

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <unistd.h>

enum fault_kind { FAULT_NONE, FAULT_ONCE, FAULT_FOR_EVER, FAULT_KILL };

static struct {
    enum fault_kind kind;
    int calls_left;
    bool happened;
} fault_point;

static inline void fault_arm(enum fault_kind kind, int calls_left)
{
    fault_point.kind = kind;
    fault_point.calls_left = calls_left;
    fault_point.happened = false;
}

static inline bool fault_is_now(void)
{
    if (fault_point.kind == FAULT_NONE || fault_point.calls_left-- > 0) {
        return false;
    }
    if (fault_point.kind == FAULT_KILL) {
        (void)kill(getpid(), SIGKILL);
    }
    if (fault_point.kind == FAULT_ONCE) {
        fault_point.kind = FAULT_NONE;
    }
    fault_point.happened = true;
    errno = ENOSPC;
    return true;
}

/* The parameters have other names in the C library's headers, which are reserved there. */
/* NOLINTBEGIN(readability-inconsistent-declaration-parameter-name) */
ssize_t write(int file, const void *bytes, size_t length)
{
    return fault_is_now() ? -1 : syscall(SYS_write, file, bytes, length);
}

ssize_t pwrite(int file, const void *bytes, size_t length, off_t offset)
{
    return fault_is_now() ? -1 : syscall(SYS_pwrite64, file, bytes, length, offset);
}

int fsync(int file)
{
    return fault_is_now() ? -1 : (int)syscall(SYS_fsync, file);
}

int fdatasync(int file)
{
    return fault_is_now() ? -1 : (int)syscall(SYS_fdatasync, file);
}

int ftruncate(int file, off_t length)
{
    return fault_is_now() ? -1 : (int)syscall(SYS_ftruncate, file, length);
}

int rename(const char *from, const char *to)
{
    return fault_is_now() ? -1 : (int)syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, 0);
}

int unlink(const char *path)
{
    return fault_is_now() ? -1 : (int)syscall(SYS_unlinkat, AT_FDCWD, path, 0);
}
/* NOLINTEND(readability-inconsistent-declaration-parameter-name) */

#endif
