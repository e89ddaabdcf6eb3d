/* SPDX-License-Identifier: Apache-2.0
 * The closure of programs: against ldd(1) on what Debian has, and against fixtures that the compiler makes here. The
 * proof that a closure is complete: the program runs in a chroot that holds nothing else.
 * sources: runner/closure.c runner/libraries.c runner/walk.c runner/elf.c runner/ldcache.c runner/file_window.c runner/environment.c runner/units.c runner/error.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "runner/closure.h"

extern char **environ;
static char work[64]; /* directory of the fixtures */

/* --- helpers --- */

struct run {
	struct run_spec spec;
	struct environment environment;
	struct closure closure;
	struct error error;
	int result;
};

static struct run *build_with(const char *program, const char *variable)
{
	static struct run run;
	static const char *variables[1];
	static char *argv[2];
	argv[0] = (char *)program;
	variables[0] = variable;
	run = (struct run){.spec = {.program = program,
				    .argv = argv,
				    .argc = 1,
				    .memory_bytes = SPEC_MEMORY_DEFAULT,
				    .env = variables,
				    .env_count = variable ? 1 : 0,
				    .hostname = "x",
				    .cpus = 1}};
	assert_int_equal(environment_build(&run.spec, environ, &run.environment, &run.error), 0);
	run.result = closure_build(&run.spec, &run.environment, &run.closure, &run.error);
	return &run;
}

static struct run *build(const char *program)
{
	return build_with(program, NULL);
}

static void drop(struct run *run)
{
	closure_free(&run->closure);
	environment_free(&run->environment);
}

static struct run *must_build(const char *program)
{
	struct run *run = build(program);
	if (run->result)
		fail_msg("%s: %s", program, run->error.text);
	return run;
}

static void must_fail(const char *program, int status, const char *part)
{
	struct run *run = build(program);
	assert_int_equal(run->result, -1);
	if (run->error.status != status || !strstr(run->error.text, part))
		fail_msg("%s: status %d, text: %s", program, run->error.status, run->error.text);
	drop(run);
}

static const char *in_work(const char *name)
{
	static char paths[4][256];
	static unsigned next;
	char *path = paths[next++ % 4];
	snprintf(path, sizeof(paths[0]), "%s/%s", work, name);
	return path;
}

static const struct closure_entry *entry_of(const struct closure *closure, const char *path)
{
	for (size_t i = 0; i < closure->count; i++)
		if (!strcmp(closure->entries[i].path, path))
			return &closure->entries[i];
	return NULL;
}

static size_t regular_count(const struct closure *closure)
{
	size_t count = 0;
	for (size_t i = 0; i < closure->count; i++)
		count += closure->entries[i].kind == WIRE_FILE_REGULAR;
	return count;
}

static void shell(const char *format, ...)
{
	char command[2048];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof(command), format, args);
	va_end(args);
	if (system(command))
		fail_msg("failed: %s", command);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
}

/* Every entry once, absolute, with all parents real; regular files open, and their size known. */
static void check_shape(const struct closure *closure)
{
	for (size_t i = 0; i < closure->count; i++) {
		const struct closure_entry *entry = &closure->entries[i];
		assert_ptr_equal(entry_of(closure, entry->path), entry);
		assert_int_equal(entry->path[0], '/');
		assert_null(strstr(entry->path, "/../"));
		assert_null(strstr(entry->path, "//"));
		for (size_t k = 0; k < closure->count; k++)
			if (closure->entries[k].kind == WIRE_FILE_SYMLINK && k != i) {
				size_t n = strlen(closure->entries[k].path);
				assert_false(!strncmp(entry->path, closure->entries[k].path, n) &&
					     entry->path[n] == '/');
			}
		if (entry->kind == WIRE_FILE_REGULAR) {
			struct stat stat;
			assert_int_equal(fstat(entry->fd, &stat), 0);
			assert_int_equal(stat.st_size, entry->size);
			assert_true(fcntl(entry->fd, F_GETFD) & FD_CLOEXEC);
			assert_int_equal(entry->mode & ~0777u, 0);
		} else {
			assert_int_equal(entry->fd, -1);
		}
		assert_int_equal(entry->target != NULL, entry->kind == WIRE_FILE_SYMLINK);
	}
}

/* The regular files of the closure are the program and those that ldd names. */
static void compare_with_ldd(const char *program)
{
	char command[256], line[4096], real[PATH_MAX];
	struct run *run = must_build(program);
	check_shape(&run->closure);
	size_t expected = 1;
	snprintf(command, sizeof(command), "ldd %s", program);
	FILE *ldd = popen(command, "r");
	assert_non_null(ldd);
	while (fgets(line, sizeof(line), ldd)) {
		char *path = strchr(line, '/');
		if (!path)
			continue;
		path[strcspn(path, " \n")] = 0;
		assert_non_null(realpath(path, real));
		if (!entry_of(&run->closure, real))
			fail_msg("%s: %s is missing", program, real);
		expected++;
	}
	pclose(ldd);
	expected += entry_of(&run->closure, "/etc/ld.so.cache") != NULL;
	assert_int_equal(regular_count(&run->closure), expected);
	assert_non_null(entry_of(&run->closure, realpath(program, real)));
	drop(run);
}

static void make_parents(const char *path)
{
	char copy[PATH_MAX];
	snprintf(copy, sizeof(copy), "%s", path);
	for (char *at = copy + 1; (at = strchr(at, '/')); at++) {
		*at = 0;
		mkdir(copy, 0755);
		*at = '/';
	}
}

static void unpack(const struct closure *closure, const char *root)
{
	for (size_t i = 0; i < closure->count; i++) {
		const struct closure_entry *entry = &closure->entries[i];
		char path[PATH_MAX];
		snprintf(path, sizeof(path), "%s%s", root, entry->path);
		make_parents(path);
		if (entry->kind == WIRE_FILE_DIRECTORY) {
			mkdir(path, 0755);
		} else if (entry->kind == WIRE_FILE_SYMLINK) {
			assert_int_equal(symlink(entry->target, path), 0);
		} else {
			int fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0700);
			assert_true(fd >= 0);
			off_t offset = 0;
			while ((uint64_t)offset < entry->size)
				assert_true(sendfile(fd, entry->fd, &offset, entry->size - (uint64_t)offset) > 0);
			assert_int_equal(fchmod(fd, entry->mode), 0);
			close(fd);
		}
	}
}

/* Runs the program where only its closure exists; returns its exit status. */
static int run_in_chroot_with(const char *program, char *const argv[], const char *variable)
{
	struct run *run = build_with(program, variable);
	char root[96];
	int status;
	if (run->result)
		fail_msg("%s: %s", program, run->error.text);
	check_shape(&run->closure);
	snprintf(root, sizeof(root), "%s/root.XXXXXX", work);
	assert_non_null(mkdtemp(root));
	unpack(&run->closure, root);
	pid_t child = fork();
	if (child == 0) {
		/* Without /proc, glibc asks this variable for the program's own $ORIGIN. */
		char origin[PATH_MAX + 32] = "LD_ORIGIN_PATH=", *tail = origin + strlen(origin);
		if (!realpath(run->closure.exec_path, tail))
			_exit(97);
		*strrchr(tail, '/') = 0;
		char *environment[] = {"PATH=/usr/local/bin:/usr/bin:/bin", origin, (char *)variable, NULL};
		if ((geteuid() && unshare(CLONE_NEWUSER)) || chroot(root) || chdir("/"))
			_exit(99);
		execve(run->closure.exec_path, argv, environment);
		_exit(98);
	}
	assert_int_equal(waitpid(child, &status, 0), child);
	drop(run);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static int run_in_chroot(const char *program, char *const argv[])
{
	return run_in_chroot_with(program, argv, NULL);
}

/* --- fixtures --- */

static int make_fixtures(void **state)
{
	snprintf(work, sizeof(work), "/tmp/closure.XXXXXX");
	if (!mkdtemp(work) || chdir(work))
		return -1;
	write_file("main.c", "int answer(void); int main(void) { return answer(); }\n", 0600);
	write_file("plain.c", "int main(void) { return 42; }\n", 0600);
	write_file("outer.c", "int inner(void); int answer(void) { return inner(); }\n", 0600);
	write_file("inner.c", "int inner(void) { return 42; }\n", 0600);
	shell("mkdir -p bin lib deep odd && gcc -o static -static plain.c && gcc -o static-pie -static-pie plain.c && "
	      "musl-gcc -o musl plain.c && musl-gcc -static -o musl-static plain.c");
	shell("gcc -shared -fPIC -o deep/libinner.so inner.c && gcc -shared -fPIC -o lib/libouter.so outer.c -Ldeep "
	      "-linner");
	/* RPATH of the program is inherited by libouter, RUNPATH is not. */
	shell("gcc -o bin/rpath main.c -Llib -louter -Wl,--disable-new-dtags,-rpath,'$ORIGIN/../lib:$ORIGIN/../deep' "
	      "-Wl,-rpath-link,deep");
	shell("gcc -o bin/runpath main.c -Llib -louter -Wl,--enable-new-dtags,-rpath,'$ORIGIN/../lib' "
	      "-Wl,-rpath-link,deep");
	shell("gcc -o bin/bare main.c -Llib -louter -Wl,-rpath-link,deep");
	shell("ln -s bin/rpath link && ln -s lib also");
	return 0;
}

static int remove_fixtures(void **state)
{
	char command[128];
	snprintf(command, sizeof(command), "rm -rf '%s'", work);
	return chdir("/") || system(command);
}

/* --- tests --- */

static void debian_programs_need_what_ldd_says(void **state)
{
	static const char *const programs[] = {
	    "/bin/true",    "/bin/bash",    "/usr/bin/python3", "/usr/bin/perl",
	    "/usr/bin/gcc", "/usr/bin/git", "/usr/bin/gdb",	"/usr/bin/qemu-system-x86_64"};
	int compared = 0;
	for (size_t i = 0; i < sizeof(programs) / sizeof(*programs); i++)
		if (!access(programs[i], X_OK)) {
			compare_with_ldd(programs[i]);
			compared++;
		}
	assert_true(compared >= 2);
}

static void programs_run_where_only_their_closure_is(void **state)
{
	assert_int_equal(run_in_chroot("/bin/true", (char *[]){"true", NULL}), 0);
	assert_int_equal(run_in_chroot("/bin/bash", (char *[]){"bash", "-c", "exit 42", NULL}), 42);
	if (!access("/usr/bin/perl", X_OK))
		assert_int_equal(run_in_chroot("/usr/bin/perl", (char *[]){"perl", "-v", NULL}), 0);
	static const char *const fixtures[] = {"static", "static-pie", "musl", "musl-static", "bin/rpath", "link"};
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++)
		assert_int_equal(run_in_chroot(in_work(fixtures[i]), (char *[]){"x", NULL}), 42);
}

static void static_programs_are_one_file(void **state)
{
	static const char *const fixtures[] = {"static", "static-pie", "musl-static"};
	for (size_t i = 0; i < sizeof(fixtures) / sizeof(*fixtures); i++) {
		struct run *run = must_build(in_work(fixtures[i]));
		assert_int_equal(run->closure.count, 1);
		assert_string_equal(run->closure.exec_path, in_work(fixtures[i]));
		drop(run);
	}
}

static void relative_names_count_from_the_current_directory(void **state)
{
	struct run *run = must_build("./bin/../static");
	assert_string_equal(run->closure.exec_path, in_work("static"));
	drop(run);
	run = must_build("./link");
	assert_string_equal(run->closure.exec_path, in_work("link"));
	assert_string_equal(entry_of(&run->closure, in_work("link"))->target, "bin/rpath");
	assert_non_null(entry_of(&run->closure, in_work("bin/rpath")));
	drop(run);
}

static void a_runpath_is_not_inherited(void **state)
{
	must_fail(in_work("bin/runpath"), STATUS_CANNOT_EXEC, "missing library libinner.so, needed by");
	must_fail(in_work("bin/bare"), STATUS_CANNOT_EXEC, "missing library libouter.so, needed by");
}

static void library_path_of_the_guest_counts(void **state)
{
	char variable[256];
	snprintf(variable, sizeof(variable), "LD_LIBRARY_PATH=%s/nowhere:%s/also;%s/deep", work, work, work);
	assert_int_equal(run_in_chroot_with(in_work("bin/bare"), (char *[]){"x", NULL}, variable), 42);
	assert_int_equal(run_in_chroot_with(in_work("bin/runpath"), (char *[]){"x", NULL}, variable), 42);
}

static void preloaded_libraries_come_along(void **state)
{
	char variable[256];
	snprintf(variable, sizeof(variable), "LD_PRELOAD=%s/deep/libinner.so", work);
	struct run *run = build_with("/bin/true", variable);
	assert_int_equal(run->result, 0);
	assert_non_null(entry_of(&run->closure, in_work("deep/libinner.so")));
	drop(run);
	run = build_with("/bin/true", "LD_PRELOAD=libnowhere.so");
	assert_int_equal(run->result, -1);
	assert_non_null(strstr(run->error.text, "libnowhere.so"));
	drop(run);
}

static void variants_for_newer_cpus_go_beside_the_plain_library(void **state)
{
	shell("mkdir -p lib/glibc-hwcaps/x86-64-v2 && cp lib/libouter.so lib/glibc-hwcaps/x86-64-v2/");
	struct run *run = must_build(in_work("bin/rpath"));
	assert_non_null(entry_of(&run->closure, in_work("lib/glibc-hwcaps/x86-64-v2/libouter.so")));
	assert_non_null(entry_of(&run->closure, in_work("lib/libouter.so")));
	drop(run);
	assert_int_equal(run_in_chroot(in_work("bin/rpath"), (char *[]){"x", NULL}), 42);
	shell("rm -r lib/glibc-hwcaps");
}

static void libraries_of_other_machines_are_passed_over(void **state)
{
	char variable[256];
	uint16_t machine = 183; /* aarch64 */
	shell("cp deep/libinner.so odd/");
	int fd = open("odd/libinner.so", O_RDWR);
	assert_int_equal(pwrite(fd, &machine, 2, 18), 2);
	close(fd);
	snprintf(variable, sizeof(variable), "LD_LIBRARY_PATH=%s/odd:%s/lib:%s/deep", work, work, work);
	struct run *run = build_with(in_work("bin/bare"), variable);
	assert_int_equal(run->result, 0);
	assert_null(entry_of(&run->closure, in_work("odd/libinner.so")));
	assert_non_null(entry_of(&run->closure, in_work("deep/libinner.so")));
	drop(run);
}

static void libraries_that_need_each_other_end(void **state)
{
	shell("mkdir -p ring && gcc -shared -fPIC -o ring/liba.so inner.c && "
	      "gcc -shared -fPIC -o ring/libb.so outer.c -Wl,--no-as-needed -Lring -la && "
	      "gcc -shared -fPIC -o ring/liba.so inner.c -Wl,--no-as-needed -Lring -lb && "
	      "gcc -o ring/main plain.c -Wl,--no-as-needed -Lring -la -Wl,--disable-new-dtags,-rpath,'$ORIGIN' "
	      "-Wl,-rpath-link,ring");
	assert_int_equal(run_in_chroot(in_work("ring/main"), (char *[]){"x", NULL}), 42);
}

/* Debian's ld.so finds such a library through /etc/ld.so.cache alone. */
static void the_cache_goes_along_when_it_is_needed(void **state)
{
	char library[PATH_MAX] = "", real[PATH_MAX];
	struct run *run = must_build("/bin/bash");
	assert_null(entry_of(&run->closure, "/etc/ld.so.cache"));
	drop(run);
	FILE *list =
	    popen("/sbin/ldconfig -p | sed -n 's,.*x86-64.* => ,,p' | "
		  "grep -v -e '^/lib/x86_64-linux-gnu/[^/]*$' -e '^/usr/lib/x86_64-linux-gnu/[^/]*$' -e '^/lib64/'",
		  "r");
	assert_non_null(list);
	while (!*library && fgets(library, sizeof(library), list))
		library[strcspn(library, "\n")] = 0;
	pclose(list);
	if (!*library) {
		print_message("no library outside the system's directories on this host\n");
		skip();
	}
	shell("gcc -o cached plain.c -Wl,--no-as-needed,--allow-shlib-undefined '%s'", library);
	run = must_build("./cached");
	assert_non_null(entry_of(&run->closure, "/etc/ld.so.cache"));
	assert_non_null(entry_of(&run->closure, realpath(library, real)));
	drop(run);
	assert_int_equal(run_in_chroot(in_work("cached"), (char *[]){"x", NULL}), 42);
}

static void scripts_bring_their_interpreters(void **state)
{
	write_file("script", "#! /bin/sh -e\nexit 42\n", 0755);
	assert_int_equal(run_in_chroot(in_work("script"), (char *[]){"script", NULL}), 42);
	write_file("by-env", "#!/usr/bin/env bash\nexit 42\n", 0755);
	assert_int_equal(run_in_chroot(in_work("by-env"), (char *[]){"by-env", NULL}), 42);
	write_file("split-env", "#!/usr/bin/env -S A=1 bash -e\nexit 42", 0755);
	assert_int_equal(run_in_chroot(in_work("split-env"), (char *[]){"split-env", NULL}), 42);
	char line[256];
	snprintf(line, sizeof(line), "#!%s/script\n", work);
	write_file("nested", line, 0755);
	struct run *run = must_build(in_work("nested"));
	assert_non_null(entry_of(&run->closure, in_work("script")));
	drop(run);
	write_file("unknown-env", "#!/usr/bin/env no-such-program-here\n", 0755);
	drop(must_build(in_work("unknown-env")));
}

static void bad_scripts_are_refused(void **state)
{
	char line[512];
	write_file("bad", "#!/no/such/interpreter\n", 0755);
	must_fail(in_work("bad"), STATUS_CANNOT_EXEC, "/no/such/interpreter");
	write_file("bad", "#!sh\n", 0755);
	must_fail(in_work("bad"), STATUS_CANNOT_EXEC, "not an absolute path");
	write_file("bad", "#!  \n", 0755);
	must_fail(in_work("bad"), STATUS_CANNOT_EXEC, "names no interpreter");
	memset(line, 'x', sizeof(line));
	memcpy(line, "#!/", 3);
	line[sizeof(line) - 1] = 0;
	write_file("bad", line, 0755);
	must_fail(in_work("bad"), STATUS_CANNOT_EXEC, "256");
	snprintf(line, sizeof(line), "#!%s/loop\n", work);
	write_file("loop", line, 0755);
	must_fail(in_work("loop"), STATUS_CANNOT_EXEC, "in a row");
}

static void what_cannot_run_is_named(void **state)
{
	must_fail("./nowhere", STATUS_NOT_FOUND, "nowhere");
	must_fail("no-such-program-here", STATUS_NOT_FOUND, "PATH");
	must_fail("", STATUS_NOT_FOUND, "empty");
	must_fail("/", STATUS_CANNOT_EXEC, "directory");
	must_fail("./bin", STATUS_CANNOT_EXEC, "directory");
	must_fail("/dev/null", STATUS_CANNOT_EXEC, "not a regular file");
	must_fail("./plain.c/x", STATUS_NOT_FOUND, "no such file");
	write_file("text", "hello\n", 0755);
	must_fail("./text", STATUS_CANNOT_EXEC, "#!/bin/sh");
	write_file("empty", "", 0755);
	must_fail("./empty", STATUS_CANNOT_EXEC, "empty");
	must_fail("./plain.c", STATUS_CANNOT_EXEC, "chmod +x");
	shell("ln -sf turn round; ln -sf round turn; cp static arm; mkfifo -m 755 pipe");
	must_fail("./round", STATUS_CANNOT_EXEC, "symbolic links");
	must_fail("./pipe", STATUS_CANNOT_EXEC, "not a regular file");
	uint16_t machine = 183;
	int fd = open("arm", O_RDWR);
	assert_int_equal(pwrite(fd, &machine, 2, 18), 2);
	close(fd);
	must_fail("./arm", STATUS_CANNOT_EXEC, "aarch64");
	shell("head -c 5000 bin/rpath > cut && chmod 755 cut");
	must_fail("./cut", STATUS_CANNOT_EXEC, "truncated");
	shell("sed 's,/lib64/ld-linux,/lib64/xx-linux,' bin/rpath > interp && chmod 755 interp");
	must_fail("./interp", STATUS_CANNOT_EXEC, "dynamic linker /lib64/xx-linux");
}

static void path_of_the_caller_is_searched(void **state)
{
	char *old = strdup(getenv("PATH"));
	setenv("PATH", "/nowhere:bin:/bin", 1);
	struct run *run = must_build("rpath");
	assert_string_equal(run->closure.exec_path, in_work("bin/rpath"));
	drop(run);
	run = must_build("true");
	assert_string_equal(run->closure.exec_path, "/bin/true");
	drop(run);
	setenv("PATH", "lib", 1);
	write_file("lib/data", "x", 0644);
	must_fail("data", STATUS_CANNOT_EXEC, "not executable");
	setenv("PATH", old, 1);
	free(old);
}

static void files_beyond_the_guests_memory_are_refused(void **state)
{
	shell("cp static huge && truncate -s 1G huge");
	must_fail("./huge", STATUS_RUNNER, "--memory");
}

/* The path list stands beside an interpreter that the program chooses. */
static void a_secret_is_no_musl_path_list(void **state)
{
	shell("mkdir -p evil/lib evil/etc && cp /lib/ld-musl-x86_64.so.1 evil/lib/ && "
	      "musl-gcc -shared -fPIC -o evil/lib/libinner.so inner.c && "
	      "musl-gcc -o evil/main plain.c -Wl,--no-as-needed -Levil/lib -linner "
	      "-Wl,--dynamic-linker,%s/evil/lib/ld-musl-x86_64.so.1",
	      work);
	write_file("secret", "-----BEGIN PRIVATE KEY-----\n", 0600);
	shell("ln -s ../../secret evil/etc/ld-musl-x86_64.path");
	must_fail("./evil/main", STATUS_RUNNER, "not a list");
	char list[128];
	snprintf(list, sizeof(list), "/nowhere:%s/evil/lib\n/usr/lib\n", work);
	write_file("secret", list, 0600);
	assert_int_equal(run_in_chroot(in_work("evil/main"), (char *[]){"x", NULL}), 42);
}

static int count_fds(void)
{
	int count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static void no_descriptor_is_left(void **state)
{
	int before = count_fds();
	drop(build("/bin/bash"));
	drop(build(in_work("bin/runpath")));
	drop(build("./text"));
	drop(build("./script"));
	assert_int_equal(count_fds(), before);
}

static void time_is_printed(void **state)
{
	static const char *const programs[] = {"static", "/bin/true", "/bin/bash", "/usr/bin/python3"};
	for (size_t i = 0; i < 4; i++) {
		const char *program = programs[i][0] == '/' ? programs[i] : in_work(programs[i]);
		double best = 1e9;
		for (int k = 0; k < 50; k++) {
			struct timespec start, end;
			clock_gettime(CLOCK_MONOTONIC, &start);
			struct run *run = must_build(program);
			clock_gettime(CLOCK_MONOTONIC, &end);
			drop(run);
			double us =
			    (double)(end.tv_sec - start.tv_sec) * 1e6 + (double)(end.tv_nsec - start.tv_nsec) / 1e3;
			best = us < best ? us : best;
		}
		print_message("closure of %s: %.0f us\n", program, best);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(debian_programs_need_what_ldd_says),
	    cmocka_unit_test(programs_run_where_only_their_closure_is),
	    cmocka_unit_test(static_programs_are_one_file),
	    cmocka_unit_test(relative_names_count_from_the_current_directory),
	    cmocka_unit_test(a_runpath_is_not_inherited),
	    cmocka_unit_test(library_path_of_the_guest_counts),
	    cmocka_unit_test(preloaded_libraries_come_along),
	    cmocka_unit_test(variants_for_newer_cpus_go_beside_the_plain_library),
	    cmocka_unit_test(libraries_of_other_machines_are_passed_over),
	    cmocka_unit_test(libraries_that_need_each_other_end),
	    cmocka_unit_test(the_cache_goes_along_when_it_is_needed),
	    cmocka_unit_test(scripts_bring_their_interpreters),
	    cmocka_unit_test(bad_scripts_are_refused),
	    cmocka_unit_test(what_cannot_run_is_named),
	    cmocka_unit_test(path_of_the_caller_is_searched),
	    cmocka_unit_test(files_beyond_the_guests_memory_are_refused),
	    cmocka_unit_test(a_secret_is_no_musl_path_list),
	    cmocka_unit_test(no_descriptor_is_left),
	    cmocka_unit_test(time_is_printed),
	};
	return cmocka_run_group_tests(tests, make_fixtures, remove_fixtures);
}
