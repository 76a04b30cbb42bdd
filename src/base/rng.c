/* SPDX-License-Identifier: Apache-2.0 */
#include "base/rng.h"

#include <Random123/philox.h>

struct rng rng_stream(uint64_t seed, uint32_t generation, uint32_t individual,
                      enum rng_purpose purpose)
{
    return (struct rng){.seed = seed,
                        .generation = generation,
                        .individual = individual,
                        .purpose = (uint32_t)purpose,
                        .used = 4};
}

uint32_t rng_u32(struct rng *rng)
{
    if (rng->used == 4) {
        philox4x32_ctr_t counter = {{rng->block, rng->purpose, rng->individual, rng->generation}};
        philox4x32_key_t key = {{(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)}};
        philox4x32_ctr_t drawn = philox4x32(counter, key);
        for (int i = 0; i < 4; i++) {
            rng->words[i] = drawn.v[i];
        }
        rng->block++;
        rng->used = 0;
    }
    return rng->words[rng->used++];
}

uint64_t rng_u64(struct rng *rng)
{
    uint64_t high = rng_u32(rng);
    return high << 32 | rng_u32(rng);
}

double rng_unit(struct rng *rng)
{
    return (double)(rng_u64(rng) >> 11) * 0x1p-53;
}

uint32_t rng_below(struct rng *rng, uint32_t bound)
{
    ISO_ASSERT(bound > 0);
    uint64_t product = (uint64_t)rng_u32(rng) * bound;
    uint32_t threshold = (uint32_t)(0 - bound) % bound;
    while ((uint32_t)product < threshold) {
        product = (uint64_t)rng_u32(rng) * bound;
    }
    return (uint32_t)(product >> 32);
}

/*
 * Sum of twelve uniforms less six: mean 0, variance 1, and only additions of exact multiples of
 * 2^-53, so the bits cannot depend on a mathematical library. Tails end at 6, which is all that
 * mutation needs.
 */
double rng_normal(struct rng *rng)
{
    double sum = -6.0;
    for (int i = 0; i < 12; i++) {
        sum += rng_unit(rng);
    }
    return sum;
}
