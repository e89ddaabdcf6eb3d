/* SPDX-License-Identifier: Apache-2.0
 *
 * From a system call number to its handler. A handler is a weak symbol sys_NAME: what no file defines answers ENOSYS.
 */
#include <asm/unistd.h>
#include "guestkernel/syscall/syscall.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/seccomp.h"
#include "guestkernel/syscall/filter.h"
#include "guestkernel/syscall/trace.h"

#define SYSCALL_FULL(number, name, format)	    SYSCALL_PROTOTYPE(name) __attribute__((weak));
#define SYSCALL_PART(number, name, format, missing) SYSCALL_PROTOTYPE(name) __attribute__((weak));
#define SYSCALL_REFUSED(number, name, error, format, why)
#include "guestkernel/syscall/table.h"

struct entry {
	syscall_fn fn;
	const char *name, *format;
	int error; /* without a handler */
	bool part; /* not all of it is there */
};

static const struct entry table[] = {
#define SYSCALL_FULL(number, name, format)		  [number] = {sys_##name, #name, format, ENOSYS, false},
#define SYSCALL_PART(number, name, format, missing)	  [number] = {sys_##name, #name, format, ENOSYS, true},
#define SYSCALL_REFUSED(number, name, error, format, why) [number] = {NULL, #name, format, error, false},
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

static inline const struct entry *find(u64 number)
{
	return number < ARRAY_SIZE(table) ? &table[number] : &unknown;
}

static inline long call(const struct entry *e, const struct regs *regs)
{
	if (likely(e->fn))
		return e->fn(regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9);
	return refuse(regs->orig_rax);
}

/* Does this failure of a call that is there tell of a request or an option that is not? */
static bool tells_of_limit(const struct entry *e, u64 number, long result)
{
	switch (-result) {
	case ENOTTY:
	case ENOPROTOOPT:
	case EOPNOTSUPP:
	case ENOSYS:
		return true;
	case EINVAL:
	case EPERM:
		return e->part || (result == -EINVAL && (number == __NR_fcntl || number == __NR_madvise));
	default:
		return false;
	}
}

static __attribute__((noinline)) long call_traced(const struct entry *e, const struct regs *regs)
{
	const u64 args[6] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
	const char *name = e->name ? e->name : "syscall_unknown", *format = e->name ? e->format : "xxxxxx";
	u64 number = regs->orig_rax;
	long result;

	trace_enter(number, name, format, args);
	result = call(e, regs);
	if (!e->fn)
		trace_count_refused(number);
	else if (tells_of_limit(e, number, result))
		trace_count_limit(number, args, result);
	trace_leave(number, name, format, args, result);
	return result;
}

/* Its own filters have a say in this thread's calls. */
static __attribute__((noinline)) long call_filtered(const struct entry *e, struct regs *regs)
{
	const u64 args[6] = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9};
	const char *name = e->name ? e->name : "syscall_unknown", *format = e->name ? e->format : "xxxxxx";
	long result;

	if (seccomp_call(regs, &result))
		return trace_on() ? call_traced(e, regs) : call(e, regs);
	if (trace_on()) {
		trace_enter(regs->orig_rax, name, format, args);
		trace_leave(regs->orig_rax, name, format, args, result);
	}
	return result;
}

void syscall_dispatch(struct regs *regs)
{
	const struct entry *e = find(regs->orig_rax);
	long result;

	account_enter_kernel();
	current->regs = regs;
	shared->stats.syscalls++;
	if (filter_on())
		filter_call(regs->orig_rax);
	if (unlikely(current->seccomp_mode))
		result = call_filtered(e, regs);
	else
		result = trace_on() ? call_traced(e, regs) : call(e, regs);
	/* A call that replaced the registers (execve, rt_sigreturn) returns what RAX is to be. */
	regs->rax = (u64)result;
}
