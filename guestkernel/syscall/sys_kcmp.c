/* SPDX-License-Identifier: Apache-2.0
 *
 * kcmp(2): do two processes share a kernel object?
 */
#include <linux/capability.h>
#include <linux/kcmp.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

/* An order of objects that does not tell their addresses. */
static int compare(const void *x, const void *y)
{
	const u64 scramble = 0x9e3779b97f4a7c15ull;
	u64 p = (u64)x * scramble, q = (u64)y * scramble;

	return p == q ? 0 : p < q ? 1 : 2;
}

static bool may_look(const struct process *p)
{
	return p == current->process || process_cred(p)->uid == current->cred.uid || cred_has_cap(CAP_SYS_PTRACE);
}

static long compare_files(struct process *p, struct process *q, u64 fd1, u64 fd2)
{
	struct file *x = p->files ? files_get_file(p->files, (int)fd1) : NULL;
	struct file *y = q->files ? files_get_file(q->files, (int)fd2) : NULL;
	long result = x && y ? compare(x, y) : -EBADF;

	if (x)
		file_put(x);
	if (y)
		file_put(y);
	return result;
}

SYSCALL(kcmp)
{
	struct thread *t = thread_find((int)a), *u = thread_find((int)b);

	if (!t || !u || t->process == &kernel_process || u->process == &kernel_process)
		return -ESRCH;
	if (!may_look(t->process) || !may_look(u->process))
		return -EPERM;
	switch ((int)c) {
	case KCMP_FILE:
		return compare_files(t->process, u->process, d, e);
	case KCMP_VM:
		return compare(t->mm, u->mm);
	case KCMP_FILES:
		return compare(t->process->files, u->process->files);
	case KCMP_FS:
		return compare(t->process->fs, u->process->fs);
	case KCMP_SIGHAND:
		return compare(t->process->sighand, u->process->sighand);
	case KCMP_SYSVSEM:
		return compare(t->process->sem_undo, u->process->sem_undo);
	case KCMP_IO:
		return 0;
	default:
		return -EINVAL;
	}
}
