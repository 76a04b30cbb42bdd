/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/block.h"

#include <math.h>
#include <stdlib.h>

static int compare_integers(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a;
    int64_t right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Bits of all numbers if each took minus the logarithm of its share. Sorts them. */
static double zero_order_bits(int64_t *number, size_t count)
{
    double bits = 0;
    qsort(number, count, sizeof number[0], compare_integers);
    for (size_t begin = 0; begin < count;) {
        size_t end = begin + 1;
        while (end < count && number[end] == number[begin]) {
            end++;
        }
        double same = (double)(end - begin);
        bits -= same * log2(same / (double)count);
        begin = end;
    }
    return bits;
}

static void free_integers(int64_t **integers)
{
    free(*integers);
}

iso_status segment_entropy(const struct segment *segment, double bits[SEGMENT_COLUMN_COUNT],
                           struct iso_error *err)
{
    ISO_DEFER(free_integers) int64_t *residuals = NULL;
    struct block_account account = {0};
    ISO_NEW(residuals, segment->rows * SEGMENT_COLUMN_COUNT, err);
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        account.residual[i] = residuals + i * segment->rows;
    }
    ISO_TRY(segment_account(segment, &account, err));
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        bool has_residuals = segment->column[i].encoding == SEGMENT_DECIMAL;
        bits[i] = has_residuals ? zero_order_bits(residuals + i * segment->rows, segment->rows) : 0;
    }
    return ISO_OK;
}
