/* SPDX-License-Identifier: Apache-2.0 */
/* Keeping a store in order, by hand or from cron. Each step can be killed anywhere and run again.
 */
#include "cli/command.h"

#include <string.h>

struct maintenance {
    struct call *call;
    struct store *store;
    struct json *json;
    struct text *plain;
};

static iso_status run_seal(struct maintenance *maintenance, struct iso_error *err)
{
    size_t sealed;
    ISO_TRY(store_seal(maintenance->store, NULL, &sealed, err));
    json_add_integer(maintenance->json, "sealed_bars", (int64_t)sealed);
    text_addf(maintenance->plain, "seal: %zu bars packed\n", sealed);
    return ISO_OK;
}

static iso_status run_collect(struct maintenance *maintenance, struct iso_error *err)
{
    struct collect_report report;
    int64_t grace_us = call_integer(maintenance->call, OPTION_grace_seconds) * 1000000;
    ISO_TRY(store_collect(maintenance->store, grace_us, &report, err));
    json_add_integer(maintenance->json, "collected_files", (int64_t)report.files);
    json_add_integer(maintenance->json, "collected_bytes", (int64_t)report.bytes);
    json_add_integer(maintenance->json, "orphans", (int64_t)report.orphans);
    text_addf(maintenance->plain, "collect: %zu files of %zu bytes deleted, %zu of them orphans\n",
              report.files, report.bytes, report.orphans);
    return ISO_OK;
}

static iso_status run_checkpoint(struct maintenance *maintenance, struct iso_error *err)
{
    ISO_TRY(store_checkpoint(maintenance->store, err));
    text_addf(maintenance->plain, "checkpoint: done\n");
    return ISO_OK;
}

/* In the order in which they help each other: sealing retires segments. */
static const struct {
    const char *name;
    iso_status (*run)(struct maintenance *maintenance, struct iso_error *err);
} steps[] = {{"seal", run_seal}, {"collect", run_collect}, {"checkpoint", run_checkpoint}};
enum { STEP_COUNT = sizeof steps / sizeof steps[0] };

static bool is_named(const struct call *call, const char *step)
{
    for (int i = 0; i < call->argument_count; i++) {
        if (strcmp(call->arguments[i], step) == 0) {
            return true;
        }
    }
    return call->argument_count == 0;
}

static iso_status check_steps(const struct call *call, struct iso_error *err)
{
    for (int i = 0; i < call->argument_count; i++) {
        bool known = false;
        for (size_t j = 0; j < STEP_COUNT; j++) {
            known = known || strcmp(call->arguments[i], steps[j].name) == 0;
        }
        if (!known) {
            ISO_FAIL(BAD_ARGUMENT, err, "there is no step \"%.40s\"; isobar maintain takes %s",
                     call->arguments[i], call->command->arguments);
        }
    }
    return ISO_OK;
}

iso_status command_maintain(struct call *call, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(text_reset) struct text plain = {0};
    struct json json = {.text = &text};
    ISO_TRY(check_steps(call, err));
    ISO_TRY(call_store(call, STORE_CHANGE, &store, err));
    struct maintenance maintenance = {call, store, &json, &plain};
    result_json_begin(&json);
    for (size_t i = 0; i < STEP_COUNT; i++) {
        if (is_named(call, steps[i].name)) {
            ISO_TRY(steps[i].run(&maintenance, err));
        }
    }
    return call_flag(call, OPTION_json) ? result_json_end(&json, err) : result_write(&plain, err);
}
