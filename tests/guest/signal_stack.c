/* SPDX-License-Identifier: Apache-2.0
 * Alternate stacks, the frame a handler gets and what becomes of changes to it, vector registers across handlers, and
 * faults: signal, si_code and si_addr of each kind.
 * area: Signals
 */
#include <cpuid.h>
#include <immintrin.h>
#include <sys/resource.h>
#include <sys/ucontext.h>

#include "probe.h"

static char alternate[64 << 10] __attribute__((aligned(16)));
static volatile uintptr_t handler_stack;
static volatile stack_t inside;
static volatile int seen;

static void note_stack(int number)
{
	char here;
	stack_t now;
	handler_stack = (uintptr_t)&here;
	sigaltstack(NULL, &now);
	inside = now;
	seen++;
}

static int on_alternate(void)
{
	return handler_stack >= (uintptr_t)alternate && handler_stack < (uintptr_t)alternate + sizeof(alternate);
}

static void try_to_change(int number)
{
	stack_t s = {.ss_sp = alternate, .ss_size = sizeof(alternate)};
	errno = 0;
	seen = sigaltstack(&s, NULL) == -1 ? errno : 0;
}

static void stacks(void)
{
	stack_t s = {.ss_sp = alternate, .ss_size = sizeof(alternate)}, old;
	struct sigaction action = {.sa_handler = note_stack, .sa_flags = SA_ONSTACK};
	theme("sigaltstack");
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
	s.ss_size = 100;
	CHECK_ERRNO(sigaltstack(&s, NULL), ENOMEM);
	s.ss_size = sizeof(alternate);
	s.ss_flags = 0x40;
	CHECK_ERRNO(sigaltstack(&s, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_sigaltstack, unmapped_address(), NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_sigaltstack, NULL, unmapped_address()), EFAULT);
	s.ss_flags = 0;
	CHECK(sigaltstack(&s, NULL) == 0);
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_sp == alternate && old.ss_size == sizeof(alternate) &&
	      old.ss_flags == 0);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	CHECK_THAT(seen == 1 && on_alternate(), "SA_ONSTACK handlers run on it");
	CHECK_THAT(inside.ss_flags == SS_ONSTACK, "SS_ONSTACK is told inside");
	action.sa_flags = 0;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	CHECK_THAT(!on_alternate() && inside.ss_flags == 0, "others do not");
	action.sa_handler = try_to_change;
	action.sa_flags = SA_ONSTACK;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	CHECK_THAT(seen == EPERM, "it cannot be changed while in use");
	CHECK_IN_CHILD_THAT(sigaltstack(NULL, &old) == 0 && old.ss_sp == alternate, "a forked child has it");
	s.ss_flags = (int)(1U << 31);
	CHECK_THAT(sigaltstack(&s, NULL) == 0, "SS_AUTODISARM");
	action.sa_handler = note_stack;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	CHECK_THAT(on_alternate() && (inside.ss_flags & SS_DISABLE), "disarms while the handler runs");
	CHECK(sigaltstack(NULL, &old) == 0 && old.ss_sp == alternate);
	s.ss_flags = SS_DISABLE;
	CHECK(sigaltstack(&s, NULL) == 0 && sigaltstack(NULL, &old) == 0 && old.ss_flags == SS_DISABLE);
	raise(SIGUSR1);
	CHECK_THAT(!on_alternate(), "without one SA_ONSTACK means nothing");
	CHECK_IN_CHILD_THAT(({
				    pid_t pid = fork();
				    if (pid == 0) {
					    stack_t wild = {.ss_sp = unmapped_address() - 64, .ss_size = 8192};
					    prctl(PR_SET_DUMPABLE, 0);
					    sigaltstack(&wild, NULL);
					    raise(SIGUSR1);
					    _exit(0);
				    }
				    int status = wait_for(pid);
				    WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
			    }),
			    "an unusable alternate stack is SIGSEGV");
}

static volatile unsigned long saved[4];

static void change_frame(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	saved[0] = (unsigned long)u->uc_mcontext.gregs[REG_R12];
	saved[1] = (unsigned long)u->uc_mcontext.gregs[REG_RIP];
	saved[2] = (unsigned long)u->uc_mcontext.gregs[REG_RSP];
	u->uc_mcontext.gregs[REG_R12] = 0x2222;
	sigaddset(&u->uc_sigmask, SIGUSR2);
}

static void skip(int number, siginfo_t *info, void *context)
{
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RIP] += 2;
	((ucontext_t *)context)->uc_mcontext.gregs[REG_R12] = info->si_code;
}

static void frames(void)
{
	struct sigaction action = {.sa_sigaction = change_frame, .sa_flags = SA_SIGINFO};
	sigset_t set;
	unsigned long r12, result;
	theme("signal frame");
	sigaction(SIGUSR1, &action, NULL);
	__asm__ volatile("mov $0x1111, %%r12\n\tsyscall\n\tmov %%r12, %0"
			 : "=r"(r12), "=a"(result)
			 : "a"(SYS_tgkill), "D"(getpid()), "S"(syscall(SYS_gettid)), "d"(SIGUSR1)
			 : "r12", "rcx", "r11", "memory");
	CHECK_THAT(saved[0] == 0x1111, "the frame shows the registers");
	CHECK_THAT(r12 == 0x2222, "a change to it takes effect");
	CHECK_THAT(result == 0, "the system call's result is kept");
	CHECK_THAT(sigprocmask(SIG_BLOCK, NULL, &set) == 0 && sigismember(&set, SIGUSR2),
		   "so does a change of the mask");
	sigemptyset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	action.sa_sigaction = skip;
	sigaction(SIGILL, &action, NULL);
	__asm__ volatile("xor %%r12, %%r12\n\tud2\n\tmov %%r12, %0" : "=r"(r12) : : "r12", "memory");
	CHECK_THAT(r12 == ILL_ILLOPN, "a handler may step over an instruction");
	signal(SIGILL, SIG_DFL);
	CHECK_IN_CHILD_THAT(
	    ({
		    pid_t pid = fork();
		    if (pid == 0) {
			    prctl(PR_SET_DUMPABLE, 0);
			    __asm__ volatile("mov $15, %%eax\n\tmov $64, %%rsp\n\tsyscall" ::: "memory");
		    }
		    int status = wait_for(pid);
		    WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
	    }),
	    "sigreturn without a frame is SIGSEGV");
}

static void destroy_vectors(int number)
{
	__asm__ volatile(
	    "pcmpeqd %%xmm0, %%xmm0\n\tpcmpeqd %%xmm7, %%xmm7\n\tpcmpeqd %%xmm15, %%xmm15\n\tfninit\n\tfld1" ::
		: "xmm0", "xmm7", "xmm15");
	seen++;
}

__attribute__((target("avx"))) static void destroy_wide(int number)
{
	__asm__ volatile("vxorps %%ymm0, %%ymm0, %%ymm0\n\tvxorps %%ymm9, %%ymm9, %%ymm9" ::: "xmm0", "xmm9");
	seen++;
}

__attribute__((target("avx"))) static int wide_survive(void)
{
	float in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8] = {0}, out9[8] = {0};
	long result;
	__asm__ volatile(
	    "vmovups (%3), %%ymm0\n\tvmovups (%3), %%ymm9\n\tsyscall\n\tvmovups %%ymm0, (%1)\n\tvmovups %%ymm9, (%2)"
	    : "=a"(result)
	    : "r"(out), "r"(out9), "r"(in), "0"(SYS_tgkill), "D"(getpid()), "S"((long)getpid()), "d"(SIGUSR1)
	    : "rcx", "r11", "xmm0", "xmm9", "memory");
	return memcmp(in, out, sizeof(in)) == 0 && memcmp(in, out9, sizeof(in)) == 0;
}

static int mxcsr_inside;

static void look_at_modes(int number)
{
	mxcsr_inside = (int)_mm_getcsr();
	_mm_setcsr(0x1f80 | 0x6000);
}

static void vectors(void)
{
	long out[2] = {0}, result;
	double x87 = 0;
	theme("vector registers");
	signal(SIGUSR1, destroy_vectors);
	seen = 0;
	__asm__ volatile("mov $0x0123456789abcdef, %%rax\n\tmovq %%rax, %%xmm0\n\tmovq %%rax, %%xmm15\n\tmov %3, "
			 "%%eax\n\tfldpi\n\tsyscall\n\t"
			 "fstpl %1\n\tmovq %%xmm0, (%2)\n\tmovq %%xmm15, 8(%2)"
			 : "=&a"(result), "=m"(x87)
			 : "r"(out), "i"(SYS_tgkill), "D"(getpid()), "S"((long)getpid()), "d"(SIGUSR1)
			 : "rcx", "r11", "xmm0", "xmm15", "st", "memory");
	CHECK_THAT(seen == 1 && out[0] == 0x0123456789abcdef && out[1] == 0x0123456789abcdef,
		   "SSE registers survive a handler");
	CHECK_THAT(x87 > 3.14159 && x87 < 3.1416, "the x87 stack survives a handler");
	if (__builtin_cpu_supports("avx")) {
		signal(SIGUSR1, destroy_wide);
		CHECK_THAT(wide_survive(), "AVX registers survive a handler");
	} else {
		CHECK_THAT(1, "AVX registers survive a handler");
	}
	signal(SIGUSR1, look_at_modes);
	_mm_setcsr(0x1f80 | 0x2000);
	raise(SIGUSR1);
	CHECK_THAT((_mm_getcsr() & 0xffc0) == (0x1f80 | 0x2000), "MXCSR survives a handler");
	_mm_setcsr(0x1f80);
	signal(SIGUSR1, SIG_DFL);
}

static void divide(void)
{
	volatile int zero = 0;
	__asm__ volatile("mov $1, %%eax\n\tcltd\n\tidivl %0" : : "m"(zero) : "eax", "edx");
}

static void overflow(void)
{
	volatile int minus = -1;
	__asm__ volatile("mov $0x80000000, %%eax\n\tcltd\n\tidivl %0" : : "m"(minus) : "eax", "edx");
}

static void undefined(void)
{
	__asm__ volatile("ud2");
}

static void breakpoint(void)
{
	__asm__ volatile("int3");
}

static void privileged(void)
{
	__asm__ volatile("hlt");
}

static void port(void)
{
	__asm__ volatile("outb %%al, $0x80" ::: "memory");
}

static void control(void)
{
	__asm__ volatile("mov %%cr0, %%rax" ::: "rax");
}

static void noncanonical(void)
{
	__asm__ volatile("mov (%0), %%rax" : : "r"(0x8000000000000000) : "rax");
}

static void bad_interrupt(void)
{
	__asm__ volatile("int $0x21");
}

static void interrupts_off(void)
{
	__asm__ volatile("cli");
}

static void invalid_operation(void)
{
	_mm_setcsr(0x1f80 & ~0x80);
	volatile __m128d zero = _mm_setzero_pd();
	__m128d q = _mm_div_sd(zero, zero);
	__asm__ volatile("" : : "x"(q));
	_mm_setcsr(0x1f80);
}

static void divide_float(void)
{
	_mm_setcsr(0x1f80 & ~0x200);
	volatile __m128d zero = _mm_setzero_pd(), one = _mm_set1_pd(1.0);
	__m128d q = _mm_div_sd(one, zero);
	__asm__ volatile("" : : "x"(q));
	_mm_setcsr(0x1f80);
}

static void single_step(void)
{
	__asm__ volatile(
	    "pushf\n\torq $0x100, (%%rsp)\n\tpopf\n\tnop\n\tnop\n\tpushf\n\tandq $~0x100, (%%rsp)\n\tpopf" ::
		: "memory", "cc");
}

static void faults(void)
{
	struct fault f;
	char *none = map_pages(1, PROT_NONE), *readonly = map_pages(1, PROT_READ);
	theme("faults");
	CHECK_FAULT(READ, (char *)8, SIGSEGV, SEGV_MAPERR);
	CHECK_FAULT(WRITE, (char *)NULL, SIGSEGV, SEGV_MAPERR);
	CHECK_FAULT(CALL, (char *)16, SIGSEGV, SEGV_MAPERR);
	CHECK_FAULT(READ, none + 100, SIGSEGV, SEGV_ACCERR);
	CHECK_FAULT(WRITE, readonly + 4095, SIGSEGV, SEGV_ACCERR);
	CHECK_NO_FAULT(READ, readonly);
	CHECK_FAULT(CALL, readonly, SIGSEGV, SEGV_ACCERR);
	CHECK_FAULT(READ, (char *)0x7fffffffe800, SIGSEGV, SEGV_MAPERR);
	f = fault_of(READ, (char *)0xffff800000000000);
	CHECK_THAT(f.signal == SIGSEGV, "a kernel address is SIGSEGV");
	f = fault_of(WRITE, (char *)0xffffffff80000000);
	CHECK_THAT(f.signal == SIGSEGV, "so is the kernel's own text");
	f = fault_of(READ, (char *)0xffffffffff5ff000);
	CHECK_THAT(f.signal == SIGSEGV, "and the top of the address space");
	f = fault_of(CALL, (char *)0xffff800000000000);
	CHECK_THAT(f.signal == SIGSEGV, "and a jump there");
	f = fault_of(CALL, noncanonical);
	CHECK_THAT(f.signal == SIGSEGV && f.code == SI_KERNEL && f.address == NULL,
		   "a non-canonical address: SI_KERNEL");
	f = fault_of(CALL, divide);
	CHECK_THAT(f.signal == SIGFPE && f.code == FPE_INTDIV, "division by zero: FPE_INTDIV");
	f = fault_of(CALL, overflow);
	CHECK_THAT(f.signal == SIGFPE && f.code == FPE_INTDIV, "overflow of a division: FPE_INTDIV");
	f = fault_of(CALL, undefined);
	CHECK_THAT(f.signal == SIGILL && f.code == ILL_ILLOPN && f.address != NULL, "ud2: ILL_ILLOPN");
	f = fault_of(CALL, breakpoint);
	CHECK_THAT(f.signal == SIGTRAP && f.code == SI_KERNEL, "int3: SIGTRAP");
	f = fault_of(CALL, privileged);
	CHECK_THAT(f.signal == SIGSEGV && f.code == SI_KERNEL, "hlt: SIGSEGV");
	f = fault_of(CALL, interrupts_off);
	CHECK_THAT(f.signal == SIGSEGV && f.code == SI_KERNEL, "cli: SIGSEGV");
	f = fault_of(CALL, port);
	CHECK_THAT(f.signal == SIGSEGV && f.code == SI_KERNEL, "out: SIGSEGV");
	f = fault_of(CALL, control);
	CHECK_THAT(f.signal == SIGSEGV && f.code == SI_KERNEL, "a control register: SIGSEGV");
	f = fault_of(CALL, bad_interrupt);
	CHECK_THAT(f.signal == SIGSEGV && f.code == SI_KERNEL, "int 0x21: SIGSEGV");
	f = fault_of(CALL, invalid_operation);
	CHECK_THAT(f.signal == SIGFPE && f.code == FPE_FLTINV, "an invalid SSE operation: FPE_FLTINV");
	_mm_setcsr(0x1f80);
	f = fault_of(CALL, divide_float);
	CHECK_THAT(f.signal == SIGFPE && f.code == FPE_FLTDIV, "an SSE division by zero: FPE_FLTDIV");
	_mm_setcsr(0x1f80);
	f = fault_of(CALL, single_step);
	CHECK_THAT(f.signal == SIGTRAP && f.code == TRAP_TRACE, "the trap flag: TRAP_TRACE");
	CHECK_IN_CHILD_THAT(({
				    pid_t pid = fork();
				    if (pid == 0) {
					    prctl(PR_SET_DUMPABLE, 0);
					    signal(SIGSEGV, SIG_IGN);
					    *(volatile int *)8 = 1;
					    _exit(0);
				    }
				    int status = wait_for(pid);
				    WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
			    }),
			    "an ignored fault kills all the same");
	CHECK_IN_CHILD_THAT(({
				    pid_t pid = fork();
				    if (pid == 0) {
					    sigset_t all;
					    prctl(PR_SET_DUMPABLE, 0);
					    signal(SIGSEGV, note_stack);
					    sigfillset(&all);
					    sigprocmask(SIG_SETMASK, &all, NULL);
					    *(volatile int *)8 = 1;
					    _exit(0);
				    }
				    int status = wait_for(pid);
				    WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV;
			    }),
			    "so does a blocked one");
	munmap(none, PAGE);
	munmap(readonly, PAGE);
}

int main(void)
{
	limit_seconds(60);
	stacks();
	frames();
	vectors();
	faults();
	return finish();
}
