/* SPDX-License-Identifier: Apache-2.0
 * Opening files: the flags of open, openat and creat and what they refuse, names, O_PATH and O_TMPFILE.
 * area: Files
 */
#include <poll.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/xattr.h>

#include "files.h"

static char long_name[257]; /* 256 bytes: one too many */

static long size_of(const char *name)
{
	struct stat st;
	return stat(name, &st) ? -1 : (long)st.st_size;
}

/* The open fails with this errno, or succeeds; what it made or opened is closed. */
static int opens(int dirfd, const char *name, int flags)
{
	int fd, error = FAILS(fd = openat(dirfd, name, flags, 0644));
	if (fd >= 0)
		close(fd);
	return error;
}

static void populate(void)
{
	struct sockaddr_un address = {.sun_family = AF_UNIX, .sun_path = "socket"};
	int listener = socket(AF_UNIX, SOCK_STREAM, 0);
	memset(long_name, 'n', 256);
	theme("open");
	REQUIRE(make_file("file", "12345", 0644));
	REQUIRE(mkdir("dir", 0755) == 0 && mkdir("dir/sub", 0755) == 0 && make_file("dir/file", "abc", 0644));
	REQUIRE(symlink("file", "to-file") == 0 && symlink("dir", "to-dir") == 0 && symlink("gone", "dangling") == 0);
	REQUIRE(symlink("loop", "loop") == 0 && symlink("loop-b", "loop-a") == 0 && symlink("loop-a", "loop-b") == 0);
	REQUIRE(symlink("file/", "to-file-slash") == 0 && symlink("dir/.", "to-dir-dot") == 0);
	REQUIRE(mkfifo("fifo", 0644) == 0);
	REQUIRE(bind(listener, (struct sockaddr *)&address, sizeof(address)) == 0);
	close(listener);
}

static const struct {
	const char *name;
	int flags, wanted;
	const char *text;
} opening[] = {
    {"file", O_RDONLY, 0, "a file"},
    {"./file", O_RDWR, 0, "with a dot before it"},
    {"dir/../file", O_RDONLY, 0, "through .."},
    {"dir//file", O_RDONLY, 0, "two slashes"},
    {"dir/sub/.././file", O_RDONLY, 0, "dots between"},
    {"gone", O_RDONLY, ENOENT, "a name that is not there"},
    {"gone/file", O_RDONLY, ENOENT, "below it"},
    {"gone/../file", O_RDONLY, ENOENT, "back up from it"},
    {"file/x", O_RDONLY, ENOTDIR, "below a file"},
    {"file/..", O_RDONLY, ENOTDIR, "up from a file"},
    {"file/.", O_RDONLY, ENOTDIR, "a dot after a file"},
    {"file/", O_RDONLY, ENOTDIR, "a slash after a file"},
    {"to-file/", O_RDONLY, ENOTDIR, "a slash after a link to a file"},
    {"to-file-slash", O_RDONLY, ENOTDIR, "a link with a slash behind a file"},
    {"to-dir-dot/file", O_RDONLY, 0, "a link that ends with a dot"},
    {"to-dir/", O_RDONLY, 0, "a slash after a link to a directory"},
    {"to-file", O_RDONLY, 0, "a link"},
    {"to-dir/file", O_RDONLY, 0, "below a link"},
    {"dangling", O_RDONLY, ENOENT, "a dangling link"},
    {"loop", O_RDONLY, ELOOP, "a link to itself"},
    {"loop-a", O_RDONLY, ELOOP, "two links in a circle"},
    {"loop/x", O_RDONLY, ELOOP, "below a link to itself"},
    {"loop", O_RDONLY | O_NOFOLLOW, ELOOP, "O_NOFOLLOW of it"},
    {"loop", O_PATH | O_NOFOLLOW, 0, "O_PATH | O_NOFOLLOW of it"},
    {"loop", O_CREAT | O_RDWR, ELOOP, "O_CREAT of it"},
    {"loop", O_CREAT | O_EXCL | O_RDWR, EEXIST, "O_CREAT | O_EXCL of it"},
    {"", O_RDONLY, ENOENT, "an empty name"},
    {"", O_PATH, ENOENT, "an empty name with O_PATH"},
    {"", O_CREAT | O_WRONLY, ENOENT, "an empty name with O_CREAT"},
    {"dir", O_RDONLY, 0, "a directory"},
    {"dir", O_WRONLY, EISDIR, "a directory for writing"},
    {"dir", O_RDWR, EISDIR, "a directory for both"},
    {"dir", O_RDONLY | O_TRUNC, EISDIR, "a directory with O_TRUNC"},
    {"dir", O_RDONLY | O_CREAT, EISDIR, "a directory with O_CREAT"},
    {"dir", O_RDONLY | O_CREAT | O_EXCL, EEXIST, "a directory with O_EXCL"},
    {".", O_RDONLY | O_CREAT, EISDIR, "O_CREAT of ."},
    {"..", O_RDONLY | O_CREAT | O_EXCL, EEXIST, "O_CREAT | O_EXCL of .."},
    {"/", O_RDONLY | O_CREAT, EISDIR, "O_CREAT of /"},
    {"dir/", O_RDONLY | O_CREAT, EISDIR, "O_CREAT with a slash after a directory"},
    {"gone/", O_RDWR | O_CREAT, EISDIR, "O_CREAT with a slash after a new name"},
    {"file/", O_RDWR | O_CREAT, EISDIR, "O_CREAT with a slash after a file"},
    {"gone/new", O_RDWR | O_CREAT, ENOENT, "O_CREAT below what is not there"},
    {"file/new", O_RDWR | O_CREAT, ENOTDIR, "O_CREAT below a file"},
    {"file", O_RDWR | O_CREAT | O_EXCL, EEXIST, "O_CREAT | O_EXCL of a file"},
    {"file", O_RDWR | O_EXCL, 0, "O_EXCL alone"},
    {"dangling", O_RDWR | O_CREAT | O_EXCL, EEXIST, "O_CREAT | O_EXCL of a dangling link"},
    {"dangling", O_RDWR | O_CREAT | O_NOFOLLOW, ELOOP, "O_CREAT | O_NOFOLLOW of a dangling link"},
    {"file", O_RDONLY | O_DIRECTORY, ENOTDIR, "a file as a directory"},
    {"to-file", O_RDONLY | O_DIRECTORY, ENOTDIR, "a link to a file as a directory"},
    {"gone", O_RDONLY | O_DIRECTORY, ENOENT, "what is not there as a directory"},
    {"dir", O_RDONLY | O_DIRECTORY, 0, "a directory as one"},
    {"to-dir", O_RDONLY | O_DIRECTORY, 0, "a link to a directory as one"},
    {"to-dir", O_RDONLY | O_DIRECTORY | O_NOFOLLOW, ENOTDIR, "not following it"},
    {"to-dir/", O_RDONLY | O_NOFOLLOW, 0, "O_NOFOLLOW with a slash after it"},
    {"to-dir/.", O_RDONLY | O_NOFOLLOW, 0, "O_NOFOLLOW with a dot after it"},
    {"to-dir", O_RDWR | O_DIRECTORY, EISDIR, "a directory as one for writing"},
    {"to-file", O_RDONLY | O_NOFOLLOW, ELOOP, "O_NOFOLLOW of a link"},
    {"to-dir/file", O_RDONLY | O_NOFOLLOW, 0, "O_NOFOLLOW below a link"},
    {"to-file", O_PATH | O_NOFOLLOW | O_DIRECTORY, ENOTDIR, "O_PATH | O_NOFOLLOW | O_DIRECTORY of a link"},
    {"fifo", O_WRONLY | O_NONBLOCK, ENXIO, "a FIFO that nobody reads"},
    {"fifo", O_RDONLY | O_NONBLOCK, 0, "a FIFO for reading without waiting"},
    {"fifo", O_RDWR, 0, "a FIFO for both"},
    {"fifo", O_RDONLY | O_DIRECTORY, ENOTDIR, "a FIFO as a directory"},
    {"fifo", O_RDONLY | O_NONBLOCK | O_TRUNC, 0, "a FIFO with O_TRUNC"},
    {"socket", O_RDWR, ENXIO, "a socket"},
    {"socket", O_PATH, 0, "a socket with O_PATH"},
    {"socket", O_RDWR | O_CREAT, ENXIO, "a socket with O_CREAT"},
    {"file", O_RDONLY | O_SYNC | O_NOCTTY | O_NONBLOCK | O_CLOEXEC | O_NOATIME, 0, "flags that change little"},
    {"file", O_RDONLY | 0x40000000, 0, "an unknown flag is ignored"},
    {"dir", O_TMPFILE | O_RDONLY, EINVAL, "O_TMPFILE for reading"},
    {"dir", O_TMPFILE | O_RDWR | O_CREAT, EINVAL, "O_TMPFILE with O_CREAT"},
    {"dir", (O_TMPFILE & ~O_DIRECTORY) | O_RDWR, EINVAL, "O_TMPFILE without O_DIRECTORY"},
    {"file", O_TMPFILE | O_RDWR, ENOTDIR, "O_TMPFILE in a file"},
    {"gone", O_TMPFILE | O_RDWR, ENOENT, "O_TMPFILE in what is not there"},
    {"to-dir", O_TMPFILE | O_RDWR, 0, "O_TMPFILE in a link to a directory"},
    {"to-dir", O_TMPFILE | O_RDWR | O_NOFOLLOW, ENOTDIR, "O_TMPFILE not following it"},
};

static void flags(void)
{
	theme("open");
	for (size_t i = 0; i < sizeof(opening) / sizeof(*opening); i++)
		files_expect(opens(AT_FDCWD, opening[i].name, opening[i].flags), opening[i].wanted, __LINE__, "%s",
			     opening[i].text);
	CHECK_THAT(!exists("gone"), "nothing was made on the way");
	GIVES(0, opens(AT_FDCWD, "dangling", O_CREAT | O_WRONLY), "O_CREAT of a dangling link");
	CHECK_THAT(exists("gone") && size_of("gone") == 0 && unlink("gone") == 0, "it makes what the link names");
	EXPECT(ENOENT, unlink("gone"), "once");
	int fd = open("file", O_RDONLY | O_TRUNC);
	CHECK_THAT(fd >= 0 && size_of("file") == 0, "O_RDONLY | O_TRUNC empties the file");
	EXPECT(EBADF, write(fd, "x", 1), "and nothing can be written");
	close(fd);
	fd = open("file", O_WRONLY | O_APPEND);
	CHECK(write(fd, "abc", 3) == 3 && lseek(fd, 0, SEEK_SET) == 0 && write(fd, "de", 2) == 2);
	CHECK_THAT(size_of("file") == 5 && lseek(fd, 0, SEEK_CUR) == 5, "O_APPEND writes at the end");
	CHECK_THAT(pwrite(fd, "f", 1, 0) == 1 && size_of("file") == 6, "pwrite too");
	EXPECT(EBADF, read(fd, long_name, 1), "reading what is open for writing");
	close(fd);
	fd = creat("file", 0600);
	CHECK_THAT(fd >= 0 && size_of("file") == 0 && mode_of("file") == 0644, "creat empties and leaves the mode");
	CHECK_THAT((fcntl(fd, F_GETFL) & O_ACCMODE) == O_WRONLY, "and opens for writing");
	close(fd);
	CHECK_THAT((fd = open("new", O_CREAT | O_RDONLY, 0200)) >= 0 && mode_of("new") == 0200, "a mode without read");
	CHECK_THAT(read(fd, long_name, 1) == 0, "does not matter to who made it");
	close(fd);
	CHECK(unlink("new") == 0 && (fd = open("new", O_CREAT | O_WRONLY, 0107777)) >= 0 && mode_of("new") == 07755);
	CHECK(close(fd) == 0 && unlink("new") == 0);
	fd = open("file", O_ACCMODE);
	CHECK_THAT(fd >= 0 && (fcntl(fd, F_GETFL) & O_ACCMODE) == O_ACCMODE, "access mode 3");
	EXPECT(EBADF, read(fd, long_name, 1), "is not for reading");
	EXPECT(EBADF, write(fd, "x", 1), "nor for writing");
	CHECK(close(fd) == 0);
}

static void names(void)
{
	theme("names to open");
	char path[5000], link[16], *end = map_pages(2, PROT_READ | PROT_WRITE) + PAGE;
	munmap(end, (size_t)PAGE);
	memset(path, 0, sizeof(path));
	GIVES(ENAMETOOLONG, opens(AT_FDCWD, long_name, O_RDONLY), "256 bytes");
	GIVES(ENAMETOOLONG, opens(AT_FDCWD, long_name, O_CREAT | O_RDWR), "256 bytes to be made");
	GIVES(0, opens(AT_FDCWD, long_name + 1, O_CREAT | O_RDWR), "255 bytes to be made");
	EXPECT(0, unlink(long_name + 1), "and removed");
	for (int i = 0; i < 4095 - 5; i++)
		path[i] = i % 2 ? '/' : '.';
	path[4095 - 5] = '/';
	memcpy(path + 4095 - 4, "file", 5);
	CHECK_THAT(strlen(path) == 4095 && !opens(AT_FDCWD, path, O_RDONLY), "a path of 4095 bytes");
	memcpy(path + 4095 - 5, "/file", 6);
	memmove(path + 2, path, 4096);
	memcpy(path, "./", 2);
	GIVES(ENAMETOOLONG, opens(AT_FDCWD, path, O_RDONLY), "a longer one");
	path[4096] = 0;
	GIVES(ENAMETOOLONG, opens(AT_FDCWD, path, O_RDONLY), "one of 4096");
	symlink("file", "l0");
	for (int i = 1; i <= 40; i++) {
		snprintf(path, sizeof(path), "l%d", i - 1);
		snprintf(link, sizeof(link), "l%d", i);
		symlink(path, link);
	}
	GIVES(0, opens(AT_FDCWD, "l39", O_RDONLY), "40 links");
	GIVES(ELOOP, opens(AT_FDCWD, "l40", O_RDONLY), "41 links");
	GIVES(0, opens(AT_FDCWD, "l40", O_PATH | O_NOFOLLOW), "the last one as itself");
	GIVES(ELOOP, opens(AT_FDCWD, "l40/", O_PATH | O_NOFOLLOW), "with a slash it is followed");
	memset(path, 0, sizeof(path));
	for (int i = 0; i < 40; i++)
		strcat(path, "to-dir/../");
	GIVES(0, opens(AT_FDCWD, strcat(path, "file"), O_RDONLY), "40 links one after the other");
	snprintf(path + strlen(path) - 4, 32, "to-file");
	GIVES(ELOOP, opens(AT_FDCWD, path, O_RDONLY), "and one more");
	for (int i = 0; i <= 40; i++) {
		snprintf(link, sizeof(link), "l%d", i);
		unlink(link);
	}
	EXPECT(EFAULT, open(unmapped_address(), O_RDONLY), "a bad address");
	EXPECT(EFAULT, open(unmapped_address(), O_CREAT | O_RDWR, 0600), "a bad address with O_CREAT");
	EXPECT(EFAULT, syscall(SYS_openat, -1, unmapped_address(), O_RDONLY), "before a bad descriptor");
	EXPECT(EINVAL, open(unmapped_address(), O_TMPFILE | O_RDONLY), "after bad flags");
	memcpy(end - 4, "file", 4);
	EXPECT(EFAULT, open(end - 4, O_RDONLY), "a name that runs into a hole");
	memcpy(end - 5, "file", 5);
	GIVES(0, opens(AT_FDCWD, end - 5, O_RDONLY), "one that ends before it");
	int dir = open("dir", O_RDONLY), file = open("file", O_RDONLY);
	GIVES(0, opens(dir, "file", O_RDONLY), "below a descriptor");
	GIVES(0, opens(dir, "../file", O_RDONLY), "up from a descriptor");
	EXPECT(EBADF, openat(-1, "file", O_RDONLY), "a bad descriptor");
	EXPECT(EBADF, openat(9999, "file", O_RDONLY), "a closed descriptor");
	GIVES(0, opens(-1, "/", O_RDONLY), "does not matter to an absolute name");
	EXPECT(ENOENT, openat(-1, "", O_RDONLY), "nor to an empty one");
	EXPECT(ENOTDIR, openat(file, "file", O_RDONLY), "below a descriptor of a file");
	EXPECT(ENOENT, openat(dir, "", O_RDONLY), "an empty name below a descriptor");
	CHECK(rmdir("dir/sub") == 0 && mkdir("dir/sub", 0755) == 0);
	int sub = open("dir/sub", O_RDONLY);
	CHECK(rmdir("dir/sub") == 0);
	EXPECT(ENOENT, openat(sub, "new", O_CREAT | O_RDWR, 0600), "O_CREAT in a directory that is gone");
	EXPECT(ENOENT, openat(sub, "new", O_RDONLY), "a name in a directory that is gone");
	GIVES(0, opens(sub, ".", O_RDONLY), "the directory that is gone itself");
	GIVES(0, opens(sub, "..", O_RDONLY), "where it was");
	CHECK(mkdir("dir/sub", 0755) == 0 && close(sub) == 0 && close(dir) == 0 && close(file) == 0);
}

static void only_path(void)
{
	theme("O_PATH");
	struct pollfd wait = {.events = POLLIN};
	struct epoll_event event = {.events = EPOLLIN};
	struct statfs fs;
	struct stat st;
	char buffer[64], name[64];
	int fd = open("file", O_PATH | O_RDWR | O_APPEND | O_CREAT | O_TRUNC), other, epoll = epoll_create1(0);
	REQUIRE(fd >= 0 && epoll >= 0);
	CHECK_THAT(fcntl(fd, F_GETFL) == O_PATH, "F_GETFL tells O_PATH alone");
	EXPECT(EBADF, read(fd, buffer, 1), "read");
	EXPECT(EBADF, pread(fd, buffer, 1, 0), "pread");
	EXPECT(EBADF, write(fd, buffer, 1), "write");
	EXPECT(EBADF, lseek(fd, 0, SEEK_SET), "lseek");
	EXPECT(EBADF, ftruncate(fd, 0), "ftruncate");
	EXPECT(EBADF, fchmod(fd, 0600), "fchmod");
	EXPECT(EBADF, fchown(fd, 0, 0), "fchown");
	EXPECT(EBADF, fsync(fd), "fsync");
	EXPECT(EBADF, flock(fd, LOCK_SH), "flock");
	EXPECT(EBADF, fallocate(fd, 0, 0, 1), "fallocate");
	EXPECT(EBADF, ioctl(fd, FIONREAD, &other), "ioctl");
	EXPECT(EBADF, fcntl(fd, F_SETFL, O_APPEND), "F_SETFL");
	EXPECT(EBADF, fcntl(fd, F_GETLK, buffer), "F_GETLK");
	EXPECT(EBADF, fcntl(fd, F_GETOWN), "F_GETOWN");
	EXPECT(EBADF, fcntl(fd, 12345), "an unknown fcntl");
	EXPECT(EBADF, fgetxattr(fd, "user.x", buffer, 1), "fgetxattr");
	EXPECT(EBADF, fsetxattr(fd, "user.x", "", 0, 0), "fsetxattr");
	EXPECT(EBADF, flistxattr(fd, buffer, 1), "flistxattr");
	EXPECT(EBADF, syscall(SYS_getdents64, fd, buffer, 64), "getdents64");
	EXPECT(EBADF, mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0), "mmap");
	EXPECT(EBADF, epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event), "EPOLL_CTL_ADD");
	EXPECT(EBADF, futimens(fd, NULL), "futimens");
	GIVES(EBADF, posix_fadvise(fd, 0, 0, 0), "posix_fadvise");
	wait.fd = fd;
	CHECK_THAT(poll(&wait, 1, 0) == 1 && wait.revents == POLLNVAL, "poll: POLLNVAL");
	CHECK_THAT(fstat(fd, &st) == 0 && S_ISREG(st.st_mode), "fstat works");
	CHECK_THAT(fstatfs(fd, &fs) == 0 && fs.f_type == TMPFS_MAGIC, "fstatfs works");
	CHECK_THAT((other = dup(fd)) >= 0 && fcntl(other, F_GETFL) == O_PATH && close(other) == 0, "dup works");
	CHECK_THAT((other = fcntl(fd, F_DUPFD_CLOEXEC, 50)) >= 50 && close(other) == 0, "F_DUPFD_CLOEXEC works");
	CHECK_THAT(fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_GETFD) == FD_CLOEXEC, "F_SETFD works");
	CHECK_THAT(fstatat(fd, "", &st, AT_EMPTY_PATH) == 0, "fstatat with AT_EMPTY_PATH works");
	CHECK_THAT(fchownat(fd, "", (uid_t)-1, (gid_t)-1, AT_EMPTY_PATH) == 0, "fchownat with AT_EMPTY_PATH works");
	CHECK_THAT(linkat(fd, "", AT_FDCWD, "linked", AT_EMPTY_PATH) == 0 || geteuid(),
		   "linkat with AT_EMPTY_PATH works");
	unlink("linked");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	CHECK_THAT((other = open(name, O_RDWR)) >= 0 && write(other, "12345", 5) == 5,
		   "opened again it can be written");
	CHECK(close(other) == 0 && chmod(name, 0600) == 0 && mode_of("file") == 0600 && chmod(name, 0644) == 0);
	EXPECT(ENOTDIR, openat(fd, "x", O_RDONLY), "openat below a file");
	EXPECT(ENOTDIR, fchdir(fd), "fchdir to a file");
	CHECK(close(fd) == 0);
	fd = open("to-file", O_PATH | O_NOFOLLOW);
	CHECK_THAT(fstat(fd, &st) == 0 && S_ISLNK(st.st_mode), "of a link");
	CHECK_THAT(readlinkat(fd, "", buffer, sizeof(buffer)) == 4 && !memcmp(buffer, "file", 4), "its target is told");
	CHECK_THAT(fcntl(fd, F_GETFL) == (O_PATH | O_NOFOLLOW), "O_NOFOLLOW stays");
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	EXPECT(ELOOP, open(name, O_RDONLY), "it cannot be opened again");
	CHECK_THAT((other = open(name, O_PATH)) >= 0 && fstat(other, &st) == 0 && S_ISLNK(st.st_mode),
		   "but as a path it can");
	CHECK(close(other) == 0 && close(fd) == 0);
	fd = open("dir", O_PATH | O_DIRECTORY | O_CLOEXEC);
	CHECK_THAT(fcntl(fd, F_GETFL) == (O_PATH | O_DIRECTORY), "O_DIRECTORY stays");
	CHECK_THAT(fcntl(fd, F_GETFD) == FD_CLOEXEC, "O_CLOEXEC works");
	GIVES(0, opens(fd, "file", O_RDONLY), "openat below it");
	EXPECT(ENOENT, readlinkat(fd, "", buffer, sizeof(buffer)), "readlinkat of what is no link");
	CHECK_THAT(fchdir(fd) == 0 && exists("../dir") && chdir("..") == 0, "fchdir works");
	EXPECT(EBADF, syscall(SYS_getdents64, fd, buffer, 64), "getdents64 of a directory");
	CHECK(close(fd) == 0 && close(epoll) == 0);
}

static void temporary(void)
{
	theme("O_TMPFILE");
	struct stat st;
	char name[64], text[128] = "";
	int fd = open("dir", O_TMPFILE | O_RDWR, 0640);
	REQUIRE(fd >= 0);
	CHECK(fstat(fd, &st) == 0 && st.st_nlink == 0 && (st.st_mode & 07777) == 0640 && S_ISREG(st.st_mode));
	CHECK(write(fd, "temporary", 9) == 9);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	CHECK_THAT(readlink(name, text, sizeof(text) - 1) > 0 && strstr(text, "/dir/#") && strstr(text, " (deleted)"),
		   "its name in /proc");
	CHECK((fcntl(fd, F_GETFL) & O_TMPFILE) == O_TMPFILE);
	EXPECT(0, linkat(AT_FDCWD, name, AT_FDCWD, "kept", AT_SYMLINK_FOLLOW), "linked by /proc/self/fd");
	CHECK(links_of("kept") == 1 && size_of("kept") == 9);
	EXPECT(0, linkat(AT_FDCWD, name, AT_FDCWD, "kept-2", AT_SYMLINK_FOLLOW), "linked twice");
	CHECK(links_of("kept") == 2 && unlink("kept") == 0 && unlink("kept-2") == 0);
	EXPECT(ENOENT, linkat(AT_FDCWD, name, AT_FDCWD, "kept", AT_SYMLINK_FOLLOW), "not when it was removed again");
	EXPECT(EXDEV, linkat(AT_FDCWD, name, AT_FDCWD, "kept", 0), "without AT_SYMLINK_FOLLOW it is the link in /proc");
	NEED(close(fd) == 0);
	if (geteuid() == 0) {
		fd = open(".", O_TMPFILE | O_WRONLY, 0600);
		EXPECT(0, linkat(fd, "", AT_FDCWD, "kept", AT_EMPTY_PATH), "linked by AT_EMPTY_PATH");
		EXPECT(EEXIST, linkat(fd, "", AT_FDCWD, "file", AT_EMPTY_PATH), "over a name that is there");
		EXPECT(ENOENT, linkat(fd, "", AT_FDCWD, "kept", 0), "an empty name without AT_EMPTY_PATH");
		EXPECT(EINVAL, linkat(fd, "", AT_FDCWD, "kept", AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW),
		       "a flag too many");
		CHECK(close(fd) == 0 && unlink("kept") == 0);
	}
	fd = open(".", O_TMPFILE | O_RDWR | O_EXCL, 0600);
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	EXPECT(ENOENT, linkat(AT_FDCWD, name, AT_FDCWD, "kept", AT_SYMLINK_FOLLOW), "O_EXCL: it never gets a name");
	NEED(close(fd) == 0);
	mode_t before = umask(077);
	fd = open(".", O_TMPFILE | O_RDWR, 0666);
	CHECK_THAT(fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600, "umask counts");
	umask(before);
	NEED(close(fd) == 0);
	CHECK_THAT(opens(AT_FDCWD, "dir", O_TMPFILE | O_RDWR) == 0 && rmdir("dir/sub") == 0 &&
		       unlink("dir/file") == 0 && rmdir("dir") == 0,
		   "it does not fill its directory");
	CHECK(mkdir("dir", 0755) == 0 && mkdir("dir/sub", 0755) == 0 && make_file("dir/file", "abc", 0644));
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	populate();
	flags();
	names();
	only_path();
	temporary();
	return finish();
}
