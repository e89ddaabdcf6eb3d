/* SPDX-License-Identifier: Apache-2.0
 * What several guest-semantics programs share beside harness.h: a check made in a child, the fault that an access
 * raises, the addresses that no system call may trust, the text of a file.
 */
#ifndef TESTS_GUEST_PROBE_H
#define TESTS_GUEST_PROBE_H

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>

#include "harness.h"

#define PAGE 4096L

/* A check with a text made at run time (printf-like). */
#define CHECKF(condition, ...)                                                                                         \
	do {                                                                                                           \
		char probe_text[256];                                                                                  \
		snprintf(probe_text, sizeof(probe_text), __VA_ARGS__);                                                 \
		CHECK_THAT(condition, probe_text);                                                                     \
	} while (0)

/* What a call returned, as the kernel says it: a negative errno for an error. */
#define ANSWER(call)                                                                                                   \
	({                                                                                                             \
		errno = 0;                                                                                             \
		long probe_result = (long)(call);                                                                      \
		probe_result == -1 ? -errno : probe_result;                                                            \
	})

/* The call returns -1 with this errno; the text names the behaviour. */
#define CHECK_ERRNO_THAT(call, wanted, text)                                                                           \
	do {                                                                                                           \
		errno = 0;                                                                                             \
		long probe_value = (long)(call);                                                                       \
		int probe_errno = errno;                                                                               \
		report(probe_value == -1 && probe_errno == (wanted), text, "%s:%d, returned %ld, errno %d (%s)",       \
		       __FILE__, __LINE__, probe_value, probe_errno, strerror(probe_errno));                           \
	} while (0)

/* The condition holds at one of several attempts: for upper bounds of time, which a busy machine may break once. */
#define CHECK_SOON(condition, text)                                                                                    \
	do {                                                                                                           \
		int probe_holds = 0;                                                                                   \
		for (int probe_try = 0; probe_try < 10 && !probe_holds; probe_try++)                                   \
			probe_holds = !!(condition);                                                                   \
		CHECK_THAT(probe_holds, text);                                                                         \
	} while (0)

/* Ends the program by SIGALRM when it takes longer than this (or than LIMIT of the environment, on slow machines): a
 * hang is a failure too. */
__attribute__((unused)) static void limit_seconds(unsigned seconds)
{
	const char *given = getenv("LIMIT");
	unsigned limit = given ? (unsigned)atoi(given) : 0;
	alarm(limit > seconds ? limit : seconds);
}

/* fork() of a child that dies with this program. */
__attribute__((unused)) static pid_t fork_child(void)
{
	pid_t parent = getpid();
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		if (getppid() != parent)
			_exit(96);
	}
	return pid;
}

/* Waits for the child; its wait status, -1 when there is none. */
__attribute__((unused)) static int wait_for(pid_t pid)
{
	int status;
	pid_t got;
	do
		got = waitpid(pid, &status, 0);
	while (got < 0 && errno == EINTR);
	return got == pid ? status : -1;
}

/* The condition holds when a forked child evaluates it. */
#define CHECK_IN_CHILD(condition) CHECK_IN_CHILD_THAT(condition, #condition)
#define CHECK_IN_CHILD_THAT(condition, text)                                                                           \
	do {                                                                                                           \
		pid_t probe_pid = fork_child();                                                                        \
		if (probe_pid == 0) {                                                                                  \
			errno = 0;                                                                                     \
			int probe_holds = !!(condition);                                                               \
			_exit(probe_holds ? 0 : errno > 0 && errno < 200 ? errno : 200);                               \
		}                                                                                                      \
		int probe_status = wait_for(probe_pid);                                                                \
		report(probe_status == 0, text, "%s:%d, the child's status is %#x (its errno, 200 for none)",          \
		       __FILE__, __LINE__, probe_status);                                                              \
	} while (0)

/* The signal that one access raised; signal 0: none. */
struct fault {
	int signal, code;
	void *address;
};

static sigjmp_buf probe_escape;
static volatile struct fault probe_fault;

__attribute__((unused)) static void probe_caught(int number, siginfo_t *info, void *context)
{
	probe_fault.signal = number;
	probe_fault.code = info->si_code;
	probe_fault.address = info->si_addr;
	siglongjmp(probe_escape, 1);
}

enum access { READ, WRITE, CALL };

/* Makes the access and tells which of SIGSEGV, SIGBUS, SIGILL, SIGFPE and SIGTRAP it raised. What is called must
 * return. */
__attribute__((unused, noinline)) static struct fault fault_of(enum access access, const void *address)
{
	static const int numbers[] = {SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP};
	struct sigaction action = {.sa_sigaction = probe_caught, .sa_flags = SA_SIGINFO}, old[5];
	probe_fault.signal = probe_fault.code = 0;
	probe_fault.address = NULL;
	for (int i = 0; i < 5; i++)
		sigaction(numbers[i], &action, &old[i]);
	if (sigsetjmp(probe_escape, 1) == 0) {
		if (access == READ)
			(void)*(const volatile char *)address;
		else if (access == WRITE)
			*(volatile char *)(uintptr_t)address = 1;
		else
			((void (*)(void))(uintptr_t)address)();
	}
	for (int i = 0; i < 5; i++)
		sigaction(numbers[i], &old[i], NULL);
	return probe_fault;
}

/* The access raises this signal with this si_code, si_addr being the address itself. */
#define CHECK_FAULT(access, where, number, wanted_code)                                                                \
	CHECK_FAULT_THAT(access, where, number, wanted_code, #access " at " #where " raises " #number " " #wanted_code)
#define CHECK_FAULT_THAT(access, where, number, wanted_code, text)                                                     \
	do {                                                                                                           \
		struct fault probe_f = fault_of(access, where);                                                        \
		report(probe_f.signal == (number) && probe_f.code == (wanted_code) &&                                  \
			   probe_f.address == (void *)(where),                                                         \
		       text, "%s:%d, signal %d, code %d, address %p not %p", __FILE__, __LINE__, probe_f.signal,       \
		       probe_f.code, probe_f.address, (void *)(where));                                                \
	} while (0)

/* The access raises nothing. */
#define CHECK_NO_FAULT(access, where)                                                                                  \
	do {                                                                                                           \
		struct fault probe_f = fault_of(access, where);                                                        \
		report(probe_f.signal == 0, #access " at " #where " is allowed", "%s:%d, signal %d, code %d",          \
		       __FILE__, __LINE__, probe_f.signal, probe_f.code);                                              \
	} while (0)

/* Private anonymous memory; ends the program when there is none. */
__attribute__((unused)) static char *map_pages(long pages, int protection)
{
	void *p = mmap(NULL, (size_t)(pages * PAGE), protection, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (p == MAP_FAILED)
		exit(97);
	return p;
}

/* An address in the middle of a page that is not mapped; the page after it is not mapped either. */
__attribute__((unused)) static char *unmapped_address(void)
{
	char *p = map_pages(3, PROT_NONE);
	munmap(p, (size_t)(3 * PAGE));
	return p + PAGE + 64;
}

/* Monotonic time in microseconds. */
__attribute__((unused)) static long now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000 + t.tv_nsec / 1000;
}

__attribute__((unused)) static void sleep_ms(long ms)
{
	struct timespec t = {ms / 1000, ms % 1000 * 1000000};
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

/* Waits until this thread of the process waits for something: what follows then meets it there. */
__attribute__((unused)) static void until_asleep(pid_t pid, pid_t thread)
{
	char path[64], text[512], state = 0;
	snprintf(path, sizeof(path), "/proc/%d/task/%d/stat", pid, thread);
	for (int i = 0; i < 20000 && state != 'S'; i++) {
		FILE *f = fopen(path, "r");
		const char *name_end = f && fgets(text, sizeof(text), f) ? strrchr(text, ')') : NULL;
		state = name_end ? name_end[2] : 0;
		if (f)
			fclose(f);
		sleep_ms(1);
	}
}

/* The same of the parent, for a child that is to disturb it. */
__attribute__((unused)) static void until_parent_asleep(void)
{
	until_asleep(getppid(), getppid());
}

/* The whole of a file, but no more than the room, with a NUL; its length, or -errno. */
__attribute__((unused)) static long read_text(const char *name, char *text, size_t size)
{
	long n = 0, r;
	int fd = open(name, O_RDONLY);
	if (fd < 0)
		return -errno;
	while ((r = read(fd, text + n, size - 1 - (size_t)n)) > 0)
		n += r;
	if (r < 0)
		n = -errno;
	text[n < 0 ? 0 : n] = 0;
	close(fd);
	return n;
}

#endif
