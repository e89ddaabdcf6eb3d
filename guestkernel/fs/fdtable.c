/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns descriptor tables: fixed chunks of slots under one growing array, so that a table of three descriptors is small,
 * one of a million possible, and fork copies only what is in use.
 */
#include "guestkernel/fs/dnotify.h"
#include "guestkernel/fs/locks.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

#define CHUNK 64u

struct chunk {
	u64 used, cloexec; /* bit n: slot n; used without a file: reserved */
	struct file *file[CHUNK];
};

struct files {
	u32 refs;
	u32 chunks; /* length of the array */
	u32 lowest; /* no free slot below */
	struct chunk **chunk;
};

struct files *files_create(void)
{
	struct files *files = kzalloc(sizeof(*files));
	if (files)
		files->refs = 1;
	return files;
}

struct files *files_get(struct files *files)
{
	files->refs++;
	return files;
}

static struct chunk *chunk_of(struct files *files, u32 fd)
{
	return fd / CHUNK < files->chunks ? files->chunk[fd / CHUNK] : NULL;
}

static struct file *slot(struct files *files, int fd)
{
	struct chunk *c = fd < 0 || !files ? NULL : chunk_of(files, (u32)fd);
	return c ? c->file[(u32)fd % CHUNK] : NULL;
}

static struct files *table(void)
{
	return current->process->files;
}

/* The chunk that holds fd, made when it does not exist. */
static struct chunk *make_chunk(struct files *files, u32 fd)
{
	u32 index = fd / CHUNK;
	if (index >= files->chunks) {
		u32 size = MAX(files->chunks, 4u);
		while (size <= index)
			size *= 2;
		struct chunk **bigger = kcalloc(size, sizeof(*bigger));
		if (!bigger)
			return NULL;
		if (files->chunks)
			memcpy(bigger, files->chunk, files->chunks * sizeof(*bigger));
		kfree(files->chunk);
		files->chunk = bigger;
		files->chunks = size;
	}
	if (!files->chunk[index])
		files->chunk[index] = kzalloc(sizeof(struct chunk));
	return files->chunk[index];
}

static void release_slot(struct files *files, u32 fd)
{
	struct chunk *c = chunk_of(files, fd);
	c->file[fd % CHUNK] = NULL;
	c->used &= ~(1ull << fd % CHUNK);
	c->cloexec &= ~(1ull << fd % CHUNK);
	files->lowest = MIN(files->lowest, fd);
}

static int close_file(struct files *files, struct file *file)
{
	int r = file->ops->flush ? file->ops->flush(file) : 0;
	locks_close(file, files);
	if (dnotify_count)
		dnotify_close(file, files);
	file_put(file);
	return r;
}

static int close_slot(struct files *files, u32 fd)
{
	struct file *file = slot(files, (int)fd);
	release_slot(files, fd);
	return close_file(files, file);
}

bool files_shared(const struct files *files)
{
	return files->refs > 1;
}

void files_put(struct files *files)
{
	bool cloexec;
	if (--files->refs)
		return;
	files->refs = 1;
	for (int fd = files_next(files, 0, &cloexec); fd >= 0; fd = files_next(files, fd + 1, &cloexec))
		close_slot(files, (u32)fd);
	for (u32 i = 0; i < files->chunks; i++)
		kfree(files->chunk[i]);
	kfree(files->chunk);
	kfree(files);
}

struct files *files_clone(struct files *files)
{
	struct files *copy = files_create();
	bool cloexec;
	if (!copy)
		return NULL;
	for (int fd = files_next(files, 0, &cloexec); fd >= 0; fd = files_next(files, fd + 1, &cloexec)) {
		struct chunk *c = make_chunk(copy, (u32)fd);
		if (!c) {
			files_put(copy);
			return NULL;
		}
		c->file[(u32)fd % CHUNK] = slot(files, fd);
		file_get(c->file[(u32)fd % CHUNK]);
		c->used |= 1ull << (u32)fd % CHUNK;
		c->cloexec |= (u64)cloexec << (u32)fd % CHUNK;
	}
	return copy;
}

void files_close_on_exec(struct files *files)
{
	for (u32 i = 0; i < files->chunks; i++) {
		struct chunk *c = files->chunk[i];
		while (c && c->cloexec)
			close_slot(files, i * CHUNK + (u32)__builtin_ctzll(c->cloexec));
	}
}

/* The lowest free slot >= min and below limit, or -1. */
static long find_free(struct files *files, u32 min, u64 limit)
{
	u32 fd = MAX(min, files->lowest);
	while (fd < limit) {
		struct chunk *c = chunk_of(files, fd);
		u64 free = c ? ~c->used >> fd % CHUNK << fd % CHUNK : ~0ull << fd % CHUNK;
		if (free) {
			fd = fd / CHUNK * CHUNK + (u32)__builtin_ctzll(free);
			return fd < limit ? (long)fd : -1;
		}
		fd = (fd / CHUNK + 1) * CHUNK;
	}
	return -1;
}

int fd_reserve(int min_fd, bool cloexec)
{
	struct files *files = table();
	u64 limit = MIN(current->process->rlimit[7].cur, (u64)FD_LIMIT);
	long fd = find_free(files, (u32)min_fd, limit);
	if (fd < 0)
		return -EMFILE;
	struct chunk *c = make_chunk(files, (u32)fd);
	if (!c)
		return -ENOMEM;
	u64 bit = 1ull << (u32)fd % CHUNK;
	c->used |= bit;
	c->cloexec = cloexec ? c->cloexec | bit : c->cloexec & ~bit;
	if ((u32)fd == files->lowest)
		files->lowest++;
	return (int)fd;
}

void fd_publish(int fd, struct file *file)
{
	chunk_of(table(), (u32)fd)->file[(u32)fd % CHUNK] = file;
}

void fd_unreserve(int fd)
{
	release_slot(table(), (u32)fd);
}

int fd_install(struct file *file, int min_fd, bool cloexec)
{
	int fd = fd_reserve(min_fd, cloexec);
	if (fd >= 0)
		fd_publish(fd, file);
	return fd;
}

struct file *files_get_file(struct files *files, int fd)
{
	struct file *file = slot(files, fd);
	if (file)
		file_get(file);
	return file;
}

struct file *fd_get_path(int fd)
{
	return files_get_file(table(), fd);
}

struct file *fd_get(int fd)
{
	struct file *file = slot(table(), fd);
	if (!file || (file->flags & 010000000 /* O_PATH */))
		return NULL;
	file_get(file);
	return file;
}

int fd_close(int fd)
{
	if (!slot(table(), fd))
		return -EBADF;
	return close_slot(table(), (u32)fd);
}

int fd_replace(int to, struct file *file, bool cloexec)
{
	struct files *files = table();
	if (to < 0 || (u64)to >= MIN(current->process->rlimit[7].cur, (u64)FD_LIMIT))
		return -EBADF;
	struct chunk *c = make_chunk(files, (u32)to);
	u64 bit = 1ull << (u32)to % CHUNK;
	if (!c)
		return -ENOMEM;
	struct file *old = c->file[(u32)to % CHUNK];
	if (!old && (c->used & bit))
		return -EBUSY; /* another thread is opening it */
	file_get(file);
	c->file[(u32)to % CHUNK] = file;
	c->used |= bit;
	c->cloexec = cloexec ? c->cloexec | bit : c->cloexec & ~bit;
	if (old)
		close_file(files, old);
	return to;
}

int fd_cloexec(int fd, int set)
{
	if (!slot(table(), fd))
		return -EBADF;
	struct chunk *c = chunk_of(table(), (u32)fd);
	u64 bit = 1ull << (u32)fd % CHUNK;
	int old = !!(c->cloexec & bit);
	if (set >= 0)
		c->cloexec = set ? c->cloexec | bit : c->cloexec & ~bit;
	return old;
}

void fd_close_range(u32 first, u32 last, bool only_cloexec)
{
	struct files *files = table();
	bool cloexec;
	if (first >= FD_LIMIT)
		return;
	for (int fd = files_next(files, (int)first, &cloexec); fd >= 0 && (u32)fd <= last;
	     fd = files_next(files, fd + 1, &cloexec)) {
		if (only_cloexec)
			fd_cloexec(fd, 1);
		else
			close_slot(files, (u32)fd);
	}
}

int files_next(struct files *files, int fd, bool *cloexec)
{
	for (u32 n = (u32)fd; files && n / CHUNK < files->chunks; n++) {
		struct chunk *c = files->chunk[n / CHUNK];
		if (!c || !(c->used >> n % CHUNK)) {
			n |= CHUNK - 1;
			continue;
		}
		if (c->file[n % CHUNK]) {
			*cloexec = c->cloexec >> n % CHUNK & 1;
			return (int)n;
		}
	}
	return -1;
}

u32 files_slots(struct files *files)
{
	u32 slots = CHUNK;
	for (u32 i = 0; i < files->chunks; i++)
		if (files->chunk[i])
			slots = MAX(slots, (i + 1) * CHUNK);
	return slots;
}
