/* SPDX-License-Identifier: Apache-2.0
 * Resource limits that act, usage, times, priorities, and the prctl options of a process.
 * area: Processes
 */
#include <fcntl.h>
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/times.h>

#include "probe.h"

static int set_limit(int which, rlim_t soft, rlim_t hard)
{
	struct rlimit limit = {soft, hard};
	return setrlimit(which, &limit);
}

static void arguments(void)
{
	struct rlimit limit, old;
	theme("rlimit");
	for (int i = 0; i < RLIM_NLIMITS; i++)
		CHECKF(getrlimit(i, &limit) == 0 && limit.rlim_cur <= limit.rlim_max, "limit %d can be read", i);
	CHECK_ERRNO(getrlimit(16, &limit), EINVAL);
	CHECK_ERRNO(getrlimit(-1, &limit), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrlimit, RLIMIT_CORE, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_setrlimit, RLIMIT_CORE, unmapped_address()), EFAULT);
	CHECK_ERRNO(set_limit(RLIMIT_CORE, 2, 1), EINVAL);
	CHECK_ERRNO(set_limit(99, 1, 1), EINVAL);
	CHECK_ERRNO(prlimit(1 << 30, RLIMIT_CORE, NULL, &limit), ESRCH);
	CHECK_ERRNO(prlimit(0, 99, NULL, &limit), EINVAL);
	CHECK_ERRNO(syscall(SYS_prlimit64, 0, RLIMIT_CORE, NULL, 8), EFAULT);
	CHECK(prlimit(0, RLIMIT_CORE, NULL, NULL) == 0);
	CHECK(prlimit(0, RLIMIT_NOFILE, NULL, &old) == 0);
	limit = (struct rlimit){40, old.rlim_max};
	CHECK(prlimit(0, RLIMIT_NOFILE, &limit, &old) == 0);
	CHECK(prlimit(getpid(), RLIMIT_NOFILE, &old, &limit) == 0 && limit.rlim_cur == 40);
	CHECK_IN_CHILD_THAT(({
				    set_limit(RLIMIT_CORE, 0, 0);
				    getuid() == 0 ? set_limit(RLIMIT_CORE, 0, 1) == 0 || errno == EPERM
						  : set_limit(RLIMIT_CORE, 0, 1) == -1 && errno == EPERM;
			    }),
			    "raising a hard limit needs privilege");
	CHECK_IN_CHILD_THAT(set_limit(RLIMIT_SIGPENDING, 3, 7) == 0 && getrlimit(RLIMIT_SIGPENDING, &limit) == 0 &&
				limit.rlim_cur == 3 && limit.rlim_max == 7,
			    "limits are kept as set");
}

static int descriptors_end(void)
{
	int fds[2];
	if (set_limit(RLIMIT_NOFILE, 8, 8))
		return 0;
	int last = -1, fd;
	while ((fd = dup(1)) >= 0)
		last = fd;
	return last == 7 && errno == EMFILE && open("/dev/null", O_RDONLY) == -1 && errno == EMFILE &&
	       pipe(fds) == -1 && errno == EMFILE && dup2(1, 8) == -1 && errno == EBADF && fcntl(1, F_DUPFD, 8) == -1 &&
	       errno == EINVAL && dup2(1, 7) == 7 && memfd_create("x", 0) == -1 && errno == EMFILE;
}

static volatile sig_atomic_t signals;

static void count(int number)
{
	signals++;
}

static int file_size_ends(void)
{
	int fd = memfd_create("limit", 0);
	static char block[8192];
	signal(SIGXFSZ, count);
	return set_limit(RLIMIT_FSIZE, 5000, 5000) == 0 && write(fd, block, 8192) == 5000 && signals == 0 &&
	       write(fd, block, 1) == -1 && errno == EFBIG && signals == 1 && ftruncate(fd, 5001) == -1 &&
	       errno == EFBIG && signals == 2 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, block, 10) == 10;
}

static int file_size_reserves(void)
{
	int fd = memfd_create("limit", 0);
	signals = 0;
	signal(SIGXFSZ, count);
	return set_limit(RLIMIT_FSIZE, 5000, 5000) == 0 && fallocate(fd, 0, 0, 5000) == 0 &&
	       fallocate(fd, 0, 1, 5000) == -1 && errno == EFBIG && signals == 1 &&
	       fallocate(fd, FALLOC_FL_KEEP_SIZE, 4000, 2000) == -1 && errno == EFBIG && signals == 2;
}

static int file_size_kills(void)
{
	int fd = memfd_create("limit", 0);
	pid_t pid = fork();
	if (pid == 0) {
		set_limit(RLIMIT_CORE, 0, 0);
		set_limit(RLIMIT_FSIZE, 0, 0);
		write(fd, "x", 1);
		_exit(1);
	}
	int status = wait_for(pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ;
}

static int processor_time_ends(void)
{
	pid_t pid = fork();
	if (pid == 0) {
		set_limit(RLIMIT_CORE, 0, 0);
		set_limit(RLIMIT_CPU, 1, 2);
		for (;;)
			;
	}
	int status = wait_for(pid);
	return WIFSIGNALED(status) && WTERMSIG(status) == SIGXCPU;
}

static int processes_end(void)
{
	if (getuid() == 0 && setresuid(54321, 54321, 54321))
		return 0;
	if (set_limit(RLIMIT_NPROC, 0, 0))
		return 0;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	return pid == -1 && errno == EAGAIN;
}

static int signals_end(void)
{
	sigset_t set;
	int sent = 0;
	sigfillset(&set);
	sigprocmask(SIG_SETMASK, &set, NULL);
	if (getuid() == 0 && setresuid(54322, 54322, 54322))
		return 0;
	if (set_limit(RLIMIT_SIGPENDING, 5, 5))
		return 0;
	while (sent < 100 && sigqueue(getpid(), SIGRTMIN, (union sigval){0}) == 0)
		sent++;
	return sent == 5 && errno == EAGAIN && kill(getpid(), SIGRTMIN + 1) == 0;
}

static void effects(void)
{
	theme("limits act");
	CHECK_IN_CHILD_THAT(descriptors_end(), "RLIMIT_NOFILE");
	CHECK_IN_CHILD_THAT(file_size_ends(), "RLIMIT_FSIZE: a short write, then SIGXFSZ and EFBIG");
	CHECK_IN_CHILD_THAT(file_size_reserves(), "RLIMIT_FSIZE: fallocate");
	CHECK_IN_CHILD_THAT(file_size_kills(), "RLIMIT_FSIZE: SIGXFSZ kills");
	CHECK_IN_CHILD_THAT(processor_time_ends(), "RLIMIT_CPU: SIGXCPU");
	CHECK_IN_CHILD_THAT(processes_end(), "RLIMIT_NPROC: EAGAIN for an ordinary user");
	CHECK_IN_CHILD_THAT(signals_end(), "RLIMIT_SIGPENDING bounds what is queued");
}

static void spin_ms(long ms)
{
	struct timespec t;
	long end;
	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	end = t.tv_sec * 1000 + t.tv_nsec / 1000000 + ms;
	do
		clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	while (t.tv_sec * 1000 + t.tv_nsec / 1000000 < end);
}

/* To be called when the parent has computed for longer. */
static int child_begins_at_zero(void)
{
	struct rusage own;
	pid_t pid = fork_child();
	if (pid == 0) {
		getrusage(RUSAGE_SELF, &own);
		_exit(own.ru_utime.tv_sec > 0 || own.ru_utime.tv_usec >= 50000);
	}
	return wait_for(pid) == 0;
}

static void usage(void)
{
	struct rusage own, children, later;
	struct tms t;
	theme("rusage");
	CHECK(getrusage(RUSAGE_SELF, &own) == 0);
	CHECK(getrusage(RUSAGE_CHILDREN, &children) == 0);
	CHECK(getrusage(RUSAGE_THREAD, &later) == 0);
	CHECK_ERRNO(getrusage(2, &own), EINVAL);
	CHECK_ERRNO(getrusage(-2, &own), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrusage, RUSAGE_SELF, unmapped_address()), EFAULT);
	getrusage(RUSAGE_SELF, &own);
	CHECK(own.ru_maxrss > 100 && own.ru_minflt > 0);
	spin_ms(60);
	getrusage(RUSAGE_SELF, &later);
	long before =
	    own.ru_utime.tv_sec * 1000000 + own.ru_utime.tv_usec + own.ru_stime.tv_sec * 1000000 + own.ru_stime.tv_usec;
	long after = later.ru_utime.tv_sec * 1000000 + later.ru_utime.tv_usec + later.ru_stime.tv_sec * 1000000 +
		     later.ru_stime.tv_usec;
	CHECK_THAT(after - before >= 30000, "processor time is counted");
	CHECK(later.ru_minflt >= own.ru_minflt);
	char *p = map_pages(64, PROT_READ | PROT_WRITE);
	getrusage(RUSAGE_SELF, &own);
	for (int i = 0; i < 64; i++)
		p[i * PAGE] = 1;
	getrusage(RUSAGE_SELF, &later);
	CHECK_THAT(later.ru_minflt > own.ru_minflt, "page faults are counted");
	munmap(p, 64 * PAGE);
	CHECK_SOON(child_begins_at_zero(), "a child begins at zero");
	getrusage(RUSAGE_CHILDREN, &own);
	CHECK_IN_CHILD_THAT((spin_ms(60), 1), "a child computes");
	getrusage(RUSAGE_CHILDREN, &later);
	before =
	    own.ru_utime.tv_sec * 1000000 + own.ru_utime.tv_usec + own.ru_stime.tv_sec * 1000000 + own.ru_stime.tv_usec;
	after = later.ru_utime.tv_sec * 1000000 + later.ru_utime.tv_usec + later.ru_stime.tv_sec * 1000000 +
		later.ru_stime.tv_usec;
	CHECK_THAT(after - before >= 30000, "a reaped child's time goes to its parent");
	theme("times");
	CHECK(times(&t) != (clock_t)-1 && t.tms_utime + t.tms_stime > 0);
	CHECK(t.tms_cutime + t.tms_cstime > 0);
	CHECK_ERRNO(syscall(SYS_times, unmapped_address()), EFAULT);
	CHECK(syscall(SYS_times, NULL) > 0);
	CHECK(sysconf(_SC_CLK_TCK) == 100);
}

static void priorities(void)
{
	theme("priority");
	errno = 0;
	int now = getpriority(PRIO_PROCESS, 0);
	CHECK(now >= -20 && now < 20);
	CHECK(syscall(SYS_getpriority, PRIO_PROCESS, 0) == 20 - now);
	CHECK_ERRNO(getpriority(9, 0), EINVAL);
	CHECK_ERRNO(getpriority(PRIO_PROCESS, 1 << 30), ESRCH);
	CHECK_ERRNO(setpriority(PRIO_PROCESS, 1 << 30, 0), ESRCH);
	CHECK_ERRNO(setpriority(9, 0, 0), EINVAL);
	CHECK_IN_CHILD(setpriority(PRIO_PROCESS, 0, 15) == 0 && getpriority(PRIO_PROCESS, 0) == 15);
	CHECK_IN_CHILD(setpriority(PRIO_PROCESS, 0, 100) == 0 && getpriority(PRIO_PROCESS, 0) == 19);
	CHECK_IN_CHILD(setpgid(0, 0) == 0 && setpriority(PRIO_PGRP, 0, 14) == 0 &&
		       getpriority(PRIO_PROCESS, getpid()) == 14);
	CHECK_IN_CHILD(nice(30) == 19);
	CHECK_IN_CHILD(nice(19 - now) == 19);
	CHECK_IN_CHILD_THAT(({
				    if (getuid() == 0)
					    setresuid(54323, 54323, 54323);
				    set_limit(RLIMIT_NICE, 0, 0);
				    setpriority(PRIO_PROCESS, 0, 19) == 0 && setpriority(PRIO_PROCESS, 0, 10) == -1 &&
					errno == EACCES;
			    }),
			    "an ordinary user cannot raise its priority");
	CHECK_IN_CHILD_THAT(setpriority(PRIO_PROCESS, 0, 12) == 0 && ({
				    pid_t pid = fork();
				    if (pid == 0)
					    _exit(getpriority(PRIO_PROCESS, 0));
				    WEXITSTATUS(wait_for(pid)) == 12;
			    }),
			    "children inherit it");
}

static void options(void)
{
	char name[32] = "";
	unsigned long slack;
	theme("prctl");
	CHECK_ERRNO(prctl(99999, 0, 0, 0, 0), EINVAL);
	CHECK(prctl(PR_SET_NAME, "exactly-fifteen-and-more") == 0);
	CHECK(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "exactly-fifteen"));
	CHECK_ERRNO(prctl(PR_SET_NAME, unmapped_address()), EFAULT);
	CHECK_ERRNO(prctl(PR_GET_NAME, unmapped_address()), EFAULT);
	CHECK_IN_CHILD_THAT(prctl(PR_GET_NAME, name) == 0 && !strcmp(name, "exactly-fifteen"),
			    "a child keeps the name");
	CHECK(prctl(PR_GET_DUMPABLE) == 1 || prctl(PR_GET_DUMPABLE) == 0);
	CHECK_ERRNO(prctl(PR_SET_DUMPABLE, 7), EINVAL);
	CHECK_IN_CHILD(prctl(PR_SET_DUMPABLE, 0) == 0 && prctl(PR_GET_DUMPABLE) == 0);
	CHECK(prctl(PR_GET_KEEPCAPS) == 0);
	CHECK_ERRNO(prctl(PR_SET_KEEPCAPS, 2), EINVAL);
	CHECK_IN_CHILD(prctl(PR_SET_KEEPCAPS, 1) == 0 && prctl(PR_GET_KEEPCAPS) == 1);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0), EINVAL);
	CHECK_IN_CHILD(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1);
	CHECK_IN_CHILD_THAT(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && ({
				    pid_t pid = fork();
				    if (pid == 0)
					    _exit(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
				    WEXITSTATUS(wait_for(pid)) == 1;
			    }),
			    "children inherit no_new_privs");
	slack = (unsigned long)prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0);
	CHECK_IN_CHILD(prctl(PR_SET_TIMERSLACK, 12345, 0, 0, 0) == 0 && prctl(PR_GET_TIMERSLACK, 0, 0, 0, 0) == 12345);
	CHECK_THAT(slack > 0, "the timer slack is positive");
	CHECK(prctl(PR_CAPBSET_READ, CAP_CHOWN) == 0 || prctl(PR_CAPBSET_READ, CAP_CHOWN) == 1);
	CHECK_ERRNO(prctl(PR_CAPBSET_READ, 64), EINVAL);
	CHECK(prctl(PR_GET_SECUREBITS) >= 0);
	CHECK(prctl(PR_GET_SECCOMP) >= 0);
	CHECK(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0) >= 0 || errno == EINVAL);
	CHECK(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0) >= 0);
	CHECK_ERRNO(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0), EINVAL);
	int tsc = 0;
	CHECK(prctl(PR_GET_TSC, &tsc) == 0 && tsc == PR_TSC_ENABLE);
	CHECK_ERRNO(prctl(PR_GET_TSC, unmapped_address()), EFAULT);
	CHECK_ERRNO(prctl(PR_SET_TIMING, 1, 0, 0, 0), EINVAL);
	CHECK(prctl(PR_GET_TIMING, 0, 0, 0, 0) == PR_TIMING_STATISTICAL);
}

int main(void)
{
	limit_seconds(60);
	arguments();
	effects();
	usage();
	priorities();
	options();
	return finish();
}
