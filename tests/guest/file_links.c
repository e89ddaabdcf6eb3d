/* SPDX-License-Identifier: Apache-2.0
 * Making and removing names: link, symlink, readlink, unlink, mkdir, rmdir, mknod; what stays open without a name.
 * area: Files
 */
#include <sys/sysmacros.h>

#include "files.h"

static char long_name[257], long_path[4200];

static void populate(void)
{
	memset(long_name, 'n', 256);
	memset(long_path, 'x', 4199);
	for (int i = 0; i < 4199; i += 200)
		long_path[i] = '/';
	theme("link");
	REQUIRE(make_file("file", "12345", 0644) && make_file("other", "1", 0644));
	REQUIRE(mkdir("dir", 0755) == 0 && mkdir("dir/sub", 0755) == 0 && make_file("dir/file", "abc", 0644));
	REQUIRE(symlink("file", "to-file") == 0 && symlink("dir", "to-dir") == 0 && symlink("gone", "dangling") == 0);
	REQUIRE(symlink("loop", "loop") == 0 && mkfifo("fifo", 0644) == 0);
}

static void links(void)
{
	static const struct {
		const char *from, *to;
		int flags, wanted;
		const char *text;
	} rows[] = {
	    {"file", "new", 0, 0, "a new name"},
	    {"file", "other", 0, EEXIST, "a name that is there"},
	    {"file", "file", 0, EEXIST, "its own name"},
	    {"file", "dir", 0, EEXIST, "a directory's name"},
	    {"file", "dangling", 0, EEXIST, "a dangling link's name"},
	    {"file", "new/", 0, ENOENT, "a new name with a slash"},
	    {"file", ".", 0, EEXIST, "the name ."},
	    {"file", "dir/..", 0, EEXIST, "the name .."},
	    {"file", "/", 0, EEXIST, "the root"},
	    {"file", "gone/new", 0, ENOENT, "below what is not there"},
	    {"file", "other/new", 0, ENOTDIR, "below a file"},
	    {"file", "to-dir/new", 0, 0, "below a link"},
	    {"file/", "new", 0, ENOTDIR, "a file with a slash"},
	    {"gone", "new", 0, ENOENT, "what is not there"},
	    {"gone", "other", 0, ENOENT, "what is not there to what is"},
	    {"", "new", 0, ENOENT, "from an empty name"},
	    {"file", "", 0, ENOENT, "to an empty name"},
	    {"dir", "new", 0, EPERM, "a directory"},
	    {"dir", "other", 0, EEXIST, "a directory to a name that is there"},
	    {"to-file", "new", 0, 0, "a link itself"},
	    {"to-file", "new", AT_SYMLINK_FOLLOW, 0, "what a link names"},
	    {"dangling", "new", 0, 0, "a dangling link itself"},
	    {"dangling", "new", AT_SYMLINK_FOLLOW, ENOENT, "what a dangling link names"},
	    {"loop", "new", AT_SYMLINK_FOLLOW, ELOOP, "what a loop names"},
	    {"to-dir", "new", AT_SYMLINK_FOLLOW, EPERM, "a directory by a link"},
	    {"fifo", "new", 0, 0, "a FIFO"},
	    {"file", "/proc/new", 0, ENOENT, "to /proc"},
	    {"/proc/self/status", "new", 0, EXDEV, "from /proc"},
	    {"file", "new", AT_SYMLINK_NOFOLLOW, EINVAL, "a flag of other calls"},
	    {"file", "new", 0x8000, EINVAL, "an unknown flag"},
	};
	theme("link");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		ino_t from = inode_of(rows[i].flags & AT_SYMLINK_FOLLOW ? "file" : rows[i].from);
		GIVES(rows[i].wanted, FAILS(linkat(AT_FDCWD, rows[i].from, AT_FDCWD, rows[i].to, rows[i].flags)), "%s",
		      rows[i].text);
		if (rows[i].wanted)
			continue;
		CHECKF(inode_of(rows[i].to) == from && links_of(rows[i].to) == 2, "%s: both are one", rows[i].text);
		EXPECT(0, unlink(rows[i].to), "%s: removed", rows[i].text);
	}
	EXPECT(ENAMETOOLONG, link("file", long_name), "to 256 bytes");
	CHECK(link("file", long_name + 1) == 0 && links_of("file") == 2 && unlink(long_name + 1) == 0);
	EXPECT(EFAULT, link(unmapped_address(), "new"), "a bad address");
	EXPECT(EFAULT, link("file", unmapped_address()), "a bad second address");
	EXPECT(EBADF, linkat(-1, "file", AT_FDCWD, "new", 0), "a bad descriptor");
	EXPECT(EBADF, linkat(AT_FDCWD, "file", -1, "new", 0), "a bad second descriptor");
	int fd = open("file", O_RDONLY);
	EXPECT(ENOTDIR, linkat(fd, "file", AT_FDCWD, "new", 0), "below a descriptor of a file");
	if (geteuid() == 0) /* users may since Linux 6.10 */
		CHECK_THAT(linkat(fd, "", AT_FDCWD, "new", AT_EMPTY_PATH) == 0 && unlink("new") == 0, "a descriptor");
	CHECK(close(fd) == 0);
	CHECK_THAT(links_of("file") == 1, "none is left over");
}

static void symbolic(void)
{
	char text[8192];
	struct stat st;
	theme("symlink");
	EXPECT(EEXIST, symlink("x", "file"), "over a file");
	EXPECT(EEXIST, symlink("x", "dangling"), "over a dangling link");
	EXPECT(EEXIST, symlink("x", "."), "as .");
	EXPECT(ENOENT, symlink("", "new"), "an empty target");
	EXPECT(ENOENT, symlink("x", ""), "an empty name");
	EXPECT(ENOENT, symlink("x", "new/"), "a name with a slash");
	EXPECT(EEXIST, symlink("x", "dir/"), "a directory with a slash");
	EXPECT(ENOENT, symlink("x", "gone/new"), "below what is not there");
	EXPECT(ENOTDIR, symlink("x", "file/new"), "below a file");
	EXPECT(ENAMETOOLONG, symlink("x", long_name), "a name of 256 bytes");
	EXPECT(ENAMETOOLONG, symlink(long_path, "new"), "a target that is too long");
	EXPECT(EFAULT, symlink(unmapped_address(), "new"), "a bad address");
	EXPECT(EFAULT, symlink("x", unmapped_address()), "a bad second address");
	EXPECT(EBADF, symlinkat("x", -1, "new"), "a bad descriptor");
	EXPECT(EFAULT, symlinkat(unmapped_address(), -1, "new"), "after a bad address");
	long_path[4096] = 0;
	EXPECT(ENAMETOOLONG, symlink(long_path, "new"), "a target of 4096 bytes");
	long_path[4095] = 0;
	EXPECT(0, symlink(long_path, "new"), "a target of 4095 bytes");
	CHECK(readlink("new", text, sizeof(text)) == 4095 && !memcmp(text, long_path, 4095));
	CHECK(lstat("new", &st) == 0 && st.st_size == 4095 && S_ISLNK(st.st_mode) && (st.st_mode & 0777) == 0777);
	EXPECT(ENOENT, open("new", O_RDONLY), "it leads nowhere");
	CHECK(unlink("new") == 0);

	theme("readlink");
	memset(text, '#', sizeof(text));
	CHECK_THAT(readlink("to-file", text, 2) == 2 && !memcmp(text, "fi#", 3), "cut to the buffer");
	CHECK_THAT(readlink("to-file", text, 64) == 4 && !memcmp(text, "file#", 5), "without a NUL");
	EXPECT(EINVAL, readlink("to-file", text, 0), "no buffer");
	EXPECT(EINVAL, syscall(SYS_readlink, "to-file", text, -1), "a negative size");
	EXPECT(EINVAL, readlink("file", text, 64), "of a file");
	EXPECT(EINVAL, readlink("to-dir/", text, 64), "of what a link with a slash names");
	EXPECT(ENOENT, readlink("gone", text, 64), "of what is not there");
	EXPECT(ENOENT, readlink("", text, 64), "of an empty name");
	EXPECT(ENOTDIR, readlink("to-file/", text, 64), "of a file with a slash");
	EXPECT(EFAULT, readlink("to-file", unmapped_address(), 64), "a bad buffer");
	EXPECT(EFAULT, readlink(unmapped_address(), text, 64), "a bad name");
	EXPECT(EBADF, readlinkat(-1, "to-file", text, 64), "a bad descriptor");
	CHECK_THAT(readlink("loop", text, 64) == 4, "of a loop");
}

static void removal(void)
{
	static const struct {
		const char *name;
		int by_unlink, by_rmdir;
	} rows[] = {
	    {"gone", ENOENT, ENOENT},	   {"", ENOENT, ENOENT},
	    {"gone/x", ENOENT, ENOENT},	   {"file/x", ENOTDIR, ENOTDIR},
	    {"file/", ENOTDIR, ENOTDIR},   {"dir", EISDIR, ENOTEMPTY},
	    {"dir/", EISDIR, ENOTEMPTY},   {"dir/.", EISDIR, EINVAL},
	    {"dir/..", EISDIR, ENOTEMPTY}, {"dir/sub/..", EISDIR, ENOTEMPTY},
	    {".", EISDIR, EINVAL},	   {"..", EISDIR, ENOTEMPTY},
	    {"/", EISDIR, EBUSY},	   {"to-dir/", ENOTDIR, ENOTDIR},
	    {"to-dir/.", EISDIR, EINVAL},  {"to-dir/sub/x", ENOENT, ENOENT},
	    {"gone/", ENOENT, ENOENT},	   {"/proc/self", EPERM, ENOTDIR},
	    {"/proc/sys", EISDIR, EPERM},  {"/proc/gone", ENOENT, ENOENT},
	};
	theme("unlink and rmdir");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (geteuid() && !strncmp(rows[i].name, "/proc/s", 7))
			continue; /* EACCES comes first */
		EXPECT(rows[i].by_unlink, unlink(rows[i].name), "unlink of \"%s\"", rows[i].name);
		EXPECT(rows[i].by_rmdir, rmdir(rows[i].name), "rmdir of \"%s\"", rows[i].name);
	}
	EXPECT(ENOTDIR, rmdir("file"), "rmdir of a file");
	EXPECT(ENOTDIR, rmdir("to-dir"), "rmdir of a link to a directory");
	EXPECT(ENAMETOOLONG, unlink(long_name), "unlink of 256 bytes");
	EXPECT(EFAULT, unlink(unmapped_address()), "unlink of a bad address");
	EXPECT(EFAULT, rmdir(unmapped_address()), "rmdir of a bad address");
	EXPECT(EINVAL, unlinkat(AT_FDCWD, "file", 0x100), "unlinkat with an unknown flag");
	EXPECT(EINVAL, unlinkat(AT_FDCWD, "file", AT_REMOVEDIR | AT_SYMLINK_NOFOLLOW), "or with two");
	EXPECT(EBADF, unlinkat(-1, "file", 0), "unlinkat of a bad descriptor");
	EXPECT(ENOTDIR, unlinkat(AT_FDCWD, "file", AT_REMOVEDIR), "unlinkat of a file as a directory");
	CHECK(mkdir("empty", 0755) == 0 && rmdir("empty/") == 0 && !exists("empty"));
	CHECK(symlink("dir", "new") == 0 && unlink("new") == 0 && exists("dir"));
	CHECK(mkdir("empty", 0755) == 0 && unlinkat(AT_FDCWD, "empty", AT_REMOVEDIR) == 0 && !exists("empty"));

	theme("files without a name");
	char buffer[8];
	struct stat st;
	int fd = open("new", O_CREAT | O_RDWR, 0600);
	CHECK(write(fd, "still", 5) == 5 && link("new", "second") == 0 && unlink("new") == 0);
	CHECK(fstat(fd, &st) == 0 && st.st_nlink == 1 && unlink("second") == 0 && fstat(fd, &st) == 0 &&
	      st.st_nlink == 0);
	CHECK_THAT(pread(fd, buffer, 8, 0) == 5 && !memcmp(buffer, "still", 5), "it is still read");
	CHECK_THAT(write(fd, " here", 5) == 5 && fstat(fd, &st) == 0 && st.st_size == 10, "and written");
	CHECK_THAT(make_file("new", "", 0600) && inode_of("new") != st.st_ino && unlink("new") == 0,
		   "its name is free");
	char link_text[256] = "", name[64];
	snprintf(name, sizeof(name), "/proc/self/fd/%d", fd);
	CHECK(readlink(name, link_text, 255) > 0 && strstr(link_text, "/new (deleted)"));
	EXPECT(ENOENT, linkat(AT_FDCWD, name, AT_FDCWD, "again", AT_SYMLINK_FOLLOW), "it gets no name again");
	int again = open(name, O_RDONLY);
	CHECK_THAT(again >= 0 && read(again, buffer, 8) == 8, "it is opened by /proc/self/fd");
	CHECK(close(again) == 0 && close(fd) == 0);

	theme("directories without a name");
	CHECK(mkdir("empty", 0755) == 0 && chdir("empty") == 0 && rmdir("../empty") == 0);
	EXPECT(ENOENT, getcwd(link_text, 64) ? 0 : -1, "getcwd");
	CHECK(stat(".", &st) == 0 && st.st_nlink == 0);
	EXPECT(ENOENT, mkdir("new", 0755), "mkdir");
	EXPECT(ENOENT, symlink("x", "new"), "symlink");
	EXPECT(ENOENT, link("../file", "new"), "link");
	EXPECT(ENOENT, rename("../file", "new"), "rename");
	EXPECT(ENOENT, mkfifo("new", 0600), "mkfifo");
	EXPECT(ENOENT, unlink("new"), "unlink");
	CHECK_THAT((fd = open(".", O_RDONLY)) >= 0, "open of .");
	EXPECT(ENOENT, syscall(SYS_getdents64, fd, buffer, 8), "getdents64");
	CHECK(close(fd) == 0 && exists("../file") && chdir("..") == 0 && exists("file"));
}

static void making(void)
{
	struct stat st;
	theme("mkdir");
	EXPECT(EEXIST, mkdir("dir", 0755), "what is there");
	EXPECT(EEXIST, mkdir("file", 0755), "a file");
	EXPECT(EEXIST, mkdir("dangling", 0755), "a dangling link");
	EXPECT(EEXIST, mkdir(".", 0755), ".");
	EXPECT(EEXIST, mkdir("/", 0755), "the root");
	EXPECT(EEXIST, mkdir("dir/..", 0755), "..");
	EXPECT(ENOENT, mkdir("", 0755), "an empty name");
	EXPECT(ENOENT, mkdir("gone/new", 0755), "below what is not there");
	EXPECT(ENOENT, mkdir("gone/.", 0755), ". below what is not there");
	EXPECT(ENOTDIR, mkdir("file/new", 0755), "below a file");
	EXPECT(ENOENT, mkdir("dangling/new", 0755), "below a dangling link");
	EXPECT(ELOOP, mkdir("loop/new", 0755), "below a loop");
	EXPECT(ENAMETOOLONG, mkdir(long_name, 0755), "256 bytes");
	EXPECT(EFAULT, mkdir(unmapped_address(), 0755), "a bad address");
	EXPECT(EBADF, mkdirat(-1, "new", 0755), "a bad descriptor");
	EXPECT(ENOENT, mkdir("/proc/new", 0755), "in /proc");
	EXPECT(EEXIST, mkdir("/proc/self", 0755), "what is there in /proc");
	CHECK(mkdir("new///", 07777) == 0 && mode_of("new") == 01755 && links_of("new") == 2);
	CHECK(mkdir("new/a", 0700) == 0 && mkdir("new/b", 0700) == 0 && links_of("new") == 4);
	CHECK(make_file("new/c", "", 0600) && links_of("new") == 4);
	CHECK(rmdir("new/a") == 0 && links_of("new") == 3 && unlink("new/c") == 0 && rmdir("new/b") == 0);
	CHECK(rmdir("new") == 0 && mkdir("dir/sub/../new", 0) == 0 && mode_of("dir/new") == 0 && rmdir("dir/new") == 0);

	theme("mknod");
	EXPECT(EPERM, mknod("new", S_IFDIR | 0755, 0), "a directory");
	EXPECT(EINVAL, mknod("new", S_IFLNK | 0755, 0), "a link");
	EXPECT(EINVAL, mknod("new", 0170000 | 0755, 0), "an unknown type");
	EXPECT(EEXIST, mknod("file", S_IFREG | 0600, 0), "what is there");
	EXPECT(ENOENT, mknod("new/", S_IFREG | 0600, 0), "a file with a slash");
	EXPECT(EEXIST, mknod("dir/", S_IFREG | 0600, 0), "a directory with a slash");
	EXPECT(EEXIST, mknod(".", S_IFIFO | 0600, 0), ".");
	EXPECT(EFAULT, mknod(unmapped_address(), S_IFIFO | 0600, 0), "a bad address");
	CHECK(mknod("new", 0600, 0) == 0 && lstat("new", &st) == 0 && S_ISREG(st.st_mode) && unlink("new") == 0);
	CHECK(mknod("new", S_IFSOCK | 0640, 0) == 0 && lstat("new", &st) == 0 && S_ISSOCK(st.st_mode) &&
	      unlink("new") == 0);
	CHECK(mknod("new", S_IFIFO | 06666, 0) == 0 && mode_of("new") == 06644 && unlink("new") == 0);
	if (geteuid() == 0) {
		dev_t device = makedev(300, 70000);
		CHECK(mknod("new", S_IFCHR | 0600, device) == 0 && lstat("new", &st) == 0 && st.st_rdev == device);
		CHECK_THAT(FAILS(open("new", O_RDONLY)) == no_driver(),
			   "a device that does not exist cannot be opened");
		CHECK(S_ISCHR(st.st_mode) && unlink("new") == 0);
		CHECK(mknod("new", S_IFBLK | 0600, device) == 0 && lstat("new", &st) == 0 && S_ISBLK(st.st_mode));
		CHECK(st.st_rdev == device && unlink("new") == 0);
		act_as(1000, 1000, 0);
		EXPECT(EACCES, mknod("new", S_IFCHR | 0600, device), "a device where a user may not write");
		act_as_root();
		CHECK(mkdir("free", 0777) == 0 && chmod("free", 0777) == 0);
		act_as(1000, 1000, 0);
		EXPECT(EPERM, mknod("free/new", S_IFCHR | 0600, device), "a device by a user");
		EXPECT(EPERM, mknod("free/new", S_IFBLK | 0600, 0), "a block device by a user");
		EXPECT(0, mknod("free/new", S_IFIFO | 0600, 0), "a FIFO by a user");
		EXPECT(EEXIST, mknod("free/new", S_IFCHR | 0600, 0), "what is there by a user");
		act_as_root();
		CHECK(unlink("free/new") == 0 && rmdir("free") == 0);
	}
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	populate();
	links();
	symbolic();
	removal();
	making();
	return finish();
}
