/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/command.h"
#include "market/time.h"

struct verification {
    struct call *call;
    struct json json;
    size_t problems;
};

static iso_status note_problem(void *context, const struct problem *problem, struct iso_error *err)
{
    struct verification *verification = context;
    const struct interval *interval = problem->series.interval;
    const char *name = interval != NULL ? interval->name : "";
    char period[TIME_TEXT_BYTES] = "";
    if (interval != NULL) {
        (void)time_format(problem->period.from_us, period);
    }
    (void)err;
    verification->problems++;
    ISO_DEFER(text_reset) struct text series = {0};
    text_addf(&series, "%s%s%s", problem->series.symbol, name[0] != '\0' ? ":" : "", name);
    json_begin_object(&verification->json, NULL);
    json_add_string(&verification->json, "kind", problem->kind);
    json_add_string(&verification->json, "series", text_get(&series));
    json_add_string(&verification->json, "period", period);
    json_add_string(&verification->json, "tier", "local");
    json_add_string(&verification->json, "text", problem->text);
    json_end_object(&verification->json);
    call_say(verification->call, "isobar: %s: %s %s: %s", problem->kind, text_get(&series), period,
             problem->text);
    return ISO_OK;
}

/* A catalog that cannot even be opened is a problem like others. */
static iso_status check(struct call *call, struct verification *verification, size_t *checked,
                        struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    struct iso_error why = {0};
    iso_status status = call_store(call, STORE_READ, &store, &why);
    if (iso_status_code(status) == ISO_ERROR_CORRUPT) {
        struct problem problem = {.kind = "catalog", .text = why.text};
        return note_problem(verification, &problem, err);
    }
    if (iso_failed(status)) {
        *err = why;
        return status;
    }
    return store_verify(store, call_flag(call, OPTION_deep), checked, note_problem, verification,
                        err);
}

iso_status command_verify(struct call *call, struct iso_error *err)
{
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_DEFER(text_reset) struct text plain = {0};
    struct verification verification = {.call = call, .json = {.text = &text}};
    size_t checked = 0;
    result_json_begin(&verification.json);
    json_begin_array(&verification.json, "problems");
    ISO_TRY(check(call, &verification, &checked, err));
    json_end_array(&verification.json);
    json_add_integer(&verification.json, "checked", (int64_t)checked);
    call->exit_code = verification.problems > 0 ? ISO_CLASS_PROBLEM : ISO_CLASS_OK;
    if (call_flag(call, OPTION_json)) {
        return result_json_end(&verification.json, err);
    }
    text_addf(&plain, "%zu segments checked, %zu problems\n", checked, verification.problems);
    return result_write(&plain, err);
}
