/* SPDX-License-Identifier: Apache-2.0
 * What a signal carries: siginfo by source, queued real-time signals, sigtimedwait, signalfd, thread-directed signals.
 * area: Signals
 */
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <sys/signalfd.h>

#include "probe.h"

static siginfo_t got[64];
static volatile sig_atomic_t count;
static volatile pid_t handled_by;

static void keep(int number, siginfo_t *info, void *context)
{
	if (count < 64)
		got[count] = *info;
	count++;
	handled_by = (pid_t)syscall(SYS_gettid);
}

static void catch (int number)
{
	struct sigaction action = {.sa_sigaction = keep, .sa_flags = SA_SIGINFO};
	sigfillset(&action.sa_mask);
	sigaction(number, &action, NULL);
}

static sigset_t block(int a, int b)
{
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, a);
	if (b)
		sigaddset(&set, b);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return set;
}

static void sources(void)
{
	theme("siginfo");
	catch (SIGUSR1);
	catch (SIGRTMIN);
	count = 0;
	kill(getpid(), SIGUSR1);
	CHECK_THAT(count == 1 && got[0].si_signo == SIGUSR1, "kill: si_signo");
	CHECK_THAT(got[0].si_code == SI_USER && got[0].si_pid == getpid() && got[0].si_uid == getuid(),
		   "kill: SI_USER, pid and uid");
	count = 0;
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	CHECK_THAT(count == 1 && got[0].si_code == SI_TKILL && got[0].si_pid == getpid(), "tgkill: SI_TKILL and pid");
	count = 0;
	sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)0x123456789abc});
	CHECK_THAT(count == 1 && got[0].si_code == SI_QUEUE && got[0].si_pid == getpid() && got[0].si_uid == getuid(),
		   "sigqueue: SI_QUEUE");
	CHECK_THAT(got[0].si_value.sival_ptr == (void *)0x123456789abc, "sigqueue: all 64 bits of the value");
	count = 0;
	pid_t pid = fork_child();
	if (pid == 0)
		_exit(kill(getppid(), SIGUSR1));
	while (!count)
		usleep(1000);
	CHECK_THAT(got[0].si_pid == pid && got[0].si_code == SI_USER, "kill from a child carries its pid");
	wait_for(pid);
	catch (SIGCHLD);
	count = 0;
	pid = fork_child();
	if (pid == 0)
		_exit(77);
	while (!count)
		usleep(1000);
	CHECK_THAT(got[0].si_code == CLD_EXITED && got[0].si_status == 77 && got[0].si_pid == pid,
		   "SIGCHLD: CLD_EXITED");
	wait_for(pid);
	signal(SIGCHLD, SIG_DFL);
	siginfo_t info;
	memset(&info, 0, sizeof(info));
	info.si_code = SI_QUEUE;
	info.si_signo = 99;
	info.si_pid = 4711;
	count = 0;
	CHECK(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, &info) == 0 && count == 1);
	CHECK_THAT(got[0].si_signo == SIGUSR1 && got[0].si_pid == 4711, "rt_sigqueueinfo delivers what it was given");
	info.si_code = SI_USER;
	CHECK_IN_CHILD_THAT(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info) == -1 && errno == EPERM,
			    "another cannot pretend SI_USER");
	info.si_code = SI_TKILL;
	CHECK_IN_CHILD_THAT(syscall(SYS_rt_sigqueueinfo, getppid(), SIGUSR1, &info) == -1 && errno == EPERM,
			    "nor SI_TKILL");
	info.si_code = -7;
	CHECK(syscall(SYS_rt_tgsigqueueinfo, getpid(), getpid(), SIGUSR1, &info) == 0 && got[1].si_code == -7);
	CHECK_ERRNO(syscall(SYS_rt_tgsigqueueinfo, 0, getpid(), SIGUSR1, &info), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, getpid(), SIGUSR1, unmapped_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, 1 << 30, SIGUSR1, &info), ESRCH);
	CHECK_ERRNO(syscall(SYS_rt_sigqueueinfo, getpid(), 65, &info), EINVAL);
	CHECK_ERRNO(sigqueue(1 << 30, SIGUSR1, (union sigval){0}), ESRCH);
	CHECK_ERRNO(sigqueue(getpid(), 65, (union sigval){0}), EINVAL);
	CHECK(sigqueue(getpid(), 0, (union sigval){0}) == 0);
}

static void queues(void)
{
	int ordered = 1;
	theme("real-time signals");
	sigset_t set = block(SIGRTMIN, SIGRTMIN + 1);
	sigaddset(&set, SIGUSR1);
	sigprocmask(SIG_BLOCK, &set, NULL);
	catch (SIGRTMIN + 1);
	count = 0;
	for (int i = 0; i < 10; i++) {
		sigqueue(getpid(), SIGRTMIN + 1, (union sigval){.sival_int = i});
		sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 100 + i});
	}
	kill(getpid(), SIGUSR1);
	kill(getpid(), SIGUSR1);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK_THAT(count == 21, "each is delivered, a standard signal once");
	CHECK_THAT(got[0].si_signo == SIGUSR1, "the lowest number comes first");
	for (int i = 0; i < 10; i++)
		ordered &= got[1 + i].si_signo == SIGRTMIN && got[1 + i].si_value.sival_int == 100 + i &&
			   got[11 + i].si_signo == SIGRTMIN + 1 && got[11 + i].si_value.sival_int == i;
	CHECK_THAT(ordered, "equal numbers come in the order they were sent");
}

static void timed_waits(void)
{
	struct timespec none = {0, 0}, bad = {0, 1000000000}, some = {0, 20000000};
	siginfo_t info;
	theme("sigtimedwait");
	sigset_t set = block(SIGUSR1, SIGRTMIN);
	CHECK_ERRNO(sigtimedwait(&set, &info, &none), EAGAIN);
	CHECK_ERRNO(sigtimedwait(&set, &info, &bad), EINVAL);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, unmapped_address(), NULL, &none, 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, NULL, unmapped_address(), 8), EFAULT);
	CHECK_ERRNO(syscall(SYS_rt_sigtimedwait, &set, NULL, &none, 4), EINVAL);
	long begin = now_us();
	CHECK_ERRNO(sigtimedwait(&set, &info, &some), EAGAIN);
	CHECK_THAT(now_us() - begin >= 20000, "the time-out is not early");
	count = 0;
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 5});
	CHECK(sigtimedwait(&set, &info, &none) == SIGRTMIN && info.si_value.sival_int == 5 && info.si_code == SI_QUEUE);
	CHECK_THAT(count == 0, "the handler does not run");
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 6});
	kill(getpid(), SIGUSR1);
	CHECK(sigwaitinfo(&set, &info) == SIGUSR1);
	CHECK(sigwaitinfo(&set, &info) == SIGRTMIN && info.si_value.sival_int == 6);
	pid_t pid = fork_child();
	if (pid == 0) {
		until_parent_asleep();
		_exit(kill(getppid(), SIGUSR1));
	}
	CHECK_THAT(sigwaitinfo(&set, &info) == SIGUSR1 && info.si_pid == pid, "waits for one to come");
	wait_for(pid);
	catch (SIGUSR2);
	pid = fork_child();
	if (pid == 0) {
		until_parent_asleep();
		_exit(kill(getppid(), SIGUSR2));
	}
	struct timespec later = {50, 0};
	CHECK_ERRNO_THAT(sigtimedwait(&set, &info, &later), EINTR, "another signal's handler interrupts it");
	wait_for(pid);
	signal(SIGUSR2, SIG_DFL);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void descriptors(void)
{
	struct signalfd_siginfo s[3];
	theme("signalfd");
	sigset_t set = block(SIGUSR1, SIGRTMIN), other;
	CHECK_ERRNO(syscall(SYS_signalfd4, -1, &set, 4, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_signalfd4, -1, unmapped_address(), 8, 0), EFAULT);
	CHECK_ERRNO(signalfd(-1, &set, 0x10), EINVAL);
	CHECK_ERRNO(signalfd(1000, &set, 0), EBADF);
	CHECK_ERRNO(signalfd(0, &set, 0), EINVAL);
	int fd = signalfd(-1, &set, SFD_NONBLOCK | SFD_CLOEXEC);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK));
	struct pollfd p = {fd, POLLIN, 0};
	CHECK(poll(&p, 1, 0) == 0);
	CHECK_ERRNO(read(fd, s, sizeof(s)), EAGAIN);
	CHECK_ERRNO(read(fd, s, 64), EINVAL);
	CHECK_ERRNO(write(fd, s, 128), EINVAL);
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 8});
	sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 9});
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	CHECK(read(fd, s, sizeof(s)) == 2 * sizeof(*s));
	CHECK(s[0].ssi_signo == (unsigned)SIGRTMIN && s[0].ssi_int == 8 && s[1].ssi_int == 9);
	CHECK(s[0].ssi_code == SI_QUEUE && s[0].ssi_pid == (unsigned)getpid() && s[0].ssi_uid == getuid());
	kill(getpid(), SIGUSR1);
	CHECK(read(fd, s, sizeof(*s)) == sizeof(*s) && s[0].ssi_signo == SIGUSR1 && s[0].ssi_code == SI_USER);
	sigemptyset(&other);
	sigaddset(&other, SIGUSR2);
	sigprocmask(SIG_BLOCK, &other, NULL);
	CHECK_THAT(signalfd(fd, &other, 0) == fd, "the mask of an existing one is replaced");
	kill(getpid(), SIGUSR1);
	CHECK_ERRNO(read(fd, s, sizeof(*s)), EAGAIN);
	kill(getpid(), SIGUSR2);
	CHECK(read(fd, s, sizeof(*s)) == sizeof(*s) && s[0].ssi_signo == SIGUSR2);
	signalfd(fd, &set, 0);
	CHECK_THAT(poll(&p, 1, 0) == 1, "what was pending is readable again");
	CHECK_ERRNO_THAT(read(fd, unmapped_address(), sizeof(*s)), EFAULT, "a bad buffer");
	while (read(fd, s, sizeof(*s)) > 0)
		;
	fcntl(fd, F_SETFL, 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		until_parent_asleep();
		_exit(kill(getppid(), SIGUSR1));
	}
	CHECK_THAT(read(fd, s, sizeof(*s)) == sizeof(*s) && s[0].ssi_pid == (unsigned)pid, "a read waits for a signal");
	wait_for(pid);
	close(fd);
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	sigprocmask(SIG_UNBLOCK, &other, NULL);
}

static volatile pid_t thread_id;
static volatile int stop;

static void *wait_open(void *argument)
{
	sigset_t set;
	sigfillset(&set);
	if (argument)
		pthread_sigmask(SIG_BLOCK, &set, NULL);
	thread_id = (pid_t)syscall(SYS_gettid);
	while (!stop)
		usleep(1000);
	return NULL;
}

static void threads(void)
{
	pthread_t t;
	theme("signals and threads");
	thread_id = 0;
	pthread_create(&t, NULL, wait_open, NULL);
	while (!thread_id)
		usleep(1000);
	sigset_t set = block(SIGUSR1, 0), pending;
	count = 0;
	kill(getpid(), SIGUSR1);
	for (int i = 0; i < 20000 && !count; i++)
		usleep(1000);
	CHECK_THAT(count == 1 && handled_by == thread_id,
		   "a signal to the process goes to a thread that has it unblocked");
	syscall(SYS_tgkill, getpid(), getpid(), SIGUSR1);
	usleep(20000);
	CHECK_THAT(count == 1 && sigpending(&pending) == 0 && sigismember(&pending, SIGUSR1),
		   "a signal to a thread waits for that thread");
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK(count == 2 && handled_by == getpid());
	pthread_kill(t, SIGUSR1);
	for (int i = 0; i < 20000 && count < 3; i++)
		usleep(1000);
	CHECK_THAT(count == 3 && handled_by == thread_id, "pthread_kill reaches its thread");
	stop = 1;
	pthread_join(t, NULL);
	stop = 0;
	thread_id = 0;
	pthread_create(&t, NULL, wait_open, "blocked");
	while (!thread_id)
		usleep(1000);
	count = 0;
	kill(getpid(), SIGUSR1);
	CHECK_THAT(count == 1 && handled_by == getpid(), "a thread that blocks it is passed over");
	pthread_kill(t, SIGUSR1);
	usleep(10000);
	CHECK_THAT(sigpending(&pending) == 0 && !sigismember(&pending, SIGUSR1),
		   "sigpending does not show another thread's signals");
	stop = 1;
	pthread_join(t, NULL);
	CHECK_THAT(count == 1, "they end with it");
}

int main(void)
{
	limit_seconds(60);
	sources();
	queues();
	timed_waits();
	descriptors();
	threads();
	return finish();
}
