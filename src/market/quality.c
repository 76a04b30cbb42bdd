/* SPDX-License-Identifier: Apache-2.0 */
#include "market/quality.h"

static bool price_not_finite(const struct bar *bar)
{
    return !isfinite(bar->value[BAR_open]) || !isfinite(bar->value[BAR_high]) ||
           !isfinite(bar->value[BAR_low]) || !isfinite(bar->value[BAR_close]);
}

static bool high_below_low(const struct bar *bar)
{
    return bar->value[BAR_high] < bar->value[BAR_low];
}

static bool volume_negative(const struct bar *bar)
{
    return bar->value[BAR_volume] < 0;
}

static bool volume_not_finite(const struct bar *bar)
{
    return isinf(bar->value[BAR_volume]);
}

static bool count_negative(const struct bar *bar)
{
    return bar->trade_count != BAR_COUNT_ABSENT && bar->trade_count < 0;
}

static const struct {
    bool (*broken)(const struct bar *bar);
    const char *reason;
} quality_rules[] = {
    {price_not_finite, "a price is missing or not finite"},
    {high_below_low, "high is below low"},
    {volume_negative, "volume is negative"},
    {volume_not_finite, "volume is not finite"},
    {count_negative, "trade count is negative"},
};

const char *quality_reason(const struct bar *bar)
{
    for (size_t i = 0; i < sizeof quality_rules / sizeof quality_rules[0]; i++) {
        if (quality_rules[i].broken(bar)) {
            return quality_rules[i].reason;
        }
    }
    return NULL;
}
