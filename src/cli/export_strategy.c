/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/evolving.h"

iso_status command_export_strategy(struct call *call, struct iso_error *err)
{
    struct run run;
    struct individual individual;
    ISO_DEFER(board_close) struct board *board = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    ISO_TRY(call_board(call, BOARD_READ, &board, err));
    ISO_TRY(board_named(board, call->arguments[0], &run, &individual, err));
    genome_format_json(&individual.genome, &text);
    text_add_char(&text, '\n');
    const char *path = call_has(call, OPTION_output) ? call_text(call, OPTION_output) : "-";
    return output_write(path, &text, err);
}
