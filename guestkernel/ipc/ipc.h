/* SPDX-License-Identifier: Apache-2.0
 *
 * What System V's three kinds of objects share: keys and identifiers, permissions, limits, and a bound on the kernel
 * memory that they take. svipc(7). One namespace; objects outlive the processes that made them.
 */
#ifndef GUESTKERNEL_IPC_IPC_H
#define GUESTKERNEL_IPC_IPC_H

#include "guestkernel/ipc/abi.h"
#include "guestkernel/types.h"

/* First member of each object. */
struct ipc_object {
	s32 key;
	int id;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq;
	u32 refs;     /* the table's, and those of calls that sleep on it */
	bool removed; /* IPC_RMID: out of the table */
};

struct ipc_table {
	/* A new object, entered with ipc_add(); size is the third argument of *get(2). 0 or -errno. */
	int (*create)(s32 key, u32 flags, u64 size, struct ipc_object **out);
	bool (*big_enough)(const struct ipc_object *object, u64 size); /* for *get(2) of an existing one */
	void (*destroy)(struct ipc_object *object);		       /* the last reference is gone */
	const u64 *limit;					       /* objects at most */
	struct ipc_object **slots;
	unsigned size, used;
	int last_index; /* -1 before the first */
	u16 seq;
};

/* shmget, semget, msgget: the identifier, or -errno. */
long ipc_get(struct ipc_table *table, s32 key, u32 flags, u64 size);
/* Enters a new object (refs becomes 1), owned by the current process. -ENOSPC, -ENOMEM */
int ipc_add(struct ipc_table *table, struct ipc_object *object, s32 key, u32 mode);
/* The object of an identifier, or NULL: EINVAL. Not referenced. */
struct ipc_object *ipc_find(const struct ipc_table *table, int id);
/* The object at an index, for the *_STAT commands and /proc; NULL: none. */
struct ipc_object *ipc_at(const struct ipc_table *table, unsigned index);
/* The highest index in use, 0 when there is none: what the *_INFO commands return. */
int ipc_highest(const struct ipc_table *table);
/* Takes it out of the table and drops the table's reference. */
void ipc_remove(struct ipc_table *table, struct ipc_object *object);
void ipc_ref(struct ipc_object *object);
void ipc_unref(struct ipc_table *table, struct ipc_object *object);

#define IPC_READ  0444u
#define IPC_WRITE 0222u
#define IPC_EXEC  0111u
/* Has the current process these rights (IPC_*)? */
bool ipc_allowed(const struct ipc_object *object, u32 rights);
/* IPC_SET and IPC_RMID: for the owner and the creator. 0, -EINVAL (no such object), -EPERM */
int ipc_find_owned(const struct ipc_table *table, int id, struct ipc_object **out);
/* IPC_STAT (an identifier), *_STAT and *_STAT_ANY (by_index; unchecked). 0, -EINVAL, -EACCES */
int ipc_find_stat(const struct ipc_table *table, int id, bool by_index, bool unchecked, struct ipc_object **out);
/* For the calls that use an object: 0, -EINVAL, -EACCES. */
int ipc_find_allowed(const struct ipc_table *table, int id, u32 rights, struct ipc_object **out);
void ipc_show(const struct ipc_object *object, struct k_ipc_perm *perm);
void ipc_set(struct ipc_object *object, const struct k_ipc_perm *perm); /* IPC_SET */

s64 ipc_now(void); /* seconds of the wall clock */
/* Takes and gives back kernel memory of semaphores and messages; all of it is bounded by an eighth of the guest's
 * memory. */
bool ipc_charge(u64 bytes);
void ipc_uncharge(u64 bytes);

/* /proc/sys/kernel: shmmax ..., sem. In bytes, pages, objects as proc(5) says. */
struct ipc_limits {
	u64 shmmax, shmall, shmmni;
	u64 semmsl, semmns, semopm, semmni;
	u64 msgmax, msgmnb, msgmni;
};
extern struct ipc_limits ipc_limits;

#endif
