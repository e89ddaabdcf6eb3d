/* SPDX-License-Identifier: Apache-2.0
 * The XSAVE state of a signal frame: how it describes itself, what it holds, that a handler's changes take effect, and
 * what a damaged one leads to.
 * area: Signals
 */
#include <cpuid.h>
#include <ucontext.h>

#include "probe.h"

static struct {
	unsigned long flags;
	unsigned magic, extended, features_low, size, magic_at_end, xmm3[4], ymm3[4];
	unsigned long header;
	int aligned;
} seen;
static unsigned ymm_offset;
static int action; /* 1: change XMM3 and YMM3, 2: spoil the magic number, 3: the header */

static struct _fpx_sw_bytes *software(void *state)
{
	return (struct _fpx_sw_bytes *)((char *)state + 464);
}

static void look(int number, siginfo_t *info, void *context)
{
	ucontext_t *u = context;
	char *state = (char *)u->uc_mcontext.fpregs;
	struct _fpx_sw_bytes *sw = software(state);
	seen.flags = u->uc_flags;
	seen.aligned = ((uintptr_t)state & 63) == 0;
	seen.magic = sw->magic1;
	seen.extended = sw->extended_size;
	seen.features_low = (unsigned)sw->xstate_bv;
	seen.size = sw->xstate_size;
	if (sw->magic1 == FP_XSTATE_MAGIC1)
		memcpy(&seen.magic_at_end, state + sw->xstate_size, sizeof(seen.magic_at_end));
	memcpy(&seen.header, state + 512, sizeof(seen.header));
	memcpy(seen.xmm3, state + 160 + 3 * 16, 16);
	memcpy(seen.ymm3, state + ymm_offset + 3 * 16, 16);
	if (action == 1) {
		unsigned low[4] = {11, 12, 13, 14}, high[4] = {21, 22, 23, 24};
		memcpy(state + 160 + 3 * 16, low, 16);
		memcpy(state + ymm_offset + 3 * 16, high, 16);
	}
	if (action == 2)
		sw->magic1 = 0;
	if (action == 3)
		memset(state + 512, 0xff, 64);
}

/* Loads YMM3, raises the signal, and tells what YMM3 holds afterwards. */
__attribute__((target("avx"))) static void through(const unsigned in[8], unsigned out[8])
{
	long result = SYS_tgkill;
	__asm__ volatile("vmovups (%3), %%ymm3\n\tsyscall\n\tvmovups %%ymm3, (%4)"
			 : "+a"(result)
			 : "D"(getpid()), "S"(syscall(SYS_gettid)), "r"(in), "r"(out), "d"(SIGUSR1)
			 : "rcx", "r11", "xmm3", "memory");
}

static int dies_by(int what, int sig)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		unsigned in[8] = {1}, out[8];
		prctl(PR_SET_DUMPABLE, 0);
		action = what;
		through(in, out);
		_exit(0);
	}
	int status = wait_for(pid);
	return sig ? WIFSIGNALED(status) && WTERMSIG(status) == sig : status == 0;
}

int main(void)
{
	struct sigaction a = {.sa_sigaction = look, .sa_flags = SA_SIGINFO};
	unsigned eax, ebx = 0, ecx, edx, in[8] = {1, 2, 3, 4, 5, 6, 7, 8}, out[8] = {0};
	limit_seconds(30);
	theme("XSAVE in signal frames");
	__builtin_cpu_init();
	if (!__builtin_cpu_supports("avx")) {
		CHECK_THAT(1, "a CPU without AVX");
		return finish();
	}
	__cpuid_count(0xd, 2, eax, ebx, ecx, edx);
	ymm_offset = ebx;
	__cpuid_count(0xd, 0, eax, ebx, ecx, edx);
	sigaction(SIGUSR1, &a, NULL);
	through(in, out);
	CHECK_THAT(memcmp(in, out, sizeof(in)) == 0, "a handler leaves the registers as they were");
	CHECK_THAT(seen.flags & 1, "uc_flags has UC_FP_XSTATE");
	CHECK_THAT(seen.aligned, "the state stands at a multiple of 64");
	CHECK_THAT(seen.magic == FP_XSTATE_MAGIC1, "the first magic number");
	CHECK_THAT(seen.magic_at_end == FP_XSTATE_MAGIC2, "the second one, behind the state");
	CHECK_THAT(seen.extended == seen.size + FP_XSTATE_MAGIC2_SIZE, "extended_size counts it");
	CHECK_THAT((seen.features_low & 7) == 7, "the features have x87, SSE and AVX");
	CHECK_THAT(seen.size >= ymm_offset + 256, "the state has room for AVX");
	CHECK_THAT((seen.header & 6) == 6, "the header says that both halves are in it");
	CHECK_THAT(memcmp(seen.xmm3, in, 16) == 0 && memcmp(seen.ymm3, in + 4, 16) == 0,
		   "it holds both halves of YMM3");
	action = 1;
	through(in, out);
	CHECK_THAT(out[0] == 11 && out[3] == 14 && out[4] == 21 && out[7] == 24,
		   "a handler's change of both takes effect");
	CHECK_THAT(dies_by(0, 0), "nothing happens to a sound frame");
	CHECK_THAT(dies_by(2, 0), "without the magic number the old state alone is restored");
	CHECK_THAT(dies_by(3, SIGSEGV), "an impossible header is SIGSEGV");
	return finish();
}
