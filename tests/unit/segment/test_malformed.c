/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every field of a segment is given hostile values under a right hash; what refuses it names the
 * offset of that very field, and the reason. Where things stand is worked out here from the format,
 * not taken from the reader.
 */
#include "series_kinds.h"

#include "market/time.h"
#include "segment/format.h"

#include <stdio.h>
#include <stdlib.h>

enum { ROWS = 1300, SECOND_ROWS = ROWS - SEGMENT_BLOCK_ROWS, BLOCKS = 2, GRID = 25 };

static struct iso_error err;

/* A segment and where its parts are. */
struct victim {
    struct bytes bytes;
    struct segment segment;
    size_t grid_at[3];
    size_t table_at[SEGMENT_COLUMN_COUNT];
    size_t directory_at;
    struct segment_block_info block[BLOCKS];
    size_t section_at[BLOCKS][SEGMENT_COLUMN_COUNT];
};

/* What stands at an offset instead. */
struct damage {
    size_t at;
    size_t length;
    uint8_t bytes[8];
};

static struct damage byte_at(size_t at, unsigned byte)
{
    return (struct damage){at, 1, {(uint8_t)byte}};
}

static struct damage word_at(size_t at, size_t length, uint64_t word)
{
    struct damage damage = {at, length, {0}};
    store_u64(damage.bytes, word);
    return damage;
}

/* Bits from offset on become those of a field. */
static struct damage field_at(const struct victim *victim, size_t at, size_t bit, unsigned width,
                              uint64_t field)
{
    uint64_t word = load_u64(victim->bytes.data + at + bit / 8);
    word &= ~(bits_mask(width) << bit % 8);
    return word_at(at + bit / 8, 8, word | field << bit % 8);
}

static void seal(uint8_t *data, size_t length)
{
    format_store_hash(data + FORMAT_HASH_AT,
                      hash_bytes(data + FORMAT_HASHED_AT, length - FORMAT_HASHED_AT));
}

static iso_status read_all(const uint8_t *data, size_t length)
{
    struct segment segment;
    struct bars bars = {0};
    ISO_TRY(segment_open(data, length, &segment, &err));
    iso_status status = segment_decode(&segment, segment.period, &bars, NULL, &err);
    assert_true(!iso_failed(status) || bars.count == 0);
    bars_reset(&bars);
    return status;
}

/* The damaged segment is refused at that offset, for that reason. */
static void refused(const struct victim *victim, struct damage damage, size_t offset,
                    const char *reason)
{
    char expected[64];
    uint8_t *data = malloc(victim->bytes.length);
    assert_non_null(data);
    memcpy(data, victim->bytes.data, victim->bytes.length);
    assert_true(damage.at + damage.length <= victim->bytes.length);
    assert_memory_not_equal(data + damage.at, damage.bytes, damage.length);
    memcpy(data + damage.at, damage.bytes, damage.length);
    if (damage.at >= FORMAT_HASHED_AT) {
        seal(data, victim->bytes.length);
    }
    err.text[0] = '\0';
    assert_fails(read_all(data, victim->bytes.length), CORRUPT);
    (void)snprintf(expected, sizeof expected, "offset %zu: ", offset);
    if (strstr(err.text, expected) == NULL || strstr(err.text, reason) == NULL) {
        fail_msg("damage at %zu: \"%s\" where \"%s... %s\" was due", damage.at, err.text, expected,
                 reason);
    }
    free(data);
}

/* --- where things stand ------------------------------------------------------------------------*/

static void find_parts(struct victim *victim)
{
    const struct segment *segment = &victim->segment;
    uint8_t table[LEVELS_BYTES_MAX + BITS_SLACK_BYTES];
    size_t at = FORMAT_SYMBOL_AT + strlen(segment->series.symbol);
    for (size_t i = 0; i < 3; i++) {
        victim->grid_at[i] = at;
        at += 1 + (size_t)victim->bytes.data[at];
    }
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        size_t index = format_column_order[i];
        victim->table_at[index] = at;
        if (segment->column[index].encoding == SEGMENT_DECIMAL) {
            at += levels_write(&segment->levels[index],
                               format_class_count(segment->column, index, segment->rows), table);
        }
    }
    victim->directory_at = at;
    at += segment->block_count * FORMAT_ENTRY_BYTES;
    for (size_t block = 0; block < segment->block_count; block++) {
        assert_ok(segment_inspect_block(segment, block, &victim->block[block], &err));
        at += victim->block[block].overhead_bits / 8;
        for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
            victim->section_at[block][format_column_order[i]] = at;
            at += victim->block[block].bits[format_column_order[i]] / 8;
        }
    }
    assert_int_equal(at, victim->bytes.length - FORMAT_TAIL_BYTES);
}

static void take_bars(struct victim *victim, struct bars *bars)
{
    struct series series;
    struct range period = {1700006400000000, 1700006400000000 + 2000 * INT64_C(60000000)};
    assert_ok(series_make("BTC/USD", "1m", &series, &err));
    assert_ok(segment_encode(&series, period, bars, &victim->bytes, &err));
    assert_ok(segment_open(victim->bytes.data, victim->bytes.length, &victim->segment, &err));
    find_parts(victim);
    bars_reset(bars);
}

/* Quarters, with a few prices off the grid, near their decimals and far from any. */
static void make_listed(struct victim *victim)
{
    static const size_t rows[] = {101, 400, 1100, 1200, 1201};
    struct bars bars = {0};
    add_series(&bars, KIND_quarter_ticks, ROWS, interval_coded(5), 1700006400000000, 0, 1);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        bars.trade_count[rows[i]] = BAR_COUNT_ABSENT;
        for (size_t value = 0; value < BAR_VALUE_COUNT; value++) {
            double *price = &bars.value[value][rows[i]];
            double off_grid = (*price * 100 + 1) / 100; /* exact: a price is a quarter */
            *price = i == 2 ? 0.1234567890123 : i == 3 ? step_ulps(*price, 2) : off_grid;
        }
    }
    for (size_t i = 0; i < ROWS; i++) {
        bars.value[BAR_volume][i] = (double)((INT64_C(1) << 53) - 4 - 2 * (int64_t)(i % 2));
    }
    take_bars(victim, &bars);
    assert_int_equal(victim->segment.column[COLUMN_VALUES + BAR_close].grid, GRID);
}

static void victim_reset(struct victim *victim)
{
    bytes_reset(&victim->bytes);
}

/* --- the tests ---------------------------------------------------------------------------------*/

static void fields_of_the_header_are_named_by_offset(void **state)
{
    (void)state;
    struct victim v = {0};
    make_listed(&v);
    refused(&v, byte_at(0, 'X'), 0, "not a segment");
    refused(&v, byte_at(FORMAT_VERSION_AT, 0), 7, "version 0");
    refused(&v, byte_at(FORMAT_VERSION_AT, 1), 7, "version 1");
    refused(&v, byte_at(FORMAT_HASH_AT + 15, v.bytes.data[23] ^ 1), 8, "hash");
    refused(&v, word_at(24, 4, v.bytes.length + 1), 24, "bytes announced");
    refused(&v, word_at(28, 4, 0), 28, "0 rows");
    refused(&v, word_at(28, 4, SEGMENT_ROWS_MAX + 1), 28, "1048577 rows");
    refused(&v, byte_at(32, 0), 32, "interval code 0");
    refused(&v, byte_at(32, 19), 32, "interval code 19");
    refused(&v, byte_at(33, 0), 33, "symbol of 0 bytes");
    refused(&v, byte_at(33, 65), 33, "symbol of 65 bytes");
    refused(&v, byte_at(34, 107), 34, "class offset 107");
    refused(&v, byte_at(35, 1), 35, "flags 1");
    refused(&v, word_at(36, 8, (uint64_t)TIME_MIN_US - 1), 36, "period begins");
    refused(&v, word_at(36, 8, (uint64_t)TIME_MAX_US), 36, "period begins");
    refused(&v, word_at(44, 8, (uint64_t)TIME_MAX_US + 1), 44, "period ends");
    refused(&v, word_at(44, 8, (uint64_t)v.segment.period.from_us), 44, "period ends");
    refused(&v, word_at(52, 8, (uint64_t)v.segment.period.to_us), 52, "not within the period");
    refused(&v, word_at(52, 8, (uint64_t)v.segment.period.from_us - 1), 52, "not within");
    refused(&v, byte_at(68, 0), 68, "not a symbol");
    refused(&v, byte_at(69, 0xff), 68, "not a symbol");
    victim_reset(&v);
}

static void columns_of_the_directory_are_named_by_offset(void **state)
{
    (void)state;
    struct victim v = {0};
    make_listed(&v);
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        refused(&v, byte_at(60 + i, 3), 60 + i, format_column_name[i]);
        refused(&v, byte_at(60 + i, SEGMENT_DECIMAL | 19 << 2), 60 + i, "scale 19");
        refused(&v, byte_at(60 + i, SEGMENT_RAW | 1 << 2), 60 + i, "encoding 2");
        refused(&v, byte_at(60 + i, SEGMENT_ABSENT | 1 << 2), 60 + i, "encoding 0");
    }
    refused(&v, byte_at(60, SEGMENT_ABSENT), 60, "time");
    refused(&v, byte_at(60, SEGMENT_RAW), 60, "time");
    refused(&v, byte_at(60, SEGMENT_DECIMAL | 1 << 2), 60, "time");
    refused(&v, byte_at(67, SEGMENT_RAW), 67, "trade_count");
    for (size_t i = 0; i < 4; i++) {
        size_t at = 60 + COLUMN_VALUES + format_price_order[i];
        size_t first_other = 60 + COLUMN_VALUES + format_price_order[i == 0 ? 1 : i];
        refused(&v, byte_at(at, SEGMENT_DECIMAL | 9 << 2), first_other, "does not agree");
        refused(&v, byte_at(at, SEGMENT_RAW), first_other, "does not agree");
    }
    refused(&v, byte_at(66, SEGMENT_DECIMAL | 0 << 2), 66, "vwap does not agree");
    victim_reset(&v);
}

static void grids_and_tables_are_named_by_offset(void **state)
{
    (void)state;
    struct victim v = {0};
    make_listed(&v);
    for (size_t i = 0; i < 3; i++) {
        uint8_t low = v.bytes.data[v.grid_at[i] + 1];
        refused(&v, byte_at(v.grid_at[i], 9), v.grid_at[i], "no grid");
        refused(&v, byte_at(v.grid_at[i] + 1, low | 1), v.grid_at[i], "no grid"); /* negative */
    }
    for (size_t i = 0; i < SEGMENT_COLUMN_COUNT; i++) {
        const struct levels *levels = &v.segment.levels[i];
        size_t at = v.table_at[i];
        size_t base_bytes = levels->zigzag ? 0 : 1 + (size_t)v.bytes.data[at + 1];
        size_t packed_at = at + 1 + base_bytes;
        size_t bit = 0;
        refused(&v, byte_at(at, 2), at, "no table of levels");
        if (base_bytes > 0) {
            refused(&v, byte_at(at + 1, 9), at + 1, "no base");
        }
        for (size_t class = 0; class < format_class_count(v.segment.column, i, ROWS); class++) {
            size_t count = levels_count(levels, class);
            refused(&v, field_at(&v, packed_at, bit + 2, 6, 62), packed_at + bit / 8,
                    "width of more than 61 bits");
            bit += count == 1 ? 8 : 8 + 2 * (count - 2) + 6;
        }
    }
    victim_reset(&v);
}

static void the_block_directory_and_the_tail_are_named_by_offset(void **state)
{
    (void)state;
    struct victim v = {0};
    make_listed(&v);
    size_t first = v.directory_at;
    size_t second = first + FORMAT_ENTRY_BYTES;
    uint64_t end = v.block[1].offset;
    refused(&v, word_at(first, 8, (uint64_t)v.segment.period.from_us - 1), first, "block 0");
    refused(&v, word_at(second, 8, (uint64_t)v.segment.first_us), second, "block 1");
    refused(&v, word_at(second, 8, (uint64_t)v.segment.last_us + 1), second, "block 1");
    refused(&v, word_at(first + 8, 4, v.block[0].offset - 1), first + 8, "block 0 ends at");
    refused(&v, word_at(first + 8, 4, v.bytes.length - 7), first + 8, "block 0 ends at");
    refused(&v, word_at(second + 8, 4, end - 1), second + 8, "block 1 ends at");
    refused(&v, word_at(second + 8, 4, v.bytes.length - 9), second + 8, "block 1 ends at");
    for (size_t i = v.bytes.length - 8; i < v.bytes.length; i++) {
        refused(&v, byte_at(i, 128), i, "tail is not zero");
    }
    victim_reset(&v);
}

static void ends_of_blocks_are_named_by_offset(void **state)
{
    (void)state;
    struct victim v = {0};
    make_listed(&v);
    size_t end_at = v.directory_at + FORMAT_ENTRY_END_AT;
    size_t end = v.block[1].offset;
    size_t base_bytes = v.block[0].overhead_bits / 8;
    size_t vwap = v.section_at[0][COLUMN_VALUES + BAR_vwap];
    refused(&v, word_at(end_at, 4, end + 1), end, "goes on behind its last column");
    refused(&v, word_at(end_at, 4, vwap), vwap, "vwap needs 1 bytes");
    refused(&v, word_at(end_at, 4, v.block[0].offset), v.block[0].offset, "no base price");
    refused(&v, word_at(end_at, 4, v.block[0].offset + base_bytes), v.section_at[0][COLUMN_TIME],
            "time needs 1 bytes");
    refused(&v, word_at(end_at, 4, v.section_at[0][COLUMN_TRADE_COUNT] + 2),
            v.section_at[0][COLUMN_TRADE_COUNT] + 1, "trade_count needs 2 bytes");
    /* Its lists, of two absent counts: flags, a number, two rows, two bytes. */
    refused(&v, word_at(end_at, 4, v.section_at[0][COLUMN_VALUES + BAR_volume] - 1),
            v.section_at[0][COLUMN_TRADE_COUNT] + 1 + 2 + 3 + 2, "codes of trade_count reach");
    refused(&v, byte_at(v.block[1].offset, 9), v.block[1].offset, "no base price");
    victim_reset(&v);
}

static void times_are_named_by_offset(void **state)
{
    (void)state;
    struct victim v = {0};
    make_listed(&v);
    size_t second = v.directory_at + FORMAT_ENTRY_BYTES;
    size_t time = v.section_at[1][COLUMN_TIME];
    uint64_t last = (uint64_t)v.segment.last_us;
    uint64_t begin = (uint64_t)v.block[1].first_us;
    refused(&v, word_at(52, 8, last + 60000000), time, "the last bar is not at the last time");
    refused(&v, word_at(52, 8, last - 1), time, "times of block 1 are out of order");
    refused(&v, word_at(second, 8, begin + 60000000), time, "times of block 1 are out of order");
    refused(&v, word_at(second, 8, begin - 60000000), v.section_at[0][COLUMN_TIME],
            "times of block 0 are out of order");
    victim_reset(&v);
}

/* The price's lists in the second block: a remainder of row 1201, nearness of 1200, 1100 raw. */
static void lists_are_named_by_offset(void **state)
{
    (void)state;
    struct victim v = {0};
    make_listed(&v);
    for (size_t i = 0; i < 4; i++) {
        size_t at = v.section_at[1][COLUMN_VALUES + format_price_order[i]];
        const char *name = format_column_name[COLUMN_VALUES + format_price_order[i]];
        unsigned remainders = load_u16(v.bytes.data + at + 1);
        size_t positions_at = at + 7;
        size_t fields_at = positions_at + bits_bytes(remainders, 10);
        size_t near_at = fields_at + bits_bytes(remainders, 5);
        assert_int_equal(v.bytes.data[at], 7);
        assert_int_equal(load_u16(v.bytes.data + at + 3), 1);
        refused(&v, byte_at(at, 15), at, "may not have the lists that flags 15");
        for (size_t list = 0; list < 3; list++) {
            refused(&v, word_at(at + 1 + 2 * list, 2, 0), at + 1 + 2 * list, "lists 0 exceptions");
            refused(&v, word_at(at + 1 + 2 * list, 2, SECOND_ROWS + 1), at + 1 + 2 * list, name);
        }
        refused(&v, field_at(&v, positions_at, 0, 10, 1023), positions_at, "not among its 276");
        refused(&v, field_at(&v, near_at, 0, 10, SECOND_ROWS), near_at, "not among its 276");
        for (size_t field = 0; field < remainders; field++) {
            refused(&v, field_at(&v, fields_at, 5 * field, 5, GRID), fields_at + 5 * field / 8,
                    "has a remainder of 25 on a grid of 25");
        }
    }
    size_t count_at = v.section_at[1][COLUMN_TRADE_COUNT];
    assert_int_equal(v.bytes.data[count_at], SECTION_NEAR);
    assert_int_equal(load_u16(v.bytes.data + count_at + 1), 3);
    refused(&v, byte_at(count_at + 3 + 4 + 2, 1), count_at + 3 + 4 + 2, "cannot be near");
    refused(&v, byte_at(count_at, SECTION_REMAINDERS), count_at, "may not have the lists");
    refused(&v, byte_at(v.section_at[1][COLUMN_TIME], SECTION_NEAR), v.section_at[1][COLUMN_TIME],
            "may not have the lists");
    victim_reset(&v);
}

/* Bases that leave the range of integers. */
static void integers_out_of_range_are_named_by_the_offset_of_their_section(void **state)
{
    (void)state;
    struct victim v = {0};
    make_listed(&v);
    const size_t volume = COLUMN_VALUES + BAR_volume;
    size_t base_at = v.table_at[volume] + 1;
    assert_false(v.segment.levels[volume].zigzag);
    assert_int_equal(v.bytes.data[base_at], 7);
    refused(&v, byte_at(base_at + 7, 0x7f), v.section_at[0][volume],
            "volume has an integer out of range");
    victim_reset(&v);

    struct bars bars = {0};
    add_series(&bars, KIND_only_close, 3, interval_coded(5), 1700006400000000, 0, 1);
    for (size_t i = 0; i < 3; i++) {
        bars.value[BAR_open][i] = (double)((INT64_C(1) << 53) - 100);
        bars.value[BAR_close][i] = (double)((INT64_C(1) << 53) - 2);
    }
    take_bars(&v, &bars);
    assert_int_equal(v.bytes.data[v.block[0].offset], 7);
    refused(&v, word_at(v.block[0].offset + 1, 7, zigzag((INT64_C(1) << 53) - 1)),
            v.section_at[0][COLUMN_VALUES + BAR_close], "close has an integer out of range");
    victim_reset(&v);
}

static void raw_columns_are_named_by_offset(void **state)
{
    (void)state;
    struct victim v = {0};
    struct bars bars = {0};
    add_series(&bars, KIND_any_bits, ROWS, interval_coded(5), 1700006400000000, 0, 1);
    take_bars(&v, &bars);
    for (size_t i = COLUMN_VALUES; i < COLUMN_TRADE_COUNT; i++) {
        assert_int_equal(v.segment.column[i].encoding, SEGMENT_RAW);
        refused(&v, byte_at(v.section_at[1][i], 65), v.section_at[1][i], "width of 65 bits");
    }
    size_t vwap = v.section_at[0][COLUMN_VALUES + BAR_vwap];
    size_t end_at = v.directory_at + FORMAT_ENTRY_END_AT;
    refused(&v, word_at(end_at, 4, vwap), vwap, "vwap needs 1 bytes");
    refused(&v, word_at(end_at, 4, vwap + 8), vwap + 1, "vwap needs 8 bytes");
    refused(&v, word_at(end_at, 4, v.block[1].offset - 1), vwap + 9, "vwap needs 8192 bytes");
    victim_reset(&v);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fields_of_the_header_are_named_by_offset),
        cmocka_unit_test(columns_of_the_directory_are_named_by_offset),
        cmocka_unit_test(grids_and_tables_are_named_by_offset),
        cmocka_unit_test(the_block_directory_and_the_tail_are_named_by_offset),
        cmocka_unit_test(ends_of_blocks_are_named_by_offset),
        cmocka_unit_test(times_are_named_by_offset),
        cmocka_unit_test(lists_are_named_by_offset),
        cmocka_unit_test(integers_out_of_range_are_named_by_the_offset_of_their_section),
        cmocka_unit_test(raw_columns_are_named_by_offset),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
