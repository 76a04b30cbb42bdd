/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The program that the torture runs start, kill and starve. Its first argument is a mode, the
 * others are key=value:
 *
 *   write  store bars batch by batch; a line "ack N" on standard output for each that is durable
 *   check  open the store, read all, compare with the model, verify deeply; one line of JSON
 *   read   read all, again and again, while others write
 *   calls  one call of the library with its k-th operation failing, for every k
 *   meanwhile  one call of the library, with another writer's batch in the midst of it, for every k
 *   flips  flip bits of the stored files and see who notices
 */
#ifndef TORTURE_WORKER_H
#define TORTURE_WORKER_H

#include "model.h"

struct settings {
    const char *store;
    uint64_t seed;
    unsigned writers;
    unsigned writer;
    uint64_t acked[MODEL_WRITERS_MAX]; /* acked=3,4: batches that each writer was told are stored */
    uint64_t batches;                  /* how many more to write */
    uint64_t session;                  /* open the store anew after so many; 0: never */
    unsigned seconds;                  /* stop after; 0: never */
    const char *progress;              /* a file of one counter a writer, shared with readers */
    const char *call;                  /* of calls: which call */
    const char *operation;             /* of calls: which operation fails */
    const char *effect;
    unsigned stride;  /* of calls: every so many k */
    const char *file; /* of flips: relative to the store */
    unsigned flips;
    const char *other; /* of flips: a file whose bytes take the place of file's, once */
};

int writer_main(const struct settings *settings);
int checker_main(const struct settings *settings);
int reader_main(const struct settings *settings);
int calls_main(const struct settings *settings);
int meanwhile_main(const struct settings *settings);
int flips_main(const struct settings *settings);

/* Counters of acknowledged batches, shared by processes; NULL path: of this process only. */
_Atomic uint64_t *progress_map(const char *path);

/* Read all there is through the public interface; a series that was never written is no bars.
 * *complete as iso_store_read. The caller releases *bars. */
iso_status read_everything(struct iso_store *store, struct iso_bars *bars, int *complete,
                           struct iso_error *err);

/* The same by a walk, copied together. */
iso_status walk_everything(struct iso_store *store, struct bars *all, int *complete,
                           struct iso_error *err);

/* Problems that a deep verify finds, and segments it looked at; first gets the text of the first.
 */
iso_status count_problems(const char *directory, size_t *problems, size_t *segments,
                          char first[512], struct iso_error *err);

/* Print and end with status 1: what was wrong is in the words. */
_Noreturn void broken(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* broken() unless it holds; err (may be NULL) adds its words. */
void need(bool holds, const char *what, const struct iso_error *err);

/* Copy a store to a place that does not exist; remove one, if it is there. */
void place_copy(const char *from, const char *to);
void place_remove(const char *place);

#endif
