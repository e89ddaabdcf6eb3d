/* SPDX-License-Identifier: Apache-2.0
 *
 * Signal frames of x86-64, byte for byte as Linux lays them out (asm/sigcontext.h, asm/ucontext.h):
 *
 *   higher addresses   the interrupted stack, 128 bytes red zone (or the top of the alternate stack)
 *                      XSAVE image, 64-aligned, software-reserved bytes at 464, magic number behind it
 *                      struct frame: return address (the restorer), ucontext, siginfo
 *   RSP                16 n + 8, as after a call
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/signal.h"

#define RED_ZONE_BYTES	 128
#define FX_BYTES	 512 /* legacy part of an XSAVE image */
#define FX_SOFTWARE	 464 /* offset of the bytes for software in it */
#define XSAVE_MIN_BYTES	 (FX_BYTES + 64)
#define MAGIC1		 0x46505853u /* FP_XSTATE_MAGIC1 */
#define MAGIC2		 0x46505845u /* FP_XSTATE_MAGIC2 */
#define UC_FLAGS	 7	     /* UC_FP_XSTATE | UC_SIGCONTEXT_SS | UC_STRICT_RESTORE_SS */
#define SA_RESTORER_FLAG 0x04000000u /* SA_RESTORER */
#define RFLAGS_USER	 0x50dd5ull  /* CF PF AF ZF SF TF DF OF RF AC: what a program may set */
#define RFLAGS_IF	 0x202ull
#define RFLAGS_CLEARED	 0x10500ull  /* TF DF RF: off in a handler */
#define ALT_AUTODISARM	 0x80000000u /* SS_AUTODISARM */
#define ALT_ONSTACK	 1u
#define ALT_DISABLE	 2u

struct k_sigcontext {
	u64 r8, r9, r10, r11, r12, r13, r14, r15, rdi, rsi, rbp, rbx, rdx, rax, rcx, rsp, rip, rflags;
	u16 cs, gs, fs, ss;
	u64 err, trapno, oldmask, cr2, fpstate, reserved[8];
};

struct k_ucontext {
	u64 flags, link;
	u64 stack_sp;
	u32 stack_flags, pad;
	u64 stack_size;
	struct k_sigcontext mc;
	u64 sigmask;
};

struct frame {
	u64 restorer;
	struct k_ucontext uc;
	struct k_siginfo info;
};
_Static_assert(sizeof(struct frame) == 440, "rt_sigframe");
_Static_assert(offsetof(struct k_ucontext, sigmask) == 296, "ucontext");

/* struct _fpx_sw_bytes */
struct fx_software {
	u32 magic1, extended_size;
	u64 features;
	u32 xstate_size, pad[7];
};
_Static_assert(FX_SOFTWARE + sizeof(struct fx_software) == FX_BYTES, "software bytes");

static bool on_altstack(const struct thread *t, u64 sp)
{
	if (t->altstack_flags & ALT_AUTODISARM)
		return false;
	return t->altstack_size && sp > t->altstack_sp && sp - t->altstack_sp <= t->altstack_size;
}

static u32 altstack_state(const struct thread *t, u64 sp)
{
	return !t->altstack_size ? ALT_DISABLE : on_altstack(t, sp) ? ALT_ONSTACK : 0;
}

static int write_fpu(u64 addr)
{
	u8 *image = arch_fpu_save();
	u32 bytes = (u32)arch_fpu_bytes(), magic2 = MAGIC2;
	struct fx_software sw = {MAGIC1, bytes + 4, boot->xcr0, bytes, {0}};
	u64 features;

	/* x87 and SSE are always there for the reader, even where XSAVE found them in their initial state. */
	memcpy(&features, image + FX_BYTES, sizeof(features));
	features |= 3;
	if (copy_to_user(user(addr), image, bytes) || copy_to_user(user(addr + FX_SOFTWARE), &sw, sizeof(sw)) ||
	    copy_to_user(user(addr + FX_BYTES), &features, sizeof(features)))
		return -EFAULT;
	return copy_to_user(user(addr + bytes), &magic2, sizeof(magic2));
}

static void fill_context(struct k_sigcontext *mc, const struct regs *r, const struct thread *t, u64 mask, u64 fpstate)
{
	*mc = (struct k_sigcontext){
	    .r8 = r->r8,
	    .r9 = r->r9,
	    .r10 = r->r10,
	    .r11 = r->r11,
	    .r12 = r->r12,
	    .r13 = r->r13,
	    .r14 = r->r14,
	    .r15 = r->r15,
	    .rdi = r->rdi,
	    .rsi = r->rsi,
	    .rbp = r->rbp,
	    .rbx = r->rbx,
	    .rdx = r->rdx,
	    .rax = r->rax,
	    .rcx = r->rcx,
	    .rsp = r->rsp,
	    .rip = r->rip,
	    .rflags = r->rflags,
	    .cs = (u16)r->cs,
	    .ss = (u16)r->ss,
	    .err = t->fault_error,
	    .trapno = t->fault_vector,
	    .cr2 = t->fault_addr,
	    .oldmask = mask,
	    .fpstate = fpstate,
	};
}

int sigframe_push(struct regs *regs, int sig, const struct k_sigaction *action, const struct k_siginfo *info, u64 mask)
{
	struct thread *t = current;
	struct frame f = {.restorer = action->restorer, .info = *info};
	u64 sp = regs->rsp - RED_ZONE_BYTES, fpstate, at;
	bool nested = on_altstack(t, regs->rsp), entering = false;

	if ((action->flags & SA_ONSTACK) && t->altstack_size && !nested) {
		sp = t->altstack_sp + t->altstack_size;
		entering = true;
	}
	fpstate = (sp - arch_fpu_bytes() - 4) & ~63ull;
	at = ((fpstate - sizeof(f)) & ~15ull) - 8;
	if (at >= USER_END || sp >= USER_END || !(action->flags & SA_RESTORER_FLAG))
		return -EFAULT;
	if ((nested || entering) && (at < t->altstack_sp || at > sp))
		return -EFAULT;
	f.uc.flags = UC_FLAGS;
	f.uc.stack_sp = t->altstack_sp;
	f.uc.stack_size = t->altstack_size;
	f.uc.stack_flags = altstack_state(t, regs->rsp) | (t->altstack_flags & ALT_AUTODISARM);
	f.uc.sigmask = mask;
	fill_context(&f.uc.mc, regs, t, mask, fpstate);
	if (write_fpu(fpstate) || copy_to_user(user(at), &f, sizeof(f)))
		return -EFAULT;
	if (t->altstack_flags & ALT_AUTODISARM) {
		t->altstack_sp = t->altstack_size = 0;
		t->altstack_flags = ALT_DISABLE;
	}
	regs->rdi = (u64)sig;
	regs->rsi = at + offsetof(struct frame, info);
	regs->rdx = at + offsetof(struct frame, uc);
	regs->rax = 0;
	regs->rip = action->handler;
	regs->rsp = at;
	regs->rflags &= ~RFLAGS_CLEARED;
	regs->cs = BOOT_USER_CS;
	regs->ss = BOOT_USER_DS;
	return regs->rip < USER_END ? 0 : -EFAULT;
}

/* The program may have changed the frame in any way: what it says is checked before it becomes FPU state. */
static int read_fpu(u64 addr)
{
	size_t bytes = arch_fpu_bytes(), size = FX_BYTES;
	struct fx_software sw;
	u64 features = 3;
	u32 magic2 = 0;
	u8 *image;
	int error;

	if (!addr) {
		arch_fpu_reset();
		return 0;
	}
	if (copy_from_user(&sw, user(addr + FX_SOFTWARE), sizeof(sw)))
		return -EFAULT;
	if (sw.magic1 == MAGIC1 && sw.xstate_size >= XSAVE_MIN_BYTES && sw.xstate_size <= bytes &&
	    !copy_from_user(&magic2, user(addr + sw.xstate_size), sizeof(magic2)) && magic2 == MAGIC2)
		size = sw.xstate_size;
	image = kzalloc(bytes);
	if (!image)
		return -ENOMEM;
	error = copy_from_user(image, user(addr), size);
	if (size == FX_BYTES)
		memcpy(image + FX_BYTES, &features, sizeof(features));
	if (!error)
		error = arch_fpu_load(image, bytes);
	kfree(image);
	return error;
}

static void restore_altstack(struct thread *t, const struct k_ucontext *uc)
{
	if (uc->stack_flags & ALT_DISABLE) {
		t->altstack_sp = t->altstack_size = 0;
		t->altstack_flags = ALT_DISABLE;
	} else if (uc->stack_size >= 2048) {
		t->altstack_sp = uc->stack_sp;
		t->altstack_size = uc->stack_size;
		t->altstack_flags = uc->stack_flags & ALT_AUTODISARM;
	}
}

static void restore_regs(struct regs *r, const struct k_sigcontext *mc)
{
	*r = (struct regs){
	    .r8 = mc->r8,
	    .r9 = mc->r9,
	    .r10 = mc->r10,
	    .r11 = mc->r11,
	    .r12 = mc->r12,
	    .r13 = mc->r13,
	    .r14 = mc->r14,
	    .r15 = mc->r15,
	    .rdi = mc->rdi,
	    .rsi = mc->rsi,
	    .rbp = mc->rbp,
	    .rbx = mc->rbx,
	    .rdx = mc->rdx,
	    .rax = mc->rax,
	    .rcx = mc->rcx,
	    .rsp = mc->rsp,
	    .rip = mc->rip,
	    .orig_rax = (u64)-1,
	    .rflags = (mc->rflags & RFLAGS_USER) | RFLAGS_IF,
	    .cs = BOOT_USER_CS,
	    .ss = BOOT_USER_DS,
	};
}

long signal_return(struct regs *regs)
{
	struct k_ucontext uc;

	regs->orig_rax = (u64)-1;
	if (copy_from_user(&uc, user(regs->rsp), sizeof(uc)) || uc.mc.rip >= USER_END || read_fpu(uc.mc.fpstate)) {
		signal_fault(SIGSEGV, SI_KERNEL, 0);
		return 0;
	}
	signal_set_mask(uc.sigmask);
	restore_regs(regs, &uc.mc);
	restore_altstack(current, &uc);
	return (long)regs->rax;
}
