/* SPDX-License-Identifier: Apache-2.0
 * Random sequences of System V semaphore and message calls and of POSIX message queue calls, with the kernel's layers
 * below them; sleeps end by a signal. No result is out of range, no more is copied than there is room for, and when all
 * is removed no memory is left in use.
 *
 * sources: tests/unit/fs_stub.c tests/unit/arch_stub.c guestkernel/mm/page.c guestkernel/mm/kmalloc.c guestkernel/mm/uio.c
 * guestkernel/proc/wait.c guestkernel/proc/clock.c guestkernel/lib.c guestkernel/fs/[a-z]*.c guestkernel/ipc/ipc.c
 * guestkernel/ipc/sem.c guestkernel/ipc/sem_op.c guestkernel/ipc/sem_undo.c guestkernel/ipc/msg.c
 * guestkernel/ipc/mqueue.c guestkernel/syscall/sys_sem.c guestkernel/syscall/sys_msg.c guestkernel/syscall/sys_mqueue.c
 * guestkernel/syscall/sys_open.c guestkernel/syscall/sys_rw.c guestkernel/syscall/sys_stat.c
 * guestkernel/syscall/sys_dir.c guestkernel/syscall/sys_attr.c guestkernel/syscall/sys_fd.c
 * guestkernel/syscall/sys_poll.c guestkernel/syscall/sys_splice.c guestkernel/syscall/sys_mount.c
 */
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include "guestkernel/ipc/mqueue.h"
#include "guestkernel/ipc/msg.h"
#include "guestkernel/ipc/sem.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/cpu_timer.h"
#include "tests/unit/arch_stub.h"
#include "tests/unit/fs_stub.h"

#define CHECK(condition) ((condition) ? (void)0 : abort())
#define IDS		 4     /* identifiers and descriptors that operations choose from */
#define ROOM		 20000 /* bytes of a buffer */
#define OPERATIONS	 200

struct input {
	const u8 *data;
	size_t left;
};

static int sets[IDS], queues[IDS], descriptors[IDS];
static u8 *room; /* of just the size that a call is told, so that the sanitizer knows its end */

int timespec_from_user(user_ptr p, u64 *ns)
{
	*ns = p.addr & 0xffff;
	return 0;
}

u64 cpu_clock_ns(const struct process *p, enum cpu_clock clock)
{
	return 0;
}

u64 deadline_after(u64 ns)
{
	return ns + 1;
}

static unsigned take(struct input *i)
{
	if (!i->left)
		return 0;
	i->left--;
	return *i->data++;
}

static unsigned take_two(struct input *i)
{
	unsigned high = take(i);
	return high << 8 | take(i);
}

/* Mostly one that is there. */
static int pick(struct input *i, const int ids[IDS])
{
	unsigned v = take(i);
	return v < 240 ? ids[v % IDS] : (int)(v - 245);
}

/* A buffer for `bytes`, filled from the input; sometimes no address at all. */
static u64 buffer(struct input *i, size_t bytes)
{
	free(room);
	room = malloc(bytes ? bytes : 1);
	for (size_t n = 0; n < bytes; n++)
		room[n] = n < 128 ? (u8)take(i) : (u8)n;
	return take(i) == 255 ? 8 : (u64)room;
}

static void semaphores(struct input *i)
{
	static const int commands[] = {K_SEM_GETVAL, K_SEM_GETPID, K_SEM_GETNCNT, K_SEM_GETZCNT, K_SEM_GETALL,
				       K_SEM_SETALL, K_SEM_SETVAL, K_IPC_STAT,	  K_IPC_SET,	 K_IPC_RMID,
				       K_IPC_INFO,   K_SEM_INFO,   K_SEM_STAT,	  K_SEM_STAT_ANY};
	unsigned v = take(i), count;
	long r;
	int id;
	switch (v % 4) {
	case 0:
		r = call(semget, take(i) % 6, take(i) % 70,
			 K_IPC_CREAT * (v >> 7) | (v & 0x40 ? K_IPC_EXCL : 0) | 0600);
		if (r >= 0)
			sets[take(i) % IDS] = (int)r;
		break;
	case 1:
	case 2:
		id = pick(i, sets);
		count = take(i) % 40;
		r = FS_CALL(v & 4 ? SYS_semop : SYS_semtimedop, id, buffer(i, count * sizeof(struct k_sembuf)), count,
			    take(i), 0, 0, 0);
		CHECK(r <= 0);
		break;
	default:
		id = pick(i, sets);
		v = take(i);
		call(semctl, id, (int)take(i) - 2, commands[v % ARRAY_SIZE(commands)],
		     commands[v % ARRAY_SIZE(commands)] == K_SEM_SETVAL ? (u64)take_two(i) : buffer(i, 256));
	}
}

static void messages(struct input *i)
{
	static const int commands[] = {K_IPC_STAT, K_IPC_SET,  K_IPC_RMID,    K_IPC_INFO,
				       K_MSG_INFO, K_MSG_STAT, K_MSG_STAT_ANY};
	unsigned v = take(i), size;
	u32 flags;
	long r;
	int id;
	switch (v % 4) {
	case 0:
		r = call(msgget, take(i) % 6, K_IPC_CREAT * (v >> 7) | 0600);
		if (r >= 0)
			queues[take(i) % IDS] = (int)r;
		break;
	case 1:
		id = pick(i, queues);
		size = take_two(i) % (ROOM - 8);
		call(msgsnd, id, buffer(i, size + 8), size, v & 0x80 ? K_IPC_NOWAIT : 0);
		break;
	case 2:
		id = pick(i, queues);
		size = take_two(i) % (ROOM - 8);
		flags = (v & 0x80 ? K_IPC_NOWAIT : 0) | (v & 0x40 ? K_MSG_NOERROR : 0) | (v & 0x20 ? K_MSG_EXCEPT : 0) |
			(v & 0x10 ? K_MSG_COPY : 0);
		r = call(msgrcv, id, buffer(i, size + 8), size, (s64)(int8_t)take(i), flags);
		CHECK(r <= (long)size);
		break;
	default:
		id = pick(i, queues);
		v = take(i);
		call(msgctl, id, commands[v % ARRAY_SIZE(commands)], buffer(i, 256));
	}
}

static void posix_queues(struct input *i)
{
	static const char *const names[] = {"a", "b", "", "/", "x/y", "."};
	unsigned v = take(i), size;
	struct k_mq_attr attr = {.maxmsg = (s64)take(i) - 2, .msgsize = (s64)take_two(i) - 2};
	long r;
	int fd;
	switch (v % 7) {
	case 0:
		r = call(mq_open, names[take(i) % ARRAY_SIZE(names)],
			 O_CREAT * (v >> 7) | (v & 0x40 ? O_NONBLOCK : 0) | (v >> 4 & 3), 0600, v & 8 ? &attr : NULL);
		if (r >= 0) {
			int *slot = &descriptors[take(i) % IDS];
			if (*slot >= 0)
				call(close, *slot);
			*slot = (int)r;
		}
		break;
	case 1:
		call(mq_unlink, names[take(i) % ARRAY_SIZE(names)]);
		break;
	case 2:
		fd = pick(i, descriptors);
		size = take_two(i) % ROOM;
		CHECK(call(mq_timedsend, fd, buffer(i, size), size, take_two(i), v & 8 ? take(i) : 0) <= 0);
		break;
	case 3:
		fd = pick(i, descriptors);
		size = take_two(i) % ROOM;
		r = call(mq_timedreceive, fd, buffer(i, size), size, v & 16 ? &attr : NULL, v & 8 ? take(i) : 0);
		CHECK(r <= (long)size);
		break;
	case 4:
		fd = pick(i, descriptors);
		call(mq_notify, fd, v & 8 ? buffer(i, 64) : 0);
		break;
	case 5:
		fd = pick(i, descriptors);
		call(mq_getsetattr, fd, v & 8 ? buffer(i, sizeof(attr)) : 0, &attr);
		break;
	default:
		fd = pick(i, descriptors);
		if (v & 8)
			call(read, fd, buffer(i, 256), 256);
		else
			call(lseek, fd, take(i), SEEK_SET);
	}
}

static void remove_all(void)
{
	for (int n = 0; n <= ipc_highest(&sem_table); n++)
		if (sem_table.slots && sem_table.slots[n])
			sem_remove(sem_table.slots[n]->id);
	for (int n = 0; n <= ipc_highest(&msg_table); n++)
		if (msg_table.slots && msg_table.slots[n])
			msg_remove(msg_table.slots[n]->id);
	for (int n = 0; n < IDS; n++)
		if (descriptors[n] >= 0)
			call(close, descriptors[n]);
	call(mq_unlink, "a");
	call(mq_unlink, "b");
	sem_undo_leave(&stub_process);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input i = {data, size};
	struct page_stats before, after;
	static bool started;
	if (!started)
		fs_start(OURS);
	started = true;
	page_stats(&before);
	memset(sets, 0, sizeof(sets));
	memset(queues, 0, sizeof(queues));
	memset(descriptors, 0xff, sizeof(descriptors));
	for (unsigned n = 0; n < OPERATIONS && i.left; n++)
		switch (take(&i) % 3) {
		case 0:
			semaphores(&i);
			break;
		case 1:
			messages(&i);
			break;
		default:
			posix_queues(&i);
		}
	remove_all();
	page_stats(&after);
	/* Slabs and the tables stay. */
	CHECK(after.free + 40 >= before.free);
	CHECK(sem_total == 0 && sem_table.used == 0 && msg_table.used == 0);
	return 0;
}
