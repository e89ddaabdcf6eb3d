/* SPDX-License-Identifier: Apache-2.0
 * Arguments of the calls about scheduling and of clone: each policy, priority, target, size and flag.
 * area: Threads and SMP
 */
#include <linux/membarrier.h>
#include <linux/sched.h>
#include <sched.h>

#include "matrix.h"

#ifndef SCHED_DEADLINE
#define SCHED_DEADLINE 6
#endif

static char *hole;
static pid_t child, gone, zombie;

#define TARGETS 8
static const char *const targets[TARGETS] = {"0",      "itself", "a child", "a zombie",
					     "nobody", "-1",	 "2^30",    "the least number"};

static pid_t target(int which)
{
	const pid_t pids[] = {0, getpid(), child, zombie, gone, -1, 1 << 30, (pid_t)0x80000000};
	return pids[which];
}

/* In a child without rights, which a policy does not outlive: the result, -errno. */
static long as_nobody(int policy, int priority)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		struct sched_param p = {priority};
		if (getuid() == 0 && setresuid(65534, 65534, 65534))
			_exit(99);
		_exit(syscall(SYS_sched_setscheduler, 0, policy, &p) < 0 ? 100 + errno : 0);
	}
	int status = wait_for(pid), code = WIFEXITED(status) ? WEXITSTATUS(status) : 99;
	return code >= 100 ? 100 - code : code;
}

static void policies(void)
{
	static const char *const columns[] = {"priority 0",  "priority 1",   "priority 99", "priority 100",
					      "priority -1", "the greatest", "the least"};
	static const struct {
		int policy;
		const char *name;
		short wanted[7], most, least;
	} rows[] = {
	    {SCHED_OTHER, "SCHED_OTHER", {0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, 0, 0},
	    {SCHED_FIFO, "SCHED_FIFO", {-EINVAL, -EPERM, -EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, 99, 1},
	    {SCHED_RR, "SCHED_RR", {-EINVAL, -EPERM, -EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, 99, 1},
	    {SCHED_BATCH, "SCHED_BATCH", {0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, 0, 0},
	    {4, "policy 4", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, -EINVAL, -EINVAL},
	    {SCHED_IDLE, "SCHED_IDLE", {0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, 0, 0},
	    {SCHED_DEADLINE, "SCHED_DEADLINE", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, 0, 0},
	    {99, "policy 99", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, -EINVAL, -EINVAL},
	    {-1, "policy -1", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}, -EINVAL, -EINVAL},
	    {SCHED_OTHER | SCHED_RESET_ON_FORK,
	     "SCHED_OTHER, reset on fork",
	     {0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL},
	     -EINVAL,
	     -EINVAL},
	    {SCHED_FIFO | SCHED_RESET_ON_FORK,
	     "SCHED_FIFO, reset on fork",
	     {-EINVAL, -EPERM, -EPERM, -EINVAL, -EINVAL, -EINVAL, -EINVAL},
	     -EINVAL,
	     -EINVAL},
	};
	static const int priorities[] = {0, 1, 99, 100, -1, 0x7fffffff, (int)0x80000000};
	theme("policies");
	for (size_t r = 0; r < COUNT(rows); r++) {
		for (int c = 0; c < 7; c++)
			cell(rows[r].name, columns[c], as_nobody(rows[r].policy, priorities[c]), rows[r].wanted[c]);
		cell(rows[r].name, "sched_get_priority_max",
		     RESULT(syscall(SYS_sched_get_priority_max, rows[r].policy)), rows[r].most);
		cell(rows[r].name, "sched_get_priority_min",
		     RESULT(syscall(SYS_sched_get_priority_min, rows[r].policy)), rows[r].least);
	}
}

static void by_target(void)
{
	static const char *const calls[] = {"sched_getscheduler",
					    "sched_getparam",
					    "sched_getparam to a bad address",
					    "sched_setparam",
					    "sched_setparam from a bad address",
					    "sched_setscheduler",
					    "sched_setscheduler from a bad address",
					    "sched_rr_get_interval",
					    "sched_rr_get_interval to a bad address",
					    "sched_getaffinity",
					    "sched_getaffinity to a bad address",
					    "sched_getaffinity of 4 bytes",
					    "sched_getaffinity of no bytes",
					    "sched_setaffinity",
					    "sched_setaffinity from a bad address",
					    "sched_setaffinity to none",
					    "sched_setaffinity of no bytes",
					    "sched_getattr",
					    "sched_getattr of 47 bytes",
					    "sched_getattr to a bad address",
					    "sched_getattr with flags",
					    "sched_setattr",
					    "sched_setattr from a bad address",
					    "sched_setattr with flags"};
	static const struct {
		int which;
		short wanted[24];
	} rows[] = {{0, {0,	  0, -EFAULT, 0,       -EFAULT, 0, -EFAULT, 0,	     -EFAULT, 0, -EFAULT, -EINVAL,
			 -EINVAL, 0, -EFAULT, -EINVAL, -EINVAL, 0, -EINVAL, -EFAULT, -EINVAL, 0, -EFAULT, -EINVAL}},
		    {1, {0,	  0, -EFAULT, 0,       -EFAULT, 0, -EFAULT, 0,	     -EFAULT, 0, -EFAULT, -EINVAL,
			 -EINVAL, 0, -EFAULT, -EINVAL, -EINVAL, 0, -EINVAL, -EFAULT, -EINVAL, 0, -EFAULT, -EINVAL}},
		    {2, {0,	  0, -EFAULT, 0,       -EFAULT, 0, -EFAULT, 0,	     -EFAULT, 0, -EFAULT, -EINVAL,
			 -EINVAL, 0, -EFAULT, -EINVAL, -EINVAL, 0, -EINVAL, -EFAULT, -EINVAL, 0, -EFAULT, -EINVAL}},
		    {3, {0,	  0, -EFAULT, 0,       -EFAULT, 0, -EFAULT, 0,	     -EFAULT, 0, -EFAULT, -EINVAL,
			 -EINVAL, 0, -EFAULT, -EINVAL, -EINVAL, 0, -EINVAL, -EFAULT, -EINVAL, 0, -EFAULT, -EINVAL}},
		    {4, {-ESRCH, -ESRCH, -ESRCH,  -ESRCH,  -EFAULT, -ESRCH, -EFAULT, -ESRCH,
			 -ESRCH, -ESRCH, -ESRCH,  -EINVAL, -EINVAL, -ESRCH, -EFAULT, -ESRCH,
			 -ESRCH, -ESRCH, -EINVAL, -ESRCH,  -EINVAL, -ESRCH, -EFAULT, -EINVAL}},
		    {5, {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
			 -EINVAL, -ESRCH,  -ESRCH,  -EINVAL, -EINVAL, -ESRCH,  -EFAULT, -ESRCH,
			 -ESRCH,  -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
		    {6, {-ESRCH, -ESRCH, -ESRCH,  -ESRCH,  -EFAULT, -ESRCH, -EFAULT, -ESRCH,
			 -ESRCH, -ESRCH, -ESRCH,  -EINVAL, -EINVAL, -ESRCH, -EFAULT, -ESRCH,
			 -ESRCH, -ESRCH, -EINVAL, -ESRCH,  -EINVAL, -ESRCH, -EFAULT, -EINVAL}},
		    {7, {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL,
			 -EINVAL, -ESRCH,  -ESRCH,  -EINVAL, -EINVAL, -ESRCH,  -EFAULT, -ESRCH,
			 -ESRCH,  -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}}};
	unsigned long all[128], none[128] = {0};
	struct timespec t;
	struct sched_param p = {0};
	theme("scheduling targets");
	memset(all, 0xff, sizeof(all));
	for (size_t r = 0; r < COUNT(rows); r++) {
		pid_t pid = target(rows[r].which);
		unsigned long mask[128];
		struct {
			unsigned size, policy;
			unsigned long flags;
			int nice;
			unsigned priority;
			unsigned long runtime, deadline, period;
			unsigned least, most;
		} attr = {.size = 56};
		long results[] = {RESULT(syscall(SYS_sched_getscheduler, pid)),
				  RESULT(syscall(SYS_sched_getparam, pid, &p)),
				  RESULT(syscall(SYS_sched_getparam, pid, hole)),
				  RESULT(syscall(SYS_sched_setparam, pid, &(struct sched_param){0})),
				  RESULT(syscall(SYS_sched_setparam, pid, hole)),
				  RESULT(syscall(SYS_sched_setscheduler, pid, 0, &(struct sched_param){0})),
				  RESULT(syscall(SYS_sched_setscheduler, pid, 0, hole)),
				  RESULT(syscall(SYS_sched_rr_get_interval, pid, &t)),
				  RESULT(syscall(SYS_sched_rr_get_interval, pid, hole)),
				  OUTCOME(syscall(SYS_sched_getaffinity, pid, sizeof(mask), mask)),
				  RESULT(syscall(SYS_sched_getaffinity, pid, 128, hole)),
				  RESULT(syscall(SYS_sched_getaffinity, pid, 4, mask)),
				  RESULT(syscall(SYS_sched_getaffinity, pid, 0, mask)),
				  RESULT(syscall(SYS_sched_setaffinity, pid, sizeof(all), all)),
				  RESULT(syscall(SYS_sched_setaffinity, pid, sizeof(all), hole)),
				  RESULT(syscall(SYS_sched_setaffinity, pid, sizeof(none), none)),
				  RESULT(syscall(SYS_sched_setaffinity, pid, 0, all)),
				  RESULT(syscall(SYS_sched_getattr, pid, &attr, 56, 0)),
				  RESULT(syscall(SYS_sched_getattr, pid, &attr, 47, 0)),
				  RESULT(syscall(SYS_sched_getattr, pid, hole, 56, 0)),
				  RESULT(syscall(SYS_sched_getattr, pid, &attr, 56, 1)),
				  0,
				  RESULT(syscall(SYS_sched_setattr, pid, hole, 0)),
				  RESULT(syscall(SYS_sched_setattr, pid, &attr, 1))};
		memset(&attr, 0, sizeof(attr));
		attr.size = 56;
		results[21] = RESULT(syscall(SYS_sched_setattr, pid, &attr, 0));
		for (int c = 0; c < 24; c++)
			cell(targets[rows[r].which], calls[c], results[c], rows[r].wanted[c]);
	}
}

/* ---- clone: whatever it makes ends at once ---- */

static long try_clone(unsigned long flags, int three)
{
	struct clone_args args = {.flags = flags & ~0xffUL, .exit_signal = flags & 0xff};
	long pid = three ? RESULT(syscall(SYS_clone3, &args, 64)) : RESULT(syscall(SYS_clone, flags, 0, 0, 0, 0));
	if (pid == 0)
		_exit(0);
	if (pid > 0)
		waitpid((pid_t)pid, NULL, __WALL);
	return pid < 0 ? pid : 0;
}

static void clones(void)
{
	static const struct {
		unsigned long flags;
		const char *name;
		short clone, clone3;
	} rows[] = {
	    {SIGCHLD, "SIGCHLD", 0, 0},
	    {0, "no signal", 0, 0},
	    {64, "signal 64", 0, 0},
	    {65, "signal 65", 0, -EINVAL},
	    {127, "signal 127", 0, -EINVAL},
	    {255, "signal 255", 0, -EINVAL},
	    {CLONE_FS | SIGCHLD, "CLONE_FS", 0, 0},
	    {CLONE_FILES | SIGCHLD, "CLONE_FILES", 0, 0},
	    {CLONE_SIGHAND | SIGCHLD, "CLONE_SIGHAND", -EINVAL, -EINVAL},
	    {CLONE_PTRACE | SIGCHLD, "CLONE_PTRACE", 0, 0},
	    {CLONE_VFORK | SIGCHLD, "CLONE_VFORK", 0, 0},
	    {CLONE_SYSVSEM | SIGCHLD, "CLONE_SYSVSEM", 0, 0},
	    {CLONE_DETACHED | SIGCHLD, "CLONE_DETACHED", 0, -EINVAL},
	    {CLONE_UNTRACED | SIGCHLD, "CLONE_UNTRACED", 0, 0},
	    {CLONE_IO | SIGCHLD, "CLONE_IO", 0, 0},
	    {CLONE_NEWNS | CLONE_FS | SIGCHLD, "CLONE_NEWNS and CLONE_FS", -EINVAL, -EINVAL},
	    {CLONE_NEWUSER | CLONE_FS | SIGCHLD, "CLONE_NEWUSER and CLONE_FS", -EINVAL, -EINVAL},
	    {CLONE_CLEAR_SIGHAND | SIGCHLD, "CLONE_CLEAR_SIGHAND", 0, 0},
	    {1UL << 40 | SIGCHLD, "flag 1<<40", 0, -EINVAL},
	    {1UL << 63 | SIGCHLD, "flag 1<<63", 0, -EINVAL},
	};
	theme("clone flags");
	for (size_t r = 0; r < COUNT(rows); r++) {
		cell("clone", rows[r].name, try_clone(rows[r].flags, 0), rows[r].clone);
		cell("clone3", rows[r].name, try_clone(rows[r].flags, 1), rows[r].clone3);
	}
	static const struct {
		unsigned long flags;
		const char *name;
		short wanted;
	} unshares[] = {{0, "nothing", 0},
			{CLONE_FS, "CLONE_FS", 0},
			{CLONE_FILES, "CLONE_FILES", 0},
			{CLONE_SYSVSEM, "CLONE_SYSVSEM", 0},
			{CLONE_THREAD, "CLONE_THREAD", 0},
			{CLONE_SIGHAND, "CLONE_SIGHAND", 0},
			{CLONE_VM, "CLONE_VM", 0},
			{CLONE_PARENT, "CLONE_PARENT", -EINVAL},
			{CLONE_IO, "CLONE_IO", -EINVAL},
			{CLONE_VFORK, "CLONE_VFORK", -EINVAL},
			{SIGCHLD, "SIGCHLD", -EINVAL},
			{1UL << 40, "flag 1<<40", -EINVAL},
			{CLONE_PIDFD, "CLONE_PIDFD", -EINVAL},
			{CLONE_SETTLS, "CLONE_SETTLS", -EINVAL}};
	for (size_t r = 0; r < COUNT(unshares); r++) {
		pid_t pid = fork_child();
		if (pid == 0)
			_exit(syscall(SYS_unshare, unshares[r].flags) < 0 ? errno : 0);
		cell("unshare", unshares[r].name, -WEXITSTATUS(wait_for(pid)), unshares[r].wanted);
	}
}

static void rest(void)
{
	static const struct {
		long size, flags, signature;
		const char *name;
		short wanted;
	} rows[] = {{31, 0, 1, "31 bytes", -EINVAL},
		    {33, 0, 1, "33 bytes", -EINVAL},
		    {0, 0, 1, "no bytes", -EINVAL},
		    {32, 2, 1, "flag 2", -EINVAL},
		    {32, 1, 1, "to end one that is not there", -EINVAL}};
	static char area[64] __attribute__((aligned(64)));
	theme("rseq arguments");
	for (size_t r = 0; r < COUNT(rows); r++)
		cell("rseq", rows[r].name,
		     RESULT(syscall(SYS_rseq, area, rows[r].size, rows[r].flags, rows[r].signature)), rows[r].wanted);
	CHECK_ERRNO(syscall(SYS_rseq, area + 1, 32, 0, 1), EINVAL);
	theme("membarrier arguments");
	for (int bit = 10; bit < 31; bit++)
		CHECKF(RESULT(syscall(SYS_membarrier, 1 << bit, 0, 0)) == -EINVAL, "command 1<<%d", bit);
	CHECK_ERRNO(syscall(SYS_membarrier, MEMBARRIER_CMD_QUERY, 1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_membarrier, 3, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_membarrier, -1, 0, 0), EINVAL);
	theme("getcpu arguments");
	unsigned cpu, node;
	CHECK(syscall(SYS_getcpu, &cpu, &node, hole) == 0 && node == 0);
	CHECK(syscall(SYS_getcpu, NULL, NULL, NULL) == 0);
	CHECK_ERRNO(syscall(SYS_getcpu, hole, NULL, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_getcpu, NULL, hole, NULL), EFAULT);
}

int main(void)
{
	limit_seconds(60);
	hole = map_pages(1, PROT_NONE);
	signal(64, SIG_IGN);
	gone = fork_child();
	if (gone == 0)
		_exit(0);
	wait_for(gone);
	child = fork_child();
	if (child == 0)
		for (;;)
			pause();
	zombie = fork_child();
	if (zombie == 0)
		_exit(0);
	waitid(P_PID, (id_t)zombie, &(siginfo_t){0}, WEXITED | WNOWAIT);
	policies();
	by_target();
	clones();
	rest();
	kill(child, SIGKILL);
	return finish();
}
