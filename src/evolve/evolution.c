/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/evolution.h"

#include "base/threads.h"
#include "evolve/arena.h"

#include <string.h>

/* A run under way. */
struct evolution {
    const struct evolve_parameters *parameters;
    struct arena *arena;
    size_t split_index;
    size_t bar_count;
    struct individual *individuals;
    struct individual *before;
    struct genome *genomes;
    struct metrics *metrics;
    size_t *ranking;
    struct champion champion;
    struct hash128 hash;
};

struct evolve_parameters evolve_presets(void)
{
    return (struct evolve_parameters){.breeding = {.seed = 1,
                                                   .elite = 2,
                                                   .tournament_size = 3,
                                                   .crossover_rate = 0.7,
                                                   .mutation_rate = 0.25,
                                                   .immigrant_rate = 0.05},
                                      .population = 100,
                                      .generations = 20,
                                      .fee = 0.001,
                                      .slippage = 0.0005,
                                      .cash = BACKTEST_CASH_PRESET,
                                      .split = 0.7,
                                      .fitness = FITNESS_sharpe,
                                      .trades_min = 10,
                                      .threads = 1,
                                      .column_bytes = (size_t)256 << 20};
}

iso_status evolve_parse_families(const char *names, struct evolve_parameters *parameters,
                                 struct iso_error *err)
{
    struct breeding breeding = parameters->breeding;
    breeding.family_count = 0;
    const char *cursor = names;
    do {
        cursor += *cursor == ',';
        size_t length = strcspn(cursor, ",");
        size_t index = family_find(cursor, cursor + length);
        if (index == family_count()) {
            ISO_DEFER(text_reset) struct text known = {0};
            for (size_t i = 0; i < family_count(); i++) {
                text_addf(&known, "%s%s", i == 0 ? "" : ", ", family_row(i)->name);
            }
            ISO_FAIL(BAD_ARGUMENT, err, "no strategy family \"%.*s\"; there are %s", (int)length,
                     cursor, text_get(&known));
        }
        if (breeding.family_count == FAMILIES_MAX) {
            ISO_FAIL(BAD_ARGUMENT, err, "more than %d families", FAMILIES_MAX);
        }
        breeding.families[breeding.family_count++] = (uint32_t)index;
        cursor += length;
    } while (*cursor != '\0');
    parameters->breeding = breeding;
    return ISO_OK;
}

static iso_status check_range(const char *name, double value, double min, double max,
                              struct iso_error *err)
{
    if (!(value >= min && value <= max)) {
        ISO_FAIL(BAD_ARGUMENT, err, "%s is %g; it must be from %g to %g", name, value, min, max);
    }
    return ISO_OK;
}

iso_status evolve_check(const struct evolve_parameters *p, struct iso_error *err)
{
    const struct breeding *b = &p->breeding;
    ISO_TRY(check_range("population", p->population, 1, POPULATION_MAX, err));
    ISO_TRY(check_range("generations", p->generations, 1, GENERATIONS_MAX, err));
    ISO_TRY(check_range("families", (double)b->family_count, 1, FAMILIES_MAX, err));
    ISO_TRY(check_range("elite", b->elite, 0, p->population, err));
    ISO_TRY(check_range("tournament", b->tournament_size, 1, 1000, err));
    ISO_TRY(check_range("crossover", b->crossover_rate, 0, 1, err));
    ISO_TRY(check_range("mutation", b->mutation_rate, 0, 1, err));
    ISO_TRY(check_range("immigrants", b->immigrant_rate, 0, 1, err));
    ISO_TRY(check_range("fee", p->fee, 0, 0.5, err));
    ISO_TRY(check_range("slippage", p->slippage, 0, 0.5, err));
    ISO_TRY(check_range("cash", p->cash, 1e-6, 1e15, err));
    ISO_TRY(check_range("split", p->split, 0, 1, err));
    ISO_TRY(check_range("threads", p->threads, 1, THREADS_MAX, err));
    return check_range("fitness", p->fitness, 0, FITNESS_COUNT - 1, err);
}

size_t evolve_split_index(const struct evolve_parameters *parameters, size_t bar_count)
{
    return (size_t)(parameters->split * (double)bar_count);
}

enum { HASHED_VALUES_MAX = 32 };

static void hash_double(struct hasher *hasher, const double *values, size_t count)
{
    uint8_t bytes[HASHED_VALUES_MAX * 8];
    ISO_ASSERT(count <= HASHED_VALUES_MAX);
    for (size_t i = 0; i < count; i++) {
        uint64_t word;
        memcpy(&word, &values[i], sizeof word);
        for (size_t byte = 0; byte < 8; byte++) {
            bytes[i * 8 + byte] = (uint8_t)(word >> (8 * byte));
        }
    }
    hasher_add(hasher, bytes, count * 8);
}

static void hash_individual(struct hasher *hasher, const struct individual *individual)
{
    double values[HASHED_VALUES_MAX];
    size_t count = 0;
    values[count++] = individual->genome.family;
    size_t gene_count = family_row(individual->genome.family)->gene_count;
    for (size_t i = 0; i < gene_count; i++) {
        values[count++] = individual->genome.genes[i];
    }
#define X(name, help) values[count++] = individual->train.name;
    METRIC_TABLE(X)
#undef X
    values[count++] = individual->fitness;
    hash_double(hasher, values, count);
}

iso_status evolve_hash(const struct hash128 *previous, const struct individual *individuals,
                       size_t count, struct hash128 *hash, struct iso_error *err)
{
    ISO_DEFER(hasher_free) struct hasher *hasher = NULL;
    ISO_TRY(hasher_new(&hasher, err));
    if (previous != NULL) {
        char hex[HASH_HEX_BYTES];
        hash_hex(*previous, hex);
        hasher_add(hasher, hex, HASH_HEX_BYTES - 1);
    }
    for (size_t i = 0; i < count; i++) {
        hash_individual(hasher, &individuals[i]);
    }
    *hash = hasher_result(hasher);
    return ISO_OK;
}

static void evolution_reset(struct evolution *evolution)
{
    arena_free(&evolution->arena);
    free(evolution->individuals);
    free(evolution->before);
    free(evolution->genomes);
    free(evolution->metrics);
    free(evolution->ranking);
}

static iso_status evolution_init(struct evolution *evolution, const struct bars *bars,
                                 const struct evolve_parameters *parameters,
                                 const volatile int *cancel, struct iso_error *err)
{
    evolution->parameters = parameters;
    evolution->bar_count = bars->count;
    evolution->split_index = evolve_split_index(parameters, bars->count);
    if (evolution->split_index < SPLIT_BARS_MIN ||
        bars->count - evolution->split_index < SPLIT_BARS_MIN) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "%zu bars split at %g leave %zu to train and %zu to test; each side needs %d",
                 bars->count, parameters->split, evolution->split_index,
                 bars->count - evolution->split_index, SPLIT_BARS_MIN);
    }
    struct arena_terms terms = {.bars = bars,
                                .fee = parameters->fee,
                                .slippage = parameters->slippage,
                                .cash = parameters->cash,
                                .allow_short = parameters->allow_short,
                                .ema_sma_seed = parameters->ema_sma_seed,
                                .thread_count = parameters->threads,
                                .column_bytes = parameters->column_bytes,
                                .cancel = cancel};
    ISO_TRY(arena_new(&terms, &evolution->arena, err));
    ISO_NEW(evolution->individuals, parameters->population, err);
    ISO_NEW(evolution->before, parameters->population, err);
    ISO_NEW(evolution->genomes, parameters->population, err);
    ISO_NEW(evolution->metrics, parameters->population, err);
    ISO_NEW(evolution->ranking, parameters->population, err);
    return ISO_OK;
}

/* Set the genomes of a generation: by chance for the first, bred for all others. */
static iso_status make_genomes(struct evolution *evolution, uint32_t generation,
                               struct iso_error *err)
{
    const struct breeding *breeding = &evolution->parameters->breeding;
    size_t count = evolution->parameters->population;
    if (generation > 0) {
        ISO_TRY(individuals_rank(evolution->before, count, evolution->ranking, err));
    }
    for (uint32_t i = 0; i < count; i++) {
        evolution->genomes[i] = generation == 0
                                    ? genome_random(breeding, generation, i)
                                    : genome_bred(breeding, evolution->before, evolution->ranking,
                                                  count, generation, i);
    }
    return ISO_OK;
}

/* Backtest the genomes on the train part. */
static iso_status fill_individuals(struct evolution *evolution, struct iso_error *err)
{
    const struct evolve_parameters *parameters = evolution->parameters;
    ISO_TRY(arena_evaluate(evolution->arena, evolution->genomes, parameters->population, 0,
                           evolution->split_index, evolution->metrics, err));
    for (size_t i = 0; i < parameters->population; i++) {
        evolution->individuals[i] =
            (struct individual){.genome = evolution->genomes[i],
                                .train = evolution->metrics[i],
                                .fitness = fitness_of(parameters->fitness, &evolution->metrics[i],
                                                      parameters->trades_min)};
    }
    return ISO_OK;
}

/* Find the best individual and run it on the test part. */
static iso_status choose_best(struct evolution *evolution, uint32_t generation,
                              struct champion *best, struct iso_error *err)
{
    uint32_t index = 0;
    for (uint32_t i = 1; i < evolution->parameters->population; i++) {
        if (evolution->individuals[i].fitness > evolution->individuals[index].fitness) {
            index = i;
        }
    }
    *best = (struct champion){
        .individual = evolution->individuals[index], .generation = generation, .index = index};
    return arena_evaluate(evolution->arena, &best->individual.genome, 1, evolution->split_index,
                          evolution->bar_count, &best->test, err);
}

static double mean_fitness(const struct evolution *evolution)
{
    double sum = 0.0;
    for (size_t i = 0; i < evolution->parameters->population; i++) {
        sum += evolution->individuals[i].fitness;
    }
    return sum / (double)evolution->parameters->population;
}

static iso_status run_generation(struct evolution *evolution, uint32_t index,
                                 evolve_progress *progress, void *context, struct iso_error *err)
{
    size_t count = evolution->parameters->population;
    ISO_TRY(make_genomes(evolution, index, err));
    ISO_TRY(fill_individuals(evolution, err));
    struct generation generation = {
        .index = index, .individuals = evolution->individuals, .count = count};
    ISO_TRY(choose_best(evolution, index, &generation.best, err));
    ISO_TRY(evolve_hash(index == 0 ? NULL : &evolution->hash, evolution->individuals, count,
                        &generation.hash, err));
    generation.mean_fitness = mean_fitness(evolution);
    bool better =
        index == 0 || generation.best.individual.fitness > evolution->champion.individual.fitness;
    generation.champion = better ? generation.best : evolution->champion;
    if (progress != NULL) {
        ISO_TRY(progress(context, &generation, err));
    }
    evolution->champion = generation.champion;
    evolution->hash = generation.hash;
    struct individual *swap = evolution->before;
    evolution->before = evolution->individuals;
    evolution->individuals = swap;
    return ISO_OK;
}

iso_status evolve_run(const struct bars *bars, const struct evolve_parameters *parameters,
                      const struct evolve_resume *resume, evolve_progress *progress, void *context,
                      const volatile int *cancel, struct evolve_result *result,
                      struct iso_error *err)
{
    ISO_TRY(evolve_check(parameters, err));
    ISO_DEFER(evolution_reset) struct evolution evolution = {0};
    ISO_TRY(evolution_init(&evolution, bars, parameters, cancel, err));
    uint32_t begin = 0;
    if (resume != NULL) {
        memcpy(evolution.before, resume->individuals,
               parameters->population * sizeof *evolution.before);
        evolution.champion = resume->champion;
        evolution.hash = resume->hash;
        begin = resume->generation + 1;
    }
    for (uint32_t i = begin; i < parameters->generations; i++) {
        ISO_TRY(run_generation(&evolution, i, progress, context, err));
    }
    *result = (struct evolve_result){.champion = evolution.champion,
                                     .hash = evolution.hash,
                                     .evaluations = (uint64_t)parameters->population *
                                                    (uint64_t)parameters->generations};
    return ISO_OK;
}
