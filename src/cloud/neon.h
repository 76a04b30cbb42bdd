/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Neon's management API, version 2: endpoints (suspend, limits), branches, restore, snapshots,
 * consumption. One project at a time; one thread at a time.
 *
 * Requests are paced below Neon's limits. What is safe to repeat is repeated: reads, and whatever
 * was answered with 423 (another operation is under way), 429 or 503, after the pause that the
 * answer asks for or a jittered one. Changes are done when their operations are.
 */
#ifndef CLOUD_NEON_H
#define CLOUD_NEON_H

#include "base/os.h"

enum { NEON_ID_BYTES = 72, NEON_NAME_BYTES = 264, NEON_LIST_MAX = 512 };

struct neon_config {
    const char *url;     /* NULL: https://console.neon.tech/api/v2 */
    const char *key;     /* never in a message */
    const char *project; /* its id, as cold-poetry-09157238 */
    int64_t request_us;  /* limit of one request; 0: 30 s */
    int64_t total_us;    /* limit of a call, its retries and operations included; 0: 300 s */
};

struct neon;
/* Fails with BAD_ARGUMENT (no key or project, or an id that is none), OUT_OF_MEMORY. */
iso_status neon_open(const struct neon_config *config, const struct os *os, struct neon **neon,
                     struct iso_error *err);
void neon_close(struct neon **neon);

/*
 * All calls fail with AUTHENTICATION (401, 403), NOT_FOUND (404), BAD_ARGUMENT (other 4xx),
 * QUOTA (402), CLOUD_DOWN (no answer, 423, 429 or 503 for too long), CLOUD_UNKNOWN (a change was
 * sent and no answer came, or its operations did not end in time), CLOUD_REFUSED (an operation
 * failed), BAD_FORMAT (no JSON, or not of the form of Neon's), TLS.
 */

struct neon_endpoint {
    char id[NEON_ID_BYTES];
    char host[NEON_NAME_BYTES];
    char branch_id[NEON_ID_BYTES];
    char state[32]; /* init, active, idle */
    double min_cu;
    double max_cu;
    int64_t suspend_seconds; /* 0: the default, -1: never */
    bool disabled;
};
/* At most NEON_LIST_MAX; *endpoints is the caller's (free). */
iso_status neon_endpoints(struct neon *neon, struct neon_endpoint **endpoints, size_t *count,
                          struct iso_error *err);
/* Stop the compute now, which ends its connections and its cost. */
iso_status neon_suspend(struct neon *neon, const char *endpoint_id, struct iso_error *err);
struct neon_limits {
    double min_cu; /* 0: as it is */
    double max_cu;
    const int64_t *suspend_seconds; /* NULL: as it is */
};
iso_status neon_limit(struct neon *neon, const char *endpoint_id, const struct neon_limits *limits,
                      struct iso_error *err);

struct neon_branch {
    char id[NEON_ID_BYTES];
    char name[NEON_NAME_BYTES];
    char parent_id[NEON_ID_BYTES]; /* "" for a root */
    char state[32];
    bool is_default;
    int64_t logical_bytes;
};
iso_status neon_branches(struct neon *neon, struct neon_branch **branches, size_t *count,
                         struct iso_error *err);
/* From the default branch as it is (at_us 0) or was at that time, with a compute of its own. */
iso_status neon_branch_create(struct neon *neon, const char *name, int64_t at_us,
                              struct neon_branch *made, struct iso_error *err);
/* Deleting what is gone already is a success. */
iso_status neon_branch_delete(struct neon *neon, const char *branch_id, struct iso_error *err);
/*
 * Put the branch back to how it was at a time; what it is now stays under the name kept_as. Hosts
 * stay the same, connections are cut.
 */
iso_status neon_restore(struct neon *neon, const char *branch_id, int64_t at_us,
                        const char *kept_as, struct iso_error *err);
iso_status neon_snapshot(struct neon *neon, const char *branch_id, const char *name,
                         char id[NEON_ID_BYTES], struct iso_error *err);

/* One figure of one period, in the metric's unit. */
struct neon_usage {
    char from[40];
    char to[40];
    char metric[64];
    double value;
};
typedef iso_status neon_visit(void *context, const struct neon_usage *usage, struct iso_error *err);
/* Consumption of the project in an organisation, by the day; paid plans only. */
iso_status neon_consumption(struct neon *neon, const char *organisation, int64_t from_us,
                            int64_t to_us, neon_visit *visit, void *context, struct iso_error *err);

#endif
