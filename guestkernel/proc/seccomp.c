/* SPDX-License-Identifier: Apache-2.0
 *
 * Filters, their chains, and what their answers do to the call. The language they are written in is seccomp_bpf.c's.
 */
#include "guestkernel/proc/seccomp.h"
#include <asm/signal.h>
#include <asm/unistd.h>
#include <linux/audit.h>
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/seccomp_bpf.h"
#include "guestkernel/proc/signal.h"

#define SYS_SECCOMP_CODE 1 /* si_code SYS_SECCOMP */
#define ERRNO_LIMIT	 4095u
#define CHAIN_LIMIT	 32768u /* instructions of a chain, with FILTER_COST for each filter but the first */
#define FILTER_COST	 4u

struct seccomp_filter {
	u32 refs; /* threads that begin with it, and the next newer filter */
	u32 length;
	u32 count; /* filters from here on, with this one */
	u32 cost;  /* the same in instructions */
	struct seccomp_filter *older;
	struct sock_filter program[];
};

static void drop(struct seccomp_filter *f)
{
	while (f && !--f->refs) {
		struct seccomp_filter *older = f->older;

		kfree(f);
		f = older;
	}
}

unsigned seccomp_count(const struct thread *t)
{
	return t->seccomp ? t->seccomp->count : 0;
}

void seccomp_inherit(struct thread *t, const struct thread *from)
{
	t->seccomp_mode = from->seccomp_mode;
	t->seccomp = from->seccomp;
	if (t->seccomp)
		t->seccomp->refs++;
}

void seccomp_release(struct thread *t)
{
	drop(t->seccomp);
	t->seccomp = NULL;
}

/* ---- attaching ---- */

int seccomp_set_strict(void)
{
	if (current->seccomp_mode == SECCOMP_MODE_FILTER)
		return -EINVAL;
	current->seccomp_mode = SECCOMP_MODE_STRICT;
	return 0;
}

static bool leads_to(const struct seccomp_filter *chain, const struct seccomp_filter *wanted)
{
	while (chain && chain != wanted)
		chain = chain->older;
	return chain == wanted;
}

/* A thread of the process that cannot have the current one's chain, because its own has filters that are not in it. */
static struct thread *unlike(void)
{
	struct thread *t;

	list_for_each (t, &current->process->threads, process_link)
		if (t != current && t->state != THREAD_DEAD && t->seccomp_mode != SECCOMP_MODE_DISABLED &&
		    (t->seccomp_mode != SECCOMP_MODE_FILTER || !leads_to(current->seccomp, t->seccomp)))
			return t;
	return NULL;
}

static void give_to_all(void)
{
	struct thread *t;

	list_for_each (t, &current->process->threads, process_link) {
		if (t == current || t->state == THREAD_DEAD)
			continue;
		seccomp_release(t);
		seccomp_inherit(t, current);
		/* Filters without it are root's alone: a thread must not get them and keep what they forbid to get
		 * back. */
		t->cred.no_new_privs |= current->cred.no_new_privs;
	}
}

static struct seccomp_filter *filter_create(const struct sock_filter *program, u32 length)
{
	struct seccomp_filter *older = current->seccomp, *f = kmalloc(sizeof(*f) + length * sizeof(*program));

	if (!f)
		return NULL;
	*f = (struct seccomp_filter){.refs = 1, .length = length, .older = older};
	f->count = older ? older->count + 1 : 1;
	f->cost = older ? older->cost + FILTER_COST + length : length;
	memcpy(f->program, program, length * sizeof(*program));
	return f;
}

long seccomp_attach(const struct sock_filter *program, u32 length, u64 flags)
{
	int error = seccomp_bpf_check(program, length);
	struct seccomp_filter *f;
	struct thread *other;

	if (error)
		return error;
	if (current->seccomp_mode == SECCOMP_MODE_STRICT)
		return -EINVAL;
	if (length + (current->seccomp ? current->seccomp->cost + FILTER_COST : 0) > CHAIN_LIMIT)
		return -ENOMEM;
	other = flags & SECCOMP_FILTER_FLAG_TSYNC ? unlike() : NULL;
	if (other)
		return flags & SECCOMP_FILTER_FLAG_TSYNC_ESRCH ? -ESRCH : other->tid;
	f = filter_create(program, length);
	if (!f)
		return -ENOMEM;
	current->seccomp = f;
	current->seccomp_mode = SECCOMP_MODE_FILTER;
	if (flags & SECCOMP_FILTER_FLAG_TSYNC)
		give_to_all();
	return 0;
}

/* ---- calls ---- */

bool seccomp_action_available(u32 action)
{
	switch (action) {
	case SECCOMP_RET_KILL_PROCESS:
	case SECCOMP_RET_KILL_THREAD:
	case SECCOMP_RET_TRAP:
	case SECCOMP_RET_ERRNO:
	case SECCOMP_RET_TRACE:
	case SECCOMP_RET_LOG:
	case SECCOMP_RET_ALLOW:
		return true;
	default: /* SECCOMP_RET_USER_NOTIF: no listeners */
		return false;
	}
}

static s32 rank(u32 answer)
{
	return (s32)(answer & SECCOMP_RET_ACTION_FULL);
}

/* The answer of the filter that allows least; of equals the newest one's. */
static u32 ask(const struct seccomp_filter *f, const struct seccomp_data *data)
{
	u32 least = SECCOMP_RET_ALLOW, answer;

	for (; f; f = f->older) {
		answer = seccomp_bpf_run(f->program, data);
		if (rank(answer) < rank(least))
			least = answer;
	}
	return least;
}

static void end(const struct regs *regs, bool process, int sig)
{
	if (boot->flags & BOOT_F_VERBOSE)
		klog("%s[%d]: its seccomp filter ends it for system call %d\n", current->comm, current->tid,
		     (int)regs->orig_rax);
	if (process)
		process_exit_group(sig);
	thread_exit(sig);
}

static void trap(const struct regs *regs, u32 data)
{
	struct k_siginfo info = {.signo = SIGSYS, .err = (s32)data, .code = SYS_SECCOMP_CODE};

	info.sys.call_addr = regs->rip;
	info.sys.syscall = (s32)regs->orig_rax;
	info.sys.arch = AUDIT_ARCH_X86_64;
	signal_force(&info);
}

static bool strict_allows(u64 number)
{
	return number == __NR_read || number == __NR_write || number == __NR_exit || number == __NR_rt_sigreturn;
}

bool seccomp_call(struct regs *regs, long *result)
{
	struct seccomp_data data = {
	    .nr = (int)regs->orig_rax,
	    .arch = AUDIT_ARCH_X86_64,
	    .instruction_pointer = regs->rip,
	    .args = {regs->rdi, regs->rsi, regs->rdx, regs->r10, regs->r8, regs->r9},
	};
	u32 answer;

	if (current->seccomp_mode == SECCOMP_MODE_STRICT) {
		if (!strict_allows(regs->orig_rax))
			end(regs, false, SIGKILL);
		return true;
	}
	answer = ask(current->seccomp, &data);
	*result = -ENOSYS;
	switch (answer & SECCOMP_RET_ACTION_FULL) {
	case SECCOMP_RET_ALLOW:
	case SECCOMP_RET_LOG:
		return true;
	case SECCOMP_RET_TRACE: /* nobody traces */
	case SECCOMP_RET_USER_NOTIF:
		return false;
	case SECCOMP_RET_ERRNO:
		*result = -(long)MIN(answer & SECCOMP_RET_DATA, ERRNO_LIMIT);
		return false;
	case SECCOMP_RET_TRAP:
		trap(regs, answer & SECCOMP_RET_DATA);
		*result = (long)regs->orig_rax; /* the handler sees the call as it was to be made */
		return false;
	case SECCOMP_RET_KILL_THREAD:
		end(regs, current->process->thread_count == 1, SIGSYS);
		return false;
	default:
		end(regs, true, SIGSYS);
		return false;
	}
}
