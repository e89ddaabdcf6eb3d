/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals: what they do to the thread that is about to return to user mode.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <asm/unistd.h>
#include "guestkernel/lib.h"
#include "guestkernel/proc/rseq.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/proc/trace.h"

#define IGNORED_BY_DEFAULT (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))
#define SYSCALL_BYTES	   2 /* length of the instruction */

bool process_group_orphaned(int pgid)
{
	struct process *p;

	list_for_each (p, &all_processes, all_link)
		if (p->pgid == pgid && !p->zombie && p->parent && p->parent->pgid != pgid &&
		    p->parent->session == p->session)
			return false;
	return true;
}

static void stop_process(struct process *p, int sig)
{
	struct thread *t;

	if (p == init_process || (sig != SIGSTOP && process_group_orphaned(p->pgid)))
		return;
	process_set_stopped(p, true);
	p->stop_signal = sig;
	p->continued = false;
	list_for_each (t, &p->threads, process_link) {
		if (t->state == THREAD_SLEEPING)
			sched_wake(t);
		sched_poke(t);
	}
	signal_notify_parent(p, CLD_STOPPED, sig);
}

static void default_action(struct process *p, int sig)
{
	if (SIGBIT(sig) & IGNORED_BY_DEFAULT)
		return;
	if (SIGBIT(sig) & SIG_STOPS)
		stop_process(p, sig);
	else if (p != init_process)
		process_exit_group(sig);
}

/* The interrupted system call is done again when the signal is over. */
static void restart_syscall(struct regs *regs, u64 number)
{
	regs->rax = number;
	regs->rip -= SYSCALL_BYTES;
}

static void fix_result_before_handler(struct regs *regs, const struct k_sigaction *action)
{
	if ((s64)regs->orig_rax < 0)
		return;
	switch (-(s64)regs->rax) {
	case ERESTARTSYS:
		if (action->flags & SA_RESTART) {
			restart_syscall(regs, regs->orig_rax);
			break;
		}
		regs->rax = (u64)-EINTR;
		break;
	case ERESTARTNOHAND:
	case ERESTART_RESTARTBLOCK:
		regs->rax = (u64)-EINTR;
		break;
	case ERESTARTNOINTR:
		restart_syscall(regs, regs->orig_rax);
		break;
	}
	regs->orig_rax = (u64)-1;
}

static void fix_result_without_handler(struct regs *regs)
{
	if ((s64)regs->orig_rax < 0)
		return;
	switch (-(s64)regs->rax) {
	case ERESTARTSYS:
	case ERESTARTNOHAND:
	case ERESTARTNOINTR:
		restart_syscall(regs, regs->orig_rax);
		break;
	case ERESTART_RESTARTBLOCK:
		restart_syscall(regs, __NR_restart_syscall);
		break;
	}
	regs->orig_rax = (u64)-1;
}

static void call_handler(struct regs *regs, int sig, struct k_sigaction action, const struct k_siginfo *info)
{
	struct thread *t = current;
	u64 old = t->restore_sigmask ? t->saved_sigmask : t->sigmask;

	fix_result_before_handler(regs, &action);
	/* What is interrupted is a critical section's end: the frame leads to its abort handler. */
	if (t->rseq)
		rseq_settle(regs);
	if (action.flags & SA_RESETHAND)
		t->process->sighand->action[sig - 1].handler = SIG_DEFAULT;
	if (sigframe_push(regs, sig, &action, info, old)) {
		/* No stack for the handler of SIGSEGV itself: nothing is left but the default action. */
		if (sig == SIGSEGV)
			t->process->sighand->action[sig - 1].handler = SIG_DEFAULT;
		signal_fault(SIGSEGV, SI_KERNEL, 0);
		return;
	}
	t->restore_sigmask = false;
	signal_set_mask(t->sigmask | action.mask | (action.flags & SA_NODEFER ? 0 : SIGBIT(sig)));
}

static void stop_here(struct thread *t)
{
	t->state = THREAD_STOPPED;
	schedule();
}

void signal_deliver(struct regs *regs)
{
	struct thread *t = current;
	struct process *p = t->process;
	struct k_siginfo info;
	int sig;

	for (;;) {
		if (t->killed)
			thread_exit(p->exit_code);
		if (p->stopped) {
			stop_here(t);
			continue;
		}
		/* Not by who sent SIGCONT: a parent that sent a fatal signal before sees the end alone. */
		if (p->tell_continued) {
			p->tell_continued = false;
			signal_notify_parent(p, CLD_CONTINUED, SIGCONT);
		}
		sig = signal_dequeue(t, ~t->sigmask, &info);
		if (!sig)
			break;
		if (trace_on() && trace_signal)
			trace_signal(t, sig, &info);
		struct k_sigaction action = p->sighand->action[sig - 1];
		if (action.handler == SIG_IGNORE)
			continue;
		if (action.handler == SIG_DEFAULT)
			default_action(p, sig);
		else
			call_handler(regs, sig, action, &info);
	}
	fix_result_without_handler(regs);
	if (t->restore_sigmask) {
		t->restore_sigmask = false;
		signal_set_mask(t->saved_sigmask);
	}
}
