/* SPDX-License-Identifier: Apache-2.0
 *
 * futex(2), futex_waitv(2), robust lists, membarrier(2).
 */
#include <linux/futex.h>
#include <linux/membarrier.h>
#include <linux/time.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/clock.h"
#include "guestkernel/proc/futex.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/signal.h"
#include "guestkernel/syscall/syscall.h"

/* FUTEX_WAIT takes a relative time; the others an absolute one, on CLOCK_MONOTONIC unless told otherwise. LOCK_PI has
 * always meant the wall clock. */
static int read_deadline(u32 command, bool realtime, u64 from, u64 *deadline)
{
	struct clock clock;
	u64 ns;
	int error;

	*deadline = 0;
	if (!from)
		return 0;
	error = timespec_from_user(user(from), &ns);
	if (error)
		return error;
	if (command == FUTEX_WAIT) {
		*deadline = deadline_after(ns);
		return 0;
	}
	realtime |= command == FUTEX_LOCK_PI;
	clock_decode(realtime ? CLOCK_REALTIME : CLOCK_MONOTONIC, &clock);
	*deadline = clock_to_boot_ns(&clock, ns);
	return 0;
}

/* restart_args: address, between processes, value, bitset, deadline. */
static long restart_wait(struct thread *t)
{
	u64 *r = t->restart_args;
	int error = futex_wait(r[0], r[1], (u32)r[2], (u32)r[3], r[4]);

	if (error != -ERESTARTSYS)
		return error;
	t->restart = restart_wait;
	return -ERESTART_RESTARTBLOCK;
}

static long wait(u64 addr, bool between_processes, u32 value, u32 bitset, u64 deadline)
{
	struct thread *t = current;

	if (!bitset)
		return -EINVAL;
	/* Without a time-out the call can simply be made again. */
	if (!deadline)
		return futex_wait(addr, between_processes, value, bitset, 0);
	t->restart_args[0] = addr;
	t->restart_args[1] = between_processes;
	t->restart_args[2] = value;
	t->restart_args[3] = bitset;
	t->restart_args[4] = deadline;
	return restart_wait(t);
}

static long wake(u64 addr, bool between_processes, int n, u32 bitset)
{
	struct futex_key key;
	int error = futex_key(addr, between_processes, &key);

	if (error || !bitset)
		return error ? error : -EINVAL;
	return futex_wake(&key, MAX(n, 1), bitset);
}

SYSCALL(futex)
{
	u32 command = (u32)b & (u32)FUTEX_CMD_MASK, value = (u32)c, value3 = (u32)f;
	bool between = !(b & FUTEX_PRIVATE_FLAG), realtime = b & FUTEX_CLOCK_REALTIME;
	u64 deadline = 0;
	int error = 0;

	if (command == FUTEX_WAIT || command == FUTEX_WAIT_BITSET || command == FUTEX_LOCK_PI ||
	    command == FUTEX_LOCK_PI2 || command == FUTEX_WAIT_REQUEUE_PI)
		error = read_deadline(command, realtime, d, &deadline);
	if (error)
		return error;
	if (realtime && command != FUTEX_WAIT_BITSET && command != FUTEX_WAIT_REQUEUE_PI && command != FUTEX_LOCK_PI2)
		return -ENOSYS;
	switch (command) {
	case FUTEX_WAIT:
		return wait(a, between, value, FUTEX_ANY, deadline);
	case FUTEX_WAIT_BITSET:
		return wait(a, between, value, value3, deadline);
	case FUTEX_WAKE:
		return wake(a, between, (int)value, FUTEX_ANY);
	case FUTEX_WAKE_BITSET:
		return wake(a, between, (int)value, value3);
	case FUTEX_REQUEUE:
	case FUTEX_CMP_REQUEUE:
		if ((int)value < 0 || (int)d < 0)
			return -EINVAL;
		return futex_requeue(a, e, between, (int)value, (int)d, command == FUTEX_CMP_REQUEUE ? &value3 : NULL);
	case FUTEX_WAKE_OP:
		return futex_wake_op(a, e, between, (int)value, (int)d, value3);
	case FUTEX_LOCK_PI:
	case FUTEX_LOCK_PI2:
		return futex_lock_pi(a, between, false, deadline);
	case FUTEX_TRYLOCK_PI:
		return futex_lock_pi(a, between, true, 0);
	case FUTEX_UNLOCK_PI:
		return futex_unlock_pi(a, between);
	case FUTEX_WAIT_REQUEUE_PI:
		return futex_wait_requeue_pi(a, e, between, value, deadline);
	case FUTEX_CMP_REQUEUE_PI:
		if ((int)value != 1 || (int)d < 0)
			return -EINVAL;
		return futex_cmp_requeue_pi(a, e, between, (int)d, value3);
	default: /* FUTEX_FD is gone */
		return -ENOSYS;
	}
}

/* struct futex_waitv; FUTEX_32 is size 2. */
struct k_futex_waitv {
	u64 value, addr;
	u32 flags, reserved;
};
#define WAITV_LIMIT   128
#define WAITV_32      2u
#define WAITV_PRIVATE 128u

static int waitv_enqueue(const struct k_futex_waitv *in, struct futex_waiter *w, u32 n)
{
	u32 i, *word;
	int error;

	for (i = 0; i < n; i++) {
		if ((in[i].flags & ~(WAITV_32 | WAITV_PRIVATE)) || (in[i].flags & 3) != WAITV_32 || in[i].reserved)
			return -EINVAL;
		error = futex_key(in[i].addr, !(in[i].flags & WAITV_PRIVATE), &w[i].key);
		if (!error)
			error = user_word(in[i].addr, false, &word);
		if (error)
			return error;
		/* Queued before it is compared with nothing in between that sleeps: no wake-up is lost. */
		w[i].thread = current;
		w[i].bitset = FUTEX_ANY;
		futex_enqueue(&w[i]);
		if (*word != (u32)in[i].value)
			return -EAGAIN;
	}
	return 0;
}

static int waitv_woken(struct futex_waiter *w, u32 n)
{
	u32 i;

	for (i = 0; i < n; i++)
		if (list_empty(&w[i].link))
			return (int)i;
	return -1;
}

static int waitv(const struct k_futex_waitv *in, struct futex_waiter *w, u32 n, u64 deadline)
{
	int woken = -1, error = waitv_enqueue(in, w, n);
	u32 i;

	while (!error && (woken = waitv_woken(w, n)) < 0)
		error = sched_sleep(true, deadline);
	for (i = 0; i < n; i++)
		if (w[i].link.next)
			futex_dequeue(&w[i]);
	return woken >= 0 ? woken : error;
}

SYSCALL(futex_waitv)
{
	struct k_futex_waitv *in;
	struct futex_waiter *waiters;
	struct clock clock;
	u64 ns, deadline = 0;
	int result;

	if (c || !b || b > WAITV_LIMIT || !a)
		return -EINVAL;
	if (d) {
		if ((int)e != CLOCK_REALTIME && (int)e != CLOCK_MONOTONIC)
			return -EINVAL;
		result = timespec_from_user(user(d), &ns);
		if (result)
			return result;
		clock_decode((int)e, &clock);
		deadline = clock_to_boot_ns(&clock, ns);
	}
	in = kcalloc(b, sizeof(*in));
	waiters = kcalloc(b, sizeof(*waiters));
	result = in && waiters ? copy_from_user(in, user(a), b * sizeof(*in)) : -ENOMEM;
	if (!result)
		result = waitv(in, waiters, (u32)b, deadline);
	kfree(in);
	kfree(waiters);
	return result;
}

SYSCALL(set_robust_list)
{
	if (b != 24) /* sizeof(struct robust_list_head) */
		return -EINVAL;
	current->robust_list = a;
	current->robust_list_len = b;
	return 0;
}

SYSCALL(get_robust_list)
{
	struct thread *t = (int)a ? thread_find((int)a) : current;
	u64 length = 24;

	if (!t || t->process == &kernel_process)
		return -ESRCH;
	if (t->process != current->process && signal_permission(t, 0))
		return -EPERM;
	if (put_user(user(b), t->robust_list) || put_user(user(c), length))
		return -EFAULT;
	return 0;
}

/* Commands of membarrier(2) that need a registration, and what registers for them. */
static const struct {
	u32 command, registration;
} barriers[] = {
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED},
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED_SYNC_CORE, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_SYNC_CORE},
    {MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED_RSEQ},
};

/* Threads of the process that run now, on the given CPU or on any, begin their restartable sequence again. */
static void abort_sequences(int cpu)
{
	struct thread *t;

	list_for_each (t, &current->process->threads, process_link) {
		if (t == current || (cpu >= 0 && t->cpu != cpu))
			continue;
		t->rseq_event = true;
		sched_poke(t);
	}
}

/* A shootdown interrupts every CPU that runs this address space and waits for it: the barrier that is asked for. An
 * interrupt returns by IRET, which serialises the core. */
static void barrier(void)
{
	pt_flush(&current->mm->pt, 0, PAGE_SIZE);
}

SYSCALL(membarrier)
{
	struct process *p = current->process;
	u32 command = (u32)a, i,
	    all = MEMBARRIER_CMD_GLOBAL | MEMBARRIER_CMD_GLOBAL_EXPEDITED | MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED;

	if (b && !(command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ && b == MEMBARRIER_CMD_FLAG_CPU))
		return -EINVAL;
	for (i = 0; i < ARRAY_SIZE(barriers); i++) {
		all |= barriers[i].command | barriers[i].registration;
		if (command == barriers[i].registration) {
			p->barriers |= barriers[i].command;
			return 0;
		}
		if (command != barriers[i].command)
			continue;
		if (!(p->barriers & command))
			return -EPERM;
		if (command == MEMBARRIER_CMD_PRIVATE_EXPEDITED_RSEQ)
			abort_sequences(b ? (int)c : -1);
		barrier();
		return 0;
	}
	switch (command) {
	case MEMBARRIER_CMD_QUERY:
		return all;
	case MEMBARRIER_CMD_REGISTER_GLOBAL_EXPEDITED:
		return 0;
	case MEMBARRIER_CMD_GLOBAL:
	case MEMBARRIER_CMD_GLOBAL_EXPEDITED:
		barrier();
		return 0;
	default:
		return -EINVAL;
	}
}
