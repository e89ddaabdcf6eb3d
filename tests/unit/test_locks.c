/* SPDX-License-Identifier: Apache-2.0
 *
 * Advisory locks, leases, inotify and dnotify. On both sides of fs_stub.h.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "guestkernel/fs/dnotify.h"
#include "guestkernel/fs/lease.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/fs_test.h"

static void body_flock(void)
{
	long a = call(open, "f", O_CREAT | O_RDWR, 0644), b = call(open, "f", O_RDWR), c = call(dup, a);
	is(0, call(flock, a, LOCK_SH));
	is(0, call(flock, b, LOCK_SH | LOCK_NB));
	is(-EAGAIN, call(flock, a, LOCK_EX | LOCK_NB));
	is(0, call(flock, b, LOCK_UN));
	is(0, call(flock, a, LOCK_EX | LOCK_NB));
	is(0, call(flock, c, LOCK_EX | LOCK_NB)); /* the same open file description */
	is(-EAGAIN, call(flock, b, LOCK_SH | LOCK_NB));
	is(-EINVAL, call(flock, a, 0));
	is(-EBADF, call(flock, 99, LOCK_SH));
	is(0, call(close, a));
	is(-EAGAIN, call(flock, b, LOCK_SH | LOCK_NB));
	is(0, call(close, c));
	is(0, call(flock, b, LOCK_SH | LOCK_NB));
	is(0, call(close, b));
}

static long range(long fd, int cmd, short type, long start, long len, struct flock *out)
{
	struct flock fl = {.l_type = type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	long r = call(fcntl, fd, cmd, &fl);
	if (out)
		*out = fl;
	return r;
}

static void body_ranges(void)
{
	struct flock fl;
	long a = call(open, "f", O_CREAT | O_RDWR, 0644), b = call(open, "f", O_RDWR), ro = call(open, "f", O_RDONLY);
	/* OFD locks conflict between descriptions of one process. */
	is(0, range(a, F_OFD_SETLK, F_WRLCK, 0, 100, NULL));
	is(-EAGAIN, range(b, F_OFD_SETLK, F_RDLCK, 50, 10, NULL));
	is(0, range(b, F_OFD_SETLK, F_RDLCK, 100, 10, NULL));
	is(0, range(b, F_OFD_GETLK, F_RDLCK, 50, 10, &fl));
	is(F_WRLCK, fl.l_type);
	is(0, fl.l_start);
	is(100, fl.l_len);
	is(-1, fl.l_pid);
	is(0, range(a, F_OFD_SETLK, F_UNLCK, 40, 20, NULL)); /* a hole: two locks remain */
	is(0, range(b, F_OFD_SETLK, F_WRLCK, 40, 20, NULL));
	is(-EAGAIN, range(b, F_OFD_SETLK, F_WRLCK, 39, 1, NULL));
	is(-EAGAIN, range(b, F_OFD_SETLK, F_WRLCK, 60, 1, NULL));
	is(0, range(b, F_OFD_SETLK, F_UNLCK, 40, 20, NULL));
	is(0, range(a, F_OFD_SETLK, F_WRLCK, 40, 20, NULL)); /* joined again */
	is(0, range(b, F_OFD_GETLK, F_RDLCK, 99, 1, &fl));
	is(0, fl.l_start);
	is(100, fl.l_len);
	is(0, range(a, F_OFD_SETLK, F_RDLCK, 90, 10, NULL)); /* a part becomes shared */
	is(0, range(b, F_OFD_SETLK, F_RDLCK, 95, 5, NULL));
	is(0, range(b, F_OFD_GETLK, F_WRLCK, 0, 0, &fl));
	is(0, fl.l_start);
	is(90, fl.l_len);
	is(-EBADF, range(ro, F_OFD_SETLK, F_WRLCK, 500, 1, NULL));
	is(0, range(ro, F_OFD_SETLK, F_RDLCK, 500, 1, NULL));
	is(-EINVAL, range(a, F_OFD_SETLK, F_WRLCK, -1, 1, NULL));
	is(-EINVAL, range(a, F_OFD_SETLK, 9, 0, 1, NULL));
	is(0, range(a, F_OFD_SETLK, F_WRLCK, 1000, -10, NULL)); /* 990..999 */
	is(-EAGAIN, range(b, F_OFD_SETLK, F_WRLCK, 990, 1, NULL));
	is(0, range(b, F_OFD_SETLK, F_WRLCK, 1000, 1, NULL));
	is(0, call(close, a));
	is(0, range(b, F_OFD_SETLK, F_WRLCK, 0, 400, NULL));
	/* POSIX locks of one process never conflict with each other, but with OFD locks. */
	is(0, range(b, F_SETLK, F_WRLCK, 2000, 10, NULL));
	is(0, range(ro, F_GETLK, F_RDLCK, 2000, 10, &fl));
	is(F_UNLCK, fl.l_type);
	is(-EAGAIN, range(ro, F_OFD_SETLK, F_RDLCK, 2000, 1, NULL));
	long c = call(open, "f", O_RDWR);
	is(0, call(close, c)); /* any close drops the process's POSIX locks */
	is(0, range(ro, F_OFD_SETLK, F_RDLCK, 2000, 1, NULL));
	is(0, call(close, b));
	is(0, call(close, ro));
}

static char events[4096];
static long used, left;

static struct inotify_event *next(long fd)
{
	if (used == left) {
		used = 0;
		left = call(read, fd, events, sizeof(events));
		is_true(left > 0);
	}
	struct inotify_event *e = (void *)(events + used);
	used += (long)sizeof(*e) + e->len;
	return e;
}

static void expect(long fd, int wd, u32 mask, const char *name)
{
	struct inotify_event *e = next(fd);
	is(wd, e->wd);
	is(mask, e->mask);
	if (name)
		is(0, strcmp(name, e->name));
	else
		is(0, e->len);
}

static void body_inotify(void)
{
	used = left = 0;
	is(0, call(mkdir, "d", 0755));
	long fd = call(inotify_init1, O_NONBLOCK), wd = call(inotify_add_watch, fd, "d", IN_ALL_EVENTS & ~IN_ACCESS);
	is(1, wd);
	is(-EAGAIN, call(read, fd, events, sizeof(events)));
	long file = call(open, "d/f", O_CREAT | O_RDWR, 0644);
	expect(fd, 1, IN_CREATE, "f");
	expect(fd, 1, IN_OPEN, "f");
	is(1, call(write, file, "x", 1));
	expect(fd, 1, IN_MODIFY, "f");
	is(0, call(fchmod, file, 0600));
	expect(fd, 1, IN_ATTRIB, "f");
	is(0, call(ftruncate, file, 0));
	expect(fd, 1, IN_MODIFY, "f");
	is(0, call(close, file));
	expect(fd, 1, IN_CLOSE_WRITE, "f");
	long fw = call(inotify_add_watch, fd, "d/f", IN_ATTRIB | IN_DELETE_SELF | IN_MOVE_SELF);
	is(2, fw);
	is(0, call(rename, "d/f", "d/g"));
	struct inotify_event *e = next(fd);
	is(IN_MOVED_FROM, e->mask);
	u32 cookie = e->cookie;
	e = next(fd);
	is(IN_MOVED_TO, e->mask);
	is(cookie, e->cookie);
	is(0, strcmp(e->name, "g"));
	expect(fd, 2, IN_MOVE_SELF, NULL);
	is(0, call(mkdir, "d/sub", 0755));
	expect(fd, 1, IN_CREATE | IN_ISDIR, "sub");
	is(0, call(rmdir, "d/sub"));
	expect(fd, 1, IN_DELETE | IN_ISDIR, "sub");
	is(0, call(unlink, "d/g"));
	expect(fd, 2, IN_ATTRIB, NULL);
	expect(fd, 2, IN_DELETE_SELF, NULL);
	expect(fd, 2, IN_IGNORED, NULL);
	expect(fd, 1, IN_DELETE, "g");
	is(wd, call(inotify_add_watch, fd, "d", IN_CREATE));
	is(-EEXIST, call(inotify_add_watch, fd, "d", IN_CREATE | IN_MASK_CREATE));
	is(-ENOTDIR, call(inotify_add_watch, fd, "/dev/null", IN_CREATE | IN_ONLYDIR));
	is(-EINVAL, call(inotify_add_watch, fd, "d", 0));
	is(-ENOENT, call(inotify_add_watch, fd, "none", IN_CREATE));
	is(-EINVAL, call(inotify_rm_watch, fd, 9));
	is(0, call(inotify_rm_watch, fd, wd));
	expect(fd, 1, IN_IGNORED, NULL);
	int n = 1;
	is(0, call(ioctl, fd, FIONREAD, &n));
	is(0, n);
	is(0, call(close, fd));
}

static long try_open(int flags)
{
	long fd = call(open, "f", flags | O_NONBLOCK);
	return fd < 0 ? fd : call(close, fd);
}

static void body_leases(void)
{
	long a = call(open, "f", O_CREAT | O_RDWR, 0644), b;
	signal(SIGIO, SIG_IGN);
	is(F_UNLCK, call(fcntl, a, F_GETLEASE));
	is(-EAGAIN, call(fcntl, a, F_SETLEASE, F_UNLCK));
	is(-EAGAIN, call(fcntl, a, F_SETLEASE, F_RDLCK));
	is(-EINVAL, call(fcntl, a, F_SETLEASE, 7));
	is(0, call(fcntl, a, F_SETLEASE, F_WRLCK));
	is(F_WRLCK, call(fcntl, a, F_GETLEASE));
	is(-EWOULDBLOCK, try_open(O_RDONLY));
	is(F_RDLCK, call(fcntl, a, F_GETLEASE));
	is(-EWOULDBLOCK, try_open(O_WRONLY));
	is(F_UNLCK, call(fcntl, a, F_GETLEASE));
	is(0, call(fcntl, a, F_SETLEASE, F_UNLCK));
	is(0, try_open(O_RDWR));
	is(0, call(close, a));
	a = call(open, "f", O_RDONLY);
	b = call(open, "f", O_RDONLY);
	is(0, call(fcntl, a, F_SETLEASE, F_RDLCK));
	is(-EAGAIN, call(fcntl, a, F_SETLEASE, F_WRLCK));
	is(0, call(fcntl, b, F_SETLEASE, F_RDLCK));
	is(-EWOULDBLOCK, try_open(O_WRONLY));
	is(0, try_open(O_RDONLY));
	is(0, call(close, b));
	is(-EWOULDBLOCK, try_open(O_WRONLY));
	is(0, call(close, a));
	is(0, try_open(O_WRONLY));
	is(-EINVAL, call(fcntl, call(open, "/", O_RDONLY), F_SETLEASE, F_RDLCK));
}

/* The holder does nothing: the time ends it. Without a time only a signal ends the wait. */
static void body_lease_time(void)
{
	long a = call(open, "f", O_CREAT | O_RDONLY, 0644), b;
	u64 before = stub_now_ns;
	is(0, call(fcntl, a, F_SETLEASE, F_RDLCK));
	b = call(open, "f", O_WRONLY);
	is_true(b >= 0);
	is(SIGIO, fs_signal);
	is(45, (stub_now_ns - before) / 1000000000);
	is(F_UNLCK, call(fcntl, a, F_GETLEASE));
	is(-EAGAIN, call(fcntl, a, F_SETLEASE, F_UNLCK));
	is(0, call(close, b));
	lease_break_seconds = 0;
	is(0, call(fcntl, a, F_SETLEASE, F_RDLCK));
	is(-ERESTARTSYS, call(open, "f", O_WRONLY));
	is(-ERESTARTSYS, call(truncate, "f", 1L));
	is(0, call(close, a));
	is(0, call(truncate, "f", 1L));
	lease_break_seconds = 45;
}

static bool told(void)
{
	int sig = fs_signal;
	fs_signal = 0;
	return sig == SIGIO;
}

static void body_dnotify(void)
{
	is(0, call(mkdir, "d", 0755));
	is(0, call(mkdir, "e", 0755));
	long d = call(open, "d", O_RDONLY | O_DIRECTORY), f;
	fs_signal = 0;
	is(0, call(fcntl, d, F_NOTIFY, DN_CREATE | DN_MULTISHOT));
	f = call(open, "d/f", O_CREAT | O_RDWR, 0644);
	is_true(told());
	is(0, call(rename, "d/f", "e/f"));
	is_true(!told());
	is(0, call(rename, "e/f", "d/f"));
	is_true(told());
	is(0, call(fcntl, d, F_NOTIFY, 0));
	is(0, call(fcntl, d, F_NOTIFY, DN_RENAME | DN_MODIFY));
	is(0, call(rename, "d/f", "d/g"));
	is_true(told());
	is(1, call(write, f, "x", 1));
	is_true(!told()); /* once only */
	is(0, call(fcntl, d, F_NOTIFY, DN_MODIFY | DN_MULTISHOT));
	is(1, call(write, f, "x", 1));
	is_true(told());
	is(0, call(close, call(dup, d)));
	is(1, call(write, f, "x", 1));
	is_true(!told());
	is(-ENOTDIR, call(fcntl, f, F_NOTIFY, DN_MODIFY));
	is(0, call(fcntl, d, F_NOTIFY, DN_MODIFY));
	is(0, call(close, d));
	is(0, call(close, f));
	is(0, dnotify_count);
}

BOTH(flock)
BOTH(leases)
OURS_ONLY(lease_time)
OURS_ONLY(dnotify)
BOTH(ranges)
/* The masks of the next n events, in order, and then there is none. */
#define EVENTS(fd, ...)                                                                                                \
	do {                                                                                                           \
		const u32 wanted__[] = {__VA_ARGS__};                                                                  \
		for (size_t i__ = 0; i__ < sizeof(wanted__) / sizeof(*wanted__); i__++)                                \
			is(wanted__[i__], next(fd)->mask);                                                             \
		is(left, used);                                                                                        \
		is(-EAGAIN, call(read, fd, events, sizeof(events)));                                                   \
	} while (0)

static void body_inotify_events(void)
{
	char dents[64];
	const struct timespec times[2] = {{1, 0}, {0, UTIME_OMIT}};
	used = left = 0;
	is(0, call(mkdir, "d", 0755));
	is(0, call(mkdir, "d/s", 0755));
	is(0, call(close, call(open, "d/f", O_CREAT | O_RDWR, 0644)));
	long in = call(inotify_init1, O_NONBLOCK), dir, file;
	is(-EINVAL, call(inotify_add_watch, -1, "d", 0)); /* the mask comes first */
	is(-EINVAL, call(inotify_add_watch, in, "d", IN_OPEN | 0x10000));
	is_true(call(inotify_add_watch, in, "d", IN_ALL_EVENTS) > 0);
	is(0, call(renameat2, AT_FDCWD, "d/f", AT_FDCWD, "d/s", 2 /* RENAME_EXCHANGE */));
	EVENTS(in, IN_MOVED_FROM, IN_MOVED_TO, IN_MOVED_FROM | IN_ISDIR, IN_MOVED_TO | IN_ISDIR);
	dir = call(open, "d", O_RDONLY);
	is_true(call(getdents64, dir, dents, sizeof(dents)) > 0);
	is(0, call(close, dir));
	EVENTS(in, IN_OPEN | IN_ISDIR, IN_ACCESS | IN_ISDIR, IN_CLOSE_NOWRITE | IN_ISDIR);
	is(0, call(utimensat, AT_FDCWD, "d/s", times, 0));
	is(0, call(chown, "d/s", -1, -1));
	EVENTS(in, IN_ACCESS);
	file = call(open, "d/s", O_RDWR);
	is(0, call(unlink, "d/s"));
	is(1, call(write, file, "x", 1));
	EVENTS(in, IN_OPEN, IN_DELETE, IN_MODIFY);
	is(1, call(inotify_add_watch, in, "d", IN_ALL_EVENTS | IN_EXCL_UNLINK));
	is(0, call(close, file));
	is(-EAGAIN, call(read, in, dents, sizeof(dents)));
	is(0, call(rmdir, "d/f"));
	is(0, call(rename, "d", "e"));
	is(0, call(rmdir, "e"));
	EVENTS(in, IN_DELETE | IN_ISDIR, IN_MOVE_SELF, IN_DELETE_SELF, IN_IGNORED);
	is(0, call(close, in));
}

BOTH(inotify)
BOTH(inotify_events)

int main(void)
{
	const struct CMUnitTest tests[] = {TESTS(flock),	  TESTS(ranges), TESTS(inotify),
					   TESTS(inotify_events), TESTS(leases), TEST_OURS(lease_time),
					   TEST_OURS(dnotify)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
