/* SPDX-License-Identifier: Apache-2.0
 *
 * Scheduling parameters: nice values, affinity, policies, and who may change them (sched(7)).
 */
#include <linux/capability.h>
#include <linux/resource.h>
#include <linux/rseq.h>
#include <linux/sched.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/futex.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/rseq.h"
#include "guestkernel/proc/runqueue.h"
#include "guestkernel/syscall/syscall.h"

#define LIMIT_NICE	13
#define RT_PRIORITY_MAX 99

#define ATTR_RESET_ON_FORK 1u /* SCHED_FLAG_* */
#define ATTR_KEEP_POLICY   8u
#define ATTR_KEEP_PARAMS   16u
#define ATTR_FLAGS	   0x7fu

static struct thread *find(u64 tid)
{
	struct thread *t = (int)tid ? thread_find((int)tid) : current;

	return t && t->process != &kernel_process ? t : NULL;
}

static bool may_change(const struct thread *t)
{
	const struct cred *me = &current->cred, *you = &t->cred;

	return me->euid == you->euid || me->euid == you->uid || cred_has_cap(CAP_SYS_NICE);
}

/* Without CAP_SYS_NICE nice values go down as far as RLIMIT_NICE, in its odd unit, allows. */
static bool may_nice(const struct thread *t, int nice)
{
	return nice >= t->nice || 20 - nice <= (int)MIN(t->process->rlimit[LIMIT_NICE].cur, 40ull);
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
				       : process_cred(p)->uid != (who ? (u32)who : current->cred.uid))
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

	list_for_each (t, &p->threads, process_link) {
		if (c->only && c->only != t)
			continue;
		if (!may_change(t)) {
			c->result = -EPERM;
		} else if (!may_nice(t, c->nice) && !cred_has_cap(CAP_SYS_NICE)) {
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

static bool is_real_time(int policy)
{
	return policy == SCHED_FIFO || policy == SCHED_RR;
}

/* What an ordinary user may do: real time as far as RLIMIT_RTPRIO goes, and always less than what is. */
static bool may_change_policy(const struct thread *t, int policy, int priority)
{
	int old = t->policy & ~SCHED_RESET_ON_FORK, new = policy & ~SCHED_RESET_ON_FORK;
	u64 limit = t->process->rlimit[RLIMIT_RTPRIO].cur;

	if (cred_has_cap(CAP_SYS_NICE))
		return true;
	if (!may_change(t))
		return false;
	if (is_real_time(new) && ((new != old && !limit) || (priority > t->rt_priority && (u64)priority > limit)))
		return false;
	if (old == SCHED_IDLE && new != SCHED_IDLE &&
	    20 - t->nice > (int)MIN(t->process->rlimit[LIMIT_NICE].cur, 40ull))
		return false;
	return !(t->policy & SCHED_RESET_ON_FORK) || policy & SCHED_RESET_ON_FORK;
}

static long set_policy(struct thread *t, int policy, int priority)
{
	int new = policy & ~SCHED_RESET_ON_FORK, max = priority_max(new);

	if (max < 0 || priority < 0 || priority > max || (max && !priority))
		return -EINVAL;
	if (!may_change_policy(t, policy, priority))
		return -EPERM;
	sched_set_policy(t, policy, priority);
	futex_pi_rank_changed(t);
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
	struct thread *t;

	if ((int)a < 0)
		return -EINVAL;
	t = find(a);
	if (!t)
		return -ESRCH;
	switch (t->policy & ~SCHED_RESET_ON_FORK) {
	case SCHED_RR:
		return timespec_to_user(user(b), RR_SLICE_NS);
	case SCHED_FIFO:
		return timespec_to_user(user(b), 0);
	default:
		return timespec_to_user(user(b), SLICE_NS);
	}
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

/* A newer program's structure may be longer, if it asks for nothing that is not known here. */
static int read_attr(u64 from, struct k_sched_attr *attr)
{
	const u32 known = sizeof(*attr);
	u32 size, at;
	u8 byte;

	if (get_user(size, user(from)))
		return -EFAULT;
	size = size ? size : known;
	if (size < known || size > PAGE_SIZE)
		return put_user(user(from), known) ? -EFAULT : -E2BIG;
	for (at = known; at < size; at++) {
		if (get_user(byte, user(from + at)))
			return -EFAULT;
		if (byte)
			return put_user(user(from), known) ? -EFAULT : -E2BIG;
	}
	return get_user(*attr, user(from)) ? -EFAULT : 0;
}

/* The nice value counts for policies that use it. */
static long set_attr(struct thread *t, const struct k_sched_attr *attr)
{
	int policy = (int)attr->policy, nice = MIN(MAX(attr->nice, -20), 19), priority = (int)attr->priority;
	bool fair;
	long error;

	if (attr->flags & ATTR_KEEP_POLICY)
		policy = t->policy & ~SCHED_RESET_ON_FORK;
	fair = policy == SCHED_NORMAL || policy == SCHED_BATCH;
	if (attr->flags & ATTR_KEEP_PARAMS) {
		priority = t->rt_priority;
		nice = t->nice;
	}
	if (fair && !may_nice(t, nice) && !cred_has_cap(CAP_SYS_NICE))
		return -EPERM;
	error = set_policy(t, policy | (attr->flags & ATTR_RESET_ON_FORK ? SCHED_RESET_ON_FORK : 0), priority);
	if (!error && fair)
		sched_set_nice(t, nice);
	return error;
}

SYSCALL(sched_setattr)
{
	struct k_sched_attr attr;
	struct thread *t;
	int error;

	if (!b || (int)a < 0 || c)
		return -EINVAL;
	error = read_attr(b, &attr);
	if (error)
		return error;
	if ((int)attr.policy < 0 || attr.flags & ~(u64)ATTR_FLAGS)
		return -EINVAL;
	t = find(a);
	return t ? set_attr(t, &attr) : -ESRCH;
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

SYSCALL(rseq)
{
	if (c == RSEQ_FLAG_UNREGISTER)
		return rseq_unregister(a, (u32)b, (u32)d);
	return c ? -EINVAL : rseq_register(a, (u32)b, (u32)d);
}
