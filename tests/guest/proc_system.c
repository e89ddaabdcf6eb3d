/* SPDX-License-Identifier: Apache-2.0
 * /proc about the whole system: its files' shapes, and that they agree with each other and with system calls; what of
 * /proc/sys can be read and written; which processes /proc lists.
 * area: /dev /proc /sys
 */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

#include "probe.h"

static char text[1 << 20];

#define slurp(name) read_text(name, text, sizeof(text))

/* The number behind "key" at the start of a line of text; -1: none. */
static long after(const char *key)
{
	size_t length = strlen(key);
	for (const char *p = text; *p; p = strchr(p, '\n') ? strchr(p, '\n') + 1 : p + strlen(p))
		if (!strncmp(p, key, length) && (p[length] == ' ' || p[length] == ':' || p[length] == '\t')) {
			p += length;
			p += strspn(p, " \t:");
			return isdigit((unsigned char)*p) ? strtol(p, NULL, 10) : -1;
		}
	return -1;
}

static int fields_of_line(const char *line)
{
	int n = 0;
	while (*line && *line != '\n') {
		n += *line != ' ' && (line[1] == ' ' || line[1] == '\n' || !line[1]);
		line++;
	}
	return n;
}

/* ---- files ---- */

static void root(void)
{
	theme("files of /proc");
	static const struct {
		const char *name;
		mode_t mode;
	} rows[] = {{"cmdline", S_IFREG | 0444},     {"cpuinfo", S_IFREG | 0444},     {"devices", S_IFREG | 0444},
		    {"filesystems", S_IFREG | 0444}, {"interrupts", S_IFREG | 0444},  {"loadavg", S_IFREG | 0444},
		    {"locks", S_IFREG | 0444},	     {"meminfo", S_IFREG | 0444},     {"mounts", S_IFLNK | 0777},
		    {"net", S_IFLNK | 0777},	     {"partitions", S_IFREG | 0444},  {"self", S_IFLNK | 0777},
		    {"stat", S_IFREG | 0444},	     {"swaps", S_IFREG | 0444},	      {"sys", S_IFDIR | 0555},
		    {"sysvipc", S_IFDIR | 0555},     {"thread-self", S_IFLNK | 0777}, {"tty", S_IFDIR | 0555},
		    {"uptime", S_IFREG | 0444},	     {"version", S_IFREG | 0444},     {"vmstat", S_IFREG | 0444},
		    {"diskstats", S_IFREG | 0444},   {"cgroups", S_IFREG | 0444}};
	struct stat st;
	struct statfs fs;
	char name[64];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(name, sizeof(name), "/proc/%s", rows[i].name);
		CHECKF(lstat(name, &st) == 0 && st.st_mode == rows[i].mode, "%s: type and mode", rows[i].name);
		CHECKF(st.st_uid == 0 && st.st_gid == 0, "%s: owner", rows[i].name);
		if (S_ISREG(rows[i].mode)) {
			CHECKF(slurp(name) >= 0 && (!text[0] || text[strlen(text) - 1] == '\n'), "%s: lines",
			       rows[i].name);
			int fd = open(name, O_RDONLY);
			CHECKF(fd >= 0 && read(fd, text, 0) == 0 && lseek(fd, 0, SEEK_SET) == 0, "%s: nothing read",
			       rows[i].name);
			CHECKF(slurp(name) == 0 || ANSWER(pread(fd, unmapped_address(), 1, 0)) == -EFAULT,
			       "%s: a bad address", rows[i].name);
			close(fd);
		}
		CHECKF(ANSWER(unlink(name)) < 0 && ANSWER(rename(name, "/proc/y")) < 0,
		       "%s cannot be removed or renamed", rows[i].name);
	}
	CHECK(statfs("/proc", &fs) == 0 && fs.f_type == 0x9fa0 && fs.f_bsize == PAGE && fs.f_blocks == 0);
	CHECK(stat("/proc", &st) == 0 && (st.st_mode & 07777) == 0555);
	CHECK_ERRNO(open("/proc/not-there", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/0", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/-1", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/99999999999", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/01", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/proc/1x", O_RDONLY), ENOENT);
	CHECK_ERRNO(mkdir("/proc/x", 0700), ENOENT);
	CHECK_ERRNO(open("/proc/x", O_RDWR | O_CREAT, 0600), ENOENT);
	CHECK_ERRNO(symlink("x", "/proc/x"), ENOENT);
}

static void contents(void)
{
	theme("/proc of the system");
	struct sysinfo info;
	struct utsname names;
	struct timespec now;
	double up[2], load[3];
	int running, threads, last, cpus = (int)sysconf(_SC_NPROCESSORS_ONLN);
	REQUIRE(sysinfo(&info) == 0 && uname(&names) == 0);
	CHECK(slurp("/proc/meminfo") > 0);
	static const char *const keys[] = {
	    "MemTotal",	      "MemFree",	"MemAvailable",	  "Buffers",	     "Cached",	       "SwapCached",
	    "Active",	      "Inactive",	"Active(anon)",	  "Inactive(anon)",  "Active(file)",   "Inactive(file)",
	    "Unevictable",    "Mlocked",	"SwapTotal",	  "SwapFree",	     "Dirty",	       "Writeback",
	    "AnonPages",      "Mapped",		"Shmem",	  "KReclaimable",    "Slab",	       "SReclaimable",
	    "SUnreclaim",     "KernelStack",	"PageTables",	  "NFS_Unstable",    "Bounce",	       "WritebackTmp",
	    "CommitLimit",    "Committed_AS",	"VmallocTotal",	  "VmallocUsed",     "VmallocChunk",   "Percpu",
	    "AnonHugePages",  "ShmemHugePages", "ShmemPmdMapped", "HugePages_Total", "HugePages_Free", "HugePages_Rsvd",
	    "HugePages_Surp", "Hugepagesize",	"Hugetlb"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECKF(after(keys[i]) >= 0, "meminfo has %s", keys[i]);
	CHECK_THAT(strstr(text, "MemTotal:       ") == text && strstr(text, " kB\n"), "its columns");
	CHECK(after("MemTotal") == (long)(info.totalram * info.mem_unit / 1024));
	CHECK(after("MemFree") <= after("MemTotal") && after("MemAvailable") <= after("MemTotal") &&
	      after("Hugepagesize") == 2048);
	CHECK(after("SwapTotal") == (long)(info.totalswap * info.mem_unit / 1024));
	char *p = map_pages(8192, PROT_READ | PROT_WRITE);
	memset(p, 1, 8192 * PAGE);
	CHECK_THAT(slurp("/proc/meminfo") > 0 && after("MemTotal") - after("MemFree") > 32768,
		   "memory in use is not free");
	munmap(p, 8192 * PAGE);
	CHECK(slurp("/proc/uptime") > 0 && sscanf(text, "%lf %lf\n", &up[0], &up[1]) == 2 && up[1] >= 0);
	clock_gettime(CLOCK_BOOTTIME, &now);
	CHECK_THAT((double)now.tv_sec + 1 >= up[0] && (double)now.tv_sec - 5 <= up[0], "uptime is CLOCK_BOOTTIME");
	CHECK(slurp("/proc/loadavg") > 0 &&
	      sscanf(text, "%lf %lf %lf %d/%d %d\n", &load[0], &load[1], &load[2], &running, &threads, &last) == 6);
	CHECK(running >= 1 && threads >= running && last >= getpid());
	CHECK(slurp("/proc/version") > 0 && !strncmp(text, "Linux version ", 14) &&
	      strstr(text, names.release) == text + 14 && strstr(text, names.version));
	CHECK(slurp("/proc/stat") > 0 && !strncmp(text, "cpu  ", 5) && fields_of_line(text) == 11);
	int lines = 0, good = 1;
	for (char *c = text; (c = strstr(c, "\ncpu")); lines++, c++)
		good &= atoi(c + 4) < 1024 && fields_of_line(c + 1) == 11;
	CHECK_THAT(good && lines == cpus, "a line for each CPU");
	static const char *const rest[] = {"intr",	    "ctxt",	     "btime",  "processes",
					   "procs_running", "procs_blocked", "softirq"};
	for (int i = 0; i < 7; i++)
		CHECKF(after(rest[i]) >= 0, "stat has %s", rest[i]);
	clock_gettime(CLOCK_REALTIME, &now);
	CHECK_THAT(labs(after("btime") + (long)up[0] - now.tv_sec) <= 3, "btime is when it started");
	long before = after("processes");
	wait_for(fork_child() ?: (_exit(0), 0));
	CHECK_THAT(slurp("/proc/stat") > 0 && after("processes") > before, "processes counts them");
	before = after("ctxt");
	sleep_ms(5);
	CHECK_THAT(slurp("/proc/stat") > 0 && after("ctxt") > before, "ctxt counts context switches");
	static const char *const cpu_keys[] = {"vendor_id",
					       "cpu family",
					       "model",
					       "model name",
					       "stepping",
					       "cpu MHz",
					       "cache size",
					       "physical id",
					       "siblings",
					       "core id",
					       "cpu cores",
					       "apicid",
					       "initial apicid",
					       "fpu",
					       "fpu_exception",
					       "cpuid level",
					       "wp",
					       "flags",
					       "bugs",
					       "bogomips",
					       "clflush size",
					       "cache_alignment",
					       "address sizes",
					       "power management"};
	CHECK(slurp("/proc/cpuinfo") > 0 && !strncmp(text, "processor\t: 0\n", 14));
	const char *at = text;
	for (size_t i = 0; i < sizeof(cpu_keys) / sizeof(cpu_keys[0]); i++) {
		char key[64];
		snprintf(key, sizeof(key), "\n%s", cpu_keys[i]);
		const char *found = strstr(at, key);
		CHECKF(found, "cpuinfo has %s, in its place", cpu_keys[i]);
		at = found ? found : at;
	}
	CHECK(strstr(text, " sse2 ") && strstr(text, " fxsr ") && strstr(text, " lm ") && strstr(text, " syscall "));
	CHECK(after("siblings") >= after("cpu cores") && after("cpu cores") >= 1 && after("clflush size") == 64);
	lines = 0;
	for (char *c = text; (c = strstr(c, "processor\t: ")); lines++, c++)
		good &= atoi(c + 12) >= lines;
	CHECK_THAT(good && lines == cpus, "as many as there are CPUs");
	CHECK(slurp("/proc/filesystems") > 0 && strstr(text, "nodev\ttmpfs\n") && strstr(text, "nodev\tproc\n") &&
	      strstr(text, "nodev\tsysfs\n") && strstr(text, "nodev\tdevtmpfs\n"));
	CHECK(slurp("/proc/devices") > 0 && !strncmp(text, "Character devices:\n", 19) && strstr(text, "  1 mem\n") &&
	      strstr(text, "136 pts\n") && strstr(text, "\n\nBlock devices:\n"));
	CHECK(slurp("/proc/swaps") > 0 && !strncmp(text, "Filename\t", 9) && slurp("/proc/vmstat") > 0 &&
	      after("nr_free_pages") > 0 && after("pgfault") > 0);
	CHECK(slurp("/proc/tty/drivers") > 0 && strstr(text, "pty_slave") && slurp("/proc/sysvipc/shm") > 0 &&
	      strstr(text, "shmid"));
	CHECK(slurp("/proc/cgroups") > 0 && text[0] == '#' && slurp("/proc/cmdline") > 0);
}

/* ---- /proc/sys ---- */

/* Writes a value and reads it back. */
static long put(const char *name, const char *what)
{
	char full[96];
	snprintf(full, sizeof(full), "/proc/sys/%s", name);
	int fd = open(full, O_WRONLY);
	long r = fd < 0 ? -errno : ANSWER(write(fd, what, strlen(what)));
	close(fd);
	return r;
}

static void writing(void)
{
	char name[96];
	/* What may be written is put back as it was. */
	static const char *const numbers[] = {"vm/swappiness", "vm/overcommit_ratio", "kernel/panic"};
	for (int i = 0; i < 3; i++) {
		char old[32];
		snprintf(name, sizeof(name), "/proc/sys/%s", numbers[i]);
		slurp(name);
		snprintf(old, sizeof(old), "%.31s", text);
		CHECKF(put(numbers[i], "7\n") == 2 && slurp(name) == 2 && !strcmp(text, "7\n"), "%s is written",
		       numbers[i]);
		CHECKF(put(numbers[i], " 8 ") == 3 && slurp(name) == 2 && !strcmp(text, "8\n"), "%s: spaces around it",
		       numbers[i]);
		CHECKF(put(numbers[i], "word") == -EINVAL && slurp(name) == 2 && !strcmp(text, "8\n"), "%s: no number",
		       numbers[i]);
		CHECKF(put(numbers[i], "99999999999999999999") == -EINVAL, "%s: too large", numbers[i]);
		CHECKF(put(numbers[i], old) == (long)strlen(old) && slurp(name) > 0 && !strcmp(text, old), "%s is back",
		       numbers[i]);
	}
	CHECK(put("vm/overcommit_memory", "3") == -EINVAL && put("vm/overcommit_memory", "-1") == -EINVAL &&
	      put("vm/swappiness", "201") == -EINVAL);
	CHECK_IN_CHILD_THAT(setgid(4321) == 0 && setuid(4321) == 0 && put("vm/swappiness", "7") == -EACCES,
			    "an ordinary user writes nothing");
}

static void settings(void)
{
	theme("/proc/sys");
	static const struct {
		const char *name;
		char kind; /* n: a number; w: one word; t: several numbers */
	} rows[] = {{"kernel/ostype", 'w'},
		    {"kernel/osrelease", 'w'},
		    {"kernel/version", 's'},
		    {"kernel/hostname", 'w'},
		    {"kernel/domainname", 'w'},
		    {"kernel/pid_max", 'n'},
		    {"kernel/threads-max", 'n'},
		    {"kernel/cap_last_cap", 'n'},
		    {"kernel/ngroups_max", 'n'},
		    {"kernel/overflowuid", 'n'},
		    {"kernel/overflowgid", 'n'},
		    {"kernel/core_pattern", 's'},
		    {"kernel/core_uses_pid", 'n'},
		    {"kernel/randomize_va_space", 'n'},
		    {"kernel/dmesg_restrict", 'n'},
		    {"kernel/kptr_restrict", 'n'},
		    {"kernel/panic", 'n'},
		    {"kernel/printk", 't'},
		    {"kernel/tainted", 'n'},
		    {"kernel/msgmax", 'n'},
		    {"kernel/msgmnb", 'n'},
		    {"kernel/msgmni", 'n'},
		    {"kernel/sem", 't'},
		    {"kernel/shmall", 'n'},
		    {"kernel/shmmax", 'n'},
		    {"kernel/shmmni", 'n'},
		    {"kernel/random/boot_id", 'w'},
		    {"kernel/random/uuid", 'w'},
		    {"kernel/random/entropy_avail", 'n'},
		    {"kernel/random/poolsize", 'n'},
		    {"kernel/sched_rt_runtime_us", 'n'},
		    {"kernel/sched_rt_period_us", 'n'},
		    {"kernel/perf_event_paranoid", 'n'},
		    {"kernel/unprivileged_bpf_disabled", 'n'},
		    {"kernel/pty/max", 'n'},
		    {"kernel/pty/nr", 'n'},
		    {"vm/overcommit_memory", 'n'},
		    {"vm/overcommit_ratio", 'n'},
		    {"vm/max_map_count", 'n'},
		    {"vm/swappiness", 'n'},
		    {"vm/mmap_min_addr", 'n'},
		    {"vm/min_free_kbytes", 'n'},
		    {"vm/nr_hugepages", 'n'},
		    {"vm/page-cluster", 'n'},
		    {"vm/dirty_ratio", 'n'},
		    {"vm/dirty_background_ratio", 'n'},
		    {"vm/vfs_cache_pressure", 'n'},
		    {"vm/overcommit_kbytes", 'n'},
		    {"fs/file-max", 'n'},
		    {"fs/file-nr", 't'},
		    {"fs/inode-nr", 't'},
		    {"fs/nr_open", 'n'},
		    {"fs/pipe-max-size", 'n'},
		    {"fs/aio-max-nr", 'n'},
		    {"fs/aio-nr", 'n'},
		    {"fs/suid_dumpable", 'n'},
		    {"fs/protected_hardlinks", 'n'},
		    {"fs/protected_symlinks", 'n'},
		    {"fs/protected_fifos", 'n'},
		    {"fs/protected_regular", 'n'},
		    {"fs/lease-break-time", 'n'},
		    {"fs/inotify/max_user_watches", 'n'},
		    {"fs/inotify/max_user_instances", 'n'},
		    {"fs/inotify/max_queued_events", 'n'},
		    {"fs/epoll/max_user_watches", 'n'},
		    {"net/core/somaxconn", 'n'},
		    {"net/core/rmem_max", 'n'},
		    {"net/core/wmem_max", 'n'},
		    {"net/core/rmem_default", 'n'},
		    {"net/core/wmem_default", 'n'},
		    {"net/ipv4/ip_local_port_range", 't'},
		    {"net/ipv4/tcp_rmem", 't'},
		    {"net/ipv4/tcp_wmem", 't'},
		    {"net/ipv4/tcp_syncookies", 'n'},
		    {"net/ipv4/ip_forward", 'n'},
		    {"net/ipv4/tcp_fin_timeout", 'n'},
		    {"net/unix/max_dgram_qlen", 'n'}};
	struct stat st;
	char name[96];
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		snprintf(name, sizeof(name), "/proc/sys/%s", rows[i].name);
		long n = slurp(name);
		size_t digits = strspn(text, "0123456789-");
		int fine = n > 1 && text[n - 1] == '\n' && strchr(text, '\n') == text + n - 1;
		if (rows[i].kind == 'n')
			fine &= digits == (size_t)n - 1;
		else if (rows[i].kind == 't')
			fine &= digits && text[digits] == '\t' && strspn(text, "0123456789-\t") == (size_t)n - 1;
		else if (rows[i].kind == 'w')
			fine &= !memchr(text, ' ', (size_t)n);
		CHECKF(fine, "%s is %s", rows[i].name,
		       rows[i].kind == 'n'   ? "a number"
		       : rows[i].kind == 't' ? "several numbers"
					     : "words");
		CHECKF(stat(name, &st) == 0 && S_ISREG(st.st_mode) && st.st_uid == 0 && (st.st_mode & 0444) == 0444 &&
			   !(st.st_mode & 0133),
		       "%s: mode and owner", rows[i].name);
	}
	struct utsname names;
	uname(&names);
	CHECK(slurp("/proc/sys/kernel/ostype") == 6 && !strcmp(text, "Linux\n"));
	CHECK(slurp("/proc/sys/kernel/osrelease") > 0 && !strncmp(text, names.release, strlen(names.release)));
	CHECK(slurp("/proc/sys/kernel/version") > 0 && !strncmp(text, names.version, strlen(names.version)));
	CHECK(slurp("/proc/sys/kernel/hostname") > 0 && !strncmp(text, names.nodename, strlen(names.nodename)));
	CHECK(slurp("/proc/sys/kernel/overflowuid") == 6 && atoi(text) == 65534 &&
	      slurp("/proc/sys/kernel/ngroups_max") > 0 && atoi(text) == 65536);
	static char boot[64], uuid[64];
	CHECK(slurp("/proc/sys/kernel/random/boot_id") == 37 && strcpy(boot, text) &&
	      slurp("/proc/sys/kernel/random/boot_id") == 37 && !strcmp(text, boot));
	CHECK(slurp("/proc/sys/kernel/random/uuid") == 37 && strcpy(uuid, text) &&
	      slurp("/proc/sys/kernel/random/uuid") == 37 && strcmp(text, uuid) && text[8] == '-' && text[14] == '4');
	CHECK_ERRNO(open("/proc/sys/kernel/ostype", O_WRONLY | O_CREAT | O_EXCL, 0600), EEXIST);
	CHECK_ERRNO(open("/proc/sys/kernel/nothing", O_RDONLY), ENOENT);
	CHECK(put("kernel/cap_last_cap", "1") == -EACCES || put("kernel/cap_last_cap", "1") < 0);
	if (geteuid() == 0)
		writing();
	int fd = open("/proc/sys/kernel/ostype", O_RDONLY);
	CHECK_THAT(read(fd, text, 3) == 3 && !memcmp(text, "Lin", 3), "the first bytes of a value");
	close(fd);
}

/* ---- processes ---- */

static int listed(pid_t pid)
{
	DIR *dir = opendir("/proc");
	int found = 0;
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir))
		if (atoi(e->d_name) == pid)
			found += e->d_type == DT_DIR ? 1 : 100;
	closedir(dir);
	return found;
}

static void processes(void)
{
	theme("processes in /proc");
	char name[64];
	struct stat st;
	CHECK(listed(getpid()) == 1 && listed(1) == 1);
	pid_t pids[20];
	for (int i = 0; i < 20; i++)
		if ((pids[i] = fork_child()) == 0) {
			pause();
			_exit(0);
		}
	int seen = 0, directories = 0;
	for (int i = 0; i < 20; i++) {
		seen += listed(pids[i]);
		snprintf(name, sizeof(name), "/proc/%d", pids[i]);
		directories += stat(name, &st) == 0 && st.st_mode == (S_IFDIR | 0555) && st.st_uid == geteuid() &&
			       st.st_gid == getegid();
	}
	CHECK_THAT(seen == 20, "each child is listed once");
	CHECK_THAT(directories == 20, "a directory of its owner");
	DIR *dir = opendir("/proc");
	int before = 0, ordered = 1, count = 0;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		if (isdigit((unsigned char)e->d_name[0])) {
			ordered &= atoi(e->d_name) > before;
			before = atoi(e->d_name);
			count++;
			if (count == 5) { /* those that end while it is read are no trouble */
				kill(pids[10], SIGKILL);
				wait_for(pids[10]);
			}
		}
	CHECK_THAT(ordered && count >= 20, "in the order of their numbers");
	rewinddir(dir);
	int again = 0;
	for (struct dirent *e = readdir(dir); e; e = readdir(dir))
		again += atoi(e->d_name) == pids[0] || atoi(e->d_name) == pids[10];
	CHECK_THAT(again == 1 && listed(pids[10]) == 0, "one that was waited for is gone");
	closedir(dir);
	kill(pids[11], SIGKILL);
	siginfo_t info;
	waitid(P_PID, (id_t)pids[11], &info, WEXITED | WNOWAIT);
	CHECK_THAT(listed(pids[11]) == 1, "a zombie is listed");
	/* A small buffer: many calls, all entries. */
	int fd = open("/proc", O_RDONLY | O_DIRECTORY), entries = 0, r;
	char small[96];
	while ((r = (int)syscall(SYS_getdents64, fd, small, sizeof(small))) > 0)
		for (int at = 0; at < r; at += *(unsigned short *)(small + at + 16))
			for (int i = 0; i < 20; i++)
				entries += atoi(small + at + 19) == pids[i];
	close(fd);
	CHECK_THAT(entries == 19, "with a small buffer too");
	for (int i = 0; i < 20; i++)
		if (i != 10) {
			kill(pids[i], SIGKILL);
			wait_for(pids[i]);
		}
	CHECK(listed(pids[0]) == 0 && listed(pids[19]) == 0);
}

int main(void)
{
	limit_seconds(60);
	root();
	contents();
	settings();
	processes();
	return finish();
}
