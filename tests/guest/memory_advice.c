/* SPDX-License-Identifier: Apache-2.0
 * brk, madvise, mincore, msync, mlock, overcommit, copy-on-write and shared anonymous memory, stacks that grow.
 * area: Memory
 */
#include <fcntl.h>
#include <sys/resource.h>

#include "probe.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static void program_break(void)
{
	theme("brk");
	char *start = (char *)syscall(SYS_brk, 0);
	CHECK(start != NULL);
	CHECK_THAT((char *)syscall(SYS_brk, start + 3 * PAGE) == start + 3 * PAGE, "grows");
	CHECK_NO_FAULT(WRITE, start + 3 * PAGE - 1);
	CHECK_THAT(*(start + 2 * PAGE) == 0, "new memory is zero");
	CHECK_THAT((char *)syscall(SYS_brk, 8) == start + 3 * PAGE, "an impossible address returns the present break");
	CHECK_THAT((char *)syscall(SYS_brk, -1L) == start + 3 * PAGE, "so does one outside user space");
	CHECK_THAT((char *)syscall(SYS_brk, start) == start, "shrinks");
	char *page = (char *)(((uintptr_t)start + PAGE - 1) & -PAGE);
	CHECK_THAT(fault_of(READ, page + PAGE).code == SEGV_MAPERR, "memory above the break is gone");
	syscall(SYS_brk, start + 2 * PAGE);
	CHECK_THAT(*(page + PAGE - 1) == 0, "what was given back returns as zero");
	syscall(SYS_brk, start);
	CHECK(syscall(SYS_brk, start + 5) == (long)(start + 5));
	syscall(SYS_brk, start);
}

static void advice(void)
{
	theme("madvise");
	char *p = map_pages(4, RW), *gone = unmapped_address() - 64;
	memset(p, 'm', 4 * PAGE);
	CHECK_ERRNO(madvise(p + 1, PAGE, MADV_NORMAL), EINVAL);
	CHECK_ERRNO(madvise(p, PAGE, 12345), EINVAL);
	CHECK_ERRNO(madvise(p, (size_t)-PAGE, MADV_NORMAL), EINVAL);
	CHECK_ERRNO(madvise(gone, PAGE, MADV_DONTNEED), ENOMEM);
	CHECK(madvise(p, 0, MADV_DONTNEED) == 0);
	CHECK(p[0] == 'm');
	CHECK(madvise(p, PAGE, MADV_NORMAL) == 0);
	CHECK(madvise(p, PAGE, MADV_RANDOM) == 0);
	CHECK(madvise(p, PAGE, MADV_SEQUENTIAL) == 0);
	CHECK(madvise(p, PAGE, MADV_WILLNEED) == 0 || errno == EBADF);
	CHECK_THAT(p[0] == 'm', "hints leave the contents alone");
	CHECK(madvise(p + PAGE, PAGE, MADV_DONTNEED) == 0);
	CHECK(p[PAGE] == 0 && p[2 * PAGE - 1] == 0);
	CHECK(p[PAGE - 1] == 'm' && p[2 * PAGE] == 'm');
	CHECK(madvise(p + 2 * PAGE, 1, MADV_DONTNEED) == 0);
	CHECK_THAT(p[3 * PAGE - 1] == 0, "the length is rounded up to a page");
	CHECK(madvise(p, 4 * PAGE, MADV_FREE) == 0);
	p[3 * PAGE] = 'w';
	CHECK_THAT(p[3 * PAGE] == 'w', "a write after MADV_FREE stays");
	CHECK_THAT(p[0] == 'm' || p[0] == 0, "MADV_FREE keeps or zeroes");
	CHECK(madvise(p, PAGE, MADV_DONTFORK) == 0);
	CHECK_IN_CHILD_THAT(fault_of(READ, p).code == SEGV_MAPERR, "a child does not have MADV_DONTFORK memory");
	CHECK(madvise(p, PAGE, MADV_DOFORK) == 0);
	CHECK_IN_CHILD_THAT(fault_of(READ, p).signal == 0, "a child has MADV_DOFORK memory");
	p[0] = 'm';
	CHECK(madvise(p, PAGE, MADV_WIPEONFORK) == 0);
	CHECK_IN_CHILD_THAT(p[0] == 0, "MADV_WIPEONFORK memory is zero in a child");
	CHECK_THAT(p[0] == 'm', "and untouched in the parent");
	CHECK(madvise(p, PAGE, MADV_KEEPONFORK) == 0);
	CHECK_IN_CHILD_THAT(p[0] == 'm', "MADV_KEEPONFORK undoes it");
	CHECK(madvise(p, PAGE, MADV_DONTDUMP) == 0);
	CHECK(madvise(p, PAGE, MADV_DODUMP) == 0);
	munmap(p + PAGE, PAGE);
	memset(p + 2 * PAGE, 'm', 2 * PAGE);
	CHECK_ERRNO(madvise(p, 4 * PAGE, MADV_DONTNEED), ENOMEM);
	CHECK_THAT(p[0] == 0 && p[2 * PAGE] == 0, "advice over a hole is applied to all that is mapped");
	munmap(p, 4 * PAGE);
	p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p[0] = 's';
	CHECK(madvise(p, PAGE, MADV_DONTNEED) == 0);
	CHECK_THAT(p[0] == 's', "shared memory survives MADV_DONTNEED");
	CHECK_ERRNO_THAT(madvise(p, PAGE, MADV_FREE), EINVAL, "MADV_FREE is for private anonymous memory");
	CHECK(madvise(p, PAGE, MADV_REMOVE) == 0);
	CHECK_THAT(p[0] == 0, "MADV_REMOVE punches a hole into shared memory");
	munmap(p, PAGE);
	p = mmap(NULL, 4 << 20, RW, ANON, -1, 0);
	CHECK(madvise(p, 4 << 20, MADV_HUGEPAGE) == 0 || errno == EINVAL);
	memset(p, 1, 4 << 20);
	CHECK(madvise(p, 4 << 20, MADV_NOHUGEPAGE) == 0 || errno == EINVAL);
	CHECK(madvise(p + (2 << 20) + PAGE, PAGE, MADV_DONTNEED) == 0);
	CHECK_THAT(p[(2 << 20) + PAGE] == 0 && p[(2 << 20) + 2 * PAGE] == 1,
		   "a piece out of the middle of a large page");
	munmap(p, 4 << 20);
	p = map_pages(2, RW);
	CHECK_THAT(madvise(p, 2 * PAGE, MADV_POPULATE_WRITE) == 0 || errno == EINVAL, "MADV_POPULATE_WRITE");
	memset(p, 'c', 2 * PAGE);
	CHECK(madvise(p, 2 * PAGE, MADV_COLD) == 0);
	CHECK(madvise(p, 2 * PAGE, MADV_PAGEOUT) == 0);
	CHECK(madvise(p, 2 * PAGE, MADV_POPULATE_READ) == 0 || errno == EINVAL);
	CHECK(madvise(p, 2 * PAGE, MADV_MERGEABLE) == 0 || errno == EINVAL);
	CHECK(madvise(p, 2 * PAGE, MADV_UNMERGEABLE) == 0 || errno == EINVAL);
	CHECK_THAT(p[0] == 'c' && p[2 * PAGE - 1] == 'c', "none of them loses the contents");
	CHECK_IN_CHILD_THAT(mprotect(p, PAGE, PROT_NONE) == 0 && madvise(p, PAGE, MADV_POPULATE_READ) == -1 &&
				errno == EINVAL,
			    "MADV_POPULATE_READ of what cannot be read fails");
	munmap(p, 2 * PAGE);
	CHECK_ERRNO(madvise(gone, PAGE, MADV_POPULATE_READ), ENOMEM);
}

static void residence(void)
{
	theme("mincore");
	unsigned char vec[8] = {0};
	char *p = map_pages(4, RW), *gone = unmapped_address() - 64;
	p[PAGE] = 1;
	CHECK_ERRNO(mincore(p + 1, PAGE, vec), EINVAL);
	CHECK_ERRNO(mincore(p, PAGE, NULL), EFAULT);
	CHECK_ERRNO(mincore(p, PAGE, (unsigned char *)gone), EFAULT);
	CHECK_ERRNO(mincore(gone, PAGE, vec), ENOMEM);
	CHECK_ERRNO(mincore((void *)0xffff800000000000, PAGE, vec), ENOMEM);
	CHECK(mincore(p, 4 * PAGE, vec) == 0);
	CHECK_THAT((vec[1] & 1) == 1, "a touched page is resident");
	CHECK(mincore(p, 1, vec) == 0);
	madvise(p, 4 * PAGE, MADV_DONTNEED);
	CHECK(mincore(p, 4 * PAGE, vec) == 0 && (vec[1] & 1) == 0);
	munmap(p, 4 * PAGE);
}

static void sync_and_lock(void)
{
	theme("msync and mlock");
	char *p = map_pages(3, RW), *gone = unmapped_address() - 64;
	CHECK_ERRNO(msync(p + 1, PAGE, MS_SYNC), EINVAL);
	CHECK_ERRNO(msync(p, PAGE, MS_SYNC | MS_ASYNC), EINVAL);
	CHECK_ERRNO(msync(p, PAGE, 0x80), EINVAL);
	CHECK_ERRNO(msync(gone, PAGE, MS_ASYNC), ENOMEM);
	CHECK_ERRNO(msync(p, (size_t)-PAGE, MS_ASYNC), ENOMEM);
	CHECK(msync(p, PAGE, MS_SYNC) == 0);
	CHECK(msync(p, PAGE, MS_ASYNC | MS_INVALIDATE) == 0);
	CHECK(msync(p, 0, 0) == 0);
	CHECK(mlock(p, PAGE) == 0);
	CHECK_ERRNO(msync(p, PAGE, MS_INVALIDATE), EBUSY);
	CHECK(munlock(p, PAGE) == 0);
	CHECK(mlock(p + 5, 1) == 0);
	CHECK(munlock(p, 3 * PAGE) == 0);
	CHECK(mlock(p, 0) == 0);
	CHECK_ERRNO(mlock(gone, PAGE), ENOMEM);
	CHECK_ERRNO(munlock(gone, PAGE), ENOMEM);
	CHECK_ERRNO(mlock(p, (size_t)-PAGE), (errno == EINVAL ? EINVAL : ENOMEM));
	CHECK_ERRNO(syscall(SYS_mlock2, p, PAGE, 2), EINVAL);
	CHECK(syscall(SYS_mlock2, p, PAGE, 1 /* MLOCK_ONFAULT */) == 0);
	CHECK_ERRNO(mlockall(0), EINVAL);
	CHECK_ERRNO(mlockall(8), EINVAL);
	CHECK_ERRNO(mlockall(MCL_ONFAULT), EINVAL);
	CHECK(munlockall() == 0);
	munmap(p, 3 * PAGE);
}

static int write_and_compare(char *p, char value)
{
	memset(p, value, 8 * PAGE);
	return p[0] == value && p[8 * PAGE - 1] == value;
}

static void sharing(void)
{
	theme("copy-on-write");
	char *private = map_pages(8, RW), *shared = mmap(NULL, 8 * PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	memset(private, 'p', 8 * PAGE);
	memset(shared, 'p', 8 * PAGE);
	CHECK_IN_CHILD_THAT(write_and_compare(private, 'c'), "a child writes its own copy");
	CHECK_THAT(private[0] == 'p' && private[8 * PAGE - 1] == 'p', "the parent does not see it");
	CHECK_IN_CHILD_THAT(write_and_compare(shared, 'c'), "a child writes shared memory");
	CHECK_THAT(shared[0] == 'c' && shared[8 * PAGE - 1] == 'c', "the parent sees it");
	int fds[2];
	char byte = 0;
	REQUIRE(pipe(fds) == 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		byte = (char)(read(fds[0], &byte, 1) == 1 && private[PAGE] == 'p');
		_exit(byte ? 0 : 1);
	}
	memset(private, 'n', 8 * PAGE);
	CHECK(write(fds[1], "x", 1) == 1);
	CHECK_THAT(wait_for(pid) == 0, "the parent's later writes do not reach the child");
	/* The system call, not the program, writes first into the shared page. */
	write(fds[1], "yz", 2);
	CHECK_IN_CHILD_THAT(read(fds[0], private, 2) == 2 && private[0] == 'y',
			    "a system call copies on write as well");
	CHECK_THAT(private[0] == 'n', "and leaves the parent's page alone");
	CHECK_IN_CHILD_THAT(mprotect(private, PAGE, PROT_READ) == 0 && mprotect(private, PAGE, RW) == 0 &&
				(private[0] = 'q') == 'q',
			    "a child may protect, unprotect and write");
	CHECK_THAT(private[0] == 'n', "mprotect does not break copy-on-write");
	CHECK_IN_CHILD_THAT(munmap(private, 8 * PAGE) == 0, "a child unmaps");
	CHECK_THAT(private[3 * PAGE] == 'n', "the parent's mapping stays");
	close(fds[0]);
	close(fds[1]);
	munmap(private, 8 * PAGE);
	munmap(shared, 8 * PAGE);
}

static int grow(int depth)
{
	volatile char block[4096];
	block[0] = (char)depth;
	return depth == 0 ? block[0] : grow(depth - 1) + block[0] * 0;
}

static int overflow(int depth)
{
	volatile char block[4096];
	block[0] = (char)depth;
	return depth < 0 ? 0 : overflow(depth + 1) + block[0];
}

static char other_stack[64 << 10];

static int overflow_is_caught(void)
{
	stack_t stack = {.ss_sp = other_stack, .ss_size = sizeof(other_stack)};
	struct sigaction action = {.sa_sigaction = probe_caught, .sa_flags = SA_SIGINFO | SA_ONSTACK};
	struct rlimit limit = {256 << 10, 256 << 10};
	sigaltstack(&stack, NULL);
	setrlimit(RLIMIT_STACK, &limit);
	sigaction(SIGSEGV, &action, NULL);
	if (sigsetjmp(probe_escape, 1) == 0)
		return overflow(1) == 0;
	return probe_fault.signal == SIGSEGV;
}

static void stacks(void)
{
	theme("stack growth");
	CHECK_THAT(grow(1000) == 0, "the stack grows to 4 MiB");
	CHECK_IN_CHILD_THAT(overflow_is_caught(), "beyond RLIMIT_STACK it is SIGSEGV, caught on an alternate stack");
	/* Memory of its own far below other mappings, growing down on touch. */
	char *room = map_pages(1024, PROT_NONE);
	munmap(room, 1024 * PAGE);
	char *p = mmap(room + 1000 * PAGE, PAGE, RW, ANON | MAP_GROWSDOWN | MAP_FIXED, -1, 0);
	REQUIRE(p == room + 1000 * PAGE);
	CHECK_NO_FAULT(WRITE, p - 1);
	CHECK_NO_FAULT(WRITE, p - PAGE - 1);
	CHECK_THAT(*(p - 2 * PAGE) == 0, "what has grown is zero");
	munmap(room, 1024 * PAGE);
}

static void limits(void)
{
	struct rlimit limit = {0, 0};
	theme("memory limits");
	getrlimit(RLIMIT_AS, &limit);
	CHECK_IN_CHILD_THAT(({
				    struct rlimit small = {64 << 20, 64 << 20};
				    setrlimit(RLIMIT_AS, &small) == 0 &&
					mmap(NULL, 128 << 20, RW, ANON, -1, 0) == MAP_FAILED &&errno == ENOMEM;
			    }),
			    "RLIMIT_AS refuses a mapping with ENOMEM");
	CHECK_IN_CHILD_THAT(({
				    struct rlimit small = {1 << 20, 1 << 20};
				    char *now = (char *)syscall(SYS_brk, 0);
				    setrlimit(RLIMIT_DATA, &small) == 0 &&
					(char *)syscall(SYS_brk, now + (8 << 20)) == now;
			    }),
			    "RLIMIT_DATA keeps the break where it is");
}

int main(void)
{
	limit_seconds(60);
	program_break();
	advice();
	residence();
	sync_and_lock();
	sharing();
	stacks();
	limits();
	return finish();
}
