/* SPDX-License-Identifier: Apache-2.0
 * Profiles: what is accepted, that each refusal names file, line and key, and that what is printed reads back the same.
 * sources: runner/options.c runner/syscalls.c runner/profile.c runner/profile_find.c runner/profile_print.c runner/builtin_profiles.S
 * runner/shares.c runner/rootfs.c runner/units.c runner/error.c
 * libs: -lyaml
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "runner/profile.h"

static struct command command;
static struct error error;

static int begin(void **state)
{
	command = (struct command){0};
	error = (struct error){0};
	options_defaults(&command.run);
	return 0;
}

static int end(void **state)
{
	options_free(&command);
	return 0;
}

static int parse(const char *text)
{
	return profile_parse(&command, "p.yaml", text, strlen(text), &error);
}

static void accept(const char *text)
{
	if (parse(text))
		fail_msg("refused: %s\n%s", error.text, text);
}

static void refuse(const char *text, const char *start, const char *word)
{
	begin(NULL);
	if (!parse(text))
		fail_msg("accepted: %s", text);
	if (strncmp(error.text, start, strlen(start)) || !strstr(error.text, word))
		fail_msg("'%s' does not begin with '%s' or has no '%s'", error.text, start, word);
	assert_int_equal(error.status, STATUS_RUNNER);
	end(NULL);
}

static char *printed(void)
{
	static char text[65536];
	struct buffer out = {0};
	if (profile_print(&command, &out, &error))
		fail_msg("%s", error.text);
	assert_true(out.length < sizeof(text));
	memcpy(text, out.data, out.length);
	text[out.length] = 0;
	buffer_free(&out);
	return text;
}

static void every_kind_of_value(void **state)
{
	accept("# comment\n"
	       "memory: 1G\ncpus: 2\ntimeout: \"90s\"\n"
	       "env: [A=1, 'B', \"C=x\\ty\"]\n"
	       "ro: /usr\nrw:\n  - /srv:/data\n  - /opt\n"
	       "tmpfs: /tmp:64M\nuser: \"7:8\"\ntty: true\nstats: run.json\ntrace: true\n");
	const struct run_spec *run = &command.run;
	assert_int_equal(run->memory_bytes, 1u << 30);
	assert_int_equal(run->cpus, 2);
	assert_int_equal(run->timeout_ns, 90000000000ull);
	assert_int_equal(run->env_count, 3);
	assert_string_equal(run->env[2], "C=x\ty");
	assert_int_equal(run->mount_count, 4);
	assert_int_equal(run->uid, 7);
	assert_int_equal(run->gid, 8);
	assert_true(run->tty && run->stats && run->trace);
	assert_string_equal(run->stats_file, "run.json");
	assert_null(run->trace_file);
}

static void a_file_without_keys(void **state)
{
	accept("");
	accept("# nothing\n");
	assert_int_equal(command.taken.count, 0);
}

static void false_is_as_if_it_were_not_there(void **state)
{
	accept("tty: false\nstats: false\n");
	assert_false(command.run.tty || command.run.stats);
	assert_int_equal(command.taken.count, 0);
}

/* Neither true nor false to YAML 1.2, and a name to an option that takes one. */
static void quoted_true_is_text(void **state)
{
	accept("stats: 'true'\n");
	assert_string_equal(command.run.stats_file, "true");
}

static void refusals_name_file_line_and_key(void **state)
{
	static const struct {
		const char *text, *start, *word;
	} row[] = {
	    {"memory: 1G\n\nmemroy: 2G\n", "p.yaml:3: memroy:", "unknown key"},
	    {"Memory: 1G\n", "p.yaml:1: Memory:", "unknown key"},
	    {"memory: 1T\n", "p.yaml:1: memory: '1T'", "out of range"},
	    {"memory: [1G]\n", "p.yaml:1: memory:", "not a list"},
	    {"memory: {a: b}\n", "p.yaml:1: memory:", "plain value"},
	    {"env:\n  - A=1\n  - =x\n", "p.yaml:3: env: '=x'", "has no name"},
	    {"env:\n  - [A]\n", "p.yaml:2: env:", "plain value"},
	    {"env: [{a: b}]\n", "p.yaml:1: env:", "plain value"},
	    {"ro: /a\nrw: /b\nro: /c\n", "p.yaml:3: ro:", "twice"},
	    {"ro: [/a, /a]\n", "p.yaml:1: ro: '/a'", "given before"},
	    {"ro:\n", "p.yaml:1: ro:", "no value"},
	    {"ro: ''\n", "p.yaml:1: ro:", "no value"},
	    {"tty: maybe\n", "p.yaml:1: tty:", "neither true nor false"},
	    {"tty: yes\n", "p.yaml:1: tty:", "neither true nor false"},
	    {"help: true\n", "p.yaml:1: help:", "command line"},
	    {"profile: ci\n", "p.yaml:1: profile:", "command line"},
	    {"print-profile: true\n", "p.yaml:1: print-profile:", "command line"},
	    {"ro: &x /\nrw: *x\n", "p.yaml:1: ro:", "anchor"},
	    {"rw: *x\n", "p.yaml:1: rw:", "alias"},
	    {"ro: !!str /\n", "p.yaml:1: ro:", "tag"},
	    {"env: &x [A]\n", "p.yaml:1: env:", "anchor"},
	    {"? [a, b]\n: c\n", "p.yaml:1: a key:", "plain value"},
	    {"<<: {memory: 1G}\n", "p.yaml:1: <<:", "unknown key"},
	    {"- memory\n", "p.yaml:1: ", "key: value"},
	    {"memory\n", "p.yaml:1: ", "key: value"},
	    {"memory: 1G\n--- \nmemory: 2G\n", "p.yaml:2: ", "more than one"},
	    {"memory: \"1G\n", "p.yaml:2: ", "not a YAML file"},
	    {"env: [\"A=\\0\"]\n", "p.yaml:1: env:", "NUL"},
	    {"env: \xff\n", "p.yaml:1: ", "not a YAML file"},
	    {"\xff\xfe", "p.yaml:1: ", "not a YAML file"},
	    {"%YAML 9.9\n---\n", "p.yaml:", "not a YAML file"},
	};
	for (size_t i = 0; i < sizeof(row) / sizeof(row[0]); i++)
		refuse(row[i].text, row[i].start, row[i].word);
}

static void sizes_are_bounded(void **state)
{
	size_t length = PROFILE_BYTES_MAX + 1;
	char *text = malloc(length + 1);
	assert_non_null(text);
	memset(text, '#', length);
	text[length] = 0;
	assert_int_equal(profile_parse(&command, "p.yaml", text, length, &error), -1);
	assert_non_null(strstr(error.text, "larger than"));
	memset(text, '[', length);
	assert_int_equal(profile_parse(&command, "p.yaml", text, length - 1, &error), -1);
	strcpy(text, "env: [");
	for (size_t at = 6; at < 2 * (PROFILE_VALUES_MAX + 8); at += 2)
		memcpy(text + at, "A,", 3);
	strcat(text, "]");
	assert_int_equal(parse(text), -1);
	assert_non_null(strstr(error.text, "too many"));
	free(text);
}

static void what_is_printed_reads_back_the_same(void **state)
{
	char first[4096];
	accept("memory: 1G\nenv: ['A= \"quoted\" \\ ', \"B=\\u00e4\\n\\x85\\L\", 'true', ' C=x ', '~', 'D: #', "
	       "\"E=\\uFEFF\"]\n"
	       "rw: ['/srv\\:x:/data']\nuser: '1:2'\nstats: 'true'\ntrace: true\ntrace-only: read,write\n");
	strcpy(first, printed());
	end(NULL);
	begin(NULL);
	accept(first);
	assert_string_equal(printed(), first);
	assert_string_equal(command.run.env[1], "B=\xc3\xa4\n\xc2\x85\xe2\x80\xa8");
	assert_string_equal(command.run.stats_file, "true");
	assert_null(command.run.trace_file);
}

static void what_is_not_utf8_cannot_be_printed(void **state)
{
	struct buffer out = {0};
	static const char *const bad[] = {"A=\xff", "A=\xc0\xaf", "A=\xed\xa0\x80", "A=\xf4\x90\x80\x80", "A=\xe2\x82"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
		end(NULL);
		begin(NULL);
		assert_null(options_take(&command, options_find(options_run, "env", 3), bad[i]));
		assert_int_equal(profile_print(&command, &out, &error), -1);
		assert_non_null(strstr(error.text, "UTF-8"));
	}
	buffer_free(&out);
}

static void a_later_source_overrides(void **state)
{
	command.run.source = 1;
	accept("memory: 1G\nro: [/, /usr]\nenv: A=1\n");
	command.run.source = 2;
	accept("memory: 2G\nrw: /usr\nenv: B=1\n");
	assert_int_equal(command.run.memory_bytes, 2ull << 30);
	assert_int_equal(command.run.mount_count, 2);
	assert_int_equal(command.run.mount[1].kind, SPEC_RW);
	assert_int_equal(command.run.env_count, 2);
	const char *text = printed();
	assert_non_null(strstr(text, "memory: 2G\n"));
	assert_non_null(strstr(text, "ro:\n  - /\nrw:\n  - /usr\n"));
}

static void shipped_profiles_are_there(void **state)
{
	static const char *const names[] = {"ci", "function", "strict"};
	setenv("HOME", "/nowhere", 1);
	unsetenv("XDG_CONFIG_HOME");
	for (size_t i = 0; i < 3; i++) {
		end(NULL);
		begin(NULL);
		if (profile_load(&command, names[i], &error))
			fail_msg("%s", error.text);
		assert_true(command.taken.count > 2);
	}
}

static void a_users_own_profile_comes_first(void **state)
{
	char top[] = "/tmp/test_profile.XXXXXX", path[300];
	assert_non_null(mkdtemp(top));
	snprintf(path, sizeof(path), "%s/sandbox", top);
	mkdir(path, 0700);
	strcat(path, "/profiles");
	mkdir(path, 0700);
	strcat(path, "/ci.yaml");
	FILE *file = fopen(path, "w");
	assert_non_null(file);
	fputs("memory: 77M\n", file);
	fclose(file);
	setenv("XDG_CONFIG_HOME", top, 1);
	assert_int_equal(profile_load(&command, "ci", &error), 0);
	assert_int_equal(command.run.memory_bytes, 78ull << 20);
	unsetenv("XDG_CONFIG_HOME");
	unlink(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	*strrchr(path, '/') = 0;
	rmdir(path);
	rmdir(top);
}

static void names_that_are_not_there(void **state)
{
	static const char *const names[] = {"nosuch", "./nosuch", "nosuch.yaml", "..", "a b", ""};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		error.text[0] = 0;
		assert_int_equal(profile_load(&command, names[i], &error), -1);
		assert_non_null(strstr(error.text, "--profile"));
		assert_non_null(strstr(error.text, names[i]));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(every_kind_of_value, begin, end),
	    cmocka_unit_test_setup_teardown(a_file_without_keys, begin, end),
	    cmocka_unit_test_setup_teardown(false_is_as_if_it_were_not_there, begin, end),
	    cmocka_unit_test_setup_teardown(quoted_true_is_text, begin, end),
	    cmocka_unit_test(refusals_name_file_line_and_key),
	    cmocka_unit_test_setup_teardown(sizes_are_bounded, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_printed_reads_back_the_same, begin, end),
	    cmocka_unit_test_setup_teardown(what_is_not_utf8_cannot_be_printed, begin, end),
	    cmocka_unit_test_setup_teardown(a_later_source_overrides, begin, end),
	    cmocka_unit_test_setup_teardown(shipped_profiles_are_there, begin, end),
	    cmocka_unit_test_setup_teardown(a_users_own_profile_comes_first, begin, end),
	    cmocka_unit_test_setup_teardown(names_that_are_not_there, begin, end),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
