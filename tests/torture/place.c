/* SPDX-License-Identifier: Apache-2.0 */
/* Stores that are copied, suffer, and go. */
#include "worker.h"

#include "base/file.h"
#include "base/text.h"

#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static iso_status copy_one(const char *from, const char *to, struct iso_error *err)
{
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    ISO_TRY(file_read(from, (size_t)1 << 30, &bytes, err));
    int file = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool whole = file >= 0 && write(file, bytes.data, bytes.length) == (ssize_t)bytes.length;
    need(whole && close(file) == 0, "a copy", err);
    return ISO_OK;
}

struct copying {
    const char *from;
    const char *to;
};

static iso_status copy_entry(void *context, const char *name, struct iso_error *err)
{
    const struct copying *copying = context;
    char from[500];
    char to[500];
    struct stat info;
    (void)snprintf(from, sizeof from, "%s/%s", copying->from, name);
    (void)snprintf(to, sizeof to, "%s/%s", copying->to, name);
    if (stat(from, &info) == 0 && S_ISDIR(info.st_mode)) {
        struct copying inner = {from, to};
        need(mkdir(to, 0755) == 0, to, NULL);
        return directory_walk(from, copy_entry, &inner, err); /* two levels, no more */
    }
    return copy_one(from, to, err);
}

void place_copy(const char *from, const char *to)
{
    struct iso_error err = {0};
    struct copying copying = {from, to};
    need(mkdir(to, 0755) == 0, to, NULL);
    need(!iso_failed(directory_walk(from, copy_entry, &copying, &err)), "copy", &err);
}

void place_remove(const char *place)
{
    (void)nftw(place, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}
