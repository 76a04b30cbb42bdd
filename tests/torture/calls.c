/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the library with its k-th operation failing, for k = 1, 2, 3 ... until a run has
 * nothing left to fail; each k twice: that operation alone fails, and every later one too. After
 * each, the same handle must still give one whole state, a new handle the same, a deep verify finds
 * nothing, and the call made again succeeds. (Locks fail once only: one that can never be had is
 * one that another process holds, and waited for, for ten seconds.)
 */
#include "shim.h"
#include "worker.h"

#include "base/file.h"
#include "base/text.h"
#include "local/store.h"

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { SQLITE_IO_FAILURE = 10, UNTOUCHED = 77 };

/* What one run works on. */
struct scene {
    const char *base; /* a good store, never written to */
    char place[400];  /* its copy, which suffers */
    struct iso_store *store;
    struct model model; /* as the store is before the call */
    struct model after;
    struct bars batch; /* what leads from one to the other */
};

struct call {
    const char *name;
    bool from_nothing; /* there is no store yet */
    bool opened;       /* begins with an open handle */
    bool writes;       /* success means the batch is there */
    size_t count;      /* bars of the batch; 0: none */
    iso_status (*run)(struct scene *scene, struct iso_error *err); /* the outputs are checked */
};

static void need(bool holds, const char *what, const struct iso_error *err)
{
    if (!holds) {
        broken("%s: %s", what, err != NULL ? err->text : "");
    }
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

static iso_status copy_one(const char *from, const char *to, struct iso_error *err)
{
    ISO_DEFER(bytes_reset) struct bytes bytes = {0};
    ISO_TRY(file_read(from, (size_t)1 << 30, &bytes, err));
    int file = open(to, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    bool whole = file >= 0 && write(file, bytes.data, bytes.length) == (ssize_t)bytes.length;
    need(whole && close(file) == 0, "a copy", err);
    return ISO_OK;
}

struct copying {
    const char *from;
    const char *to;
};

static iso_status copy_entry(void *context, const char *name, struct iso_error *err)
{
    const struct copying *copying = context;
    char from[500];
    char to[500];
    struct stat info;
    (void)snprintf(from, sizeof from, "%s/%s", copying->from, name);
    (void)snprintf(to, sizeof to, "%s/%s", copying->to, name);
    if (stat(from, &info) == 0 && S_ISDIR(info.st_mode)) {
        struct copying inner = {from, to};
        need(mkdir(to, 0755) == 0, to, NULL);
        return directory_walk(from, copy_entry, &inner, err); /* two levels, no more */
    }
    return copy_one(from, to, err);
}

/* A fresh copy of the base, or nothing. */
static void set_up(struct scene *scene, const struct call *call)
{
    struct iso_error err = {0};
    struct copying copying = {scene->base, scene->place};
    (void)nftw(scene->place, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    if (call->from_nothing) {
        return;
    }
    need(mkdir(scene->place, 0755) == 0, scene->place, NULL);
    need(!iso_failed(directory_walk(copying.from, copy_entry, &copying, &err)), "copy", &err);
    if (call->opened) {
        need(!iso_failed(iso_store_open(scene->place, 1, &scene->store, &err)), "open", &err);
    }
}

static iso_status run_open(struct scene *scene, struct iso_error *err)
{
    return iso_store_open(scene->place, 1, &scene->store, err);
}

static iso_status run_look(struct scene *scene, struct iso_error *err)
{
    return iso_store_open(scene->place, 0, &scene->store, err);
}

static iso_status run_write(struct scene *scene, struct iso_error *err)
{
    struct iso_bars view = model_view(&scene->batch);
    struct iso_write_report report = {.stored = UNTOUCHED, .corrected = UNTOUCHED};
    iso_status status =
        iso_store_write(scene->store, MODEL_SYMBOL, MODEL_INTERVAL, &view, &report, err);
    if (iso_failed(status)) {
        need(report.stored == UNTOUCHED && report.corrected == UNTOUCHED, "report touched", err);
    } else {
        need(report.stored + report.duplicates + report.corrected == view.count, "report", NULL);
    }
    return status;
}

/* Write without a failure, then suffer in the close, which has a log to put away. */
static iso_status run_close(struct scene *scene, struct iso_error *err)
{
    (void)err;
    iso_store_close(&scene->store);
    need(scene->store == NULL, "close leaves NULL", NULL);
    return ISO_OK;
}

static void need_right(const struct scene *scene, const struct iso_bars *bars)
{
    static struct model models[1];
    struct verdict verdict;
    models[0] = scene->model;
    model_check(models, 1, bars, &verdict);
    need(verdict.problem[0] == '\0', verdict.problem, NULL);
    need(models[0].batches == scene->model.batches, "a batch too many", NULL);
}

static iso_status run_read(struct scene *scene, struct iso_error *err)
{
    struct iso_bars bars = {.count = UNTOUCHED};
    int complete = UNTOUCHED;
    iso_status status = iso_store_read(scene->store, MODEL_SYMBOL, MODEL_INTERVAL, INT64_MIN,
                                       INT64_MAX, &bars, &complete, err);
    if (iso_failed(status)) {
        need(bars.count == UNTOUCHED && complete == UNTOUCHED, "outputs touched", err);
        return status;
    }
    need(complete == 1, "a failing disk was taken for damage", NULL);
    need_right(scene, &bars);
    iso_bars_release(&bars);
    need(bars.count == 0, "release leaves the empty ones", NULL);
    return status;
}

static iso_status run_walk(struct scene *scene, struct iso_error *err)
{
    struct iso_cursor *cursor = NULL;
    struct iso_bars piece = {.count = UNTOUCHED};
    size_t total = 0;
    iso_status status = iso_store_scan(scene->store, MODEL_SYMBOL, MODEL_INTERVAL, INT64_MIN,
                                       INT64_MAX, &cursor, err);
    need(iso_failed(status) == (cursor == NULL), "cursor touched", err);
    while (!iso_failed(status) && piece.count > 0) {
        piece.count = UNTOUCHED;
        status = iso_cursor_next(cursor, &piece, err);
        need(!iso_failed(status) || piece.count == UNTOUCHED, "piece touched", err);
        if (!iso_failed(status)) {
            total += piece.count;
            size_t count = piece.count;
            iso_bars_release(&piece);
            piece.count = count;
        }
    }
    if (!iso_failed(status)) {
        need(iso_cursor_complete(cursor) == 1, "a failing disk was taken for damage", NULL);
        need(total == scene->model.next, "bars left out of a walk", NULL);
    }
    iso_cursor_close(&cursor);
    return status;
}

static iso_status run_seal(struct scene *scene, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    size_t sealed = 0;
    ISO_TRY(store_open(os_system(), scene->place, STORE_WRITE, &store, err));
    return store_seal(store, NULL, &sealed, err);
}

/* clang-format off */
static const struct call calls[] = {
    /* name     nothing opened writes count run */
    {"make",    true,   false, false, 0,    run_open},
    {"open",    false,  false, false, 0,    run_open},
    {"look",    false,  false, false, 0,    run_look},
    {"tail",    false,  true,  true,  12,   run_write},
    {"bulk",    false,  true,  true,  900,  run_write},
    {"read",    false,  true,  false, 0,    run_read},
    {"walk",    false,  true,  false, 0,    run_walk},
    {"close",   false,  true,  false, 12,   run_close},
    {"seal",    false,  false, false, 0,    run_seal},
};
/* clang-format on */

/* The batch that leads on: the head, and count bars over and beyond what is there. */
static void make_batch(struct scene *scene, size_t count)
{
    struct batch batch = {.first = scene->model.next - count / 3, .count = count};
    scene->after = scene->model;
    if (count > 0) {
        scene->after.batches++;
        scene->after.next = batch.first + batch.count;
        scene->after.mark[0] = (uint32_t)scene->after.batches;
        for (size_t i = batch.first; i < batch.first + count; i++) {
            scene->after.mark[i] = (uint32_t)scene->after.batches;
        }
        model_bars(&scene->after, &batch, &scene->batch);
    }
}

/* The bars must be one whole state: that before, or, if may_be_after, that after the batch. */
static bool is_state(const struct scene *scene, const struct iso_bars *bars, bool after,
                     struct verdict *verdict)
{
    static struct model model;
    model = after ? scene->after : scene->model;
    uint64_t batches = model.batches;
    model_check(&model, 1, bars, verdict);
    return verdict->problem[0] == '\0' && verdict->heads[0] == batches;
}

static void need_state(const struct scene *scene, struct iso_store *store, bool before, bool after,
                       const char *when)
{
    struct iso_error err = {0};
    struct iso_bars bars = {0};
    struct verdict verdict = {0};
    int complete = 0;
    if (iso_failed(read_everything(store, &bars, &complete, &err))) {
        broken("%s: the read fails: %s", when, err.text);
    }
    bool right = complete && ((before && is_state(scene, &bars, false, &verdict)) ||
                              (after && is_state(scene, &bars, true, &verdict)));
    if (!right) {
        broken("%s: %zu bars, complete %d: %s", when, bars.count, complete, verdict.problem);
    }
    iso_bars_release(&bars);
}

static void need_clean(struct scene *scene, bool before, bool after)
{
    struct iso_error err = {0};
    char first[512];
    size_t problems = 0;
    int64_t begin_us = os_system()->monotonic_us(NULL);
    need(!iso_failed(iso_store_open(scene->place, 1, &scene->store, &err)), "reopen", &err);
    need(os_system()->monotonic_us(NULL) - begin_us < 2000000, "reopening took 2 s", NULL);
    need_state(scene, scene->store, before, after, "a new handle");
    need(!iso_failed(count_problems(scene->place, &problems, first, &err)), "verify", &err);
    need(problems == 0, first, NULL);
}

/* After the failure is over. */
static void judge(struct scene *scene, const struct call *call, bool failed)
{
    struct iso_error err = {0};
    bool wrote = call->writes || call->count > 0;
    bool before = !wrote || (call->writes && failed);
    if (call->from_nothing) {
        scene->model = (struct model){.writers = 1, .next = 1};
        scene->after = scene->model;
    }
    if (scene->store != NULL) {
        need_state(scene, scene->store, before, wrote, "the same handle");
        iso_store_close(&scene->store);
    }
    need_clean(scene, before, wrote);
    if (call->writes && !iso_failed(run_write(scene, &err))) {
        need_state(scene, scene->store, false, true, "written again");
    } else if (call->writes) {
        broken("the write made again fails: %s", err.text);
    }
    iso_store_close(&scene->store);
}

/* One run; true where the fault was reached. */
static bool run_with(struct scene *scene, const struct call *call, const struct shim_fault *fault,
                     bool *failed)
{
    struct iso_error err = {0};
    set_up(scene, call);
    if (call->run == run_close) {
        need(!iso_failed(run_write(scene, &err)), "write before close", &err);
    }
    shim_arm(fault);
    iso_status status = call->run(scene, &err);
    uint64_t seen = shim_disarm();
    *failed = iso_failed(status);
    need(!*failed || (err.word == status.word && err.text[0] != '\0'), "a failure without words",
         NULL);
    need(call->opened || *failed == (scene->store == NULL) || call->run == run_seal,
         "the handle is not as the status says", &err);
    judge(scene, call, *failed);
    return seen >= fault->nth;
}

static int find(const char *name)
{
    for (size_t i = 0; name != NULL && i < sizeof calls / sizeof calls[0]; i++) {
        if (strcmp(calls[i].name, name) == 0) {
            return (int)i;
        }
    }
    broken("no call is named %s", name != NULL ? name : "");
}

static struct shim_fault first_fault(const struct settings *settings)
{
    struct shim_fault fault = {.operation = SHIM_OPERATION_COUNT, .nth = 1};
    for (int i = 0; i < SHIM_OPERATION_COUNT; i++) {
        if (settings->operation != NULL &&
            strcmp(shim_operation_names[i], settings->operation) == 0) {
            fault.operation = (enum shim_operation)i;
        }
    }
    need(fault.operation != SHIM_OPERATION_COUNT, "no such operation", NULL);
    if (settings->effect != NULL) {
        fault.effect = strcmp(settings->effect, "short") == 0  ? SHIM_EFFECT_SHORT
                       : strcmp(settings->effect, "late") == 0 ? SHIM_EFFECT_LATE
                                                               : SHIM_EFFECT_FAIL;
    }
    return fault;
}

int calls_main(const struct settings *settings)
{
    static struct scene scene;
    static struct model base;
    const struct call *call = &calls[find(settings->call)];
    struct shim_fault fault = first_fault(settings);
    uint64_t runs = 0;
    uint64_t failures = 0;
    scene.base = settings->store;
    (void)snprintf(scene.place, sizeof scene.place, "%s.copy", settings->store);
    model_init(&base, settings->seed, 1, 0);
    model_advance(&base, settings->acked[0]);
    bool reached = true;
    for (; reached; fault.nth += settings->stride) {
        for (int ever = 0; ever < (fault.operation == SHIM_LOCK ? 1 : 2); ever++) {
            bool failed;
            scene.model = base;
            make_batch(&scene, call->count);
            fault.ever = ever == 1;
            fault.error = fault.operation == SHIM_STEP ? SQLITE_IO_FAILURE
                          : fault.nth % 2 == 0         ? ENOSPC
                                                       : EIO;
            reached = run_with(&scene, call, &fault, &failed);
            runs += reached ? 1 : 0;
            failures += failed ? 1 : 0;
        }
    }
    bars_reset(&scene.batch);
    (void)nftw(scene.place, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    (void)printf("{\"runs\": %llu, \"failures\": %llu}\n", (unsigned long long)runs,
                 (unsigned long long)failures);
    return 0;
}
