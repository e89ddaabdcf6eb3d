/* SPDX-License-Identifier: Apache-2.0
 * Moving data in and out of files: positions, lengths, bad memory, vectors, the RWF_ flags, appending, the size limit,
 * files beyond 4 GiB.
 * area: Files
 */
#include <fcntl.h>
#include <limits.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "probe.h"

#define GIB	    (1L << 30)
#define LAST	    LLONG_MAX
#define LIMIT_BYTES (64L << 20) /* more than what is reported */

static char buffer[1 << 16], other[1 << 16];

static int new_file(int flags)
{
	char path[] = "/dev/shm/io-XXXXXX";
	int made = mkstemp(path);
	int fd = made < 0 ? -1 : open(path, flags);
	unlink(path);
	close(made);
	return fd;
}

/* A file with the bytes 0, 1, 2... */
static int counted_file(long size)
{
	int fd = new_file(O_RDWR);
	for (size_t i = 0; i < sizeof(buffer); i++)
		buffer[i] = (char)i;
	if (write(fd, buffer, (size_t)size) != size || lseek(fd, 0, SEEK_SET))
		exit(97);
	return fd;
}

static long size_of(int fd)
{
	struct stat st;
	return fstat(fd, &st) ? -1 : st.st_size;
}

/* n bytes that end where a page without access begins. */
static char *edge(long n)
{
	char *p = map_pages(2, PROT_READ | PROT_WRITE);
	mprotect(p + PAGE, PAGE, PROT_NONE);
	return p + PAGE - n;
}

/* ---- one buffer ---- */

static void lengths(void)
{
	theme("reading and writing");
	int fd = counted_file(10000);
	static const struct {
		long offset, length, result;
	} rows[] = {{0, 0, 0},	       {0, 1, 1},     {0, 10000, 10000},  {0, 10001, 10000},  {9999, 2, 1},
		    {10000, 1, 0},     {10001, 1, 0}, {GIB, 1, 0},	  {5 * GIB, 1, 0},    {LAST, 1, -EINVAL},
		    {LAST - 10, 5, 0}, {4095, 2, 2},  {4096, 4096, 4096}, {8192, 4096, 1808}, {1, 9999, 9999}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		memset(other, 0x55, sizeof(other));
		CHECKF(ANSWER(pread(fd, other, (size_t)rows[i].length, rows[i].offset)) == rows[i].result,
		       "pread of %ld at %#lx of 10000 bytes is %ld", rows[i].length, rows[i].offset, rows[i].result);
		if (rows[i].offset < 10000)
			CHECKF(!memcmp(other, buffer + rows[i].offset, (size_t)rows[i].result) &&
				   other[rows[i].result] == 0x55,
			       "and of %ld at %#lx nothing more", rows[i].length, rows[i].offset);
		CHECKF(lseek(fd, rows[i].offset, SEEK_SET) == rows[i].offset &&
			   ANSWER(read(fd, other, (size_t)rows[i].length)) == rows[i].result &&
			   lseek(fd, 0, SEEK_CUR) == rows[i].offset + (rows[i].result < 0 ? 0 : rows[i].result),
		       "read of %ld at %#lx is %ld and moves the position", rows[i].length, rows[i].offset,
		       rows[i].result);
	}
	CHECK_ERRNO(pread(fd, other, 1, -1), EINVAL);
	CHECK_ERRNO(pwrite(fd, other, 1, -1), EINVAL);
	CHECK_ERRNO(pread(fd, other, 1, LONG_MIN), EINVAL);
	CHECK_ERRNO_THAT(syscall(SYS_pread64, -1, other, 1L, -1L), EINVAL, "a negative offset is seen before the file");
	CHECK_ERRNO(pwrite(fd, other, 1, LAST), EINVAL);
	CHECK_THAT(pwrite(fd, other, 0, LAST) == 0, "nothing can be written anywhere");
	CHECK_THAT(size_of(fd) == 10000, "failed writes leave the size");
	CHECK(pread(fd, unmapped_address(), 0, 0) == 0);
	CHECK(pwrite(fd, unmapped_address(), 0, 0) == 0);
	CHECK_ERRNO(syscall(SYS_read, fd, buffer, -1L), EFAULT);
	CHECK_ERRNO(syscall(SYS_write, fd, buffer, -1L), EFAULT);
	CHECK_ERRNO(syscall(SYS_read, fd, buffer, LONG_MIN), EFAULT);
	CHECK_ERRNO(syscall(SYS_pread64, fd, buffer, LONG_MAX, 0), EFAULT);
	CHECK_THAT(pwrite(fd, "x", 1, 20000) == 1 && size_of(fd) == 20001 && pread(fd, other, 5000, 15000) == 5000 &&
		       !other[0] && !other[4999],
		   "what a write leaves out reads as zero");
	close(fd);
}

static void bad_memory(void)
{
	theme("bad memory");
	static const long good[] = {0, 1, 100, 4000};
	for (size_t i = 0; i < 4; i++) {
		int fd = counted_file(10000);
		long n = good[i];
		char *p = edge(n);
		long result = ANSWER(pread(fd, p, 5000, 100));
		CHECKF(n ? result == n && !memcmp(p, buffer + 100, (size_t)n) : result == -EFAULT,
		       "pread into %ld good bytes", n);
		CHECKF((result = read(fd, p, 5000), lseek(fd, 0, SEEK_CUR)) == n,
		       "read into %ld good bytes moves so far", n);
		CHECKF(ANSWER(pwrite(fd, p, 5000, 50)) == (n ? n : -EFAULT), "pwrite of %ld good bytes", n);
		CHECKF(pread(fd, other, 10000, 0) == 10000 &&
			   !memcmp(other + 50 + n, buffer + 50 + n, (size_t)(9950 - n)),
		       "pwrite of %ld good bytes leaves the rest", n);
		if (n)
			CHECKF(pwrite(fd, p, 5000, 50000) == n && size_of(fd) == 50000 + n,
			       "pwrite of %ld good bytes far away", n);
		struct iovec v[3] = {{other, 10}, {p, 5000}, {other, 10}};
		CHECKF(preadv(fd, v, 3, 0) == 10 + n, "preadv into %ld good bytes of its second buffer", n);
		CHECKF(pwritev(fd, v, 3, 0) == 10 + n, "pwritev of %ld good bytes of its second buffer", n);
		close(fd);
	}
	int fd = counted_file(10000);
	char *kernel = (char *)0xffff800000000000ul, *odd = (char *)0x0000800000000000ul;
	char *volatile null = NULL;
	char *constant = map_pages(1, PROT_READ);
	CHECK_ERRNO(pread(fd, kernel, 1, 0), EFAULT);
	CHECK_ERRNO(pwrite(fd, kernel, 1, 0), EFAULT);
	CHECK_ERRNO(pread(fd, odd, 1, 0), EFAULT);
	CHECK_ERRNO(pwrite(fd, odd, 1, 0), EFAULT);
	CHECK_ERRNO(pread(fd, constant, 1, 0), EFAULT);
	CHECK(pwrite(fd, constant, 100, 0) == 100);
	CHECK_ERRNO(pread(fd, null, 1, 0), EFAULT);
	CHECK_THAT(pread(fd, null, 1, 10000) == 0, "at the end bad memory is not touched");
	close(fd);
}

/* ---- vectors ---- */

static void vectors(void)
{
	theme("vectors of files");
	int fd = counted_file(10000);
	static struct iovec many[IOV_MAX + 1];
	for (int i = 0; i <= IOV_MAX; i++)
		many[i] = (struct iovec){other + i, 1};
	memset(other, 0x55, sizeof(other));
	CHECK(preadv(fd, many, IOV_MAX, 3) == IOV_MAX && !memcmp(other, buffer + 3, IOV_MAX));
	CHECK_ERRNO(preadv(fd, many, IOV_MAX + 1, 0), EINVAL);
	CHECK_ERRNO(pwritev(fd, many, IOV_MAX + 1, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_preadv, fd, many, -1, 0, 0), EINVAL);
	CHECK(preadv(fd, many, 0, 0) == 0 && preadv(fd, NULL, 0, 0) == 0);
	CHECK_ERRNO(preadv(fd, many, 1, -1), EINVAL);
	CHECK_ERRNO(pwritev(fd, many, 1, -1), EINVAL);
	CHECK_ERRNO(preadv(fd, (struct iovec *)unmapped_address(), 1, 0), EFAULT);
	CHECK_ERRNO(preadv(fd, (struct iovec *)edge(24), 2, 0), EFAULT);
	struct iovec v[4] = {{other, 5}, {NULL, 0}, {unmapped_address(), 0}, {other + 5, 5}};
	CHECK_THAT(preadv(fd, v, 4, 100) == 10 && !memcmp(other, buffer + 100, 10), "empty buffers may be anywhere");
	v[1].iov_len = (size_t)-1;
	CHECK_ERRNO_THAT(preadv(fd, v, 4, 0), EINVAL, "a negative length");
	v[1] = (struct iovec){(void *)0xffff800000000000ul, 1};
	CHECK_ERRNO_THAT(preadv(fd, v, 4, 0), EFAULT,
			 "a buffer beyond the address space fails before anything is read");
	v[1] = (struct iovec){other, LONG_MAX};
	CHECK_ERRNO_THAT(preadv(fd, v, 4, 0), EFAULT, "a length beyond the address space");
	v[0] = (struct iovec){other + 100, 10};
	v[1] = (struct iovec){other, 20};
	CHECK_THAT(preadv(fd, v, 2, 9985) == 15 && !memcmp(other + 100, buffer + 9985, 10) &&
		       !memcmp(other, buffer + 9995, 5),
		   "the end of the file amid a buffer");
	CHECK(lseek(fd, 77, SEEK_SET) == 77 && readv(fd, v, 2) == 30 && lseek(fd, 0, SEEK_CUR) == 107);
	CHECK(writev(fd, v, 2) == 30 && lseek(fd, 0, SEEK_CUR) == 137);
	CHECK(pwritev(fd, v, 2, 20000) == 30 && lseek(fd, 0, SEEK_CUR) == 137 && size_of(fd) == 20030);
	CHECK_THAT(syscall(SYS_preadv, fd, v, 2, 0L, 1L) == 30 && !memcmp(other, buffer + 10, 5),
		   "the high half of the offset is not used");
	close(fd);
}

static void flags(void)
{
	theme("RWF_ flags");
	int fd = counted_file(1000);
	struct iovec v = {other, 10};
	static const struct {
		const char *name;
		int flag;
	} fine[] = {{"none", 0}, {"HIPRI", RWF_HIPRI}, {"DSYNC", RWF_DSYNC}, {"SYNC", RWF_SYNC}};
	for (size_t i = 0; i < 4; i++) {
		CHECKF(preadv2(fd, &v, 1, 5, fine[i].flag) == 10 && !memcmp(other, buffer + 5, 10), "preadv2 %s",
		       fine[i].name);
		CHECKF(pwritev2(fd, &v, 1, 5, fine[i].flag) == 10, "pwritev2 %s", fine[i].name);
		CHECKF(lseek(fd, 20, SEEK_SET) == 20 && preadv2(fd, &v, 1, -1, fine[i].flag) == 10 &&
			   lseek(fd, 0, SEEK_CUR) == 30,
		       "preadv2 %s at the position", fine[i].name);
		CHECKF(pwritev2(fd, &v, 1, -1, fine[i].flag) == 10 && lseek(fd, 0, SEEK_CUR) == 40,
		       "pwritev2 %s at the position", fine[i].name);
		pwrite(fd, buffer, 1000, 0);
	}
	CHECK_ERRNO(preadv2(fd, &v, 1, 0, RWF_NOWAIT), EOPNOTSUPP);
	CHECK_ERRNO(pwritev2(fd, &v, 1, 0, RWF_NOWAIT), EOPNOTSUPP);
	CHECK_ERRNO(preadv2(fd, &v, 1, 0, 1 << 30), EOPNOTSUPP);
	CHECK_ERRNO(pwritev2(fd, &v, 1, 0, 1 << 30), EOPNOTSUPP);
	CHECK_ERRNO(preadv2(fd, &v, 1, 0, -1), EOPNOTSUPP);
	CHECK_ERRNO(preadv2(fd, &v, 1, -2, 0), EINVAL);
	CHECK_ERRNO(pwritev2(fd, &v, 1, -2, 0), EINVAL);
	CHECK_ERRNO(preadv2(-1, &v, 1, 0, 0), EBADF);
	CHECK_THAT(preadv2(fd, &v, 0, 0, 1 << 30) == 0, "flags of nothing are not looked at");
	CHECK_ERRNO_THAT(syscall(SYS_preadv2, fd, &v, IOV_MAX + 1L, 0L, 0L, 1 << 30), EINVAL,
			 "a vector is looked at before flags");
	CHECK_THAT(pwritev2(fd, &v, 1, 3, RWF_APPEND) == 10 && size_of(fd) == 1010, "RWF_APPEND writes at the end");
	CHECK_THAT(lseek(fd, 7, SEEK_SET) == 7 && pwritev2(fd, &v, 1, -1, RWF_APPEND) == 10 && size_of(fd) == 1020 &&
		       lseek(fd, 0, SEEK_CUR) == 1020,
		   "and moves the position there");
	CHECK_THAT(pwritev2(fd, &v, 1, 3, RWF_APPEND | RWF_DSYNC) == 10 && size_of(fd) == 1030, "with RWF_DSYNC too");
	CHECK_THAT(!(fcntl(fd, F_GETFL) & O_APPEND), "the file does not append from then on");
	close(fd);
}

/* ---- positions ---- */

static void seeking(void)
{
	theme("lseek of files");
	int fd = counted_file(1000);
	static const struct {
		const char *name;
		long offset;
		int whence;
		long result; /* or -errno */
	} rows[] = {{"SET 0", 0, SEEK_SET, 0},
		    {"SET 999", 999, SEEK_SET, 999},
		    {"SET beyond the end", 5000, SEEK_SET, 5000},
		    {"SET the last", LAST, SEEK_SET, LAST},
		    {"SET -1", -1, SEEK_SET, -EINVAL},
		    {"SET the least", LONG_MIN, SEEK_SET, -EINVAL},
		    {"CUR 0", 0, SEEK_CUR, 500},
		    {"CUR 1", 1, SEEK_CUR, 501},
		    {"CUR -500", -500, SEEK_CUR, 0},
		    {"CUR -501", -501, SEEK_CUR, -EINVAL},
		    {"CUR the least", LONG_MIN, SEEK_CUR, -EINVAL},
		    {"CUR to the last", LAST - 500, SEEK_CUR, LAST},
		    {"END 0", 0, SEEK_END, 1000},
		    {"END -1000", -1000, SEEK_END, 0},
		    {"END -1001", -1001, SEEK_END, -EINVAL},
		    {"END 7", 7, SEEK_END, 1007},
		    {"DATA 0", 0, SEEK_DATA, 0},
		    {"DATA 999", 999, SEEK_DATA, 999},
		    {"DATA at the end", 1000, SEEK_DATA, -ENXIO},
		    {"DATA beyond it", 1001, SEEK_DATA, -ENXIO},
		    {"DATA -1", -1, SEEK_DATA, -ENXIO},
		    {"HOLE 0", 0, SEEK_HOLE, 1000},
		    {"HOLE 999", 999, SEEK_HOLE, 1000},
		    {"HOLE at the end", 1000, SEEK_HOLE, -ENXIO},
		    {"HOLE -1", -1, SEEK_HOLE, -ENXIO},
		    {"unknown 5", 0, 5, -EINVAL},
		    {"unknown -1", 0, -1, -EINVAL}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		lseek(fd, 500, SEEK_SET);
		CHECKF(ANSWER(lseek(fd, rows[i].offset, rows[i].whence)) == rows[i].result, "%s", rows[i].name);
		CHECKF(lseek(fd, 0, SEEK_CUR) == (rows[i].result < 0 ? 500 : rows[i].result),
		       "%s: the position after it", rows[i].name);
	}
	CHECK_ERRNO_THAT((lseek(fd, LAST, SEEK_SET), lseek(fd, 1, SEEK_CUR)), EINVAL, "past the last position");
	CHECK_ERRNO_THAT(read(fd, other, 10), EINVAL, "and reading there");
	CHECK(read(fd, other, 0) == 0);
	int twin = dup(fd), apart = new_file(O_RDONLY);
	CHECK_THAT(lseek(twin, 123, SEEK_SET) == 123 && lseek(fd, 0, SEEK_CUR) == 123,
		   "a duplicate shares the position");
	close(twin);
	close(apart);
	char path[64];
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	apart = open(path, O_RDONLY);
	CHECK_THAT(lseek(apart, 0, SEEK_CUR) == 0 && read(apart, other, 10) == 10 && lseek(fd, 0, SEEK_CUR) == 123,
		   "opened again it has one of its own");
	close(apart);
	lseek(fd, 0, SEEK_SET);
	CHECK_IN_CHILD_THAT(read(fd, other, 40) == 40, "a child reads");
	CHECK_THAT(lseek(fd, 0, SEEK_CUR) == 40, "and moves its parent's position");
	close(fd);
}

static void appending(void)
{
	theme("O_APPEND");
	int fd = new_file(O_RDWR | O_APPEND);
	CHECK(write(fd, "one", 3) == 3 && lseek(fd, 0, SEEK_CUR) == 3);
	CHECK_THAT(lseek(fd, 0, SEEK_SET) == 0 && write(fd, "two", 3) == 3 && size_of(fd) == 6 &&
		       lseek(fd, 0, SEEK_CUR) == 6,
		   "the position does not matter for write");
	CHECK_THAT(pwrite(fd, "three", 5, 0) == 5 && size_of(fd) == 11 && lseek(fd, 0, SEEK_CUR) == 6,
		   "nor for pwrite");
	CHECK_THAT(pread(fd, other, 20, 0) == 11 && !memcmp(other, "onetwothree", 11), "all is in order");
	CHECK_THAT(lseek(fd, 2, SEEK_SET) == 2 && read(fd, other, 3) == 3 && !memcmp(other, "etw", 3),
		   "reading has its position");
	CHECK_THAT(lseek(fd, 1, SEEK_SET) == 1 && write(fd, "", 0) == 0 && size_of(fd) == 11, "nothing is appended");
	CHECK_THAT(fcntl(fd, F_SETFL, 0) == 0 && pwrite(fd, "X", 1, 0) == 1 && size_of(fd) == 11,
		   "F_SETFL switches it off");
	CHECK_THAT(fcntl(fd, F_SETFL, O_APPEND) == 0 && pwrite(fd, "Y", 1, 0) == 1 && size_of(fd) == 12, "and on");
	pid_t pids[4];
	for (int i = 0; i < 4; i++) {
		pids[i] = fork_child();
		if (pids[i])
			continue;
		for (int k = 0; k < 200; k++)
			if (write(fd, "0123456789", 10) != 10)
				_exit(1);
		_exit(0);
	}
	int all = 0;
	for (int i = 0; i < 4; i++)
		all |= wait_for(pids[i]);
	CHECK_THAT(!all && size_of(fd) == 12 + 4 * 200 * 10, "appends of several processes do not overlap");
	close(fd);
}

/* ---- limits ---- */

static volatile sig_atomic_t excess;

static void exceeded(int number)
{
	excess++;
}

static void size_limit(void)
{
	theme("RLIMIT_FSIZE of files");
	struct rlimit before, limit;
	int fd = new_file(O_RDWR);
	signal(SIGXFSZ, exceeded);
	getrlimit(RLIMIT_FSIZE, &before);
	limit = before;
	limit.rlim_cur = LIMIT_BYTES;
	REQUIRE(setrlimit(RLIMIT_FSIZE, &limit) == 0);
	CHECK_THAT(pwrite(fd, other, 600, LIMIT_BYTES - 1000) == 600 && !excess, "below the limit");
	CHECK_THAT(pwrite(fd, other, 600, LIMIT_BYTES - 400) == 400 && !excess, "up to the limit, without a signal");
	CHECK_ERRNO(pwrite(fd, other, 1, LIMIT_BYTES), EFBIG);
	CHECK_THAT(excess == 1, "and SIGXFSZ");
	CHECK_THAT(pwrite(fd, other, 0, LIMIT_BYTES) == 0 && excess == 1, "nothing is never too much");
	CHECK_THAT(pwrite(fd, other, 100, LIMIT_BYTES - 100) == 100 && excess == 1, "within the limit");
	CHECK_ERRNO(pwrite(fd, other, 1, 5 * GIB), EFBIG);
	CHECK(excess == 2);
	CHECK_ERRNO(ftruncate(fd, LIMIT_BYTES + 1), EFBIG);
	CHECK(excess == 3);
	CHECK(ftruncate(fd, LIMIT_BYTES) == 0 && excess == 3);
	CHECK_ERRNO(fallocate(fd, 0, 4096, LIMIT_BYTES), EFBIG);
	CHECK_THAT(excess >= 3 && fallocate(fd, 0, LIMIT_BYTES - 4096, 4096) == 0, "fallocate up to it");
	struct iovec v[2] = {{other, 600}, {other, 600}};
	CHECK_THAT(pwritev(fd, v, 2, LIMIT_BYTES - 1000) == 1000, "a vector is cut");
	fcntl(fd, F_SETFL, O_APPEND);
	int seen = excess;
	CHECK_ERRNO_THAT(pwrite(fd, other, 1, 0), EFBIG, "appending beyond it");
	CHECK(excess == seen + 1);
	fcntl(fd, F_SETFL, 0);
	CHECK_IN_CHILD_THAT((signal(SIGXFSZ, SIG_IGN), pwrite(fd, other, 1, LIMIT_BYTES) == -1 && errno == EFBIG),
			    "ignored, the error stays");
	pid_t pid = fork_child();
	if (pid == 0) {
		signal(SIGXFSZ, SIG_DFL);
		pwrite(fd, other, 1, LIMIT_BYTES);
		_exit(0);
	}
	int status = wait_for(pid);
	CHECK_THAT(WIFSIGNALED(status) && WTERMSIG(status) == SIGXFSZ, "by default it ends the process");
	int fds[2];
	CHECK_THAT(pipe(fds) == 0 && write(fds[1], other, 2000) == 2000, "pipes do not count");
	close(fds[0]);
	close(fds[1]);
	setrlimit(RLIMIT_FSIZE, &before);
	CHECK(pwrite(fd, other, 1, LIMIT_BYTES) == 1);
	close(fd);
}

static void large(void)
{
	theme("files beyond 4 GiB");
	static const long at[] = {2 * GIB - 1, 2 * GIB, 4 * GIB - 1, 4 * GIB, 5 * GIB + 4095, 1L << 40};
	int fd = new_file(O_RDWR);
	for (size_t i = 0; i < 6; i++) {
		CHECKF(pwrite(fd, "large", 5, at[i]) == 5 && size_of(fd) == at[i] + 5, "pwrite at %#lx", at[i]);
		CHECKF(pread(fd, other, 10, at[i]) == 5 && !memcmp(other, "large", 5), "pread at %#lx", at[i]);
		CHECKF(lseek(fd, 0, SEEK_END) == at[i] + 5 && lseek(fd, -5, SEEK_CUR) == at[i], "lseek to %#lx", at[i]);
		CHECKF(read(fd, other, 100) == 5 && lseek(fd, 0, SEEK_CUR) == at[i] + 5, "read at %#lx", at[i]);
	}
	CHECK_THAT(pread(fd, other, 100, 3 * GIB) == 100 && !other[0] && !other[99], "between them are zeros");
	CHECK_THAT(lseek(fd, 0, SEEK_DATA) == (2 * GIB - 1) / PAGE * PAGE && lseek(fd, 0, SEEK_HOLE) == 0,
		   "a hole is first");
	CHECK_THAT(lseek(fd, 6 * GIB, SEEK_DATA) == 1L << 40, "then data");
	struct stat st;
	CHECK_THAT(fstat(fd, &st) == 0 && st.st_blocks > 0 && st.st_blocks < 200, "it takes few blocks");
	char *p = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 4 * GIB);
	CHECK_THAT(p != MAP_FAILED && !memcmp(p, "large", 5), "a mapping of it at 4 GiB");
	CHECK(ftruncate(fd, 4 * GIB + 2) == 0 && p[1] == 'a' && p[2] == 0 && size_of(fd) == 4 * GIB + 2);
	CHECK(ftruncate(fd, LAST) == 0 && size_of(fd) == LAST);
	CHECK(pread(fd, other, 5, LAST - 5) == 5 && !other[4]);
	CHECK_ERRNO(pread(fd, other, 10, LAST - 5), EINVAL);
	CHECK_THAT(pwrite(fd, "12345", 5, LAST - 5) == 5, "the last bytes that there can be");
	CHECK_ERRNO(pwrite(fd, "1", 1, LAST), EINVAL);
	CHECK(ftruncate(fd, 0) == 0 && fstat(fd, &st) == 0 && st.st_blocks == 0);
	close(fd);
}

int main(void)
{
	limit_seconds(60);
	lengths();
	bad_memory();
	vectors();
	flags();
	seeking();
	appending();
	size_limit();
	large();
	return finish();
}
