/* SPDX-License-Identifier: Apache-2.0
 * Descriptors of files: dup2, dup3, F_DUPFD, their limit, F_GETFL and F_SETFL, close_range.
 * area: Files
 */
#include <sys/resource.h>

#include "files.h"

static int is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

static int limit_files(rlim_t n)
{
	struct rlimit limit;
	return getrlimit(RLIMIT_NOFILE, &limit) == 0 && (limit.rlim_cur = n) && setrlimit(RLIMIT_NOFILE, &limit) == 0;
}

static void descriptors(void)
{
	theme("descriptors");
	int fd = open("file", O_RDWR | O_CLOEXEC), pipe_fds[2];
	REQUIRE(fd >= 0 && pipe(pipe_fds) == 0);
	EXPECT(EINVAL, dup3(fd, fd, 0), "dup3 to itself");
	EXPECT(EINVAL, dup3(-1, -1, 0), "dup3 of a bad one to itself");
	EXPECT(EINVAL, dup3(fd, 100, O_APPEND), "dup3 with another flag");
	EXPECT(EBADF, dup3(99, 100, 0), "dup3 of a closed one");
	EXPECT(EBADF, dup3(fd, -1, 0), "dup3 to -1");
	EXPECT(EBADF, dup3(fd, 1 << 30, 0), "dup3 beyond the limit");
	EXPECT(EBADF, dup2(fd, 1 << 30), "dup2 beyond the limit");
	EXPECT(EBADF, dup2(99, 99), "dup2 of a closed one to itself");
	CHECK(dup2(fd, fd) == fd && fcntl(fd, F_GETFD) == FD_CLOEXEC);
	CHECK(dup3(fd, 100, O_CLOEXEC) == 100 && fcntl(100, F_GETFD) == FD_CLOEXEC);
	CHECK(dup2(fd, 100) == 100 && fcntl(100, F_GETFD) == 0);
	CHECK_THAT(lseek(100, 3, SEEK_SET) == 3 && lseek(fd, 0, SEEK_CUR) == 3, "duplicates share the position");
	CHECK(fcntl(fd, F_DUPFD, 100) == 101 && fcntl(101, F_GETFD) == 0);
	CHECK(fcntl(fd, F_DUPFD_CLOEXEC, 0) >= 0 && is_open(100));
	EXPECT(EINVAL, fcntl(fd, F_DUPFD, -1), "F_DUPFD from -1");
	EXPECT(EINVAL, fcntl(fd, F_DUPFD, 1 << 30), "F_DUPFD from beyond the limit");
	EXPECT(EBADF, fcntl(99, F_DUPFD, 0), "F_DUPFD of a closed one");
	EXPECT(EBADF, fcntl(99, F_DUPFD, -1), "even from -1");
	EXPECT(EINVAL, fcntl(fd, 12345, 0), "an unknown command");
	CHECK_IN_CHILD_THAT(limit_files(40) && fcntl(fd, F_DUPFD, 40) == -1 && errno == EINVAL,
			    "F_DUPFD from the limit: EINVAL");
	CHECK_IN_CHILD_THAT(limit_files(40) && fcntl(fd, F_DUPFD, 39) == 39 && fcntl(fd, F_DUPFD, 39) == -1 &&
				errno == EMFILE,
			    "F_DUPFD when none is left: EMFILE");
	CHECK_IN_CHILD_THAT(limit_files(40) && dup2(fd, 39) == 39 && dup2(fd, 40) == -1 && errno == EBADF,
			    "dup2 at the limit: EBADF");
	CHECK_IN_CHILD_THAT(limit_files(3) && open("file", O_RDONLY) == -1 && errno == EMFILE, "open: EMFILE");
	CHECK_IN_CHILD_THAT(limit_files(3) && open("not-made", O_RDWR | O_CREAT, 0600) == -1 && errno == EMFILE &&
				!exists("not-made"),
			    "nothing is made then");
	CHECK_IN_CHILD_THAT(limit_files(3) && read(100, NULL, 0) == 0, "what is above the limit stays open");

	theme("F_SETFL");
	int flags = fcntl(fd, F_GETFL);
	CHECK_THAT(flags == (O_RDWR | 0100000), "F_GETFL: the access mode and O_LARGEFILE");
	CHECK(fcntl(fd, F_SETFL, O_APPEND | O_NONBLOCK) == 0 && fcntl(fd, F_GETFL) == (flags | O_APPEND | O_NONBLOCK));
	CHECK_THAT(fcntl(100, F_GETFL) == (flags | O_APPEND | O_NONBLOCK), "of all duplicates");
	CHECK_THAT(fcntl(fd, F_SETFL, O_WRONLY | O_CREAT | O_TRUNC | O_SYNC | O_CLOEXEC) == 0 &&
		       fcntl(fd, F_GETFL) == flags,
		   "other flags do not change");
	CHECK(fcntl(fd, F_SETFL, O_NOATIME) == 0 && fcntl(fd, F_GETFL) == (flags | O_NOATIME));
	CHECK(fcntl(fd, F_SETFL, 0) == 0 && fcntl(fd, F_GETFL) == flags);
	EXPECT(EBADF, fcntl(99, F_SETFL, 0), "of a closed one");
	CHECK(fcntl(pipe_fds[0], F_GETFL) == O_RDONLY && fcntl(pipe_fds[1], F_GETFL) == O_WRONLY);
	CHECK(fcntl(pipe_fds[0], F_SETFL, O_NONBLOCK) == 0);
	EXPECT(EAGAIN, read(pipe_fds[0], &flags, 1), "O_NONBLOCK counts at once");
	int synced = open("file", O_WRONLY | O_SYNC | O_NOCTTY | O_EXCL | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
	EXPECT(EBADF, fcntl(synced, F_GETFL), "what O_EXCL refused");
	synced = open("file", O_WRONLY | O_SYNC | O_NOCTTY | O_TRUNC | O_CREAT | O_CLOEXEC, 0600);
	CHECK_THAT(fcntl(synced, F_GETFL) == (O_WRONLY | O_SYNC | 0100000), "flags of the open alone are not told");
	close(synced);
	synced = open("file", O_WRONLY | O_DSYNC);
	CHECK(fcntl(synced, F_GETFL) == (O_WRONLY | O_DSYNC | 0100000) && close(synced) == 0);

	theme("close_range");
	for (int i = 110; i < 120; i++)
		dup2(fd, i);
	EXPECT(EINVAL, close_range(112, 111, 0), "the wrong way round");
	EXPECT(EINVAL, close_range(110, 119, 1), "a bad flag");
	EXPECT(EINVAL, close_range(110, 119, 8 | CLOSE_RANGE_CLOEXEC), "a bad flag with a good one");
	CHECK_THAT(is_open(110) && is_open(119), "nothing was closed");
	CHECK(close_range(111, 112, 0) == 0 && is_open(110) && !is_open(111) && !is_open(112) && is_open(113));
	CHECK_THAT(close_range(111, 112, 0) == 0, "of what is closed already");
	CHECK(close_range(113, 114, CLOSE_RANGE_CLOEXEC) == 0 && fcntl(113, F_GETFD) == 1 && fcntl(115, F_GETFD) == 0);
	CHECK_IN_CHILD(close_range(115, ~0U, CLOSE_RANGE_UNSHARE) == 0 && !is_open(119) && is_open(113));
	CHECK_IN_CHILD(close_range(115, 116, CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC) == 0 &&
		       fcntl(116, F_GETFD) == FD_CLOEXEC && fcntl(117, F_GETFD) == 0);
	CHECK(fcntl(115, F_GETFD) == 0 && close_range(100, ~0U, 0) == 0 && !is_open(100) && !is_open(119));
	CHECK_THAT(close_range(1 << 29, ~0U, 0) == 0, "where none can be");
	CHECK(close(fd) == 0 && close(pipe_fds[0]) == 0 && close(pipe_fds[1]) == 0);
}

int main(void)
{
	limit_seconds(60);
	enter_scratch();
	theme("descriptors");
	REQUIRE(make_file("file", "12345", 0644));
	descriptors();
	return finish();
}
