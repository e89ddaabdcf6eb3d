/* SPDX-License-Identifier: Apache-2.0
 * A 9P session that keeps to a list of paths, or notes what it serves: what is not listed is not there, whatever is
 * asked for.
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
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/unit/p9_client.h"

static char top[64];
static struct p9_export export;
static struct path_tree *list, *record;
static struct p9_client *client;

static const char *in_top(const char *path)
{
	static char text[4][512];
	static unsigned turn;
	char *out = text[turn++ % 4];
	snprintf(out, sizeof(text[0]), "%s/%s", top, path);
	return out;
}

static void allow(const char *path, uint32_t flags)
{
	list->node[path_tree_add_path(list, in_top(path))].flags |= flags;
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int setup(void **state)
{
	static const char *const files[] = {"listed", "unlisted", "dir/listed", "dir/unlisted", "tree/deep/file"};
	strcpy(top, "/tmp/p9-XXXXXX");
	assert_non_null(mkdtemp(top));
	mkdir(in_top("dir"), 0755);
	mkdir(in_top("tree"), 0755);
	mkdir(in_top("tree/deep"), 0755);
	mkdir(in_top("moved"), 0755);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		close(open(in_top(files[i]), O_WRONLY | O_CREAT, 0644));
	export = (struct p9_export){.shares = 1, .self_fd = open("/proc/self/fd", O_PATH | O_DIRECTORY)};
	assert_int_equal(p9_share_open(&export.share[0], top, true), 0);
	export.list = list = path_tree_new();
	export.record = record = path_tree_new();
	assert_true(list && record);
	allow("listed", REACH_READ);
	allow("dir/listed", REACH_READ | REACH_WRITE);
	allow("new", REACH_READ | REACH_WRITE);
	allow("moved", REACH_READ | REACH_WRITE);
	allow("tree", REACH_ALL);
	export.share[0].reach = p9_reach_at(&export, top);
	client = calloc(1, sizeof(*client));
	assert_non_null(client);
	assert_int_equal(p9_session_init(&client->session, &export), 0);
	assert_int_equal(client_version(client), 0);
	assert_int_equal(client_attach(client, 0, "0"), 0);
	return 0;
}

static int teardown(void **state)
{
	p9_session_close(&client->session);
	free(client);
	munmap(list, sizeof(*list));
	munmap(record, sizeof(*record));
	close(export.share[0].root);
	close(export.self_fd);
	return nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

#define CALL(type, ...)		 client_call(client, type, __VA_ARGS__)
#define WALK(fid, new_fid, name) client_walk(client, fid, new_fid, name)
#define OPEN(fid, flags)	 CALL(P9_TLOPEN, "dd", U(fid), U(flags))

static uint32_t noted(const char *path)
{
	uint32_t node = path_tree_find_path(record, in_top(path));
	return node ? record->node[node].flags : ~0u;
}

static void what_is_not_listed_is_not_there(void **state)
{
	assert_int_equal(WALK(0, 1, "listed"), 0);
	assert_int_equal(WALK(0, 2, "unlisted"), -ENOENT);
	assert_int_equal(WALK(0, 2, "nothing"), -ENOENT);
	assert_int_equal(WALK(0, 2, "dir"), 0);
	assert_int_equal(WALK(2, 3, "unlisted"), -ENOENT);
	assert_int_equal(WALK(2, 3, "listed"), 0);
	assert_int_equal(CALL(P9_TWALK, "ddwss", U(0), U(4), U(2), "dir", "unlisted"), 0); /* one name, and no fid */
	assert_int_equal(client_number(client, P9_HEADER, 2), 1);
	assert_int_equal(OPEN(4, O_RDONLY), -EBADF);
	assert_int_equal(WALK(0, 5, "tree"), 0);
	assert_int_equal(CALL(P9_TWALK, "ddwss", U(5), U(6), U(2), "deep", "file"), 0);
	assert_int_equal(OPEN(6, O_RDWR), 0);
}

static void to_read_is_not_to_write(void **state)
{
	assert_int_equal(WALK(0, 1, "listed"), 0);
	assert_int_equal(WALK(1, 2, NULL), 0); /* a clone has no more */
	assert_int_equal(OPEN(1, O_WRONLY), -EACCES);
	assert_int_equal(OPEN(1, O_RDWR), -EACCES);
	assert_int_equal(OPEN(1, O_RDONLY | O_TRUNC), -EACCES);
	assert_int_equal(OPEN(2, O_WRONLY), -EACCES);
	assert_int_equal(OPEN(1, O_RDONLY), 0);
	for (uint64_t valid = 1; valid <= P9_SETATTR_MTIME; valid <<= 1)
		assert_int_equal(
		    CALL(P9_TSETATTR, "dddddqqqqq", U(2), valid, U(0), U(0), U(0), U(0), U(0), U(0), U(0), U(0)),
		    -EACCES);
	assert_int_equal(CALL(P9_TUNLINKAT, "dsd", U(0), "listed", U(0)), -EACCES);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(0), "listed", U(0), "new"), -EACCES);
	assert_int_equal(CALL(P9_TLINK, "dds", U(0), U(2), "new"), -EACCES);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(0), "listed", U(O_RDWR), U(0600), U(0)), -EACCES);
}

static void names_are_made_where_listed(void **state)
{
	assert_int_equal(CALL(P9_TMKDIR, "dsdd", U(0), "other", U(0755), U(0)), -EACCES);
	assert_int_equal(CALL(P9_TSYMLINK, "dssd", U(0), "other", "listed", U(0)), -EACCES);
	assert_int_equal(CALL(P9_TMKNOD, "dsdddd", U(0), "other", U(S_IFREG | 0644), U(0), U(0), U(0)), -EACCES);
	assert_int_equal(WALK(0, 1, NULL), 0);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(1), "other", U(O_RDWR), U(0600), U(0)), -EACCES);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(1), "new", U(O_RDWR), U(0600), U(0)), 0);
	assert_int_equal(client_write(client, 1, 0, "x", 1), 0);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(0), "new", U(0), "other"), -EACCES);
	assert_int_equal(CALL(P9_TUNLINKAT, "dsd", U(0), "new", U(0)), 0);
}

/* A directory's name may be changed, what lies in it not: it must not get to where it could. */
static void a_directory_moves_only_with_all_that_is_in_it(void **state)
{
	assert_int_equal(WALK(0, 1, "tree"), 0);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(0), "moved", U(1), "inside"), -EACCES);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(1), "deep", U(1), "deeper"), 0);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(0), "dir", U(1), "inside"), -EACCES);
}

static unsigned names_in(uint32_t fid, const char *want)
{
	unsigned count = 0;
	uint64_t offset = 0;
	for (;;) {
		assert_int_equal(CALL(P9_TREADDIR, "dqd", U(fid), offset, U(512)), 0);
		size_t end = P9_HEADER + 4 + client_number(client, P9_HEADER, 4);
		if (end == P9_HEADER + 4)
			return count;
		for (size_t at = P9_HEADER + 4; at < end;) {
			size_t length = client_number(client, at + 22, 2);
			offset = client_number(client, at + 13, 8);
			assert_null(memmem(client->reply + at + 24, length, "unlisted", 8));
			count += length == strlen(want) && !memcmp(client->reply + at + 24, want, length);
			at += 24 + length;
		}
	}
}

static void a_directory_on_the_way_shows_listed_names_alone(void **state)
{
	char name[64];
	for (int i = 0; i < 500; i++) {
		snprintf(name, sizeof(name), "dir/unlisted-%d", i);
		close(open(in_top(name), O_WRONLY | O_CREAT, 0644));
	}
	assert_int_equal(WALK(0, 1, "dir"), 0);
	assert_int_equal(OPEN(1, O_RDONLY), 0);
	assert_int_equal(names_in(1, "listed"), 1);
	assert_int_equal(WALK(0, 2, "tree"), 0);
	assert_int_equal(OPEN(2, O_RDONLY), 0);
	assert_int_equal(names_in(2, "deep"), 1);
}

static void a_share_that_is_not_listed_is_empty(void **state)
{
	struct p9_reach reach = p9_reach_at(&export, "/usr/nowhere");
	assert_int_equal(reach.rights, 0);
	assert_int_equal(reach.listed, 0);
	export.share[0].reach = reach;
	assert_int_equal(client_attach(client, 9, "0"), 0);
	assert_int_equal(WALK(9, 10, "listed"), -ENOENT);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(9), "x", U(O_RDWR), U(0600), U(0)), -EACCES);
}

static void a_share_below_what_is_listed_is_whole(void **state)
{
	struct p9_reach reach = p9_reach_at(&export, in_top("tree/deep"));
	assert_int_equal(reach.rights, REACH_ALL);
	assert_int_equal(p9_reach_at(&export, in_top("dir")).rights, 0);
}

static void what_is_served_is_noted(void **state)
{
	assert_int_equal(WALK(0, 1, "listed"), 0);
	assert_int_equal(noted("listed"), 0);
	assert_int_equal(noted("unlisted"), ~0u);
	WALK(0, 2, "unlisted");
	assert_int_equal(noted("unlisted"), ~0u);
	assert_int_equal(OPEN(1, O_RDONLY), 0);
	assert_int_equal(noted("listed"), NOTED_READ);
	assert_int_equal(CALL(P9_TWALK, "ddwss", U(0), U(3), U(2), "dir", "listed"), 0);
	assert_int_equal(OPEN(3, O_WRONLY), 0);
	assert_int_equal(noted("dir/listed"), NOTED_WRITE);
	assert_int_equal(WALK(0, 4, "tree"), 0);
	assert_int_equal(CALL(P9_TMKDIR, "dsdd", U(4), "made", U(0755), U(0)), 0);
	assert_int_equal(noted("tree/made"), NOTED_WRITE | NOTED_MADE | NOTED_TREE);
	assert_int_equal(WALK(4, 5, NULL), 0);
	assert_int_equal(CALL(P9_TLCREATE, "dsddd", U(5), "tmp", U(O_RDWR), U(0600), U(0)), 0);
	assert_int_equal(CALL(P9_TRENAMEAT, "dsds", U(4), "tmp", U(4), "final"), 0);
	assert_int_equal(noted("tree/tmp") & (NOTED_MADE | NOTED_GONE), NOTED_MADE | NOTED_GONE);
	assert_int_equal(noted("tree/final"), NOTED_WRITE | NOTED_MADE);
	assert_int_equal(CALL(P9_TUNLINKAT, "dsd", U(4), "final", U(0)), 0);
	assert_int_equal(CALL(P9_TSYMLINK, "dssd", U(4), "final", "x", U(0)), 0);
	assert_int_equal(noted("tree/final"), NOTED_WRITE | NOTED_MADE); /* it is there again */
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_not_listed_is_not_there, setup, teardown),
	    cmocka_unit_test_setup_teardown(to_read_is_not_to_write, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_are_made_where_listed, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_directory_moves_only_with_all_that_is_in_it, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_directory_on_the_way_shows_listed_names_alone, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_share_that_is_not_listed_is_empty, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_share_below_what_is_listed_is_whole, setup, teardown),
	    cmocka_unit_test_setup_teardown(what_is_served_is_noted, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
