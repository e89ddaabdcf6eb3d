/* SPDX-License-Identifier: Apache-2.0
 * /proc/PID about memory, descriptors, threads and mounts: maps and its kin against mappings just made, fd and fdinfo
 * of each kind of file, task, mountinfo, links; reading in pieces; what others may see.
 * area: /dev /proc /sys
 * flags: -pthread
 */
#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/timerfd.h>

#include "probe.h"

static char text[1 << 18], other[1 << 18];

#define slurp(name) read_text(name, text, sizeof(text))

/* ---- maps ---- */

struct line {
	unsigned long start, end, offset, inode;
	unsigned major, minor;
	char mode[8], name[256];
};

/* The line of maps about an address; start 0: none. */
static struct line line_of(const void *address)
{
	struct line l = {0};
	if (slurp("/proc/self/maps") <= 0)
		return l;
	for (char *p = text; *p; p = strchr(p, '\n') + 1) {
		l = (struct line){0};
		int at = 0;
		if (sscanf(p, "%lx-%lx %7s %lx %x:%x %lu%n", &l.start, &l.end, l.mode, &l.offset, &l.major, &l.minor,
			   &l.inode, &at) < 7)
			break;
		at += (int)strspn(p + at, " ");
		snprintf(l.name, sizeof(l.name), "%.*s", (int)strcspn(p + at, "\n"), p + at);
		if (l.start <= (uintptr_t)address && (uintptr_t)address < l.end)
			return l;
	}
	return (struct line){0};
}

static void maps(void)
{
	theme("/proc/PID/maps");
	char path[] = "/dev/shm/maps XXXXXX";
	int fd = mkstemp(path);
	struct stat st;
	REQUIRE(fd >= 0 && ftruncate(fd, 16 * PAGE) == 0 && fstat(fd, &st) == 0);
	static const struct {
		const char *name, *mode;
		int protection, flags;
		long offset; /* -1: anonymous */
	} rows[] = {{"none", "---p", PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1},
		    {"read", "r--p", PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1},
		    {"read and write", "rw-p", PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1},
		    {"execute", "r-xp", PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1},
		    {"all", "rwxp", PROT_READ | PROT_WRITE | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1},
		    {"shared", "rw-s", PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1},
		    {"a file", "rw-p", PROT_READ | PROT_WRITE, MAP_PRIVATE, 0},
		    {"a file further on", "r--p", PROT_READ, MAP_PRIVATE, 3 * PAGE},
		    {"a shared file", "rw-s", PROT_READ | PROT_WRITE, MAP_SHARED, PAGE},
		    {"a shared file, reading", "r--s", PROT_READ, MAP_SHARED, 8 * PAGE}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		char *around = map_pages(6, PROT_NONE), *p = around + PAGE;
		munmap(around, 6 * PAGE);
		REQUIRE(mmap(p, 4 * PAGE, rows[i].protection, rows[i].flags | MAP_FIXED, rows[i].offset < 0 ? -1 : fd,
			     rows[i].offset < 0 ? 0 : rows[i].offset) == p);
		struct line l = line_of(p);
		CHECKF(l.start == (uintptr_t)p && l.end == (uintptr_t)p + 4 * PAGE, "%s: addresses", rows[i].name);
		CHECKF(!strcmp(l.mode, rows[i].mode), "%s: mode", rows[i].name);
		if (rows[i].offset >= 0) {
			CHECKF(l.offset == (unsigned long)rows[i].offset && l.inode == st.st_ino,
			       "%s: offset and inode", rows[i].name);
			CHECKF(makedev(l.major, l.minor) == st.st_dev, "%s: device", rows[i].name);
			CHECKF(!strcmp(l.name, path), "%s: name", rows[i].name);
		} else if (rows[i].flags & MAP_SHARED) {
			CHECKF(!strcmp(l.name, "/dev/zero (deleted)") && l.inode, "%s: name", rows[i].name);
		} else {
			CHECKF(!l.name[0] && l.offset == 0 && l.inode == 0 && !l.major && !l.minor, "%s: no file",
			       rows[i].name);
		}
		CHECKF(mprotect(p + PAGE, PAGE, PROT_NONE) == 0 && (i == 0 || line_of(p).end == (uintptr_t)p + PAGE),
		       "%s: mprotect splits it", rows[i].name);
		CHECKF(rows[i].offset < 0 || line_of(p + 2 * PAGE).offset == (unsigned long)(rows[i].offset + 2 * PAGE),
		       "%s: the offset behind it", rows[i].name);
		CHECKF(munmap(p, 4 * PAGE) == 0 && line_of(p).start == 0, "%s: munmap removes it", rows[i].name);
	}
	int local = 0;
	struct line stack = line_of(&local), heap, code = line_of((void *)(uintptr_t)maps),
		    data = line_of(&probe_escape);
	CHECK(!strcmp(stack.name, "[stack]") && !strcmp(stack.mode, "rw-p"));
	CHECK(sbrk(10 * PAGE) != (void *)-1 && (heap = line_of(sbrk(0) - 1), !strcmp(heap.name, "[heap]")) &&
	      heap.end == (uintptr_t)sbrk(0));
	CHECK(!strcmp(code.mode, "r-xp") && strstr(code.name, "/proc_maps") && code.inode);
	CHECK(!strcmp(data.mode, "rw-p"));
	slurp("/proc/self/maps");
	CHECK(strstr(text, "[vdso]\n") && strstr(text, "r-xp"));
	unsigned long before = 0;
	int ordered = 1, padded = 1;
	for (char *p = text; *p; p = strchr(p, '\n') + 1) {
		unsigned long start = strtoul(p, NULL, 16);
		const char *name = memchr(p, '/', strcspn(p, "\n"));
		ordered &= start >= before;
		before = start;
		padded &= !name || name - p == 73;
	}
	CHECK_THAT(ordered, "lines are in the order of addresses");
	CHECK_THAT(padded, "names are in one column");
	char *p = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, fd, 0);
	unlink(path);
	CHECK_THAT(!strncmp(line_of(p).name, path, strlen(path)) && strstr(line_of(p).name, " (deleted)"),
		   "a file without a name");
	munmap(p, PAGE);
	close(fd);
	/* Anonymous neighbours with the same rights are one. */
	p = map_pages(8, PROT_READ | PROT_WRITE);
	mprotect(p + 2 * PAGE, PAGE, PROT_READ);
	CHECK(line_of(p + 2 * PAGE).end == (uintptr_t)p + 3 * PAGE && !strcmp(line_of(p + 2 * PAGE).mode, "r--p"));
	mprotect(p + 2 * PAGE, PAGE, PROT_READ | PROT_WRITE);
	CHECK_THAT(line_of(p).end >= (uintptr_t)p + 8 * PAGE, "they merge again");
}

static long total(const char *key)
{
	long sum = 0;
	size_t length = strlen(key);
	for (const char *p = text; (p = strstr(p, key)); p += length)
		if (p == text || p[-1] == '\n')
			sum += atol(p + length);
	return sum;
}

static void usage(void)
{
	theme("smaps and smaps_rollup");
	char *p = map_pages(512, PROT_READ | PROT_WRITE), head[64];
	memset(p, 1, 256 * PAGE);
	mprotect(p + 511 * PAGE, PAGE, PROT_READ); /* it may have neighbours: these have their own line now */
	REQUIRE(slurp("/proc/self/smaps") > 0);
	static const char *const keys[] = {"Size:",	     "KernelPageSize:", "MMUPageSize:",	   "Rss:",
					   "Pss:",	     "Shared_Clean:",	"Shared_Dirty:",   "Private_Clean:",
					   "Private_Dirty:", "Referenced:",	"Anonymous:",	   "LazyFree:",
					   "AnonHugePages:", "ShmemPmdMapped:", "Shared_Hugetlb:", "Private_Hugetlb:",
					   "Swap:",	     "SwapPss:",	"Locked:",	   "THPeligible:",
					   "VmFlags:"};
	for (size_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
		CHECKF(strstr(text, keys[i]), "smaps has %s", keys[i]);
	long rss = total("Rss:"), size = total("Size:"), pss = total("Pss:");
	CHECK(rss >= 1024 && size >= rss && pss <= rss && total("Anonymous:") >= 1024 &&
	      total("Private_Dirty:") >= 1024);
	CHECK(total("Shared_Clean:") + total("Shared_Dirty:") + total("Private_Clean:") + total("Private_Dirty:") ==
	      rss);
	snprintf(head, sizeof(head), "-%lx rw-p", (unsigned long)(uintptr_t)p + 511 * PAGE);
	const char *mine = strstr(text, head);
	CHECK_THAT(mine && atol(strstr(mine, "\nRss:") + 5) >= 1024 && atol(strstr(mine, "\nSize:") + 6) >= 511 * 4,
		   "a mapping's own numbers");
	CHECK(mine && !strncmp(strstr(mine, "VmFlags:"), "VmFlags: rd wr mr mw me", 23));
	CHECK(slurp("/proc/self/smaps_rollup") > 0 && strstr(text, "[rollup]\n") && labs(total("Rss:") - rss) <= 256);
	CHECK(slurp("/proc/self/maps") > 0);
	int lines = 0, headers = 0;
	for (char *c = text; *c; c++)
		lines += *c == '\n';
	slurp("/proc/self/smaps");
	for (const char *c = text; (c = strstr(c, "VmFlags:")); c++)
		headers++;
	CHECK_THAT(lines == headers, "smaps has the mappings of maps");
}

/* ---- reading in pieces ---- */

static void pieces(void)
{
	static const char *const names[] = {"/proc/self/maps",
					    "/proc/self/limits",
					    "/proc/self/mountinfo",
					    "/proc/self/cmdline",
					    "/proc/self/environ",
					    "/proc/self/auxv",
					    "/proc/cpuinfo",
					    "/proc/filesystems",
					    "/proc/version",
					    "/proc/devices",
					    "/proc/sys/kernel/ostype",
					    "/proc/self/uid_map",
					    "/sys/devices/system/cpu/online"};
	theme("reading in pieces");
	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		int fd = open(names[i], O_RDONLY), same = 1;
		long n = 0, r, whole = read(fd, other, sizeof(other));
		while (whole > 0 && (r = read(fd, other + whole, sizeof(other) - (size_t)whole)) > 0)
			whole += r;
		lseek(fd, 0, SEEK_SET);
		while ((r = read(fd, text + n, 7)) > 0)
			n += r;
		CHECKF(n == whole && !memcmp(text, other, (size_t)n), "%s: seven bytes at a time", names[i]);
		if (strcmp(names[i], "/proc/sys/kernel/ostype")) {
			for (long at = 0; at < whole; at += whole / 13 + 1)
				same &= pread(fd, text, 20, at) == (whole - at < 20 ? whole - at : 20) &&
					!memcmp(text, other + at, (size_t)(whole - at < 20 ? whole - at : 20));
			CHECKF(same, "%s: at any offset", names[i]);
		}
		CHECKF(pread(fd, text, 100, whole) == 0 && pread(fd, text, 100, whole + 1000) == 0, "%s: at its end",
		       names[i]);
		CHECKF(ANSWER(pread(fd, unmapped_address(), 10, 0)) == -EFAULT, "%s: to a bad address", names[i]);
		CHECKF(lseek(fd, 3, SEEK_SET) == 3 && ANSWER(lseek(fd, -4, SEEK_CUR)) == -EINVAL &&
			   lseek(fd, 0, SEEK_CUR) == 3,
		       "%s: lseek", names[i]);
		close(fd);
	}
}

/* ---- descriptors ---- */

/* The value of "key:" in the fdinfo of fd. */
static const char *info(int fd, const char *key)
{
	static char out[128];
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fdinfo/%d", fd);
	if (slurp(name) <= 0)
		return "(none)";
	size_t length = strlen(key);
	for (char *p = text; *p; p = strchr(p, '\n') + 1)
		if (!strncmp(p, key, length) && p[length] == ':') {
			p += length + 1;
			p += strspn(p, " \t");
			snprintf(out, sizeof(out), "%.*s", (int)strcspn(p, "\n"), p);
			return out;
		}
	return "(none)";
}

static const char *link_of(int fd)
{
	static char out[256];
	char name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	long n = readlink(name, out, sizeof(out) - 1);
	out[n < 0 ? 0 : n] = 0;
	return out;
}

static void descriptors(void)
{
	theme("/proc/PID/fd and fdinfo");
	char path[] = "/dev/shm/fds-XXXXXX", wanted[128];
	int fd = mkstemp(path), fds[2] = {-1, -1};
	struct stat st;
	REQUIRE(fd >= 0 && pipe(fds) == 0 && write(fd, "12345", 5) == 5);
	CHECK(!strcmp(info(fd, "pos"), "5") && strtol(info(fd, "flags"), NULL, 8) == fcntl(fd, F_GETFL));
	CHECK(fstat(fd, &st) == 0 && strtoul(info(fd, "ino"), NULL, 10) == st.st_ino && atoi(info(fd, "mnt_id")) > 0);
	CHECK(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 &&
	      strtol(info(fd, "flags"), NULL, 8) == (fcntl(fd, F_GETFL) | O_CLOEXEC));
	CHECK(!strcmp(link_of(fd), path));
	snprintf(wanted, sizeof(wanted), "pipe:[%lu]", fstat(fds[0], &st) ? 0 : st.st_ino);
	CHECK(!strcmp(link_of(fds[0]), wanted) && !strcmp(link_of(fds[1]), wanted));
	static const struct {
		int flags;
		unsigned mode;
	} modes[] = {{O_RDONLY, 0500}, {O_WRONLY, 0300}, {O_RDWR, 0700}, {O_PATH, 0000}};
	for (int i = 0; i < 4; i++) {
		char name[64];
		int opened = open(path, modes[i].flags);
		snprintf(name, sizeof(name), "/proc/self/fd/%d", opened);
		CHECKF(lstat(name, &st) == 0 && S_ISLNK(st.st_mode) && (st.st_mode & 0777) == modes[i].mode,
		       "the link of a file opened with %#o", modes[i].flags);
		CHECKF(strtol(info(opened, "flags"), NULL, 8) == fcntl(opened, F_GETFL), "its flags, %#o",
		       modes[i].flags);
		close(opened);
	}
	struct flock lock = {.l_type = F_WRLCK, .l_start = 10, .l_len = 5};
	fcntl(fd, F_SETLK, &lock);
	fstat(fd, &st);
	snprintf(wanted, sizeof(wanted), "1: POSIX  ADVISORY  WRITE %d %02x:%02x:%lu 10 14", getpid(), major(st.st_dev),
		 minor(st.st_dev), st.st_ino);
	CHECK_THAT(!strcmp(info(fd, "lock"), wanted), "fdinfo of a file with a POSIX lock");
	lock.l_type = F_UNLCK;
	fcntl(fd, F_SETLK, &lock);
	CHECK(!strcmp(info(fd, "lock"), "(none)"));
	flock(fd, LOCK_SH);
	snprintf(wanted, sizeof(wanted), "1: FLOCK  ADVISORY  READ %d %02x:%02x:%lu 0 EOF", getpid(), major(st.st_dev),
		 minor(st.st_dev), st.st_ino);
	CHECK_THAT(!strcmp(info(fd, "lock"), wanted), "with a lock of flock");
	CHECK_THAT(slurp("/proc/locks") > 0 && strstr(text, wanted + 2), "which /proc/locks lists");
	flock(fd, LOCK_UN);
	int event = eventfd(77, EFD_NONBLOCK), watcher = epoll_create1(0), timer = timerfd_create(CLOCK_MONOTONIC, 0),
	    watches = inotify_init(), pair[2];
	sigset_t set;
	sigemptyset(&set);
	sigaddset(&set, SIGUSR1);
	int signals = signalfd(-1, &set, 0);
	REQUIRE(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0);
	CHECK(strtoul(info(event, "eventfd-count"), NULL, 16) == 77 && !strcmp(link_of(event), "anon_inode:[eventfd]"));
	struct epoll_event e = {.events = EPOLLIN | EPOLLET, .data.u64 = 0x1234};
	epoll_ctl(watcher, EPOLL_CTL_ADD, event, &e);
	unsigned tfd = 0, events = 0;
	unsigned long data = 0;
	CHECK(sscanf(info(watcher, "tfd"), "%u events: %x data: %lx", &tfd, &events, &data) == 3 && (int)tfd == event &&
	      (events & EPOLLIN) && data == 0x1234);
	CHECK(!strcmp(link_of(watcher), "anon_inode:[eventpoll]"));
	struct itimerspec its = {{1, 500}, {1000, 0}};
	timerfd_settime(timer, 0, &its, NULL);
	CHECK(!strcmp(info(timer, "clockid"), "1") && !strcmp(info(timer, "ticks"), "0") &&
	      !strcmp(info(timer, "settime flags"), "00"));
	CHECK(!strcmp(info(timer, "it_interval"), "(1, 500)") && !strncmp(info(timer, "it_value"), "(999, ", 6));
	CHECK(!strcmp(link_of(timer), "anon_inode:[timerfd]"));
	CHECK(strtoul(info(signals, "sigmask"), NULL, 16) == 1ul << (SIGUSR1 - 1) &&
	      !strcmp(link_of(signals), "anon_inode:[signalfd]"));
	int wd = inotify_add_watch(watches, "/dev/shm", IN_CREATE);
	unsigned seen = 0, mask = 0;
	char *line = info(watches, "flags") ? strstr(text, "inotify wd:") : NULL;
	CHECK(line && sscanf(line, "inotify wd:%x ino:%lx sdev:%*x mask:%x", &seen, &data, &mask) == 3 &&
	      (int)seen == wd && mask == IN_CREATE);
	CHECK(stat("/dev/shm", &st) == 0 && data == st.st_ino);
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", fstat(pair[0], &st) ? 0 : st.st_ino);
	CHECK(!strcmp(link_of(pair[0]), wanted));
	pid_t pid = fork_child();
	if (pid == 0) {
		pause();
		_exit(0);
	}
	int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
	CHECK(atoi(info(pidfd, "Pid")) == pid && atoi(info(pidfd, "NSpid")) == pid);
	kill(pid, SIGKILL);
	wait_for(pid);
	CHECK(atoi(info(pidfd, "Pid")) == -1);
	/* The directories. */
	DIR *dir = opendir("/proc/self/fd");
	int count = 0, good = 1;
	for (struct dirent *d = readdir(dir); d; d = readdir(dir))
		if (d->d_name[0] != '.') {
			count++;
			good &= fcntl(atoi(d->d_name), F_GETFD) >= 0 && d->d_type == DT_LNK;
		}
	closedir(dir);
	CHECK_THAT(good && count >= 15, "readdir of fd lists what is open");
	CHECK(stat("/proc/self/fd", &st) == 0 && (st.st_mode & 07777) == 0500 && stat("/proc/self/fdinfo", &st) == 0 &&
	      (st.st_mode & 07777) == 0555);
	CHECK_ERRNO(readlink("/proc/self/fd/4567", other, 10), ENOENT);
	CHECK_ERRNO(open("/proc/self/fd/04", O_RDONLY), ENOENT);
	if (geteuid() == 0)
		CHECK_ERRNO(unlink("/proc/self/fd/0"), EPERM);
	CHECK_ERRNO(mkdir("/proc/self/x", 0700), ENOENT);
	const int *const all[] = {&event, &watcher, &timer, &watches, &signals, &pidfd};
	for (int i = 0; i < 6; i++)
		close(*all[i]);
	unlink(path);
	close(fd);
}

/* ---- threads ---- */

static pthread_barrier_t barrier;

static void *rests(void *arg)
{
	*(pid_t *)arg = (pid_t)syscall(SYS_gettid);
	prctl(PR_SET_NAME, "resting");
	pthread_barrier_wait(&barrier);
	pthread_barrier_wait(&barrier);
	return NULL;
}

static void tasks(void)
{
	theme("/proc/PID/task");
	pthread_t thread;
	pid_t tid = 0;
	char name[96], mine[64];
	struct stat st;
	pthread_barrier_init(&barrier, NULL, 2);
	CHECK(stat("/proc/self/task", &st) == 0 && st.st_nlink == 3);
	REQUIRE(pthread_create(&thread, NULL, rests, &tid) == 0);
	pthread_barrier_wait(&barrier);
	CHECK(stat("/proc/self/task", &st) == 0 && st.st_nlink == 4);
	DIR *dir = opendir("/proc/self/task");
	int seen = 0, count = 0;
	for (struct dirent *d = readdir(dir); d; d = readdir(dir))
		if (d->d_name[0] != '.') {
			count++;
			seen += atoi(d->d_name) == tid || atoi(d->d_name) == getpid();
		}
	closedir(dir);
	CHECK_THAT(count == 2 && seen == 2, "it lists the threads");
	snprintf(name, sizeof(name), "/proc/self/task/%d/comm", tid);
	CHECK(slurp(name) == 8 && !strcmp(text, "resting\n") && slurp("/proc/self/comm") == 10);
	int fd = open(name, O_WRONLY);
	CHECK_THAT(write(fd, "renamed", 7) == 7 && slurp(name) == 8 && !strcmp(text, "renamed\n"),
		   "another thread of the process names it");
	close(fd);
	snprintf(name, sizeof(name), "/proc/self/task/%d/status", tid);
	CHECK(slurp(name) > 0 && strstr(text, "Name:\trenamed\n") && strstr(text, "\nThreads:\t2\n"));
	snprintf(mine, sizeof(mine), "\nTgid:\t%d\n", getpid());
	CHECK(strstr(text, mine));
	snprintf(mine, sizeof(mine), "\nPid:\t%d\n", tid);
	CHECK(strstr(text, mine));
	snprintf(name, sizeof(name), "/proc/self/task/%d/stat", tid);
	until_asleep(getpid(), tid);
	CHECK(slurp(name) > 0 && atoi(text) == tid && strstr(text, "(renamed) S "));
	snprintf(name, sizeof(name), "/proc/%d/status", tid);
	CHECK_THAT(slurp(name) > 0 && strstr(text, mine), "a thread can be named in /proc");
	snprintf(name, sizeof(name), "/proc/self/task/%d/fd/0", tid);
	CHECK(readlink(name, other, 100) > 0);
	snprintf(name, sizeof(name), "/proc/self/task/%d/task", tid);
	CHECK_ERRNO(stat(name, &st), ENOENT);
	snprintf(name, sizeof(name), "%d/task/%d", getpid(), getpid());
	memset(other, 0, 100);
	CHECK(readlink("/proc/thread-self", other, 100) > 0 && !strcmp(other, name));
	snprintf(name, sizeof(name), "/proc/self/task/%d/stat", tid);
	fd = open(name, O_RDONLY);
	pthread_barrier_wait(&barrier);
	pthread_join(thread, NULL);
	for (int i = 0; i < 1000 && pread(fd, other, 10, 0) > 0; i++)
		sleep_ms(1); /* joined, it may still be on its way out */
	CHECK_ERRNO_THAT(pread(fd, other, 10, 0), ESRCH, "a thread that ended");
	CHECK(slurp(name) == -ENOENT && slurp("/proc/self/task/1/stat") == -ENOENT);
	close(fd);
}

/* ---- links, mounts, namespaces, others ---- */

static void places(const char *self)
{
	theme("links of /proc/PID");
	char name[64], here[256], real[256];
	struct stat st, again;
	memset(other, 0, 300);
	snprintf(name, sizeof(name), "%d", getpid());
	CHECK(readlink("/proc/self", other, 100) == (long)strlen(name) && !strcmp(other, name));
	REQUIRE(getcwd(here, sizeof(here)) && realpath(self, real));
	memset(other, 0, 300);
	CHECK(readlink("/proc/self/cwd", other, 256) > 0 && !strcmp(other, here));
	memset(other, 0, 300);
	CHECK(readlink("/proc/self/exe", other, 256) == (long)strlen(real) && !strcmp(other, real) &&
	      readlink("/proc/self/exe", other, 3) == 3);
	CHECK(readlink("/proc/self/root", other, 100) == 1 && other[0] == '/');
	CHECK(stat("/proc/self/cwd", &st) == 0 && stat(".", &again) == 0 && st.st_ino == again.st_ino &&
	      stat("/proc/self/exe", &st) == 0 && stat(self, &again) == 0 && st.st_ino == again.st_ino);
	CHECK_IN_CHILD_THAT(chdir("/dev/shm") == 0 && readlink("/proc/self/cwd", other, 100) == 8 &&
				!memcmp(other, "/dev/shm", 8),
			    "cwd follows chdir");
	if (geteuid() == 0)
		CHECK_IN_CHILD_THAT(chroot("/dev") == 0 && chdir("/shm") == 0, "chroot");
	if (geteuid() == 0)
		CHECK_ERRNO(open("/proc/self/exe", O_WRONLY), ETXTBSY);
	CHECK_ERRNO(rename("/proc/self/comm", "/proc/self/commx"), ENOENT);
	static const char *const spaces[] = {"cgroup",		 "ipc",	 "mnt", "net", "pid",
					     "pid_for_children", "user", "uts", "time"};
	for (size_t i = 0; i < sizeof(spaces) / sizeof(spaces[0]); i++) {
		snprintf(name, sizeof(name), "/proc/self/ns/%s", spaces[i]);
		memset(other, 0, 100);
		const char *kind = i == 5 ? "pid" : spaces[i];
		CHECKF(readlink(name, other, 100) > 0 && !strncmp(other, kind, strlen(kind)) &&
			   other[strlen(kind)] == ':' && other[strlen(kind) + 1] == '[',
		       "namespace %s", spaces[i]);
	}
	theme("mountinfo");
	CHECK(slurp("/proc/self/mountinfo") > 0);
	int lines = 0, good = 1, root = 0, shm = 0;
	for (char *p = text; *p; p = strchr(p, '\n') + 1, lines++) {
		int id, parent;
		unsigned device[2];
		char inside[128], where[128], options[128];
		good &= sscanf(p, "%d %d %u:%u %127s %127s %127s ", &id, &parent, &device[0], &device[1], inside, where,
			       options) == 7 &&
			inside[0] == '/' && where[0] == '/';
		good &= !strncmp(options, "rw", 2) || !strncmp(options, "ro", 2);
		const char *dash = strstr(p, " - ");
		good &= dash && dash < strchr(p, '\n') && stat(where, &st) == 0;
		if (!strcmp(where, "/"))
			root = st.st_dev == makedev(device[0], device[1]);
		shm |= !strcmp(where, "/dev/shm") || !strcmp(where, "/dev");
	}
	CHECK_THAT(good && lines >= 3, "each line has its fields");
	CHECK(root && shm);
	CHECK(slurp("/proc/mounts") > 0 && strstr(text, " /proc proc rw") && strstr(text, " 0 0\n"));
	long n = slurp("/proc/self/mounts");
	memcpy(other, text, (size_t)n);
	CHECK_THAT(slurp("/proc/mounts") == n && !memcmp(text, other, (size_t)n), "/proc/mounts is one's own");
}

static void others(void)
{
	char name[64];
	struct stat st;
	theme("processes of other users");
	snprintf(name, sizeof(name), "/proc/%d", getppid());
	static const struct {
		const char *file;
		int open; /* what opening it as another user says */
	} files[] = {{"status", 0},	  {"stat", 0},	    {"statm", 0},     {"cmdline", 0}, {"comm", 0},
		     {"limits", 0},	  {"cgroup", 0},    {"oom_score", 0}, {"mounts", 0},  {"loginuid", 0},
		     {"environ", EACCES}, {"mem", EACCES},  {"auxv", EACCES}, {"io", EACCES}, {"fd", EACCES},
		     {"task", 0},	  {"maps", EACCES}, {"smaps", EACCES}};
	for (size_t i = 0; i < sizeof(files) / sizeof(files[0]); i++) {
		snprintf(name, sizeof(name), "/proc/%d/%s", getpid(), files[i].file);
		pid_t pid = fork_child();
		if (pid == 0) {
			if (setgroups(0, NULL) || setgid(4321) || setuid(4321))
				_exit(255);
			int fd = open(name, O_RDONLY);
			int answer = fd < 0 ? errno : 0;
			if (fd >= 0 && answer == 0 && files[i].open && read(fd, other, 10) < 0)
				answer = errno;
			_exit(answer);
		}
		CHECKF(WEXITSTATUS(wait_for(pid)) == files[i].open, "%s", files[i].file);
	}
	static const char *const links[] = {"exe", "cwd", "root", "fd/0", "ns/net"};
	for (int i = 0; i < 5; i++) {
		snprintf(name, sizeof(name), "/proc/%d/%s", getpid(), links[i]);
		CHECK_IN_CHILD_THAT(
		    setgid(4321) == 0 && setuid(4321) == 0 && ANSWER(readlink(name, other, 100)) == -EACCES, links[i]);
	}
	CHECK_IN_CHILD_THAT(setgid(4321) == 0 && setuid(4321) == 0 && stat("/proc/self", &st) == 0 &&
				st.st_uid == 4321 && stat("/proc/self/status", &st) == 0 && st.st_uid == 0,
			    "files of one that changed its identity are root's");
	CHECK_IN_CHILD_THAT(setgid(4321) == 0 && setuid(4321) == 0 && prctl(PR_SET_DUMPABLE, 1) == 0 &&
				stat("/proc/self/status", &st) == 0 && st.st_uid == 4321 && st.st_gid == 4321,
			    "dumpable again, its own");
}

int main(int argc, char **argv)
{
	limit_seconds(60);
	maps();
	usage();
	pieces();
	descriptors();
	tasks();
	places(argv[0]);
	if (geteuid() == 0)
		others();
	return finish();
}
