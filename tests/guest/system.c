/* SPDX-License-Identifier: Apache-2.0
 * uname, sysinfo, getrandom, personality, arch_prctl, unknown system calls, umask, hostname, and the vDSO's clock.
 * area: System
 */
#include <asm/prctl.h>
#include <fcntl.h>
#include <sys/auxv.h>
#include <sys/personality.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "probe.h"

static void names(void)
{
	struct utsname u;
	char name[128];
	theme("uname");
	CHECK(uname(&u) == 0 && !strcmp(u.sysname, "Linux") && !strcmp(u.machine, "x86_64"));
	int major = 0, minor = -1;
	CHECK_THAT(sscanf(u.release, "%d.%d", &major, &minor) == 2 && major >= 3 && minor >= 0,
		   "the release is a version number");
	CHECK(strlen(u.nodename) < sizeof(u.nodename) && strlen(u.version) > 0);
	CHECK_ERRNO(syscall(SYS_uname, unmapped_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_uname, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_uname, 0xffff800000000000), EFAULT);
	CHECK(gethostname(name, sizeof(name)) == 0 && !strcmp(name, u.nodename));
	CHECK_ERRNO(syscall(SYS_sethostname, "x", 65), (errno == EPERM ? EPERM : EINVAL));
	theme("sysinfo");
	struct sysinfo s;
	memset(&s, 0xff, sizeof(s));
	CHECK(sysinfo(&s) == 0 && s.totalram > 0 && s.freeram <= s.totalram && s.mem_unit >= 1);
	CHECK(s.procs >= 1 && s.uptime >= 0);
	CHECK_ERRNO(syscall(SYS_sysinfo, unmapped_address()), EFAULT);
	CHECK(get_nprocs() >= 1 && get_nprocs_conf() >= get_nprocs());
	CHECK((unsigned long)sysconf(_SC_PHYS_PAGES) * 4096 > (16 << 20));
}

static void randomness(void)
{
	unsigned char a[256], b[256], zero[256] = {0};
	theme("getrandom");
	CHECK(getrandom(a, sizeof(a), 0) == sizeof(a) && getrandom(b, sizeof(b), 0) == sizeof(b));
	CHECK_THAT(memcmp(a, b, sizeof(a)) && memcmp(a, zero, sizeof(a)), "two results differ");
	int bits = 0;
	for (size_t i = 0; i < sizeof(a); i++)
		bits += __builtin_popcount(a[i]);
	CHECK_THAT(bits > 800 && bits < 1250, "about half of the bits are set");
	CHECK(getrandom(a, 16, GRND_RANDOM) == 16);
	CHECK(getrandom(a, 16, GRND_NONBLOCK) == 16);
	CHECK(getrandom(a, 0, 0) == 0);
	CHECK_ERRNO(getrandom(a, 1, 0x80), EINVAL);
	CHECK_ERRNO(getrandom(a, 1, GRND_RANDOM | GRND_INSECURE), EINVAL);
	CHECK_ERRNO(syscall(SYS_getrandom, unmapped_address(), 16, 0), EFAULT);
	CHECK_ERRNO(syscall(SYS_getrandom, 0xffff800000000000, 16, 0), EFAULT);
	char *p = map_pages(2, PROT_READ | PROT_WRITE);
	munmap(p + PAGE, PAGE);
	CHECK_THAT(syscall(SYS_getrandom, p + PAGE - 8, 16, 0) == 8 || errno == EFAULT,
		   "a buffer that ends in nothing");
	CHECK_IN_CHILD_THAT(({
				    unsigned char *seed = (unsigned char *)getauxval(AT_RANDOM);
				    memcmp(seed, zero, 16) != 0;
			    }),
			    "AT_RANDOM is filled");
	pid_t pid = fork_child();
	int fds[2];
	if (pid == 0)
		_exit(0);
	wait_for(pid);
	REQUIRE(pipe(fds) == 0);
	pid = fork_child();
	if (pid == 0)
		_exit(getrandom(a, 16, 0) != 16 || write(fds[1], a, 16) != 16);
	CHECK_THAT(getrandom(b, 16, 0) == 16 && read(fds[0], a, 16) == 16 && memcmp(a, b, 16),
		   "parent and child get different bytes");
	wait_for(pid);
	int fd = open("/dev/urandom", O_RDONLY);
	CHECK(fd >= 0 && read(fd, a, 64) == 64 && memcmp(a, b, 16));
	close(fd);
}

static void architecture(void)
{
	unsigned long base = 0, other = 0;
	theme("arch_prctl");
	CHECK(syscall(SYS_arch_prctl, ARCH_GET_FS, &base) == 0 && base == (unsigned long)__builtin_thread_pointer());
	CHECK_ERRNO(syscall(SYS_arch_prctl, 0x9999, 0), EINVAL);
	CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_GET_FS, unmapped_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_SET_FS, 0xffff800000000000), EPERM);
	CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_SET_GS, 0xffff800000000000), EPERM);
	CHECK_ERRNO(syscall(SYS_arch_prctl, ARCH_SET_GS, 0x8000000000000000), EPERM);
	static unsigned long word = 0x5566;
	CHECK(syscall(SYS_arch_prctl, ARCH_SET_GS, &word) == 0);
	CHECK(syscall(SYS_arch_prctl, ARCH_GET_GS, &other) == 0 && other == (unsigned long)&word);
	__asm__("mov %%gs:0, %0" : "=r"(other));
	CHECK_THAT(other == 0x5566, "the GS base is in use");
	sleep_ms(5);
	__asm__("mov %%gs:0, %0" : "=r"(other));
	CHECK_THAT(other == 0x5566, "and survives a switch");
	CHECK_IN_CHILD_THAT(({
				    __asm__ volatile("mov %%gs:0, %0" : "=r"(other));
				    other == 0x5566;
			    }),
			    "a child inherits it");
	syscall(SYS_arch_prctl, ARCH_SET_GS, 0);
	theme("personality");
	CHECK(personality(0xffffffff) >= 0);
	CHECK_IN_CHILD(personality(ADDR_NO_RANDOMIZE) >= 0 && personality(0xffffffff) == ADDR_NO_RANDOMIZE);
	theme("umask");
	mode_t old = umask(077);
	CHECK(umask(07777) == 077);
	CHECK(umask(old) == 0777);
}

static void unknown(void)
{
	static const long numbers[] = {9999, 100000, 0x7fffffff, -1, -2, 600, 512, 387, 400};
	theme("unknown system calls");
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		CHECKF(syscall(numbers[i], 1, 2, 3, 4, 5, 6) == -1 && errno == ENOSYS, "number %ld is ENOSYS",
		       numbers[i]);
	long result;
	__asm__ volatile("syscall" : "=a"(result) : "0"(0x123456789000L) : "rcx", "r11", "memory");
	CHECK_THAT(result == -ENOSYS, "all 64 bits of the number count, or none beyond 32");
	unsigned long before = 0x1122334455667788, after[6];
	__asm__ volatile("mov %7, %%rbx\n\tmov %7, %%r12\n\tmov %7, %%r13\n\tmov %7, %%r14\n\tmov %7, %%r8\n\tmov %7, "
			 "%%r9\n\tmov $39, %%eax\n\t"
			 "syscall\n\tmov %%rbx, %0\n\tmov %%r12, %1\n\tmov %%r13, %2\n\tmov %%r14, %3\n\tmov %%r8, "
			 "%4\n\tmov %%r9, %5\n\t"
			 "mov %%rax, %6"
			 : "=m"(after[0]), "=m"(after[1]), "=m"(after[2]), "=m"(after[3]), "=m"(after[4]),
			   "=m"(after[5]), "=m"(result)
			 : "m"(before)
			 : "rax", "rbx", "r12", "r13", "r14", "r8", "r9", "rcx", "r11", "memory");
	int kept = result == getpid();
	for (int i = 0; i < 6; i++)
		kept &= after[i] == before;
	CHECK_THAT(kept, "a system call changes RAX, RCX and R11 alone");
	unsigned long flags;
	__asm__ volatile("std\n\tmov $39, %%eax\n\tsyscall\n\tpushf\n\tpop %0\n\tcld"
			 : "=r"(flags)
			 :
			 : "rax", "rcx", "r11", "memory");
	CHECK_THAT(flags & 0x400, "the direction flag survives");
}

int main(void)
{
	limit_seconds(60);
	names();
	randomness();
	architecture();
	unknown();
	return finish();
}
