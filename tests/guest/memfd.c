/* SPDX-License-Identifier: Apache-2.0
 * memfd_create, seals, and mappings of files: shared and private views, SIGBUS behind the end, truncation.
 * area: Memory
 */
#include <stdint.h>
#include <fcntl.h>
#include <sys/stat.h>

#include "probe.h"

#define RW (PROT_READ | PROT_WRITE)

static int new_file(unsigned flags, off_t size)
{
	int fd = memfd_create("probe", flags);
	if (fd < 0 || ftruncate(fd, size) != 0)
		exit(97);
	return fd;
}

static void creation(void)
{
	char name[300];
	struct stat st;
	theme("memfd_create");
	memset(name, 'n', sizeof(name));
	name[250] = '\0';
	CHECK_ERRNO(memfd_create(name, 0), EINVAL);
	name[249] = '\0';
	int fd = memfd_create(name, 0);
	CHECK_THAT(fd >= 0, "a name of 249 bytes");
	close(fd);
	CHECK_ERRNO(memfd_create(NULL, 0), EFAULT);
	CHECK_ERRNO(memfd_create(unmapped_address(), 0), EFAULT);
	CHECK_ERRNO(memfd_create("x", 0x4000), EINVAL);
	fd = memfd_create("x", MFD_CLOEXEC);
	CHECK(fd >= 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK((fcntl(fd, F_GETFL) & O_ACCMODE) == O_RDWR);
	CHECK(fstat(fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0 && st.st_nlink == 0);
	CHECK_THAT(fcntl(fd, F_GET_SEALS) == F_SEAL_SEAL, "without MFD_ALLOW_SEALING it is sealed against seals");
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EPERM);
	CHECK(write(fd, "hello", 5) == 5);
	CHECK(lseek(fd, 0, SEEK_CUR) == 5);
	CHECK_ERRNO(lseek(fd, INT64_MAX, SEEK_CUR), EINVAL);
	CHECK_ERRNO(lseek(fd, -6, SEEK_CUR), EINVAL);
	CHECK(lseek(fd, 0, SEEK_CUR) == 5);
	CHECK(pread(fd, name, 10, 1) == 4 && memcmp(name, "ello", 4) == 0);
	CHECK(ftruncate(fd, 3) == 0 && fstat(fd, &st) == 0 && st.st_size == 3);
	CHECK(ftruncate(fd, 8) == 0 && pread(fd, name, 10, 0) == 8 && memcmp(name, "hel\0\0\0\0\0", 8) == 0);
	CHECK_ERRNO(ftruncate(fd, -1), EINVAL);
	CHECK(pwrite(fd, "z", 1, 100000) == 1 && fstat(fd, &st) == 0 && st.st_size == 100001);
	CHECK_THAT(pread(fd, name, 5, 50000) == 5 && name[0] == 0, "a hole reads as zero");
	close(fd);
}

static void seals(void)
{
	char byte = 'b';
	theme("seals");
	int fd = new_file(MFD_ALLOW_SEALING, 8192);
	CHECK(fcntl(fd, F_GET_SEALS) == 0);
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, 0x100000), EINVAL);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK) == 0);
	CHECK(fcntl(fd, F_GET_SEALS) == F_SEAL_SHRINK);
	CHECK_ERRNO(ftruncate(fd, 4096), EPERM);
	CHECK(ftruncate(fd, 12288) == 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW) == 0);
	CHECK_ERRNO(ftruncate(fd, 16384), EPERM);
	CHECK_ERRNO(pwrite(fd, &byte, 1, 12288), EPERM);
	CHECK(pwrite(fd, &byte, 1, 12287) == 1);
	CHECK_ERRNO(fallocate(fd, 0, 0, 65536), EPERM);
	char *p = mmap(NULL, 4096, RW, MAP_SHARED, fd, 0);
	CHECK_ERRNO_THAT(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE), EBUSY, "F_SEAL_WRITE while mapped for writing");
	munmap(p, 4096);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE) == 0);
	CHECK_ERRNO(pwrite(fd, &byte, 1, 0), EPERM);
	CHECK_ERRNO(mmap(NULL, 4096, RW, MAP_SHARED, fd, 0), EPERM);
	p = mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
	CHECK_THAT(p != MAP_FAILED || errno == EPERM, "a read-only shared mapping of a sealed file (since Linux 6.7)");
	if (p != MAP_FAILED) {
		CHECK_ERRNO(mprotect(p, 4096, RW), EACCES);
		munmap(p, 4096);
	} else {
		CHECK_ERRNO(mprotect(unmapped_address() - 64, 4096, RW), ENOMEM);
	}
	p = mmap(NULL, 4096, RW, MAP_PRIVATE, fd, 0);
	CHECK_THAT(p != MAP_FAILED && (p[0] = 1) == 1, "a private mapping of a sealed file may be written");
	munmap(p, 4096);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL) == 0);
	CHECK_ERRNO(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW), EPERM);
	CHECK(fcntl(fd, F_GET_SEALS) == (F_SEAL_SEAL | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_WRITE));
	close(fd);
	fd = new_file(MFD_ALLOW_SEALING, 4096);
	p = mmap(NULL, 4096, RW, MAP_SHARED, fd, 0);
	CHECK(fcntl(fd, F_ADD_SEALS, F_SEAL_FUTURE_WRITE) == 0);
	CHECK_ERRNO_THAT(pwrite(fd, &byte, 1, 0), EPERM, "F_SEAL_FUTURE_WRITE refuses write");
	CHECK_NO_FAULT(WRITE, p);
	CHECK_ERRNO_THAT(mmap(NULL, 4096, RW, MAP_SHARED, fd, 0), EPERM, "and a new writable mapping");
	munmap(p, 4096);
	close(fd);
	int fds[2];
	REQUIRE(pipe(fds) == 0);
	CHECK_ERRNO_THAT(fcntl(fds[0], F_GET_SEALS), EINVAL, "a pipe has no seals");
	close(fds[0]);
	close(fds[1]);
}

static void views(void)
{
	char buffer[16] = "";
	theme("file mappings");
	int fd = new_file(0, 3 * PAGE);
	char *a = mmap(NULL, 3 * PAGE, RW, MAP_SHARED, fd, 0), *b = mmap(NULL, PAGE, RW, MAP_SHARED, fd, PAGE);
	char *c = mmap(NULL, 3 * PAGE, RW, MAP_PRIVATE, fd, 0);
	REQUIRE(a != MAP_FAILED && b != MAP_FAILED && c != MAP_FAILED);
	a[PAGE] = 'A';
	CHECK_THAT(b[0] == 'A', "two shared mappings show one memory");
	CHECK_THAT(c[PAGE] == 'A', "a private one shows it until written");
	c[PAGE + 1] = 'C';
	a[PAGE] = 'B';
	CHECK_THAT(a[PAGE + 1] == 0, "a private write does not reach the file");
	CHECK_THAT(c[PAGE] == 'A', "nor the file the written private page");
	CHECK(pread(fd, buffer, 2, PAGE) == 2 && buffer[0] == 'B' && buffer[1] == 0);
	CHECK(pwrite(fd, "PW", 2, 2 * PAGE) == 2 && a[2 * PAGE] == 'P' && c[2 * PAGE + 1] == 'W');
	CHECK_IN_CHILD_THAT((a[0] = 'K') == 'K', "a child writes a shared file mapping");
	CHECK(a[0] == 'K' && pread(fd, buffer, 1, 0) == 1 && buffer[0] == 'K');
	CHECK(close(fd) == 0);
	CHECK_THAT(b[0] == 'B', "mappings outlive the descriptor");
	CHECK(msync(a, 3 * PAGE, MS_SYNC) == 0);
	munmap(a, 3 * PAGE);
	munmap(b, PAGE);
	munmap(c, 3 * PAGE);
}

static void ends(void)
{
	theme("end of file");
	int fd = new_file(0, PAGE + 100);
	char *p = mmap(NULL, 4 * PAGE, RW, MAP_SHARED, fd, 0), *q;
	REQUIRE(p != MAP_FAILED);
	CHECK_NO_FAULT(READ, p + PAGE + 99);
	CHECK_THAT(p[PAGE + 100] == 0 && p[2 * PAGE - 1] == 0, "the rest of the last page is zero");
	CHECK_FAULT(READ, p + 2 * PAGE, SIGBUS, BUS_ADRERR);
	CHECK_FAULT(WRITE, p + 3 * PAGE + 5, SIGBUS, BUS_ADRERR);
	CHECK_ERRNO_THAT(write(fd, p + 2 * PAGE, 1), EFAULT, "a system call fails with EFAULT there");
	CHECK(ftruncate(fd, 4 * PAGE) == 0);
	CHECK_NO_FAULT(WRITE, p + 3 * PAGE);
	p[PAGE + 200] = 'x';
	CHECK(ftruncate(fd, PAGE + 100) == 0);
	CHECK_FAULT_THAT(READ, p + 3 * PAGE, SIGBUS, BUS_ADRERR, "truncation takes pages from a mapping");
	CHECK_THAT(p[PAGE + 200] == 0, "and zeroes the rest of the last page");
	q = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 2 * PAGE);
	CHECK_FAULT_THAT(WRITE, q, SIGBUS, BUS_ADRERR, "a private mapping behind the end is SIGBUS");
	CHECK_THAT(mmap(q, PAGE, RW, MAP_PRIVATE | MAP_FIXED, fd, 0) == q && q[0] == 0, "MAP_FIXED of a file over it");
	CHECK_ERRNO(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0x7ffffffffffff000), EOVERFLOW);
	CHECK_ERRNO(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 100), EINVAL);
	munmap(q, PAGE);
	munmap(p, 4 * PAGE);
	CHECK(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, PAGE) == 0);
	CHECK_ERRNO(fallocate(fd, 0, -1, 4), EINVAL);
	CHECK_ERRNO(fallocate(fd, 0, 0, 0), EINVAL);
	CHECK(fallocate(fd, 0, 0, 5 * PAGE) == 0 && lseek(fd, 0, SEEK_END) == 5 * PAGE);
	close(fd);
	CHECK_ERRNO(fallocate(fd, 0, 0, PAGE), EBADF);
	int fds[2];
	REQUIRE(pipe(fds) == 0);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[0], 0), ENODEV);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fds[1], 0), EACCES);
	close(fds[0]);
	close(fds[1]);
}

int main(void)
{
	limit_seconds(60);
	creation();
	seals();
	views();
	ends();
	return finish();
}
