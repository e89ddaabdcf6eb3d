/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/boot.h"

#include <assert.h>
#include <cpuid.h>
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <link.h>
#include <linux/mman.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "abi/trace.h"
#include "runner/images.h"

struct boot_clock boot_clock;

/* Page table entries (SDM vol. 3, 4.5). Accessed and dirty from the start: hosts that shadow page tables map neighbours
 * of a touched page ahead only when they are marked accessed. */
#define P    0x1ull
#define RW   0x2ull
#define U    0x4ull
#define PWT  0x8ull
#define PCD  0x10ull
#define AD   0x60ull
#define PS   0x80ull
#define NX   (1ull << 63)
#define PAGE 4096ull
#define HUGE (2ull << 20)
#define GIB  (1ull << 30)

/* What every small program makes the kernel touch: had from the host in a few calls rather than a fault for each page.
 * The frame table's start, and free memory: first page tables, then behind the receive buffers kernel objects and the
 * program's pages. */
#define READY_FRAME_TABLE_BYTES (64ull << 10)
#define READY_TABLES_BYTES	(16 * PAGE)
#define READY_FREE_BYTES	(128ull << 10)

struct builder {
	struct vm *vm;
	const struct kernel_header *kernel;
	uint64_t next_table; /* guest-physical */
	uint64_t user;	     /* U in the flat layout, where the kernel runs in ring 3 */
	bool full;
};

static void *at(struct builder *b, uint64_t address, uint64_t length)
{
	return memory_range(&b->vm->memory, gpa(address), length);
}

/* What lies below free_start, which boot_prepare has compared with the RAM. */
static void *inside(struct builder *b, uint64_t address, uint64_t length)
{
	void *host = at(b, address, length);
	assert(host);
	return host;
}

/* A fresh zero page below BOOT_TABLES_END; guest memory is zero from the start. */
static uint64_t new_table(struct builder *b)
{
	uint64_t table = b->next_table;
	if (table >= BOOT_TABLES_END) {
		b->full = true;
		return BOOT_TABLES_END - PAGE;
	}
	b->next_table += PAGE;
	return table;
}

static uint64_t *entry(struct builder *b, uint64_t table, unsigned index)
{
	return (uint64_t *)inside(b, table, PAGE) + index;
}

/* The table below entry `index`, made when missing. */
static uint64_t descend(struct builder *b, uint64_t table, unsigned index)
{
	uint64_t *e = entry(b, table, index);
	if (!(*e & P))
		*e = new_table(b) | P | RW | b->user | AD;
	return *e & ~0xfffull;
}

static void map_small(struct builder *b, uint64_t root, uint64_t va, uint64_t pa, uint64_t bits)
{
	uint64_t pdpt = descend(b, root, va >> 39 & 511);
	uint64_t pd = descend(b, pdpt, va >> 30 & 511);
	uint64_t pt = descend(b, pd, va >> 21 & 511);
	*entry(b, pt, va >> 12 & 511) = pa | bits | P | b->user | AD;
}

static void map_huge(struct builder *b, uint64_t root, uint64_t va, uint64_t pa, uint64_t bits)
{
	uint64_t pdpt = descend(b, root, va >> 39 & 511);
	uint64_t pd = descend(b, pdpt, va >> 30 & 511);
	*entry(b, pd, va >> 21 & 511) = pa | bits | P | PS | b->user | AD;
}

/* Write and execute rights of a page of the kernel image at its kernel address. */
static uint64_t kernel_bits(const struct kernel_header *kernel, uint64_t va)
{
	if (va < kernel->text_end)
		return 0;
	return va < kernel->rodata_end ? NX : RW | NX;
}

/* The kernel image at BOOT_KERNEL_MAP; all RAM and the device window at BOOT_DIRECT_MAP. The first 2 MiB
 * of the direct map in small pages, with the kernel's text and constants read-only there too. */
static uint64_t build_tables(struct builder *b)
{
	uint64_t root = new_table(b);
	uint64_t start = BOOT_KERNEL_MAP + BOOT_KERNEL_GPA;
	for (uint64_t va = start; va < b->kernel->image_end; va += PAGE)
		map_small(b, root, va, va - BOOT_KERNEL_MAP, kernel_bits(b->kernel, va));
	for (uint64_t pa = 0; pa < HUGE; pa += PAGE) {
		uint64_t va = BOOT_KERNEL_MAP + pa;
		bool constant = va >= start && va < b->kernel->rodata_end;
		map_small(b, root, BOOT_DIRECT_MAP + pa, pa, NX | (constant ? 0 : RW));
	}
	for (uint64_t pa = HUGE; pa < b->vm->memory.size; pa += HUGE)
		map_huge(b, root, BOOT_DIRECT_MAP + pa, pa, RW | NX);
	for (uint64_t pa = b->vm->memory.size; pa < b->vm->memory.size + b->vm->window_bytes; pa += HUGE)
		map_huge(b, root, BOOT_DIRECT_MAP + pa, pa, NX);
	map_huge(b, root, BOOT_DIRECT_MAP + BOOT_MMIO_BASE, BOOT_MMIO_BASE, RW | NX | PCD | PWT);
	return root;
}

/* ---- descriptor tables, one page each CPU ---- */

static void set_gate(uint64_t *idt, unsigned vector, uint64_t handler, unsigned dpl, unsigned ist)
{
	idt[2 * vector] = (handler & 0xffff) | (uint64_t)BOOT_KERNEL_CS << 16 | (uint64_t)ist << 32 | 0x8e00ull << 32 |
			  (uint64_t)dpl << 45 | (handler >> 16 & 0xffff) << 48;
	idt[2 * vector + 1] = handler >> 32;
}

#define IST_FAULT 1 /* split: double fault; flat: unused */
#define IST_EVENT 2 /* flat: the event vector, so that its frame never meets an exception's */

static void fill_idt(struct builder *b, uint64_t *idt, unsigned cpu, enum boot_layout layout)
{
	const struct kernel_header *k = b->kernel;
	bool flat = layout == LAYOUT_FLAT;
	uint64_t stubs = flat ? k->trap_flat + cpu * k->trap_flat_cpu_stride : k->trap_split;
	for (unsigned v = 0; v <= BOOT_EVENT_VECTOR; v++) {
		unsigned dpl = v == 3 || v == 4 ? 3 : 0;
		unsigned ist = v == 8 && !flat ? IST_FAULT : v == BOOT_EVENT_VECTOR && flat ? IST_EVENT : 0;
		set_gate(idt, v, stubs + v * k->trap_stride, dpl, ist);
	}
}

static void fill_cpu_page(struct builder *b, unsigned cpu, enum boot_layout layout)
{
	uint64_t where = BOOT_CPU_GPA + cpu * PAGE;
	uint8_t *page = inside(b, where, PAGE);
	uint64_t *gdt = (uint64_t *)(page + BOOT_CPU_GDT);
	uint64_t tss = BOOT_DIRECT_MAP + where + BOOT_CPU_TSS;
	gdt[BOOT_KERNEL_CS / 8] = 0x00af9b000000ffff;
	gdt[BOOT_KERNEL_DS / 8] = 0x00cf93000000ffff;
	gdt[4] = 0x00cffb000000ffff; /* 32-bit user code: SYSRET's layout wants the slot */
	gdt[BOOT_USER_DS / 8] = 0x00cff3000000ffff;
	gdt[BOOT_USER_CS / 8] = 0x00affb000000ffff;
	gdt[BOOT_TSS_SEL / 8] = 0x67 | (tss & 0xffffff) << 16 | 0x8bull << 40 | (tss >> 24 & 0xff) << 56;
	gdt[BOOT_TSS_SEL / 8 + 1] = tss >> 32;
	const struct kernel_header *k = b->kernel;
	uint64_t top = k->ring0_stacks + (cpu + 1) * k->ring0_stack_bytes;
	uint64_t middle = top - k->ring0_stack_bytes / 2;
	uint64_t boot_stack = k->boot_stacks + (cpu + 1) * k->boot_stack_bytes;
	uint64_t rsp0 = layout == LAYOUT_FLAT ? top : boot_stack;
	memcpy(page + BOOT_CPU_TSS + 4, &rsp0, 8);
	memcpy(page + BOOT_CPU_TSS + 0x24, &top, 8);
	memcpy(page + BOOT_CPU_TSS + 0x2c, &middle, 8);
	page[BOOT_CPU_TSS + 0x66] = 0x68;
	uint64_t *idt = (uint64_t *)(page + BOOT_CPU_IDT);
	fill_idt(b, idt, cpu, layout);
}

/* ---- CPU registers ---- */

#define CR4_PAE	       (1u << 5)
#define CR4_OSFXSR     (1u << 9)
#define CR4_OSXMMEXCPT (1u << 10)
#define CR4_UMIP       (1u << 11)
#define CR4_FSGSBASE   (1u << 16)
#define CR4_OSXSAVE    (1u << 18)
#define CR4_SMEP       (1u << 20)
#define CR4_SMAP       (1u << 21)

static uint64_t cr4_for(enum boot_layout layout, struct error *error)
{
	unsigned a, b, c, d;
	/* The host's own: what KVM offers leaves out FSGSBASE where ring 0 is emulated. */
	__cpuid_count(7, 0, a, b, c, d);
	uint64_t cr4 = CR4_PAE | CR4_OSFXSR | CR4_OSXMMEXCPT | CR4_OSXSAVE | CR4_FSGSBASE;
	if (!(b & 1)) {
		error_set(error, STATUS_RUNNER,
			  "this CPU has no FSGSBASE instructions (Intel: since 2012, AMD: since 2014)");
		return 0;
	}
	if (layout == LAYOUT_SPLIT) {
		cr4 |= b & (1u << 7) ? CR4_SMEP : 0;
		cr4 |= b & (1u << 20) ? CR4_SMAP : 0;
		cr4 |= c & (1u << 2) ? CR4_UMIP : 0;
	}
	return cr4;
}

/* SYSCALL clears these. In flat IF stays: nothing in ring 3 could set it again there. */
#define FMASK_SPLIT 0x47700ull /* AC NT DF IF TF and IOPL */
#define FMASK_FLAT  0x44500ull /* AC NT DF TF */

static int start_cpus(struct builder *b, const struct boot_options *options, uint64_t root, struct error *error)
{
	const struct kernel_header *k = b->kernel;
	bool flat = options->layout == LAYOUT_FLAT;
	uint64_t cr4 = cr4_for(options->layout, error);
	if (!cr4)
		return -1;
	for (unsigned cpu = 0; cpu < b->vm->cpus; cpu++) {
		fill_cpu_page(b, cpu, options->layout);
		uint64_t page = BOOT_DIRECT_MAP + BOOT_CPU_GPA + cpu * PAGE;
		struct vcpu_start start = {
		    .rip = k->entry,
		    .rsp = k->boot_stacks + (cpu + 1) * k->boot_stack_bytes,
		    .rdi = cpu,
		    .rflags = flat ? 0x202 : 0x2,
		    .cr3 = root,
		    .cr4 = cr4,
		    .gdt = page + BOOT_CPU_GDT,
		    .idt = page + BOOT_CPU_IDT,
		    .tss = page + BOOT_CPU_TSS,
		    .star = (uint64_t)BOOT_KERNEL_CS << 32 | (uint64_t)(0x20 | 3) << 48,
		    .lstar = (flat ? k->lstar_flat : k->lstar_split) + cpu * k->lstar_stride,
		    .fmask = flat ? FMASK_FLAT : FMASK_SPLIT,
		    .user = flat,
		};
		if (vcpu_set_start(b->vm, cpu, &start, error))
			return -1;
	}
	return 0;
}

/* ---- boot block ---- */

static uint64_t clock_ns(clockid_t clock)
{
	struct timespec ts;
	clock_gettime(clock, &ts);
	return (uint64_t)ts.tv_sec * 1000000000 + (uint64_t)ts.tv_nsec;
}

static int read_clocks(struct vm *vm, struct boot_block *block, struct error *error)
{
	if (vcpu_get_tsc(vm, 0, &block->wall_tsc, error))
		return -1;
	block->wall_ns = clock_ns(CLOCK_REALTIME);
	block->tsc_khz = vm->tsc_khz;
	boot_clock = (struct boot_clock){.tsc = block->wall_tsc, .ns = clock_ns(CLOCK_MONOTONIC), .khz = vm->tsc_khz};
	return 0;
}

/* Split virtqueues of the vsock device, three pages each (virtio 1.2, 2.7). */
static void place_queues(struct boot_vsock *vsock)
{
	vsock->mmio = BOOT_MMIO_BASE;
	vsock->guest_cid = 3;
	for (unsigned q = 0; q < VSOCK_QUEUES; q++) {
		uint64_t base = BOOT_QUEUE_GPA + q * 3 * PAGE;
		vsock->queue[q] = (struct boot_queue){
		    .desc = base, .driver = base + PAGE, .device = base + 2 * PAGE, .size = VSOCK_QUEUE_SIZE};
	}
}

static uint64_t initramfs_place(void)
{
	return ((const struct kernel_header *)image_kernel)->image_end - BOOT_KERNEL_MAP;
}

/* Asks the host for these pages now. Without effect on an old kernel: they come as they are touched. */
static void make_ready(struct vm *vm, uint64_t start, uint64_t bytes)
{
	void *at_start = memory_range(&vm->memory, gpa(start), bytes);
	if (at_start)
		madvise(at_start, bytes, MADV_POPULATE_WRITE);
}

/* Where this byte of the executable stands in its file; -1 when it is of no segment. */
static off_t file_offset(const void *at)
{
	const ElfW(Phdr) *segment = (const ElfW(Phdr) *)getauxval(AT_PHDR);
	uintptr_t base = (uintptr_t)segment - sizeof(ElfW(Ehdr)); /* ld puts the table behind the header */
	for (unsigned long i = 0; segment && i < getauxval(AT_PHNUM); i++) {
		uintptr_t offset = (uintptr_t)at - base - segment[i].p_vaddr;
		if (segment[i].p_type == PT_LOAD && offset < segment[i].p_filesz)
			return (off_t)(segment[i].p_offset + offset);
	}
	return -1;
}

/* A page-aligned image of the executable appears in guest memory. As a private mapping of the file, which costs no copy
 * and shares what the guest only reads; a plain copy where that cannot be had. */
static void load(int self, uint8_t *to, const uint8_t *image, uint64_t bytes)
{
	uint64_t pages = (bytes + PAGE - 1) & ~(PAGE - 1);
	off_t offset = self < 0 ? -1 : file_offset(image);
	if (offset < 0 || mmap(to, pages, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_FIXED, self, offset) == MAP_FAILED)
		memcpy(to, image, bytes);
}

void boot_load(struct vm *vm)
{
	uint64_t kernel_bytes = (uint64_t)(image_kernel_end - image_kernel);
	uint64_t initramfs_bytes = (uint64_t)(image_initramfs_end - image_initramfs);
	uint8_t *kernel = memory_range(&vm->memory, gpa(BOOT_KERNEL_GPA), kernel_bytes);
	uint8_t *initramfs = memory_range(&vm->memory, gpa(initramfs_place()), initramfs_bytes);
	if (!kernel || !initramfs)
		return; /* boot_prepare says so */
	int self = open("/proc/self/exe", O_RDONLY | O_CLOEXEC);
	load(self, kernel, image_kernel, kernel_bytes);
	load(self, initramfs, image_initramfs, initramfs_bytes);
	if (self >= 0)
		close(self);
	uint64_t tables = (initramfs_place() + initramfs_bytes + PAGE - 1) & ~(PAGE - 1);
	uint64_t frames = tables + BOOT_FIRST_TABLES * PAGE;
	make_ready(vm, tables, READY_TABLES_BYTES);
	make_ready(vm, frames, READY_FRAME_TABLE_BYTES);
	uint64_t first = frames + (vm->memory.size + vm->window_bytes) / PAGE * BOOT_FRAME_BYTES;
	make_ready(vm, first + BOOT_RX_FRAMES * PAGE, READY_FREE_BYTES);
}

int boot_prepare(struct vm *vm, const struct boot_options *options, struct boot_block *block, struct error *error)
{
	uint64_t kernel_bytes = (uint64_t)(image_kernel_end - image_kernel);
	uint64_t initramfs_bytes = (uint64_t)(image_initramfs_end - image_initramfs);
	const struct kernel_header *kernel = (const struct kernel_header *)image_kernel;
	if (kernel_bytes < sizeof(*kernel) || kernel->magic != KERNEL_MAGIC)
		return error_set(error, STATUS_RUNNER, "the guest kernel inside this executable is damaged");
	struct builder b = {
	    .vm = vm, .kernel = kernel, .next_table = BOOT_TABLES_GPA, .user = options->layout == LAYOUT_FLAT ? U : 0};
	uint64_t initramfs = initramfs_place();
	uint64_t trace = (initramfs + initramfs_bytes + PAGE - 1) & ~(PAGE - 1);
	uint64_t trace_bytes = options->trace_only ? (sizeof(struct trace_area) + PAGE - 1) & ~(PAGE - 1) : 0;
	uint64_t free_start = trace + trace_bytes;
	uint8_t *kernel_at = at(&b, BOOT_KERNEL_GPA, kernel_bytes), *initramfs_at = at(&b, initramfs, initramfs_bytes);
	if (!kernel_at || !initramfs_at || free_start + (4 << 20) > vm->memory.size)
		return error_set(error, STATUS_RUNNER, "--memory %llu MiB is too little for the guest kernel",
				 (unsigned long long)(vm->memory.size >> 20));
	if (options->trace_only) {
		struct trace_area *area = inside(&b, trace, sizeof(*area));
		memcpy(area->only, options->trace_only, sizeof(area->only));
	}
	*block = (struct boot_block){
	    .magic = BOOT_MAGIC,
	    .layout = options->layout,
	    .cpus = vm->cpus,
	    .flags = options->flags,
	    .memory_bytes = vm->memory.size,
	    .first_bytes = vm->first_bytes,
	    .window_bytes = vm->window_bytes,
	    .free_start = free_start,
	    .trace = options->trace_only ? trace : 0,
	    .initramfs = initramfs,
	    .initramfs_bytes = initramfs_bytes,
	    .xcr0 = vm->xcr0,
	    .xsave_bytes = vm->xsave_bytes,
	    .features = vm->features,
	};
	if (options->calls)
		memcpy(block->calls, options->calls->bits, sizeof(block->calls));
	place_queues(&block->vsock);
	block->page_table_root = build_tables(&b);
	if (b.full)
		return error_set(error, STATUS_RUNNER, "--memory is too large for the boot page tables");
	if (start_cpus(&b, options, block->page_table_root, error) || read_clocks(vm, block, error))
		return -1;
	if (getrandom(block->seed, sizeof(block->seed), 0) != sizeof(block->seed))
		return error_errno(error, STATUS_RUNNER, "getrandom");
	memcpy(inside(&b, BOOT_BLOCK_GPA, sizeof(*block)), block, sizeof(*block));
	return 0;
}
