/* SPDX-License-Identifier: Apache-2.0 */
#include "cli/series_rows.h"

iso_status command_ls(struct call *call, struct iso_error *err)
{
    ISO_DEFER(store_close) struct store *store = NULL;
    ISO_DEFER(text_reset) struct text text = {0};
    struct listing listing;
    ISO_TRY(call_store(call, STORE_READ, &store, err));
    series_rows_begin(&listing, call, &text);
    iso_status status = store_each_series(store, series_rows_add, &listing, err);
    listing_end(&listing);
    ISO_TRY(status);
    if (listing.count == 0 && !listing.is_json) {
        call_say(call, "isobar: the store at %s is empty; \"isobar import FILE\" fills it",
                 store_directory(store));
        return ISO_OK;
    }
    return result_write(&text, err);
}
