/* SPDX-License-Identifier: Apache-2.0
 * POSIX message queues: mq_open, mq_send, mq_receive, mq_notify, mq_getattr, mq_unlink.
 * area: System V and POSIX IPC
 * flags: -lrt
 */
#include <fcntl.h>
#include <limits.h>
#include <mqueue.h>
#include <poll.h>
#include <sys/stat.h>

#include "probe.h"

static char name[64];

static struct mq_attr small = {.mq_maxmsg = 3, .mq_msgsize = 16};

static int got(mqd_t q, const char *wanted, unsigned wanted_priority)
{
	char buffer[16] = "";
	unsigned priority = 99;
	return mq_receive(q, buffer, sizeof(buffer), &priority) == (ssize_t)strlen(wanted) &&
	       memcmp(buffer, wanted, strlen(wanted)) == 0 && priority == wanted_priority;
}

static struct timespec soon(long ms)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	t.tv_nsec += ms * 1000000;
	t.tv_sec += t.tv_nsec / 1000000000;
	t.tv_nsec %= 1000000000;
	return t;
}

static void hostile(void)
{
	char buffer[16];
	theme("hostile");
	mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR | O_NONBLOCK, 0600, &small);
	REQUIRE(q >= 0);
	CHECK_ERRNO(syscall(SYS_mq_open, unmapped_address(), O_RDWR, 0, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_mq_open, "other", O_RDWR | O_CREAT, 0600, unmapped_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_mq_unlink, unmapped_address()), EFAULT);
	CHECK_ERRNO(mq_send(q, unmapped_address(), 4, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_mq_timedsend, q, "x", 1, 0, unmapped_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_mq_getsetattr, q, unmapped_address(), NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_mq_getsetattr, q, NULL, unmapped_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_mq_notify, q, unmapped_address()), EFAULT);
	CHECK_ERRNO(mq_send(q, "12345678901234567", 17, 0), EMSGSIZE);
	CHECK_ERRNO(mq_send(q, "x", 1, 32768), EINVAL);
	CHECK_ERRNO(mq_send(-1, "x", 1, 0), EBADF);
	CHECK_ERRNO(mq_send(1, "x", 1, 0), EBADF);
	CHECK_ERRNO(mq_receive(1, buffer, 16, NULL), EBADF);
	CHECK_ERRNO(mq_receive(q, buffer, 15, NULL), EMSGSIZE);
	CHECK_ERRNO(mq_receive(q, buffer, 16, NULL), EAGAIN);
	CHECK(mq_send(q, "lost", 4, 0) == 0);
	CHECK_ERRNO(mq_receive(q, unmapped_address(), 16, NULL), EFAULT);
	CHECK_ERRNO(mq_timedsend(q, "x", 1, 0, (&(struct timespec){0, 1000000000})), EINVAL);
	CHECK_ERRNO(syscall(SYS_mq_open, "", O_RDWR, 0, NULL), ENOENT);
	CHECK_ERRNO(syscall(SYS_mq_open, "a/b", O_RDWR, 0, NULL), EACCES);
	struct mq_attr bad = {.mq_maxmsg = 0, .mq_msgsize = 1};
	CHECK_ERRNO(mq_open("/bad-attributes", O_CREAT | O_RDWR, 0600, &bad), EINVAL);
	bad = (struct mq_attr){.mq_maxmsg = LONG_MAX, .mq_msgsize = LONG_MAX};
	CHECK_THAT(mq_open("/bad-attributes", O_CREAT | O_RDWR, 0600, &bad) < 0 && errno == EINVAL,
		   "too large a queue");
	mq_close(q);
	CHECK(mq_unlink(name) == 0);
	CHECK_ERRNO(mq_unlink(name), ENOENT);
}

static void messages(void)
{
	struct mq_attr attr, old;
	char status[100] = "";
	theme("messages");
	CHECK_ERRNO(mq_open(name, O_RDWR), ENOENT);
	mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &small);
	REQUIRE(q >= 0);
	CHECK_ERRNO(mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &small), EEXIST);
	CHECK(fcntl(q, F_GETFD) == FD_CLOEXEC);
	CHECK(mq_getattr(q, &attr) == 0 && attr.mq_maxmsg == 3 && attr.mq_msgsize == 16 && attr.mq_curmsgs == 0);
	CHECK(mq_send(q, "low", 3, 1) == 0 && mq_send(q, "high", 4, 7) == 0 && mq_send(q, "low2", 4, 1) == 0);
	struct pollfd p = {.fd = q, .events = POLLIN | POLLOUT};
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLIN);
	CHECK_THAT(pread(q, status, sizeof(status), 0) > 20 && strncmp(status, "QSIZE:11 ", 9) == 0 &&
		       strstr(status, "NOTIFY_PID:0"),
		   "read(2) tells of the queue");
	struct timespec t = soon(20);
	CHECK_ERRNO(mq_timedsend(q, "full", 4, 0, &t), ETIMEDOUT);
	CHECK_THAT(got(q, "high", 7) && got(q, "low", 1) && got(q, "low2", 1), "by priority, then in order");
	t = soon(20);
	CHECK_ERRNO(mq_timedreceive(q, (char[16]){0}, 16, NULL, &t), ETIMEDOUT);
	CHECK(poll(&p, 1, 0) == 1 && p.revents == POLLOUT);
	CHECK(mq_send(q, "", 0, 32767) == 0 && got(q, "", 32767));
	mqd_t reader = mq_open(name, O_RDONLY | O_NONBLOCK);
	CHECK(reader >= 0);
	CHECK_ERRNO(mq_send(reader, "x", 1, 0), EBADF);
	CHECK_ERRNO(mq_receive(reader, (char[16]){0}, 16, NULL), EAGAIN);
	attr.mq_flags = 0;
	CHECK_THAT(mq_setattr(reader, &attr, &old) == 0 && old.mq_flags == O_NONBLOCK,
		   "mq_setattr tells the old flags");
	CHECK(mq_getattr(reader, &attr) == 0 && attr.mq_flags == 0);
	pid_t child = fork_child();
	if (child == 0)
		_exit(got(reader, "wake", 2) ? 0 : 1);
	sleep_ms(20);
	CHECK(mq_send(q, "wake", 4, 2) == 0 && wait_for(child) == 0);
	CHECK(mq_unlink(name) == 0 && mq_send(q, "still", 5, 0) == 0 && got(reader, "still", 0));
	CHECK_THAT(mq_open(name, O_RDWR) < 0 && errno == ENOENT, "its name is gone");
	mq_close(reader);
	mq_close(q);
}

static volatile int signal_value, signal_code;
static void handler(int number, siginfo_t *info, void *context)
{
	signal_value = info->si_value.sival_int;
	signal_code = info->si_code;
}

static void notification(void)
{
	struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
	struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1, .sigev_value.sival_int = 42};
	theme("notification");
	sigaction(SIGUSR1, &action, NULL);
	mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0600, &small);
	REQUIRE(q >= 0);
	CHECK(mq_notify(q, &event) == 0);
	CHECK_ERRNO(mq_notify(q, &event), EBUSY);
	CHECK(mq_send(q, "a", 1, 0) == 0 && signal_value == 42 && signal_code == SI_MESGQ);
	signal_value = 0;
	CHECK_THAT(mq_send(q, "b", 1, 0) == 0 && signal_value == 0, "once");
	CHECK(got(q, "a", 0) && got(q, "b", 0));
	CHECK_THAT(mq_notify(q, &event) == 0 && mq_notify(q, NULL) == 0 && mq_send(q, "c", 1, 0) == 0 &&
		       signal_value == 0,
		   "and not when it was taken back");
	CHECK_ERRNO(mq_notify(1, &event), EBADF);
	event.sigev_signo = 1000;
	CHECK_THAT(mq_notify(q, &event) == -1 && errno == EINVAL, "no such signal");
	mq_close(q);
	mq_unlink(name);
}

static int as_nobody(int flags)
{
	if (setgid(65534) != 0 || setuid(65534) != 0)
		_exit(199);
	return mq_open(name, flags);
}

static void permissions(void)
{
	theme("permissions");
	umask(0);
	mqd_t q = mq_open(name, O_CREAT | O_EXCL | O_RDWR, 0604, &small);
	REQUIRE(q >= 0);
	if (geteuid() == 0) {
		CHECK_IN_CHILD_THAT(as_nobody(O_RDONLY) >= 0, "others may read");
		CHECK_IN_CHILD_THAT(as_nobody(O_WRONLY) == -1 && errno == EACCES, "others may not write");
		CHECK_IN_CHILD_THAT((as_nobody(O_RDONLY), mq_unlink(name) == -1 && (errno == EACCES || errno == EPERM)),
				    "others may not unlink");
	}
	mq_close(q);
	mq_unlink(name);
}

int main(void)
{
	limit_seconds(30);
	snprintf(name, sizeof(name), "/probe-%d", getpid());
	hostile();
	messages();
	notification();
	permissions();
	return finish();
}
