/* SPDX-License-Identifier: Apache-2.0
 * /sys as runtimes read it: the topology and the caches of the CPUs, memory nodes, the directories of devices, large
 * pages; that numbers agree with each other, with /proc and with system calls.
 * area: /dev /proc /sys
 */
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statfs.h>

#include "probe.h"

#define CPUS "/sys/devices/system/cpu"

static char text[1 << 16];

#define slurp(name) read_text(name, text, sizeof(text))

/* The number in a file of cpuN. */
static long number(int cpu, const char *file)
{
	char name[128];
	snprintf(name, sizeof(name), CPUS "/cpu%d/%s", cpu, file);
	return slurp(name) > 0 ? atol(text) : -1;
}

/* A list like "0-3,7" as a mask of the first 64; 0: it is none. */
static unsigned long list(const char *p)
{
	unsigned long mask = 0;
	while (*p >= '0' && *p <= '9') {
		char *end;
		long first = strtol(p, &end, 10), last = *end == '-' ? strtol(end + 1, &end, 10) : first;
		for (long i = first; i <= last && i < 64; i++)
			mask |= 1ul << i;
		p = *end == ',' ? end + 1 : end;
	}
	return mask;
}

static unsigned long list_of(const char *name)
{
	return slurp(name) > 0 ? list(text) : 0;
}

static unsigned long list_in(int cpu, const char *file)
{
	return number(cpu, file) < 0 ? 0 : list(text);
}

/* A mask like "ffffffff,00000003". */
static unsigned long mask_in(int cpu, const char *file)
{
	unsigned long mask = 0;
	if (number(cpu, file) < 0)
		return 0;
	for (const char *p = text; *p && *p != '\n'; p++)
		if (*p != ',')
			mask = mask << 4 | (unsigned long)(*p <= '9' ? *p - '0' : *p - 'a' + 10);
	return mask;
}

static void files(void)
{
	theme("files of /sys");
	static const struct {
		const char *name;
		mode_t type;
	} rows[] = {{"/sys", S_IFDIR},
		    {"/sys/block", S_IFDIR},
		    {"/sys/bus", S_IFDIR},
		    {"/sys/class", S_IFDIR},
		    {"/sys/class/net", S_IFDIR},
		    {"/sys/dev", S_IFDIR},
		    {"/sys/dev/block", S_IFDIR},
		    {"/sys/dev/char", S_IFDIR},
		    {"/sys/devices", S_IFDIR},
		    {"/sys/devices/system", S_IFDIR},
		    {CPUS, S_IFDIR},
		    {CPUS "/cpu0", S_IFDIR},
		    {CPUS "/cpu0/topology", S_IFDIR},
		    {CPUS "/online", S_IFREG},
		    {"/sys/devices/system/node", S_IFDIR},
		    {"/sys/devices/system/node/node0", S_IFDIR},
		    {"/sys/devices/system/node/online", S_IFREG},
		    {"/sys/fs", S_IFDIR},
		    {"/sys/fs/cgroup", S_IFDIR},
		    {"/sys/kernel", S_IFDIR},
		    {"/sys/kernel/mm/transparent_hugepage/enabled", S_IFREG},
		    {"/sys/module", S_IFDIR}};
	struct stat st;
	struct statfs fs;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = rows[i].name;
		CHECKF(stat(name, &st) == 0 && (st.st_mode & S_IFMT) == rows[i].type, "%s is there", name);
		CHECKF((st.st_mode & 0444) == 0444 && st.st_uid == 0 && st.st_gid == 0, "%s is root's and can be read",
		       name);
		CHECKF(statfs(name, &fs) == 0 && (fs.f_type == 0x62656572 || strstr(name, "cgroup")), "%s is of sysfs",
		       name);
		if (rows[i].type == S_IFREG) {
			int fd = open(name, O_RDONLY);
			CHECKF(st.st_size == PAGE && st.st_nlink == 1, "%s is a page long", name);
			CHECKF(lseek(fd, 0, SEEK_END) == PAGE && read(fd, text, 100) == 0, "%s: at its end", name);
			CHECKF(lseek(fd, 0, SEEK_SET) == 0 && read(fd, text, 100) > 0 && read(fd, text, 100) == 0,
			       "%s: read", name);
			CHECKF(ANSWER(read(fd, unmapped_address(), 1)) <= 0 &&
				   ANSWER(pread(fd, unmapped_address(), 1, 0)) == -EFAULT,
			       "%s: a bad address", name);
			CHECKF(ANSWER(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, fd, 0)) == -ENODEV,
			       "%s cannot be mapped", name);
			CHECKF(ANSWER(ftruncate(fd, 0)) == -EINVAL, "%s cannot be cut", name);
			close(fd);
		} else {
			DIR *dir = opendir(name);
			int entries = 0, dots = 0;
			for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir), entries++)
				dots += !strcmp(e->d_name, ".") || !strcmp(e->d_name, "..");
			CHECKF(dir && dots == 2 && entries >= 2, "%s is listed", name);
			if (dir)
				closedir(dir);
			CHECKF(st.st_nlink >= 2 || strstr(name, "cgroup"), "%s: its links", name);
			CHECKF(ANSWER(open(name, O_WRONLY)) == -EISDIR, "%s cannot be written", name);
		}
	}
	CHECK_ERRNO(open("/sys/not-there", O_RDONLY), ENOENT);
	CHECK_ERRNO(open(CPUS "/cpu12345/online", O_RDONLY), ENOENT);
	CHECK_ERRNO(open(CPUS "/cpu00", O_RDONLY), ENOENT);
	CHECK_ERRNO(open(CPUS "/online/x", O_RDONLY), ENOTDIR);
	CHECK(ANSWER(mkdir("/sys/devices/x", 0700)) == -EPERM || errno == EACCES);
	CHECK(unlink(CPUS "/online") == -1 && (errno == EPERM || errno == EACCES));
}

static void topology(void)
{
	theme("CPUs in /sys");
	unsigned long online = list_of(CPUS "/online"), possible = list_of(CPUS "/possible"),
		      present = list_of(CPUS "/present");
	int count = __builtin_popcountl(online), listed = 0;
	CHECK(count > 0 && (online & ~present) == 0 && (present & ~possible) == 0);
	CHECK(count == sysconf(_SC_NPROCESSORS_ONLN) && __builtin_popcountl(present) == sysconf(_SC_NPROCESSORS_CONF));
	CHECK(slurp(CPUS "/offline") > 0 && (list(text) & online) == 0 && slurp(CPUS "/isolated") > 0);
	CHECK(slurp(CPUS "/kernel_max") > 0 && atol(text) + 1 >= count);
	cpu_set_t set;
	CHECK(sched_getaffinity(0, sizeof(set), &set) == 0 && CPU_COUNT(&set) <= count);
	DIR *dir = opendir(CPUS);
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		if (!strncmp(e->d_name, "cpu", 3) && e->d_name[3] >= '0' && e->d_name[3] <= '9') {
			listed++;
			if (!(present >> atoi(e->d_name + 3) & 1) || e->d_type != DT_DIR)
				listed = -1000;
		}
	closedir(dir);
	CHECK_THAT(listed == __builtin_popcountl(present), "each CPU has its directory");
	static const char *const pairs[] = {"core_cpus", "core_siblings", "die_cpus", "package_cpus",
					    "thread_siblings"};
	/* CPUs of the host need not be those of the sandbox: names only for the first, what must hold for all. */
	int good[8] = {1, 1, 1, 1, 1, 1, 1, 1};
	for (int cpu = 0; cpu < 64; cpu++) {
		if (!(online >> cpu & 1))
			continue;
		char file[64];
		for (int i = 0; i < 5; i++) {
			snprintf(file, sizeof(file), "topology/%s", pairs[i]);
			unsigned long mask = mask_in(cpu, file);
			snprintf(file, sizeof(file), "topology/%s_list", pairs[i]);
			good[0] &= mask && mask == list_in(cpu, file);
			good[1] &= (int)(mask >> cpu & 1);
			good[2] &= (mask & ~possible) == 0;
		}
		unsigned long threads = list_in(cpu, "topology/thread_siblings_list");
		good[3] &= (threads & ~list_in(cpu, "topology/die_cpus_list")) == 0;
		good[4] &= (list_in(cpu, "topology/die_cpus_list") & ~list_in(cpu, "topology/package_cpus_list")) == 0;
		good[5] &= threads == list_in(cpu, "topology/core_cpus_list") &&
			   list_in(cpu, "topology/core_siblings_list") == list_in(cpu, "topology/package_cpus_list");
		good[6] &= number(cpu, "topology/physical_package_id") >= 0 && number(cpu, "topology/core_id") >= 0 &&
			   number(cpu, "topology/die_id") >= 0;
		for (int twin = 0; twin < 64; twin++)
			if (threads >> twin & 1)
				good[7] &= list_in(twin, "topology/thread_siblings_list") == threads &&
					   number(twin, "topology/core_id") == number(cpu, "topology/core_id");
	}
	CHECK_THAT(good[0], "masks and lists say the same");
	CHECK_THAT(good[1], "a CPU is among its own siblings");
	CHECK_THAT(good[2], "siblings are possible CPUs");
	CHECK_THAT(good[3], "threads are of one die");
	CHECK_THAT(good[4], "dies are of one package");
	CHECK_THAT(good[5], "old and new names agree");
	CHECK_THAT(good[6], "numbers of core, die and package");
	CHECK_THAT(good[7], "siblings agree about each other");
	int processors = 0;
	slurp("/proc/cpuinfo");
	for (const char *p = text; (p = strstr(p, "processor\t:")); p++)
		processors++;
	CHECK_THAT(processors == count, "/proc/cpuinfo has as many");
	slurp("/proc/stat");
	processors = 0;
	for (const char *p = text; (p = strstr(p, "\ncpu")); p++)
		processors++;
	CHECK_THAT(processors == count, "/proc/stat too");
}

static void caches(void)
{
	theme("caches in /sys");
	struct stat st;
	unsigned long online = list_of(CPUS "/online");
	int there = stat(CPUS "/cpu0/cache", &st) == 0 && stat(CPUS "/cpu0/cache/index0", &st) == 0;
	/* A machine whose CPUID tells of none has none: what is there must be right. */
	int sizes = 1, shared = 1, types = 1, levels = 1, kinds = 0, l1 = 0, lists = 1;
	for (int cpu = 0; cpu < 64 && there; cpu++)
		for (int index = 0; index < 10 && (online >> cpu & 1); index++) {
			char file[64];
#define IN_CACHE(name) (snprintf(file, sizeof(file), "cache/index%d/%s", index, name), file)
			long level = number(cpu, IN_CACHE("level"));
			if (level < 0)
				break;
			kinds += cpu == 0;
			long size = number(cpu, IN_CACHE("size"));
			levels &= level >= 1 && level <= 4 && text[strlen(text) - 2] == 'K';
			sizes &= size == number(cpu, IN_CACHE("coherency_line_size")) *
					     number(cpu, IN_CACHE("number_of_sets")) *
					     number(cpu, IN_CACHE("ways_of_associativity")) *
					     number(cpu, IN_CACHE("physical_line_partition")) / 1024;
			shared &= (int)(list_in(cpu, IN_CACHE("shared_cpu_list")) >> cpu & 1);
			lists &= list_in(cpu, IN_CACHE("shared_cpu_list")) == mask_in(cpu, IN_CACHE("shared_cpu_map"));
			number(cpu, IN_CACHE("type"));
			types &=
			    !strcmp(text, "Data\n") || !strcmp(text, "Instruction\n") || !strcmp(text, "Unified\n");
			l1 += level == 1 && size > 0 && strcmp(text, "Instruction\n") != 0;
		}
	CHECK_THAT(!there || kinds >= 2, "there are several");
	CHECK_THAT(levels, "each has a level, and a size in KiB");
	CHECK_THAT(sizes, "sizes are lines, sets and ways");
	CHECK_THAT(shared, "a CPU is among those that share its caches");
	CHECK_THAT(lists, "lists and masks of sharers agree");
	CHECK_THAT(types, "types");
	CHECK_THAT(!there || l1 == __builtin_popcountl(online), "each CPU has a first-level data cache");
	CHECK_ERRNO(open(CPUS "/cpu0/cache/index99", O_RDONLY), ENOENT);
	CHECK_ERRNO(open(CPUS "/cpu0/cache/indexx", O_RDONLY), ENOENT);
	CHECK_ERRNO(open(CPUS "/cpu0/cache/index", O_RDONLY), ENOENT);
}

static void nodes(void)
{
	theme("memory in /sys");
	CHECK(list_of("/sys/devices/system/node/online") & 1);
	CHECK(list_of("/sys/devices/system/node/possible") & 1);
	CHECK(list_of("/sys/devices/system/node/has_cpu") & 1);
	CHECK(list_of("/sys/devices/system/node/has_memory") & 1);
	unsigned long here = list_of("/sys/devices/system/node/node0/cpulist");
	CHECK(here && (here & ~list_of(CPUS "/possible")) == 0);
	CHECK(slurp("/sys/devices/system/node/node0/cpumap") > 0 &&
	      slurp("/sys/devices/system/node/node0/distance") > 0 && atol(text) == 10);
	CHECK(slurp("/sys/devices/system/node/node0/meminfo") > 0 && strstr(text, "Node 0 MemTotal:") &&
	      strstr(text, "Node 0 MemFree:"));
	long node = atol(strstr(text, "MemTotal:") + 9);
	slurp("/proc/meminfo");
	CHECK_THAT(node > 0 && node <= atol(strstr(text, "MemTotal:") + 9),
		   "a node has no more memory than the machine");
	CHECK(slurp("/sys/kernel/mm/transparent_hugepage/enabled") > 0 && strchr(text, '[') &&
	      strstr(text, "madvise") && strstr(text, "never"));
	CHECK(slurp("/sys/kernel/mm/transparent_hugepage/hpage_pmd_size") > 0 && atol(text) == 2 << 20);
}

int main(void)
{
	limit_seconds(60);
	files();
	topology();
	caches();
	nodes();
	return finish();
}
