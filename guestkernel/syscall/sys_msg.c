/* SPDX-License-Identifier: Apache-2.0
 *
 * msgget(2), msgsnd(2), msgrcv(2), msgctl(2).
 */
#include "guestkernel/ipc/msg.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/syscall/syscall.h"

SYSCALL(msgget)
{
	return msg_get((s32)a, (u32)b);
}

SYSCALL(msgsnd)
{
	struct message *m;
	s64 type;
	int error;

	if (get_user(type, user(b)))
		return -EFAULT;
	if (c > ipc_limits.msgmax || (int)a < 0 || type < 1)
		return -EINVAL;
	m = msg_alloc(type, c);
	if (!m)
		return -ENOMEM;
	error = copy_from_user(m->text, user_add(user(b), sizeof(type)), c);
	if (!error)
		error = msg_send((int)a, m, (u32)d);
	if (error)
		msg_free(m);
	return error;
}

SYSCALL(msgrcv)
{
	struct message *m;
	long result;
	u32 flags = (u32)e;

	if ((int)a < 0 || (s64)c < 0)
		return -EINVAL;
	if (flags & K_MSG_COPY && (flags & K_MSG_EXCEPT || !(flags & K_IPC_NOWAIT)))
		return -EINVAL;
	result = msg_receive((int)a, (s64)d, c, flags, &m);
	if (result)
		return result;
	result = (long)MIN(c, m->size);
	if (put_user(user(b), m->type) || copy_to_user(user_add(user(b), sizeof(m->type)), m->text, (size_t)result))
		result = -EFAULT;
	msg_free(m);
	return result;
}

/* ---- control ---- */

/* Linux's constants of no use: MSGPOOL in KiB, MSGSSZ, MSGSEG. */
static long info(bool usage, u64 to)
{
	struct k_msginfo info = {.msgpool = (s32)(ipc_limits.msgmni * ipc_limits.msgmnb / 1024),
				 .msgmap = (s32)ipc_limits.msgmnb,
				 .msgmax = (s32)ipc_limits.msgmax,
				 .msgmnb = (s32)ipc_limits.msgmnb,
				 .msgmni = (s32)ipc_limits.msgmni,
				 .msgssz = 16,
				 .msgtql = (s32)ipc_limits.msgmnb,
				 .msgseg = 0xffff};

	if (usage) {
		u64 messages, bytes;

		msg_totals(&messages, &bytes);
		info.msgpool = (s32)msg_table.used;
		info.msgmap = (s32)messages;
		info.msgtql = (s32)bytes;
	}
	return put_user(user(to), info) ? -EFAULT : ipc_highest(&msg_table);
}

static long stat(int id, int command, u64 to)
{
	struct ipc_object *object;
	struct k_msqid_ds ds;
	int error = ipc_find_stat(&msg_table, id, command != K_IPC_STAT, command == K_MSG_STAT_ANY, &object);

	if (error)
		return error;
	id = command == K_IPC_STAT ? 0 : object->id;
	msg_stat(msg_queue_of(object), &ds);
	return put_user(user(to), ds) ? -EFAULT : id;
}

SYSCALL(msgctl)
{
	struct k_msqid_ds ds;

	if ((int)a < 0 || (int)b < 0)
		return -EINVAL;
	switch ((int)b) {
	case K_IPC_INFO:
	case K_MSG_INFO:
		return info((int)b == K_MSG_INFO, c);
	case K_IPC_STAT:
	case K_MSG_STAT:
	case K_MSG_STAT_ANY:
		return stat((int)a, (int)b, c);
	case K_IPC_SET:
		return get_user(ds, user(c)) ? -EFAULT : msg_set((int)a, &ds.perm, ds.qbytes);
	case K_IPC_RMID:
		return msg_remove((int)a);
	default:
		return -EINVAL;
	}
}
