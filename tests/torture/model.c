/* SPDX-License-Identifier: Apache-2.0 */
#include "model.h"

#include "base/rng.h"
#include "market/interval.h"
#include "market/time.h"

#include <stdio.h>
#include <string.h>

/* Four a day-quarter: a week, which is a period of 1m bars, holds 672 of these times. */
#define STEP_US (15 * TIME_MINUTE_US)
#define BEGIN_US (19723 * TIME_DAY_US) /* 2024-01-01 */

void model_init(struct model *model, uint64_t seed, unsigned writers, unsigned writer)
{
    *model = (struct model){.seed = seed, .writers = writers, .writer = writer, .next = 1};
}

static struct batch choose(const struct model *model)
{
    struct rng rng = rng_stream(model->seed, model->writer, (uint32_t)model->batches, RNG_TEST);
    uint32_t kind = rng_below(&rng, 100);
    bool large = kind % 10 < 3;
    size_t count = large ? 260 + rng_below(&rng, 500) : 1 + rng_below(&rng, 40);
    size_t room = MODEL_BARS_MAX - model->next;
    size_t first = model->next;
    if ((kind >= 60 && model->next > 2) || room == 0) { /* a correction */
        first = 1 + rng_below(&rng, (uint32_t)(model->next - 1));
        room = model->next - first;
    }
    return (struct batch){.first = first,
                          .count = count < room ? count : room,
                          .maintain_after = rng_below(&rng, 16) == 0};
}

static void take(struct model *model, struct batch batch)
{
    model->batches++;
    model->mark[0] = (uint32_t)model->batches;
    for (size_t i = batch.first; i < batch.first + batch.count; i++) {
        model->mark[i] = (uint32_t)model->batches;
    }
    if (batch.first + batch.count > model->next) {
        model->next = batch.first + batch.count;
    }
}

struct batch model_step(struct model *model)
{
    struct batch batch = choose(model);
    take(model, batch);
    return batch;
}

struct batch model_go_over(struct model *model, size_t count)
{
    size_t over = count / 3 < model->next ? count / 3 : model->next - 1;
    struct batch batch = {.first = model->next - over, .count = count};
    take(model, batch);
    return batch;
}

void model_advance(struct model *model, uint64_t batches)
{
    while (model->batches < batches) {
        (void)model_step(model);
    }
}

struct bar model_bar(const struct model *model, size_t index)
{
    int64_t time_us = BEGIN_US + (int64_t)(index * model->writers + model->writer) * STEP_US;
    struct rng rng = rng_stream(model->seed ^ (uint64_t)time_us, model->mark[index], 0, RNG_TEST);
    double base = 100.0 + (double)rng_below(&rng, 10000) / 100.0;
    double up = (double)rng_below(&rng, 500) / 100.0;
    return (struct bar){.time_us = time_us,
                        .value = {base, base + up, base - up, base + up / 2,
                                  (double)model->mark[index], base + up / 4},
                        .trade_count = rng_below(&rng, 100000)};
}

void model_bars(const struct model *model, const struct batch *batch, struct bars *bars)
{
    bars->count = 0;
    for (size_t i = 0; i <= batch->count; i++) {
        struct bar bar = model_bar(model, i == 0 ? 0 : batch->first + i - 1);
        iso_status status = bars_append(bars, &bar, NULL);
        ISO_ASSERT(!iso_failed(status));
    }
}

struct iso_bars model_view(const struct bars *bars)
{
    return (struct iso_bars){.count = bars->count,
                             .time_us = bars->time_us,
                             .open = bars->value[BAR_open],
                             .high = bars->value[BAR_high],
                             .low = bars->value[BAR_low],
                             .close = bars->value[BAR_close],
                             .volume = bars->value[BAR_volume],
                             .vwap = bars->value[BAR_vwap],
                             .trade_count = bars->trade_count};
}

static struct bar bar_at(const struct iso_bars *bars, size_t i)
{
    return (struct bar){.time_us = bars->time_us[i],
                        .value = {bars->open[i], bars->high[i], bars->low[i], bars->close[i],
                                  bars->volume[i], bars->vwap[i]},
                        .trade_count = bars->trade_count[i]};
}

/* Which writer's which bar lies at the time; false where nobody writes there. */
static bool owner_of(unsigned writers, int64_t time_us, unsigned *writer, size_t *index)
{
    int64_t slot = time_us < BEGIN_US ? 0 : (time_us - BEGIN_US) / STEP_US;
    *writer = (unsigned)(slot % writers);
    *index = (size_t)slot / writers;
    return time_us >= BEGIN_US && (time_us - BEGIN_US) % STEP_US == 0 && *index < MODEL_BARS_MAX;
}

/* Learn the state from the heads, which are the first bars of all. */
static bool find_heads(struct model *models, unsigned writers, const struct iso_bars *bars,
                       struct verdict *verdict)
{
    for (size_t i = 0; i < bars->count && i < writers; i++) {
        unsigned writer;
        size_t index;
        if (owner_of(writers, bars->time_us[i], &writer, &index) && index == 0) {
            verdict->heads[writer] = (uint64_t)bars->volume[i];
        }
    }
    for (unsigned w = 0; w < writers; w++) {
        if (verdict->heads[w] < models[w].batches || verdict->heads[w] > UINT32_MAX) {
            (void)snprintf(verdict->problem, sizeof verdict->problem,
                           "writer %u: batch %llu was acknowledged, %llu are there", w,
                           (unsigned long long)models[w].batches,
                           (unsigned long long)verdict->heads[w]);
            return false;
        }
        if (verdict->heads[w] < models[w].batches + 100000) {
            model_advance(&models[w], verdict->heads[w]);
        }
    }
    return true;
}

static bool bar_is_right(const struct model *models, unsigned writers, const struct iso_bars *bars,
                         size_t i, struct verdict *verdict)
{
    unsigned writer = 0;
    size_t index = 0;
    bool rising = i == 0 || bars->time_us[i] > bars->time_us[i - 1];
    struct bar got = bar_at(bars, i);
    if (!owner_of(writers, got.time_us, &writer, &index)) {
        (void)snprintf(verdict->problem, sizeof verdict->problem, "nobody writes bar %zu at %lld",
                       i, (long long)got.time_us);
        return false;
    }
    if (rising && models[writer].mark[index] != 0) {
        struct bar want = model_bar(&models[writer], index);
        if (bar_equal(&got, &want)) {
            return true;
        }
    }
    (void)snprintf(verdict->problem, sizeof verdict->problem,
                   "bar %zu at %lld is not as writer %u's batch %u left it (volume %g, head %llu)",
                   i, (long long)got.time_us, writer, models[writer].mark[index],
                   got.value[BAR_volume], (unsigned long long)models[writer].batches);
    return false;
}

void model_check(struct model *models, unsigned writers, const struct iso_bars *bars,
                 struct verdict *verdict)
{
    size_t want = 0;
    *verdict = (struct verdict){.bars = bars->count};
    if (!find_heads(models, writers, bars, verdict)) {
        return;
    }
    for (size_t i = 0; i < bars->count; i++) {
        if (!bar_is_right(models, writers, bars, i, verdict)) {
            return;
        }
    }
    for (unsigned w = 0; w < writers; w++) {
        want += models[w].batches > 0 ? models[w].next : 0;
    }
    if (want != bars->count) {
        (void)snprintf(verdict->problem, sizeof verdict->problem, "%zu bars are there, not %zu",
                       bars->count, want);
    }
}
