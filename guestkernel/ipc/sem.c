/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns semaphore sets: creation, values, control. Operations are in sem_op.c.
 */
#include "guestkernel/ipc/sem.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

u64 sem_total;

static int create(s32 key, u32 flags, u64 size, struct ipc_object **out);
static bool big_enough(const struct ipc_object *object, u64 size);
static void destroy(struct ipc_object *object);

struct ipc_table sem_table = {
    .create = create, .big_enough = big_enough, .destroy = destroy, .limit = &ipc_limits.semmni, .last_index = -1};

static u64 bytes_of(u64 count)
{
	return sizeof(struct sem_set) + count * sizeof(struct sem);
}

static int create(s32 key, u32 flags, u64 count, struct ipc_object **out)
{
	struct sem_set *set;
	int error = 0;

	if (!count)
		return -EINVAL;
	if (sem_total + count > ipc_limits.semmns)
		return -ENOSPC;
	if (!ipc_charge(bytes_of(count)))
		return -ENOMEM;
	set = kzalloc(bytes_of(count));
	error = set ? ipc_add(&sem_table, &set->object, key, flags) : -ENOMEM;
	if (error) {
		ipc_uncharge(bytes_of(count));
		kfree(set);
		return error;
	}
	list_init(&set->waiters);
	list_init(&set->undos);
	set->count = (unsigned)count;
	set->ctime = ipc_now();
	sem_total += count;
	*out = &set->object;
	return 0;
}

static bool big_enough(const struct ipc_object *object, u64 size)
{
	return size <= container_of(object, const struct sem_set, object)->count;
}

static void destroy(struct ipc_object *object)
{
	ipc_uncharge(bytes_of(sem_set_of(object)->count));
	kfree(sem_set_of(object));
}

long sem_get(s32 key, s32 count, u32 flags)
{
	if (count < 0 || (u64)count > ipc_limits.semmsl)
		return -EINVAL;
	return ipc_get(&sem_table, key, flags, (u64)count);
}

/* ---- values ---- */

static int find_set(int id, u32 rights, struct sem_set **set)
{
	struct ipc_object *object;
	int error = ipc_find_allowed(&sem_table, id, rights, &object);

	*set = error ? NULL : sem_set_of(object);
	return error;
}

int sem_set_value(int id, int num, int value)
{
	struct ipc_object *object = ipc_find(&sem_table, id);
	struct sem_set *set;

	if (value < 0 || value > K_SEMVMX)
		return -ERANGE;
	if (!object)
		return -EINVAL;
	set = sem_set_of(object);
	if (num < 0 || (unsigned)num >= set->count)
		return -EINVAL;
	if (!ipc_allowed(object, IPC_WRITE))
		return -EACCES;
	sem_undo_clear(set, num);
	set->sems[num] = (struct sem){value, current->process->pid};
	set->ctime = ipc_now();
	sem_wake(set);
	return 0;
}

/* How many wait for the semaphore to become zero, or for it to grow. */
static int count_waiters(const struct sem_set *set, int num, bool zero)
{
	const struct sem_waiter *w;
	int n = 0;

	list_for_each (w, &set->waiters, link)
		n += w->blocked->num == num && (w->blocked->op == 0) == zero;
	return n;
}

int sem_query(int id, int num, int command)
{
	struct sem_set *set;
	int error = find_set(id, IPC_READ, &set);

	if (error)
		return error;
	if (num < 0 || (unsigned)num >= set->count)
		return -EINVAL;
	switch (command) {
	case K_SEM_GETVAL:
		return set->sems[num].value;
	case K_SEM_GETPID:
		return set->sems[num].pid;
	default:
		return count_waiters(set, num, command == K_SEM_GETZCNT);
	}
}

int sem_count(int id, bool write)
{
	struct sem_set *set;
	int error = find_set(id, write ? IPC_WRITE : IPC_READ, &set);

	return error ? error : (int)set->count;
}

int sem_get_all(int id, u16 *values, unsigned count)
{
	struct sem_set *set;
	int error = find_set(id, IPC_READ, &set);

	if (error)
		return error;
	for (unsigned i = 0; i < MIN(count, set->count); i++)
		values[i] = (u16)set->sems[i].value;
	return 0;
}

int sem_set_all(int id, const u16 *values, unsigned count)
{
	struct sem_set *set;
	int error = find_set(id, IPC_WRITE, &set);

	if (error || count != set->count)
		return error ? error : -EIDRM; /* another set since the values were read */
	for (unsigned i = 0; i < count; i++)
		if (values[i] > K_SEMVMX)
			return -ERANGE;
	for (unsigned i = 0; i < count; i++)
		set->sems[i] = (struct sem){values[i], current->process->pid};
	sem_undo_clear(set, -1);
	set->ctime = ipc_now();
	sem_wake(set);
	return 0;
}

/* ---- control ---- */

void sem_stat(const struct sem_set *set, struct k_semid_ds *ds)
{
	*ds = (struct k_semid_ds){.otime = set->otime, .ctime = set->ctime, .nsems = set->count};
	ipc_show(&set->object, &ds->perm);
}

int sem_set_perm(int id, const struct k_ipc_perm *perm)
{
	struct ipc_object *object;
	int error = ipc_find_owned(&sem_table, id, &object);

	if (error)
		return error;
	ipc_set(object, perm);
	sem_set_of(object)->ctime = ipc_now();
	return 0;
}

int sem_remove(int id)
{
	struct ipc_object *object;
	struct sem_waiter *w, *next;
	int error = ipc_find_owned(&sem_table, id, &object);

	if (error)
		return error;
	list_for_each_safe (w, next, &sem_set_of(object)->waiters, link) {
		list_remove(&w->link);
		w->result = -EIDRM;
		sched_wake(w->thread);
	}
	sem_undo_drop(sem_set_of(object));
	sem_total -= sem_set_of(object)->count;
	ipc_remove(&sem_table, object);
	return 0;
}
