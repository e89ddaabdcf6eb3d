/* SPDX-License-Identifier: Apache-2.0
 *
 * Interval timers: ITIMER_REAL (alarm(2) too), ITIMER_VIRTUAL, ITIMER_PROF.
 */
#include <asm/signal.h>
#include <linux/time.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

#define NS_PER_S 1000000000ull

struct cpu_itimer {
	struct one {
		struct cpu_timer timer;
		u64 interval_ns;
	} virt, prof;
};

struct setting {
	u64 value_ns, interval_ns; /* value 0: off */
};

static void real_expired(struct timer *timer)
{
	struct process *p = container_of(timer, struct process, alarm);

	if (p->alarm_interval_ns)
		timer_arm(timer, MAX(timer->deadline_ns + p->alarm_interval_ns, time_boot_ns() + 1));
	signal_send_process(p, SIGALRM, NULL);
}

static void cpu_expired(struct cpu_timer *timer, struct process *p)
{
	struct one *one = container_of(timer, struct one, timer);

	if (one->interval_ns)
		cpu_timer_arm(timer, p, timer->expires_ns + one->interval_ns);
	signal_send_process(p, timer->clock == CPU_USER ? SIGVTALRM : SIGPROF, NULL);
}

static struct setting set_real(struct process *p, const struct setting *new)
{
	u64 now = time_boot_ns();
	struct setting old = {0, p->alarm_interval_ns};

	if (p->alarm.armed)
		old.value_ns = p->alarm.deadline_ns > now ? p->alarm.deadline_ns - now : 1;
	else
		old.interval_ns = 0;
	if (!new)
		return old;
	timer_cancel(&p->alarm);
	p->alarm.fn = real_expired;
	p->alarm_interval_ns = new->interval_ns;
	if (new->value_ns)
		timer_arm(&p->alarm, deadline_after(new->value_ns));
	return old;
}

static struct setting set_cpu(struct process *p, struct one *one, enum cpu_clock clock, const struct setting *new)
{
	u64 now = cpu_clock_ns(p, clock);
	struct setting old = {0, one->interval_ns};

	if (one->timer.armed)
		old.value_ns = one->timer.expires_ns > now ? one->timer.expires_ns - now : 1;
	if (!new)
		return old;
	cpu_timer_cancel(&one->timer);
	one->timer.clock = clock;
	one->timer.fn = cpu_expired;
	one->interval_ns = new->interval_ns;
	if (new->value_ns)
		cpu_timer_arm(&one->timer, p, now + new->value_ns);
	return old;
}

/* Sets (unless new is NULL) and tells the old setting. */
static int itimer(int which, const struct setting *new, struct setting *old)
{
	struct process *p = current->process;

	if (which == ITIMER_REAL) {
		*old = set_real(p, new);
		return 0;
	}
	if (which != ITIMER_VIRTUAL && which != ITIMER_PROF)
		return -EINVAL;
	if (!p->itimer_cpu)
		p->itimer_cpu = kzalloc(sizeof(*p->itimer_cpu));
	if (!p->itimer_cpu)
		return -ENOMEM;
	*old = which == ITIMER_VIRTUAL ? set_cpu(p, &p->itimer_cpu->virt, CPU_USER, new)
				       : set_cpu(p, &p->itimer_cpu->prof, CPU_TOTAL, new);
	return 0;
}

void itimers_cancel(struct process *p)
{
	if (!p->itimer_cpu)
		return;
	cpu_timer_cancel(&p->itimer_cpu->virt.timer);
	cpu_timer_cancel(&p->itimer_cpu->prof.timer);
}

static int read_timeval(const struct k_timeval *tv, u64 *ns)
{
	if (tv->sec < 0 || tv->usec < 0 || tv->usec >= 1000000)
		return -EINVAL;
	*ns = MIN((u64)tv->sec, 4000000000ull) * NS_PER_S + (u64)tv->usec * 1000;
	return 0;
}

static int write_setting(u64 to, const struct setting *s)
{
	struct k_itimerval v = {{(s64)(s->interval_ns / NS_PER_S), (s64)(s->interval_ns % NS_PER_S / 1000)},
				{(s64)(s->value_ns / NS_PER_S), (s64)(s->value_ns % NS_PER_S / 1000)}};

	/* What is armed never reads as off. */
	if (s->value_ns && !v.value.sec && !v.value.usec)
		v.value.usec = 1;
	return put_user(user(to), v);
}

SYSCALL(setitimer)
{
	struct k_itimerval v = {0};
	struct setting new, old;
	int error;

	if (b && get_user(v, user(b)))
		return -EFAULT;
	error = read_timeval(&v.value, &new.value_ns);
	if (!error)
		error = read_timeval(&v.interval, &new.interval_ns);
	if (!error)
		error = itimer((int)a, &new, &old);
	if (error)
		return error;
	return c ? write_setting(c, &old) : 0;
}

SYSCALL(getitimer)
{
	struct setting old;
	int error = itimer((int)a, NULL, &old);

	return error ? error : write_setting(b, &old);
}

SYSCALL(alarm)
{
	struct setting new = {(u32)a * NS_PER_S, 0}, old = set_real(current->process, &new);

	/* Rounded to the nearest second, but never to "there was none". */
	return old.value_ns ? (long)MAX((old.value_ns + NS_PER_S / 2) / NS_PER_S, 1) : 0;
}
