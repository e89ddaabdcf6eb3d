/* SPDX-License-Identifier: Apache-2.0
 * Timers: alarm, setitimer of three kinds, timer_create with each notification, timerfd.
 * area: Time
 */
#include <fcntl.h>
#include <poll.h>
#include <sys/time.h>
#include <sys/timerfd.h>

#include "probe.h"

static volatile sig_atomic_t count, overruns;
static siginfo_t last;

static void note(int number, siginfo_t *info, void *context)
{
	count++;
	if (info->si_code == SI_TIMER)
		overruns += info->si_overrun;
	last = *info;
}

static void catch (int number)
{
	struct sigaction action = {.sa_sigaction = note, .sa_flags = SA_SIGINFO};
	sigaction(number, &action, NULL);
	count = 0;
}

/* Waits, computing when `spin` is set, until `wanted` signals came or twenty seconds passed. */
static int wait_count(int wanted, int spin)
{
	long end = now_us() + 20000000;
	while (count < wanted && now_us() < end)
		if (!spin)
			usleep(1000);
	return count >= wanted;
}

static void intervals(void)
{
	struct itimerval v = {{0, 0}, {100, 0}}, old, zero = {{0, 0}, {0, 0}}, bad = {{0, 0}, {0, 1000000}};
	theme("setitimer");
	CHECK_ERRNO(setitimer(3, &v, NULL), EINVAL);
	CHECK_ERRNO(getitimer(-1, &v), EINVAL);
	CHECK_ERRNO(setitimer(ITIMER_REAL, &bad, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_setitimer, ITIMER_REAL, unmapped_address(), NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_getitimer, ITIMER_REAL, unmapped_address()), EFAULT);
	catch (SIGALRM);
	CHECK(setitimer(ITIMER_REAL, &v, NULL) == 0);
	CHECK(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_sec >= 50 &&
	      (old.it_value.tv_sec < 100 || old.it_value.tv_usec == 0));
	v.it_value = (struct timeval){0, 20000};
	long begin = now_us();
	CHECK_THAT(setitimer(ITIMER_REAL, &v, &old) == 0 && old.it_value.tv_sec >= 50, "the time left is given back");
	CHECK_THAT(wait_count(1, 0) && now_us() - begin >= 20000, "ITIMER_REAL expires, not early");
	CHECK_THAT(last.si_code == SI_KERNEL || last.si_code == SI_TIMER, "its SIGALRM comes from the kernel");
	CHECK(getitimer(ITIMER_REAL, &old) == 0 && old.it_value.tv_sec == 0 && old.it_value.tv_usec == 0);
	v.it_interval.tv_usec = v.it_value.tv_usec = 5000;
	count = 0;
	setitimer(ITIMER_REAL, &v, NULL);
	CHECK_THAT(wait_count(5, 0), "an interval repeats");
	CHECK(setitimer(ITIMER_REAL, &zero, &old) == 0 && old.it_interval.tv_usec == 5000);
	usleep(10000);
	count = 0;
	usleep(15000);
	CHECK_THAT(count == 0, "and ends when disarmed");
	static const int kinds[] = {ITIMER_VIRTUAL, ITIMER_PROF}, numbers[] = {SIGVTALRM, SIGPROF};
	for (int i = 0; i < 2; i++) {
		catch (numbers[i]);
		v = (struct itimerval){{0, 0}, {0, 20000}};
		setitimer(kinds[i], &v, NULL);
		CHECKF(wait_count(1, 1), "timer %d expires while computing", kinds[i]);
	}
	theme("alarm");
	catch (SIGALRM);
	CHECK(alarm(100) == 0);
	CHECK_THAT(({
			   unsigned left = alarm(0);
			   left >= 50 && left <= 100;
		   }),
		   "alarm tells the seconds that are left");
	CHECK(alarm(0) == 0);
	v = (struct itimerval){{0, 0}, {50, 500000}};
	setitimer(ITIMER_REAL, &v, NULL);
	CHECK_THAT(alarm(0) >= 10, "alarm and ITIMER_REAL are one timer");
	alarm(10);
	CHECK_IN_CHILD_THAT(alarm(0) == 0, "a child does not inherit it");
	alarm(0);
	signal(SIGALRM, SIG_DFL);
	pid_t pid = fork_child();
	if (pid == 0) {
		v = (struct itimerval){{0, 0}, {0, 10000}};
		setitimer(ITIMER_REAL, &v, NULL);
		for (;;)
			pause();
	}
	CHECK_THAT(wait_for(pid) == SIGALRM, "SIGALRM kills by default");
	limit_seconds(60);
}

static void posix_timers(void)
{
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN, .sigev_value.sival_int = 77};
	struct itimerspec v = {{0, 0}, {100, 0}}, old, zero = {{0, 0}, {0, 0}};
	timer_t t, gone;
	theme("timer_create");
	CHECK_ERRNO(timer_create(99, &event, &t), EINVAL);
	event.sigev_signo = 99;
	CHECK_ERRNO(timer_create(CLOCK_MONOTONIC, &event, &t), EINVAL);
	event.sigev_signo = SIGRTMIN;
	event.sigev_notify = 77;
	CHECK_ERRNO(timer_create(CLOCK_MONOTONIC, &event, &t), EINVAL);
	event.sigev_notify = SIGEV_SIGNAL;
	CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, unmapped_address(), &t), EFAULT);
	CHECK_ERRNO(syscall(SYS_timer_create, CLOCK_MONOTONIC, NULL, unmapped_address()), EFAULT);
	CHECK(timer_create(CLOCK_MONOTONIC, &event, &t) == 0);
	catch (SIGRTMIN);
	CHECK(timer_settime(t, 0, &v, NULL) == 0);
	CHECK(timer_gettime(t, &old) == 0 && old.it_value.tv_sec >= 50 &&
	      (old.it_value.tv_sec < 100 || old.it_value.tv_nsec == 0));
	v.it_value = (struct timespec){0, 20000000};
	long begin = now_us();
	CHECK_THAT(timer_settime(t, 0, &v, &old) == 0 && old.it_value.tv_sec >= 50, "the time left is given back");
	CHECK_THAT(wait_count(1, 0) && now_us() - begin >= 20000, "it expires, not early");
	CHECK(last.si_code == SI_TIMER && last.si_value.sival_int == 77 && last.si_overrun == 0);
	CHECK(timer_gettime(t, &old) == 0 && old.it_value.tv_nsec == 0 && old.it_value.tv_sec == 0);
	v = (struct itimerspec){{0, 4000000}, {0, 4000000}};
	count = 0;
	timer_settime(t, 0, &v, NULL);
	CHECK_THAT(wait_count(4, 0), "it repeats");
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGRTMIN);
	sigprocmask(SIG_BLOCK, &set, NULL);
	sleep_ms(40);
	count = overruns = 0;
	sigprocmask(SIG_UNBLOCK, &set, NULL);
	CHECK_THAT(count >= 1 && overruns >= 1 && timer_getoverrun(t) >= 0,
		   "expirations while the signal is pending count as overrun");
	CHECK(timer_settime(t, 0, &zero, &old) == 0 && old.it_interval.tv_nsec == 4000000);
	usleep(5000);
	count = 0;
	usleep(12000);
	CHECK_THAT(count == 0, "a disarmed timer is silent");
	begin = now_us();
	clock_gettime(CLOCK_MONOTONIC, &v.it_value);
	v.it_value.tv_nsec += 20000000;
	v.it_value.tv_sec += v.it_value.tv_nsec / 1000000000;
	v.it_value.tv_nsec %= 1000000000;
	v.it_interval = zero.it_interval;
	timer_settime(t, TIMER_ABSTIME, &v, NULL);
	CHECK_THAT(wait_count(1, 0) && now_us() - begin >= 20000, "an absolute time");
	count = 0;
	v.it_value = (struct timespec){1, 0};
	timer_settime(t, TIMER_ABSTIME, &v, NULL);
	CHECK_THAT(wait_count(1, 0), "an absolute time in the past expires at once");
	v.it_value.tv_nsec = 1000000000;
	CHECK_ERRNO(timer_settime(t, 0, &v, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_timer_settime, 12345, 0, &zero, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_timer_gettime, 12345, &old), EINVAL);
	CHECK_ERRNO(syscall(SYS_timer_delete, 12345), EINVAL);
	CHECK_ERRNO(syscall(SYS_timer_getoverrun, 12345), EINVAL);
	CHECK(timer_delete(t) == 0);
	event.sigev_notify = SIGEV_NONE;
	CHECK(timer_create(CLOCK_REALTIME, &event, &t) == 0);
	v = (struct itimerspec){{0, 0}, {0, 1000000}};
	count = 0;
	timer_settime(t, 0, &v, NULL);
	usleep(5000);
	CHECK_THAT(count == 0 && timer_gettime(t, &old) == 0 && old.it_value.tv_nsec == 0,
		   "SIGEV_NONE only counts down");
	timer_delete(t);
	event.sigev_notify = SIGEV_THREAD_ID;
	event._sigev_un._tid = (pid_t)syscall(SYS_gettid);
	CHECK_THAT(timer_create(CLOCK_MONOTONIC, &event, &t) == 0, "SIGEV_THREAD_ID");
	count = 0;
	timer_settime(t, 0, &v, NULL);
	CHECK_THAT(wait_count(1, 0) && last.si_code == SI_TIMER, "reaches that thread");
	timer_delete(t);
	event._sigev_un._tid = 1 << 30;
	CHECK_ERRNO(timer_create(CLOCK_MONOTONIC, &event, &t), EINVAL);
	CHECK(timer_create(CLOCK_MONOTONIC, NULL, &t) == 0);
	catch (SIGALRM);
	timer_settime(t, 0, &v, NULL);
	CHECK_THAT(wait_count(1, 0) && last.si_signo == SIGALRM, "without sigevent it is SIGALRM");
	timer_delete(t);
	signal(SIGALRM, SIG_DFL);
	event.sigev_notify = SIGEV_SIGNAL;
	CHECK(timer_create(CLOCK_PROCESS_CPUTIME_ID, &event, &t) == 0);
	count = 0;
	v.it_value.tv_nsec = 20000000;
	timer_settime(t, 0, &v, NULL);
	CHECK_THAT(wait_count(1, 1), "a timer of processor time");
	gone = t;
	CHECK_IN_CHILD_THAT(timer_gettime(gone, &old) == -1 && errno == EINVAL, "a child has no timers");
	timer_delete(t);
}

static void descriptors(void)
{
	struct itimerspec v = {{0, 0}, {100, 0}}, old, zero = {{0, 0}, {0, 0}};
	uint64_t expired = 0;
	theme("timerfd");
	CHECK_ERRNO(timerfd_create(99, 0), EINVAL);
	CHECK_ERRNO(timerfd_create(CLOCK_MONOTONIC, 0x100), EINVAL);
	CHECK_ERRNO(timerfd_create(CLOCK_PROCESS_CPUTIME_ID, 0), EINVAL);
	CHECK_ERRNO(timerfd_settime(0, 0, &v, NULL), EINVAL);
	CHECK_ERRNO(timerfd_settime(1000, 0, &v, NULL), EBADF);
	CHECK_ERRNO(timerfd_gettime(1000, &v), EBADF);
	int fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC && (fcntl(fd, F_GETFL) & O_NONBLOCK));
	CHECK_ERRNO(syscall(SYS_timerfd_settime, fd, 0, unmapped_address(), NULL), EFAULT);
	CHECK_ERRNO(timerfd_settime(fd, 0x40, &v, NULL), EINVAL);
	struct pollfd p = {fd, POLLIN, 0};
	CHECK_ERRNO(read(fd, &expired, 8), EAGAIN);
	CHECK_ERRNO(read(fd, &expired, 7), EINVAL);
	CHECK_ERRNO(write(fd, &expired, 8), EINVAL);
	CHECK(poll(&p, 1, 0) == 0);
	CHECK(timerfd_settime(fd, 0, &v, &old) == 0 && old.it_value.tv_sec == 0 && old.it_value.tv_nsec == 0);
	CHECK(timerfd_gettime(fd, &old) == 0 && old.it_value.tv_sec >= 50 &&
	      (old.it_value.tv_sec < 100 || old.it_value.tv_nsec == 0));
	v.it_value = (struct timespec){0, 15000000};
	long begin = now_us();
	CHECK_THAT(timerfd_settime(fd, 0, &v, &old) == 0 && old.it_value.tv_sec >= 50, "the time left is given back");
	CHECK(poll(&p, 1, 20000) == 1 && p.revents == POLLIN && now_us() - begin >= 15000);
	CHECK(read(fd, &expired, 8) == 8 && expired == 1);
	CHECK_ERRNO(read(fd, &expired, 8), EAGAIN);
	v = (struct itimerspec){{0, 3000000}, {0, 3000000}};
	timerfd_settime(fd, 0, &v, NULL);
	sleep_ms(30);
	CHECK_THAT(read(fd, &expired, 8) == 8 && expired >= 5, "a read tells how often it expired");
	CHECK(timerfd_settime(fd, 0, &zero, &old) == 0 && old.it_interval.tv_nsec == 3000000);
	CHECK_ERRNO(read(fd, &expired, 8), EAGAIN);
	clock_gettime(CLOCK_MONOTONIC, &v.it_value);
	v.it_value.tv_sec -= 1;
	v.it_interval = zero.it_interval;
	timerfd_settime(fd, TFD_TIMER_ABSTIME, &v, NULL);
	CHECK_THAT(poll(&p, 1, 20000) == 1 && read(fd, &expired, 8) == 8 && expired == 1,
		   "an absolute time in the past");
	fcntl(fd, F_SETFL, 0);
	v.it_value = (struct timespec){0, 10000000};
	timerfd_settime(fd, 0, &v, NULL);
	CHECK_THAT(read(fd, &expired, 8) == 8 && expired == 1, "a read waits for it");
	v.it_value = (struct timespec){0, 5000000};
	timerfd_settime(fd, 0, &v, NULL);
	CHECK_IN_CHILD_THAT(read(fd, &expired, 8) == 8, "a forked child shares it");
	close(fd);
	fd = timerfd_create(CLOCK_REALTIME, TFD_NONBLOCK);
	CHECK(fd >= 0 && timerfd_settime(fd, TFD_TIMER_ABSTIME | TFD_TIMER_CANCEL_ON_SET, &v, NULL) == 0);
	close(fd);
	fd = timerfd_create(CLOCK_BOOTTIME, 0);
	CHECK(fd >= 0);
	close(fd);
}

/* Far more expirations than a slow machine can take one by one: the program must still come forward. */
static void crowd(void)
{
	enum { TIMERS = 200 };
	int fds[TIMERS], i;
	struct itimerspec v = {{0, 500000}, {0, 500000}};
	volatile unsigned long n = 0;
	uint64_t expired = 0, sum = 0;
	theme("many timers");
	long begin = now_us();
	for (i = 0; i < TIMERS; i++) {
		fds[i] = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK);
		timerfd_settime(fds[i], 0, &v, NULL);
	}
	long end = now_us() + 300000, last_end = end + 10000000;
	while (now_us() < end || (n <= 1000 && now_us() < last_end))
		n++;
	for (i = 0; i < TIMERS; i++) {
		if (read(fds[i], &expired, 8) == 8)
			sum += expired;
		close(fds[i]);
	}
	CHECK_THAT(n > 1000, "the program runs between 400,000 expirations a second");
	CHECK_THAT(sum >= TIMERS * 599ul && sum <= TIMERS * (unsigned long)((now_us() - begin) / 500 + 1),
		   "none is lost or added");
	timer_t timer;
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1};
	struct itimerspec fast = {{0, 50000}, {0, 50000}};
	catch (SIGUSR1);
	REQUIRE(timer_create(CLOCK_MONOTONIC, &event, &timer) == 0 && timer_settime(timer, 0, &fast, NULL) == 0);
	end = now_us() + 10000000;
	while (count <= 10 && now_us() < end)
		n++;
	timer_delete(timer);
	CHECK_THAT(count > 10, "a timer of 50 us signals, and the program goes on");
}

int main(void)
{
	limit_seconds(60);
	crowd();
	posix_timers();
	descriptors();
	intervals();
	return finish();
}
