/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The inner loops of decoding, and one of encoding, once for each kind of processor. All kernels
 * give the same bits; the best that this machine runs is chosen once.
 *
 * rows is at most SEGMENT_BLOCK_ROWS everywhere. Arithmetic on integers is modulo 2^64.
 */
#ifndef SEGMENT_KERNEL_H
#define SEGMENT_KERNEL_H

#include "segment/format.h"

/* Where the planes and fields of a section stand. Bytes up to limit may be read; limit is at least
 * BITS_SLACK_BYTES behind end. */
struct kernel_source {
    const uint8_t *cursor;
    const uint8_t *end; /* of the block */
    const uint8_t *limit;
};

/* The classes of the rows of a block, as a kernel's classify made them for itself. */
struct classes {
    uint8_t of[SEGMENT_BLOCK_ROWS]; /* all below LEVELS_CLASSES_MAX */
    uint64_t member[LEVELS_CLASSES_MAX][SEGMENT_BLOCK_ROWS / 64];
};

struct kernel {
    const char *name;
    bool (*available)(void);

    /*
     * Read the residuals of rows rows, which are in the given classes (NULL: all in class 0), and
     * move the cursor behind them. False where the block ends before them.
     */
    bool (*unpack)(const struct levels *levels, const struct classes *classes, size_t rows,
                   struct kernel_source *source, int64_t *residual);

    /* The classes of rows by their integers; those behind the last row are of class 0. False where
     * an integer is not within FORMAT_INTEGER_LIMIT. */
    bool (*classify)(const int64_t *integer, size_t rows, unsigned offset, unsigned shift,
                     struct classes *classes);

    /* residual becomes times: row 0 is first_us, each other is step + residual * grid after the one
     * before. False where they do not rise strictly, or pass limit_us. */
    bool (*times)(int64_t *residual, size_t rows, int64_t first_us, int64_t step, int64_t grid,
                  int64_t limit_us);

    /* Residuals of open and close become quotients: open from the close before, close from open. */
    void (*chain)(int64_t *open, int64_t *close, size_t rows, int64_t before);

    /* high becomes max(open, close) + high, low min(open, close) - low. */
    void (*extremes)(const int64_t *open, const int64_t *close, size_t rows, int64_t *high,
                     int64_t *low);

    /* Multiply by a grid. False where a product could leave 64 bits, which none that counts does.
     */
    bool (*multiply)(int64_t *integer, size_t rows, int64_t grid);

    /* Add the next field of a list to each integer whose bit in the mask is set, and return the
     * greatest field. Fields are width (up to 57) bits; up to limit may be read, which is as far
     * behind them as in unpack. */
    uint64_t (*add_listed)(int64_t *integer, size_t rows, const uint64_t *mask,
                           const uint8_t *fields, unsigned width, const uint8_t *limit);

    /* The integers of doubles on a scale; bit i of fits is set where value[i] fits: it is the
     * double nearest to integer[i] / 10^scale (decimal.h). Other integers are undefined, bits
     * behind the last row 0. */
    void (*integers)(const double *value, size_t rows, unsigned scale, int64_t *integer,
                     uint64_t *fits);

    /* Doubles nearest to integer / 10^scale. False where an integer is not within
     * FORMAT_INTEGER_LIMIT. */
    bool (*divide)(const int64_t *integer, size_t rows, unsigned scale, double *value);
};

/* All that were built, the best first; NULL ends them. The last one is always available. */
extern const struct kernel *const kernel_table[];

/* The best that is available here. */
const struct kernel *kernel_best(void);

#endif
