/* SPDX-License-Identifier: Apache-2.0
 *
 * Threads as objects: ids, kernel stacks, birth and burial. A dead thread stands on its kernel stack until the switch
 * away from it; the kernel lock is held over that switch, so whoever looks at the list of the dead next may free the
 * stacks.
 */
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/proc/seccomp.h"
#include "guestkernel/proc/signal.h"

#define STACK_ORDER	   2   /* KERNEL_STACK_BYTES in pages */
#define FIRST_RECYCLED_TID 300 /* low ids belong to what booted the system */
_Static_assert(KERNEL_STACK_BYTES == PAGE_SIZE << STACK_ORDER, "stack order");

static struct thread *threads[PID_LIMIT];
static unsigned used;
u64 threads_made;
static int last_tid = 1; /* 1 is asked for by number */
static bool wrapped;
static struct list buried = LIST_INIT(buried); /* run_link: dead, but their stack may still be in use */

/* One allocation; the thread's signal queue is never without its thread. */
struct thread_block {
	struct thread thread;
	struct sigpending pending;
};

struct thread *thread_find(int tid)
{
	return tid > 0 && tid < PID_LIMIT ? threads[tid] : NULL;
}

unsigned threads_count(void)
{
	return used;
}

struct process *process_find(int pid)
{
	struct thread *t = thread_find(pid);

	return t && t->process && t->process->pid == pid ? t->process : NULL;
}

/* A number that a process group or session still bears cannot become a new process. */
static bool tid_is_group(int tid)
{
	struct process *p;

	list_for_each (p, &all_processes, all_link)
		if (p->pgid == tid || p->session->sid == tid)
			return true;
	return false;
}

static int tid_choose(void)
{
	int tries;

	for (tries = 0; tries < PID_LIMIT; tries++) {
		if (++last_tid >= PID_LIMIT) {
			last_tid = FIRST_RECYCLED_TID;
			wrapped = true;
		}
		if (!threads[last_tid] && !(wrapped && tid_is_group(last_tid)))
			return last_tid;
	}
	return -EAGAIN;
}

static unsigned fpu_order(void)
{
	unsigned order = 0;

	while (PAGE_SIZE << order < arch_fpu_bytes())
		order++;
	return order;
}

static int alloc_stack(struct thread *t)
{
	struct page *stack = page_alloc(STACK_ORDER, 0), *fpu = page_alloc(fpu_order(), ALLOC_ZERO);

	if (!stack || !fpu) {
		if (stack)
			page_put(stack);
		if (fpu)
			page_put(fpu);
		return -ENOMEM;
	}
	t->arch.stack_base = (u64)page_virt(stack);
	t->arch.fpu = page_virt(fpu);
	*(struct thread **)t->arch.stack_base = t;
	t->regs = (struct regs *)(t->arch.stack_base + KERNEL_STACK_BYTES) - 1;
	return 0;
}

static void free_stack(struct thread *t)
{
	if (!t->arch.stack_base)
		return;
	page_put(page_of(virt_to_phys((void *)t->arch.stack_base)));
	page_put(page_of(virt_to_phys(t->arch.fpu)));
	t->arch.stack_base = 0;
	t->arch.fpu = NULL;
	t->regs = NULL;
}

static void free_block(struct thread *t)
{
	free_stack(t);
	signal_flush(t->pending);
	cred_groups_put(t->cred.groups);
	seccomp_release(t);
	kfree(container_of(t, struct thread_block, thread));
}

/* Empties the list of the dead, except for whoever calls. */
static void exhume(void)
{
	struct thread *t, *tmp;

	list_for_each_safe (t, tmp, &buried, run_link) {
		if (t == current)
			continue;
		list_remove(&t->run_link);
		if (t->tid)
			free_stack(t);
		else
			free_block(t);
	}
}

struct thread *thread_alloc(int tid, int *error)
{
	struct thread_block *b;

	exhume();
	*error = -EEXIST;
	if (tid && (tid < 0 || tid >= PID_LIMIT || threads[tid]))
		return NULL;
	*error = -EAGAIN;
	if (!tid && (tid = tid_choose()) < 0)
		return NULL;
	*error = -ENOMEM;
	b = kzalloc(sizeof(*b));
	if (!b)
		return NULL;
	if (alloc_stack(&b->thread)) {
		kfree(b);
		return NULL;
	}
	list_init(&b->pending.queue);
	b->thread.pending = &b->pending;
	list_init(&b->thread.run_link);
	list_init(&b->thread.process_link);
	b->thread.affinity = ~0ull;
	b->thread.cred = cred_kernel;
	b->thread.tid = tid;
	threads[tid] = &b->thread;
	used++;
	threads_made++;
	*error = 0;
	return &b->thread;
}

void thread_bury(struct thread *t)
{
	list_append(&buried, &t->run_link);
}

void thread_free(struct thread *t)
{
	threads[t->tid] = NULL;
	used--;
	t->tid = 0;
	list_remove(&t->process_link);
	/* Still on its stack, or on the way off it: exhume() does the rest. */
	if (t == current || !list_empty(&t->run_link)) {
		if (list_empty(&t->run_link))
			thread_bury(t);
		return;
	}
	free_block(t);
}

void thread_rename(struct thread *t, int tid)
{
	threads[t->tid] = NULL;
	t->tid = tid;
	threads[tid] = t;
}

struct thread *kernel_thread(const char *name, void (*fn)(void *), void *arg)
{
	int error;
	struct thread *t = thread_alloc(0, &error);

	if (!t)
		return NULL;
	t->process = &kernel_process;
	ksnprintf(t->comm, sizeof(t->comm), "%s", name);
	arch_thread_init_kernel(t, fn, arg);
	sched_start(t, false);
	return t;
}
