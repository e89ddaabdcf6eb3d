/* SPDX-License-Identifier: Apache-2.0
 * Stress: address spaces changed by one thread while others use them (TLB shootdown), forks with threads, fork storms,
 * memory that comes and goes.
 * area: Threads and SMP
 */
#include "stress.h"

#define PAGES 16
#define RW    (PROT_READ | PROT_WRITE)

static char *area;
static volatile long writes, faults, stale, lost;
static __thread sigjmp_buf escape;
static __thread volatile int armed;

static void caught(int number)
{
	if (!armed)
		_exit(95);
	siglongjmp(escape, 1);
}

/* The first word of the area says whether it may be written just now; odd: it may not. */
static volatile unsigned long phase;

static void *writer(void *argument)
{
	long me = (long)argument;
	volatile long *word = (volatile long *)(area + me % PAGES * PAGE + 64 * (me / PAGES));
	armed = 1;
	while (!stress_over) {
		if (sigsetjmp(escape, 1) == 0) {
			unsigned long before = __atomic_load_n(&phase, __ATOMIC_SEQ_CST);
			*word = me;
			unsigned long after = __atomic_load_n(&phase, __ATOMIC_SEQ_CST);
			/* Read-only from before the write until after it, and it went through: a stale translation. */
			if (before == after && before % 2)
				stale++;
			writes++;
		} else {
			faults++;
		}
	}
	armed = 0;
	return NULL;
}

static void protection(void)
{
	pthread_t t[8];
	struct sigaction action = {.sa_handler = caught, .sa_flags = SA_NODEFER};
	theme("stress shootdown");
	sigaction(SIGSEGV, &action, NULL);
	area = map_pages(PAGES, RW);
	memset(area, 0, PAGES * PAGE);
	stress_begin();
	for (long i = 0; i < 8; i++)
		t[i] = stress_thread(writer, (void *)i);
	do {
		mprotect(area, PAGES * PAGE, PROT_READ);
		__atomic_add_fetch(&phase, 1, __ATOMIC_SEQ_CST);
		for (int i = 0; i < 50; i++)
			__asm__ volatile("pause");
		__atomic_add_fetch(&phase, 1, __ATOMIC_SEQ_CST);
		mprotect(area, PAGES * PAGE, RW);
		sched_yield();
	} while (stress_goes_on());
	stress_over = 1;
	for (int i = 0; i < 8; i++)
		pthread_join(t[i], NULL);
	CHECK_THAT(stale == 0, "no write goes through after mprotect returned");
	CHECK_THAT(writes > 0, "there were writes");
	munmap(area, PAGES * PAGE);
}

static void *toucher(void *argument)
{
	volatile char *p = area + (long)argument * PAGE;
	armed = 1;
	while (!stress_over)
		if (sigsetjmp(escape, 1) == 0) {
			char found = *p;
			/* Only what was written there, or zero: never another's data. */
			if (found != 0 && found != 'm')
				stale++;
			*p = 'm';
		}
	armed = 0;
	return NULL;
}

static void mapping(void)
{
	pthread_t t[4];
	theme("stress unmapping");
	stale = 0;
	area = map_pages(PAGES, RW);
	stress_begin();
	for (long i = 0; i < 4; i++)
		t[i] = stress_thread(toucher, (void *)i);
	do {
		munmap(area, PAGES * PAGE);
		/* The frames go to another use at once. */
		char *other = map_pages(PAGES, RW);
		if (other < area + PAGES * PAGE && other + PAGES * PAGE > area) {
			munmap(other, PAGES * PAGE);
			other = NULL;
		} else {
			memset(other, 'o', PAGES * PAGE);
		}
		mmap(area, PAGES * PAGE, RW, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
		sched_yield();
		madvise(area, PAGES * PAGE, MADV_DONTNEED);
		for (long i = 0; other && i < PAGES * PAGE; i++)
			lost += other[i] != 'o';
		if (other)
			munmap(other, PAGES * PAGE);
	} while (stress_goes_on());
	stress_over = 1;
	for (int i = 0; i < 4; i++)
		pthread_join(t[i], NULL);
	CHECK_THAT(stale == 0, "no thread sees a frame that went to another use");
	CHECK_THAT(lost == 0, "nor writes to it");
	munmap(area, PAGES * PAGE);
	signal(SIGSEGV, SIG_DFL);
}

static void *scribbler(void *argument)
{
	volatile long *p = (volatile long *)(area + (long)argument * PAGE);
	while (!stress_over)
		(*p)++;
	return NULL;
}

static void forks(void)
{
	pthread_t t[3];
	int bad = 0;
	long children = 0;
	theme("stress fork");
	area = map_pages(64, RW);
	stress_begin();
	for (long i = 0; i < 3; i++)
		t[i] = stress_thread(scribbler, (void *)i);
	do {
		memset(area + 8 * PAGE, (int)(children & 127), 56 * PAGE);
		pid_t pid = fork();
		if (pid == 0) {
			/* What the other threads write now stays with the parent. */
			long first = *(volatile long *)area;
			for (long i = 8 * PAGE; i < 64 * PAGE; i += 512)
				if (area[i] != (char)(children & 127))
					_exit(1);
			area[9 * PAGE] = 99;
			_exit(*(volatile long *)area == first ? 0 : 2);
		}
		bad += pid < 0;
		area[10 * PAGE] = 77;
		bad += pid > 0 && wait_for(pid) != 0;
		bad += area[9 * PAGE] != (char)(children & 127);
		children++;
	} while (stress_goes_on());
	stress_over = 1;
	for (int i = 0; i < 3; i++)
		pthread_join(t[i], NULL);
	CHECK_THAT(bad == 0, "a child's memory is that of the moment of fork, while threads write");
	munmap(area, 64 * PAGE);
	bad = 0;
	stress_begin();
	do {
		pid_t pids[12];
		for (int i = 0; i < 12; i++) {
			pids[i] = i % 3 == 2 ? vfork() : fork();
			if (pids[i] == 0)
				_exit(i);
			bad += pids[i] < 0;
		}
		for (int i = 11; i >= 0; i--)
			bad += wait_for(pids[i]) != i << 8;
	} while (stress_goes_on());
	CHECK_THAT(bad == 0, "a storm of short children");
	CHECK_ERRNO_THAT(waitpid(-1, NULL, WNOHANG), ECHILD, "none is left");
}

static void churn(void)
{
	int bad = 0;
	theme("stress memory");
	stress_begin();
	do {
		char *p = mmap(NULL, 8 << 20, RW, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		if (p == MAP_FAILED) {
			bad++;
			break;
		}
		for (long i = 0; i < 8 << 20; i += PAGE) {
			bad += p[i] != 0;
			p[i] = 1;
		}
		munmap(p, 8 << 20);
	} while (stress_goes_on());
	CHECK_THAT(bad == 0, "memory that comes back is zero");
}

int main(int argc, char **argv)
{
	stress_setup(argc, argv, 5);
	protection();
	mapping();
	forks();
	churn();
	return finish();
}
