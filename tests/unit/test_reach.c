/* SPDX-License-Identifier: Apache-2.0
 * From options to the list of paths and its Landlock rules, tried by a child that is confined to them.
 * sources: runner/reach.c runner/p9.c runner/p9_reach.c runner/p9_tree.c runner/path_tree.c runner/shares.c runner/rootfs.c
 * runner/units.c runner/error.c policy/landlock.c
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
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "policy/internal.h"
#include "runner/p9_tree.h"
#include "runner/reach.h"
#include "runner/shares.h"

static char top[64];
static struct run_spec spec;
static struct p9_export export;
static struct spec_reach reach[8];
static struct error error;

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	return remove(path);
}

static int setup(void **state)
{
	static const char *const directories[] = {"ro", "rw", "rw/dir", "rw/sub", "rw/sub/tree", "outside"};
	static const char *const files[] = {"ro/listed",       "ro/unlisted",	   "rw/listed",
					    "rw/dir/unlisted", "rw/sub/tree/file", "outside/file"};
	strcpy(top, "/tmp/reach-XXXXXX");
	assert_non_null(mkdtemp(top));
	assert_int_equal(chdir(top), 0);
	for (size_t i = 0; i < sizeof(directories) / sizeof(directories[0]); i++)
		mkdir(directories[i], 0755);
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++)
		close(open(files[i], O_WRONLY | O_CREAT, 0644));
	spec = (struct run_spec){.reach = reach};
	error = (struct error){0};
	export = (struct p9_export){0};
	return 0;
}

static void share(enum spec_mount_kind kind, const char *value)
{
	assert_null(shares_add(&spec, kind, value));
}

static void allow(bool write, const char *path)
{
	reach[spec.reach_count++] = (struct spec_reach){path, write};
}

static int prepare(void)
{
	for (unsigned i = 0; i < spec.mount_count; i++)
		assert_int_equal(
		    p9_share_open(&export.share[export.shares++], spec.mount[i].host, spec.mount[i].kind == SPEC_RW),
		    0);
	return reach_prepare(&export, &spec, &error);
}

static int teardown(void **state)
{
	for (unsigned i = 0; i < export.shares; i++)
		close(export.share[i].root);
	shares_free(&spec);
	return chdir("/") || nftw(top, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

static void paths_are_relative_to_the_callers_directory(void **state)
{
	char path[256];
	share(SPEC_RO, "ro:/somewhere");
	allow(false, "ro/./listed");
	allow(false, "/etc/");
	assert_int_equal(prepare(), 0);
	snprintf(path, sizeof(path), "%s/ro/listed", top);
	uint32_t node = path_tree_find_path(export.list, path);
	assert_true(node != 0);
	assert_int_equal(export.list->node[node].flags, REACH_READ);
	assert_int_equal(export.list->node[path_tree_find_path(export.list, "/etc")].flags,
			 REACH_READ | REACH_READ_BELOW);
	assert_true(export.share[0].reach.listed != 0);
	assert_int_equal(export.share[0].reach.rights, 0);
}

static void without_a_list_all_is_reached(void **state)
{
	share(SPEC_RO, "ro");
	assert_int_equal(prepare(), 0);
	assert_null(export.list);
	assert_null(export.record);
	assert_int_equal(export.share[0].reach.rights, REACH_ALL);
}

static void places_of_mounts_are_on_the_way(void **state)
{
	char path[256];
	share(SPEC_RO, "ro:/");
	share(SPEC_RW, "rw:/a/b");
	allow(false, "ro/listed");
	assert_int_equal(prepare(), 0);
	static const char *const places[] = {"ro/dev", "ro/proc", "ro/tmp", "ro/a/b"};
	for (size_t i = 0; i < sizeof(places) / sizeof(places[0]); i++) {
		snprintf(path, sizeof(path), "%s/%s", top, places[i]);
		assert_true(path_tree_find_path(export.list, path) != 0);
	}
	snprintf(path, sizeof(path), "%s/rw/dev", top);
	assert_int_equal(path_tree_find_path(export.list, path), 0);
}

/* errno of an open under the rules, 0: it was opened. */
static int tried(const char *path, int flags)
{
	pid_t child = fork();
	assert_true(child >= 0);
	if (!child) {
		struct policy_tree *tree;
		size_t count;
		int abi;
		if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) || reach_trees(&export, &tree, &count, &error) ||
		    policy_apply_landlock_trees(&abi, tree, count, &error))
			_exit(255);
		_exit(open(path, flags | O_CLOEXEC, 0600) < 0 ? errno : 0);
	}
	int status;
	assert_int_equal(waitpid(child, &status, 0), child);
	assert_true(WIFEXITED(status));
	return WEXITSTATUS(status);
}

static void landlock_keeps_to_the_list(void **state)
{
	if (!policy_landlock_abi()) {
		print_message("this kernel has no Landlock\n");
		return;
	}
	share(SPEC_RO, "ro");
	share(SPEC_RW, "rw");
	allow(false, "ro/listed");
	allow(true, "ro/unlisted-in-effect"); /* a read-only share stays so */
	allow(false, "rw/listed");
	allow(true, "rw/sub/tree/");
	allow(false, "outside/"); /* in no share */
	assert_int_equal(prepare(), 0);
	assert_int_equal(tried("ro/listed", O_RDONLY), 0);
	assert_int_equal(tried("ro/listed", O_WRONLY), EACCES);
	assert_int_equal(tried("ro/unlisted", O_RDONLY), EACCES);
	assert_int_equal(tried("ro", O_RDONLY | O_DIRECTORY), 0);
	assert_int_equal(tried("ro/unlisted-in-effect", O_WRONLY | O_CREAT), EACCES);
	assert_int_equal(tried("rw/listed", O_RDONLY), 0);
	assert_int_equal(tried("rw/listed", O_RDWR), EACCES);
	assert_int_equal(tried("rw/dir/unlisted", O_RDONLY), EACCES);
	assert_int_equal(tried("rw/sub/tree/file", O_RDWR), 0);
	assert_int_equal(tried("rw/sub/tree/new", O_RDWR | O_CREAT), 0);
	assert_int_equal(tried("outside/file", O_RDONLY), EACCES);
	assert_int_equal(tried("/etc/passwd", O_RDONLY), EACCES);
}

static void landlock_lets_listed_names_be_made(void **state)
{
	share(SPEC_RW, "rw");
	allow(true, "rw/dir/new");
	assert_int_equal(prepare(), 0);
	assert_int_equal(tried("rw/dir/new", O_RDWR | O_CREAT | O_EXCL), 0);
	if (policy_landlock_abi())
		assert_int_equal(tried("rw/listed", O_RDONLY), EACCES);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(paths_are_relative_to_the_callers_directory, setup, teardown),
	    cmocka_unit_test_setup_teardown(without_a_list_all_is_reached, setup, teardown),
	    cmocka_unit_test_setup_teardown(places_of_mounts_are_on_the_way, setup, teardown),
	    cmocka_unit_test_setup_teardown(landlock_keeps_to_the_list, setup, teardown),
	    cmocka_unit_test_setup_teardown(landlock_lets_listed_names_be_made, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
