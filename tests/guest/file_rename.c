/* SPDX-License-Identifier: Apache-2.0
 * rename, renameat and renameat2: what may replace what, NOREPLACE, EXCHANGE and WHITEOUT, directories and their links.
 * area: Files
 */
#include <linux/fs.h>
#include <sys/sysmacros.h>

#include "files.h"

static char long_name[257];

static int renames(const char *from, const char *to, unsigned flags)
{
	return FAILS(syscall(SYS_renameat2, AT_FDCWD, from, AT_FDCWD, to, flags));
}

static void populate(void)
{
	memset(long_name, 'n', 256);
	theme("rename refused");
	REQUIRE(make_file("file", "12345", 0644) && make_file("other", "1", 0644));
	REQUIRE(mkdir("dir", 0755) == 0 && mkdir("dir/sub", 0755) == 0 && make_file("dir/file", "abc", 0644));
	REQUIRE(mkdir("empty", 0755) == 0 && mkdir("full", 0755) == 0 && mkdir("full/x", 0755) == 0);
	REQUIRE(symlink("file", "to-file") == 0 && symlink("dir", "to-dir") == 0 && symlink("gone", "dangling") == 0);
	REQUIRE(symlink("loop", "loop") == 0 && mkfifo("fifo", 0644) == 0);
}

#define N RENAME_NOREPLACE
#define X RENAME_EXCHANGE
#define W RENAME_WHITEOUT

static const struct {
	const char *from, *to;
	unsigned flags;
	int wanted;
} refused[] = {
    {"gone", "new", 0, ENOENT},
    {"gone", "other", 0, ENOENT},
    {"gone", "dir", 0, ENOENT},
    {"gone/x", "new", 0, ENOENT},
    {"file/x", "new", 0, ENOTDIR},
    {"file", "gone/new", 0, ENOENT},
    {"file", "other/new", 0, ENOTDIR},
    {"file", "loop/new", 0, ELOOP},
    {"", "new", 0, ENOENT},
    {"file", "", 0, ENOENT},
    {"file/", "new", 0, ENOTDIR},
    {"file", "new/", 0, ENOTDIR},
    {"file", "other/", 0, ENOTDIR},
    {"file/", "other/", 0, ENOTDIR},
    {"to-dir/", "new", 0, ENOTDIR},
    {"dir", "to-dir/", 0, ENOTDIR},
    {"file", "dir", 0, EISDIR},
    {"file", "empty", 0, EISDIR},
    {"file", "empty/", 0, ENOTDIR},
    {"dir", "file", 0, ENOTDIR},
    {"dir", "to-dir", 0, ENOTDIR},
    {"dir", "dangling", 0, ENOTDIR},
    {"dir", "full", 0, ENOTEMPTY},
    {"dir", "full/", 0, ENOTEMPTY},
    {"dir", "dir/new", 0, EINVAL},
    {"dir", "dir/sub", 0, EINVAL},
    {"dir", "dir/sub/new", 0, EINVAL},
    {"dir", "to-dir/new", 0, EINVAL},
    {"dir/sub", "dir", 0, ENOTEMPTY},
    {"dir/file", "dir", 0, ENOTEMPTY},
    {".", "new", 0, EBUSY},
    {"..", "new", 0, EBUSY},
    {"dir/.", "new", 0, EBUSY},
    {"dir/..", "new", 0, EBUSY},
    {"dir/sub/..", "new", 0, EBUSY},
    {"/", "/", 0, EBUSY},
    {"file", ".", 0, EBUSY},
    {"dir", ".", 0, EBUSY},
    {"dir", "empty/..", 0, EBUSY},
    {"dir", "empty/.", 0, EBUSY},
    {"gone", ".", 0, EBUSY},
    {"file", "/proc/new", 0, EXDEV},
    {"/proc/self", "new", 0, EXDEV},
    {"/proc/version", "/proc/new", 0, ENOENT},
    {"file", "other", N, EEXIST},
    {"file", "file", N, EEXIST},
    {"file", "dir", N, EEXIST},
    {"file", "dangling", N, EEXIST},
    {"file", ".", N, EEXIST},
    {"file", "empty/..", N, EEXIST},
    {".", "new", N, EBUSY},
    {"gone", "file", N, ENOENT},
    {"gone", "new", N, ENOENT},
    {"dir", "full", N, EEXIST},
    {"dir", "dir/sub", N, EEXIST},
    {"dir", "dir/new", N, EINVAL},
    {"file", "new", X, ENOENT},
    {"gone", "file", X, ENOENT},
    {"dir", "dir/sub", X, EINVAL},
    {"dir/sub", "dir", X, EINVAL},
    {"dir/file", "dir", X, EINVAL},
    {"file", ".", X, EBUSY},
    {"dir", "file/", X, ENOTDIR},
    {"file/", "dir", X, ENOTDIR},
    {"file", "other", X | N, EINVAL},
    {"file", "other", X | W, EINVAL},
    {"file", "other", X | N | W, EINVAL},
    {"file", "other", W | N, EEXIST},
    {"dir", "file", W, ENOTDIR},
    {"file", "dir", W, EISDIR},
    {"gone", "new", W, ENOENT},
    {"file", "other", 8, EINVAL},
    {"file", "other", 0x80000000, EINVAL},
    {"", "", 8, EINVAL},
};

static void refusals(void)
{
	theme("rename refused");
	for (size_t i = 0; i < sizeof(refused) / sizeof(*refused); i++)
		GIVES(refused[i].wanted, renames(refused[i].from, refused[i].to, refused[i].flags),
		      "\"%s\" to \"%s\", flags %u", refused[i].from, refused[i].to, refused[i].flags);
	CHECK_THAT(FAILS(rename("/proc/version", "/proc/meminfo")) == (geteuid() ? EACCES : EPERM), "within /proc");
	EXPECT(ENAMETOOLONG, rename("file", long_name), "to 256 bytes");
	EXPECT(ENAMETOOLONG, rename(long_name, "new"), "from 256 bytes");
	EXPECT(EFAULT, rename(unmapped_address(), "new"), "a bad address");
	EXPECT(EFAULT, rename("file", unmapped_address()), "a bad second address");
	EXPECT(EBADF, renameat(-1, "file", AT_FDCWD, "new"), "a bad descriptor");
	EXPECT(EBADF, renameat(AT_FDCWD, "file", -1, "new"), "a bad second descriptor");
	int fd = open("file", O_RDONLY);
	EXPECT(ENOTDIR, renameat(fd, "file", AT_FDCWD, "new"), "below a descriptor of a file");
	EXPECT(ENOENT, renameat(fd, "", AT_FDCWD, "new"), "an empty name below a descriptor");
	CHECK(close(fd) == 0 && !exists("new") && exists("file") && exists("dir/sub") && links_of("dir") == 3);
}

static void moves(void)
{
	struct stat st;
	theme("rename");
	ino_t file = inode_of("file"), dir = inode_of("dir"), link = inode_of("to-file");
	CHECK(rename("file", "new") == 0 && inode_of("new") == file && !exists("file"));
	CHECK_THAT(rename("new", "dir/file") == 0 && inode_of("dir/file") == file && !exists("new"), "over a file");
	CHECK(rename("dir/file", "to-dir/../file") == 0 && inode_of("file") == file);
	CHECK_THAT(rename("to-file", "dir/link") == 0 && inode_of("dir/link") == link, "a link itself");
	CHECK_THAT(rename("dir/link", "dangling") == 0 && inode_of("dangling") == link, "over a dangling link");
	CHECK(rename("dangling", "to-file") == 0 && symlink("gone", "dangling") == 0);
	CHECK_THAT(rename("file", "file") == 0 && exists("file"), "to itself");
	CHECK_THAT(linkat(AT_FDCWD, "file", AT_FDCWD, "same", 0) == 0 && rename("file", "same") == 0 &&
		       exists("file") && exists("same") && links_of("file") == 2,
		   "to another name of the same file: both stay");
	CHECK(unlink("same") == 0 && rename("file", long_name + 1) == 0 && rename(long_name + 1, "file") == 0);
	CHECK_THAT(rename("dir", "empty") == 0 && inode_of("empty") == dir && !exists("dir"),
		   "over an empty directory");
	CHECK(links_of("empty") == 3 && rename("empty/", "dir/") == 0 && inode_of("dir") == dir);
	CHECK_THAT(mkdir("empty", 0755) == 0 && rename("dir/sub", "empty/sub") == 0 && links_of("dir") == 2 &&
		       links_of("empty") == 3,
		   "a directory between directories: their links");
	CHECK(stat("empty/sub/..", &st) == 0 && st.st_ino == inode_of("empty") && rename("empty/sub", "dir/sub") == 0);
	CHECK(links_of("empty") == 2 && links_of("dir") == 3 && rename("fifo", "dir/fifo") == 0 &&
	      rename("dir/fifo", "fifo") == 0);
	int fd = open("other", O_RDWR), held = open("empty", O_RDONLY);
	CHECK(make_file("new", "n", 0600) && rename("new", "other") == 0);
	CHECK_THAT(fstat(fd, &st) == 0 && st.st_nlink == 0 && st.st_size == 1, "what was replaced stays open");
	CHECK(mkdir("new", 0755) == 0 && rename("new", "empty") == 0);
	CHECK_THAT(fstat(held, &st) == 0 && st.st_nlink == 0, "a directory too");
	EXPECT(ENOENT, mkdirat(held, "x", 0755), "in which nothing is made");
	CHECK(close(fd) == 0 && close(held) == 0);
	CHECK(chdir("dir/sub") == 0 && rename("../../dir", "../../moved") == 0);
	char *cwd = getcwd(NULL, 0);
	CHECK_THAT(cwd && strstr(cwd, "/moved/sub"), "the working directory moves with it");
	CHECK(chdir("../..") == 0 && rename("moved", "dir") == 0);
	free(cwd);
	struct stat before;
	CHECK(stat("file", &before) == 0);
	usleep(20000);
	CHECK(rename("file", "new") == 0 && stat("new", &st) == 0 && st.st_ctim.tv_nsec != before.st_ctim.tv_nsec);
	CHECK(st.st_mtim.tv_nsec == before.st_mtim.tv_nsec && stat(".", &before) == 0 && rename("new", "file") == 0);
	CHECK(before.st_mtim.tv_sec > st.st_mtim.tv_sec || before.st_mtim.tv_nsec != st.st_mtim.tv_nsec);
}

static void exchanges(void)
{
	theme("RENAME_NOREPLACE and RENAME_EXCHANGE");
	ino_t file = inode_of("file"), dir = inode_of("dir"), other = inode_of("other"), link = inode_of("dangling");
	GIVES(0, renames("file", "new", N), "NOREPLACE to a new name");
	GIVES(0, renames("new", "file", N), "and back");
	GIVES(0, renames("dir", "new", N), "a directory");
	GIVES(0, renames("new/", "dir/", N), "and back with slashes");
	GIVES(0, renames("file", "other", X), "two files exchanged");
	CHECK(inode_of("file") == other && inode_of("other") == file);
	GIVES(0, renames("file", "other", X), "and back again");
	GIVES(0, renames("file", "file", X), "a file with itself");
	CHECK(inode_of("file") == file && links_of("file") == 1);
	GIVES(0, renames("file", "dangling", X), "a file and a dangling link");
	CHECK(inode_of("file") == link && inode_of("dangling") == file);
	GIVES(0, renames("file", "dangling", X), "a dangling link and a file");
	GIVES(0, renames("file", "dir", X), "a file and a directory");
	CHECK(inode_of("file") == dir && inode_of("dir") == file && exists("file/sub"));
	GIVES(0, renames("dir", "file", X), "and back to where they were");
	GIVES(0, renames("dir/sub", "other", X), "a directory and a file elsewhere");
	CHECK(links_of("dir") == 2 && inode_of("dir/sub") == other && exists("other/."));
	GIVES(0, renames("dir/sub", "other", X), "and the other way round");
	CHECK(links_of("dir") == 3 && links_of("other") == 1 && exists("dir/sub/.."));
	GIVES(0, renames("dir/sub", "full", X), "two directories");
	CHECK(exists("dir/sub/x") && links_of("dir") == 3 && links_of("full") == 2 && links_of("dir/sub") == 3);
	GIVES(0, renames("full/", "dir/sub/", X), "with slashes");
	CHECK(exists("full/x") && links_of("full") == 3);
	GIVES(0, renames("file", long_name + 1, 0), "to a name of 255 bytes");
	GIVES(0, renames("other", long_name + 1, X), "exchanged with one of 5");
	CHECK(inode_of("other") == file && inode_of(long_name + 1) == other);
	GIVES(0, renames("other", "file", 0), "to its own name");
	GIVES(0, renames(long_name + 1, "other", 0), "and the other one");
}

static void whiteouts(void)
{
	struct stat st;
	theme("RENAME_WHITEOUT");
	if (geteuid())
		return;
	ino_t file = inode_of("file");
	GIVES(0, renames("file", "new", W), "a file");
	CHECK(inode_of("new") == file && lstat("file", &st) == 0 && S_ISCHR(st.st_mode) && st.st_rdev == makedev(0, 0));
	CHECK_THAT((st.st_mode & 07777) == 0 && st.st_nlink == 1 && st.st_uid == 0, "what is left in its place");
	CHECK_THAT(FAILS(open("file", O_RDONLY)) == no_driver(), "it cannot be opened");
	GIVES(EEXIST, renames("new", "file", W | N), "over a whiteout with NOREPLACE");
	GIVES(0, renames("new", "file", 0), "over a whiteout");
	CHECK(inode_of("file") == file && !exists("new"));
	GIVES(0, renames("file", "other", W), "over a file");
	CHECK(inode_of("other") == file && lstat("file", &st) == 0 && S_ISCHR(st.st_mode));
	GIVES(0, renames("other", "new", W | N), "to a new name with NOREPLACE");
	CHECK(inode_of("new") == file && unlink("file") == 0 && unlink("other") == 0);
	GIVES(0, renames("new", "file", 0), "back");
	CHECK(make_file("other", "1", 0644));
	GIVES(0, renames("dir", "moved", W), "a directory");
	CHECK(lstat("dir", &st) == 0 && S_ISCHR(st.st_mode) && exists("moved/sub") && unlink("dir") == 0);
	GIVES(0, renames("moved/sub", "sub", W), "out of a directory");
	CHECK(links_of("moved") == 2 && lstat("moved/sub", &st) == 0 && S_ISCHR(st.st_mode) &&
	      unlink("moved/sub") == 0);
	CHECK(rename("sub", "moved/sub") == 0 && rename("moved", "dir") == 0 && links_of("dir") == 3);
	GIVES(0, renames("file", "file", W), "to itself");
	CHECK(inode_of("file") == file);
	CHECK(mkdir("mine", 0777) == 0 && chmod("mine", 0777) == 0 && make_file("mine/a", "", 0666));
	act_as(1000, 1000, 0);
	GIVES(0, renames("mine/a", "mine/b", W), "by a user");
	act_as_root();
	CHECK(lstat("mine/a", &st) == 0 && S_ISCHR(st.st_mode) && st.st_uid == 1000 && exists("mine/b"));
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	populate();
	refusals();
	moves();
	exchanges();
	whiteouts();
	return finish();
}
