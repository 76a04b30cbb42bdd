/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Counter-based random numbers: Philox4x32-10 (Salmon et al., "Parallel random numbers: as easy as
 * 1, 2, 3", 2011), from the Random123 library. A stream is a pure function of its key, so a result
 * never depends on who drew when.
 */
#ifndef BASE_RNG_H
#define BASE_RNG_H

#include "base/status.h"

/* What a stream of numbers is for; two purposes never share numbers. */
enum rng_purpose { RNG_GENOME = 1, RNG_BREED = 2, RNG_TEST = 3, RNG_JITTER = 4 };

/* A stream; lives in the caller's memory, copied freely. */
struct rng {
    uint64_t seed;
    uint32_t generation;
    uint32_t individual;
    uint32_t purpose;
    uint32_t block;    /* counter of the next block of four words */
    uint32_t words[4]; /* the current block */
    uint32_t used;     /* words of it already handed out */
};

/* The stream of (seed, generation, individual, purpose), at its beginning. */
struct rng rng_stream(uint64_t seed, uint32_t generation, uint32_t individual,
                      enum rng_purpose purpose);
uint32_t rng_u32(struct rng *rng);
uint64_t rng_u64(struct rng *rng);
/* Uniform in [0, 1), a multiple of 2^-53. */
double rng_unit(struct rng *rng);
/* Uniform in [0, bound), bound > 0, without bias (Lemire 2019). */
uint32_t rng_below(struct rng *rng, uint32_t bound);
/* Approximately standard normal (sum of twelve uniforms): the same bits on every machine; |x| < 6.
 */
double rng_normal(struct rng *rng);

#endif
