/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/path_tree.h"

#include <string.h>
#include <sys/mman.h>

#include "runner/p9.h"

struct path_tree *path_tree_new(void)
{
	struct path_tree *tree =
	    mmap(NULL, sizeof(*tree), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (tree == MAP_FAILED)
		return NULL;
	tree->nodes = PATH_TREE_ROOT;
	tree->text_bytes = 1;
	return tree;
}

/* FNV-1a */
static uint32_t *bucket_of(const struct path_tree *tree, uint32_t parent, const char *name)
{
	uint32_t hash = 2166136261u ^ parent * 2654435761u;
	for (; *name; name++)
		hash = (hash ^ (uint8_t)*name) * 16777619u;
	return (uint32_t *)&tree->bucket[hash % PATH_TREE_BUCKETS];
}

uint32_t path_tree_find(const struct path_tree *tree, uint32_t parent, const char *name)
{
	if (!parent)
		return 0;
	for (uint32_t i = *bucket_of(tree, parent, name); i; i = tree->node[i].next)
		if (tree->node[i].parent == parent && !strcmp(tree->text + tree->node[i].name, name))
			return i;
	return 0;
}

uint32_t path_tree_add(struct path_tree *tree, uint32_t parent, const char *name)
{
	size_t bytes = strlen(name) + 1;
	uint32_t found = path_tree_find(tree, parent, name);
	if (found || !parent)
		return found;
	if (tree->nodes == PATH_TREE_NODES || bytes > PATH_TREE_TEXT - tree->text_bytes) {
		tree->full = true;
		return 0;
	}
	uint32_t *bucket = bucket_of(tree, parent, name), i = ++tree->nodes;
	memcpy(tree->text + tree->text_bytes, name, bytes);
	tree->node[i] = (struct path_node){.parent = parent, .next = *bucket, .name = tree->text_bytes};
	tree->text_bytes += (uint32_t)bytes;
	*bucket = i;
	return i;
}

/* The next component of *path, copied to name[P9_NAME_MAX + 1]; *path goes on behind it. False at the end, or when it
 * is too long for a name: *path stands at it then. */
static bool component(const char **path, char *name)
{
	*path += strspn(*path, "/");
	size_t length = strcspn(*path, "/");
	if (!length || length > P9_NAME_MAX)
		return false;
	memcpy(name, *path, length);
	name[length] = 0;
	*path += length;
	return true;
}

uint32_t path_tree_find_path(const struct path_tree *tree, const char *path)
{
	char name[P9_NAME_MAX + 1];
	uint32_t at = PATH_TREE_ROOT;
	while (at && component(&path, name))
		at = path_tree_find(tree, at, name);
	return *path ? 0 : at;
}

uint32_t path_tree_add_path(struct path_tree *tree, const char *path)
{
	char name[P9_NAME_MAX + 1];
	uint32_t at = PATH_TREE_ROOT;
	while (at && component(&path, name))
		at = path_tree_add(tree, at, name);
	return *path ? 0 : at;
}

/* ---- reading what another process wrote ---- */

void path_tree_copy(struct path_tree *to, const volatile struct path_tree *from)
{
	uint32_t nodes = from->nodes, bytes = from->text_bytes;
	to->nodes = nodes < PATH_TREE_NODES ? nodes : PATH_TREE_NODES;
	to->text_bytes = bytes < PATH_TREE_TEXT ? bytes : PATH_TREE_TEXT;
	to->full = from->full;
	memcpy(to->node, (const void *)from->node, (to->nodes + 1) * sizeof(to->node[0]));
	memcpy(to->text, (const void *)from->text, to->text_bytes);
}

/* Length of a node's name, 0: it is none. */
static size_t name_length(const struct path_tree *tree, const struct path_node *node)
{
	if (node->name >= tree->text_bytes)
		return 0;
	const char *name = tree->text + node->name;
	size_t room = tree->text_bytes - node->name, length = strnlen(name, room);
	bool dots = (length == 1 && name[0] == '.') || (length == 2 && !memcmp(name, "..", 2));
	return length == room || length > P9_NAME_MAX || dots || memchr(name, '/', length) ? 0 : length;
}

size_t path_tree_path(const struct path_tree *tree, uint32_t node, char *out, size_t size)
{
	size_t at = size - 1; /* written from the end */
	if (!node || node > tree->nodes || size < 2)
		return 0;
	out[at] = 0;
	for (uint32_t i = node; i != PATH_TREE_ROOT; i = tree->node[i].parent) {
		size_t length = name_length(tree, &tree->node[i]);
		if (!length || tree->node[i].parent >= i || !tree->node[i].parent || length + 1 > at)
			return 0;
		at -= length;
		memcpy(out + at, tree->text + tree->node[i].name, length);
		out[--at] = '/';
	}
	if (node == PATH_TREE_ROOT)
		out[--at] = '/';
	memmove(out, out + at, size - at);
	return size - at - 1;
}
