/* SPDX-License-Identifier: Apache-2.0
 *
 * Restartable sequences (rseq(2)): a thread that comes back to its program after it was switched or is about to run a
 * handler finds the number of its CPU in its registered area, and, if it stood in a critical section, goes on at that
 * section's abort handler.
 */
#include <asm/signal.h>
#include <asm/siginfo.h>
#include <linux/rseq.h>
#include "guestkernel/lib.h"
#include "guestkernel/mm/uaccess.h"
#include "guestkernel/proc/rseq.h"
#include "guestkernel/proc/signal.h"

#define FIELD(t, name) user((t)->rseq + offsetof(struct rseq, name))

/* struct rseq_cs */
struct section {
	u32 version, flags;
	u64 start, length, abort;
};

/* Reads the section that the area names; 1 there is one, 0 none, or a negative errno for one that cannot be. */
static int read_section(const struct thread *t, struct section *s)
{
	u64 at;
	u32 signature;

	if (get_user(at, FIELD(t, rseq_cs)))
		return -EFAULT;
	if (!at)
		return 0;
	if (get_user(*s, user(at)) || get_user(signature, user(s->abort - sizeof(signature))))
		return -EFAULT;
	if (s->version || s->flags || s->start >= USER_END || s->length > USER_END - s->start || s->abort >= USER_END ||
	    s->abort - s->start < s->length || signature != t->rseq_sig)
		return -EINVAL;
	return 1;
}

static int leave_section(struct thread *t, struct regs *regs)
{
	struct section s;
	u64 none = 0;
	int found = read_section(t, &s);

	if (found <= 0)
		return found;
	if (put_user(FIELD(t, rseq_cs), none))
		return -EFAULT;
	if (regs->rip - s.start < s.length)
		regs->rip = s.abort;
	return 0;
}

static int write_ids(const struct thread *t, u32 start, u32 cpu)
{
	u32 ids[2] = {start, cpu};

	_Static_assert(offsetof(struct rseq, cpu_id) == offsetof(struct rseq, cpu_id_start) + 4, "written as one");
	return copy_to_user(FIELD(t, cpu_id_start), ids, sizeof(ids));
}

void rseq_settle(struct regs *regs)
{
	struct thread *t = current;

	t->rseq_event = false;
	/* The area may have to be faulted in, and the thread be switched meanwhile: then all of it is done again. */
	if (leave_section(t, regs) || write_ids(t, (u32)arch_cpu(), (u32)arch_cpu()))
		signal_fault(SIGSEGV, SI_KERNEL, 0);
}

int rseq_register(u64 area, u32 length, u32 signature)
{
	struct thread *t = current;

	if (t->rseq)
		return t->rseq != area || t->rseq_len != length ? -EINVAL : t->rseq_sig != signature ? -EPERM : -EBUSY;
	if (length < RSEQ_BYTES || area % RSEQ_BYTES)
		return -EINVAL;
	if (area >= USER_END || length > USER_END - area)
		return -EFAULT;
	t->rseq = area;
	t->rseq_len = length;
	t->rseq_sig = signature;
	t->rseq_event = true;
	return 0;
}

int rseq_unregister(u64 area, u32 length, u32 signature)
{
	struct thread *t = current;

	if (!t->rseq || t->rseq != area || t->rseq_len != length)
		return -EINVAL;
	if (t->rseq_sig != signature)
		return -EPERM;
	if (write_ids(t, 0, (u32)RSEQ_CPU_ID_UNINITIALIZED))
		return -EFAULT;
	t->rseq = 0;
	return 0;
}
