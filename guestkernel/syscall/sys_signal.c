/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls of signals.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/capability.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

#define ALT_ONSTACK    1u
#define ALT_DISABLE    2u
#define ALT_AUTODISARM 0x80000000u
#define ALT_MINIMUM    2048 /* MINSIGSTKSZ */
#define SA_KNOWN                                                                                                       \
	(0x00000001u | 0x00000002u | 0x00000004u | 0x00000800u | 0x04000000u | 0x08000000u | 0x10000000u |             \
	 0x40000000u | 0x80000000u)

static bool valid(u64 sig)
{
	return (int)sig >= 1 && (int)sig <= 64;
}

int sigmask_from_user(user_ptr p, u64 size, u64 *mask)
{
	if (size != sizeof(*mask))
		return -EINVAL;
	return get_user(*mask, p);
}

SYSCALL(rt_sigaction)
{
	struct k_sigaction *action, old, new;
	struct thread *t;
	struct k_siginfo dropped;
	int sig = (int)a;

	if (d != sizeof(u64))
		return -EINVAL;
	if (b && get_user(new, user(b)))
		return -EFAULT;
	if (!valid(a) || (b && (SIGBIT(sig) & SIG_UNBLOCKABLE)))
		return -EINVAL;
	action = &current->process->sighand->action[sig - 1];
	old = *action;
	if (b) {
		new.flags &= SA_KNOWN;
		new.mask &= ~SIG_UNBLOCKABLE;
		*action = new;
		/* What is ignored from now on is not delivered later either (POSIX). */
		if (new.handler == SIG_IGNORE || (new.handler == SIG_DEFAULT && (sig == SIGCHLD || sig == SIGCONT ||
										 sig == SIGURG || sig == SIGWINCH))) {
			list_for_each (t, &current->process->threads, process_link)
				while (signal_dequeue(t, SIGBIT(sig), &dropped))
					;
		}
	}
	return c ? put_user(user(c), old) : 0;
}

SYSCALL(rt_sigprocmask)
{
	u64 old = current->sigmask, set, mask = old;

	if (d != sizeof(u64))
		return -EINVAL;
	if (b) {
		if (get_user(set, user(b)))
			return -EFAULT;
		switch ((int)a) {
		case SIG_BLOCK:
			mask |= set;
			break;
		case SIG_UNBLOCK:
			mask &= ~set;
			break;
		case SIG_SETMASK:
			mask = set;
			break;
		default:
			return -EINVAL;
		}
		signal_set_mask(mask);
	}
	return c ? put_user(user(c), old) : 0;
}

SYSCALL(rt_sigpending)
{
	u64 set = (current->pending->set | current->process->pending->set) & current->sigmask;

	if (b > sizeof(set))
		return -EINVAL;
	return copy_to_user(user(a), &set, b);
}

SYSCALL(rt_sigsuspend)
{
	u64 mask;
	int error = sigmask_from_user(user(a), b, &mask);

	if (error)
		return error;
	signal_set_temporary_mask(mask);
	while (!sched_sleep(true, 0))
		;
	return -ERESTARTNOHAND;
}

SYSCALL(pause)
{
	while (!sched_sleep(true, 0))
		;
	return -ERESTARTNOHAND;
}

SYSCALL(rt_sigtimedwait)
{
	struct thread *t = current;
	struct k_siginfo info;
	u64 set, ns, deadline = 0;
	int sig, error = sigmask_from_user(user(a), d, &set);

	if (error)
		return error;
	if (c) {
		error = timespec_from_user(user(c), &ns);
		if (error)
			return error;
		deadline = deadline_after(ns);
	}
	set &= ~SIG_UNBLOCKABLE;
	while (!(sig = signal_dequeue(t, set, &info)) && !error) {
		t->sigwait_set = set;
		error = sched_sleep(true, deadline);
		t->sigwait_set = 0;
	}
	if (!sig)
		return error == -ETIMEDOUT ? -EAGAIN : -EINTR;
	if (b && copy_to_user(user(b), &info, sizeof(info)))
		return -EFAULT;
	return sig;
}

/* Whom a signal goes to is looked for before its number is looked at. */
static int may_send(const struct thread *t, int sig)
{
	return sig && !valid((u64)(u32)sig) ? -EINVAL : signal_permission(t, sig);
}

/* One of several: *result is 0 when one may be signalled, else why the first may not, else as it was. */
static void kill_next(struct process *p, int sig, const struct k_siginfo *info, long *result)
{
	int error = may_send(p->leader, sig);

	if (error) {
		*result = *result == -ESRCH ? error : *result;
		return;
	}
	if (sig)
		signal_send_process(p, sig, info);
	*result = 0;
}

/* Everyone the caller may signal, apart from pid 1 and itself. */
static long kill_all(int sig, const struct k_siginfo *info)
{
	struct process *p, *tmp;
	long result = -ESRCH;

	list_for_each_safe (p, tmp, &all_processes, all_link) {
		if (p != init_process && p != current->process)
			kill_next(p, sig, info, &result);
	}
	return result;
}

static long kill_group(int pgid, int sig, const struct k_siginfo *info)
{
	struct process *p, *tmp;
	long result = -ESRCH;

	list_for_each_safe (p, tmp, &all_processes, all_link) {
		if (p->pgid == pgid)
			kill_next(p, sig, info, &result);
	}
	return result;
}

/* Any thread's number stands for its process. */
static long kill_one(struct thread *t, int sig, const struct k_siginfo *info)
{
	int error;

	if (!t || t->process == &kernel_process)
		return -ESRCH;
	error = may_send(t, sig);
	if (error || !sig)
		return error;
	return signal_send_process(t->process, sig, info);
}

SYSCALL(kill)
{
	struct k_siginfo info;
	int pid = (int)a, sig = (int)b;

	siginfo_user(&info, sig, SI_USER);
	if (pid == -1)
		return kill_all(sig, &info);
	if (pid == INT32_MIN)
		return -ESRCH;
	if (pid <= 0)
		return kill_group(pid ? -pid : current->process->pgid, sig, &info);
	return kill_one(thread_find(pid), sig, &info);
}

static long kill_thread(int tgid, int tid, int sig, const struct k_siginfo *info)
{
	struct thread *t = thread_find(tid);
	int error;

	if (!t || t->process == &kernel_process || (tgid > 0 && t->process->pid != tgid))
		return -ESRCH;
	if (t->state == THREAD_DEAD && t != t->process->leader)
		return -ESRCH;
	error = may_send(t, sig);
	if (error || !sig || t->state == THREAD_DEAD) /* a zombie takes signals as a process does: to no effect */
		return error;
	return signal_send_thread(t, sig, info);
}

SYSCALL(tkill)
{
	struct k_siginfo info;

	if ((int)a <= 0)
		return -EINVAL;
	siginfo_user(&info, (int)b, SI_TKILL);
	return kill_thread(0, (int)a, (int)b, &info);
}

SYSCALL(tgkill)
{
	struct k_siginfo info;

	if ((int)a <= 0 || (int)b <= 0)
		return -EINVAL;
	siginfo_user(&info, (int)c, SI_TKILL);
	return kill_thread((int)a, (int)b, (int)c, &info);
}

/* A siginfo that the program made: it must not look like the kernel's to others. */
static int check_siginfo(struct k_siginfo *info, int sig, int tid)
{
	if ((info->code >= 0 || info->code == SI_TKILL) && tid != current->tid)
		return -EPERM;
	info->signo = sig;
	return 0;
}

SYSCALL(rt_sigqueueinfo)
{
	struct k_siginfo info;
	int error;

	if (get_user(info, user(c)))
		return -EFAULT;
	error = check_siginfo(&info, (int)b, (int)a);
	return error ? error : kill_one(thread_find((int)a), (int)b, &info);
}

SYSCALL(rt_tgsigqueueinfo)
{
	struct k_siginfo info;
	int error;

	if (get_user(info, user(d)))
		return -EFAULT;
	if ((int)a <= 0 || (int)b <= 0)
		return -EINVAL;
	error = check_siginfo(&info, (int)c, (int)b);
	return error ? error : kill_thread((int)a, (int)b, (int)c, &info);
}

/* stack_t */
struct k_stack {
	u64 sp;
	u32 flags, pad;
	u64 size;
};

SYSCALL(sigaltstack)
{
	struct thread *t = current;
	u64 sp = t->regs->rsp;
	bool inside = t->altstack_size && !(t->altstack_flags & ALT_AUTODISARM) && sp > t->altstack_sp &&
		      sp - t->altstack_sp <= t->altstack_size;
	struct k_stack new, old = {t->altstack_sp,
				   inside	      ? ALT_ONSTACK
				   : t->altstack_size ? 0
						      : ALT_DISABLE,
				   0, t->altstack_size};

	old.flags |= t->altstack_flags & ALT_AUTODISARM;
	if (a) {
		if (get_user(new, user(a)))
			return -EFAULT;
		if (inside)
			return -EPERM;
		if ((new.flags & ~ALT_AUTODISARM) > ALT_DISABLE)
			return -EINVAL;
		if (new.flags & ALT_DISABLE)
			new.sp = new.size = 0;
		else if (new.size < ALT_MINIMUM)
			return -ENOMEM;
		t->altstack_sp = new.sp;
		t->altstack_size = new.size;
		t->altstack_flags = new.flags &(ALT_AUTODISARM | ALT_DISABLE);
	}
	return b ? put_user(user(b), old) : 0;
}

SYSCALL(rt_sigreturn)
{
	return signal_return(current->regs);
}

SYSCALL(restart_syscall)
{
	long (*restart)(struct thread *) = current->restart;

	current->restart = NULL;
	return restart ? restart(current) : -EINTR;
}
