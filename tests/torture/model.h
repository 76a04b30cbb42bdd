/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a writer writes, and what must be there: a series of batches that a seed alone determines.
 *
 * Writers share one series, writer w of n has every n-th time. Each batch also rewrites the
 * writer's first bar, the head, whose volume is the number of batches so far. So a reader learns
 * from one bar which state it looks at, and every other bar must agree with that.
 */
#ifndef TORTURE_MODEL_H
#define TORTURE_MODEL_H

#include "isobar.h"
#include "market/bars.h"

enum { MODEL_BARS_MAX = 4000, MODEL_WRITERS_MAX = 4 };
#define MODEL_SYMBOL "TORTURE"
#define MODEL_INTERVAL "1m"

struct model {
    uint64_t seed;
    unsigned writers;
    unsigned writer;
    uint64_t batches;              /* written so far */
    size_t next;                   /* the first bar that was never written */
    uint32_t mark[MODEL_BARS_MAX]; /* the batch, from 1, that wrote each bar last; 0: none */
};

/* The bars of one batch: the head, and count from first on. */
struct batch {
    size_t first;
    size_t count;
    bool maintain_after; /* seal, collect and checkpoint when it is written */
};

void model_init(struct model *model, uint64_t seed, unsigned writers, unsigned writer);
/* Go on by one batch. */
struct batch model_step(struct model *model);
/* Go on by a batch that the seed does not determine: count bars, a third of them there already. */
struct batch model_go_over(struct model *model, size_t count);
void model_advance(struct model *model, uint64_t batches);
/* The bar at index as the model has it now. */
struct bar model_bar(const struct model *model, size_t index);
/* The batch's bars; the caller resets them. */
void model_bars(const struct model *model, const struct batch *batch, struct bars *bars);
/* As the public interface takes them; borrows. */
struct iso_bars model_view(const struct bars *bars);

/* The whole answer of a read against what the models may hold. */
struct verdict {
    uint64_t heads[MODEL_WRITERS_MAX]; /* batches that each writer's part shows */
    size_t bars;
    char problem[256]; /* "" where every bar is as it should be */
};
/*
 * Check bars against every writer's model. Each model is moved on to the state the bars show; a
 * head before the model's present batch is an acknowledged batch that was lost.
 */
void model_check(struct model *models, unsigned writers, const struct iso_bars *bars,
                 struct verdict *verdict);

#endif
