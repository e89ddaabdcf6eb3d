/* SPDX-License-Identifier: Apache-2.0
 *
 * Clock numbers. Negative ones name the CPU clock of a process or thread: ~id in the upper bits, then one bit for
 * threads, then the kind.
 */
#include <linux/time.h>
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/clock.h"
#include "guestkernel/proc/cpu_timer.h"

#define CPU_CLOCK_THREAD 4
#define CPU_CLOCK_VIRT	 1
#define CPU_CLOCK_SCHED	 2
#define CPU_CLOCK_FD	 3 /* dynamic clocks */

static int decode_cpu(int id, struct clock *clock)
{
	int pid = ~(id >> 3), kind = id & 3;

	if (kind == CPU_CLOCK_FD)
		return -EINVAL;
	clock->user_only = kind == CPU_CLOCK_VIRT;
	if (id & CPU_CLOCK_THREAD) {
		clock->kind = CLOCK_KIND_THREAD;
		clock->thread = pid ? thread_find(pid) : current;
		return clock->thread && clock->thread->process == current->process ? 0 : -EINVAL;
	}
	clock->kind = CLOCK_KIND_PROCESS;
	clock->process = pid ? process_find(pid) : current->process;
	return clock->process ? 0 : -EINVAL;
}

int clock_decode(int id, struct clock *clock)
{
	*clock = (struct clock){.kind = CLOCK_KIND_BOOT};
	if (id < 0)
		return decode_cpu(id, clock);
	switch (id) {
	case CLOCK_REALTIME_COARSE:
		clock->coarse = true;
		/* fall through */
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_ALARM:
	case CLOCK_TAI:
		clock->kind = CLOCK_KIND_WALL;
		return 0;
	case CLOCK_MONOTONIC_COARSE:
		clock->coarse = true;
		return 0;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_BOOTTIME:
	case CLOCK_BOOTTIME_ALARM:
		return 0;
	case CLOCK_PROCESS_CPUTIME_ID:
		clock->kind = CLOCK_KIND_PROCESS;
		clock->process = current->process;
		return 0;
	case CLOCK_THREAD_CPUTIME_ID:
		clock->kind = CLOCK_KIND_THREAD;
		clock->thread = current;
		return 0;
	default:
		return -EINVAL;
	}
}

int clock_check(int id, enum clock_use use)
{
	static const u8 uses[] = {
	    [CLOCK_REALTIME] = CLOCK_SET | CLOCK_ADJUST | CLOCK_SLEEP | CLOCK_TIMER,
	    [CLOCK_MONOTONIC] = CLOCK_SLEEP | CLOCK_TIMER,
	    [CLOCK_PROCESS_CPUTIME_ID] = CLOCK_SLEEP | CLOCK_TIMER,
	    [CLOCK_THREAD_CPUTIME_ID] = CLOCK_TIMER,
	    [CLOCK_BOOTTIME] = CLOCK_SLEEP | CLOCK_TIMER,
	    [CLOCK_REALTIME_ALARM] = CLOCK_SLEEP | CLOCK_TIMER,
	    [CLOCK_BOOTTIME_ALARM] = CLOCK_SLEEP | CLOCK_TIMER,
	    [CLOCK_TAI] = CLOCK_SLEEP | CLOCK_TIMER,
	};
	struct clock clock;
	u32 can;

	if (id < 0 && (id & 7) == CPU_CLOCK_FD)
		can = CLOCK_SET | CLOCK_ADJUST;
	else if (id < 0)
		can = CLOCK_SET | CLOCK_SLEEP | CLOCK_TIMER;
	else if (clock_decode(id, &clock))
		return -EINVAL;
	else
		can = uses[id];
	return can & use ? 0 : use == CLOCK_SET ? -EINVAL : -EOPNOTSUPP;
}

int clock_cpu_id(const struct clock *clock)
{
	u32 thread = clock->kind == CLOCK_KIND_THREAD, kind = clock->user_only ? CPU_CLOCK_VIRT : CPU_CLOCK_SCHED;
	int id = thread ? clock->thread->tid : clock->process->pid;

	return (int)(~(u32)id << 3 | (thread ? CPU_CLOCK_THREAD : 0) | kind);
}

u64 clock_now_ns(const struct clock *clock)
{
	switch (clock->kind) {
	case CLOCK_KIND_WALL:
		return time_wall_ns();
	case CLOCK_KIND_PROCESS:
		return cpu_clock_ns(clock->process, clock->user_only ? CPU_USER : CPU_TOTAL);
	case CLOCK_KIND_THREAD:
		return clock->user_only ? clock->thread->user_ns : thread_cpu_ns(clock->thread);
	default:
		return time_boot_ns();
	}
}

u64 clock_to_boot_ns(const struct clock *clock, u64 ns)
{
	u64 offset = clock->kind == CLOCK_KIND_WALL ? time_wall_ns() - time_boot_ns() : 0;

	return ns > offset ? ns - offset : 1;
}
