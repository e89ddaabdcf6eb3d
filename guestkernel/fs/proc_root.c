/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the files of /proc that are about the whole system. Formats: proc(5).
 */
#include <linux/capability.h>
#include <linux/fs.h>
#include "guestkernel/fs/dentry.h"
#include "guestkernel/fs/locks.h"
#include "guestkernel/fs/mount.h"
#include "guestkernel/fs/procfs.h"
#include "guestkernel/lib.h"
#include "guestkernel/limits.h"
#include "guestkernel/mm/page.h"
#include "guestkernel/proc/account.h"
#include "guestkernel/proc/process.h"
#include "guestkernel/names.h"

#define TICK_NS 10000000ul

/* ---- links to the asking process ---- */

static long number_link(char *buf, size_t size, const char *format, int a, int b)
{
	char text[64];
	size_t n = (size_t)ksnprintf(text, sizeof(text), format, a, b);
	memcpy(buf, text, MIN(n, size));
	return (long)MIN(n, size);
}

static long readlink_self(const struct proc_ref *ref, char *buf, size_t size)
{
	return current->process ? number_link(buf, size, "%d", current->process->pid, 0) : -ENOENT;
}

static long readlink_thread_self(const struct proc_ref *ref, char *buf, size_t size)
{
	return current->process ? number_link(buf, size, "%d/task/%d", current->process->pid, current->tid) : -ENOENT;
}

static long link_to(const char *target, char *buf, size_t size)
{
	size_t n = MIN(strlen(target), size);
	memcpy(buf, target, n);
	return (long)n;
}

static long readlink_mounts(const struct proc_ref *ref, char *buf, size_t size)
{
	return link_to("self/mounts", buf, size);
}

static long readlink_net(const struct proc_ref *ref, char *buf, size_t size)
{
	return link_to("self/net", buf, size);
}

/* ---- memory, time, processes ---- */

static void show_meminfo(struct text *t, const struct proc_ref *ref)
{
	struct page_stats s;
	page_stats(&s);
	u64 cached = s.cache * 4, used = s.total - s.free;
	u64 anon = used > s.cache ? (used - s.cache) * 4 : 0;
	const struct {
		const char *name;
		u64 kib;
	} rows[] = {
	    {"MemTotal", s.total * 4},
	    {"MemFree", s.free * 4},
	    {"MemAvailable", s.free * 4},
	    {"Buffers", 0},
	    {"Cached", cached},
	    {"SwapCached", 0},
	    {"Active", anon},
	    {"Inactive", cached},
	    {"Active(anon)", anon},
	    {"Inactive(anon)", 0},
	    {"Active(file)", 0},
	    {"Inactive(file)", cached},
	    {"Unevictable", 0},
	    {"Mlocked", 0},
	    {"SwapTotal", 0},
	    {"SwapFree", 0},
	    {"Dirty", 0},
	    {"Writeback", 0},
	    {"AnonPages", anon},
	    {"Mapped", cached},
	    {"Shmem", cached},
	    {"KReclaimable", 0},
	    {"Slab", 0},
	    {"SReclaimable", 0},
	    {"SUnreclaim", 0},
	    {"KernelStack", 0},
	    {"PageTables", 0},
	    {"NFS_Unstable", 0},
	    {"Bounce", 0},
	    {"WritebackTmp", 0},
	    {"CommitLimit", s.total * 2},
	    {"Committed_AS", anon},
	    {"VmallocTotal", 0},
	    {"VmallocUsed", 0},
	    {"VmallocChunk", 0},
	    {"Percpu", 0},
	    {"AnonHugePages", 0},
	    {"ShmemHugePages", 0},
	    {"ShmemPmdMapped", 0},
	    {"FileHugePages", 0},
	    {"FilePmdMapped", 0},
	};
	for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
		char label[24];
		ksnprintf(label, sizeof(label), "%s:", rows[i].name);
		text_printf(t, "%-15s %8lu kB\n", label, rows[i].kib);
	}
	text_printf(t,
		    "HugePages_Total:   %5u\nHugePages_Free:    %5u\nHugePages_Rsvd:    %5u\nHugePages_Surp:    %5u\n",
		    0, 0, 0, 0);
	text_printf(t, "Hugepagesize:   %8u kB\nHugetlb:        %8u kB\n", 2048, 0);
}

/* CPU time of everybody, dead children included. */
static void cpu_times(u64 *user_ns, u64 *system_ns)
{
	struct process *p;
	*user_ns = *system_ns = 0;
	list_for_each (p, &all_processes, all_link) {
		*user_ns += process_user_ns(p);
		*system_ns += process_system_ns(p);
	}
	if (init_process) { /* what was waited for went up to pid 1 in the end */
		*user_ns += init_process->child_user_ns;
		*system_ns += init_process->child_system_ns;
	}
}

static u64 idle_ns(u64 busy_ns)
{
	u64 all = time_boot_ns() * (u64)arch_cpus();
	return all > busy_ns ? all - busy_ns : 0;
}

static void show_stat(struct text *t, const struct proc_ref *ref)
{
	u64 user, system, now = time_boot_ns();
	cpu_times(&user, &system);
	u64 idle = idle_ns(user + system), cpus = (u64)arch_cpus();
	text_printf(t, "cpu  %lu 0 %lu %lu 0 0 0 0 0 0\n", user / TICK_NS, system / TICK_NS, idle / TICK_NS);
	for (u64 i = 0; i < cpus; i++)
		text_printf(t, "cpu%lu %lu 0 %lu %lu 0 0 0 0 0 0\n", i, user / cpus / TICK_NS, system / cpus / TICK_NS,
			    idle / cpus / TICK_NS);
	text_printf(t, "intr 0\nctxt %lu\nbtime %lu\nprocesses %lu\n", shared->stats.context_switches,
		    (time_wall_ns() - now) / 1000000000, threads_made);
	text_printf(t, "procs_running %lu\nprocs_blocked 0\nsoftirq 0 0 0 0 0 0 0 0 0 0 0\n", sched_runnable());
}

static void show_loadavg(struct text *t, const struct proc_ref *ref)
{
	struct process *p;
	unsigned threads = 0;
	int newest = 0;
	list_for_each (p, &all_processes, all_link) {
		threads += p->thread_count;
		newest = MAX(newest, p->pid);
	}
	text_printf(t, "0.00 0.00 0.00 %lu/%u %d\n", sched_runnable(), threads, newest);
}

static void show_uptime(struct text *t, const struct proc_ref *ref)
{
	u64 user, system, up = time_boot_ns() / 10000000;
	cpu_times(&user, &system);
	u64 idle = idle_ns(user + system) / 10000000;
	text_printf(t, "%lu.%02lu %lu.%02lu\n", up / 100, up % 100, idle / 100, idle % 100);
}

/* ---- names ---- */

static void show_version(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "Linux version %s (sandbox) %s\n", SYSTEM_RELEASE, SYSTEM_VERSION);
}

static void show_filesystems(struct text *t, const struct proc_ref *ref)
{
	for (const char *const *name = filesystem_types; *name; name++)
		text_printf(t, "nodev\t%s\n", *name);
}

static void show_cmdline(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "\n");
}

static void show_devices(struct text *t, const struct proc_ref *ref)
{
	text_printf(
	    t,
	    "Character devices:\n  1 mem\n  5 /dev/tty\n  5 /dev/console\n  5 /dev/ptmx\n136 pts\n\nBlock devices:\n");
}

static void show_cgroups(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "#subsys_name\thierarchy\tnum_cgroups\tenabled\n");
}

static void show_nothing(struct text *t, const struct proc_ref *ref) {}

static void show_locks(struct text *t, const struct proc_ref *ref)
{
	locks_show_all(t);
}

static void show_swaps(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "Filename\t\t\t\tType\t\tSize\t\tUsed\t\tPriority\n");
}

static void show_vmstat(struct text *t, const struct proc_ref *ref)
{
	struct page_stats s;
	page_stats(&s);
	text_printf(t, "nr_free_pages %lu\nnr_file_pages %lu\npgfault %lu\npgmajfault 0\noom_kill %lu\n", s.free,
		    s.cache, shared->stats.faults, shared->stats.oom_kills);
}

/* ---- mounts ---- */

static void show_flags(struct text *t, u32 flags)
{
	static const struct {
		u32 flag;
		const char *name;
	} names[] = {{MS_NOSUID, ",nosuid"},
		     {MS_NODEV, ",nodev"},
		     {MS_NOEXEC, ",noexec"},
		     {MS_NOATIME, ",noatime"},
		     {MS_NODIRATIME, ",nodiratime"}};
	text_printf(t, flags & MS_RDONLY ? "ro" : "rw");
	for (size_t i = 0; i < ARRAY_SIZE(names); i++)
		if (flags & names[i].flag)
			text_printf(t, "%s", names[i].name);
	if (!(flags & MS_NOATIME))
		text_printf(t, ",relatime");
}

static void show_options(struct text *t, struct superblock *sb)
{
	char options[128] = "";
	if (sb->ops->options)
		sb->ops->options(sb, options, sizeof(options));
	text_printf(t, "%s", options);
}

static void show_path(struct text *t, const struct path *path)
{
	char *text = kmalloc(PATH_LIMIT);
	if (text && path_text(path, text, PATH_LIMIT) > 0)
		text_escaped(t, text);
	kfree(text);
}

void proc_show_mounts(struct text *t, const struct proc_ref *ref)
{
	struct mount *m;
	list_for_each (m, &all_mounts, link) {
		struct path at = {m, m->root};
		if (!path_reachable(&at))
			continue; /* nobody's business there */
		text_escaped(t, m->source);
		text_add(t, " ", 1);
		show_path(t, &at);
		text_printf(t, " %s ", m->sb->ops->type);
		show_flags(t, m->flags | (m->sb->read_only ? MS_RDONLY : 0));
		show_options(t, m->sb);
		text_printf(t, " 0 0\n");
	}
}

void proc_show_mountinfo(struct text *t, const struct proc_ref *ref)
{
	struct mount *m;
	list_for_each (m, &all_mounts, link) {
		struct path at = {m, m->root}, inside = {NULL, m->root};
		if (!path_reachable(&at))
			continue; /* nobody's business there */
		text_printf(t, "%d %d %u:%u ", m->id, m->parent ? m->parent->id : 1, (u32)(m->sb->dev >> 8),
			    (u32)m->sb->dev & 0xff);
		show_path(t, &inside);
		text_add(t, " ", 1);
		show_path(t, &at);
		text_add(t, " ", 1);
		show_flags(t, m->flags);
		text_printf(t, " - %s ", m->sb->ops->type);
		text_escaped(t, m->source);
		text_printf(t, m->sb->read_only ? " ro" : " rw");
		show_options(t, m->sb);
		text_printf(t, "\n");
	}
}

void proc_show_cpuinfo(struct text *t, const struct proc_ref *ref); /* proc_cpuinfo.c */

static void show_tty_drivers(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "/dev/tty             /dev/tty        5       0 system:/dev/tty\n"
		       "/dev/console         /dev/console    5       1 system:console\n"
		       "/dev/ptmx            /dev/ptmx       5       2 system\n"
		       "pty_slave            /dev/pts      136 0-255 pty:slave\n"
		       "pty_master           /dev/ptm      128 0-255 pty:master\n");
}

static void show_tty_ldiscs(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "n_tty       0\n");
}

static const struct proc_entry tty_children[] = {{.name = "drivers", .mode = PROC_FILE, .show = show_tty_drivers},
						 {.name = "ldiscs", .mode = PROC_FILE, .show = show_tty_ldiscs},
						 {0}};

const struct proc_entry proc_root_children[] = {
    {.name = "cgroups", .mode = PROC_FILE, .show = show_cgroups},
    {.name = "cmdline", .mode = PROC_FILE, .show = show_cmdline},
    {.name = "cpuinfo", .mode = PROC_FILE, .show = proc_show_cpuinfo},
    {.name = "devices", .mode = PROC_FILE, .show = show_devices},
    {.name = "diskstats", .mode = PROC_FILE, .show = show_nothing},
    {.name = "filesystems", .mode = PROC_FILE, .show = show_filesystems},
    {.name = "interrupts", .mode = PROC_FILE, .show = show_nothing},
    {.name = "loadavg", .mode = PROC_FILE, .show = show_loadavg},
    {.name = "locks", .mode = PROC_FILE, .show = show_locks},
    {.name = "meminfo", .mode = PROC_FILE, .show = show_meminfo},
    {.name = "modules", .mode = PROC_FILE, .show = show_nothing},
    {.name = "mounts", .mode = PROC_LINK, .readlink = readlink_mounts},
    {.name = "net", .mode = PROC_LINK, .readlink = readlink_net},
    {.name = "partitions", .mode = PROC_FILE, .show = show_nothing},
    {.name = "self", .mode = PROC_LINK, .readlink = readlink_self},
    {.name = "stat", .mode = PROC_FILE, .show = show_stat},
    {.name = "swaps", .mode = PROC_FILE, .show = show_swaps},
    {.name = "sys", .mode = PROC_DIR, .children = proc_sys_children},
    {.name = "sysvipc", .mode = PROC_DIR, .children = proc_sysvipc_children},
    {.name = "thread-self", .mode = PROC_LINK, .readlink = readlink_thread_self},
    {.name = "tty", .mode = PROC_DIR, .children = tty_children},
    {.name = "uptime", .mode = PROC_FILE, .show = show_uptime},
    {.name = "version", .mode = PROC_FILE, .show = show_version},
    {.name = "vmstat", .mode = PROC_FILE, .show = show_vmstat},
    {0},
};
