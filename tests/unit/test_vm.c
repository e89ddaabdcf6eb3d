/* SPDX-License-Identifier: Apache-2.0
 *
 * Address spaces: mmap and its relatives, faults, copy-on-write, fork.
 * sources: guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/vma.c guestkernel/mm/region.c guestkernel/mm/zap.c guestkernel/mm/vm.c guestkernel/mm/fault.c guestkernel/mm/cow.c guestkernel/mm/clone.c guestkernel/mm/protect.c guestkernel/mm/remap.c guestkernel/mm/madvise.c guestkernel/mm/lock.c guestkernel/mm/uaccess.c guestkernel/lib.c tests/unit/arch_stub.c tests/unit/mm_world.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <fcntl.h>
#include <signal.h>
#include <cmocka.h>
#include <sys/resource.h>
#include "guestkernel/limits.h"
#include "tests/unit/mm_world.h"

#define MEMORY (192ul << 20)
#define RW     (PROT_READ | PROT_WRITE)
#define ANON   (MAP_PRIVATE | MAP_ANONYMOUS)
#define MAPERR WORLD_SIGNAL(SIGSEGV, SEGV_MAPERR)
#define ACCERR WORLD_SIGNAL(SIGSEGV, SEGV_ACCERR)
#define AT     0x10000000ul

static struct mm *mm;

static int setup(void **state)
{
	world_init(MEMORY);
	mm = stub_thread.mm;
	return 0;
}
static int teardown(void **state)
{
	const char *wrong = world_check(mm);

	if (wrong)
		print_error("%s\n", wrong);
	return wrong || !world_exit();
}

static u64 map(u64 addr, u64 length, u32 prot, u32 flags)
{
	long r = mm_mmap(mm, addr, length, prot, flags, NULL, 0);

	assert_true(r > 0);
	return (u64)r;
}

static u64 free_frames(void)
{
	struct page_stats s;

	page_stats(&s);
	return s.free;
}

/* ---- mmap ---- */

static void bad_arguments_are_refused(void **state)
{
	assert_int_equal(mm_mmap(mm, 0, 0, RW, ANON, NULL, 0), -EINVAL);
	assert_int_equal(mm_mmap(mm, 0, 4096, RW, MAP_ANONYMOUS, NULL, 0), -EINVAL);
	assert_int_equal(mm_mmap(mm, 0, ~0ul, RW, ANON, NULL, 0), -ENOMEM);
	assert_int_equal(mm_mmap(mm, 0, USER_END + 1, RW, ANON, NULL, 0), -ENOMEM);
	assert_int_equal(mm_mmap(mm, AT + 1, 4096, RW, ANON | MAP_FIXED, NULL, 0), -EINVAL);
	assert_int_equal(mm_mmap(mm, USER_END - 4096, 8192, RW, ANON | MAP_FIXED, NULL, 0), -ENOMEM);
	assert_int_equal(mm_mmap(mm, ~0xffful, 8192, RW, ANON | MAP_FIXED, NULL, 0), -ENOMEM);
	assert_int_equal(mm_mmap(mm, 0, 4096, RW, MAP_SHARED | MAP_GROWSDOWN, NULL, 0), -EINVAL);
	assert_int_equal(mm_munmap(mm, AT, 0), -EINVAL);
	assert_int_equal(mm_munmap(mm, AT + 1, 4096), -EINVAL);
	assert_int_equal(mm_munmap(mm, USER_END, 4096), -EINVAL);
	assert_int_equal(mm_munmap(mm, AT, ~0ul), -EINVAL);
	assert_int_equal(mm_munmap(mm, AT, 4096), 0);
}

static void low_addresses_need_a_capability(void **state)
{
	world_caps = false;
	assert_int_equal(mm_mmap(mm, 0, 4096, RW, ANON | MAP_FIXED, NULL, 0), -EPERM);
	assert_int_equal(mm_mmap(mm, 0xf000, 4096, RW, ANON | MAP_FIXED, NULL, 0), -EPERM);
	assert_int_equal(map(0x1000, 4096, RW, ANON), MMAP_MIN);
	world_caps = true;
	assert_int_equal(mm_mmap(mm, 0x1000, 4096, RW, ANON | MAP_FIXED, NULL, 0), 0x1000);
}

static void addresses_are_chosen(void **state)
{
	u64 a = map(AT, 8192, RW, ANON), b = map(AT, 8192, PROT_READ, ANON),
	    c = map(0, 8192, PROT_READ | PROT_EXEC, ANON);

	assert_int_equal(a, AT);
	assert_int_not_equal(b, AT);
	assert_int_equal(b, mm->mmap_top - 8192);
	assert_int_equal(c, b - 8192);
	assert_true(map(0, 4096, RW, ANON | MAP_32BIT) < 0x80000000);
	assert_int_equal(map(0, 16ul << 20, RW, ANON) % HUGE_SIZE, 0);
	assert_int_equal(mm_mmap(mm, AT + 4096, 8192, RW, ANON | MAP_FIXED_NOREPLACE, NULL, 0), -EEXIST);
	assert_int_equal(mm_mmap(mm, AT + 8192, 8192, RW, ANON | MAP_FIXED_NOREPLACE, NULL, 0), AT + 8192);
}

static void equal_neighbours_become_one(void **state)
{
	map(AT, 4096, RW, ANON | MAP_FIXED);
	map(AT + 8192, 4096, RW, ANON | MAP_FIXED);
	assert_int_equal(mm->count, 2);
	map(AT + 4096, 4096, RW, ANON | MAP_FIXED);
	assert_int_equal(mm->count, 1);
	assert_int_equal(mm_mprotect(mm, AT + 4096, 4096, PROT_READ), 0);
	assert_int_equal(mm->count, 3);
	assert_int_equal(mm_mprotect(mm, AT + 4096, 4096, RW), 0);
	assert_int_equal(mm->count, 1);
}

static void mappings_are_limited_in_number(void **state)
{
	for (u64 i = 0; i < VMA_LIMIT; i++)
		map(AT + i * 8192, 4096, RW, ANON | MAP_FIXED);
	assert_int_equal(mm_mmap(mm, 0, 4096, RW, ANON, NULL, 0), -ENOMEM);
	assert_int_equal(mm_munmap(mm, AT, VMA_LIMIT * 8192), 0);
	assert_int_equal(mm->count, 0);
}

static void limits_of_the_process_count(void **state)
{
	stub_process.rlimit[RLIMIT_AS].cur = 10 * PAGE_SIZE;
	map(AT, 6 * PAGE_SIZE, RW, ANON);
	assert_int_equal(mm_mmap(mm, 0, 5 * PAGE_SIZE, PROT_NONE, ANON, NULL, 0), -ENOMEM);
	map(0, 4 * PAGE_SIZE, PROT_NONE, ANON);
	stub_process.rlimit[RLIMIT_AS].cur = K_RLIM_INFINITY;
	stub_process.rlimit[RLIMIT_DATA].cur = 8 * PAGE_SIZE;
	assert_int_equal(mm_mmap(mm, 0, 3 * PAGE_SIZE, RW, ANON, NULL, 0), -ENOMEM);
	u64 a = map(0, 3 * PAGE_SIZE, PROT_READ, ANON);

	assert_int_equal(mm_mprotect(mm, a, 3 * PAGE_SIZE, RW), -ENOMEM);
	assert_int_equal(mm_mprotect(mm, a, 2 * PAGE_SIZE, RW), 0);
}

static void only_hopeless_overcommit_is_refused(void **state)
{
	assert_int_equal(mm_mmap(mm, 0, MEMORY + PAGE_SIZE, RW, ANON, NULL, 0), -ENOMEM);
	map(0, MEMORY - (4ul << 20), RW, ANON);
	map(0, MEMORY - (4ul << 20), RW, ANON);
	map(0, 1ul << 40, RW, ANON | MAP_NORESERVE);
	map(0, 1ul << 40, PROT_NONE, ANON);
}

/* ---- faults ---- */

static void protections_are_kept(void **state)
{
	u64 a = map(0, 4096, PROT_READ, ANON), none = map(0, 4096, PROT_NONE, ANON), w = map(0, 4096, PROT_WRITE, ANON);
	u64 x = map(0, 4096, PROT_EXEC, ANON);
	u8 v = 1;

	assert_int_equal(world_read(mm, a, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(world_write(mm, a, 1), ACCERR);
	assert_int_equal(world_exec(mm, a), ACCERR);
	assert_int_equal(world_read(mm, none, &v), ACCERR);
	assert_int_equal(world_write(mm, w, 5), 0);
	assert_int_equal(world_read(mm, w, &v), 0);
	assert_int_equal(world_exec(mm, w), ACCERR);
	assert_int_equal(world_exec(mm, x), 0);
	assert_int_equal(world_write(mm, x, 1), ACCERR);
	assert_int_equal(world_read(mm, 0, &v), MAPERR);
	assert_int_equal(world_read(mm, USER_END, &v), MAPERR);
	assert_int_equal(world_read(mm, 0xffff800000000000, &v), MAPERR);
}

static void a_protected_page_keeps_its_contents(void **state)
{
	u64 a = map(0, 4096, RW, ANON);
	u8 v = 0;

	assert_int_equal(world_write(mm, a, 42), 0);
	assert_int_equal(mm_mprotect(mm, a, 4096, PROT_NONE), 0);
	assert_int_equal(world_read(mm, a, &v), ACCERR);
	assert_int_equal(mm_mprotect(mm, a, 4096, RW), 0);
	assert_int_equal(world_read(mm, a, &v), 0);
	assert_int_equal(v, 42);
}

static void sequential_faults_map_more_and_more(void **state)
{
	u64 a = map(0x20000000, 2ul << 20, RW, ANON);

	world_faults = 0;
	for (u64 i = 0; i < 2ul << 20; i += PAGE_SIZE)
		assert_int_equal(world_write(mm, a + i, 1), 0);
	assert_true(world_faults <= 12);
	assert_int_equal(mm_rss_pages(mm), 512);
}

static void sparse_faults_stay_small(void **state)
{
	u64 a = map(0x20000000, 3ul << 20, RW, ANON);

	assert_int_equal(world_write(mm, a + (1ul << 20) + 5, 1), 0);
	assert_int_equal(mm_rss_pages(mm), 16);
	assert_false(pt_lookup(&mm->pt, a + (1ul << 20)).huge);
}

static void large_mappings_get_large_pages(void **state)
{
	u64 a = map(0x20000000, 8ul << 20, RW, ANON), small = map(0x30000000, 4ul << 20, RW, ANON);
	u64 stack = map(0x40000000, 8ul << 20, RW, ANON | MAP_STACK);
	u64 before = free_frames();

	assert_int_equal(world_write(mm, a + HUGE_SIZE + 12345, 7), 0);
	assert_true(pt_lookup(&mm->pt, a + HUGE_SIZE).huge);
	assert_int_equal(world_write(mm, small, 7), 0);
	assert_false(pt_lookup(&mm->pt, small).huge);
	assert_int_equal(world_write(mm, stack, 7), 0);
	assert_false(pt_lookup(&mm->pt, stack).huge);
	/* A hole in the middle gives its frames back at once. */
	u64 with = free_frames();

	assert_int_equal(mm_munmap(mm, a + HUGE_SIZE + 65536, 65536), 0);
	assert_true(free_frames() + 2 >= with + 16);
	assert_int_equal(mm_madvise(mm, a, 8ul << 20, MADV_DONTNEED), -ENOMEM); /* of the hole */
	assert_true(free_frames() + 34 >= before);
	/* Advice for and against. */
	u64 b = map(0x50000000, 4ul << 20, RW, ANON);

	assert_int_equal(mm_madvise(mm, b, HUGE_SIZE, MADV_HUGEPAGE), 0);
	assert_int_equal(world_write(mm, b, 7), 0);
	assert_true(pt_lookup(&mm->pt, b).huge);
	assert_int_equal(mm_madvise(mm, a, 8ul << 20, MADV_NOHUGEPAGE), -ENOMEM);
	assert_int_equal(world_write(mm, a, 7), 0);
	assert_false(pt_lookup(&mm->pt, a).huge);
}

static void memory_that_is_out_is_reported(void **state)
{
	u64 a = map(0, 180ul << 20, RW, ANON), b = map(0, 180ul << 20, RW, ANON), i = 0;
	int r = 0;

	for (; !r && i < 180ul << 20; i += PAGE_SIZE)
		r = world_write(mm, (i < 100ul << 20 ? a : b) + i, 1);
	assert_true(r == 0 || r == -ENOMEM);
	for (i = 0; !r && i < 180ul << 20; i += PAGE_SIZE)
		r = world_write(mm, b + i, 1);
	assert_int_equal(r, -ENOMEM);
	assert_int_equal(mm_munmap(mm, a, 180ul << 20), 0);
	assert_int_equal(world_write(mm, b + i, 1), 0);
}

/* ---- stacks ---- */

static void stacks_grow_down_to_their_limit(void **state)
{
	u64 top = 0x50000000, low = top - (1ul << 20);
	u8 v;

	stub_process.rlimit[RLIMIT_STACK].cur = 1ul << 20;
	map(top - 4 * PAGE_SIZE, 4 * PAGE_SIZE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED);
	assert_int_equal(world_write(mm, top - 20 * PAGE_SIZE, 3), 0);
	assert_int_equal(world_write(mm, low, 4), 0);
	assert_int_equal(world_write(mm, low - 1, 4), MAPERR);
	assert_int_equal(world_read(mm, top - 20 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, 3);
	assert_int_equal(mm->count, 1);
}

static void stacks_keep_away_from_others(void **state)
{
	u64 top = 0x50000000, below = top - (4ul << 20);

	map(below, PAGE_SIZE, RW, ANON | MAP_FIXED);
	map(top - PAGE_SIZE, PAGE_SIZE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED);
	assert_int_equal(world_write(mm, below + PAGE_SIZE + STACK_GUARD, 1), 0);
	assert_int_equal(world_write(mm, below + STACK_GUARD, 1), MAPERR);
	/* New mappings stay out of the gap too. */
	assert_int_not_equal(map(below + PAGE_SIZE, PAGE_SIZE, RW, ANON), below + PAGE_SIZE);
}

/* ---- files ---- */

static long map_file(struct world_file *f, u64 addr, u64 pages, u32 prot, u32 flags, u64 pgoff)
{
	return mm_mmap(mm, addr, pages * PAGE_SIZE, prot, flags, &f->file, pgoff);
}

static void file_rights_limit_mappings(void **state)
{
	struct world_file *ro = world_file(PAGE_SIZE, O_RDONLY), *wo = world_file(PAGE_SIZE, O_WRONLY);
	struct world_file *sealed = world_file(PAGE_SIZE, O_RDWR), *dir = world_file(0, O_RDONLY);

	sealed->inode.seals = F_SEAL_WRITE;
	dir->inode.mode = K_S_IFDIR;
	assert_int_equal(map_file(ro, 0, 1, RW, MAP_SHARED, 0), -EACCES);
	assert_int_equal(map_file(wo, 0, 1, PROT_READ, MAP_PRIVATE, 0), -EACCES);
	assert_int_equal(map_file(sealed, 0, 1, RW, MAP_SHARED, 0), -EPERM);
	assert_int_equal(map_file(dir, 0, 1, PROT_READ, MAP_PRIVATE, 0), -ENODEV);
	assert_int_equal(map_file(ro, 0, 1, PROT_READ, MAP_SHARED, (1ull << 51)), -EOVERFLOW);
	long a = map_file(ro, 0, 1, PROT_READ, MAP_SHARED, 0), b = map_file(sealed, 0, 1, PROT_READ, MAP_SHARED, 0);

	assert_true(a > 0 && b > 0);
	assert_int_equal(mm_mprotect(mm, (u64)a, PAGE_SIZE, RW), -EACCES);
	assert_int_equal(mm_mprotect(mm, (u64)b, PAGE_SIZE, RW), -EACCES);
	assert_true(map_file(ro, 0, 1, RW, MAP_PRIVATE, 0) > 0);
	file_put(&ro->file);
	file_put(&wo->file);
	file_put(&sealed->file);
	file_put(&dir->file);
}

static void private_pages_are_copies(void **state)
{
	struct world_file *f = world_file(64 * PAGE_SIZE, O_RDWR);
	u64 a = (u64)map_file(f, 0, 64, RW, MAP_PRIVATE, 0), s = (u64)map_file(f, 0, 64, RW, MAP_SHARED, 0);
	u8 v;

	assert_int_equal(world_read(mm, a + 9 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, world_pattern(9));
	assert_int_equal(world_write(mm, a + 9 * PAGE_SIZE, 1), 0);
	assert_int_equal(world_read(mm, s + 9 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, world_pattern(9));
	assert_int_equal(world_write(mm, s + 30 * PAGE_SIZE, 99), 0);
	assert_int_equal(world_read(mm, a + 30 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, 99);
	file_put(&f->file);
}

static void cached_pages_are_mapped_by_one_fault(void **state)
{
	struct world_file *f = world_file(64 * PAGE_SIZE, O_RDONLY);
	u64 a = (u64)map_file(f, 0x30000000, 64, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);
	struct page *page;
	u8 v;

	for (u64 i = 0; i < 60; i++) {
		f->inode.ops->get_page(&f->inode, i, true, &page);
		page_put(page);
	}
	world_faults = 0;
	for (u64 i = 0; i < 60; i++)
		assert_int_equal(world_read(mm, a + i * PAGE_SIZE, &v), 0);
	assert_int_equal(world_faults, 1);
	assert_int_equal(mm->file_pages, 60);
	assert_int_equal(mm_munmap(mm, a, 64 * PAGE_SIZE), 0);
	a = (u64)map_file(f, 0, 64, PROT_READ, MAP_PRIVATE, 0);
	assert_int_equal(mm_populate(mm, a, 64 * PAGE_SIZE, false), 0);
	assert_int_equal(mm->file_pages, 60);
	file_put(&f->file);
}

/* Brings all pages of the file into its page cache. */
static void cache_all(struct world_file *f, u64 pages)
{
	struct page *page;

	for (u64 i = 0; i < pages; i++) {
		f->inode.ops->get_page(&f->inode, i, true, &page);
		page_put(page);
	}
}

static void cached_code_is_there_without_a_fault(void **state)
{
	struct world_file *f = world_file(400 * PAGE_SIZE, O_RDONLY);

	cache_all(f, 400);
	u64 a = (u64)map_file(f, 0x30000000, 400, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);

	world_faults = 0;
	for (u64 i = 0; i < 400; i++)
		assert_int_equal(world_exec(mm, a + i * PAGE_SIZE), 0);
	assert_int_equal(world_faults, 0);
	file_put(&f->file);
}

static void code_cached_later_takes_a_fault_each_megabyte(void **state)
{
	struct world_file *f = world_file(512 * PAGE_SIZE, O_RDONLY);
	u64 a = (u64)map_file(f, 0x30000000, 512, PROT_READ | PROT_EXEC, MAP_PRIVATE, 0);

	cache_all(f, 512);
	world_faults = 0;
	for (u64 i = 0; i < 512; i++)
		assert_int_equal(world_exec(mm, a + i * PAGE_SIZE), 0);
	assert_int_equal(world_faults, 2);
	file_put(&f->file);
}

static void what_a_loader_maps_to_write_is_copied_at_once(void **state)
{
	struct world_file *f = world_file(16 * PAGE_SIZE, O_RDONLY);
	u8 v;

	cache_all(f, 16);
	u64 a = (u64)map_file(f, 0, 6, RW, MAP_PRIVATE | MAP_DENYWRITE, 3),
	    b = (u64)map_file(f, 0, 16, PROT_READ, MAP_SHARED, 0);

	world_faults = 0;
	for (u64 i = 0; i < 6; i++) {
		assert_int_equal(world_read(mm, a + i * PAGE_SIZE, &v), 0);
		assert_int_equal(v, world_pattern(3 + i));
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 1), 0);
	}
	assert_int_equal(world_faults, 0);
	assert_int_equal(mm->anon_pages, 6);
	assert_int_equal(world_read(mm, b + 3 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, world_pattern(3));
	file_put(&f->file);
}

static void sequential_faults_grow_in_each_mapping_by_itself(void **state)
{
	u64 a = map(0x20000000, 512 * PAGE_SIZE, RW, ANON), b = map(0x30000000, 512 * PAGE_SIZE, RW, ANON);

	world_faults = 0;
	for (u64 i = 0; i < 512; i++) {
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 1), 0);
		assert_int_equal(world_write(mm, b + i * PAGE_SIZE, 1), 0);
	}
	assert_in_range(world_faults, 1, 24); /* 64 pages each, after the first few */
}

static void a_small_mapping_takes_one_fault_wherever_it_lies(void **state)
{
	u64 a = AT + 9 * PAGE_SIZE;

	assert_int_equal(mm_mmap(mm, a, 14 * PAGE_SIZE, RW, ANON | MAP_FIXED, NULL, 0), a);
	world_faults = 0;
	for (u64 i = 0; i < 14; i++)
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 1), 0);
	assert_int_equal(world_faults, 1);
}

static void beyond_the_end_is_sigbus(void **state)
{
	struct world_file *f = world_file(3 * PAGE_SIZE + 1, O_RDWR);
	u64 a = (u64)map_file(f, 0, 8, RW, MAP_SHARED, 0);
	u8 v;

	assert_int_equal(world_read(mm, a + 3 * PAGE_SIZE, &v), 0);
	assert_int_equal(world_read(mm, a + 4 * PAGE_SIZE, &v), WORLD_SIGNAL(SIGBUS, BUS_ADRERR));
	f->inode.size = PAGE_SIZE;
	mm_unmap_inode(&f->inode, 1);
	assert_int_equal(world_read(mm, a, &v), 0);
	assert_int_equal(world_read(mm, a + 2 * PAGE_SIZE, &v), WORLD_SIGNAL(SIGBUS, BUS_ADRERR));
	file_put(&f->file);
}

static void truncation_and_holes_reach_every_mapping(void **state)
{
	struct world_file *f = world_file(64 * PAGE_SIZE, O_RDWR);
	u64 a = (u64)map_file(f, 0, 32, RW, MAP_PRIVATE, 16), b = (u64)map_file(f, 0, 64, RW, MAP_SHARED, 0);
	u8 v;

	for (u64 i = 0; i < 32; i++)
		assert_int_equal(world_read(mm, a + i * PAGE_SIZE, &v), 0);
	assert_int_equal(world_write(mm, a + 8 * PAGE_SIZE, 77), 0); /* file page 24 */
	assert_int_equal(world_read(mm, b + 24 * PAGE_SIZE, &v), 0);
	mm_unmap_inode_range(&f->inode, 20, 40);
	assert_false(pt_lookup(&mm->pt, b + 24 * PAGE_SIZE).present);
	assert_false(pt_lookup(&mm->pt, a + 4 * PAGE_SIZE).present);
	assert_true(pt_lookup(&mm->pt, a + 3 * PAGE_SIZE).present);
	assert_int_equal(world_read(mm, a + 8 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, 77);
	mm_unmap_inode(&f->inode, 24);
	assert_false(pt_lookup(&mm->pt, a + 8 * PAGE_SIZE).present);
	file_put(&f->file);
}

static void files_live_as_long_as_their_mappings(void **state)
{
	struct world_file *f = world_file(PAGE_SIZE, O_RDWR);
	bool freed = false;

	f->freed = &freed;
	u64 a = (u64)map_file(f, 0, 4, RW, MAP_SHARED, 0);

	file_put(&f->file);
	assert_int_equal(mm_mprotect(mm, a + PAGE_SIZE, PAGE_SIZE, PROT_READ), 0);
	assert_int_equal(mm_munmap(mm, a, 3 * PAGE_SIZE), 0);
	assert_false(freed);
	assert_int_equal(mm_munmap(mm, a, 4 * PAGE_SIZE), 0);
	assert_true(freed);
}

static void shared_anonymous_memory_is_shared_by_fork(void **state)
{
	u64 a = map(0, 8 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS), p = map(0, 8 * PAGE_SIZE, RW, ANON);
	u8 v;

	assert_int_equal(world_write(mm, p, 1), 0);
	struct mm *child = mm_clone(mm);

	assert_non_null(child);
	assert_int_equal(world_write(child, a + PAGE_SIZE, 5), 0);
	assert_int_equal(world_read(mm, a + PAGE_SIZE, &v), 0);
	assert_int_equal(v, 5);
	assert_int_equal(world_write(child, p, 2), 0);
	assert_int_equal(world_read(mm, p, &v), 0);
	assert_int_equal(v, 1);
	mm_put(child);
}

/* ---- fork ---- */

static void after_the_child_has_gone_one_fault_is_enough(void **state)
{
	u64 a = map(0x20000000, 64 * PAGE_SIZE, RW, ANON), free_before;

	for (u64 i = 0; i < 64; i++)
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, (u8)i), 0);
	free_before = free_frames();
	struct mm *child = mm_clone(mm);

	assert_int_equal(mm_rss_pages(child), 64);
	mm_put(child);
	world_faults = 0;
	for (u64 i = 0; i < 64; i++)
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 1), 0);
	assert_int_equal(world_faults, 1);
	assert_int_equal(free_frames(), free_before);
}

static void sequential_copies_grow(void **state)
{
	u64 a = map(0x20000000, 128 * PAGE_SIZE, RW, ANON);

	for (u64 i = 0; i < 128; i++)
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 1), 0);
	struct mm *child = mm_clone(mm);

	world_faults = 0;
	for (u64 i = 0; i < 128; i++)
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 2), 0);
	assert_in_range(world_faults, 1, 12); /* 16 pages each, after the first few */
	mm_put(child);
}

static void what_a_child_wrote_costs_the_next_child_no_fault(void **state)
{
	u64 a = map(0x20000000, 64 * PAGE_SIZE, RW, ANON);
	u8 v;

	for (u64 i = 0; i < 64; i++)
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 1), 0);
	struct mm *first = mm_clone(mm);

	assert_int_equal(world_write(first, a + 9 * PAGE_SIZE, 2), 0);
	mm_put(first);
	struct mm *second = mm_clone(mm);

	world_faults = 0;
	assert_int_equal(world_write(second, a + 9 * PAGE_SIZE, 4), 0);
	assert_int_equal(world_faults, 0);
	assert_int_equal(world_read(mm, a + 9 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, 1);
	mm_put(second);
}

static void what_was_written_after_a_fork_costs_no_fault_after_the_next(void **state)
{
	u64 a = map(0x20000000, 64 * PAGE_SIZE, RW, ANON);
	u8 v;

	for (u64 i = 0; i < 64; i++)
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 1), 0);
	struct mm *first = mm_clone(mm);

	assert_int_equal(world_write(mm, a + 9 * PAGE_SIZE, 2), 0);
	mm_put(first);
	struct mm *second = mm_clone(mm);

	assert_int_equal(mm_rss_pages(second), 64);
	world_faults = 0;
	assert_int_equal(world_write(mm, a + 9 * PAGE_SIZE, 3), 0);
	assert_int_equal(world_read(second, a + 9 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, 2);
	assert_int_equal(world_write(second, a + 9 * PAGE_SIZE, 4), 0);
	assert_int_equal(world_faults, 0);
	assert_int_equal(world_read(mm, a + 9 * PAGE_SIZE, &v), 0);
	assert_int_equal(v, 3);
	assert_int_equal(world_write(mm, a + 30 * PAGE_SIZE, 3), 0); /* the others are still shared */
	assert_int_equal(world_faults, 1);
	assert_null(world_check(mm));
	assert_null(world_check(second));
	mm_put(second);
}

static void another_cpu_sees_the_copy(void **state)
{
	u64 a = map(0x20000000, 8ul << 20, RW, ANON);
	u8 v;

	assert_int_equal(world_write(mm, a + 5, 1), 0);
	assert_true(pt_lookup(&mm->pt, a).huge);
	struct mm *child = mm_clone(mm);

	world_cpu = 1;
	assert_int_equal(world_read(mm, a + 5, &v), 0);
	world_cpu = 0;
	assert_int_equal(world_write(mm, a + 5, 2), 0);
	assert_true(pt_lookup(&mm->pt, a).huge);
	world_cpu = 1;
	assert_int_equal(world_read(mm, a + 5, &v), 0);
	assert_int_equal(v, 2);
	world_cpu = 0;
	assert_int_equal(world_read(child, a + 5, &v), 0);
	assert_int_equal(v, 1);
	mm_put(child);
}

static void fork_honours_advice(void **state)
{
	u64 keep = map(AT, 4 * PAGE_SIZE, RW, ANON), gone = keep + PAGE_SIZE, wiped = keep + 2 * PAGE_SIZE;
	u8 v = 9;

	for (u64 i = 0; i < 4; i++)
		assert_int_equal(world_write(mm, keep + i * PAGE_SIZE, 9), 0);
	assert_int_equal(mm_madvise(mm, gone, PAGE_SIZE, MADV_DONTFORK), 0);
	assert_int_equal(mm_madvise(mm, wiped, PAGE_SIZE, MADV_WIPEONFORK), 0);
	struct mm *child = mm_clone(mm);

	assert_int_equal(world_read(child, gone, &v), MAPERR);
	assert_int_equal(world_read(child, wiped, &v), 0);
	assert_int_equal(v, 0);
	assert_int_equal(world_read(child, keep, &v), 0);
	assert_int_equal(v, 9);
	mm_put(child);
	assert_int_equal(world_read(mm, wiped, &v), 0);
	assert_int_equal(v, 9);
}

static void fork_fails_without_memory(void **state)
{
	u64 a = map(0, 300 * PAGE_SIZE, RW, ANON);
	u8 v;

	for (u64 i = 0; i < 300; i++)
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, (u8)i), 0);
	for (long tables = 0; tables < 5; tables++) {
		stub_tables_left = tables;
		struct mm *child = mm_clone(mm);

		if (child)
			mm_put(child);
		assert_true(!child || tables >= 4);
	}
	stub_tables_left = 1 << 20;
	for (u64 i = 0; i < 300; i++) {
		assert_int_equal(world_read(mm, a + i * PAGE_SIZE, &v), 0);
		assert_int_equal(v, (u8)i);
		assert_int_equal(world_write(mm, a + i * PAGE_SIZE, 1), 0);
	}
}

/* ---- the others ---- */

static void brk_moves_within_limits(void **state)
{
	u8 v;

	mm->brk_start = mm->brk = 0x600000;
	assert_int_equal(mm_brk(mm, 0), 0x600000);
	assert_int_equal(mm_brk(mm, 0x600010), 0x600010);
	assert_int_equal(world_write(mm, 0x600fff, 5), 0);
	assert_int_equal(world_read(mm, 0x601000, &v), MAPERR);
	assert_int_equal(mm_brk(mm, 0x700000), 0x700000);
	assert_int_equal(mm->count, 1);
	assert_string_equal(mm_find(mm, 0x600000)->name, "[heap]");
	assert_int_equal(mm_brk(mm, 0x600000), 0x600000);
	assert_int_equal(mm->count, 0);
	map(0x610000, PAGE_SIZE, RW, ANON | MAP_FIXED);
	assert_int_equal(mm_brk(mm, 0x620000), 0x600000);
	assert_int_equal(mm_brk(mm, 0x610000), 0x610000);
	stub_process.rlimit[RLIMIT_DATA].cur = 0x8000;
	assert_int_equal(mm_brk(mm, 0x60f000), 0x610000);
	assert_int_equal(mm_brk(mm, 0x608000), 0x608000);
	assert_int_equal(mm_brk(mm, ~0ul), 0x608000);
	assert_int_equal(mm_brk(mm, 0x5fffff), 0x608000);
}

static void mprotect_errors(void **state)
{
	map(AT, 4 * PAGE_SIZE, RW, ANON | MAP_FIXED);
	assert_int_equal(mm_mprotect(mm, AT + 1, PAGE_SIZE, RW), -EINVAL);
	assert_int_equal(mm_mprotect(mm, AT, PAGE_SIZE, 0x40), -EINVAL);
	assert_int_equal(mm_mprotect(mm, AT, 0, PROT_NONE), 0);
	assert_int_equal(mm_mprotect(mm, AT, ~0ul, RW), -ENOMEM);
	assert_int_equal(mm_mprotect(mm, AT + 2 * PAGE_SIZE, 4 * PAGE_SIZE, PROT_READ), -ENOMEM);
	assert_int_equal(world_write(mm, AT + 2 * PAGE_SIZE, 1), ACCERR); /* what comes before the hole was changed */
	assert_int_equal(mm_mprotect(mm, AT, PAGE_SIZE, RW | PROT_GROWSDOWN), -EINVAL);
	map(0x50000000, 4 * PAGE_SIZE, RW, ANON | MAP_FIXED | MAP_GROWSDOWN);
	assert_int_equal(mm_mprotect(mm, 0x50003000, PAGE_SIZE, PROT_READ | PROT_GROWSDOWN), 0);
	assert_int_equal(world_write(mm, 0x50000000, 1), ACCERR);
}

static void mremap_errors(void **state)
{
	u64 a = map(AT, 4 * PAGE_SIZE, RW, ANON | MAP_FIXED);

	assert_int_equal(mm_mremap(mm, a + 1, PAGE_SIZE, PAGE_SIZE, 0, 0), -EINVAL);
	assert_int_equal(mm_mremap(mm, a, PAGE_SIZE, 0, 0, 0), -EINVAL);
	assert_int_equal(mm_mremap(mm, a, PAGE_SIZE, PAGE_SIZE, 8, 0), -EINVAL);
	assert_int_equal(mm_mremap(mm, a, PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED, AT * 2), -EINVAL);
	assert_int_equal(mm_mremap(mm, a, 2 * PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_FIXED | MREMAP_MAYMOVE, a + PAGE_SIZE),
			 -EINVAL);
	assert_int_equal(mm_mremap(mm, a, PAGE_SIZE, PAGE_SIZE, MREMAP_FIXED | MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(mm_mremap(mm, a - PAGE_SIZE, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0), -EFAULT);
	assert_int_equal(mm_mremap(mm, a, 5 * PAGE_SIZE, 6 * PAGE_SIZE, MREMAP_MAYMOVE, 0), -EFAULT);
	assert_int_equal(mm_mremap(mm, a, PAGE_SIZE, 2 * PAGE_SIZE, 0, 0), -ENOMEM);
	assert_int_equal(mm_mremap(mm, a, 0, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(mm_mremap(mm, a, ~0ul, PAGE_SIZE, MREMAP_MAYMOVE, 0), -EINVAL);
	assert_int_equal(mm_mremap(mm, a, PAGE_SIZE, 2 * PAGE_SIZE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), -EINVAL);
	assert_int_equal(mm_mremap(mm, a, 4 * PAGE_SIZE, 8 * PAGE_SIZE, 0, 0), (long)a);
	assert_int_equal(mm->total_pages, 8);
}

static void mremap_moves_large_pages_whole(void **state)
{
	u64 a = map(0, 8ul << 20, RW, ANON);
	u8 v;

	assert_int_equal(world_write(mm, a + 5, 11), 0);
	map(a + (8ul << 20), PAGE_SIZE, PROT_NONE, ANON | MAP_FIXED); /* no room to grow */
	u64 b = (u64)mm_mremap(mm, a, 8ul << 20, 16ul << 20, MREMAP_MAYMOVE, 0);

	assert_int_not_equal(a, b);
	assert_true(pt_lookup(&mm->pt, b).huge);
	assert_int_equal(world_read(mm, b + 5, &v), 0);
	assert_int_equal(v, 11);
	assert_int_equal(world_read(mm, a + 5, &v), MAPERR);
}

static void mremap_of_length_zero_maps_shared_pages_again(void **state)
{
	u64 a = map(0, 4 * PAGE_SIZE, RW, MAP_SHARED | MAP_ANONYMOUS);
	u8 v;

	assert_int_equal(world_write(mm, a + PAGE_SIZE, 8), 0);
	u64 b = (u64)mm_mremap(mm, a + PAGE_SIZE, 0, 3 * PAGE_SIZE, MREMAP_MAYMOVE, 0);

	assert_int_equal(world_read(mm, b, &v), 0);
	assert_int_equal(v, 8);
	assert_int_equal(world_read(mm, a + PAGE_SIZE, &v), 0);
}

static void mremap_without_memory_changes_nothing(void **state)
{
	const u64 length = 8ul << 20, step = HUGE_SIZE / 2;
	u64 a = map(0x20000000, length, RW, ANON | MAP_STACK);
	u8 v;

	for (u64 i = 0; i < length; i += step)
		assert_int_equal(world_write(mm, a + i, (u8)(i / step + 1)), 0);
	for (long tables = 0; tables < 4; tables++) {
		stub_tables_left = tables;
		assert_int_equal(mm_mremap(mm, a, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, 0x7000000000),
				 -ENOMEM);
		assert_int_equal(world_read(mm, 0x7000000000, &v), MAPERR);
		for (u64 i = 0; i < length; i += step) {
			assert_int_equal(world_read(mm, a + i, &v), 0);
			assert_int_equal(v, i / step + 1);
		}
	}
	stub_tables_left = 1 << 20;
	assert_int_equal(mm_mremap(mm, a, length, length, MREMAP_MAYMOVE | MREMAP_FIXED, 0x7000000000), 0x7000000000);
	for (u64 i = 0; i < length; i += step) {
		assert_int_equal(world_read(mm, 0x7000000000 + i, &v), 0);
		assert_int_equal(v, i / step + 1);
	}
}

static void madvise_errors(void **state)
{
	struct world_file *f = world_file(4 * PAGE_SIZE, O_RDWR);
	u64 a = map(AT, 4 * PAGE_SIZE, RW, ANON | MAP_FIXED), s = (u64)map_file(f, 0, 4, RW, MAP_SHARED, 0);

	assert_int_equal(mm_madvise(mm, a, PAGE_SIZE, 99), -EINVAL);
	assert_int_equal(mm_madvise(mm, a + 1, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(mm_madvise(mm, a, 0, MADV_DONTNEED), 0);
	assert_int_equal(mm_madvise(mm, a, 8 * PAGE_SIZE, MADV_DONTNEED), -ENOMEM);
	assert_int_equal(mm_madvise(mm, s, PAGE_SIZE, MADV_FREE), -EINVAL);
	assert_int_equal(mm_madvise(mm, s, PAGE_SIZE, MADV_WIPEONFORK), -EINVAL);
	assert_int_equal(mm_madvise(mm, a, PAGE_SIZE, MADV_REMOVE), -EINVAL);
	assert_int_equal(mm_madvise(mm, a, 4 * PAGE_SIZE, MADV_POPULATE_WRITE), 0);
	assert_true(pt_lookup(&mm->pt, a + 3 * PAGE_SIZE).prot & PT_WRITE);
	assert_int_equal(mm_mlock(mm, a, PAGE_SIZE, true), 0);
	assert_int_equal(mm_madvise(mm, a, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	file_put(&f->file);
}

static void dontneed_zeroes(void **state)
{
	u64 a = map(0, 4 * PAGE_SIZE, RW, ANON);
	u8 v;

	assert_int_equal(world_write(mm, a, 3), 0);
	assert_int_equal(mm_madvise(mm, a, PAGE_SIZE, MADV_DONTNEED), 0);
	assert_int_equal(world_read(mm, a, &v), 0);
	assert_int_equal(v, 0);
}

static void locked_memory_is_present(void **state)
{
	u64 a = map(0, 8 * PAGE_SIZE, RW, ANON);

	assert_int_equal(mm_mlock(mm, a + 5, 2 * PAGE_SIZE, true), 0); /* three pages */
	assert_int_equal(mm->locked_pages, 3);
	assert_true(pt_lookup(&mm->pt, a + 2 * PAGE_SIZE).present);
	assert_int_equal(mm_mlock(mm, a, 100 * PAGE_SIZE, true), -ENOMEM);
	assert_int_equal(mm_mlock(mm, a, 8 * PAGE_SIZE, false), 0);
	assert_int_equal(mm->locked_pages, 0);
	a = map(0, 4 * PAGE_SIZE, RW, ANON | MAP_LOCKED);
	assert_true(pt_lookup(&mm->pt, a + 3 * PAGE_SIZE).present);
	assert_int_equal(mm->locked_pages, 4);
	assert_int_equal(mm_munmap(mm, a, PAGE_SIZE), 0);
	assert_int_equal(mm->locked_pages, 3);
}

static void mincore_tells_what_is_there(void **state)
{
	u64 a = map(0x20000000, 32 * PAGE_SIZE, RW, ANON), vec = map(0, PAGE_SIZE, RW, ANON);
	u8 got[32];

	assert_int_equal(world_write(mm, a + 17 * PAGE_SIZE, 1), 0);
	assert_int_equal(mm_mincore(mm, a, 32 * PAGE_SIZE, user(vec)), 0);
	assert_int_equal(copy_from_user(got, user(vec), 32), 0);
	for (int i = 0; i < 32; i++)
		assert_int_equal(got[i], i >= 16);
	assert_int_equal(mm_mincore(mm, a + 1, PAGE_SIZE, user(vec)), -EINVAL);
	assert_int_equal(mm_mincore(mm, a, 33 * PAGE_SIZE, user(vec)), -ENOMEM);
	assert_int_equal(mm_mincore(mm, a, PAGE_SIZE, user(0)), -EFAULT);
}

static void msync_checks_its_arguments(void **state)
{
	u64 a = map(AT, 4 * PAGE_SIZE, RW, ANON | MAP_FIXED);

	assert_int_equal(mm_msync(mm, a, PAGE_SIZE, MS_SYNC), 0);
	assert_int_equal(mm_msync(mm, a, PAGE_SIZE, MS_SYNC | MS_ASYNC), -EINVAL);
	assert_int_equal(mm_msync(mm, a, PAGE_SIZE, 64), -EINVAL);
	assert_int_equal(mm_msync(mm, a + 1, PAGE_SIZE, MS_SYNC), -EINVAL);
	assert_int_equal(mm_msync(mm, a, 5 * PAGE_SIZE, MS_SYNC), -ENOMEM);
}

static void fixed_pages_stay(void **state)
{
	struct page *page = page_alloc(0, ALLOC_ZERO);
	u64 a = 0x40000000;

	*(u8 *)page_virt(page) = 123;
	assert_int_equal(mm_map_fixed_pages(mm, a, &page, 1, PROT_READ | PROT_EXEC, "[vdso]"), 0);
	assert_int_equal(mm_map_fixed_pages(mm, a, &page, 1, PROT_READ, "[vdso]"), -EEXIST);
	struct mm *child = mm_clone(mm);
	u8 v;

	assert_int_equal(world_read(child, a, &v), 0);
	assert_int_equal(v, 123);
	mm_put(child);
	assert_int_equal(mm_madvise(mm, a, PAGE_SIZE, MADV_DONTNEED), -EINVAL);
	assert_int_equal(world_write(mm, a, 1), ACCERR);
	page_put(page);
	assert_int_equal(world_read(mm, a, &v), 0);
	assert_int_equal(mm_munmap(mm, a, PAGE_SIZE), 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
int main(void)
{
	const struct CMUnitTest tests[] = {
	    T(bad_arguments_are_refused),
	    T(low_addresses_need_a_capability),
	    T(addresses_are_chosen),
	    T(equal_neighbours_become_one),
	    T(mappings_are_limited_in_number),
	    T(limits_of_the_process_count),
	    T(only_hopeless_overcommit_is_refused),
	    T(protections_are_kept),
	    T(a_protected_page_keeps_its_contents),
	    T(sequential_faults_map_more_and_more),
	    T(sparse_faults_stay_small),
	    T(large_mappings_get_large_pages),
	    T(memory_that_is_out_is_reported),
	    T(stacks_grow_down_to_their_limit),
	    T(stacks_keep_away_from_others),
	    T(file_rights_limit_mappings),
	    T(private_pages_are_copies),
	    T(cached_pages_are_mapped_by_one_fault),
	    T(cached_code_is_there_without_a_fault),
	    T(code_cached_later_takes_a_fault_each_megabyte),
	    T(what_a_loader_maps_to_write_is_copied_at_once),
	    T(sequential_faults_grow_in_each_mapping_by_itself),
	    T(a_small_mapping_takes_one_fault_wherever_it_lies),
	    T(beyond_the_end_is_sigbus),
	    T(truncation_and_holes_reach_every_mapping),
	    T(files_live_as_long_as_their_mappings),
	    T(shared_anonymous_memory_is_shared_by_fork),
	    T(after_the_child_has_gone_one_fault_is_enough),
	    T(sequential_copies_grow),
	    T(what_a_child_wrote_costs_the_next_child_no_fault),
	    T(what_was_written_after_a_fork_costs_no_fault_after_the_next),
	    T(another_cpu_sees_the_copy),
	    T(fork_honours_advice),
	    T(fork_fails_without_memory),
	    T(brk_moves_within_limits),
	    T(mprotect_errors),
	    T(mremap_errors),
	    T(mremap_moves_large_pages_whole),
	    T(mremap_of_length_zero_maps_shared_pages_again),
	    T(mremap_without_memory_changes_nothing),
	    T(madvise_errors),
	    T(dontneed_zeroes),
	    T(locked_memory_is_present),
	    T(mincore_tells_what_is_there),
	    T(msync_checks_its_arguments),
	    T(fixed_pages_stay),

	};

	return cmocka_run_group_tests_name("vm", tests, NULL, NULL);
}
