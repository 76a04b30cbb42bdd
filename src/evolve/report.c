/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/report_internal.h"

#include "evolve/arena.h"
#include "evolve/chart.h"
#include "market/time.h"

#include <stdio.h>
#include <string.h>

static void report_reset(struct report *report)
{
    free(report->history.best);
    free(report->history.mean);
    free(report->history.test);
    free(report->equity);
    free(report->hold);
    free(report->drawdown);
    free(report->hold_drawdown);
}

/* The fitness that the test part alone would have given. */
static double test_fitness(const struct run *run, const struct metrics *test)
{
    return fitness_of(run->terms.parameters.fitness, test, 0);
}

struct collecting {
    const struct run *run;
    struct history *history;
};

static iso_status collect(void *context, const struct generation_row *row, struct iso_error *err)
{
    struct collecting *collecting = context;
    struct history *history = collecting->history;
    if (history->count == history->capacity) {
        ISO_FAIL(CORRUPT, err, "the run has more generations than it was to have");
    }
    history->best[history->count] = row->best.individual.fitness;
    history->mean[history->count] = row->mean_fitness;
    history->test[history->count] = test_fitness(collecting->run, &row->best.test);
    history->count++;
    return ISO_OK;
}

static iso_status load_history(struct report *report, struct board *board, struct iso_error *err)
{
    struct history *history = &report->history;
    struct collecting collecting = {.run = report->run, .history = history};
    history->capacity = report->run->terms.parameters.generations;
    ISO_NEW(history->best, history->capacity, err);
    ISO_NEW(history->mean, history->capacity, err);
    ISO_NEW(history->test, history->capacity, err);
    return board_each_generation(board, report->run, collect, &collecting, err);
}

/* Fall from the highest value so far, as a negative fraction. */
static void fill_drawdown(const double *equity, size_t count, double *drawdown)
{
    double peak = equity[0];
    for (size_t i = 0; i < count; i++) {
        peak = equity[i] > peak ? equity[i] : peak;
        drawdown[i] = equity[i] / peak - 1.0;
    }
}

/* Run genome (NULL: buy and hold) on both parts, the second drawn on from the end of the first. */
static iso_status run_both(const struct report *report, struct arena *arena,
                           const struct genome *genome, struct metrics *train, struct metrics *test,
                           double *equity, struct iso_error *err)
{
    size_t split = report->split;
    size_t count = report->bars->count;
    ISO_TRY(arena_backtest(arena, genome, 0, split, train, NULL, equity, err));
    ISO_TRY(arena_backtest(arena, genome, split, count, test, NULL, equity + split, err));
    double factor = equity[split - 1] / equity[split];
    for (size_t i = split; i < count; i++) {
        equity[i] *= factor;
    }
    return ISO_OK;
}

/* The numbers on the board must come out again from the bars. */
static iso_status check_same(const struct report *report, const struct metrics *train,
                             const struct metrics *test, struct iso_error *err)
{
    const struct champion *champion = &report->champion;
    if (memcmp(train, &champion->individual.train, sizeof *train) != 0 ||
        memcmp(test, &champion->test, sizeof *test) != 0) {
        ISO_FAIL(CORRUPT, err,
                 "run again, the best strategy of %s gives other numbers than the board holds",
                 report->run->id);
    }
    return ISO_OK;
}

static iso_status recompute(struct report *report, struct iso_error *err)
{
    const struct evolve_parameters *parameters = &report->run->terms.parameters;
    size_t count = report->bars->count;
    ISO_DEFER(arena_free) struct arena *arena = NULL;
    struct arena_terms terms = {.bars = report->bars,
                                .fee = parameters->fee,
                                .slippage = parameters->slippage,
                                .cash = parameters->cash,
                                .allow_short = parameters->allow_short,
                                .ema_sma_seed = parameters->ema_sma_seed,
                                .thread_count = 1};
    struct metrics train;
    struct metrics test;
    ISO_NEW(report->equity, count, err);
    ISO_NEW(report->hold, count, err);
    ISO_NEW(report->drawdown, count, err);
    ISO_NEW(report->hold_drawdown, count, err);
    ISO_TRY(arena_new(&terms, &arena, err));
    ISO_TRY(run_both(report, arena, &report->champion.individual.genome, &train, &test,
                     report->equity, err));
    ISO_TRY(check_same(report, &train, &test, err));
    ISO_TRY(
        run_both(report, arena, NULL, &report->hold_train, &report->hold_test, report->hold, err));
    fill_drawdown(report->equity, count, report->drawdown);
    fill_drawdown(report->hold, count, report->hold_drawdown);
    return ISO_OK;
}

static void add_history(const struct report *report, struct text *html)
{
    char last[32];
    struct chart chart = {.title = "Fitness per generation",
                          .lines = {{"best (train)", report->history.best},
                                    {"mean (train)", report->history.mean},
                                    {"the best on the test part", report->history.test}},
                          .line_count = 3,
                          .count = report->history.count,
                          .first = "generation 1",
                          .last = last};
    (void)snprintf(last, sizeof last, "generation %zu", report->history.count);
    text_add(html, "<h2>Fitness per generation</h2>\n<p class=\"note\">Fitness is the ");
    html_escape(html, fitness_help(report->run->terms.parameters.fitness));
    text_addf(html,
              " on the train part; a gain on fewer than %u trades counts in proportion. The test "
              "part never chose anything: its line only shows what the best of each generation "
              "did there.</p>\n",
              report->run->terms.parameters.trades_min);
    chart_add(&chart, html);
}

static void add_curves(const struct report *report, struct text *html)
{
    char first[TIME_TEXT_BYTES];
    char last[TIME_TEXT_BYTES];
    (void)time_format(report->bars->time_us[0], first);
    (void)time_format(report->bars->time_us[report->bars->count - 1], last);
    struct chart chart = {
        .title = "Equity",
        .lines = {{"best strategy", report->equity}, {"buy and hold", report->hold}},
        .line_count = 2,
        .count = report->bars->count,
        .mark = report->split,
        .mark_left = "train",
        .mark_right = "test",
        .first = first,
        .last = last};
    text_add(html, "<h2>Equity and drawdown</h2>\n<p class=\"note\">After costs. Both begin the "
                   "test part flat; their curves are drawn on from where train ended.</p>\n");
    chart_add(&chart, html);
    chart.title = "Drawdown";
    chart.lines[0].values = report->drawdown;
    chart.lines[1].values = report->hold_drawdown;
    chart.percent = true;
    chart_add(&chart, html);
}

static iso_status gather(struct report *report, struct board *board, struct iso_error *err)
{
    const struct run *run = report->run;
    report->split = evolve_split_index(&run->terms.parameters, report->bars->count);
    if (report->split < SPLIT_BARS_MIN || report->bars->count - report->split < SPLIT_BARS_MIN) {
        ISO_FAIL(CORRUPT, err, "run %s cannot have been made on %zu bars", run->id,
                 report->bars->count);
    }
    ISO_TRY(board_champion(board, run, &report->champion, err));
    ISO_TRY(
        board_fittest(board, run, REPORT_FITTEST, report->fittest, &report->fittest_count, err));
    ISO_TRY(load_history(report, board, err));
    return recompute(report, err);
}

iso_status report_add(struct board *board, const struct run *run, const struct bars *bars,
                      struct text *html, struct iso_error *err)
{
    ISO_DEFER(report_reset) struct report report = {.run = run, .bars = bars};
    ISO_TRY(gather(&report, board, err));
    report_add_head(&report, html);
    report_add_assumptions(&report, html);
    report_add_verdict(&report, html);
    report_add_metrics(&report, html);
    add_curves(&report, html);
    add_history(&report, html);
    report_add_fittest(&report, html);
    report_add_reproduce(&report, html);
    text_add(html, "</main>\n</body>\n</html>\n");
    return text_check(html, err);
}
