/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/family.h"

#include <math.h>
#include <string.h>

/* -- ema_cross: long while the fast average is above the slow one ------------------------------ */

static size_t ema_cross_keys(const double *genes, struct column_key *keys)
{
    keys[0] = (struct column_key){COLUMN_EMA, (uint32_t)genes[0]};
    keys[1] = (struct column_key){COLUMN_EMA, (uint32_t)genes[1]};
    return 2;
}

/* Comparisons with NaN are false, so that warm-up bars are flat by themselves. */
static void ema_cross_positions(const double *genes, const struct family_view *view,
                                int8_t *positions)
{
    (void)genes;
    const double *fast = view->columns[0];
    const double *slow = view->columns[1];
    int short_side = view->allow_short ? 1 : 0;
    for (size_t i = view->first; i < view->last; i++) {
        positions[i] = (int8_t)((fast[i] > slow[i]) - (short_side & (fast[i] < slow[i])));
    }
}

/* fast < slow, within what the genes allow. */
static void ema_cross_repair(double *genes)
{
    if (genes[0] > genes[1]) {
        double swap = genes[0];
        genes[0] = genes[1];
        genes[1] = swap;
    } else if (genes[0] == genes[1]) {
        genes[1] += 1.0;
    }
}

static void ema_cross_describe(const double *genes, bool allow_short, struct text *text)
{
    text_addf(text, "Long while the %.0f-bar EMA of closes is above the %.0f-bar EMA, %s.",
              genes[0], genes[1], allow_short ? "short while it is below" : "flat otherwise");
}

/* -- rsi_reversion: buy weakness, leave at strength -------------------------------------------- */

static size_t rsi_reversion_keys(const double *genes, struct column_key *keys)
{
    keys[0] = (struct column_key){COLUMN_RSI, (uint32_t)genes[0]};
    return 1;
}

static void rsi_reversion_positions(const double *genes, const struct family_view *view,
                                    int8_t *positions)
{
    const double *rsi = view->columns[0];
    int8_t above = view->allow_short ? -1 : 0;
    int8_t held = 0;
    for (size_t i = view->first; i < view->last; i++) {
        if (rsi[i] < genes[1]) {
            held = 1;
        } else if (rsi[i] > genes[2]) {
            held = above;
        }
        positions[i] = held;
    }
}

static void rsi_reversion_repair(double *genes)
{
    if (genes[1] > genes[2]) {
        double swap = genes[1];
        genes[1] = genes[2];
        genes[2] = swap;
    } else if (genes[1] == genes[2]) {
        genes[2] = (genes[2] + 100.0) / 2.0;
    }
}

static void add_number(struct text *text, const char *before, double value, const char *after)
{
    text_add(text, before);
    text_add_number(text, value);
    text_add(text, after);
}

static void rsi_reversion_describe(const double *genes, bool allow_short, struct text *text)
{
    text_addf(text, "Long from where the %.0f-bar RSI falls below ", genes[0]);
    add_number(text, "", genes[1], " until it rises above ");
    add_number(text, "", genes[2], allow_short ? ", then short until it falls below " : ".");
    if (allow_short) {
        add_number(text, "", genes[1], " again.");
    }
}

/* -- bollinger: buy below the band, leave at its middle ---------------------------------------- */

static size_t bollinger_keys(const double *genes, struct column_key *keys)
{
    keys[0] = (struct column_key){COLUMN_SMA, (uint32_t)genes[0]};
    keys[1] = (struct column_key){COLUMN_DEVIATION, (uint32_t)genes[0]};
    return 2;
}

static void bollinger_positions(const double *genes, const struct family_view *view,
                                int8_t *positions)
{
    const double *middle = view->columns[0];
    const double *deviation = view->columns[1];
    int8_t short_side = view->allow_short ? -1 : 0;
    int8_t held = 0;
    for (size_t i = view->first; i < view->last; i++) {
        double close = view->close[i];
        double distance = genes[1] * deviation[i];
        if (close < middle[i] - distance) {
            held = 1;
        } else if (close > middle[i] + distance) {
            held = short_side;
        } else if ((held > 0 && close > middle[i]) || (held < 0 && close < middle[i])) {
            held = 0;
        }
        positions[i] = held;
    }
}

static void bollinger_describe(const double *genes, bool allow_short, struct text *text)
{
    add_number(text, "Long from a close more than ", genes[1], " standard deviations below");
    text_addf(text, " the %.0f-bar mean until a close above the mean", genes[0]);
    text_add(text, allow_short ? "; short the other way round above the upper band." : ".");
}

/* -- donchian: buy a new high of closes, leave at a new low ------------------------------------ */

static size_t donchian_keys(const double *genes, struct column_key *keys)
{
    keys[0] = (struct column_key){COLUMN_MAX, (uint32_t)genes[0]};
    keys[1] = (struct column_key){COLUMN_MIN, (uint32_t)genes[1]};
    keys[2] = (struct column_key){COLUMN_MIN, (uint32_t)genes[0]};
    keys[3] = (struct column_key){COLUMN_MAX, (uint32_t)genes[1]};
    return 4;
}

/* A long side and a short side that mirror each other; the channel is that of the bars before. */
static void donchian_positions(const double *genes, const struct family_view *view,
                               int8_t *positions)
{
    (void)genes;
    int8_t held = 0;
    for (size_t i = view->first; i < view->last; i++) {
        if (i > 0) {
            double close = view->close[i];
            if ((held > 0 && close < view->columns[1][i - 1]) ||
                (held < 0 && close > view->columns[3][i - 1])) {
                held = 0;
            }
            if (close > view->columns[0][i - 1]) {
                held = 1;
            } else if (view->allow_short && close < view->columns[2][i - 1]) {
                held = -1;
            }
        }
        positions[i] = held;
    }
}

/* exit <= entry */
static void donchian_repair(double *genes)
{
    genes[1] = fmin(genes[1], genes[0]);
}

static void donchian_describe(const double *genes, bool allow_short, struct text *text)
{
    text_addf(text,
              "Long from a close above the highest close of the %.0f bars before until one below "
              "the lowest of the %.0f before%s",
              genes[0], genes[1], allow_short ? "; short the other way round at new lows." : ".");
}

/* -- the table --------------------------------------------------------------------------------- */

enum { PERIOD_MAX = 100000 };

/* clang-format off */
static const struct family families[] = {
    /* gene: name, min, max, preset, grid, accepted from, to */
    {.name = "ema_cross",
     .genes = {{"fast", 2, 100, 12, 1, 1, PERIOD_MAX},
               {"slow", 3, 400, 26, 1, 1, PERIOD_MAX}},
     .gene_count = 2, .constraint = "fast < slow",
     .keys = ema_cross_keys, .positions = ema_cross_positions, .repair = ema_cross_repair,
     .describe = ema_cross_describe},
    {.name = "rsi_reversion",
     .genes = {{"period", 2, 50, 14, 1, 1, PERIOD_MAX},
               {"lower", 5, 45, 30, 10, 0, 100},
               {"upper", 55, 95, 70, 10, 0, 100}},
     .gene_count = 3, .constraint = "lower < upper",
     .keys = rsi_reversion_keys, .positions = rsi_reversion_positions,
     .repair = rsi_reversion_repair, .describe = rsi_reversion_describe},
    {.name = "bollinger",
     .genes = {{"period", 5, 200, 20, 1, 1, PERIOD_MAX},
               {"width", 0.5, 4, 2, 100, 0, 100}},
     .gene_count = 2, .constraint = NULL,
     .keys = bollinger_keys, .positions = bollinger_positions, .repair = NULL,
     .describe = bollinger_describe},
    {.name = "donchian",
     .genes = {{"entry", 5, 400, 20, 1, 1, PERIOD_MAX},
               {"exit", 2, 200, 10, 1, 1, PERIOD_MAX}},
     .gene_count = 2, .constraint = "exit <= entry",
     .keys = donchian_keys, .positions = donchian_positions, .repair = donchian_repair,
     .describe = donchian_describe},
};
/* clang-format on */

_Static_assert(sizeof families / sizeof families[0] <= FAMILIES_MAX, "raise FAMILIES_MAX");

size_t family_count(void)
{
    return sizeof families / sizeof families[0];
}

const struct family *family_row(size_t index)
{
    return index < family_count() ? &families[index] : NULL;
}

size_t family_find(const char *begin, const char *end)
{
    size_t length = (size_t)(end - begin);
    size_t index = 0;
    while (index < family_count() && (strlen(families[index].name) != length ||
                                      memcmp(families[index].name, begin, length) != 0)) {
        index++;
    }
    return index;
}
