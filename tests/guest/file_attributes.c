/* SPDX-License-Identifier: Apache-2.0
 * What is told about files and file systems: stat, statx, statfs; and the setting of times.
 * area: Files
 */
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/time.h>
#include <utime.h>

#include "files.h"

static struct stat st;

static void populate(void)
{
	theme("stat");
	REQUIRE(make_file("file", "12345", 0640) && mkdir("dir", 0755) == 0 && symlink("file", "to-file") == 0);
	REQUIRE(symlink("gone", "dangling") == 0 && mkfifo("fifo", 0600) == 0 && symlink("dir", "to-dir") == 0);
}

static void stats(void)
{
	struct stat other;
	int fd = open("file", O_RDWR), fds[2];
	CHECK(stat("file", &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 5 && st.st_nlink == 1 && st.st_ino > 0);
	CHECK(st.st_uid == geteuid() && st.st_gid == getegid() && st.st_blksize == 4096 && st.st_rdev == 0);
	CHECK_THAT(st.st_blocks == 8, "blocks of 512 bytes");
	CHECK(fstat(fd, &other) == 0 && memcmp(&st, &other, sizeof(st)) == 0);
	CHECK(ftruncate(fd, 1 << 20) == 0 && fstat(fd, &st) == 0 && st.st_size == 1 << 20 && st.st_blocks == 8);
	CHECK(pwrite(fd, "x", 1, 500000) == 1 && fstat(fd, &st) == 0 && st.st_blocks == 16);
	CHECK(ftruncate(fd, 5) == 0 && fstat(fd, &st) == 0 && st.st_blocks == 8);
	CHECK(lstat("to-file", &st) == 0 && S_ISLNK(st.st_mode) && st.st_size == 4 && (st.st_mode & 0777) == 0777);
	CHECK(stat("to-file", &st) == 0 && S_ISREG(st.st_mode) && stat("dir", &st) == 0 && S_ISDIR(st.st_mode));
	CHECK(stat("fifo", &st) == 0 && S_ISFIFO(st.st_mode) && st.st_size == 0 && st.st_blocks == 0);
	CHECK(stat(".", &st) == 0 && stat("dir/..", &other) == 0 && st.st_ino == other.st_ino &&
	      st.st_dev == other.st_dev);
	CHECK(stat("/proc", &other) == 0 && other.st_dev != st.st_dev);
	CHECK(stat("/dev/null", &other) == 0 && S_ISCHR(other.st_mode) && other.st_rdev == makedev(1, 3));
	EXPECT(ENOENT, stat("gone", &st), "what is not there");
	EXPECT(ENOENT, stat("dangling", &st), "a dangling link");
	EXPECT(ENOENT, stat("", &st), "an empty name");
	EXPECT(ENOTDIR, stat("file/", &st), "a file with a slash");
	EXPECT(ENOTDIR, lstat("to-file/", &st), "a link to a file with a slash");
	EXPECT(0, lstat("to-dir/", &st), "a link to a directory with a slash");
	CHECK(S_ISDIR(st.st_mode));
	EXPECT(EFAULT, syscall(SYS_stat, unmapped_address(), &st), "a bad name");
	EXPECT(EFAULT, syscall(SYS_stat, "file", unmapped_address()), "a bad buffer");
	EXPECT(ENOENT, syscall(SYS_stat, "gone", unmapped_address()), "a bad buffer for what is not there");
	EXPECT(EFAULT, syscall(SYS_fstat, fd, unmapped_address()), "a bad buffer for a descriptor");
	EXPECT(EBADF, fstat(-1, &st), "a bad descriptor");
	EXPECT(EBADF, syscall(SYS_fstat, 999, unmapped_address()), "before a bad buffer");
	EXPECT(0, fstatat(AT_FDCWD, "to-file", &st, AT_SYMLINK_NOFOLLOW | AT_NO_AUTOMOUNT), "fstatat of a link");
	CHECK(S_ISLNK(st.st_mode) && fstatat(fd, "", &st, AT_EMPTY_PATH) == 0 && S_ISREG(st.st_mode));
	EXPECT(ENOENT, fstatat(fd, "", &st, 0), "an empty name without AT_EMPTY_PATH");
	EXPECT(0, fstatat(AT_FDCWD, "", &st, AT_EMPTY_PATH), "the working directory");
	EXPECT(EINVAL, fstatat(AT_FDCWD, "file", &st, AT_SYMLINK_FOLLOW), "a flag of other calls");
	EXPECT(EINVAL, fstatat(AT_FDCWD, "file", &st, AT_REMOVEDIR), "another one");
	EXPECT(EBADF, fstatat(-1, "file", &st, 0), "below a bad descriptor");
	EXPECT(EBADF, fstatat(-1, "", &st, AT_EMPTY_PATH), "a bad descriptor itself");
	EXPECT(ENOTDIR, fstatat(fd, "x", &st, 0), "below a file");
	EXPECT(0, fstatat(fd, "/", &st, 0), "an absolute name below a file");
	CHECK(pipe(fds) == 0 && fstat(fds[0], &st) == 0 && S_ISFIFO(st.st_mode) && st.st_size == 0 && st.st_nlink == 1);
	CHECK((st.st_mode & 07777) == 0600 && st.st_blksize == 4096);
	CHECK(fstat(fds[1], &other) == 0 && st.st_ino == other.st_ino && close(fds[0]) == 0 && close(fds[1]) == 0);
	CHECK(socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0 && fstat(fds[0], &st) == 0 && S_ISSOCK(st.st_mode));
	CHECK((st.st_mode & 07777) == 0777 && fstat(fds[1], &other) == 0 && st.st_ino != other.st_ino);
	CHECK(close(fds[0]) == 0 && close(fds[1]) == 0 && close(fd) == 0);
	CHECK((fd = eventfd(0, 0)) >= 0 && fstat(fd, &st) == 0 && (st.st_mode & 07777) == 0600 && close(fd) == 0);
}

static void statxs(void)
{
	struct statx x;
	theme("statx");
	int fd = open("file", O_PATH);
	CHECK(statx(AT_FDCWD, "file", 0, STATX_BASIC_STATS, &x) == 0 && stat("file", &st) == 0);
	CHECK((x.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS && x.stx_mode == st.st_mode && x.stx_size == 5);
	CHECK(x.stx_ino == st.st_ino && x.stx_nlink == 1 && x.stx_uid == st.st_uid && x.stx_gid == st.st_gid);
	CHECK(x.stx_blocks == 8 && x.stx_blksize == 4096 && makedev(x.stx_dev_major, x.stx_dev_minor) == st.st_dev);
	CHECK(x.stx_mtime.tv_sec == st.st_mtim.tv_sec && x.stx_mtime.tv_nsec == (unsigned)st.st_mtim.tv_nsec);
	CHECK(x.stx_ctime.tv_sec == st.st_ctim.tv_sec && x.stx_atime.tv_sec == st.st_atim.tv_sec);
	unsigned unasked = STATX_BASIC_STATS & ~(STATX_MTIME | STATX_CTIME);
	CHECK_THAT(statx(AT_FDCWD, "file", 0, 0, &x) == 0 && (x.stx_mask & unasked) == unasked, "most come unasked");
	CHECK(statx(AT_FDCWD, "file", 0, STATX_BTIME, &x) == 0 && (x.stx_mask & STATX_BTIME) &&
	      x.stx_btime.tv_sec > 1000000);
	CHECK(statx(AT_FDCWD, "file", 0, STATX_ALL | 0x1000, &x) == 0 && (x.stx_mask & 0x1000) &&
	      x.stx_mode == st.st_mode);
	CHECK(!(x.stx_attributes & 0x2000) && (x.stx_attributes_mask & 0x2000));
	CHECK_THAT(statx(AT_FDCWD, "/proc", 0, 0, &x) == 0 && (x.stx_attributes & 0x2000), "/proc is a mount's root");
	CHECK(statx(AT_FDCWD, "/dev/null", 0, 0, &x) == 0 && x.stx_rdev_major == 1 && x.stx_rdev_minor == 3);
	CHECK(statx(AT_FDCWD, "to-file", AT_SYMLINK_NOFOLLOW, STATX_TYPE, &x) == 0 && S_ISLNK(x.stx_mode));
	CHECK(statx(AT_FDCWD, "to-file", 0, STATX_TYPE, &x) == 0 && S_ISREG(x.stx_mode));
	CHECK(statx(fd, "", AT_EMPTY_PATH, STATX_SIZE, &x) == 0 && x.stx_size == 5);
	CHECK(statx(AT_FDCWD, "file", AT_STATX_FORCE_SYNC, STATX_ALL, &x) == 0 && x.stx_size == 5);
	CHECK(statx(AT_FDCWD, "file", AT_STATX_DONT_SYNC, STATX_ALL, &x) == 0 && x.stx_size == 5);
	EXPECT(EINVAL, statx(AT_FDCWD, "file", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, STATX_ALL, &x),
	       "both kinds of sync");
	EXPECT(EINVAL, statx(AT_FDCWD, "file", 0, 0x80000000, &x), "the reserved bit");
	EXPECT(EINVAL, statx(AT_FDCWD, "file", AT_REMOVEDIR, STATX_ALL, &x), "a flag of other calls");
	EXPECT(0, statx(AT_FDCWD, "file", 0, 0x40000000, &x), "an unknown field");
	EXPECT(ENOENT, statx(AT_FDCWD, "", 0, STATX_ALL, &x), "an empty name");
	EXPECT(ENOENT, statx(AT_FDCWD, "gone", 0, STATX_ALL, &x), "what is not there");
	EXPECT(EBADF, statx(-1, "file", 0, STATX_ALL, &x), "a bad descriptor");
	EXPECT(EFAULT, syscall(SYS_statx, AT_FDCWD, unmapped_address(), 0, STATX_ALL, &x), "a bad name");
	EXPECT(EFAULT, syscall(SYS_statx, AT_FDCWD, "file", 0, STATX_ALL, unmapped_address()), "a bad buffer");
	CHECK(close(fd) == 0);
}

static void file_systems(void)
{
	struct statfs fs, other;
	int fds[2], fd = open("file", O_RDWR);
	theme("statfs");
	CHECK(statfs("file", &fs) == 0 && fs.f_type == TMPFS_MAGIC && fs.f_bsize == 4096 && fs.f_frsize == 4096);
	CHECK(fs.f_namelen == 255 && fs.f_blocks > 0 && fs.f_bfree > 0 && fs.f_bfree <= fs.f_blocks);
	CHECK(fs.f_bavail == fs.f_bfree && fs.f_files > 0 && fs.f_ffree > 0 && fs.f_ffree < fs.f_files);
	CHECK_THAT(fs.f_flags & 0x20, "the flags are valid");
	CHECK(fstatfs(fd, &other) == 0 && other.f_type == fs.f_type && other.f_blocks == fs.f_blocks);
	CHECK(memcmp(&fs.f_fsid, &other.f_fsid, sizeof(fs.f_fsid)) == 0 && (fs.f_fsid.__val[0] || fs.f_fsid.__val[1]));
	CHECK(statfs("/proc", &other) == 0 && other.f_type == PROC_SUPER_MAGIC && other.f_blocks == 0);
	CHECK(statfs("/sys", &other) == 0 && other.f_type == SYSFS_MAGIC);
	CHECK(statfs("/dev/pts", &other) == 0 && other.f_type == DEVPTS_SUPER_MAGIC);
	CHECK(pipe(fds) == 0 && fstatfs(fds[0], &other) == 0 && other.f_type == PIPEFS_MAGIC && other.f_namelen == 255);
	CHECK(close(fds[0]) == 0 && close(fds[1]) == 0 && socketpair(AF_UNIX, SOCK_STREAM, 0, fds) == 0);
	CHECK(fstatfs(fds[0], &other) == 0 && other.f_type == SOCKFS_MAGIC && close(fds[0]) == 0 && close(fds[1]) == 0);
	EXPECT(ENOENT, statfs("gone", &fs), "what is not there");
	EXPECT(ENOENT, statfs("", &fs), "an empty name");
	EXPECT(ENOTDIR, statfs("file/x", &fs), "below a file");
	EXPECT(EFAULT, syscall(SYS_statfs, unmapped_address(), &fs), "a bad name");
	EXPECT(EFAULT, syscall(SYS_statfs, "file", unmapped_address()), "a bad buffer");
	EXPECT(EBADF, fstatfs(-1, &fs), "a bad descriptor");
	EXPECT(EFAULT, syscall(SYS_fstatfs, fd, unmapped_address()), "a bad buffer for a descriptor");
	CHECK(ftruncate(fd, 0) == 0 && fstatfs(fd, &fs) == 0 && write(fd, "x", 1) == 1 && fstatfs(fd, &other) == 0);
	CHECK_THAT(other.f_files == fs.f_files && other.f_blocks == fs.f_blocks, "a write does not change the size");
	CHECK(close(fd) == 0);
}

/* The times that the file has: atime and mtime in seconds and nanoseconds. */
static int times_are(const char *name, long a, long a_ns, long m, long m_ns)
{
	return lstat(name, &st) == 0 && st.st_atim.tv_sec == a && st.st_atim.tv_nsec == a_ns &&
	       st.st_mtim.tv_sec == m && st.st_mtim.tv_nsec == m_ns;
}

static void times(void)
{
	const struct timespec both[2] = {{1000, 10}, {2000, 20}}, bad[2] = {{1, 1000000000}, {1, 1}},
			      negative[2] = {{-5, 7}, {-1, 8}}, bad_second[2] = {{1, 1}, {1, -1}},
			      omit[2] = {{5, UTIME_OMIT}, {-3, UTIME_OMIT}},
			      late[2] = {{4102444800, 1}, {8000000000, 2}}, one[2] = {{1, UTIME_OMIT}, {77, 7}},
			      now[2] = {{1, UTIME_NOW}, {1, UTIME_NOW}}, half[2] = {{1, UTIME_NOW}, {1, UTIME_OMIT}};
	int fd = open("file", O_RDONLY), path = open("file", O_PATH);
	struct timeval old[2] = {{3000, 30}, {4000, 40}}, wrong[2] = {{1, 1000000}, {1, 1}};
	theme("setting times");
	CHECK(utimensat(AT_FDCWD, "file", both, 0) == 0 && times_are("file", 1000, 10, 2000, 20));
	CHECK(utimensat(AT_FDCWD, "file", omit, 0) == 0 && times_are("file", 1000, 10, 2000, 20));
	CHECK(utimensat(AT_FDCWD, "file", one, 0) == 0 && times_are("file", 1000, 10, 77, 7));
	CHECK_THAT(utimensat(AT_FDCWD, "file", negative, 0) == 0 && times_are("file", -5, 7, -1, 8), "before 1970");
	CHECK_THAT(utimensat(AT_FDCWD, "file", late, 0) == 0 && times_are("file", 4102444800, 1, 8000000000, 2),
		   "far ahead");
	CHECK(utimensat(AT_FDCWD, "to-file", both, AT_SYMLINK_NOFOLLOW) == 0 &&
	      times_are("to-file", 1000, 10, 2000, 20));
	CHECK(utimensat(AT_FDCWD, "to-file", both, 0) == 0 && times_are("file", 1000, 10, 2000, 20));
	CHECK(futimens(fd, late) == 0 && st.st_ctim.tv_sec > 1000000 &&
	      times_are("file", 4102444800, 1, 8000000000, 2));
	CHECK(utimensat(path, "", both, AT_EMPTY_PATH) == 0 && times_are("file", 1000, 10, 2000, 20));
	CHECK(utimensat(AT_FDCWD, "dir", both, 0) == 0 && times_are("dir", 1000, 10, 2000, 20));
	EXPECT(EINVAL, utimensat(AT_FDCWD, "file", bad, 0), "nanoseconds too large");
	EXPECT(EINVAL, utimensat(AT_FDCWD, "file", bad_second, 0), "negative nanoseconds");
	EXPECT(ENOENT, utimensat(AT_FDCWD, "gone", bad, 0), "after the name");
	EXPECT(EBADF, futimens(-1, bad), "and after the descriptor");
	EXPECT(0, utimensat(AT_FDCWD, "file", omit, AT_SYMLINK_FOLLOW), "nothing to set, with a bad flag");
	EXPECT(EINVAL, syscall(SYS_utimes, "gone", wrong), "microseconds before the name");
	EXPECT(0, utimensat(AT_FDCWD, "gone", omit, 0), "nothing to set, of what is not there");
	EXPECT(0, utimensat(-1, "gone", omit, 0), "nor in a directory");
	EXPECT(ENOENT, utimensat(AT_FDCWD, "gone", both, 0), "what is not there");
	EXPECT(ENOENT, utimensat(AT_FDCWD, "", both, 0), "an empty name");
	EXPECT(EINVAL, utimensat(AT_FDCWD, "file", both, AT_SYMLINK_FOLLOW), "a bad flag");
	EXPECT(EFAULT, syscall(SYS_utimensat, AT_FDCWD, NULL, both, 0), "no name below the working directory");
	EXPECT(EINVAL, syscall(SYS_utimensat, fd, NULL, both, AT_SYMLINK_NOFOLLOW), "a flag with a descriptor");
	EXPECT(EBADF, futimens(-1, both), "a bad descriptor");
	EXPECT(EBADF, futimens(path, both), "a path");
	EXPECT(EFAULT, syscall(SYS_utimensat, AT_FDCWD, "file", unmapped_address(), 0), "bad times");
	EXPECT(EFAULT, syscall(SYS_utimensat, AT_FDCWD, unmapped_address(), both, 0), "a bad name");
	struct utimbuf oldest = {5000, 6000};
	CHECK(utimes("file", old) == 0 && times_are("file", 3000, 30000, 4000, 40000));
	CHECK(syscall(SYS_utime, "file", &oldest) == 0 && times_are("file", 5000, 0, 6000, 0));
	CHECK(syscall(SYS_futimesat, AT_FDCWD, "file", old) == 0 && times_are("file", 3000, 30000, 4000, 40000));
	EXPECT(EINVAL, syscall(SYS_utimes, "file", wrong), "microseconds too large");
	EXPECT(EFAULT, syscall(SYS_utimes, "file", unmapped_address()), "utimes with a bad address");
	EXPECT(EFAULT, syscall(SYS_utime, "file", unmapped_address()), "utime with a bad address");
	EXPECT(ENOENT, syscall(SYS_utime, "gone", NULL), "utime of what is not there");
	if (geteuid() == 0) {
		REQUIRE(chmod("file", 0644) == 0 && chmod(".", 0755) == 0);
		act_as(1000, 1000, 0);
		EXPECT(EACCES, utimensat(AT_FDCWD, "file", NULL, 0), "now, by who may not write");
		EXPECT(EACCES, utimensat(AT_FDCWD, "file", now, 0), "now twice, by who may not write");
		EXPECT(EPERM, utimensat(AT_FDCWD, "file", half, 0), "now once, by who may not write");
		EXPECT(EPERM, utimensat(AT_FDCWD, "file", both, 0), "another time, by who may not write");
		EXPECT(0, utimensat(AT_FDCWD, "file", omit, 0), "nothing, by who may not write");
		act_as_root();
		REQUIRE(chmod("file", 0666) == 0);
		act_as(1000, 1000, 0);
		EXPECT(0, utimensat(AT_FDCWD, "file", NULL, 0), "now, by who may write");
		EXPECT(0, utimensat(AT_FDCWD, "file", now, 0), "now twice, by who may write");
		EXPECT(EPERM, utimensat(AT_FDCWD, "file", half, 0), "now once, by who may write");
		EXPECT(EPERM, utimensat(AT_FDCWD, "file", both, 0), "another time, by who may write");
		act_as_root();
		REQUIRE(chown("file", 1000, 1000) == 0 && chmod("file", 0) == 0);
		act_as(1000, 1000, 0);
		EXPECT(0, utimensat(AT_FDCWD, "file", both, 0), "another time, by the owner");
		EXPECT(0, utimensat(AT_FDCWD, "file", NULL, 0), "now, by the owner");
		act_as_root();
		REQUIRE(chown("file", 0, 0) == 0 && chmod("file", 0640) == 0);
	}
	CHECK(close(fd) == 0 && close(path) == 0);
}

/* Which of a directory's and a file's times a change moves: a, m, c of the file, then of the directory. */
static void moved_times(void)
{
	struct stat file[2], dir[2];
	char seen[8], buffer[4];
	const struct timespec past[2] = {{1000, 0}, {1000, 0}};
	theme("what changes the times");
#define MOVES(change, file_name, wanted)                                                                               \
	do {                                                                                                           \
		utimensat(AT_FDCWD, "dir/a", past, 0), utimensat(AT_FDCWD, "dir", past, 0);                            \
		stat("dir/a", &file[0]), stat("dir", &dir[0]);                                                         \
		usleep(12000);                                                                                         \
		int moved_ok = (change);                                                                               \
		lstat(file_name, &file[1]), stat("dir", &dir[1]);                                                      \
		snprintf(seen, sizeof(seen), "%s%s%s%s%s%s", file[1].st_atim.tv_sec != 1000 ? "a" : "",                \
			 file[1].st_mtim.tv_sec != 1000 ? "m" : "",                                                    \
			 memcmp(&file[0].st_ctim, &file[1].st_ctim, sizeof(struct timespec)) ? "c" : "",               \
			 dir[1].st_atim.tv_sec != 1000 ? "A" : "", dir[1].st_mtim.tv_sec != 1000 ? "M" : "",           \
			 memcmp(&dir[0].st_ctim, &dir[1].st_ctim, sizeof(struct timespec)) ? "C" : "");                \
		report(moved_ok && !strcmp(seen, wanted), #change ": " wanted, "line %d, %d, %s", __LINE__, moved_ok,  \
		       seen);                                                                                          \
	} while (0)
	REQUIRE(make_file("dir/a", "12345", 0644));
	int fd = open("dir/a", O_RDWR);
	MOVES(read(fd, buffer, 4) == 4, "dir/a", "a");
	MOVES(write(fd, "x", 1) == 1, "dir/a", "mc");
	MOVES(write(fd, "", 0) == 0, "dir/a", "");
	MOVES(ftruncate(fd, 3) == 0, "dir/a", "mc");
	MOVES(ftruncate(fd, 3) == 0 && "again", "dir/a", "mc");
	MOVES(truncate("dir/a", 3) == 0, "dir/a", "mc");
	MOVES(close(open("dir/a", O_RDWR)) == 0, "dir/a", "");
	MOVES(close(open("dir/a", O_WRONLY | O_TRUNC)) == 0, "dir/a", "mc");
	MOVES(close(open("dir/a", O_WRONLY | O_TRUNC)) == 0 && "again", "dir/a", "mc");
	MOVES(chmod("dir/a", 0600) == 0, "dir/a", "c");
	MOVES(chown("dir/a", geteuid(), getegid()) == 0, "dir/a", "c");
	MOVES(chown("dir/a", (uid_t)-1, (gid_t)-1) == 0, "dir/a", "c");
	MOVES(link("dir/a", "dir/b") == 0, "dir/a", "cMC");
	MOVES(unlink("dir/b") == 0, "dir/a", "cMC");
	MOVES(rename("dir/a", "dir/b") == 0, "dir/b", "cMC");
	MOVES(rename("dir/b", "dir/a") == 0 && rename("dir/a", "dir/a") == 0, "dir/a", "cMC");
	MOVES(make_file("dir/c", "", 0600), "dir/a", "MC");
	MOVES(rename("dir/c", "dir/d") == 0, "dir/a", "MC");
	MOVES(unlink("dir/d") == 0, "dir/a", "MC");
	MOVES(mkdir("dir/c", 0700) == 0, "dir/a", "MC");
	MOVES(make_file("dir/c/d", "", 0600), "dir/a", "");
	MOVES(unlink("dir/c/d") == 0 && rmdir("dir/c") == 0, "dir/a", "MC");
	MOVES(symlink("x", "dir/c") == 0 && unlink("dir/c") == 0, "dir/a", "MC");
	MOVES(chmod("dir", 0711) == 0, "dir/a", "C");
	MOVES(stat("dir/a", &st) == 0 && access("dir/a", R_OK) == 0, "dir/a", "");
	MOVES(fsync(fd) == 0, "dir/a", "");
	MOVES(fallocate(fd, 0, 0, 100) == 0, "dir/a", "mc");
	CHECK(close(fd) == 0 && unlink("dir/a") == 0);
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	populate();
	stats();
	statxs();
	file_systems();
	times();
	moved_times();
	return finish();
}
