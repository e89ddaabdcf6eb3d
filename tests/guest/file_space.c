/* SPDX-License-Identifier: Apache-2.0
 * The space of files: truncate, fallocate, holes, blocks, a full file system, and mappings beside all of that.
 * area: Files
 */
#include <fcntl.h>
#include <limits.h>
#include <linux/falloc.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "probe.h"

#define LAST LLONG_MAX
#define ALL  ((long)sizeof(buffer))

static char buffer[8 * PAGE], other[16 * PAGE], path[64];

static int new_file(int flags)
{
	strcpy(path, "/dev/shm/space-XXXXXX");
	int made = mkstemp(path);
	int fd = made < 0 ? -1 : open(path, flags);
	close(made);
	return fd;
}

/* Eight pages without a zero. */
static int full_file(void)
{
	int fd = new_file(O_RDWR);
	for (long i = 0; i < ALL; i++)
		buffer[i] = (char)(i % 255 + 1);
	if (write(fd, buffer, sizeof(buffer)) != ALL)
		exit(97);
	return fd;
}

static void discard(int fd)
{
	close(fd);
	unlink(path);
}

static struct stat now;

static long size_of(int fd)
{
	return fstat(fd, &now) ? -1 : now.st_size;
}

static long pages_of(int fd)
{
	return fstat(fd, &now) ? -1 : now.st_blocks / 8;
}

/* Are the bytes [from, to) zero (or, with `kept`, what the full file has there)? */
static int bytes(int fd, long from, long to, int kept)
{
	if (pread(fd, other, (size_t)(to - from), from) != to - from)
		return 0;
	for (long i = 0; i < to - from; i++)
		if (other[i] != (kept ? buffer[from + i] : 0))
			return 0;
	return 1;
}

/* ---- truncate ---- */

static void truncating(void)
{
	theme("truncate");
	static const struct {
		long size, pages;
	} rows[] = {{ALL, 8}, {ALL - 1, 8}, {7 * PAGE + 1, 8}, {7 * PAGE, 7}, {PAGE + 1, 2}, {PAGE, 1}, {1, 1}, {0, 0}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		long size = rows[i].size;
		int fd = full_file();
		CHECKF(ftruncate(fd, size) == 0 && size_of(fd) == size, "ftruncate to %ld", size);
		CHECKF(pages_of(fd) == rows[i].pages, "to %ld: blocks", size);
		CHECKF(bytes(fd, 0, size, 1) && pread(fd, other, 1, size) == 0, "to %ld: bytes", size);
		CHECKF(truncate(path, ALL + 5) == 0 && size_of(fd) == ALL + 5, "truncate after %ld to more", size);
		CHECKF(bytes(fd, size, ALL + 5, size == ALL ? 2 : 0) || size == ALL, "after %ld: zeros come back",
		       size);
		CHECKF(bytes(fd, 0, size, 1), "after %ld: the rest", size);
		discard(fd);
	}
	int fd = full_file(), reading = open(path, O_RDONLY), directory = open("/dev/shm", O_RDONLY),
	    naming = open(path, O_PATH);
	CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
	CHECK_ERRNO(ftruncate(fd, LONG_MIN), EINVAL);
	CHECK_ERRNO(ftruncate(reading, 0), EINVAL);
	CHECK_ERRNO(ftruncate(directory, 0), EINVAL);
	CHECK_ERRNO(ftruncate(naming, 0), EBADF);
	CHECK_ERRNO(ftruncate(-1, 0), EBADF);
	CHECK_ERRNO(ftruncate(-1, -1), EINVAL);
	CHECK_ERRNO(truncate(path, -1), EINVAL);
	CHECK_ERRNO(truncate("/dev/shm", 0), EISDIR);
	CHECK_ERRNO(truncate("/dev/shm/not-there", 0), ENOENT);
	CHECK_ERRNO(truncate("/dev/null", 0), EINVAL);
	CHECK_ERRNO(truncate("", 0), ENOENT);
	CHECK_ERRNO(truncate(unmapped_address(), 0), EFAULT);
	CHECK_ERRNO(truncate("/proc/self/status/x", 0), ENOTDIR);
	CHECK_THAT(lseek(fd, 100, SEEK_SET) == 100 && ftruncate(fd, 10) == 0 && lseek(fd, 0, SEEK_CUR) == 100,
		   "the position stays");
	CHECK_THAT(write(fd, "x", 1) == 1 && size_of(fd) == 101 && bytes(fd, 10, 100, 0),
		   "and a write there leaves zeros");
	size_of(fd);
	struct timespec before = now.st_mtim;
	sleep_ms(20);
	CHECK_THAT(ftruncate(fd, 101) == 0 && size_of(fd) == 101 &&
		       (now.st_mtim.tv_nsec != before.tv_nsec || now.st_mtim.tv_sec != before.tv_sec),
		   "ftruncate to the same size sets mtime");
	close(reading);
	close(directory);
	close(naming);
	discard(fd);
}

/* ---- fallocate ---- */

enum { KEEP = FALLOC_FL_KEEP_SIZE, PUNCH = FALLOC_FL_PUNCH_HOLE, COLLAPSE = FALLOC_FL_COLLAPSE_RANGE };
enum { ZERO = FALLOC_FL_ZERO_RANGE, INSERT = FALLOC_FL_INSERT_RANGE, UNSHARE = FALLOC_FL_UNSHARE_RANGE };

static void allocating(void)
{
	theme("fallocate");
	static const struct {
		long mode, offset, length, result, size, pages;
	} rows[] = {{0, 0, 1, 0, ALL, 8},
		    {0, ALL, 1, 0, ALL + 1, 9},
		    {0, ALL - 1, PAGE + 1, 0, ALL + PAGE, 9},
		    {0, 20 * PAGE, 2 * PAGE, 0, 22 * PAGE, 10},
		    {0, 20 * PAGE + 1, 2 * PAGE, 0, 22 * PAGE + 1, 11},
		    {KEEP, ALL, PAGE, 0, ALL, 9},
		    {KEEP, 20 * PAGE, 3, 0, ALL, 9},
		    {KEEP, 0, ALL, 0, ALL, 8},
		    {PUNCH | KEEP, 0, PAGE, 0, ALL, 7},
		    {PUNCH | KEEP, PAGE, 2 * PAGE, 0, ALL, 6},
		    {PUNCH | KEEP, 1, PAGE, 0, ALL, 8},
		    {PUNCH | KEEP, 1, 2 * PAGE, 0, ALL, 7},
		    {PUNCH | KEEP, PAGE + 1, 10, 0, ALL, 8},
		    {PUNCH | KEEP, 0, 100 * PAGE, 0, ALL, 0},
		    {PUNCH | KEEP, 7 * PAGE + 5, LAST - 8 * PAGE, 0, ALL, 8},
		    {PUNCH | KEEP, 50 * PAGE, PAGE, 0, ALL, 8},
		    {PUNCH, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {COLLAPSE, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {ZERO, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {ZERO | KEEP, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {INSERT, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {UNSHARE, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {PUNCH | ZERO | KEEP, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {0x4000, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {-1, 0, PAGE, -EOPNOTSUPP, ALL, 8},
		    {0, -1, 1, -EINVAL, ALL, 8},
		    {0, 0, 0, -EINVAL, ALL, 8},
		    {0, 0, -1, -EINVAL, ALL, 8},
		    {0, LONG_MIN, 1, -EINVAL, ALL, 8},
		    {KEEP, 0, 0, -EINVAL, ALL, 8},
		    {PUNCH | KEEP, 0, 0, -EINVAL, ALL, 8},
		    {0, LAST, 1, -EFBIG, ALL, 8},
		    {0, 1, LAST, -EFBIG, ALL, 8},
		    {PUNCH | KEEP, LAST, LAST, -EFBIG, ALL, 8}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = full_file();
		char text[100];
		snprintf(text, sizeof(text), "mode %#lx, %#lx at %#lx", rows[i].mode, rows[i].length, rows[i].offset);
		CHECKF(ANSWER(fallocate(fd, (int)rows[i].mode, rows[i].offset, rows[i].length)) == rows[i].result, "%s",
		       text);
		CHECKF(size_of(fd) == rows[i].size, "%s: size", text);
		CHECKF(pages_of(fd) == rows[i].pages, "%s: blocks", text);
		long from = rows[i].mode == (PUNCH | KEEP) && !rows[i].result ? rows[i].offset : ALL;
		long to = from == ALL || rows[i].length > ALL - from ? ALL : from + rows[i].length;
		if (from > ALL)
			from = to = ALL;
		CHECKF(bytes(fd, 0, from, 1) && bytes(fd, from, to, 0) && bytes(fd, to, ALL, 1), "%s: bytes", text);
		CHECKF(rows[i].size <= ALL || bytes(fd, ALL, rows[i].size, 0), "%s: zeros beyond", text);
		discard(fd);
	}
	int fd = full_file(), reading = open(path, O_RDONLY), directory = open("/dev/shm", O_RDONLY),
	    null = open("/dev/null", O_RDWR), fds[2];
	REQUIRE(pipe(fds) == 0);
	CHECK_ERRNO(fallocate(reading, 0, 0, 1), EBADF);
	CHECK_ERRNO(fallocate(-1, 0, 0, 1), EBADF);
	CHECK_ERRNO(fallocate(directory, 0, 0, 1), EBADF);
	CHECK_ERRNO(fallocate(null, 0, 0, 1), ENODEV);
	CHECK_ERRNO(fallocate(fds[1], 0, 0, 1), ESPIPE);
	CHECK(posix_fallocate(fd, 0, 2 * ALL) == 0 && size_of(fd) == 2 * ALL);
	close(reading);
	close(directory);
	close(null);
	close(fds[0]);
	close(fds[1]);
	discard(fd);
}

/* ---- holes ---- */

static void holes(void)
{
	theme("holes");
	int fd = new_file(O_RDWR);
	static const struct {
		long page, length;
	} parts[] = {{2, 1}, {5, 3}, {20, 1}};
	for (size_t i = 0; i < 3; i++)
		REQUIRE(pwrite(fd, buffer, (size_t)(parts[i].length * PAGE), parts[i].page * PAGE) ==
			parts[i].length * PAGE);
	REQUIRE(ftruncate(fd, 30 * PAGE) == 0);
	CHECK(pages_of(fd) == 5);
	for (long page = 0; page <= 30; page++) {
		long data = -ENXIO, hole = page;
		for (size_t i = 3; i-- > 0;)
			if (page < parts[i].page + parts[i].length)
				data = page < parts[i].page ? parts[i].page : page;
		for (size_t i = 0; i < 3; i++)
			if (page >= parts[i].page && page < parts[i].page + parts[i].length)
				hole = parts[i].page + parts[i].length;
		for (long in = 0; in < PAGE; in += 1000) {
			long wanted_data = data < 0 || page == 30 ? -ENXIO
					   : data == page	  ? page * PAGE + in
								  : data * PAGE;
			long wanted_hole = page == 30 ? -ENXIO : hole == page ? page * PAGE + in : hole * PAGE;
			if (ANSWER(lseek(fd, page * PAGE + in, SEEK_DATA)) != wanted_data ||
			    ANSWER(lseek(fd, page * PAGE + in, SEEK_HOLE)) != wanted_hole)
				CHECKF(0, "data and hole at page %ld, byte %ld", page, in);
		}
		CHECKF(page == 30 || bytes(fd, page * PAGE, (page + 1) * PAGE, 0) == (hole == page), "page %ld", page);
	}
	char *p = mmap(NULL, 30 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_THAT(p[0] == 0 && p[12 * PAGE] == 0 && bytes(fd, 0, PAGE, 0), "holes are read through a mapping");
	p[10 * PAGE] = 1;
	CHECK_THAT(pages_of(fd) >= 6 && lseek(fd, 9 * PAGE, SEEK_DATA) == 10 * PAGE, "a write through it fills one");
	CHECK_THAT(fallocate(fd, PUNCH | KEEP, 5 * PAGE, PAGE) == 0 && p[5 * PAGE] == 0 && p[6 * PAGE] == buffer[PAGE],
		   "a hole is punched under a mapping");
	p[5 * PAGE] = 9;
	CHECK_THAT(bytes(fd, 5 * PAGE + 1, 6 * PAGE, 0) && other[0] == 0 && pread(fd, other, 1, 5 * PAGE) == 1 &&
		       other[0] == 9,
		   "and written to");
	CHECK_THAT(fallocate(fd, PUNCH | KEEP, 6 * PAGE + 10, 20) == 0 && p[6 * PAGE + 9] && !p[6 * PAGE + 10] &&
		       !p[6 * PAGE + 29] && p[6 * PAGE + 30],
		   "part of a page");
	munmap(p, 30 * PAGE);
	discard(fd);
}

/* ---- mappings ---- */

static void mappings(void)
{
	theme("mappings beside sizes");
	int fd = full_file();
	char *p = mmap(NULL, 16 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *twin = mmap(NULL, ALL, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	char *copy = mmap(NULL, ALL, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
	REQUIRE(p != MAP_FAILED && twin != MAP_FAILED && copy != MAP_FAILED);
	CHECK(!memcmp(p, buffer, sizeof(buffer)));
	for (int page = 8; page < 16; page += 3) {
		struct fault f = fault_of(READ, p + page * PAGE);
		CHECKF(f.signal == SIGBUS && f.code == BUS_ADRERR && f.address == p + page * PAGE,
		       "reading page %d beyond the end", page);
		f = fault_of(WRITE, p + page * PAGE + 7);
		CHECKF(f.signal == SIGBUS && f.address == p + page * PAGE + 7, "writing page %d beyond the end", page);
	}
	CHECK_THAT(read(fd, p + 8 * PAGE, 1) == 0 && pread(fd, other, 1, 0) == 1,
		   "a read of nothing does not touch it");
	CHECK_ERRNO(pread(fd, p + 8 * PAGE, 1, 0), EFAULT);
	CHECK_THAT(pread(fd, p + ALL - 10, 20, 0) == 10, "a read across the end is cut");
	CHECK_THAT(pwrite(fd, "file", 4, 100) == 4 && !memcmp(p + 100, "file", 4) && !memcmp(twin + 100, "file", 4),
		   "writes are seen in mappings");
	CHECK_THAT(!memcmp(copy + 100, "file", 4), "in a private one too, as long as it has no page of its own");
	memcpy(p + 200, "shared", 6);
	CHECK_THAT(pread(fd, other, 6, 200) == 6 && !memcmp(other, "shared", 6) && !memcmp(twin + 200, "shared", 6),
		   "stores are seen in the file");
	memcpy(copy + 300, "private", 7);
	CHECK_THAT(pread(fd, other, 7, 300) == 7 && !memcmp(other, buffer + 300, 7), "but not those of a private one");
	CHECK_THAT(pwrite(fd, "FILE", 4, 100) == 4 && !memcmp(copy + 100, "file", 4), "which no longer sees writes");
	CHECK_IN_CHILD_THAT((memcpy(p + 400, "child", 5), 1), "a child stores");
	CHECK_THAT(!memcmp(twin + 400, "child", 5), "and the parent sees it");
	CHECK_THAT(pwrite(fd, p + PAGE, PAGE, 0) == PAGE && !memcmp(p, p + PAGE, PAGE),
		   "a file written from its own mapping");
	CHECK_THAT(pread(fd, p + 2 * PAGE, PAGE, 100) == PAGE && !memcmp(p + 2 * PAGE, p + 100, PAGE),
		   "and read into it");
	copy[5 * PAGE] = 77;
	REQUIRE(ftruncate(fd, 2 * PAGE + 10) == 0);
	CHECK_NO_FAULT(READ, p + 2 * PAGE + 4095);
	CHECK_THAT(p[2 * PAGE + 10] == 0 && p[3 * PAGE - 1] == 0, "beyond a cut the page is zero");
	CHECK_FAULT_THAT(READ, p + 3 * PAGE, SIGBUS, BUS_ADRERR, "pages beyond it are gone");
	CHECK_FAULT_THAT(READ, twin + 7 * PAGE, SIGBUS, BUS_ADRERR, "in each mapping");
	CHECK_FAULT_THAT(READ, copy + 7 * PAGE, SIGBUS, BUS_ADRERR, "in private ones too");
	CHECK_FAULT_THAT(READ, copy + 5 * PAGE, SIGBUS, BUS_ADRERR, "even a page of their own");
	CHECK_THAT(copy[300] == 'p', "not one before the cut");
	p[2 * PAGE + 100] = 5;
	CHECK_THAT(size_of(fd) == 2 * PAGE + 10, "a store behind the end is no growth");
	CHECK_THAT(ftruncate(fd, ALL) == 0 && p[3 * PAGE] == 0 && twin[7 * PAGE] == 0 && copy[5 * PAGE] == 0,
		   "grown again they are zeros");
	CHECK_THAT(p[2 * PAGE + 9] != 0, "what was before the cut stays");
	p[7 * PAGE] = 66;
	CHECK_THAT(pread(fd, other, 1, 7 * PAGE) == 1 && other[0] == 66 && twin[7 * PAGE] == 66, "and coherent");
	CHECK_THAT(pwrite(fd, "far", 3, 15 * PAGE) == 3 && !memcmp(p + 15 * PAGE, "far", 3),
		   "growth is seen in a mapping made before");
	CHECK_NO_FAULT(WRITE, p + 12 * PAGE);
	unlink(path);
	close(fd);
	CHECK_THAT(p[7 * PAGE] == 66 && !memcmp(p + 15 * PAGE, "far", 3), "a mapping keeps a file without a name");
	munmap(p, 16 * PAGE);
	munmap(twin, (size_t)ALL);
	munmap(copy, (size_t)ALL);
}

/* ---- a full file system ---- */

static void full(void)
{
	struct statfs fs;
	theme("a full file system");
	char root[] = "/dev/shm/full-XXXXXX", name[64];
	REQUIRE(mkdtemp(root) && mount("none", root, "tmpfs", 0, "size=64k") == 0);
	snprintf(name, sizeof(name), "%s/file", root);
	int fd = open(name, O_RDWR | O_CREAT, 0600);
	CHECK(fstatfs(fd, &fs) == 0 && fs.f_type == 0x01021994 && fs.f_blocks == 16 && fs.f_bfree == 16 &&
	      fs.f_bsize == PAGE);
	CHECK(pwrite(fd, buffer, 8 * PAGE, 0) == 8 * PAGE && fstatfs(fd, &fs) == 0 && fs.f_bfree == 8);
	CHECK_THAT(pwrite(fd, other, 16 * PAGE, 8 * PAGE) == 8 * PAGE, "a write as far as there is room");
	CHECK_ERRNO(pwrite(fd, other, 1, 16 * PAGE), ENOSPC);
	CHECK_THAT(size_of(fd) == 16 * PAGE, "the size stays");
	CHECK_THAT(pwrite(fd, other, 100, 0) == 100, "what is there can be overwritten");
	CHECK_ERRNO(fallocate(fd, 0, 16 * PAGE, PAGE), ENOSPC);
	CHECK_THAT(ftruncate(fd, 100 * PAGE) == 0 && size_of(fd) == 100 * PAGE && pages_of(fd) == 16,
		   "holes need no room");
	char *p = mmap(NULL, 100 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	REQUIRE(p != MAP_FAILED);
	CHECK_FAULT_THAT(READ, p + 50 * PAGE, SIGBUS, BUS_ADRERR, "a shared mapping needs it to read them");
	CHECK_FAULT_THAT(WRITE, p + 60 * PAGE, SIGBUS, BUS_ADRERR, "and to fill them");
	CHECK(fallocate(fd, PUNCH | KEEP, 0, 4 * PAGE) == 0 && fstatfs(fd, &fs) == 0 && fs.f_bfree == 4);
	CHECK_THAT((p[60 * PAGE] = 1, pages_of(fd) == 13), "with room they are");
	CHECK_THAT(ANSWER(fallocate(fd, 0, 80 * PAGE, 10 * PAGE)) == -ENOSPC && pages_of(fd) == 13,
		   "fallocate takes all or nothing");
	CHECK(fallocate(fd, 0, 80 * PAGE, 3 * PAGE) == 0 && pages_of(fd) == 16);
	munmap(p, 100 * PAGE);
	CHECK(ftruncate(fd, 0) == 0 && fstatfs(fd, &fs) == 0 && fs.f_bfree == 16);
	close(fd);
	CHECK(umount(root) == 0 && rmdir(root) == 0);
}

int main(void)
{
	limit_seconds(60);
	truncating();
	allocating();
	holes();
	mappings();
	if (geteuid() == 0) /* it mounts */
		full();
	return finish();
}
