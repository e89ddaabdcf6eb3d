/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals: generation and queues. What a signal does to the one who gets it is signal_deliver.c's; frames are
 * sigframe.c's.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/capability.h>
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/proc/trace.h"

#define SIGNALS		   64 /* 1 to this */
#define LIMIT_SIGPENDING   11 /* RLIMIT_SIGPENDING */
#define IGNORED_BY_DEFAULT (SIGBIT(SIGCHLD) | SIGBIT(SIGCONT) | SIGBIT(SIGURG) | SIGBIT(SIGWINCH))
/* Caused by the instruction that runs: delivered before all others, so that the frame shows that instruction. */
#define SYNCHRONOUS                                                                                                    \
	(SIGBIT(SIGSEGV) | SIGBIT(SIGBUS) | SIGBIT(SIGILL) | SIGBIT(SIGTRAP) | SIGBIT(SIGFPE) | SIGBIT(SIGSYS))

unsigned stopped_processes;

struct wait_queue signalfd_wait = WAIT_QUEUE_INIT(signalfd_wait);

/* ---- tables and queues ---- */

struct sighand *sighand_create(void)
{
	struct sighand *s = kzalloc(sizeof(*s));

	if (s)
		s->refs = 1;
	return s;
}

struct sighand *sighand_clone(const struct sighand *from)
{
	struct sighand *s = sighand_create();

	if (s)
		memcpy(s->action, from->action, sizeof(s->action));
	return s;
}

void sighand_put(struct sighand *s)
{
	if (s && !--s->refs)
		kfree(s);
}

void sighand_reset(struct sighand *s)
{
	int i;

	for (i = 0; i < SIGNALS; i++)
		s->action[i] =
		    (struct k_sigaction){.handler = s->action[i].handler == SIG_IGNORE ? SIG_IGNORE : SIG_DEFAULT};
}

struct sigpending *sigpending_create(void)
{
	struct sigpending *p = kzalloc(sizeof(*p));

	if (p)
		list_init(&p->queue);
	return p;
}

static void discard(struct sigpending *pending, u64 set)
{
	struct sigqueue *q, *tmp;

	if (!(pending->set & set))
		return;
	pending->set &= ~set;
	list_for_each_safe (q, tmp, &pending->queue, link) {
		if (!(SIGBIT(q->info.signo) & set))
			continue;
		list_remove(&q->link);
		pending->count--;
		kfree(q);
	}
}

void signal_flush(struct sigpending *pending)
{
	discard(pending, ~0ull);
}

/* 0, or -EAGAIN when a real-time signal finds no place; what the kernel itself reports is then pending without its
 * details. */
static int enqueue(struct process *p, struct sigpending *pending, int sig, const struct k_siginfo *info)
{
	struct sigqueue *q = NULL;

	if (sig < 32 && (pending->set & SIGBIT(sig)))
		return 0;
	if (pending->count < MIN(p->rlimit[LIMIT_SIGPENDING].cur, (u64)SIGQUEUE_LIMIT) || sig < 32)
		q = kmalloc(sizeof(*q));
	if (!q && sig >= 32 && info && info->code < 0)
		return -EAGAIN;
	pending->set |= SIGBIT(sig);
	if (!q)
		return 0;
	if (info)
		q->info = *info;
	else
		q->info = (struct k_siginfo){.code = SI_KERNEL};
	q->info.signo = sig;
	list_append(&pending->queue, &q->link);
	pending->count++;
	return 0;
}

static int take(struct sigpending *pending, u64 set, struct k_siginfo *info)
{
	u64 ready = pending->set & set;
	struct sigqueue *q, *found = NULL;
	bool more = false;
	int sig;

	if (!ready)
		return 0;
	sig = __builtin_ctzll(ready & SYNCHRONOUS ? ready & SYNCHRONOUS : ready) + 1;
	list_for_each (q, &pending->queue, link) {
		if (q->info.signo != sig)
			continue;
		if (found) {
			more = true;
			break;
		}
		found = q;
	}
	if (!more)
		pending->set &= ~SIGBIT(sig);
	if (found) {
		*info = found->info;
		list_remove(&found->link);
		pending->count--;
		kfree(found);
	} else {
		*info = (struct k_siginfo){.signo = sig, .code = SI_USER};
	}
	return sig;
}

int signal_dequeue(struct thread *t, u64 set, struct k_siginfo *info)
{
	int sig = take(t->pending, set, info);

	return sig ? sig : take(t->process->pending, set, info);
}

bool signal_pending(struct thread *t)
{
	if (t->killed)
		return true;
	if (!t->pending)
		return false;
	return t->process->stopped || t->process->tell_continued ||
	       ((t->pending->set | t->process->pending->set) & ~t->sigmask);
}

/* ---- sending ---- */

void siginfo_user(struct k_siginfo *info, int sig, int code)
{
	*info = (struct k_siginfo){.signo = sig, .code = code};
	info->rt.pid = current->process->pid;
	info->rt.uid = current->cred.uid;
}

void signal_broken_pipe(void)
{
	struct k_siginfo info;

	siginfo_user(&info, SIGPIPE, SI_USER);
	signal_send_thread(current, SIGPIPE, &info);
}

int signal_permission(const struct thread *t, int sig)
{
	const struct cred *me = &current->cred, *you = &t->cred;
	const struct process *p = t->process;

	if (current->process == p || me->euid == you->suid || me->euid == you->uid || me->uid == you->suid ||
	    me->uid == you->uid)
		return 0;
	if (sig == SIGCONT && current->process->session == p->session)
		return 0;
	return cred_has_cap(CAP_KILL) ? 0 : -EPERM;
}

void thread_kill(struct thread *t)
{
	t->killed = true;
	if (t->state == THREAD_SLEEPING || (t->state == THREAD_BLOCKED && t->killable))
		sched_wake(t);
	sched_resume(t);
	sched_poke(t);
}

void process_kill(struct process *p, int status)
{
	struct thread *t;

	if (p->exiting || p->zombie)
		return;
	p->exiting = true;
	p->continued = false; /* nobody hears of it any more */
	p->exit_code = status;
	list_for_each (t, &p->threads, process_link)
		if (t->state != THREAD_DEAD)
			thread_kill(t);
}

static bool ends_process(const struct process *p, int sig)
{
	return p->sighand->action[sig - 1].handler == SIG_DEFAULT && !(SIGBIT(sig) & (IGNORED_BY_DEFAULT | SIG_STOPS));
}

/* Nothing would happen: not even queued. A blocked signal is kept, because the program may change its mind. */
static bool ignored(const struct process *p, const struct thread *t, int sig)
{
	u64 handler = p->sighand->action[sig - 1].handler;

	/* pid 1 gets only what it has a handler for: nothing by default may end or stop it. */
	if (p == init_process && handler == SIG_DEFAULT &&
	    ((SIGBIT(sig) & SIG_UNBLOCKABLE) || !(t->sigmask & SIGBIT(sig))))
		return true;
	if (t->sigmask & SIGBIT(sig))
		return false;
	return handler == SIG_IGNORE || (handler == SIG_DEFAULT && (SIGBIT(sig) & IGNORED_BY_DEFAULT));
}

/* SIGCONT undoes stops and the other way round, when sent and whatever the disposition. */
static void job_control(struct process *p, int sig)
{
	u64 undone = sig == SIGCONT ? SIG_STOPS : SIGBIT(sig) & SIG_STOPS ? SIGBIT(SIGCONT) : 0;
	struct thread *t;

	if (!undone)
		return;
	discard(p->pending, undone);
	list_for_each (t, &p->threads, process_link)
		discard(t->pending, undone);
	if (sig != SIGCONT || !p->stopped)
		return;
	process_set_stopped(p, false);
	p->stop_signal = 0;
	p->continued = p->tell_continued = true;
	list_for_each (t, &p->threads, process_link)
		sched_resume(t);
}

static bool wants(const struct thread *t, int sig)
{
	/* A stopped thread takes nothing before SIGCONT: a fatal signal waits, too. */
	return t->state != THREAD_DEAD && t->state != THREAD_STOPPED && !(t->sigmask & SIGBIT(sig));
}

/* The thread that is to take a process-directed signal: the current one, the leader, or any that has it unblocked. */
static struct thread *choose_thread(struct process *p, int sig)
{
	struct thread *t;

	if (current->process == p && wants(current, sig))
		return current;
	list_for_each (t, &p->threads, process_link)
		if (wants(t, sig))
			return t;
	return NULL;
}

/* The trace names signals that never reach signal_deliver(), too. */
static void show(struct thread *t, int sig, const struct k_siginfo *info)
{
	if (trace_on() && trace_signal)
		trace_signal(t, sig, info);
}

static int send(struct process *p, struct thread *only, int sig, const struct k_siginfo *info)
{
	struct thread *t, *any = only ? only : process_thread(p);
	int error;

	if (p->zombie || !any)
		return 0;
	job_control(p, sig);
	if (ignored(p, any, sig)) {
		show(any, sig, info);
		return 0;
	}
	if (sig == SIGKILL) {
		process_kill(p, SIGKILL);
		return 0;
	}
	error = enqueue(p, only ? only->pending : p->pending, sig, info);
	if (error)
		return error;
	wake_up(&signalfd_wait, 1);
	t = only && wants(only, sig) ? only : only ? NULL : choose_thread(p, sig);
	if (!t) {
		/* sigtimedwait sleeps with the signals it wants blocked. */
		list_for_each (t, &p->threads, process_link)
			if (t->state == THREAD_SLEEPING && (t->sigwait_set & SIGBIT(sig)))
				sched_wake(t);
		return 0;
	}
	if (ends_process(p, sig)) {
		show(t, sig, info);
		process_kill(p, sig);
		return 0;
	}
	if (t->state == THREAD_SLEEPING)
		sched_wake(t);
	sched_poke(t);
	return 0;
}

int signal_send_thread(struct thread *t, int sig, const struct k_siginfo *info)
{
	return send(t->process, t, sig, info);
}

int signal_send_process(struct process *p, int sig, const struct k_siginfo *info)
{
	return send(p, NULL, sig, info);
}

int signal_send_group(int pgid, int sig, const struct k_siginfo *info)
{
	struct process *p, *tmp;
	int result = -ESRCH;

	list_for_each_safe (p, tmp, &all_processes, all_link) {
		if (p->pgid != pgid)
			continue;
		result = 0;
		signal_send_process(p, sig, info);
	}
	return result;
}

void signal_force(const struct k_siginfo *info)
{
	struct thread *t = current;
	int sig = info->signo;
	struct k_sigaction *action = &t->process->sighand->action[sig - 1];

	if ((t->sigmask & SIGBIT(sig)) || action->handler == SIG_IGNORE) {
		action->handler = SIG_DEFAULT;
		t->sigmask &= ~SIGBIT(sig);
	}
	if (action->handler == SIG_DEFAULT) {
		show(t, sig, info);
		process_kill(t->process, sig);
		return;
	}
	enqueue(t->process, t->pending, sig, info);
}

void signal_fault(int sig, int code, u64 addr)
{
	struct k_siginfo info = {.signo = sig, .code = code};

	info.fault.addr = addr;
	signal_force(&info);
}

/* ---- masks ---- */

void signal_set_mask(u64 mask)
{
	struct thread *t = current, *other;
	u64 newly = mask & ~t->sigmask;
	int sig;

	t->sigmask = mask & ~SIG_UNBLOCKABLE;
	/* A process-directed signal that this thread was to take may now be another's. */
	for (newly &= t->process->pending->set; newly; newly &= newly - 1) {
		sig = __builtin_ctzll(newly) + 1;
		other = choose_thread(t->process, sig);
		if (other && other->state == THREAD_SLEEPING)
			sched_wake(other);
		if (other)
			sched_poke(other);
	}
}

void signal_set_temporary_mask(u64 mask)
{
	struct thread *t = current;

	if (!t->restore_sigmask)
		t->saved_sigmask = t->sigmask;
	t->restore_sigmask = true;
	signal_set_mask(mask);
}

/* ---- the parent ---- */

bool signal_notify_parent(struct process *p, int code, int status)
{
	struct process *parent = p->parent;
	struct k_siginfo info = {.signo = SIGCHLD, .code = code};
	const struct k_sigaction *action;
	bool ended = code == CLD_EXITED || code == CLD_KILLED || code == CLD_DUMPED, unwanted = false;
	int sig = ended ? p->exit_signal : SIGCHLD;

	if (!parent)
		return ended;
	info.child.pid = p->pid;
	info.child.uid = process_cred(p)->uid;
	info.child.status = status;
	info.child.utime = (s64)(p->user_ns / 10000000);
	info.child.stime = (s64)(p->system_ns / 10000000);
	action = &parent->sighand->action[SIGCHLD - 1];
	if (ended && sig == SIGCHLD)
		unwanted = action->handler == SIG_IGNORE || (action->flags & SA_NOCLDWAIT);
	if (!ended && (action->flags & SA_NOCLDSTOP))
		sig = 0;
	if (sig > SIGNALS) /* clone(2) takes any byte; what is no signal is none */
		sig = 0;
	if (sig && !(unwanted && action->handler == SIG_IGNORE))
		signal_send_process(parent, sig, &info);
	wake_up(&parent->child_wait, 1);
	return unwanted;
}
