/* SPDX-License-Identifier: Apache-2.0
 * Operations of a 9P session on a temporary tree: what a well-meaning client gets, and that a hostile one reaches
 * nothing outside of the shares. The canary stands beside them.
 * sources: runner/p9.c runner/p9_fid.c runner/p9_session.c runner/p9_ops.c runner/p9_tree.c runner/p9_attr.c runner/p9_names.c runner/p9_look.c
 * runner/p9_reach.c runner/path_tree.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "abi/unpack.h"
#include "tests/unit/p9_client.h"

static char top[64];
static struct p9_export export;
static struct p9_client *client;

#define RO	   "0"
#define RW	   "1"
#define FILE_SHARE "2"

static const char *in_top(const char *path)
{
	static char text[4][512];
	static unsigned turn;
	char *out = text[turn++ % 4];
	snprintf(out, sizeof(text[0]), "%s/%s", top, path);
	return out;
}

static void write_file(const char *path, const char *text)
{
	int fd = open(in_top(path), O_WRONLY | O_CREAT | O_TRUNC, 0644);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, strlen(text)), strlen(text));
	close(fd);
}

static void assert_text(const char *path, const char *text)
{
	char bytes[256] = "";
	int fd = open(in_top(path), O_RDONLY);
	assert_true(fd >= 0);
	assert_true(read(fd, bytes, sizeof(bytes) - 1) >= 0);
	close(fd);
	assert_string_equal(bytes, text);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int setup(void **state)
{
	strcpy(top, "/tmp/p9-XXXXXX");
	assert_non_null(mkdtemp(top));
	static const char *const directories[] = {"ro", "rw", "ro/dir", "rw/dir", "outside"};
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		assert_int_equal(mkdir(in_top(directories[i]), 0755), 0);
	write_file("outside/canary", "canary");
	write_file("ro/file", "read only");
	write_file("rw/file", "writable");
	write_file("single", "one file");
	assert_int_equal(symlink("../outside/canary", in_top("rw/link")), 0);
	assert_int_equal(symlink("../outside", in_top("rw/linkdir")), 0);
	assert_int_equal(mkfifo(in_top("rw/fifo"), 0644), 0);
	export = (struct p9_export){.shares = 3,
				    .self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY),
				    .host_uid = geteuid(),
				    .guest_uid = 4242,
				    .host_gid = getegid(),
				    .guest_gid = 4343};
	assert_int_equal(p9_share_open(&export.share[0], in_top("ro"), false), 0);
	assert_int_equal(p9_share_open(&export.share[1], in_top("rw"), true), 0);
	assert_int_equal(p9_share_open(&export.share[2], in_top("single"), true), 0);
	client = calloc(1, sizeof(*client));
	assert_non_null(client);
	assert_int_equal(p9_session_init(&client->session, &export), 0);
	assert_int_equal(client_version(client), 0);
	assert_int_equal(client_attach(client, 0, RO), 0);
	assert_int_equal(client_attach(client, 1, RW), 0);
	return 0;
}

static unsigned open_descriptors(void)
{
	unsigned count = 0;
	for (int fd = 0; fd < 1024; fd++)
		count += fcntl(fd, F_GETFD) >= 0;
	return count;
}

static int teardown(void **state)
{
	assert_text("outside/canary", "canary");
	p9_session_close(&client->session);
	free(client);
	for (unsigned i = 0; i < export.shares; i++)
		close(export.share[i].root);
	close(export.self_fd);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define CALL(type, ...)		 client_call(client, type, __VA_ARGS__)
#define WALK(fid, new_fid, name) client_walk(client, fid, new_fid, name)

/* ---- what a client gets ---- */

static void a_file_is_read(void **state)
{
	assert_int_equal(WALK(0, 5, "file"), 0);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDONLY)), 0);
	assert_int_equal(CALL(P9_TREAD, "dqd", U(5), U(5), U(100)), 0);
	assert_int_equal(client_number(client, 7, 4), 4);
	assert_memory_equal(client->reply + 11, "only", 4);
	assert_int_equal(CALL(P9_TREAD, "dqd", U(5), U(9), U(100)), 0);
	assert_int_equal(client_number(client, 7, 4), 0);
}

static void attributes_name_the_programs_user(void **state)
{
	assert_int_equal(chmod(in_top("ro/file"), 06755), 0);
	assert_int_equal(WALK(0, 5, "file"), 0);
	assert_int_equal(CALL(P9_TGETATTR, "dq", U(5), U(P9_GETATTR_BASIC)), 0);
	assert_int_equal(client->size, 160);
	assert_int_equal(client_number(client, 28, 4), S_IFREG | 0755);
	assert_int_equal(client_number(client, 32, 4), 4242);
	assert_int_equal(client_number(client, 36, 4), 4343);
	assert_int_equal(client_number(client, 56, 8), 9);
}

static void a_file_is_made_written_renamed_and_removed(void **state)
{
	assert_int_equal(WALK(1, 5, NULL), 0);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(5), "new", U(O_RDWR | O_CREAT | O_EXCL), U(04644), U(0)), 0);
	assert_int_equal(client_write(client, 5, 2, "text", 4), 0);
	assert_int_equal(client_number(client, 7, 4), 4);
	assert_int_equal(CALL(P9_TFSYNC, "dd", U(5), U(0)), 0);
	struct stat st;
	assert_int_equal(stat(in_top("rw/new"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0644);
	assert_int_equal(st.st_size, 6);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(1), "new", U(1), "newer"), 0);
	assert_int_equal(client_write(client, 5, 0, "--", 2), 0); /* the fid goes with the file */
	assert_text("rw/newer", "--text");
	assert_int_equal(CALL(P9_TUNLINKAT, "dsd", U(1), "newer", U(0)), 0);
	assert_int_equal(access(in_top("rw/newer"), F_OK), -1);
	assert_int_equal(CALL(P9_TGETATTR, "dq", U(5), U(P9_GETATTR_BASIC)), 0); /* and outlives its name */
}

static void directories_links_and_modes(void **state)
{
	struct stat st;
	assert_int_equal(CALL(P9_TMKDIR, "dsdd", U(1), "made", U(07755), U(0)), 0);
	assert_int_equal(stat(in_top("rw/made"), &st), 0);
	assert_int_equal(st.st_mode, S_IFDIR | 01755);
	assert_int_equal(CALL(P9_TSYMLINK, "dssd", U(1), "sym", "any/where", U(0)), 0);
	assert_int_equal(WALK(1, 6, "sym"), 0);
	assert_int_equal(CALL(P9_TREADLINK, "d", U(6)), 0);
	assert_memory_equal(client->reply + 7, "\x09\0any/where", 11);
	assert_int_equal(WALK(1, 7, "file"), 0);
	assert_int_equal(CALL(P9_TLINK, "dds", U(1), U(7), "hard"), 0);
	assert_text("rw/hard", "writable");
	assert_int_equal(CALL(P9_TLINK, "dds", U(1), U(6), "hardsym"), 0);
	assert_int_equal(lstat(in_top("rw/hardsym"), &st), 0);
	assert_true(S_ISLNK(st.st_mode));
	assert_int_equal(CALL(P9_TSETATTR, "dddddqqqqq", U(7),
			      U(P9_SETATTR_MODE | P9_SETATTR_SIZE | P9_SETATTR_MTIME | P9_SETATTR_MTIME_SET), U(06600),
			      U(0), U(0), U(3), U(0), U(0), U(1000), U(5)),
			 0);
	assert_int_equal(stat(in_top("rw/hard"), &st), 0);
	assert_int_equal(st.st_mode, S_IFREG | 0600);
	assert_int_equal(st.st_size, 3);
	assert_int_equal(st.st_mtim.tv_sec, 1000);
	assert_int_equal(st.st_mtim.tv_nsec, 5);
	/* The program's own number is the caller's: nothing to change. */
	assert_int_equal(CALL(P9_TSETATTR, "dddddqqqqq", U(7), U(P9_SETATTR_UID | P9_SETATTR_GID), U(0), U(4242),
			      U(4343), U(0), U(0), U(0), U(0), U(0)),
			 0);
	assert_int_equal(CALL(P9_TUNLINKAT, "dsd", U(1), "made", U(AT_REMOVEDIR)), 0);
}

static void a_large_directory_comes_once_and_whole(void **state)
{
	enum { FILES = 3000 };
	static bool seen[FILES];
	char name[64];
	uint64_t offset = 0, entries = 0;
	memset(seen, 0, sizeof(seen));
	for (int i = 0; i < FILES; i++) {
		snprintf(name, sizeof(name), "rw/dir/%d", i);
		close(open(in_top(name), O_CREAT | O_WRONLY, 0600));
	}
	assert_int_equal(WALK(1, 5, "dir"), 0);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDONLY | O_DIRECTORY)), 0);
	for (;;) {
		assert_int_equal(CALL(P9_TREADDIR, "dqd", U(5), offset, U(1000)), 0);
		size_t bytes = client_number(client, 7, 4), at = 11;
		assert_true(bytes <= 1000);
		if (!bytes)
			break;
		for (; at < 11 + bytes; entries++) {
			offset = client_number(client, at + 13, 8);
			size_t length = client_number(client, at + 22, 2);
			memcpy(name, client->reply + at + 24, length);
			name[length] = 0;
			at += 24 + length;
			if (name[0] == '.')
				continue;
			assert_false(seen[atoi(name)]);
			seen[atoi(name)] = true;
		}
		assert_int_equal(at, 11 + bytes);
	}
	assert_int_equal(entries, FILES + 2);
	/* From the middle, and from the start again. */
	assert_int_equal(CALL(P9_TREADDIR, "dqd", U(5), U(0), U(1000)), 0);
	assert_true(client_number(client, 7, 4) > 0);
}

static void odd_names_and_holes_beyond_4_gib(void **state)
{
	char longest[P9_NAME_MAX + 1];
	memset(longest, 0xfe, P9_NAME_MAX);
	longest[P9_NAME_MAX] = 0;
	assert_int_equal(WALK(1, 5, NULL), 0);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(5), longest, U(O_RDWR), U(0600), U(0)), 0);
	assert_int_equal(client_write(client, 5, 5ull << 30, "end", 3), 0);
	assert_int_equal(CALL(P9_TREAD, "dqd", U(5), (5ull << 30) - 1, U(100)), 0);
	assert_int_equal(client_number(client, 7, 4), 4);
	assert_memory_equal(client->reply + 11, "\0end", 4);
	assert_int_equal(WALK(1, 6, longest), 0);
	assert_int_equal(CALL(P9_TGETATTR, "dq", U(6), U(0)), 0);
	assert_int_equal(client_number(client, 56, 8), (5ull << 30) + 3);
	assert_int_equal(CALL(P9_TUNLINKAT, "dsd", U(1), longest, U(0)), 0);
}

static void a_share_may_be_a_file(void **state)
{
	assert_int_equal(client_attach(client, 9, FILE_SHARE), 0);
	assert_int_equal(WALK(9, 10, "x"), -ENOTDIR);
	assert_int_equal(WALK(9, 10, NULL), 0);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(10), U(O_RDWR | O_TRUNC)), 0);
	assert_int_equal(client_write(client, 10, 0, "new", 3), 0);
	assert_text("single", "new");
}

static void the_version_of_a_qid_follows_the_contents(void **state)
{
	assert_int_equal(WALK(1, 5, "file"), 0);
	uint64_t before = client_number(client, 10, 4);
	assert_int_equal(WALK(1, 6, "file"), 0);
	assert_int_equal(client_number(client, 10, 4), before);
	write_file("rw/file", "other size");
	assert_int_equal(WALK(1, 7, "file"), 0);
	assert_int_not_equal(client_number(client, 10, 4), before);
}

/* ---- what a hostile client does not get ---- */

static void no_name_leads_out(void **state)
{
	static const char *const names[] = {"..", ".", "/", "", "/etc", "dir/..", "../outside", "dir/../../outside"};
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		assert_int_equal(WALK(1, 5, names[i]), -EINVAL);
		assert_int_equal(CALL(P9_TMKDIR, "dsdd", U(1), names[i], U(0755), U(0)), -EINVAL);
		assert_int_equal(CALL(P9_TUNLINKAT, "dsd", U(1), names[i], U(0)), -EINVAL);
		assert_int_equal(CALL(P9_TSYMLINK, "dssd", U(1), names[i], "x", U(0)), -EINVAL);
		assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(1), "file", U(1), names[i]), -EINVAL);
		assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(1), names[i], U(1), "x"), -EINVAL);
		assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(1), names[i], U(O_RDWR), U(0600), U(0)), -EINVAL);
	}
}

static void symbolic_links_are_not_followed(void **state)
{
	assert_int_equal(WALK(1, 5, "link"), 0);
	assert_int_equal(client->reply[9], P9_QTSYMLINK);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDONLY)), -ELOOP);
	assert_int_equal(CALL(P9_TREAD, "dqd", U(5), U(0), U(10)), -EBADF);
	assert_int_equal(
	    CALL(P9_TSETATTR, "dddddqqqqq", U(5), U(P9_SETATTR_SIZE), U(0), U(0), U(0), U(0), U(0), U(0), U(0), U(0)),
	    -EINVAL);
	assert_int_equal(
	    CALL(P9_TSETATTR, "dddddqqqqq", U(5), U(P9_SETATTR_MODE), U(0), U(0), U(0), U(0), U(0), U(0), U(0), U(0)),
	    -EOPNOTSUPP);
	assert_int_equal(WALK(1, 6, "linkdir"), 0);
	assert_int_equal(WALK(6, 7, "canary"), -ENOTDIR);
	assert_int_equal(CALL(P9_TMKDIR, "dsdd", U(6), "x", U(0755), U(0)), -ENOTDIR);
	assert_int_equal(WALK(1, 8, NULL), 0);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(8), "link", U(O_RDWR | O_TRUNC), U(0600), U(0)), -ELOOP);
	/* Two names in one request: the walk stops at the link. */
	assert_int_equal(CALL(P9_TWALK, "ddwss", U(1), U(9), U(2), "linkdir", "canary"), 0);
	assert_int_equal(client_number(client, 7, 2), 1);
	assert_int_equal(client_clunk(client, 9), -EBADF);
}

static void devices_fifos_and_sockets_are_not_opened(void **state)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX};
	int fd = socket(AF_UNIX, SOCK_STREAM, 0);
	strcpy(address.sun_path, in_top("rw/socket"));
	assert_int_equal(bind(fd, (struct sockaddr *)&address, sizeof(address)), 0);
	static const char *const names[] = {"fifo", "socket"};
	for (int i = 0; i < 2; i++) {
		assert_int_equal(WALK(1, 5, names[i]), 0);
		assert_int_equal(CALL(P9_TGETATTR, "dq", U(5), U(0)), 0);
		assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDONLY)), -EACCES);
		assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_WRONLY)), -EACCES);
		assert_int_equal(client_clunk(client, 5), 0);
		assert_int_equal(WALK(1, 6, NULL), 0);
		assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(6), names[i], U(O_RDWR), U(0600), U(0)), -EACCES);
		assert_int_equal(client_clunk(client, 6), 0);
	}
	close(fd);
	assert_int_equal(CALL(P9_TMKNOD, "dsdddd", U(1), "dev", U(S_IFCHR | 0666), U(1), U(3), U(0)), -EPERM);
	assert_int_equal(CALL(P9_TMKNOD, "dsdddd", U(1), "pipe", U(S_IFIFO | 0666), U(0), U(0), U(0)), -EPERM);
	assert_int_equal(CALL(P9_TMKNOD, "dsdddd", U(1), "plain", U(S_IFREG | 04666), U(0), U(0), U(0)), 0);
}

static void a_read_only_share_stays_as_it_is(void **state)
{
	assert_int_equal(WALK(0, 5, "file"), 0);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDWR)), -EROFS);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDONLY | O_TRUNC)), -EROFS);
	assert_int_equal(
	    CALL(P9_TSETATTR, "dddddqqqqq", U(5), U(P9_SETATTR_SIZE), U(0), U(0), U(0), U(0), U(0), U(0), U(0), U(0)),
	    -EROFS);
	assert_int_equal(
	    CALL(P9_TSETATTR, "dddddqqqqq", U(5), U(P9_SETATTR_MODE), U(0), U(0), U(0), U(0), U(0), U(0), U(0), U(0)),
	    -EROFS);
	assert_int_equal(
	    CALL(P9_TSETATTR, "dddddqqqqq", U(5), U(P9_SETATTR_MTIME), U(0), U(0), U(0), U(0), U(0), U(0), U(0), U(0)),
	    -EROFS);
	assert_int_equal(CALL(P9_TMKDIR, "dsdd", U(0), "x", U(0755), U(0)), -EROFS);
	assert_int_equal(CALL(P9_TSYMLINK, "dssd", U(0), "x", "y", U(0)), -EROFS);
	assert_int_equal(CALL(P9_TMKNOD, "dsdddd", U(0), "x", U(S_IFREG), U(0), U(0), U(0)), -EROFS);
	assert_int_equal(CALL(P9_TUNLINKAT, "dsd", U(0), "file", U(0)), -EROFS);
	assert_int_equal(CALL(P9_TLINK, "dds", U(0), U(5), "x"), -EROFS);
	assert_int_equal(CALL(P9_TLINK, "dds", U(1), U(5), "x"), -EXDEV);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(0), "file", U(0), "x"), -EROFS);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(1), "file", U(0), "x"), -EROFS);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(0), "file", U(1), "x"), -EROFS);
	assert_int_equal(WALK(0, 6, NULL), 0);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(6), "x", U(O_RDONLY), U(0600), U(0)), -EROFS);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDONLY)), 0);
	assert_int_equal(client_write(client, 5, 0, "x", 1), -EBADF);
	assert_text("ro/file", "read only");
}

static void guessed_and_stale_fids_mean_nothing(void **state)
{
	for (uint64_t fid = 2; fid < 100; fid++)
		assert_int_equal(CALL(P9_TREAD, "dqd", fid, U(0), U(10)), -EBADF);
	assert_int_equal(WALK(1, 5, "file"), 0);
	assert_int_equal(client_clunk(client, 5), 0);
	assert_int_equal(client_clunk(client, 5), -EBADF);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(0)), -EBADF);
	assert_int_equal(WALK(1, 0, "file"), -EBADF); /* taken */
	assert_int_equal(WALK(1, P9_NOFID, "file"), -EBADF);
	assert_int_equal(client_attach(client, 1, RO), -EBADF);
	assert_int_equal(client_attach(client, 20, "3"), -ENOENT);
	assert_int_equal(client_attach(client, 20, "-1"), -ENOENT);
	assert_int_equal(client_attach(client, 20, "/"), -ENOENT);
	assert_int_equal(client_attach(client, 20, ""), -ENOENT);
	assert_int_equal(client_attach(client, 20, "4294967296"), -ENOENT);
	/* A fid that is open is not opened or walked from as a directory. */
	assert_int_equal(WALK(1, 5, "file"), 0);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDONLY)), 0);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDWR)), -EBADF);
	assert_int_equal(CALL(P9_TREADDIR, "dqd", U(5), U(0), U(100)), -ENOTDIR);
	assert_int_equal(CALL(P9_TREMOVE, "d", U(5)), -EOPNOTSUPP);
	assert_int_equal(client_clunk(client, 5), -EBADF);
	/* A new version forgets all. */
	assert_int_equal(client_version(client), 0);
	assert_int_equal(client_clunk(client, 1), -EBADF);
}

static void fids_are_bounded_and_given_back(void **state)
{
	struct rlimit limit, few;
	unsigned before = open_descriptors();
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
	few = limit;
	few.rlim_cur = 200;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &few), 0);
	int error = 0;
	uint32_t fid = 10;
	while (!(error = WALK(1, fid, "file")))
		fid++;
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
	assert_int_equal(error, -ENFILE);
	assert_true(fid > 100 && fid < 210);
	for (uint32_t n = 10; n < fid; n++)
		assert_int_equal(client_clunk(client, n), 0);
	assert_int_equal(open_descriptors(), before);
	assert_int_equal(WALK(1, 5, "file"), 0);
}

static void half_and_wrong_messages_end_the_session(void **state)
{
	static const uint8_t half[] = {9, 0, 0, 0, P9_TCLUNK, 1, 0, 0, 0};
	assert_int_equal(p9_session_handle(&client->session, half, sizeof(half), client->reply, P9_MSIZE_MAX), 0);
	assert_int_equal(client_call(client, 99, ""), -EOPNOTSUPP);
	assert_int_equal(client_call(client, P9_TVERSION, "ds", U(100), "9P2000.L"), 1); /* msize too small */
	assert_int_equal(client_call(client, P9_TVERSION, "ds", U(8192), "9P2000"), 0);
	assert_memory_equal(client->reply + 11, "\7\0unknown", 9);
	assert_int_equal(client_attach(client, 1, RW), 1); /* no version agreed */
}

static void counts_and_offsets_at_the_limits(void **state)
{
	assert_int_equal(client_call(client, P9_TVERSION, "ds", U(8192), "9P2000.L"), 0);
	assert_int_equal(client_attach(client, 1, RW), 0);
	assert_int_equal(WALK(1, 5, "file"), 0);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDWR)), 0);
	assert_int_equal(truncate(in_top("rw/file"), 100000), 0);
	assert_int_equal(CALL(P9_TREAD, "dqd", U(5), U(0), U(UINT32_MAX)), 0);
	assert_int_equal(client->size, 8192);
	assert_int_equal(CALL(P9_TREAD, "dqd", U(5), UINT64_MAX, U(1)), -EINVAL);
	assert_int_equal(client_write(client, 5, UINT64_MAX, "x", 1), -EFBIG);
	assert_int_equal(client_write(client, 5, 0, client->reply, 9000), 1); /* larger than agreed */
	assert_int_equal(WALK(1, 6, NULL), 0);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(6), U(0)), 0);
	assert_int_equal(CALL(P9_TREADDIR, "dqd", U(6), U(0), U(10)), -EINVAL);
	assert_true(CALL(P9_TREADDIR, "dqd", U(6), UINT64_MAX, U(4000)) <= 0);
	assert_int_equal(CALL(P9_TSETATTR, "dddddqqqqq", U(5), U(P9_SETATTR_SIZE), U(0), U(0), U(0), UINT64_MAX, U(0),
			      U(0), U(0), U(0)),
			 -EFBIG);
	assert_int_equal(CALL(P9_TSETATTR, "dddddqqqqq", U(5), U(P9_SETATTR_MTIME | P9_SETATTR_MTIME_SET), U(0), U(0),
			      U(0), U(0), U(0), U(0), UINT64_MAX, UINT64_MAX),
			 -EINVAL);
}

static void file_systems_of_the_kernel_are_no_part_of_a_share(void **state)
{
	struct p9_share share;
	assert_int_equal(p9_share_open(&share, "/proc", false), -EACCES);
	assert_int_equal(p9_share_open(&share, "/proc/self/status", false), -EACCES);
	assert_int_equal(p9_share_open(&share, "/dev/null", false), -EINVAL);
	struct p9_share kept = export.share[0];
	assert_int_equal(p9_share_open(&export.share[0], "/", false), 0);
	assert_int_equal(client_attach(client, 5, RO), 0);
	assert_int_equal(WALK(5, 6, "proc"), 0); /* a place to mount on */
	assert_int_equal(CALL(P9_TGETATTR, "dq", U(6), U(0)), 0);
	assert_int_equal(WALK(6, 7, "self"), -EACCES);
	assert_int_equal(WALK(6, 7, NULL), 0);
	assert_int_equal(WALK(7, 8, "1"), -EACCES);
	assert_int_equal(CALL(P9_TLOPEN, "dd", U(6), U(O_RDONLY)), -EACCES);
	close(export.share[0].root);
	export.share[0] = kept;
}

/* In a mount namespace of its own: a file of proc lies over one of a writable share. */
static int open_a_file_of_proc(void)
{
	uid_t uid = geteuid();
	if (unshare(CLONE_NEWNS | (uid ? CLONE_NEWUSER : 0)) || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) ||
	    mount("/proc/self/comm", in_top("rw/file"), NULL, MS_BIND, NULL))
		return uid ? 77 : 1;
	/* The roots that are open belong to the other namespace. */
	close(export.share[1].root);
	if (p9_share_open(&export.share[1], in_top("rw"), true) || client_attach(client, 5, RW) || WALK(5, 6, "file"))
		return 2;
	if (CALL(P9_TLOPEN, "dd", U(6), U(O_WRONLY)) != -EACCES)
		return 3;
	return CALL(P9_TLCREATE, "dsddd", U(5), "file", U(O_RDWR | O_CREAT), U(0600), U(0)) == -EACCES ? 0 : 4;
}

static void a_file_of_the_kernel_over_one_of_the_share_is_not_opened(void **state)
{
	int status;
	pid_t child = fork();
	if (!child)
		_exit(open_a_file_of_proc());
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	if (WEXITSTATUS(status) == 77)
		skip();
	assert_int_equal(WEXITSTATUS(status), 0);
}

/* A host process that exchanges a directory and a link to the outside as fast as it can. */
static atomic_bool swapping;

static void *swap(void *unused)
{
	char dir[512], link[512], spare[512];
	strcpy(dir, in_top("rw/swap"));
	strcpy(link, in_top("rw/swaplink"));
	strcpy(spare, in_top("rw/spare"));
	while (atomic_load(&swapping)) {
		rename(dir, spare);
		rename(link, dir);
		rename(dir, link);
		rename(spare, dir);
	}
	return NULL;
}

static void a_race_of_links_and_directories_leads_nowhere(void **state)
{
	pthread_t thread;
	unsigned got = 0;
	assert_int_equal(mkdir(in_top("rw/swap"), 0755), 0);
	write_file("rw/swap/canary", "inside");
	assert_int_equal(symlink("../outside", in_top("rw/swaplink")), 0);
	atomic_store(&swapping, true);
	assert_int_equal(pthread_create(&thread, NULL, swap, NULL), 0);
	for (int i = 0; i < 20000; i++) {
		int error = CALL(P9_TWALK, "ddwss", U(1), U(5), U(2), "swap", "canary");
		if (error || client_number(client, 7, 2) < 2)
			continue;
		assert_int_equal(CALL(P9_TLOPEN, "dd", U(5), U(O_RDONLY)), 0);
		assert_int_equal(CALL(P9_TREAD, "dqd", U(5), U(0), U(100)), 0);
		assert_memory_equal(client->reply + 11, "inside", 6);
		assert_int_equal(client_clunk(client, 5), 0);
		got++;
	}
	atomic_store(&swapping, false);
	pthread_join(thread, NULL);
	assert_true(got > 0);
}

static struct {
	unsigned calls;
	int fd, result;
	uint64_t offset, bytes;
	uint32_t unit;
} mapped;

static int note_map(void *context, int fd, uint64_t offset, uint64_t bytes, uint32_t unit)
{
	assert_ptr_equal(context, &mapped);
	mapped.calls++;
	mapped.fd = fd;
	mapped.offset = offset;
	mapped.bytes = bytes;
	mapped.unit = unit;
	return mapped.result;
}

static int map(uint64_t fid)
{
	return client_call(client, P9_TMAP, "dqqd", fid, (uint64_t)8192, (uint64_t)4097, (uint64_t)77);
}

static void only_open_files_of_read_only_shares_are_mapped(void **state)
{
	struct stat here, there;
	assert_int_equal(client_walk(client, 0, 10, "file"), 0);
	assert_int_equal(map(10), -EOPNOTSUPP); /* there is no window */
	mapped.calls = 0;
	mapped.result = 0;
	export.map = note_map;
	export.map_context = &mapped;
	assert_int_equal(map(10), -EBADF);
	assert_int_equal(map(11), -EBADF);
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)10, (uint64_t)O_RDONLY), 0);
	assert_int_equal(mapped.calls, 0);
	assert_int_equal(map(10), 0);
	assert_int_equal(mapped.calls, 1);
	assert_int_equal(mapped.offset, 8192);
	assert_int_equal(mapped.bytes, 4097);
	assert_int_equal(mapped.unit, 77);
	assert_int_equal(fstat(mapped.fd, &here) | stat(in_top("ro/file"), &there), 0);
	assert_true(here.st_ino == there.st_ino);
	mapped.result = -EBUSY;
	assert_int_equal(map(10), -EBUSY);
	assert_int_equal(client_walk(client, 0, 12, "dir"), 0);
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)12, (uint64_t)(O_RDONLY | O_DIRECTORY)), 0);
	assert_int_equal(map(12), -EBADF);
	/* Nothing of a writable share. */
	assert_int_equal(client_walk(client, 1, 13, "file"), 0);
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)13, (uint64_t)O_RDONLY), 0);
	mapped.calls = 0;
	assert_int_equal(map(13), -EOPNOTSUPP);
	assert_int_equal(mapped.calls, 0);
	export.map = NULL;
}

static struct {
	unsigned calls;
	uint32_t algorithm;
	size_t bytes, wanted;
	uint8_t first;
} unpacked;

/* "Decompresses" to as many bytes as are wanted, 10000 at most, each its number. */
static int64_t note_unpack(uint32_t algorithm, const uint8_t *packed, size_t bytes, uint8_t *plain, size_t wanted,
			   size_t room)
{
	size_t n = wanted < 10000 ? wanted : 10000;
	unpacked.calls++;
	unpacked.algorithm = algorithm;
	unpacked.bytes = bytes;
	unpacked.wanted = wanted;
	unpacked.first = packed[0];
	assert_true(wanted <= room);
	for (size_t i = 0; i < n; i++)
		plain[i] = (uint8_t)i;
	return algorithm == 99 ? -EOPNOTSUPP : (int64_t)n;
}

static int unpack(uint64_t offset, uint64_t packed, uint64_t algorithm, uint64_t skip, uint64_t count)
{
	return client_call(client, P9_TUNPACK, "dqdddd", (uint64_t)10, offset, packed, algorithm, skip, count);
}

static void blocks_of_images_alone_are_unpacked(void **state)
{
	assert_int_equal(client_walk(client, 0, 10, "file"), 0);
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)10, (uint64_t)O_RDONLY), 0);
	export.unpack = note_unpack;
	assert_int_equal(unpack(0, 1, 1, 0, 100), -EOPNOTSUPP); /* a share like others */
	export.share[0].image = true;
	assert_int_equal(unpack(1, 2, 7, 3, 100), 0);
	assert_int_equal(unpacked.calls, 1);
	assert_int_equal(unpacked.algorithm, 7);
	assert_int_equal(unpacked.bytes, 2);
	assert_int_equal(unpacked.wanted, 103);
	assert_int_equal(client_number(client, 7, 4), 100);
	assert_int_equal(client_number(client, 11, 1), 3);
	assert_int_equal(client->size, 111);
	/* Less comes out than was asked for, or nothing. */
	assert_int_equal(unpack(0, 1, 1, 9990, 100), 0);
	assert_int_equal(client_number(client, 7, 4), 10);
	assert_int_equal(unpack(0, 1, 1, 20000, 100), 0);
	assert_int_equal(client_number(client, 7, 4), 0);
	assert_int_equal(unpack(0, 1, 99, 0, 100), -EOPNOTSUPP);
	unpacked.calls = 0;
	assert_int_equal(unpack(0, 0, 1, 0, 100), -EINVAL);
	assert_int_equal(unpack(0, UNPACK_PACKED_MAX + 1, 1, 0, 100), -EINVAL);
	assert_int_equal(unpack(0, 1, 1, 0, P9_MSIZE_MAX), -EINVAL);
	assert_int_equal(unpack(0, 1, 1, UNPACK_PLAIN_MAX, 1), -EINVAL);
	assert_int_equal(unpack(0, 1, 1, 0xffffffff, 0xffffffff), -EINVAL);
	assert_int_equal(unpack(UINT64_MAX, 1, 1, 0, 1), -EINVAL);
	assert_int_equal(unpack(1ull << 40, 1, 1, 0, 1), -EIO); /* behind the end of the file */
	assert_int_equal(unpacked.calls, 0);
	export.unpack = NULL;
}

static int note_lend(void *context, int fd, uint32_t slot)
{
	assert_ptr_equal(context, &mapped);
	mapped.calls++;
	mapped.fd = fd;
	mapped.unit = slot;
	return mapped.result;
}

static int lend(uint64_t fid)
{
	return client_call(client, P9_TLEND, "dd", fid, (uint64_t)5);
}

static void only_open_files_are_lent_as_they_were_opened(void **state)
{
	assert_int_equal(client_walk(client, 0, 10, "file"), 0);
	assert_int_equal(lend(10), -EOPNOTSUPP);
	mapped.calls = 0;
	mapped.result = 0;
	export.lend = note_lend;
	export.map_context = &mapped;
	assert_int_equal(lend(10), -EBADF); /* not open */
	assert_int_equal(lend(11), -EBADF);
	assert_int_equal(client_walk(client, 0, 12, "dir"), 0);
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)12, (uint64_t)(O_RDONLY | O_DIRECTORY)), 0);
	assert_int_equal(lend(12), -EBADF);
	assert_int_equal(mapped.calls, 0);
	/* A file of a read-only share can have been opened for reading alone. */
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)10, (uint64_t)O_RDWR), -EROFS);
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)10, (uint64_t)O_RDONLY), 0);
	assert_int_equal(lend(10), 0);
	assert_int_equal(mapped.unit, 5);
	assert_int_equal(fcntl(mapped.fd, F_GETFL) & O_ACCMODE, O_RDONLY);
	assert_int_equal(client_walk(client, 1, 13, "file"), 0);
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)13, (uint64_t)O_RDWR), 0);
	assert_int_equal(lend(13), 0);
	assert_int_equal(fcntl(mapped.fd, F_GETFL) & O_ACCMODE, O_RDWR);
	mapped.result = -EBUSY;
	assert_int_equal(lend(13), -EBUSY);
	mapped.result = 0;
	mapped.calls = 0;
	assert_int_equal(lend(P9_NOFID), 0); /* it is given back */
	assert_int_equal(mapped.calls, 1);
	assert_int_equal(mapped.fd, -1);
	export.lend = NULL;
}

static int look(uint64_t directory, uint64_t fid, uint64_t bytes, const char *name)
{
	return client_call(client, P9_TLOOK, "ddds", directory, fid, bytes, name);
}

#define LOOK_TOLD (P9_LOOK_EXTRA - 1) /* place in the reply */

static void a_look_tells_what_the_single_requests_would(void **state)
{
	uint8_t attributes[153];
	assert_int_equal(client_walk(client, 0, 10, "file"), 0);
	assert_int_equal(client_call(client, P9_TGETATTR, "dq", (uint64_t)10, (uint64_t)P9_GETATTR_BASIC), 0);
	memcpy(attributes, client->reply + P9_HEADER, sizeof(attributes));
	uint64_t size = client_number(client, P9_HEADER + 8 + 13 + 4 + 4 + 4 + 8 + 8, 8);
	/* With its contents, when they are as few as allowed, and without. */
	assert_int_equal(look(0, 11, size, "file"), 0);
	assert_memory_equal(client->reply + P9_HEADER, attributes, sizeof(attributes));
	assert_int_equal(client->reply[LOOK_TOLD], 1);
	assert_int_equal(client->size, P9_LOOK_EXTRA + size);
	uint8_t contents[64];
	assert_true(size && size <= sizeof(contents));
	memcpy(contents, client->reply + P9_LOOK_EXTRA, size);
	assert_int_equal(look(0, P9_NOFID, size - 1, "file"), 0);
	assert_int_equal(client->reply[LOOK_TOLD], 0);
	assert_int_equal(client->size, P9_LOOK_EXTRA);
	assert_int_equal(look(0, P9_NOFID, 0, "file"), 0);
	assert_int_equal(client->reply[LOOK_TOLD], 0);
	/* The fid is one that Twalk could have made. */
	assert_int_equal(look(0, 11, 0, "file"), -EBADF);
	assert_int_equal(client_call(client, P9_TLOPEN, "dd", (uint64_t)11, (uint64_t)O_RDONLY), 0);
	assert_int_equal(client_call(client, P9_TREAD, "dqd", (uint64_t)11, (uint64_t)0, (uint64_t)100), 0);
	assert_memory_equal(client->reply + P9_READ_EXTRA, contents, size);
	assert_int_equal(look(11, P9_NOFID, 0, "x"), -ENOTDIR);
	assert_int_equal(look(0, 12, 100, "nothing"), -ENOENT);
	assert_int_equal(client_clunk(client, 12), -EBADF);
	assert_int_equal(look(0, 12, 100, ".."), -EINVAL);
	assert_int_equal(look(0, 12, 100, "dir"), 0);
	assert_int_equal(client->reply[LOOK_TOLD], 0);
	assert_int_equal(look(0, 13, UINT32_MAX, "file"), 0);
	assert_int_equal(client->size, P9_LOOK_EXTRA + size);
}

static void a_look_tells_where_a_link_points_and_opens_no_device(void **state)
{
	assert_int_equal(client_call(client, P9_TSYMLINK, "dssd", (uint64_t)1, "points", "../out/canary", (uint64_t)0),
			 0);
	assert_int_equal(look(1, 11, 4095, "points"), 0);
	assert_int_equal(client->reply[LOOK_TOLD], 1);
	assert_int_equal(client->size, P9_LOOK_EXTRA + strlen("../out/canary"));
	assert_memory_equal(client->reply + P9_LOOK_EXTRA, "../out/canary", strlen("../out/canary"));
	assert_int_equal(look(1, P9_NOFID, 4, "points"), 0);
	assert_int_equal(client->reply[LOOK_TOLD], 0);
	assert_int_equal(look(1, P9_NOFID, 4095, "fifo"), 0); /* does not block */
	assert_int_equal(client->reply[LOOK_TOLD], 0);
	assert_int_equal(chmod(in_top("rw/file"), 0), 0);
	if (geteuid()) {
		assert_int_equal(look(1, P9_NOFID, 4095, "file"), 0);
		assert_int_equal(client->reply[LOOK_TOLD], 0);
	}
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
	    TEST(a_file_is_read),
	    TEST(attributes_name_the_programs_user),
	    TEST(a_file_is_made_written_renamed_and_removed),
	    TEST(directories_links_and_modes),
	    TEST(a_large_directory_comes_once_and_whole),
	    TEST(odd_names_and_holes_beyond_4_gib),
	    TEST(a_share_may_be_a_file),
	    TEST(the_version_of_a_qid_follows_the_contents),
	    TEST(no_name_leads_out),
	    TEST(symbolic_links_are_not_followed),
	    TEST(devices_fifos_and_sockets_are_not_opened),
	    TEST(a_read_only_share_stays_as_it_is),
	    TEST(guessed_and_stale_fids_mean_nothing),
	    TEST(fids_are_bounded_and_given_back),
	    TEST(half_and_wrong_messages_end_the_session),
	    TEST(counts_and_offsets_at_the_limits),
	    TEST(file_systems_of_the_kernel_are_no_part_of_a_share),
	    TEST(a_file_of_the_kernel_over_one_of_the_share_is_not_opened),
	    TEST(a_race_of_links_and_directories_leads_nowhere),
	    TEST(a_look_tells_what_the_single_requests_would),
	    TEST(a_look_tells_where_a_link_points_and_opens_no_device),
	    TEST(only_open_files_of_read_only_shares_are_mapped),
	    TEST(blocks_of_images_alone_are_unpacked),
	    TEST(only_open_files_are_lent_as_they_were_opened),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
