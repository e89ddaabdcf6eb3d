/* SPDX-License-Identifier: Apache-2.0
 *
 * Kernel objects.
 * sources: guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/lib.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guestkernel/mm/page.h"
#include "tests/unit/arch_stub.h"

#define MEMORY (64ul << 20)

static int setup(void **state)
{
	stub_init(MEMORY);
	page_init(1ul << 20, MEMORY, MEMORY);
	return 0;
}
static int teardown(void **state)
{
	stub_exit();
	return 0;
}

static u64 free_frames(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.free;
}

static void sizes_at_the_edges(void **state)
{
	assert_null(kmalloc(0));
	assert_null(kmalloc((1ul << 20) + 1));
	assert_null(kmalloc(~0ul));
	for (size_t n = 1; n <= 1ul << 20; n = n < 4200 ? n + 1 : n * 2 - 4096) {
		u8 *p = kmalloc(n);

		assert_non_null(p);
		assert_int_equal((uintptr_t)p % 16, 0);
		memset(p, 0xee, n);
		kfree(p);
	}
	kfree(NULL);
}

static void zeroed_after_use(void **state)
{
	for (size_t n = 8; n <= 65536; n *= 2) {
		u8 *p = kmalloc(n);

		memset(p, 0xff, n);
		kfree(p);
		p = kzalloc(n);
		for (size_t i = 0; i < n; i++)
			assert_int_equal(p[i], 0);
		kfree(p);
	}
}

static void kcalloc_checks_overflow(void **state)
{
	assert_null(kcalloc(1ul << 33, 1ul << 31));
	assert_null(kcalloc(~0ul, 2));
	void *p = kcalloc(10, 10);

	assert_non_null(p);
	kfree(p);
}

static void krealloc_keeps_contents(void **state)
{
	u8 *p = NULL;

	for (size_t n = 1; n < 200000; n = n * 3 / 2 + 1) {
		p = krealloc(p, n);
		assert_non_null(p);
		for (size_t i = 0; i < n * 2 / 3; i++)
			if (i < (n - 1) * 2 / 3)
				assert_int_equal(p[i], (u8)(i * 7));
		for (size_t i = 0; i < n; i++)
			p[i] = (u8)(i * 7);
	}
	p = krealloc(p, 10);
	for (size_t i = 0; i < 10; i++)
		assert_int_equal(p[i], (u8)(i * 7));
	kfree(p);
}

static void strings_are_copied(void **state)
{
	char *s = kstrdup("hello");

	assert_string_equal(s, "hello");
	kfree(s);
}

static void memory_runs_out_and_comes_back(void **state)
{
	u64 before = free_frames(), n = 0;
	void **all = malloc(sizeof(void *) * (MEMORY / 512));

	while ((all[n] = kmalloc(512)))
		n++;
	assert_true(n > MEMORY / 512 * 9 / 10);
	for (u64 i = 0; i < n; i++)
		kfree(all[i]);
	assert_true(before - free_frames() <= 1);
	free(all);
}

/* Each object holds its own pattern until it is freed. */
static void random_use_keeps_objects_apart(void **state)
{
	enum { SLOTS = 1000 };
	static u8 *p[SLOTS];
	static size_t size[SLOTS];

	srand(2);
	for (int step = 0; step < 100000; step++) {
		int i = rand() % SLOTS;

		if (p[i]) {
			assert_int_equal(p[i][0], (u8)i);
			assert_int_equal(p[i][size[i] / 2], (u8)i);
			assert_int_equal(p[i][size[i] - 1], (u8)i);
			kfree(p[i]);
			p[i] = NULL;
			continue;
		}
		size[i] = (size_t)(rand() % 50 ? rand() % 2500 : rand() % 100000) + 1;
		p[i] = kmalloc(size[i]);
		if (p[i])
			memset(p[i], i, size[i]);
	}
	for (int i = 0; i < SLOTS; i++) {
		kfree(p[i]);
		p[i] = NULL;
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(sizes_at_the_edges),
	    T(zeroed_after_use),
	    T(kcalloc_checks_overflow),
	    T(krealloc_keeps_contents),
	    T(strings_are_copied),
	    T(memory_runs_out_and_comes_back),
	    T(random_use_keeps_objects_apart),
	};

	return cmocka_run_group_tests_name("kmalloc", tests, NULL, NULL);
}
