/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_source.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <zlib.h>

struct source {
    char *path;
    int file;
    bool gzip;
    bool inflating; /* z is initialised */
    bool member_open;
    bool input_ended;
    bool ended;
    bool skip_line; /* the line handed out last was cut; its rest is dropped */
    bool started;
    char newline;
    z_stream z;
    uint8_t *input; /* compressed bytes, where gzip */
    char *block;
    size_t block_begin; /* what was handed out ends here */
    size_t block_length;
    uint64_t unpacked_bytes;
    struct source_progress progress;
};

#define KIND(offset, bytes, text) {offset, bytes, sizeof bytes - 1, text}

/* First bytes of what people try to import, and what to do about each. */
static const struct {
    size_t offset;
    const char *bytes;
    size_t length;
    const char *refusal;
} kinds[] = {
    KIND(0, "PAR1", "it is a Parquet file; export it as CSV first"),
    KIND(0, "ARROW1", "it is an Arrow or feather file; export it as CSV first"),
    KIND(8, "DUCK", "it is a DuckDB database; export its table as CSV first"),
    KIND(0, "SQLite format 3", "it is an SQLite database; export its table as CSV first"),
    KIND(0, "PK\003\004", "it is a zip archive (or a spreadsheet); unpack it, or save it as CSV"),
    KIND(0, "\x28\xb5\x2f\xfd", "it is packed by zstd; unpack it with zstd -d first"),
    KIND(0,
         "\xfd"
         "7zXZ",
         "it is packed by xz; unpack it with xz -d first"),
    KIND(0, "BZh", "it is packed by bzip2; unpack it with bzip2 -d first"),
    KIND(0, "7z\xbc\xaf", "it is a 7z archive; unpack it first"),
    KIND(0, "\x89HDF", "it is an HDF5 file; export it as CSV first"),
    KIND(0, "%PDF", "it is a PDF document; bars are read from CSV text"),
    KIND(0, "\xff\xfe", "it is UTF-16 text; convert it to UTF-8, as by iconv -f UTF-16 -t UTF-8"),
    KIND(0, "\xfe\xff", "it is UTF-16 text; convert it to UTF-8, as by iconv -f UTF-16 -t UTF-8"),
    KIND(0, "[", "it is JSON; convert it to CSV first"),
    KIND(0, "{", "it is JSON; convert it to CSV first"),
    KIND(0, "<?xml", "it is XML; save it as CSV first"),
    KIND(0, "<!DOCTYPE", "it is a web page, perhaps an error page of the download"),
    KIND(0, "<html", "it is a web page, perhaps an error page of the download"),
};

const char *source_refusal(const char *bytes, size_t length)
{
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (length >= kinds[i].offset + kinds[i].length &&
            memcmp(bytes + kinds[i].offset, kinds[i].bytes, kinds[i].length) == 0) {
            return kinds[i].refusal;
        }
    }
    size_t head = length < 4096 ? length : 4096;
    if (head > 0 && memchr(bytes, '\0', head) != NULL) {
        return "it is binary (a zero byte stands in it); bars are read from CSV text";
    }
    return NULL;
}

void source_close(struct source **source)
{
    if (*source == NULL) {
        return;
    }
    if ((*source)->inflating) {
        (void)inflateEnd(&(*source)->z);
    }
    if ((*source)->file >= 0) {
        (void)close((*source)->file);
    }
    free((*source)->path);
    free((*source)->input);
    free((*source)->block);
    free(*source);
    *source = NULL;
}

static iso_status open_file(struct source *source, struct iso_error *err)
{
    struct stat info;
    source->file = open(source->path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (source->file < 0 || fstat(source->file, &info) != 0) {
        if (errno == ENOENT) {
            ISO_FAIL(NOT_FOUND, err, "%s: there is no such file", source->path);
        }
        ISO_FAIL(IO, err, "%s: %s", source->path, strerror(errno));
    }
    if (!S_ISREG(info.st_mode)) {
        ISO_FAIL(IO, err, "%s: %s; name the files of bars themselves", source->path,
                 S_ISDIR(info.st_mode) ? "it is a directory" : "it is no regular file");
    }
    if (info.st_size == 0) {
        ISO_FAIL(BAD_FORMAT, err, "%s: the file is empty", source->path);
    }
    source->progress.total_bytes = (uint64_t)info.st_size;
    return ISO_OK;
}

/* Read some bytes of the file; *got is 0 at its end. */
static iso_status read_file(struct source *source, void *target, size_t limit, size_t *got,
                            struct iso_error *err)
{
    ssize_t bytes;
    do {
        bytes = read(source->file, target, limit);
    } while (bytes < 0 && errno == EINTR);
    if (bytes < 0) {
        ISO_FAIL(IO, err, "%s: %s", source->path, strerror(errno));
    }
    source->progress.done_bytes += (uint64_t)bytes;
    *got = (size_t)bytes;
    return ISO_OK;
}

/* One step of zlib over what input there is. Several gzip members in a row are one text. */
static iso_status inflate_some(struct source *source, char *target, size_t limit, size_t *got,
                               struct iso_error *err)
{
    source->z.next_out = (Bytef *)target;
    source->z.avail_out = (uInt)limit;
    int result = inflate(&source->z, Z_NO_FLUSH);
    *got = limit - source->z.avail_out;
    source->member_open = result != Z_STREAM_END;
    if (result == Z_STREAM_END) {
        result = inflateReset(&source->z);
    }
    if (result != Z_OK && result != Z_BUF_ERROR) {
        ISO_FAIL(BAD_FORMAT, err, "%s: the gzip data is damaged (%s)", source->path,
                 source->z.msg != NULL ? source->z.msg : "zlib refused it");
    }
    return ISO_OK;
}

static iso_status read_gzip(struct source *source, char *target, size_t limit, size_t *got,
                            struct iso_error *err)
{
    *got = 0;
    while (*got == 0) {
        if (source->z.avail_in == 0) {
            size_t bytes;
            ISO_TRY(read_file(source, source->input, SOURCE_BLOCK_BYTES, &bytes, err));
            source->z.next_in = source->input;
            source->z.avail_in = (uInt)bytes;
            if (bytes == 0 && source->member_open) {
                ISO_FAIL(BAD_FORMAT, err, "%s: the gzip data ends early; fetch the file again",
                         source->path);
            }
            if (bytes == 0) {
                return ISO_OK;
            }
        }
        ISO_TRY(inflate_some(source, target, limit, got, err));
    }
    return ISO_OK;
}

/* Append bytes to the block until it is full or the file ends. */
static iso_status fill(struct source *source, struct iso_error *err)
{
    while (!source->input_ended && source->block_length < SOURCE_BLOCK_BYTES) {
        char *target = source->block + source->block_length;
        size_t room = SOURCE_BLOCK_BYTES - source->block_length;
        size_t got;
        ISO_TRY(source->gzip ? read_gzip(source, target, room, &got, err)
                             : read_file(source, target, room, &got, err));
        source->input_ended = got == 0;
        source->block_length += got;
        source->unpacked_bytes += got;
        if (source->unpacked_bytes > SOURCE_BYTES_MAX) {
            ISO_FAIL(LIMIT, err, "%s: it holds more than %llu bytes of text; split it",
                     source->path, (unsigned long long)SOURCE_BYTES_MAX);
        }
    }
    return ISO_OK;
}

/* Look at the beginning of the file: gzip or plain. */
static iso_status start(struct source *source, struct iso_error *err)
{
    ISO_NEW(source->block, SOURCE_BLOCK_BYTES, err);
    size_t got;
    ISO_TRY(read_file(source, source->block, SOURCE_BLOCK_BYTES, &got, err));
    source->gzip = got >= 2 && memcmp(source->block, "\x1f\x8b", 2) == 0;
    if (!source->gzip) {
        source->block_length = got;
        source->unpacked_bytes = got;
        return ISO_OK;
    }
    ISO_NEW(source->input, SOURCE_BLOCK_BYTES, err);
    memcpy(source->input, source->block, got);
    if (inflateInit2(&source->z, 15 + 16) != Z_OK) {
        ISO_FAIL(OUT_OF_MEMORY, err, "%s: zlib got no memory", source->path);
    }
    source->inflating = true;
    source->member_open = true;
    source->z.next_in = source->input;
    source->z.avail_in = (uInt)got;
    return ISO_OK;
}

iso_status source_open(const char *path, struct source **source, struct iso_error *err)
{
    ISO_DEFER(source_close) struct source *opened = NULL;
    ISO_NEW(opened, 1, err);
    opened->file = -1;
    opened->newline = '\n';
    opened->path = strdup(path);
    if (opened->path == NULL) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a path");
    }
    ISO_TRY(open_file(opened, err));
    ISO_TRY(start(opened, err));
    *source = opened;
    opened = NULL;
    return ISO_OK;
}

/* On the first block: refuse what is no text, pass over the mark of UTF-8, see how lines end. */
static iso_status look_at_text(struct source *source, struct iso_error *err)
{
    const char *refusal = source_refusal(source->block, source->block_length);
    if (refusal != NULL) {
        ISO_FAIL(BAD_FORMAT, err, "%s: %s", source->path, refusal);
    }
    if (source->block_length >= 3 && memcmp(source->block, "\xef\xbb\xbf", 3) == 0) {
        source->block_begin = 3;
    }
    if (memchr(source->block, '\n', source->block_length) == NULL &&
        memchr(source->block, '\r', source->block_length) != NULL) {
        source->newline = '\r';
    }
    source->started = true;
    return ISO_OK;
}

/* Drop the rest of a line that was cut because it did not fit a block. */
static void drop_cut_line(struct source *source)
{
    const char *stop = source->block_length > 0
                           ? memchr(source->block, source->newline, source->block_length)
                           : NULL;
    if (stop != NULL) {
        source->block_begin = (size_t)(stop - source->block) + 1;
        source->skip_line = false;
    } else {
        source->block_begin = source->block_length;
    }
}

static iso_status refill(struct source *source, struct iso_error *err)
{
    size_t rest = source->block_length - source->block_begin;
    memmove(source->block, source->block + source->block_begin, rest);
    source->block_length = rest;
    source->block_begin = 0;
    return fill(source, err);
}

iso_status source_next(struct source *source, struct source_block *block, struct iso_error *err)
{
    ISO_TRY(refill(source, err));
    if (!source->started) {
        ISO_TRY(look_at_text(source, err));
    }
    while (source->skip_line && source->block_length > 0) {
        drop_cut_line(source);
        ISO_TRY(source->skip_line ? refill(source, err) : ISO_OK);
    }
    const char *begin = source->block + source->block_begin;
    size_t length = source->block_length - source->block_begin;
    const char *last = length > 0 ? memrchr(begin, source->newline, length) : NULL;
    *block = (struct source_block){begin, begin + length, source->newline};
    if (last != NULL && !source->input_ended) {
        block->end = last + 1;
    }
    source->skip_line = last == NULL && !source->input_ended;
    source->block_begin = (size_t)(block->end - source->block);
    return ISO_OK;
}

struct source_progress source_progress(const struct source *source)
{
    return source->progress;
}
