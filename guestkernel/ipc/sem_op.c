/* SPDX-License-Identifier: Apache-2.0
 *
 * semop(2): a series of operations on one set, done together or not at all; who has to wait stands in a queue.
 */
#include "guestkernel/ipc/sem.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

/* One operation on the values; 0, SEM_PENDING: it has to wait, -ERANGE. */
static int apply_one(struct sem_set *set, const struct k_sembuf *op, struct sem_undo *undo)
{
	struct sem *sem = &set->sems[op->num];
	int value = sem->value + op->op;

	if ((!op->op && sem->value) || value < 0)
		return SEM_PENDING;
	if (value > K_SEMVMX)
		return -ERANGE;
	if (op->flags & K_SEM_UNDO) {
		int adjust = undo->adjust[op->num] - op->op;

		if (adjust < -K_SEMVMX - 1 || adjust > K_SEMVMX)
			return -ERANGE;
		undo->adjust[op->num] = (s16)adjust;
	}
	sem->value = value;
	return 0;
}

static void take_back(struct sem_set *set, const struct k_sembuf *op, struct sem_undo *undo)
{
	set->sems[op->num].value -= op->op;
	if (op->flags & K_SEM_UNDO)
		undo->adjust[op->num] = (s16)(undo->adjust[op->num] + op->op);
}

/* All of a waiter's operations, or none: 0, SEM_PENDING with w->blocked set, -ERANGE, -EAGAIN (IPC_NOWAIT). */
static int apply(struct sem_set *set, struct sem_waiter *w)
{
	unsigned done;
	int result = 0;

	for (done = 0; done < w->count; done++) {
		result = apply_one(set, &w->ops[done], w->undo);
		if (result)
			break;
	}
	if (!result) {
		for (unsigned i = 0; i < w->count; i++)
			set->sems[w->ops[i].num].pid = w->pid;
		set->otime = ipc_now();
		return 0;
	}
	w->blocked = &w->ops[done];
	while (done--)
		take_back(set, &w->ops[done], w->undo);
	return result == SEM_PENDING && (u16)w->blocked->flags & K_IPC_NOWAIT ? -EAGAIN : result;
}

static bool alters(const struct k_sembuf *ops, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		if (ops[i].op)
			return true;
	return false;
}

void sem_wake(struct sem_set *set)
{
	struct sem_waiter *w, *next;
	bool again = true;

	while (again) {
		again = false;
		list_for_each_safe (w, next, &set->waiters, link) {
			int result = apply(set, w);

			if (result == SEM_PENDING)
				continue;
			list_remove(&w->link);
			w->result = result;
			sched_wake(w->thread);
			/* What it changed may allow what stands before it. */
			if (!result && alters(w->ops, w->count)) {
				again = true;
				break;
			}
		}
	}
}

static int wait(struct sem_set *set, struct sem_waiter *w, u64 deadline_ns)
{
	int error = 0;

	ipc_ref(&set->object);
	list_append(&set->waiters, &w->link);
	while (w->result == SEM_PENDING && !error)
		error = sched_sleep(true, deadline_ns);
	if (w->result == SEM_PENDING) {
		list_remove(&w->link);
		w->result = error == -ETIMEDOUT ? -EAGAIN : -EINTR; /* never restarted: signal(7) */
	}
	ipc_unref(&sem_table, &set->object);
	return w->result;
}

int sem_operate(int id, const struct k_sembuf *ops, unsigned count, u64 deadline_ns)
{
	struct sem_waiter w = {
	    .thread = current, .ops = ops, .count = count, .pid = current->process->pid, .result = SEM_PENDING};
	struct ipc_object *object = ipc_find(&sem_table, id);
	bool undo = false;
	int result;

	if (!object)
		return -EINVAL;
	for (unsigned i = 0; i < count; i++) {
		if (ops[i].num >= sem_set_of(object)->count)
			return -EFBIG;
		undo |= !!(ops[i].flags & K_SEM_UNDO);
	}
	if (!ipc_allowed(object, alters(ops, count) ? IPC_WRITE : IPC_READ))
		return -EACCES;
	if (undo && !(w.undo = sem_undo_find(sem_set_of(object))))
		return -ENOMEM;
	result = apply(sem_set_of(object), &w);
	if (result == SEM_PENDING)
		return wait(sem_set_of(object), &w, deadline_ns);
	if (!result && alters(ops, count))
		sem_wake(sem_set_of(object));
	return result;
}
