/* SPDX-License-Identifier: Apache-2.0
 *
 * Packets and their queues.
 */
#include "guestkernel/net/packet.h"

#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/net/scm.h"

#define INLINE_LIMIT (2048 - sizeof(struct packet)) /* kmalloc's largest size below whole frames */
#define INLINE_LEAST (256 - sizeof(struct packet))  /* room for a few small writes more */
#define MERGE_LIMIT  1024u			    /* copying more a second time costs more than another packet */

void packet_queue_init(struct packet_queue *q)
{
	list_init(&q->packets);
	q->bytes = q->count = 0;
}

static unsigned order_for(u32 len)
{
	unsigned order = 0;
	while ((PAGE_SIZE << order) < len)
		order++;
	return order;
}

static struct packet *alloc_block(u32 len, bool whole)
{
	struct packet *p = kzalloc(sizeof(*p));
	unsigned order = order_for(len);
	if (!p)
		return NULL;
	while (!(p->block = page_alloc(order, 0))) {
		if (whole || !order) {
			kfree(p);
			return NULL;
		}
		order--;
	}
	p->data = page_virt(p->block);
	p->room = (u32)PAGE_SIZE << order;
	return p;
}

struct packet *packet_alloc(u32 len, bool whole)
{
	struct packet *p;
	if (len > INLINE_LIMIT) {
		p = alloc_block(len, whole);
		if (!p)
			return NULL;
	} else {
		u32 room = MAX(len, (u32)INLINE_LEAST);
		p = kmalloc(sizeof(*p) + room);
		if (!p)
			return NULL;
		memset(p, 0, sizeof(*p));
		p->data = p->inline_data;
		p->room = room;
	}
	p->len = MIN(len, p->room);
	list_init(&p->link);
	return p;
}

void packet_free(struct packet *p)
{
	scm_files_free(p->files);
	if (p->block)
		page_put(p->block);
	kfree(p);
}

void packet_push(struct packet_queue *q, struct packet *p)
{
	list_append(&q->packets, &p->link);
	q->bytes += p->len;
	q->count++;
}

static bool same_sender(const struct packet *a, const struct packet *b)
{
	return a->has_cred == b->has_cred && a->cred.pid == b->cred.pid && a->cred.uid == b->cred.uid &&
	       a->cred.gid == b->cred.gid;
}

void packet_push_stream(struct packet_queue *q, struct packet *p)
{
	if (p->len <= MERGE_LIMIT && !p->files && !list_empty(&q->packets)) {
		struct packet *last = list_last(&q->packets, struct packet, link);
		u32 end = last->offset + last->len;
		if (last->room - end >= p->len && !last->files && same_sender(last, p)) {
			memcpy(last->data + end, p->data + p->offset, p->len);
			last->len += p->len;
			q->bytes += p->len;
			packet_free(p);
			return;
		}
	}
	packet_push(q, p);
}

struct packet *packet_first(const struct packet_queue *q)
{
	return list_empty(&q->packets) ? NULL : list_first(&q->packets, struct packet, link);
}

void packet_consume(struct packet_queue *q, struct packet *p, u32 n)
{
	kassert(n <= p->len);
	p->offset += n;
	p->len -= n;
	q->bytes -= n;
}

void packet_unlink(struct packet_queue *q, struct packet *p)
{
	list_remove(&p->link);
	q->bytes -= p->len;
	q->count--;
}

void packet_queue_purge(struct packet_queue *q)
{
	struct packet *p;
	while ((p = packet_first(q))) {
		packet_unlink(q, p);
		packet_free(p);
	}
}

struct packet *packet_from_uio(struct uio *uio, u32 n, bool whole, int *error)
{
	struct packet *p = packet_alloc(n, whole);
	if (!p) {
		*error = -ENOBUFS;
		return NULL;
	}
	u32 done = (u32)uio_copy_from(uio, p->data, p->len);
	if (done < p->len && (whole || !done)) {
		packet_free(p);
		*error = -EFAULT;
		return NULL;
	}
	p->len = done;
	return p;
}
