/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the machinery of procfs and sysfs: inodes made from tables, directory streams, reading text. Knows none of the
 * files.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/fs.h>
#include <linux/magic.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/proc_pid.h"
#include "guestkernel/fs/procfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

#define WRITE_LIMIT 4096   /* bytes of one write to a file of /proc */
#define TEXT_WINDOW 16384  /* bytes of a long text at hand at once, and one line or so more */
#define DYNAMIC_POS 65536u /* directory positions from here on are DYNAMIC_POS + id */

struct proc_node { /* inode->data */
	const struct proc_entry *entry;
	struct proc_ref ref;
};

static const struct inode_ops proc_inode_ops, proc_magic_ops;
static const struct super_ops proc_super_ops = {"proc", PROC_SUPER_MAGIC, .destroy = NULL};
static const struct super_ops sys_super_ops = {"sysfs", SYSFS_MAGIC, .destroy = NULL};

static struct proc_node *node_of(const struct inode *inode)
{
	return inode->data;
}

/* ---- text ---- */

static bool text_room(struct text *t, size_t n)
{
	if (t->len + n <= t->size)
		return true;
	size_t size = MAX(t->size * 2, 512ul);
	while (size < t->len + n)
		size *= 2;
	char *bigger = t->failed ? NULL : krealloc(t->buf, size);
	if (!bigger) {
		t->failed = true;
		return false;
	}
	t->buf = bigger;
	t->size = size;
	return true;
}

void text_add(struct text *t, const void *bytes, size_t n)
{
	if (!n || !text_room(t, n))
		return;
	memcpy(t->buf + t->len, bytes, n);
	t->len += n;
}

void text_printf(struct text *t, const char *format, ...)
{
	size_t room = t->size - t->len, n;
	va_list args;
	va_start(args, format);
	n = (size_t)kvsnprintf(room ? t->buf + t->len : NULL, room, format, args);
	va_end(args);
	if (n >= room) { /* cut short */
		if (!text_room(t, n + 1))
			return;
		va_start(args, format);
		kvsnprintf(t->buf + t->len, n + 1, format, args);
		va_end(args);
	}
	t->len += n;
}

void text_pad(struct text *t, size_t start, size_t width)
{
	size_t n = t->len - start;
	if (n >= width || !text_room(t, width - n))
		return;
	memset(t->buf + t->len, ' ', width - n);
	t->len += width - n;
}

bool text_pause(struct text *t, u64 next)
{
	if (t->len < TEXT_WINDOW)
		return false;
	t->next = next;
	t->paused = true;
	return true;
}

void text_escaped(struct text *t, const char *s)
{
	for (; *s; s++) {
		if (*s == ' ' || *s == '\t' || *s == '\n' || *s == '\\')
			text_printf(t, "\\%03o", (u8)*s);
		else
			text_add(t, s, 1);
	}
}

/* ---- inodes ---- */

/* Stable for the same file, and no two files of one directory share it. */
static u64 number_of(const struct proc_entry *entry, const struct proc_ref *ref)
{
	u64 id = ref->tid ? (u64)ref->tid : ref->process ? (u64)ref->process->pid : 0;
	u64 h = ((u64)entry * 0x9e3779b97f4a7c15ull) ^ (id << 20) ^ ((u64)(u32)ref->fd << 1);
	return (h >> 16) | 1ull << 40;
}

/* Who owns the file, and what they may: root, when others of the same user must not look into the process. */
static void set_owner(struct inode *inode)
{
	const struct proc_node *node = node_of(inode);
	const struct cred *c = proc_cred(&node->ref);
	bool private = node->ref.process && !node->ref.process->dumpable && inode->mode != PROC_DIR;
	inode->uid = private ? 0 : c->euid;
	inode->gid = private ? 0 : c->egid;
	if (node->entry->permissions)
		inode->mode = (inode->mode & K_S_IFMT) | node->entry->permissions(&node->ref);
}

static int make_inode(struct superblock *sb, const struct proc_entry *entry, const struct proc_ref *ref,
		      struct inode **out)
{
	struct proc_node *node = kzalloc(sizeof(*node));
	struct inode *inode =
	    node ? inode_alloc(sb, entry->follow ? &proc_magic_ops : &proc_inode_ops, entry->mode) : NULL;
	if (!inode) {
		kfree(node);
		return -ENOMEM;
	}
	node->entry = entry;
	node->ref = *ref;
	if (ref->process)
		process_get(ref->process);
	inode->data = node;
	inode->ino = number_of(entry, ref);
	inode->nlink = inode_is(inode, K_S_IFDIR) ? 2 : 1;
	if (sb->ops == &sys_super_ops && inode_is(inode, K_S_IFREG))
		inode->size = PAGE_SIZE;
	set_owner(inode);
	*out = inode;
	return 0;
}

struct process *procfs_process(const struct inode *inode)
{
	return inode->ops == &proc_inode_ops && node_of(inode)->entry == &proc_pid_dir ? node_of(inode)->ref.process
										       : NULL;
}

const struct proc_ref *procfs_ref(const struct inode *inode)
{
	return &node_of(inode)->ref;
}

static void destroy(struct inode *inode)
{
	struct proc_node *node = node_of(inode);
	if (node->ref.process)
		process_put(node->ref.process);
	kfree(node);
}

/* Has the process or thread ended that the file is about? */
static bool gone(const struct proc_ref *ref)
{
	const struct thread *t = ref->tid ? thread_find(ref->tid) : NULL;
	return ref->process && (ref->process->dead || (ref->tid && (!t || t->process != ref->process)));
}

static bool valid(struct inode *inode)
{
	const struct proc_ref *ref = &node_of(inode)->ref;
	if (!ref->process)
		return true;
	if (gone(ref))
		return false;
	if (ref->fd >= 0) {
		struct file *file = files_get_file(ref->process->files, ref->fd);
		if (!file)
			return false;
		file_put(file);
	}
	set_owner(inode);
	return true;
}

static const struct proc_entry *find_child(const struct proc_entry *dir, const char *name, size_t len)
{
	for (const struct proc_entry *e = dir->children; e && e->name; e++)
		if (strlen(e->name) == len && !memcmp(e->name, name, len))
			return e;
	return NULL;
}

static int guard(const struct proc_node *node)
{
	if (!node->entry->guarded || !node->ref.process)
		return 0;
	return proc_may_inspect(node->ref.process) ? 0 : -EACCES;
}

static int lookup(struct inode *dir, const char *name, size_t len, struct inode **out)
{
	struct proc_node *node = node_of(dir);
	struct proc_ref ref = node->ref;
	const struct proc_entry *entry = find_child(node->entry, name, len);
	int r = guard(node);
	if (r)
		return r;
	if (entry)
		return make_inode(dir->sb, entry, &ref, out);
	char text[16];
	if (!node->entry->lookup || len > 15)
		return -ENOENT;
	memcpy(text, name, len);
	text[len] = 0;
	r = node->entry->lookup(&node->ref, text, &entry, &ref);
	return r ? r : make_inode(dir->sb, entry, &ref, out);
}

static long readlink(struct inode *inode, char *buf, size_t size)
{
	struct proc_node *node = node_of(inode);
	int r = guard(node);
	if (r)
		return r;
	return node->entry->readlink ? node->entry->readlink(&node->ref, buf, size) : -EINVAL;
}

static int follow(struct inode *inode, struct path *out)
{
	struct proc_node *node = node_of(inode);
	int r = guard(node);
	return r ? r : node->entry->follow(&node->ref, out);
}

/* ---- directories ---- */

static bool emit_entry(const struct proc_node *node, void *arg, emit_fn emit, const struct proc_entry *e, u64 next)
{
	return emit(arg, e->name, strlen(e->name), number_of(e, &node->ref), (e->mode & K_S_IFMT) >> 12, next);
}

static bool emit_dynamic(struct file *file, const struct proc_node *node, void *arg, emit_fn emit)
{
	char name[16];
	u64 id = file->pos - DYNAMIC_POS;
	while (node->entry->next(&node->ref, &id, name)) {
		const struct proc_entry *e;
		struct proc_ref ref = node->ref;
		if (!node->entry->lookup(&node->ref, name, &e, &ref)) {
			if (!emit(arg, name, strlen(name), number_of(e, &ref), (e->mode & K_S_IFMT) >> 12,
				  DYNAMIC_POS + id + 1))
				return false;
		}
		file->pos = DYNAMIC_POS + ++id;
	}
	return true;
}

static int readdir(struct file *file, void *arg, emit_fn emit)
{
	struct inode *dir = file->inode;
	struct proc_node *node = node_of(dir);
	int r = guard(node);
	if (r)
		return r;
	if (node->ref.process && node->ref.process->dead)
		return -ENOENT;
	if (file->pos == 0 && emit(arg, ".", 1, dir->ino, 4, 1))
		file->pos = 1;
	if (file->pos == 1 && emit(arg, "..", 2, file->path.dentry->parent->inode->ino, 4, 2))
		file->pos = 2;
	if (file->pos < 2)
		return 0;
	u64 i = 2;
	for (const struct proc_entry *e = node->entry->children; e && e->name; e++, i++) {
		if (i < file->pos)
			continue;
		if (!emit_entry(node, arg, emit, e, i + 1))
			return 0;
		file->pos = i + 1;
	}
	if (!node->entry->next)
		return 0;
	file->pos = MAX(file->pos, (u64)DYNAMIC_POS);
	emit_dynamic(file, node, arg, emit);
	return 0;
}

static const struct file_ops dir_ops = {.readdir = readdir, .seek = dentry_dir_seek};

/* ---- files ---- */

static void show(const struct proc_node *node, struct text *t, u64 base)
{
	t->base = base;
	t->len = 0;
	t->paused = false;
	node->entry->show(t, &node->ref);
}

/* The text is made anew when a reader is at the start, or before what is at hand: seq_file's way. */
static long file_read_text(struct file *file, struct uio *uio, u64 *pos)
{
	const struct proc_node *node = node_of(file->inode);
	struct text *t = file->data;
	bool anew = !t || *pos == 0 || *pos < t->base;
	if (!node->entry->show)
		return -EINVAL;
	if (gone(&node->ref))
		return -ESRCH;
	if (!t && !(t = file->data = kzalloc(sizeof(*t))))
		return -ENOMEM;
	if (anew) {
		t->failed = false;
		t->next = 0;
		show(node, t, 0);
	}
	while (!t->failed && t->paused && *pos >= t->base + t->len)
		show(node, t, t->base + t->len);
	if (t->failed)
		return -ENOMEM;
	if (*pos >= t->base + t->len || !uio->left)
		return 0;
	u64 at = *pos - t->base;
	size_t n = MIN(t->len - at, uio->left), moved = uio_copy_to(uio, t->buf + at, n);
	*pos += moved;
	return moved ? (long)moved : -EFAULT;
}

static long file_write_text(struct file *file, struct uio *uio, u64 *pos)
{
	struct proc_node *node = node_of(file->inode);
	if (!node->entry->write)
		return -EINVAL;
	size_t n = uio->left;
	if (n > WRITE_LIMIT)
		return -EINVAL;
	char *text = kmalloc(n + 1);
	if (!text)
		return -ENOMEM;
	long r = -EFAULT;
	if (uio_copy_from(uio, text, n) == n) {
		text[n] = 0;
		r = node->entry->write(&node->ref, text, n);
	}
	kfree(text);
	if (r > 0)
		*pos += (u64)r;
	return r;
}

static s64 file_seek(struct file *file, s64 offset, int whence)
{
	if (whence != SEEK_SET && whence != SEEK_CUR)
		return -EINVAL;
	return file_seek_from(file, whence == SEEK_CUR ? (s64)file->pos : 0, offset);
}

static void file_release(struct file *file)
{
	struct text *t = file->data;
	if (t)
		kfree(t->buf);
	kfree(t);
}

static const struct file_ops text_ops = {
    .read = file_read_text, .write = file_write_text, .seek = file_seek, .release = file_release};

/* Files of /sys are a page long for lseek and stat, whatever they hold, and can be synchronised. */
static s64 sysfs_seek(struct file *file, s64 offset, int whence)
{
	if (whence == SEEK_END)
		return file_seek_from(file, PAGE_SIZE, offset);
	return file_seek(file, offset, whence);
}

static int sysfs_fsync(struct file *file)
{
	return 0;
}

static const struct file_ops sysfs_text_ops = {.read = file_read_text,
					       .write = file_write_text,
					       .seek = sysfs_seek,
					       .fsync = sysfs_fsync,
					       .release = file_release};

static int open_node(struct inode *inode, struct file *file)
{
	const struct proc_entry *entry = node_of(inode)->entry;
	int r = guard(node_of(inode));
	if (r)
		return r;
	if (inode_is(inode, K_S_IFDIR))
		file->ops = &dir_ops;
	else if (entry->ops)
		file->ops = entry->ops;
	else if (inode_is(inode, K_S_IFREG))
		file->ops = inode->sb->ops == &sys_super_ops ? &sysfs_text_ops : &text_ops;
	else
		return -ENXIO;
	if (entry->open)
		entry->open(file);
	return 0;
}

static int truncate(struct inode *inode, u64 size)
{
	return 0; /* `echo 1 > /proc/...` opens with O_TRUNC */
}

static int getattr(struct inode *inode, struct k_stat *st)
{
	const struct proc_node *node = node_of(inode);
	if (node->entry->subdirectories)
		st->nlink = 2 + node->entry->subdirectories(&node->ref);
	return 0;
}

static const struct inode_ops proc_inode_ops = {
    .lookup = lookup,
    .getattr = getattr,
    .valid = valid,
    .readlink = readlink,
    .open = open_node,
    .truncate = truncate,
    .destroy = destroy,
};

/* Links of /proc that lead straight to a file have follow too. */
static const struct inode_ops proc_magic_ops = {
    .valid = valid,
    .readlink = readlink,
    .follow = follow,
    .destroy = destroy,
};

/* ---- the file systems ---- */

static int create(const struct super_ops *ops, const struct proc_entry *root, struct superblock **out)
{
	struct superblock *sb = superblock_alloc(ops);
	struct proc_ref ref = {.fd = -1};
	struct inode *inode;
	if (!sb)
		return -ENOMEM;
	int r = make_inode(sb, root, &ref, &inode);
	if (!r && !(sb->root = dentry_alloc_root(sb, inode))) {
		inode_put(inode);
		r = -ENOMEM;
	}
	if (r) {
		superblock_put(sb);
		return r;
	}
	*out = sb;
	return 0;
}

/* A decimal number without leading zeros, as directories name processes and descriptors; -1: something else. */
static long number(const char *s)
{
	long n = 0;
	if (!*s || (s[0] == '0' && s[1]))
		return -1;
	for (; *s; s++) {
		if (*s < '0' || *s > '9' || n > 100000000)
			return -1;
		n = n * 10 + (*s - '0');
	}
	return n;
}

static int root_lookup(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
		       struct proc_ref *ref)
{
	long id = number(name);
	struct process *p = id > 0 ? process_find((int)id) : NULL;
	struct thread *t = id > 0 && !p ? thread_find((int)id) : NULL;
	if (t)
		p = t->process; /* other threads can be named, but are not listed */
	if (!p || p->pid == 0 || p->dead)
		return -ENOENT;
	*ref = (struct proc_ref){.process = p, .tid = t ? t->tid : 0, .fd = -1};
	*entry = &proc_pid_dir;
	return 0;
}

static bool root_next(const struct proc_ref *dir, u64 *id, char name[16])
{
	struct process *p, *best = NULL;
	list_for_each (p, &all_processes, all_link)
		if (p->pid > 0 && (u64)p->pid >= *id && !p->dead && (!best || p->pid < best->pid))
			best = p;
	if (!best)
		return false;
	*id = (u64)best->pid;
	ksnprintf(name, 16, "%d", best->pid);
	return true;
}

static const struct proc_entry proc_root = {
    .mode = PROC_DIR, .children = proc_root_children, .lookup = root_lookup, .next = root_next};

int procfs_create(struct superblock **out)
{
	return create(&proc_super_ops, &proc_root, out);
}

int sysfs_create(struct superblock **out)
{
	return create(&sys_super_ops, &sysfs_root, out);
}
