/* SPDX-License-Identifier: Apache-2.0
 *
 * The host stand-in for guestkernel/arch/: see arch_stub.h. Needs no other part of the kernel. Functions that a test
 * may want from the real lib.c or random.c are weak here.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/poison.h"
#include "tests/unit/arch_stub.h"

u8 *stub_memory;
u64 stub_memory_bytes;
struct thread *stub_current;
struct thread stub_thread;
struct process stub_process;
int stub_cpu, stub_cpus = 1;
u64 stub_now_ns, stub_deadline;
u32 stub_events;
unsigned stub_switches, stub_kicks, stub_flushes;
void (*stub_idle_hook)(void);
void (*stub_flush_hook)(struct pagetable *pt, u64 start, u64 end);
long stub_tables_left, stub_tables_used;
u64 stub_discarded_bytes;
unsigned stub_memory_wanted;

static struct boot_block stub_boot;
static struct shared_page stub_shared;
const struct boot_block *boot = &stub_boot;
volatile struct shared_page *shared = &stub_shared;

void stub_exit(void)
{
	if (stub_memory)
		munmap(stub_memory, stub_memory_bytes);
	stub_memory = NULL;
}

u64 stub_window_bytes;

void stub_init(u64 memory_bytes)
{
	stub_exit();
	stub_memory = mmap(NULL, memory_bytes + stub_window_bytes, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (stub_memory == MAP_FAILED)
		abort();
	mm_unpoison(stub_memory, memory_bytes);
	stub_memory_bytes = memory_bytes;
	memset(&stub_boot, 0, sizeof(stub_boot));
	memset(&stub_shared, 0, sizeof(stub_shared));
	memset(&stub_thread, 0, sizeof(stub_thread));
	memset(&stub_process, 0, sizeof(stub_process));
	stub_boot.magic = BOOT_MAGIC;
	stub_boot.cpus = 1;
	stub_boot.tsc_khz = 1000000;
	stub_boot.memory_bytes = memory_bytes;
	stub_boot.window_bytes = stub_window_bytes;
	for (size_t i = 0; i < ARRAY_SIZE(stub_process.rlimit); i++)
		stub_process.rlimit[i] = (struct k_rlimit){K_RLIM_INFINITY, K_RLIM_INFINITY};
	stub_process.pid = 1;
	stub_thread.cred.cap_effective = stub_thread.cred.cap_permitted = ~0ull;
	list_init(&stub_process.children);
	list_init(&stub_process.sibling);
	list_init(&stub_process.all_link);
	list_init(&stub_process.threads);
	list_init(&stub_thread.process_link);
	list_init(&stub_thread.run_link);
	list_append(&stub_process.threads, &stub_thread.process_link);
	stub_process.thread_count = 1;
	stub_process.leader = &stub_thread;
	stub_thread.process = &stub_process;
	stub_thread.tid = 1;
	stub_current = &stub_thread;
	stub_cpu = 0;
	stub_cpus = 1;
	stub_now_ns = stub_deadline = 0;
	stub_events = stub_kicks = stub_switches = stub_flushes = 0;
	stub_idle_hook = NULL;
	stub_flush_hook = NULL;
	stub_tables_left = 1 << 30;
	stub_tables_used = 0;
	stub_discarded_bytes = 0;
	stub_memory_wanted = 0;
}

/* ---- library functions whose real versions need a machine ---- */

__attribute__((weak)) void klog(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
}

__attribute__((weak)) void panic(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("panic: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	abort();
}

/* Repeatable, so that a failing test fails again. */
__attribute__((weak)) void random_bytes(void *buf, size_t n)
{
	static u64 state = 88172645463325252ull;
	u8 *p = buf;

	while (n--) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		*p++ = (u8)(state >> 24);
	}
}

/* ---- CPUs, threads ---- */

int arch_cpu(void)
{
	return stub_cpu;
}
int arch_cpus(void)
{
	return stub_cpus;
}
struct thread *arch_current(void)
{
	return stub_current;
}
void kernel_lock(void) {}
void kernel_unlock(void) {}
void arch_switch(struct thread *prev, struct thread *next)
{
	(void)prev;
	stub_switches++;
	stub_current = next;
}
void arch_thread_init_user(struct thread *t, const struct regs *regs)
{
	if (t->regs)
		*t->regs = *regs;
}
void arch_thread_init_kernel(struct thread *t, void (*fn)(void *), void *arg)
{
	(void)t;
	(void)fn;
	(void)arg;
}
void arch_exec_user(struct regs *regs, u64 entry, u64 stack)
{
	memset(regs, 0, sizeof(*regs));
	regs->rip = entry;
	regs->rsp = stack;
}
void arch_idle(u64 deadline)
{
	if (stub_idle_hook)
		stub_idle_hook();
	else if (deadline > stub_now_ns)
		stub_now_ns = deadline;
}
void arch_set_deadline(u64 tsc)
{
	stub_deadline = tsc;
}
void arch_kick_cpu(int cpu)
{
	stub_kicks |= 1u << cpu;
}
u32 arch_take_events(void)
{
	u32 events = stub_events;

	stub_events = 0;
	return events;
}
u64 arch_get_fsbase(struct thread *t)
{
	return t->arch.fsbase;
}
void arch_set_fsbase(struct thread *t, u64 base)
{
	t->arch.fsbase = base;
}
u64 arch_get_gsbase(struct thread *t)
{
	return t->arch.gsbase;
}
void arch_set_gsbase(struct thread *t, u64 base)
{
	t->arch.gsbase = base;
}

static _Alignas(64) u8 stub_fpu[832];

size_t arch_fpu_bytes(void)
{
	return sizeof(stub_fpu);
}
void *arch_fpu_save(void)
{
	return stub_fpu;
}
int arch_fpu_load(const void *image, size_t bytes)
{
	if (bytes > sizeof(stub_fpu))
		return -EINVAL;
	memcpy(stub_fpu, image, bytes);
	return 0;
}
void arch_fpu_reset(void)
{
	memset(stub_fpu, 0, sizeof(stub_fpu));
}

/* ---- time, end ---- */

u64 arch_tsc(void)
{
	return stub_now_ns;
}
u64 arch_tsc_to_ns(u64 tsc)
{
	return tsc;
}
u64 arch_ns_to_tsc(u64 ns)
{
	return ns;
}
void arch_poweroff(enum poweroff_reason reason)
{
	fprintf(stderr, "poweroff %d\n", reason);
	abort();
}
void arch_discard(paddr_t start, u64 length)
{
	if (start % PAGE_SIZE || length % PAGE_SIZE || start > stub_memory_bytes || length > stub_memory_bytes - start)
		abort();
	madvise(stub_memory + start, length, MADV_DONTNEED);
	stub_discarded_bytes += length;
}

void (*stub_file_io_hook)(struct file_io *io);

void arch_file_io(paddr_t request)
{
	struct file_io *io = phys_to_virt(request);
	io->result = -EBADF;
	if (stub_file_io_hook)
		stub_file_io_hook(io);
}

void arch_want_memory(void)
{
	stub_memory_wanted++;
}

/* ---- page tables: a four-level radix tree in host memory ---- */

/* Leaf: address | LEAF | HUGE | prot (PT_*). Otherwise, when not 0: a pointer to the next table. */
#define LEAF	  8ull
#define HUGE	  16ull
#define LEAF_ADDR 0x000ffffffffff000ull

struct table {
	u64 entry[512];
};

static struct table *table_new(void)
{
	if (stub_tables_left <= 0)
		return NULL;
	struct table *t = aligned_alloc(sizeof(*t), sizeof(*t)); /* the low bits of its address are flags */

	if (!t)
		abort();
	stub_tables_left--;
	stub_tables_used++;
	return memset(t, 0, sizeof(*t));
}
static void table_free(struct table *t)
{
	stub_tables_left++;
	stub_tables_used--;
	free(t);
}
static struct table *next_table(u64 entry)
{
	return (struct table *)(uintptr_t)entry;
}
static u64 *slot(struct table *t, u64 va, int level)
{
	return &t->entry[(va >> (PAGE_SHIFT + 9 * level)) & 511];
}
static u64 level_bytes(int level)
{
	return 1ull << (PAGE_SHIFT + 9 * level);
}

int pt_create(struct pagetable *pt)
{
	struct table *t = table_new();

	pt->cpus = 0;
	pt->root = (paddr_t)(uintptr_t)t;
	return t ? 0 : -ENOMEM;
}

static void destroy(struct table *t, int level)
{
	for (int i = 0; level && i < 512; i++)
		if (t->entry[i] && !(t->entry[i] & LEAF))
			destroy(next_table(t->entry[i]), level - 1);
	table_free(t);
}
void pt_destroy(struct pagetable *pt)
{
	destroy(next_table(pt->root), 3);
	pt->root = 0;
}

static int split(u64 *e)
{
	struct table *t = table_new();

	if (!t)
		return -ENOMEM;
	for (u64 i = 0; i < 512; i++)
		t->entry[i] = (*e & ~HUGE) + i * PAGE_SIZE;
	*e = (uintptr_t)t;
	return 0;
}

int pt_map(struct pagetable *pt, u64 va, paddr_t pa, u64 size, u32 prot)
{
	struct table *t = next_table(pt->root);
	int leaf_level = size == HUGE_SIZE ? 1 : 0;

	if (va % size || pa % size || va >= USER_END || prot & ~7u || pa >= stub_memory_bytes)
		abort();
	for (int level = 3; level > leaf_level; level--) {
		u64 *e = slot(t, va, level);
		struct table *n;

		if (*e & LEAF && split(e))
			return -ENOMEM;
		if (!*e) {
			n = table_new();
			if (!n)
				return -ENOMEM;
			*e = (uintptr_t)n;
		}
		t = next_table(*e);
	}
	u64 *e = slot(t, va, leaf_level);

	if (*e && !(*e & LEAF)) {
		for (int i = 0; i < 512; i++)
			if (next_table(*e)->entry[i])
				abort(); /* a huge page over small ones */
		table_free(next_table(*e));
	}
	*e = pa | LEAF | (leaf_level ? HUGE : 0) | prot;
	return 0;
}

int pt_map_batch(struct pagetable *pt, u64 va, const paddr_t *pages, int n, u32 prot)
{
	int r = 0;

	for (int i = 0; i < n && !r; i++)
		if (pages[i])
			r = pt_map(pt, va + (u64)i * PAGE_SIZE, pages[i], PAGE_SIZE, prot);
	return r;
}

static struct pte decode(u64 e)
{
	return (struct pte){
	    .present = e & LEAF, .huge = e & HUGE, .dirty = true, .prot = (u32)(e & 7), .pa = e & LEAF_ADDR};
}

struct pte pt_lookup(const struct pagetable *pt, u64 va)
{
	struct table *t = next_table(pt->root);

	if (va >= USER_END)
		return (struct pte){0};
	for (int level = 3;; level--) {
		u64 e = *slot(t, va, level);

		if (!e)
			return (struct pte){0};
		if (e & LEAF)
			return decode(e);
		t = next_table(e);
	}
}

static int walk(struct table *t, int level, u64 base, u64 start, u64 end, pt_visit fn, void *arg)
{
	for (u64 i = (start - base) / level_bytes(level); i < 512 && base + i * level_bytes(level) < end; i++) {
		u64 va = base + i * level_bytes(level);
		u64 *e = &t->entry[i];

		if (!*e)
			continue;
		if (*e & HUGE && (va < start || va + HUGE_SIZE > end) && split(e))
			return -ENOMEM;
		if (*e & LEAF) {
			u32 prot = *e & 7;
			enum pt_action action = fn(arg, va, decode(*e), &prot);

			if (action == PT_CLEAR)
				*e = 0;
			else if (action == PT_SETPROT)
				*e = (*e & ~7ull) | prot;
			continue;
		}
		int r = walk(next_table(*e), level - 1, va, MAX(start, va), MIN(end, va + level_bytes(level)), fn, arg);

		if (r)
			return r;
	}
	return 0;
}
int pt_walk_range(struct pagetable *pt, u64 start, u64 end, pt_visit fn, void *arg)
{
	if (start % PAGE_SIZE || end % PAGE_SIZE || start > end || end > USER_END)
		abort();
	return start < end ? walk(next_table(pt->root), 3, 0, start, end, fn, arg) : 0;
}

static void free_empty(struct table *t, int level, u64 base, u64 start, u64 end)
{
	for (u64 i = 0; level && i < 512; i++) {
		u64 va = base + i * level_bytes(level);
		bool used = false;

		if (!t->entry[i] || t->entry[i] & LEAF || va >= end || va + level_bytes(level) <= start)
			continue;
		free_empty(next_table(t->entry[i]), level - 1, va, start, end);
		for (int k = 0; k < 512; k++)
			used |= next_table(t->entry[i])->entry[k] != 0;
		if (!used && va >= start && va + level_bytes(level) <= end) {
			table_free(next_table(t->entry[i]));
			t->entry[i] = 0;
		}
	}
}
/* Files of these tests keep no tables: test_tlb has the real ones. */
struct page *pt_make_table(paddr_t first, u32 prot)
{
	return NULL;
}
int pt_link(struct pagetable *pt, u64 va, struct page *table)
{
	return -ENOMEM;
}
unsigned pt_unlink_range(struct pagetable *pt, u64 start, u64 end)
{
	return 0;
}

void pt_free_range(struct pagetable *pt, u64 start, u64 end)
{
	free_empty(next_table(pt->root), 3, 0, start, end);
}

void pt_flush(struct pagetable *pt, u64 start, u64 end)
{
	if (start > end)
		abort();
	stub_flushes++;
	if (stub_flush_hook)
		stub_flush_hook(pt, start, end);
}
void pt_flush_here(struct pagetable *pt, u64 start, u64 end)
{
	pt_flush(pt, start, end);
}
