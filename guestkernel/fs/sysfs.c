/* SPDX-License-Identifier: Apache-2.0
 *
 * Owns the contents of /sys: CPU topology and the few other files that runtimes read. No cgroup controllers.
 */
#include "guestkernel/fs/proc_pid.h"
#include "guestkernel/lib.h"
#include "guestkernel/mm/page.h"

#define RO PROC_FILE

static void show_zero(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "0\n");
}

static void show_one(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "1\n");
}

static void show_clocksource(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "tsc\n");
}

static void show_thp_size(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%lu\n", HUGE_SIZE);
}

static void show_cpu_range(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, arch_cpus() > 1 ? "0-%d\n" : "%d\n", arch_cpus() - 1);
}

static void show_all_mask(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%x\n", (1u << arch_cpus()) - 1);
}

static void show_cpu_mask(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%x\n", 1u << ref->fd);
}

/* The highest CPU number that masks have room for. */
static void show_kernel_max(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%d\n", 63);
}

static void show_empty(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "\n");
}

static void show_distance(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "10\n"); /* of a node to itself */
}

static void show_cpu_id(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "%d\n", ref->fd);
}

static void show_thp(struct text *t, const struct proc_ref *ref)
{
	text_printf(t, "always [madvise] never\n");
}

static const struct proc_entry topology_children[] = {
    {.name = "core_cpus", .mode = RO, .show = show_cpu_mask},
    {.name = "core_cpus_list", .mode = RO, .show = show_cpu_id},
    {.name = "core_id", .mode = RO, .show = show_cpu_id},
    {.name = "core_siblings", .mode = RO, .show = show_all_mask},
    {.name = "core_siblings_list", .mode = RO, .show = show_cpu_range},
    {.name = "die_cpus", .mode = RO, .show = show_all_mask},
    {.name = "die_cpus_list", .mode = RO, .show = show_cpu_range},
    {.name = "die_id", .mode = RO, .show = show_zero},
    {.name = "package_cpus", .mode = RO, .show = show_all_mask},
    {.name = "package_cpus_list", .mode = RO, .show = show_cpu_range},
    {.name = "physical_package_id", .mode = RO, .show = show_zero},
    {.name = "thread_siblings", .mode = RO, .show = show_cpu_mask},
    {.name = "thread_siblings_list", .mode = RO, .show = show_cpu_id},
    {0},
};
static const struct proc_entry one_cpu_children[] = {
    {.name = "cache", .mode = PROC_DIR, .lookup = sysfs_lookup_cache, .next = sysfs_next_cache},
    {.name = "online", .mode = RO, .show = show_one},
    {.name = "topology", .mode = PROC_DIR, .children = topology_children},
    {0},
};
static const struct proc_entry one_cpu = {.mode = PROC_DIR, .children = one_cpu_children};

/* cpuN; the number travels in ref.fd. */
static int lookup_cpu(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
		      struct proc_ref *ref)
{
	s64 cpu;
	if (strncmp(name, "cpu", 3) || !proc_parse_number(name + 3, &cpu) || cpu < 0 || cpu >= arch_cpus() ||
	    name[3] == '+' || (name[3] == '0' && name[4]))
		return -ENOENT;
	*entry = &one_cpu;
	*ref = (struct proc_ref){.fd = (int)cpu};
	return 0;
}

static bool next_cpu(const struct proc_ref *dir, u64 *id, char name[16])
{
	if (*id >= (u64)arch_cpus())
		return false;
	ksnprintf(name, 16, "cpu%d", (int)*id);
	return true;
}

static const struct proc_entry cpu_children[] = {
    {.name = "isolated", .mode = RO, .show = show_empty},
    {.name = "kernel_max", .mode = RO, .show = show_kernel_max},
    {.name = "offline", .mode = RO, .show = show_empty},
    {.name = "online", .mode = RO, .show = show_cpu_range},
    {.name = "possible", .mode = RO, .show = show_cpu_range},
    {.name = "present", .mode = RO, .show = show_cpu_range},
    {0},
};
static void show_node_meminfo(struct text *t, const struct proc_ref *ref)
{
	struct page_stats s;
	page_stats(&s);
	text_printf(t, "Node 0 MemTotal:       %8lu kB\nNode 0 MemFree:        %8lu kB\n", s.total * 4, s.free * 4);
}
static const struct proc_entry node0_children[] = {
    {.name = "cpulist", .mode = RO, .show = show_cpu_range},
    {.name = "cpumap", .mode = RO, .show = show_all_mask},
    {.name = "distance", .mode = RO, .show = show_distance},
    {.name = "meminfo", .mode = RO, .show = show_node_meminfo},
    {0},
};
static const struct proc_entry node_children[] = {
    {.name = "has_cpu", .mode = RO, .show = show_zero},
    {.name = "has_memory", .mode = RO, .show = show_zero},
    {.name = "has_normal_memory", .mode = RO, .show = show_zero},
    {.name = "node0", .mode = PROC_DIR, .children = node0_children},
    {.name = "online", .mode = RO, .show = show_zero},
    {.name = "possible", .mode = RO, .show = show_zero},
    {0},
};
static const struct proc_entry clocksource0_children[] = {
    {.name = "available_clocksource", .mode = RO, .show = show_clocksource},
    {.name = "current_clocksource", .mode = RO, .show = show_clocksource},
    {0},
};
static const struct proc_entry clocksource_children[] = {
    {.name = "clocksource0", .mode = PROC_DIR, .children = clocksource0_children}, {0}};
static const struct proc_entry system_children[] = {
    {.name = "clocksource", .mode = PROC_DIR, .children = clocksource_children},
    {.name = "cpu", .mode = PROC_DIR, .children = cpu_children, .lookup = lookup_cpu, .next = next_cpu},
    {.name = "node", .mode = PROC_DIR, .children = node_children},
    {0},
};
static const struct proc_entry devices_children[] = {{.name = "system", .mode = PROC_DIR, .children = system_children},
						     {0}};
static const struct proc_entry thp_children[] = {
    {.name = "enabled", .mode = RO, .show = show_thp},
    {.name = "hpage_pmd_size", .mode = RO, .show = show_thp_size},
    {0},
};
static const struct proc_entry mm_children[] = {
    {.name = "transparent_hugepage", .mode = PROC_DIR, .children = thp_children}, {0}};
static const struct proc_entry sys_kernel_children[] = {{.name = "mm", .mode = PROC_DIR, .children = mm_children}, {0}};
static const struct proc_entry cgroup_children[] = {{.name = "cgroup", .mode = PROC_DIR}, {0}};
/* Directories that every Linux has, empty ones here but for the interface. */
static const struct proc_entry class_children[] = {{.name = "net", .mode = PROC_DIR, .children = sysfs_net_children},
						   {0}};
static const struct proc_entry dev_children[] = {
    {.name = "block", .mode = PROC_DIR}, {.name = "char", .mode = PROC_DIR}, {0}};
static const struct proc_entry sysfs_children[] = {
    {.name = "block", .mode = PROC_DIR},
    {.name = "bus", .mode = PROC_DIR},
    {.name = "class", .mode = PROC_DIR, .children = class_children},
    {.name = "dev", .mode = PROC_DIR, .children = dev_children},
    {.name = "devices", .mode = PROC_DIR, .children = devices_children},
    {.name = "fs", .mode = PROC_DIR, .children = cgroup_children},
    {.name = "kernel", .mode = PROC_DIR, .children = sys_kernel_children},
    {.name = "module", .mode = PROC_DIR},
    {0},
};
const struct proc_entry sysfs_root = {.mode = PROC_DIR, .children = sysfs_children};
