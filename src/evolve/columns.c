/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/columns.h"

#include "base/threads.h"
#include "signal/indicator.h"

struct slot {
    struct column_key key;
    double *values;
    uint64_t used; /* number of the last columns_want that asked for it; 0 where it is empty */
};

struct columns {
    const double *close;
    size_t count;
    size_t capacity;
    size_t slot_count;
    uint64_t now; /* number of the current columns_want */
    struct slot slots[COLUMNS_MAX];
};

/* Slots that one thread computes in one go: averages in lanes, anything else alone. */
struct batch {
    size_t slots[SIGNAL_EMA_LANES];
    size_t slot_count;
};

struct work {
    struct columns *columns;
    struct batch batches[COLUMNS_MAX];
    size_t batch_count;
};

iso_status columns_new(const double *close, size_t count, size_t budget_bytes,
                       struct columns **columns, struct iso_error *err)
{
    struct columns *made = NULL;
    ISO_NEW(made, 1, err);
    size_t fitting = budget_bytes / ((count + 1) * sizeof(double));
    fitting = fitting < FAMILY_COLUMNS_MAX ? FAMILY_COLUMNS_MAX : fitting;
    made->close = close;
    made->count = count;
    made->capacity = fitting > COLUMNS_MAX ? COLUMNS_MAX : fitting;
    *columns = made;
    return ISO_OK;
}

void columns_free(struct columns **columns)
{
    if (*columns == NULL) {
        return;
    }
    for (size_t i = 0; i < (*columns)->slot_count; i++) {
        free((*columns)->slots[i].values);
    }
    free(*columns);
    *columns = NULL;
}

size_t columns_capacity(const struct columns *columns)
{
    return columns->capacity;
}

/* The slot that holds key; slot_count where none does. */
static size_t find(const struct columns *columns, struct column_key key)
{
    size_t i = 0;
    while (i < columns->slot_count &&
           (columns->slots[i].used == 0 || columns->slots[i].key.kind != key.kind ||
            columns->slots[i].key.period != key.period)) {
        i++;
    }
    return i;
}

/* A slot to overwrite: a new one while there is room, else the one unused for longest. */
static iso_status take_slot(struct columns *columns, size_t *taken, struct iso_error *err)
{
    if (columns->slot_count < columns->capacity) {
        ISO_NEW(columns->slots[columns->slot_count].values, columns->count, err);
        *taken = columns->slot_count++;
        return ISO_OK;
    }
    size_t oldest = 0;
    for (size_t i = 1; i < columns->slot_count; i++) {
        if (columns->slots[i].used < columns->slots[oldest].used) {
            oldest = i;
        }
    }
    ISO_ASSERT(columns->slots[oldest].used < columns->now);
    *taken = oldest;
    return ISO_OK;
}

/* Put the slot into the batch of averages that is being filled, or into one of its own. */
static void add_work(struct work *work, size_t slot, size_t *ema_batch)
{
    bool is_ema = work->columns->slots[slot].key.kind == COLUMN_EMA;
    size_t batch = is_ema ? *ema_batch : work->batch_count;
    if (batch >= work->batch_count || work->batches[batch].slot_count == SIGNAL_EMA_LANES) {
        batch = work->batch_count++;
    }
    work->batches[batch].slots[work->batches[batch].slot_count++] = slot;
    if (is_ema) {
        *ema_batch = batch;
    }
}

static void compute_averages(struct columns *columns, const struct batch *batch)
{
    size_t periods[SIGNAL_EMA_LANES];
    double *targets[SIGNAL_EMA_LANES];
    for (size_t i = 0; i < batch->slot_count; i++) {
        periods[i] = columns->slots[batch->slots[i]].key.period;
        targets[i] = columns->slots[batch->slots[i]].values;
    }
    signal_ema_lanes(columns->close, columns->count, periods, targets, batch->slot_count);
}

static iso_status compute(void *context, size_t item, size_t worker, struct iso_error *err)
{
    (void)worker;
    (void)err;
    struct work *work = context;
    struct columns *columns = work->columns;
    const struct batch *batch = &work->batches[item];
    const struct slot *slot = &columns->slots[batch->slots[0]];
    size_t period = slot->key.period;
    switch (slot->key.kind) {
    case COLUMN_EMA:
        compute_averages(columns, batch);
        break;
    case COLUMN_EMA_SMA_SEED:
        signal_ema_sma_seed(columns->close, columns->count, period, slot->values);
        break;
    case COLUMN_SMA:
        signal_sma(columns->close, columns->count, period, slot->values);
        break;
    case COLUMN_DEVIATION:
        signal_deviation(columns->close, columns->count, period, slot->values);
        break;
    case COLUMN_RSI:
        signal_rsi(columns->close, columns->count, period, slot->values);
        break;
    case COLUMN_MAX:
        signal_max(columns->close, columns->count, period, slot->values);
        break;
    case COLUMN_MIN:
        signal_min(columns->close, columns->count, period, slot->values);
        break;
    }
    return ISO_OK;
}

iso_status columns_want(struct columns *columns, const struct column_key *keys, size_t key_count,
                        size_t thread_count, struct iso_error *err)
{
    ISO_ASSERT(key_count <= columns->capacity);
    ISO_DEFER(mem_defer_free) struct work *work = NULL;
    ISO_NEW(work, 1, err);
    work->columns = columns;
    columns->now++;
    for (size_t i = 0; i < key_count; i++) { /* first, so that none of them is overwritten */
        size_t slot = find(columns, keys[i]);
        if (slot < columns->slot_count) {
            columns->slots[slot].used = columns->now;
        }
    }
    size_t ema_batch = COLUMNS_MAX;
    for (size_t i = 0; i < key_count; i++) {
        size_t slot = find(columns, keys[i]);
        if (slot < columns->slot_count) {
            continue;
        }
        ISO_TRY(take_slot(columns, &slot, err));
        columns->slots[slot].key = keys[i];
        columns->slots[slot].used = columns->now;
        add_work(work, slot, &ema_batch);
    }
    return threads_run(thread_count, work->batch_count, compute, work, err);
}

const double *columns_get(const struct columns *columns, struct column_key key)
{
    size_t slot = find(columns, key);
    ISO_ASSERT(slot < columns->slot_count && columns->slots[slot].used == columns->now);
    return columns->slots[slot].values;
}
