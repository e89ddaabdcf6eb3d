/* SPDX-License-Identifier: Apache-2.0
 *
 * The frame allocator: blocks, references, what is known to be zero, giving memory back.
 * sources: guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/lib.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "tests/unit/arch_stub.h"

#define MEMORY	   (256ul << 20)
#define FREE_START (1ul << 20)

static int setup(void **state)
{
	stub_init(MEMORY);
	page_init(FREE_START, MEMORY, MEMORY);
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

static bool all_zero(const struct page *p, unsigned order)
{
	const u64 *w = page_virt(p);

	for (size_t i = 0; i < (PAGE_SIZE << order) / 8; i++)
		if (w[i])
			return false;
	return true;
}

static void blocks_are_aligned_and_distinct(void **state)
{
	for (unsigned order = 0; order <= ORDER_MAX; order++) {
		struct page *a = page_alloc(order, 0), *b = page_alloc(order, 0);

		assert_non_null(a);
		assert_non_null(b);
		assert_int_equal(page_addr(a) % (PAGE_SIZE << order), 0);
		assert_int_equal(page_addr(b) % (PAGE_SIZE << order), 0);
		assert_true(page_addr(a) + (PAGE_SIZE << order) <= page_addr(b) ||
			    page_addr(b) + (PAGE_SIZE << order) <= page_addr(a));
		assert_true(page_addr(a) >= FREE_START);
		page_put(a);
		page_put(b);
	}
	assert_null(page_alloc(ORDER_MAX + 1, 0));
}

static void everything_comes_back(void **state)
{
	u64 before = free_frames();
	struct page *p[3000];

	for (int i = 0; i < 3000; i++)
		assert_non_null(p[i] = page_alloc((unsigned)i % 4, 0));
	assert_int_equal(free_frames(), before - 750 * 15);
	for (int i = 0; i < 3000; i++)
		page_put(p[(i * 7) % 3000]);
	assert_int_equal(free_frames(), before);
	/* ... and merges: after all memory went as single frames, large blocks can be had. */
	u64 n = 0;
	struct page **all = malloc((before + 1) * sizeof(*all));

	while ((all[n] = page_alloc(0, ALLOC_ATOMIC)))
		n++;
	assert_int_equal(n, before);
	for (u64 i = 0; i < n; i++)
		page_put(all[i]);
	struct page *big = page_alloc(ORDER_MAX, 0);

	assert_non_null(big);
	page_put(big);
	free(all);
}

static void mixed_kinds_still_give_large_blocks(void **state)
{
	/* Nearly all memory as single frames, every second recycled block dirty, the others zero again by discard. */
	u64 n = 0, max = free_frames();
	struct page **all = malloc(max * sizeof(*all));

	while (n < max && (all[n] = page_alloc(0, ALLOC_ATOMIC)))
		n++;
	for (u64 i = 0; i < n; i++)
		page_put(all[i]);
	assert_true(stub_discarded_bytes > 0);
	u64 blocks = 0;
	struct page *list[64];

	while (blocks < 64 && (list[blocks] = page_alloc(ORDER_MAX, ALLOC_ATOMIC)))
		blocks++;
	assert_true(blocks >= MEMORY / (PAGE_SIZE << ORDER_MAX) - 3);
	while (blocks)
		page_put(list[--blocks]);
	free(all);
}

static void zero_means_zero(void **state)
{
	for (int round = 0; round < 3; round++) {
		struct page *p[64];

		for (int i = 0; i < 64; i++) {
			p[i] = page_alloc((unsigned)i % 10, ALLOC_ZERO);
			assert_non_null(p[i]);
			assert_true(all_zero(p[i], (unsigned)i % 10));
			memset(page_virt(p[i]), 0xaa, PAGE_SIZE << i % 10);
		}
		for (int i = 0; i < 64; i++)
			page_put(p[i]);
	}
}

static void merged_kinds_are_zeroed(void **state)
{
	struct page *p;

	stub_init(8ul << 20);
	page_init(FREE_START, 8ul << 20, 8ul << 20);
	/* A frame that is dirty beside one that is known to be zero. */
	struct page *a = page_alloc(0, 0), *b;

	if (page_addr(a) / PAGE_SIZE % 2)
		a = page_alloc(0, 0);
	b = page_alloc(1, 0);
	assert_int_equal(page_addr(b), page_addr(a) + 2 * PAGE_SIZE);
	memset(page_virt(a), 0xaa, PAGE_SIZE);
	page_put(a);
	while ((p = page_alloc(1, ALLOC_ZERO | ALLOC_ATOMIC))) {
		assert_true(all_zero(p, 1));
		if (p == a)
			return;
	}
	fail_msg("the two were never merged");
}

static void recycled_frames_are_preferred(void **state)
{
	struct page *a = page_alloc(0, 0);
	paddr_t pa = page_addr(a);

	page_put(a);
	a = page_alloc(0, ALLOC_ZERO);
	assert_int_equal(page_addr(a), pa);
	page_put(a);
}

static void large_blocks_come_from_the_top(void **state)
{
	struct page *small = page_alloc(0, 0), *huge = page_alloc(ORDER_HUGE, 0);

	assert_true(page_addr(small) < 16ul << 20);
	assert_true(page_addr(huge) >= MEMORY - HUGE_SIZE);
	assert_ptr_equal(page_head(huge + 37), huge);
	assert_ptr_equal(page_head(small), small);
	page_put(small);
	page_put(huge);
}

static void references_keep_a_block(void **state)
{
	u64 before = free_frames();
	struct page *p = page_alloc(3, 0);

	page_get(p);
	page_put(p);
	assert_int_equal(free_frames(), before - 8);
	assert_true(page_last(p));
	page_put(p);
	assert_int_equal(free_frames(), before);
}

static void split_frames_are_freed_one_by_one(void **state)
{
	u64 before = free_frames();
	struct page *huge = page_alloc(ORDER_HUGE, 0);

	page_split(huge);
	assert_ptr_equal(page_head(huge + 5), huge + 5);
	assert_true(page_exclusive(huge + 5));
	for (int i = 0; i < 512; i++) {
		assert_int_equal(free_frames(), before - 512 + (u64)i);
		page_put(huge + i);
	}
}

static void boot_memory_is_never_freed(void **state)
{
	u64 before = free_frames();
	struct page *boot_page = page_of(0x5000);

	page_get(boot_page);
	page_put(boot_page);
	page_put(boot_page);
	assert_false(page_exclusive(boot_page));
	assert_int_equal(free_frames(), before);
}

static void reserve_is_for_atomic_allocations(void **state)
{
	u64 n = 0;

	while (page_alloc(0, 0))
		n++;
	assert_int_equal(free_frames(), RESERVE_PAGES);
	for (int i = 0; i < RESERVE_PAGES; i++)
		assert_non_null(page_alloc(0, ALLOC_ATOMIC));
	assert_null(page_alloc(0, ALLOC_ATOMIC));
	assert_null(page_alloc_table());
	assert_int_equal(free_frames(), 0);
}

static bool yes(void)
{
	return true;
}

static void reserve_is_for_its_user_too(void **state)
{
	while (page_alloc(0, 0))
		;
	page_reserve_user = yes;
	for (int i = 0; i < RESERVE_PAGES; i++)
		assert_non_null(page_alloc(0, 0));
	assert_null(page_alloc(0, 0));
	page_reserve_user = NULL;
}

static void tables_stand_together(void **state)
{
	/* The first ones stand where the runner has memory ready; the later ones in blocks of 2 MiB. */
	enum { FIRST = BOOT_FIRST_TABLES, ALL = FIRST + 600 };
	struct page *t[ALL];

	for (int i = 0; i < ALL; i++) {
		page_alloc(0, 0);
		t[i] = page_alloc_table();
		assert_non_null(t[i]);
		assert_true(all_zero(t[i], 0));
		memset(page_virt(t[i]), 0x55, PAGE_SIZE);
	}
	for (int i = 1; i < FIRST; i++)
		assert_int_equal(page_addr(t[i]), page_addr(t[0]) + (paddr_t)i * PAGE_SIZE);
	for (int i = FIRST; i < FIRST + 512; i++)
		assert_int_equal(page_addr(t[i]) / HUGE_SIZE, page_addr(t[FIRST]) / HUGE_SIZE);
	assert_int_not_equal(page_addr(t[FIRST + 512]) / HUGE_SIZE, page_addr(t[FIRST]) / HUGE_SIZE);
	paddr_t pa = page_addr(t[100]);

	page_put(t[100]);
	t[100] = page_alloc_table();
	assert_int_equal(page_addr(t[100]), pa);
	assert_true(all_zero(t[100], 0));
}

static void much_free_memory_goes_back_to_the_host(void **state)
{
	struct page *p[50];
	struct page_stats s;

	for (int i = 0; i < 50; i++) {
		p[i] = page_alloc(ORDER_HUGE, 0);
		memset(page_virt(p[i]), 1, HUGE_SIZE);
	}
	for (int i = 0; i < 50; i++)
		page_put(p[i]);
	assert_true(stub_discarded_bytes >= (100ul << 20) - DISCARD_START_BYTES);
	assert_true(stub_discarded_bytes <= (100ul << 20) - DISCARD_KEEP_BYTES + (PAGE_SIZE << ORDER_MAX));
	page_stats(&s);
	assert_true(s.fresh * PAGE_SIZE >= MEMORY - DISCARD_START_BYTES - (8ul << 20));
	for (int i = 0; i < 50; i++) {
		p[i] = page_alloc(ORDER_HUGE, ALLOC_ZERO);
		assert_true(all_zero(p[i], ORDER_HUGE));
	}
	for (int i = 0; i < 50; i++)
		page_put(p[i]);
}

static void cache_pages_are_counted(void **state)
{
	struct page *p = page_alloc(0, 0);
	struct page_stats s;

	page_set_cache(p, NULL, 3);
	page_stats(&s);
	assert_int_equal(s.cache, 1);
	assert_false(page_exclusive(p));
	page_clear_cache(p);
	page_stats(&s);
	assert_int_equal(s.cache, 0);
	page_put(p);
}

static void peak_is_recorded(void **state)
{
	struct page_stats a, b;

	page_stats(&a);
	page_put(page_alloc(8, 0));
	page_stats(&b);
	assert_int_equal(b.peak_used, MAX(a.peak_used, a.total - a.free + 256));
	assert_int_equal(shared->stats.page_peak, b.peak_used - MEMORY / PAGE_SIZE * sizeof(struct page) / PAGE_SIZE);
}

/* Random allocation against a map of which frame belongs to whom. */
static void random_use_never_overlaps(void **state)
{
	enum { SLOTS = 400 };
	struct page *p[SLOTS] = {NULL};
	unsigned order[SLOTS];
	static u16 owner[MEMORY / PAGE_SIZE];
	u64 before = free_frames();

	memset(owner, 0, sizeof(owner));
	srand(1);
	for (int step = 0; step < 60000; step++) {
		int i = rand() % SLOTS;

		if (p[i]) {
			for (u64 k = 0; k < 1ul << order[i]; k++) {
				assert_int_equal(owner[(page_addr(p[i]) >> PAGE_SHIFT) + k], i + 1);
				owner[(page_addr(p[i]) >> PAGE_SHIFT) + k] = 0;
			}
			page_put(p[i]);
			p[i] = NULL;
			continue;
		}
		order[i] = rand() % 20 ? (unsigned)rand() % 4 : (unsigned)rand() % (ORDER_MAX + 1);
		p[i] = order[i] == 0 && rand() % 2 ? page_alloc_table()
						   : page_alloc(order[i], rand() % 2 ? ALLOC_ATOMIC : 0);
		for (u64 k = 0; p[i] && k < 1ul << order[i]; k++) {
			assert_int_equal(owner[(page_addr(p[i]) >> PAGE_SHIFT) + k], 0);
			owner[(page_addr(p[i]) >> PAGE_SHIFT) + k] = (u16)(i + 1);
		}
	}
	for (int i = 0; i < SLOTS; i++)
		if (p[i])
			page_put(p[i]);
	assert_int_equal(free_frames(), before);
}

/* Nothing behind the first part of the RAM is handed out before the host was asked for the rest. */
static void memory_that_is_not_there_is_asked_for(void **state)
{
	const u64 first = 64ul << 20;

	for (int large = 0; large < 2; large++) {
		stub_init(MEMORY);
		page_init(FREE_START, first, MEMORY);
		while (!stub_memory_wanted) {
			struct page *p = page_alloc(large ? ORDER_HUGE : 0, 0);

			assert_non_null(p);
			assert_true(stub_memory_wanted || page_addr(p) < first);
		}
		while (page_alloc(ORDER_HUGE, 0) || page_alloc(0, 0))
			assert_int_equal(stub_memory_wanted, 1);
	}
	stub_init(MEMORY);
	page_init(FREE_START, first, MEMORY);
	for (u64 i = 0; i < first >> PAGE_SHIFT && !stub_memory_wanted; i++)
		assert_true(page_addr(page_alloc_table()) < first || stub_memory_wanted);
	assert_int_equal(stub_memory_wanted, 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(blocks_are_aligned_and_distinct),
	    T(everything_comes_back),
	    T(mixed_kinds_still_give_large_blocks),
	    T(zero_means_zero),
	    T(merged_kinds_are_zeroed),
	    T(recycled_frames_are_preferred),
	    T(large_blocks_come_from_the_top),
	    T(references_keep_a_block),
	    T(split_frames_are_freed_one_by_one),
	    T(boot_memory_is_never_freed),
	    T(reserve_is_for_atomic_allocations),
	    T(reserve_is_for_its_user_too),
	    T(tables_stand_together),
	    T(much_free_memory_goes_back_to_the_host),
	    T(cache_pages_are_counted),
	    T(peak_is_recorded),
	    T(memory_that_is_not_there_is_asked_for),
	    T(random_use_never_overlaps),
	};

	return cmocka_run_group_tests_name("page", tests, NULL, NULL);
}
