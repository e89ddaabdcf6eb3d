/* SPDX-License-Identifier: Apache-2.0
 *
 * Names of numbers for the trace: errors, signals, flags.
 */
#include <asm/errno.h>
#include <asm/fcntl.h>
#include <asm/ioctls.h>
#include <asm/mman.h>
#include <asm/poll.h>
#include <asm/resource.h>
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/fcntl.h>
#include <linux/futex.h>
#include <linux/mman.h>
#include <linux/sched.h>
#include <linux/time.h>
#include <linux/wait.h>
#include "abi/errno_names.h"
#include "guestkernel/lib.h"
#include "guestkernel/linux_abi.h"
#include "guestkernel/syscall/trace_text.h"

#define E(name) [name] = #name,
static const char *const errno_names[] = {ERRNO_NAMES(E)};
#undef E

const char *trace_errno_name(long number)
{
	return number > 0 && (size_t)number < ARRAY_SIZE(errno_names) ? errno_names[number] : NULL;
}

/* clang-format off */
static const char *const signal_names[] = {
	NULL,	   "SIGHUP",  "SIGINT",	 "SIGQUIT", "SIGILL",	"SIGTRAP", "SIGABRT", "SIGBUS",	   "SIGFPE",  "SIGKILL", "SIGUSR1",
	"SIGSEGV", "SIGUSR2", "SIGPIPE", "SIGALRM", "SIGTERM",	"SIGSTKFLT", "SIGCHLD", "SIGCONT",   "SIGSTOP", "SIGTSTP", "SIGTTIN",
	"SIGTTOU", "SIGURG",  "SIGXCPU", "SIGXFSZ", "SIGVTALRM", "SIGPROF",  "SIGWINCH", "SIGIO",     "SIGPWR",	 "SIGSYS",
};
/* clang-format on */

const char *trace_signal_name(int sig)
{
	return sig > 0 && (size_t)sig < ARRAY_SIZE(signal_names) ? signal_names[sig] : NULL;
}

const char *trace_sicode_name(int sig, int code)
{
	static const char *const child[] = {NULL,	   "CLD_EXITED",  "CLD_KILLED",	  "CLD_DUMPED",
					    "CLD_TRAPPED", "CLD_STOPPED", "CLD_CONTINUED"};
	static const char *const segv[] = {NULL, "SEGV_MAPERR", "SEGV_ACCERR"};
	static const char *const user[] = {"SI_USER",	 "SI_QUEUE", "SI_TIMER", "SI_MESGQ",
					   "SI_ASYNCIO", "SI_SIGIO", "SI_TKILL"};

	if (code <= 0 && -code < (int)ARRAY_SIZE(user))
		return user[-code];
	if (code == SI_KERNEL)
		return "SI_KERNEL";
	if (sig == SIGCHLD && code > 0 && code < (int)ARRAY_SIZE(child))
		return child[code];
	return sig == SIGSEGV && code > 0 && code < (int)ARRAY_SIZE(segv) ? segv[code] : NULL;
}

/* clang-format off */
#define N(name) {name, #name}
static const struct trace_name open_names[] = {
	N(O_CREAT), N(O_EXCL), N(O_NOCTTY), N(O_TRUNC), N(O_APPEND), N(O_NONBLOCK), {__O_TMPFILE | O_DIRECTORY, "O_TMPFILE"}, N(O_SYNC),
	N(O_DSYNC), N(FASYNC), N(O_DIRECT), N(O_DIRECTORY), N(O_NOFOLLOW), N(O_NOATIME), N(O_CLOEXEC), N(O_PATH), {}};
static const struct trace_name prot_names[] = {N(PROT_READ), N(PROT_WRITE), N(PROT_EXEC), N(PROT_GROWSDOWN), {}};
static const struct trace_name map_names[] = {
	{MAP_SHARED_VALIDATE, "MAP_SHARED_VALIDATE"}, N(MAP_SHARED), N(MAP_PRIVATE), N(MAP_FIXED), N(MAP_ANONYMOUS), N(MAP_GROWSDOWN),
	N(MAP_DENYWRITE), N(MAP_EXECUTABLE), N(MAP_LOCKED), N(MAP_NORESERVE), N(MAP_POPULATE), N(MAP_NONBLOCK), N(MAP_STACK),
	N(MAP_HUGETLB), N(MAP_SYNC), N(MAP_FIXED_NOREPLACE), {}};
static const struct trace_name clone_names[] = {
	N(CLONE_VM), N(CLONE_FS), N(CLONE_FILES), N(CLONE_SIGHAND), N(CLONE_PIDFD), N(CLONE_PTRACE), N(CLONE_VFORK), N(CLONE_PARENT),
	N(CLONE_THREAD), N(CLONE_NEWNS), N(CLONE_SYSVSEM), N(CLONE_SETTLS), N(CLONE_PARENT_SETTID), N(CLONE_CHILD_CLEARTID),
	N(CLONE_DETACHED), N(CLONE_UNTRACED), N(CLONE_CHILD_SETTID), N(CLONE_NEWCGROUP), N(CLONE_NEWUTS), N(CLONE_NEWIPC),
	N(CLONE_NEWUSER), N(CLONE_NEWPID), N(CLONE_NEWNET), N(CLONE_IO), {}};
static const struct trace_name wait_names[] = {
	N(WNOHANG), N(WUNTRACED), N(WEXITED), N(WCONTINUED), N(WNOWAIT), N(__WNOTHREAD), N(__WALL), {(u32)__WCLONE, "__WCLONE"}, {}};
static const struct trace_name access_names[] = {{4, "R_OK"}, {2, "W_OK"}, {1, "X_OK"}, {}};
static const struct trace_name at_names[] = {N(AT_SYMLINK_NOFOLLOW), N(AT_REMOVEDIR), N(AT_SYMLINK_FOLLOW), N(AT_NO_AUTOMOUNT), N(AT_EMPTY_PATH), {}};
static const struct trace_name poll_names[] = {N(POLLIN), N(POLLPRI), N(POLLOUT), N(POLLERR), N(POLLHUP), N(POLLNVAL), N(POLLRDNORM),
					       N(POLLWRNORM), N(POLLRDHUP), {}};
static const struct trace_name sa_names[] = {N(SA_RESTORER), N(SA_NOCLDSTOP), N(SA_NOCLDWAIT), N(SA_SIGINFO), N(SA_ONSTACK), N(SA_RESTART),
					     N(SA_NODEFER), {(u32)SA_RESETHAND, "SA_RESETHAND"}, {}};
static const struct trace_name how_names[] = {N(SIG_BLOCK), N(SIG_UNBLOCK), N(SIG_SETMASK), {}};
static const struct trace_name whence_names[] = {{0, "SEEK_SET"}, {1, "SEEK_CUR"}, {2, "SEEK_END"}, {3, "SEEK_DATA"}, {4, "SEEK_HOLE"}, {}};
static const struct trace_name futex_names[] = {
	N(FUTEX_WAIT), N(FUTEX_WAKE), N(FUTEX_REQUEUE), N(FUTEX_CMP_REQUEUE), N(FUTEX_WAKE_OP), N(FUTEX_LOCK_PI), N(FUTEX_UNLOCK_PI),
	N(FUTEX_TRYLOCK_PI), N(FUTEX_WAIT_BITSET), N(FUTEX_WAKE_BITSET), N(FUTEX_WAIT_REQUEUE_PI), N(FUTEX_CMP_REQUEUE_PI), N(FUTEX_LOCK_PI2), {}};
static const struct trace_name fcntl_names[] = {
	N(F_DUPFD), N(F_GETFD), N(F_SETFD), N(F_GETFL), N(F_SETFL), N(F_GETLK), N(F_SETLK), N(F_SETLKW), N(F_SETOWN), N(F_GETOWN),
	N(F_DUPFD_CLOEXEC), N(F_SETPIPE_SZ), N(F_GETPIPE_SZ), N(F_ADD_SEALS), N(F_GET_SEALS), N(F_OFD_GETLK), N(F_OFD_SETLK), N(F_OFD_SETLKW), {}};
static const struct trace_name rlimit_names[] = {
	N(RLIMIT_CPU), N(RLIMIT_FSIZE), N(RLIMIT_DATA), N(RLIMIT_STACK), N(RLIMIT_CORE), N(RLIMIT_RSS), N(RLIMIT_NPROC), N(RLIMIT_NOFILE),
	N(RLIMIT_MEMLOCK), N(RLIMIT_AS), N(RLIMIT_LOCKS), N(RLIMIT_SIGPENDING), N(RLIMIT_MSGQUEUE), N(RLIMIT_NICE), N(RLIMIT_RTPRIO), N(RLIMIT_RTTIME), {}};
static const struct trace_name clock_names[] = {
	N(CLOCK_REALTIME), N(CLOCK_MONOTONIC), N(CLOCK_PROCESS_CPUTIME_ID), N(CLOCK_THREAD_CPUTIME_ID), N(CLOCK_MONOTONIC_RAW),
	N(CLOCK_REALTIME_COARSE), N(CLOCK_MONOTONIC_COARSE), N(CLOCK_BOOTTIME), N(CLOCK_REALTIME_ALARM), N(CLOCK_BOOTTIME_ALARM), N(CLOCK_TAI), {}};
static const struct trace_name ioctl_names[] = {
	N(TCGETS), N(TCSETS), N(TCSETSW), N(TCSETSF), N(TIOCGWINSZ), N(TIOCSWINSZ), N(TIOCGPGRP), N(TIOCSPGRP), N(TIOCSCTTY), N(TIOCNOTTY),
	N(FIONREAD), N(FIONBIO), N(FIOCLEX), N(FIONCLEX), N(TIOCGPTN), N(TIOCSPTLCK), {}};
static const struct trace_name format_names[] = {{K_S_IFSOCK, "S_IFSOCK"}, {K_S_IFLNK, "S_IFLNK"}, {K_S_IFREG, "S_IFREG"}, {K_S_IFBLK, "S_IFBLK"},
						 {K_S_IFDIR, "S_IFDIR"}, {K_S_IFCHR, "S_IFCHR"}, {K_S_IFIFO, "S_IFIFO"}, {}};
#undef N

static const struct trace_name *const tables[] = {
	[NAMES_OPEN] = open_names, [NAMES_PROT] = prot_names, [NAMES_MAP] = map_names, [NAMES_CLONE] = clone_names,
	[NAMES_WAIT] = wait_names, [NAMES_ACCESS] = access_names, [NAMES_AT] = at_names, [NAMES_POLL] = poll_names,
	[NAMES_SA] = sa_names, [NAMES_HOW] = how_names, [NAMES_WHENCE] = whence_names, [NAMES_FUTEX] = futex_names,
	[NAMES_FCNTL] = fcntl_names, [NAMES_RLIMIT] = rlimit_names, [NAMES_CLOCK] = clock_names, [NAMES_IOCTL] = ioctl_names,
	[NAMES_FORMAT] = format_names,
};

/* clang-format on */

void trace_put_name(struct text *t, enum trace_names names, u64 value)
{
	const struct trace_name *n;

	for (n = tables[names]; n->name; n++) {
		if (n->value == value) {
			text_put(t, "%s", n->name);
			return;
		}
	}
	text_put(t, "0x%lx", value);
}

void trace_put_flags(struct text *t, enum trace_names names, u64 value)
{
	const struct trace_name *n;
	bool any = false;

	for (n = tables[names]; n->name; n++) {
		if (!n->value || (value & n->value) != n->value)
			continue;
		text_put(t, "%s%s", any ? "|" : "", n->name);
		value &= ~n->value;
		any = true;
	}
	if (value || !any)
		text_put(t, any ? "|0x%lx" : value ? "0x%lx" : "0", value);
}
