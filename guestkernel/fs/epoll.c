/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns epoll instances: which files are watched, and the list of those that may be ready. A wake-up of a watched queue
 * only puts the item on that list; epoll_wait asks the file again.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/epoll.h"
#include "guestkernel/fs/radix.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define NESTING_LIMIT 5 /* epoll in epoll: Linux's EP_MAX_NESTS + 1 */
#define PRIVATE_BITS  (EPOLLWAKEUP | EPOLLONESHOT | EPOLLET | EPOLLEXCLUSIVE)

struct epoll {
	struct radix items; /* by descriptor; items of the same number are chained */
	struct list ready;
	struct wait_queue wait;	   /* epoll_wait */
	struct wait_queue pollers; /* who polls the epoll file */
	struct file *file;
};

/* One queue that the watched file has named. */
struct hook {
	struct wait_entry entry;
	struct hook *next;
	struct item *item;
};

struct item {
	struct epoll *ep;
	struct file *file; /* no reference: epoll_file_gone() */
	int fd;
	struct k_epoll_event event;
	struct item *chain;
	struct list ready_link, file_link;
	struct hook *hooks;
	bool failed; /* out of memory while hooking */
};

struct hooker {
	struct poll_table table;
	struct item *item;
};

static const struct file_ops epoll_ops;

bool file_is_epoll(const struct file *file)
{
	return file->ops == &epoll_ops;
}

static void set_ready(struct item *item)
{
	struct epoll *ep = item->ep;
	if (list_empty(&item->ready_link))
		list_append(&ep->ready, &item->ready_link);
	wake_up_one(&ep->wait, EPOLLIN);
	wake_up(&ep->pollers, EPOLLIN | EPOLLRDNORM);
}

static void notified(struct wait_entry *entry, u32 events)
{
	struct item *item = ((struct hook *)entry->arg)->item;
	if (!(item->event.events & ~(u32)PRIVATE_BITS))
		return; /* disarmed by EPOLLONESHOT */
	if (events && !(events & item->event.events))
		return;
	set_ready(item);
}

static void add_hook(struct poll_table *table, struct wait_queue *q)
{
	struct item *item = container_of(table, struct hooker, table)->item;
	struct hook *hook = kzalloc(sizeof(*hook));
	if (!hook) {
		item->failed = true;
		return;
	}
	hook->item = item;
	hook->entry.notify = notified;
	hook->entry.arg = hook;
	hook->entry.exclusive = item->event.events & EPOLLEXCLUSIVE;
	hook->next = item->hooks;
	item->hooks = hook;
	wait_add(q, &hook->entry);
}

static u32 item_state(struct item *item, struct poll_table *table)
{
	return file_poll(item->file, table) & item->event.events;
}

static struct item *find(struct epoll *ep, int fd, const struct file *file)
{
	struct item *item = radix_get(&ep->items, (u64)fd);
	while (item && item->file != file)
		item = item->chain;
	return item;
}

static void unlink_item(struct item *item)
{
	struct epoll *ep = item->ep;
	struct item *head = radix_get(&ep->items, (u64)item->fd), **link = &head;
	while (*link != item)
		link = &(*link)->chain;
	*link = item->chain;
	if (head)
		radix_set(&ep->items, (u64)item->fd, head); /* overwrites: cannot fail */
	else
		radix_remove(&ep->items, (u64)item->fd);
}

static void free_item(struct item *item)
{
	unlink_item(item);
	while (item->hooks) {
		struct hook *hook = item->hooks;
		item->hooks = hook->next;
		wait_remove(&hook->entry);
		kfree(hook);
	}
	list_remove(&item->ready_link);
	list_remove(&item->file_link);
	kfree(item);
}

void epoll_file_gone(struct file *file)
{
	while (!list_empty(&file->epoll_items))
		free_item(list_first(&file->epoll_items, struct item, file_link));
}

/* ---- epoll_ctl ---- */

/* Does watching `file` from `top` make a circle, or nest too deep? Returns the depth below, or -ELOOP. */
static int depth_below(const struct file *file, const struct file *top, int level)
{
	u64 i = 0;
	int deepest = 0;
	struct item *item;
	if (file == top || level > NESTING_LIMIT)
		return -ELOOP;
	if (!file_is_epoll(file))
		return 0;
	struct epoll *ep = file->data;
	for (; (item = radix_next(&ep->items, &i)); i++)
		for (; item; item = item->chain) {
			int d = depth_below(item->file, top, level + 1);
			if (d < 0)
				return d;
			deepest = MAX(deepest, d);
		}
	return deepest + 1;
}

/* How many epoll files stand above this one. */
static int depth_above(struct file *file, int level)
{
	struct item *item;
	int deepest = 0;
	if (level > NESTING_LIMIT)
		return level;
	list_for_each (item, &file->epoll_items, file_link)
		deepest = MAX(deepest, 1 + depth_above(item->ep->file, level + 1));
	return deepest;
}

static int add(struct epoll *ep, int fd, struct file *target, const struct k_epoll_event *event)
{
	if (file_is_epoll(target)) {
		int below = depth_below(target, ep->file, 0);
		if (below < 0 || below + depth_above(ep->file, 0) >= NESTING_LIMIT)
			return -ELOOP;
	}
	struct item *item = kzalloc(sizeof(*item));
	if (!item)
		return -ENOMEM;
	*item = (struct item){.ep = ep, .file = target, .fd = fd, .event = *event};
	item->event.events |= EPOLLERR | EPOLLHUP;
	list_init(&item->ready_link);
	item->chain = radix_get(&ep->items, (u64)fd);
	if (radix_set(&ep->items, (u64)fd, item)) {
		kfree(item);
		return -ENOMEM;
	}
	list_append(&target->epoll_items, &item->file_link);
	struct hooker hooker = {{add_hook}, item};
	u32 state = item_state(item, &hooker.table);
	if (item->failed) {
		free_item(item);
		return -ENOMEM;
	}
	if (state)
		set_ready(item);
	return 0;
}

static int modify(struct item *item, const struct k_epoll_event *event)
{
	if ((item->event.events & EPOLLEXCLUSIVE) || (event->events & EPOLLEXCLUSIVE))
		return -EINVAL;
	item->event = *event;
	item->event.events |= EPOLLERR | EPOLLHUP;
	if (item_state(item, NULL))
		set_ready(item);
	return 0;
}

#define EXCLUSIVE_BITS (EPOLLIN | EPOLLOUT | EPOLLERR | EPOLLHUP | EPOLLWAKEUP | EPOLLET | EPOLLEXCLUSIVE)

int epoll_control(struct file *epoll, int op, int fd, struct file *target, const struct k_epoll_event *event)
{
	if (!target->ops->poll)
		return -EPERM; /* regular files and directories */
	if (!file_is_epoll(epoll) || epoll == target)
		return -EINVAL;
	if (op == EPOLL_CTL_ADD && (event->events & EPOLLEXCLUSIVE) &&
	    ((event->events & ~(u32)EXCLUSIVE_BITS) || file_is_epoll(target)))
		return -EINVAL;
	struct epoll *ep = epoll->data;
	struct item *item = find(ep, fd, target);
	switch (op) {
	case EPOLL_CTL_ADD:
		return item ? -EEXIST : add(ep, fd, target, event);
	case EPOLL_CTL_MOD:
		return item ? modify(item, event) : -ENOENT;
	case EPOLL_CTL_DEL:
		if (!item)
			return -ENOENT;
		free_item(item);
		return 0;
	}
	return -EINVAL;
}

/* ---- epoll_wait ---- */

/* Takes what is ready; level-triggered items stay on the list, behind the others. */
static long collect(struct epoll *ep, user_ptr out, int max)
{
	struct list again;
	long n = 0;
	list_init(&again);
	while (n < max && !list_empty(&ep->ready)) {
		struct item *item = list_first(&ep->ready, struct item, ready_link);
		list_remove(&item->ready_link);
		u32 state = item_state(item, NULL);
		if (!state)
			continue;
		struct k_epoll_event event = {state, item->event.data};
		if (copy_to_user(user_add(out, (u64)n * sizeof(event)), &event, sizeof(event))) {
			list_push(&ep->ready, &item->ready_link);
			n = n ? n : -EFAULT;
			break;
		}
		n++;
		if (item->event.events & EPOLLONESHOT)
			item->event.events &= PRIVATE_BITS;
		else if (!(item->event.events & EPOLLET))
			list_append(&again, &item->ready_link);
	}
	while (!list_empty(&again)) {
		struct list *first = again.next;
		list_remove(first);
		list_append(&ep->ready, first);
	}
	return n;
}

long epoll_wait_events(struct file *epoll, user_ptr events, int max, u64 deadline_ns)
{
	struct epoll *ep = epoll->data;
	struct wait_entry entry = {.exclusive = true};
	long n = collect(ep, events, max);
	if (n)
		return n;
	wait_add(&ep->wait, &entry);
	for (;;) {
		if (!list_empty(&ep->ready)) {
			n = collect(ep, events, max);
			if (n)
				break;
		}
		if (deadline_ns && time_boot_ns() >= deadline_ns)
			break;
		n = sched_sleep(true, deadline_ns);
		if (n == -ETIMEDOUT)
			n = 0;
		if (n && list_empty(&ep->ready))
			break;
	}
	wait_remove(&entry);
	if (!list_empty(&ep->ready))
		wake_up_one(&ep->wait, EPOLLIN); /* we may have been the one that was woken for it */
	return n;
}

/* ---- the file ---- */

static u32 epoll_poll(struct file *file, struct poll_table *table)
{
	struct epoll *ep = file->data;
	struct item *item, *tmp;
	poll_wait(table, &ep->pollers);
	list_for_each_safe (item, tmp, &ep->ready, ready_link) {
		if (item_state(item, NULL))
			return EPOLLIN | EPOLLRDNORM;
		list_remove(&item->ready_link);
	}
	return 0;
}

static void epoll_release(struct file *file)
{
	struct epoll *ep = file->data;
	u64 i = 0;
	struct item *item;
	while ((item = radix_next(&ep->items, &i)))
		free_item(item);
	radix_free(&ep->items);
	kfree(ep);
}

static void epoll_fdinfo(struct file *file, char *buf, size_t size)
{
	struct epoll *ep = file->data;
	struct item *item;
	size_t used = 0;
	u64 i = 0;
	for (; (item = radix_next(&ep->items, &i)) && used < size; i++)
		for (; item && used < size; item = item->chain)
			used += (size_t)ksnprintf(buf + used, size - used, "tfd: %8d events: %8x data: %16lx\n",
						  item->fd, item->event.events, (unsigned long)item->event.data);
}

static const struct file_ops epoll_ops = {
    .poll = epoll_poll, .seek = noop_seek, .release = epoll_release, .show_fdinfo = epoll_fdinfo};

int epoll_create_file(u32 flags, struct file **out)
{
	struct epoll *ep = kzalloc(sizeof(*ep));
	if (!ep)
		return -ENOMEM;
	list_init(&ep->ready);
	wait_queue_init(&ep->wait);
	wait_queue_init(&ep->pollers);
	*out = file_alloc_anon(&epoll_ops, ep, O_RDWR, "anon_inode:[eventpoll]");
	if (*out) {
		ep->file = *out;
		return 0;
	}
	kfree(ep);
	return -ENFILE;
}
