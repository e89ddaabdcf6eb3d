/* SPDX-License-Identifier: Apache-2.0
 *
 * The clock without a system call (vdso(7)). The TSC runs at one rate and nobody sets the clock, so there is nothing to
 * lock.
 */
#include "guestkernel/vdso/vdso.h"
#include <asm/unistd.h>
#include <linux/time.h>

extern const struct vdso_data vdso_data __attribute__((visibility("hidden")));

int __vdso_clock_gettime(int clock, struct timespec *ts);
int __vdso_clock_getres(int clock, struct timespec *ts);
int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz);
long __vdso_time(long *t);
long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused);

static long syscall2(long nr, long a, long b, long c)
{
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(nr), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
	return r;
}

static uint64_t boot_ns(void)
{
	uint32_t lo, hi;
	__asm__ volatile("rdtscp" : "=a"(lo), "=d"(hi) : : "rcx", "memory");
	uint64_t tsc = (uint64_t)hi << 32 | lo;
	return (uint64_t)((unsigned __int128)(tsc - vdso_data.tsc_start) * vdso_data.ns_per_tsc >> 32);
}

static void split_ns(uint64_t ns, int64_t *sec, int64_t *rest)
{
	*sec = (int64_t)(ns / 1000000000);
	*rest = (int64_t)(ns % 1000000000);
}

int __vdso_clock_gettime(int clock, struct timespec *ts)
{
	uint64_t ns;
	switch (clock) {
	case CLOCK_REALTIME:
	case CLOCK_REALTIME_COARSE:
	case CLOCK_TAI:
		ns = vdso_data.wall_ns + boot_ns();
		break;
	case CLOCK_MONOTONIC:
	case CLOCK_MONOTONIC_RAW:
	case CLOCK_MONOTONIC_COARSE:
	case CLOCK_BOOTTIME:
		ns = boot_ns();
		break;
	default:
		return (int)syscall2(__NR_clock_gettime, clock, (long)ts, 0);
	}
	int64_t sec, rest;
	split_ns(ns, &sec, &rest);
	ts->tv_sec = sec;
	ts->tv_nsec = rest;
	return 0;
}

int __vdso_clock_getres(int clock, struct timespec *ts)
{
	return (int)syscall2(__NR_clock_getres, clock, (long)ts, 0);
}

int __vdso_gettimeofday(struct timeval *tv, struct timezone *tz)
{
	if (tv) {
		int64_t sec, rest;
		split_ns(vdso_data.wall_ns + boot_ns(), &sec, &rest);
		tv->tv_sec = sec;
		tv->tv_usec = rest / 1000;
	}
	if (tz)
		tz->tz_minuteswest = tz->tz_dsttime = 0;
	return 0;
}

long __vdso_time(long *t)
{
	long sec = (long)((vdso_data.wall_ns + boot_ns()) / 1000000000);
	if (t)
		*t = sec;
	return sec;
}

long __vdso_getcpu(unsigned *cpu, unsigned *node, void *unused)
{
	return syscall2(__NR_getcpu, (long)cpu, (long)node, 0);
}

int clock_gettime(int, struct timespec *) __attribute__((alias("__vdso_clock_gettime")));
int clock_getres(int, struct timespec *) __attribute__((alias("__vdso_clock_getres")));
int gettimeofday(struct timeval *, struct timezone *) __attribute__((alias("__vdso_gettimeofday")));
long time(long *) __attribute__((alias("__vdso_time")));
long getcpu(unsigned *, unsigned *, void *) __attribute__((alias("__vdso_getcpu")));
