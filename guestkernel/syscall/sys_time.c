/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls that read clocks and sleep.
 */
#include <linux/capability.h>
#include <linux/time.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/clock.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

#define NS_PER_S  1000000000ull
#define NS_LIMIT  ((u64)INT64_MAX)
#define TICK_NS	  10000000ull /* times(2): 100 a second */
#define COARSE_NS 4000000ll   /* what the coarse clocks say of themselves: CONFIG_HZ=250 */

int timespec_from_user(user_ptr p, u64 *ns)
{
	struct k_timespec ts;

	if (get_user(ts, p))
		return -EFAULT;
	if (ts.sec < 0 || ts.nsec < 0 || ts.nsec >= (s64)NS_PER_S)
		return -EINVAL;
	*ns = (u64)ts.sec >= NS_LIMIT / NS_PER_S ? NS_LIMIT : (u64)ts.sec * NS_PER_S + (u64)ts.nsec;
	return 0;
}

int timespec_to_user(user_ptr p, u64 ns)
{
	struct k_timespec ts = {(s64)(ns / NS_PER_S), (s64)(ns % NS_PER_S)};

	return put_user(p, ts);
}

u64 deadline_after(u64 ns)
{
	u64 now = time_boot_ns();

	return ns >= NS_LIMIT - now ? NS_LIMIT : MAX(now + ns, 1);
}

SYSCALL(clock_gettime)
{
	struct clock clock;
	int error = clock_decode((int)a, &clock);

	return error ? error : timespec_to_user(user(b), clock_now_ns(&clock));
}

SYSCALL(clock_getres)
{
	struct clock clock;
	int error = clock_decode((int)a, &clock);

	if (error || !b)
		return error;
	return timespec_to_user(user(b), clock.coarse ? COARSE_NS : 1);
}

SYSCALL(gettimeofday)
{
	u64 ns = time_wall_ns();
	struct k_timeval tv = {(s64)(ns / NS_PER_S), (s64)(ns % NS_PER_S / 1000)};
	s32 zone[2] = {0, 0};

	if (a && put_user(user(a), tv))
		return -EFAULT;
	return b ? put_user(user(b), zone) : 0;
}

SYSCALL(time)
{
	s64 now = (s64)(time_wall_ns() / NS_PER_S);

	if (a && put_user(user(a), now))
		return -EFAULT;
	return now;
}

SYSCALL(times)
{
	struct process *p = current->process;
	s64 ticks[4] = {(s64)(process_user_ns(p) / TICK_NS), (s64)(process_system_ns(p) / TICK_NS),
			(s64)(p->child_user_ns / TICK_NS), (s64)(p->child_system_ns / TICK_NS)};

	if (a && put_user(user(a), ticks))
		return -EFAULT;
	return (long)(time_boot_ns() / TICK_NS);
}

SYSCALL(clock_settime)
{
	struct clock clock;
	u64 ns;
	int error = clock_check((int)a, CLOCK_SET), invalid;

	if (error)
		return error;
	invalid = timespec_from_user(user(b), &ns);
	if (invalid == -EFAULT)
		return invalid;
	error = clock_decode((int)a, &clock);
	if (error || (clock.kind == CLOCK_KIND_WALL && invalid))
		return -EINVAL;
	return -EPERM; /* the clock is the host's */
}

SYSCALL(settimeofday)
{
	struct k_timeval tv;
	s32 zone[2];

	if ((a && get_user(tv, user(a))) || (b && get_user(zone, user(b))))
		return -EFAULT;
	return a && (u64)tv.usec >= 1000000 ? -EINVAL : -EPERM;
}

/* struct timex */
struct k_timex {
	u32 modes, pad0;
	s64 offset, freq, maxerror, esterror;
	s32 status, pad1;
	s64 constant, precision, tolerance;
	struct k_timeval time;
	s64 tick, ppsfreq, jitter;
	s32 shift, pad2;
	s64 stabil, jitcnt, calcnt, errcnt, stbcnt;
	s32 tai, pad3[11];
};
_Static_assert(sizeof(struct k_timex) == 208, "timex");

#define STATE_UNSYNC	 5    /* TIME_ERROR */
#define STATUS_UNSYNC	 0x40 /* STA_UNSYNC */
#define MAXIMUM_ERROR_US 16000000
#define ADJUST_OLD	 0x8000u /* adjtime(3): the other bits are no modes */
#define ADJUST_READ_ONLY 0x2000u /* of those */
#define ADJUST_TICK	 0x4000u
#define TICK_LEAST_US	 9000
#define TICK_MOST_US	 11000

/* 0 for those that only read. The clock is the host's: nobody may set it. */
static int check_modes(const struct k_timex *x)
{
	u32 modes = x->modes;

	if (modes & ADJUST_OLD)
		return modes & ADJUST_READ_ONLY ? 0 : -EPERM;
	if ((modes & ADJUST_TICK) && cred_has_cap(CAP_SYS_TIME) && (x->tick < TICK_LEAST_US || x->tick > TICK_MOST_US))
		return -EINVAL;
	return modes ? -EPERM : 0;
}

/* Reads as a clock that nobody disciplines here. */
static long adjust(u64 at)
{
	struct k_timex x;
	u64 now = time_wall_ns();
	int error;

	if (get_user(x, user(at)))
		return -EFAULT;
	error = check_modes(&x);
	if (error)
		return error;
	x = (struct k_timex){.modes = x.modes,
			     .maxerror = MAXIMUM_ERROR_US,
			     .esterror = MAXIMUM_ERROR_US,
			     .status = STATUS_UNSYNC,
			     .constant = 7,
			     .precision = 1,
			     .tolerance = 32768000,
			     .tick = 10000,
			     .time = {(s64)(now / NS_PER_S), (s64)(now % NS_PER_S / 1000)}};
	return put_user(user(at), x) ? -EFAULT : STATE_UNSYNC;
}

SYSCALL(adjtimex)
{
	return adjust(a);
}

SYSCALL(clock_adjtime)
{
	struct k_timex x;
	int error;

	if (get_user(x, user(b)))
		return -EFAULT;
	error = clock_check((int)a, CLOCK_ADJUST);
	if (error)
		return error;
	return (int)a == CLOCK_REALTIME ? adjust(b) : -EINVAL; /* of a descriptor: there are none */
}

static int sleep_until(u64 deadline)
{
	int error = 0;

	while (!error)
		error = sched_sleep(true, deadline);
	return error == -ETIMEDOUT ? 0 : error;
}

/* restart_args: deadline (ns since boot), where the remaining time goes. */
static long restart_sleep(struct thread *t)
{
	u64 deadline = t->restart_args[0], rest = t->restart_args[1], now;
	int error = sleep_until(deadline);

	if (error != -ERESTARTSYS)
		return error;
	now = time_boot_ns();
	if (rest && timespec_to_user(user(rest), deadline > now ? deadline - now : 0))
		return -EFAULT;
	t->restart = restart_sleep;
	return -ERESTART_RESTARTBLOCK;
}

static long sleep_relative(u64 ns, u64 rest)
{
	struct thread *t = current;

	t->restart_args[0] = deadline_after(ns);
	t->restart_args[1] = rest;
	return restart_sleep(t);
}

SYSCALL(nanosleep)
{
	u64 ns;
	int error = timespec_from_user(user(a), &ns);

	return error ? error : sleep_relative(ns, b);
}

/* A CPU clock does not run while its only thread sleeps: look again each time as much as is missing has passed. */
static long sleep_cpu_clock(int id, u64 until)
{
	struct clock clock;
	u64 now;
	int error = 0;

	while (!(error = clock_decode(id, &clock)) && (now = clock_now_ns(&clock)) < until) {
		error = sleep_until(deadline_after(MAX(until - now, 1000000)));
		if (error)
			return -ERESTARTNOHAND;
	}
	return error;
}

SYSCALL(clock_nanosleep)
{
	struct clock clock;
	bool absolute = b & TIMER_ABSTIME;
	u64 ns;
	int error = clock_check((int)a, CLOCK_SLEEP);

	if (!error)
		error = timespec_from_user(user(c), &ns);
	if (!error)
		error = clock_decode((int)a, &clock);
	if (error)
		return error;
	if (clock.kind == CLOCK_KIND_THREAD && clock.thread == current) /* it would never wake up */
		return -EINVAL;
	if (clock.kind == CLOCK_KIND_PROCESS || clock.kind == CLOCK_KIND_THREAD)
		return sleep_cpu_clock((int)a, absolute ? ns : clock_now_ns(&clock) + ns);
	if (!absolute)
		return sleep_relative(ns, d);
	error = sleep_until(clock_to_boot_ns(&clock, ns));
	return error == -ERESTARTSYS ? -ERESTARTNOHAND : error;
}
