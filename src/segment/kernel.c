/* SPDX-License-Identifier: Apache-2.0 */
#include "segment/kernel.h"

#include <stdatomic.h>

extern const struct kernel kernel_portable;
#ifdef __x86_64__
extern const struct kernel kernel_avx2;
extern const struct kernel kernel_avx512;
#endif

const struct kernel *const kernel_table[] = {
#ifdef __x86_64__
    &kernel_avx512, &kernel_avx2,
#endif
    &kernel_portable, NULL};

const struct kernel *kernel_best(void)
{
    static const struct kernel *_Atomic chosen;
    const struct kernel *kernel = atomic_load_explicit(&chosen, memory_order_relaxed);
    if (kernel == NULL) {
        size_t i = 0;
        while (kernel_table[i + 1] != NULL && !kernel_table[i]->available()) {
            i++;
        }
        kernel = kernel_table[i];
        atomic_store_explicit(&chosen, kernel, memory_order_relaxed);
    }
    return kernel;
}
