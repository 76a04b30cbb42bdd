/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/prompt.h"
#include "cli/sql_print.h"

iso_status command_sql(struct call *call, struct iso_error *err)
{
    return call->argument_count > 0 ? query_print(call, call->arguments[0], false, err)
                                    : prompt_run(call, err);
}
