/* SPDX-License-Identifier: Apache-2.0 */
#include "local/tar.h"

#include <stdio.h>
#include <string.h>

enum { BLOCK_BYTES = 512, RECORD_BYTES_MAX = 1 << 20 };

/* Where the fields of a header stand. */
enum { AT_NAME = 0, AT_SIZE = 124, AT_SUM = 148, AT_KIND = 156, AT_MAGIC = 257, AT_PREFIX = 345 };

static uint64_t octal(const uint8_t *at, size_t length)
{
    uint64_t value = 0;
    for (size_t i = 0; i < length && at[i] != '\0'; i++) {
        if (at[i] >= '0' && at[i] <= '7') {
            value = value * 8 + (uint64_t)(at[i] - '0');
        }
    }
    return value;
}

/* The header's sum of its bytes, its own field taken as blanks. */
static bool sum_is_right(const uint8_t *header)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < BLOCK_BYTES; i++) {
        sum += i >= AT_SUM && i < AT_SUM + 8 ? ' ' : header[i];
    }
    return sum == octal(header + AT_SUM, 8);
}

bool tar_is(const uint8_t *head, size_t length)
{
    return length >= BLOCK_BYTES && memcmp(head + AT_MAGIC, "ustar", 5) == 0 && sum_is_right(head);
}

static iso_status read_block(tar_source *source, void *context, uint8_t block[BLOCK_BYTES],
                             bool *ended, struct iso_error *err)
{
    size_t have = 0;
    size_t got = 1;
    while (have < BLOCK_BYTES && got > 0) {
        ISO_TRY(source(context, block + have, BLOCK_BYTES - have, &got, err));
        have += got;
    }
    *ended = have == 0;
    if (have > 0 && have < BLOCK_BYTES) {
        ISO_FAIL(BAD_FORMAT, err, "the tar archive ends early; fetch the file again");
    }
    return ISO_OK;
}

static iso_status skip(struct tar *tar, tar_source *source, void *context, struct iso_error *err)
{
    uint8_t block[BLOCK_BYTES];
    uint64_t left = tar->left_bytes + tar->fill_bytes;
    while (left > 0) {
        size_t got;
        size_t wanted = left < BLOCK_BYTES ? (size_t)left : BLOCK_BYTES;
        ISO_TRY(source(context, block, wanted, &got, err));
        if (got == 0) {
            ISO_FAIL(BAD_FORMAT, err, "the tar archive ends early; fetch the file again");
        }
        left -= got;
    }
    tar->left_bytes = 0;
    tar->fill_bytes = 0;
    return ISO_OK;
}

static void set_name(struct tar *tar, const uint8_t *header)
{
    char prefix[156] = "";
    char name[101] = "";
    memcpy(prefix, header + AT_PREFIX, 155);
    memcpy(name, header + AT_NAME, 100);
    bool posix = header[AT_MAGIC + 5] == '\0'; /* GNU keeps other things in the prefix */
    (void)snprintf(tar->name, sizeof tar->name, "%s%s%s", posix ? prefix : "",
                   posix && prefix[0] != '\0' ? "/" : "", name);
}

/* GNU: the bytes of this member are the next one's name. */
static iso_status read_long_name(struct tar *tar, tar_source *source, void *context,
                                 struct iso_error *err)
{
    size_t have = 0;
    size_t got = 1;
    while (got > 0 && have < sizeof tar->name - 1) {
        ISO_TRY(tar_read(tar, source, context, tar->name + have, sizeof tar->name - 1 - have, &got,
                         err));
        have += got;
    }
    tar->name[have] = '\0';
    return ISO_OK;
}

/* pax: lines "27 path=long/name\n", the number being the line's length. */
static iso_status read_pax(struct tar *tar, tar_source *source, void *context,
                           struct iso_error *err)
{
    ISO_TRY(read_long_name(tar, source, context, err));
    char *path = strstr(tar->name, " path=");
    size_t length = path != NULL ? strcspn(path + 6, "\n") : 0;
    if (length > 0) {
        memmove(tar->name, path + 6, length);
    }
    tar->name[length] = '\0';
    return ISO_OK;
}

/* Read what fills the last record, so that what the archive is packed by can check its end. */
static iso_status drain(tar_source *source, void *context, struct iso_error *err)
{
    uint8_t block[BLOCK_BYTES];
    size_t got = 1;
    for (size_t drained = 0; got > 0; drained += got) {
        ISO_TRY(source(context, block, BLOCK_BYTES, &got, err));
        if (drained > RECORD_BYTES_MAX) {
            ISO_FAIL(BAD_FORMAT, err, "something follows the end of the tar archive");
        }
    }
    return ISO_OK;
}

iso_status tar_next(struct tar *tar, tar_source *source, void *context, const char **name,
                    struct iso_error *err)
{
    uint8_t header[BLOCK_BYTES];
    bool ended = false;
    bool named = false;
    *name = NULL;
    for (;;) {
        ISO_TRY(skip(tar, source, context, err));
        ISO_TRY(read_block(source, context, header, &ended, err));
        if (ended || header[0] == '\0') {
            return drain(source, context, err);
        }
        if (!sum_is_right(header)) {
            ISO_FAIL(BAD_FORMAT, err, "the tar archive is damaged; fetch the file again");
        }
        tar->left_bytes = octal(header + AT_SIZE, 12);
        tar->fill_bytes = (BLOCK_BYTES - tar->left_bytes % BLOCK_BYTES) % BLOCK_BYTES;
        char kind = (char)header[AT_KIND];
        if (kind == 'L' || kind == 'x') {
            ISO_TRY((kind == 'L' ? read_long_name : read_pax)(tar, source, context, err));
            named = tar->name[0] != '\0';
            continue;
        }
        if (!named) {
            set_name(tar, header);
        }
        named = false;
        if (kind == '0' || kind == '\0') {
            *name = tar->name;
            return ISO_OK;
        }
    }
}

iso_status tar_read(struct tar *tar, tar_source *source, void *context, void *target, size_t limit,
                    size_t *got, struct iso_error *err)
{
    *got = 0;
    if (tar->left_bytes == 0 || limit == 0) {
        return ISO_OK;
    }
    size_t wanted = tar->left_bytes < limit ? (size_t)tar->left_bytes : limit;
    ISO_TRY(source(context, target, wanted, got, err));
    if (*got == 0) {
        ISO_FAIL(BAD_FORMAT, err, "the tar archive ends early; fetch the file again");
    }
    tar->left_bytes -= *got;
    return ISO_OK;
}
