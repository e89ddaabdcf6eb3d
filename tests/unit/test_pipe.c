/* SPDX-License-Identifier: Apache-2.0
 *
 * Pipes and FIFOs, splice and its relatives. On both sides of fs_stub.h where nothing has to sleep.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c guestkernel/proc/wait.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include "tests/unit/fs_test.h"

static int p[2];

static void make_pipe(int flags)
{
	is(0, call(pipe2, p, flags));
}

static void close_pipe(void)
{
	is(0, call(close, p[0]));
	is(0, call(close, p[1]));
}

static long events_of(int fd, short events)
{
	struct pollfd one = {fd, events, 0};
	long n = call(poll, &one, 1, 0);
	return n < 0 ? n : one.revents;
}

static void body_basics(void)
{
	char buf[100];
	int n;
	make_pipe(0);
	is(3, call(write, p[1], "abc", 3));
	is(3, call(write, p[1], "def", 3));
	is(0, call(ioctl, p[0], FIONREAD, &n));
	is(6, n);
	is(2, call(read, p[0], buf, 2));
	is(4, call(read, p[0], buf, 100));
	is(0, memcmp(buf, "cdef", 4));
	is(-EBADF, call(write, p[0], "x", 1));
	is(-EBADF, call(read, p[1], buf, 1));
	is(-ESPIPE, call(lseek, p[0], 0, SEEK_SET));
	is(-ESPIPE, call(pread64, p[0], buf, 1, 0));
	is(0, call(write, p[1], "", 0));
	is(-EFAULT, call(write, p[1], 8, 3));
	is(1, call(write, p[1], "x", 1));
	is(0, call(close, p[1]));
	is(1, call(read, p[0], buf, 10));
	is(0, call(read, p[0], buf, 10));
	is(0, call(close, p[0]));
	make_pipe(0);
	is(0, call(close, p[0]));
	is(-EPIPE, call(write, p[1], "x", 1));
	if (fs_backend == OURS)
		is(13, fs_signal);
	is(0, call(close, p[1]));
	is(-EINVAL, call(pipe2, p, 0x1));
	is(-EFAULT, call(pipe2, 8, 0));
	struct stat st;
	make_pipe(O_CLOEXEC);
	is(FD_CLOEXEC, call(fcntl, p[0], F_GETFD));
	is(0, call(fstat, p[0], &st));
	is(S_IFIFO | 0600, st.st_mode);
	close_pipe();
}

static void body_nonblock(void)
{
	char *big = calloc(1, 200000);
	make_pipe(O_NONBLOCK);
	is(-EAGAIN, call(read, p[0], big, 1));
	is(65536, call(write, p[1], big, 200000));
	is(-EAGAIN, call(write, p[1], big, 1));
	is(0, events_of(p[1], POLLOUT));
	is(POLLIN, events_of(p[0], POLLIN));
	is(4095, call(read, p[0], big, 4095));
	is(0, events_of(p[1], POLLOUT)); /* a slot is free only when its page is empty */
	is(1, call(read, p[0], big, 1));
	is(POLLOUT, events_of(p[1], POLLOUT));
	is(4096, call(write, p[1], big, 4096));
	is(-EAGAIN, call(write, p[1], big, 4096));
	is(10, call(read, p[0], big, 10));
	is(-EAGAIN, call(write, p[1], big, 4096)); /* atomic: all or nothing */
	is(65526, call(read, p[0], big, 200000));
	is(-EAGAIN, call(read, p[0], big, 1));
	/* Small writes share a page: 65536 one-byte writes fit. */
	for (int i = 0; i < 65536; i++)
		if (call(write, p[1], "x", 1) != 1)
			is(-1, i);
	is(-EAGAIN, call(write, p[1], "x", 1));
	close_pipe();
	free(big);
}

static void body_poll(void)
{
	make_pipe(0);
	is(0, events_of(p[0], POLLIN));
	is(POLLOUT, events_of(p[1], POLLOUT));
	is(1, call(write, p[1], "x", 1));
	is(POLLIN, events_of(p[0], POLLIN));
	is(0, call(close, p[1]));
	is(POLLIN | POLLHUP, events_of(p[0], POLLIN));
	is(0, call(close, p[0]));
	make_pipe(0);
	is(0, call(close, p[0]));
	is(POLLOUT | POLLERR, events_of(p[1], POLLOUT));
	is(POLLNVAL, events_of(p[0], POLLIN));
	is(0, call(close, p[1]));
}

static void body_packets(void)
{
	char buf[100], big[5000] = {0};
	make_pipe(O_DIRECT | O_NONBLOCK);
	is(3, call(write, p[1], "abc", 3));
	is(3, call(write, p[1], "def", 3));
	is(2, call(read, p[0], buf, 2));
	is(3, call(read, p[0], buf, 100));
	is(0, memcmp(buf, "def", 3));
	is(5000, call(write, p[1], big, 5000));
	is(4096, call(read, p[0], big, 5000));
	is(904, call(read, p[0], big, 5000));
	close_pipe();
}

static void body_resize(void)
{
	char *big = calloc(1, 1 << 20);
	make_pipe(O_NONBLOCK);
	is(65536, call(fcntl, p[0], F_GETPIPE_SZ));
	is(131072, call(fcntl, p[1], F_SETPIPE_SZ, 70000));
	is(131072, call(write, p[1], big, 1 << 20));
	is(-EBUSY, call(fcntl, p[1], F_SETPIPE_SZ, 4096));
	is(131072, call(read, p[0], big, 1 << 20));
	is(4096, call(fcntl, p[1], F_SETPIPE_SZ, 1));
	is(4096, call(write, p[1], big, 1 << 20));
	is(1 << 20, call(fcntl, p[1], F_SETPIPE_SZ, 1 << 20));
	is((1 << 20) - 4096, call(write, p[1], big, 1 << 20));
	close_pipe();
	long fd = call(open, "f", O_CREAT | O_RDWR, 0644);
	is(-EBADF, call(fcntl, fd, F_GETPIPE_SZ));
	is(0, call(close, fd));
	free(big);
}

static void body_fifo(void)
{
	char buf[10];
	is(0, call(mknod, "q", S_IFIFO | 0644, 0));
	is(-ENXIO, call(open, "q", O_WRONLY | O_NONBLOCK));
	long in = call(open, "q", O_RDONLY | O_NONBLOCK);
	is_true(in >= 0);
	is(0, call(read, in, buf, 1));
	is(0, events_of((int)in, POLLIN)); /* no writer yet: not the end */
	long out = call(open, "q", O_WRONLY | O_NONBLOCK);
	is_true(out >= 0);
	is(-EAGAIN, call(read, in, buf, 1));
	is(2, call(write, out, "hi", 2));
	is(2, call(read, in, buf, 10));
	is(0, call(close, out));
	is(POLLHUP, events_of((int)in, POLLIN));
	is(0, call(read, in, buf, 1));
	is(0, call(close, in));
	long both = call(open, "q", O_RDWR);
	is_true(both >= 0);
	is(1, call(write, both, "x", 1));
	in = call(open, "q", O_RDONLY);
	is(1, call(read, in, buf, 1));
	is(0, call(close, in));
	is(0, call(close, both));
}

static void body_splice(void)
{
	char buf[9000], back[9000];
	loff_t at = 0;
	for (int i = 0; i < 9000; i++)
		buf[i] = (char)(i * 7);
	long in = call(open, "in", O_CREAT | O_RDWR, 0644), out = call(open, "out", O_CREAT | O_RDWR, 0644);
	is(9000, call(write, in, buf, 9000));
	make_pipe(0);
	is(9000, call(splice, in, &at, p[1], NULL, 20000, 0));
	is(9000, at);
	is(0, call(splice, in, &at, p[1], NULL, 20000, 0));
	is(9000, call(splice, p[0], NULL, out, NULL, 9000, 0));
	is(9000, call(lseek, out, 0, SEEK_CUR));
	is(9000, call(pread64, out, back, 9000, 0));
	is(0, memcmp(buf, back, 9000));
	/* Writing to the copy must not reach the original. */
	is(1, call(pwrite64, out, "!", 1, 0));
	is(1, call(pread64, in, back, 1, 0));
	is(buf[0], back[0]);
	/* From a pipe page of our own, at odd places. */
	is(3, call(write, p[1], "abc", 3));
	at = 8190;
	is(3, call(splice, p[0], NULL, out, &at, 10, 0));
	is(8193, at);
	is(3, call(pread64, out, back, 3, 8190));
	is(0, memcmp(back, "abc", 3));
	is(-EAGAIN, call(splice, p[0], NULL, out, NULL, 10, 2));
	is(-ESPIPE, call(splice, p[0], &at, out, NULL, 10, 0));
	is(-EINVAL, call(splice, in, NULL, out, NULL, 10, 0));
	is(-EINVAL, call(splice, p[0], NULL, p[1], NULL, 10, 0));
	is(-EBADF, call(splice, p[1], NULL, out, NULL, 10, 0));
	is(0, call(splice, in, NULL, p[1], NULL, 0, 0));
	is(-EINVAL, call(splice, in, NULL, p[1], NULL, 1, 64));
	/* tee leaves the data */
	int q[2];
	is(0, call(pipe2, q, 0));
	is(5, call(write, p[1], "hello", 5));
	is(5, call(tee, p[0], q[1], 100, 0));
	is(4, call(write, q[1], "more", 4));
	is(5, call(read, p[0], back, 100));
	is(9, call(read, q[0], back, 100));
	is(0, memcmp(back, "hellomore", 9));
	is(5, call(write, p[1], "world", 5));
	is(2, call(splice, p[0], NULL, q[1], NULL, 2, 0));
	is(2, call(read, q[0], back, 100));
	is(3, call(read, p[0], back, 100));
	is(0, call(close, q[0]));
	is(0, call(close, q[1]));
	close_pipe();
	is(0, call(close, in));
	is(0, call(close, out));
}

static void body_sendfile(void)
{
	char *buf = malloc(300000), *back = malloc(300000);
	loff_t at = 5, to = 4097;
	for (int i = 0; i < 300000; i++)
		buf[i] = (char)(i * 13 + i / 4096);
	long in = call(open, "in", O_CREAT | O_RDWR, 0644), out = call(open, "out", O_CREAT | O_RDWR, 0644);
	is(300000, call(write, in, buf, 300000));
	is(299995, call(sendfile, out, in, &at, 400000));
	is(300000, at);
	is(299995, call(pread64, out, back, 300000, 0));
	is(0, memcmp(buf + 5, back, 299995));
	is(0, call(sendfile, out, in, &at, 1));
	at = 1000;
	is(5000, call(copy_file_range, in, &at, out, &to, 5000, 0));
	is(6000, at);
	is(9097, to);
	is(5000, call(pread64, out, back, 5000, 4097));
	is(0, memcmp(buf + 1000, back, 5000));
	at = 0;
	to = 10;
	is(-EINVAL, call(copy_file_range, in, &at, in, &to, 100, 0));
	is(-EINVAL, call(copy_file_range, in, &at, out, &to, 100, 1));
	to = INT64_MAX;
	is(-EFBIG, call(copy_file_range, in, &at, out, &to, 1, 0));
	at = -1;
	is(-EOVERFLOW, call(copy_file_range, in, &at, out, &to, 1, 0));
	at = INT64_MAX;
	is(-EINVAL, call(sendfile, out, in, &at, 1));
	make_pipe(O_NONBLOCK);
	is(0, call(lseek, in, 0, SEEK_SET));
	is(65536, call(sendfile, p[1], in, NULL, 300000));
	is(65536, call(lseek, in, 0, SEEK_CUR));
	is(65536, call(read, p[0], back, 300000));
	is(0, memcmp(buf, back, 65536));
	close_pipe();
	is(0, call(close, in));
	is(0, call(close, out));
	free(buf);
	free(back);
}

/* ---- sleeping: ours alone ---- */

static char got[8];
static long got_n;

static void writer(void)
{
	fs_sleep_hook = NULL;
	is(2, call(write, p[1], "hi", 2));
}

static void drain(void)
{
	static char sink[70000];
	got_n += call(read, p[0], sink, sizeof(sink));
}

static void hang_up(void)
{
	fs_sleep_hook = NULL;
	is(0, call(close, p[1]));
}

static void body_blocking(void)
{
	static char big[300000];
	make_pipe(0);
	is(-512, call(read, p[0], got, 8)); /* a signal: ERESTARTSYS */
	fs_sleep_hook = writer;
	is(2, call(read, p[0], got, 8));
	fs_sleep_hook = drain;
	got_n = 0;
	is(300000, call(write, p[1], big, 300000));
	fs_sleep_hook = NULL;
	got_n += call(read, p[0], big, sizeof(big));
	is(300000, got_n);
	is(65536, call(write, p[1], big, 300000)); /* a signal after a part: the part counts */
	drain();
	fs_sleep_hook = hang_up;
	is(0, call(read, p[0], got, 8));
	is(0, call(close, p[0]));
}

BOTH(basics)
BOTH(nonblock)
BOTH(poll)
BOTH(packets)
BOTH(resize)
BOTH(fifo)
BOTH(splice)
BOTH(sendfile)
OURS_ONLY(blocking)

int main(void)
{
	const struct CMUnitTest tests[] = {TESTS(basics),  TESTS(nonblock), TESTS(poll),
					   TESTS(packets), TESTS(resize),   TESTS(fifo),
					   TESTS(splice),  TESTS(sendfile), TEST_OURS(blocking)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
