/* SPDX-License-Identifier: Apache-2.0
 *
 * The end of threads and processes, and what becomes of the children.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/proc/trace.h"

void tty_session_end(struct session *s)
    __attribute__((weak)); /* drv/tty: hangs up the terminal of a session leader that ends */

void sem_undo_leave(struct process *p) __attribute__((weak)); /* ipc/sem.h */

void vfork_release(struct thread *t)
{
	struct thread *parent = t->vfork_waiter;

	if (!parent)
		return;
	t->vfork_waiter = NULL;
	parent->vfork_pending = false;
	sched_wake(parent);
}

static void leave_mm(struct thread *t)
{
	struct mm *mm = t->mm;

	if (!mm)
		return;
	t->process->rss_peak_pages = MAX(t->process->rss_peak_pages, mm->rss_peak_pages);
	futex_exit(t);
	t->mm = NULL;
	vfork_release(t);
	mm_put(mm);
}

/* Who takes in the orphans: the nearest ancestor that asked for it, else pid 1. */
static struct process *new_parent(struct process *p)
{
	struct process *a;

	for (a = p->parent; a && a != init_process; a = a->parent)
		if (a->subreaper && !a->exiting)
			return a;
	return init_process;
}

static bool notify_end(struct process *p)
{
	int sig = p->exit_code & 0x7f;

	return signal_notify_parent(p, sig ? CLD_KILLED : CLD_EXITED, sig ? sig : p->exit_code >> 8 & 0xff);
}

static void death_signal(struct process *child)
{
	struct thread *t;

	list_for_each (t, &child->threads, process_link)
		if (t->pdeathsig && t->state != THREAD_DEAD)
			signal_send_process(child, t->pdeathsig, NULL);
}

/* The children that a thread has made go to another one of its process, and are told that it ended. */
static void leave_children(struct process *p, const struct thread *t)
{
	struct process *child;

	list_for_each (child, &p->children, sibling) {
		if (child->parent_thread != t)
			continue;
		child->parent_thread = process_thread(p);
		death_signal(child);
	}
}

/* When `parent` was what kept the group of `member` from being orphaned, and nobody else does, a group with a stopped
 * member is told to hang up: nobody could continue it any more. A group that was orphaned before is left alone.
 * leaving: the one of the group that ends, or NULL. */
static void hang_up_if_orphaned(struct process *member, const struct process *parent, const struct process *leaving)
{
	struct process *q;
	int pgid = member->pgid;
	bool stopped = false;

	if (!stopped_processes) /* ends are frequent, and the list may be long */
		return;
	if (!parent || parent->pgid == pgid || parent->session != member->session)
		return;
	list_for_each (q, &all_processes, all_link) {
		if (q->pgid != pgid || q == leaving)
			continue;
		if (!q->zombie && q->parent && q->parent->pgid != pgid && q->parent->session == q->session)
			return;
		stopped |= q->stopped;
	}
	if (!stopped)
		return;
	signal_send_group(pgid, SIGHUP, NULL);
	signal_send_group(pgid, SIGCONT, NULL);
}

static void give_away_children(struct process *p)
{
	struct process *child, *tmp, *to = new_parent(p);

	list_for_each_safe (child, tmp, &p->children, sibling) {
		list_remove(&child->sibling);
		list_append(&to->children, &child->sibling);
		child->parent = to;
		child->parent_thread = process_thread(to);
		child->exit_signal = SIGCHLD;
		death_signal(child);
		hang_up_if_orphaned(child, p, NULL);
		if (child->zombie && notify_end(child))
			process_reap(child);
	}
}

static void release_resources(struct process *p)
{
	struct files *files = p->files;
	struct fs_ctx *fs = p->fs;

	timer_cancel(&p->alarm);
	posix_timers_delete(p);
	itimers_cancel(p);
	cpu_timer_cancel(p->cpu_limit);
	if (sem_undo_leave)
		sem_undo_leave(p);
	/* fd_get() and path lookups of the closing itself must not see half-gone tables. */
	if (files)
		files_put(files);
	p->files = NULL;
	p->fs = NULL;
	if (fs)
		fs_ctx_put(fs);
	if (p->session->sid == p->pid && tty_session_end)
		tty_session_end(p->session);
}

static void account_thread(struct process *p, struct thread *t)
{
	u64 now = time_boot_ns();

	t->system_ns += now - t->mark_ns;
	t->mark_ns = now;
	p->user_ns += t->user_ns;
	p->system_ns += t->system_ns;
	p->voluntary += t->voluntary;
	p->involuntary += t->involuntary;
	p->minor_faults += t->minor_faults;
	p->major_faults += t->major_faults;
	t->user_ns = t->system_ns = t->voluntary = t->involuntary = t->minor_faults = t->major_faults = 0;
}

static void process_end(struct process *p)
{
	if (p == init_process)
		panic("pid 1 ended with wait status 0x%x", (unsigned)p->exit_code);
	give_away_children(p);
	hang_up_if_orphaned(p, p->parent, p);
	if (!shared->stats.tsc_exit || p->did_exec)
		shared->stats.tsc_exit = arch_tsc();
	p->exiting = true;
	p->zombie = true;
	process_set_stopped(p, false);
	wake_up(&p->exit_wait, 1);
	if (notify_end(p))
		process_reap(p);
}

void thread_exit(int status)
{
	struct thread *t = current;
	struct process *p = t->process;
	bool leader = p->leader == t, last;

	if (leader && !p->exiting)
		p->exit_code = status;
	if (trace_on() && trace_exit)
		trace_exit(p->exiting ? p->exit_code : status);
	t->killed = true;
	leave_mm(t);
	last = --p->thread_count == 0;
	if (last)
		release_resources(p);
	account_thread(p, t);
	t->state = THREAD_DEAD;
	signal_flush(t->pending);
	if (!last)
		leave_children(p, t);
	if (leader)
		thread_bury(t);
	else
		thread_free(t);
	if (p->exec_thread && p->thread_count == 1)
		sched_wake(p->exec_thread);
	if (last)
		process_end(p);
	if (!leader)
		t->process = &kernel_process; /* a zombie keeps its leader, for whoever looks it up */
	schedule();
	panic("a dead thread runs");
}

void process_exit_group(int status)
{
	process_kill(current->process, status);
	thread_exit(current->process->exit_code);
}
