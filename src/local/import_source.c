/* SPDX-License-Identifier: Apache-2.0 */
#include "local/import_source.h"

#include "local/import_json.h"

#include <string.h>

struct source {
    struct archive *archive;
    enum source_kind kind;
    bool input_ended;
    bool skip_line; /* the line handed out last was cut; its rest is dropped */
    bool started;
    bool is_json;
    char newline;
    char *block;
    size_t block_begin; /* what was handed out ends here */
    size_t block_length;
    uint64_t unpacked_bytes;
    struct text lines; /* of JSON */
};

#define KIND(offset, bytes, text) {(offset), (bytes), sizeof(bytes) - 1, (text)}

/* First bytes of what people try to import, and what to do about each. */
static const struct {
    size_t offset;
    const char *bytes;
    size_t length;
    const char *refusal;
} kinds[] = {
    KIND(0, "ARROW1",
         "it is an Arrow or feather file, which DuckDB does not read; the Python package does: "
         "isobar.import_arrow, or save it as Parquet or CSV"),
    KIND(0, "FEA1",
         "it is a feather file of version 1, which DuckDB does not read; the Python package does: "
         "isobar.import_arrow, or save it as Parquet or CSV"),
    KIND(0, "PAR1", "it is a Parquet file inside of an archive; unpack it and import the file"),
    KIND(8, "DUCK", "it is a DuckDB database inside of an archive; unpack it and import the file"),
    KIND(0, "SQLite format 3", "it is an SQLite database; export its table as CSV first"),
    KIND(0, "PK\003\004", "it is a zip archive inside of another; unpack the outer one first"),
    KIND(0, "\x1f\x8b", "it is packed twice; unpack it once with gzip -d"),
    KIND(0, "\x28\xb5\x2f\xfd", "it is packed twice; unpack it once with zstd -d"),
    KIND(0,
         "\xfd"
         "7zXZ",
         "it is packed twice; unpack it once with xz -d"),
    KIND(0, "BZh", "it is packed by bzip2; unpack it with bzip2 -d first"),
    KIND(0, "7z\xbc\xaf", "it is a 7z archive; unpack it first"),
    KIND(0, "\x89HDF", "it is an HDF5 file; export it as CSV first"),
    KIND(0, "%PDF", "it is a PDF document; bars are read from CSV text"),
    KIND(0, "\xff\xfe", "it is UTF-16 text; convert it to UTF-8, as by iconv -f UTF-16 -t UTF-8"),
    KIND(0, "\xfe\xff", "it is UTF-16 text; convert it to UTF-8, as by iconv -f UTF-16 -t UTF-8"),
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
    if (*source != NULL) {
        archive_close(&(*source)->archive);
        text_reset(&(*source)->lines);
        free((*source)->block);
        free(*source);
        *source = NULL;
    }
}

static enum source_kind kind_of(const struct archive *archive)
{
    size_t length;
    const uint8_t *head = archive_head(archive, &length);
    if (length >= 4 && memcmp(head, "PAR1", 4) == 0) {
        return SOURCE_PARQUET;
    }
    return length >= 12 && memcmp(head + 8, "DUCK", 4) == 0 ? SOURCE_DUCKDB : SOURCE_TEXT;
}

iso_status source_open(const char *path, struct source **source, struct iso_error *err)
{
    ISO_DEFER(source_close) struct source *opened = NULL;
    ISO_NEW(opened, 1, err);
    ISO_NEW(opened->block, SOURCE_BLOCK_BYTES, err);
    ISO_TRY(archive_open(path, &opened->archive, err));
    opened->kind = kind_of(opened->archive);
    *source = opened;
    opened = NULL;
    return ISO_OK;
}

enum source_kind source_kind(const struct source *source)
{
    return source->kind;
}

bool source_has_members(const struct source *source)
{
    return archive_has_members(source->archive);
}

iso_status source_next_member(struct source *source, const char **name, struct iso_error *err)
{
    source->input_ended = false;
    source->skip_line = false;
    source->started = false;
    source->is_json = false;
    source->newline = '\n';
    source->block_begin = 0;
    source->block_length = 0;
    return archive_next(source->archive, name, err);
}

static iso_status read_some(struct source *source, char *target, size_t limit, size_t *got,
                            struct iso_error *err)
{
    ISO_TRY(archive_read(source->archive, target, limit, got, err));
    source->unpacked_bytes += *got;
    if (source->unpacked_bytes > SOURCE_BYTES_MAX) {
        ISO_FAIL(LIMIT, err, "it holds more than %llu bytes of text; split it",
                 (unsigned long long)SOURCE_BYTES_MAX);
    }
    return ISO_OK;
}

/* Append bytes to the block until it is full or the member ends. */
static iso_status fill(struct source *source, struct iso_error *err)
{
    while (!source->input_ended && source->block_length < SOURCE_BLOCK_BYTES) {
        size_t got;
        ISO_TRY(read_some(source, source->block + source->block_length,
                          SOURCE_BLOCK_BYTES - source->block_length, &got, err));
        source->input_ended = got == 0;
        source->block_length += got;
    }
    return ISO_OK;
}

/* What JSON is read from: the block that was read already, then the rest of the member. */
static iso_status read_json(void *context, char *target, size_t limit, size_t *got,
                            struct iso_error *err)
{
    struct source *source = context;
    size_t left = source->block_length - source->block_begin;
    if (left == 0) {
        return read_some(source, target, limit, got, err);
    }
    *got = left < limit ? left : limit;
    memcpy(target, source->block + source->block_begin, *got);
    source->block_begin += *got;
    return ISO_OK;
}

static bool looks_like_json(const struct source *source)
{
    size_t at = source->block_begin;
    while (at < source->block_length && strchr(" \t\r\n", source->block[at]) != NULL) {
        at++;
    }
    return at < source->block_length && (source->block[at] == '[' || source->block[at] == '{');
}

/* On the first block: refuse what is no text, pass over the mark of UTF-8, see how lines end. */
static iso_status look_at_text(struct source *source, struct iso_error *err)
{
    const char *refusal = source_refusal(source->block, source->block_length);
    if (refusal != NULL) {
        ISO_FAIL(BAD_FORMAT, err, "%s", refusal);
    }
    if (source->block_length >= 3 && memcmp(source->block, "\xef\xbb\xbf", 3) == 0) {
        source->block_begin = 3;
    }
    source->started = true;
    source->is_json = looks_like_json(source);
    if (source->is_json) {
        text_clear(&source->lines);
        return import_json_lines(read_json, source, &source->lines, err);
    }
    if (memchr(source->block, '\n', source->block_length) == NULL &&
        memchr(source->block, '\r', source->block_length) != NULL) {
        source->newline = '\r';
    }
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

/* All lines of JSON are one block. */
static void next_json_block(struct source *source, struct source_block *block)
{
    const char *begin = text_get(&source->lines);
    size_t length = source->input_ended ? 0 : source->lines.length;
    *block = (struct source_block){begin, begin + length, '\n'};
    source->input_ended = true;
}

iso_status source_next(struct source *source, struct source_block *block, struct iso_error *err)
{
    if (!source->is_json) {
        ISO_TRY(refill(source, err));
    }
    if (!source->started) {
        ISO_TRY(look_at_text(source, err));
        source->input_ended = source->input_ended && !source->is_json;
    }
    if (source->is_json) {
        next_json_block(source, block);
        return ISO_OK;
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

struct archive_progress source_progress(const struct source *source)
{
    return archive_progress(source->archive);
}
