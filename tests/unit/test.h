/* SPDX-License-Identifier: Apache-2.0 */
/* What every unit test includes: cmocka with the headers it wants, and asserts over the project's
 * own types. */
#ifndef TEST_H
#define TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* cmocka wants the above first */
#include <cmocka.h>

#include "base/status.h"

/* The call succeeds; the message of the failure is printed where it does not. err must be a struct
 * iso_error. */
#define assert_ok(call)                                                               \
    do {                                                                              \
        iso_status assert_status_ = (call);                                           \
        if (iso_failed(assert_status_)) {                                             \
            fail_msg("%s: %s: %s", #call, iso_status_name(assert_status_), err.text); \
            __builtin_unreachable(); /* cmocka jumps out */                           \
        }                                                                             \
    } while (0)

/* The call fails with the given code of the error table. */
#define assert_fails(call, code) assert_int_equal(iso_status_code(call), ISO_ERROR_##code)

#endif
