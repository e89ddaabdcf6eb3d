/* SPDX-License-Identifier: Apache-2.0
 * The devices and links of /dev: what they are, and what reading, writing, seeking, mapping, polling and requests do.
 * area: /dev /proc /sys
 */
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/random.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>
#include <termios.h>

#include "probe.h"

static char buffer[1 << 17];

static int all(const char *p, long n, int value)
{
	for (long i = 0; i < n; i++)
		if (p[i] != value)
			return 0;
	return 1;
}

static void nodes(void)
{
	theme("nodes of /dev");
	static const struct {
		const char *name;
		unsigned major, minor, mode;
	} rows[] = {{"/dev/null", 1, 3, 0666},	 {"/dev/zero", 1, 5, 0666},    {"/dev/full", 1, 7, 0666},
		    {"/dev/random", 1, 8, 0666}, {"/dev/urandom", 1, 9, 0666}, {"/dev/tty", 5, 0, 0666},
		    {"/dev/ptmx", 5, 2, 0666},	 {"/dev/console", 5, 1, 0600}};
	struct stat st, again;
	struct statx stx;
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		CHECKF(stat(rows[i].name, &st) == 0 && S_ISCHR(st.st_mode), "%s is a character device", rows[i].name);
		CHECKF(major(st.st_rdev) == rows[i].major && minor(st.st_rdev) == rows[i].minor, "%s: its number",
		       rows[i].name);
		CHECKF((st.st_mode & 0666) == (rows[i].mode & 0666) && !(st.st_mode & 07111), "%s: its mode",
		       rows[i].name);
		CHECKF(st.st_size == 0 && st.st_nlink == 1 && st.st_uid == 0, "%s: size, links, owner", rows[i].name);
		CHECKF(statx(AT_FDCWD, rows[i].name, 0, STATX_BASIC_STATS, &stx) == 0 &&
			   stx.stx_rdev_major == rows[i].major && stx.stx_rdev_minor == rows[i].minor &&
			   (stx.stx_mode & S_IFMT) == S_IFCHR,
		       "%s: statx", rows[i].name);
		if (geteuid() == 0 || rows[i].mode == 0666)
			CHECKF(access(rows[i].name, R_OK | W_OK) == 0 && access(rows[i].name, X_OK) == -1, "%s: access",
			       rows[i].name);
	}
	static const char *const links[][2] = {{"/dev/fd", "/proc/self/fd"},
					       {"/dev/stdin", "/proc/self/fd/0"},
					       {"/dev/stdout", "/proc/self/fd/1"},
					       {"/dev/stderr", "/proc/self/fd/2"}};
	for (int i = 0; i < 4; i++) {
		memset(buffer, 0, 100);
		CHECKF(lstat(links[i][0], &st) == 0 && S_ISLNK(st.st_mode), "%s is a link", links[i][0]);
		CHECKF(readlink(links[i][0], buffer, 100) > 0 && !strcmp(buffer, links[i][1]), "%s leads to %s",
		       links[i][0], links[i][1]);
		CHECKF(i == 0 || (stat(links[i][0], &st) == 0 && fstat(i - 1, &again) == 0 &&
				  st.st_ino == again.st_ino && st.st_dev == again.st_dev),
		       "%s is the descriptor's file", links[i][0]);
	}
	struct statfs fs;
	CHECK(stat("/dev/shm", &st) == 0 && (st.st_mode & 07777) == 01777);
	CHECK(statfs("/dev/shm", &fs) == 0 && fs.f_type == 0x01021994);
	CHECK(stat("/dev/pts", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK_ERRNO(open("/dev/not-there", O_RDWR), ENOENT);
	CHECK_ERRNO(open("/dev/null/x", O_RDWR), ENOTDIR);
	CHECK_ERRNO(open("/dev/null", O_RDWR | O_DIRECTORY), ENOTDIR);
	CHECK_ERRNO(open("/dev/null", O_RDWR | O_CREAT | O_EXCL, 0600), EEXIST);
	DIR *dir = opendir("/dev");
	int seen = 0, types = 0;
	for (struct dirent *e = dir ? readdir(dir) : NULL; e; e = readdir(dir)) {
		seen += !strcmp(e->d_name, "null") || !strcmp(e->d_name, "fd") || !strcmp(e->d_name, "pts");
		types += (!strcmp(e->d_name, "null") && e->d_type == DT_CHR) ||
			 (!strcmp(e->d_name, "fd") && e->d_type == DT_LNK) ||
			 (!strcmp(e->d_name, "pts") && e->d_type == DT_DIR);
	}
	closedir(dir);
	CHECK_THAT(seen == 3 && types == 3, "readdir of /dev");
}

/* ---- null, zero, full ---- */

static void opening(void)
{
	theme("opening devices");
	static const char *const names[] = {"/dev/null", "/dev/zero", "/dev/full", "/dev/urandom"};
	static const int flags[] = {O_RDONLY,
				    O_WRONLY,
				    O_RDWR,
				    O_WRONLY | O_TRUNC,
				    O_WRONLY | O_CREAT | O_TRUNC,
				    O_WRONLY | O_APPEND,
				    O_RDWR | O_NONBLOCK,
				    O_RDONLY | O_CLOEXEC,
				    O_RDWR | O_SYNC,
				    O_RDWR | O_NOFOLLOW};
	for (int i = 0; i < 4; i++)
		for (size_t k = 0; k < sizeof(flags) / sizeof(flags[0]); k++) {
			int fd = open(names[i], flags[k], 0600);
			CHECKF(fd >= 0 && (fcntl(fd, F_GETFL) & (O_ACCMODE | O_APPEND | O_NONBLOCK)) ==
					      (flags[k] & (O_ACCMODE | O_APPEND | O_NONBLOCK)),
			       "%s with %#o", names[i], flags[k]);
			int mode = flags[k] & O_ACCMODE;
			CHECKF((ANSWER(read(fd, buffer, 1)) == -EBADF) == (mode == O_WRONLY) &&
				   (ANSWER(write(fd, "", 1)) == -EBADF) == (mode == O_RDONLY),
			       "%s with %#o: directions", names[i], flags[k]);
			close(fd);
		}
}

static void moving(void)
{
	theme("reading and writing devices");
	static const struct {
		const char *name;
		long read, write; /* of 100000 bytes */
	} rows[] = {{"/dev/null", 0, 100000},
		    {"/dev/zero", 100000, 100000},
		    {"/dev/full", 100000, -ENOSPC},
		    {"/dev/urandom", 100000, 100000},
		    {"/dev/random", 100000, 100000}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		const char *name = rows[i].name;
		int fd = open(name, O_RDWR);
		struct iovec v[3] = {{buffer, 50000}, {NULL, 0}, {buffer + 50000, 50000}};
		memset(buffer, 0x55, sizeof(buffer));
		CHECKF(ANSWER(read(fd, buffer, 100000)) == rows[i].read && buffer[100000] == 0x55, "%s: read", name);
		CHECKF(i == 0  ? all(buffer, 100, 0x55)
		       : i < 3 ? all(buffer, 100000, 0)
			       : !all(buffer + 99000, 1000, 0x55),
		       "%s: what is read", name);
		CHECKF(ANSWER(pread(fd, buffer, 100000, 12345)) == rows[i].read, "%s: pread", name);
		CHECKF(ANSWER(readv(fd, v, 3)) == rows[i].read, "%s: readv", name);
		CHECKF(ANSWER(preadv(fd, v, 3, 1L << 40)) == rows[i].read, "%s: preadv", name);
		CHECKF(ANSWER(write(fd, buffer, 100000)) == rows[i].write, "%s: write", name);
		CHECKF(ANSWER(pwrite(fd, buffer, 100000, 777)) == rows[i].write, "%s: pwrite", name);
		CHECKF(ANSWER(writev(fd, v, 3)) == rows[i].write, "%s: writev", name);
		CHECKF(read(fd, buffer, 0) == 0, "%s: read of nothing", name);
		CHECKF(ANSWER(read(fd, unmapped_address(), 10)) == (i ? -EFAULT : 0), "%s: read to a bad address",
		       name);
		CHECKF(ANSWER(write(fd, unmapped_address(), 10)) == (i < 2    ? 10
								     : i == 2 ? -ENOSPC
									      : -EFAULT),
		       "%s: write from a bad address", name);
		CHECKF(ANSWER(read(fd, (void *)0xffff800000000000ul, 10)) == -EFAULT,
		       "%s: read to the kernel's addresses", name);
		char *edge = map_pages(2, PROT_READ | PROT_WRITE);
		mprotect(edge + PAGE, PAGE, PROT_NONE);
		CHECKF(i == 0 || i > 2 || ANSWER(read(fd, edge + PAGE - 100, 1000)) == 100,
		       "%s: read of what the page has room for", name);
		for (int whence = SEEK_SET; whence <= SEEK_END; whence++)
			CHECKF(lseek(fd, 1000, whence) == 0 && lseek(fd, 0, SEEK_CUR) == 0, "%s: lseek, whence %d",
			       name, whence);
		CHECKF(i > 2 || lseek(fd, -1, SEEK_SET) == 0, "%s: lseek to a negative position", name);
		struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI | POLLRDHUP, 0};
		CHECKF(poll(&p, 1, 0) == 1 &&
			   (p.revents & (POLLIN | POLLOUT | POLLHUP | POLLERR)) == (i < 4 ? POLLIN | POLLOUT : POLLIN),
		       "%s: poll", name);
		int n = 77;
		struct termios t;
		CHECKF(ANSWER(ioctl(fd, TCGETS, &t)) == (i < 3 ? -ENOTTY : -EINVAL), "%s: TCGETS", name);
		CHECKF(isatty(fd) == 0, "%s: no terminal", name);
		CHECKF(ioctl(fd, FIONBIO, &n) == 0 && (fcntl(fd, F_GETFL) & O_NONBLOCK), "%s: FIONBIO", name);
		CHECKF(ANSWER(ioctl(fd, FIONREAD, unmapped_address())) == (i < 3 ? -ENOTTY : -EINVAL), "%s: FIONREAD",
		       name);
		CHECKF(ANSWER(ftruncate(fd, 0)) == -EINVAL && ANSWER(truncate(name, 0)) == -EINVAL, "%s: truncate",
		       name);
		CHECKF(ANSWER(fsync(fd)) == -EINVAL, "%s: fsync", name);
		close(fd);
	}
}

static void mapping(void)
{
	theme("mapping devices");
	int zero = open("/dev/zero", O_RDWR), reading = open("/dev/zero", O_RDONLY), null = open("/dev/null", O_RDWR);
	char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 0);
	char *shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
	char *far = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, zero, 1L << 40);
	char *constant = mmap(NULL, PAGE, PROT_READ, MAP_SHARED, reading, 0);
	char *twin = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, zero, 0);
	REQUIRE(p != MAP_FAILED && shared != MAP_FAILED && far != MAP_FAILED && constant != MAP_FAILED &&
		twin != MAP_FAILED);
	CHECK_THAT(all(p, 4 * PAGE, 0) && all(shared, 4 * PAGE, 0) && all(far, PAGE, 0) && all(constant, PAGE, 0),
		   "it is zero");
	p[0] = shared[PAGE] = far[5] = 1;
	CHECK_THAT(p[0] == 1 && read(zero, p + PAGE, 10) == 10 && all(p + 1, PAGE, 0) && !twin[PAGE],
		   "and memory of its own");
	CHECK_IN_CHILD_THAT(shared[PAGE] == 1 && p[0] == 1 && (shared[0] = p[10] = 9), "a child has both");
	CHECK_THAT(shared[0] == 9 && p[10] == 0, "and shares one");
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, reading, 0), EACCES);
	CHECK_ERRNO(mprotect(constant, PAGE, PROT_READ | PROT_WRITE), EACCES);
	CHECK_THAT(mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, reading, 0) != MAP_FAILED,
		   "a private one may be written");
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, null, 0), ENODEV);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_SHARED, null, 0), ENODEV);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, zero, 1), EINVAL);
	CHECK_ERRNO(mmap(NULL, 0, PROT_READ, MAP_PRIVATE, zero, 0), EINVAL);
	int writing = open("/dev/zero", O_WRONLY);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, writing, 0), EACCES);
	close(writing);
	close(zero);
	CHECK_THAT(shared[PAGE] == 1 && p[0] == 1, "mappings outlive the descriptor");
	close(reading);
	close(null);
}

static void randomness(void)
{
	theme("/dev/random");
	unsigned char a[256], b[256];
	int fd = open("/dev/urandom", O_RDWR), bits = -1, counts[256] = {0}, kinds = 0;
	CHECK(read(fd, a, 256) == 256 && read(fd, b, 256) == 256 && memcmp(a, b, 256));
	for (int i = 0; i < 40; i++) {
		if (read(fd, a, 256) != 256)
			break;
		for (int k = 0; k < 256; k++)
			counts[a[k]]++;
	}
	for (int i = 0; i < 256; i++)
		kinds += counts[i] > 0 && counts[i] < 200;
	CHECK_THAT(kinds == 256, "each byte comes up, and none too often");
	CHECK_THAT(read(fd, buffer, 1) == 1 && read(fd, buffer, sizeof(buffer)) == (long)sizeof(buffer),
		   "any length at once");
	CHECK(ioctl(fd, RNDGETENTCNT, &bits) == 0 && bits > 0 && bits <= 4096);
	CHECK_ERRNO(ioctl(fd, RNDGETENTCNT, unmapped_address()), EFAULT);
	CHECK_ERRNO(ioctl(fd, 0x1234567, &bits), EINVAL);
	CHECK_IN_CHILD_THAT(setuid(65534) == 0 && ANSWER(ioctl(fd, RNDADDTOENTCNT, &bits)) == -EPERM,
			    "an ordinary user adds no entropy");
	CHECK_IN_CHILD_THAT(setuid(65534) == 0 && write(fd, buffer, 100) == 100, "but may write");
	int random = open("/dev/random", O_RDONLY | O_NONBLOCK);
	CHECK_THAT(read(random, a, 64) == 64, "/dev/random does not block");
	close(random);
	close(fd);
}

/* ---- terminals and links ---- */

static void terminals(void)
{
	char name[64];
	struct stat st;
	struct statfs fs;
	theme("/dev/tty, ptmx and pts");
	CHECK_IN_CHILD_THAT(setsid() > 0 && ANSWER(open("/dev/tty", O_RDWR)) == -ENXIO, "no terminal for who has none");
	int master = open("/dev/ptmx", O_RDWR | O_NOCTTY), number = -1, locked = -1;
	REQUIRE(master >= 0 && ioctl(master, TIOCGPTN, &number) == 0 && number >= 0);
	CHECK(fstat(master, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(5, 2));
	snprintf(name, sizeof(name), "/dev/pts/%d", number);
	CHECK(stat(name, &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(136, (unsigned)number) &&
	      st.st_uid == getuid());
	CHECK(statfs("/dev/pts", &fs) == 0 && (fs.f_type == 0x1cd1 || fs.f_type == 0x01021994));
	CHECK(ioctl(master, TIOCGPTLCK, &locked) == 0 && locked == 1);
	CHECK_ERRNO(open(name, O_RDWR | O_NOCTTY), EIO);
	CHECK(unlockpt(master) == 0 && ioctl(master, TIOCGPTLCK, &locked) == 0 && locked == 0);
	int slave = open(name, O_RDWR | O_NOCTTY);
	REQUIRE(slave >= 0);
	CHECK(isatty(slave) == 1 && isatty(master) == 1 && !strcmp(ttyname(slave), name));
	CHECK_ERRNO(ioctl(master, TIOCGPTN, unmapped_address()), EFAULT);
	CHECK_ERRNO(ioctl(slave, TCGETS, unmapped_address()), EFAULT);
	CHECK_ERRNO(ioctl(slave, TIOCGWINSZ, unmapped_address()), EFAULT);
	CHECK_ERRNO(lseek(slave, 0, SEEK_SET), ESPIPE);
	CHECK_ERRNO(pread(slave, buffer, 1, 0), ESPIPE);
	CHECK_ERRNO(mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE, slave, 0), ENODEV);
	CHECK_IN_CHILD_THAT(setsid() > 0 && ioctl(slave, TIOCSCTTY, 0) == 0 && open("/dev/tty", O_RDWR) >= 0 &&
				fstat(open("/dev/tty", O_RDWR), &st) == 0 && st.st_rdev == makedev(5, 0),
			    "/dev/tty is the controlling terminal");
	int second = open("/dev/ptmx", O_RDWR | O_NOCTTY), other = -1;
	CHECK(ioctl(second, TIOCGPTN, &other) == 0 && other != number);
	close(second);
	close(slave);
	close(master);
	CHECK_ERRNO(stat(name, &st), ENOENT);
}

static void links(void)
{
	char path[] = "/dev/shm/links-XXXXXX", text[64];
	struct stat st, again;
	theme("/dev/fd");
	int fd = mkstemp(path), fds[2];
	REQUIRE(fd >= 0 && write(fd, "0123456789", 10) == 10 && lseek(fd, 4, SEEK_SET) == 4);
	snprintf(text, sizeof(text), "/dev/fd/%d", fd);
	CHECK(stat(text, &st) == 0 && fstat(fd, &again) == 0 && st.st_ino == again.st_ino);
	CHECK(readlink(text, buffer, 100) == (long)strlen(path) && !memcmp(buffer, path, strlen(path)));
	int opened = open(text, O_RDONLY);
	CHECK_THAT(read(opened, buffer, 20) == 10 && lseek(fd, 0, SEEK_CUR) == 4, "opening a file there is a new open");
	close(opened);
	CHECK_THAT((opened = open(text, O_WRONLY | O_TRUNC)) >= 0 && fstat(fd, &st) == 0 && st.st_size == 0,
		   "with flags of its own");
	close(opened);
	CHECK_ERRNO(open(text, O_RDONLY | O_NOFOLLOW), ELOOP);
	CHECK_ERRNO(open("/dev/fd/12345", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/dev/fd/x", O_RDONLY), ENOENT);
	CHECK_ERRNO(open("/dev/fd/-1", O_RDONLY), ENOENT);
	unlink(path);
	CHECK_THAT((opened = open(text, O_RDWR)) >= 0 && write(opened, "gone", 4) == 4 && pread(fd, buffer, 4, 0) == 4,
		   "a file without a name");
	CHECK_THAT(readlink(text, buffer, 100) == (long)strlen(path) + 10 &&
		       !memcmp(buffer + strlen(path), " (deleted)", 10),
		   "its link says so");
	close(opened);
	REQUIRE(pipe(fds) == 0);
	snprintf(text, sizeof(text), "/dev/fd/%d", fds[1]);
	opened = open(text, O_WRONLY);
	CHECK_THAT(opened >= 0 && write(opened, "pipe", 4) == 4 && read(fds[0], buffer, 10) == 4, "a pipe");
	CHECK_IN_CHILD_THAT(dup2(fds[0], 0) == 0 && write(fds[1], "in", 2) == 2 &&
				read(open("/dev/stdin", O_RDONLY), buffer, 10) == 2,
			    "/dev/stdin");
	CHECK_IN_CHILD_THAT(dup2(fds[1], 1) == 1 && write(open("/dev/stdout", O_WRONLY), "out", 3) == 3 &&
				read(fds[0], buffer, 10) == 3,
			    "/dev/stdout");
	CHECK_IN_CHILD_THAT(dup2(fds[1], 2) == 2 && write(open("/dev/stderr", O_WRONLY), "err!", 4) == 4 &&
				read(fds[0], buffer, 10) == 4,
			    "/dev/stderr");
	close(opened);
	close(fds[0]);
	close(fds[1]);
	close(fd);
}

int main(void)
{
	limit_seconds(60);
	nodes();
	opening();
	moving();
	mapping();
	randomness();
	terminals();
	links();
	return finish();
}
