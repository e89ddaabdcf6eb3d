/* SPDX-License-Identifier: Apache-2.0
 *
 * SEM_UNDO: what is added to semaphores when a process ends. The corrections of a process stand in a list that those
 * made with CLONE_SYSVSEM share; the last of them has them done.
 */
#include "guestkernel/ipc/sem.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"

struct sem_undo_list {
	u32 refs;
	struct list undos; /* struct sem_undo.process_link */
};

static u64 bytes_of(const struct sem_set *set)
{
	return sizeof(struct sem_undo) + set->count * sizeof(s16);
}

static struct sem_undo_list *list_of(struct process *p)
{
	struct sem_undo_list *list = p->sem_undo;

	if (list)
		return list;
	list = kzalloc(sizeof(*list));
	if (!list)
		return NULL;
	list->refs = 1;
	list_init(&list->undos);
	return p->sem_undo = list;
}

struct sem_undo *sem_undo_find(struct sem_set *set)
{
	struct sem_undo_list *list = list_of(current->process);
	struct sem_undo *undo;

	if (!list)
		return NULL;
	list_for_each (undo, &list->undos, process_link)
		if (undo->set == set)
			return undo;
	if (!ipc_charge(bytes_of(set)))
		return NULL;
	undo = kzalloc(bytes_of(set));
	if (!undo) {
		ipc_uncharge(bytes_of(set));
		return NULL;
	}
	undo->set = set;
	list_append(&list->undos, &undo->process_link);
	list_append(&set->undos, &undo->set_link);
	return undo;
}

static void undo_free(struct sem_undo *undo)
{
	ipc_uncharge(bytes_of(undo->set));
	list_remove(&undo->process_link);
	list_remove(&undo->set_link);
	kfree(undo);
}

void sem_undo_clear(struct sem_set *set, int num)
{
	struct sem_undo *undo;

	list_for_each (undo, &set->undos, set_link) {
		if (num < 0)
			memset(undo->adjust, 0, set->count * sizeof(s16));
		else
			undo->adjust[num] = 0;
	}
}

void sem_undo_drop(struct sem_set *set)
{
	struct sem_undo *undo, *next;

	list_for_each_safe (undo, next, &set->undos, set_link)
		undo_free(undo);
}

int sem_undo_share(struct process *child)
{
	struct sem_undo_list *list = list_of(current->process);

	if (!list)
		return -ENOMEM;
	list->refs++;
	child->sem_undo = list;
	return 0;
}

static void correct(struct sem_undo *undo, int pid)
{
	struct sem_set *set = undo->set;

	for (unsigned i = 0; i < set->count; i++) {
		struct sem *sem = &set->sems[i];

		if (!undo->adjust[i])
			continue;
		/* Linux leaves a value at its bounds rather than refuse: the process is gone. */
		sem->value = MIN(MAX(sem->value + undo->adjust[i], 0), K_SEMVMX);
		sem->pid = pid;
		set->otime = ipc_now();
	}
	undo_free(undo);
	sem_wake(set);
}

void sem_undo_leave(struct process *p)
{
	struct sem_undo_list *list = p->sem_undo;
	struct sem_undo *undo, *next;

	p->sem_undo = NULL;
	if (!list || --list->refs)
		return;
	list_for_each_safe (undo, next, &list->undos, process_link)
		correct(undo, p->pid);
	kfree(list);
}
