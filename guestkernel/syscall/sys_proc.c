/* SPDX-License-Identifier: Apache-2.0
 *
 * System calls of processes and threads: clone, exit, wait, identity.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/capability.h>
#include <linux/fcntl.h>
#include <linux/sched.h>
#include <linux/wait.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/ipc/sem.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

#define CLONE_NEWTIME_FLAG 0x80u
#define CLONE3_FLAGS	   0x3ffffffffull /* the low 32 bits, CLONE_CLEAR_SIGHAND, CLONE_INTO_CGROUP */
#define CLONE3_MIN_BYTES   64		  /* CLONE_ARGS_SIZE_VER0 */

SYSCALL(clone)
{
	struct clone_args_in args = {.flags = (u32)a & ~CSIGNAL,
				     .exit_signal = a & CSIGNAL,
				     .stack = b,
				     .parent_tid = c,
				     .child_tid = d,
				     .tls = e,
				     .pidfd = c};

	if ((a & CLONE_PIDFD) && (a & CLONE_PARENT_SETTID))
		return -EINVAL;
	return process_clone(&args);
}

SYSCALL(fork)
{
	struct clone_args_in args = {.exit_signal = SIGCHLD};

	return process_clone(&args);
}

SYSCALL(vfork)
{
	struct clone_args_in args = {.flags = CLONE_VFORK | CLONE_VM, .exit_signal = SIGCHLD};

	return process_clone(&args);
}

/* struct clone_args */
struct k_clone_args {
	u64 flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

/* A struct of any version: what is missing is zero, what is more must be zero. */
static int read_versioned(void *to, size_t known, user_ptr from, u64 size)
{
	u8 byte;
	u64 i;

	memset(to, 0, known);
	if (copy_from_user(to, from, MIN(size, known)))
		return -EFAULT;
	for (i = known; i < size; i++) {
		if (copy_from_user(&byte, user_add(from, i), 1))
			return -EFAULT;
		if (byte)
			return -E2BIG;
	}
	return 0;
}

static int decode_set_tid(const struct k_clone_args *in, struct clone_args_in *out)
{
	if (!in->set_tid_size)
		return in->set_tid ? -EINVAL : 0;
	if (!in->set_tid || in->set_tid_size > 1) /* one level of pid namespaces */
		return -EINVAL;
	if (copy_from_user(&out->set_tid, user(in->set_tid), sizeof(out->set_tid)))
		return -EFAULT;
	if (out->set_tid <= 0)
		return -EINVAL;
	return cred_has_cap(CAP_SYS_ADMIN) || cred_has_cap(CAP_CHECKPOINT_RESTORE) ? 0 : -EPERM;
}

SYSCALL(clone3)
{
	struct k_clone_args in;
	struct clone_args_in args;
	int error;

	if (b < CLONE3_MIN_BYTES)
		return -EINVAL;
	if (b > PAGE_SIZE)
		return -E2BIG;
	error = read_versioned(&in, sizeof(in), user(a), b);
	if (error)
		return error;
	if (in.flags & ~CLONE3_FLAGS)
		return -EINVAL;
	if (in.exit_signal > 64 || (in.flags & (CLONE_DETACHED | (CSIGNAL & ~CLONE_NEWTIME_FLAG))))
		return -EINVAL;
	if (in.flags & CLONE_NEWTIME_FLAG)
		return -EPERM;
	if ((in.flags & (CLONE_THREAD | CLONE_PARENT)) && in.exit_signal)
		return -EINVAL;
	if (!in.stack != !in.stack_size || in.stack + in.stack_size < in.stack || in.stack + in.stack_size > USER_END)
		return -EINVAL;
	args = (struct clone_args_in){.flags = in.flags,
				      .child_tid = in.child_tid,
				      .parent_tid = in.parent_tid,
				      .pidfd = in.pidfd,
				      .tls = in.tls,
				      .stack = in.stack + in.stack_size,
				      .exit_signal = (int)in.exit_signal};
	error = decode_set_tid(&in, &args);
	return error ? error : process_clone(&args);
}

SYSCALL(unshare)
{
	struct process *p = current->process;
	struct files *files;
	struct fs_ctx *fs;
	const u64 namespaces = CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER |
			       CLONE_NEWPID | CLONE_NEWNET | CLONE_NEWTIME_FLAG;
	const u64 own = CLONE_FS | CLONE_FILES | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;

	if (a & ~(namespaces | own))
		return -EINVAL;
	if ((a & (CLONE_VM | CLONE_SIGHAND | CLONE_THREAD)) && p->thread_count > 1)
		return -EINVAL;
	if (a & namespaces)
		return -EPERM;
	if (a & CLONE_FS) {
		fs = fs_ctx_clone(p->fs);
		if (!fs)
			return -ENOMEM;
		fs_ctx_put(p->fs);
		p->fs = fs;
	}
	if ((a & CLONE_FILES) && files_shared(p->files)) {
		files = files_clone(p->files);
		if (!files)
			return -ENOMEM;
		files_put(p->files);
		p->files = files;
	}
	/* Corrections belong to processes here: those of other threads stay. */
	if (a & CLONE_SYSVSEM && p->thread_count == 1)
		sem_undo_leave(p);
	return 0;
}

SYSCALL(exit)
{
	thread_exit((int)(a & 0xff) << 8);
}

SYSCALL(exit_group)
{
	process_exit_group((int)(a & 0xff) << 8);
}

static int put_usage(u64 to, const struct k_rusage *usage)
{
	return to ? copy_to_user(user(to), usage, sizeof(*usage)) : 0;
}

SYSCALL(wait4)
{
	struct wait_result r = {0};
	int pid = (int)a;
	enum wait_kind kind = pid > 0 ? WAIT_PID : pid == -1 ? WAIT_ANY : WAIT_GROUP;
	long result;

	if (c & ~(u64)(WNOHANG | WUNTRACED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL) & 0xffffffff)
		return -EINVAL;
	if (pid == INT32_MIN)
		return -ESRCH;
	if (!pid)
		pid = current->process->pgid;
	result = process_wait(kind, pid < 0 ? -pid : pid, (u32)c | WEXITED, &r);
	if (result <= 0)
		return result;
	if ((b && put_user(user(b), r.wait_status)) || put_usage(d, &r.usage))
		return -EFAULT;
	return result;
}

/* Which child waitid means. */
static int decode_id(u64 type, u64 id, enum wait_kind *kind, int *which, bool *nonblocking)
{
	struct file *file;
	struct process *p;

	*which = (int)id;
	switch (type) {
	case P_ALL:
		*kind = WAIT_ANY;
		return 0;
	case P_PID:
		*kind = WAIT_PID;
		return *which > 0 ? 0 : -EINVAL;
	case P_PGID:
		*kind = WAIT_GROUP;
		if (!*which)
			*which = current->process->pgid;
		return *which > 0 ? 0 : -EINVAL;
	case P_PIDFD:
		*kind = WAIT_PID;
		if (*which < 0)
			return -EINVAL;
		file = fd_get(*which);
		if (!file)
			return -EBADF;
		p = pidfd_process(file);
		*which = p ? p->pid : 0;
		*nonblocking = file->flags & O_NONBLOCK;
		file_put(file);
		return p ? 0 : -EBADF;
	default:
		return -EINVAL;
	}
}

SYSCALL(waitid)
{
	struct wait_result r = {0};
	struct k_siginfo info = {0};
	enum wait_kind kind;
	bool nonblocking = false;
	int id, error;
	long result;

	if (d & ~(u64)(WNOHANG | WNOWAIT | WEXITED | WSTOPPED | WCONTINUED | __WNOTHREAD | __WCLONE | __WALL) &
	    0xffffffff)
		return -EINVAL;
	if (!(d & (WEXITED | WSTOPPED | WCONTINUED)))
		return -EINVAL;
	error = decode_id(a, b, &kind, &id, &nonblocking);
	if (error)
		return error;
	result = process_wait(kind, id, (u32)d | (nonblocking ? WNOHANG : 0), &r);
	if (!result && nonblocking && !(d & WNOHANG))
		return -EAGAIN;
	if (result < 0)
		return result;
	if (result) {
		info.signo = SIGCHLD;
		info.code = r.code;
		info.child.pid = r.pid;
		info.child.uid = r.uid;
		info.child.status = r.status;
	}
	/* Linux writes the members up to the status, and leaves the rest of the structure alone. */
	if (c && copy_to_user(user(c), &info, offsetof(struct k_siginfo, child.pad)))
		return -EFAULT;
	return result && put_usage(e, &r.usage) ? -EFAULT : 0;
}

SYSCALL(getpid)
{
	return current->process->pid;
}

SYSCALL(gettid)
{
	return current->tid;
}

SYSCALL(getppid)
{
	return current->process->parent ? current->process->parent->pid : 0;
}

SYSCALL(set_tid_address)
{
	current->clear_child_tid = a;
	return current->tid;
}

SYSCALL(getpgrp)
{
	return current->process->pgid;
}

/* pid 0 is the caller. */
static struct process *process_or_self(u64 pid)
{
	return (int)pid ? process_find((int)pid) : current->process;
}

SYSCALL(getpgid)
{
	struct process *p = process_or_self(a);

	return p ? p->pgid : -ESRCH;
}

SYSCALL(getsid)
{
	struct process *p = process_or_self(a);

	return p ? p->session->sid : -ESRCH;
}

static bool group_in_session(int pgid, const struct session *s)
{
	struct process *p;

	list_for_each (p, &all_processes, all_link)
		if (p->pgid == pgid && p->session == s)
			return true;
	return false;
}

SYSCALL(setpgid)
{
	struct process *me = current->process, *p = process_or_self(a);
	int pgid = (int)b ? (int)b : (int)a ? (int)a : me->pid;

	if (pgid < 0)
		return -EINVAL;
	if (!p || (p != me && p->parent != me))
		return -ESRCH;
	if (p != me && p->session != me->session)
		return -EPERM;
	if (p != me && p->did_exec)
		return -EACCES;
	if (p->session->sid == p->pid)
		return -EPERM;
	if (pgid != p->pid && !group_in_session(pgid, me->session))
		return -EPERM;
	p->pgid = pgid;
	return 0;
}

SYSCALL(setsid)
{
	int error = session_create(current->process);

	return error ? error : current->process->pid;
}

SYSCALL(getrusage)
{
	struct process *p = current->process;
	struct thread *t = current;
	struct k_rusage usage;

	switch ((int)a) {
	case 0:	 /* RUSAGE_SELF */
	case -1: /* RUSAGE_CHILDREN */
		process_usage(p, (int)a != 0, &usage);
		break;
	case 1: /* RUSAGE_THREAD */
		process_usage(p, false, &usage);
		usage.utime = (struct k_timeval){(s64)(t->user_ns / 1000000000), (s64)(t->user_ns % 1000000000 / 1000)};
		usage.stime =
		    (struct k_timeval){(s64)(t->system_ns / 1000000000), (s64)(t->system_ns % 1000000000 / 1000)};
		usage.minflt = (s64)t->minor_faults;
		usage.majflt = (s64)t->major_faults;
		usage.nvcsw = (s64)t->voluntary;
		usage.nivcsw = (s64)t->involuntary;
		break;
	default:
		return -EINVAL;
	}
	return copy_to_user(user(b), &usage, sizeof(usage));
}
