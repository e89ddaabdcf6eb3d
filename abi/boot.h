/* SPDX-License-Identifier: Apache-2.0
 *
 * The boot contract: what the runner prepares in guest memory before the first instruction, and what guest and
 * runner share while the guest runs. Compiled by both sides.
 *
 * Guest-physical memory (all RAM is one range from 0; docs/memory-map.md draws it):
 *
 *   0x00001000  struct boot_block                (one page, written by the runner)
 *   0x00002000  struct shared_page               (one page, written by both sides while running)
 *   0x00003000  struct recent_cpu of each CPU    (one page, written by the guest)
 *   0x00004000  per-CPU descriptor pages: GDT, TSS, IDT, one page each CPU     (BOOT_MAX_CPUS pages)
 *   0x00020000  virtqueues of the vsock device   (VSOCK_QUEUES pages x 3, see below)
 *   0x0003f000  struct shared_window             (one page, written by the runner)
 *   0x00040000  page tables built by the runner  (up to 0x000f0000)
 *   0x00100000  kernel image, then its bss
 *   kernel end  (rounded up to 4 KiB) initramfs, page-aligned
 *   trace       struct trace_area, with --trace alone (abi/trace.h)
 *   free_start  the kernel's table of frames (BOOT_FRAME_BYTES for each frame of RAM and window), then free memory up to memory_bytes
 *   memory_bytes    window of host files, read-only, window_bytes long; no RAM (docs/files.md)
 *   BOOT_MMIO_BASE  virtio-mmio window, outside RAM
 *
 * Guest-virtual: all RAM and the MMIO window at BOOT_DIRECT_MAP + physical; the kernel image at
 * BOOT_KERNEL_MAP + physical. Both in the upper half; user programs have the lower half.
 */
#ifndef ABI_BOOT_H
#define ABI_BOOT_H

#define BOOT_MAX_CPUS 16

#define BOOT_PAGE 4096
#define BOOT_BLOCK_GPA 0x1000
#define BOOT_SHARED_GPA 0x2000
#define BOOT_RECENT_GPA 0x3000
#define BOOT_CPU_GPA 0x4000
#define BOOT_QUEUE_GPA 0x20000
#define BOOT_WINDOW_GPA 0x3f000
#define BOOT_TABLES_GPA 0x40000
#define BOOT_TABLES_END 0xf0000
#define BOOT_KERNEL_GPA 0x100000
#define BOOT_MMIO_BASE 0x7f00000000

/* Host files are mapped into the window in units: the least that can be mapped, and what the allocator counts in. */
#define WINDOW_UNIT 0x10000
#define WINDOW_UNIT_PAGES (WINDOW_UNIT / BOOT_PAGE)
#define WINDOW_UNITS_MAX 4096 /* 256 MiB */

#define BOOT_FRAME_BYTES 32
/* What stands first in free memory, so that the runner can have ready what is touched: frames for page tables, the table
 * of frames, then (on a multiple of 16) frames of receive buffers, then small blocks. */
#define BOOT_FIRST_TABLES 32
#define BOOT_RX_FRAMES 192

/* Not the first slot of the upper half: some hosts with emulated ring 0 keep it for themselves. */
#define BOOT_DIRECT_MAP 0xffff888000000000
#define BOOT_KERNEL_MAP 0xffffffff80000000

/* Offsets inside a per-CPU descriptor page. */
#define BOOT_CPU_GDT 0x000
#define BOOT_CPU_TSS 0x080
#define BOOT_CPU_IDT 0x100
#define BOOT_IDT_VECTORS 240 /* as many as fit into the rest of the page */

/* Selectors, in the order that SYSCALL/SYSRET want (APM vol. 2, 6.1.1). */
#define BOOT_KERNEL_CS 0x10
#define BOOT_KERNEL_DS 0x18
#define BOOT_USER_DS 0x2b
#define BOOT_USER_CS 0x33
#define BOOT_TSS_SEL 0x40

/* Interrupt vector of all events that the runner injects; shared_cpu.events says which. */
#define BOOT_EVENT_VECTOR 0x20
/* I/O ports, 32-bit OUT. */
#define PORT_POWEROFF 0x500 /* end of the run; value: enum poweroff_reason */
#define PORT_LOG 0x501      /* value bytes of shared_page.log are one piece of kernel log */
#define PORT_TIMER 0x502    /* this CPU's shared_cpu.deadline has become earlier: arm it */
#define PORT_IPI 0x503      /* value: bit mask of CPUs that get EVENT_IPI */
#define PORT_DISCARD 0x504  /* shared_page.discard: give these pages back to the host */
#define PORT_TRACE 0x505    /* the ring of the trace area is full (abi/trace.h) */
#define PORT_YIELD 0x506    /* this CPU waits for another one, which the host may have taken off its processor */
#define PORT_MEMORY 0x507   /* the RAM behind boot_block.first_bytes is wanted: it is there when the instruction ends */
#define PORT_FILE 0x508     /* value: number of the frame with a struct file_io, which is done when the instruction ends */

#define BOOT_F_VERBOSE 1u     /* name unknown system calls, log boot */
#define BOOT_F_LIMIT_CALLS 2u /* a process of the program that makes a call not in boot_block.calls dies by SIGSYS */
#define BOOT_F_NOTE_CALLS 4u  /* note the program's calls in shared_page.calls.used */

/* System call numbers that a set of them has room for; the last bit stands for all that it has no room for. */
#define BOOT_CALLS 512

/* Events: bits of shared_cpu.events, OR-ed in by the runner, exchanged with 0 by the guest. */
#define EVENT_TIMER 1u
#define EVENT_VSOCK 2u
#define EVENT_IPI 4u
#define EVENT_WINDOW 8u /* pages of the window are gone: shared_window tells which */

#ifndef __ASSEMBLER__
#include <stdint.h>

enum poweroff_reason {
	POWEROFF_DONE = 0,  /* the agent asked for it (reboot(2)) */
	POWEROFF_CRASH = 1, /* kernel bug or the agent died; shared_page.crash tells */
};

enum boot_layout { LAYOUT_SPLIT = 0, LAYOUT_FLAT = 1 };

#define BOOT_MAGIC 0x31544f4f42424e53ull   /* "SNBBOOT1" */
#define KERNEL_MAGIC 0x314c454e52454b53ull /* "SKERNEL1" */

#define VSOCK_QUEUE_SIZE 256 /* descriptors in each of rx, tx, event */
enum { VSOCK_RX, VSOCK_TX, VSOCK_EVENT, VSOCK_QUEUES };

/* Placement of one split virtqueue (virtio 1.2, 2.7) that the runner set up and handed over live. */
struct boot_queue {
	uint64_t desc, driver, device; /* guest-physical */
	uint32_t size, reserved;
};

/* Where to find the vsock device; it is in state DRIVER_OK with these queues when the guest starts. */
struct boot_vsock {
	uint64_t mmio;      /* guest-physical base of its virtio-mmio registers */
	uint64_t guest_cid;
	struct boot_queue queue[VSOCK_QUEUES];
};

struct boot_block {
	uint64_t magic; /* BOOT_MAGIC */
	uint32_t layout; /* enum boot_layout */
	uint32_t cpus;   /* 1..BOOT_MAX_CPUS */
	uint32_t flags;  /* BOOT_F_* */
	uint32_t tsc_khz;
	uint64_t memory_bytes;           /* RAM */
	uint64_t first_bytes;            /* of it there from the start: nothing behind them is touched before PORT_MEMORY */
	uint64_t free_start;             /* first free byte after the initramfs, page-aligned */
	uint64_t initramfs, initramfs_bytes;
	uint64_t page_table_root;        /* CR3 of the kernel's own tables */
	uint64_t wall_ns, wall_tsc;      /* the wall clock was wall_ns when the guest's TSC read wall_tsc */
	uint64_t xcr0;                   /* XSAVE features enabled */
	uint32_t xsave_bytes;            /* CPUID 0xd, 0: EBX for this XCR0 */
	uint32_t features;               /* CPUID 1: EDX */
	uint64_t trace;                  /* guest-physical struct trace_area (abi/trace.h); 0: no trace */
	uint64_t window_bytes;           /* of the window of host files, behind memory_bytes; 0: none */
	uint8_t seed[64];                /* entropy from the host */
	struct boot_vsock vsock;
	uint64_t calls[BOOT_CALLS / 64]; /* system calls that the program may make, with BOOT_F_LIMIT_CALLS */
};

/* Shared between one vCPU and the runner. */
struct shared_cpu {
	uint32_t events;   /* EVENT_*, atomic */
	uint32_t taken;    /* how often the guest has taken events. The runner injects BOOT_EVENT_VECTOR once, then not again
	                      before this has changed: so no second one can hit an entry that has not saved its frame yet */
	uint64_t deadline; /* guest TSC at which EVENT_TIMER is wanted; 0: none. Read when the CPU halts, on PORT_TIMER, and
	                      every BOOT_TICK_NS while the CPU runs: later deadlines need no PORT_TIMER */
	uint32_t waits;    /* set around a QueueNotify by a CPU that has nothing to do but wait for the files server: the runner may
	                      hold it for up to BOOT_WAIT_MS, until an answer is in the receive queue */
	uint32_t reserved;
	uint64_t root;     /* split: what CR3 holds, or is about to */
	uint64_t pad[4];
};

#define BOOT_WAIT_MS 1

/* What a CPU did last, in split alone: for the report of a triple fault, after which KVM knows no registers any more. */
enum recent_kind {
	RECENT_NONE,
	RECENT_CALL,    /* a system call of this number; its RIP */
	RECENT_TRAP,    /* exception or event: vector, error code << 8; its RIP */
	RECENT_ADDRESS, /* CR2 of the page fault before it */
	RECENT_USER,    /* to the program; its RIP */
	RECENT_TABLES,  /* CR3 */
	RECENT_STACK,   /* top of the kernel stack that is switched to */
	RECENT_HALT,
	RECENT_AWAKE,
	RECENT_KINDS
};
#define RECENT_EVENTS 16

struct recent_event {
	uint32_t what;   /* enum recent_kind << 24 | number */
	uint32_t serial; /* counts from 1: the greatest is the newest */
	uint64_t value;
};

struct recent_cpu {
	struct recent_event event[RECENT_EVENTS];
};
_Static_assert(sizeof(struct recent_cpu) * BOOT_MAX_CPUS <= BOOT_PAGE, "recent events");

/* Counters that --stats reports; written by the guest, never trusted. */
struct shared_stats {
	uint64_t tsc_kernel, tsc_agent, tsc_job, tsc_exec, tsc_exit; /* guest TSC: kernel entry, agent's first instruction, job
	                                                                 read, program's first instruction, program's end */
	uint64_t syscalls, faults, page_peak, oom_kills, context_switches;
	uint64_t unknown_syscalls;
};

struct shared_crash {
	uint32_t vector, cpu;
	uint64_t error_code, cr2;
	uint64_t rax, rbx, rcx, rdx, rsi, rdi, rbp, rsp, r8, r9, r10, r11, r12, r13, r14, r15, rip, rflags, cs, ss;
	char reason[256]; /* NUL-terminated by the reader */
};

struct shared_discard {
	uint64_t start, length; /* guest-physical, page-aligned */
};

/* System calls by number; written by the guest, never trusted. */
struct shared_calls {
	uint64_t used[BOOT_CALLS / 64];   /* with BOOT_F_NOTE_CALLS */
	uint64_t denied[BOOT_CALLS / 64]; /* with BOOT_F_LIMIT_CALLS: those that ended a process */
};

/* Files that the files server has lent to the runner (docs/files.md), by slot. */
#define FILE_IO_SLOTS 16
#define FILE_IO_FRAMES 1016 /* of one request: as many as its page has room for, and IOV_MAX takes */

/* One page anywhere in RAM: moves bytes between a lent file and frames of RAM. */
struct file_io {
	uint32_t slot;
	uint32_t write;  /* 0: from the file into RAM, 1: the other way */
	uint64_t offset; /* in the file */
	uint32_t first;  /* where in the first frame the bytes begin */
	uint32_t bytes;
	int64_t result;  /* by the runner: bytes that were moved, or -errno. EBADF: nothing is in the slot */
	uint32_t frame[FILE_IO_FRAMES]; /* guest-physical address / BOOT_PAGE */
};
_Static_assert(sizeof(struct file_io) == BOOT_PAGE, "a request is a page");

/* How often the runner looks at the deadlines of running CPUs. */
#define BOOT_TICK_NS 2000000

#define SHARED_LOG_BYTES 1024

/* One page, BOOT_SHARED_GPA; the runner copies before it looks. */
struct shared_page {
	struct shared_cpu cpu[BOOT_MAX_CPUS];
	struct shared_stats stats;
	struct shared_crash crash;
	struct shared_discard discard;
	struct shared_calls calls;
	uint32_t window_losses; /* how often pages of the window were lost */
	uint32_t reserved;
	char log[SHARED_LOG_BYTES];
};
_Static_assert(sizeof(struct shared_page) <= BOOT_PAGE, "shared page");

/* One page, BOOT_WINDOW_GPA, written by the runner alone: how many pages of each unit of the window show a file. Less than was
 * mapped when the file has become shorter; the rest reads as zero then (shared_page.window_losses). */
struct shared_window {
	uint8_t pages[WINDOW_UNITS_MAX];
};
_Static_assert(sizeof(struct shared_window) <= BOOT_PAGE, "shared window");

/* The first bytes of the kernel image; addresses are virtual (BOOT_KERNEL_MAP). */
struct kernel_header {
	uint64_t magic; /* KERNEL_MAGIC */
	uint64_t entry;                 /* CPU 0 at once, the others at their first event. RDI = CPU number, RSP = boot stack, IF = 0 in split, 1 in flat */
	uint64_t text_end, rodata_end;  /* page-aligned; text from the image's start, read-only data, then data */
	uint64_t file_end, image_end;   /* bytes in the file end; bss ends, page-aligned */
	uint64_t boot_stacks, boot_stack_bytes; /* CPU n starts at boot_stacks + (n + 1) * bytes */
	uint64_t lstar_split, lstar_flat, lstar_stride; /* CPU n enters system calls at lstar_* + n * stride */
	uint64_t trap_split, trap_flat;                 /* see below */
	uint64_t trap_stride, trap_flat_cpu_stride;     /* split: vector v (0..31, BOOT_EVENT_VECTOR) at trap_split + v * stride;
	                                                   flat: CPU n, vector v at trap_flat + n * cpu_stride + v * stride */
	uint64_t ring0_stacks, ring0_stack_bytes;       /* CPU n: IST1 (flat: RSP0) is ring0_stacks + (n + 1) * bytes; flat: IST2, for
	                                                   BOOT_EVENT_VECTOR, is half-way below it */
};
#endif
#endif
