/* SPDX-License-Identifier: Apache-2.0
 *
 * Signal frames: the layout that C libraries and unwinders know, and hostile frames given to sigreturn. The program's
 * memory is an array.
 * sources: guestkernel/proc/sigframe.c tests/unit/arch_stub.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <signal.h>
#include <ucontext.h>
#include <cmocka.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/signal.h"
#include "tests/unit/arch_stub.h"

#define BASE  0x70000000ull
#define BYTES 65536
static _Alignas(64) u8 memory[BYTES];
static struct sighand sighand;
static int fault_signal;

static void *at(u64 addr, size_t n)
{
	return addr >= BASE && addr - BASE <= BYTES && n <= BYTES - (addr - BASE) ? memory + (addr - BASE) : NULL;
}
int copy_from_user(void *to, user_ptr from, size_t n)
{
	return at(from.addr, n) ? (memcpy(to, at(from.addr, n), n), 0) : -EFAULT;
}
int copy_to_user(user_ptr to, const void *from, size_t n)
{
	return at(to.addr, n) ? (memcpy(at(to.addr, n), from, n), 0) : -EFAULT;
}
void *kzalloc(size_t n)
{
	return calloc(1, n);
}
void kfree(void *p)
{
	free(p);
}
void signal_set_mask(u64 mask)
{
	current->sigmask = mask & ~SIG_UNBLOCKABLE;
}
void signal_fault(int sig, int code, u64 addr)
{
	fault_signal = sig;
}

static const struct k_sigaction action = {.handler = 0x401000, .flags = 0x04000000 | SA_SIGINFO, .restorer = 0x402000};
static struct k_siginfo info;
static struct regs before, regs;

static int setup(void **state)
{
	stub_init(1 << 20);
	memset(memory, 0, sizeof(memory));
	info = (struct k_siginfo){.signo = SIGUSR1, .code = SI_USER};
	info.rt.pid = 77;
	fault_signal = 0;
	stub_process.sighand = &sighand;
	for (size_t i = 0; i < sizeof(before) / 8; i++)
		((u64 *)&before)[i] = 0x1000 + i;
	before.rsp = BASE + 60000;
	before.rip = 0x400123;
	before.rflags = 0x246;
	before.cs = BOOT_USER_CS;
	before.ss = BOOT_USER_DS;
	regs = before;
	return 0;
}

/* As the host's own headers lay it out: return address, ucontext, siginfo. */
static ucontext_t *context(void)
{
	return at(regs.rsp + 8, 304);
}

static void the_handler_is_called_like_a_function(void **state)
{
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0x55), 0);
	assert_int_equal(regs.rip, 0x401000);
	assert_int_equal(regs.rdi, SIGUSR1);
	assert_int_equal(regs.rsp % 16, 8);
	assert_true(regs.rsp < before.rsp - 128); /* the red zone is left alone */
	assert_int_equal(*(u64 *)at(regs.rsp, 8), 0x402000);
	assert_int_equal(regs.rdx, regs.rsp + 8);
	siginfo_t *seen = at(regs.rsi, sizeof(siginfo_t));
	assert_int_equal(seen->si_signo, SIGUSR1);
	assert_int_equal(seen->si_pid, 77);
	ucontext_t *uc = context();
	assert_int_equal(uc->uc_mcontext.gregs[REG_RIP], 0x400123);
	assert_int_equal(uc->uc_mcontext.gregs[REG_RSP], before.rsp);
	assert_int_equal(uc->uc_mcontext.gregs[REG_R8], before.r8);
	assert_int_equal(uc->uc_mcontext.gregs[REG_R15], before.r15);
	assert_int_equal(uc->uc_mcontext.gregs[REG_RAX], before.rax);
	assert_int_equal(uc->uc_mcontext.gregs[REG_RCX], before.rcx);
	assert_int_equal(uc->uc_mcontext.gregs[REG_EFL], 0x246);
	assert_int_equal(*(u64 *)&uc->uc_sigmask, 0x55);
	assert_int_equal(uc->uc_stack.ss_flags, SS_DISABLE);
	u64 fp = (u64)uc->uc_mcontext.fpregs;
	assert_int_equal(fp % 64, 0);
	assert_int_equal(*(u32 *)at(fp + 464, 4), 0x46505853);
	assert_int_equal(*(u32 *)at(fp + arch_fpu_bytes(), 4), 0x46505845);
}

static void sigreturn_restores_what_was(void **state)
{
	memset(arch_fpu_save(), 0x3c, 64);
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0x55), 0);
	memset(arch_fpu_save(), 0, 64);
	regs.rsp += 8; /* the handler's return */
	regs.rbx = 0xbad;
	assert_int_equal(signal_return(&regs), before.rax);
	before.orig_rax = (u64)-1;
	assert_memory_equal(&regs, &before, sizeof(regs));
	assert_int_equal(current->sigmask, 0x55);
	assert_int_equal(*(u8 *)arch_fpu_save(), 0x3c);
	assert_int_equal(fault_signal, 0);
}

static void hostile_frames_gain_nothing(void **state)
{
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0), 0);
	ucontext_t *uc = context();
	uc->uc_mcontext.gregs[REG_EFL] = ~0ll;
	uc->uc_mcontext.gregs[REG_CSGSFS] = ~0ll;
	*(u64 *)&uc->uc_sigmask = ~0ull;
	regs.rsp += 8;
	signal_return(&regs);
	assert_int_equal(regs.cs, BOOT_USER_CS);
	assert_int_equal(regs.ss, BOOT_USER_DS);
	assert_int_equal(regs.rflags, 0x50dd5 | 0x202); /* no IOPL, VM, NT */
	assert_false(current->sigmask & SIG_UNBLOCKABLE);
	assert_int_equal(fault_signal, 0);
}

static void a_frame_that_leads_nowhere_is_a_fault(void **state)
{
	regs.rsp = 0x10;
	signal_return(&regs);
	assert_int_equal(fault_signal, SIGSEGV);
	for (int i = 0; i < 3; i++) {
		static const u64 bad_rip[] = {USER_END, 0x800000000000, ~0ull};

		setup(NULL);
		assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0), 0);
		context()->uc_mcontext.gregs[REG_RIP] = (long long)bad_rip[i];
		regs.rsp += 8;
		signal_return(&regs);
		assert_int_equal(fault_signal, SIGSEGV);
	}
	setup(NULL);
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0), 0);
	context()->uc_mcontext.fpregs = (void *)0x10;
	regs.rsp += 8;
	signal_return(&regs);
	assert_int_equal(fault_signal, SIGSEGV);
}

static void sizes_in_the_fpu_image_are_not_believed(void **state)
{
	static const u32 sizes[] = {0, 575, 1000000, 0xffffffff};

	for (size_t i = 0; i < ARRAY_SIZE(sizes); i++) {
		setup(NULL);
		assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0), 0);
		*(u32 *)at((u64)context()->uc_mcontext.fpregs + 464 + 16, 4) = sizes[i];
		regs.rsp += 8;
		signal_return(&regs); /* only the legacy part counts then */
		assert_int_equal(fault_signal, 0);
	}
}

static void the_alternate_stack_is_used_once(void **state)
{
	struct k_sigaction on_stack = action;

	on_stack.flags |= SA_ONSTACK;
	current->altstack_sp = BASE + 4096;
	current->altstack_size = 16384;
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &on_stack, &info, 0), 0);
	assert_in_range(regs.rsp, BASE + 4096, BASE + 4096 + 16384);
	assert_int_equal(context()->uc_stack.ss_flags, 0);
	u64 first = regs.rsp;
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &on_stack, &info, 0), 0);
	assert_in_range(regs.rsp, BASE + 4096, first - 128);
	assert_int_equal(context()->uc_stack.ss_flags, SS_ONSTACK);
	regs = before;
	current->altstack_size = 512; /* too small for a frame: that must not run into what lies below */
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &on_stack, &info, 0), -EFAULT);
}

static void no_stack_is_an_error(void **state)
{
	regs.rsp = BASE + 300;
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0), -EFAULT);
	regs.rsp = 64;
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0), -EFAULT);
	regs.rsp = ~0ull - 64;
	assert_int_equal(sigframe_push(&regs, SIGUSR1, &action, &info, 0), -EFAULT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup(the_handler_is_called_like_a_function, setup),
	    cmocka_unit_test_setup(sigreturn_restores_what_was, setup),
	    cmocka_unit_test_setup(hostile_frames_gain_nothing, setup),
	    cmocka_unit_test_setup(a_frame_that_leads_nowhere_is_a_fault, setup),
	    cmocka_unit_test_setup(sizes_in_the_fpu_image_are_not_believed, setup),
	    cmocka_unit_test_setup(the_alternate_stack_is_used_once, setup),
	    cmocka_unit_test_setup(no_stack_is_an_error, setup),
	};

	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	stub_exit();
	return failed;
}
