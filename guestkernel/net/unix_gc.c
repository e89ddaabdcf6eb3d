/* SPDX-License-Identifier: Apache-2.0
 *
 * Descriptors in flight. A socket can be sent through itself, or two through each other, and then closed: nobody can
 * receive them any more, yet each holds the other. Such sockets are found as on Linux: those that have no reference but
 * from queues, and stand in no queue that can still be reached.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/net/scm.h"
#include "guestkernel/net/unix.h"

u64 unix_inflight_files;
static struct list inflight = LIST_INIT(inflight); /* unix_sock.inflight_link */

static struct unix_sock *unix_of_file(struct file *file)
{
	struct socket *s = socket_of(file);
	return s && s->family == K_AF_UNIX ? unix_of(s) : NULL;
}

void unix_inflight_add(struct scm_files *files)
{
	kassert(!files->queued);
	files->queued = true;
	unix_inflight_files += files->count;
	for (unsigned i = 0; i < files->count; i++) {
		struct unix_sock *u = unix_of_file(files->files[i]);
		if (u && !u->inflight++)
			list_append(&inflight, &u->inflight_link);
	}
}

void unix_inflight_remove(struct scm_files *files)
{
	kassert(files->queued);
	files->queued = false;
	unix_inflight_files -= files->count;
	for (unsigned i = 0; i < files->count; i++) {
		struct unix_sock *u = unix_of_file(files->files[i]);
		if (u && !--u->inflight)
			list_remove(&u->inflight_link);
	}
}

/* Calls fn for each socket that lies in the queue of u, or of a connection that only u could accept. */
static void for_each_queued(struct unix_sock *u, void (*fn)(struct unix_sock *in, struct list *work), struct list *work)
{
	struct unix_sock *embryo;
	struct packet *p;
	list_for_each (p, &u->rx.packets, link) {
		for (unsigned i = 0; p->files && i < p->files->count; i++) {
			struct unix_sock *in = unix_of_file(p->files->files[i]);
			if (in)
				fn(in, work);
		}
	}
	list_for_each (embryo, &u->pending, pending_link)
		for_each_queued(embryo, fn, work);
}

static void mark(struct unix_sock *u, struct list *work)
{
	if (u->reachable)
		return;
	u->reachable = true;
	list_append(work, &u->scan_link);
}

static void count_inside(struct unix_sock *u, struct list *work)
{
	u->outside--;
}

/* Marks what can be received by somebody: sockets with a reference from elsewhere than queues, those in the queue of a
 * socket that is not in flight, and all that lies in the queues of such. */
static void mark_reachable(void)
{
	struct unix_sock *u;
	struct list work;
	list_init(&work);
	list_for_each (u, &inflight, inflight_link) {
		u->reachable = false;
		u->outside = u->inflight;
	}
	list_for_each (u, &inflight, inflight_link)
		for_each_queued(u, count_inside, NULL);
	list_for_each (u, &inflight, inflight_link)
		if (u->outside || u->socket.file->refs > u->inflight)
			mark(u, &work);
	while (!list_empty(&work)) {
		u = list_first(&work, struct unix_sock, scan_link);
		list_remove(&u->scan_link);
		for_each_queued(u, mark, &work);
	}
}

static void take_queue(struct unix_sock *u, struct list *taken)
{
	struct packet *p;
	list_for_each (p, &u->rx.packets, link) {
		if (!p->files)
			continue;
		unix_inflight_remove(p->files);
		list_append(taken, &p->files->link);
		p->files = NULL;
	}
}

/* Takes the descriptors out of the queues of a socket that nobody can reach. */
static void take(struct unix_sock *u, struct list *taken)
{
	struct unix_sock *embryo;
	take_queue(u, taken);
	list_for_each (embryo, &u->pending, pending_link)
		take_queue(embryo, taken);
}

void unix_gc(void)
{
	static bool running;
	struct list garbage, taken;
	struct unix_sock *u, *next;
	if (running || list_empty(&inflight))
		return;
	running = true;
	list_init(&garbage);
	list_init(&taken);
	mark_reachable();
	list_for_each (u, &inflight, inflight_link)
		if (!u->reachable)
			list_append(&garbage, &u->scan_link);
	list_for_each_safe (u, next, &garbage, scan_link) {
		list_remove(&u->scan_link);
		take(u, &taken);
	}
	while (!list_empty(&taken)) {
		struct scm_files *f = list_first(&taken, struct scm_files, link);
		list_remove(&f->link);
		scm_files_free(f);
	}
	running = false;
}

/* Sockets that are closed while in flight are not released, so that nothing else would look for them. */
void unix_gc_when_many(void)
{
	static u64 threshold = UNIX_INFLIGHT_LOOK;
	if (unix_inflight_files < threshold)
		return;
	unix_gc();
	threshold = MAX(2 * unix_inflight_files, (u64)UNIX_INFLIGHT_LOOK);
}
