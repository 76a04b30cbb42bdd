/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One call of the library, and in the midst of it, just before its k-th operation, another writer
 * stores a batch, packs the tail and, every second time, takes away what was replaced; for k = 1,
 * 2, 3 ... until the call has no k-th operation. However it falls, a read gives one state, before
 * or after, and two writers both have their batch stored. What a run of processes side by side
 * meets by luck is met here at every point. (Not while the call holds the catalog's lock: there the
 * other would wait.)
 */
#include "shim.h"
#include "worker.h"

#include "local/store.h"

#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

enum { WRITERS = 2, OUTER = 0, INTRUDER = 1 };

static struct {
    char place[400];
    struct model before[WRITERS]; /* as the base is */
    struct model after[WRITERS];  /* and with each writer's next batch */
    struct bars batches[WRITERS];
    bool collects; /* the intruder takes away what was replaced, which makes readers begin anew */
    bool intruded;
} scene;

static void write_next(struct iso_store *store, unsigned writer)
{
    struct iso_error err = {0};
    struct iso_bars view = model_view(&scene.batches[writer]);
    need(!iso_failed(iso_store_write(store, MODEL_SYMBOL, MODEL_INTERVAL, &view, NULL, &err)),
         "a write with another in its midst", &err);
}

/* Whether somebody holds the lock that commits take. */
static bool is_locked(void)
{
    char path[420];
    sqlite3 *handle = NULL;
    (void)snprintf(path, sizeof path, "%s/catalog.db", scene.place);
    int code = sqlite3_open_v2(path, &handle, SQLITE_OPEN_READWRITE, NULL);
    code = code == SQLITE_OK ? sqlite3_exec(handle, "BEGIN IMMEDIATE", NULL, NULL, NULL) : code;
    need(code == SQLITE_OK || code == SQLITE_BUSY, "the lock", NULL);
    (void)sqlite3_close(handle);
    return code == SQLITE_BUSY;
}

static void intrude(void)
{
    struct iso_error err = {0};
    struct iso_store *store = NULL;
    struct store *inner = NULL;
    struct collect_report report = {0};
    size_t sealed;
    if (is_locked()) {
        return;
    }
    need(!iso_failed(iso_store_open(scene.place, 1, &store, &err)), "the intruder", &err);
    write_next(store, INTRUDER);
    iso_store_close(&store);
    need(!iso_failed(store_open(os_system(), scene.place, STORE_WRITE, &inner, &err)), "open",
         &err);
    need(!iso_failed(store_seal(inner, NULL, &sealed, &err)), "seal", &err);
    if (scene.collects) {
        need(!iso_failed(store_collect(inner, 0, &report, &err)), "collect", &err);
    }
    store_close(&inner);
    scene.intruded = true;
}

static bool is_state(const struct iso_bars *bars, bool outer_after, bool intruder_after,
                     struct verdict *verdict)
{
    static struct model models[WRITERS];
    models[OUTER] = outer_after ? scene.after[OUTER] : scene.before[OUTER];
    models[INTRUDER] = intruder_after ? scene.after[INTRUDER] : scene.before[INTRUDER];
    uint64_t outer = models[OUTER].batches;
    uint64_t intruder = models[INTRUDER].batches;
    model_check(models, WRITERS, bars, verdict);
    return verdict->problem[0] == '\0' && verdict->heads[OUTER] == outer &&
           verdict->heads[INTRUDER] == intruder;
}

/* The bars must be one state: that with the outer writer's batch or without it, as is said. */
static void need_one_state(const struct iso_bars *bars, int complete, bool outer_after)
{
    struct verdict verdict;
    need(complete == 1, "taken for damage", NULL);
    need(is_state(bars, outer_after, false, &verdict) ||
             (scene.intruded && is_state(bars, outer_after, true, &verdict)),
         verdict.problem[0] != '\0' ? verdict.problem : "no state that was", NULL);
}

static uint64_t run_read(struct iso_store *store)
{
    struct iso_error err = {0};
    struct iso_bars bars = {0};
    int complete = 0;
    need(!iso_failed(read_everything(store, &bars, &complete, &err)), "read", &err);
    uint64_t seen = shim_disarm();
    need_one_state(&bars, complete, false);
    iso_bars_release(&bars);
    return seen;
}

/* A walk may say that its state is gone, where it was gone. */
static uint64_t run_walk(struct iso_store *store)
{
    struct iso_error err = {0};
    ISO_DEFER(bars_reset) struct bars bars = {0};
    int complete = 0;
    iso_status status = walk_everything(store, &bars, &complete, &err);
    uint64_t seen = shim_disarm();
    if (iso_failure_class_of(status) == ISO_FAILURE_BUSY && scene.intruded) {
        return seen;
    }
    need(!iso_failed(status), "walk", &err);
    struct iso_bars view = model_view(&bars);
    need_one_state(&view, complete, false);
    return seen;
}

static uint64_t run_write(struct iso_store *store)
{
    write_next(store, OUTER);
    return shim_disarm();
}

static const struct {
    const char *name;
    uint64_t (*run)(struct iso_store *store); /* how many operations it made */
    size_t bars;                              /* that it writes */
} calls[] = {{"read", run_read, 0},
             {"walk", run_walk, 0},
             {"tail", run_write, 20},
             {"bulk", run_write, 700}};

/* Both batches are there now, if the intruder came. */
static void need_end(bool wrote)
{
    struct iso_error err = {0};
    struct iso_store *store = NULL;
    struct iso_bars bars = {0};
    char first[512];
    size_t problems = 0;
    size_t segments = 0;
    int complete = 0;
    need(!iso_failed(iso_store_open(scene.place, 1, &store, &err)), "reopen", &err);
    need(!iso_failed(read_everything(store, &bars, &complete, &err)), "read at the end", &err);
    struct verdict verdict;
    need(complete == 1 && is_state(&bars, wrote, scene.intruded, &verdict), "both at the end",
         NULL);
    iso_bars_release(&bars);
    iso_store_close(&store);
    need(!iso_failed(count_problems(scene.place, &problems, &segments, first, &err)), "verify",
         &err);
    need(problems == 0, first, NULL);
}

static void make_batches(const struct settings *settings, size_t bars)
{
    for (unsigned w = 0; w < WRITERS; w++) {
        model_init(&scene.before[w], settings->seed, WRITERS, w);
        model_advance(&scene.before[w], settings->acked[w]);
        scene.after[w] = scene.before[w];
        struct batch batch = model_go_over(&scene.after[w], w == INTRUDER ? 500 : bars);
        model_bars(&scene.after[w], &batch, &scene.batches[w]);
    }
}

/* One run; true where the call has a k-th operation. */
static bool run_with(const struct settings *settings, size_t call, const struct shim_fault *fault,
                     bool warm)
{
    struct iso_error err = {0};
    struct iso_store *store = NULL;
    scene.intruded = false;
    place_remove(scene.place);
    place_copy(settings->store, scene.place);
    need(!iso_failed(iso_store_open(scene.place, 1, &store, &err)), "open", &err);
    if (warm) { /* with what was read before in the cache */
        (void)run_read(store);
    }
    shim_arm(fault);
    uint64_t seen = calls[call].run(store);
    iso_store_close(&store);
    need_end(calls[call].bars > 0);
    return seen >= fault->nth;
}

int meanwhile_main(const struct settings *settings)
{
    struct shim_fault fault = {.nth = 1,
                               .effect = SHIM_EFFECT_MEANWHILE,
                               .operation = shim_operation_named(settings->operation),
                               .meanwhile = intrude};
    size_t call = 0;
    uint64_t runs = 0;
    while (call < sizeof calls / sizeof calls[0] && strcmp(calls[call].name, settings->call) != 0) {
        call++;
    }
    need(call < sizeof calls / sizeof calls[0], "no such call", NULL);
    (void)snprintf(scene.place, sizeof scene.place, "%s.copy", settings->store);
    make_batches(settings, calls[call].bars);
    for (bool reached = true; reached; fault.nth += settings->stride) {
        reached = false;
        for (unsigned way = 0; way < 4; way++) {
            scene.collects = way >= 2;
            reached = run_with(settings, call, &fault, way % 2 == 1) || reached;
            runs += scene.intruded ? 1 : 0;
        }
    }
    for (unsigned w = 0; w < WRITERS; w++) {
        bars_reset(&scene.batches[w]);
    }
    place_remove(scene.place);
    (void)printf("{\"runs\": %llu}\n", (unsigned long long)runs);
    return 0;
}
