/* SPDX-License-Identifier: Apache-2.0
 * Mounting: tmpfs and bind mounts, their flags, remounting, unmounting, moving, what /proc tells of them, chroot and
 * pivot_root. On the host in a mount namespace of its own; the sandbox has one namespace, which is gone with it.
 * area: Files
 */
#include <sched.h>
#include <sys/inotify.h>
#include <sys/mount.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>

#include "files.h"

static char base[128];

/* A namespace whose mounts nobody else sees, if there are namespaces; 0: nothing can be mounted here. */
static int isolate(void)
{
	if (unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL))
		return 0;
	return mount("base", ".", "tmpfs", 0, NULL) == 0 && chdir(scratch_directory) == 0 && chmod(".", 0755) == 0;
}

/* The last line of a file in /proc/self that has this mount point as its field number `field`; NULL: none. */
static const char *line_of(const char *file, const char *point, int field)
{
	static char line[1024], found[1024];
	char path[512], mark[600];
	FILE *f = fopen(file, "r");
	snprintf(path, sizeof(path), "%s%s%s", base, *point ? "/" : "", point);
	found[0] = 0;
	while (f && fgets(line, sizeof(line), f)) {
		const char *at = line;
		for (int i = 1; i < field && at; i++)
			at = strchr(at, ' ') ? strchr(at, ' ') + 1 : NULL;
		snprintf(mark, sizeof(mark), "%s ", path);
		if (at && !strncmp(at, mark, strlen(mark)))
			strcpy(found, line);
	}
	if (f)
		fclose(f);
	return found[0] ? found : NULL;
}

static const char *mount_line(const char *point)
{
	return line_of("/proc/self/mounts", point, 2);
}

/* /proc/self/mounts tells this of the mount: type, and the first of its options. */
static int told(const char *point, const char *wanted)
{
	const char *line = mount_line(point);
	const char *type = line ? strchr(strchr(line, ' ') + 1, ' ') : NULL;
	return type && !strncmp(type + 1, wanted, strlen(wanted)) && strchr(", ", type[1 + strlen(wanted)]);
}

static void mounting(void)
{
	struct stat st, other;
	struct statfs fs;
	int fd;
	char block[4096] = "";
	theme("mount");
	REQUIRE(mkdir("m", 0755) == 0 && mkdir("n", 0755) == 0 && make_file("file", "x", 0644) &&
		symlink("m", "to-m") == 0);
	EXPECT(ENOENT, mount("none", "gone", "tmpfs", 0, NULL), "on what is not there");
	EXPECT(ENOTDIR, mount("none", "file", "tmpfs", 0, NULL), "a tmpfs on a file");
	EXPECT(ENODEV, mount("none", "m", "nosuchfs", 0, NULL), "an unknown type");
	EXPECT(EINVAL, mount("none", "m", NULL, 0, NULL), "no type");
	EXPECT(EINVAL, mount("none", "m", "tmpfs", 0, "nosuchoption=1"), "an unknown option");
	EXPECT(EINVAL, mount("none", "m", "tmpfs", 0, "size=many"), "a bad size");
	EXPECT(EINVAL, mount("none", "m", "tmpfs", 0, "mode=9"), "a bad mode");
	EXPECT(EFAULT, mount("none", unmapped_address(), "tmpfs", 0, NULL), "a bad target");
	EXPECT(EFAULT, mount(unmapped_address(), "m", "tmpfs", 0, NULL), "a bad source");
	EXPECT(EFAULT, mount("none", "m", unmapped_address(), 0, NULL), "a bad type");
	EXPECT(EFAULT, mount("none", "m", "tmpfs", 0, unmapped_address()), "bad options");
	act_as(1000, 1000, 0);
	EXPECT(EPERM, mount("none", "m", "tmpfs", 0, NULL), "by a user");
	EXPECT(ENOENT, mount("none", "gone", "tmpfs", 0, NULL), "by a user, on what is not there");
	EXPECT(EPERM, umount2("m", 0), "unmounting by a user");
	EXPECT(ENOENT, umount2("gone", 0), "what is not there, by a user");
	act_as_root();
	CHECK_THAT(!mount_line("m"), "nothing was mounted");
	EXPECT(
	    0,
	    mount("source", "to-m", "tmpfs", MS_NOSUID | MS_NODEV | MS_NOEXEC, "size=64k,mode=750,uid=1000,gid=2000"),
	    "through a link");
	CHECK(stat("m", &st) == 0 && (st.st_mode & 07777) == 0750 && st.st_uid == 1000 && st.st_gid == 2000);
	CHECK(stat("n", &other) == 0 && st.st_dev != other.st_dev && statfs("m", &fs) == 0 && fs.f_blocks == 16);
	CHECK((fs.f_flags & (ST_NOSUID | ST_NODEV | ST_NOEXEC | ST_RDONLY)) == (ST_NOSUID | ST_NODEV | ST_NOEXEC));
	CHECK(told("m", "tmpfs rw,nosuid,nodev,noexec,relatime") && !strncmp(mount_line("m"), "source ", 7));
	CHECK(strstr(mount_line("m"), ",size=64k") && strstr(mount_line("m"), ",mode=750") &&
	      strstr(mount_line("m"), ",uid=1000,gid=2000"));
	CHECK((fd = open("m/f", O_CREAT | O_RDWR, 0755)) >= 0);
	int blocks = 0;
	while (write(fd, block, sizeof(block)) == (ssize_t)sizeof(block))
		blocks++;
	int error = errno;
	CHECK_THAT(error == ENOSPC && blocks >= 15 && blocks <= 16, "the size is kept");
	CHECK(statfs("m", &fs) == 0 && fs.f_bavail <= 1 && close(fd) == 0);
	EXPECT(EACCES, execl("m/f", "f", NULL), "noexec");
	EXPECT(EACCES, access("m/f", X_OK), "access of noexec");
	CHECK(mknod("m/null", S_IFCHR | 0666, makedev(1, 3)) == 0);
	EXPECT(EACCES, open("m/null", O_RDWR), "nodev");
	EXPECT(EXDEV, link("m/f", "f"), "link out of it");
	EXPECT(EXDEV, rename("m/f", "f"), "rename out of it");
	EXPECT(EXDEV, rename("file", "m/file"), "rename into it");
	EXPECT(EBUSY, rmdir("m"), "rmdir of a mount point");
	EXPECT(EBUSY, rename("m", "k"), "rename of a mount point");
	EXPECT(EBUSY, rename("n", "m"), "rename over a mount point");
	CHECK(stat("m/..", &st) == 0 && st.st_ino == inode_of(".") && chdir("m") == 0 && chdir("..") == 0 &&
	      exists("n"));
	EXPECT(0, mount("upper", "m", "tmpfs", 0, "nr_inodes=5"), "a second one on top");
	CHECK(!exists("m/f") && told("m", "tmpfs rw,relatime") && mode_of("m") == 01777);
	int made = 0;
	while (made < 10 && mkdir((snprintf(block, 16, "m/%d", made), block), 0700) == 0)
		made++;
	error = errno;
	CHECK_THAT(made == 4 && error == ENOSPC, "nr_inodes is kept");
	CHECK(umount("m") == 0 && exists("m/f") && told("m", "tmpfs rw,nosuid") && umount("m") == 0 &&
	      !mount_line("m"));
	CHECK(!exists("m/f") && mode_of("m") == 0755);
	CHECK(mkdir("with space", 0755) == 0 && mount("a b", "with space", "tmpfs", 0, NULL) == 0);
	CHECK_THAT(told("with\\040space", "tmpfs rw") && !strncmp(mount_line("with\\040space"), "a\\040b ", 7),
		   "spaces are told as \\040");
	CHECK(umount("with space") == 0 && rmdir("with space") == 0);
}

static void read_only(void)
{
	int fd;
	theme("read-only mounts");
	REQUIRE(mount("none", "m", "tmpfs", 0, NULL) == 0 && make_file("m/f", "12345", 0755) &&
		mkdir("m/d", 0755) == 0);
	CHECK((fd = open("m/f", O_RDWR)) >= 0);
	EXPECT(EBUSY, mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), "remounting while a file is written");
	EXPECT(EBUSY, mount(NULL, "m", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "also of the mount alone");
	CHECK(write(fd, "x", 1) == 1 && close(fd) == 0 && (fd = open("m/f", O_RDONLY)) >= 0);
	EXPECT(0, mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), "remounting");
	CHECK(told("m", "tmpfs ro,relatime"));
	EXPECT(EROFS, open("m/f", O_WRONLY), "open for writing");
	EXPECT(EROFS, open("m/f", O_RDONLY | O_TRUNC), "open with O_TRUNC");
	EXPECT(EROFS, open("m/new", O_CREAT | O_RDWR, 0600), "making a file");
	EXPECT(0, close(open("m/f", O_CREAT | O_RDONLY, 0600)), "O_CREAT of what is there");
	EXPECT(EEXIST, open("m/f", O_CREAT | O_EXCL | O_RDWR, 0600), "with O_EXCL");
	EXPECT(EROFS, open("m", O_TMPFILE | O_RDWR, 0600), "O_TMPFILE");
	EXPECT(EROFS, mkdir("m/new", 0700), "mkdir");
	EXPECT(EEXIST, mkdir("m/d", 0700), "mkdir of what is there");
	EXPECT(EROFS, rmdir("m/d"), "rmdir");
	EXPECT(EROFS, unlink("m/f"), "unlink");
	EXPECT(EROFS, rename("m/f", "m/g"), "rename");
	EXPECT(EROFS, link("m/f", "m/g"), "link");
	EXPECT(EROFS, symlink("x", "m/g"), "symlink");
	EXPECT(EROFS, mkfifo("m/g", 0600), "mkfifo");
	EXPECT(EROFS, chmod("m/f", 0600), "chmod");
	EXPECT(EROFS, fchmod(fd, 0600), "fchmod");
	EXPECT(EROFS, chown("m/f", 1, 1), "chown");
	EXPECT(EROFS, truncate("m/f", 0), "truncate");
	EXPECT(EROFS, utimensat(AT_FDCWD, "m/f", NULL, 0), "utimensat");
	EXPECT(EROFS, access("m/f", W_OK), "access");
	EXPECT(EROFS, access("m", W_OK), "access of the directory");
	EXPECT(0, access("m/f", R_OK | X_OK), "access for reading");
	act_as(1000, 1000, 0);
	EXPECT(EROFS, open("m/f", O_WRONLY), "a user who may not write either");
	act_as_root();
	EXPECT(0, mount(NULL, "m", NULL, MS_REMOUNT, NULL), "writable again");
	CHECK(told("m", "tmpfs rw,relatime") && make_file("m/new", "", 0600) && close(fd) == 0);
	EXPECT(EINVAL, mount(NULL, "m/d", NULL, MS_REMOUNT | MS_RDONLY, NULL), "remounting what is no mount point");
	EXPECT(EINVAL, mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL), "also of a mount alone");

	REQUIRE(mount("m", "n", NULL, MS_BIND, NULL) == 0);
	EXPECT(0, mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY | MS_NOSUID, NULL),
	       "one of two mounts read-only");
	CHECK(told("n", "tmpfs ro,nosuid,relatime") && told("m", "tmpfs rw,relatime"));
	EXPECT(EROFS, open("n/f", O_WRONLY), "it is");
	CHECK_THAT((fd = open("m/f", O_WRONLY)) >= 0 && close(fd) == 0, "the other is not");
	EXPECT(0, mount(NULL, "m", NULL, MS_REMOUNT | MS_RDONLY, NULL), "the file system read-only");
	EXPECT(0, mount(NULL, "n", NULL, MS_REMOUNT | MS_BIND, NULL), "a mount of it writable");
	EXPECT(EROFS, open("n/f", O_WRONLY), "is not");
	EXPECT(0, mount(NULL, "m", NULL, MS_REMOUNT | MS_NOEXEC | MS_NOATIME, "size=128k"), "other flags and size");
	struct statfs fs;
	CHECK(told("m", "tmpfs rw,noexec,noatime") && told("n", "tmpfs rw,relatime") && statfs("n", &fs) == 0);
	CHECK_THAT(fs.f_blocks == 32, "the size has changed");
	EXPECT(EINVAL, mount(NULL, "m", NULL, MS_REMOUNT, "size=wrong"), "a bad size");
	CHECK(umount("n") == 0 && umount("m") == 0);
}

static void binding(void)
{
	struct stat st, other;
	theme("bind mounts");
	REQUIRE(mkdir("src", 0755) == 0 && mkdir("src/sub", 0755) == 0 && make_file("src/f", "1", 0644) &&
		make_file("target", "2", 0644));
	EXPECT(ENOENT, mount("gone", "m", NULL, MS_BIND, NULL), "of what is not there");
	EXPECT(ENOTDIR, mount("src", "target", NULL, MS_BIND, NULL), "a directory on a file");
	EXPECT(ENOTDIR, mount("src/f", "m", NULL, MS_BIND, NULL), "a file on a directory");
	EXPECT(EINVAL, mount(NULL, "m", NULL, MS_BIND, NULL), "without a source");
	EXPECT(EINVAL, mount("", "m", NULL, MS_BIND, NULL), "with an empty source");
	CHECK(mount("src", "m", NULL, MS_BIND, NULL) == 0 && stat("src", &st) == 0 && stat("m", &other) == 0);
	CHECK(st.st_ino == other.st_ino && st.st_dev == other.st_dev && make_file("m/new", "", 0600) &&
	      exists("src/new"));
	EXPECT(EXDEV, link("m/f", "src/g"), "no link between two mounts of one directory");
	EXPECT(EXDEV, rename("m/f", "src/g"), "no rename");
	EXPECT(0, rename("m/f", "m/g"), "within one of them");
	CHECK(exists("src/g") && rename("src/g", "src/f") == 0 && stat("m/..", &st) == 0 && st.st_ino == inode_of("."));
	CHECK(mount("src/f", "target", NULL, MS_BIND, NULL) == 0 && inode_of("target") == inode_of("src/f"));
	EXPECT(EBUSY, unlink("target"), "unlink of a file mounted on");
	EXPECT(EBUSY, rename("file", "target"), "rename over it");
	CHECK_THAT(unlink("src/f") == 0 && exists("target"), "its source may go");
	CHECK(umount("target") == 0 && make_file("src/f", "1", 0644));
	CHECK(mount("none", "src/sub", "tmpfs", 0, NULL) == 0 && make_file("src/sub/inner", "", 0600));
	CHECK_THAT(!exists("m/sub/inner"), "a later mount is not in it");
	CHECK(umount("m") == 0 && mount("src", "m", NULL, MS_BIND, NULL) == 0 && !exists("m/sub/inner") &&
	      umount("m") == 0);
	CHECK(mount("src", "m", NULL, MS_BIND | MS_REC, NULL) == 0 && exists("m/sub/inner") &&
	      told("m/sub", "tmpfs rw"));
	EXPECT(EBUSY, umount("m"), "unmounting with one on it");
	EXPECT(0, umount2("m", MNT_DETACH), "both with MNT_DETACH");
	CHECK(!mount_line("m") && !mount_line("m/sub") && exists("src/sub/inner") && umount("src/sub") == 0);
	CHECK_THAT(mount("src", "src", NULL, MS_BIND, NULL) == 0 && told("src", "tmpfs rw"), "on itself");
	CHECK(mount("src/sub", "m", NULL, MS_BIND, NULL) == 0);
	unsigned id = 0, parent = 0, major = 0, minor = 0;
	char root[128] = "", rest[512] = "";
	const char *line = line_of("/proc/self/mountinfo", "m", 5);
	CHECK(line && sscanf(line, "%u %u %u:%u %127s %511[^\n]", &id, &parent, &major, &minor, root, rest) == 6);
	CHECK_THAT(stat("m", &st) == 0 && makedev(major, minor) == st.st_dev && !strcmp(root, "/src/sub"),
		   "mountinfo: device and root");
	CHECK_THAT(strstr(rest, " rw,relatime - tmpfs base rw"), "mountinfo: options, type and source");
	struct statx x;
	CHECK_THAT(statx(AT_FDCWD, "m", 0, 0x1000, &x) == 0 && x.stx_mnt_id == id,
		   "mountinfo: the number that statx tells");
	CHECK_THAT((line = line_of("/proc/self/mountinfo", "", 5)) && (unsigned)atoi(line) == parent,
		   "mountinfo: the parent");
	CHECK(umount("m") == 0 && umount("src") == 0);

	theme("moved mounts");
	REQUIRE(mount("none", "m", "tmpfs", 0, NULL) == 0 && make_file("m/f", "", 0600) && mkdir("m/d", 0755) == 0);
	EXPECT(EINVAL, mount("src", "n", NULL, MS_MOVE, NULL), "what is no mount point");
	EXPECT(EINVAL, mount(NULL, "n", NULL, MS_MOVE, NULL), "nothing");
	EXPECT(ELOOP, mount("m", "m/d", NULL, MS_MOVE, NULL), "into itself");
	EXPECT(EINVAL, mount("m", "file", NULL, MS_MOVE, NULL), "onto a file");
	EXPECT(0, mount("m", "n", NULL, MS_MOVE, NULL), "to another place");
	CHECK(exists("n/f") && !exists("m/f") && mount_line("n") && !mount_line("m") && umount("n") == 0);
}

static void unmounting(void)
{
	int fd = -1;
	char buffer[512] __attribute__((aligned(8)));
	theme("umount");
	EXPECT(EINVAL, umount2("m", 0), "what is no mount point");
	EXPECT(EINVAL, umount2("file", 0), "a file");
	EXPECT(EINVAL, umount2("m", 16), "an unknown flag");
	EXPECT(EINVAL, umount2("gone", 16), "before the name");
	EXPECT(ENOENT, umount2("gone", 0), "what is not there");
	EXPECT(EFAULT, umount2(unmapped_address(), 0), "a bad address");
	NEED(mount("none", "m", "tmpfs", 0, NULL) == 0 && make_file("m/f", "12345", 0600) &&
	     (fd = open("m/f", O_RDWR)) >= 0);
	EXPECT(EBUSY, umount2("m", 0), "with an open file");
	EXPECT(EBUSY, umount2("m", MNT_EXPIRE), "MNT_EXPIRE with an open file");
	EXPECT(EINVAL, umount2("m", MNT_EXPIRE | MNT_DETACH), "MNT_EXPIRE with MNT_DETACH");
	EXPECT(EINVAL, umount2("m", MNT_EXPIRE | MNT_FORCE), "MNT_EXPIRE with MNT_FORCE");
	EXPECT(EINVAL, umount2("to-m", UMOUNT_NOFOLLOW), "a link with UMOUNT_NOFOLLOW");
	CHECK(close(fd) == 0 && chdir("m") == 0);
	EXPECT(EBUSY, umount2("../m", 0), "with a working directory");
	CHECK(chdir("..") == 0 && mkdir("m/d", 0755) == 0 && mount("none", "m/d", "tmpfs", 0, NULL) == 0);
	EXPECT(EBUSY, umount2("m", 0), "with a mount on it");
	EXPECT(EBUSY, umount2("m", MNT_FORCE), "even with MNT_FORCE");
	CHECK(umount("m/d") == 0);
	EXPECT(EAGAIN, umount2("m", MNT_EXPIRE), "MNT_EXPIRE marks it");
	CHECK_THAT(exists("m/f"), "use clears the mark");
	EXPECT(EAGAIN, umount2("m", MNT_EXPIRE), "so it is marked again");
	EXPECT(0, umount2("m", MNT_EXPIRE), "and goes the second time");
	NEED(mount("none", "m", "tmpfs", 0, NULL) == 0 && make_file("m/f", "12345", 0600) &&
	     (fd = open("m/f", O_RDWR)) >= 0);
	EXPECT(0, umount2("to-m", MNT_DETACH), "MNT_DETACH with an open file, through a link");
	CHECK_THAT(!exists("m/f") && !mount_line("m") && read(fd, buffer, 5) == 5 && write(fd, "x", 1) == 1,
		   "which can be used on");
	CHECK(close(fd) == 0);
	CHECK(mount("none", "m", "tmpfs", 0, NULL) == 0 && mkdir("m/d", 0755) == 0 && chdir("m/d") == 0 &&
	      umount2("../../m", MNT_DETACH) == 0);
	CHECK_THAT(make_file("f", "", 0600) && exists("../d/f"), "a working directory in what is detached");
	CHECK_THAT(mount("none", ".", "tmpfs", 0, NULL) == -1, "nothing is mounted there");
	CHECK(chdir(base) == 0);
	REQUIRE(mount("none", "m", "tmpfs", 0, NULL) == 0 && make_file("m/f", "", 0600));
	int in = inotify_init1(IN_NONBLOCK);
	CHECK(inotify_add_watch(in, "m/f", IN_DELETE_SELF) == 1 && umount("m") == 0);
	const struct inotify_event *e = (const void *)buffer;
	CHECK_THAT(read(in, buffer, sizeof(buffer)) == 32 && e[0].mask == IN_UNMOUNT && e[1].mask == IN_IGNORED,
		   "a watch is told of it");
	CHECK(close(in) == 0);
}

static void roots(void)
{
	char text[512];
	struct stat st;
	theme("chroot");
	REQUIRE(mkdir("jail", 0755) == 0 && mkdir("jail/in", 0755) == 0 && symlink("/in", "jail/absolute") == 0 &&
		mkdir("closed", 0700) == 0);
	EXPECT(ENOENT, chroot("gone"), "what is not there");
	EXPECT(ENOTDIR, chroot("file"), "a file");
	EXPECT(EFAULT, chroot(unmapped_address()), "a bad address");
	act_as(1000, 1000, 0);
	EXPECT(EPERM, chroot("jail"), "by a user");
	EXPECT(ENOENT, chroot("gone"), "by a user, what is not there");
	EXPECT(EACCES, chroot("closed"), "by a user, where he may not search");
	act_as_root();
	CHECK_IN_CHILD_THAT(chroot("jail") == 0 && chdir("/") == 0 && exists("in") && !exists("jail") &&
				exists("/../../in"),
			    "the root has no parent");
	CHECK_IN_CHILD_THAT(chroot("jail") == 0 && stat("/absolute", &st) == 0 && chdir("/absolute") == 0,
			    "absolute links begin there");
	CHECK_IN_CHILD_THAT(chroot("jail") == 0 && chdir("/in") == 0 && getcwd(text, 512) && !strcmp(text, "/in"),
			    "getcwd begins there");
	CHECK_IN_CHILD_THAT(chroot("jail") == 0 && exists("jail") && exists("../.."), "the working directory stays");
	CHECK_IN_CHILD_THAT(chroot("jail") == 0 && syscall(SYS_getcwd, text, 512) > 0 &&
				!strncmp(text, "(unreachable)/", 14),
			    "and is out of reach");
	CHECK_IN_CHILD_THAT(chroot("jail") == 0 && chdir("/in") == 0 && chroot("..") == 0 && chdir("/in") == 0,
			    "chroot to where it is");

	theme("pivot_root");
	REQUIRE(mount("root", "m", "tmpfs", 0, NULL) == 0 && mkdir("m/old", 0755) == 0 && mkdir("m/proc", 0755) == 0);
	EXPECT(ENOENT, syscall(SYS_pivot_root, "gone", "m/old"), "what is not there");
	EXPECT(ENOENT, syscall(SYS_pivot_root, "m", "m/gone"), "to what is not there");
	EXPECT(ENOTDIR, syscall(SYS_pivot_root, "file", "m/old"), "a file");
	EXPECT(EINVAL, syscall(SYS_pivot_root, "n", "n"), "what is no mount point");
	EXPECT(EINVAL, syscall(SYS_pivot_root, "m", "n"), "to what is not below it");
	EXPECT(EFAULT, syscall(SYS_pivot_root, unmapped_address(), "m/old"), "a bad address");
	act_as(1000, 1000, 0);
	EXPECT(EPERM, syscall(SYS_pivot_root, "m", "m/old"), "by a user");
	act_as_root();
	/* The root may be one that cannot be changed (of an initramfs), so it is done below another one. */
	REQUIRE(mkdir("m/new", 0755) == 0 && mount("new", "m/new", "tmpfs", 0, NULL) == 0 &&
		mkdir("m/new/old", 0755) == 0);
	CHECK_IN_CHILD_THAT(chroot("m") == 0 && chdir("/") == 0 && FAILS(syscall(SYS_pivot_root, "/", "/")) == EBUSY &&
				FAILS(syscall(SYS_pivot_root, "/new", "/old")) == EBUSY,
			    "the root itself, or to a place in it: EBUSY");
	CHECK_IN_CHILD_THAT(chroot("m") == 0 && chdir("/old") == 0 &&
				syscall(SYS_pivot_root, "/new", "/new/old") == 0 && exists("/old/old") &&
				exists("/old/proc") && !exists("/proc") && exists("../new") && chdir("/") == 0 &&
				!exists("new"),
			    "the new root; working directories stay");
	CHECK_THAT(exists("m/old/old") && exists("m/old/proc") && !exists("m/new"), "it stands where the old one was");
	CHECK_IN_CHILD_THAT(chroot("m") == 0 && chdir("/") == 0 && syscall(SYS_pivot_root, "/old", "/old/new") == 0 &&
				chdir("/") == 0 && exists("new/old") && umount2("/new", MNT_DETACH) == 0 &&
				exists("proc"),
			    "and back");
	CHECK(exists("m/proc") && umount("m") == 0);

	theme("namespaces");
	EXPECT(EINVAL, unshare(1), "an unknown flag");
	EXPECT(0, unshare(0), "nothing");
	EXPECT(0, unshare(CLONE_FS | CLONE_FILES), "root, directory and descriptors");
	act_as(1000, 1000, 0);
	EXPECT(EPERM, unshare(CLONE_NEWNS), "a mount namespace by a user");
	act_as_root();
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	theme("mount");
	if (geteuid() || !isolate()) {
		CHECK_THAT(FAILS(mount("none", ".", "tmpfs", 0, NULL)) == EPERM, "needs privileges");
		return finish();
	}
	REQUIRE(getcwd(base, sizeof(base)));
	mounting();
	read_only();
	binding();
	unmounting();
	roots();
	CHECK_THAT(chdir("/") == 0 && umount2(scratch_directory, MNT_DETACH) == 0, "all is unmounted");
	return finish();
}
