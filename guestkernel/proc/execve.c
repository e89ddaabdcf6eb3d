/* SPDX-License-Identifier: Apache-2.0
 *
 * execve: the switch of the current process to a new program that exec.c has built. From dethreading on it cannot fail.
 */
#include <asm/signal.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/exec.h"
#include "guestkernel/proc/signal.h"

#define CAP_FULL_SET ((1ull << 41) - 1)

/* Ends all other threads. The one that is left becomes the leader, with the process's id. */
static int dethread(struct process *p)
{
	struct thread *t, *old = p->leader;

	if (p->exiting || p->exec_thread)
		return -EAGAIN;
	p->exec_thread = current;
	list_for_each (t, &p->threads, process_link)
		if (t != current && t->state != THREAD_DEAD)
			thread_kill(t);
	while (p->thread_count > 1)
		if (sched_sleep_killable())
			break;
	p->exec_thread = NULL;
	if (p->thread_count > 1)
		return -EINTR;
	if (old == current)
		return 0;
	thread_free(old);
	thread_rename(current, p->pid);
	p->leader = current;
	return 0;
}

/* What is shared with other processes becomes the program's own. */
static int unshare(struct process *p, struct files **files, struct sighand **sighand)
{
	*files = files_shared(p->files) ? files_clone(p->files) : NULL;
	*sighand = p->sighand->refs > 1 ? sighand_clone(p->sighand) : NULL;
	if ((files_shared(p->files) && !*files) || (p->sighand->refs > 1 && !*sighand)) {
		if (*files)
			files_put(*files);
		sighand_put(*sighand);
		return -ENOMEM;
	}
	return 0;
}

static void change_ids(struct cred *c, const struct exec_image *image)
{
	c->euid = c->suid = c->fsuid = image->euid;
	c->egid = c->sgid = c->fsgid = image->egid;
	if (image->setid)
		c->cap_ambient = 0;
	if (!(c->securebits & 1) && (c->uid == 0 || c->euid == 0)) { /* SECBIT_NOROOT */
		c->cap_permitted = (c->cap_bounding | c->cap_inheritable) & CAP_FULL_SET;
		c->cap_effective = c->euid == 0 ? c->cap_permitted : c->cap_ambient;
	} else {
		c->cap_permitted = c->cap_effective = c->cap_ambient;
	}
	c->securebits &= ~16u; /* SECBIT_KEEP_CAPS */
}

static void reset_thread(struct thread *t, const struct exec_image *image)
{
	memcpy(t->comm, image->comm, sizeof(t->comm));
	t->altstack_sp = t->altstack_size = 0;
	t->altstack_flags = 0;
	t->clear_child_tid = t->robust_list = t->rseq = 0;
	t->restart = NULL;
	if (image->setid)
		t->pdeathsig = 0;
}

static void switch_mm(struct thread *t, struct mm *mm)
{
	struct mm *old = t->mm;

	futex_exit(t);
	t->process->rss_peak_pages = 0;
	t->mm = mm;
	arch_activate_mm(mm);
	vfork_release(t);
	if (old)
		mm_put(old);
}

int process_exec(int dirfd, const char *path, int at_flags, struct exec_args *args)
{
	struct thread *t = current;
	struct process *p = t->process;
	struct exec_image image = {0};
	struct files *files;
	struct sighand *sighand;
	int error = exec_load(dirfd, path, at_flags, args, &image);

	if (error)
		return error;
	error = unshare(p, &files, &sighand);
	if (error) {
		mm_put(image.mm);
		return error;
	}
	error = dethread(p);
	if (error) {
		mm_put(image.mm);
		if (files)
			files_put(files);
		sighand_put(sighand);
		return error;
	}
	if (files) {
		files_put(p->files);
		p->files = files;
	}
	if (sighand) {
		sighand_put(p->sighand);
		p->sighand = sighand;
	}
	switch_mm(t, image.mm);
	files_close_on_exec(p->files);
	sighand_reset(p->sighand);
	posix_timers_delete(p);
	change_ids(&t->cred, &image);
	reset_thread(t, &image);
	p->dumpable = !image.setid;
	p->did_exec = true;
	p->filtered |= p != init_process;
	p->barriers = 0;
	arch_exec_user(t->regs, image.entry, image.stack);
	if (p != init_process && !shared->stats.tsc_exec)
		shared->stats.tsc_exec = arch_tsc();
	return 0;
}
