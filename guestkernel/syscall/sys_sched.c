/* SPDX-License-Identifier: Apache-2.0
 *
 * Scheduling parameters: nice values, affinity, policies. All policies share the CPU fairly; a real-time one is
 * remembered and told back.
 */
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/syscall/syscall.h"

#define LIMIT_NICE	13
#define RT_PRIORITY_MAX 99
#define SLICE_NS	4000000

static struct thread *find(u64 tid)
{
	struct thread *t = (int)tid ? thread_find((int)tid) : current;

	return t && t->process != &kernel_process ? t : NULL;
}

static bool may_change(const struct thread *t)
{
	const struct cred *me = &current->process->cred, *you = &t->process->cred;

	return me->euid == you->euid || me->euid == you->uid || cred_has_cap(CAP_SYS_NICE);
}

SYSCALL(sched_yield)
{
	sched_yield_cpu();
	return 0;
}

/* Calls fn for each process that `which` and `who` name; false: there is none. */
static bool for_each_target(int which, int who, void (*fn)(struct process *p, void *arg), void *arg)
{
	struct process *p, *tmp;
	struct thread *t;
	bool any = false;

	if (which == PRIO_PROCESS) {
		t = find((u64)who);
		if (t)
			fn(t->process, arg);
		return t;
	}
	list_for_each_safe (p, tmp, &all_processes, all_link) {
		if (which == PRIO_PGRP ? p->pgid != (who ? who : current->process->pgid)
				       : p->cred.uid != (who ? (u32)who : current->process->cred.uid))
			continue;
		fn(p, arg);
		any = true;
	}
	return any;
}

struct nice_change {
	int nice, result;
	struct thread *only; /* PRIO_PROCESS means one thread */
};

static void lowest_nice(struct process *p, void *arg)
{
	struct nice_change *c = arg;
	struct thread *t;

	list_for_each (t, &p->threads, process_link)
		if (!c->only || c->only == t)
			c->result = MAX(c->result, 20 - t->nice);
}

static void change_nice(struct process *p, void *arg)
{
	struct nice_change *c = arg;
	struct thread *t;
	int lowest = 20 - (int)MIN(p->rlimit[LIMIT_NICE].cur, 40ull);

	list_for_each (t, &p->threads, process_link) {
		if (c->only && c->only != t)
			continue;
		if (!may_change(t)) {
			c->result = -EPERM;
		} else if (c->nice < t->nice && c->nice < lowest && !cred_has_cap(CAP_SYS_NICE)) {
			c->result = -EACCES;
		} else {
			sched_set_nice(t, c->nice);
			if (c->result == -ESRCH)
				c->result = 0;
		}
	}
}

SYSCALL(getpriority)
{
	struct nice_change c0 = {.result = -ESRCH, .only = (int)a == PRIO_PROCESS ? find(b) : NULL};

	if ((int)a < PRIO_PROCESS || (int)a > PRIO_USER)
		return -EINVAL;
	for_each_target((int)a, (int)b, lowest_nice, &c0);
	return c0.result;
}

SYSCALL(setpriority)
{
	struct nice_change c0 = {
	    .nice = MIN(MAX((int)c, -20), 19), .result = -ESRCH, .only = (int)a == PRIO_PROCESS ? find(b) : NULL};

	if ((int)a < PRIO_PROCESS || (int)a > PRIO_USER)
		return -EINVAL;
	for_each_target((int)a, (int)b, change_nice, &c0);
	return c0.result;
}

SYSCALL(sched_setaffinity)
{
	struct thread *t;
	u64 mask = 0;

	if (copy_from_user(&mask, user(c), MIN(b, sizeof(mask))))
		return -EFAULT;
	t = find(a);
	if (!t)
		return -ESRCH;
	if (!may_change(t))
		return -EPERM;
	return sched_set_affinity(t, mask);
}

SYSCALL(sched_getaffinity)
{
	struct thread *t = find(a);
	u64 mask;

	if (b < sizeof(mask) || b % sizeof(u64))
		return -EINVAL;
	if (!t)
		return -ESRCH;
	mask = t->affinity & ((1ull << arch_cpus()) - 1);
	return put_user(user(c), mask) ? -EFAULT : (long)sizeof(mask);
}

/* Highest and lowest priority of a policy; -EINVAL. */
static int priority_max(int policy)
{
	switch (policy) {
	case SCHED_FIFO:
	case SCHED_RR:
		return RT_PRIORITY_MAX;
	case SCHED_NORMAL:
	case SCHED_BATCH:
	case SCHED_IDLE:
		return 0;
	default:
		return -EINVAL;
	}
}

SYSCALL(sched_get_priority_max)
{
	return (int)a == SCHED_DEADLINE ? 0 : priority_max((int)a);
}

SYSCALL(sched_get_priority_min)
{
	int max = (int)a == SCHED_DEADLINE ? 0 : priority_max((int)a);

	return max > 0 ? 1 : max;
}

static long set_policy(struct thread *t, int policy, int priority)
{
	int max = priority_max(policy & ~SCHED_RESET_ON_FORK);

	if (max < 0 || priority < 0 || priority > max || (max && !priority))
		return -EINVAL;
	if (!may_change(t) ||
	    (max && !cred_has_cap(CAP_SYS_NICE) && (u64)priority > t->process->rlimit[RLIMIT_RTPRIO].cur))
		return -EPERM;
	t->policy = policy;
	t->rt_priority = priority;
	return 0;
}

SYSCALL(sched_setscheduler)
{
	struct thread *t;
	int priority;

	if (!c || (int)a < 0 || (int)b < 0)
		return -EINVAL;
	if (get_user(priority, user(c)))
		return -EFAULT;
	t = find(a);
	return t ? set_policy(t, (int)b, priority) : -ESRCH;
}

SYSCALL(sched_getscheduler)
{
	struct thread *t = find(a);

	return (int)a < 0 ? -EINVAL : t ? t->policy : -ESRCH;
}

SYSCALL(sched_setparam)
{
	struct thread *t;
	int priority;

	if (!b || (int)a < 0)
		return -EINVAL;
	if (get_user(priority, user(b)))
		return -EFAULT;
	t = find(a);
	return t ? set_policy(t, t->policy, priority) : -ESRCH;
}

SYSCALL(sched_getparam)
{
	struct thread *t = find(a);

	if (!b || (int)a < 0)
		return -EINVAL;
	return t ? put_user(user(b), t->rt_priority) : -ESRCH;
}

SYSCALL(sched_rr_get_interval)
{
	if ((int)a < 0)
		return -EINVAL;
	return find(a) ? timespec_to_user(user(b), SLICE_NS) : -ESRCH;
}

/* struct sched_attr, first version */
struct k_sched_attr {
	u32 size, policy;
	u64 flags;
	s32 nice;
	u32 priority;
	u64 runtime, deadline, period;
};
_Static_assert(sizeof(struct k_sched_attr) == 48, "sched_attr");

SYSCALL(sched_setattr)
{
	struct k_sched_attr attr;
	struct thread *t;
	long error;

	if (!b || (int)a < 0 || c)
		return -EINVAL;
	if (get_user(attr, user(b)))
		return -EFAULT;
	if (attr.size && attr.size < sizeof(attr))
		return -E2BIG;
	t = find(a);
	if (!t)
		return -ESRCH;
	error = set_policy(t, (int)attr.policy | (attr.flags & 1 ? SCHED_RESET_ON_FORK : 0), (int)attr.priority);
	if (!error && (attr.policy == SCHED_NORMAL || attr.policy == SCHED_BATCH)) {
		if (attr.nice < t->nice && !cred_has_cap(CAP_SYS_NICE))
			return -EPERM;
		sched_set_nice(t, MIN(MAX(attr.nice, -20), 19));
	}
	return error;
}

SYSCALL(sched_getattr)
{
	struct thread *t = find(a);
	struct k_sched_attr attr = {.size = sizeof(attr)};

	if (!b || (int)a < 0 || c < sizeof(attr) || c > PAGE_SIZE || d)
		return -EINVAL;
	if (!t)
		return -ESRCH;
	attr.policy = (u32)t->policy & ~(u32)SCHED_RESET_ON_FORK;
	attr.flags = !!(t->policy & SCHED_RESET_ON_FORK);
	attr.nice = t->nice;
	attr.priority = (u32)t->rt_priority;
	return put_user(user(b), attr);
}

SYSCALL(ioprio_set)
{
	return 0;
}

SYSCALL(ioprio_get)
{
	return 4; /* the default of best effort */
}
