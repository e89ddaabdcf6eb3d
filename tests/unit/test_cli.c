/* SPDX-License-Identifier: Apache-2.0
 * The command line: what is accepted, and that each refusal names the option and the value.
 * sources: runner/cli.c runner/options.c runner/syscalls.c runner/profile.c runner/profile_find.c runner/profile_print.c runner/builtin_profiles.S
 * runner/shares.c runner/rootfs.c runner/help.c runner/units.c runner/error.c
 * libs: -lyaml
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/check.h"
#include "runner/cli.h"
#include "runner/help.h"
#include "runner/run.h"

#define WORDS_MAX 48

static const struct run_spec *ran;
static int checked = -1;

int run_command(const struct run_spec *spec, struct error *error)
{
	ran = spec;
	return 7;
}

int check_command(unsigned verbose, bool json)
{
	checked = (int)verbose + (json ? 100 : 0);
	return 0;
}

static struct command command;
static struct error error;

/* Parses "sandbox WORD..."; words are separated by single spaces. */
static int parse(const char *line)
{
	static char copy[1024];
	static char *argv[WORDS_MAX];
	int argc = 0;
	command_free(&command);
	error = (struct error){0};
	argv[argc++] = "sandbox";
	strcpy(copy, line);
	for (char *word = strtok(copy, " "); word; word = strtok(NULL, " "))
		argv[argc++] = word;
	argv[argc] = NULL;
	return cli_parse(argc, argv, &command, &error);
}

static void accept_line(const char *line)
{
	if (parse(line))
		fail_msg("%s: %s", line, error.text);
}

static void refuse(const char *line, const char *first, const char *second)
{
	if (!parse(line))
		fail_msg("%s: accepted", line);
	assert_int_equal(error.status, STATUS_RUNNER);
	if (!strstr(error.text, first) || !strstr(error.text, second) || !strstr(error.text, "help'"))
		fail_msg("%s: %s", line, error.text);
}

static uint32_t current_umask(void)
{
	mode_t mask = umask(0);
	umask(mask);
	return mask;
}

static void defaults(void **state)
{
	accept_line("run ./hello");
	const struct run_spec *run = &command.run;
	assert_string_equal(run->program, "./hello");
	assert_int_equal(run->argc, 1);
	assert_int_equal(run->memory_bytes, 512 << 20);
	assert_int_equal(run->timeout_ns, 0);
	assert_int_equal(run->cpus, 1);
	assert_int_equal(run->uid, geteuid());
	assert_int_equal(run->gid, getegid());
	assert_int_equal(run->umask, current_umask());
	assert_int_equal(run->privilege, PRIVILEGE_AUTO);
	assert_string_equal(run->hostname, "sandbox");
	assert_null(run->workdir);
	assert_int_equal(run->env_count, 0);
	assert_false(run->stats || run->trace || run->tty || run->verbose);
}

static void all_options(void **state)
{
	accept_line("run --memory 1.5G --timeout=250ms -e A=1 --env B -eC= -w /srv/x --user 7:8 --hostname a-b.c "
		    "--stats=s.json "
		    "-tv --verbose --privilege flat --cpus 16 --trace=t --trace-only openat,read -- -odd --memory 1");
	const struct run_spec *run = &command.run;
	assert_int_equal(run->memory_bytes, 3ull << 29);
	assert_int_equal(run->timeout_ns, 250000000);
	assert_int_equal(run->env_count, 3);
	assert_string_equal(run->env[0], "A=1");
	assert_string_equal(run->env[1], "B");
	assert_string_equal(run->env[2], "C=");
	assert_string_equal(run->workdir, "/srv/x");
	assert_int_equal(run->uid, 7);
	assert_int_equal(run->gid, 8);
	assert_string_equal(run->hostname, "a-b.c");
	assert_true(run->stats && run->trace && run->tty);
	assert_string_equal(run->stats_file, "s.json");
	assert_string_equal(run->trace_file, "t");
	assert_string_equal(run->trace_only, "openat,read");
	assert_int_equal(run->verbose, 2);
	assert_int_equal(run->privilege, PRIVILEGE_FLAT);
	assert_int_equal(run->cpus, 16);
	assert_string_equal(run->program, "-odd");
	assert_int_equal(run->argc, 3);
	assert_string_equal(run->argv[1], "--memory");
}

static void options_end_at_the_program(void **state)
{
	accept_line("run -v prog -v --memory x --help");
	assert_int_equal(command.run.verbose, 1);
	assert_int_equal(command.run.argc, 5);
	assert_null(command.help);
	accept_line("run -- -v");
	assert_string_equal(command.run.program, "-v");
	assert_int_equal(command.run.verbose, 0);
	accept_line("run -");
	assert_string_equal(command.run.program, "-");
}

static void optional_values_need_an_equals_sign(void **state)
{
	accept_line("run --stats file --trace");
	assert_string_equal(command.run.program, "file");
	assert_true(command.run.stats);
	assert_null(command.run.stats_file);
	assert_false(command.run.trace);
	refuse("run --stats= x", "--stats", "names no file");
}

static void the_last_of_an_option_counts(void **state)
{
	accept_line("run --memory 64M --memory 128M --user 5 --user 6:7 --user 8 x");
	assert_int_equal(command.run.memory_bytes, 128 << 20);
	assert_int_equal(command.run.uid, 8);
	assert_int_equal(command.run.gid, 8);
}

static void memory_is_rounded_up_to_whole_large_pages(void **state)
{
	accept_line("run --memory 17M x");
	assert_int_equal(command.run.memory_bytes, 18 << 20);
	accept_line("run --memory 64G x");
	assert_int_equal(command.run.memory_bytes, 64ull << 30);
}

static void bad_values_are_named(void **state)
{
	static const char *const bad[][3] = {
	    {"run --memory 12Q x", "--memory", "'12Q'"},
	    {"run --memory 0 x", "--memory", "out of range"},
	    {"run --memory 15M x", "--memory", "16M"},
	    {"run --memory 65G x", "--memory", "64G"},
	    {"run --memory 99999999999999999999 x", "--memory", "99999999999999999999"},
	    {"run --memory=-1 x", "--memory", "'-1'"},
	    {"run --timeout 0 x", "--timeout", "out of range"},
	    {"run --timeout 5q x", "--timeout", "'5q'"},
	    {"run --timeout 366d x", "--timeout", "365d"},
	    {"run --cpus 0 x", "--cpus", "'0'"},
	    {"run --cpus 17 x", "--cpus", "'17'"},
	    {"run --cpus two x", "--cpus", "'two'"},
	    {"run -e =1 x", "-e", "'=1'"},
	    {"run --env= x", "--env", "name"},
	    {"run -w srv x", "-w", "absolute"},
	    {"run --workdir /a/../b x", "--workdir", "'/a/../b'"},
	    {"run --workdir /a/. x", "--workdir", "component"},
	    {"run --user root x", "--user", "'root'"},
	    {"run --user 1: x", "--user", "'1:'"},
	    {"run --user 4294967295 x", "--user", "4294967294"},
	    {"run --user 1:2:3 x", "--user", "'1:2:3'"},
	    {"run --hostname a_b x", "--hostname", "'a_b'"},
	    {"run --hostname -a x", "--hostname", "'-a'"},
	    {"run --privilege ring0 x", "--privilege", "'ring0'"},
	    {"run --trace-only Read x", "--trace-only", "'Read'"},
	    {"run --trace-only read, x", "--trace-only", "'read,'"},
	    {"run --memory", "--memory", "needs a value"},
	    {"run -e", "-e", "needs a value"},
	};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		refuse(bad[i][0], bad[i][1], bad[i][2]);
}

static void unknown_words_are_named(void **state)
{
	refuse("run --mem 1G x", "--mem", "unknown option");
	refuse("run --memoryx=1 x", "--memoryx=1", "unknown option");
	refuse("run -q x", "-q", "unknown option");
	refuse("run -vq x", "-vq", "unknown option");
	refuse("run --tty=1 x", "--tty=1", "takes no value");
	refuse("run", "run", "no PROGRAM");
	refuse("run -v", "run", "no PROGRAM");
	refuse("start x", "start", "unknown command");
	refuse("./x", "./x", "sandbox run ./x");
	refuse("--frob", "--frob", "unknown option");
	refuse("check now", "now", "unexpected");
	refuse("version -v", "-v", "unknown option");
	refuse("help frob", "frob", "unknown command");
	refuse("", "no command", "sandbox run");
}

static void help_is_found(void **state)
{
	static const struct {
		const char *line, *text;
	} rows[] = {{"--help", help_main},	 {"-h", help_main},
		    {"help", help_main},	 {"help run", help_run},
		    {"run --help", help_run},	 {"run -h x", help_run},
		    {"run -v --help", help_run}, {"check --help", help_check},
		    {"help check", help_check},	 {"version --help", help_version}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		accept_line(rows[i].line);
		assert_ptr_equal(command.help, rows[i].text);
	}
}

static void help_names_every_option_of_run(void **state)
{
	static const char *const names[] = {
	    "--memory",	     "--cpus",		"--timeout",   "--env",		  "--workdir",
	    "--user",	     "--hostname",	"--tty",       "--stats",	  "--trace",
	    "--trace-only",  "--verbose",	"--privilege", "--help",	  "--ro",
	    "--rw",	     "--tmpfs",		"--profile",   "--print-profile", "--allow-read",
	    "--allow-write", "--allow-syscall", "--record"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		assert_non_null(strstr(help_run, names[i]));
}

static const char *profile_file(const char *text)
{
	static char name[] = "/tmp/test_cli.XXXXXX.yaml";
	int fd;
	strcpy(name, "/tmp/test_cli.XXXXXX.yaml");
	fd = mkstemps(name, 5);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
	return name;
}

static void the_command_line_overrides_profiles_wherever_they_stand(void **state)
{
	const char *name = profile_file("memory: 64M\ncpus: 3\nenv: A=1\nro: /usr\n");
	char line[200];
	snprintf(line, sizeof(line), "run --memory 32M -e B=2 --rw /usr --profile %s x", name);
	const struct run_spec *run = &command.run;
	accept_line(line);
	unlink(name);
	assert_int_equal(run->memory_bytes, 32 << 20);
	assert_int_equal(run->cpus, 3);
	assert_int_equal(run->env_count, 2);
	assert_string_equal(run->env[0], "A=1");
	assert_string_equal(run->env[1], "B=2");
	assert_int_equal(run->mount_count, 1);
	assert_int_equal(run->mount[0].kind, SPEC_RW);
}

static void a_profile_is_refused_with_its_line(void **state)
{
	const char *name = profile_file("memory: 64M\nmemroy: 1G\n");
	char line[200];
	snprintf(line, sizeof(line), "run --profile %s x", name);
	assert_int_equal(parse(line), -1);
	unlink(name);
	assert_non_null(strstr(error.text, ":2: memroy: unknown key"));
	assert_non_null(strstr(error.text, name));
}

static void a_profile_is_printed_without_a_program(void **state)
{
	accept_line("run --memory 64M --print-profile");
	assert_true(command.print_profile);
	accept_line("run --print-profile --memory 64M x");
}

static void records_begin_with_the_options(void **state)
{
	const struct run_spec *run = &command.run;
	accept_line("run --memory 64M --stats=s --allow-read /x --record /tmp/r x");
	assert_string_equal(run->record_file, "/tmp/r");
	assert_non_null(strstr(run->record_head, "memory: 64M\n"));
	assert_null(strstr(run->record_head, "allow-read"));
	assert_null(strstr(run->record_head, "stats"));
}

static void commands_are_called(void **state)
{
	accept_line("run x");
	assert_int_equal(cli_execute(&command, &error), 7);
	assert_ptr_equal(ran, &command.run);
	accept_line("check -vv --json");
	assert_int_equal(cli_execute(&command, &error), 0);
	assert_int_equal(checked, 102);
	accept_line("--version");
	assert_string_equal(error.text, "");
}

static void messages_have_one_form(void **state)
{
	int pipe_ends[2], saved = dup(2);
	char text[256] = "";
	assert_int_equal(pipe(pipe_ends), 0);
	dup2(pipe_ends[1], 2);
	error_set(&error, STATUS_RUNNER, "file \033[2J\n%s", "x");
	cli_complain(&error);
	dup2(saved, 2);
	close(saved);
	assert_true(read(pipe_ends[0], text, sizeof(text) - 1) > 0);
	assert_string_equal(text, "sandbox: file ?[2J?x\n");
	close(pipe_ends[0]);
	close(pipe_ends[1]);
}

static const struct spec_mount *mount(unsigned index)
{
	assert_true(index < command.run.mount_count);
	return &command.run.mount[index];
}

static void mounts_come_by_depth(void **state)
{
	accept_line("run --tmpfs /a/b/c:1M --rw /usr/lib --ro / --ro /etc:/a//b/ true");
	assert_int_equal(command.run.mount_count, 4);
	assert_string_equal(mount(0)->guest, "/");
	assert_string_equal(mount(0)->host, "/");
	assert_int_equal(mount(0)->kind, SPEC_RO);
	assert_string_equal(mount(1)->guest, "/usr/lib");
	assert_int_equal(mount(1)->kind, SPEC_RW);
	assert_string_equal(mount(2)->guest, "/a/b");
	assert_string_equal(mount(2)->host, "/etc");
	assert_string_equal(mount(3)->guest, "/a/b/c");
	assert_null(mount(3)->host);
	assert_int_equal(mount(3)->size, 1 << 20);
}

static void colons_of_names_are_escaped(void **state)
{
	accept_line("run --ro /a\\:b:/c\\:d --ro /x\\\\y --ro /n\\o true");
	assert_string_equal(mount(0)->host, "/a:b");
	assert_string_equal(mount(0)->guest, "/c:d");
	assert_string_equal(mount(1)->guest, "/x\\y");
	assert_string_equal(mount(2)->guest, "/n\\o");
}

static void a_relative_host_path_becomes_absolute(void **state)
{
	char cwd[4096];
	assert_non_null(getcwd(cwd, sizeof(cwd)));
	accept_line("run --rw . --ro ./tests:/t true");
	assert_string_equal(mount(1)->guest, cwd);
	assert_string_equal(mount(0)->host, "./tests");
}

static void wrong_mounts_are_refused(void **state)
{
	refuse("run --ro", "--ro", "value");
	refuse("run --ro= true", "--", "names no path");
	refuse("run --ro /usr: true", "--", "not absolute");
	refuse("run --ro /usr:usr true", "--", "not absolute");
	refuse("run --ro /usr:/a/../b true", "--", "`..`");
	refuse("run --ro /usr:/a:/b true", "--", "more than one `:`");
	refuse("run --rw ./nowhere/at/all true", "--", "cannot be found");
	refuse("run --ro /usr --tmpfs /usr/ true", "--", "given before");
	refuse("run --ro /x:/proc/sys true", "--", "/dev, /proc or /sys");
	refuse("run --tmpfs / true", "--", "root");
	refuse("run --tmpfs /a:0 true", "--", "SIZE");
	refuse("run --tmpfs /a:1X true", "--", "SIZE");
	refuse("run --tmpfs a true", "--", "not absolute");
	refuse("run --ro /1 --ro /2 --ro /3 --ro /4 --ro /5 --ro /6 --ro /7 --ro /8 --ro /9 --tmpfs /10 --tmpfs /11 "
	       "--tmpfs /12 "
	       "--tmpfs /13 --tmpfs /14 --rw /15 --rw /16 --rw /17 true",
	       "--rw", "one too many");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(defaults),
	    cmocka_unit_test(all_options),
	    cmocka_unit_test(options_end_at_the_program),
	    cmocka_unit_test(optional_values_need_an_equals_sign),
	    cmocka_unit_test(the_last_of_an_option_counts),
	    cmocka_unit_test(memory_is_rounded_up_to_whole_large_pages),
	    cmocka_unit_test(bad_values_are_named),
	    cmocka_unit_test(unknown_words_are_named),
	    cmocka_unit_test(help_is_found),
	    cmocka_unit_test(help_names_every_option_of_run),
	    cmocka_unit_test(the_command_line_overrides_profiles_wherever_they_stand),
	    cmocka_unit_test(a_profile_is_refused_with_its_line),
	    cmocka_unit_test(a_profile_is_printed_without_a_program),
	    cmocka_unit_test(records_begin_with_the_options),
	    cmocka_unit_test(commands_are_called),
	    cmocka_unit_test(messages_have_one_form),
	    cmocka_unit_test(mounts_come_by_depth),
	    cmocka_unit_test(colons_of_names_are_escaped),
	    cmocka_unit_test(a_relative_host_path_becomes_absolute),
	    cmocka_unit_test(wrong_mounts_are_refused),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	command_free(&command);
	return failed;
}
