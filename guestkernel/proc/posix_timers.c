/* SPDX-License-Identifier: Apache-2.0
 *
 * POSIX timers: timer_create(2) and its kin.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/time.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/clock.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

#define TIMERS_LIMIT 4096 /* of one process */
#define DELAY_LIMIT  0x7fffffff

struct posix_timer {
	struct list link; /* process.posix_timers */
	struct process *process;
	int id;
	int cpu_clock;	    /* a CPU clock by its number: whose it is may be gone; 0: another clock */
	struct clock clock; /* that other one */
	struct timer timer;
	struct cpu_timer cpu;
	u64 interval_ns;
	u64 overrun; /* of the last signal: expirations without one of their own */
	int notify, signo, tid;
	u64 value;
};

/* struct sigevent */
struct k_sigevent {
	u64 value;
	s32 signo, notify, tid;
	s32 pad[11];
};
_Static_assert(sizeof(struct k_sigevent) == 64, "sigevent");

/* The timer's last signal, when it still waits to be taken. */
static struct sigqueue *find_queued(const struct posix_timer *t, const struct sigpending *pending)
{
	struct sigqueue *q;

	list_for_each (q, &pending->queue, link)
		if (q->info.code == SI_TIMER && q->info.signo == t->signo && q->info.timer.timerid == t->id)
			return q;
	return NULL;
}

/* Expired, and `missed` times more than that. Only one signal of a timer is ever queued; the rest is its overrun. */
static void notify(struct posix_timer *t, u64 missed)
{
	struct sigqueue *q;
	struct k_siginfo info = {.signo = t->signo, .code = SI_TIMER};
	struct thread *to = t->notify == SIGEV_THREAD_ID ? thread_find(t->tid) : NULL;

	if (t->notify == SIGEV_NONE)
		return;
	if (t->notify == SIGEV_THREAD_ID && (!to || to->process != t->process))
		return;
	q = find_queued(t, to ? to->pending : t->process->pending);
	t->overrun = q ? t->overrun + missed + 1 : missed;
	info.timer.timerid = t->id;
	info.timer.overrun = (s32)MIN(t->overrun, (u64)DELAY_LIMIT);
	info.timer.value = t->value;
	if (q) {
		q->info.timer.overrun = info.timer.overrun;
		return;
	}
	if (to)
		signal_send_thread(to, t->signo, &info);
	else
		signal_send_process(t->process, t->signo, &info);
}

static void wall_expired(struct timer *timer)
{
	struct posix_timer *t = container_of(timer, struct posix_timer, timer);
	u64 now = time_boot_ns(), missed = 0;

	if (t->interval_ns) {
		missed = (now - timer->deadline_ns) / t->interval_ns;
		timer_arm(timer, timer->deadline_ns + (missed + 1) * t->interval_ns);
	}
	notify(t, missed);
}

static void cpu_expired(struct cpu_timer *timer, struct process *p)
{
	struct posix_timer *t = container_of(timer, struct posix_timer, cpu);

	if (t->interval_ns)
		cpu_timer_arm(timer, p, timer->expires_ns + t->interval_ns);
	notify(t, 0);
}

static struct posix_timer *find(u64 id)
{
	struct posix_timer *t;

	list_for_each (t, &current->process->posix_timers, link)
		if (t->id == (int)id)
			return t;
	return NULL;
}

static void disarm(struct posix_timer *t)
{
	timer_cancel(&t->timer);
	cpu_timer_cancel(&t->cpu);
}

static void delete (struct posix_timer *t)
{
	disarm(t);
	list_remove(&t->link);
	kfree(t);
}

void posix_timers_delete(struct process *p)
{
	struct posix_timer *t, *tmp;

	list_for_each_safe (t, tmp, &p->posix_timers, link)
		delete (t);
}

/* Nanoseconds to the next expiration, 0: not armed. */
static u64 remaining(const struct posix_timer *t)
{
	struct clock clock;
	u64 now, at;

	if (t->cpu_clock) {
		if (clock_decode(t->cpu_clock, &clock))
			return 0;
		now = clock_now_ns(&clock);
		at = t->cpu.armed ? t->cpu.expires_ns : 0;
	} else {
		now = time_boot_ns();
		at = t->timer.armed ? t->timer.deadline_ns : 0;
	}
	return !at ? 0 : at > now ? at - now : 1;
}

static int read_sigevent(u64 from, struct k_sigevent *ev, int id)
{
	struct thread *t;

	if (!from) {
		*ev = (struct k_sigevent){.value = (u64)id, .signo = SIGALRM, .notify = SIGEV_SIGNAL};
		return 0;
	}
	if (get_user(*ev, user(from)))
		return -EFAULT;
	switch (ev->notify) {
	case SIGEV_NONE:
		return 0;
	case SIGEV_THREAD_ID:
		t = thread_find(ev->tid);
		if (!t || t->process != current->process)
			return -EINVAL;
		break;
	case SIGEV_SIGNAL:
	case SIGEV_THREAD:
		break;
	default:
		return -EINVAL;
	}
	return ev->signo >= 1 && ev->signo <= 64 ? 0 : -EINVAL;
}

static int new_id(void)
{
	int id = 0;

	while (id < TIMERS_LIMIT && find((u64)id))
		id++;
	return id < TIMERS_LIMIT ? id : -EAGAIN;
}

SYSCALL(timer_create)
{
	struct posix_timer *t;
	struct k_sigevent ev;
	struct clock clock;
	int id, error = clock_check((int)a, CLOCK_TIMER);

	if (error)
		return error;
	id = new_id();
	if (id < 0)
		return id;
	error = read_sigevent(b, &ev, id);
	if (!error)
		error = clock_decode((int)a, &clock);
	if (error)
		return error;
	if (put_user(user(c), id))
		return -EFAULT;
	t = kzalloc(sizeof(*t));
	if (!t)
		return -ENOMEM;
	t->process = current->process;
	t->id = id;
	if (clock.kind == CLOCK_KIND_PROCESS || clock.kind == CLOCK_KIND_THREAD)
		t->cpu_clock = clock_cpu_id(&clock);
	else
		t->clock = clock;
	t->timer.fn = wall_expired;
	t->cpu.fn = cpu_expired;
	t->cpu.clock = clock.user_only ? CPU_USER : CPU_TOTAL;
	t->cpu.tid = clock.kind == CLOCK_KIND_THREAD ? clock.thread->tid : 0;
	t->notify = ev.notify;
	t->signo = ev.signo;
	t->tid = ev.tid;
	t->value = ev.value;
	list_append(&current->process->posix_timers, &t->link);
	return 0;
}

static int write_state(u64 to, u64 interval, u64 value)
{
	int error = timespec_to_user(user(to), interval);

	return error ? error : timespec_to_user(user(to + sizeof(struct k_timespec)), value);
}

static void arm(struct posix_timer *t, const struct clock *clock, u64 value, bool absolute)
{
	struct process *p = clock->kind == CLOCK_KIND_THREAD ? clock->thread->process : clock->process;

	if (t->cpu_clock)
		cpu_timer_arm(&t->cpu, p, absolute ? value : clock_now_ns(clock) + value);
	else
		timer_arm(&t->timer, absolute ? clock_to_boot_ns(clock, value) : deadline_after(value));
}

SYSCALL(timer_settime)
{
	struct posix_timer *t = find(a);
	struct clock clock;
	u64 interval, value, old_interval, old_value;
	int error;

	if (!t || !c)
		return -EINVAL;
	error = timespec_from_user(user(c), &interval);
	if (!error)
		error = timespec_from_user(user(c + sizeof(struct k_timespec)), &value);
	if (error)
		return error;
	clock = t->clock;
	if (t->cpu_clock && clock_decode(t->cpu_clock, &clock))
		return -ESRCH;
	old_interval = t->interval_ns;
	old_value = remaining(t);
	disarm(t);
	t->interval_ns = interval;
	t->overrun = 0;
	if (value)
		arm(t, &clock, value, b & TIMER_ABSTIME);
	return d ? write_state(d, old_interval, old_value) : 0;
}

SYSCALL(timer_gettime)
{
	struct posix_timer *t = find(a);

	return t ? write_state(b, t->interval_ns, remaining(t)) : -EINVAL;
}

SYSCALL(timer_getoverrun)
{
	struct posix_timer *t = find(a);

	return t ? (long)MIN(t->overrun, (u64)DELAY_LIMIT) : -EINVAL;
}

SYSCALL(timer_delete)
{
	struct posix_timer *t = find(a);

	if (!t)
		return -EINVAL;
	delete (t);
	return 0;
}
