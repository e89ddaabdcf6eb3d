/* SPDX-License-Identifier: Apache-2.0
 *
 * The guest's random numbers: the cipher against RFC 8439's vectors, and what callers may rely on.
 * sources: guestkernel/drv/random.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#include "guestkernel/drv/random.h"
#include "guestkernel/lib.h"
#include "tests/unit/arch_stub.h"

/* RFC 8439, appendix A.1, test vectors 1 and 2. */
static void chacha20_matches_the_standard(void **state)
{
	static const u32 zero_key[8];
	static const u32 first[16] = {0xade0b876, 0x903df1a0, 0xe56a5d40, 0x28bd8653, 0xb819d2bd, 0x1aed8da0,
				      0xccef36a8, 0xc70d778b, 0x7c5941da, 0x8d485751, 0x3fe02477, 0x374ad8b8,
				      0xf4b8436a, 0x1ca11815, 0x69b687c3, 0x8665eeb2};
	static const u32 second[4] = {0xbee7079f, 0x7a385155, 0x7c97ba98, 0x0d082d73};
	u32 out[16];

	chacha20_block(zero_key, 0, out);
	assert_memory_equal(out, first, sizeof(first));
	chacha20_block(zero_key, 1, out);
	assert_memory_equal(out, second, sizeof(second));
}

static void output_never_repeats_and_fills_the_buffer(void **state)
{
	u8 a[300] = {0}, b[300] = {0}, guard;
	int zeros = 0;

	random_bytes(a, sizeof(a));
	random_bytes(b, sizeof(b));
	assert_memory_not_equal(a, b, 64);
	assert_memory_not_equal(a, a + 64, 64);
	for (size_t i = 0; i < sizeof(a); i++)
		zeros += !a[i];
	assert_true(zeros < 20);
	a[5] = guard = 0x5a;
	random_bytes(a, 5);
	assert_int_equal(a[5], guard);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(chacha20_matches_the_standard),
	    cmocka_unit_test(output_never_repeats_and_fills_the_buffer),
	};

	stub_init(1 << 20);
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	stub_exit();
	return failed;
}
