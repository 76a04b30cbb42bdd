/* SPDX-License-Identifier: Apache-2.0 */
#include "base/file.h"

#include "base/text.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

void bytes_reset(struct bytes *bytes)
{
    free(bytes->data);
    *bytes = (struct bytes){0};
}

static void close_defer(const int *file)
{
    if (*file >= 0) {
        (void)close(*file);
    }
}

static iso_status read_all(int file, const char *path, struct bytes *bytes, struct iso_error *err)
{
    size_t done = 0;
    while (done < bytes->length) {
        ssize_t got = read(file, bytes->data + done, bytes->length - done);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            ISO_FAIL(IO, err, "%s: %s", path,
                     got < 0 ? strerror(errno) : "became shorter while it was read");
        }
        done += (size_t)got;
    }
    return ISO_OK;
}

iso_status file_read(const char *path, size_t limit_bytes, struct bytes *bytes,
                     struct iso_error *err)
{
    ISO_DEFER(close_defer) int file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    struct stat info;
    if (file < 0 || fstat(file, &info) != 0) {
        if (errno == ENOENT) {
            ISO_FAIL(NOT_FOUND, err, "%s: there is no such file", path);
        }
        ISO_FAIL(IO, err, "%s: %s", path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        ISO_FAIL(IO, err, "%s is no regular file", path);
    }
    if ((uint64_t)info.st_size > limit_bytes) {
        ISO_FAIL(LIMIT, err, "%s has %lld bytes; at most %zu are read", path,
                 (long long)info.st_size, limit_bytes);
    }
    ISO_DEFER(bytes_reset) struct bytes read = {0};
    ISO_NEW(read.data, (size_t)info.st_size, err);
    read.length = (size_t)info.st_size;
    ISO_TRY(read_all(file, path, &read, err));
    *bytes = read;
    read = (struct bytes){0};
    return ISO_OK;
}

static int write_all(const struct os *os, int file, const uint8_t *bytes, size_t length)
{
    while (length > 0) {
        ssize_t wrote = os->write(os->context, file, bytes, length);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            errno = wrote == 0 ? EIO : errno;
            return -1;
        }
        bytes += wrote;
        length -= (size_t)wrote;
    }
    return 0;
}

iso_status directory_sync(const struct os *os, const char *directory, struct iso_error *err)
{
    int file = os->open(os->context, directory, O_RDONLY | O_DIRECTORY, 0);
    if (file < 0) {
        ISO_FAIL(IO, err, "%s: %s", directory, strerror(errno));
    }
    int failed = os->fsync(os->context, file);
    int why = errno;
    (void)os->close(os->context, file);
    if (failed != 0) {
        ISO_FAIL(IO, err, "%s could not be made durable: %s", directory, strerror(why));
    }
    return ISO_OK;
}

/* --- publishing ------------------------------------------------------------------------------*/

static iso_status path_of(const struct file_batch *batch, const char *name, struct text *path,
                          struct iso_error *err)
{
    text_addf(path, "%s/%s", batch->directory, name);
    return text_check(path, err);
}

static iso_status fail_entry(const struct file_batch *batch, const struct file_batch_entry *entry,
                             int why, struct iso_error *err)
{
    ISO_FAIL(IO, err, "%s/%s could not be written: %s", batch->directory, entry->name,
             strerror(why));
}

void file_batch_reset(struct file_batch *batch)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct file_batch_entry *entry = &batch->entries[i];
        ISO_DEFER(text_reset) struct text path = {0};
        if (entry->file >= 0) {
            (void)batch->os->close(batch->os->context, entry->file);
        }
        if (!entry->published && !iso_failed(path_of(batch, entry->temporary, &path, NULL))) {
            (void)batch->os->unlink(batch->os->context, path.data);
        }
    }
    batch->count = 0;
}

iso_status file_batch_add(struct file_batch *batch, const char *name, const void *bytes,
                          size_t length, struct iso_error *err)
{
    if (batch->count == FILE_BATCH_MAX) {
        ISO_TRY(file_batch_publish(batch, err));
    }
    ISO_DEFER(text_reset) struct text path = {0};
    struct file_batch_entry entry = {0};
    uint64_t chance;
    os_entropy(&chance, sizeof chance);
    (void)snprintf(entry.temporary, sizeof entry.temporary, FILE_TEMPORARY_PREFIX "%ld.%016llx",
                   (long)getpid(), (unsigned long long)chance);
    int named = snprintf(entry.name, sizeof entry.name, "%s", name);
    ISO_ASSERT(named < (int)sizeof entry.name);
    ISO_TRY(path_of(batch, entry.temporary, &path, err));
    const struct os *os = batch->os;
    entry.file = os->open(os->context, path.data, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    if (entry.file < 0) {
        return fail_entry(batch, &entry, errno, err);
    }
    batch->entries[batch->count++] = entry;
    if (write_all(os, entry.file, bytes, length) != 0) {
        return fail_entry(batch, &entry, errno, err);
    }
    /* Only a hint: what is on its way already is waited for by one fsync instead of many. */
    (void)sync_file_range(entry.file, 0, 0, SYNC_FILE_RANGE_WRITE);
    return ISO_OK;
}

/* A failed fsync poisons the file (the page may be marked clean): it is removed, never renamed in.
 */
static iso_status make_durable(struct file_batch *batch, struct iso_error *err)
{
    for (size_t i = 0; i < batch->count; i++) {
        struct file_batch_entry *entry = &batch->entries[i];
        if (batch->os->fsync(batch->os->context, entry->file) != 0) {
            return fail_entry(batch, entry, errno, err);
        }
    }
    for (size_t i = 0; i < batch->count; i++) {
        struct file_batch_entry *entry = &batch->entries[i];
        int file = entry->file;
        entry->file = -1; /* closed, even where that fails */
        if (batch->os->close(batch->os->context, file) != 0) {
            return fail_entry(batch, entry, errno, err);
        }
    }
    return ISO_OK;
}

static iso_status give_name(struct file_batch *batch, struct file_batch_entry *entry,
                            struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text temporary = {0};
    ISO_DEFER(text_reset) struct text final = {0};
    ISO_TRY(path_of(batch, entry->temporary, &temporary, err));
    ISO_TRY(path_of(batch, entry->name, &final, err));
    if (batch->os->rename(batch->os->context, temporary.data, final.data) != 0) {
        return fail_entry(batch, entry, errno, err);
    }
    entry->published = true;
    return ISO_OK;
}

iso_status file_batch_publish(struct file_batch *batch, struct iso_error *err)
{
    ISO_TRY(make_durable(batch, err));
    for (size_t i = 0; i < batch->count; i++) {
        ISO_TRY(give_name(batch, &batch->entries[i], err));
    }
    batch->count = 0;
    return ISO_OK;
}

iso_status file_publish(const struct os *os, const char *directory, const char *name,
                        const void *bytes, size_t length, struct iso_error *err)
{
    ISO_DEFER(file_batch_reset) struct file_batch batch = {.os = os, .directory = directory};
    ISO_TRY(file_batch_add(&batch, name, bytes, length, err));
    return file_batch_publish(&batch, err);
}

iso_status file_resolve(const char *path, char **target, bool *regular, struct iso_error *err)
{
    struct stat info;
    bool exists = stat(path, &info) == 0;
    *regular = !exists || S_ISREG(info.st_mode);
    *target = exists ? realpath(path, NULL) : strdup(path);
    if (*target == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "%s: %s", path, strerror(errno));
    }
    return ISO_OK;
}

/* The directory part of path; "." where it has none. */
static iso_status directory_of(const char *path, struct text *directory, struct iso_error *err)
{
    const char *slash = strrchr(path, '/');
    if (slash == NULL) {
        text_add(directory, ".");
    } else {
        text_append(directory, path, slash == path ? 1 : (size_t)(slash - path));
    }
    return text_check(directory, err);
}

iso_status file_sync_directory(const struct os *os, const char *path, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text directory = {0};
    ISO_TRY(directory_of(path, &directory, err));
    return directory_sync(os, directory.data, err);
}

static iso_status write_through(const struct os *os, const char *path, const void *bytes,
                                size_t length, struct iso_error *err)
{
    int file = os->open(os->context, path, O_WRONLY, 0);
    int failed = file < 0 || write_all(os, file, bytes, length) != 0;
    int why = errno;
    if (file >= 0 && os->close(os->context, file) != 0 && !failed) {
        failed = 1;
        why = errno;
    }
    if (failed) {
        ISO_FAIL(IO, err, "%s could not be written: %s", path, strerror(why));
    }
    return ISO_OK;
}

iso_status file_write(const struct os *os, const char *path, const void *bytes, size_t length,
                      struct iso_error *err)
{
    bool regular;
    ISO_DEFER(mem_defer_free) char *target = NULL;
    ISO_DEFER(text_reset) struct text directory = {0};
    ISO_TRY(file_resolve(path, &target, &regular, err));
    if (!regular) {
        return write_through(os, path, bytes, length, err);
    }
    ISO_TRY(directory_of(target, &directory, err));
    const char *slash = strrchr(target, '/');
    ISO_TRY(
        file_publish(os, directory.data, slash == NULL ? target : slash + 1, bytes, length, err));
    return directory_sync(os, directory.data, err);
}

static iso_status make_one(const struct os *os, const char *path, struct iso_error *err)
{
    struct stat info;
    if (os->mkdir(os->context, path, 0777) == 0) {
        return file_sync_directory(os, path, err); /* a power cut must not take it away again */
    }
    int why = errno;
    if (stat(path, &info) == 0) {
        if (S_ISDIR(info.st_mode)) {
            return ISO_OK;
        }
        why = ENOTDIR;
    }
    ISO_FAIL(IO, err, "directory %s could not be made: %s", path, strerror(why));
}

iso_status directory_make(const struct os *os, const char *path, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text prefix = {0};
    for (const char *at = path; *at != '\0'; at++) {
        if (*at == '/' && at > path) {
            ISO_TRY(make_one(os, text_get(&prefix), err));
        }
        text_add_char(&prefix, *at);
        ISO_TRY(text_check(&prefix, err));
    }
    return make_one(os, text_get(&prefix), err);
}

static void closedir_defer(DIR **directory)
{
    if (*directory != NULL) {
        (void)closedir(*directory);
    }
}

iso_status directory_walk(const char *path, directory_visit *visit, void *context,
                          struct iso_error *err)
{
    ISO_DEFER(closedir_defer) DIR *directory = opendir(path);
    if (directory == NULL) {
        ISO_FAIL(IO, err, "%s: %s", path, strerror(errno));
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            ISO_TRY(visit(context, entry->d_name, err));
        }
    }
    return ISO_OK;
}
