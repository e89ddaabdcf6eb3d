/* SPDX-License-Identifier: Apache-2.0
 * Who may do what with a file: owner, group and others, sticky and set-group-ID directories, access, and what a user
 * may change. Root acts as ordinary users; without root there is nothing to compare.
 * area: Files
 */
#include <linux/capability.h>
#include <sys/resource.h>
#include <sys/xattr.h>

#include "files.h"

enum { OWNER = 1000, OTHER = 1001, GROUP = 2000, SECOND = 2001 };

static int opens(const char *name, int flags)
{
	int fd, error = FAILS(fd = open(name, flags, 0600));
	if (fd >= 0)
		close(fd);
	return error;
}

/* Makes a file or directory with this owner and mode. */
static int make(const char *name, int directory, uid_t uid, gid_t gid, mode_t mode)
{
	return (directory ? mkdir(name, 0700) == 0 : make_file(name, "12345", 0600)) && chown(name, uid, gid) == 0 &&
	       chmod(name, mode) == 0;
}

/* What a class of user may do follows from its three bits alone, even when a later class may do more. */
static void classes(void)
{
	static const struct {
		const char *who;
		uid_t uid;
		gid_t gid, second;
		int shift;
	} users[] = {
	    {"the owner", OWNER, GROUP, 0, 6},
	    {"the group", OTHER, GROUP, 0, 3},
	    {"the group, as a supplementary one", OTHER, OTHER, GROUP, 3},
	    {"others", OTHER, OTHER, SECOND, 0},
	};
	theme("permission bits of files");
	REQUIRE(make("f", 0, OWNER, GROUP, 0));
	for (size_t u = 0; u < sizeof(users) / sizeof(*users); u++)
		for (int bits = 0; bits < 8; bits++) {
			mode_t mode = (mode_t)((bits << users[u].shift) | (0777 & ~(7 << users[u].shift)));
			int r = bits & 4 ? 0 : EACCES, w = bits & 2 ? 0 : EACCES, x = bits & 1 ? 0 : EACCES;
			NEED(chmod("f", mode) == 0);
			act_as(users[u].uid, users[u].gid, users[u].second);
			CHECKF(opens("f", O_RDONLY) == r && opens("f", O_WRONLY) == w &&
				   opens("f", O_RDWR) == (r ? r : w) && opens("f", O_RDONLY | O_TRUNC) == (r ? r : w) &&
				   opens("f", O_ACCMODE) == (r ? r : w) && opens("f", O_PATH) == 0 &&
				   FAILS(truncate("f", 0)) == w,
			       "%s, mode %03o: opening", users[u].who, mode);
			CHECKF(FAILS(access("f", R_OK)) == r && FAILS(access("f", W_OK)) == w &&
				   FAILS(access("f", X_OK)) == x && FAILS(access("f", R_OK | X_OK)) == (r ? r : x) &&
				   FAILS(faccessat(AT_FDCWD, "f", W_OK, AT_EACCESS)) == w && access("f", F_OK) == 0,
			       "%s, mode %03o: access", users[u].who, mode);
			CHECKF(FAILS(execl("f", "f", NULL)) == (x ? EACCES : ENOEXEC), "%s, mode %03o: execution",
			       users[u].who, mode);
			act_as_root();
		}

	theme("permission bits of directories");
	REQUIRE(make("d", 1, OWNER, GROUP, 0) && make("d/f", 0, OTHER, OTHER, 0666) &&
		make("d/sub", 1, OTHER, OTHER, 0777));
	for (size_t u = 0; u < sizeof(users) / sizeof(*users); u++)
		for (int bits = 0; bits < 8; bits++) {
			mode_t mode = (mode_t)((bits << users[u].shift) | (0777 & ~(7 << users[u].shift)));
			int r = bits & 4 ? 0 : EACCES, x = bits & 1 ? 0 : EACCES, wx = (bits & 3) == 3 ? 0 : EACCES;
			struct stat st;
			NEED(chmod("d", mode) == 0);
			act_as(users[u].uid, users[u].gid, users[u].second);
			CHECKF(opens("d", O_RDONLY) == r && FAILS(stat("d/f", &st)) == x && opens("d/f", O_RDWR) == x &&
				   FAILS(stat("d/gone", &st)) == (x ? x : ENOENT) && FAILS(stat("d/.", &st)) == x &&
				   FAILS(stat("d/sub/..", &st)) == x && stat("d/", &st) == 0,
			       "%s, mode %03o: searching", users[u].who, mode);
			CHECKF(FAILS(mkdir("d/n", 0700)) == wx &&
				   FAILS(rmdir("d/n")) == (x	? x
							   : wx ? ENOENT
								: 0) &&
				   FAILS(rename("d/f", "d/g")) == wx &&
				   FAILS(rename("d/g", "d/f")) == (x	? x
								   : wx ? ENOENT
									: 0) &&
				   FAILS(symlink("x", "d/l")) == wx &&
				   FAILS(unlink("d/l")) == (x	 ? x
							    : wx ? ENOENT
								 : 0) &&
				   opens("d/new", O_CREAT | O_RDWR) == wx &&
				   FAILS(unlink("d/new")) == (x	   ? x
							      : wx ? ENOENT
								   : 0) &&
				   opens("d", O_TMPFILE | O_RDWR) == wx,
			       "%s, mode %03o: changing", users[u].who, mode);
			int inside = FAILS(chdir("d"));
			CHECKF(inside == x && (inside || chdir("..") == 0), "%s, mode %03o: chdir", users[u].who, mode);
			act_as_root();
		}
	CHECK(unlink("d/f") == 0 && rmdir("d/sub") == 0 && rmdir("d") == 0 && unlink("f") == 0);
}

static int holds(unsigned capabilities)
{
	struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct data[2] = {{0}};
	data[0].effective = data[0].permitted = capabilities;
	return syscall(SYS_capset, &header, data) == 0;
}
#define CAP(n) (1u << (n))

static void capabilities(void)
{
	theme("capabilities over files");
	REQUIRE(make("f", 0, OWNER, GROUP, 0) && make("x", 0, OWNER, GROUP, 0100) && make("d", 1, OWNER, GROUP, 0));
	GIVES(0, opens("f", O_RDWR), "root opens what nobody may");
	EXPECT(EACCES, access("f", X_OK), "but does not execute it");
	EXPECT(EACCES, execl("f", "f", NULL), "execve agrees");
	EXPECT(0, access("x", X_OK), "what somebody may execute, it may");
	EXPECT(0, access("d", R_OK | W_OK | X_OK), "directories all ways");
	CHECK_IN_CHILD_THAT(holds(0) && opens("f", O_RDONLY) == EACCES && opens("d", O_RDONLY) == EACCES,
			    "without capabilities root is another user");
	CHECK_IN_CHILD_THAT(holds(0) && chown("f", 0, 0) == -1 && errno == EPERM && chmod("f", 0777) == -1 &&
				errno == EPERM,
			    "and changes nothing of others");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_DAC_READ_SEARCH)) && !opens("f", O_RDONLY) &&
				opens("f", O_WRONLY) == EACCES && !opens("d", O_RDONLY) &&
				opens("d/n", O_CREAT | O_RDWR) == EACCES && !access("d", X_OK),
			    "CAP_DAC_READ_SEARCH reads and searches");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_DAC_READ_SEARCH)) && access("x", X_OK) == -1 && errno == EACCES,
			    "CAP_DAC_READ_SEARCH does not execute");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_DAC_OVERRIDE)) && !opens("f", O_RDWR) && !opens("d/n", O_CREAT | O_RDWR) &&
				!unlink("d/n") && !access("x", X_OK),
			    "CAP_DAC_OVERRIDE does all");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_FOWNER)) && !chmod("f", 0) && opens("f", O_RDONLY) == EACCES,
			    "CAP_FOWNER changes modes");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_CHOWN)) && !chown("f", OTHER, OTHER) && chmod("f", 0) == -1 &&
				errno == EPERM && !chown("f", OWNER, GROUP),
			    "CAP_CHOWN changes owners");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_SYS_ADMIN)) && mknod("n", S_IFCHR | 0600, 0x103) == -1 && errno == EPERM,
			    "devices need CAP_MKNOD");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_CHOWN)) && chroot("/") == -1 && errno == EPERM,
			    "chroot needs CAP_SYS_CHROOT");
	CHECK_IN_CHILD_THAT(prctl(PR_SET_KEEPCAPS, 1) == 0 && setresuid(OTHER, OTHER, OTHER) == 0 &&
				holds(CAP(CAP_DAC_OVERRIDE)) && !opens("f", O_RDWR) && access("f", R_OK) == -1 &&
				errno == EACCES && !faccessat(AT_FDCWD, "f", R_OK, AT_EACCESS),
			    "access(2) of a user leaves capabilities out, AT_EACCESS does not");
	CHECK(unlink("f") == 0 && unlink("x") == 0 && rmdir("d") == 0);
}

static void accesses(void)
{
	theme("access");
	REQUIRE(make("f", 0, OWNER, GROUP, 0600) && symlink("f", "l") == 0 && symlink("gone", "dangling") == 0);
	EXPECT(EINVAL, access("f", 8), "a bad mode");
	EXPECT(EINVAL, access("f", -1), "all bits");
	EXPECT(EINVAL, syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, 1), "a bad flag");
	EXPECT(EINVAL, syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, AT_SYMLINK_FOLLOW), "a flag of other calls");
	EXPECT(ENOENT, access("", F_OK), "an empty name");
	EXPECT(ENOENT, access("dangling", F_OK), "a dangling link");
	EXPECT(0, syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW), "the link itself");
	EXPECT(ENOTDIR, access("f/", F_OK), "a file with a slash");
	EXPECT(EFAULT, access(unmapped_address(), F_OK), "a bad address");
	EXPECT(EBADF, faccessat(-1, "f", F_OK, 0), "a bad descriptor");
	EXPECT(0, syscall(SYS_faccessat, AT_FDCWD, "f", F_OK, AT_SYMLINK_NOFOLLOW | 0x4000), "faccessat has no flags");
	int fd = open("f", O_PATH);
	EXPECT(0, syscall(SYS_faccessat2, fd, "", R_OK, AT_EMPTY_PATH), "a descriptor");
	EXPECT(ENOENT, syscall(SYS_faccessat2, fd, "", R_OK, 0), "without AT_EMPTY_PATH");
	REQUIRE(setresuid(OWNER, 0, 0) == 0);
	EXPECT(0, access("f", R_OK | W_OK), "the real user counts");
	EXPECT(EACCES, access("f", X_OK), "not root");
	EXPECT(EACCES, syscall(SYS_faccessat2, fd, "", X_OK, AT_EMPTY_PATH), "by descriptor too");
	REQUIRE(setresuid(0, 0, 0) == 0 && setresuid(OTHER, OWNER, 0) == 0);
	EXPECT(EACCES, access("f", R_OK), "not the effective one");
	EXPECT(0, syscall(SYS_faccessat2, AT_FDCWD, "f", R_OK, AT_EACCESS), "but with AT_EACCESS");
	EXPECT(0, syscall(SYS_faccessat2, fd, "", R_OK | W_OK, AT_EACCESS | AT_EMPTY_PATH), "by descriptor");
	act_as_root();
	REQUIRE(setresgid(GROUP, 0, 0) == 0 && chmod("f", 0640) == 0 && setresuid(OTHER, 0, 0) == 0);
	EXPECT(0, access("f", R_OK), "the real group counts");
	act_as_root();
	CHECK(close(fd) == 0 && unlink("f") == 0 && unlink("l") == 0 && unlink("dangling") == 0);
}

static void sticky(void)
{
	theme("sticky directories");
	REQUIRE(make("t", 1, OWNER + 2, 0, 01777) && make("t/theirs", 0, OTHER, OTHER, 0666) &&
		make("t/dir", 1, OTHER, OTHER, 0777) && make("t/root", 0, 0, 0, 0666) &&
		make("mine", 1, OWNER, OWNER, 01777) && make("mine/theirs", 0, OTHER, OTHER, 0666));
	act_as(OWNER, OWNER, 0);
	GIVES(0, opens("t/own", O_CREAT | O_RDWR), "making a file");
	EXPECT(0, rename("t/own", "t/own2"), "renaming it");
	EXPECT(EPERM, rename("t/own2", "t/theirs"), "not over another's file");
	EXPECT(EPERM, rename("t/theirs", "t/new"), "not another's file");
	EXPECT(EPERM, syscall(SYS_renameat2, AT_FDCWD, "t/own2", AT_FDCWD, "t/theirs", 2), "nor exchanged");
	EXPECT(EPERM, unlink("t/theirs"), "not removing another's file");
	EXPECT(EPERM, unlink("t/root"), "not root's");
	EXPECT(EPERM, rmdir("t/dir"), "not another's directory");
	GIVES(0, opens("t/theirs", O_RDWR), "its contents may be changed");
	EXPECT(0, unlink("t/own2"), "removing one's own");
	EXPECT(0, rename("mine/theirs", "mine/new"), "the directory's owner renames");
	EXPECT(0, unlink("mine/new"), "and removes");
	act_as_root();
	EXPECT(0, unlink("t/theirs"), "root removes");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_DAC_OVERRIDE)) && rmdir("t/dir") == -1 && errno == EPERM,
			    "CAP_DAC_OVERRIDE does not");
	CHECK_IN_CHILD_THAT(holds(CAP(CAP_FOWNER)) && rmdir("t/dir") == 0, "CAP_FOWNER does");
	CHECK(unlink("t/root") == 0 && rmdir("t") == 0 && rmdir("mine") == 0);
}

int main(void)
{
	limit_seconds(90);
	enter_scratch_in("/tmp");
	if (geteuid()) {
		theme("without root");
		CHECK_THAT(make_file("f", "", 0400) && opens("f", O_WRONLY) == EACCES, "a mode counts for its owner");
		return finish();
	}
	classes();
	capabilities();
	accesses();
	sticky();
	return finish();
}
