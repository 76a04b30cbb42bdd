/* SPDX-License-Identifier: Apache-2.0 */
#include "local/sql.h"

#include "cli/command.h"
#include "cli/sql_print.h"

iso_status command_sql(struct call *call, struct iso_error *err)
{
    ISO_DEFER(sql_printer_free) struct sql_printer *printer = NULL;
    ISO_DEFER(sql_close) struct sql *sql = NULL;
    struct sql_report report;
    const char *format = call_flag(call, OPTION_json) ? "json" : call_text(call, OPTION_format);
    ISO_TRY(sql_printer_new(call, format, &printer, err));
    ISO_TRY(sql_open(os_system(), call_text(call, OPTION_store), &sql, err));
    struct sql_sink sink = sql_printer_sink(printer);
    ISO_TRY(sql_run(sql, call->arguments[0], &sink, &report, err));
    ISO_TRY(sql_printer_end(printer, &report, err));
    if (call_flag(call, OPTION_explain)) {
        result_say_work(call, report.work);
    }
    call->exit_code = report.missing_count == 0 ? ISO_CLASS_OK : ISO_CLASS_PROBLEM;
    return ISO_OK;
}
