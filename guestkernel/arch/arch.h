/* SPDX-License-Identifier: Apache-2.0
 *
 * What the rest of the kernel asks of the machine. Nothing above arch/ knows which privilege layout (split or flat,
 * docs/design.md) is in use. Unit tests link tests/unit/arch_stub.c instead.
 *
 * Execution model: one kernel lock (kernel_lock), taken by every entry from user mode and released on return and in
 * idle. Kernel code is never preempted and never takes an interrupt; it gives up the CPU only by sleeping (sched.h).
 * Kernel code never touches user memory by its user address: mm/uaccess.h walks the page tables, so that a fault taken
 * in kernel mode is always a kernel bug.
 */
#ifndef GUESTKERNEL_ARCH_H
#define GUESTKERNEL_ARCH_H

#include "abi/boot.h"
#include "guestkernel/types.h"

/* User registers as saved by every entry, at the top of the thread's kernel stack (entry.S knows the order). */
struct regs {
	u64 r15, r14, r13, r12, rbp, rbx, r11, r10, r9, r8, rax, rcx, rdx, rsi, rdi;
	u64 orig_rax; /* system call number, or -1 when the entry was no system call */
	u64 rip, cs, rflags, rsp, ss;
};

struct thread; /* proc/sched.h */

/* ---- boot ---- */
extern const struct boot_block *boot; /* the runner's boot block */
extern volatile struct shared_page *shared;

/* ---- direct map ---- */
static inline void *phys_to_virt(paddr_t pa)
{
#ifdef __GUEST__
	return (void *)(BOOT_DIRECT_MAP + pa);
#else
	extern u8 *stub_memory;
	return stub_memory + pa;
#endif
}
static inline paddr_t virt_to_phys(const void *va)
{
#ifdef __GUEST__
	return (u64)va - BOOT_DIRECT_MAP;
#else
	extern u8 *stub_memory;
	return (paddr_t)((const u8 *)va - stub_memory);
#endif
}

/* ---- CPUs ---- */
int arch_cpu(void);		   /* number of this CPU, from the current thread */
int arch_cpus(void);		   /* how many there are */
struct thread *arch_current(void); /* the running thread: found at the base of the kernel stack */
#define current (arch_current())

#define KERNEL_STACK_BYTES 16384 /* aligned to its size; struct thread * stands in its first word */

void kernel_lock(void);
void kernel_unlock(void);

/* Saves the running thread's context and continues `next` (its FPU state, FS/GS base, kernel stack, address space are
 * switched too). Returns when somebody switches back. Only the scheduler calls it. */
void arch_switch(struct thread *prev, struct thread *next);
/* Makes the boot context of this CPU the thread t (its idle thread): t->arch.stack_base, t->cpu, current. */
void arch_thread_init_idle(struct thread *t, int cpu);
/* Loads an address space on this CPU at once, or the kernel's own with NULL (before the current thread's is dropped).
 */
struct pagetable;
void arch_set_pagetable(struct pagetable *pt);
struct mm;
/* Loads an address space on this CPU for the current thread (execve). */
void arch_activate_mm(struct mm *mm);
/* Maps the vDSO; its address, or 0. */
u64 arch_map_vdso(struct mm *mm);
/* Prepares a new thread whose first arch_switch() returns to user mode with *regs. fp state is copied from the
 * current thread. */
void arch_thread_init_user(struct thread *t, const struct regs *regs);
/* Prepares a new kernel thread that calls fn(arg), which must not return. */
void arch_thread_init_kernel(struct thread *t, void (*fn)(void *), void *arg);
/* Resets *regs, FPU state, FS/GS base of the current thread for a new program. */
void arch_exec_user(struct regs *regs, u64 entry, u64 stack);

/* Halts this CPU with the kernel lock released until an event comes; returns with the lock held. deadline: TSC value at
 * which to wake at the latest, or 0. Returns at once when an event is already pending. */
void arch_idle(u64 deadline);
/* Asks for EVENT_TIMER on this CPU at this TSC value (0: none). Cheap when it is later than what is armed. */
void arch_set_deadline(u64 tsc);
/* Makes another CPU enter the kernel soon (reschedule). */
void arch_kick_cpu(int cpu);
/* Takes this CPU's pending events (EVENT_*), leaving none. */
u32 arch_take_events(void);

/* FS base of the current thread lives in the register; of any other in its arch state. */
u64 arch_get_fsbase(struct thread *t);
void arch_set_fsbase(struct thread *t, u64 base);
u64 arch_get_gsbase(struct thread *t);
void arch_set_gsbase(struct thread *t, u64 base);

/* FPU: saves the current thread's live state to its save area and returns the area (arch_fpu_bytes() long, XSAVE
 * standard format); the live state is reloaded from it after arch_fpu_load(). For signal frames. */
size_t arch_fpu_bytes(void);
void *arch_fpu_save(void);
/* Validates an XSAVE image (header, reserved bits, MXCSR) and makes it the current state; -EINVAL. */
int arch_fpu_load(const void *image, size_t bytes);
void arch_fpu_reset(void);

/* ---- time ---- */
u64 arch_tsc(void);
u64 arch_tsc_to_ns(u64 tsc); /* nanoseconds since boot */
u64 arch_ns_to_tsc(u64 ns);  /* inverse */

/* ---- end ---- */
void arch_poweroff(enum poweroff_reason reason) __attribute__((noreturn));
/* Gives pages back to the host; they read as zero afterwards. Page-aligned. */
void arch_discard(paddr_t start, u64 length);
/* Has the runner do the struct file_io (abi/boot.h) in this frame; done on return. */
void arch_file_io(paddr_t request);
/* Has the host add the RAM behind boot_block.first_bytes. */
void arch_want_memory(void);

/* ---- page tables ---- */
/* Protection of a user mapping. PT_WRITE and PT_EXEC come with PT_READ. 0 (PROT_NONE): the entry stays, with its page,
 * and pt_lookup() and walks report it present, but every access by the program faults. */
#define PT_READ	 1u
#define PT_WRITE 2u
#define PT_EXEC	 4u

struct pagetable {
	paddr_t root; /* PML4 */
	u32 cpus;     /* bit mask of CPUs that have it loaded */
	bool dying;   /* no program runs on it any more: changes need no flush */
};

int pt_create(struct pagetable *pt); /* shares the kernel half; -ENOMEM */
/* Frees the tables (not the mapped pages), once no CPU has them loaded any more. */
void pt_destroy(struct pagetable *pt);

/* A leaf entry as others see it. */
struct pte {
	bool present;
	bool huge;	/* 2 MiB */
	bool dirty;	/* a hint: entries are made accessed and dirty ahead */
	u32 prot;	/* PT_* */
	paddr_t pa;	/* of the 4 KiB or 2 MiB page */
	paddr_t linked; /* in walks: the table that pt_link() put here, whose leaves are to be kept; else 0 */
};

/* Maps one page at va; an existing entry is replaced without freeing its page. size is PAGE_SIZE or HUGE_SIZE, va and
 * pa aligned to it. -ENOMEM. No TLB flush is needed when nothing was present; else call pt_flush(). */
int pt_map(struct pagetable *pt, u64 va, paddr_t pa, u64 size, u32 prot);
/* Maps n consecutive 4 KiB pages from an array (entries of 0 are skipped): one walk a table. -ENOMEM */
int pt_map_batch(struct pagetable *pt, u64 va, const paddr_t *pages, int n, u32 prot);
/* The entry at va (either size). */
struct pte pt_lookup(const struct pagetable *pt, u64 va);
/* A page table of 512 pages from `first` on, with one reference; NULL: no memory. Its leaves hold no references: who
 * made it lets it go before the pages. */
struct page *pt_make_table(paddr_t first, u32 prot);
/* Puts such a table at va (2 MiB aligned), where nothing is; it is neither changed nor freed from here. Many address
 * spaces may have it, and where the host shadows tables it does that once for all. Takes a reference. -EEXIST, -ENOMEM
 */
int pt_link(struct pagetable *pt, u64 va, struct page *table);
/* Takes all such tables away that reach into [start, end), on every CPU; how many there were. */
unsigned pt_unlink_range(struct pagetable *pt, u64 start, u64 end);
/* Calls fn for each present leaf in [start, end), then changes it as told. fn returns one of PT_KEEP, PT_CLEAR,
 * PT_SETPROT (new *prot). A huge leaf that is only partly inside is split first (-ENOMEM). Empty tables are freed
 * lazily by pt_destroy or pt_free_range. Does not flush. fn may map pages at other addresses of pt. */
enum pt_action { PT_KEEP, PT_CLEAR, PT_SETPROT };
typedef enum pt_action (*pt_visit)(void *arg, u64 va, struct pte pte, u32 *prot);
int pt_walk_range(struct pagetable *pt, u64 start, u64 end, pt_visit fn, void *arg);
/* Frees page-table pages that lie wholly inside [start, end) and are empty. */
void pt_free_range(struct pagetable *pt, u64 start, u64 end);
/* Makes changes in [start, end) visible on every CPU that has pt loaded (shootdown; waits). */
void pt_flush(struct pagetable *pt, u64 start, u64 end);
/* The same on this CPU alone, for when access was only added: another CPU that still refuses it faults, finds the entry
 * good, and does this itself. */
void pt_flush_here(struct pagetable *pt, u64 start, u64 end);

#endif
