/* SPDX-License-Identifier: Apache-2.0 */
/* Reading generations and individuals back from the board. */
#include "evolve/board_internal.h"

#include <string.h>

iso_status board_read_individual(struct statement *statement, int column,
                                 struct individual *individual, int *next, struct iso_error *err)
{
    struct iso_error why;
    *individual = (struct individual){.fitness = statement_number(statement, column + 1)};
    *next = board_read_metrics(statement, column + 2, &individual->train);
    if (iso_failed(genome_parse(statement_text(statement, column), &individual->genome, &why))) {
        ISO_FAIL(CORRUPT, err, "the board holds a genome that is none: %.300s", why.text);
    }
    return ISO_OK;
}

/* generation, mean_fitness, hash, best; then the best individual; then its test metrics */
#define GENERATION_QUERY                                              \
    "SELECT g.generation, g.mean_fitness, g.hash, g.best, i.genome, " \
    "i.fitness" BOARD_METRICS BOARD_TEST_METRICS                      \
    " FROM generations AS g JOIN individuals AS i ON i.run = g.run"   \
    " AND i.generation = g.generation AND i.individual = g.best"      \
    " WHERE g.run = ?1 "

static iso_status read_generation(struct statement *query, struct generation_row *row,
                                  struct iso_error *err)
{
    int next = 0;
    *row = (struct generation_row){.generation = (uint32_t)statement_integer(query, 0),
                                   .mean_fitness = statement_number(query, 1)};
    row->best.generation = row->generation;
    row->best.index = (uint32_t)statement_integer(query, 3);
    if (!hash_parse(statement_text(query, 2), &row->hash)) {
        ISO_FAIL(CORRUPT, err, "generation %u has a damaged hash", row->generation);
    }
    ISO_TRY(board_read_individual(query, 4, &row->best.individual, &next, err));
    (void)board_read_metrics(query, next, &row->best.test);
    return ISO_OK;
}

iso_status board_each_generation(struct board *board, const struct run *run,
                                 generation_visit *visit, void *context, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    bool has_row = false;
    ISO_TRY(statement_new(board->database, GENERATION_QUERY "ORDER BY g.generation", &query, err));
    statement_bind_integer(query, 1, run->key);
    ISO_TRY(statement_step(query, &has_row, err));
    while (has_row) {
        struct generation_row row;
        ISO_TRY(read_generation(query, &row, err));
        ISO_TRY(visit(context, &row, err));
        ISO_TRY(statement_step(query, &has_row, err));
    }
    return ISO_OK;
}

/* One generation by an ORDER BY; *found is false where there is none. */
static iso_status one_generation(struct board *board, const struct run *run, const char *sql,
                                 struct generation_row *row, bool *found, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    ISO_TRY(statement_new(board->database, sql, &query, err));
    statement_bind_integer(query, 1, run->key);
    ISO_TRY(statement_step(query, found, err));
    return *found ? read_generation(query, row, err) : ISO_OK;
}

iso_status board_champion(struct board *board, const struct run *run, struct champion *champion,
                          struct iso_error *err)
{
    struct generation_row row;
    bool found = false;
    ISO_TRY(one_generation(board, run,
                           GENERATION_QUERY "ORDER BY i.fitness DESC, g.generation LIMIT 1", &row,
                           &found, err));
    if (!found) {
        ISO_FAIL(NOT_FOUND, err, "run %s has no generation yet", run->id);
    }
    *champion = row.best;
    return ISO_OK;
}

static iso_status read_individuals(struct board *board, const struct run *run, uint32_t generation,
                                   struct individual *individuals, size_t count,
                                   struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    bool has_row = false;
    size_t read = 0;
    ISO_TRY(statement_new(board->database,
                          "SELECT i.genome, i.fitness" BOARD_METRICS " FROM individuals AS i"
                          " WHERE i.run = ?1 AND i.generation = ?2 ORDER BY i.individual",
                          &query, err));
    statement_bind_integer(query, 1, run->key);
    statement_bind_integer(query, 2, generation);
    ISO_TRY(statement_step(query, &has_row, err));
    while (has_row && read < count) {
        int next = 0;
        ISO_TRY(board_read_individual(query, 0, &individuals[read], &next, err));
        read++;
        ISO_TRY(statement_step(query, &has_row, err));
    }
    if (read != count || has_row) {
        ISO_FAIL(CORRUPT, err, "generation %u of run %s does not have %zu individuals", generation,
                 run->id, count);
    }
    return ISO_OK;
}

/* The hash of the generation before, NULL for the first, and check that the chain holds. */
static iso_status check_chain(struct board *board, const struct run *run,
                              const struct evolve_resume *resume, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    struct hash128 before;
    struct hash128 hash;
    bool has_row = false;
    ISO_TRY(statement_new(board->database,
                          "SELECT hash FROM generations WHERE run = ?1 AND generation = ?2", &query,
                          err));
    statement_bind_integer(query, 1, run->key);
    statement_bind_integer(query, 2, (int64_t)resume->generation - 1);
    ISO_TRY(statement_step(query, &has_row, err));
    bool expected = resume->generation > 0;
    if (has_row != expected || (has_row && !hash_parse(statement_text(query, 0), &before))) {
        ISO_FAIL(CORRUPT, err, "run %s lacks a generation", run->id);
    }
    ISO_TRY(evolve_hash(has_row ? &before : NULL, resume->individuals,
                        run->terms.parameters.population, &hash, err));
    if (!hash_equal(hash, resume->hash)) {
        ISO_FAIL(CORRUPT, err, "generation %u of run %s does not match its hash",
                 resume->generation, run->id);
    }
    return ISO_OK;
}

iso_status board_resume(struct board *board, const struct run *run, struct individual **individuals,
                        struct evolve_resume *resume, bool *found, struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) struct individual *read = NULL;
    struct generation_row last;
    size_t count = run->terms.parameters.population;
    ISO_TRY(one_generation(board, run, GENERATION_QUERY "ORDER BY g.generation DESC LIMIT 1", &last,
                           found, err));
    if (!*found) {
        return ISO_OK;
    }
    ISO_NEW(read, count, err);
    ISO_TRY(read_individuals(board, run, last.generation, read, count, err));
    struct evolve_resume made = {
        .generation = last.generation, .individuals = read, .hash = last.hash};
    ISO_TRY(check_chain(board, run, &made, err));
    ISO_TRY(board_champion(board, run, &made.champion, err));
    *resume = made;
    *individuals = read;
    read = NULL;
    return ISO_OK;
}

iso_status board_fittest(struct board *board, const struct run *run, size_t limit,
                         struct champion *fittest, size_t *count, struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    bool has_row = false;
    *count = 0;
    /* SQLite takes bare columns of a group from the row of its min() (documented). */
    ISO_TRY(statement_new(board->database,
                          "SELECT min(i.generation * 4294967296 + i.individual), i.generation,"
                          " i.individual, i.genome, i.fitness" BOARD_METRICS
                          " FROM individuals AS i WHERE i.run = ?1 GROUP BY i.genome"
                          " ORDER BY i.fitness DESC, 1 LIMIT ?2",
                          &query, err));
    statement_bind_integer(query, 1, run->key);
    statement_bind_integer(query, 2, (int64_t)limit);
    ISO_TRY(statement_step(query, &has_row, err));
    while (has_row && *count < limit) {
        struct champion *champion = &fittest[*count];
        int next = 0;
        *champion = (struct champion){.generation = (uint32_t)statement_integer(query, 1),
                                      .index = (uint32_t)statement_integer(query, 2)};
        ISO_TRY(board_read_individual(query, 3, &champion->individual, &next, err));
        (*count)++;
        ISO_TRY(statement_step(query, &has_row, err));
    }
    return ISO_OK;
}

static iso_status find_individual(struct board *board, const struct run *run, int64_t generation,
                                  int64_t index, struct individual *individual,
                                  struct iso_error *err)
{
    ISO_DEFER(statement_free) struct statement *query = NULL;
    bool has_row = false;
    int next = 0;
    ISO_TRY(statement_new(board->database,
                          "SELECT i.genome, i.fitness" BOARD_METRICS " FROM individuals AS i"
                          " WHERE i.run = ?1 AND i.generation = ?2 AND i.individual = ?3",
                          &query, err));
    statement_bind_integer(query, 1, run->key);
    statement_bind_integer(query, 2, generation);
    statement_bind_integer(query, 3, index);
    ISO_TRY(statement_step(query, &has_row, err));
    if (!has_row) {
        ISO_FAIL(NOT_FOUND, err, "run %s has no individual %lld.%lld", run->id,
                 (long long)generation, (long long)index);
    }
    return board_read_individual(query, 0, individual, &next, err);
}

iso_status board_named(struct board *board, const char *name, struct run *run,
                       struct individual *individual, struct iso_error *err)
{
    char id[RUN_ID_BYTES] = {0};
    size_t length = strcspn(name, "/");
    if (length == 0 || length >= sizeof id) {
        ISO_FAIL(BAD_ARGUMENT, err, "\"%s\" names no run; write r1a2b3c4d or r1a2b3c4d/3.17", name);
    }
    memcpy(id, name, length);
    ISO_TRY(board_find(board, id, run, err));
    const char *genome = name[length] == '/' ? name + length + 1 : "best";
    if (strcmp(genome, "best") == 0) {
        struct champion champion;
        ISO_TRY(board_champion(board, run, &champion, err));
        *individual = champion.individual;
        return ISO_OK;
    }
    const char *dot = strchr(genome, '.');
    int64_t generation = 0;
    int64_t index = 0;
    if (dot == NULL || !integer_parse(genome, dot, &generation) ||
        !integer_parse(dot + 1, dot + strlen(dot), &index)) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "\"%s\" names no genome; write best or GENERATION.INDIVIDUAL as 3.17", genome);
    }
    return find_individual(board, run, generation, index, individual, err);
}
