/* SPDX-License-Identifier: Apache-2.0
 * Each system call that takes a pointer, with each kind of address it must not trust, in each place: EFAULT, and
 * nothing worse. The other arguments are such that nothing else is wrong.
 * area: Hostile pointers
 */
#include <fcntl.h>
#include <linux/futex.h>
#include <poll.h>
#include <sched.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/time.h>
#include <sys/timex.h>
#include <sys/uio.h>
#include <sys/utsname.h>

#include "probe.h"

/* What stands in an argument's place. BAD_IN and BAD_OUT are tried with hostile addresses, one after the other. */
enum kind {
	NUMBER,
	BAD_IN,
	BAD_OUT,
	PATH,
	ZERO,
	EMPTY_PIPE,
	DATA_PIPE,
	A_FILE,
	A_SOCKET,
	AN_EPOLL,
	A_TIMER,
	A_DIR,
	SCRATCH
};

struct argument {
	enum kind kind;
	long value; /* of NUMBER; bytes that the call touches of BAD_IN and BAD_OUT */
};

struct call {
	const char *name;
	long number;
	struct argument a[6];
};

#define N(v)                                                                                                           \
	{                                                                                                              \
		NUMBER, v                                                                                              \
	}
#define IN(bytes)                                                                                                      \
	{                                                                                                              \
		BAD_IN, bytes                                                                                          \
	}
#define OUT(bytes)                                                                                                     \
	{                                                                                                              \
		BAD_OUT, bytes                                                                                         \
	}
#define AT(place)                                                                                                      \
	{                                                                                                              \
		place, 0                                                                                               \
	}
#define C(name, ...)                                                                                                   \
	{                                                                                                              \
#name, SYS_##name,                                                                                     \
		{                                                                                                      \
			__VA_ARGS__                                                                                    \
		}                                                                                                      \
	}
#define NULL_ALLOWED 0x10000000L /* added to the bytes: NULL means something else here */

static const struct call calls[] = {
    C(read, AT(DATA_PIPE), OUT(8), N(8)),
    C(write, AT(EMPTY_PIPE), IN(8), N(8)),
    C(pread64, AT(A_FILE), OUT(8), N(8), N(0)),
    C(pwrite64, AT(A_FILE), IN(8), N(8), N(0)),
    C(readv, AT(A_FILE), IN(16), N(1)),
    C(writev, AT(A_FILE), IN(16), N(1)),
    C(preadv, AT(A_FILE), IN(16), N(1), N(0)),
    C(pwritev, AT(A_FILE), IN(16), N(1), N(0)),
    C(open, IN(4096), N(O_RDONLY)),
    C(openat, N(AT_FDCWD), IN(4096), N(O_RDONLY)),
    C(openat2, N(AT_FDCWD), AT(PATH), IN(24), N(24)),
    C(stat, IN(4096), AT(SCRATCH)),
    C(stat, AT(PATH), OUT(144)),
    C(lstat, IN(4096), AT(SCRATCH)),
    C(lstat, AT(PATH), OUT(144)),
    C(fstat, AT(A_FILE), OUT(144)),
    C(newfstatat, N(AT_FDCWD), AT(PATH), OUT(144), N(0)),
    C(statx, N(AT_FDCWD), AT(PATH), N(0), N(0x7ff), OUT(256)),
    C(statfs, IN(4096), AT(SCRATCH)),
    C(statfs, AT(PATH), OUT(120)),
    C(fstatfs, AT(A_FILE), OUT(120)),
    C(access, IN(4096), N(0)),
    C(faccessat, N(AT_FDCWD), IN(4096), N(0)),
    C(mkdir, IN(4096), N(0700)),
    C(mkdirat, N(AT_FDCWD), IN(4096), N(0700)),
    C(rmdir, IN(4096)),
    C(unlink, IN(4096)),
    C(unlinkat, N(AT_FDCWD), IN(4096), N(0)),
    C(rename, IN(4096), AT(PATH)),
    C(rename, AT(PATH), IN(4096)),
    C(link, IN(4096), AT(PATH)),
    C(symlink, IN(4096), AT(PATH)),
    C(symlink, AT(PATH), IN(4096)),
    C(readlink, IN(4096), AT(SCRATCH), N(10)),
    C(chmod, IN(4096), N(0700)),
    C(chown, IN(4096), N(0), N(0)),
    C(lchown, IN(4096), N(0), N(0)),
    C(truncate, IN(4096), N(0)),
    C(chdir, IN(4096)),
    C(mknod, IN(4096), N(S_IFIFO | 0600), N(0)),
    C(creat, IN(4096), N(0600)),
    C(utimensat, N(AT_FDCWD), IN(4096), N(0), N(0)),
    C(utimensat, N(AT_FDCWD), AT(PATH), IN(NULL_ALLOWED + 32), N(0)),
    C(getdents64, AT(A_DIR), OUT(400), N(400)),
    C(getcwd, OUT(2), N(4096)),
    C(pipe, OUT(8)),
    C(pipe2, OUT(8), N(0)),
    C(poll, IN(8), N(1), N(0)),
    C(ppoll, IN(8), N(1), N(0), N(0), N(8)),
    C(select, N(1), IN(NULL_ALLOWED + 8), N(0), N(0), AT(ZERO)),
    C(select, N(0), N(0), N(0), N(0), IN(NULL_ALLOWED + 16)),
    C(pselect6, N(1), IN(NULL_ALLOWED + 8), N(0), N(0), AT(ZERO), N(0)),
    C(epoll_ctl, AT(AN_EPOLL), N(EPOLL_CTL_ADD), AT(EMPTY_PIPE), IN(12)),
    C(timerfd_settime, AT(A_TIMER), N(0), IN(32), N(0)),
    C(timerfd_gettime, AT(A_TIMER), OUT(32)),
    C(signalfd4, N(-1), IN(8), N(8), N(0)),
    C(rt_sigaction, N(SIGUSR1), IN(NULL_ALLOWED + 32), N(0), N(8)),
    C(rt_sigaction, N(SIGUSR1), N(0), OUT(NULL_ALLOWED + 32), N(8)),
    C(rt_sigprocmask, N(SIG_BLOCK), IN(NULL_ALLOWED + 8), N(0), N(8)),
    C(rt_sigprocmask, N(SIG_BLOCK), N(0), OUT(NULL_ALLOWED + 8), N(8)),
    C(rt_sigpending, OUT(8), N(8)),
    C(rt_sigsuspend, IN(8), N(8)),
    C(rt_sigtimedwait, IN(8), N(0), AT(ZERO), N(8)),
    C(sigaltstack, IN(NULL_ALLOWED + 24), N(0)),
    C(sigaltstack, N(0), OUT(NULL_ALLOWED + 24)),
    C(nanosleep, IN(16), N(0)),
    C(clock_nanosleep, N(CLOCK_MONOTONIC), N(0), IN(16), N(0)),
    C(clock_gettime, N(CLOCK_MONOTONIC), OUT(16)),
    C(clock_getres, N(CLOCK_MONOTONIC), OUT(NULL_ALLOWED + 16)),
    C(gettimeofday, OUT(NULL_ALLOWED + 16), N(0)),
    C(time, OUT(NULL_ALLOWED + 8)),
    C(times, OUT(NULL_ALLOWED + 32)),
    C(getitimer, N(ITIMER_REAL), OUT(32)),
    C(getrlimit, N(RLIMIT_CORE), OUT(16)),
    C(setrlimit, N(RLIMIT_CORE), IN(16)),
    C(prlimit64, N(0), N(RLIMIT_CORE), N(0), OUT(NULL_ALLOWED + 16)),
    C(getrusage, N(RUSAGE_SELF), OUT(144)),
    C(sysinfo, OUT(112)),
    C(uname, OUT(390)),
    C(getrandom, OUT(16), N(16), N(0)),
    C(getresuid, OUT(4), AT(SCRATCH), AT(SCRATCH)),
    C(getresgid, AT(SCRATCH), AT(SCRATCH), OUT(4)),
    C(sched_getparam, N(0), OUT(NULL_ALLOWED + 4)),
    C(sched_setparam, N(0), IN(NULL_ALLOWED + 4)),
    C(sched_getaffinity, N(0), N(128), OUT(8)),
    C(sched_setaffinity, N(0), N(128), IN(128)),
    C(sched_rr_get_interval, N(0), OUT(16)),
    C(getcpu, OUT(NULL_ALLOWED + 4), N(0), N(0)),
    C(capget, IN(8), AT(SCRATCH)),
    C(prctl, N(PR_GET_NAME), OUT(16)),
    C(prctl, N(PR_SET_NAME), IN(16)),
    C(prctl, N(PR_GET_PDEATHSIG), OUT(4)),
    C(arch_prctl, N(0x1003), OUT(8)),
    C(futex, IN(4), N(FUTEX_WAIT), N(0), AT(ZERO), N(0), N(0)),
    C(futex, IN(4), N(FUTEX_WAKE), N(1), N(0), N(0), N(0)),
    C(get_robust_list, N(0), OUT(8), AT(SCRATCH)),
    C(mincore, AT(SCRATCH), N(4096), OUT(1)),
    C(memfd_create, IN(249), N(0)),
    C(socketpair, N(AF_UNIX), N(SOCK_STREAM), N(0), OUT(8)),
    C(bind, AT(A_SOCKET), IN(16), N(16)),
    C(connect, AT(A_SOCKET), IN(16), N(16)),
    C(getsockname, AT(A_SOCKET), AT(SCRATCH), OUT(4)),
    C(setsockopt, AT(A_SOCKET), N(SOL_SOCKET), N(SO_RCVBUF), IN(4), N(4)),
    C(getsockopt, AT(A_SOCKET), N(SOL_SOCKET), N(SO_TYPE), AT(SCRATCH), OUT(4)),
    C(sendmsg, AT(A_SOCKET), IN(56), N(0)),
    C(recvmsg, AT(A_SOCKET), IN(56), N(MSG_DONTWAIT)),
    C(execve, IN(4096), N(0), N(0)),
    C(clone3, IN(88), N(88)),
    C(timer_create, N(CLOCK_MONOTONIC), IN(NULL_ALLOWED + 64), AT(SCRATCH)),
    C(timer_create, N(CLOCK_MONOTONIC), N(0), OUT(4)),
    C(sendfile, AT(EMPTY_PIPE), AT(A_FILE), IN(NULL_ALLOWED + 8), N(1)),
    C(splice, AT(A_FILE), IN(NULL_ALLOWED + 8), AT(EMPTY_PIPE), N(0), N(1), N(0)),
    C(vmsplice, AT(EMPTY_PIPE), IN(16), N(1), N(0)),
    C(process_vm_readv, N(0), IN(16), N(1), AT(SCRATCH), N(1), N(0)),
    C(getxattr, IN(4096), AT(PATH), AT(SCRATCH), N(8)),
    C(adjtimex, IN(208)),
};

static char *scratch;
static int empty_pipe[2], data_pipe[2], file, unix_socket, epoll, timer, directory;

static long value_of(const struct argument *a, long bad)
{
	static const struct timespec zero;
	switch (a->kind) {
	case BAD_IN:
	case BAD_OUT:
		return bad;
	case PATH:
		return (long)"/dev/null";
	case ZERO:
		return (long)&zero;
	case EMPTY_PIPE:
		return empty_pipe[1];
	case DATA_PIPE:
		return data_pipe[0];
	case A_FILE:
		return file;
	case A_SOCKET:
		return unix_socket;
	case AN_EPOLL:
		return epoll;
	case A_TIMER:
		return timer;
	case A_DIR:
		return directory;
	case SCRATCH:
		return (long)scratch;
	default:
		return a->value;
	}
}

static const struct argument *bad_argument(const struct call *c)
{
	for (int i = 0; i < 6; i++)
		if (c->a[i].kind == BAD_IN || c->a[i].kind == BAD_OUT)
			return &c->a[i];
	return NULL;
}

/* Tells calls that stand in the table more than once with the bad argument in the same place. */
static int times_before(const struct call *c)
{
	int count = 1;
	for (const struct call *other = calls; other < c; other++)
		if (other->number == c->number && bad_argument(other) - other->a == bad_argument(c) - c->a)
			count++;
	return count;
}

static int fails(const struct call *c, unsigned long bad)
{
	long v[6];
	for (int i = 0; i < 6; i++)
		v[i] = value_of(&c->a[i], (long)bad);
	errno = 0;
	return syscall(c->number, v[0], v[1], v[2], v[3], v[4], v[5]) == -1 && errno == EFAULT;
}

/* Calls that do what they can with the part that is there, or look at alignment first. */
static int partial(long number)
{
	static const long numbers[] = {SYS_getrandom, SYS_getdents64, SYS_read, SYS_pread64,
				       SYS_write,     SYS_pwrite64,   SYS_futex};
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		if (numbers[i] == number)
			return 1;
	return 0;
}

static void sweep(const struct call *c)
{
	const struct argument *a = bad_argument(c);
	long bytes = a->value & ~NULL_ALLOWED;
	int place = (int)(a - c->a) + 1, output = a->kind == BAD_OUT, nth = times_before(c);
	char *last = map_pages(2, PROT_READ | PROT_WRITE), *none = map_pages(2, PROT_NONE),
	     *readonly = map_pages(2, PROT_READ);
	memset(last, 1, 2 * PAGE);
	mprotect(last + PAGE, PAGE, PROT_NONE);
	struct {
		const char *what;
		unsigned long address;
	} kinds[] = {
	    {"NULL", 0},
	    {"an unmapped address", (unsigned long)unmapped_address() & -64ul},
	    {"PROT_NONE memory", (unsigned long)none},
	    {"a low address", 64},
	    {"the end of user space", 0x7ffffffff000},
	    {"a non-canonical address", 0x8000000000000000},
	    {"the direct map", 0xffff888000000000},
	    {"the kernel's text", 0xffffffff80000000},
	    {"the last page", 0xfffffffffffff000},
	    {"read-only memory", (unsigned long)readonly},
	    {"memory that ends within", (unsigned long)last + PAGE - 1},
	};
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (i == 0 && (a->value & NULL_ALLOWED))
			continue;
		if (i == 9 && !output)
			continue;
		/* Of a larger object the first byte alone is there. A path without end is EFAULT too. */
		if (i == 10 && bytes <= 1)
			continue;
		if (i == 10 && partial(c->number))
			continue;
		CHECKF(fails(c, kinds[i].address), "%s (%d) with %s as argument %d", c->name, nth, kinds[i].what,
		       place);
	}
	munmap(last, 2 * PAGE);
	munmap(none, 2 * PAGE);
	munmap(readonly, 2 * PAGE);
}

/* Elements of vectors: the vector is good, what it points to is not; and lengths that cannot be. */
static void vectors(void)
{
	struct iovec v = {unmapped_address(), 8};
	struct msghdr m = {.msg_iov = &v, .msg_iovlen = 1};
	theme("hostile vectors");
	CHECK_ERRNO(writev(file, &v, 1), EFAULT);
	CHECK_ERRNO(pwritev(file, &v, 1, 0), EFAULT);
	lseek(file, 0, SEEK_SET);
	CHECK_ERRNO(readv(file, &v, 1), EFAULT);
	CHECK_ERRNO(sendmsg(unix_socket, &m, MSG_NOSIGNAL), EFAULT);
	v.iov_base = (void *)0xffff888000000000;
	CHECK_ERRNO_THAT(writev(file, &v, 1), EFAULT, "writev of kernel memory");
	CHECK_ERRNO(syscall(SYS_process_vm_writev, getpid(), &v, 1, &v, 1, 0), EFAULT);
	v = (struct iovec){scratch, (size_t)-1};
	CHECK_ERRNO(writev(file, &v, 1), EINVAL);
	CHECK_ERRNO(readv(file, &v, 1), EINVAL);
	CHECK_ERRNO(syscall(SYS_writev, file, &v, -1L), EINVAL);
	CHECK_ERRNO(syscall(SYS_readv, file, &v, 1025), EINVAL);
	CHECK_ERRNO_THAT(syscall(SYS_write, file, 0xffff888000000000, -1L), EFAULT,
			 "a huge length at a kernel address");
	CHECK_ERRNO_THAT(syscall(SYS_write, file, scratch, -1L), EFAULT, "a huge length at a good address");
	CHECK_ERRNO_THAT(syscall(SYS_pread64, file, 0x7fffffff0000, 1L << 62, 0L), EFAULT,
			 "a range that wraps into the kernel");
	m.msg_iovlen = 1 << 20;
	CHECK_ERRNO(syscall(SYS_sendmsg, unix_socket, &m, MSG_NOSIGNAL), EMSGSIZE);
	m.msg_iovlen = (size_t)-1;
	CHECK_ERRNO_THAT(syscall(SYS_sendmsg, unix_socket, &m, MSG_NOSIGNAL), EMSGSIZE,
			 "sendmsg with the largest vector length");
}

int main(void)
{
	int sv[2];
	limit_seconds(60);
	theme("hostile pointers");
	scratch = map_pages(4, PROT_READ | PROT_WRITE);
	REQUIRE(pipe2(empty_pipe, O_NONBLOCK) == 0 && pipe2(data_pipe, O_NONBLOCK) == 0);
	REQUIRE(write(data_pipe[1], scratch, 64) == 64);
	file = memfd_create("hostile", 0);
	REQUIRE(write(file, scratch, 4096) == 4096);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, sv) == 0);
	unix_socket = sv[0];
	epoll = epoll_create1(0);
	timer = (int)syscall(SYS_timerfd_create, CLOCK_MONOTONIC, 0);
	directory = open("/", O_RDONLY | O_DIRECTORY);
	REQUIRE(epoll >= 0 && timer >= 0 && directory >= 0);
	for (size_t i = 0; i < sizeof(calls) / sizeof(*calls); i++) {
		lseek(file, 0, SEEK_SET);
		lseek(directory, 0, SEEK_SET);
		sweep(&calls[i]);
	}
	vectors();
	return finish();
}
