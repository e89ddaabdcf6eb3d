/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns instances of the overlay file system: mount options, limits, beginning and end.
 */
#include <linux/fcntl.h>
#include <linux/magic.h>
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/overlay.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"

static void statfs(struct superblock *sb, struct statfs_info *info)
{
	tmpfs_super_ops.statfs(sb, info);
}

static void options_text(struct superblock *sb, char *buf, size_t size)
{
	ksnprintf(buf, size, "%s", ((struct overlay_sb *)sb->data)->options);
}

/* What is kept for being found again has nobody to find it. */
static void unmounted(struct superblock *sb)
{
	struct overlay_sb *overlay = sb->data;
	superblock_get(sb); /* the inodes may have the last references */
	for (u32 i = 0; i < OVERLAY_HASH; i++) {
		struct overlay_node *node = overlay->hash[i];
		while (node && !node->changed)
			node = node->hash_next;
		if (!node)
			continue;
		overlay_forget(node->inode);
		i--; /* the chain is another now */
	}
	superblock_put(sb);
}

static void destroy(struct superblock *sb)
{
	struct overlay_sb *overlay = sb->data;
	if (!overlay)
		return;
	list_remove(&overlay->all);
	path_put(&overlay->lower);
	kfree(overlay);
}

static const struct super_ops overlay_super_ops = {
    .type = "overlay",
    .magic = OVERLAYFS_SUPER_MAGIC,
    .statfs = statfs,
    .options = options_text,
    .unmounted = unmounted,
    .destroy = destroy,
};

/* ---- mount options ---- */

/* The value of an option in "NAME=VALUE,NAME=VALUE"; false: it is not there, or too long. */
static bool option(const char *text, const char *name, char *value)
{
	size_t name_len = strlen(name);
	while (*text) {
		size_t len = 0;
		while (text[len] && text[len] != ',')
			len++;
		if (len > name_len && !memcmp(text, name, name_len) && text[name_len] == '=') {
			size_t n = len - name_len - 1;
			if (n >= PATH_LIMIT)
				return false;
			memcpy(value, text + name_len + 1, n);
			value[n] = 0;
			return true;
		}
		text += len;
		text += *text == ',';
	}
	return false;
}

static bool is_known(const char *s, size_t len)
{
	static const char *const names[] = {"lowerdir=", "upperdir=", "workdir="};
	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (len > strlen(names[i]) && !memcmp(s, names[i], strlen(names[i])))
			return true;
	return false;
}

static int check_options(const char *text)
{
	while (*text) {
		size_t len = 0;
		while (text[len] && text[len] != ',')
			len++;
		if (len && !is_known(text, len))
			return -EINVAL;
		text += len;
		text += *text == ',';
	}
	return 0;
}

/* Changes are kept apart from the upper directory, so it must look as if nothing had changed yet. */
static int check_upper(const char *name)
{
	struct path at;
	int r = path_lookup(AT_FDCWD, name, LOOKUP_FOLLOW | LOOKUP_DIRECTORY, &at);
	if (r)
		return r;
	if (!at.dentry->sb->pinned || dentry_has_children(at.dentry))
		r = -EOPNOTSUPP;
	path_put(&at);
	return r;
}

static int find_layers(const char *text, struct overlay_sb *overlay)
{
	char *value = kmalloc(PATH_LIMIT);
	int r = value ? check_options(text) : -ENOMEM;
	if (!r)
		r = option(text, "upperdir", value) ? check_upper(value) : -EINVAL;
	if (!r)
		r = option(text, "workdir", value) ? check_upper(value) : -EINVAL;
	if (!r)
		r = option(text, "lowerdir", value) ? path_lookup(AT_FDCWD, value, LOOKUP_FOLLOW, &overlay->lower)
						    : -EINVAL;
	kfree(value);
	struct inode *lower = r ? NULL : overlay->lower.dentry->inode;
	if (lower && !inode_is(lower, K_S_IFDIR) && !inode_is(lower, K_S_IFREG))
		r = -ENOTDIR;
	return r;
}

int overlay_create(const char *options, struct superblock **out)
{
	struct page_stats stats;
	struct superblock *sb = superblock_alloc(&overlay_super_ops);
	struct overlay_sb *overlay = sb ? sb->data = kzalloc(sizeof(*overlay)) : NULL;
	struct inode *root = NULL;
	if (overlay)
		list_append(&overlays, &overlay->all);
	int r = overlay ? find_layers(options, overlay) : -ENOMEM;
	if (!r) {
		page_stats(&stats);
		overlay->upper.pooled = true;
		overlay->upper.page_limit = overlay->upper.inode_limit = stats.total / 2;
		sb->layered = sb->keeps_names = sb->keeps_absence = true;
		sb->names_limit = (u32)MIN((u64)OVERLAY_NAMES_LIMIT, stats.total / 4);
		sb->next_ino = OVERLAY_FIRST_INO;
		ksnprintf(overlay->options, sizeof(overlay->options), ",%s", options);
		dentry_get(overlay->lower.dentry);
		r = overlay_inode_get(sb, overlay->lower.dentry, &root);
	}
	if (!r && !(sb->root = dentry_alloc_root(sb, root))) {
		inode_put(root);
		r = -ENOMEM;
	}
	if (!r)
		*out = sb;
	else if (sb)
		superblock_put(sb);
	return r;
}
