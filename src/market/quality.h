/* SPDX-License-Identifier: Apache-2.0 */
/* What a bar must hold to be stored by an import; one that does not goes to quarantine with the
 * reason. */
#ifndef MARKET_QUALITY_H
#define MARKET_QUALITY_H

#include "market/bars.h"

/* Why the bar breaks a rule, as a fixed sentence; NULL where it breaks none. */
const char *quality_reason(const struct bar *bar);

#endif
