/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/owner.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static void read_line(const char *path, char *target, size_t target_bytes)
{
    target[0] = '\0';
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        return;
    }
    if (fgets(target, (int)target_bytes, file) == NULL) {
        target[0] = '\0';
    }
    (void)fclose(file);
    target[strcspn(target, "\n")] = '\0';
}

/* Field 22 of /proc/PID/stat: start in clock ticks since boot (proc(5)); -1 where there is none, or
 * where the process is dead and only waits to be reaped (field 3 is Z or X).
 * The command's name may hold anything, so fields are counted from the last ')'. */
static long long start_of(long pid)
{
    char path[64];
    char line[1024];
    (void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
    read_line(path, line, sizeof line);
    const char *cursor = strrchr(line, ')');
    if (cursor != NULL && (strncmp(cursor, ") Z", 3) == 0 || strncmp(cursor, ") X", 3) == 0)) {
        return -1;
    }
    for (int field = 2; cursor != NULL && field < 22; field++) {
        cursor = strchr(cursor + 1, ' ');
    }
    return cursor == NULL ? -1 : strtoll(cursor, NULL, 10);
}

static void format(long pid, long long start, char target[OWNER_BYTES])
{
    char boot[64];
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof boot);
    (void)snprintf(target, OWNER_BYTES, "%.40s:%ld:%lld", boot, pid, start);
}

void owner_self(char target[OWNER_BYTES])
{
    format((long)getpid(), start_of((long)getpid()), target);
}

bool owner_lives(const char *owner)
{
    const char *colon = strchr(owner, ':');
    if (colon == NULL) {
        return false;
    }
    long pid = strtol(colon + 1, NULL, 10);
    long long start = start_of(pid);
    char same[OWNER_BYTES];
    format(pid, start, same);
    return start >= 0 && strcmp(same, owner) == 0;
}
