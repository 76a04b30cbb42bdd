/* SPDX-License-Identifier: Apache-2.0 */
/* isobar sql without a query: statements typed at a prompt, or read from standard input. */
#ifndef CLI_PROMPT_H
#define CLI_PROMPT_H

#include "cli/command.h"

/*
 * Read statements to the end of standard input and print what they give. On a terminal a failure is
 * shown and the prompt goes on, Ctrl-C cancels a query or drops what was typed, and lines are kept
 * in a history; elsewhere the first failure ends it.
 */
iso_status prompt_run(struct call *call, struct iso_error *err);

#endif
