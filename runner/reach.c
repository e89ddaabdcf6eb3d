/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/reach.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "runner/shares.h"

#define PATH_ROOM 4096

/* The node of a path as given: relative to `directory`, without `..`. 0: no room, or too long. */
static uint32_t add(struct path_tree *tree, const char *directory, const char *given)
{
	uint32_t at = *given == '/' ? PATH_TREE_ROOT : path_tree_add_path(tree, directory);
	while (at && *(given += strspn(given, "/"))) {
		char name[P9_NAME_MAX + 1];
		size_t length = strcspn(given, "/");
		if (length > P9_NAME_MAX)
			return 0;
		memcpy(name, given, length);
		name[length] = 0;
		given += length;
		if (strcmp(name, "."))
			at = path_tree_add(tree, at, name);
	}
	return at;
}

static int make_list(struct path_tree *list, const struct run_spec *spec, struct error *error)
{
	char directory[PATH_ROOM];
	if (!getcwd(directory, sizeof(directory)))
		return error_errno(error, STATUS_RUNNER, "the current directory");
	for (size_t i = 0; i < spec->reach_count; i++) {
		const struct spec_reach *reach = &spec->reach[i];
		uint32_t node = add(list, directory, reach->path);
		if (!node)
			return error_set(error, STATUS_RUNNER, "--allow-%s %.300s: is too long, or one path too many",
					 reach->write ? "write" : "read", reach->path);
		list->node[node].flags |= REACH_READ | (reach->write ? REACH_WRITE : 0);
		if (reach->path[strlen(reach->path) - 1] == '/')
			list->node[node].flags |= REACH_READ_BELOW | (reach->write ? REACH_WRITE_BELOW : 0);
	}
	return 0;
}

/* A place below a share, on which something is mounted in the guest. */
static void add_place(struct path_tree *list, struct path_tree *record, const char *share, const char *rest)
{
	char path[2 * PATH_ROOM];
	snprintf(path, sizeof(path), "%s/%s", share, rest);
	if (list)
		path_tree_add_path(list, path);
	uint32_t node = record ? path_tree_add_path(record, path) : 0;
	if (node)
		record->node[node].flags |= NOTED_OWN;
}

/* The places of all mounts that lie in the share `mount`, whose path on the host is `share`. */
static void add_places(struct path_tree *list, struct path_tree *record, const struct run_spec *spec,
		       const struct spec_mount *mount, const char *share)
{
	static const char *const own[] = {"dev", "proc", "sys", "tmp", "run"};
	size_t length = mount->guest[1] ? strlen(mount->guest) : 0;
	for (size_t i = 0; i < sizeof(own) / sizeof(own[0]) && !length; i++)
		add_place(list, record, share, own[i]);
	for (unsigned i = 0; i < spec->mount_count; i++) {
		const char *guest = spec->mount[i].guest;
		if (!strncmp(guest, mount->guest, length) && guest[length] == '/' && guest[length + 1])
			add_place(list, record, share, guest + length + 1);
	}
}

static int path_of(int fd, char path[PATH_ROOM], struct error *error)
{
	char link[64];
	snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
	ssize_t length = readlink(link, path, PATH_ROOM - 1);
	if (length <= 0 || length == PATH_ROOM - 1)
		return error_errno(error, STATUS_RUNNER, "the path of a share");
	path[length] = 0;
	return 0;
}

int reach_prepare(struct p9_export *export, const struct run_spec *spec, struct error *error)
{
	struct path_tree *list = spec->reach_count ? path_tree_new() : NULL;
	struct path_tree *record = spec->record_file ? path_tree_new() : NULL;
	char path[PATH_ROOM];
	if ((spec->reach_count && !list) || (spec->record_file && !record))
		return error_errno(error, STATUS_RUNNER, "the list of paths");
	if (list && make_list(list, spec, error))
		return -1;
	for (int pass = 0; pass < 2 && (list || record); pass++) {
		for (unsigned i = 0; i < spec->mount_count; i++) {
			const struct spec_mount *mount = &spec->mount[i];
			struct p9_share *share = &export->share[shares_index(spec, mount)];
			/* An image is one file, which the caller has named. */
			if (mount->kind == SPEC_TMPFS || mount->kind == SPEC_TAR || mount->kind == SPEC_IMAGE)
				continue;
			if (path_of(share->root, path, error))
				return -1;
			if (pass == 0)
				add_places(list, record, spec, mount, path);
			else
				share->reach = p9_reach_at(export, path);
		}
		export->list = list;
		export->record = record;
	}
	if (list)
		mprotect(list, sizeof(*list), PROT_READ);
	return 0;
}

/* ---- trees for Landlock ---- */

struct trees {
	struct policy_tree *item;
	size_t count;
};

/* Whether a node of the list lies in a share, which is the share's own node or below it. */
static const struct p9_share *share_with(const struct p9_export *export, uint32_t node)
{
	for (uint32_t at = node; at; at = at == PATH_TREE_ROOT ? 0 : export->list->node[at].parent)
		for (unsigned i = export->shares; i-- > 0;)
			if (export->share[i].reach.listed == at)
				return &export->share[i];
	return NULL;
}

/* Adds what stands at the path, if it is a file or directory. */
static int add_tree(struct trees *trees, const char *path, bool writable, struct error *error)
{
	struct open_how how = {.flags = O_PATH | O_NOFOLLOW | O_CLOEXEC,
			       .resolve = RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS};
	struct stat st;
	int fd = (int)syscall(SYS_openat2, AT_FDCWD, path, &how, sizeof(how));
	if (fd < 0 && (errno == EMFILE || errno == ENFILE))
		return error_errno(error, STATUS_RUNNER, "more paths are allowed than the files server can open");
	if (fd < 0)
		return 0;
	if (fstat(fd, &st) || (!S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode))) {
		close(fd);
		return 0;
	}
	trees->item[trees->count++] =
	    (struct policy_tree){.fd = fd, .writable = writable, .directory = S_ISDIR(st.st_mode)};
	return 0;
}

/* A node that may be read itself; to make and remove its name, Landlock asks for rights on the directory. */
static int add_node(const struct p9_export *export, struct trees *trees, uint32_t node, struct error *error)
{
	char path[PATH_ROOM];
	uint32_t flags = export->list->node[node].flags;
	const struct p9_share *share = flags ? share_with(export, node) : NULL;
	if (!share || !path_tree_path(export->list, node, path, sizeof(path)))
		return 0;
	bool writable = share->writable && flags & REACH_WRITE;
	struct stat st;
	/* A directory by itself has names alone, which the share's own rule gives. */
	if ((flags & REACH_READ_BELOW || (!stat(path, &st) && S_ISREG(st.st_mode))) &&
	    add_tree(trees, path, writable, error))
		return -1;
	if (!writable || !export->list->node[node].parent ||
	    !path_tree_path(export->list, export->list->node[node].parent, path, sizeof(path)))
		return 0;
	return share_with(export, export->list->node[node].parent) ? add_tree(trees, path, true, error) : 0;
}

static void raise_descriptors(void)
{
	struct rlimit limit;
	if (!getrlimit(RLIMIT_NOFILE, &limit)) {
		limit.rlim_cur = limit.rlim_max;
		setrlimit(RLIMIT_NOFILE, &limit);
	}
}

/* The trees of the shares themselves and of the list's nodes. */
static int add_all(const struct p9_export *export, uint32_t nodes, struct trees *trees, struct error *error)
{
	for (unsigned i = 0; i < export->shares; i++) {
		const struct p9_share *share = &export->share[i];
		struct stat st;
		if (share->nameless)
			continue; /* it needs no rule, and cannot have one */
		if (fstat(share->root, &st))
			return error_errno(error, STATUS_RUNNER, "the files server cannot look at a share");
		bool directory = S_ISDIR(st.st_mode), whole = share->reach.rights & REACH_READ_BELOW;
		bool writable = share->writable && share->reach.rights & (directory ? REACH_WRITE_BELOW : REACH_WRITE);
		if (!directory && !(share->reach.rights & REACH_READ))
			continue;
		trees->item[trees->count++] =
		    (struct policy_tree){share->root, writable, directory, directory && !whole};
	}
	if (nodes)
		raise_descriptors();
	for (uint32_t i = PATH_TREE_ROOT; i <= nodes; i++)
		if (add_node(export, trees, i, error))
			return -1;
	return 0;
}

int reach_trees(const struct p9_export *export, struct policy_tree **tree, size_t *count, struct error *error)
{
	uint32_t nodes = export->list ? export->list->nodes : 0;
	struct trees trees = {
	    .item = calloc(P9_SHARES_MAX + SPEC_MOUNTS_MAX + 2 * (size_t)nodes, sizeof(struct policy_tree))};
	if (!trees.item)
		return error_set(error, STATUS_RUNNER, "the files server has not enough memory");
	if (add_all(export, nodes, &trees, error)) {
		free(trees.item);
		return -1;
	}
	*tree = trees.item;
	*count = trees.count;
	return 0;
}
