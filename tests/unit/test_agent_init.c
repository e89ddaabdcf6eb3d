/* SPDX-License-Identifier: Apache-2.0
 *
 * The agent as pid 1: in namespaces of its own, with the unpacked initramfs as its root, under the kernel of this
 * machine. What it does to a machine that is its own: mounts, host name, users, power-off.
 * sources: tests/unit/fake_runner.c guestkernel/fs/cpio.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "guestkernel/fs/cpio.h"
#include "tests/unit/fake_runner.h"

#define ARGV(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct fake_run run;

static const char *archive; /* build/initramfs.cpio, mapped */
static size_t archive_length;

static int map_archive(void **state)
{
	char path[4096];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 32);
	struct stat st;

	path[n] = 0;
	for (int i = 0; i < 2; i++)
		*strrchr(path, '/') = 0;
	strcat(path, "/initramfs.cpio");
	int fd = open(path, O_RDONLY);

	if (fd < 0 || fstat(fd, &st))
		return -1;
	archive_length = (size_t)st.st_size;
	archive = mmap(NULL, archive_length, PROT_READ, MAP_PRIVATE, fd, 0);
	close(fd);
	return archive == MAP_FAILED ? -1 : 0;
}

/* Unpacks with our own reader, as the kernel does. */
static int unpack(void *context, const struct cpio_entry *entry)
{
	char path[4096];
	int fd;

	snprintf(path, sizeof path, "%s/%s", run.directory, entry->name);
	if (S_ISDIR(entry->mode)) {
		assert_int_equal(mkdir(path, 0755), 0);
	} else {
		assert_true(S_ISREG(entry->mode));
		fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
		assert_true(fd >= 0);
		assert_int_equal(write(fd, archive + entry->data, entry->size), entry->size);
		close(fd);
	}
	assert_int_equal(chmod(path, entry->mode & 07777), 0);
	return 0;
}

static void init(const char *const *argv)
{
	fake_run_init(&run, argv);
	chmod(run.directory, 0755);
	assert_int_equal(cpio_parse(archive, archive_length, unpack, NULL), 0);
	run.root = run.directory;
}

static int cleanup(void **state)
{
	fake_run_free(&run);
	return 0;
}

/* A dynamic shell with what it needs, in the layout of a merged-/usr distribution. */
static void add_shell(void)
{
	fake_run_symlink(&run, "/bin", "usr/bin");
	fake_run_symlink(&run, "/lib", "usr/lib");
	fake_run_symlink(&run, "/lib64", "usr/lib64");
	fake_run_host_file(&run, "/usr/bin/dash", 0755, "/usr/bin/dash");
	fake_run_symlink(&run, "/bin/sh", "dash");
	fake_run_host_file(&run, "/usr/bin/cat", 0755, "/usr/bin/cat");
	fake_run_host_file(&run, "/lib64/ld-linux-x86-64.so.2", 0755, "/lib64/ld-linux-x86-64.so.2");
	fake_run_host_file(&run, "/lib/x86_64-linux-gnu/libc.so.6", 0755, "/lib/x86_64-linux-gnu/libc.so.6");
}

static void init_shell(const char *script)
{
	static const char *argv[] = {"sh", "-c", NULL, NULL};

	argv[2] = script;
	init(argv);
	run.program = "/bin/sh";
	if (getuid()) { /* the user namespace of an ordinary user has root alone */
		run.job.uid = run.job.gid = 0;
	}
	add_shell();
}

/* reboot(2) of the pid namespace's init ends it with SIGINT: RB_POWER_OFF, pid_namespaces(7). */
static void expect_exit_and_power_off(unsigned end, unsigned code)
{
	if (run.last == WIRE_FAIL)
		print_error("FAIL stage %u error %u: %s\n", run.fail.stage, run.fail.error, run.text);
	if (run.errors.length)
		print_error("errors: %.*s\n", (int)run.errors.length, run.errors.data);
	assert_int_equal(run.last, WIRE_EXIT);
	assert_int_equal(run.exit.end, end);
	assert_int_equal(run.exit.code, code);
	assert_true(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGINT);
}

static void expect_output(const char *output)
{
	bytes_add(&run.output, "", 1);
	assert_string_equal(run.output.data, output);
}

static void dynamic_program_runs_and_machine_powers_off(void **state)
{
	init_shell("echo $$; cat /etc/hosts; exit 3");
	fake_run(&run);
	expect_exit_and_power_off(WIRE_END_EXITED, 3);
	expect_output("2\n127.0.0.1\tlocalhost\n::1\tlocalhost\n");
}

static void failure_powers_off_too(void **state)
{
	init_shell("");
	run.program = "/missing";
	fake_run(&run);
	assert_int_equal(run.last, WIRE_FAIL);
	assert_int_equal(run.fail.stage, WIRE_STAGE_EXEC);
	assert_true(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGINT);
}

static void host_name_is_set(void **state)
{
	init_shell("cat /proc/sys/kernel/hostname");
	run.hostname = "some-name";
	fake_run(&run);
	expect_exit_and_power_off(WIRE_END_EXITED, 0);
	expect_output("some-name\n");
}

static void user_gets_entries_and_a_home(void **state)
{
	if (getuid())
		skip();
	init_shell("while read l; do echo $l; done < /etc/passwd; cat /etc/group; pwd; echo > here && echo written");
	run.job.uid = 1000;
	run.job.gid = 1001;
	run.workdir = run.home = "/home/tester";
	fake_run(&run);
	expect_exit_and_power_off(WIRE_END_EXITED, 0);
	expect_output("root:x:0:0:root:/root:/bin/sh\n"
		      "nobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
		      "tester:x:1000:1001::/home/tester:/bin/sh\n"
		      "root:x:0:\nnogroup:x:65534:\ntester:x:1001:\n"
		      "/home/tester\nwritten\n");
}

static void known_users_are_not_added(void **state)
{
	if (getuid())
		skip();
	init_shell("cat /etc/passwd /etc/group");
	run.job.uid = 65534;
	run.job.gid = 65534;
	fake_run(&run);
	expect_exit_and_power_off(WIRE_END_EXITED, 0);
	expect_output("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/usr/sbin/nologin\n"
		      "root:x:0:\nnogroup:x:65534:\n");
}

static void orphans_are_reaped(void **state)
{
	/* Wait until an orphan that said it is about to end has left /proc: only pid 1 can have reaped it. */
	init_shell("(sh -c 'echo $$ > /tmp/pid' &); while ! read p < /tmp/pid; do :; done 2> /dev/null;"
		   " while test -e /proc/$p; do :; done; echo gone");
	fake_run(&run);
	expect_exit_and_power_off(WIRE_END_EXITED, 0);
	expect_output("gone\n");
}

static void background_children_die_with_the_machine(void **state)
{
	init_shell("(while :; do :; done) & (trap '' TERM INT HUP; while :; do cat /dev/null; done) & echo bye");
	fake_run(&run);
	expect_exit_and_power_off(WIRE_END_EXITED, 0);
	expect_output("bye\n");
}

static void terminal_works(void **state)
{
	init_shell("test -t 0 && echo yes > /dev/tty");
	memset(run.job.stdio, WIRE_STDIO_TTY, 3);
	run.keep_input_open = true;
	fake_run(&run);
	expect_exit_and_power_off(WIRE_END_EXITED, 0);
	expect_output("yes\r\n");
}

static void output_of_a_killed_program_is_kept(void **state)
{
	init_shell("echo before; kill -KILL $$");
	fake_run(&run);
	expect_exit_and_power_off(WIRE_END_SIGNALED, SIGKILL);
	expect_output("before\n");
}

static void the_runners_death_powers_off(void **state)
{
	init_shell("echo ready; while :; do :; done");
	run.cue = "ready\n";
	run.hang_up = true;
	fake_run(&run);
	assert_true(WIFSIGNALED(run.status) && WTERMSIG(run.status) == SIGINT);
}

/* ---- the archive ---- */

struct seen {
	int files, links, pages;
	bool init, passwd, conflict;
};

static int look(void *context, const struct cpio_entry *entry)
{
	struct seen *seen = context;

	assert_int_equal(entry->mtime, 0);
	seen->files++;
	if (strcmp(entry->name, "init") == 0) {
		seen->init = S_ISREG(entry->mode) && entry->data % 4096 == 0 && entry->size % 4096 == 0;
		assert_memory_equal(archive + entry->data, "\177ELF", 4);
	}
	if (strcmp(entry->name, "etc/passwd") == 0)
		seen->passwd = true;
	static const char *const job_owns[] = {"bin", "lib", "lib64", "sbin", "usr"};

	for (size_t i = 0; i < sizeof job_owns / sizeof *job_owns; i++)
		if (strncmp(entry->name, job_owns[i], strlen(job_owns[i])) == 0)
			seen->conflict = true;
	return 0;
}

static void archive_holds_the_agent_on_whole_pages(void **state)
{
	struct seen seen = {0};

	assert_int_equal(cpio_parse(archive, archive_length, look, &seen), 0);
	assert_true(seen.init);
	assert_true(seen.passwd);
	assert_false(seen.conflict);
	assert_int_equal(archive_length % 4096, 0);
}

static bool namespaces_allowed(void)
{
	int status;
	pid_t pid = fork();

	if (pid == 0)
		_exit(unshare(CLONE_NEWPID | CLONE_NEWNS | CLONE_NEWUTS | (getuid() ? CLONE_NEWUSER : 0)) != 0);
	return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

#define TEST(name) cmocka_unit_test_teardown(name, cleanup)

/* test_agent_init [PATTERN]: the tests whose names match */
int main(int argc, char **argv)
{
	const struct CMUnitTest of_archive[] = {
	    cmocka_unit_test(archive_holds_the_agent_on_whole_pages),
	};
	const struct CMUnitTest tests[] = {
	    TEST(dynamic_program_runs_and_machine_powers_off),
	    TEST(failure_powers_off_too),
	    TEST(host_name_is_set),
	    TEST(user_gets_entries_and_a_home),
	    TEST(known_users_are_not_added),
	    TEST(orphans_are_reaped),
	    TEST(background_children_die_with_the_machine),
	    TEST(terminal_works),
	    TEST(output_of_a_killed_program_is_kept),
	    TEST(the_runners_death_powers_off),
	};
	int failed;

	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	failed = cmocka_run_group_tests(of_archive, map_archive, NULL);
	if (!namespaces_allowed()) {
		printf("SKIPPED: agent as pid 1: no permission to create namespaces\n");
		return failed;
	}
	return failed + cmocka_run_group_tests(tests, map_archive, NULL);
}
