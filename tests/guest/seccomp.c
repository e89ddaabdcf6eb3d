/* SPDX-License-Identifier: Apache-2.0
 * seccomp(2): strict mode, filters and what they answer, who inherits them, threads that are to have the same.
 * area: Processes
 * flags: -pthread
 */
#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/resource.h>
#include <ucontext.h>

#include "probe.h"

#define RET(k) BPF_STMT(BPF_RET | BPF_K, k)
#define NR     BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
/* All calls but this one may be made. */
#define ONE(number, answer) NR, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), RET(answer), RET(SECCOMP_RET_ALLOW)
#define FILTER(flags, ...)                                                                                             \
	({                                                                                                             \
		struct sock_filter program_[] = {__VA_ARGS__};                                                         \
		struct sock_fprog fprog_ = {sizeof(program_) / sizeof(program_[0]), program_};                         \
		syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &fprog_);                                         \
	})
/* A call that does nothing, to have rules about. */
#define VICTIM	 SYS_getpriority
#define victim() syscall(VICTIM, PRIO_PROCESS, 0)

static int no_new_privs(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0;
}

static long status_line(const char *name)
{
	char line[256];
	long value = -1;
	FILE *f = fopen("/proc/thread-self/status", "r");
	while (f && fgets(line, sizeof(line), f))
		if (!strncmp(line, name, strlen(name)) && line[strlen(name)] == ':')
			value = atol(line + strlen(name) + 1);
	if (f)
		fclose(f);
	return value;
}

/* The wait status of a child that runs fn, which returns its exit status. */
static int in_child(int (*fn)(void))
{
	pid_t pid = fork_child();
	if (pid == 0)
		syscall(SYS_exit, fn());
	return wait_for(pid);
}

#define CHECK_DIES(fn, number) CHECK_THAT((in_child(fn) & 0x7f) == (number), #fn " ends by " #number)
#define CHECK_RUNS(fn)	       CHECK_THAT(in_child(fn) == 0, #fn)

/* ---- strict mode ---- */

static volatile int caught;
static void count(int number)
{
	caught++;
}

static int strict_mode_leaves_four_calls(void)
{
	char byte;
	int p[2];
	signal(SIGUSR1, count);
	if (pipe(p) || prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT))
		return 1;
	return !(write(p[1], "x", 1) == 1 && read(p[0], &byte, 1) == 1);
}

static int strict_and_exit_group(void)
{
	prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT);
	_exit(0);
}

static int strict_and_getpid(void)
{
	syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL);
	return (int)syscall(SYS_getpid) & 0;
}

static int filters_rule_strict_mode_out(void)
{
	return !(no_new_privs() && FILTER(0, RET(SECCOMP_RET_ALLOW)) == 0 &&
		 prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT) == -1 && errno == EINVAL);
}

static void strict(void)
{
	theme("seccomp strict");
	CHECK_RUNS(strict_mode_leaves_four_calls);
	CHECK_DIES(strict_and_exit_group, SIGKILL);
	CHECK_DIES(strict_and_getpid, SIGKILL);
	CHECK_RUNS(filters_rule_strict_mode_out);
	CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 1, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, "x"), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_SECCOMP, 0), EINVAL);
	CHECK_ERRNO(prctl(PR_SET_SECCOMP, 3), EINVAL);
	CHECK(prctl(PR_GET_SECCOMP) == 0);
}

/* ---- what is asked for ---- */

static int unprivileged(void)
{
	if (geteuid() == 0 && setresuid(65534, 65534, 65534))
		return 1;
	return !(FILTER(0, RET(SECCOMP_RET_ALLOW)) == -1 && errno == EACCES && no_new_privs() &&
		 FILTER(0, RET(SECCOMP_RET_ALLOW)) == 0);
}

static long installs(struct sock_filter *program, unsigned short length)
{
	struct sock_fprog fprog = {length, program};
	return prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog) == 0 ? 0 : -errno;
}
#define INSTALLS(...)                                                                                                  \
	({                                                                                                             \
		struct sock_filter program_[] = {__VA_ARGS__};                                                         \
		installs(program_, sizeof(program_) / sizeof(program_[0]));                                            \
	})
#define CHECK_PROGRAM(wanted, text, ...) CHECK_IN_CHILD_THAT(no_new_privs() && INSTALLS(__VA_ARGS__) == (wanted), text)

static void checker(void)
{
	theme("seccomp programs");
	CHECK_PROGRAM(0, "one return", RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "no return at the end", NR);
	CHECK_PROGRAM(0, "the last word", BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 60), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "behind the last word", BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 64), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "no aligned word", BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 2), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "half a word", BPF_STMT(BPF_LD | BPF_H | BPF_ABS, 0), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "a jump out", BPF_STMT(BPF_JMP | BPF_JA, 1), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "a jump back", BPF_STMT(BPF_JMP | BPF_JA, ~0u), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "division by 0", BPF_STMT(BPF_ALU | BPF_DIV | BPF_K, 0), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "a shift by 32", BPF_STMT(BPF_ALU | BPF_LSH | BPF_K, 32), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(0, "exclusive or", BPF_STMT(BPF_ALU | BPF_XOR | BPF_K, 32), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "a remainder", BPF_STMT(BPF_ALU | BPF_MOD | BPF_K, 3), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "memory not written", BPF_STMT(BPF_LD | BPF_MEM, 1), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(0, "memory written", BPF_STMT(BPF_ST, 1), BPF_STMT(BPF_LD | BPF_MEM, 1), RET(SECCOMP_RET_ALLOW));
	CHECK_PROGRAM(-EINVAL, "memory beyond the end", BPF_STMT(BPF_ST, 16), RET(SECCOMP_RET_ALLOW));
	CHECK_IN_CHILD_THAT(no_new_privs() && installs(NULL, 0) == -EINVAL, "no instruction");
	CHECK_IN_CHILD_THAT(no_new_privs() && installs(NULL, 1) == -EINVAL, "no program");
	CHECK_IN_CHILD_THAT(no_new_privs() && installs((void *)unmapped_address(), 1) == -EFAULT, "no memory");
	CHECK_IN_CHILD_THAT(no_new_privs() && installs(NULL, BPF_MAXINSNS + 1) == -EINVAL, "too many instructions");
	CHECK_RUNS(unprivileged);
}

static int available(unsigned action)
{
	return syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &action) == 0 ? 0 : errno;
}

static void calls(void)
{
	theme("seccomp call");
	CHECK_ERRNO(syscall(SYS_seccomp, 77, 0, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 1 << 20, NULL), EINVAL);
	CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, NULL), EFAULT);
	CHECK(available(SECCOMP_RET_KILL_PROCESS) == 0);
	CHECK(available(SECCOMP_RET_KILL_THREAD) == 0);
	CHECK(available(SECCOMP_RET_TRAP) == 0);
	CHECK(available(SECCOMP_RET_ERRNO) == 0);
	CHECK(available(SECCOMP_RET_TRACE) == 0);
	CHECK(available(SECCOMP_RET_LOG) == 0);
	CHECK(available(SECCOMP_RET_ALLOW) == 0);
	CHECK(available(0x12340000) == EOPNOTSUPP);
	CHECK(available(SECCOMP_RET_ERRNO | 1) == EOPNOTSUPP);
	CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, NULL), EFAULT);
	CHECK_ERRNO(syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 1, NULL), EINVAL);
}

/* ---- answers ---- */

static siginfo_t trapped;
static long trapped_rax;
static void on_trap(int number, siginfo_t *info, void *context)
{
	trapped = *info;
	trapped_rax = ((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX];
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = 4711;
}

static int trap_tells_of_the_call(void)
{
	struct sigaction action = {.sa_sigaction = on_trap, .sa_flags = SA_SIGINFO};
	sigaction(SIGSYS, &action, NULL);
	return !(no_new_privs() && FILTER(0, ONE(VICTIM, SECCOMP_RET_TRAP | 42)) == 0 && victim() == 4711 &&
		 trapped.si_signo == SIGSYS && trapped.si_code == 1 && trapped.si_errno == 42 &&
		 trapped.si_syscall == VICTIM && trapped.si_arch == AUDIT_ARCH_X86_64 && trapped.si_call_addr &&
		 ((unsigned char *)trapped.si_call_addr)[-1] == 5 &&
		 ((unsigned char *)trapped.si_call_addr)[-2] == 15 && trapped_rax == VICTIM);
}

static int trap_without_a_handler(void)
{
	no_new_privs();
	FILTER(0, ONE(VICTIM, SECCOMP_RET_TRAP));
	victim();
	return 0;
}

static int trap_while_blocked(void)
{
	sigset_t set;
	signal(SIGSYS, count);
	sigemptyset(&set);
	sigaddset(&set, SIGSYS);
	sigprocmask(SIG_BLOCK, &set, NULL);
	return trap_without_a_handler();
}

static int kill_process(void)
{
	no_new_privs();
	FILTER(0, ONE(VICTIM, SECCOMP_RET_KILL_PROCESS));
	victim();
	return 0;
}

static int unknown_action(void)
{
	no_new_privs();
	FILTER(0, ONE(VICTIM, 0x12340000));
	victim();
	return 0;
}

static int kill_thread(void)
{
	no_new_privs();
	FILTER(0, ONE(VICTIM, SECCOMP_RET_KILL_THREAD));
	victim();
	return 0;
}

static void *makes_the_call(void *arg)
{
	no_new_privs();
	FILTER(0, ONE(VICTIM, *(unsigned *)arg));
	victim();
	return arg;
}

static int with_a_thread(unsigned answer)
{
	pthread_t t;
	pid_t tid = 0;
	int left = 1;
	(void)tid;
	if (pthread_create(&t, NULL, makes_the_call, &answer))
		return 1;
	/* pthread_join() waits for what the kernel clears. */
	pthread_join(t, NULL);
	left = victim() > 0; /* this thread has no filter */
	return !left;
}

static int kill_thread_spares_the_others(void)
{
	return with_a_thread(SECCOMP_RET_KILL_THREAD);
}

static int kill_process_spares_nobody(void)
{
	return with_a_thread(SECCOMP_RET_KILL_PROCESS);
}

static int answer_gives(unsigned answer, long wanted, int wanted_errno)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		long got = no_new_privs() && FILTER(0, ONE(VICTIM, answer)) == 0 ? (errno = 0, victim()) : -2;
		_exit(!(got == wanted && errno == wanted_errno));
	}
	return wait_for(pid) == 0;
}

/* What getpriority tells without a filter: 20 minus the nice value. */
#define USUAL victim()

static void answers(void)
{
	theme("seccomp answers");
	CHECK(answer_gives(SECCOMP_RET_ALLOW, USUAL, 0));
	CHECK(answer_gives(SECCOMP_RET_LOG, USUAL, 0));
	CHECK(answer_gives(SECCOMP_RET_ERRNO | EDOM, -1, EDOM));
	CHECK(answer_gives(SECCOMP_RET_ERRNO, 0, 0));
	CHECK(answer_gives(SECCOMP_RET_ERRNO | 4095, -1, 4095));
	CHECK(answer_gives(SECCOMP_RET_ERRNO | 0xffff, -1, 4095));
	CHECK(answer_gives(SECCOMP_RET_TRACE, -1, ENOSYS));
	CHECK(answer_gives(SECCOMP_RET_USER_NOTIF, -1, ENOSYS));
	CHECK_RUNS(trap_tells_of_the_call);
	CHECK_DIES(trap_without_a_handler, SIGSYS);
	CHECK_DIES(trap_while_blocked, SIGSYS);
	CHECK_DIES(kill_process, SIGSYS);
	CHECK_DIES(unknown_action, SIGSYS);
	CHECK_DIES(kill_thread, SIGSYS);
	CHECK_RUNS(kill_thread_spares_the_others);
	CHECK_DIES(kill_process_spares_nobody, SIGSYS);
}

/* ---- what a filter sees ---- */

#define ARG(n)	    BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]))
#define ARG_HIGH(n) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, args[n]) + 4)
#define MUST(k)	    BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, k, 1, 0), RET(SECCOMP_RET_ERRNO | 77)

static int sees_number_architecture_and_arguments(void)
{
	no_new_privs();
	if (FILTER(0, NR, BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, 4000, 1, 0), RET(SECCOMP_RET_ALLOW),
		   BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch)), MUST(AUDIT_ARCH_X86_64),
		   ARG(0), MUST(1), ARG_HIGH(0), MUST(0x10), ARG(1), MUST(2), ARG(2), MUST(3), ARG(3), MUST(4), ARG(4),
		   MUST(5), ARG(5), MUST(6), BPF_STMT(BPF_LD | BPF_W | BPF_LEN, 0), MUST(64),
		   RET(SECCOMP_RET_ERRNO | 78)))
		return 1;
	return !(syscall(4000, 0x1000000001, 2, 3, 4, 5, 6) == -1 && errno == 78);
}

static int the_strictest_of_several_counts(void)
{
	no_new_privs();
	FILTER(0, ONE(VICTIM, SECCOMP_RET_ERRNO | 5));
	FILTER(0, RET(SECCOMP_RET_ALLOW));
	if (victim() != -1 || errno != 5)
		return 1;
	FILTER(0, ONE(VICTIM, SECCOMP_RET_ERRNO | 6));
	if (victim() != -1 || errno != 6)
		return 2;
	FILTER(0, ONE(VICTIM, SECCOMP_RET_TRACE));
	return !(victim() == -1 && errno == 6);
}

static int status_shows_mode_and_count(void)
{
	if (status_line("Seccomp") != 0 || status_line("Seccomp_filters") != 0)
		return 1;
	no_new_privs();
	FILTER(0, RET(SECCOMP_RET_ALLOW));
	FILTER(SECCOMP_FILTER_FLAG_LOG | SECCOMP_FILTER_FLAG_SPEC_ALLOW, RET(SECCOMP_RET_ALLOW));
	return !(status_line("Seccomp") == 2 && status_line("Seccomp_filters") == 2 && prctl(PR_GET_SECCOMP) == 2 &&
		 status_line("NoNewPrivs") == 1);
}

static int a_chain_has_a_longest(void)
{
	static struct sock_filter program[BPF_MAXINSNS];
	for (int i = 0; i < BPF_MAXINSNS; i++)
		program[i] = (struct sock_filter)RET(SECCOMP_RET_ALLOW);
	no_new_privs();
	int n = 0;
	long result = 0;
	while (n < 20 && (result = installs(program, BPF_MAXINSNS)) == 0)
		n++;
	return !(result == -ENOMEM && n >= 2 && n < 10 && status_line("Seccomp_filters") == n);
}

static void sight(void)
{
	theme("seccomp sight");
	CHECK_RUNS(sees_number_architecture_and_arguments);
	CHECK_RUNS(the_strictest_of_several_counts);
	CHECK_RUNS(status_shows_mode_and_count);
	CHECK_RUNS(a_chain_has_a_longest);
}

/* ---- who has it ---- */

static int a_child_has_it(void)
{
	no_new_privs();
	FILTER(0, ONE(VICTIM, SECCOMP_RET_ERRNO | 9));
	pid_t pid = fork_child();
	if (pid == 0)
		_exit(!(victim() == -1 && errno == 9 && status_line("Seccomp_filters") == 1));
	return wait_for(pid);
}

static int a_program_has_it(void)
{
	no_new_privs();
	FILTER(0, ONE(VICTIM, SECCOMP_RET_ERRNO | 9));
	execl("/proc/self/exe", "seccomp", "again", NULL);
	return 1;
}

static int again(void)
{
	return !(victim() == -1 && errno == 9 && status_line("Seccomp") == 2);
}

struct other {
	pthread_barrier_t both;
	int own_filter;
	long got;
	int got_errno;
	long privs;
	pid_t tid;
};

static void *other_thread(void *arg)
{
	struct other *o = arg;
	o->tid = (pid_t)syscall(SYS_gettid);
	if (o->own_filter) {
		no_new_privs();
		FILTER(0, RET(SECCOMP_RET_ALLOW));
	}
	pthread_barrier_wait(&o->both);
	pthread_barrier_wait(&o->both);
	o->got = victim();
	o->got_errno = errno;
	o->privs = prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0);
	return NULL;
}

/* Installs a filter beside another thread; what the call returns. */
static long beside_a_thread(struct other *o, unsigned flags, int own_filter)
{
	pthread_t t;
	long result;
	o->own_filter = own_filter;
	pthread_barrier_init(&o->both, NULL, 2);
	pthread_create(&t, NULL, other_thread, o);
	pthread_barrier_wait(&o->both);
	no_new_privs();
	result = FILTER(flags, ONE(VICTIM, SECCOMP_RET_ERRNO | 11));
	if (result < 0)
		result = -errno;
	pthread_barrier_wait(&o->both);
	pthread_join(t, NULL);
	return result;
}

static int without_tsync_a_thread_is_left_alone(void)
{
	struct other o;
	return !(beside_a_thread(&o, 0, 0) == 0 && o.got > 0 && o.privs == 0 && victim() == -1);
}

static int tsync_reaches_all_threads(void)
{
	struct other o;
	return !(beside_a_thread(&o, SECCOMP_FILTER_FLAG_TSYNC, 0) == 0 && o.got == -1 && o.got_errno == 11 &&
		 o.privs == 1);
}

static int tsync_names_a_thread_with_its_own_filter(void)
{
	struct other o;
	return !(beside_a_thread(&o, SECCOMP_FILTER_FLAG_TSYNC, 1) == o.tid && victim() > 0);
}

static int tsync_can_say_esrch(void)
{
	struct other o;
	return !(beside_a_thread(&o, SECCOMP_FILTER_FLAG_TSYNC | SECCOMP_FILTER_FLAG_TSYNC_ESRCH, 1) == -ESRCH);
}

static int a_new_thread_has_it(void)
{
	struct other o = {0};
	pthread_t t;
	no_new_privs();
	FILTER(0, ONE(VICTIM, SECCOMP_RET_ERRNO | 12));
	pthread_barrier_init(&o.both, NULL, 1);
	pthread_create(&t, NULL, other_thread, &o);
	pthread_join(t, NULL);
	return !(o.got == -1 && o.got_errno == 12);
}

/* Calls that sleep are interrupted and go on as ever. */
static int a_sleep_goes_on(void)
{
	struct timespec t = {0, 50000000};
	no_new_privs();
	FILTER(0, RET(SECCOMP_RET_ALLOW));
	long before = now_us();
	return !(nanosleep(&t, NULL) == 0 && now_us() - before >= 50000);
}

static void owners(void)
{
	theme("seccomp owners");
	CHECK_RUNS(a_child_has_it);
	CHECK_RUNS(a_program_has_it);
	CHECK_RUNS(a_new_thread_has_it);
	CHECK_RUNS(without_tsync_a_thread_is_left_alone);
	CHECK_RUNS(tsync_reaches_all_threads);
	CHECK_RUNS(tsync_names_a_thread_with_its_own_filter);
	CHECK_RUNS(tsync_can_say_esrch);
	CHECK_RUNS(a_sleep_goes_on);
}

int main(int argc, char **argv)
{
	if (argc > 1 && !strcmp(argv[1], "again"))
		return again();
	struct rlimit none = {0, 0};
	setrlimit(RLIMIT_CORE, &none);
	limit_seconds(60);
	strict();
	calls();
	checker();
	answers();
	sight();
	owners();
	return finish();
}
