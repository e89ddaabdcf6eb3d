/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns leases. Each is of an open file description; one that is being broken has a pending change and the time at which
 * that is made without its holder.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/lease.h"
#include "guestkernel/fs/async.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

#define LEASE_BREAK_SECONDS 45 /* as on Linux */

u64 lease_break_seconds = LEASE_BREAK_SECONDS;

struct lease {
	struct list link;
	struct file *file; /* no reference: goes with it */
	int fd, type;	   /* F_RDLCK, F_WRLCK */
	bool to_unlock, to_downgrade;
	u64 unlock_ns, downgrade_ns; /* when that is due, since boot; 0: never by itself */
};

struct inode_leases {
	struct list list;
	struct wait_queue wait; /* a lease was given up or reduced */
};

static struct lease *find(const struct inode_leases *leases, const struct file *file)
{
	struct lease *l;
	if (leases)
		list_for_each (l, &leases->list, link)
			if (l->file == file)
				return l;
	return NULL;
}

static void end(struct inode_leases *leases, struct lease *l)
{
	list_remove(&l->link);
	if (l->file->async) {
		async_set_owner(l->file, ASYNC_PROCESS, 0);
		async_set_signal(l->file, 0);
	}
	kfree(l);
	wake_up(&leases->wait, 0);
}

static void change(struct inode_leases *leases, struct lease *l, int type)
{
	if (type == F_UNLCK) {
		end(leases, l);
		return;
	}
	l->type = type;
	if (type == F_RDLCK)
		l->to_downgrade = false;
	wake_up(&leases->wait, 0);
}

/* What holders were asked to do and have not done in time. */
static void settle(struct inode_leases *leases)
{
	struct lease *l, *tmp;
	u64 now = time_boot_ns();
	list_for_each_safe (l, tmp, &leases->list, link) {
		if (l->to_unlock && l->unlock_ns && now >= l->unlock_ns)
			change(leases, l, F_UNLCK);
		else if (l->to_downgrade && l->downgrade_ns && now >= l->downgrade_ns)
			change(leases, l, F_RDLCK);
	}
}

/* ---- setting ---- */

/* Is the file open elsewhere in a way that the lease rules out? Its own description does not count. */
static bool open_elsewhere(const struct file *file, int type)
{
	const struct inode *inode = file->inode;
	bool counted = file->path.dentry, writer = file_writable(file);
	if (type == F_RDLCK)
		return inode->writers;
	return inode->writers != (counted && writer) || inode->readers != (counted && !writer);
}

static int check_others(const struct file *file, int type)
{
	struct lease *l;
	if (open_elsewhere(file, type))
		return -EAGAIN;
	list_for_each (l, &file->inode->leases->list, link)
		if (l->file != file && (type == F_WRLCK || l->to_unlock))
			return -EAGAIN;
	return 0;
}

static int add(struct file *file, int fd, int type)
{
	enum async_owner owner;
	struct lease *l = kzalloc(sizeof(*l));
	if (!l)
		return -ENOMEM;
	if (!async_owner(file, &owner) && async_set_owner(file, ASYNC_PROCESS, current->process->pid)) {
		kfree(l);
		return -ENOMEM;
	}
	*l = (struct lease){.file = file, .fd = fd, .type = type};
	list_append(&file->inode->leases->list, &l->link);
	return 0;
}

static int may_lease(const struct file *file, u64 type)
{
	const struct inode *inode = file->inode;
	if (type != F_RDLCK && type != F_WRLCK && type != F_UNLCK)
		return -EINVAL;
	if (inode->uid != fs_uid() && !fs_capable(CAP_LEASE))
		return -EACCES;
	/* Who opens it on the host cannot be made to wait. */
	if (!inode_is(inode, K_S_IFREG) || (inode->sb && !strcmp(inode->sb->ops->type, "9p")))
		return -EINVAL;
	return 0;
}

int lease_set(struct file *file, int fd, u64 type)
{
	struct inode *inode = file->inode;
	int r = may_lease(file, type);
	if (r)
		return r;
	if (!inode->leases) {
		if (type == F_UNLCK)
			return -EAGAIN;
		inode->leases = kzalloc(sizeof(*inode->leases));
		if (!inode->leases)
			return -ENOMEM;
		list_init(&inode->leases->list);
		wait_queue_init(&inode->leases->wait);
	}
	settle(inode->leases);
	struct lease *own = find(inode->leases, file);
	if (type == F_UNLCK && !own)
		return -EAGAIN;
	if (type != F_UNLCK)
		r = check_others(file, (int)type);
	if (r)
		return r;
	if (!own)
		return add(file, fd, (int)type);
	change(inode->leases, own, (int)type);
	return 0;
}

int lease_get(struct file *file)
{
	if (file->inode->leases)
		settle(file->inode->leases);
	const struct lease *l = find(file->inode->leases, file);
	if (!l || l->to_unlock)
		return F_UNLCK;
	return l->to_downgrade ? F_RDLCK : l->type;
}

/* ---- breaking ---- */

static bool against(const struct lease *l, bool write)
{
	return write || l->type == F_WRLCK;
}

/* Is any lease against it? *deadline: when the first of them ends by itself, 0: none does. */
static bool conflicts(const struct inode_leases *leases, bool write, u64 *deadline)
{
	struct lease *l;
	bool any = false;
	*deadline = 0;
	list_for_each (l, &leases->list, link) {
		if (!against(l, write))
			continue;
		any = true;
		u64 due = l->to_unlock ? l->unlock_ns : l->downgrade_ns;
		if (due && (!*deadline || due < *deadline))
			*deadline = due;
	}
	return any;
}

/* Tells the holders, each once. */
static void tell(struct inode_leases *leases, bool write)
{
	struct lease *l;
	u64 due = lease_break_seconds ? time_boot_ns() + MIN(lease_break_seconds, 1ull << 32) * 1000000000 : 0;
	list_for_each (l, &leases->list, link) {
		if (!against(l, write) || l->to_unlock || (!write && l->to_downgrade))
			continue;
		if (write) {
			l->to_unlock = true;
			l->unlock_ns = due;
		} else {
			l->to_downgrade = true;
			l->downgrade_ns = due;
		}
		async_message(l->file, l->fd);
	}
}

int lease_break_slow(struct inode *inode, u32 flags)
{
	struct inode_leases *leases = inode->leases;
	bool write = (flags & O_ACCMODE) != O_RDONLY;
	u64 deadline;
	int r = 0;
	settle(leases);
	if (!conflicts(leases, write, &deadline))
		return 0;
	tell(leases, write);
	if (flags & O_NONBLOCK)
		return -EWOULDBLOCK;
	struct wait_entry entry = {0};
	wait_add(&leases->wait, &entry);
	while (conflicts(leases, write, &deadline)) {
		r = sched_sleep(true, deadline);
		if (r && r != -ETIMEDOUT)
			break;
		r = 0;
		settle(leases);
		tell(leases, write); /* one that was set in the meantime */
	}
	wait_remove(&entry);
	return r;
}

/* ---- the end ---- */

void lease_release(struct file *file)
{
	struct lease *l = find(file->inode->leases, file);
	if (l)
		end(file->inode->leases, l);
}

void lease_inode_gone(struct inode *inode)
{
	kfree(inode->leases); /* every holder had a reference to the inode: there are none */
	inode->leases = NULL;
}
