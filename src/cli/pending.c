/* SPDX-License-Identifier: Apache-2.0 */
/* Interim: commands whose files have not landed on this branch yet. Removed when they have. */
#include "cli/command.h"
#define X(name)                                                                               \
    __attribute__((weak)) iso_status command_##name(struct call *call, struct iso_error *err) \
    {                                                                                         \
        (void)call;                                                                           \
        ISO_FAIL(BAD_ARGUMENT, err, #name " has not landed here");                            \
    }
ISO_COMMAND_RUNS(X)
