/* SPDX-License-Identifier: Apache-2.0
 * What a program finds when it starts, and the errors that every kernel gives alike.
 * area: System
 */
#include <elf.h>
#include <fcntl.h>
#include <signal.h>
#include <stdint.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"

static void start_of_program(void)
{
	theme("start");
	CHECK(getauxval(AT_PAGESZ) == 4096);
	CHECK(getauxval(AT_PHDR) != 0);
	CHECK(getauxval(AT_ENTRY) != 0);
	CHECK(getauxval(AT_RANDOM) != 0);
	CHECK(getauxval(AT_UID) == getuid());
	CHECK(getauxval(AT_SECURE) == 0);
	CHECK_THAT(((uintptr_t)__builtin_frame_address(0) & 15) == 0, "the stack is aligned to 16 bytes");
	CHECK(fcntl(0, F_GETFD) == 0);
	CHECK(fcntl(2, F_GETFD) == 0);
	CHECK_ERRNO(fcntl(3, F_GETFD), EBADF);
}

static void errors(void)
{
	char byte;
	theme("errors");
	CHECK_ERRNO(syscall(9999), ENOSYS);
	CHECK_ERRNO(read(-1, &byte, 1), EBADF);
	CHECK_ERRNO(read(1000, &byte, 1), EBADF);
	CHECK_ERRNO(syscall(SYS_write, 1, (void *)8, 1), EFAULT);
	CHECK_ERRNO(syscall(SYS_write, 1, (void *)0xffff800000000000, 1), EFAULT);
	CHECK_ERRNO(syscall(SYS_write, 1, (void *)0xffffffff80100000, 8), EFAULT);
	CHECK_ERRNO(open("/nowhere/at/all", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/", O_WRONLY), EISDIR);
	CHECK_ERRNO(syscall(SYS_open, (char *)8, O_RDONLY), EFAULT);
	CHECK_ERRNO(syscall(SYS_uname, (void *)8), EFAULT);
	CHECK_ERRNO(mmap(NULL, 0, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0), EINVAL);
	CHECK_ERRNO(mmap((void *)1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0), EINVAL);
	CHECK_ERRNO(munmap((void *)1, 4096), EINVAL);
	CHECK_ERRNO(close(1000), EBADF);
	CHECK_ERRNO(dup2(1000, 5), EBADF);
	CHECK_ERRNO(kill(getpid(), 65), EINVAL);
	CHECK_ERRNO(waitpid(-1, NULL, 0), ECHILD);
	CHECK_ERRNO(syscall(SYS_execve, "/nowhere/at/all", NULL, NULL), ENOENT);
	CHECK_ERRNO(syscall(SYS_clock_gettime, 99, &(struct timespec){0}), EINVAL);
	CHECK_ERRNO(nanosleep(&(struct timespec){.tv_nsec = -1}, NULL), EINVAL);
}

static void clocks(void)
{
	struct timespec a, b;
	theme("clocks");
	CHECK(clock_gettime(CLOCK_MONOTONIC, &a) == 0);
	CHECK(nanosleep(&(struct timespec){.tv_nsec = 10000000}, NULL) == 0);
	CHECK(clock_gettime(CLOCK_MONOTONIC, &b) == 0);
	long elapsed_us = (b.tv_sec - a.tv_sec) * 1000000 + (b.tv_nsec - a.tv_nsec) / 1000;
	CHECK_THAT(elapsed_us >= 10000, "sleeps at least as long as asked");
	CHECK_THAT(elapsed_us < 5000000, "and not seconds longer");
	CHECK_THAT(time(NULL) > 1700000000, "the wall clock is set");
	CHECK(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &a) == 0);
}

/* Faults, a system call and an unaligned access with the alignment check flag set: the program's, not the kernel's. */
static void alignment_check(void)
{
	char *page = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	unsigned long flags = 0, id = SYS_getppid;
	theme("alignment check");
	__asm__ volatile("pushf\n\torq $0x40000, (%%rsp)\n\tpopf\n\t"
			 "movb $1, (%2)\n\tmovb $1, 4096(%2)\n\tsyscall\n\t"
			 "pushf\n\tpop %0\n\tpushf\n\tandq $~0x40000, (%%rsp)\n\tpopf"
			 : "=&r"(flags), "+a"(id)
			 : "r"(page)
			 : "rcx", "r11", "memory");
	CHECK_THAT(flags & 0x40000, "the flag outlives page faults and a system call");
	CHECK_THAT(id == (unsigned long)getppid(), "which do their work");
	CHECK(page[0] == 1 && page[4096] == 1);
	munmap(page, 8192);
}

int main(void)
{
	alignment_check();
	start_of_program();
	errors();
	clocks();
	return finish();
}
