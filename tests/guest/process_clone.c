/* SPDX-License-Identifier: Apache-2.0
 * clone and clone3: flag combinations that are refused, what each sharing flag shares, thread ids, exit signals.
 * area: Processes
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sched.h>
#include <sys/stat.h>

#include "probe.h"

static char stack[64 << 10] __attribute__((aligned(16)));
static volatile int value;
static int fd_of_child = -1;
static pid_t parent_word, child_word;

static long raw_clone3(struct clone_args *args, size_t size)
{
	return syscall(SYS_clone3, args, size);
}

static void refusals(void)
{
	struct clone_args args = {.exit_signal = SIGCHLD};
	struct {
		struct clone_args args;
		unsigned long more[512];
	} large = {.args = {.exit_signal = SIGCHLD}};
	theme("clone");
	CHECK_ERRNO(syscall(SYS_clone, CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_THREAD | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_THREAD | CLONE_SIGHAND | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_FS | CLONE_NEWNS | SIGCHLD, 0, 0, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | CLONE_PARENT_SETTID | SIGCHLD, 0, &parent_word, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | CLONE_DETACHED | SIGCHLD, 0, &parent_word, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, (void *)8, 0, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, 1ul << 63), EPERM);
	CHECK_ERRNO(syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, 0, 0, 0, 0xffffffff80000000), EPERM);
	theme("clone3");
	CHECK_ERRNO(raw_clone3(NULL, sizeof(args)), EFAULT);
	CHECK_ERRNO(raw_clone3((void *)unmapped_address(), sizeof(args)), EFAULT);
	CHECK_ERRNO(raw_clone3(&args, 0), EINVAL);
	CHECK_ERRNO(raw_clone3(&args, 63), EINVAL);
	CHECK_ERRNO(raw_clone3(&args, 1 << 20), E2BIG);
	large.more[100] = 1;
	CHECK_ERRNO_THAT(raw_clone3(&large.args, sizeof(large)), E2BIG, "unknown fields must be zero");
	args.exit_signal = 65;
	CHECK_ERRNO(raw_clone3(&args, sizeof(args)), EINVAL);
	args = (struct clone_args){.flags = CLONE_DETACHED};
	CHECK_ERRNO_THAT(raw_clone3(&args, sizeof(args)), EINVAL, "CLONE_DETACHED");
	args = (struct clone_args){.flags = SIGCHLD};
	CHECK_ERRNO_THAT(raw_clone3(&args, sizeof(args)), EINVAL, "the signal does not go into the flags");
	args = (struct clone_args){.exit_signal = SIGCHLD, .stack = (uintptr_t)stack};
	CHECK_ERRNO_THAT(raw_clone3(&args, sizeof(args)), EINVAL, "a stack without size");
	args = (struct clone_args){.exit_signal = SIGCHLD, .stack_size = 4096};
	CHECK_ERRNO_THAT(raw_clone3(&args, sizeof(args)), EINVAL, "a size without stack");
	args = (struct clone_args){.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD};
	CHECK_ERRNO_THAT(raw_clone3(&args, sizeof(args)), EINVAL, "a thread with an exit signal");
	args = (struct clone_args){.flags = CLONE_SIGHAND | CLONE_VM | CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
	CHECK_ERRNO_THAT(raw_clone3(&args, sizeof(args)), EINVAL, "CLONE_SIGHAND with CLONE_CLEAR_SIGHAND");
	args = (struct clone_args){.flags = 1ULL << 60, .exit_signal = SIGCHLD};
	CHECK_ERRNO_THAT(raw_clone3(&args, sizeof(args)), EINVAL, "an unknown flag");
	memset(&large, 0, sizeof(large));
	large.args.exit_signal = SIGCHLD;
	long pid = raw_clone3(&large.args, sizeof(args) + 16);
	if (pid == 0)
		_exit(4);
	CHECK_THAT(pid > 0, "a larger structure with zeros is accepted");
	CHECK(WEXITSTATUS(wait_for((pid_t)pid)) == 4);
	args = (struct clone_args){.exit_signal = SIGCHLD};
	pid = raw_clone3(&args, 64);
	if (pid == 0)
		_exit(6);
	CHECK_THAT(pid > 0 && WEXITSTATUS(wait_for((pid_t)pid)) == 6, "the smallest structure forks");
}

static int change_things(void *unused)
{
	value = 17;
	chdir("/dev");
	umask(0123);
	if (fd_of_child >= 0)
		close(fd_of_child);
	signal(SIGUSR1, SIG_IGN);
	return 21;
}

static int handler_of(int number)
{
	struct sigaction action;
	sigaction(number, NULL, &action);
	return action.sa_handler == SIG_IGN;
}

/* What of the parent changes when a child with these flags changes everything of its own: a letter each. */
static const char *shared_with(int flags)
{
	static char found[8];
	char directory[64] = "", *p = found;
	if (chdir("/") != 0)
		return "?";
	umask(022);
	value = 0;
	fd_of_child = dup(1);
	signal(SIGUSR1, SIG_DFL);
	pid_t pid = clone(change_things, stack + sizeof(stack), flags | SIGCHLD, NULL);
	if (pid < 0 || wait_for(pid) != 21 << 8)
		return "?";
	if (value == 17)
		*p++ = 'm';
	if (getcwd(directory, sizeof(directory)) && !strcmp(directory, "/dev"))
		*p++ = 'd';
	if (umask(022) == 0123)
		*p++ = 'u';
	if (fcntl(fd_of_child, F_GETFD) < 0)
		*p++ = 'f';
	else
		close(fd_of_child);
	if (handler_of(SIGUSR1))
		*p++ = 's';
	*p = '\0';
	fd_of_child = -1;
	signal(SIGUSR1, SIG_DFL);
	return found;
}

static void sharing(void)
{
	theme("clone sharing");
	CHECK_THAT(!strcmp(shared_with(0), ""), "nothing without flags");
	CHECK_THAT(!strcmp(shared_with(CLONE_VM), "m"), "CLONE_VM: memory alone");
	CHECK_THAT(!strcmp(shared_with(CLONE_FS), "du"), "CLONE_FS: directory and umask");
	CHECK_THAT(!strcmp(shared_with(CLONE_FILES), "f"), "CLONE_FILES: descriptors");
	CHECK_THAT(!strcmp(shared_with(CLONE_VM | CLONE_SIGHAND), "ms"), "CLONE_SIGHAND: handlers");
	CHECK_THAT(!strcmp(shared_with(CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND), "mdufs"), "all four");
	CHECK_THAT(!strcmp(shared_with(CLONE_VM | CLONE_VFORK), "m"), "CLONE_VFORK");
	CHECK_THAT(!strcmp(shared_with(CLONE_SYSVSEM), ""), "CLONE_SYSVSEM");
	CHECK_THAT(!strcmp(shared_with(CLONE_IO), ""), "CLONE_IO");
	umask(022);
}

static int look_at_words(void *unused)
{
	return child_word == getpid() ? 1 : 2;
}

static int end_at_once(void *unused)
{
	return 0;
}

static void words(void)
{
	int pidfd = -1;
	theme("clone words");
	child_word = parent_word = 0;
	pid_t pid = clone(look_at_words, stack + sizeof(stack), CLONE_CHILD_SETTID | CLONE_PARENT_SETTID | SIGCHLD,
			  NULL, &parent_word, NULL, &child_word);
	CHECK(pid > 0 && parent_word == pid);
	CHECK_THAT(WEXITSTATUS(wait_for(pid)) == 1, "CLONE_CHILD_SETTID writes in the child");
	CHECK_THAT(child_word == 0, "and not in the parent, whose memory is its own");
	pid = clone(look_at_words, stack + sizeof(stack), CLONE_VM | CLONE_CHILD_SETTID | SIGCHLD, NULL, NULL, NULL,
		    &child_word);
	CHECK(WEXITSTATUS(wait_for(pid)) == 1 && child_word == pid);
	child_word = 1;
	pid = clone(end_at_once, stack + sizeof(stack), CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL,
		    &child_word);
	while (__atomic_load_n(&child_word, __ATOMIC_ACQUIRE) == 1) {
		struct timespec limit = {2, 0};
		if (syscall(SYS_futex, &child_word, FUTEX_WAIT, 1, &limit, NULL, 0) < 0 && errno == ETIMEDOUT)
			break;
	}
	CHECK_THAT(child_word == 0, "CLONE_CHILD_CLEARTID clears and wakes at exit");
	wait_for(pid);
	pid = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | SIGCHLD, 0, 8, 0, 0);
	if (pid == 0)
		_exit(0);
	CHECK_THAT(pid > 0 && wait_for(pid) == 0, "a bad parent word does not stop clone");
	pid = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, 0, &pidfd, 0, 0);
	if (pid == 0)
		_exit(11);
	CHECK(pid > 0 && pidfd >= 0 && fcntl(pidfd, F_GETFD) == FD_CLOEXEC);
	siginfo_t info;
	CHECK(waitid(P_PIDFD, (id_t)pidfd, &info, WEXITED) == 0 && info.si_status == 11 && info.si_pid == pid);
	close(pidfd);
}

static volatile sig_atomic_t seen;

static void count(int number)
{
	seen = number;
}

static void exit_signals(void)
{
	int status;
	theme("exit signal");
	signal(SIGUSR1, count);
	seen = 0;
	pid_t pid = (pid_t)syscall(SYS_clone, SIGUSR1, 0, 0, 0, 0);
	if (pid == 0)
		_exit(5);
	CHECK_THAT(waitpid(pid, &status, 0) == -1 && (errno == ECHILD || errno == EINTR),
		   "another exit signal hides a child from wait");
	while (waitpid(pid, &status, __WCLONE) < 0 && errno == EINTR)
		;
	CHECK(WEXITSTATUS(status) == 5);
	CHECK_THAT(seen == SIGUSR1, "and its parent gets that signal");
	pid = (pid_t)syscall(SYS_clone, 0, 0, 0, 0, 0);
	if (pid == 0)
		_exit(8);
	while (waitpid(pid, &status, __WALL) < 0 && errno == EINTR)
		;
	CHECK_THAT(WEXITSTATUS(status) == 8, "__WALL waits for a child without exit signal");
	signal(SIGUSR1, SIG_DFL);
	CHECK_IN_CHILD_THAT(({
				    pid_t parent = getppid();
				    pid_t p = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, 0, 0, 0, 0);
				    if (p == 0)
					    _exit(getppid() == parent ? 0 : 1);
				    p > 0 && waitpid(p, NULL, 0) == -1 && errno == ECHILD;
			    }),
			    "CLONE_PARENT makes a sibling");
	CHECK_THAT(waitpid(-1, &status, 0) > 0 && status == 0, "which the parent reaps");
	struct clone_args args = {.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD};
	signal(SIGUSR1, count);
	signal(SIGUSR2, SIG_IGN);
	pid = (pid_t)raw_clone3(&args, sizeof(args));
	if (pid == 0) {
		struct sigaction one, two;
		sigaction(SIGUSR1, NULL, &one);
		sigaction(SIGUSR2, NULL, &two);
		_exit(one.sa_handler == SIG_DFL && two.sa_handler == SIG_IGN ? 0 : 1);
	}
	CHECK_THAT(pid > 0 && wait_for(pid) == 0, "CLONE_CLEAR_SIGHAND resets handlers and keeps what is ignored");
	signal(SIGUSR1, SIG_DFL);
	signal(SIGUSR2, SIG_DFL);
}

int main(void)
{
	limit_seconds(60);
	refusals();
	sharing();
	words();
	exit_signals();
	return finish();
}
