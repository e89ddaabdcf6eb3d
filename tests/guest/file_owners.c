/* SPDX-License-Identifier: Apache-2.0
 * Who may change the mode and the owner of a file, what becomes of the set-id bits then and when it is written, what
 * new files inherit, and umask.
 * area: Files
 */
#include <sys/xattr.h>

#include "files.h"

enum { OWNER = 1000, OTHER = 1001, GROUP = 2000, SECOND = 2001 };

static int make(const char *name, uid_t uid, gid_t gid, mode_t mode)
{
	return make_file(name, "12345", 0600) && chown(name, uid, gid) == 0 && chmod(name, mode) == 0;
}

static int owned(const char *name, uid_t uid, gid_t gid)
{
	struct stat st;
	return lstat(name, &st) == 0 && st.st_uid == uid && st.st_gid == gid;
}

static void modes(void)
{
	theme("chmod");
	int fd = -1;
	struct stat st, later;
	REQUIRE(make("f", OWNER, GROUP, 0644) && symlink("f", "l") == 0 && (fd = open("f", O_RDONLY)) >= 0);
	CHECK(chmod("f", 07777) == 0 && mode_of("f") == 07777 && fchmod(fd, 0) == 0 && mode_of("f") == 0);
	CHECK_THAT(chmod("f", 0170644) == 0 && mode_of("f") == 0644, "type bits are ignored");
	CHECK_THAT(chmod("l", 0600) == 0 && mode_of("f") == 0600 && mode_of("l") == 0777, "a link is followed");
	CHECK(fchmodat(AT_FDCWD, "f", 0640, 0) == 0 && mode_of("f") == 0640);
	CHECK(stat("f", &st) == 0);
	usleep(20000);
	CHECK_THAT(chmod("f", 0640) == 0 && stat("f", &later) == 0 && later.st_ctim.tv_nsec != st.st_ctim.tv_nsec &&
		       later.st_mtim.tv_nsec == st.st_mtim.tv_nsec,
		   "ctime changes, mtime does not");
	EXPECT(ENOENT, chmod("gone", 0600), "what is not there");
	EXPECT(ENOENT, chmod("", 0600), "an empty name");
	EXPECT(ENOTDIR, chmod("f/", 0600), "a file with a slash");
	EXPECT(EFAULT, chmod(unmapped_address(), 0600), "a bad address");
	EXPECT(EBADF, fchmod(-1, 0600), "a bad descriptor");
	EXPECT(EBADF, fchmodat(-1, "f", 0600, 0), "below a bad descriptor");
	act_as(OTHER, OTHER, GROUP);
	EXPECT(EPERM, chmod("f", 0666), "another user");
	EXPECT(EPERM, fchmod(fd, 0640), "even without a change");
	act_as(OWNER, OTHER, 0);
	CHECK_THAT(chmod("f", 06755) == 0 && mode_of("f") == 04755, "set-group-ID of a foreign group does not come");
	act_as(OWNER, OTHER, GROUP);
	CHECK_THAT(chmod("f", 06755) == 0 && mode_of("f") == 06755, "of a supplementary group it does");
	CHECK_THAT(chmod("f", 01644) == 0 && mode_of("f") == 01644, "the sticky bit of a file");
	act_as_root();
	CHECK(close(fd) == 0 && unlink("f") == 0 && unlink("l") == 0);
}

static void owners(void)
{
	theme("chown");
	int fd = -1;
	REQUIRE(make("f", OWNER, GROUP, 0644) && symlink("f", "l") == 0 && (fd = open("f", O_RDONLY)) >= 0);
	CHECK(chown("f", OTHER, SECOND) == 0 && owned("f", OTHER, SECOND));
	CHECK(chown("f", (uid_t)-1, GROUP) == 0 && owned("f", OTHER, GROUP));
	CHECK(chown("f", OWNER, (gid_t)-1) == 0 && owned("f", OWNER, GROUP));
	CHECK(chown("f", (uid_t)-1, (gid_t)-1) == 0 && owned("f", OWNER, GROUP));
	CHECK_THAT(lchown("l", OTHER, OTHER) == 0 && owned("l", OTHER, OTHER) && owned("f", OWNER, GROUP), "lchown");
	CHECK_THAT(chown("l", OTHER, OTHER) == 0 && owned("f", OTHER, OTHER), "chown follows a link");
	CHECK(fchown(fd, OWNER, GROUP) == 0 && owned("f", OWNER, GROUP));
	CHECK(fchownat(AT_FDCWD, "l", 1, 2, AT_SYMLINK_NOFOLLOW) == 0 && owned("l", 1, 2) && owned("f", OWNER, GROUP));
	CHECK(fchownat(fd, "", 1, 2, AT_EMPTY_PATH) == 0 && owned("f", 1, 2) && chown("f", OWNER, GROUP) == 0);
	CHECK_THAT(chown("f", (uid_t)-2, (gid_t)-2) == 0 && owned("f", (uid_t)-2, (gid_t)-2), "the largest numbers");
	EXPECT(EINVAL, fchownat(AT_FDCWD, "f", 1, 2, AT_SYMLINK_FOLLOW), "a bad flag");
	EXPECT(EINVAL, fchownat(AT_FDCWD, "f", 1, 2, 1), "an unknown flag");
	EXPECT(ENOENT, fchownat(fd, "", 1, 2, 0), "without AT_EMPTY_PATH");
	EXPECT(ENOENT, chown("gone", 1, 2), "what is not there");
	EXPECT(EFAULT, chown(unmapped_address(), 1, 2), "a bad address");
	EXPECT(EBADF, fchown(-1, 1, 2), "a bad descriptor");
	REQUIRE(chown("f", OWNER, GROUP) == 0);
	act_as(OTHER, OTHER, GROUP);
	EXPECT(EPERM, chown("f", OTHER, (gid_t)-1), "taking another's file");
	EXPECT(EPERM, chown("f", OWNER, (gid_t)-1), "not even as it is");
	EXPECT(EPERM, chown("f", (uid_t)-1, OTHER), "nor to one's own group");
	EXPECT(0, chown("f", (uid_t)-1, (gid_t)-1), "nothing at all");
	act_as(OWNER, OWNER, SECOND);
	EXPECT(EPERM, chown("f", OTHER, (gid_t)-1), "giving one's file away");
	EXPECT(0, chown("f", OWNER, (gid_t)-1), "to oneself");
	EXPECT(0, chown("f", OWNER, GROUP), "to the group that it has");
	EXPECT(EPERM, chown("f", (uid_t)-1, OTHER), "to a foreign group");
	EXPECT(0, chown("f", (uid_t)-1, SECOND), "to a supplementary group");
	EXPECT(0, chown("f", (uid_t)-1, OWNER), "to one's own group");
	EXPECT(EPERM, chown("f", (uid_t)-1, GROUP), "and not back");
	CHECK(owned("f", OWNER, OWNER));
	act_as_root();
	CHECK(close(fd) == 0 && unlink("f") == 0 && unlink("l") == 0);
}

/* What is left when a file is written by a user of its group, and when its owner is set. */
static void set_ids(void)
{
	static const struct {
		mode_t before, after;
	} rows[] = {
	    {04755, 0755},  {02755, 0755}, {06755, 0755},  {02745, 02745}, {06745, 02745},
	    {06644, 02644}, {06711, 0711}, {01755, 01755}, {06000, 02000},
	};
	theme("set-id bits");
	REQUIRE(make("f", OWNER, GROUP, 0644) && mkdir("d", 0755) == 0);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		mode_t before = rows[i].before, writable = before | 0200;
		int fd = open("f", O_WRONLY);
		CHECKF(chmod("f", before) == 0 && write(fd, "x", 1) == 1 && mode_of("f") == (int)before,
		       "%04o stays when root writes", before);
		CHECKF(ftruncate(fd, 3) == 0 && mode_of("f") == (int)before, "%04o stays when root truncates", before);
		CHECKF(chown("f", OWNER, GROUP) == 0 && mode_of("f") == (int)rows[i].after,
		       "%04o when root owns it anew", before);
		NEED(chmod("f", writable) == 0);
		act_as(OWNER, GROUP, SECOND);
		CHECKF(write(fd, "x", 1) == 1 && mode_of("f") == (int)(rows[i].after | 0200),
		       "%04o when the owner writes", writable);
		act_as_root();
		NEED(chmod("f", writable) == 0);
		act_as(OWNER, GROUP, SECOND);
		CHECKF(truncate("f", 2) == 0 && mode_of("f") == (int)(rows[i].after | 0200),
		       "%04o when the owner truncates", writable);
		act_as_root();
		NEED(chmod("f", writable) == 0);
		act_as(OWNER, GROUP, SECOND);
		int again = open("f", O_WRONLY | O_TRUNC);
		CHECKF(mode_of("f") == (int)(rows[i].after | 0200), "%04o when the owner opens it with O_TRUNC",
		       writable);
		close(again);
		act_as_root();
		NEED(chmod("f", writable) == 0);
		act_as(OWNER, GROUP, SECOND);
		CHECKF(chown("f", (uid_t)-1, SECOND) == 0 && mode_of("f") == (int)(rows[i].after | 0200),
		       "%04o when the owner changes the group", writable);
		act_as_root();
		NEED(chown("f", OWNER, GROUP) == 0 && close(fd) == 0);
	}
	NEED(chmod("f", 06755) == 0);
	act_as(OWNER, GROUP, 0);
	CHECK_THAT(chown("f", (uid_t)-1, (gid_t)-1) == 0 && mode_of("f") == 0755, "chown of nothing clears them");
	act_as_root();
	CHECK(chmod("f", 06755) == 0 && chown("f", (uid_t)-1, (gid_t)-1) == 0);
	CHECK(mode_of("f") == 0755);
	CHECK_THAT(chmod("d", 06755) == 0 && chown("d", OWNER, GROUP) == 0 && mode_of("d") == 06755,
		   "directories keep them");
	int fd = open("f", O_WRONLY);
	NEED(chmod("f", 06745) == 0);
	act_as(OTHER, SECOND, 0);
	CHECK_THAT(write(fd, "x", 1) == 1 && mode_of("f") == 0745, "a writer who is not of the group clears both");
	act_as_root();
	NEED(chmod("f", 06745) == 0);
	act_as(OWNER, SECOND, 0);
	CHECK_THAT(chown("f", OWNER, (gid_t)-1) == 0 && mode_of("f") == 0745, "so does an owner who is not");
	act_as_root();
	NEED(chmod("f", 06755) == 0);
	act_as(OTHER, OTHER, 0);
	EXPECT(EPERM, chown("f", (uid_t)-1, (gid_t)-1), "another user's chown of nothing");
	CHECK(mode_of("f") == 06755);
	act_as(OWNER, GROUP, 0);
	CHECK_THAT(write(fd, "", 0) == 0 && mode_of("f") == 06755, "a write of nothing leaves them");
	CHECK_THAT(fallocate(fd, 0, 0, 100) == 0 && mode_of("f") == 0755, "fallocate clears them");
	act_as_root();
	CHECK(close(fd) == 0 && unlink("f") == 0 && rmdir("d") == 0);
}

static void inheritance(void)
{
	struct stat st;
	theme("new files");
	REQUIRE(mkdir("g", 0777) == 0 && chown("g", 0, GROUP) == 0 && chmod("g", 02777) == 0 && mkdir("p", 0777) == 0 &&
		chmod("p", 0777) == 0);
	act_as(OWNER, OWNER, 0);
	CHECK_THAT(make_file("p/f", "", 0644) && owned("p/f", OWNER, OWNER), "belong to who made them");
	CHECK_THAT(make_file("g/f", "", 0644) && owned("g/f", OWNER, GROUP),
		   "in a set-group-ID directory to its group");
	CHECK(mkdir("g/d", 0755) == 0 && owned("g/d", OWNER, GROUP) && mode_of("g/d") == 02755);
	CHECK(mkdir("p/d", 02755) == 0 && owned("p/d", OWNER, OWNER) && mode_of("p/d") == 0755);
	CHECK(symlink("x", "g/l") == 0 && owned("g/l", OWNER, GROUP) && mkfifo("g/fifo", 0600) == 0 &&
	      owned("g/fifo", OWNER, GROUP));
	int fd = open("g", O_TMPFILE | O_RDWR, 0600);
	CHECK_THAT(fstat(fd, &st) == 0 && st.st_gid == GROUP, "O_TMPFILE too");
	close(fd);
	CHECK((fd = open("g/s", O_CREAT | O_RDWR, 02775)) >= 0 && close(fd) == 0);
	CHECK_THAT(mode_of("g/s") == 0755, "a foreign group's set-group-ID does not come");
	CHECK((fd = open("g/t", O_CREAT | O_RDWR, 02765)) >= 0 && close(fd) == 0);
	CHECK_THAT(mode_of("g/t") == 02745, "but where the group may not execute");
	CHECK((fd = open("p/s", O_CREAT | O_RDWR, 06775)) >= 0 && close(fd) == 0 && mode_of("p/s") == 06755);
	act_as(OWNER, OWNER, GROUP);
	CHECK((fd = open("g/u", O_CREAT | O_RDWR, 02775)) >= 0 && close(fd) == 0);
	CHECK_THAT(mode_of("g/u") == 02755, "of one's own group it does");
	CHECK(link("g/u", "p/u") == 0 && owned("p/u", OWNER, GROUP) && rename("p/f", "g/moved") == 0 &&
	      owned("g/moved", OWNER, OWNER));
	act_as_root();

	theme("umask of new files");
	CHECK(umask(0) == 022 && umask(0177777) == 0 && umask(022) == 0777);
	umask(027);
	CHECK((fd = open("f", O_CREAT | O_RDWR, 06777)) >= 0 && close(fd) == 0 && mode_of("f") == 06750 &&
	      unlink("f") == 0);
	CHECK(mkdir("f", 01777) == 0 && mode_of("f") == 01750 && rmdir("f") == 0);
	CHECK(mknod("f", S_IFIFO | 0666, 0) == 0 && mode_of("f") == 0640 && unlink("f") == 0);
	CHECK(symlink("x", "f") == 0 && mode_of("f") == 0777 && unlink("f") == 0);
	CHECK((fd = open("f", O_CREAT | O_RDWR, 0666)) >= 0 && fchmod(fd, 0666) == 0 && mode_of("f") == 0666);
	CHECK(close(fd) == 0 && unlink("f") == 0);
	CHECK_IN_CHILD_THAT(umask(0) == 027, "is handed to a child");
	CHECK_THAT(umask(022) == 027, "whose own it is then");
}

int main(void)
{
	limit_seconds(90);
	enter_scratch();
	if (geteuid()) {
		theme("without root");
		CHECK_THAT(make_file("f", "", 0600) && FAILS(chown("f", 0, 0)) == EPERM, "nothing is given away");
		return finish();
	}
	modes();
	owners();
	set_ids();
	inheritance();
	return finish();
}
