/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls on another process's memory: process_vm_readv(2), process_vm_writev(2), process_madvise(2),
 * process_mrelease(2).
 */
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

#include <asm/signal.h>
#include <linux/capability.h>

/* PTRACE_MODE_ATTACH_REALCREDS of ptrace(2). */
static bool may_access(const struct process *target)
{
	const struct cred *me = &current->cred, *it = process_cred(target);

	if (target == current->process || cred_has_cap(CAP_SYS_PTRACE))
		return true;
	return target->dumpable && me->uid == it->uid && me->uid == it->euid && me->uid == it->suid &&
	       me->gid == it->gid && me->gid == it->egid && me->gid == it->sgid &&
	       !(it->cap_permitted & ~me->cap_permitted);
}

struct mm *process_mm_get(struct process *process)
{
	struct thread *t;

	list_for_each (t, &process->threads, process_link) {
		if (t->mm) {
			mm_get(t->mm);
			return t->mm;
		}
	}
	return NULL;
}

/* Moves bytes between `local` (the caller's memory) and the remote vectors until one side ends; how many, or -errno. */
static long transfer(struct uio *local, struct mm *mm, const struct iov *remote, unsigned count, bool write)
{
	u8 *bounce = kmalloc(PAGE_SIZE);
	long done = 0;
	int r = bounce ? 0 : -ENOMEM;

	for (unsigned i = 0; !r && i < count; i++) {
		for (u64 offset = 0; !r && offset < remote[i].len && local->left;) {
			u64 addr = remote[i].base + offset;
			size_t step = MIN(PAGE_SIZE - (addr & ~PAGE_MASK), remote[i].len - offset), moved;

			step = MIN(step, local->left);
			if (write) {
				moved = uio_copy_from(local, bounce, step);
				r = mm_copy_to(mm, addr, bounce, moved);
			} else {
				r = mm_copy_from(mm, bounce, addr, step);
				moved = r ? 0 : uio_copy_to(local, bounce, step);
			}
			if (!r) {
				done += (long)moved;
				offset += moved;
				r = moved < step ? -EFAULT : 0;
			}
		}
	}
	kfree(bounce);
	return done ? done : r;
}

static long with_process(int pid, struct uio *local, user_ptr vec, u64 count, bool write)
{
	struct process *process = process_find(pid);
	struct iov fast[8], *v;
	struct uio remote;
	struct mm *mm;
	long r;

	if (!process)
		return -ESRCH;
	if (!may_access(process))
		return -EPERM;
	mm = process_mm_get(process);
	if (!mm)
		return -ESRCH;
	r = uio_import(&remote, vec, count, fast, &v);
	if (!r) {
		r = transfer(local, mm, remote.iov, remote.count, write);
		kfree(v);
	}
	mm_put(mm);
	return r;
}

static long process_vm(u64 pid, u64 vec, u64 count, u64 remote_vec, u64 remote_count, u64 flags, bool write)
{
	struct iov fast[8], *v;
	struct uio local;
	long r;

	if (flags)
		return -EINVAL;
	r = uio_import(&local, user(vec), count, fast, &v);
	if (r)
		return r;
	r = local.left ? with_process((int)pid, &local, user(remote_vec), remote_count, write) : 0;
	kfree(v);
	return r;
}

SYSCALL(process_vm_readv)
{
	return process_vm(a, b, c, d, e, f, false);
}

SYSCALL(process_vm_writev)
{
	return process_vm(a, b, c, d, e, f, true);
}

/* ---- through a pidfd ---- */

/* The address space of a pidfd's process, with a reference; also for one that is dying. -EBADF, -ESRCH */
static int pidfd_mm(u64 fd, struct process **process, struct mm **mm)
{
	struct file *file = fd_get((int)fd);

	if (!file)
		return -EBADF;
	*process = pidfd_process(file);
	file_put(file); /* the process stays: nothing sleeps before its mm is referenced */
	if (!*process)
		return -EBADF;
	*mm = process_mm_get(*process);
	return *mm ? 0 : -ESRCH;
}

static bool advice_for_others(int advice)
{
	return advice == MADV_COLD || advice == MADV_PAGEOUT || advice == MADV_WILLNEED;
}

static long advise_vectors(struct mm *mm, const struct uio *uio, int advice)
{
	long done = 0;

	for (unsigned i = 0; i < uio->count; i++) {
		int r = mm_madvise(mm, uio->iov[i].base, uio->iov[i].len, advice);

		if (r)
			return done ? done : r;
		done += (long)uio->iov[i].len;
	}
	return done;
}

SYSCALL(process_madvise)
{
	struct iov fast[8], *v = NULL;
	struct process *process;
	struct uio uio;
	struct mm *mm;
	long r;

	if (e)
		return -EINVAL;
	r = pidfd_mm(a, &process, &mm);
	if (r)
		return r;
	if (!advice_for_others((int)d))
		r = -EINVAL;
	else if (!may_access(process) || (mm != current->mm && !cred_has_cap(CAP_SYS_NICE)))
		r = -EPERM;
	else
		r = uio_import(&uio, user(b), c, fast, &v);
	if (!r)
		r = advise_vectors(mm, &uio, (int)d);
	kfree(v);
	mm_put(mm);
	return r;
}

SYSCALL(process_mrelease)
{
	struct process *process;
	struct mm *mm;
	int r;

	if (b)
		return -EINVAL;
	r = pidfd_mm(a, &process, &mm);
	if (r)
		return r;
	if (process->exiting || process->pending->set & SIGBIT(SIGKILL))
		mm_reap(mm);
	else
		r = -EINVAL;
	mm_put(mm);
	return r;
}
