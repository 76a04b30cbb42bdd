/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Any bytes as what a person types: statements of SQL, and a call of an indicator. What must hold:
 * statements part the text without a gap, a complete one holds one semicolon that ends it, and an
 * indicator that was understood has parameters in their range and a name that fits.
 */
#include "local/sql_text.h"
#include "signal/catalog.h"

#include <stdint.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_statement(const char *statement, size_t length, bool complete)
{
    ISO_DEFER(text_reset) struct text text = {0};
    bool again = false;
    sql_add_statement(&text, statement, length);
    const char *single = text_get(&text);
    ISO_ASSERT(sql_statement_length(single, &again) == strlen(single));
    ISO_ASSERT(!again); /* its semicolon was taken away, and there was no other */
    ISO_ASSERT(!complete || statement[length - 1] == ';');
    ISO_ASSERT(!sql_is_blank(statement, length) || sql_is_blank(single, strlen(single)));
    (void)sql_has_word(single, "bars");
}

static void check_statements(const char *text)
{
    bool complete = true;
    const char *at = text;
    while (*at != '\0') {
        size_t length = sql_statement_length(at, &complete);
        ISO_ASSERT(length > 0 && length <= strlen(at));
        check_statement(at, length, complete);
        at += length;
        ISO_ASSERT(complete || *at == '\0');
    }
}

static void check_indicator(const char *text)
{
    struct indicator_call call;
    struct iso_error err;
    if (iso_failed(indicator_parse(text, &call, &err))) {
        ISO_ASSERT(err.text[0] != '\0');
        return;
    }
    for (size_t i = 0; i < INDICATOR_PARAMETERS_MAX && call.row->parameters[i].name != NULL; i++) {
        ISO_ASSERT(call.parameters[i] >= call.row->parameters[i].min);
        ISO_ASSERT(call.parameters[i] <= call.row->parameters[i].max);
    }
    for (size_t j = 0; j < indicator_outputs(&call); j++) {
        char label[INDICATOR_LABEL_BYTES];
        indicator_label(&call, j, label);
        ISO_ASSERT(strlen(label) + 1 < sizeof label);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    ISO_DEFER(mem_defer_free) char *text = malloc(size + 1);
    ISO_ASSERT(text != NULL);
    if (size > 0) {
        memcpy(text, data, size);
    }
    text[size] = '\0';
    check_statements(text);
    check_indicator(text);
    return 0;
}
