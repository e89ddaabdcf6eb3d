/* SPDX-License-Identifier: Apache-2.0
 * Arguments of the calls about signals: each way of sending with each target, number and siginfo; masks, actions,
 * alternate stacks and signalfd with each odd size, number and address.
 * area: Signals
 * flags: -pthread
 */
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/signalfd.h>

#include "matrix.h"

static char *hole;
static pid_t child, child_thread, own_thread, gone, zombie;

/* ---- sending ---- */

enum {
	KILL,
	TKILL,
	TGKILL,
	TGKILL_WRONG,
	QUEUE_USER,
	QUEUE_KERNEL,
	QUEUE_TKILL,
	QUEUE_USER_KILL,
	QUEUE_HOLE,
	TG_QUEUE,
	TG_QUEUE_KERNEL,
	TG_QUEUE_HOLE,
	WAYS
};

static long send_to(int way, pid_t pid, int sig)
{
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_code = way == QUEUE_KERNEL || way == TG_QUEUE_KERNEL ? SI_KERNEL
		       : way == QUEUE_TKILL			     ? SI_TKILL
		       : way == QUEUE_USER_KILL			     ? SI_USER
								     : SI_QUEUE;
	switch (way) {
	case KILL:
		return RESULT(syscall(SYS_kill, pid, sig));
	case TKILL:
		return RESULT(syscall(SYS_tkill, pid, sig));
	case TGKILL:
		return RESULT(syscall(SYS_tgkill, pid, pid, sig));
	case TGKILL_WRONG:
		return RESULT(syscall(SYS_tgkill, getpid(), pid, sig));
	case QUEUE_HOLE:
		return RESULT(syscall(SYS_rt_sigqueueinfo, pid, sig, hole));
	case TG_QUEUE:
	case TG_QUEUE_KERNEL:
		return RESULT(syscall(SYS_rt_tgsigqueueinfo, pid, pid, sig, &info));
	case TG_QUEUE_HOLE:
		return RESULT(syscall(SYS_rt_tgsigqueueinfo, pid, pid, sig, hole));
	default:
		return RESULT(syscall(SYS_rt_sigqueueinfo, pid, sig, &info));
	}
}

/* Signals that do nothing here: blocked or ignored by everybody. */
static void sending(void)
{
	static const char *const ways[WAYS] = {"kill",
					       "tkill",
					       "tgkill",
					       "tgkill in the own group",
					       "rt_sigqueueinfo",
					       "rt_sigqueueinfo of SI_KERNEL",
					       "rt_sigqueueinfo of SI_TKILL",
					       "rt_sigqueueinfo of SI_USER",
					       "rt_sigqueueinfo from a bad address",
					       "rt_tgsigqueueinfo",
					       "rt_tgsigqueueinfo of SI_KERNEL",
					       "rt_tgsigqueueinfo from a bad address"};
	static const struct {
		int target, sig;
		const char *name;
		short wanted[WAYS];
	} rows[] = {
	    {0, 0, "0 to itself", {0, 0, 0, 0, 0, 0, 0, 0, -EFAULT, 0, 0, -EFAULT}},
	    {0, SIGURG, "SIGURG to itself", {0, 0, 0, 0, 0, 0, 0, 0, -EFAULT, 0, 0, -EFAULT}},
	    {0, 64, "64 to itself", {0, 0, 0, 0, 0, 0, 0, 0, -EFAULT, 0, 0, -EFAULT}},
	    {0,
	     65,
	     "65 to itself",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL,
	      -EFAULT}},
	    {0,
	     -1,
	     "-1 to itself",
	     {-EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EINVAL, -EFAULT, -EINVAL, -EINVAL,
	      -EFAULT}},
	    {1, 0, "0 to a child", {0, 0, 0, -ESRCH, 0, -EPERM, -EPERM, -EPERM, -EFAULT, 0, -EPERM, -EFAULT}},
	    {1, SIGURG, "SIGURG to a child", {0, 0, 0, -ESRCH, 0, -EPERM, -EPERM, -EPERM, -EFAULT, 0, -EPERM, -EFAULT}},
	    {1,
	     65,
	     "65 to a child",
	     {-EINVAL, -EINVAL, -EINVAL, -ESRCH, -EINVAL, -EPERM, -EPERM, -EPERM, -EFAULT, -EINVAL, -EPERM, -EFAULT}},
	    {2,
	     SIGURG,
	     "SIGURG to a thread of a child",
	     {0, 0, -ESRCH, -ESRCH, 0, -EPERM, -EPERM, -EPERM, -EFAULT, -ESRCH, -EPERM, -EFAULT}},
	    {3,
	     SIGURG,
	     "SIGURG to another thread",
	     {0, 0, -ESRCH, 0, 0, -EPERM, -EPERM, -EPERM, -EFAULT, -ESRCH, -EPERM, -EFAULT}},
	    {3,
	     65,
	     "65 to another thread",
	     {-EINVAL, -EINVAL, -ESRCH, -EINVAL, -EINVAL, -EPERM, -EPERM, -EPERM, -EFAULT, -ESRCH, -EPERM, -EFAULT}},
	    {4,
	     0,
	     "0 to nobody",
	     {-ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -EPERM, -EPERM, -EPERM, -EFAULT, -ESRCH, -EPERM, -EFAULT}},
	    {4,
	     SIGURG,
	     "SIGURG to nobody",
	     {-ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -EPERM, -EPERM, -EPERM, -EFAULT, -ESRCH, -EPERM, -EFAULT}},
	    {4,
	     65,
	     "65 to nobody",
	     {-ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -EPERM, -EPERM, -EPERM, -EFAULT, -ESRCH, -EPERM, -EFAULT}},
	    {5, 0, "0 to a zombie", {0, 0, 0, -ESRCH, 0, -EPERM, -EPERM, -EPERM, -EFAULT, 0, -EPERM, -EFAULT}},
	    {5,
	     SIGURG,
	     "SIGURG to a zombie",
	     {0, 0, 0, -ESRCH, 0, -EPERM, -EPERM, -EPERM, -EFAULT, 0, -EPERM, -EFAULT}},
	    {5,
	     65,
	     "65 to a zombie",
	     {-EINVAL, -EINVAL, -EINVAL, -ESRCH, -EINVAL, -EPERM, -EPERM, -EPERM, -EFAULT, -EINVAL, -EPERM, -EFAULT}},
	    {6,
	     SIGURG,
	     "SIGURG to 2^30",
	     {-ESRCH, -ESRCH, -ESRCH, -ESRCH, -ESRCH, -EPERM, -EPERM, -EPERM, -EFAULT, -ESRCH, -EPERM, -EFAULT}},
	    {7,
	     SIGURG,
	     "SIGURG to the least number",
	     {-ESRCH, -EINVAL, -EINVAL, -EINVAL, -ESRCH, -EPERM, -EPERM, -EPERM, -EFAULT, -EINVAL, -EINVAL, -EFAULT}},
	    {8,
	     SIGURG,
	     "SIGURG to the group of nobody",
	     {-ESRCH, -EINVAL, -EINVAL, -EINVAL, -ESRCH, -EPERM, -EPERM, -EPERM, -EFAULT, -EINVAL, -EINVAL, -EFAULT}},
	};
	theme("sending");
	for (size_t r = 0; r < COUNT(rows); r++) {
		pid_t targets[] = {getpid(), child,   child_thread,	 own_thread, gone,
				   zombie,   1 << 30, (pid_t)0x80000000, -gone};
		for (int way = 0; way < WAYS; way++)
			cell(rows[r].name, ways[way], send_to(way, targets[rows[r].target], rows[r].sig),
			     rows[r].wanted[way]);
	}
	CHECK_ERRNO(syscall(SYS_tkill, 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tkill, -1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, 0, getpid(), 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, getpid(), 0, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, -1, getpid(), 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_tgkill, gone, getpid(), 0), ESRCH);
	CHECK_ERRNO(syscall(SYS_tgkill, child, getpid(), 0), ESRCH);
	CHECK(syscall(SYS_tgkill, getpid(), own_thread, 0) == 0);
	CHECK(syscall(SYS_tgkill, child, child_thread, 0) == 0);
	CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, 0, getpid(), 0, hole), EFAULT);
	siginfo_t info = {.si_code = SI_QUEUE};
	CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, 0, getpid(), 0, &info), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, getpid(), -1, 0, &info), EINVAL);
	CHECK(syscall(SYS_kill, 0, 0) == 0);
	unsigned long last = 1UL << 63;
	while (syscall(SYS_rt_sigtimedwait, &last, NULL, &(struct timespec){0, 0}, 8) > 0)
		; /* what was sent to this process */
}

/* ---- actions ---- */

static void actions(void)
{
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} action = {SIG_DFL, 0, NULL, 0}, old;
	theme("each signal's action");
	for (int sig = -1; sig <= 66; sig++) {
		long wanted = sig < 1 || sig > 64 ? -EINVAL : 0;
		long set = wanted ? wanted : sig == SIGKILL || sig == SIGSTOP ? -EINVAL : 0;
		CHECKF(RESULT(syscall(SYS_rt_sigaction, sig, NULL, &old, 8)) == wanted,
		       "the action of %d can be asked for: %s", sig, wanted ? "no" : "yes");
		if (sig != SIGALRM && sig != SIGURG && sig != SIGUSR1)
			CHECKF(RESULT(syscall(SYS_rt_sigaction, sig, &action, NULL, 8)) == set,
			       "the action of %d can be set: %s", sig, set ? "no" : "yes");
	}
	theme("rt_sigaction");
	static const long sizes[] = {0, 4, 7, 9, 16, 128, -1};
	for (size_t i = 0; i < COUNT(sizes); i++) {
		CHECKF(RESULT(syscall(SYS_rt_sigaction, SIGUSR1, NULL, &old, sizes[i])) == -EINVAL,
		       "a mask of %ld bytes", sizes[i]);
		CHECKF(RESULT(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, sizes[i])) == -EINVAL,
		       "rt_sigprocmask of %ld bytes", sizes[i]);
		CHECKF(RESULT(syscall(SYS_rt_sigsuspend, &old, sizes[i])) == -EINVAL, "rt_sigsuspend of %ld bytes",
		       sizes[i]);
		CHECKF(RESULT(syscall(SYS_rt_sigtimedwait, &old, NULL, NULL, sizes[i])) == -EINVAL,
		       "rt_sigtimedwait of %ld bytes", sizes[i]);
		CHECKF(RESULT(syscall(SYS_signalfd4, -1, &old, sizes[i], 0)) == -EINVAL, "signalfd of %ld bytes",
		       sizes[i]);
		if (sizes[i] > 8 || sizes[i] < 0)
			CHECKF(RESULT(syscall(SYS_rt_sigpending, &old, sizes[i])) == -EINVAL,
			       "rt_sigpending of %ld bytes", sizes[i]);
		else
			CHECKF(RESULT(syscall(SYS_rt_sigpending, &old, sizes[i])) == (sizes[i] <= 8 ? 0 : -EINVAL),
			       "rt_sigpending of %ld bytes", sizes[i]);
	}
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, hole, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGUSR1, NULL, hole, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, 0, hole, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGKILL, hole, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigaction, SIGKILL, &action, hole, 8), EINVAL);
	/* Flags that nobody knows are taken away; those that Linux knows stay. */
	static const struct {
		const char *name;
		unsigned long given, kept;
	} flags[] = {{"SA_NOCLDSTOP", 1, 1},
		     {"SA_NOCLDWAIT", 2, 2},
		     {"SA_SIGINFO", 4, 4},
		     {"8", 8, 0},
		     {"0x400", 0x400, 0},
		     {"SA_EXPOSE_TAGBITS", 0x800, 0x800},
		     {"0x1000", 0x1000, 0},
		     {"SA_RESTORER", 0x04000000, 0x04000000},
		     {"SA_ONSTACK", 0x08000000, 0x08000000},
		     {"SA_RESTART", 0x10000000, 0x10000000},
		     {"SA_NODEFER", 0x40000000, 0x40000000},
		     {"SA_RESETHAND", 0x80000000, 0x80000000},
		     {"1<<32", 1UL << 32, 0},
		     {"1<<63", 1UL << 63, 0},
		     {"SA_UNSUPPORTED", 0x400, 0}};
	for (size_t i = 0; i < COUNT(flags); i++) {
		action.flags = flags[i].given;
		action.mask = ~0UL;
		syscall(SYS_rt_sigaction, SIGUSR2, &action, NULL, 8);
		memset(&old, 0, sizeof(old));
		syscall(SYS_rt_sigaction, SIGUSR2, NULL, &old, 8);
		char text[64];
		snprintf(text, sizeof(text), "flag %s, no %zu", flags[i].name, i);
		report(old.flags == flags[i].kept, text, "%#lx", old.flags);
	}
	CHECK_THAT(old.mask == ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1)), "KILL and STOP leave a mask");
	action.flags = action.mask = 0;
	syscall(SYS_rt_sigaction, SIGUSR2, &action, NULL, 8);
}

/* ---- masks ---- */

static void masks(void)
{
	unsigned long mask = 0, old = 0, was = 0;
	theme("rt_sigprocmask");
	static const struct {
		int how;
		const char *name;
		short wanted, without;
	} rows[] = {{SIG_BLOCK, "SIG_BLOCK", 0, 0},
		    {SIG_UNBLOCK, "SIG_UNBLOCK", 0, 0},
		    {SIG_SETMASK, "SIG_SETMASK", 0, 0},
		    {3, "3", -EINVAL, 0},
		    {-1, "-1", -EINVAL, 0},
		    {0x7fffffff, "the greatest", -EINVAL, 0}};
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &was, 8);
	for (size_t i = 0; i < COUNT(rows); i++) {
		cell(rows[i].name, "of no signals", RESULT(syscall(SYS_rt_sigprocmask, rows[i].how, &mask, &old, 8)),
		     rows[i].wanted);
		cell(rows[i].name, "without a mask", RESULT(syscall(SYS_rt_sigprocmask, rows[i].how, NULL, &old, 8)),
		     rows[i].without);
	}
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, 8);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, hole, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, 99, hole, NULL, 8), EFAULT);
	mask = 1UL << (SIGWINCH - 1);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, hole, 8), EFAULT);
	CHECK_THAT(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8) == 0 && (old & mask),
		   "the mask was changed all the same");
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, 8);
	mask = ~0UL;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
	CHECK_THAT(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, &old, 8) == 0 &&
		       old == ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1)),
		   "all but KILL and STOP can be blocked");
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, 8);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, hole, 8), EFAULT);
	old = ~0UL;
	CHECK_THAT(syscall(SYS_rt_sigpending, &old, 4) == 0 && old >> 32 == 0xffffffff,
		   "rt_sigpending writes what is asked for");
	CHECK_ERRNO(syscall(SYS_rt_sigsuspend, hole, 8), EFAULT);
	theme("rt_sigtimedwait");
	struct timespec zero = {0, 0}, bad = {0, -1};
	siginfo_t info;
	mask = 1UL << (SIGURG - 1);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, hole, NULL, &zero, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &mask, NULL, hole, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &mask, NULL, &bad, 8), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, NULL, NULL, &zero, 8), EFAULT);
	mask = 1UL << (SIGWINCH - 1);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &mask, NULL, &zero, 8), EAGAIN);
	mask = 0;
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &mask, NULL, &zero, 8), EAGAIN);
	mask = 1UL << (SIGUSR1 - 1);
	syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 8);
	raise(SIGUSR1);
	CHECK_ERRNO_THAT(syscall(SYS_rt_sigtimedwait, &mask, hole, &zero, 8), EFAULT,
			 "a bad address for what was taken");
	CHECK_ERRNO_THAT(syscall(SYS_rt_sigtimedwait, &mask, &info, &zero, 8), EAGAIN, "loses the signal");
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &was, NULL, 8);
}

/* ---- alternate stacks ---- */

static void stacks(void)
{
	static char room[64 << 10];
	stack_t old;
	static const struct {
		const char *name;
		int flags;
		long size; /* of the stack */
		short wanted;
		int then; /* its flags afterwards */
	} rows[] = {
	    {"a stack", 0, sizeof(room), 0, 0},
	    {"SS_ONSTACK", SS_ONSTACK, sizeof(room), 0, 0},
	    {"SS_DISABLE", SS_DISABLE, sizeof(room), 0, SS_DISABLE},
	    {"SS_AUTODISARM", (int)(1U << 31), sizeof(room), 0, (int)(1U << 31)},
	    {"SS_AUTODISARM and SS_ONSTACK", (int)(1U << 31) | SS_ONSTACK, sizeof(room), 0, (int)(1U << 31)},
	    {"SS_AUTODISARM and SS_DISABLE", (int)(1U << 31) | SS_DISABLE, sizeof(room), 0,
	     (int)(1U << 31) | SS_DISABLE},
	    {"SS_ONSTACK and SS_DISABLE", 3, sizeof(room), -EINVAL, 0},
	    {"flag 4", 4, sizeof(room), -EINVAL, 0},
	    {"flag 1<<30", 1 << 30, sizeof(room), -EINVAL, 0},
	    {"2047 bytes", 0, 2047, -ENOMEM, 0},
	    {"1 byte", 0, 1, -ENOMEM, 0},
	    {"no byte", 0, 0, -ENOMEM, 0},
	    {"no byte, disabled", SS_DISABLE, 0, 0, SS_DISABLE},
	};
	theme("sigaltstack");
	for (size_t i = 0; i < COUNT(rows); i++) {
		stack_t none = {.ss_flags = SS_DISABLE},
			s = {.ss_sp = room, .ss_flags = rows[i].flags, .ss_size = (size_t)rows[i].size};
		sigaltstack(&none, NULL);
		long result = RESULT(syscall(SYS_sigaltstack, &s, NULL));
		cell("sigaltstack", rows[i].name, result, rows[i].wanted);
		memset(&old, 0, sizeof(old));
		if (result == 0)
			CHECKF(sigaltstack(NULL, &old) == 0 && (old.ss_flags & ~SS_ONSTACK) == rows[i].then,
			       "flags after %s", rows[i].name);
	}
	CHECK_ERRNO(syscall(SYS_sigaltstack, hole, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_sigaltstack, NULL, hole), EFAULT);
	CHECK(syscall(SYS_sigaltstack, NULL, NULL) == 0);
	stack_t none = {.ss_flags = SS_DISABLE}, s = {.ss_sp = room, .ss_size = sizeof(room)};
	sigaltstack(&none, NULL);
	CHECK_ERRNO(syscall(SYS_sigaltstack, &s, hole), EFAULT);
	CHECK_THAT(sigaltstack(NULL, &old) == 0 && old.ss_sp == room, "the stack was set all the same");
	s.ss_sp = (void *)0xffff800000000000;
	CHECK_THAT(RESULT(syscall(SYS_sigaltstack, &s, NULL)) == 0, "where it is, is not looked at");
	sigaltstack(&none, NULL);
}

/* ---- signalfd ---- */

static void descriptors(void)
{
	unsigned long mask = 1UL << (SIGUSR1 - 1);
	struct signalfd_siginfo info[2];
	theme("signalfd");
	int fd = (int)syscall(SYS_signalfd4, -1, &mask, 8, SFD_NONBLOCK | SFD_CLOEXEC),
	    null = open("/dev/null", O_RDWR);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK));
	CHECK_ERRNO(syscall(SYS_signalfd4, -1, hole, 8, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_signalfd4, -1, NULL, 8, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_signalfd4, -1, &mask, 8, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_signalfd4, -1, &mask, 8, O_APPEND), EINVAL);
	CHECK_ERRNO(syscall(SYS_signalfd4, null, &mask, 8, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_signalfd4, 1000, &mask, 8, 0), EBADF);
	CHECK_ERRNO(syscall(SYS_signalfd4, -2, &mask, 8, 0), EBADF);
	CHECK(syscall(SYS_signalfd4, fd, &mask, 8, 0) == fd && syscall(SYS_signalfd, fd, &mask, 8) == fd);
	CHECK_ERRNO(read(fd, info, sizeof(info)), EAGAIN);
	CHECK_ERRNO(read(fd, info, sizeof(*info) - 1), EINVAL);
	CHECK_ERRNO(read(fd, info, 0), EINVAL);
	CHECK_ERRNO(write(fd, info, sizeof(*info)), EINVAL);
	CHECK_ERRNO(pread(fd, info, sizeof(*info), 0), ESPIPE);
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	CHECK_ERRNO_THAT(read(fd, hole, sizeof(*info)), EFAULT, "a bad address");
	CHECK_ERRNO_THAT(read(fd, info, sizeof(info)), EAGAIN, "loses the signal");
	raise(SIGUSR1);
	CHECK(read(fd, info, sizeof(info) - 1) == sizeof(*info) && info->ssi_signo == SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	close(fd);
	close(null);
}

static void *rest(void *id)
{
	*(pid_t *)id = (pid_t)syscall(SYS_gettid);
	for (;;)
		pause();
	return NULL;
}

int main(void)
{
	pthread_t thread;
	sigset_t set;
	int ready[2];
	limit_seconds(60);
	hole = map_pages(1, PROT_NONE);
	sigemptyset(&set);
	sigaddset(&set, 64);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGURG, SIG_IGN);
	gone = fork_child();
	if (gone == 0)
		_exit(0);
	wait_for(gone);
	zombie = fork_child();
	if (zombie == 0)
		_exit(0);
	waitid(P_PID, (id_t)zombie, &(siginfo_t){0}, WEXITED | WNOWAIT);
	if (pipe(ready))
		return 97;
	child = fork_child();
	if (child == 0) {
		pid_t id = 0;
		pthread_create(&thread, NULL, rest, &id);
		while (!__atomic_load_n(&id, __ATOMIC_ACQUIRE))
			sched_yield();
		if (write(ready[1], &id, sizeof(id)) != sizeof(id))
			_exit(97);
		for (;;)
			pause();
	}
	if (read(ready[0], &child_thread, sizeof(child_thread)) != sizeof(child_thread))
		return 97;
	pthread_create(&thread, NULL, rest, &own_thread);
	while (!__atomic_load_n(&own_thread, __ATOMIC_ACQUIRE))
		sched_yield();
	sending();
	actions();
	masks();
	stacks();
	descriptors();
	kill(child, SIGKILL);
	return finish();
}
