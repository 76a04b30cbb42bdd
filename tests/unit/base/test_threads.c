/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/threads.h"

#include <stdatomic.h>
#include <string.h>

enum { ITEMS = 5000 };

struct tally {
    atomic_int visits[ITEMS];
    atomic_int begun;
    size_t worker_count;
    size_t fails_from; /* items at or past this fail */
};

static iso_status visit(void *context, size_t item, size_t worker, struct iso_error *err)
{
    struct tally *tally = context;
    ISO_ASSERT(worker < tally->worker_count);
    atomic_fetch_add(&tally->visits[item], 1);
    atomic_fetch_add(&tally->begun, 1);
    if (item >= tally->fails_from) {
        ISO_FAIL(IO, err, "item %zu", item);
    }
    return ISO_OK;
}

static void every_item_is_done_once_by_any_number_of_threads(void **state)
{
    (void)state;
    static const size_t threads[] = {1, 2, 3, 16};
    static struct tally tally;
    for (size_t i = 0; i < sizeof threads / sizeof threads[0]; i++) {
        struct iso_error err = {0};
        memset(&tally, 0, sizeof tally);
        tally.worker_count = threads[i];
        tally.fails_from = SIZE_MAX;
        assert_ok(threads_run(threads[i], ITEMS, visit, &tally, &err));
        for (size_t j = 0; j < ITEMS; j++) {
            assert_int_equal(tally.visits[j], 1);
        }
    }
}

static void the_failure_of_the_lowest_item_is_returned_and_work_stops(void **state)
{
    (void)state;
    static struct tally tally;
    for (int round = 0; round < 50; round++) {
        struct iso_error err = {0};
        memset(&tally, 0, sizeof tally);
        tally.worker_count = 4;
        tally.fails_from = 100;
        assert_fails(threads_run(4, ITEMS, visit, &tally, &err), IO);
        assert_string_equal(err.text, "item 100");
        assert_true(tally.begun <= 100 + 4);
    }
}

static void no_items_are_no_work(void **state)
{
    (void)state;
    static struct tally tally = {.worker_count = 2};
    struct iso_error err = {0};
    assert_ok(threads_run(2, 0, visit, &tally, &err));
    assert_int_equal(tally.begun, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_item_is_done_once_by_any_number_of_threads),
        cmocka_unit_test(the_failure_of_the_lowest_item_is_returned_and_work_stops),
        cmocka_unit_test(no_items_are_no_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
