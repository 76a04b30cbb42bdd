/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/backtest.h"

#include "market/time.h"

#include <float.h>
#include <string.h>

__extension__ typedef __int128 int128;

#define RETURN_MAX 8.0
#define RETURN_SCALE 0x1p50
#define SQUARE_SCALE 0x1p54

/* Sums over the bars; a copy of its own, so that the loop keeps it in registers. */
struct tally {
    int128 returns; /* in units of 1 / RETURN_SCALE */
    int128 squares; /* in units of 1 / SQUARE_SCALE */
    double equity;  /* of the bar before */
    double peak;
    double trough; /* lowest since the peak */
    double drawdown;
    size_t held_bars;
};

struct account {
    double cash;
    double units; /* negative while short */
    double entry_cash;
    double fee;
    double slippage;
    double turnover;
    int side;
    bool ruined;
    size_t trades;
    size_t wins;
    struct trade open; /* the trade that is on, while side != 0 */
    struct trade_list *list;
};

void trade_list_reset(struct trade_list *list)
{
    free(list->trades);
    *list = (struct trade_list){0};
}

static iso_status list_add(struct trade_list *list, const struct trade *trade,
                           struct iso_error *err)
{
    if (list->count == list->capacity) {
        size_t capacity = list->capacity == 0 ? 64 : list->capacity * 2;
        struct trade *grown = realloc(list->trades, capacity * sizeof *grown);
        if (grown == NULL) {
            ISO_FAIL(OUT_OF_MEMORY, err, "no memory for %zu trades", capacity);
        }
        list->trades = grown;
        list->capacity = capacity;
    }
    list->trades[list->count++] = *trade;
    return ISO_OK;
}

/* A division a new peak instead of one a bar: dividing by one peak keeps the order of troughs. */
static void close_peak(struct tally *tally)
{
    double drawdown = 1.0 - tally->trough / tally->peak;
    tally->drawdown = drawdown > tally->drawdown ? drawdown : tally->drawdown;
}

/* Note the equity at the close of a bar; a debt counts as 0. */
static inline void mark(struct tally *tally, double worth)
{
    double equity = worth > 0.0 ? worth : 0.0;
    double gain = equity / tally->equity - 1.0;
    gain = gain < RETURN_MAX ? gain : RETURN_MAX; /* and where it is no number */
    tally->returns += (int64_t)(gain * RETURN_SCALE);
    tally->squares += (int64_t)(gain * gain * SQUARE_SCALE);
    tally->equity = equity;
    if (equity > tally->peak) {
        close_peak(tally);
        tally->peak = equity;
        tally->trough = equity;
    } else if (equity < tally->trough) {
        tally->trough = equity;
    }
}

/* End the open trade at price, the account being worth equity_after then. */
static iso_status end_trade(struct account *account, int64_t time_us, double price,
                            double equity_after, const char *reason, struct iso_error *err)
{
    struct trade *trade = &account->open;
    trade->exit_us = time_us;
    trade->exit_price = price;
    trade->pnl = equity_after - account->entry_cash;
    trade->ratio = trade->pnl / account->entry_cash;
    trade->reason = reason;
    account->trades++;
    account->wins += trade->pnl > 0.0;
    return account->list == NULL ? ISO_OK : list_add(account->list, trade, err);
}

static iso_status leave(struct account *account, int64_t time_us, double open,
                        struct iso_error *err)
{
    double fill = open * (1.0 - account->side * account->slippage);
    double value = account->units * fill; /* negative while short */
    double worth = account->cash + value;
    double after = account->side > 0 ? account->cash + value * (1.0 - account->fee)
                                     : account->cash + value * (1.0 + account->fee);
    account->ruined = !(after > 0.0);
    after = account->ruined ? 0.0 : after;
    account->turnover += account->ruined ? 0.0 : fabs(value) / worth;
    ISO_TRY(end_trade(account, time_us, fill, after, account->ruined ? "ruin" : "signal", err));
    account->cash = after;
    account->units = 0.0;
    account->side = 0;
    return ISO_OK;
}

static void enter(struct account *account, int side, int64_t time_us, double open)
{
    double fill = open * (1.0 + side * account->slippage);
    double size = account->cash / (1.0 + account->fee) / fill;
    double value = size * fill;
    account->turnover += value / account->cash;
    account->entry_cash = account->cash;
    account->cash = side > 0 ? 0.0 : account->cash + value * (1.0 - account->fee);
    account->units = side * size;
    account->side = side;
    account->open =
        (struct trade){.entry_us = time_us, .side = side, .entry_price = fill, .size = size};
}

/* Bring the account to the wished side at a bar's open. */
static iso_status trade(struct account *account, int wish, int64_t time_us, double open,
                        struct iso_error *err)
{
    if (account->side != 0) {
        ISO_TRY(leave(account, time_us, open, err));
    }
    if (wish != 0 && !account->ruined) {
        enter(account, wish, time_us, open);
    }
    return ISO_OK;
}

/* The equity fell to 0 or below at a close: the end of this strategy. */
static iso_status ruin(struct account *account, int64_t time_us, double close,
                       struct iso_error *err)
{
    ISO_TRY(end_trade(account, time_us, close, 0.0, "ruin", err));
    account->cash = 0.0;
    account->units = 0.0;
    account->side = 0;
    account->ruined = true;
    return ISO_OK;
}

/* The equity of a ruined account stays at 0, and so do its returns. */
static void fill_ruined(double *equity, size_t from, size_t count)
{
    for (size_t i = from; equity != NULL && i < count; i++) {
        equity[i] = 0.0;
    }
}

static iso_status walk(const struct backtest *backtest, struct account *account,
                       struct tally *target, double *equity, struct iso_error *err)
{
    const double *open = backtest->bars->value[BAR_open];
    const double *close = backtest->bars->value[BAR_close];
    const int64_t *time_us = backtest->bars->time_us;
    struct tally tally = *target;
    double cash = account->cash; /* cash and units beside the account: in registers */
    double units = 0.0;
    int side = 0;
    for (size_t i = backtest->first; i < backtest->last; i++) {
        int wish = i > backtest->first ? backtest->positions[i - 1] : 0;
        if (wish != side) {
            ISO_TRY(trade(account, wish, time_us[i], open[i], err));
            cash = account->cash;
            units = account->units;
            side = account->side;
            mark(&tally, cash + units * close[i]);
        } else if (side != 0) {
            mark(&tally, cash + units * close[i]);
        }
        if (side != 0 && !(tally.equity > 0.0)) {
            ISO_TRY(ruin(account, time_us[i], close[i], err));
        }
        if (account->ruined) {
            fill_ruined(equity, i - backtest->first, backtest->last - backtest->first);
            break;
        }
        tally.held_bars += side != 0;
        if (equity != NULL) {
            equity[i - backtest->first] = tally.equity;
        }
    }
    *target = tally;
    return ISO_OK;
}

/* Mean over sample deviation of count returns; 0 where they do not differ. */
static double sharpe_of(const struct tally *tally, size_t count)
{
    if (count < 2) {
        return 0.0;
    }
    double mean = (double)tally->returns / RETURN_SCALE / (double)count;
    double squares = (double)tally->squares / SQUARE_SCALE;
    double variance = (squares - (double)count * mean * mean) / (double)(count - 1);
    return variance > 0.0 ? mean / sqrt(variance) : 0.0;
}

/* Finite and not -0, so that every store and every text gives back the same bits. */
static double tidy(double value)
{
    if (!isfinite(value)) {
        return value > 0.0 ? DBL_MAX : -DBL_MAX;
    }
    return value + 0.0;
}

static void measure(const struct backtest *backtest, const struct account *account,
                    const struct tally *tally, struct metrics *metrics)
{
    size_t bars = backtest->last - backtest->first;
    double sharpe = sharpe_of(tally, bars - 1);
    double per_year = backtest_bars_per_year(backtest->bars, backtest->first, backtest->last);
    metrics->total_return = tidy(tally->equity / backtest->cash - 1.0);
    metrics->sharpe = tidy(sharpe * sqrt(per_year));
    metrics->sharpe_bar = tidy(sharpe);
    metrics->max_drawdown = tidy(tally->drawdown);
    metrics->trades = (double)account->trades;
    metrics->win_rate =
        account->trades == 0 ? 0.0 : (double)account->wins / (double)account->trades;
    metrics->turnover = tidy(account->turnover);
    metrics->bars = (double)bars;
    metrics->exposure = (double)tally->held_bars / (double)bars;
}

iso_status backtest_run(const struct backtest *backtest, struct metrics *metrics,
                        struct trade_list *trades, double *equity, struct iso_error *err)
{
    ISO_ASSERT(backtest->first < backtest->last && backtest->last <= backtest->bars->count);
    ISO_ASSERT(backtest->cash > 0.0 && backtest->fee >= 0.0 && backtest->slippage >= 0.0);
    struct tally tally = {
        .equity = backtest->cash, .peak = backtest->cash, .trough = backtest->cash};
    struct account account = {.cash = backtest->cash,
                              .fee = backtest->fee,
                              .slippage = backtest->slippage,
                              .list = trades};
    ISO_TRY(walk(backtest, &account, &tally, equity, err));
    close_peak(&tally);
    if (account.side != 0) {
        size_t end = backtest->last - 1;
        ISO_TRY(end_trade(&account, backtest->bars->time_us[end],
                          backtest->bars->value[BAR_close][end], tally.equity, "open", err));
    }
    measure(backtest, &account, &tally, metrics);
    return ISO_OK;
}

void backtest_hold(size_t first, size_t last, int8_t *positions)
{
    memset(positions + first, 1, last - first);
}

double backtest_bars_per_year(const struct bars *bars, size_t first, size_t last)
{
    if (last - first < 2 || bars->time_us[last - 1] <= bars->time_us[first]) {
        return 0.0;
    }
    double span_us = (double)(bars->time_us[last - 1] - bars->time_us[first]);
    return (double)(last - first - 1) * ((double)BACKTEST_YEAR_US / span_us);
}

iso_status backtest_check(const struct bars *bars, struct iso_error *err)
{
    const double *open = bars->value[BAR_open];
    const double *close = bars->value[BAR_close];
    for (size_t i = 0; i < bars->count; i++) {
        if (!(open[i] > 0.0 && open[i] <= DBL_MAX && close[i] > 0.0 && close[i] <= DBL_MAX)) {
            char when[TIME_TEXT_BYTES];
            time_format(bars->time_us[i], when);
            ISO_FAIL(PARTIAL, err,
                     "the bar of %s has open %g and close %g; trading needs both above 0", when,
                     open[i], close[i]);
        }
    }
    return ISO_OK;
}

bool metric_get(const struct metrics *metrics, const char *name, double *value)
{
#define X(metric, help)               \
    if (strcmp(name, #metric) == 0) { \
        *value = metrics->metric;     \
        return true;                  \
    }
    METRIC_TABLE(X)
#undef X
    return false;
}
