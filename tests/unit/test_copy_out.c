/* SPDX-License-Identifier: Apache-2.0
 *
 * Copy-outs: what an honest guest sends becomes files; what a hostile one sends stays within HOST, or is refused.
 *
 * sources: runner/copy_out.c runner/p9.c runner/error.c
 */
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>
#include <cmocka.h>
#include "abi/wire.h"
#include "runner/copy_out.h"

static char directory[] = "/tmp/copy_out.XXXXXX";
static struct copy_target target;
static struct spec_copy copy;
static struct copy_session session;
static uint8_t message[65536], reply[P9_MSIZE_MIN];
static size_t length;

static void put(const void *bytes, size_t n)
{
	memcpy(message + length, bytes, n);
	length += n;
}

static void number(uint64_t value, size_t bytes)
{
	put(&value, bytes);
}

static void text(const char *string)
{
	number(strlen(string), 2);
	put(string, strlen(string));
}

static void begin(uint8_t type)
{
	length = 4;
	number(type, 1);
	number(0, 2);
}

static int send_it(void)
{
	uint32_t size = (uint32_t)length;
	memcpy(message, &size, 4);
	return copy_handle(&session, &target, 1, message, length, reply, sizeof(reply));
}

static int entry(uint32_t kind, const char *path, uint32_t mode, uint64_t size, const char *link)
{
	begin(WIRE_COPY_ENTRY);
	number(kind, 1);
	number(mode, 4);
	number(1000000000ull * 86400, 8);
	number(size, 8);
	text(path);
	text(link);
	return send_it();
}

static int data(uint64_t offset, const char *bytes)
{
	begin(WIRE_COPY_DATA);
	number(offset, 8);
	number(strlen(bytes), 4);
	put(bytes, strlen(bytes));
	return send_it();
}

static int leave(const char *path)
{
	begin(WIRE_COPY_LEAVE);
	number(1000000000ull * 86400 * 2, 8);
	text(path);
	return send_it();
}

static int end(uint32_t error, const char *where)
{
	begin(WIRE_COPY_END);
	number(error, 4);
	text(where);
	return send_it();
}

static void start(const char *guest, const char *host)
{
	struct error error = {0};
	copy = (struct spec_copy){.out = true, .guest = guest, .host = host, .into = host[strlen(host) - 1] == '/'};
	assert_int_equal(copy_target_open(&target, &copy, &error), 0);
	copy_session_init(&session, 1 << 20);
	begin(WIRE_COPY_BEGIN);
	number(0, 4);
	assert_int_equal(send_it(), 0);
}

/* The end of a copy that must have failed, or not. */
static void finish(bool good)
{
	assert_int_equal(end(0, ""), 11);
	assert_true(session.over);
	if (good != !session.error.text[0])
		print_error("%s\n", session.error.text);
	assert_true(good == !session.error.text[0]);
	assert_int_equal(reply[7] != 0, !good);
	copy_session_close(&session);
	close(target.at);
}

static const char *contents(const char *path)
{
	static char bytes[256];
	int fd = open(path, O_RDONLY | O_NOFOLLOW);
	ssize_t n = fd < 0 ? -1 : read(fd, bytes, sizeof(bytes) - 1);
	if (fd >= 0)
		close(fd);
	bytes[n > 0 ? n : 0] = 0;
	return n < 0 ? "(none)" : bytes;
}

static void files_arrive(void **state)
{
	struct stat st;
	start("/tmp/x", "file");
	assert_int_equal(entry(WIRE_FILE_REGULAR, "", 06755, 9, ""), 0);
	assert_int_equal(data(0, "abc"), 0);
	assert_int_equal(data(6, "xyz"), 0);
	finish(true);
	assert_int_equal(stat("file", &st), 0);
	assert_int_equal(st.st_mode & 07777, 0755); /* no set-id bits */
	assert_int_equal(st.st_size, 9);
	assert_int_equal(st.st_mtime, 86400);
	start("/tmp/x", "file"); /* replaced */
	assert_int_equal(entry(WIRE_FILE_REGULAR, "", 0644, 3, ""), 0);
	assert_int_equal(data(0, "new"), 0);
	finish(true);
	assert_string_equal(contents("file"), "new");
	mkdir("into", 0755);
	start("/tmp/x", "into/");
	assert_int_equal(entry(WIRE_FILE_REGULAR, "", 0644, 1, ""), 0);
	finish(true);
	assert_int_equal(stat("into/x", &st), 0);
}

static time_t time_of(const char *path)
{
	struct stat st;
	assert_int_equal(stat(path, &st), 0);
	return st.st_mtime;
}

static void trees_arrive(void **state)
{
	char target_text[64] = {0};
	for (int round = 0; round < 2; round++) { /* the second time into what is there */
		if (round)
			utimensat(AT_FDCWD, "tree", (struct timespec[2]){{0}, {0}}, 0);
		start("/tmp/x", "tree");
		assert_int_equal(entry(WIRE_FILE_DIRECTORY, "", 0555, 0, ""), 0);
		assert_int_equal(entry(WIRE_FILE_DIRECTORY, "a", 0700, 0, ""), 0);
		assert_int_equal(entry(WIRE_FILE_DIRECTORY, "a/b", 0700, 0, ""), 0);
		assert_int_equal(entry(WIRE_FILE_REGULAR, "a/b/c", 0600, 2, ""), 0);
		assert_int_equal(data(0, "ok"), 0);
		assert_int_equal(leave("a/b"), 0);
		assert_int_equal(entry(WIRE_FILE_SYMLINK, "a/link", 0777, 0, "/etc/passwd"), 0);
		assert_int_equal(leave("a"), 0);
		assert_int_equal(leave(""), 0);
		finish(true);
		assert_true(round == (time_of("tree") != 2 * 86400)); /* it was there: its time is its own */
		assert_int_equal(time_of("tree/a"), 2 * 86400);
		assert_int_equal(time_of("tree/a/b"), 2 * 86400);
	}
	assert_string_equal(contents("tree/a/b/c"), "ok");
	assert_true(readlink("tree/a/link", target_text, sizeof(target_text)) > 0);
	assert_string_equal(target_text, "/etc/passwd");
}

static void names_stay_inside(void **state)
{
	static const char *const bad[] = {"..", "../x", "a/../../x", "/x", "a/./x", ".", "a//x", "a/", "a/.."};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		start("/tmp/x", "inside");
		assert_int_equal(entry(WIRE_FILE_DIRECTORY, "", 0755, 0, ""), 0);
		assert_int_equal(entry(WIRE_FILE_DIRECTORY, "a", 0755, 0, ""), 0);
		assert_int_equal(entry(WIRE_FILE_REGULAR, bad[i], 0644, 0, ""), 0);
		finish(false);
		start("/tmp/x", "inside");
		assert_int_equal(entry(WIRE_FILE_DIRECTORY, "", 0755, 0, ""), 0);
		assert_int_equal(leave(bad[i]), 0);
		finish(false);
	}
	start("/tmp/x", "inside");
	assert_int_equal(entry(WIRE_FILE_DIRECTORY, "", 0755, 0, ""), 0);
	assert_int_equal(entry(WIRE_FILE_SYMLINK, "away", 0777, 0, ".."), 0);
	assert_int_equal(leave("away"), 0);
	finish(false);
	assert_string_equal(contents("x"), "(none)");
	/* A link that the guest has made is not walked through, nor written through. */
	start("/tmp/x", "inside");
	assert_int_equal(entry(WIRE_FILE_DIRECTORY, "", 0755, 0, ""), 0);
	assert_int_equal(entry(WIRE_FILE_SYMLINK, "out", 0777, 0, ".."), 0);
	assert_int_equal(entry(WIRE_FILE_REGULAR, "out/escaped", 0644, 0, ""), 0);
	finish(false);
	assert_string_equal(contents("escaped"), "(none)");
	close(open("canary", O_CREAT | O_WRONLY, 0644));
	start("/tmp/x", "inside");
	assert_int_equal(entry(WIRE_FILE_DIRECTORY, "", 0755, 0, ""), 0);
	assert_int_equal(entry(WIRE_FILE_SYMLINK, "over", 0777, 0, "../canary"), 0);
	assert_int_equal(entry(WIRE_FILE_REGULAR, "over", 0644, 4, ""), 0);
	assert_int_equal(data(0, "evil"), 0);
	finish(true);
	assert_string_equal(contents("canary"), "");
	assert_string_equal(contents("inside/over"), "evil");
	start("/tmp/x", "inside");
	assert_int_equal(entry(WIRE_FILE_DIRECTORY, "", 0755, 0, ""), 0);
	assert_int_equal(entry(WIRE_FILE_SYMLINK, "dir", 0777, 0, ".."), 0);
	assert_int_equal(entry(WIRE_FILE_DIRECTORY, "dir", 0755, 0, ""), 0);
	finish(false);
	/* HOST itself a link that was put there before: replaced, not followed. */
	assert_int_equal(symlink("canary", "link-file"), 0);
	start("/tmp/x", "link-file");
	assert_int_equal(entry(WIRE_FILE_REGULAR, "", 0644, 4, ""), 0);
	assert_int_equal(data(0, "mine"), 0);
	finish(true);
	assert_string_equal(contents("link-file"), "mine");
	assert_string_equal(contents("canary"), "");
}

static void order_is_kept(void **state)
{
	start("/tmp/x", "order");
	assert_int_equal(data(0, "x"), -1); /* of no file */
	assert_int_equal(leave(""), 0);	    /* nothing is there */
	assert_true(session.error.text[0]);
	copy_session_close(&session);
	start("/tmp/x", "order");
	assert_int_equal(entry(WIRE_FILE_REGULAR, "x", 0644, 0, ""), 0); /* no top */
	finish(false);
	start("/tmp/x", "order");
	assert_int_equal(entry(WIRE_FILE_REGULAR, "", 0644, 4, ""), 0);
	assert_int_equal(data(2, "abc"), -1); /* beyond the size */
	assert_int_equal(data(UINT64_MAX, "abc"), -1);
	copy_session_close(&session);
	start("/tmp/x", "order");
	assert_int_equal(entry(WIRE_FILE_REGULAR, "", 0644, 4, ""), 0);
	assert_int_equal(entry(WIRE_FILE_REGULAR, "below", 0644, 4, ""), 0); /* a file */
	finish(false);
	start("/tmp/x", "order");
	begin(WIRE_COPY_BEGIN);
	number(0, 4);
	assert_int_equal(send_it(), -1);
	copy_session_close(&session);
	copy_session_init(&session, 1);
	begin(WIRE_COPY_BEGIN);
	number(1, 4);
	assert_int_equal(send_it(), -1); /* no such copy-out */
	assert_int_equal(end(0, ""), -1);
	start("/tmp/x", "order");
	finish(false); /* nothing came */
	start("/tmp/x", "order");
	assert_int_equal(entry(9, "", 0644, 0, ""), -1);
	assert_int_equal(entry(WIRE_FILE_SYMLINK, "", 0644, 0, ""), -1);
	assert_int_equal(entry(WIRE_FILE_REGULAR, "", 0644, 1ull << 63, ""), -1);
	length = 9;
	assert_int_equal(send_it(), -1);
	copy_session_close(&session);
}

static void bounds_hold(void **state)
{
	static char chunk[32768];
	memset(chunk, 'x', sizeof(chunk) - 1);
	start("/tmp/x", "large");
	assert_int_equal(entry(WIRE_FILE_REGULAR, "", 0644, 1ull << 40, ""), 0);
	for (int i = 0; i < 40; i++)
		assert_int_equal(data((uint64_t)i * 32768, chunk), 0);
	finish(false);
	struct stat st;
	assert_int_equal(stat("large", &st), 0);
	assert_true(st.st_blocks * 512 <= 1 << 20);
	start("/tmp/x", "failed");
	assert_int_equal(entry(WIRE_FILE_DIRECTORY, "", 0755, 0, ""), 0);
	assert_int_equal(end(ENOENT, "there"), 11);
	assert_non_null(strstr(session.error.text, "there: No such file"));
	copy_session_close(&session);
}

static void hosts_that_cannot_be(void **state)
{
	static const char *const bad[] = {"none/x", "nodir/", "fifo", "..x/..", "file-then/x"};
	mkfifo("fifo", 0600);
	close(open("file-then", O_CREAT | O_WRONLY, 0600));
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct error error = {0};
		copy = (struct spec_copy){
		    .out = true, .guest = "/x", .host = bad[i], .into = bad[i][strlen(bad[i]) - 1] == '/'};
		assert_int_equal(copy_target_open(&target, &copy, &error), -1);
		assert_non_null(strstr(error.text, "--copy-out"));
	}
}

static int set_up(void **state)
{
	return !mkdtemp(directory) || chdir(directory);
}

static int tear_down(void **state)
{
	char command[64];
	snprintf(command, sizeof(command), "rm -rf %s", directory);
	return system(command);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(files_arrive),  cmocka_unit_test(trees_arrive), cmocka_unit_test(names_stay_inside),
	    cmocka_unit_test(order_is_kept), cmocka_unit_test(bounds_hold),  cmocka_unit_test(hosts_that_cannot_be),
	};
	return cmocka_run_group_tests(tests, set_up, tear_down);
}
