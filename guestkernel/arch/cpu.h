/* SPDX-License-Identifier: Apache-2.0
 *
 * Per-CPU data that entry.S and C share, and the offsets that entry.S uses.
 */
#ifndef GUESTKERNEL_ARCH_CPU_H
#define GUESTKERNEL_ARCH_CPU_H

#define CPU_STRIDE    128
#define CPU_USER_RSP  0
#define CPU_KSTACK    8
#define CPU_SAVED_RAX 16
#define CPU_VECTOR    24
#define CPU_ENTRY_CS  28
#define CPU_DEPTH     32

#define REGS_BYTES    168
#define REGS_RAX      80
#define REGS_ORIG_RAX 120
#define REGS_RIP      128

#define RING0_STACK_BYTES 1024 /* flat: exceptions use the upper half, events the lower */
#define TRAP_STRIDE	  32
#define TRAP_VECTORS	  33 /* 0..31 and BOOT_EVENT_VECTOR */
#define LSTAR_STRIDE	  64
/* struct shared_crash in the shared page */
#define SHARED_CRASH 1112
#define CRASH_CR2    16
#define CRASH_RSP    80
#define CRASH_RIP    152
#define CRASH_REASON 184

#define FLAT_RFLAGS 0x202 /* IF */

#ifndef __ASSEMBLER__
#include "guestkernel/arch/arch.h"

struct cpu {
	u64 user_rsp;	/* system call entry: the program's stack pointer */
	u64 kstack_top; /* of the running thread */
	u64 saved_rax;	/* flat: page fault entry */
	u32 vector;	/* flat: which exception */
	u32 entry_cs;	/* flat: where SYSCALL arrived */
	u32 depth;	/* flat: entries not yet arrived in C; more than a few means that the guest is broken */
	u32 number;
	u32 flush_wanted; /* counts what other CPUs, with the lock held, ask of this one's TLB ... */
	u32 flush_done;	  /* ... and up to where it has been done */
	bool lazy;	  /* idle; like an attentive one it flushes before it runs a program */
	bool attentive;	  /* in the kernel: will look at its events before it sleeps or leaves, setting one is enough */
	u64 root;	  /* what CR3 holds: a reference on its page */
	struct pagetable *pt; /* the same, NULL for the kernel's own and for one that was destroyed */
	u64 wanted_deadline, armed_deadline;
	u32 kicks;	 /* CPUs to be told of work when the lock is released */
	bool idle_short; /* the last idle time was: the next one is worth polling */
	u32 recent;	 /* serial of the last event of cpu_recent() */
	u64 pad[3];
};
_Static_assert(sizeof(struct cpu) == CPU_STRIDE, "struct cpu");
_Static_assert(offsetof(struct cpu, kstack_top) == CPU_KSTACK, "struct cpu");
_Static_assert(offsetof(struct cpu, saved_rax) == CPU_SAVED_RAX, "struct cpu");
_Static_assert(offsetof(struct cpu, vector) == CPU_VECTOR, "struct cpu");
_Static_assert(offsetof(struct cpu, entry_cs) == CPU_ENTRY_CS, "struct cpu");
_Static_assert(offsetof(struct cpu, depth) == CPU_DEPTH, "struct cpu");
_Static_assert(sizeof(struct regs) == REGS_BYTES, "struct regs");
_Static_assert(offsetof(struct regs, rax) == REGS_RAX, "struct regs");
_Static_assert(offsetof(struct regs, orig_rax) == REGS_ORIG_RAX, "struct regs");
_Static_assert(offsetof(struct regs, rip) == REGS_RIP, "struct regs");

_Static_assert(offsetof(struct shared_page, crash) == SHARED_CRASH, "shared_crash");
_Static_assert(offsetof(struct shared_crash, cr2) == CRASH_CR2, "shared_crash");
_Static_assert(offsetof(struct shared_crash, rsp) == CRASH_RSP, "shared_crash");
_Static_assert(offsetof(struct shared_crash, rip) == CRASH_RIP, "shared_crash");
_Static_assert(offsetof(struct shared_crash, reason) == CRASH_REASON, "shared_crash");

extern struct cpu cpus[BOOT_MAX_CPUS];
static inline struct cpu *this_cpu(void)
{
	return &cpus[arch_cpu()];
}

/* Is the kernel in ring 3 (flat)? */
extern bool arch_flat;

/* cpu.c: privileged services, done directly (split) or through a trap (flat). */
void cpu_load_cr3(u64 root);
void cpu_invlpg(u64 va);
void cpu_halt(void);
/* Flushes this CPU's TLB when asked to; always before user mode, with the kernel lock held. */
void cpu_flush_if_asked(void);

/* Notes what this CPU does, for the report of a triple fault. In split alone: in flat KVM still knows the registers. */
static inline void cpu_recent(struct cpu *cpu, enum recent_kind kind, u32 number, u64 value)
{
	if (arch_flat)
		return;
	struct recent_cpu *ring = (struct recent_cpu *)phys_to_virt(BOOT_RECENT_GPA) + cpu->number;
	volatile struct recent_event *e = &ring->event[++cpu->recent % RECENT_EVENTS];
	e->what = (u32)kind << 24 | (number & 0xffffff);
	e->serial = cpu->recent;
	e->value = value;
}

/* entry.S */
void arch_return_from_fork(void);
void arch_switch_stacks(u64 *save_sp, u64 load_sp);
#endif
#endif
