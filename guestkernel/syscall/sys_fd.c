/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls on descriptors: dup, fcntl, ioctl, pipe, flock.
 */
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <asm/ioctls.h>
#include "guestkernel/fs/async.h"
#include "guestkernel/fs/dnotify.h"
#include "guestkernel/fs/file_ioctl.h"
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/lease.h"
#include "guestkernel/fs/locks.h"
#include "guestkernel/fs/pipe.h"
#include "guestkernel/fs/tmpfs.h"
#include "guestkernel/limits.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/fs_args.h"
#include "guestkernel/syscall/syscall.h"

static long dup_above(int fd, int min, bool cloexec)
{
	struct file *file = fd_get_path(fd);
	if (!file)
		return -EBADF;
	int r = fd_install(file, min, cloexec);
	if (r < 0)
		file_put(file);
	return r;
}

SYSCALL(dup)
{
	return dup_above((int)a, 0, false);
}

static long dup_to(int from, int to, bool cloexec)
{
	struct file *file = fd_get_path(from);
	if (!file)
		return -EBADF;
	int r = fd_replace(to, file, cloexec);
	file_put(file);
	return r;
}

SYSCALL(dup2)
{
	if ((int)a == (int)b) {
		int r = fd_cloexec((int)a, -1);
		return r < 0 ? r : (int)a;
	}
	return dup_to((int)a, (int)b, false);
}

SYSCALL(dup3)
{
	if ((c & ~(u64)O_CLOEXEC) || (int)a == (int)b)
		return -EINVAL;
	return dup_to((int)a, (int)b, c & O_CLOEXEC);
}

/* ---- pipes ---- */

static long make_pipe(u64 addr, u32 flags)
{
	struct file *in, *out;
	bool cloexec = flags & O_CLOEXEC;
	int fds[2];
	if (flags & ~(u32)(O_CLOEXEC | O_NONBLOCK | O_DIRECT | O_EXCL))
		return -EINVAL;
	if (flags & O_EXCL)
		return -ENOPKG; /* O_NOTIFICATION_PIPE: watch queues are not built in */
	int r = pipe_create(&in, &out, flags);
	if (r)
		return r;
	fds[0] = fd_reserve(0, cloexec);
	fds[1] = fds[0] < 0 ? fds[0] : fd_reserve(0, cloexec);
	r = fds[1] < 0 ? fds[1] : put_user(user(addr), fds);
	if (!r) {
		fd_publish(fds[0], in);
		fd_publish(fds[1], out);
		return 0;
	}
	if (fds[0] >= 0)
		fd_unreserve(fds[0]);
	if (fds[1] >= 0)
		fd_unreserve(fds[1]);
	file_put(in);
	file_put(out);
	return r;
}

SYSCALL(pipe)
{
	return make_pipe(a, 0);
}

SYSCALL(pipe2)
{
	return make_pipe(a, (u32)b);
}

/* ---- fcntl ---- */

#define SETTABLE (O_APPEND | O_NONBLOCK | O_DIRECT | O_NOATIME) /* and FASYNC, by async_switch() */

static long set_flags(int fd, struct file *file, u32 flags)
{
	if ((flags & O_NOATIME) && !(file->flags & O_NOATIME) && !inode_owned(file->inode))
		return -EPERM;
	if ((flags ^ file->flags) & FASYNC) {
		int r = async_switch(file, fd, flags & FASYNC);
		if (r)
			return r;
	}
	file->flags = (file->flags & ~(u32)SETTABLE) | (flags & SETTABLE);
	return 0;
}

static long lock_command(struct file *file, u32 cmd, u64 addr)
{
	struct k_flock fl;
	if (copy_from_user(&fl, user(addr), sizeof(fl)))
		return -EFAULT;
	int r = locks_fcntl(file, cmd, &fl);
	if (r || (cmd != F_GETLK && cmd != F_OFD_GETLK))
		return r;
	return put_user(user(addr), fl);
}

struct owner_ex {
	s32 type, pid;
};

static long pipe_size(struct file *file, u32 cmd, u64 arg)
{
	struct pipe *pipe = file_pipe(file);
	if (!pipe)
		return -EBADF;
	return cmd == F_GETPIPE_SZ ? (long)pipe_capacity(pipe) : pipe_resize(pipe, (u32)arg);
}

/* F_SETOWN: a negative number is a process group. */
static long set_owner(struct file *file, int who)
{
	if (who == INT32_MIN)
		return -EINVAL;
	return who < 0 ? async_set_owner(file, ASYNC_GROUP, -who) : async_set_owner(file, ASYNC_PROCESS, who);
}

static long owner_command(struct file *file, u32 cmd, u64 arg)
{
	enum async_owner type;
	struct owner_ex ex = {.pid = async_owner(file, &type)};
	switch (cmd) {
	case F_SETOWN:
		return set_owner(file, (int)arg);
	case F_GETOWN:
		return type == ASYNC_GROUP ? -ex.pid : ex.pid;
	case F_SETSIG:
		return async_set_signal(file, arg);
	case F_GETSIG:
		return async_signal(file);
	case F_GETOWN_EX:
		ex.type = type;
		return put_user(user(arg), ex);
	}
	if (copy_from_user(&ex, user(arg), sizeof(ex)))
		return -EFAULT;
	if (ex.type < ASYNC_THREAD || ex.type > ASYNC_GROUP)
		return -EINVAL;
	return ex.pid < 0 ? -ESRCH : async_set_owner(file, (enum async_owner)ex.type, ex.pid);
}

/* Commands that O_PATH descriptors have too. */
static long fd_command(int fd, struct file *file, u32 cmd, u64 arg)
{
	int r;
	switch (cmd) {
	case F_DUPFD:
	case F_DUPFD_CLOEXEC:
		if ((int)arg < 0 || arg >= MIN(current->process->rlimit[7].cur, (u64)FD_LIMIT))
			return -EINVAL;
		file_get(file);
		r = fd_install(file, (int)arg, cmd == F_DUPFD_CLOEXEC);
		if (r < 0)
			file_put(file);
		return r;
	case F_GETFD:
		return fd_cloexec(fd, -1);
	case F_SETFD:
		r = fd_cloexec(fd, arg & FD_CLOEXEC);
		return r < 0 ? r : 0;
	case F_GETFL:
		return file->flags;
	}
	return 1; /* not one of these */
}

static long file_command(int fd, struct file *file, u32 cmd, u64 arg)
{
	switch (cmd) {
	case F_SETFL:
		return set_flags(fd, file, (u32)arg);
	case F_GETLK:
	case F_SETLK:
	case F_SETLKW:
	case F_OFD_GETLK:
	case F_OFD_SETLK:
	case F_OFD_SETLKW:
		return lock_command(file, cmd, arg);
	case F_SETOWN:
	case F_GETOWN:
	case F_SETSIG:
	case F_GETSIG:
	case F_SETOWN_EX:
	case F_GETOWN_EX:
		return owner_command(file, cmd, arg);
	case F_SETPIPE_SZ:
	case F_GETPIPE_SZ:
		return pipe_size(file, cmd, arg);
	case F_ADD_SEALS:
		return memfd_add_seals(file, (u32)arg);
	case F_GET_SEALS:
		return memfd_get_seals(file);
	case F_SETLEASE:
		return lease_set(file, fd, arg);
	case F_GETLEASE:
		return lease_get(file);
	case F_NOTIFY:
		return dnotify_set(file, fd, (u32)arg);
	}
	return -EINVAL;
}

SYSCALL(fcntl)
{
	struct file *file __attribute__((cleanup(drop_file))) = fd_get_path((int)a);
	if (!file)
		return -EBADF;
	long r = fd_command((int)a, file, (u32)b, c);
	if (r != 1 || (u32)b == F_GETFL || (u32)b == F_GETFD || (u32)b == F_DUPFD || (u32)b == F_DUPFD_CLOEXEC)
		return r;
	return file->flags & O_PATH ? -EBADF : file_command((int)a, file, (u32)b, c);
}

/* ---- ioctl ---- */

static long set_bit(struct file *file, u32 bit, u64 addr)
{
	int on;
	if (get_user(on, user(addr)))
		return -EFAULT;
	file->flags = on ? file->flags | bit : file->flags & ~bit;
	return 0;
}

static long switch_async(int fd, struct file *file, u64 addr)
{
	int on;
	if (get_user(on, user(addr)))
		return -EFAULT;
	if (!on == !(file->flags & FASYNC))
		return 0;
	return file->ops->async ? async_switch(file, fd, on) : -ENOTTY;
}

SYSCALL(ioctl)
{
	u32 cmd = (u32)b;
	GET_FILE(file, a);
	switch (cmd) {
	case FIOCLEX:
	case FIONCLEX:
		fd_cloexec((int)a, cmd == FIOCLEX);
		return 0;
	case FIONBIO:
		return set_bit(file, O_NONBLOCK, c);
	case FIOASYNC:
		return switch_async((int)a, file, c);
	case FIONREAD:
		if (inode_is(file->inode, K_S_IFREG)) {
			int left = (int)(file->inode->size - MIN(file->pos, file->inode->size));
			return put_user(user(c), left);
		}
		break;
	}
	bool done;
	long r = file_ioctl(file, cmd, c, &done);
	if (done)
		return r;
	return file->ops->ioctl ? file->ops->ioctl(file, cmd, c) : -ENOTTY;
}

SYSCALL(flock)
{
	GET_FILE(file, a);
	return locks_flock(file, (u32)b);
}
