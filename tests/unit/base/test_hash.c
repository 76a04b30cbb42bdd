/* SPDX-License-Identifier: Apache-2.0 */
#include "../test.h"

#include "base/hash.h"

#include <string.h>

/* Oracle: xxHash 0.8.1, xxh128sum of the empty file and of the byte "a". */
static void the_hash_is_xxh3_with_128_bits_high_word_first(void **state)
{
    (void)state;
    char hex[HASH_HEX_BYTES];
    hash_hex(hash_bytes("", 0), hex);
    assert_string_equal(hex, "99aa06d3014798d86001c324468d497f");
    hash_hex(hash_bytes("a", 1), hex);
    assert_string_equal(hex, "a96faf705af16834e6c632b61e964e1f");
}

static void hexadecimal_reads_back_and_anything_else_is_refused(void **state)
{
    (void)state;
    struct hash128 hash = hash_bytes("bars", 4);
    struct hash128 back = {0, 0};
    char hex[HASH_HEX_BYTES];
    hash_hex(hash, hex);
    assert_true(hash_parse(hex, &back));
    assert_true(hash_equal(hash, back));
    static const char *const refused[] = {"",
                                          "12",
                                          "99aa06d3014798d86001c324468d497",
                                          "99aa06d3014798d86001c324468d497f0",
                                          "99aa06d3014798d86001c324468d497g",
                                          "-9aa06d3014798d86001c324468d497f"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        assert_false(hash_parse(refused[i], &back));
        assert_true(hash_equal(hash, back));
    }
}

static void pieces_hash_like_the_whole(void **state)
{
    (void)state;
    unsigned char bytes[5000];
    for (size_t i = 0; i < sizeof bytes; i++) {
        bytes[i] = (unsigned char)(i * 7 + i / 251);
    }
    struct iso_error err = {0};
    for (size_t piece = 1; piece < sizeof bytes; piece = piece * 3 + 1) {
        ISO_DEFER(hasher_free) struct hasher *hasher = NULL;
        assert_ok(hasher_new(&hasher, &err));
        for (size_t at = 0; at < sizeof bytes; at += piece) {
            size_t rest = sizeof bytes - at;
            hasher_add(hasher, bytes + at, rest < piece ? rest : piece);
        }
        assert_true(hash_equal(hasher_result(hasher), hash_bytes(bytes, sizeof bytes)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hash_is_xxh3_with_128_bits_high_word_first),
        cmocka_unit_test(hexadecimal_reads_back_and_anything_else_is_refused),
        cmocka_unit_test(pieces_hash_like_the_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
