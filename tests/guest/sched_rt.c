/* SPDX-License-Identifier: Apache-2.0
 * Real-time policies: who may have them, and that they act. On one processor, so that order can be seen; the parts that
 * need root are left out without it.
 * area: Threads and SMP
 * flags: -pthread
 */
#include <pthread.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include "probe.h"

struct attr {
	unsigned size, policy;
	unsigned long flags;
	int nice;
	unsigned priority;
	unsigned long runtime, deadline, period;
};

static int set(int policy, int priority)
{
	struct sched_param p = {.sched_priority = priority};
	return sched_setscheduler(0, policy, &p);
}

static int priority_of(pid_t pid)
{
	struct sched_param p = {.sched_priority = -1};
	sched_getparam(pid, &p);
	return p.sched_priority;
}

static void values(void)
{
	struct timespec t = {9, 9};
	theme("real-time values");
	CHECK_IN_CHILD(set(SCHED_FIFO, 1) == 0 && sched_getscheduler(0) == SCHED_FIFO && priority_of(0) == 1);
	CHECK_IN_CHILD(set(SCHED_RR, 99) == 0 && sched_getscheduler(0) == SCHED_RR && priority_of(0) == 99);
	CHECK_ERRNO(set(SCHED_FIFO, 0), EINVAL);
	CHECK_ERRNO(set(SCHED_FIFO, 100), EINVAL);
	CHECK_ERRNO(set(SCHED_RR, -1), EINVAL);
	CHECK_ERRNO(set(SCHED_BATCH, 1), EINVAL);
	CHECK_ERRNO(set(SCHED_IDLE, 1), EINVAL);
	CHECK_IN_CHILD_THAT(set(SCHED_RR, 5) == 0 && sched_rr_get_interval(0, &t) == 0 && t.tv_sec == 0 &&
				t.tv_nsec > 0,
			    "SCHED_RR has an interval");
	CHECK_IN_CHILD_THAT(set(SCHED_FIFO, 5) == 0 && sched_rr_get_interval(0, &t) == 0 && t.tv_sec == 0 &&
				t.tv_nsec == 0,
			    "SCHED_FIFO has none");
	CHECK_IN_CHILD_THAT(set(SCHED_FIFO | SCHED_RESET_ON_FORK, 7) == 0 &&
				sched_getscheduler(0) == (SCHED_FIFO | SCHED_RESET_ON_FORK),
			    "SCHED_RESET_ON_FORK is told back");
}

static int child_policy(void)
{
	int status;
	pid_t pid = fork();
	if (pid == 0)
		_exit(sched_getscheduler(0) * 8 + (priority_of(0) ? 4 : 0) + (getpriority(PRIO_PROCESS, 0) < 0));
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status);
}

static void inheritance(void)
{
	struct attr a = {.size = sizeof(a)};
	theme("real-time inheritance");
	CHECK_IN_CHILD_THAT(set(SCHED_RR, 3) == 0 && child_policy() == SCHED_RR * 8 + 4, "children inherit the policy");
	CHECK_IN_CHILD_THAT(set(SCHED_RR | SCHED_RESET_ON_FORK, 3) == 0 && child_policy() == SCHED_OTHER * 8,
			    "but for SCHED_RESET_ON_FORK");
	CHECK_IN_CHILD_THAT(setpriority(PRIO_PROCESS, 0, -5) == 0 && set(SCHED_OTHER | SCHED_RESET_ON_FORK, 0) == 0 &&
				child_policy() == SCHED_OTHER * 8,
			    "which drops a negative nice value too");
	theme("sched_setattr");
	a.policy = SCHED_RR;
	a.priority = 12;
	CHECK_IN_CHILD_THAT(syscall(SYS_sched_setattr, 0, &a, 0) == 0 && priority_of(0) == 12,
			    "sets a real-time policy");
	a.flags = 1;
	CHECK_IN_CHILD_THAT(syscall(SYS_sched_setattr, 0, &a, 0) == 0 &&
				syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) == 0 && a.flags == 1 &&
				a.priority == 12 && a.policy == SCHED_RR,
			    "sched_getattr tells the flag");
	a.flags = 1ul << 40;
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL);
	a.flags = 0;
	a.size = 40;
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 0), E2BIG);
	CHECK_THAT(a.size >= 48, "the size that it wants is written back");
	a.size = 48;
	a.policy = 77;
	CHECK_ERRNO_THAT(syscall(SYS_sched_setattr, 0, &a, 0), EINVAL, "an unknown policy");
	a = (struct attr){.size = 48, .flags = 8, .policy = 0, .priority = 22};
	CHECK_IN_CHILD_THAT(set(SCHED_FIFO, 3) == 0 && syscall(SYS_sched_setattr, 0, &a, 0) == 0 &&
				sched_getscheduler(0) == SCHED_FIFO && priority_of(0) == 22,
			    "SCHED_FLAG_KEEP_POLICY");
}

static int limit(int what, rlim_t n)
{
	return setrlimit(what, &(struct rlimit){n, n});
}

static int unprivileged(void)
{
	return setresuid(12345, 12345, 12345);
}

static void rights(void)
{
	theme("real-time rights");
	CHECK_IN_CHILD_THAT(limit(RLIMIT_RTPRIO, 0) == 0 && unprivileged() == 0 && set(SCHED_FIFO, 1) == -1 &&
				errno == EPERM,
			    "EPERM without RLIMIT_RTPRIO");
	/* A container's root may not raise limits. */
	CHECK_IN_CHILD_THAT(limit(RLIMIT_RTPRIO, 10) != 0 ||
				(unprivileged() == 0 && set(SCHED_FIFO, 10) == 0 && set(SCHED_RR, 11) == -1 &&
				 errno == EPERM && set(SCHED_RR, 9) == 0 && set(SCHED_OTHER, 0) == 0),
			    "up to RLIMIT_RTPRIO and back without privilege");
	CHECK_IN_CHILD_THAT(set(SCHED_FIFO, 20) == 0 && limit(RLIMIT_RTPRIO, 0) == 0 && unprivileged() == 0 &&
				set(SCHED_FIFO, 19) == 0 && set(SCHED_FIFO, 20) == -1 && errno == EPERM,
			    "less of what one has is allowed, more is not");
	CHECK_IN_CHILD_THAT(limit(RLIMIT_NICE, 0) == 0 && unprivileged() == 0 && set(SCHED_IDLE, 0) == 0 &&
				set(SCHED_OTHER, 0) == -1 && errno == EPERM,
			    "out of SCHED_IDLE only as RLIMIT_NICE allows");
	CHECK_IN_CHILD_THAT(set(SCHED_OTHER | SCHED_RESET_ON_FORK, 0) == 0 && unprivileged() == 0 &&
				set(SCHED_OTHER, 0) == -1 && errno == EPERM,
			    "SCHED_RESET_ON_FORK cannot be cleared without privilege");
	CHECK_IN_CHILD_THAT(unprivileged() == 0 &&
				sched_setscheduler(getppid(), SCHED_OTHER, &(struct sched_param){0}) == -1 &&
				errno == EPERM,
			    "not for somebody else's process");
}

/* ---- that they act: everything on one processor ---- */

static int one_cpu(void)
{
	cpu_set_t set, one;
	CPU_ZERO(&one);
	sched_getaffinity(0, sizeof(set), &set);
	for (int i = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &set)) {
			CPU_SET(i, &one);
			return sched_setaffinity(0, sizeof(one), &one);
		}
	return -1;
}

static volatile int turn, order[8], stop;

static void *note(void *arg)
{
	order[turn++] = (int)(long)arg;
	return NULL;
}

static pthread_t start(int policy, int priority, void *(*fn)(void *), long arg)
{
	pthread_t t;
	pthread_attr_t a;
	struct sched_param p = {.sched_priority = priority};
	pthread_attr_init(&a);
	pthread_attr_setinheritsched(&a, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&a, policy);
	pthread_attr_setschedparam(&a, &p);
	if (pthread_create(&t, &a, fn, (void *)arg))
		_exit(3);
	return t;
}

/* Threads of less priority than their creator run when it waits, by priority and not in order of creation. */
static int by_priority(void)
{
	pthread_t t[4];
	if (one_cpu() || set(SCHED_FIFO, 50))
		return 0;
	t[0] = start(SCHED_OTHER, 0, note, 0);
	t[1] = start(SCHED_FIFO, 10, note, 10);
	t[2] = start(SCHED_FIFO, 30, note, 30);
	t[3] = start(SCHED_RR, 20, note, 20);
	if (turn)
		return 0;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	return order[0] == 30 && order[1] == 20 && order[2] == 10 && order[3] == 0;
}

static int higher_runs_at_once(void)
{
	if (one_cpu() || set(SCHED_FIFO, 10))
		return 0;
	pthread_t t = start(SCHED_FIFO, 11, note, 11);
	int done = turn;
	pthread_join(t, NULL);
	return done == 1;
}

static volatile long counts[2];
static void *count(void *arg)
{
	while (!stop)
		counts[(long)arg]++;
	return NULL;
}

static int share(int policy, int priority, int ms)
{
	if (one_cpu() || set(SCHED_FIFO, 50))
		return -1;
	pthread_t a = start(policy, priority, count, 0), b = start(policy, priority, count, 1);
	usleep((useconds_t)ms * 1000);
	stop = 1;
	long x = counts[0], y = counts[1];
	pthread_join(a, NULL);
	pthread_join(b, NULL);
	return x && y ? 2 : x || y ? 1 : 0;
}

static int yields(void)
{
	if (one_cpu() || set(SCHED_FIFO, 10))
		return 0;
	pthread_t t = start(SCHED_FIFO, 10, note, 10);
	int before = turn;
	sched_yield();
	int after = turn;
	pthread_join(t, NULL);
	return !before && after == 1;
}

/* A mutex with inheritance lends its owner the priority of who waits. */
static pthread_mutex_t mutex;
static volatile int held, middle_ran, released_first;

static void *low(void *arg)
{
	pthread_mutex_lock(&mutex);
	held = 1;
	while (held == 1)
		sched_yield(); /* alone at its priority: only higher ones interrupt it */
	for (volatile int i = 0; i < 1000000; i++)
		;
	released_first = !middle_ran;
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static void *middle(void *arg)
{
	middle_ran = 1;
	return NULL;
}

static void *high(void *arg)
{
	pthread_mutex_lock(&mutex);
	pthread_mutex_unlock(&mutex);
	return NULL;
}

static int inherits(int protocol)
{
	pthread_mutexattr_t a;
	pthread_mutexattr_init(&a);
	pthread_mutexattr_setprotocol(&a, protocol);
	pthread_mutex_init(&mutex, &a);
	if (one_cpu() || set(SCHED_FIFO, 50))
		return -1;
	pthread_t l = start(SCHED_FIFO, 10, low, 0);
	while (!held)
		usleep(1000);
	pthread_t h = start(SCHED_FIFO, 40, high, 0);
	usleep(20000); /* it waits for the mutex now */
	pthread_t m = start(SCHED_FIFO, 20, middle, 0);
	held = 2;
	pthread_join(h, NULL);
	pthread_join(m, NULL);
	pthread_join(l, NULL);
	return released_first;
}

static void acting(void)
{
	theme("real-time order");
	CHECK_IN_CHILD_THAT(by_priority(), "the highest priority runs first, ordinary threads last");
	CHECK_IN_CHILD_THAT(higher_runs_at_once(), "a higher priority preempts at once");
	CHECK_IN_CHILD_THAT(share(SCHED_FIFO, 10, 400) == 1, "SCHED_FIFO has no time slice");
	CHECK_IN_CHILD_THAT(share(SCHED_RR, 10, 600) == 2, "SCHED_RR has one");
	CHECK_IN_CHILD_THAT(yields(), "sched_yield goes behind the others of its priority");
	CHECK_IN_CHILD_THAT(inherits(PTHREAD_PRIO_INHERIT) == 1, "PTHREAD_PRIO_INHERIT lends the owner a priority");
	CHECK_IN_CHILD_THAT(inherits(PTHREAD_PRIO_NONE) == 0, "without it the owner waits for the middle one");
}

/* ---- RLIMIT_RTTIME ---- */

static volatile sig_atomic_t told;
static void on_xcpu(int number)
{
	told++;
}

static long used_ms(void)
{
	struct timespec t;
	clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
	return t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void spin_ms(long ms)
{
	for (long end = used_ms() + ms; used_ms() < end;)
		;
}

static int limited(long soft_ms, long hard_ms, int policy)
{
	struct rlimit l = {(rlim_t)soft_ms * 1000, (rlim_t)hard_ms * 1000};
	signal(SIGXCPU, on_xcpu);
	return setrlimit(RLIMIT_RTTIME, &l) == 0 && set(policy, policy == SCHED_OTHER ? 0 : 1) == 0;
}

static int tells_and_moves_on(void)
{
	struct rlimit l;
	if (!limited(100, 5000, SCHED_FIFO))
		return 0;
	for (long end = used_ms() + 3000; !told && used_ms() < end;)
		;
	return told == 1 && getrlimit(RLIMIT_RTTIME, &l) == 0 && l.rlim_cur == 1100000 && l.rlim_max == 5000000;
}

static int ends_at_the_hard_limit(void)
{
	int status;
	pid_t pid = fork();
	if (!pid) {
		if (limited(100, 200, SCHED_RR))
			spin_ms(3000);
		_exit(0);
	}
	return waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL;
}

static int sleeping_starts_it_anew(void)
{
	if (!limited(400, 5000, SCHED_FIFO))
		return 0;
	for (int i = 0; i < 8; i++) {
		spin_ms(100);
		usleep(1000);
	}
	return !told;
}

static int yielding_does_not(void)
{
	if (!limited(100, 5000, SCHED_FIFO))
		return 0;
	for (int i = 0; i < 100 && !told; i++) {
		spin_ms(10);
		sched_yield();
	}
	return told == 1;
}

static int is_not_of_others(void)
{
	if (!limited(50, 100, SCHED_OTHER))
		return 0;
	spin_ms(200);
	return !told;
}

static void limits(void)
{
	theme("RLIMIT_RTTIME");
	CHECK_IN_CHILD(tells_and_moves_on());
	CHECK_IN_CHILD(ends_at_the_hard_limit());
	CHECK_IN_CHILD(sleeping_starts_it_anew());
	CHECK_IN_CHILD(yielding_does_not());
	CHECK_IN_CHILD(is_not_of_others());
}

int main(void)
{
	limit_seconds(60);
	theme("real-time");
	CHECK(sched_get_priority_max(SCHED_RR) == 99);
	if (geteuid() == 0) {
		values();
		inheritance();
		rights();
		acting();
		limits();
	}
	return finish();
}
