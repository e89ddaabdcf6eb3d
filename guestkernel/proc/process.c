/* SPDX-License-Identifier: Apache-2.0
 *
 * Processes as objects: creation, family, references, pid 1, the victim when memory is out.
 */
#include <asm/signal.h>
#include "guestkernel/fs/vfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/cpu_timer.h"
#include "guestkernel/proc/exec.h"
#include "guestkernel/proc/signal.h"

struct list all_processes = LIST_INIT(all_processes);
struct process *init_process;

static struct session kernel_session = {.refs = 1};
struct process kernel_process = {
    .refs = 1,
    .children = LIST_INIT(kernel_process.children),
    .sibling = LIST_INIT(kernel_process.sibling),
    .all_link = LIST_INIT(kernel_process.all_link),
    .threads = LIST_INIT(kernel_process.threads),
    .cpu_timers = LIST_INIT(kernel_process.cpu_timers),
    .posix_timers = LIST_INIT(kernel_process.posix_timers),
    .session = &kernel_session,
};

/* One allocation for what a process is never without. */
struct process_block {
	struct process process;
	struct sigpending pending;
	struct cpu_timer cpu_limit;
};

static void default_limits(struct k_rlimit *r)
{
	int i;

	for (i = 0; i < 16; i++)
		r[i] = (struct k_rlimit){K_RLIM_INFINITY, K_RLIM_INFINITY};
	r[3] = (struct k_rlimit){8 << 20, K_RLIM_INFINITY};	   /* STACK */
	r[4] = (struct k_rlimit){0, K_RLIM_INFINITY};		   /* CORE */
	r[6] = (struct k_rlimit){PID_LIMIT / 2, PID_LIMIT / 2};	   /* NPROC */
	r[7] = (struct k_rlimit){1024, FD_LIMIT};		   /* NOFILE */
	r[8] = (struct k_rlimit){8 << 20, 8 << 20};		   /* MEMLOCK */
	r[11] = (struct k_rlimit){SIGQUEUE_LIMIT, SIGQUEUE_LIMIT}; /* SIGPENDING */
	r[12] = (struct k_rlimit){819200, 819200};		   /* MSGQUEUE */
	r[13] = r[14] = (struct k_rlimit){0, 0};		   /* NICE, RTPRIO */
}

void session_put(struct session *s)
{
	if (s && !--s->refs)
		kfree(s);
}

int session_create(struct process *p)
{
	struct session *s;
	struct process *other;

	list_for_each (other, &all_processes, all_link)
		if (other->pgid == p->pid)
			return -EPERM;
	s = kzalloc(sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->refs = 1;
	s->sid = p->pgid = p->pid;
	session_put(p->session);
	p->session = s;
	p->left_tty = false;
	return 0;
}

static void init_lists(struct process *p)
{
	list_init(&p->children);
	list_init(&p->sibling);
	list_init(&p->threads);
	list_init(&p->posix_timers);
	list_init(&p->cpu_timers);
	wait_queue_init(&p->child_wait);
	wait_queue_init(&p->exit_wait);
}

/* What fork(2) inherits of scalars. */
static void inherit(struct process *p, const struct process *from)
{
	memcpy(p->rlimit, from->rlimit, sizeof(p->rlimit));
	p->personality = from->personality;
	p->filtered = from->filtered;
	p->oom_score_adj = from->oom_score_adj;
	p->oom_score_adj_min = from->oom_score_adj_min;
	p->dumpable = from->dumpable;
	p->left_tty = from->left_tty;
}

struct process *process_alloc(struct thread *leader, struct process *parent)
{
	struct process_block *b = kzalloc(sizeof(*b));
	struct process *p;

	if (!b)
		return NULL;
	p = &b->process;
	init_lists(p);
	list_init(&b->pending.queue);
	p->pending = &b->pending;
	p->cpu_limit = &b->cpu_limit;
	p->dumpable = true;
	if (parent)
		inherit(p, parent);
	else
		default_limits(p->rlimit);
	p->refs = 1;
	p->pid = leader->tid;
	p->pgid = parent ? parent->pgid : 0;
	p->session = parent ? parent->session : &kernel_session;
	p->session->refs++;
	p->parent = parent;
	p->parent_thread = parent ? current : NULL;
	p->start_ns = time_boot_ns();
	p->exit_signal = SIGCHLD;
	p->leader = leader;
	p->thread_count = 1;
	leader->process = p;
	list_append(&p->threads, &leader->process_link);
	list_append(&all_processes, &p->all_link);
	if (parent)
		list_append(&parent->children, &p->sibling);
	return p;
}

void process_unlink(struct process *p)
{
	p->dead = true;
	p->parent = NULL;
	list_remove(&p->sibling);
	list_remove(&p->all_link);
	if (p->leader) {
		p->leader->process = &kernel_process;
		thread_free(p->leader);
	}
	p->leader = NULL;
	process_put(p);
}

struct thread *process_thread(struct process *p)
{
	struct thread *t;

	list_for_each (t, &p->threads, process_link)
		if (t->state != THREAD_DEAD)
			return t;
	return NULL;
}

void process_get(struct process *p)
{
	p->refs++;
}

void process_put(struct process *p)
{
	if (--p->refs)
		return;
	cpu_timers_end(p);
	signal_flush(p->pending);
	sighand_put(p->sighand);
	session_put(p->session);
	kfree(p->itimer_cpu);
	kfree(container_of(p, struct process_block, process));
}

/* Descriptors 0, 1, 2 of pid 1, as Linux gives it. It is no error when there is no console. */
static void open_console(void)
{
	struct file *console;
	int i;

	if (file_open(-100 /* AT_FDCWD */, "/dev/console", 2 /* O_RDWR */, 0, &console))
		return;
	for (i = 0; i < 3; i++) {
		file_get(console);
		if (fd_install(console, 0, false) < 0)
			file_put(console);
	}
	file_put(console);
}

static int start_init(struct process *p, struct thread *t, const char *path)
{
	char *argv[] = {(char *)path, NULL}, *envp[] = {"HOME=/", "TERM=linux", NULL};
	struct exec_args args = {argv, envp, 1, 2, 0};
	struct exec_image image = {0};
	struct regs regs = {.orig_rax = (u64)-1, .cs = BOOT_USER_CS, .ss = BOOT_USER_DS, .rflags = 0x202};
	int error;

	p->files = files_create();
	p->fs = fs_ctx_create();
	p->sighand = sighand_create();
	if (!p->files || !p->fs || !p->sighand)
		return -ENOMEM;
	open_console();
	error = exec_load(-100, path, 0, &args, &image);
	if (error)
		return error;
	t->mm = image.mm;
	regs.rip = image.entry;
	regs.rsp = image.stack;
	ksnprintf(t->comm, sizeof(t->comm), "%s", image.comm);
	arch_thread_init_user(t, &regs);
	return 0;
}

/* pid 1 must still be able to report when its job has used up all memory. */
static bool is_init(void)
{
	return current->process == init_process;
}

int process_start_init(const char *path)
{
	struct process *p, *boot_process = current->process;
	struct thread *t;
	int error;

	t = thread_alloc(1, &error);
	if (!t)
		return error;
	p = process_alloc(t, NULL);
	if (!p)
		return -ENOMEM;
	/* Paths and descriptors are looked up in the current process: that is pid 1 for the moment. */
	current->process = p;
	error = start_init(p, t, path);
	current->process = boot_process;
	if (error)
		return error; /* nothing is freed: there is no system without pid 1 */
	init_process = p;
	page_reserve_user = is_init;
	shared->stats.tsc_agent = arch_tsc();
	sched_start(t, false);
	return 0;
}

static struct mm *process_mm(struct process *p)
{
	struct thread *t = process_thread(p);

	return t ? t->mm : NULL;
}

/* Whether nobody but the threads of p uses its address space. */
static bool owns_mm(struct process *p, const struct mm *mm)
{
	struct thread *t;
	u32 users = 0;

	list_for_each (t, &p->threads, process_link)
		users += t->mm == mm;
	return users == mm->refs;
}

/* Memory comes back at once, not when the victim gets a CPU: many others may want one. */
static void kill_victim(struct process *p)
{
	struct mm *mm = process_mm(p);

	shared->stats.oom_kills++;
	process_kill(p, SIGKILL);
	if (p != current->process && owns_mm(p, mm))
		mm_reap(mm);
}

bool oom_kill(void)
{
	static struct process *last; /* a reference */
	struct process *p, *victim = NULL;
	s64 score, most = 0;

	if (last && !last->zombie && process_mm(last))
		return true; /* still on its way: no need to look through all of them each time somebody asks */
	list_for_each (p, &all_processes, all_link) {
		if (p == init_process || !process_mm(p) || p->oom_score_adj <= -1000)
			continue;
		if (p->exiting) /* memory is on its way back */
			return true;
		score = (s64)mm_rss_pages(process_mm(p)) + 1;
		if (score > most) {
			most = score;
			victim = p;
		}
	}
	if (!victim)
		return false;
	klog("out of memory: %s (pid %d) with %ld pages is killed\n", process_thread(victim)->comm, victim->pid,
	     (long)most);
	process_get(victim);
	if (last)
		process_put(last);
	last = victim;
	kill_victim(victim);
	return true;
}
