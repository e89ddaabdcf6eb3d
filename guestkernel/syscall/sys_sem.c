/* SPDX-License-Identifier: Apache-2.0
 *
 * semget(2), semop(2), semtimedop(2), semctl(2).
 */
#include "guestkernel/ipc/sem.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/sched.h"
#include "guestkernel/syscall/syscall.h"

#define OPS_FAST 16 /* operations that need no memory of their own */

SYSCALL(semget)
{
	return sem_get((s32)a, (s32)b, (u32)c);
}

/* ---- operations ---- */

static long operate(int id, u64 from, u64 count, u64 deadline)
{
	struct k_sembuf fast[OPS_FAST], *ops = fast;
	long result;

	if (!count)
		return -EINVAL;
	if (count > ipc_limits.semopm)
		return -E2BIG;
	if (count > OPS_FAST)
		ops = kcalloc(count, sizeof(*ops));
	if (!ops)
		return -ENOMEM;
	result = copy_from_user(ops, user(from), count * sizeof(*ops));
	if (!result)
		result = sem_operate(id, ops, (unsigned)count, deadline);
	if (ops != fast)
		kfree(ops);
	return result;
}

SYSCALL(semop)
{
	return operate((int)a, b, (u32)c, 0);
}

SYSCALL(semtimedop)
{
	u64 ns = 0;
	int error = d ? timespec_from_user(user(d), &ns) : 0;

	return error ? error : operate((int)a, b, (u32)c, d ? deadline_after(ns) : 0);
}

/* ---- control ---- */

/* Linux's SEMUSZ, the size of an undo structure of old. */
#define UNDO_SIZE 20

static long info(bool usage, u64 to)
{
	s32 all = (s32)MIN(ipc_limits.semmns, (u64)INT32_MAX);
	struct k_seminfo info = {.semmap = all,
				 .semmni = (s32)ipc_limits.semmni,
				 .semmns = all,
				 .semmnu = all,
				 .semmsl = (s32)ipc_limits.semmsl,
				 .semopm = (s32)ipc_limits.semopm,
				 .semume = (s32)ipc_limits.semopm,
				 .semusz = usage ? (s32)sem_table.used : UNDO_SIZE,
				 .semvmx = K_SEMVMX,
				 .semaem = usage ? (s32)sem_total : K_SEMVMX};

	return put_user(user(to), info) ? -EFAULT : ipc_highest(&sem_table);
}

static long stat(int id, int command, u64 to)
{
	struct ipc_object *object;
	struct k_semid_ds ds;
	int error = ipc_find_stat(&sem_table, id, command != K_IPC_STAT, command == K_SEM_STAT_ANY, &object);

	if (error)
		return error;
	id = command == K_IPC_STAT ? 0 : object->id;
	sem_stat(sem_set_of(object), &ds);
	return put_user(user(to), ds) ? -EFAULT : id;
}

static long all_values(int id, bool set, u64 at)
{
	int count = sem_count(id, set);
	u16 *values = count < 0 ? NULL : kcalloc((size_t)count, sizeof(*values));
	size_t bytes = (size_t)MAX(count, 0) * sizeof(*values);
	long result;

	if (!values)
		return count < 0 ? count : -ENOMEM;
	if (set) {
		result = copy_from_user(values, user(at), bytes);
		if (!result)
			result = sem_set_all(id, values, (unsigned)count);
	} else {
		result = sem_get_all(id, values, (unsigned)count);
		if (!result)
			result = copy_to_user(user(at), values, bytes);
	}
	kfree(values);
	return result;
}

SYSCALL(semctl)
{
	struct k_semid_ds ds;
	int id = (int)a, num = (int)b, command = (int)c;

	if (id < 0)
		return -EINVAL;
	switch (command) {
	case K_IPC_INFO:
	case K_SEM_INFO:
		return info(command == K_SEM_INFO, d);
	case K_IPC_STAT:
	case K_SEM_STAT:
	case K_SEM_STAT_ANY:
		return stat(id, command, d);
	case K_SEM_GETALL:
	case K_SEM_SETALL:
		return all_values(id, command == K_SEM_SETALL, d);
	case K_SEM_GETVAL:
	case K_SEM_GETPID:
	case K_SEM_GETNCNT:
	case K_SEM_GETZCNT:
		return sem_query(id, num, command);
	case K_SEM_SETVAL:
		return sem_set_value(id, num, (int)d);
	case K_IPC_SET:
		return get_user(ds, user(d)) ? -EFAULT : sem_set_perm(id, &ds.perm);
	case K_IPC_RMID:
		return sem_remove(id);
	default:
		return -EINVAL;
	}
}
