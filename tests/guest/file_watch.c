/* SPDX-License-Identifier: Apache-2.0
 * inotify: which events each call makes, in which order, and the rules of watches, masks and the queue.
 * area: Files
 */
#include <limits.h>
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/xattr.h>

#include "files.h"

static int in;		 /* the instance */
static char watched[64]; /* the letter of each watch descriptor */
static uint32_t last_cookie;

/* Watches a file; events are told with this letter. */
static int watch(char letter, const char *name, uint32_t mask)
{
	int wd = inotify_add_watch(in, name, mask);
	if (wd > 0 && wd < 64)
		watched[wd] = letter;
	return wd;
}

static const char *event_name(uint32_t mask)
{
	static const char *const names[] = {"access", "modify",	 "attrib",   "close-write", "close",	   "open",
					    "from",   "to",	 "create",   "delete",	    "delete-self", "move-self",
					    "?",      "unmount", "overflow", "ignored"};
	for (int i = 0; i < 16; i++)
		if ((mask & 0xffff) == 1u << i)
			return names[i];
	return "many";
}

/* All that is queued, as "LETTER event [NAME][/]" with commas between; a slash tells IN_ISDIR. */
static const char *queued(void)
{
	static char text[2048];
	static char buffer[8192] __attribute__((aligned(8)));
	size_t length = 0;
	ssize_t n;
	text[0] = 0;
	while ((n = read(in, buffer, sizeof(buffer))) > 0)
		for (ssize_t at = 0; at < n;) {
			const struct inotify_event *e = (const void *)(buffer + at);
			at += (ssize_t)sizeof(*e) + e->len;
			if (e->len % 16 || length > sizeof(text) - 300)
				return "malformed";
			if (e->mask & (IN_MOVED_FROM | IN_MOVED_TO))
				last_cookie = e->cookie;
			else if (e->cookie)
				return "a cookie";
			length +=
			    (size_t)snprintf(text + length, 300, "%s%c %s%s%s%s", length ? ", " : "",
					     e->wd > 0 && e->wd < 64 ? watched[e->wd] : '-', event_name(e->mask),
					     e->len ? " " : "", e->len ? e->name : "", e->mask & IN_ISDIR ? "/" : "");
		}
	return text;
}

/* After the action, which must hold, just these events are queued. */
#define AFTER(action, wanted) AFTER_THAT(action, wanted, #action)
#define AFTER_THAT(action, wanted, what)                                                                               \
	do {                                                                                                           \
		int watch_held = !!(action);                                                                           \
		const char *watch_text = queued();                                                                     \
		report(watch_held && !strcmp(watch_text, wanted), what ": " wanted, "line %d, %d, \"%s\"", __LINE__,   \
		       watch_held, watch_text);                                                                        \
	} while (0)

static void arguments(void)
{
	char buffer[64];
	int n, file = open("file", O_RDWR), path = open("file", O_PATH);
	struct pollfd wait = {.events = POLLIN};
	theme("inotify");
	EXPECT(EINVAL, inotify_init1(1), "a bad flag");
	EXPECT(EINVAL, inotify_init1(IN_NONBLOCK | O_APPEND), "another one");
	CHECK((in = inotify_init1(IN_CLOEXEC)) >= 0 && fcntl(in, F_GETFD) == FD_CLOEXEC &&
	      !(fcntl(in, F_GETFL) & O_NONBLOCK));
	CHECK(close(in) == 0 && (in = inotify_init1(IN_NONBLOCK)) >= 0 && (fcntl(in, F_GETFL) & O_NONBLOCK));
	EXPECT(EAGAIN, read(in, buffer, sizeof(buffer)), "nothing to read");
	wait.fd = in;
	CHECK(poll(&wait, 1, 0) == 0 && ioctl(in, FIONREAD, &n) == 0 && n == 0);
	EXPECT(EBADF, write(in, buffer, 1), "write");
	EXPECT(EBADF, inotify_add_watch(-1, "file", IN_OPEN), "a bad descriptor");
	EXPECT(EBADF, inotify_add_watch(path, "file", IN_OPEN), "a path");
	EXPECT(EINVAL, inotify_add_watch(file, "file", IN_OPEN), "another file");
	EXPECT(EINVAL, inotify_add_watch(in, "file", 0), "no events");
	EXPECT(EINVAL, inotify_add_watch(-1, "file", 0), "before a bad descriptor");
	EXPECT(EINVAL, inotify_add_watch(in, "file", 0x00010000), "an unknown event");
	EXPECT(EINVAL, inotify_add_watch(in, "file", IN_OPEN | 0x00010000), "beside a known one");
	EXPECT(EINVAL, inotify_add_watch(in, "file", IN_OPEN | IN_MASK_ADD | IN_MASK_CREATE), "both ways of adding");
	EXPECT(ENOENT, inotify_add_watch(in, "gone", IN_OPEN), "what is not there");
	EXPECT(ENOENT, inotify_add_watch(in, "", IN_OPEN), "an empty name");
	EXPECT(ENOENT, inotify_add_watch(in, "dangling", IN_OPEN), "a dangling link");
	EXPECT(ENOTDIR, inotify_add_watch(in, "file", IN_OPEN | IN_ONLYDIR), "IN_ONLYDIR of a file");
	EXPECT(ENOTDIR, inotify_add_watch(in, "to-dir", IN_OPEN | IN_ONLYDIR | IN_DONT_FOLLOW), "and of a link");
	EXPECT(EFAULT, inotify_add_watch(in, unmapped_address(), IN_OPEN), "a bad name");
	EXPECT(EINVAL, inotify_rm_watch(in, 1), "no such watch");
	EXPECT(EINVAL, inotify_rm_watch(in, -1), "a negative watch");
	EXPECT(EINVAL, inotify_rm_watch(file, 1), "a watch of another file");
	EXPECT(EBADF, inotify_rm_watch(-1, 1), "a watch of a bad descriptor");
	CHECK(close(file) == 0 && close(path) == 0);

	theme("watches");
	int wd = watch('f', "file", IN_OPEN);
	CHECK(wd == 1 && watch('f', "file", IN_OPEN) == 1 && watch('f', "to-file", IN_OPEN) == 1 &&
	      link("file", "second") == 0);
	CHECK_THAT(watch('f', "second", IN_OPEN) == 1 && unlink("second") == 0,
		   "another name of the file is the same watch");
	AFTER(watch('f', "file", IN_ACCESS) == 1 && close(open("file", O_RDONLY)) == 0, "");
	AFTER(watch('f', "file", IN_OPEN | IN_MASK_ADD) == 1 && close(open("file", O_RDONLY)) == 0, "f open");
	EXPECT(EEXIST, watch('f', "file", IN_OPEN | IN_MASK_CREATE), "IN_MASK_CREATE of a watch that is there");
	CHECK(watch('l', "to-file", IN_ATTRIB | IN_DONT_FOLLOW) == 2 &&
	      watch('d', "dir", IN_OPEN | IN_MASK_CREATE) == 3);
	AFTER(inotify_rm_watch(in, 2) == 0, "l ignored");
	EXPECT(EINVAL, inotify_rm_watch(in, 2), "removed twice");
	CHECK_THAT(watch('l', "to-file", IN_ATTRIB | IN_DONT_FOLLOW) == 4, "numbers are not used again");
	AFTER(lchown("to-file", geteuid(), getegid()) == 0, "l attrib");
	AFTER(watch('f', "file", IN_OPEN | IN_ONESHOT) == 1 && close(open("file", O_RDONLY)) == 0, "f open, f ignored");
	AFTER(close(open("file", O_RDONLY)) == 0, "");
	AFTER(inotify_rm_watch(in, 3) == 0 && inotify_rm_watch(in, 4) == 0, "d ignored, l ignored");
	if (geteuid() == 0) {
		CHECK(chmod("file", 0600) == 0 && chmod("dir", 0711) == 0);
		act_as(1000, 1000, 0);
		EXPECT(EACCES, inotify_add_watch(in, "file", IN_OPEN), "who may not read");
		EXPECT(EACCES, inotify_add_watch(in, "dir", IN_OPEN), "a directory");
		act_as_root();
		CHECK(chmod("file", 0644) == 0 && chmod("dir", 0755) == 0);
	}
	CHECK(close(in) == 0);
}

/* Events of a directory (d) and of a file in it (f). */
static void contents(void)
{
	char buffer[64];
	struct iovec vector = {buffer, 4};
	const struct timespec both[2] = {{1, 0}, {1, 0}}, access_time[2] = {{1, 0}, {0, UTIME_OMIT}},
			      change[2] = {{0, UTIME_OMIT}, {1, 0}};
	const uint32_t all = IN_ALL_EVENTS;
	int fd, other, fds[2];
	theme("events of contents");
	in = inotify_init1(IN_NONBLOCK);
	REQUIRE(make_file("dir/f", "12345678", 0644) && make_file("o", "abcdefgh", 0644) && pipe(fds) == 0);
	REQUIRE(watch('d', "dir", all) > 0 && watch('f', "dir/f", all) > 0);
	AFTER((fd = open("dir/f", O_RDWR)) >= 0, "d open f, f open");
	AFTER(read(fd, buffer, 4) == 4, "d access f, f access");
	AFTER(pread(fd, buffer, 4, 2) == 4 && preadv(fd, &vector, 1, 0) == 4,
	      "d access f, f access, d access f, f access");
	AFTER(pread(fd, buffer, 4, 100) == 0 && read(fd, buffer, 0) == 0, "");
	AFTER(write(fd, "x", 1) == 1, "d modify f, f modify");
	AFTER(pwrite(fd, "x", 1, 0) == 1 && pwritev(fd, &vector, 1, 0) == 4,
	      "d modify f, f modify, d modify f, f modify");
	AFTER(write(fd, "", 0) == 0, "");
	AFTER(ftruncate(fd, 6) == 0, "d modify f, f modify");
	AFTER(truncate("dir/f", 6) == 0, "d modify f, f modify");
	AFTER(fallocate(fd, 0, 0, 100) == 0, "d modify f, f modify");
	AFTER((other = dup(fd)) >= 0 && close(other) == 0 && fsync(fd) == 0 && lseek(fd, 0, SEEK_SET) == 0, "");
	AFTER(sendfile(fds[1], fd, NULL, 4) == 4, "d access f, f access");
	AFTER(splice(fds[0], NULL, fd, NULL, 4, 0) == 4, "d modify f, f modify");
	CHECK((other = open("o", O_RDONLY)) >= 0 && copy_file_range(other, NULL, fd, NULL, 4, 0) == 4 &&
	      close(other) == 0);
	CHECK_THAT(strstr(queued(), "d modify f, f modify"), "copy_file_range"); /* Linux 6.1 tells it twice */
	void *page = mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0);
	AFTER(page != MAP_FAILED && *(char *)page && munmap(page, 4096) == 0, "");
	AFTER(close(fd) == 0, "d close-write f, f close-write");
	AFTER(close(open("dir/f", O_RDONLY)) == 0, "d open f, f open, d close f, f close");
	CHECK(close(open("dir/f", O_RDONLY | O_TRUNC)) == 0 && strstr(queued(), "d modify f, f modify"));
	AFTER(close(open("dir/f", O_PATH)) == 0, "");
	AFTER(chmod("dir/f", 0600) == 0, "d attrib f, f attrib");
	AFTER(chown("dir/f", geteuid(), getegid()) == 0, "d attrib f, f attrib");
	AFTER(chown("dir/f", (uid_t)-1, (gid_t)-1) == 0, "");
	AFTER(utimensat(AT_FDCWD, "dir/f", NULL, 0) == 0, "d attrib f, f attrib");
	AFTER(utimensat(AT_FDCWD, "dir/f", both, 0) == 0, "d attrib f, f attrib");
	AFTER(utimensat(AT_FDCWD, "dir/f", access_time, 0) == 0, "d access f, f access");
	AFTER(utimensat(AT_FDCWD, "dir/f", change, 0) == 0, "d modify f, f modify");
	if (geteuid() == 0) {
		AFTER(setxattr("dir/f", "trusted.x", "", 0, 0) == 0, "d attrib f, f attrib");
		AFTER(removexattr("dir/f", "trusted.x") == 0, "d attrib f, f attrib");
	}
	AFTER(stat("dir/f", &(struct stat){0}) == 0 && access("dir/f", R_OK) == 0 &&
		  FAILS(open("dir/gone", O_RDONLY)) == ENOENT,
	      "");
	CHECK(close(in) == 0 && close(fds[0]) == 0 && close(fds[1]) == 0 && unlink("dir/f") == 0);
}

static void names(void)
{
	int fd;
	char buffer[256];
	uint32_t cookie;
	theme("events of names");
	in = inotify_init1(IN_NONBLOCK);
	REQUIRE(watch('d', "dir", IN_ALL_EVENTS) > 0 && watch('e', "else", IN_ALL_EVENTS) > 0);
	AFTER((fd = open("dir/f", O_CREAT | O_RDWR, 0600)) >= 0, "d create f, d open f");
	AFTER(close(fd) == 0, "d close-write f");
	AFTER(mkdir("dir/s", 0755) == 0, "d create s/");
	AFTER(make_file("dir/s/x", "", 0600) && unlink("dir/s/x") == 0, "");
	AFTER(symlink("x", "dir/l") == 0 && mkfifo("dir/p", 0600) == 0, "d create l, d create p");
	AFTER(readlink("dir/l", buffer, 8) == 1, "");
	AFTER(unlink("dir/l") == 0 && unlink("dir/p") == 0, "d delete l, d delete p");
	AFTER(link("dir/f", "dir/g") == 0, "d create g");
	AFTER((fd = open("dir", O_RDONLY)) >= 0, "d open/");
	AFTER(syscall(SYS_getdents64, fd, buffer, 256) > 0, "d access/");
	AFTER(close(fd) == 0, "d close/");
	AFTER(chmod("dir", 0700) == 0, "d attrib/");
	AFTER(rename("dir/g", "dir/h") == 0, "d from g, d to h");
	CHECK_THAT((cookie = last_cookie) != 0, "with a cookie");
	AFTER(rename("dir/h", "else/i") == 0, "d from h, e to i");
	CHECK_THAT(last_cookie && last_cookie != cookie, "another one each time");
	AFTER(rename("else/i", "o2") == 0, "e from i");
	AFTER(rename("o2", "else/i") == 0, "e to i");
	AFTER(rename("else/i", "dir/f") == 0, "");
	AFTER(unlink("else/i") == 0, "e delete i");
	AFTER(rename("dir/s", "else/t") == 0, "d from s/, e to t/");
	AFTER(make_file("else/u", "", 0600) && rename("else/u", "dir/f") == 0,
	      "e create u, e open u, e attrib u, e close-write u, e from u, d to f");
	AFTER(syscall(SYS_renameat2, AT_FDCWD, "dir/f", AT_FDCWD, "else/t", 2) == 0,
	      "d from f, e to t, e from t/, d to f/");
	AFTER(rmdir("dir/f") == 0 && unlink("else/t") == 0, "d delete f/, e delete t");
	struct stat st;
	CHECK((fd = open("dir", O_TMPFILE | O_RDWR, 0600)) >= 0 && fstat(fd, &st) == 0 && close(fd) == 0);
	snprintf(buffer, sizeof(buffer), "d open #%lu, d close-write #%lu", st.st_ino, st.st_ino);
	CHECK_THAT(!strcmp(queued(), buffer), "O_TMPFILE");
	CHECK(close(in) == 0);
}

static void selves(void)
{
	int fd, wd;
	theme("events of the file itself");
	in = inotify_init1(IN_NONBLOCK);
	REQUIRE(make_file("f", "x", 0600) && make_file("r", "y", 0600) && mkdir("s", 0755) == 0);
	REQUIRE(watch('f', "f", IN_ALL_EVENTS) > 0 && watch('s', "s", IN_ALL_EVENTS) > 0 &&
		watch('d', ".", IN_ALL_EVENTS) > 0);
	AFTER(link("f", "g") == 0, "f attrib, d create g");
	AFTER(unlink("f") == 0, "f attrib, d delete f");
	AFTER(rename("g", "f") == 0, "d from g, d to f, f move-self");
	AFTER((fd = open("f", O_RDWR)) >= 0, "d open f, f open");
	AFTER_THAT(unlink("f") == 0, "f attrib, d delete f", "unlink of what is open");
	AFTER(write(fd, "x", 1) == 1, "d modify f, f modify");
	AFTER(close(fd) == 0, "d close-write f, f close-write, f delete-self, f ignored");
	AFTER(rename("s", "t") == 0, "d from s/, d to t/, s move-self");
	AFTER(mkdir("t/u", 0700) == 0 && rmdir("t/u") == 0, "s create u/, s delete u/");
	AFTER(rmdir("t") == 0, "s delete-self, s ignored, d delete t/");
	CHECK(make_file("f", "x", 0600) && watch('f', "f", IN_ALL_EVENTS) > 0 && watch('r', "r", IN_ALL_EVENTS) > 0);
	queued();
	AFTER(rename("r", "f") == 0, "d from r, d to f, f attrib, r move-self, f delete-self, f ignored");
	AFTER(unlink("f") == 0, "r attrib, r delete-self, r ignored, d delete f");
	CHECK((wd = watch('d', ".", IN_ALL_EVENTS | IN_EXCL_UNLINK)) > 0 &&
	      (fd = open("x", O_CREAT | O_RDWR, 0600)) >= 0);
	queued();
	AFTER(unlink("x") == 0, "d delete x");
	AFTER(write(fd, "x", 1) == 1 && close(fd) == 0, "");
	CHECK(inotify_rm_watch(in, wd) == 0 && close(in) == 0);
}

static long setting(const char *name)
{
	char text[32] = "";
	int fd = open(name, O_RDONLY);
	ssize_t n = read(fd, text, 31);
	close(fd);
	return n > 0 ? atol(text) : -1;
}

static void queue(void)
{
	char buffer[8192] __attribute__((aligned(8)));
	const struct inotify_event *e = (const void *)buffer;
	int n, wd = -1, fd;
	struct pollfd wait = {.events = POLLIN};
	theme("inotify queue");
	in = inotify_init1(IN_NONBLOCK);
	wait.fd = in;
	REQUIRE(make_file("a", "", 0600) && make_file("b", "", 0600) && (wd = watch('d', ".", IN_ATTRIB)) > 0);
	CHECK(chmod("a", 0600) == 0 && poll(&wait, 1, 0) == 1 && wait.revents == POLLIN);
	CHECK(ioctl(in, FIONREAD, &n) == 0 && n == 32);
	EXPECT(EINVAL, read(in, buffer, 15), "too little for the head");
	EXPECT(EINVAL, read(in, buffer, 16), "too little for the name");
	EXPECT(EINVAL, read(in, buffer, 31), "a byte too little");
	EXPECT(EFAULT, read(in, unmapped_address(), 100), "a bad address");
	CHECK(chmod("a", 0600) == 0 && chmod("b", 0600) == 0);
	CHECK_THAT(read(in, buffer, 32) == 32 && e->wd == wd && e->mask == IN_ATTRIB && e->len == 16 &&
		       !strcmp(e->name, "a") && !e->cookie,
		   "one event");
	CHECK_THAT(read(in, buffer, 40) == 32 && !strcmp(e->name, "b"), "another one");
	EXPECT(EAGAIN, read(in, buffer, 100), "no more");
	for (int i = 0; i < 10; i++)
		chmod("a", 0600);
	CHECK_THAT(ioctl(in, FIONREAD, &n) == 0 && n == 32, "the same again is one event");
	for (int i = 0; i < 5; i++)
		chmod("b", 0600), chmod("a", 0600);
	CHECK_THAT(read(in, buffer, sizeof(buffer)) == 11 * 32, "but not with others between");
	CHECK((fd = open("nnnnnnnnnnnnnnnn", O_CREAT | O_RDWR, 0600)) >= 0 && fchmod(fd, 0600) == 0 && close(fd) == 0);
	CHECK_THAT(read(in, buffer, sizeof(buffer)) == 48 && e->len == 32, "a name of 16 bytes has 32 bytes");
	CHECK(unlink("nnnnnnnnnnnnnnnn") == 0);
	long most = setting("/proc/sys/fs/inotify/max_queued_events"), events = 0;
	CHECK(setting("/proc/sys/fs/inotify/max_user_watches") > 0 &&
	      setting("/proc/sys/fs/inotify/max_user_instances") > 0);
	if (most > 0 && most <= 65536) {
		for (long i = 0; i < most / 2 + 50; i++)
			chmod("a", 0600), chmod("b", 0600);
		ssize_t got;
		uint32_t mask = 0;
		int32_t from = 0;
		while ((got = read(in, buffer, sizeof(buffer))) > 0)
			for (ssize_t at = 0; at < got; events++) {
				e = (const void *)(buffer + at);
				mask = e->mask;
				from = e->wd;
				at += (ssize_t)sizeof(*e) + e->len;
			}
		CHECK_THAT(mask == IN_Q_OVERFLOW && from == -1 && events == most + 1,
			   "a full queue ends with IN_Q_OVERFLOW");
		AFTER(chmod("a", 0600) == 0, "d attrib a");
	}
	pid_t pid = fork_child();
	if (pid == 0) {
		until_parent_asleep();
		_exit(chmod("b", 0600) ? 1 : 0);
	}
	CHECK(fcntl(in, F_SETFL, 0) == 0 && read(in, buffer, sizeof(buffer)) == 32 &&
	      !strcmp(((struct inotify_event *)(void *)buffer)->name, "b"));
	CHECK_THAT(wait_for(pid) == 0, "a blocking read is woken");
	CHECK(close(in) == 0);
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	theme("inotify");
	REQUIRE(make_file("file", "12345", 0644) && mkdir("dir", 0755) == 0 && symlink("file", "to-file") == 0 &&
		mkdir("else", 0755) == 0);
	REQUIRE(symlink("dir", "to-dir") == 0 && symlink("gone", "dangling") == 0);
	arguments();
	contents();
	names();
	selves();
	queue();
	return finish();
}
