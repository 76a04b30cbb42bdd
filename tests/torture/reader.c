/* SPDX-License-Identifier: Apache-2.0 */
/* Reading while others write. Each answer must be one state of every writer, never an older one
 * than was acknowledged before the read began, nor than the last answer. */
#include "worker.h"

#include "base/rng.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

iso_status walk_everything(struct iso_store *store, struct bars *all, int *complete,
                           struct iso_error *err)
{
    struct iso_cursor *cursor = NULL;
    struct iso_bars piece = {0};
    all->count = 0;
    ISO_TRY(
        iso_store_scan(store, MODEL_SYMBOL, MODEL_INTERVAL, INT64_MIN, INT64_MAX, &cursor, err));
    iso_status status = iso_cursor_next(cursor, &piece, err);
    while (!iso_failed(status) && piece.count > 0) {
        for (size_t i = 0; i < piece.count && !iso_failed(status); i++) {
            struct bar bar = {piece.time_us[i],
                              {piece.open[i], piece.high[i], piece.low[i], piece.close[i],
                               piece.volume[i], piece.vwap[i]},
                              piece.trade_count[i]};
            status = bars_append(all, &bar, err);
        }
        iso_bars_release(&piece);
        if (!iso_failed(status)) {
            status = iso_cursor_next(cursor, &piece, err);
        }
    }
    *complete = iso_cursor_complete(cursor);
    iso_cursor_close(&cursor);
    return status;
}

struct reader {
    const struct settings *settings;
    struct iso_store *store;
    struct model models[MODEL_WRITERS_MAX];
    struct bars walked;
    _Atomic uint64_t *progress;
    uint64_t reads;
    uint64_t begun_anew; /* walks whose state was cleaned away under them, as the contract allows */
};

static void judge(struct reader *reader, const struct iso_bars *bars, int complete)
{
    struct verdict verdict;
    model_check(reader->models, reader->settings->writers, bars, &verdict);
    if (verdict.problem[0] != '\0' || !complete) {
        broken("read %llu: %s", (unsigned long long)reader->reads,
               complete ? verdict.problem : "not complete");
    }
}

static void read_once(struct reader *reader, bool walk)
{
    struct iso_error err = {0};
    struct iso_bars bars = {0};
    int complete = 0;
    for (unsigned w = 0; w < reader->settings->writers; w++) {
        model_advance(&reader->models[w], atomic_load(&reader->progress[w]));
    }
    iso_status status = walk ? walk_everything(reader->store, &reader->walked, &complete, &err)
                             : read_everything(reader->store, &bars, &complete, &err);
    if (walk && iso_failure_class_of(status) == ISO_FAILURE_BUSY) {
        reader->begun_anew++;
        return;
    }
    if (iso_failed(status)) {
        broken("read %llu: %s", (unsigned long long)reader->reads, err.text);
    }
    struct iso_bars walked = model_view(&reader->walked);
    judge(reader, walk ? &walked : &bars, complete);
    iso_bars_release(&bars);
    reader->reads++;
}

static void open_again(struct reader *reader)
{
    struct iso_error err = {0};
    iso_store_close(&reader->store);
    if (iso_failed(iso_store_open(reader->settings->store, 0, &reader->store, &err))) {
        broken("open: %s", err.text);
    }
}

/* Every second reader opens the store anew for each read; every second read is a walk. */
int reader_main(const struct settings *settings)
{
    static struct reader reader;
    time_t end = time(NULL) + settings->seconds;
    reader.settings = settings;
    reader.progress = progress_map(settings->progress);
    for (unsigned w = 0; w < settings->writers; w++) {
        model_init(&reader.models[w], settings->seed, settings->writers, w);
    }
    open_again(&reader);
    while (time(NULL) < end) {
        if (settings->writer % 2 == 1) {
            open_again(&reader);
        }
        read_once(&reader, reader.reads % 2 == 1);
    }
    (void)printf("{\"reads\": %llu, \"begun_anew\": %llu, \"batches\": %llu}\n",
                 (unsigned long long)reader.reads, (unsigned long long)reader.begun_anew,
                 (unsigned long long)reader.models[0].batches);
    iso_store_close(&reader.store);
    bars_reset(&reader.walked);
    return 0;
}
