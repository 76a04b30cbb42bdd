/* SPDX-License-Identifier: Apache-2.0 */
/* Who owns a run: a process of this boot, told from a later one of the same number by its start. */
#ifndef EVOLVE_OWNER_H
#define EVOLVE_OWNER_H

#include "base/status.h"

enum { OWNER_BYTES = 96 };

/* This process as "boot:pid:start". */
void owner_self(char target[OWNER_BYTES]);
/* Whether that process lives; false for an empty text. */
bool owner_lives(const char *owner);

#endif
