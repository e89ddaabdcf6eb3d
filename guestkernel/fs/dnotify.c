/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the list of directories that processes are signalled about. It is short, and searched only while it is not
 * empty.
 */
#include <linux/fcntl.h>
#include "guestkernel/fs/dnotify.h"
#include "guestkernel/fs/async.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

#define RENAMED_EVENT (1u << 27) /* none of inotify's */

struct watched {
	struct list link;
	struct file *file;	   /* no reference: the owner has one open */
	const struct files *owner; /* whose close(2) ends it */
	int fd;
	u32 events; /* IN_*, RENAMED_EVENT */
	bool multishot;
};

static struct list all = LIST_INIT(all);
unsigned dnotify_count;

static u32 events_of(u32 mask)
{
	u32 events = 0;
	if (mask & DN_ACCESS)
		events |= IN_ACCESS_EVENT;
	if (mask & DN_MODIFY)
		events |= IN_MODIFY_EVENT;
	if (mask & DN_CREATE)
		events |= IN_CREATE_EVENT | IN_MOVED_TO_EVENT;
	if (mask & DN_DELETE)
		events |= IN_DELETE_EVENT | IN_MOVED_FROM_EVENT;
	if (mask & DN_RENAME)
		events |= RENAMED_EVENT;
	if (mask & DN_ATTRIB)
		events |= IN_ATTRIB_EVENT;
	return events;
}

static void drop(struct watched *w)
{
	list_remove(&w->link);
	kfree(w);
	dnotify_count--;
	inotify_watches--;
}

void dnotify_close(const struct file *file, const struct files *owner)
{
	struct watched *w, *tmp;
	list_for_each_safe (w, tmp, &all, link)
		if (w->file == file && w->owner == owner)
			drop(w);
}

static struct watched *find(const struct file *file, const struct files *owner)
{
	struct watched *w;
	list_for_each (w, &all, link)
		if (w->file == file && w->owner == owner)
			return w;
	return NULL;
}

int dnotify_set(struct file *file, int fd, u32 mask)
{
	const struct files *owner = current->process->files;
	enum async_owner type;
	if (!(mask & ~(u32)DN_MULTISHOT)) {
		dnotify_close(file, owner);
		return 0;
	}
	if (!inode_is(file->inode, K_S_IFDIR))
		return -ENOTDIR;
	if (!async_owner(file, &type) && async_set_owner(file, ASYNC_PROCESS, current->process->pid))
		return -ENOMEM;
	struct watched *w = find(file, owner);
	if (!w) {
		w = kzalloc(sizeof(*w));
		if (!w)
			return -ENOMEM;
		w->file = file;
		w->owner = owner;
		list_append(&all, &w->link);
		dnotify_count++;
		inotify_watches++; /* so that events are reported at all */
	}
	w->fd = fd;
	w->events |= events_of(mask);
	w->multishot |= (mask & DN_MULTISHOT) != 0;
	return 0;
}

void dnotify_tell(const struct inode *inode, u32 event)
{
	struct watched *w, *tmp;
	list_for_each_safe (w, tmp, &all, link) {
		if (w->file->inode != inode || !(w->events & event))
			continue;
		async_message(w->file, w->fd);
		if (!w->multishot)
			drop(w);
	}
}

void dnotify_renamed(const struct inode *dir)
{
	dnotify_tell(dir, RENAMED_EVENT);
}
