/* SPDX-License-Identifier: Apache-2.0
 * Clocks and sleeping: clock_gettime of each clock, resolutions, monotony, nanosleep relative and absolute,
 * gettimeofday.
 * area: Time
 */
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>
#include <sys/times.h>
#include <sys/timex.h>

#include "probe.h"

static long ns_of(const struct timespec *t)
{
	return t->tv_sec * 1000000000L + t->tv_nsec;
}

static long raw_ns(clockid_t clock)
{
	struct timespec t = {0};
	syscall(SYS_clock_gettime, clock, &t);
	return ns_of(&t);
}

static long libc_ns(clockid_t clock)
{
	struct timespec t = {0};
	clock_gettime(clock, &t);
	return ns_of(&t);
}

static void *spin_a_little(void *argument)
{
	long begin = libc_ns(CLOCK_THREAD_CPUTIME_ID);
	while (libc_ns(CLOCK_THREAD_CPUTIME_ID) - begin < 30000000)
		;
	while (argument && !__atomic_load_n((int *)argument, __ATOMIC_ACQUIRE)) /* stays until it was looked at */
		sched_yield();
	return NULL;
}

static long own_time_while_another_computes(void)
{
	pthread_t thread;
	long own = libc_ns(CLOCK_THREAD_CPUTIME_ID);
	pthread_create(&thread, NULL, spin_a_little, NULL);
	pthread_join(thread, NULL);
	return libc_ns(CLOCK_THREAD_CPUTIME_ID) - own;
}

static void clocks(void)
{
	static const struct {
		clockid_t id;
		const char *name;
	} all[] = {{CLOCK_REALTIME, "REALTIME"},
		   {CLOCK_MONOTONIC, "MONOTONIC"},
		   {CLOCK_MONOTONIC_RAW, "MONOTONIC_RAW"},
		   {CLOCK_REALTIME_COARSE, "REALTIME_COARSE"},
		   {CLOCK_MONOTONIC_COARSE, "MONOTONIC_COARSE"},
		   {CLOCK_BOOTTIME, "BOOTTIME"},
		   {CLOCK_PROCESS_CPUTIME_ID, "PROCESS_CPUTIME_ID"},
		   {CLOCK_THREAD_CPUTIME_ID, "THREAD_CPUTIME_ID"},
		   {CLOCK_TAI, "TAI"}};
	struct timespec t;
	theme("clocks");
	for (size_t i = 0; i < sizeof(all) / sizeof(*all); i++) {
		int good = 1;
		CHECKF(clock_gettime(all[i].id, &t) == 0 && t.tv_nsec >= 0 && t.tv_nsec < 1000000000, "CLOCK_%s",
		       all[i].name);
		CHECKF(clock_getres(all[i].id, &t) == 0 && t.tv_sec == 0 && t.tv_nsec > 0, "CLOCK_%s has a resolution",
		       all[i].name);
		long a = raw_ns(all[i].id), b = libc_ns(all[i].id), c = raw_ns(all[i].id);
		CHECKF(b >= a - 10000000 && b <= c + 10000000, "CLOCK_%s: system call and C library agree",
		       all[i].name);
		if (i == 0 || i == 3 || i == 8)
			continue;
		long before = libc_ns(all[i].id);
		for (int j = 0; j < 2000; j++) {
			long now = libc_ns(all[i].id);
			good &= now >= before;
			before = now;
		}
		CHECKF(good, "CLOCK_%s never goes back", all[i].name);
	}
	CHECK_ERRNO(clock_gettime(99, &t), EINVAL);
	CHECK_ERRNO(clock_gettime(-1, &t), EINVAL);
	CHECK_ERRNO(clock_getres(99, &t), EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_clock_gettime, CLOCK_MONOTONIC, unmapped_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_clock_getres, CLOCK_MONOTONIC, unmapped_address()), EFAULT);
	CHECK(syscall(SYS_clock_getres, CLOCK_MONOTONIC, NULL) == 0);
	CHECK_ERRNO(syscall(SYS_clock_settime, CLOCK_MONOTONIC, &t), EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_settime, CLOCK_REALTIME, unmapped_address()), EFAULT);
	CHECK_THAT(libc_ns(CLOCK_REALTIME) > 1700000000L * 1000000000, "the wall clock is set");
	CHECK_THAT(libc_ns(CLOCK_BOOTTIME) >= libc_ns(CLOCK_MONOTONIC) - 1000000,
		   "boot time includes all of the monotonic time");
	long before = libc_ns(CLOCK_REALTIME), coarse = libc_ns(CLOCK_REALTIME_COARSE), after = libc_ns(CLOCK_REALTIME);
	CHECK_THAT(coarse <= after + 1000000, "the coarse clock is not ahead");
	CHECK_SOON(libc_ns(CLOCK_REALTIME) - libc_ns(CLOCK_REALTIME_COARSE) < 100000000, "and lags little");
	struct timeval tv;
	struct timezone zone;
	CHECK(gettimeofday(&tv, NULL) == 0 && tv.tv_sec >= before / 1000000000 && tv.tv_usec < 1000000);
	CHECK_SOON((gettimeofday(&tv, NULL), labs(tv.tv_sec - time(NULL)) <= 1), "gettimeofday and time agree");
	CHECK(syscall(SYS_gettimeofday, NULL, &zone) == 0);
	CHECK_ERRNO(syscall(SYS_gettimeofday, unmapped_address(), NULL), EFAULT);
	CHECK_SOON(labs(syscall(SYS_time, NULL) - time(NULL)) <= 1, "time");
	CHECK_ERRNO(syscall(SYS_time, unmapped_address()), EFAULT);
	struct timex x = {0};
	CHECK_THAT(adjtimex(&x) >= 0, "adjtimex reads");
	CHECK_ERRNO(syscall(SYS_adjtimex, unmapped_address()), EFAULT);
	theme("processor time clocks");
	CHECK_SOON(own_time_while_another_computes() < 25000000, "a thread's counts its own time alone");
	pthread_t thread;
	long process = libc_ns(CLOCK_PROCESS_CPUTIME_ID);
	int seen = 0;
	pthread_create(&thread, NULL, spin_a_little, &seen);
	clockid_t of_thread, of_process;
	CHECK(pthread_getcpuclockid(thread, &of_thread) == 0);
	__atomic_store_n(&seen, 1, __ATOMIC_RELEASE);
	pthread_join(thread, NULL);
	CHECK_THAT(libc_ns(CLOCK_PROCESS_CPUTIME_ID) - process >= 30000000, "the process's counts all threads");
	CHECK(clock_getcpuclockid(0, &of_process) == 0 && clock_gettime(of_process, &t) == 0);
	CHECK(clock_getcpuclockid(1 << 28, &of_process) != 0);
	CHECK_SOON((process = libc_ns(CLOCK_PROCESS_CPUTIME_ID), sleep_ms(40),
		    libc_ns(CLOCK_PROCESS_CPUTIME_ID) - process < 20000000),
		   "sleep costs no processor time");
}

static void sleeps(void)
{
	struct timespec t = {0, 15000000}, bad = {0, 1000000000}, negative = {-1, 0}, rest;
	theme("sleeping");
	long begin = now_us();
	CHECK(nanosleep(&t, &rest) == 0);
	CHECK_THAT(now_us() - begin >= 15000, "nanosleep is not early");
	CHECK_THAT(now_us() - begin < 10000000, "nor very late");
	CHECK_ERRNO(nanosleep(&bad, NULL), EINVAL);
	CHECK_ERRNO(nanosleep(&negative, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_nanosleep, NULL, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_nanosleep, unmapped_address(), NULL), EFAULT);
	t = (struct timespec){0, 0};
	CHECK(nanosleep(&t, NULL) == 0);
	CHECK_THAT(syscall(SYS_nanosleep, &t, unmapped_address()) == 0,
		   "the remainder is not written after a full sleep");
	CHECK(clock_nanosleep(99, 0, &t, NULL) == EINVAL);
	CHECK(clock_nanosleep(CLOCK_THREAD_CPUTIME_ID, 0, &t, NULL) == EINVAL);
	CHECK(clock_nanosleep(CLOCK_MONOTONIC, 0, &bad, NULL) == EINVAL);
	CHECK_ERRNO(syscall(SYS_clock_nanosleep, CLOCK_MONOTONIC, 0, unmapped_address(), NULL), EFAULT);
	static const clockid_t ids[] = {CLOCK_MONOTONIC, CLOCK_REALTIME, CLOCK_BOOTTIME};
	for (int i = 0; i < 3; i++) {
		clock_gettime(ids[i], &t);
		t.tv_nsec += 15000000;
		t.tv_sec += t.tv_nsec / 1000000000;
		t.tv_nsec %= 1000000000;
		CHECKF(clock_nanosleep(ids[i], TIMER_ABSTIME, &t, NULL) == 0 && libc_ns(ids[i]) >= ns_of(&t),
		       "until a time of clock %d", ids[i]);
		t = (struct timespec){0, 1};
		begin = now_us();
		CHECKF(clock_nanosleep(ids[i], TIMER_ABSTIME, &t, NULL) == 0 && now_us() - begin < 10000000,
		       "until a past time of clock %d", ids[i]);
	}
	begin = now_us();
	usleep(5000);
	CHECK(now_us() - begin >= 5000);
}

int main(void)
{
	limit_seconds(60);
	clocks();
	sleeps();
	return finish();
}
