/* SPDX-License-Identifier: Apache-2.0
 *
 * Signals as files: signalfd(2). A descriptor reads the signals of whoever reads, not of whoever made it.
 */
#include <linux/eventpoll.h>
#include <linux/fcntl.h>
#include <asm/siginfo.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

struct signalfd {
	u64 mask;
};

/* struct signalfd_siginfo */
struct k_signalfd_siginfo {
	u32 signo;
	s32 err, code;
	u32 pid, uid;
	s32 fd;
	u32 tid, band, overrun, trapno;
	s32 status, value_int;
	u64 value_ptr, utime, stime, addr;
	u16 addr_lsb, pad2;
	s32 syscall;
	u64 call_addr;
	u32 arch;
	u8 pad[28];
};
_Static_assert(sizeof(struct k_signalfd_siginfo) == 128, "signalfd_siginfo");

static void convert(const struct k_siginfo *info, struct k_signalfd_siginfo *out)
{
	*out = (struct k_signalfd_siginfo){.signo = (u32)info->signo, .err = info->err, .code = info->code};
	switch (info->signo) {
	case 17: /* SIGCHLD */
		out->pid = (u32)info->child.pid;
		out->uid = info->child.uid;
		out->status = info->child.status;
		out->utime = (u64)info->child.utime;
		out->stime = (u64)info->child.stime;
		return;
	case 4:
	case 5:
	case 7:
	case 8:
	case 11: /* faults, when the kernel sent them */
		if (info->code > 0 && info->code != SI_KERNEL) {
			out->addr = info->fault.addr;
			return;
		}
	}
	if (info->code == SI_TIMER) {
		out->tid = (u32)info->timer.timerid;
		out->overrun = (u32)info->timer.overrun;
		out->value_ptr = info->timer.value;
		out->value_int = (s32)info->timer.value;
		return;
	}
	out->pid = (u32)info->rt.pid;
	out->uid = info->rt.uid;
	out->value_ptr = info->rt.value;
	out->value_int = (s32)info->rt.value;
}

static u64 ready(const struct signalfd *s)
{
	return (current->pending->set | current->process->pending->set) & s->mask;
}

static long signalfd_read(struct file *file, struct uio *uio, u64 *pos)
{
	struct signalfd *s = file->data;
	struct k_siginfo info;
	struct k_signalfd_siginfo out;
	long done = 0;
	int error;

	if (uio->left < sizeof(out))
		return -EINVAL;
	if (!ready(s) && (file->flags & O_NONBLOCK))
		return -EAGAIN;
	error = wait_event_interruptible(&signalfd_wait, ready(s), 0);
	if (error)
		return error;
	while (uio->left >= sizeof(out) && signal_dequeue(current, s->mask, &info)) {
		convert(&info, &out);
		if (uio_copy_to(uio, &out, sizeof(out)) < sizeof(out))
			return done ? done : -EFAULT;
		done += (long)sizeof(out);
	}
	return done;
}

static u32 signalfd_poll(struct file *file, struct poll_table *table)
{
	poll_wait(table, &signalfd_wait);
	return ready(file->data) ? EPOLLIN : 0;
}

static void signalfd_release(struct file *file)
{
	kfree(file->data);
}

static void signalfd_fdinfo(struct file *file, char *buf, size_t size)
{
	const struct signalfd *s = file->data;

	ksnprintf(buf, size, "sigmask:\t%016lx\n", s->mask);
}

static const struct file_ops signalfd_ops = {.read = signalfd_read,
					     .poll = signalfd_poll,
					     .seek = noop_seek,
					     .release = signalfd_release,
					     .show_fdinfo = signalfd_fdinfo};

static int new_signalfd(u64 mask, u32 flags)
{
	struct signalfd *s = kzalloc(sizeof(*s));
	struct file *file;
	int fd;

	if (!s)
		return -ENOMEM;
	s->mask = mask;
	file = file_alloc_anon(&signalfd_ops, s, O_RDWR | (flags & O_NONBLOCK), "anon_inode:[signalfd]");
	if (!file) {
		kfree(s);
		return -ENFILE;
	}
	fd = fd_install(file, 0, flags & O_CLOEXEC);
	if (fd < 0)
		file_put(file);
	return fd;
}

static int change_mask(int fd, u64 mask)
{
	struct file *file = fd_get(fd);
	int error = 0;

	if (!file)
		return -EBADF;
	if (file->ops == &signalfd_ops) {
		((struct signalfd *)file->data)->mask = mask;
		wake_up(&signalfd_wait, EPOLLIN);
	} else {
		error = -EINVAL;
	}
	file_put(file);
	return error ? error : fd;
}

SYSCALL(signalfd4)
{
	u64 mask;
	int error = sigmask_from_user(user(b), c, &mask);

	if (error)
		return error;
	if (d & ~(u64)(O_CLOEXEC | O_NONBLOCK))
		return -EINVAL;
	mask &= ~SIG_UNBLOCKABLE;
	return (int)a == -1 ? new_signalfd(mask, (u32)d) : change_mask((int)a, mask);
}

SYSCALL(signalfd)
{
	return sys_signalfd4(a, b, c, 0, 0, 0);
}
