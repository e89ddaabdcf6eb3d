/* SPDX-License-Identifier: Apache-2.0
 *
 * The real agent under the kernel of this machine, with a runner that speaks the same protocol over Unix sockets.
 * sources: tests/unit/fake_runner.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "tests/unit/fake_runner.h"

#define ARGV(...)  ((const char *const[]){__VA_ARGS__, NULL})
#define SH(script) ARGV("/bin/sh", "-c", script)

static struct fake_run run;
static char path[512]; /* of inside() */

static const char *inside(const char *name)
{
	snprintf(path, sizeof path, "%s%s", run.directory, name);
	return path;
}

static void init(const char *const *argv)
{
	fake_run_init(&run, argv);
}

static int cleanup(void **state)
{
	fake_run_free(&run);
	return 0;
}

static void expect_exit(unsigned end, unsigned code)
{
	if (run.last == WIRE_FAIL)
		print_error("FAIL stage %u error %u: %s\n", run.fail.stage, run.fail.error, run.text);
	assert_int_equal(run.last, WIRE_EXIT);
	assert_true(run.started);
	assert_false(run.after_last);
	if (run.exit.end != end || run.exit.code != code)
		print_error("end %u code %u, errors: %.*s\n", run.exit.end, run.exit.code, (int)run.errors.length,
			    run.errors.length ? run.errors.data : "");
	assert_int_equal(run.exit.end, end);
	assert_int_equal(run.exit.code, code);
	assert_true(WIFEXITED(run.status) && WEXITSTATUS(run.status) == 0);
}

static void expect_fail(unsigned stage, unsigned error)
{
	assert_int_equal(run.last, WIRE_FAIL);
	if (run.fail.stage != stage || run.fail.error != error)
		print_error("FAIL stage %u error %u: %s\n", run.fail.stage, run.fail.error, run.text);
	assert_false(run.started);
	assert_false(run.after_last);
	assert_int_equal(run.fail.stage, stage);
	assert_int_equal(run.fail.error, error);
	assert_true(WIFEXITED(run.status));
}

static void expect_output(const char *output)
{
	bytes_add(&run.output, "", 1);
	assert_string_equal(run.output.data, output);
}

static void run_script(const char *script)
{
	init(SH(script));
	fake_run(&run);
}

/* ---- how programs end ---- */

static void exit_status_is_reported(void **state)
{
	run_script("exit 37");
	expect_exit(WIRE_END_EXITED, 37);
	assert_true(run.exit.max_rss_kib > 0);
	assert_true(run.exit.minor_faults > 0);
}

static void death_by_signal_is_reported(void **state)
{
	run_script("kill -SEGV $$");
	expect_exit(WIRE_END_SIGNALED, SIGSEGV);
}

static void missing_program_fails_with_its_path(void **state)
{
	init(ARGV("/nonexistent/program"));
	fake_run(&run);
	expect_fail(WIRE_STAGE_EXEC, ENOENT);
	assert_non_null(strstr(run.text, "/nonexistent/program"));
}

static void file_that_is_no_program_fails(void **state)
{
	init(ARGV("/bin/sh"));
	run.program = inside("/data");
	fake_run_file(&run, path, 0644, "data", 4);
	fake_run(&run);
	expect_fail(WIRE_STAGE_EXEC, EACCES);
}

static void missing_interpreter_fails(void **state)
{
	init(ARGV("script"));
	run.program = inside("/script");
	fake_run_file(&run, path, 0755, "#!/nonexistent\n", 15);
	fake_run(&run);
	expect_fail(WIRE_STAGE_EXEC, ENOENT);
}

/* ---- what programs get ---- */

static void arguments_environment_and_directory_arrive(void **state)
{
	init(ARGV("/bin/sh", "-c", "echo \"$0,$1,$2,$#\"; pwd; echo \"$PATH\"; umask", "zero", "", "a b\n"));
	run.workdir = "/usr";
	run.job.umask = 0027;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("zero,,a b\n,2\n/usr\n/usr/bin:/bin\n0027\n");
}

static void nothing_but_standard_streams_is_open(void **state)
{
	run_script("ls /proc/$$/fd; ps -o pid=,sid=,pgid=,tty= -p $$ |"
		   " { read p s g t; test $p = $s -a $p = $g && echo \"leader $t\"; }");
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("0\n1\n2\nleader ?\n");
}

static void signals_are_at_their_defaults(void **state)
{
	/* Not signals 32 and 33, which glibc keeps to itself: make's posix_spawn leaves them ignored, and no libc
	 * resets them. */
	init(ARGV("/bin/sed", "-nE", "s/^(SigIgn:\t)0000000180000000$/\\10000000000000000/; /^Sig(Blk|Ign)/p",
		  "/proc/self/status"));
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("SigBlk:\t0000000000000000\nSigIgn:\t0000000000000000\n");
}

static void streams_block(void **state)
{
	run_script("for i in 0 1 2; do sed -n 's/^flags.[[:space:]]*//p' /proc/$$/fdinfo/$i; done");
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("02\n02\n02\n");
}

static void limits_are_set(void **state)
{
	init(SH("ulimit -n; ulimit -Hn; ulimit -c"));
	run.job.rlimit_mask = 1u << 7 | 1u << 4; /* RLIMIT_NOFILE, RLIMIT_CORE */
	run.job.rlimit[7] = (struct wire_rlimit){33, 44};
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("33\n44\n0\n");
}

static void other_user_is_taken_on(void **state)
{
	if (getuid() != 0)
		skip(); /* needs root: the test of pid 1 covers the rest */
	init(SH("id -u; id -g; id -G; touch file && echo written"));
	run.job.uid = 1234;
	run.job.gid = 5678;
	chmod(run.directory, 0711);
	char work[128];

	snprintf(work, sizeof work, "%s/home/me", run.directory);
	run.workdir = run.home = work;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("1234\n5678\n5678\nwritten\n");
}

static void two_mebibytes_of_arguments_arrive(void **state)
{
	enum { COUNT = 20, EACH = 100000 };
	static char big[EACH + 1];
	const char *argv[COUNT + 4] = {"/bin/sh", "-c", "echo $# ${#0} ${#19}"};

	memset(big, 'x', EACH);
	for (int i = 0; i < COUNT; i++)
		argv[3 + i] = big;
	init(argv);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("19 100000 100000\n");
}

static void many_arguments_arrive(void **state)
{
	enum { COUNT = 20000 };
	static const char *argv[COUNT + 4] = {"/bin/sh", "-c", "echo $# ${19999}", "0"};
	static char text[COUNT][8];

	for (int i = 1; i < COUNT; i++) {
		snprintf(text[i], sizeof text[i], "%d", i);
		argv[3 + i] = text[i];
	}
	init(argv);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("19999 19999\n");
}

/* ---- standard streams ---- */

static void input_reaches_the_program_and_ends(void **state)
{
	init(ARGV("/bin/cat"));
	for (int i = 0; i < 200000; i++)
		bytes_add(&run.input, &i, sizeof i);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	assert_int_equal(run.output.length, run.input.length);
	assert_memory_equal(run.output.data, run.input.data, run.input.length);
}

static void output_and_errors_are_apart_and_complete(void **state)
{
	run_script("i=0; while [ $i -lt 10000 ]; do echo out$i; echo error$i >&2; i=$((i+1)); done");
	expect_exit(WIRE_END_EXITED, 0);
	assert_int_equal(run.output.length, 10000 * 4 + 10 + 90 * 2 + 900 * 3 + 9000 * 4);
	assert_int_equal(run.errors.length, 10000 * 6 + 10 + 90 * 2 + 900 * 3 + 9000 * 4);
}

static void errors_can_go_to_output_in_order(void **state)
{
	init(SH("echo 1; echo 2 >&2; echo 3; echo 4 >&2"));
	run.job.stdio[2] = WIRE_STDIO_STDOUT;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("1\n2\n3\n4\n");
}

static void closed_streams_are_closed(void **state)
{
	init(ARGV("/bin/ls", "/proc/self/fd"));
	run.job.stdio[0] = run.job.stdio[2] = WIRE_STDIO_CLOSED;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("0\n1\n"); /* 0 is ls's own directory */
}

static void all_streams_closed(void **state)
{
	init(SH("test ! -e /proc/$$/fd/0 -a ! -e /proc/$$/fd/1 -a ! -e /proc/$$/fd/2"));
	memset(run.job.stdio, WIRE_STDIO_CLOSED, 3);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
}

static void null_streams_are_dev_null(void **state)
{
	init(SH("readlink /proc/$$/fd/0 /proc/$$/fd/2; cat; echo lost >&2"));
	run.job.stdio[0] = run.job.stdio[2] = WIRE_STDIO_NULL;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("/dev/null\n/dev/null\n");
}

static void program_that_stops_reading_closes_input(void **state)
{
	static const char line[] = "line\n";

	init(SH("head -n 1; exec sleep 0.2 <&-"));
	for (int i = 0; i < 400000; i++)
		bytes_add(&run.input, line, sizeof line - 1);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("line\n");
	assert_true(run.input_refused);
}

static void closed_output_kills_the_writer(void **state)
{
	init(SH("while echo y; do sleep 0.01; done"));
	run.cue = "y\n";
	run.close_output = true;
	fake_run(&run);
	expect_exit(WIRE_END_SIGNALED, SIGPIPE);
}

/* ---- life ---- */

static void background_children_do_not_hold_up_the_end(void **state)
{
	run_script("sleep 1000 & echo done");
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("done\n");
}

static void orphans_are_no_confusion(void **state)
{
	run_script("i=0; while [ $i -lt 50 ]; do (true &); i=$((i+1)); done; exit 5");
	expect_exit(WIRE_END_EXITED, 5);
}

static void signals_are_forwarded(void **state)
{
	init(SH("trap 'echo usr1; exit 9' USR1; echo ready; while :; do sleep 0.01; done"));
	run.cue = "ready\n";
	add_signal(&run.on_cue, SIGUSR1);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 9);
	expect_output("ready\nusr1\n");
}

static void several_signals_in_one_packet(void **state)
{
	init(SH("trap : USR1; echo ready; while :; do sleep 0.01; done"));
	run.cue = "ready\n";
	for (int i = 0; i < 1000; i++)
		add_signal(&run.on_cue, SIGUSR1);
	add_signal(&run.on_cue, SIGTERM);
	fake_run(&run);
	expect_exit(WIRE_END_SIGNALED, SIGTERM);
}

static void signal_behind_the_job_waits_for_the_program(void **state)
{
	init(ARGV("/bin/sleep", "1000"));
	fake_run_frame(&run, &run.frame);
	add_signal(&run.frame, SIGKILL);
	fake_run(&run);
	expect_exit(WIRE_END_SIGNALED, SIGKILL);
}

static void runner_that_goes_away_ends_everything(void **state)
{
	char pid_text[16];
	FILE *file;

	init(SH("echo $$ > pid; echo ready; exec sleep 1000"));
	run.workdir = run.directory;
	run.cue = "ready\n";
	run.hang_up = true;
	fake_run(&run);
	assert_true(WIFEXITED(run.status));
	assert_int_equal(run.last, 0);
	file = fopen(inside("/pid"), "r");
	assert_non_null(file);
	assert_non_null(fgets(pid_text, sizeof pid_text, file));
	fclose(file);
	for (int i = 0; i < 1000 && kill(atoi(pid_text), 0) == 0; i++) { /* init reaps it, in its own time */
		char state_path[64], line[256] = "";

		snprintf(state_path, sizeof state_path, "/proc/%d/stat", atoi(pid_text));
		file = fopen(state_path, "r");
		if (!file)
			return;
		if (fgets(line, sizeof line, file) && strstr(line, ") Z ")) {
			fclose(file);
			return;
		}
		fclose(file);
		usleep(10000);
	}
	assert_int_not_equal(kill(atoi(pid_text), 0), 0);
}

static void bad_control_frames_end_the_run(void **state)
{
	const struct {
		struct wire_frame head;
		uint32_t payload;
	} bad[] = {
	    {{WIRE_SIGNAL, 4}, 0},	  {{WIRE_SIGNAL, 4}, 65},
	    {{WIRE_SIGNAL, 3}, 1},	  {{WIRE_SIGNAL, UINT32_MAX}, 1},
	    {{WIRE_WINSIZE, 4}, 1},	  {{WIRE_JOB, 4}, 1},
	    {{WIRE_STARTED, 0}, SIGUSR1}, {{0, 0}, 1},
	};

	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		init(SH("echo ready; exec sleep 1000"));
		run.cue = "ready\n";
		bytes_add(&run.on_cue, &bad[i], sizeof bad[i]);
		fake_run(&run);
		assert_int_equal(run.last, WIRE_FAIL);
		assert_int_equal(run.fail.stage, WIRE_STAGE_JOB);
		assert_int_equal(run.fail.error, EPROTO);
		if (i + 1 < sizeof bad / sizeof *bad)
			cleanup(state);
	}
}

/* ---- files ---- */

static void check_file(const char *name, mode_t mode, const char *data, size_t size)
{
	struct stat st;
	char *found = malloc(size + 1);
	int fd = open(inside(name), O_RDONLY);

	assert_true(fd >= 0);
	assert_int_equal(fstat(fd, &st), 0);
	assert_int_equal(st.st_mode, mode);
	assert_int_equal(st.st_size, size);
	assert_int_equal(st.st_mtim.tv_sec, 1500000000);
	assert_int_equal(st.st_mtim.tv_nsec, 123456789);
	assert_int_equal(read(fd, found, size + 1), size);
	assert_memory_equal(found, data, size);
	close(fd);
	free(found);
}

static void send_files_of_all_sizes(size_t chunk)
{
	static const size_t sizes[] = {0, 1, 4095, 4096, 4097, 8192, 65536, 65537, 3000001};
	static char data[3000001];
	char name[64];

	for (size_t i = 0; i < sizeof data; i++)
		data[i] = (char)(i * 2654435761u >> 13);
	init(ARGV("/bin/true"));
	run.chunk = chunk;
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		snprintf(name, sizeof name, "/a/b%zu/c//file", i);
		fake_run_file(&run, inside(name), i == 1 ? 04711 : 0640, data + i,
			      sizes[i] - (sizes[i] == sizeof data ? i : 0));
	}
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		snprintf(name, sizeof name, "/a/b%zu/c/file", i);
		check_file(name, S_IFREG | (i == 1 ? 04711 : 0640), data + i,
			   sizes[i] - (sizes[i] == sizeof data ? i : 0));
	}
}

static void files_of_all_sizes_arrive(void **state)
{
	send_files_of_all_sizes(0);
}

static void files_arrive_in_odd_pieces(void **state)
{
	send_files_of_all_sizes(1237);
}

static void static_program_is_sent_and_run(void **state)
{
	char agent[4096];
	ssize_t n = readlink("/proc/self/exe", agent, sizeof agent - 16);

	agent[n] = 0;
	for (int i = 0; i < 2; i++)
		*strrchr(agent, '/') = 0;
	strcat(agent, "/agent");
	init(ARGV("agent")); /* a static program at hand: without arguments it prints its usage */
	run.program = inside("/bin/agent");
	fake_run_host_file(&run, path, 0755, agent);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 2);
	assert_int_equal(strncmp(run.errors.data, "usage: agent", 12), 0);
}

static void script_is_sent_and_run(void **state)
{
	static const char script[] = "#!/bin/sh\necho \"$0 $1\"\n";
	char expected[600];

	init(ARGV("script", "argument"));
	run.program = inside("/script");
	fake_run_file(&run, path, 0755, script, sizeof script - 1);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	snprintf(expected, sizeof expected, "%s argument\n", inside("/script"));
	expect_output(expected);
}

static void symlinks_and_directories_are_made(void **state)
{
	struct stat st;
	char target[64];

	init(ARGV("/bin/true"));
	fake_run_directory(&run, inside("/usr/lib"), 0750);
	fake_run_symlink(&run, inside("/lib"), "usr/lib");
	fake_run_symlink(&run, inside("/x/y/dangling"), "/nowhere");
	fake_run_file(&run, inside("/lib/libx.so"), 0644, "x", 1);
	fake_run_directory(&run, inside("/tmp"), 01777);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	check_file("/usr/lib/libx.so", S_IFREG | 0644, "x", 1);
	assert_int_equal(stat(inside("/usr/lib"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0750);
	assert_int_equal(st.st_mtim.tv_sec, 1500000000);
	assert_int_equal(stat(inside("/usr"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0755);
	assert_int_equal(stat(inside("/tmp"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 01777);
	assert_int_equal(lstat(inside("/x/y/dangling"), &st), 0);
	assert_int_equal(st.st_mtim.tv_sec, 1500000000);
	ssize_t n = readlink(inside("/x/y/dangling"), target, sizeof target);
	assert_int_equal(n, 8);
	assert_memory_equal(target, "/nowhere", 8);
}

static void existing_files_are_replaced(void **state)
{
	char elsewhere[128];

	init(ARGV("/bin/true"));
	snprintf(elsewhere, sizeof elsewhere, "%s/elsewhere", run.directory);
	fake_run_file(&run, elsewhere, 0644, "untouched", 9);
	fake_run_file(&run, inside("/file"), 0644, "old contents", 12);
	fake_run_file(&run, inside("/file"), 0600, "new", 3);
	fake_run_symlink(&run, inside("/link"), "elsewhere");
	fake_run_symlink(&run, inside("/link"), "elsewhere"); /* identical: fine */
	fake_run_file(&run, inside("/link"), 0644, "not through it", 14);
	fake_run_directory(&run, inside("/directory"), 0755);
	fake_run_directory(&run, inside("/directory"), 0711); /* identical: gets the mode */
	fake_run_directory(&run, inside("/empty"), 0755);
	fake_run_symlink(&run, inside("/empty"), "directory"); /* an empty directory gives way */
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	check_file("/file", S_IFREG | 0600, "new", 3);
	check_file("/elsewhere", S_IFREG | 0644, "untouched", 9);
	check_file("/link", S_IFREG | 0644, "not through it", 14);
	struct stat st;
	assert_int_equal(stat(inside("/directory"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 0711);
	assert_int_equal(lstat(inside("/empty"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
}

static void links_to_directories_that_come_later_are_followed(void **state)
{
	char absolute[128];

	init(ARGV("/bin/true"));
	snprintf(absolute, sizeof absolute, "%s/far/away", run.directory);
	fake_run_symlink(&run, inside("/lib64"), "usr/lib64");
	fake_run_symlink(&run, inside("/a/b"), "../lib64/sub");
	fake_run_symlink(&run, inside("/absolute"), absolute);
	fake_run_file(&run, inside("/lib64/ld.so"), 0644, "1", 1);
	fake_run_file(&run, inside("/a/b/c/file"), 0644, "2", 1);
	fake_run_file(&run, inside("/absolute/file"), 0644, "3", 1);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	check_file("/usr/lib64/ld.so", S_IFREG | 0644, "1", 1);
	check_file("/usr/lib64/sub/c/file", S_IFREG | 0644, "2", 1);
	check_file("/far/away/file", S_IFREG | 0644, "3", 1);
}

static void links_in_a_circle_fail(void **state)
{
	init(ARGV("/bin/true"));
	fake_run_symlink(&run, inside("/circle"), "elcric");
	fake_run_symlink(&run, inside("/elcric"), "circle");
	fake_run_file(&run, inside("/circle/file"), 0644, "x", 1);
	fake_run(&run);
	expect_fail(WIRE_STAGE_FILES, ELOOP);
}

static void file_that_cannot_be_made_fails_with_its_path(void **state)
{
	init(ARGV("/bin/true"));
	fake_run_file(&run, inside("/file"), 0644, "x", 1);
	fake_run_file(&run, inside("/file/below"), 0644, "x", 1);
	fake_run(&run);
	expect_fail(WIRE_STAGE_FILES, ENOTDIR);
	assert_non_null(strstr(run.text, "/file/below"));
	cleanup(state);
	init(ARGV("/bin/true"));
	fake_run_directory(&run, inside("/full/sub"), 0755);
	fake_run_file(&run, inside("/full"), 0644, "x", 1);
	fake_run(&run);
	expect_fail(WIRE_STAGE_FILES, ENOTEMPTY);
	cleanup(state);
	init(ARGV("/bin/true"));
	fake_run_file(&run, "/proc/self/nothing/x", 0644, "x", 1);
	fake_run(&run);
	assert_int_equal(run.last, WIRE_FAIL);
	assert_int_equal(run.fail.stage, WIRE_STAGE_FILES);
}

static void image_that_ends_early_fails(void **state)
{
	init(ARGV("/bin/true"));
	fake_run_file(&run, inside("/file"), 0644, "x", 1);
	run.image.length = 4000;
	fake_run(&run);
	expect_fail(WIRE_STAGE_FILES, ECONNRESET);
}

static void directories_of_the_user_are_made(void **state)
{
	char work[128], home[128];
	struct stat st;

	init(SH("pwd"));
	snprintf(work, sizeof work, "%s/home/me/work", run.directory);
	snprintf(home, sizeof home, "%s/home/me", run.directory);
	run.workdir = work;
	run.home = home;
	if (getuid() == 0)
		run.job.uid = run.job.gid = 1234;
	chmod(run.directory, 0711);
	fake_run_file(&run, inside("/home/me/work/deep/file"), 0644, "x", 1);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	assert_int_equal(stat(inside("/home"), &st), 0);
	assert_int_equal(st.st_uid, getuid());
	assert_int_equal(stat(home, &st), 0);
	assert_int_equal(st.st_uid, run.job.uid);
	assert_int_equal(stat(work, &st), 0);
	assert_int_equal(st.st_uid, run.job.uid);
	assert_int_equal(stat(inside("/home/me/work/deep"), &st), 0);
	assert_int_equal(st.st_uid, getuid());
}

static void working_directory_that_is_a_file_fails(void **state)
{
	char work[128];

	init(SH("pwd"));
	snprintf(work, sizeof work, "%s/file", run.directory);
	run.workdir = work;
	fake_run_file(&run, work, 0644, "x", 1);
	fake_run(&run);
	expect_fail(WIRE_STAGE_WORKDIR, ENOTDIR);
}

/* ---- malformed jobs ---- */

static void frame_of_job_with_link(struct bytes *frame)
{
	init(ARGV("/bin/true"));
	fake_run_symlink(&run, inside("/link"), "target");
	fake_run_frame(&run, frame);
	cleanup(NULL);
}

/* The frame announces what is there, and the job in it is short. */
static void job_cut_at_any_byte_is_refused(void **state)
{
	struct bytes frame = {0};

	frame_of_job_with_link(&frame);
	for (size_t cut = sizeof(struct wire_frame); cut<frame.length; cut += cut + 300> frame.length ? 1 : 41) {
		struct wire_frame head = {WIRE_JOB, (uint32_t)(cut - sizeof head)};

		init(ARGV("/bin/true"));
		bytes_add(&run.frame, frame.data, cut);
		memcpy(run.frame.data, &head, sizeof head);
		fake_run(&run);
		expect_fail(WIRE_STAGE_JOB, EPROTO);
		cleanup(NULL);
	}
	free(frame.data);
	init(ARGV("/bin/true"));
}

/* The stream ends inside the frame: nobody is left to be told. */
static void stream_cut_at_any_byte_ends_the_agent(void **state)
{
	struct bytes frame = {0};

	frame_of_job_with_link(&frame);
	for (size_t cut = 1; cut < frame.length; cut += cut < 16 || cut + 32 > frame.length ? 1 : 29) {
		init(ARGV("/bin/true"));
		bytes_add(&run.frame, frame.data, cut);
		run.end_control = true;
		fake_run(&run);
		assert_int_equal(run.last, 0);
		assert_false(run.started);
		assert_true(WIFEXITED(run.status));
		cleanup(NULL);
	}
	free(frame.data);
	init(ARGV("/bin/true"));
}

static void expect_refused_header(const struct wire_frame *head)
{
	init(ARGV("/bin/true"));
	bytes_add(&run.frame, head, sizeof *head);
	fake_run(&run);
	expect_fail(WIRE_STAGE_JOB, EPROTO);
}

static void other_first_frames_are_refused(void **state)
{
	expect_refused_header(&(struct wire_frame){WIRE_JOB, WIRE_FRAME_MAX + 1});
	cleanup(state);
	expect_refused_header(&(struct wire_frame){WIRE_JOB, UINT32_MAX});
	cleanup(state);
	expect_refused_header(&(struct wire_frame){WIRE_SIGNAL, 4});
	cleanup(state);
	expect_refused_header(&(struct wire_frame){0, 0});
}

static void other_version_is_refused(void **state)
{
	init(ARGV("/bin/true"));
	run.job.version = WIRE_VERSION + 1;
	fake_run(&run);
	expect_fail(WIRE_STAGE_JOB, EPROTONOSUPPORT);
}

static void job_in_single_bytes_arrives(void **state)
{
	init(ARGV("/bin/echo", "hello"));
	run.chunk = 1;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("hello\n");
}

/* ---- terminal ---- */

static void init_tty(const char *script)
{
	static const char *argv[] = {"/bin/sh", "-c", NULL, NULL};

	argv[2] = script;
	init(argv);
	memset(run.job.stdio, WIRE_STDIO_TTY, 3);
	run.job.rows = 25;
	run.job.cols = 77;
}

static void program_gets_a_terminal(void **state)
{
	init_tty("test -t 0 && test -t 1 && test -t 2 && stty size && stty size < /dev/tty && exit 3");
	run.keep_input_open = true;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 3);
	expect_output("25 77\r\n25 77\r\n");
}

static void terminal_carries_input_and_its_end(void **state)
{
	init_tty("stty -echo; echo ready; cat; echo end");
	bytes_add(&run.input, "line\nhalf", 9);
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	bytes_add(&run.output, "", 1);
	assert_non_null(strstr(run.output.data, "line\r\n"));
	assert_non_null(strstr(run.output.data, "halfend\r\n"));
}

static void terminal_output_is_complete(void **state)
{
	init_tty("i=0; while [ $i -lt 20000 ]; do echo abcdefgh; i=$((i+1)); done");
	run.keep_input_open = true;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	assert_int_equal(run.output.length, 20000 * 10);
}

static void control_c_interrupts(void **state)
{
	init_tty("trap 'echo caught; exit 4' INT; echo ready; while :; do sleep 0.01; done");
	run.cue = "ready\r\n";
	add_signal(&run.on_cue, SIGINT);
	run.keep_input_open = true;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 4);
	bytes_add(&run.output, "", 1);
	assert_non_null(strstr(run.output.data, "caught"));
}

static void window_size_changes(void **state)
{
	struct {
		struct wire_frame head;
		struct wire_winsize size;
	} resize = {{WIRE_WINSIZE, sizeof(struct wire_winsize)}, {.rows = 50, .cols = 132}};

	init_tty("trap 'stty size; exit 0' WINCH; echo ready; while :; do sleep 0.01; done");
	run.cue = "ready\r\n";
	bytes_add(&run.on_cue, &resize, sizeof resize);
	run.keep_input_open = true;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("ready\r\n50 132\r\n");
}

static void background_child_on_the_terminal_does_not_hold_up(void **state)
{
	init_tty("trap '' HUP; sleep 1000 & echo bye");
	run.keep_input_open = true;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
	expect_output("bye\r\n");
}

static void endless_writer_on_the_terminal_does_not_hold_up(void **state)
{
	init_tty("trap '' HUP; yes & sleep 0.1");
	run.keep_input_open = true;
	fake_run(&run);
	expect_exit(WIRE_END_EXITED, 0);
}

#define TEST(name) cmocka_unit_test_teardown(name, cleanup)

/* test_agent [PATTERN]: the tests whose names match */
int main(int argc, char **argv)
{
	if (argc > 1)
		cmocka_set_test_filter(argv[1]);
	const struct CMUnitTest tests[] = {
	    TEST(exit_status_is_reported),
	    TEST(death_by_signal_is_reported),
	    TEST(missing_program_fails_with_its_path),
	    TEST(file_that_is_no_program_fails),
	    TEST(missing_interpreter_fails),
	    TEST(arguments_environment_and_directory_arrive),
	    TEST(nothing_but_standard_streams_is_open),
	    TEST(signals_are_at_their_defaults),
	    TEST(streams_block),
	    TEST(limits_are_set),
	    TEST(other_user_is_taken_on),
	    TEST(two_mebibytes_of_arguments_arrive),
	    TEST(many_arguments_arrive),
	    TEST(input_reaches_the_program_and_ends),
	    TEST(output_and_errors_are_apart_and_complete),
	    TEST(errors_can_go_to_output_in_order),
	    TEST(closed_streams_are_closed),
	    TEST(all_streams_closed),
	    TEST(null_streams_are_dev_null),
	    TEST(program_that_stops_reading_closes_input),
	    TEST(closed_output_kills_the_writer),
	    TEST(background_children_do_not_hold_up_the_end),
	    TEST(orphans_are_no_confusion),
	    TEST(signals_are_forwarded),
	    TEST(several_signals_in_one_packet),
	    TEST(signal_behind_the_job_waits_for_the_program),
	    TEST(runner_that_goes_away_ends_everything),
	    TEST(bad_control_frames_end_the_run),
	    TEST(files_of_all_sizes_arrive),
	    TEST(files_arrive_in_odd_pieces),
	    TEST(static_program_is_sent_and_run),
	    TEST(script_is_sent_and_run),
	    TEST(symlinks_and_directories_are_made),
	    TEST(existing_files_are_replaced),
	    TEST(links_to_directories_that_come_later_are_followed),
	    TEST(links_in_a_circle_fail),
	    TEST(file_that_cannot_be_made_fails_with_its_path),
	    TEST(image_that_ends_early_fails),
	    TEST(directories_of_the_user_are_made),
	    TEST(working_directory_that_is_a_file_fails),
	    TEST(job_cut_at_any_byte_is_refused),
	    TEST(stream_cut_at_any_byte_ends_the_agent),
	    TEST(other_first_frames_are_refused),
	    TEST(other_version_is_refused),
	    TEST(job_in_single_bytes_arrives),
	    TEST(program_gets_a_terminal),
	    TEST(terminal_carries_input_and_its_end),
	    TEST(terminal_output_is_complete),
	    TEST(control_c_interrupts),
	    TEST(window_size_changes),
	    TEST(endless_writer_on_the_terminal_does_not_hold_up),
	    TEST(background_child_on_the_terminal_does_not_hold_up),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
