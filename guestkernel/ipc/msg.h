/* SPDX-License-Identifier: Apache-2.0
 *
 * System V message queues: msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
 */
#ifndef GUESTKERNEL_IPC_MSG_H
#define GUESTKERNEL_IPC_MSG_H

#include "guestkernel/ipc/ipc.h"
#include "guestkernel/list.h"
#include "guestkernel/proc/sched.h"

struct message {
	struct list link;
	s64 type;
	u64 size;
	u8 text[];
};

struct msg_queue {
	struct ipc_object object;
	struct list messages;
	u64 bytes, count, bytes_limit;
	s64 stime, rtime, ctime;
	int lspid, lrpid;
	struct wait_queue senders, receivers;
};

extern struct ipc_table msg_table;

static inline struct msg_queue *msg_queue_of(struct ipc_object *object)
{
	return container_of(object, struct msg_queue, object);
}

long msg_get(s32 key, u32 flags);
/* A message to fill in; NULL: -ENOMEM. */
struct message *msg_alloc(s64 type, u64 size);
void msg_free(struct message *m);
/* Takes the message over when it returns 0. -EINVAL, -EACCES, -EIDRM, -EAGAIN, -ERESTARTNOHAND */
int msg_send(int id, struct message *m, u32 flags);
/* Takes the first message that `type` selects, as msgrcv(2) says, out of the queue (a copy with K_MSG_COPY). max: bytes
 * that the caller has room for. -EINVAL, -EACCES, -EIDRM, -ENOMSG, -E2BIG, -ENOMEM, -ERESTARTNOHAND */
int msg_receive(int id, s64 type, u64 max, u32 flags, struct message **out);
void msg_stat(const struct msg_queue *q, struct k_msqid_ds *ds);
int msg_set(int id, const struct k_ipc_perm *perm, u64 bytes_limit);
int msg_remove(int id);
/* In all queues. */
void msg_totals(u64 *messages, u64 *bytes);

#endif
