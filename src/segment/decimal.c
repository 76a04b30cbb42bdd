/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/decimal.h"

const double format_power[FORMAT_SCALE_MAX + 1] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,
                                                   1e7,  1e8,  1e9,  1e10, 1e11, 1e12, 1e13,
                                                   1e14, 1e15, 1e16, 1e17, 1e18};

const char *const format_column_name[SEGMENT_COLUMN_COUNT] = {"time",
#define X(name) #name,
                                                              BAR_VALUE_TABLE(X)
#undef X
                                                                  "trade_count"};
