/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Segments of every kind of series, for those who compare them with what another machine or another
 * writer makes of the same bars.
 *
 *   segment_samples SEEDS [DIRECTORY]
 *
 * prints for each kind the hash of its bars, of the segments made of them, and of the bars decoded
 * again; and writes the segments to DIRECTORY, where one is given.
 */
#include "series_kinds.h"

#include "base/hash.h"
#include "market/time.h"
#include "segment/segment.h"

#include <stdio.h>
#include <stdlib.h>

enum { SEEDS_MAX = 1000, KIND_wild = KIND_COUNT, SAMPLE_KINDS };

/* On both sides of where a block ends and where classes change. */
static const size_t lengths[] = {1, 2, 70, 255, 300, 1024, 1300, 4096, 5000};
enum { LENGTH_COUNT = sizeof lengths / sizeof lengths[0] };

static struct iso_error err;

static const char *name_of(int kind)
{
    return kind == KIND_wild ? "wild" : kind_names[kind];
}

static void add_bars(struct hasher *hasher, const struct bars *bars)
{
    hasher_add(hasher, bars->time_us, bars->count * sizeof bars->time_us[0]);
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        hasher_add(hasher, bars->value[i], bars->count * sizeof bars->value[i][0]);
    }
    hasher_add(hasher, bars->trade_count, bars->count * sizeof bars->trade_count[0]);
}

/* Hashes over all segments of a kind. */
struct sums {
    struct hasher *given;
    struct hasher *segments;
    struct hasher *decoded;
};

static void write_segment(const char *directory, int kind, uint32_t seed, const struct bytes *bytes)
{
    char path[4096];
    (void)snprintf(path, sizeof path, "%s/%s-%u.seg", directory, name_of(kind), seed);
    FILE *file = fopen(path, "wb");
    bool written = file != NULL && fwrite(bytes->data, 1, bytes->length, file) == bytes->length;
    if (file == NULL || fclose(file) != 0 || !written) {
        fail_msg("cannot write %s", path);
    }
}

static void add_sample(int kind, uint32_t seed, const char *directory, struct sums *sums)
{
    size_t rows = lengths[seed % LENGTH_COUNT];
    const struct interval *interval = interval_coded((uint8_t)(1 + (seed + 4) % 18));
    struct series series;
    struct segment segment;
    struct bytes bytes = {0};
    struct bars bars = {0};
    struct bars again = {0};
    struct rng rng = rng_stream(seed, 7, 7, RNG_TEST);
    assert_ok(series_make("BTC/USD", interval->name, &series, &err));
    if (kind == KIND_wild) {
        add_wild(&bars, &rng, rows, 2 + rng_below(&rng, 50));
    } else {
        add_series(&bars, (enum series_kind)kind, rows, interval, 1700006400000000, seed % 5, seed);
    }
    struct range period = {bars.time_us[0], bars.time_us[bars.count - 1] + 1};
    assert_ok(segment_encode(&series, period, &bars, &bytes, &err));
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    assert_ok(segment_decode(&segment, period, &again, NULL, &err));
    add_bars(sums->given, &bars);
    hasher_add(sums->segments, bytes.data, bytes.length);
    add_bars(sums->decoded, &again);
    if (directory != NULL) {
        write_segment(directory, kind, seed, &bytes);
    }
    bytes_reset(&bytes);
    bars_reset(&bars);
    bars_reset(&again);
}

static void print_sum(struct hasher **hasher, char end)
{
    char hex[HASH_HEX_BYTES];
    hash_hex(hasher_result(*hasher), hex);
    (void)printf("%s%c", hex, end);
    hasher_free(hasher);
}

static void print_kind(int kind, uint32_t seeds, const char *directory)
{
    struct sums sums;
    assert_ok(hasher_new(&sums.given, &err));
    assert_ok(hasher_new(&sums.segments, &err));
    assert_ok(hasher_new(&sums.decoded, &err));
    for (uint32_t seed = 0; seed < seeds; seed++) {
        add_sample(kind, seed, directory, &sums);
    }
    (void)printf("%-16s ", name_of(kind));
    print_sum(&sums.given, ' ');
    print_sum(&sums.segments, ' ');
    print_sum(&sums.decoded, '\n');
}

int main(int argument_count, char **arguments)
{
    unsigned long seeds = argument_count > 1 ? strtoul(arguments[1], NULL, 10) : 0;
    if (seeds < 1 || seeds > SEEDS_MAX) {
        (void)fprintf(stderr, "segment_samples: give the number of seeds, 1 to %d\n", SEEDS_MAX);
        return 2;
    }
    for (int kind = 0; kind < SAMPLE_KINDS; kind++) {
        print_kind(kind, (uint32_t)seeds, argument_count > 2 ? arguments[2] : NULL);
    }
    return 0;
}
