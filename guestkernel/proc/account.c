/* SPDX-License-Identifier: Apache-2.0
 *
 * CPU time accounting.
 */
#include "guestkernel/proc/account.h"

void account_enter_kernel(void)
{
	struct thread *t = current;
	u64 now = time_boot_ns();

	t->user_ns += now - t->mark_ns;
	t->mark_ns = now;
	t->in_kernel = true;
}

void account_leave_kernel(void)
{
	struct thread *t = current;
	u64 now = time_boot_ns();

	t->system_ns += now - t->mark_ns;
	t->mark_ns = now;
	t->in_kernel = false;
}

/* What the calling thread has used since it entered the kernel; other CPUs' threads lag by their last entry. */
static u64 uncharged(const struct thread *t)
{
	return t == current && t->in_kernel ? time_boot_ns() - t->mark_ns : 0;
}

u64 thread_cpu_ns(const struct thread *t)
{
	return t->user_ns + t->system_ns + uncharged(t);
}

u64 process_user_ns(const struct process *p)
{
	struct thread *t;
	u64 sum = p->user_ns;

	list_for_each (t, &p->threads, process_link)
		if (t->state != THREAD_DEAD)
			sum += t->user_ns;
	return sum;
}

u64 process_system_ns(const struct process *p)
{
	struct thread *t;
	u64 sum = p->system_ns;

	list_for_each (t, &p->threads, process_link)
		if (t->state != THREAD_DEAD)
			sum += t->system_ns + uncharged(t);
	return sum;
}
