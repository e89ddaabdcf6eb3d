/* SPDX-License-Identifier: Apache-2.0
 * The job frame, read back by a decoder that knows abi/wire.h alone; the environment in it; the standard streams.
 * sources: initramfs/job.c runner/job.c runner/prefetch.c runner/shares.c runner/rootfs.c runner/units.c runner/stdio.c runner/environment.c runner/error.c
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
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "initramfs/job.h"
#include "runner/job.h"

/* --- a decoder --- */

struct cursor {
	const uint8_t *at, *end;
};

static const char *take_string(struct cursor *cursor)
{
	const uint8_t *nul = memchr(cursor->at, 0, (size_t)(cursor->end - cursor->at));
	assert_non_null(nul);
	const char *text = (const char *)cursor->at;
	cursor->at = nul + 1;
	return text;
}

static void take(struct cursor *cursor, void *to, size_t size)
{
	assert_true((size_t)(cursor->end - cursor->at) >= size);
	memcpy(to, cursor->at, size);
	cursor->at += size;
}

struct decoded {
	struct wire_job job;
	const char *hostname, *user, *workdir, *home, *path, *argv[8], *env[16];
	struct wire_file files[8];
	const char *paths[8], *targets[8];
};

static struct decoded decode(const struct buffer *buffer)
{
	struct decoded out = {0};
	struct wire_frame frame;
	struct cursor cursor = {buffer->data, buffer->data + buffer->length};
	take(&cursor, &frame, sizeof(frame));
	assert_int_equal(frame.type, WIRE_JOB);
	assert_int_equal(frame.length, cursor.end - cursor.at);
	take(&cursor, &out.job, sizeof(out.job));
	out.hostname = take_string(&cursor);
	out.user = take_string(&cursor);
	out.workdir = take_string(&cursor);
	out.home = take_string(&cursor);
	out.path = take_string(&cursor);
	for (uint32_t i = 0; i < out.job.argc; i++)
		out.argv[i] = take_string(&cursor);
	for (uint32_t i = 0; i < out.job.envc; i++)
		out.env[i] = take_string(&cursor);
	for (uint32_t i = 0; i < out.job.nfiles; i++) {
		take(&cursor, &out.files[i], sizeof(out.files[i]));
		out.paths[i] = take_string(&cursor);
		assert_int_equal(strlen(out.paths[i]) + 1, out.files[i].path_len);
		if (!out.files[i].link_len)
			continue;
		out.targets[i] = take_string(&cursor);
		assert_int_equal(strlen(out.targets[i]) + 1, out.files[i].link_len);
	}
	assert_ptr_equal(cursor.at, cursor.end);
	return out;
}

/* --- the job --- */

static char *caller[] = {"PATH=/bin", "LANG=de_DE.UTF-8", "SECRET=x", "EMPTY=", "ENV_LIKE_PATH=1", NULL};

static struct run_spec make_spec(void)
{
	static char *argv[] = {"./prog", "one", "", NULL};
	return (struct run_spec){.program = "./prog",
				 .argv = argv,
				 .argc = 3,
				 .hostname = "box",
				 .uid = 0,
				 .gid = 9,
				 .umask = 027,
				 .cpus = 1};
}

static struct closure_entry entries[] = {
    {.kind = WIRE_FILE_SYMLINK, .mode = 0777, .path = "/lib", .target = "usr/lib", .fd = -1},
    {.kind = WIRE_FILE_REGULAR,
     .mode = 0755,
     .uid = 3,
     .gid = 4,
     .size = 5000,
     .mtime_ns = -7,
     .path = "/srv/prog",
     .fd = 99},
};
static const struct closure closure = {.entries = entries, .count = 2, .exec_path = "/srv/prog"};
static const struct job_stdio stdio = {
    .kind = {WIRE_STDIO_CLOSED, WIRE_STDIO_STREAM, WIRE_STDIO_STDOUT}, .rows = 24, .cols = 80};

static void a_job_round_trip(void **state)
{
	struct run_spec spec = make_spec();
	struct environment environment;
	struct buffer buffer = {0};
	struct error error;
	assert_int_equal(environment_build(&spec, caller, &environment, &error), 0);
	assert_int_equal(job_encode(&spec, &environment, &closure, &stdio, &buffer, &error), 0);
	struct decoded job = decode(&buffer);
	assert_int_equal(job.job.version, WIRE_VERSION);
	assert_int_equal(job.job.flags | job.job.nmounts | job.job.stdio[3], 0);
	assert_int_equal(job.job.uid, 0);
	assert_int_equal(job.job.gid, 9);
	assert_int_equal(job.job.umask, 027);
	assert_memory_equal(job.job.stdio, stdio.kind, 3);
	assert_int_equal(job.job.rows, 24);
	assert_int_equal(job.job.cols, 80);
	assert_int_equal(job.job.rlimit_mask, 1u << RLIMIT_NOFILE | 1u << RLIMIT_STACK | 1u << RLIMIT_CORE);
	assert_int_equal(job.job.rlimit[RLIMIT_NOFILE].soft, 1024);
	assert_int_equal(job.job.rlimit[RLIMIT_CORE].hard, 0);
	assert_string_equal(job.hostname, "box");
	assert_string_equal(job.user, "root");
	assert_string_equal(job.home, "/root");
	assert_string_equal(job.workdir, "/root");
	assert_string_equal(job.path, "/srv/prog");
	assert_int_equal(job.job.argc, 3);
	assert_string_equal(job.argv[0], "./prog");
	assert_string_equal(job.argv[2], "");
	assert_int_equal(job.job.nfiles, 2);
	assert_string_equal(job.paths[0], "/lib");
	assert_string_equal(job.targets[0], "usr/lib");
	assert_string_equal(job.paths[1], "/srv/prog");
	assert_int_equal(job.files[1].kind, WIRE_FILE_REGULAR);
	assert_int_equal(job.files[1].size, 5000);
	assert_int_equal(job.files[1].mtime_ns, -7);
	assert_int_equal(job.files[1].uid, 3);
	buffer_free(&buffer);
	environment_free(&environment);
}

static void the_agent_reads_the_same(void **state)
{
	struct run_spec spec = make_spec();
	struct environment environment;
	struct buffer buffer = {0};
	struct error error;
	struct job job;
	struct job_file file;
	char *slots[32];
	const char *what = "";
	spec.workdir = "/srv//work/";
	assert_int_equal(environment_build(&spec, caller, &environment, &error), 0);
	assert_int_equal(job_encode(&spec, &environment, &closure, &stdio, &buffer, &error), 0);
	char *payload = (char *)buffer.data + sizeof(struct wire_frame);
	size_t length = buffer.length - sizeof(struct wire_frame), count = job_vector_slots(payload, length);
	assert_in_range(count, 1, 32);
	if (job_decode(payload, length, slots, count, &job, &what))
		fail_msg("refused: %s", what);
	assert_string_equal(job.program, "/srv/prog");
	assert_string_equal(job.workdir, "/srv//work/");
	assert_string_equal(job.argv[1], "one");
	assert_null(job.argv[3]);
	assert_string_equal(job.envp[0], "HOME=/root");
	assert_int_equal(job_next_file(&job, &file), 1);
	assert_string_equal(file.target, "usr/lib");
	assert_int_equal(job_next_file(&job, &file), 1);
	assert_string_equal(file.path, "/srv/prog");
	assert_int_equal(job_next_file(&job, &file), 0);
	buffer_free(&buffer);
	environment_free(&environment);
}

static void a_frame_follows_what_is_in_the_buffer(void **state)
{
	struct run_spec spec = make_spec();
	struct environment environment;
	struct buffer buffer = {0};
	struct error error;
	assert_int_equal(buffer_append(&buffer, "abc", 3), 0);
	assert_int_equal(environment_build(&spec, caller, &environment, &error), 0);
	assert_int_equal(job_encode(&spec, &environment, &closure, &stdio, &buffer, &error), 0);
	struct buffer rest = {buffer.data + 3, buffer.length - 3, 0};
	assert_string_equal(decode(&rest).path, "/srv/prog");
	buffer_free(&buffer);
	environment_free(&environment);
}

/* Encodes and expects a refusal with this in its text. */
static void refuse(const struct run_spec *spec, const char *part)
{
	struct environment environment;
	struct buffer buffer = {0};
	struct error error = {0};
	assert_int_equal(environment_build(spec, caller, &environment, &error), 0);
	assert_int_equal(job_encode(spec, &environment, &closure, &stdio, &buffer, &error), -1);
	assert_int_equal(error.status, STATUS_RUNNER);
	if (!strstr(error.text, part))
		fail_msg("%s", error.text);
	buffer_free(&buffer);
	environment_free(&environment);
}

static void what_is_too_large_is_named(void **state)
{
	struct run_spec spec = make_spec();
	char *large = malloc(WIRE_FRAME_MAX + 1);
	memset(large, 'x', WIRE_FRAME_MAX);
	large[WIRE_FRAME_MAX] = 0;
	char *argv[] = {"x", large, NULL};
	spec.argv = argv;
	spec.argc = 2;
	refuse(&spec, "8 MiB");
	spec = make_spec();
	char **many = calloc(WIRE_STRINGS_MAX + 1, sizeof(*many));
	for (size_t i = 0; i <= WIRE_STRINGS_MAX; i++)
		many[i] = "x";
	spec.argv = many;
	spec.argc = WIRE_STRINGS_MAX + 1;
	refuse(&spec, "65536 arguments");
	spec.argc = WIRE_STRINGS_MAX; /* the environment tips it over */
	refuse(&spec, "65536 arguments");
	free(many);
	spec = make_spec();
	large[WIRE_HOSTNAME_MAX] = 0;
	spec.hostname = large;
	refuse(&spec, "--hostname");
	large[WIRE_HOSTNAME_MAX] = 'x';
	spec = make_spec();
	large[0] = '/';
	large[WIRE_PATH_MAX] = 0;
	spec.workdir = large;
	refuse(&spec, "--workdir");
	free(large);
}

/* --- the environment --- */

static void the_environment_is_clean_but_for_what_was_asked(void **state)
{
	const char *env[] = {"SECRET", "ABSENT", "EMPTY", "A=1", "A=2", "TERM=vt100", "ENV_LIKE"};
	struct run_spec spec = make_spec();
	struct environment environment;
	struct error error;
	spec.env = env;
	spec.env_count = 7;
	assert_int_equal(environment_build(&spec, caller, &environment, &error), 0);
	assert_int_equal(environment.count, 7);
	assert_string_equal(environment_get(&environment, "PATH"), "/bin");
	assert_string_equal(environment_get(&environment, "LANG"), "de_DE.UTF-8");
	assert_string_equal(environment_get(&environment, "HOME"), "/root");
	assert_string_equal(environment_get(&environment, "TERM"), "vt100");
	assert_string_equal(environment_get(&environment, "SECRET"), "x");
	assert_string_equal(environment_get(&environment, "EMPTY"), "");
	assert_string_equal(environment_get(&environment, "A"), "2");
	assert_null(environment_get(&environment, "ABSENT"));
	assert_null(environment_get(&environment, "ENV_LIKE"));
	environment_free(&environment);
}

static void defaults_without_a_caller(void **state)
{
	struct run_spec spec = make_spec();
	struct environment environment;
	struct error error;
	assert_int_equal(environment_build(&spec, NULL, &environment, &error), 0);
	assert_int_equal(environment.count, 4);
	assert_non_null(strstr(environment_get(&environment, "PATH"), "/usr/bin"));
	assert_string_equal(environment_get(&environment, "TERM"), "dumb");
	environment_free(&environment);
}

static void names_come_from_passwd(void **state)
{
	char name[33], path[] = "/tmp/passwd.XXXXXX";
	FILE *file = fdopen(mkstemp(path), "w");
	assert_non_null(file);
	fprintf(
	    file,
	    "root:x:0:0::/root:/bin/sh\nlong:%02000d:7:7:::\nalice:x:7:7:A:/home/alice:\nx/../y:x:8:8:::\n:x:9:9:::\n",
	    0);
	fprintf(file, "this-name-is-longer-than-any-user-name-may-be:x:10:10:::\nlast:x:11:11::");
	fclose(file);
	assert_int_equal(passwd_name(path, 7, name, sizeof(name)), 0);
	assert_string_equal(name, "alice");
	assert_int_equal(passwd_name(path, 11, name, sizeof(name)), 0);
	assert_string_equal(name, "last");
	assert_int_equal(passwd_name(path, 8, name, sizeof(name)), -1);
	assert_int_equal(passwd_name(path, 9, name, sizeof(name)), -1);
	assert_int_equal(passwd_name(path, 10, name, sizeof(name)), -1);
	assert_int_equal(passwd_name(path, 12, name, sizeof(name)), -1);
	assert_int_equal(passwd_name("/nowhere", 7, name, sizeof(name)), -1);
	unlink(path);
}

static void a_user_without_a_name_has_a_home(void **state)
{
	struct run_spec spec = make_spec();
	struct environment environment;
	struct error error;
	spec.uid = 4000000000u;
	assert_int_equal(environment_build(&spec, caller, &environment, &error), 0);
	assert_string_equal(environment.user, "user");
	assert_string_equal(environment.home, "/home/user");
	assert_string_equal(environment_get(&environment, "HOME"), "/home/user");
	environment_free(&environment);
}

/* --- the standard streams --- */

/* Kinds as seen by a child whose descriptors 0..2 are those given (-1: closed), as three digits. */
static int kinds_of(int in, int out, int err, bool tty)
{
	int result[2], status;
	uint8_t kinds[3];
	assert_int_equal(pipe2(result, O_CLOEXEC), 0);
	pid_t child = fork();
	if (child == 0) {
		int from[3] = {in, out, err};
		struct job_stdio found;
		int report = fcntl(result[1], F_DUPFD, 100);
		for (int fd = 0; fd < 3; fd++)
			from[fd] = from[fd] < 0 ? -1 : fcntl(from[fd], F_DUPFD, 100);
		for (int fd = 0; fd < 3; fd++) {
			close(fd);
			if (from[fd] >= 0)
				dup2(from[fd], fd);
		}
		stdio_kinds(tty, true, &found);
		if (stdio_fill_holes(NULL) || fcntl(0, F_GETFD) < 0 || fcntl(1, F_GETFD) < 0 || fcntl(2, F_GETFD) < 0)
			_exit(1);
		_exit(write(report, found.kind, 3) != 3);
	}
	close(result[1]);
	assert_int_equal(read(result[0], kinds, 3), 3);
	close(result[0]);
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_int_equal(status, 0);
	return kinds[0] * 100 + kinds[1] * 10 + kinds[2];
}

static void kinds_of_streams(void **state)
{
	enum { C = WIRE_STDIO_CLOSED, S = WIRE_STDIO_STREAM, N = WIRE_STDIO_NULL, O = WIRE_STDIO_STDOUT };
	int null = open("/dev/null", O_RDWR), zero = open("/dev/zero", O_RDWR), one[2], other[2], pair[2];
	assert_int_equal(pipe(one), 0);
	assert_int_equal(pipe(other), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	assert_int_equal(kinds_of(-1, -1, -1, false), C * 100 + C * 10 + C);
	assert_int_equal(kinds_of(null, null, null, false), N * 100 + N * 10 + N);
	assert_int_equal(kinds_of(one[0], one[1], other[1], false), S * 100 + S * 10 + S);
	assert_int_equal(kinds_of(one[0], one[1], one[1], false), S * 100 + S * 10 + O);
	assert_int_equal(kinds_of(null, one[1], -1, false), N * 100 + S * 10 + C);
	assert_int_equal(kinds_of(-1, -1, one[1], false), C * 100 + C * 10 + S);
	assert_int_equal(kinds_of(zero, pair[0], pair[0], false), S * 100 + S * 10 + O);
	assert_int_equal(kinds_of(zero, pair[0], pair[1], false), S * 100 + S * 10 + S);
	assert_int_equal(kinds_of(null, one[1], one[1], true), WIRE_STDIO_TTY * 111);
	int fds[] = {null, zero, one[0], one[1], other[0], other[1], pair[0], pair[1]};
	for (size_t i = 0; i < sizeof(fds) / sizeof(*fds); i++)
		close(fds[i]);
}

static void files_opened_twice_stay_apart(void **state)
{
	char path[] = "/tmp/stdio.XXXXXX";
	int first = mkstemp(path), second = open(path, O_RDWR), appending = open(path, O_WRONLY | O_APPEND);
	assert_true(first >= 0 && second >= 0 && appending >= 0);
	assert_int_equal(kinds_of(-1, first, first, false) % 10, WIRE_STDIO_STDOUT);
	assert_int_equal(kinds_of(-1, first, appending, false) % 10, WIRE_STDIO_STREAM);
	/* Different places: told apart even where kcmp(2) is forbidden. */
	assert_int_equal(write(second, "x", 1), 1);
	assert_int_equal(kinds_of(-1, first, second, false) % 10, WIRE_STDIO_STREAM);
	close(first);
	close(second);
	close(appending);
	unlink(path);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(a_job_round_trip),
	    cmocka_unit_test(the_agent_reads_the_same),
	    cmocka_unit_test(a_frame_follows_what_is_in_the_buffer),
	    cmocka_unit_test(what_is_too_large_is_named),
	    cmocka_unit_test(the_environment_is_clean_but_for_what_was_asked),
	    cmocka_unit_test(defaults_without_a_caller),
	    cmocka_unit_test(names_come_from_passwd),
	    cmocka_unit_test(a_user_without_a_name_has_a_home),
	    cmocka_unit_test(kinds_of_streams),
	    cmocka_unit_test(files_opened_twice_stay_apart),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
