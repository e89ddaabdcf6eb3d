/* SPDX-License-Identifier: Apache-2.0
 * Advisory locks: flock, the POSIX and OFD locks of fcntl; ranges, owners, waiting, deadlocks, what ends a lock.
 * area: Files
 * flags: -pthread
 */
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <sys/file.h>
#include <sys/stat.h>

#include "probe.h"

#define LAST LLONG_MAX

static int observer; /* never locks, and never closed: closing it would drop the locks of the process */
static char path[] = "/dev/shm/locks-XXXXXX";

static int open_again(int flags)
{
	int fd = open(path, flags);
	if (fd < 0)
		exit(97);
	return fd;
}

static long lock(int fd, int cmd, int type, long start, long len)
{
	struct flock l = {.l_type = (short)type, .l_whence = SEEK_SET, .l_start = start, .l_len = len};
	return ANSWER(fcntl(fd, cmd, &l));
}

static long set(int fd, int type, long start, long len)
{
	return lock(fd, F_SETLK, type, start, len);
}

static long set_ofd(int fd, int type, long start, long len)
{
	return lock(fd, F_OFD_SETLK, type, start, len);
}

/* What would keep another owner from locking a range: a text like "W10+5". */
static const char *seen(long start, long len, int type)
{
	static char text[64];
	struct flock l = {.l_type = (short)type, .l_start = start, .l_len = len};
	if (fcntl(observer, F_OFD_GETLK, &l))
		return "an error";
	if (l.l_type == F_UNLCK)
		return "-";
	snprintf(text, sizeof(text), "%c%ld+%ld", l.l_type == F_WRLCK ? 'W' : 'R', (long)l.l_start, (long)l.l_len);
	return text;
}

/* All locks on the first 1000 bytes as one text: "W10+5 R20+1". */
static const char *map(void)
{
	static char text[512];
	size_t length = 0;
	text[0] = 0;
	for (long at = 0; at < 1000;) {
		struct flock l = {.l_type = F_WRLCK, .l_start = at, .l_len = 1};
		if (fcntl(observer, F_OFD_GETLK, &l) || l.l_type == F_UNLCK) {
			at++;
			continue;
		}
		length += (size_t)snprintf(text + length, sizeof(text) - length, "%s%c%ld+%ld", length ? " " : "",
					   l.l_type == F_WRLCK ? 'W' : 'R', (long)l.l_start, (long)l.l_len);
		if (!l.l_len)
			break;
		at = l.l_start + l.l_len;
	}
	return text;
}

/* ---- ranges ---- */

struct step {
	int type;
	long start, len;
};

static void ranges(int ofd)
{
	static const struct {
		struct step steps[4];
		const char *map;
	} rows[] = {
	    {{{F_WRLCK, 10, 5}}, "W10+5"},
	    {{{F_RDLCK, 0, 0}}, "R0+0"},
	    {{{F_WRLCK, 10, 5}, {F_WRLCK, 15, 5}}, "W10+10"},
	    {{{F_WRLCK, 15, 5}, {F_WRLCK, 10, 5}}, "W10+10"},
	    {{{F_WRLCK, 10, 5}, {F_RDLCK, 15, 5}}, "W10+5 R15+5"},
	    {{{F_WRLCK, 10, 5}, {F_WRLCK, 16, 5}}, "W10+5 W16+5"},
	    {{{F_WRLCK, 10, 5}, {F_WRLCK, 16, 5}, {F_WRLCK, 15, 1}}, "W10+11"},
	    {{{F_WRLCK, 10, 20}, {F_WRLCK, 5, 50}}, "W5+50"},
	    {{{F_WRLCK, 10, 20}, {F_WRLCK, 15, 5}}, "W10+20"},
	    {{{F_WRLCK, 10, 20}, {F_RDLCK, 15, 5}}, "W10+5 R15+5 W20+10"},
	    {{{F_WRLCK, 10, 20}, {F_RDLCK, 5, 10}}, "R5+10 W15+15"},
	    {{{F_WRLCK, 10, 20}, {F_RDLCK, 25, 10}}, "W10+15 R25+10"},
	    {{{F_WRLCK, 10, 20}, {F_RDLCK, 5, 30}}, "R5+30"},
	    {{{F_WRLCK, 10, 20}, {F_UNLCK, 15, 5}}, "W10+5 W20+10"},
	    {{{F_WRLCK, 10, 20}, {F_UNLCK, 5, 10}}, "W15+15"},
	    {{{F_WRLCK, 10, 20}, {F_UNLCK, 25, 10}}, "W10+15"},
	    {{{F_WRLCK, 10, 20}, {F_UNLCK, 10, 20}}, ""},
	    {{{F_WRLCK, 10, 20}, {F_UNLCK, 0, 0}}, ""},
	    {{{F_WRLCK, 10, 20}, {F_UNLCK, 50, 10}}, "W10+20"},
	    {{{F_UNLCK, 10, 20}}, ""},
	    {{{F_RDLCK, 0, 0}, {F_WRLCK, 100, 100}}, "R0+100 W100+100 R200+0"},
	    {{{F_RDLCK, 0, 0}, {F_UNLCK, 100, 0}}, "R0+100"},
	    {{{F_RDLCK, 0, 0}, {F_UNLCK, 0, 100}}, "R100+0"},
	    {{{F_RDLCK, 10, 10}, {F_RDLCK, 30, 10}, {F_RDLCK, 50, 10}, {F_RDLCK, 0, 100}}, "R0+100"},
	    {{{F_RDLCK, 10, 10}, {F_WRLCK, 30, 10}, {F_RDLCK, 50, 10}, {F_UNLCK, 15, 40}}, "R10+5 R55+5"},
	    {{{F_RDLCK, 10, 10}, {F_WRLCK, 30, 10}, {F_RDLCK, 20, 10}, {F_RDLCK, 30, 10}}, "R10+30"},
	    {{{F_WRLCK, 10, 0}, {F_WRLCK, 0, 10}}, "W0+0"},
	    {{{F_WRLCK, 20, -10}}, "W10+10"},
	    {{{F_WRLCK, 20, -20}}, "W0+20"},
	    {{{F_WRLCK, 0, LAST}}, "W0+9223372036854775807"},
	    {{{F_WRLCK, 1, LAST}}, "W1+0"},
	    {{{F_WRLCK, 0, 1}, {F_WRLCK, LAST, 1}, {F_WRLCK, 0, 0}}, "W0+0"},
	};
	theme(ofd ? "ranges of OFD locks" : "ranges of POSIX locks");
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = open_again(O_RDWR), fine = 1;
		for (int s = 0;
		     s < 4 && (s == 0 || rows[i].steps[s].start || rows[i].steps[s].len || rows[i].steps[s].type); s++)
			fine &= lock(fd, ofd ? F_OFD_SETLK : F_SETLK, rows[i].steps[s].type, rows[i].steps[s].start,
				     rows[i].steps[s].len) == 0;
		const char *got = map();
		char text[128];
		snprintf(text, sizeof(text), "case %zu: %s", i, *rows[i].map ? rows[i].map : "nothing");
		report(fine && !strcmp(got, rows[i].map), text, "%s", got);
		close(fd);
		CHECKF(!strcmp(map(), ""), "case %zu: closing drops all", i);
	}
}

static void positions(void)
{
	theme("where ranges are");
	static const struct {
		int whence;
		long start, len, result;
		const char *map;
	} rows[] = {{SEEK_SET, -1, 1, -EINVAL, ""},
		    {SEEK_SET, 5, -6, -EINVAL, ""},
		    {SEEK_SET, LAST, 1, 0, ""},
		    {SEEK_SET, LAST, 2, -EOVERFLOW, ""},
		    {SEEK_SET, 2, LAST, -EOVERFLOW, ""},
		    {SEEK_SET, 0, LONG_MIN, -EINVAL, ""},
		    {SEEK_CUR, 0, 5, 0, "W100+5"},
		    {SEEK_CUR, -100, 5, 0, "W0+5"},
		    {SEEK_CUR, -101, 5, -EINVAL, ""},
		    {SEEK_CUR, -50, -50, 0, "W0+50"},
		    {SEEK_CUR, LAST, 1, -EOVERFLOW, ""},
		    {SEEK_END, 0, 5, 0, "W300+5"},
		    {SEEK_END, -300, 0, 0, "W0+0"},
		    {SEEK_END, -301, 0, -EINVAL, ""},
		    {SEEK_END, 0, -300, 0, "W0+300"},
		    {SEEK_END, LAST, 1, -EOVERFLOW, ""},
		    {3, 0, 1, -EINVAL, ""},
		    {-1, 0, 1, -EINVAL, ""}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = open_again(O_RDWR);
		lseek(fd, 100, SEEK_SET);
		struct flock l = {F_WRLCK, (short)rows[i].whence, rows[i].start, rows[i].len, 0};
		CHECKF(ANSWER(fcntl(fd, F_SETLK, &l)) == rows[i].result && !strcmp(map(), rows[i].map),
		       "whence %d, %ld, %ld", rows[i].whence, rows[i].start, rows[i].len);
		l = (struct flock){F_WRLCK, (short)rows[i].whence, rows[i].start, rows[i].len, 0};
		CHECKF(ANSWER(fcntl(fd, F_GETLK, &l)) == rows[i].result, "whence %d, %ld, %ld: F_GETLK", rows[i].whence,
		       rows[i].start, rows[i].len);
		close(fd);
	}
}

/* ---- what is asked, and how ---- */

static void errors(void)
{
	theme("errors of locks");
	int both = open_again(O_RDWR), reading = open_again(O_RDONLY), writing = open_again(O_WRONLY),
	    naming = open_again(O_PATH);
	static const int commands[] = {F_SETLK, F_SETLKW, F_OFD_SETLK, F_OFD_SETLKW};
	for (int i = 0; i < 4; i++) {
		CHECKF(lock(reading, commands[i], F_WRLCK, 0, 1) == -EBADF, "command %d: writing needs a writable file",
		       i);
		CHECKF(lock(writing, commands[i], F_RDLCK, 0, 1) == -EBADF, "command %d: reading needs a readable file",
		       i);
		CHECKF(lock(reading, commands[i], F_UNLCK, 0, 1) == 0, "command %d: unlocking needs neither", i);
		CHECKF(lock(naming, commands[i], F_RDLCK, 0, 1) == -EBADF, "command %d: O_PATH", i);
		CHECKF(lock(-1, commands[i], F_RDLCK, 0, 1) == -EBADF, "command %d: no file", i);
		CHECKF(lock(both, commands[i], 3, 0, 1) == -EINVAL, "command %d: an unknown type", i);
		CHECKF(lock(both, commands[i], -1, 0, 1) == -EINVAL, "command %d: a negative type", i);
		CHECKF(ANSWER(fcntl(both, commands[i], unmapped_address())) == -EFAULT, "command %d: a bad address", i);
	}
	CHECK(lock(reading, F_GETLK, F_WRLCK, 0, 1) == 0 && lock(writing, F_GETLK, F_RDLCK, 0, 1) == 0);
	CHECK(lock(both, F_GETLK, F_UNLCK, 0, 1) == -EINVAL);
	CHECK(lock(both, F_GETLK, 7, 0, 1) == -EINVAL && lock(both, F_OFD_GETLK, 7, 0, 1) == -EINVAL);
	CHECK_ERRNO(fcntl(both, F_GETLK, unmapped_address()), EFAULT);
	CHECK_ERRNO(fcntl(both, F_GETLK, map_pages(1, PROT_READ)), EFAULT);
	struct flock l = {.l_type = F_WRLCK, .l_len = 1, .l_pid = 1};
	CHECK_ERRNO(fcntl(both, F_OFD_SETLK, &l), EINVAL);
	CHECK_ERRNO(fcntl(both, F_OFD_SETLKW, &l), EINVAL);
	CHECK_ERRNO(fcntl(both, F_OFD_GETLK, &l), EINVAL);
	CHECK_THAT(fcntl(both, F_SETLK, &l) == 0, "l_pid does not matter for POSIX locks");
	CHECK_ERRNO(flock(both, 0), EINVAL);
	CHECK_ERRNO(flock(both, LOCK_SH | LOCK_EX), EINVAL);
	CHECK_ERRNO(flock(both, 16), EINVAL);
	CHECK_ERRNO(flock(-1, LOCK_SH), EBADF);
	CHECK_ERRNO(flock(naming, LOCK_SH), EBADF);
	CHECK_THAT(flock(reading, LOCK_EX) == 0 && flock(reading, LOCK_UN) == 0, "flock does not ask for the mode");
	int directory = open("/dev/shm", O_RDONLY), fds[2];
	REQUIRE(pipe(fds) == 0);
	CHECK(flock(directory, LOCK_EX | LOCK_NB) == 0 && lock(directory, F_SETLK, F_RDLCK, 0, 0) == 0);
	CHECK(flock(fds[0], LOCK_EX | LOCK_NB) == 0 && lock(fds[1], F_SETLK, F_WRLCK, 0, 0) == 0);
	close(fds[0]);
	close(fds[1]);
	close(directory);
	close(both);
	close(reading);
	close(writing);
	close(naming);
}

static void questions(void)
{
	theme("F_GETLK");
	int fd = open_again(O_RDWR), other = open_again(O_RDWR);
	struct flock l;
	set(fd, F_WRLCK, 10, 10);
	set(fd, F_RDLCK, 40, 10);
	set_ofd(other, F_WRLCK, 70, 10);
#define ASK(cmd, kind, from, count)                                                                                    \
	(l = (struct flock){.l_type = (kind), .l_whence = SEEK_SET, .l_start = (from), .l_len = (count)},              \
	 fcntl(fd, cmd, &l))
	CHECK_THAT(ASK(F_GETLK, F_WRLCK, 0, 60) == 0 && l.l_type == F_UNLCK && l.l_start == 0 && l.l_len == 60,
		   "one's own locks do not count");
	CHECK_THAT(ASK(F_GETLK, F_RDLCK, 75, 1) == 0 && l.l_type == F_WRLCK && l.l_start == 70 && l.l_len == 10 &&
		       l.l_pid == -1 && l.l_whence == SEEK_SET,
		   "an OFD lock has no process");
	CHECK_THAT(ASK(F_OFD_GETLK, F_WRLCK, 0, 60) == 0 && l.l_type == F_WRLCK && l.l_start == 10 &&
		       l.l_pid == getpid(),
		   "OFD locks see POSIX locks of the same process");
	CHECK_THAT(!strcmp(seen(0, 60, F_RDLCK), "W10+10") && !strcmp(seen(20, 40, F_RDLCK), "-") &&
		       !strcmp(seen(20, 40, F_WRLCK), "R40+10"),
		   "readers and writers");
	CHECK_THAT(!strcmp(seen(0, 10, F_WRLCK), "-") && !strcmp(seen(20, 20, F_WRLCK), "-") &&
		       !strcmp(seen(19, 1, F_WRLCK), "W10+10"),
		   "the edges");
	CHECK_THAT(!strcmp(seen(49, 0, F_WRLCK), "R40+10") && !strcmp(seen(80, 0, F_WRLCK), "-"),
		   "length 0 reaches to the end");
	pid_t pid = fork_child();
	if (pid == 0) {
		int fine =
		    ASK(F_GETLK, F_WRLCK, 0, 60) == 0 && l.l_type == F_WRLCK && l.l_pid == getppid() && l.l_start == 10;
		_exit(fine && set(fd, F_RDLCK, 10, 1) == -EAGAIN && set(fd, F_RDLCK, 40, 10) == 0 &&
			      set(fd, F_WRLCK, 40, 10) == -EAGAIN
			  ? 0
			  : 1);
	}
	CHECK_THAT(wait_for(pid) == 0, "a child is another owner, with the parent's number");
	close(other);
	CHECK_THAT(!strcmp(map(), ""), "closing any descriptor of a file drops the POSIX locks of the process");
	close(fd);
}

/* ---- owners ---- */

static void owners(void)
{
	theme("owners of locks");
	int a = open_again(O_RDWR), b = open_again(O_RDWR), twin = dup(a);
	CHECK_THAT(set(a, F_WRLCK, 0, 10) == 0 && set(b, F_WRLCK, 0, 10) == 0, "POSIX: one process is one owner");
	CHECK(set(b, F_UNLCK, 0, 0) == 0 && !strcmp(map(), ""));
	CHECK_THAT(set_ofd(a, F_WRLCK, 0, 10) == 0 && set_ofd(b, F_WRLCK, 0, 10) == -EAGAIN &&
		       set_ofd(b, F_RDLCK, 9, 1) == -EAGAIN,
		   "OFD: each open is an owner");
	CHECK_THAT(set_ofd(twin, F_RDLCK, 0, 10) == 0 && !strcmp(map(), "R0+10"), "and its duplicates");
	CHECK(set_ofd(b, F_RDLCK, 5, 10) == 0 && set_ofd(a, F_WRLCK, 0, 6) == -EAGAIN &&
	      set_ofd(a, F_WRLCK, 0, 5) == 0);
	CHECK_THAT(set(a, F_WRLCK, 0, 1) == -EAGAIN && set(b, F_RDLCK, 6, 1) == 0,
		   "POSIX and OFD locks exclude each other");
	close(a);
	CHECK_THAT(set_ofd(b, F_WRLCK, 0, 5) == -EAGAIN, "closing one of two descriptors keeps an OFD lock");
	close(twin);
	CHECK_THAT(set_ofd(b, F_WRLCK, 0, 5) == 0, "closing both does not");
	close(b);
	a = open_again(O_RDWR), b = open_again(O_RDWR), twin = dup(a);
	CHECK(flock(a, LOCK_EX) == 0 && ANSWER(flock(b, LOCK_EX | LOCK_NB)) == -EWOULDBLOCK &&
	      ANSWER(flock(b, LOCK_SH | LOCK_NB)) == -EWOULDBLOCK);
	CHECK_THAT(flock(twin, LOCK_SH | LOCK_NB) == 0 && flock(b, LOCK_SH | LOCK_NB) == 0,
		   "flock: a duplicate changes the lock");
	CHECK_THAT(ANSWER(flock(a, LOCK_EX | LOCK_NB)) == -EWOULDBLOCK, "two readers: neither can write");
	CHECK_THAT(flock(b, LOCK_EX | LOCK_NB) == 0 || errno == EWOULDBLOCK, "a failed change may lose the lock");
	CHECK(flock(a, LOCK_UN) == 0 && flock(b, LOCK_UN) == 0 && flock(b, LOCK_UN) == 0);
	CHECK_THAT(flock(a, LOCK_EX) == 0 && set(b, F_WRLCK, 0, 0) == 0 && set_ofd(b, F_UNLCK, 0, 0) == 0,
		   "flock and fcntl do not see each other");
	set(b, F_UNLCK, 0, 0);
	pid_t pid = fork_child();
	if (pid == 0) {
		int c = open_again(O_RDWR);
		if (ANSWER(flock(c, LOCK_SH | LOCK_NB)) != -EWOULDBLOCK || flock(a, LOCK_SH | LOCK_NB) ||
		    flock(c, LOCK_SH | LOCK_NB))
			_exit(1);
		_exit(0);
	}
	CHECK_THAT(wait_for(pid) == 0, "a child shares its parent's flock and changes it");
	CHECK_THAT(flock(b, LOCK_SH | LOCK_NB) == 0, "for the parent too");
	flock(a, LOCK_UN);
	flock(b, LOCK_UN);
	CHECK_IN_CHILD_THAT(flock(a, LOCK_EX | LOCK_NB) == 0, "a child locks what it shares");
	CHECK_THAT(ANSWER(flock(b, LOCK_SH | LOCK_NB)) == -EWOULDBLOCK, "its end leaves the lock");
	CHECK_IN_CHILD_THAT(flock(a, LOCK_UN) == 0, "a child unlocks");
	CHECK(flock(b, LOCK_EX | LOCK_NB) == 0 && flock(b, LOCK_UN) == 0);
	CHECK(set(a, F_WRLCK, 0, 10) == 0 && set_ofd(b, F_WRLCK, 20, 10) == 0);
	CHECK_IN_CHILD_THAT(set(a, F_WRLCK, 0, 1) == -EAGAIN && set_ofd(b, F_WRLCK, 20, 5) == 0,
			    "a child has no POSIX locks of its parent, but OFD locks");
	CHECK_THAT(!strcmp(map(), "W0+10 W20+10"), "they stay when it ends");
	CHECK_IN_CHILD_THAT((close(a), close(b), 1), "a child closes what it has of them");
	CHECK_THAT(!strcmp(map(), "W0+10 W20+10"), "which drops none");
	close(twin);
	CHECK_THAT(!strcmp(map(), "W20+10"), "the parent's own close does");
	close(a);
	close(b);
	pid = fork_child();
	if (pid == 0) {
		int c = open_again(O_RDWR);
		set(c, F_WRLCK, 0, 10);
		kill(getpid(), SIGKILL);
	}
	wait_for(pid);
	CHECK_THAT(!strcmp(map(), ""), "a killed process leaves no lock");
}

/* Run anew with an argument: is the POSIX lock still this process's own? */
static int after_exec(const char *text)
{
	int fd = atoi(text);
	struct flock l = {.l_type = F_WRLCK, .l_len = 1};
	strcpy(path, getenv("LOCKED"));
	return fcntl(fd, F_OFD_GETLK, &l) == 0 && l.l_type == F_WRLCK && l.l_pid == getpid() ? 0 : 1;
}

static void executing(const char *self)
{
	theme("locks and execve");
	pid_t pid = fork_child();
	if (pid == 0) {
		char number[16];
		int fd = open_again(O_RDWR);
		snprintf(number, sizeof(number), "%d", fd);
		setenv("LOCKED", path, 1);
		set(fd, F_WRLCK, 0, 1);
		execl(self, self, number, NULL);
		_exit(99);
	}
	CHECK_THAT(wait_for(pid) == 0, "a POSIX lock stays over execve");
	pid = fork_child();
	if (pid == 0) {
		int fd = open(path, O_RDWR | O_CLOEXEC), kept = open("/dev/null", O_RDWR);
		char number[16];
		snprintf(number, sizeof(number), "%d", kept);
		setenv("LOCKED", path, 1);
		set(fd, F_WRLCK, 0, 1);
		execl(self, self, number, NULL);
		_exit(99);
	}
	CHECK_THAT(WEXITSTATUS(wait_for(pid)) == 1 && !strcmp(map(), ""), "unless execve closes the file");
}

/* ---- waiting ---- */

static volatile sig_atomic_t caught;

static void note(int number)
{
	caught++;
}

/* A child that takes a lock by `take` and ends with 0 when it had to wait. */
static pid_t waiter(long (*take)(int fd), int inherited)
{
	pid_t pid = fork_child();
	if (pid == 0) {
		close(inherited);
		int fd = open_again(O_RDWR);
		long begin = now_us();
		_exit(take(fd) == 0 && now_us() - begin > 1000 ? 0 : 1);
	}
	return pid;
}

static long take_flock(int fd)
{
	return ANSWER(flock(fd, LOCK_EX));
}

static long take_posix(int fd)
{
	return lock(fd, F_SETLKW, F_WRLCK, 5, 10);
}

static long take_ofd(int fd)
{
	return lock(fd, F_OFD_SETLKW, F_WRLCK, 5, 10);
}

static void waiting(void)
{
	theme("waiting for locks");
	static const struct {
		const char *name;
		long (*take)(int fd);
		int how; /* it ends: 0 unlocked, 1 closed, 2 downgraded, 3 the range is cut */
	} rows[] = {{"flock, unlocked", take_flock, 0}, {"flock, closed", take_flock, 1},
		    {"POSIX, unlocked", take_posix, 0}, {"POSIX, closed", take_posix, 1},
		    {"POSIX, cut", take_posix, 3},	{"OFD, unlocked", take_ofd, 0},
		    {"OFD, closed", take_ofd, 1},	{"OFD, cut", take_ofd, 3}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		int fd = open_again(O_RDWR);
		if (rows[i].take(fd))
			exit(97);
		pid_t pid = waiter(rows[i].take, fd);
		until_asleep(pid, pid);
		sleep_ms(5);
		if (rows[i].how == 1)
			close(fd);
		else if (rows[i].how == 3)
			set(fd, F_UNLCK, 5, 10), set_ofd(fd, F_UNLCK, 5, 10);
		else
			flock(fd, LOCK_UN), set(fd, F_UNLCK, 0, 0), set_ofd(fd, F_UNLCK, 0, 0);
		CHECKF(wait_for(pid) == 0, "%s", rows[i].name);
		close(fd);
	}
	/* Signals. */
	for (size_t i = 0; i < 6; i += 2) {
		int fd = open_again(O_RDWR);
		rows[i == 4 ? 5 : i].take(fd);
		pid_t pid = fork_child();
		if (pid == 0) {
			struct sigaction action = {.sa_handler = note};
			sigaction(SIGUSR1, &action, NULL);
			close(fd);
			int mine = open_again(O_RDWR);
			_exit(rows[i == 4 ? 5 : i].take(mine) == -EINTR && caught == 1 ? 0 : 1);
		}
		until_asleep(pid, pid);
		kill(pid, SIGUSR1);
		CHECKF(wait_for(pid) == 0, "%s: a signal ends waiting", rows[i == 4 ? 5 : i].name);
		pid = fork_child();
		if (pid == 0) {
			struct sigaction action = {.sa_handler = note, .sa_flags = SA_RESTART};
			sigaction(SIGUSR1, &action, NULL);
			close(fd);
			int mine = open_again(O_RDWR);
			_exit(rows[i == 4 ? 5 : i].take(mine) == 0 && caught == 1 ? 0 : 1);
		}
		until_asleep(pid, pid);
		kill(pid, SIGUSR1);
		sleep_ms(20);
		close(fd);
		CHECKF(wait_for(pid) == 0, "%s: with SA_RESTART it goes on", rows[i == 4 ? 5 : i].name);
	}
	/* Deadlocks. */
	int fd = open_again(O_RDWR);
	set(fd, F_WRLCK, 0, 1);
	pid_t pid = fork_child();
	if (pid == 0) {
		int mine = open_again(O_RDWR);
		set(mine, F_WRLCK, 1, 1);
		_exit(lock(mine, F_SETLKW, F_WRLCK, 0, 1) == 0 ? 0 : 1);
	}
	until_asleep(pid, pid);
	CHECK_THAT(lock(fd, F_SETLKW, F_WRLCK, 1, 1) == -EDEADLK, "two that wait for each other");
	CHECK_THAT(set(fd, F_UNLCK, 0, 0) == 0 && wait_for(pid) == 0, "the other goes on");
	set(fd, F_WRLCK, 0, 1);
	pid_t pids[2];
	for (int i = 0; i < 2; i++) {
		pids[i] = fork_child();
		if (pids[i] == 0) {
			int mine = open_again(O_RDWR);
			set(mine, F_WRLCK, i + 1, 1);
			_exit(lock(mine, F_SETLKW, F_WRLCK, i, 1) == 0 ? 0 : 1);
		}
		until_asleep(pids[i], pids[i]);
	}
	CHECK_THAT(lock(fd, F_SETLKW, F_WRLCK, 2, 1) == -EDEADLK, "three in a ring");
	CHECK_THAT(set(fd, F_UNLCK, 0, 0) == 0 && wait_for(pids[0]) == 0 && wait_for(pids[1]) == 0, "the others go on");
	close(fd);
}

/* ---- threads ---- */

static void *thread_takes(void *arg)
{
	return (void *)lock(*(int *)arg, F_OFD_SETLKW, F_WRLCK, 0, 10);
}

static volatile long counter;

static void *thread_counts(void *arg)
{
	int fd = open_again(O_RDWR);
	for (int i = 0; i < 200; i++) {
		if (lock(fd, F_OFD_SETLKW, F_WRLCK, 0, 1))
			return (void *)1;
		long was = counter;
		if (i % 10 == 0)
			sched_yield();
		counter = was + 1;
		lock(fd, F_OFD_SETLK, F_UNLCK, 0, 1);
	}
	close(fd);
	return NULL;
}

static void threads(void)
{
	theme("locks of threads");
	pthread_t t[4];
	void *result;
	int fd = open_again(O_RDWR), mine = open_again(O_RDWR);
	set_ofd(fd, F_WRLCK, 0, 10);
	REQUIRE(pthread_create(&t[0], NULL, thread_takes, &mine) == 0);
	sleep_ms(20);
	CHECK_THAT(set_ofd(fd, F_UNLCK, 0, 10) == 0 && pthread_join(t[0], &result) == 0 && !result,
		   "a thread waits for another's OFD lock");
	close(mine);
	int bad = 0;
	for (int i = 0; i < 4; i++)
		bad |= pthread_create(&t[i], NULL, thread_counts, NULL);
	for (int i = 0; i < 4; i++)
		bad |= pthread_join(t[i], &result) || result;
	CHECK_THAT(!bad && counter == 800, "OFD locks exclude threads");
	close(fd);
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return after_exec(argv[1]);
	limit_seconds(60);
	theme("ranges of POSIX locks");
	int made = mkstemp(path);
	REQUIRE(made >= 0 && ftruncate(made, 300) == 0);
	close(made);
	observer = open_again(O_RDWR);
	ranges(0);
	ranges(1);
	positions();
	errors();
	questions();
	owners();
	executing(argv[0]);
	waiting();
	threads();
	unlink(path);
	return finish();
}
