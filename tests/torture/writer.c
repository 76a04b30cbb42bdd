/* SPDX-License-Identifier: Apache-2.0 */
/* Writing batch by batch, stubbornly: what fails is tried again, in a store opened anew. */
#include "shim.h"
#include "worker.h"

#include "local/store.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

enum { TRIES_MAX = 40 };

struct writer {
    const struct settings *settings;
    struct model *model;
    struct iso_store *store;
    _Atomic uint64_t *progress;
    struct bars bars;
    unsigned failures; /* in a row */
};

static void say(const char *text)
{
    (void)!write(STDOUT_FILENO, text, strlen(text));
}

/* A failure is told, not counted as an end, until there were too many. */
static void failed(struct writer *writer, const char *what, const struct iso_error *err)
{
    char line[700];
    (void)snprintf(line, sizeof line, "failed %s: %s\n", what, err->text);
    say(line);
    iso_store_close(&writer->store);
    if (++writer->failures > TRIES_MAX) {
        broken("%u failures in a row, the last: %s: %s", writer->failures, what, err->text);
    }
}

static bool ready(struct writer *writer)
{
    struct iso_error err = {0};
    if (writer->store == NULL &&
        iso_failed(iso_store_open(writer->settings->store, 1, &writer->store, &err))) {
        failed(writer, "open", &err);
    }
    return writer->store != NULL;
}

static void write_batch(struct writer *writer, const struct batch *batch)
{
    bool done = false;
    model_bars(writer->model, batch, &writer->bars);
    struct iso_bars view = model_view(&writer->bars);
    while (!done) {
        struct iso_error err = {0};
        if (ready(writer)) {
            done = !iso_failed(
                iso_store_write(writer->store, MODEL_SYMBOL, MODEL_INTERVAL, &view, NULL, &err));
            if (!done) {
                failed(writer, "write", &err);
            }
        }
    }
    writer->failures = 0;
}

/* Everything `isobar maintain` does, with no grace: what others still need must stay by itself.
 * (It is not the public interface's yet.) */
static void maintain(struct writer *writer)
{
    struct iso_error err = {0};
    struct store *store = NULL;
    struct series series;
    struct collect_report report = {0};
    size_t sealed;
    iso_status status = series_make(MODEL_SYMBOL, MODEL_INTERVAL, &series, &err);
    ISO_ASSERT(!iso_failed(status));
    status = store_open(os_system(), writer->settings->store, STORE_WRITE, &store, &err);
    status = iso_failed(status) ? status : store_seal(store, &series, &sealed, &err);
    status = iso_failed(status) ? status : store_collect(store, 0, &report, &err);
    status = iso_failed(status) ? status : store_checkpoint(store, &err);
    store_close(&store);
    if (iso_failed(status)) {
        failed(writer, "maintenance", &err);
    }
}

static void acknowledge(struct writer *writer)
{
    char line[64];
    unsigned w = writer->settings->writer;
    (void)snprintf(line, sizeof line, "ack %u %llu\n", w,
                   (unsigned long long)writer->model->batches);
    shim_note(line);
    atomic_store(&writer->progress[w], writer->model->batches);
    say(line);
}

int writer_main(const struct settings *settings)
{
    static struct model model;
    struct writer writer = {.settings = settings, .model = &model};
    time_t end = time(NULL) + settings->seconds;
    writer.progress = progress_map(settings->progress);
    model_init(&model, settings->seed, settings->writers, settings->writer);
    model_advance(&model, settings->acked[settings->writer]);
    for (uint64_t i = 0; i < settings->batches; i++) {
        struct batch batch = model_step(&model);
        write_batch(&writer, &batch);
        acknowledge(&writer);
        if (batch.maintain_after) {
            maintain(&writer);
        }
        if (settings->session != 0 && (i + 1) % settings->session == 0) {
            iso_store_close(&writer.store);
        }
        if (settings->seconds != 0 && time(NULL) >= end) {
            break;
        }
    }
    iso_store_close(&writer.store);
    bars_reset(&writer.bars);
    return 0;
}
