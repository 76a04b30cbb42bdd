/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The volume-weighted average close of a series: a walk over all of its bars, piece by piece and
 * without copying them, in as little memory as cache_bytes says. After make install:
 *
 *     cc average.c $(pkg-config --cflags --libs isobar) -o average
 *     ./average STORE BTCUSDT 1m
 */
#include <isobar.h>
#include <stdio.h>

struct sums {
    size_t bars;
    double value;
    double volume;
};

/* Add the bars of one piece; they are borrowed, so only read. */
static void add(struct sums *sums, const struct iso_bars *bars)
{
    size_t i;
    for (i = 0; i < bars->count; i++) {
        sums->value += bars->close[i] * bars->volume[i];
        sums->volume += bars->volume[i];
    }
    sums->bars += bars->count;
}

static iso_status walk(struct iso_cursor *cursor, struct sums *sums, struct iso_error *error)
{
    struct iso_bars piece = {0};
    iso_status status;
    size_t count;
    do {
        status = iso_cursor_next(cursor, &piece, error);
        count = status.word == 0 ? piece.count : 0;
        add(sums, &piece);
        iso_bars_release(&piece);
    } while (count > 0);
    return status;
}

int main(int argument_count, char **arguments)
{
    struct iso_store *store = NULL;
    struct iso_cursor *cursor = NULL;
    struct iso_error error = {0};
    struct sums sums = {0};
    if (argument_count != 4) {
        (void)fprintf(stderr, "usage: average STORE SYMBOL INTERVAL\n");
        return 2;
    }
    iso_status status = iso_store_open(arguments[1], 0, &store, &error);
    if (status.word == 0) {
        iso_store_set_cache_bytes(store, 16 << 20);
        status = iso_store_scan(store, arguments[2], arguments[3], INT64_MIN, INT64_MAX, &cursor,
                                &error);
    }
    if (status.word == 0) {
        status = walk(cursor, &sums, &error);
    }
    if (status.word != 0) {
        (void)fprintf(stderr, "average: %s\n", error.text);
    } else {
        (void)printf("%zu bars, average %.17g%s\n", sums.bars, sums.value / sums.volume,
                     iso_cursor_complete(cursor) ? "" : ", some are damaged");
    }
    iso_cursor_close(&cursor);
    iso_store_close(&store);
    return (int)iso_failure_class_of(status);
}
