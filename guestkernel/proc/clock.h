/* SPDX-License-Identifier: Apache-2.0
 *
 * Clocks by their Linux numbers, CPU clocks of other processes and threads included.
 */
#ifndef GUESTKERNEL_PROC_CLOCK_H
#define GUESTKERNEL_PROC_CLOCK_H

#include "guestkernel/types.h"

struct process;
struct thread;

/* What a clock number names. */
struct clock {
	enum { CLOCK_KIND_WALL, CLOCK_KIND_BOOT, CLOCK_KIND_PROCESS, CLOCK_KIND_THREAD } kind;
	bool coarse;		 /* of low resolution */
	bool user_only;		 /* CPU clocks: user time alone */
	struct process *process; /* not referenced: valid until the caller sleeps */
	struct thread *thread;
};

/* What some clocks can and others cannot. */
enum clock_use { CLOCK_SET = 1, CLOCK_ADJUST = 2, CLOCK_SLEEP = 4, CLOCK_TIMER = 8 };

/* 0, or how Linux refuses this use of a clock before it looks at other arguments: -EINVAL, -EOPNOTSUPP. Whether the
 * process of a CPU clock lives is not looked at. */
int clock_check(int id, enum clock_use use);
/* The number that names a CPU clock for whoever asks later: "the own" one made explicit. */
int clock_cpu_id(const struct clock *clock);
/* -EINVAL for unknown clocks and processes. */
int clock_decode(int id, struct clock *clock);
u64 clock_now_ns(const struct clock *clock);
/* A deadline on this (wall or boot) clock as ns since boot; never 0. */
u64 clock_to_boot_ns(const struct clock *clock, u64 ns);

#endif
