/* SPDX-License-Identifier: Apache-2.0
 * Each clock, fixed and of other processes and threads, in each call that takes one; who may set clocks; timers on the
 * clocks of others. No call sets a clock.
 * area: Time
 * flags: -pthread
 */
#include <pthread.h>
#include <sched.h>
#include <sys/time.h>
#include <sys/timerfd.h>
#include <sys/timex.h>

#include "matrix.h"

static void *hole;
static pid_t other, gone;
static pid_t thread_id;

/* ---- clocks ---- */

/* The clocks of a process, a thread and a descriptor: 0 PROF, 1 VIRT, 2 SCHED, 3 a descriptor. */
static clockid_t process_clock(pid_t pid, unsigned kind)
{
	return (clockid_t)(~(unsigned)pid << 3 | kind);
}

static clockid_t thread_clock(pid_t pid, unsigned kind)
{
	return (clockid_t)(~(unsigned)pid << 3 | 4 | kind);
}

static clockid_t clock_of(int row)
{
	switch (row) {
	case 20:
		return process_clock(0, 0);
	case 21:
		return process_clock(0, 1);
	case 22:
		return process_clock(0, 2);
	case 23:
		return process_clock(getpid(), 2);
	case 24:
		return process_clock(other, 2);
	case 25:
		return process_clock(other, 1);
	case 26:
		return process_clock(gone, 2);
	case 27:
		return process_clock(thread_id, 2);
	case 28:
		return process_clock(1 << 28, 2);
	case 29:
		return thread_clock(0, 0);
	case 30:
		return thread_clock(0, 1);
	case 31:
		return thread_clock(0, 2);
	case 32:
		return thread_clock(thread_id, 2);
	case 33:
		return thread_clock(thread_id, 1);
	case 34:
		return thread_clock(other, 2);
	case 35:
		return thread_clock(gone, 2);
	case 36:
		return process_clock(1, 3);
	case 37:
		return process_clock(1000, 3);
	case 38:
		return thread_clock(0, 3);
	case 39:
		return (clockid_t)0x80000000;
	case 40:
		return 0x7fffffff;
	default:
		return row;
	}
}

static long create_timer(clockid_t clock, int notify)
{
	struct sigevent event = {.sigev_notify = notify, .sigev_signo = SIGUSR1};
	int id = -1;
	long result = RESULT(syscall(SYS_timer_create, clock, &event, &id));
	if (result == 0)
		syscall(SYS_timer_delete, id);
	return result;
}

static long create_timerfd(clockid_t clock)
{
	int fd = timerfd_create(clock, 0);
	if (fd < 0)
		return -errno;
	close(fd);
	return 0;
}

static long with_clock(clockid_t clock, int column)
{
	struct timespec t = {0, 0}, late = {0, 1000000000}, one = {0, 1};
	struct timex x = {.modes = 0}, bad = {.modes = ADJ_TICK, .tick = 1};
	switch (column) {
	case 0:
		return RESULT(syscall(SYS_clock_gettime, clock, &t));
	case 1:
		return RESULT(syscall(SYS_clock_gettime, clock, hole));
	case 2:
		return RESULT(syscall(SYS_clock_getres, clock, &t));
	case 3:
		return RESULT(syscall(SYS_clock_getres, clock, NULL));
	case 4:
		return RESULT(syscall(SYS_clock_getres, clock, hole));
	case 5:
		return RESULT(syscall(SYS_clock_settime, clock, &late));
	case 6:
		return RESULT(syscall(SYS_clock_settime, clock, hole));
	case 7:
		return OUTCOME(syscall(SYS_clock_adjtime, clock, &x) < 0 ? -1 : 0);
	case 8:
		return RESULT(syscall(SYS_clock_adjtime, clock, hole));
	case 9:
		return RESULT(syscall(SYS_clock_adjtime, clock, &bad));
	case 10:
		return RESULT(syscall(SYS_clock_nanosleep, clock, 0, &t, NULL));
	case 11:
		return RESULT(syscall(SYS_clock_nanosleep, clock, 0, &late, NULL));
	case 12:
		return RESULT(syscall(SYS_clock_nanosleep, clock, 0, hole, NULL));
	case 13:
		if (clock < 0 && (clock & 3) < 2)
			return 0; /* they count in ticks, and may not have counted one */
		return RESULT(syscall(SYS_clock_nanosleep, clock, TIMER_ABSTIME, &one, NULL));
	case 14:
		return create_timer(clock, SIGEV_SIGNAL);
	case 15:
		return create_timer(clock, SIGEV_NONE);
	case 16:
		return create_timer(clock, 99);
	default:
		return create_timerfd(clock);
	}
}

#define CLOCK_COLUMNS 18

static void clocks(void)
{
	static const char *const columns[CLOCK_COLUMNS] = {"clock_gettime",
							   "clock_gettime to a bad address",
							   "clock_getres",
							   "clock_getres to nowhere",
							   "clock_getres to a bad address",
							   "clock_settime of a bad time",
							   "clock_settime from a bad address",
							   "clock_adjtime",
							   "clock_adjtime at a bad address",
							   "clock_adjtime of a bad tick",
							   "clock_nanosleep of zero",
							   "clock_nanosleep of a bad time",
							   "clock_nanosleep from a bad address",
							   "clock_nanosleep until the past",
							   "timer_create",
							   "timer_create without signal",
							   "timer_create with a bad event",
							   "timerfd_create"};
	static const struct {
		int row;
		const char *name;
		short wanted[CLOCK_COLUMNS];
	} rows[] = {
	    {0,
	     "CLOCK_REALTIME",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EFAULT, 0, -EFAULT, -EINVAL, 0, -EINVAL, -EFAULT, 0, 0, 0, -EINVAL,
	      0}},
	    {1,
	     "CLOCK_MONOTONIC",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EINVAL, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, 0}},
	    {2,
	     "CLOCK_PROCESS_CPUTIME_ID",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EINVAL, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {3,
	     "CLOCK_THREAD_CPUTIME_ID",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EINVAL, -ENOTSUP, -EFAULT, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP,
	      -ENOTSUP, 0, 0, -EINVAL, -EINVAL}},
	    {4,
	     "CLOCK_MONOTONIC_RAW",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EINVAL, -ENOTSUP, -EFAULT, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP,
	      -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -EINVAL}},
	    {5,
	     "CLOCK_REALTIME_COARSE",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EINVAL, -ENOTSUP, -EFAULT, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP,
	      -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -EINVAL}},
	    {6,
	     "CLOCK_MONOTONIC_COARSE",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EINVAL, -ENOTSUP, -EFAULT, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP,
	      -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -EINVAL}},
	    {7,
	     "CLOCK_BOOTTIME",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EINVAL, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, 0}},
	    {10,
	     "CLOCK_SGI_CYCLE",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {11,
	     "CLOCK_TAI",
	     {0, -EFAULT, 0, 0, -EFAULT, -EINVAL, -EINVAL, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {12,
	     "clock 12",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {15,
	     "clock 15",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {20,
	     "the own profiling clock",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {21,
	     "the own user time",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {22,
	     "the own processor time",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {23,
	     "the own processor time by pid",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {24,
	     "a child's processor time",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {25,
	     "a child's user time",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {26,
	     "the clock of a process that is gone",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL,
	      -EINVAL, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {27,
	     "the process clock of a thread",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL,
	      -EINVAL, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {28,
	     "the clock of no process",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {29,
	     "the own thread's profiling clock",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL, -EINVAL, -EFAULT, 0, 0,
	      0, -EINVAL, -EINVAL}},
	    {30,
	     "the own thread's user time",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL, -EINVAL, -EFAULT, 0, 0,
	      0, -EINVAL, -EINVAL}},
	    {31,
	     "the own thread's processor time",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL, -EINVAL, -EFAULT,
	      -EINVAL, 0, 0, -EINVAL, -EINVAL}},
	    {32,
	     "another thread's processor time",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {33,
	     "another thread's user time",
	     {0, -EFAULT, 0, 0, -EFAULT, -EPERM, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, 0, -EINVAL, -EFAULT, 0, 0, 0,
	      -EINVAL, -EINVAL}},
	    {34,
	     "the clock of another process's thread",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL,
	      -EINVAL, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {35,
	     "the clock of a thread that is gone",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL,
	      -EINVAL, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {36,
	     "the clock of a descriptor",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EFAULT, -EINVAL, -ENOTSUP,
	      -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -EINVAL}},
	    {37,
	     "the clock of a descriptor that is not open",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EFAULT, -EINVAL, -ENOTSUP,
	      -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -ENOTSUP, -EINVAL}},
	    {38,
	     "kind 3 of a thread",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL,
	      -EINVAL, -EFAULT, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {39,
	     "the least clock",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -ENOTSUP, -EFAULT, -ENOTSUP, -EINVAL,
	      -EINVAL, -EFAULT, 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {40,
	     "the greatest clock",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL,
	      -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	};
	theme("each clock");
	for (size_t r = 0; r < COUNT(rows); r++)
		for (int c = 0; c < CLOCK_COLUMNS; c++)
			cell(rows[r].name, columns[c], with_clock(clock_of(rows[r].row), c), rows[r].wanted[c]);
}

/* ---- without the right to set clocks: none of these may happen ---- */

static void rights(void)
{
	static const struct {
		unsigned modes;
		const char *name;
		short wanted;
	} rows[] = {{0, "nothing", 0},
		    {ADJ_OFFSET, "ADJ_OFFSET", -EPERM},
		    {ADJ_FREQUENCY, "ADJ_FREQUENCY", -EPERM},
		    {ADJ_MAXERROR, "ADJ_MAXERROR", -EPERM},
		    {ADJ_ESTERROR, "ADJ_ESTERROR", -EPERM},
		    {ADJ_STATUS, "ADJ_STATUS", -EPERM},
		    {ADJ_TIMECONST, "ADJ_TIMECONST", -EPERM},
		    {ADJ_TAI, "ADJ_TAI", -EPERM},
		    {ADJ_SETOFFSET, "ADJ_SETOFFSET", -EPERM},
		    {ADJ_MICRO, "ADJ_MICRO", -EPERM},
		    {ADJ_NANO, "ADJ_NANO", -EPERM},
		    {ADJ_TICK, "ADJ_TICK", -EPERM},
		    {ADJ_OFFSET_SINGLESHOT, "ADJ_OFFSET_SINGLESHOT", -EPERM},
		    {ADJ_OFFSET_SS_READ, "ADJ_OFFSET_SS_READ", 0}};
	theme("clocks and rights");
	for (size_t r = 0; r < COUNT(rows); r++) {
		pid_t pid = fork_child();
		if (pid == 0) {
			struct timex x = {.modes = rows[r].modes};
			if (getuid() == 0 && setresuid(65534, 65534, 65534))
				_exit(99);
			_exit(adjtimex(&x) < 0 ? errno : 0);
		}
		int status = wait_for(pid);
		cell("adjtimex", rows[r].name, WIFEXITED(status) ? -WEXITSTATUS(status) : 999, rows[r].wanted);
	}
#define AS_NOBODY(call) ((getuid() != 0 || setresuid(65534, 65534, 65534) == 0) && (call))
	struct timespec now;
	struct timeval micro;
	struct timezone zone = {0, 0};
	clock_gettime(CLOCK_REALTIME, &now);
	gettimeofday(&micro, NULL);
	CHECK_IN_CHILD_THAT(AS_NOBODY(clock_settime(CLOCK_REALTIME, &now) == -1 && errno == EPERM),
			    "clock_settime is EPERM");
	CHECK_IN_CHILD_THAT(AS_NOBODY(settimeofday(&micro, NULL) == -1 && errno == EPERM), "settimeofday is EPERM");
	CHECK_IN_CHILD_THAT(AS_NOBODY(syscall(SYS_settimeofday, NULL, &zone) == -1 && errno == EPERM),
			    "settimeofday of the zone is EPERM");
	CHECK_IN_CHILD_THAT(AS_NOBODY(syscall(SYS_settimeofday, NULL, NULL) == -1 && errno == EPERM),
			    "settimeofday of nothing is EPERM");
	CHECK_IN_CHILD_THAT(AS_NOBODY(syscall(SYS_settimeofday, hole, NULL) == -1 && errno == EFAULT),
			    "settimeofday from a bad address is EFAULT");
	micro.tv_usec = 1000000;
	CHECK_IN_CHILD_THAT(AS_NOBODY(syscall(SYS_settimeofday, &micro, NULL) == -1 && errno == EINVAL),
			    "settimeofday of a bad time is EINVAL");
	micro.tv_usec = -1;
	CHECK_ERRNO(syscall(SYS_settimeofday, &micro, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_settimeofday, NULL, hole), EFAULT);
}

/* ---- timers on the clocks of others ---- */

static void *compute(void *milliseconds)
{
	struct timespec t;
	do
		clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < (long)milliseconds);
	return NULL;
}

static void clocks_of_others(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR2};
	struct itimerspec soon = {.it_value = {0, 20000000}}, late = {.it_value = {0, 60000000}}, left;
	int id;
	sigset_t set, pending;
	pthread_t thread;
	theme("timers on clocks of others");
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	pid_t pid = fork_child();
	if (pid == 0)
		for (;;)
			;
	REQUIRE(syscall(SYS_timer_create, process_clock(pid, 2), &event, &id) == 0);
	CHECK(syscall(SYS_timer_settime, id, 0, &soon, NULL) == 0);
	CHECK_THAT(sigtimedwait(&set, NULL, &(struct timespec){20, 0}) == SIGUSR2,
		   "a child's time runs while it computes");
	soon.it_interval = soon.it_value;
	CHECK(syscall(SYS_timer_settime, id, 0, &soon, NULL) == 0);
	CHECK_THAT(sigtimedwait(&set, NULL, &(struct timespec){20, 0}) == SIGUSR2 &&
		       sigtimedwait(&set, NULL, &(struct timespec){20, 0}) == SIGUSR2,
		   "again and again");
	kill(pid, SIGKILL);
	wait_for(pid);
	CHECK_ERRNO(syscall(SYS_timer_settime, id, 0, &soon, NULL), ESRCH);
	CHECK(syscall(SYS_timer_gettime, id, &left) == 0 && left.it_value.tv_sec == 0 && left.it_value.tv_nsec == 0);
	CHECK_THAT(syscall(SYS_timer_delete, id) == 0, "the timer outlives the process it counts");
	while (sigtimedwait(&set, NULL, &(struct timespec){0, 0}) > 0)
		;
	REQUIRE(syscall(SYS_timer_create, CLOCK_THREAD_CPUTIME_ID, &event, &id) == 0);
	CHECK(syscall(SYS_timer_settime, id, 0, &late, NULL) == 0);
	pthread_create(&thread, NULL, compute, (void *)150L);
	pthread_join(thread, NULL);
	CHECK_THAT(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR2), "a thread's counts no other thread");
	for (long ms = 100; ms < 20000 && !sigismember(&pending, SIGUSR2); ms += 100) {
		compute((void *)ms);
		sigpending(&pending);
	}
	CHECK_THAT(sigismember(&pending, SIGUSR2), "but its own");
	syscall(SYS_timer_delete, id);
}

static void *sleep_long(void *unused)
{
	thread_id = (pid_t)syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

int main(void)
{
	pthread_t thread;
	sigset_t set;
	limit_seconds(60);
	sigemptyset(&set);
	sigaddset(&set, SIGUSR2);
	sigprocmask(SIG_BLOCK, &set, NULL);
	hole = map_pages(1, PROT_NONE);
	gone = fork_child();
	if (gone == 0)
		_exit(0);
	wait_for(gone);
	other = fork_child();
	if (other == 0)
		for (;;)
			pause();
	until_asleep(other, other); /* its clock has moved */
	pthread_create(&thread, NULL, sleep_long, NULL);
	while (!__atomic_load_n(&thread_id, __ATOMIC_ACQUIRE))
		sched_yield();
	until_asleep(getpid(), thread_id);
	clocks();
	rights();
	clocks_of_others();
	kill(other, SIGKILL);
	return finish();
}
