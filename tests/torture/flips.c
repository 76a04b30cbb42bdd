/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Bits flipped in one stored file, one at a time. Who notices: the open or the read fails and names
 * what is damaged; or the read says that it is not complete, and what it gives is right; or only
 * verify names it; or nobody, and then the bars must be right. Wrong bars given as right ones are a
 * lie.
 */
#include "worker.h"

#include "base/file.h"
#include "base/rng.h"

#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

/* clang-format off */
#define NOTICED_TABLE(X) X(open) X(read) X(incomplete) X(verify) X(nobody) X(lie)
/* clang-format on */
#define NOTICED_ENUM(name) NOTICED_##name,
enum noticed { NOTICED_TABLE(NOTICED_ENUM) NOTICED_COUNT };

struct flipping {
    const struct settings *settings;
    char path[400];
    struct bytes good;
    struct model model;
    size_t counts[NOTICED_COUNT];
    size_t unnamed; /* failures whose words do not name a file of the store */
};

static void put_back(const struct flipping *flipping)
{
    char log[420];
    int file = open(flipping->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    bool whole = file >= 0 && write(file, flipping->good.data, flipping->good.length) ==
                                  (ssize_t)flipping->good.length;
    if (!whole || close(file) != 0) {
        broken("%s cannot be put back", flipping->path);
    }
    for (int i = 0; i < 2; i++) { /* what was written while the damage was there */
        (void)snprintf(log, sizeof log, "%s-%s", flipping->path, i == 0 ? "wal" : "shm");
        (void)unlink(log);
    }
}

static void flip(const struct flipping *flipping, size_t bit)
{
    uint8_t byte = (uint8_t)(flipping->good.data[bit / 8] ^ (1u << (bit % 8)));
    int file = open(flipping->path, O_WRONLY | O_CLOEXEC);
    if (file < 0 || pwrite(file, &byte, 1, (off_t)(bit / 8)) != 1 || close(file) != 0) {
        broken("%s cannot be damaged", flipping->path);
    }
}

static bool names_it(const struct flipping *flipping, const struct iso_error *err)
{
    const char *name = strrchr(flipping->settings->file, '/');
    return strstr(err->text, name != NULL ? name + 1 : flipping->settings->file) != NULL ||
           strstr(err->text, flipping->settings->store) != NULL;
}

/* Bars of an answer that is not complete: each must be right, none need be there. */
static bool all_right(const struct flipping *flipping, const struct iso_bars *bars)
{
    size_t at = 0;
    for (size_t i = 0; i < bars->count; i++) {
        struct bar got = {bars->time_us[i],
                          {bars->open[i], bars->high[i], bars->low[i], bars->close[i],
                           bars->volume[i], bars->vwap[i]},
                          bars->trade_count[i]};
        while (at < flipping->model.next && model_bar(&flipping->model, at).time_us < got.time_us) {
            at++;
        }
        if (at == flipping->model.next) {
            return false;
        }
        struct bar want = model_bar(&flipping->model, at);
        if (!bar_equal(&got, &want)) {
            return false;
        }
    }
    return true;
}

static enum noticed judge_bars(const struct flipping *flipping, const struct iso_bars *bars,
                               int complete, size_t bit)
{
    static struct model model;
    struct verdict verdict = {0};
    char first[512];
    size_t problems = 0;
    size_t segments = 0;
    struct iso_error err = {0};
    model = flipping->model;
    model_check(&model, 1, bars, &verdict);
    if (!complete && all_right(flipping, bars)) {
        return NOTICED_incomplete;
    }
    if (!complete || verdict.problem[0] != '\0' || model.batches != flipping->model.batches) {
        (void)fprintf(stderr, "bit %zu of byte %zu: given as data, complete %d: %s\n", bit % 8,
                      bit / 8, complete, verdict.problem);
        return NOTICED_lie;
    }
    iso_status status =
        count_problems(flipping->settings->store, &problems, &segments, first, &err);
    return iso_failed(status) || problems > 0 ? NOTICED_verify : NOTICED_nobody;
}

static enum noticed look(struct flipping *flipping, size_t bit)
{
    struct iso_error err = {0};
    struct iso_store *store = NULL;
    struct iso_bars bars = {0};
    int complete = 0;
    enum noticed noticed = NOTICED_open;
    iso_status status = iso_store_open(flipping->settings->store, 0, &store, &err);
    if (!iso_failed(status)) {
        noticed = NOTICED_read;
        status = iso_store_read(store, MODEL_SYMBOL, MODEL_INTERVAL, INT64_MIN, INT64_MAX, &bars,
                                &complete, &err);
    }
    if (!iso_failed(status)) {
        noticed = judge_bars(flipping, &bars, complete, bit);
    } else if (!names_it(flipping, &err)) {
        flipping->unnamed++;
        (void)fprintf(stderr, "bit %zu of byte %zu: does not name the file: %s\n", bit % 8, bit / 8,
                      err.text);
    }
    iso_bars_release(&bars);
    iso_store_close(&store);
    return noticed;
}

/* Whole and good, but another file's: only its name can tell. */
static void swap(struct flipping *flipping)
{
    struct iso_error err = {0};
    ISO_DEFER(bytes_reset) struct bytes other = {0};
    char path[400];
    (void)snprintf(path, sizeof path, "%s/%s", flipping->settings->store,
                   flipping->settings->other);
    need(!iso_failed(file_read(path, (size_t)1 << 30, &other, &err)), "read", &err);
    int file = open(flipping->path, O_WRONLY | O_TRUNC | O_CLOEXEC);
    need(file >= 0 && write(file, other.data, other.length) == (ssize_t)other.length, "swap", NULL);
    need(close(file) == 0, "swap", NULL);
    flipping->counts[look(flipping, 0)]++;
    put_back(flipping);
}

static void report(const struct flipping *flipping, size_t flips)
{
#define NAME_OF_NOTICED(name) #name,
    static const char *const names[] = {NOTICED_TABLE(NAME_OF_NOTICED)};
    (void)printf("{\"flips\": %zu, \"unnamed\": %zu", flips, flipping->unnamed);
    for (size_t i = 0; i < NOTICED_COUNT; i++) {
        (void)printf(", \"%s\": %zu", names[i], flipping->counts[i]);
    }
    (void)printf("}\n");
}

int flips_main(const struct settings *settings)
{
    static struct flipping flipping;
    struct iso_error err = {0};
    flipping.settings = settings;
    model_init(&flipping.model, settings->seed, 1, 0);
    model_advance(&flipping.model, settings->acked[0]);
    (void)snprintf(flipping.path, sizeof flipping.path, "%s/%s", settings->store, settings->file);
    if (iso_failed(file_read(flipping.path, (size_t)1 << 30, &flipping.good, &err))) {
        broken("%s", err.text);
    }
    /* Spread evenly, so that every part of the file is hit; the bit within is by chance. */
    size_t bytes = flipping.good.length;
    size_t flips = settings->flips < bytes ? settings->flips : bytes;
    struct rng rng = rng_stream(settings->seed, 0, 0, RNG_TEST);
    for (size_t i = 0; i < flips; i++) {
        size_t bit = (i * bytes / flips) * 8 + rng_below(&rng, 8);
        flip(&flipping, bit);
        enum noticed noticed = look(&flipping, bit);
        flipping.counts[noticed]++;
        if (noticed == NOTICED_nobody) {
            (void)fprintf(stderr, "bit %zu of byte %zu: nobody\n", bit % 8, bit / 8);
        }
        put_back(&flipping);
    }
    if (settings->other != NULL) {
        swap(&flipping);
        flips++;
    }
    report(&flipping, flips);
    bytes_reset(&flipping.good);
    return 0;
}
