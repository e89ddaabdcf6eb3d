/* SPDX-License-Identifier: Apache-2.0
 * Scheduling calls: policies, affinity, getcpu, yield, membarrier, rseq or its absence.
 */
#include <linux/membarrier.h>
#include <sched.h>

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

int main(void)
{
	limit_seconds(60);
	policies();
	affinity();
	barriers();
	return finish();
}
