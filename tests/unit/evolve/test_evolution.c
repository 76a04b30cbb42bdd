/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "evolve/evolution.h"

#include <string.h>

enum { COUNT = 1500, POPULATION = 30, GENERATIONS = 6 };

static struct bars market;

static int make_market(void **state)
{
    (void)state;
    add_walk(&market, COUNT, 31);
    return 0;
}

static int drop_market(void **state)
{
    (void)state;
    bars_reset(&market);
    return 0;
}

static struct evolve_parameters parameters_of(uint64_t seed, uint32_t threads)
{
    struct iso_error err;
    struct evolve_parameters parameters = evolve_presets();
    assert_ok(
        evolve_parse_families("ema_cross,rsi_reversion,bollinger,donchian", &parameters, &err));
    parameters.breeding.seed = seed;
    parameters.population = POPULATION;
    parameters.generations = GENERATIONS;
    parameters.threads = threads;
    parameters.allow_short = true;
    return parameters;
}

static struct evolve_result run(const struct evolve_parameters *parameters)
{
    struct iso_error err;
    struct evolve_result result;
    assert_ok(evolve_run(&market, parameters, NULL, NULL, NULL, NULL, &result, &err));
    return result;
}

static void threads_and_memory_do_not_change_a_bit(void **state)
{
    (void)state;
    struct evolve_parameters one = parameters_of(1, 1);
    struct evolve_result first = run(&one);
    static const uint32_t threads[] = {2, 7};
    for (size_t i = 0; i < 2; i++) {
        struct evolve_parameters many = parameters_of(1, threads[i]);
        many.column_bytes = i * 100000; /* at first hardly any, so that columns come and go */
        struct evolve_result result = run(&many);
        assert_true(hash_equal(result.hash, first.hash));
        assert_memory_equal(&result.champion.test, &first.champion.test,
                            sizeof first.champion.test);
    }
    assert_int_equal(first.evaluations, POPULATION * GENERATIONS);
}

/*
 * Computed by this program on x86-64 with gcc 12 and clang 14, whose results agree. A change that
 * moves it moves the result of every run: raise EVOLVE_ENGINE_VERSION with it.
 */
static void the_result_of_a_fixed_run_never_changes(void **state)
{
    (void)state;
    char hex[HASH_HEX_BYTES];
    struct evolve_parameters parameters = parameters_of(1, 1);
    hash_hex(run(&parameters).hash, hex);
    assert_string_equal(hex, "0bf42bce76a257e94a232875ede7ef03");
}

static void another_seed_or_fee_gives_another_result(void **state)
{
    (void)state;
    struct evolve_parameters one = parameters_of(1, 1);
    struct evolve_parameters other = parameters_of(2, 1);
    struct evolve_parameters dearer = parameters_of(1, 1);
    dearer.fee = 0.002;
    struct evolve_result first = run(&one);
    assert_false(hash_equal(run(&other).hash, first.hash));
    assert_false(hash_equal(run(&dearer).hash, first.hash));
}

struct watch {
    size_t calls;
    double best;
    struct individual kept[POPULATION];
    struct evolve_resume resume;
    uint32_t fail_at;
};

static iso_status keep(void *context, const struct generation *generation, struct iso_error *err)
{
    struct watch *watch = context;
    if (generation->index == watch->fail_at) {
        ISO_FAIL(IO, err, "the disk is gone");
    }
    watch->calls++;
    assert_true(generation->champion.individual.fitness >= watch->best);
    watch->best = generation->champion.individual.fitness;
    memcpy(watch->kept, generation->individuals, sizeof watch->kept);
    watch->resume = (struct evolve_resume){.generation = generation->index,
                                           .individuals = watch->kept,
                                           .champion = generation->champion,
                                           .hash = generation->hash};
    return ISO_OK;
}

/* Lose the n-th generation and go on from the one before, for every n. */
static void an_interrupted_run_goes_on_to_the_same_result(void **state)
{
    (void)state;
    struct iso_error err;
    struct evolve_parameters parameters = parameters_of(3, 2);
    struct evolve_result whole = run(&parameters);
    for (uint32_t fail_at = 1; fail_at < GENERATIONS; fail_at++) {
        static struct watch watch;
        watch = (struct watch){.best = -1e300, .fail_at = fail_at};
        struct evolve_result result = {.evaluations = 77};
        assert_fails(evolve_run(&market, &parameters, NULL, keep, &watch, NULL, &result, &err), IO);
        assert_int_equal(result.evaluations, 77);
        assert_int_equal(watch.calls, fail_at);
        watch.fail_at = GENERATIONS;
        struct evolve_resume resume = watch.resume;
        assert_ok(evolve_run(&market, &parameters, &resume, keep, &watch, NULL, &result, &err));
        assert_int_equal(watch.calls, GENERATIONS);
        assert_true(hash_equal(result.hash, whole.hash));
        assert_memory_equal(&result.champion, &whole.champion, sizeof whole.champion);
    }
}

static void a_set_cancel_flag_ends_the_run(void **state)
{
    (void)state;
    struct iso_error err;
    struct evolve_parameters parameters = parameters_of(1, 2);
    struct evolve_result result;
    volatile int cancel = 1;
    assert_fails(evolve_run(&market, &parameters, NULL, NULL, NULL, &cancel, &result, &err),
                 INTERRUPTED);
}

/* The train part ends where the test part begins: what lies behind it cannot change fitness. */
static void fitness_does_not_see_the_test_part(void **state)
{
    (void)state;
    struct iso_error err;
    struct evolve_parameters parameters = parameters_of(4, 1);
    struct evolve_result first = run(&parameters);
    ISO_DEFER(bars_reset) struct bars other = {0};
    ISO_DEFER(bars_reset) struct bars noise = {0};
    size_t split = evolve_split_index(&parameters, COUNT);
    assert_int_equal(split, 1050);
    add_walk(&noise, COUNT, 99);
    struct bars head = bars_slice(&market, 0, split);
    struct bars tail = bars_slice(&noise, split, COUNT - split);
    assert_ok(bars_append_all(&other, &head, &err));
    assert_ok(bars_append_all(&other, &tail, &err));
    struct evolve_result result;
    assert_ok(evolve_run(&other, &parameters, NULL, NULL, NULL, NULL, &result, &err));
    assert_true(hash_equal(result.hash, first.hash));
    assert_memory_not_equal(&result.champion.test, &first.champion.test,
                            sizeof first.champion.test);
}

static void parameters_out_of_range_are_refused(void **state)
{
    (void)state;
    struct iso_error err;
    struct evolve_result result;
    struct evolve_parameters p = parameters_of(1, 1);
    p.population = 0;
    assert_fails(evolve_run(&market, &p, NULL, NULL, NULL, NULL, &result, &err), BAD_ARGUMENT);
    assert_non_null(strstr(err.text, "population"));
    p = parameters_of(1, 1);
    p.split = 1.0;
    assert_fails(evolve_run(&market, &p, NULL, NULL, NULL, NULL, &result, &err), BAD_ARGUMENT);
    p = parameters_of(1, 1);
    p.fee = (double)NAN;
    assert_fails(evolve_check(&p, &err), BAD_ARGUMENT);
    assert_fails(evolve_parse_families("ema_cross,,donchian", &p, &err), BAD_ARGUMENT);
    assert_int_equal(p.breeding.family_count, 4);
}

static void few_trades_count_in_proportion(void **state)
{
    (void)state;
    struct metrics metrics = {.sharpe = 2.0, .trades = 5, .total_return = -0.5};
    assert_true(fitness_of(FITNESS_sharpe, &metrics, 10) == 1.0);
    assert_true(fitness_of(FITNESS_sharpe, &metrics, 0) == 2.0);
    assert_true(fitness_of(FITNESS_return, &metrics, 10) == -0.5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(threads_and_memory_do_not_change_a_bit),
        cmocka_unit_test(the_result_of_a_fixed_run_never_changes),
        cmocka_unit_test(another_seed_or_fee_gives_another_result),
        cmocka_unit_test(an_interrupted_run_goes_on_to_the_same_result),
        cmocka_unit_test(a_set_cancel_flag_ends_the_run),
        cmocka_unit_test(fitness_does_not_see_the_test_part),
        cmocka_unit_test(parameters_out_of_range_are_refused),
        cmocka_unit_test(few_trades_count_in_proportion),
    };
    return cmocka_run_group_tests(tests, make_market, drop_market);
}
