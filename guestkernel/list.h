/* SPDX-License-Identifier: Apache-2.0
 *
 * Circular doubly linked list, linked through a member of the element.
 */
#ifndef GUESTKERNEL_LIST_H
#define GUESTKERNEL_LIST_H

#include "guestkernel/types.h"

struct list {
	struct list *next, *prev;
};

#define LIST_INIT(name)                                                                                                \
	{                                                                                                              \
		&(name), &(name)                                                                                       \
	}

static inline void list_init(struct list *l)
{
	l->next = l->prev = l;
}
static inline bool list_empty(const struct list *l)
{
	return l->next == l;
}
static inline void list_insert_between(struct list *e, struct list *prev, struct list *next)
{
	e->prev = prev;
	e->next = next;
	prev->next = e; /* NOLINT(clang-analyzer-core.NullDereference): links are never NULL */
	next->prev = e;
}
/* Adds e right after the head. */
static inline void list_push(struct list *head, struct list *e)
{
	list_insert_between(e, head, head->next);
}
/* Adds e at the end. */
static inline void list_append(struct list *head, struct list *e)
{
	list_insert_between(e, head->prev, head);
}
/* Removes e; e is then an empty list, so that removing twice is harmless. */
static inline void list_remove(struct list *e)
{
	e->prev->next = e->next;
	e->next->prev = e->prev;
	list_init(e);
}

#define list_entry(ptr, type, member)  container_of(ptr, type, member)
#define list_first(head, type, member) list_entry((head)->next, type, member)
#define list_last(head, type, member)  list_entry((head)->prev, type, member)
#define list_for_each(pos, head, member)                                                                               \
	for (pos = list_first(head, __typeof__(*pos), member); &pos->member != (head);                                 \
	     pos = list_first(&pos->member, __typeof__(*pos), member))
/* pos may be removed (and freed) in the body. */
#define list_for_each_safe(pos, tmp, head, member)                                                                     \
	for (pos = list_first(head, __typeof__(*pos), member),                                                         \
	    tmp = list_first(&pos->member, __typeof__(*pos), member);                                                  \
	     &pos->member != (head); pos = tmp, tmp = list_first(&tmp->member, __typeof__(*tmp), member))

#endif
