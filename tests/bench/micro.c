/* SPDX-License-Identifier: Apache-2.0
 *
 * Small operations of the Linux system call interface, timed from inside: the same program runs natively, under each
 * peer and in the sandbox.
 *
 *   micro ROW...          for each row a line `ROW VALUE UNIT`: ns per operation, or a ratio
 *   micro -n COUNT ROW    the row's operation COUNT times, without a time (to count exits and faults around it)
 *
 * A row is repeated, twice as often each time, until it takes MEASURE_NS; what it prepares is made by its first,
 * untimed operation. `exec` starts this very program: how it is linked decides what is measured. Rows of files and of
 * sockets are in micro_files.c and micro_sockets.c.
 */
#include "micro.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define MEASURE_NS	   40000000
#define PAGE		   4096l
#define TOUCH_BYTES	   (32l << 20) /* of one mapping in the row `touch` */
#define FUTEX_WAIT_PRIVATE 128
#define FUTEX_WAKE_PRIVATE 129

static const char *self;

void must(int good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "micro: %s: %s\n", what, strerror(errno));
	exit(1);
}

int64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000l + t.tv_nsec;
}

/* Puts the calling thread on one CPU. A peer that has only one, or ignores it, is measured as it is. */
static void pin(int cpu)
{
	cpu_set_t set;
	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	sched_setaffinity(0, sizeof(set), &set);
}

static void getpid_row(long n)
{
	while (n-- > 0)
		syscall(SYS_getppid);
}

static void clock_row(long n)
{
	struct timespec t;
	while (n-- > 0)
		clock_gettime(CLOCK_MONOTONIC, &t);
}

static void pipe_row(long n)
{
	int there[2], back[2];
	char byte = 0;
	must(!pipe(there) && !pipe(back), "pipe");
	pid_t child = fork();
	must(child >= 0, "fork");
	if (!child) {
		while (n-- > 0)
			if (read(there[0], &byte, 1) != 1 || write(back[1], &byte, 1) != 1)
				_exit(1);
		_exit(0);
	}
	while (n-- > 0)
		must(write(there[1], &byte, 1) == 1 && read(back[0], &byte, 1) == 1, "pipe");
	must(waitpid(child, NULL, 0) == child, "waitpid");
	close(there[0]), close(there[1]), close(back[0]), close(back[1]);
}

/* Two threads hand a turn to each other. */
struct turn {
	int word; /* whose turn it is */
	long n;
	int other_cpu;
};

static void take_turns(struct turn *turn, int me)
{
	for (long i = 0; i < turn->n; i++) {
		while (__atomic_load_n(&turn->word, __ATOMIC_ACQUIRE) != me)
			syscall(SYS_futex, &turn->word, FUTEX_WAIT_PRIVATE, !me, NULL, NULL, 0);
		__atomic_store_n(&turn->word, !me, __ATOMIC_RELEASE);
		syscall(SYS_futex, &turn->word, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	}
}

static void *turn_thread(void *arg)
{
	struct turn *turn = arg;
	pin(turn->other_cpu);
	take_turns(turn, 1);
	return NULL;
}

static void futex_on(long n, int other_cpu)
{
	struct turn turn = {.n = n, .other_cpu = other_cpu};
	cpu_set_t before;
	pthread_t thread;
	int known = sched_getaffinity(0, sizeof(before), &before);
	pin(0);
	must(!pthread_create(&thread, NULL, turn_thread, &turn), "pthread_create");
	take_turns(&turn, 0);
	pthread_join(thread, NULL);
	if (!known)
		sched_setaffinity(0, sizeof(before), &before);
}

static void futex_1cpu_row(long n)
{
	futex_on(n, 0);
}

static void futex_2cpu_row(long n)
{
	futex_on(n, 1);
}

static void fork_row(long n)
{
	while (n-- > 0) {
		pid_t child = fork();
		must(child >= 0, "fork");
		if (!child)
			_exit(0);
		must(waitpid(child, NULL, 0) == child, "waitpid");
	}
}

static void exec_row(long n)
{
	while (n-- > 0) {
		int status;
		pid_t child = fork();
		must(child >= 0, "fork");
		if (!child) {
			execl(self, self, "nothing", NULL);
			_exit(127);
		}
		must(waitpid(child, &status, 0) == child && !status, "exec");
	}
}

static void touch_row(long n)
{
	while (n > 0) {
		long bytes = n * PAGE < TOUCH_BYTES ? n * PAGE : TOUCH_BYTES;
		volatile char *map =
		    mmap(NULL, (size_t)bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(map != MAP_FAILED, "mmap");
		for (long at = 0; at < bytes; at += PAGE)
			map[at] = 1;
		munmap((void *)map, (size_t)bytes);
		n -= bytes / PAGE;
	}
}

static void mmap_row(long n)
{
	while (n-- > 0) {
		volatile char *map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		must(map != MAP_FAILED, "mmap");
		map[0] = 1;
		munmap((void *)map, 16 * PAGE);
	}
}

static void mprotect_row(long n)
{
	volatile char *map = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	must(map != MAP_FAILED, "mmap");
	while (n-- > 0) {
		map[PAGE] = 1;
		must(!mprotect((void *)(map + PAGE), PAGE, PROT_READ), "mprotect");
		must(!mprotect((void *)(map + PAGE), PAGE, PROT_READ | PROT_WRITE), "mprotect");
	}
	munmap((void *)map, 16 * PAGE);
}

static volatile sig_atomic_t signals;

static void on_signal(int number)
{
	(void)number;
	signals++;
}

static void signal_row(long n)
{
	struct sigaction action = {.sa_handler = on_signal};
	long before = signals, count = n;
	sigaction(SIGUSR1, &action, NULL);
	pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);
	while (n-- > 0)
		syscall(SYS_tgkill, pid, tid, SIGUSR1);
	must(signals - before == count, "signal");
}

/* Two threads wake each other from epoll_wait by an eventfd each. */
struct epoll_side {
	int wake, wait, epoll;
	long n;
};

static void epoll_init(struct epoll_side *side, int wake, int wait, long n)
{
	struct epoll_event event = {.events = EPOLLIN};
	*side = (struct epoll_side){.wake = wake, .wait = wait, .epoll = epoll_create1(0), .n = n};
	must(side->epoll >= 0 && !epoll_ctl(side->epoll, EPOLL_CTL_ADD, wait, &event), "epoll");
}

static void *epoll_answer(void *arg)
{
	const struct epoll_side *side = arg;
	struct epoll_event event;
	uint64_t value = 1;
	for (long i = 0; i < side->n; i++) {
		must(epoll_wait(side->epoll, &event, 1, -1) == 1, "epoll_wait");
		must(read(side->wait, &value, 8) == 8 && write(side->wake, &value, 8) == 8, "eventfd");
	}
	return NULL;
}

static void epoll_row(long n)
{
	struct epoll_side here, there;
	uint64_t value = 1;
	pthread_t thread;
	int a = eventfd(0, 0), b = eventfd(0, 0);
	epoll_init(&here, a, b, n);
	epoll_init(&there, b, a, n);
	must(!pthread_create(&thread, NULL, epoll_answer, &there), "pthread_create");
	must(write(a, &value, 8) == 8,
	     "eventfd"); /* the first turn is the other's; this side's last write stays unread */
	epoll_answer(&here);
	pthread_join(thread, NULL);
	close(here.epoll), close(there.epoll), close(a), close(b);
}

static void *nothing(void *arg)
{
	return arg;
}

static void thread_row(long n)
{
	pthread_t thread;
	while (n-- > 0) {
		must(!pthread_create(&thread, NULL, nothing, NULL), "pthread_create");
		pthread_join(thread, NULL);
	}
}

/* One operation: a sieve over 64 KiB and a chain of multiplications, all in the caches. */
static volatile uint64_t cpu_sink;

static void *cpu_work(void *arg)
{
	enum { SIZE = 65536 };
	unsigned char *sieve = malloc(SIZE);
	must(sieve != NULL, "malloc");
	for (long n = (long)arg; n > 0; n--) {
		uint64_t sum = (uint64_t)n;
		memset(sieve, 1, SIZE);
		for (unsigned i = 2; i * i < SIZE; i++)
			if (sieve[i])
				for (unsigned j = i * i; j < SIZE; j += i)
					sieve[j] = 0;
		for (unsigned i = 2; i < SIZE; i++)
			sum = (sum + sieve[i]) * 6364136223846793005u + 1442695040888963407u;
		cpu_sink = sum;
	}
	free(sieve);
	return NULL;
}

static void cpu_row(long n)
{
	cpu_work((void *)n);
}

/* Twice the work by one thread, then halved among two: how many times faster. */
static double parallel_speedup(void)
{
	const long n = 300;
	pthread_t thread;
	int64_t start = now_ns();
	cpu_work((void *)(2 * n));
	int64_t alone = now_ns() - start;
	start = now_ns();
	must(!pthread_create(&thread, NULL, cpu_work, (void *)n), "pthread_create");
	cpu_work((void *)n);
	pthread_join(thread, NULL);
	return (double)alone / (double)(now_ns() - start);
}

static const struct row process_rows[] = {
    {"getpid", getpid_row},
    {"clock_gettime", clock_row},
    {"pipe", pipe_row},
    {"futex_1cpu", futex_1cpu_row},
    {"futex_2cpu", futex_2cpu_row},
    {"fork", fork_row},
    {"exec", exec_row},
    {"touch", touch_row},
    {"mmap", mmap_row},
    {"mprotect", mprotect_row},
    {"signal", signal_row},
    {"epoll", epoll_row},
    {"thread", thread_row},
    {"cpu", cpu_row},
    {NULL, NULL},
};

static const struct row *const tables[] = {process_rows, file_rows, socket_rows};

static void measure(const struct row *row)
{
	row->run(1);
	for (long n = 1;; n *= 2) {
		int64_t start = now_ns();
		row->run(n);
		int64_t time = now_ns() - start;
		if (time < MEASURE_NS)
			continue;
		printf("%s %.1f ns\n", row->name, (double)time / (double)n);
		fflush(stdout);
		return;
	}
}

static const struct row *find(const char *name)
{
	for (size_t i = 0; i < sizeof(tables) / sizeof(tables[0]); i++)
		for (const struct row *row = tables[i]; row->name; row++)
			if (!strcmp(row->name, name))
				return row;
	fprintf(stderr, "micro: no row %s\n", name);
	exit(2);
}

int main(int argc, char **argv)
{
	self = argv[0];
	if (argc == 2 && !strcmp(argv[1], "nothing"))
		return 0;
	if (argc == 4 && !strcmp(argv[1], "-n")) {
		find(argv[3])->run(atol(argv[2]));
		return 0;
	}
	for (int i = 1; i < argc; i++)
		if (!strcmp(argv[i], "parallel"))
			printf("parallel %.3f ratio\n", parallel_speedup());
		else
			measure(find(argv[i]));
	return 0;
}
