/* SPDX-License-Identifier: Apache-2.0 */
#include "runner/p9_reach.h"

#include <errno.h>
#include <string.h>

#include "runner/p9_session.h"

/* What holds for all beneath holds for this one too. */
static uint32_t inherited(uint32_t rights)
{
	uint32_t below = REACH_BELOW(rights);
	return below | (below & REACH_READ_BELOW ? REACH_READ : 0) | (below & REACH_WRITE_BELOW ? REACH_WRITE : 0);
}

static uint32_t rights_of(const struct path_tree *list, uint32_t node)
{
	return list->node[node].flags | inherited(list->node[node].flags);
}

struct p9_reach p9_reach_at(const struct p9_export *export, const char *path)
{
	struct p9_reach at = {.rights = export->list ? 0 : REACH_ALL};
	if (export->record)
		at.noted = path_tree_add_path(export->record, path);
	if (!export->list)
		return at;
	at.listed = PATH_TREE_ROOT;
	at.rights = rights_of(export->list, PATH_TREE_ROOT);
	while (*(path += strspn(path, "/"))) {
		char name[P9_NAME_MAX + 1];
		size_t length = strcspn(path, "/");
		if (length > P9_NAME_MAX)
			return (struct p9_reach){.noted = at.noted};
		memcpy(name, path, length);
		name[length] = 0;
		path += length;
		struct p9_reach next;
		if (p9_reach_step(export, &at, name, &next))
			return (struct p9_reach){.noted = at.noted};
		next.noted = at.noted;
		at = next;
	}
	return at;
}

int p9_reach_step(const struct p9_export *export, const struct p9_reach *directory, const char *name,
		  struct p9_reach *out)
{
	*out = (struct p9_reach){.rights = inherited(directory->rights)};
	if (!directory->listed)
		return out->rights ? 0 : -ENOENT;
	out->listed = path_tree_find(export->list, directory->listed, name);
	if (!out->listed)
		return out->rights ? 0 : -ENOENT;
	out->rights |= rights_of(export->list, out->listed);
	return 0;
}

bool p9_reach_shows(const struct p9_export *export, const struct p9_reach *directory, const char *name)
{
	struct p9_reach unused;
	return directory->rights & REACH_READ || !strcmp(name, ".") || !strcmp(name, "..") ||
	       !p9_reach_step(export, directory, name, &unused);
}

void p9_reach_note(const struct p9_export *export, const struct p9_reach *of, unsigned how)
{
	if (!of->noted)
		return;
	uint32_t *flags = &export->record->node[of->noted].flags;
	if (how & NOTED_MADE)
		*flags &= ~(uint32_t)NOTED_GONE;
	*flags |= how;
}

void p9_reach_note_name(const struct p9_export *export, const struct p9_reach *directory, const char *name,
			unsigned how, struct p9_reach *of)
{
	if (!export->record)
		return;
	of->noted = path_tree_add(export->record, directory->noted, name);
	p9_reach_note(export, of, how);
}
