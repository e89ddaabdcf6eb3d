/* SPDX-License-Identifier: Apache-2.0
 *
 * Which CPUs are asked for a flush and waited for, and when the tables of an address space are freed. CPUs are stacks
 * of which one runs at a time; the trap into ring 0 that loads CR3 looks whether the table still stands, the one that
 * sends an interrupt lets the others act.
 * sources: guestkernel/arch/cpu.c guestkernel/arch/pgtable.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/lib.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <ucontext.h>
#include <cmocka.h>
#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/events.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/poison.h"
#include "guestkernel/proc/process.h"

#define RAM	(8u << 20)
#define CPUS	3
#define PAGE_VA 0x400000ull

static struct boot_block boot_block;
static struct shared_page shared_page;
const struct boot_block *boot = &boot_block;
volatile struct shared_page *shared = &shared_page;
u8 *stub_memory;

static struct thread threads[CPUS];
static u8 *stacks[CPUS];
static u64 cr3[CPUS];
static unsigned loads[CPUS], yields, invalidations;
static u32 interrupted;
static void (*on_interrupt)(u32 who);
static void (*on_yield)(void);

/* ---- what is around ---- */

void flat_service_cr3(u64 root);
void flat_service_invlpg(u64 va);
void flat_service_halt(void);
void flat_service_out(u32 port, u32 value);

void klog(const char *format, ...) {}
/* Ends what the CPU does when a test expects it. */
static ucontext_t back;
static bool panic_is_due, panicked;
void panic(const char *format, ...)
{
	if (!panic_is_due)
		abort();
	panicked = true;
	setcontext(&back);
	abort();
}
bool events_before_idle(void)
{
	return false;
}
void events_handle(u32 events) {}
u64 time_tick_tsc(void)
{
	return 0;
}
u64 arch_tsc(void)
{
	return 0;
}
u64 arch_tsc_to_ns(u64 tsc)
{
	return tsc;
}
u64 arch_ns_to_tsc(u64 ns)
{
	return ns;
}
void flat_service_cr3(u64 root)
{
	int n = arch_cpu();
	/* The kernel half is what the next instruction runs in. */
	if (root != boot_block.page_table_root)
		assert_int_equal(((u64 *)phys_to_virt(root))[511], 0x1000 | 1);
	cr3[n] = root;
	loads[n]++;
}
void flat_service_invlpg(u64 va)
{
	invalidations++;
}
void flat_service_halt(void) {}
void flat_service_out(u32 port, u32 value)
{
	if (port == PORT_IPI) {
		interrupted |= value;
		if (on_interrupt)
			on_interrupt(value);
	} else if (port == PORT_YIELD) {
		assert_true(++yields < 1000);
		if (on_yield)
			on_yield();
	}
}

/* ---- CPUs ---- */

/* Runs fn on the kernel stack of a CPU, as arch_cpu() finds out where it is. */
static void on_cpu(int n, void (*fn)(void))
{
	ucontext_t here, before = back;
	getcontext(&here);
	here.uc_stack = (stack_t){.ss_sp = stacks[n] + 64, .ss_size = KERNEL_STACK_BYTES - 64};
	here.uc_link = &back;
	makecontext(&here, fn, 0);
	swapcontext(&back, &here);
	back = before;
}

static int setup(void **state)
{
	u64 *kernel;
	stub_memory = aligned_alloc(HUGE_SIZE, RAM);
	memset(stub_memory, 0, RAM);
	mm_unpoison(stub_memory, RAM);
	boot_block = (struct boot_block){.cpus = CPUS, .memory_bytes = RAM, .page_table_root = 0x2000, .tsc_khz = 1000};
	kernel = phys_to_virt(0x2000);
	kernel[511] = 0x1000 | 1;
	memset(cpus, 0, sizeof(cpus));
	memset(cr3, 0, sizeof(cr3));
	memset(loads, 0, sizeof(loads));
	yields = invalidations = interrupted = 0;
	on_interrupt = NULL;
	on_yield = NULL;
	arch_flat = true;
	page_init(0x10000, RAM, RAM);
	for (int i = 0; i < CPUS; i++) {
		stacks[i] = aligned_alloc(KERNEL_STACK_BYTES, KERNEL_STACK_BYTES);
		*(struct thread **)stacks[i] = &threads[i];
		threads[i].cpu = i;
		cpus[i].number = (u32)i;
		cpus[i].root = boot_block.page_table_root;
	}
	return 0;
}

static int teardown(void **state)
{
	free(stub_memory);
	for (int i = 0; i < CPUS; i++)
		free(stacks[i]);
	return 0;
}

static u64 pages_free(void)
{
	struct page_stats s;
	page_stats(&s);
	return s.free;
}

/* ---- tests ---- */

static struct pagetable a, b;

static void make_a(void)
{
	assert_int_equal(pt_create(&a), 0);
	assert_int_equal(pt_map(&a, PAGE_VA, 0x5000, PAGE_SIZE, PT_READ), 0);
}
static void make_b(void)
{
	assert_int_equal(pt_create(&b), 0);
}
static void load_a(void)
{
	arch_set_pagetable(&a);
}
static void load_b(void)
{
	arch_set_pagetable(&b);
}
static void load_kernel(void)
{
	arch_set_pagetable(NULL);
}
static void destroy_a(void)
{
	pt_destroy(&a);
}

static void tables_stay_while_a_cpu_has_them_loaded(void **state)
{
	u64 before, with_a;
	on_cpu(0, make_b);
	before = pages_free();
	on_cpu(0, make_a);
	with_a = pages_free();
	assert_true(with_a <= before - 4); /* four levels */
	on_cpu(0, load_a);
	on_cpu(1, load_a);
	on_cpu(2, load_a);
	on_cpu(2, load_b);
	cpus[1].lazy = true;
	on_cpu(0, destroy_a); /* CPU 1 idles with it: it is not woken up */
	assert_int_equal(interrupted, 0);
	assert_int_equal(pages_free(), with_a);
	on_cpu(0, load_b);
	assert_int_equal(pages_free(), with_a);
	on_cpu(1, load_kernel);
	assert_int_equal(pages_free(), before);
	assert_int_equal(cr3[1], boot_block.page_table_root);
	assert_int_equal(b.cpus, 5);
}

static void the_same_tables_are_not_loaded_twice(void **state)
{
	on_cpu(0, make_a);
	on_cpu(0, load_a);
	on_cpu(0, load_a);
	assert_int_equal(loads[0], 1);
}

static void flush_page(void)
{
	pt_flush(&a, PAGE_VA, PAGE_VA + PAGE_SIZE);
}
static void flush_if_asked(void)
{
	cpu_flush_if_asked();
}
static void enter_kernel(u32 who)
{
	for (int i = 0; i < CPUS; i++)
		if (who & (1u << i))
			cpus[i].attentive = true;
}

static void a_cpu_in_user_mode_is_interrupted_and_flushes_on_its_way_back(void **state)
{
	on_cpu(0, make_a);
	on_cpu(0, load_a);
	on_cpu(1, load_a);
	cpus[0].attentive = true;
	on_interrupt = enter_kernel;
	on_cpu(0, flush_page);
	assert_int_equal(interrupted, 2); /* CPU 2 never had it */
	assert_int_equal(loads[1], 1);
	on_cpu(1, flush_if_asked);
	assert_int_equal(loads[1], 2);
	on_cpu(1, flush_if_asked);
	assert_int_equal(loads[1], 2);
}

static void cpus_in_the_kernel_are_not_waited_for(void **state)
{
	on_cpu(0, make_a);
	on_cpu(0, load_a);
	on_cpu(1, load_a);
	on_cpu(2, load_a);
	cpus[1].attentive = true; /* waits for the kernel lock */
	cpus[2].lazy = true;
	on_cpu(0, flush_page);
	on_cpu(0, flush_page);
	assert_int_equal(interrupted, 0);
	assert_int_equal(yields, 0);
	on_cpu(1, flush_if_asked);
	assert_int_equal(loads[1], 2); /* once for both */
	on_cpu(2, load_kernel);
	on_cpu(2, load_a);
	on_cpu(2, flush_if_asked);
	assert_int_equal(loads[2], 3); /* loading was flush enough */
}

static void arrives_at_last(void)
{
	if (yields == 5)
		cpus[1].attentive = true;
}

static void waiting_lets_the_host_run_others(void **state)
{
	on_cpu(0, make_a);
	on_cpu(0, load_a);
	on_cpu(1, load_a);
	on_yield = arrives_at_last;
	on_cpu(0, flush_page);
	assert_int_equal(yields, 5);
}

static void flush_here_only(void)
{
	pt_flush_here(&a, PAGE_VA, PAGE_VA + PAGE_SIZE);
}

static void added_access_concerns_this_cpu_alone(void **state)
{
	on_cpu(0, make_a);
	on_cpu(0, load_a);
	on_cpu(1, load_a);
	on_cpu(0, flush_here_only);
	assert_int_equal(invalidations, 1);
	assert_int_equal(interrupted, 0);
	on_cpu(2, flush_here_only);
	assert_int_equal(invalidations, 1);
}

static void unlock(void)
{
	kernel_unlock();
}
static void lock_and_back(void)
{
	kernel_lock();
	kernel_unlock();
}
static void unlocked_by_other(void)
{
	if (yields == 3)
		on_cpu(1, unlock);
}
static void lock(void)
{
	kernel_lock();
}

static void tables_without_the_kernel_are_never_loaded(void **state)
{
	on_cpu(0, make_a);
	on_cpu(0, destroy_a);
	assert_int_equal(a.root, 0);
	panic_is_due = true;
	panicked = false;
	on_cpu(1, load_a);
	panic_is_due = false;
	assert_true(panicked);
	assert_int_equal(loads[1], 0);
}

static void a_cpu_that_waits_for_the_lock_yields(void **state)
{
	on_cpu(1, lock);
	on_yield = unlocked_by_other;
	on_cpu(0, lock_and_back);
	assert_int_equal(yields, 3);
}

/* ---- tables that address spaces share ---- */

#define LINK_VA 0x40000000ull

static struct page *table;
static u64 seen, unlike;

static enum pt_action look(void *arg, u64 va, struct pte pte, u32 *prot)
{
	seen++;
	unlike +=
	    pte.linked != page_addr(table) || pte.pa != 0x400000 + (va - LINK_VA) || pte.prot != (PT_READ | PT_EXEC);
	return PT_KEEP;
}
static void look_at_a(void)
{
	seen = unlike = 0;
	assert_int_equal(pt_walk_range(&a, LINK_VA + PAGE_SIZE, LINK_VA + 2 * HUGE_SIZE, look, NULL), 0);
}
static void link_both(void)
{
	table = pt_make_table(0x400000, PT_READ | PT_EXEC);
	assert_non_null(table);
	assert_int_equal(pt_link(&a, LINK_VA, table), 0);
	assert_int_equal(pt_link(&b, LINK_VA + HUGE_SIZE, table), 0);
	assert_int_equal(pt_link(&a, LINK_VA, table), -EEXIST);
	assert_int_equal(pt_link(&a, PAGE_VA, table), -EEXIST);
	assert_int_equal(table->refs, 3);
}
static void unlink_nothing(void)
{
	assert_int_equal(pt_unlink_range(&a, 0, LINK_VA), 0);
	assert_int_equal(pt_unlink_range(&a, LINK_VA + HUGE_SIZE, USER_END), 0);
	pt_free_range(&a, 0, USER_END);
	assert_true(pt_lookup(&a, LINK_VA).present);
}
static void unlink_a(void)
{
	assert_int_equal(pt_unlink_range(&a, LINK_VA + 7 * PAGE_SIZE, LINK_VA + 8 * PAGE_SIZE), 1);
}
static void let_go(void)
{
	page_put(table);
}
static void destroy_b(void)
{
	pt_destroy(&b);
}

static void a_linked_table_belongs_to_its_owner(void **state)
{
	u64 before = pages_free();
	on_cpu(0, make_a);
	on_cpu(0, make_b);
	on_cpu(0, link_both);
	assert_int_equal(pt_lookup(&a, LINK_VA + 511 * PAGE_SIZE).pa, 0x400000 + 511 * PAGE_SIZE);
	assert_false(pt_lookup(&a, LINK_VA + HUGE_SIZE).present);
	on_cpu(0, look_at_a);
	assert_int_equal(seen, 511);
	assert_int_equal(unlike, 0);
	on_cpu(0, load_a);
	on_cpu(0, unlink_nothing);
	invalidations = loads[0] = 0;
	on_cpu(0, unlink_a);
	assert_true(invalidations + loads[0] > 0);
	assert_false(pt_lookup(&a, LINK_VA).present);
	assert_true(pt_lookup(&a, PAGE_VA).present);
	assert_int_equal(pt_lookup(&b, LINK_VA + HUGE_SIZE).pa, 0x400000);
	assert_int_equal(table->refs, 2);
	b.dying = true;
	on_cpu(0, destroy_b);
	assert_int_equal(table->refs, 1);
	on_cpu(0, let_go);
	on_cpu(0, load_kernel);
	on_cpu(0, destroy_a);
	assert_int_equal(pages_free(), before);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(tables_stay_while_a_cpu_has_them_loaded, setup, teardown),
	    cmocka_unit_test_setup_teardown(the_same_tables_are_not_loaded_twice, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_cpu_in_user_mode_is_interrupted_and_flushes_on_its_way_back, setup,
					    teardown),
	    cmocka_unit_test_setup_teardown(cpus_in_the_kernel_are_not_waited_for, setup, teardown),
	    cmocka_unit_test_setup_teardown(waiting_lets_the_host_run_others, setup, teardown),
	    cmocka_unit_test_setup_teardown(added_access_concerns_this_cpu_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_linked_table_belongs_to_its_owner, setup, teardown),
	    cmocka_unit_test_setup_teardown(tables_without_the_kernel_are_never_loaded, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_cpu_that_waits_for_the_lock_yields, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
