/* SPDX-License-Identifier: Apache-2.0
 * Extended attributes: namespaces and who may use them, flags, sizes, lists, links and descriptors.
 * area: Files
 */
#include <linux/capability.h>
#include <linux/limits.h>
#include <sys/xattr.h>

#include "files.h"

static char value[XATTR_SIZE_MAX + 1], long_name[300];

/* The attribute has this value. */
static int has(const char *file, const char *name, const char *wanted)
{
	ssize_t n = lgetxattr(file, name, value, sizeof(value));
	return n == (ssize_t)strlen(wanted) && !memcmp(value, wanted, (size_t)n);
}

/* The names of the list, in any order, are these many, and this is one of them (NULL: none). */
static int lists(const char *file, int wanted, const char *name)
{
	char names[1024];
	int n = 0, found = !name;
	ssize_t size = llistxattr(file, names, sizeof(names));
	for (ssize_t at = 0; at < size; at += (ssize_t)strlen(names + at) + 1, n++)
		found |= name && !strcmp(names + at, name);
	return size >= 0 && n == wanted && found;
}

/* Reads and writes of a namespace that root may use, on a file. */
static void values(const char *space)
{
	char name[64], other[64], list[256];
	snprintf(name, sizeof(name), "%s.first", space);
	snprintf(other, sizeof(other), "%s.second", space);
	int fd = open("file", O_RDWR);
#define SAY(text) "%s: " text, space
	EXPECT(ENODATA, getxattr("file", name, value, 10), SAY("what is not there"));
	EXPECT(ENODATA, removexattr("file", name), SAY("removing what is not there"));
	EXPECT(ENODATA, setxattr("file", name, "x", 1, XATTR_REPLACE), SAY("replacing what is not there"));
	EXPECT(0, setxattr("file", name, "one", 3, XATTR_CREATE), SAY("making it"));
	EXPECT(EEXIST, setxattr("file", name, "two", 3, XATTR_CREATE), SAY("making it twice"));
	CHECKF(has("file", name, "one"), SAY("it has its value"));
	EXPECT(0, setxattr("file", name, "longer", 6, XATTR_REPLACE), SAY("replacing it"));
	EXPECT(0, setxattr("file", name, "3", 1, 0), SAY("setting it"));
	CHECKF(has("file", name, "3") && getxattr("file", name, NULL, 0) == 1, SAY("its size"));
	EXPECT(0, fsetxattr(fd, other, "12345", 5, 0), SAY("by descriptor"));
	CHECKF(has("file", other, "12345") && fgetxattr(fd, other, value, 5) == 5, SAY("and read so"));
	EXPECT(ERANGE, getxattr("file", other, value, 4), SAY("too little room"));
	CHECKF(lists("file", 2, name) && lists("file", 2, other), SAY("both are listed"));
	ssize_t size = (ssize_t)(strlen(name) + strlen(other) + 2);
	CHECKF(listxattr("file", NULL, 0) == size && flistxattr(fd, list, (size_t)size) == size,
	       SAY("the list's size"));
	EXPECT(ERANGE, listxattr("file", list, (size_t)size - 1), SAY("too little room for the list"));
	EXPECT(EFAULT, listxattr("file", unmapped_address(), 100), SAY("a bad address for the list"));
	EXPECT(0, setxattr("file", name, "", 0, 0), SAY("an empty value"));
	CHECKF(has("file", name, ""), SAY("is there"));
	EXPECT(0, setxattr("file", name, NULL, 0, 0), SAY("no value at all"));
	EXPECT(0, fremovexattr(fd, other), SAY("removing"));
	EXPECT(ENODATA, getxattr("file", other, value, 4), SAY("it is gone"));
	EXPECT(EFAULT, getxattr("file", unmapped_address(), value, 4), SAY("a bad name"));
	EXPECT(EFAULT, setxattr("file", name, unmapped_address(), 4, 0), SAY("a bad value"));
	CHECKF(setxattr("file", name, "here", 4, 0) == 0 &&
		   FAILS(getxattr("file", name, unmapped_address(), 4)) == EFAULT,
	       SAY("a bad buffer"));
	EXPECT(EINVAL, setxattr("file", name, "x", 1, 4), SAY("an unknown flag"));
	EXPECT(EEXIST, setxattr("file", name, "x", 1, XATTR_CREATE | XATTR_REPLACE), SAY("both flags, where it is"));
	EXPECT(ENODATA, setxattr("file", other, "x", 1, XATTR_CREATE | XATTR_REPLACE),
	       SAY("both flags, where it is not"));
	EXPECT(E2BIG, setxattr("file", name, value, XATTR_SIZE_MAX + 1, 0), SAY("too large a value"));
	snprintf(long_name, sizeof(long_name), "%s.%0*d", space, (int)(255 - strlen(space) - 1), 0);
	EXPECT(0, setxattr("file", long_name, "x", 1, 0), SAY("a name of 255 bytes"));
	CHECKF(lists("file", 2, long_name) && removexattr("file", long_name) == 0, SAY("is listed"));
	strcat(long_name, "0");
	EXPECT(ERANGE, setxattr("file", long_name, "x", 1, 0), SAY("a name of 256 bytes"));
	EXPECT(ERANGE, getxattr("file", long_name, value, 1), SAY("read"));
	EXPECT(0, removexattr("file", name), SAY("all are removed"));
	CHECKF(lists("file", 0, NULL), SAY("none is left"));
	close(fd);
}

static void names(void)
{
	theme("names of attributes");
	EXPECT(ERANGE, setxattr("file", "", "x", 1, 0), "an empty name");
	EXPECT(ERANGE, getxattr("file", "", value, 1), "an empty name read");
	EXPECT(EOPNOTSUPP, setxattr("file", "nothing", "x", 1, 0), "a name without a namespace");
	EXPECT(EOPNOTSUPP, getxattr("file", "nothing", value, 1), "read");
	EXPECT(EOPNOTSUPP, removexattr("file", "nothing"), "removed");
	EXPECT(EOPNOTSUPP, setxattr("file", "other.name", "x", 1, 0), "an unknown namespace");
	EXPECT(EOPNOTSUPP, setxattr("file", "users.name", "x", 1, 0), "nearly one");
	EXPECT(EOPNOTSUPP, setxattr("file", "system.other", "x", 1, 0), "an unknown one of the system");
	EXPECT(EOPNOTSUPP, getxattr("file", "system.other", value, 1), "read of that");
	EXPECT(EINVAL, setxattr("file", "trusted.", "x", 1, 0), "a namespace alone");
	EXPECT(ENOENT, setxattr("gone", "trusted.x", "x", 1, 0), "of what is not there");
	EXPECT(ENOENT, getxattr("", "trusted.x", value, 1), "of an empty name");
	EXPECT(EFAULT, getxattr(unmapped_address(), "trusted.x", value, 1), "of a bad address");
	EXPECT(EBADF, fgetxattr(-1, "trusted.x", value, 1), "of a bad descriptor");
	EXPECT(EBADF, flistxattr(-1, value, 1), "list of a bad descriptor");
	EXPECT(ENOENT, listxattr("gone", value, 1), "list of what is not there");
}

static void kinds(int user)
{
	theme("attributes of other files");
	EXPECT(0, setxattr("to-file", "trusted.by-link", "x", 1, 0), "through a link");
	CHECK(lists("file", 1, "trusted.by-link") && lists("to-file", 0, NULL) &&
	      removexattr("to-file", "trusted.by-link") == 0);
	EXPECT(0, lsetxattr("to-file", "trusted.own", "y", 1, 0), "of a link itself");
	CHECK(has("to-file", "trusted.own", "y") && lists("file", 0, NULL) &&
	      lremovexattr("to-file", "trusted.own") == 0);
	EXPECT(ENOENT, setxattr("dangling", "trusted.x", "x", 1, 0), "through a dangling link");
	EXPECT(0, lsetxattr("dangling", "security.x", "x", 1, 0), "of a dangling link itself");
	EXPECT(0, setxattr("fifo", "trusted.x", "x", 1, 0), "of a FIFO");
	EXPECT(0, setxattr("dir", "trusted.x", "x", 1, 0), "of a directory");
	CHECK(rename("dir", "dir2") == 0 && has("dir2", "trusted.x", "x") && rename("dir2", "dir") == 0);
	CHECK_THAT(link("file", "second") == 0 && setxattr("second", "trusted.x", "x", 1, 0) == 0 &&
		       has("file", "trusted.x", "x"),
		   "all names of a file have them");
	CHECK(unlink("second") == 0 && removexattr("file", "trusted.x") == 0);
	if (user) {
		EXPECT(EPERM, lsetxattr("to-file", "user.x", "x", 1, 0), "user: of a link itself");
		EXPECT(ENODATA, lgetxattr("to-file", "user.x", value, 1), "user: read of a link itself");
		EXPECT(EPERM, setxattr("fifo", "user.x", "x", 1, 0), "user: of a FIFO");
		EXPECT(EPERM, removexattr("fifo", "user.x"), "user: removed from a FIFO");
		EXPECT(ENODATA, getxattr("fifo", "user.x", value, 1), "user: read of a FIFO");
		EXPECT(0, setxattr("dir", "user.x", "x", 1, 0), "user: of a directory");
	}
	EXPECT(ENODATA, getxattr("file", "security.x", value, 10), "security: what is not there");
	EXPECT(EINVAL, setxattr("file", "security.capability", "x", 1, 0), "security.capability is checked");
	EXPECT(ENODATA, getxattr("file", "security.capability", value, 10), "and not there");
	struct vfs_cap_data caps = {.magic_etc = VFS_CAP_REVISION_2};
	EXPECT(EINVAL, setxattr("file", "security.capability", &caps, sizeof(caps) - 1, 0), "a byte too little");
	EXPECT(0, setxattr("file", "security.capability", &caps, sizeof(caps), 0), "revision 2");
	CHECK(getxattr("file", "security.capability", value, 100) == (ssize_t)sizeof(caps));
	caps.magic_etc = VFS_CAP_REVISION_3;
	EXPECT(EINVAL, setxattr("file", "security.capability", &caps, sizeof(caps), 0),
	       "revision 3 with the size of 2");
	EXPECT(0, removexattr("file", "security.capability"), "removed");
}

static void permissions(int user)
{
	theme("who may use attributes");
	REQUIRE(chmod("file", 0644) == 0 && setxattr("file", "trusted.t", "t", 1, 0) == 0);
	REQUIRE(setxattr("file", "security.s", "s", 1, 0) == 0 &&
		(!user || setxattr("file", "user.u", "u", 1, 0) == 0));
	int all = 2 + user;
	CHECK(lists("file", all, "trusted.t") && lists("file", all, "security.s"));
	act_as(1000, 1000, 0);
	EXPECT(EPERM, setxattr("file", "trusted.x", "x", 1, 0), "trusted: set by a user");
	EXPECT(EPERM, removexattr("file", "trusted.t"), "trusted: removed by a user");
	EXPECT(ENODATA, getxattr("file", "trusted.t", value, 10), "trusted: read by a user");
	CHECK_THAT(has("file", "security.s", "s"), "security: read by a user");
	CHECK_THAT(lists("file", all - 1, "security.s"), "a user's list has no trusted ones");
	if (user) {
		CHECK_THAT(has("file", "user.u", "u"), "user: read by who may read");
		EXPECT(EACCES, setxattr("file", "user.u", "x", 1, 0), "user: set by who may not write");
		EXPECT(EACCES, removexattr("file", "user.u"), "user: removed by who may not write");
		act_as_root();
		REQUIRE(chmod("file", 0602) == 0);
		act_as(1000, 1000, 0);
		EXPECT(0, setxattr("file", "user.u", "w", 1, 0), "user: set by who may write");
		EXPECT(EACCES, getxattr("file", "user.u", value, 10), "user: read by who may not read");
		CHECK_THAT(lists("file", all - 1, "user.u"), "the list is for everybody");
		act_as_root();
		REQUIRE(chmod("dir", 01777) == 0);
		act_as(1000, 1000, 0);
		EXPECT(EPERM, setxattr("dir", "user.u", "x", 1, 0), "user: of another's sticky directory");
	}
	act_as_root();
	CHECK(removexattr("file", "trusted.t") == 0 && removexattr("file", "security.s") == 0);
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	theme("attributes");
	REQUIRE(make_file("file", "12345", 0644) && mkdir("dir", 0755) == 0 && symlink("file", "to-file") == 0);
	REQUIRE(symlink("gone", "dangling") == 0 && mkfifo("fifo", 0600) == 0);
	/* A tmpfs has had those of users since Linux 6.6. */
	int user = FAILS(setxattr("file", "user.x", "x", 1, 0)) != EOPNOTSUPP && removexattr("file", "user.x") == 0;
	if (geteuid()) {
		EXPECT(EPERM, setxattr("file", "trusted.x", "x", 1, 0), "trusted: set without root");
		return finish();
	}
	if (user)
		values("user");
	values("trusted");
	values("security");
	names();
	kinds(user);
	permissions(user);
	return finish();
}
