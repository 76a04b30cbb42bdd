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

#include "local/store.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

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

/* A fresh copy of the base, or nothing. */
static void set_up(struct scene *scene, const struct call *call)
{
    struct iso_error err = {0};
    place_remove(scene->place);
    if (call->from_nothing) {
        return;
    }
    place_copy(scene->base, scene->place);
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

static iso_status run_collect(struct scene *scene, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    struct collect_report report = {0};
    ISO_TRY(store_open(os_system(), scene->place, STORE_WRITE, &store, err));
    return store_collect(store, 0, &report, err);
}

static iso_status run_checkpoint(struct scene *scene, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_TRY(store_open(os_system(), scene->place, STORE_WRITE, &store, err));
    return store_checkpoint(store, err);
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
    {"collect", false,  false, false, 0,    run_collect},
    {"checkpoint", false, false, false, 0,  run_checkpoint},
};
/* clang-format on */

/* The batch that leads on. */
static void make_batch(struct scene *scene, size_t count)
{
    scene->after = scene->model;
    if (count > 0) {
        struct batch batch = model_go_over(&scene->after, count);
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
    size_t segments = 0;
    int64_t begin_us = os_system()->monotonic_us(NULL);
    need(!iso_failed(iso_store_open(scene->place, 1, &scene->store, &err)), "reopen", &err);
    need(os_system()->monotonic_us(NULL) - begin_us < 2000000, "reopening took 2 s", NULL);
    need_state(scene, scene->store, before, after, "a new handle");
    need(!iso_failed(count_problems(scene->place, &problems, &segments, first, &err)), "verify",
         &err);
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

/* One run; *seen is how many operations the call made. */
static void run_with(struct scene *scene, const struct call *call, const struct shim_fault *fault,
                     uint64_t *seen, bool *failed)
{
    struct iso_error err = {0};
    set_up(scene, call);
    if (call->run == run_close) {
        need(!iso_failed(run_write(scene, &err)), "write before close", &err);
    }
    shim_arm(fault);
    iso_status status = call->run(scene, &err);
    *seen = shim_disarm();
    *failed = iso_failed(status);
    need(!*failed || (err.word == status.word && err.text[0] != '\0'), "a failure without words",
         NULL);
    bool opens = call->run == run_open || call->run == run_look;
    need(!opens || *failed == (scene->store == NULL), "the handle is not as the status says", &err);
    judge(scene, call, *failed);
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
    need(settings->operation != NULL, "no operation is named", NULL);
    struct shim_fault fault = {.operation = shim_operation_named(settings->operation), .nth = 1};
    if (settings->effect != NULL) {
        fault.effect = strcmp(settings->effect, "short") == 0  ? SHIM_EFFECT_SHORT
                       : strcmp(settings->effect, "late") == 0 ? SHIM_EFFECT_LATE
                                                               : SHIM_EFFECT_FAIL;
    }
    return fault;
}

struct tally {
    uint64_t runs;
    uint64_t failures;
};

static void begin(struct scene *scene, const struct settings *settings, const struct call *call)
{
    model_init(&scene->model, settings->seed, 1, 0);
    model_advance(&scene->model, settings->acked[0]);
    make_batch(scene, call->count);
}

/* The k-th operation failing, once and for ever; whether it came to that. */
static bool run_both(struct scene *scene, const struct settings *settings, const struct call *call,
                     struct shim_fault *fault, struct tally *tally)
{
    bool reached = false;
    for (int ever = 0; ever < (fault->operation == SHIM_LOCK ? 1 : 2); ever++) {
        bool failed;
        uint64_t seen;
        fault->ever = ever == 1;
        fault->error = fault->operation == SHIM_STEP ? SQLITE_IO_FAILURE
                       : fault->nth % 2 == 0         ? ENOSPC
                                                     : EIO;
        begin(scene, settings, call);
        run_with(scene, call, fault, &seen, &failed);
        reached = reached || seen >= fault->nth;
        tally->runs += seen >= fault->nth ? 1 : 0;
        tally->failures += failed ? 1 : 0;
    }
    return reached;
}

int calls_main(const struct settings *settings)
{
    static struct scene scene;
    const struct call *call = &calls[find(settings->call)];
    struct shim_fault fault = first_fault(settings);
    struct tally tally = {0};
    scene.base = settings->store;
    (void)snprintf(scene.place, sizeof scene.place, "%s.copy", settings->store);
    uint64_t count; /* of operations where none fails */
    bool failed;
    struct shim_fault none = fault;
    none.nth = UINT64_MAX;
    begin(&scene, settings, call);
    run_with(&scene, call, &none, &count, &failed);
    need(!failed, "the call fails by itself", NULL);
    while (run_both(&scene, settings, call, &fault, &tally)) {
        bool over_last = fault.nth < count && fault.nth + settings->stride > count;
        fault.nth = over_last ? count : fault.nth + settings->stride;
    }
    bars_reset(&scene.batch);
    place_remove(scene.place);
    (void)printf("{\"runs\": %llu, \"failures\": %llu}\n", (unsigned long long)tally.runs,
                 (unsigned long long)tally.failures);
    return 0;
}
