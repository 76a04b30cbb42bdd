/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/sql_print.h"

iso_status command_sql(struct call *call, struct iso_error *err)
{
    return query_print(call, call->arguments[0], false, err);
}
