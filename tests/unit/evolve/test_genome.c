/* SPDX-License-Identifier: Apache-2.0 */
#include "fixture.h"

#include "evolve/operators.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static struct breeding all_families(uint64_t seed)
{
    struct breeding breeding = {.seed = seed,
                                .elite = 1,
                                .tournament_size = 2,
                                .crossover_rate = 0.8,
                                .mutation_rate = 0.5,
                                .immigrant_rate = 0.1};
    for (size_t i = 0; i < family_count(); i++) {
        breeding.families[breeding.family_count++] = (uint32_t)i;
    }
    return breeding;
}

static void assert_within_bounds(const struct genome *genome)
{
    const struct family *family = family_row(genome->family);
    struct genome again = *genome;
    for (size_t i = 0; i < family->gene_count; i++) {
        assert_true(genome->genes[i] >= family->genes[i].min);
        assert_true(genome->genes[i] <= family->genes[i].max);
    }
    genome_settle(&again);
    assert_true(genome_equal(genome, &again));
}

static void texts_read_back_to_the_same_genome(void **state)
{
    (void)state;
    struct iso_error err;
    struct breeding breeding = all_families(3);
    for (uint32_t i = 0; i < 2000; i++) {
        struct genome genome = genome_random(&breeding, 0, i);
        struct genome back;
        assert_within_bounds(&genome);
        ISO_DEFER(text_reset) struct text text = {0};
        genome_format(&genome, &text);
        assert_ok(genome_parse(text_get(&text), &back, &err));
        assert_true(genome_equal(&genome, &back));
        text_clear(&text);
        genome_format_json(&genome, &text);
        assert_ok(genome_parse_json(text_get(&text), text.length, &back, &err));
        assert_true(genome_equal(&genome, &back));
    }
}

static void the_text_form_is_that_of_the_command_line(void **state)
{
    (void)state;
    struct iso_error err;
    struct genome genome;
    ISO_DEFER(text_reset) struct text text = {0};
    assert_ok(genome_parse("ema_cross:fast=12,slow=26", &genome, &err));
    assert_true(genome.genes[0] == 12.0 && genome.genes[1] == 26.0);
    genome_format(&genome, &text);
    assert_string_equal(text_get(&text), "ema_cross:fast=12,slow=26");
    text_clear(&text);
    genome_format_json(&genome, &text);
    assert_string_equal(text_get(&text),
                        "{\"family\":\"ema_cross\",\"genes\":{\"fast\":12,\"slow\":26}}");
    text_clear(&text);
    genome_describe(&genome, false, &text);
    assert_string_equal(
        text_get(&text),
        "Long while the 12-bar EMA of closes is above the 26-bar EMA, flat otherwise.");
    assert_ok(genome_parse("bollinger:width=2.125", &genome, &err));
    assert_true(genome.genes[0] == 20.0 && genome.genes[1] == 2.125);
}

static void a_wrong_text_is_refused_and_says_what_is_right(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says;
    } wrong[] = {
        {"ema_crss:fast=1", "there are ema_cross, rsi_reversion"},
        {"", "no strategy family"},
        {"ema_cross:quick=3", "it has fast, slow"},
        {"ema_cross:fast=12.5", "whole number"},
        {"ema_cross:fast=0", "from 1 to"},
        {"ema_cross:fast=1e9", "from 1 to"},
        {"ema_cross:fast", "name=number"},
        {"ema_cross:fast=", "name=number"},
        {"ema_cross:fast=x,slow=2", "name=number"},
        {"ema_cross:fast=26,slow=12", "fast < slow"},
        {"ema_cross:fast=26,slow=26", "fast < slow"},
        {"rsi_reversion:lower=70,upper=30", "lower < upper"},
        {"donchian:entry=5,exit=6", "exit <= entry"},
    };
    struct iso_error err;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct genome genome = {.family = 77};
        assert_fails(genome_parse(wrong[i].text, &genome, &err), BAD_ARGUMENT);
        assert_non_null(strstr(err.text, wrong[i].says));
        assert_int_equal(genome.family, 77);
    }
    static const char *const wrong_json[] = {
        "",
        "{",
        "[]",
        "{\"family\":\"ema_cross\"}",
        "{\"family\":1,\"genes\":{}}",
        "{\"family\":\"ema_cross\",\"genes\":{\"fast\":\"12\"}}"};
    for (size_t i = 0; i < sizeof wrong_json / sizeof wrong_json[0]; i++) {
        struct genome genome;
        assert_fails(genome_parse_json(wrong_json[i], strlen(wrong_json[i]), &genome, &err),
                     BAD_ARGUMENT);
    }
}

static void a_strategy_is_read_from_a_file(void **state)
{
    (void)state;
    struct iso_error err;
    struct genome genome;
    char path[] = "/tmp/isobar-strategy-XXXXXX.json";
    int file = mkstemps(path, 5);
    static const char json[] = "{\"family\": \"donchian\", \"genes\": {\"entry\": 55}}\n";
    assert_int_equal(write(file, json, sizeof json - 1), sizeof json - 1);
    assert_int_equal(close(file), 0);
    assert_ok(genome_read(path, &genome, &err));
    assert_true(genome.genes[0] == 55.0 && genome.genes[1] == 10.0);
    assert_int_equal(unlink(path), 0);
    assert_fails(genome_read(path, &genome, &err), NOT_FOUND);
    assert_ok(genome_read("donchian", &genome, &err));
}

static void bred_genomes_stay_within_bounds_and_the_elite_lives_on(void **state)
{
    (void)state;
    enum { COUNT = 500 };
    struct iso_error err;
    struct breeding breeding = all_families(9);
    static struct individual before[COUNT];
    size_t ranking[COUNT];
    for (uint32_t i = 0; i < COUNT; i++) {
        before[i].genome = genome_random(&breeding, 0, i);
        before[i].fitness = (double)(i % 7);
    }
    assert_ok(individuals_rank(before, COUNT, ranking, &err));
    assert_int_equal(ranking[0], 6); /* the first of the best */
    assert_int_equal(ranking[1], 13);
    assert_int_equal(ranking[COUNT - 1], 497);
    size_t changed = 0;
    for (uint32_t i = 0; i < COUNT; i++) {
        struct genome child = genome_bred(&breeding, before, ranking, COUNT, 1, i);
        assert_within_bounds(&child);
        changed += !genome_equal(&child, &before[i].genome);
        struct genome again = genome_bred(&breeding, before, ranking, COUNT, 1, i);
        assert_true(genome_equal(&child, &again));
    }
    assert_true(changed > COUNT / 2);
    struct genome kept = genome_bred(&breeding, before, ranking, COUNT, 1, 0);
    assert_true(genome_equal(&kept, &before[6].genome));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_read_back_to_the_same_genome),
        cmocka_unit_test(the_text_form_is_that_of_the_command_line),
        cmocka_unit_test(a_wrong_text_is_refused_and_says_what_is_right),
        cmocka_unit_test(a_strategy_is_read_from_a_file),
        cmocka_unit_test(bred_genomes_stay_within_bounds_and_the_elite_lives_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
