/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns /proc/PID and /proc/PID/task/TID: the tables, and the files about identity and state. Links and descriptors are
 * in proc_link.c, memory maps in proc_mem.c. Formats: proc(5).
 */
#include <linux/capability.h>
#include <linux/sched.h>
#include "guestkernel/fs/inode.h"
#include "guestkernel/fs/proc_pid.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/mm/vm.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/signal.h"

#define TICK_NS 10000000ul /* USER_HZ is 100 */

struct thread *proc_thread(const struct proc_ref *ref)
{
	if (ref->tid)
		return thread_find(ref->tid);
	struct thread *t = process_thread(ref->process);
	return t ? t : ref->process->leader;
}

const struct cred *proc_cred(const struct proc_ref *ref)
{
	const struct thread *t = ref->tid ? thread_find(ref->tid) : NULL;
	if (!ref->process)
		return &cred_kernel;
	return t ? &t->cred : process_cred(ref->process);
}

bool proc_may_inspect(const struct process *p)
{
	const struct cred *c = process_cred(p);
	u32 uid = fs_uid(), gid = fs_gid();
	if (p == current->process)
		return true;
	if (p->dumpable && uid == c->uid && uid == c->euid && uid == c->suid && gid == c->gid && gid == c->egid &&
	    gid == c->sgid)
		return true;
	return fs_capable(CAP_SYS_PTRACE);
}

/* ---- state ---- */

static const char *state_of(const struct process *p, const struct thread *t)
{
	if (p->zombie)
		return "Z (zombie)";
	if (p->stopped)
		return "T (stopped)";
	switch (t ? t->state : THREAD_DEAD) {
	case THREAD_RUNNING:
		return "R (running)";
	case THREAD_SLEEPING:
		return "S (sleeping)";
	case THREAD_BLOCKED:
		return "D (disk sleep)";
	case THREAD_STOPPED:
		return "T (stopped)";
	case THREAD_DEAD:
		break;
	}
	return "X (dead)";
}

struct signal_sets {
	u64 pending, shared, blocked, ignored, caught;
};

static struct signal_sets signals_of(const struct process *p, const struct thread *t)
{
	struct signal_sets s = {0};
	if (t) {
		s.blocked = t->sigmask;
		s.pending = t->pending ? t->pending->set : 0;
	}
	s.shared = p->pending ? p->pending->set : 0;
	for (int i = 0; p->sighand && i < 64; i++) {
		u64 handler = p->sighand->action[i].handler;
		s.ignored |= (u64)(handler == 1) << i;
		s.caught |= (u64)(handler > 1) << i;
	}
	return s;
}

static int parent_pid(const struct process *p)
{
	return p->parent ? p->parent->pid : 0;
}

unsigned seccomp_count(const struct thread *t) __attribute__((weak));				/* proc/seccomp.h */
void tty_of_process(const struct process *p, u64 *rdev, int *foreground) __attribute__((weak)); /* drv/tty.h */

struct segments {
	u64 code, code_end, data, data_end;
};

/* Where the program's own code and initialised data are; 0: it has no memory any more. */
static struct segments segments_of(const struct mm *mm)
{
	struct segments s = {0};
	struct vma *vma;
	if (!mm)
		return s;
	list_for_each (vma, &mm->vmas, link) {
		bool code = vma->prot & PROT_EXEC;
		if (!vma->file || !mm->exe || vma->file->inode != mm->exe->inode || !(code || vma->prot & PROT_WRITE))
			continue;
		u64 *start = code ? &s.code : &s.data;
		*start = *start ? *start : vma->start;
		*(code ? &s.code_end : &s.data_end) = vma->end;
	}
	return s;
}

static void show_stat(struct text *t, const struct proc_ref *ref)
{
	u64 tty = 0;
	int foreground = -1;
	const struct process *p = ref->process;
	const struct thread *th = proc_thread(ref);
	const struct mm *mm = th ? th->mm : NULL;
	struct signal_sets s = signals_of(p, th);
	u64 user_ns = !ref->tid ? process_user_ns(p) : th ? th->user_ns : 0;
	u64 system_ns = !ref->tid ? process_system_ns(p) : th ? th->system_ns : 0;
	struct segments at = segments_of(mm);
	if (tty_of_process)
		tty_of_process(p, &tty, &foreground);
	text_printf(t, "%d (%s) %c %d %d %d %d %d %u ", ref->tid ? ref->tid : p->pid, th ? th->comm : "",
		    state_of(p, th)[0], parent_pid(p), p->pgid, p->session ? p->session->sid : 0, (int)tty, foreground,
		    0x400000);
	text_printf(t, "%lu %lu %lu %lu ", p->minor_faults + (th ? th->minor_faults : 0), p->child_minor,
		    p->major_faults + (th ? th->major_faults : 0), p->child_major);
	text_printf(t, "%lu %lu %lu %lu ", user_ns / TICK_NS, system_ns / TICK_NS, p->child_user_ns / TICK_NS,
		    p->child_system_ns / TICK_NS);
	text_printf(t, "%d %d %u 0 %lu ", th && th->rt_priority ? -1 - th->rt_priority : 20 + (th ? th->nice : 0),
		    th ? th->nice : 0, p->thread_count, p->start_ns / TICK_NS);
	text_printf(t, "%lu %lu %lu ", mm ? mm->total_pages * PAGE_SIZE : 0, mm ? mm_rss_pages(mm) : 0,
		    p->rlimit[5].cur);
	text_printf(t, "%lu %lu %lu 0 0 ", at.code, at.code_end, mm ? mm->stack_top : 0);
	text_printf(t, "%lu %lu %lu %lu 0 0 0 ", s.pending & 0x7fffffff, s.blocked & 0x7fffffff, s.ignored & 0x7fffffff,
		    s.caught & 0x7fffffff);
	text_printf(t, "%d %d %d %d 0 0 0 ", p->exit_signal, th ? th->cpu : 0, th ? th->rt_priority : 0,
		    th ? th->policy & ~SCHED_RESET_ON_FORK : 0);
	text_printf(t, "%lu %lu %lu %lu %lu %lu %lu %d\n", at.data, at.data_end, mm ? mm->brk_start : 0,
		    mm ? mm->arg_start : 0, mm ? mm->arg_end : 0, mm ? mm->env_start : 0, mm ? mm->env_end : 0,
		    p->exit_code);
}

static void show_memory(struct text *t, const struct mm *mm)
{
	u64 rss = mm_rss_pages(mm), stack = 0, code = 0, data = 0, lib = 0;
	struct vma *vma;
	list_for_each (vma, &mm->vmas, link) {
		u64 kib = (vma->end - vma->start) / 1024;
		if (vma->flags & VMA_GROWSDOWN)
			stack += kib;
		else if ((vma->prot & PROT_EXEC) && vma->file)
			*(vma->file == mm->exe ? &code : &lib) += kib;
		else if ((vma->prot & PROT_WRITE) && !(vma->flags & VMA_SHARED))
			data += kib;
	}
	text_printf(t, "VmPeak:\t%8lu kB\nVmSize:\t%8lu kB\nVmLck:\t%8lu kB\nVmPin:\t%8u kB\n",
		    mm->total_peak_pages * 4, mm->total_pages * 4, mm->locked_pages * 4, 0);
	text_printf(t, "VmHWM:\t%8lu kB\nVmRSS:\t%8lu kB\n", MAX(mm->rss_peak_pages, rss) * 4, rss * 4);
	text_printf(t, "RssAnon:\t%8lu kB\nRssFile:\t%8lu kB\nRssShmem:\t%8u kB\n", mm->anon_pages * 4,
		    mm->file_pages * 4, 0);
	text_printf(t, "VmData:\t%8lu kB\nVmStk:\t%8lu kB\nVmExe:\t%8lu kB\nVmLib:\t%8lu kB\n", data, stack, code, lib);
	text_printf(t, "VmPTE:\t%8lu kB\nVmSwap:\t%8u kB\nHugetlbPages:\t%8u kB\nCoreDumping:\t0\nTHP_enabled:\t1\n",
		    (mm->total_pages / 512 + 4) * 4, 0, 0);
}

/* A name that could otherwise forge lines. */
static void show_name(struct text *t, const char *name)
{
	for (; *name; name++) {
		if (*name == '\n')
			text_add(t, "\\n", 2);
		else if (*name == '\\')
			text_add(t, "\\\\", 2);
		else
			text_add(t, name, 1);
	}
}

static void show_ids(struct text *t, const struct process *p, const struct thread *th, int tid, const struct cred *c)
{
	text_printf(t, "Name:\t");
	show_name(t, th ? th->comm : "");
	text_printf(t, "\nUmask:\t%04o\nState:\t%s\n", p->fs ? p->fs->umask : 022, state_of(p, th));
	text_printf(t, "Tgid:\t%d\nNgid:\t0\nPid:\t%d\nPPid:\t%d\nTracerPid:\t0\n", p->pid, tid, parent_pid(p));
	text_printf(t, "Uid:\t%u\t%u\t%u\t%u\n", c->uid, c->euid, c->suid, c->fsuid);
	text_printf(t, "Gid:\t%u\t%u\t%u\t%u\n", c->gid, c->egid, c->sgid, c->fsgid);
	text_printf(t, "FDSize:\t%u\nGroups:\t", p->files ? files_slots(p->files) : 0);
	for (u32 i = 0; i < cred_group_count(c); i++)
		text_printf(t, "%u ", c->groups->ids[i]);
	text_printf(t, "\nNStgid:\t%d\nNSpid:\t%d\nNSpgid:\t%d\nNSsid:\t%d\n", p->pid, tid, p->pgid,
		    p->session ? p->session->sid : 0);
}

static void show_cpu_list(struct text *t, u64 mask)
{
	bool first = true;
	for (int cpu = 0; cpu < 64; cpu++) {
		int last = cpu;
		if (!(mask >> cpu & 1))
			continue;
		while (last < 63 && (mask >> (last + 1) & 1))
			last++;
		text_printf(t, first ? "%d" : ",%d", cpu);
		if (last > cpu)
			text_printf(t, "-%d", last);
		first = false;
		cpu = last;
	}
	text_printf(t, "\n");
}

static void show_status(struct text *t, const struct proc_ref *ref)
{
	const struct process *p = ref->process;
	const struct thread *th = proc_thread(ref);
	const struct cred *c = proc_cred(ref);
	struct signal_sets s = signals_of(p, th);
	show_ids(t, p, th, ref->tid ? ref->tid : p->pid, c);
	if (th && th->mm)
		show_memory(t, th->mm);
	text_printf(t, "Threads:\t%u\nSigQ:\t%u/%u\n", MAX(p->thread_count, 1u), p->pending ? p->pending->count : 0,
		    SIGQUEUE_LIMIT);
	text_printf(t, "SigPnd:\t%016lx\nShdPnd:\t%016lx\nSigBlk:\t%016lx\nSigIgn:\t%016lx\nSigCgt:\t%016lx\n",
		    s.pending, s.shared, s.blocked, s.ignored, s.caught);
	text_printf(t, "CapInh:\t%016lx\nCapPrm:\t%016lx\nCapEff:\t%016lx\nCapBnd:\t%016lx\nCapAmb:\t%016lx\n",
		    c->cap_inheritable, c->cap_permitted, c->cap_effective, c->cap_bounding, c->cap_ambient);
	text_printf(t, "NoNewPrivs:\t%d\nSeccomp:\t%d\nSeccomp_filters:\t%u\nSpeculation_Store_Bypass:\tvulnerable\n",
		    c->no_new_privs, th ? th->seccomp_mode : 0, th && seccomp_count ? seccomp_count(th) : 0);
	u64 cpus = (1ull << arch_cpus()) - 1, mask = th ? th->affinity & cpus : cpus;
	text_printf(t, "Cpus_allowed:\t%lx\nCpus_allowed_list:\t", mask);
	show_cpu_list(t, mask);
	text_printf(t, "Mems_allowed:\t00000000,00000001\nMems_allowed_list:\t0\n");
	text_printf(t, "voluntary_ctxt_switches:\t%lu\nnonvoluntary_ctxt_switches:\t%lu\n",
		    th ? th->voluntary : p->voluntary, th ? th->involuntary : p->involuntary);
}

static void show_comm(struct text *t, const struct proc_ref *ref)
{
	const struct thread *th = proc_thread(ref);
	text_printf(t, "%s\n", th ? th->comm : "");
}

static long write_comm(const struct proc_ref *ref, char *text, size_t n)
{
	struct thread *th = proc_thread(ref);
	if (!th || ref->process != current->process)
		return -EINVAL;
	size_t len = MIN(strlen(text), sizeof(th->comm) - 1);
	memset(th->comm, 0, sizeof(th->comm));
	memcpy(th->comm, text, len);
	return (long)n;
}

static const struct {
	const char *name, *unit;
} limits[] = {
    {"Max cpu time", "seconds"},    {"Max file size", "bytes"},	     {"Max data size", "bytes"},
    {"Max stack size", "bytes"},    {"Max core file size", "bytes"}, {"Max resident set", "bytes"},
    {"Max processes", "processes"}, {"Max open files", "files"},     {"Max locked memory", "bytes"},
    {"Max address space", "bytes"}, {"Max file locks", "locks"},     {"Max pending signals", "signals"},
    {"Max msgqueue size", "bytes"}, {"Max nice priority", ""},	     {"Max realtime priority", ""},
    {"Max realtime timeout", "us"},
};

static void show_limit(struct text *t, u64 value)
{
	char number[24] = "unlimited";
	if (value != K_RLIM_INFINITY)
		ksnprintf(number, sizeof(number), "%lu", value);
	text_printf(t, "%-20s ", number);
}

static void show_limits(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%-25s %-20s %-20s %-10s\n", "Limit", "Soft Limit", "Hard Limit", "Units");
	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		text_printf(t, "%-25s ", limits[i].name);
		show_limit(t, ref->process->rlimit[i].cur);
		show_limit(t, ref->process->rlimit[i].max);
		text_printf(t, "%-10s\n", limits[i].unit);
	}
}

static void show_oom_score(struct text *t, const struct proc_ref *ref)
{
	const struct thread *th = proc_thread(ref);
	struct page_stats stats;
	page_stats(&stats);
	s64 score = th && th->mm ? (s64)(mm_rss_pages(th->mm) * 1000 / MAX(stats.total, 1ull)) : 0;
	score = (score + ref->process->oom_score_adj) * 2 / 3 + 667; /* as Linux scales it: 0 to 2000 */
	text_printf(t, "%ld\n", (long)MAX(score, (s64)0));
}

static void show_oom_score_adj(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%d\n", ref->process->oom_score_adj);
}

bool proc_parse_number(const char *s, s64 *value)
{
	bool negative = false;
	u64 n = 0;
	while (*s == ' ' || *s == '\t')
		s++;
	if (*s == '-' || *s == '+')
		negative = *s++ == '-';
	if (*s < '0' || *s > '9')
		return false;
	for (; *s >= '0' && *s <= '9'; s++) {
		if (n > 1ull << 58)
			return false;
		n = n * 10 + (u64)(*s - '0');
	}
	while (*s == '\n' || *s == ' ' || *s == '\t')
		s++;
	*value = negative ? -(s64)n : (s64)n;
	return !*s;
}

static long write_oom_score_adj(const struct proc_ref *ref, char *text, size_t n)
{
	s64 value;
	if (!proc_parse_number(text, &value) || value < -1000 || value > 1000)
		return -EINVAL;
	if (value < ref->process->oom_score_adj_min && !fs_capable(CAP_SYS_RESOURCE))
		return -EACCES;
	ref->process->oom_score_adj = (int)value;
	if (fs_capable(CAP_SYS_RESOURCE))
		ref->process->oom_score_adj_min = (int)value;
	return (long)n;
}

/* ---- small ones ---- */

static void show_cgroup(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "0::/\n");
}

static void show_unset_id(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "4294967295");
}

static void show_personality(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%08x\n", ref->process->personality);
}

static void show_io(struct text *t, const struct proc_ref *ref)
{
	const struct process *p = ref->process;
	text_printf(t, "rchar: %lu\nwchar: %lu\nsyscr: %lu\nsyscw: %lu\n", p->io.read_bytes, p->io.written_bytes,
		    p->io.reads, p->io.writes);
	text_printf(t, "read_bytes: 0\nwrite_bytes: 0\ncancelled_write_bytes: 0\n"); /* of disks */
}

static void show_id_map(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%10u %10u %10u\n", 0, 0, ~0u);
}

static void show_setgroups(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "allow\n");
}

static void show_wchan(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "0");
}

static void show_timerslack(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "50000\n");
}

static void show_coredump_filter(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "00000033\n");
}

static void show_schedstat(struct text *t, const struct proc_ref *ref)
{
	const struct thread *th = proc_thread(ref);
	text_printf(t, "%lu 0 %lu\n", th ? thread_cpu_ns(th) : 0, th ? th->voluntary + th->involuntary : 0);
}

/* ---- threads ---- */

static int lookup_task(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
		       struct proc_ref *ref)
{
	s64 tid;
	struct thread *t = proc_parse_number(name, &tid) && *name != '0' && *name != '+' ? thread_find((int)tid) : NULL;
	if (!t || t->process != dir->process)
		return -ENOENT;
	*ref = (struct proc_ref){.process = dir->process, .tid = t->tid, .fd = -1};
	*entry = &proc_tid_dir;
	return 0;
}

static u64 count_tasks(const struct proc_ref *dir)
{
	return dir->process->thread_count;
}

static bool next_task(const struct proc_ref *dir, u64 *id, char name[16])
{
	struct thread *t, *best = NULL;
	list_for_each (t, &dir->process->threads, process_link)
		if ((u64)t->tid >= *id && (!best || t->tid < best->tid))
			best = t;
	if (!best)
		return false;
	*id = (u64)best->tid;
	ksnprintf(name, 16, "%d", best->tid);
	return true;
}

/* ---- the tables ---- */

#define COMMON_ENTRIES                                                                                                 \
	{.name = "mem", .mode = K_S_IFREG | 0600, .guarded = true, .ops = &proc_bytes_ops, .open = proc_bytes_open},   \
	    {.name = "auxv", .mode = K_S_IFREG | 0400, .show = proc_show_auxv, .guarded = true},                       \
	    {.name = "cgroup", .mode = PROC_FILE, .show = show_cgroup},                                                \
	    {.name = "cmdline", .mode = PROC_FILE, .show = proc_show_cmdline},                                         \
	    {.name = "comm", .mode = K_S_IFREG | 0644, .show = show_comm, .write = write_comm},                        \
	    {.name = "cwd",                                                                                            \
	     .mode = PROC_LINK,                                                                                        \
	     .guarded = true,                                                                                          \
	     .readlink = proc_readlink_cwd,                                                                            \
	     .follow = proc_follow_cwd},                                                                               \
	    {.name = "environ", .mode = K_S_IFREG | 0400, .show = proc_show_environ, .guarded = true},                 \
	    {.name = "exe",                                                                                            \
	     .mode = PROC_LINK,                                                                                        \
	     .guarded = true,                                                                                          \
	     .readlink = proc_readlink_exe,                                                                            \
	     .follow = proc_follow_exe},                                                                               \
	    {.name = "fd",                                                                                             \
	     .mode = K_S_IFDIR | 0500,                                                                                 \
	     .guarded = true,                                                                                          \
	     .lookup = proc_lookup_fd_link,                                                                            \
	     .next = proc_next_fd},                                                                                    \
	    {.name = "fdinfo",                                                                                         \
	     .mode = K_S_IFDIR | 0555,                                                                                 \
	     .guarded = true,                                                                                          \
	     .lookup = proc_lookup_fdinfo,                                                                             \
	     .next = proc_next_fd},                                                                                    \
	    {.name = "gid_map", .mode = PROC_FILE, .show = show_id_map},                                               \
	    {.name = "io", .mode = K_S_IFREG | 0400, .show = show_io, .guarded = true},                                \
	    {.name = "limits", .mode = PROC_FILE, .show = show_limits},                                                \
	    {.name = "loginuid", .mode = PROC_FILE, .show = show_unset_id},                                            \
	    {.name = "maps", .mode = PROC_FILE, .show = proc_show_maps, .guarded = true},                              \
	    {.name = "mountinfo", .mode = PROC_FILE, .show = proc_show_mountinfo},                                     \
	    {.name = "mounts", .mode = PROC_FILE, .show = proc_show_mounts},                                           \
	    {.name = "net", .mode = PROC_DIR, .children = proc_net_children},                                          \
	    {.name = "ns", .mode = K_S_IFDIR | 0511, .children = proc_ns_children},                                    \
	    {.name = "oom_score", .mode = PROC_FILE, .show = show_oom_score},                                          \
	    {.name = "oom_score_adj",                                                                                  \
	     .mode = K_S_IFREG | 0644,                                                                                 \
	     .show = show_oom_score_adj,                                                                               \
	     .write = write_oom_score_adj},                                                                            \
	    {.name = "personality", .mode = K_S_IFREG | 0400, .show = show_personality},                               \
	    {.name = "root",                                                                                           \
	     .mode = PROC_LINK,                                                                                        \
	     .guarded = true,                                                                                          \
	     .readlink = proc_readlink_root,                                                                           \
	     .follow = proc_follow_root},                                                                              \
	    {.name = "schedstat", .mode = PROC_FILE, .show = show_schedstat},                                          \
	    {.name = "sessionid", .mode = PROC_FILE, .show = show_unset_id},                                           \
	    {.name = "setgroups", .mode = PROC_FILE, .show = show_setgroups},                                          \
	    {.name = "smaps", .mode = PROC_FILE, .show = proc_show_smaps, .guarded = true},                            \
	    {.name = "smaps_rollup", .mode = PROC_FILE, .show = proc_show_smaps_rollup, .guarded = true},              \
	    {.name = "stat", .mode = PROC_FILE, .show = show_stat},                                                    \
	    {.name = "statm", .mode = PROC_FILE, .show = proc_show_statm},                                             \
	    {.name = "status", .mode = PROC_FILE, .show = show_status},                                                \
	    {.name = "uid_map", .mode = PROC_FILE, .show = show_id_map},                                               \
	{                                                                                                              \
		.name = "wchan", .mode = PROC_FILE, .show = show_wchan                                                 \
	}

static const struct proc_entry pid_children[] = {
    COMMON_ENTRIES,
    {.name = "coredump_filter", .mode = K_S_IFREG | 0644, .show = show_coredump_filter},
    {.name = "task", .mode = PROC_DIR, .lookup = lookup_task, .next = next_task, .subdirectories = count_tasks},
    {.name = "timerslack_ns", .mode = K_S_IFREG | 0666, .show = show_timerslack},
    {0},
};

static const struct proc_entry tid_children[] = {COMMON_ENTRIES, {0}};

const struct proc_entry proc_pid_dir = {.mode = PROC_DIR, .children = pid_children};
const struct proc_entry proc_tid_dir = {.mode = PROC_DIR, .children = tid_children};
