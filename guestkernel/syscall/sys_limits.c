/* SPDX-License-Identifier: Apache-2.0
 *
 * Resource limits: getrlimit, setrlimit, prlimit64.
 */
#include <linux/capability.h>
#include <linux/resource.h>
#include "guestkernel/limits.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

static int set_limit(struct process *p, u64 which, const struct k_rlimit *new)
{
	struct k_rlimit *limit = &p->rlimit[which];

	if (new->cur > new->max)
		return -EINVAL;
	if (which == RLIMIT_NOFILE && new->max > FD_LIMIT)
		return -EPERM;
	if (new->max > limit->max && !cred_has_cap(CAP_SYS_RESOURCE))
		return -EPERM;
	*limit = *new;
	if (which == RLIMIT_CPU)
		cpu_limit_update(p);
	return 0;
}

static bool may_change(const struct process *p)
{
	const struct cred *me = &current->cred, *you = process_cred(p);

	if (p == current->process || cred_has_cap(CAP_SYS_RESOURCE))
		return true;
	return me->uid == you->euid && me->uid == you->suid && me->uid == you->uid && me->gid == you->egid &&
	       me->gid == you->sgid && me->gid == you->gid;
}

SYSCALL(prlimit64)
{
	struct thread *t = (int)a ? thread_find((int)a) : current;
	struct process *p = t ? t->process : NULL;
	struct k_rlimit new, old;
	int error;

	if (c && get_user(new, user(c)))
		return -EFAULT;
	if (!p || p == &kernel_process)
		return -ESRCH;
	if (!may_change(p))
		return -EPERM;
	if ((u32)b >= RLIM_NLIMITS)
		return -EINVAL;
	b = (u32)b;
	old = p->rlimit[b];
	if (c) {
		error = set_limit(p, b, &new);
		if (error)
			return error;
	}
	return d ? put_user(user(d), old) : 0;
}

SYSCALL(getrlimit)
{
	return (u32)a < RLIM_NLIMITS ? put_user(user(b), current->process->rlimit[(u32)a]) : -EINVAL;
}

SYSCALL(setrlimit)
{
	struct k_rlimit new;

	if (get_user(new, user(b)))
		return -EFAULT;
	return (u32)a < RLIM_NLIMITS ? set_limit(current->process, (u32)a, &new) : -EINVAL;
}
