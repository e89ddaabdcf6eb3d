/* SPDX-License-Identifier: Apache-2.0
 *
 * System V shared memory segments: shmget(2), shmat(2), shmctl(2).
 */
#ifndef GUESTKERNEL_IPC_SHM_H
#define GUESTKERNEL_IPC_SHM_H

#include "guestkernel/ipc/ipc.h"

struct mm;
struct inode;

struct shm {
	struct ipc_object object;
	struct inode *inode; /* memory without a name; its mappings are the attaches */
	u64 size;	     /* bytes, as asked for */
	s64 atime, dtime, ctime;
	int cpid, lpid;
	char name[32]; /* in /proc/PID/maps */
};

extern struct ipc_table shm_table;
extern u64 shm_pages; /* in all segments */

long shm_get(s32 key, u64 size, u32 flags);
/* Maps a segment; flags K_SHM_*. The address, -EINVAL, -EACCES, -ENOMEM. */
long shm_attach(struct mm *mm, int id, u64 addr, u32 flags);
/* Unmaps what one shm_attach() mapped at addr; -EINVAL: nothing. */
int shm_detach(struct mm *mm, u64 addr);
u64 shm_attaches(const struct shm *shm);
u64 shm_resident_pages(const struct shm *shm);
void shm_stat(const struct shm *shm, struct k_shmid_ds *ds);
int shm_set(int id, const struct k_ipc_perm *perm);
/* IPC_RMID: gone at once, or with the last attach. */
int shm_remove(int id);
/* SHM_LOCK, SHM_UNLOCK: there is no swap; only the mode tells. -EINVAL, -EPERM */
int shm_lock(int id, bool lock);

#endif
