/* SPDX-License-Identifier: Apache-2.0
 *
 * A thread's machine context: kernel stack, FPU state, FS and GS base.
 */
#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/sched.h"

void arch_kernel_thread_start(void);

static u64 read_fsbase(void)
{
	u64 v;
	__asm__ volatile("rdfsbase %0" : "=r"(v));
	return v;
}
static u64 read_gsbase(void)
{
	u64 v;
	__asm__ volatile("rdgsbase %0" : "=r"(v));
	return v;
}
static void write_fsbase(u64 v)
{
	__asm__ volatile("wrfsbase %0" : : "r"(v));
}
static void write_gsbase(u64 v)
{
	__asm__ volatile("wrgsbase %0" : : "r"(v));
}

/* ---- FPU ---- */

size_t arch_fpu_bytes(void)
{
	return boot->xsave_bytes;
}

static void xsave(void *area)
{
	__asm__ volatile("xsave64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}
static void xrstor(const void *area)
{
	__asm__ volatile("xrstor64 (%0)" : : "r"(area), "a"(~0u), "d"(~0u) : "memory");
}

/* Offsets in an XSAVE area (SDM vol. 1, 13.4). */
#define XSAVE_FCW	 0
#define XSAVE_MXCSR	 24
#define XSAVE_MXCSR_MASK 28
#define XSAVE_XSTATE_BV	 512
#define XSAVE_XCOMP_BV	 520
#define XSAVE_HEADER_END 576
#define MXCSR_INIT	 0x1f80u
#define FCW_INIT	 0x37fu

static u64 area_get(const void *area, size_t at)
{
	u64 v;
	memcpy(&v, (const u8 *)area + at, 8);
	return v;
}

void *arch_fpu_save(void)
{
	void *area = current->arch.fpu;
	xsave(area);
	return area;
}

int arch_fpu_load(const void *image, size_t bytes)
{
	u32 mxcsr, mask;
	if (bytes < XSAVE_HEADER_END || bytes > boot->xsave_bytes)
		return -EINVAL;
	u8 *area = current->arch.fpu;
	memcpy(&mask, area + XSAVE_MXCSR_MASK, 4);
	if (!mask)
		mask = 0xffbf;
	memcpy(&mxcsr, (const u8 *)image + XSAVE_MXCSR, 4);
	if (mxcsr & ~mask)
		return -EINVAL;
	if (area_get(image, XSAVE_XSTATE_BV) & ~boot->xcr0)
		return -EINVAL;
	for (size_t at = XSAVE_XCOMP_BV; at < XSAVE_HEADER_END; at += 8)
		if (area_get(image, at))
			return -EINVAL;
	memset(area, 0, boot->xsave_bytes);
	memcpy(area, image, bytes);
	memcpy(area + XSAVE_MXCSR_MASK, &mask, 4);
	xrstor(area);
	return 0;
}

static void fpu_init_area(u8 *area)
{
	memset(area, 0, boot->xsave_bytes);
	u16 fcw = FCW_INIT;
	u32 mxcsr = MXCSR_INIT;
	memcpy(area + XSAVE_FCW, &fcw, 2);
	memcpy(area + XSAVE_MXCSR, &mxcsr, 4);
	u64 bv = 3; /* x87 and SSE from the area; the rest takes its initial state */
	memcpy(area + XSAVE_XSTATE_BV, &bv, 8);
}

void arch_fpu_reset(void)
{
	fpu_init_area(current->arch.fpu);
	xrstor(current->arch.fpu);
}

/* ---- FS and GS ---- */

u64 arch_get_fsbase(struct thread *t)
{
	return t == current ? read_fsbase() : t->arch.fsbase;
}
u64 arch_get_gsbase(struct thread *t)
{
	return t == current ? read_gsbase() : t->arch.gsbase;
}
void arch_set_fsbase(struct thread *t, u64 base)
{
	t->arch.fsbase = base;
	if (t == current)
		write_fsbase(base);
}
void arch_set_gsbase(struct thread *t, u64 base)
{
	t->arch.gsbase = base;
	if (t == current)
		write_gsbase(base);
}

/* ---- switching ---- */

static u64 stack_top(const struct thread *t)
{
	return t->arch.stack_base + KERNEL_STACK_BYTES;
}

static void set_kernel_stack(int cpu, u64 top)
{
	cpus[cpu].kstack_top = top;
	if (!arch_flat) {
		u64 *rsp0 = phys_to_virt(BOOT_CPU_GPA + (u64)cpu * BOOT_PAGE + BOOT_CPU_TSS + 4);
		memcpy(rsp0, &top, 8);
	}
}

void arch_activate_mm(struct mm *mm)
{
	arch_set_pagetable(mm ? &mm->pt : NULL);
}

void arch_switch(struct thread *prev, struct thread *next)
{
	if (prev->arch.fpu) {
		xsave(prev->arch.fpu);
		prev->arch.fsbase = read_fsbase();
		prev->arch.gsbase = read_gsbase();
	}
	int cpu = prev->cpu;
	next->cpu = cpu;
	cpu_recent(&cpus[cpu], RECENT_STACK, 0, stack_top(next));
	set_kernel_stack(cpu, stack_top(next));
	/* A kernel thread keeps whatever is loaded: it only uses the upper half. */
	if (next->mm)
		arch_set_pagetable(&next->mm->pt);
	if (next->arch.fpu) {
		xrstor(next->arch.fpu);
		write_fsbase(next->arch.fsbase);
		write_gsbase(next->arch.gsbase);
	}
	arch_switch_stacks(&prev->arch.kernel_sp, next->arch.kernel_sp);
}

/* What arch_switch_stacks() pops: r15 r14 r13 r12 rbp rbx, then the return address. */
static void push_switch_frame(struct thread *t, u64 at, void (*resume)(void), u64 rbx, u64 r12)
{
	u64 *sp = (u64 *)at;
	*--sp = (u64)resume;
	*--sp = rbx;
	*--sp = 0;
	*--sp = r12;
	*--sp = 0;
	*--sp = 0;
	*--sp = 0;
	t->arch.kernel_sp = (u64)sp;
}

void arch_thread_init_user(struct thread *t, const struct regs *regs)
{
	*(struct thread **)t->arch.stack_base = t;
	t->regs = (struct regs *)(stack_top(t) - sizeof(struct regs));
	*t->regs = *regs;
	if (current->arch.fpu) {
		xsave(current->arch.fpu);
		memcpy(t->arch.fpu, current->arch.fpu, boot->xsave_bytes);
		t->arch.fsbase = read_fsbase();
		t->arch.gsbase = read_gsbase();
	} else {
		fpu_init_area(t->arch.fpu);
	}
	push_switch_frame(t, (u64)t->regs, arch_return_from_fork, 0, 0);
}

extern u8 boot_stacks[];

void arch_thread_init_idle(struct thread *t, int cpu)
{
	t->arch.stack_base = (u64)boot_stacks + (u64)cpu * KERNEL_STACK_BYTES;
	*(struct thread **)t->arch.stack_base = t;
	t->regs = (struct regs *)(stack_top(t) - sizeof(struct regs));
	set_kernel_stack(cpu, stack_top(t));
}

void arch_thread_init_kernel(struct thread *t, void (*fn)(void *), void *arg)
{
	*(struct thread **)t->arch.stack_base = t;
	t->regs = (struct regs *)(stack_top(t) - sizeof(struct regs));
	push_switch_frame(t, stack_top(t) - 16, arch_kernel_thread_start, (u64)fn, (u64)arg);
}

void arch_exec_user(struct regs *regs, u64 entry, u64 stack)
{
	memset(regs, 0, sizeof(*regs));
	regs->orig_rax = (u64)-1;
	regs->rip = entry;
	regs->rsp = stack;
	regs->cs = BOOT_USER_CS;
	regs->ss = BOOT_USER_DS;
	regs->rflags = arch_flat ? FLAT_RFLAGS : 0x202;
	arch_set_fsbase(current, 0);
	arch_set_gsbase(current, 0);
	arch_fpu_reset();
}
