/* SPDX-License-Identifier: Apache-2.0
 *
 * shmget(2), shmat(2), shmdt(2), shmctl(2).
 */
#include "guestkernel/ipc/shm.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/sched.h"
#include "guestkernel/syscall/syscall.h"

SYSCALL(shmget)
{
	return shm_get((s32)a, b, (u32)c);
}

SYSCALL(shmat)
{
	return shm_attach(current->mm, (int)a, b, (u32)c);
}

SYSCALL(shmdt)
{
	return shm_detach(current->mm, a);
}

static long info(u64 to)
{
	struct k_shminfo info = {.shmmax = ipc_limits.shmmax,
				 .shmmin = 1,
				 .shmmni = ipc_limits.shmmni,
				 .shmseg = ipc_limits.shmmni,
				 .shmall = ipc_limits.shmall};

	return put_user(user(to), info) ? -EFAULT : ipc_highest(&shm_table);
}

static long usage(u64 to)
{
	struct k_shm_info info = {.used_ids = (s32)shm_table.used, .total = shm_pages};

	for (unsigned i = 0; i < shm_table.size; i++)
		if (shm_table.slots[i])
			info.resident += shm_resident_pages((const struct shm *)shm_table.slots[i]);
	return put_user(user(to), info) ? -EFAULT : ipc_highest(&shm_table);
}

static long stat(int id, int command, u64 to)
{
	struct ipc_object *object;
	struct k_shmid_ds ds;
	int error = ipc_find_stat(&shm_table, id, command != K_IPC_STAT, command == K_SHM_STAT_ANY, &object);

	if (error)
		return error;
	id = command == K_IPC_STAT ? 0 : object->id;
	shm_stat((const struct shm *)object, &ds);
	return put_user(user(to), ds) ? -EFAULT : id;
}

SYSCALL(shmctl)
{
	struct k_shmid_ds ds;

	if ((int)a < 0 || (int)b < 0)
		return -EINVAL;
	switch ((int)b) {
	case K_IPC_INFO:
		return info(c);
	case K_SHM_INFO:
		return usage(c);
	case K_IPC_STAT:
	case K_SHM_STAT:
	case K_SHM_STAT_ANY:
		return stat((int)a, (int)b, c);
	case K_IPC_SET:
		return get_user(ds, user(c)) ? -EFAULT : shm_set((int)a, &ds.perm);
	case K_IPC_RMID:
		return shm_remove((int)a);
	case K_SHM_LOCK:
	case K_SHM_UNLOCK:
		return shm_lock((int)a, (int)b == K_SHM_LOCK);
	default:
		return -EINVAL;
	}
}
