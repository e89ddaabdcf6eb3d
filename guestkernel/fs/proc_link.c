/* SPDX-License-Identifier: Apache-2.0
 *
 * Links below /proc/PID: to directories and the program, to descriptors (with fdinfo), to namespaces.
 */
#include <linux/fcntl.h>
#include <linux/fs.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/locks.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/proc_pid.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"

/* ---- links ---- */

static long text_of_path(const struct path *path, char *buf, size_t size)
{
	char *text = kmalloc(PATH_LIMIT);
	long n = text ? path_text(path, text, PATH_LIMIT) : -ENOMEM;
	if (n > 0) {
		n = MIN(n - 1, (long)size);
		memcpy(buf, text, (size_t)n);
	}
	kfree(text);
	return n;
}

static int take(const struct path *path, struct path *out)
{
	if (!path->dentry)
		return -ENOENT;
	path_get(path);
	*out = *path;
	return 0;
}

int proc_follow_cwd(const struct proc_ref *ref, struct path *out)
{
	return ref->process->fs ? take(&ref->process->fs->cwd, out) : -ENOENT;
}

int proc_follow_root(const struct proc_ref *ref, struct path *out)
{
	return ref->process->fs ? take(&ref->process->fs->root, out) : -ENOENT;
}

int proc_follow_exe(const struct proc_ref *ref, struct path *out)
{
	const struct thread *th = proc_thread(ref);
	return th && th->mm && th->mm->exe ? take(&th->mm->exe->path, out) : -ENOENT;
}

static long read_path_link(int r, struct path *path, char *buf, size_t size)
{
	if (r)
		return r;
	long n = text_of_path(path, buf, size);
	path_put(path);
	return n;
}

long proc_readlink_cwd(const struct proc_ref *ref, char *buf, size_t size)
{
	struct path path;
	int r = proc_follow_cwd(ref, &path);
	return read_path_link(r, &path, buf, size);
}

long proc_readlink_root(const struct proc_ref *ref, char *buf, size_t size)
{
	struct path path;
	int r = proc_follow_root(ref, &path);
	return read_path_link(r, &path, buf, size);
}

long proc_readlink_exe(const struct proc_ref *ref, char *buf, size_t size)
{
	struct path path;
	int r = proc_follow_exe(ref, &path);
	return read_path_link(r, &path, buf, size);
}

/* ---- descriptors ---- */

long proc_describe_file(struct file *file, char *buf, size_t size)
{
	char name[64];
	if (file->path.dentry && file->path.mount)
		return text_of_path(&file->path, buf, size);
	const char *text = file->anon_name;
	if (!text) {
		const char *kind = inode_is(file->inode, K_S_IFIFO)    ? "pipe"
				   : inode_is(file->inode, K_S_IFSOCK) ? "socket"
								       : "anon_inode";
		ksnprintf(name, sizeof(name), "%s:[%lu]", kind, file->inode->ino);
		text = name;
	}
	size_t n = MIN(strlen(text), size);
	memcpy(buf, text, n);
	return (long)n;
}

int proc_path_of_file(struct file *file, struct path *out)
{
	if (file->path.dentry)
		return take(&file->path, out);
	inode_get(file->inode);
	struct dentry *nameless = dentry_alloc_root(file->inode->sb, file->inode);
	if (!nameless) {
		inode_put(file->inode);
		return -ENOMEM;
	}
	*out = (struct path){NULL, nameless};
	return 0;
}

static struct file *fd_file(const struct proc_ref *ref)
{
	return files_get_file(ref->process->files, ref->fd);
}

static long readlink_fd(const struct proc_ref *ref, char *buf, size_t size)
{
	struct file *file = fd_file(ref);
	if (!file)
		return -ENOENT;
	long n = proc_describe_file(file, buf, size);
	file_put(file);
	return n;
}

static int follow_fd(const struct proc_ref *ref, struct path *out)
{
	struct file *file = fd_file(ref);
	if (!file)
		return -ENOENT;
	int r = proc_path_of_file(file, out);
	file_put(file);
	return r;
}

static void show_fdinfo(struct text *t, const struct proc_ref *ref)
{
	struct file *file = fd_file(ref);
	bool cloexec = false;
	if (!file)
		return;
	files_next(ref->process->files, ref->fd, &cloexec);
	text_printf(t, "pos:\t%lu\nflags:\t0%o\nmnt_id:\t%d\nino:\t%lu\n",
		    inode_is(file->inode, K_S_IFIFO) ? 0 : file->pos, file->flags | (cloexec ? O_CLOEXEC : 0),
		    file->path.mount ? file->path.mount->id : 15, file->inode->ino);
	locks_show_file(t, file, ref->process->files);
	if (file->ops->show_fdinfo && !(file->flags & O_PATH)) {
		char *extra = kzalloc(PAGE_SIZE);
		if (extra) {
			file->ops->show_fdinfo(file, extra, PAGE_SIZE);
			text_printf(t, "%s", extra);
		}
		kfree(extra);
	}
	file_put(file);
}

/* How the file was opened. */
static u32 fd_mode(const struct proc_ref *ref)
{
	struct file *file = fd_file(ref);
	u32 mode = 0;
	if (!file)
		return 0;
	if (!(file->flags & O_PATH))
		mode = (file_readable(file) ? 0500 : 0) | (file_writable(file) ? 0300 : 0);
	file_put(file);
	return mode;
}

static const struct proc_entry fd_link = {
    .mode = K_S_IFLNK | 0700, .guarded = true, .readlink = readlink_fd, .follow = follow_fd, .permissions = fd_mode};
static const struct proc_entry fdinfo_file = {.mode = K_S_IFREG | 0400, .guarded = true, .show = show_fdinfo};

static int lookup_fd(const struct proc_ref *dir, const char *name, struct proc_ref *ref)
{
	s64 fd;
	bool cloexec;
	if (!proc_parse_number(name, &fd) || fd < 0 || fd >= FD_LIMIT || *name == '+' || *name == '-' ||
	    (*name == '0' && name[1]))
		return -ENOENT;
	if (files_next(dir->process->files, (int)fd, &cloexec) != (int)fd)
		return -ENOENT;
	*ref = *dir;
	ref->fd = (int)fd;
	return 0;
}

int proc_lookup_fd_link(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
			struct proc_ref *ref)
{
	*entry = &fd_link;
	return lookup_fd(dir, name, ref);
}

int proc_lookup_fdinfo(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
		       struct proc_ref *ref)
{
	*entry = &fdinfo_file;
	return lookup_fd(dir, name, ref);
}

bool proc_next_fd(const struct proc_ref *dir, u64 *id, char name[16])
{
	bool cloexec;
	int fd = files_next(dir->process->files, (int)*id, &cloexec);
	if (fd < 0)
		return false;
	*id = (u64)fd;
	ksnprintf(name, 16, "%d", fd);
	return true;
}

/* ---- namespaces: one of each ---- */

static const struct {
	const char *name;
	u32 ino;
} namespaces[] = {{"cgroup", 0xeffffffb}, {"ipc", 0xefffffff},	{"mnt", 0xf0000000}, {"net", 0xf0000098},
		  {"pid", 0xeffffffc},	  {"user", 0xeffffffd}, {"uts", 0xeffffffe}, {"time", 0xeffffffa}};

static long ns_text(size_t which, char *buf, size_t size)
{
	char text[32];
	int n = ksnprintf(text, sizeof(text), "%s:[%u]", namespaces[which].name, namespaces[which].ino);
	memcpy(buf, text, MIN((size_t)n, size));
	return (long)MIN((size_t)n, size);
}

#define NS_LINK(index, what)                                                                                           \
	static long readlink_ns_##what(const struct proc_ref *ref, char *buf, size_t size)                             \
	{                                                                                                              \
		return ns_text(index, buf, size);                                                                      \
	}
NS_LINK(0, cgroup)
NS_LINK(1, ipc)
NS_LINK(2, mnt)
NS_LINK(3, net)
NS_LINK(4, pid)
NS_LINK(5, user)
NS_LINK(6, uts)
NS_LINK(7, time)

#define NS_ENTRY(file, what)                                                                                           \
	{                                                                                                              \
		.name = file, .mode = PROC_LINK, .guarded = true, .readlink = readlink_ns_##what                       \
	}

const struct proc_entry proc_ns_children[] = {
    NS_ENTRY("cgroup", cgroup),
    NS_ENTRY("ipc", ipc),
    NS_ENTRY("mnt", mnt),
    NS_ENTRY("net", net),
    NS_ENTRY("pid", pid),
    NS_ENTRY("pid_for_children", pid),
    NS_ENTRY("time", time),
    NS_ENTRY("time_for_children", time),
    NS_ENTRY("user", user),
    NS_ENTRY("uts", uts),
    {0},
};
