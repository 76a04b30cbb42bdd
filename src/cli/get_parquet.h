/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLI_GET_PARQUET_H
#define CLI_GET_PARQUET_H

#include "cli/command.h"

/*
 * Write the bars that the call asks for to standard output as one Parquet file. Fails with
 * BAD_ARGUMENT on a terminal, NOT_FOUND (no such series), IO, QUERY.
 */
iso_status get_parquet(struct call *call, struct iso_error *err);

#endif
