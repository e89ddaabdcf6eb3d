/* SPDX-License-Identifier: Apache-2.0
 *
 * The kernel log, and the end of a guest that cannot go on.
 */
#include "guestkernel/arch/cpu.h"
#include "guestkernel/arch/private.h"
#include "guestkernel/lib.h"

void klog(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	char line[256];
	int n = kvsnprintf(line, sizeof(line), format, args);
	va_end(args);
	n = MIN(n, (int)sizeof(line) - 1);
	memcpy((void *)shared->log, line, (size_t)n);
	cpu_out(PORT_LOG, (u32)n);
}

void crash(const struct regs *regs, u32 vector, u64 error_code, u64 cr2, const char *reason)
{
	volatile struct shared_crash *c = &shared->crash;
	c->vector = vector;
	c->cpu = 0;
	c->error_code = error_code;
	c->cr2 = cr2;
	if (regs) {
		c->rax = regs->rax, c->rbx = regs->rbx, c->rcx = regs->rcx, c->rdx = regs->rdx;
		c->rsi = regs->rsi, c->rdi = regs->rdi, c->rbp = regs->rbp, c->rsp = regs->rsp;
		c->r8 = regs->r8, c->r9 = regs->r9, c->r10 = regs->r10, c->r11 = regs->r11;
		c->r12 = regs->r12, c->r13 = regs->r13, c->r14 = regs->r14, c->r15 = regs->r15;
		c->rip = regs->rip, c->rflags = regs->rflags, c->cs = regs->cs, c->ss = regs->ss;
	}
	for (size_t i = 0; i < sizeof(c->reason) - 1 && reason[i]; i++)
		c->reason[i] = reason[i];
	arch_poweroff(POWEROFF_CRASH);
}

void panic(const char *format, ...)
{
	char text[200];
	va_list args;
	va_start(args, format);
	kvsnprintf(text, sizeof(text), format, args);
	va_end(args);
	struct regs regs = {.rip = (u64)__builtin_return_address(0), .rsp = (u64)__builtin_frame_address(0)};
	crash(&regs, 0, 0, 0, text);
}
