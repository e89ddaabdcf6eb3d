/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/reach.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
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
			if (mount->kind == SPEC_TMPFS || mount->kind == SPEC_TAR)
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
