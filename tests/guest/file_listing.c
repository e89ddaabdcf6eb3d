/* SPDX-License-Identifier: Apache-2.0
 * Listing directories: getdents64 and getdents, buffers of any size, positions, changes while it is read, many entries.
 * area: Files
 */
#include <stddef.h>

#include "files.h"

enum { MANY = 10000 };

struct entry64 {
	uint64_t ino;
	int64_t next;
	unsigned short length;
	unsigned char type;
	char name[];
};

struct entry_old {
	unsigned long ino, next;
	unsigned short length;
	char name[];
};

static char buffer[65536];
static unsigned char seen[MANY];

static long list(int fd, size_t size)
{
	return syscall(SYS_getdents64, fd, buffer, size);
}

/* The entry of this name in what was just listed. */
static const struct entry64 *find(long bytes, const char *name)
{
	for (long at = 0; at < bytes;) {
		const struct entry64 *e = (const void *)(buffer + at);
		if (!strcmp(e->name, name))
			return e;
		at += e->length;
	}
	return NULL;
}

/* Reads on to the end with this size; how many entries came, each well-formed; -errno. */
static long count(int fd, size_t size)
{
	long total = 0, n;
	while ((n = list(fd, size)) > 0)
		for (long at = 0; at < n; total++) {
			const struct entry64 *e = (const void *)(buffer + at);
			if (e->length % 8 || e->length < 24 || at + e->length > n || !e->ino || !e->name[0])
				return -1000;
			at += e->length;
		}
	return n < 0 ? -errno : total;
}

static void errors(void)
{
	theme("getdents");
	REQUIRE(mkdir("d", 0755) == 0 && make_file("d/file", "x", 0644) && mkdir("d/dir", 0755) == 0 &&
		mkfifo("d/fifo", 0600) == 0);
	REQUIRE(symlink("x", "d/link") == 0 && mknod("d/socket", S_IFSOCK | 0600, 0) == 0 && mkdir("empty", 0755) == 0);
	int fd = open("d", O_RDONLY), file = open("d/file", O_RDWR), pipes[2];
	long n;
	EXPECT(ENOTDIR, list(file, 1024), "of a file");
	EXPECT(EBADF, list(-1, 1024), "of a bad descriptor");
	CHECK(pipe(pipes) == 0 && FAILS(list(pipes[0], 1024)) == ENOTDIR && close(pipes[0]) == 0 &&
	      close(pipes[1]) == 0);
	EXPECT(EINVAL, list(fd, 0), "no room");
	EXPECT(EINVAL, list(fd, 23), "too little for one");
	EXPECT(EFAULT, syscall(SYS_getdents64, fd, unmapped_address(), 1024), "a bad address");
	EXPECT(EFAULT, syscall(SYS_getdents, fd, unmapped_address(), 1024), "getdents to a bad address");
	EXPECT(EISDIR, read(fd, buffer, 10), "read of a directory");
	EXPECT(EBADF, write(fd, buffer, 10), "write of a directory");
	EXPECT(EINVAL, ftruncate(fd, 0), "ftruncate of a directory");
	EXPECT(EISDIR, truncate("d", 0), "truncate of a directory");
	EXPECT(0, fsync(fd), "fsync of a directory");
	CHECK_THAT(list(fd, 24) == 24 && !strcmp(((struct entry64 *)(void *)buffer)->name, "."), "room for .");
	CHECK(list(fd, 24) == 24 && !strcmp(((struct entry64 *)(void *)buffer)->name, ".."));
	CHECK((n = list(fd, sizeof(buffer))) > 0 && !find(n, ".") && find(n, "file") && list(fd, sizeof(buffer)) == 0);
	CHECK_THAT(list(fd, 0) == 0, "at the end no room is needed");
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && (n = list(fd, sizeof(buffer))) > 0);
	static const struct {
		const char *name;
		unsigned char type;
	} types[] = {{".", DT_DIR},	{"..", DT_DIR},	  {"file", DT_REG},   {"dir", DT_DIR},
		     {"fifo", DT_FIFO}, {"link", DT_LNK}, {"socket", DT_SOCK}};
	for (size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
		char path[32];
		const struct entry64 *e = find(n, types[i].name);
		snprintf(path, sizeof(path), "d/%s", types[i].name);
		CHECKF(e && e->type == types[i].type && e->ino == inode_of(path), "type and number of %s",
		       types[i].name);
	}
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && (n = syscall(SYS_getdents, fd, buffer, sizeof(buffer))) > 0);
	const struct entry_old *e = (const void *)buffer;
	CHECK_THAT(!strcmp(e->name, ".") && buffer[e->length - 1] == DT_DIR && e->ino == inode_of("d"), "getdents");
	EXPECT(EINVAL, lseek(fd, -1, SEEK_SET), "a negative position");
	EXPECT(EINVAL, lseek(fd, 0, 77), "an unknown direction");
	EXPECT(EINVAL, lseek(fd, 0, SEEK_DATA), "SEEK_DATA");
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && count(fd, sizeof(buffer)) == 7);
	CHECK((n = lseek(fd, 0, SEEK_CUR)) > 0 && lseek(fd, n, SEEK_SET) == n && list(fd, sizeof(buffer)) == 0);
	int other = dup(fd), again = open("d", O_RDONLY);
	CHECK_THAT(lseek(other, 0, SEEK_SET) == 0 && count(fd, 48) == 7 && list(other, 1024) == 0,
		   "a duplicate shares the position");
	CHECK_THAT(count(again, sizeof(buffer)) == 7, "another description does not");
	CHECK(close(other) == 0 && close(again) == 0 && close(file) == 0 && close(fd) == 0);
	CHECK((fd = open("empty", O_RDONLY)) >= 0 && count(fd, sizeof(buffer)) == 2 && rmdir("empty") == 0);
	EXPECT(ENOENT, list(fd, sizeof(buffer)), "of a directory that is gone");
	CHECK(close(fd) == 0);
}

/* A program that removes what it lists, or makes files meanwhile, sees each old entry once. */
static void changes(void)
{
	char name[32];
	theme("directories that change");
	REQUIRE(mkdir("c", 0755) == 0);
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof(name), "c/%d", i);
		NEED(make_file(name, "", 0600));
	}
	int fd = open("c", O_RDONLY), removed = 0, twice = 0, made = 0;
	long n;
	memset(seen, 0, sizeof(seen));
	while ((n = list(fd, 200)) > 0)
		for (long at = 0; at < n;) {
			const struct entry64 *e = (const void *)(buffer + at);
			at += e->length;
			if (e->name[0] == '.' || e->name[0] == 'n')
				continue;
			twice += seen[atoi(e->name)]++;
			snprintf(name, sizeof(name), "c/%.20s", e->name);
			removed += unlink(name) == 0;
			if (made < 50) {
				snprintf(name, sizeof(name), "c/new%d", made++);
				make_file(name, "", 0600);
			}
		}
	CHECK_THAT(n == 0 && removed == 300 && twice == 0, "all are found while they are removed and others made");
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && count(fd, 4096) == 52);
	CHECK_THAT(make_file("c/later", "", 0600) && lseek(fd, 0, SEEK_SET) == 0 && count(fd, 100) == 53,
		   "a later entry is seen after a rewind");
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && list(fd, 24) == 24 && list(fd, 24) == 24);
	CHECK_THAT((n = list(fd, sizeof(buffer))) > 0 && find(n, "later") && find(n, "new0") && find(n, "new49"),
		   "all after . and ..");
	long end = lseek(fd, 0, SEEK_CUR);
	CHECK(rename("c/later", "c/latest") == 0 && lseek(fd, 0, SEEK_SET) == 0 && (n = list(fd, sizeof(buffer))) > 0);
	CHECK(find(n, "latest") && !find(n, "later") && lseek(fd, end, SEEK_SET) == end);
	/* Every position that was told leads to the entry after it. */
	static struct entry64 *entry[64];
	static char copy[8192];
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && (n = list(fd, sizeof(copy))) > 0);
	memcpy(copy, buffer, (size_t)n);
	int entries = 0, right = 0;
	for (long at = 0; at < n && entries < 64; at += entry[entries++]->length)
		entry[entries] = (void *)(copy + at);
	for (int i = entries - 2; i >= 0; i--)
		right += lseek(fd, entry[i]->next, SEEK_SET) == entry[i]->next && list(fd, sizeof(buffer)) > 0 &&
			 !strcmp(((struct entry64 *)(void *)buffer)->name, entry[i + 1]->name);
	CHECK_THAT(entries == 53 && right == entries - 1, "each position leads back to its place");
	CHECK(close(fd) == 0);
}

static void many(void)
{
	char name[32];
	int made = 0, removed = 0;
	long n, total = 0, wrong = 0;
	theme("10,000 entries");
	REQUIRE(mkdir("many", 0755) == 0 && chdir("many") == 0);
	for (int i = 0; i < MANY; i++) {
		snprintf(name, sizeof(name), "%d", i);
		made += mknod(name, S_IFREG | 0600, 0) == 0;
	}
	CHECK(made == MANY);
	int fd = open(".", O_RDONLY);
	memset(seen, 0, sizeof(seen));
	while ((n = list(fd, 3000)) > 0)
		for (long at = 0; at < n; at += ((struct entry64 *)(void *)(buffer + at))->length) {
			const char *text = ((struct entry64 *)(void *)(buffer + at))->name;
			if (text[0] == '.')
				continue;
			total++;
			wrong += seen[atoi(text)]++;
		}
	CHECK_THAT(n == 0 && total == MANY && wrong == 0, "each is listed once");
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && count(fd, sizeof(buffer)) == MANY + 2);
	CHECK(lseek(fd, 0, SEEK_SET) == 0 && count(fd, 512) == MANY + 2);
	for (int i = 0; i < MANY; i += 2) {
		snprintf(name, sizeof(name), "%d", i);
		removed += unlink(name) == 0;
	}
	CHECK(removed == MANY / 2 && lseek(fd, 0, SEEK_SET) == 0 && count(fd, sizeof(buffer)) == MANY / 2 + 2);
	CHECK_THAT(exists("1") && !exists("0") && exists("9999") && !exists("9998"), "the others are there");
	for (int i = 1; i < MANY; i += 2) {
		snprintf(name, sizeof(name), "%d", i);
		removed += unlink(name) == 0;
	}
	CHECK(removed == MANY && lseek(fd, 0, SEEK_SET) == 0 && count(fd, sizeof(buffer)) == 2);
	CHECK(close(fd) == 0 && chdir("..") == 0 && rmdir("many") == 0);
}

static void long_names(void)
{
	char name[300];
	long n;
	theme("long names listed");
	REQUIRE(mkdir("long", 0755) == 0);
	memcpy(name, "long/", 5);
	memset(name + 5, 'n', 255);
	name[260] = 0;
	REQUIRE(make_file(name, "", 0600));
	int fd = open("long", O_RDONLY);
	CHECK_THAT(list(fd, 48) == 48, ". and ..");
	EXPECT(EINVAL, list(fd, 279), "a buffer one byte too small");
	CHECK_THAT((n = list(fd, 280)) == 280 && find(n, name + 5), "one that fits");
	CHECK(list(fd, 280) == 0 && lseek(fd, 0, SEEK_SET) == 0);
	CHECK_THAT(list(fd, 300) == 48 && list(fd, 300) == 280, "what does not fit comes next time");
	char *end = map_pages(2, PROT_READ | PROT_WRITE) + PAGE;
	munmap(end, (size_t)PAGE);
	CHECK(lseek(fd, 0, SEEK_SET) == 0);
	int error = FAILS(n = syscall(SYS_getdents64, fd, end - 48, 4096));
	CHECK_THAT(error == EFAULT || n == 48, "a buffer that runs into a hole");
	CHECK(close(fd) == 0);
}

int main(void)
{
	limit_seconds(80);
	enter_scratch();
	errors();
	changes();
	many();
	long_names();
	return finish();
}
