/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns advisory locks. An inode has two lists: whole-file locks of flock(2), owned by open file descriptions, and byte
 * ranges of fcntl(2), owned by a process's descriptor table (POSIX) or an open file description (OFD). The two kinds do
 * not see each other.
 */
#include <linux/fcntl.h>
#include "guestkernel/fs/locks.h"
#include "guestkernel/fs/procfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

#define END_OF_FILE 0x7fffffffffffffffull
#define FLOCK_SH    1u /* LOCK_SH and so on of flock(2) */
#define FLOCK_EX    2u
#define FLOCK_NB    4u
#define FLOCK_UN    8u

struct lock {
	struct list link;
	const void *owner; /* struct files or struct file */
	int pid;	   /* for F_GETLK; -1: OFD */
	bool exclusive;
	u64 start, end; /* inclusive */
};

struct inode_locks {
	struct list link; /* in all_locks */
	const struct inode *inode;
	struct list whole, ranges;
	struct wait_queue wait; /* a lock went away */
};

/* Who waits for whom, to find deadlocks among POSIX locks. */
struct waiting {
	struct list link;
	const void *owner, *blocker;
};
static struct list waiting = LIST_INIT(waiting);

static struct list all_locks = LIST_INIT(all_locks); /* of every inode that ever had one */

static struct inode_locks *locks_of(struct inode *inode)
{
	if (!inode->locks && (inode->locks = kzalloc(sizeof(*inode->locks)))) {
		inode->locks->inode = inode;
		list_append(&all_locks, &inode->locks->link);
		list_init(&inode->locks->whole);
		list_init(&inode->locks->ranges);
		wait_queue_init(&inode->locks->wait);
	}
	return inode->locks;
}

static void free_lock(struct lock *lock)
{
	list_remove(&lock->link);
	kfree(lock);
}

static struct lock *add_lock(struct list *list, const struct lock *like)
{
	struct lock *lock = kmalloc(sizeof(*lock));
	if (lock) {
		*lock = *like;
		list_append(list, &lock->link);
	}
	return lock;
}

static struct lock *conflict(struct list *list, const struct lock *want)
{
	struct lock *lock;
	list_for_each (lock, list, link)
		if (lock->owner != want->owner && lock->start <= want->end && want->start <= lock->end &&
		    (lock->exclusive || want->exclusive))
			return lock;
	return NULL;
}

/* Removes owner's locks from [start, end], cutting those that reach beyond. A cut in the middle needs *spare, which is
 * then taken. */
static void clear_range(struct list *list, const void *owner, u64 start, u64 end, struct lock **spare)
{
	struct lock *lock, *tmp;
	list_for_each_safe (lock, tmp, list, link) {
		if (lock->owner != owner || lock->start > end || lock->end < start)
			continue;
		bool before = lock->start<start, after = lock->end> end;
		if (before && after) {
			struct lock *rest = *spare;
			kassert(rest);
			*spare = NULL;
			*rest = *lock;
			rest->start = end + 1;
			list_append(list, &rest->link);
			lock->end = start - 1;
		} else if (before) {
			lock->end = start - 1;
		} else if (after) {
			lock->start = end + 1;
		} else {
			free_lock(lock);
		}
	}
}

/* ---- flock ---- */

int locks_flock(struct file *file, u32 operation)
{
	u32 kind = operation & ~FLOCK_NB;
	if (kind != FLOCK_SH && kind != FLOCK_EX && kind != FLOCK_UN)
		return -EINVAL;
	struct inode_locks *locks = locks_of(file->inode);
	if (!locks)
		return -ENOLCK;
	struct lock want = {
	    .owner = file, .pid = current->process->pid, .exclusive = kind == FLOCK_EX, .end = END_OF_FILE};
	struct lock *lock, *tmp, *had = NULL;
	list_for_each_safe (lock, tmp, &locks->whole, link)
		if (lock->owner == file)
			had = lock;
	if (had && kind != FLOCK_UN && had->exclusive == want.exclusive)
		return 0;
	if (had) { /* a conversion gives the old lock up first: flock(2) */
		free_lock(had);
		wake_up(&locks->wait, 0);
	}
	if (kind == FLOCK_UN)
		return 0;
	if (conflict(&locks->whole, &want)) {
		if (operation & FLOCK_NB)
			return -EWOULDBLOCK;
		int r = wait_event_interruptible(&locks->wait, !conflict(&locks->whole, &want), 0);
		if (r)
			return r;
	}
	return add_lock(&locks->whole, &want) ? 0 : -ENOLCK;
}

/* ---- fcntl ---- */

static int decode_range(const struct file *file, const struct k_flock *fl, u64 *start, u64 *end)
{
	s64 base = fl->whence == 1 ? (s64)file->pos : fl->whence == 2 ? (s64)file->inode->size : 0;
	s64 first, last;
	if (fl->whence < 0 || fl->whence > 2)
		return -EINVAL;
	if (__builtin_add_overflow(base, fl->start, &first))
		return -EOVERFLOW;
	if (first < 0)
		return -EINVAL;
	if (fl->len == 0) {
		last = (s64)END_OF_FILE;
	} else if (fl->len > 0) {
		if (__builtin_add_overflow(first, fl->len - 1, &last))
			return -EOVERFLOW;
	} else {
		last = first - 1;
		first += fl->len;
		if (first < 0)
			return -EINVAL;
	}
	*start = (u64)first;
	*end = (u64)last;
	return 0;
}

static bool would_deadlock(const void *owner, const void *blocker)
{
	struct waiting *w;
	for (int depth = 0; depth < 1000; depth++) {
		const void *next = NULL;
		list_for_each (w, &waiting, link)
			if (w->owner == blocker)
				next = w->blocker;
		if (!next)
			return false;
		if (next == owner)
			return true;
		blocker = next;
	}
	return true;
}

static int wait_range(struct inode_locks *locks, const struct lock *want)
{
	struct lock *blocker;
	while ((blocker = conflict(&locks->ranges, want))) {
		struct waiting w = {.owner = want->owner, .blocker = blocker->owner};
		struct wait_entry entry = {0};
		if (want->pid >= 0 && would_deadlock(want->owner, blocker->owner))
			return -EDEADLK;
		list_append(&waiting, &w.link);
		wait_add(&locks->wait, &entry);
		int r = sched_sleep(true, 0);
		wait_remove(&entry);
		list_remove(&w.link);
		if (r)
			return r;
	}
	return 0;
}

/* Neighbours of the same kind become one range. */
static void merge(struct list *list, struct lock *new)
{
	struct lock *lock, *tmp;
	list_for_each_safe (lock, tmp, list, link) {
		if (lock == new || lock->owner != new->owner || lock->exclusive != new->exclusive)
			continue;
		if (lock->end + 1 == new->start || new->end + 1 == lock->start) {
			new->start = MIN(new->start, lock->start);
			new->end = MAX(new->end, lock->end);
			free_lock(lock);
		}
	}
}

static int set_range(struct inode_locks *locks, const struct lock *want, bool unlock)
{
	struct lock *spare = kmalloc(sizeof(*spare)), *new = unlock ? NULL : kmalloc(sizeof(*new));
	if (!spare || (!unlock && !new)) {
		kfree(spare);
		kfree(new);
		return -ENOLCK;
	}
	clear_range(&locks->ranges, want->owner, want->start, want->end, &spare);
	if (!unlock) {
		*new = *want;
		list_append(&locks->ranges, &new->link);
		merge(&locks->ranges, new);
	}
	kfree(spare);
	wake_up(&locks->wait, 0);
	return 0;
}

static int get_lock(struct inode_locks *locks, const struct lock *want, struct k_flock *fl)
{
	struct lock *lock = conflict(&locks->ranges, want);
	if (!lock) {
		fl->type = F_UNLCK;
		return 0;
	}
	fl->type = lock->exclusive ? F_WRLCK : F_RDLCK;
	fl->whence = 0;
	fl->start = (s64)lock->start;
	fl->len = lock->end == END_OF_FILE ? 0 : (s64)(lock->end - lock->start + 1);
	fl->pid = lock->pid;
	return 0;
}

int locks_fcntl(struct file *file, u32 cmd, struct k_flock *fl)
{
	bool ofd = cmd == F_OFD_GETLK || cmd == F_OFD_SETLK || cmd == F_OFD_SETLKW;
	bool get = cmd == F_GETLK || cmd == F_OFD_GETLK, wait = cmd == F_SETLKW || cmd == F_OFD_SETLKW;
	struct lock want = {.owner = ofd ? (const void *)file : current->process->files,
			    .pid = ofd ? -1 : current->process->pid,
			    .exclusive = fl->type == F_WRLCK};
	if (fl->type != F_RDLCK && fl->type != F_WRLCK && (fl->type != F_UNLCK || (get && !ofd)))
		return -EINVAL;
	if (ofd && fl->pid)
		return -EINVAL;
	int r = decode_range(file, fl, &want.start, &want.end);
	if (r)
		return r;
	struct inode_locks *locks = locks_of(file->inode);
	if (!locks)
		return -ENOLCK;
	if (get)
		return get_lock(locks, &want, fl);
	if (fl->type == F_UNLCK)
		return set_range(locks, &want, true);
	if (want.exclusive ? !file_writable(file) : !file_readable(file))
		return -EBADF;
	if (conflict(&locks->ranges, &want)) {
		r = wait ? wait_range(locks, &want) : -EAGAIN;
		if (r)
			return r;
	}
	return set_range(locks, &want, false);
}

/* ---- the end of owners ---- */

static void drop_owner(struct inode_locks *locks, const void *owner)
{
	struct lock *lock, *tmp;
	bool any = false;
	list_for_each_safe (lock, tmp, &locks->whole, link)
		if (lock->owner == owner) {
			free_lock(lock);
			any = true;
		}
	list_for_each_safe (lock, tmp, &locks->ranges, link)
		if (lock->owner == owner) {
			free_lock(lock);
			any = true;
		}
	if (any)
		wake_up(&locks->wait, 0);
}

void locks_close(struct file *file, struct files *owner)
{
	if (file->inode->locks)
		drop_owner(file->inode->locks, owner);
}

void locks_release(struct file *file)
{
	if (file->inode->locks)
		drop_owner(file->inode->locks, file);
}

void locks_inode_gone(struct inode *inode)
{
	if (inode->locks)
		list_remove(&inode->locks->link);
	kfree(inode->locks); /* every owner held a reference to the inode: the lists are empty */
	inode->locks = NULL;
}

/* ---- /proc ---- */

/* As Linux prints it in /proc/locks. */
static void show_lock(struct text *t, const struct inode_locks *locks, const struct lock *lock, bool whole)
{
	u64 dev = locks->inode->sb ? locks->inode->sb->dev : 0;
	text_printf(t, "%s %s %d %02x:%02x:%lu %lu ",
		    whole	      ? "FLOCK  ADVISORY "
		    : lock->pid == -1 ? "OFDLCK ADVISORY "
				      : "POSIX  ADVISORY ",
		    lock->exclusive ? "WRITE" : "READ", lock->pid, (u32)(dev >> 8), (u32)dev & 0xff, locks->inode->ino,
		    lock->start);
	if (lock->end == END_OF_FILE)
		text_printf(t, "EOF\n");
	else
		text_printf(t, "%lu\n", lock->end);
}

static int show_list(struct text *t, const struct inode_locks *locks, bool whole, const struct file *file,
		     const struct files *files, int n)
{
	const struct list *list = whole ? &locks->whole : &locks->ranges;
	struct lock *lock;
	list_for_each (lock, list, link) {
		if (file && lock->owner != file && lock->owner != files)
			continue;
		text_printf(t, file ? "lock:\t%d: " : "%d: ", ++n);
		show_lock(t, locks, lock, whole);
	}
	return n;
}

void locks_show_file(struct text *t, const struct file *file, const struct files *files)
{
	const struct inode_locks *locks = file->inode->locks;
	if (locks)
		show_list(t, locks, false, file, files, show_list(t, locks, true, file, files, 0));
}

void locks_show_all(struct text *t)
{
	struct inode_locks *locks;
	int n = 0;
	list_for_each (locks, &all_locks, link)
		n = show_list(t, locks, false, NULL, NULL, show_list(t, locks, true, NULL, NULL, n));
}
