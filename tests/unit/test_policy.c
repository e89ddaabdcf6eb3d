/* SPDX-License-Identifier: Apache-2.0
 *
 * The confinement, in both directions: every row of every table lets its call through, and dangerous calls are refused.
 * Each check runs in a forked child that really gives everything up.
 *
 * sources: policy/policy.c policy/caps.c policy/landlock.c policy/limits.c policy/refusal.c runner/error.c
 * flags: -Wl,--no-as-needed -lcap
 */
#include "policy/internal.h"
#include "policy/policy.h"
#include "policy/seccomp_table.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>
#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>

#define PASSED 7
#define X32    0x40000000

struct result {
	int status; /* of waitpid */
	char text[1024];
};

typedef void child_function(const void *argument);

/* Runs function in a child whose stderr is a pipe; the child is killed after ten seconds. */
static struct result run_child(child_function *function, const void *argument)
{
	struct result result = {0};
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(10);
		dup2(ends[1], STDERR_FILENO);
		function(argument);
		syscall(SYS_exit_group, PASSED);
	}
	close(ends[1]);
	size_t have = 0;
	ssize_t n;
	while ((n = read(ends[0], result.text + have, sizeof(result.text) - 1 - have)) > 0)
		have += (size_t)n;
	close(ends[0]);
	assert_int_equal(waitpid(child, &result.status, 0), child);
	return result;
}

static void fail_child(const struct error *error)
{
	dprintf(STDERR_FILENO, "confinement failed: %s", error->text);
	syscall(SYS_exit_group, 1);
}

static void confine_process(void)
{
	static const int keep[] = {0, 1, 2};
	struct policy_report report;
	struct error error;
	if (policy_confine_process(keep, 3, &report, &error))
		fail_child(&error);
}

static void confine(enum policy_role role)
{
	struct error error;
	confine_process();
	if (policy_confine_thread(role, &error))
		fail_child(&error);
}

struct call {
	enum policy_role role;
	const char *name;
	long number;
	unsigned long arguments[6];
};

static void make_call(const void *argument)
{
	struct call call = *(const struct call *)argument;
	confine(call.role);
	const unsigned long *a = call.arguments;
	syscall(call.number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

static void assert_passes(const struct call *call)
{
	struct result result = run_child(make_call, call);
	bool passed = WIFEXITED(result.status) && WEXITSTATUS(result.status) == PASSED;
	/* There is no frame to return to, but the kernel has looked for it. */
	if (call->number == SYS_rt_sigreturn)
		passed = WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGSEGV;
	if (!passed)
		fail_msg("role %d: %s should pass; status %#x: %s", call->role, call->name, result.status, result.text);
}

static void assert_refused(const struct call *call)
{
	struct result result = run_child(make_call, call);
	if (!WIFEXITED(result.status) || WEXITSTATUS(result.status) != STATUS_RUNNER)
		fail_msg("role %d: %s should be refused; status %#x: %s", call->role, call->name, result.status,
			 result.text);
	if (strncmp(result.text, "sandbox: refused: the ", 22) || !strstr(result.text, call->name))
		fail_msg("role %d: %s is not named: %s", call->role, call->name, result.text);
}

static void every_row_lets_its_call_through(void **state)
{
	for (size_t role = 0; role < POLICY_ROLE_TABLES; role++) {
		const struct policy_role_table *table = &policy_role_tables[role];
		for (size_t i = 0; i < table->count; i++) {
			const struct policy_row *row = &table->rows[i];
			/* Arguments that the kernel itself refuses, but for the one that the filter checks. */
			struct call call = {role, row->name, row->number, {-1ul, -1ul, -1ul, -1ul, -1ul, -1ul}};
			if (row->check.text)
				call.arguments[row->check.argument] = row->check.value;
			if (row->also.text)
				call.arguments[row->also.argument] = row->also.value;
			if (row->number == SYS_exit || row->number == SYS_exit_group)
				call.arguments[0] = PASSED;
			if (row->check.value != POLICY_PID_PLACEHOLDER)
				assert_passes(&call);
		}
	}
}

static void signal_own_process(const void *argument)
{
	pid_t own = getpid();
	confine(*(const enum policy_role *)argument);
	if (syscall(SYS_tgkill, own, own, 0))
		syscall(SYS_exit_group, 1);
}

static void a_thread_may_signal_its_own_process_only(void **state)
{
	for (enum policy_role role = 0; role < POLICY_FILES; role++) {
		struct result result = run_child(signal_own_process, &role);
		assert_true(WIFEXITED(result.status));
		assert_int_equal(WEXITSTATUS(result.status), PASSED);
		struct call call = {role, "tgkill", SYS_tgkill, {(unsigned long)getpid(), (unsigned long)getpid(), 0}};
		assert_refused(&call);
		call.arguments[0] = POLICY_PID_PLACEHOLDER;
		assert_refused(&call);
	}
}

/* clang-format off */
#define DANGEROUS(call, ...) {0, #call, SYS_##call, {__VA_ARGS__}}

static const struct call dangerous[] = {
	DANGEROUS(rt_sigprocmask), 	DANGEROUS(open, (unsigned long)"/etc/passwd"), DANGEROUS(openat, -100ul, (unsigned long)"/etc/passwd"),
	DANGEROUS(openat2), DANGEROUS(creat), DANGEROUS(open_by_handle_at), DANGEROUS(name_to_handle_at),
	DANGEROUS(execve, (unsigned long)"/bin/true"), DANGEROUS(execveat), DANGEROUS(fork), DANGEROUS(vfork),
	DANGEROUS(clone, SIGCHLD), DANGEROUS(clone3), DANGEROUS(socket, 1, 1), DANGEROUS(socketpair, 1, 1), DANGEROUS(connect),
	DANGEROUS(bind), DANGEROUS(accept4), DANGEROUS(sendto), DANGEROUS(ptrace), DANGEROUS(process_vm_readv),
	DANGEROUS(process_vm_writev), DANGEROUS(process_madvise), DANGEROUS(pidfd_open), DANGEROUS(pidfd_getfd), DANGEROUS(kill, 1),
	DANGEROUS(tkill), DANGEROUS(rt_sigqueueinfo), DANGEROUS(rt_tgsigqueueinfo), DANGEROUS(pidfd_send_signal),
	DANGEROUS(rt_sigaction), DANGEROUS(sigaltstack), DANGEROUS(prctl, PR_SET_DUMPABLE, 1), DANGEROUS(arch_prctl),
	DANGEROUS(seccomp), DANGEROUS(mmap, 0, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1ul),
	DANGEROUS(mmap, 0, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1ul), DANGEROUS(mprotect, 0, 0, PROT_READ | PROT_EXEC),
	DANGEROUS(pkey_mprotect), DANGEROUS(mremap), DANGEROUS(remap_file_pages), DANGEROUS(brk), DANGEROUS(memfd_create),
	DANGEROUS(memfd_secret), DANGEROUS(userfaultfd), DANGEROUS(io_uring_setup), DANGEROUS(io_uring_enter), DANGEROUS(io_setup),
	DANGEROUS(bpf), DANGEROUS(perf_event_open), DANGEROUS(unshare), DANGEROUS(setns), DANGEROUS(mount), DANGEROUS(umount2),
	DANGEROUS(move_mount), DANGEROUS(fsopen), DANGEROUS(open_tree), DANGEROUS(pivot_root), DANGEROUS(chroot), DANGEROUS(chdir),
	DANGEROUS(unlink), DANGEROUS(unlinkat), DANGEROUS(renameat2), DANGEROUS(linkat), DANGEROUS(symlinkat), DANGEROUS(mkdirat),
	DANGEROUS(mknodat), DANGEROUS(chmod), DANGEROUS(fchmod), DANGEROUS(fchownat), DANGEROUS(truncate), DANGEROUS(ftruncate),
	DANGEROUS(setxattr), DANGEROUS(dup), DANGEROUS(dup3), DANGEROUS(fcntl), DANGEROUS(pipe2), DANGEROUS(eventfd2),
	DANGEROUS(epoll_create1), DANGEROUS(epoll_ctl), DANGEROUS(timer_create), DANGEROUS(timerfd_create), DANGEROUS(signalfd4), DANGEROUS(splice),
	DANGEROUS(vmsplice), DANGEROUS(sendfile), DANGEROUS(setuid), DANGEROUS(setresuid), DANGEROUS(setgroups), DANGEROUS(capset),
	DANGEROUS(setrlimit), DANGEROUS(prlimit64), DANGEROUS(sched_setaffinity), DANGEROUS(keyctl), DANGEROUS(add_key),
	DANGEROUS(reboot), DANGEROUS(init_module), DANGEROUS(finit_module), DANGEROUS(kexec_load), DANGEROUS(iopl),
	DANGEROUS(ioperm), DANGEROUS(modify_ldt), DANGEROUS(personality), DANGEROUS(syslog), DANGEROUS(shmget), DANGEROUS(msgget),
	DANGEROUS(mq_open), DANGEROUS(fanotify_init), DANGEROUS(inotify_init1), DANGEROUS(landlock_create_ruleset),
	{0, "of another architecture", X32 | SYS_getpid, {0}}, {0, "of another architecture", X32 | SYS_read, {0}},
	{0, "system call 511", 511, {0}},
};
/* clang-format on */

/* The process that serves files, and no other, works on files. */
static bool is_file_work(enum policy_role role, long number)
{
	static const long calls[] = {SYS_openat,    SYS_openat2, SYS_unlinkat, SYS_linkat,
				     SYS_symlinkat, SYS_mkdirat, SYS_fchownat, SYS_ftruncate};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		if (role == POLICY_FILES && calls[i] == number)
			return true;
	return false;
}

static void dangerous_calls_are_refused(void **state)
{
	for (enum policy_role role = 0; role < POLICY_ROLES; role++)
		for (size_t i = 0; i < sizeof(dangerous) / sizeof(dangerous[0]); i++) {
			struct call call = dangerous[i];
			call.role = role;
			if (!is_file_work(role, call.number))
				assert_refused(&call);
		}
}

static void wrong_arguments_are_refused(void **state)
{
	static const struct call calls[] = {
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, KVM_CREATE_VM}},
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, KVM_CREATE_VCPU}},
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, KVM_SET_GSI_ROUTING}},
	    {POLICY_IO, "ioctl", SYS_ioctl, {-1ul, KVM_SET_USER_MEMORY_REGION}},
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, KVM_SET_SREGS}},
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, KVM_SET_MSRS}},
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, KVM_CREATE_DEVICE}},
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, KVM_IRQFD}},
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, TIOCSTI}},
	    {POLICY_VCPU, "ioctl", SYS_ioctl, {-1ul, TCGETS}},
	    {POLICY_VCPU_TTY, "ioctl", SYS_ioctl, {-1ul, TIOCSTI}},
	    {POLICY_VCPU_TTY, "ioctl", SYS_ioctl, {-1ul, TCGETS}},
	    {POLICY_IO, "ioctl", SYS_ioctl, {-1ul, KVM_RUN}},
	    {POLICY_IO, "ioctl", SYS_ioctl, {-1ul, TCGETS}},
	    {POLICY_IO_TTY, "ioctl", SYS_ioctl, {-1ul, KVM_SET_USER_MEMORY_REGION}},
	    {POLICY_IO_TTY, "ioctl", SYS_ioctl, {-1ul, TIOCSTI}},
	    {POLICY_IO_TTY, "ioctl", SYS_ioctl, {-1ul, TIOCSCTTY}},
	    {POLICY_VCPU, "madvise", SYS_madvise, {0, 0, MADV_HWPOISON}},
	    {POLICY_IO, "madvise", SYS_madvise, {0, 0, MADV_DONTNEED}},
	    {POLICY_IO, "mmap", SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_FIXED, -1ul}},
	    {POLICY_VCPU, "mmap", SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE, -1ul}},
	    {POLICY_VCPU, "mmap", SYS_mmap, {0, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, -1ul}},
	    {POLICY_VCPU, "mmap", SYS_mmap, {0, 4096, PROT_READ | PROT_EXEC, MAP_SHARED | MAP_FIXED, -1ul}},
	    {POLICY_IO, "mmap", SYS_mmap, {0, 4096, PROT_READ, MAP_PRIVATE | MAP_FIXED, -1ul}},
	    {POLICY_IO, "mmap", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED, -1ul}},
	    {POLICY_FILES, "mmap", SYS_mmap, {0, 4096, PROT_READ, MAP_SHARED | MAP_FIXED, -1ul}},
	    {POLICY_FILES, "sendmsg", SYS_sendmsg, {-1ul, 0, 0}},
	    {POLICY_VCPU, "sendmsg", SYS_sendmsg, {-1ul, 0, 0}},
	    {POLICY_IO, "recvmsg", SYS_recvmsg, {-1ul, 0, MSG_DONTWAIT | MSG_PEEK}},
	    {POLICY_VCPU, "futex", SYS_futex, {-1ul, FUTEX_LOCK_PI}},
	    {POLICY_VCPU, "futex", SYS_futex, {-1ul, FUTEX_CMP_REQUEUE_PI}},
	    {POLICY_FILES, "fcntl", SYS_fcntl, {-1ul, F_SETFL}},
	    {POLICY_FILES, "fcntl", SYS_fcntl, {-1ul, F_SETLKW}},
	    {POLICY_FILES, "tgkill", SYS_tgkill, {-1ul, -1ul, 0}},
	    {POLICY_IO, "futex", SYS_futex, {-1ul, FUTEX_WAIT_REQUEUE_PI | FUTEX_PRIVATE_FLAG}},
	};
	for (size_t i = 0; i < sizeof(calls) / sizeof(calls[0]); i++)
		assert_refused(&calls[i]);
}

static void call_i386(const void *argument)
{
	confine(*(const enum policy_role *)argument);
	long result = 20; /* getpid */
	__asm__ volatile("int $0x80" : "+a"(result) : : "memory", "r8", "r9", "r10", "r11");
}

static void the_i386_entry_is_refused(void **state)
{
	for (enum policy_role role = 0; role < POLICY_ROLES; role++) {
		struct result result = run_child(call_i386, &role);
		/* A kernel without IA-32 emulation answers with SIGSEGV. */
		bool absent = WIFSIGNALED(result.status) && WTERMSIG(result.status) == SIGSEGV;
		bool refused = WIFEXITED(result.status) && WEXITSTATUS(result.status) == STATUS_RUNNER;
		assert_true(absent || (refused && strstr(result.text, "of another architecture")));
	}
}

static void confine_with_sigsys_blocked(const void *argument)
{
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	make_call(argument);
}

static void a_thread_that_blocked_all_signals_still_reports(void **state)
{
	struct call call = {POLICY_IO, "socket", SYS_socket, {1, 1}};
	struct result result = run_child(confine_with_sigsys_blocked, &call);
	assert_true(WIFEXITED(result.status));
	assert_int_equal(WEXITSTATUS(result.status), STATUS_RUNNER);
	assert_non_null(strstr(result.text, "the I/O thread made system call 41, socket"));
}

/* A page of a file that has been truncated, as guest memory may show one. */
static void touch_a_lost_page(const void *argument)
{
	FILE *file = tmpfile();
	volatile char *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fileno(file), 0);
	sigset_t all;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	confine(*(const enum policy_role *)argument);
	(void)*page;
}

static void memory_that_is_gone_is_reported(void **state)
{
	for (enum policy_role role = 0; role < POLICY_FILES; role++) {
		struct result result = run_child(touch_a_lost_page, &role);
		assert_true(WIFEXITED(result.status));
		assert_int_equal(WEXITSTATUS(result.status), STATUS_RUNNER);
		assert_string_equal(result.text, "sandbox: " ERROR_MEMORY_LOST "\n");
	}
}

static void *too_old_thread(void *argument)
{
	struct error error;
	pthread_barrier_wait(argument);
	if (policy_confine_thread(POLICY_VCPU, &error) == 0)
		syscall(SYS_exit_group, 1);
	return NULL;
}

static void confine_with_an_older_thread(const void *argument)
{
	pthread_barrier_t gate;
	pthread_t thread;
	pthread_barrier_init(&gate, NULL, 2);
	if (pthread_create(&thread, NULL, too_old_thread, &gate))
		syscall(SYS_exit_group, 2);
	confine_process();
	pthread_barrier_wait(&gate);
	pthread_join(thread, NULL);
}

static void the_process_comes_before_its_threads(void **state)
{
	struct error error;
	assert_int_equal(policy_confine_thread(POLICY_VCPU, &error), -1);
	assert_int_equal(error.status, STATUS_RUNNER);
	if (prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1)
		return; /* started so: threads cannot be told apart */
	struct result result = run_child(confine_with_an_older_thread, NULL);
	assert_true(WIFEXITED(result.status));
	assert_int_equal(WEXITSTATUS(result.status), PASSED);
}

/* The value of a line of /proc/PID/.../status, or NULL. */
static char *status_field(const char *path, const char *field, char *line, size_t room)
{
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	char *value = NULL;
	size_t length = strlen(field);
	while (!value && fgets(line, (int)room, file))
		if (!strncmp(line, field, length) && line[length] == ':')
			value = line + length + 1 + strspn(line + length + 1, " \t");
	fclose(file);
	if (value)
		value[strcspn(value, "\n")] = 0;
	return value;
}

static void assert_field(const char *path, const char *field, const char *expected)
{
	char line[256];
	char *value = status_field(path, field, line, sizeof(line));
	if (value) /* absent: a kernel from before the field */
		assert_string_equal(value, expected);
}

static void assert_confined(const char *path)
{
	assert_field(path, "NoNewPrivs", "1");
	assert_field(path, "Seccomp", "2");
	assert_field(path, "Seccomp_filters", "1");
	assert_field(path, "CapInh", "0000000000000000");
	assert_field(path, "CapPrm", "0000000000000000");
	assert_field(path, "CapEff", "0000000000000000");
	assert_field(path, "CapAmb", "0000000000000000");
	char line[256];
	char *own = status_field("/proc/self/status", "CapEff", line, sizeof(line));
	if (own && strtoull(own, NULL, 16) & (1ull << 8)) /* CAP_SETPCAP */
		assert_field(path, "CapBnd", "0000000000000000");
}

static int ready[2], go[2], threads_ended;

static void *confined_thread(void *argument)
{
	struct error error;
	if (policy_confine_thread(POLICY_VCPU, &error))
		fail_child(&error);
	char byte = 1;
	if (syscall(SYS_write, ready[1], &byte, 1) != 1)
		syscall(SYS_exit_group, 2);
	struct iovec room = {&byte, 1};
	syscall(SYS_preadv2, go[0], &room, 1, -1l, 0l, 0);
	/* As a vCPU's thread ends: what glibc does at the end of one needs more. */
	__atomic_add_fetch(&threads_ended, 1, __ATOMIC_SEQ_CST);
	syscall(SYS_futex, &threads_ended, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	syscall(SYS_exit, 0);
	return NULL;
}

static void live_process(void)
{
	struct policy_report report;
	struct error error;
	pthread_t threads[2];
	int keep[] = {go[0], 2, -1, ready[1], 2};
	if (policy_confine_process(keep, 5, &report, &error))
		fail_child(&error);
	if (report.descriptors != 3 || report.landlock_abi != policy_landlock_abi())
		syscall(SYS_exit_group, 3);
	for (int i = 0; i < 2; i++)
		if (pthread_create(&threads[i], NULL, confined_thread, NULL))
			syscall(SYS_exit_group, 5);
	if (policy_confine_thread(POLICY_IO, &error))
		fail_child(&error);
	char byte = 1;
	if (syscall(SYS_write, ready[1], &byte, 1) != 1)
		syscall(SYS_exit_group, 4);
	for (int n; (n = __atomic_load_n(&threads_ended, __ATOMIC_SEQ_CST)) < 2;)
		syscall(SYS_futex, &threads_ended, FUTEX_WAIT_PRIVATE, n, NULL, NULL, 0);
}

static int count_tasks(pid_t child)
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%d/task", child);
	DIR *directory = opendir(path);
	assert_non_null(directory);
	int tasks = 0;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.')
			continue;
		snprintf(path, sizeof(path), "/proc/%d/task/%s/status", child, entry->d_name);
		assert_confined(path);
		tasks++;
	}
	closedir(directory);
	return tasks;
}

static void assert_descriptors(pid_t child)
{
	char path[300];
	snprintf(path, sizeof(path), "/proc/%d/fd", child);
	DIR *directory = opendir(path);
	if (!directory) {
		print_message("not root: the descriptors of a process that is not dumpable cannot be listed\n");
		return;
	}
	int found = 0;
	for (struct dirent *entry; (entry = readdir(directory));) {
		if (entry->d_name[0] == '.')
			continue;
		int fd = atoi(entry->d_name);
		assert_true(fd == 2 || fd == go[0] || fd == ready[1]);
		found++;
	}
	closedir(directory);
	assert_int_equal(found, 3);
}

static void assert_limit(pid_t child, int resource, rlim_t expected)
{
	struct rlimit limit;
	if (prlimit(child, resource, NULL, &limit))
		return; /* not root */
	assert_int_equal(limit.rlim_cur, expected);
	assert_int_equal(limit.rlim_max, expected);
}

static void a_live_process_shows_its_confinement(void **state)
{
	assert_int_equal(pipe(ready), 0);
	assert_int_equal(pipe(go), 0);
	pid_t child = fork();
	assert_true(child >= 0);
	if (child == 0) {
		alarm(20);
		live_process();
		syscall(SYS_exit_group, PASSED);
	}
	/* Without a write end here, a child that dies early is the end of the pipe and not a hang. */
	close(ready[1]);
	char byte;
	for (int thread = 0; thread < 3; thread++)
		assert_int_equal(read(ready[0], &byte, 1), 1);
	assert_int_equal(count_tasks(child), 3);
	assert_descriptors(child);
	assert_limit(child, RLIMIT_CORE, 0);
	assert_limit(child, RLIMIT_MEMLOCK, 0);
	assert_limit(child, RLIMIT_NOFILE, (rlim_t)(go[0] > ready[1] ? go[0] : ready[1]) + 1);
	assert_int_equal(write(go[1], "go", 2), 2);
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), PASSED);
	close(ready[0]);
	close(go[0]);
	close(go[1]);
}

static void the_aims_of_the_tables_hold(void **state)
{
	for (size_t role = 0; role < POLICY_ROLE_TABLES; role++) {
		bool seen[512] = {false};
		size_t calls = 0;
		for (size_t i = 0; i < policy_role_tables[role].count; i++) {
			const struct policy_row *row = &policy_role_tables[role].rows[i];
			assert_true(strlen(row->reason) > 0);
			calls += !seen[row->number];
			seen[row->number] = true;
		}
		assert_true(calls <= (role == POLICY_VCPU || role == POLICY_VCPU_TTY ? 20 : 30));
	}
}

static void landlock_takes_every_right_of_the_running_abi(void **state)
{
	size_t size;
	assert_int_equal(policy_landlock_rights(1, 0, &size).fs, 0x1fff);
	assert_int_equal(size, 8);
	assert_int_equal(policy_landlock_rights(2, 0, &size).fs, 0x3fff);
	assert_int_equal(policy_landlock_rights(3, 0, &size).fs, 0x7fff);
	assert_int_equal(policy_landlock_rights(3, 0, &size).net, 0);
	assert_int_equal(policy_landlock_rights(4, 0, &size).net, 3);
	assert_int_equal(size, 16);
	assert_int_equal(policy_landlock_rights(5, 0, &size).fs, 0xffff);
	assert_int_equal(policy_landlock_rights(5, 0, &size).scoped, 0);
	assert_int_equal(policy_landlock_rights(6, 0, &size).scoped, 1);
	assert_int_equal(policy_landlock_rights(6, 2, &size).scoped, 3);
	assert_int_equal(size, 24);
	assert_int_equal(policy_landlock_rights(99, 2, &size).fs, 0xffff);
}

static void open_under_landlock(const void *argument)
{
	struct error error;
	int abi;
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || policy_apply_landlock(&abi, &error))
		fail_child(&error);
	if (open("/etc/passwd", O_RDONLY | O_CLOEXEC) >= 0 || errno != EACCES)
		syscall(SYS_exit_group, 1);
	if (policy_apply_landlock(&abi, &error)) /* a thread that inherited it applies it again */
		fail_child(&error);
}

static void landlock_denies_files(void **state)
{
	if (policy_landlock_abi() == 0) {
		print_message("this kernel has no Landlock\n");
		return;
	}
	struct result result = run_child(open_under_landlock, NULL);
	assert_true(WIFEXITED(result.status));
	assert_int_equal(WEXITSTATUS(result.status), PASSED);
}

static void close_all_but_some(const void *argument)
{
	struct error error;
	size_t open_count;
	for (int fd = 3; fd < 40; fd++)
		dup2(0, fd);
	const int keep[] = {20, 2, -1, 39, 2, 5, 300};
	if (policy_close_descriptors(keep, 7, &open_count, &error) != 301)
		syscall(SYS_exit_group, 1);
	for (int fd = 0; fd < 64; fd++) {
		bool expected = fd == 2 || fd == 5 || fd == 20 || fd == 39;
		if ((fcntl(fd, F_GETFD) >= 0) != expected)
			syscall(SYS_exit_group, 2);
	}
}

static void only_kept_descriptors_stay_open(void **state)
{
	struct result result = run_child(close_all_but_some, NULL);
	assert_true(WIFEXITED(result.status));
	assert_int_equal(WEXITSTATUS(result.status), PASSED);
	int many[POLICY_KEEP_MAX + 1];
	memset(many, 0, sizeof(many));
	size_t open_count;
	struct error error;
	assert_int_equal(policy_close_descriptors(many, POLICY_KEEP_MAX + 1, &open_count, &error), -1);
}

static void run_vcpu(const void *argument)
{
	struct policy_report report;
	struct error error;
	struct kvm_regs regs;
	int kvm = *(const int *)argument;
	int vm = ioctl(kvm, KVM_CREATE_VM, 0), vcpu = ioctl(vm, KVM_CREATE_VCPU, 0);
	struct kvm_run *run = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, vcpu, 0);
	if (vcpu < 0 || run == MAP_FAILED)
		syscall(SYS_exit_group, 1);
	run->immediate_exit = 1;
	int keep[] = {2, vm, vcpu};
	if (policy_confine_process(keep, 3, &report, &error) || policy_confine_thread(POLICY_VCPU, &error))
		fail_child(&error);
	if (ioctl(vcpu, KVM_RUN, 0) != -1 || errno != EINTR || ioctl(vcpu, KVM_GET_REGS, &regs))
		syscall(SYS_exit_group, 2);
	ioctl(vcpu, KVM_SET_REGS, &regs);
}

static void a_confined_vcpu_runs_and_no_more(void **state)
{
	int kvm = open("/dev/kvm", O_RDWR | O_CLOEXEC);
	if (kvm < 0) {
		print_message("no access to /dev/kvm\n");
		return;
	}
	struct result result = run_child(run_vcpu, &kvm);
	close(kvm);
	assert_true(WIFEXITED(result.status));
	assert_int_equal(WEXITSTATUS(result.status), STATUS_RUNNER);
	assert_non_null(strstr(result.text, "the vCPU thread made system call 16, ioctl"));
}

static char *read_text(const char *path)
{
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	char *text = calloc(1, 65536);
	assert_non_null(text);
	assert_true(fread(text, 1, 65535, file) > 0);
	fclose(file);
	return text;
}

static void the_document_is_current(void **state)
{
	char *kept = read_text("docs/policy.md"), *generated = read_text(POLICY_DOC);
	if (strcmp(kept, generated) != 0)
		fail_msg("docs/policy.md does not match policy/seccomp_table.h: run `make policy-doc`");
	free(kept);
	free(generated);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(the_aims_of_the_tables_hold),
	    cmocka_unit_test(the_document_is_current),
	    cmocka_unit_test(every_row_lets_its_call_through),
	    cmocka_unit_test(a_thread_may_signal_its_own_process_only),
	    cmocka_unit_test(dangerous_calls_are_refused),
	    cmocka_unit_test(wrong_arguments_are_refused),
	    cmocka_unit_test(the_i386_entry_is_refused),
	    cmocka_unit_test(a_thread_that_blocked_all_signals_still_reports),
	    cmocka_unit_test(memory_that_is_gone_is_reported),
	    cmocka_unit_test(the_process_comes_before_its_threads),
	    cmocka_unit_test(a_live_process_shows_its_confinement),
	    cmocka_unit_test(a_confined_vcpu_runs_and_no_more),
	    cmocka_unit_test(landlock_takes_every_right_of_the_running_abi),
	    cmocka_unit_test(landlock_denies_files),
	    cmocka_unit_test(only_kept_descriptors_stay_open),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
