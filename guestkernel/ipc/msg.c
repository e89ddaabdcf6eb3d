/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns System V message queues.
 */
#include "guestkernel/ipc/msg.h"
#include <linux/capability.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

static int create(s32 key, u32 flags, u64 size, struct ipc_object **out);
static void destroy(struct ipc_object *object);
static bool any_size(const struct ipc_object *object, u64 size)
{
	return true;
}

struct ipc_table msg_table = {
    .create = create, .big_enough = any_size, .destroy = destroy, .limit = &ipc_limits.msgmni, .last_index = -1};

static int create(s32 key, u32 flags, u64 size, struct ipc_object **out)
{
	struct msg_queue *q;
	int error;

	if (!ipc_charge(sizeof(*q)))
		return -ENOMEM;
	q = kzalloc(sizeof(*q));
	error = q ? ipc_add(&msg_table, &q->object, key, flags) : -ENOMEM;
	if (error) {
		ipc_uncharge(sizeof(*q));
		kfree(q);
		return error;
	}
	list_init(&q->messages);
	wait_queue_init(&q->senders);
	wait_queue_init(&q->receivers);
	q->bytes_limit = ipc_limits.msgmnb;
	q->ctime = ipc_now();
	*out = &q->object;
	return 0;
}

static void destroy(struct ipc_object *object)
{
	struct msg_queue *q = msg_queue_of(object);
	struct message *m, *next;

	list_for_each_safe (m, next, &q->messages, link)
		msg_free(m);
	ipc_uncharge(sizeof(*q));
	kfree(q);
}

long msg_get(s32 key, u32 flags)
{
	return ipc_get(&msg_table, key, flags, 0);
}

struct message *msg_alloc(s64 type, u64 size)
{
	struct message *m = NULL;

	if (!ipc_charge(sizeof(*m) + size))
		return NULL;
	m = kmalloc(sizeof(*m) + size);
	if (!m) {
		ipc_uncharge(sizeof(*m) + size);
		return NULL;
	}
	list_init(&m->link);
	m->type = type;
	m->size = size;
	return m;
}

void msg_free(struct message *m)
{
	list_remove(&m->link);
	ipc_uncharge(sizeof(*m) + m->size);
	kfree(m);
}

/* ---- sending ---- */

static bool fits(const struct msg_queue *q, u64 size)
{
	return size <= q->bytes_limit && q->bytes <= q->bytes_limit - size && q->count < q->bytes_limit;
}

static void append(struct msg_queue *q, struct message *m)
{
	list_append(&q->messages, &m->link);
	q->bytes += m->size;
	q->count++;
	q->lspid = current->process->pid;
	q->stime = ipc_now();
	wake_up(&q->receivers, 0);
}

/* Sleeps until somebody changed the queue; 0, -EIDRM, -ERESTARTNOHAND. The caller has a reference. */
static int wait_change(struct msg_queue *q, struct wait_queue *on)
{
	struct wait_entry entry = {0};
	int error;

	wait_add(on, &entry);
	error = sched_sleep(true, 0);
	wait_remove(&entry);
	if (q->object.removed)
		return -EIDRM;
	return error ? -ERESTARTNOHAND : 0;
}

int msg_send(int id, struct message *m, u32 flags)
{
	struct ipc_object *object = ipc_find(&msg_table, id);
	struct msg_queue *q;
	int error = 0;

	if (!object)
		return -EINVAL;
	q = msg_queue_of(object);
	ipc_ref(object);
	while (!error) {
		if (!ipc_allowed(object, IPC_WRITE)) {
			error = -EACCES;
		} else if (fits(q, m->size)) {
			append(q, m);
			break;
		} else {
			error = flags & K_IPC_NOWAIT ? -EAGAIN : wait_change(q, &q->senders);
		}
	}
	ipc_unref(&msg_table, object);
	return error;
}

/* ---- receiving ---- */

/* The first of the lowest type up to a bound. */
static struct message *select_lowest(struct msg_queue *q, u64 bound)
{
	struct message *m, *best = NULL;

	list_for_each (m, &q->messages, link)
		if ((u64)m->type <= bound && (!best || m->type < best->type))
			best = m;
	return best;
}

static struct message *select(struct msg_queue *q, s64 type, u32 flags)
{
	struct message *m;
	s64 index = 0;

	if (type < 0 && !(flags & K_MSG_COPY))
		return select_lowest(q, type == INT64_MIN ? INT64_MAX : (u64)-type);
	list_for_each (m, &q->messages, link) {
		if (flags & K_MSG_COPY ? index++ == type
				       : !type || (flags & K_MSG_EXCEPT ? m->type != type : m->type == type))
			return m;
	}
	return NULL;
}

static void take(struct msg_queue *q, struct message *m)
{
	list_remove(&m->link);
	q->bytes -= m->size;
	q->count--;
	q->lrpid = current->process->pid;
	q->rtime = ipc_now();
	wake_up(&q->senders, 0);
}

static int copy(const struct message *m, struct message **out)
{
	*out = msg_alloc(m->type, m->size);
	if (!*out)
		return -ENOMEM;
	memcpy((*out)->text, m->text, m->size);
	return 0;
}

static int receive(struct msg_queue *q, s64 type, u64 max, u32 flags, struct message **out)
{
	int error = 0;

	while (!error) {
		struct message *m;

		if (!ipc_allowed(&q->object, IPC_READ))
			return -EACCES;
		m = select(q, type, flags);
		if (m && m->size > max && !(flags & K_MSG_NOERROR))
			return -E2BIG;
		if (m && flags & K_MSG_COPY)
			return copy(m, out);
		if (m) {
			take(q, m);
			*out = m;
			return 0;
		}
		error = flags & K_IPC_NOWAIT ? -ENOMSG : wait_change(q, &q->receivers);
	}
	return error;
}

int msg_receive(int id, s64 type, u64 max, u32 flags, struct message **out)
{
	struct ipc_object *object = ipc_find(&msg_table, id);
	int error;

	if (!object)
		return -EINVAL;
	ipc_ref(object);
	error = receive(msg_queue_of(object), type, max, flags, out);
	ipc_unref(&msg_table, object);
	return error;
}

/* ---- control ---- */

void msg_stat(const struct msg_queue *q, struct k_msqid_ds *ds)
{
	*ds = (struct k_msqid_ds){.stime = q->stime,
				  .rtime = q->rtime,
				  .ctime = q->ctime,
				  .cbytes = q->bytes,
				  .qnum = q->count,
				  .qbytes = q->bytes_limit,
				  .lspid = q->lspid,
				  .lrpid = q->lrpid};
	ipc_show(&q->object, &ds->perm);
}

int msg_set(int id, const struct k_ipc_perm *perm, u64 bytes_limit)
{
	struct ipc_object *object;
	struct msg_queue *q;
	int error = ipc_find_owned(&msg_table, id, &object);

	if (error)
		return error;
	if (bytes_limit > ipc_limits.msgmnb && !cred_has_cap(CAP_SYS_RESOURCE))
		return -EPERM;
	q = msg_queue_of(object);
	ipc_set(object, perm);
	q->bytes_limit = bytes_limit;
	q->ctime = ipc_now();
	/* Who may no more, and what fits now: all look again. */
	wake_up(&q->senders, 0);
	wake_up(&q->receivers, 0);
	return 0;
}

int msg_remove(int id)
{
	struct ipc_object *object;
	struct msg_queue *q;
	int error = ipc_find_owned(&msg_table, id, &object);

	if (error)
		return error;
	q = msg_queue_of(object);
	ipc_ref(object);
	ipc_remove(&msg_table, object);
	wake_up(&q->senders, 0);
	wake_up(&q->receivers, 0);
	ipc_unref(&msg_table, object);
	return 0;
}

void msg_totals(u64 *messages, u64 *bytes)
{
	*messages = *bytes = 0;
	for (unsigned i = 0; i < msg_table.size; i++) {
		const struct ipc_object *object = msg_table.slots[i];

		if (!object)
			continue;
		*messages += container_of(object, const struct msg_queue, object)->count;
		*bytes += container_of(object, const struct msg_queue, object)->bytes;
	}
}
