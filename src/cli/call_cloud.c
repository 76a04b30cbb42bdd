/* SPDX-License-Identifier: Apache-2.0 */
/* The cloud that a call names, and how it wants its connections kept. */
#include "cli/call_cloud.h"

static bool environment_names_one(void)
{
    static const char *const variables[] = {"PGHOST", "PGHOSTADDR", "PGSERVICE", "PGDATABASE"};
    for (size_t i = 0; i < sizeof variables / sizeof variables[0]; i++) {
        const char *value = getenv(variables[i]);
        if (value != NULL && value[0] != '\0') {
            return true;
        }
    }
    return false;
}

iso_status call_settings(const struct call *call, enum settings_route route,
                         struct settings *settings, struct iso_error *err)
{
    struct settings_source source = {.url = call_text(call, OPTION_cloud_url),
                                     .password_command =
                                         call_text(call, OPTION_cloud_password_command)};
    if (source.url == NULL && !environment_names_one()) {
        ISO_FAIL(BAD_ARGUMENT, err,
                 "no cloud is configured: set ISOBAR_CLOUD_URL=postgres://USER@HOST/DATABASE, "
                 "cloud_url in the configuration file, or libpq's PGHOST or PGSERVICE");
    }
    ISO_TRY(settings_init(settings, &source, route, err));
    if (settings->has_password_given && call_given(call, OPTION_cloud_url)) {
        settings_reset(settings);
        ISO_FAIL(BAD_ARGUMENT, err,
                 "a password in an argument can be seen by everybody on this machine; leave it "
                 "out of --cloud-url and use ISOBAR_CLOUD_URL, a password file (~/.pgpass) or "
                 "--cloud-password-command");
    }
    if (settings->warning[0] != '\0') {
        call_say(call, "isobar: warning: %s", settings->warning);
    }
    return ISO_OK;
}

static void override_time(const struct call *call, enum option_id id, int64_t *time_us)
{
    *time_us = call_has(call, id) ? call_integer(call, id) * 1000 : *time_us;
}

struct pool_profile call_profile(const struct call *call, const struct settings *settings)
{
    const struct pool_profile *named = pool_profile_named(call_text(call, OPTION_cloud_profile));
    struct pool_profile profile = named != NULL ? *named : pool_profile_for(settings);
    if (call_has(call, OPTION_cloud_pool_max)) {
        profile.max = (size_t)call_integer(call, OPTION_cloud_pool_max);
        profile.min = profile.min < profile.max ? profile.min : profile.max;
    }
    if (call_has(call, OPTION_cloud_pool_min)) {
        profile.min = (size_t)call_integer(call, OPTION_cloud_pool_min);
    }
    override_time(call, OPTION_cloud_acquire_ms, &profile.acquire_us);
    override_time(call, OPTION_cloud_connect_ms, &profile.connect_us);
    override_time(call, OPTION_cloud_command_ms, &profile.command_us);
    override_time(call, OPTION_cloud_idle_ms, &profile.idle_us);
    return profile;
}
