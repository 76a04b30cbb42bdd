/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The board: where runs live, one SQLite file. A generation is committed with all its individuals
 * in one transaction, so that whatever kills a run leaves its last whole generation, from which
 * board_claim goes on.
 *
 * A run has an owner (boot, process, its start time) while it is computed. One that is unfinished
 * and whose owner is dead can be claimed; claiming is atomic, and a commit by anybody but the owner
 * is refused, so that two processes never compute one run.
 *
 * Tables (user_version 1): runs (a row a run), generations (run, generation), individuals (run,
 * generation, individual); columns of metrics are METRIC_TABLE.
 */
#ifndef EVOLVE_BOARD_H
#define EVOLVE_BOARD_H

#include "base/os.h"
#include "evolve/terms.h"

enum { RUN_ID_BYTES = 16, BOARD_VERSION = 1 };

struct board;

enum board_mode { BOARD_READ, BOARD_WRITE };

/*
 * Open the file; BOARD_WRITE makes it. Fails with NOT_FOUND (reading one that is not there),
 * NEWER_VERSION, CATALOG, CORRUPT, BUSY. Serves one thread.
 */
iso_status board_open(const struct os *os, const char *path, enum board_mode mode,
                      struct board **board, struct iso_error *err);
void board_close(struct board **board);

enum run_state { RUN_RUNNING, RUN_INTERRUPTED, RUN_FINISHED }; /* as seen now */

struct run {
    int64_t key;           /* of the row */
    char id[RUN_ID_BYTES]; /* "r" and 8 hexadecimal digits */
    struct hash128 identity;
    struct terms terms;
    enum run_state state;
    int64_t created_us;
    int64_t updated_us;
    uint32_t generations_done;
    double seconds;      /* computing, all parts together */
    struct hash128 hash; /* of the last generation done; the result's once finished */
};

const char *run_state_name(enum run_state state);

/* Make a run of its own, owned by this process. */
iso_status board_create(struct board *board, const struct terms *terms, struct run *run,
                        struct iso_error *err);

/*
 * Take an interrupted run: that of the id where id is given, else the newest of the identity.
 * *found tells whether there was one. With an id, fails with NOT_FOUND, BUSY (its owner lives) or
 * BAD_ARGUMENT (finished).
 */
iso_status board_claim(struct board *board, const char *id, const struct hash128 *identity,
                       struct run *run, bool *found, struct iso_error *err);

/* Commit a generation, which must be the next one. Fails with BUSY where the run is not ours. */
iso_status board_commit(struct board *board, const struct run *run,
                        const struct generation *generation, double seconds, struct iso_error *err);

/* The run is done. Fails as board_commit. */
iso_status board_finish(struct board *board, const struct run *run, struct iso_error *err);
/* Give the run up, so that it can be claimed at once; for a stop on purpose. */
iso_status board_release(struct board *board, const struct run *run, struct iso_error *err);

/*
 * What evolve_run needs to go on: *individuals (owned by the caller) and *resume, which borrows
 * them. *found is false where no generation is done. Fails with CORRUPT where the individuals do
 * not give the generation's hash.
 */
iso_status board_resume(struct board *board, const struct run *run, struct individual **individuals,
                        struct evolve_resume *resume, bool *found, struct iso_error *err);

/* Fails with NOT_FOUND. */
iso_status board_find(struct board *board, const char *id, struct run *run, struct iso_error *err);
typedef iso_status run_visit(void *context, const struct run *run, struct iso_error *err);
/* Oldest first. */
iso_status board_each_run(struct board *board, run_visit *visit, void *context,
                          struct iso_error *err);
/* A finished run of the same identity, the oldest but for run itself. */
iso_status board_twin(struct board *board, const struct run *run, struct run *twin, bool *found,
                      struct iso_error *err);

/* One generation as the report wants it. */
struct generation_row {
    uint32_t generation;
    double mean_fitness;
    struct champion best;
    struct hash128 hash;
};
typedef iso_status generation_visit(void *context, const struct generation_row *row,
                                    struct iso_error *err);
iso_status board_each_generation(struct board *board, const struct run *run,
                                 generation_visit *visit, void *context, struct iso_error *err);

/* The best individual of all generations, of equals the earliest. Fails with NOT_FOUND. */
iso_status board_champion(struct board *board, const struct run *run, struct champion *champion,
                          struct iso_error *err);

/* The fittest genomes, each once, best first; *count is how many there were, at most limit. test is
 * not set. */
iso_status board_fittest(struct board *board, const struct run *run, size_t limit,
                         struct champion *fittest, size_t *count, struct iso_error *err);

/*
 * The individual named by "RUN", "RUN/best" or "RUN/GENERATION.INDIVIDUAL". Fails with
 * BAD_ARGUMENT, NOT_FOUND.
 */
iso_status board_named(struct board *board, const char *name, struct run *run,
                       struct individual *individual, struct iso_error *err);

#endif
