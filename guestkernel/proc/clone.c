/* SPDX-License-Identifier: Apache-2.0
 *
 * clone(2), clone3(2), fork, vfork: a new thread, in this process or as the first of a new one.
 */
#include <asm/signal.h>
#include <linux/sched.h>
#include <linux/capability.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/seccomp.h"
#include "guestkernel/proc/signal.h"

#define LIMIT_NPROC 6
#define NAMESPACES                                                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#ifndef CLONE_CLEAR_SIGHAND
#define CLONE_CLEAR_SIGHAND 0x100000000ull
#endif
#ifndef CLONE_INTO_CGROUP
#define CLONE_INTO_CGROUP 0x200000000ull
#endif

int sem_undo_share(struct process *child) __attribute__((weak)); /* ipc/sem.h */
void sem_undo_leave(struct process *p) __attribute__((weak));

static int check_flags(const struct clone_args_in *a)
{
	u64 f = a->flags;

	if ((f & CLONE_SIGHAND) && !(f & CLONE_VM))
		return -EINVAL;
	if ((f & CLONE_THREAD) && !(f & CLONE_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_FS) && (f & (CLONE_NEWNS | CLONE_NEWUSER)))
		return -EINVAL;
	if ((f & CLONE_SIGHAND) && (f & CLONE_CLEAR_SIGHAND))
		return -EINVAL;
	if ((f & CLONE_PIDFD) && (f & (CLONE_THREAD | CLONE_DETACHED)))
		return -EINVAL;
	if ((f & CLONE_PARENT) && current->process == init_process)
		return -EINVAL;
	if (f & CLONE_INTO_CGROUP)
		return -EBADF;
	/* The kernel loads it into FS: a non-canonical address would fault there. */
	if ((f & CLONE_SETTLS) && a->tls >= USER_END)
		return -EPERM;
	return f & NAMESPACES ? -EPERM : 0;
}

static int check_limits(void)
{
	const struct process *me = current->process;
	struct process *p;
	u64 count = 0;

	if (!current->cred.uid || cred_has_cap(CAP_SYS_RESOURCE) || cred_has_cap(CAP_SYS_ADMIN))
		return 0;
	if (threads_count() < me->rlimit[LIMIT_NPROC].cur) /* even if all of them were this user's */
		return 0;
	list_for_each (p, &all_processes, all_link)
		if (process_cred(p)->uid == current->cred.uid)
			count += MAX(p->thread_count, 1u);
	return count >= me->rlimit[LIMIT_NPROC].cur ? -EAGAIN : 0;
}

static void inherit_policy(struct thread *t, const struct thread *from)
{
	t->nice = from->nice;
	t->policy = from->policy;
	t->rt_priority = from->rt_priority;
	t->mempolicy = from->mempolicy;
	if (!(from->policy & SCHED_RESET_ON_FORK))
		return;
	/* Who may have more than others does not pass it on. */
	t->policy &= ~SCHED_RESET_ON_FORK;
	if (t->rt_priority)
		t->policy = SCHED_NORMAL;
	t->rt_priority = 0;
	t->nice = MAX(t->nice, 0);
}

static void copy_thread(struct thread *t, const struct clone_args_in *a)
{
	struct thread *me = current;
	struct regs regs = *me->regs;

	regs.rax = 0;
	regs.orig_rax = (u64)-1;
	if (a->stack)
		regs.rsp = a->stack;
	memcpy(t->comm, me->comm, sizeof(t->comm));
	cred_copy(&t->cred, &me->cred);
	seccomp_inherit(t, me);
	t->sigmask = me->restore_sigmask ? me->saved_sigmask : me->sigmask;
	t->affinity = me->affinity;
	inherit_policy(t, me);
	t->timer_slack_ns = me->timer_slack_ns;
	if (!(a->flags & CLONE_VM) || (a->flags & CLONE_VFORK)) {
		t->altstack_sp = me->altstack_sp;
		t->altstack_size = me->altstack_size;
		t->altstack_flags = me->altstack_flags;
	}
	if (!(a->flags & CLONE_VM)) {
		t->rseq = me->rseq;
		t->rseq_len = me->rseq_len;
		t->rseq_sig = me->rseq_sig;
	}
	arch_thread_init_user(t, &regs);
	arch_set_gsbase(t, arch_get_gsbase(me));
	arch_set_fsbase(t, a->flags & CLONE_SETTLS ? a->tls : arch_get_fsbase(me));
}

static int copy_mm(struct thread *t, u64 flags)
{
	if (flags & CLONE_VM)
		mm_get(t->mm = current->mm);
	else
		t->mm = mm_clone(current->mm);
	return t->mm ? 0 : -ENOMEM;
}

/* Tables of a new process: shared or copied. What was taken is dropped by the caller through drop_tables(). */
static int copy_tables(struct process *p, u64 flags)
{
	struct process *me = current->process;

	p->files = flags & CLONE_FILES ? files_get(me->files) : files_clone(me->files);
	p->fs = flags & CLONE_FS ? fs_ctx_get(me->fs) : fs_ctx_clone(me->fs);
	if (flags & CLONE_SIGHAND) {
		p->sighand = me->sighand;
		p->sighand->refs++;
	} else {
		p->sighand = sighand_clone(me->sighand);
	}
	if (!p->files || !p->fs || !p->sighand)
		return -ENOMEM;
	if (flags & CLONE_CLEAR_SIGHAND)
		sighand_reset(p->sighand);
	return flags & CLONE_SYSVSEM && sem_undo_share ? sem_undo_share(p) : 0;
}

static void drop_tables(struct process *p)
{
	if (sem_undo_leave)
		sem_undo_leave(p);
	if (p->files)
		files_put(p->files);
	if (p->fs)
		fs_ctx_put(p->fs);
	p->files = NULL;
	p->fs = NULL;
}

static struct process *parent_for(u64 flags)
{
	struct process *me = current->process;

	return flags & CLONE_PARENT && me->parent ? me->parent : me;
}

static int new_process(struct thread *t, const struct clone_args_in *a)
{
	struct process *me = current->process, *p = process_alloc(t, me);
	int error;

	if (!p)
		return -ENOMEM;
	p->exit_signal = a->flags & CLONE_PARENT ? me->exit_signal : a->exit_signal;
	if (parent_for(a->flags) != me) {
		list_remove(&p->sibling);
		p->parent = parent_for(a->flags);
		p->parent_thread = me->parent_thread;
		list_append(&p->parent->children, &p->sibling);
	}
	error = copy_tables(p, a->flags);
	if (error)
		drop_tables(p);
	return error;
}

static void join_process(struct thread *t)
{
	t->process = current->process;
	list_append(&t->process->threads, &t->process_link);
	t->process->thread_count++;
}

/* The pidfd goes into the parent's table; the child's copy was made before, so that it does not have it. */
static int install_pidfd(struct process *p, u64 to)
{
	struct file *file = pidfd_create(p, 0);
	int fd;

	if (!file)
		return -ENOMEM;
	fd = fd_install(file, 0, true);
	if (fd < 0) {
		file_put(file);
		return fd;
	}
	if (put_user(user(to), fd)) {
		fd_close(fd);
		return -EFAULT;
	}
	return 0;
}

/* A thread that never ran goes again, with what it brought along. */
static void undo(struct thread *t, const struct clone_args_in *a)
{
	struct process *p = t->process;

	t->state = THREAD_DEAD;
	if (t->mm)
		mm_put(t->mm);
	t->mm = NULL;
	if (a->flags & CLONE_THREAD || !p || p->leader != t) {
		if (p && !list_empty(&t->process_link))
			p->thread_count--;
		thread_free(t);
		return;
	}
	drop_tables(p);
	p->thread_count = 0;
	process_unlink(p);
}

static int build(struct thread *t, const struct clone_args_in *a)
{
	int error = copy_mm(t, a->flags);

	if (error)
		return error;
	if (a->flags & CLONE_THREAD)
		join_process(t);
	else
		error = new_process(t, a);
	if (!error && (a->flags & CLONE_PIDFD))
		error = install_pidfd(t->process, a->pidfd);
	return error;
}

static void write_tids(struct thread *t, const struct clone_args_in *a)
{
	int tid = t->tid;

	/* Bad addresses are the program's problem: Linux does not report them either. */
	if (a->flags & CLONE_PARENT_SETTID)
		(void)!put_user(user(a->parent_tid), tid);
	if (a->flags & CLONE_CHILD_SETTID)
		(void)!mm_copy_to(t->mm, a->child_tid, &tid, sizeof(tid));
	if (a->flags & CLONE_CHILD_CLEARTID)
		t->clear_child_tid = a->child_tid;
}

/* Until the child has done exec or exit. Only the end of this thread cuts it short. */
static void wait_for_vfork(int tid)
{
	struct thread *me = current, *child;

	while (me->vfork_pending)
		if (sched_sleep_killable())
			break;
	child = thread_find(tid);
	if (me->vfork_pending && child && child->vfork_waiter == me)
		child->vfork_waiter = NULL;
	me->vfork_pending = false;
}

long process_clone(const struct clone_args_in *a)
{
	struct thread *t, *me = current;
	int tid, error = check_flags(a);

	if (!error)
		error = check_limits();
	if (error)
		return error;
	if (me->killed)
		return -ERESTARTNOINTR;
	t = thread_alloc(a->set_tid, &error);
	if (!t)
		return error;
	copy_thread(t, a);
	error = build(t, a);
	if (error) {
		undo(t, a);
		return error;
	}
	tid = t->tid;
	write_tids(t, a);
	if (!(a->flags & CLONE_THREAD))
		cpu_limit_update(t->process);
	if (a->flags & CLONE_VFORK) {
		t->vfork_waiter = me;
		me->vfork_pending = true;
	}
	sched_start(t, a->flags & CLONE_VFORK);
	if (a->flags & CLONE_VFORK)
		wait_for_vfork(tid);
	return tid;
}
