/* SPDX-License-Identifier: Apache-2.0 */
/* The parts of the report that are words and tables. */
#include "evolve/report_internal.h"

#include "evolve/chart.h"
#include "market/time.h"

#include <string.h>

static const char style[] =
    ":root{color-scheme:light dark;--ink:#1d2329;--soft:#5b6670;--paper:#fff;--edge:#d8dde2;"
    "--c0:#0b63ce;--c1:#c2570c;--c2:#2e7d32;--warn:#fff4e5;--warnedge:#c2570c}"
    "@media (prefers-color-scheme:dark){:root{--ink:#e4e8ec;--soft:#9aa5b0;--paper:#14181c;"
    "--edge:#333b43;--c0:#6cb0ff;--c1:#ffa35c;--c2:#7fd483;--warn:#2c2116;--warnedge:#ffa35c}}"
    "body{margin:0;background:var(--paper);color:var(--ink);font:16px/1.5 system-ui,sans-serif}"
    "main{max-width:60rem;margin:0 auto;padding:1rem}h1{font-size:1.6rem}h2{font-size:1.2rem;"
    "margin-top:2rem}table{border-collapse:collapse;width:100%;display:block;overflow-x:auto}th,td{"
    "text-align:left;"
    "padding:.25rem .6rem;border-bottom:1px solid var(--edge);vertical-align:top}"
    "td.n,th.n{text-align:right;font-variant-numeric:tabular-nums}code,pre{font-family:"
    "ui-monospace,monospace;font-size:.85rem;overflow-wrap:anywhere}pre{white-space:pre-wrap;"
    "border:1px solid var(--edge);padding:.6rem}.note{color:var(--soft);font-weight:400}"
    ".verdict{border-left:4px solid var(--c0);padding:.1rem 1rem;margin:1rem 0}"
    ".verdict.bad{border-color:var(--warnedge);background:var(--warn)}figure{margin:1rem 0}"
    "svg{width:100%;height:auto}svg text{font-size:12px;fill:var(--soft)}.grid{stroke:var(--edge)}"
    ".mark{stroke:var(--ink);stroke-dasharray:4 3}.line{fill:none;stroke-width:1.5}"
    ".c0{stroke:var(--c0)}.c1{stroke:var(--c1)}.c2{stroke:var(--c2)}.key{margin-left:1rem}"
    ".key::before{content:\"\\25A0\\00A0\"}.k0::before{color:var(--c0)}.k1::before{color:"
    "var(--c1)}.k2::before{color:var(--c2)}"
    "@media print{body{font-size:11px}figure,table,.verdict{break-inside:avoid}}";

static void add_escaped_genome(const struct genome *genome, struct text *html)
{
    ISO_DEFER(text_reset) struct text text = {0};
    genome_format(genome, &text);
    html_escape(html, text_get(&text));
    html->failed = html->failed || text.failed;
}

static void add_time(int64_t time_us, struct text *html)
{
    char time[TIME_TEXT_BYTES];
    (void)time_format(time_us, time);
    text_add(html, time);
}

void report_add_head(const struct report *report, struct text *html)
{
    const struct terms *terms = &report->run->terms;
    text_add(html, "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                   "<meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\n"
                   "<title>isobar run ");
    html_escape(html, report->run->id);
    text_addf(html, "</title>\n<style>%s</style>\n</head>\n<body>\n<main>\n<h1>", style);
    html_escape(html, terms->series.symbol);
    text_addf(html, " %s: run ", terms->series.interval->name);
    html_escape(html, report->run->id);
    text_add(html, "</h1>\n");
    if (report->run->state != RUN_FINISHED) {
        text_addf(html,
                  "<p class=\"verdict bad\">This run is not finished: %u of %u generations are "
                  "done. What follows is its state so far.</p>\n",
                  report->run->generations_done, terms->parameters.generations);
    }
}

static void begin_row(struct text *html, const char *name)
{
    text_addf(html, "<tr><th scope=\"row\">%s</th><td>", name);
}

static void end_row(struct text *html)
{
    text_add(html, "</td></tr>\n");
}

static void add_number_row(struct text *html, const char *name, double value, const char *after)
{
    begin_row(html, name);
    text_add_number(html, value);
    text_add(html, after);
    end_row(html);
}

static void add_execution_rows(const struct evolve_parameters *parameters, struct text *html)
{
    begin_row(html, "Execution");
    text_add(html, "a signal computed at the close of a bar trades at the open of the next; the "
                   "whole equity goes in or out; a signal on the last bar never trades; a position "
                   "open at the end is valued at the last close without exit costs");
    end_row(html);
    begin_row(html, "Positions");
    text_add(html, parameters->allow_short
                       ? "long, flat or short; shorts without borrowing costs or margin calls, "
                         "ruined at an equity of 0"
                       : "long or flat");
    end_row(html);
    add_number_row(html, "Fee", parameters->fee, " of the traded value, each side");
    add_number_row(html, "Slippage", parameters->slippage, " of the price, against the trader");
    begin_row(html, "Not modelled");
    text_add(html, "spread beyond slippage, market impact, partial fills, funding and borrowing "
                   "costs, dividends, taxes, trading halts");
    end_row(html);
}

static void add_part(const struct report *report, const char *name, size_t first, size_t last,
                     struct text *html)
{
    begin_row(html, name);
    text_addf(html, "%zu bars, ", last - first);
    add_time(report->bars->time_us[first], html);
    text_add(html, " to ");
    add_time(report->bars->time_us[last - 1], html);
    end_row(html);
}

/* Stretches without bars: nights and week-ends of markets with sessions, and data that is not
 * there. */
static void add_gaps(const struct bars *bars, const struct interval *interval, struct text *html)
{
    size_t count = 0;
    size_t longest = 0; /* the bar behind it */
    for (size_t i = 1; i < bars->count; i++) {
        int64_t step_us = bars->time_us[i] - bars->time_us[i - 1];
        if (bars->time_us[i] > interval_next(interval, bars->time_us[i - 1])) {
            count++;
            bool longer =
                longest == 0 || step_us > bars->time_us[longest] - bars->time_us[longest - 1];
            longest = longer ? i : longest;
        }
    }
    begin_row(html, "Gaps");
    text_addf(html, "%zu stretches without bars, taken as if the next bar followed at once", count);
    if (longest > 0) {
        text_add(html, "; the longest ends at ");
        add_time(bars->time_us[longest], html);
        text_addf(html, " after %.1f hours",
                  (double)(bars->time_us[longest] - bars->time_us[longest - 1]) / 3.6e9);
    }
    end_row(html);
}

static void add_data_rows(const struct report *report, struct text *html)
{
    const struct terms *terms = &report->run->terms;
    begin_row(html, "Bars");
    html_escape(html, terms->series.symbol);
    text_addf(html, " %s, prices as stored, no adjustment; snapshot ",
              terms->series.interval->name);
    html_escape(html, terms->snapshot);
    text_add(html, ", root <code>");
    html_escape(html, terms->root);
    text_add(html, "</code>");
    end_row(html);
    add_part(report, "Train", 0, report->split, html);
    add_part(report, "Test", report->split, report->bars->count, html);
    add_gaps(report->bars, terms->series.interval, html);
    begin_row(html, "Annualisation");
    text_addf(
        html,
        "by the bars a year the parts themselves have: %.6g in train, %.6g in test; risk-free "
        "rate 0",
        backtest_bars_per_year(report->bars, 0, report->split),
        backtest_bars_per_year(report->bars, report->split, report->bars->count));
    end_row(html);
}

static void add_search_rows(const struct report *report, struct text *html)
{
    const struct evolve_parameters *parameters = &report->run->terms.parameters;
    begin_row(html, "Families");
    for (size_t i = 0; i < parameters->breeding.family_count; i++) {
        text_addf(html, "%s%s", i == 0 ? "" : ", ",
                  family_row(parameters->breeding.families[i])->name);
    }
    end_row(html);
    begin_row(html, "Seed");
    text_addf(html, "%llu", (unsigned long long)parameters->breeding.seed);
    end_row(html);
    begin_row(html, "Trials");
    text_addf(html, "%llu evaluations: %u individuals in each of %u generations",
              (unsigned long long)parameters->population * report->run->generations_done,
              parameters->population, report->run->generations_done);
    end_row(html);
}

void report_add_assumptions(const struct report *report, struct text *html)
{
    text_add(html, "<h2>Assumptions</h2>\n<table>\n");
    add_execution_rows(&report->run->terms.parameters, html);
    add_data_rows(report, html);
    add_search_rows(report, html);
    text_add(html, "</table>\n");
}

static void begin_verdict(struct text *html, bool bad)
{
    text_addf(html, "<p class=\"verdict%s\">", bad ? " bad" : "");
}

static void say_train_and_test(const struct metrics *train, const struct metrics *test,
                               struct text *html)
{
    bool worse = test->sharpe < train->sharpe || test->total_return < 0.0;
    begin_verdict(html, worse || test->trades == 0.0);
    if (test->trades == 0.0) {
        text_add(html, "The best strategy did not trade at all on the test part: nothing there "
                       "speaks for it or against it.");
    } else if (worse) {
        text_addf(html,
                  "The strategy did worse on bars it was not chosen on: Sharpe ratio %.3g instead "
                  "of %.3g, return %.2f %% after %.2f %%.",
                  test->sharpe, train->sharpe, 100.0 * test->total_return,
                  100.0 * train->total_return);
    } else {
        text_addf(html,
                  "The strategy held up on bars it was not chosen on: Sharpe ratio %.3g after "
                  "%.3g, return %.2f %%, on %.0f trades.",
                  test->sharpe, train->sharpe, 100.0 * test->total_return, test->trades);
    }
    text_add(html, "</p>\n");
}

static void say_hold(const struct metrics *test, const struct metrics *hold, struct text *html)
{
    bool beaten = hold->total_return > test->total_return;
    begin_verdict(html, beaten);
    text_addf(html,
              beaten ? "Buying and holding did better on the test part: %.2f %% against %.2f %%"
                     : "On the test part buying and holding returned %.2f %%, the strategy %.2f %%",
              100.0 * hold->total_return, 100.0 * test->total_return);
    text_addf(html, "; maximum drawdown %.2f %% against %.2f %%.</p>\n", 100.0 * hold->max_drawdown,
              100.0 * test->max_drawdown);
}

void report_add_verdict(const struct report *report, struct text *html)
{
    const struct evolve_parameters *parameters = &report->run->terms.parameters;
    text_add(html, "<h2>What came out</h2>\n<p><code>");
    add_escaped_genome(&report->champion.individual.genome, html);
    text_add(html, "</code><br>");
    ISO_DEFER(text_reset) struct text words = {0};
    genome_describe(&report->champion.individual.genome, parameters->allow_short, &words);
    html_escape(html, text_get(&words));
    text_add(html, "</p>\n");
    say_train_and_test(&report->champion.individual.train, &report->champion.test, html);
    say_hold(&report->champion.test, &report->hold_test, html);
    text_addf(
        html,
        "<p class=\"note\">It is the best of %llu evaluations on the train part. The best of "
        "so many looks good there by chance alone; only the test part can speak for it, once, "
        "and a second look at the same test part is worth less.</p>\n",
        (unsigned long long)parameters->population * report->run->generations_done);
}

static void add_metric_row(const struct report *report, const char *name, const char *help,
                           struct text *html)
{
    const struct metrics *columns[] = {&report->champion.individual.train, &report->champion.test,
                                       &report->hold_train, &report->hold_test};
    text_addf(html, "<tr><th scope=\"row\">%s<br><span class=\"note\">", name);
    html_escape(html, help);
    text_add(html, "</span></th>");
    for (size_t i = 0; i < 4; i++) {
        double value = 0.0;
        (void)metric_get(columns[i], name, &value);
        text_addf(html, "<td class=\"n\">%.6g</td>", value);
    }
    text_add(html, "</tr>\n");
}

void report_add_metrics(const struct report *report, struct text *html)
{
    text_add(html, "<h2>Metrics</h2>\n<table>\n<tr><th></th><th class=\"n\">train</th>"
                   "<th class=\"n\">test</th><th class=\"n\">hold, train</th>"
                   "<th class=\"n\">hold, test</th></tr>\n");
#define X(name, help) add_metric_row(report, #name, help, html);
    METRIC_TABLE(X)
#undef X
    text_add(html, "</table>\n");
}

void report_add_fittest(const struct report *report, struct text *html)
{
    text_add(html, "<h2>The fittest strategies</h2>\n<table>\n<tr><th>genome</th><th>in words</th>"
                   "<th class=\"n\">fitness</th><th class=\"n\">return</th>"
                   "<th class=\"n\">trades</th><th>export as</th></tr>\n");
    for (size_t i = 0; i < report->fittest_count; i++) {
        const struct champion *fit = &report->fittest[i];
        ISO_DEFER(text_reset) struct text words = {0};
        genome_describe(&fit->individual.genome, report->run->terms.parameters.allow_short, &words);
        text_add(html, "<tr><td><code>");
        add_escaped_genome(&fit->individual.genome, html);
        text_add(html, "</code></td><td>");
        html_escape(html, text_get(&words));
        text_addf(html,
                  "</td><td class=\"n\">%.4g</td><td class=\"n\">%.2f %%</td>"
                  "<td class=\"n\">%.0f</td><td><code>%s/%u.%u</code></td></tr>\n",
                  fit->individual.fitness, 100.0 * fit->individual.train.total_return,
                  fit->individual.train.trades, report->run->id, fit->generation, fit->index);
    }
    text_add(html,
             "</table>\n<p class=\"note\">Fitness, return and trades on the train part.</p>\n");
}

/* Quote for a POSIX shell. */
static void add_argument(struct text *command, const char *option, const char *value)
{
    text_addf(command, " --%s '", option);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\'') {
            text_add(command, "'\\''");
        } else {
            text_add_char(command, *at);
        }
    }
    text_add_char(command, '\'');
}

static void add_number_argument(struct text *command, const char *option, double value)
{
    text_addf(command, " --%s ", option);
    text_add_number(command, value);
}

static void add_breeding_arguments(const struct breeding *breeding, struct text *command)
{
    text_add(command, " --families ");
    for (size_t i = 0; i < breeding->family_count; i++) {
        text_addf(command, "%s%s", i == 0 ? "" : ",", family_row(breeding->families[i])->name);
    }
    text_addf(command, " --seed %llu --elite %u --tournament %u",
              (unsigned long long)breeding->seed, breeding->elite, breeding->tournament_size);
    add_number_argument(command, "crossover", breeding->crossover_rate);
    add_number_argument(command, "mutation", breeding->mutation_rate);
}

static void add_command(const struct terms *terms, struct text *command)
{
    const struct evolve_parameters *parameters = &terms->parameters;
    text_add(command, "isobar evolve");
    add_argument(command, "snapshot", terms->snapshot);
    add_argument(command, "symbol", terms->series.symbol);
    text_addf(command, " --interval %s", terms->series.interval->name);
    add_breeding_arguments(&parameters->breeding, command);
    text_addf(command, " --population %u --generations %u", parameters->population,
              parameters->generations);
    add_number_argument(command, "fee", parameters->fee);
    add_number_argument(command, "slippage", parameters->slippage);
    add_number_argument(command, "split", parameters->split);
    text_addf(command, " --fitness %s%s%s", fitness_name(parameters->fitness),
              parameters->allow_short ? " --shorts" : "",
              parameters->ema_sma_seed ? " --ema-sma-seed" : "");
}

void report_add_reproduce(const struct report *report, struct text *html)
{
    char hash[HASH_HEX_BYTES];
    ISO_DEFER(text_reset) struct text command = {0};
    hash_hex(report->run->hash, hash);
    add_command(&report->run->terms, &command);
    text_addf(
        html,
        "<h2>The same result again</h2>\n<p>Result hash <code>%s</code>: over the genomes and "
        "metrics of every individual of every generation. On a store that holds the snapshot "
        "with the root above, any machine and any number of threads give the same hash by</p>"
        "\n<pre>",
        hash);
    html_escape(html, text_get(&command));
    text_add(html, "</pre>\n<p class=\"note\">The best strategy was run once more while this page "
                   "was made, with the same numbers to the last bit.</p>\n");
}
