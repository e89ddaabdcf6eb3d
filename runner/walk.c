/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/walk.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <unistd.h>

void walk_init(struct walk *walk, struct arena *arena, uint32_t probes)
{
	*walk = (struct walk){.arena = arena, .probes_left = probes};
}

static uint64_t hash(const char *bytes, size_t length)
{
	uint64_t value = 0xcbf29ce484222325ull; /* FNV-1a */
	for (size_t i = 0; i < length; i++)
		value = (value ^ (unsigned char)bytes[i]) * 0x100000001b3ull;
	return value ^ value >> 29;
}

/* The slot of the path, or the free slot where it belongs. */
static struct walk_node **slot(const struct walk *walk, const char *path, size_t length)
{
	for (size_t i = hash(path, length);; i++) {
		struct walk_node **at = &walk->table[i & (walk->capacity - 1)];
		if (!*at || (!strncmp((*at)->path, path, length) && !(*at)->path[length]))
			return at;
	}
}

static int grow(struct walk *walk)
{
	struct walk old = *walk;
	walk->capacity = old.capacity ? old.capacity * 2 : 128;
	walk->table = calloc(walk->capacity, sizeof(*walk->table));
	if (!walk->table) {
		*walk = old;
		return -1;
	}
	for (size_t i = 0; i < old.capacity; i++)
		if (old.table[i])
			*slot(walk, old.table[i]->path, strlen(old.table[i]->path)) = old.table[i];
	free(old.table);
	return 0;
}

/* Asks the host what is at the node's path: one readlink tells links, other files and nothing apart. */
static int inspect(struct walk *walk, struct walk_node *node)
{
	char target[PATH_MAX];
	ssize_t n = readlink(node->path, target, sizeof(target));
	if (n < 0) {
		node->error = errno == EINVAL ? 0 : errno;
		return 0;
	}
	if (n == 0 || n == (ssize_t)sizeof(target)) {
		node->error = ENAMETOOLONG;
		return 0;
	}
	node->target = arena_copy(walk->arena, target, (size_t)n);
	return node->target ? 0 : -1;
}

/* The node of a path whose parents are known to be no links; inspected when it is new. */
static int look(struct walk *walk, const char *path, size_t length, struct walk_node **out)
{
	if (walk->count >= walk->capacity / 2 && grow(walk))
		return ENOMEM;
	struct walk_node **at = slot(walk, path, length);
	if (!*at) {
		if (!walk->probes_left)
			return E2BIG;
		walk->probes_left--;
		struct walk_node *node = arena_alloc(walk->arena, sizeof(*node));
		if (!node)
			return ENOMEM;
		*node = (struct walk_node){.path = arena_copy(walk->arena, path, length), .fd = -1};
		if (!node->path || inspect(walk, node))
			return ENOMEM;
		*at = node;
		walk->count++;
	}
	*out = *at;
	return 0;
}

static int pass(struct walk *walk, struct walk_node *node)
{
	if (walk->passed_count == sizeof(walk->passed) / sizeof(*walk->passed))
		return ELOOP;
	walk->passed[walk->passed_count++] = node;
	return 0;
}

/* The path walked so far, free of links, and what is left of the way. */
struct way {
	char real[PATH_MAX], rest[2 * PATH_MAX];
	size_t real_length;
	char *next;
};

static int prepend(struct way *way, const char *target)
{
	size_t target_length = strlen(target), left = strlen(way->next);
	if (target_length + 1 + left >= sizeof(way->rest))
		return ENAMETOOLONG;
	memmove(way->rest + target_length + 1, way->next, left + 1);
	memcpy(way->rest, target, target_length);
	way->rest[target_length] = '/';
	way->next = way->rest;
	if (target[0] == '/')
		way->real_length = 0;
	return 0;
}

/* One component forward. */
static int step(struct walk *walk, struct way *way, const char *name, size_t length, struct walk_node **node)
{
	if (length == 0 || (length == 1 && name[0] == '.'))
		return 0;
	if (length == 2 && name[0] == '.' && name[1] == '.') {
		if (!way->real_length)
			return 0;
		while (way->real[--way->real_length] != '/')
			;
		return *node ? pass(walk, *node) : 0;
	}
	if (way->real_length + 1 + length >= sizeof(way->real))
		return ENAMETOOLONG;
	size_t before = way->real_length;
	way->real[way->real_length++] = '/';
	memcpy(way->real + way->real_length, name, length);
	way->real_length += length;
	int error = look(walk, way->real, way->real_length, node);
	if (error || (error = (*node)->error))
		return error;
	if (!(*node)->target)
		return 0;
	way->real_length = before;
	error = pass(walk, *node);
	return error ? error : prepend(way, (*node)->target);
}

int walk_resolve(struct walk *walk, const char *path, struct walk_node **out)
{
	struct way way;
	struct walk_node *node = NULL;
	size_t length = strlen(path);
	walk->passed_count = 0;
	if (length >= PATH_MAX)
		return ENAMETOOLONG;
	memcpy(way.rest, path, length + 1);
	way.real_length = 0;
	way.next = way.rest;
	while (*way.next) {
		char name[NAME_MAX + 1];
		size_t n = strcspn(way.next, "/");
		if (n > NAME_MAX)
			return ENAMETOOLONG;
		memcpy(name, way.next, n);
		way.next += n + (way.next[n] == '/');
		int error = step(walk, &way, name, n, &node);
		if (error)
			return error;
	}
	if (!way.real_length)
		return EISDIR; /* the root */
	return look(walk, way.real, way.real_length, out);
}

void walk_each(struct walk *walk, void (*visit)(struct walk_node *))
{
	for (size_t i = 0; i < walk->capacity; i++)
		if (walk->table[i])
			visit(walk->table[i]);
}

void walk_free(struct walk *walk)
{
	free(walk->table);
	walk->table = NULL;
	walk->capacity = walk->count = 0;
}
