/* SPDX-License-Identifier: Apache-2.0
 * What whole programs and their test suites relied on and did not find.
 * area: System
 */
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/mman.h>
#include <sys/wait.h>

#include "probe.h"

#define PAGES	   4000L /* as many mappings: their smaps is longer than 2 MiB */
#define LONG_ARGS  10
#define LONG_BYTES 120000

/* ---- texts of /proc that are long ---- */

struct found {
	unsigned lines; /* that begin a mapping in the area */
	bool in_order;
};

static struct found read_maps(const char *path, const char *area)
{
	struct found f = {0, true};
	FILE *maps = fopen(path, "r");
	char line[4500];
	unsigned long last = 0, start, end;
	while (maps && fgets(line, sizeof(line), maps)) {
		if (sscanf(line, "%lx-%lx ", &start, &end) != 2)
			continue;
		f.in_order = f.in_order && start >= last;
		last = end;
		f.lines += start >= (unsigned long)area && end <= (unsigned long)area + PAGES * PAGE;
	}
	if (maps)
		fclose(maps);
	return f;
}

/* Bytes at an offset, read without a look at what is before, are those that a reader from the beginning gets. */
static bool same_anywhere(const char *path)
{
	static char whole[1 << 20];
	char part[1000];
	int fd = open(path, O_RDONLY);
	size_t length = 0;
	bool same = fd >= 0;
	for (ssize_t n; length < sizeof(whole) && (n = read(fd, whole + length, sizeof(whole) - length)) > 0;)
		length += (size_t)n;
	for (size_t at = length > 2000 ? length - 2000 : 0; same && at > 40000; at -= 39999)
		same = pread(fd, part, sizeof(part), (off_t)at) > 0 && !memcmp(part, whole + at, 1);
	same = same && lseek(fd, 0, SEEK_SET) == 0 && read(fd, part, 500) == 500 && !memcmp(part, whole, 500);
	if (fd >= 0)
		close(fd);
	return same && length > 100000;
}

static void long_maps(void)
{
	char *area = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	theme("long texts of /proc");
	REQUIRE(area != MAP_FAILED);
	for (unsigned i = 0; i < PAGES; i += 2)
		mprotect(area + i * PAGE, PAGE, PROT_READ);
	struct found maps = read_maps("/proc/self/maps", area), smaps = read_maps("/proc/self/smaps", area);
	/* The first or last may have merged with a neighbour. */
	CHECK_THAT(maps.lines >= PAGES - 2 && maps.lines <= PAGES && maps.in_order, "maps has each of many mappings");
	CHECK_THAT(smaps.lines == maps.lines && smaps.in_order, "smaps has them too");
	CHECK_THAT(same_anywhere("/proc/self/maps"), "maps is the same wherever a reader begins");
	munmap(area, PAGES * PAGE);
}

/* The program anew, with many bytes of arguments. */
static bool with_long_arguments(void)
{
	static char bytes[LONG_ARGS][LONG_BYTES];
	char *argv[LONG_ARGS + 3] = {"programs_found", "arguments"};
	for (int i = 0; i < LONG_ARGS; i++) {
		memset(bytes[i], 'a' + i, LONG_BYTES - 1);
		argv[i + 2] = bytes[i];
	}
	execv("/proc/self/exe", argv);
	return false;
}

static int arguments(char **argv)
{
	static char text[LONG_ARGS * LONG_BYTES + 1000];
	const char *at = text;
	size_t length = 0;
	int fd = open("/proc/self/cmdline", O_RDONLY);
	for (ssize_t n; (n = read(fd, text + length, sizeof(text) - length)) > 0;)
		length += (size_t)n;
	for (; *argv; at += strlen(at) + 1, argv++)
		if (at >= text + length || strcmp(at, *argv))
			return 1;
	return at != text + length;
}

/* ---- job control, as bash sees it ---- */

static volatile sig_atomic_t child_status;

static void reap(int sig)
{
	int status;
	while (waitpid(-1, &status, WNOHANG | WUNTRACED | WCONTINUED) > 0)
		child_status = status;
}

/* What the parent's handler of SIGCHLD gets to know first, once a stopped child was continued; 0: nothing in 10 s. A
 * signal that waits until then is sent before. */
static int told_after_continuing(int waiting)
{
	pid_t pid = fork_child();
	int status;
	if (pid == 0)
		for (;;)
			pause();
	if (kill(pid, SIGSTOP) || waitpid(pid, &status, WUNTRACED) != pid || !WIFSTOPPED(status))
		return 0;
	child_status = 0;
	signal(SIGCHLD, reap);
	if (waiting)
		kill(pid, waiting);
	kill(pid, SIGCONT);
	for (int i = 0; i < 10000 && !child_status; i++)
		usleep(1000);
	status = child_status;
	signal(SIGCHLD, SIG_DFL);
	if (kill(pid, SIGKILL) == 0)
		waitpid(pid, NULL, 0);
	return status;
}

static void jobs(void)
{
	theme("jobs");
	CHECK_THAT(WIFCONTINUED(told_after_continuing(0)), "SIGCHLD tells of a child that was continued");
	/* Its end may come too late for the handler on a machine with several CPUs. */
	CHECK_SOON(WIFSIGNALED(told_after_continuing(SIGTERM)), "of one that a waiting signal ends, its end alone");
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return arguments(argv);
	long_maps();
	CHECK_IN_CHILD_THAT(with_long_arguments(), "cmdline has arguments of more than a mebibyte");
	jobs();
	return finish();
}
