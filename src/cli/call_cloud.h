/* SPDX-License-Identifier: Apache-2.0 */
/* What commands that talk to the cloud ask of their call. */
#ifndef CLI_CALL_CLOUD_H
#define CLI_CALL_CLOUD_H

#include "cli/command.h"
#include "cloud/pool.h"

/*
 * The settings of --cloud-url or the environment; a warning goes to standard error. The caller
 * resets them. Fails with BAD_ARGUMENT where no cloud is named, or the URL cannot be used.
 */
iso_status call_settings(const struct call *call, enum settings_route route,
                         struct settings *settings, struct iso_error *err);
/* The profile that --cloud-profile names or the settings suggest, with the call's own values. */
struct pool_profile call_profile(const struct call *call, const struct settings *settings);

/* What cloud_neon.c does; NULL where that is no name of its work. */
typedef iso_status cloud_work(struct call *call, struct iso_error *err);
cloud_work *cloud_neon_work(const char *name);

#endif
