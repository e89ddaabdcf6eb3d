/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the wait on many files at once.
 */
#include <linux/eventpoll.h>
#include "guestkernel/fs/poll.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define FEW  8
#define MANY 60

struct batch {
	struct batch *next;
	unsigned used;
	struct wait_entry entry[MANY];
};

struct poller {
	struct poll_table table;
	struct wait_entry few[FEW]; /* on the stack: most polls watch few files */
	unsigned used;
	struct batch *batches;
	bool failed;
};

static void add(struct poll_table *table, struct wait_queue *q)
{
	struct poller *p = container_of(table, struct poller, table);
	if (p->used < FEW) {
		wait_add(q, &p->few[p->used++]);
		return;
	}
	if (!p->batches || p->batches->used == MANY) {
		struct batch *b = kzalloc(sizeof(*b));
		if (!b) {
			p->failed = true;
			return;
		}
		b->next = p->batches;
		p->batches = b;
	}
	wait_add(q, &p->batches->entry[p->batches->used++]);
}

static void leave(struct poller *p)
{
	for (unsigned i = 0; i < p->used; i++)
		wait_remove(&p->few[i]);
	while (p->batches) {
		struct batch *b = p->batches;
		p->batches = b->next;
		for (unsigned i = 0; i < b->used; i++)
			wait_remove(&b->entry[i]);
		kfree(b);
	}
}

static int look(struct poll_one *list, size_t count, struct poll_table *table)
{
	int ready = 0;
	for (size_t i = 0; i < count; i++) {
		if (!list[i].file)
			continue;
		list[i].result = file_poll(list[i].file, ready ? NULL : table) & (list[i].events | EPOLLERR | EPOLLHUP);
		ready += !!list[i].result;
	}
	return ready;
}

int poll_many(struct poll_one *list, size_t count, u64 deadline_ns)
{
	struct poller p = {.table = {add}};
	bool only_look = deadline_ns == 1;
	int r = look(list, count, only_look ? NULL : &p.table);
	if (p.failed)
		r = -ENOMEM;
	while (!r && !only_look) {
		int slept = deadline_ns && time_boot_ns() >= deadline_ns ? -ETIMEDOUT : sched_sleep(true, deadline_ns);
		r = look(list, count, NULL);
		if (r || !slept)
			continue;
		r = slept == -ETIMEDOUT ? 0 : slept;
		break;
	}
	leave(&p);
	for (size_t i = 0; i < count; i++)
		if (list[i].file)
			file_put(list[i].file);
	return r;
}
