/* SPDX-License-Identifier: Apache-2.0
 * What ps, lscpu, findmnt and the like rely on in /proc and /sys.
 * area: /dev /proc /sys
 */
#include <fcntl.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

#include "probe.h"

static char text[65536];

/* The whole file, without the last newline; NULL: it is not there. */
static const char *contents(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t n = 0;
	ssize_t r = fd < 0 ? -1 : 1;
	while (r > 0 && n < sizeof(text) - 1 && (r = read(fd, text + n, sizeof(text) - 1 - n)) > 0)
		n += (size_t)r;
	if (fd >= 0)
		close(fd);
	text[n] = '\0';
	if (n && text[n - 1] == '\n')
		text[n - 1] = '\0';
	return fd < 0 || r < 0 ? NULL : text;
}

static int is(const char *path, const char *wanted)
{
	const char *got = contents(path);
	return got && strcmp(got, wanted) == 0;
}

/* Field n (from 1) of /proc/self/stat as a number; the name in brackets is the second. */
static long stat_field(int n)
{
	const char *at = contents("/proc/self/stat");
	at = at ? strrchr(at, ')') : NULL;
	for (int i = 2; at && i < n; i++)
		at = strchr(at + 1, ' ');
	return at ? strtol(at + 1, NULL, 10) : -1000;
}

/* In a child: a session of its own with a terminal. */
static int with_terminal(void)
{
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), number, unlock = 0;
	char name[32];
	struct stat st;
	if (master < 0 || ioctl(master, TIOCGPTN, &number) != 0 || ioctl(master, TIOCSPTLCK, &unlock) != 0)
		return 0;
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	if (setsid() < 0 || stat_field(7) != 0 || stat_field(8) != -1)
		return 0;
	int slave = open(name, O_RDWR);
	return slave >= 0 && fstat(slave, &st) == 0 && stat_field(7) == (long)st.st_rdev && stat_field(8) == getpid() &&
	       stat_field(5) == getpid() && stat_field(6) == getpid();
}

static void processes(void)
{
	theme("stat");
	CHECK(stat_field(4) == getppid() && stat_field(5) == getpgrp() && stat_field(6) == getsid(0));
	CHECK_IN_CHILD_THAT(with_terminal(), "fields 7 and 8 tell of the controlling terminal");
	CHECK_THAT(prctl(PR_SET_NAME, "a\nb\\c") == 0 && contents("/proc/self/status") &&
		       strncmp(text, "Name:\ta\\nb\\\\c\nUmask:", 20) == 0,
		   "a name cannot forge lines of /proc/self/status");
	CHECK_THAT(contents("/proc/tty/drivers") && strstr(text, "pty_slave            /dev/pts      136 "),
		   "/proc/tty/drivers has pty_slave");
	CHECK(contents("/proc/tty/ldiscs") && strstr(text, "n_tty       0"));
}

static void mounts(void)
{
	unsigned lines = 0, rooted = 0, root = 0;
	theme("mounts");
	const char *at = contents("/proc/self/mountinfo");
	for (; at && *at; at = strchr(at, '\n') ? strchr(at, '\n') + 1 : "") {
		char where[4096] = "";
		lines++;
		sscanf(at, "%*d %*d %*s %*s %4095s", where);
		rooted += where[0] == '/';
		root += strcmp(where, "/") == 0;
	}
	CHECK(lines > 0 && rooted == lines);
	CHECK_THAT(root == 1, "one root: what is mounted outside of it is not told");
	if (geteuid() == 0 && mkdir("probe-root", 0700) == 0) {
		int proc = open("/proc", O_RDONLY | O_DIRECTORY);
		pid_t child = fork_child();
		if (child == 0) {
			char buffer[100];
			if (chroot("probe-root") != 0)
				_exit(2);
			int fd = openat(proc, "self/mounts", O_RDONLY);
			_exit(fd >= 0 && read(fd, buffer, sizeof(buffer)) == 0 ? 0 : 1);
		}
		CHECK_THAT(wait_for(child) == 0, "below a directory that nothing is mounted in, none is told");
		rmdir("probe-root");
		close(proc);
	}
}

static void system_files(void)
{
	char wanted[64];
	long cpus = sysconf(_SC_NPROCESSORS_CONF);
	theme("sys");
	snprintf(wanted, sizeof(wanted), cpus > 1 ? "0-%ld" : "%ld", cpus - 1);
	CHECK(is("/sys/devices/system/cpu/present", wanted));
	CHECK(contents("/sys/devices/system/cpu/kernel_max") && strtol(text, NULL, 10) >= cpus - 1);
	CHECK(contents("/sys/devices/system/node/node0/cpulist") != NULL);
	CHECK_THAT(contents("/sys/devices/system/node/node0/cpumap") && strpbrk(text, "123456789abcdef"),
		   "node0 has CPUs");
	CHECK(contents("/sys/devices/system/node/node0/distance") && strncmp(text, "10", 2) == 0);
	CHECK(is("/sys/class/net/lo/mtu", "65536") && is("/sys/class/net/lo/ifindex", "1"));
	CHECK(is("/sys/class/net/lo/address", "00:00:00:00:00:00") && is("/sys/class/net/lo/type", "772"));
	CHECK(contents("/sys/class/net/lo/statistics/rx_bytes") != NULL);
	CHECK(access("/sys/block", F_OK) == 0 && access("/sys/dev/block", F_OK) == 0 && access("/sys/bus", F_OK) == 0);
}

/* Nothing can be made in /proc, and who asks hears that there is nothing. */
static void making(void)
{
	theme("making files in /proc");
	CHECK_ERRNO(open("/proc/none", O_CREAT | O_WRONLY, 0600), ENOENT);
	CHECK_ERRNO(open("/proc/self/none", O_CREAT | O_WRONLY, 0600), ENOENT);
	CHECK_ERRNO(mkdir("/proc/none", 0700), ENOENT);
	CHECK_ERRNO(mkdir("/proc/self/fd/none", 0700), ENOENT);
	CHECK_ERRNO(symlink("x", "/proc/none"), ENOENT);
	CHECK_ERRNO(mkdir("/proc/version", 0700), EEXIST);
}

/* A child whose memory is read and written through its file; it ends with what stands in `shared_word`. */
static volatile int shared_word = 41;

static int child_memory(void)
{
	int go[2], word = 0, status, fd;
	char path[32], byte;
	if (pipe(go) != 0)
		return 0;
	pid_t child = fork();
	if (child == 0) {
		close(go[1]);
		_exit(read(go[0], &byte, 1) == 0 ? shared_word : 99);
	}
	snprintf(path, sizeof(path), "/proc/%d/mem", child);
	fd = open(path, O_RDWR);
	int same = pread(fd, &word, sizeof(word), (off_t)(long)&shared_word) == sizeof(word) && word == 41;
	word = 77;
	same &= pwrite(fd, &word, sizeof(word), (off_t)(long)&shared_word) == sizeof(word) && shared_word == 41;
	close(go[0]);
	close(go[1]);
	same &= waitpid(child, &status, 0) == child && WIFEXITED(status) && WEXITSTATUS(status) == 77;
	same &= pread(fd, &word, sizeof(word), (off_t)(long)&shared_word) == 0;
	close(fd);
	return same;
}

static void memory(void)
{
	static char page[8192] = "text of mine";
	char got[16] = "";
	int fd = open("/proc/self/mem", O_RDWR);
	theme("/proc/PID/mem");
	CHECK(pread(fd, got, 12, (off_t)(long)page) == 12 && strcmp(got, "text of mine") == 0);
	CHECK(pwrite(fd, "data", 4, (off_t)(long)page) == 4 && memcmp(page, "data of mine", 12) == 0);
	CHECK(lseek(fd, (off_t)(long)page + 8, SEEK_SET) == (off_t)(long)page + 8 && read(fd, got, 4) == 4 &&
	      memcmp(got, "mine", 4) == 0);
	CHECK_THAT(pread(fd, page, sizeof(page), (off_t)(long)page) == sizeof(page), "over a border of pages");
	CHECK_ERRNO(pread(fd, got, 4, 4096), EIO);
	CHECK_ERRNO(pwrite(fd, got, 4, 4096), EIO);
	CHECK_ERRNO(pread(fd, unmapped_address(), 4, (off_t)(long)page), EFAULT);
	CHECK_ERRNO(lseek(fd, 0, SEEK_END), EINVAL);
	CHECK(pread(fd, got, 0, 4096) == 0);
	CHECK_THAT(child_memory(), "of a child, until it has ended");
	close(fd);
}

int main(void)
{
	limit_seconds(30);
	processes();
	memory();
	making();
	mounts();
	system_files();
	return finish();
}
