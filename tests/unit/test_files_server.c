/* SPDX-License-Identifier: Apache-2.0
 * The files server as a process: what it answers over its sockets, what it has given up, and when it ends.
 * sources: runner/files_server.c runner/p9.c runner/p9_fid.c runner/p9_session.c runner/p9_ops.c runner/p9_tree.c runner/p9_attr.c runner/p9_names.c runner/p9_look.c
 * runner/p9_reach.c runner/copy_out.c runner/path_tree.c runner/reach.c runner/shares.c runner/rootfs.c
 * runner/rootfs_unpack.c runner/unpack.c runner/units.c runner/error.c policy/policy.c policy/caps.c policy/landlock.c
 * policy/limits.c policy/refusal.c
 * flags: -Wl,--no-as-needed -lcap
 * libs: -lz -llzma -lzstd -llz4
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/policy.h"
#include "runner/files_server.h"
#include "runner/p9.h"

#define WAIT_MS 20000

static char top[] = "/tmp/files-XXXXXX";
static struct files_server server;
static struct run_spec spec;

static int setup(void **state)
{
	struct error error = {0};
	spec = (struct run_spec){.mount = {{.kind = SPEC_RO, .host = top, .guest = "/a"},
					   {.kind = SPEC_TMPFS, .guest = "/b"},
					   {.kind = SPEC_RW, .host = top, .guest = "/c"}},
				 .mount_count = 3};
	assert_int_equal(files_server_start(&server, &spec, &error), 0);
	assert_int_equal(files_server_confined(&server, &error), 0);
	assert_int_equal(server.sessions, 2);
	return 0;
}

/* Waits for its end, at most WAIT_MS; its status. */
static int wait_end(void)
{
	int status;
	for (int i = 0; i < WAIT_MS; i++) {
		if (waitpid(server.pid, &status, WNOHANG) == server.pid) {
			server.pid = 0;
			return status;
		}
		poll(NULL, 0, 1);
	}
	fail_msg("the server goes on");
	return -1;
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < server.sessions; i++)
		close(server.socket[i]);
	if (server.pid)
		assert_int_equal(wait_end(), 0);
	return 0;
}

static const uint8_t version[] = "\x15\0\0\0\x64\xff\xff\0\0\x10\0\x08\0"
				 "9P2000.L";
static const uint8_t attach[] = "\x18\0\0\0\x68\1\0\7\0\0\0\xff\xff\xff\xff\0\0\1\0"
				"0\0\0\0\0";

static size_t receive(int fd, uint8_t *bytes, size_t size)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	if (poll(&p, 1, WAIT_MS) != 1)
		fail_msg("no answer");
	ssize_t n = recv(fd, bytes, size, 0);
	return n > 0 ? (size_t)n : 0;
}

static void sessions_are_served_apart(void **state)
{
	uint8_t reply[256];
	for (int i = 0; i < 2; i++) {
		assert_int_equal(send(server.socket[i], version, 21, 0), 21);
		assert_int_equal(receive(server.socket[i], reply, sizeof(reply)), 21);
		assert_int_equal(reply[4], P9_TVERSION + 1);
	}
	assert_int_equal(send(server.socket[0], attach, 24, 0), 24);
	assert_int_equal(receive(server.socket[0], reply, sizeof(reply)), 20);
	assert_int_equal(reply[4], P9_TATTACH + 1);
	/* Nonsense ends its own session alone. */
	assert_int_equal(send(server.socket[1], "\1\0\0\0", 4, 0), 4);
	assert_int_equal(receive(server.socket[1], reply, sizeof(reply)), 0);
	static const uint8_t getattr[] = "\x13\0\0\0\x18\2\0\7\0\0\0\xff\7\0\0\0\0\0\0";
	assert_int_equal(send(server.socket[0], getattr, 19, 0), 19);
	assert_int_equal(receive(server.socket[0], reply, sizeof(reply)), 160);
}

static void messages_may_come_in_pieces_and_together(void **state)
{
	uint8_t reply[256], two[45];
	for (size_t i = 0; i < 21; i++)
		assert_int_equal(send(server.socket[0], version + i, 1, 0), 1);
	assert_int_equal(receive(server.socket[0], reply, sizeof(reply)), 21);
	memcpy(two, version, 21);
	memcpy(two + 21, attach, 24);
	assert_int_equal(send(server.socket[0], two, sizeof(two), 0), sizeof(two));
	/* What came together is answered together: the runner waits once. */
	assert_int_equal(receive(server.socket[0], reply, sizeof(reply)), 41);
}

/* A client that sends and never reads holds up nobody else, and not the end. */
static void a_flood_without_readers_blocks_nothing(void **state)
{
	static uint8_t flood[1 << 16];
	uint8_t reply[256];
	for (size_t at = 0; at + 21 <= sizeof(flood); at += 21)
		memcpy(flood + at, version, 21);
	for (int quiet = 0; quiet < 3;) {
		ssize_t n = send(server.socket[0], flood, 21 * (sizeof(flood) / 21), MSG_DONTWAIT);
		quiet = n < 0 ? quiet + 1 : 0;
		if (n < 0)
			poll(NULL, 0, 50);
		else if (n % 21)
			break; /* the socket is full in the middle of a message */
	}
	assert_int_equal(send(server.socket[1], version, 21, 0), 21);
	assert_int_equal(receive(server.socket[1], reply, sizeof(reply)), 21);
}

static void the_process_has_given_up_what_it_can(void **state)
{
	char path[64], line[256];
	uint8_t reply[256];
	unsigned seen = 0, fds = 0;
	/* Once it answers, it has also closed the pipe by which it told that all is set up. */
	assert_int_equal(send(server.socket[0], version, 21, 0), 21);
	assert_int_equal(receive(server.socket[0], reply, sizeof(reply)), 21);
	snprintf(path, sizeof(path), "/proc/%d/status", server.pid);
	FILE *file = fopen(path, "re");
	assert_non_null(file);
	while (fgets(line, sizeof(line), file)) {
		seen += !strcmp(line, "NoNewPrivs:\t1\n") + !strcmp(line, "Seccomp:\t2\n") +
			!strcmp(line, "CapEff:\t0000000000000000\n") + !strcmp(line, "CapPrm:\t0000000000000000\n");
	}
	fclose(file);
	assert_int_equal(seen, 4);
	snprintf(path, sizeof(path), "/proc/%d/fd", server.pid);
	DIR *directory = opendir(path);
	if (!directory)
		return; /* not dumpable: root alone may look */
	while (readdir(directory))
		fds++;
	closedir(directory);
	assert_int_equal(fds, 2 + 1 + 1 + 2 + 2 + 1); /* . and .., stderr, /proc/self/fd, sockets, roots, the window */
}

static void it_ends_with_its_sockets(void **state)
{
	for (int i = 0; i < 2; i++)
		close(server.socket[i]);
	server.sessions = 0;
	assert_int_equal(wait_end(), 0);
}

static void wait_for_parent(pid_t *pid)
{
	int ends[2];
	assert_int_equal(pipe(ends), 0);
	pid_t parent = fork();
	if (parent == 0) {
		struct files_server own;
		struct error error = {0};
		if (files_server_start(&own, &spec, &error) || files_server_confined(&own, &error))
			_exit(1);
		if (write(ends[1], &own.pid, sizeof(own.pid)) != sizeof(own.pid))
			_exit(1);
		pause();
	}
	close(ends[1]);
	assert_int_equal(read(ends[0], pid, sizeof(*pid)), sizeof(*pid));
	close(ends[0]);
	kill(parent, SIGKILL);
	waitpid(parent, NULL, 0);
}

static bool is_gone(pid_t pid)
{
	char path[64], text[512] = "";
	snprintf(path, sizeof(path), "/proc/%d/stat", pid);
	int fd = open(path, O_RDONLY);
	if (fd < 0)
		return true;
	ssize_t n = read(fd, text, sizeof(text) - 1);
	close(fd);
	char *state = strrchr(text, ')');
	return n <= 0 || (state && state[2] == 'Z');
}

static void it_ends_with_the_runner_however_that_ends(void **state)
{
	pid_t pid;
	wait_for_parent(&pid);
	for (int i = 0; i < WAIT_MS && !is_gone(pid); i++)
		poll(NULL, 0, 1);
	assert_true(is_gone(pid));
}

static void a_share_that_is_not_there_is_named(void **state)
{
	struct run_spec bad = {.mount = {{.kind = SPEC_RO, .host = "/nonexistent/x", .guest = "/a"}}, .mount_count = 1};
	struct files_server none;
	struct error error = {0};
	assert_int_equal(files_server_start(&none, &bad, &error), -1);
	assert_string_equal(error.text, "--ro /nonexistent/x: No such file or directory");
	bad.mount[0] = (struct spec_mount){.kind = SPEC_RW, .host = "/proc", .guest = "/a"};
	assert_int_equal(files_server_start(&none, &bad, &error), -1);
	assert_non_null(strstr(error.text, "--rw /proc: "));
}

static void without_shares_there_is_no_process(void **state)
{
	struct run_spec none = {.mount = {{.kind = SPEC_TMPFS, .guest = "/b"}}, .mount_count = 1};
	struct files_server nobody = {.pid = -1};
	struct error error = {0};
	assert_int_equal(files_server_start(&nobody, &none, &error), 0);
	assert_int_equal(nobody.sessions, 0);
	assert_int_equal(nobody.pid, 0);
	assert_int_equal(files_server_confined(&nobody, &error), 0);
}

int main(void)
{
	if (!mkdtemp(top))
		return 1;
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(sessions_are_served_apart),
	    TEST(messages_may_come_in_pieces_and_together),
	    TEST(a_flood_without_readers_blocks_nothing),
	    TEST(the_process_has_given_up_what_it_can),
	    TEST(it_ends_with_its_sockets),
	    TEST(it_ends_with_the_runner_however_that_ends),
	    cmocka_unit_test(a_share_that_is_not_there_is_named),
	    cmocka_unit_test(without_shares_there_is_no_process),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);
	rmdir(top);
	return failed;
}
