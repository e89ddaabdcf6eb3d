/* SPDX-License-Identifier: Apache-2.0
 * Arguments of the calls about processes: waiting, process groups, priorities, limits and prctl, with each kind of
 * target and each odd value.
 * area: Processes
 */
#include <linux/prctl.h>
#include <sys/resource.h>

#include "matrix.h"

static char *hole;
static pid_t child, gone, zombie, leader;

/* Whom a row is about. */
static pid_t target(int which)
{
	const pid_t pids[] = {0, getpid(), child, zombie, gone, -1, -getpid(), 1 << 30, (pid_t)0x80000000, 1, leader};
	return pids[which];
}

#define TARGETS 11
static const char *const targets[TARGETS] = {
    "0",    "itself",		"a child", "a zombie",	      "nobody", "-1", "its own number negated",
    "2^30", "the least number", "pid 1",   "a session leader"};

/* ---- waiting: whatever is left is not taken ---- */

static void waiting(void)
{
	static const struct {
		int options;
		const char *name;
		short wanted[TARGETS];
	} wait4s[] = {
	    {WNOHANG, "WNOHANG", {0, -ECHILD, 0, 0, -ECHILD, 0, 0, -ECHILD, -ESRCH, -ECHILD, 0}},
	    {WNOHANG | WUNTRACED, "WUNTRACED", {0, -ECHILD, 0, 0, -ECHILD, 0, 0, -ECHILD, -ESRCH, -ECHILD, 0}},
	    {WNOHANG | WCONTINUED, "WCONTINUED", {0, -ECHILD, 0, 0, -ECHILD, 0, 0, -ECHILD, -ESRCH, -ECHILD, 0}},
	    {WNOHANG | __WCLONE,
	     "__WCLONE",
	     {0, -ECHILD, -ECHILD, 0, -ECHILD, 0, 0, -ECHILD, -ESRCH, -ECHILD, -ECHILD}},
	    {WNOHANG | __WALL, "__WALL", {0, -ECHILD, 0, 0, -ECHILD, 0, 0, -ECHILD, -ESRCH, -ECHILD, 0}},
	    {WNOHANG | __WNOTHREAD, "__WNOTHREAD", {0, -ECHILD, 0, 0, -ECHILD, 0, 0, -ECHILD, -ESRCH, -ECHILD, 0}},
	    {WNOHANG | WEXITED, "WEXITED", {0, -EINVAL, -EINVAL, 0, -EINVAL, 0, 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {WNOHANG | WNOWAIT, "WNOWAIT", {0, -EINVAL, -EINVAL, 0, -EINVAL, 0, 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {WNOHANG | 0x10,
	     "an unknown option",
	     {0, -EINVAL, -EINVAL, 0, -EINVAL, 0, 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {-1, "all options", {0, -EINVAL, -EINVAL, 0, -EINVAL, 0, 0, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	};
	theme("wait4 arguments");
	for (size_t r = 0; r < COUNT(wait4s); r++)
		for (int t = 0; t < TARGETS; t++)
			if (t != 3 && t != 0 && t != 5 && t != 6) /* they would take the zombie */
				cell(targets[t], wait4s[r].name,
				     OUTCOME(syscall(SYS_wait4, target(t), NULL, wait4s[r].options, NULL)),
				     wait4s[r].wanted[t]);
			else
				cell(targets[t], wait4s[r].name, 0, wait4s[r].wanted[t]);
	CHECK_ERRNO(syscall(SYS_wait4, child, hole, 0x10, NULL), EINVAL);
	static const struct {
		int type;
		const char *name;
		short wanted[TARGETS];
	} waitids[] = {
	    {P_ALL, "P_ALL", {0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}},
	    {P_PID, "P_PID", {-EINVAL, -ECHILD, 0, 0, -ECHILD, -EINVAL, -EINVAL, -ECHILD, -EINVAL, -ECHILD, 0}},
	    {P_PGID, "P_PGID", {0, 0, -ECHILD, -ECHILD, -ECHILD, -EINVAL, -EINVAL, -ECHILD, -EINVAL, -ECHILD, 0}},
	    {4,
	     "type 4",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {-1,
	     "type -1",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	};
	theme("waitid arguments");
	for (size_t r = 0; r < COUNT(waitids); r++)
		for (int t = 0; t < TARGETS; t++)
			cell(targets[t], waitids[r].name,
			     RESULT(syscall(SYS_waitid, waitids[r].type, target(t), NULL, WEXITED | WNOHANG | WNOWAIT,
					    NULL)),
			     waitids[r].wanted[t]);
	static const struct {
		int options;
		const char *name;
		short wanted;
	} options[] = {{0, "none", -EINVAL},
		       {WNOHANG, "WNOHANG", -EINVAL},
		       {WNOWAIT, "WNOWAIT", -EINVAL},
		       {WNOHANG | WNOWAIT, "both", -EINVAL},
		       {WEXITED | 0x10, "unknown", -EINVAL},
		       {WSTOPPED | WNOHANG, "WSTOPPED", 0},
		       {WCONTINUED | WNOHANG, "WCONTINUED", 0},
		       {WEXITED | WNOHANG | WNOWAIT | __WALL, "__WALL", 0},
		       {WEXITED | WNOHANG | WNOWAIT | __WCLONE, "__WCLONE", -ECHILD},
		       {WEXITED | WNOHANG | WNOWAIT | __WNOTHREAD, "__WNOTHREAD", 0},
		       {-1, "all", -EINVAL}};
	for (size_t r = 0; r < COUNT(options); r++)
		cell("options", options[r].name, RESULT(syscall(SYS_waitid, P_ALL, 0, NULL, options[r].options, NULL)),
		     options[r].wanted);
	CHECK_ERRNO(syscall(SYS_waitid, P_PID, zombie, hole, WEXITED | WNOWAIT, NULL), EFAULT);
	struct rusage usage;
	siginfo_t info;
	CHECK(syscall(SYS_waitid, P_PID, zombie, &info, WEXITED | WNOWAIT, &usage) == 0 && info.si_pid == zombie);
	CHECK_ERRNO(syscall(SYS_waitid, P_PID, zombie, &info, WEXITED | WNOWAIT, hole), EFAULT);
	CHECK_ERRNO(syscall(SYS_waitid, P_PID, child, hole, WEXITED | WNOHANG, NULL), EFAULT);
}

/* ---- groups and sessions ---- */

static void groups(void)
{
	static const char *const calls[] = {"getpgid",
					    "getsid",
					    "setpgid to its own",
					    "setpgid to that of the caller",
					    "setpgid to one that is not there",
					    "setpgid to -1"};
	static const struct {
		int which;
		short wanted[6];
	} rows[] = {{0, {0, 0, 0, 0, -EPERM, -EINVAL}},
		    {1, {0, 0, 0, 0, -EPERM, -EINVAL}},
		    {2, {0, 0, 0, 0, -EPERM, -EINVAL}},
		    {3, {0, 0, 0, 0, -EPERM, -EINVAL}},
		    {4, {-ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -EINVAL}},
		    {5, {-ESRCH, -ESRCH, -EINVAL, -ESRCH, -ESRCH, -EINVAL}},
		    {6, {-ESRCH, -ESRCH, -EINVAL, -ESRCH, -ESRCH, -EINVAL}},
		    {7, {-ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -EINVAL}},
		    {8, {-ESRCH, -ESRCH, -EINVAL, -ESRCH, -ESRCH, -EINVAL}},
		    {9, {0, 0, -ESRCH, -ESRCH, -ESRCH, -EINVAL}},
		    {10, {0, 0, -EPERM, -EPERM, -EPERM, -EINVAL}}};
	theme("process group arguments");
	for (size_t r = 0; r < COUNT(rows); r++) {
		pid_t pid = target(rows[r].which);
		long results[] = {OUTCOME(getpgid(pid)),      OUTCOME(getsid(pid)),
				  RESULT(setpgid(pid, 0)),    RESULT(setpgid(pid, getpgrp())),
				  RESULT(setpgid(pid, gone)), RESULT(setpgid(pid, -1))};
		for (int c = 0; c < 6; c++)
			cell(targets[rows[r].which], calls[c], results[c], rows[r].wanted[c]);
	}
}

/* ---- priorities ---- */

static void priorities(void)
{
	static const char *const kinds[] = {"PRIO_PROCESS", "PRIO_PGRP", "PRIO_USER", "kind 3", "kind -1"};
	static const struct {
		int kind;
		short get[TARGETS], set[TARGETS];
	} rows[] = {{PRIO_PROCESS,
		     {20, 20, 20, 20, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, 0, 20},
		     {0, 0, 0, 0, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, 0, 0}},
		    {PRIO_PGRP,
		     {20, 20, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, 0, 20},
		     {0, 0, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, 0, 0}},
		    {3,
		     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, -EINVAL},
		     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, -EINVAL}},
		    {-1,
		     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, -EINVAL},
		     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0, -EINVAL}}};
	theme("priority arguments");
	for (size_t r = 0; r < COUNT(rows); r++) {
		const char *kind = kinds[rows[r].kind < 0 ? 4 : rows[r].kind];
		char text[64];
		snprintf(text, sizeof(text), "getpriority of %s", kind);
		for (int t = 0; t < TARGETS; t++)
			cell(targets[t], text, t == 9 ? 0 : RESULT(syscall(SYS_getpriority, rows[r].kind, target(t))),
			     rows[r].get[t]);
		snprintf(text, sizeof(text), "setpriority of %s", kind);
		for (int t = 0; t < TARGETS; t++)
			cell(targets[t], text,
			     t == 9 ? 0 : RESULT(syscall(SYS_setpriority, rows[r].kind, target(t), 0)), rows[r].set[t]);
	}
	static const int values[] = {-1000, -21, -20, -1, 0, 1, 19, 20, 1000, 0x7fffffff, (int)0x80000000};
	static const short seen[] = {113, 113, 113, 113, 20, 19, 1, 1, 1, 1, 113};
	for (size_t i = 0; i < COUNT(values); i++) {
		pid_t pid = fork_child();
		if (pid == 0) {
			if (getuid() == 0 && setresuid(65534, 65534, 65534))
				_exit(99);
			_exit(syscall(SYS_setpriority, PRIO_PROCESS, 0, values[i]) < 0
				  ? 100 + errno
				  : (int)syscall(SYS_getpriority, PRIO_PROCESS, 0));
		}
		char text[64];
		snprintf(text, sizeof(text), "setpriority to %d", values[i]);
		int status = wait_for(pid);
		cell(text, "without rights", WIFEXITED(status) ? WEXITSTATUS(status) : 9998, seen[i]);
	}
}

/* ---- limits ---- */

static void limits(void)
{
	static const char *const names[] = {"CPU",	"FSIZE",  "DATA",    "STACK",  "CORE",	"RSS",
					    "NPROC",	"NOFILE", "MEMLOCK", "AS",     "LOCKS", "SIGPENDING",
					    "MSGQUEUE", "NICE",	  "RTPRIO",  "RTTIME", "16",	"-1"};
	static const char *const uses[] = {"getrlimit",
					   "getrlimit to a bad address",
					   "setrlimit of what it is",
					   "setrlimit from a bad address",
					   "a soft limit above the hard one",
					   "prlimit of a child",
					   "prlimit of nobody",
					   "prlimit of pid -1",
					   "prlimit to a bad address"};
	static const struct {
		int which;
		short wanted[9];
	} rows[] = {{0, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {1, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {2, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {3, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {4, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {5, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {6, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {7, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {8, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {9, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {10, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {11, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {12, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {13, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {14, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {15, {0, -EFAULT, 0, -EFAULT, -EINVAL, 0, -ESRCH, -ESRCH, -EFAULT}},
		    {16, {-EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL, -ESRCH, -ESRCH, -EINVAL}},
		    {-1, {-EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL, -ESRCH, -ESRCH, -EINVAL}}};
	theme("limit arguments");
	for (size_t r = 0; r < COUNT(rows); r++) {
		int which = rows[r].which;
		struct rlimit now = {0, 0}, odd = {2, 1}, other;
		long first = RESULT(syscall(SYS_getrlimit, which, &now));
		long results[] = {first,
				  RESULT(syscall(SYS_getrlimit, which, hole)),
				  RESULT(syscall(SYS_setrlimit, which, &now)),
				  RESULT(syscall(SYS_setrlimit, which, hole)),
				  RESULT(syscall(SYS_setrlimit, which, &odd)),
				  RESULT(syscall(SYS_prlimit64, child, which, NULL, &other)),
				  RESULT(syscall(SYS_prlimit64, gone, which, NULL, &other)),
				  RESULT(syscall(SYS_prlimit64, -1, which, NULL, &other)),
				  RESULT(syscall(SYS_prlimit64, 0, which, NULL, hole))};
		for (int c = 0; c < 9; c++)
			cell(names[which < 0 ? 17 : which], uses[c], results[c], rows[r].wanted[c]);
	}
	theme("getrusage arguments");
	struct rusage usage;
	static const struct {
		int who;
		short wanted, bad;
	} whose[] = {{RUSAGE_SELF, 0, -EFAULT}, {RUSAGE_CHILDREN, 0, -EFAULT}, {RUSAGE_THREAD, 0, -EFAULT},
		     {2, -EINVAL, -EINVAL},	{-2, -EINVAL, -EINVAL},	       {0x7fffffff, -EINVAL, -EINVAL}};
	for (size_t r = 0; r < COUNT(whose); r++) {
		char text[32];
		snprintf(text, sizeof(text), "of %d", whose[r].who);
		cell(text, "getrusage", RESULT(syscall(SYS_getrusage, whose[r].who, &usage)), whose[r].wanted);
		cell(text, "getrusage to a bad address", RESULT(syscall(SYS_getrusage, whose[r].who, hole)),
		     whose[r].bad);
	}
}

/* ---- prctl ---- */

static void options(void)
{
	static const char *const columns[] = {"zeros", "1", "2", "-1", "a bad address", "a third argument"};
#define OPTION(o) o, #o
	static const struct {
		int option;
		const char *name;
		short wanted[6];
	} rows[] = {
	    {OPTION(PR_SET_PDEATHSIG), {0, 0, 0, -EINVAL, -EINVAL, 0}},
	    {OPTION(PR_GET_PDEATHSIG), {-EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT}},
	    {OPTION(PR_GET_DUMPABLE), {0, 0, 0, 0, 0, 0}},
	    {OPTION(PR_SET_DUMPABLE), {0, 0, -EINVAL, -EINVAL, -EINVAL, 0}},
	    {OPTION(PR_GET_UNALIGN), {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {OPTION(PR_GET_KEEPCAPS), {0, 0, 0, 0, 0, 0}},
	    {OPTION(PR_SET_KEEPCAPS), {0, 0, -EINVAL, -EINVAL, -EINVAL, 0}},
	    {OPTION(PR_GET_TIMING), {0, 0, 0, 0, 0, 0}},
	    {OPTION(PR_SET_TIMING), {0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, 0}},
	    {OPTION(PR_GET_NAME), {-EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT}},
	    {OPTION(PR_GET_ENDIAN), {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {OPTION(PR_GET_TSC), {-EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT}},
	    {OPTION(PR_SET_SECUREBITS), {0, 0, 0, -EPERM, -EPERM, 0}},
	    {OPTION(PR_GET_SECUREBITS), {0, 0, 0, 0, 0, 0}},
	    {OPTION(PR_SET_TIMERSLACK), {0, 0, 0, 0, 0, 0}},
	    {OPTION(PR_GET_TIMERSLACK), {0, 0, 0, 0, 0, 0}},
	    {OPTION(PR_CAPBSET_READ), {0, 0, 0, -EINVAL, -EINVAL, 0}},
	    {OPTION(PR_SET_CHILD_SUBREAPER), {0, 0, 0, 0, 0, 0}},
	    {OPTION(PR_GET_CHILD_SUBREAPER), {-EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT}},
	    {OPTION(PR_GET_NO_NEW_PRIVS), {0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {OPTION(PR_GET_TID_ADDRESS), {-EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT, -EFAULT}},
	    {OPTION(PR_SET_THP_DISABLE), {0, 0, 0, 0, 0, -EINVAL}},
	    {OPTION(PR_GET_THP_DISABLE), {0, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {OPTION(PR_MPX_ENABLE_MANAGEMENT), {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {OPTION(PR_CAP_AMBIENT), {-EINVAL, 0, -EPERM, -EINVAL, -EINVAL, -EINVAL}},
	    {OPTION(PR_GET_FPEMU), {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {0, "option 0", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {9999, "option 9999", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	    {-1, "option -1", {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL}},
	};
	theme("prctl arguments");
	for (size_t r = 0; r < COUNT(rows); r++)
		for (int c = 0; c < 6; c++) {
			unsigned long arguments[] = {0, 1, 2, -1UL, (unsigned long)hole, 0};
			pid_t pid = fork_child();
			if (pid == 0) {
				errno = 0;
				long n = syscall(SYS_prctl, rows[r].option, arguments[c], c == 5 ? 7UL : 0UL, 0UL, 0UL);
				_exit(n < 0 ? 100 + errno : 0);
			}
			int status = wait_for(pid), code = WIFEXITED(status) ? WEXITSTATUS(status) : -9998;
			cell(rows[r].name, columns[c], code >= 100 ? 100 - code : code, rows[r].wanted[c]);
		}
}

static pid_t resting(void)
{
	pid_t pid = fork_child();
	if (pid == 0)
		for (;;)
			pause();
	return pid;
}

/* In a child, which is sure to lead no session. */
static int run(void)
{
	limit_seconds(60);
	hole = map_pages(1, PROT_NONE);
	setpgid(0, 0);
	gone = fork_child();
	if (gone == 0)
		_exit(0);
	wait_for(gone);
	child = resting();
	leader = fork_child();
	if (leader == 0) {
		setsid();
		for (;;)
			pause();
	}
	while (getsid(leader) != leader)
		sleep_ms(1);
	zombie = fork_child();
	if (zombie == 0)
		_exit(7);
	waitid(P_PID, (id_t)zombie, &(siginfo_t){0}, WEXITED | WNOWAIT);
	waiting();
	groups();
	priorities();
	limits();
	options();
	kill(child, SIGKILL);
	kill(leader, SIGKILL);
	return finish();
}

int main(void)
{
	pid_t pid = fork_child();
	if (pid == 0)
		_exit(run());
	return wait_for(pid) != 0;
}
