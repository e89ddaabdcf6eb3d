/* SPDX-License-Identifier: Apache-2.0
 * mmap, munmap, mprotect and mremap: arguments, splits and merges, what is where afterwards.
 * area: Memory
 */
#include <fcntl.h>

#include "probe.h"

#define ANON (MAP_PRIVATE | MAP_ANONYMOUS)
#define RW   (PROT_READ | PROT_WRITE)

static void map_arguments(void)
{
	char *p = map_pages(4, RW);
	theme("mmap");
	CHECK_ERRNO(mmap(NULL, 0, RW, ANON, -1, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, 4096, RW, MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, 4096, RW, ANON, -1, 1), EINVAL);
	CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, -1, 0), EBADF);
	CHECK_ERRNO(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, 1000, 0), EBADF);
	CHECK_ERRNO(mmap(NULL, (size_t)-1, RW, ANON, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap(NULL, (size_t)-4096, RW, ANON, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap(NULL, 1UL << 47, PROT_NONE, ANON, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap(NULL, 1UL << 63, PROT_NONE, ANON, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap((void *)1, 4096, RW, ANON | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERRNO(mmap((void *)0x7ffffffff000, 4096, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap((void *)0xffff800000000000, 4096, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap((void *)0xfffffffffffff000, 8192, RW, ANON | MAP_FIXED, -1, 0), ENOMEM);
	CHECK_ERRNO(mmap(p, 4096, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK_ERRNO(mmap(p - 4096, 8192, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0), EEXIST);
	CHECK_ERRNO(mmap(NULL, 4096, RW, 0x0f | MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERRNO(mmap(NULL, 4096, RW, MAP_SHARED_VALIDATE, 1000, 0), EBADF);
	CHECK(munmap(p, 4 * PAGE) == 0);
	CHECK(mmap(p, PAGE, RW, ANON | MAP_FIXED_NOREPLACE, -1, 0) == p);
	CHECK(munmap(p, 1) == 0);
	p = mmap(NULL, 1, RW, ANON, -1, 0);
	CHECK_THAT(p != MAP_FAILED, "a length of one byte maps a page");
	CHECK_NO_FAULT(WRITE, p + 4095);
	CHECK(munmap(p, PAGE) == 0);
}

static void map_contents(void)
{
	theme("mmap contents");
	char *p = map_pages(3, RW);
	int zero = 1;
	for (long i = 0; i < 3 * PAGE; i += 8)
		zero &= *(long *)(p + i) == 0;
	CHECK_THAT(zero, "anonymous memory is zero");
	CHECK_THAT(((uintptr_t)p & 4095) == 0, "a mapping begins at a page");
	memset(p, 'x', 3 * PAGE);
	CHECK(mmap(p + PAGE, PAGE, RW, ANON | MAP_FIXED, -1, 0) == p + PAGE);
	CHECK_THAT(p[PAGE] == 0 && p[2 * PAGE - 1] == 0, "MAP_FIXED replaces by zero pages");
	CHECK_THAT(p[PAGE - 1] == 'x' && p[2 * PAGE] == 'x', "MAP_FIXED leaves the neighbours");
	CHECK(munmap(p + PAGE, PAGE) == 0);
	CHECK_FAULT(READ, p + PAGE, SIGSEGV, SEGV_MAPERR);
	CHECK_FAULT(WRITE, p + 2 * PAGE - 1, SIGSEGV, SEGV_MAPERR);
	CHECK_NO_FAULT(READ, p + PAGE - 1);
	CHECK_NO_FAULT(READ, p + 2 * PAGE);
	CHECK_THAT(munmap(p, 3 * PAGE) == 0, "munmap accepts a hole");
	CHECK_THAT(munmap(p, 3 * PAGE) == 0, "munmap accepts what is not mapped");
	CHECK_FAULT(READ, p, SIGSEGV, SEGV_MAPERR);
	void *hint = (void *)0x300000000000;
	CHECK_THAT(mmap(hint, PAGE, RW, ANON, -1, 0) == hint, "a free hint is taken");
	void *other = mmap(hint, PAGE, RW, ANON, -1, 0);
	CHECK_THAT(other != MAP_FAILED && other != hint, "a taken hint is not replaced");
	munmap(hint, PAGE);
	munmap(other, PAGE);
	p = mmap(NULL, 4096, PROT_NONE, ANON, -1, 0);
	CHECK_FAULT(READ, p + 7, SIGSEGV, SEGV_ACCERR);
	CHECK_FAULT(WRITE, p + 8, SIGSEGV, SEGV_ACCERR);
	munmap(p, PAGE);
	p = mmap(NULL, 1UL << 40, PROT_NONE, ANON | MAP_NORESERVE, -1, 0);
	CHECK_THAT(p != MAP_FAILED, "a terabyte of address space can be reserved");
	CHECK(munmap(p, 1UL << 40) == 0);
	p = mmap(NULL, 2 * PAGE, RW, ANON | MAP_POPULATE, -1, 0);
	CHECK_THAT(p != MAP_FAILED && p[PAGE] == 0, "MAP_POPULATE");
	munmap(p, 2 * PAGE);
#ifdef MAP_32BIT
	p = mmap(NULL, PAGE, RW, ANON | MAP_32BIT, -1, 0);
	CHECK_THAT(p != MAP_FAILED && (uintptr_t)p < (1UL << 31), "MAP_32BIT gives an address below 2 GiB");
	munmap(p, PAGE);
#endif
	p = mmap(NULL, PAGE, RW, ANON | MAP_STACK, -1, 0);
	CHECK_THAT(p != MAP_FAILED && munmap(p, PAGE) == 0, "MAP_STACK is accepted");
}

static void unmap_arguments(void)
{
	theme("munmap");
	char *p = map_pages(3, RW);
	CHECK_ERRNO(munmap(p + 1, PAGE), EINVAL);
	CHECK_ERRNO(munmap(p, 0), EINVAL);
	CHECK_ERRNO(munmap((void *)0x7ffffffff000, 2 * PAGE), EINVAL);
	CHECK_ERRNO(munmap((void *)0xffff800000000000, PAGE), EINVAL);
	CHECK_ERRNO(munmap(p, (size_t)-1), EINVAL);
	CHECK_ERRNO(munmap(p, 1UL << 62), EINVAL);
	CHECK(munmap(p + PAGE, 1) == 0);
	CHECK_FAULT(READ, p + 2 * PAGE - 1, SIGSEGV, SEGV_MAPERR);
	CHECK(munmap(p, 3 * PAGE) == 0);
}

static void protect(void)
{
	theme("mprotect");
	char *p = map_pages(5, RW), *hole;
	memset(p, 'a', 5 * PAGE);
	CHECK_ERRNO(mprotect(p + 1, PAGE, PROT_READ), EINVAL);
	CHECK_ERRNO(mprotect(p, PAGE, 0x100), EINVAL);
	CHECK_ERRNO(mprotect(p, PAGE, PROT_READ | PROT_GROWSUP | PROT_GROWSDOWN), EINVAL);
	CHECK_ERRNO(mprotect(p, PAGE, PROT_READ | PROT_GROWSDOWN), EINVAL);
	CHECK_ERRNO(mprotect(p, (size_t)-PAGE, PROT_READ), ENOMEM);
	CHECK_ERRNO(mprotect((void *)0xffff800000000000, PAGE, PROT_READ), ENOMEM);
	CHECK(mprotect(p, 0, PROT_NONE) == 0);
	CHECK_NO_FAULT(READ, p);
	CHECK(mprotect(p + PAGE, PAGE, PROT_READ) == 0);
	CHECK(mprotect(p + 3 * PAGE, 1, PROT_NONE) == 0);
	CHECK_NO_FAULT(WRITE, p + PAGE - 1);
	CHECK_NO_FAULT(READ, p + PAGE);
	CHECK_FAULT(WRITE, p + PAGE, SIGSEGV, SEGV_ACCERR);
	CHECK_FAULT(WRITE, p + 2 * PAGE - 1, SIGSEGV, SEGV_ACCERR);
	CHECK_NO_FAULT(WRITE, p + 2 * PAGE);
	CHECK_FAULT(READ, p + 3 * PAGE, SIGSEGV, SEGV_ACCERR);
	CHECK_FAULT(READ, p + 4 * PAGE - 1, SIGSEGV, SEGV_ACCERR);
	CHECK_NO_FAULT(WRITE, p + 4 * PAGE);
	CHECK(mprotect(p, 5 * PAGE, RW) == 0);
	CHECK_THAT(p[PAGE] == 'a' && p[3 * PAGE + 5] == 'a', "contents survive PROT_NONE");
	CHECK_NO_FAULT(WRITE, p + 3 * PAGE);
	munmap(p + 2 * PAGE, PAGE);
	hole = p + 2 * PAGE;
	CHECK_ERRNO(mprotect(hole, PAGE, PROT_READ), ENOMEM);
	CHECK_ERRNO(mprotect(p, 5 * PAGE, PROT_READ), ENOMEM);
	CHECK_THAT(fault_of(WRITE, p).signal == SIGSEGV, "mprotect over a hole has changed the part before it");
	CHECK_THAT(fault_of(WRITE, p + 3 * PAGE).signal == 0, "and nothing after it");
	munmap(p, 5 * PAGE);
	int fd = open("/dev/zero", O_RDONLY);
	p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	if (fd >= 0 && p != MAP_FAILED) {
		CHECK_ERRNO_THAT(mprotect(p, PAGE, RW), EACCES, "a shared mapping of a read-only file stays read-only");
		munmap(p, PAGE);
		CHECK_ERRNO(mmap(NULL, PAGE, RW, MAP_SHARED, fd, 0), EACCES);
		p = mmap(NULL, PAGE, RW, MAP_PRIVATE, fd, 0);
		CHECK_THAT(p != MAP_FAILED && (p[0] = 1) == 1, "a private mapping of a read-only file can be written");
		munmap(p, PAGE);
	}
	close(fd);
}

static void execute(void)
{
	theme("PROT_EXEC");
	static const unsigned char ret_42[] = {0xb8, 42, 0, 0, 0, 0xc3}, ret_7[] = {0xb8, 7, 0, 0, 0, 0xc3};
	char *p = map_pages(1, RW);
	memcpy(p, ret_42, sizeof(ret_42));
	CHECK_FAULT(CALL, p, SIGSEGV, SEGV_ACCERR);
	CHECK(mprotect(p, PAGE, PROT_READ | PROT_EXEC) == 0);
	CHECK(((int (*)(void))p)() == 42);
	CHECK_FAULT(WRITE, p, SIGSEGV, SEGV_ACCERR);
	CHECK(mprotect(p, PAGE, RW) == 0);
	memcpy(p, ret_7, sizeof(ret_7));
	CHECK_FAULT_THAT(CALL, p, SIGSEGV, SEGV_ACCERR, "execution ends with PROT_EXEC");
	CHECK(mprotect(p, PAGE, RW | PROT_EXEC) == 0);
	CHECK(((int (*)(void))p)() == 7);
	memcpy(p, ret_42, sizeof(ret_42));
	CHECK_THAT(((int (*)(void))p)() == 42, "code that changes in place runs as changed");
	CHECK(mprotect(p, PAGE, PROT_EXEC) == 0);
	CHECK_THAT(((int (*)(void))p)() == 42, "PROT_EXEC alone executes");
	munmap(p, PAGE);
	CHECK_FAULT(CALL, (char *)p, SIGSEGV, SEGV_MAPERR);
}

static void remap(void)
{
	theme("mremap");
	char *p = map_pages(4, RW), *q, *room;
	for (int i = 0; i < 4; i++)
		p[i * PAGE] = (char)('a' + i);
	CHECK_ERRNO(mremap(p + 1, PAGE, PAGE, 0), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, 0, 0), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, PAGE, 0x80), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, PAGE, MREMAP_FIXED, p + PAGE), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 1), EINVAL);
	CHECK_ERRNO(mremap(p, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + PAGE), EINVAL);
	CHECK_ERRNO(mremap(p, PAGE, 2 * PAGE, 0), ENOMEM);
	CHECK_ERRNO(mremap(p, PAGE, 1UL << 62, MREMAP_MAYMOVE), (errno == ENOMEM ? ENOMEM : EINVAL));
	CHECK_ERRNO(mremap(unmapped_address() - 64, PAGE, 2 * PAGE, MREMAP_MAYMOVE), EFAULT);
	CHECK(mremap(p, 4 * PAGE, 4 * PAGE, 0) == p);
	CHECK_THAT(mremap(p, 4 * PAGE, 2 * PAGE, 0) == p, "shrinks in place");
	CHECK_FAULT(READ, p + 2 * PAGE, SIGSEGV, SEGV_MAPERR);
	room = mmap(p + 2 * PAGE, PAGE, PROT_NONE, ANON | MAP_FIXED, -1, 0);
	REQUIRE(room == p + 2 * PAGE);
	CHECK_ERRNO(mremap(p, 2 * PAGE, 8 * PAGE, 0), ENOMEM);
	q = mremap(p, 2 * PAGE, 8 * PAGE, MREMAP_MAYMOVE);
	CHECK_THAT(q != MAP_FAILED && q != p, "moves when there is no room");
	REQUIRE(q != MAP_FAILED);
	CHECK(q[0] == 'a' && q[PAGE] == 'b');
	CHECK_THAT(q[2 * PAGE] == 0 && q[7 * PAGE] == 0, "the new part is zero");
	CHECK_FAULT(READ, p, SIGSEGV, SEGV_MAPERR);
	munmap(room, PAGE);
	p = map_pages(8, RW);
	p[0] = 'z';
	CHECK_THAT(mremap(q, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p) == p, "moves part of a mapping");
	CHECK(p[0] == 'a' && p[PAGE] == 'b');
	CHECK_FAULT(READ, q + PAGE, SIGSEGV, SEGV_MAPERR);
	CHECK_NO_FAULT(READ, q + 2 * PAGE);
	CHECK_THAT(mremap(q + 2 * PAGE, 6 * PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, p + 4 * PAGE) == p + 4 * PAGE,
		   "moves and shrinks at once");
	CHECK_FAULT(READ, q + 4 * PAGE, SIGSEGV, SEGV_MAPERR);
	munmap(p, 8 * PAGE);
	p = map_pages(8, PROT_NONE);
	munmap(p, 8 * PAGE);
	REQUIRE(mmap(p, 2 * PAGE, RW, ANON | MAP_FIXED, -1, 0) == p);
	p[PAGE] = 'k';
	CHECK_THAT(mremap(p, 2 * PAGE, 6 * PAGE, 0) == p, "grows in place when there is room");
	CHECK(p[PAGE] == 'k' && p[5 * PAGE] == 0);
	munmap(p, 6 * PAGE);
	p = mmap(NULL, PAGE, RW, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	p[9] = 's';
	q = mremap(p, 0, PAGE, MREMAP_MAYMOVE);
	CHECK_THAT(q != MAP_FAILED && q != p && q[9] == 's', "an old length of zero doubles a shared mapping");
	if (q != MAP_FAILED) {
		q[10] = 't';
		CHECK_THAT(p[10] == 't', "and both show the same memory");
		munmap(q, PAGE);
	}
	munmap(p, PAGE);
#ifdef MREMAP_DONTUNMAP
	p = map_pages(1, RW);
	p[0] = 'd';
	/* The wrapper of the C library leaves the fifth argument undefined. */
	q = (char *)syscall(SYS_mremap, p, PAGE, PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0);
	CHECK_THAT(q != MAP_FAILED && q[0] == 'd' && p[0] == 0, "MREMAP_DONTUNMAP leaves an empty mapping behind");
	CHECK_ERRNO(syscall(SYS_mremap, p, PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_DONTUNMAP, 0), EINVAL);
	munmap(p, PAGE);
	munmap(q, PAGE);
#endif
}

/* Many mappings with gaps, so that more than a few VMAs are split and merged. */
static void many(void)
{
	theme("many mappings");
	char *p = map_pages(512, RW);
	int failed = 0;
	for (int i = 0; i < 512; i += 2)
		failed |= mprotect(p + i * PAGE, PAGE, PROT_READ);
	CHECK_THAT(!failed, "mprotect of every other page of 512");
	for (int i = 1; i < 512; i += 2)
		p[i * PAGE] = (char)i;
	CHECK(mprotect(p, 512 * PAGE, RW) == 0);
	for (int i = 1; i < 512; i += 2)
		failed |= p[i * PAGE] != (char)i || p[(i - 1) * PAGE] != 0;
	CHECK_THAT(!failed, "their contents are kept");
	for (int i = 0; i < 512; i += 3)
		failed |= munmap(p + i * PAGE, PAGE);
	CHECK_THAT(!failed, "munmap of every third page");
	CHECK_THAT(fault_of(READ, p + 300 * PAGE).signal == SIGSEGV, "an unmapped one is gone");
	CHECK_THAT(p[301 * PAGE] == (char)301, "its neighbour is not");
	CHECK(munmap(p, 512 * PAGE) == 0);
}

int main(void)
{
	limit_seconds(60);
	map_arguments();
	map_contents();
	unmap_arguments();
	protect();
	execute();
	remap();
	many();
	return finish();
}
