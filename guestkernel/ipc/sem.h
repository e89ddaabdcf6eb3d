/* SPDX-License-Identifier: Apache-2.0
 *
 * System V semaphores: semget(2), semop(2), semctl(2), and what a process takes back when it ends (SEM_UNDO).
 */
#ifndef GUESTKERNEL_IPC_SEM_H
#define GUESTKERNEL_IPC_SEM_H

#include "guestkernel/ipc/ipc.h"
#include "guestkernel/list.h"

struct process;
struct thread;

struct sem {
	int value;
	int pid; /* of the last operation */
};

struct sem_set {
	struct ipc_object object;
	unsigned count;
	s64 otime, ctime;
	struct list waiters; /* struct sem_waiter, the longest waiting first */
	struct list undos;   /* struct sem_undo.set_link */
	struct sem sems[];
};

/* What the operations of one process with SEM_UNDO on one set are to be corrected by. */
struct sem_undo {
	struct list process_link, set_link;
	struct sem_set *set;
	s16 adjust[];
};

/* An operation that cannot be done yet. */
struct sem_waiter {
	struct list link;
	struct thread *thread;
	const struct k_sembuf *ops;
	unsigned count;
	const struct k_sembuf *blocked; /* the one that cannot be done */
	struct sem_undo *undo;
	int pid;
	int result; /* SEM_PENDING until it is done */
};
#define SEM_PENDING 1

extern struct ipc_table sem_table;
extern u64 sem_total; /* semaphores in all sets */

static inline struct sem_set *sem_set_of(struct ipc_object *object)
{
	return container_of(object, struct sem_set, object);
}

long sem_get(s32 key, s32 count, u32 flags);
/* semtimedop(2): ops are the kernel's copy, count > 0; deadline in ns since boot, 0: none. */
int sem_operate(int id, const struct k_sembuf *ops, unsigned count, u64 deadline_ns);
/* Does what waiting operations the values allow now. After each change of a value. */
void sem_wake(struct sem_set *set);

/* All commands check permission: 0 or a value, -EINVAL, -EACCES, -ERANGE. */
int sem_set_value(int id, int num, int value);
int sem_query(int id, int num, int command); /* K_SEM_GETVAL, GETPID, GETNCNT, GETZCNT */
/* The number of semaphores when the caller may read (write: change) the values. */
int sem_count(int id, bool write);
int sem_get_all(int id, u16 *values, unsigned count);
int sem_set_all(int id, const u16 *values, unsigned count);
void sem_stat(const struct sem_set *set, struct k_semid_ds *ds);
int sem_set_perm(int id, const struct k_ipc_perm *perm);
int sem_remove(int id);

/* ---- sem_undo.c ---- */

/* The current process's corrections for a set, made when there are none; NULL: -ENOMEM. */
struct sem_undo *sem_undo_find(struct sem_set *set);
/* Values were set: nothing is to be undone any more. num < 0: of all. */
void sem_undo_clear(struct sem_set *set, int num);
/* The set is being removed. */
void sem_undo_drop(struct sem_set *set);
/* CLONE_SYSVSEM: the child shares its corrections with the current process. -ENOMEM */
int sem_undo_share(struct process *child);
/* A process ends, or leaves its corrections (unshare(2)): the last of those that share them has them done. */
void sem_undo_leave(struct process *p);

#endif
