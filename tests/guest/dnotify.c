/* SPDX-License-Identifier: Apache-2.0
 * Directories whose changes are told by signals: F_NOTIFY.
 * area: Files
 */
#include <dirent.h>
#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>

#include "probe.h"

#define RT	(SIGRTMIN + 1)
#define MESSAGE (POLLIN | POLLRDNORM | 0x400)

static char top[] = "/tmp/dnotify-XXXXXX";
static sigset_t watched;
static int d;

static int signalled(siginfo_t *info)
{
	struct timespec now = {0, 0};
	memset(info, 0, sizeof(*info));
	int sig = sigtimedwait(&watched, info, &now);
	return sig > 0 ? sig : 0;
}

/* How many signals there are; each must tell of d. They are sent by the call that makes the change. */
static int told(void)
{
	siginfo_t info;
	int n = 0;
	while (signalled(&info)) {
		if (info.si_signo != RT || info.si_code != POLL_MSG || info.si_fd != d || info.si_band != MESSAGE)
			return -1;
		n++;
	}
	return n;
}

/* From here on only these are told of. */
static int only(unsigned long mask)
{
	return fcntl(d, F_NOTIFY, 0) == 0 && fcntl(d, F_NOTIFY, mask) == 0;
}

static int make(const char *name)
{
	int fd = open(name, O_CREAT | O_RDWR, 0644);
	return fd < 0 ? -1 : close(fd);
}

static void names(void)
{
	theme("F_NOTIFY of names");
	CHECK(only(DN_CREATE | DN_MULTISHOT));
	CHECK(make("a") == 0 && told() == 1);
	CHECK(make("a") == 0 && told() == 0);
	CHECK(mkdir("sub", 0755) == 0 && told() == 1);
	CHECK(symlink("x", "l") == 0 && link("a", "b") == 0 && mkfifo("p", 0644) == 0 && told() == 3);
	CHECK_THAT(make("sub/deep") == 0 && told() == 0, "what is below a directory in it is not of it");
	CHECK(unlink("p") == 0 && unlink("l") == 0 && told() == 0);
	CHECK_THAT(rename("b", "c") == 0 && told() == 1, "a new name by rename is one");
	CHECK(rename("c", "sub/c") == 0 && told() == 0);
	CHECK(rename("sub/c", "c") == 0 && told() == 1);

	CHECK(only(DN_DELETE | DN_MULTISHOT));
	CHECK(unlink("c") == 0 && told() == 1);
	CHECK(mkdir("e", 0755) == 0 && rmdir("e") == 0 && told() == 1);
	CHECK(rename("a", "sub/a") == 0 && told() == 1);
	CHECK(rename("sub/a", "a") == 0 && told() == 0);

	CHECK(only(DN_RENAME | DN_MULTISHOT));
	CHECK(rename("a", "b") == 0 && told() == 1);
	CHECK_THAT(rename("b", "sub/b") == 0 && rename("sub/b", "a") == 0 && told() == 0,
		   "DN_RENAME is of names that stay in the directory");
	CHECK(fcntl(d, F_NOTIFY, DN_CREATE) == 0);
	CHECK_THAT(rename("a", "b") == 0 && told() == 2, "bits are added");
	CHECK(rename("b", "a") == 0);
	told();
}

static void contents(void)
{
	char bytes[1024];
	int f = open("a", O_RDWR);
	theme("F_NOTIFY of contents");
	CHECK(only(DN_ACCESS | DN_MULTISHOT));
	CHECK(write(f, "xyz", 3) == 3 && told() == 0);
	CHECK(pread(f, bytes, 2, 0) == 2 && told() == 1);
	CHECK_THAT(syscall(SYS_getdents64, d, bytes, sizeof(bytes)) > 0 && told() == 1, "the directory itself is read");
	CHECK(only(DN_MODIFY | DN_MULTISHOT));
	CHECK(write(f, "xyz", 3) == 3 && told() == 1);
	CHECK(ftruncate(f, 1) == 0 && told() == 1);
	CHECK(truncate("a", 5) == 0 && told() == 1);
	CHECK(pread(f, bytes, 2, 0) == 2 && fchmod(f, 0600) == 0 && told() == 0);
	CHECK(only(DN_ATTRIB | DN_MULTISHOT));
	CHECK(fchmod(f, 0644) == 0 && told() == 1);
	CHECK(chmod(top, 0755) == 0 && told() == 1);
	CHECK(pread(f, bytes, 2, 0) == 2 && told() == 0);
	close(f);
}

static void ends(void)
{
	siginfo_t info;
	int p[2];
	theme("F_NOTIFY begins and ends");
	REQUIRE(pipe(p) == 0);
	CHECK_ERRNO(fcntl(p[0], F_NOTIFY, DN_CREATE), ENOTDIR);
	CHECK(fcntl(p[0], F_NOTIFY, 0) == 0);
	CHECK_ERRNO(fcntl(open(top, O_PATH), F_NOTIFY, DN_CREATE), EBADF);
	CHECK(only(DN_CREATE));
	CHECK_THAT(make("1") == 0 && make("2") == 0 && told() == 1, "without DN_MULTISHOT it is told once");
	CHECK(only(DN_CREATE | DN_MULTISHOT) && fcntl(d, F_NOTIFY, DN_MULTISHOT) == 0);
	CHECK_THAT(make("3") == 0 && told() == 0, "no events: the end");
	CHECK(only(DN_CREATE | DN_MULTISHOT) && close(dup(d)) == 0);
	CHECK_THAT(make("4") == 0 && told() == 0, "closing any descriptor of it ends it");
	CHECK(only(DN_CREATE | DN_MULTISHOT) && wait_for(fork() ?: (close(d), _exit(0), 0)) == 0);
	CHECK_THAT(make("5") == 0 && told() == 1, "but not another process's");
	int other = open(top, O_RDONLY);
	CHECK(fcntl(other, F_NOTIFY, DN_CREATE) == 0);
	CHECK_THAT(make("6") == 0 && signalled(&info) && signalled(&info) && !signalled(&info),
		   "each description is told by itself");
	close(other);
	CHECK(fcntl(d, F_SETSIG, 0) == 0 && make("7") == 0);
	CHECK_THAT(signalled(&info) == SIGIO && info.si_code == SI_KERNEL, "without F_SETSIG it is SIGIO");
	close(p[0]);
	close(p[1]);
}

int main(void)
{
	limit_seconds(60);
	sigemptyset(&watched);
	sigaddset(&watched, RT);
	sigaddset(&watched, SIGIO);
	sigprocmask(SIG_BLOCK, &watched, NULL);
	if (!mkdtemp(top) || chdir(top))
		return 97;
	d = open(top, O_RDONLY | O_DIRECTORY);
	theme("F_NOTIFY");
	CHECK(fcntl(d, F_NOTIFY, DN_CREATE | DN_MULTISHOT) == 0 && fcntl(d, F_GETOWN) == getpid());
	CHECK(fcntl(d, F_SETSIG, RT) == 0);
	names();
	contents();
	ends();
	if (chdir("/") == 0 && fork_child() == 0)
		execlp("rm", "rm", "-rf", top, NULL);
	wait(NULL);
	return finish();
}
