/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Processes at once. Each opens the store, or DuckDB's file, by itself, reads every week of the
 * plan once, waits for the others, and then reads on for a while. What they measured comes back
 * through memory that they share.
 */
#include "cli/bench_read.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PROCESSES_MAX = 8, READS_MAX = 1 << 16 };

static const double seconds_a_run = 0.1; /* of --runs */

/* Shared with the processes. */
struct board {
    _Atomic int ready; /* processes that may begin */
    int processes;
    struct {
        double first_us; /* opening and the first read */
        double warm_us;  /* the median of the reads together */
        double reads;    /* a second */
    } of[PROCESSES_MAX];
};

/* One of the two that are measured, opened by the process that reads. */
struct reader {
    const struct bench *bench;
    int threads; /* of DuckDB */
    struct store *store;
    struct duckdb *duckdb;
};

struct side {
    const char *who;
    iso_status (*open)(struct reader *reader, struct iso_error *err);
    iso_status (*read)(struct reader *reader, const struct week *week, struct answer *answer,
                       struct iso_error *err);
};

static iso_status open_own(struct reader *reader, struct iso_error *err)
{
    return store_open(os_system(), reader->bench->directory, STORE_READ, &reader->store, err);
}

static iso_status read_own(struct reader *reader, const struct week *week, struct answer *answer,
                           struct iso_error *err)
{
    return own_read(reader->store, week->series, week->range, answer, err);
}

static iso_status open_duckdb(struct reader *reader, struct iso_error *err)
{
    return duckdb_begin(reader->bench, reader->threads, &reader->duckdb, err);
}

static iso_status read_duckdb(struct reader *reader, const struct week *week, struct answer *answer,
                              struct iso_error *err)
{
    return duckdb_read(reader->duckdb, week->series, week->range, answer, err);
}

static const struct side sides[] = {
    {"isobar", open_own, read_own},
    {"duckdb", open_duckdb, read_duckdb},
};

static void reader_reset(struct reader *reader)
{
    store_close(&reader->store);
    duckdb_end(&reader->duckdb);
}

static void wait_for_all(struct board *board)
{
    atomic_fetch_add(&board->ready, 1);
    while (atomic_load(&board->ready) < board->processes) {
        (void)usleep(100); /* a process that failed counts as ready too */
    }
}

/* Weeks by turns, for a while. */
static iso_status read_on(const struct side *side, struct reader *reader, const struct plan *plan,
                          struct board *board, int index, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) double *took = NULL;
    struct answer answer;
    size_t reads = 0;
    double begin = bench_seconds();
    double now = begin;
    double seconds = seconds_a_run * (double)bench_runs(reader->bench);
    ISO_NEW(took, READS_MAX, err);
    for (; now - begin < seconds && reads < READS_MAX; reads++) {
        size_t turn = (reads + (size_t)index * plan->count / PROCESSES_MAX) % plan->count;
        ISO_TRY(side->read(reader, &plan->weeks[turn], &answer, err));
        took[reads] = answer.us;
        now = bench_seconds();
    }
    board->of[index].reads = (double)reads / (now - begin);
    board->of[index].warm_us = bench_median(took, reads);
    return ISO_OK;
}

static iso_status read_alone(const struct side *side, struct reader *reader,
                             const struct plan *plan, double *first_us, struct iso_error *err)
{
    struct answer answer;
    double begin = bench_seconds();
    ISO_TRY(side->open(reader, err));
    for (size_t i = 0; i < 2 * plan->count; i++) { /* twice: what is read again is kept */
        ISO_TRY(side->read(reader, &plan->weeks[i % plan->count], &answer, err));
        *first_us = i == 0 ? (bench_seconds() - begin) * 1e6 : *first_us;
    }
    return ISO_OK;
}

/* In a process of its own, which ends by it. */
static void work(const struct bench *bench, const struct side *side, const struct plan *plan,
                 int threads, struct board *board, int index)
{
    ISO_DEFER(reader_reset) struct reader reader = {.bench = bench, .threads = threads};
    struct iso_error why = {0};
    iso_status status = read_alone(side, &reader, plan, &board->of[index].first_us, &why);
    wait_for_all(board);
    if (!iso_failed(status)) {
        status = read_on(side, &reader, plan, board, index, &why);
    }
    if (iso_failed(status)) {
        call_say(bench->call, "isobar: %s: %s", side->who, why.text);
    }
    _exit(iso_failed(status) ? 1 : 0);
}

static iso_status wait_for(int processes, const struct side *side, struct iso_error *err)
{
    int failed = 0;
    for (int i = 0; i < processes; i++) {
        int state = 0;
        while (wait(&state) < 0 && errno == EINTR) {
        }
        failed += state != 0;
    }
    if (failed > 0) {
        ISO_FAIL(IO, err, "%d of %d processes that read from %s failed", failed, processes,
                 side->who);
    }
    return ISO_OK;
}

static iso_status start(const struct bench *bench, const struct side *side, const struct plan *plan,
                        int threads, struct board *board, struct iso_error *err)
{
    for (int i = 0; i < board->processes; i++) {
        pid_t process = fork();
        if (process == 0) {
            work(bench, side, plan, threads, board, i);
        }
        if (process < 0) {
            int why = errno;
            atomic_store(&board->ready, PROCESSES_MAX); /* let the others end */
            iso_ignore(wait_for(i, side, NULL), "the failure to start is the reason");
            ISO_FAIL(IO, err, "no process for %s: %s", side->who, strerror(why));
        }
    }
    return wait_for(board->processes, side, err);
}

static iso_status add_sums(struct bench *bench, const struct side *side, const struct board *board,
                           struct iso_error *err)
{
    char name[64];
    double first[PROCESSES_MAX];
    double warm[PROCESSES_MAX];
    double reads = 0;
    for (int i = 0; i < board->processes; i++) {
        first[i] = board->of[i].first_us;
        warm[i] = board->of[i].warm_us;
        reads += board->of[i].reads;
    }
    size_t count = (size_t)board->processes;
    (void)snprintf(name, sizeof name, "%s.open_and_first_%zu", side->who, count);
    ISO_TRY(bench_add(bench, name, "", bench_median(first, count), "us", err));
    (void)snprintf(name, sizeof name, "%s.week_warm_p50_%zu", side->who, count);
    ISO_TRY(bench_add(bench, name, "", bench_median(warm, count), "us", err));
    (void)snprintf(name, sizeof name, "%s.weeks_%zu", side->who, count);
    return bench_add(bench, name, "", reads, "weeks/s", err);
}

static void board_unmap(struct board **board)
{
    if (*board != NULL) {
        (void)munmap(*board, sizeof **board);
    }
}

static iso_status run_side(struct bench *bench, const struct side *side, const struct plan *plan,
                           int threads, int processes, struct iso_error *err)
{
    ISO_DEFER(board_unmap) struct board *board = NULL;
    void *memory =
        mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (memory == MAP_FAILED) {
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory to share with processes: %s", strerror(errno));
    }
    board = memory;
    board->processes = processes;
    ISO_TRY(start(bench, side, plan, threads, board, err));
    return add_sums(bench, side, board, err);
}

iso_status bench_together(struct bench *bench, const struct plan *plan, int threads,
                          struct iso_error *err)
{
    static const int counts[] = {1, 2, PROCESSES_MAX};
    store_close(&bench->store); /* its connection must not be carried into other processes */
    for (size_t i = 0; i < sizeof counts / sizeof counts[0]; i++) {
        for (size_t j = 0; j < sizeof sides / sizeof sides[0]; j++) {
            ISO_TRY(run_side(bench, &sides[j], plan, threads, counts[i], err));
        }
    }
    return store_open(os_system(), bench->directory, STORE_CHANGE, &bench->store, err);
}
