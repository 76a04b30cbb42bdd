/* SPDX-License-Identifier: Apache-2.0 */
/* Files: read whole, publish so that a crash leaves the old state or the new one, walk a directory.
 */
#ifndef BASE_FILE_H
#define BASE_FILE_H

#include "base/os.h"

/* Bytes owned by the heap. All zero is the empty one. */
struct bytes {
    uint8_t *data;
    size_t length;
};

void bytes_reset(struct bytes *bytes);

/* Read a regular file of at most limit_bytes. Fails with NOT_FOUND, IO, LIMIT, OUT_OF_MEMORY. */
iso_status file_read(const char *path, size_t limit_bytes, struct bytes *bytes,
                     struct iso_error *err);

/* The name prefix of unfinished files; they are safe to remove once their writer is gone. */
#define FILE_TEMPORARY_PREFIX ".tmp."

enum { FILE_BATCH_MAX = 64, FILE_NAME_BYTES = 64 };

/*
 * Files that appear in a directory together: written to temporary files beside their places, then
 * all synced, then all renamed. Waiting for the disk once is what makes it fast: what one fsync
 * makes durable, the next need not wait for. All zero but os and directory is an empty one.
 */
struct file_batch {
    const struct os *os;
    const char *directory; /* borrowed */
    struct file_batch_entry {
        char name[FILE_NAME_BYTES];
        char temporary[FILE_NAME_BYTES];
        int file; /* -1 once closed */
        bool published;
    } entries[FILE_BATCH_MAX];
    size_t count;
};

/* Write a file's bytes; where the batch is full, those before it are published first. name is
 * shorter than FILE_NAME_BYTES. Fails with IO. */
iso_status file_batch_add(struct file_batch *batch, const char *name, const void *bytes,
                          size_t length, struct iso_error *err);
/* Sync and rename all. Durable only after directory_sync. Where it fails, some may have been
 * renamed. Fails with IO. */
iso_status file_batch_publish(struct file_batch *batch, struct iso_error *err);
/* Remove the temporary files of what was not published. */
void file_batch_reset(struct file_batch *batch);

/*
 * Write bytes to directory/name: a batch of one. Durable only after directory_sync. A failed call
 * removes its temporary file and leaves an existing directory/name as it was.
 */
iso_status file_publish(const struct os *os, const char *directory, const char *name,
                        const void *bytes, size_t length, struct iso_error *err);

/*
 * What writing to path would replace: *regular is false where something stands there that is no
 * regular file (a device, a pipe), which is to be written to and never replaced; *target is path
 * with symbolic links followed, for the caller to free. Fails with OUT_OF_MEMORY.
 */
iso_status file_resolve(const char *path, char **target, bool *regular, struct iso_error *err);

/* Write bytes to path, durably, whole or not at all where it is or becomes a regular file. Fails
 * with IO. */
iso_status file_write(const struct os *os, const char *path, const void *bytes, size_t length,
                      struct iso_error *err);

/* Make renames in the directory that holds path durable. */
iso_status file_sync_directory(const struct os *os, const char *path, struct iso_error *err);

/* Make renames in the directory durable. */
iso_status directory_sync(const struct os *os, const char *directory, struct iso_error *err);

/* Make the directory and its missing parents (mode 0777 less umask); one that exists is fine. */
iso_status directory_make(const struct os *os, const char *path, struct iso_error *err);

/* Call visit for each entry but "." and ".."; the first failing visit ends the walk. */
typedef iso_status directory_visit(void *context, const char *name, struct iso_error *err);
iso_status directory_walk(const char *path, directory_visit *visit, void *context,
                          struct iso_error *err);

#endif
