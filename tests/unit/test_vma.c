/* SPDX-License-Identifier: Apache-2.0
 *
 * The VMA index against a plain map of pages.
 * sources: guestkernel/mm/vma.c guestkernel/lib.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guestkernel/mm/vma.h"
#include "tests/unit/arch_stub.h"

#define PAGES 2000
#define LOW   16 /* pages that no search may use */

static struct mm mm;
static struct vma *owner[PAGES];

static int setup(void **state)
{
	memset(&mm, 0, sizeof(mm));
	memset(owner, 0, sizeof(owner));
	list_init(&mm.vmas);
	return 0;
}

static void add(u64 first, u64 count, u32 flags)
{
	struct vma *v = calloc(1, sizeof(*v));

	v->start = first * PAGE_SIZE;
	v->end = (first + count) * PAGE_SIZE;
	v->flags = flags;
	vma_insert(&mm, v);
	for (u64 i = first; i < first + count; i++)
		owner[i] = v;
}

static void drop(struct vma *v)
{
	for (u64 i = v->start / PAGE_SIZE; i < v->end / PAGE_SIZE; i++)
		owner[i] = NULL;
	vma_remove(v);
	free(v);
}

static int depth(const struct vma *v)
{
	return v ? 1 + MAX(depth(v->left), depth(v->right)) : 0;
}

static u64 plain_find_gap(u64 count, u64 low, u64 high)
{
	for (u64 at = high; at >= low + count; at--) {
		bool free = true;

		for (u64 i = at - count; free && i < at; i++)
			free = !owner[i];
		if (free)
			return (at - count) * PAGE_SIZE;
	}
	return 0;
}

static void check_against_map(void)
{
	unsigned count = 0;
	u64 pages = 0;

	for (u64 i = 0; i < PAGES; i++) {
		struct vma *want = NULL;

		for (u64 k = i; k < PAGES && !want; k++)
			want = owner[k];
		if (i % 17 == 0)
			assert_ptr_equal(vma_find(&mm, i * PAGE_SIZE + 5), want);
		count += owner[i] && (!i || owner[i - 1] != owner[i]);
		pages += owner[i] != NULL;
	}
	assert_int_equal(mm.count, count);
	assert_int_equal(mm.total_pages, pages);
}

static void random_sets_match_a_map(void **state)
{
	srand(3);
	for (int step = 0; step < 20000; step++) {
		u64 first = LOW + (u64)rand() % (PAGES - LOW - 30), count = 1 + (u64)rand() % 30;
		struct vma *v = owner[first];

		if (v && rand() % 3 == 0) {
			drop(v);
		} else if (v && rand() % 2) { /* shrink, or grow into what is free */
			u64 from = v->start / PAGE_SIZE, to = v->end / PAGE_SIZE;

			if (rand() % 2 && to - from > 1)
				owner[from++] = NULL;
			else if (to < PAGES && !owner[to])
				owner[to++] = v;
			vma_resize(v, from * PAGE_SIZE, to * PAGE_SIZE);
		} else if (!v) {
			bool free = true;

			for (u64 i = first; i < first + count; i++)
				free &= !owner[i];
			assert_int_equal(vma_range_free(&mm, first * PAGE_SIZE, (first + count) * PAGE_SIZE), free);
			if (free)
				add(first, count, 0);
		}
		u64 want = 1 + (u64)rand() % 60, high = PAGES - (u64)rand() % 300;

		if (step % 10 == 0)
			assert_int_equal(vma_find_gap(&mm, want * PAGE_SIZE, LOW * PAGE_SIZE, high * PAGE_SIZE),
					 plain_find_gap(want, LOW, high));
		if (step % 100 == 0)
			check_against_map();
	}
	while (!list_empty(&mm.vmas))
		drop(list_first(&mm.vmas, struct vma, link));
	assert_null(mm.root);
	assert_int_equal(mm.total_pages, 0);
}

static void it_stays_flat_in_any_order(void **state)
{
	for (u64 i = 0; i < 900; i++)
		add(LOW + i * 2, 1, 0);
	assert_true(depth(mm.root) <= 14);
	for (u64 i = 0; i < 450; i++)
		drop(owner[LOW + i * 2]);
	assert_true(depth(mm.root) <= 13);
	while (!list_empty(&mm.vmas))
		drop(list_last(&mm.vmas, struct vma, link));
}

static void neighbours_are_known(void **state)
{
	add(20, 2, 0);
	add(40, 2, 0);
	add(30, 2, 0);
	assert_ptr_equal(vma_next(owner[20]), owner[30]);
	assert_ptr_equal(vma_prev(owner[40]), owner[30]);
	assert_null(vma_prev(owner[20]));
	assert_null(vma_next(owner[40]));
	while (!list_empty(&mm.vmas))
		drop(list_first(&mm.vmas, struct vma, link));
}

static void stacks_keep_their_gap(void **state)
{
	u64 guard = STACK_GUARD / PAGE_SIZE, stack = 1000;

	add(stack, PAGES - stack, VMA_GROWSDOWN);
	assert_false(vma_range_free(&mm, (stack - 1) * PAGE_SIZE, stack * PAGE_SIZE));
	assert_true(vma_range_free(&mm, (stack - guard - 1) * PAGE_SIZE, (stack - guard) * PAGE_SIZE));
	assert_int_equal(vma_find_gap(&mm, PAGE_SIZE, LOW * PAGE_SIZE, PAGES * PAGE_SIZE),
			 (stack - guard - 1) * PAGE_SIZE);
	drop(owner[stack]);
}

static void there_may_be_no_gap(void **state)
{
	assert_int_equal(vma_find_gap(&mm, PAGE_SIZE, 5 * PAGE_SIZE, 5 * PAGE_SIZE), 0);
	assert_int_equal(vma_find_gap(&mm, 2 * PAGE_SIZE, 5 * PAGE_SIZE, 6 * PAGE_SIZE), 0);
	assert_int_equal(vma_find_gap(&mm, ~0ul & PAGE_MASK, 5 * PAGE_SIZE, USER_END), 0);
	assert_int_equal(vma_find_gap(&mm, PAGE_SIZE, 5 * PAGE_SIZE, 6 * PAGE_SIZE), 5 * PAGE_SIZE);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(random_sets_match_a_map, setup),
	    cmocka_unit_test_setup(it_stays_flat_in_any_order, setup),
	    cmocka_unit_test_setup(neighbours_are_known, setup),
	    cmocka_unit_test_setup(stacks_keep_their_gap, setup),
	    cmocka_unit_test_setup(there_may_be_no_gap, setup),
	};

	return cmocka_run_group_tests_name("vma", tests, NULL, NULL);
}
