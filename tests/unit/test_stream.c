/* SPDX-License-Identifier: Apache-2.0
 * sources: runner/stream.c runner/error.c
 *
 * Host ends of streams: never blocking, never changing the caller's descriptors, never losing or reordering bytes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "runner/stream.h"

#define BUFFER 1000u

static uint8_t buffer[BUFFER];
static struct stream s;
static struct error error;

static void open_output(int fd)
{
	assert_int_equal(stream_open_output(&s, fd, false, buffer, BUFFER, "standard output", &error), 0);
}

static ssize_t put(const void *data, size_t bytes)
{
	struct iovec iov[2] = {{.iov_base = (void *)(uintptr_t)data, .iov_len = bytes / 2},
			       {.iov_base = (uint8_t *)(uintptr_t)data + bytes / 2, .iov_len = bytes - bytes / 2}};
	return bytes > 1 ? stream_write(&s, iov, 2, bytes) : stream_write(&s, iov + 1, 1, bytes);
}

static ssize_t get(void *data, size_t bytes)
{
	struct iovec iov = {.iov_base = data, .iov_len = bytes};
	return stream_read(&s, &iov, 1);
}

/* Fills what fd's pipe or socket still takes. */
static size_t fill(int fd)
{
	static const char zero[4096];
	size_t total = 0;
	ssize_t n;
	int flags = fcntl(fd, F_GETFL);
	fcntl(fd, F_SETFL, flags | O_NONBLOCK);
	while ((n = write(fd, zero, sizeof(zero))) > 0)
		total += (size_t)n;
	fcntl(fd, F_SETFL, flags);
	return total;
}

static void drain(int fd, size_t bytes)
{
	static char junk[65536];
	while (bytes) {
		ssize_t n = read(fd, junk, bytes < sizeof(junk) ? bytes : sizeof(junk));
		assert_true(n > 0);
		bytes -= (size_t)n;
	}
}

static void pipes_do_not_block_and_keep_the_callers_flags(void **state)
{
	(void)state;
	int p[2];
	char got[8];
	assert_int_equal(pipe(p), 0);
	assert_int_equal(stream_open_input(&s, p[0], "standard input", &error), 0);
	assert_int_equal(s.mode, STREAM_OWN);
	assert_int_equal(get(got, 8), -EAGAIN);
	assert_false(s.ready);
	assert_false(fcntl(p[0], F_GETFL) & O_NONBLOCK);
	assert_int_equal(write(p[1], "abc", 3), 3);
	stream_event(&s, EPOLLIN);
	assert_true(s.ready);
	assert_int_equal(get(got, 8), 3);
	close(p[1]);
	assert_int_equal(get(got, 8), 0);
	stream_finish(&s);
	assert_false(stream_is_open(&s));
	assert_int_equal(fcntl(p[0], F_GETFD), -1); /* the caller's descriptor went with it */
}

static void output_keeps_order_over_its_buffer(void **state)
{
	(void)state;
	int p[2];
	char got[16] = {0};
	assert_int_equal(pipe(p), 0);
	open_output(p[1]);
	size_t junk = fill(p[1]);
	assert_int_equal(put("first", 5), 0);
	assert_int_equal(put("second", 6), 0);
	assert_int_equal(s.pending, 11);
	assert_false(fcntl(p[1], F_GETFL) & O_NONBLOCK);
	assert_int_equal(stream_flush(&s), 0);
	drain(p[0], junk);
	stream_event(&s, EPOLLOUT);
	assert_int_equal(put("third", 1), 0); /* room in the pipe, but not before the others */
	assert_int_equal(stream_flush(&s), 12);
	assert_int_equal(put("!", 1), 1);
	assert_int_equal(read(p[0], got, 16), 13);
	assert_string_equal(got, "firstsecondt!");
	stream_close(&s, 0);
	close(p[0]);
}

static void buffer_is_bounded_and_wraps(void **state)
{
	(void)state;
	int p[2];
	static char data[BUFFER + 1], got[BUFFER];
	assert_int_equal(pipe(p), 0);
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = (char)(i * 7 + i / 256);
	open_output(p[1]);
	size_t junk = fill(p[1]);
	assert_int_equal(put(data, BUFFER + 1), -ENOBUFS);
	assert_int_equal(s.pending, 0);
	for (int round = 0; round < 5; round++) {
		assert_int_equal(put(data, 600), 0);
		assert_int_equal(put(data + 600, BUFFER - 600), 0);
		assert_int_equal(put(data, 1), -ENOBUFS);
		drain(p[0], junk);
		stream_event(&s, EPOLLOUT);
		assert_int_equal(stream_flush(&s), BUFFER);
		assert_int_equal(read(p[0], got, BUFFER), BUFFER);
		assert_memory_equal(got, data, BUFFER);
		/* Shift the ring's start so that the next round wraps elsewhere. */
		junk = fill(p[1]);
		s.ready = false;
		assert_int_equal(put(data, 130), 0);
		drain(p[0], junk);
		stream_event(&s, EPOLLOUT);
		assert_int_equal(stream_flush(&s), 130);
		drain(p[0], 130);
		junk = fill(p[1]);
	}
	stream_close(&s, 0);
	close(p[0]);
}

static void finished_output_closes_when_empty(void **state)
{
	(void)state;
	int p[2];
	char byte;
	assert_int_equal(pipe(p), 0);
	open_output(p[1]);
	size_t junk = fill(p[1]);
	put("tail", 4);
	stream_finish(&s);
	assert_true(stream_is_open(&s));
	assert_int_equal(put("x", 1), -EPIPE);
	drain(p[0], junk);
	stream_event(&s, EPOLLOUT);
	assert_int_equal(stream_flush(&s), 4);
	assert_false(stream_is_open(&s));
	drain(p[0], 4);
	assert_int_equal(read(p[0], &byte, 1), 0);
	close(p[0]);
}

static void reader_gone_is_epipe(void **state)
{
	(void)state;
	int p[2];
	assert_int_equal(pipe(p), 0);
	open_output(p[1]);
	close(p[0]);
	assert_int_equal(put("x", 1), -EPIPE);
	assert_int_equal(s.error, EPIPE);
	assert_false(stream_is_open(&s));
	assert_int_equal(pipe(p), 0);
	open_output(p[1]);
	close(p[0]);
	stream_event(&s, EPOLLERR | EPOLLOUT);
	assert_false(stream_is_open(&s));
	assert_int_equal(s.error, EPIPE);
}

static void keep_leaves_the_callers_descriptor(void **state)
{
	(void)state;
	int p[2], sp[2], file = memfd_create("x", 0);
	assert_int_equal(pipe(p), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
	const int fds[] = {p[1], sp[1], file};
	for (size_t i = 0; i < 3; i++) {
		assert_int_equal(stream_open_output(&s, fds[i], true, buffer, BUFFER, "standard error", &error), 0);
		assert_int_not_equal(s.fd, fds[i]);
		stream_close(&s, 0);
		assert_int_equal(write(fds[i], "x", 1), 1);
		close(fds[i]);
	}
	close(p[0]);
	close(sp[0]);
}

static void sockets_do_not_block_or_signal(void **state)
{
	(void)state;
	int sp[2];
	char got[8];
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
	assert_int_equal(stream_open_input(&s, sp[0], "standard input", &error), 0);
	assert_int_equal(s.mode, STREAM_SOCKET);
	assert_int_equal(get(got, 8), -EAGAIN);
	assert_int_equal(write(sp[1], "abc", 3), 3);
	assert_int_equal(get(got, 8), 3);
	close(sp[1]);
	assert_int_equal(get(got, 8), 0);
	stream_close(&s, 0);

	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, sp), 0);
	open_output(sp[0]);
	size_t junk = fill(sp[0]);
	assert_int_equal(put("abc", 3), 0);
	drain(sp[1], junk);
	stream_event(&s, EPOLLOUT);
	assert_int_equal(stream_flush(&s), 3);
	drain(sp[1], 3);
	close(sp[1]);
	signal(SIGPIPE, SIG_DFL); /* MSG_NOSIGNAL must do */
	assert_int_equal(put("x", 1), -EPIPE);
	signal(SIGPIPE, SIG_IGN);
}

static void files_are_used_at_their_own_offset(void **state)
{
	(void)state;
	char path[] = "/tmp/test_stream.XXXXXX", got[32] = {0};
	int fd = mkstemp(path);
	assert_int_equal(write(fd, "head ", 5), 5);
	int keep = dup(fd);
	open_output(fd);
	assert_int_equal(s.mode, STREAM_FILE);
	assert_int_equal(put("tail", 4), 4);
	stream_finish(&s);
	assert_int_equal(pread(keep, got, sizeof(got), 0), 9);
	assert_string_equal(got, "head tail");
	assert_int_equal(lseek(keep, 0, SEEK_CUR), 9);
	close(keep);
	unlink(path);
}

static void full_device_is_an_error_that_is_remembered(void **state)
{
	(void)state;
	open_output(open("/dev/full", O_WRONLY));
	assert_int_equal(put("x", 1), -ENOSPC);
	assert_int_equal(s.error, ENOSPC);
	open_output(open("/dev/null", O_WRONLY));
	assert_int_equal(put("xyz", 3), 3);
	stream_close(&s, 0);
}

static void shared_pipes_move_little_at_a_time(void **state)
{
	(void)state;
	int p[2];
	static char data[900], got[8];
	assert_int_equal(pipe(p), 0);
	/* As if opening anew had been refused. */
	open_output(p[1]);
	close(s.fd);
	s.fd = p[1];
	s.original = -1;
	s.mode = STREAM_SHARED;
	size_t junk = fill(p[1]);
	assert_int_equal(put(data, sizeof(data)), 0); /* would block for ever if it tried */
	drain(p[0], junk);
	stream_event(&s, EPOLLOUT);
	assert_int_equal(stream_flush(&s), sizeof(data));
	stream_close(&s, 0);
	s = (struct stream){.fd = p[0], .original = -1, .mode = STREAM_SHARED, .ready = true};
	drain(p[0], sizeof(data));
	assert_int_equal(get(got, 8), 0); /* the writer has gone */
	stream_close(&s, 0);
	assert_int_equal(pipe(p), 0);
	s = (struct stream){.fd = p[0], .original = -1, .mode = STREAM_SHARED, .ready = true};
	assert_int_equal(get(got, 8), -EAGAIN);
	stream_close(&s, 0);
	close(p[1]);
}

static void terminal_is_opened_anew_and_hangs_up_as_an_end(void **state)
{
	(void)state;
	char got[8];
	int master = posix_openpt(O_RDWR | O_NOCTTY);
	if (master < 0)
		skip();
	grantpt(master);
	unlockpt(master);
	int tty = open(ptsname(master), O_RDWR | O_NOCTTY);
	assert_true(tty >= 0);
	assert_int_equal(stream_open_input(&s, tty, "standard input", &error), 0);
	assert_int_equal(s.mode, STREAM_OWN);
	assert_int_equal(get(got, 8), -EAGAIN);
	assert_int_equal(write(master, "hi\n", 3), 3);
	assert_int_equal(get(got, 8), 3);
	close(master);
	stream_event(&s, EPOLLIN | EPOLLHUP);
	assert_int_equal(get(got, 8), 0);
	stream_close(&s, 0);
}

/* In a session of its own whose terminal is `tty`: reads in the background, then in the foreground. */
static int read_in_the_background(int master, const char *tty)
{
	char got[8];
	int fd, status;
	if (setsid() < 0 || (fd = open(tty, O_RDWR)) < 0)
		return 1;
	pid_t child = fork();
	if (!child) {
		pid_t leader = getppid();
		setpgid(0, 0);
		signal(SIGTTIN, SIG_IGN);
		signal(SIGTTOU, SIG_IGN);
		if (stream_open_input(&s, fd, "standard input", &error) || write(master, "a\n", 2) != 2)
			_exit(2);
		if (tcgetpgrp(fd) != leader || get(got, 8) != -EAGAIN || s.ready || !stream_is_open(&s))
			_exit(3);
		tcsetpgrp(fd, getpid());
		stream_event(&s, EPOLLIN);
		_exit(get(got, 8) == 2 && got[0] == 'a' ? 0 : 4);
	}
	return waitpid(child, &status, WUNTRACED) == child && WIFEXITED(status) ? WEXITSTATUS(status) : 5;
}

static void a_terminal_is_not_read_in_the_background(void **state)
{
	(void)state;
	int status, master = posix_openpt(O_RDWR | O_NOCTTY);
	assert_true(master >= 0);
	grantpt(master);
	unlockpt(master);
	pid_t child = fork();
	if (!child)
		_exit(read_in_the_background(master, ptsname(master)));
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 0);
	close(master);
}

static void closed_descriptor_is_an_error_with_a_name(void **state)
{
	(void)state;
	assert_int_equal(stream_open_input(&s, 987, "standard input", &error), -1);
	assert_non_null(strstr(error.text, "standard input"));
	assert_false(stream_is_open(&s));
}

int main(void)
{
	signal(SIGPIPE, SIG_IGN);
	alarm(60);
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(pipes_do_not_block_and_keep_the_callers_flags),
	    cmocka_unit_test(output_keeps_order_over_its_buffer),
	    cmocka_unit_test(buffer_is_bounded_and_wraps),
	    cmocka_unit_test(finished_output_closes_when_empty),
	    cmocka_unit_test(reader_gone_is_epipe),
	    cmocka_unit_test(keep_leaves_the_callers_descriptor),
	    cmocka_unit_test(sockets_do_not_block_or_signal),
	    cmocka_unit_test(files_are_used_at_their_own_offset),
	    cmocka_unit_test(full_device_is_an_error_that_is_remembered),
	    cmocka_unit_test(shared_pipes_move_little_at_a_time),
	    cmocka_unit_test(terminal_is_opened_anew_and_hangs_up_as_an_end),
	    cmocka_unit_test(a_terminal_is_not_read_in_the_background),
	    cmocka_unit_test(closed_descriptor_is_an_error_with_a_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
