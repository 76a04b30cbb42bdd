/* SPDX-License-Identifier: Apache-2.0 */
/* How the columns of a segment are to be coded: encoding, scale and grid of each. */
#ifndef SEGMENT_PLAN_H
#define SEGMENT_PLAN_H

#include "segment/format.h"

/* Bars must be in strictly rising order, at least one. */
void plan_make(const struct bars *bars, const struct interval *interval,
               struct segment_column column[SEGMENT_COLUMN_COUNT]);

#endif
