/* SPDX-License-Identifier: Apache-2.0
 * Scheduling calls: policies, affinity, getcpu, yield, membarrier, rseq.
 * area: Threads and SMP
 */
#include <linux/membarrier.h>
#include <pthread.h>
#include <sched.h>
#include <stddef.h>
#include <sys/wait.h>

#include "probe.h"

struct attr {
	unsigned size, policy;
	unsigned long flags;
	int nice;
	unsigned priority;
	unsigned long runtime, deadline, period;
};

static void policies(void)
{
	struct sched_param p = {0};
	struct timespec t;
	theme("sched policy");
	CHECK(sched_getscheduler(0) == SCHED_OTHER);
	CHECK(sched_getscheduler(getpid()) == SCHED_OTHER);
	CHECK_ERRNO(sched_getscheduler(-1), EINVAL);
	CHECK_ERRNO(sched_getscheduler(1 << 30), ESRCH);
	CHECK(sched_getparam(0, &p) == 0 && p.sched_priority == 0);
	CHECK_ERRNO(sched_getparam(-1, &p), EINVAL);
	CHECK_ERRNO(sched_getparam(1 << 30, &p), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_getparam, 0, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getparam, 0, unmapped_address()), EFAULT);
	CHECK(sched_setscheduler(0, SCHED_OTHER, &p) == 0);
	CHECK_ERRNO(sched_setscheduler(0, 77, &p), EINVAL);
	CHECK_ERRNO(sched_setscheduler(0, -1, &p), EINVAL);
	CHECK_ERRNO(sched_setscheduler(-1, SCHED_OTHER, &p), EINVAL);
	CHECK_ERRNO(sched_setscheduler(1 << 30, SCHED_OTHER, &p), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setscheduler, 0, SCHED_OTHER, unmapped_address()), EFAULT);
	p.sched_priority = 5;
	CHECK_ERRNO(sched_setscheduler(0, SCHED_OTHER, &p), EINVAL);
	CHECK_ERRNO(sched_setparam(0, &p), EINVAL);
	p.sched_priority = 0;
	CHECK_ERRNO(sched_setscheduler(0, SCHED_FIFO, &p), EINVAL);
	CHECK_IN_CHILD(sched_setscheduler(0, SCHED_BATCH, &p) == 0 && sched_getscheduler(0) == SCHED_BATCH);
	CHECK_IN_CHILD(sched_setscheduler(0, SCHED_IDLE, &p) == 0 && sched_getscheduler(0) == SCHED_IDLE);
	CHECK(sched_get_priority_max(SCHED_FIFO) == 99 && sched_get_priority_min(SCHED_FIFO) == 1);
	CHECK(sched_get_priority_max(SCHED_RR) == 99 && sched_get_priority_min(SCHED_RR) == 1);
	CHECK(sched_get_priority_max(SCHED_OTHER) == 0 && sched_get_priority_min(SCHED_OTHER) == 0);
	CHECK_ERRNO(sched_get_priority_max(77), EINVAL);
	CHECK_ERRNO(sched_get_priority_min(77), EINVAL);
	CHECK(sched_rr_get_interval(0, &t) == 0);
	CHECK_ERRNO(sched_rr_get_interval(-1, &t), EINVAL);
	CHECK_ERRNO(sched_rr_get_interval(1 << 30, &t), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_rr_get_interval, 0, unmapped_address()), EFAULT);
	struct attr a = {0};
	CHECK(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 0) == 0 && a.size >= 48 && a.policy == SCHED_OTHER);
	CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &a, 40, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getattr, 0, &a, sizeof(a), 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getattr, 0, NULL, sizeof(a), 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getattr, -1, &a, sizeof(a), 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, NULL, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_setattr, 0, &a, 1), EINVAL);
	CHECK(sched_yield() == 0);
	for (int i = 0; i < 100; i++)
		sched_yield();
	CHECK_THAT(1, "a hundred yields return");
}

static void affinity(void)
{
	cpu_set_t set, one;
	unsigned long words[32];
	unsigned cpu = 9999, node = 9999;
	theme("affinity");
	CPU_ZERO(&set);
	CHECK(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) >= 1);
	long size = syscall(SYS_sched_getaffinity, 0, sizeof(words), words);
	CHECK_THAT(size > 0 && size % 8 == 0, "the raw call returns the size of the mask");
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 0, words), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, 7, words), EINVAL);
	CHECK_ERRNO(syscall(SYS_sched_getaffinity, 0, sizeof(words), unmapped_address()), EFAULT);
	CHECK_ERRNO(sched_getaffinity(1 << 30, sizeof(set), &set), ESRCH);
	CPU_ZERO(&one);
	CHECK_ERRNO_THAT(sched_setaffinity(0, sizeof(one), &one), EINVAL, "an empty mask");
	CHECK_ERRNO(sched_setaffinity(1 << 30, sizeof(set), &set), ESRCH);
	CHECK_ERRNO(syscall(SYS_sched_setaffinity, 0, sizeof(set), unmapped_address()), EFAULT);
	for (int i = 0, n = 0; i < CPU_SETSIZE && n < 4; i++) {
		if (!CPU_ISSET(i, &set))
			continue;
		CPU_ZERO(&one);
		CPU_SET(i, &one);
		char text[80];
		snprintf(text, sizeof(text), "runs on the %d. processor after sched_setaffinity", ++n);
		if (n <= 1)
			CHECK_THAT(sched_setaffinity(0, sizeof(one), &one) == 0 && sched_getcpu() == i, text);
		else if (sched_setaffinity(0, sizeof(one), &one) || sched_getcpu() != i)
			CHECK_THAT(0, "runs where the mask says, on each processor");
	}
	CPU_ZERO(&one);
	CHECK(sched_getaffinity(0, sizeof(one), &one) == 0 && CPU_COUNT(&one) == 1);
	CHECK_IN_CHILD_THAT(sched_getaffinity(0, sizeof(one), &one) == 0 && CPU_COUNT(&one) == 1,
			    "children inherit it");
	CHECK(sched_setaffinity(0, sizeof(set), &set) == 0);
	theme("getcpu");
	CHECK(syscall(SYS_getcpu, &cpu, &node, NULL) == 0 && cpu < CPU_SETSIZE && CPU_ISSET(cpu, &set) && node < 1024);
	CHECK(syscall(SYS_getcpu, NULL, NULL, NULL) == 0);
	CHECK_ERRNO(syscall(SYS_getcpu, unmapped_address(), NULL, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_getcpu, NULL, unmapped_address(), NULL), EFAULT);
	CHECK(sched_getcpu() >= 0);
	CHECK(sysconf(_SC_NPROCESSORS_ONLN) >= 1);
}

static long membarrier(int command, unsigned flags)
{
	return syscall(SYS_membarrier, command, flags, 0);
}

static void barriers(void)
{
	theme("membarrier");
	long commands = membarrier(MEMBARRIER_CMD_QUERY, 0);
	CHECK(commands > 0);
	CHECK((commands & MEMBARRIER_CMD_GLOBAL) && (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED));
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_QUERY, 1), EINVAL);
	CHECK_ERRNO(membarrier(1 << 30, 0), EINVAL);
	CHECK_ERRNO(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED | MEMBARRIER_CMD_GLOBAL, 0), EINVAL);
	CHECK_IN_CHILD_THAT(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == -1 && errno == EPERM,
			    "EPERM before registration");
	CHECK_IN_CHILD(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0) == 0 &&
		       membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0) == 0);
	CHECK_IN_CHILD_THAT(membarrier(MEMBARRIER_CMD_GLOBAL, 0) == 0, "MEMBARRIER_CMD_GLOBAL");
	CHECK(commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE);
	CHECK_IN_CHILD_THAT(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0) == -1 && errno == EPERM,
			    "core serialisation: EPERM before registration");
	CHECK_IN_CHILD_THAT(membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE, 0) == 0 &&
				membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 0) == 0 &&
				membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, 1) == -1 && errno == EINVAL,
			    "and not after it");
	if (commands & MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ) {
		CHECK_IN_CHILD_THAT(membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0) == -1 && errno == EPERM,
				    "restartable sequences: EPERM before registration");
		CHECK_IN_CHILD_THAT(
		    membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0) == 0 &&
			membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0) == 0 &&
			syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_FLAG_CPU, 0) == 0,
		    "of all CPUs and of one");
	}
	theme("rseq");
	/* The C library may have registered its own area. */
	struct {
		unsigned words[8];
	} area __attribute__((aligned(32))) = {0};
	CHECK_THAT(syscall(SYS_rseq, &area, 32, 0x100, 0) == -1 && (errno == EINVAL || errno == ENOSYS),
		   "unknown flags are refused");
	CHECK_THAT(syscall(SYS_rseq, (char *)&area + 1, 32, 0, 0) == -1 &&
		       (errno == EINVAL || errno == ENOSYS || errno == EBUSY),
		   "a misaligned area is refused");
}

/* ---- restartable sequences: the C library has registered an area for each thread ---- */

extern const ptrdiff_t __rseq_offset;
extern const unsigned __rseq_size;

struct area {
	unsigned cpu_id_start, cpu_id;
	volatile unsigned long section;
	unsigned flags;
};

static struct area *own_area(void)
{
	return (struct area *)((char *)__builtin_thread_pointer() + __rseq_offset);
}

/* Counts inside a critical section that only an abort can leave, or ten thousand million rounds. */
__attribute__((noinline)) static int spin_in_section(struct area *area)
{
	int aborted = 1;
	__asm__ volatile(".pushsection .data, \"aw\"\n\t.balign 32\n"
			 "91:\t.long 0, 0\n\t.quad 92f, 93f - 92f, 94f\n\t.popsection\n\t"
			 "lea 91b(%%rip), %%rax\n\tmov %%rax, 8(%1)\n"
			 "92:\tmov $10000000000, %%rcx\n"
			 "95:\tdec %%rcx\n\tjnz 95b\n\tmovl $0, %0\n"
			 "93:\tjmp 96f\n\t.byte 0x0f, 0xb9, 0x3d\n\t.long 0x53053053\n"
			 "94:\tnop\n"
			 "96:\n"
			 : "+m"(aborted)
			 : "r"(area)
			 : "rax", "rcx", "memory");
	return aborted;
}

static volatile int rseq_signals, section_in_handler;
static void in_handler(int signo)
{
	rseq_signals++;
	section_in_handler = own_area()->section != 0;
}

static void *ids_of_thread(void *argument)
{
	unsigned cpu = 9999;
	cpu_set_t one;
	for (int i = 0; i < 200; i++) {
		CPU_ZERO(&one);
		CPU_SET(i % sysconf(_SC_NPROCESSORS_ONLN), &one);
		if (sched_setaffinity(0, sizeof(one), &one))
			continue;
		syscall(SYS_getcpu, &cpu, NULL, NULL);
		if (own_area()->cpu_id != cpu || own_area()->cpu_id_start != cpu)
			return NULL;
	}
	return argument;
}

static struct area *volatile others_area;

static void *stay_in_section(void *argument)
{
	others_area = own_area();
	return (void *)(long)spin_in_section(own_area());
}

/* A barrier of the kind that restartable sequences need: who is inside one begins again. */
static int barrier_restarts(void)
{
	pthread_t t;
	void *aborted = NULL;
	if (membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ, 0))
		return errno == EINVAL; /* not built in */
	pthread_create(&t, NULL, stay_in_section, NULL);
	while (!others_area || !others_area->section)
		if (others_area && pthread_tryjoin_np(t, &aborted) == 0)
			return aborted != NULL; /* preempted before it could be seen inside */
	if (membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, 0))
		return 0;
	return pthread_join(t, &aborted) == 0 && aborted;
}

static void restartable(void)
{
	struct area *area = own_area();
	pthread_t t;
	void *result;
	theme("restartable sequences");
	if (!__rseq_size) {
		CHECK_THAT(0, "the C library has registered an area");
		return;
	}
	CHECK_IN_CHILD_THAT(barrier_restarts(), "membarrier takes a thread out of its section");
	CHECK_ERRNO(syscall(SYS_rseq, area, 32, 0, 0x53053053), EBUSY);
	CHECK_ERRNO(syscall(SYS_rseq, area, 32, 0, 0x53053054), EPERM);
	CHECK_ERRNO(syscall(SYS_rseq, area + 8, 32, 0, 0x53053053), EINVAL);
	CHECK_ERRNO(syscall(SYS_rseq, area, 32, 1, 0x53053054), EPERM);
	CHECK_ERRNO(syscall(SYS_rseq, area, 32, 2, 0x53053053), EINVAL);
	CHECK(pthread_create(&t, NULL, ids_of_thread, area) == 0 && pthread_join(t, &result) == 0);
	CHECK_THAT(result == area, "the area tells the processor, wherever the thread goes");
	signal(SIGALRM, in_handler);
	ualarm(20000, 0);
	CHECK_THAT(spin_in_section(area) == 1, "a section is aborted by a handler or by preemption");
	while (!rseq_signals)
		sleep_ms(1);
	CHECK_THAT(!section_in_handler && !area->section, "and is over then");
	CHECK_IN_CHILD_THAT(own_area()->cpu_id < 1024 && spin_in_section((ualarm(20000, 0), area)) == 1,
			    "after fork too");
	CHECK_IN_CHILD_THAT(syscall(SYS_rseq, area, 32, 1, 0x53053053) == 0 && area->cpu_id == (unsigned)-1 &&
				syscall(SYS_rseq, area, 32, 1, 0x53053053) == -1 && errno == EINVAL,
			    "unregistered, once");
	pid_t pid = fork();
	if (pid == 0) {
		area->section = 8;
		for (;;)
			sched_yield();
	}
	int status;
	sleep_ms(5);
	kill(pid, SIGALRM); /* its handler needs the section looked at */
	CHECK_THAT(waitpid(pid, &status, 0) == pid && WIFSIGNALED(status) && WTERMSIG(status) == SIGSEGV,
		   "a section that is none: SIGSEGV");
}

int main(void)
{
	restartable();
	limit_seconds(60);
	policies();
	affinity();
	barriers();
	return finish();
}
