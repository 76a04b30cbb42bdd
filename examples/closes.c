/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Print the last close of a series. After make install:
 *
 *     cc closes.c $(pkg-config --cflags --libs isobar) -o closes
 *     ./closes STORE BTCUSDT 1m
 */
#include <isobar.h>
#include <stdio.h>

int main(int argument_count, char **arguments)
{
    struct iso_store *store = NULL;
    struct iso_bars bars = {0};
    struct iso_error error = {0};
    if (argument_count != 4) {
        (void)fprintf(stderr, "usage: closes STORE SYMBOL INTERVAL\n");
        return 2;
    }
    iso_status status = iso_store_open(arguments[1], 0, &store, &error);
    if (status.word == 0) {
        status = iso_store_read(store, arguments[2], arguments[3], INT64_MIN, INT64_MAX, &bars,
                                NULL, &error);
    }
    if (status.word != 0) {
        (void)fprintf(stderr, "closes: %s\n", error.text);
    } else if (bars.count > 0) {
        (void)printf("%zu bars, last close %.17g\n", bars.count, bars.close[bars.count - 1]);
    }
    iso_bars_release(&bars);
    iso_store_close(&store);
    return (int)iso_failure_class_of(status);
}
