/* SPDX-License-Identifier: Apache-2.0
 *
 * The request is copied once and checked in the copy. Its frames are RAM or the request fails; that the guest changes
 * them meanwhile changes only what it reads or writes.
 */
#include "runner/lent.h"

#include <errno.h>
#include <limits.h>
#include <string.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define PAGE BOOT_PAGE

_Static_assert(FILE_IO_FRAMES <= IOV_MAX, "one system call a request");

void lent_init(struct lent *lent)
{
	*lent = (struct lent){0};
	pthread_mutex_init(&lent->lock, NULL);
	for (unsigned i = 0; i < FILE_IO_SLOTS; i++)
		lent->fd[i] = -1;
}

/* The descriptor to be closed, once the lock is given back; -1: none. */
static int replace(struct lent *lent, uint32_t slot, int fd)
{
	int old = lent->fd[slot];
	if (lent->used[slot]) {
		lent->unwanted[slot] |= fd < 0;
		return fd;
	}
	lent->fd[slot] = fd;
	return old;
}

void lent_put(struct lent *lent, uint32_t slot, int fd)
{
	int unused = fd;
	if (slot < FILE_IO_SLOTS) {
		pthread_mutex_lock(&lent->lock);
		unused = replace(lent, slot, fd);
		pthread_mutex_unlock(&lent->lock);
	}
	if (unused >= 0)
		close(unused);
}

/* ---- requests ---- */

/* -1: nothing is there. */
static int take(struct lent *lent, uint32_t slot)
{
	int fd = -1;
	pthread_mutex_lock(&lent->lock);
	if (slot < FILE_IO_SLOTS && !lent->unwanted[slot])
		fd = lent->fd[slot];
	if (fd >= 0)
		lent->used[slot]++;
	pthread_mutex_unlock(&lent->lock);
	return fd;
}

static void give_back(struct lent *lent, uint32_t slot)
{
	int unused = -1;
	pthread_mutex_lock(&lent->lock);
	if (--lent->used[slot] == 0 && lent->unwanted[slot]) {
		lent->unwanted[slot] = false;
		unused = replace(lent, slot, -1);
	}
	pthread_mutex_unlock(&lent->lock);
	if (unused >= 0)
		close(unused);
}

/* The pieces of RAM that the request names, neighbours as one; -errno. */
static int gather(const struct guest_memory *memory, const struct file_io *io, struct iovec iov[FILE_IO_FRAMES])
{
	uint64_t in = io->first, left = io->bytes;
	int n = 0;
	if (!left || in >= PAGE || left > FILE_IO_FRAMES * (uint64_t)PAGE - in || io->offset > INT64_MAX - left)
		return -EINVAL;
	for (unsigned i = 0; left; i++, in = 0) {
		uint64_t bytes = left < PAGE - in ? left : PAGE - in;
		uint8_t *at = memory_range(memory, gpa(io->frame[i] * (uint64_t)PAGE + in), bytes);
		if (!at)
			return -EFAULT;
		if (n && (uint8_t *)iov[n - 1].iov_base + iov[n - 1].iov_len == at)
			iov[n - 1].iov_len += bytes;
		else
			iov[n++] = (struct iovec){at, bytes};
		left -= bytes;
	}
	return n;
}

static int64_t move(struct lent *lent, const struct guest_memory *memory, const struct file_io *io)
{
	struct iovec iov[FILE_IO_FRAMES];
	int count = gather(memory, io, iov);
	if (count < 0)
		return count;
	int fd = take(lent, io->slot);
	if (fd < 0)
		return -EBADF;
	long n = syscall(io->write ? SYS_pwritev2 : SYS_preadv2, fd, iov, (long)count, (long)io->offset, 0l, 0l);
	int64_t result = n < 0 ? -errno : n;
	give_back(lent, io->slot);
	return result;
}

void lent_io(struct lent *lent, const struct guest_memory *memory, uint32_t frame)
{
	struct file_io *theirs = memory_range(memory, gpa(frame * (uint64_t)PAGE), sizeof(*theirs)), mine;
	if (!theirs)
		return;
	memcpy(&mine, theirs, sizeof(mine));
	int64_t result = move(lent, memory, &mine);
	__atomic_store_n(&theirs->result, result, __ATOMIC_RELEASE);
}
