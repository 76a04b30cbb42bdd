/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "evolve/arena.h"
#include "evolve/operators.h"

#include <string.h>

enum { COUNT = 600 };

static void positions_of(const struct bars *bars, const char *text, bool allow_short, size_t first,
                         int8_t *positions)
{
    struct iso_error err;
    struct genome genome;
    ISO_DEFER(arena_free) struct arena *arena = NULL;
    struct arena_terms terms = {
        .bars = bars, .cash = 1.0, .allow_short = allow_short, .thread_count = 1};
    assert_ok(arena_new(&terms, &arena, &err));
    assert_ok(genome_parse(text, &genome, &err));
    assert_ok(arena_positions(arena, &genome, first, bars->count, positions, &err));
}

static void make_closes(struct bars *bars, const double *closes, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        add_bar(bars, closes[i], closes[i]);
    }
}

static void ema_cross_is_long_while_fast_is_above_slow(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    /* EMA 1 is the close; EMA 3: 8, 10, 8, 8, 9 */
    make_closes(&bars, (double[]){8, 12, 6, 8, 10}, 5);
    int8_t positions[5];
    positions_of(&bars, "ema_cross:fast=1,slow=3", false, 0, positions);
    assert_memory_equal(positions, ((int8_t[]){0, 0, 0, 0, 1}), 5);
    positions_of(&bars, "ema_cross:fast=1,slow=3", true, 0, positions);
    assert_memory_equal(positions, ((int8_t[]){0, 0, -1, 0, 1}), 5);
}

static void rsi_reversion_holds_between_its_levels(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    /* RSI 1 is 0 after a fall, 100 after a rise, 0 where nothing moved */
    make_closes(&bars, (double[]){10, 9, 11, 12, 11}, 5);
    int8_t positions[5];
    positions_of(&bars, "rsi_reversion:period=1,lower=30,upper=70", false, 0, positions);
    assert_memory_equal(positions, ((int8_t[]){0, 1, 0, 0, 1}), 5);
    positions_of(&bars, "rsi_reversion:period=1,lower=30,upper=70", true, 0, positions);
    assert_memory_equal(positions, ((int8_t[]){0, 1, -1, -1, 1}), 5);
}

static void bollinger_buys_below_the_band_and_leaves_above_the_mean(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    /* period 2: |close - mean| equals the deviation; width 0.5 makes every move a break */
    make_closes(&bars, (double[]){10, 8, 8, 9, 9}, 5);
    int8_t positions[5];
    positions_of(&bars, "bollinger:period=2,width=0.5", false, 0, positions);
    assert_memory_equal(positions, ((int8_t[]){0, 1, 1, 0, 0}), 5);
    positions_of(&bars, "bollinger:period=2,width=0.5", true, 0, positions);
    assert_memory_equal(positions, ((int8_t[]){0, 1, 1, -1, -1}), 5);
}

static void donchian_follows_new_extremes_of_the_bars_before(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_closes(&bars, (double[]){10, 11, 12, 12, 11, 10, 9}, 7);
    int8_t positions[7];
    positions_of(&bars, "donchian:entry=2,exit=1", false, 0, positions);
    assert_memory_equal(positions, ((int8_t[]){0, 0, 1, 1, 0, 0, 0}), 7);
    positions_of(&bars, "donchian:entry=2,exit=1", true, 0, positions);
    assert_memory_equal(positions, ((int8_t[]){0, 0, 1, 1, -1, -1, -1}), 7);
}

static void what_is_remembered_begins_afresh_at_first(void **state)
{
    (void)state;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    make_closes(&bars, (double[]){10, 9, 9.5, 9.6, 9.65}, 5);
    int8_t positions[5] = {7, 7, 7, 7, 7};
    positions_of(&bars, "rsi_reversion:period=1,lower=0.5,upper=100", false, 2, positions);
    assert_memory_equal(positions, ((int8_t[]){7, 7, 0, 0, 0}), 5);
}

/* Replace all bars after `kept` by others; positions up to there must keep every bit. */
static void no_family_looks_ahead(void **state)
{
    (void)state;
    struct iso_error err;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(bars_reset) struct bars other = {0};
    add_walk(&bars, COUNT, 21);
    add_walk(&other, COUNT, 22);
    struct breeding breeding = {.seed = 5};
    for (size_t f = 0; f < family_count(); f++) {
        breeding.families[0] = (uint32_t)f;
        breeding.family_count = 1;
        for (uint32_t i = 0; i < 40; i++) {
            struct genome genome = genome_random(&breeding, 0, i);
            ISO_DEFER(text_reset) struct text text = {0};
            genome_format(&genome, &text);
            int8_t whole[COUNT];
            int8_t changed[COUNT];
            positions_of(&bars, text_get(&text), i % 2 == 1, 0, whole);
            size_t kept = 10 + (size_t)i * 14;
            ISO_DEFER(bars_reset) struct bars mixed = {0};
            struct bars head = bars_slice(&bars, 0, kept);
            struct bars tail = bars_slice(&other, kept, COUNT - kept);
            assert_ok(bars_append_all(&mixed, &head, &err));
            assert_ok(bars_append_all(&mixed, &tail, &err));
            positions_of(&mixed, text_get(&text), i % 2 == 1, 0, changed);
            assert_memory_equal(whole, changed, kept);
        }
    }
}

static void every_family_trades_on_a_random_walk(void **state)
{
    (void)state;
    struct iso_error err;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    add_walk(&bars, COUNT, 23);
    ISO_DEFER(arena_free) struct arena *arena = NULL;
    struct arena_terms terms = {.bars = &bars, .cash = 1.0, .thread_count = 1};
    assert_ok(arena_new(&terms, &arena, &err));
    for (size_t f = 0; f < family_count(); f++) {
        struct genome genome;
        struct metrics metrics;
        assert_ok(genome_parse(family_row(f)->name, &genome, &err));
        assert_ok(arena_evaluate(arena, &genome, 1, 0, COUNT, &metrics, &err));
        assert_true(metrics.trades > 1.0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ema_cross_is_long_while_fast_is_above_slow),
        cmocka_unit_test(rsi_reversion_holds_between_its_levels),
        cmocka_unit_test(bollinger_buys_below_the_band_and_leaves_above_the_mean),
        cmocka_unit_test(donchian_follows_new_extremes_of_the_bars_before),
        cmocka_unit_test(what_is_remembered_begins_afresh_at_first),
        cmocka_unit_test(no_family_looks_ahead),
        cmocka_unit_test(every_family_trades_on_a_random_walk),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
