/* SPDX-License-Identifier: Apache-2.0 */
/* Every kernel that this machine runs gives the same bits, and refuses the same bytes. */
#include "series_kinds.h"

#include "market/time.h"
#include "segment/block.h"

static struct iso_error err;

static struct range all_time(void)
{
    return (struct range){TIME_MIN_US, TIME_MAX_US};
}

/* Values a row cannot hold by chance show what a kernel left unwritten. */
static void spoil_columns(struct bars *bars)
{
    assert_ok(bars_reserve(bars, 4096, &err));
    memset(bars->time_us, 0x5a, 4096 * sizeof bars->time_us[0]);
    memset(bars->trade_count, 0x5a, 4096 * sizeof bars->trade_count[0]);
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        memset(bars->value[i], 0x5a, 4096 * sizeof bars->value[i][0]);
    }
    bars->count = 0;
}

static void assert_kernels_agree(const struct bytes *bytes, const struct bars *expected)
{
    for (size_t i = 0; kernel_table[i] != NULL; i++) {
        struct segment segment;
        struct bars decoded = {0};
        if (!kernel_table[i]->available()) {
            continue;
        }
        spoil_columns(&decoded);
        assert_ok(segment_open(bytes->data, bytes->length, &segment, &err));
        assert_ok(segment_decode_by(&segment, kernel_table[i], all_time(), &decoded, NULL, &err));
        if (!bars_equal(expected, &decoded)) {
            fail_msg("kernel %s decodes other bits", kernel_table[i]->name);
        }
        bars_reset(&decoded);
    }
}

static void assert_series_agrees(enum series_kind kind, size_t rows, uint32_t seed)
{
    struct series series = {0};
    struct bars bars = {0};
    struct bytes bytes = {0};
    assert_ok(series_make("BTC/USD", "1m", &series, &err));
    add_series(&bars, kind, rows, series.interval, 1700000040000000, seed % 3 == 0 ? 0 : 20, seed);
    assert_ok(segment_encode(&series, all_time(), &bars, &bytes, &err));
    assert_kernels_agree(&bytes, &bars);
    bytes_reset(&bytes);
    bars_reset(&bars);
}

static void all_kernels_decode_every_kind_of_series(void **state)
{
    (void)state;
    static const size_t lengths[] = {1, 63, 64, 65, 300, 1023, 1024, 1025, 2500};
    for (int kind = 0; kind < KIND_COUNT; kind++) {
        for (size_t i = 0; i < sizeof lengths / sizeof lengths[0]; i++) {
            print_message("# %s, %zu rows\n", kind_names[kind], lengths[i]);
            assert_series_agrees((enum series_kind)kind, lengths[i], (uint32_t)i);
        }
    }
}

static void all_kernels_decode_every_width(void **state)
{
    (void)state;
    for (uint32_t seed = 0; seed < 400; seed++) {
        struct series series = {0};
        struct bars bars = {0};
        struct bytes bytes = {0};
        struct rng rng = rng_stream(seed, 5, 5, RNG_TEST);
        assert_ok(series_make("BTC/USD", "1m", &series, &err));
        size_t rows = 1 + rng_below(&rng, 1400);
        add_wild(&bars, &rng, rows, 2 + rng_below(&rng, 50));
        assert_ok(segment_encode(&series, all_time(), &bars, &bytes, &err));
        assert_kernels_agree(&bytes, &bars);
        bytes_reset(&bytes);
        bars_reset(&bars);
    }
}

static uint64_t digest(const struct bars *bars)
{
    struct hash128 hash = hash_bytes(bars->time_us, bars->count * sizeof bars->time_us[0]);
    uint64_t all = hash.low;
    for (size_t i = 0; i < BAR_VALUE_COUNT; i++) {
        hash = hash_bytes(bars->value[i], bars->count * sizeof bars->value[i][0]);
        all = all * 31 + hash.low;
    }
    return all;
}

/* Damage that got past the hash: kernels refuse together, or decode the same bits. */
static void all_kernels_agree_on_damage(void **state)
{
    (void)state;
    struct series series = {0};
    struct bars bars = {0};
    struct bytes bytes = {0};
    struct segment segment;
    size_t refused = 0;
    assert_ok(series_make("BTC/USD", "1m", &series, &err));
    add_series(&bars, KIND_thin_off_grid, 300, series.interval, 1700000040000000, 9, 1);
    assert_ok(segment_encode(&series, all_time(), &bars, &bytes, &err));
    assert_ok(segment_open(bytes.data, bytes.length, &segment, &err));
    for (size_t at = segment.blocks_offset; at < bytes.length - BITS_SLACK_BYTES; at++) {
        uint8_t original = bytes.data[at];
        uint64_t first = 0;
        bytes.data[at] ^= (uint8_t)(1 + at % 255);
        for (size_t i = 0; kernel_table[i] != NULL; i++) {
            struct bars decoded = {0};
            if (!kernel_table[i]->available()) {
                continue;
            }
            bool fails = iso_failed(
                segment_decode_by(&segment, kernel_table[i], all_time(), &decoded, NULL, &err));
            uint64_t found = fails ? 1 : digest(&decoded);
            refused += fails;
            first = first == 0 ? found : first;
            assert_true(found == first);
            bars_reset(&decoded);
        }
        bytes.data[at] = original;
    }
    assert_true(refused > 20);
    bytes_reset(&bytes);
    bars_reset(&bars);
}

static void the_portable_kernel_is_always_there(void **state)
{
    (void)state;
    size_t count = 0;
    while (kernel_table[count] != NULL) {
        print_message("# %s: %s\n", kernel_table[count]->name,
                      kernel_table[count]->available() ? "tested" : "not on this machine");
        count++;
    }
    assert_string_equal(kernel_table[count - 1]->name, "portable");
    assert_true(kernel_table[count - 1]->available());
    assert_true(kernel_best()->available());
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_portable_kernel_is_always_there),
        cmocka_unit_test(all_kernels_decode_every_kind_of_series),
        cmocka_unit_test(all_kernels_decode_every_width),
        cmocka_unit_test(all_kernels_agree_on_damage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
