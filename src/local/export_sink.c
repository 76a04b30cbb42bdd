/* SPDX-License-Identifier: Apache-2.0 */
#include "local/export_sink.h"

#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

void sink_close(struct sink *sink)
{
    if (sink->file > STDERR_FILENO) {
        (void)sink->os->close(sink->os->context, sink->file);
    }
    if (sink->temporary != NULL && !sink->published) {
        (void)sink->os->unlink(sink->os->context, sink->temporary);
    }
    free(sink->temporary);
    free(sink->target);
}

static iso_status sink_failed(const struct sink *sink, struct iso_error *err)
{
    ISO_FAIL(IO, err, "%s could not be written: %s", sink->path, strerror(errno));
}

iso_status sink_open(struct sink *sink, const struct os *os, const char *path,
                     struct iso_error *err)
{
    *sink = (struct sink){.os = os, .path = path, .file = -1};
    if (strcmp(sink->path, "-") == 0) {
        sink->file = STDOUT_FILENO;
        sink->path = "standard output";
        return ISO_OK;
    }
    bool regular;
    ISO_TRY(file_resolve(sink->path, &sink->target, &regular, err));
    if (!regular) {
        sink->file = sink->os->open(sink->os->context, sink->target, O_WRONLY, 0);
        return sink->file < 0 ? sink_failed(sink, err) : ISO_OK;
    }
    uint32_t chance;
    os_entropy(&chance, sizeof chance);
    int length = asprintf(&sink->temporary, "%s.tmp.%08x", sink->target, chance);
    if (length < 0) {
        sink->temporary = NULL;
        ISO_FAIL(OUT_OF_MEMORY, err, "no memory for a path");
    }
    sink->file =
        sink->os->open(sink->os->context, sink->temporary, O_WRONLY | O_CREAT | O_EXCL, 0666);
    if (sink->file < 0) {
        sink->published = true; /* nothing to remove */
        return sink_failed(sink, err);
    }
    return ISO_OK;
}

iso_status sink_write(struct sink *sink, const struct text *text, struct iso_error *err)
{
    ISO_TRY(text_check(text, err));
    for (size_t done = 0; done < text->length;) {
        ssize_t wrote =
            sink->os->write(sink->os->context, sink->file, text->data + done, text->length - done);
        if (wrote < 0 && errno == EINTR) {
            continue;
        }
        if (wrote <= 0) {
            errno = wrote == 0 ? EIO : errno;
            return sink_failed(sink, err);
        }
        done += (size_t)wrote;
    }
    return ISO_OK;
}

iso_status sink_reopen(struct sink *sink, struct iso_error *err)
{
    (void)sink->os->close(sink->os->context, sink->file);
    sink->file = sink->os->open(sink->os->context, sink->temporary, O_WRONLY, 0);
    return sink->file < 0 ? sink_failed(sink, err) : ISO_OK;
}

iso_status sink_publish(struct sink *sink, struct iso_error *err)
{
    if (sink->temporary == NULL) {
        return ISO_OK;
    }
    if (sink->os->fsync(sink->os->context, sink->file) != 0) {
        return sink_failed(sink, err);
    }
    int closed = sink->os->close(sink->os->context, sink->file);
    sink->file = -1;
    if (closed != 0 || sink->os->rename(sink->os->context, sink->temporary, sink->target) != 0) {
        return sink_failed(sink, err);
    }
    sink->published = true;
    return file_sync_directory(sink->os, sink->target, err);
}
