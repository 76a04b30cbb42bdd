/* SPDX-License-Identifier: Apache-2.0 */
#include "local/unpack.h"

#define ZLIB_CONST /* zlib reads its input only */
#include <lzma.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

/* More than any file of bars was packed with: zstd --ultra --long=27, xz -9. */
enum { WINDOW_LOG_MAX = 27 };
#define XZ_MEMORY_MAX (UINT64_C(256) << 20)

struct packing {
    const char *name;
    const char *magic;
    size_t magic_length;
    bool (*open)(struct unpack *unpack);
    void (*close)(struct unpack *unpack);
    /* As unpack_step, of one packed text; NULL or why it is damaged. */
    const char *(*step)(struct unpack *unpack, struct unpack_io *io);
};

struct unpack {
    const struct packing *packing;
    bool is_open;
    bool is_inside; /* of a packed text: the input must not end here */
    z_stream gzip;
    lzma_stream xz;
    ZSTD_DCtx *zstd;
};

static bool gzip_open(struct unpack *unpack)
{
    return inflateInit2(&unpack->gzip, 15 + 16) == Z_OK;
}

static void gzip_close(struct unpack *unpack)
{
    (void)inflateEnd(&unpack->gzip);
}

static const char *gzip_step(struct unpack *unpack, struct unpack_io *io)
{
    z_stream *z = &unpack->gzip;
    z->next_in = io->in;
    z->avail_in = (uInt)(io->in_end - io->in);
    z->next_out = io->out;
    z->avail_out = (uInt)(io->out_end - io->out);
    int result = inflate(z, Z_NO_FLUSH);
    io->in = z->next_in;
    io->out = z->next_out;
    unpack->is_inside = result != Z_STREAM_END;
    if (result == Z_STREAM_END) {
        result = inflateReset(z);
    }
    if (result == Z_OK || result == Z_BUF_ERROR) {
        return NULL;
    }
    return z->msg != NULL ? z->msg : "zlib refused it";
}

static bool xz_open(struct unpack *unpack)
{
    unpack->xz = (lzma_stream)LZMA_STREAM_INIT;
    return lzma_stream_decoder(&unpack->xz, XZ_MEMORY_MAX, 0) == LZMA_OK;
}

static void xz_close(struct unpack *unpack)
{
    lzma_end(&unpack->xz);
}

static const char *xz_step(struct unpack *unpack, struct unpack_io *io)
{
    lzma_stream *xz = &unpack->xz;
    xz->next_in = io->in;
    xz->avail_in = (size_t)(io->in_end - io->in);
    xz->next_out = io->out;
    xz->avail_out = (size_t)(io->out_end - io->out);
    lzma_ret result = lzma_code(xz, LZMA_RUN);
    io->in = xz->next_in;
    io->out = xz->next_out;
    unpack->is_inside = result != LZMA_STREAM_END;
    if (result == LZMA_STREAM_END) {
        result = lzma_stream_decoder(xz, XZ_MEMORY_MAX, 0);
    }
    return result == LZMA_OK || result == LZMA_BUF_ERROR ? NULL
           : result == LZMA_MEMLIMIT_ERROR               ? "it wants more than 256 MiB of memory"
                                                         : "liblzma refused it";
}

static bool zstd_open(struct unpack *unpack)
{
    unpack->zstd = ZSTD_createDCtx();
    return unpack->zstd != NULL &&
           !ZSTD_isError(ZSTD_DCtx_setParameter(unpack->zstd, ZSTD_d_windowLogMax, WINDOW_LOG_MAX));
}

static void zstd_close(struct unpack *unpack)
{
    (void)ZSTD_freeDCtx(unpack->zstd);
}

static const char *zstd_step(struct unpack *unpack, struct unpack_io *io)
{
    ZSTD_inBuffer in = {io->in, (size_t)(io->in_end - io->in), 0};
    ZSTD_outBuffer out = {io->out, (size_t)(io->out_end - io->out), 0};
    size_t result = ZSTD_decompressStream(unpack->zstd, &out, &in);
    io->in += in.pos;
    io->out += out.pos;
    unpack->is_inside = result != 0;
    return ZSTD_isError(result) ? ZSTD_getErrorName(result) : NULL;
}

#define MAGIC(bytes) (bytes), sizeof(bytes) - 1

/* clang-format off */
static const struct packing packings[] = {
    {"gzip", MAGIC("\x1f\x8b"),                gzip_open, gzip_close, gzip_step},
    {"xz",   MAGIC("\xfd" "7zXZ"),             xz_open,   xz_close,   xz_step},
    {"zstd", MAGIC("\x28\xb5\x2f\xfd"),        zstd_open, zstd_close, zstd_step},
};
/* clang-format on */

const struct packing *packing_of(const void *bytes, size_t length)
{
    for (size_t i = 0; i < sizeof packings / sizeof packings[0]; i++) {
        if (length >= packings[i].magic_length &&
            memcmp(bytes, packings[i].magic, packings[i].magic_length) == 0) {
            return &packings[i];
        }
    }
    return NULL;
}

const char *packing_name(const struct packing *packing)
{
    return packing->name;
}

iso_status unpack_open(const struct packing *packing, struct unpack **unpack, struct iso_error *err)
{
    ISO_DEFER(unpack_close) struct unpack *opened = NULL;
    ISO_NEW(opened, 1, err);
    opened->packing = packing;
    opened->is_open = packing->open(opened);
    if (!opened->is_open) {
        ISO_FAIL(OUT_OF_MEMORY, err, "there is no memory to unpack %s", packing->name);
    }
    *unpack = opened;
    opened = NULL;
    return ISO_OK;
}

void unpack_close(struct unpack **unpack)
{
    if (*unpack != NULL) {
        if ((*unpack)->is_open) {
            (*unpack)->packing->close(*unpack);
        }
        free(*unpack);
        *unpack = NULL;
    }
}

iso_status unpack_step(struct unpack *unpack, struct unpack_io *io, struct iso_error *err)
{
    const uint8_t *in = NULL;
    const uint8_t *out = NULL;
    /* It may hold back output that does not fit, with no input left: go on until nothing moves. */
    while (io->out < io->out_end && (io->in != in || io->out != out)) {
        in = io->in;
        out = io->out;
        const char *why =
            unpack->is_inside || in < io->in_end ? unpack->packing->step(unpack, io) : NULL;
        if (why != NULL) {
            ISO_FAIL(BAD_FORMAT, err, "the %s data is damaged (%s)", unpack->packing->name, why);
        }
    }
    return ISO_OK;
}

bool unpack_is_whole(const struct unpack *unpack)
{
    return !unpack->is_inside;
}
