/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/operators.h"

#include <string.h>

static double draw_gene(struct rng *rng, const struct gene *gene)
{
    return gene->min + rng_unit(rng) * (gene->max - gene->min);
}

static struct genome draw_genome(struct rng *rng, const struct breeding *breeding)
{
    uint32_t pick = rng_below(rng, (uint32_t)breeding->family_count);
    struct genome genome = {.family = breeding->families[pick]};
    const struct family *family = family_row(genome.family);
    for (size_t i = 0; i < family->gene_count; i++) {
        genome.genes[i] = draw_gene(rng, &family->genes[i]);
    }
    genome_settle(&genome);
    return genome;
}

struct genome genome_random(const struct breeding *breeding, uint32_t generation,
                            uint32_t individual)
{
    struct rng rng = rng_stream(breeding->seed, generation, individual, RNG_GENOME);
    return draw_genome(&rng, breeding);
}

/* A merge sort by hand: stable, without a comparator that needs a global, and the same everywhere.
 */
static void merge(const struct individual *individuals, const size_t *source, size_t *target,
                  size_t begin, size_t middle, size_t end)
{
    size_t left = begin;
    size_t right = middle;
    for (size_t i = begin; i < end; i++) {
        bool take_left = left < middle && (right >= end || individuals[source[left]].fitness >=
                                                               individuals[source[right]].fitness);
        target[i] = take_left ? source[left++] : source[right++];
    }
}

iso_status individuals_rank(const struct individual *individuals, size_t count, size_t *ranking,
                            struct iso_error *err)
{
    ISO_DEFER(mem_defer_free) size_t *other = NULL;
    ISO_NEW(other, count, err);
    for (size_t i = 0; i < count; i++) {
        ranking[i] = i;
    }
    for (size_t width = 1; width < count; width *= 2) {
        for (size_t begin = 0; begin < count; begin += 2 * width) {
            size_t middle = begin + width < count ? begin + width : count;
            size_t end = begin + 2 * width < count ? begin + 2 * width : count;
            merge(individuals, ranking, other, begin, middle, end);
        }
        memcpy(ranking, other, count * sizeof *ranking);
    }
    return ISO_OK;
}

/* Ranks say who is best, so the winner is the smallest rank drawn. */
static const struct genome *tournament(struct rng *rng, const struct breeding *breeding,
                                       const struct individual *before, const size_t *ranking,
                                       size_t count)
{
    uint32_t winner = rng_below(rng, (uint32_t)count);
    for (uint32_t i = 1; i < breeding->tournament_size; i++) {
        uint32_t other = rng_below(rng, (uint32_t)count);
        winner = other < winner ? other : winner;
    }
    return &before[ranking[winner]].genome;
}

/* Each gene from one parent, from the other, or from between. */
static void cross(struct rng *rng, struct genome *child, const struct genome *other)
{
    const struct family *family = family_row(child->family);
    for (size_t i = 0; i < family->gene_count; i++) {
        uint32_t choice = rng_below(rng, 3);
        if (choice == 1) {
            child->genes[i] = other->genes[i];
        } else if (choice == 2) {
            child->genes[i] += rng_unit(rng) * (other->genes[i] - child->genes[i]);
        }
    }
}

static void mutate(struct rng *rng, struct genome *child, double rate)
{
    const struct family *family = family_row(child->family);
    for (size_t i = 0; i < family->gene_count; i++) {
        if (rng_unit(rng) >= rate) {
            continue;
        }
        const struct gene *gene = &family->genes[i];
        if (rng_below(rng, 4) == 0) {
            child->genes[i] = draw_gene(rng, gene);
        } else {
            child->genes[i] += rng_normal(rng) * 0.1 * (gene->max - gene->min);
        }
    }
}

struct genome genome_bred(const struct breeding *breeding, const struct individual *before,
                          const size_t *ranking, size_t count, uint32_t generation,
                          uint32_t individual)
{
    if (individual < breeding->elite && individual < count) {
        return before[ranking[individual]].genome;
    }
    struct rng rng = rng_stream(breeding->seed, generation, individual, RNG_BREED);
    if (rng_unit(&rng) < breeding->immigrant_rate) {
        return draw_genome(&rng, breeding);
    }
    struct genome child = *tournament(&rng, breeding, before, ranking, count);
    if (rng_unit(&rng) < breeding->crossover_rate) {
        const struct genome *other = tournament(&rng, breeding, before, ranking, count);
        if (other->family == child.family) {
            cross(&rng, &child, other);
        }
    }
    mutate(&rng, &child, breeding->mutation_rate);
    genome_settle(&child);
    return child;
}
