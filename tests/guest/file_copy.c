/* SPDX-License-Identifier: Apache-2.0
 * Copying inside the kernel with regular files: sendfile, copy_file_range, splice; and what synchronising and advice
 * answer.
 * area: Files
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "probe.h"

#define LAST LLONG_MAX
#define SIZE 100000L

static char buffer[SIZE], other[SIZE + 100];

static int new_file(int flags)
{
	char path[] = "/dev/shm/copy-XXXXXX";
	int made = mkstemp(path);
	int fd = made < 0 ? -1 : open(path, flags);
	unlink(path);
	close(made);
	return fd;
}

static int full_file(void)
{
	int fd = new_file(O_RDWR);
	for (long i = 0; i < SIZE; i++)
		buffer[i] = (char)(i * 7 + i / 251);
	if (write(fd, buffer, SIZE) != SIZE || lseek(fd, 0, SEEK_SET))
		exit(97);
	return fd;
}

static long size_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) ? -1 : st.st_size;
}

/* Has fd at `at` what the full file has at `from`? */
static int same(int fd, long at, long from, long n)
{
	return pread(fd, other, (size_t)n, at) == n && !memcmp(other, buffer + from, (size_t)n);
}

static void refill(int fds[2])
{
	while (read(fds[0], other, sizeof(other)) > 0)
		;
	if (write(fds[1], buffer, 10000) != 10000)
		exit(97);
}

/* ---- sendfile ---- */

static void sending(void)
{
	theme("sendfile between files");
	static const struct {
		long offset, length, result, end; /* or -errno; the offset after it */
	} rows[] = {{0, 0, 0, 0},
		    {0, 1, 1, 1},
		    {0, SIZE, SIZE, SIZE},
		    {0, SIZE + 1, SIZE, SIZE},
		    {4095, 2, 2, 4097},
		    {50001, 49999, 49999, SIZE},
		    {50001, 60000, 49999, SIZE},
		    {SIZE, 1, 0, SIZE},
		    {SIZE + 1, 1, 0, SIZE + 1},
		    {-1, 1, -EINVAL, -1},
		    {LAST, 1, -EINVAL, LAST},
		    {LONG_MIN, 1, -EINVAL, LONG_MIN}};
	int in = full_file();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int out = new_file(O_RDWR);
		off_t offset = rows[i].offset;
		long n = rows[i].result;
		CHECKF(ANSWER(sendfile(out, in, &offset, (size_t)rows[i].length)) == n, "%ld at %#lx is %ld",
		       rows[i].length, rows[i].offset, n);
		CHECKF(offset == rows[i].end, "%ld at %#lx: the offset after it", rows[i].length, rows[i].offset);
		CHECKF(lseek(in, 0, SEEK_CUR) == 0 && lseek(out, 0, SEEK_CUR) == (n > 0 ? n : 0),
		       "%ld at %#lx: positions", rows[i].length, rows[i].offset);
		if (n > 0)
			CHECKF(same(out, 0, rows[i].offset, n), "%ld at %#lx: bytes", rows[i].length, rows[i].offset);
		close(out);
	}
	int out = new_file(O_RDWR), reading = new_file(O_RDONLY), writing = new_file(O_WRONLY),
	    appending = new_file(O_RDWR | O_APPEND);
	CHECK(lseek(in, 10, SEEK_SET) == 10 && sendfile(out, in, NULL, 20) == 20 && lseek(in, 0, SEEK_CUR) == 30);
	CHECK(lseek(out, 0, SEEK_CUR) == 20 && same(out, 0, 10, 20));
	CHECK_ERRNO(sendfile(reading, in, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(out, writing, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(appending, in, NULL, 1), EINVAL);
	CHECK_ERRNO(sendfile(out, in, (off_t *)unmapped_address(), 1), EFAULT);
	CHECK_ERRNO(sendfile(-1, in, NULL, 1), EBADF);
	CHECK_ERRNO(sendfile(out, -1, NULL, 1), EBADF);
	CHECK_THAT(sendfile(out, in, &(off_t){0}, LONG_MAX - 1000) == SIZE, "any length");
	CHECK_ERRNO_THAT(sendfile(out, in, &(off_t){0}, SIZE_MAX), EINVAL, "but no negative one");
	CHECK_ERRNO_THAT(sendfile(out, in, &(off_t){10}, LONG_MAX), EINVAL, "nor one beyond the last position");
	lseek(in, 0, SEEK_SET);
	lseek(out, 0, SEEK_SET);
	CHECK_THAT(sendfile(in, in, &(off_t){0}, 100) == 100 && lseek(in, 0, SEEK_CUR) == 100, "a file to itself");
	int fds[2];
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	CHECK(sendfile(fds[1], in, &(off_t){500}, 3000) == 3000 && read(fds[0], other, 4000) == 3000 &&
	      !memcmp(other, buffer + 500, 3000));
	CHECK_ERRNO(sendfile(out, fds[0], NULL, 1), EINVAL);
	CHECK_ERRNO(sendfile(out, fds[0], &(off_t){0}, 1), ESPIPE);
	close(fds[0]);
	close(fds[1]);
	REQUIRE(pipe2(fds, O_NONBLOCK) == 0);
	CHECK_THAT(sendfile(fds[1], in, &(off_t){5}, SIZE) == 65531, "into a pipe as far as it has room");
	CHECK_ERRNO(sendfile(fds[1], in, &(off_t){5}, SIZE), EAGAIN);
	CHECK(read(fds[0], other, SIZE) == 65531 && !memcmp(other, buffer + 5, 65531));
	close(fds[0]);
	CHECK_ERRNO((signal(SIGPIPE, SIG_IGN), sendfile(fds[1], in, &(off_t){5}, 1)), EPIPE);
	close(fds[1]);
	close(in);
	close(out);
	close(reading);
	close(writing);
	close(appending);
}

/* ---- copy_file_range ---- */

static void copying(void)
{
	theme("copy_file_range between files");
	static const struct {
		long from, to, length, result;
	} rows[] = {{0, 0, 0, 0},	    {0, 0, 1, 1},	    {0, 0, SIZE, SIZE},
		    {0, 0, SIZE + 1, SIZE}, {4095, 4097, 2, 2},	    {50001, 3, 60000, 49999},
		    {SIZE, 0, 1, 0},	    {SIZE + 5, 0, 1, 0},    {0, 5L << 30, 10, 10},
		    {-2, 0, 1, -EINVAL},    {0, -2, 1, -EINVAL},    {LAST, 0, 1, 0},
		    {0, LAST, 1, -EFBIG},   {-1, 0, 1, -EOVERFLOW}, {LAST - 1, 0, 1, 0},
		    {0, 0, -1, SIZE}};
	int in = full_file();
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int out = new_file(O_RDWR);
		off_t from = rows[i].from, to = rows[i].to;
		long n = rows[i].result, moved = n > 0 ? n : 0;
		CHECKF(ANSWER(copy_file_range(in, &from, out, &to, (size_t)rows[i].length, 0)) == n,
		       "%ld from %#lx to %#lx is %ld", rows[i].length, rows[i].from, rows[i].to, n);
		CHECKF(from == rows[i].from + moved && to == rows[i].to + moved, "%ld from %#lx to %#lx: offsets",
		       rows[i].length, rows[i].from, rows[i].to);
		if (n > 0)
			CHECKF(same(out, rows[i].to, rows[i].from, n) && size_of(out) == to,
			       "%ld from %#lx to %#lx: bytes", rows[i].length, rows[i].from, rows[i].to);
		close(out);
	}
	int out = new_file(O_RDWR), reading = new_file(O_RDONLY), writing = new_file(O_WRONLY),
	    appending = new_file(O_RDWR | O_APPEND);
	int directory = open("/dev/shm", O_RDONLY), fds[2];
	REQUIRE(pipe(fds) == 0);
	CHECK(copy_file_range(in, NULL, out, NULL, 50, 0) == 50 && copy_file_range(in, NULL, out, NULL, 50, 0) == 50);
	CHECK(lseek(in, 0, SEEK_CUR) == 100 && lseek(out, 0, SEEK_CUR) == 100 && same(out, 0, 0, 100));
	CHECK_ERRNO(copy_file_range(in, NULL, out, NULL, 1, 1), EINVAL);
	CHECK_ERRNO(copy_file_range(in, NULL, reading, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(writing, NULL, out, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(in, NULL, appending, NULL, 1, 0), EBADF);
	CHECK_ERRNO(copy_file_range(directory, NULL, out, NULL, 1, 0), EISDIR);
	CHECK_ERRNO(copy_file_range(in, NULL, directory, NULL, 1, 0), EISDIR);
	CHECK_ERRNO(copy_file_range(fds[0], NULL, out, NULL, 1, 0), EINVAL);
	CHECK_ERRNO(copy_file_range(in, NULL, fds[1], NULL, 1, 0), EINVAL);
	CHECK_ERRNO(copy_file_range(in, (off_t *)unmapped_address(), out, NULL, 1, 0), EFAULT);
	CHECK_ERRNO(copy_file_range(in, NULL, out, (off_t *)unmapped_address(), 1, 0), EFAULT);
	CHECK_ERRNO_THAT(copy_file_range(in, &(off_t){0}, in, &(off_t){50}, 100, 0), EINVAL, "ranges that overlap");
	CHECK_ERRNO_THAT(copy_file_range(in, &(off_t){50}, in, &(off_t){0}, 100, 0), EINVAL, "or do so the other way");
	CHECK_THAT(copy_file_range(in, &(off_t){0}, in, &(off_t){SIZE}, 100, 0) == 100 && same(in, SIZE, 0, 100),
		   "within one file, behind its end");
	close(fds[0]);
	close(fds[1]);
	close(directory);
	close(in);
	close(out);
	close(reading);
	close(writing);
	close(appending);
}

/* ---- splice ---- */

static void splicing(void)
{
	theme("splice with files");
	int in = full_file(), fds[2];
	REQUIRE(pipe2(fds, O_NONBLOCK) == 0);
	off_t at = 4000;
	CHECK(splice(in, &at, fds[1], NULL, 10000, 0) == 10000 && at == 14000 && lseek(in, 0, SEEK_CUR) == 0);
	CHECK(read(fds[0], other, SIZE) == 10000 && !memcmp(other, buffer + 4000, 10000));
	CHECK(splice(in, NULL, fds[1], NULL, 777, 0) == 777 && lseek(in, 0, SEEK_CUR) == 777);
	CHECK(read(fds[0], other, SIZE) == 777 && !memcmp(other, buffer, 777));
	at = SIZE - 10;
	CHECK_THAT(splice(in, &at, fds[1], NULL, 100, 0) == 10 && read(fds[0], other, SIZE) == 10, "up to the end");
	CHECK_THAT(splice(in, &at, fds[1], NULL, 100, 0) == 0, "at the end");
	at = -1;
	CHECK_ERRNO_THAT(splice(in, &at, fds[1], NULL, 100, 0), EINVAL, "from a negative offset");
	CHECK_ERRNO(splice(in, &(off_t){0}, fds[1], &(off_t){0}, 1, 0), ESPIPE);
	CHECK_ERRNO(splice(in, NULL, fds[1], NULL, 1, 16), EINVAL);
	CHECK_ERRNO(splice(in, NULL, new_file(O_RDWR), NULL, 1, 0), EINVAL);
	CHECK_ERRNO(splice(in, (off_t *)unmapped_address(), fds[1], NULL, 1, 0), EFAULT);
	CHECK(splice(in, NULL, fds[1], NULL, 0, 0) == 0);
	for (int whole = 0; whole < 2; whole++) {
		int out = new_file(O_RDWR);
		refill(fds);
		at = whole ? 8192 : 5;
		CHECKF(splice(fds[0], NULL, out, &at, 10000, 0) == 10000 && at == (whole ? 18192 : 10005),
		       "a pipe into a file at %d", whole ? 8192 : 5);
		CHECKF(same(out, whole ? 8192 : 5, 0, 10000) && size_of(out) == at, "its bytes at %d",
		       whole ? 8192 : 5);
		refill(fds);
		CHECKF(splice(fds[0], NULL, out, NULL, 6000, 0) == 6000 && lseek(out, 0, SEEK_CUR) == 6000 &&
			   same(out, 0, 0, 6000),
		       "at the position, case %d", whole);
		CHECKF(size_of(out) == at && (!whole || same(out, 8192, 0, 10000)), "the rest stays, case %d", whole);
		close(out);
	}
	int appending = new_file(O_RDWR | O_APPEND), reading = new_file(O_RDONLY), sealed = new_file(O_RDWR);
	refill(fds);
	CHECK_ERRNO(splice(fds[0], NULL, appending, NULL, 1, 0), EINVAL);
	CHECK_ERRNO(splice(fds[0], NULL, reading, NULL, 1, 0), EBADF);
	CHECK_ERRNO(splice(fds[0], NULL, sealed, &(off_t){-1}, 1, 0), EINVAL);
	CHECK_ERRNO(splice(fds[0], NULL, sealed, &(off_t){LAST}, 1, 0), EINVAL);
	CHECK_THAT(read(fds[0], other, SIZE) == 10000, "what fails takes nothing from the pipe");
	CHECK_ERRNO(splice(fds[0], NULL, sealed, NULL, 1, 0), EAGAIN);
	/* A page in a pipe is the file's own until someone writes: but what was read stays what it was for a copy. */
	at = 0;
	int out = new_file(O_RDWR);
	CHECK(splice(in, &at, fds[1], NULL, 8192, 0) == 8192 && splice(fds[0], NULL, out, NULL, 8192, 0) == 8192);
	CHECK_THAT(pwrite(in, "changed", 7, 0) == 7 && same(out, 0, 0, 8192), "a file filled by splice is its own");
	CHECK_THAT(pwrite(out, "CHANGED", 7, 100) == 7 && same(in, 100, 100, 7), "in both directions");
	close(fds[1]);
	CHECK_THAT(splice(fds[0], NULL, out, NULL, 1, 0) == 0, "the end of a pipe");
	close(fds[0]);
	close(in);
	close(out);
	close(appending);
	close(reading);
	close(sealed);
}

/* ---- synchronising, advice ---- */

static void promises(void)
{
	theme("synchronising and advice");
	int fd = full_file(), reading = new_file(O_RDONLY), writing = new_file(O_WRONLY);
	CHECK(fsync(fd) == 0 && fdatasync(fd) == 0 && fsync(reading) == 0 && fdatasync(writing) == 0 &&
	      syncfs(reading) == 0);
	static const struct {
		long offset, length, flags, result;
	} ranges[] = {{0, 0, 0, 0},	  {0, 0, 7, 0},	       {10, 20, 1, 0},	     {1L << 40, 1, 2, 0},
		      {0, 0, 8, -EINVAL}, {-1, 0, 0, -EINVAL}, {0, -1, 0, -EINVAL},  {LAST, 1, 0, -EINVAL},
		      {0, LAST, 4, 0},	  {0, 0, -1, -EINVAL}, {1, LAST, 0, -EINVAL}};
	for (size_t i = 0; i < sizeof(ranges) / sizeof(ranges[0]); i++)
		CHECKF(ANSWER(syscall(SYS_sync_file_range, fd, ranges[i].offset, ranges[i].length, ranges[i].flags)) ==
			   ranges[i].result,
		       "sync_file_range %#lx %#lx %ld", ranges[i].offset, ranges[i].length, ranges[i].flags);
	static const struct {
		long offset, length, advice, result;
	} advice[] = {{0, 0, 0, 0},	   {0, 0, 1, 0},   {0, 0, 2, 0},       {0, 0, 3, 0},
		      {0, 0, 4, 0},	   {0, 0, 5, 0},   {0, 0, 6, -EINVAL}, {0, 0, -1, -EINVAL},
		      {0, -1, 0, -EINVAL}, {-1, 10, 3, 0}, {LAST, LAST, 4, 0}};
	for (size_t i = 0; i < sizeof(advice) / sizeof(advice[0]); i++)
		CHECKF(ANSWER(syscall(SYS_fadvise64, fd, advice[i].offset, advice[i].length, advice[i].advice)) ==
			   advice[i].result,
		       "fadvise64 %#lx %#lx %ld", advice[i].offset, advice[i].length, advice[i].advice);
	CHECK(readahead(fd, 0, SIZE) == 0 && readahead(fd, 5 * SIZE, SIZE) == 0 && readahead(reading, 0, 0) == 0);
	CHECK_ERRNO(readahead(writing, 0, 1), EBADF);
	CHECK_THAT(same(fd, 0, 0, SIZE), "none of it changes the file");
	close(fd);
	close(reading);
	close(writing);
}

int main(void)
{
	limit_seconds(60);
	sending();
	copying();
	splicing();
	promises();
	return finish();
}
