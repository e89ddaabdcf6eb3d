/* SPDX-License-Identifier: Apache-2.0
 *
 * System V IPC as programs see it on x86-64: structures and numbers of the UAPI headers linux/{ipc,shm,sem,msg}.h,
 * under names of our own because a C library's headers define the same ones (unit tests are built on the host).
 */
#ifndef GUESTKERNEL_IPC_ABI_H
#define GUESTKERNEL_IPC_ABI_H

#include "guestkernel/types.h"

#define K_IPC_PRIVATE 0
#define K_IPC_CREAT   01000u
#define K_IPC_EXCL    02000u
#define K_IPC_NOWAIT  04000u

enum ipc_command {
	K_IPC_RMID = 0,
	K_IPC_SET = 1,
	K_IPC_STAT = 2,
	K_IPC_INFO = 3,
	K_MSG_STAT = 11,
	K_MSG_INFO = 12,
	K_MSG_STAT_ANY = 13,
	K_SHM_LOCK = 11,
	K_SHM_UNLOCK = 12,
	K_SHM_STAT = 13,
	K_SHM_INFO = 14,
	K_SHM_STAT_ANY = 15,
	K_SEM_GETPID = 11,
	K_SEM_GETVAL = 12,
	K_SEM_GETALL = 13,
	K_SEM_GETNCNT = 14,
	K_SEM_GETZCNT = 15,
	K_SEM_SETVAL = 16,
	K_SEM_SETALL = 17,
	K_SEM_STAT = 18,
	K_SEM_INFO = 19,
	K_SEM_STAT_ANY = 20,
};

#define K_SHM_RDONLY	010000u /* shmat */
#define K_SHM_RND	020000u
#define K_SHM_REMAP	040000u
#define K_SHM_EXEC	0100000u
#define K_SHM_HUGETLB	04000u /* shmget */
#define K_SHM_NORESERVE 010000u
#define K_SHM_DEST	01000u /* mode: goes with the last attach */
#define K_SHM_LOCKED	02000u

#define K_SEM_UNDO 0x1000
#define K_SEMVMX   32767 /* the largest value of a semaphore */

#define K_MSG_NOERROR 010000u
#define K_MSG_EXCEPT  020000u
#define K_MSG_COPY    040000u

struct k_ipc_perm {
	s32 key;
	u32 uid, gid, cuid, cgid, mode;
	u16 seq, pad;
	u32 pad2;
	u64 unused[2];
};
_Static_assert(sizeof(struct k_ipc_perm) == 48, "ipc64_perm");

struct k_shmid_ds {
	struct k_ipc_perm perm;
	u64 size;
	s64 atime, dtime, ctime;
	s32 cpid, lpid;
	u64 nattch, unused[2];
};
_Static_assert(sizeof(struct k_shmid_ds) == 112, "shmid64_ds");

struct k_shminfo {
	u64 shmmax, shmmin, shmmni, shmseg, shmall, unused[4];
};
struct k_shm_info {
	s32 used_ids, pad;
	u64 total, resident, swapped, swap_attempts, swap_successes;
};

struct k_semid_ds {
	struct k_ipc_perm perm;
	s64 otime;
	u64 unused1;
	s64 ctime;
	u64 unused2, nsems, unused3[2];
};
_Static_assert(sizeof(struct k_semid_ds) == 104, "semid64_ds");

struct k_seminfo {
	s32 semmap, semmni, semmns, semmnu, semmsl, semopm, semume, semusz, semvmx, semaem;
};
struct k_sembuf {
	u16 num;
	s16 op, flags;
};
_Static_assert(sizeof(struct k_sembuf) == 6, "sembuf");

struct k_msqid_ds {
	struct k_ipc_perm perm;
	s64 stime, rtime, ctime;
	u64 cbytes, qnum, qbytes;
	s32 lspid, lrpid;
	u64 unused[2];
};
_Static_assert(sizeof(struct k_msqid_ds) == 120, "msqid64_ds");

struct k_msginfo {
	s32 msgpool, msgmap, msgmax, msgmnb, msgmni, msgssz, msgtql;
	u16 msgseg, pad;
};
_Static_assert(sizeof(struct k_msginfo) == 32, "msginfo");

#endif
