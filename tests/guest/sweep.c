/* SPDX-License-Identifier: Apache-2.0
 * Any system call with any arguments must return, or end the program that made it, and nothing else. Each number of the
 * table is called with arguments drawn from a list of nasty ones, always the same ones; in a child, because the call
 * may unmap its stack or kill it. What the child may do to the machine is limited: it has no privileges and few
 * descriptors.
 * area: System
 */
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "probe.h"

#define ROUNDS 24
#define LAST   470

/* Calls that wait for ever, end the child, signal others, or leave something behind, when nothing is wrong with them.
 */
static const int left_out[] = {
    SYS_rt_sigreturn,
    SYS_pause,
    SYS_fork,
    SYS_vfork,
    SYS_clone,
    SYS_clone3,
    SYS_exit,
    SYS_exit_group,
    SYS_kill,
    SYS_tkill,
    SYS_tgkill,
    SYS_rt_sigqueueinfo,
    SYS_rt_tgsigqueueinfo,
    SYS_pidfd_send_signal,
    SYS_reboot,
    SYS_rt_sigsuspend,
    SYS_ptrace,
    SYS_setpgid,
    SYS_setsid,
    SYS_shmget,
    SYS_semget,
    SYS_msgget,
    SYS_sync,
    SYS_vhangup,
    SYS_setpriority,
    SYS_ioprio_set,
    SYS_prctl,
    SYS_setrlimit,
    SYS_prlimit64,
    SYS_alarm,
    SYS_sched_setaffinity,
    SYS_sched_setscheduler,
    SYS_sched_setattr,
    SYS_process_madvise,
    SYS_process_mrelease,
    SYS_add_key,
    SYS_keyctl,
    SYS_request_key,
    SYS_seccomp,
    SYS_mknod,
    SYS_mknodat,
    SYS_mq_open,
    SYS_syslog,
    SYS_fanotify_init,
    SYS_fanotify_mark,
    SYS_landlock_restrict_self,
    SYS_landlock_create_ruleset,
    SYS_perf_event_open,
    SYS_bpf,
    SYS_userfaultfd,
    SYS_io_setup,
    SYS_io_uring_setup,
    SYS_unshare,
    SYS_setns,
    SYS_mlockall,
    SYS_execve,
    SYS_execveat,
    SYS_chroot,
    SYS_acct,
    SYS_kcmp,
    SYS_move_pages,
    SYS_migrate_pages,
    SYS_process_vm_writev,
    SYS_memfd_secret,
    SYS_syncfs,
    SYS_personality,
    335 /* uretprobe */,
    336 /* uprobe */,
    SYS_timer_create,
    SYS_setitimer,
    SYS_futex,
    SYS_futex_waitv,
    455 /* futex_wait */,
    SYS_wait4,
    SYS_waitid,
};

static int is_left_out(int number)
{
	for (size_t i = 0; i < sizeof(left_out) / sizeof(*left_out); i++)
		if (left_out[i] == number)
			return 1;
	return 0;
}

static uint64_t state;

static uint64_t draw(void)
{
	state ^= state << 13;
	state ^= state >> 7;
	state ^= state << 17;
	return state;
}

static char *good, *edge, *readonly;

static long nasty(void)
{
	static const unsigned long plain[] = {
	    0,
	    1,
	    2,
	    3,
	    4,
	    5,
	    7,
	    8,
	    16,
	    64,
	    255,
	    4095,
	    4096,
	    65536,
	    0x7fffffff,
	    0x80000000,
	    0xffffffff,
	    0x100000000,
	    0x7fffffffffffffff,
	    0x8000000000000000,
	    0xffffffffffffffff,
	    0xfffffffffffffff0,
	    0xfffffffffffff000,
	    0xffff800000000000,
	    0xffff888000000000,
	    0xffffffff80000000,
	    0x7ffffffff000,
	    0x7fffffffffff,
	    0x800000000000,
	    8,
	    12,
	};
	uint64_t r = draw();
	switch (r % 8) {
	case 0:
		return (long)(good + r / 8 % 64 * 8);
	case 1:
		return (long)(edge + PAGE - r / 8 % 24);
	case 2:
		return (long)(readonly + r / 8 % 4096);
	case 3:
		return (long)(r / 8 % 12); /* a descriptor, a small flag */
	case 4:
		return (long)1 << (r / 8 % 64);
	default:
		return (long)plain[r / 8 % (sizeof(plain) / sizeof(*plain))];
	}
}

/* The call with six nasty arguments, again and again. A small alarm ends what waits. */
static void torment(int number)
{
	static const struct rlimit no_files = {0, 0}, few = {64, 64}, memory = {1 << 29, 1 << 29};
	struct itimerval_short {
		long s[4];
	} timer = {{0, 0, 0, 30000}};
	int null = open("/dev/null", O_RDWR);
	for (int fd = 0; fd < 3; fd++)
		dup2(null, fd);
	int pair[2];
	if (pipe2(pair, O_NONBLOCK) || memfd_create("sweep", 0) < 0)
		_exit(0);
	setrlimit(RLIMIT_FSIZE, &no_files);
	setrlimit(RLIMIT_CORE, &no_files);
	setrlimit(RLIMIT_NOFILE, &few);
	setrlimit(RLIMIT_AS, &memory);
	prctl(PR_SET_DUMPABLE, 0);
	if (chdir("/dev/null") == 0 || (geteuid() == 0 && (setgid(65534) || setuid(65534))))
		_exit(0);
	syscall(SYS_setitimer, 0, &timer, NULL);
	/* Paths that a call may find by chance are empty. */
	memset(good, 0, PAGE);
	for (int i = 0; i < ROUNDS; i++) {
		long a[6];
		for (int j = 0; j < 6; j++)
			a[j] = nasty();
		syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
	}
	_exit(0);
}

int main(void)
{
	int calls = 0, lost = 0;
	limit_seconds(60);
	theme("any call with any arguments");
	good = map_pages(1, PROT_READ | PROT_WRITE);
	edge = map_pages(2, PROT_READ | PROT_WRITE);
	readonly = map_pages(2, PROT_READ);
	mprotect(edge + PAGE, PAGE, PROT_NONE);
	for (int number = 0; number <= LAST; number++) {
		if (is_left_out(number))
			continue;
		state = 0x9e3779b97f4a7c15u * (unsigned)(number + 1);
		pid_t pid = fork_child();
		if (pid == 0)
			torment(number);
		int status = pid > 0 ? wait_for(pid) : -1;
		calls++;
		if (status < 0 || !(WIFEXITED(status) || WIFSIGNALED(status))) {
			lost++;
			CHECKF(0, "number %d returns or ends its caller", number);
		}
	}
	CHECK_THAT(calls > 300 && lost == 0, "each returns or ends its caller");
	/* What the kernel holds is still in order: processes, memory, files. */
	CHECK_IN_CHILD_THAT(getppid() > 0, "processes still start");
	char *p = map_pages(256, PROT_READ | PROT_WRITE);
	int clean = 1;
	for (long i = 0; i < 256 * PAGE; i++)
		clean &= p[i] == 0;
	CHECK_THAT(clean, "fresh memory is still zero");
	munmap(p, 256 * PAGE);
	int fd = memfd_create("after", 0);
	CHECK(fd >= 0 && write(fd, "after", 5) == 5);
	close(fd);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
	return finish();
}
