/* SPDX-License-Identifier: Apache-2.0
 *
 * A tree of absolute paths with flags at each: of fixed size and without pointers, so that it can stand in memory that
 * two processes share. Nodes are numbered in the order in which they came, a parent before its children; 1 is "/".
 */
#ifndef RUNNER_PATH_TREE_H
#define RUNNER_PATH_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define PATH_TREE_NODES	  65536u
#define PATH_TREE_TEXT	  (2u << 20) /* bytes of names */
#define PATH_TREE_BUCKETS 16384u
#define PATH_TREE_ROOT	  1u

struct path_node {
	uint32_t parent;
	uint32_t next; /* in its bucket */
	uint32_t name; /* offset in text */
	uint32_t flags;
};

struct path_tree {
	uint32_t nodes; /* the number of the last one */
	uint32_t text_bytes;
	bool full; /* something had no room */
	uint32_t bucket[PATH_TREE_BUCKETS];
	struct path_node node[PATH_TREE_NODES + 1];
	char text[PATH_TREE_TEXT];
};

/* A tree that holds "/" alone, in memory of its own that a child made by fork() shares. NULL: no memory. */
struct path_tree *path_tree_new(void);

/* The node of this name below a node; 0: there is none (below 0 there is none). */
uint32_t path_tree_find(const struct path_tree *tree, uint32_t parent, const char *name);
/* The same; it is made when there is none. 0: no room, `full` is set then; or parent is 0. */
uint32_t path_tree_add(struct path_tree *tree, uint32_t parent, const char *name);

/* By a whole path: absolute, with neither `.` nor `..`. */
uint32_t path_tree_find_path(const struct path_tree *tree, const char *path);
uint32_t path_tree_add_path(struct path_tree *tree, const char *path);

/* Copies a tree that a process which may be under a guest's influence has filled: of *to only the nodes that are well
 * formed are of use, see path_tree_path. *to is zero before. */
void path_tree_copy(struct path_tree *to, const volatile struct path_tree *from);

/* Writes the path of a node with a NUL to out[0..size). Returns its length, or 0 when it does not fit or the node is
 * malformed: then nothing of it is of use. */
size_t path_tree_path(const struct path_tree *tree, uint32_t node, char *out, size_t size);

#endif
