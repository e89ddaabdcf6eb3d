/* SPDX-License-Identifier: Apache-2.0
 * Process groups, sessions, orphans, subreapers, parent death signals, kill() by group.
 * area: Processes
 */
#include "probe.h"

/* A child that runs until killed, in the process group `group` (0: its own) when `move` is set. */
static pid_t sleeper(int move, pid_t group)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		if (move)
			setpgid(0, group);
		for (;;)
			pause();
	}
	if (move && pid > 0)
		setpgid(pid, group);
	return pid;
}

static void reap(pid_t pid)
{
	kill(pid, SIGKILL);
	wait_for(pid);
}

static void groups(void)
{
	theme("process groups");
	CHECK(getpgrp() == getpgid(0));
	CHECK_ERRNO(getpgid(-1), ESRCH);
	CHECK_ERRNO(getpgid(1 << 30), ESRCH);
	CHECK_ERRNO(setpgid(0, -1), EINVAL);
	CHECK_ERRNO(setpgid(-1, 0), (errno == EINVAL ? EINVAL : ESRCH));
	CHECK_ERRNO(setpgid(1 << 30, 0), ESRCH);
	CHECK_ERRNO(setpgid(getppid(), 0), ESRCH);
	CHECK_IN_CHILD(setpgid(0, 0) == 0 && getpgrp() == getpid());
	CHECK_IN_CHILD(setpgid(0, getpid()) == 0 && getpgid(0) == getpid());
	CHECK_IN_CHILD_THAT(setpgid(0, 1 << 29) == -1 && errno == EPERM, "a group that does not exist is EPERM");
	pid_t pid = sleeper(1, 0);
	CHECK(getpgid(pid) == pid);
	CHECK_IN_CHILD_THAT(setpgid(0, pid) == 0 && getpgrp() == pid, "joins another group of the session");
	CHECK_THAT(setpgid(pid, getpgrp()) == 0 && getpgid(pid) == getpgrp(), "a parent moves its child");
	reap(pid);
	pid = sleeper(0, 0);
	CHECK_IN_CHILD_THAT(setpgid(pid, 0) == -1 && errno == ESRCH, "a sibling cannot be moved");
	reap(pid);
}

static void sessions(void)
{
	theme("sessions");
	CHECK(getsid(0) == getsid(getpid()));
	CHECK_ERRNO(getsid(-1), ESRCH);
	CHECK_ERRNO(getsid(1 << 30), ESRCH);
	CHECK_IN_CHILD(setsid() == getpid());
	CHECK_IN_CHILD(setsid() == getpid() && getsid(0) == getpid() && getpgrp() == getpid());
	CHECK_IN_CHILD_THAT(setsid() > 0 && setsid() == -1 && errno == EPERM, "a group leader cannot start a session");
	CHECK_IN_CHILD_THAT(setpgid(0, 0) == 0 && setsid() == -1 && errno == EPERM, "neither can one made by setpgid");
	CHECK_IN_CHILD_THAT(setsid() > 0 && setpgid(0, 0) == -1 && errno == EPERM,
			    "a session leader cannot change group");
	pid_t own = getpgrp();
	CHECK_IN_CHILD_THAT(setsid() > 0 && setpgid(0, own) == -1 && errno == EPERM,
			    "nor join another session's group");
}

static void kills(void)
{
	int status;
	theme("kill");
	CHECK(kill(getpid(), 0) == 0);
	CHECK_ERRNO(kill(getpid(), -1), EINVAL);
	CHECK_ERRNO(kill(getpid(), 65), EINVAL);
	CHECK_ERRNO(kill(1 << 30, 0), ESRCH);
	CHECK_ERRNO(kill(-(1 << 30), 0), ESRCH);
	CHECK_ERRNO(syscall(SYS_kill, 0x80000000, SIGTERM), ESRCH);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), getpid(), 65), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, -1, getpid(), 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 1 << 30, 0), ESRCH);
	CHECK_ERRNO(syscall(SYS_tgkill, 1 << 30, getpid(), 0), ESRCH);
	CHECK(syscall(SYS_tgkill, getpid(), getpid(), 0) == 0);
	CHECK_ERRNO(syscall(SYS_tkill, 0, 0), EINVAL);
	CHECK(syscall(SYS_tkill, getpid(), 0) == 0);
	pid_t a = sleeper(1, 0), b = sleeper(1, a), c = sleeper(0, 0);
	CHECK(kill(-a, 0) == 0);
	CHECK_ERRNO(kill(-c, 0), ESRCH);
	CHECK(kill(-a, SIGTERM) == 0);
	CHECK(waitpid(-a, &status, 0) > 0 && WTERMSIG(status) == SIGTERM);
	CHECK(waitpid(-a, &status, 0) > 0 && WTERMSIG(status) == SIGTERM);
	CHECK_ERRNO(waitpid(-a, &status, 0), ECHILD);
	CHECK_THAT(waitpid(c, &status, WNOHANG) == 0, "another group is untouched");
	CHECK_ERRNO_THAT(kill(-a, 0), ESRCH, "an empty group is gone");
	reap(c);
	(void)b;
	CHECK_IN_CHILD_THAT(({
				    setpgid(0, 0);
				    signal(SIGTERM, SIG_IGN);
				    pid_t pid = fork();
				    if (pid == 0) {
					    signal(SIGTERM, SIG_DFL);
					    kill(0, SIGTERM);
					    _exit(1);
				    }
				    WTERMSIG(wait_for(pid)) == SIGTERM;
			    }),
			    "kill(0) reaches the whole group, the sender too");
}

static int grandchild_report[2];

/* Forks a grandchild whose parent ends at once; returns what getppid() is for it then. */
static pid_t parent_of_orphan(void)
{
	pid_t found = -1, pid = fork();
	if (pid == 0) {
		pid_t parent = getpid();
		if (fork() == 0) {
			while (getppid() == parent)
				sleep_ms(1);
			found = getppid();
			_exit(write(grandchild_report[1], &found, sizeof(found)) != sizeof(found));
		}
		_exit(0);
	}
	waitpid(pid, NULL, 0);
	if (read(grandchild_report[0], &found, sizeof(found)) != sizeof(found))
		return -1;
	return found;
}

static volatile sig_atomic_t noted;

static void note(int number)
{
	noted = number;
}

static volatile sig_atomic_t hung_up;
static void on_hangup(int signo)
{
	hung_up = 1;
}

/* In a session of its own: a child that stopped stays so when another one ends, because the group was orphaned before.
 */
static int others_end_beside_a_stopped_one(void)
{
	int status;
	setsid();
	signal(SIGHUP, on_hangup);
	pid_t stopped = fork();
	if (stopped == 0) {
		raise(SIGSTOP);
		_exit(0);
	}
	waitpid(stopped, &status, WUNTRACED);
	for (int i = 0; i < 3; i++) {
		pid_t other = fork();
		if (other == 0)
			_exit(0);
		waitpid(other, &status, 0);
	}
	int still = waitpid(stopped, &status, WNOHANG | WCONTINUED) == 0;
	kill(stopped, SIGKILL);
	waitpid(stopped, &status, 0);
	return still && !hung_up;
}

/* The end of the only parent outside its group hangs a stopped group up. */
static int parent_of_a_stopped_group_ends(void)
{
	int fds[2], status;
	pid_t id = 0;
	if (pipe(fds) || prctl(PR_SET_CHILD_SUBREAPER, 1))
		return 0;
	pid_t leader = fork();
	if (leader == 0) {
		setsid();
		pid_t job = fork();
		if (job == 0) {
			setpgid(0, 0);
			raise(SIGSTOP);
			_exit(0);
		}
		waitpid(job, &status, WUNTRACED);
		_exit(write(fds[1], &job, sizeof(job)) != sizeof(job));
	}
	if (read(fds[0], &id, sizeof(id)) != sizeof(id))
		return 0;
	waitpid(leader, &status, 0);
	return waitpid(id, &status, 0) == id && WIFSIGNALED(status) && WTERMSIG(status) == SIGHUP;
}

static void stopped_groups(void)
{
	theme("orphaned groups");
	CHECK_IN_CHILD_THAT(others_end_beside_a_stopped_one(),
			    "ends in a group that was orphaned before hang nobody up");
	CHECK_IN_CHILD_THAT(parent_of_a_stopped_group_ends(), "a group that becomes orphaned while stopped is hung up");
}

static void orphans(void)
{
	int value = -1;
	theme("orphans");
	REQUIRE(pipe(grandchild_report) == 0);
	pid_t reaper = parent_of_orphan();
	CHECK_THAT(reaper > 0 && reaper != getpid(), "an orphan goes to another parent");
	CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 0);
	CHECK_ERRNO(prctl(PR_GET_CHILD_SUBREAPER, unmapped_address()), EFAULT);
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 1) == 0);
	CHECK(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 1);
	CHECK_THAT(parent_of_orphan() == getpid(), "a subreaper adopts its descendants");
	while (waitpid(-1, NULL, 0) > 0)
		;
	CHECK_IN_CHILD_THAT(prctl(PR_GET_CHILD_SUBREAPER, &value) == 0 && value == 0, "children do not inherit it");
	CHECK(prctl(PR_SET_CHILD_SUBREAPER, 0) == 0);
	theme("parent death signal");
	CHECK(prctl(PR_GET_PDEATHSIG, &value) == 0 && value == 0);
	CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, 65), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_PDEATHSIG, -1), EINVAL);
	CHECK(prctl(PR_SET_PDEATHSIG, SIGUSR1) == 0);
	CHECK(prctl(PR_GET_PDEATHSIG, &value) == 0 && value == SIGUSR1);
	CHECK_THAT(({
			   pid_t pid = fork();
			   if (pid == 0) {
				   prctl(PR_GET_PDEATHSIG, &value);
				   _exit(value);
			   }
			   wait_for(pid) == 0;
		   }),
		   "fork clears it");
	CHECK(prctl(PR_SET_PDEATHSIG, 0) == 0);
	int ready[2];
	REQUIRE(pipe(ready) == 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		pid_t self = getpid();
		if (fork() == 0) {
			signal(SIGUSR2, note);
			prctl(PR_SET_PDEATHSIG, SIGUSR2);
			if (write(ready[1], "", 1) != 1)
				_exit(1);
			for (int i = 0; i < 20000 && (getppid() == self || !noted); i++)
				sleep_ms(1);
			value = noted;
			_exit(write(grandchild_report[1], &value, sizeof(value)) != sizeof(value));
		}
		_exit(read(ready[0], &value, 1) != 1);
	}
	wait_for(pid);
	CHECK_THAT(read(grandchild_report[0], &value, sizeof(value)) == sizeof(value) && value == SIGUSR2,
		   "the child is told when its parent ends");
	close(grandchild_report[0]);
	close(grandchild_report[1]);
}

int main(void)
{
	limit_seconds(60);
	groups();
	sessions();
	kills();
	orphans();
	stopped_groups();
	return finish();
}
