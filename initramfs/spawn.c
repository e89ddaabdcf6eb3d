/* SPDX-License-Identifier: Apache-2.0
 *
 * Starts the program: vfork, the child's set-up, execve. The child shares our memory until it executes, so that a
 * failure is told through a variable.
 */
#include "initramfs/agent.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

static volatile struct {
	enum wire_stage stage;
	int error;
	const char *doing, *what;
} failure;

_Noreturn static void child_fail(enum wire_stage stage, const char *doing, const char *what)
{
	failure.stage = stage;
	failure.error = errno;
	failure.doing = doing;
	failure.what = what;
	_exit(127);
}

/* source[i] becomes descriptor i. A source below 3 may be in the way of another and moves up first. */
static void child_stdio(const int source[3])
{
	int from[3];

	for (int i = 0; i < 3; i++) {
		from[i] = source[i];
		if (from[i] >= 0 && from[i] < 3 && from[i] != i)
			from[i] = fcntl(from[i], F_DUPFD_CLOEXEC, 3);
	}
	for (int i = 0; i < 3; i++) {
		int ret = 0;

		if (from[i] < 0)
			close(i);
		else
			ret = from[i] == i ? fcntl(i, F_SETFD, 0) : dup2(from[i], i);
		if (ret < 0)
			child_fail(WIRE_STAGE_STDIO, "set up the standard streams", "");
	}
}

/* Pid 1 begins with every signal at its default and few descriptors; anyone else inherits from the caller. */
static void child_inheritance(void)
{
	if (agent_is_init)
		return;
	for (int signo = 1; signo < NSIG; signo++)
		signal(signo, SIG_DFL);
	syscall(SYS_close_range, 3, ~0u, 0);
}

static void child_signal_mask(void)
{
	sigset_t none;

	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void child_limits(const struct wire_job *header)
{
	for (int i = 0; i < WIRE_RLIMITS; i++) /* struct wire_rlimit is the kernel's struct rlimit64 */
		if (header->rlimit_mask >> i & 1 && syscall(SYS_prlimit64, 0, i, &header->rlimit[i], NULL))
			child_fail(WIRE_STAGE_SPAWN, "set a resource limit", "");
}

/* By plain system calls: the C library's functions would address all threads of a process whose memory we borrow. */
static void child_user(const struct wire_job *header)
{
	uint32_t uid = header->uid, gid = header->gid;

	if (uid == getauxval(AT_UID) && gid == getauxval(AT_GID) && (agent_is_init || uid != 0))
		return; /* nothing to change, or nothing that we may change */
	if (syscall(SYS_setgroups, 0, NULL) || syscall(SYS_setresgid, gid, gid, gid) ||
	    syscall(SYS_setresuid, uid, uid, uid))
		child_fail(WIRE_STAGE_SPAWN, "change to the job's user", "");
}

static const char *find_path(char *const *environment)
{
	for (; *environment; environment++)
		if (strncmp(*environment, "PATH=", 5) == 0)
			return *environment + 5;
	return "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
}

/* As execvp(3) looks, but a file that is neither ELF nor a script is an error: its errno is the one to tell. */
static void execute_searched(const struct job *job)
{
	const char *directory = find_path(job->envp);
	char path[WIRE_PATH_MAX];
	int error = ENOENT;

	for (;;) {
		size_t length = strcspn(directory, ":"), used = 0;

		if (length + strlen(job->program) + 2 <= sizeof path) {
			memcpy(path, directory, length);
			used = length;
			if (length)
				path[used++] = '/';
			memcpy(path + used, job->program, strlen(job->program) + 1);
			execve(path, job->argv, job->envp);
			if (errno != ENOENT && errno != ENOTDIR)
				error = errno;
			if (error != ENOENT && error != EACCES)
				break;
		}
		if (!directory[length])
			break;
		directory += length + 1;
	}
	errno = error;
}

_Noreturn static void child_run(const struct job *job, const int stdio[3], bool tty)
{
	child_stdio(stdio);
	setsid(); /* the program leads a session of its own: no terminal, or the one that it gets here */
	if (tty && ioctl(0, TIOCSCTTY, 0))
		child_fail(WIRE_STAGE_STDIO, "set the controlling terminal", "");
	child_limits(&job->header);
	child_user(&job->header);
	if (chdir(job->workdir))
		child_fail(WIRE_STAGE_WORKDIR, "change to directory ", job->workdir);
	umask(job->header.umask);
	child_inheritance();
	child_signal_mask();
	if (job->header.flags & WIRE_JOB_SEARCH && !strchr(job->program, '/'))
		execute_searched(job);
	else
		execve(job->program, job->argv, job->envp);
	child_fail(WIRE_STAGE_EXEC, "execute ", job->program);
}

pid_t spawn_program(const struct job *job, const int stdio[3], bool tty)
{
	pid_t pid = vfork();

	if (pid == 0)
		child_run(job, stdio, tty);
	if (pid < 0)
		agent_fail(WIRE_STAGE_SPAWN, errno, "vfork", "");
	if (failure.stage) {
		waitpid(pid, NULL, 0);
		agent_fail(failure.stage, failure.error, failure.doing, failure.what);
	}
	return pid;
}
