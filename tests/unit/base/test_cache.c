/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/cache.h"

static struct iso_error err;
static int freed;

static void count_free(void *value)
{
    freed++;
    free(value);
}

static struct cache_key key_of(uint64_t number)
{
    return (struct cache_key){{number * UINT64_C(0x9e3779b97f4a7c15), number << 8}, 1};
}

static struct cache_entry *put(struct cache *cache, uint64_t number, size_t bytes)
{
    struct cache_entry *entry = NULL;
    int *value = malloc(sizeof *value);
    assert_non_null(value);
    *value = (int)number;
    (void)cache_make_room(cache, bytes);
    assert_ok(cache_add(cache, key_of(number), value, bytes, count_free, &entry, &err));
    return entry;
}

static bool has(struct cache *cache, uint64_t number)
{
    struct cache_entry *entry = cache_find(cache, key_of(number));
    bool found = entry != NULL && *(int *)cache_value(entry) == (int)number;
    cache_unpin(&entry);
    return found;
}

static int set_up(void **state)
{
    freed = 0;
    return iso_failed(cache_new(1000, (struct cache **)state, &err)) ? -1 : 0;
}

static int tear_down(void **state)
{
    cache_free((struct cache **)state);
    return 0;
}

static void what_was_put_is_found_under_its_key_alone(void **state)
{
    struct cache *cache = *state;
    for (uint64_t i = 0; i < 200; i++) { /* more than the first buckets */
        struct cache_entry *entry = put(cache, i, 5);
        cache_unpin(&entry);
    }
    for (uint64_t i = 0; i < 200; i++) {
        assert_true(has(cache, i));
    }
    struct cache_key other = key_of(7);
    other.kind = 2;
    assert_null(cache_find(cache, other));
    assert_int_equal(cache_stats_of(cache).bytes, 1000);
    assert_int_equal(cache_stats_of(cache).evicted, 0);
}

static void the_budget_is_kept_and_a_scan_spares_what_is_used(void **state)
{
    struct cache *cache = *state;
    for (uint64_t i = 0; i < 5; i++) {
        struct cache_entry *entry = put(cache, i, 100);
        cache_unpin(&entry);
        assert_true(has(cache, i)); /* used */
    }
    for (uint64_t i = 100; i < 1100; i++) {
        struct cache_entry *entry = put(cache, i, 100);
        cache_unpin(&entry);
        assert_true(cache_stats_of(cache).bytes <= 1000);
    }
    size_t left = 0;
    for (uint64_t i = 0; i < 5; i++) {
        left += has(cache, i) ? 1 : 0;
    }
    assert_true(left >= 4); /* the hand may have passed one of them twice */
}

/* Two values that are read in turn find room although old ones fill the cache. */
static void what_is_asked_for_again_is_kept(void **state)
{
    struct cache *cache = *state;
    for (uint64_t i = 0; i < 10; i++) {
        struct cache_entry *entry = put(cache, i, 100);
        cache_unpin(&entry);
    }
    size_t found = 0;
    for (int round = 0; round < 5; round++) {
        for (uint64_t i = 50; i < 52; i++) {
            if (has(cache, i)) {
                found++;
            } else {
                struct cache_entry *entry = put(cache, i, 100);
                cache_unpin(&entry);
            }
        }
    }
    assert_true(found >= 6); /* of 10; at least the first two askings of each miss */
}

static void a_pinned_value_outlives_eviction_drop_and_the_cache(void **state)
{
    struct cache *cache = *state;
    struct cache_entry *pinned = put(cache, 1, 900);
    assert_true(cache_make_room(cache, 100));
    assert_false(cache_make_room(cache, 101));
    assert_int_equal(freed, 0);
    cache_drop(cache, pinned);
    assert_null(cache_find(cache, key_of(1)));
    assert_int_equal(cache_stats_of(cache).bytes, 900); /* still in memory */
    struct cache_entry *second = put(cache, 2, 10);
    struct cache_entry *second_pin = second;
    cache_pin(second);
    cache_unpin(&second);
    assert_null(second);
    cache_set_budget(cache, 0);
    assert_int_equal(freed, 0); /* one pin is left */
    cache_unpin(&second_pin);
    assert_int_equal(freed, 1);
    cache_free((struct cache **)state);
    assert_int_equal(*(int *)cache_value(pinned), 1);
    assert_int_equal(freed, 1);
    cache_unpin(&pinned);
    assert_int_equal(freed, 2);
    set_up(state);
}

static void a_smaller_budget_takes_effect_at_once(void **state)
{
    struct cache *cache = *state;
    for (uint64_t i = 0; i < 10; i++) {
        struct cache_entry *entry = put(cache, i, 100);
        cache_unpin(&entry);
    }
    cache_set_budget(cache, 250);
    assert_int_equal(cache_stats_of(cache).bytes, 200);
    assert_int_equal(freed, 8);
    cache_set_budget(cache, 0);
    assert_int_equal(cache_stats_of(cache).entries, 0);
    assert_false(cache_make_room(cache, 1));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(what_was_put_is_found_under_its_key_alone),
        TEST(the_budget_is_kept_and_a_scan_spares_what_is_used),
        TEST(what_is_asked_for_again_is_kept),
        TEST(a_pinned_value_outlives_eviction_drop_and_the_cache),
        TEST(a_smaller_budget_takes_effect_at_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
