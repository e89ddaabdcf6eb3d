/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns inotify instances, their watches and event queues.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <asm/ioctls.h>
#include "guestkernel/fs/async.h"
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/dnotify.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/inotify.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define QUEUE_LIMIT	    16384u /* events an instance: fs.inotify.max_queued_events */
#define EVENTS_MASK	    0xfffu /* IN_ALL_EVENTS */
#define IN_UNMOUNT_EVENT    0x2000u
#define IN_OVERFLOW_EVENT   0x4000u
#define IN_IGNORED_EVENT    0x8000u
#define IN_ONLYDIR_FLAG	    0x01000000u
#define IN_DONT_FOLLOW_FLAG 0x02000000u
#define IN_EXCL_UNLINK_FLAG 0x04000000u
#define IN_MASK_CREATE_FLAG 0x10000000u
#define IN_MASK_ADD_FLAG    0x20000000u
#define IN_ONESHOT_FLAG	    0x80000000u
#define KNOWN_BITS                                                                                                     \
	(EVENTS_MASK | IN_UNMOUNT_EVENT | IN_OVERFLOW_EVENT | IN_IGNORED_EVENT | IN_ONLYDIR_FLAG |                     \
	 IN_DONT_FOLLOW_FLAG | IN_EXCL_UNLINK_FLAG | IN_MASK_CREATE_FLAG | IN_MASK_ADD_FLAG | IN_ISDIR_EVENT |         \
	 IN_ONESHOT_FLAG)

unsigned inotify_watches;

struct event {
	struct list link;
	s32 wd;
	u32 mask, cookie, len; /* len: bytes of name with padding */
	char name[];
};
#define EVENT_HEAD 16u /* wd, mask, cookie, len as the program sees them */

struct instance {
	struct list watches, events;
	struct wait_queue wait;
	u32 queued;
	s32 next_wd;
};

struct watch {
	struct list inode_link, instance_link;
	struct instance *owner;
	struct inode *inode; /* no reference: goes with it */
	s32 wd;
	u32 mask;
};

static void queue_event(struct instance *in, s32 wd, u32 mask, u32 cookie, const char *name)
{
	size_t len = name ? (strlen(name) + 1 + 15) & ~15ul : 0;
	struct event *last = list_empty(&in->events) ? NULL : list_last(&in->events, struct event, link);
	if (in->queued >= QUEUE_LIMIT) {
		if (!last || last->mask & IN_OVERFLOW_EVENT)
			return;
		wd = -1;
		mask = IN_OVERFLOW_EVENT;
		cookie = 0;
		len = 0;
	}
	/* The same event twice in a row is one. */
	if (last && last->wd == wd && last->mask == mask && last->cookie == cookie && last->len == len &&
	    (!len || !strcmp(last->name, name)))
		return;
	struct event *e = kzalloc(sizeof(*e) + len);
	if (!e)
		return;
	e->wd = wd;
	e->mask = mask;
	e->cookie = cookie;
	e->len = (u32)len;
	if (len)
		memcpy(e->name, name, strlen(name));
	list_append(&in->events, &e->link);
	in->queued++;
	wake_up(&in->wait, EPOLLIN | EPOLLRDNORM);
}

static void watch_free(struct watch *w)
{
	list_remove(&w->inode_link);
	list_remove(&w->instance_link);
	kfree(w);
	inotify_watches--;
}

/* What happens through a name that is `unlinked` does not concern every watch of its directory. */
static void notify(struct inode *inode, u32 event, u32 cookie, const char *name, bool unlinked)
{
	struct watch *w, *tmp;
	if (event & (IN_DELETE_SELF_EVENT | IN_MOVE_SELF_EVENT))
		event &= ~IN_ISDIR_EVENT;
	if (dnotify_count)
		dnotify_tell(inode, event & EVENTS_MASK);
	list_for_each_safe (w, tmp, &inode->watches, inode_link) {
		if (!(w->mask & event & EVENTS_MASK) || (unlinked && (w->mask & IN_EXCL_UNLINK_FLAG)))
			continue;
		queue_event(w->owner, w->wd, event, cookie, name);
		if (w->mask & IN_ONESHOT_FLAG) {
			queue_event(w->owner, w->wd, IN_IGNORED_EVENT, 0, NULL);
			watch_free(w);
		}
	}
}

void inotify_inode(struct inode *inode, u32 event)
{
	if (inotify_watches)
		notify(inode, event | (inode_is(inode, K_S_IFDIR) ? IN_ISDIR_EVENT : 0), 0, NULL, false);
}

void inotify_dir(struct inode *dir, const char *name, u32 event, u32 cookie)
{
	if (inotify_watches)
		notify(dir, event, cookie, name, false);
}

void inotify_dentry(struct dentry *d, u32 event)
{
	if (!inotify_watches || !d)
		return;
	u32 dir = inode_is(d->inode, K_S_IFDIR) ? IN_ISDIR_EVENT : 0;
	if (d->parent && d->parent != d)
		notify(d->parent->inode, event | dir, 0, d->name, d->flags & DENTRY_DELETED);
	notify(d->inode, event | dir, 0, NULL, false);
}

void inotify_path(const struct path *path, u32 event)
{
	inotify_dentry(path->dentry, event);
}

u32 inotify_cookie(void)
{
	static u32 cookie;
	return ++cookie;
}

void inotify_inode_gone(struct inode *inode)
{
	struct watch *w, *tmp;
	bool unmounted = inode->sb && !inode->sb->root;
	list_for_each_safe (w, tmp, &inode->watches, inode_link) {
		if (unmounted)
			queue_event(w->owner, w->wd, IN_UNMOUNT_EVENT, 0, NULL);
		else if (w->mask & IN_DELETE_SELF_EVENT)
			queue_event(w->owner, w->wd, IN_DELETE_SELF_EVENT, 0, NULL);
		queue_event(w->owner, w->wd, IN_IGNORED_EVENT, 0, NULL);
		watch_free(w);
	}
}

/* ---- the file ---- */

static void drop_event(struct instance *in, struct event *e)
{
	list_remove(&e->link);
	kfree(e);
	in->queued--;
}

static long read_events(struct file *file, struct uio *uio, u64 *pos)
{
	struct instance *in = file->data;
	size_t done = 0;
	if (list_empty(&in->events)) {
		if (file->flags & O_NONBLOCK)
			return -EAGAIN;
		int r = wait_event_interruptible(&in->wait, !list_empty(&in->events), 0);
		if (r)
			return r;
	}
	while (!list_empty(&in->events)) {
		struct event *e = list_first(&in->events, struct event, link);
		size_t size = EVENT_HEAD + e->len;
		if (uio->left < size)
			return done ? (long)done : -EINVAL;
		u8 record[EVENT_HEAD + 272];
		u32 head[4] = {(u32)e->wd, e->mask, e->cookie, e->len};
		memcpy(record, head, EVENT_HEAD);
		memcpy(record + EVENT_HEAD, e->name, e->len);
		drop_event(in, e);
		if (uio_copy_to(uio, record, size) < size)
			return done ? (long)done : -EFAULT;
		done += size;
	}
	return (long)done;
}

static u32 poll_events(struct file *file, struct poll_table *table)
{
	struct instance *in = file->data;
	poll_wait(table, &in->wait);
	return list_empty(&in->events) ? 0 : EPOLLIN | EPOLLRDNORM;
}

static long events_ioctl(struct file *file, u32 cmd, u64 arg)
{
	struct instance *in = file->data;
	struct event *e;
	int n = 0;
	if (cmd != FIONREAD)
		return -ENOTTY;
	list_for_each (e, &in->events, link)
		n += (int)(EVENT_HEAD + e->len);
	return put_user(user(arg), n);
}

static void release(struct file *file)
{
	struct instance *in = file->data;
	while (!list_empty(&in->watches))
		watch_free(list_first(&in->watches, struct watch, instance_link));
	while (!list_empty(&in->events))
		drop_event(in, list_first(&in->events, struct event, link));
	kfree(in);
}

/* Of many watches the first ones. */
static void inotify_fdinfo(struct file *file, char *buf, size_t size)
{
	const struct instance *in = file->data;
	struct watch *w;
	size_t n = 0;
	list_for_each (w, &in->watches, instance_link) {
		u64 dev = w->inode->sb ? w->inode->sb->dev : 0;
		if (size - n < 128)
			break;
		n += (size_t)ksnprintf(buf + n, size - n, "inotify wd:%x ino:%lx sdev:%x mask:%x ignored_mask:0 \n",
				       (u32)w->wd, w->inode->ino, (u32)((dev >> 8) << 20 | (dev & 0xff)), w->mask);
	}
}

static const struct file_ops inotify_ops = {.read = read_events,
					    .poll = poll_events,
					    .async = async_nobody,
					    .ioctl = events_ioctl,
					    .seek = noop_seek,
					    .release = release,
					    .show_fdinfo = inotify_fdinfo};

int inotify_create(u32 flags, struct file **out)
{
	struct instance *in = kzalloc(sizeof(*in));
	if (!in)
		return -ENOMEM;
	list_init(&in->watches);
	list_init(&in->events);
	wait_queue_init(&in->wait);
	in->next_wd = 1;
	*out = file_alloc_anon(&inotify_ops, in, O_RDONLY | (flags & O_NONBLOCK), "anon_inode:inotify");
	if (*out)
		return 0;
	kfree(in);
	return -ENFILE;
}

static struct watch *find_watch(struct instance *in, const struct inode *inode, s32 wd)
{
	struct watch *w;
	list_for_each (w, &in->watches, instance_link)
		if (inode ? w->inode == inode : w->wd == wd)
			return w;
	return NULL;
}

bool inotify_valid_mask(u32 mask)
{
	return mask && !(mask & ~KNOWN_BITS);
}

bool inotify_takes(const struct file *file, u32 mask)
{
	return file->ops == &inotify_ops && !((mask & IN_MASK_ADD_FLAG) && (mask & IN_MASK_CREATE_FLAG));
}

int inotify_add(struct file *file, const struct path *path, u32 mask)
{
	struct inode *inode = path->dentry->inode;
	struct instance *in = file->data;
	int r = inode_permission(inode, MAY_READ);
	if (r)
		return r;
	u32 keep = mask & (EVENTS_MASK | IN_EXCL_UNLINK_FLAG | IN_ONESHOT_FLAG);
	struct watch *w = find_watch(in, inode, 0);
	if (w) {
		if (mask & IN_MASK_CREATE_FLAG)
			return -EEXIST;
		w->mask = mask & IN_MASK_ADD_FLAG ? w->mask | keep : keep;
		return w->wd;
	}
	w = kzalloc(sizeof(*w));
	if (!w)
		return -ENOMEM;
	*w = (struct watch){.owner = in, .inode = inode, .wd = in->next_wd++, .mask = keep};
	list_append(&inode->watches, &w->inode_link);
	list_append(&in->watches, &w->instance_link);
	inotify_watches++;
	return w->wd;
}

int inotify_remove(struct file *file, int wd)
{
	struct watch *w = file->ops == &inotify_ops ? find_watch(file->data, NULL, wd) : NULL;
	if (!w)
		return -EINVAL;
	queue_event(file->data, wd, IN_IGNORED_EVENT, 0, NULL);
	watch_free(w);
	return 0;
}
