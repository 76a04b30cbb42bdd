/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Where an export goes: standard output ("-"), something that is no regular file and is written
 * through, or a file, written beside its place, fsynced and renamed, so that path is at any time
 * the old file or the whole new one.
 */
#ifndef LOCAL_EXPORT_SINK_H
#define LOCAL_EXPORT_SINK_H

#include "base/os.h"
#include "base/text.h"

/* temporary is NULL for standard output and for what is no regular file. */
struct sink {
    const struct os *os;
    const char *path;
    char *target; /* path with links followed */
    char *temporary;
    int file;
    bool published;
};

/* Begin to write path. *sink is set; sink_close releases it, and removes what was not published. */
iso_status sink_open(struct sink *sink, const struct os *os, const char *path,
                     struct iso_error *err);
void sink_close(struct sink *sink);
iso_status sink_write(struct sink *sink, const struct text *text, struct iso_error *err);
/* After somebody else wrote to sink->temporary, by its name: take hold of what lies there now. */
iso_status sink_reopen(struct sink *sink, struct iso_error *err);
/* Make what was written the file, durably. */
iso_status sink_publish(struct sink *sink, struct iso_error *err);

#endif
