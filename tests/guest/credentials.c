/* SPDX-License-Identifier: Apache-2.0
 * User and group identities, supplementary groups, capabilities and what they permit. Where the rules depend on who
 * runs it, root and an ordinary user are told apart.
 * area: Processes
 */
#include <fcntl.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "probe.h"

static int root;

static int ids(uid_t r, uid_t e, uid_t s)
{
	uid_t a, b, c;
	return getresuid(&a, &b, &c) == 0 && a == r && b == e && c == s;
}

static void reading(void)
{
	uid_t a, b, c;
	theme("identities");
	CHECK(getresuid(&a, &b, &c) == 0 && a == getuid() && b == geteuid());
	CHECK(getresgid(&a, &b, &c) == 0 && a == getgid() && b == getegid());
	CHECK_ERRNO(syscall(SYS_getresuid, unmapped_address(), &b, &c), EFAULT);
	CHECK_ERRNO(syscall(SYS_getresuid, &a, unmapped_address(), &c), EFAULT);
	CHECK_ERRNO(syscall(SYS_getresuid, &a, &b, unmapped_address()), EFAULT);
	CHECK_ERRNO(syscall(SYS_getresgid, &a, &b, unmapped_address()), EFAULT);
	CHECK(setuid(getuid()) == 0);
	CHECK(setgid(getgid()) == 0);
	CHECK(setresuid((uid_t)-1, (uid_t)-1, (uid_t)-1) == 0);
	CHECK(setresgid((gid_t)-1, (gid_t)-1, (gid_t)-1) == 0);
	CHECK(setreuid((uid_t)-1, (uid_t)-1) == 0);
	CHECK(setregid((gid_t)-1, (gid_t)-1) == 0);
	CHECK_ERRNO(syscall(SYS_setuid, -1), EINVAL);
	CHECK_ERRNO(syscall(SYS_setgid, -1), EINVAL);
	CHECK_THAT(setfsuid((uid_t)-1) == (int)geteuid(), "setfsuid(-1) only tells");
	CHECK_THAT(setfsgid((gid_t)-1) == (int)getegid(), "setfsgid(-1) only tells");
}

static void as_root(void)
{
	if (!root)
		return;
	theme("identities of root");
	CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && ids(1000, 1000, 1000), "setuid sets all three");
	CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && syscall(SYS_setuid, 0) == -1 && errno == EPERM,
			    "there is no way back");
	CHECK_IN_CHILD_THAT(setresuid(1, 2, 3) == 0 && ids(1, 2, 3), "setresuid");
	CHECK_IN_CHILD_THAT(setresuid(1, 2, 3) == 0 && setresuid((uid_t)-1, 3, (uid_t)-1) == 0 && ids(1, 3, 3),
			    "moves between its own three");
	CHECK_IN_CHILD_THAT(setresuid(1, 2, 3) == 0 && setresuid(4, (uid_t)-1, (uid_t)-1) == -1 && errno == EPERM,
			    "and to no other");
	CHECK_IN_CHILD_THAT(seteuid(1000) == 0 && ids(0, 1000, 0) && seteuid(0) == 0 && ids(0, 0, 0),
			    "seteuid and back");
	CHECK_IN_CHILD_THAT(setreuid(5, 6) == 0 && ids(5, 6, 6), "setreuid sets the saved id");
	CHECK_IN_CHILD_THAT(setgid(1000) == 0 && getgid() == 1000 && getegid() == 1000, "setgid");
	CHECK_IN_CHILD_THAT(setresgid(1, 2, 3) == 0 && getgid() == 1 && getegid() == 2, "setresgid");
	CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && setgid(7) == -1 && errno == EPERM,
			    "an ordinary user cannot change group");
	CHECK_IN_CHILD_THAT(setfsuid(55) == 0 && setfsuid((uid_t)-1) == 55, "setfsuid");
	CHECK_IN_CHILD_THAT(setgroups(0, NULL) == 0 && getgroups(0, NULL) == 0, "no groups");
	CHECK_IN_CHILD_THAT(({
				    gid_t set[3] = {30, 10, 20}, got[8];
				    setgroups(3, set) == 0 && getgroups(0, NULL) == 3 && getgroups(8, got) == 3 &&
					got[0] + got[1] + got[2] == 60;
			    }),
			    "three groups");
	CHECK_ERRNO(setgroups(65537, (gid_t *)unmapped_address()), EINVAL);
	CHECK_ERRNO(setgroups(2, (gid_t *)unmapped_address()), EFAULT);
}

static void as_user(void)
{
	char name[] = "/tmp/guest-credentials-XXXXXX";
	int fd = mkstemp(name);
	theme("an ordinary user");
	REQUIRE(fd >= 0);
	fchmod(fd, 0600);
	write(fd, "x", 1);
	if (root) {
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && open(name, O_RDONLY) == -1 && errno == EACCES,
				    "another's file: EACCES");
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && fchmod(fd, 0777) == -1 && errno == EPERM,
				    "its mode: EPERM");
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && fchown(fd, 1000, 1000) == -1 && errno == EPERM,
				    "its owner: EPERM");
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && unlink(name) == -1 &&
					(errno == EPERM || errno == EACCES),
				    "its removal from a sticky directory is refused");
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && read(fd, name, 0) == 0,
				    "an open descriptor still works");
		CHECK_IN_CHILD_THAT(seteuid(1000) == 0 && access(name, R_OK) == 0, "access asks by the real identity");
		CHECK_IN_CHILD_THAT(seteuid(1000) == 0 && faccessat(AT_FDCWD, name, R_OK, AT_EACCESS) == -1 &&
					errno == EACCES,
				    "AT_EACCESS by the effective one");
		fchmod(fd, 0640);
		CHECK_IN_CHILD_THAT(({
					    gid_t group = 0;
					    setgroups(1, &group) == 0 && setresgid(1000, 1000, 1000) == 0 &&
						syscall(SYS_setuid, 1000) == 0 && open(name, O_RDONLY) >= 0 &&
						open(name, O_WRONLY) == -1 && errno == EACCES;
				    }),
				    "a supplementary group counts");
		fchmod(fd, 0602);
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && setgid(0) == 0 && open(name, O_WRONLY) == -1 &&
					errno == EACCES,
				    "of owner, group and others only the first that fits counts");
		pid_t pid = fork_child();
		if (pid == 0)
			for (;;)
				pause();
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && kill(pid, 0) == -1 && errno == EPERM,
				    "signals to another: EPERM");
		CHECK_IN_CHILD_THAT(setresuid(1000, 1000, 0) == 0 && kill(pid, 0) == -1 && errno == EPERM,
				    "the saved identity does not help to send");
		CHECK_IN_CHILD_THAT(seteuid(1000) == 0 && kill(pid, 0) == 0, "the real one does");
		kill(pid, SIGKILL);
		wait_for(pid);
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && chroot("/") == -1 && errno == EPERM,
				    "chroot: EPERM");
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && sethostname("x", 1) == -1 && errno == EPERM,
				    "sethostname: EPERM");
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && setgroups(0, NULL) == -1 && errno == EPERM,
				    "setgroups: EPERM");
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 &&
					mknod("/tmp/guest-device", S_IFCHR | 0600, 0x103) == -1 && errno == EPERM,
				    "device nodes: EPERM");
	} else {
		CHECK(access(name, R_OK | W_OK) == 0);
		CHECK_ERRNO(chroot("/"), EPERM);
		CHECK_ERRNO(setgroups(0, NULL), EPERM);
		CHECK_ERRNO(setuid(getuid() + 1), EPERM);
	}
	close(fd);
	unlink(name);
}

static long capget2(struct __user_cap_header_struct *h, struct __user_cap_data_struct *d)
{
	return syscall(SYS_capget, h, d);
}

static void capabilities(void)
{
	struct __user_cap_header_struct h = {_LINUX_CAPABILITY_VERSION_3, 0};
	struct __user_cap_data_struct d[2], more[2];
	theme("capabilities");
	CHECK(capget2(&h, d) == 0);
	CHECK_THAT((d[0].effective & ~d[0].permitted) == 0, "what is effective is permitted");
	CHECK(root || d[0].effective == 0 || getuid() != 0);
	CHECK_ERRNO(syscall(SYS_capget, unmapped_address(), d), EFAULT);
	CHECK_ERRNO(capget2(&h, (void *)unmapped_address()), EFAULT);
	h.version = 1;
	CHECK_ERRNO(capget2(&h, d), EINVAL);
	CHECK_THAT(h.version == _LINUX_CAPABILITY_VERSION_3, "an unknown version is answered by the kernel's");
	h.version = 1;
	CHECK_THAT(capget2(&h, NULL) == 0, "asking for the version alone");
	h.version = _LINUX_CAPABILITY_VERSION_3;
	h.pid = 1 << 30;
	CHECK_ERRNO(capget2(&h, d), ESRCH);
	h.pid = -1;
	CHECK_ERRNO(capget2(&h, d), EINVAL);
	h.pid = 0;
	capget2(&h, d);
	CHECK(syscall(SYS_capset, &h, d) == 0);
	CHECK_ERRNO(syscall(SYS_capset, &h, unmapped_address()), EFAULT);
	h.pid = getpid() + 1000;
	CHECK_ERRNO(syscall(SYS_capset, &h, d), EPERM);
	h.pid = 0;
	CHECK_IN_CHILD_THAT(({
				    memset(more, 0, sizeof(more));
				    syscall(SYS_capset, &h, more) == 0 && capget2(&h, d) == 0 && d[0].permitted == 0 &&
					d[1].permitted == 0;
			    }),
			    "all may be dropped");
	CHECK_IN_CHILD_THAT(({
				    memset(more, 0, sizeof(more));
				    syscall(SYS_capset, &h, more);
				    more[0].permitted = 1;
				    syscall(SYS_capset, &h, more) == -1 && errno == EPERM;
			    }),
			    "and not be taken again");
	CHECK_IN_CHILD_THAT(({
				    memcpy(more, d, sizeof(more));
				    more[0].permitted = 0;
				    more[0].effective = 1;
				    syscall(SYS_capset, &h, more) == -1 && errno == EPERM;
			    }),
			    "effective without permitted: EPERM");
	if (root && (d[0].effective & (1 << CAP_SETUID))) {
		CHECK_IN_CHILD_THAT(syscall(SYS_setuid, 1000) == 0 && capget2(&h, d) == 0 && d[0].permitted == 0 &&
					d[0].effective == 0,
				    "setuid from root drops them");
		CHECK_IN_CHILD_THAT(prctl(PR_SET_KEEPCAPS, 1) == 0 && syscall(SYS_setuid, 1000) == 0 &&
					capget2(&h, d) == 0 && d[0].permitted != 0 && d[0].effective == 0,
				    "PR_SET_KEEPCAPS keeps the permitted ones");
		CHECK_IN_CHILD_THAT(seteuid(1000) == 0 && capget2(&h, d) == 0 && d[0].permitted != 0 &&
					d[0].effective == 0 && seteuid(0) == 0 && capget2(&h, d) == 0 &&
					d[0].effective == d[0].permitted,
				    "seteuid clears and restores the effective ones");
	}
}

static void sockets(void)
{
	int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1, off = 0;
	theme("sockets of ordinary users");
	CHECK_IN_CHILD_THAT((getuid() || setresuid(1000, 1000, 1000) == 0) &&
				setsockopt(fd, SOL_SOCKET, SO_DEBUG, &on, sizeof(on)) == -1 && errno == EACCES &&
				setsockopt(fd, SOL_SOCKET, SO_DEBUG, &off, sizeof(off)) == 0,
			    "SO_DEBUG is not for them");
	close(fd);
}

int main(void)
{
	limit_seconds(60);
	root = geteuid() == 0;
	reading();
	as_root();
	as_user();
	capabilities();
	sockets();
	return finish();
}
