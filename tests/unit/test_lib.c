/* SPDX-License-Identifier: Apache-2.0
 *
 * Formatted text and the memory and string functions of the guest kernel, renamed so that the C library keeps its own.
 * sources: guestkernel/lib.c guestkernel/arch/string.S
 * flags: -U_FORTIFY_SOURCE -fno-builtin -D__GUEST__ -Dmemcpy=k_memcpy -Dmemmove=k_memmove -Dmemset=k_memset -Dmemcmp=k_memcmp -Dmemchr=k_memchr -Dstrlen=k_strlen -Dstrnlen=k_strnlen -Dstrcmp=k_strcmp -Dstrncmp=k_strncmp -Dstrchr=k_strchr -Dstrrchr=k_strrchr
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <cmocka.h>
#include "guestkernel/lib.h"

static u8 a[2048], b[2048];

static void fill(u8 *p, size_t n, unsigned seed)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (u8)((seed += 12345) * 1103515245u >> 16);
}

static void memcpy_copies_exactly_n_bytes(void **state)
{
	for (size_t n = 0; n < 700; n++) {
		fill(a, sizeof(a), n + 1);
		fill(b, sizeof(b), n + 2);
		u8 before = b[7], after = b[8 + n];
		assert_ptr_equal(memcpy(b + 8, a + 3, n), b + 8);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(b[8 + i], a[3 + i]);
		assert_int_equal(b[7], before);
		assert_int_equal(b[8 + n], after);
	}
}

static void memmove_handles_overlap_in_both_directions(void **state)
{
	for (size_t n = 0; n < 400; n++) {
		for (int shift = -40; shift <= 40; shift += 3) {
			fill(a, sizeof(a), n);
			fill(b, sizeof(b), n);
			assert_ptr_equal(memmove(a + 100 + shift, a + 100, n), a + 100 + shift);
			for (size_t i = 0; i < n; i++)
				assert_int_equal(a[100 + shift + i], b[100 + i]);
			assert_int_equal(a[100 + shift + n + (shift < 0 ? 60 : 0)],
					 b[100 + shift + n + (shift < 0 ? 60 : 0)]);
		}
	}
}

static void memset_sets_exactly_n_bytes(void **state)
{
	for (size_t n = 0; n < 700; n++) {
		fill(a, sizeof(a), n);
		u8 before = a[4], after = a[5 + n];
		assert_ptr_equal(memset(a + 5, 0x1c3, n), a + 5);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(a[5 + i], 0xc3);
		assert_int_equal(a[4], before);
		assert_int_equal(a[5 + n], after);
	}
}

static void comparisons_order_like_the_standard(void **state)
{
	assert_int_equal(memcmp("abcdefghij", "abcdefghij", 10), 0);
	assert_true(memcmp("abcdefghij", "abcdefghiz", 10) < 0);
	assert_true(memcmp("\xff", "\x01", 1) > 0);
	assert_int_equal(strcmp("a", "a"), 0);
	assert_true(strcmp("a", "ab") < 0);
	assert_true(strcmp("\xff", "a") > 0);
	assert_int_equal(strncmp("abc", "abd", 2), 0);
	assert_true(strncmp("abc", "abd", 3) < 0);
	assert_int_equal(strncmp("a", "a", 10), 0);
	assert_int_equal(strlen("four"), 4);
	assert_int_equal(strnlen("four", 2), 2);
	const char *s = "a/b/c";
	assert_ptr_equal(strchr(s, '/'), s + 1);
	assert_ptr_equal(strrchr(s, '/'), s + 3);
	assert_ptr_equal(strchr(s, 0), s + 5);
	assert_null(strchr(s, 'x'));
	assert_null(strrchr(s, 'x'));
	assert_ptr_equal(memchr(s, 'b', 5), s + 2);
	assert_null(memchr(s, 'c', 4));
}

/* The same arguments through ksnprintf and the C library's snprintf. */
#define same_as_libc(...)                                                                                              \
	do {                                                                                                           \
		char mine[128], libc[128];                                                                             \
		int n = ksnprintf(mine, sizeof(mine), __VA_ARGS__);                                                    \
		assert_int_equal(n, snprintf(libc, sizeof(libc), __VA_ARGS__));                                        \
		assert_string_equal(mine, libc);                                                                       \
	} while (0)

static void printf_agrees_with_libc(void **state)
{
	same_as_libc("%d %i %u %x %X %o %c %%", -5, 7, 4000000000u, 0xabcu, 0xABCu, 8u, 'z');
	same_as_libc("%ld %lu %lx %zu", -9223372036854775807l - 1, ~0ul, ~0ul, (size_t)77);
	same_as_libc("%hhd %hu %hhx", (signed char)-1, (unsigned short)65535, (unsigned char)0xfe);
	same_as_libc("[%5d][%-5d][%05d][%.3d][%8.3d][%-8.3d]", 42, 42, -42, 7, 7, -7);
	same_as_libc("[%s][%10s][%-10s][%.2s][%*s]", "abc", "abc", "abc", "abc", 6, "x");
	same_as_libc("[%*d][%.*d]", -6, 3, 4, 5);
	same_as_libc("%p", (void *)0x1234);
	same_as_libc("%.0d|%d", 0, 0);
}

static void printf_truncates_and_reports_the_whole_length(void **state)
{
	char buf[6] = "?????";

	assert_int_equal(ksnprintf(buf, 5, "%s", "longer"), 6);
	assert_string_equal(buf, "long");
	assert_int_equal(buf[5], 0);
	assert_int_equal(ksnprintf(NULL, 0, "%d", 1234), 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(memcpy_copies_exactly_n_bytes),
	    cmocka_unit_test(memmove_handles_overlap_in_both_directions),
	    cmocka_unit_test(memset_sets_exactly_n_bytes),
	    cmocka_unit_test(comparisons_order_like_the_standard),
	    cmocka_unit_test(printf_agrees_with_libc),
	    cmocka_unit_test(printf_truncates_and_reports_the_whole_length),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
