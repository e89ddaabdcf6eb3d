/* SPDX-License-Identifier: Apache-2.0
 *
 * Waiting for children: wait4(2), waitid(2), and the numbers about a process that they report.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/wait.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/signal.h"

static struct k_timeval timeval(u64 ns)
{
	return (struct k_timeval){(s64)(ns / 1000000000), (s64)(ns % 1000000000 / 1000)};
}

void process_usage(const struct process *p, bool children, struct k_rusage *u)
{
	struct thread *t;
	u64 peak = p->rss_peak_pages;

	*u = (struct k_rusage){0};
	if (children) {
		u->utime = timeval(p->child_user_ns);
		u->stime = timeval(p->child_system_ns);
		u->minflt = (s64)p->child_minor;
		u->majflt = (s64)p->child_major;
		u->maxrss = (s64)(p->child_rss_peak_pages * (PAGE_SIZE / 1024));
		return;
	}
	u->utime = timeval(process_user_ns(p));
	u->stime = timeval(process_system_ns(p));
	u->minflt = (s64)p->minor_faults;
	u->majflt = (s64)p->major_faults;
	u->nvcsw = (s64)p->voluntary;
	u->nivcsw = (s64)p->involuntary;
	list_for_each (t, &p->threads, process_link) {
		if (t->state == THREAD_DEAD)
			continue;
		u->minflt += (s64)t->minor_faults;
		u->majflt += (s64)t->major_faults;
		u->nvcsw += (s64)t->voluntary;
		u->nivcsw += (s64)t->involuntary;
		if (t->mm)
			peak = MAX(peak, t->mm->rss_peak_pages);
	}
	u->maxrss = (s64)(peak * (PAGE_SIZE / 1024));
}

/* Its own and its children's use, as wait4 reports them together. */
static void usage_with_children(const struct process *p, struct k_rusage *u)
{
	process_usage(p, false, u);
	u->utime = timeval(process_user_ns(p) + p->child_user_ns);
	u->stime = timeval(process_system_ns(p) + p->child_system_ns);
	u->minflt += (s64)p->child_minor;
	u->majflt += (s64)p->child_major;
	u->maxrss = MAX(u->maxrss, (s64)(p->child_rss_peak_pages * (PAGE_SIZE / 1024)));
}

void process_reap(struct process *p)
{
	struct process *to = p->parent;

	if (to) {
		to->child_user_ns += p->user_ns + p->child_user_ns;
		to->child_system_ns += p->system_ns + p->child_system_ns;
		to->child_minor += p->minor_faults + p->child_minor;
		to->child_major += p->major_faults + p->child_major;
		to->child_rss_peak_pages =
		    MAX(to->child_rss_peak_pages, MAX(p->rss_peak_pages, p->child_rss_peak_pages));
	}
	process_unlink(p);
}

static bool matches(const struct process *child, enum wait_kind kind, int id, u32 options)
{
	bool clone_child = child->exit_signal != SIGCHLD;

	if ((options & __WNOTHREAD) && child->parent_thread != current)
		return false;
	if (kind == WAIT_PID && child->pid != id)
		return false;
	if (kind == WAIT_GROUP && child->pgid != id)
		return false;
	return (options & __WALL) || clone_child == !!(options & __WCLONE);
}

static void report(struct process *child, struct wait_result *r, int code, int status, int wait_status)
{
	r->pid = child->pid;
	r->uid = process_cred(child)->uid;
	r->code = code;
	r->status = status;
	r->wait_status = wait_status;
	usage_with_children(child, &r->usage);
}

/* Has this child something to tell that is asked for? Consumes it unless WNOWAIT. */
static bool take(struct process *child, u32 options, struct wait_result *r)
{
	int sig = child->exit_code & 0x7f;

	if (child->zombie) {
		if (!(options & WEXITED))
			return false;
		report(child, r, sig ? CLD_KILLED : CLD_EXITED, sig ? sig : child->exit_code >> 8 & 0xff,
		       child->exit_code);
		if (!(options & WNOWAIT))
			process_reap(child);
		return true;
	}
	if (child->stopped && child->stop_signal && (options & WSTOPPED)) {
		report(child, r, CLD_STOPPED, child->stop_signal, child->stop_signal << 8 | 0x7f);
		if (!(options & WNOWAIT))
			child->stop_signal = 0;
		return true;
	}
	if (child->continued && (options & WCONTINUED)) {
		report(child, r, CLD_CONTINUED, SIGCONT, 0xffff);
		if (!(options & WNOWAIT))
			child->continued = false;
		return true;
	}
	return false;
}

/* 1: *r is filled; 0: children match, but have nothing to tell; -ECHILD. */
static int scan(enum wait_kind kind, int id, u32 options, struct wait_result *r)
{
	struct process *child;
	int found = -ECHILD;

	list_for_each (child, &current->process->children, sibling) {
		if (!matches(child, kind, id, options))
			continue;
		if (take(child, options, r))
			return 1;
		found = 0;
	}
	return found;
}

long process_wait(enum wait_kind kind, int id, u32 options, struct wait_result *result)
{
	struct wait_entry entry = {0};
	int found, error = 0;

	wait_add(&current->process->child_wait, &entry);
	while (!(found = scan(kind, id, options, result)) && !(options & WNOHANG) && !error)
		error = sched_sleep(true, 0);
	wait_remove(&entry);
	if (found)
		return found > 0 ? result->pid : found;
	return options & WNOHANG ? 0 : error;
}
