/* SPDX-License-Identifier: Apache-2.0
 *
 * Process descriptors: pidfd_open(2), pidfd_send_signal(2), pidfd_getfd(2).
 */
#include <asm/siginfo.h>
#include <linux/capability.h>
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include "guestkernel/fs/procfs.h"
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

#define PIDFD_NONBLOCK_FLAG 04000u /* O_NONBLOCK */

static u32 poll(struct file *file, struct poll_table *table)
{
	struct process *p = file->data;

	poll_wait(table, &p->exit_wait);
	return p->zombie || p->dead ? EPOLLIN | EPOLLRDNORM : 0;
}

static void release(struct file *file)
{
	process_put(file->data);
}

static void show_fdinfo(struct file *file, char *buf, size_t size)
{
	struct process *p = file->data;
	int pid = p->dead ? -1 : p->pid;

	ksnprintf(buf, size, "Pid:\t%d\nNSpid:\t%d\n", pid, pid);
}

static const struct file_ops pidfd_ops = {.poll = poll, .release = release, .show_fdinfo = show_fdinfo};

struct file *pidfd_create(struct process *p, u32 flags)
{
	struct file *file = file_alloc_anon(&pidfd_ops, p, O_RDWR | flags, "anon_inode:[pidfd]");

	if (file)
		process_get(p);
	return file;
}

struct process *pidfd_process(struct file *file)
{
	return file->ops == &pidfd_ops ? file->data : NULL;
}

SYSCALL(pidfd_open)
{
	struct process *p;
	struct file *file;
	int fd;

	if ((b & ~(u64)PIDFD_NONBLOCK_FLAG) || (int)a <= 0)
		return -EINVAL;
	p = process_find((int)a);
	if (!p)
		return thread_find((int)a) ? -EINVAL : -ESRCH;
	file = pidfd_create(p, (u32)b);
	if (!file)
		return -ENOMEM;
	fd = fd_install(file, 0, true);
	if (fd < 0)
		file_put(file);
	return fd;
}

/* *p is not referenced: valid until the caller sleeps or the descriptor is closed. proc_too: a /proc/PID directory will
 * do. */
static int get_process(u64 fd, bool proc_too, struct process **p)
{
	struct file *file = fd_get((int)fd);

	if (!file)
		return -EBADF;
	*p = pidfd_process(file);
	if (!*p && proc_too && file->inode)
		*p = procfs_process(file->inode);
	file_put(file);
	if (!*p)
		return -EBADF;
	return (*p)->dead ? -ESRCH : 0;
}

SYSCALL(pidfd_send_signal)
{
	struct process *p;
	struct k_siginfo info;
	int sig = (int)b, error;

	if (d)
		return -EINVAL;
	error = get_process(a, true, &p);
	if (error)
		return error;
	if (sig < 0 || sig > 64)
		return -EINVAL;
	siginfo_user(&info, sig, SI_USER);
	if (c) {
		if (copy_from_user(&info, user(c), sizeof(info)))
			return -EFAULT;
		if (info.signo != sig)
			return -EINVAL;
		if (p != current->process && (info.code >= 0 || info.code == SI_TKILL))
			return -EPERM;
		error = get_process(a, true, &p); /* the copy may have slept */
		if (error)
			return error;
	}
	error = signal_permission(p->leader, sig);
	if (error || !sig)
		return error;
	return signal_send_process(p, sig, &info);
}

SYSCALL(pidfd_getfd)
{
	const struct cred *me = &current->cred, *you;
	struct process *p;
	struct file *file;
	int fd, error;

	if (c)
		return -EINVAL;
	error = get_process(a, false, &p);
	if (error)
		return error;
	if (!p->files)
		return -ESRCH;
	you = process_cred(p);
	if (p != current->process && !cred_has_cap(CAP_SYS_PTRACE) &&
	    (me->uid != you->uid || me->uid != you->euid || me->uid != you->suid || !p->dumpable))
		return -EPERM;
	file = files_get_file(p->files, (int)b);
	if (!file)
		return -EBADF;
	fd = fd_install(file, 0, true);
	if (fd < 0)
		file_put(file);
	return fd;
}
