/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/rng.h"

#include <math.h>
#include <string.h>

static void assert_words(struct rng rng, const uint32_t expected[4])
{
    for (int i = 0; i < 4; i++) {
        assert_int_equal(rng_u32(&rng), expected[i]);
    }
}

/* Known-answer vectors of Random123 1.14 (examples/kat_vectors, philox4x32 10 rounds). */
static void philox_gives_the_known_answers_of_random123(void **state)
{
    (void)state;
    static const uint32_t zeros[] = {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8};
    static const uint32_t ones[] = {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd};
    static const uint32_t pi[] = {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1};
    struct rng rng = {.used = 4};
    assert_words(rng, zeros);
    rng = (struct rng){UINT64_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, UINT32_MAX, {0}, 4};
    assert_words(rng, ones);
    rng = (struct rng){.seed = UINT64_C(0x299f31d0a4093822),
                       .generation = 0x03707344,
                       .individual = 0x13198a2e,
                       .purpose = 0x85a308d3,
                       .block = 0x243f6a88,
                       .used = 4};
    assert_words(rng, pi);
}

static void a_stream_depends_on_its_key_alone(void **state)
{
    (void)state;
    struct rng first = rng_stream(1, 2, 3, RNG_TEST);
    struct rng again = rng_stream(1, 2, 3, RNG_TEST);
    struct rng other = rng_stream(1, 2, 4, RNG_TEST);
    int equal = 0;
    for (int i = 0; i < 1000; i++) {
        uint32_t word = rng_u32(&first);
        assert_int_equal(word, rng_u32(&again));
        equal += word == rng_u32(&other);
    }
    assert_true(equal < 5);
}

static void units_lie_in_zero_to_one_and_spread_evenly(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    struct rng rng = rng_stream(3, 0, 0, RNG_TEST);
    int tenth[10] = {0};
    for (int i = 0; i < DRAWS; i++) {
        double unit = rng_unit(&rng);
        assert_true(unit >= 0 && unit < 1);
        tenth[(int)(unit * 10)]++;
    }
    for (int i = 0; i < 10; i++) { /* six standard deviations of a binomial are 570 */
        assert_in_range(tenth[i], DRAWS / 10 - 570, DRAWS / 10 + 570);
    }
}

static void draws_below_a_bound_reach_every_value_and_never_the_bound(void **state)
{
    (void)state;
    static const uint32_t bounds[] = {1, 2, 3, 7, 1000, UINT32_MAX};
    struct rng rng = rng_stream(4, 0, 0, RNG_TEST);
    for (size_t i = 0; i < sizeof bounds / sizeof bounds[0]; i++) {
        bool seen[1000] = {false};
        for (int j = 0; j < 20000; j++) {
            uint32_t drawn = rng_below(&rng, bounds[i]);
            assert_true(drawn < bounds[i]);
            seen[drawn % 1000] = true;
        }
        for (uint32_t j = 0; j < bounds[i] && j < 1000; j++) {
            assert_true(seen[j]);
        }
    }
}

static void normals_have_mean_zero_and_variance_one(void **state)
{
    (void)state;
    enum { DRAWS = 100000 };
    struct rng rng = rng_stream(5, 0, 0, RNG_TEST);
    double sum = 0;
    double squares = 0;
    for (int i = 0; i < DRAWS; i++) {
        double x = rng_normal(&rng);
        assert_true(fabs(x) <= 6);
        sum += x;
        squares += x * x;
    }
    assert_true(fabs(sum / DRAWS) < 0.02);
    assert_true(fabs(squares / DRAWS - 1) < 0.03);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(philox_gives_the_known_answers_of_random123),
        cmocka_unit_test(a_stream_depends_on_its_key_alone),
        cmocka_unit_test(units_lie_in_zero_to_one_and_spread_evenly),
        cmocka_unit_test(draws_below_a_bound_reach_every_value_and_never_the_bound),
        cmocka_unit_test(normals_have_mean_zero_and_variance_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
