/* SPDX-License-Identifier: Apache-2.0
 *
 * Futex wait queues: a hash table of waiters. The kernel lock makes "compare and sleep" and "change and wake" atomic.
 */
#include <linux/futex.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/futex.h"

#define BUCKETS 256

static struct list buckets[BUCKETS];

static struct list *bucket(const struct futex_key *key)
{
	u64 h = (key->addr >> 2) * 0x9e3779b97f4a7c15ull ^ (u64)key->mm >> 4;
	struct list *b = &buckets[(h ^ h >> 32) % BUCKETS];

	if (!b->next)
		list_init(b);
	return b;
}

static bool same(const struct futex_key *a, const struct futex_key *b)
{
	return a->mm == b->mm && a->addr == b->addr;
}

int futex_key(u64 addr, bool between_processes, struct futex_key *key)
{
	struct mm *mm = current->mm;
	struct vma *vma;
	u32 *word;
	int error;

	if (addr % 4)
		return -EINVAL;
	if (addr >= USER_END)
		return -EFAULT;
	*key = (struct futex_key){mm, addr};
	if (!between_processes)
		return 0;
	/* Only memory that another address space can hold too needs a name beyond this one. */
	vma = mm_find(mm, addr);
	if (!vma || addr < vma->start || !(vma->prot & PROT_READ))
		return -EFAULT;
	if (!(vma->flags & VMA_SHARED)) /* nobody can ever change a word of anonymous memory that is read-only */
		return vma->file || (vma->prot & PROT_WRITE) ? 0 : -EFAULT;
	error = user_word(addr, false, &word);
	if (error)
		return error;
	*key = (struct futex_key){NULL, virt_to_phys(word)};
	return 0;
}

void futex_enqueue(struct futex_waiter *w)
{
	list_append(bucket(&w->key), &w->link);
}

void futex_dequeue(struct futex_waiter *w)
{
	list_remove(&w->link);
}

struct futex_waiter *futex_first(const struct futex_key *key)
{
	struct futex_waiter *w;

	list_for_each (w, bucket(key), link)
		if (same(&w->key, key))
			return w;
	return NULL;
}

static void wake(struct futex_waiter *w)
{
	list_remove(&w->link);
	sched_wake(w->thread);
}

int futex_wake(const struct futex_key *key, int n, u32 bitset)
{
	struct futex_waiter *w, *tmp;
	int woken = 0;

	list_for_each_safe (w, tmp, bucket(key), link) {
		if (woken >= n)
			break;
		if (!same(&w->key, key) || !(w->bitset & bitset))
			continue;
		if (w->pi)
			return -EINVAL; /* those are woken by UNLOCK_PI alone */
		wake(w);
		woken++;
	}
	return woken;
}

int futex_enqueue_if(struct futex_waiter *w, u64 addr, u32 value)
{
	u32 *word;
	int error = user_word(addr, false, &word); /* good only until the next sleep */

	if (error)
		return error;
	if (*word != value)
		return -EAGAIN;
	futex_enqueue(w);
	return 0;
}

int futex_wait(u64 addr, bool between_processes, u32 value, u32 bitset, u64 deadline_ns)
{
	struct futex_waiter w = {.thread = current, .bitset = bitset};
	int error = futex_key(addr, between_processes, &w.key);

	if (!error)
		error = futex_enqueue_if(&w, addr, value);
	if (error)
		return error;
	while (!list_empty(&w.link) && !error)
		error = sched_sleep(true, deadline_ns);
	if (list_empty(&w.link))
		return 0;
	futex_dequeue(&w);
	return error;
}

int futex_requeue(u64 from, u64 to, bool between_processes, int nwake, int nmove, const u32 *expected)
{
	struct futex_key a, b;
	struct futex_waiter *w, *tmp;
	u32 *word;
	int woken = 0, moved = 0, error = futex_key(from, between_processes, &a);

	if (!error)
		error = futex_key(to, between_processes, &b);
	if (!error && expected)
		error = user_word(from, false, &word);
	if (error)
		return error;
	if (expected && *word != *expected)
		return -EAGAIN;
	list_for_each_safe (w, tmp, bucket(&a), link) {
		if (!same(&w->key, &a))
			continue;
		if (w->pi)
			return -EINVAL;
		if (woken < nwake) {
			wake(w);
			woken++;
		} else if (moved < nmove) {
			if (same(&a, &b)) {
				moved++;
				continue;
			}
			list_remove(&w->link);
			w->key = b;
			futex_enqueue(w);
			moved++;
		} else {
			break;
		}
	}
	return woken + moved;
}

static u32 apply(u32 old, u32 op, u32 arg, bool *bad)
{
	switch (op & 7) {
	case FUTEX_OP_SET:
		return arg;
	case FUTEX_OP_ADD:
		return old + arg;
	case FUTEX_OP_OR:
		return old | arg;
	case FUTEX_OP_ANDN:
		return old & ~arg;
	case FUTEX_OP_XOR:
		return old ^ arg;
	default:
		*bad = true;
		return old;
	}
}

static bool compare(s32 old, u32 cmp, s32 arg, bool *bad)
{
	switch (cmp) {
	case FUTEX_OP_CMP_EQ:
		return old == arg;
	case FUTEX_OP_CMP_NE:
		return old != arg;
	case FUTEX_OP_CMP_LT:
		return old < arg;
	case FUTEX_OP_CMP_LE:
		return old <= arg;
	case FUTEX_OP_CMP_GT:
		return old > arg;
	case FUTEX_OP_CMP_GE:
		return old >= arg;
	default:
		*bad = true;
		return false;
	}
}

static s32 sign_extend_12(u32 v)
{
	return (s32)(v << 20) >> 20;
}

int futex_wake_op(u64 addr1, u64 addr2, bool between_processes, int nwake1, int nwake2, u32 op)
{
	struct futex_key a, b;
	u32 *word, old, arg = (u32)sign_extend_12(op >> 12 & 0xfff);
	bool bad = false, also;
	int woken, error = futex_key(addr1, between_processes, &a);

	if (!error)
		error = futex_key(addr2, between_processes, &b);
	if (!error)
		error = user_word(addr2, true, &word);
	if (error)
		return error;
	if (op >> 28 & FUTEX_OP_OPARG_SHIFT) /* bit 3 of the operation */
		arg = 1u << (arg & 31);
	/* The program changes the word on other CPUs without the kernel's lock. */
	old = __atomic_load_n(word, __ATOMIC_SEQ_CST);
	while (!__atomic_compare_exchange_n(word, &old, apply(old, op >> 28, arg, &bad), false, __ATOMIC_SEQ_CST,
					    __ATOMIC_SEQ_CST))
		;
	also = compare((s32)old, op >> 24 & 15, sign_extend_12(op & 0xfff), &bad);
	if (bad)
		return -ENOSYS;
	woken = futex_wake(&a, nwake1, FUTEX_ANY);
	if (woken >= 0 && also) {
		error = futex_wake(&b, nwake2, FUTEX_ANY);
		return error < 0 ? error : woken + error;
	}
	return woken;
}
