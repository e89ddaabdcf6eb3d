/* SPDX-License-Identifier: Apache-2.0
 * The times of files: what is set to "now" by one call is one moment, which find(1) -used relies on.
 * area: Files
 */
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/time.h>

#include "probe.h"

static char path[] = "/tmp/times-XXXXXX";
static struct stat st;

static int same(const struct timespec *a, const struct timespec *b)
{
	return a->tv_sec == b->tv_sec && a->tv_nsec == b->tv_nsec;
}

static int now_set(void)
{
	return stat(path, &st) == 0 && same(&st.st_atim, &st.st_mtim) && same(&st.st_mtim, &st.st_ctim);
}

static int set(long atime_ns, long mtime_ns)
{
	struct timespec times[2] = {{1000, atime_ns}, {2000, mtime_ns}};
	return utimensat(AT_FDCWD, path, times, 0) == 0 && stat(path, &st) == 0;
}

int main(void)
{
	theme("times of files");
	int fd = mkstemp(path);
	CHECK_THAT(now_set(), "a new file: all are one moment");
	usleep(20000);
	CHECK_THAT(utimensat(AT_FDCWD, path, NULL, 0) == 0 && now_set(), "utimensat(NULL)");
	CHECK_THAT(futimens(fd, NULL) == 0 && now_set(), "futimens(NULL)");
	CHECK_THAT(utimes(path, NULL) == 0 && now_set(), "utimes(NULL)");
	CHECK_THAT(set(UTIME_NOW, UTIME_NOW) && now_set(), "UTIME_NOW twice");
	CHECK_THAT(set(UTIME_NOW, 5) && same(&st.st_atim, &st.st_ctim) && st.st_mtim.tv_sec == 2000 &&
		       st.st_mtim.tv_nsec == 5,
		   "UTIME_NOW for atime");
	CHECK_THAT(set(7, UTIME_NOW) && same(&st.st_mtim, &st.st_ctim) && st.st_atim.tv_sec == 1000, "and for mtime");
	CHECK_THAT(set(8, 9) && set(UTIME_OMIT, UTIME_NOW) && st.st_atim.tv_nsec == 8 && same(&st.st_mtim, &st.st_ctim),
		   "UTIME_OMIT leaves one");
	CHECK(write(fd, "x", 1) == 1 && stat(path, &st) == 0 && same(&st.st_mtim, &st.st_ctim));
	CHECK(close(fd) == 0 && unlink(path) == 0);
	return finish();
}
