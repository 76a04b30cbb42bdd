/* SPDX-License-Identifier: Apache-2.0 */
/* At which interval the rows of a file are, and which of them do not stand on its grid. */
#include "local/bars_csv.h"
#include "local/import_rows.h"
#include "market/interval.h"

#include <stdio.h>
#include <string.h>

enum { INTERVALS_MAX = 64, STEPS_FEW = 8 };

/* How often each interval of the table is the step from one row to the next. */
struct steps {
    size_t count[INTERVALS_MAX];
    size_t total;
    int64_t shortest_us;
};

/* Months have no fixed step: 28 to 31 days. */
static bool is_step_of(const struct interval *interval, int64_t from_us, int64_t to_us)
{
    return interval->step_us > 0 ? to_us - from_us == interval->step_us
                                 : interval_next(interval, from_us) == to_us;
}

/* Rows are as in the file, mostly rising or mostly falling: either way steps are counted. */
static void count_steps(const struct bars *bars, struct steps *steps)
{
    size_t likely = 0; /* the step before, tried first */
    for (size_t i = 1; i < bars->count; i++) {
        bool rising = bars->time_us[i - 1] < bars->time_us[i];
        int64_t from_us = bars->time_us[rising ? i - 1 : i];
        int64_t to_us = bars->time_us[rising ? i : i - 1];
        if (from_us == to_us) {
            continue;
        }
        steps->total++;
        if (steps->shortest_us == 0 || to_us - from_us < steps->shortest_us) {
            steps->shortest_us = to_us - from_us;
        }
        size_t at = is_step_of(interval_row(likely), from_us, to_us) ? likely : 0;
        while (interval_row(at) != NULL && !is_step_of(interval_row(at), from_us, to_us)) {
            at++;
        }
        if (interval_row(at) != NULL) {
            likely = at;
            steps->count[at]++;
        }
    }
}

/* The most frequent step, and how often it is. */
static const struct interval *modal_interval(const struct steps *steps, size_t *count)
{
    size_t best = 0;
    for (size_t i = 1; i < INTERVALS_MAX && interval_row(i) != NULL; i++) {
        best = steps->count[i] > steps->count[best] ? i : best;
    }
    *count = steps->count[best];
    return *count > 0 ? interval_row(best) : NULL;
}

/* The file's name is believed unless the stamps are closer together than it says, or never as
 * close. */
static const struct interval *choose_interval(const struct steps *steps,
                                              const struct interval *guessed, const char **why)
{
    size_t count;
    const struct interval *modal = modal_interval(steps, &count);
    *why = "the most frequent step";
    if (guessed == NULL) {
        return modal;
    }
    int64_t often_us = modal != NULL ? modal->step_us : steps->shortest_us;
    bool closer = often_us > 0 && often_us < guessed->step_us;
    bool wider = modal != NULL && steps->total >= STEPS_FEW &&
                 steps->shortest_us == modal->step_us && modal->step_us > guessed->step_us &&
                 guessed->step_us > 0;
    if (closer || wider) {
        *why = "the most frequent step, though the file's name says otherwise";
        return modal;
    }
    *why = "the name of the file";
    return guessed;
}

/* An interval that a person gave must not be wider than the rows are apart. */
static iso_status check_given(const struct steps *steps, const struct interval *given,
                              struct iso_error *err)
{
    size_t count;
    const struct interval *modal = modal_interval(steps, &count);
    int64_t given_us = given->step_us > 0 ? given->step_us : 28 * TIME_DAY_US;
    if (modal != NULL && modal->step_us > 0 && modal->step_us < given_us &&
        count * 2 > steps->total) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "its rows are %s apart, so interval %s does not fit; leave --interval out, or "
                 "import them at %s and resample (isobar get --resample %s)",
                 modal->name, given->name, modal->name, given->name);
    }
    return ISO_OK;
}

static int64_t phase_of(int64_t time_us, int64_t step_us)
{
    int64_t phase = time_us % step_us;
    return phase < 0 ? phase + step_us : phase;
}

static size_t count_phase(const struct bars *bars, int64_t step_us, int64_t phase_us)
{
    size_t found = 0;
    for (size_t i = 0; i < bars->count; i++) {
        found += phase_of(bars->time_us[i], step_us) == phase_us;
    }
    return found;
}

/* The phase that more than half of the bars have (Boyer and Moore's vote), or 0 where they are few;
 * false where many have none in common. */
static bool common_phase(const struct bars *bars, int64_t step_us, int64_t *phase_us)
{
    size_t votes = 0;
    for (size_t i = 0; i < bars->count; i++) {
        int64_t phase = phase_of(bars->time_us[i], step_us);
        *phase_us = votes == 0 ? phase : *phase_us;
        votes = phase == *phase_us ? votes + 1 : votes - 1;
    }
    bool common = count_phase(bars, step_us, *phase_us) * 2 > bars->count;
    *phase_us = common ? *phase_us : 0;
    return common || bars->count < STEPS_FEW;
}

/* Move what stands beside the grid to the refused rows. */
static iso_status refuse_beside(struct import_rows *rows, size_t index, int64_t step_us,
                                int64_t phase_us, struct iso_error *err)
{
    struct row_series *series = &rows->series[index];
    struct series name = {.interval = rows->interval};
    size_t kept = 0;
    memcpy(name.symbol, series->symbol, sizeof name.symbol);
    for (size_t i = 0; i < series->bars.count; i++) {
        struct bar bar = bars_get(&series->bars, i);
        if (phase_of(bar.time_us, step_us) == phase_us) {
            series->places[kept] = series->places[i];
            bars_set(&series->bars, kept++, &bar);
            continue;
        }
        ISO_DEFER(text_reset) struct text text = {0};
        struct bars one = bars_slice(&series->bars, i, 1);
        bars_csv_rows(&text, &name, &one);
        ISO_TRY(text_check(&text, err));
        ISO_TRY(import_rows_refuse(rows, index, series->places[i], text.data, text.length - 1,
                                   "the time is beside the grid of its interval", err));
    }
    series->bars.count = kept;
    return ISO_OK;
}

/*
 * Bars of less than a day stand a whole number of steps apart from where most of the file's stand:
 * the grid may begin anywhere (Indian hours at :15). Summer time moves it by hours, so that only
 * what is less than an hour counts of longer steps; days and longer follow the calendar.
 */
static iso_status keep_to_grid(struct import_rows *rows, size_t index, struct iso_error *err)
{
    const struct bars *bars = &rows->series[index].bars;
    int64_t step_us = rows->interval->step_us;
    if (step_us == 0 || step_us >= TIME_DAY_US || bars->count == 0) {
        return ISO_OK;
    }
    step_us = step_us < TIME_HOUR_US ? step_us : TIME_HOUR_US;
    if (!rows->phase_is_known && !common_phase(bars, step_us, &rows->phase_us)) {
        ISO_FAIL(BAD_FORMAT, err,
                 "the times of %s are on no grid of %s: most rows stand beside one another's "
                 "steps; give the right --interval, or resample them before",
                 rows->series[index].symbol, rows->interval->name);
    }
    return count_phase(bars, step_us, rows->phase_us) == bars->count
               ? ISO_OK
               : refuse_beside(rows, index, step_us, rows->phase_us, err);
}

iso_status import_rows_interval(struct import_rows *rows, const struct interval *given,
                                const struct interval *guessed, struct iso_error *err)
{
    struct steps steps = {0};
    size_t bars = 0;
    const char *why = "given";
    for (size_t i = 0; i < rows->series_count; i++) {
        count_steps(&rows->series[i].bars, &steps);
        bars += rows->series[i].bars.count;
    }
    rows->interval = given != NULL ? given : choose_interval(&steps, guessed, &why);
    if (rows->interval == NULL && bars > 0) {
        ISO_FAIL(BAD_FORMAT, err,
                 "its times are at no interval that is known (shortest step %.6g s); give "
                 "--interval",
                 (double)steps.shortest_us / 1e6);
    }
    if (rows->interval == NULL) {
        return ISO_OK;
    }
    if (given != NULL) {
        ISO_TRY(check_given(&steps, given, err));
    }
    text_addf(&rows->explanation, "interval %s: %s\n", rows->interval->name, why);
    for (size_t i = 0; i < rows->series_count; i++) {
        ISO_TRY(keep_to_grid(rows, i, err));
    }
    return ISO_OK;
}
