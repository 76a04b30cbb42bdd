/* SPDX-License-Identifier: Apache-2.0 */
/* Where a store may lie: a directory of a local file system, and for writing one that takes it. */
#include "local/store_internal.h"

#include <errno.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

/*
 * File systems of other hosts. SQLite's log needs memory that all readers and writers share, and
 * locks that hold (https://www.sqlite.org/wal.html, "All processes using a database must be on the
 * same host"); rename and fsync promise less there too.
 */
static const struct {
    uint32_t magic;
    const char *name;
} remote_systems[] = {
    {NFS_SUPER_MAGIC, "NFS"},     {SMB_SUPER_MAGIC, "SMB"}, {CIFS_SUPER_MAGIC, "CIFS"},
    {SMB2_SUPER_MAGIC, "SMB"},    {AFS_SUPER_MAGIC, "AFS"}, {AFS_FS_MAGIC, "AFS"},
    {CODA_SUPER_MAGIC, "Coda"},   {V9FS_MAGIC, "9P"},       {CEPH_SUPER_MAGIC, "CephFS"},
    {OCFS2_SUPER_MAGIC, "OCFS2"},
};

/* The directory, or of a path that is to be made the nearest one that is there. */
static void nearest(const char *directory, char path[PATH_MAX])
{
    (void)snprintf(path, PATH_MAX, "%s", directory);
    while (path[0] != '\0' && access(path, F_OK) != 0) {
        char *slash = strrchr(path, '/');
        if (slash == NULL) {
            path[0] = '\0';
        } else {
            slash[slash == path && slash[1] != '\0' ? 1 : 0] = '\0';
        }
    }
    if (path[0] == '\0') {
        (void)snprintf(path, PATH_MAX, ".");
    }
}

static iso_status refuse_remote(const char *directory, const char *path, struct iso_error *err)
{
    struct statfs system;
    if (statfs(path, &system) != 0) {
        ISO_FAIL(IO, err, "%s: %s", path, strerror(errno));
    }
    for (size_t i = 0; i < sizeof remote_systems / sizeof remote_systems[0]; i++) {
        if ((uint32_t)system.f_type == remote_systems[i].magic) {
            ISO_FAIL(BAD_ARGUMENT, err,
                     "%s lies on %s, where locks and fsync do not hold between hosts; keep the"
                     " store on a local disk",
                     directory, remote_systems[i].name);
        }
    }
    return ISO_OK;
}

static iso_status refuse_unwritable(const char *directory, const char *path, struct iso_error *err)
{
    if (access(path, W_OK | X_OK) == 0) {
        return ISO_OK;
    }
    int why = errno;
    bool is_there = strcmp(directory, path) == 0;
    ISO_FAIL(IO, err, "the store at %s cannot be %s: %s: %s%s", directory,
             is_there ? "written" : "made", path, strerror(why),
             is_there ? "; reading it is possible" : "");
}

iso_status store_check_place(const char *directory, enum store_mode mode, struct iso_error *err)
{
    char path[PATH_MAX];
    struct stat info;
    if (strlen(directory) > PATH_MAX - 64) {
        ISO_FAIL(LIMIT, err, "the path %.60s... is too long for a store", directory);
    }
    nearest(directory, path);
    if (stat(path, &info) == 0 && !S_ISDIR(info.st_mode)) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s is no directory, so there can be no store at %s", path,
                 directory);
    }
    ISO_TRY(refuse_remote(directory, path, err));
    return mode == STORE_READ ? ISO_OK : refuse_unwritable(directory, path, err);
}
