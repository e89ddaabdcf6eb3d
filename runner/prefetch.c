/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/prefetch.h"

#include <string.h>

#include "runner/shares.h"

#define PATHS_MAX 40u /* of one list: the guest looks up some 48 names at once */

struct list {
	const struct run_spec *spec;
	const struct spec_mount *mount;
	char *text;
	size_t size, length;
	unsigned paths;
};

/* kind: f, l or n as in docs/files.md; path: in the guest. One that lies elsewhere is not for this list. */
static void add(struct list *list, char kind, const char *path)
{
	const char *top = list->mount->guest;
	if (shares_covering(list->spec, path) != list->mount || strpbrk(path, ",:"))
		return;
	const char *rest = path + (top[1] ? strlen(top) : 0);
	size_t length = strlen(rest);
	/* In place of its slash comes the kind; before that, a colon. */
	if (length < 2 || list->paths == PATHS_MAX || list->length + length + 2 > list->size)
		return;
	if (list->length)
		list->text[list->length++] = ':';
	list->text[list->length++] = kind;
	memcpy(list->text + list->length, rest + 1, length);
	list->length += length - 1;
	list->paths++;
}

/* Where the guest's own directories are shown in its root. */
static void add_points(struct list *list)
{
	static const char points[] = "ndev:nproc:nsys:ntmp:nrun";
	if (list->mount->guest[1] || list->mount->kind != SPEC_RO || sizeof(points) > list->size)
		return;
	memcpy(list->text, points, sizeof(points));
	list->length = sizeof(points) - 1;
}

void prefetch_list(const struct run_spec *spec, const struct closure *closure, const char *workdir,
		   const struct spec_mount *mount, char *text, size_t size)
{
	struct list list = {.spec = spec, .mount = mount, .text = text, .size = size};
	const struct closure_entry *shared = closure->entries + closure->count;
	*text = 0;
	if ((mount->kind != SPEC_RO && mount->kind != SPEC_OVERLAY) || spec->record_file)
		return;
	add_points(&list);
	for (size_t i = 0; i < closure->shared; i++)
		if (shared[i].kind != WIRE_FILE_DIRECTORY)
			add(&list, shared[i].kind == WIRE_FILE_SYMLINK ? 'l' : 'f', shared[i].path);
	if (closure->shared > 1) { /* a dynamic program: what the linker looks at */
		add(&list, 'n', "/etc/ld.so.preload");
		add(&list, 'f', "/etc/ld.so.cache");
	}
	add(&list, 'n', workdir);
	text[list.length] = 0;
}
