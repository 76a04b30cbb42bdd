/* SPDX-License-Identifier: Apache-2.0 */
/* Work shared by a few threads. */
#ifndef BASE_THREADS_H
#define BASE_THREADS_H

#include "base/status.h"

enum { THREADS_MAX = 256 };

/* One item of work; worker_index < thread_count names the thread, for work areas of its own. */
typedef iso_status threads_work(void *context, size_t item_index, size_t worker_index,
                                struct iso_error *err);

/*
 * Do work for every item_index in [0, item_count) on thread_count threads, the caller's being one.
 * Items are taken in rising order, each once. After a failure no new item is begun; the failure of
 * the lowest item that failed is returned.
 */
iso_status threads_run(size_t thread_count, size_t item_count, threads_work *work, void *context,
                       struct iso_error *err);

#endif
