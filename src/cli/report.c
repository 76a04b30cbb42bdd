/* SPDX-License-Identifier: Apache-2.0 */
#include "evolve/report.h"
#include "cli/evolving.h"
#include "store/snapshot.h"

#include <string.h>

/* The bars the run was made on: its snapshot, by name, with the same root. */
static iso_status load(const struct call *call, const struct run *run, struct bars *bars,
                       struct iso_error *err)
{
    struct snapshot snapshot;
    ISO_DEFER(coverage_reset) struct coverage coverage = {0};
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    ISO_TRY(snapshot_find(store, run->terms.snapshot, &snapshot, NULL, err));
    if (strcmp(snapshot.root, run->terms.root) != 0) {
        ISO_FAIL(BAD_ARGUMENT, err, "snapshot %s has root %s, the run was made on %s",
                 run->terms.snapshot, snapshot.root, run->terms.root);
    }
    return snapshot_read(store, run->terms.snapshot, &run->terms.series, bars, &coverage, err);
}

static iso_status print_json(const struct run *run, const char *path, size_t bytes,
                             struct iso_error *err)
{
    char hash[HASH_HEX_BYTES];
    ISO_DEFER(text_reset) struct text text = {0};
    struct json json = {.text = &text};
    hash_hex(run->hash, hash);
    result_json_begin(&json);
    json_string(&json, "run", run->id);
    json_string(&json, "result_hash", hash);
    json_integer(&json, "generation", run->generations_done);
    json_string(&json, "file", path);
    json_integer(&json, "bytes", (int64_t)bytes);
    return result_json_end(&json, err);
}

iso_status command_report(struct call *call, struct iso_error *err)
{
    struct run run;
    const char *path = NULL;
    ISO_DEFER(board_close) struct board *board = NULL;
    ISO_DEFER(bars_reset) struct bars bars = {0};
    ISO_DEFER(text_reset) struct text html = {0};
    ISO_TRY(call_require(call, OPTION_output, &path, err));
    ISO_TRY(call_board(call, BOARD_READ, &board, err));
    ISO_TRY(board_find(board, call->arguments[0], &run, err));
    ISO_TRY(load(call, &run, &bars, err));
    ISO_TRY(report_add(board, &run, &bars, &html, err));
    ISO_TRY(output_write(path, &html, err));
    bool to_file = strcmp(path, "-") != 0;
    if (to_file && call_flag(call, OPTION_json)) {
        return print_json(&run, path, html.length, err);
    }
    if (to_file) {
        call_say(call, "isobar: wrote %s, %zu bytes", path, html.length);
    }
    return ISO_OK;
}
