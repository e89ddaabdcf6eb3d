/* SPDX-License-Identifier: Apache-2.0
 *
 * From a system call number to its handler. A handler is a weak symbol sys_NAME: what no file defines answers ENOSYS.
 */
#include "guestkernel/syscall/syscall.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/trace.h"

#define SYSCALL_FULL(number, name, format) SYSCALL_PROTOTYPE(name) __attribute__((weak));
#define SYSCALL_PART(number, name, format, missing) SYSCALL_PROTOTYPE(name) __attribute__((weak));
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"

struct entry {
	syscall_fn fn;
	const char *name, *format;
	int error; /* without a handler */
};

static const struct entry table[] = {
#define SYSCALL_FULL(number, name, format) [number] = {sys_##name, #name, format, ENOSYS},
#define SYSCALL_PART(number, name, format, missing) [number] = {sys_##name, #name, format, ENOSYS},
#define SYSCALL_REFUSED(number, name, error, format, why) [number] = {NULL, #name, format, error},
#include "guestkernel/syscall/table.h"
};

static const struct entry unknown = {.error = ENOSYS};

/* Names each call that is not there once, so that a program that retries it does not fill the log. */
static void name_unknown(u64 number)
{
	static u64 named[(ARRAY_SIZE(table) + 63) / 64];

	shared->stats.unknown_syscalls++;
	if (!(boot->flags & BOOT_F_VERBOSE))
		return;
	if (number >= ARRAY_SIZE(table) || !table[number].name) {
		klog("%s[%d]: unknown system call %lu\n", current->comm, current->tid, number);
		return;
	}
	if (named[number / 64] & 1ull << number % 64)
		return;
	named[number / 64] |= 1ull << number % 64;
	klog("%s[%d]: system call %s is not there\n", current->comm, current->tid, table[number].name);
}

static long refuse(u64 number)
{
	int error = number < ARRAY_SIZE(table) && table[number].name ? table[number].error : ENOSYS;

	if (error == ENOSYS)
		name_unknown(number);
	return -error;
}

void syscall_dispatch(struct regs *regs)
{
	u64 number = regs->orig_rax;
	const struct entry *e = number < ARRAY_SIZE(table) ? &table[number] : &unknown;
	long result;

	account_enter_kernel();
	current->regs = regs;
	shared->stats.syscalls++;
	if (likely(e->fn))
		result = e->fn(regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9);
	else
		result = refuse(number);
	if (unlikely(boot->flags & BOOT_F_TRACE) && e->name) {
		const u64 args[6] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
		trace_syscall(e->name, e->format, args, result);
	}
	/* A call that replaced the registers (execve, rt_sigreturn) returns what RAX is to be. */
	regs->rax = (u64)result;
}
