/* SPDX-License-Identifier: Apache-2.0
 *
 * Copies between kernel and user memory, buffers in series.
 * sources: guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/vma.c guestkernel/mm/region.c guestkernel/mm/zap.c guestkernel/mm/vm.c guestkernel/mm/fault.c guestkernel/mm/cow.c guestkernel/mm/clone.c guestkernel/mm/protect.c guestkernel/mm/remap.c guestkernel/mm/madvise.c guestkernel/mm/lock.c guestkernel/mm/uaccess.c guestkernel/mm/uio.c guestkernel/lib.c tests/unit/arch_stub.c tests/unit/mm_world.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <cmocka.h>
#include "guestkernel/limits.h"
#include "tests/unit/mm_world.h"

#define RW (PROT_READ | PROT_WRITE)
#define AT 0x10000000ul

static struct mm *mm;

/* Four pages to be read and written at AT, then one to be read, then nothing. */
static int setup(void **state)
{
	world_init(64ul << 20);
	mm = stub_thread.mm;
	mm_mmap(mm, AT, 4 * PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0);
	mm_mmap(mm, AT + 4 * PAGE_SIZE, PAGE_SIZE, PROT_READ, MAP_PRIVATE | MAP_FIXED, NULL, 0);
	return 0;
}
static int teardown(void **state)
{
	return !world_exit();
}

static void copies_cross_pages(void **state)
{
	u8 out[10000], in[10000];

	for (size_t i = 0; i < sizeof(out); i++)
		out[i] = (u8)(i * 13);
	assert_int_equal(copy_to_user(user(AT + 100), out, sizeof(out)), 0);
	assert_int_equal(copy_from_user(in, user(AT + 100), sizeof(in)), 0);
	assert_memory_equal(in, out, sizeof(in));
	assert_int_equal(clear_user(user(AT + 4000), 200), 0);
	assert_int_equal(copy_from_user(in, user(AT + 3999), 202), 0);
	assert_int_equal(in[0], out[3899]);
	for (int i = 1; i <= 200; i++)
		assert_int_equal(in[i], 0);
	assert_int_equal(in[201], out[4100]);
}

static void faults_stop_copies(void **state)
{
	u8 buf[3 * 4096] = {0};

	assert_int_equal(copy_to_user(user(0), buf, 1), -EFAULT);
	assert_int_equal(copy_from_user(buf, user(AT - 1), 2), -EFAULT);
	assert_int_equal(copy_to_user(user(AT + 4 * PAGE_SIZE), buf, 1), -EFAULT);
	assert_int_equal(copy_from_user(buf, user(AT + 4 * PAGE_SIZE), 1), 0);
	assert_int_equal(copy_to_user_partial(user(AT + 3 * PAGE_SIZE), buf, sizeof(buf)), PAGE_SIZE);
	assert_int_equal(copy_from_user_partial(buf, user(AT + 3 * PAGE_SIZE + 1), sizeof(buf)), 2 * PAGE_SIZE - 1);
	assert_int_equal(copy_from_user(buf, user(AT), 0), 0);
}

static void kernel_addresses_are_refused(void **state)
{
	static const u64 bad[] = {USER_END, USER_END - 1, 0xffff800000000000, 0xffffffff80000000, ~0ul, ~0ul - 7};
	u8 buf[16];

	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_int_equal(copy_from_user(buf, user(bad[i]), 16), -EFAULT);
		assert_int_equal(copy_to_user(user(bad[i]), buf, 16), -EFAULT);
		assert_int_equal(clear_user(user(bad[i]), 16), -EFAULT);
		assert_int_equal(strncpy_from_user((char *)buf, user(bad[i]), 16), -EFAULT);
	}
	assert_int_equal(copy_from_user_partial(buf, user(AT), ~0ul), 0);
	assert_int_equal(copy_from_user_partial(buf, user(16), ~0ul - 8), 0);
}

static void strings_end_at_their_nul(void **state)
{
	char buf[8192], text[5000];

	memset(text, 'x', sizeof(text));
	text[4999] = 0;
	assert_int_equal(copy_to_user(user(AT + 10), text, sizeof(text)), 0);
	assert_int_equal(strncpy_from_user(buf, user(AT + 10), sizeof(buf)), 4999);
	assert_string_equal(buf, text);
	assert_int_equal(strncpy_from_user(buf, user(AT + 10), 5000), 4999);
	assert_int_equal(strncpy_from_user(buf, user(AT + 10), 4999), -ENAMETOOLONG);
	assert_int_equal(strncpy_from_user(buf, user(AT + 10 + 4999), 1), 0);
	/* Just before the end of what is mapped, with and without a NUL. */
	mm_mprotect(mm, AT + 4 * PAGE_SIZE, PAGE_SIZE, RW);
	assert_int_equal(copy_to_user(user(AT + 5 * PAGE_SIZE - 3), "ab", 3), 0);
	assert_int_equal(strncpy_from_user(buf, user(AT + 5 * PAGE_SIZE - 3), sizeof(buf)), 2);
	assert_int_equal(copy_to_user(user(AT + 5 * PAGE_SIZE - 3), "abc", 3), 0);
	assert_int_equal(strncpy_from_user(buf, user(AT + 5 * PAGE_SIZE - 3), sizeof(buf)), -EFAULT);
}

static void words_and_pins(void **state)
{
	u32 *word, value = 77;
	struct page *page;
	paddr_t pa;

	assert_int_equal(user_word(AT + 2, false, &word), -EINVAL);
	assert_int_equal(user_word(AT - 4, false, &word), -EFAULT);
	assert_int_equal(user_word(AT + 4 * PAGE_SIZE, true, &word), -EFAULT);
	assert_int_equal(user_word(AT + 8, true, &word), 0);
	*word = 5;
	assert_int_equal(get_user(value, user(AT + 8)), 0);
	assert_int_equal(value, 5);
	value = 78;
	assert_int_equal(put_user(user(AT + 8), value), 0);
	assert_int_equal(*word, 78);
	assert_int_equal(user_pin(mm, AT + 8, true, &page, &pa), 0);
	assert_int_equal(*(u32 *)phys_to_virt(pa), 78);
	assert_int_equal(mm_munmap(mm, AT, PAGE_SIZE), 0);
	assert_int_equal(*(u32 *)phys_to_virt(pa), 78); /* the pin keeps the page */
	page_put(page);
	assert_int_equal(user_pin(mm, AT, false, &page, &pa), -EFAULT);
	assert_int_equal(user_pin(mm, USER_END, false, &page, &pa), -EFAULT);
}

static void a_pinned_part_of_a_large_page_outlives_its_mapping(void **state)
{
	struct page *page;
	paddr_t pa;
	u32 value = 99;
	long a = mm_mmap(mm, 0x40000000, 8ul << 20, RW, MAP_PRIVATE, NULL, 0);

	assert_int_equal(put_user(user((u64)a + 40960), value), 0);
	assert_true(pt_lookup(&mm->pt, (u64)a).huge);
	assert_int_equal(user_pin(mm, (u64)a + 40960, true, &page, &pa), 0);
	assert_int_equal(mm_munmap(mm, (u64)a + 40960, PAGE_SIZE), 0);
	assert_int_equal(mm_munmap(mm, (u64)a, 8ul << 20), 0);
	assert_int_equal(*(u32 *)phys_to_virt(pa), 99);
	page_put(page);
}

static void copies_work_in_other_address_spaces(void **state)
{
	struct mm *other = mm_create();
	char buf[6] = "";

	mm_mmap(other, 0x5000000, PAGE_SIZE, RW, MAP_PRIVATE | MAP_FIXED, NULL, 0);
	assert_int_equal(mm_copy_to(other, 0x5000000, "hello", 6), 0);
	assert_int_equal(mm_copy_from(other, buf, 0x5000000, 6), 0);
	assert_string_equal(buf, "hello");
	assert_int_equal(mm_copy_to(mm, 0x5000000, "hello", 6), -EFAULT);
	mm_put(other);
	stub_thread.mm = NULL; /* a kernel thread has no user memory */
	assert_int_equal(copy_from_user(buf, user(AT), 1), -EFAULT);
	assert_int_equal(strncpy_from_user(buf, user(AT), 1), -EFAULT);
	stub_thread.mm = mm;
}

/* ---- out of memory ---- */

static struct page *hoard[20000];
static unsigned hoarded;

static void release_hoard(void)
{
	while (hoarded)
		page_put(hoard[--hoarded]);
}

static void memory_is_waited_for(void **state)
{
	u8 byte = 1;

	while ((hoard[hoarded] = page_alloc(0, ALLOC_ATOMIC)))
		hoarded++;
	world_oom_answer = false;
	assert_int_equal(copy_to_user(user(AT), &byte, 1), -EFAULT);
	assert_int_equal(world_oom_kills, 1);
	world_oom_answer = true;
	stub_process.exiting = true;
	assert_int_equal(copy_to_user(user(AT), &byte, 1), -EFAULT);
	assert_int_equal(world_oom_kills, 1);
	stub_process.exiting = false;
	world_oom_hook = release_hoard;
	assert_int_equal(copy_to_user(user(AT), &byte, 1), 0);
	assert_int_equal(world_oom_kills, 2);
}

/* ---- uio ---- */

static void vectors_are_checked(void **state)
{
	struct iov v[9] = {{AT, 10}, {AT + 100, 20}}, fast[8], *heap;
	struct uio uio;

	assert_int_equal(copy_to_user(user(AT), v, sizeof(v)), 0);
	assert_int_equal(uio_import(&uio, user(AT), 2, fast, &heap), 0);
	assert_int_equal(uio.left, 30);
	assert_null(heap);
	assert_int_equal(uio_import(&uio, user(AT), 9, fast, &heap), 0);
	assert_non_null(heap);
	kfree(heap);
	assert_int_equal(uio_import(&uio, user(AT), IOV_LIMIT + 1, fast, &heap), -EINVAL);
	assert_int_equal(uio_import(&uio, user(AT), ~0ul, fast, &heap), -EINVAL);
	assert_int_equal(uio_import(&uio, user(8), 9, fast, &heap), -EFAULT);
	assert_null(heap);
	assert_int_equal(uio_import(&uio, user(8), 0, fast, &heap), 0);
	assert_int_equal(uio.left, 0);
	v[1].len = 1ull << 63;
	assert_int_equal(copy_to_user(user(AT), v, sizeof(v)), 0);
	assert_int_equal(uio_import(&uio, user(AT), 2, fast, &heap), -EINVAL);
	v[1].len = USER_END;
	assert_int_equal(copy_to_user(user(AT), v, sizeof(v)), 0);
	assert_int_equal(uio_import(&uio, user(AT), 2, fast, &heap), -EFAULT);
	v[0].len = RW_LIMIT - 5;
	v[1].len = 100;
	assert_int_equal(copy_to_user(user(AT), v, sizeof(v)), 0);
	assert_int_equal(uio_import(&uio, user(AT), 2, fast, &heap), 0);
	assert_int_equal(uio.left, RW_LIMIT);
}

static void series_are_filled_in_order(void **state)
{
	struct iov v[4] = {{AT, 3}, {AT + 10, 0}, {AT + 4094, 4}, {AT + 20, 5}};
	struct uio to = {.iov = v, .count = 4, .left = 12}, from = to;
	char buf[16] = "";

	assert_int_equal(uio_copy_to(&to, "abcde", 5), 5);
	assert_int_equal(to.left, 7);
	assert_int_equal(uio_copy_to(&to, "fghijklmnop", 11), 7);
	assert_int_equal(to.left, 0);
	assert_int_equal(uio_copy_from(&from, buf, 16), 12);
	assert_memory_equal(buf, "abcdefghijkl", 12);
}

static void series_stop_at_a_fault(void **state)
{
	struct iov v[2] = {{AT, 4}, {AT + 4 * PAGE_SIZE - 2, 8}};
	struct uio uio = {.iov = v, .count = 2, .left = 12};

	assert_int_equal(uio_copy_to(&uio, "abcdefghijkl", 12), 6);
	uio = (struct uio){.iov = v, .count = 2, .left = 12};
	assert_int_equal(uio_zero(&uio, 12), 6);
}

static void kernel_series(void **state)
{
	char buf[8] = "abcdefg", out[8];
	struct iov one;
	struct uio uio;

	uio_init_kernel(&uio, &one, buf, 8);
	assert_int_equal(uio_copy_from(&uio, out, 3), 3);
	assert_int_equal(uio_zero(&uio, 2), 2);
	assert_int_equal(uio_copy_to(&uio, "xyzxyz", 6), 3);
	assert_memory_equal(buf, "abc\0\0xyz", 8);
	uio_init_user(&uio, &one, user(AT), 5);
	assert_int_equal(uio_copy_to(&uio, "hello", 5), 5);
}

static void frames_are_what_the_program_may_access(void **state)
{
	struct page *page;
	paddr_t pa;
	u32 frame[600];

	/* Nothing is there before it is touched; then as far as it goes. */
	assert_int_equal(user_frames(AT, 4 * PAGE_SIZE, true, frame), 0);
	assert_int_equal(mm_prefault(mm, AT, 4 * PAGE_SIZE, true), 0);
	assert_int_equal(user_frames(AT + 100, 3 * PAGE_SIZE, true, frame), 3 * PAGE_SIZE);
	for (u64 i = 0; i < 4; i++) {
		assert_int_equal(user_pin(mm, AT + i * PAGE_SIZE, false, &page, &pa), 0);
		assert_int_equal(frame[i], pa / PAGE_SIZE);
		page_put(page);
	}
	/* The fifth page may be read alone, behind it is nothing. */
	assert_int_equal(user_pin(mm, AT + 4 * PAGE_SIZE, false, &page, &pa), 0);
	page_put(page);
	assert_int_equal(user_frames(AT + 10, 9 * PAGE_SIZE, true, frame), 4 * PAGE_SIZE - 10);
	assert_int_equal(user_frames(AT + 10, 9 * PAGE_SIZE, false, frame), 5 * PAGE_SIZE - 10);
	assert_int_equal(frame[4], pa / PAGE_SIZE);
	assert_int_equal(user_frames(USER_END - 1, 2, false, frame), 0);
	/* Parts of large pages. */
	long a = mm_mmap(mm, 0x40000000, 8ul << 20, RW, MAP_PRIVATE, NULL, 0);
	assert_int_equal(mm_prefault(mm, (u64)a, 8ul << 20, true), 0);
	assert_int_equal(user_frames((u64)a + 4097, 500 * PAGE_SIZE, true, frame), 500 * PAGE_SIZE);
	for (u64 i = 0; i < 501; i++) {
		assert_int_equal(user_pin(mm, (u64)a + (i + 1) * PAGE_SIZE, true, &page, &pa), 0);
		assert_int_equal(frame[i], pa / PAGE_SIZE);
		page_put(page);
	}
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(copies_cross_pages),
	    T(faults_stop_copies),
	    T(kernel_addresses_are_refused),
	    T(strings_end_at_their_nul),
	    T(words_and_pins),
	    T(a_pinned_part_of_a_large_page_outlives_its_mapping),
	    T(copies_work_in_other_address_spaces),
	    T(memory_is_waited_for),
	    T(vectors_are_checked),
	    T(series_are_filled_in_order),
	    T(series_stop_at_a_fault),
	    T(kernel_series),
	    T(frames_are_what_the_program_may_access),
	};

	return cmocka_run_group_tests_name("uaccess", tests, NULL, NULL);
}
