/* SPDX-License-Identifier: Apache-2.0
 *
 * /sys/devices/system/cpu/cpuN/cache: the caches that CPUID tells of (SDM: leaf 4; APM: Fn8000_001D, laid out alike).
 */
#include "guestkernel/arch/cpuid.h"
#include "guestkernel/fs/procfs.h"
#include "guestkernel/lib.h"

#define CACHES_LIMIT 10 /* more than any CPU has */

struct cache {
	u32 type, level, sharing; /* type 0: there is none; sharing: logical CPUs, a power of two */
	u32 line, partitions, ways, sets;
};

/* The file belongs to one cache of one CPU: the directory's ref.fd holds both. */
static int cpu_of(const struct proc_ref *ref)
{
	return ref->fd & 0xff;
}

static struct cache cache_at(int index)
{
	u32 leaf = cpuid(4, 0).eax & 31 ? 4 : 0x8000001d;
	struct cpuid id = {0};
	if (leaf == 4 || cpuid(0x80000000, 0).eax >= leaf)
		id = cpuid(leaf, (u32)index);
	struct cache c = {.type = id.eax & 31,
			  .level = id.eax >> 5 & 7,
			  .sharing = 1,
			  .line = (id.ebx & 0xfff) + 1,
			  .partitions = (id.ebx >> 12 & 0x3ff) + 1,
			  .ways = (id.ebx >> 22) + 1,
			  .sets = id.ecx + 1};
	/* Each vCPU is a core (topology): the caches of a core are its own. */
	while (c.level > 2 && c.sharing < (id.eax >> 14 & 0xfff) + 1)
		c.sharing *= 2;
	return c;
}

static struct cache cache_of(const struct proc_ref *ref)
{
	return cache_at(ref->fd >> 8);
}

#define NUMBER(name, value)                                                                                            \
	static void show_##name(struct text *t, const struct proc_ref *ref)                                            \
	{                                                                                                              \
		struct cache c = cache_of(ref);                                                                        \
		text_printf(t, "%u\n", value);                                                                         \
	}
NUMBER(line, c.line)
NUMBER(id, (u32)cpu_of(ref) / c.sharing)
NUMBER(level, c.level)
NUMBER(sets, c.sets)
NUMBER(partitions, c.partitions)
NUMBER(ways, c.ways)

static void show_size(struct text *t, const struct proc_ref *ref)
{
	struct cache c = cache_of(ref);
	text_printf(t, "%luK\n", (u64)c.line * c.partitions * c.ways * c.sets / 1024);
}

static void show_type(struct text *t, const struct proc_ref *ref)
{
	static const char *const names[] = {"", "Data", "Instruction", "Unified"};
	u32 type = cache_of(ref).type;
	text_printf(t, "%s\n", type < ARRAY_SIZE(names) ? names[type] : "");
}

/* The first and last CPU that share the cache. */
static void sharers(const struct proc_ref *ref, int *first, int *last)
{
	int sharing = (int)cache_of(ref).sharing;
	*first = cpu_of(ref) / sharing * sharing;
	*last = MIN(*first + sharing, arch_cpus()) - 1;
}

static void show_shared_list(struct text *t, const struct proc_ref *ref)
{
	int first, last;
	sharers(ref, &first, &last);
	text_printf(t, first == last ? "%d\n" : "%d-%d\n", first, last);
}

static void show_shared_map(struct text *t, const struct proc_ref *ref)
{
	int first, last;
	sharers(ref, &first, &last);
	text_printf(t, "%lx\n", ((2ul << (last - first)) - 1) << first);
}

static const struct proc_entry index_children[] = {
    {.name = "coherency_line_size", .mode = PROC_FILE, .show = show_line},
    {.name = "id", .mode = PROC_FILE, .show = show_id},
    {.name = "level", .mode = PROC_FILE, .show = show_level},
    {.name = "number_of_sets", .mode = PROC_FILE, .show = show_sets},
    {.name = "physical_line_partition", .mode = PROC_FILE, .show = show_partitions},
    {.name = "shared_cpu_list", .mode = PROC_FILE, .show = show_shared_list},
    {.name = "shared_cpu_map", .mode = PROC_FILE, .show = show_shared_map},
    {.name = "size", .mode = PROC_FILE, .show = show_size},
    {.name = "type", .mode = PROC_FILE, .show = show_type},
    {.name = "ways_of_associativity", .mode = PROC_FILE, .show = show_ways},
    {0},
};
static const struct proc_entry index_dir = {.mode = PROC_DIR, .children = index_children};

int sysfs_lookup_cache(const struct proc_ref *dir, const char *name, const struct proc_entry **entry,
		       struct proc_ref *ref)
{
	int index = name[5] - '0';
	if (strncmp(name, "index", 5) || index < 0 || index >= CACHES_LIMIT || name[6] || !cache_at(index).type)
		return -ENOENT;
	*entry = &index_dir;
	*ref = (struct proc_ref){.fd = cpu_of(dir) | index << 8};
	return 0;
}

bool sysfs_next_cache(const struct proc_ref *dir, u64 *id, char name[16])
{
	if (*id >= CACHES_LIMIT || !cache_at((int)*id).type)
		return false;
	ksnprintf(name, 16, "index%d", (int)*id);
	return true;
}
