/* SPDX-License-Identifier: Apache-2.0
 *
 * What a program sees of mapped files: mapping digest FILE... | probe FILE | out FILE | watch FILE | copies FILE |
 * parts FILE | pipe FILE | copy FILE | give FILE | all DIRECTORY
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define PAGE  4096
#define HUGE  (2u << 20) /* mappings begin at a multiple */
#define WATCH 15	 /* seconds */

struct mapped {
	unsigned char *at;
	size_t size;
	int fd;
};

static void die(const char *what)
{
	perror(what);
	exit(1);
}

static struct mapped map(const char *path, int prot)
{
	struct mapped m = {.fd = open(path, O_RDONLY)};
	struct stat st;
	if (m.fd < 0 || fstat(m.fd, &st))
		die(path);
	m.size = (size_t)st.st_size;
	m.at = mmap(NULL, m.size + HUGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (m.at == MAP_FAILED)
		die("mmap");
	m.at = (unsigned char *)(((uintptr_t)m.at + HUGE - 1) & ~(uintptr_t)(HUGE - 1));
	m.at = mmap(m.at, m.size, prot, MAP_PRIVATE | MAP_FIXED, m.fd, 0);
	if (m.at == MAP_FAILED)
		die("mmap");
	return m;
}

static uint64_t digest_of(uint64_t hash, const unsigned char *bytes, size_t count)
{
	for (size_t i = 0; i < count; i++)
		hash = (hash ^ bytes[i]) * 0x100000001b3ull;
	return hash;
}

/* Mapped and read, and the zeroes behind the end. */
static void digest(const char *path)
{
	static unsigned char buffer[100000];
	struct mapped m = map(path, PROT_READ);
	size_t behind = (PAGE - m.size % PAGE) % PAGE;
	uint64_t read_hash = 1;
	ssize_t n;
	printf("%016llx", (unsigned long long)digest_of(1, m.at, m.size + behind));
	while ((n = read(m.fd, buffer, sizeof(buffer))) > 0)
		read_hash = digest_of(read_hash, buffer, (size_t)n);
	printf(" %016llx %zu\n", (unsigned long long)read_hash, m.size);
	munmap(m.at, m.size);
	close(m.fd);
}

/* As a dynamic linker does it: a little of the beginning, then parts at odd places. */
static void probe(const char *path)
{
	unsigned char head[832];
	int fd = open(path, O_RDONLY);
	if (fd < 0 || read(fd, head, sizeof(head)) != sizeof(head))
		die(path);
	printf("%016llx", (unsigned long long)digest_of(1, head, sizeof(head)));
	for (off_t at = 3 * PAGE + 5; pread(fd, head, 100, at) == 100; at += 77 * PAGE)
		printf(" %02x%02x", head[0], head[99]);
	putchar('\n');
	close(fd);
}

/* Writes to a private mapping: the file's own pages stay as they are, also for a child. */
static void copies(const char *path)
{
	struct mapped m = map(path, PROT_READ | PROT_WRITE), other = map(path, PROT_READ);
	for (size_t at = 0; at < m.size; at += 3 * PAGE)
		m.at[at] ^= 0xff;
	for (size_t at = 0; at < m.size; at++)
		if (m.at[at] != (other.at[at] ^ (at % (3 * PAGE) ? 0 : 0xff))) {
			printf("differs at %zu\n", at);
			exit(1);
		}
	pid_t child = fork();
	if (child == 0) {
		memset(m.at, 0, m.size);
		_exit(digest_of(1, other.at, other.size) & 0x7f);
	}
	int status;
	if (child < 0 || waitpid(child, &status, 0) != child)
		die("fork");
	puts(WEXITSTATUS(status) == (int)(digest_of(1, other.at, other.size) & 0x7f) && m.at[PAGE] == other.at[PAGE]
		 ? "private"
		 : "wrong");
}

static void see(const char *what, const struct mapped *m, size_t from, size_t to)
{
	printf("%s %016llx\n", what, (unsigned long long)digest_of(1, m->at + from, to - from));
	fflush(stdout);
}

static void must(bool done, const char *what)
{
	if (!done)
		die(what);
}

/* Processes that share a mapping of some 2 MiB blocks, each of which changes parts of its own. */
static void parts(const char *path)
{
	struct mapped m = map(path, PROT_READ), again = map(path, PROT_READ);
	size_t middle = HUGE + 7 * PAGE, end = 2 * HUGE;
	int pipes[2], status;
	must(m.size >= end + PAGE, "size");
	see("whole", &m, 0, m.size);
	see("again", &again, 0, m.size);
	for (int kind = 0; kind < 7; kind++) {
		pid_t child = fork();
		if (child == 0) {
			unsigned char *other = NULL;
			switch (kind) {
			case 0: /* a page in the middle goes */
				must(!munmap(m.at + middle, PAGE) && !pipe(pipes), "munmap");
				must(write(pipes[1], m.at + middle, 1) < 0 && errno == EFAULT, "hole");
				break;
			case 1: /* another is written to */
				must(!mprotect(m.at + middle, PAGE, PROT_READ | PROT_WRITE), "mprotect");
				m.at[middle] ^= 1;
				must(m.at[middle] == (again.at[middle] ^ 1), "write");
				m.at[middle] ^= 1;
				break;
			case 2: /* all becomes inaccessible, then readable */
				must(!mprotect(m.at, m.size, PROT_NONE) && !pipe(pipes), "mprotect");
				must(write(pipes[1], m.at + middle, 1) < 0 && errno == EFAULT, "no access");
				must(!mprotect(m.at, m.size, PROT_READ), "mprotect");
				break;
			case 3: /* a block moves */
				other = mremap(m.at + HUGE, HUGE, HUGE, MREMAP_MAYMOVE | MREMAP_FIXED, again.at);
				must(other == again.at, "mremap");
				must(!memcmp(other, again.at + HUGE, HUGE), "moved");
				middle = HUGE;
				break;
			case 4: /* all is given up, and comes back */
				must(!madvise(m.at, m.size, MADV_DONTNEED), "madvise");
				break;
			case 5: /* an anonymous page takes the place of one */
				must(mmap(m.at + middle, PAGE, PROT_READ | PROT_WRITE,
					  MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0) == m.at + middle,
				     "mmap");
				must(m.at[middle] == 0, "zero");
				m.at[middle] = 1;
				break;
			default: /* a child's child still has all of it */
				if (fork() == 0) {
					see("grandchild", &m, 0, m.size);
					_exit(0);
				}
				wait(NULL);
			}
			see("before", &m, 0, middle);
			see("behind", &m, end, m.size);
			must(kind == 3 || !memcmp(m.at + middle + PAGE, again.at + middle + PAGE, end - middle - PAGE),
			     "rest");
			_exit(kind);
		}
		must(child > 0 && waitpid(child, &status, 0) == child, "fork");
		printf("child %d\n", WEXITSTATUS(status));
		see("parent", &m, 0, m.size);
	}
}

static void out(const char *path)
{
	struct mapped m = map(path, PROT_READ);
	for (size_t done = 0; done < m.size;) {
		ssize_t n = write(1, m.at + done, m.size - done);
		if (n < 0)
			die("write");
		done += (size_t)n;
	}
}

/* The mapping's pages through a pipe, by splice, to standard output. */
static void through_pipe(const char *path)
{
	struct mapped m = map(path, PROT_READ);
	int pipes[2];
	volatile unsigned char touched = 0;
	for (size_t at = 0; at < m.size; at += PAGE)
		touched ^= m.at[at];
	if (pipe(pipes))
		die("pipe");
	for (ssize_t n; (n = splice(m.fd, NULL, pipes[1], NULL, 65536, 0)) != 0;) {
		if (n < 0)
			die("splice in");
		for (ssize_t done = 0, k; done < n; done += k)
			if ((k = splice(pipes[0], NULL, 1, NULL, (size_t)(n - done), 0)) <= 0)
				die("splice out");
	}
}

static const struct mapped *watched;

static void on_bus(int signo, siginfo_t *info, void *context)
{
	printf("SIGBUS %d page %zu\n", info->si_code, ((size_t)info->si_addr - (size_t)watched->at) / PAGE);
	fflush(stdout);
	_exit(3);
}

/* Looks at all pages again and again until one is gone. */
static void watch(const char *path)
{
	struct mapped m = map(path, PROT_READ);
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	volatile unsigned char sum = 0;
	time_t end = time(NULL) + WATCH;
	watched = &m;
	sigaction(SIGBUS, &action, NULL);
	for (int round = 0; time(NULL) < end; round++) {
		for (size_t at = 0; at < m.size; at += PAGE)
			sum ^= m.at[at];
		if (round == 0)
			puts("ready");
		fflush(stdout);
		usleep(1000);
	}
	puts("nothing happened");
}

/* Touches all pages, says so, waits for a byte; then page 30 is gone, and the first to notice is ... */
static struct mapped await_loss(const char *path)
{
	struct mapped m = map(path, PROT_READ | PROT_WRITE);
	volatile unsigned char sum = 0;
	char byte;
	for (size_t at = 0; at < m.size; at += PAGE)
		sum ^= m.at[at];
	puts("ready");
	fflush(stdout);
	if (read(0, &byte, 1) != 1)
		die("read");
	return m;
}

/* ... the kernel, which copies the page because it is written to ... */
static void copy(const char *path)
{
	static struct mapped m;
	struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO};
	m = await_loss(path);
	watched = &m;
	sigaction(SIGBUS, &action, NULL);
	m.at[30 * PAGE] = 1;
	puts("nothing happened");
}

/* ... or reads it for a write(2). */
static void give(const char *path)
{
	struct mapped m = await_loss(path);
	int pipes[2];
	if (pipe(pipes))
		die("pipe");
	ssize_t n = write(pipes[1], m.at + 30 * PAGE, PAGE);
	printf("write %zd %s\n", n, n < 0 && errno == EFAULT ? "EFAULT" : "");
}

/* Keeps all files of a directory mapped, then looks at each once more. */
static void all(const char *path)
{
	static struct mapped m[4096];
	static uint64_t first[4096];
	unsigned n = 0;
	DIR *dir = opendir(path);
	if (!dir || chdir(path))
		die(path);
	for (struct dirent *e; (e = readdir(dir)) && n < 4096;)
		if (e->d_type == DT_REG) {
			m[n] = map(e->d_name, PROT_READ);
			first[n] = digest_of(1, m[n].at, m[n].size);
			close(m[n++].fd);
		}
	uint64_t total = 0;
	for (unsigned i = 0; i < n; i++) {
		if (digest_of(1, m[i].at, m[i].size) != first[i])
			printf("%u changed\n", i);
		total += first[i];
	}
	printf("%u files %016llx\n", n, (unsigned long long)total);
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(const char *path);
	} commands[] = {{"digest", digest},	{"probe", probe}, {"copies", copies}, {"out", out},   {"watch", watch},
			{"pipe", through_pipe}, {"all", all},	  {"copy", copy},     {"give", give}, {"parts", parts}};
	for (size_t i = 0; i < sizeof(commands) / sizeof(commands[0]) && argc > 2; i++)
		if (!strcmp(argv[1], commands[i].name)) {
			for (int arg = 2; arg < argc; arg++)
				commands[i].run(argv[arg]);
			return 0;
		}
	return 2;
}
