/* SPDX-License-Identifier: Apache-2.0
 * The tree of paths: what is put in is found, bounds hold, and a tree that a hostile process filled yields no path that
 * is none.
 * sources: runner/path_tree.c
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "runner/path_tree.h"

static struct path_tree *tree;

static int setup(void **state)
{
	tree = path_tree_new();
	assert_non_null(tree);
	return 0;
}

static int teardown(void **state)
{
	return munmap(tree, sizeof(*tree));
}

static void assert_path(uint32_t node, const char *want)
{
	char path[64];
	assert_int_equal(path_tree_path(tree, node, path, sizeof(path)), strlen(want));
	assert_string_equal(path, want);
}

static void what_is_added_is_found(void **state)
{
	uint32_t a = path_tree_add_path(tree, "/usr/lib"), b = path_tree_add_path(tree, "//usr//bin/");
	assert_true(a && b && a != b);
	assert_int_equal(path_tree_add_path(tree, "/usr/lib"), a);
	assert_int_equal(path_tree_find_path(tree, "/usr/lib"), a);
	assert_int_equal(path_tree_find_path(tree, "/usr/li"), 0);
	assert_int_equal(path_tree_find_path(tree, "/usr/lib/x"), 0);
	assert_int_equal(path_tree_find_path(tree, "/"), PATH_TREE_ROOT);
	assert_int_equal(path_tree_find(tree, path_tree_find_path(tree, "/usr"), "bin"), b);
	assert_path(a, "/usr/lib");
	assert_path(b, "/usr/bin");
	assert_path(PATH_TREE_ROOT, "/");
}

static void nothing_is_below_nothing(void **state)
{
	assert_int_equal(path_tree_find(tree, 0, "usr"), 0);
	assert_int_equal(path_tree_add(tree, 0, "usr"), 0);
	assert_false(tree->full);
}

static void names_are_bounded(void **state)
{
	char path[300] = "/";
	memset(path + 1, 'x', 255);
	assert_true(path_tree_add_path(tree, path) != 0);
	path[256] = 'x';
	assert_int_equal(path_tree_add_path(tree, path), 0);
	assert_int_equal(path_tree_find_path(tree, path), 0);
}

static void nodes_are_bounded(void **state)
{
	char name[16];
	for (unsigned i = 0; i < PATH_TREE_NODES - 1; i++) {
		snprintf(name, sizeof(name), "%u", i);
		assert_true(path_tree_add(tree, PATH_TREE_ROOT, name) != 0);
	}
	assert_false(tree->full);
	assert_int_equal(path_tree_add(tree, PATH_TREE_ROOT, "more"), 0);
	assert_true(tree->full);
	assert_true(path_tree_add(tree, PATH_TREE_ROOT, "0") != 0);
}

static void text_is_bounded(void **state)
{
	char name[256];
	memset(name, 'x', 255);
	name[255] = 0;
	unsigned added = 0;
	uint32_t at = PATH_TREE_ROOT;
	while ((at = path_tree_add(tree, at, name)))
		added++;
	assert_int_equal(added, (PATH_TREE_TEXT - 1) / 256);
	assert_true(tree->full && tree->text_bytes <= PATH_TREE_TEXT);
}

static void a_path_that_does_not_fit_is_none(void **state)
{
	char path[10];
	assert_int_equal(path_tree_path(tree, path_tree_add_path(tree, "/12345678"), path, 10), 9);
	assert_int_equal(path_tree_path(tree, path_tree_add_path(tree, "/123456789"), path, 10), 0);
}

/* A copy with one thing wrong. */
static struct path_tree *spoiled(void)
{
	static struct path_tree copy;
	memset(&copy, 0, sizeof(copy));
	path_tree_copy(&copy, tree);
	return &copy;
}

static void malformed_nodes_have_no_path(void **state)
{
	uint32_t a = path_tree_add_path(tree, "/a"), b = path_tree_add_path(tree, "/a/b");
	static const char *const names[] = {"", ".", "..", "x/y"};
	char path[64];
	struct path_tree *copy = spoiled();
	assert_int_equal(path_tree_path(copy, b, path, sizeof(path)), 4);
	copy->node[a].parent = b; /* a circle */
	assert_int_equal(path_tree_path(copy, b, path, sizeof(path)), 0);
	copy->node[a].parent = 0;
	assert_int_equal(path_tree_path(copy, b, path, sizeof(path)), 0);
	copy = spoiled();
	copy->node[b].parent = 1u << 31;
	assert_int_equal(path_tree_path(copy, b, path, sizeof(path)), 0);
	copy = spoiled();
	copy->node[a].name = copy->text_bytes;
	assert_int_equal(path_tree_path(copy, b, path, sizeof(path)), 0);
	copy->node[a].name = UINT32_MAX;
	assert_int_equal(path_tree_path(copy, b, path, sizeof(path)), 0);
	copy = spoiled();
	copy->text[copy->text_bytes - 1] = 'x'; /* no NUL within what was copied */
	assert_int_equal(path_tree_path(copy, b, path, sizeof(path)), 0);
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		uint32_t bad = path_tree_add(tree, a, names[i]); /* whose caller has not looked */
		assert_int_equal(path_tree_path(spoiled(), bad, path, sizeof(path)), 0);
	}
	assert_int_equal(path_tree_path(copy, 0, path, sizeof(path)), 0);
	assert_int_equal(path_tree_path(copy, copy->nodes + 1, path, sizeof(path)), 0);
}

static void counts_of_a_copy_are_bounded(void **state)
{
	tree->nodes = UINT32_MAX;
	tree->text_bytes = UINT32_MAX;
	struct path_tree *copy = spoiled();
	assert_int_equal(copy->nodes, PATH_TREE_NODES);
	assert_int_equal(copy->text_bytes, PATH_TREE_TEXT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(what_is_added_is_found, setup, teardown),
	    cmocka_unit_test_setup_teardown(nothing_is_below_nothing, setup, teardown),
	    cmocka_unit_test_setup_teardown(names_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(nodes_are_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(text_is_bounded, setup, teardown),
	    cmocka_unit_test_setup_teardown(a_path_that_does_not_fit_is_none, setup, teardown),
	    cmocka_unit_test_setup_teardown(malformed_nodes_have_no_path, setup, teardown),
	    cmocka_unit_test_setup_teardown(counts_of_a_copy_are_bounded, setup, teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
