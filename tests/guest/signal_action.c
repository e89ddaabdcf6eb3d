/* SPDX-License-Identifier: Apache-2.0
 * sigaction and masks: arguments, each SA_ flag, pending signals, sigsuspend, what fork copies.
 * area: Signals
 */
#include "probe.h"

static volatile sig_atomic_t count, last, depth, deepest;
static volatile int blocked_inside[3];

static void note(int number)
{
	count++;
	last = number;
}

static long raw_action(int number, const void *new, void *old, size_t size)
{
	return syscall(SYS_rt_sigaction, number, new, old, size);
}

static void install(int number, void (*handler)(int), int flags)
{
	struct sigaction action = {.sa_handler = handler, .sa_flags = flags};
	sigaction(number, &action, NULL);
}

static sigset_t set_of(int a, int b)
{
	sigset_t set;
	sigemptyset(&set);
	if (a)
		sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	return set;
}

static void arguments(void)
{
	char *hole = unmapped_address();
	struct {
		void *handler;
		unsigned long flags;
		void *restorer;
		unsigned long mask;
	} k = {0};
	unsigned long mask = 0;
	theme("sigaction");
	CHECK_ERRNO(raw_action(0, NULL, NULL, 8), EINVAL);
	CHECK_ERRNO(raw_action(-1, NULL, NULL, 8), EINVAL);
	CHECK_ERRNO(raw_action(65, NULL, NULL, 8), EINVAL);
	CHECK(raw_action(64, NULL, NULL, 8) == 0);
	CHECK_ERRNO(raw_action(SIGUSR1, NULL, &k, 4), EINVAL);
	CHECK_ERRNO(raw_action(SIGUSR1, NULL, &k, 16), EINVAL);
	CHECK_ERRNO(raw_action(SIGKILL, &k, NULL, 8), EINVAL);
	CHECK_ERRNO(raw_action(SIGSTOP, &k, NULL, 8), EINVAL);
	CHECK(raw_action(SIGKILL, NULL, &k, 8) == 0 && k.handler == NULL);
	CHECK_ERRNO(raw_action(SIGUSR1, hole, NULL, 8), EFAULT);
	CHECK_ERRNO(raw_action(SIGUSR1, NULL, hole, 8), EFAULT);
	CHECK_ERRNO(raw_action(SIGUSR1, (void *)0xffff800000000000, NULL, 8), EFAULT);
	for (int i = 1; i <= 64; i++) {
		struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART}, old;
		if (i == SIGKILL || i == SIGSTOP || i == 32 || i == 33 || i == SIGALRM)
			continue;
		if (sigaction(i, &action, NULL) || sigaction(i, NULL, &old) || old.sa_handler != note ||
		    !(old.sa_flags & SA_RESTART))
			CHECKF(0, "handler of signal %d", i);
		signal(i, SIG_DFL);
	}
	CHECK_THAT(1, "handlers are kept as set");
	theme("sigprocmask");
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &mask, NULL, 4), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, 77, &mask, NULL, 8), EINVAL);
	CHECK(syscall(SYS_rt_sigprocmask, 77, NULL, &mask, 8) == 0);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, hole, NULL, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, hole, 8), EFAULT);
	mask = ~0UL;
	CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8) == 0);
	CHECK(syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &mask, 8) == 0);
	CHECK_THAT(mask == ~(1UL << (SIGKILL - 1) | 1UL << (SIGSTOP - 1)), "SIGKILL and SIGSTOP cannot be blocked");
	mask = 0;
	syscall(SYS_rt_sigprocmask, SIG_SETMASK, &mask, NULL, 8);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, hole, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigpending, &mask, 16), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigsuspend, hole, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigsuspend, &mask, 4), EINVAL);
}

static void masks(void)
{
	sigset_t set = set_of(SIGUSR1, 0), pending, old;
	theme("blocking");
	install(SIGUSR1, note, 0);
	install(SIGUSR2, note, 0);
	CHECK(sigprocmask(SIG_BLOCK, &set, &old) == 0 && !sigismember(&old, SIGUSR1));
	count = 0;
	raise(SIGUSR1);
	raise(SIGUSR1);
	CHECK(count == 0 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1 &&
	      sigismember(&pending, SIGUSR2) == 0);
	CHECK(sigprocmask(SIG_UNBLOCK, &set, NULL) == 0);
	CHECK_THAT(count == 1, "a standard signal is pending once");
	CHECK(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 0);
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	count = 0;
	signal(SIGUSR1, SIG_IGN);
	CHECK_THAT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 0,
		   "ignoring a signal discards a pending one");
	raise(SIGUSR1);
	CHECK_THAT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 1,
		   "a blocked ignored signal stays pending");
	install(SIGUSR1, note, 0);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK_THAT(count == 1, "and comes when it is handled again");
	sigprocmask(SIG_BLOCK, &set, NULL);
	raise(SIGUSR1);
	CHECK_IN_CHILD_THAT(sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1) == 0,
			    "a child has no pending signals");
	CHECK_IN_CHILD_THAT(sigprocmask(SIG_BLOCK, NULL, &old) == 0 && sigismember(&old, SIGUSR1) == 1,
			    "it has its parent's mask");
	CHECK_IN_CHILD_THAT(({
				    struct sigaction action;
				    sigaction(SIGUSR2, NULL, &action);
				    action.sa_handler == note;
			    }),
			    "and its handlers");
	set = set_of(0, 0);
	count = 0;
	CHECK_ERRNO(sigsuspend(&set), EINTR);
	CHECK_THAT(count == 1 && last == SIGUSR1, "sigsuspend lets it through");
	CHECK_THAT(sigprocmask(SIG_BLOCK, NULL, &old) == 0 && sigismember(&old, SIGUSR1) == 1, "and restores the mask");
	sigprocmask(SIG_SETMASK, &set, NULL);
}

static void look_inside(int number)
{
	sigset_t set;
	sigprocmask(SIG_BLOCK, NULL, &set);
	blocked_inside[0] = sigismember(&set, SIGUSR1);
	blocked_inside[1] = sigismember(&set, SIGUSR2);
	blocked_inside[2] = sigismember(&set, SIGTERM);
}

static void nest(int number)
{
	depth++;
	count++;
	if (depth > deepest)
		deepest = depth;
	if (count < 5)
		raise(number);
	depth--;
}

static void raise_both(int number)
{
	raise(SIGUSR2);
	raise(SIGTERM);
	blocked_inside[0] = count;
}

static void flags(void)
{
	struct sigaction action = {.sa_handler = look_inside}, old;
	sigset_t set;
	theme("SA flags");
	sigemptyset(&action.sa_mask);
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	CHECK_THAT(blocked_inside[0] == 1, "a handler's own signal is blocked in it");
	CHECK_THAT(blocked_inside[1] == 1 && blocked_inside[2] == 0, "so are those of sa_mask");
	sigprocmask(SIG_BLOCK, NULL, &set);
	CHECK_THAT(!sigismember(&set, SIGUSR1) && !sigismember(&set, SIGUSR2), "the mask is as before afterwards");
	action.sa_flags = SA_NODEFER;
	sigaction(SIGUSR1, &action, NULL);
	raise(SIGUSR1);
	CHECK_THAT(blocked_inside[0] == 0 && blocked_inside[1] == 1, "SA_NODEFER leaves it unblocked");
	count = deepest = depth = 0;
	install(SIGUSR1, nest, 0);
	raise(SIGUSR1);
	CHECK_THAT(count == 5 && deepest == 1, "without SA_NODEFER handlers run one after the other");
	count = deepest = depth = 0;
	install(SIGUSR1, nest, SA_NODEFER);
	raise(SIGUSR1);
	CHECK_THAT(count == 5 && deepest == 5, "with it they nest");
	install(SIGUSR1, note, (int)SA_RESETHAND);
	count = 0;
	raise(SIGUSR1);
	CHECK(count == 1 && sigaction(SIGUSR1, NULL, &old) == 0 && old.sa_handler == SIG_DFL);
	count = 0;
	action = (struct sigaction){.sa_handler = raise_both};
	sigaddset(&action.sa_mask, SIGUSR2);
	sigaddset(&action.sa_mask, SIGTERM);
	sigaction(SIGUSR1, &action, NULL);
	install(SIGUSR2, note, 0);
	install(SIGTERM, note, 0);
	raise(SIGUSR1);
	CHECK_THAT(blocked_inside[0] == 0 && count == 2, "what sa_mask held back comes after the handler");
	action = (struct sigaction){.sa_handler = note, .sa_flags = SA_RESTART | SA_NOCLDSTOP | SA_NODEFER};
	sigaction(SIGUSR1, &action, NULL);
	CHECK(sigaction(SIGUSR1, NULL, &old) == 0 &&
	      (old.sa_flags & (SA_RESTART | SA_NOCLDSTOP | SA_NODEFER)) == action.sa_flags);
	install(SIGTERM, SIG_DFL, 0);
	install(SIGUSR1, SIG_DFL, 0);
	install(SIGUSR2, SIG_DFL, 0);
}

static void order(void)
{
	sigset_t all, old;
	theme("delivery order");
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &old);
	install(SIGUSR1, note, 0);
	install(SIGINT, note, 0);
	raise(SIGUSR1);
	raise(SIGINT);
	count = 0;
	sigprocmask(SIG_SETMASK, &old, NULL);
	CHECK_THAT(count == 2, "all unblocked signals arrive before sigprocmask returns");
	count = 0;
	CHECK_THAT(kill(getpid(), SIGUSR1) == 0 && count == 1, "a signal to oneself arrives before kill returns");
	CHECK_THAT(syscall(SYS_tgkill, getpid(), getpid(), SIGINT) == 0 && count == 2, "and before tgkill returns");
	install(SIGUSR1, SIG_DFL, 0);
	install(SIGINT, SIG_DFL, 0);
}

int main(void)
{
	limit_seconds(60);
	arguments();
	masks();
	flags();
	order();
	return finish();
}
