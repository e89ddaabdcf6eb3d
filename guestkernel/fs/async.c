/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the owner of an open file and its SIGIO. A file with O_ASYNC stands on its own wait queues, as one that epoll
 * watches does: who wakes them needs to know nothing of signals.
 */
#include <asm/siginfo.h>
#include <asm/signal.h>
#include <linux/eventpoll.h>
#include <asm/fcntl.h>
#include "guestkernel/fs/async.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/signal.h"

#define QUEUES 2 /* of a file, at most: to read from, to write to */
#define OUT    (EPOLLOUT | EPOLLWRNORM | EPOLLWRBAND)

struct async {
	struct file *file; /* its owner: no reference */
	enum async_owner type;
	int id; /* 0: none */
	u32 uid, euid;
	int sig, fd;
	bool full; /* since the last POLL_OUT */
	unsigned queues;
	struct wait_entry entry[QUEUES];
	struct poll_table table;
};

static struct async *async_of(struct file *file)
{
	if (!file->async) {
		file->async = kzalloc(sizeof(*file->async));
		if (file->async)
			*file->async = (struct async){.file = file};
	}
	return file->async;
}

/* ---- the owner ---- */

static bool group_exists(int pgid)
{
	struct process *p;
	list_for_each (p, &all_processes, all_link)
		if (p->pgid == pgid)
			return true;
	return false;
}

int async_set_owner(struct file *file, enum async_owner type, int id)
{
	struct async *a;
	if (id && !(type == ASYNC_GROUP ? group_exists(id) : !!thread_find(id)))
		return -ESRCH;
	a = async_of(file);
	if (!a)
		return -ENOMEM;
	a->type = type;
	a->id = id;
	a->uid = current->cred.uid;
	a->euid = current->cred.euid;
	return 0;
}

int async_owner(const struct file *file, enum async_owner *type)
{
	*type = file->async ? file->async->type : ASYNC_THREAD;
	return file->async ? file->async->id : 0;
}

int async_set_signal(struct file *file, u64 sig)
{
	if (sig > 64)
		return -EINVAL;
	if (!async_of(file))
		return -ENOMEM;
	file->async->sig = (int)sig;
	return 0;
}

int async_signal(const struct file *file)
{
	return file->async ? file->async->sig : 0;
}

/* ---- signals ---- */

/* As the owner's setter might have sent it at that time. */
static bool permitted(const struct async *a, const struct thread *t)
{
	const struct cred *c = &t->cred;
	return !a->euid || a->euid == c->suid || a->euid == c->uid || a->uid == c->suid || a->uid == c->uid;
}

static int send_one(const struct async *a, struct thread *t, int sig, const struct k_siginfo *info)
{
	if (!permitted(a, t))
		return 0;
	return a->type == ASYNC_THREAD ? signal_send_thread(t, sig, info) : signal_send_process(t->process, sig, info);
}

/* A real-time signal that finds its queue full becomes a plain SIGIO, so that the event is not lost. */
static void send_to(const struct async *a, struct thread *t, int sig, const struct k_siginfo *info)
{
	if (send_one(a, t, sig, info) && sig != SIGIO)
		send_one(a, t, SIGIO, NULL);
}

static void send(const struct async *a, int sig, const struct k_siginfo *info)
{
	struct process *p, *tmp;
	struct thread *t;
	if (a->type != ASYNC_GROUP) {
		t = thread_find(a->id);
		if (t && t->process != &kernel_process)
			send_to(a, t, sig, info);
		return;
	}
	list_for_each_safe (p, tmp, &all_processes, all_link)
		if (p->pgid == a->id && p->leader)
			send_to(a, p->leader, sig, info);
}

/* By POLL_IN to POLL_HUP: what makes it, what siginfo tells of it. */
static const struct {
	u32 events, band;
} reasons[] = {
    [POLL_IN] = {EPOLLIN | EPOLLRDNORM, EPOLLIN | EPOLLRDNORM},
    [POLL_OUT] = {OUT, OUT},
    [POLL_ERR] = {EPOLLERR, EPOLLERR},
    [POLL_PRI] = {EPOLLPRI, EPOLLPRI | EPOLLRDBAND},
    [POLL_HUP] = {EPOLLHUP, EPOLLHUP | EPOLLERR},
};

/* The first of these that there is: a socket that is over says so, other files what a call would not wait for. */
static int reason_of(const struct file *file, u32 events)
{
	static const u8 socket[] = {POLL_ERR, POLL_HUP, POLL_PRI, POLL_IN, POLL_OUT},
			other[] = {POLL_IN, POLL_OUT, POLL_PRI, POLL_HUP, POLL_ERR};
	const u8 *order = inode_is(file->inode, K_S_IFSOCK) ? socket : other;
	for (unsigned i = 0; i < ARRAY_SIZE(socket); i++)
		if (events & reasons[order[i]].events)
			return order[i];
	return 0;
}

static void notify(struct wait_entry *entry, u32 events)
{
	struct async *a = entry->arg;
	struct k_siginfo info;
	bool terminal = inode_is(a->file->inode, K_S_IFCHR);
	int reason, sig;
	if (events & WAKE_QUIETLY)
		return;
	/* Both queues hear of what concerns both: the first tells of it, and room is no news then. */
	if (entry != &a->entry[0] && (events & ~OUT))
		return;
	if (a->queues > 1 && entry == &a->entry[0])
		events &= ~OUT;
	if (inode_is(a->file->inode, K_S_IFSOCK)) /* a socket's change of state wakes for more than there is */
		events &= file_poll(a->file, NULL);
	if (terminal && !a->full)
		events &= ~OUT;
	reason = reason_of(a->file, events);
	if (!reason || !a->id || (reason == POLL_PRI && !a->sig))
		return;
	if (reason == POLL_OUT)
		a->full = false;
	sig = a->sig ? a->sig : SIGIO;
	info = (struct k_siginfo){.signo = sig, .code = reason};
	info.poll.band = reasons[reason].band;
	info.poll.fd = a->fd;
	send(a, sig, a->sig ? &info : NULL);
}

void async_message(struct file *file, int fd)
{
	struct async *a = file->async;
	struct k_siginfo info;
	if (!a || !a->id)
		return;
	info = (struct k_siginfo){.signo = a->sig, .code = POLL_MSG};
	info.poll.band = EPOLLIN | EPOLLRDNORM | EPOLLMSG;
	info.poll.fd = fd;
	send(a, a->sig ? a->sig : SIGIO, a->sig ? &info : NULL);
}

void async_urgent(struct file *file)
{
	if (file && file->async)
		send(file->async, SIGURG, NULL);
}

void async_full(struct file *file)
{
	if (file->async)
		file->async->full = true;
}

/* ---- O_ASYNC ---- */

static void add(struct poll_table *table, struct wait_queue *q)
{
	struct async *a = container_of(table, struct async, table);
	struct wait_entry *e = &a->entry[a->queues];
	kassert(a->queues < QUEUES);
	*e = (struct wait_entry){.notify = notify, .arg = a};
	wait_add(q, e);
	a->queues++;
}

static void leave(struct async *a)
{
	while (a->queues)
		wait_remove(&a->entry[--a->queues]);
}

static int join(struct file *file, int fd)
{
	struct async *a = async_of(file);
	int owner;
	if (!a)
		return -ENOMEM;
	a->fd = fd;
	if (a->queues)
		return 0;
	owner = a->id ? 0 : file->ops->async(file);
	if (owner)
		async_set_owner(file, owner < 0 ? ASYNC_GROUP : ASYNC_PROCESS, owner < 0 ? -owner : owner);
	a->table.add = add;
	file_poll(file, &a->table);
	return 0;
}

int async_switch(struct file *file, int fd, bool on)
{
	int r = 0;
	if (on && file->ops->async)
		r = join(file, fd);
	else if (!on && file->async)
		leave(file->async);
	if (!r && (!on || file->ops->async))
		file->flags = on ? file->flags | FASYNC : file->flags & ~(u32)FASYNC;
	return r;
}

int async_nobody(struct file *file)
{
	return 0;
}

void async_file_gone(struct file *file)
{
	if (!file->async)
		return;
	leave(file->async);
	kfree(file->async);
	file->async = NULL;
}
