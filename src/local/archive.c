/* SPDX-License-Identifier: Apache-2.0 */
#include "local/archive.h"

#include "local/tar.h"
#include "local/unpack.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zip.h>

enum { INPUT_BYTES = 1 << 18 };

struct archive {
    char *path;
    int file;
    uint8_t *input; /* as it lies on disk */
    size_t input_begin;
    size_t input_length;
    struct unpack *unpack; /* NULL where it is not packed */
    uint8_t head[ARCHIVE_HEAD_BYTES];
    size_t head_begin; /* what was read of it */
    size_t head_length;
    bool is_tar;
    struct tar tar;
    struct zip *zip; /* NULL where it is none */
    struct zip_file *zip_member;
    int64_t member_count; /* that were begun */
    struct archive_progress progress;
};

void archive_close(struct archive **archive)
{
    struct archive *closing = *archive;
    if (closing == NULL) {
        return;
    }
    if (closing->zip_member != NULL) {
        (void)zip_fclose(closing->zip_member);
    }
    if (closing->zip != NULL) {
        zip_discard(closing->zip);
    }
    if (closing->file > STDERR_FILENO) {
        (void)close(closing->file);
    }
    unpack_close(&closing->unpack);
    free(closing->path);
    free(closing->input);
    free(closing);
    *archive = NULL;
}

static iso_status open_file(struct archive *archive, struct iso_error *err)
{
    struct stat info;
    if (strcmp(archive->path, "-") == 0) {
        archive->file = STDIN_FILENO;
        return ISO_OK;
    }
    archive->file = open(archive->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (archive->file < 0 || fstat(archive->file, &info) != 0) {
        if (errno == ENOENT) {
            ISO_FAIL(NOT_FOUND, err, "there is no such file");
        }
        ISO_FAIL(IO, err, "%s", strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        ISO_FAIL(IO, err, "%s; name the files of bars themselves",
                 S_ISDIR(info.st_mode) ? "it is a directory" : "it is no regular file");
    }
    if (info.st_size == 0) {
        ISO_FAIL(BAD_FORMAT, err, "the file is empty");
    }
    archive->progress.total_bytes = (uint64_t)info.st_size;
    return ISO_OK;
}

/* Read more of the file behind what is left of the input; input_length stays where it ended. */
static iso_status read_input(struct archive *archive, struct iso_error *err)
{
    ssize_t bytes;
    do {
        bytes = read(archive->file, archive->input, INPUT_BYTES);
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) {
        ISO_FAIL(IO, err, "%s", strerror(errno));
    }
    archive->progress.done_bytes += (uint64_t)bytes;
    archive->input_begin = 0;
    archive->input_length = (size_t)bytes;
    return ISO_OK;
}

static iso_status read_packed(struct archive *archive, void *buffer, size_t limit, size_t *got,
                              struct iso_error *err)
{
    uint8_t *target = buffer;
    struct unpack_io io = {.out = target, .out_end = target + limit};
    while (io.out == target) {
        io.in = archive->input + archive->input_begin;
        io.in_end = archive->input + archive->input_length;
        ISO_TRY(unpack_step(archive->unpack, &io, err));
        archive->input_begin = (size_t)(io.in - archive->input);
        if (io.out == target && archive->input_begin == archive->input_length) {
            ISO_TRY(read_input(archive, err));
            if (archive->input_length == 0 && !unpack_is_whole(archive->unpack)) {
                ISO_FAIL(BAD_FORMAT, err, "the packed data ends early; fetch the file again");
            }
            if (archive->input_length == 0) {
                break;
            }
        }
    }
    *got = (size_t)(io.out - target);
    return ISO_OK;
}

static iso_status read_plain(struct archive *archive, uint8_t *target, size_t limit, size_t *got,
                             struct iso_error *err)
{
    if (archive->input_begin == archive->input_length) {
        ISO_TRY(read_input(archive, err));
    }
    size_t left = archive->input_length - archive->input_begin;
    *got = left < limit ? left : limit;
    memcpy(target, archive->input + archive->input_begin, *got);
    archive->input_begin += *got;
    return ISO_OK;
}

static iso_status read_unpacked(struct archive *archive, uint8_t *target, size_t limit, size_t *got,
                                struct iso_error *err)
{
    return archive->unpack != NULL ? read_packed(archive, target, limit, got, err)
                                   : read_plain(archive, target, limit, got, err);
}

/* The bytes of a file that is no zip: its head first, then the rest. */
static iso_status read_stream(void *context, void *target, size_t limit, size_t *got,
                              struct iso_error *err)
{
    struct archive *archive = context;
    size_t left = archive->head_length - archive->head_begin;
    if (left == 0) {
        return read_unpacked(archive, target, limit, got, err);
    }
    *got = left < limit ? left : limit;
    memcpy(target, archive->head + archive->head_begin, *got);
    archive->head_begin += *got;
    return ISO_OK;
}

/* Text may come slowly through a pipe: what has come is enough, unless it may be an archive. */
static iso_status read_head(struct archive *archive, struct iso_error *err)
{
    size_t got = 1;
    bool binary = archive->unpack != NULL;
    while (got > 0 && archive->head_length < ARCHIVE_HEAD_BYTES &&
           (archive->head_length == 0 || binary)) {
        ISO_TRY(read_unpacked(archive, archive->head + archive->head_length,
                              ARCHIVE_HEAD_BYTES - archive->head_length, &got, err));
        archive->head_length += got;
        binary = binary || memchr(archive->head, '\0', archive->head_length) != NULL;
    }
    archive->is_tar = tar_is(archive->head, archive->head_length);
    return ISO_OK;
}

static iso_status open_zip(struct archive *archive, struct iso_error *err)
{
    int why = 0;
    archive->zip = zip_open(archive->path, ZIP_RDONLY, &why);
    if (archive->zip == NULL) {
        struct zip_error error;
        zip_error_init_with_code(&error, why);
        iso_status status = iso_fail(ISO_ERROR_BAD_FORMAT, err,
                                     "the zip archive is damaged (%s); fetch the file again",
                                     zip_error_strerror(&error));
        zip_error_fini(&error);
        return status;
    }
    if (zip_get_num_entries(archive->zip, 0) > ARCHIVE_MEMBERS_MAX) {
        ISO_FAIL(LIMIT, err, "the archive has more than %d members; split it", ARCHIVE_MEMBERS_MAX);
    }
    archive->progress = (struct archive_progress){0};
    for (int64_t i = 0; i < zip_get_num_entries(archive->zip, 0); i++) {
        struct zip_stat info;
        if (zip_stat_index(archive->zip, (zip_uint64_t)i, 0, &info) == 0) {
            archive->progress.total_bytes += info.size;
        }
    }
    return ISO_OK;
}

static iso_status begin(struct archive *archive, struct iso_error *err)
{
    ISO_TRY(open_file(archive, err));
    ISO_NEW(archive->input, INPUT_BYTES, err);
    ISO_TRY(read_input(archive, err));
    if (archive->input_length == 0) {
        ISO_FAIL(BAD_FORMAT, err, "the input is empty");
    }
    bool zip = archive->input_length >= 4 && (memcmp(archive->input, "PK\003\004", 4) == 0 ||
                                              memcmp(archive->input, "PK\005\006", 4) == 0);
    if (zip && archive->file == STDIN_FILENO) {
        ISO_FAIL(BAD_FORMAT, err,
                 "a zip archive cannot be read from a pipe; save it to a file first");
    }
    if (zip) {
        return open_zip(archive, err);
    }
    const struct packing *packing = packing_of(archive->input, archive->input_length);
    if (packing != NULL) {
        ISO_TRY(unpack_open(packing, &archive->unpack, err));
    }
    return read_head(archive, err);
}

iso_status archive_open(const char *path, struct archive **archive, struct iso_error *err)
{
    ISO_DEFER(archive_close) struct archive *opened = NULL;
    ISO_NEW(opened, 1, err);
    opened->file = -1;
    opened->path = strdup(path);
    if (opened->path == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a path");
    }
    ISO_TRY(begin(opened, err));
    *archive = opened;
    opened = NULL;
    return ISO_OK;
}

const uint8_t *archive_head(const struct archive *archive, size_t *length)
{
    *length = archive->head_length;
    return archive->head;
}

bool archive_has_members(const struct archive *archive)
{
    return archive->zip != NULL || archive->is_tar;
}

static iso_status zip_failed(const char *what, struct archive *archive, struct iso_error *err)
{
    ISO_FAIL(BAD_FORMAT, err, "the zip archive is damaged: %s (%s); fetch the file again", what,
             zip_strerror(archive->zip));
}

static iso_status next_in_zip(struct archive *archive, const char **name, struct iso_error *err)
{
    *name = NULL;
    if (archive->zip_member != NULL) {
        (void)zip_fclose(archive->zip_member);
        archive->zip_member = NULL;
    }
    while (archive->member_count < zip_get_num_entries(archive->zip, 0)) {
        zip_uint64_t index = (zip_uint64_t)archive->member_count++;
        const char *found = zip_get_name(archive->zip, index, 0);
        if (found == NULL) {
            return zip_failed("a member has no name", archive, err);
        }
        size_t length = strlen(found);
        if (length == 0 || found[length - 1] == '/') {
            continue;
        }
        archive->zip_member = zip_fopen_index(archive->zip, index, 0);
        if (archive->zip_member == NULL) {
            return zip_failed(found, archive, err);
        }
        *name = found;
        return ISO_OK;
    }
    return ISO_OK;
}

iso_status archive_next(struct archive *archive, const char **name, struct iso_error *err)
{
    if (archive->zip != NULL) {
        return next_in_zip(archive, name, err);
    }
    if (archive->member_count > ARCHIVE_MEMBERS_MAX) {
        ISO_FAIL(LIMIT, err, "the archive has more than %d members; split it", ARCHIVE_MEMBERS_MAX);
    }
    archive->member_count++;
    if (archive->is_tar) {
        return tar_next(&archive->tar, read_stream, archive, name, err);
    }
    *name = archive->member_count == 1 ? "" : NULL;
    return ISO_OK;
}

static iso_status read_zip(struct archive *archive, void *target, size_t limit, size_t *got,
                           struct iso_error *err)
{
    zip_int64_t bytes = zip_fread(archive->zip_member, target, limit);
    if (bytes < 0) {
        ISO_FAIL(BAD_FORMAT, err, "the zip archive is damaged (%s); fetch the file again",
                 zip_file_strerror(archive->zip_member));
    }
    *got = (size_t)bytes;
    archive->progress.done_bytes += (uint64_t)bytes;
    return ISO_OK;
}

iso_status archive_read(struct archive *archive, void *target, size_t limit, size_t *got,
                        struct iso_error *err)
{
    if (archive->zip != NULL) {
        return read_zip(archive, target, limit, got, err);
    }
    return archive->is_tar ? tar_read(&archive->tar, read_stream, archive, target, limit, got, err)
                           : read_stream(archive, target, limit, got, err);
}

struct archive_progress archive_progress(const struct archive *archive)
{
    return archive->progress;
}
