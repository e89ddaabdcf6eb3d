/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns /proc/sysvipc and the limits of /proc/sys/kernel that are System V's. Formats: proc(5).
 */
#include <linux/capability.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/proc_pid.h"
#include "guestkernel/ipc/msg.h"
#include "guestkernel/ipc/sem.h"
#include "guestkernel/ipc/shm.h"
#include "guestkernel/lib.h"

static void show_shm(struct text *t, const struct proc_ref *ref)
{
	struct k_shmid_ds ds;

	text_printf(t,
		    "       key      shmid perms                  size  cpid  lpid nattch   uid   gid  cuid  cgid      "
		    "atime      dtime      ctime                   rss                  swap\n");
	for (unsigned i = 0; i < shm_table.size; i++) {
		const struct shm *shm = (const struct shm *)shm_table.slots[i];

		if (!shm)
			continue;
		shm_stat(shm, &ds);
		text_printf(t, "%10d %10d  %4o %21lu %5u %5u  %5lu %5u %5u %5u %5u %10lu %10lu %10lu %21lu %21lu\n",
			    ds.perm.key, shm->object.id, ds.perm.mode, ds.size, ds.cpid, ds.lpid, ds.nattch,
			    ds.perm.uid, ds.perm.gid, ds.perm.cuid, ds.perm.cgid, (u64)ds.atime, (u64)ds.dtime,
			    (u64)ds.ctime, shm_resident_pages(shm) * PAGE_SIZE, 0ul);
	}
}

static void show_sem(struct text *t, const struct proc_ref *ref)
{
	struct k_semid_ds ds;

	text_printf(t, "       key      semid perms      nsems   uid   gid  cuid  cgid      otime      ctime\n");
	for (unsigned i = 0; i < sem_table.size; i++) {
		if (!sem_table.slots[i])
			continue;
		sem_stat(sem_set_of(sem_table.slots[i]), &ds);
		text_printf(t, "%10d %10d  %4o %10lu %5u %5u %5u %5u %10lu %10lu\n", ds.perm.key,
			    sem_table.slots[i]->id, ds.perm.mode, ds.nsems, ds.perm.uid, ds.perm.gid, ds.perm.cuid,
			    ds.perm.cgid, (u64)ds.otime, (u64)ds.ctime);
	}
}

static void show_msg(struct text *t, const struct proc_ref *ref)
{
	struct k_msqid_ds ds;

	text_printf(t, "       key      msqid perms      cbytes       qnum lspid lrpid   uid   gid  cuid  cgid      "
		       "stime      rtime      ctime\n");
	for (unsigned i = 0; i < msg_table.size; i++) {
		if (!msg_table.slots[i])
			continue;
		msg_stat(msg_queue_of(msg_table.slots[i]), &ds);
		text_printf(t, "%10d %10d  %4o  %10lu %10lu %5u %5u %5u %5u %5u %5u %10lu %10lu %10lu\n", ds.perm.key,
			    msg_table.slots[i]->id, ds.perm.mode, ds.cbytes, ds.qnum, ds.lspid, ds.lrpid, ds.perm.uid,
			    ds.perm.gid, ds.perm.cuid, ds.perm.cgid, (u64)ds.stime, (u64)ds.rtime, (u64)ds.ctime);
	}
}

const struct proc_entry proc_sysvipc_children[] = {
    {.name = "msg", .mode = PROC_FILE, .show = show_msg},
    {.name = "sem", .mode = PROC_FILE, .show = show_sem},
    {.name = "shm", .mode = PROC_FILE, .show = show_shm},
    {0},
};

/* ---- limits ---- */

static long set_limit(u64 *limit, u64 max, char *text, size_t n)
{
	s64 value;

	if (!fs_capable(CAP_SYS_ADMIN))
		return -EPERM;
	if (!proc_parse_number(text, &value) || value < 0 || (u64)value > max)
		return -EINVAL;
	*limit = (u64)value;
	return (long)n;
}

/* Up to the largest value that Linux accepts. */
#define LIMIT(name, max)                                                                                               \
	void proc_show_##name(struct text *t, const struct proc_ref *ref)                                              \
	{                                                                                                              \
		text_printf(t, "%lu\n", ipc_limits.name);                                                              \
	}                                                                                                              \
	long proc_write_##name(const struct proc_ref *ref, char *text, size_t n)                                       \
	{                                                                                                              \
		return set_limit(&ipc_limits.name, max, text, n);                                                      \
	}
LIMIT(shmmax, INT64_MAX)
LIMIT(shmall, INT64_MAX)
LIMIT(shmmni, 32768)
LIMIT(msgmax, INT32_MAX)
LIMIT(msgmnb, INT32_MAX)
LIMIT(msgmni, 32768)

void proc_show_semlimits(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%lu\t%lu\t%lu\t%lu\n", ipc_limits.semmsl, ipc_limits.semmns, ipc_limits.semopm,
		    ipc_limits.semmni);
}

/* Up to four numbers, as sem(5) of proc has them; those that are not given stay. */
long proc_write_semlimits(const struct proc_ref *ref, char *text, size_t n)
{
	u64 *const limits[4] = {&ipc_limits.semmsl, &ipc_limits.semmns, &ipc_limits.semopm, &ipc_limits.semmni};
	static const u64 max[4] = {65535, INT32_MAX, 32768, 32768};
	size_t i = 0;

	if (!fs_capable(CAP_SYS_ADMIN))
		return -EPERM;
	for (int number = 0; number < 4; number++) {
		u64 value = 0;
		size_t start;

		while (text[i] == ' ' || text[i] == '\t' || text[i] == '\n')
			i++;
		if (!text[i])
			break;
		for (start = i; text[i] >= '0' && text[i] <= '9' && i - start < 12; i++)
			value = value * 10 + (u64)(text[i] - '0');
		if (i == start || value > max[number] || !value)
			return -EINVAL;
		*limits[number] = value;
	}
	return (long)n;
}
